//! The attributes of type objects.

use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::mappingproxy::MappingProxy;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::typeobject::{after_change, layout};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm, pymethods};

/// TypeError unless the attribute of the class may be set to `value`, which is then given back.
fn settable<'a>(vm: &mut Vm, ty: &Py<PyType>, value: Option<&'a Value>, name: &str) -> PyResult<&'a Value> {
    let class = ty.tp_name();
    if ty.has_flag(flags::IMMUTABLETYPE) {
        return Err(vm.type_error(format!("cannot set '{name}' attribute of immutable type '{class}'")));
    }
    let Some(value) = value else {
        return Err(vm.type_error(format!("cannot delete '{name}' attribute of immutable type '{class}'")));
    };
    vm.audit_attribute("object.__setattr__", ty.as_value(), name, Some(value))?;
    Ok(value)
}

/// The signature that a docstring begins with: the name, parameters in parentheses, a line `--` and an empty line.
fn signature_of_doc<'a>(doc: &'a str, name: &str) -> Option<&'a str> {
    let rest = doc.strip_prefix(name)?;
    let end = rest.find(")\n--\n\n")?;
    let signature = rest.get(..=end)?;
    (signature.starts_with('(') && !signature.contains("\n\n")).then_some(signature)
}

fn own(vm: &mut Vm, ty: &PyType, name: &Py<Str>) -> Option<Value> {
    ty.dict.get(vm).as_ref()?.get_str(vm, name).cloned()
}

fn set_own(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>, value: Value) -> PyResult<()> {
    if let Some(dict) = ty.dict.load(vm) {
        let old = dict.get_str(vm, name).cloned();
        dict.set_str(vm, name, value)?;
        after_change(vm, ty, name);
        drop(old);
    }
    Ok(())
}

fn remove_own(vm: &mut Vm, ty: &Py<PyType>, name: &Py<Str>) -> Option<Value> {
    let dict = ty.dict.load(vm)?;
    let old = dict.remove_str(vm, name);
    after_change(vm, ty, name);
    old
}

fn no_attribute(vm: &mut Vm, ty: &Py<PyType>, name: &str) -> Raised {
    let class = ty.tp_name();
    vm.attribute_error(format!("type object '{class}' has no attribute '{name}'"))
}

/// What an attribute's descriptor gives when it is looked up on the class itself.
fn bound(vm: &mut Vm, value: Value, ty: &Py<PyType>) -> PyResult {
    match value.type_ref().slots.descr_get.get() {
        Some(get) => get(vm, &value, None, Some(ty.as_value())),
        None => Ok(value),
    }
}

#[pymethods(part = ATTRS)]
impl PyType {
    #[getter]
    fn __name__(&self, vm: &mut Vm) -> PyResult {
        Ok(self.name.load(vm).unwrap_or_else(Value::none))
    }

