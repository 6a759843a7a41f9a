//! `%` formatting of `str`, `bytes` and `bytearray`.
//!
//! One reader for all; what differs is the target: how text of objects, characters and errors come out.

use super::{Str, StrBuilder, StrData};
use crate::types::bytearray::ByteArray;
use crate::types::bytes::Bytes;
use crate::types::exceptions::TypeError;
use crate::types::int::IntRef;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// What is being formatted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Str,
    Bytes,
}

#[derive(Default)]
struct Spec {
    minus: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

struct Formatter<'a> {
    target: Target,
    format: StrData<'a>,
    at: usize,
    out: StrBuilder,
    /// The string that the output begins with whole, which may be all of it.
    whole: Option<Py<Str>>,
    /// The whole right operand.
    operand: &'a Value,
    is_mapping: bool,
    /// What the next arguments come from: the operand, or the item of a mapping.
    args: Value,
    /// Number of the next item of a tuple; for single arguments whether it was used.
    next: usize,
    /// Items of the tuple; none for a single argument.
    count: Option<usize>,
}

/// `format % operand` of strings.
pub fn format_str(vm: &mut Vm, format: &Py<Str>, operand: &Value) -> PyResult<Py<Str>> {
    let formatter = run(vm, Target::Str, format.data(), operand)?;
    match formatter.whole {
        Some(whole) if whole.len() == formatter.out.len() => Ok(whole),
        _ => {
            let text = formatter.out.finish(vm)?;
            Ok(if format.is_exact() && text.eq_chars(format) { format.clone() } else { text })
        }
    }
}

/// `format % operand` of bytes.
pub fn format_bytes(vm: &mut Vm, format: &[u8], operand: &Value) -> PyResult<Vec<u8>> {
    let out = run(vm, Target::Bytes, StrData::Latin1(format), operand)?.out;
    Ok(out.data().narrow().unwrap_or_default().to_vec())
}

fn run<'a>(vm: &mut Vm, target: Target, format: StrData<'a>, operand: &'a Value) -> PyResult<Formatter<'a>> {
    let tuple = operand.downcast::<Tuple>();
    let textual = operand.is::<Str>() || (target == Target::Bytes && (operand.is::<Bytes>() || operand.is::<ByteArray>()));
    let is_mapping = tuple.is_none() && !textual && operand.type_ref().slots.getitem.get().is_some();
    let mut f = Formatter {
        target,
        format,
        at: 0,
        out: StrBuilder::with_capacity(format.len() + 16),
        whole: None,
        operand,
        is_mapping,
        args: operand.clone(),
        next: 0,
        count: tuple.map(|t| t.len()),
    };
    while let Some(c) = f.take() {
        if c == 37 {
            f.directive(vm)?;
        } else {
            let start = f.at - 1;
            while f.peek().is_some_and(|c| c != 37) {
                f.at += 1;
            }
            f.out.push_data(f.format.slice(start, f.at));
        }
    }
    if f.next < f.count.unwrap_or(1) && !f.is_mapping {
        let what = if target == Target::Str { "string" } else { "bytes" };
        return Err(vm.type_error(format!("not all arguments converted during {what} formatting")));
    }
    Ok(f)
}

impl<'a> Formatter<'a> {
    fn peek(&self) -> Option<u32> {
        self.format.get(self.at)
    }

    fn take(&mut self) -> Option<u32> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn next_arg(&mut self, vm: &mut Vm) -> PyResult {
        let item = match (self.count, self.args.downcast::<Tuple>()) {
            (Some(_), Some(tuple)) => tuple.items().get(self.next).cloned(),
            _ => (self.next == 0).then(|| self.args.clone()),
        };
        self.next += 1;
        item.ok_or_else(|| vm.type_error("not enough arguments for format string"))
    }

    fn directive(&mut self, vm: &mut Vm) -> PyResult<()> {
        if self.peek() == Some(37) {
            self.at += 1;
            self.out.push(37);
            return Ok(());
        }
        if self.peek() == Some(40) {
            self.key(vm)?;
        }
        let mut spec = Spec::default();
        while let Some(c) = self.peek() {
            match c {
                45 => spec.minus = true,
                43 => spec.plus = true,
                32 => spec.blank = true,
                35 => spec.alternate = true,
                48 => spec.zero = true,
                _ => break,
            }
            self.at += 1;
        }
        self.width(vm, &mut spec)?;
        self.precision(vm, &mut spec)?;
        if matches!(self.peek(), Some(104 | 108 | 76)) {
            self.at += 1;
        }
        let Some(kind) = self.take() else { return Err(vm.value_error("incomplete format")) };
        let value = self.next_arg(vm)?;
        self.convert(vm, &spec, kind, value)
    }

