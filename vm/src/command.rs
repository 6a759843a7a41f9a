//! What the `krait` command does: `Py_RunMain`.

use crate::interactive;
use crate::library;
use crate::options::{self, Early, Options, Program};
use krait_runtime::compile::{self, CompileRequest, Mode};
use krait_runtime::types::str_::Str;
use krait_runtime::{Py, PyResult, Value, Vm, lifecycle};
use std::ffi::OsStr;
use std::io::{IsTerminal, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Runs the command line; returns the exit code.
pub fn run(args: &[Vec<u8>], stack_size: usize) -> u8 {
    let options = match options::parse(args) {
        Ok(options) => options,
        Err(Early::Print(text)) => {
            print!("{text}");
            return u8::from(std::io::stdout().flush().is_err());
        }
        Err(Early::Usage(text)) => {
            eprint!("{text}");
            return 2;
        }
        Err(Early::Fatal(text)) => {
            eprint!("{text}");
            return 1;
        }
    };
    match start(options, args, stack_size) {
        Ok((mut vm, program)) => {
            let code = run_program(&mut vm, &program);
            let code = lifecycle::finalize(&mut vm, code);
            if vm.interp.interrupted.get() {
                krait_stdlib::signal::die_of_interrupt();
            }
            code
        }
        Err(message) => {
            eprintln!("{message}");
            1
        }
    }
}

/// Where the library was looked for.
fn path_configuration(options: &Options, executable: &Path) -> String {
    let shown = |path: Option<&Path>| path.map_or("(not set)".to_owned(), |p| format!("'{}'", p.display()));
    let (home, lib) = (shown(options.home.as_deref()), shown(options.lib.as_deref()));
    format!("Python path configuration:\n  PYTHONHOME = {home}\n  --lib = {lib}\n  sys.executable = '{}'\nkrait: ", executable.display())
}

fn start(mut options: Options, args: &[Vec<u8>], stack_size: usize) -> Result<(Vm, Program), String> {
    let executable = executable(args.first().map(Vec::as_slice).unwrap_or_default());
    let library = library::find(options.lib.as_deref(), options.home.as_deref(), &executable).map_err(|message| path_configuration(&options, &executable) + &message)?;
    let config = &mut options.config;
    config.executable = executable;
    config.path.push(library.prefix.join("lib/python314.zip").as_os_str().as_bytes().to_vec());
    config.path.push(library.stdlib.as_os_str().as_bytes().to_vec());
    config.path.push(library.stdlib.join("lib-dynload").as_os_str().as_bytes().to_vec());
    config.prefix = library.prefix;
    config.stdlib = library.stdlib;
    let program = options.program;
    krait_stdlib::signal::set_ctype();
    let mut vm = lifecycle::start(options.config, stack_size, krait_stdlib::MODULES)?;
    if krait_stdlib::signal::install(&mut vm).is_err() {
        return Err("cannot handle signals".into());
    }
    if let Err(raised) = lifecycle::import_site(&mut vm) {
        lifecycle::print_uncaught(&mut vm, raised.exception().as_value());
        return Err("importing site failed".into());
    }
    Ok((vm, program))
}

/// The absolute path of the running executable, as it was called if that can be found.
fn executable(name: &[u8]) -> PathBuf {
    let called = Path::new(OsStr::from_bytes(name));
    if name.contains(&b'/') {
        if let Ok(path) = std::path::absolute(called) {
            return path;
        }
    } else if let Some(path) = std::env::var_os("PATH")
        && let Some(found) = std::env::split_paths(&path).map(|d| d.join(called)).find(|p| p.is_file()) {
            return found;
        }
    std::env::current_exe().unwrap_or_default()
}

fn run_program(vm: &mut Vm, program: &Program) -> u8 {
    let result = match program {
        Program::Command(text) => run_command(vm, text),
        Program::Module(name) => run_module(vm, name, true),
        Program::File(file) => run_file(vm, file),
        Program::Stdin => run_stdin(vm),
    };
    let code = match result {
        Ok(code) => code,
        Err(raised) => lifecycle::handle_exit(vm, raised),
    };
    let inspect = vm.config().inspect || std::env::var_os("PYTHONINSPECT").is_some_and(|v| !v.is_empty() && !vm.config().ignore_environment);
    if inspect && !matches!(program, Program::Stdin) { interactive::run(vm).unwrap_or_else(|e| lifecycle::handle_exit(vm, e)) } else { code }
}

/// Puts a folder in front of `sys.path`, unless that is unsafe.
fn prepend_path(vm: &mut Vm, folder: &[u8]) -> PyResult<()> {
    if vm.config().safe_path {
        return Ok(());
    }
    let folder = vm.new_str_fs(folder)?;
    put_first(vm, folder)
}

fn put_first(vm: &mut Vm, folder: Py<Str>) -> PyResult<()> {
    let Some(path) = vm.sys_get("path") else { return Ok(()) };
    vm.interp.sys_path_0.replace(vm, Some(folder.clone()));
    let insert = vm.intern("insert");
    vm.call_method(&path, &insert, &[Value::from_i32(0), folder.into_value()])?;
    Ok(())
}

fn run_command(vm: &mut Vm, text: &[u8]) -> PyResult<u8> {
    prepend_path(vm, b"")?;
    let text = compile::fs_decode(text);
    let Some(text) = text.as_str() else {
        eprintln!("Unable to decode the command from the command line:");
        let text = vm.new_str_text(&text)?.into_value();
        let (encode, encoding) = (vm.intern("encode"), vm.new_str("utf-8")?.into_value());
        return vm.call_method(&text, &encode, &[encoding]).map(|_| 1);
    };
    let source = dedent(text) + "\n";
    let request = CompileRequest { filename: "<string>".into(), mode: Mode::Exec, flags: 0, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = compile::compile_source(vm, &source, request)?;
    interactive::register_source(vm, &code, &source, "<string>")?;
    lifecycle::run_in_main(vm, &code)?;
    Ok(0)
}

/// The program without the margin that all its lines share; lines of nothing but blanks become empty (`_PyUnicode_Dedent`).
fn dedent(text: &str) -> String {
    let is_blank = |c: char| c == ' ' || c == '\t';
    let lines = || text.split('\n');
    let margins = lines().filter(|l| !l.trim_matches(is_blank).is_empty()).map(|l| &l[..l.len() - l.trim_start_matches(is_blank).len()]);
    let common = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let margin = margins.reduce(|a, b| &a[..common(a, b)]).unwrap_or_default().len();
    if margin == 0 {
        return text.to_owned();
    }
    let cut: Vec<&str> = lines().map(|l| if l.trim_matches(is_blank).is_empty() { "" } else { l.get(margin..).unwrap_or_default() }).collect();
    cut.join("\n")
}

/// `runpy._run_module_as_main`.
fn run_module(vm: &mut Vm, name: &[u8], alter_argv: bool) -> PyResult<u8> {
    if alter_argv {
        let cwd = std::env::current_dir().unwrap_or_default();
        prepend_path(vm, cwd.as_os_str().as_bytes())?;
    }
    let runpy = vm.import_module("runpy")?;
    let run = vm.getattr_str(&runpy, "_run_module_as_main")?;
    let name = vm.new_str_fs(name)?.into_value();
    vm.call(&run, &[name, Value::from_bool(alter_argv)])?;
    Ok(0)
}

fn run_file(vm: &mut Vm, file: &[u8]) -> PyResult<u8> {
    if let Some(code) = run_path_entry(vm, file)? {
        return Ok(code);
    }
    let path = Path::new(OsStr::from_bytes(file));
    let data = match std::fs::read(path) {
        Ok(data) => data,
        Err(e) => {
            let errno = e.raw_os_error().unwrap_or(0);
            let text = e.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            let program = String::from_utf8_lossy(vm.config().executable.as_os_str().as_bytes()).into_owned();
            eprintln!("{program}: can't open file '{}': [Errno {errno}] {text}", absolute(file).display());
            return Ok(2);
        }
    };
    // The folder of the program, links resolved.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    prepend_path(vm, real.parent().unwrap_or(Path::new("")).as_os_str().as_bytes())?;
    lifecycle::run_file(vm, &data, absolute(file).as_os_str().as_bytes())?;
    Ok(0)
}

/// The file's path from the root, dots left as they are (`_Py_abspath`).
fn absolute(file: &[u8]) -> PathBuf {
    std::env::current_dir().unwrap_or_default().join(OsStr::from_bytes(file))
}

/// A folder or an archive with a `__main__` is run as such.
fn run_path_entry(vm: &mut Vm, file: &[u8]) -> PyResult<Option<u8>> {
    let entry = vm.new_str_fs(file)?;
    if krait_runtime::import::get_importer(vm, entry.as_value())?.is_none() {
        return Ok(None);
    }
    put_first(vm, entry)?;
    run_module(vm, b"__main__", false).map(Some)
}

fn run_stdin(vm: &mut Vm) -> PyResult<u8> {
    prepend_path(vm, b"")?;
    if std::io::stdin().is_terminal() || vm.config().interactive {
        if !vm.config().quiet {
            let version = options::version(true);
            eprintln!("{} on {}", version.trim_end(), std::env::consts::OS);
            eprintln!("Type \"help\", \"copyright\", \"credits\" or \"license\" for more information.");
        }
        return interactive::run(vm);
    }
    let mut data = Vec::new();
    if let Err(e) = std::io::stdin().read_to_end(&mut data) {
        return Err(vm.runtime_error(format!("cannot read standard input: {e}")));
    }
    lifecycle::run_file(vm, &data, b"<stdin>")?;
    Ok(0)
}
