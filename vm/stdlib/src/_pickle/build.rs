//! Unpickling of containers, classes and their instances.

use super::machine::Unpickling;
use super::reduce::{during, import, split_path, walk};
use super::{Unpickler, op, unpickling_error};
use krait_heap::ObjectFlags;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::AttributeError;
use krait_runtime::types::instance;
use krait_runtime::types::list::List;
use krait_runtime::types::native::GetSetDescr;
use krait_runtime::types::set::Set;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, n};

impl Unpickling {
    pub fn container(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let made = match code {
            op::EMPTY_LIST => vm.new_list(Vec::new())?.into_value(),
            op::EMPTY_DICT => vm.new_dict()?.into_value(),
            op::EMPTY_SET => vm.new_set()?.into_value(),
            op::EMPTY_TUPLE => vm.new_tuple_from(&[])?.into_value(),
            op::TUPLE1 => self.load_short_tuple(vm, 1)?,
            op::TUPLE2 => self.load_short_tuple(vm, 2)?,
            op::TUPLE3 => self.load_short_tuple(vm, 3)?,
            op::TUPLE => {
                let items = self.pop_to_mark(vm)?;
                vm.new_tuple(items)?.into_value()
            }
            op::LIST => {
                let items = self.pop_to_mark(vm)?;
                vm.new_list(items)?.into_value()
            }
            op::FROZENSET => {
                let items = self.pop_to_mark(vm)?;
                vm.new_frozenset_of(items)?
            }
            op::DICT => self.load_dict(vm)?,
            op::APPEND => return self.load_append(vm),
            op::APPENDS => {
                let mark = self.marker(vm)?;
                return self.append(vm, mark);
            }
            op::SETITEM => {
                let len = self.stack.len();
                return match len.checked_sub(2) {
                    Some(at) => self.set_items(vm, at),
                    None => Err(self.underflow(vm)),
                };
            }
            op::SETITEMS => {
                let mark = self.marker(vm)?;
                return self.set_items(vm, mark);
            }
            _ => return self.load_additems(vm),
        };
        self.push(made)
    }

    fn load_short_tuple(&mut self, vm: &mut Vm, n: usize) -> PyResult {
        match self.stack.len().checked_sub(n) {
            Some(at) if at >= self.fence => {
                let tuple = vm.new_tuple_from(&self.stack[at..])?;
                self.stack.truncate(at);
                Ok(tuple.into_value())
            }
            _ => Err(self.underflow(vm)),
        }
    }

    fn load_dict(&mut self, vm: &mut Vm) -> PyResult {
        let items = self.pop_to_mark(vm)?;
        if items.len() % 2 != 0 {
            return Err(unpickling_error(vm, "odd number of items for DICT"));
        }
        let dict = vm.new_dict()?;
        for pair in items.chunks_exact(2) {
            dict.set(vm, &pair[0], pair[1].clone())?;
        }
        Ok(dict.into_value())
    }

    fn load_append(&mut self, vm: &mut Vm) -> PyResult<()> {
        let len = self.stack.len();
        if len <= self.fence + 1 {
            return Err(self.underflow(vm));
        }
        if let Some(list) = self.stack[len - 2].downcast_exact::<List>().cloned() {
            if let Some(item) = self.stack.pop() {
                list.push(vm, item)?;
            }
            return Ok(());
        }
        self.append(vm, len - 1)
    }

    /// Appends what stands at `at` and above to what stands below.
    fn append(&mut self, vm: &mut Vm, at: usize) -> PyResult<()> {
        if at > self.stack.len() || at <= self.fence {
            return Err(self.underflow(vm));
        }
        if at == self.stack.len() {
            return Ok(());
        }
        let items = self.stack.split_off(at);
        let target = self.top(vm)?;
        if let Some(list) = target.downcast_exact::<List>() {
            let to = list.items_mut(vm);
            if to.try_reserve(items.len()).is_err() {
                return Err(vm.memory_error());
            }
            to.extend(items);
            return Ok(());
        }
        let extend = vm.intern("extend");
        if let Some(extend) = vm.getattr_opt(&target, &extend)? {
            let items = vm.new_list(items)?.into_value();
            return vm.call(&extend, &[items]).map(drop);
        }
        let append = vm.intern("append");
        let append = vm.getattr(&target, &append)?;
        for item in items {
            vm.call(&append, &[item])?;
        }
        Ok(())
    }

