//! Iterators that take items from one source after another, and pass some of them on.

use krait_bytecode::opcode::BinaryOp;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Two positional arguments, the second one as an iterator.
fn function_and_iterator<T: krait_runtime::PyClass>(vm: &mut Vm, cls: &PyType, args: Args<'_>) -> PyResult<(Value, Value)> {
    let args = args.for_new::<T>(vm, cls)?.unpack(vm, T::NAME, 2, 2)?;
    let [function, iterable] = args else { return Err(vm.type_error(format!("{} expected 2 arguments", T::NAME))) };
    Ok((function.clone(), vm.iter(iterable)?))
}

fn call_true(vm: &mut Vm, function: &Value, item: &Value) -> PyResult<bool> {
    let result = vm.call(function, std::slice::from_ref(item))?;
    vm.is_true(&result)
}

/// Return series of accumulated sums (or other binary function results).
#[pyclass(module = "itertools", name = "accumulate", flags(BASETYPE), gc, text_signature = "(iterable, func=None, *, initial=None)")]
pub struct Accumulate {
    iterator: Value,
    function: Option<Value>,
    total: GilCell<Option<Value>>,
    initial: GilCell<Option<Value>>,
}

#[pymethods]
impl Accumulate {
    #[new(sig = "(iterable, func=None, *, initial=None)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, func: Option<Value>, initial: Option<Value>, vm: &mut Vm) -> PyResult<Py<Accumulate>> {
        let iterator = vm.iter(iterable)?;
        vm.new_instance(cls, Accumulate { iterator, function: func, total: GilCell::new(None), initial: GilCell::new(initial) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Accumulate>) -> Py<Accumulate> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let initial = self.initial.replace(vm, None);
        if initial.is_some() {
            self.total.replace(vm, initial.clone());
            return Ok(initial);
        }
        let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
        let total = match self.total.load(vm) {
            None => item,
            Some(total) => match &self.function {
                Some(function) => vm.call(function, &[total, item])?,
                None => vm.binary_op(BinaryOp::NB_ADD, &total, &item)?,
            },
        };
        let old = self.total.replace(vm, Some(total.clone()));
        drop(old);
        Ok(Some(total))
    }
}

/// Return a chain object whose __next__ method returns elements from the first iterable until it is exhausted, then from the next one.
#[pyclass(module = "itertools", name = "chain", flags(BASETYPE), gc, text_signature = "(*iterables)")]
pub struct Chain {
    source: GilCell<Option<Value>>,
    active: GilCell<Option<Value>>,
}

#[pymethods]
impl Chain {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Chain>> {
        let args = args.for_new::<Chain>(vm, cls)?;
        let iterables = vm.new_tuple_from(args.positional())?;
        let source = vm.iter(iterables.as_value())?;
        vm.new_instance(cls, Chain { source: GilCell::new(Some(source)), active: GilCell::new(None) })
    }

    /// Alternative chain() constructor taking a single iterable argument that evaluates lazily.
    #[classmethod(sig = "(iterable, /)")]
    fn from_iterable(cls: &Py<PyType>, iterable: &Value, vm: &mut Vm) -> PyResult<Py<Chain>> {
        let source = vm.iter(iterable)?;
        vm.new_instance(cls, Chain { source: GilCell::new(Some(source)), active: GilCell::new(None) })
    }

    /// See PEP 585.
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Chain>) -> Py<Chain> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        loop {
            let Some(source) = self.source.load(vm) else { return Ok(None) };
            let active = match self.active.load(vm) {
                Some(active) => active,
                None => match vm.iter_next(&source).and_then(|next| next.map(|x| vm.iter(&x)).transpose()) {
                    Ok(Some(active)) => {
                        let old = self.active.replace(vm, Some(active.clone()));
                        drop(old);
                        active
                    }
                    end => {
                        let old = self.source.replace(vm, None);
                        drop(old);
                        return end;
                    }
                },
            };
            if let Some(item) = vm.iter_next(&active)? {
                return Ok(Some(item));
            }
            let old = self.active.replace(vm, None);
            drop(old);
        }
    }
}

