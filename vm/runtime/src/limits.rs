//! Limits of what a program may use: steps of the evaluator and memory of the process. For hosts that run code they do not trust.
//!
//! Both are looked at where the evaluator looks at its breaker: at calls, where a function begins, at turns of loops and at handlers of
//! exceptions; each is one step. What a single native operation does in between is not counted, but it is refused large pieces of memory
//! beyond the limit. Once a limit has been reached no handler of the program gets hold of the exception, and every further step raises it
//! again, until the host sets new limits.

use crate::eval::breaker;
use crate::vm::Interpreter;
use crate::{PyResult, Raised, Vm};
use std::cell::Cell;
use std::sync::atomic::Ordering;

/// Steps between two looks at the memory; what is large looks for itself.
const MEMORY_INTERVAL: u64 = 256;

/// What a program may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Steps of the evaluator; none: as many as it likes.
    pub instructions: Option<u64>,
    /// Bytes by which the process may grow; none: as many as there are.
    pub memory: Option<usize>,
}

/// How much of the limits is left.
#[derive(Debug, Default)]
pub(crate) struct Remaining {
    steps: Cell<Option<u64>>,
    until_look: Cell<u64>,
    reached: Cell<Option<Reached>>,
}

#[derive(Clone, Copy, Debug)]
enum Reached {
    Instructions,
    Memory,
}

impl Interpreter {
    /// Takes over what is left of another interpreter's limits.
    pub(crate) fn continue_limits(&self, other: &Interpreter) {
        let (left, theirs) = (&self.limits, &other.limits);
        left.steps.set(theirs.steps.get());
        left.until_look.set(theirs.until_look.get());
        left.reached.set(theirs.reached.get());
        self.heap.memory_limit.set(other.heap.memory_limit.get());
        self.heap.limit_reached.set(other.heap.limit_reached.get());
    }

    /// Whether there are limits at all.
    pub(crate) fn is_limited(&self) -> bool {
        self.limits.steps.get().is_some() || self.heap.memory_limit.get() != usize::MAX
    }
}

impl Remaining {
    /// Whether a limit has been reached: exceptions are not handled any more.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.reached.get().is_some()
    }
}

impl Vm {
    /// Sets the limits of what runs from here on; the default has none.
    pub fn set_limits(&mut self, limits: Limits) {
        let left = &self.interp.limits;
        left.steps.set(limits.instructions);
        let most = limits.memory.map_or(usize::MAX, |bytes| krait_heap::memory_in_use().saturating_add(bytes));
        self.interp.heap.memory_limit.set(most);
        self.interp.heap.limit_reached.set(false);
        left.until_look.set(MEMORY_INTERVAL);
        left.reached.set(None);
        if limits == Limits::default() {
            self.interp.eval_breaker.fetch_and(!breaker::LIMITS, Ordering::AcqRel);
        } else {
            crate::eval::request(&self.interp.eval_breaker, breaker::LIMITS);
        }
    }

    /// Whether the limits have been reached since they were set.
    pub fn limits_reached(&self) -> bool {
        self.interp.limits.is_exhausted()
    }

    /// Takes one step off the limits.
    pub(crate) fn charge(&mut self) -> PyResult<()> {
        let left = &self.interp.limits;
        if let Some(which) = left.reached.get() {
            return Err(self.limit_error(which));
        }
        match left.steps.get() {
            Some(0) => {
                left.reached.set(Some(Reached::Instructions));
                return Err(self.limit_error(Reached::Instructions));
            }
            Some(steps) => left.steps.set(Some(steps - 1)),
            None => {}
        }
        let until_look = left.until_look.get();
        left.until_look.set(if until_look == 0 { MEMORY_INTERVAL } else { until_look - 1 });
        let heap = self.interp.heap;
        let most = heap.memory_limit.get();
        if heap.limit_reached.get() || until_look == 0 && most != usize::MAX && krait_heap::memory_in_use() > most {
            left.reached.set(Some(Reached::Memory));
            return Err(self.limit_error(Reached::Memory));
        }
        Ok(())
    }

    #[cold]
    fn limit_error(&mut self, which: Reached) -> Raised {
        match which {
            Reached::Instructions => self.runtime_error("the limit of instructions has been reached"),
            Reached::Memory => self.memory_error(),
        }
    }
}
