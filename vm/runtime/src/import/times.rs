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
    times.tell_header();
    let level = times.level.get();
    times.level.set(level + 1);
    let around = times.inner.replace(Duration::ZERO);
    let start = Instant::now();
    let result = vm.load(name);
    let cumulative = start.elapsed();
    let own = cumulative.saturating_sub(times.inner.get());
    times.level.set(level);
    times.inner.set(around + cumulative);
    times.tell(&format!("{:9} | {:10}", own.as_micros(), cumulative.as_micros()), name);
    result
}

/// Tells of an import of what was there.
pub(super) fn cached(vm: &mut Vm, name: &Py<Str>) {
    let times: &ImportTimes = vm.state();
    times.tell_header();
    times.tell("cached    | cached    ", name);
}

impl ImportTimes {
    fn tell_header(&self) {
        if !self.told.replace(true) {
            eprintln!("import time: self [us] | cumulative | imported package");
        }
    }

    fn tell(&self, columns: &str, name: &Py<Str>) {
        let indent = self.level.get() * 2;
        let shown: String = name.chars().map(|c| char::from_u32(c).map_or_else(|| format!("\\u{c:04x}"), String::from)).collect();
        eprintln!("import time: {columns} | {:indent$}{shown}", "");
    }
}
