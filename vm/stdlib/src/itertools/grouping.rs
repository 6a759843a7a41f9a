//! Iterators that put items together: `batched`, `groupby`, `pairwise`, `zip_longest`.

use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Recycled;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Batch data into tuples of length n. The last batch may be shorter than n.
///
/// With strict, a ValueError is raised if it is.
#[pyclass(module = "itertools", name = "batched", flags(BASETYPE), gc, text_signature = "(iterable, n, *, strict=False)")]
pub struct Batched {
    iterator: GilCell<Option<Value>>,
    size: usize,
    strict: bool,
}

#[pymethods]
impl Batched {
    #[new(sig = "(iterable, n, *, strict=False)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, n: isize, strict: bool, vm: &mut Vm) -> PyResult<Py<Batched>> {
        if n < 1 {
            return Err(vm.value_error("n must be at least one"));
        }
        let iterator = vm.iter(iterable)?;
        vm.new_instance(cls, Batched { iterator: GilCell::new(Some(iterator)), size: n as usize, strict })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Batched>) -> Py<Batched> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(iterator) = self.iterator.load(vm) else { return Ok(None) };
        let mut batch = Vec::with_capacity(self.size.min(1 << 10));
        while batch.len() < self.size {
            match vm.iter_next(&iterator) {
                Ok(Some(item)) => batch.push(item),
                end => {
                    let old = self.iterator.replace(vm, None);
                    drop(old);
                    end?;
                    if batch.is_empty() {
                        return Ok(None);
                    }
                    if self.strict {
                        return Err(vm.value_error("batched(): incomplete batch"));
                    }
                    break;
                }
            }
        }
        Ok(Some(vm.new_tuple(batch)?.into_value()))
    }
}

/// Make an iterator that returns consecutive keys and groups from the iterable.
///
/// The key is computed by a function for each element; without one, the element is its own key.
#[pyclass(module = "itertools", name = "groupby", flags(BASETYPE), gc, text_signature = "(iterable, key=None)")]
pub struct GroupBy {
    iterator: Value,
    key: Option<Value>,
    target: GilCell<Option<Value>>,
    current_key: GilCell<Option<Value>>,
    current: GilCell<Option<Value>>,
    /// Number of the group that may take items.
    group: Cell<u64>,
}

impl GroupBy {
    /// Takes the next item; false at the end.
    fn step(&self, vm: &mut Vm) -> PyResult<bool> {
        let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(false) };
        let key = match &self.key {
            Some(function) => vm.call(function, std::slice::from_ref(&item))?,
            None => item.clone(),
        };
        let old = (self.current.replace(vm, Some(item)), self.current_key.replace(vm, Some(key)));
        drop(old);
        Ok(true)
    }
}

#[pymethods]
impl GroupBy {
    #[new(sig = "(iterable, key=None)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, key: Option<Value>, vm: &mut Vm) -> PyResult<Py<GroupBy>> {
        let iterator = vm.iter(iterable)?;
        let none = || GilCell::new(None);
        vm.new_instance(cls, GroupBy { iterator, key, target: none(), current_key: none(), current: none(), group: Cell::new(0) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<GroupBy>) -> Py<GroupBy> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(zelf: &Py<GroupBy>, vm: &mut Vm) -> PyResult<Option<Value>> {
        zelf.group.set(zelf.group.get() + 1);
        // On to the first item of another group.
        let key = loop {
            if let Some(key) = zelf.current_key.load(vm) {
                match zelf.target.load(vm) {
                    None => break key,
                    Some(target) => {
                        if !vm.eq(&target, &key)? {
                            break key;
                        }
                    }
                }
            }
            if !zelf.step(vm)? {
                return Ok(None);
            }
        };
        let old = zelf.target.replace(vm, Some(key.clone()));
        drop(old);
        let grouper = vm.new_object(Grouper { parent: zelf.clone(), target: key.clone(), group: zelf.group.get() })?;
        Ok(Some(vm.new_tuple([key, grouper.into_value()])?.into_value()))
    }
}

/// The items of one group.
#[pyclass(module = "itertools", name = "_grouper", gc)]
pub struct Grouper {
    parent: Py<GroupBy>,
    target: Value,
    group: u64,
}

#[pymethods]
impl Grouper {
    #[new(sig = "(parent, tgtkey, /)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, parent: Py<GroupBy>, tgtkey: Value, vm: &mut Vm) -> PyResult<Py<Grouper>> {
        parent.group.set(parent.group.get() + 1);
        let group = parent.group.get();
        vm.new_instance(cls, Grouper { parent, target: tgtkey, group })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Grouper>) -> Py<Grouper> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let parent = &self.parent;
        if parent.group.get() != self.group {
            return Ok(None);
        }
        if parent.current.get(vm).is_none() && !parent.step(vm)? {
            return Ok(None);
        }
        let Some(key) = parent.current_key.load(vm) else { return Ok(None) };
        if !vm.eq(&self.target, &key)? {
            return Ok(None);
        }
        let old = parent.current_key.replace(vm, None);
        drop(old);
        Ok(parent.current.replace(vm, None))
    }
}

