//! `bytearray`: construction, slots and what changes it. The methods that `bytes` has too stand in `bytes::shared`.

use super::{BYTEARRAY_BUFFER, ByteArray};
use crate::protocol::buffer::Buffer;
use crate::types::bytes::methods::{Contents, contents};
use crate::types::bytes::shared::{byte_methods, compare, repeated};
use crate::types::bytes::{ByteView, Bytes, ops};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::slice::{Slice, SliceRange};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::str_::methods::search_range;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm, pymethods};

byte_methods!(ByteArray, SHARED);

const RANGE: &str = "byte must be in range(0, 256)";

impl ByteArray {
    fn view(zelf: &Py<ByteArray>, vm: &Vm) -> ByteView {
        ByteView::Owned(zelf.bytes(vm).to_vec())
    }

    fn make(vm: &mut Vm, bytes: &[u8]) -> PyResult<Py<ByteArray>> {
        vm.new_bytearray(bytes.to_vec())
    }

    fn whole(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        let copy = zelf.bytes(vm).to_vec();
        vm.new_bytearray(copy)
    }

    /// Counts an export while code runs that must not resize the array.
    fn hold(zelf: &Py<ByteArray>, begin: bool) {
        let n = zelf.exports.get();
        zelf.exports.set(if begin { n + 1 } else { n.saturating_sub(1) });
    }

    fn same_exact(_: &Value) -> Option<Py<ByteArray>> {
        None
    }

    fn separator(_: &Value, vm: &mut Vm, bytes: &[u8]) -> PyResult {
        Ok(vm.new_bytearray(bytes.to_vec())?.into_value())
    }

    /// Where `index` points, negative ones from the end.
    fn place(&self, vm: &mut Vm, key: &Value) -> PyResult<usize> {
        if IntRef::new(key).is_none() && key.type_ref().slots.nb_index.get().is_none() {
            let name = key.type_name();
            return Err(vm.type_error(format!("bytearray indices must be integers or slices, not {name}")));
        }
        let index = vm.as_isize(key)?;
        let len = self.bytes(vm).len();
        let at = if index < 0 { index.saturating_add_unsigned(len) } else { index };
        match usize::try_from(at).ok().filter(|&i| i < len) {
            Some(at) => Ok(at),
            None => Err(vm.index_error("bytearray index out of range")),
        }
    }

    /// The bytes that are assigned to a slice.
    fn assigned(vm: &mut Vm, value: &Value) -> PyResult<ByteView> {
        if vm.is_bytes_like(value) {
            return vm.byte_view(value);
        }
        if value.is::<Str>() || IntRef::new(value).is_some() {
            return Err(vm.type_error("can assign only bytes, buffers, or iterables of ints in range(0, 256)"));
        }
        ops::from_iterable(vm, value, "cannot convert '%T' object to bytearray", RANGE).map(ByteView::Owned)
    }

    fn set_slice(&self, vm: &mut Vm, slice: &Py<Slice>, value: Option<&Value>) -> PyResult<()> {
        let new = match value {
            Some(value) => Self::assigned(vm, value)?,
            None => ByteView::Owned(Vec::new()),
        };
        let range = slice.resolve(vm, |vm| self.bytes(vm).len())?;
        if range.step == 1 {
            let start = range.start.max(0) as usize;
            let end = start + range.count;
            if new.len() == range.count {
                if let Some(part) = self.bytes_mut(vm).get_mut(start..end) {
                    part.copy_from_slice(&new);
                }
                return Ok(());
            }
            self.reserve(vm, new.len().saturating_sub(range.count))?;
            let data = self.resize_guard(vm)?;
            let end = end.min(data.len());
            data.splice(start.min(end)..end, new.iter().copied());
            return Ok(());
        }
        if new.is_empty() {
            return self.delete_step(vm, range);
        }
        if new.len() != range.count {
            let (n, m) = (new.len(), range.count);
            return Err(vm.value_error(format!("attempt to assign bytes of size {n} to extended slice of size {m}")));
        }
        let data = self.bytes_mut(vm);
        for (i, &b) in range.indices().zip(new.iter()) {
            if let Some(slot) = data.get_mut(i) {
                *slot = b;
            }
        }
        Ok(())
    }

