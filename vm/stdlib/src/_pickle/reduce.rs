//! Pickling what has no opcode of its own: through reducers, or by name.

use super::save::{Pickling, note_of};
use super::{is_callable, op, pickling_error, repr_text};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{AttributeError, ImportError, KeyError, UnicodeEncodeError, ValueError, catch};
use krait_runtime::types::pyfunction::Function;
use krait_runtime::types::singletons::{EllipsisType, NoneType, NotImplementedType};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyClass, PyResult, Raised, Value, Vm, n};

/// The parts of what `__reduce__` gave.
struct Reduced {
    callable: Value,
    args: Py<Tuple>,
    state: Option<Value>,
    items: Option<Value>,
    pairs: Option<Value>,
    setter: Option<Value>,
}

impl Reduced {
    fn new(vm: &mut Vm, reduced: &Py<Tuple>) -> PyResult<Reduced> {
        let parts = reduced.items();
        if !(2..=6).contains(&parts.len()) {
            return Err(pickling_error(vm, "tuple returned by __reduce__ must contain 2 through 6 elements"));
        }
        let part = |i: usize| parts.get(i).filter(|p: &&Value| !p.is_none()).cloned();
        let callable = parts[0].clone();
        if !is_callable(&callable) {
            return Err(wrong(vm, "first item of the tuple returned by __reduce__ must be callable", &callable));
        }
        let Some(args) = parts[1].downcast::<Tuple>() else {
            return Err(wrong(vm, "second item of the tuple returned by __reduce__ must be a tuple", &parts[1]));
        };
        let made = Reduced { callable, args: args.clone(), state: part(2), items: part(3), pairs: part(4), setter: part(5) };
        if let Some(items) = made.items.as_ref().filter(|i| i.ty().slots.iternext.get().is_none()) {
            return Err(wrong(vm, "fourth item of the tuple returned by __reduce__ must be an iterator", items));
        }
        if let Some(pairs) = made.pairs.as_ref().filter(|i| i.ty().slots.iternext.get().is_none()) {
            return Err(wrong(vm, "fifth item of the tuple returned by __reduce__ must be an iterator", pairs));
        }
        if let Some(setter) = made.setter.as_ref().filter(|s| !is_callable(s)) {
            return Err(wrong(vm, "sixth item of the tuple returned by __reduce__ must be callable", setter));
        }
        Ok(made)
    }
}

#[cold]
fn wrong(vm: &mut Vm, message: &str, got: &Value) -> Raised {
    let name = super::full_type_name(vm, got);
    pickling_error(vm, format!("{message}, not {name}"))
}

impl Pickling {
    /// Saves an object that belongs to `of`; an exception gets the note that it is the `part` of it.
    fn save_part(&mut self, vm: &mut Vm, part: &Value, of: Option<&Value>, name: &str) -> PyResult<()> {
        match (self.save(vm, part, true), of) {
            (Err(e), Some(of)) => Err(note_of(vm, e, of, name)),
            (Err(e), None) => Err(note_of(vm, e, &Value::none(), name)),
            (Ok(()), _) => Ok(()),
        }
    }

    /// Objects without opcodes.
    pub fn save_other(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        if let Some(function) = self.reducer_override.clone() {
            let reduced = vm.call(&function, std::slice::from_ref(object))?;
            if !reduced.is_not_implemented() {
                return self.save_reduced(vm, object, &reduced);
            }
        }
        if object.is_exact::<PyType>() {
            return self.save_type(vm, object);
        }
        if object.is_exact::<Function>() {
            return self.save_global(vm, object, None);
        }
        let ty = object.ty().to_value();
        let reducer = match self.dispatch_table.clone() {
            None => self.modules.dispatch_table.clone().get(vm, &ty)?,
            Some(table) => lookup(vm, &table, &ty)?,
        };
        let reduced = if let Some(reducer) = reducer {
            vm.call(&reducer, std::slice::from_ref(object))?
        } else if object.is::<PyType>() {
            return self.save_global(vm, object, None);
        } else if let Some(method) = vm.getattr_opt(object, n!(__reduce_ex__))? {
            vm.call(&method, &[Value::from_i32(i32::from(self.proto))])?
        } else if let Some(method) = vm.getattr_opt(object, n!(__reduce__))? {
            vm.call(&method, &[])?
        } else {
            let name = super::full_type_name(vm, object);
            return Err(pickling_error(vm, format!("Can't pickle {name} object")));
        };
        self.save_reduced(vm, object, &reduced)
    }

