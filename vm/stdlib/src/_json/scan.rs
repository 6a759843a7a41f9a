//! `scanstring` and `make_scanner`.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::float::Float;
use krait_runtime::types::int::Int;
use krait_runtime::types::str_::{Str, StrData};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Raised, Value, Vm, n, pyclass, pyfunction, pymethods};

/// Raises `json.decoder.JSONDecodeError(message, document, position)`.
#[cold]
fn decode_error(vm: &mut Vm, message: &str, document: &Py<Str>, position: usize) -> Raised {
    let made = (|| {
        let import = vm.builtin(n!(__import__))?;
        let (name, list) = (vm.new_str("json.decoder")?.into_value(), vm.new_str("JSONDecodeError")?.into_value());
        let list = vm.new_tuple([list])?.into_value();
        let module = vm.call(&import, &[name, Value::none(), Value::none(), list])?;
        let class = vm.getattr_str(&module, "JSONDecodeError")?;
        let (message, position) = (vm.new_str(message)?.into_value(), vm.new_int(position)?);
        vm.call(&class, &[message, document.to_value(), position])
    })();
    match made {
        Ok(exception) => vm.raise_object(exception),
        Err(e) => e,
    }
}

fn stop(vm: &mut Vm, position: usize) -> Raised {
    match vm.new_int(position) {
        Ok(position) => vm.stop_iteration(Some(position)),
        Err(e) => e,
    }
}

fn hex4(data: StrData<'_>, at: usize) -> Option<u32> {
    (at..at + 4).try_fold(0, |n, i| Some(n << 4 | char::from_u32(data.get(i)?)?.to_digit(16)?))
}

/// The string whose first character is at `begin + 1`, and where the text goes on behind it.
fn scan_string(vm: &mut Vm, document: &Py<Str>, end: usize, strict: bool) -> PyResult<(Py<Str>, usize)> {
    let data = document.data();
    let len = data.len();
    let begin = end.saturating_sub(1);
    let mut out: Vec<u32> = Vec::new();
    let mut at = end;
    loop {
        let start = at;
        let stopped = loop {
            match data.get(at) {
                None => return Err(decode_error(vm, "Unterminated string starting at", document, begin)),
                Some(c) if c == u32::from(b'"') || c == u32::from(b'\\') => break c,
                Some(c) if c <= 0x1f && strict => return Err(decode_error(vm, "Invalid control character at", document, at)),
                Some(_) => at += 1,
            }
        };
        if stopped == u32::from(b'"') && out.is_empty() {
            let made = match data {
                StrData::Ascii(s) => vm.new_str(s.get(start..at).unwrap_or_default())?,
                StrData::Latin1(s) => vm.new_str_latin1(s.get(start..at).unwrap_or_default())?,
                StrData::Ucs2(s) => vm.new_str_ucs2(s.get(start..at).unwrap_or_default())?,
                StrData::Ucs4(s) => vm.new_str_ucs4(s.get(start..at).unwrap_or_default())?,
            };
            return Ok((made, at + 1));
        }
        out.extend((start..at).filter_map(|i| data.get(i)));
        at += 1;
        if stopped == u32::from(b'"') {
            return Ok((vm.new_str_ucs4(&out)?, at));
        }
        let Some(escape) = data.get(at) else { return Err(decode_error(vm, "Unterminated string starting at", document, begin)) };
        at += 1;
        let c = match char::from_u32(escape) {
            Some(c @ ('"' | '\\' | '/')) => u32::from(c),
            Some('b') => 8,
            Some('f') => 12,
            Some('n') => 10,
            Some('r') => 13,
            Some('t') => 9,
            Some('u') => {
                if at + 4 > len {
                    return Err(decode_error(vm, "Invalid \\uXXXX escape", document, at - 1));
                }
                let Some(mut c) = hex4(data, at) else { return Err(decode_error(vm, "Invalid \\uXXXX escape", document, at - 1)) };
                at += 4;
                let pair = (0xd800..0xdc00).contains(&c) && at + 6 <= len && data.get(at) == Some(u32::from(b'\\')) && data.get(at + 1) == Some(u32::from(b'u'));
                if pair {
                    let Some(low) = hex4(data, at + 2) else { return Err(decode_error(vm, "Invalid \\uXXXX escape", document, at + 1)) };
                    if (0xdc00..0xe000).contains(&low) {
                        c = 0x10000 + ((c - 0xd800) << 10 | (low - 0xdc00));
                        at += 6;
                    }
                }
                c
            }
            _ => return Err(decode_error(vm, "Invalid \\escape", document, at - 2)),
        };
        out.push(c);
    }
}

