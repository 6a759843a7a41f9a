//! Methods and slots of arrays, their iterator, and `_array_reconstructor`.

use super::kinds::Kind;
use super::{ARRAY_BUFFER, Array, new_array, plain_array};
use krait_runtime::protocol::buffer::{Buffer, flags};
use krait_runtime::types::bytearray::ByteArray;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::{Int, IntRef};
use krait_runtime::types::list::List;
use krait_runtime::types::slice::{Slice, SliceRange};
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, n, pyclass, pyfunction, pymethods};
use krait_unicode::TextBuf;
use std::borrow::Cow;
use std::cell::Cell;

/// A type code argument.
fn code_of(vm: &mut Vm, value: &Value, what: &str) -> PyResult<u32> {
    match value.downcast::<Str>() {
        Some(s) if s.len() == 1 => Ok(s.data().get(0).unwrap_or(0)),
        Some(s) => {
            let n = s.len();
            Err(vm.type_error(format!("{what} must be a unicode character, not a string of length {n}")))
        }
        None => {
            let name = value.type_name();
            Err(vm.type_error(format!("{what} must be a unicode character, not {name}")))
        }
    }
}

/// The bytes of a bytes-like object.
fn bytes_of(vm: &mut Vm, object: &Value) -> PyResult<(Vec<u8>, usize)> {
    let buffer = vm.buffer(object, flags::SIMPLE)?;
    let (itemsize, len) = (buffer.itemsize, buffer.len_bytes());
    let start = usize::try_from(buffer.offset).unwrap_or(0);
    let bytes = buffer.memory(vm).get(start..start + len).map(<[u8]>::to_vec).unwrap_or_default();
    buffer.release(vm);
    Ok((bytes, itemsize))
}

fn text_bytes(string: &Str) -> Vec<u8> {
    string.chars().flat_map(u32::to_ne_bytes).collect()
}

impl Array {
    fn initialize(zelf: &Py<Array>, vm: &mut Vm, initial: &Value) -> PyResult<()> {
        let kind = zelf.kind;
        if let Some(string) = initial.downcast::<Str>() {
            if !kind.is_text() {
                let code = kind.code();
                return Err(vm.type_error(format!("cannot use a str to initialize an array with typecode '{code}'")));
            }
            return zelf.append_bytes(vm, &text_bytes(string));
        }
        if let Some(other) = initial.downcast::<Array>() {
            if other.kind.is_text() && !kind.is_text() {
                let code = kind.code();
                return Err(vm.type_error(format!("cannot use a unicode array to initialize an array with typecode '{code}'")));
            }
            if other.kind == kind {
                return zelf.extend_from(vm, initial);
            }
        }
        if initial.is::<Bytes>() || initial.is::<ByteArray>() {
            return Array::from_bytes(zelf, vm, initial);
        }
        let iterator = vm.iter(initial)?;
        while let Some(item) = vm.iter_next(&iterator)? {
            let end = zelf.len(vm);
            zelf.insert_at(vm, end, &item)?;
        }
        Ok(())
    }

    fn from_bytes(zelf: &Py<Array>, vm: &mut Vm, buffer: &Value) -> PyResult<()> {
        let (bytes, itemsize) = bytes_of(vm, buffer)?;
        if itemsize != 1 {
            return Err(vm.type_error("a bytes-like object is required"));
        }
        if bytes.len() % zelf.kind.size() != 0 {
            return Err(vm.value_error("bytes length not a multiple of item size"));
        }
        zelf.append_bytes(vm, &bytes)
    }

    fn subscript(&self, vm: &mut Vm, key: &Value, message: &str) -> PyResult<usize> {
        if key.ty().slots.nb_index.get().is_none() && !key.is::<Int>() {
            return Err(vm.type_error("array indices must be integers"));
        }
        let index = vm.as_isize(key)?;
        let len = self.len(vm);
        let index = if index < 0 { index.saturating_add_unsigned(len) } else { index };
        match usize::try_from(index).ok().filter(|&i| i < len) {
            Some(i) => Ok(i),
            None => Err(vm.index_error(message)),
        }
    }

