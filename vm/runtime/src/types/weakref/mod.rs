//! `weakref.ref` and proxies, over the heap's lists.
//!
//! In a referent's list the reference without callback of the exact type comes first and the proxy without callback second; they are shared
//! by all who ask for one. The others follow, newest first, which is the order in which their callbacks are called.

use crate::types::class::flags;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use krait_heap::{WeakLinks, weakrefs_head};
use std::cell::Cell;

pub mod proxy;

use proxy::{CallableProxy, Proxy};

/// A reference to an object that does not keep it alive. Calling it gives the object, or
/// None once the object is gone; then the callback is called with the reference.
#[pyclass(name = "ReferenceType", module = "weakref", flags(BASETYPE), gc)]
#[repr(C)]
pub struct WeakRef {
    pub links: WeakLinks,
    /// The referent's hash, -1 while not known.
    hash: Cell<i64>,
}

/// The links of a reference or proxy.
pub fn links(weak: &Value) -> Option<&WeakLinks> {
    if let Some(weak) = weak.downcast::<WeakRef>() {
        return Some(&weak.links);
    }
    if let Some(weak) = weak.downcast::<Proxy>() {
        return Some(&weak.links);
    }
    weak.downcast::<CallableProxy>().map(|weak| &weak.links)
}

/// The weak references to an object, proxies included.
pub fn list_of(object: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut at = object.header().filter(|_| supports(object)).and_then(weakrefs_head);
    while let Some(weak) = at {
        at = links(&weak).and_then(WeakLinks::next);
        found.push(weak);
    }
    found
}

/// Whether there can be weak references to the object.
pub fn supports(object: &Value) -> bool {
    object.type_ref().has_flag(flags::MANAGED_WEAKREF)
}

#[cold]
fn unsupported(vm: &mut Vm, object: &Value) -> Raised {
    let name = object.type_name();
    vm.type_error(format!("cannot create weak reference to '{name}' object"))
}

/// The shared reference and the shared proxy, if they are there.
fn basics(object: &Value) -> (Option<Value>, Option<Value>) {
    let plain = |weak: &Value| links(weak).is_some_and(|l| !l.has_callback());
    let is_proxy = |weak: &Value| weak.is::<Proxy>() || weak.is::<CallableProxy>();
    let Some(first) = object.header().and_then(weakrefs_head).filter(plain) else { return (None, None) };
    if is_proxy(&first) {
        return (None, Some(first));
    }
    if !first.is_exact::<WeakRef>() {
        return (None, None);
    }
    let second = links(&first).and_then(WeakLinks::next).filter(|w| plain(w) && is_proxy(w));
    (Some(first), second)
}

/// `weakref.ref(object, callback)`; the shared reference where there is one.
pub fn new_ref(vm: &mut Vm, object: &Value, callback: Option<Value>) -> PyResult<Value> {
    let cls = <WeakRef as crate::PyClass>::type_object(vm);
    make_ref(vm, cls, object, callback)
}

fn make_ref(vm: &mut Vm, cls: &Py<PyType>, object: &Value, callback: Option<Value>) -> PyResult<Value> {
    if !supports(object) {
        return Err(unsupported(vm, object));
    }
    let exact = cls.is(<WeakRef as crate::PyClass>::type_object(vm));
    let shared = exact && callback.is_none();
    if let (true, (Some(basic), _)) = (shared, basics(object)) {
        return Ok(basic);
    }
    let weak = vm.new_instance(cls, WeakRef { links: WeakLinks::new(callback), hash: Cell::new(-1) })?;
    let (reference, proxy) = basics(object);
    let after = if shared { None } else { proxy.or(reference) };
    if let Some(header) = object.header() {
        weak.links.link(weak.header(), header, after.as_ref().and_then(Value::header));
    }
    Ok(weak.into_value())
}

