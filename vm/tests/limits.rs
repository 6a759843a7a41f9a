//! Limits of memory hold for programs that double something with every step.
#![allow(clippy::expect_used, reason = "a test")]

mod reference;

use krait::embed::{Interpreter, run_source};
use krait_runtime::limits::Limits;
use std::path::Path;

const LIMITS: Limits = Limits { instructions: None, memory: Some(64 << 20) };

/// The most memory that the process has had in use, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("the system tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("it has a peak");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") << 10
}

#[test]
fn doubling_ends_soon_behind_the_limit() {
    let executable = reference::executable();
    let library = Path::new(&executable).parent().expect("it lies in a folder").join("../lib/python3.14");
    let mut interpreter = Interpreter::builder().library(library).stack_size(1 << 20).build().expect("the library is there");
    let vm = interpreter.vm();
    let before = peak();
    for source in ["t = 'x'\nwhile True: t = t + t", "t = 'x'\nfor i in range(3):\n  try:\n    while True: t = t + t\n  except MemoryError: pass\n", "t = '\\'\"'\nwhile True: t = repr(t)", "b = bytearray(1)\nwhile True: b.extend(b)", "l = [0]\nwhile True: l.extend(l)"] {
        vm.set_limits(LIMITS);
        assert!(run_source(vm, source, "<test>").is_err(), "{source}");
        assert!(vm.limits_reached(), "{source}");
        vm.set_limits(Limits::default());
        assert!(run_source(vm, "for name in 'tbl': globals().pop(name, None)", "<test>").is_ok());
    }
    assert!(peak() - before < 1 << 30, "{} bytes", peak() - before);
    interpreter.finish();
}