    /// The bytes of the items of a slice.
    fn slice_bytes(&self, vm: &Vm, range: SliceRange) -> Vec<u8> {
        range.indices().filter_map(|i| self.item_bytes(vm, i)).flatten().copied().collect()
    }

    fn delete(&self, vm: &mut Vm, range: SliceRange) -> PyResult<()> {
        if range.count == 0 {
            return Ok(());
        }
        let size = self.kind.size();
        let mut gone: Vec<usize> = range.indices().collect();
        gone.sort_unstable();
        let data = self.resizable(vm)?;
        let mut next = gone.iter().copied().peekable();
        let mut kept = Vec::with_capacity(data.len());
        for (i, item) in data.chunks(size).enumerate() {
            if next.peek() == Some(&i) {
                next.next();
            } else {
                kept.extend_from_slice(item);
            }
        }
        *data = kept;
        Ok(())
    }

    fn assign(zelf: &Py<Array>, vm: &mut Vm, slice: &Slice, value: &Value) -> PyResult<()> {
        let Some(other) = value.downcast::<Array>() else {
            let name = value.type_name();
            let name = name.rsplit('.').next().unwrap_or_default();
            return Err(vm.type_error(format!("can only assign array (not \"{name}\") to array slice")));
        };
        if other.kind != zelf.kind {
            return Err(vm.type_error("bad argument type for built-in operation"));
        }
        let range = slice.resolve(vm, |vm| zelf.len(vm))?;
        let new = other.data.load(vm);
        let size = zelf.kind.size();
        if range.step == 1 {
            let (start, end) = (range.start as usize * size, (range.start as usize + range.count) * size);
            if new.len() == end - start {
                if let Some(part) = zelf.data.get_mut(vm).get_mut(start..end) {
                    part.copy_from_slice(&new);
                }
                return Ok(());
            }
            zelf.resizable(vm)?.splice(start..end, new);
            return Ok(());
        }
        if new.len() != range.count * size {
            let (have, want) = (new.len() / size, range.count);
            return Err(vm.value_error(format!("attempt to assign array of size {have} to extended slice of size {want}")));
        }
        let data = zelf.data.get_mut(vm);
        for (i, item) in range.indices().zip(new.chunks(size)) {
            if let Some(slot) = data.get_mut(i * size..(i + 1) * size) {
                slot.copy_from_slice(item);
            }
        }
        Ok(())
    }

