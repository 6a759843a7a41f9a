//! The writer.
//!
//! An object that its source calls shared is flagged where it is first written, and named by its number afterwards. Items of sets
//! are written in the order of their own serialisations, so that equal sets come out equal.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;
use std::rc::Rc;

use num_bigint::{BigInt, Sign};

use super::{CodeParts, FLAG_REF, MAX_STACK_DEPTH, MarshalError, STACK};

/// What a value is, for the writer.
pub enum Shape<'v, V> {
    None,
    True,
    False,
    Ellipsis,
    StopIteration,
    Int(i64),
    BigInt(Cow<'v, BigInt>),
    Float(f64),
    Complex(f64, f64),
    /// Bytes, and whatever else is like bytes.
    Bytes(Cow<'v, [u8]>),
    /// UTF-8 with surrogates.
    Str { text: Cow<'v, [u8]>, interned: bool },
    Tuple(Vec<V>),
    List(Vec<V>),
    Dict(Vec<(V, V)>),
    Set(Vec<V>),
    FrozenSet(Vec<V>),
    Slice([V; 3]),
    Code(Box<CodeParts<V>>),
    /// What marshal does not know.
    Unknown,
}

/// Answers what the values are that the writer meets.
pub trait Source<'v> {
    type Value: Clone;
    /// The identity of a value.
    type Key: Copy + Eq + Hash;
    type Error: From<MarshalError>;

    /// What `value` is.
    fn shape(&mut self, value: &Self::Value) -> Result<Shape<'v, Self::Value>, Self::Error>;

    /// The identity of `value`, which is a set.
    fn set_identity(&mut self, value: &Self::Value) -> Option<Self::Key>;

    /// The identity of `value`, if it may be met again.
    fn shared(&mut self, value: &Self::Value) -> Option<Self::Key>;
}

/// Writes `value` in a version of the format. Without `allow_code`, code objects raise ValueError.
pub fn write<'v, S: Source<'v>>(source: &mut S, value: &S::Value, version: i32, allow_code: bool) -> Result<Vec<u8>, S::Error> {
    let mut writer = Writer { source, out: Vec::new(), refs: HashMap::new(), orders: HashMap::new(), version, allow_code, depth: 0 };
    writer.object(value)?;
    Ok(writer.out)
}

struct Writer<'w, 'v, S: Source<'v>> {
    source: &'w mut S,
    out: Vec<u8>,
    refs: HashMap<S::Key, Entry>,
    /// The items of sets that have been met, in their order: a set in a set would be put in order twice, one in that four times and so on.
    orders: HashMap<S::Key, Rc<[S::Value]>>,
    version: i32,
    allow_code: bool,
    depth: usize,
}

/// What is known of an object that has been met.
struct Entry {
    /// Its number.
    at: u32,
    /// The type's name, while the object is being written and may not contain itself: readers know it only when it is complete.
    open: Option<&'static str>,
}

fn unmarshallable() -> MarshalError {
    MarshalError::value("unmarshallable object")
}

/// Whether an object has been met before, is new and may be met again, or will not be.
enum Place<K> {
    Old,
    New(K),
    Once,
}

impl<'v, S: Source<'v>> Writer<'_, 'v, S> {
    fn object(&mut self, value: &S::Value) -> Result<(), S::Error> {
        if self.depth >= MAX_STACK_DEPTH {
            return Err(MarshalError::value("object too deeply nested to marshal").into());
        }
        self.depth += 1;
        let result = stacker::maybe_grow(STACK.0, STACK.1, || self.shallow_object(value));
        self.depth -= 1;
        result
    }

    fn shallow_object(&mut self, value: &S::Value) -> Result<(), S::Error> {
        let shape = self.source.shape(value)?;
        let singleton = match shape {
            Shape::None => b'N',
            Shape::True => b'T',
            Shape::False => b'F',
            Shape::Ellipsis => b'.',
            Shape::StopIteration => b'S',
            Shape::Unknown => return Err(unmarshallable().into()),
            shape => {
                let open = match shape {
                    Shape::Code(_) => Some("code"),
                    Shape::Slice(_) => Some("slice"),
                    Shape::FrozenSet(_) => Some("frozenset"),
                    _ => None,
                };
                return match self.reference(value, open)? {
                    Place::Old => Ok(()),
                    Place::New(key) => {
                        self.complex_object(value, shape, FLAG_REF)?;
                        if let (Some(_), Some(entry)) = (open, self.refs.get_mut(&key)) {
                            entry.open = None;
                        }
                        Ok(())
                    }
                    Place::Once => self.complex_object(value, shape, 0),
                };
            }
        };
        self.out.push(singleton);
        Ok(())
    }

