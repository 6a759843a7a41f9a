//! Sums that lose nothing: `fsum` (Shewchuk's partials), `sumprod` (triple-length), vector lengths, and `prod`.

use super::libm::{fma, ldexp};
use krait_bytecode::opcode::BinaryOp;
use krait_runtime::types::float::{float_value, frexp};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};
use num_bigint::BigInt;

/// The sum of the floats of an iterable, rounded once.
///
/// No precision is lost on the way: partial sums that do not overlap are kept.
#[pyfunction(sig = "(seq, /)")]
pub fn fsum(seq: &Value, vm: &mut Vm) -> PyResult {
    let mut partials: Vec<f64> = Vec::new();
    let (mut special, mut infinities) = (0.0, 0.0);
    let iterator = vm.iter(seq)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        let given = vm.as_f64(&item)?;
        let mut x = given;
        let mut kept = 0;
        for at in 0..partials.len() {
            let mut y = partials[at];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let hi = x + y;
            let lo = y - (hi - x);
            if lo != 0.0 {
                partials[kept] = lo;
                kept += 1;
            }
            x = hi;
        }
        partials.truncate(kept);
        if x == 0.0 {
            continue;
        }
        if x.is_finite() {
            partials.push(x);
            continue;
        }
        if given.is_finite() {
            return Err(vm.overflow_error("intermediate overflow in fsum"));
        }
        if given.is_infinite() {
            infinities += given;
        }
        special += given;
        partials.clear();
    }
    if special != 0.0 {
        if f64::is_nan(infinities) {
            return Err(vm.value_error("-inf + inf in fsum"));
        }
        return vm.new_float(special);
    }
    vm.new_float(round_partials(&partials))
}

/// The sum of partials that do not overlap, smallest first; half-even across several of them.
fn round_partials(partials: &[f64]) -> f64 {
    let Some((&last, mut rest)) = partials.split_last() else { return 0.0 };
    let (mut hi, mut lo) = (last, 0.0);
    while let Some((&y, before)) = rest.split_last() {
        rest = before;
        let x = hi;
        hi = x + y;
        lo = y - (hi - x);
        if lo != 0.0 {
            break;
        }
    }
    if let Some(&next) = rest.last()
        && ((lo < 0.0 && next < 0.0) || (lo > 0.0 && next > 0.0)) {
            let y = lo * 2.0;
            let x = hi + y;
            if y == x - hi {
                hi = x;
            }
        }
    hi
}

/// a + b as a rounded sum and its error.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let x = a + b;
    let z = x - a;
    (x, (a - (x - z)) + (b - z))
}

/// The same where |a| >= |b|.
fn fast_sum(a: f64, b: f64) -> (f64, f64) {
    let x = a + b;
    (x, (a - x) + b)
}

/// a * b as a rounded product and its error.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let z = a * b;
    (z, fma(a, b, -z))
}

/// √Σx² with an error below one unit in the last place; `vector` holds absolute values, `max` the largest.
pub fn vector_norm(vector: &mut [f64], max: f64, found_nan: bool) -> f64 {
    if max.is_infinite() {
        return max;
    }
    if found_nan {
        return f64::NAN;
    }
    if max == 0.0 || vector.len() <= 1 {
        return max;
    }
    let exponent = frexp(max).1;
    if exponent < -1023 {
        // The scale would overflow: make normal numbers of subnormal ones.
        vector.iter_mut().for_each(|x| *x /= f64::MIN_POSITIVE);
        return f64::MIN_POSITIVE * vector_norm(vector, max / f64::MIN_POSITIVE, found_nan);
    }
    let scale = ldexp(1.0, -exponent);
    let (mut sum, mut low_products, mut low_sums) = (1.0, 0.0, 0.0);
    for x in vector.iter() {
        let x = x * scale;
        let product = two_product(x, x);
        let total = fast_sum(sum, product.0);
        sum = total.0;
        low_products += product.1;
        low_sums += total.1;
    }
    let mut h = (sum - 1.0 + (low_products + low_sums)).sqrt();
    let product = two_product(-h, h);
    let total = fast_sum(sum, product.0);
    sum = total.0;
    low_products += product.1;
    low_sums += total.1;
    // One step of Newton's method.
    h += (sum - 1.0 + (low_products + low_sums)) / (2.0 * h);
    h / scale
}

