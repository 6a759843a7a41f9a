//! Codecs: encoding text and decoding bytes, natively for the common encodings, else through the registry.
//!
//! A decoder works on a [`Decoding`], an encoder on an [`Encoding`]: input, output and what to do about errors. The native
//! ones run Python code only to call error handlers that are not among the language's own.

use crate::types::bytes::{ByteView, Bytes};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

pub mod errors;
pub mod escape;
pub mod handlers;
pub mod registry;
pub mod single;
pub mod utf;
pub mod utf7;
#[cfg(test)]
mod tests;

pub use errors::{Decoding, Encoding, Handler};
pub use registry::CodecState;
use utf::Order;

/// An encoding that needs no registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Native {
    Utf8,
    Utf16(Order),
    Utf32(Order),
    Latin1,
    Ascii,
}

impl Native {
    /// The encoding called so, in any of its usual spellings.
    pub fn new(name: &str) -> Option<Native> {
        if name == "utf-8" {
            return Some(Native::Utf8);
        }
        Some(match registry::normalize(name).as_str() {
            "utf_8" | "utf8" => Native::Utf8,
            "utf_16" | "utf16" => Native::Utf16(Order::Native),
            "utf_32" | "utf32" => Native::Utf32(Order::Native),
            "latin_1" | "latin1" | "iso_8859_1" | "iso8859_1" => Native::Latin1,
            "ascii" | "us_ascii" => Native::Ascii,
            _ => return None,
        })
    }

    fn decode(self, vm: &mut Vm, input: ByteView, handler: Handler) -> PyResult<Py<Str>> {
        let name = match self {
            Native::Utf8 => "utf-8",
            Native::Utf16(_) => "utf-16",
            Native::Utf32(_) => "utf-32",
            Native::Latin1 => "latin-1",
            Native::Ascii => "ascii",
        };
        if self == Native::Latin1 {
            return vm.new_str_latin1(&input);
        }
        if matches!(self, Native::Utf8 | Native::Ascii) && input.is_ascii() {
            return vm.new_str_latin1(&input);
        }
        let mut d = Decoding::new(name, handler, input);
        match self {
            Native::Utf8 => utf::decode_utf8(vm, &mut d, true).map(|_| ()),
            Native::Utf16(order) => utf::decode_utf16(vm, &mut d, order, true).map(|_| ()),
            Native::Utf32(order) => utf::decode_utf32(vm, &mut d, order, true).map(|_| ()),
            Native::Latin1 => { single::decode_latin1(&mut d); Ok(()) }
            Native::Ascii => single::decode_ascii(vm, &mut d).map(|_| ()),
        }?;
        d.out.finish(vm)
    }

    fn encode(self, vm: &mut Vm, input: &Py<Str>, handler: Handler) -> PyResult<Vec<u8>> {
        match self {
            Native::Utf8 => utf::encode_utf8(vm, &mut Encoding::new("utf-8", handler, input)),
            Native::Utf16(order) => utf::encode_wide(vm, &mut Encoding::new("utf-16", handler, input), 2, order),
            Native::Utf32(order) => utf::encode_wide(vm, &mut Encoding::new("utf-32", handler, input), 4, order),
            Native::Latin1 => single::encode_below(vm, &mut Encoding::new("latin-1", handler, input), 256),
            Native::Ascii => single::encode_below(vm, &mut Encoding::new("ascii", handler, input), 128),
        }
    }
}

/// ValueError for a null character; in development mode LookupError if there is no such codec or handler, even if nothing needs it.
fn check_names(vm: &mut Vm, encoding: &str, errors: &str) -> PyResult<()> {
    if encoding.contains('\0') {
        return Err(vm.value_error("embedded null character"));
    }
    if !vm.config().dev_mode {
        return Ok(());
    }
    if !matches!(encoding, "utf-8" | "utf8" | "ascii") {
        registry::lookup(vm, encoding)?;
    }
    check_errors(vm, errors)
}

/// In development mode: LookupError if there is no such error handler.
pub fn check_errors(vm: &mut Vm, errors: &str) -> PyResult<()> {
    if vm.config().dev_mode && !matches!(errors, "strict" | "ignore" | "replace" | "surrogateescape" | "surrogatepass") {
        registry::lookup_error(vm, errors)?;
    }
    Ok(())
}

/// `bytes_like.decode(encoding, errors)`: always a `str`.
pub fn decode(vm: &mut Vm, object: &Value, encoding: &str, errors: &str) -> PyResult<Value> {
    check_names(vm, encoding, errors)?;
    if let Some(native) = Native::new(encoding) {
        let input = vm.byte_view(object)?;
        return Ok(native.decode(vm, input, Handler::new(errors))?.into_value());
    }
    let codec = registry::lookup_text(vm, encoding, "codecs.decode()")?;
    let result = registry::call_codec(vm, &codec, 1, object, encoding, Some(errors))?;
    if result.is::<Str>() {
        return Ok(result);
    }
    let name = result.type_name();
    Err(vm.type_error(format!("'{encoding}' decoder returned '{name}' instead of 'str'; use codecs.decode() to decode to arbitrary types")))
}

/// `str.encode(encoding, errors)`: always `bytes`.
pub fn encode(vm: &mut Vm, object: &Value, encoding: &str, errors: &str) -> PyResult<Value> {
    check_names(vm, encoding, errors)?;
    if let (Some(native), Some(s)) = (Native::new(encoding), object.downcast::<Str>()) {
        let bytes = native.encode(vm, s, Handler::new(errors))?;
        return Ok(vm.new_bytes(&bytes)?.into_value());
    }
    let codec = registry::lookup_text(vm, encoding, "codecs.encode()")?;
    let result = registry::call_codec(vm, &codec, 0, object, encoding, Some(errors))?;
    if result.is::<Bytes>() {
        return Ok(result);
    }
    if result.is::<crate::types::bytearray::ByteArray>() {
        let bytes = vm.bytes_of(&result)?;
        return Ok(vm.new_bytes(&bytes)?.into_value());
    }
    let name = result.type_name();
    Err(vm.type_error(format!("'{encoding}' encoder returned '{name}' instead of 'bytes'; use codecs.encode() to encode to arbitrary types")))
}

/// Warns with DeprecationWarning, through the `warnings` module.
pub fn deprecated(vm: &mut Vm, message: &str) -> PyResult<()> {
    let import = vm.builtin_named("__import__")?;
    let name = vm.new_str("warnings")?.into_value();
    let warnings = vm.call(&import, &[name])?;
    let warn = vm.getattr_str(&warnings, "warn")?;
    let category = vm.builtin_named("DeprecationWarning")?;
    let message = vm.new_str(message)?.into_value();
    vm.call(&warn, &[message, category]).map(|_| ())
}

impl Vm {
    /// [`decode`] to a `str`.
    pub fn decode_to_str(&mut self, object: &Value, encoding: &str, errors: &str) -> PyResult<Py<Str>> {
        let text = decode(self, object, encoding, errors)?;
        text.into_py::<Str>().map_err(|_| self.type_error("decoder should return a string"))
    }

    /// [`encode`] to `bytes`.
    pub fn encode_to_bytes(&mut self, string: &Py<Str>, encoding: &str, errors: &str) -> PyResult {
        encode(self, string.as_value(), encoding, errors)
    }
}
