//! One interpreter for all inputs of a process, and the oracle that it is left as it was found.

use krait::Interpreter;
use krait_runtime::limits::Limits;
use krait_runtime::types::code::CodeObject;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::pyfunction::Function;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Raised, Value, Vm, lifecycle};
use std::cell::RefCell;

/// What a run may use; more than any input needs that does not loop. Every exception that is raised walks the chain of those before it, as in
/// CPython, so a program's time may grow with the square of this.
/// The memory bounds the time as well: each instruction may work on all of it.
const LIMITS: Limits = Limits { instructions: Some(3_000), memory: Some(8 << 20) };

/// The stack that libFuzzer's main thread has, less what the fuzzer itself takes.
const STACK: usize = 7 << 20;

thread_local! {
    static SESSION: RefCell<Option<Interpreter>> = const { RefCell::new(None) };
}

/// Runs `oracle` in the process's interpreter. `KRAIT_LIB` says where the library is, if it is not where the `krait` command would find it.
pub fn with_vm<R>(oracle: impl FnOnce(&mut Vm) -> R) -> R {
    SESSION.with_borrow_mut(|session| oracle(session.get_or_insert_with(start).vm()))
}

fn start() -> Interpreter {
    let mut builder = Interpreter::builder().stack_size(STACK).recursion_limit(200).configure(|config| {
        config.hash_seed = Some(1);
        config.implementation = "cpython".into();
    });
    if let Some(lib) = std::env::var_os("KRAIT_LIB") {
        builder = builder.library(lib);
    }
    let mut interpreter = builder.build().expect("the interpreter starts");
    // Nothing that an input prints or leaves behind is of interest.
    let quiet = "import sys\nsys.stdout = sys.stderr = sys.__stderr__ = sys.__stdout__ = None\nsys.stdin = None\nsys.unraisablehook = lambda *a: None\nimport warnings\nwarnings.simplefilter('ignore')\n";
    run(interpreter.vm(), quiet).map_err(|_| "raised").expect("the set-up runs");
    krait_heap::gc::freeze();
    interpreter
}

/// Runs source text in `__main__`.
pub fn run(vm: &mut Vm, source: &str) -> PyResult<()> {
    krait::embed::run_source(vm, source, "<fuzz>")
}

/// A function of a module out of `fuzz/python`, which is made on first use.
pub fn helper(vm: &mut Vm, source: &str, name: &str) -> Py<Function> {
    let dict = lifecycle::main_dict(vm).map_err(|_| "raised").expect("__main__ is there");
    let name = vm.intern(name);
    if dict.get_str(vm, &name).is_none() {
        if let Err(e) = run(vm, source) {
            panic!("the helper does not run: {}", describe(vm, &e));
        }
        // What is there now stays; collections after each input need not look at it.
        vm.collect_garbage(2);
        krait_heap::gc::freeze();
    }
    let found = dict.get_str(vm, &name).and_then(|f| f.downcast::<Function>()).cloned();
    found.expect("the helper's function is there")
}

/// Type and text of an exception.
pub fn describe(vm: &mut Vm, raised: &Raised) -> String {
    let exception = raised.exception().as_value();
    let text = vm.str(exception).map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{}: {text}", exception.type_name())
}

/// How many objects are left after a collection.
fn live(vm: &mut Vm) -> isize {
    vm.set_limits(Limits::default());
    for _ in 0..3 {
        if vm.collect_garbage(2) == 0 {
            break;
        }
    }
    vm.run_pending();
    #[cfg(fuzzing)]
    return krait_heap::live_objects();
    #[cfg(not(fuzzing))]
    return krait_heap::gc::objects(None).len() as isize;
}

/// Runs `action` under the limits and looks whether objects are left over. What runs for the first time may fill caches and intern names, so
/// only what grows on every one of several runs is a leak.
pub fn leaves_nothing(vm: &mut Vm, mut action: impl FnMut(&mut Vm)) {
    let mut before = live(vm);
    let mut growth = Vec::new();
    for _ in 0..6 {
        vm.set_limits(LIMITS);
        action(vm);
        let after = live(vm);
        if after <= before {
            return;
        }
        growth.push(after - before);
        before = after;
    }
    panic!("objects are left over: {growth:?}");
}

