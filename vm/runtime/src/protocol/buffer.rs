//! The buffer protocol (PEP 3118).
//!
//! A buffer never hands out a pointer: its bytes are looked at through the token, so no Python code can run, and no exporter can be
//! resized, while somebody looks. Exporters count their exports and refuse to resize meanwhile.

use crate::types::memoryview::{ManagedBuffer, MemoryView, View};
use crate::types::native::MethodDescr;
use crate::types::typeobject::wrapper::WrapperDescr;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};
use std::borrow::Cow;

/// How an exporter gives access to its memory.
pub struct BufferOps {
    /// The whole memory.
    pub bytes: for<'a> fn(&'a Vm, &'a Value) -> &'a [u8],
    /// The whole memory, to write; none if it is read-only.
    pub bytes_mut: for<'a> fn(&'a mut Vm, &'a Value) -> Option<&'a mut [u8]>,
    /// The buffer is given back.
    pub release: fn(&mut Vm, &Value),
    /// The object that Python code sees as the exporter: the owner itself for nearly all ([`itself`]).
    pub object: fn(&Value) -> Value,
}

/// The owner is the exporter.
pub fn itself(owner: &Value) -> Value {
    owner.clone()
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
    /// Empty when there are none. Where one is not negative, a pointer stands at the place that index and stride give; the items are that
    /// far behind what it points to. A pointer is the place within the exporter's memory, as a native `usize`: memory cannot point elsewhere.
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
    /// Not requests, but whether a memoryview of raw memory may be written.
    pub const READ: u32 = 0x100;
    pub const WRITE: u32 = 0x200;
}

/// More dimensions no view has.
pub const MAX_NDIM: usize = 64;

