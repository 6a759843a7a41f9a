//! Slots and methods of `float`.

use super::{Float, float_value, floor_divmod, frexp, text};
use crate::types::int::{IntRef, arith};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pymethods};
use num_bigint::BigInt;
use num_traits::FromPrimitive;
use std::cmp::Ordering;

/// The value; slots are only called on floats.
#[inline]
fn this(value: &Value) -> f64 {
    float_value(value).unwrap_or(0.0)
}

/// Both operands as floats: none if one is neither float nor int.
#[inline]
fn operands(vm: &mut Vm, a: &Value, b: &Value) -> PyResult<Option<(f64, f64)>> {
    let (Some(x), Some(y)) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(None) };
    Ok(Some((x, y)))
}

#[inline]
fn operand(vm: &mut Vm, value: &Value) -> PyResult<Option<f64>> {
    if let Some(f) = float_value(value) {
        return Ok(Some(f));
    }
    match IntRef::new(value) {
        Some(int) => arith::to_f64(vm, &int).map(Some),
        None => Ok(None),
    }
}

/// The float itself, or a plain one equal to an instance of a subclass.
fn plain(vm: &mut Vm, zelf: &Value) -> PyResult {
    if zelf.is_exact::<Float>() { Ok(zelf.clone()) } else { vm.new_float(this(zelf)) }
}

/// The int of a float without a fraction.
fn to_int(vm: &mut Vm, f: f64) -> PyResult {
    if f.is_nan() {
        return Err(vm.value_error("cannot convert float NaN to integer"));
    }
    if f.is_infinite() {
        return Err(vm.overflow_error("cannot convert float infinity to integer"));
    }
    if f.abs() < 9e18 {
        return vm.new_int(f as i64);
    }
    vm.new_bigint(BigInt::from_f64(f).unwrap_or_default())
}

macro_rules! binary {
    ($vm:ident, $a:ident, $b:ident, |$x:ident, $y:ident| $body:expr) => {
        match operands($vm, $a, $b)? {
            Some(($x, $y)) => $body,
            None => Ok(Value::not_implemented()),
        }
    };
}

#[pymethods(parts(methods))]
impl Float {
    #[slot(add)]
    fn nb_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| vm.new_float(x + y))
    }

    #[slot(sub)]
    fn nb_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| vm.new_float(x - y))
    }

    #[slot(mul)]
    fn nb_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| vm.new_float(x * y))
    }

    #[slot(truediv)]
    fn nb_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| if y == 0.0 { Err(vm.zero_division_error("division by zero")) } else { vm.new_float(x / y) })
    }

    #[slot(floordiv)]
    fn nb_floordiv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| if y == 0.0 { Err(vm.zero_division_error("division by zero")) } else { vm.new_float(floor_divmod(x, y).0) })
    }

    #[slot(rem)]
    fn nb_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| if y == 0.0 { Err(vm.zero_division_error("division by zero")) } else { vm.new_float(floor_divmod(x, y).1) })
    }

    #[slot(divmod)]
    fn nb_divmod(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        binary!(vm, a, b, |x, y| {
            if y == 0.0 {
                return Err(vm.zero_division_error("division by zero"));
            }
            let (q, r) = floor_divmod(x, y);
            let pair = vec![vm.new_float(q)?, vm.new_float(r)?];
            Ok(vm.new_tuple(pair)?.into_value())
        })
    }

    #[slot(pow)]
    fn nb_pow(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult {
        if !c.is_none() {
            return match operands(vm, a, b)? {
                Some(_) => Err(vm.type_error("pow() 3rd argument not allowed unless all arguments are integers")),
                None => Ok(Value::not_implemented()),
            };
        }
        binary!(vm, a, b, |x, y| super::power(vm, x, y))
    }

    #[slot(neg)]
    fn nb_neg(zelf: &Value, vm: &mut Vm) -> PyResult {
        vm.new_float(-this(zelf))
    }

    #[slot(pos, float)]
    fn nb_pos(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    #[slot(abs)]
    fn nb_abs(zelf: &Value, vm: &mut Vm) -> PyResult {
        vm.new_float(this(zelf).abs())
    }

    #[slot(bool)]
    fn nb_bool(zelf: &Value, _vm: &mut Vm) -> PyResult<bool> {
        Ok(this(zelf) != 0.0)
    }

    #[slot(int)]
    fn nb_int(zelf: &Value, vm: &mut Vm) -> PyResult {
        to_int(vm, this(zelf).trunc())
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Value, _vm: &mut Vm) -> PyResult<i64> {
        Ok(super::hash(this(zelf), zelf.bits()))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_str(&text::repr(this(zelf)))
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Value, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let x = this(zelf);
        let order = match (float_value(other), IntRef::new(other)) {
            (Some(y), _) => x.partial_cmp(&y),
            (None, Some(int)) => compare_int(x, &int),
            (None, None) => return Ok(Value::not_implemented()),
        };
        Ok(Value::from_bool(match order {
            Some(order) => op.matches(order),
            None => op == CompareOp::Ne,
        }))
    }

    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if crate::types::type_::keywords_refused(cls, <Float as crate::PyClass>::type_object(vm)) {
            args.no_keywords(vm, "float")?;
        }
        crate::args::check_positional(vm, "float", args.positional().len(), 0, 1)?;
        let f = match args.positional().first() {
            None => 0.0,
            Some(x) => from_object(vm, x)?,
        };
        Float::make(vm, cls, f)
    }
}

