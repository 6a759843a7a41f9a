//! `product`, `combinations`, `combinations_with_replacement` and `permutations`.

use krait_runtime::types::int::Int;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Recycled;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// What the next step has to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    First,
    Running,
    Stopped,
}

/// `count` numbers made by `each`; MemoryError when that is too much.
fn numbers(vm: &mut Vm, count: usize, each: impl Fn(usize) -> usize) -> PyResult<Vec<usize>> {
    let mut out = Vec::new();
    if !krait_heap::fits_memory(count.saturating_mul(8)) || out.try_reserve_exact(count).is_err() {
        return Err(vm.memory_error());
    }
    out.extend((0..count).map(each));
    Ok(out)
}

/// The item of a pool whose index stands at a place.
#[inline(always)]
fn picked(pool: &[Value], indices: &[usize], place: usize) -> Value {
    indices.get(place).and_then(|&i| pool.get(i)).map_or_else(Value::none, Value::clone)
}

/// `r` as a count; ValueError if it is negative.
fn check_r(vm: &mut Vm, r: isize) -> PyResult<usize> {
    usize::try_from(r).map_err(|_| vm.value_error("r must be non-negative"))
}

struct Odometer {
    phase: Phase,
    indices: Vec<usize>,
}

/// Cartesian product of input iterables. Equivalent to nested for-loops.
#[pyclass(module = "itertools", name = "product", flags(BASETYPE), gc, text_signature = "(*iterables, repeat=1)")]
pub struct Product {
    pools: Vec<Vec<Value>>,
    #[traverse(skip)]
    state: GilCell<Odometer>,
    result: Recycled,
}

#[pymethods]
impl Product {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Product>> {
        let mut repeat = 1;
        krait_runtime::args::check_keyword_count(vm, "product", args.kwnames().len(), 1)?;
        for (key, value) in args.keywords() {
            let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
            if text != "repeat" {
                return Err(vm.type_error(format!("product() got an unexpected keyword argument '{text}'")));
            }
            let index = vm.index(value)?;
            repeat = match vm.int_as_i128(&index).and_then(|i| isize::try_from(i).ok()) {
                Some(i) => i,
                None => return Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
            };
            if repeat < 0 {
                return Err(vm.value_error("repeat argument cannot be negative"));
            }
        }
        let given = if repeat == 0 { &[][..] } else { args.positional() };
        let Some(total) = given.len().checked_mul(repeat as usize).filter(|&n| n < isize::MAX as usize / 8) else {
            return Err(vm.overflow_error("repeat argument too large"));
        };
        let mut own = Vec::with_capacity(given.len());
        for iterable in given {
            own.push(vm.collect(iterable)?);
        }
        let mut pools: Vec<Vec<Value>> = Vec::new();
        if !krait_heap::fits_memory(total.saturating_mul(24)) || pools.try_reserve_exact(total).is_err() {
            return Err(vm.memory_error());
        }
        if !own.is_empty() {
            for _ in 0..repeat {
                pools.extend_from_slice(&own);
            }
        }
        let indices = numbers(vm, total, |_| 0)?;
        vm.new_instance(cls, Product { pools, state: GilCell::new(Odometer { phase: Phase::First, indices }), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Product>) -> Py<Product> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let state = self.state.get_mut(vm);
        match state.phase {
            Phase::Stopped => return Ok(None),
            Phase::First => {
                state.phase = if self.pools.iter().any(Vec::is_empty) { Phase::Stopped } else { Phase::Running };
            }
            Phase::Running => {
                // The rightmost position moves on; what has run through begins again.
                let moved = state.indices.iter_mut().zip(&self.pools).rev().any(|(i, pool)| {
                    *i += 1;
                    if *i >= pool.len() {
                        *i = 0;
                    }
                    *i != 0
                });
                if !moved {
                    state.phase = Phase::Stopped;
                }
            }
        }
        if state.phase == Phase::Stopped {
            return Ok(None);
        }
        let len = state.indices.len();
        let item = |vm: &Vm, place: usize| self.pools.get(place).map_or_else(Value::none, |pool| picked(pool, &self.state.get(vm).indices, place));
        self.result.row_of(vm, len, item).map(Some)
    }

    /// Returns size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        48 + self.pools.len() * 8
    }
}

/// Return successive r-length combinations of elements in the iterable.
///
/// combinations(range(4), 3) --> (0,1,2), (0,1,3), (0,2,3), (1,2,3)
#[pyclass(module = "itertools", name = "combinations", flags(BASETYPE), gc, text_signature = "(iterable, r)")]
pub struct Combinations {
    pool: Vec<Value>,
    #[traverse(skip)]
    state: GilCell<Odometer>,
    result: Recycled,
}

#[pymethods]
impl Combinations {
    #[new(sig = "(iterable, r)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, r: isize, vm: &mut Vm) -> PyResult<Py<Combinations>> {
        let pool = vm.collect(iterable)?;
        let r = check_r(vm, r)?;
        let phase = if r > pool.len() { Phase::Stopped } else { Phase::First };
        let indices = numbers(vm, if phase == Phase::Stopped { 0 } else { r }, |i| i)?;
        vm.new_instance(cls, Combinations { pool, state: GilCell::new(Odometer { phase, indices }), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Combinations>) -> Py<Combinations> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let state = self.state.get_mut(vm);
        let (n, r) = (self.pool.len(), state.indices.len());
        match state.phase {
            Phase::Stopped => return Ok(None),
            Phase::First => state.phase = Phase::Running,
            Phase::Running => {
                // The rightmost index that is not at its end moves on; those behind it follow closely.
                let Some(i) = (0..r).rev().find(|&i| state.indices.get(i).is_some_and(|&x| x != i + n - r)) else {
                    state.phase = Phase::Stopped;
                    return Ok(None);
                };
                let first = state.indices.get(i).map_or(0, |&x| x + 1);
                for (next, index) in (first..).zip(state.indices.iter_mut().skip(i)) {
                    *index = next;
                }
            }
        }
        let len = state.indices.len();
        self.result.row_of(vm, len, |vm, place| picked(&self.pool, &self.state.get(vm).indices, place)).map(Some)
    }

