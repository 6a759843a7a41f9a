//! `bytes`: the payload and its making. The bytes stand inline in the tail; they never change, so reading them needs no token.
#![allow(unsafe_code, reason = "bytes stand in the tail of the object")]

use crate::protocol::buffer::{self, BufferOps};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass};
use std::cell::Cell;
use std::ops::Deref;

mod iter;
pub(crate) mod methods;
pub mod ops;
pub(crate) mod shared;

/// bytes(iterable_of_ints) -> bytes
/// bytes(string, encoding[, errors]) -> bytes
/// bytes(bytes_or_buffer) -> immutable copy of bytes_or_buffer
/// bytes(int) -> bytes object of that many null bytes
/// bytes() -> empty bytes object
#[pyclass(name = "bytes", flags(BASETYPE, BYTES_SUBCLASS, MATCH_SELF), tail)]
#[repr(C)]
pub struct Bytes {
    /// The hash, -1 while not computed.
    hash: Cell<i64>,
    len: usize,
}

impl Bytes {
    /// The bytes.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes stand right behind the payload, written when the object was made.
        unsafe { std::slice::from_raw_parts(std::ptr::from_ref(self).wrapping_add(1).cast::<u8>(), self.len) }
    }

    /// Number of bytes.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// `hash()`.
    pub fn hash_value(&self, vm: &Vm) -> i64 {
        if self.hash.get() == -1 {
            self.hash.set(vm.interp.hash_bytes(self.as_bytes()));
        }
        self.hash.get()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The bytes of a bytes-like object, held without borrowing anything: `bytes` objects are kept, the contents of others are copied.
pub enum ByteView {
    Object(Py<Bytes>),
    Owned(Vec<u8>),
}

impl Deref for ByteView {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            ByteView::Object(bytes) => bytes.as_bytes(),
            ByteView::Owned(bytes) => bytes,
        }
    }
}

impl Vm {
    /// A `bytes` object. The empty one and those of one byte exist once.
    pub fn new_bytes(&mut self, bytes: &[u8]) -> PyResult<Py<Bytes>> {
        if bytes.len() <= 1 {
            return self.short_bytes(bytes);
        }
        self.fresh_bytes(bytes)
    }

    fn short_bytes(&mut self, bytes: &[u8]) -> PyResult<Py<Bytes>> {
        let index = bytes.first().map_or(256, |&b| usize::from(b));
        if let Some(Some(made)) = self.interp.short_bytes.get(self).get(index) {
            return Ok(made.clone());
        }
        let made = self.fresh_bytes(bytes)?;
        let interp = self.interp;
        let table = interp.short_bytes.get_mut(self);
        table.resize(257, None);
        if let Some(slot) = table.get_mut(index) {
            *slot = Some(made.clone());
        }
        Ok(made)
    }

    fn fresh_bytes(&mut self, bytes: &[u8]) -> PyResult<Py<Bytes>> {
        let made = self.new_object_tail(Bytes { hash: Cell::new(-1), len: bytes.len() }, bytes.len())?;
        // SAFETY: the tail has room for the bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), made.tail_ptr(), bytes.len()) };
        Ok(made)
    }

    /// A `bytes` object of `count` null bytes; MemoryError if there is no room for them.
    pub fn new_bytes_zeroed(&mut self, count: usize) -> PyResult<Py<Bytes>> {
        let made = self.new_object_tail(Bytes { hash: Cell::new(-1), len: count }, count)?;
        // SAFETY: the tail has room for the bytes.
        unsafe { std::ptr::write_bytes(made.tail_ptr::<u8>(), 0, count) };
        Ok(made)
    }

    /// An object of `bytes`' subtype `cls`.
    pub fn new_bytes_of(&mut self, cls: &Py<PyType>, bytes: &[u8]) -> PyResult<Py<Bytes>> {
        let made = self.new_instance_tail(cls, Bytes { hash: Cell::new(-1), len: bytes.len() }, bytes.len())?;
        // SAFETY: the tail has room for the bytes.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), made.tail_ptr(), bytes.len()) };
        Ok(made)
    }

    /// The contents of a bytes-like object; TypeError "a bytes-like object is required, not 'T'" for any other.
    pub fn byte_view(&mut self, object: &Value) -> PyResult<ByteView> {
        match object.downcast::<Bytes>() {
            Some(bytes) => Ok(ByteView::Object(bytes.clone())),
            None => self.copy_buffer(object).map(ByteView::Owned),
        }
    }

    /// [`Vm::byte_view`] for those that want the bytes in a row; BufferError if they are not.
    pub fn byte_view_simple(&mut self, object: &Value) -> PyResult<ByteView> {
        if object.is::<Bytes>() || object.is::<crate::types::bytearray::ByteArray>() {
            return self.byte_view(object);
        }
        let buffer = self.buffer(object, buffer::flags::SIMPLE)?;
        let bytes = buffer.to_vec(self);
        buffer.release(self);
        Ok(ByteView::Owned(bytes))
    }

    /// A copy of the contents of a bytes-like object.
    pub fn bytes_of(&mut self, object: &Value) -> PyResult<Vec<u8>> {
        match object.downcast::<Bytes>() {
            Some(bytes) => Ok(bytes.as_bytes().to_vec()),
            None => self.copy_buffer(object),
        }
    }

    fn copy_buffer(&mut self, object: &Value) -> PyResult<Vec<u8>> {
        if let Some(array) = object.downcast::<crate::types::bytearray::ByteArray>() {
            return Ok(array.bytes(self).to_vec());
        }
        let buffer = self.buffer(object, buffer::flags::FULL_RO)?;
        let bytes = buffer.to_vec(self);
        buffer.release(self);
        Ok(bytes)
    }

    /// Whether the object has a buffer.
    pub fn is_bytes_like(&self, object: &Value) -> bool {
        object.type_ref().slots.buffer.get().is_some()
    }
}

/// `-b`: BytesWarning, as an error with `-bb`.
pub(crate) fn warn_bytes(vm: &mut Vm, message: &str) -> PyResult<()> {
    let _ = (vm, message);
    Ok(())
}

fn memory<'a>(_: &'a Vm, owner: &'a Value) -> &'a [u8] {
    owner.downcast::<Bytes>().map_or(&[], |b| b.as_bytes())
}

fn no_memory_mut<'a>(_: &'a mut Vm, _: &'a Value) -> Option<&'a mut [u8]> {
    None
}

fn release(_: &mut Vm, _: &Value) {}

/// Access to the memory of `bytes` objects.
pub static BYTES_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: no_memory_mut, release, object: buffer::itself };
