//! `bytearray`: a growable vector of bytes. It cannot be resized while its memory is exported.

use crate::protocol::buffer::{BufferOps, itself};
use crate::protocol::memory::has_room;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};
use std::cell::Cell;

mod iter;
mod methods;

/// bytearray(iterable_of_ints) -> bytearray
/// bytearray(string, encoding[, errors]) -> bytearray
/// bytearray(bytes_or_buffer) -> mutable copy of bytes_or_buffer
/// bytearray(int) -> bytearray of that many null bytes
/// bytearray() -> empty bytearray
#[pyclass(name = "bytearray", flags(BASETYPE, MATCH_SELF))]
#[repr(C)]
pub struct ByteArray {
    #[traverse(skip)]
    data: GilCell<Vec<u8>>,
    /// Buffers that are out.
    pub exports: Cell<usize>,
}

impl ByteArray {
    /// A payload with these bytes.
    pub fn new(data: Vec<u8>) -> ByteArray {
        ByteArray { data: GilCell::new(data), exports: Cell::new(0) }
    }

    /// The bytes; no Python code can run while you look.
    #[inline(always)]
    pub fn bytes<'a>(&'a self, vm: &'a Vm) -> &'a [u8] {
        self.data.get(vm)
    }

    /// The bytes, to change without changing their number.
    #[inline(always)]
    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    pub fn bytes_mut<'a>(&'a self, vm: &'a mut Vm) -> &'a mut [u8] {
        self.data.get_mut(vm)
    }

    /// The vector, to resize; BufferError while there are exports.
    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    pub fn resize_guard<'a>(&'a self, vm: &'a mut Vm) -> PyResult<&'a mut Vec<u8>> {
        if self.exports.get() > 0 {
            return Err(vm.buffer_error("Existing exports of data: object cannot be re-sized"));
        }
        Ok(self.data.get_mut(vm))
    }

    /// Makes room for `more` bytes; BufferError while there are exports, MemoryError if there is no room.
    pub fn reserve(&self, vm: &mut Vm, more: usize) -> PyResult<()> {
        let fits = has_room(self.resize_guard(vm)?, more);
        if fits { Ok(()) } else { Err(vm.memory_error()) }
    }
}

impl Vm {
    /// A `bytearray`.
    pub fn new_bytearray(&mut self, data: Vec<u8>) -> PyResult<Py<ByteArray>> {
        self.new_object(ByteArray::new(data))
    }
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    owner.downcast::<ByteArray>().map_or(&[], |b| b.bytes(vm))
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    owner.downcast::<ByteArray>().map(|b| b.bytes_mut(vm))
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(b) = owner.downcast::<ByteArray>() {
        b.exports.set(b.exports.get().saturating_sub(1));
    }
}

/// Access to the memory of `bytearray` objects; whoever makes a buffer with it counts it in `exports`.
pub static BYTEARRAY_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object: itself };
