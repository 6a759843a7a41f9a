//! Arithmetic of ints: fast paths in machine words, the rest through `num-bigint`.

use super::IntRef;
use crate::types::tuple::Tuple;
use crate::{PyResult, Value, Vm};
use num_bigint::{BigInt, Sign};
use num_integer::Integer;
use num_traits::{One, Signed, ToPrimitive, Zero};

/// The binary operations that give an int.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntOp {
    Add,
    Sub,
    Mul,
    FloorDiv,
    Mod,
    And,
    Or,
    Xor,
}

/// Ints of more bits than this are not made: MemoryError comes first.
const MAX_BITS: u64 = 1 << 37;

/// `a OP b`, NotImplemented unless both are ints.
#[inline]
pub fn binary(vm: &mut Vm, op: IntOp, a: &Value, b: &Value) -> PyResult {
    match (IntRef::new(a), IntRef::new(b)) {
        (Some(IntRef::Small(x)), Some(IntRef::Small(y))) => small(vm, op, x, y),
        (Some(IntRef::Big(x)), Some(IntRef::Small(y))) if matches!(op, IntOp::Add | IntOp::Sub | IntOp::Mul) => big_small(vm, op, x, y),
        (Some(IntRef::Small(x)), Some(IntRef::Big(y))) if matches!(op, IntOp::Add | IntOp::Mul) => big_small(vm, op, y, x),
        (Some(x), Some(y)) => big(vm, op, &x.to_big(), &y.to_big()),
        _ => Ok(Value::not_implemented()),
    }
}

#[inline]
fn small(vm: &mut Vm, op: IntOp, x: i64, y: i64) -> PyResult {
    let result = match op {
        IntOp::Add => x.checked_add(y),
        IntOp::Sub => x.checked_sub(y),
        IntOp::Mul => x.checked_mul(y),
        IntOp::FloorDiv | IntOp::Mod if y == 0 => return Err(division_by_zero(vm)),
        IntOp::FloorDiv => x.checked_div(y).map(|q| if (x % y != 0) && ((x < 0) != (y < 0)) { q - 1 } else { q }),
        IntOp::Mod => x.checked_rem(y).map(|r| if r != 0 && ((r < 0) != (y < 0)) { r + y } else { r }),
        IntOp::And => Some(x & y),
        IntOp::Or => Some(x | y),
        IntOp::Xor => Some(x ^ y),
    };
    match result {
        Some(result) => vm.new_int(result),
        None => big(vm, op, &BigInt::from(x), &BigInt::from(y)),
    }
}

/// Addition, subtraction and multiplication with a word, which needs no big int for it.
fn big_small(vm: &mut Vm, op: IntOp, x: &BigInt, y: i64) -> PyResult {
    let result = match op {
        IntOp::Add => x + y,
        IntOp::Sub => x - y,
        _ => x * y,
    };
    vm.new_bigint(result)
}

/// `divmod(a, b)`, NotImplemented unless both are ints.
pub fn divmod(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let (Some(x), Some(y)) = (IntRef::new(a), IntRef::new(b)) else { return Ok(Value::not_implemented()) };
    if let (IntRef::Small(x), IntRef::Small(y)) = (&x, &y) {
        let quotient = small(vm, IntOp::FloorDiv, *x, *y)?;
        let remainder = small(vm, IntOp::Mod, *x, *y)?;
        return Ok(vm.new_tuple([quotient, remainder])?.into_value());
    }
    let (x, y) = (x.to_big(), y.to_big());
    if y.is_zero() {
        return Err(division_by_zero(vm));
    }
    if wants_pylong(&x, &y) {
        let (quotient, remainder) = pylong_divmod(vm, &x, &y)?;
        return Ok(vm.new_tuple([quotient, remainder])?.into_value());
    }
    let (quotient, remainder) = x.div_mod_floor(&y);
    let (quotient, remainder) = (vm.new_bigint(quotient)?, vm.new_bigint(remainder)?);
    Ok(vm.new_tuple([quotient, remainder])?.into_value())
}

