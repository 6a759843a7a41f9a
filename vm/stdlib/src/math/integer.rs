//! The integer-valued functions: divisors, roots, and counting.

use krait_runtime::types::int::IntRef;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};
use num_bigint::{BigInt, BigUint};
use num_integer::{Integer, Roots};
use num_traits::{CheckedSub, One, Signed, ToPrimitive, Zero};

fn big_index(vm: &mut Vm, value: &Value) -> PyResult<BigInt> {
    let index = vm.index(value)?;
    match IntRef::new(&index) {
        Some(int) => Ok(int.to_big().into_owned()),
        None => Err(vm.system_error("index is no int")),
    }
}

fn fold(vm: &mut Vm, args: Args<'_>, name: &str, empty: i32, mut step: impl FnMut(BigInt, &BigInt) -> BigInt) -> PyResult {
    args.no_keywords(vm, name)?;
    let Some((first, rest)) = args.values().split_first() else { return Ok(Value::from_i32(empty)) };
    let mut result = big_index(vm, first)?.abs();
    for value in rest {
        let next = big_index(vm, value)?;
        result = step(result, &next);
    }
    vm.new_bigint(result)
}

/// The greatest common divisor of two numbers, by Lehmer's algorithm: Euclid's steps on the leading 60 bits tell a matrix that advances the
/// whole numbers by many steps at once. Unlike the binary algorithm it is fast for numbers of unlike size too.
fn gcd_of(a: BigInt, b: &BigInt) -> BigInt {
    let (mut a, mut b) = (a.into_parts().1, b.magnitude().clone());
    if a < b {
        std::mem::swap(&mut a, &mut b);
    }
    loop {
        if let Some(small) = b.to_u64() {
            if small == 0 {
                return a.into();
            }
            let rest = (&a % small).to_u64().unwrap_or(0);
            return small.gcd(&rest).into();
        }
        let shift = a.bits() - 60;
        let leading = |n: &BigUint| (n >> shift).to_i64().unwrap_or(0);
        let advanced = lehmer_matrix(leading(&a), leading(&b)).and_then(|[p, q, r, s]| {
            let x = (&a * p).checked_sub(&(&b * q))?;
            Some((x, (&b * s).checked_sub(&(&a * r))?))
        });
        match advanced {
            Some((x, y)) => (a, b) = (x, y),
            None => {
                let rest = &a % &b;
                a = std::mem::replace(&mut b, rest);
            }
        }
        if a < b {
            std::mem::swap(&mut a, &mut b);
        }
    }
}

/// `[p, q, r, s]` so that `p*a - q*b` and `s*b - r*a` are what Euclid's algorithm comes to, whatever the bits behind the leading ones are;
/// in turns the signs of both are the other way round, and then the two are exchanged. None if not even the first quotient is certain.
fn lehmer_matrix(mut x: i64, mut y: i64) -> Option<[u64; 4]> {
    let (mut a, mut b, mut c, mut d) = (1i64, 0i64, 0i64, 1i64);
    let mut steps = 0;
    while y != c {
        let quotient = (x + (a - 1)) / (y - c);
        let Some(s) = quotient.checked_mul(d).and_then(|n| n.checked_add(b)) else { break };
        let Some(t) = quotient.checked_mul(y).and_then(|n| x.checked_sub(n)) else { break };
        if s > t {
            break;
        }
        let Some(next) = quotient.checked_mul(c).and_then(|n| n.checked_add(a)) else { break };
        (x, y) = (y, t);
        (a, b, c, d) = (d, c, s, next);
        steps += 1;
    }
    if steps == 0 {
        return None;
    }
    let [a, b, c, d] = [a, b, c, d].map(i64::unsigned_abs);
    // After an odd number of steps: a*y - b*x and d*x - c*y; after an even one: a*x - b*y and d*y - c*x.
    Some(if steps % 2 == 1 { [d, c, b, a] } else { [a, b, c, d] })
}

