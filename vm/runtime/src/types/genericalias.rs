//! `types.GenericAlias`: `list[int]` (PEP 585), and the substitution of type parameters that unions share.

use crate::types::exceptions::{AttributeError, TypeError};
use crate::types::list::List;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// A generic type together with its arguments, as in list[int].
#[pyclass(name = "GenericAlias", module = "types", flags(BASETYPE), managed, text_signature = "(origin, args, /)")]
#[repr(C)]
pub struct GenericAlias {
    pub origin: Value,
    pub args: Py<Tuple>,
    parameters: GilCell<Option<Py<Tuple>>>,
    /// Written with a star in front: `*tuple[int]`.
    starred: bool,
}

/// `origin[item]`.
pub fn new_alias(vm: &mut Vm, origin: Value, item: Value) -> PyResult {
    let args = as_tuple(vm, item)?;
    Ok(vm.new_object(GenericAlias { origin, args, parameters: GilCell::new(None), starred: false })?.into_value())
}

/// A tuple, or a tuple of one.
fn as_tuple(vm: &mut Vm, item: Value) -> PyResult<Py<Tuple>> {
    match item.into_py::<Tuple>() {
        Ok(tuple) => Ok(tuple),
        Err(item) => vm.new_tuple(vec![item]),
    }
}

/// How a type is shown inside an alias or a union.
pub fn type_repr(vm: &mut Vm, item: &Value, out: &mut Vec<u32>) -> PyResult<()> {
    let mut push = |text: &str| out.extend(text.chars().map(u32::from));
    if item.is_ellipsis() {
        push("...");
        return Ok(());
    }
    if item.downcast::<PyType>().is_some_and(|t| t.is(crate::types::singletons::NoneType::type_object(vm))) {
        push("None");
        return Ok(());
    }
    let is_alias = vm.getattr_opt(item, n!(__origin__))?.is_some() && {
        let args = vm.intern("__args__");
        vm.getattr_opt(item, &args)?.is_some()
    };
    if !is_alias {
        let qualname = vm.getattr_opt(item, n!(__qualname__))?;
        let module = match qualname {
            Some(_) => vm.getattr_opt(item, n!(__module__))?.filter(|m| !m.is_none()),
            None => None,
        };
        if let (Some(qualname), Some(module)) = (qualname, module) {
            let (module, qualname) = (vm.str(&module)?, vm.str(&qualname)?);
            if !module.eq_str("builtins") {
                out.extend(module.chars());
                out.push(u32::from('.'));
            }
            out.extend(qualname.chars());
            return Ok(());
        }
    }
    let repr = vm.repr(item)?;
    out.extend(repr.chars());
    Ok(())
}

fn items_repr(vm: &mut Vm, items: &[Value], out: &mut Vec<u32>) -> PyResult<()> {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.extend([u32::from(','), u32::from(' ')]);
        }
        match item.downcast_exact::<List>() {
            Some(list) => {
                vm.check_stack(" while getting the repr of an object")?;
                out.push(u32::from('['));
                for i in 0..list.items(vm).len() {
                    // An item's repr may shorten the list.
                    let Some(inner) = list.items(vm).get(i).cloned() else { return Err(vm.index_error("list index out of range")) };
                    if i > 0 {
                        out.extend([u32::from(','), u32::from(' ')]);
                    }
                    items_repr(vm, &[inner], out)?;
                }
                out.push(u32::from(']'));
            }
            None => type_repr(vm, item, out)?,
        }
    }
    Ok(())
}

/// The type parameters in `args`, each once, in order.
pub fn make_parameters(vm: &mut Vm, args: &[Value]) -> PyResult<Vec<Value>> {
    vm.check_stack(" in __parameter__ calculation")?;
    let mut found: Vec<Value> = Vec::new();
    fn add(found: &mut Vec<Value>, item: Value) {
        if !found.iter().any(|f| f.is_same(&item)) {
            found.push(item);
        }
    }
    for arg in args {
        if arg.is::<PyType>() {
            continue;
        }
        if let Some(items) = sequence(vm, arg) {
            for p in make_parameters(vm, &items)? {
                add(&mut found, p);
            }
            continue;
        }
        if vm.getattr_opt(arg, n!(__typing_subst__))?.is_some() {
            add(&mut found, arg.clone());
            continue;
        }
        let inner = vm.getattr_opt(arg, n!(__parameters__))?;
        if let Some(inner) = inner.as_ref().and_then(|i| i.downcast::<Tuple>()) {
            for p in inner.items() {
                add(&mut found, p.clone());
            }
        }
    }
    Ok(found)
}

