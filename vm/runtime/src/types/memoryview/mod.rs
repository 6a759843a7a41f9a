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
    pub(crate) ops: &'static BufferOps,
    /// Views that have not been released.
    views: Cell<usize>,
    /// The buffer has been given back.
    released: Cell<bool>,
}

impl ManagedBuffer {
    /// The object that Python code sees as the exporter.
    pub fn object(&self) -> Value {
        (self.ops.object)(&self.owner)
    }

    /// Gives the buffer back if no view is left.
    pub(crate) fn give_back_if_unseen(&self, vm: &mut Vm) {
        if self.views.get() == 0 {
            self.give_back(vm);
        }
    }

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
    pub(crate) fn of(buffer: &Buffer) -> View {
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
    pub source: Py<ManagedBuffer>,
    #[traverse(skip)]
    pub(crate) view: View,
    pub(crate) released: Cell<bool>,
    /// Buffers of this view that are out.
    pub(crate) exports: Cell<usize>,
    pub(crate) hash: Cell<i64>,
    /// No other view or buffer may be made of this one: it is about to end.
    restricted: bool,
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

    /// ValueError if no view may be made of this one.
    pub(crate) fn check_unrestricted(&self, vm: &mut Vm) -> PyResult<()> {
        if self.restricted { Err(vm.value_error("cannot create new view on restricted memoryview")) } else { Ok(()) }
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
    pub fn memory<'a>(&'a self, vm: &'a Vm) -> &'a [u8] {
        let source: &'a ManagedBuffer = &self.source;
        (source.ops.bytes)(vm, &source.owner)
    }

    /// The exporter's memory, to write.
    pub fn memory_mut<'a>(&'a self, vm: &'a mut Vm) -> Option<&'a mut [u8]> {
        let source: &'a ManagedBuffer = &self.source;
        (source.ops.bytes_mut)(vm, &source.owner)
    }

    /// Another view of the same memory.
    pub(crate) fn other(&self, vm: &mut Vm, view: View) -> PyResult<Py<MemoryView>> {
        self.check_unrestricted(vm)?;
        let source = self.source.clone();
        source.views.set(source.views.get() + 1);
        vm.new_object(MemoryView { source, view, released: Cell::new(false), exports: Cell::new(0), hash: Cell::new(-1), restricted: false })
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
pub static VIEW_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object: buffer::itself };

impl Vm {
    /// `memoryview(object)`.
    pub fn new_memoryview(&mut self, object: &Value, flags: u32) -> PyResult<Py<MemoryView>> {
        if let Some(view) = object.downcast::<MemoryView>() {
            view.check(self)?;
            if flags & buffer::flags::WRITABLE != 0 && view.view.readonly {
                return Err(self.buffer_error("memoryview: underlying buffer is not writable"));
            }
            if view.view.shape.len() > buffer::MAX_NDIM {
                return Err(self.too_many_dimensions());
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
        if buffer.shape.len() > buffer::MAX_NDIM {
            buffer.release(self);
            return Err(self.too_many_dimensions());
        }
        self.memoryview_of_any(buffer)
    }

    /// The same, of any number of dimensions.
    pub fn memoryview_of_any(&mut self, buffer: Buffer) -> PyResult<Py<MemoryView>> {
        let view = View::of(&buffer);
        self.first_view(buffer.owner, buffer.ops, view, false)
    }

    /// A view of which no other view can be made, of memory that is about to be given back. Its end gives nothing back.
    pub(crate) fn restricted_view(&mut self, owner: &Value, ops: &'static BufferOps, view: View) -> PyResult<Py<MemoryView>> {
        let lent = self.new_object(Lent { owner: owner.clone(), ops })?.into_value();
        self.first_view(lent, &LENT_BUFFER, view, true)
    }

    fn first_view(&mut self, owner: Value, ops: &'static BufferOps, view: View, restricted: bool) -> PyResult<Py<MemoryView>> {
        let source = self.new_object(ManagedBuffer { owner, ops, views: Cell::new(1), released: Cell::new(false) })?;
        // The shared object's finalizer must be known before the first object dies.
        <ManagedBuffer as crate::PyClass>::static_type().ready(self)?;
        self.new_object(MemoryView { source, view, released: Cell::new(false), exports: Cell::new(0), hash: Cell::new(-1), restricted })
    }

    #[cold]
    fn too_many_dimensions(&mut self) -> crate::Raised {
        self.value_error(format!("memoryview: number of dimensions must not exceed {}", buffer::MAX_NDIM))
    }
}

/// Memory that somebody else gives back.
#[pyclass(name = "lent_buffer", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
struct Lent {
    owner: Value,
    #[traverse(skip)]
    ops: &'static BufferOps,
}

fn lent_memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<Lent>() {
        Some(lent) => {
            let lent: &'a Lent = lent;
            (lent.ops.bytes)(vm, &lent.owner)
        }
        None => &[],
    }
}

fn lent_memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let lent: &'a Lent = owner.downcast::<Lent>()?;
    (lent.ops.bytes_mut)(vm, &lent.owner)
}

/// Access to memory through [`Lent`].
static LENT_BUFFER: BufferOps = BufferOps { bytes: lent_memory, bytes_mut: lent_memory_mut, release: |_, _| {}, object: |_| Value::none() };
