//! Attributes, comparison, hash, truth, text forms, items and instance tests of any object.

use crate::types::exceptions::AttributeError;
use crate::types::instance;
use crate::types::object::Object;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm};

impl Vm {
    /// `object.name`; `name` is interned.
    #[inline]
    pub fn getattr(&mut self, object: &Value, name: &Py<Str>) -> PyResult {
        let result = match object.type_ref().slots.getattro.get() {
            Some(slot) => slot(self, object, name),
            None => self.generic_getattr(object, name),
        };
        result.map_err(|raised| self.note_attribute(raised, object, name))
    }

    /// Lets an AttributeError without a name and an object, as a `__getattr__` may raise it, bear those that were asked for.
    #[cold]
    fn note_attribute(&mut self, raised: Raised, object: &Value, name: &Py<Str>) -> Raised {
        if let Some(e) = raised.exception().as_value().downcast::<AttributeError>()
            && e.name.load(self).is_none() && e.obj.load(self).is_none() {
                e.name.replace(self, Some(name.to_value()));
                e.obj.replace(self, Some(object.clone()));
            }
        raised
    }

    /// `getattr(object, name, None)`, none if it raises AttributeError.
    pub fn getattr_opt(&mut self, object: &Value, name: &Py<Str>) -> PyResult<Option<Value>> {
        let ty = object.ty();
        let result = match (ty.slots.getattro.get(), Object::type_object(self).slots.getattro.get()) {
            // The standard ways tell without an exception that there is no such attribute.
            (None, _) => self.generic_getattr_opt(object, name),
            (Some(slot), Some(standard)) if std::ptr::fn_addr_eq(slot, standard) => self.generic_getattr_opt(object, name),
            (Some(slot), _) => match (object.downcast::<PyType>(), PyType::type_object(self).slots.getattro.get()) {
                (Some(class), Some(standard)) if std::ptr::fn_addr_eq(slot, standard) => crate::types::typeobject::getattro_opt(self, class, name),
                _ => slot(self, object, name).map(Some),
            },
        };
        match result {
            Err(e) if self.is_raised::<AttributeError>(&e) => Ok(None),
            other => other,
        }
    }

    /// `object.name` for a Rust name.
    pub fn getattr_str(&mut self, object: &Value, name: &str) -> PyResult {
        let name = self.intern(name);
        self.getattr(object, &name)
    }

    /// `object.name = value`.
    #[inline]
    pub fn setattr(&mut self, object: &Value, name: &Py<Str>, value: &Value) -> PyResult<()> {
        self.set_or_delete(object, name, Some(value))
    }

    /// `del object.name`.
    pub fn delattr(&mut self, object: &Value, name: &Py<Str>) -> PyResult<()> {
        self.set_or_delete(object, name, None)
    }

    fn set_or_delete(&mut self, object: &Value, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
        match object.type_ref().slots.setattro.get() {
            Some(slot) => slot(self, object, name, value),
            None => self.generic_setattr(object, name, value),
        }
    }

    /// `object.__getattribute__`: data descriptors of the type, the instance's own attributes, the type's other attributes.
    pub fn generic_getattr(&mut self, object: &Value, name: &Py<Str>) -> PyResult {
        match self.generic_getattr_opt(object, name)? {
            Some(value) => Ok(value),
            None => Err(self.no_attribute(object, name)),
        }
    }

    /// The same, none if there is no such attribute.
    pub fn generic_getattr_opt(&mut self, object: &Value, name: &Py<Str>) -> PyResult<Option<Value>> {
        let ty = object.ty();
        let found = ty.lookup(self, name);
        if let Some(descr) = &found {
            let slots = &descr.type_ref().slots;
            if let (Some(get), true) = (slots.descr_get.get(), slots.descr_set.get().is_some()) {
                let ty = ty.clone();
                return get(self, descr, Some(object), Some(ty.as_value())).map(Some);
            }
        }
        if let Some(header) = object.header()
            && let Some(value) = instance::get(self, header, name) {
                return Ok(Some(value.clone()));
            }
        if object.type_ref().has_flag(crate::types::class::flags::NO_DICT)
            && let Some(value) = self.module_attr(object, name) {
                return Ok(Some(value));
            }
        let Some(descr) = found else { return Ok(None) };
        match descr.type_ref().slots.descr_get.get() {
            Some(get) => {
                let ty = object.ty().clone();
                get(self, &descr, Some(object), Some(ty.as_value())).map(Some)
            }
            None => Ok(Some(descr)),
        }
    }

    /// The attribute of a module: its namespace does not stand in front of it.
    #[cold]
    fn module_attr(&self, object: &Value, name: &Py<Str>) -> Option<Value> {
        let module = object.downcast::<crate::types::module::Module>()?;
        module.dict.get(self).as_ref()?.get_str(self, name).cloned()
    }