/// scanstring(string, end, strict=True) -> (string, end)
///
/// Scan the string s for a JSON string. End is the index of the character in s after the quote that started the JSON string.
/// Unescapes all valid JSON string escape sequences and raises ValueError on attempt to decode an invalid string. If strict is False then
/// literal control characters are allowed in the string.
#[pyfunction(sig = "(pystr, end, strict=True, /)")]
pub fn scanstring(pystr: &Value, end: isize, strict: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let Some(document) = pystr.downcast::<Str>() else {
        let name = pystr.type_name();
        return Err(vm.type_error(format!("first argument must be a string, not {name}")));
    };
    let Some(end) = usize::try_from(end).ok().filter(|&e| e <= document.len()) else { return Err(vm.value_error("end is out of bounds")) };
    let (string, end) = scan_string(vm, document, end, strict)?;
    let end = vm.new_int(end)?;
    vm.new_tuple([string.into_value(), end])
}

/// JSON scanner object
#[pyclass(module = "_json", name = "Scanner", flags(BASETYPE), gc)]
pub struct Scanner {
    strict: bool,
    object_hook: Value,
    object_pairs_hook: Value,
    parse_float: Value,
    parse_int: Value,
    parse_constant: Value,
}

/// One run over a document.
struct Run<'a> {
    scanner: &'a Scanner,
    document: &'a Py<Str>,
    memo: Py<Dict>,
}

impl Run<'_> {
    #[inline]
    fn at(&self, i: usize) -> Option<char> {
        char::from_u32(self.document.data().get(i)?)
    }

    fn skip(&self, mut i: usize) -> usize {
        while matches!(self.at(i), Some(' ' | '\t' | '\n' | '\r')) {
            i += 1;
        }
        i
    }

    fn starts(&self, at: usize, word: &str) -> bool {
        word.chars().enumerate().all(|(i, c)| self.at(at + i) == Some(c))
    }

    fn constant(&self, vm: &mut Vm, name: &str, end: usize) -> PyResult<(Value, usize)> {
        let name = vm.intern(name).into_value();
        Ok((vm.call(&self.scanner.parse_constant, &[name])?, end))
    }

    fn value(&self, vm: &mut Vm, at: usize) -> PyResult<(Value, usize)> {
        match self.at(at) {
            None => Err(stop(vm, at)),
            Some('"') => {
                let (string, end) = scan_string(vm, self.document, at + 1, self.scanner.strict)?;
                Ok((string.into_value(), end))
            }
            Some('{') => {
                vm.check_stack(" while decoding a JSON object from a unicode string")?;
                self.object(vm, at + 1)
            }
            Some('[') => {
                vm.check_stack(" while decoding a JSON array from a unicode string")?;
                self.array(vm, at + 1)
            }
            Some('n') if self.starts(at, "null") => Ok((Value::none(), at + 4)),
            Some('t') if self.starts(at, "true") => Ok((Value::from_bool(true), at + 4)),
            Some('f') if self.starts(at, "false") => Ok((Value::from_bool(false), at + 5)),
            Some('N') if self.starts(at, "NaN") => self.constant(vm, "NaN", at + 3),
            Some('I') if self.starts(at, "Infinity") => self.constant(vm, "Infinity", at + 8),
            Some('-') if self.starts(at, "-Infinity") => self.constant(vm, "-Infinity", at + 9),
            Some(_) => self.number(vm, at),
        }
    }

    fn number(&self, vm: &mut Vm, start: usize) -> PyResult<(Value, usize)> {
        let digit = |i: usize| self.at(i).is_some_and(|c| c.is_ascii_digit());
        let mut at = start;
        if self.at(at) == Some('-') {
            at += 1;
        }
        match self.at(at) {
            Some('0') => at += 1,
            Some('1'..='9') => {
                while digit(at) {
                    at += 1;
                }
            }
            _ => return Err(stop(vm, start)),
        }
        let mut is_float = false;
        if self.at(at) == Some('.') && digit(at + 1) {
            is_float = true;
            at += 2;
            while digit(at) {
                at += 1;
            }
        }
        if matches!(self.at(at), Some('e' | 'E')) {
            let mut exponent = at + 1;
            if matches!(self.at(exponent), Some('-' | '+')) {
                exponent += 1;
            }
            if digit(exponent) {
                is_float = true;
                at = exponent;
                while digit(at) {
                    at += 1;
                }
            }
        }
        let text: String = (start..at).filter_map(|i| self.at(i)).collect();
        let (parse, own) = if is_float {
            (&self.scanner.parse_float, Float::type_object(vm).as_value())
        } else {
            (&self.scanner.parse_int, Int::type_object(vm).as_value())
        };
        if parse.is_same(own) {
            if is_float {
                return Ok((vm.new_float(text.parse().unwrap_or(f64::NAN))?, at));
            }
            if let Ok(i) = text.parse::<i64>() {
                return Ok((vm.new_int(i)?, at));
            }
        }
        let text = vm.new_str(&text)?.into_value();
        Ok((vm.call(parse, &[text])?, at))
    }

    fn array(&self, vm: &mut Vm, at: usize) -> PyResult<(Value, usize)> {
        let mut items = Vec::new();
        let mut at = self.skip(at);
        if self.at(at) == Some(']') {
            return Ok((vm.new_list(items)?.into_value(), at + 1));
        }
        loop {
            let (item, next) = self.value(vm, at)?;
            items.push(item);
            at = self.skip(next);
            match self.at(at) {
                Some(']') => return Ok((vm.new_list(items)?.into_value(), at + 1)),
                Some(',') => {}
                _ => return Err(decode_error(vm, "Expecting ',' delimiter", self.document, at)),
            }
            let comma = at;
            at = self.skip(at + 1);
            if self.at(at) == Some(']') {
                return Err(decode_error(vm, "Illegal trailing comma before end of array", self.document, comma));
            }
        }
    }

    fn object(&self, vm: &mut Vm, at: usize) -> PyResult<(Value, usize)> {
        let pairs_hook = !self.scanner.object_pairs_hook.is_none();
        let dict = vm.new_dict()?;
        let mut pairs = Vec::new();
        let mut at = self.skip(at);
        if self.at(at) != Some('}') {
            loop {
                if self.at(at) != Some('"') {
                    return Err(decode_error(vm, "Expecting property name enclosed in double quotes", self.document, at));
                }
                let (key, next) = scan_string(vm, self.document, at + 1, self.scanner.strict)?;
                let key = self.memo.set_default(vm, key.as_value(), key.to_value())?;
                at = self.skip(next);
                if self.at(at) != Some(':') {
                    return Err(decode_error(vm, "Expecting ':' delimiter", self.document, at));
                }
                at = self.skip(at + 1);
                let (value, next) = self.value(vm, at)?;
                if pairs_hook {
                    pairs.push(vm.new_tuple([key, value])?.into_value());
                } else {
                    dict.set(vm, &key, value)?;
                }
                at = self.skip(next);
                match self.at(at) {
                    Some('}') => break,
                    Some(',') => {}
                    _ => return Err(decode_error(vm, "Expecting ',' delimiter", self.document, at)),
                }
                let comma = at;
                at = self.skip(at + 1);
                if self.at(at) == Some('}') {
                    return Err(decode_error(vm, "Illegal trailing comma before end of object", self.document, comma));
                }
            }
        }
        let result = if pairs_hook {
            let pairs = vm.new_list(pairs)?.into_value();
            vm.call(&self.scanner.object_pairs_hook, &[pairs])?
        } else if self.scanner.object_hook.is_none() {
            dict.into_value()
        } else {
            vm.call(&self.scanner.object_hook, &[dict.into_value()])?
        };
        Ok((result, at + 1))
    }
}

