//! `str`: construction, slots, searching, encoding. The other methods stand in `case`, `split` and `format`.

use super::{Str, StrBuilder, StrData};
use crate::protocol::format::{Align, FormatSpec};
use crate::types::slice::Slice;
use crate::types::slots::CompareOp;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm, pymethods};

/// `find(sub, start, end)` and its relatives: bounds clipped to the length, and where the range is empty.
pub(crate) fn search_range(vm: &mut Vm, len: usize, start: &Value, end: &Value) -> PyResult<Option<(usize, usize)>> {
    let start = if start.is_none() { 0 } else { vm.slice_index(start)? };
    let end = if end.is_none() { isize::MAX } else { vm.slice_index(end)? };
    let len = len as isize;
    let clip = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
    let (start, end) = (clip(start), clip(end).min(len));
    Ok((start <= end).then_some((start as usize, end as usize)))
}

impl Str {
    fn search(&self, vm: &mut Vm, sub: &Str, start: &Value, end: &Value, right: bool) -> PyResult<Option<usize>> {
        let Some((start, end)) = search_range(vm, self.len(), start, end)? else { return Ok(None) };
        let data = self.data().slice(start, end);
        if sub.len() > data.len() {
            return Ok(None);
        }
        let found = if right { data.rfind(sub.data()) } else { data.find(sub.data()) };
        Ok(found.map(|at| at + start))
    }

    fn tail_match(&self, vm: &mut Vm, sub: &Value, start: &Value, end: &Value, name: &str) -> PyResult<bool> {
        let range = search_range(vm, self.len(), start, end)?;
        let test = |sub: &Str| {
            let Some((start, end)) = range else { return false };
            if sub.len() > end - start {
                return false;
            }
            let part = if name == "endswith" { (end - sub.len(), end) } else { (start, start + sub.len()) };
            self.data().slice(part.0, part.1).same(sub.data())
        };
        if let Some(sub) = sub.downcast::<Str>() {
            return Ok(test(sub));
        }
        let Some(tuple) = sub.downcast::<Tuple>() else {
            let got = sub.type_name();
            return Err(vm.type_error(format!("{name} first arg must be str or a tuple of str, not {got}")));
        };
        for item in tuple.items() {
            match item.downcast::<Str>() {
                Some(sub) if test(sub) => return Ok(true),
                Some(_) => {}
                None => {
                    let got = item.type_name();
                    return Err(vm.type_error(format!("tuple for {name} must only contain str, not {got}")));
                }
            }
        }
        Ok(false)
    }

    /// The text that `repr()` shows.
    pub fn repr_into(&self, out: &mut StrBuilder) {
        let data = self.data();
        let narrow = data.narrow();
        let has = |quote: u8| match narrow {
            Some(bytes) => memchr::memchr(quote, bytes).is_some(),
            None => data.iter().any(|c| c == u32::from(quote)),
        };
        let quote = if has(b'\'') && !has(b'"') { b'"' } else { b'\'' };
        out.push(u32::from(quote));
        match narrow {
            Some(bytes) => push_narrow_repr(out, bytes, quote),
            None => push_wide_repr(out, data, u32::from(quote)),
        }
        out.push(u32::from(quote));
    }

    /// The slice of a string.
    fn sliced(zelf: &Py<Str>, vm: &mut Vm, slice: &Py<Slice>) -> PyResult<Py<Str>> {
        let range = slice.resolve(vm, |_| zelf.len())?;
        if range.step == 1 {
            let start = range.start.max(0) as usize;
            return Str::part(zelf, vm, start, start + range.count);
        }
        let data = zelf.data();
        match data {
            StrData::Ascii(_) | StrData::Latin1(_) => {
                let bytes = data.narrow().unwrap_or_default();
                let picked = vm.picked(&range, bytes)?;
                vm.new_str_latin1(&picked)
            }
            StrData::Ucs2(s) => {
                let picked = vm.picked(&range, s)?;
                vm.new_str_ucs2(&picked)
            }
            StrData::Ucs4(s) => {
                let picked = vm.picked(&range, s)?;
                vm.new_str_ucs4(&picked)
            }
        }
    }