/// Whether a division is so big that `_pylong` does it, as in CPython: its recursive division uses the fast multiplication.
fn wants_pylong(x: &BigInt, y: &BigInt) -> bool {
    let (x, y) = (x.bits().div_ceil(30), y.bits().div_ceil(30));
    y > 300 && x.saturating_sub(y) > 150
}

fn pylong_divmod(vm: &mut Vm, x: &BigInt, y: &BigInt) -> PyResult<(Value, Value)> {
    let args = [vm.new_bigint(x.clone())?, vm.new_bigint(y.clone())?];
    let pair = super::text::pylong(vm, "int_divmod", &args)?;
    let Some(pair) = pair.downcast::<Tuple>() else { return Err(vm.value_error("tuple is required from int_divmod()")) };
    let [quotient, remainder] = pair.items() else { return Err(vm.value_error("tuple of length 2 is required from int_divmod()")) };
    if IntRef::new(quotient).is_none() || IntRef::new(remainder).is_none() {
        return Err(vm.value_error("an int is required from int_divmod()"));
    }
    Ok((quotient.clone(), remainder.clone()))
}

#[cold]
fn division_by_zero(vm: &mut Vm) -> crate::Raised {
    vm.zero_division_error("division by zero")
}

fn big(vm: &mut Vm, op: IntOp, x: &BigInt, y: &BigInt) -> PyResult {
    let result = match op {
        IntOp::Add => x + y,
        IntOp::Sub => x - y,
        IntOp::Mul if x.bits() + y.bits() > MAX_BITS => return Err(vm.memory_error()),
        IntOp::Mul => x * y,
        IntOp::FloorDiv | IntOp::Mod if y.is_zero() => return Err(division_by_zero(vm)),
        IntOp::FloorDiv if wants_pylong(x, y) => return Ok(pylong_divmod(vm, x, y)?.0),
        IntOp::FloorDiv => x.div_floor(y),
        IntOp::Mod => x.mod_floor(y),
        IntOp::And => x & y,
        IntOp::Or => x | y,
        IntOp::Xor => x ^ y,
    };
    vm.new_bigint(result)
}

/// `a << b` and `a >> b`.
pub fn shift(vm: &mut Vm, a: &Value, b: &Value, left: bool) -> PyResult {
    let (Some(x), Some(y)) = (IntRef::new(a), IntRef::new(b)) else { return Ok(Value::not_implemented()) };
    if y.is_negative() {
        return Err(vm.value_error("negative shift count"));
    }
    let zero = matches!(x, IntRef::Small(0));
    let Some(count) = y.to_i64() else {
        if left && !zero {
            return Err(vm.overflow_error("too many digits in integer"));
        }
        return Ok(Value::from_i32(if !left && x.is_negative() { -1 } else { 0 }));
    };
    if let (IntRef::Small(i), true) = (&x, count < 64) {
        if left {
            return match i128::from(*i).checked_shl(count as u32) {
                Some(r) => vm.new_int(r),
                None => vm.new_bigint(BigInt::from(*i) << count),
            };
        }
        return vm.new_int(i >> count.min(63));
    }
    if left {
        if zero {
            return Ok(Value::from_i32(0));
        }
        let big = x.to_big();
        if big.bits().saturating_add(count as u64) > MAX_BITS {
            return Err(vm.memory_error());
        }
        // The digits stand once in the making and once in the object.
        vm.require_room((big.bits().saturating_add(count as u64) / 4) as usize)?;
        return vm.new_bigint(&*big << count);
    }
    let big = x.to_big();
    if count as u64 > big.bits() {
        return Ok(Value::from_i32(if big.is_negative() { -1 } else { 0 }));
    }
    vm.new_bigint(&*big >> count)
}