    fn key(&mut self, vm: &mut Vm) -> PyResult<()> {
        if !self.is_mapping {
            return Err(vm.type_error("format requires a mapping"));
        }
        self.at += 1;
        let (start, mut depth) = (self.at, 1);
        while depth > 0 {
            match self.take() {
                Some(40) => depth += 1,
                Some(41) => depth -= 1,
                Some(_) => {}
                None => return Err(vm.value_error("incomplete format key")),
            }
        }
        let key = self.format.slice(start, self.at - 1);
        let key = match self.target {
            Target::Str => vm.new_str_data(key)?.into_value(),
            Target::Bytes => vm.new_bytes(key.narrow().unwrap_or_default())?.into_value(),
        };
        self.args = vm.getitem(self.operand, &key)?;
        (self.count, self.next) = (None, 0);
        Ok(())
    }

    fn star(&mut self, vm: &mut Vm) -> PyResult {
        self.at += 1;
        let value = self.next_arg(vm)?;
        if IntRef::new(&value).is_none() {
            return Err(vm.type_error("* wants int"));
        }
        Ok(value)
    }

    /// A decimal number of at most `max`.
    fn number(&mut self, vm: &mut Vm, max: usize, message: &str) -> PyResult<usize> {
        let mut n = 0usize;
        while let Some(d) = self.peek().and_then(|c| char::from_u32(c)?.to_digit(10)) {
            n = match n.checked_mul(10).and_then(|n| n.checked_add(d as usize)).filter(|&n| n <= max) {
                Some(n) => n,
                None => return Err(vm.value_error(message)),
            };
            self.at += 1;
        }
        Ok(n)
    }