    fn save_reduced(&mut self, vm: &mut Vm, object: &Value, reduced: &Value) -> PyResult<()> {
        if let Some(name) = reduced.downcast::<Str>() {
            return self.save_global(vm, object, Some(name));
        }
        let result = match reduced.downcast::<Tuple>() {
            Some(tuple) => self.save_reduce(vm, tuple, Some(object)),
            None => Err(wrong(vm, "__reduce__ must return a string or tuple", reduced)),
        };
        result.map_err(|e| note_of(vm, e, object, "object"))
    }

    fn save_type(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        let singleton = if object.is_same(NoneType::type_object(vm).as_value()) {
            Value::none()
        } else if object.is_same(EllipsisType::type_object(vm).as_value()) {
            Value::ellipsis()
        } else if object.is_same(NotImplementedType::type_object(vm).as_value()) {
            Value::not_implemented()
        } else {
            return self.save_global(vm, object, None);
        };
        let args = vm.new_tuple_from(&[singleton])?.into_value();
        let reduced = vm.new_tuple_from(&[PyType::type_object(vm).to_value(), args])?;
        self.save_reduce(vm, &reduced, Some(object))
    }

    /// What `__reduce__` gave for `object`.
    pub fn save_reduce(&mut self, vm: &mut Vm, reduced: &Py<Tuple>, object: Option<&Value>) -> PyResult<()> {
        let parts = Reduced::new(vm, reduced)?;
        let name = if self.proto >= 2 { vm.getattr_opt(&parts.callable, n!(__name__))? } else { None };
        let name = name.as_ref().and_then(|n| n.downcast::<Str>());
        if name.is_some_and(|n| n.eq_str("__newobj_ex__")) {
            self.save_newobj_ex(vm, &parts.args, object)?;
        } else if name.is_some_and(|n| n.eq_str("__newobj__")) {
            self.save_newobj(vm, &parts.args, object)?;
        } else {
            self.save_part(vm, &parts.callable, object, "reconstructor")?;
            self.save_part(vm, parts.args.as_value(), object, "reconstructor arguments")?;
            self.put_op(op::REDUCE);
        }
        if let Some(object) = object {
            // An object that has saved itself meanwhile is recursive: what has been pushed goes away again.
            if let Some(number) = self.memo.get(object) {
                self.put_op(op::POP);
                return self.put_get(vm, number);
            }
            self.memoize(vm, object)?;
        }
        let of = object.cloned().unwrap_or_else(Value::none);
        if let Some(items) = &parts.items {
            self.batch_list(vm, items, &of)?;
        }
        if let Some(pairs) = &parts.pairs {
            self.batch_dict(vm, pairs, &of)?;
        }
        if let Some(state) = &parts.state {
            self.save_state(vm, state, parts.setter.as_ref(), object)?;
        }
        Ok(())
    }

    fn save_state(&mut self, vm: &mut Vm, state: &Value, setter: Option<&Value>, object: Option<&Value>) -> PyResult<()> {
        let (Some(setter), Some(of)) = (setter, object) else {
            self.save_part(vm, state, object, "state")?;
            self.put_op(op::BUILD);
            return Ok(());
        };
        // The setter's result is of no use.
        self.save_part(vm, setter, object, "state setter")?;
        self.save(vm, of, true)?;
        self.save_part(vm, state, object, "state")?;
        self.put(&[op::TUPLE2, op::REDUCE, op::POP]);
        Ok(())
    }

    fn check_class(vm: &mut Vm, function: &str, cls: &Value, object: Option<&Value>) -> PyResult<()> {
        if cls.downcast::<PyType>().is_none() {
            return Err(wrong(vm, &format!("first argument to {function}() must be a class"), cls));
        }
        let Some(object) = object else { return Ok(()) };
        let class = match vm.getattr_opt(object, n!(__class__))? {
            Some(class) => class,
            None => object.ty().to_value(),
        };
        if !class.is_same(cls) {
            let (want, got) = (repr_text(vm, &class)?, repr_text(vm, cls)?);
            return Err(pickling_error(vm, format!("first argument to {function}() must be {want}, not {got}")));
        }
        Ok(())
    }

