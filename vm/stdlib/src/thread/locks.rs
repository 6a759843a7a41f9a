//! `lock` and `RLock`.

use crate::lock::RawLock;
use crate::thread::ident;
use crate::time::{self, Round};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// A lock that any thread may release.
#[pyclass(name = "lock", module = "_thread", managed, flags(NO_DICT), text_signature = "()")]
#[derive(Default)]
pub struct Lock {
    #[traverse(skip)]
    raw: RawLock,
}

/// The timeout of `acquire` in nanoseconds: -1 to wait for ever, 0 not to wait.
fn timeout(vm: &mut Vm, blocking: bool, timeout: Option<Value>) -> PyResult<i64> {
    let nanos = match timeout {
        None => return Ok(if blocking { -1 } else { 0 }),
        Some(t) => time::to_time(vm, &t, Round::Up)?,
    };
    let unset = nanos == -1_000_000_000;
    if !blocking && !unset {
        return Err(vm.value_error("can't specify a timeout for a non-blocking call"));
    }
    if nanos < 0 && !unset {
        return Err(vm.value_error("timeout value must be a non-negative number"));
    }
    if unset {
        return Ok(if blocking { -1 } else { 0 });
    }
    if nanos > i64::MAX / 1_000_000_000 * 1_000_000_000 {
        return Err(vm.overflow_error("timeout value is too large"));
    }
    Ok(nanos)
}

impl Lock {
    fn take(&self, blocking: bool, wait: Option<Value>, vm: &mut Vm) -> PyResult<bool> {
        let nanos = timeout(vm, blocking, wait)?;
        self.raw.acquire(vm, nanos)
    }

    fn give(&self, vm: &mut Vm) -> PyResult<()> {
        if !self.raw.is_locked() {
            return Err(vm.runtime_error("release unlocked lock"));
        }
        self.raw.release();
        Ok(())
    }
}

#[pymethods]
impl Lock {
    #[new]
    fn new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<Lock>> {
        vm.new_instance(cls, Lock::default())
    }

    /// Lock the lock, waiting for it if blocking is true, up to timeout seconds if that is not negative. Says whether it was locked.
    #[method(sig = "(blocking=True, timeout=?)", text = "(blocking=True, timeout=-1)")]
    fn acquire(&self, blocking: bool, timeout: Option<Value>, vm: &mut Vm) -> PyResult<bool> {
        self.take(blocking, timeout, vm)
    }

    /// The old name of acquire().
    #[method(sig = "(blocking=True, timeout=?)", text = "(blocking=True, timeout=-1)")]
    fn acquire_lock(&self, blocking: bool, timeout: Option<Value>, vm: &mut Vm) -> PyResult<bool> {
        self.take(blocking, timeout, vm)
    }

