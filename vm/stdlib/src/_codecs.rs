//! `_codecs`: the registry of codecs and the native codecs as functions.

use krait_runtime::codecs::utf::Order;
use krait_runtime::codecs::{Decoding, Encoding, Handler, escape, registry, single, utf, utf7};
use krait_runtime::types::bytes::{ByteView, Bytes};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{Py, PyResult, Value, Vm, module, pyfunction};

/// Register a function that is asked for codecs by name.
#[pyfunction]
fn register(search_function: &Value, vm: &mut Vm) -> PyResult<()> {
    registry::register(vm, search_function)
}

/// Take a search function out of the registry and forget the codecs found.
#[pyfunction]
fn unregister(search_function: &Value, vm: &mut Vm) {
    registry::unregister(vm, search_function);
}

/// The codec of an encoding: a tuple of encoder, decoder, stream reader and stream writer.
#[pyfunction]
fn lookup(encoding: String, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    registry::lookup(vm, &encoding)
}

/// Encode an object with the codec of an encoding.
#[pyfunction(sig = "(obj, encoding='utf-8', errors='strict')")]
fn encode(obj: &Value, encoding: String, errors: String, vm: &mut Vm) -> PyResult {
    let codec = registry::lookup(vm, &encoding)?;
    registry::call_codec(vm, &codec, 0, obj, &encoding, Some(&errors))
}

/// Decode an object with the codec of an encoding.
#[pyfunction(sig = "(obj, encoding='utf-8', errors='strict')")]
fn decode(obj: &Value, encoding: String, errors: String, vm: &mut Vm) -> PyResult {
    let codec = registry::lookup(vm, &encoding)?;
    registry::call_codec(vm, &codec, 1, obj, &encoding, Some(&errors))
}

/// Register an error handler under a name.
#[pyfunction]
fn register_error(errors: String, handler: &Value, vm: &mut Vm) -> PyResult<()> {
    registry::register_error(vm, &errors, handler)
}

/// Take an error handler out of the registry.
#[pyfunction]
fn _unregister_error(errors: String, vm: &mut Vm) -> PyResult<bool> {
    registry::unregister_error(vm, &errors)
}

/// The error handler of a name.
#[pyfunction]
fn lookup_error(name: String, vm: &mut Vm) -> PyResult {
    registry::lookup_error(vm, &name)
}

fn handler(errors: Option<String>) -> Handler {
    Handler::new(errors.as_deref().unwrap_or("strict"))
}

fn pair(vm: &mut Vm, value: Value, used: usize) -> PyResult<Py<Tuple>> {
    let used = vm.new_int(used)?;
    vm.new_tuple([value, used])
}

fn encoded(vm: &mut Vm, bytes: &[u8], used: usize) -> PyResult<Py<Tuple>> {
    let bytes = vm.new_bytes(bytes)?.into_value();
    pair(vm, bytes, used)
}

fn decoded(vm: &mut Vm, d: Decoding, used: usize) -> PyResult<Py<Tuple>> {
    let text = d.out.finish(vm)?.into_value();
    pair(vm, text, used)
}

fn decoding(vm: &mut Vm, data: &Value, encoding: &str, errors: Option<String>) -> PyResult<Decoding> {
    let input = vm.byte_view(data)?;
    Ok(Decoding::new(encoding, handler(errors), input))
}

/// A bytes-like object, or ASCII text.
fn escaped_input(vm: &mut Vm, data: &Value, encoding: &str, errors: Option<String>) -> PyResult<Decoding> {
    let input = match data.downcast::<Str>() {
        Some(s) => ByteView::Owned(s.to_utf8(vm)?.into_bytes()),
        None => vm.byte_view(data)?,
    };
    Ok(Decoding::new(encoding, handler(errors), input))
}

macro_rules! encoders {
    ($($(#[$doc:meta])* $name:ident: $how:expr;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(str, errors=None, /)")]
        fn $name(text: &Py<Str>, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
            let how: fn(&mut Vm, &Py<Str>, Handler) -> PyResult<Vec<u8>> = $how;
            let bytes = how(vm, text, handler(errors))?;
            encoded(vm, &bytes, text.len())
        }
    )*};
}

encoders! {
    /// Encode as UTF-8.
    utf_8_encode: |vm, s, h| utf::encode_utf8(vm, &mut Encoding::new("utf-8", h, s));
    /// Encode as UTF-7.
    utf_7_encode: |vm, s, _| utf7::encode(vm, s);
    /// Encode as UTF-16, little end first.
    utf_16_le_encode: |vm, s, h| utf::encode_wide(vm, &mut Encoding::new("utf-16-le", h, s), 2, Order::Little);
    /// Encode as UTF-16, big end first.
    utf_16_be_encode: |vm, s, h| utf::encode_wide(vm, &mut Encoding::new("utf-16-be", h, s), 2, Order::Big);
    /// Encode as UTF-32, little end first.
    utf_32_le_encode: |vm, s, h| utf::encode_wide(vm, &mut Encoding::new("utf-32-le", h, s), 4, Order::Little);
    /// Encode as UTF-32, big end first.
    utf_32_be_encode: |vm, s, h| utf::encode_wide(vm, &mut Encoding::new("utf-32-be", h, s), 4, Order::Big);
    /// Encode with the escapes of string literals.
    unicode_escape_encode: |vm, s, _| escape::encode_unicode(vm, s);
    /// Encode with the escapes of raw string literals.
    raw_unicode_escape_encode: |vm, s, _| escape::encode_raw(vm, s);
    /// Encode as Latin-1.
    latin_1_encode: |vm, s, h| single::encode_below(vm, &mut Encoding::new("latin-1", h, s), 256);
    /// Encode as ASCII.
    ascii_encode: |vm, s, h| single::encode_below(vm, &mut Encoding::new("ascii", h, s), 128);
}

fn wide_name(width: usize, byteorder: i32) -> &'static str {
    match (width, byteorder) {
        (2, 0) => "utf-16",
        (2, 1..) => "utf-16-be",
        (2, _) => "utf-16-le",
        (_, 0) => "utf-32",
        (_, 1..) => "utf-32-be",
        (_, _) => "utf-32-le",
    }
}

