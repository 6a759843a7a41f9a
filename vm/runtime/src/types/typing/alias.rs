//! `typing.TypeAliasType`: what `type X = ...` makes.

use super::{Lazy, caller, default_of, default_part, function_module, unpack_iter, unpack_typevartuples};
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// A type alias, made by the type statement: type Alias = int. The value is evaluated when
/// __value__ is first read. Generic aliases, type Alias[T] = list[T], take arguments in
/// brackets.
#[pyclass(name = "TypeAliasType", module = "typing", gc)]
pub struct TypeAlias {
    name: Py<Str>,
    params: Option<Py<Tuple>>,
    value: Lazy,
    module: GilCell<Option<Value>>,
}

/// An alias that the type statement makes: `(name, type parameters or None, function)`.
pub(super) fn make(vm: &mut Vm, parts: &Value) -> PyResult {
    let parts = parts.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let [name, params, function] = parts.as_slice() else { return Err(vm.system_error("a type alias has three parts")) };
    let Some(name) = name.downcast::<Str>() else { return Err(vm.system_error("the name of a type alias is no string")) };
    let params = params.downcast::<Tuple>().filter(|p| !p.is_empty()).cloned();
    let value = Lazy::computed(Some(function.clone()));
    let alias = TypeAlias { name: name.clone(), params, value, module: GilCell::new(None) };
    Ok(vm.new_object(alias)?.into_value())
}

/// TypeError if a parameter without a default follows one with a default.
fn check_params(vm: &mut Vm, params: &Py<Tuple>) -> PyResult<()> {
    let mut seen = false;
    for param in params.items() {
        let default = default_part(vm, param)?;
        let has_default = !default_of(vm, default)?.is_exact::<super::NoDefault>();
        if seen && !has_default {
            let repr = vm.repr(param)?.to_string_lossy().into_owned();
            return Err(vm.type_error(format!("non-default type parameter '{repr}' follows default type parameter")));
        }
        seen |= has_default;
    }
    Ok(())
}

#[pymethods]
impl TypeAlias {
    #[new(name = "typealias", sig = "(name, value, *, type_params=?)")]
    fn py_new(cls: &Py<PyType>, name: &Py<Str>, value: Value, type_params: Option<Value>, vm: &mut Vm) -> PyResult<Py<TypeAlias>> {
        let params = match &type_params {
            None => None,
            Some(params) => match params.downcast::<Tuple>() {
                Some(params) => {
                    check_params(vm, params)?;
                    Some(params.clone()).filter(|p| !p.is_empty())
                }
                None => return Err(vm.type_error("type_params must be a tuple")),
            },
        };
        let module = caller(vm);
        vm.new_instance(cls, TypeAlias { name: name.clone(), params, value: Lazy::known(Some(value)), module: GilCell::new(Some(module)) })
    }

    #[slot(repr)]
    fn slot_repr(&self) -> Py<Str> {
        self.name.clone()
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        crate::types::union::or(vm, a, b)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<TypeAlias>, vm: &mut Vm) -> PyResult {
        unpack_iter(vm, zelf.as_value())
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<TypeAlias>, key: &Value, vm: &mut Vm) -> PyResult {
        if zelf.params.is_none() {
            return Err(vm.type_error("Only generic type aliases are subscriptable"));
        }
        crate::types::genericalias::new_alias(vm, zelf.to_value(), key.clone())
    }

    #[getter]
    fn __name__(&self) -> Py<Str> {
        self.name.clone()
    }

    #[getter]
    fn __value__(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.value.get(vm)
    }

    #[getter]
    fn evaluate_value(&self, vm: &mut Vm) -> PyResult {
        self.value.evaluator(vm)
    }

    #[getter]
    fn __parameters__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match &self.params {
            Some(params) => unpack_typevartuples(vm, params),
            None => vm.new_tuple(Vec::new()),
        }
    }

    #[getter]
    fn __type_params__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match &self.params {
            Some(params) => Ok(params.clone()),
            None => vm.new_tuple(Vec::new()),
        }
    }

    #[getter]
    fn __module__(&self, vm: &mut Vm) -> Option<Value> {
        if let Some(module) = self.module.load(vm) {
            return Some(module);
        }
        let function = self.value.evaluate.load(vm).filter(|f| f.is::<Function>())?;
        function_module(vm, &function)
    }

    #[method]
    fn __reduce__(&self) -> Py<Str> {
        self.name.clone()
    }
}