/// Loads marshal data, and writes and reads again what comes out.
pub fn load(vm: &mut Vm, data: &[u8]) {
    let Ok(value) = krait_runtime::import::marshal::loads(vm, data, true) else { return };
    for version in [0, 2, 4, 5] {
        let Ok(written) = krait_runtime::import::marshal::dumps(vm, &value, version, true) else { continue };
        if let Err(e) = krait_runtime::import::marshal::loads(vm, &written, true) {
            panic!("what was written is not read: {}", describe(vm, &e));
        }
    }
}

/// The values that a function is called with.
fn argument(vm: &mut Vm, which: u8) -> PyResult {
    Ok(match which % 6 {
        0 => Value::from_i32(3),
        1 => vm.new_str("text")?.into_value(),
        2 => vm.new_list(vec![Value::from_i32(1), Value::from_i32(2)])?.into_value(),
        3 => Value::none(),
        4 => vm.new_float(0.5)?,
        _ => vm.new_dict()?.into_value(),
    })
}

/// The names that code under test sees: no way out of the process.
fn namespace(vm: &mut Vm) -> PyResult<Py<Dict>> {
    const NAMES: &[&str] = &[
        "__build_class__", "abs", "all", "any", "bool", "bytes", "callable", "chr", "classmethod", "dict", "divmod", "enumerate", "filter", "float",
        "frozenset", "hash", "hex", "id", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min", "next", "object", "ord",
        "print", "property", "range", "repr", "reversed", "set", "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "zip",
        "locals", "globals", "getattr", "setattr", "BaseException", "BaseExceptionGroup", "Exception", "ExceptionGroup", "ValueError", "TypeError",
        "KeyError", "IndexError", "StopIteration", "AssertionError", "NameError", "GeneratorExit", "NotImplementedError", "StopAsyncIteration",
    ];
    let (inner, globals) = (vm.new_dict()?, vm.new_dict()?);
    let builtins = vm.import_module("builtins")?;
    for name in NAMES {
        let value = vm.getattr_str(&builtins, name)?;
        let name = vm.intern(name);
        inner.set_str(vm, &name, value)?;
    }
    let (key, name, text) = (vm.intern("__builtins__"), vm.intern("__name__"), vm.new_str("fuzz")?.into_value());
    globals.set_str(vm, &key, inner.into_value())?;
    globals.set_str(vm, &name, text)?;
    Ok(globals)
}

/// Runs a code object as a function, `times` over so that it gets specialised, and drives what it returns.
pub fn execute(vm: &mut Vm, code: &Py<CodeObject>, seed: u8, times: u8) -> PyResult<()> {
    let globals = namespace(vm)?;
    let function = vm.new_function(code, &globals)?;
    if code.nfreevars > 0 {
        let cells = (0..code.nfreevars).map(|i| vm.new_cell(Some(Value::from_i32(i as i32))).map(Py::into_value)).collect::<PyResult<Vec<_>>>()?;
        let cells = vm.new_tuple(cells)?;
        drop(function.closure.replace(vm, Some(cells)));
    }
    let mut last = Ok(());
    for turn in 0..=times {
        let mut args = Vec::new();
        for i in 0..code.argcount.min(8) {
            args.push(argument(vm, seed.wrapping_add(turn / 4).wrapping_add(i as u8))?);
        }
        last = vm.call(function.as_value(), &args).and_then(|result| drive(vm, &result));
        if vm.limits_reached() {
            break;
        }
    }
    // Classes, functions and frames that refer to the globals go with them.
    let keys: Vec<(Value, Value)> = globals.to_vec(vm);
    for (key, _) in keys {
        let _ = vm.delitem(globals.as_value(), &key);
    }
    last
}

/// Takes some items out of generators and the like.
fn drive(vm: &mut Vm, result: &Value) -> PyResult<()> {
    let kind = result.type_name();
    match kind.as_str() {
        "generator" => {
            for _ in 0..6 {
                if vm.iter_next(result)?.is_none() {
                    return Ok(());
                }
            }
            let throw = vm.intern("throw");
            let builtins = vm.import_module("builtins")?;
            let error = vm.getattr_str(&builtins, "ValueError")?;
            vm.call_method(result, &throw, &[error]).map(drop)
        }
        "coroutine" => {
            let send = vm.intern("send");
            for _ in 0..4 {
                vm.call_method(result, &send, &[Value::none()])?;
            }
            Ok(())
        }
        "async_generator" => {
            let (anext, send) = (vm.intern("__anext__"), vm.intern("send"));
            for _ in 0..4 {
                let step = vm.call_method(result, &anext, &[])?;
                let _ = vm.call_method(&step, &send, &[Value::none()]);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
