//! The methods that `bytes` and `bytearray` share, written once.
//!
//! A type that uses [`byte_methods!`] has `view(zelf, vm) -> ByteView`, `make(vm, &[u8]) -> PyResult<Py<Self>>` (always the exact type) and
//! `whole(zelf, vm) -> PyResult<Py<Self>>` (what stands for an unchanged result).

macro_rules! byte_methods {
    ($ty:ident, $part:ident) => {
        #[pymethods(part = $part)]
        impl $ty {
            /// The first place from start up to end where sub, bytes or one byte's number, stands; -1 if it stands nowhere.
            #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
            fn find(zelf: &Py<$ty>, sub: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
                Ok(Self::look(zelf, vm, sub, &start, &end, false)?.map_or(-1, |i| i as isize))
            }

            /// The last place from start up to end where sub, bytes or one byte's number, stands; -1 if it stands nowhere.
            #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
            fn rfind(zelf: &Py<$ty>, sub: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
                Ok(Self::look(zelf, vm, sub, &start, &end, true)?.map_or(-1, |i| i as isize))
            }

            /// As find(), but ValueError if sub stands nowhere.
            #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
            fn index(zelf: &Py<$ty>, sub: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
                match Self::look(zelf, vm, sub, &start, &end, false)? {
                    Some(at) => Ok(at),
                    None => Err(vm.value_error("subsection not found")),
                }
            }

            /// As rfind(), but ValueError if sub stands nowhere.
            #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
            fn rindex(zelf: &Py<$ty>, sub: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
                match Self::look(zelf, vm, sub, &start, &end, true)? {
                    Some(at) => Ok(at),
                    None => Err(vm.value_error("subsection not found")),
                }
            }

            /// How often sub, bytes or one byte's number, stands between start and end, without overlap.
            #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
            fn count(zelf: &Py<$ty>, sub: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
                Self::hold(zelf, true);
                let sub = ops::needle(vm, sub);
                Self::hold(zelf, false);
                let sub = sub?;
                let view = Self::view(zelf, vm);
                let range = search_range(vm, view.len(), &start, &end)?;
                Ok(range.and_then(|(a, b)| view.get(a..b)).map_or(0, |part| ops::count(part, &sub)))
            }

            /// Whether the bytes, or their part from start up to end, begin with prefix, which may be a tuple of bytes to try.
            #[method(sig = "(prefix, start=None, end=None, /)", text = "($self, prefix[, start[, end]], /)")]
            fn startswith(zelf: &Py<$ty>, prefix: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<bool> {
                let subs = ops::tail_args(vm, prefix, "startswith")?;
                let view = Self::view(zelf, vm);
                let range = search_range(vm, view.len(), &start, &end)?;
                Ok(subs.iter().any(|sub| ops::has_tail(&view, sub, range, false)))
            }

            /// Whether the bytes, or their part from start up to end, end with suffix, which may be a tuple of bytes to try.
            #[method(sig = "(suffix, start=None, end=None, /)", text = "($self, suffix[, start[, end]], /)")]
            fn endswith(zelf: &Py<$ty>, suffix: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<bool> {
                let subs = ops::tail_args(vm, suffix, "endswith")?;
                let view = Self::view(zelf, vm);
                let range = search_range(vm, view.len(), &start, &end)?;
                Ok(subs.iter().any(|sub| ops::has_tail(&view, sub, range, true)))
            }

            /// A list of the parts between separators, looked for from the left; without a separator, runs of ASCII white space separate.
            #[method(sig = "(sep=None, maxsplit=-1)")]
            fn split(zelf: &Py<$ty>, sep: Value, maxsplit: isize, vm: &mut Vm) -> PyResult<Py<List>> {
                Self::split_with(zelf, vm, &sep, maxsplit, false)
            }

            /// A list of the parts between separators, looked for from the right; see split().
            #[method(sig = "(sep=None, maxsplit=-1)")]
            fn rsplit(zelf: &Py<$ty>, sep: Value, maxsplit: isize, vm: &mut Vm) -> PyResult<Py<List>> {
                Self::split_with(zelf, vm, &sep, maxsplit, true)
            }

            /// A list of the lines, without line ends unless keepends is true.
            #[method(sig = "(keepends=False)")]
            fn splitlines(zelf: &Py<$ty>, keepends: bool, vm: &mut Vm) -> PyResult<Py<List>> {
                let view = Self::view(zelf, vm);
                let ranges = ops::lines(&view, keepends);
                Self::parts(zelf, vm, &view, &ranges)
            }

            /// The part before the first separator, the separator and the part behind it; the bytes and two empty ones if there is none.
            #[method]
            fn partition(zelf: &Py<$ty>, sep: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                Self::partition_with(zelf, vm, sep, false)
            }

            /// The part before the last separator, the separator and the part behind it; two empty ones and the bytes if there is none.
            #[method]
            fn rpartition(zelf: &Py<$ty>, sep: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                Self::partition_with(zelf, vm, sep, true)
            }

            /// Join bytes-like objects with these bytes between them.
            #[method]
            fn join(zelf: &Py<$ty>, iterable_of_bytes: &Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                Self::hold(zelf, true);
                let items = vm.sequence_fast(iterable_of_bytes, "can only join an iterable");
                Self::hold(zelf, false);
                let items = items?;
                if let [item] = items.as_slice() {
                    if let Some(same) = Self::same_exact(item) {
                        return Ok(same);
                    }
                }
                let view = Self::view(zelf, vm);
                let mut out: Vec<u8> = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    if !vm.is_bytes_like(item) {
                        let name = item.type_name();
                        return Err(vm.type_error(format!("sequence item {i}: expected a bytes-like object, {name} found")));
                    }
                    let part = vm.byte_view(item)?;
                    if iterable_of_bytes.downcast::<List>().is_some_and(|l| l.items(vm).len() != items.len()) {
                        return Err(vm.runtime_error("sequence changed size during iteration"));
                    }
                    if out.try_reserve(part.len() + view.len()).is_err() {
                        return Err(vm.memory_error());
                    }
                    if i > 0 {
                        out.extend_from_slice(&view);
                    }
                    out.extend_from_slice(&part);
                }
                Self::make(vm, &out)
            }

            /// A copy without ASCII white space, or without the given bytes, at both ends.
            #[method(sig = "(bytes=None, /)")]
            fn strip(zelf: &Py<$ty>, bytes: Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                Self::strip_with(zelf, vm, &bytes, true, true)
            }

            /// A copy without ASCII white space, or without the given bytes, at the beginning.
            #[method(sig = "(bytes=None, /)")]
            fn lstrip(zelf: &Py<$ty>, bytes: Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                Self::strip_with(zelf, vm, &bytes, true, false)
            }

            /// A copy without ASCII white space, or without the given bytes, at the end.
            #[method(sig = "(bytes=None, /)")]
            fn rstrip(zelf: &Py<$ty>, bytes: Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                Self::strip_with(zelf, vm, &bytes, false, true)
            }

            /// A copy with old replaced by new, everywhere or, if count is not negative, at most that often.
            #[method(sig = "(old, new, count=-1, /)")]
            fn replace(zelf: &Py<$ty>, old: &Value, new: &Value, count: isize, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let (old, new) = (vm.byte_view(old)?, vm.byte_view(new)?);
                let view = Self::view(zelf, vm);
                match ops::replace(vm, &view, &old, &new, usize::try_from(count).unwrap_or(usize::MAX))? {
                    Some(made) => Self::make(vm, &made),
                    None => Self::whole(zelf, vm),
                }
            }

            /// A copy without prefix, if the bytes start with it.
            #[method]
            fn removeprefix(zelf: &Py<$ty>, prefix: &Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let prefix = vm.byte_view(prefix)?;
                let view = Self::view(zelf, vm);
                match view.strip_prefix(&*prefix) {
                    Some(rest) if !prefix.is_empty() => Self::make(vm, rest),
                    _ => Self::whole(zelf, vm),
                }
            }

            /// A copy without suffix, if the bytes end with it.
            #[method]
            fn removesuffix(zelf: &Py<$ty>, suffix: &Value, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let suffix = vm.byte_view(suffix)?;
                let view = Self::view(zelf, vm);
                match view.strip_suffix(&*suffix) {
                    Some(rest) if !suffix.is_empty() => Self::make(vm, rest),
                    _ => Self::whole(zelf, vm),
                }
            }

            /// The bytes in the middle of a field of the given width.
            #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=b' ', /)")]
            fn center(zelf: &Py<$ty>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let fill = ops::fill_byte(vm, fillchar, "center")?;
                let view = Self::view(zelf, vm);
                let width = usize::try_from(width).unwrap_or(0);
                let margin = width.saturating_sub(view.len());
                let left = margin / 2 + (margin & width & 1);
                Self::padded(zelf, vm, &view, left, margin - left, fill)
            }

            /// The bytes at the left of a field of the given width.
            #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=b' ', /)")]
            fn ljust(zelf: &Py<$ty>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let fill = ops::fill_byte(vm, fillchar, "ljust")?;
                let view = Self::view(zelf, vm);
                let margin = usize::try_from(width).unwrap_or(0).saturating_sub(view.len());
                Self::padded(zelf, vm, &view, 0, margin, fill)
            }

            /// The bytes at the right of a field of the given width.
            #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=b' ', /)")]
            fn rjust(zelf: &Py<$ty>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let fill = ops::fill_byte(vm, fillchar, "rjust")?;
                let view = Self::view(zelf, vm);
                let margin = usize::try_from(width).unwrap_or(0).saturating_sub(view.len());
                Self::padded(zelf, vm, &view, margin, 0, fill)
            }

            /// The bytes filled with ASCII zeros up to the given width, behind a sign if there is one.
            #[method]
            fn zfill(zelf: &Py<$ty>, width: isize, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let view = Self::view(zelf, vm);
                if usize::try_from(width).unwrap_or(0) <= view.len() {
                    return Self::whole(zelf, vm);
                }
                let made = ops::zfill(vm, &view, width)?;
                Self::make(vm, &made)
            }

            /// A copy in which tabs are spaces up to the next multiple of tabsize.
            #[method(sig = "(tabsize=8)")]
            fn expandtabs(zelf: &Py<$ty>, tabsize: i32, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let view = Self::view(zelf, vm);
                let made = ops::expandtabs(vm, &view, tabsize)?;
                Self::make(vm, &made)
            }

            /// A copy in ASCII lower case.
            #[method(sig = "()")]
            fn lower(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let made = Self::view(zelf, vm).to_ascii_lowercase();
                Self::make(vm, &made)
            }

            /// A copy in ASCII upper case.
            #[method(sig = "()")]
            fn upper(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let made = Self::view(zelf, vm).to_ascii_uppercase();
                Self::make(vm, &made)
            }

            /// A copy whose first byte is in ASCII upper case and the others in lower case.
            #[method(sig = "()")]
            fn capitalize(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let made = ops::capitalize(&Self::view(zelf, vm));
                Self::make(vm, &made)
            }

            /// A copy in which ASCII words start in upper case and go on in lower case.
            #[method(sig = "()")]
            fn title(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let made = ops::title(&Self::view(zelf, vm));
                Self::make(vm, &made)
            }

            /// A copy with ASCII upper and lower case exchanged.
            #[method(sig = "()")]
            fn swapcase(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let made = ops::swapcase(&Self::view(zelf, vm));
                Self::make(vm, &made)
            }

            /// Whether all bytes are ASCII letters or digits, and there is one.
            #[method(sig = "()")]
            fn isalnum(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                !view.is_empty() && view.iter().all(u8::is_ascii_alphanumeric)
            }

            /// Whether all bytes are ASCII letters, and there is one.
            #[method(sig = "()")]
            fn isalpha(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                !view.is_empty() && view.iter().all(u8::is_ascii_alphabetic)
            }

            /// Whether all bytes are ASCII.
            #[method(sig = "()")]
            fn isascii(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                Self::view(zelf, vm).is_ascii()
            }

            /// Whether all bytes are ASCII digits, and there is one.
            #[method(sig = "()")]
            fn isdigit(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                !view.is_empty() && view.iter().all(u8::is_ascii_digit)
            }

            /// Whether there is an ASCII letter and none is upper case.
            #[method(sig = "()")]
            fn islower(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                view.iter().any(u8::is_ascii_lowercase) && !view.iter().any(u8::is_ascii_uppercase)
            }

            /// Whether there is an ASCII letter and none is lower case.
            #[method(sig = "()")]
            fn isupper(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                view.iter().any(u8::is_ascii_uppercase) && !view.iter().any(u8::is_ascii_lowercase)
            }

            /// Whether all bytes are ASCII white space, and there is one.
            #[method(sig = "()")]
            fn isspace(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                let view = Self::view(zelf, vm);
                !view.is_empty() && view.iter().all(|&b| ops::is_space(b))
            }

            /// Whether ASCII words start in upper case and go on in lower case, and there is one.
            #[method(sig = "()")]
            fn istitle(zelf: &Py<$ty>, vm: &mut Vm) -> bool {
                ops::is_title(&Self::view(zelf, vm))
            }

            /// A copy without the bytes in delete, the others replaced by what stands at their number in table, 256 bytes or None.
            #[method(sig = "(table, /, delete=?)", text = "($self, table, /, delete=b'')")]
            fn translate(zelf: &Py<$ty>, table: &Value, delete: Option<&Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let table = if table.is_none() { None } else { Some(vm.byte_view(table)?) };
                if table.as_ref().is_some_and(|t| t.len() != 256) {
                    return Err(vm.value_error("translation table must be 256 characters long"));
                }
                let mut deleted = [false; 256];
                if let Some(delete) = delete {
                    vm.byte_view(delete)?.iter().for_each(|&b| deleted[usize::from(b)] = true);
                }
                let view = Self::view(zelf, vm);
                let mapped = |b: u8| table.as_ref().and_then(|t| t.get(usize::from(b)).copied()).unwrap_or(b);
                let made: Vec<u8> = view.iter().filter(|&&b| !deleted[usize::from(b)]).map(|&b| mapped(b)).collect();
                if made == *view { Self::whole(zelf, vm) } else { Self::make(vm, &made) }
            }

            /// A table for translate() that replaces each byte of frm by the one at the same place of to.
            #[staticmethod(sig = "(frm, to, /)")]
            fn maketrans(frm: &Value, to: &Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
                let (frm, to) = (vm.byte_view(frm)?, vm.byte_view(to)?);
                if frm.len() != to.len() {
                    return Err(vm.value_error("maketrans arguments must have same length"));
                }
                let mut table: Vec<u8> = (0..=255).collect();
                for (&a, &b) in frm.iter().zip(to.iter()) {
                    table[usize::from(a)] = b;
                }
                vm.new_bytes(&table)
            }

            /// The bytes in hexadecimal, with a separator between groups if one is given; groups are counted from the right, or from
            /// the left if bytes_per_sep is negative.
            #[method(sig = "(sep=?, bytes_per_sep=1)", text = "($self, /, sep=<unrepresentable>, bytes_per_sep=1)")]
            fn hex(zelf: &Py<$ty>, sep: Option<&Value>, bytes_per_sep: i32, vm: &mut Vm) -> PyResult<Py<Str>> {
                Self::hold(zelf, true);
                let sep = ops::hex_args(vm, sep, bytes_per_sep, 0x80);
                Self::hold(zelf, false);
                let sep = sep?;
                let view = Self::view(zelf, vm);
                let text = ops::hex(vm, &view, sep)?;
                vm.new_str_latin1(&text)
            }

            /// Bytes from hexadecimal digits; white space between bytes is ignored.
            #[classmethod(sig = "(string, /)")]
            fn fromhex(cls: &Py<PyType>, string: &Value, vm: &mut Vm) -> PyResult {
                let bytes = ops::from_hex(vm, string)?;
                let made = Self::make(vm, &bytes)?.into_value();
                if cls.is($ty::type_object(vm)) { Ok(made) } else { vm.call(cls.as_value(), &[made]) }
            }

            /// The text that the bytes stand for in an encoding. The handler errors says what happens to bytes that mean nothing.
            #[method(sig = "(encoding='utf-8', errors='strict')")]
            fn decode(zelf: &Py<$ty>, encoding: String, errors: String, vm: &mut Vm) -> PyResult<Py<Str>> {
                vm.decode_to_str(zelf.as_value(), &encoding, &errors)
            }
        }

        impl $ty {
            fn look(zelf: &Py<$ty>, vm: &mut Vm, sub: &Value, start: &Value, end: &Value, right: bool) -> PyResult<Option<usize>> {
                Self::hold(zelf, true);
                let sub = ops::needle(vm, sub);
                Self::hold(zelf, false);
                let sub = sub?;
                let view = Self::view(zelf, vm);
                let range = search_range(vm, view.len(), start, end)?;
                Ok(ops::find(&view, &sub, range, right))
            }

            fn parts(zelf: &Py<$ty>, vm: &mut Vm, view: &[u8], ranges: &[ops::Range]) -> PyResult<Py<List>> {
                let mut items = Vec::new();
                vm.reserve(&mut items, ranges.len())?;
                for &(start, end) in ranges {
                    let whole = start == 0 && end == view.len();
                    let part = if whole { Self::whole(zelf, vm)? } else { Self::make(vm, view.get(start..end).unwrap_or_default())? };
                    items.push(part.into_value());
                }
                vm.new_list(items)
            }

            fn split_with(zelf: &Py<$ty>, vm: &mut Vm, sep: &Value, maxsplit: isize, right: bool) -> PyResult<Py<List>> {
                let max = usize::try_from(maxsplit).unwrap_or(usize::MAX);
                if sep.is_none() {
                    let view = Self::view(zelf, vm);
                    let ranges = if right { ops::rsplit_space(&view, max) } else { ops::split_space(&view, max) }.finish(vm)?;
                    return Self::parts(zelf, vm, &view, &ranges);
                }
                Self::hold(zelf, true);
                let sep = vm.byte_view(sep);
                Self::hold(zelf, false);
                let sep = sep?;
                if sep.is_empty() {
                    return Err(vm.value_error("empty separator"));
                }
                let view = Self::view(zelf, vm);
                let ranges = if right { ops::rsplit(&view, &sep, max) } else { ops::split(&view, &sep, max) }.finish(vm)?;
                Self::parts(zelf, vm, &view, &ranges)
            }

            fn partition_with(zelf: &Py<$ty>, vm: &mut Vm, sep: &Value, right: bool) -> PyResult<Py<Tuple>> {
                let sep_view = vm.byte_view(sep)?;
                if sep_view.is_empty() {
                    return Err(vm.value_error("empty separator"));
                }
                let view = Self::view(zelf, vm);
                let found = ops::find(&view, &sep_view, Some((0, view.len())), right);
                let parts = match found {
                    Some(at) => {
                        let before = Self::make(vm, &view[..at])?.into_value();
                        let middle = Self::separator(sep, vm, &sep_view)?;
                        let after = Self::make(vm, &view[at + sep_view.len()..])?.into_value();
                        [before, middle, after]
                    }
                    None => {
                        let whole = Self::whole(zelf, vm)?.into_value();
                        let (a, b) = (Self::make(vm, &[])?.into_value(), Self::make(vm, &[])?.into_value());
                        if right { [a, b, whole] } else { [whole, a, b] }
                    }
                };
                vm.new_tuple(parts)
            }

            fn strip_with(zelf: &Py<$ty>, vm: &mut Vm, set: &Value, left: bool, right: bool) -> PyResult<Py<$ty>> {
                let set = if set.is_none() { None } else { Some(vm.byte_view(set)?) };
                let view = Self::view(zelf, vm);
                let (start, end) = ops::strip(&view, set.as_deref(), left, right);
                if start == 0 && end == view.len() { Self::whole(zelf, vm) } else { Self::make(vm, &view[start..end]) }
            }

            fn padded(zelf: &Py<$ty>, vm: &mut Vm, view: &[u8], left: usize, right: usize, fill: u8) -> PyResult<Py<$ty>> {
                if left == 0 && right == 0 {
                    return Self::whole(zelf, vm);
                }
                let made = ops::pad(vm, view, left, right, fill)?;
                Self::make(vm, &made)
            }
        }
    };
}
pub(crate) use byte_methods;

/// `a OP b` of bytes and any bytes-like object; none if `b` is no such object.
pub(crate) fn compare(vm: &mut crate::Vm, a: &super::ByteView, b: &crate::Value, op: crate::types::slots::CompareOp) -> crate::PyResult {
    if !vm.is_bytes_like(b) {
        return Ok(crate::Value::not_implemented());
    }
    let b = match vm.byte_view(b) {
        Ok(b) => b,
        Err(_) => return Ok(crate::Value::not_implemented()),
    };
    Ok(crate::Value::from_bool(op.matches((**a).cmp(&*b))))
}

/// Copies of bytes side by side; MemoryError if there is no room.
pub(crate) fn repeated(vm: &mut crate::Vm, bytes: &[u8], count: isize) -> crate::PyResult<Vec<u8>> {
    let count = usize::try_from(count).unwrap_or(0);
    let mut out = Vec::new();
    let total = bytes.len().checked_mul(count);
    if total.is_none_or(|n| n > isize::MAX as usize || out.try_reserve_exact(n).is_err()) {
        return Err(vm.memory_error());
    }
    if let [byte] = bytes {
        out.resize(count, *byte);
        return Ok(out);
    }
    for _ in 0..count {
        out.extend_from_slice(bytes);
    }
    Ok(out)
}