    fn save_newobj(&mut self, vm: &mut Vm, args: &Py<Tuple>, object: Option<&Value>) -> PyResult<()> {
        let Some((cls, rest)) = args.items().split_first() else {
            return Err(pickling_error(vm, "__newobj__ expected at least 1 argument, got 0"));
        };
        Self::check_class(vm, "__newobj__", cls, object)?;
        self.save_part(vm, cls, object, "class")?;
        let rest = vm.new_tuple_from(rest)?;
        self.save_part(vm, rest.as_value(), object, "__new__ arguments")?;
        self.put_op(op::NEWOBJ);
        Ok(())
    }

    fn save_newobj_ex(&mut self, vm: &mut Vm, args: &Py<Tuple>, object: Option<&Value>) -> PyResult<()> {
        let [cls, positional, keywords] = args.items() else {
            let got = args.len();
            return Err(pickling_error(vm, format!("__newobj_ex__ expected 3 arguments, got {got}")));
        };
        if cls.downcast::<PyType>().is_none() {
            return Err(wrong(vm, "first argument to __newobj_ex__() must be a class", cls));
        }
        let Some(positional) = positional.downcast::<Tuple>() else {
            return Err(wrong(vm, "second argument to __newobj_ex__() must be a tuple", positional));
        };
        let Some(keywords) = keywords.downcast::<Dict>() else {
            return Err(wrong(vm, "third argument to __newobj_ex__() must be a dict", keywords));
        };
        if self.proto >= 4 {
            self.save_part(vm, cls, object, "class")?;
            self.save_part(vm, positional.as_value(), object, "__new__ arguments")?;
            self.save_part(vm, keywords.as_value(), object, "__new__ arguments")?;
            self.put_op(op::NEWOBJ_EX);
            return Ok(());
        }
        let mut values = vec![vm.getattr(cls, n!(__new__))?, cls.clone()];
        values.extend_from_slice(positional.items());
        let values = vm.new_tuple(values)?;
        let partial = self.modules.partial.clone();
        let callable = vm.call_tuple_dict(&partial, &values, Some(keywords))?;
        self.save_part(vm, &callable, object, "reconstructor")?;
        let empty = vm.new_tuple_from(&[])?;
        self.save(vm, empty.as_value(), true)?;
        self.put_op(op::REDUCE);
        Ok(())
    }

    /// An object that is found by name in a module.
    pub fn save_global(&mut self, vm: &mut Vm, object: &Value, name: Option<&Py<Str>>) -> PyResult<()> {
        let name = match name {
            Some(name) => name.to_value(),
            None => match vm.getattr_opt(object, n!(__qualname__))? {
                Some(name) => name,
                None => vm.getattr(object, n!(__name__))?,
            },
        };
        let Some(global) = name.downcast::<Str>() else {
            let got = name.type_name();
            return Err(vm.type_error(format!("must be str, not {got}")));
        };
        let path = split_path(vm, global)?;
        let module = self.which_module(vm, object, global, &path)?;
        if self.proto >= 2 && self.save_extension(vm, &module, &name)? {
            return Ok(());
        }
        if self.proto >= 4 {
            self.save(vm, &module, true)?;
            self.save(vm, &name, true)?;
            self.put_op(op::STACK_GLOBAL);
        } else if let [first, rest @ ..] = path.as_slice() {
            self.save_path(vm, &module, first, rest)?;
        }
        self.memoize(vm, object)
    }

    /// Before protocol 4 nested names are chains of `getattr`.
    fn save_path(&mut self, vm: &mut Vm, module: &Value, first: &Py<Str>, rest: &[Py<Str>]) -> PyResult<()> {
        let getattr = if rest.is_empty() { Value::none() } else { krait_runtime::types::native::builtin(vm, "getattr")? };
        for _ in rest {
            self.save(vm, &getattr, true)?;
            if self.proto < 2 {
                self.put_op(op::MARK);
            }
        }
        self.save_toplevel(vm, module, first)?;
        for name in rest {
            self.save(vm, name.as_value(), true)?;
            self.put(&[if self.proto < 2 { op::TUPLE } else { op::TUPLE2 }, op::REDUCE]);
        }
        Ok(())
    }

