//! Marshal for [`Const`] and [`Code`]: what a `.pyc` holds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use krait_unicode::{SharedText, TextBuf};
use num_bigint::BigInt;

use super::{Builder, CodeParts, ErrorClass, MarshalError, Reader, Shape, Source, VERSION, write};
use crate::code::{Code, Const, fast};

type Result<T> = std::result::Result<T, MarshalError>;

/// Reads a constant; lists, dictionaries, sets and StopIteration are none.
pub fn read_const(data: &[u8]) -> Result<Const> {
    Reader::new(data, &mut ConstBuilder, true).read()
}

/// Reads a code object, the part of a `.pyc` behind its 16 bytes of header.
pub fn read_code(data: &[u8]) -> Result<Rc<Code>> {
    match read_const(data)? {
        Const::Code(code) => Ok(code),
        _ => Err(MarshalError::new(ErrorClass::TypeError, "not a code object")),
    }
}

/// Writes a code object.
pub fn write_code(code: &Code) -> Result<Vec<u8>> {
    write(&mut ConstSource::default(), &Item::Code(code), VERSION, true)
}

/// Writes a constant.
pub fn write_const(value: &Const, version: i32) -> Result<Vec<u8>> {
    write(&mut ConstSource::default(), &Item::Const(value), version, true)
}

/// Builds constants.
pub struct ConstBuilder;

fn no_constant() -> MarshalError {
    MarshalError::new(ErrorClass::TypeError, "not a constant")
}

fn bad_code() -> MarshalError {
    MarshalError::new(ErrorClass::ValueError, "code: bad argument")
}

fn text(value: Const) -> Result<SharedText> {
    match value {
        Const::Str(text) => Ok(text),
        _ => Err(bad_code()),
    }
}

fn bytes(value: Const) -> Result<Box<[u8]>> {
    match value {
        Const::Bytes(bytes) => Ok(bytes),
        _ => Err(bad_code()),
    }
}

fn texts(value: Const) -> Result<Vec<SharedText>> {
    match value {
        Const::Tuple(items) => items.iter().cloned().map(text).collect(),
        _ => Err(bad_code()),
    }
}

fn count(value: i32) -> Result<u32> {
    u32::try_from(value).map_err(|_| bad_code())
}

impl Builder for ConstBuilder {
    type Value = Const;
    type Error = MarshalError;

    fn none(&mut self) -> Result<Const> {
        Ok(Const::None)
    }
    fn stop_iteration(&mut self) -> Result<Const> {
        Err(no_constant())
    }
    fn ellipsis(&mut self) -> Result<Const> {
        Ok(Const::Ellipsis)
    }
    fn bool(&mut self, value: bool) -> Result<Const> {
        Ok(Const::from_bool(value))
    }
    fn int(&mut self, value: i64) -> Result<Const> {
        Ok(Const::Int(value))
    }
    fn bigint(&mut self, value: BigInt) -> Result<Const> {
        Ok(Const::from_bigint(value))
    }
    fn float(&mut self, value: f64) -> Result<Const> {
        Ok(Const::Float(value))
    }
    fn complex(&mut self, re: f64, im: f64) -> Result<Const> {
        Ok(Const::Complex(re, im))
    }
    fn bytes(&mut self, value: &[u8]) -> Result<Const> {
        Ok(Const::Bytes(value.into()))
    }
    fn latin1(&mut self, value: &[u8], _interned: bool) -> Result<Const> {
        Ok(Const::Str(match std::str::from_utf8(value) {
            Ok(text) if value.is_ascii() => SharedText::from(text),
            _ => value.iter().map(|byte| u32::from(*byte)).collect(),
        }))
    }
    fn utf8(&mut self, value: &[u8], _interned: bool) -> Result<Const> {
        let text = TextBuf::from_bytes(value).map(SharedText::from);
        text.map(Const::Str).ok_or_else(|| MarshalError::new(ErrorClass::ValueError, "invalid UTF-8"))
    }
    fn tuple(&mut self, items: Vec<Const>) -> Result<Const> {
        Ok(Const::Tuple(items.into()))
    }
    fn list(&mut self) -> Result<Const> {
        Err(no_constant())
    }
    fn list_append(&mut self, _: &Const, _: Const) -> Result<()> {
        Err(no_constant())
    }
    fn dict(&mut self) -> Result<Const> {
        Err(no_constant())
    }
    fn dict_set(&mut self, _: &Const, _: Const, _: Const) -> Result<()> {
        Err(no_constant())
    }
    fn set(&mut self) -> Result<Const> {
        Err(no_constant())
    }
    fn set_add(&mut self, _: &Const, _: Const) -> Result<()> {
        Err(no_constant())
    }
    fn frozenset(&mut self, items: Vec<Const>) -> Result<Const> {
        Ok(Const::FrozenSet(items.into()))
    }
    fn slice(&mut self, start: Const, stop: Const, step: Const) -> Result<Const> {
        Ok(Const::Slice(Rc::new([start, stop, step])))
    }