/// `weakref.proxy(object, callback)`.
pub fn new_proxy(vm: &mut Vm, object: &Value, callback: Option<Value>) -> PyResult<Value> {
    if !supports(object) {
        return Err(unsupported(vm, object));
    }
    let shared = callback.is_none();
    if let (true, (_, Some(basic))) = (shared, basics(object)) {
        return Ok(basic);
    }
    let payload = WeakLinks::new(callback);
    let weak = if object.type_ref().slots.call.get().is_some() {
        vm.new_object(CallableProxy { links: payload })?.into_value()
    } else {
        vm.new_object(Proxy { links: payload })?.into_value()
    };
    let (reference, proxy) = basics(object);
    let after = if shared { reference } else { proxy.or(reference) };
    if let (Some(links), Some(this), Some(header)) = (links(&weak), weak.header(), object.header()) {
        links.link(this, header, after.as_ref().and_then(Value::header));
    }
    Ok(weak)
}

/// The type's qualified name, behind its module unless that is `builtins` or `__main__` (`PyType_GetFullyQualifiedName`).
fn fully_qualified(vm: &Vm, ty: &PyType) -> String {
    let name = crate::types::typeobject::full_name(vm, ty);
    match name.strip_prefix("__main__.") {
        Some(short) => short.to_owned(),
        None => name,
    }
}

/// "<kind at 0x...; to 'T' at 0x... (name)>".
fn describe(vm: &mut Vm, kind: &str, weak: &Value, named: bool) -> PyResult<Py<Str>> {
    let referent = links(weak).and_then(WeakLinks::upgrade);
    let id = weak.id();
    let Some(referent) = referent else { return vm.new_str(&format!("<{kind} at {id:#x}; dead>")) };
    let name = if named { vm.lookup_special(&referent, n!(__name__))? } else { None };
    let name = match name.as_ref().and_then(|n| n.downcast::<Str>()) {
        Some(name) => format!(" ({})", name.to_string_lossy()),
        None => String::new(),
    };
    let text = format!("<{kind} at {id:#x}; to '{}' at {:#x}{name}>", fully_qualified(vm, referent.ty()), referent.id());
    vm.new_str(&text)
}

#[pymethods]
impl WeakRef {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let positional = args.positional();
        crate::args::check_positional(vm, "__new__", positional.len(), 1, 2)?;
        let Some(object) = positional.first() else { return Err(vm.type_error("__new__ expected at least 1 argument, got 0")) };
        let callback = positional.get(1).filter(|c| !c.is_none()).cloned();
        make_ref(vm, cls, object, callback)
    }

    #[init]
    fn py_init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        args.no_keywords(vm, "ref")?;
        crate::args::check_positional(vm, "__init__", args.positional().len(), 1, 2)
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "weakref")?;
        crate::args::check_positional(vm, "weakref", args.values().len(), 0, 0)?;
        Ok(self.links.upgrade().unwrap_or_else(Value::none))
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        if self.hash.get() != -1 {
            return Ok(self.hash.get());
        }
        match self.links.upgrade() {
            Some(object) => {
                let hash = vm.hash(&object)?;
                self.hash.set(hash);
                Ok(hash)
            }
            None => Err(vm.type_error("weak object has gone away")),
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<WeakRef>, vm: &mut Vm) -> PyResult<Py<Str>> {
        describe(vm, "weakref", zelf.as_value(), true)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<WeakRef>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(right) = other.downcast::<WeakRef>() else { return Ok(Value::not_implemented()) };
        if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::not_implemented());
        }
        match (zelf.links.upgrade(), right.links.upgrade()) {
            (Some(a), Some(b)) => vm.rich_compare(&a, &b, op),
            _ => Ok(Value::from_bool(zelf.is(right) == (op == CompareOp::Eq))),
        }
    }

    #[getter]
    fn __callback__(&self) -> Option<Value> {
        self.links.callback()
    }

    /// See PEP 585.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, item)
    }
}

/// The callback of a weak reference whose referent has died.
pub fn call_callback(vm: &mut Vm, weak: &Value) {
    let Some(callback) = links(weak).and_then(|l| l.callback.take()) else { return };
    if let Err(e) = vm.call(&callback, std::slice::from_ref(weak)) {
        crate::types::exceptions::unraisable::report_while(vm, e, "Exception ignored while calling weakref callback", &callback);
    }
}