/// The items of a list or tuple among the arguments.
fn sequence(vm: &Vm, arg: &Value) -> Option<Vec<Value>> {
    if let Some(list) = arg.downcast_exact::<List>() {
        return Some(list.items(vm).to_vec());
    }
    arg.downcast_exact::<Tuple>().map(|t| t.items().to_vec())
}

/// Arguments with `*tuple[...]` of fixed length unpacked.
fn unpack(vm: &mut Vm, items: Vec<Value>) -> PyResult<Vec<Value>> {
    let mut out = Vec::with_capacity(items.len());
    for item in items {
        if !item.is::<PyType>() {
            let inner = vm.getattr_opt(&item, n!(__typing_unpacked_tuple_args__))?;
            if let Some(tuple) = inner.as_ref().and_then(|i| i.downcast::<Tuple>())
                && !tuple.items().last().is_some_and(Value::is_ellipsis) {
                    out.extend_from_slice(tuple.items());
                    continue;
                }
        }
        out.push(item);
    }
    Ok(out)
}

/// `alias[item]`: the arguments with the parameters replaced.
pub fn substitute(vm: &mut Vm, zelf: &Value, args: &[Value], parameters: &[Value], item: &Value) -> PyResult<Vec<Value>> {
    if parameters.is_empty() {
        let shown = vm.repr(zelf)?.to_string_lossy().into_owned();
        return Err(vm.type_error(format!("{shown} is not a generic class")));
    }
    let items = as_tuple(vm, item.clone())?.items().to_vec();
    let items = unpack(vm, items)?;
    let mut item = vm.new_tuple(items)?.into_value();
    let prepare = vm.intern("__typing_prepare_subst__");
    for parameter in parameters {
        if let Some(method) = vm.getattr_opt(parameter, &prepare)?.filter(|m| !m.is_none()) {
            let prepared = match item.is::<Tuple>() {
                true => item.clone(),
                false => vm.new_tuple(vec![item.clone()])?.into_value(),
            };
            item = vm.call(&method, &[zelf.clone(), prepared])?;
        }
    }
    let items = as_tuple(vm, item)?;
    let (given, wanted) = (items.len(), parameters.len());
    if given != wanted {
        let shown = vm.repr(zelf)?.to_string_lossy().into_owned();
        let much = if given > wanted { "many" } else { "few" };
        return Err(vm.type_error(format!("Too {much} arguments for {shown}; actual {given}, expected {wanted}")));
    }
    replace_all(vm, args, parameters, items.items())
}

fn replace_all(vm: &mut Vm, args: &[Value], parameters: &[Value], items: &[Value]) -> PyResult<Vec<Value>> {
    vm.check_stack("")?;
    let unpacked = vm.intern("__typing_is_unpacked_typevartuple__");
    let mut out = Vec::with_capacity(args.len());
    for arg in args {
        if arg.is::<PyType>() {
            out.push(arg.clone());
            continue;
        }
        if let Some(inner) = sequence(vm, arg) {
            let replaced = replace_all(vm, &inner, parameters, items)?;
            out.push(if arg.is::<List>() { vm.new_list(replaced)?.into_value() } else { vm.new_tuple(replaced)?.into_value() });
            continue;
        }
        let is_unpacked = match vm.getattr_opt(arg, &unpacked)? {
            Some(flag) => vm.is_true(&flag)?,
            None => false,
        };
        let new = match vm.getattr_opt(arg, n!(__typing_subst__))? {
            Some(subst) => {
                let at = parameters.iter().position(|p| p.is_same(arg));
                let Some(value) = at.and_then(|i| items.get(i)) else {
                    // It became a parameter after the parameters had been collected.
                    let repr = vm.repr(arg)?.to_string_lossy().into_owned();
                    return Err(vm.type_error(format!("argument {repr} with __typing_subst__ was not found in __parameters__")));
                };
                vm.call(&subst, std::slice::from_ref(value))?
            }
            None => replace_inside(vm, arg, parameters, items)?,
        };
        if !is_unpacked {
            out.push(new);
            continue;
        }
        match new.downcast::<Tuple>() {
            Some(tuple) => out.extend_from_slice(tuple.items()),
            None => {
                let got = arg.type_name();
                return Err(vm.type_error(format!("expected __typing_subst__ of {got} objects to return a tuple, not {}", new.type_name())));
            }
        }
    }
    Ok(out)
}

