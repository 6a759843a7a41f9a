//! `UnicodeEncodeError`, `UnicodeDecodeError`, `UnicodeTranslateError`.

use super::{BaseException, UnicodeError};
use crate::args::Args;
use crate::types::bytes::Bytes;
use crate::types::int::{Int, IntRef};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

macro_rules! unicode_error {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[pyclass(base = UnicodeError, flags(BASETYPE))]
        #[repr(C)]
        pub struct $name {
            pub base: UnicodeError,
            pub encoding: GilCell<Option<Value>>,
            pub object: GilCell<Option<Value>>,
            pub start: Cell<isize>,
            pub end: Cell<isize>,
            pub reason: GilCell<Option<Value>>,
        }

        impl From<BaseException> for $name {
            fn from(base: BaseException) -> $name {
                let none = || GilCell::new(None);
                $name { base: base.into(), encoding: none(), object: none(), start: Cell::new(0), end: Cell::new(0), reason: none() }
            }
        }

        impl $name {
            fn set_fields(&self, vm: &mut Vm, encoding: Option<&Value>, object: &Value, start: isize, end: isize, reason: &Value) {
                let old = (
                    self.encoding.replace(vm, encoding.cloned()),
                    self.object.replace(vm, Some(object.clone())),
                    self.reason.replace(vm, Some(reason.clone())),
                );
                drop(old);
                self.start.set(start);
                self.end.set(end);
            }

            /// Start and end within the object.
            pub fn range(&self, len: usize) -> (usize, usize) {
                let len = len as isize;
                let start = self.start.get().clamp(0, (len - 1).max(0));
                let end = self.end.get().clamp(len.min(1), len.max(start));
                (start as usize, end as usize)
            }
        }
    };
}

unicode_error! {
    /// Characters that the encoding does not have.
    UnicodeEncodeError
}
unicode_error! {
    /// Bytes that mean nothing in the encoding.
    UnicodeDecodeError
}
unicode_error! {
    /// Characters that cannot be translated.
    UnicodeTranslateError
}

macro_rules! positions {
    ($ty:ident) => {
        #[pymethods(part = POSITIONS)]
        impl $ty {
            #[getter(member)]
            fn start(&self) -> isize {
                self.start.get()
            }

            #[setter]
            fn set_start(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                let n = position(vm, value)?;
                self.start.set(n);
                Ok(())
            }

            #[getter(member)]
            fn end(&self) -> isize {
                self.end.get()
            }

            #[setter]
            fn set_end(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                let n = position(vm, value)?;
                self.end.set(n);
                Ok(())
            }
        }
    };
}

fn position(vm: &mut Vm, value: Option<&Value>) -> PyResult<isize> {
    match value {
        Some(value) if value.is::<Int>() => ssize(vm, value),
        Some(_) => Err(vm.type_error("an integer is required")),
        None => Err(vm.type_error("can't delete numeric/char attribute")),
    }
}

/// CPython's argument format `n`.
fn ssize(vm: &mut Vm, value: &Value) -> PyResult<isize> {
    let index = vm.index(value)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()) {
        Some(i) => Ok(i as isize),
        None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
    }
}

positions!(UnicodeEncodeError);
positions!(UnicodeDecodeError);
positions!(UnicodeTranslateError);

members!(UnicodeEncodeError: encoding "the encoding", object "what was to be encoded", reason "what is wrong");
members!(UnicodeDecodeError: encoding "the encoding", object "what was to be decoded", reason "what is wrong");
members!(UnicodeTranslateError: encoding "the encoding", object "what was to be translated", reason "what is wrong");

/// Sets the arguments; the number of them must be right.
fn init_args(vm: &mut Vm, zelf: &BaseException, args: Args<'_>, class: &str, n: usize) -> PyResult<()> {
    args.no_keywords(vm, class)?;
    let given = args.positional();
    let tuple = vm.new_tuple_from(given)?;
    let old = zelf.args.replace(vm, Some(tuple));
    drop(old);
    if given.len() == n {
        return Ok(());
    }
    let got = given.len();
    Err(vm.type_error(format!("function takes exactly {n} arguments ({got} given)")))
}

