//! `-X importtime`: how long each import took, told on standard error as it ends.

use crate::types::str_::Str;
use crate::{Py, PyResult, Vm};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// What the imports so far have taken.
#[derive(Default)]
struct ImportTimes {
    told: Cell<bool>,
    /// How many imports are under way around this one.
    level: Cell<usize>,
    /// Time of the imports that ended inside the one under way.
    inner: Cell<Duration>,
}

/// Loads a module and prints its line: its own time, that of all it imported with it, and its name by depth.
pub(super) fn measured(vm: &mut Vm, name: &Py<Str>) -> PyResult {
    let times: &ImportTimes = vm.state();
    if !times.told.replace(true) {
        eprintln!("import time: self [us] | cumulative | imported package");
    }
    let level = times.level.get();
    times.level.set(level + 1);
    let around = times.inner.replace(Duration::ZERO);
    let start = Instant::now();
    let result = vm.load(name);
    let cumulative = start.elapsed();
    let own = cumulative.saturating_sub(times.inner.get());
    times.level.set(level);
    times.inner.set(around + cumulative);
    let indent = level * 2;
    eprintln!("import time: {:9} | {:10} | {:indent$}{}", own.as_micros(), cumulative.as_micros(), "", name.to_string_lossy());
    result
}
