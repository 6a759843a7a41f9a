//! `complex`.

use crate::types::float::{self, float_value};
use crate::types::int::{IntRef, arith};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The payload of `complex`.
#[pyclass(name = "complex", flags(BASETYPE), text_signature = "(real=0, imag=0)")]
#[repr(C)]
pub struct Complex {
    pub real: f64,
    pub imag: f64,
}

/// Real and imaginary part.
pub type Parts = (f64, f64);

impl Vm {
    /// A complex number.
    pub fn new_complex(&mut self, real: f64, imag: f64) -> PyResult {
        Ok(self.new_object(Complex { real, imag })?.into_value())
    }

    /// `PyComplex_AsCComplex`: a complex, what `__complex__` gives, or a real number.
    pub fn as_complex(&mut self, value: &Value) -> PyResult<Parts> {
        if let Some(c) = value.downcast::<Complex>() {
            return Ok((c.real, c.imag));
        }
        self.number_to_complex(value)
    }

    /// What `__complex__` gives, or the real number.
    fn number_to_complex(&mut self, value: &Value) -> PyResult<Parts> {
        if let Some(result) = self.call_special(value, n!(__complex__), &[])? {
            let Some(c) = result.downcast::<Complex>() else {
                let (ty, got) = (value.type_name(), result.type_name());
                return Err(self.type_error(format!("{ty}.__complex__() must return a complex, not {got}")));
            };
            let parts = (c.real, c.imag);
            if !result.is_exact::<Complex>() {
                let (ty, got) = (value.type_name(), result.type_name());
                self.warn_deprecated(&format!(
                    "{ty}.__complex__() must return a complex, not {got}.  The ability to return an instance of a strict subclass of complex is \
                     deprecated, and may not be supported in a future version of Python."
                ))?;
            }
            return Ok(parts);
        }
        Ok((self.as_f64(value)?, 0.0))
    }
}

/// An operand: complex, or a real number (second part none).
enum Operand {
    Complex(Parts),
    Real(f64),
}

fn operand(vm: &mut Vm, value: &Value) -> PyResult<Option<Operand>> {
    if let Some(c) = value.downcast::<Complex>() {
        return Ok(Some(Operand::Complex((c.real, c.imag))));
    }
    if let Some(f) = float_value(value) {
        return Ok(Some(Operand::Real(f)));
    }
    match IntRef::new(value) {
        Some(int) => Ok(Some(Operand::Real(arith::to_f64(vm, &int)?))),
        None => Ok(None),
    }
}

fn both(vm: &mut Vm, a: &Value, b: &Value) -> PyResult<Option<(Operand, Operand)>> {
    let (Some(a), Some(b)) = (operand(vm, a)?, operand(vm, b)?) else { return Ok(None) };
    Ok(Some((a, b)))
}

impl Operand {
    fn parts(&self) -> Parts {
        match *self {
            Operand::Complex(c) => c,
            Operand::Real(r) => (r, 0.0),
        }
    }
}

/// `a * b`; where the plain formula gives NaN for infinities, as C99 annex G wants.
pub fn multiply(a: Parts, b: Parts) -> Parts {
    let ((ar, ai), (br, bi)) = (a, b);
    let (ac, bd, ad, bc) = (ar * br, ai * bi, ar * bi, ai * br);
    let (re, im) = (ac - bd, ad + bc);
    if !(re.is_nan() && im.is_nan()) {
        return (re, im);
    }
    let boxed = |x: f64| if x.is_infinite() { 1f64.copysign(x) } else { 0f64.copysign(x) };
    let clean = |x: f64| if x.is_nan() { 0f64.copysign(x) } else { x };
    let (mut a, mut b, mut recalculate) = ((ar, ai), (br, bi), false);
    if ar.is_infinite() || ai.is_infinite() {
        a = (boxed(ar), boxed(ai));
        b = (clean(br), clean(bi));
        recalculate = true;
    }
    if br.is_infinite() || bi.is_infinite() {
        b = (boxed(b.0), boxed(b.1));
        a = (clean(a.0), clean(a.1));
        recalculate = true;
    }
    if !recalculate && [ac, bd, ad, bc].iter().any(|x| x.is_infinite()) {
        a = (clean(a.0), clean(a.1));
        b = (clean(b.0), clean(b.1));
        recalculate = true;
    }
    if recalculate { (f64::INFINITY * (a.0 * b.0 - a.1 * b.1), f64::INFINITY * (a.0 * b.1 + a.1 * b.0)) } else { (re, im) }
}

