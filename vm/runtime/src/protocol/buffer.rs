//! The buffer protocol (PEP 3118).
//!
//! A buffer never hands out a pointer: its bytes are looked at through the token, so no Python code can run, and no exporter can be
//! resized, while somebody looks. Exporters count their exports and refuse to resize meanwhile.

use crate::{PyResult, Value, Vm, pyclass};
use std::borrow::Cow;

/// How an exporter gives access to its memory.
pub struct BufferOps {
    /// The whole memory.
    pub bytes: for<'a> fn(&'a Vm, &'a Value) -> &'a [u8],
    /// The whole memory, to write; none if it is read-only.
    pub bytes_mut: for<'a> fn(&'a mut Vm, &'a Value) -> Option<&'a mut [u8]>,
    /// The buffer is given back.
    pub release: fn(&mut Vm, &Value),
}

/// One export of an object's memory. Give it back with [`Buffer::release`].
pub struct Buffer {
    /// The exporter.
    pub owner: Value,
    pub ops: &'static BufferOps,
    pub readonly: bool,
    /// `struct` format of one item.
    pub format: Cow<'static, str>,
    /// Bytes an item.
    pub itemsize: usize,
    /// Where the first item stands in the memory.
    pub offset: isize,
    pub shape: Vec<isize>,
    pub strides: Vec<isize>,
    /// Empty when there are none.
    pub suboffsets: Vec<isize>,
}

/// `PyBUF_*`.
pub mod flags {
    pub const SIMPLE: u32 = 0;
    pub const WRITABLE: u32 = 1;
    pub const FORMAT: u32 = 4;
    pub const ND: u32 = 8;
    pub const STRIDES: u32 = 0x10 | ND;
    pub const C_CONTIGUOUS: u32 = 0x20 | STRIDES;
    pub const F_CONTIGUOUS: u32 = 0x40 | STRIDES;
    pub const ANY_CONTIGUOUS: u32 = 0x80 | STRIDES;
    pub const INDIRECT: u32 = 0x100 | STRIDES;
    pub const FULL_RO: u32 = INDIRECT | FORMAT;
    pub const FULL: u32 = FULL_RO | WRITABLE;
}

impl Buffer {
    /// Bytes in a row.
    pub fn simple(owner: Value, ops: &'static BufferOps, readonly: bool, len: usize) -> Buffer {
        let len = isize::try_from(len).unwrap_or(isize::MAX);
        Buffer { owner, ops, readonly, format: Cow::Borrowed("B"), itemsize: 1, offset: 0, shape: vec![len], strides: vec![1], suboffsets: Vec::new() }
    }

    /// Bytes that all items take together.
    pub fn len_bytes(&self) -> usize {
        self.shape.iter().try_fold(self.itemsize, |n, &d| n.checked_mul(usize::try_from(d).ok()?)).unwrap_or(0)
    }

    /// The exporter's whole memory.
    pub fn memory<'a>(&'a self, vm: &'a Vm) -> &'a [u8] {
        (self.ops.bytes)(vm, &self.owner)
    }

    /// Whether the items stand in a row, the last index changing fastest (`PyBuffer_IsContiguous(.., 'C')`).
    pub fn is_c_contiguous(&self) -> bool {
        self.suboffsets.is_empty() && self.is_contiguous(self.shape.iter().zip(&self.strides).rev())
    }

    /// Whether the items stand in a row, the first index changing fastest.
    pub fn is_f_contiguous(&self) -> bool {
        self.suboffsets.is_empty() && self.is_contiguous(self.shape.iter().zip(&self.strides))
    }

