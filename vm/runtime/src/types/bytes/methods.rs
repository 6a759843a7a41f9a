//! `bytes`: construction and slots. The methods that `bytearray` has too stand in `shared`.

use super::shared::{byte_methods, compare, repeated};
use super::{BYTES_BUFFER, ByteView, Bytes, ops};
use crate::protocol::buffer::{self, Buffer};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::slice::Slice;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::str_::methods::{search_range, text_arg};
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm, pymethods};

byte_methods!(Bytes, SHARED);

impl Bytes {
    fn view(zelf: &Py<Bytes>, _: &Vm) -> ByteView {
        ByteView::Object(zelf.clone())
    }

    fn make(vm: &mut Vm, bytes: &[u8]) -> PyResult<Py<Bytes>> {
        vm.new_bytes(bytes)
    }

    fn whole(zelf: &Py<Bytes>, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        if zelf.is_exact() { Ok(zelf.clone()) } else { vm.new_bytes(zelf.as_bytes()) }
    }

    /// Bytes never change.
    fn hold(_: &Py<Bytes>, _: bool) {}

    fn same_exact(item: &Value) -> Option<Py<Bytes>> {
        item.downcast_exact::<Bytes>().cloned()
    }

    fn separator(sep: &Value, vm: &mut Vm, bytes: &[u8]) -> PyResult {
        if sep.is::<Bytes>() { Ok(sep.clone()) } else { Ok(vm.new_bytes(bytes)?.into_value()) }
    }
}

/// What `bytes(source, encoding, errors)` and `bytearray(...)` get: bytes, or a count of null bytes.
pub(crate) enum Contents {
    Bytes(ByteView),
    Zeros(usize),
    /// An object whose type is exactly the wanted one, from `__bytes__`.
    Ready(Value),
    /// An iterable of ints.
    Numbers(Value),
}

/// Evaluates the constructor's arguments. `name` is the type's.
pub(crate) fn contents(vm: &mut Vm, args: Args<'_>, name: &'static str) -> PyResult<Contents> {
    let [source, encoding, errors] = bind(vm, args, name)?;
    let encoded = encoding.is_some() || errors.is_some();
    let Some(source) = source else {
        if encoded {
            let which = if encoding.is_some() { "encoding" } else { "errors" };
            return Err(vm.type_error(format!("{which} without a string argument")));
        }
        return Ok(Contents::Zeros(0));
    };
    if let Some(s) = source.downcast::<Str>() {
        if encoding.is_none() {
            if name == "bytes" && !encoded && !s.is_exact()
                && let Some(result) = vm.call_special(&source, n!(__bytes__), &[])? {
                    return bytes_result(vm, result);
                }
            return Err(vm.type_error("string argument without an encoding"));
        }
        let encoding = text_arg(vm, encoding.as_ref(), name, "encoding", "utf-8")?;
        let errors = text_arg(vm, errors.as_ref(), name, "errors", "strict")?;
        let made = vm.encode_to_bytes(s, &encoding, &errors)?;
        return vm.byte_view(&made).map(Contents::Bytes);
    }
    if encoded {
        let which = if encoding.is_some() { "encoding" } else { "errors" };
        text_arg(vm, encoding.as_ref(), name, "encoding", "")?;
        return Err(vm.type_error(format!("{which} without a string argument")));
    }
    plain_contents(vm, &source, name)
}

/// What `__bytes__` gave.
fn bytes_result(vm: &mut Vm, result: Value) -> PyResult<Contents> {
    if result.is::<Bytes>() {
        return Ok(Contents::Ready(result));
    }
    let got = result.type_name();
    Err(vm.type_error(format!("__bytes__ returned non-bytes (type {got})")))
}