/// `a ** b` and `pow(a, b, c)`.
pub fn power(vm: &mut Vm, a: &Value, b: &Value, c: &Value) -> PyResult {
    let (Some(x), Some(y)) = (IntRef::new(a), IntRef::new(b)) else { return Ok(Value::not_implemented()) };
    if c.is_none() {
        if y.is_negative() {
            let (x, y) = (to_f64(vm, &x)?, to_f64(vm, &y)?);
            return crate::types::float::power(vm, x, y);
        }
        return plain_power(vm, &x, &y);
    }
    let Some(m) = IntRef::new(c) else { return Ok(Value::not_implemented()) };
    modular_power(vm, &x.to_big(), &y.to_big(), &m.to_big())
}

fn plain_power(vm: &mut Vm, x: &IntRef<'_>, y: &IntRef<'_>) -> PyResult {
    let base = x.to_big();
    if base.is_zero() || base.is_one() || base.magnitude().is_one() {
        let odd = y.to_big().is_odd();
        let zero_exponent = matches!(y, IntRef::Small(0));
        let result = if zero_exponent { BigInt::one() } else if odd { base.into_owned() } else { &*base * &*base };
        return vm.new_bigint(result);
    }
    let exponent = match y.to_i64().and_then(|e| u32::try_from(e).ok()) {
        Some(e) if u64::from(e).saturating_mul(base.bits()) <= MAX_BITS => e,
        _ => return Err(vm.memory_error()),
    };
    vm.require_room((u64::from(exponent).saturating_mul(base.bits()) / 4) as usize)?;
    vm.new_bigint(base.pow(exponent))
}

fn modular_power(vm: &mut Vm, base: &BigInt, exponent: &BigInt, modulus: &BigInt) -> PyResult {
    if modulus.is_zero() {
        return Err(vm.value_error("pow() 3rd argument cannot be 0"));
    }
    let size = modulus.abs();
    let (base, exponent) = if exponent.is_negative() {
        match inverse(base, &size) {
            Some(inverse) => (inverse, -exponent),
            None => return Err(vm.value_error("base is not invertible for the given modulus")),
        }
    } else {
        (base.mod_floor(&size), exponent.clone())
    };
    let result = base.modpow(&exponent, &size);
    let result = if modulus.is_negative() && !result.is_zero() { result + modulus } else { result };
    vm.new_bigint(result)
}

/// The inverse of `a` modulo `n` > 0, if there is one.
fn inverse(a: &BigInt, n: &BigInt) -> Option<BigInt> {
    let e = a.mod_floor(n).extended_gcd(n);
    e.gcd.is_one().then(|| e.x.mod_floor(n))
}

/// `a / b`: the float nearest to the exact quotient.
pub fn true_divide(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let (Some(x), Some(y)) = (IntRef::new(a), IntRef::new(b)) else { return Ok(Value::not_implemented()) };
    if matches!(y, IntRef::Small(0)) {
        return Err(vm.zero_division_error("division by zero"));
    }
    const EXACT: u64 = 1 << 53;
    if let (IntRef::Small(i), IntRef::Small(j)) = (&x, &y)
        && i.unsigned_abs() <= EXACT && j.unsigned_abs() <= EXACT {
            return vm.new_float(*i as f64 / *j as f64);
        }
    match ratio_to_f64(&x.to_big(), &y.to_big()) {
        Some(f) => vm.new_float(f),
        None => Err(vm.overflow_error("integer division result too large for a float")),
    }
}

