//! The integer-valued functions: divisors, roots, and counting.

use krait_runtime::types::int::IntRef;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};
use num_bigint::BigInt;
use num_integer::{Integer, Roots};
use num_traits::{One, Signed, ToPrimitive, Zero};

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

/// The greatest common divisor of the integers; 0 for none.
#[pyfunction(text = "(*integers)")]
pub fn gcd(args: Args<'_>, vm: &mut Vm) -> PyResult {
    fold(vm, args, "math.gcd", 0, |a, b| if a.is_one() { a } else { a.gcd(b) })
}

/// The least common multiple of the integers; 1 for none.
#[pyfunction(text = "(*integers)")]
pub fn lcm(args: Args<'_>, vm: &mut Vm) -> PyResult {
    fold(vm, args, "math.lcm", 1, |a, b| if a.is_zero() { a } else { a.lcm(b).abs() })
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