    fn is_contiguous<'a>(&self, mut dims: impl Iterator<Item = (&'a isize, &'a isize)>) -> bool {
        if self.len_bytes() == 0 {
            return true;
        }
        let mut step = self.itemsize as isize;
        dims.all(|(&n, &stride)| {
            let fits = n <= 1 || stride == step;
            step = step.saturating_mul(n);
            fits
        })
    }

    /// Calls `each` with the memory of every item, in C order.
    pub fn for_each_item<'a>(&'a self, vm: &'a Vm, mut each: impl FnMut(&'a [u8])) {
        self.walk(self.memory(vm), self.offset, 0, &mut each);
    }

    fn walk<'a>(&self, memory: &'a [u8], at: isize, dim: usize, each: &mut impl FnMut(&'a [u8])) {
        let (Some(&n), Some(&stride)) = (self.shape.get(dim), self.strides.get(dim)) else {
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            if let Some(item) = start.checked_add(self.itemsize).and_then(|end| memory.get(start..end)) {
                each(item);
            }
            return;
        };
        for i in 0..n {
            self.walk(memory, at.wrapping_add(i.wrapping_mul(stride)), dim + 1, each);
        }
    }

    /// The items' bytes in C order.
    pub fn to_vec(&self, vm: &Vm) -> Vec<u8> {
        let memory = self.memory(vm);
        if self.is_c_contiguous() {
            let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
            let end = start.saturating_add(self.len_bytes());
            return memory.get(start..end).unwrap_or_default().to_vec();
        }
        let mut out = Vec::with_capacity(self.len_bytes());
        self.for_each_item(vm, |item| out.extend_from_slice(item));
        out
    }

    /// Gives the buffer back to its exporter.
    pub fn release(self, vm: &mut Vm) {
        (self.ops.release)(vm, &self.owner);
    }
}

impl Vm {
    /// The object's buffer, or TypeError "a bytes-like object is required, not 'T'".
    pub fn buffer(&mut self, object: &Value, flags: u32) -> PyResult<Buffer> {
        use crate::types::value::ValueExt;
        match object.type_ref().slots.buffer.get() {
            Some(slot) => slot(self, object, flags),
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("a bytes-like object is required, not '{name}'")))
            }
        }
    }
}

/// What exports the memory of an object whose class has `__buffer__` (PEP 688): the view that it gave, and the object.
#[pyclass(name = "_buffer_wrapper", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct BufferWrapper {
    pub view: Value,
    pub object: Value,
}

fn wrapper_memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<BufferWrapper>() {
        Some(wrapper) => {
            let wrapper: &'a BufferWrapper = wrapper;
            (crate::types::memoryview::VIEW_BUFFER.bytes)(vm, &wrapper.view)
        }
        None => &[],
    }
}

fn wrapper_memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let wrapper: &'a BufferWrapper = owner.downcast::<BufferWrapper>()?;
    (crate::types::memoryview::VIEW_BUFFER.bytes_mut)(vm, &wrapper.view)
}

/// Gives the view's buffer back, tells the object, and releases the view.
fn wrapper_release(vm: &mut Vm, owner: &Value) {
    let Some(wrapper) = owner.downcast::<BufferWrapper>() else { return };
    (crate::types::memoryview::VIEW_BUFFER.release)(vm, &wrapper.view);
    let name = vm.intern("__release_buffer__");
    if let Err(e) = vm.call_special(&wrapper.object, &name, std::slice::from_ref(&wrapper.view)) {
        vm.unraisable(e, &wrapper.object);
    }
    if let Some(view) = wrapper.view.downcast::<crate::types::memoryview::MemoryView>()
        && let Err(e) = view.release_now(vm) {
            vm.unraisable(e, &wrapper.object);
        }
}

/// Access to memory through [`BufferWrapper`].
pub static WRAPPER_BUFFER: BufferOps = BufferOps { bytes: wrapper_memory, bytes_mut: wrapper_memory_mut, release: wrapper_release };

impl Vm {
    /// The buffer of `object`, whose `__buffer__` has given `view`, a memoryview.
    pub fn buffer_of_view(&mut self, object: &Value, view: Value, flags: u32) -> PyResult<Buffer> {
        let made = self.buffer(&view, flags)?;
        let wrapper = self.new_object(BufferWrapper { view, object: object.clone() })?;
        Ok(Buffer { owner: wrapper.into_value(), ops: &WRAPPER_BUFFER, ..made })
    }
}
