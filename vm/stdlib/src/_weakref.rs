//! `_weakref`: functions over weak references; the types live in the runtime.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::weakref::proxy::{CallableProxy, Proxy};
use krait_runtime::types::weakref::{self, WeakRef};
use krait_runtime::{Py, PyClass, PyResult, Value, Vm, pyfunction};

/// The number of weak references to an object.
#[pyfunction(sig = "(object, /)")]
fn getweakrefcount(object: &Value) -> usize {
    weakref::list_of(object).len()
}

/// The weak references to an object, proxies included, in a list.
#[pyfunction(sig = "(object, /)")]
fn getweakrefs(object: &Value, vm: &mut Vm) -> PyResult<Py<List>> {
    vm.new_list(weakref::list_of(object))
}

/// Takes the item at key out of a dict if its value is a dead weak reference.
#[pyfunction(sig = "(dct, key, /)")]
fn _remove_dead_weakref(dct: &Py<Dict>, key: &Value, vm: &mut Vm) -> PyResult<()> {
    let Some(value) = dct.get(vm, key)? else { return Ok(()) };
    let Some(links) = weakref::links(&value) else { return Err(vm.type_error("not a weakref")) };
    if links.upgrade().is_none() {
        let old = dct.remove(vm, key)?;
        drop(old);
    }
    Ok(())
}

/// A stand-in for an object that does not keep it alive. The callback is called with the
/// proxy when the object goes away.
#[pyfunction(sig = "(object, callback=None, /)")]
fn proxy(object: &Value, callback: Value, vm: &mut Vm) -> PyResult {
    let callback = (!callback.is_none()).then_some(callback);
    weakref::new_proxy(vm, object, callback)
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let reference = WeakRef::type_object(vm).to_value();
    let types = [
        ("ref", reference.clone()),
        ("ReferenceType", reference),
        ("ProxyType", Proxy::type_object(vm).to_value()),
        ("CallableProxyType", CallableProxy::type_object(vm).to_value()),
    ];
    for (name, ty) in types {
        let name = vm.intern(name);
        dict.set_str(vm, &name, ty)?;
    }
    Ok(())
}

krait_runtime::module! { "_weakref", doc: "Weak references.", functions: [getweakrefcount, getweakrefs, _remove_dead_weakref, proxy], types: [], exec: init }