/// The place behind the pointer that stands at `at`, or `at` itself where there is no pointer; -1 if the memory ends before.
pub fn follow(memory: &[u8], at: isize, suboffset: Option<&isize>) -> isize {
    let Some(&suboffset) = suboffset.filter(|&&s| s >= 0) else { return at };
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    let word = start.checked_add(size_of::<usize>()).and_then(|end| memory.get(start..end)).and_then(|w| w.try_into().ok());
    match word {
        Some(word) => isize::try_from(usize::from_ne_bytes(word)).ok().and_then(|p| p.checked_add(suboffset)).unwrap_or(-1),
        None => -1,
    }
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

    /// Calls `each` with the place of every item in the memory, in C order. An item that is not within the memory is left out.
    fn for_each_place(&self, memory: &[u8], mut each: impl FnMut(usize)) {
        self.walk(memory, self.offset, 0, &mut each);
    }

    fn walk(&self, memory: &[u8], at: isize, dim: usize, each: &mut impl FnMut(usize)) {
        let (Some(&n), Some(&stride)) = (self.shape.get(dim), self.strides.get(dim)) else {
            let start = usize::try_from(at).unwrap_or(usize::MAX);
            if start.checked_add(self.itemsize).is_some_and(|end| end <= memory.len()) {
                each(start);
            }
            return;
        };
        for i in 0..n {
            let place = follow(memory, at.wrapping_add(i.wrapping_mul(stride)), self.suboffsets.get(dim));
            self.walk(memory, place, dim + 1, each);
        }
    }

    /// Calls `each` with the memory of every item, in C order.
    pub fn for_each_item<'a>(&'a self, vm: &'a Vm, mut each: impl FnMut(&'a [u8])) {
        let memory = self.memory(vm);
        self.for_each_place(memory, |at| each(memory.get(at..at + self.itemsize).unwrap_or_default()));
    }

    /// Where the items stand in the memory, in C order.
    pub fn places(&self, vm: &Vm) -> Vec<usize> {
        let mut out = Vec::new();
        self.for_each_place(self.memory(vm), |at| out.push(at));
        out
    }

    /// Where the item at these indices stands, which are checked to be within the shape.
    pub fn place_of(&self, vm: &Vm, indices: &[isize]) -> Option<usize> {
        let memory = self.memory(vm);
        let mut at = self.offset;
        for (dim, &i) in indices.iter().enumerate() {
            at = follow(memory, at.wrapping_add(i.wrapping_mul(*self.strides.get(dim)?)), self.suboffsets.get(dim));
        }
        usize::try_from(at).ok()
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

    /// The items' bytes in Fortran order.
    pub fn to_vec_fortran(&self, vm: &Vm) -> Vec<u8> {
        let ordered = self.to_vec(vm);
        let mut shape = self.shape.clone();
        let mut strides = contiguous_strides(&shape, self.itemsize, false);
        shape.reverse();
        strides.reverse();
        let owner = self.owner.clone();
        let turned = Buffer { owner, format: self.format.clone(), offset: 0, shape, strides, suboffsets: Vec::new(), ..*self };
        let mut out = Vec::with_capacity(ordered.len());
        turned.for_each_place(&ordered, |at| out.extend_from_slice(ordered.get(at..at + self.itemsize).unwrap_or_default()));
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
            Some(slot) => {
                let buffer = slot(self, object, flags)?;
                self.with_release_hook(object, buffer)
            }
            None => {
                let name = object.type_name();
                Err(self.type_error(format!("a bytes-like object is required, not '{name}'")))
            }
        }
    }

    /// A buffer that a native exporter gave, so that `__release_buffer__` of a class made in Python hears of its end.
    pub fn with_release_hook(&mut self, object: &Value, buffer: Buffer) -> PyResult<Buffer> {
        let hooked = buffer.owner.downcast::<ReleaseHook>().is_some() || !(buffer.ops.object)(&buffer.owner).is_same(object);
        if hooked || !has_release_hook(self, object) {
            return Ok(buffer);
        }
        let view = View::of(&buffer);
        let hook = self.new_object(ReleaseHook { owner: buffer.owner.clone(), ops: buffer.ops, view })?;
        Ok(Buffer { owner: hook.into_value(), ops: &HOOK_BUFFER, ..buffer })
    }

    /// SystemError if the flags are not a request but say how raw memory is seen.
    pub fn check_buffer_request(&mut self, flags: u32) -> PyResult<()> {
        if flags == flags::READ || flags == flags::WRITE { Err(self.system_error("bad argument to internal function")) } else { Ok(()) }
    }

    /// `__release_buffer__` of the native exporter `object`: gives up the memoryview, which must be of its memory.
    pub fn release_view_of(&mut self, object: &Value, view: &Value) -> PyResult<()> {
        let Some(view) = view.downcast::<MemoryView>() else { return Err(self.type_error("expected a memoryview object")) };
        if view.released.get() {
            return Err(self.value_error("memoryview's buffer has already been released"));
        }
        let exporter = view.source.object();
        if exporter.is_none() {
            return Ok(());
        }
        if !exporter.is_same(object) {
            return Err(self.value_error("memoryview's buffer is not this object"));
        }
        view.release_now(self)
    }
}

/// Whether the object's class was made in Python and has a `__release_buffer__` of its own.
fn has_release_hook(vm: &Vm, object: &Value) -> bool {
    use crate::types::value::ValueExt;
    let ty = object.type_ref();
    ty.core.has(crate::types::class::flags::HEAPTYPE) && ty.lookup(vm, n!(__release_buffer__)).is_some_and(|f| !f.is::<MethodDescr>() && !f.is::<WrapperDescr>())
}

/// A native exporter's buffer whose end a `__release_buffer__` written in Python hears of.
#[pyclass(name = "_buffer_release_hook", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct ReleaseHook {
    owner: Value,
    #[traverse(skip)]
    ops: &'static BufferOps,
    #[traverse(skip)]
    view: View,
}

fn hook_memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<ReleaseHook>() {
        Some(hook) => {
            let hook: &'a ReleaseHook = hook;
            (hook.ops.bytes)(vm, &hook.owner)
        }
        None => &[],
    }
}

fn hook_memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let hook: &'a ReleaseHook = owner.downcast::<ReleaseHook>()?;
    (hook.ops.bytes_mut)(vm, &hook.owner)
}

fn hook_object(owner: &Value) -> Value {
    owner.downcast::<ReleaseHook>().map_or_else(|| owner.clone(), |hook| (hook.ops.object)(&hook.owner))
}