    fn save_toplevel(&mut self, vm: &mut Vm, module: &Value, name: &Py<Str>) -> PyResult<()> {
        let (mut module, mut name) = (module.clone(), name.to_value());
        if self.fix_imports {
            (module, name) = self.python2_name(vm, module, name)?;
        }
        self.put_op(op::GLOBAL);
        for (what, value) in [("module", &module), ("global", &name)] {
            let Some(text) = value.downcast::<Str>() else {
                let got = value.type_name();
                return Err(vm.type_error(format!("must be str, not {got}")));
            };
            let encoding = if self.proto >= 3 { "utf-8" } else { "ascii" };
            let encoded = vm.encode_to_bytes(text, encoding, "strict");
            let encoded = match encoded {
                Ok(encoded) => encoded,
                Err(e) if vm.is_raised::<UnicodeEncodeError>(&e) => {
                    let (shown, proto) = (repr_text(vm, value)?, self.proto);
                    let raised = pickling_error(vm, format!("can't pickle {what} identifier {shown} using pickle protocol {proto}"));
                    return Err(during(vm, raised, e));
                }
                Err(e) => return Err(e),
            };
            let encoded = vm.bytes_of(&encoded)?;
            self.put(&encoded);
            self.put(b"\n");
        }
        Ok(())
    }

    fn python2_name(&mut self, vm: &mut Vm, module: Value, name: Value) -> PyResult<(Value, Value)> {
        let key = vm.new_tuple_from(&[module.clone(), name.clone()])?.into_value();
        if let Some(item) = self.modules.reverse_name_mapping.clone().get(vm, &key)? {
            return match item.downcast::<Tuple>().map(|t| t.items()) {
                Some([m, n]) if m.is::<Str>() && n.is::<Str>() => Ok((m.clone(), n.clone())),
                Some([m, n]) => {
                    let (m, n) = (m.type_name(), n.type_name());
                    Err(vm.runtime_error(format!("_compat_pickle.REVERSE_NAME_MAPPING values should be pairs of str, not ({m}, {n})")))
                }
                _ => {
                    let got = item.type_name();
                    Err(vm.runtime_error(format!("_compat_pickle.REVERSE_NAME_MAPPING values should be 2-tuples, not {got}")))
                }
            };
        }
        match self.modules.reverse_import_mapping.clone().get(vm, &module)? {
            Some(renamed) if renamed.is::<Str>() => Ok((renamed, name)),
            Some(other) => {
                let got = other.type_name();
                Err(vm.runtime_error(format!("_compat_pickle.REVERSE_IMPORT_MAPPING values should be strings, not {got}")))
            }
            None => Ok((module, name)),
        }
    }

    /// An entry of the extension registry; false if there is none.
    fn save_extension(&mut self, vm: &mut Vm, module: &Value, name: &Value) -> PyResult<bool> {
        if self.modules.extension_registry.is_empty(vm) {
            return Ok(false);
        }
        let key = vm.new_tuple_from(&[module.clone(), name.clone()])?.into_value();
        let Some(code) = self.modules.extension_registry.clone().get(vm, &key)? else { return Ok(false) };
        let code = super::as_long(vm, &code)?;
        let Some(code) = i32::try_from(code).ok().filter(|&c| c > 0) else {
            return Err(vm.runtime_error(format!("extension code {code} is out of range")));
        };
        let b = code.to_le_bytes();
        match code {
            1..=0xff => self.put(&[op::EXT1, b[0]]),
            0x100..=0xffff => self.put(&[op::EXT2, b[0], b[1]]),
            _ => self.put(&[op::EXT4, b[0], b[1], b[2], b[3]]),
        }
        Ok(true)
    }

