//! An interpreter's life: making it able to run programs, running one, and taking it down, as CPython's `pylifecycle.c`.

use crate::compile::{self, CompileRequest, Mode};
use crate::config::Config;
use crate::module::ModuleDef;
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::exceptions::SystemExit;
use crate::types::module::Module;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};

/// The modules that live in this crate.
pub static MODULES: &[&ModuleDef] =
    &[&crate::ast::MODULE, &crate::builtins::MODULE, &crate::import::imp::MODULE, &crate::import::marshal::MODULE, &crate::sys::MODULE, &crate::warnings::MODULE];

/// An interpreter that can import: builtins, sys, the import system, standard streams, `__main__`, and `site` unless switched off.
pub fn start(config: Config, stack_size: usize, modules: &[&'static ModuleDef]) -> Result<Vm, String> {
    let mut vm = Vm::new(config, stack_size).map_err(|e| e.to_string())?;
    let interp = vm.interp;
    let all = MODULES.iter().chain(modules).copied();
    interp.native_modules.get_mut(&mut vm).extend(all);
    match start_modules(&mut vm) {
        Ok(()) => Ok(vm),
        Err(raised) => {
            let exception = raised.exception().to_value();
            let text = crate::types::traceback::describe_exception(&mut vm, &exception).unwrap_or_else(|_| exception.type_name());
            Err(format!("cannot start: {}", text.trim_end()))
        }
    }
}

fn start_modules(vm: &mut Vm) -> PyResult<()> {
    let modules = vm.new_dict()?;
    vm.interp.modules.replace(vm, Some(modules.clone()));
    let sys = crate::module::create(vm, &crate::sys::MODULE)?;
    let sys_dict = sys.dict.load(vm);
    vm.interp.sys_dict.replace(vm, sys_dict);
    vm.sys_set("modules", modules.into_value())?;
    let stderr = vm.new_object(crate::types::stderrprinter::StderrPrinter {})?.into_value();
    vm.sys_set("stderr", stderr.clone())?;
    vm.sys_set("__stderr__", stderr)?;
    let builtins = crate::module::create(vm, &crate::builtins::MODULE)?;
    let dict = builtins.dict.load(vm);
    vm.interp.builtins.replace(vm, dict);
    crate::eval::ops::names::keep_common_constants(vm)?;
    crate::import::add_module(vm, "sys", sys.as_value())?;
    crate::import::add_module(vm, "builtins", builtins.as_value())?;
    if vm.config().optimize > 0 {
        let name = vm.intern("__debug__");
        if let Some(b) = vm.interp.builtins.load(vm) {
            b.set_str(vm, &name, Value::from_bool(false))?;
        }
    }
    crate::import::bootstrap(vm)?;
    vm.import_module("encodings")?;
    crate::import::install_zipimport(vm)?;
    start_streams(vm)?;
    start_main(vm)?;
    crate::sys::remote::open(vm);
    if !vm.config().warn_options.is_empty() {
        vm.import_module("warnings")?;
    }
    Ok(())
}

/// `sys.stdin`, `sys.stdout` and `sys.stderr`, where the descriptors are open.
fn start_streams(vm: &mut Vm) -> PyResult<()> {
    let io = vm.import_module("_io")?;
    let open = vm.getattr_str(&io, "open")?;
    let builtins = vm.interp.builtins.load(vm);
    let name = vm.intern("open");
    if let Some(b) = builtins {
        b.set_str(vm, &name, open)?;
    }
    for (fd, name, mode) in [(0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")] {
        let stream = if descriptor_is_open(fd) { make_stream(vm, &io, fd, name, mode)? } else { Value::none() };
        vm.sys_set(name, stream.clone())?;
        vm.sys_set(&format!("__{name}__"), stream)?;
    }
    Ok(())
}

fn descriptor_is_open(fd: i32) -> bool {
    std::fs::metadata(format!("/proc/self/fd/{fd}")).is_ok()
}

fn make_stream(vm: &mut Vm, io: &Value, fd: i32, name: &str, mode: &str) -> PyResult {
    let config = vm.config();
    let open = vm.getattr_str(io, "open")?;
    let unbuffered_raw = config.unbuffered && mode == "w";
    let (fd, raw_mode) = (Value::from_i32(fd), vm.new_str(&format!("{mode}b"))?.into_value());
    let buffering = Value::from_i32(if unbuffered_raw { 0 } else { -1 });
    let (none, closefd) = (Value::none(), Value::from_bool(false));
    let buffer = vm.call(&open, &[fd, raw_mode, buffering, none.clone(), none.clone(), none, closefd])?;
    let shown = vm.new_str(&format!("<{name}>"))?.into_value();
    let raw = if unbuffered_raw { buffer.clone() } else { vm.getattr_str(&buffer, "raw")? };
    vm.setattr(&raw, n!(name), &shown)?;
    let isatty = vm.getattr_str(&raw, "isatty")?;
    let isatty = vm.call(&isatty, &[])?;
    let tty = vm.is_true(&isatty)?;
    let wrapper = vm.getattr_str(io, "TextIOWrapper")?;
    let errors = if name == "stderr" { "backslashreplace" } else { config.stdio_errors.as_str() };
    let (encoding, errors) = (vm.new_str(&config.stdio_encoding)?.into_value(), vm.new_str(errors)?.into_value());
    let newline = vm.new_str("\n")?.into_value();
    let line_buffering = Value::from_bool(tty || name == "stderr");
    let write_through = Value::from_bool(config.unbuffered);
    let newline = if mode == "r" { Value::none() } else { newline };
    let stream = vm.call(&wrapper, &[buffer, encoding, errors, newline, line_buffering, write_through])?;
    let mode = vm.new_str(mode)?.into_value();
    let attr = vm.intern("mode");
    vm.setattr(&stream, &attr, &mode)?;
    Ok(stream)
}

fn start_main(vm: &mut Vm) -> PyResult<()> {
    let dict = vm.new_dict()?;
    let module = vm.new_object(crate::types::module::Module { dict: crate::GilCell::new(Some(dict.clone())), def: None })?.into_value();
    let name = vm.intern("__main__").into_value();
    dict.set_str(vm, n!(__name__), name)?;
    for key in [n!(__doc__), n!(__package__), n!(__spec__)] {
        dict.set_str(vm, key, Value::none())?;
    }
    let builtins = vm.imported("builtins")?;
    dict.set_str(vm, n!(__builtins__), builtins)?;
    let importlib = vm.imported("_frozen_importlib")?;
    let loader = vm.getattr_str(&importlib, "BuiltinImporter")?;
    dict.set_str(vm, n!(__loader__), loader)?;
    crate::import::add_module(vm, "__main__", &module)?;
    Ok(())
}

/// `import site`, unless `-S`.
pub fn import_site(vm: &mut Vm) -> PyResult<()> {
    if vm.config().no_site {
        return Ok(());
    }
    let site = vm.import_module("site")?;
    let main = vm.getattr_str(&site, "main")?;
    let _ = main;
    Ok(())
}

/// `__main__.__dict__`.
pub fn main_dict(vm: &mut Vm) -> PyResult<Py<Dict>> {
    let main = vm.imported("__main__")?;
    let dict = vm.getattr(&main, n!(__dict__))?;
    dict.into_py::<Dict>().map_err(|_| vm.system_error("__main__ has no dict"))
}

/// Runs a code object in `__main__`.
pub fn run_in_main(vm: &mut Vm, code: &Value) -> PyResult {
    let dict = main_dict(vm)?;
    match code.downcast::<CodeObject>() {
        Some(code) => vm.run_code(code, &dict, None),
        None => Err(vm.system_error("no code object")),
    }
}

/// Runs a program file in `__main__`: source, or a `.pyc` by its magic number.
pub fn run_file(vm: &mut Vm, data: &[u8], filename: &[u8]) -> PyResult {
    let dict = main_dict(vm)?;
    let file = vm.new_str_fs(filename)?.into_value();
    dict.set_str(vm, n!(__file__), file)?;
    dict.set_str(vm, n!(__cached__), Value::none())?;
    let magic = krait_bytecode::MAGIC.to_le_bytes();
    let compiled = data.get(..4) == Some(&[magic[0], magic[1], b'\r', b'\n']);
    if filename != b"<stdin>" {
        set_main_loader(vm, &dict, if compiled { "SourcelessFileLoader" } else { "SourceFileLoader" })?;
    }
    let code = if compiled {
        crate::import::marshal::loads(vm, data.get(16..).unwrap_or_default(), true)?
    } else {
        let name = compile::fs_decode(filename);
        if let Some(at) = memchr::memchr(0, data) {
            return Err(compile::null_byte_in_file(vm, data, at, &name));
        }
        let text = compile::decode_source_file(vm, data, &name)?;
        let request = CompileRequest { filename: name, mode: Mode::Exec, flags: 0, optimize: -1, feature_version: -1, from_file: true, encoding: krait_syntax::source_encoding(data) };
        compile::compile_source(vm, &text, request)?
    };
    run_in_main(vm, &code)
}

/// Lets `__main__` know what would load its file.
fn set_main_loader(vm: &mut Vm, main: &Py<Dict>, class: &str) -> PyResult<()> {
    let external = vm.imported("_frozen_importlib_external")?;
    let class = vm.getattr_str(&external, class)?;
    let (name, file) = (vm.intern("__main__").into_value(), main.get_str(vm, n!(__file__)).cloned().unwrap_or_else(Value::none));
    let loader = vm.call(&class, &[name, file])?;
    main.set_str(vm, n!(__loader__), loader)?;
    Ok(())
}

/// The exit code of a program that ended with `raised`: SystemExit's, else 1 after the exception has been printed.
pub fn handle_exit(vm: &mut Vm, raised: Raised) -> u8 {
    let exception = raised.exception().to_value();
    if exception.is::<SystemExit>() {
        return system_exit_code(vm, &exception);
    }
    let interrupted = exception.is::<crate::types::exceptions::KeyboardInterrupt>();
    print_uncaught(vm, &exception);
    vm.interp.interrupted.set(interrupted);
    if interrupted { 130 } else { 1 }
}

fn system_exit_code(vm: &mut Vm, exception: &Value) -> u8 {
    let name = vm.intern("code");
    let Ok(code) = vm.getattr(exception, &name) else { return 1 };
    if code.is_none() {
        return 0;
    }
    if let Some(i) = crate::types::int::IntRef::new(&code) {
        return i.to_i64().map_or(255, |i| i as u8);
    }
    flush(vm, "stdout");
    let text = vm.str(&code).map(|s| s.into_value());
    let newline = vm.intern("\n").into_value();
    if let (Ok(text), Some(stderr)) = (text, vm.sys_get("stderr").filter(|s| !s.is_none())) {
        for part in [text, newline] {
            if vm.call_method(&stderr, n!(write), &[part]).is_err() {
                break;
            }
        }
    }
    1
}

/// Sets `sys.last_exc` and the like, and calls `sys.excepthook`.
pub fn print_uncaught(vm: &mut Vm, exception: &Value) {
    let ty = exception.ty().to_value();
    let traceback = exception
        .downcast::<crate::types::exceptions::BaseException>()
        .and_then(|e| e.traceback.load(vm))
        .unwrap_or_else(Value::none);
    let last = [("last_exc", exception.clone()), ("last_type", ty.clone()), ("last_value", exception.clone()), ("last_traceback", traceback.clone())];
    for (name, value) in last {
        if let Err(e) = vm.sys_set(name, value) {
            drop(e);
        }
    }
    flush(vm, "stdout");
    let result = match vm.sys_get("excepthook") {
        Some(hook) => {
            let audited = vm.audit("sys.excepthook", &[hook.clone(), ty.clone(), exception.clone(), traceback.clone()]);
            audited.and_then(|()| vm.call(&hook, &[ty, exception.clone(), traceback]))
        }
        None => crate::sys::print_exception(vm, exception).map(|()| Value::none()),
    };
    if let Err(e) = result {
        let second = e.exception().to_value();
        if !second.is::<SystemExit>() {
            let text = "Error in sys.excepthook:\n";
            write_stderr(vm, text);
            if crate::sys::print_exception(vm, &second).is_ok() {
                write_stderr(vm, "\nOriginal exception was:\n");
                if let Err(e) = crate::sys::print_exception(vm, exception) {
                    drop(e);
                }
            }
        }
    }
    flush(vm, "stderr");
}

fn write_stderr(vm: &mut Vm, text: &str) {
    if let (Ok(text), Some(stderr)) = (vm.new_str(text), vm.sys_get("stderr").filter(|s| !s.is_none()))
        && let Err(e) = vm.call_method(&stderr, n!(write), &[text.into_value()]) {
            drop(e);
        }
}

/// Flushes a standard stream; false if that failed.
pub fn flush(vm: &mut Vm, name: &str) -> bool {
    let Some(stream) = vm.sys_get(name).filter(|s| !s.is_none()) else { return true };
    let closed = vm.intern("closed");
    if let Ok(Some(closed)) = vm.getattr_opt(&stream, &closed)
        && vm.is_true(&closed).unwrap_or(true) {
            return true;
        }
    match vm.call_method(&stream, n!(flush), &[]) {
        Ok(_) => true,
        Err(e) => {
            if name == "stdout" {
                crate::types::exceptions::unraisable::report_with(vm, e, Some("Exception ignored while flushing sys.stdout"), None);
            }
            false
        }
    }
}

/// Ends the interpreter: waits for threads, runs exit functions, flushes, and collects what is left. Returns the exit code.
pub fn finalize(vm: &mut Vm, code: u8) -> u8 {
    end(vm, code, true)
}

fn end(vm: &mut Vm, code: u8, ends_process: bool) -> u8 {
    for (module, function) in [("threading", "_shutdown"), ("atexit", "_run_exitfuncs")] {
        // Functions wait for the end whatever has become of the module.
        let wanted = module == "atexit" && !vm.interp.atexit.get(vm).is_empty();
        let found = if wanted { vm.import_module(module) } else { vm.imported(module) };
        if let (true, Err(e)) = (wanted, &found) {
            crate::types::exceptions::unraisable::report_with(vm, e.clone(), None, None);
        }
        if let Ok(module) = found {
            let result = vm.getattr_str(&module, function).and_then(|f| vm.call(&f, &[]));
            if let Err(e) = result {
                vm.unraisable(e, &module);
            }
        }
    }
    vm.run_pending();
    let flushed = flush(vm, "stdout");
    flush(vm, "stderr");
    vm.interp.finalizing.set(true);
    if ends_process {
        vm.interp.gil.close();
    }
    tear_down(vm);
    if flushed { code } else { 120 }
}

/// Runs a program in another interpreter on this thread, from its start to its end; false if it raised an exception, which has been printed.
/// An error says that the interpreter could not be started.
pub fn run_beside(outer: &mut Vm, source: &str, features: crate::vm::Features) -> PyResult<bool> {
    outer.check_stack(" while starting an interpreter")?;
    outer.run_pending();
    let mut vm = outer.new_beside();
    vm.interp.features.set(features);
    outer.interp.gil.run_in(&vm.interp.eval_breaker);
    if vm.interp.is_limited() {
        crate::eval::request(&vm.interp.eval_breaker, crate::eval::breaker::LIMITS);
    }
    let started = start_modules(&mut vm).and_then(|()| import_site(&mut vm));
    let result = match &started {
        Ok(()) => run_text(&mut vm, source),
        Err(_) => Ok(()),
    };
    let succeeded = match result {
        Ok(()) => true,
        Err(raised) => {
            handle_exit(&mut vm, raised);
            false
        }
    };
    let failure = started.err().map(|raised| {
        let exception = raised.exception().to_value();
        crate::types::traceback::describe_exception(&mut vm, &exception).unwrap_or_else(|_| exception.type_name())
    });
    end(&mut vm, 0, false);
    drop_state(&mut vm);
    outer.interp.continue_limits(vm.interp);
    drop(vm);
    outer.interp.gil.run_in(&outer.interp.eval_breaker);
    outer.run_pending();
    match failure {
        None => Ok(succeeded),
        Some(text) => Err(outer.runtime_error(format!("cannot start an interpreter: {}", text.trim_end()))),
    }
}

fn run_text(vm: &mut Vm, source: &str) -> PyResult<()> {
    let request = CompileRequest { filename: "<string>".into(), mode: Mode::Exec, flags: 0, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = compile::compile_source(vm, source, request)?;
    run_in_main(vm, &code).map(drop)
}

/// Lets go of what an interpreter that has ended still holds.
fn drop_state(vm: &mut Vm) {
    let interp = vm.interp;
    let dicts = (interp.modules.replace(vm, None), interp.sys_dict.replace(vm, None), interp.builtins.replace(vm, None));
    let constants = interp.common_constants.replace(vm, Vec::new());
    let modules = (interp.made_modules.replace(vm, None), interp.importlib.replace(vm, None), interp.warnings.replace(vm, None));
    let hooks = (interp.audit_hooks.replace(vm, Vec::new()), interp.atexit.replace(vm, Vec::new()));
    drop((dicts, modules, hooks, constants));
    vm.collect_garbage(2);
    vm.run_pending();
}

/// What `sys` lets go of first, for it may keep a program's objects alive.
const SPECIAL: [&str; 12] = [
    "path", "argv", "ps1", "ps2", "last_exc", "last_type", "last_value", "last_traceback", "path_hooks", "path_importer_cache", "meta_path",
    "__interactivehook__",
];

/// Lets the modules go. What dies with them is finalized while it is whole, because most of it is garbage in cycles; only then are the modules
/// emptied that something native still holds.
fn tear_down(vm: &mut Vm) {
    for name in SPECIAL {
        if vm.sys_get(name).is_some() {
            drop(vm.sys_set(name, Value::none()));
        }
    }
    for name in ["stdin", "stdout", "stderr"] {
        if let Some(original) = vm.sys_get(&format!("__{name}__")) {
            drop(vm.sys_set(name, original));
        }
    }
    let underscore = vm.intern("_");
    if let Some(builtins) = vm.interp.builtins.load(vm).filter(|b| b.get_str(vm, &underscore).is_some()) {
        drop(builtins.set_str(vm, &underscore, Value::none()));
    }
    let Some(modules) = vm.interp.modules.load(vm) else { return };
    let alive = remove_modules(vm, &modules);
    vm.collect_garbage(2);
    vm.run_pending();
    crate::types::gc::report_garbage(vm);
    for module in alive.iter().rev() {
        let Ok(module) = vm.call(module, &[]) else { continue };
        if let Some(dict) = module.downcast::<Module>().and_then(|m| m.dict.load(vm)) {
            empty_module(vm, &dict);
        }
    }
    vm.collect_garbage(2);
    vm.run_pending();
    flush(vm, "stdout");
    flush(vm, "stderr");
}

/// Empties `sys.modules`; weak references to the modules, without `sys` and `builtins`.
fn remove_modules(vm: &mut Vm, modules: &Py<Dict>) -> Vec<Value> {
    let mut weak = Vec::new();
    for (name, module) in modules.to_vec(vm) {
        let keep = name.downcast::<Str>().is_some_and(|n| n.eq_str("sys") || n.eq_str("builtins"));
        if module.is::<Module>() && !keep
            && let Ok(reference) = crate::types::weakref::new_ref(vm, &module, None) {
                weak.push(reference);
            }
        drop(modules.set(vm, &name, Value::none()));
        drop(module);
        vm.run_pending();
    }
    for (name, _) in modules.to_vec(vm) {
        drop(modules.remove(vm, &name));
    }
    weak
}

/// Sets a module's names to None, private ones first, as its finalizers may still want the others.
fn empty_module(vm: &mut Vm, dict: &Py<Dict>) {
    for private in [true, false] {
        for (key, value) in dict.to_vec(vm) {
            let Some(name) = key.downcast::<Str>() else { continue };
            let text = name.to_string_lossy();
            let is_private = text.starts_with('_') && !text.starts_with("__");
            if !value.is_none() && (is_private == private) && text != "__builtins__" {
                drop(value);
                drop(dict.set(vm, &key, Value::none()));
                vm.run_pending();
            }
        }
    }
}
