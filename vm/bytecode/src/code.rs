//! [`Code`]: an immutable code object, and [`Const`]: what its constants can be.
//!
//! Invariants: `localsplusnames` and `localspluskinds` have the same length; `code` is of even length and holds unspecialised
//! opcodes with zeroed caches (what `co_code` shows). The marshal reader checks both. A frozen set lists its items once each, in order of insertion.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use krait_unicode::SharedText;
use num_bigint::BigInt;
use num_traits::ToPrimitive;

/// `co_flags`.
pub mod co {
    pub const OPTIMIZED: u32 = 0x1;
    pub const NEWLOCALS: u32 = 0x2;
    pub const VARARGS: u32 = 0x4;
    pub const VARKEYWORDS: u32 = 0x8;
    pub const NESTED: u32 = 0x10;
    pub const GENERATOR: u32 = 0x20;
    pub const COROUTINE: u32 = 0x80;
    pub const ITERABLE_COROUTINE: u32 = 0x100;
    pub const ASYNC_GENERATOR: u32 = 0x200;
    pub const FUTURE_DIVISION: u32 = 0x2_0000;
    pub const FUTURE_ABSOLUTE_IMPORT: u32 = 0x4_0000;
    pub const FUTURE_WITH_STATEMENT: u32 = 0x8_0000;
    pub const FUTURE_PRINT_FUNCTION: u32 = 0x10_0000;
    pub const FUTURE_UNICODE_LITERALS: u32 = 0x20_0000;
    pub const FUTURE_BARRY_AS_BDFL: u32 = 0x40_0000;
    pub const FUTURE_GENERATOR_STOP: u32 = 0x80_0000;
    pub const FUTURE_ANNOTATIONS: u32 = 0x100_0000;
    pub const NO_MONITORING_EVENTS: u32 = 0x200_0000;
    /// The first constant is the docstring.
    pub const HAS_DOCSTRING: u32 = 0x400_0000;
    /// A function defined in class scope.
    pub const METHOD: u32 = 0x800_0000;
    /// Most blocks that may be nested within a function.
    pub const MAXBLOCKS: usize = 21;
}

/// Kinds of a variable, one byte each in `localspluskinds`.
pub mod fast {
    pub const ARG_POS: u8 = 0x02;
    pub const ARG_KW: u8 = 0x04;
    pub const ARG_VAR: u8 = 0x08;
    pub const ARG: u8 = ARG_POS | ARG_KW | ARG_VAR;
    pub const HIDDEN: u8 = 0x10;
    pub const LOCAL: u8 = 0x20;
    pub const CELL: u8 = 0x40;
    pub const FREE: u8 = 0x80;
}

/// A code object, field by field what `marshal` writes.
#[derive(Clone, Debug, Default)]
pub struct Code {
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub stacksize: u32,
    /// See [`co`].
    pub flags: u32,
    pub code: Box<[u8]>,
    pub consts: Vec<Const>,
    pub names: Vec<SharedText>,
    pub localsplusnames: Vec<SharedText>,
    /// See [`fast`].
    pub localspluskinds: Box<[u8]>,
    pub filename: SharedText,
    pub name: SharedText,
    pub qualname: SharedText,
    pub firstlineno: i32,
    pub linetable: Box<[u8]>,
    pub exceptiontable: Box<[u8]>,
}

impl Code {
    fn of_kind(&self, mask: u8) -> impl Iterator<Item = &SharedText> {
        self.localsplusnames.iter().zip(&self.localspluskinds).filter(move |(_, kind)| **kind & mask != 0).map(|(name, _)| name)
    }

    /// `co_varnames`: arguments and local variables.
    pub fn varnames(&self) -> impl Iterator<Item = &SharedText> {
        self.of_kind(fast::LOCAL)
    }

    /// `co_cellvars`: variables that inner functions use, arguments among them.
    pub fn cellvars(&self) -> impl Iterator<Item = &SharedText> {
        self.of_kind(fast::CELL)
    }

    /// `co_freevars`: variables of outer functions.
    pub fn freevars(&self) -> impl Iterator<Item = &SharedText> {
        self.of_kind(fast::FREE)
    }

    /// `co_nlocals`.
    pub fn nlocals(&self) -> usize {
        self.varnames().count()
    }

    /// The code objects among the constants.
    pub fn nested(&self) -> impl Iterator<Item = &Rc<Code>> {
        self.consts.iter().filter_map(|c| match c {
            Const::Code(code) => Some(code),
            _ => None,
        })
    }
}

/// As `code.__eq__`: the constants by type and value; file name and qualified name do not count.
impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.name == other.name
            && self.argcount == other.argcount
            && self.posonlyargcount == other.posonlyargcount
            && self.kwonlyargcount == other.kwonlyargcount
            && self.flags == other.flags
            && self.firstlineno == other.firstlineno
            && self.code == other.code
            && self.names == other.names
            && self.localsplusnames == other.localsplusnames
            && self.linetable == other.linetable
            && self.exceptiontable == other.exceptiontable
            && same_items(&self.consts, &other.consts)
    }
}

