//! `map`, `filter` and `zip`.

use crate::types::int::Bool;
use crate::types::tuple::{Recycled, Tuple};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The keyword `strict` of `map` and `zip`, the only one they take. Subclasses with an `__init__` of their own may have others.
fn strict_keyword<T: crate::PyClass>(vm: &mut Vm, cls: &PyType, args: Args<'_>) -> PyResult<bool> {
    let mut strict = false;
    let own_init = args.for_new::<T>(vm, cls).is_ok();
    for (key, value) in args.keywords() {
        let text = key.downcast::<crate::types::str_::Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
        if text == "strict" {
            strict = vm.is_true(value)?;
        } else if !own_init {
            return Err(vm.type_error(format!("{}() got an unexpected keyword argument '{text}'", T::NAME)));
        }
    }
    Ok(strict)
}

/// One step of several iterators side by side: none when the shortest is exhausted. ValueError if they have to be of equal length and are not.
fn step_all(vm: &mut Vm, iterators: &[Value], strict: bool, name: &str) -> PyResult<Option<Vec<Value>>> {
    let mut row = Vec::with_capacity(iterators.len());
    for (i, iterator) in iterators.iter().enumerate() {
        match vm.iter_next(iterator)? {
            Some(item) => row.push(item),
            None if !strict => return Ok(None),
            None => return strict_end(vm, iterators, i, name),
        }
    }
    Ok(Some(row))
}

#[cold]
fn strict_end(vm: &mut Vm, iterators: &[Value], ended: usize, name: &str) -> PyResult<Option<Vec<Value>>> {
    let plural = |n: usize| if n == 1 { " " } else { "s 1-" };
    if ended > 0 {
        let (number, before) = (ended + 1, ended);
        let s = plural(before);
        return Err(vm.value_error(format!("{name}() argument {number} is shorter than argument{s}{before}")));
    }
    for (i, iterator) in iterators.iter().enumerate().skip(1) {
        if vm.iter_next(iterator)?.is_some() {
            let number = i + 1;
            let s = plural(i);
            return Err(vm.value_error(format!("{name}() argument {number} is longer than argument{s}{i}")));
        }
    }
    Ok(None)
}

fn iterators(vm: &mut Vm, iterables: &[Value]) -> PyResult<Vec<Value>> {
    iterables.iter().map(|x| vm.iter(x)).collect()
}

fn reduce(vm: &mut Vm, ty: Value, args: Vec<Value>, strict: bool) -> PyResult<Py<Tuple>> {
    let args = vm.new_tuple(args)?.into_value();
    if strict { vm.new_tuple([ty, args, Value::from_bool(true)]) } else { vm.new_tuple([ty, args]) }
}

/// Make an iterator that computes the function with arguments from each of the iterables.
///
/// It ends with the shortest iterable. With strict, it raises ValueError if one ends before the others.
#[pyclass(name = "map", flags(BASETYPE), gc, text_signature = "(function, iterable, /, *iterables, strict=False)")]
pub struct Map {
    pub function: Value,
    pub iterators: Vec<Value>,
    pub strict: Cell<bool>,
}

#[pymethods]
impl Map {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Map>> {
        let strict = strict_keyword::<Map>(vm, cls, args)?;
        let Some((function, iterables)) = args.positional().split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return Err(vm.type_error("map() must have at least two arguments."));
        };
        let iterators = iterators(vm, iterables)?;
        vm.new_instance(cls, Map { function: function.clone(), iterators, strict: Cell::new(strict) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Map>) -> Py<Map> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if let [one] = self.iterators.as_slice() {
            let Some(item) = vm.iter_next(one)? else { return Ok(None) };
            return vm.call(&self.function, std::slice::from_ref(&item)).map(Some);
        }
        match step_all(vm, &self.iterators, self.strict.get(), "map")? {
            Some(row) => vm.call(&self.function, &row).map(Some),
            None => Ok(None),
        }
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Map>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = std::iter::once(&zelf.function).chain(&zelf.iterators).cloned().collect();
        reduce(vm, zelf.as_value().ty().to_value(), args, zelf.strict.get())
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        self.strict.set(vm.is_true(state)?);
        Ok(())
    }
}

/// Yield tuples of one item of each iterable, until one of them is exhausted.
///
/// With strict, ValueError is raised if one of them ends before the others.
#[pyclass(name = "zip", flags(BASETYPE), gc, text_signature = "(*iterables, strict=False)")]
pub struct Zip {
    pub iterators: Vec<Value>,
    pub strict: Cell<bool>,
    result: Recycled,
}

#[pymethods]
impl Zip {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Zip>> {
        let strict = strict_keyword::<Zip>(vm, cls, args)?;
        let iterators = iterators(vm, args.positional())?;
        vm.new_instance(cls, Zip { iterators, strict: Cell::new(strict), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Zip>) -> Py<Zip> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if self.iterators.is_empty() {
            return Ok(None);
        }
        if let ([first, second], false) = (self.iterators.as_slice(), self.strict.get()) {
            let Some(a) = vm.iter_next(first)? else { return Ok(None) };
            let Some(b) = vm.iter_next(second)? else { return Ok(None) };
            return self.result.pair(vm, a, b).map(Some);
        }
        match step_all(vm, &self.iterators, self.strict.get(), "zip")? {
            Some(row) => self.result.row(vm, row).map(Some),
            None => Ok(None),
        }
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Zip>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = zelf.iterators.clone();
        reduce(vm, zelf.as_value().ty().to_value(), args, zelf.strict.get())
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        self.strict.set(vm.is_true(state)?);
        Ok(())
    }
}

/// Return an iterator over those items of iterable for which function(item) is true.
///
/// With None as the function, over the items that are true.
#[pyclass(name = "filter", flags(BASETYPE), gc, text_signature = "(function, iterable, /)")]
pub struct Filter {
    pub function: Value,
    pub iterator: Value,
}

#[pymethods]
impl Filter {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Filter>> {
        let args = args.for_new::<Filter>(vm, cls)?;
        crate::args::check_positional(vm, "filter", args.positional().len(), 2, 2)?;
        let [function, iterable] = args.positional() else { return Err(vm.type_error("filter expected 2 arguments")) };
        let iterator = vm.iter(iterable)?;
        vm.new_instance(cls, Filter { function: function.clone(), iterator })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Filter>) -> Py<Filter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let truth = self.function.is_none() || self.function.is_same(<Bool as crate::PyClass>::type_object(vm).as_value());
        loop {
            let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
            let good = if truth {
                vm.is_true(&item)?
            } else {
                let result = vm.call(&self.function, std::slice::from_ref(&item))?;
                vm.is_true(&result)?
            };
            if good {
                return Ok(Some(item));
            }
        }
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Filter>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = vec![zelf.function.clone(), zelf.iterator.clone()];
        reduce(vm, zelf.as_value().ty().to_value(), args, false)
    }
}
