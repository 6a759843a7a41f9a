//! The GIL: one lock for the threads of an interpreter, held by whoever has the active `Vm`.

#![allow(unsafe_code, reason = "asks for the frames of other threads")]

use crate::eval::ThreadState;
use crate::eval::breaker;
use crate::eval::frame::{Frame, frame_object_of};
use crate::vm::Interpreter;
use crate::{GilCell, Py, PyResult, Value, Vm};
use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
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
    /// The breaker of the interpreter that the holder runs, where requests go. Interpreters are never freed.
    holder: AtomicPtr<AtomicU32>,
    /// The thread that ends the interpreter: no other one gets the GIL any more.
    last: AtomicU64,
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
            holder: AtomicPtr::new(std::ptr::null_mut()),
            last: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, eval_breaker: &AtomicU32) {
        let mut state = self.lock();
        state.waiting += 1;
        while state.held || self.is_closed() {
            if self.is_closed() {
                state.waiting -= 1;
                drop(state);
                hang();
            }
            let switches = state.switches;
            let interval = Duration::from_micros(u64::from(self.interval.load(Ordering::Relaxed)).max(1));
            let (guard, timeout) = self.released.wait_timeout(state, interval).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() && state.held && state.switches == switches {
                let holder = self.holder.load(Ordering::Acquire);
                // SAFETY: a breaker is part of an interpreter, which is leaked.
                let asked = unsafe { holder.as_ref() }.unwrap_or(eval_breaker);
                asked.fetch_or(breaker::GIL_REQUEST, Ordering::AcqRel);
            }
        }
        state.waiting -= 1;
        state.held = true;
        state.switches += 1;
        self.run_in(eval_breaker);
        eval_breaker.fetch_and(!breaker::GIL_REQUEST, Ordering::AcqRel);
        // Telling nobody would be a system call all the same.
        let yielded = state.yielding > 0;
        drop(state);
        if yielded {
            self.switched.notify_all();
        }
    }

    /// The holder runs the interpreter with this breaker from here on.
    pub(crate) fn run_in(&self, eval_breaker: &AtomicU32) {
        self.holder.store(std::ptr::from_ref(eval_breaker).cast_mut(), Ordering::Release);
    }

    fn is_closed(&self) -> bool {
        let last = self.last.load(Ordering::Acquire);
        last != 0 && last != ident()
    }

    /// From now on only the calling thread, which holds the GIL, runs Python code.
    pub fn close(&self) {
        self.last.store(ident(), Ordering::Release);
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

/// What becomes of threads that want to run Python code when the interpreter has ended.
fn hang() -> ! {
    loop {
        std::thread::park();
    }
}

/// The calling thread's identifier, `threading.get_ident()`.
fn ident() -> u64 {
    // SAFETY: always succeeds.
    unsafe { libc::pthread_self() as u64 }
}

/// Where a thread was when it let the GIL go, for others to see.
pub struct Place {
    /// `threading.get_ident()`.
    ident: u64,
    frame: Cell<*mut Frame>,
    handled: GilCell<Option<Value>>,
}

impl Place {
    /// The calling thread's.
    pub fn new() -> Rc<Place> {
        Rc::new(Place { ident: ident(), frame: Cell::new(std::ptr::null_mut()), handled: GilCell::new(None) })
    }
}

impl Vm {
    fn let_go(&mut self) {
        let place = Rc::clone(&self.eval.place);
        place.frame.set(self.top_frame());
        let handled = self.eval.handled.iter().rev().flatten().find(|e| !e.is_none()).cloned();
        if handled.is_some() {
            drop(place.handled.replace(self, handled));
        }
    }

    /// The exception may go as soon as the thread is done with it.
    fn take_back(&mut self) {
        let place = Rc::clone(&self.eval.place);
        if place.handled.get(self).is_some() {
            drop(place.handled.replace(self, None));
        }
    }

    /// The frame of each thread that runs Python code.
    pub fn thread_frames(&mut self) -> PyResult<Vec<(u64, Value)>> {
        let mut frames = Vec::new();
        for place in self.interp.threads.load(self) {
            let own = Rc::ptr_eq(&place, &self.eval.place);
            let frame = if own { self.top_frame() } else { place.frame.get() };
            if !frame.is_null() {
                // SAFETY: a thread that has let the GIL go stays where it is until it has it again.
                let object = unsafe { frame_object_of(self, frame) }?;
                frames.push((place.ident, object.into_value()));
            }
        }
        Ok(frames)
    }

    /// The exception that each thread handles, or None.
    pub fn thread_exceptions(&mut self) -> Vec<(u64, Value)> {
        let places = self.interp.threads.load(self);
        let own = self.handled_exception().map(Py::into_value);
        let handled = |place: &Rc<Place>| if Rc::ptr_eq(place, &self.eval.place) { own.clone() } else { place.handled.load(self) };
        places.iter().map(|place| (place.ident, handled(place).unwrap_or_else(Value::none))).collect()
    }

    /// Forks by `fork`, with the GIL's own lock held: no other thread is inside it then, and the child has no other threads.
    pub fn fork_with<R>(&mut self, fork: impl FnOnce() -> (R, bool)) -> R {
        let mut state = self.interp.gil.lock();
        let (result, is_child) = fork();
        if is_child {
            state.waiting = 0;
        }
        drop(state);
        if is_child {
            let place = Rc::clone(&self.eval.place);
            let old = self.interp.threads.replace(self, vec![place]);
            // What the other threads held on to is lost with them.
            std::mem::forget(old);
        }
        result
    }

    /// Runs `f`, which blocks or takes long and touches no Python object, with the GIL let go.
    pub fn allow_threads<R>(&mut self, f: impl FnOnce() -> R) -> R {
        self.let_go();
        let interp = self.interp;
        interp.gil.release();
        let result = f();
        interp.gil.take(&interp.eval_breaker);
        self.take_back();
        result
    }

    /// Lets another thread have a turn if one wants it.
    pub(crate) fn yield_gil(&mut self) {
        self.let_go();
        let interp = self.interp;
        interp.gil.switch(&interp.eval_breaker);
        self.take_back();
    }
}

/// Attaches the calling thread, which must have no `Vm` of this interpreter, and waits for the GIL. [`detach`] gives it back.
pub fn attach(interp: &'static Interpreter, stack_size: usize) -> Vm {
    interp.gil.take(&interp.eval_breaker);
    krait_heap::state::attach(interp.heap);
    let here = 0u8;
    let eval = ThreadState { is_main: false, ..ThreadState::new() };
    let place = Rc::clone(&eval.place);
    let mut vm = Vm::on_thread(interp, &raw const here as usize, stack_size, eval);
    interp.threads.get_mut(&mut vm).push(place);
    vm
}

/// Ends a thread's `Vm` and lets the GIL go.
pub fn detach(mut vm: Vm) {
    vm.untrace();
    let interp = vm.interp;
    let place = Rc::clone(&vm.eval.place);
    interp.threads.get_mut(&mut vm).retain(|p| !Rc::ptr_eq(p, &place));
    drop(place.handled.replace(&mut vm, None));
    drop(vm);
    interp.gil.release();
}
