//! `_md5`, `_sha1`, `_sha2`, `_sha3`, `_blake2` and `_hmac`: what `hashlib` and `hmac` need when there is no OpenSSL.
//!
//! The algorithms come from RustCrypto's crates and, for BLAKE2 with its tree parameters, from `blake2b_simd` and `blake2s_simd`.
//! Here are the objects around them.

pub mod blake2;
pub mod digests;
mod engine;
pub mod hmac;

use krait_runtime::protocol::buffer::flags;
use krait_runtime::types::bytes::{ByteView, Bytes};
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm};

/// Data from which on CPython gives up the GIL.
pub const GIL_MINSIZE: i32 = 2048;

/// The bytes to be hashed.
pub fn data(vm: &mut Vm, object: &Value) -> PyResult<ByteView> {
    if object.is::<Bytes>() {
        return vm.byte_view(object);
    }
    if object.is::<Str>() {
        return Err(vm.type_error("Strings must be encoded before hashing"));
    }
    if !vm.is_bytes_like(object) {
        return Err(vm.type_error("object supporting the buffer API required"));
    }
    let buffer = vm.buffer(object, flags::SIMPLE)?;
    let (dimensions, bytes) = (buffer.shape.len(), buffer.to_vec(vm));
    buffer.release(vm);
    if dimensions > 1 {
        return Err(vm.buffer_error("Buffer must be single dimension"));
    }
    Ok(ByteView::Owned(bytes))
}

/// The data of a constructor, which may be given under two names.
pub fn initial(vm: &mut Vm, data: Option<Value>, string: Option<Value>) -> PyResult<Option<ByteView>> {
    let string = string.filter(|s| !s.is_none());
    let object = match (data, string) {
        (Some(_), Some(_)) => {
            return Err(vm.type_error("'data' and 'string' are mutually exclusive and support for 'string' keyword parameter is slated for removal in a future version."));
        }
        (Some(object), None) | (None, Some(object)) => object,
        (None, None) => return Ok(None),
    };
    self::data(vm, &object).map(Some)
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).map(|d| char::from_digit(u32::from(d), 16).unwrap_or('0')).collect()
}
