//! The interactive session: the library's `_pyrepl` where the terminal can do it, else the plain one, which reads standard input line by line
//! (CPython's `PyRun_InteractiveLoop`).

use krait_runtime::compile::{self, CompileRequest, InteractiveCode, Mode, flags};
use krait_runtime::types::code::CodeObject;
use krait_runtime::types::exceptions::{KeyboardInterrupt, SystemExit};
use krait_runtime::{PyResult, Raised, Value, Vm, lifecycle};
use krait_stdlib::oserror;
use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

/// Runs a session in `__main__`; returns the exit code.
pub fn run(vm: &mut Vm) -> PyResult<u8> {
    run_startup_file(vm)?;
    let basic = std::env::var_os("PYTHON_BASIC_REPL").is_some_and(|v| !v.is_empty() && !vm.config().ignore_environment);
    let capable = std::io::stdin().is_terminal() && std::io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|t| t != "dumb");
    if !capable || basic {
        return plain(vm);
    }
    let main = vm.import_module("_pyrepl.main")?;
    let run = vm.getattr_str(&main, "interactive_console")?;
    vm.call(&run, &[])?;
    Ok(0)
}

fn run_startup_file(vm: &mut Vm) -> PyResult<()> {
    let Some(file) = std::env::var_os("PYTHONSTARTUP").filter(|f| !f.is_empty() && !vm.config().ignore_environment) else { return Ok(()) };
    let result = match std::fs::read(&file) {
        Ok(data) => lifecycle::run_file(vm, &data, file.as_bytes()),
        Err(e) => {
            eprintln!("Could not open PYTHONSTARTUP");
            Err(oserror::os_error(vm, e.raw_os_error().unwrap_or_default()))
        }
    };
    match result {
        Err(e) if vm.is_raised::<SystemExit>(&e) => Err(e),
        Err(e) => {
            lifecycle::print_uncaught(vm, e.exception().as_value());
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// What a session remembers between its statements.
struct Session {
    /// Statements so far: they give the names under which `linecache` finds their lines.
    count: u32,
    /// Future features that have been switched on.
    features: u32,
    /// Standard input, unbuffered: the program reads the same descriptor.
    input: File,
}

/// What has come of the lines read so far.
enum Input {
    More,
    Nothing,
    Code(Value, String),
}

fn plain(vm: &mut Vm) -> PyResult<u8> {
    for (name, text) in [("ps1", ">>> "), ("ps2", "... ")] {
        if vm.sys_get(name).is_none() {
            let text = vm.new_str(text)?.into_value();
            vm.sys_set(name, text)?;
        }
    }
    let input = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(descriptor) => File::from(descriptor),
        Err(e) => return Err(oserror::os_error(vm, e.raw_os_error().unwrap_or_default())),
    };
    let mut session = Session { count: 0, features: 0, input };
    let mut lines = String::new();
    loop {
        let step = session.step(vm, &mut lines);
        match step {
            Ok(true) => {}
            Ok(false) => break,
            Err(e) if vm.is_raised::<SystemExit>(&e) => return Err(e),
            Err(e) => {
                lines.clear();
                if vm.is_raised::<KeyboardInterrupt>(&e) && e.exception().traceback.get(vm).is_none() {
                    eprintln!("\nKeyboardInterrupt");
                } else {
                    let interrupted = vm.is_raised::<KeyboardInterrupt>(&e);
                    vm.interp.interrupted.set(interrupted);
                    lifecycle::print_uncaught(vm, e.exception().as_value());
                }
            }
        }
    }
    eprintln!();
    Ok(0)
}

impl Session {
    /// Reads a line and runs what is complete. False at the end of the input.
    fn step(&mut self, vm: &mut Vm, lines: &mut String) -> PyResult<bool> {
        prompt(vm, if lines.is_empty() { "ps1" } else { "ps2" })?;
        let mut line = self.read_line(vm)?;
        let mut ended = line.is_empty();
        if ended && lines.is_empty() {
            return Ok(false);
        }
        if !ended && !line.ends_with(b"\n") {
            prompt(vm, "ps2")?;
            line.push(b'\n');
            ended = true;
        }
        if ended {
            eprintln!();
        }
        match String::from_utf8(line) {
            Ok(line) => lines.push_str(&line),
            Err(e) => {
                lines.clear();
                return Err(not_utf8(vm, &e));
            }
        }
        match self.compile(vm, lines, ended)? {
            Input::More => {}
            Input::Nothing => lines.clear(),
            Input::Code(code, source) => {
                lines.clear();
                self.count += 1;
                register_source(vm, &code, &source, "<stdin>")?;
                lifecycle::run_in_main(vm, &code)?;
                flush_stdout(vm);
            }
        }
        Ok(true)
    }

    fn compile(&mut self, vm: &mut Vm, lines: &str, ended: bool) -> PyResult<Input> {
        let name = format!("<stdin-{}>", self.count);
        let code = match compile::compile_interactive(vm, lines, ended, &self.request(), &mut || name.as_str().into())? {
            InteractiveCode::NeedsLine => return Ok(Input::More),
            InteractiveCode::Exit => return Ok(Input::Nothing),
            InteractiveCode::Code(code) => code,
        };
        if let Some(code) = code.downcast::<CodeObject>() {
            self.features |= code.flags & flags::FUTURE_MASK;
        }
        Ok(Input::Code(code, lines.to_owned()))
    }

    /// A line with its newline; empty at the end.
    fn read_line(&mut self, vm: &mut Vm) -> PyResult<Vec<u8>> {
        let mut line = Vec::new();
        let mut byte = [0_u8];
        loop {
            let read = oserror::call(vm, || self.input.read(&mut byte).map_or(-1, |n| n as i32))?;
            if read == 0 {
                return Ok(line);
            }
            line.extend_from_slice(&byte);
            if byte == *b"\n" {
                return Ok(line);
            }
        }
    }

    fn request(&self) -> CompileRequest {
        CompileRequest {
            filename: "<stdin>".into(),
            mode: Mode::Single,
            flags: self.features,
            optimize: -1,
            feature_version: -1,
            from_file: false,
            encoding: None,
        }
    }
}

fn not_utf8(vm: &mut Vm, e: &std::string::FromUtf8Error) -> Raised {
    let at = e.utf8_error().valid_up_to();
    let byte = e.as_bytes().get(at).copied().unwrap_or_default();
    let message = format!("(unicode error) 'utf-8' codec can't decode byte {byte:#04x} in position {at}: invalid start byte");
    compile::syntax_error_at(vm, &message, &"<stdin>".into(), 0, "")
}

/// Lets tracebacks show the lines of a program that is in no file (`linecache._register_code`).
pub fn register_source(vm: &mut Vm, code: &Value, source: &str, name: &str) -> PyResult<()> {
    let linecache = vm.import_module("linecache")?;
    let register = vm.getattr_str(&linecache, "_register_code")?;
    let (source, name) = (vm.new_str(source)?.into_value(), vm.new_str(name)?.into_value());
    vm.call(&register, &[code.clone(), source, name])?;
    Ok(())
}

fn prompt(vm: &mut Vm, name: &str) -> PyResult<()> {
    flush_stdout(vm);
    let Some(text) = vm.sys_get(name) else { return Ok(()) };
    let text = vm.str(&text)?.to_string_lossy().into_owned();
    // A session whose error stream is closed goes on without prompts.
    let mut stderr = std::io::stderr();
    if stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).is_err() {
        return Ok(());
    }
    Ok(())
}

fn flush_stdout(vm: &mut Vm) {
    lifecycle::flush(vm, "stdout");
}
