//! Error handling of native codecs: the known handlers run natively, others are called with the exception object.

use crate::types::bytes::{ByteView, Bytes};
use crate::types::int::IntRef;
use crate::types::str_::{Str, StrBuilder};
use crate::types::tuple::Tuple;
use crate::{Py, PyResult, Raised, Value, Vm};

/// An error handler by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handler {
    Strict,
    Ignore,
    Replace,
    BackslashReplace,
    XmlCharRefReplace,
    NameReplace,
    SurrogateEscape,
    SurrogatePass,
    /// One to look up in the registry.
    Other(String),
}

impl Handler {
    /// How many characters may stand for one.
    fn widest(&self) -> usize {
        match self {
            Handler::Strict | Handler::Ignore | Handler::Replace | Handler::Other(_) => 1,
            Handler::SurrogateEscape | Handler::SurrogatePass => 4,
            Handler::BackslashReplace | Handler::XmlCharRefReplace => 10,
            Handler::NameReplace => 100,
        }
    }

    /// The handler called `name`.
    pub fn new(name: &str) -> Handler {
        match name {
            "" | "strict" => Handler::Strict,
            "ignore" => Handler::Ignore,
            "replace" => Handler::Replace,
            "backslashreplace" => Handler::BackslashReplace,
            "xmlcharrefreplace" => Handler::XmlCharRefReplace,
            "namereplace" => Handler::NameReplace,
            "surrogateescape" => Handler::SurrogateEscape,
            "surrogatepass" => Handler::SurrogatePass,
            other => Handler::Other(other.to_owned()),
        }
    }

    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Handler::Strict => "strict",
            Handler::Ignore => "ignore",
            Handler::Replace => "replace",
            Handler::BackslashReplace => "backslashreplace",
            Handler::XmlCharRefReplace => "xmlcharrefreplace",
            Handler::NameReplace => "namereplace",
            Handler::SurrogateEscape => "surrogateescape",
            Handler::SurrogatePass => "surrogatepass",
            Handler::Other(name) => name,
        }
    }
}

/// Whether a code point is a surrogate.
pub fn is_surrogate(c: u32) -> bool {
    (0xd800..0xe000).contains(&c)
}

/// The exception `class` made from these arguments, raised.
pub fn unicode_error(vm: &mut Vm, class: &str, args: Vec<Value>) -> Raised {
    let made = vm.builtin_named(class).and_then(|class| vm.call(&class, &args));
    match made {
        Ok(exception) => vm.raise_object(exception),
        Err(e) => e,
    }
}

/// Bytes being decoded.
pub struct Decoding {
    pub encoding: String,
    pub handler: Handler,
    pub input: ByteView,
    pub out: StrBuilder,
    exception: Option<Value>,
    callback: Option<Value>,
}

impl Decoding {
    /// Of `input` by the codec `encoding`.
    pub fn new(encoding: &str, handler: Handler, input: ByteView) -> Decoding {
        let out = StrBuilder::with_capacity(input.len());
        Decoding { encoding: encoding.to_owned(), handler, input, out, exception: None, callback: None }
    }