/// `a / b` by Smith's method; none for a zero divisor.
pub fn divide(a: Parts, b: Parts) -> Option<Parts> {
    let ((ar, ai), (br, bi)) = (a, b);
    let (abs_re, abs_im) = (br.abs(), bi.abs());
    let result = if abs_re >= abs_im {
        if abs_re == 0.0 {
            return None;
        }
        let ratio = bi / br;
        let denominator = br + bi * ratio;
        ((ar + ai * ratio) / denominator, (ai - ar * ratio) / denominator)
    } else if abs_im >= abs_re {
        let ratio = br / bi;
        let denominator = br * ratio + bi;
        ((ar * ratio + ai) / denominator, (ai * ratio - ar) / denominator)
    } else {
        (f64::NAN, f64::NAN)
    };
    if !(result.0.is_nan() && result.1.is_nan()) {
        return Some(result);
    }
    let finite = |c: Parts| c.0.is_finite() && c.1.is_finite();
    let boxed = |x: f64| if x.is_infinite() { 1f64.copysign(x) } else { 0f64.copysign(x) };
    if (ar.is_infinite() || ai.is_infinite()) && finite(b) {
        let (x, y) = (boxed(ar), boxed(ai));
        return Some((f64::INFINITY * (x * br + y * bi), f64::INFINITY * (y * br - x * bi)));
    }
    if (abs_re.is_infinite() || abs_im.is_infinite()) && finite(a) {
        let (x, y) = (boxed(br), boxed(bi));
        return Some((0.0 * (ar * x + ai * y), 0.0 * (ai * x - ar * y)));
    }
    Some(result)
}

/// `a / b` of a real `a`, whose imaginary part is no zero of either sign.
fn divide_real(a: f64, b: Parts) -> Option<Parts> {
    let (br, bi) = b;
    let (abs_re, abs_im) = (br.abs(), bi.abs());
    let result = if abs_re >= abs_im {
        if abs_re == 0.0 {
            return None;
        }
        let ratio = bi / br;
        let denominator = br + bi * ratio;
        (a / denominator, -a * ratio / denominator)
    } else if abs_im >= abs_re {
        let ratio = br / bi;
        let denominator = br * ratio + bi;
        (a * ratio / denominator, -a / denominator)
    } else {
        (f64::NAN, f64::NAN)
    };
    if result.0.is_nan() && result.1.is_nan() && a.is_finite() && (abs_re.is_infinite() || abs_im.is_infinite()) {
        let boxed = |x: f64| if x.is_infinite() { 1f64.copysign(x) } else { 0f64.copysign(x) };
        return Some((0.0 * (a * boxed(br)), 0.0 * (-a * boxed(bi))));
    }
    Some(result)
}

/// `a ** b`, with Python's errors.
pub fn power_of(vm: &mut Vm, a: Parts, b: Parts) -> PyResult {
    let result = if b == (0.0, 0.0) {
        (1.0, 0.0)
    } else if a == (0.0, 0.0) {
        if b.1 != 0.0 || b.0 < 0.0 {
            return Err(vm.zero_division_error("zero to a negative or complex power"));
        }
        (0.0, 0.0)
    } else if b.1 == 0.0 && b.0 == b.0.floor() && b.0.abs() <= 100.0 {
        match integer_power(a, b.0 as i32) {
            Some(r) => r,
            None => return Err(vm.zero_division_error("zero to a negative or complex power")),
        }
    } else {
        let (magnitude, angle) = (a.0.hypot(a.1), a.1.atan2(a.0));
        let (mut length, mut phase) = (magnitude.powf(b.0), angle * b.0);
        if b.1 != 0.0 {
            length *= (-angle * b.1).exp();
            phase += b.1 * magnitude.ln();
        }
        (length * phase.cos(), length * phase.sin())
    };
    let finite = |c: Parts| c.0.is_finite() && c.1.is_finite();
    if !finite(result) && finite(a) && finite(b) {
        return Err(vm.overflow_error("complex exponentiation"));
    }
    vm.new_complex(result.0, result.1)
}