    /// `object.__setattr__` and `object.__delattr__`.
    pub fn generic_setattr(&mut self, object: &Value, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
        let found = object.type_ref().lookup(self, name);
        if let Some(descr) = &found
            && let Some(set) = descr.type_ref().slots.descr_set.get() {
                return set(self, descr, object, value);
            }
        let module = match object.type_ref().has_flag(crate::types::class::flags::NO_DICT) {
            true => object.downcast::<crate::types::module::Module>(),
            false => None,
        };
        let done = match (value, module) {
            (Some(value), None) => instance::set(self, object, name, value.clone())?,
            (None, None) => instance::delete(self, object, name)?,
            (Some(value), Some(module)) => {
                module.namespace(self)?.set_str(self, name, value.clone())?;
                true
            }
            (None, Some(module)) => module.namespace(self)?.remove_str(self, name).is_some(),
        };
        if done { Ok(()) } else { Err(self.cannot_set(object, name, value.is_some(), found.is_some())) }
    }

    #[cold]
    fn cannot_set(&mut self, object: &Value, name: &Py<Str>, setting: bool, on_type: bool) -> Raised {
        let has_dict = object.header().is_some_and(instance::has_dict);
        let (ty, attr) = (object.type_name(), name.to_string_lossy().into_owned());
        let message = match (has_dict, on_type) {
            (true, _) if !setting => format!("'{ty}' object has no attribute '{attr}'"),
            (_, true) => format!("'{ty}' object attribute '{attr}' is read-only"),
            (false, false) if setting => {
                format!("'{ty}' object has no attribute '{attr}' and no __dict__ for setting new attributes")
            }
            (_, false) => format!("'{ty}' object has no attribute '{attr}'"),
        };
        self.attribute_error_for(&message, object, name)
    }

    /// `a OP b`, any object.
    pub fn rich_compare(&mut self, a: &Value, b: &Value, op: CompareOp) -> PyResult {
        self.check_stack(" in comparison")?;
        let (ta, tb) = (a.ty(), b.ty());
        let mut tried_reflected = false;
        if !ta.is(tb) && tb.is_subtype(self, ta)
            && let Some(slot) = tb.slots.richcompare.get() {
                tried_reflected = true;
                let result = slot(self, b, a, op.swapped())?;
                if !result.is_not_implemented() {
                    return Ok(result);
                }
            }
        if let Some(slot) = a.type_ref().slots.richcompare.get() {
            let result = slot(self, a, b, op)?;
            if !result.is_not_implemented() {
                return Ok(result);
            }
        }
        if !tried_reflected
            && let Some(slot) = b.type_ref().slots.richcompare.get() {
                let result = slot(self, b, a, op.swapped())?;
                if !result.is_not_implemented() {
                    return Ok(result);
                }
            }
        match op {
            CompareOp::Eq => Ok(Value::from_bool(a.is_identical(b, self))),
            CompareOp::Ne => Ok(Value::from_bool(!a.is_identical(b, self))),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {
                let (ta, tb, symbol) = (a.type_name(), b.type_name(), op.symbol());
                Err(self.type_error(format!("'{symbol}' not supported between instances of '{ta}' and '{tb}'")))
            }
        }
    }

