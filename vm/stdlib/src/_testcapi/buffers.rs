//! Buffers as native code asks for and makes them.

use krait_runtime::protocol::buffer::{Buffer, BufferOps, flags};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// Exports four bytes and counts who holds them.
#[pyclass(name = "testBuf", module = "_testcapi", gc)]
pub struct TestBuf {
    bytes: Py<Bytes>,
    references: Cell<usize>,
}

fn memory<'a>(_: &'a Vm, owner: &'a Value) -> &'a [u8] {
    owner.downcast::<TestBuf>().map_or(&[], |b| b.bytes.as_bytes())
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(b) = owner.downcast::<TestBuf>() {
        b.references.set(b.references.get().saturating_sub(1));
    }
}

static OPS: BufferOps = BufferOps { bytes: memory, bytes_mut: |_, _| None, release, object: krait_runtime::protocol::buffer::itself };

#[pymethods]
impl TestBuf {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TestBuf>> {
        let _ = args;
        let bytes = vm.new_bytes(b"test")?;
        vm.new_instance(cls, TestBuf { bytes, references: Cell::new(0) })
    }

    /// How many buffers are out.
    #[getter]
    fn references(&self) -> usize {
        self.references.get()
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<TestBuf>, request: u32, vm: &mut Vm) -> PyResult<Buffer> {
        vm.check_buffer_request(request)?;
        if request & flags::WRITABLE != 0 {
            return Err(vm.buffer_error("Object is not writable."));
        }
        zelf.references.set(zelf.references.get() + 1);
        Ok(Buffer::simple(zelf.to_value(), &OPS, true, zelf.bytes.len()))
    }

    /// Give up a memoryview of the object.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<TestBuf>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }
}

/// A memoryview of a copy of the bytes, filled in as for a request with these flags.
#[pyfunction(sig = "(source, readonly, flags, /)")]
pub fn buffer_fill_info(source: &Value, readonly: bool, flags: i32, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
    vm.check_buffer_request(flags as u32)?;
    if readonly && flags as u32 & flags::WRITABLE != 0 {
        return Err(vm.buffer_error("Object is not writable."));
    }
    let bytes = vm.byte_view(source)?.to_vec();
    let owner = vm.new_bytearray(bytes)?.into_value();
    let buffer = vm.buffer(&owner, flags::SIMPLE)?;
    vm.memoryview_of(Buffer { readonly, ..buffer })
}

/// Locks an exporter without a place for its buffer, which old native code did: no exporter knows that, so BufferError.
#[pyfunction(sig = "(object, /)")]
pub fn getbuffer_with_null_view(object: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = object.type_name();
    if object.type_ref().slots.buffer.get().is_none() {
        return Err(vm.type_error(format!("a bytes-like object is required, not '{name}'")));
    }
    Err(vm.buffer_error(format!("{name}: view==NULL argument is obsolete")))
}

/// The size of an item of a format.
#[pyfunction(sig = "(format, /)")]
#[allow(non_snake_case, reason = "Python's name")]
pub fn PyBuffer_SizeFromFormat(format: &Value, vm: &mut Vm) -> PyResult<usize> {
    Ok(crate::_struct::layout_of(vm, format)?.size)
}