/// Encode as UTF-16 in the given byte order; 0 is the machine's, with a mark.
#[pyfunction(sig = "(str, errors=None, byteorder=0, /)")]
fn utf_16_encode(text: &Py<Str>, errors: Option<String>, byteorder: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut e = Encoding::new(wide_name(2, byteorder), handler(errors), text);
    let bytes = utf::encode_wide(vm, &mut e, 2, Order::from_int(byteorder))?;
    encoded(vm, &bytes, text.len())
}

/// Encode as UTF-32 in the given byte order; 0 is the machine's, with a mark.
#[pyfunction(sig = "(str, errors=None, byteorder=0, /)")]
fn utf_32_encode(text: &Py<Str>, errors: Option<String>, byteorder: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut e = Encoding::new(wide_name(4, byteorder), handler(errors), text);
    let bytes = utf::encode_wide(vm, &mut e, 4, Order::from_int(byteorder))?;
    encoded(vm, &bytes, text.len())
}

/// Decode UTF-8.
#[pyfunction(sig = "(data, errors=None, final=False, /)")]
fn utf_8_decode(data: &Value, errors: Option<String>, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "utf-8", errors)?;
    let whole = d.input.len();
    let used = utf::decode_utf8(vm, &mut d, is_final)?;
    let used = if is_final { whole } else { used };
    decoded(vm, d, used)
}

/// Decode UTF-7.
#[pyfunction(sig = "(data, errors=None, final=False, /)")]
fn utf_7_decode(data: &Value, errors: Option<String>, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "utf7", errors)?;
    let whole = d.input.len();
    let used = utf7::decode(vm, &mut d, is_final)?;
    let used = if is_final { whole } else { used };
    decoded(vm, d, used)
}

macro_rules! wide_decoders {
    ($($(#[$doc:meta])* $name:ident $encoding:tt $how:ident $order:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(data, errors=None, final=False, /)")]
        fn $name(data: &Value, errors: Option<String>, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
            let mut d = decoding(vm, data, $encoding, errors)?;
            let whole = d.input.len();
    let (used, _) = utf::$how(vm, &mut d, Order::$order, is_final)?;
    let used = if is_final { whole } else { used };
            decoded(vm, d, used)
        }
    )*};
}

wide_decoders! {
    /// Decode UTF-16 with a byte order mark.
    utf_16_decode "utf-16" decode_utf16 Native;
    /// Decode UTF-16, little end first.
    utf_16_le_decode "utf-16-le" decode_utf16 Little;
    /// Decode UTF-16, big end first.
    utf_16_be_decode "utf-16-be" decode_utf16 Big;
    /// Decode UTF-32 with a byte order mark.
    utf_32_decode "utf-32" decode_utf32 Native;
    /// Decode UTF-32, little end first.
    utf_32_le_decode "utf-32-le" decode_utf32 Little;
    /// Decode UTF-32, big end first.
    utf_32_be_decode "utf-32-be" decode_utf32 Big;
}

fn with_order(vm: &mut Vm, d: Decoding, used: usize, order: Order) -> PyResult<Py<Tuple>> {
    let text = d.out.finish(vm)?.into_value();
    let used = vm.new_int(used)?;
    vm.new_tuple([text, used, Value::from_i32(match order {
        Order::Little => -1,
        Order::Native => 0,
        Order::Big => 1,
    })])
}

/// Decode UTF-16; also gives the byte order found.
#[pyfunction(sig = "(data, errors=None, byteorder=0, final=False, /)")]
fn utf_16_ex_decode(data: &Value, errors: Option<String>, byteorder: i32, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "utf-16", errors)?;
    let whole = d.input.len();
    let (used, order) = utf::decode_utf16(vm, &mut d, Order::from_int(byteorder), is_final)?;
    let used = if is_final { whole } else { used };
    with_order(vm, d, used, order)
}

