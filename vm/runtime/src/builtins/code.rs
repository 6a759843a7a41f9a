//! `compile`, `eval`, `exec`, `__import__`, `__build_class__`, `globals`, `locals`.

use crate::compile as source_code;
use crate::compile::{CompileRequest, Mode};
use crate::types::bytes::Bytes;
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyfunction};

/// The dictionary of the current module's variables.
#[pyfunction]
pub fn globals(vm: &mut Vm) -> PyResult {
    match vm.current_globals() {
        Some(globals) => Ok(globals.into_value()),
        None => Err(vm.system_error("globals() without a running frame")),
    }
}

/// A mapping of the current scope's variables.
#[pyfunction]
pub fn locals(vm: &mut Vm) -> PyResult {
    crate::builtins::frames::locals(vm)
}

/// Import a module; what an `import` statement calls.
#[pyfunction(sig = "(name, globals=None, locals=None, fromlist=?, level=0)", text = "(name, globals=None, locals=None, fromlist=(), level=0)")]
pub fn __import__(name: &Value, globals: Value, locals: Value, fromlist: Option<Value>, level: i32, vm: &mut Vm) -> PyResult {
    let fromlist = fromlist.unwrap_or_else(Value::none);
    let _ = locals;
    let Some(name) = name.downcast::<Str>() else {
        return Err(vm.type_error("module name must be a string"));
    };
    vm.import_module_level(name, Some(&globals), &fromlist, level)
}

/// Makes a class out of the function that runs its body; what a `class` statement calls.
#[pyfunction]
pub fn __build_class__(args: Args<'_>, vm: &mut Vm) -> PyResult {
    crate::builtins::build_class::build_class(vm, args)
}

/// Compile source into a code object that `exec()` or `eval()` can run.
///
/// The source is a string, bytes or a syntax tree; mode is 'exec', 'eval' or 'single'.
#[pyfunction(sig = "(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, _feature_version=-1)")]
#[allow(clippy::too_many_arguments, reason = "the signature is Python's")]
pub fn compile(source: &Value, filename: &Value, mode: String, flags: i32, dont_inherit: bool, optimize: i32, _feature_version: i32, vm: &mut Vm) -> PyResult {
    let filename = vm.fs_path_text(filename)?;
    if flags & !source_code::flags::COMPILE_MASK != 0 {
        return Err(vm.value_error("compile(): unrecognised flags"));
    }
    if !(-1..=2).contains(&optimize) {
        return Err(vm.value_error("compile(): invalid optimize value"));
    }
    let only_ast = flags & source_code::flags::ONLY_AST != 0;
    let mode = match mode.as_str() {
        "exec" => Mode::Exec,
        "eval" => Mode::Eval,
        "single" => Mode::Single,
        "func_type" if only_ast => Mode::FuncType,
        "func_type" => return Err(vm.value_error("compile() mode 'func_type' requires flag PyCF_ONLY_AST")),
        _ if only_ast => return Err(vm.value_error("compile() mode must be 'exec', 'eval', 'single' or 'func_type'")),
        _ => return Err(vm.value_error("compile() mode must be 'exec', 'eval' or 'single'")),
    };
    let mut flags = flags as u32;
    if !dont_inherit {
        flags |= crate::builtins::frames::future_flags(vm);
    }
    let request = CompileRequest { filename, mode, flags, optimize, feature_version: _feature_version, from_file: false, encoding: None };
    source_code::compile_object(vm, source, "compile", request)
}

