//! `_testlimitedcapi`: sequence protocol from native code, for tests.
//!
//! In CPython these test the limited C interface. Krait has none; here is what has a meaning without it.

use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::unraisable;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

/// An item of a sequence by its number.
#[pyfunction(sig = "(sequence, index, /)")]
fn sequence_getitem(sequence: &Value, index: i64, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.getitem(sequence, &index)
}

/// Replace an item of a sequence.
#[pyfunction(sig = "(sequence, index, value, /)")]
fn sequence_setitem(sequence: &Value, index: i64, value: &Value, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.setitem(sequence, &index, value)?;
    Ok(Value::from_i32(0))
}

/// Delete an item of a sequence.
#[pyfunction(sig = "(sequence, index, /)")]
fn sequence_delitem(sequence: &Value, index: i64, vm: &mut Vm) -> PyResult {
    let index = vm.new_int(index)?;
    vm.delitem(sequence, &index)?;
    Ok(Value::from_i32(0))
}

/// 1 if the object has an attribute of this name, else 0; other exceptions than AttributeError are reported and count as no.
#[pyfunction(sig = "(object, name, /)")]
fn object_hasattrstring(object: &Value, name: &Py<Bytes>, vm: &mut Vm) -> i32 {
    let text = String::from_utf8_lossy(name.as_bytes()).into_owned();
    let name = vm.intern(&text);
    match vm.getattr_opt(object, &name) {
        Ok(found) => i32::from(found.is_some()),
        Err(e) => {
            let message = "Exception ignored in PyObject_HasAttrString(); consider using PyObject_HasAttrStringWithError(), \
                           PyObject_GetOptionalAttrString() or PyObject_GetAttrString()";
            unraisable::report_with(vm, e, Some(message), None);
            0
        }
    }
}

/// Calls a callable with "foo" and baz="bar".
#[pyfunction(sig = "(callable, /)")]
fn call_vectorcall(callable: &Value, vm: &mut Vm) -> PyResult {
    let values = [vm.intern("foo").into_value(), vm.intern("bar").into_value()];
    let names = [vm.intern("baz").into_value()];
    vm.call_args(callable, Args::with_keywords(&values, &names))
}

/// Calls the method `f` of an object with "foo" and baz="bar".
#[pyfunction(sig = "(object, /)")]
fn call_vectorcall_method(object: &Value, vm: &mut Vm) -> PyResult {
    let method = vm.getattr_str(object, "f")?;
    call_vectorcall(&method, vm)
}

/// Objects that can be called.
#[pyclass(name = "LimitedVectorCallClass", module = "_testlimitedcapi", flags(BASETYPE, HAVE_VECTORCALL))]
struct LimitedVectorCallClass {}

#[pymethods]
impl LimitedVectorCallClass {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<LimitedVectorCallClass>> {
        vm.new_instance(cls, LimitedVectorCallClass {})
    }

    #[slot(call)]
    fn slot_call(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult<&'static str> {
        Ok("vectorcall called")
    }
}

/// Objects that can be called.
#[pyclass(name = "LimitedRelativeVectorCallClass", module = "_testlimitedcapi", flags(BASETYPE, HAVE_VECTORCALL))]
struct LimitedRelativeVectorCallClass {}

#[pymethods]
impl LimitedRelativeVectorCallClass {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<LimitedRelativeVectorCallClass>> {
        vm.new_instance(cls, LimitedRelativeVectorCallClass {})
    }

    #[slot(call)]
    fn slot_call(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult<&'static str> {
        Ok("vectorcall called")
    }
}

krait_runtime::module! {
    "_testlimitedcapi",
    doc: "Sequences from native code, for tests.",
    functions: [sequence_getitem, sequence_setitem, sequence_delitem, object_hasattrstring, call_vectorcall, call_vectorcall_method],
    types: [LimitedVectorCallClass, LimitedRelativeVectorCallClass],
}