impl Float {
    fn make(vm: &mut Vm, cls: &Py<PyType>, f: f64) -> PyResult {
        if std::ptr::eq(&raw const cls.core, <Float as krait_heap::Payload>::type_core()) {
            return vm.new_float(f);
        }
        Ok(vm.new_instance(cls, Float { value: f })?.into_value())
    }
}

/// How a float stands to an int, exactly; none for NaN.
fn compare_int(x: f64, int: &IntRef<'_>) -> Option<Ordering> {
    if x.is_nan() {
        return None;
    }
    if x.is_infinite() {
        return Some(if x > 0.0 { Ordering::Greater } else { Ordering::Less });
    }
    if let IntRef::Small(i) = int
        && i.unsigned_abs() <= 1 << 53 {
            return x.partial_cmp(&(*i as f64));
        }
    let floor = x.floor();
    let whole = BigInt::from_f64(floor).unwrap_or_default();
    Some(whole.cmp(&int.to_big()).then(if x > floor { Ordering::Greater } else { Ordering::Equal }))
}

/// `float(x)`.
fn from_object(vm: &mut Vm, x: &Value) -> PyResult<f64> {
    if x.is_exact::<Float>() {
        return vm.as_f64(x);
    }
    // A string with a __float__ of its own is a number.
    if x.type_ref().slots.nb_float.get().is_some() || x.type_ref().slots.nb_index.get().is_some() {
        return vm.number_to_f64(x);
    }
    let text = if let Some(s) = x.downcast::<Str>() {
        Some(crate::types::int::text::ascii_form(s))
    } else if x.type_ref().slots.buffer.get().is_some() {
        let bytes = vm.bytes_of(x)?;
        Some(std::borrow::Cow::Owned(String::from_utf8(bytes).unwrap_or_else(|_| "?".into())))
    } else {
        None
    };
    match text {
        Some(text) => match text::parse(&text) {
            Some(f) => Ok(f),
            None => {
                let shown = vm.repr(x)?.to_string_lossy().into_owned();
                Err(vm.value_error(format!("could not convert string to float: {shown}")))
            }
        },
        None => {
            let name = x.type_name();
            Err(vm.type_error(format!("float() argument must be a string or a real number, not '{name}'")))
        }
    }
}

