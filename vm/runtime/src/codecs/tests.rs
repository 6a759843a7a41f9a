//! Properties of the codecs: any bytes decode or raise, the native ones agree with Rust's own, and what an encoder
//! writes a decoder reads.

use super::utf::Order;
use super::{Decoding, Handler, escape, utf, utf7};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use proptest::collection::vec;
use proptest::prelude::*;

const ENCODINGS: &[&str] = &["utf-8", "utf-16", "utf-32", "latin-1", "ascii"];
const HANDLERS: &[&str] = &["strict", "ignore", "replace", "backslashreplace", "surrogateescape", "surrogatepass"];

fn decoded(vm: &mut Vm, data: &[u8], encoding: &str, errors: &str) -> PyResult {
    let data = vm.new_bytes(data)?.into_value();
    super::decode(vm, &data, encoding, errors)
}

fn encoded(vm: &mut Vm, text: &Value, encoding: &str, errors: &str) -> PyResult<Vec<u8>> {
    let bytes = super::encode(vm, text, encoding, errors)?;
    vm.bytes_of(&bytes)
}

fn text(value: &Value) -> String {
    value.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Runs one of the decoders that have no name among the native ones.
fn direct(vm: &mut Vm, data: &[u8], which: usize, errors: &str, is_final: bool) -> PyResult<(usize, Py<Str>)> {
    let data = vm.new_bytes(data)?.into_value();
    let mut d = Decoding::new("any", Handler::new(errors), vm.byte_view(&data)?);
    let used = match which {
        0 => utf::decode_utf8(vm, &mut d, is_final)?,
        1 => utf::decode_utf16(vm, &mut d, Order::Little, is_final)?.0,
        2 => utf::decode_utf32(vm, &mut d, Order::Big, is_final)?.0,
        3 => utf7::decode(vm, &mut d, is_final)?,
        4 => escape::decode_unicode(vm, &mut d, is_final)?,
        _ => escape::decode_raw(vm, &mut d, is_final)?,
    };
    Ok((used, d.out.finish(vm)?))
}

/// Bytes that are nearly UTF-8, or anything.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        any::<char>().prop_map(|c| c.to_string().into_bytes()),
        vec(any::<u8>(), 1..3),
        prop::sample::select(vec![&b"\xed\xa0\x80"[..], b"\xf4\x90\x80\x80", b"\xc0\x80", b"\xe2\x82", b"\xff\xfe", b"+AGE-", b"+//", b"\\u12", b"\\N{", b"\\x4"]).prop_map(<[u8]>::to_vec),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes_decode_or_raise(data in bytes(), encoding in prop::sample::select(ENCODINGS), errors in prop::sample::select(HANDLERS)) {
        let mut vm = crate::testing::vm();
        if let Ok(text) = decoded(&mut vm, &data, encoding, errors) {
            prop_assert!(text.is::<Str>());
        }
    }

    #[test]
    fn utf8_is_what_rust_says(data in bytes()) {
        let mut vm = crate::testing::vm();
        let strict = decoded(&mut vm, &data, "utf-8", "strict").ok();
        prop_assert_eq!(strict.map(|v| text(&v)), String::from_utf8(data.clone()).ok());
        let replaced = decoded(&mut vm, &data, "utf-8", "replace").ok();
        prop_assert_eq!(replaced.map(|v| text(&v)), Some(String::from_utf8_lossy(&data).into_owned()));
    }

    #[test]
    fn escaped_bytes_come_back(data in bytes(), encoding in prop::sample::select(&["utf-8", "ascii", "latin-1"])) {
        let mut vm = crate::testing::vm();
        let text = decoded(&mut vm, &data, encoding, "surrogateescape").ok();
        let back = text.and_then(|text| encoded(&mut vm, &text, encoding, "surrogateescape").ok());
        prop_assert_eq!(back, Some(data));
    }

    #[test]
    fn text_comes_back(source in any::<String>(), encoding in prop::sample::select(&["utf-8", "utf-16", "utf-32"])) {
        let mut vm = crate::testing::vm();
        let value = vm.new_str(&source).ok().map(Py::into_value);
        let data = value.and_then(|value| encoded(&mut vm, &value, encoding, "strict").ok());
        let back = data.and_then(|data| decoded(&mut vm, &data, encoding, "strict").ok());
        prop_assert_eq!(back.map(|v| text(&v)), Some(source));
    }

    #[test]
    fn parts_are_the_whole(data in bytes(), at in any::<prop::sample::Index>(), which in 0..6_usize) {
        let mut vm = crate::testing::vm();
        let at = at.index(data.len() + 1);
        let whole = direct(&mut vm, &data, which, "strict", true).ok().map(|(used, text)| (used, text.to_string_lossy().into_owned()));
        if let Some((used, text)) = whole {
            prop_assert_eq!(used, data.len());
            // What a part leaves is decoded with the rest.
            let first = direct(&mut vm, &data[..at], which, "strict", false).ok();
            prop_assert!(first.is_some());
            if let Some((used, first)) = first {
                prop_assert!(used <= at);
                let rest = direct(&mut vm, &data[used..], which, "strict", true).ok().map(|(_, text)| text);
                prop_assert_eq!(Some(text), rest.map(|rest| first.to_string_lossy().into_owned() + &rest.to_string_lossy()));
            }
        }
    }

    #[test]
    fn escapes_of_any_bytes(data in bytes(), which in 3..6_usize, errors in prop::sample::select(HANDLERS), is_final in any::<bool>()) {
        let mut vm = crate::testing::vm();
        if let Ok((used, _)) = direct(&mut vm, &data, which, errors, is_final) {
            prop_assert!(used <= data.len());
        }
    }
}