    /// `string[index]`.
    #[inline]
    pub fn char_at(&self, vm: &mut Vm, index: isize) -> PyResult<Py<Str>> {
        let at = if index < 0 { index.saturating_add_unsigned(self.len()) } else { index };
        match usize::try_from(at).ok().and_then(|i| self.data().get(i)) {
            Some(c) => vm.new_char(c),
            None => Err(vm.index_error("string index out of range")),
        }
    }
}

/// What stands behind the backslash that `repr()` shows for a character: `x` for its number in hexadecimal, 0 for the character itself.
const fn repr_escape(c: u8) -> u8 {
    match c {
        b'\t' => b't',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\\' => b'\\',
        0..32 | 127..161 | 173 => b'x',
        _ => 0,
    }
}

static REPR_ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut c = 0;
    while c < 256 {
        table[c] = repr_escape(c as u8);
        c += 1;
    }
    table
};

/// Appends the insides of the `repr()` of Latin-1 text.
fn push_narrow_repr(out: &mut StrBuilder, text: &[u8], quote: u8) {
    const CHUNK: usize = 64;
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for chunk in text.chunks(CHUNK) {
        let (mut shown, mut len) = ([0; 4 * CHUNK], 0);
        for &c in chunk {
            let escape = if c == quote { quote } else { REPR_ESCAPES[usize::from(c)] };
            let part = match escape {
                0 => [c, 0, 0, 0],
                b'x' => [b'\\', b'x', HEX[usize::from(c >> 4)], HEX[usize::from(c & 15)]],
                short => [b'\\', short, 0, 0],
            };
            // Four bytes at once, of which the next may overwrite some.
            shown[len..len + 4].copy_from_slice(&part);
            len += match escape {
                0 => 1,
                b'x' => 4,
                _ => 2,
            };
        }
        out.push_data(StrData::Latin1(&shown[..len]));
    }
}

/// Appends the insides of the `repr()` of any text.
fn push_wide_repr(out: &mut StrBuilder, text: StrData<'_>, quote: u32) {
    // What needs no escape is copied in one piece.
    let mut copied = 0;
    for (at, c) in text.iter().enumerate() {
        let escape = match u8::try_from(c) {
            Ok(_) if c == quote => quote as u8,
            Ok(c) => REPR_ESCAPES[usize::from(c)],
            Err(_) if krait_unicode::is_printable(c) => 0,
            Err(_) => b'x',
        };
        if escape == 0 {
            continue;
        }
        out.push_data(text.slice(copied, at));
        copied = at + 1;
        let escaped = match (escape, c) {
            (b'x', 0..0x100) => format!("\\x{c:02x}"),
            (b'x', 0..0x10000) => format!("\\u{c:04x}"),
            (b'x', _) => format!("\\U{c:08x}"),
            (short, _) => format!("\\{}", char::from(short)),
        };
        out.push_data(StrData::Ascii(&escaped));
    }
    out.push_data(text.slice(copied, text.len()));
}