    /// Raises UnicodeDecodeError.
    pub fn error(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> Raised {
        match self.make_exception(vm, start, end, reason) {
            Ok(exception) => vm.raise_object(exception),
            Err(e) => e,
        }
    }

    fn make_exception(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult {
        let (start, end, reason) = (vm.new_int(start)?, vm.new_int(end)?, vm.new_str(reason)?.into_value());
        if let Some(exception) = &self.exception {
            for (name, value) in [("start", start), ("end", end), ("reason", reason)] {
                let name = vm.intern(name);
                vm.setattr(exception, &name, &value)?;
            }
            return Ok(exception.clone());
        }
        let encoding = vm.new_str(&self.encoding)?.into_value();
        let object = match &self.input {
            ByteView::Object(bytes) => bytes.to_value(),
            ByteView::Owned(bytes) => vm.new_bytes(bytes)?.into_value(),
        };
        let class = vm.builtin_named("UnicodeDecodeError")?;
        let exception = vm.call(&class, &[encoding, object, start, end, reason])?;
        self.exception = Some(exception.clone());
        Ok(exception)
    }

    /// The bytes from `start` up to `end` are malformed: appends what stands for them; gives where to go on.
    pub fn fault(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult<usize> {
        match &self.handler {
            Handler::Ignore => return Ok(end),
            Handler::Replace => {
                self.out.push(0xfffd);
                return Ok(end);
            }
            Handler::BackslashReplace => {
                for byte in self.input.get(start..end).unwrap_or_default() {
                    self.out.push_str(&format!("\\x{byte:02x}"));
                }
                return Ok(end);
            }
            Handler::SurrogateEscape => {
                let bytes = self.input.get(start..end).unwrap_or_default();
                let high = bytes.iter().take(4).take_while(|&&b| b >= 0x80).count();
                if high > 0 {
                    bytes[..high].iter().for_each(|&b| self.out.push(0xdc00 + u32::from(b)));
                    return Ok(start + high);
                }
            }
            Handler::SurrogatePass => {
                if let Some((c, len)) = surrogate_at(&self.encoding, self.input.get(start..).unwrap_or_default()) {
                    self.out.push(c);
                    return Ok(start + len);
                }
            }
            Handler::Other(_) | Handler::XmlCharRefReplace | Handler::NameReplace => return self.call(vm, start, end, reason),
            Handler::Strict => {}
        }
        Err(self.error(vm, start, end, reason))
    }

    fn call(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult<usize> {
        let callback = match &self.callback {
            Some(callback) => callback.clone(),
            None => super::registry::lookup_error(vm, self.handler.name())?,
        };
        self.callback = Some(callback.clone());
        let exception = self.make_exception(vm, start, end, reason)?;
        let result = vm.call(&callback, std::slice::from_ref(&exception))?;
        let message = "decoding error handler must return (str, int) tuple";
        let Some((text, position)) = pair(&result) else { return Err(vm.type_error(message)) };
        let Some(text) = text.downcast::<Str>() else { return Err(vm.type_error(message)) };
        // The handler may have put another object into the exception.
        let object = vm.getattr_str(&exception, "object")?;
        match object.downcast::<Bytes>() {
            Some(bytes) => self.input = ByteView::Object(bytes.clone()),
            None => return Err(vm.type_error("exception attribute object must be bytes")),
        }
        let at = position_of(vm, position, self.input.len(), message)?;
        self.out.push_object(text);
        Ok(at)
    }
}

fn pair(result: &Value) -> Option<(&Value, &Value)> {
    match result.downcast::<Tuple>()?.items() {
        [a, b] => Some((a, b)),
        _ => None,
    }
}

fn position_of(vm: &mut Vm, position: &Value, len: usize, message: &str) -> PyResult<usize> {
    if IntRef::new(position).is_none() {
        return Err(vm.type_error(message));
    }
    let Some(given) = IntRef::new(position).and_then(|i| i.to_i64()) else {
        return Err(vm.overflow_error("Python int too large to convert to C ssize_t"));
    };
    let at = if given < 0 { given + len as i64 } else { given };
    match usize::try_from(at).ok().filter(|&at| at <= len) {
        Some(at) => Ok(at),
        None => Err(vm.index_error(format!("position {at} from error handler out of bounds"))),
    }
}

/// The surrogate that stands at the beginning of `bytes` in one of the UTF encodings, and its length.
pub fn surrogate_at(encoding: &str, bytes: &[u8]) -> Option<(u32, usize)> {
    let unit = |big: bool, n: usize| {
        let bytes = bytes.get(..n)?;
        let fold = |acc: u32, b: &u8| acc << 8 | u32::from(*b);
        Some(if big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    };
    let (c, len) = match standard_utf(encoding)? {
        (1, _) => match bytes {
            [a @ 0xed, b @ 0x80..=0xbf, c @ 0x80..=0xbf, ..] => ((u32::from(a & 15) << 12) | (u32::from(b & 63) << 6) | u32::from(c & 63), 3),
            _ => return None,
        },
        (n, big) => (unit(big, n)?, n),
    };
    is_surrogate(c).then_some((c, len))
}

/// Bytes a unit and byte order of the UTF encoding called so, whatever its spelling.
pub fn standard_utf(encoding: &str) -> Option<(usize, bool)> {
    let name: String = encoding.to_ascii_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Some(match name.as_str() {
        "utf8" | "cputf8" | "cp65001" => (1, false),
        "utf16" => (2, cfg!(target_endian = "big")),
        "utf16le" => (2, false),
        "utf16be" => (2, true),
        "utf32" => (4, cfg!(target_endian = "big")),
        "utf32le" => (4, false),
        "utf32be" => (4, true),
        _ => return None,
    })
}

/// What an error handler wants in place of characters that cannot be encoded.
pub enum Replacement {
    Text(Vec<u32>),
    Bytes(Vec<u8>),
}

impl Replacement {
    /// Characters or bytes.
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        match self {
            Replacement::Text(text) => text.len(),
            Replacement::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Text being encoded.
pub struct Encoding {
    pub encoding: String,
    pub handler: Handler,
    pub input: Py<Str>,
    exception: Option<Value>,
    callback: Option<Value>,
}

impl Encoding {
    /// Of `input` by the codec `encoding`.
    pub fn new(encoding: &str, handler: Handler, input: &Py<Str>) -> Encoding {
        Encoding { encoding: encoding.to_owned(), handler, input: input.clone(), exception: None, callback: None }
    }

    /// Raises UnicodeEncodeError.
    pub fn error(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> Raised {
        match self.make_exception(vm, start, end, reason) {
            Ok(exception) => vm.raise_object(exception),
            Err(e) => e,
        }
    }

    fn make_exception(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult {
        let (start, end, reason) = (vm.new_int(start)?, vm.new_int(end)?, vm.new_str(reason)?.into_value());
        if let Some(exception) = &self.exception {
            for (name, value) in [("start", start), ("end", end), ("reason", reason)] {
                let name = vm.intern(name);
                vm.setattr(exception, &name, &value)?;
            }
            return Ok(exception.clone());
        }
        let encoding = vm.new_str(&self.encoding)?.into_value();
        let class = vm.builtin_named("UnicodeEncodeError")?;
        let exception = vm.call(&class, &[encoding, self.input.to_value(), start, end, reason])?;
        self.exception = Some(exception.clone());
        Ok(exception)
    }

    /// The characters from `start` up to `end` cannot be encoded: what stands for them, and where to go on.
    pub fn fault(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult<(Replacement, usize)> {
        let part = self.input.data().slice(start, end);
        vm.require_room(part.len() * self.handler.widest() * 4)?;
        match &self.handler {
            Handler::Ignore => return Ok((Replacement::Text(Vec::new()), end)),
            Handler::Replace => return Ok((Replacement::Text(vec![63; end - start]), end)),
            Handler::BackslashReplace => return Ok((Replacement::Text(escape(part.iter(), backslash)), end)),
            Handler::XmlCharRefReplace => return Ok((Replacement::Text(escape(part.iter(), charref)), end)),
            Handler::NameReplace => return Ok((Replacement::Text(escape(part.iter(), named)), end)),
            Handler::SurrogateEscape => {
                let bytes: Vec<u8> = part.iter().take_while(|c| (0xdc80..0xdd00).contains(c)).map(|c| (c & 0xff) as u8).collect();
                if bytes.len() == part.len() {
                    return Ok((Replacement::Bytes(bytes), end));
                }
                let at = start + bytes.len();
                return Err(self.error(vm, at, end, reason));
            }
            Handler::SurrogatePass => {
                if let Some(utf) = standard_utf(&self.encoding)
                    && part.iter().all(is_surrogate) {
                        return Ok((Replacement::Bytes(surrogate_bytes(part.iter(), utf)), end));
                    }
            }
            Handler::Other(_) => return self.call(vm, start, end, reason),
            Handler::Strict => {}
        }
        Err(self.error(vm, start, end, reason))
    }

    fn call(&mut self, vm: &mut Vm, start: usize, end: usize, reason: &str) -> PyResult<(Replacement, usize)> {
        let callback = match &self.callback {
            Some(callback) => callback.clone(),
            None => super::registry::lookup_error(vm, self.handler.name())?,
        };
        self.callback = Some(callback.clone());
        let exception = self.make_exception(vm, start, end, reason)?;
        let result = vm.call(&callback, &[exception])?;
        let message = "encoding error handler must return (str/bytes, int) tuple";
        let Some((text, position)) = pair(&result) else { return Err(vm.type_error(message)) };
        let replacement = if let Some(s) = text.downcast::<Str>() {
            Replacement::Text(s.chars().collect())
        } else if let Some(b) = text.downcast::<Bytes>() {
            Replacement::Bytes(b.as_bytes().to_vec())
        } else {
            return Err(vm.type_error(message));
        };
        let at = position_of(vm, position, self.input.len(), message)?;
        Ok((replacement, at))
    }
}

/// Surrogates in a UTF encoding.
pub fn surrogate_bytes(chars: impl Iterator<Item = u32>, (width, big): (usize, bool)) -> Vec<u8> {
    let mut out = Vec::new();
    for c in chars {
        match (width, big) {
            (1, _) => out.extend_from_slice(&[0xe0 | (c >> 12) as u8, 0x80 | (c >> 6 & 0x3f) as u8, 0x80 | (c & 0x3f) as u8]),
            (2, true) => out.extend_from_slice(&(c as u16).to_be_bytes()),
            (2, false) => out.extend_from_slice(&(c as u16).to_le_bytes()),
            (_, true) => out.extend_from_slice(&c.to_be_bytes()),
            (_, false) => out.extend_from_slice(&c.to_le_bytes()),
        }
    }
    out
}

/// Each character written by `write`.
pub fn escape(chars: impl Iterator<Item = u32>, write: fn(u32) -> String) -> Vec<u32> {
    chars.flat_map(|c| write(c).into_bytes()).map(u32::from).collect()
}

/// `\xhh`, `\uhhhh` or `\Uhhhhhhhh`.
pub fn backslash(c: u32) -> String {
    match c {
        0..0x100 => format!("\\x{c:02x}"),
        0x100..0x10000 => format!("\\u{c:04x}"),
        _ => format!("\\U{c:08x}"),
    }
}

/// `&#n;`
pub fn charref(c: u32) -> String {
    format!("&#{c};")
}

/// `\N{name}`, or as [`backslash`].
pub fn named(c: u32) -> String {
    match krait_unicode::name(c) {
        Some(name) => format!("\\N{{{name}}}"),
        None => backslash(c),
    }
}