/// A constant.
#[derive(Clone, Debug, Default)]
pub enum Const {
    #[default]
    None,
    True,
    False,
    Ellipsis,
    Int(i64),
    /// An integer that does not fit `Int`; see [`Const::from_bigint`].
    BigInt(Box<BigInt>),
    Float(f64),
    /// Real and imaginary part.
    Complex(f64, f64),
    Str(SharedText),
    Bytes(Box<[u8]>),
    Tuple(Rc<[Const]>),
    FrozenSet(Rc<[Const]>),
    /// Start, stop and step.
    Slice(Rc<[Const; 3]>),
    Code(Rc<Code>),
}

impl Const {
    /// An integer in its canonical form.
    pub fn from_bigint(value: BigInt) -> Const {
        match value.to_i64() {
            Some(small) => Const::Int(small),
            None => Const::BigInt(Box::new(value)),
        }
    }

    /// A boolean.
    pub fn from_bool(value: bool) -> Const {
        if value { Const::True } else { Const::False }
    }

    /// Whether two constants may share an entry of `co_consts`: same type and value, recursively. `0.0` and `-0.0` differ, as do
    /// `1`, `1.0` and `True`; not-a-number differs even from itself. Frozen sets compare regardless of order.
    pub fn same(&self, other: &Const) -> bool {
        match (self, other) {
            (Const::None, Const::None)
            | (Const::True, Const::True)
            | (Const::False, Const::False)
            | (Const::Ellipsis, Const::Ellipsis) => true,
            (Const::Int(a), Const::Int(b)) => a == b,
            (Const::BigInt(a), Const::BigInt(b)) => a == b,
            (Const::Float(a), Const::Float(b)) => same_float(*a, *b),
            (Const::Complex(a, b), Const::Complex(c, d)) => same_float(*a, *c) && same_float(*b, *d),
            (Const::Str(a), Const::Str(b)) => a == b,
            (Const::Bytes(a), Const::Bytes(b)) => a == b,
            (Const::Tuple(a), Const::Tuple(b)) => Rc::ptr_eq(a, b) || same_items(a, b),
            (Const::Slice(a), Const::Slice(b)) => Rc::ptr_eq(a, b) || same_items(&**a, &**b),
            (Const::FrozenSet(a), Const::FrozenSet(b)) => {
                Rc::ptr_eq(a, b) || a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| x.same(y)))
            }
            (Const::Code(a), Const::Code(b)) => Rc::ptr_eq(a, b) || a == b,
            _ => false,
        }
    }

    /// Hashes so that constants that are [`Const::same`] have the same hash.
    pub fn hash_same<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Const::None | Const::True | Const::False | Const::Ellipsis => {}
            Const::Int(v) => v.hash(state),
            Const::BigInt(v) => v.hash(state),
            Const::Float(v) => v.to_bits().hash(state),
            Const::Complex(re, im) => (re.to_bits(), im.to_bits()).hash(state),
            Const::Str(v) => v.hash(state),
            Const::Bytes(v) => v.hash(state),
            Const::Tuple(items) => items.iter().for_each(|item| item.hash_same(state)),
            Const::Slice(items) => items.iter().for_each(|item| item.hash_same(state)),
            // The order must not matter.
            Const::FrozenSet(items) => items.len().hash(state),
            // The rest seldom differs where these do not.
            Const::Code(code) => (&code.name, code.firstlineno, code.code.len()).hash(state),
        }
    }
}

fn same_float(a: f64, b: f64) -> bool {
    a == b && a.is_sign_negative() == b.is_sign_negative()
}

fn same_items(a: &[Const], b: &[Const]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.same(y))
}

/// A constant as a key, equal when [`Const::same`].
#[derive(Clone, Debug)]
pub struct ConstKey(pub Const);

impl PartialEq for ConstKey {
    fn eq(&self, other: &ConstKey) -> bool {
        self.0.same(&other.0)
    }
}

/// Not reflexive for not-a-number, which then merely never shares its entry.
impl Eq for ConstKey {}

impl Hash for ConstKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_same(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_differ_by_type_and_sign() {
        assert!(!Const::Float(0.0).same(&Const::Float(-0.0)));
        assert!(!Const::Int(1).same(&Const::True));
        assert!(!Const::Int(1).same(&Const::Float(1.0)));
        assert!(!Const::Float(f64::NAN).same(&Const::Float(f64::NAN)));
        let set = |items: &[i64]| Const::FrozenSet(items.iter().map(|i| Const::Int(*i)).collect());
        assert!(set(&[1, 2]).same(&set(&[2, 1])));
        assert!(!set(&[1, 2]).same(&set(&[2, 3])));
    }
}