    /// Writes a reference to an object that is written already; otherwise says how to write it.
    fn reference(&mut self, value: &S::Value, open: Option<&'static str>) -> Result<Place<S::Key>, S::Error> {
        if self.version < 3 {
            return Ok(Place::Once);
        }
        let Some(key) = self.source.shared(value) else { return Ok(Place::Once) };
        if let Some(entry) = self.refs.get(&key) {
            if let Some(name) = entry.open {
                let text = format!("cannot marshal recursion {name} objects");
                return Err(MarshalError::new(super::ErrorClass::ValueError, text).into());
            }
            self.out.push(b'r');
            self.out.extend(entry.at.to_le_bytes());
            return Ok(Place::Old);
        }
        let at = self.refs.len();
        if at >= 0x7fff_ffff {
            return Err(MarshalError::value("too many objects").into());
        }
        self.refs.insert(key, Entry { at: at as u32, open });
        Ok(Place::New(key))
    }

    fn long(&mut self, value: i32) {
        self.out.extend(value.to_le_bytes());
    }

    fn head(&mut self, kind: u8, flag: u8, len: usize) -> Result<(), S::Error> {
        let len = i32::try_from(len).map_err(|_| unmarshallable())?;
        self.out.push(kind | flag);
        self.long(len);
        Ok(())
    }

    fn complex_object(&mut self, object: &S::Value, shape: Shape<'v, S::Value>, flag: u8) -> Result<(), S::Error> {
        match shape {
            Shape::Int(value) => match i32::try_from(value) {
                Ok(value) => {
                    self.out.push(b'i' | flag);
                    self.long(value);
                    Ok(())
                }
                Err(_) => self.bigint(&BigInt::from(value), flag),
            },
            Shape::BigInt(value) => match i32::try_from(&*value) {
                Ok(value) => self.complex_object(object, Shape::Int(i64::from(value)), flag),
                Err(_) => self.bigint(&value, flag),
            },
            Shape::Float(value) => {
                self.out.push((if self.version > 1 { b'g' } else { b'f' }) | flag);
                self.float(value);
                Ok(())
            }
            Shape::Complex(re, im) => {
                self.out.push((if self.version > 1 { b'y' } else { b'x' }) | flag);
                self.float(re);
                self.float(im);
                Ok(())
            }
            Shape::Bytes(value) => {
                self.head(b's', flag, value.len())?;
                self.put_slice(&value)?;
                Ok(())
            }
            Shape::Str { text, interned } => self.text(&text, interned, flag),
            Shape::Tuple(items) => {
                match u8::try_from(items.len()) {
                    Ok(len) if self.version >= 4 => self.out.extend([b')' | flag, len]),
                    _ => self.head(b'(', flag, items.len())?,
                }
                items.iter().try_for_each(|item| self.object(item))
            }
            Shape::List(items) => {
                self.head(b'[', flag, items.len())?;
                items.iter().try_for_each(|item| self.object(item))
            }
            Shape::Dict(items) => {
                self.out.push(b'{' | flag);
                for (key, value) in &items {
                    self.object(key)?;
                    self.object(value)?;
                }
                self.out.push(b'0');
                Ok(())
            }
            Shape::Set(items) => self.set(b'<', object, items, flag),
            Shape::FrozenSet(items) => self.set(b'>', object, items, flag),
            Shape::Slice(items) if self.version >= 5 => {
                self.out.push(b':' | flag);
                items.iter().try_for_each(|item| self.object(item))
            }
            Shape::Code(parts) => self.code(&parts, flag),
            _ => Err(unmarshallable().into()),
        }
    }