/// What `eval` and `exec` run in.
fn namespaces(vm: &mut Vm, name: &str, globals: Option<&Value>, locals: Option<Value>) -> PyResult<(Py<Dict>, Value)> {
    let globals = match globals.filter(|g| !g.is_none()) {
        Some(g) => match g.downcast::<Dict>() {
            Some(d) => Some(d.clone()),
            None if name == "eval" => {
                let mapping = locals.is_none() && g.type_ref().slots.getitem.get().is_some();
                let text = if mapping { "globals must be a real dict; try eval(code, {}, mapping)" } else { "globals must be a dict" };
                return Err(vm.type_error(text));
            }
            None => {
                let got = g.type_name();
                return Err(vm.type_error(format!("exec() globals must be a dict, not {got}")));
            }
        },
        None => None,
    };
    let locals = locals.filter(|l| !l.is_none());
    if let Some(l) = &locals
        && l.type_ref().slots.getitem.get().is_none() {
            let got = l.type_name();
            let text = if name == "eval" { "locals must be a mapping".to_owned() } else { format!("locals must be a mapping or None, not {got}") };
            return Err(vm.type_error(text));
        }
    let (globals, locals) = match (globals, locals) {
        (Some(g), Some(l)) => (g, l),
        (Some(g), None) => (g.clone(), g.into_value()),
        (None, locals) => {
            let Some(g) = vm.current_globals() else {
                return Err(vm.system_error("globals and locals cannot be NULL"));
            };
            let l = match locals {
                Some(l) => l,
                None => crate::builtins::frames::locals(vm)?,
            };
            (g, l)
        }
    };
    if globals.get_str(vm, n!(__builtins__)).is_none() {
        let builtins = crate::builtins::frames::builtins(vm);
        globals.set_str(vm, n!(__builtins__), builtins)?;
    }
    Ok((globals, locals))
}

/// Evaluate an expression, given as a string or as a code object.
///
/// Without globals and locals it sees the caller's variables.
#[pyfunction(sig = "(source, /, globals=None, locals=None)")]
pub fn eval(source: &Value, globals: Value, locals: Value, vm: &mut Vm) -> PyResult {
    let (globals, locals) = namespaces(vm, "eval", Some(&globals), Some(locals))?;
    if let Some(code) = source.downcast::<CodeObject>() {
        if code.nfreevars > 0 {
            return Err(vm.type_error("code object passed to eval() may not contain free variables"));
        }
        vm.audit("exec", std::slice::from_ref(source))?;
        return vm.run_code(code, &globals, Some(&locals));
    }
    if !source.is::<Str>() && !source.is::<Bytes>() && source.type_ref().slots.buffer.get().is_none() {
        return Err(vm.type_error("eval() arg 1 must be a string, bytes or code object"));
    }
    let flags = crate::builtins::frames::future_flags(vm) | source_code::flags::IGNORE_COOKIE_FOR_STR;
    let request = CompileRequest { filename: "<string>".into(), mode: Mode::Eval, flags, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = source_code::compile_object(vm, source, "eval", request)?;
    match code.downcast::<CodeObject>() {
        Some(code) => {
            vm.audit("exec", &[code.to_value()])?;
            vm.run_code(code, &globals, Some(&locals))
        }
        None => Err(vm.system_error("compilation gave no code object")),
    }
}

/// Run statements, given as a string or as a code object.
///
/// Without globals and locals it sees the caller's variables; closure is for code objects with free variables.
#[pyfunction(sig = "(source, /, globals=None, locals=None, *, closure=None)")]
pub fn exec(source: &Value, globals: Value, locals: Value, closure: Value, vm: &mut Vm) -> PyResult<()> {
    let (globals, locals) = namespaces(vm, "exec", Some(&globals), Some(locals))?;
    if let Some(code) = source.downcast::<CodeObject>() {
        return crate::builtins::frames::exec_code(vm, code, &globals, &locals, &closure);
    }
    if !closure.is_none() {
        return Err(vm.type_error("closure can only be used when source is a code object"));
    }
    if !source.is::<Str>() && !source.is::<Bytes>() && source.type_ref().slots.buffer.get().is_none() {
        return Err(vm.type_error("exec() arg 1 must be a string, bytes or code object"));
    }
    let flags = crate::builtins::frames::future_flags(vm) | source_code::flags::IGNORE_COOKIE_FOR_STR;
    let request = CompileRequest { filename: "<string>".into(), mode: Mode::Exec, flags, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = source_code::compile_object(vm, source, "exec", request)?;
    match code.downcast::<CodeObject>() {
        Some(code) => {
            vm.audit("exec", &[code.to_value()])?;
            vm.run_code(code, &globals, Some(&locals)).map(drop)
        }
        None => Err(vm.system_error("compilation gave no code object")),
    }
}
