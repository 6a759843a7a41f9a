//! `gc`: the cycle collector's controls. The collection itself is the runtime's (`types::gc`), the search for garbage the heap's.

use krait_heap::{ObjectFlags, TypeFlags, gc as heap};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::gc as collector;
use krait_runtime::types::list::List;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyfunction};

/// Turns automatic collection on.
#[pyfunction]
fn enable() {
    heap::set_enabled(true);
}

/// Turns automatic collection off.
#[pyfunction]
fn disable() {
    heap::set_enabled(false);
}

/// Whether automatic collection is on.
#[pyfunction]
fn isenabled() -> bool {
    heap::is_enabled()
}

/// Collects a generation and all younger ones, everything by default. Returns how many
/// unreachable objects were found.
#[pyfunction(sig = "(generation=2)")]
fn collect(generation: i32, vm: &mut Vm) -> PyResult<usize> {
    match usize::try_from(generation) {
        Ok(generation) if generation < heap::GENERATIONS => Ok(vm.collect_garbage(generation)),
        _ => Err(vm.value_error("invalid generation")),
    }
}

/// Sets the debugging flags.
#[pyfunction(sig = "(flags, /)")]
fn set_debug(flags: i32, vm: &mut Vm) {
    vm.interp.gc.debug.set(i64::from(flags));
}

/// The debugging flags.
#[pyfunction]
fn get_debug(vm: &mut Vm) -> i64 {
    vm.interp.gc.debug.get()
}

/// set_threshold(threshold0, [threshold1, [threshold2]])
/// Sets how far each generation may grow before it is collected; 0 turns collection off.
#[pyfunction]
fn set_threshold(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    args.no_keywords(vm, "gc.set_threshold")?;
    let values = args.positional();
    if values.is_empty() || values.len() > heap::GENERATIONS {
        return Err(vm.type_error("gc.set_threshold requires 1 to 3 arguments"));
    }
    let mut thresholds = Vec::with_capacity(values.len());
    for value in values {
        thresholds.push(vm.as_isize(value)?);
    }
    for (i, threshold) in thresholds.into_iter().enumerate() {
        heap::set_threshold(i, threshold as i64);
    }
    Ok(())
}

fn ints(vm: &mut Vm, values: [i64; heap::GENERATIONS]) -> PyResult<Py<Tuple>> {
    let values = values.into_iter().map(|n| vm.new_int(n)).collect::<PyResult<Vec<_>>>()?;
    vm.new_tuple(values)
}

/// How far each generation may grow before it is collected.
#[pyfunction]
fn get_threshold(vm: &mut Vm) -> PyResult<Py<Tuple>> {
    ints(vm, heap::thresholds())
}

/// How far each generation has grown.
#[pyfunction]
fn get_count(vm: &mut Vm) -> PyResult<Py<Tuple>> {
    ints(vm, heap::counts())
}

/// For each generation a dict with what has been collected.
#[pyfunction]
fn get_stats(vm: &mut Vm) -> PyResult<Py<List>> {
    let mut list = Vec::new();
    for stats in heap::stats() {
        let dict = vm.new_dict()?;
        for (name, n) in [("collections", stats.collections), ("collected", stats.collected), ("uncollectable", stats.uncollectable)] {
            let key = vm.intern(name);
            let value = vm.new_int(n)?;
            dict.set_str(vm, &key, value)?;
        }
        list.push(dict.into_value());
    }
    vm.new_list(list)
}

/// The objects that the collector knows, of one generation or of all.
#[pyfunction(sig = "(generation=None)")]
fn get_objects(generation: Value, vm: &mut Vm) -> PyResult<Py<List>> {
    vm.audit("gc.get_objects", std::slice::from_ref(&generation))?;
    if generation.is_none() {
        return vm.new_list(heap::objects(None));
    }
    if !generation.is::<krait_runtime::types::int::Int>() && generation.ty().slots.nb_index.get().is_none() {
        let name = generation.type_name();
        return Err(vm.type_error(format!("argument should be integer or None, not '{name}'")));
    }
    match vm.as_isize(&generation)? {
        -1 => vm.new_list(heap::objects(None)),
        n if n < 0 => Err(vm.value_error("generation parameter cannot be negative")),
        n if n as usize >= heap::GENERATIONS => {
            Err(vm.value_error(format!("generation parameter must be less than the number of available generations ({})", heap::GENERATIONS)))
        }
        n => vm.new_list(heap::objects(Some(n as usize))),
    }
}