    fn set_items(&mut self, vm: &mut Vm, at: usize) -> PyResult<()> {
        if at > self.stack.len() || at <= self.fence {
            return Err(self.underflow(vm));
        }
        if at == self.stack.len() {
            return Ok(());
        }
        if !(self.stack.len() - at).is_multiple_of(2) {
            return Err(unpickling_error(vm, "odd number of items for SETITEMS"));
        }
        let items = self.stack.split_off(at);
        let target = self.top(vm)?;
        let dict = target.downcast_exact::<Dict>();
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            match dict {
                Some(dict) => dict.set(vm, &key, value)?,
                None => vm.setitem(&target, &key, &value)?,
            }
        }
        Ok(())
    }

    fn load_additems(&mut self, vm: &mut Vm) -> PyResult<()> {
        let mark = self.marker(vm)?;
        if mark <= self.fence {
            return Err(self.underflow(vm));
        }
        let items = self.stack.split_off(mark);
        if items.is_empty() {
            return Ok(());
        }
        let target = self.top(vm)?;
        if target.is::<Set>()
            && let Some(set) = krait_runtime::types::set::any_set(&target) {
                for item in &items {
                    set.add(vm, item)?;
                }
                return Ok(());
            }
        let add = vm.intern("add");
        let add = vm.getattr(&target, &add)?;
        for item in items {
            vm.call(&add, &[item])?;
        }
        Ok(())
    }

    /// A line as text, without its end.
    fn name_line(&mut self, vm: &mut Vm, encoding: &str) -> PyResult<Py<Str>> {
        let line = self.text_line(vm, 2)?;
        let bytes = vm.new_bytes(line.strip_suffix(b"\n").unwrap_or(&line))?.into_value();
        vm.decode_to_str(&bytes, encoding, "strict")
    }

    pub fn load_global(&mut self, vm: &mut Vm) -> PyResult<()> {
        let module = self.name_line(vm, "utf-8")?;
        let name = self.name_line(vm, "utf-8")?;
        let found = self.find_class(vm, module.as_value(), name.as_value())?;
        self.push(found)
    }

    pub fn load_stack_global(&mut self, vm: &mut Vm) -> PyResult<()> {
        let name = self.pop(vm)?;
        let module = self.pop(vm)?;
        if !name.is_exact::<Str>() || !module.is_exact::<Str>() {
            return Err(unpickling_error(vm, "STACK_GLOBAL requires str"));
        }
        let found = self.find_class(vm, &module, &name)?;
        self.push(found)
    }

    /// Asks the unpickler, or looks by itself.
    fn find_class(&mut self, vm: &mut Vm, module: &Value, name: &Value) -> PyResult {
        match self.unpickler.clone() {
            Some(unpickler) if !unpickler.is_exact::<Unpickler>() => {
                if let Some(own) = unpickler.downcast::<Unpickler>() {
                    own.proto.set(self.proto);
                }
                let method = vm.intern("find_class");
                vm.call_method(&unpickler, &method, &[module.clone(), name.clone()])
            }
            _ => find_global(vm, module, name, self.proto, self.fix_imports),
        }
    }

    pub fn load_extension(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let code = match code {
            op::EXT1 => {
                let [code] = self.source.array(vm)?;
                i32::from(code)
            }
            op::EXT2 => i32::from(u16::from_le_bytes(self.source.array(vm)?)),
            _ => i32::from_le_bytes(self.source.array(vm)?),
        };
        if code <= 0 {
            return Err(unpickling_error(vm, "EXT specifies code <= 0"));
        }
        let key = Value::from_i32(code);
        let modules = super::modules(vm)?;
        if let Some(object) = modules.extension_cache.get(vm, &key)? {
            return self.push(object);
        }
        let Some(pair) = modules.inverted_registry.get(vm, &key)? else {
            return Err(vm.value_error(format!("unregistered extension code {code}")));
        };
        let (module, name) = match pair.downcast::<Tuple>().map(|t| t.items()) {
            Some([module, name]) if module.is::<Str>() && name.is::<Str>() => (module.clone(), name.clone()),
            _ => return Err(vm.value_error(format!("_inverted_registry[{code}] isn't a 2-tuple of strings"))),
        };
        let object = self.find_class(vm, &module, &name)?;
        modules.extension_cache.set(vm, &key, object.clone())?;
        self.push(object)
    }

    pub fn load_reduce(&mut self, vm: &mut Vm) -> PyResult<()> {
        let args = self.pop(vm)?;
        let callable = self.pop(vm)?;
        let Some(args) = args.downcast::<Tuple>() else {
            return Err(vm.type_error("argument list must be a tuple"));
        };
        let made = vm.call(&callable, args.items())?;
        self.push(made)
    }

    pub fn load_newobj(&mut self, vm: &mut Vm, keywords: bool) -> PyResult<()> {
        let kwargs = if keywords { Some(self.pop(vm)?) } else { None };
        let args = self.pop(vm)?;
        let class = self.pop(vm)?;
        let code = if keywords { "NEWOBJ_EX" } else { "NEWOBJ" };
        let Some(cls) = class.downcast::<PyType>() else {
            let got = class.type_name();
            return Err(unpickling_error(vm, format!("{code} class argument must be a type, not {got}")));
        };
        let Some(new) = cls.slots.new.get() else {
            let name = class.type_name();
            return Err(unpickling_error(vm, format!("{code} class argument '{name}' doesn't have __new__")));
        };
        let Some(args) = args.downcast::<Tuple>() else {
            let got = args.type_name();
            return Err(unpickling_error(vm, format!("{code} args argument must be a tuple, not {got}")));
        };
        let mut values = args.items().to_vec();
        let mut names = Vec::new();
        if let Some(kwargs) = &kwargs {
            let Some(dict) = kwargs.downcast::<Dict>() else {
                let got = kwargs.type_name();
                return Err(unpickling_error(vm, format!("{code} kwargs argument must be a dict, not {got}")));
            };
            for (name, value) in dict.to_vec(vm) {
                if !name.is::<Str>() {
                    return Err(vm.type_error("keywords must be strings"));
                }
                names.push(name);
                values.push(value);
            }
        }
        let made = new(vm, cls, Args::with_keywords(&values, &names))?;
        self.push(made)
    }

    /// An instance as the opcodes of old protocols make it.
    fn instantiate(vm: &mut Vm, class: &Value, args: Vec<Value>) -> PyResult {
        if args.is_empty() && class.is::<PyType>() {
            let name = vm.intern("__getinitargs__");
            if vm.getattr_opt(class, &name)?.is_none() {
                return vm.call_method(class, n!(__new__), std::slice::from_ref(class));
            }
        }
        vm.call(class, &args)
    }

    pub fn load_obj(&mut self, vm: &mut Vm) -> PyResult<()> {
        let mark = self.marker(vm)?;
        if mark >= self.stack.len() {
            return Err(self.underflow(vm));
        }
        let args = self.stack.split_off(mark + 1);
        let class = self.pop(vm)?;
        let made = Self::instantiate(vm, &class, args)?;
        self.push(made)
    }

    pub fn load_inst(&mut self, vm: &mut Vm) -> PyResult<()> {
        let mark = self.marker(vm)?;
        let module = self.name_line(vm, "ascii")?;
        let name = self.name_line(vm, "ascii")?;
        let class = self.find_class(vm, module.as_value(), name.as_value())?;
        let args = self.stack.split_off(mark.min(self.stack.len()));
        let made = Self::instantiate(vm, &class, args)?;
        self.push(made)
    }

    pub fn load_build(&mut self, vm: &mut Vm) -> PyResult<()> {
        if self.stack.len() < self.fence + 2 {
            return Err(self.underflow(vm));
        }
        let state = self.pop(vm)?;
        let object = self.top(vm)?;
        if let Some(setstate) = vm.getattr_opt(&object, n!(__setstate__))? {
            return vm.call(&setstate, &[state]).map(drop);
        }
        let (state, slots) = match state.downcast::<Tuple>().map(|t| t.items()) {
            Some([state, slots]) => (state.clone(), Some(slots.clone())),
            _ => (state, None),
        };
        if !state.is_none() {
            let Some(dict) = state.downcast::<Dict>() else {
                return Err(unpickling_error(vm, "state is not a dictionary"));
            };
            set_attributes(vm, &object, dict)?;
        }
        if let Some(slots) = slots {
            let Some(slots) = slots.downcast::<Dict>() else {
                return Err(unpickling_error(vm, "slot state is not a dictionary"));
            };
            for (name, value) in slots.to_vec(vm) {
                let Some(name) = name.downcast::<Str>() else {
                    let got = name.type_name();
                    return Err(vm.type_error(format!("attribute name must be string, not '{got}'")));
                };
                let name = vm.intern_object(name);
                vm.setattr(&object, &name, &value)?;
            }
        }
        Ok(())
    }
}