    fn float(&mut self, value: f64) {
        if self.version > 1 {
            self.out.extend(value.to_le_bytes());
        } else {
            let text = format_g17(value);
            self.out.push(text.len() as u8);
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    fn bigint(&mut self, value: &BigInt, flag: u8) -> Result<(), S::Error> {
        let magnitude = value.magnitude();
        let count = magnitude.bits().div_ceil(15);
        let count = i32::try_from(count).map_err(|_| unmarshallable())?;
        self.out.push(b'l' | flag);
        self.long(if value.sign() == Sign::Minus { -count } else { count });
        let (mut word, mut bits, mut left) = (0_u64, 0_u32, count);
        let mut words = magnitude.iter_u32_digits();
        while left > 0 {
            if bits < 15 {
                word |= u64::from(words.next().unwrap_or(0)) << bits;
                bits += 32;
            }
            self.out.extend((word as u16 & 0x7fff).to_le_bytes());
            word >>= 15;
            bits -= 15;
            left -= 1;
        }
        Ok(())
    }

    /// Appends what may be long.
    fn put_slice(&mut self, bytes: &[u8]) -> Result<(), S::Error> {
        if self.out.try_reserve(bytes.len()).is_err() {
            return Err(MarshalError::new(super::ErrorClass::MemoryError, "").into());
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, text: &[u8], interned: bool, flag: u8) -> Result<(), S::Error> {
        if self.version >= 4 && text.is_ascii() {
            match u8::try_from(text.len()) {
                Ok(len) => self.out.extend([(if interned { b'Z' } else { b'z' }) | flag, len]),
                Err(_) => self.head(if interned { b'A' } else { b'a' }, flag, text.len())?,
            }
        } else {
            self.head(if interned && self.version >= 3 { b't' } else { b'u' }, flag, text.len())?;
        }
        self.put_slice(text)
    }

    fn set(&mut self, kind: u8, set: &S::Value, items: Vec<S::Value>, flag: u8) -> Result<(), S::Error> {
        self.head(kind, flag, items.len())?;
        let ordered = self.ordered(set, items)?;
        ordered.iter().try_for_each(|item| self.object(item))
    }

    /// The items of a set in the order of their own serialisations, each as if nothing had been written before it.
    fn ordered(&mut self, set: &S::Value, items: Vec<S::Value>) -> Result<Rc<[S::Value]>, S::Error> {
        let identity = self.source.set_identity(set);
        if let Some(known) = identity.and_then(|key| self.orders.get(&key)) {
            return Ok(known.clone());
        }
        let (out, refs) = (std::mem::take(&mut self.out), std::mem::take(&mut self.refs));
        let mut keyed = Vec::with_capacity(items.len());
        for item in items {
            self.refs.clear();
            self.object(&item)?;
            keyed.push((std::mem::take(&mut self.out), item));
        }
        (self.out, self.refs) = (out, refs);
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        let ordered: Rc<[S::Value]> = keyed.into_iter().map(|(_, item)| item).collect();
        if let Some(key) = identity {
            self.orders.insert(key, ordered.clone());
        }
        Ok(ordered)
    }

    fn code(&mut self, parts: &CodeParts<S::Value>, flag: u8) -> Result<(), S::Error> {
        if !self.allow_code {
            return Err(MarshalError::value("marshalling code objects is disallowed").into());
        }
        self.out.push(b'c' | flag);
        for number in [parts.argcount, parts.posonlyargcount, parts.kwonlyargcount, parts.stacksize, parts.flags] {
            self.long(number);
        }
        for value in [
            &parts.code,
            &parts.consts,
            &parts.names,
            &parts.localsplusnames,
            &parts.localspluskinds,
            &parts.filename,
            &parts.name,
            &parts.qualname,
        ] {
            self.object(value)?;
        }
        self.long(parts.firstlineno);
        self.object(&parts.linetable)?;
        self.object(&parts.exceptiontable)
    }
}

/// A float as C's `%.17g` has it, for versions 0 and 1.
fn format_g17(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "nan".into() } else if value < 0.0 { "-inf".into() } else { "inf".into() };
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |digits: String| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits,
    };
    if (-4..17).contains(&exponent) {
        return trim(format!("{value:.*}", (16 - exponent) as usize));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim(mantissa.to_owned()), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::format_g17;

    #[test]
    fn floats_as_text() {
        for (value, text) in [
            (1.5, "1.5"),
            (0.1, "0.10000000000000001"),
            (1e100, "1e+100"),
            (-2.5e-7, "-2.4999999999999999e-07"),
            (0.0001, "0.0001"),
            (1e16, "10000000000000000"),
            (1e17, "1e+17"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_g17(value), text);
        }
    }
}