    fn width(&mut self, vm: &mut Vm, spec: &mut Spec) -> PyResult<()> {
        if self.peek() != Some(42) {
            spec.width = self.number(vm, isize::MAX as usize, "width too big")?;
            return Ok(());
        }
        let value = self.star(vm)?;
        match IntRef::new(&value).and_then(|i| i.to_i64()) {
            Some(n) => {
                spec.minus |= n < 0;
                spec.width = n.unsigned_abs() as usize;
                Ok(())
            }
            None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }

    fn precision(&mut self, vm: &mut Vm, spec: &mut Spec) -> PyResult<()> {
        if self.peek() != Some(46) {
            return Ok(());
        }
        self.at += 1;
        if self.peek() != Some(42) {
            let message = if self.target == Target::Str { "precision too big" } else { "prec too big" };
            spec.precision = Some(self.number(vm, i32::MAX as usize, message)?);
            return Ok(());
        }
        let value = self.star(vm)?;
        match IntRef::new(&value).and_then(|i| i.to_i64()).and_then(|i| i32::try_from(i).ok()) {
            Some(n) => {
                spec.precision = Some(usize::try_from(n).unwrap_or(0));
                Ok(())
            }
            None => Err(vm.overflow_error("Python int too large to convert to C int")),
        }
    }

    fn convert(&mut self, vm: &mut Vm, spec: &Spec, kind: u32, value: Value) -> PyResult<()> {
        let letter = char::from_u32(kind).unwrap_or('\u{fffd}');
        match (letter, self.target) {
            ('s', Target::Str) => {
                let s = vm.str(&value)?;
                let first = self.out.is_empty();
                self.text(vm, spec, s.data())?;
                if first && s.is_exact() && self.out.len() == s.len() {
                    self.whole = Some(s);
                }
                Ok(())
            }
            ('s' | 'b', Target::Bytes) => {
                let bytes = self.bytes_of(vm, &value)?;
                self.text(vm, spec, StrData::Latin1(&bytes))
            }
            ('r', Target::Str) => {
                let s = vm.repr(&value)?;
                self.text(vm, spec, s.data())
            }
            ('a', _) | ('r', Target::Bytes) => {
                let s = vm.ascii(&value)?;
                self.text(vm, spec, s.data())
            }
            ('c', Target::Str) => {
                let c = char_of(vm, &value)?;
                self.text(vm, &Spec { precision: None, ..*spec }, StrData::Ucs4(&[c]))
            }
            ('c', Target::Bytes) => {
                let c = byte_of(vm, &value)?;
                self.text(vm, &Spec { precision: None, ..*spec }, StrData::Latin1(&[c]))
            }
            ('d' | 'i' | 'u' | 'o' | 'x' | 'X', _) => self.integer(vm, spec, letter, &value),
            ('e' | 'E' | 'f' | 'F' | 'g' | 'G', _) => self.float(vm, spec, letter, &value),
            _ => {
                let shown = if (32..127).contains(&kind) || (self.target == Target::Bytes && kind < 256) { letter } else { '?' };
                let at = self.at - 1;
                Err(vm.value_error(format!("unsupported format character '{shown}' (0x{kind:x}) at index {at}")))
            }
        }
    }

    fn bytes_of(&mut self, vm: &mut Vm, value: &Value) -> PyResult<Vec<u8>> {
        if value.is_exact::<Bytes>() || value.is_exact::<ByteArray>() {
            return vm.bytes_of(value);
        }
        if let Some(result) = vm.call_special(value, n!(__bytes__), &[])? {
            return match result.downcast::<Bytes>() {
                Some(bytes) => Ok(bytes.as_bytes().to_vec()),
                None => {
                    let name = result.type_name();
                    Err(vm.type_error(format!("__bytes__ returned non-bytes (type {name})")))
                }
            };
        }
        if vm.is_bytes_like(value) {
            return vm.bytes_of(value);
        }
        let name = value.type_name();
        Err(vm.type_error(format!("%b requires a bytes-like object, or an object that implements __bytes__, not '{name}'")))
    }

    /// Text cut to the precision and padded to the width.
    fn text(&mut self, vm: &mut Vm, spec: &Spec, text: StrData<'_>) -> PyResult<()> {
        let len = spec.precision.map_or(text.len(), |p| p.min(text.len()));
        let pad = spec.width.saturating_sub(len);
        let (left, right) = if spec.minus { (0, pad) } else { (pad, 0) };
        self.out.push_repeated(vm, 32, left)?;
        self.out.push_data(text.slice(0, len));
        self.out.push_repeated(vm, 32, right)
    }

    /// A number: sign, prefix, digits.
    fn number_text(&mut self, vm: &mut Vm, spec: &Spec, negative: bool, prefix: &str, zeros: usize, digits: &str) -> PyResult<()> {
        let sign = match (negative, spec.plus, spec.blank) {
            (true, ..) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            (false, false, false) => "",
        };
        let len = sign.len() + prefix.len() + zeros + digits.len();
        let pad = spec.width.saturating_sub(len);
        let zero = spec.zero && !spec.minus;
        let (left, middle, right) = if spec.minus { (0, 0, pad) } else if zero { (0, pad, 0) } else { (pad, 0, 0) };
        self.out.push_repeated(vm, 32, left)?;
        self.out.push_str(sign);
        self.out.push_str(prefix);
        self.out.push_repeated(vm, 48, middle)?;
        self.out.push_repeated(vm, 48, zeros)?;
        self.out.push_str(digits);
        self.out.push_repeated(vm, 32, right)
    }

    fn integer(&mut self, vm: &mut Vm, spec: &Spec, kind: char, value: &Value) -> PyResult<()> {
        let int = integer_of(vm, kind, value)?;
        let (negative, prefix, digits) = match IntRef::new(&int) {
            Some(IntRef::Small(i)) => {
                let n = i.unsigned_abs();
                let (p, d) = match kind {
                    'o' => ("0o", format!("{n:o}")),
                    'x' => ("0x", format!("{n:x}")),
                    'X' => ("0X", format!("{n:X}")),
                    _ => ("", n.to_string()),
                };
                (i < 0, p, d)
            }
            Some(IntRef::Big(big)) => {
                let negative = big.sign() == num_bigint::Sign::Minus;
                let mag = big.magnitude();
                let (p, d) = match kind {
                    'o' => ("0o", mag.to_str_radix(8)),
                    'x' => ("0x", mag.to_str_radix(16)),
                    'X' => ("0X", mag.to_str_radix(16).to_ascii_uppercase()),
                    _ => {
                        // The repr of `int` itself checks the limit on digits.
                        let exact = vm.new_bigint(big.clone())?;
                        ("", vm.repr(&exact)?.to_string_lossy().trim_start_matches('-').to_owned())
                    }
                };
                (negative, p, d)
            }
            None => (false, "", String::new()),
        };
        let zeros = spec.precision.unwrap_or(0).saturating_sub(digits.len());
        self.number_text(vm, spec, negative, if spec.alternate { prefix } else { "" }, zeros, &digits)
    }

    fn float(&mut self, vm: &mut Vm, spec: &Spec, kind: char, value: &Value) -> PyResult<()> {
        let f = match vm.as_f64(value) {
            Ok(f) => f,
            Err(e) if self.target == Target::Bytes && vm.is_raised::<TypeError>(&e) => {
                let name = value.type_name();
                return Err(vm.type_error(format!("float argument required, not {name}")));
            }
            Err(e) => return Err(e),
        };
        crate::protocol::format_numbers::check_precision(vm, spec.precision)?;
        let text = crate::protocol::format_numbers::float_text(f, kind, spec.precision.unwrap_or(6), spec.alternate);
        let digits = text.strip_prefix('-').unwrap_or(&text);
        self.number_text(vm, spec, digits.len() != text.len(), "", 0, digits)
    }
}

fn wrong_type(vm: &mut Vm, kind: char, value: &Value) -> crate::Raised {
    let name = value.type_name();
    let wanted = if matches!(kind, 'o' | 'x' | 'X') { "an integer is" } else { "a real number is" };
    vm.type_error(format!("%{kind} format: {wanted} required, not {name}"))
}

fn integer_of(vm: &mut Vm, kind: char, value: &Value) -> PyResult {
    if IntRef::new(value).is_some() {
        return Ok(value.clone());
    }
    let slots = &value.type_ref().slots;
    let number = slots.nb_int.get().is_some() || slots.nb_float.get().is_some() || slots.nb_index.get().is_some();
    if !number && !value.is_inline_float() {
        return Err(wrong_type(vm, kind, value));
    }
    let made = if matches!(kind, 'o' | 'x' | 'X') {
        vm.index(value)
    } else if let Some(slot) = slots.nb_int.get() {
        slot(vm, value)
    } else {
        vm.index(value)
    };
    match made {
        Ok(int) if IntRef::new(&int).is_some() => Ok(int),
        Ok(_) => Err(wrong_type(vm, kind, value)),
        Err(e) if vm.is_raised::<TypeError>(&e) => Err(wrong_type(vm, kind, value)),
        Err(e) => Err(e),
    }
}

fn char_of(vm: &mut Vm, value: &Value) -> PyResult<u32> {
    if let Some(s) = value.downcast::<Str>() {
        return match (s.len(), s.data().get(0)) {
            (1, Some(c)) => Ok(c),
            (n, _) => Err(vm.type_error(format!("%c requires an int or a unicode character, not a string of length {n}"))),
        };
    }
    let index = match vm.index(value) {
        Ok(index) => index,
        Err(e) if vm.is_raised::<TypeError>(&e) => {
            let name = crate::types::typeobject::full_name(vm, value.ty());
            let name = name.strip_prefix("__main__.").unwrap_or(&name);
            return Err(vm.type_error(format!("%c requires an int or a unicode character, not {name}")));
        }
        Err(e) => return Err(e),
    };
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| u32::try_from(i).ok()).filter(|&c| c < 0x110000) {
        Some(c) => Ok(c),
        None => Err(vm.overflow_error("%c arg not in range(0x110000)")),
    }
}

fn byte_of(vm: &mut Vm, value: &Value) -> PyResult<u8> {
    let single = value.downcast::<Bytes>().map(|b| b.as_bytes().to_vec()).or_else(|| value.downcast::<ByteArray>().map(|b| b.bytes(vm).to_vec()));
    if let Some(bytes) = single {
        return match bytes.as_slice() {
            [byte] => Ok(*byte),
            _ => {
                let (name, n) = (if value.is::<Bytes>() { "bytes" } else { "bytearray" }, bytes.len());
                Err(vm.type_error(format!("%c requires an integer in range(256) or a single byte, not a {name} object of length {n}")))
            }
        };
    }
    let index = match vm.index(value) {
        Ok(index) => index,
        Err(e) if vm.is_raised::<TypeError>(&e) => {
            let name = crate::types::typeobject::qualified_name(vm, value.ty());
            return Err(vm.type_error(format!("%c requires an integer in range(256) or a single byte, not {name}")));
        }
        Err(e) => return Err(e),
    };
    match IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| u8::try_from(i).ok()) {
        Some(c) => Ok(c),
        None => Err(vm.overflow_error("%c arg not in range(256)")),
    }
}
