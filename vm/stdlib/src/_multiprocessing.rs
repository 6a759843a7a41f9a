//! `_multiprocessing`: locks that processes share, as named POSIX semaphores.
#![allow(unsafe_code, reason = "system calls on semaphores that the object owns")]

use crate::oserror::{self, errno, sys};
use crate::signal::check_signals;
use crate::{fspath, thread, time};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::ffi::CString;

const RECURSIVE_MUTEX: i32 = 0;
const SEMAPHORE: i32 = 1;

/// A semaphore or a recursive lock that processes share.
#[pyclass(name = "SemLock", module = "_multiprocessing", flags(BASETYPE))]
pub struct SemLock {
    /// A `sem_t` that this object has opened; it is closed when the object dies.
    #[traverse(skip)]
    handle: Cell<*mut libc::sem_t>,
    kind: i32,
    maxvalue: i32,
    #[traverse(skip)]
    name: Option<CString>,
    /// How often this process has taken it, and the thread that did last.
    #[traverse(skip)]
    count: Cell<i32>,
    #[traverse(skip)]
    last: Cell<u64>,
}

impl Drop for SemLock {
    fn drop(&mut self) {
        if !self.handle.get().is_null() {
            sys!(libc::sem_close(self.handle.get()));
        }
    }
}

impl SemLock {
    fn made(handle: *mut libc::sem_t, kind: i32, maxvalue: i32, name: Option<CString>) -> SemLock {
        SemLock { handle: Cell::new(handle), kind, maxvalue, name, count: Cell::new(0), last: Cell::new(0) }
    }

    fn mine(&self) -> bool {
        self.count.get() > 0 && self.last.get() == thread::ident()
    }

    fn value(&self, vm: &mut Vm) -> PyResult<i32> {
        let mut value = 0;
        let result = sys!(libc::sem_getvalue(self.handle.get(), &raw mut value));
        oserror::check(vm, result)?;
        Ok(value.max(0))
    }

    /// 0, or the error's number.
    fn wait(&self, deadline: Option<libc::timespec>) -> i32 {
        let result = match &deadline {
            None => sys!(libc::sem_wait(self.handle.get())),
            Some(ts) => sys!(libc::sem_timedwait(self.handle.get(), std::ptr::from_ref(ts))),
        };
        if result == 0 { 0 } else { errno() }
    }

    fn take(&self, vm: &mut Vm, block: bool, timeout: &Value) -> PyResult<bool> {
        if self.kind == RECURSIVE_MUTEX && self.mine() {
            self.count.set(self.count.get() + 1);
            return Ok(true);
        }
        let deadline = if timeout.is_none() {
            None
        } else {
            let nanos = time::to_time(vm, timeout, time::Round::Up)?.max(0);
            Some(time::timespec(time::realtime_now().saturating_add(nanos)))
        };
        let mut code = if sys!(libc::sem_trywait(self.handle.get())) == 0 { 0 } else { errno() };
        while code != 0 {
            match code {
                libc::EAGAIN if !block => return Ok(false),
                libc::ETIMEDOUT => return Ok(false),
                libc::EAGAIN | libc::EINTR => {}
                other => return Err(oserror::os_error(vm, other)),
            }
            if code == libc::EINTR {
                check_signals(vm)?;
            }
            code = vm.allow_threads(|| self.wait(deadline));
        }
        self.count.set(self.count.get() + 1);
        self.last.set(thread::ident());
        Ok(true)
    }

    fn give(&self, vm: &mut Vm) -> PyResult<()> {
        if self.kind == RECURSIVE_MUTEX {
            if !self.mine() {
                let text = vm.new_str("attempt to release recursive lock not owned by thread")?.into_value();
                return Err(oserror::raise_named(vm, "AssertionError", &[text]));
            }
            if self.count.get() > 1 {
                self.count.set(self.count.get() - 1);
                return Ok(());
            }
        } else if self.value(vm)? >= self.maxvalue {
            return Err(vm.value_error("semaphore or lock released too many times"));
        }
        let result = sys!(libc::sem_post(self.handle.get()));
        oserror::check(vm, result)?;
        self.count.set(self.count.get() - 1);
        Ok(())
    }
}