fn expect_str(vm: &mut Vm, value: &Value, n: usize) -> PyResult<()> {
    if value.is::<Str>() {
        return Ok(());
    }
    let got = if value.is_none() { "None".to_owned() } else { value.type_name() };
    Err(vm.type_error(format!("argument {n} must be str, not {got}")))
}

/// A character as messages show it.
fn escape(c: u32) -> String {
    match c {
        0..0x100 => format!("\\x{c:02x}"),
        0x100..0x10000 => format!("\\u{c:04x}"),
        _ => format!("\\U{c:08x}"),
    }
}

fn text(vm: &mut Vm, value: Option<Value>) -> PyResult<String> {
    match value {
        Some(value) => Ok(vm.str(&value)?.to_string_lossy().into_owned()),
        None => Ok("<NULL>".to_owned()),
    }
}

/// The only position between `start` and `end`, if it is within `len`.
fn single(start: isize, end: isize, len: usize) -> Option<usize> {
    let at = usize::try_from(start).ok()?;
    (at < len && start.checked_add(1) == Some(end)).then_some(at)
}

/// `str()` of the other attributes may have taken the object away.
fn object_error(vm: &mut Vm, expected: Option<&str>) -> Raised {
    match expected {
        Some(expected) => vm.type_error(format!("UnicodeError 'object' attribute must be a {expected}")),
        None => vm.type_error("UnicodeError 'object' attribute is not set"),
    }
}