#[pymethods]
impl Scanner {
    #[new(name = "make_scanner", sig = "(context)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, context: &Value, vm: &mut Vm) -> PyResult<Py<Scanner>> {
        let strict = vm.getattr_str(context, "strict")?;
        let strict = vm.is_true(&strict)?;
        let scanner = Scanner {
            strict,
            object_hook: vm.getattr_str(context, "object_hook")?,
            object_pairs_hook: vm.getattr_str(context, "object_pairs_hook")?,
            parse_float: vm.getattr_str(context, "parse_float")?,
            parse_int: vm.getattr_str(context, "parse_int")?,
            parse_constant: vm.getattr_str(context, "parse_constant")?,
        };
        vm.new_instance(cls, scanner)
    }

    #[slot(call)]
    fn slot_call(zelf: &Py<Scanner>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (mut string, mut idx) = (args.positional().first().cloned(), args.positional().get(1).cloned());
        for (key, value) in args.keywords() {
            match key.downcast::<Str>().map(|s| s.to_string_lossy()).as_deref() {
                Some("string") => string = Some(value.clone()),
                Some("idx") => idx = Some(value.clone()),
                _ => return Err(vm.type_error("scan_once() got an unexpected keyword argument")),
            }
        }
        let (Some(string), Some(idx)) = (string, idx) else { return Err(vm.type_error("scan_once() missing required argument")) };
        let Some(document) = string.downcast::<Str>() else {
            let name = string.type_name();
            return Err(vm.type_error(format!("first argument must be a string, not {name}")));
        };
        let idx = vm.as_count(&idx)?;
        let Ok(idx) = usize::try_from(idx) else { return Err(vm.value_error("idx cannot be negative")) };
        let memo = vm.new_dict()?;
        let run = Run { scanner: zelf, document, memo };
        let (value, end) = run.value(vm, idx)?;
        let end = vm.new_int(end)?;
        vm.new_tuple([value, end])
    }

    /// strict
    #[getter]
    fn strict(&self) -> bool {
        self.strict
    }

    /// object_hook
    #[getter]
    fn object_hook(&self) -> Value {
        self.object_hook.clone()
    }

    #[getter]
    fn object_pairs_hook(&self) -> Value {
        self.object_pairs_hook.clone()
    }

    /// parse_float
    #[getter]
    fn parse_float(&self) -> Value {
        self.parse_float.clone()
    }

    /// parse_int
    #[getter]
    fn parse_int(&self) -> Value {
        self.parse_int.clone()
    }

    /// parse_constant
    #[getter]
    fn parse_constant(&self) -> Value {
        self.parse_constant.clone()
    }
}
