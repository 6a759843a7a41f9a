//! `ndarray`: its layers, attributes, items and slices.

use super::base::{Base, Export, Structure, peek};
use super::nd;
use super::structure::{Spec, build, layout, number_tuple, pack_item, unpack_item};
use krait_runtime::args::{ArgSpec, Param};
use krait_runtime::protocol::buffer::{Buffer, flags as f, follow};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::types::slice::{Slice, SliceRange};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// An array that exports memory of any structure.
#[pyclass(name = "ndarray", module = "_testbuffer", gc)]
pub struct NdArray {
    /// The newest stands last.
    pub layers: GilCell<Vec<Py<Base>>>,
    /// Layers may change while buffers are out.
    varexport: bool,
}

const fn param(name: &'static str, required: bool) -> Param {
    Param { name, required }
}

static NEW: ArgSpec = ArgSpec {
    name: "ndarray",
    params: &[
        param("obj", true), param("shape", false), param("strides", false), param("offset", false), param("format", false), param("flags", false),
        param("getbuf", false),
    ],
    required: 1,
    positional: 7,
    posonly: 0,
    raw: false,
};

static PUSH: ArgSpec = ArgSpec {
    name: "push",
    params: &[
        param("items", true), param("shape", true), param("strides", false), param("offset", false), param("format", false), param("flags", false),
    ],
    required: 2,
    positional: 6,
    posonly: 0,
    raw: false,
};