    fn code(&mut self, parts: CodeParts<Const>) -> Result<Const> {
        let consts = match parts.consts {
            Const::Tuple(items) => items.to_vec(),
            _ => return Err(bad_code()),
        };
        let code = Code {
            argcount: count(parts.argcount)?,
            posonlyargcount: count(parts.posonlyargcount)?,
            kwonlyargcount: count(parts.kwonlyargcount)?,
            stacksize: count(parts.stacksize)?,
            flags: count(parts.flags)?,
            code: bytes(parts.code)?,
            consts,
            names: texts(parts.names)?,
            localsplusnames: texts(parts.localsplusnames)?,
            localspluskinds: bytes(parts.localspluskinds)?,
            filename: text(parts.filename)?,
            name: text(parts.name)?,
            qualname: text(parts.qualname)?,
            firstlineno: parts.firstlineno,
            linetable: bytes(parts.linetable)?,
            exceptiontable: bytes(parts.exceptiontable)?,
        };
        let locals = code.localspluskinds.iter().filter(|kind| **kind & fast::LOCAL != 0).count();
        let arguments = u64::from(code.argcount) + u64::from(code.kwonlyargcount);
        if !code.code.len().is_multiple_of(2)
            || code.localsplusnames.len() != code.localspluskinds.len()
            || code.posonlyargcount > code.argcount
        {
            return Err(bad_code());
        }
        if arguments > locals as u64 {
            return Err(MarshalError::new(ErrorClass::ValueError, "code: co_varnames is too small"));
        }
        Ok(Const::Code(Rc::new(code)))
    }
}

