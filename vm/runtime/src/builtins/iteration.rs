//! Functions over iterables.

use crate::types::complex::Complex;
use crate::types::slots::CompareOp;
use crate::types::value::ValueExt;
use crate::{Args, PyResult, Value, Vm, pyfunction};

/// An asynchronous iterator for an asynchronous iterable.
#[pyfunction(sig = "(async_iterable, /)")]
pub fn aiter(async_iterable: &Value, vm: &mut Vm) -> PyResult {
    let Some(slot) = async_iterable.type_ref().slots.aiter.get() else {
        let name = async_iterable.type_name();
        return Err(vm.type_error(format!("'{name}' object is not an async iterable")));
    };
    let result = slot(vm, async_iterable)?;
    if result.type_ref().slots.anext.get().is_none() {
        let name = result.type_name();
        return Err(vm.type_error(format!("aiter() returned not an async iterator of type '{name}'")));
    }
    Ok(result)
}

/// An awaitable for the next item of an asynchronous iterator.
///
/// With a default, that is the result when the iterator is at its end.
#[pyfunction(sig = "(aiterator, default=?, /)", text = "(aiterator, default=<unrepresentable>, /)")]
pub fn anext(aiterator: &Value, default: Option<Value>, vm: &mut Vm) -> PyResult {
    let Some(slot) = aiterator.type_ref().slots.anext.get() else {
        let name = aiterator.type_name();
        return Err(vm.type_error(format!("'{name}' object is not an async iterator")));
    };
    let awaitable = slot(vm, aiterator)?;
    match default {
        None => Ok(awaitable),
        Some(default) => crate::types::generator::new_anext_awaitable(vm, awaitable, default),
    }
}