    /// The truth of `a OP b`; identity implies equality, as containers compare.
    #[inline]
    pub fn compare_bool(&mut self, a: &Value, b: &Value, op: CompareOp) -> PyResult<bool> {
        if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
            return Ok(match op {
                CompareOp::Lt => x < y,
                CompareOp::Le => x <= y,
                CompareOp::Eq => x == y,
                CompareOp::Ne => x != y,
                CompareOp::Gt => x > y,
                CompareOp::Ge => x >= y,
            });
        }
        if a.is_same(b) {
            match op {
                CompareOp::Eq => return Ok(true),
                CompareOp::Ne => return Ok(false),
                CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {}
            }
        }
        let result = self.rich_compare(a, b, op)?;
        self.is_true(&result)
    }

    /// `a is b or a == b`.
    #[inline]
    pub fn eq(&mut self, a: &Value, b: &Value) -> PyResult<bool> {
        if let (Some(x), Some(y)) = (a.downcast_exact::<Str>(), b.downcast_exact::<Str>()) {
            return Ok(x.eq_chars(y));
        }
        self.compare_bool(a, b, CompareOp::Eq)
    }

    /// `hash(object)`.
    #[inline]
    pub fn hash(&mut self, object: &Value) -> PyResult<i64> {
        if let Some(s) = object.downcast_exact::<Str>() {
            return Ok(s.hash_value(self));
        }
        if let Some(i) = object.as_small_int() {
            // Below the modulus of numeric hashes ints are their own; -1 says that something was raised.
            if i.unsigned_abs() < (1 << 61) - 1 {
                return Ok(if i == -1 { -2 } else { i });
            }
        }
        match object.type_ref().slots.hash.get() {
            Some(slot) => slot(self, object),
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("unhashable type: '{name}'")))
            }
        }
    }

    /// `bool(object)`.
    #[inline]
    pub fn is_true(&mut self, object: &Value) -> PyResult<bool> {
        if object.is_true() {
            return Ok(true);
        }
        if object.is_false() || object.is_none() {
            return Ok(false);
        }
        if let Some(i) = object.as_small_int() {
            return Ok(i != 0);
        }
        let slots = &object.type_ref().slots;
        if let Some(slot) = slots.nb_bool.get() {
            return slot(self, object);
        }
        match slots.len.get() {
            Some(slot) => Ok(slot(self, object)? != 0),
            None => Ok(true),
        }
    }

    /// `repr(object)`.
    pub fn repr(&mut self, object: &Value) -> PyResult<Py<Str>> {
        self.check_stack(" while getting the repr of an object")?;
        let Some(slot) = object.type_ref().slots.repr.get() else {
            let text = format!("<{} object at {:#x}>", object.type_name(), object.id());
            return self.new_str(&text);
        };
        let result = slot(self, object)?;
        self.expect_str(result, "__repr__")
    }

    /// `str(object)`.
    pub fn str(&mut self, object: &Value) -> PyResult<Py<Str>> {
        if let Some(s) = object.downcast_exact::<Str>() {
            return Ok(s.clone());
        }
        self.check_stack(" while getting the str of an object")?;
        match object.type_ref().slots.str.get() {
            Some(slot) => {
                let result = slot(self, object)?;
                self.expect_str(result, "__str__")
            }
            None => self.repr(object),
        }
    }

    fn expect_str(&mut self, value: Value, method: &str) -> PyResult<Py<Str>> {
        value.into_py::<Str>().map_err(|value| {
            let name = value.type_name();
            self.type_error(format!("{method} returned non-string (type {name})"))
        })
    }

    /// `len(object)`.
    pub fn len(&mut self, object: &Value) -> PyResult<usize> {
        match object.type_ref().slots.len.get() {
            Some(slot) => slot(self, object),
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("object of type '{name}' has no len()")))
            }
        }
    }

    /// `object[key]`.
    pub fn getitem(&mut self, object: &Value, key: &Value) -> PyResult {
        if let Some(slot) = object.type_ref().slots.getitem.get() {
            return slot(self, object, key);
        }
        if object.type_ref().slots.item.get().is_some() {
            if key.type_ref().slots.nb_index.get().is_some() {
                let index = self.as_isize(key)?;
                return self.sequence_item(object, index);
            }
            let name = key.type_name();
            return Err(self.type_error(format!("sequence index must be integer, not '{name}'")));
        }
        if let Some(cls) = object.downcast::<PyType>() {
            return self.class_getitem(cls, key);
        }
        let name = object.type_name();
        Err(self.type_error(format!("'{name}' object is not subscriptable")))
    }

    fn class_getitem(&mut self, cls: &Py<PyType>, key: &Value) -> PyResult {
        if crate::types::typeobject::new::is_type_itself(cls) {
            return crate::types::genericalias::new_alias(self, cls.to_value(), key.clone());
        }
        match self.getattr_opt(cls.as_value(), n!(__class_getitem__))?.filter(|m| !m.is_none()) {
            Some(method) => self.call(&method, std::slice::from_ref(key)),
            None => {
                let name = cls.tp_name();
                Err(self.type_error(format!("type '{name}' is not subscriptable")))
            }
        }
    }

    /// `object[index]` by position, negative ones from the end.
    pub fn sequence_item(&mut self, object: &Value, index: isize) -> PyResult {
        if let Some(slot) = object.type_ref().slots.item.get() {
            let mut index = index;
            if index < 0 && object.type_ref().slots.len.get().is_some() {
                index = index.saturating_add_unsigned(self.len(object)?);
            }
            return slot(self, object, index);
        }
        let key = self.new_int(index)?;
        self.getitem(object, &key)
    }

    /// `object[key] = value`.
    pub fn setitem(&mut self, object: &Value, key: &Value, value: &Value) -> PyResult<()> {
        match object.type_ref().slots.setitem.get() {
            Some(slot) => slot(self, object, key, Some(value)),
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("'{name}' object does not support item assignment")))
            }
        }
    }

    /// `del object[key]`.
    pub fn delitem(&mut self, object: &Value, key: &Value) -> PyResult<()> {
        match object.type_ref().slots.setitem.get() {
            Some(slot) => slot(self, object, key, None),
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("'{name}' object doesn't support item deletion")))
            }
        }
    }

    /// `item in container`.
    pub fn contains(&mut self, container: &Value, item: &Value) -> PyResult<bool> {
        if let Some(slot) = container.type_ref().slots.contains.get() {
            return slot(self, container, item);
        }
        self.contains_by_iteration(container, item)
    }

    /// `item in container` for what has no `__contains__`.
    pub fn contains_by_iteration(&mut self, container: &Value, item: &Value) -> PyResult<bool> {
        let iterator = match self.iter(container) {
            Ok(iterator) => iterator,
            Err(e) if self.is_raised::<crate::types::exceptions::TypeError>(&e) && container.type_ref().slots.iter.get().is_none() => {
                let name = container.type_name();
                return Err(self.type_error(format!("argument of type '{name}' is not a container or iterable")));
            }
            Err(e) => return Err(e),
        };
        while let Some(x) = self.iter_next(&iterator)? {
            if self.eq(&x, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reports an exception that nobody can handle, through `sys.unraisablehook`.
    pub fn unraisable(&mut self, raised: Raised, object: &Value) {
        crate::types::exceptions::unraisable::report(self, raised, object);
    }
}