#[pymethods]
impl SemLock {
    #[new(sig = "(kind, value, maxvalue, name, unlink)")]
    fn new(cls: &Py<PyType>, kind: i32, value: i32, maxvalue: i32, name: &Value, unlink: bool, vm: &mut Vm) -> PyResult<Py<SemLock>> {
        if kind != RECURSIVE_MUTEX && kind != SEMAPHORE {
            return Err(vm.value_error("unrecognized kind"));
        }
        let name = fspath::fs_bytes(vm, name)?;
        let mode: libc::c_uint = 0o600;
        let handle = sys!(libc::sem_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL, mode, value as libc::c_uint));
        if handle == libc::SEM_FAILED {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        let lock = SemLock::made(handle, kind, maxvalue, (!unlink).then(|| name.clone()));
        if unlink && sys!(libc::sem_unlink(name.as_ptr())) < 0 {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        vm.new_instance(cls, lock)
    }

    /// The lock of another process, by its name.
    #[classmethod(sig = "(handle, kind, maxvalue, name, /)")]
    fn _rebuild(cls: &Py<PyType>, handle: i64, kind: i32, maxvalue: i32, name: &Value, vm: &mut Vm) -> PyResult<Py<SemLock>> {
        if name.is_none() {
            let text = vm.new_str(&format!("SemLock {handle} has no name: semaphores are shared by name only"))?.into_value();
            return Err(oserror::raise_named(vm, "NotImplementedError", &[text]));
        }
        let name = fspath::fs_bytes(vm, name)?;
        let handle = sys!(libc::sem_open(name.as_ptr(), 0));
        if handle == libc::SEM_FAILED {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        vm.new_instance(cls, SemLock::made(handle, kind, maxvalue, Some(name)))
    }

    /// Take it; with a timeout in seconds, False if that has passed.
    #[method(sig = "(block=True, timeout=None)")]
    fn acquire(&self, block: bool, timeout: Value, vm: &mut Vm) -> PyResult<bool> {
        self.take(vm, block, &timeout)
    }

    /// Give it back.
    #[method]
    fn release(&self, vm: &mut Vm) -> PyResult<()> {
        self.give(vm)
    }

    /// How often this process has taken it.
    #[method]
    fn _count(&self) -> i32 {
        self.count.get()
    }

    /// Whether this thread has taken it.
    #[method]
    fn _is_mine(&self) -> bool {
        self.mine()
    }

    /// The semaphore's value.
    #[method]
    fn _get_value(&self, vm: &mut Vm) -> PyResult<i32> {
        self.value(vm)
    }

    /// Whether the semaphore is taken as often as can be.
    #[method]
    fn _is_zero(&self, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.value(vm)? == 0)
    }

    /// Called in the child of a fork.
    #[method]
    fn _after_fork(&self) {
        self.count.set(0);
    }

    #[method(name = "__enter__")]
    fn enter(&self, vm: &mut Vm) -> PyResult<bool> {
        self.take(vm, true, &Value::none())
    }

    #[method(name = "__exit__", sig = "(exc_type=None, exc_value=None, exc_tb=None, /)")]
    fn exit(&self, exc_type: Value, exc_value: Value, exc_tb: Value, vm: &mut Vm) -> PyResult<()> {
        drop((exc_type, exc_value, exc_tb));
        self.give(vm)
    }

    /// The address of the semaphore in this process.
    #[getter]
    fn handle(&self) -> u64 {
        self.handle.get() as u64
    }

    #[getter]
    fn kind(&self) -> i32 {
        self.kind
    }

    #[getter]
    fn maxvalue(&self) -> i32 {
        self.maxvalue
    }

    /// Its name in the system, None once that is gone.
    #[getter]
    fn name(&self, vm: &mut Vm) -> PyResult {
        match &self.name {
            Some(name) => Ok(fspath::fsdecode(vm, name.to_bytes())?.into_value()),
            None => Ok(Value::none()),
        }
    }

    #[classattr(name = "SEM_VALUE_MAX")]
    fn sem_value_max(_vm: &mut Vm) -> PyResult {
        Ok(Value::from_i32(i32::MAX))
    }
}

/// Take the name of a semaphore out of the system.
#[pyfunction(sig = "(name, /)")]
fn sem_unlink(name: &Value, vm: &mut Vm) -> PyResult<()> {
    let name = fspath::fs_bytes(vm, name)?;
    let result = sys!(libc::sem_unlink(name.as_ptr()));
    oserror::check(vm, result).map(drop)
}

krait_runtime::module! {
    "_multiprocessing",
    doc: "Locks that processes share.",
    functions: [sem_unlink],
    types: [SemLock],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let flags = vm.new_dict()?;
    for name in ["HAVE_SEM_OPEN", "HAVE_SEM_TIMEDWAIT", "HAVE_FD_TRANSFER"] {
        let name = vm.intern(name);
        flags.set_str(vm, &name, Value::from_i32(1))?;
    }
    let name = vm.intern("flags");
    dict.set_str(vm, &name, flags.into_value())
}
