//! Python's operators on constants. `None` stands for what raises, or would grow a constant beyond CPython's limits: such code
//! stays code, and raises when it runs.
//!
//! Boundaries: str and bytes formatting, comparison and `@` are never folded.

use std::rc::Rc;

use krait_bytecode::Const;
use krait_bytecode::opcode::BinaryOp;
use krait_unicode::{Text, TextBuf};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{Signed, ToPrimitive, Zero};

use super::number;

/// Bits of a folded int.
const MAX_INT_SIZE: u64 = 128;
/// Items of a folded tuple.
const MAX_COLLECTION_SIZE: i64 = 256;
/// Characters of a folded string.
const MAX_STR_SIZE: i64 = 4096;
/// Items of a folded tuple, counting those of inner tuples.
const MAX_TOTAL_ITEMS: i64 = 1024;

/// A number, with `bool` as `int`.
#[derive(Clone)]
pub(super) enum Num {
    Int(BigInt),
    Float(f64),
    Complex(f64, f64),
}

impl Num {
    fn of(value: &Const) -> Option<Num> {
        Some(match value {
            Const::True => Num::Int(BigInt::from(1)),
            Const::False => Num::Int(BigInt::ZERO),
            Const::Int(v) => Num::Int(BigInt::from(*v)),
            Const::BigInt(v) => Num::Int((**v).clone()),
            Const::Float(v) => Num::Float(*v),
            Const::Complex(re, im) => Num::Complex(*re, *im),
            _ => return None,
        })
    }

    /// As a float, unless it is too large or complex.
    fn to_f64(&self) -> Option<f64> {
        match self {
            Num::Int(v) => number::int_to_f64(v),
            Num::Float(v) => Some(*v),
            Num::Complex(..) => None,
        }
    }
}

fn int_of(value: &Const) -> Option<BigInt> {
    match Num::of(value) {
        Some(Num::Int(v)) => Some(v),
        _ => None,
    }
}

/// `bool(value)`.
pub(super) fn is_true(value: &Const) -> bool {
    match value {
        Const::None | Const::False | Const::Int(0) => false,
        Const::Float(v) => *v != 0.0,
        Const::Complex(re, im) => *re != 0.0 || *im != 0.0,
        Const::Str(v) => !v.is_empty(),
        Const::Bytes(v) => !v.is_empty(),
        Const::Tuple(v) | Const::FrozenSet(v) => !v.is_empty(),
        Const::BigInt(v) => !v.is_zero(),
        Const::True | Const::Ellipsis | Const::Int(_) | Const::Slice(_) | Const::Code(_) => true,
    }
}

/// The items of a set display: of equal ones the first.
pub(super) fn distinct(items: Vec<Const>) -> Vec<Const> {
    let mut kept: Vec<Const> = Vec::with_capacity(items.len());
    for item in items {
        if !kept.iter().any(|other| equal(other, &item)) {
            kept.push(item);
        }
    }
    kept
}

/// `a == b` (a value that does not equal itself counts as new, as a fresh object does).
fn equal(a: &Const, b: &Const) -> bool {
    match (Num::of(a), Num::of(b)) {
        (Some(a), Some(b)) => numbers_equal(&a, &b),
        (None, None) => match (a, b) {
            (Const::Tuple(a), Const::Tuple(b)) => items_equal(a, b),
            (Const::Slice(a), Const::Slice(b)) => items_equal(&**a, &**b),
            (Const::FrozenSet(a), Const::FrozenSet(b)) => {
                a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| equal(x, y)))
            }
            _ => a.same(b),
        },
        _ => false,
    }
}

fn items_equal(a: &[Const], b: &[Const]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| equal(x, y))
}

fn numbers_equal(a: &Num, b: &Num) -> bool {
    match (a, b) {
        (Num::Int(a), Num::Int(b)) => a == b,
        (Num::Float(a), Num::Float(b)) => a == b,
        (Num::Complex(a, b), Num::Complex(c, d)) => a == c && b == d,
        (Num::Complex(re, im), real) | (real, Num::Complex(re, im)) => *im == 0.0 && numbers_equal(&Num::Float(*re), real),
        (Num::Int(i), Num::Float(f)) | (Num::Float(f), Num::Int(i)) => number::int_equals_f64(i, *f),
    }
}