    #[setter]
    fn set___name__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__name__")?;
        let Some(name) = value.downcast::<Str>() else {
            let (class, got) = (zelf.tp_name(), value.type_name());
            return Err(vm.type_error(format!("can only assign string to {class}.__name__, not '{got}'")));
        };
        if name.chars().any(|c| c == 0) {
            return Err(vm.value_error("type name must not contain null characters"));
        }
        let text = name.to_utf8(vm)?;
        let old = zelf.tp_name.replace(vm, text);
        drop(old);
        let old = zelf.name.replace(vm, Some(value.clone()));
        drop(old);
        Ok(())
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        Ok(self.qualname.load(vm).unwrap_or_else(Value::none))
    }

    #[setter]
    fn set___qualname__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__qualname__")?;
        if !value.is::<Str>() {
            let (class, got) = (zelf.tp_name(), value.type_name());
            return Err(vm.type_error(format!("can only assign string to {class}.__qualname__, not '{got}'")));
        }
        let old = zelf.qualname.replace(vm, Some(value.clone()));
        drop(old);
        Ok(())
    }

    #[getter]
    fn __module__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        // A native type may have a descriptor of that name, for its instances.
        if let Some(module) = own(vm, zelf, n!(__module__)).filter(|m| m.is::<Str>() || zelf.has_flag(flags::HEAPTYPE)) {
            return Ok(module);
        }
        if zelf.has_flag(flags::HEAPTYPE) {
            return Err(vm.attribute_error("__module__"));
        }
        let name = zelf.tp_name();
        let module = name.rsplit_once('.').map_or("builtins", |(m, _)| m);
        Ok(vm.intern(module).into_value())
    }

    #[setter]
    fn set___module__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__module__")?.clone();
        let old = remove_own(vm, zelf, n!(__firstlineno__));
        drop(old);
        set_own(vm, zelf, n!(__module__), value)
    }

    #[getter]
    fn __doc__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        match own(vm, zelf, n!(__doc__)) {
            // `type` itself has a descriptor under this name.
            Some(doc) if crate::types::typeobject::new::is_type_itself(zelf) || !zelf.has_flag(flags::HEAPTYPE) => {
                if doc.is::<Str>() || doc.is_none() {
                    return Ok(doc);
                }
                match zelf.native.get().and_then(|d| d.doc) {
                    Some(doc) => vm.new_str(doc).map(Py::into_value),
                    None => bound(vm, doc, zelf),
                }
            }
            Some(doc) => bound(vm, doc, zelf),
            None => Ok(Value::none()),
        }
    }

    #[setter]
    fn set___doc__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__doc__")?.clone();
        set_own(vm, zelf, n!(__doc__), value)
    }

    #[getter]
    fn __text_signature__(zelf: &Py<PyType>, vm: &mut Vm) -> Option<String> {
        if !zelf.has_flag(flags::HEAPTYPE) {
            return zelf.native.get().and_then(|d| d.text_signature).map(str::to_owned);
        }
        let doc = own(vm, zelf, n!(__doc__))?;
        let doc = doc.downcast::<Str>()?.to_string_lossy().into_owned();
        signature_of_doc(&doc, &zelf.tp_name()).map(str::to_owned)
    }

    #[getter]
    fn __dict__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        match zelf.dict.load(vm) {
            Some(dict) => MappingProxy::new_object(vm, dict.into_value()),
            None => Ok(Value::none()),
        }
    }

    #[getter]
    fn __bases__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match self.bases.load(vm) {
            Some(bases) => Ok(bases),
            None => vm.new_tuple(Vec::new()),
        }
    }

    #[setter]
    fn set___bases__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__bases__")?;
        layout::assign_bases(vm, zelf, value)
    }

    #[getter(member)]
    fn __base__(&self) -> Option<Py<PyType>> {
        self.base().cloned()
    }

    #[getter]
    fn __mro__(&self, vm: &mut Vm) -> Option<Py<Tuple>> {
        self.mro.load(vm)
    }

    #[getter(member)]
    fn __flags__(&self, vm: &mut Vm) -> u64 {
        let bits = self.core.flags.get() & 0xffff_ffff;
        // CPython allocates the types of its modules, all but those of its core and of datetime, though nobody can change them.
        const NOT_ALLOCATED: [&str; 7] = ["builtins", "datetime", "_contextvars", "string.templatelib", "sys", "types", "weakref"];
        let native = bits & crate::types::class::flags::IMMUTABLETYPE != 0;
        let module = if native { super::module_text(vm, self) } else { None };
        let core = matches!(self.tp_name().rsplit('.').next(), Some("OrderedDict" | "PickleBuffer" | "TypeAliasType"));
        let allocated = !core && module.is_some_and(|m| !NOT_ALLOCATED.contains(&m.as_str()));
        if allocated { bits | crate::types::class::flags::HEAPTYPE } else { bits }
    }

    #[getter(member)]
    fn __basicsize__(&self) -> u32 {
        if self.core.flags.get() & flags::LONG_SUBCLASS != 0 { crate::types::int::counted_basicsize(self) } else { self.core.basicsize.get() }
    }

    #[getter(member)]
    fn __itemsize__(&self) -> u32 {
        const ITEMS: u64 = flags::LONG_SUBCLASS | flags::TUPLE_SUBCLASS | flags::BYTES_SUBCLASS | flags::TYPE_SUBCLASS;
        let bits = self.core.flags.get();
        match bits & ITEMS {
            0 => 0,
            flags::LONG_SUBCLASS => 4,
            flags::BYTES_SUBCLASS => 1,
            flags::TYPE_SUBCLASS => 40,
            _ => 8,
        }
    }

    #[getter(member)]
    fn __dictoffset__(&self) -> i32 {
        if self.has_flag(flags::MANAGED_DICT) { -1 } else { 0 }
    }

    #[getter(member)]
    fn __weakrefoffset__(&self) -> i32 {
        if self.has_flag(flags::MANAGED_WEAKREF) { -24 } else { 0 }
    }

    #[getter]
    fn __abstractmethods__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        let is_type = crate::types::typeobject::new::is_type_itself(zelf);
        match own(vm, zelf, n!(__abstractmethods__)).filter(|_| !is_type) {
            Some(names) => Ok(names),
            None => Err(vm.attribute_error("__abstractmethods__")),
        }
    }

    #[setter]
    fn set___abstractmethods__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let bits = zelf.core.flags.get();
        match value {
            Some(value) => {
                let is_abstract = vm.is_true(value)?;
                set_own(vm, zelf, n!(__abstractmethods__), value.clone())?;
                let bit = flags::IS_ABSTRACT;
                zelf.core.flags.set(if is_abstract { bits | bit } else { bits & !bit });
            }
            None => {
                let Some(old) = remove_own(vm, zelf, n!(__abstractmethods__)) else { return Err(vm.attribute_error("__abstractmethods__")) };
                drop(old);
                zelf.core.flags.set(bits & !flags::IS_ABSTRACT);
            }
        }
        Ok(())
    }

    #[getter]
    fn __type_params__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        if crate::types::typeobject::new::is_type_itself(zelf) {
            return vm.new_tuple(Vec::new()).map(Py::into_value);
        }
        match own(vm, zelf, n!(__type_params__)) {
            Some(params) => Ok(params),
            None => vm.new_tuple(Vec::new()).map(Py::into_value),
        }
    }

    #[setter]
    fn set___type_params__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = settable(vm, zelf, value, "__type_params__")?;
        set_own(vm, zelf, n!(__type_params__), value.clone())
    }

    #[getter]
    fn __annotate__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        if !zelf.has_flag(flags::HEAPTYPE) {
            return Err(no_attribute(vm, zelf, "__annotate__"));
        }
        // The body of the class may define one itself.
        let found = match own(vm, zelf, n!(__annotate__)) {
            Some(f) => Some(f),
            None => own(vm, zelf, n!(__annotate_func__)),
        };
        match found {
            Some(function) => bound(vm, function, zelf),
            None => {
                set_own(vm, zelf, n!(__annotate_func__), Value::none())?;
                Ok(Value::none())
            }
        }
    }

    #[setter]
    fn set___annotate__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("cannot delete __annotate__ attribute")) };
        let value = settable(vm, zelf, Some(value), "__annotate__")?;
        if !value.is_none() && value.type_ref().slots.call.get().is_none() {
            return Err(vm.type_error("__annotate__ must be callable or None"));
        }
        set_own(vm, zelf, n!(__annotate_func__), value.clone())?;
        if !value.is_none() {
            let old = remove_own(vm, zelf, n!(__annotations_cache__));
            drop(old);
        }
        Ok(())
    }

    #[getter]
    fn __annotations__(zelf: &Py<PyType>, vm: &mut Vm) -> PyResult {
        if !zelf.has_flag(flags::HEAPTYPE) {
            return Err(no_attribute(vm, zelf, "__annotations__"));
        }
        let cached = match own(vm, zelf, n!(__annotations__)) {
            Some(a) => Some(a),
            None => own(vm, zelf, n!(__annotations_cache__)),
        };
        if let Some(annotations) = cached {
            return bound(vm, annotations, zelf);
        }
        let annotate = vm.getattr(zelf.as_value(), n!(__annotate__))?;
        let annotations = if annotate.type_ref().slots.call.get().is_some() {
            let result = vm.call(&annotate, &[Value::from_i32(1)])?;
            if !result.is::<Dict>() {
                let got = result.type_name();
                return Err(vm.type_error(format!("__annotate__ returned non-dict of type '{got}'")));
            }
            result
        } else {
            vm.new_dict()?.into_value()
        };
        set_own(vm, zelf, n!(__annotations_cache__), annotations.clone())?;
        Ok(annotations)
    }

    #[setter]
    fn set___annotations__(zelf: &Py<PyType>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if zelf.has_flag(flags::IMMUTABLETYPE) {
            let class = zelf.tp_name();
            return Err(vm.type_error(format!("cannot set '__annotations__' attribute of immutable type '{class}'")));
        }
        let key = match own(vm, zelf, n!(__annotations__)) {
            Some(_) => n!(__annotations__),
            None => n!(__annotations_cache__),
        };
        match value {
            Some(value) => set_own(vm, zelf, key, value.clone())?,
            None => match remove_own(vm, zelf, key) {
                Some(old) => drop(old),
                None => return Err(vm.attribute_error("__annotations__")),
            },
        }
        for key in [n!(__annotate_func__), n!(__annotate__)] {
            let old = remove_own(vm, zelf, key);
            drop(old);
        }
        Ok(())
    }
}