/// Whether the collector can know objects of the type.
fn is_collected(object: &Value) -> bool {
    object.header().is_some_and(|h| h.type_core().has(TypeFlags::GC))
}

fn audit_objects(vm: &mut Vm, event: &str, args: &Args<'_>) -> PyResult<()> {
    vm.audit_with(event, |vm| Ok(vec![vm.new_tuple_from(args.positional())?.into_value()]))
}

/// The objects that refer directly to any of the given ones.
#[pyfunction(text = "(*objs)")]
fn get_referrers(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<List>> {
    args.no_keywords(vm, "gc.get_referrers")?;
    audit_objects(vm, "gc.get_referrers", &args)?;
    let wanted = args.positional();
    let mut found = Vec::new();
    for object in heap::objects(None) {
        let refers = object.header().is_some_and(|h| heap::referents(h).iter().any(|r| wanted.iter().any(|w| w.is_same(r))));
        if refers {
            found.push(object);
        }
    }
    vm.new_list(found)
}

/// The objects that the given ones refer to directly.
#[pyfunction(text = "(*objs)")]
fn get_referents(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<List>> {
    args.no_keywords(vm, "gc.get_referents")?;
    audit_objects(vm, "gc.get_referents", &args)?;
    let mut found = Vec::new();
    for object in args.positional().iter().filter(|o| is_collected(o)) {
        if let Some(header) = object.header() {
            found.extend(heap::referents(header));
        }
    }
    vm.new_list(found)
}

/// Whether the collector knows the object.
#[pyfunction(sig = "(obj, /)")]
fn is_tracked(obj: &Value) -> bool {
    obj.header().is_some_and(heap::is_tracked)
}

/// Whether the object's finalizer has run.
#[pyfunction(sig = "(obj, /)")]
fn is_finalized(obj: &Value) -> bool {
    obj.header().is_some_and(|h| h.has_flag(ObjectFlags::FINALIZED))
}

/// Moves all objects out of the collector's sight.
#[pyfunction]
fn freeze() {
    heap::freeze();
}

/// Brings the objects that freeze() moved away back into the oldest generation.
#[pyfunction]
fn unfreeze() {
    heap::unfreeze();
}

/// How many objects are out of the collector's sight.
#[pyfunction]
fn get_freeze_count() -> usize {
    heap::frozen_count()
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let constants = [
        ("DEBUG_STATS", collector::DEBUG_STATS),
        ("DEBUG_COLLECTABLE", collector::DEBUG_COLLECTABLE),
        ("DEBUG_UNCOLLECTABLE", collector::DEBUG_UNCOLLECTABLE),
        ("DEBUG_SAVEALL", collector::DEBUG_SAVEALL),
        ("DEBUG_LEAK", collector::DEBUG_LEAK),
    ];
    for (name, n) in constants {
        let key = vm.intern(name);
        let value = vm.new_int(n)?;
        dict.set_str(vm, &key, value)?;
    }
    let garbage = collector::garbage_list(vm)?.into_value();
    let key = vm.intern("garbage");
    dict.set_str(vm, &key, garbage)?;
    let callbacks = collector::callback_list(vm)?.into_value();
    let key = vm.intern("callbacks");
    dict.set_str(vm, &key, callbacks)
}

krait_runtime::module! {
    "gc", doc: "Controls of the collector of cyclic garbage.",
    functions: [
        enable, disable, isenabled, collect, set_debug, get_debug, set_threshold, get_threshold, get_count, get_stats, get_objects, get_referrers,
        get_referents, is_tracked, is_finalized, freeze, unfreeze, get_freeze_count,
    ],
    types: [], exec: init
}