    /// The module in which `object` is found under the dotted name; PicklingError if there is none.
    fn which_module(&mut self, vm: &mut Vm, object: &Value, global: &Py<Str>, path: &[Py<Str>]) -> PyResult {
        let module_name = vm.getattr_opt(object, n!(__module__))?;
        if path.iter().any(|p| p.eq_str("<locals>")) {
            let shown = repr_text(vm, object)?;
            return Err(pickling_error(vm, format!("Can't pickle local object {shown}")));
        }
        let module_name = match module_name.filter(|m| !m.is_none()) {
            Some(name) => name,
            None => search_modules(vm, object, path)?,
        };
        let module = match import(vm, &module_name) {
            Ok(module) => module,
            Err(e) if vm.is_raised::<ImportError>(&e) || vm.is_raised::<ValueError>(&e) || vm.is_raised::<KeyError>(&e) => {
                let why = vm.str(e.exception().as_value())?.to_string_lossy().into_owned();
                let shown = repr_text(vm, object)?;
                let raised = pickling_error(vm, format!("Can't pickle {shown}: {why}"));
                return Err(during(vm, raised, e));
            }
            Err(e) => return Err(e),
        };
        let found = walk(vm, &module, path);
        let problem = match found {
            Ok(found) if found.is_same(object) => return Ok(module_name),
            Ok(_) => ("it's not the same object as", None),
            Err(e) if vm.is_raised::<AttributeError>(&e) => ("it's not found as", Some(e)),
            Err(e) => return Err(e),
        };
        let shown = repr_text(vm, object)?;
        let module_text = vm.str(&module_name)?.to_string_lossy().into_owned();
        let raised = pickling_error(vm, format!("Can't pickle {shown}: {} {module_text}.{}", problem.0, global.to_string_lossy()));
        Err(match problem.1 {
            Some(e) => during(vm, raised, e),
            None => raised,
        })
    }
}

/// `raised` with `handled` as its context.
pub fn during(vm: &mut Vm, raised: Raised, handled: Raised) -> Raised {
    let exception = raised.exception().clone();
    exception.context.replace(vm, Some(handled.exception().to_value()));
    raised
}

/// The module of a name, imported if need be.
pub fn import(vm: &mut Vm, name: &Value) -> PyResult {
    let Some(text) = name.downcast::<Str>() else {
        let got = name.type_name();
        return Err(vm.type_error(format!("module name must be a string, not {got}")));
    };
    let text = vm.intern_object(text);
    vm.import_module_level(&text, None, &Value::none(), 0)?;
    let modules = vm.interp.modules.load(vm);
    match modules.and_then(|m| m.get_str(vm, &text).cloned()) {
        Some(module) => Ok(module),
        None => Err(vm.key_error(name)),
    }
}

/// The parts of a dotted name, interned.
pub fn split_path(vm: &mut Vm, name: &Py<Str>) -> PyResult<Vec<Py<Str>>> {
    let chars: Vec<u32> = name.chars().collect();
    let mut path = Vec::new();
    for part in chars.split(|&c| c == u32::from(b'.')) {
        let part = vm.new_str_ucs4(part)?;
        path.push(vm.intern_object(&part));
    }
    Ok(path)
}

/// The attribute of an attribute ...
pub fn walk(vm: &mut Vm, from: &Value, path: &[Py<Str>]) -> PyResult {
    let mut at = from.clone();
    for name in path {
        at = vm.getattr(&at, name)?;
    }
    Ok(at)
}

fn search_modules(vm: &mut Vm, object: &Value, path: &[Py<Str>]) -> PyResult {
    let Some(modules) = vm.interp.modules.load(vm) else {
        return Err(vm.runtime_error("unable to get sys.modules"));
    };
    for (name, module) in modules.to_vec(vm) {
        let main = name.downcast::<Str>().is_some_and(|n| n.eq_str("__main__") || n.eq_str("__mp_main__"));
        if main || module.is_none() {
            continue;
        }
        let found = walk(vm, &module, path);
        if catch::<AttributeError, _>(vm, found)?.is_some_and(|f| f.is_same(object)) {
            return Ok(name);
        }
    }
    Ok(vm.intern("__main__").into_value())
}

/// `table[key]`, none if it raises KeyError.
fn lookup(vm: &mut Vm, table: &Value, key: &Value) -> PyResult<Option<Value>> {
    if let Some(dict) = table.downcast_exact::<Dict>() {
        return dict.get(vm, key);
    }
    let found = vm.getitem(table, key);
    catch::<KeyError, _>(vm, found)
}