/// Return data elements corresponding to true selector elements.
///
/// Forms a shorter iterator from selected data elements using the selectors to choose the data elements.
#[pyclass(module = "itertools", name = "compress", flags(BASETYPE), gc, text_signature = "(data, selectors)")]
pub struct Compress {
    data: Value,
    selectors: Value,
}

#[pymethods]
impl Compress {
    #[new(sig = "(data, selectors)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, data: &Value, selectors: &Value, vm: &mut Vm) -> PyResult<Py<Compress>> {
        let (data, selectors) = (vm.iter(data)?, vm.iter(selectors)?);
        vm.new_instance(cls, Compress { data, selectors })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Compress>) -> Py<Compress> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        loop {
            let Some(item) = vm.iter_next(&self.data)? else { return Ok(None) };
            let Some(selector) = vm.iter_next(&self.selectors)? else { return Ok(None) };
            if vm.is_true(&selector)? {
                return Ok(Some(item));
            }
        }
    }
}

/// Drop items from the iterable while predicate(item) is true. Afterwards, return every element until the iterable is exhausted.
#[pyclass(module = "itertools", name = "dropwhile", flags(BASETYPE), gc, text_signature = "(predicate, iterable, /)")]
pub struct DropWhile {
    predicate: Value,
    iterator: Value,
    started: Cell<bool>,
}

#[pymethods]
impl DropWhile {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<DropWhile>> {
        let (predicate, iterator) = function_and_iterator::<DropWhile>(vm, cls, args)?;
        vm.new_instance(cls, DropWhile { predicate, iterator, started: Cell::new(false) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<DropWhile>) -> Py<DropWhile> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        loop {
            let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
            if self.started.get() {
                return Ok(Some(item));
            }
            if !call_true(vm, &self.predicate, &item)? {
                self.started.set(true);
                return Ok(Some(item));
            }
        }
    }
}

/// Return successive entries from an iterable as long as the predicate evaluates to true for each entry.
#[pyclass(module = "itertools", name = "takewhile", flags(BASETYPE), gc, text_signature = "(predicate, iterable, /)")]
pub struct TakeWhile {
    predicate: Value,
    iterator: Value,
    stopped: Cell<bool>,
}

#[pymethods]
impl TakeWhile {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TakeWhile>> {
        let (predicate, iterator) = function_and_iterator::<TakeWhile>(vm, cls, args)?;
        vm.new_instance(cls, TakeWhile { predicate, iterator, stopped: Cell::new(false) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<TakeWhile>) -> Py<TakeWhile> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if self.stopped.get() {
            return Ok(None);
        }
        let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
        if call_true(vm, &self.predicate, &item)? {
            return Ok(Some(item));
        }
        self.stopped.set(true);
        Ok(None)
    }
}

/// Return those items of iterable for which function(item) is false.
///
/// If function is None, return the items that are false.
#[pyclass(module = "itertools", name = "filterfalse", flags(BASETYPE), gc, text_signature = "(function, iterable, /)")]
pub struct FilterFalse {
    function: Value,
    iterator: Value,
}

#[pymethods]
impl FilterFalse {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<FilterFalse>> {
        let (function, iterator) = function_and_iterator::<FilterFalse>(vm, cls, args)?;
        vm.new_instance(cls, FilterFalse { function, iterator })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<FilterFalse>) -> Py<FilterFalse> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        loop {
            let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
            let good = if self.function.is_none() { vm.is_true(&item)? } else { call_true(vm, &self.function, &item)? };
            if !good {
                return Ok(Some(item));
            }
        }
    }
}

/// Return an iterator whose values are returned from the function evaluated with an argument tuple taken from the given sequence.
#[pyclass(module = "itertools", name = "starmap", flags(BASETYPE), gc, text_signature = "(function, iterable, /)")]
pub struct StarMap {
    function: Value,
    iterator: Value,
}

#[pymethods]
impl StarMap {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<StarMap>> {
        let (function, iterator) = function_and_iterator::<StarMap>(vm, cls, args)?;
        vm.new_instance(cls, StarMap { function, iterator })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<StarMap>) -> Py<StarMap> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
        if let Some(args) = item.downcast_exact::<Tuple>() {
            return vm.call(&self.function, args.items()).map(Some);
        }
        let args = vm.collect(&item)?;
        vm.call(&self.function, &args).map(Some)
    }
}

