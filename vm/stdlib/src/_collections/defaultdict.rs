//! `defaultdict`: a dict that makes missing values.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_unicode::TextBuf;

/// defaultdict(default_factory=None, /, [...]) --> dict with default factory
///
/// The default factory is called without arguments to produce a new value when a key is not present, in __getitem__ only.
/// A defaultdict compares equal to a dict with the same items. All remaining arguments are treated the same as if they were passed to the
/// dict constructor, including keyword arguments.
#[pyclass(module = "collections", name = "defaultdict", base = Dict, flags(BASETYPE), gc)]
#[repr(C)]
pub struct DefaultDict {
    pub base: Dict,
    factory: GilCell<Option<Value>>,
}

impl DefaultDict {
    /// A new one of the same class, as its constructor makes it, with the same factory and items.
    fn copied(zelf: &Py<DefaultDict>, vm: &mut Vm) -> PyResult {
        let factory = zelf.factory.load(vm).unwrap_or_else(Value::none);
        let ty = zelf.as_value().ty().to_value();
        vm.call(&ty, &[factory, zelf.to_value()])
    }
}

#[pymethods]
impl DefaultDict {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<DefaultDict>> {
        vm.new_instance(cls, DefaultDict { base: Dict::new(), factory: GilCell::new(None) })
    }

    #[init]
    fn init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let (factory, rest) = match args.split_first() {
            Some((factory, rest)) => (Some(factory.clone()), rest),
            None => (None, args),
        };
        let factory = factory.filter(|f| !f.is_none());
        if factory.as_ref().is_some_and(|f| f.ty().slots.call.get().is_none()) {
            return Err(vm.type_error("first argument must be callable or None"));
        }
        let old = self.factory.replace(vm, factory);
        drop(old);
        self.base.update_common(vm, rest, "dict")
    }

    /// Factory for default value called by __missing__().
    #[getter(member)]
    fn default_factory(&self, vm: &mut Vm) -> PyResult {
        Ok(self.factory.load(vm).unwrap_or_else(Value::none))
    }

    #[setter]
    fn set_default_factory(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.factory.replace(vm, value.filter(|v| !v.is_none()).cloned());
        drop(old);
        Ok(())
    }

    /// __missing__(key) # Called by __getitem__ for missing key; pseudo-code:
    ///   if self.default_factory is None: raise KeyError((key,))
    ///   self[key] = value = self.default_factory()
    ///   return value
    #[method(name = "__missing__", sig = "(key, /)")]
    fn missing(zelf: &Py<DefaultDict>, key: &Value, vm: &mut Vm) -> PyResult {
        let Some(factory) = zelf.factory.load(vm) else { return Err(vm.key_error(key)) };
        let value = vm.call(&factory, &[])?;
        let plain = {
            let own = zelf.as_value().ty().slots.setitem.get();
            let base = <Dict as krait_runtime::PyClass>::type_object(vm).slots.setitem.get();
            matches!((own, base), (Some(a), Some(b)) if std::ptr::fn_addr_eq(a, b))
        };
        if plain {
            // What the factory put there itself stays.
            return zelf.base.set_default(vm, key, value);
        }
        vm.setitem(zelf.as_value(), key, &value)?;
        Ok(value)
    }

    /// D.copy() -> a shallow copy of D.
    #[method(name = "copy")]
    fn copy(zelf: &Py<DefaultDict>, vm: &mut Vm) -> PyResult {
        DefaultDict::copied(zelf, vm)
    }

    /// D.copy() -> a shallow copy of D.
    #[method(name = "__copy__")]
    fn dunder_copy(zelf: &Py<DefaultDict>, vm: &mut Vm) -> PyResult {
        DefaultDict::copied(zelf, vm)
    }

    /// Return state information for pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<DefaultDict>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args: Vec<Value> = zelf.factory.load(vm).into_iter().collect();
        let args = vm.new_tuple(args)?.into_value();
        let items = vm.intern("items");
        let items = vm.call_method(zelf.as_value(), &items, &[])?;
        let items = vm.iter(&items)?;
        vm.new_tuple([zelf.as_value().ty().to_value(), args, Value::none(), Value::none(), items])
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<DefaultDict>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let dict_repr = <Dict as krait_runtime::PyClass>::type_object(vm).slots.repr.get();
        let items = match dict_repr {
            Some(repr) => repr(vm, zelf.as_value())?,
            None => return Err(vm.system_error("dict has no repr")),
        };
        let factory = match zelf.factory.load(vm) {
            None => TextBuf::from("None"),
            Some(factory) => {
                if vm.repr_enter(&factory) {
                    TextBuf::from("...")
                } else {
                    let text = vm.repr(&factory);
                    vm.repr_leave(&factory);
                    text?.to_text()
                }
            }
        };
        let name = zelf.as_value().ty().tp_name();
        let mut text = TextBuf::from(format!("{}(", name.rsplit('.').next().unwrap_or_default()));
        text.push_text(&factory);
        text.push_str(", ");
        if let Some(items) = items.downcast::<Str>() {
            text.push_text(&items.to_text());
        }
        text.push_str(")");
        vm.new_str_text(&text)
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let (Some(left), Some(_)) = (a.downcast::<Dict>(), b.downcast::<Dict>()) else { return Ok(Value::not_implemented()) };
        let zelf = match (a.downcast::<DefaultDict>(), b.downcast::<DefaultDict>()) {
            (Some(zelf), _) | (None, Some(zelf)) => zelf.clone(),
            (None, None) => return Ok(Value::not_implemented()),
        };
        let factory = zelf.factory.load(vm).unwrap_or_else(Value::none);
        let ty = zelf.as_value().ty().to_value();
        let new = vm.call(&ty, &[factory, left.to_value()])?;
        let update = vm.intern("update");
        vm.call_method(&new, &update, std::slice::from_ref(b))?;
        Ok(new)
    }

    /// See PEP 585
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}