/// Part of a code object or constant, as the writer sees it.
#[derive(Clone, Copy)]
enum Item<'c> {
    Const(&'c Const),
    Consts(&'c [Const]),
    Code(&'c Code),
    /// A name; always interned.
    Name(&'c SharedText),
    Names(&'c [SharedText]),
    Text(&'c SharedText),
    Bytes(&'c [u8]),
}

/// Numbers strings and bytes by value, so that equal ones are written once.
#[derive(Default)]
struct ConstSource<'c> {
    texts: HashMap<&'c [u8], usize>,
}

/// The identity of an item: an address, or the number of a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Address(usize),
    Text(usize),
}

impl<'c> Source<'c> for ConstSource<'c> {
    type Value = Item<'c>;
    type Key = Key;
    type Error = MarshalError;

    fn shape(&mut self, item: &Item<'c>) -> Result<Shape<'c, Item<'c>>> {
        Ok(match *item {
            Item::Const(value) => shape_of(value),
            Item::Consts(items) => Shape::Tuple(items.iter().map(Item::Const).collect()),
            Item::Code(code) => code_shape(code)?,
            Item::Name(text) => Shape::Str { text: Cow::Borrowed(text.as_bytes()), interned: true },
            Item::Names(names) => Shape::Tuple(names.iter().map(Item::Name).collect()),
            Item::Text(text) => text_shape(text),
            Item::Bytes(bytes) => Shape::Bytes(Cow::Borrowed(bytes)),
        })
    }

    fn set_identity(&mut self, item: &Item<'c>) -> Option<Key> {
        match item {
            Item::Const(Const::FrozenSet(items)) if !items.is_empty() => Some(Key::Address(items.as_ptr() as usize)),
            _ => None,
        }
    }

    fn shared(&mut self, item: &Item<'c>) -> Option<Key> {
        match *item {
            Item::Name(text) | Item::Text(text) | Item::Const(Const::Str(text)) => {
                let next = self.texts.len();
                Some(Key::Text(*self.texts.entry(text.as_bytes()).or_insert(next)))
            }
            Item::Const(Const::Tuple(items) | Const::FrozenSet(items)) => {
                (Rc::strong_count(items) > 1 && !items.is_empty()).then(|| Key::Address(items.as_ptr() as usize))
            }
            Item::Const(Const::Code(code)) => (Rc::strong_count(code) > 1).then_some(Key::Address(Rc::as_ptr(code) as usize)),
            _ => None,
        }
    }
}

fn shape_of(value: &Const) -> Shape<'_, Item<'_>> {
    match value {
        Const::None => Shape::None,
        Const::True => Shape::True,
        Const::False => Shape::False,
        Const::Ellipsis => Shape::Ellipsis,
        Const::Int(v) => Shape::Int(*v),
        Const::BigInt(v) => Shape::BigInt(Cow::Borrowed(v)),
        Const::Float(v) => Shape::Float(*v),
        Const::Complex(re, im) => Shape::Complex(*re, *im),
        Const::Str(v) => text_shape(v),
        Const::Bytes(v) => Shape::Bytes(Cow::Borrowed(v)),
        Const::Tuple(v) => Shape::Tuple(v.iter().map(Item::Const).collect()),
        Const::FrozenSet(v) => Shape::FrozenSet(v.iter().map(Item::Const).collect()),
        Const::Slice(v) => Shape::Slice([Item::Const(&v[0]), Item::Const(&v[1]), Item::Const(&v[2])]),
        Const::Code(code) => code_shape(code).unwrap_or(Shape::Unknown),
    }
}

/// A string; one that looks like a name is interned.
fn text_shape(text: &SharedText) -> Shape<'_, Item<'_>> {
    let bytes = text.as_bytes();
    let interned = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    Shape::Str { text: Cow::Borrowed(bytes), interned }
}

fn code_shape(code: &Code) -> Result<Shape<'_, Item<'_>>> {
    let number = |value: u32| i32::try_from(value).map_err(|_| MarshalError::value("unmarshallable object"));
    Ok(Shape::Code(Box::new(CodeParts {
        argcount: number(code.argcount)?,
        posonlyargcount: number(code.posonlyargcount)?,
        kwonlyargcount: number(code.kwonlyargcount)?,
        stacksize: number(code.stacksize)?,
        flags: number(code.flags)?,
        code: Item::Bytes(&code.code),
        consts: Item::Consts(&code.consts),
        names: Item::Names(&code.names),
        localsplusnames: Item::Names(&code.localsplusnames),
        localspluskinds: Item::Bytes(&code.localspluskinds),
        filename: Item::Text(&code.filename),
        name: Item::Name(&code.name),
        qualname: Item::Name(&code.qualname),
        firstlineno: code.firstlineno,
        linetable: Item::Bytes(&code.linetable),
        exceptiontable: Item::Bytes(&code.exceptiontable),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn faulty(data: &[u8], message: &str) {
        assert_eq!(read_const(data).map_err(|e| e.message.into_owned()).err().as_deref(), Some(message), "{data:?}");
    }

    #[test]
    fn faults() {
        faulty(b"", "EOF read where object expected");
        faulty(b"l\xff\xff\xff\x7f", "marshal data too short");
        faulty(b"(\xff\xff\xff\xff", "bad marshal data (tuple size out of range)");
        faulty(b"(\xff\xff\xff\x7f", "EOF read where object expected");
        faulty(b"l\x01\0\0\0\0\0", "bad marshal data (unnormalized long data)");
        faulty(b"l\x01\0\0\0\xff\xff", "bad marshal data (digit out of range in long)");
        faulty(b"r\0\0\0\0", "bad marshal data (invalid reference)");
        faulty(b"\xbe\x01\0\0\0r\0\0\0\0", "bad marshal data (invalid reference)");
        faulty(b")\x010", "NULL object in marshal data for tuple");
        faulty(b"q", "bad marshal data (unknown type code)");
        faulty(&b")\x01".repeat(2001), "recursion limit exceeded");
    }

    #[test]
    fn constants_survive() {
        let big = Const::from_bigint(BigInt::from(-12345678901234567890_i128) << 77);
        let items = vec![
            Const::None,
            Const::Int(-1),
            Const::Int(1 << 40),
            big,
            Const::Float(-0.0),
            Const::Complex(1.5, -2.0),
            Const::Str("näme".into()),
            Const::Bytes((*b"ab").into()),
            Const::FrozenSet([Const::Int(3), Const::Str("a".into())].into()),
        ];
        let value = Const::Tuple(items.into());
        for version in 0..=5 {
            let data = write_const(&value, version).unwrap_or_default();
            assert!(read_const(&data).is_ok_and(|read| read.same(&value)), "version {version}");
        }
    }
}
