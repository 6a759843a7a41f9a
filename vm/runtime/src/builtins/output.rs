//! `print`, `input`, `breakpoint`.

use crate::types::value::ValueExt;
use crate::types::str_::Str;
use crate::{Args, PyResult, Value, Vm, pyfunction};

/// Write the values to a stream, `sys.stdout` by default.
///
/// sep stands between two values, end behind the last; flush empties the stream's buffer.
#[pyfunction(text = "(*args, sep=' ', end='\\n', file=None, flush=False)")]
pub fn print(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let (mut sep, mut end, mut file, mut flush) = (None, None, None, false);
    const NAMES: [&str; 4] = ["sep", "end", "file", "flush"];
    let text = |key: &Value| key.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some((unknown, _)) = args.keywords().find(|(key, _)| !NAMES.contains(&text(key).as_str())) {
        return Err(crate::args::unexpected_keyword(vm, "print", unknown, &NAMES));
    }
    for (keyword, value) in args.keywords() {
        match text(keyword).as_str() {
            "sep" => sep = separator(vm, "sep", value)?,
            "end" => end = separator(vm, "end", value)?,
            "file" => file = (!value.is_none()).then(|| value.clone()),
            _ => flush = vm.is_true(value)?,
        }
    }
    let file = match file {
        Some(file) => file,
        None => {
            let Some(stdout) = vm.sys_get("stdout") else { return Err(vm.runtime_error("lost sys.stdout")) };
            if stdout.is_none() {
                return Ok(());
            }
            stdout
        }
    };
    let write = vm.getattr(&file, n!(write))?;
    let sep = match sep {
        Some(s) => s,
        None => vm.intern(" ").into_value(),
    };
    for (i, value) in args.positional().iter().enumerate() {
        if i > 0 {
            vm.call(&write, std::slice::from_ref(&sep))?;
        }
        let text = vm.str(value)?.into_value();
        vm.call(&write, &[text])?;
    }
    let end = match end {
        Some(e) => e,
        None => vm.intern("\n").into_value(),
    };
    vm.call(&write, &[end])?;
    if flush {
        vm.call_method(&file, n!(flush), &[])?;
    }
    Ok(())
}

fn separator(vm: &mut Vm, name: &str, value: &Value) -> PyResult<Option<Value>> {
    if value.is_none() {
        return Ok(None);
    }
    if value.is::<Str>() {
        return Ok(Some(value.clone()));
    }
    let got = value.type_name();
    Err(vm.type_error(format!("{name} must be None or a string, not {got}")))
}

/// Read a line from standard input, without its end. The prompt is written to standard output first.
///
/// Raises EOFError at the end of input.
#[pyfunction(sig = "(prompt='', /)")]
pub fn input(prompt: Value, vm: &mut Vm) -> PyResult {
    for name in ["stdin", "stdout", "stderr"] {
        if vm.sys_get(name).is_none_or(|s| s.is_none()) {
            return Err(vm.runtime_error(format!("input(): lost sys.{name}")));
        }
    }
    let (Some(stdin), Some(stdout)) = (vm.sys_get("stdin"), vm.sys_get("stdout")) else { return Err(vm.runtime_error("input(): lost sys.stdin")) };
    vm.audit("builtins.input", std::slice::from_ref(&prompt))?;
    let text = vm.str(&prompt)?.into_value();
    vm.call_method(&stdout, n!(write), &[text])?;
    // A stream that cannot be flushed will do.
    drop(vm.call_method(&stdout, n!(flush), &[]));
    let line = vm.call_method(&stdin, n!(readline), &[])?;
    let Some(line) = line.downcast::<Str>() else {
        return Err(vm.type_error("object.readline() returned non-string"));
    };
    if line.is_empty() {
        return Err(vm.eof_error("EOF when reading a line"));
    }
    let mut chars: Vec<u32> = line.chars().collect();
    if chars.last() == Some(&0x0a) {
        chars.pop();
    }
    let line = vm.new_str_ucs4(&chars)?.into_value();
    vm.audit("builtins.input/result", std::slice::from_ref(&line))?;
    Ok(line)
}

/// Enter the debugger: calls `sys.breakpointhook()` with the arguments.
#[pyfunction(text = "(*args, **kws)")]
pub fn breakpoint(args: Args<'_>, vm: &mut Vm) -> PyResult {
    match vm.sys_get("breakpointhook") {
        Some(hook) => {
            vm.audit("builtins.breakpoint", std::slice::from_ref(&hook))?;
            vm.call_args(&hook, args)
        }
        None => Err(vm.runtime_error("lost sys.breakpointhook")),
    }
}