fn plain_contents(vm: &mut Vm, source: &Value, name: &str) -> PyResult<Contents> {
    if name == "bytes" {
        if let Some(exact) = source.downcast_exact::<Bytes>() {
            return Ok(Contents::Bytes(ByteView::Object(exact.clone())));
        }
        if let Some(result) = vm.call_special(source, n!(__bytes__), &[])? {
            return bytes_result(vm, result);
        }
    }
    if IntRef::new(source).is_some() || source.type_ref().slots.nb_index.get().is_some() {
        let counted = vm.as_count(source);
        match counted {
            Ok(n) => {
                return match usize::try_from(n) {
                    Ok(n) => Ok(Contents::Zeros(n)),
                    Err(_) => Err(vm.value_error("negative count")),
                };
            }
            Err(e) if vm.is_raised::<crate::types::exceptions::TypeError>(&e) => {}
            Err(e) => return Err(e),
        }
    }
    if vm.is_bytes_like(source) {
        return vm.byte_view(source).map(Contents::Bytes);
    }
    let message = format!("cannot convert '%T' object to {name}");
    ops::check_iterable(vm, source, &message)?;
    Ok(Contents::Numbers(source.clone()))
}

fn bind(vm: &mut Vm, args: Args<'_>, name: &'static str) -> PyResult<[Option<Value>; 3]> {
    use crate::args::{ArgSpec, Param};
    const PARAMS: &[Param] =
        &[Param { name: "source", required: false }, Param { name: "encoding", required: false }, Param { name: "errors", required: false }];
    static BYTES: ArgSpec = ArgSpec { name: "bytes", params: PARAMS, required: 0, positional: 3, posonly: 0, raw: false };
    static ARRAY: ArgSpec = ArgSpec { name: "bytearray", params: PARAMS, required: 0, positional: 3, posonly: 0, raw: false };
    let spec = if name == "bytes" { &BYTES } else { &ARRAY };
    let mut bound = [None; 3];
    spec.bind(vm, args, &mut bound)?;
    Ok(bound.map(|b| b.cloned()))
}