/// The greatest common divisor of the integers; 0 for none.
#[pyfunction(text = "(*integers)")]
pub fn gcd(args: Args<'_>, vm: &mut Vm) -> PyResult {
    fold(vm, args, "math.gcd", 0, |a, b| if a.is_one() { a } else { gcd_of(a, b) })
}

/// The least common multiple of the integers; 1 for none.
#[pyfunction(text = "(*integers)")]
pub fn lcm(args: Args<'_>, vm: &mut Vm) -> PyResult {
    fold(vm, args, "math.lcm", 1, |a, b| {
        if a.is_zero() || b.is_zero() {
            return BigInt::zero();
        }
        let divisor = gcd_of(a.clone(), b);
        (a / divisor * b).abs()
    })
}

/// The integer part of the square root of a nonnegative integer.
#[pyfunction(sig = "(n, /)")]
pub fn isqrt(n: &Value, vm: &mut Vm) -> PyResult {
    let n = big_index(vm, n)?;
    if n.is_negative() {
        return Err(vm.value_error("isqrt() argument must be nonnegative"));
    }
    match n.to_u64() {
        Some(n) => vm.new_int(n.sqrt()),
        None => vm.new_bigint(n.sqrt()),
    }
}

/// `first * (first + 1) * ...`, `count` factors, in halves of about one size.
fn range_product(first: &BigInt, count: u64) -> BigInt {
    if count <= 16 {
        let (mut result, mut factor) = (BigInt::one(), first.clone());
        for _ in 0..count {
            result *= &factor;
            factor += 1;
        }
        return result;
    }
    let half = count / 2;
    range_product(first, half) * range_product(&(first + half), count - half)
}

fn factorial_of(n: u64) -> BigInt {
    range_product(&BigInt::one(), n)
}

/// The product of the integers from 1 to `n`.
#[pyfunction(sig = "(n, /)")]
pub fn factorial(n: &Value, vm: &mut Vm) -> PyResult {
    let n = big_index(vm, n)?;
    if n.is_negative() {
        return Err(vm.value_error("factorial() not defined for negative values"));
    }
    match n.to_i64() {
        Some(n) => vm.new_bigint(factorial_of(n.unsigned_abs())),
        None => Err(vm.overflow_error("factorial() argument should not exceed 9223372036854775807")),
    }
}

fn n_and_k(vm: &mut Vm, n: &Value, k: &Value) -> PyResult<(BigInt, BigInt)> {
    let (n, k) = (big_index(vm, n)?, big_index(vm, k)?);
    if n.is_negative() {
        return Err(vm.value_error("n must be a non-negative integer"));
    }
    if k.is_negative() {
        return Err(vm.value_error("k must be a non-negative integer"));
    }
    Ok((n, k))
}

/// Number of ways to choose `k` of `n` things in order; `n!` without `k`.
#[pyfunction(sig = "(n, k=None, /)")]
pub fn perm(n: &Value, k: Value, vm: &mut Vm) -> PyResult {
    if k.is_none() {
        return factorial(n, vm);
    }
    let (n, k) = n_and_k(vm, n, &k)?;
    if n < k {
        return Ok(Value::from_i32(0));
    }
    match k.to_i64() {
        Some(k) => vm.new_bigint(range_product(&(n - k + 1), k.unsigned_abs())),
        None => Err(vm.overflow_error("k must not exceed 9223372036854775807")),
    }
}

/// Number of ways to choose `k` of `n` things without order.
#[pyfunction(sig = "(n, k, /)")]
pub fn comb(n: &Value, k: &Value, vm: &mut Vm) -> PyResult {
    let (n, k) = n_and_k(vm, n, k)?;
    if n < k {
        return Ok(Value::from_i32(0));
    }
    let k = k.clone().min(&n - k);
    match k.to_i64() {
        Some(k) => {
            let k = k.unsigned_abs();
            vm.new_bigint(range_product(&(n - k + 1), k) / factorial_of(k))
        }
        None => Err(vm.overflow_error("min(n - k, k) must not exceed 9223372036854775807")),
    }
}
