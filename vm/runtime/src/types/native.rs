//! Native callables and their descriptors: `builtin_function_or_method`, `method_descriptor`, `classmethod_descriptor`,
//! `getset_descriptor`, `member_descriptor`.

use crate::args::{Args, Convention, MethodDef};
use crate::types::class::GetSetDef;
use crate::types::module::Module;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// A native function, or a native method bound to its object.
#[pyclass(name = "builtin_function_or_method", managed)]
pub struct BuiltinFunction {
    #[traverse(skip)]
    pub def: &'static MethodDef,
    /// What the function gets as its first argument: the object, the class or the module; `None` for nothing.
    pub zelf: Value,
    /// Name of the module, if the function belongs to one.
    pub module: Option<Value>,
}

/// A method of a native type, not bound.
#[pyclass(name = "method_descriptor", flags(METHOD_DESCRIPTOR), gc)]
pub struct MethodDescr {
    pub owner: Py<PyType>,
    #[traverse(skip)]
    pub def: &'static MethodDef,
}

/// A class method of a native type, not bound.
#[pyclass(name = "classmethod_descriptor", gc)]
pub struct ClassMethodDescr {
    pub owner: Py<PyType>,
    #[traverse(skip)]
    pub def: &'static MethodDef,
}

/// A computed attribute of a native type.
#[pyclass(name = "getset_descriptor", gc)]
pub struct GetSetDescr {
    pub owner: Py<PyType>,
    #[traverse(skip)]
    pub def: &'static GetSetDef,
}

impl MethodDescr {
    pub fn new(owner: Py<PyType>, def: &'static MethodDef) -> MethodDescr {
        MethodDescr { owner, def }
    }
}

impl ClassMethodDescr {
    pub fn new(owner: Py<PyType>, def: &'static MethodDef) -> ClassMethodDescr {
        ClassMethodDescr { owner, def }
    }
}

impl GetSetDescr {
    pub fn new(owner: Py<PyType>, def: &'static GetSetDef) -> GetSetDescr {
        GetSetDescr { owner, def }
    }
}

/// A native function with what it is bound to.
pub fn new_builtin_method(vm: &mut Vm, def: &'static MethodDef, zelf: Value, module: Option<Value>) -> PyResult {
    Ok(vm.new_object(BuiltinFunction { def, zelf, module })?.into_value())
}

/// `staticmethod(function)`.
pub fn new_staticmethod(vm: &mut Vm, function: Value) -> PyResult {
    crate::types::classmethod::new_staticmethod(vm, function)
}

/// Calls a native definition; the errors of functions without keyword parameters are worded with the qualified name.
#[inline(always)]
pub fn call_def(vm: &mut Vm, def: &'static MethodDef, zelf: &Value, args: Args<'_>, qualname: impl FnOnce(&mut Vm) -> String) -> PyResult {
    let spec = def.spec;
    let given = args.values().len();
    let fits = spec.raw || (!args.has_keywords() && given >= spec.required && given <= spec.positional);
    if !fits && spec.convention() != Convention::Keywords {
        let name = qualname(vm);
        spec.check_simple(vm, &name, args)?;
    }
    (def.func)(vm, zelf, args)
}

/// A value of a `__slots__` name, or a field of a native type.
#[pyclass(name = "member_descriptor", gc)]
pub struct MemberDescr {
    pub owner: Py<PyType>,
    pub name: Py<Str>,
    /// Number of the slot in the pre-header.
    #[traverse(skip)]
    pub index: u32,
    /// How a native type's field is read, instead of out of a slot.
    #[traverse(skip)]
    pub def: Option<&'static GetSetDef>,
    pub doc: Option<Value>,
}

/// `Class.name`, as descriptors call themselves.
pub fn descr_qualname(vm: &mut Vm, owner: &Py<PyType>, name: &str) -> PyResult {
    let text = format!("{}.{name}", crate::types::typeobject::qualname_text(vm, owner));
    vm.new_str(&text).map(Py::into_value)
}

/// `(getattr, (object, name))`: how descriptors and bound natives are pickled.
pub fn reduce_getattr(vm: &mut Vm, object: &Value, name: &str) -> PyResult {
    let getattr = builtin(vm, "getattr")?;
    let name = vm.intern(name).into_value();
    let args = vm.new_tuple(vec![object.clone(), name])?;
    vm.new_tuple(vec![getattr, args.into_value()]).map(Py::into_value)
}

/// A function of the module `builtins`.
pub fn builtin(vm: &mut Vm, name: &str) -> PyResult {
    let key = vm.intern(name);
    let dict = vm.interp.builtins.load(vm);
    // Keys that are not strings may answer to the name.
    let found = match dict {
        Some(dict) => match dict.get_str(vm, &key).cloned() {
            Some(value) => Some(value),
            None => dict.get(vm, key.as_value())?,
        },
        None => None,
    };
    match found {
        Some(value) => Ok(value),
        None => Err(vm.attribute_error(format!("module 'builtins' has no attribute '{name}'"))),
    }
}