/// `-value`.
pub(super) fn negative(value: &Const) -> Option<Const> {
    Some(match Num::of(value)? {
        Num::Int(v) => Const::from_bigint(-v),
        Num::Float(v) => Const::Float(-v),
        Num::Complex(re, im) => Const::Complex(-re, -im),
    })
}

/// `+value`.
pub(super) fn positive(value: &Const) -> Option<Const> {
    Some(match Num::of(value)? {
        Num::Int(v) => Const::from_bigint(v),
        Num::Float(v) => Const::Float(v),
        Num::Complex(re, im) => Const::Complex(re, im),
    })
}

/// `~value`; that of a bool is left alone, since it warns.
pub(super) fn invert(value: &Const) -> Option<Const> {
    match value {
        Const::Int(v) => Some(Const::Int(!v)),
        Const::BigInt(v) => Some(Const::from_bigint(!(**v).clone())),
        _ => None,
    }
}

/// BINARY_OP with the operand `oparg`.
pub(super) fn binary(left: &Const, oparg: i32, right: &Const) -> Option<Const> {
    let op = BinaryOp::from_oparg(u32::try_from(oparg).ok()?)?;
    match op {
        BinaryOp::NB_SUBSCR => return subscript(left, right),
        BinaryOp::NB_ADD => {
            if let Some(joined) = concatenate(left, right) {
                return Some(joined);
            }
        }
        BinaryOp::NB_MULTIPLY => {
            if let Some(count) = int_of(left).filter(|_| is_sequence(right)) {
                return repeat(right, &count);
            }
            if let Some(count) = int_of(right).filter(|_| is_sequence(left)) {
                return repeat(left, &count);
            }
        }
        BinaryOp::NB_AND | BinaryOp::NB_OR | BinaryOp::NB_XOR => {
            if let (Some(a), Some(b)) = (bool_of(left), bool_of(right)) {
                return Some(Const::from_bool(match op {
                    BinaryOp::NB_AND => a & b,
                    BinaryOp::NB_OR => a | b,
                    _ => a ^ b,
                }));
            }
        }
        _ => {}
    }
    match (Num::of(left)?, Num::of(right)?) {
        (Num::Int(a), Num::Int(b)) => int_binary(&a, op, &b),
        (a @ Num::Complex(..), b) | (a, b @ Num::Complex(..)) => {
            let (re, im) = complex_binary(&a, op, &b)?;
            Some(Const::Complex(re, im))
        }
        (a, b) => float_binary(a.to_f64()?, op, b.to_f64()?),
    }
}

fn bool_of(value: &Const) -> Option<bool> {
    match value {
        Const::True => Some(true),
        Const::False => Some(false),
        _ => None,
    }
}

fn is_sequence(value: &Const) -> bool {
    matches!(value, Const::Str(_) | Const::Bytes(_) | Const::Tuple(_))
}

fn concatenate(left: &Const, right: &Const) -> Option<Const> {
    Some(match (left, right) {
        (Const::Str(a), Const::Str(b)) => {
            let mut text = Text::to_owned(a);
            text.push_text(b);
            Const::Str(text.into())
        }
        (Const::Bytes(a), Const::Bytes(b)) => Const::Bytes([&**a, &**b].concat().into()),
        (Const::Tuple(a), Const::Tuple(b)) => Const::Tuple(a.iter().chain(b.iter()).cloned().collect()),
        _ => return None,
    })
}

