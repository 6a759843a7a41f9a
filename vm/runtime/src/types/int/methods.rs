//! Slots and methods of `int`.

use super::arith::{self, IntOp};
use super::{Bool, Int, IntRef};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pymethods};
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

/// The value, or 0 for what cannot come here: slots are only called on ints.
fn this(value: &Value) -> IntRef<'_> {
    IntRef::new(value).unwrap_or(IntRef::Small(0))
}

#[pymethods(parts(methods))]
impl Int {
    #[slot(add)]
    fn nb_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Add, a, b)
    }

    #[slot(sub)]
    fn nb_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Sub, a, b)
    }

    #[slot(mul)]
    fn nb_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Mul, a, b)
    }

    #[slot(floordiv)]
    fn nb_floordiv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::FloorDiv, a, b)
    }

    #[slot(rem)]
    fn nb_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Mod, a, b)
    }

    #[slot(and)]
    fn nb_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::And, a, b)
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Or, a, b)
    }

    #[slot(xor)]
    fn nb_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::binary(vm, IntOp::Xor, a, b)
    }

    #[slot(lshift)]
    fn nb_lshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::shift(vm, a, b, true)
    }

    #[slot(rshift)]
    fn nb_rshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::shift(vm, a, b, false)
    }

    #[slot(truediv)]
    fn nb_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::true_divide(vm, a, b)
    }

    #[slot(divmod)]
    fn nb_divmod(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        arith::divmod(vm, a, b)
    }

    #[slot(pow)]
    fn nb_pow(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult {
        arith::power(vm, a, b, c)
    }

    #[slot(neg)]
    fn nb_neg(zelf: &Value, vm: &mut Vm) -> PyResult {
        match this(zelf) {
            IntRef::Small(i) => vm.new_int(-i128::from(i)),
            IntRef::Big(b) => vm.new_bigint(-b),
        }
    }

    #[slot(pos, int, index)]
    fn nb_pos(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    #[slot(abs)]
    fn nb_abs(zelf: &Value, vm: &mut Vm) -> PyResult {
        match this(zelf) {
            IntRef::Small(i) => vm.new_int(i128::from(i).abs()),
            IntRef::Big(b) => vm.new_bigint(b.abs()),
        }
    }

    #[slot(invert)]
    fn nb_invert(zelf: &Value, vm: &mut Vm) -> PyResult {
        match this(zelf) {
            IntRef::Small(i) => vm.new_int(!i),
            IntRef::Big(b) => vm.new_bigint(!b),
        }
    }

    #[slot(bool)]
    fn nb_bool(zelf: &Value, _vm: &mut Vm) -> PyResult<bool> {
        Ok(match this(zelf) {
            IntRef::Small(i) => i != 0,
            IntRef::Big(b) => !b.is_zero(),
        })
    }

    #[slot(float)]
    fn nb_float(zelf: &Value, vm: &mut Vm) -> PyResult {
        let f = arith::to_f64(vm, &this(zelf))?;
        vm.new_float(f)
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Value, _vm: &mut Vm) -> PyResult<i64> {
        Ok(arith::hash(&this(zelf)))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        super::text::to_str(vm, &this(zelf))
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Value, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let (Some(a), Some(b)) = (IntRef::new(zelf), IntRef::new(other)) else { return Ok(Value::not_implemented()) };
        let order = match (&a, &b) {
            (IntRef::Small(x), IntRef::Small(y)) => x.cmp(y),
            _ => a.to_big().cmp(&b.to_big()),
        };
        Ok(Value::from_bool(op.matches(order)))
    }

    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let value = super::text::construct(vm, args)?;
        if cls.header().type_ptr().is_null() || std::ptr::eq(&raw const cls.core, <Int as krait_heap::Payload>::type_core()) {
            return Ok(value);
        }
        let big = this(&value).to_big().into_owned();
        Ok(vm.new_instance(cls, Int { big })?.into_value())
    }
}

/// The int itself, or a plain one equal to an instance of a subclass.
fn plain(vm: &mut Vm, zelf: &Value) -> PyResult {
    if zelf.is_small_int() || zelf.is_exact::<Int>() {
        return Ok(zelf.clone());
    }
    match this(zelf) {
        IntRef::Small(i) => vm.new_int(i),
        IntRef::Big(b) => vm.new_bigint(b.clone()),
    }
}

