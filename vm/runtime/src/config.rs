//! How an interpreter is set up: what CPython's `PyConfig` holds, as far as Krait has it.

use std::path::PathBuf;

/// Settings of an interpreter; fixed when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// `sys.argv`, arguments as the operating system gives them.
    pub argv: Vec<Vec<u8>>,
    /// `sys.orig_argv`.
    pub orig_argv: Vec<Vec<u8>>,
    /// `sys.executable`.
    pub executable: PathBuf,
    /// `sys.prefix`: `lib/python3.14` below it is the library.
    pub prefix: PathBuf,
    /// The library's folder.
    pub stdlib: PathBuf,
    /// `sys.path` without what `-c`, `-m` or a script puts in front.
    pub path: Vec<Vec<u8>>,
    /// `-O` counts.
    pub optimize: u8,
    /// `-d`, `-i`, `-v`, `-q`, `-b` counts or switches.
    pub debug: u8,
    pub interactive: bool,
    pub inspect: bool,
    pub verbose: u8,
    /// `-X importtime`, PYTHONPROFILEIMPORTTIME; 2: imports of what is there are told too.
    pub import_time: u8,
    /// `-X cpu_count`, PYTHON_CPU_COUNT.
    pub cpu_count: Option<i32>,
    pub quiet: bool,
    pub bytes_warning: u8,
    /// `-B`, PYTHONDONTWRITEBYTECODE.
    pub dont_write_bytecode: bool,
    /// `-E`: the environment is not looked at.
    pub ignore_environment: bool,
    pub isolated: bool,
    pub no_user_site: bool,
    /// `-S`.
    pub no_site: bool,
    /// `-P`, PYTHONSAFEPATH.
    pub safe_path: bool,
    pub dev_mode: bool,
    pub utf8_mode: bool,
    /// `-X warn_default_encoding`, PYTHONWARNDEFAULTENCODING.
    pub warn_default_encoding: bool,
    /// `-u`.
    pub unbuffered: bool,
    /// None: random.
    pub hash_seed: Option<u32>,
    /// `-W` and PYTHONWARNINGS, in order.
    pub warn_options: Vec<String>,
    /// `-X name[=value]`.
    pub xoptions: Vec<(String, Option<String>)>,
    /// `sys.implementation.name`; `krait` unless `-X implementation=` says otherwise.
    pub implementation: String,
    pub pycache_prefix: Option<String>,
    /// Whether code objects know columns; not with `-X no_debug_ranges`.
    pub debug_ranges: bool,
    /// `-X frozen_modules`: whether more than the import system comes frozen.
    pub frozen_modules: bool,
    pub int_max_str_digits: i64,
    pub stdio_encoding: String,
    pub stdio_errors: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            argv: vec![Vec::new()],
            orig_argv: Vec::new(),
            executable: PathBuf::new(),
            prefix: PathBuf::new(),
            stdlib: PathBuf::new(),
            path: Vec::new(),
            optimize: 0,
            debug: 0,
            interactive: false,
            inspect: false,
            verbose: 0,
            import_time: 0,
            cpu_count: None,
            quiet: false,
            bytes_warning: 0,
            dont_write_bytecode: false,
            ignore_environment: false,
            isolated: false,
            no_user_site: false,
            no_site: false,
            safe_path: false,
            dev_mode: false,
            utf8_mode: false,
            warn_default_encoding: false,
            unbuffered: false,
            hash_seed: None,
            warn_options: Vec::new(),
            xoptions: Vec::new(),
            implementation: "krait".into(),
            pycache_prefix: None,
            debug_ranges: true,
            frozen_modules: false,
            int_max_str_digits: 4300,
            stdio_encoding: "utf-8".into(),
            stdio_errors: "strict".into(),
        }
    }
}