#[pymethods(part = methods)]
impl Float {
    /// The float itself: it is its own complex conjugate.
    #[method]
    fn conjugate(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// Whether the float is a whole number.
    #[method]
    fn is_integer(zelf: &Value) -> bool {
        let f = this(zelf);
        f.is_finite() && f.fract() == 0.0
    }

    /// A pair of ints, in lowest terms and with a positive denominator, whose ratio is exactly the float.
    #[method]
    fn as_integer_ratio(zelf: &Value, vm: &mut Vm) -> PyResult {
        let f = this(zelf);
        if f.is_infinite() {
            return Err(vm.overflow_error("cannot convert Infinity to integer ratio"));
        }
        if f.is_nan() {
            return Err(vm.value_error("cannot convert NaN to integer ratio"));
        }
        let (mut m, mut e) = frexp(f);
        while m.fract() != 0.0 {
            m *= 2.0;
            e -= 1;
        }
        let (mut n, mut d) = (BigInt::from_f64(m).unwrap_or_default(), BigInt::from(1));
        if e > 0 { n <<= e } else { d <<= -e }
        let pair = vec![vm.new_bigint(n)?, vm.new_bigint(d)?];
        Ok(vm.new_tuple(pair)?.into_value())
    }

    /// The exact value in hexadecimal: `(-0.1).hex()` is `'-0x1.999999999999ap-4'`.
    #[method]
    fn hex(zelf: &Value) -> String {
        text::hex(this(zelf))
    }

    /// The float that a hexadecimal string denotes.
    #[classmethod(sig = "(string, /)")]
    fn fromhex(cls: &Py<PyType>, string: &Py<Str>, vm: &mut Vm) -> PyResult {
        let f = match text::from_hex(&string.to_string_lossy()) {
            Ok(f) => f,
            Err(text::HexError::Invalid) => return Err(vm.value_error("invalid hexadecimal floating-point string")),
            Err(text::HexError::TooLarge) => return Err(vm.overflow_error("hexadecimal value too large to represent as a float")),
        };
        let value = vm.new_float(f)?;
        if std::ptr::eq(&raw const cls.core, <Float as krait_heap::Payload>::type_core()) { Ok(value) } else { vm.call(cls.as_value(), &[value]) }
    }

    /// The float of a real number; strings are refused.
    #[classmethod(sig = "(number, /)")]
    fn from_number(cls: &Py<PyType>, number: &Value, vm: &mut Vm) -> PyResult {
        let exact = std::ptr::eq(&raw const cls.core, <Float as krait_heap::Payload>::type_core());
        if exact && number.is_exact::<Float>() {
            return Ok(number.clone());
        }
        let f = vm.as_f64(number)?;
        let value = vm.new_float(f)?;
        if exact { Ok(value) } else { vm.call(cls.as_value(), &[value]) }
    }

    #[method(name = "__trunc__")]
    fn trunc(zelf: &Value, vm: &mut Vm) -> PyResult {
        to_int(vm, this(zelf).trunc())
    }

    #[method(name = "__floor__")]
    fn floor(zelf: &Value, vm: &mut Vm) -> PyResult {
        to_int(vm, this(zelf).floor())
    }

    #[method(name = "__ceil__")]
    fn ceil(zelf: &Value, vm: &mut Vm) -> PyResult {
        to_int(vm, this(zelf).ceil())
    }

    /// Round to so many decimal places, halves to even; without them to an int.
    #[method(name = "__round__", sig = "(ndigits=None, /)")]
    fn round(zelf: &Value, ndigits: Value, vm: &mut Vm) -> PyResult {
        let f = this(zelf);
        if ndigits.is_none() {
            return to_int(vm, f.round_ties_even());
        }
        let digits = vm.index(&ndigits)?;
        let digits = IntRef::new(&digits).map_or(0, |d| d.to_i64().unwrap_or(if d.is_negative() { i64::MIN } else { i64::MAX }));
        if !f.is_finite() || digits > 323 {
            return plain(vm, zelf);
        }
        if digits < -308 {
            return vm.new_float(0f64.copysign(f));
        }
        let rounded = round_decimal(f, digits);
        if rounded.is_infinite() {
            return Err(vm.overflow_error("rounded value too large to represent"));
        }
        vm.new_float(rounded)
    }

    #[method(name = "__getnewargs__")]
    fn getnewargs(zelf: &Value, vm: &mut Vm) -> PyResult {
        let value = vm.new_float(this(zelf))?;
        Ok(vm.new_tuple(vec![value])?.into_value())
    }

    /// Format after a specification.
    #[method(name = "__format__", sig = "(format_spec, /)")]
    fn format(zelf: &Value, format_spec: &Py<Str>, vm: &mut Vm) -> PyResult {
        crate::protocol::format_numbers::format_float(vm, zelf, format_spec)
    }

    /// How C `double` (or `float`) is laid out in memory. For tests.
    #[classmethod(name = "__getformat__", sig = "(typestr, /)")]
    fn getformat(cls: &Py<PyType>, typestr: String, vm: &mut Vm) -> PyResult<String> {
        let _ = cls;
        match typestr.as_str() {
            "double" | "float" => Ok(format!("IEEE, {}-endian", if cfg!(target_endian = "little") { "little" } else { "big" })),
            _ => Err(vm.value_error("__getformat__() argument 1 must be 'double' or 'float'")),
        }
    }

    /// The real part: the number itself.
    #[getter]
    fn real(zelf: &Value, vm: &mut Vm) -> PyResult {
        plain(vm, zelf)
    }

    /// The imaginary part: 0.0.
    #[getter]
    fn imag(zelf: &Value) -> f64 {
        let _ = zelf;
        0.0
    }
}

/// `f` rounded to `digits` decimal places, correctly for the decimal value that the float exactly has.
fn round_decimal(f: f64, digits: i64) -> f64 {
    if let Ok(digits) = usize::try_from(digits) {
        return text::fixed(f, digits).parse().unwrap_or(f);
    }
    // Tens, hundreds, ...: exact in integers.
    let unit = BigInt::from(10).pow(digits.unsigned_abs() as u32);
    let (whole, fraction) = (BigInt::from_f64(f.abs().trunc()).unwrap_or_default(), f.abs().fract());
    // A fraction only matters where it breaks a tie: double everything and add one.
    let (whole, unit2) = (whole * 2 + i32::from(fraction > 0.0), &unit * 2);
    let rounded: BigInt = arith::round_half_even(&whole, &unit2) / 2;
    let r: f64 = rounded.to_string().parse().unwrap_or(f64::INFINITY);
    r.copysign(f)
}
