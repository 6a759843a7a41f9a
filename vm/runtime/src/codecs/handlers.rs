//! The error handlers of the language as functions of an exception: `codecs.strict_errors` and the like.

use super::errors::{backslash, charref, escape, is_surrogate, named, standard_utf, surrogate_at, surrogate_bytes};
use crate::args::MethodDef;
use crate::types::bytes::Bytes;
use crate::types::int::IntRef;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyfunction};

/// All of them by name.
pub static NATIVE: &[(&str, &MethodDef)] = &[
    ("strict", &strict_errors::DEF),
    ("ignore", &ignore_errors::DEF),
    ("replace", &replace_errors::DEF),
    ("xmlcharrefreplace", &xmlcharrefreplace_errors::DEF),
    ("backslashreplace", &backslashreplace_errors::DEF),
    ("namereplace", &namereplace_errors::DEF),
    ("surrogatepass", &surrogatepass::DEF),
    ("surrogateescape", &surrogateescape::DEF),
];

enum Kind {
    Encode(Py<Str>),
    Decode(Py<Bytes>),
    Translate(Py<Str>),
}

struct Fault {
    kind: Kind,
    start: usize,
    end: usize,
}

impl Fault {
    /// The characters in question.
    fn chars(&self) -> Vec<u32> {
        match &self.kind {
            Kind::Encode(s) | Kind::Translate(s) => s.data().slice(self.start, self.end).iter().collect(),
            Kind::Decode(_) => Vec::new(),
        }
    }
}

fn is_a(vm: &mut Vm, exc: &Value, class: &str) -> PyResult<bool> {
    let class = vm.builtin_named(class)?;
    Ok(class.downcast::<crate::types::type_::PyType>().is_some_and(|class| exc.ty().is_subtype(vm, class)))
}

fn position(vm: &mut Vm, exc: &Value, name: &str) -> PyResult<i64> {
    let value = vm.getattr_str(exc, name)?;
    Ok(IntRef::new(&value).and_then(|i| i.to_i64()).unwrap_or(0))
}

fn fault(vm: &mut Vm, exc: &Value) -> PyResult<Fault> {
    let encode = is_a(vm, exc, "UnicodeEncodeError")?;
    let decode = !encode && is_a(vm, exc, "UnicodeDecodeError")?;
    if !encode && !decode && !is_a(vm, exc, "UnicodeTranslateError")? {
        return Err(wrong(vm, exc));
    }
    let object = vm.getattr_str(exc, "object")?;
    let (kind, len) = if decode {
        match object.into_py::<Bytes>() {
            Ok(bytes) => { let n = bytes.len(); (Kind::Decode(bytes), n) }
            Err(_) => return Err(vm.type_error("object attribute must be bytes")),
        }
    } else {
        match object.into_py::<Str>() {
            Ok(s) => { let n = s.len(); (if encode { Kind::Encode(s) } else { Kind::Translate(s) }, n) }
            Err(_) => return Err(vm.type_error("object attribute must be unicode")),
        }
    };
    let (start, end) = (position(vm, exc, "start")?, position(vm, exc, "end")?);
    let start = usize::try_from(start.max(0)).unwrap_or(0).min(len.saturating_sub(1));
    let end = usize::try_from(end.max(1)).unwrap_or(1).min(len);
    Ok(Fault { kind, start: start.min(end), end })
}

fn wrong(vm: &mut Vm, exc: &Value) -> crate::Raised {
    let name = exc.type_name();
    vm.type_error(format!("don't know how to handle {name} in error callback"))
}

fn answer(vm: &mut Vm, replacement: Value, at: usize) -> PyResult<Py<Tuple>> {
    let at = vm.new_int(at)?;
    vm.new_tuple([replacement, at])
}

fn text(vm: &mut Vm, chars: &[u32], at: usize) -> PyResult<Py<Tuple>> {
    let s = vm.new_str_ucs4(chars)?.into_value();
    answer(vm, s, at)
}

/// Handles an error by raising it.
#[pyfunction]
fn strict_errors(exception: &Value, vm: &mut Vm) -> PyResult {
    match exception.downcast::<crate::types::exceptions::BaseException>() {
        Some(e) => Err(crate::Raised::new(e.clone())),
        None => Err(vm.type_error("codec must pass exception instance")),
    }
}