fn norm(mut vector: Vec<f64>) -> f64 {
    let found_nan = vector.iter().any(|x| x.is_nan());
    let max = vector.iter().fold(0.0, |m: f64, &x| if x > m { x } else { m });
    vector_norm(&mut vector, max, found_nan)
}

/// Distance of the point with these coordinates from the origin: `hypot(3, 4)` is 5.
#[pyfunction(text = "(*coordinates)")]
pub fn hypot(args: Args<'_>, vm: &mut Vm) -> PyResult {
    args.no_keywords(vm, "math.hypot")?;
    let mut vector = Vec::with_capacity(args.values().len());
    for x in args.values() {
        vector.push(vm.as_f64(x)?.abs());
    }
    vm.new_float(norm(vector))
}

fn coordinates(vm: &mut Vm, point: &Value) -> PyResult<Vec<Value>> {
    match point.downcast::<Tuple>() {
        Some(tuple) => Ok(tuple.items().to_vec()),
        None => vm.collect(point),
    }
}

/// Distance between two points given as iterables of coordinates.
#[pyfunction(sig = "(p, q, /)")]
pub fn dist(p: &Value, q: &Value, vm: &mut Vm) -> PyResult {
    let (p, q) = (coordinates(vm, p)?, coordinates(vm, q)?);
    if p.len() != q.len() {
        return Err(vm.value_error("both points must have the same number of dimensions"));
    }
    let mut vector = Vec::with_capacity(p.len());
    for (x, y) in p.iter().zip(&q) {
        vector.push((vm.as_f64(x)? - vm.as_f64(y)?).abs());
    }
    vm.new_float(norm(vector))
}

/// The product of the items of an iterable, times `start`. For nothing it is `start`.
#[pyfunction(sig = "(iterable, /, *, start=1)")]
pub fn prod(iterable: &Value, start: Value, vm: &mut Vm) -> PyResult {
    let mut result = start;
    let iterator = vm.iter(iterable)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        result = vm.binary_op(BinaryOp::NB_MULTIPLY, &result, &item)?;
    }
    Ok(result)
}

/// A float in three parts.
#[derive(Clone, Copy, Default)]
struct Triple {
    hi: f64,
    lo: f64,
    tiny: f64,
}

impl Triple {
    /// Adds x * y.
    fn add_product(self, x: f64, y: f64) -> Triple {
        let product = two_product(x, y);
        let high = two_sum(self.hi, product.0);
        let low = two_sum(self.lo, product.1);
        let middle = two_sum(low.0, high.1);
        Triple { hi: high.0, lo: middle.0, tiny: self.tiny + low.1 + middle.1 }
    }

    fn to_f64(self) -> f64 {
        let last = two_sum(self.tiny, self.lo);
        self.hi + last.0
    }
}

/// An exact float, or an exact int or bool that is used with one.
fn plain_float(vm: &mut Vm, value: &Value) -> PyResult<Option<f64>> {
    use krait_runtime::types::int::{Bool, Int, arith};
    if value.is_exact::<krait_runtime::types::float::Float>() {
        return Ok(float_value(value));
    }
    if !value.is_exact::<Int>() && !value.is_exact::<Bool>() {
        return Ok(None);
    }
    let Some(int) = IntRef::new(value) else { return Ok(None) };
    Ok(arith::to_f64(vm, &int).ok())
}

/// The running total of [`sumprod`]: exact ints and floats apart from the rest.
#[derive(Default)]
struct Totals {
    ints: Option<BigInt>,
    ints_over: bool,
    floats: Option<Triple>,
    floats_over: bool,
}

