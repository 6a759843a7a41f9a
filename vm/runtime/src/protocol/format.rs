//! `format()`, `ascii()`, and the format specification mini-language (PEP 3101) that `str`, `int`, `float` and `complex` share.
//!
//! [`FormatSpec::parse`] reads a specification; [`FormatSpec::write_text`] pads text, [`FormatSpec::write_number`] lays out a number whose
//! digits the caller has made: sign, prefix, grouping, padding.
#![allow(unsafe_code, reason = "reads the C library's locale")]

use crate::types::str_::{Str, StrBuilder};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use std::borrow::Cow;

/// Where a value stands in its field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `>`
    Right,
    /// `^`
    Center,
    /// `=`: the padding stands between sign and digits.
    AfterSign,
}

/// How digits are grouped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thousands {
    /// By no separator.
    None,
    /// `,` every three digits.
    Comma,
    /// `_` every three digits.
    Underscore,
    /// `_` every four digits: binary, octal and hexadecimal.
    UnderscoreFour,
    /// As the locale says (type `n`).
    Locale,
}

/// A parsed format specification.
#[derive(Clone, Debug)]
pub struct FormatSpec {
    pub fill: u32,
    pub align: Align,
    /// Whether fill and align were given.
    pub align_given: bool,
    /// `+`, `-`, space, or 0 if not given.
    pub sign: u32,
    /// `z`: negative zero becomes positive.
    pub no_neg_zero: bool,
    /// `#`
    pub alternate: bool,
    pub width: Option<usize>,
    /// Grouping of the integer part.
    pub thousands: Thousands,
    /// Grouping of the fractional part.
    pub frac_thousands: Thousands,
    pub precision: Option<usize>,
    /// The type character; the default given to [`FormatSpec::parse`] if there is none.
    pub kind: u32,
}

/// The decimal point and grouping of a number.
#[derive(Clone, Debug)]
pub struct NumberLocale {
    pub point: Cow<'static, str>,
    pub separator: Cow<'static, str>,
    /// Sizes of the groups from the right, as in `localeconv`; the last one repeats unless 0 or `CHAR_MAX` ends it.
    pub grouping: Cow<'static, [u8]>,
    pub frac_separator: &'static str,
}

/// The parts of a formatted number.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberParts<'a> {
    pub negative: bool,
    /// `0x` and the like.
    pub prefix: &'a str,
    /// Digits of the integer part (or "inf", "nan": then `grouped` is false).
    pub digits: &'a str,
    /// Whether there is a decimal point.
    pub point: bool,
    /// Digits behind the point.
    pub fraction: &'a str,
    /// Exponent, percent sign, "j" and the like.
    pub rest: &'a str,
}

fn align_of(c: u32) -> Option<Align> {
    match char::from_u32(c)? {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Center),
        '=' => Some(Align::AfterSign),
        _ => None,
    }
}

struct Reader<'a> {
    spec: &'a Str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u32> {
        self.spec.data().get(self.at)
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(u32::from(c));
        self.at += usize::from(found);
        found
    }

    /// A decimal number; `Err` if it is too large.
    fn number(&mut self) -> Result<Option<usize>, ()> {
        let start = self.at;
        let mut n = 0usize;
        while let Some(d) = self.peek().and_then(krait_unicode::decimal) {
            n = n.checked_mul(10).and_then(|n| n.checked_add(usize::from(d))).filter(|&n| n <= isize::MAX as usize).ok_or(())?;
            self.at += 1;
        }
        Ok((self.at > start).then_some(n))
    }
}