/// Decode UTF-32; also gives the byte order found.
#[pyfunction(sig = "(data, errors=None, byteorder=0, final=False, /)")]
fn utf_32_ex_decode(data: &Value, errors: Option<String>, byteorder: i32, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "utf-32", errors)?;
    let whole = d.input.len();
    let (used, order) = utf::decode_utf32(vm, &mut d, Order::from_int(byteorder), is_final)?;
    let used = if is_final { whole } else { used };
    with_order(vm, d, used, order)
}

/// Decode the escapes of string literals.
#[pyfunction(sig = "(data, errors=None, final=True, /)")]
fn unicode_escape_decode(data: &Value, errors: Option<String>, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = escaped_input(vm, data, "unicodeescape", errors)?;
    let whole = d.input.len();
    let used = escape::decode_unicode(vm, &mut d, is_final)?;
    let used = if is_final { whole } else { used };
    decoded(vm, d, used)
}

/// Decode the escapes of raw string literals.
#[pyfunction(sig = "(data, errors=None, final=True, /)")]
fn raw_unicode_escape_decode(data: &Value, errors: Option<String>, is_final: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = escaped_input(vm, data, "rawunicodeescape", errors)?;
    let whole = d.input.len();
    let used = escape::decode_raw(vm, &mut d, is_final)?;
    let used = if is_final { whole } else { used };
    decoded(vm, d, used)
}

/// Decode Latin-1.
#[pyfunction(sig = "(data, errors=None, /)")]
fn latin_1_decode(data: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "latin-1", errors)?;
    let used = single::decode_latin1(&mut d);
    decoded(vm, d, used)
}

/// Decode ASCII.
#[pyfunction(sig = "(data, errors=None, /)")]
fn ascii_decode(data: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "ascii", errors)?;
    let used = d.input.len();
    single::decode_ascii(vm, &mut d)?;
    decoded(vm, d, used)
}

/// Decode by a mapping of bytes.
#[pyfunction(sig = "(data, errors=None, mapping=None, /)")]
fn charmap_decode(data: &Value, errors: Option<String>, mapping: Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let mut d = decoding(vm, data, "charmap", errors)?;
    let used = if mapping.is_none() { single::decode_latin1(&mut d) } else { single::decode_charmap(vm, &mut d, &mapping)? };
    decoded(vm, d, used)
}

/// Encode by a mapping of characters.
#[pyfunction(sig = "(str, errors=None, mapping=None, /)")]
fn charmap_encode(text: &Py<Str>, errors: Option<String>, mapping: Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let bytes = if mapping.is_none() {
        single::encode_below(vm, &mut Encoding::new("latin-1", handler(errors), text), 256)?
    } else {
        single::encode_charmap(vm, &mut Encoding::new("charmap", handler(errors), text), &mapping)?
    };
    encoded(vm, &bytes, text.len())
}

/// The mapping for encoding that belongs to a string for decoding.
#[pyfunction]
fn charmap_build(map: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Dict>> {
    single::build_charmap(vm, map)
}

/// The bytes of a bytes-like object, or the UTF-8 of a string.
#[pyfunction(sig = "(data, errors=None, /)")]
fn readbuffer_encode(data: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let _ = errors;
    let bytes = match data.downcast::<Str>() {
        Some(s) => s.to_utf8(vm)?.into_bytes(),
        None => vm.bytes_of(data)?,
    };
    encoded(vm, &bytes, bytes.len())
}

/// Encode bytes with the escapes of bytes literals.
#[pyfunction(sig = "(data, errors=None, /)")]
fn escape_encode(data: &Py<Bytes>, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let _ = errors;
    let out = escape::encode_bytes(vm, data.as_bytes())?;
    encoded(vm, &out, data.len())
}

/// Decode the escapes of bytes literals.
#[pyfunction(sig = "(data, errors=None, /)")]
fn escape_decode(data: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let d = escaped_input(vm, data, "escape", None)?;
    let out = escape::decode_bytes(vm, &d.input, errors.as_deref().unwrap_or("strict"))?;
    let used = d.input.len();
    encoded(vm, &out, used)
}

module! {
    "_codecs",
    doc: "The registry of codecs and the native codecs.",
    functions: [
        register, unregister, lookup, encode, decode, escape_encode, escape_decode, utf_8_encode, utf_8_decode, utf_7_encode,
        utf_7_decode, utf_16_encode, utf_16_le_encode, utf_16_be_encode, utf_16_decode, utf_16_le_decode, utf_16_be_decode,
        utf_16_ex_decode, utf_32_encode, utf_32_le_encode, utf_32_be_encode, utf_32_decode, utf_32_le_decode, utf_32_be_decode,
        utf_32_ex_decode, unicode_escape_encode, unicode_escape_decode, raw_unicode_escape_encode, raw_unicode_escape_decode,
        latin_1_encode, latin_1_decode, ascii_encode, ascii_decode, charmap_encode, charmap_decode, charmap_build,
        readbuffer_encode, register_error, _unregister_error, lookup_error,
    ],
    types: [],
}