/// `count` times a sequence, within the limits. Of an empty sequence, any count that fits a machine word.
fn repeat(sequence: &Const, count: &BigInt) -> Option<Const> {
    let count = count.to_i64()?;
    let (size, limit) = match sequence {
        Const::Str(v) => (v.code_points().count() as i64, MAX_STR_SIZE),
        Const::Bytes(v) => (v.len() as i64, MAX_STR_SIZE),
        Const::Tuple(v) => (v.len() as i64, MAX_COLLECTION_SIZE),
        _ => return None,
    };
    if size == 0 {
        return Some(sequence.clone());
    }
    if count < 0 || count > limit / size {
        return None;
    }
    let times = count as usize;
    Some(match sequence {
        Const::Str(v) => {
            let mut text = TextBuf::new();
            (0..times).for_each(|_| text.push_text(v));
            Const::Str(text.into())
        }
        Const::Bytes(v) => Const::Bytes(v.repeat(times).into()),
        Const::Tuple(v) => {
            if count > 0 && remaining_items(sequence, MAX_TOTAL_ITEMS / count) < 0 {
                return None;
            }
            Const::Tuple(std::iter::repeat_n(v, times).flat_map(|items| items.iter().cloned()).collect())
        }
        _ => return None,
    })
}

/// `limit` less the items of nested tuples; negative when there are more.
fn remaining_items(value: &Const, limit: i64) -> i64 {
    let Const::Tuple(items) = value else { return limit };
    items.iter().fold(limit - items.len() as i64, |limit, item| if limit < 0 { limit } else { remaining_items(item, limit) })
}

fn int_binary(a: &BigInt, op: BinaryOp, b: &BigInt) -> Option<Const> {
    let bits = |n: &BigInt| n.magnitude().bits();
    Some(Const::from_bigint(match op {
        BinaryOp::NB_ADD => a + b,
        BinaryOp::NB_SUBTRACT => a - b,
        BinaryOp::NB_MULTIPLY => {
            if !a.is_zero() && !b.is_zero() && bits(a) + bits(b) > MAX_INT_SIZE {
                return None;
            }
            a * b
        }
        BinaryOp::NB_TRUE_DIVIDE => return number::int_true_divide(a, b).map(Const::Float),
        BinaryOp::NB_FLOOR_DIVIDE if !b.is_zero() => a.div_floor(b),
        BinaryOp::NB_REMAINDER if !b.is_zero() => a.mod_floor(b),
        BinaryOp::NB_POWER => return int_power(a, b),
        BinaryOp::NB_LSHIFT => {
            if b.is_negative() {
                return None;
            }
            if a.is_zero() || b.is_zero() {
                return Some(Const::from_bigint(a.clone()));
            }
            let by = b.to_u64().filter(|by| *by <= MAX_INT_SIZE && bits(a) <= MAX_INT_SIZE - by)?;
            a << by
        }
        BinaryOp::NB_RSHIFT => {
            if b.is_negative() {
                return None;
            }
            match b.to_u64().filter(|by| *by <= bits(a)) {
                Some(by) => a >> by,
                None => BigInt::from(if a.is_negative() { -1 } else { 0 }),
            }
        }
        BinaryOp::NB_AND => a & b,
        BinaryOp::NB_OR => a | b,
        BinaryOp::NB_XOR => a ^ b,
        _ => return None,
    }))
}

fn int_power(a: &BigInt, b: &BigInt) -> Option<Const> {
    match b.sign() {
        Sign::Minus => float_binary(number::int_to_f64(a)?, BinaryOp::NB_POWER, number::int_to_f64(b)?),
        Sign::NoSign => Some(Const::Int(1)),
        Sign::Plus if a.is_zero() => Some(Const::Int(0)),
        Sign::Plus => {
            let exponent = b.to_u64()?;
            if a.magnitude().bits() > MAX_INT_SIZE / exponent {
                return None;
            }
            Some(Const::from_bigint(a.pow(u32::try_from(exponent).ok()?)))
        }
    }
}

fn float_binary(a: f64, op: BinaryOp, b: f64) -> Option<Const> {
    Some(Const::Float(match op {
        BinaryOp::NB_ADD => a + b,
        BinaryOp::NB_SUBTRACT => a - b,
        BinaryOp::NB_MULTIPLY => a * b,
        BinaryOp::NB_TRUE_DIVIDE if b != 0.0 => a / b,
        BinaryOp::NB_FLOOR_DIVIDE if b != 0.0 => number::float_divmod(a, b).0,
        BinaryOp::NB_REMAINDER if b != 0.0 => number::float_divmod(a, b).1,
        BinaryOp::NB_POWER => return number::float_power(a, b).map(|power| match power {
            number::Power::Real(v) => Const::Float(v),
            number::Power::Complex((re, im)) => Const::Complex(re, im),
        }),
        _ => return None,
    }))
}