impl FormatSpec {
    /// Reads a specification for `object` (whose type errors name). `kind` and `align` are the defaults.
    pub fn parse(vm: &mut Vm, spec: &Py<Str>, object: &Value, kind: char, align: Align) -> PyResult<FormatSpec> {
        let default_kind = u32::from(kind);
        let mut out = FormatSpec {
            fill: 32,
            align,
            align_given: false,
            sign: 0,
            no_neg_zero: false,
            alternate: false,
            width: None,
            thousands: Thousands::None,
            frac_thousands: Thousands::None,
            precision: None,
            kind: default_kind,
        };
        let data = spec.data();
        let mut r = Reader { spec, at: 0 };
        let mut fill_given = false;
        if let Some(a) = data.get(1).and_then(align_of) {
            out.fill = data.get(0).unwrap_or(32);
            (out.align, out.align_given, fill_given) = (a, true, true);
            r.at = 2;
        } else if let Some(a) = data.get(0).and_then(align_of) {
            (out.align, out.align_given) = (a, true);
            r.at = 1;
        }
        if let Some(c) = r.peek().filter(|&c| c == 32 || c == 43 || c == 45) {
            out.sign = c;
            r.at += 1;
        }
        out.no_neg_zero = r.take('z');
        out.alternate = r.take('#');
        if !fill_given && r.take('0') {
            out.fill = 48;
            if !out.align_given && align == Align::Right {
                out.align = Align::AfterSign;
            }
        }
        let too_many = "Too many decimal digits in format string";
        out.width = r.number().map_err(|()| vm.value_error(too_many))?;
        if r.take(',') {
            out.thousands = Thousands::Comma;
        }
        if r.take('_') {
            if out.thousands != Thousands::None {
                return Err(vm.value_error("Cannot specify both ',' and '_'."));
            }
            out.thousands = Thousands::Underscore;
        }
        if r.peek() == Some(44) && out.thousands == Thousands::Underscore {
            return Err(vm.value_error("Cannot specify both ',' and '_'."));
        }
        out.parse_precision(vm, &mut r, too_many)?;
        out.parse_kind(vm, &r, spec, object)?;
        Ok(out)
    }

    fn parse_precision(&mut self, vm: &mut Vm, r: &mut Reader<'_>, too_many: &str) -> PyResult<()> {
        if !r.take('.') {
            return Ok(());
        }
        self.precision = r.number().map_err(|()| vm.value_error(too_many))?;
        if r.take(',') {
            self.frac_thousands = Thousands::Comma;
        }
        if r.take('_') {
            if self.frac_thousands != Thousands::None {
                return Err(vm.value_error("Cannot specify both ',' and '_'."));
            }
            self.frac_thousands = Thousands::Underscore;
        }
        if r.peek() == Some(44) && self.frac_thousands == Thousands::Underscore {
            return Err(vm.value_error("Cannot specify both ',' and '_'."));
        }
        if self.precision.is_none() && self.frac_thousands == Thousands::None {
            return Err(vm.value_error("Format specifier missing precision"));
        }
        Ok(())
    }

    fn parse_kind(&mut self, vm: &mut Vm, r: &Reader<'_>, spec: &Py<Str>, object: &Value) -> PyResult<()> {
        if spec.len() - r.at > 1 {
            let (text, name) = (spec.to_string_lossy().into_owned(), object.type_name());
            return Err(vm.value_error(format!("Invalid format specifier '{text}' for object of type '{name}'")));
        }
        if let Some(c) = r.peek() {
            self.kind = c;
        }
        let kind = char::from_u32(self.kind).unwrap_or('\0');
        if self.thousands != Thousands::None {
            match kind {
                'd' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F' | '\0' => {}
                'b' | 'o' | 'x' | 'X' if self.thousands == Thousands::Underscore => self.thousands = Thousands::UnderscoreFour,
                _ => return Err(bad_separator(vm, self.thousands, self.kind)),
            }
        }
        if self.frac_thousands != Thousands::None && !matches!(kind, 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F' | '\0') {
            return Err(bad_separator(vm, self.frac_thousands, self.kind));
        }
        Ok(())
    }

    /// ValueError about the type character: "Unknown format code 'y' for object of type 'T'".
    #[cold]
    pub fn unknown_kind(&self, vm: &mut Vm, object: &Value) -> crate::Raised {
        let name = object.type_name();
        let c = self.kind;
        if c > 32 && c < 128 {
            let c = char::from_u32(c).unwrap_or('?');
            vm.value_error(format!("Unknown format code '{c}' for object of type '{name}'"))
        } else {
            vm.value_error(format!("Unknown format code '\\x{c:x}' for object of type '{name}'"))
        }
    }

    /// Fills before and after `len` characters.
    fn padding(&self, len: usize) -> (usize, usize) {
        let total = self.width.unwrap_or(0).saturating_sub(len);
        match self.align {
            Align::Right => (total, 0),
            Align::Center => (total / 2, total - total / 2),
            Align::Left | Align::AfterSign => (0, total),
        }
    }