/// Shows the method a view that it cannot keep, then gives the buffer back.
fn hook_release(vm: &mut Vm, owner: &Value) {
    let Some(hook) = owner.downcast::<ReleaseHook>() else { return };
    let object = hook_object(owner);
    let told = vm.restricted_view(&hook.owner, hook.ops, hook.view.clone()).and_then(|view| {
        let result = vm.call_special(&object, n!(__release_buffer__), &[view.to_value()]);
        let released = view.release_now(vm);
        result.and(released)
    });
    if let Err(e) = told {
        release_failed(vm, e, &object);
    }
    (hook.ops.release)(vm, &hook.owner);
}

fn release_failed(vm: &mut Vm, e: crate::Raised, object: &Value) {
    use crate::types::value::ValueExt;
    let message = format!("Exception ignored in __release_buffer__ of {}", object.type_name());
    crate::types::exceptions::unraisable::report_with(vm, e, Some(&message), None);
}

/// Access to memory through [`ReleaseHook`].
static HOOK_BUFFER: BufferOps = BufferOps { bytes: hook_memory, bytes_mut: hook_memory_mut, release: hook_release, object: hook_object };

/// The strides of items in a row, the last index (or, for `fortran`, the first) changing fastest.
pub fn contiguous_strides(shape: &[isize], itemsize: usize, fortran: bool) -> Vec<isize> {
    let mut strides = vec![0; shape.len()];
    let mut step = isize::try_from(itemsize).unwrap_or(isize::MAX);
    let mut place = |i: usize| {
        if let (Some(stride), Some(&n)) = (strides.get_mut(i), shape.get(i)) {
            *stride = step;
            step = step.saturating_mul(n);
        }
    };
    if fortran { (0..shape.len()).for_each(&mut place) } else { (0..shape.len()).rev().for_each(&mut place) }
    strides
}

/// What exports the memory of an object whose class has `__buffer__` (PEP 688): the view that it gave, and the object.
#[pyclass(name = "_buffer_wrapper", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct BufferWrapper {
    /// None once the buffer has been given back.
    view: GilCell<Option<Py<MemoryView>>>,
    /// What the view is a view of.
    source: Py<ManagedBuffer>,
    object: Value,
}

fn wrapper_memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<BufferWrapper>() {
        Some(wrapper) => {
            let source: &'a ManagedBuffer = &wrapper.source;
            (source.ops.bytes)(vm, &source.owner)
        }
        None => &[],
    }
}

fn wrapper_memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let source: &'a ManagedBuffer = &owner.downcast::<BufferWrapper>()?.source;
    (source.ops.bytes_mut)(vm, &source.owner)
}

/// Gives the view's buffer back, tells the object unless the view is of the object's own memory, and lets go of the view.
fn wrapper_release(vm: &mut Vm, owner: &Value) {
    let Some(wrapper) = owner.downcast::<BufferWrapper>() else { return };
    let Some(view) = wrapper.view.replace(vm, None) else { return };
    (crate::types::memoryview::VIEW_BUFFER.release)(vm, view.as_value());
    if !view.source.object().is_same(&wrapper.object)
        && has_release_hook(vm, &wrapper.object)
        && let Err(e) = vm.call_special(&wrapper.object, n!(__release_buffer__), &[view.to_value()]) {
            release_failed(vm, e, &wrapper.object);
        }
    drop(view);
    wrapper.source.give_back_if_unseen(vm);
}

/// Access to memory through [`BufferWrapper`].
pub static WRAPPER_BUFFER: BufferOps = BufferOps { bytes: wrapper_memory, bytes_mut: wrapper_memory_mut, release: wrapper_release, object: itself };

impl Vm {
    /// The buffer of `object`, whose `__buffer__` has given this view.
    pub fn buffer_of_view(&mut self, object: &Value, view: &Py<MemoryView>, flags: u32) -> PyResult<Buffer> {
        let made = self.buffer(view.as_value(), flags)?;
        let wrapper = BufferWrapper { view: GilCell::new(Some(view.clone())), source: view.source.clone(), object: object.clone() };
        let wrapper = self.new_object(wrapper)?;
        Ok(Buffer { owner: wrapper.into_value(), ops: &WRAPPER_BUFFER, ..made })
    }
}
