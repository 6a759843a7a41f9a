//! Making classes and what can be done with them: `type.__new__`, MRO, slots and their table, attributes, layouts.

pub mod attrs;
pub mod build;
pub mod layout;
pub mod mro;
pub mod new;
pub mod slotdefs;
pub mod slotfuncs;
pub mod wrapper;

use crate::args::Args;
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm, pymethods};

/// `ty.__name__` as text.
pub fn name_text(vm: &Vm, ty: &PyType) -> String {
    text_of(ty.name.get(vm).as_ref()).unwrap_or_else(|| ty.tp_name())
}

/// `ty.__qualname__` as text.
pub fn qualname_text(vm: &Vm, ty: &PyType) -> String {
    text_of(ty.qualname.get(vm).as_ref()).unwrap_or_else(|| ty.tp_name())
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value?.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())
}

/// `ty.__module__` if it is a `str`.
pub fn module_text(vm: &Vm, ty: &PyType) -> Option<String> {
    if let Some(dict) = ty.dict.get(vm)
        && let Some(module) = dict.get_str(vm, n!(__module__)) {
            return text_of(Some(module));
        }
    if ty.has_flag(flags::HEAPTYPE) {
        return None;
    }
    let name = ty.tp_name();
    Some(name.rsplit_once('.').map_or("builtins", |(m, _)| m).to_owned())
}

/// The qualified name with the module in front, but for builtins.
pub fn full_name(vm: &Vm, ty: &PyType) -> String {
    let name = qualname_text(vm, ty);
    match module_text(vm, ty) {
        Some(module) if module != "builtins" => format!("{module}.{name}"),
        _ => name,
    }
}

/// [`full_name`], without the module for `__main__` too (the `%T` of messages).
pub fn qualified_name(vm: &Vm, ty: &PyType) -> String {
    match module_text(vm, ty) {
        Some(module) if module == "__main__" => qualname_text(vm, ty),
        _ => full_name(vm, ty),
    }
}

/// `type(...)`: `type(x)`, or `cls.__new__` followed by `__init__` where the object made is of the class.
pub fn call(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    if new::is_type_itself(cls) {
        match args.positional() {
            [object] if !args.has_keywords() => return Ok(object.ty().to_value()),
            [_, _, _] => {}
            _ => return Err(vm.type_error("type() takes 1 or 3 arguments")),
        }
    }
    let Some(new) = cls.slots.new.get() else {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("cannot create '{name}' instances")));
    };
    let object = new(vm, cls, args)?;
    if object.type_ref().is_subtype(vm, cls)
        && let Some(init) = object.type_ref().slots.init.get() {
            init(vm, &object, args)?;
        }
    Ok(object)
}

impl Vm {
    /// Raises AttributeError "type object 'X' has no attribute 'y'".
    #[cold]
    pub fn no_type_attribute(&mut self, ty: &Py<PyType>, name: &Py<Str>) -> Raised {
        let message = format!("type object '{}' has no attribute '{}'", ty.tp_name(), name.to_string_lossy());
        self.attribute_error_for(&message, ty.as_value(), name)
    }
}

/// `type.__getattribute__`, none instead of AttributeError about a missing attribute.
pub fn getattro_opt(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>) -> PyResult<Option<Value>> {
    let meta = ty.as_value().ty();
    let on_meta = meta.lookup(vm, name);
    if let Some(descr) = &on_meta {
        let slots = &descr.type_ref().slots;
        if let (Some(get), true) = (slots.descr_get.get(), slots.descr_set.get().is_some()) {
            let meta = meta.clone();
            return get(vm, descr, Some(ty.as_value()), Some(meta.as_value())).map(Some);
        }
    }
    if let Some(value) = ty.lookup(vm, name) {
        return match value.type_ref().slots.descr_get.get() {
            Some(get) => get(vm, &value, None, Some(ty.as_value())).map(Some),
            None => Ok(Some(value)),
        };
    }
    let Some(descr) = on_meta else { return Ok(None) };
    match descr.type_ref().slots.descr_get.get() {
        Some(get) => {
            let meta = ty.as_value().ty().clone();
            get(vm, &descr, Some(ty.as_value()), Some(meta.as_value())).map(Some)
        }
        None => Ok(Some(descr)),
    }
}