fn integer_power(a: Parts, n: i32) -> Option<Parts> {
    let (mut result, mut square, mut left) = ((1.0, 0.0), a, n.unsigned_abs());
    while left > 0 {
        if left & 1 == 1 {
            result = multiply(result, square);
        }
        left >>= 1;
        if left > 0 {
            square = multiply(square, square);
        }
    }
    if n < 0 { divide((1.0, 0.0), result) } else { Some(result) }
}

/// `repr()` of a part: without ".0".
fn part(f: f64, sign: bool) -> String {
    let text = float::text::repr(f);
    let text = text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    if sign && !text.starts_with('-') { format!("+{text}") } else { text }
}

#[pymethods(parts(methods))]
impl Complex {
    #[slot(add)]
    fn nb_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(vm, a, b)? else { return Ok(Value::not_implemented()) };
        let (re, im) = match (&a, &b) {
            (Operand::Complex(c), Operand::Real(r)) | (Operand::Real(r), Operand::Complex(c)) => (c.0 + r, c.1),
            _ => (a.parts().0 + b.parts().0, a.parts().1 + b.parts().1),
        };
        vm.new_complex(re, im)
    }

    #[slot(sub)]
    fn nb_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(vm, a, b)? else { return Ok(Value::not_implemented()) };
        let (re, im) = match (&a, &b) {
            (Operand::Complex(c), Operand::Real(r)) => (c.0 - r, c.1),
            (Operand::Real(r), Operand::Complex(c)) => (r - c.0, -c.1),
            _ => (a.parts().0 - b.parts().0, a.parts().1 - b.parts().1),
        };
        vm.new_complex(re, im)
    }

    #[slot(mul)]
    fn nb_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(vm, a, b)? else { return Ok(Value::not_implemented()) };
        let (re, im) = match (&a, &b) {
            (Operand::Complex(c), Operand::Real(r)) | (Operand::Real(r), Operand::Complex(c)) => (c.0 * r, c.1 * r),
            _ => multiply(a.parts(), b.parts()),
        };
        vm.new_complex(re, im)
    }

    #[slot(truediv)]
    fn nb_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(vm, a, b)? else { return Ok(Value::not_implemented()) };
        let quotient = match (&a, &b) {
            (Operand::Complex(c), Operand::Real(r)) => (*r != 0.0).then(|| (c.0 / r, c.1 / r)),
            (Operand::Real(r), Operand::Complex(c)) => divide_real(*r, *c),
            _ => divide(a.parts(), b.parts()),
        };
        match quotient {
            Some((re, im)) => vm.new_complex(re, im),
            None => Err(vm.zero_division_error("division by zero")),
        }
    }

    #[slot(pow)]
    fn nb_pow(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult {
        let Some((a, b)) = both(vm, a, b)? else { return Ok(Value::not_implemented()) };
        if !c.is_none() {
            return Err(vm.value_error("complex modulo"));
        }
        power_of(vm, a.parts(), b.parts())
    }

    #[slot(neg)]
    fn nb_neg(&self, vm: &mut Vm) -> PyResult {
        vm.new_complex(-self.real, -self.imag)
    }

    #[slot(pos)]
    fn nb_pos(zelf: &Py<Complex>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() { Ok(zelf.to_value()) } else { vm.new_complex(zelf.real, zelf.imag) }
    }

    #[slot(abs)]
    fn nb_abs(&self, vm: &mut Vm) -> PyResult {
        let result = self.real.hypot(self.imag);
        if result.is_infinite() && self.real.is_finite() && self.imag.is_finite() {
            return Err(vm.overflow_error("absolute value too large"));
        }
        vm.new_float(result)
    }

    #[slot(bool)]
    fn nb_bool(&self, _vm: &mut Vm) -> PyResult<bool> {
        Ok(self.real != 0.0 || self.imag != 0.0)
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Complex>, _vm: &mut Vm) -> PyResult<i64> {
        let id = zelf.as_value().bits();
        let (real, imag) = (float::hash(zelf.real, id) as u64, float::hash(zelf.imag, id) as u64);
        let hash = real.wrapping_add(imag.wrapping_mul(1_000_003)) as i64;
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let text = if self.real == 0.0 && self.real.is_sign_positive() {
            format!("{}j", part(self.imag, false))
        } else {
            format!("({}{}j)", part(self.real, false), part(self.imag, true))
        };
        vm.new_str(&text)
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::not_implemented());
        }
        let equal = if let Some(c) = other.downcast::<Complex>() {
            self.real == c.real && self.imag == c.imag
        } else if let Some(f) = float_value(other) {
            self.real == f && self.imag == 0.0
        } else if other.is_small_int() || other.is::<crate::types::int::Int>() {
            let real = vm.new_float(self.real)?;
            self.imag == 0.0 && vm.eq(&real, other)?
        } else {
            return Ok(Value::not_implemented());
        };
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }

    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (mut real, mut imag) = (args.positional().first().cloned(), args.positional().get(1).cloned());
        if args.values().len() > 2 {
            let n = args.values().len();
            return Err(vm.type_error(format!("complex() takes at most 2 arguments ({n} given)")));
        }
        for (name, value) in args.keywords() {
            let name = name.downcast::<Str>().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let (slot, at) = match name.as_str() {
                "real" => (&mut real, 1),
                "imag" => (&mut imag, 2),
                _ => return Err(vm.type_error(format!("complex() got an unexpected keyword argument '{name}'"))),
            };
            if slot.is_some() {
                return Err(vm.type_error(format!("argument for complex() given by name ('{name}') and position ({at})")));
            }
            *slot = Some(value.clone());
        }
        construct(vm, cls, real, imag, args.has_keywords())
    }
}