    /// Open the lock, which another thread may have locked.
    #[method]
    fn release(&self, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    /// The old name of release().
    #[method]
    fn release_lock(&self, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    /// Whether the lock is locked.
    #[method]
    fn locked(&self) -> bool {
        self.raw.is_locked()
    }

    /// The old name of locked().
    #[method]
    fn locked_lock(&self) -> bool {
        self.raw.is_locked()
    }

    /// Lock the lock.
    #[method(name = "__enter__")]
    fn enter(&self, vm: &mut Vm) -> PyResult<bool> {
        self.raw.acquire(vm, -1)
    }

    /// Open the lock.
    #[method(name = "__exit__", text = "(*exc_info)")]
    fn exit(&self, _args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    #[method]
    fn _at_fork_reinit(&self) {
        while !self.raw.try_acquire() {
            self.raw.release();
        }
        self.raw.release();
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Self>) -> String {
        let state = if zelf.raw.is_locked() { "locked" } else { "unlocked" };
        format!("<{state} {} object at {:#x}>", zelf.as_value().type_name(), zelf.as_value().id())
    }
}

/// A lock that its owner may lock again, and only its owner may open.
#[pyclass(name = "RLock", module = "_thread", managed, flags(BASETYPE, NO_DICT))]
#[derive(Default)]
pub struct RLock {
    #[traverse(skip)]
    raw: RawLock,
    owner: Cell<u64>,
    count: Cell<u64>,
}

impl RLock {
    fn is_mine(&self) -> bool {
        self.count.get() > 0 && self.owner.get() == ident()
    }

    fn take(&self, nanos: i64, vm: &mut Vm) -> PyResult<bool> {
        if self.is_mine() {
            self.count.set(self.count.get() + 1);
            return Ok(true);
        }
        let taken = self.raw.acquire(vm, nanos)?;
        if taken {
            self.owner.set(ident());
            self.count.set(1);
        }
        Ok(taken)
    }

    fn give(&self, vm: &mut Vm) -> PyResult<()> {
        if !self.is_mine() {
            return Err(vm.runtime_error("cannot release un-acquired lock"));
        }
        self.count.set(self.count.get() - 1);
        if self.count.get() == 0 {
            self.owner.set(0);
            self.raw.release();
        }
        Ok(())
    }
}

#[pymethods]
impl RLock {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<RLock>> {
        if !args.values().is_empty() {
            let text = "Passing arguments to RLock is deprecated and will be removed in 3.15";
            crate::fspath::warn(vm, "DeprecationWarning", text, 1, None)?;
        }
        vm.new_instance(cls, RLock::default())
    }

    /// Lock the lock, again if the thread has it already; otherwise as for other locks. Says whether it was locked.
    #[method(sig = "(blocking=True, timeout=?)", text = "(blocking=True, timeout=-1)")]
    fn acquire(&self, blocking: bool, timeout: Option<Value>, vm: &mut Vm) -> PyResult<bool> {
        let nanos = self::timeout(vm, blocking, timeout)?;
        self.take(nanos, vm)
    }

    /// Open the lock once; it is free when it was opened as often as it was locked.
    #[method]
    fn release(&self, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    /// Whether the lock is locked.
    #[method]
    fn locked(&self) -> bool {
        self.count.get() > 0
    }

    /// Lock the lock.
    #[method(name = "__enter__")]
    fn enter(&self, vm: &mut Vm) -> PyResult<bool> {
        self.take(-1, vm)
    }

    /// Open the lock.
    #[method(name = "__exit__", text = "(*exc_info)")]
    fn exit(&self, _args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    /// Whether the calling thread has the lock.
    #[method]
    fn _is_owned(&self) -> bool {
        self.is_mine()
    }

    /// How often the calling thread has locked the lock.
    #[method]
    fn _recursion_count(&self) -> u64 {
        if self.is_mine() { self.count.get() } else { 0 }
    }

    /// Open the lock altogether and return what _acquire_restore() needs.
    #[method]
    fn _release_save(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if self.count.get() == 0 {
            return Err(vm.runtime_error("cannot release un-acquired lock"));
        }
        let state = vec![vm.new_int(self.count.get())?, vm.new_int(self.owner.get())?];
        let state = vm.new_tuple(state)?;
        self.count.set(0);
        self.owner.set(0);
        self.raw.release();
        Ok(state)
    }

    /// Lock the lock as often as it was.
    #[method(sig = "(state, /)")]
    fn _acquire_restore(&self, state: &Py<Tuple>, vm: &mut Vm) -> PyResult<()> {
        let [count, owner] = state.items() else { return Err(vm.type_error("_acquire_restore() argument 1 must be 2-item tuple")) };
        let number = |v: &Value| v.as_small_int().and_then(|i| u64::try_from(i).ok()).unwrap_or(0);
        let (count, owner) = (number(count), vm.int_as_i128(owner).and_then(|i| u64::try_from(i).ok()).unwrap_or(0));
        self.raw.acquire_quietly(vm);
        self.count.set(count);
        self.owner.set(owner);
        Ok(())
    }

    #[method]
    fn _at_fork_reinit(&self) {
        while !self.raw.try_acquire() {
            self.raw.release();
        }
        self.raw.release();
        self.count.set(0);
        self.owner.set(0);
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Self>) -> String {
        let state = if zelf.count.get() > 0 { "locked" } else { "unlocked" };
        let (name, id) = (zelf.as_value().type_name(), zelf.as_value().id());
        format!("<{state} {name} object owner={} count={} at {id:#x}>", zelf.owner.get(), zelf.count.get())
    }
}