/// Updates the object's `__dict__`; attributes that live in the object itself stay there.
fn set_attributes(vm: &mut Vm, object: &Value, state: &Py<Dict>) -> PyResult<()> {
    let inline = object.header().is_some_and(|h| h.has_flag(ObjectFlags::INLINE_VALUES));
    let plain = inline && object.ty().lookup(vm, n!(__dict__)).is_none_or(|d| d.is::<GetSetDescr>());
    let items = state.to_vec(vm);
    if plain && items.iter().all(|(name, _)| name.is_exact::<Str>()) {
        for (name, value) in items {
            if let Some(name) = name.downcast::<Str>() {
                let name = vm.intern_object(name);
                instance::set(vm, object, &name, value)?;
            }
        }
        return Ok(());
    }
    let dict = vm.getattr(object, n!(__dict__))?;
    for (name, value) in items {
        let name = match name.downcast_exact::<Str>() {
            Some(name) => vm.intern_object(name).into_value(),
            None => name,
        };
        vm.setitem(&dict, &name, &value)?;
    }
    Ok(())
}

/// What a module and a name stand for.
pub fn find_global(vm: &mut Vm, module: &Value, name: &Value, proto: u8, fix_imports: bool) -> PyResult {
    super::unpickler::audit_find_class(vm, module, name)?;
    let (mut module, mut name) = (module.clone(), name.clone());
    if proto < 3 && fix_imports {
        (module, name) = python3_name(vm, module, name)?;
    }
    let found = import(vm, &module)?;
    let Some(global) = name.downcast::<Str>() else {
        let got = name.type_name();
        return Err(vm.type_error(format!("attribute name must be string, not '{got}'")));
    };
    if proto < 4 {
        let global = vm.intern_object(global);
        return vm.getattr(&found, &global);
    }
    let path = split_path(vm, global)?;
    match walk(vm, &found, &path) {
        Err(e) if path.len() > 1 && vm.is_raised::<AttributeError>(&e) => {
            let (path, module) = (super::repr_text(vm, &name)?, super::repr_text(vm, &module)?);
            let raised = vm.attribute_error(format!("Can't resolve path {path} on module {module}"));
            Err(during(vm, raised, e))
        }
        result => result,
    }
}

