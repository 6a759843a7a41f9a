//! `memoryview`: items, slices, iteration and searching.

use super::{MemoryView, View, items};
use crate::protocol::buffer::{flags, follow};
use crate::types::int::IntRef;
use crate::types::slice::Slice;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pymethods};

fn is_index(value: &Value) -> bool {
    IntRef::new(value).is_some() || value.type_ref().slots.nb_index.get().is_some()
}

impl MemoryView {
    /// Where item `index` of dimension `dim` stands, seen from `at`.
    fn step(&self, vm: &mut Vm, view: &View, at: isize, dim: usize, index: isize) -> PyResult<isize> {
        let (n, stride) = (view.shape.get(dim).copied().unwrap_or(0), view.strides.get(dim).copied().unwrap_or(0));
        let i = if index < 0 { index.saturating_add(n) } else { index };
        if i < 0 || i >= n {
            return Err(vm.index_error(format!("index out of bounds on dimension {}", dim + 1)));
        }
        let at = at.wrapping_add(i.wrapping_mul(stride));
        if view.suboffsets.is_empty() { Ok(at) } else { Ok(follow(self.memory(vm), at, view.suboffsets.get(dim))) }
    }

    fn read(&self, vm: &mut Vm, at: isize) -> PyResult {
        let view = self.check(vm)?;
        let format = MemoryView::native(vm, view)?;
        let mut item = [0u8; 16];
        let n = view.itemsize.min(16);
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        match start.checked_add(n).and_then(|end| self.memory(vm).get(start..end)) {
            Some(bytes) => item[..n].copy_from_slice(bytes),
            None => return Err(vm.index_error("index out of bounds on dimension 1")),
        }
        items::unpack(vm, format, &item[..n])
    }

    fn write(&self, vm: &mut Vm, at: isize, value: &Value) -> PyResult<()> {
        let view = self.check(vm)?;
        let format = MemoryView::native(vm, view)?;
        let bytes = items::pack(vm, format, value)?;
        // Evaluating the value may have released the view.
        self.check(vm)?;
        self.put(vm, at, &bytes)
    }