/// islice(iterable, stop) --> islice object
/// islice(iterable, start, stop[, step]) --> islice object
///
/// Return an iterator whose next() method returns selected values from an iterable. It works like a slice on a list, but returns an iterator.
#[pyclass(module = "itertools", name = "islice", flags(BASETYPE), gc)]
pub struct ISlice {
    iterator: GilCell<Option<Value>>,
    next: Cell<usize>,
    stop: Option<usize>,
    step: usize,
    count: Cell<usize>,
}

const BAD_STOP: &str = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";

/// An index or -1; what cannot be converted counts as -1 too.
fn islice_index(vm: &mut Vm, value: &Value) -> isize {
    match vm.as_count(value) {
        Ok(i) => i,
        Err(e) => {
            drop(e);
            -1
        }
    }
}

impl ISlice {
    fn bounds(vm: &mut Vm, args: &[Value]) -> PyResult<(usize, Option<usize>, usize)> {
        let stop_of = |vm: &mut Vm, value: &Value| -> PyResult<Option<isize>> {
            if value.is_none() {
                return Ok(None);
            }
            match islice_index(vm, value) {
                -1 => Err(vm.value_error(BAD_STOP)),
                stop => Ok(Some(stop)),
            }
        };
        let mut start = 0;
        let stop = match args {
            [stop] => stop_of(vm, stop)?,
            [first, stop, ..] => {
                if !first.is_none() {
                    start = islice_index(vm, first);
                }
                stop_of(vm, stop)?
            }
            [] => None,
        };
        if start < 0 || stop.is_some_and(|s| s < 0) {
            return Err(vm.value_error("Indices for islice() must be None or an integer: 0 <= x <= sys.maxsize."));
        }
        let step = match args.get(2) {
            Some(step) if !step.is_none() => islice_index(vm, step),
            _ => 1,
        };
        if step < 1 {
            return Err(vm.value_error("Step for islice() must be a positive integer or None."));
        }
        Ok((start as usize, stop.map(|s| s as usize), step as usize))
    }
}

#[pymethods]
impl ISlice {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ISlice>> {
        let args = args.for_new::<ISlice>(vm, cls)?.unpack(vm, "islice", 2, 4)?;
        let Some((iterable, bounds)) = args.split_first() else { return Err(vm.type_error("islice expected at least 2 arguments, got 0")) };
        let (start, stop, step) = ISlice::bounds(vm, bounds)?;
        let iterator = vm.iter(iterable)?;
        vm.new_instance(cls, ISlice { iterator: GilCell::new(Some(iterator)), next: Cell::new(start), stop, step, count: Cell::new(0) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<ISlice>) -> Py<ISlice> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(iterator) = self.iterator.load(vm) else { return Ok(None) };
        match self.advance(vm, &iterator)? {
            Some(item) => Ok(Some(item)),
            None => {
                let old = self.iterator.replace(vm, None);
                drop(old);
                Ok(None)
            }
        }
    }
}

impl ISlice {
    fn advance(&self, vm: &mut Vm, iterator: &Value) -> PyResult<Option<Value>> {
        while self.count.get() < self.next.get() {
            if vm.iter_next(iterator)?.is_none() {
                return Ok(None);
            }
            self.count.set(self.count.get() + 1);
        }
        if self.stop.is_some_and(|stop| self.count.get() >= stop) {
            return Ok(None);
        }
        let Some(item) = vm.iter_next(iterator)? else { return Ok(None) };
        self.count.set(self.count.get() + 1);
        let next = self.next.get().saturating_add(self.step);
        self.next.set(self.stop.map_or(next, |stop| next.min(stop)));
        Ok(Some(item))
    }
}
