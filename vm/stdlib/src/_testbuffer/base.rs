//! What an `ndarray` exports: memory of its own, or a buffer of another exporter, with its structure.

use super::nd;
use krait_runtime::protocol::buffer::{Buffer, BufferOps, contiguous_strides, flags as f};
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass};
use std::borrow::Cow;
use std::cell::Cell;

/// How the memory is seen. What a consumer did not ask for is not there.
#[derive(Clone)]
pub struct Structure {
    pub readonly: bool,
    pub format: Option<String>,
    pub itemsize: usize,
    pub ndim: usize,
    /// Bytes that the items take.
    pub len: usize,
    /// Where the first item (or pointer) stands.
    pub start: isize,
    pub shape: Option<Vec<isize>>,
    pub strides: Option<Vec<isize>>,
    pub suboffsets: Option<Vec<isize>>,
}

impl Structure {
    /// What a consumer knows that asked with these flags.
    pub fn of(buffer: &Buffer, request: u32) -> Structure {
        let wants = |bits: u32| request & bits == bits;
        Structure {
            readonly: buffer.readonly,
            format: wants(f::FORMAT).then(|| buffer.format.to_string()),
            itemsize: buffer.itemsize,
            ndim: if wants(f::ND) { buffer.shape.len() } else { 1 },
            len: buffer.len_bytes(),
            start: buffer.offset,
            shape: wants(f::ND).then(|| buffer.shape.clone()),
            strides: wants(f::STRIDES).then(|| buffer.strides.clone()),
            suboffsets: (wants(f::INDIRECT) && !buffer.suboffsets.is_empty()).then(|| buffer.suboffsets.clone()),
        }
    }

    /// Shape and strides, also where they were not asked for: the items stand in a row then.
    pub fn dimensions(&self) -> (Vec<isize>, Vec<isize>) {
        let shape = match &self.shape {
            Some(shape) => shape.clone(),
            None => vec![isize::try_from(self.len / self.itemsize.max(1)).unwrap_or(isize::MAX)],
        };
        let strides = self.strides.clone().unwrap_or_else(|| contiguous_strides(&shape, self.itemsize, false));
        (shape, strides)
    }

    /// A buffer of this structure in the memory of `owner`.
    pub fn buffer(&self, owner: Value, ops: &'static BufferOps) -> Buffer {
        let (shape, strides) = self.dimensions();
        Buffer {
            owner,
            ops,
            readonly: self.readonly,
            format: Cow::Owned(self.format.clone().unwrap_or_else(|| "B".to_owned())),
            itemsize: self.itemsize,
            offset: self.start,
            shape,
            strides,
            suboffsets: self.suboffsets.clone().unwrap_or_default(),
        }
    }

    /// Works out how many bytes the items take.
    pub fn count(&mut self) {
        let (shape, _) = self.dimensions();
        self.len = shape.iter().try_fold(self.itemsize, |n, &d| n.checked_mul(usize::try_from(d).ok()?)).unwrap_or(0);
    }

    /// The flags that say how the items stand.
    pub fn layout_flags(&self, owner: Value) -> u32 {
        let buffer = self.buffer(owner, &EXPORT_BUFFER);
        let mut flags = 0;
        for (holds, flag) in [
            (self.ndim == 0, nd::SCALAR),
            (self.suboffsets.is_some(), nd::PIL),
            (buffer.is_c_contiguous(), nd::C),
            (buffer.is_f_contiguous(), nd::FORTRAN),
        ] {
            flags |= if holds { flag } else { 0 };
        }
        flags
    }
}

/// One of the layers of an `ndarray`.
#[pyclass(name = "ndarray_base", module = "_testbuffer", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct Base {
    /// The memory, if it is its own.
    #[traverse(skip)]
    pub data: GilCell<Vec<u8>>,
    /// The buffer of another exporter.
    pub view: Option<Py<MemoryView>>,
    #[traverse(skip)]
    pub structure: GilCell<Structure>,
    pub flags: Cell<u32>,
    /// Where the array starts in the data; -1 for other exporters' memory.
    pub offset: isize,
    pub exports: Cell<usize>,
}

impl Base {
    /// A layer over another exporter's buffer, asked for with these flags.
    pub fn consumer(vm: &mut Vm, exporter: &Value, request: u32) -> PyResult<Base> {
        let buffer = vm.buffer(exporter, request)?;
        let structure = Structure::of(&buffer, request);
        let view = vm.memoryview_of_any(buffer)?;
        let flags = if structure.readonly { 0 } else { nd::WRITABLE } | structure.layout_flags(Value::none());
        Ok(Base { data: GilCell::new(Vec::new()), view: Some(view), structure: GilCell::new(structure), flags: Cell::new(flags), offset: -1, exports: Cell::new(0) })
    }

    /// The exporter of the buffer, or None.
    pub fn object(&self) -> Value {
        self.view.as_ref().map_or_else(Value::none, |view| view.source.object())
    }

    pub fn memory<'a>(&'a self, vm: &'a Vm) -> &'a [u8] {
        match &self.view {
            Some(view) => view.memory(vm),
            None => self.data.get(vm),
        }
    }

    pub fn memory_mut<'a>(&'a self, vm: &'a mut Vm) -> Option<&'a mut [u8]> {
        match &self.view {
            Some(view) => view.memory_mut(vm),
            None => Some(self.data.get_mut(vm)),
        }
    }
}

/// One buffer that is out: which layer it is of, and the array; none for a copy that belongs to nobody.
#[pyclass(name = "ndarray_export", module = "_testbuffer", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct Export {
    pub base: Py<Base>,
    pub array: Value,
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<Export>() {
        Some(export) => {
            let base: &'a Base = &export.base;
            base.memory(vm)
        }
        None => &[],
    }
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let base: &'a Base = &owner.downcast::<Export>()?.base;
    base.memory_mut(vm)
}

fn release(vm: &mut Vm, owner: &Value) {
    let Some(export) = owner.downcast::<Export>() else { return };
    let left = export.base.exports.get().saturating_sub(1);
    export.base.exports.set(left);
    if left == 0
        && let Some(array) = export.array.downcast::<super::ndarray::NdArray>() {
            array.forget(vm, &export.base);
        }
}

fn object(owner: &Value) -> Value {
    owner.downcast::<Export>().map_or_else(Value::none, |e| e.array.clone())
}

/// Access to the memory of a layer.
pub static EXPORT_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object };

/// A buffer of a layer, in full, that is not counted.
pub fn peek(vm: &mut Vm, base: &Py<Base>) -> PyResult<Buffer> {
    let structure = base.structure.load(vm);
    let export = vm.new_object(Export { base: base.clone(), array: Value::none() })?;
    Ok(structure.buffer(export.into_value(), &EXPORT_BUFFER))
}