#[pymethods(part = methods)]
impl Int {
    /// The int itself: it is its own complex conjugate.
    #[method]
    fn conjugate(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// Number of bits that the absolute value takes in binary: `(37).bit_length()` is 6.
    #[method]
    fn bit_length(zelf: &Value) -> u64 {
        match this(zelf) {
            IntRef::Small(i) => u64::from(64 - i.unsigned_abs().leading_zeros()),
            IntRef::Big(b) => b.bits(),
        }
    }

    /// Number of ones in the binary form of the absolute value: `(13).bit_count()` is 3.
    #[method]
    fn bit_count(zelf: &Value) -> u64 {
        match this(zelf) {
            IntRef::Small(i) => u64::from(i.unsigned_abs().count_ones()),
            IntRef::Big(b) => b.magnitude().count_ones(),
        }
    }

    /// A pair of ints whose ratio is this one: `(10).as_integer_ratio()` is `(10, 1)`.
    #[method]
    fn as_integer_ratio(zelf: &Value, vm: &mut Vm) -> PyResult {
        let value = plain(vm, zelf)?;
        Ok(vm.new_tuple(vec![value, Value::from_i32(1)])?.into_value())
    }

    /// True: for the sake of code that also takes floats.
    #[method]
    fn is_integer(zelf: &Value) -> bool {
        let _ = zelf;
        true
    }

    #[method(name = "__trunc__")]
    fn trunc(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    #[method(name = "__floor__")]
    fn floor(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    #[method(name = "__ceil__")]
    fn ceil(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// Round to a power of ten: `ndigits` below zero rounds to tens, hundreds and so on.
    #[method(name = "__round__", sig = "(ndigits=?, /)", text = "($self, ndigits=None, /)")]
    fn round(zelf: &Value, ndigits: Option<Value>, vm: &mut Vm) -> PyResult {
        let Some(ndigits) = ndigits.filter(|n| !n.is_none()) else { return plain(vm, zelf) };
        let ndigits = vm.index(&ndigits)?;
        let digits = IntRef::new(&ndigits).and_then(|n| n.to_i64()).unwrap_or(0);
        if digits >= 0 {
            return plain(vm, zelf);
        }
        let big = this(zelf).to_big().into_owned();
        let bits = big.bits();
        if digits.unsigned_abs() > bits {
            return Ok(Value::from_i32(0));
        }
        let unit = BigInt::from(10).pow(u32::try_from(digits.unsigned_abs()).unwrap_or(u32::MAX));
        vm.new_bigint(arith::round_half_even(&big, &unit))
    }

    #[method(name = "__getnewargs__")]
    fn getnewargs(zelf: &Value, vm: &mut Vm) -> PyResult {
        let value = plain(vm, zelf)?;
        Ok(vm.new_tuple(vec![value])?.into_value())
    }

    /// Size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(zelf: &Value) -> u64 {
        let bits = match this(zelf) {
            IntRef::Small(i) => u64::from(64 - i.unsigned_abs().leading_zeros()),
            IntRef::Big(b) => b.bits(),
        };
        u64::from(super::counted_basicsize(zelf.ty())) + 4 * bits.div_ceil(30).max(1)
    }

    /// Format after a specification.
    #[method(name = "__format__", sig = "(format_spec, /)")]
    fn format(zelf: &Value, format_spec: &Py<Str>, vm: &mut Vm) -> PyResult {
        crate::protocol::format_numbers::format_int(vm, zelf, format_spec)
    }

    /// The bytes of the integer.
    ///
    /// Raises OverflowError if it does not fit `length` bytes; `byteorder` is 'big' or 'little', `signed` says whether two's complement is used.
    #[method(sig = "(length=1, byteorder='big', *, signed=False)")]
    fn to_bytes(zelf: &Value, length: isize, byteorder: String, signed: bool, vm: &mut Vm) -> PyResult {
        let little = byte_order(vm, &byteorder)?;
        let Ok(length) = usize::try_from(length) else { return Err(vm.value_error("length argument must be non-negative")) };
        let int = this(zelf);
        if int.is_negative() && !signed {
            return Err(vm.overflow_error("can't convert negative int to unsigned"));
        }
        let big = int.to_big();
        let mut bytes = if signed { big.to_signed_bytes_le() } else { big.magnitude().to_bytes_le() };
        if big.is_zero() {
            bytes.clear();
        }
        if bytes.len() > length {
            return Err(vm.overflow_error("int too big to convert"));
        }
        if bytes.try_reserve_exact(length - bytes.len()).is_err() {
            return Err(vm.memory_error());
        }
        bytes.resize(length, if int.is_negative() { 0xff } else { 0 });
        if !little {
            bytes.reverse();
        }
        Ok(vm.new_bytes(&bytes)?.into_value())
    }

    /// The integer that the bytes make.
    ///
    /// `byteorder` is 'big' or 'little', `signed` says whether two's complement is used.
    #[classmethod(sig = "(bytes, byteorder='big', *, signed=False)")]
    fn from_bytes(cls: &Py<PyType>, bytes: &Value, byteorder: String, signed: bool, vm: &mut Vm) -> PyResult {
        let little = byte_order(vm, &byteorder)?;
        let mut data = bytes_like(vm, bytes)?;
        if !little {
            data.reverse();
        }
        let big = if signed { BigInt::from_signed_bytes_le(&data) } else { BigInt::from_bytes_le(num_bigint::Sign::Plus, &data) };
        let value = vm.new_bigint(big)?;
        if std::ptr::eq(&raw const cls.core, <Int as krait_heap::Payload>::type_core()) {
            return Ok(value);
        }
        vm.call(cls.as_value(), &[value])
    }

    /// The real part: the number itself.
    #[getter]
    fn real(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// The imaginary part: 0.
    #[getter]
    fn imag(zelf: &Value) -> i32 {
        let _ = zelf;
        0
    }

    /// The numerator in lowest terms: the number itself.
    #[getter]
    fn numerator(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// The denominator in lowest terms: 1.
    #[getter]
    fn denominator(zelf: &Value) -> i32 {
        let _ = zelf;
        1
    }
}

/// The bytes of a bytes-like object, of what `__bytes__` gives, or of an iterable of ints.
fn bytes_like(vm: &mut Vm, object: &Value) -> PyResult<Vec<u8>> {
    use crate::PyClass;
    let bytes = crate::types::bytes::Bytes::static_type().ready(vm)?.to_value();
    if object.is::<Str>() {
        return Err(vm.type_error("cannot convert 'str' object to bytes"));
    }
    if object.is_small_int() || object.is::<Int>() {
        return Err(vm.type_error("cannot convert 'int' object to bytes"));
    }
    let made = if object.type_ref().slots.buffer.get().is_some() { object.clone() } else { vm.call(&bytes, std::slice::from_ref(object))? };
    vm.bytes_of(&made)
}

fn byte_order(vm: &mut Vm, order: &str) -> PyResult<bool> {
    match order {
        "little" => Ok(true),
        "big" => Ok(false),
        _ => Err(vm.value_error("byteorder must be either 'little' or 'big'")),
    }
}

#[pymethods]
impl Bool {
    #[slot(repr)]
    fn slot_repr(zelf: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        Ok(vm.intern(if zelf.is_true() { "True" } else { "False" }))
    }

    #[slot(and)]
    fn nb_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        Bool::logic(vm, IntOp::And, a, b)
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        Bool::logic(vm, IntOp::Or, a, b)
    }

    #[slot(xor)]
    fn nb_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        Bool::logic(vm, IntOp::Xor, a, b)
    }

    #[slot(invert)]
    fn nb_invert(zelf: &Value, vm: &mut Vm) -> PyResult {
        vm.warn_deprecated(
            "Bitwise inversion '~' on bool is deprecated and will be removed in Python 3.16. This returns the bitwise inversion of the underlying int \
             object and is usually not what you expect from the negation of a bool. Use the 'not' operator for boolean negation or ~int(x) for \
             the bitwise inversion of the underlying int.",
        )?;
        Ok(Value::from_i32(if zelf.is_true() { -2 } else { -1 }))
    }

    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = cls;
        args.no_keywords(vm, "bool")?;
        crate::args::check_positional(vm, "bool", args.positional().len(), 0, 1)?;
        let truth = match args.positional().first() {
            Some(x) => vm.is_true(x)?,
            None => false,
        };
        Ok(Value::from_bool(truth))
    }
}

impl Bool {
    fn logic(vm: &mut Vm, op: IntOp, a: &Value, b: &Value) -> PyResult {
        let both = (a.is_true() || a.is_false()) && (b.is_true() || b.is_false());
        if !both {
            return arith::binary(vm, op, a, b);
        }
        Ok(Value::from_bool(match op {
            IntOp::And => a.is_true() & b.is_true(),
            IntOp::Or => a.is_true() | b.is_true(),
            _ => a.is_true() ^ b.is_true(),
        }))
    }
}