    fn put(&self, vm: &mut Vm, at: isize, bytes: &[u8]) -> PyResult<()> {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        let place = self.memory_mut(vm).and_then(|m| m.get_mut(start..start.checked_add(bytes.len())?));
        match place {
            Some(place) => {
                place.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(vm.type_error("cannot modify read-only memory")),
        }
    }

    /// Where the item at a tuple of indices stands.
    fn multi(&self, vm: &mut Vm, view: &View, key: &Py<Tuple>) -> PyResult<isize> {
        let (n, dims) = (key.len(), view.shape.len());
        if n < dims {
            return Err(vm.not_implemented_error("sub-views are not implemented"));
        }
        if n > dims {
            return Err(vm.type_error(format!("cannot index {dims}-dimension view with {n}-element tuple")));
        }
        let mut at = view.offset;
        for (dim, index) in key.items().iter().enumerate() {
            let index = vm.as_isize(index)?;
            at = self.step(vm, view, at, dim, index)?;
        }
        Ok(at)
    }

    fn sliced(&self, vm: &mut Vm, slice: &Py<Slice>) -> PyResult<View> {
        let mut view = self.check(vm)?.clone();
        let (start, stop, step) = slice.unpack(vm)?;
        let len = view.shape.first().copied().unwrap_or(0);
        let range = crate::types::slice::SliceRange::adjust(usize::try_from(len).unwrap_or(0), start, stop, step);
        if let (Some(shape), Some(stride)) = (view.shape.first_mut(), view.strides.first_mut()) {
            view.offset = view.offset.wrapping_add(range.start.wrapping_mul(*stride));
            *shape = range.count as isize;
            *stride = stride.wrapping_mul(range.step);
        }
        Ok(view)
    }

    fn assign_slice(&self, vm: &mut Vm, slice: &Py<Slice>, value: &Value) -> PyResult<()> {
        let source = vm.buffer(value, flags::FULL_RO)?;
        let bytes = source.to_vec(vm);
        let (format, shape, itemsize) = (source.format.clone(), source.shape.clone(), source.itemsize);
        source.release(vm);
        let view = self.sliced(vm, slice)?;
        self.check(vm)?;
        let plain = |f: &str| f.trim_start_matches('@').to_owned();
        if plain(&format) != plain(&view.format) || itemsize != view.itemsize || shape != view.shape {
            return Err(vm.value_error("memoryview assignment: lvalue and rvalue have different structures"));
        }
        let stride = view.strides.first().copied().unwrap_or(0);
        for (i, item) in bytes.chunks(view.itemsize.max(1)).enumerate() {
            let at = view.offset.wrapping_add((i as isize).wrapping_mul(stride));
            let at = if view.suboffsets.is_empty() { at } else { follow(self.memory(vm), at, view.suboffsets.first()) };
            self.put(vm, at, item)?;
        }
        Ok(())
    }

    /// All of a tuple are indices, all are slices, or neither.
    fn kinds(key: &Py<Tuple>) -> (bool, bool) {
        (key.items().iter().all(is_index), !key.is_empty() && key.items().iter().all(|k| k.is::<Slice>()))
    }

    fn is_ellipsis(key: &Value) -> bool {
        key.is_same(&Value::ellipsis())
    }
}

#[pymethods(part = INDEX)]
impl MemoryView {
    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        match self.check(vm)?.shape.first() {
            Some(&n) => Ok(usize::try_from(n).unwrap_or(0)),
            None => Err(vm.type_error("0-dim memory has no length")),
        }
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        let view = self.check(vm)?;
        match view.shape.len() {
            0 => Err(vm.type_error("invalid indexing of 0-dim memory")),
            1 => {
                let at = self.step(vm, view, view.offset, 0, index)?;
                self.read(vm, at)
            }
            _ => Err(vm.not_implemented_error("multi-dimensional sub-views are not implemented")),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<MemoryView>, key: &Value, vm: &mut Vm) -> PyResult {
        let view = zelf.check(vm)?;
        let tuple = key.downcast::<Tuple>();
        if view.shape.is_empty() {
            return match tuple {
                Some(t) if t.is_empty() => zelf.read(vm, view.offset),
                _ if MemoryView::is_ellipsis(key) => Ok(zelf.to_value()),
                _ => Err(vm.type_error("invalid indexing of 0-dim memory")),
            };
        }
        if is_index(key) {
            let index = vm.as_isize(key)?;
            return zelf.slot_item(index, vm);
        }
        if let Some(slice) = key.downcast::<Slice>() {
            // Evaluating the bounds may release this view, not the memory.
            zelf.source.views.set(zelf.source.views.get() + 1);
            let made = zelf.sliced(vm, slice).and_then(|view| zelf.other(vm, view));
            let left = zelf.source.views.get().saturating_sub(1);
            zelf.source.views.set(left);
            if left == 0 {
                zelf.source.give_back(vm);
            }
            return Ok(made?.into_value());
        }
        match tuple.map(|t| (t, MemoryView::kinds(t))) {
            Some((t, (true, _))) => {
                let at = zelf.multi(vm, view, t)?;
                zelf.read(vm, at)
            }
            Some((_, (_, true))) => Err(vm.not_implemented_error("multi-dimensional slicing is not implemented")),
            _ => Err(vm.type_error("memoryview: invalid slice key")),
        }
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let view = self.check(vm)?;
        if view.format.trim_start_matches('@').len() != 1 {
            MemoryView::native(vm, view)?;
        }
        if view.readonly {
            return Err(vm.type_error("cannot modify read-only memory"));
        }
        let Some(value) = value else { return Err(vm.type_error("cannot delete memory")) };
        let tuple = key.downcast::<Tuple>();
        if view.shape.is_empty() {
            if MemoryView::is_ellipsis(key) || tuple.is_some_and(|t| t.is_empty()) {
                return self.write(vm, view.offset, value);
            }
            return Err(vm.type_error("invalid indexing of 0-dim memory"));
        }
        if is_index(key) {
            if view.shape.len() > 1 {
                return Err(vm.not_implemented_error("sub-views are not implemented"));
            }
            let index = vm.as_isize(key)?;
            let view = self.check(vm)?;
            let at = self.step(vm, view, view.offset, 0, index)?;
            return self.write(vm, at, value);
        }
        if let Some(slice) = key.downcast::<Slice>()
            && view.shape.len() == 1 {
                return self.assign_slice(vm, slice, value);
            }
        match tuple.map(|t| (t, MemoryView::kinds(t))) {
            Some((t, (true, _))) => {
                let at = self.multi(vm, view, t)?;
                self.write(vm, at, value)
            }
            Some((_, (_, true))) => {
                Err(vm.not_implemented_error("memoryview slice assignments are currently restricted to ndim = 1"))
            }
            _ if key.is::<Slice>() => {
                Err(vm.not_implemented_error("memoryview slice assignments are currently restricted to ndim = 1"))
            }
            _ => Err(vm.type_error("memoryview: invalid slice key")),
        }
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult {
        super::iter::new_iter(vm, zelf)
    }

    /// How many items equal value.
    #[method]
    fn count(zelf: &Py<MemoryView>, value: &Value, vm: &mut Vm) -> PyResult<usize> {
        let iterator = super::iter::new_iter(vm, zelf)?;
        let mut n = 0;
        while let Some(item) = vm.iter_next(&iterator)? {
            n += usize::from(vm.eq(&item, value)?);
        }
        Ok(n)
    }

    /// The place of the first item that equals value, between start and stop.
    #[method(sig = "(value, start=?, stop=?, /)", text = "($self, value, start=0, stop=sys.maxsize, /)")]
    fn index(&self, value: &Value, start: Option<&Value>, stop: Option<&Value>, vm: &mut Vm) -> PyResult<usize> {
        let view = self.check(vm)?;
        if view.shape.is_empty() {
            return Err(vm.type_error("invalid lookup on 0-dim memory"));
        }
        if view.shape.len() > 1 {
            return Err(vm.not_implemented_error("multi-dimensional lookup is not implemented"));
        }
        let len = view.shape.first().copied().unwrap_or(0);
        let clip = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
        let (start, stop) = (clip(vm.search_bound(start, 0)?), clip(vm.search_bound(stop, isize::MAX)?).min(len));
        for i in start..stop {
            let item = self.slot_item(i, vm)?;
            if vm.eq(&item, value)? {
                return Ok(i as usize);
            }
        }
        Err(vm.value_error("memoryview.index(x): x not found"))
    }
}
