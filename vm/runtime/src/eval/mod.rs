//! The evaluator: frames, the dispatch loop, calls, unwinding, specialization.

/// What the evaluator keeps for one thread.
pub struct ThreadState {}

impl ThreadState {
    pub fn new() -> ThreadState {
        ThreadState {}
    }
}

impl Default for ThreadState {
    fn default() -> Self {
        Self::new()
    }
}
