//! The interpreter that this crate's unit tests share: each test attaches its thread and holds the GIL while it runs.
#![allow(unsafe_code, clippy::panic, reason = "shares an interpreter between the threads of tests")]

use crate::Vm;
use crate::config::Config;
use crate::eval::gil;
use crate::vm::Interpreter;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

/// Bytes of stack that a test's thread may use.
const STACK: usize = 1 << 20;

struct Shared(&'static Interpreter);
// SAFETY: a thread reaches the interpreter's cells only through a `Vm`, and so under the GIL.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

static SHARED: OnceLock<Shared> = OnceLock::new();

/// A test's turn at the interpreter; ends when dropped.
pub struct TestVm(ManuallyDrop<Vm>);

/// Waits for the calling test's turn.
pub fn vm() -> TestVm {
    let shared = SHARED.get_or_init(|| {
        let vm = Vm::new(Config::default(), STACK).unwrap_or_else(|e| panic!("{e}"));
        let interp = vm.interp;
        gil::detach(vm);
        Shared(interp)
    });
    TestVm(ManuallyDrop::new(gil::attach(shared.0, STACK)))
}

impl Deref for TestVm {
    type Target = Vm;

    fn deref(&self) -> &Vm {
        &self.0
    }
}

impl DerefMut for TestVm {
    fn deref_mut(&mut self) -> &mut Vm {
        &mut self.0
    }
}

impl Drop for TestVm {
    fn drop(&mut self) {
        // SAFETY: taken once, for this is the value's end.
        gil::detach(unsafe { ManuallyDrop::take(&mut self.0) });
    }
}
