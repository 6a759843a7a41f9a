//! `memoryview`: a view of an exporter's memory, with shape, strides and format.
//!
//! Views that were made of each other share one [`ManagedBuffer`], which gives the buffer back to the exporter when the last of them
//! is gone or released. A view's own buffers are counted; while there are any it cannot be released.

use crate::protocol::buffer::{self, Buffer, BufferOps};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};
use std::borrow::Cow;
use std::cell::Cell;

mod attrs;
mod cast;
mod index;
pub mod items;
mod iter;

/// A buffer that views share.
#[pyclass(name = "managedbuffer", flags(DISALLOW_INSTANTIATION), gc)]
pub struct ManagedBuffer {
    pub owner: Value,
    #[traverse(skip)]
    ops: &'static BufferOps,
    /// Views that have not been released.
    views: Cell<usize>,
    /// The buffer has been given back.
    released: Cell<bool>,
}

impl ManagedBuffer {
    fn give_back(&self, vm: &mut Vm) {
        if !self.released.replace(true) {
            (self.ops.release)(vm, &self.owner);
        }
    }
}

#[pymethods]
impl ManagedBuffer {
    #[slot(del)]
    fn slot_del(&self, vm: &mut Vm) -> PyResult<()> {
        self.give_back(vm);
        Ok(())
    }
}

/// How a view looks at the memory.
#[derive(Clone)]
pub struct View {
    pub readonly: bool,
    pub format: Cow<'static, str>,
    pub itemsize: usize,
    /// Where the first item stands in the exporter's memory.
    pub offset: isize,
    pub shape: Vec<isize>,
    pub strides: Vec<isize>,
    pub suboffsets: Vec<isize>,
}

impl View {
    fn of(buffer: &Buffer) -> View {
        View {
            readonly: buffer.readonly,
            format: buffer.format.clone(),
            itemsize: buffer.itemsize,
            offset: buffer.offset,
            shape: buffer.shape.clone(),
            strides: buffer.strides.clone(),
            suboffsets: buffer.suboffsets.clone(),
        }
    }

    /// Number of items.
    fn count(&self) -> usize {
        self.shape.iter().try_fold(1usize, |n, &d| n.checked_mul(usize::try_from(d).ok()?)).unwrap_or(0)
    }

    /// Bytes that all items take together.
    fn nbytes(&self) -> usize {
        self.count().saturating_mul(self.itemsize)
    }
}

/// A view of the memory of an object that has a buffer.
#[pyclass(name = "memoryview", flags(SEQUENCE, NO_DICT), managed, text_signature = "(object)")]
pub struct MemoryView {
    pub(crate) source: Py<ManagedBuffer>,
    #[traverse(skip)]
    pub(crate) view: View,
    pub(crate) released: Cell<bool>,
    /// Buffers of this view that are out.
    pub(crate) exports: Cell<usize>,
    pub(crate) hash: Cell<i64>,
}

impl Drop for MemoryView {
    fn drop(&mut self) {
        if !self.released.get() {
            // Giving the buffer back is the shared object's finalizer's business.
            self.source.views.set(self.source.views.get().saturating_sub(1));
        }
    }
}

impl MemoryView {
    /// ValueError if the view has been released.
    pub(crate) fn check(&self, vm: &mut Vm) -> PyResult<&View> {
        if self.released.get() || self.source.released.get() {
            return Err(vm.value_error("operation forbidden on released memoryview object"));
        }
        Ok(&self.view)
    }

    /// As a buffer of the view itself, which is not counted.
    pub(crate) fn as_buffer(zelf: &Py<MemoryView>) -> Buffer {
        let view = &zelf.view;
        Buffer {
            owner: zelf.to_value(),
            ops: &VIEW_BUFFER,
            readonly: view.readonly,
            format: view.format.clone(),
            itemsize: view.itemsize,
            offset: view.offset,
            shape: view.shape.clone(),
            strides: view.strides.clone(),
            suboffsets: view.suboffsets.clone(),
        }
    }

    /// The items' bytes in C order.
    pub(crate) fn bytes_of(zelf: &Py<MemoryView>, vm: &Vm) -> Vec<u8> {
        MemoryView::as_buffer(zelf).to_vec(vm)
    }

    /// The exporter's memory.
    pub(crate) fn memory<'a>(&'a self, vm: &'a Vm) -> &'a [u8] {
        let source: &'a ManagedBuffer = &self.source;
        (source.ops.bytes)(vm, &source.owner)
    }

    /// The exporter's memory, to write.
    pub(crate) fn memory_mut<'a>(&'a self, vm: &'a mut Vm) -> Option<&'a mut [u8]> {
        let source: &'a ManagedBuffer = &self.source;
        (source.ops.bytes_mut)(vm, &source.owner)
    }

    /// Another view of the same memory.
    pub(crate) fn other(&self, vm: &mut Vm, view: View) -> PyResult<Py<MemoryView>> {
        let source = self.source.clone();
        source.views.set(source.views.get() + 1);
        vm.new_object(MemoryView { source, view, released: Cell::new(false), exports: Cell::new(0), hash: Cell::new(-1) })
    }

    /// Gives up the memory.
    pub(crate) fn release_now(&self, vm: &mut Vm) -> PyResult<()> {
        if self.released.get() {
            return Ok(());
        }
        let exports = self.exports.get();
        if exports > 0 {
            let plural = if exports == 1 { "" } else { "s" };
            return Err(vm.buffer_error(format!("memoryview has {exports} exported buffer{plural}")));
        }
        self.released.set(true);
        let left = self.source.views.get().saturating_sub(1);
        self.source.views.set(left);
        if left == 0 {
            self.source.give_back(vm);
        }
        Ok(())
    }
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<MemoryView>() {
        Some(view) => {
            let view: &'a MemoryView = view;
            view.memory(vm)
        }
        None => &[],
    }
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let view: &'a MemoryView = owner.downcast::<MemoryView>()?;
    view.memory_mut(vm)
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(view) = owner.downcast::<MemoryView>() {
        view.exports.set(view.exports.get().saturating_sub(1));
    }
}

/// Access to the memory behind a view; whoever makes a buffer with it counts it in `exports`.
pub static VIEW_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release };

impl Vm {
    /// `memoryview(object)`.
    pub fn new_memoryview(&mut self, object: &Value, flags: u32) -> PyResult<Py<MemoryView>> {
        if let Some(view) = object.downcast::<MemoryView>() {
            view.check(self)?;
            if flags & buffer::flags::WRITABLE != 0 && view.view.readonly {
                return Err(self.buffer_error("memoryview: underlying buffer is not writable"));
            }
            return view.other(self, view.view.clone());
        }
        if object.type_ref().slots.buffer.get().is_none() {
            let name = object.type_name();
            return Err(self.type_error(format!("memoryview: a bytes-like object is required, not '{name}'")));
        }
        let buffer = self.buffer(object, flags)?;
        self.memoryview_of(buffer)
    }

    /// A view of a buffer, which it takes over.
    pub fn memoryview_of(&mut self, buffer: Buffer) -> PyResult<Py<MemoryView>> {
        let view = View::of(&buffer);
        let source = self.new_object(ManagedBuffer { owner: buffer.owner, ops: buffer.ops, views: Cell::new(1), released: Cell::new(false) })?;
        // The shared object's finalizer must be known before the first object dies.
        <ManagedBuffer as crate::PyClass>::static_type().ready(self)?;
        self.new_object(MemoryView { source, view, released: Cell::new(false), exports: Cell::new(0), hash: Cell::new(-1) })
    }
}
