//! The cycle collection of an interpreter: what runs around the heap's search for garbage.
//!
//! Order of a collection, CPython's: weak references with callbacks to garbage are cleared and those callbacks called that are not garbage
//! themselves; finalizers run, each once (PEP 442); what they brought back to life is left alone; the other weak references are cleared; the
//! cycles are broken. `gc.callbacks` are called before and after.

use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::tuple::{self, Tuple};
use crate::types::value::ValueExt;
use crate::types::weakref;
use crate::{GilCell, Py, PyClass, PyResult, Value, Vm};
use krait_heap::{ObjectFlags, TypeFlags, gc, weakrefs_head};
use std::cell::Cell;
use std::collections::HashSet;

/// Bits of `gc.set_debug`.
pub const DEBUG_STATS: i64 = 1;
pub const DEBUG_COLLECTABLE: i64 = 2;
pub const DEBUG_UNCOLLECTABLE: i64 = 4;
pub const DEBUG_SAVEALL: i64 = 32;
pub const DEBUG_LEAK: i64 = DEBUG_COLLECTABLE | DEBUG_UNCOLLECTABLE | DEBUG_SAVEALL;

/// What the `gc` module holds for an interpreter.
#[derive(Default)]
pub struct GcState {
    pub debug: Cell<i64>,
    /// `gc.garbage`.
    pub garbage: GilCell<Option<Py<List>>>,
    /// A collection is under way, its callbacks included: there is never one inside another.
    pub collecting: Cell<bool>,
    /// `gc.callbacks`.
    pub callbacks: GilCell<Option<Py<List>>>,
}

/// The evaluator's collector: a generation has grown past its threshold.
pub fn collect_due(vm: &mut Vm, generation: usize) {
    vm.collect_garbage(generation);
}

/// `gc.garbage`, made when it is first needed.
pub fn garbage_list(vm: &mut Vm) -> PyResult<Py<List>> {
    let list = vm.interp.gc.garbage.load(vm);
    match list {
        Some(list) => Ok(list),
        None => {
            let list = vm.new_list(Vec::new())?;
            vm.interp.gc.garbage.replace(vm, Some(list.clone()));
            Ok(list)
        }
    }
}

/// `gc.callbacks`, made when it is first needed.
pub fn callback_list(vm: &mut Vm) -> PyResult<Py<List>> {
    let list = vm.interp.gc.callbacks.load(vm);
    match list {
        Some(list) => Ok(list),
        None => {
            let list = vm.new_list(Vec::new())?;
            vm.interp.gc.callbacks.replace(vm, Some(list.clone()));
            Ok(list)
        }
    }
}

/// At the end of the interpreter: warns of what stands in `gc.garbage`, and lists it if so asked.
pub(crate) fn report_garbage(vm: &mut Vm) {
    let debug = vm.interp.gc.debug.get();
    let Some(list) = vm.interp.gc.garbage.load(vm).filter(|l| !l.items(vm).is_empty()) else { return };
    if debug & DEBUG_SAVEALL != 0 {
        return;
    }
    let hint = if debug & DEBUG_UNCOLLECTABLE != 0 { "" } else { "; use gc.set_debug(gc.DEBUG_UNCOLLECTABLE) to list them" };
    let message = format!("gc: {} uncollectable objects at shutdown{hint}", list.items(vm).len());
    let category = crate::types::exceptions::ResourceWarning::type_object(vm).to_value();
    if let Err(e) = crate::warnings::warn_explicit(vm, &category, &message, &krait_unicode::TextBuf::from("gc"), 0) {
        crate::types::exceptions::unraisable::report_with(vm, e, None, None);
    }
    if debug & DEBUG_UNCOLLECTABLE != 0 {
        match vm.repr(list.as_value()) {
            Ok(text) => eprintln!("      {}", text.to_string_lossy()),
            Err(e) => crate::types::exceptions::unraisable::report_with(vm, e, None, None),
        }
    }
}

fn info(vm: &mut Vm, generation: usize, collected: usize, uncollectable: usize) -> PyResult<Py<Dict>> {
    let dict = vm.new_dict()?;
    for (name, n) in [("generation", generation), ("collected", collected), ("uncollectable", uncollectable)] {
        let key = vm.intern(name);
        let value = vm.new_int(n)?;
        dict.set_str(vm, &key, value)?;
    }
    Ok(dict)
}

fn call_callbacks(vm: &mut Vm, phase: &str, generation: usize, collected: usize, uncollectable: usize) {
    let Some(list) = vm.interp.gc.callbacks.load(vm) else { return };
    let callbacks = list.items(vm).to_vec();
    if callbacks.is_empty() {
        return;
    }
    let phase = vm.intern(phase).into_value();
    for callback in callbacks {
        let result = info(vm, generation, collected, uncollectable).and_then(|info| vm.call(&callback, &[phase.clone(), info.into_value()]));
        if let Err(e) = result {
            crate::types::exceptions::unraisable::report_while(vm, e, "Exception ignored while calling GC callback", &callback);
        }
    }
}