#[pymethods(parts(CASE, SPLIT, FORMAT))]
impl Str {
    #[new]
    #[allow(clippy::needless_pass_by_value)]
    fn new(cls: &Py<PyType>, args: crate::Args<'_>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let exact = cls.is(Str::type_object(vm));
        if let ([object], false) = (args.values(), args.has_keywords()) {
            let s = vm.str(object)?;
            return if exact { Ok(s) } else { vm.new_str_of(cls, s.data()) };
        }
        let [object, encoding, errors] = new_args(vm, args)?;
        let s = match (&object, &encoding, &errors) {
            (None, ..) => vm.new_str("")?,
            (Some(object), None, None) => vm.str(object)?,
            (Some(object), _, _) => {
                let encoding = text_arg(vm, encoding.as_ref(), "str", "encoding", "utf-8")?;
                let errors = text_arg(vm, errors.as_ref(), "str", "errors", "strict")?;
                if object.is::<Str>() {
                    return Err(vm.type_error("decoding str is not supported"));
                }
                if !vm.is_bytes_like(object) {
                    let name = object.type_name();
                    return Err(vm.type_error(format!("decoding to str: need a bytes-like object, {name} found")));
                }
                vm.decode_to_str(object, &encoding, &errors)?
            }
        };
        if exact { Ok(s) } else { vm.new_str_of(cls, s.data()) }
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Str>, vm: &mut Vm) -> PyResult<i64> {
        Ok(zelf.hash_value(vm))
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len())
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if zelf.is_exact() { Ok(zelf.clone()) } else { vm.new_str_data(zelf.data()) }
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut out = StrBuilder::with_capacity(self.len() + 2);
        self.repr_into(&mut out);
        out.finish(vm)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Str>, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Str>() else { return Ok(Value::not_implemented()) };
        Ok(Value::from_bool(match op {
            CompareOp::Eq => zelf.eq_chars(other),
            CompareOp::Ne => !zelf.eq_chars(other),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => op.matches(zelf.data().order(other.data())),
        }))
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Str>, vm: &mut Vm) -> PyResult {
        super::iter::new_iter(vm, zelf)
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult<Py<Str>> {
        match usize::try_from(index).ok().and_then(|i| self.data().get(i)) {
            Some(c) => vm.new_char(c),
            None => Err(vm.index_error("string index out of range")),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<Str>, key: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        if let Some(slice) = key.downcast::<Slice>() {
            return Str::sliced(zelf, vm, slice);
        }
        if key.as_small_int().is_none() && key.type_ref().slots.nb_index.get().is_none() && crate::types::int::IntRef::new(key).is_none() {
            let name = key.type_name();
            return Err(vm.type_error(format!("string indices must be integers, not '{name}'")));
        }
        let index = vm.as_isize(key)?;
        zelf.char_at(vm, index)
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        let Some(sub) = item.downcast::<Str>() else {
            let name = item.type_name();
            return Err(vm.type_error(format!("'in <string>' requires string as left operand, not {name}")));
        };
        Ok(sub.len() <= self.len() && self.data().find(sub.data()).is_some())
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<Str>, other: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        match other.downcast::<Str>() {
            Some(other) => vm.str_concat(zelf, other),
            None => {
                let name = other.type_name();
                Err(vm.type_error(format!("can only concatenate str (not \"{name}\") to str")))
            }
        }
    }

    #[slot(repeat)]
    fn slot_repeat(zelf: &Py<Str>, count: isize, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.str_repeat(zelf, count)
    }

    #[slot(rem)]
    fn slot_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        match a.downcast::<Str>() {
            Some(format) => Ok(super::percent::format_str(vm, format, b)?.into_value()),
            None => Ok(Value::not_implemented()),
        }
    }

    /// The first place from start up to end where sub stands, -1 if it stands nowhere.
    #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
    fn find(&self, sub: &Py<Str>, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
        Ok(self.search(vm, sub, &start, &end, false)?.map_or(-1, |i| i as isize))
    }

    /// The last place from start up to end where sub stands, -1 if it stands nowhere.
    #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
    fn rfind(&self, sub: &Py<Str>, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
        Ok(self.search(vm, sub, &start, &end, true)?.map_or(-1, |i| i as isize))
    }

    /// The first place from start up to end where sub stands; ValueError if it stands nowhere.
    #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
    fn index(&self, sub: &Py<Str>, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
        match self.search(vm, sub, &start, &end, false)? {
            Some(at) => Ok(at),
            None => Err(vm.value_error("substring not found")),
        }
    }

    /// The last place from start up to end where sub stands; ValueError if it stands nowhere.
    #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
    fn rindex(&self, sub: &Py<Str>, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
        match self.search(vm, sub, &start, &end, true)? {
            Some(at) => Ok(at),
            None => Err(vm.value_error("substring not found")),
        }
    }

    /// How often sub stands between start and end, without overlap.
    #[method(sig = "(sub, start=None, end=None, /)", text = "($self, sub[, start[, end]], /)")]
    fn count(&self, sub: &Py<Str>, start: Value, end: Value, vm: &mut Vm) -> PyResult<usize> {
        let Some((start, end)) = search_range(vm, self.len(), &start, &end)? else { return Ok(0) };
        Ok(self.data().slice(start, end).count(sub.data()))
    }

    /// Whether the string, or its part from start up to end, begins with prefix, which may be a tuple of strings to try.
    #[method(sig = "(prefix, start=None, end=None, /)", text = "($self, prefix[, start[, end]], /)")]
    fn startswith(&self, prefix: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<bool> {
        self.tail_match(vm, prefix, &start, &end, "startswith")
    }

    /// Whether the string, or its part from start up to end, ends with suffix, which may be a tuple of strings to try.
    #[method(sig = "(suffix, start=None, end=None, /)", text = "($self, suffix[, start[, end]], /)")]
    fn endswith(&self, suffix: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<bool> {
        self.tail_match(vm, suffix, &start, &end, "endswith")
    }

    /// The bytes that stand for the string in an encoding. The handler errors says what happens to characters that it does not have.
    #[method(sig = "(encoding='utf-8', errors='strict')")]
    fn encode(zelf: &Py<Str>, encoding: String, errors: String, vm: &mut Vm) -> PyResult {
        vm.encode_to_bytes(zelf, &encoding, &errors)
    }

    /// The string formatted by a specification.
    #[method(name = "__format__")]
    fn dunder_format(zelf: &Py<Str>, format_spec: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if format_spec.is_empty() {
            return vm.str(zelf.as_value());
        }
        formatted(zelf, vm, format_spec)
    }

    /// For pickling.
    #[method(name = "__getnewargs__")]
    fn getnewargs(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let copy = vm.new_str_data(self.data())?.into_value();
        vm.new_tuple([copy])
    }

    /// Bytes of memory that the string takes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        if self.is_ascii() { 41 + self.len() } else { 56 + (self.len() + 1) * usize::from(self.width()) }
    }
}

fn new_args(vm: &mut Vm, args: crate::Args<'_>) -> PyResult<[Option<Value>; 3]> {
    use crate::args::{ArgSpec, Param};
    static SPEC: ArgSpec = ArgSpec {
        name: "str",
        params: &[Param { name: "object", required: false }, Param { name: "encoding", required: false }, Param { name: "errors", required: false }],
        required: 0,
        positional: 3,
        posonly: 0,
        raw: false,
    };
    if !args.has_keywords() {
        crate::args::check_positional(vm, "str", args.values().len(), 0, 3)?;
    }
    let mut bound = [None; 3];
    SPEC.bind(vm, args, &mut bound)?;
    Ok(bound.map(|b| b.cloned()))
}

/// A `str` argument of `function` called `name`.
pub(crate) fn text_arg(vm: &mut Vm, value: Option<&Value>, function: &str, name: &str, default: &str) -> PyResult<String> {
    let Some(value) = value else { return Ok(default.to_owned()) };
    match value.downcast::<Str>() {
        Some(s) => {
            let text = s.to_utf8(vm)?;
            if text.contains('\0') {
                return Err(vm.value_error("embedded null character"));
            }
            Ok(text)
        }
        None => {
            let got = if value.is_none() { "None".to_owned() } else { value.type_name() };
            Err(vm.type_error(format!("{function}() argument '{name}' must be str, not {got}")))
        }
    }
}

/// A string formatted by a specification.
pub(crate) fn formatted(zelf: &Py<Str>, vm: &mut Vm, format_spec: &Py<Str>) -> PyResult<Py<Str>> {
    let spec = FormatSpec::parse(vm, format_spec, zelf.as_value(), 's', Align::Left)?;
    if spec.kind != u32::from('s') {
        return Err(spec.unknown_kind(vm, zelf.as_value()));
    }
    let bad = match (spec.sign, spec.no_neg_zero, spec.alternate, spec.align) {
        (32, ..) => Some("Space not allowed in string format specifier"),
        (1.., ..) => Some("Sign not allowed in string format specifier"),
        (_, true, ..) => Some("Negative zero coercion (z) not allowed in string format specifier"),
        (_, _, true, _) => Some("Alternate form (#) not allowed in string format specifier"),
        (.., Align::AfterSign) => Some("'=' alignment not allowed in string format specifier"),
        _ => None,
    };
    match bad {
        Some(message) => Err(vm.value_error(message)),
        None => {
            let text = spec.write_text(vm, zelf)?;
            Ok(if zelf.is_exact() && text.eq_chars(zelf) { zelf.clone() } else { text })
        }
    }
}
