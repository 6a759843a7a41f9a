//! `typing.TypeVar`.

use super::{Lazy, Variance, call_typing, cannot_subclass, check_bound, default_of, make_union, no_default, set_module, variance_repr};
use crate::args::{ArgSpec, Args, Param};
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// A placeholder for a type: a parameter of generic functions, classes and aliases.
///
/// The syntax for type parameters makes them, class Sequence[T], with a bound as in
/// [T: str], with constraints as in [T: (str, bytes)], and with a default as in [T = int].
/// They can be made by hand too: TypeVar("T", bound=str).
#[pyclass(name = "TypeVar", module = "typing", flags(MANAGED_DICT, MANAGED_WEAKREF), managed)]
pub struct TypeVar {
    name: Py<Str>,
    bound: Lazy,
    constraints: Lazy,
    pub(super) default: Lazy,
    variance: Variance,
}

/// A variable that syntax makes.
pub(super) fn make(vm: &mut Vm, name: Py<Str>, bound: Lazy, constraints: Lazy) -> PyResult {
    let payload = TypeVar { name, bound, constraints, default: Lazy::default(), variance: Variance::INFERRED };
    Ok(vm.new_object(payload)?.into_value())
}

static SPEC: ArgSpec = ArgSpec {
    name: "typevar",
    params: &[
        Param { name: "name", required: true },
        Param { name: "bound", required: false },
        Param { name: "default", required: false },
        Param { name: "covariant", required: false },
        Param { name: "contravariant", required: false },
        Param { name: "infer_variance", required: false },
    ],
    required: 1,
    positional: 1,
    posonly: 0,
    raw: false,
};

#[pymethods]
impl TypeVar {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let split = args.positional().len().min(1);
        let constraints = args.positional().get(split..).unwrap_or_default().to_vec();
        let mut values = args.positional().get(..split).unwrap_or_default().to_vec();
        values.extend(args.keywords().map(|(_, v)| v.clone()));
        let mut bound: [Option<&Value>; 6] = [None; 6];
        SPEC.bind(vm, Args::with_keywords(&values, args.kwnames()), &mut bound)?;
        let [Some(name), upper, default, covariant, contravariant, infer] = bound else { return Err(SPEC.missing(vm, 0)) };
        let Some(name) = name.downcast::<Str>() else {
            return Err(crate::args::ArgInfo { spec: &SPEC, index: 0 }.bad(vm, "str", name));
        };
        let mut truth = |v: Option<&Value>| v.map_or(Ok(false), |v| vm.is_true(v));
        let (covariant, contravariant, infer) = (truth(covariant)?, truth(contravariant)?, truth(infer)?);
        let variance = Variance::check(vm, covariant, contravariant, infer)?;
        let upper = match upper {
            Some(upper) => check_bound(vm, upper)?,
            None => None,
        };
        if constraints.len() == 1 {
            return Err(vm.type_error("A single constraint is not allowed"));
        }
        if !constraints.is_empty() && upper.is_some() {
            return Err(vm.type_error("Constraints cannot be combined with bound=..."));
        }
        let constraints = if constraints.is_empty() { None } else { Some(vm.new_tuple(constraints)?.into_value()) };
        let default = match default {
            Some(default) => default.clone(),
            None => no_default(vm)?,
        };
        let payload = TypeVar {
            name: name.clone(),
            bound: Lazy::known(upper),
            constraints: Lazy::known(constraints),
            default: Lazy::known(Some(default)),
            variance,
        };
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

    #[getter]
    fn __bound__(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.bound.get(vm)
    }

    #[getter]
    fn __constraints__(&self, vm: &mut Vm) -> PyResult {
        match self.constraints.get(vm)? {
            Some(constraints) => Ok(constraints),
            None => vm.new_tuple(Vec::new()).map(Py::into_value),
        }
    }

    #[getter]
    fn __default__(&self, vm: &mut Vm) -> PyResult {
        default_of(vm, &self.default)
    }

    #[getter]
    fn evaluate_bound(&self, vm: &mut Vm) -> PyResult {
        self.bound.evaluator(vm)
    }

    #[getter]
    fn evaluate_constraints(&self, vm: &mut Vm) -> PyResult {
        self.constraints.evaluator(vm)
    }

    #[getter]
    fn evaluate_default(&self, vm: &mut Vm) -> PyResult {
        self.default.evaluator(vm)
    }

    #[method(sig = "(arg, /)")]
    fn __typing_subst__(zelf: &Py<TypeVar>, arg: Value, vm: &mut Vm) -> PyResult {
        call_typing(vm, "_typevar_subst", Args::new(&[zelf.to_value(), arg]))
    }

    #[method(sig = "(alias, args, /)")]
    fn __typing_prepare_subst__(zelf: &Py<TypeVar>, alias: &Value, args: Value, vm: &mut Vm) -> PyResult {
        let params = vm.getattr(alias, n!(__parameters__))?;
        let at = vm.sequence_index_of(&params, zelf.as_value())?;
        let given = vm.len(&args)?;
        if at < given {
            return Ok(args);
        }
        if at == given {
            let default = default_of(vm, &zelf.default)?;
            if !default.is_exact::<super::NoDefault>() {
                let more = vm.new_tuple(vec![default])?.into_value();
                return vm.sequence_concat(&args, &more);
            }
        }
        let alias = vm.str(alias)?.to_string_lossy().into_owned();
        Err(vm.type_error(format!("Too few arguments for {alias}; actual {given}, expected at least {}", at + 1)))
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
        Err(cannot_subclass(vm, "TypeVar"))
    }
}