/// TypeError unless the descriptor `name` of `owner` fits `object`.
fn check_object(vm: &mut Vm, owner: &Py<PyType>, name: &str, object: &Value) -> PyResult<()> {
    if object.type_ref().is_subtype(vm, owner) {
        return Ok(());
    }
    let (ty, got) = (owner.tp_name(), object.type_name());
    Err(vm.type_error(format!("descriptor '{name}' for '{ty}' objects doesn't apply to a '{got}' object")))
}

fn text_or_none(vm: &mut Vm, text: Option<&str>) -> PyResult {
    match text {
        Some(text) => vm.new_str(text).map(Py::into_value),
        None => Ok(Value::none()),
    }
}

#[pymethods]
impl BuiltinFunction {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (module, zelf) = (self.module.clone(), self.zelf.clone());
        call_def(vm, self.def, &self.zelf, args, |vm| {
            let name = self.def.name;
            match module {
                Some(m) => match m.downcast::<crate::types::str_::Str>().map(|s| s.to_string_lossy().into_owned()) {
                    Some(m) if m != "builtins" => format!("{m}.{name}"),
                    _ => name.to_owned(),
                },
                None if zelf.is_none() => name.to_owned(),
                None => match zelf.downcast::<PyType>() {
                    Some(ty) => format!("{}.{name}", crate::types::typeobject::qualname_text(vm, ty)),
                    None => format!("{}.{name}", crate::types::typeobject::qualname_text(vm, zelf.ty())),
                },
            }
        })
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        let name = self.def.name;
        if self.zelf.is_none() || self.zelf.is::<Module>() {
            return format!("<built-in function {name}>");
        }
        format!("<built-in method {name} of {} object at {:#x}>", self.zelf.type_name(), self.zelf.id())
    }

    #[slot(hash)]
    fn slot_hash(&self, _vm: &mut Vm) -> PyResult<i64> {
        let function = self.def.func as usize as i64;
        let hash = crate::types::object::hash_id(&self.zelf) ^ function.rotate_right(4);
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<BuiltinFunction>() else { return Ok(Value::not_implemented()) };
        let same = self.zelf.is_same(&other.zelf) && std::ptr::eq(self.def.spec, other.def.spec);
        Ok(match op {
            CompareOp::Eq => Value::from_bool(same),
            CompareOp::Ne => Value::from_bool(!same),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => Value::not_implemented(),
        })
    }

    #[getter]
    fn __self__(&self) -> Value {
        // A static method is bound to nothing, though it knows its type.
        if self.def.kind == crate::args::MethodKind::Static && self.zelf.is::<PyType>() {
            return Value::none();
        }
        self.zelf.clone()
    }

    #[getter]
    fn __module__(&self) -> Value {
        self.module.clone().unwrap_or_else(Value::none)
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        if self.zelf.is_none() || self.zelf.is::<Module>() {
            return vm.new_str(self.def.name).map(Py::into_value);
        }
        let ty = match self.zelf.downcast::<PyType>() {
            Some(ty) => ty.clone(),
            None => self.zelf.ty().clone(),
        };
        descr_qualname(vm, &ty, self.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        text_or_none(vm, self.def.doc)
    }

    #[getter]
    fn __text_signature__(&self) -> Option<&'static str> {
        self.def.text_signature
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult {
        if self.zelf.is_none() || self.zelf.is::<Module>() {
            return vm.new_str(self.def.name).map(Py::into_value);
        }
        reduce_getattr(vm, &self.zelf, self.def.name)
    }
}

