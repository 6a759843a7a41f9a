//! Takes the import system's own frames out of the tracebacks of failed imports (`remove_importlib_frames` of CPython's `import.c`).

use crate::types::exceptions::{BaseException, ImportError};
use crate::types::traceback::Traceback;
use crate::types::value::ValueExt;
use crate::{Py, Raised, Vm};

/// The function of `importlib._bootstrap` through which code of others runs; its name marks what may go.
const TRAMPOLINE: &str = "_call_with_frames_removed";

/// Removes each run of `importlib` frames up to the last through which a module's code was called; all of them from an `ImportError`. With `-v`
/// everything stays.
pub(super) fn remove_importlib_frames(vm: &mut Vm, raised: &Raised) {
    if vm.config().verbose > 0 {
        return;
    }
    let exception = raised.exception().to_value();
    let always = exception.is::<ImportError>();
    let Some(base) = exception.downcast::<BaseException>() else { return };
    let first = base.traceback.load(vm).and_then(|tb| tb.downcast::<Traceback>().cloned());
    let (mut kept, mut links) = (Vec::new(), 0);
    let mut run_start = None;
    let mut at = first;
    while let Some(tb) = at {
        at = tb.next.load(vm);
        links += 1;
        let Some(name) = importlib_function(vm, &tb) else {
            run_start = None;
            kept.push(tb);
            continue;
        };
        let start = *run_start.get_or_insert(kept.len());
        if always || name == TRAMPOLINE {
            kept.truncate(start);
        } else {
            kept.push(tb);
        }
    }
    if kept.len() < links {
        relink(vm, base, kept);
    }
}

/// The name of the entry's function if that is one of the import system's.
fn importlib_function(vm: &Vm, tb: &Py<Traceback>) -> Option<String> {
    let code = tb.frame.code()?;
    let file = code.filename.load(vm).to_text();
    let ours = matches!(file.as_str(), Some("<frozen importlib._bootstrap>" | "<frozen importlib._bootstrap_external>"));
    ours.then(|| code.name.to_string_lossy().into_owned())
}

/// Makes `kept` the traceback.
fn relink(vm: &mut Vm, exception: &Py<BaseException>, kept: Vec<Py<Traceback>>) {
    let mut next: Option<Py<Traceback>> = None;
    for tb in kept.into_iter().rev() {
        let old = tb.next.replace(vm, next.take());
        drop(old);
        next = Some(tb);
    }
    let old = exception.traceback.replace(vm, next.map(Py::into_value));
    drop(old);
}
