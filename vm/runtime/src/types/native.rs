//! Native callables and their descriptors: `builtin_function_or_method`, `method_descriptor`, `classmethod_descriptor`,
//! `getset_descriptor`.

use crate::args::{Args, Convention, MethodDef};
use crate::types::class::GetSetDef;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

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
    crate::types::function::new_staticmethod(vm, function)
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

#[pymethods]
impl BuiltinFunction {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (module, zelf) = (self.module.clone(), self.zelf.clone());
        call_def(vm, self.def, &self.zelf, args, |_| {
            let name = self.def.name;
            match module {
                Some(m) => match m.downcast::<crate::types::str_::Str>().map(|s| s.to_string_lossy().into_owned()) {
                    Some(m) if m != "builtins" => format!("{m}.{name}"),
                    _ => name.to_owned(),
                },
                None if zelf.is_none() => name.to_owned(),
                None => match zelf.downcast::<PyType>() {
                    Some(ty) => format!("{}.{name}", ty.tp_name()),
                    None => format!("{}.{name}", zelf.type_name()),
                },
            }
        })
    }
}

#[pymethods]
impl MethodDescr {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let name = self.def.name;
        let Some((zelf, rest)) = args.split_first() else {
            let ty = self.owner.tp_name();
            return Err(vm.type_error(format!("unbound method {ty}.{name}() needs an argument")));
        };
        if !zelf.ty().is_subtype(vm, &self.owner) {
            let (ty, got) = (self.owner.tp_name(), zelf.type_name());
            return Err(vm.type_error(format!("descriptor '{name}' for '{ty}' objects doesn't apply to a '{got}' object")));
        }
        call_def(vm, self.def, zelf, rest, |_| format!("{}.{name}", self.owner.tp_name()))
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<MethodDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object {
            None => Ok(zelf.to_value()),
            Some(object) => new_builtin_method(vm, zelf.def, object.clone(), None),
        }
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
        new_builtin_method(vm, self.def, cls, None)
    }
}

#[pymethods]
impl GetSetDescr {
    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<GetSetDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match (object, zelf.def.get) {
            (None, _) => Ok(zelf.to_value()),
            (Some(object), Some(get)) => get(vm, object),
            (Some(_), None) => {
                let (name, ty) = (zelf.def.name, zelf.owner.tp_name());
                Err(vm.attribute_error(format!("attribute '{name}' of '{ty}' objects is not readable")))
            }
        }
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, object: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match self.def.set {
            Some(set) => set(vm, object, value),
            None => {
                let (name, ty) = (self.def.name, self.owner.tp_name());
                Err(vm.attribute_error(format!("attribute '{name}' of '{ty}' objects is not writable")))
            }
        }
    }
}