impl Vm {
    /// Collects the garbage among `generation` and all younger ones; how many objects were found. 0 while a collection is under way.
    pub fn collect_garbage(&mut self, generation: usize) -> usize {
        if gc::is_collecting() || self.interp.gc.collecting.replace(true) {
            return 0;
        }
        call_callbacks(self, "start", generation, 0, 0);
        let debug = self.interp.gc.debug.get();
        let started = std::time::Instant::now();
        if debug & DEBUG_STATS != 0 {
            let sizes: Vec<String> = (0..gc::GENERATIONS).map(|g| gc::objects(Some(g)).len().to_string()).collect();
            eprintln!("gc: collecting generation {generation}...\ngc: objects in each generation: {}", sizes.join(" "));
            eprintln!("gc: objects in permanent generation: {}", gc::frozen_count());
        }
        let garbage = gc::find_unreachable(generation);
        let (garbage, uncollectable) = self.set_legacy_apart(garbage, debug);
        let mut found = 0;
        if !garbage.is_empty() {
            self.handle_callbacks(&garbage);
            let garbage = self.finalize(garbage);
            found = garbage.len();
            self.dispose(garbage, debug);
        }
        gc::finish(generation, found as u64, uncollectable as u64);
        if debug & DEBUG_STATS != 0 {
            eprintln!("gc: done, {} unreachable, {uncollectable} uncollectable, {:.4}s elapsed", found + uncollectable, started.elapsed().as_secs_f64());
        }
        self.run_pending();
        call_callbacks(self, "stop", generation, found, uncollectable);
        self.interp.gc.collecting.set(false);
        found + uncollectable
    }

    /// Garbage without the objects that have a legacy finalizer and what they refer to: those stay alive, the former in `gc.garbage`. Also
    /// how many stay.
    fn set_legacy_apart(&mut self, garbage: Vec<Value>, debug: i64) -> (Vec<Value>, usize) {
        let is_legacy = |object: &Value| object.header().is_some_and(|h| h.type_core().has(TypeFlags::LEGACY_FINALIZER));
        let mut waiting: Vec<Value> = garbage.iter().filter(|o| is_legacy(o)).cloned().collect();
        if waiting.is_empty() {
            return (garbage, 0);
        }
        let members: HashSet<u64> = garbage.iter().map(Value::bits).collect();
        let mut kept: HashSet<u64> = waiting.iter().map(Value::bits).collect();
        while let Some(object) = waiting.pop() {
            let Some(header) = object.header() else { continue };
            waiting.extend(gc::referents(header).into_iter().filter(|v| members.contains(&v.bits()) && kept.insert(v.bits())));
        }
        let (apart, rest): (Vec<Value>, Vec<Value>) = garbage.into_iter().partition(|v| kept.contains(&v.bits()));
        if debug & DEBUG_UNCOLLECTABLE != 0 {
            for object in &apart {
                eprintln!("gc: uncollectable <{} {:#x}>", object.type_name(), object.id());
            }
        }
        let count = apart.len();
        if let Ok(list) = garbage_list(self) {
            list.items_mut(self).extend(apart.iter().filter(|o| is_legacy(o) || debug & DEBUG_SAVEALL != 0).cloned());
        }
        (rest, count)
    }

    /// Clears the weak references to garbage, and calls the callbacks of those that are not garbage themselves.
    fn handle_callbacks(&mut self, garbage: &[Value]) {
        let mut found: Vec<(Value, bool)> = Vec::new();
        let mut members: Option<HashSet<u64>> = None;
        for object in garbage.iter().filter(|o| o.header().is_some_and(|h| weakrefs_head(h).is_some())) {
            let members = members.get_or_insert_with(|| garbage.iter().map(Value::bits).collect());
            for weak in weakref::list_of(object) {
                let reachable = !members.contains(&weak.bits());
                found.push((weak, reachable));
            }
        }
        for (weak, _) in &found {
            if let Some(links) = weakref::links(weak) {
                links.unlink();
            }
        }
        for (weak, reachable) in found {
            let Some(links) = weakref::links(&weak).filter(|links| links.has_callback()) else { continue };
            if reachable {
                weakref::call_callback(self, &weak);
            } else {
                drop(links.callback.take());
            }
        }
    }

    /// Runs the finalizers of garbage; what is still garbage after that.
    fn finalize(&mut self, garbage: Vec<Value>) -> Vec<Value> {
        let mut any = false;
        for object in &garbage {
            let Some(header) = object.header() else { continue };
            if !header.type_core().has(TypeFlags::FINALIZER) || header.has_flag(ObjectFlags::FINALIZED) {
                continue;
            }
            header.set_flag(ObjectFlags::FINALIZED);
            any = true;
            if let Some(del) = object.type_ref().slots.del.get()
                && let Err(e) = del(self, object) {
                    self.unraisable(e, object);
                }
        }
        if any { gc::still_unreachable(garbage) } else { garbage }
    }

    /// Breaks the cycles, or keeps the objects in `gc.garbage` if so asked.
    fn dispose(&mut self, garbage: Vec<Value>, debug: i64) {
        if debug & DEBUG_COLLECTABLE != 0 {
            for object in &garbage {
                eprintln!("gc: collectable <{} {:#x}>", object.type_name(), object.id());
            }
        }
        if debug & DEBUG_SAVEALL != 0 {
            if let Ok(list) = garbage_list(self) {
                list.items_mut(self).extend(garbage);
            }
            return;
        }
        for object in &garbage {
            for weak in weakref::list_of(object) {
                if let Some(links) = weakref::links(&weak) {
                    links.unlink();
                }
            }
        }
        if !gc::clear(&garbage) {
            // No cycle but one of tuples alone, as `marshal` makes it; what has tuples for its parts, like a class, gives others up.
            garbage.iter().filter_map(Value::downcast_exact::<Tuple>).for_each(|tuple| tuple::give_up(self, tuple));
        }
        drop(garbage);
    }
}
