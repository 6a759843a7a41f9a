//! The embedding face: an interpreter inside another program.
//!
//! [`Interpreter::builder`] says where the library is, what the interpreter may use and which modules the host adds. Absent so far: standard
//! streams other than the process's own.

use crate::library;
use krait_runtime::compile::{self, CompileRequest, Mode};
use krait_runtime::config::Config;
use krait_runtime::limits::Limits;
use krait_runtime::module::ModuleDef;
use krait_runtime::{PyResult, Vm, lifecycle};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Runs source text in `__main__`.
pub fn run_source(vm: &mut Vm, source: &str, filename: &str) -> PyResult<()> {
    let request = CompileRequest {
        filename: filename.into(),
        mode: Mode::Exec,
        flags: 0,
        optimize: -1,
        feature_version: -1,
        from_file: false,
        encoding: None,
    };
    let code = compile::compile_source(vm, source, request)?;
    lifecycle::run_in_main(vm, &code).map(drop)
}

/// What the system gives a program's main thread.
const STACK_SIZE: usize = 8 << 20;

/// How an interpreter is to be.
#[derive(Clone)]
pub struct Builder {
    config: Config,
    library: Option<PathBuf>,
    limits: Limits,
    recursion: Option<u32>,
    stack_size: usize,
    modules: Vec<&'static ModuleDef>,
}

/// An interpreter. It belongs to the thread that has built it.
pub struct Interpreter {
    vm: Vm,
}

impl Interpreter {
    /// An interpreter without `site`, without limits, with the library where the `krait` command finds it.
    pub fn builder() -> Builder {
        let config = Config { no_site: true, dont_write_bytecode: true, ..Config::default() };
        Builder { config, library: None, limits: Limits::default(), recursion: None, stack_size: STACK_SIZE, modules: Vec::new() }
    }

    /// The state to run code with.
    pub fn vm(&mut self) -> &mut Vm {
        &mut self.vm
    }

    /// Runs what shutdown runs: exit functions, finalizers, flushing of streams.
    pub fn finish(mut self) -> u8 {
        lifecycle::finalize(&mut self.vm, 0)
    }
}

impl Builder {
    /// The folder of the standard library (`.../lib/python3.14`).
    #[must_use]
    pub fn library(mut self, folder: impl Into<PathBuf>) -> Builder {
        self.library = Some(folder.into());
        self
    }

    /// Steps and memory that programs may use; see [`Limits`]. They begin to count when the interpreter stands.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Builder {
        self.limits = limits;
        self
    }

    /// `sys.setrecursionlimit`.
    #[must_use]
    pub fn recursion_limit(mut self, frames: u32) -> Builder {
        self.recursion = Some(frames);
        self
    }

    /// Bytes of native stack that the thread has left.
    #[must_use]
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_size = bytes;
        self
    }

    /// Modules of the host, found by `import` beside the built-in ones.
    #[must_use]
    pub fn modules(mut self, modules: &[&'static ModuleDef]) -> Builder {
        self.modules.extend(modules);
        self
    }

    /// Settings as of the command line: seed of hashes, level of optimization and so on. The library's place is filled in by `build`.
    #[must_use]
    pub fn configure(mut self, set: impl FnOnce(&mut Config)) -> Builder {
        set(&mut self.config);
        self
    }

    /// Makes the interpreter; says what is missing if it cannot.
    pub fn build(mut self) -> Result<Interpreter, String> {
        let executable = std::env::current_exe().unwrap_or_default();
        let library = library::find(self.library.as_deref(), None, &executable)?;
        let config = &mut self.config;
        config.executable = executable;
        config.path.push(library.stdlib.as_os_str().as_bytes().to_vec());
        config.prefix = library.prefix;
        config.stdlib = library.stdlib;
        let modules: Vec<&'static ModuleDef> = krait_stdlib::MODULES.iter().copied().chain(self.modules).collect();
        let mut vm = lifecycle::start(self.config, self.stack_size, &modules)?;
        if let Some(frames) = self.recursion {
            vm.interp.recursion_limit.set(frames);
        }
        vm.set_limits(self.limits);
        Ok(Interpreter { vm })
    }
}