    fn find(&self, vm: &mut Vm, value: &Value, from: usize, stop: usize) -> PyResult<Option<usize>> {
        for i in from..stop {
            let Some(item) = self.get(vm, i)? else { break };
            if vm.eq(&item, value)? {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    fn repeated(&self, vm: &mut Vm, count: isize) -> PyResult<Vec<u8>> {
        let data = self.data.get(vm);
        let total = data.len().checked_mul(usize::try_from(count).unwrap_or(0)).filter(|&n| krait_heap::fits_memory(n));
        let mut out = Vec::new();
        match total {
            Some(total) if out.try_reserve_exact(total).is_ok() => {
                for _ in 0..count.max(0) {
                    out.extend_from_slice(data);
                }
                Ok(out)
            }
            _ => Err(vm.memory_error()),
        }
    }

    fn text(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let chars: Vec<u32> = self.data.get(vm).chunks_exact(4).map(|c| u32::from_ne_bytes([c[0], c[1], c[2], c[3]])).collect();
        if let Some(bad) = chars.iter().find(|&&c| c > 0x10ffff) {
            return Err(vm.value_error(format!("character U+{bad:x} is not in range [U+0000; U+10ffff]")));
        }
        vm.new_str_ucs4(&chars)
    }

    fn list(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        let (mut items, mut i, len) = (Vec::new(), 0, self.len(vm));
        vm.reserve(&mut items, len)?;
        while let Some(item) = self.get(vm, i)? {
            items.push(item);
            i += 1;
        }
        vm.new_list(items)
    }
}

#[pymethods(parts(more))]
impl Array {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new_array(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Array>> {
        if args.has_keywords() && cls.is(Array::type_object(vm)) {
            return Err(vm.type_error("array.array() takes no keyword arguments"));
        }
        let args = args.for_new::<Array>(vm, cls)?.positional();
        let (code, initial) = match args {
            [] => return Err(vm.type_error("array() takes at least 1 argument (0 given)")),
            [code] => (code, None),
            [code, initial] => (code, Some(initial)),
            _ => {
                let given = args.len();
                return Err(vm.type_error(format!("array() takes at most 2 arguments ({given} given)")));
            }
        };
        let code = code_of(vm, code, "array() argument 1")?;
        let Some(kind) = Kind::from_code(code) else {
            return Err(vm.value_error("bad typecode (must be b, B, u, w, h, H, i, I, l, L, q, Q, f or d)"));
        };
        if code == u32::from(b'u') {
            vm.warn_deprecated("The 'u' type code is deprecated and will be removed in Python 3.16")?;
        }
        let array = new_array(vm, cls, kind, Vec::new())?;
        if let Some(initial) = initial {
            Array::initialize(&array, vm, initial)?;
            // Few arrays grow after they were made.
            array.data.get_mut(vm).shrink_to_fit();
        }
        Ok(array)
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len(vm))
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        let item = match usize::try_from(index) {
            Ok(i) => self.get(vm, i)?,
            Err(_) => None,
        };
        item.ok_or_else(|| vm.index_error("array index out of range"))
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(slice) = key.downcast_exact::<Slice>() {
            let range = slice.resolve(vm, |vm| self.len(vm))?;
            let bytes = self.slice_bytes(vm, range);
            return Ok(plain_array(vm, self.kind, bytes)?.into_value());
        }
        let i = self.subscript(vm, key, "array index out of range")?;
        self.slot_item(i as isize, vm)
    }

    #[slot(setitem)]
    fn slot_setitem(zelf: &Py<Array>, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if let Some(slice) = key.downcast_exact::<Slice>() {
            return match value {
                Some(value) => Array::assign(zelf, vm, slice, value),
                None => {
                    let range = slice.resolve(vm, |vm| zelf.len(vm))?;
                    zelf.delete(vm, range)
                }
            };
        }
        let i = zelf.subscript(vm, key, "array assignment index out of range")?;
        let size = zelf.kind.size();
        match value {
            Some(value) => {
                let raw = zelf.kind.store(vm, value)?;
                match zelf.data.get_mut(vm).get_mut(i * size..(i + 1) * size) {
                    Some(slot) => slot.iter_mut().zip(raw).for_each(|(to, from)| *to = from),
                    None => return Err(vm.index_error("array assignment index out of range")),
                }
            }
            None => {
                zelf.resizable(vm)?.drain(i * size..(i + 1) * size);
            }
        }
        Ok(())
    }

    #[slot(contains)]
    fn slot_contains(&self, value: &Value, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.find(vm, value, 0, usize::MAX)?.is_some())
    }

    #[slot(concat)]
    fn slot_concat(&self, other: &Value, vm: &mut Vm) -> PyResult<Py<Array>> {
        let Some(right) = other.downcast::<Array>() else {
            let name = other.type_name();
            let name = name.rsplit('.').next().unwrap_or_default();
            return Err(vm.type_error(format!("can only append array (not \"{name}\") to array")));
        };
        if right.kind != self.kind {
            return Err(vm.type_error("bad argument type for built-in operation"));
        }
        let bytes = [self.data.get(vm).as_slice(), right.data.get(vm).as_slice()].concat();
        plain_array(vm, self.kind, bytes)
    }

    #[slot(inplace_concat)]
    fn slot_inplace_concat(zelf: &Py<Array>, other: &Value, vm: &mut Vm) -> PyResult<Py<Array>> {
        if !other.is::<Array>() {
            let name = other.type_name();
            let name = name.rsplit('.').next().unwrap_or_default();
            return Err(vm.type_error(format!("can only extend with array (not \"{name}\")")));
        }
        zelf.extend_from(vm, other)?;
        Ok(zelf.clone())
    }

    #[slot(repeat)]
    fn slot_repeat(&self, count: isize, vm: &mut Vm) -> PyResult<Py<Array>> {
        let bytes = self.repeated(vm, count)?;
        plain_array(vm, self.kind, bytes)
    }

    #[slot(inplace_repeat)]
    fn slot_inplace_repeat(zelf: &Py<Array>, count: isize, vm: &mut Vm) -> PyResult<Py<Array>> {
        if count != 1 && zelf.len(vm) > 0 {
            let bytes = zelf.repeated(vm, count)?;
            *zelf.resizable(vm)? = bytes;
        }
        Ok(zelf.clone())
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Array>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Array>() else { return Ok(Value::not_implemented()) };
        let (m, n) = (self.len(vm), other.len(vm));
        if m != n && matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::from_bool(op == CompareOp::Ne));
        }
        for i in 0..m.min(n) {
            let (Some(x), Some(y)) = (self.get(vm, i)?, other.get(vm, i)?) else { break };
            let equal = vm.rich_compare(&x, &y, CompareOp::Eq)?;
            if vm.is_true(&equal)? {
                continue;
            }
            return match op {
                CompareOp::Eq => Ok(Value::from_bool(false)),
                CompareOp::Ne => Ok(Value::from_bool(true)),
                CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => vm.rich_compare(&x, &y, op),
            };
        }
        Ok(Value::from_bool(op.matches(m.cmp(&n))))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Array>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = zelf.as_value().ty().tp_name();
        let (name, code) = (name.rsplit('.').next().unwrap_or_default().to_owned(), zelf.kind.code());
        if zelf.len(vm) == 0 {
            return vm.new_str(&format!("{name}('{code}')"));
        }
        let items = if zelf.kind.is_text() { zelf.text(vm)?.into_value() } else { zelf.list(vm)?.into_value() };
        let items = vm.repr(&items)?;
        let mut text = TextBuf::from(format!("{name}('{code}', "));
        text.push_text(&items.to_text());
        text.push_str(")");
        vm.new_str_text(&text)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Array>, vm: &mut Vm) -> PyResult<Py<ArrayIter>> {
        vm.new_object(ArrayIter { index: Cell::new(0), array: GilCell::new(Some(zelf.clone())) })
    }

