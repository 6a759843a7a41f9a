//! `typing.ParamSpec` with its `args` and `kwargs`, and `typing.TypeVarTuple`.

use super::{Lazy, Variance, call_typing, cannot_subclass, default_of, make_union, no_default, set_module, unpack_iter, variance_repr};
use crate::args::Args;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// A placeholder for the parameters of a callable: **P in a list of type parameters, or
/// ParamSpec("P"). P.args and P.kwargs annotate a function's own *args and **kwargs.
#[pyclass(name = "ParamSpec", module = "typing", flags(MANAGED_DICT, MANAGED_WEAKREF), managed)]
pub struct ParamSpec {
    name: Py<Str>,
    bound: Option<Value>,
    pub(super) default: Lazy,
    variance: Variance,
}

/// A placeholder for any number of types: *Ts in a list of type parameters, or
/// TypeVarTuple("Ts").
#[pyclass(name = "TypeVarTuple", module = "typing", flags(MANAGED_DICT, MANAGED_WEAKREF), managed)]
pub struct TypeVarTuple {
    name: Py<Str>,
    pub(super) default: Lazy,
}

/// A parameter specification that syntax makes.
pub(super) fn make_paramspec(vm: &mut Vm, name: Py<Str>) -> PyResult {
    let payload = ParamSpec { name, bound: None, default: Lazy::default(), variance: Variance::INFERRED };
    Ok(vm.new_object(payload)?.into_value())
}

/// A type variable tuple that syntax makes.
pub(super) fn make_typevartuple(vm: &mut Vm, name: Py<Str>) -> PyResult {
    Ok(vm.new_object(TypeVarTuple { name, default: Lazy::default() })?.into_value())
}

#[pymethods]
impl ParamSpec {
    #[new(name = "paramspec", sig = "(name, *, bound=None, default=?, covariant=False, contravariant=False, infer_variance=False)")]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn py_new(
        cls: &Py<PyType>,
        name: &Py<Str>,
        bound: Value,
        default: Option<Value>,
        covariant: bool,
        contravariant: bool,
        infer_variance: bool,
        vm: &mut Vm,
    ) -> PyResult {
        let variance = Variance::check(vm, covariant, contravariant, infer_variance)?;
        let bound = (!bound.is_none()).then_some(bound);
        let default = match default {
            Some(default) => default,
            None => no_default(vm)?,
        };
        let payload = ParamSpec { name: name.clone(), bound, default: Lazy::known(Some(default)), variance };
        let object = vm.new_instance(cls, payload)?.into_value();
        set_module(vm, &object)?;
        Ok(object)
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        variance_repr(&self.name, self.variance)
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        make_union(vm, a, b)
    }

    #[getter]
    fn __name__(&self) -> Py<Str> {
        self.name.clone()
    }

    #[getter]
    fn __bound__(&self) -> Option<Value> {
        self.bound.clone()
    }

    #[getter]
    fn __covariant__(&self) -> bool {
        self.variance.covariant
    }

    #[getter]
    fn __contravariant__(&self) -> bool {
        self.variance.contravariant
    }

    #[getter]
    fn __infer_variance__(&self) -> bool {
        self.variance.infer
    }

    /// The positional ones of the parameters.
    #[getter]
    fn args(zelf: &Py<ParamSpec>, vm: &mut Vm) -> PyResult<Py<ParamSpecArgs>> {
        vm.new_object(ParamSpecArgs { origin: zelf.to_value() })
    }

    /// The keyword ones of the parameters.
    #[getter]
    fn kwargs(zelf: &Py<ParamSpec>, vm: &mut Vm) -> PyResult<Py<ParamSpecKwargs>> {
        vm.new_object(ParamSpecKwargs { origin: zelf.to_value() })
    }

    /// The default, or NoDefault.
    #[getter]
    fn __default__(&self, vm: &mut Vm) -> PyResult {
        default_of(vm, &self.default)
    }

    #[getter]
    fn evaluate_default(&self, vm: &mut Vm) -> PyResult {
        self.default.evaluator(vm)
    }

    #[method(sig = "(arg, /)")]
    fn __typing_subst__(zelf: &Py<ParamSpec>, arg: Value, vm: &mut Vm) -> PyResult {
        call_typing(vm, "_paramspec_subst", Args::new(&[zelf.to_value(), arg]))
    }

    #[method(sig = "(alias, args, /)")]
    fn __typing_prepare_subst__(zelf: &Py<ParamSpec>, alias: Value, args: Value, vm: &mut Vm) -> PyResult {
        call_typing(vm, "_paramspec_prepare_subst", Args::new(&[zelf.to_value(), alias, args]))
    }

    #[method]
    fn __reduce__(&self) -> Py<Str> {
        self.name.clone()
    }

    #[method]
    fn has_default(&self, vm: &mut Vm) -> bool {
        self.default.is_default(vm)
    }

    #[method(sig = "(bases, /)")]
    fn __mro_entries__(&self, _bases: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Err(cannot_subclass(vm, "ParamSpec"))
    }
}