#[pymethods(parts(SHARED))]
impl Bytes {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let exact = cls.is(Bytes::type_object(vm));
        let made = match contents(vm, args, "bytes")? {
            Contents::Zeros(n) => vm.new_bytes_zeroed(n)?,
            Contents::Ready(value) if exact => return Ok(value),
            Contents::Numbers(source) => {
                let bytes = ops::from_iterable(vm, &source, "cannot convert '%T' object to bytes", "bytes must be in range(0, 256)")?;
                return Ok(vm.new_bytes_of(cls, &bytes)?.into_value());
            }
            Contents::Ready(value) => {
                let view = vm.byte_view(&value)?;
                return Ok(vm.new_bytes_of(cls, &view)?.into_value());
            }
            Contents::Bytes(ByteView::Object(b)) if exact && b.is_exact() => return Ok(b.into_value()),
            Contents::Bytes(view) if exact => return Ok(vm.new_bytes(&view)?.into_value()),
            Contents::Bytes(view) => return Ok(vm.new_bytes_of(cls, &view)?.into_value()),
        };
        if exact { Ok(made.into_value()) } else { Ok(vm.new_bytes_of(cls, made.as_bytes())?.into_value()) }
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        Ok(self.hash_value(vm))
    }

    #[slot(len)]
    fn slot_len(&self) -> PyResult<usize> {
        Ok(self.len())
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        let mut out = String::new();
        ops::repr(vm, self.as_bytes(), false, &mut out)?;
        Ok(out)
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<String> {
        crate::types::bytes::warn_bytes(vm, "str() on a bytes instance")?;
        let mut out = String::new();
        ops::repr(vm, self.as_bytes(), false, &mut out)?;
        Ok(out)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Bytes>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        match other.downcast::<Bytes>() {
            Some(other) => Ok(Value::from_bool(op.matches(zelf.as_bytes().cmp(other.as_bytes())))),
            None if matches!(op, CompareOp::Eq | CompareOp::Ne) && (other.is::<Str>() || IntRef::new(other).is_some()) => {
                let what = if other.is::<Str>() { "Comparison between bytes and string" } else { "Comparison between bytes and int" };
                crate::types::bytes::warn_bytes(vm, what)?;
                Ok(Value::not_implemented())
            }
            None if other.is::<crate::types::bytearray::ByteArray>() => compare(vm, &ByteView::Object(zelf.clone()), other, op),
            None => Ok(Value::not_implemented()),
        }
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Bytes>, vm: &mut Vm) -> PyResult {
        super::iter::new_iter(vm, zelf)
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        match usize::try_from(index).ok().and_then(|i| self.as_bytes().get(i).copied()) {
            Some(b) => Ok(Value::from_i32(i32::from(b))),
            None => Err(vm.index_error("index out of range")),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<Bytes>, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(slice) = key.downcast::<Slice>() {
            let range = slice.resolve(vm, |_| zelf.len())?;
            if range.step == 1 && range.count == zelf.len() && zelf.is_exact() {
                return Ok(zelf.to_value());
            }
            let bytes = zelf.as_bytes();
            if range.step == 1 {
                let start = range.start.max(0) as usize;
                return Ok(vm.new_bytes(bytes.get(start..start + range.count).unwrap_or_default())?.into_value());
            }
            let picked = vm.picked(&range, bytes)?;
            return Ok(vm.new_bytes(&picked)?.into_value());
        }
        if IntRef::new(key).is_none() && key.type_ref().slots.nb_index.get().is_none() {
            let name = key.type_name();
            return Err(vm.type_error(format!("byte indices must be integers or slices, not {name}")));
        }
        let index = vm.as_isize(key)?;
        let at = if index < 0 { index.saturating_add_unsigned(zelf.len()) } else { index };
        Bytes::slot_item(zelf, at, vm)
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        if let Some(byte) = ops::byte_of_index(vm, item)? {
            return Ok(memchr::memchr(byte, self.as_bytes()).is_some());
        }
        let sub = vm.byte_view(item)?;
        Ok(crate::types::str_::search::find_bytes(self.as_bytes(), &sub).is_some())
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<Bytes>, other: &Value, vm: &mut Vm) -> PyResult {
        if !vm.is_bytes_like(other) {
            let name = other.type_name();
            let own = zelf.as_value().type_name();
            return Err(vm.type_error(format!("can't concat {name} to {own}")));
        }
        let other_view = vm.byte_view(other)?;
        if zelf.is_empty() && other.is_exact::<Bytes>() {
            return Ok(other.clone());
        }
        if other_view.is_empty() && zelf.is_exact() {
            return Ok(zelf.to_value());
        }
        Ok(vm.new_bytes(&[zelf.as_bytes(), &other_view].concat())?.into_value())
    }

    #[slot(repeat)]
    fn slot_repeat(zelf: &Py<Bytes>, count: isize, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        if count == 1 && zelf.is_exact() {
            return Ok(zelf.clone());
        }
        if count > 0 && zelf.len().checked_mul(count as usize).is_none_or(|n| n > isize::MAX as usize) {
            return Err(vm.overflow_error("repeated bytes are too long"));
        }
        let out = repeated(vm, zelf.as_bytes(), count)?;
        vm.new_bytes(&out)
    }

    #[slot(rem)]
    fn slot_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(format) = a.downcast::<Bytes>() else { return Ok(Value::not_implemented()) };
        let out = crate::types::str_::percent::format_bytes(vm, format.as_bytes(), b)?;
        Ok(vm.new_bytes(&out)?.into_value())
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<Bytes>, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        vm.check_buffer_request(flags)?;
        if flags & buffer::flags::WRITABLE != 0 {
            return Err(vm.buffer_error("Object is not writable."));
        }
        Ok(Buffer::simple(zelf.to_value(), &BYTES_BUFFER, true, zelf.len()))
    }

    /// The object as exact bytes.
    #[method(name = "__bytes__")]
    fn dunder_bytes(zelf: &Py<Bytes>, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        Bytes::whole(zelf, vm)
    }

    /// For pickling.
    #[method(name = "__getnewargs__")]
    fn getnewargs(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let copy = vm.new_bytes(self.as_bytes())?.into_value();
        vm.new_tuple([copy])
    }

    /// Bytes of memory that the object takes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        33 + self.len()
    }
}