    /// `text`, cut to the precision and padded to the width.
    pub fn write_text(&self, vm: &mut Vm, text: &Py<Str>) -> PyResult<Py<Str>> {
        let len = self.precision.map_or(text.len(), |p| p.min(text.len()));
        let (left, right) = self.padding(len);
        if left == 0 && right == 0 {
            return Str::part(text, vm, 0, len);
        }
        let mut out = StrBuilder::try_with_capacity(vm, len + left + right)?;
        out.push_repeated(vm, self.fill, left)?;
        out.push_data(text.data().slice(0, len));
        out.push_repeated(vm, self.fill, right)?;
        out.finish(vm)
    }

    /// The decimal point and grouping that the specification asks for.
    pub fn locale(&self) -> NumberLocale {
        let by = |t: Thousands| -> (&'static str, &'static [u8]) {
            match t {
                Thousands::Comma => (",", &[3]),
                Thousands::Underscore => ("_", &[3]),
                Thousands::UnderscoreFour => ("_", &[4]),
                Thousands::None | Thousands::Locale => ("", &[]),
            }
        };
        let frac_separator = by(self.frac_thousands).0;
        if self.kind == u32::from('n') || self.thousands == Thousands::Locale {
            return NumberLocale { frac_separator, ..current_locale() };
        }
        let (separator, grouping) = by(self.thousands);
        NumberLocale { point: ".".into(), separator: separator.into(), grouping: grouping.into(), frac_separator }
    }

    /// Lays out a number: sign, prefix, digits in groups, fraction, rest, padded to the width.
    pub fn write_number(&self, vm: &mut Vm, parts: NumberParts<'_>, locale: &NumberLocale) -> PyResult<Py<Str>> {
        let sign = match (parts.negative, self.sign) {
            (true, _) => "-",
            (false, 43) => "+",
            (false, 32) => " ",
            (false, _) => "",
        };
        let point = if parts.point { &*locale.point } else { "" };
        let fraction = group_fraction(parts.fraction, locale.frac_separator);
        let count = |s: &str| if s.is_ascii() { s.len() } else { s.chars().count() };
        let fixed = sign.len() + parts.prefix.len() + count(point) + count(&fraction) + count(parts.rest);
        // Zeros in front of the digits are grouped like digits.
        let width = if self.fill == 48 && self.align == Align::AfterSign { self.width.unwrap_or(0).saturating_sub(fixed) } else { 0 };
        // Digits, separators and the text made of them.
        vm.require_room(width.saturating_mul(16))?;
        let digits = group_digits(parts.digits, locale, width);
        let len = fixed + count(&digits);
        let total = self.width.unwrap_or(0).saturating_sub(len);
        let (left, middle, right) = match self.align {
            Align::Left => (0, 0, total),
            Align::Center => (total / 2, 0, total - total / 2),
            Align::AfterSign => (0, total, 0),
            Align::Right => (total, 0, 0),
        };
        let mut out = StrBuilder::try_with_capacity(vm, len + total)?;
        out.push_repeated(vm, self.fill, left)?;
        out.push_str(sign);
        out.push_str(parts.prefix);
        out.push_repeated(vm, self.fill, middle)?;
        for part in [&*digits, point, &*fraction, parts.rest] {
            out.push_str(part);
        }
        out.push_repeated(vm, self.fill, right)?;
        out.finish(vm)
    }
}

fn bad_separator(vm: &mut Vm, thousands: Thousands, kind: u32) -> crate::Raised {
    let separator = if thousands == Thousands::Comma { ',' } else { '_' };
    match char::from_u32(kind).filter(|c| *c > ' ' && c.is_ascii()) {
        Some(c) => vm.value_error(format!("Cannot specify '{separator}' with '{c}'.")),
        None => vm.value_error(format!("Cannot specify '{separator}' with '\\x{kind:x}'.")),
    }
}

/// Puts separators between the groups of `digits`, with zeros in front up to `width` characters.
pub fn group_digits<'a>(digits: &'a str, locale: &NumberLocale, width: usize) -> Cow<'a, str> {
    if locale.grouping.is_empty() && digits.len() >= width {
        return digits.into();
    }
    let separator: Vec<char> = locale.separator.chars().rev().collect();
    let mut digits = digits.chars().rev().peekable();
    let mut out: Vec<char> = Vec::new();
    let mut sizes = locale.grouping.iter().copied();
    let mut last = None;
    loop {
        // Size of the next group; none: no more separators.
        let size = match sizes.next() {
            Some(0) => last,
            Some(127) => None,
            Some(n) => { last = Some(n); last }
            None => last,
        };
        if locale.grouping.is_empty() || size.is_none() || separator.is_empty() {
            out.extend(digits.by_ref());
            while out.len() < width {
                out.push('0');
            }
            break;
        }
        let mut n = 0;
        // A group has a digit at least, so that no separator comes first.
        while n < size.unwrap_or(u8::MAX) && (digits.peek().is_some() || out.len() < width || n == 0) {
            out.push(digits.next().unwrap_or('0'));
            n += 1;
        }
        if digits.peek().is_none() && out.len() >= width {
            break;
        }
        out.extend(&separator);
    }
    out.iter().rev().collect::<String>().into()
}