/// Replaces parameters inside an argument that is itself generic.
fn replace_inside(vm: &mut Vm, object: &Value, parameters: &[Value], items: &[Value]) -> PyResult {
    let inner = vm.getattr_opt(object, n!(__parameters__))?;
    let Some(inner) = inner.as_ref().and_then(|i| i.downcast::<Tuple>()).filter(|t| !t.is_empty()) else { return Ok(object.clone()) };
    let mut args = Vec::with_capacity(inner.len());
    for parameter in inner.items() {
        let value = parameters.iter().position(|p| p.is_same(parameter)).and_then(|i| items.get(i));
        match value {
            Some(value) if parameter.type_ref().slots.iter.get().is_some() && value.is::<Tuple>() => {
                args.extend(value.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default());
            }
            Some(value) => args.push(value.clone()),
            None => args.push(parameter.clone()),
        }
    }
    let args = vm.new_tuple(args)?.into_value();
    vm.getitem(object, &args)
}

/// Attributes of the alias itself; all others are the origin's.
const OWN: &[&str] = &[
    "__class__", "__origin__", "__args__", "__unpacked__", "__parameters__", "__typing_unpacked_tuple_args__", "__mro_entries__",
    "__reduce_ex__", "__reduce__", "__bases__", "__copy__", "__deepcopy__",
];

impl GenericAlias {
    fn parameters_tuple(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if let Some(known) = self.parameters.load(vm) {
            return Ok(known);
        }
        let parameters = make_parameters(vm, self.args.items())?;
        let tuple = vm.new_tuple(parameters)?;
        let old = self.parameters.replace(vm, Some(tuple.clone()));
        drop(old);
        Ok(tuple)
    }

    fn not_a_class(vm: &mut Vm, function: &str) -> PyResult {
        Err(vm.type_error(format!("{function}() argument 2 cannot be a parameterized generic")))
    }
}

