//! `method`: a function bound to an object.

use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The payload of `method`.
#[pyclass(name = "method", managed, text_signature = "(function, instance, /)")]
pub struct Method {
    pub func: Value,
    pub zelf: Value,
}

impl Vm {
    /// `func` bound to `zelf`.
    pub fn new_method(&mut self, func: Value, zelf: Value) -> PyResult {
        Ok(self.new_object(Method { func, zelf })?.into_value())
    }
}

#[pymethods]
impl Method {
    /// Create a bound instance method object.
    #[new(name = "method", sig = "(function, instance, /)")]
    fn new(_cls: &Py<PyType>, function: &Value, instance: &Value, vm: &mut Vm) -> PyResult {
        if function.type_ref().slots.call.get().is_none() {
            return Err(vm.type_error("first argument must be callable"));
        }
        if instance.is_none() {
            return Err(vm.type_error("instance must not be None"));
        }
        vm.new_method(function.clone(), instance.clone())
    }

    /// The function (or other callable) implementing the method.
    #[getter(member, name = "__func__")]
    fn get_func(&self) -> Value {
        self.func.clone()
    }

    /// The instance to which the method is bound.
    #[getter(member, name = "__self__")]
    fn get_self(&self) -> Value {
        self.zelf.clone()
    }

    #[getter(name = "__doc__")]
    fn get_doc(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.getattr_opt(&self.func, n!(__doc__))?.unwrap_or_else(Value::none))
    }

    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult {
        let builtins = vm.interp.builtins.load(vm);
        let getattr = match builtins {
            Some(dict) => {
                let name = vm.intern("getattr");
                dict.get_str(vm, &name).cloned()
            }
            None => None,
        };
        let Some(getattr) = getattr else { return Err(vm.attribute_error("getattr")) };
        let name = vm.getattr(&self.func, n!(__name__))?;
        let args = vm.new_tuple([self.zelf.clone(), name])?.into_value();
        Ok(vm.new_tuple([getattr, args])?.into_value())
    }

    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<Method>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        let ty = zelf.as_value().ty().clone();
        if let Some(descr) = ty.lookup(vm, name) {
            return match descr.type_ref().slots.descr_get.get() {
                Some(get) => get(vm, &descr, Some(zelf.as_value()), Some(ty.as_value())),
                None => Ok(descr),
            };
        }
        vm.getattr(&zelf.func, name)
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult {
        let name = match vm.getattr_opt(&self.func, n!(__qualname__))? {
            Some(n) => Some(n),
            None => vm.getattr_opt(&self.func, n!(__name__))?,
        };
        let name = name.and_then(|n| n.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())).unwrap_or_else(|| "?".to_owned());
        let object = vm.repr(&self.zelf)?;
        let text = format!("<bound method {name} of {}>", object.to_string_lossy());
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let id = self.zelf.id().rotate_right(4) as i64;
        let hash = id ^ vm.hash(&self.func)?;
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let (Some(other), CompareOp::Eq | CompareOp::Ne) = (other.downcast::<Method>(), op) else {
            return Ok(Value::not_implemented());
        };
        let equal = vm.eq(&self.func, &other.func)? && self.zelf.is_same(&other.zelf);
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Method>, _object: Option<&Value>, _ty: Option<&Value>) -> Py<Method> {
        zelf.clone()
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let mut values = Vec::with_capacity(args.values().len() + 1);
        values.push(self.zelf.clone());
        values.extend_from_slice(args.values());
        vm.call_args(&self.func, Args::with_keywords(&values, args.kwnames()))
    }
}