fn is_exact_type(cls: &Py<PyType>) -> bool {
    std::ptr::eq(&raw const cls.core, <Complex as krait_heap::Payload>::type_core())
}

fn make(vm: &mut Vm, cls: &Py<PyType>, (real, imag): Parts) -> PyResult {
    if is_exact_type(cls) { vm.new_complex(real, imag) } else { Ok(vm.new_instance(cls, Complex { real, imag })?.into_value()) }
}

/// `by_name`: an argument has been named, so that even a lone one is the real part and no number or text to convert.
fn construct(vm: &mut Vm, cls: &Py<PyType>, real: Option<Value>, imag: Option<Value>, by_name: bool) -> PyResult {
    if let (Some(r), None, false) = (&real, &imag, by_name) {
        if r.is_exact::<Complex>() && is_exact_type(cls) {
            return Ok(r.clone());
        }
        if let Some(s) = r.downcast::<Str>() {
            return match parse(&crate::types::int::text::ascii_form(s)) {
                Some(parts) => make(vm, cls, parts),
                None => Err(vm.value_error("complex() arg is a malformed string")),
            };
        }
        let parts = real_argument(vm, r, "complex() argument must be a string or a number, not")?;
        return make(vm, cls, parts);
    }
    for (name, value) in [("real", &real), ("imag", &imag)] {
        if let Some(v) = value.as_ref().filter(|v| v.is::<Str>()) {
            let got = v.type_name();
            return Err(vm.type_error(format!("complex() argument '{name}' must be a real number, not {got}")));
        }
    }
    let (mut result, mut complex_real) = ((0.0, 0.0), false);
    if let Some(r) = &real {
        let complex = r.is::<Complex>() || has_complex(vm, r);
        if complex {
            let got = r.type_name();
            vm.warn_deprecated(&format!("complex() argument 'real' must be a real number, not {got}"))?;
        }
        complex_real = complex;
        result = real_argument(vm, r, "complex() argument 'real' must be a real number, not")?;
    }
    if let Some(i) = &imag {
        if i.is::<Complex>() {
            let got = i.type_name();
            vm.warn_deprecated(&format!("complex() argument 'imag' must be a real number, not {got}"))?;
            let (ir, ii) = vm.as_complex(i)?;
            result = (result.0 - ii, if complex_real { result.1 + ir } else { ir });
        } else {
            if !is_number(i) {
                let got = i.type_name();
                return Err(vm.type_error(format!("complex() argument 'imag' must be a real number, not {got}")));
            }
            let imag = vm.as_f64(i)?;
            // A real part that is no complex adds nothing, not even the sign of zero.
            result.1 = if complex_real { result.1 + imag } else { imag };
        }
    }
    make(vm, cls, result)
}