/// Complex arithmetic. A real operand has no imaginary part, rather than one of zero.
fn complex_binary(a: &Num, op: BinaryOp, b: &Num) -> Option<(f64, f64)> {
    let parts = |n: &Num| match n {
        Num::Complex(re, im) => Some((*re, Some(*im))),
        real => real.to_f64().map(|re| (re, None)),
    };
    let ((ar, ai), (br, bi)) = (parts(a)?, parts(b)?);
    Some(match (op, ai, bi) {
        (BinaryOp::NB_ADD, Some(ai), Some(bi)) => (ar + br, ai + bi),
        (BinaryOp::NB_ADD, Some(im), None) | (BinaryOp::NB_ADD, None, Some(im)) => (ar + br, im),
        (BinaryOp::NB_SUBTRACT, Some(ai), Some(bi)) => (ar - br, ai - bi),
        (BinaryOp::NB_SUBTRACT, Some(ai), None) => (ar - br, ai),
        (BinaryOp::NB_SUBTRACT, None, Some(bi)) => (ar - br, -bi),
        (BinaryOp::NB_MULTIPLY, Some(ai), Some(bi)) => number::complex_product((ar, ai), (br, bi)),
        (BinaryOp::NB_MULTIPLY, Some(ai), None) => (ar * br, ai * br),
        (BinaryOp::NB_MULTIPLY, None, Some(bi)) => (ar * br, ar * bi),
        (BinaryOp::NB_TRUE_DIVIDE, Some(ai), None) if br != 0.0 => (ar / br, ai / br),
        (BinaryOp::NB_TRUE_DIVIDE, Some(ai), Some(bi)) => number::complex_quotient((ar, ai), (br, bi))?,
        (BinaryOp::NB_TRUE_DIVIDE, None, Some(bi)) => number::real_over_complex(ar, (br, bi))?,
        (BinaryOp::NB_POWER, ai, bi) => number::complex_power((ar, ai.unwrap_or(0.0)), (br, bi.unwrap_or(0.0)))?,
        _ => return None,
    })
}

fn subscript(value: &Const, key: &Const) -> Option<Const> {
    if let Const::Slice(slice) = key {
        return slice_of(value, slice);
    }
    let at = int_of(key)?.to_i64()?;
    match value {
        Const::Str(v) => {
            let point = if at >= 0 {
                v.code_points().nth(usize::try_from(at).ok()?)?
            } else {
                let points: Vec<u32> = v.code_points().collect();
                points[index(at, points.len())?]
            };
            Some(Const::Str([point].into_iter().collect()))
        }
        Const::Bytes(v) => Some(Const::Int(i64::from(v[index(at, v.len())?]))),
        Const::Tuple(v) => Some(v[index(at, v.len())?].clone()),
        _ => None,
    }
}

fn index(at: i64, len: usize) -> Option<usize> {
    let at = if at < 0 { at.checked_add(i64::try_from(len).ok()?)? } else { at };
    usize::try_from(at).ok().filter(|at| *at < len)
}

fn slice_of(value: &Const, slice: &Rc<[Const; 3]>) -> Option<Const> {
    match value {
        Const::Str(v) => {
            let points: Vec<u32> = Text::code_points(v).collect();
            Some(Const::Str(indices(slice, points.len())?.map(|at| points[at]).collect()))
        }
        Const::Bytes(v) => Some(Const::Bytes(indices(slice, v.len())?.map(|at| v[at]).collect())),
        Const::Tuple(v) => Some(Const::Tuple(indices(slice, v.len())?.map(|at| v[at].clone()).collect())),
        _ => None,
    }
}

