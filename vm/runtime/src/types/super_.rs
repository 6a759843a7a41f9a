//! `super`: attribute look-up that begins behind a class in the MRO of an object's class.

use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// super() -> as super(__class__, first argument)
/// super(type) -> unbound
/// super(type, obj) -> bound to obj, an instance of type
/// super(type, type2) -> bound to type2, a subclass of type
///
/// Attributes are looked up in the classes behind type in the method resolution order.
#[pyclass(name = "super", flags(BASETYPE), gc)]
#[repr(C)]
pub struct Super {
    this: GilCell<Option<Py<PyType>>>,
    object: GilCell<Option<Value>>,
    /// The class whose MRO is walked.
    object_type: GilCell<Option<Py<PyType>>>,
}

/// The class whose MRO `super(ty, object)` walks: `object` itself if it is a subclass of `ty`, else its class.
fn check(vm: &mut Vm, ty: &Py<PyType>, object: &Value) -> PyResult<Py<PyType>> {
    if let Some(class) = object.downcast::<PyType>()
        && class.is_subtype(vm, ty) {
            return Ok(class.clone());
        }
    if object.type_ref().is_subtype(vm, ty) {
        return Ok(object.ty().clone());
    }
    if let Some(class) = vm.getattr_opt(object, n!(__class__))?
        && let Some(class) = class.downcast::<PyType>()
            && !class.is(object.ty()) && class.is_subtype(vm, ty) {
                return Ok(class.clone());
            }
    let (what, got) = match object.downcast::<PyType>() {
        Some(class) => ("type", class.tp_name()),
        None => ("instance of", object.type_name()),
    };
    let want = ty.tp_name();
    Err(vm.type_error(format!("super(type, obj): obj ({what} {got}) is not an instance or subtype of type ({want}).")))
}

/// The attribute `name` behind `this` in the MRO of `start`, not bound.
fn lookup(vm: &Vm, this: &Py<PyType>, start: &Py<PyType>, name: &Py<Str>) -> Option<Value> {
    let mro = start.mro.get(vm).as_ref()?;
    let behind = mro.items().iter().skip_while(|c| !c.is_same(this.as_value())).skip(1);
    behind.filter_map(|c| c.downcast::<PyType>()).find_map(|c| c.dict.get(vm).as_ref()?.get_str(vm, name).cloned())
}

/// What `super(this, object).name` finds, bound; none if there is nothing. For the evaluator's LOAD_SUPER_ATTR too.
pub fn super_lookup(vm: &mut Vm, this: &Py<PyType>, object: &Value, start: &Py<PyType>, name: &Py<Str>) -> PyResult<Option<Value>> {
    let Some(found) = lookup(vm, this, start, name) else { return Ok(None) };
    match found.type_ref().slots.descr_get.get() {
        Some(get) => {
            let instance = if object.is_same(start.as_value()) { None } else { Some(object) };
            get(vm, &found, instance, Some(start.as_value())).map(Some)
        }
        None => Ok(Some(found)),
    }
}

#[pymethods]
impl Super {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        let payload = Super { this: GilCell::new(None), object: GilCell::new(None), object_type: GilCell::new(None) };
        Ok(vm.new_instance(cls, payload)?.into_value())
    }

    #[init]
    fn init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let given = args.unpack(vm, "super", 0, 2)?;
        let (ty, object) = match given {
            [] => {
                let (ty, object) = vm.super_arguments()?;
                (ty, Some(object))
            }
            [ty] => (ty.clone(), None),
            [ty, object, ..] => (ty.clone(), Some(object.clone()).filter(|o| !o.is_none())),
        };
        let Some(this) = ty.downcast::<PyType>().cloned() else {
            let got = ty.type_name();
            return Err(vm.type_error(format!("super() argument 1 must be a type, not {got}")));
        };
        let object_type = match &object {
            Some(object) => Some(check(vm, &this, object)?),
            None => None,
        };
        let old = (self.this.replace(vm, Some(this)), self.object.replace(vm, object), self.object_type.replace(vm, object_type));
        drop(old);
        Ok(())
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let this = self.this.load(vm).map_or_else(|| "NULL".to_owned(), |t| t.tp_name());
        let text = match self.object_type.load(vm) {
            Some(ty) => format!("<super: <class '{this}'>, <{} object>>", ty.tp_name()),
            None => format!("<super: <class '{this}'>, NULL>"),
        };
        vm.new_str(&text)
    }

    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<Super>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        if let (Some(this), Some(object), Some(start), false) =
            (zelf.this.load(vm), zelf.object.load(vm), zelf.object_type.load(vm), name.is(n!(__class__)))
            && let Some(found) = super_lookup(vm, &this, &object, &start, name)? {
                return Ok(found);
            }
        vm.generic_getattr(zelf.as_value(), name)
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Super>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object.filter(|o| !o.is_none()) else { return Ok(zelf.to_value()) };
        if zelf.object.get(vm).is_some() {
            return Ok(zelf.to_value());
        }
        let Some(this) = zelf.this.load(vm) else { return Ok(zelf.to_value()) };
        if !zelf.is_exact() {
            let class = zelf.as_value().ty().to_value();
            return vm.call(&class, &[this.into_value(), object.clone()]);
        }
        let start = check(vm, &this, object)?;
        let payload = Super { this: GilCell::new(Some(this)), object: GilCell::new(Some(object.clone())), object_type: GilCell::new(Some(start)) };
        Ok(vm.new_object(payload)?.into_value())
    }

    /// The class that invoked super().
    #[getter(member, name = "__thisclass__")]
    fn this_class(&self, vm: &mut Vm) -> Option<Py<PyType>> {
        self.this.load(vm)
    }

    /// The instance, or the class, that super() was called for.
    #[getter(member, name = "__self__")]
    fn self_(&self, vm: &mut Vm) -> Option<Value> {
        self.object.load(vm)
    }

    /// The class of the instance that super() was called for.
    #[getter(member, name = "__self_class__")]
    fn self_class(&self, vm: &mut Vm) -> Option<Py<PyType>> {
        self.object_type.load(vm)
    }
}