/// Return an iterator of overlapping pairs taken from the input iterator.
#[pyclass(module = "itertools", name = "pairwise", flags(BASETYPE), gc, text_signature = "(iterable, /)")]
pub struct Pairwise {
    iterator: GilCell<Option<Value>>,
    old: GilCell<Option<Value>>,
    result: Recycled,
}

impl Pairwise {
    fn finish(&self, vm: &mut Vm) {
        let old = (self.iterator.replace(vm, None), self.old.replace(vm, None));
        drop(old);
    }
}

#[pymethods]
impl Pairwise {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Pairwise>> {
        let args = args.for_new::<Pairwise>(vm, cls)?.unpack(vm, "pairwise", 1, 1)?;
        let iterator = match args.first() {
            Some(iterable) => Some(vm.iter(iterable)?),
            None => None,
        };
        vm.new_instance(cls, Pairwise { iterator: GilCell::new(iterator), old: GilCell::new(None), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Pairwise>) -> Py<Pairwise> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(iterator) = self.iterator.load(vm) else { return Ok(None) };
        let old = match self.old.load(vm) {
            Some(old) => old,
            None => match vm.iter_next(&iterator) {
                Ok(Some(first)) => {
                    let previous = self.old.replace(vm, Some(first.clone()));
                    drop(previous);
                    first
                }
                end => {
                    self.finish(vm);
                    return end;
                }
            },
        };
        // Taking the first item may have exhausted this very iterator.
        let Some(iterator) = self.iterator.load(vm) else {
            self.finish(vm);
            return Ok(None);
        };
        match vm.iter_next(&iterator) {
            Ok(Some(new)) => {
                let previous = self.old.replace(vm, Some(new.clone()));
                drop(previous);
                self.result.pair(vm, old, new).map(Some)
            }
            end => {
                self.finish(vm);
                end
            }
        }
    }
}

/// Return a zip_longest object whose __next__ method returns a tuple with one element of each iterable.
///
/// It goes on until the longest iterable is exhausted; missing elements are replaced by the fill value.
#[pyclass(module = "itertools", name = "zip_longest", flags(BASETYPE), gc, text_signature = "(*iterables, fillvalue=None)")]
pub struct ZipLongest {
    iterators: GilCell<Vec<Option<Value>>>,
    active: Cell<usize>,
    fill: Value,
    result: Recycled,
}

#[pymethods]
impl ZipLongest {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ZipLongest>> {
        let mut fill = Value::none();
        for (key, value) in args.keywords() {
            if !key.downcast::<Str>().is_some_and(|s| s.eq_str("fillvalue")) {
                return Err(vm.type_error("zip_longest() got an unexpected keyword argument"));
            }
            fill = value.clone();
        }
        let mut iterators = Vec::with_capacity(args.positional().len());
        for iterable in args.positional() {
            iterators.push(Some(vm.iter(iterable)?));
        }
        let active = Cell::new(iterators.len());
        vm.new_instance(cls, ZipLongest { iterators: GilCell::new(iterators), active, fill, result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<ZipLongest>) -> Py<ZipLongest> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if self.active.get() == 0 {
            return Ok(None);
        }
        let count = self.iterators.get(vm).len();
        let mut row = Vec::with_capacity(count);
        for i in 0..count {
            let Some(iterator) = self.iterators.get(vm).get(i).cloned().flatten() else {
                row.push(self.fill.clone());
                continue;
            };
            match vm.iter_next(&iterator) {
                Ok(Some(item)) => row.push(item),
                Ok(None) => {
                    // Taking an item may have exhausted others through this very iterator.
                    self.active.set(self.active.get().saturating_sub(1));
                    if self.active.get() == 0 {
                        return Ok(None);
                    }
                    row.push(self.fill.clone());
                    let old = self.iterators.get_mut(vm).get_mut(i).and_then(Option::take);
                    drop(old);
                }
                Err(e) => {
                    self.active.set(0);
                    return Err(e);
                }
            }
        }
        self.result.row(vm, row).map(Some)
    }
}