/// `n / d` correctly rounded; none if it overflows. `d` is not 0.
pub fn ratio_to_f64(n: &BigInt, d: &BigInt) -> Option<f64> {
    if n.is_zero() {
        return Some(if d.is_negative() { -0.0 } else { 0.0 });
    }
    let negative = n.is_negative() != d.is_negative();
    let (n, d) = (n.magnitude(), d.magnitude());
    let shift = n.bits() as i64 - d.bits() as i64;
    if shift > 1025 {
        return None;
    }
    if shift < -1080 {
        return Some(if negative { -0.0 } else { 0.0 });
    }
    // Scale so that the quotient has 55 or 56 bits, fewer where the result is subnormal, and remember what is cut off.
    let want = (55 - shift).min(1074 + 2);
    let (n, d) = if want >= 0 { (n << want as u64, d.clone()) } else { (n.clone(), d << (-want) as u64) };
    let (q, r) = n.div_rem(&d);
    let mut q = q.to_u64()?;
    let bits = 64 - q.leading_zeros() as i64;
    // Bits that do not survive: beyond 53, or below 2**-1074.
    let drop = (bits - 53).max(want - 1074).max(0) as u32;
    if drop > 0 {
        let mask = (1u64 << drop) - 1;
        let low = q & mask;
        let half = 1u64 << (drop - 1);
        q >>= drop;
        if low > half || (low == half && (!r.is_zero() || q & 1 == 1)) {
            q += 1;
        }
    }
    let exponent = drop as i64 - want;
    let f = scale(q as f64, exponent);
    if f.is_infinite() {
        return None;
    }
    Some(if negative { -f } else { f })
}

/// `f * 2**e` where the result is exact.
fn scale(f: f64, e: i64) -> f64 {
    let (mut f, mut e) = (f, e);
    while e > 1000 {
        f *= 2f64.powi(1000);
        e -= 1000;
    }
    while e < -1000 {
        f *= 2f64.powi(-1000);
        e += 1000;
    }
    f * 2f64.powi(e as i32)
}

/// The nearest float, or OverflowError.
pub fn to_f64(vm: &mut Vm, int: &IntRef<'_>) -> PyResult<f64> {
    match int {
        IntRef::Small(i) => Ok(*i as f64),
        IntRef::Big(b) => match ratio_to_f64(b, &BigInt::one()) {
            Some(f) => Ok(f),
            None => Err(vm.overflow_error("int too large to convert to float")),
        },
    }
}

/// The modulus of numeric hashes: the Mersenne prime 2**61 - 1.
pub const HASH_MODULUS: u64 = (1 << 61) - 1;

/// `hash()` of an int: its value modulo [`HASH_MODULUS`] with the sign; never -1.
pub fn hash(int: &IntRef<'_>) -> i64 {
    let (negative, rest) = match int {
        IntRef::Small(i) => (*i < 0, i.unsigned_abs() % HASH_MODULUS),
        IntRef::Big(b) => {
            let rest = (b.magnitude() % HASH_MODULUS).to_u64().unwrap_or(0);
            (b.sign() == Sign::Minus, rest)
        }
    };
    let hash = if negative { -(rest as i64) } else { rest as i64 };
    if hash == -1 { -2 } else { hash }
}

/// `x` rounded to a multiple of `unit`, halves to even.
pub fn round_half_even(x: &BigInt, unit: &BigInt) -> BigInt {
    let (q, r) = x.div_mod_floor(unit);
    let twice: BigInt = &r * 2;
    let up = match twice.cmp(unit) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => q.is_odd(),
    };
    (if up { q + 1 } else { q }) * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_round_to_nearest() {
        let cases: [(i128, i128, f64); 6] =
            [(1, 3, 1.0 / 3.0), (2, 3, 2.0 / 3.0), (-7, 2, -3.5), (10_i128.pow(30), 7, 1e30 / 7.0), ((1 << 53) + 1, 1, 9007199254740992.0), (0, 5, 0.0)];
        for (n, d, want) in cases {
            assert_eq!(ratio_to_f64(&n.into(), &d.into()), Some(want), "{n}/{d}");
        }
        assert_eq!(ratio_to_f64(&BigInt::one(), &(BigInt::one() << 1074)), Some(f64::from_bits(1)));
        assert_eq!(ratio_to_f64(&(BigInt::one() << 1024), &BigInt::one()), None);
    }
}