/// Whether the object's class has a `__complex__`, which is not bound for the asking.
fn has_complex(vm: &Vm, value: &Value) -> bool {
    value.ty().lookup(vm, n!(__complex__)).is_some()
}

fn is_number(value: &Value) -> bool {
    let slots = &value.type_ref().slots;
    slots.nb_float.get().is_some() || slots.nb_index.get().is_some()
}

fn real_argument(vm: &mut Vm, value: &Value, error: &str) -> PyResult<Parts> {
    if value.is::<Complex>() || is_number(value) || has_complex(vm, value) {
        // A subclass may have a __complex__ of its own.
        return if value.is_exact::<Complex>() { vm.as_complex(value) } else { vm.number_to_complex(value) };
    }
    let got = value.type_name();
    Err(vm.type_error(format!("{error} {got}")))
}

/// What `complex(text)` reads: `1+2j`, `-j`, `(1e5-0.5j)`, with white space around.
pub fn parse(text: &str) -> Option<Parts> {
    let white = |c: char| c.is_ascii_whitespace() || c == '\x0b';
    let text = text.trim_matches(white);
    let text = match text.strip_prefix('(') {
        Some(t) => t.strip_suffix(')')?.trim_matches(white),
        None => text,
    };
    let Some(body) = text.strip_suffix(['j', 'J']) else { return float::text::parse(text).filter(|_| !text.contains(white)).map(|r| (r, 0.0)) };
    // The sign that begins the imaginary part: the last one that belongs to no exponent.
    let bytes = body.as_bytes();
    let split = (0..bytes.len()).rev().find(|&i| matches!(bytes[i], b'+' | b'-') && !(i > 0 && matches!(bytes[i - 1], b'e' | b'E')));
    let number = |t: &str| if t.contains(white) { None } else { float::text::parse(t) };
    let imaginary = |t: &str| match t {
        "+" | "" => Some(1.0),
        "-" => Some(-1.0),
        t => number(t),
    };
    let Some(split) = split.filter(|&s| s > 0) else { return imaginary(body).map(|i| (0.0, i)) };
    Some((number(&body[..split])?, imaginary(&body[split..])?))
}

#[pymethods(part = methods)]
impl Complex {
    /// The complex conjugate: `(3-4j).conjugate()` is `3+4j`.
    #[method]
    fn conjugate(&self, vm: &mut Vm) -> PyResult {
        vm.new_complex(self.real, -self.imag)
    }

    #[method(name = "__complex__")]
    fn complex(zelf: &Py<Complex>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() { Ok(zelf.to_value()) } else { vm.new_complex(zelf.real, zelf.imag) }
    }

    #[method(name = "__getnewargs__")]
    fn getnewargs(&self, vm: &mut Vm) -> PyResult {
        let pair = vec![vm.new_float(self.real)?, vm.new_float(self.imag)?];
        Ok(vm.new_tuple(pair)?.into_value())
    }

    /// Format after a specification.
    #[method(name = "__format__", sig = "(format_spec, /)")]
    fn format(zelf: &Value, format_spec: &Py<Str>, vm: &mut Vm) -> PyResult {
        crate::protocol::format_numbers::format_complex(vm, zelf, format_spec)
    }

    /// The complex number of a number; strings are refused.
    #[classmethod(sig = "(number, /)")]
    fn from_number(cls: &Py<PyType>, number: &Value, vm: &mut Vm) -> PyResult {
        if is_exact_type(cls) && number.is_exact::<Complex>() {
            return Ok(number.clone());
        }
        let (real, imag) = vm.as_complex(number)?;
        let value = vm.new_complex(real, imag)?;
        if is_exact_type(cls) { Ok(value) } else { vm.call(cls.as_value(), &[value]) }
    }

    /// the real part of a complex number
    #[getter(member)]
    fn real(&self) -> f64 {
        self.real
    }

    /// the imaginary part of a complex number
    #[getter(member)]
    fn imag(&self) -> f64 {
        self.imag
    }
}