    fn delete_step(&self, vm: &mut Vm, range: SliceRange) -> PyResult<()> {
        let data = self.resize_guard(vm)?;
        if range.count == 0 {
            return Ok(());
        }
        let mut doomed: Vec<usize> = range.indices().collect();
        doomed.sort_unstable();
        let (mut i, mut next) = (0, doomed.iter().peekable());
        data.retain(|_| {
            let gone = next.next_if(|&&d| d == i).is_some();
            i += 1;
            !gone
        });
        Ok(())
    }

    fn append_all(&self, vm: &mut Vm, more: &[u8]) -> PyResult<()> {
        self.reserve(vm, more.len())?;
        self.resize_guard(vm)?.extend_from_slice(more);
        Ok(())
    }

    fn text(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<String> {
        let mut out = zelf.as_value().ty().tp_name();
        if let Some(at) = out.rfind('.') {
            out.drain(..=at);
        }
        out.push('(');
        let bytes = ByteArray::view(zelf, vm);
        ops::repr(vm, &bytes, true, &mut out)?;
        out.push(')');
        Ok(out)
    }
}

#[pymethods(parts(SHARED))]
impl ByteArray {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        let _ = args;
        vm.new_instance(cls, ByteArray::new(Vec::new()))
    }

    #[init]
    fn init(zelf: &Py<ByteArray>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let new = match contents(vm, args, "bytearray")? {
            Contents::Bytes(ByteView::Owned(bytes)) => bytes,
            Contents::Bytes(view) => view.to_vec(),
            Contents::Ready(value) => vm.bytes_of(&value)?,
            Contents::Numbers(source) => {
                *zelf.resize_guard(vm)? = Vec::new();
                return vm.for_each(&source, |vm, item| {
                    let byte = ops::byte(vm, &item, RANGE)?;
                    zelf.append_all(vm, &[byte])
                });
            }
            Contents::Zeros(n) => {
                let mut zeros = Vec::new();
                if zeros.try_reserve_exact(n).is_err() {
                    return Err(vm.memory_error());
                }
                zeros.resize(n, 0);
                zeros
            }
        };
        *zelf.resize_guard(vm)? = new;
        Ok(())
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.bytes(vm).len())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<String> {
        ByteArray::text(zelf, vm)
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<String> {
        crate::types::bytes::warn_bytes(vm, "str() on a bytearray instance")?;
        ByteArray::text(zelf, vm)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<ByteArray>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let view = ByteArray::view(zelf, vm);
        compare(vm, &view, other, op)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult {
        super::iter::new_iter(vm, zelf)
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        match usize::try_from(index).ok().and_then(|i| self.bytes(vm).get(i).copied()) {
            Some(b) => Ok(Value::from_i32(i32::from(b))),
            None => Err(vm.index_error("bytearray index out of range")),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(slice) = key.downcast::<Slice>() {
            let range = slice.resolve(vm, |vm| self.bytes(vm).len())?;
            let bytes = self.bytes(vm);
            let picked: Vec<u8> = if range.step == 1 {
                let start = range.start.max(0) as usize;
                bytes.get(start..start + range.count).unwrap_or_default().to_vec()
            } else {
                range.indices().filter_map(|i| bytes.get(i).copied()).collect()
            };
            return Ok(vm.new_bytearray(picked)?.into_value());
        }
        let at = self.place(vm, key)?;
        Ok(Value::from_i32(i32::from(self.bytes(vm).get(at).copied().unwrap_or(0))))
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if let Some(slice) = key.downcast::<Slice>() {
            return self.set_slice(vm, slice, value);
        }
        let Some(value) = value else {
            let at = self.place(vm, key)?;
            self.resize_guard(vm)?.remove(at);
            return Ok(());
        };
        self.place(vm, key)?;
        let byte = ops::byte(vm, value, RANGE)?;
        // Evaluating the value may have changed the array.
        let at = self.place(vm, key)?;
        if let Some(slot) = self.bytes_mut(vm).get_mut(at) {
            *slot = byte;
        }
        Ok(())
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        self.exports.set(self.exports.get() + 1);
        let found = ops::byte_of_index(vm, item).and_then(|byte| match byte {
            Some(byte) => Ok((Some(byte), ByteView::Owned(Vec::new()))),
            None => Ok((None, vm.byte_view(item)?)),
        });
        self.exports.set(self.exports.get().saturating_sub(1));
        let (byte, sub) = found?;
        if let Some(byte) = byte {
            return Ok(memchr::memchr(byte, self.bytes(vm)).is_some());
        }
        Ok(crate::types::str_::search::find_bytes(self.bytes(vm), &sub).is_some())
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<ByteArray>, other: &Value, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        let other = Self::concat_arg(zelf, vm, other)?;
        let made = [zelf.bytes(vm), &other].concat();
        vm.new_bytearray(made)
    }

    #[slot(inplace_concat)]
    fn slot_inplace_concat(zelf: &Py<ByteArray>, other: &Value, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        let other = Self::concat_arg(zelf, vm, other)?;
        zelf.append_all(vm, &other)?;
        Ok(zelf.clone())
    }

    #[slot(repeat)]
    fn slot_repeat(zelf: &Py<ByteArray>, count: isize, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        let view = ByteArray::view(zelf, vm);
        let out = repeated(vm, &view, count)?;
        vm.new_bytearray(out)
    }

    #[slot(inplace_repeat)]
    fn slot_inplace_repeat(zelf: &Py<ByteArray>, count: isize, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        if count != 1 {
            let view = ByteArray::view(zelf, vm);
            let out = repeated(vm, &view, count)?;
            *zelf.resize_guard(vm)? = out;
        }
        Ok(zelf.clone())
    }

    #[slot(rem)]
    fn slot_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(zelf) = a.downcast::<ByteArray>() else { return Ok(Value::not_implemented()) };
        let format = zelf.bytes(vm).to_vec();
        ByteArray::hold(zelf, true);
        let out = crate::types::str_::percent::format_bytes(vm, &format, b);
        ByteArray::hold(zelf, false);
        let out = out?;
        Ok(vm.new_bytearray(out)?.into_value())
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<ByteArray>, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        vm.check_buffer_request(flags)?;
        zelf.exports.set(zelf.exports.get() + 1);
        let len = zelf.bytes(vm).len();
        Ok(Buffer::simple(zelf.to_value(), &BYTEARRAY_BUFFER, false, len))
    }

    /// Give up a memoryview of the bytearray.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<ByteArray>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }

    /// Add one byte, given by its number, to the end.
    #[method]
    fn append(&self, item: &Value, vm: &mut Vm) -> PyResult<()> {
        let byte = ops::byte(vm, item, RANGE)?;
        self.append_all(vm, &[byte])
    }

    /// Add all bytes of an iterable of ints or of a bytes-like object to the end.
    #[method]
    fn extend(&self, iterable_of_ints: &Value, vm: &mut Vm) -> PyResult<()> {
        if vm.is_bytes_like(iterable_of_ints) {
            // Where the array ends now, whatever making the buffer adds to it.
            let end = self.bytes(vm).len();
            let more = vm.byte_view(iterable_of_ints)?;
            self.reserve(vm, more.len())?;
            let data = self.resize_guard(vm)?;
            let end = end.min(data.len());
            data.splice(end..end, more.iter().copied());
            return Ok(());
        }
        if iterable_of_ints.is::<Str>() {
            let name = iterable_of_ints.type_name();
            if self.exports.get() == 0 && !iterable_of_ints.downcast::<Str>().is_some_and(|s| s.is_empty()) {
                return Err(vm.type_error(format!("expected iterable of integers; got: '{name}'")));
            }
        }
        if !iterable_of_ints.is::<Str>() && iterable_of_ints.type_ref().slots.iter.get().is_some() {
            // Only an estimate, but what goes wrong with it shows.
            vm.length_hint(iterable_of_ints, 32)?;
        }
        let more = if iterable_of_ints.is::<Str>() { Vec::new() } else { ops::from_iterable(vm, iterable_of_ints, "can't extend bytearray with %T", RANGE)? };
        self.append_all(vm, &more)
    }

    /// Insert one byte, given by its number, before index.
    #[method]
    fn insert(&self, index: isize, item: &Value, vm: &mut Vm) -> PyResult<()> {
        let byte = ops::byte(vm, item, RANGE)?;
        self.reserve(vm, 1)?;
        let data = self.resize_guard(vm)?;
        let len = data.len();
        let at = if index < 0 { index.saturating_add_unsigned(len).max(0) } else { index };
        data.insert((at as usize).min(len), byte);
        Ok(())
    }

    /// Take out the byte at index (the last one by default) and return its number.
    #[method(sig = "(index=-1, /)")]
    fn pop(&self, index: isize, vm: &mut Vm) -> PyResult<u8> {
        let len = self.bytes(vm).len();
        if len == 0 {
            return Err(vm.index_error("pop from empty bytearray"));
        }
        let at = if index < 0 { index.saturating_add_unsigned(len) } else { index };
        match usize::try_from(at).ok().filter(|&i| i < len) {
            Some(at) => Ok(self.resize_guard(vm)?.remove(at)),
            None => Err(vm.index_error("pop index out of range")),
        }
    }

    /// Take out the first byte with the given number.
    #[method]
    fn remove(&self, value: &Value, vm: &mut Vm) -> PyResult<()> {
        let byte = ops::byte(vm, value, RANGE)?;
        match memchr::memchr(byte, self.bytes(vm)) {
            Some(at) => {
                self.resize_guard(vm)?.remove(at);
                Ok(())
            }
            None => Err(vm.value_error("value not found in bytearray")),
        }
    }

    /// Turn the order of the bytes round.
    #[method(sig = "()")]
    fn reverse(&self, vm: &mut Vm) {
        self.bytes_mut(vm).reverse();
    }

    /// Take out everything.
    #[method(sig = "()")]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        *self.resize_guard(vm)? = Vec::new();
        Ok(())
    }

    /// A copy.
    #[method(sig = "()")]
    fn copy(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<Py<ByteArray>> {
        ByteArray::whole(zelf, vm)
    }

    /// Cut to size, or fill up to size with null bytes.
    #[method]
    fn resize(&self, size: isize, vm: &mut Vm) -> PyResult<()> {
        let Ok(wanted) = usize::try_from(size) else {
            return Err(vm.value_error(format!("Can only resize to positive sizes, got {size}")));
        };
        let len = self.bytes(vm).len();
        if wanted == len {
            return Ok(());
        }
        if wanted > len {
            self.reserve(vm, wanted - len)?;
        }
        self.resize_guard(vm)?.resize(wanted, 0);
        Ok(())
    }

    /// Bytes allocated.
    #[method(name = "__alloc__")]
    fn alloc(&self, vm: &mut Vm) -> PyResult<usize> {
        let len = self.bytes(vm).len();
        Ok(if len == 0 { 0 } else { len + 1 })
    }

    /// Bytes of memory that the object takes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(56 + self.alloc(vm)?)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<ByteArray>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        ByteArray::reduced(zelf, vm, 2)
    }

    /// For pickling.
    #[method(name = "__reduce_ex__", sig = "(proto=0, /)")]
    fn reduce_ex(zelf: &Py<ByteArray>, proto: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        ByteArray::reduced(zelf, vm, proto)
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }
}

impl ByteArray {
    fn concat_arg(zelf: &Py<ByteArray>, vm: &mut Vm, other: &Value) -> PyResult<ByteView> {
        if vm.is_bytes_like(other) {
            return vm.byte_view(other);
        }
        let (name, own) = (other.type_name(), zelf.as_value().type_name());
        Err(vm.type_error(format!("can't concat {name} to {own}")))
    }

    fn reduced(zelf: &Py<ByteArray>, vm: &mut Vm, proto: i32) -> PyResult<Py<Tuple>> {
        let view = ByteArray::view(zelf, vm);
        let args = if view.is_empty() {
            vm.new_tuple([])?
        } else if proto < 3 {
            let text = vm.new_str_latin1(&view)?.into_value();
            let encoding = vm.new_str("latin-1")?.into_value();
            vm.new_tuple([text, encoding])?
        } else {
            let bytes = vm.new_bytes(&view)?.into_value();
            vm.new_tuple([bytes])?
        };
        let getstate = vm.intern("__getstate__");
        let state = vm.call_method(zelf.as_value(), &getstate, &[])?;
        vm.new_tuple([zelf.as_value().ty().to_value(), args.into_value(), state])
    }
}