#[pymethods(parts(ATTRS))]
impl PyType {
    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<PyType>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        match getattro_opt(vm, zelf, name)? {
            Some(value) => Ok(value),
            None => Err(vm.no_type_attribute(zelf, name)),
        }
    }

    #[slot(setattro)]
    fn slot_setattro(zelf: &Py<PyType>, name: &Py<Str>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if zelf.has_flag(flags::IMMUTABLETYPE) {
            let (attr, ty) = (name.to_string_lossy().into_owned(), zelf.tp_name());
            return Err(vm.type_error(format!("cannot set '{attr}' attribute of immutable type '{ty}'")));
        }
        set_attribute(vm, zelf, name, value)
    }

    #[slot(call)]
    fn slot_call(zelf: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        call(vm, zelf, args)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<PyType>, vm: &mut Vm) -> String {
        format!("<class '{}'>", full_name(vm, zelf))
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        crate::types::union::or(vm, a, b)
    }

    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        build::type_new(vm, cls, args)
    }

    #[init]
    fn py_init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let n = args.positional().len();
        if args.has_keywords() && n == 1 {
            return Err(vm.type_error("type.__init__() takes no keyword arguments"));
        }
        if n == 1 || n == 3 { Ok(()) } else { Err(vm.type_error("type.__init__() takes 1 or 3 arguments")) }
    }

    /// The class's method resolution order as a list; a metaclass may override it.
    #[method]
    fn mro(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<List>> {
        let items = mro::linearize(vm, zelf)?;
        vm.new_list(items)
    }

    /// The direct subclasses that are alive.
    #[method]
    fn __subclasses__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<List>> {
        let subs = zelf.direct_subclasses(vm).into_iter().map(Py::into_value).collect();
        vm.new_list(subs)
    }

    /// The mapping in which the body of a class is going to run.
    #[classmethod(text = "($cls, name, bases, /, **kwds)")]
    fn __prepare__(_cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        vm.new_dict()
    }

    /// Whether the object is an instance of the class.
    #[method(sig = "(instance, /)")]
    fn __instancecheck__(zelf: &Py<PyType>, instance: &Value, vm: &mut Vm) -> PyResult<bool> {
        vm.isinstance_real(instance, zelf.as_value())
    }

    /// Whether the class given is a subclass of this one.
    #[method(sig = "(subclass, /)")]
    fn __subclasscheck__(zelf: &Py<PyType>, subclass: &Value, vm: &mut Vm) -> PyResult<bool> {
        vm.issubclass_real(subclass, zelf.as_value())
    }

    /// The names of the class's attributes and of its bases' ones, for dir().
    #[method]
    fn __dir__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<List>> {
        let names = vm.new_dict()?;
        crate::types::object::merge_class_dict(vm, &names, zelf.as_value())?;
        let keys = names.iter(vm).map(|(k, _)| k.clone()).collect();
        vm.new_list(keys)
    }

    /// Bytes that the class takes in memory.
    #[method]
    fn __sizeof__(&self) -> usize {
        size_of::<PyType>() + 16
    }
}

/// Sets or deletes an attribute of a class that may be changed, and keeps slots and caches in step.
pub fn set_attribute(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
    let name = vm.intern_object(name);
    let meta = ty.as_value().ty().clone();
    if let Some(descr) = meta.lookup(vm, &name)
        && let Some(set) = descr.type_ref().slots.descr_set.get() {
            set(vm, &descr, ty.as_value(), value)?;
            return Ok(());
        }
    let Some(dict) = ty.dict.load(vm) else { return Err(vm.no_type_attribute(ty, &name)) };
    // Caches borrow the old value, so it must live until they have forgotten it.
    let old = dict.get_str(vm, &name).cloned();
    match value {
        Some(value) => dict.set_str(vm, &name, value.clone())?,
        None if dict.remove_str(vm, &name).is_none() => return Err(vm.no_type_attribute(ty, &name)),
        None => {}
    }
    after_change(vm, ty, &name);
    drop(old);
    Ok(())
}

/// What has to follow a change of the class's dict under `name`.
pub fn after_change(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>) {
    ty.modified(vm);
    if name.as_ascii().is_some_and(|s| s.starts_with("__") && s.ends_with("__")) {
        slotdefs::update_slot(vm, ty, name);
    }
}

/// Bases as a tuple of types.
pub fn tuple_of_types(vm: &mut Vm, types: Vec<Py<PyType>>) -> PyResult<Py<Tuple>> {
    vm.new_tuple(types.into_iter().map(Py::into_value).collect::<Vec<_>>())
}

/// The native type of a payload, as a value.
pub fn native_type<T: PyClass>(vm: &Vm) -> Value {
    T::type_object(vm).to_value()
}

#[cfg(test)]
mod tests {
    use crate::types::type_::PyType;
    use crate::types::value::ValueExt;
    use crate::{Args, PyClass, PyResult, Value, Vm};

    fn make(vm: &mut Vm, name: &str, bases: Vec<Value>) -> PyResult {
        let name = vm.intern(name).into_value();
        let bases = vm.new_tuple(bases)?.into_value();
        let dict = vm.new_dict()?.into_value();
        let ty = PyType::type_object(vm).to_value();
        vm.call(&ty, &[name, bases, dict])
    }

    #[test]
    fn classes_are_made_and_called() -> PyResult<()> {
        let mut vm = crate::testing::vm();
        let vm = &mut *vm;
        let a = make(vm, "A", vec![])?;
        let b = make(vm, "B", vec![a.clone()])?;
        let object = vm.call_args(&b, Args::new(&[]))?;
        assert!(vm.isinstance(&object, &a)?);
        let name = vm.intern("x");
        vm.setattr(&object, &name, &Value::from_i32(3))?;
        assert_eq!(vm.getattr(&object, &name)?.as_small_int(), Some(3));
        assert_eq!(vm.repr(&b)?.to_string_lossy(), "<class 'B'>");
        let list = crate::types::list::List::type_object(vm).to_value();
        let c = make(vm, "C", vec![list])?;
        let seq = vm.call_args(&c, Args::new(&[]))?;
        vm.call_method(&seq, n!(append), &[Value::from_i32(1)])?;
        assert_eq!(vm.len(&seq)?, 1);
        assert_eq!(vm.repr(&seq)?.to_string_lossy(), "[1]");
        let x = vm.intern("y");
        vm.setattr(&seq, &x, &Value::none())?;
        let int = crate::types::int::Int::type_object(vm).to_value();
        let d = make(vm, "D", vec![int])?;
        let n = vm.call(&d, &[Value::from_i32(5)])?;
        assert_eq!(vm.repr(&n)?.to_string_lossy(), "5");
        let err = make(vm, "E", vec![c, d]).err().map(|e| e.exception().as_value().type_name());
        assert_eq!(err.as_deref(), Some("TypeError"));
        Ok(())
    }
}
