//! The GIL: one lock for the threads of an interpreter, held by whoever has the active `Vm`.

use crate::Vm;
use crate::eval::ThreadState;
use crate::eval::breaker;
use crate::vm::Interpreter;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a thread waits before it asks the holder to let go (`sys.getswitchinterval`).
pub const DEFAULT_INTERVAL_MICROS: u32 = 5000;

/// The lock.
pub struct Gil {
    state: Mutex<State>,
    released: Condvar,
    switched: Condvar,
    /// Microseconds.
    pub interval: AtomicU32,
}

struct State {
    held: bool,
    /// Counts takings, so that a thread that lets go on request can wait until another one has run.
    switches: u64,
    waiting: u32,
    /// Threads that let another one run and wait until it does.
    yielding: u32,
}

impl Gil {
    /// Held from the start, by the thread that makes the interpreter.
    pub fn new_held() -> Gil {
        Gil {
            state: Mutex::new(State { held: true, switches: 0, waiting: 0, yielding: 0 }),
            released: Condvar::new(),
            switched: Condvar::new(),
            interval: AtomicU32::new(DEFAULT_INTERVAL_MICROS),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, eval_breaker: &AtomicU32) {
        let mut state = self.lock();
        state.waiting += 1;
        while state.held {
            let switches = state.switches;
            let interval = Duration::from_micros(u64::from(self.interval.load(Ordering::Relaxed)).max(1));
            let (guard, timeout) = self.released.wait_timeout(state, interval).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() && state.held && state.switches == switches {
                eval_breaker.fetch_or(breaker::GIL_REQUEST, Ordering::AcqRel);
            }
        }
        state.waiting -= 1;
        state.held = true;
        state.switches += 1;
        eval_breaker.fetch_and(!breaker::GIL_REQUEST, Ordering::AcqRel);
        // Telling nobody would be a system call all the same.
        let yielded = state.yielding > 0;
        drop(state);
        if yielded {
            self.switched.notify_all();
        }
    }

    fn release(&self) {
        let mut state = self.lock();
        state.held = false;
        let wanted = state.waiting > 0;
        drop(state);
        if wanted {
            self.released.notify_one();
        }
    }

    /// Lets another thread run if one waits.
    fn switch(&self, eval_breaker: &AtomicU32) {
        let mut state = self.lock();
        eval_breaker.fetch_and(!breaker::GIL_REQUEST, Ordering::AcqRel);
        if state.waiting == 0 {
            return;
        }
        let switches = state.switches;
        state.held = false;
        self.released.notify_one();
        state.yielding += 1;
        while state.switches == switches && state.waiting > 0 {
            let (guard, _) = self.switched.wait_timeout(state, Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
        state.yielding -= 1;
        drop(state);
        self.take(eval_breaker);
    }
}

impl Vm {
    /// Runs `f`, which blocks or takes long and touches no Python object, with the GIL let go.
    pub fn allow_threads<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let interp = self.interp;
        interp.gil.release();
        let result = f();
        interp.gil.take(&interp.eval_breaker);
        result
    }

    /// Lets another thread have a turn if one wants it.
    pub(crate) fn yield_gil(&mut self) {
        let interp = self.interp;
        interp.gil.switch(&interp.eval_breaker);
    }
}

/// Attaches the calling thread, which must have no `Vm` of this interpreter, and waits for the GIL. [`detach`] gives it back.
pub fn attach(interp: &'static Interpreter, stack_size: usize) -> Vm {
    interp.gil.take(&interp.eval_breaker);
    krait_heap::state::attach(interp.heap);
    let here = 0u8;
    Vm::on_thread(interp, &raw const here as usize, stack_size, ThreadState { is_main: false, ..ThreadState::new() })
}

/// Ends a thread's `Vm` and lets the GIL go.
pub fn detach(mut vm: Vm) {
    vm.untrace();
    let interp = vm.interp;
    drop(vm);
    interp.gil.release();
}
