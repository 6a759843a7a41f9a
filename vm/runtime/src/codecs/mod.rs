//! Codecs: encoding text and decoding bytes, natively for the common encodings, else through the registry.

use crate::types::bytes::Bytes;
use crate::types::str_::Str;
use crate::{Py, PyResult, Value, Vm};

/// `bytes_like.decode(encoding, errors)`.
pub fn decode(vm: &mut Vm, object: &Value, encoding: &str, _errors: &str) -> PyResult<Value> {
    let bytes = vm.byte_view(object)?;
    match encoding {
        "utf-8" => match krait_unicode::TextBuf::from_bytes(&bytes) {
            Some(text) => Ok(vm.new_str_text(&text)?.into_value()),
            None => Err(vm.value_error("invalid utf-8")),
        },
        _ => Err(vm.not_implemented_error(format!("the codec {encoding}"))),
    }
}

/// `str.encode(encoding, errors)`.
pub fn encode(vm: &mut Vm, object: &Value, encoding: &str, _errors: &str) -> PyResult<Value> {
    let Some(s) = object.downcast::<Str>() else { return Err(vm.type_error("encode() argument 1 must be str")) };
    match encoding {
        "utf-8" => {
            let text = s.to_utf8(vm)?;
            let made: Py<Bytes> = vm.new_bytes(text.as_bytes())?;
            Ok(made.into_value())
        }
        _ => Err(vm.not_implemented_error(format!("the codec {encoding}"))),
    }
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