    /// Returns size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(56 + self.state.get(vm).indices.len() * 8)
    }
}

/// Return successive r-length combinations of elements in the iterable allowing individual elements to have successive repeats.
///
/// combinations_with_replacement('ABC', 2) --> ('A','A'), ('A','B'), ('A','C'), ('B','B'), ('B','C'), ('C','C')
#[pyclass(module = "itertools", name = "combinations_with_replacement", flags(BASETYPE), gc, text_signature = "(iterable, r)")]
pub struct CombinationsWithReplacement {
    pool: Vec<Value>,
    #[traverse(skip)]
    state: GilCell<Odometer>,
    result: Recycled,
}

#[pymethods]
impl CombinationsWithReplacement {
    #[new(sig = "(iterable, r)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, r: isize, vm: &mut Vm) -> PyResult<Py<CombinationsWithReplacement>> {
        let pool = vm.collect(iterable)?;
        let r = check_r(vm, r)?;
        let phase = if pool.is_empty() && r > 0 { Phase::Stopped } else { Phase::First };
        let indices = numbers(vm, r, |_| 0)?;
        vm.new_instance(cls, CombinationsWithReplacement { pool, state: GilCell::new(Odometer { phase, indices }), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<CombinationsWithReplacement>) -> Py<CombinationsWithReplacement> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let state = self.state.get_mut(vm);
        let n = self.pool.len();
        match state.phase {
            Phase::Stopped => return Ok(None),
            Phase::First => state.phase = Phase::Running,
            Phase::Running => {
                let Some(i) = state.indices.iter().rposition(|&x| x + 1 != n) else {
                    state.phase = Phase::Stopped;
                    return Ok(None);
                };
                let next = state.indices.get(i).map_or(0, |&x| x + 1);
                for index in state.indices.iter_mut().skip(i) {
                    *index = next;
                }
            }
        }
        let len = state.indices.len();
        self.result.row_of(vm, len, |vm, place| picked(&self.pool, &self.state.get(vm).indices, place)).map(Some)
    }

    /// Returns size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(56 + self.state.get(vm).indices.len() * 8)
    }
}

struct Cycles {
    phase: Phase,
    indices: Vec<usize>,
    cycles: Vec<usize>,
}

/// Return successive r-length permutations of elements in the iterable.
///
/// permutations(range(3), 2) --> (0,1), (0,2), (1,0), (1,2), (2,0), (2,1)
#[pyclass(module = "itertools", name = "permutations", flags(BASETYPE), gc, text_signature = "(iterable, r=None)")]
pub struct Permutations {
    pool: Vec<Value>,
    #[traverse(skip)]
    state: GilCell<Cycles>,
    result: Recycled,
}

impl Cycles {
    /// The next permutation in lexicographic order of positions; false after the last one.
    fn advance(&mut self) -> bool {
        let n = self.indices.len();
        for i in (0..self.cycles.len()).rev() {
            let Some(cycle) = self.cycles.get_mut(i) else { return false };
            *cycle -= 1;
            if *cycle == 0 {
                *cycle = n - i;
                if let Some(rest) = self.indices.get_mut(i..) {
                    rest.rotate_left(1);
                }
            } else {
                let j = n - *cycle;
                self.indices.swap(i, j);
                return true;
            }
        }
        false
    }
}

#[pymethods]
impl Permutations {
    #[new(sig = "(iterable, r=None)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, iterable: &Value, r: Option<&Value>, vm: &mut Vm) -> PyResult<Py<Permutations>> {
        let pool = vm.collect(iterable)?;
        let n = pool.len();
        let r = match r {
            None => n,
            Some(r) if r.is::<Int>() => {
                let r = match vm.int_as_i128(r).and_then(|i| isize::try_from(i).ok()) {
                    Some(r) => r,
                    None => return Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
                };
                check_r(vm, r)?
            }
            Some(_) => return Err(vm.type_error("Expected int as r")),
        };
        let phase = if r > n { Phase::Stopped } else { Phase::First };
        let indices = numbers(vm, n, |i| i)?;
        let cycles = numbers(vm, if r > n { 0 } else { r }, |i| n - i)?;
        vm.new_instance(cls, Permutations { pool, state: GilCell::new(Cycles { phase, indices, cycles }), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Permutations>) -> Py<Permutations> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let state = self.state.get_mut(vm);
        match state.phase {
            Phase::Stopped => return Ok(None),
            Phase::First => state.phase = Phase::Running,
            Phase::Running => {
                if !state.advance() {
                    state.phase = Phase::Stopped;
                    return Ok(None);
                }
            }
        }
        let r = state.cycles.len();
        self.result.row_of(vm, r, |vm, place| picked(&self.pool, &self.state.get(vm).indices, place)).map(Some)
    }

    /// Returns size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        let state = self.state.get(vm);
        Ok(64 + (state.indices.len() + state.cycles.len()) * 8)
    }
}