#[pymethods]
impl GenericAlias {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<GenericAlias>> {
        let [origin, item] = args.unpack(vm, "GenericAlias", 2, 2)? else { return Err(vm.system_error("two arguments")) };
        let args = as_tuple(vm, item.clone())?;
        vm.new_instance(cls, GenericAlias { origin: origin.clone(), args, parameters: GilCell::new(None), starred: false })
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut out = Vec::new();
        if self.starred {
            out.push(u32::from('*'));
        }
        type_repr(vm, &self.origin, &mut out)?;
        out.push(u32::from('['));
        if self.args.is_empty() {
            out.extend([u32::from('('), u32::from(')')]);
        }
        items_repr(vm, self.args.items(), &mut out)?;
        out.push(u32::from(']'));
        vm.new_str_ucs4(&out)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let hash = vm.hash(&self.origin)? ^ vm.hash(self.args.as_value())?;
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let (Some(other), CompareOp::Eq | CompareOp::Ne) = (other.downcast::<GenericAlias>(), op) else { return Ok(Value::not_implemented()) };
        let equal = self.starred == other.starred && vm.eq(&self.origin, &other.origin)? && vm.eq(self.args.as_value(), other.args.as_value())?;
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }

    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<GenericAlias>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        let own = name.as_ascii().is_some_and(|n| OWN.contains(&n));
        if own { vm.generic_getattr(zelf.as_value(), name) } else { vm.getattr(&zelf.origin, name) }
    }

    #[slot(call)]
    fn slot_call(zelf: &Py<GenericAlias>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let object = vm.call_args(&zelf.origin, args)?;
        match vm.setattr(&object, n!(__orig_class__), zelf.as_value()) {
            Err(e) if !vm.is_raised::<AttributeError>(&e) && !vm.is_raised::<TypeError>(&e) => Err(e),
            _ => Ok(object),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<GenericAlias>, item: &Value, vm: &mut Vm) -> PyResult {
        let parameters = zelf.parameters_tuple(vm)?;
        let args = substitute(vm, zelf.as_value(), zelf.args.items(), parameters.items(), item)?;
        let args = vm.new_tuple(args)?;
        Ok(vm.new_object(GenericAlias { origin: zelf.origin.clone(), args, parameters: GilCell::new(None), starred: zelf.starred })?.into_value())
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<GenericAlias>, vm: &mut Vm) -> PyResult {
        let alias = GenericAlias { origin: zelf.origin.clone(), args: zelf.args.clone(), parameters: GilCell::new(None), starred: true };
        let starred = vm.new_object(alias)?.into_value();
        Ok(vm.new_object(GenericAliasIter { item: GilCell::new(Some(starred)), done: Cell::new(false) })?.into_value())
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        crate::types::union::or(vm, a, b)
    }

    #[getter(member)]
    fn __origin__(&self) -> Value {
        self.origin.clone()
    }

    #[setter]
    fn set___origin__(&self, _value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }

    #[getter(member)]
    fn __args__(&self) -> Py<Tuple> {
        self.args.clone()
    }

    #[setter]
    fn set___args__(&self, _value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }

    #[getter]
    fn __parameters__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        self.parameters_tuple(vm)
    }

    #[getter(member)]
    fn __unpacked__(&self) -> bool {
        self.starred
    }

    #[getter]
    fn __typing_unpacked_tuple_args__(&self, vm: &mut Vm) -> Option<Py<Tuple>> {
        let is_tuple = self.origin.downcast::<PyType>().is_some_and(|t| t.is(Tuple::type_object(vm)));
        (self.starred && is_tuple).then(|| self.args.clone())
    }

    /// The classes that take the alias's place among the bases of a class.
    #[method(text = "(object, /)")]
    fn __mro_entries__(&self, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple(vec![self.origin.clone()])
    }

    /// Raises TypeError: instances cannot be told by their arguments.
    #[method]
    fn __instancecheck__(&self, _instance: &Value, vm: &mut Vm) -> PyResult {
        GenericAlias::not_a_class(vm, "isinstance")
    }

    /// Raises TypeError: classes cannot be told by their arguments.
    #[method]
    fn __subclasscheck__(&self, _class: &Value, vm: &mut Vm) -> PyResult {
        GenericAlias::not_a_class(vm, "issubclass")
    }

    /// For pickling.
    #[method]
    fn __reduce__(zelf: &Py<GenericAlias>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let class = zelf.as_value().ty().to_value();
        let args = vm.new_tuple(vec![zelf.origin.clone(), zelf.args.to_value()])?.into_value();
        if !zelf.starred {
            return vm.new_tuple(vec![class, args]);
        }
        // next(iter(alias))
        let plain = vm.call(&class, &[zelf.origin.clone(), zelf.args.to_value()])?;
        let iterator = vm.iter(&plain)?;
        let next = crate::types::native::builtin(vm, "next")?;
        let args = vm.new_tuple(vec![iterator])?.into_value();
        vm.new_tuple(vec![next, args])
    }

    /// The names of the origin's attributes and the alias's own.
    #[method]
    fn __dir__(zelf: &Py<GenericAlias>, vm: &mut Vm) -> PyResult<Py<List>> {
        let dir = crate::types::native::builtin(vm, "dir")?;
        let names = vm.call(&dir, std::slice::from_ref(&zelf.origin))?;
        let mut names = vm.collect(&names)?;
        for own in OWN {
            let name = vm.intern(own).into_value();
            if zelf.as_value().type_ref().lookup(vm, &vm_str(&name)).is_some() && !names.iter().any(|n| n.is_same(&name)) {
                names.push(name);
            }
        }
        vm.new_list(names)
    }
}

/// A name as the string that it is.
fn vm_str(name: &Value) -> Py<Str> {
    match name.downcast::<Str>() {
        Some(s) => s.clone(),
        None => n!(empty).clone(),
    }
}

/// Yields a starred alias once.
#[pyclass(name = "generic_alias_iterator", gc)]
pub struct GenericAliasIter {
    item: GilCell<Option<Value>>,
    done: Cell<bool>,
}

#[pymethods]
impl GenericAliasIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<GenericAliasIter>) -> Py<GenericAliasIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.done.set(true);
        Ok(self.item.replace(vm, None))
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let iter = crate::types::native::builtin(vm, "iter")?;
        let inner = match self.item.load(vm) {
            Some(item) => match item.downcast::<GenericAlias>() {
                Some(a) => {
                    let (origin, args) = (a.origin.clone(), a.args.to_value());
                    new_alias(vm, origin, args)?
                }
                None => item,
            },
            None => vm.new_tuple(Vec::new())?.into_value(),
        };
        let args = vm.new_tuple(vec![inner])?.into_value();
        vm.new_tuple(vec![iter, args])
    }
}
