//! The lock under `_thread.lock` and the streams of `_io`: a POSIX semaphore, so that any thread may release it and signals interrupt waiting.
#![allow(unsafe_code, reason = "system calls on a semaphore at a fixed address")]

use crate::oserror::{errno};
use crate::signal::check_signals;
use krait_runtime::{PyResult, Vm};
use std::cell::UnsafeCell;

/// A lock that knows no owner.
pub struct RawLock {
    sem: Box<UnsafeCell<libc::sem_t>>,
}

// SAFETY: semaphores are made for use by several threads.
unsafe impl Send for RawLock {}
// SAFETY: as above.
unsafe impl Sync for RawLock {}

/// How waiting ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waited {
    Acquired,
    TimedOut,
    Interrupted,
}

impl Default for RawLock {
    fn default() -> Self {
        Self::new()
    }
}

impl RawLock {
    /// An open lock.
    pub fn new() -> RawLock {
        // SAFETY: a semaphore's memory, which `sem_init` fills in.
        let lock = RawLock { sem: Box::new(UnsafeCell::new(unsafe { std::mem::zeroed() })) };
        // SAFETY: the semaphore stays where it is: it is boxed.
        unsafe { libc::sem_init(lock.sem.get(), 0, 1) };
        lock
    }

    /// Takes the lock if it is open.
    pub fn try_acquire(&self) -> bool {
        loop {
            // SAFETY: the semaphore was initialized.
            if unsafe { libc::sem_trywait(self.sem.get()) } == 0 {
                return true;
            }
            if errno() != libc::EINTR {
                return false;
            }
        }
    }

    /// Opens the lock.
    pub fn release(&self) {
        // SAFETY: the semaphore was initialized.
        unsafe { libc::sem_post(self.sem.get()) };
    }

    /// Waits until the monotonic time `deadline`, for ever without.
    fn wait(&self, deadline: Option<i64>) -> Waited {
        let result = match deadline {
            // SAFETY: the semaphore was initialized.
            None => unsafe { libc::sem_wait(self.sem.get()) },
            Some(at) => {
                // The semaphore's clock is the calendar's.
                let left = at.saturating_sub(crate::time::monotonic_now()).max(0);
                let ts = crate::time::timespec(crate::time::realtime_now().saturating_add(left));
                // SAFETY: as above.
                unsafe { libc::sem_timedwait(self.sem.get(), &raw const ts) }
            }
        };
        match result {
            0 => Waited::Acquired,
            _ if errno() == libc::EINTR => Waited::Interrupted,
            _ => Waited::TimedOut,
        }
    }

    /// Takes the lock, waiting up to `timeout` nanoseconds (for ever if negative) with the GIL let go. Signals' handlers run meanwhile.
    pub fn acquire(&self, vm: &mut Vm, timeout: i64) -> PyResult<bool> {
        if self.try_acquire() {
            return Ok(true);
        }
        if timeout == 0 {
            return Ok(false);
        }
        let deadline = (timeout > 0).then(|| crate::time::monotonic_now().saturating_add(timeout));
        loop {
            match vm.allow_threads(|| self.wait(deadline)) {
                Waited::Acquired => return Ok(true),
                Waited::TimedOut => return Ok(false),
                Waited::Interrupted => check_signals(vm)?,
            }
        }
    }

    /// The same, deaf to signals: for short internal waits.
    pub fn acquire_quietly(&self, vm: &mut Vm) {
        if !self.try_acquire() {
            vm.allow_threads(|| while self.wait(None) != Waited::Acquired {});
        }
    }

    /// Whether somebody has the lock.
    pub fn is_locked(&self) -> bool {
        if self.try_acquire() {
            self.release();
            return false;
        }
        true
    }
}

impl Drop for RawLock {
    fn drop(&mut self) {
        // SAFETY: nobody waits: waiting needs a reference.
        unsafe { libc::sem_destroy(self.sem.get()) };
    }
}