fn flag_bits(vm: &mut Vm, value: Option<&Value>) -> PyResult<Option<u32>> {
    let Some(value) = value else { return Ok(None) };
    let n = vm.as_count(value)?;
    match i32::try_from(n) {
        Ok(n) => Ok(Some(n as u32)),
        Err(_) => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn spec_of(vm: &mut Vm, bound: &[Option<&Value>]) -> PyResult<Spec> {
    let at = |i: usize| bound.get(i).copied().flatten();
    let offset = at(3).map_or(Ok(0), |v| vm.as_count(v))?;
    let flags = flag_bits(vm, at(5))?.unwrap_or(0);
    Ok(Spec { items: at(0).cloned(), shape: at(1).cloned(), strides: at(2).cloned(), offset, format: at(4).cloned(), flags })
}

impl NdArray {
    fn head(&self, vm: &Vm) -> Option<Py<Base>> {
        self.layers.get(vm).last().cloned()
    }

    /// The newest layer; there is always one.
    pub fn top(&self, vm: &mut Vm) -> PyResult<Py<Base>> {
        match self.head(vm) {
            Some(base) => Ok(base),
            None => Err(vm.system_error("ndarray without memory")),
        }
    }

    /// Drops a layer that nobody looks at any more, unless it is the newest.
    pub fn forget(&self, vm: &mut Vm, base: &Py<Base>) {
        let layers = self.layers.get_mut(vm);
        let place = layers.iter().position(|b| b.is(base)).filter(|&i| i + 1 < layers.len() && base.view.is_none());
        let old = place.map(|i| layers.remove(i));
        drop(old);
    }

    fn check_changeable(&self, vm: &mut Vm, base: &Base, even_exported: bool) -> PyResult<()> {
        if base.view.is_some() {
            return Err(vm.buffer_error("structure of re-exporting object is immutable"));
        }
        let exports = base.exports.get();
        if !even_exported && exports > 0 {
            let plural = if exports == 1 { "" } else { "s" };
            return Err(vm.buffer_error(format!("cannot change structure: {exports} exported buffer{plural}")));
        }
        Ok(())
    }

    /// A new array over a buffer of this one, its structure changed by `change`.
    fn derived(zelf: &Py<NdArray>, vm: &mut Vm, change: impl FnOnce(&mut Vm, &mut Structure) -> PyResult<()>) -> PyResult<Py<NdArray>> {
        let base = Base::consumer(vm, zelf.as_value(), f::FULL_RO)?;
        let base = vm.new_object(base)?;
        let mut structure = base.structure.load(vm);
        change(vm, &mut structure)?;
        structure.count();
        let owned = if structure.readonly { 0 } else { nd::WRITABLE };
        base.flags.set(owned | structure.layout_flags(Value::none()));
        let old = base.structure.replace(vm, structure);
        drop(old);
        vm.new_object(NdArray { layers: GilCell::new(vec![base]), varexport: false })
    }

    /// Where an item of the first dimension stands.
    fn place(vm: &mut Vm, base: &Base, s: &Structure, index: isize) -> PyResult<isize> {
        let (shape, strides) = s.dimensions();
        let n = shape.first().copied().unwrap_or(0);
        let i = if index < 0 { index.saturating_add(n) } else { index };
        if i < 0 || i >= n {
            return Err(vm.index_error("index out of bounds"));
        }
        let at = s.start.wrapping_add(i.wrapping_mul(strides.first().copied().unwrap_or(0)));
        Ok(follow(base.memory(vm), at, s.suboffsets.as_ref().and_then(|s| s.first())))
    }

    fn read(vm: &mut Vm, base: &Base, s: &Structure, at: isize) -> PyResult {
        let format = vm.new_str(s.format.as_deref().unwrap_or("B"))?.into_value();
        let (layout, _) = layout(vm, Some(&format))?;
        let size = if s.format.is_some() { s.itemsize } else { 1 };
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        match start.checked_add(size).and_then(|end| base.memory(vm).get(start..end)).map(<[u8]>::to_vec) {
            Some(bytes) => unpack_item(vm, &layout, &bytes),
            None => Err(vm.index_error("index out of bounds")),
        }
    }

    fn write(vm: &mut Vm, base: &Base, s: &Structure, at: isize, item: &Value) -> PyResult<()> {
        let format = vm.new_str(s.format.as_deref().unwrap_or("B"))?.into_value();
        let (layout, _) = layout(vm, Some(&format))?;
        let bytes = pack_item(vm, &layout, item)?;
        NdArray::put(vm, base, usize::try_from(at).unwrap_or(usize::MAX), &bytes)
    }

    fn put(vm: &mut Vm, base: &Base, at: usize, bytes: &[u8]) -> PyResult<()> {
        match base.memory_mut(vm).and_then(|m| m.get_mut(at..at.checked_add(bytes.len())?)) {
            Some(place) => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(vm.index_error("index out of bounds")),
        }
    }

    fn item(zelf: &Py<NdArray>, vm: &mut Vm, index: isize) -> PyResult {
        let base = zelf.top(vm)?;
        let s = base.structure.load(vm);
        if s.ndim == 0 {
            return Err(vm.type_error("invalid indexing of scalar"));
        }
        let at = NdArray::place(vm, &base, &s, index)?;
        if s.ndim == 1 {
            return NdArray::read(vm, &base, &s, at);
        }
        let made = NdArray::derived(zelf, vm, |_, s| {
            let (mut shape, mut strides) = s.dimensions();
            shape.remove(0);
            strides.remove(0);
            s.suboffsets = s.suboffsets.take().map(|all| all.get(1..).unwrap_or_default().to_vec());
            (s.start, s.ndim, s.shape, s.strides) = (at, s.ndim - 1, Some(shape), Some(strides));
            Ok(())
        })?;
        Ok(made.into_value())
    }

    fn slice_dimension(vm: &mut Vm, s: &mut Structure, key: &Value, dim: usize) -> PyResult<()> {
        let Some(slice) = key.downcast::<Slice>() else {
            let name = key.type_name();
            return Err(vm.type_error(format!("cannot index memory using \"{name}\"")));
        };
        let (start, stop, step) = slice.unpack(vm)?;
        let (mut shape, mut strides) = s.dimensions();
        let (Some(n), Some(stride)) = (shape.get_mut(dim), strides.get_mut(dim)) else {
            return Err(vm.index_error("too many indices"));
        };
        let range = SliceRange::adjust(usize::try_from(*n).unwrap_or(0), start, stop, step);
        let moved = range.start.wrapping_mul(*stride);
        // What lies behind a pointer is moved behind it.
        let pointer = s.suboffsets.as_mut().and_then(|all| all.get_mut(..dim)?.iter_mut().rev().find(|o| **o >= 0));
        match pointer {
            Some(suboffset) => *suboffset = suboffset.wrapping_add(moved),
            None => s.start = s.start.wrapping_add(moved),
        }
        *n = range.count as isize;
        *stride = stride.wrapping_mul(range.step);
        (s.shape, s.strides) = (Some(shape), Some(strides));
        Ok(())
    }

    fn sliced(zelf: &Py<NdArray>, vm: &mut Vm, key: &Value) -> PyResult<Py<NdArray>> {
        let keys = match key.downcast::<Tuple>() {
            Some(keys) => keys.items().to_vec(),
            None => vec![key.clone()],
        };
        NdArray::derived(zelf, vm, |vm, s| keys.iter().enumerate().try_for_each(|(dim, key)| NdArray::slice_dimension(vm, s, key, dim)))
    }

    /// Copies the items of `source`, which must have the same structure.
    fn assign(vm: &mut Vm, to: &Py<Base>, source: &Buffer) -> PyResult<()> {
        let target = peek(vm, to)?;
        let dims = target.shape.iter().position(|&n| n == 0).map_or(target.shape.len(), |i| i + 1);
        let same = target.format == source.format
            && target.itemsize == source.itemsize
            && target.shape.len() == source.shape.len()
            && target.shape.get(..dims) == source.shape.get(..dims);
        if !same {
            return Err(vm.value_error("ndarray assignment: lvalue and rvalue have different structures"));
        }
        // A row of the last dimension at a time: rows of one memory may overlap.
        let size = target.itemsize;
        let row = target.shape.last().map_or(1, |&n| usize::try_from(n).unwrap_or(0)).max(1);
        let (places, sources) = (target.places(vm), source.places(vm));
        for (places, sources) in places.chunks(row).zip(sources.chunks(row)) {
            let memory = source.memory(vm);
            let items: Vec<u8> = sources.iter().flat_map(|&at| memory.get(at..at + size).unwrap_or_default().to_vec()).collect();
            for (&place, item) in places.iter().zip(items.chunks(size.max(1))) {
                NdArray::put(vm, to, place, item)?;
            }
        }
        Ok(())
    }

    fn is_index(key: &Value) -> bool {
        IntRef::new(key).is_some() || key.type_ref().slots.nb_index.get().is_some()
    }

    fn is_whole(key: &Value) -> bool {
        key.is_same(&Value::ellipsis()) || key.downcast::<Tuple>().is_some_and(|t| t.is_empty())
    }

    fn contiguity(&self, vm: &mut Vm, holds: fn(&Buffer) -> bool, flags: u32) -> PyResult<bool> {
        let base = self.top(vm)?;
        let found = holds(&peek(vm, &base)?);
        if found != (base.flags.get() & (nd::SCALAR | flags) != 0) {
            return Err(vm.runtime_error("results from PyBuffer_IsContiguous() and flags differ"));
        }
        Ok(found)
    }

    fn lists(vm: &mut Vm, layout: &crate::_struct::Layout, shape: &[isize], items: &mut std::slice::Chunks<'_, u8>) -> PyResult {
        let Some((&n, rest)) = shape.split_first() else {
            return unpack_item(vm, layout, items.next().unwrap_or_default());
        };
        let mut out = Vec::new();
        for _ in 0..n {
            let item = NdArray::lists(vm, layout, rest, items)?;
            out.push(item);
        }
        Ok(vm.new_list(out)?.into_value())
    }

    fn structure(&self, vm: &mut Vm) -> PyResult<Structure> {
        Ok(self.top(vm)?.structure.load(vm))
    }

    fn raw_bytes(&self, vm: &mut Vm) -> PyResult<Vec<u8>> {
        let base = self.top(vm)?;
        Ok(peek(vm, &base)?.to_vec(vm))
    }
}

#[pymethods(parts(ATTRS, EXPORT))]
impl NdArray {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<NdArray>> {
        let mut bound = [None; 7];
        NEW.bind(vm, args, &mut bound)?;
        let mut spec = spec_of(vm, &bound)?;
        let request = flag_bits(vm, bound[6])?;
        let Some(object) = bound[0] else { return Err(NEW.missing(vm, 0)) };
        let base = if object.type_ref().slots.buffer.get().is_some() && spec.shape.is_none() {
            if spec.strides.is_some() || spec.offset != 0 || spec.format.is_some() || (spec.flags != 0 && spec.flags != nd::REDIRECT) {
                return Err(vm.type_error("construction from exporter object only takes 'obj', 'getbuf' and 'flags' arguments"));
            }
            let base = Base::consumer(vm, object, request.unwrap_or(f::FULL_RO))?;
            base.flags.set(base.flags.get() | spec.flags);
            base
        } else if request.is_some() {
            return Err(vm.type_error("getbuf argument only valid for construction from exporter object"));
        } else if spec.shape.is_none() {
            return Err(vm.type_error("shape is a required argument when constructing from list, tuple or scalar"));
        } else {
            let varexport = spec.flags & nd::VAREXPORT != 0;
            spec.flags &= !nd::VAREXPORT;
            let base = build(vm, &spec)?;
            let base = vm.new_object(base)?;
            return vm.new_instance(cls, NdArray { layers: GilCell::new(vec![base]), varexport });
        };
        let base = vm.new_object(base)?;
        vm.new_instance(cls, NdArray { layers: GilCell::new(vec![base]), varexport: false })
    }

    /// Put a layer over the others, which is exported from now on.
    #[method]
    fn push(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let mut bound = [None; 6];
        PUSH.bind(vm, args, &mut bound)?;
        let spec = spec_of(vm, &bound)?;
        if spec.shape.is_none() {
            return Err(PUSH.missing(vm, 1));
        }
        if spec.flags & nd::VAREXPORT != 0 {
            return Err(vm.value_error("ND_VAREXPORT flag can only be used during object creation"));
        }
        let top = self.top(vm)?;
        self.check_changeable(vm, &top, self.varexport)?;
        let base = build(vm, &spec)?;
        let base = vm.new_object(base)?;
        self.layers.get_mut(vm).push(base);
        Ok(())
    }

    /// Take the newest layer off.
    #[method(sig = "()")]
    fn pop(&self, vm: &mut Vm) -> PyResult<()> {
        let top = self.top(vm)?;
        self.check_changeable(vm, &top, false)?;
        if self.layers.get(vm).len() < 2 {
            return Err(vm.buffer_error("list only has a single base"));
        }
        let old = self.layers.get_mut(vm).pop();
        drop(old);
        Ok(())
    }

    /// The items as a list of lists, or the item if there is no dimension.
    #[method(sig = "()")]
    fn tolist(&self, vm: &mut Vm) -> PyResult {
        let s = self.structure(vm)?;
        let Some(format) = &s.format else {
            return Err(vm.value_error("ndarray: tolist() does not support format=NULL, use tobytes()"));
        };
        let format = vm.new_str(format)?.into_value();
        let (layout, _) = layout(vm, Some(&format))?;
        let bytes = self.raw_bytes(vm)?;
        let shape = if s.ndim == 0 { Vec::new() } else { s.dimensions().0 };
        NdArray::lists(vm, &layout, &shape, &mut bytes.chunks(s.itemsize.max(1)))
    }

    /// The items' bytes, in C order.
    #[method(sig = "()")]
    fn tobytes(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let bytes = self.raw_bytes(vm)?;
        vm.new_bytes(&bytes)
    }

    /// Add suboffsets that mean nothing, one for each dimension.
    #[method(sig = "()")]
    fn add_suboffsets(&self, vm: &mut Vm) -> PyResult<()> {
        let base = self.top(vm)?;
        let s = base.structure.get(vm);
        if s.suboffsets.is_some() {
            return Err(vm.type_error("cannot add suboffsets to PIL-style array"));
        }
        if s.strides.is_none() {
            return Err(vm.type_error("cannot add suboffsets to array without strides"));
        }
        let s = base.structure.get_mut(vm);
        s.suboffsets = Some(vec![-1; s.ndim]);
        base.flags.set(base.flags.get() & !(nd::C | nd::FORTRAN));
        Ok(())
    }

    /// A memoryview of a copy of the memory, which belongs to no object.
    #[method(sig = "()")]
    fn memoryview_from_buffer(&self, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        let base = self.top(vm)?;
        let original = match &base.view {
            None => Some(base.clone()),
            Some(view) => view.source.owner.downcast::<Export>().filter(|e| e.base.view.is_none()).map(|e| e.base.clone()),
        };
        let Some(original) = original else {
            return Err(vm.type_error("memoryview_from_buffer(): ndarray must be original exporter or consumer from ndarray/original exporter"));
        };
        let structure = base.structure.load(vm);
        if structure.format.as_ref().is_some_and(|f| f.len() > nd::MAX_NDIM) {
            return Err(vm.type_error(format!("memoryview_from_buffer: format is limited to {} characters", nd::MAX_NDIM)));
        }
        let data = original.data.load(vm);
        let flags = Cell::new(base.flags.get());
        let copy = Base { data: GilCell::new(data), view: None, structure: GilCell::new(structure), flags, offset: 0, exports: Cell::new(0) };
        let copy = vm.new_object(copy)?;
        let buffer = peek(vm, &copy)?;
        vm.memoryview_of(buffer)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let base = self.top(vm)?;
        if !base.structure.get(vm).readonly {
            return Err(vm.value_error("cannot hash writable ndarray object"));
        }
        let object = base.object();
        if !object.is_none() {
            vm.hash(&object)?;
        }
        let bytes = self.raw_bytes(vm)?;
        let bytes = vm.new_bytes(&bytes)?.into_value();
        vm.hash(&bytes)
    }

    #[slot(item)]
    fn slot_item(zelf: &Py<NdArray>, index: isize, vm: &mut Vm) -> PyResult {
        NdArray::item(zelf, vm, index)
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<NdArray>, key: &Value, vm: &mut Vm) -> PyResult {
        let base = zelf.top(vm)?;
        let s = base.structure.load(vm);
        if s.ndim == 0 {
            if key.is_same(&Value::ellipsis()) {
                return Ok(zelf.to_value());
            }
            if NdArray::is_whole(key) {
                return NdArray::read(vm, &base, &s, s.start);
            }
            return Err(vm.type_error("invalid indexing of scalar"));
        }
        if NdArray::is_index(key) {
            let index = vm.as_count(key)?;
            return NdArray::item(zelf, vm, index);
        }
        Ok(NdArray::sliced(zelf, vm, key)?.into_value())
    }

    #[slot(setitem)]
    fn slot_setitem(zelf: &Py<NdArray>, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let base = zelf.top(vm)?;
        let s = base.structure.load(vm);
        if s.readonly {
            return Err(vm.type_error("ndarray is not writable"));
        }
        let Some(value) = value else { return Err(vm.type_error("ndarray data cannot be deleted")) };
        if s.ndim == 0 {
            if NdArray::is_whole(key) {
                return NdArray::write(vm, &base, &s, s.start, value);
            }
            return Err(vm.type_error("invalid indexing of scalar"));
        }
        if s.ndim == 1 && NdArray::is_index(key) {
            let index = vm.as_count(key)?;
            let at = NdArray::place(vm, &base, &s, index)?;
            return NdArray::write(vm, &base, &s, at, value);
        }
        let source = vm.buffer(value, f::FULL_RO)?;
        let part = if NdArray::is_index(key) {
            let index = vm.as_count(key);
            index.and_then(|index| NdArray::item(zelf, vm, index))
        } else {
            NdArray::sliced(zelf, vm, key).map(Py::into_value)
        };
        let result = part.and_then(|part| match part.downcast::<NdArray>().map(|a| a.top(vm)) {
            Some(base) => NdArray::assign(vm, &base?, &source),
            None => Err(vm.type_error("cannot assign to an item")),
        });
        source.release(vm);
        result
    }
}

#[pymethods(part = ATTRS)]
impl NdArray {
    /// How the newest layer was made and how its items stand.
    #[getter]
    fn flags(&self, vm: &mut Vm) -> PyResult<u32> {
        Ok(self.top(vm)?.flags.get())
    }

    /// Where the array starts in its memory.
    #[getter]
    fn offset(&self, vm: &mut Vm) -> PyResult<isize> {
        Ok(self.top(vm)?.offset)
    }

    /// The exporter whose memory is exported again, or None.
    #[getter]
    fn obj(&self, vm: &mut Vm) -> PyResult {
        Ok(self.top(vm)?.object())
    }

    /// Bytes that the items take.
    #[getter]
    fn nbytes(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.structure(vm)?.len)
    }

    /// Whether the memory cannot be written.
    #[getter]
    fn readonly(&self, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.structure(vm)?.readonly)
    }

    /// Bytes an item.
    #[getter]
    fn itemsize(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.structure(vm)?.itemsize)
    }

    /// The format of an item; empty if it is not known.
    #[getter]
    fn format(&self, vm: &mut Vm) -> PyResult<String> {
        Ok(self.structure(vm)?.format.unwrap_or_default())
    }

    /// How many dimensions there are.
    #[getter]
    fn ndim(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.structure(vm)?.ndim)
    }

    /// How many items there are in each dimension.
    #[getter]
    fn shape(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let s = self.structure(vm)?;
        number_tuple(vm, &s.shape.unwrap_or_default())
    }

    /// How many bytes lie between items in each dimension.
    #[getter]
    fn strides(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let s = self.structure(vm)?;
        number_tuple(vm, &s.strides.unwrap_or_default())
    }

    /// What lies behind pointers in each dimension.
    #[getter]
    fn suboffsets(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let s = self.structure(vm)?;
        number_tuple(vm, &s.suboffsets.unwrap_or_default())
    }

    /// Whether the items stand in a row, the last index changing fastest.
    #[getter]
    fn c_contiguous(&self, vm: &mut Vm) -> PyResult<bool> {
        self.contiguity(vm, Buffer::is_c_contiguous, nd::C)
    }

    /// Whether the items stand in a row, the first index changing fastest.
    #[getter]
    fn f_contiguous(&self, vm: &mut Vm) -> PyResult<bool> {
        self.contiguity(vm, Buffer::is_f_contiguous, nd::FORTRAN)
    }

    /// Whether the items stand in a row.
    #[getter]
    fn contiguous(&self, vm: &mut Vm) -> PyResult<bool> {
        self.contiguity(vm, |b| b.is_c_contiguous() || b.is_f_contiguous(), nd::C | nd::FORTRAN)
    }
}