    /// Give up a memoryview of the array.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<Array>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<Array>, _flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        zelf.exports.set(zelf.exports.get() + 1);
        let (len, size) = (zelf.len(vm), zelf.kind.size());
        let mut buffer = Buffer::simple(zelf.to_value(), &ARRAY_BUFFER, false, len);
        buffer.format = Cow::Borrowed(zelf.kind.format());
        buffer.itemsize = size;
        buffer.strides = vec![size as isize];
        Ok(buffer)
    }
}

#[pymethods(part = more)]
impl Array {
    /// the typecode character used to create the array
    #[getter]
    fn typecode(&self) -> &'static str {
        self.kind.code()
    }

    /// the size, in bytes, of one array item
    #[getter]
    fn itemsize(&self) -> usize {
        self.kind.size()
    }

    /// Append new value v to the end of the array.
    #[method(sig = "(v, /)")]
    fn append(&self, v: &Value, vm: &mut Vm) -> PyResult<()> {
        let end = self.len(vm);
        self.insert_at(vm, end, v)
    }

    /// Return a tuple (address, length) giving the current memory address and the length in items of the buffer used to hold array's contents.
    ///
    /// The length should be multiplied by the itemsize attribute to calculate the buffer length in bytes.
    #[method]
    fn buffer_info(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (address, len) = (self.data.get(vm).as_ptr() as usize, self.len(vm));
        let parts = [vm.new_int(address)?, vm.new_int(len)?];
        vm.new_tuple(parts)
    }

    /// Byteswap all items of the array.
    ///
    /// If the items in the array are not 1, 2, 4, or 8 bytes in size, RuntimeError is raised.
    #[method]
    fn byteswap(&self, vm: &mut Vm) -> PyResult<()> {
        let size = self.kind.size();
        self.data.get_mut(vm).chunks_mut(size).for_each(<[u8]>::reverse);
        Ok(())
    }

    /// Remove all items from the array.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        if self.len(vm) > 0 {
            self.resizable(vm)?.clear();
        }
        Ok(())
    }

    /// Return number of occurrences of v in the array.
    #[method(sig = "(v, /)")]
    fn count(&self, v: &Value, vm: &mut Vm) -> PyResult<usize> {
        let (mut n, mut from) = (0, 0);
        while let Some(i) = self.find(vm, v, from, usize::MAX)? {
            n += 1;
            from = i + 1;
        }
        Ok(n)
    }

    /// Append items to the end of the array.
    #[method(sig = "(bb, /)")]
    fn extend(&self, bb: &Value, vm: &mut Vm) -> PyResult<()> {
        self.extend_from(vm, bb)
    }

    /// Appends items from the string, interpreting it as an array of machine values (as if it had been read from a file using the fromfile() method).
    #[method(sig = "(buffer, /)")]
    fn frombytes(zelf: &Py<Array>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        Array::from_bytes(zelf, vm, buffer)
    }

    /// Read n objects from the file object f and append them to the end of the array.
    #[method(sig = "(f, n, /)")]
    fn fromfile(zelf: &Py<Array>, f: &Value, n: isize, vm: &mut Vm) -> PyResult<()> {
        let Ok(count) = usize::try_from(n) else { return Err(vm.value_error("negative count")) };
        let Some(bytes) = count.checked_mul(zelf.kind.size()).filter(|&b| isize::try_from(b).is_ok()) else { return Err(vm.memory_error()) };
        let wanted = vm.new_int(bytes)?;
        let read = vm.call_method(f, n!(read), &[wanted])?;
        if !read.is::<Bytes>() {
            return Err(vm.type_error("read() didn't return bytes"));
        }
        let short = vm.len(&read)? != bytes;
        Array::from_bytes(zelf, vm, &read)?;
        if short { Err(vm.eof_error("read() didn't return enough bytes")) } else { Ok(()) }
    }

    /// Append items to array from list.
    #[method(sig = "(list, /)")]
    fn fromlist(&self, list: &Value, vm: &mut Vm) -> PyResult<()> {
        let Some(list) = list.downcast::<List>() else { return Err(vm.type_error("arg must be list")) };
        let count = list.items(vm).len();
        let before = self.len(vm);
        for i in 0..count {
            let item = list.items(vm).get(i).cloned();
            let result = match item {
                Some(item) => {
                    let end = self.len(vm);
                    self.insert_at(vm, end, &item)
                }
                None => Ok(()),
            };
            let changed = list.items(vm).len() != count;
            if result.is_err() || changed {
                let keep = before * self.kind.size();
                self.resizable(vm)?.truncate(keep);
                result?;
                return Err(vm.runtime_error("list changed size during iteration"));
            }
        }
        Ok(())
    }

    /// Extends this array with data from the unicode string ustr.
    ///
    /// The array must be a unicode type array; otherwise a ValueError is raised. Use array.frombytes(ustr.encode(...)) to append Unicode data
    /// to an array of some other type.
    #[method(sig = "(ustr, /)")]
    fn fromunicode(&self, ustr: &Py<Str>, vm: &mut Vm) -> PyResult<()> {
        if !self.kind.is_text() {
            return Err(vm.value_error("fromunicode() may only be called on unicode type arrays ('u' or 'w')"));
        }
        self.append_bytes(vm, &text_bytes(ustr))
    }

    /// Return index of first occurrence of v in the array.
    ///
    /// Raise ValueError if the value is not present.
    #[method(sig = "(v, start=?, stop=?, /)", text = "(v, start=0, stop=sys.maxsize, /)")]
    fn index(&self, v: &Value, start: Option<&Value>, stop: Option<&Value>, vm: &mut Vm) -> PyResult<usize> {
        let (start, stop) = (vm.search_bound(start, 0)?, vm.search_bound(stop, isize::MAX)?);
        let len = self.len(vm) as isize;
        let from_end = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
        match self.find(vm, v, from_end(start) as usize, from_end(stop) as usize)? {
            Some(i) => Ok(i),
            None => Err(vm.value_error("array.index(x): x not in array")),
        }
    }

    /// Insert a new item v into the array before position i.
    #[method(sig = "(i, v, /)")]
    fn insert(&self, i: isize, v: &Value, vm: &mut Vm) -> PyResult<()> {
        let len = self.len(vm);
        let at = if i < 0 { i.saturating_add_unsigned(len).max(0) } else { i };
        self.insert_at(vm, (at as usize).min(len), v)
    }

    /// Return the i-th element and delete it from the array.
    ///
    /// i defaults to -1.
    #[method(sig = "(i=-1, /)")]
    fn pop(&self, i: isize, vm: &mut Vm) -> PyResult {
        let len = self.len(vm);
        if len == 0 {
            return Err(vm.index_error("pop from empty array"));
        }
        let at = if i < 0 { i.saturating_add_unsigned(len) } else { i };
        let item = match usize::try_from(at) {
            Ok(at) => self.get(vm, at)?,
            Err(_) => None,
        };
        let Some(item) = item else { return Err(vm.index_error("pop index out of range")) };
        let (at, size) = (at as usize, self.kind.size());
        self.resizable(vm)?.drain(at * size..(at + 1) * size);
        Ok(item)
    }

    /// Remove the first occurrence of v in the array.
    #[method(sig = "(v, /)")]
    fn remove(&self, v: &Value, vm: &mut Vm) -> PyResult<()> {
        match self.find(vm, v, 0, usize::MAX)? {
            Some(i) => {
                let size = self.kind.size();
                let data = self.resizable(vm)?;
                let end = ((i + 1) * size).min(data.len());
                data.drain((i * size).min(end)..end);
                Ok(())
            }
            None => Err(vm.value_error("array.remove(x): x not in array")),
        }
    }

    /// Reverse the order of the items in the array.
    #[method]
    fn reverse(&self, vm: &mut Vm) -> PyResult<()> {
        let size = self.kind.size();
        let data = self.data.get_mut(vm);
        data.reverse();
        data.chunks_mut(size).for_each(<[u8]>::reverse);
        Ok(())
    }

    /// Convert the array to an array of machine values and return the bytes representation.
    #[method]
    fn tobytes(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let bytes = self.data.load(vm);
        vm.new_bytes(&bytes)
    }

    /// Write all items (as machine values) to the file object f.
    #[method(sig = "(f, /)")]
    fn tofile(&self, f: &Value, vm: &mut Vm) -> PyResult<()> {
        let bytes = self.data.load(vm);
        for block in bytes.chunks(64 << 10) {
            let block = vm.new_bytes(block)?.into_value();
            vm.call_method(f, n!(write), &[block])?;
        }
        Ok(())
    }

    /// Convert array to an ordinary list with the same items.
    #[method]
    fn tolist(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        self.list(vm)
    }

    /// Extends this array with data from the unicode string ustr.
    ///
    /// Convert the array to a unicode string. The array must be a unicode type array; otherwise a ValueError is raised.
    #[method]
    fn tounicode(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        if !self.kind.is_text() {
            return Err(vm.value_error("tounicode() may only be called on unicode type arrays ('u' or 'w')"));
        }
        self.text(vm)
    }

    /// Return a copy of the array.
    #[method(name = "__copy__")]
    fn dunder_copy(&self, vm: &mut Vm) -> PyResult<Py<Array>> {
        let bytes = self.data.load(vm);
        plain_array(vm, self.kind, bytes)
    }

    /// Return a copy of the array.
    #[method(name = "__deepcopy__", sig = "(unused, /)")]
    fn dunder_deepcopy(&self, unused: &Value, vm: &mut Vm) -> PyResult<Py<Array>> {
        let _ = unused;
        let bytes = self.data.load(vm);
        plain_array(vm, self.kind, bytes)
    }

    /// Return state information for pickling.
    #[method(name = "__reduce_ex__", sig = "(value, /)")]
    fn reduce_ex(zelf: &Py<Array>, value: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if !value.is::<Int>() {
            return Err(vm.type_error("__reduce_ex__ argument should be an integer"));
        }
        let protocol = IntRef::new(value).and_then(|i| i.to_i64()).unwrap_or(i64::MAX);
        let dict = vm.getattr_opt(zelf.as_value(), n!(__dict__))?.unwrap_or_else(Value::none);
        let (ty, code) = (zelf.as_value().ty().to_value(), vm.new_str(zelf.kind.code())?.into_value());
        if protocol < 3 {
            let items = zelf.list(vm)?.into_value();
            let args = vm.new_tuple([code, items])?.into_value();
            return vm.new_tuple([ty, args, dict]);
        }
        let import = vm.builtin(n!(__import__))?;
        let name = vm.new_str("array")?.into_value();
        let module = vm.call(&import, &[name])?;
        let reconstructor = vm.getattr_str(&module, "_array_reconstructor")?;
        let format = vm.new_int(zelf.kind.machine_format())?;
        let bytes = zelf.data.load(vm);
        let bytes = vm.new_bytes(&bytes)?.into_value();
        let args = vm.new_tuple([ty, code, format, bytes])?.into_value();
        vm.new_tuple([reconstructor, args, dict])
    }

    /// Size of the array in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(64 + self.data.get(vm).capacity())
    }

    /// See PEP 585
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