fn group_fraction<'a>(fraction: &'a str, separator: &str) -> Cow<'a, str> {
    if separator.is_empty() {
        return fraction.into();
    }
    let digits: Vec<char> = fraction.chars().collect();
    let groups: Vec<String> = digits.chunks(3).map(|g| g.iter().collect()).collect();
    groups.join(separator).into()
}

/// Decimal point and grouping of the C library's locale.
pub fn current_locale() -> NumberLocale {
    let text = |p: *const libc::c_char| {
        if p.is_null() {
            return Vec::new();
        }
        // SAFETY: the C library gives null-terminated strings; they are copied at once.
        unsafe { std::ffi::CStr::from_ptr(p) }.to_bytes().to_vec()
    };
    // SAFETY: the GIL is held by all callers, and only `setlocale` under the GIL changes the result.
    let conv = unsafe { libc::localeconv() };
    if conv.is_null() {
        return NumberLocale { point: ".".into(), separator: "".into(), grouping: Cow::Borrowed(&[]), frac_separator: "" };
    }
    // SAFETY: just checked.
    let (point, separator, grouping) = unsafe { (text((*conv).decimal_point), text((*conv).thousands_sep), text((*conv).grouping)) };
    NumberLocale {
        point: String::from_utf8_lossy(&point).into_owned().into(),
        separator: String::from_utf8_lossy(&separator).into_owned().into(),
        grouping: grouping.into(),
        frac_separator: "",
    }
}

impl Vm {
    /// `format(value, spec)`.
    pub fn format(&mut self, value: &Value, spec: &Py<Str>) -> PyResult<Py<Str>> {
        if spec.is_empty() {
            if let Some(s) = value.downcast_exact::<Str>() {
                return Ok(s.clone());
            }
            // The words' types are exact; their `__format__` without a specification is `str()`.
            if value.is_small_int() || value.is_inline_float() {
                return self.str(value);
            }
        }
        // Exact numbers and strings, whose types cannot change, need no look-up.
        if value.is_small_int() {
            let text = super::format_numbers::format_int(self, value, spec)?;
            return text.into_py::<Str>().map_err(|_| self.system_error("format() of an int is no str"));
        }
        if value.is_inline_float() {
            let text = super::format_numbers::format_float(self, value, spec)?;
            return text.into_py::<Str>().map_err(|_| self.system_error("format() of a float is no str"));
        }
        if let Some(s) = value.downcast_exact::<Str>() {
            return crate::types::str_::methods::formatted(s, self, spec);
        }
        let Some(method) = self.lookup_special(value, n!(__format__))? else {
            let name = value.type_name();
            return Err(self.type_error(format!("Type {name} doesn't define __format__")));
        };
        let result = self.call(&method, &[spec.to_value()])?;
        result.into_py::<Str>().map_err(|result| {
            let name = result.type_name();
            self.type_error(format!("__format__ must return a str, not {name}"))
        })
    }

    /// `ascii(value)`.
    pub fn ascii(&mut self, value: &Value) -> PyResult<Py<Str>> {
        let repr = self.repr(value)?;
        if repr.is_ascii() {
            return Ok(repr);
        }
        let mut out = String::new();
        for c in repr.chars() {
            if out.try_reserve(10).is_err() {
                return Err(self.memory_error());
            }
            push_escaped(&mut out, c);
        }
        self.new_str(&out)
    }
}

/// Appends an ASCII character as it is, any other as a backslash escape.
pub fn push_escaped(out: &mut String, c: u32) {
    use std::fmt::Write;
    let _ = match c {
        0..0x80 => { out.push(c as u8 as char); Ok(()) }
        0x80..0x100 => write!(out, "\\x{c:02x}"),
        0x100..0x10000 => write!(out, "\\u{c:04x}"),
        _ => write!(out, "\\U{c:08x}"),
    };
}