#[pymethods(parts(MEMBERS, POSITIONS))]
impl UnicodeEncodeError {
    #[init]
    fn py_init(zelf: &Py<UnicodeEncodeError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        init_args(vm, &zelf.base.base.base.base, args, &name, 5)?;
        let [encoding, object, start, end, reason] = args.positional() else { return Ok(()) };
        expect_str(vm, encoding, 1)?;
        expect_str(vm, object, 2)?;
        let (start, end) = (ssize(vm, start)?, ssize(vm, end)?);
        expect_str(vm, reason, 5)?;
        zelf.set_fields(vm, Some(encoding), object, start, end, reason);
        Ok(())
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<String> {
        if self.object.get(vm).is_none() {
            return Ok(String::new());
        }
        let (encoding, reason) = (self.encoding.load(vm), self.reason.load(vm));
        let (encoding, reason) = (text(vm, encoding)?, text(vm, reason)?);
        let Some(object) = self.object.load(vm) else { return Err(object_error(vm, None)) };
        let Some(chars) = object.downcast::<Str>() else { return Err(object_error(vm, Some("string"))) };
        let (start, end) = (self.start.get(), self.end.get());
        if let Some(at) = single(start, end, chars.len()) {
            let c = escape(chars.data().get(at).unwrap_or(0));
            return Ok(format!("'{encoding}' codec can't encode character '{c}' in position {start}: {reason}"));
        }
        let last = end.wrapping_sub(1);
        Ok(format!("'{encoding}' codec can't encode characters in position {start}-{last}: {reason}"))
    }
}

#[pymethods(parts(MEMBERS, POSITIONS))]
impl UnicodeDecodeError {
    #[init]
    fn py_init(zelf: &Py<UnicodeDecodeError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        init_args(vm, &zelf.base.base.base.base, args, &name, 5)?;
        let [encoding, object, start, end, reason] = args.positional() else { return Ok(()) };
        expect_str(vm, encoding, 1)?;
        let (start, end) = (ssize(vm, start)?, ssize(vm, end)?);
        expect_str(vm, reason, 5)?;
        let object = if object.is::<Bytes>() {
            object.clone()
        } else {
            let buffer = vm.buffer(object, crate::protocol::buffer::flags::SIMPLE)?;
            let bytes = buffer.memory(vm).to_vec();
            buffer.release(vm);
            vm.new_bytes(&bytes)?.into_value()
        };
        zelf.set_fields(vm, Some(encoding), &object, start, end, reason);
        Ok(())
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<String> {
        if self.object.get(vm).is_none() {
            return Ok(String::new());
        }
        let (encoding, reason) = (self.encoding.load(vm), self.reason.load(vm));
        let (encoding, reason) = (text(vm, encoding)?, text(vm, reason)?);
        let Some(object) = self.object.load(vm) else { return Err(object_error(vm, None)) };
        let Some(bytes) = object.downcast::<Bytes>().map(|b| b.as_bytes()) else { return Err(object_error(vm, Some("bytes"))) };
        let (start, end) = (self.start.get(), self.end.get());
        if let Some(at) = single(start, end, bytes.len()) {
            let byte = bytes.get(at).copied().unwrap_or(0);
            return Ok(format!("'{encoding}' codec can't decode byte 0x{byte:02x} in position {start}: {reason}"));
        }
        let last = end.wrapping_sub(1);
        Ok(format!("'{encoding}' codec can't decode bytes in position {start}-{last}: {reason}"))
    }
}

#[pymethods(parts(MEMBERS, POSITIONS))]
impl UnicodeTranslateError {
    #[init]
    fn py_init(zelf: &Py<UnicodeTranslateError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        init_args(vm, &zelf.base.base.base.base, args, &name, 4)?;
        let [object, start, end, reason] = args.positional() else { return Ok(()) };
        expect_str(vm, object, 1)?;
        let (start, end) = (ssize(vm, start)?, ssize(vm, end)?);
        expect_str(vm, reason, 4)?;
        zelf.set_fields(vm, None, object, start, end, reason);
        Ok(())
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<String> {
        if self.object.get(vm).is_none() {
            return Ok(String::new());
        }
        let reason = self.reason.load(vm);
        let reason = text(vm, reason)?;
        let Some(object) = self.object.load(vm) else { return Err(object_error(vm, None)) };
        let Some(chars) = object.downcast::<Str>() else { return Err(object_error(vm, Some("string"))) };
        let (start, end) = (self.start.get(), self.end.get());
        if let Some(at) = single(start, end, chars.len()) {
            let c = escape(chars.data().get(at).unwrap_or(0));
            return Ok(format!("can't translate character '{c}' in position {start}: {reason}"));
        }
        let last = end.wrapping_sub(1);
        Ok(format!("can't translate characters in position {start}-{last}: {reason}"))
    }
}

impl Vm {
    fn unicode_error<T: PyClass>(&mut self, encoding: Option<&str>, object: &Value, start: usize, end: usize, reason: &str) -> Raised {
        let made = (|| {
            let mut args = Vec::with_capacity(5);
            if let Some(encoding) = encoding {
                args.push(self.new_str(encoding)?.into_value());
            }
            args.push(object.clone());
            args.push(self.new_int(start)?);
            args.push(self.new_int(end)?);
            args.push(self.new_str(reason)?.into_value());
            let class = T::static_type().ready(self)?.to_value();
            self.call(&class, &args)
        })();
        match made {
            Ok(exception) => self.raise_object(exception),
            Err(e) => e,
        }
    }

    /// Raises UnicodeEncodeError about `object[start:end]`.
    #[cold]
    pub fn unicode_encode_error(&mut self, encoding: &str, object: &Py<Str>, start: usize, end: usize, reason: &str) -> Raised {
        self.unicode_error::<UnicodeEncodeError>(Some(encoding), object.as_value(), start, end, reason)
    }

    /// Raises UnicodeDecodeError about `object[start:end]`, bytes or another buffer.
    #[cold]
    pub fn unicode_decode_error(&mut self, encoding: &str, object: &Value, start: usize, end: usize, reason: &str) -> Raised {
        self.unicode_error::<UnicodeDecodeError>(Some(encoding), object, start, end, reason)
    }
}

pub(super) const TYPES: super::macros::Types = types![UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError];
