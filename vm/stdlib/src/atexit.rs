//! `atexit`: functions that are called when the interpreter ends, last registered first.

use krait_runtime::types::exceptions::unraisable;
use krait_runtime::types::value::ValueExt;
use krait_runtime::vm::AtExit;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};

/// Registers a function, with arguments, to be called when the interpreter ends. Returns
/// the function, so that register can be used as a decorator.
#[pyfunction(text = "(func, /, *args, **kwargs)")]
fn register(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let Some((function, rest)) = args.split_first() else {
        return Err(vm.type_error("register() takes at least 1 argument (0 given)"));
    };
    if function.ty().slots.call.get().is_none() {
        return Err(vm.type_error("the first argument must be callable"));
    }
    let positional = vm.new_tuple_from(rest.positional())?;
    let mut keywords = None;
    if rest.has_keywords() {
        let dict = vm.new_dict()?;
        for (name, value) in rest.keywords() {
            dict.set(vm, name, value.clone())?;
        }
        keywords = Some(dict);
    }
    vm.interp.atexit.get_mut(vm).push(AtExit { function: function.clone(), args: positional, kwargs: keywords });
    Ok(function.clone())
}

/// Calls the registered functions now, and forgets them.
#[pyfunction]
fn _run_exitfuncs(vm: &mut Vm) {
    while let Some(entry) = vm.interp.atexit.get_mut(vm).pop() {
        if let Err(e) = vm.call_tuple_dict(&entry.function, &entry.args, entry.kwargs.as_ref()) {
            let repr = vm.repr(&entry.function).map(|r| r.to_string_lossy().into_owned()).unwrap_or_default();
            unraisable::report_with(vm, e, Some(&format!("Exception ignored in atexit callback {repr}")), None);
        }
    }
}

/// Forgets the registered functions.
#[pyfunction]
fn _clear(vm: &mut Vm) {
    let old = vm.interp.atexit.replace(vm, Vec::new());
    drop(old);
}

/// How many functions are registered.
#[pyfunction]
fn _ncallbacks(vm: &mut Vm) -> usize {
    vm.interp.atexit.get(vm).len()
}

/// Forgets a function, however often it was registered.
#[pyfunction(sig = "(func, /)")]
fn unregister(func: &Value, vm: &mut Vm) -> PyResult<()> {
    // Comparing may run anything: entries are looked at by position, from the end, and checked again.
    let mut at = vm.interp.atexit.get(vm).len();
    while at > 0 {
        at -= 1;
        let Some(function) = vm.interp.atexit.get(vm).get(at).map(|e| e.function.clone()) else { continue };
        if vm.eq(&function, func)? {
            let entries = vm.interp.atexit.get_mut(vm);
            let same = entries.get(at).is_some_and(|e| e.function.is_same(&function));
            let old = same.then(|| entries.remove(at));
            drop(old);
        }
    }
    Ok(())
}


krait_runtime::module! { "atexit", doc: "Functions to be called when the interpreter ends.", functions: [register, unregister, _run_exitfuncs, _clear, _ncallbacks], types: [] }