/// Whether all items are true; so it is for no items.
#[pyfunction(sig = "(iterable, /)")]
pub fn all(iterable: &Value, vm: &mut Vm) -> PyResult<bool> {
    let iterator = vm.iter(iterable)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        if !vm.is_true(&item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether any item is true; not so for no items.
#[pyfunction(sig = "(iterable, /)")]
pub fn any(iterable: &Value, vm: &mut Vm) -> PyResult<bool> {
    let iterator = vm.iter(iterable)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        if vm.is_true(&item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// An iterator over an iterable, or over what a callable returns until it returns the sentinel.
#[pyfunction(text = "")]
pub fn iter(object: &Value, sentinel: Option<Value>, vm: &mut Vm) -> PyResult {
    match sentinel {
        None => vm.iter(object),
        Some(_) if object.type_ref().slots.call.get().is_none() => Err(vm.type_error("iter(v, w): v must be callable")),
        Some(sentinel) => crate::types::iter::new_callable_iter(vm, object.clone(), sentinel),
    }
}

/// The next item of an iterator.
///
/// With a default, that is returned at the end instead of raising StopIteration.
#[pyfunction]
pub fn next(iterator: &Value, default: Option<Value>, vm: &mut Vm) -> PyResult {
    if iterator.type_ref().slots.iternext.get().is_none() {
        let name = iterator.type_name();
        return Err(vm.type_error(format!("'{name}' object is not an iterator")));
    }
    let result = vm.iter_next_value(iterator);
    match default {
        None => result,
        Some(default) => {
            Ok(crate::types::exceptions::catch::<crate::types::exceptions::StopIteration, _>(vm, result)?.unwrap_or(default))
        }
    }
}

/// A new sorted list of the items.
///
/// `key` computes what is compared, `reverse` puts the largest first.
#[pyfunction(text = "(iterable, /, *, key=None, reverse=False)")]
pub fn sorted(args: Args<'_>, vm: &mut Vm) -> PyResult {
    crate::args::check_positional(vm, "sorted", args.positional().len(), 1, 1)?;
    let Some((iterable, rest)) = args.split_first() else { return Err(vm.type_error("sorted expected 1 argument, got 0")) };
    let items = vm.collect(iterable)?;
    let list = vm.new_list(items)?.into_value();
    let sort = vm.intern("sort");
    let sort = vm.getattr(&list, &sort)?;
    vm.call_args(&sort, rest)?;
    Ok(list)
}

/// The sum of the items and a start value (0 by default). Strings are refused: use `''.join()`.
#[pyfunction(sig = "(iterable, /, start=0)")]
pub fn sum(iterable: &Value, start: Value, vm: &mut Vm) -> PyResult {
    use crate::types::str_::Str;
    if start.is::<Str>() {
        return Err(vm.type_error("sum() can't sum strings [use ''.join(seq) instead]"));
    }
    if start.is::<crate::types::bytes::Bytes>() {
        return Err(vm.type_error("sum() can't sum bytes [use b''.join(seq) instead]"));
    }
    if start.is::<crate::types::bytearray::ByteArray>() {
        return Err(vm.type_error("sum() can't sum bytearray [use b''.join(seq) instead]"));
    }
    let iterator = vm.iter(iterable)?;
    let mut total = start;
    let mut compensated = None;
    while let Some(item) = vm.iter_next(&iterator)? {
        if let (Some(x), Some(y)) = (total.as_small_int(), item.as_small_int())
            && let Some(sum) = x.checked_add(y).and_then(Value::small_int) {
                total = sum;
                continue;
            }
        let running = compensated.take().or_else(|| Compensated::start(&total));
        if let Some(running) = running {
            match running.add(&item) {
                Some(sum) => {
                    compensated = Some(sum);
                    continue;
                }
                None => total = running.finish(vm)?,
            }
        }
        total = vm.binary_op(krait_bytecode::opcode::BinaryOp::NB_ADD, &total, &item)?;
    }
    match compensated {
        Some(sum) => sum.finish(vm),
        None => Ok(total),
    }
}

/// A running sum of floats or complex numbers with Neumaier's compensation, as CPython adds them up since 3.12 and 3.14.
#[derive(Clone, Copy)]
struct Compensated {
    real: (f64, f64),
    /// None while there were only real numbers.
    imag: Option<(f64, f64)>,
}

impl Compensated {
    fn start(total: &Value) -> Option<Compensated> {
        if let Some(real) = exact_float(total) {
            return Some(Compensated { real: (real, 0.0), imag: None });
        }
        let complex = total.downcast_exact::<Complex>()?;
        Some(Compensated { real: (complex.real, 0.0), imag: Some((complex.imag, 0.0)) })
    }

    /// With one number more; none if it is of a type that is added otherwise.
    fn add(self, item: &Value) -> Option<Compensated> {
        let (real, imag) = (self.real, self.imag);
        // Subclasses of float may add themselves otherwise, which only a complex sum overlooks.
        let subclass = imag.is_none() && item.is::<crate::types::float::Float>() && exact_float(item).is_none();
        if let Some(x) = real_number(item).filter(|_| !subclass) {
            return Some(Compensated { real: neumaier(real.0, real.1, x), imag });
        }
        let (imag, complex) = (imag?, item.downcast_exact::<Complex>()?);
        Some(Compensated { real: neumaier(real.0, real.1, complex.real), imag: Some(neumaier(imag.0, imag.1, complex.imag)) })
    }

    fn finish(self, vm: &mut Vm) -> PyResult {
        let real = finish(self.real.0, self.real.1);
        match self.imag {
            Some(imag) => vm.new_complex(real, finish(imag.0, imag.1)),
            None => vm.new_float(real),
        }
    }
}

fn exact_float(value: &Value) -> Option<f64> {
    if value.is_exact::<crate::types::float::Float>() { crate::types::float::float_value(value) } else { None }
}

/// A float, or an int that does not overflow one.
fn real_number(value: &Value) -> Option<f64> {
    match crate::types::int::IntRef::new(value) {
        Some(crate::types::int::IntRef::Small(i)) => Some(i as f64),
        Some(crate::types::int::IntRef::Big(big)) => num_traits::ToPrimitive::to_f64(big).filter(|x| x.is_finite()),
        None => crate::types::float::float_value(value),
    }
}

fn neumaier(sum: f64, c: f64, x: f64) -> (f64, f64) {
    let t = sum + x;
    let c = if sum.abs() >= x.abs() { c + ((sum - t) + x) } else { c + ((x - t) + sum) };
    (t, c)
}

fn finish(high: f64, low: f64) -> f64 {
    if low != 0.0 && low.is_finite() { high + low } else { high }
}

/// max(iterable), max(a, b, ...): the largest item of an iterable, or of two or more arguments.
///
/// `key` computes what is compared; `default` is the result for an empty iterable.
#[pyfunction]
pub fn max(args: Args<'_>, vm: &mut Vm) -> PyResult {
    extreme(vm, "max", CompareOp::Gt, args)
}

/// min(iterable), min(a, b, ...): the smallest item of an iterable, or of two or more arguments.
///
/// `key` computes what is compared; `default` is the result for an empty iterable.
#[pyfunction]
pub fn min(args: Args<'_>, vm: &mut Vm) -> PyResult {
    extreme(vm, "min", CompareOp::Lt, args)
}

fn extreme(vm: &mut Vm, name: &str, op: CompareOp, args: Args<'_>) -> PyResult {
    if let ([first, rest @ ..], false) = (args.values(), args.has_keywords())
        && !rest.is_empty() {
            let mut best = first;
            for item in rest {
                if vm.compare_bool(item, best, op)? {
                    best = item;
                }
            }
            return Ok(best.clone());
        }
    let (mut key, mut default) = (None, None);
    crate::args::check_keyword_count(vm, name, args.kwnames().len(), 2)?;
    for (keyword, value) in args.keywords() {
        let text = keyword.downcast::<crate::types::str_::Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match text.as_str() {
            "key" => key = (!value.is_none()).then(|| value.clone()),
            "default" => default = Some(value.clone()),
            _ => return Err(crate::args::unexpected_keyword(vm, name, keyword, &["key", "default"])),
        }
    }
    let positional = args.positional();
    let items = match positional {
        [] => return Err(vm.type_error(format!("{name} expected at least 1 argument, got 0"))),
        [iterable] => iterable.clone(),
        many => {
            if default.is_some() {
                return Err(vm.type_error(format!("Cannot specify a default for {name}() with multiple positional arguments")));
            }
            vm.new_tuple_from(many)?.into_value()
        }
    };
    let iterator = vm.iter(&items)?;
    let mut best: Option<(Value, Value)> = None;
    while let Some(item) = vm.iter_next(&iterator)? {
        let rank = match &key {
            Some(key) => vm.call(key, std::slice::from_ref(&item))?,
            None => item.clone(),
        };
        let better = match &best {
            Some((_, best_rank)) => vm.compare_bool(&rank, best_rank, op)?,
            None => true,
        };
        if better {
            best = Some((item, rank));
        }
    }
    match (best, default) {
        (Some((item, _)), _) => Ok(item),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(vm.value_error(format!("{name}() iterable argument is empty"))),
    }
}