fn python3_name(vm: &mut Vm, module: Value, name: Value) -> PyResult<(Value, Value)> {
    let tables = super::modules(vm)?;
    let key = vm.new_tuple_from(&[module.clone(), name.clone()])?.into_value();
    if let Some(item) = tables.name_mapping.get(vm, &key)? {
        return match item.downcast::<Tuple>().map(|t| t.items()) {
            Some([m, n]) if m.is::<Str>() && n.is::<Str>() => Ok((m.clone(), n.clone())),
            Some([m, n]) => {
                let (m, n) = (m.type_name(), n.type_name());
                Err(vm.runtime_error(format!("_compat_pickle.NAME_MAPPING values should be pairs of str, not ({m}, {n})")))
            }
            _ => {
                let got = item.type_name();
                Err(vm.runtime_error(format!("_compat_pickle.NAME_MAPPING values should be 2-tuples, not {got}")))
            }
        };
    }
    match tables.import_mapping.get(vm, &module)? {
        Some(renamed) if renamed.is::<Str>() => Ok((renamed, name)),
        Some(other) => {
            let got = other.type_name();
            Err(vm.runtime_error(format!("_compat_pickle.IMPORT_MAPPING values should be strings, not {got}")))
        }
        None => Ok((module, name)),
    }
}