#[pymethods]
impl TypeVarTuple {
    #[new(name = "typevartuple", sig = "(name, *, default=?)")]
    fn py_new(cls: &Py<PyType>, name: &Py<Str>, default: Option<Value>, vm: &mut Vm) -> PyResult {
        let default = match default {
            Some(default) => default,
            None => no_default(vm)?,
        };
        let object = vm.new_instance(cls, TypeVarTuple { name: name.clone(), default: Lazy::known(Some(default)) })?.into_value();
        set_module(vm, &object)?;
        Ok(object)
    }

    #[slot(repr)]
    fn slot_repr(&self) -> Py<Str> {
        self.name.clone()
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<TypeVarTuple>, vm: &mut Vm) -> PyResult {
        unpack_iter(vm, zelf.as_value())
    }

    #[getter]
    fn __name__(&self) -> Py<Str> {
        self.name.clone()
    }

    /// The default, or NoDefault.
    #[getter]
    fn __default__(&self, vm: &mut Vm) -> PyResult {
        default_of(vm, &self.default)
    }

    #[getter]
    fn evaluate_default(&self, vm: &mut Vm) -> PyResult {
        self.default.evaluator(vm)
    }

    #[method(sig = "(arg, /)")]
    fn __typing_subst__(&self, _arg: &Value, vm: &mut Vm) -> PyResult {
        Err(vm.type_error("Substitution of bare TypeVarTuple is not supported"))
    }

    #[method(sig = "(alias, args, /)")]
    fn __typing_prepare_subst__(zelf: &Py<TypeVarTuple>, alias: Value, args: Value, vm: &mut Vm) -> PyResult {
        call_typing(vm, "_typevartuple_prepare_subst", Args::new(&[zelf.to_value(), alias, args]))
    }

    #[method]
    fn __reduce__(&self) -> Py<Str> {
        self.name.clone()
    }

    #[method]
    fn has_default(&self, vm: &mut Vm) -> bool {
        self.default.is_default(vm)
    }

    #[method(sig = "(bases, /)")]
    fn __mro_entries__(&self, _bases: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Err(cannot_subclass(vm, "TypeVarTuple"))
    }
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $t:ident: $name:tt, $new:tt, $suffix:tt;)*) => {$(
        $(#[$doc])*
        #[pyclass(name = $name, module = "typing", flags(MANAGED_WEAKREF), managed)]
        pub struct $t {
            origin: Value,
        }

        #[pymethods]
        impl $t {
            #[new(name = $new, sig = "(origin)")]
            fn py_new(cls: &Py<PyType>, origin: Value, vm: &mut Vm) -> PyResult<Py<$t>> {
                vm.new_instance(cls, $t { origin })
            }

            #[slot(repr)]
            fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
                let origin = match self.origin.downcast_exact::<ParamSpec>() {
                    Some(spec) => spec.name.to_string_lossy().into_owned(),
                    None => vm.repr(&self.origin)?.to_string_lossy().into_owned(),
                };
                Ok(format!("{origin}.{}", $suffix))
            }

            #[slot(richcompare)]
            fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
                match other.downcast_exact::<$t>() {
                    Some(other) if matches!(op, CompareOp::Eq | CompareOp::Ne) => vm.rich_compare(&self.origin, &other.origin, op),
                    _ => Ok(Value::not_implemented()),
                }
            }

            #[getter]
            fn __origin__(&self) -> Value {
                self.origin.clone()
            }

            #[method(sig = "(bases, /)")]
            fn __mro_entries__(&self, _bases: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                Err(cannot_subclass(vm, $name))
            }
        }
    )*};
}

attributes! {
    /// The positional arguments of a ParamSpec: P.args. Its __origin__ is P.
    ParamSpecArgs: "ParamSpecArgs", "paramspecargs", "args";
    /// The keyword arguments of a ParamSpec: P.kwargs. Its __origin__ is P.
    ParamSpecKwargs: "ParamSpecKwargs", "paramspeckwargs", "kwargs";
}