/// The iterator of arrays.
#[pyclass(module = "array", name = "arrayiterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct ArrayIter {
    index: Cell<usize>,
    array: GilCell<Option<Py<Array>>>,
}

#[pymethods]
impl ArrayIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<ArrayIter>) -> Py<ArrayIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(array) = self.array.load(vm) else { return Ok(None) };
        let index = self.index.get();
        if let Some(item) = array.get(vm, index)? {
            self.index.set(index + 1);
            return Ok(Some(item));
        }
        let old = self.array.replace(vm, None);
        drop(old);
        Ok(None)
    }

    /// Return state information for pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let iter = vm.builtin(n!(iter))?;
        let array = self.array.load(vm).map(Py::into_value);
        krait_runtime::types::iter::reduce_at(vm, iter, array, self.index.get())
    }

    /// Set state information for unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        if let Some(array) = self.array.load(vm) {
            self.index.set(usize::try_from(index).unwrap_or(0).min(array.len(vm)));
        }
        Ok(())
    }
}

/// What a machine format code says: bytes an item, signed, floating point, characters, big-endian.
fn format_of(code: i32) -> Option<(usize, char, bool)> {
    Some(match code {
        0 => (1, 'u', false),
        1 => (1, 'i', false),
        2 | 3 => (2, 'u', code == 3),
        4 | 5 => (2, 'i', code == 5),
        6 | 7 => (4, 'u', code == 7),
        8 | 9 => (4, 'i', code == 9),
        10 | 11 => (8, 'u', code == 11),
        12 | 13 => (8, 'i', code == 13),
        14 | 15 => (4, 'f', code == 15),
        16 | 17 => (8, 'f', code == 17),
        18 | 19 => (2, 'c', code == 19),
        20 | 21 => (4, 'c', code == 21),
        _ => return None,
    })
}