/// The indices that a slice selects of a sequence.
fn indices(slice: &[Const; 3], len: usize) -> Option<impl Iterator<Item = usize> + use<>> {
    let len = i64::try_from(len).ok()?;
    // Bounds beyond a machine word are clipped to it.
    let bound = |value: &Const, default: i64| match value {
        Const::None => Some(default),
        value => int_of(value).map(|v| v.to_i64().unwrap_or(if v.is_negative() { i64::MIN } else { i64::MAX })),
    };
    let step = bound(&slice[2], 1)?.max(-i64::MAX);
    let back = step < 0;
    let clip = |at: i64| {
        let at = if at < 0 { at.saturating_add(len) } else { at };
        if back { at.clamp(-1, len - 1) } else { at.clamp(0, len) }
    };
    let start = match &slice[0] {
        Const::None => if back { len - 1 } else { 0 },
        value => clip(bound(value, 0)?),
    };
    let stop = match &slice[1] {
        Const::None => if back { -1 } else { len },
        value => clip(bound(value, 0)?),
    };
    if step == 0 {
        return None;
    }
    let mut at = Some(start);
    Some(std::iter::from_fn(move || {
        let here = at.filter(|at| if back { *at > stop } else { *at < stop })?;
        at = here.checked_add(step);
        usize::try_from(here).ok()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(v: i64) -> Const {
        Const::Int(v)
    }

    #[track_caller]
    fn check(left: Const, op: BinaryOp, right: Const, expected: Option<Const>) {
        let result = binary(&left, op as i32, &right);
        let same = match (&result, &expected) {
            (Some(a), Some(b)) => a.same(b),
            (None, None) => true,
            _ => false,
        };
        assert!(same, "{left:?} {} {right:?} is {result:?}, not {expected:?}", op.text());
    }

    #[test]
    fn numbers() {
        check(int(7), BinaryOp::NB_FLOOR_DIVIDE, int(-2), Some(int(-4)));
        check(int(7), BinaryOp::NB_REMAINDER, int(-2), Some(int(-1)));
        check(int(1), BinaryOp::NB_TRUE_DIVIDE, int(0), None);
        check(int(2), BinaryOp::NB_POWER, int(127), None);
        check(int(1), BinaryOp::NB_LSHIFT, int(127), Some(Const::from_bigint(BigInt::from(1) << 127)));
        check(int(1), BinaryOp::NB_LSHIFT, int(128), None);
        check(int(-1), BinaryOp::NB_RSHIFT, int(1 << 40), Some(int(-1)));
        check(Const::True, BinaryOp::NB_OR, Const::False, Some(Const::True));
        check(Const::True, BinaryOp::NB_ADD, Const::True, Some(int(2)));
        check(int(2), BinaryOp::NB_POWER, int(-1), Some(Const::Float(0.5)));
        check(int(0), BinaryOp::NB_POWER, int(-1), None);
        check(int(1), BinaryOp::NB_SUBTRACT, Const::Complex(0.0, 2.0), Some(Const::Complex(1.0, -2.0)));
    }

    #[test]
    fn sequences() {
        let text = |s: &str| Const::Str(s.into());
        check(text("ab"), BinaryOp::NB_MULTIPLY, int(2), Some(text("abab")));
        check(int(5000), BinaryOp::NB_MULTIPLY, text("a"), None);
        check(text("a%s"), BinaryOp::NB_REMAINDER, int(1), None);
        check(text("abc"), BinaryOp::NB_SUBSCR, int(-1), Some(text("c")));
        check(text("abc"), BinaryOp::NB_SUBSCR, int(3), None);
        let slice = |a, b, c| Const::Slice(Rc::new([a, b, c]));
        check(text("abcde"), BinaryOp::NB_SUBSCR, slice(Const::None, Const::None, int(-2)), Some(text("eca")));
        check(text("abcde"), BinaryOp::NB_SUBSCR, slice(int(1), int(-1), Const::None), Some(text("bcd")));
        check(text("abcde"), BinaryOp::NB_SUBSCR, slice(int(9), Const::None, int(i64::MIN)), Some(text("e")));
        check(text("abcde"), BinaryOp::NB_SUBSCR, slice(int(0), Const::None, int(0)), None);
    }
}
