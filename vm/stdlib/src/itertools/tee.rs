//! `tee`: several iterators over one source.
//!
//! What has been taken from the source stands in a list of blocks; each iterator is a place in that list, so a block dies when the last
//! iterator has left it behind.

use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// Items a block.
const BLOCK: usize = 57;

/// A block of items that have been taken from the source.
#[pyclass(module = "itertools", name = "_tee_dataobject", gc)]
pub struct TeeData {
    source: Value,
    values: GilCell<Vec<Value>>,
    next: GilCell<Option<Py<TeeData>>>,
    running: Cell<bool>,
}

impl TeeData {
    fn new_block(vm: &mut Vm, source: Value) -> PyResult<Py<TeeData>> {
        vm.new_object(TeeData { source, values: GilCell::default(), next: GilCell::new(None), running: Cell::new(false) })
    }

    fn next_block(&self, vm: &mut Vm) -> PyResult<Py<TeeData>> {
        if let Some(next) = self.next.load(vm) {
            return Ok(next);
        }
        let next = TeeData::new_block(vm, self.source.clone())?;
        self.next.replace(vm, Some(next.clone()));
        Ok(next)
    }

    fn item(&self, vm: &mut Vm, index: usize) -> PyResult<Option<Value>> {
        if let Some(value) = self.values.get(vm).get(index) {
            return Ok(Some(value.clone()));
        }
        if self.running.replace(true) {
            return Err(vm.runtime_error("cannot re-enter the tee iterator"));
        }
        let result = vm.iter_next(&self.source);
        self.running.set(false);
        let Some(value) = result? else { return Ok(None) };
        self.values.get_mut(vm).push(value.clone());
        Ok(Some(value))
    }
}

#[pymethods]
impl TeeData {}

/// Iterator wrapped to make it copyable.
#[pyclass(module = "itertools", name = "_tee", managed, text_signature = "(iterable, /)")]
pub struct Tee {
    block: GilCell<Py<TeeData>>,
    index: Cell<usize>,
}

impl Tee {
    /// An iterator of its own over `iterable`; one over a tee's source shares the blocks.
    fn over(vm: &mut Vm, iterable: &Value) -> PyResult<Py<Tee>> {
        let source = vm.iter(iterable)?;
        if let Some(tee) = source.downcast::<Tee>() {
            return Tee::copy(tee, vm);
        }
        let block = TeeData::new_block(vm, source)?;
        vm.new_object(Tee { block: GilCell::new(block), index: Cell::new(0) })
    }
}

#[pymethods]
impl Tee {
    #[new(sig = "(iterable, /)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(_cls: &Py<PyType>, iterable: &Value, vm: &mut Vm) -> PyResult<Py<Tee>> {
        Tee::over(vm, iterable)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Tee>) -> Py<Tee> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if self.index.get() >= BLOCK {
            let block = self.block.load(vm);
            let next = block.next_block(vm)?;
            let old = self.block.replace(vm, next);
            drop(old);
            self.index.set(0);
        }
        let block = self.block.load(vm);
        let item = block.item(vm, self.index.get())?;
        if item.is_some() {
            self.index.set(self.index.get() + 1);
        }
        Ok(item)
    }

    /// Returns an independent iterator.
    #[method(name = "__copy__")]
    fn copy(zelf: &Py<Tee>, vm: &mut Vm) -> PyResult<Py<Tee>> {
        let block = zelf.block.load(vm);
        vm.new_object(Tee { block: GilCell::new(block), index: Cell::new(zelf.index.get()) })
    }
}

/// Returns a tuple of n independent iterators.
#[pyfunction(sig = "(iterable, n=2, /)")]
pub fn tee(iterable: &Value, n: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    if n < 0 {
        return Err(vm.value_error("n must be >= 0"));
    }
    let mut out = Vec::new();
    if !krait_heap::fits_memory((n as usize).saturating_mul(64)) || out.try_reserve_exact(n as usize).is_err() {
        return Err(vm.memory_error());
    }
    if n > 0 {
        let first = Tee::over(vm, iterable)?;
        out.push(first.to_value());
        for _ in 1..n {
            out.push(Tee::copy(&first, vm)?.into_value());
        }
    }
    vm.new_tuple(out)
}