#[pymethods]
impl MethodDescr {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let name = self.def.name;
        let Some((zelf, rest)) = args.split_first() else {
            let ty = crate::types::typeobject::qualname_text(vm, &self.owner);
            return Err(vm.type_error(format!("unbound method {ty}.{name}() needs an argument")));
        };
        if !zelf.type_ref().is_subtype(vm, &self.owner) {
            let (ty, got) = (self.owner.tp_name(), zelf.type_name());
            return Err(vm.type_error(format!("descriptor '{name}' for '{ty}' objects doesn't apply to a '{got}' object")));
        }
        call_def(vm, self.def, zelf, rest, |vm| format!("{}.{name}", crate::types::typeobject::qualname_text(vm, &self.owner)))
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<MethodDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object {
            None => Ok(zelf.to_value()),
            Some(object) => {
                check_object(vm, &zelf.owner, zelf.def.name, object)?;

                new_builtin_method(vm, zelf.def, object.clone(), None)
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<method '{}' of '{}' objects>", self.def.name, self.owner.tp_name())
    }

    #[getter(member)]
    fn __objclass__(&self) -> Py<PyType> {
        self.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        descr_qualname(vm, &self.owner, self.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        text_or_none(vm, self.def.doc)
    }

    #[getter]
    fn __text_signature__(&self) -> Option<&'static str> {
        self.def.text_signature
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult {
        reduce_getattr(vm, self.owner.as_value(), self.def.name)
    }
}

#[pymethods]
impl ClassMethodDescr {
    #[slot(descr_get)]
    fn slot_descr_get(&self, object: Option<&Value>, ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let cls = match (ty, object) {
            (Some(ty), _) => ty.clone(),
            (None, Some(object)) => object.ty().to_value(),
            (None, None) => self.owner.to_value(),
        };
        self.check_class(vm, &cls, "as arg 2")?;
        new_builtin_method(vm, self.def, cls, None)
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (name, ty) = (self.def.name, self.owner.tp_name());
        let Some((cls, rest)) = args.split_first() else {
            return Err(vm.type_error(format!("descriptor '{name}' of '{ty}' object needs an argument")));
        };
        self.check_class(vm, cls, "as arg 2")?;
        call_def(vm, self.def, cls, rest, |_| format!("{ty}.{name}"))
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<method '{}' of '{}' objects>", self.def.name, self.owner.tp_name())
    }

    #[getter(member)]
    fn __objclass__(&self) -> Py<PyType> {
        self.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        descr_qualname(vm, &self.owner, self.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        text_or_none(vm, self.def.doc)
    }

    #[getter]
    fn __text_signature__(&self) -> Option<&'static str> {
        self.def.text_signature
    }
}

impl ClassMethodDescr {
    fn check_class(&self, vm: &mut Vm, cls: &Value, place: &str) -> PyResult<()> {
        let (name, owner) = (self.def.name, self.owner.tp_name());
        let Some(ty) = cls.downcast::<PyType>() else {
            let got = cls.type_name();
            return Err(vm.type_error(format!("descriptor '{name}' for type '{owner}' needs a type, not a '{got}' {place}")));
        };
        if ty.is_subtype(vm, &self.owner) {
            return Ok(());
        }
        let got = ty.tp_name();
        Err(vm.type_error(format!("descriptor '{name}' requires a subtype of '{owner}' but received '{got}'")))
    }
}

#[pymethods]
impl GetSetDescr {
    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<GetSetDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object else { return Ok(zelf.to_value()) };
        check_object(vm, &zelf.owner, zelf.def.name, object)?;
        match zelf.def.get {
            Some(get) => get(vm, object),
            None => {
                let (name, ty) = (zelf.def.name, zelf.owner.tp_name());
                Err(vm.attribute_error(format!("attribute '{name}' of '{ty}' objects is not readable")))
            }
        }
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, object: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        check_object(vm, &self.owner, self.def.name, object)?;
        match self.def.set {
            Some(set) => set(vm, object, value),
            None => {
                let (name, ty) = (self.def.name, self.owner.tp_name());
                Err(vm.attribute_error(format!("attribute '{name}' of '{ty}' objects is not writable")))
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<attribute '{}' of '{}' objects>", self.def.name, self.owner.tp_name())
    }

    #[getter(member)]
    fn __objclass__(&self) -> Py<PyType> {
        self.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        descr_qualname(vm, &self.owner, self.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        text_or_none(vm, self.def.doc)
    }
}

impl MemberDescr {
    fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    fn cell<'a>(&self, vm: &mut Vm, object: &'a Value) -> PyResult<&'a Cell<Option<Value>>> {
        let name = self.name();
        check_object(vm, &self.owner, &name, object)?;
        match object.header().and_then(|h| h.slot(self.index)) {
            Some(cell) => Ok(cell),
            None => Err(vm.attribute_error(name)),
        }
    }
}

#[pymethods]
impl MemberDescr {
    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<MemberDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object else { return Ok(zelf.to_value()) };
        if let Some(def) = zelf.def {
            check_object(vm, &zelf.owner, def.name, object)?;
            return match def.get {
                Some(get) => get(vm, object),
                None => Err(vm.no_attribute(object, &zelf.name)),
            };
        }
        let cell = zelf.cell(vm, object)?;
        let value = cell.take();
        cell.set(value.clone());
        match value {
            Some(value) => Ok(value),
            None => {
                let (class, name) = (crate::types::typeobject::qualified_name(vm, object.ty()), zelf.name());
                Err(vm.attribute_error_for(&format!("'{class}' object has no attribute '{name}'"), object, &zelf.name))
            }
        }
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, object: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if let Some(def) = self.def {
            check_object(vm, &self.owner, def.name, object)?;
            return match def.set {
                Some(set) => set(vm, object, value),
                None => Err(vm.attribute_error("readonly attribute")),
            };
        }
        let old = self.cell(vm, object)?.replace(value.cloned());
        if value.is_none() && old.is_none() {
            let name = self.name();
            return Err(vm.attribute_error(name));
        }
        drop(old);
        Ok(())
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<member '{}' of '{}' objects>", self.name(), self.owner.tp_name())
    }

    #[getter(member)]
    fn __objclass__(&self) -> Py<PyType> {
        self.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> Py<Str> {
        self.name.clone()
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        descr_qualname(vm, &self.owner, &self.name())
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        let _ = vm;
        Ok(self.doc.clone().unwrap_or_else(Value::none))
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult {
        reduce_getattr(vm, self.owner.as_value(), &self.name())
    }
}