/// An item in a foreign format as an object.
fn foreign_item(vm: &mut Vm, item: &[u8], what: char, big: bool) -> PyResult {
    let mut le = [0u8; 8];
    let ordered: Vec<u8> = if big { item.iter().rev().copied().collect() } else { item.to_vec() };
    let size = ordered.len().min(8);
    le.iter_mut().zip(&ordered).for_each(|(to, from)| *to = *from);
    let unsigned = u64::from_le_bytes(le);
    match what {
        'u' => vm.new_int(unsigned),
        'i' => {
            let shift = 64 - 8 * size as u32;
            vm.new_int((unsigned << shift) as i64 >> shift)
        }
        'f' if size == 4 => vm.new_float(f64::from(f32::from_bits(unsigned as u32))),
        'f' => vm.new_float(f64::from_bits(unsigned)),
        _ => Ok(vm.new_str_ucs4(&[unsigned as u32])?.into_value()),
    }
}

/// Internal. Used for pickling support.
#[pyfunction(sig = "(arraytype, typecode, mformat_code, items, /)")]
pub fn _array_reconstructor(arraytype: &Value, typecode: &Value, mformat_code: i32, items: &Value, vm: &mut Vm) -> PyResult {
    let Some(cls) = arraytype.downcast::<PyType>() else {
        return Err(vm.type_error("first argument must be a type object, not a non-type object"));
    };
    let code = code_of(vm, typecode, "_array_reconstructor(): argument 2")?;
    if !cls.is_subtype(vm, Array::type_object(vm)) {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("{name} is not a subtype of array.array")));
    }
    let Some(kind) = Kind::from_code(code) else { return Err(vm.value_error("second argument must be a valid type code")) };
    let Some((size, what, big)) = format_of(mformat_code) else {
        return Err(vm.value_error("third argument must be a valid machine format code."));
    };
    if !items.is::<Bytes>() {
        let name = items.type_name();
        return Err(vm.type_error(format!("fourth argument should be bytes, not {name}")));
    }
    let (bytes, _) = bytes_of(vm, items)?;
    if mformat_code == kind.machine_format() {
        if bytes.len() % kind.size() != 0 {
            return Err(vm.value_error("bytes length not a multiple of item size"));
        }
        return Ok(new_array(vm, cls, kind, bytes)?.into_value());
    }
    if bytes.len() % size != 0 {
        return Err(vm.value_error("string length not a multiple of item size"));
    }
    let array = new_array(vm, cls, fitting(kind, what, size), Vec::new())?;
    if what == 'c' && size == 2 {
        let unit = |c: &[u8]| if big { u16::from_be_bytes([c[0], c[1]]) } else { u16::from_le_bytes([c[0], c[1]]) };
        let chars: Vec<u32> = char::decode_utf16(bytes.chunks_exact(2).map(unit)).map(|c| c.map_or_else(|e| u32::from(e.unpaired_surrogate()), u32::from)).collect();
        let raw: Vec<u8> = chars.into_iter().flat_map(u32::to_ne_bytes).collect();
        array.append_bytes(vm, &raw)?;
        return Ok(array.into_value());
    }
    for item in bytes.chunks(size) {
        let item = foreign_item(vm, item, what, big)?;
        let end = array.len(vm);
        array.insert_at(vm, end, &item)?;
    }
    Ok(array.into_value())
}

/// The kind whose items are exactly as large as the foreign ones, if there is one; the one asked for otherwise.
fn fitting(kind: Kind, what: char, size: usize) -> Kind {
    if !matches!(what, 'i' | 'u') || kind.size() == size {
        return kind;
    }
    match (what, size) {
        ('i', 1) => Kind::I8,
        ('u', 1) => Kind::U8,
        ('i', 2) => Kind::I16,
        ('u', 2) => Kind::U16,
        ('i', 4) => Kind::I32,
        ('u', 4) => Kind::U32,
        ('i', 8) => Kind::Long,
        ('u', 8) => Kind::ULong,
        _ => kind,
    }
}