/// Handles an error by leaving out what is malformed.
#[pyfunction]
fn ignore_errors(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let f = fault(vm, exception)?;
    text(vm, &[], f.end)
}

/// Handles an error by a replacement character.
#[pyfunction]
fn replace_errors(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let f = fault(vm, exception)?;
    match f.kind {
        Kind::Encode(_) => text(vm, &vec![63; f.end - f.start], f.end),
        Kind::Decode(_) => text(vm, &[0xfffd], f.end),
        Kind::Translate(_) => text(vm, &vec![0xfffd; f.end - f.start], f.end),
    }
}

/// Handles an error of encoding by XML character references.
#[pyfunction]
fn xmlcharrefreplace_errors(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    if !is_a(vm, exception, "UnicodeEncodeError")? {
        return Err(wrong(vm, exception));
    }
    let f = fault(vm, exception)?;
    text(vm, &escape(f.chars().into_iter(), charref), f.end)
}

/// Handles an error by backslash escapes.
#[pyfunction]
fn backslashreplace_errors(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let f = fault(vm, exception)?;
    let chars = match &f.kind {
        Kind::Decode(bytes) => bytes.as_bytes().get(f.start..f.end).unwrap_or_default().iter().map(|&b| u32::from(b)).collect(),
        Kind::Encode(_) | Kind::Translate(_) => f.chars(),
    };
    text(vm, &escape(chars.into_iter(), backslash), f.end)
}

/// Handles an error of encoding by names of characters.
#[pyfunction]
fn namereplace_errors(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    if !is_a(vm, exception, "UnicodeEncodeError")? {
        return Err(wrong(vm, exception));
    }
    let f = fault(vm, exception)?;
    text(vm, &escape(f.chars().into_iter(), named), f.end)
}

fn reraise(vm: &mut Vm, exception: &Value) -> crate::Raised {
    vm.raise_object(exception.clone())
}

/// Handles surrogates by encoding and decoding them like other characters.
#[pyfunction]
fn surrogatepass(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let f = fault(vm, exception)?;
    if matches!(f.kind, Kind::Translate(_)) {
        return Err(wrong(vm, exception));
    }
    let encoding = vm.getattr_str(exception, "encoding")?;
    let encoding = encoding.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let Some(utf) = standard_utf(&encoding) else { return Err(reraise(vm, exception)) };
    match &f.kind {
        Kind::Encode(_) if f.chars().iter().all(|&c| is_surrogate(c)) => {
            let bytes = surrogate_bytes(f.chars().into_iter(), utf);
            let bytes = vm.new_bytes(&bytes)?.into_value();
            answer(vm, bytes, f.end)
        }
        Kind::Decode(bytes) => match surrogate_at(&encoding, bytes.as_bytes().get(f.start..).unwrap_or_default()) {
            Some((c, len)) => text(vm, &[c], f.start + len),
            None => Err(reraise(vm, exception)),
        },
        Kind::Encode(_) => Err(reraise(vm, exception)),
        Kind::Translate(_) => Err(wrong(vm, exception)),
    }
}

/// Handles bytes that cannot be decoded by surrogates that stand for them, and these by the bytes.
#[pyfunction]
fn surrogateescape(exception: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let f = fault(vm, exception)?;
    match &f.kind {
        Kind::Encode(_) => {
            let chars = f.chars();
            if !chars.iter().all(|c| (0xdc80..0xdd00).contains(c)) {
                return Err(reraise(vm, exception));
            }
            let bytes: Vec<u8> = chars.iter().map(|c| (c & 0xff) as u8).collect();
            let bytes = vm.new_bytes(&bytes)?.into_value();
            answer(vm, bytes, f.end)
        }
        Kind::Decode(bytes) => {
            let part = bytes.as_bytes().get(f.start..f.end).unwrap_or_default();
            let chars: Vec<u32> = part.iter().take(4).take_while(|&&b| b >= 0x80).map(|&b| 0xdc00 + u32::from(b)).collect();
            if chars.is_empty() { Err(reraise(vm, exception)) } else { text(vm, &chars, f.start + chars.len()) }
        }
        Kind::Translate(_) => Err(wrong(vm, exception)),
    }
}