impl Totals {
    /// Adds p * q if both are plain numbers and their path is still open.
    fn add(&mut self, vm: &mut Vm, p: &Value, q: &Value) -> PyResult<bool> {
        use krait_runtime::types::float::Float;
        use krait_runtime::types::int::Int;
        if !self.ints_over && p.is_exact::<Int>() && q.is_exact::<Int>()
            && let (Some(a), Some(b)) = (IntRef::new(p), IntRef::new(q)) {
                let product = match (&a, &b) {
                    (IntRef::Small(a), IntRef::Small(b)) => BigInt::from(i128::from(*a) * i128::from(*b)),
                    _ => &*a.to_big() * &*b.to_big(),
                };
                *self.ints.get_or_insert_with(BigInt::default) += product;
                return Ok(true);
            }
        if !self.floats_over && (p.is_exact::<Float>() || q.is_exact::<Float>())
            && let (Some(x), Some(y)) = (plain_float(vm, p)?, plain_float(vm, q)?) {
                let sum = self.floats.unwrap_or_default().add_product(x, y);
                if sum.hi.is_finite() {
                    self.floats = Some(sum);
                    return Ok(true);
                }
            }
        Ok(false)
    }
}

fn add(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    vm.binary_op(BinaryOp::NB_ADD, a, b)
}

/// The sum of the products of the items of two iterables of one length.
///
/// Floats, also mixed with ints, are added up with extended precision.
#[pyfunction(sig = "(p, q, /)")]
pub fn sumprod(p: &Value, q: &Value, vm: &mut Vm) -> PyResult {
    let (ps, qs) = (vm.iter(p)?, vm.iter(q)?);
    let mut total = Value::from_i32(0);
    let mut open = Totals::default();
    loop {
        let (a, b) = (vm.iter_next(&ps)?, vm.iter_next(&qs)?);
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => break,
            _ => return Err(vm.value_error("Inputs are not the same length")),
        };
        let both_int = a.is_exact::<krait_runtime::types::int::Int>() && b.is_exact::<krait_runtime::types::int::Int>();
        if !both_int {
            total = flush_ints(vm, &mut open, total)?;
        }
        if open.add(vm, &a, &b)? {
            continue;
        }
        total = flush_floats(vm, &mut open, total)?;
        let product = vm.binary_op(BinaryOp::NB_MULTIPLY, &a, &b)?;
        total = add(vm, &total, &product)?;
    }
    let total = flush_ints(vm, &mut open, total)?;
    flush_floats(vm, &mut open, total)
}

/// Closes the path of ints.
fn flush_ints(vm: &mut Vm, open: &mut Totals, total: Value) -> PyResult {
    open.ints_over = true;
    match open.ints.take() {
        Some(sum) => {
            let sum = vm.new_bigint(sum)?;
            add(vm, &total, &sum)
        }
        None => Ok(total),
    }
}

/// Closes the path of floats.
fn flush_floats(vm: &mut Vm, open: &mut Totals, total: Value) -> PyResult {
    open.floats_over = true;
    match open.floats.take() {
        Some(sum) => {
            let sum = vm.new_float(sum.to_f64())?;
            add(vm, &total, &sum)
        }
        None => Ok(total),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partials_round_half_even() {
        assert_eq!(round_partials(&[]), 0.0);
        assert_eq!(round_partials(&[2f64.powi(-1074), 2f64.powi(-53), 1.0]), 1.0 + 2f64.powi(-52));
        assert_eq!(round_partials(&[2f64.powi(-53), 1.0]), 1.0);
    }

    #[test]
    fn norms_scale() {
        assert_eq!(norm(vec![3.0, 4.0]), 5.0);
        assert_eq!(norm(vec![3e300, 4e300]), 5e300);
        assert_eq!(norm(vec![3.0 * 5e-324, 4.0 * 5e-324]), 5.0 * 5e-324);
    }
}
