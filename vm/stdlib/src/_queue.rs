//! `_queue`: `SimpleQueue`, an unbounded queue between threads.
//!
//! Items are only touched with the GIL held; a counter under a lock of its own wakes waiting threads.

use krait_runtime::types::exceptions::{BaseException, Exception};
use krait_runtime::types::float::float_value;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, module, pyclass, pymethods};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Waiting is cut into pieces, so that signals are handled meanwhile.
const SLICE: Duration = Duration::from_millis(50);

/// Exception raised by Queue.get(block=0)/get_nowait().
#[pyclass(module = "_queue", name = "Empty", base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct Empty {
    pub base: Exception,
}

impl From<BaseException> for Empty {
    fn from(base: BaseException) -> Empty {
        Empty { base: base.into() }
    }
}

#[pymethods]
impl Empty {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Empty>> {
        let args = vm.new_tuple_from(args.positional())?;
        vm.new_instance(cls, Empty::from(BaseException::new(args)))
    }
}

/// Counts what has been put in, for those who wait.
#[derive(Default)]
struct Bell {
    puts: Mutex<u64>,
    rung: Condvar,
}

/// Simple, unbounded, reentrant FIFO queue.
#[pyclass(module = "_queue", name = "SimpleQueue", flags(BASETYPE), managed)]
pub struct SimpleQueue {
    items: GilCell<VecDeque<Value>>,
    #[traverse(skip)]
    bell: Arc<Bell>,
}

/// The deadline of `timeout`; none to wait for ever.
fn deadline(vm: &mut Vm, timeout: &Value) -> PyResult<Option<Instant>> {
    if timeout.is_none() {
        return Ok(None);
    }
    let seconds = match (float_value(timeout), IntRef::new(timeout)) {
        (Some(f), _) => f,
        (None, Some(_)) => vm.as_f64(timeout)?,
        (None, None) if timeout.ty().slots.nb_index.get().is_some() => vm.as_f64(timeout)?,
        (None, None) => {
            let name = timeout.type_name();
            return Err(vm.type_error(format!("'{name}' object cannot be interpreted as an integer or float")));
        }
    };
    if seconds.is_nan() {
        return Err(vm.value_error("Invalid value NaN (not a number)"));
    }
    if seconds.abs() >= 9.2e9 {
        return Err(vm.overflow_error("timestamp out of range for C PyTime_t"));
    }
    if seconds < 0.0 {
        return Err(vm.value_error("'timeout' must be a non-negative number"));
    }
    Ok(Instant::now().checked_add(Duration::from_secs_f64(seconds)))
}

impl SimpleQueue {
    fn push(&self, vm: &mut Vm, item: Value) {
        self.items.get_mut(vm).push_back(item);
        let mut puts = self.bell.puts.lock().unwrap_or_else(PoisonError::into_inner);
        *puts += 1;
        self.bell.rung.notify_one();
    }

    fn puts(&self) -> u64 {
        *self.bell.puts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, vm: &mut Vm, block: bool, timeout: &Value) -> PyResult {
        let end = if block { deadline(vm, timeout)? } else { None };
        loop {
            let seen = self.puts();
            if let Some(item) = self.items.get_mut(vm).pop_front() {
                return Ok(item);
            }
            let now = Instant::now();
            if !block || end.is_some_and(|end| now >= end) {
                return Err(vm.raise_with::<Empty>(Vec::new()));
            }
            let wait = end.map_or(SLICE, |end| end.saturating_duration_since(now).min(SLICE));
            let bell = Arc::clone(&self.bell);
            vm.allow_threads(move || {
                let puts = bell.puts.lock().unwrap_or_else(PoisonError::into_inner);
                if *puts == seen {
                    drop(bell.rung.wait_timeout(puts, wait).unwrap_or_else(PoisonError::into_inner));
                }
            });
            vm.handle_breaker()?;
        }
    }
}

#[pymethods]
impl SimpleQueue {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<SimpleQueue>> {
        let args = args.for_new::<SimpleQueue>(vm, cls)?;
        if !args.positional().is_empty() && cls.is(SimpleQueue::type_object(vm)) {
            return Err(vm.type_error("SimpleQueue() takes no positional arguments"));
        }
        vm.new_instance(cls, SimpleQueue { items: GilCell::default(), bell: Arc::default() })
    }

    /// Put the item on the queue.
    ///
    /// The optional arguments are there for compatibility with Queue: putting never blocks.
    #[method(sig = "(item, block=True, timeout=None)")]
    fn put(&self, item: Value, block: bool, timeout: Value, vm: &mut Vm) -> PyResult<()> {
        let _ = (block, timeout);
        self.push(vm, item);
        Ok(())
    }

    /// Put an item into the queue without blocking.
    #[method(sig = "(item)")]
    fn put_nowait(&self, item: Value, vm: &mut Vm) -> PyResult<()> {
        self.push(vm, item);
        Ok(())
    }

    /// Remove and return an item from the queue.
    ///
    /// Waits if necessary until an item is available, at most timeout seconds if that is given; raises Empty if none came in time. Without
    /// block, an item has to be available at once.
    #[method(sig = "(block=True, timeout=None)")]
    fn get(&self, block: bool, timeout: Value, vm: &mut Vm) -> PyResult {
        self.take(vm, block, &timeout)
    }

    /// Remove and return an item from the queue without blocking.
    ///
    /// Only get an item if one is immediately available. Otherwise raise the Empty exception.
    #[method]
    fn get_nowait(&self, vm: &mut Vm) -> PyResult {
        self.take(vm, false, &Value::none())
    }

    /// Return True if the queue is empty, False otherwise (not reliable!).
    #[method]
    fn empty(&self, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.items.get(vm).is_empty())
    }

    /// Return the approximate size of the queue (not reliable!).
    #[method]
    fn qsize(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.items.get(vm).len())
    }

    /// See PEP 585
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

module! {
    "_queue",
    doc: "What queue has in native code; use queue instead.",
    functions: [],
    types: [SimpleQueue, Empty],
}
