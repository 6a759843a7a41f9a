//! `pickle.PickleBuffer` (PEP 574): marks a buffer that may be left out of the pickle.

use krait_runtime::protocol::buffer::{Buffer, flags};
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::borrow::Cow;

/// Wrapper for potentially out-of-band buffers
#[pyclass(name = "PickleBuffer", module = "pickle", flags(BASETYPE), managed)]
#[repr(C)]
pub struct PickleBuffer {
    /// A view that keeps the memory exported, and the object that owns the memory; none when released.
    view: GilCell<Option<(Value, Value)>>,
}

impl PickleBuffer {
    fn owner(&self, vm: &mut Vm) -> PyResult {
        match self.view.get(vm) {
            Some((_, owner)) => Ok(owner.clone()),
            None => Err(vm.value_error("operation forbidden on released PickleBuffer object")),
        }
    }

    /// The memory, whatever its shape.
    pub fn export(&self, vm: &mut Vm) -> PyResult<Buffer> {
        let owner = self.owner(vm)?;
        vm.buffer(&owner, flags::FULL_RO)
    }
}

/// The bytes of a contiguous buffer in the order of memory.
pub fn raw_bytes(vm: &Vm, buffer: &Buffer) -> Vec<u8> {
    let start = usize::try_from(buffer.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(buffer.len_bytes());
    buffer.memory(vm).get(start..end).unwrap_or_default().to_vec()
}

#[pymethods]
impl PickleBuffer {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<PickleBuffer>> {
        args.no_keywords(vm, "PickleBuffer")?;
        let [object] = args.positional() else {
            let n = args.positional().len();
            return Err(vm.type_error(format!("PickleBuffer() takes exactly 1 argument ({n} given)")));
        };
        if object.ty().slots.buffer.get().is_none() {
            let name = object.type_name();
            return Err(vm.type_error(format!("a bytes-like object is required, not '{name}'")));
        }
        let view = vm.new_memoryview(object, flags::FULL_RO)?.into_value();
        let owner = match object.downcast::<PickleBuffer>() {
            Some(other) => other.owner(vm)?,
            None => object.clone(),
        };
        vm.new_instance(cls, PickleBuffer { view: GilCell::new(Some((view, owner))) })
    }

    /// Return a memoryview of the raw memory underlying this buffer; BufferError if it is not contiguous.
    ///
    /// The view is one-dimensional and of single bytes, whatever the shape of the buffer.
    #[method]
    fn raw(&self, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        let buffer = self.export(vm)?;
        if !buffer.is_c_contiguous() && !buffer.is_f_contiguous() {
            buffer.release(vm);
            return Err(vm.buffer_error("cannot extract raw buffer from non-contiguous buffer"));
        }
        let len = isize::try_from(buffer.len_bytes()).unwrap_or(isize::MAX);
        vm.memoryview_of(Buffer { format: Cow::Borrowed("B"), itemsize: 1, shape: vec![len], strides: vec![1], suboffsets: Vec::new(), ..buffer })
    }

    /// Release the underlying buffer exposed by the PickleBuffer object.
    #[method]
    fn release(&self, vm: &mut Vm) -> PyResult<()> {
        let Some((view, _)) = self.view.replace(vm, None) else { return Ok(()) };
        let name = vm.intern("release");
        vm.call_method(&view, &name, &[]).map(drop)
    }

    #[slot(buffer)]
    fn buffer(&self, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        let owner = self.owner(vm)?;
        vm.buffer(&owner, flags)
    }
}
