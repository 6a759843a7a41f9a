//! The command line and the environment, as CPython reads them.

use krait_runtime::config::Config;
use std::path::PathBuf;

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// `-c`
    Command(Vec<u8>),
    /// `-m`
    Module(Vec<u8>),
    File(Vec<u8>),
    /// Standard input, or an interactive session.
    Stdin,
}

/// What the command line says.
#[derive(Debug)]
pub struct Options {
    pub config: Config,
    pub program: Program,
    pub lib: Option<PathBuf>,
    pub home: Option<PathBuf>,
}

/// What is to be done instead of running anything.
#[derive(Debug)]
pub enum Early {
    /// Print to standard output and end with 0.
    Print(String),
    /// Print to standard error and end with 2.
    Usage(String),
    /// A setting that cannot be: print to standard error and end with 1.
    Fatal(String),
}

const USAGE: &str = "usage: krait [option] ... [-c cmd | -m mod | file | -] [arg] ...\n";

const OPTIONS: &str = "\
Options:
-b     : warn of comparisons of bytes with str or int; -bb: raise
-B     : write no .pyc files
-c cmd : run a program given as a string
-d     : accepted, without effect
-E     : ignore PYTHON* variables
-h     : print this help (also -? or --help)
-i     : go on interactively after the program
-I     : isolate from the user's environment (implies -E, -P and -s)
-m mod : run a library module as a program
-O     : leave out assert statements; -OO: docstrings too
-P     : put no unsafe path in front of sys.path
-q     : print no version when interactive
-s     : leave out the user's site directory
-S     : do not import site
-u     : write standard output and error unbuffered
-v     : tell of every import
-V     : print the version (also --version); -VV: with the build
-W arg : control warnings: action:message:category:module:lineno
-X opt : set an implementation option (see --help-xoptions)
--lib DIR : the folder of the Python 3.14 standard library
--check-hash-based-pycs always|default|never : when .pyc files with hashes are held against their sources
--help-env, --help-xoptions, --help-all : print more help
file   : run a program file
-      : read the program from standard input
";

const VARIABLES: &str = "\
Environment variables:
PYTHON_BASIC_REPL  : use the plain interactive session
PYTHONHOME         : prefix of the standard library
PYTHONIOENCODING   : encoding[:errors] of the standard streams
PYTHONPATH         : folders to look for modules in, before the library's
PYTHONSTARTUP      : a file to run before an interactive session
PYTHONUSERBASE     : folder of the user's own packages

These variables have equivalent options:
PYTHON_CPU_COUNT          : -X cpu_count
PYTHONDEBUG               : -d
PYTHONDEVMODE             : -X dev
PYTHONDONTWRITEBYTECODE   : -B
PYTHONHASHSEED            : seed of the hashes of strings: random, or a number
PYTHONINSPECT             : -i
PYTHONINTMAXSTRDIGITS     : -X int_max_str_digits
PYTHONNOUSERSITE          : -s
PYTHONOPTIMIZE            : -O
PYTHONPROFILEIMPORTTIME   : -X importtime
PYTHONPYCACHEPREFIX       : -X pycache_prefix
PYTHONSAFEPATH            : -P
PYTHONUNBUFFERED          : -u
PYTHONVERBOSE             : -v
PYTHONWARNINGS            : -W
";

const XOPTIONS: &str = "\
Implementation options:
-X cpu_count=N : what os.cpu_count() returns; default: what there is
-X dev : development mode: all warnings
-X implementation=NAME : what sys.implementation.name says
-X importtime[=2] : tell how long each import took; 2: also of modules that were there
-X int_max_str_digits=N : most digits in conversions between int and str; 0: no limit
-X pycache_prefix=DIR : write .pyc files into a tree of their own
-X utf8[=0|1] : UTF-8 mode
";

struct Parser<'a> {
    args: &'a [Vec<u8>],
    at: usize,
    options: Options,
    /// `-R`: PYTHONHASHSEED does not count.
    randomize: bool,
    /// `-X` options that keep their variables from counting.
    set: Vec<&'static str>,
}

/// Reads the command line; the environment is asked afterwards for what was not said.
pub fn parse(args: &[Vec<u8>]) -> Result<Options, Early> {
    let options = Options { config: Config::default(), program: Program::Stdin, lib: None, home: None };
    let mut p = Parser { args, at: 1, options, randomize: false, set: Vec::new() };
    let mut versions = 0;
    while let Some(arg) = p.args.get(p.at) {
        if arg.first() != Some(&b'-') || arg.as_slice() == b"-" {
            break;
        }
        p.at += 1;
        match arg.as_slice() {
            b"--" => break,
            b"--help" => return Err(help(&[USAGE, OPTIONS])),
            b"--help-env" => return Err(help(&[VARIABLES])),
            b"--help-xoptions" => return Err(help(&[XOPTIONS])),
            b"--help-all" => return Err(help(&[USAGE, OPTIONS, "\n", VARIABLES, "\n", XOPTIONS])),
            b"--version" => versions += 1,
            b"--lib" => {
                let dir = p.value(b"", "--lib")?;
                p.options.lib = Some(path(&dir));
            }
            b"--check-hash-based-pycs" => {
                p.value(b"", "--check-hash-based-pycs")?;
            }
            _ if arg.starts_with(b"--") => return Err(unknown(arg)),
            _ => {
                if p.short(&arg[1..], &mut versions)? {
                    break;
                }
            }
        }
    }
    if versions > 0 {
        return Err(Early::Print(version(versions > 1)));
    }
    p.finish()?;
    Ok(p.options)
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes.to_vec()))
}

fn help(parts: &[&str]) -> Early {
    Early::Print(parts.concat())
}

fn misused(message: &str) -> Early {
    Early::Usage(format!("{message}\n{USAGE}Try `krait -h' for more information.\n"))
}

fn unknown(arg: &[u8]) -> Early {
    misused(&format!("Unknown option: {}", String::from_utf8_lossy(arg)))
}

/// What CPython says of a setting; `function` is the one that reads it there.
fn fatal(function: &str, message: &str) -> Early {
    Early::Fatal(format!("Fatal Python error: {function}: {message}\nPython runtime state: preinitialized\n\n"))
}

fn digits_limit(text: &str, source: &str) -> Result<i64, Early> {
    match text.parse::<i64>() {
        Ok(n) if n == 0 || n >= 640 => Ok(n),
        _ => Err(fatal("config_init_int_max_str_digits", &format!("{source}: invalid limit; must be >= 640 or 0 for unlimited."))),
    }
}

/// The number of processors that `os.cpu_count()` is to give; none for the machine's.
fn cpu_count(text: &str) -> Result<Option<i32>, Early> {
    match text.parse::<i32>() {
        _ if text == "default" => Ok(None),
        Ok(n) if n > 0 => Ok(Some(n)),
        _ => {
            let message = "-X cpu_count=n option: n is missing or an invalid number, n must be greater than 0";
            Err(fatal("config_init_cpu_count", message))
        }
    }
}

fn hash_seed(text: &str) -> Result<Option<u32>, Early> {
    match text.parse::<u32>() {
        _ if text == "random" => Ok(None),
        Ok(seed) => Ok(Some(seed)),
        Err(_) => Err(fatal("config_init_hash_seed", "PYTHONHASHSEED must be \"random\" or an integer in range [0; 4294967295]")),
    }
}

/// `Python 3.14.8`, or the long form.
pub fn version(long: bool) -> String {
    let (major, minor, micro) = krait_runtime::sys::VERSION;
    if long { format!("Python {major}.{minor}.{micro} (main) [krait {}]\n", env!("CARGO_PKG_VERSION")) } else { format!("Python {major}.{minor}.{micro}\n") }
}

impl Parser<'_> {
    /// The value of an option: the rest of its word, or the next word.
    fn value(&mut self, rest: &[u8], option: &str) -> Result<Vec<u8>, Early> {
        if !rest.is_empty() {
            return Ok(rest.to_vec());
        }
        match self.args.get(self.at) {
            Some(next) => {
                self.at += 1;
                Ok(next.clone())
            }
            None => Err(misused(&format!("Argument expected for the {option} option"))),
        }
    }

    /// One word of short options. True if it ends the options (`-c`, `-m`).
    fn short(&mut self, word: &[u8], versions: &mut u32) -> Result<bool, Early> {
        for (i, &c) in word.iter().enumerate() {
            let rest = word.get(i + 1..).unwrap_or_default();
            let config = &mut self.options.config;
            match c {
                b'b' => config.bytes_warning += 1,
                b'B' => config.dont_write_bytecode = true,
                b'd' => config.debug = 1,
                b'E' => config.ignore_environment = true,
                b'h' | b'?' => return Err(help(&[USAGE, OPTIONS])),
                b'i' => {
                    config.inspect = true;
                    config.interactive = true;
                }
                b'I' => {
                    config.isolated = true;
                    config.ignore_environment = true;
                    config.no_user_site = true;
                    config.safe_path = true;
                }
                b'O' => config.optimize = (config.optimize + 1).min(2),
                b'P' => config.safe_path = true,
                b'q' => config.quiet = true,
                b'R' => self.randomize = true,
                b's' => config.no_user_site = true,
                b'S' => config.no_site = true,
                b't' | b'x' => {}
                b'u' => config.unbuffered = true,
                b'v' => config.verbose += 1,
                b'V' => *versions += 1,
                b'W' => {
                    let value = self.value(rest, "-W")?;
                    self.options.config.warn_options.push(String::from_utf8_lossy(&value).into_owned());
                    return Ok(false);
                }
                b'X' => {
                    let value = self.value(rest, "-X")?;
                    self.xoption(&String::from_utf8_lossy(&value))?;
                    return Ok(false);
                }
                b'c' => {
                    let value = self.value(rest, "-c")?;
                    self.options.program = Program::Command(value);
                    return Ok(true);
                }
                b'm' => {
                    let value = self.value(rest, "-m")?;
                    self.options.program = Program::Module(value);
                    return Ok(true);
                }
                _ => return Err(unknown(&[b"-".as_slice(), &[c]].concat())),
            }
        }
        Ok(false)
    }

    fn xoption(&mut self, text: &str) -> Result<(), Early> {
        let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v.to_owned())));
        let config = &mut self.options.config;
        let given = value.as_deref().unwrap_or_default();
        match name {
            "dev" if value.is_none() => config.dev_mode = true,
            "no_debug_ranges" if value.is_none() => config.debug_ranges = false,
            "frozen_modules" => config.frozen_modules = given != "off",
            "utf8" => config.utf8_mode = given != "0",
            "warn_default_encoding" => config.warn_default_encoding = true,
            "implementation" if !given.is_empty() => config.implementation = given.to_owned(),
            "importtime" => {
                self.set.push("importtime");
                config.import_time = match given.parse::<i64>() {
                    Ok(2) => 2,
                    Ok(1) | Err(_) => 1,
                    Ok(_) => return Err(fatal("config_init_import_time", "-X importtime: values other than 1 and 2 are reserved for future use.")),
                };
            }
            "pycache_prefix" => {
                self.set.push("pycache_prefix");
                config.pycache_prefix = Some(given.to_owned()).filter(|p| !p.is_empty());
            }
            "cpu_count" => {
                self.set.push("cpu_count");
                config.cpu_count = cpu_count(given)?;
            }
            "int_max_str_digits" => {
                self.set.push("int_max_str_digits");
                config.int_max_str_digits = digits_limit(given, "-X int_max_str_digits")?;
            }
            _ => {}
        }
        config.xoptions.push((name.to_owned(), value));
        Ok(())
    }

    /// The program and `sys.argv`; then the environment.
    fn finish(&mut self) -> Result<(), Early> {
        let rest = self.args.get(self.at..).unwrap_or_default();
        let config = &mut self.options.config;
        config.orig_argv = self.args.to_vec();
        config.argv = match &self.options.program {
            Program::Command(_) => [vec![b"-c".to_vec()], rest.to_vec()].concat(),
            Program::Module(_) => [vec![b"-m".to_vec()], rest.to_vec()].concat(),
            Program::File(_) | Program::Stdin => rest.to_vec(),
        };
        if self.options.program == Program::Stdin {
            match rest.first() {
                Some(file) if file.as_slice() != b"-" => self.options.program = Program::File(file.clone()),
                Some(_) => {}
                None => config.argv = vec![Vec::new()],
            }
        }
        // In a locale that knows no encoding, other bytes go through.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().filter_map(std::env::var_os).find(|v| !v.is_empty());
        let plain = locale.is_none_or(|l| matches!(l.to_str(), Some("C" | "POSIX" | "C.UTF-8" | "C.utf8" | "UTF-8")));
        if plain || self.options.config.utf8_mode {
            self.options.config.stdio_errors = "surrogateescape".to_owned();
        }
        if !self.options.config.ignore_environment {
            self.environment()?;
        }
        self.warn_options();
        Ok(())
    }

    /// What other options imply stands around what was given: development mode before, `-b` behind.
    fn warn_options(&mut self) {
        let config = &mut self.options.config;
        if config.dev_mode {
            config.warn_options.insert(0, "default".to_owned());
        }
        match config.bytes_warning {
            0 => {}
            1 => config.warn_options.push("default::BytesWarning".to_owned()),
            _ => config.warn_options.push("error::BytesWarning".to_owned()),
        }
    }

    fn environment(&mut self) -> Result<(), Early> {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(std::os::unix::ffi::OsStringExt::into_vec);
        let config = &mut self.options.config;
        config.dont_write_bytecode |= var("PYTHONDONTWRITEBYTECODE").is_some();
        config.inspect |= var("PYTHONINSPECT").is_some();
        config.no_user_site |= var("PYTHONNOUSERSITE").is_some();
        config.safe_path |= var("PYTHONSAFEPATH").is_some();
        config.unbuffered |= var("PYTHONUNBUFFERED").is_some();
        config.dev_mode |= var("PYTHONDEVMODE").is_some();
        config.debug_ranges &= var("PYTHONNODEBUGRANGES").is_none();
        let text = |name: &str| var(name).map(|v| String::from_utf8_lossy(&v).into_owned());
        let number = |name: &str| text(name).map(|v| v.parse::<u8>().unwrap_or(1));
        if let Some(value) = number("PYTHONPROFILEIMPORTTIME").filter(|_| !self.set.contains(&"importtime")) {
            config.import_time = if value == 2 { 2 } else { 1 };
        }
        config.optimize = config.optimize.max(number("PYTHONOPTIMIZE").unwrap_or(0)).min(2);
        config.verbose = config.verbose.max(number("PYTHONVERBOSE").unwrap_or(0));
        config.debug = config.debug.max(number("PYTHONDEBUG").unwrap_or(0)).min(1);
        config.warn_default_encoding |= var("PYTHONWARNDEFAULTENCODING").is_some();
        if let Some(warnings) = var("PYTHONWARNINGS") {
            let given = std::mem::take(&mut config.warn_options);
            config.warn_options = String::from_utf8_lossy(&warnings).split(',').map(str::to_owned).chain(given).collect();
        }
        if let Some(seed) = text("PYTHONHASHSEED").filter(|_| !self.randomize) {
            config.hash_seed = hash_seed(&seed)?;
        }
        if let Some(prefix) = text("PYTHONPYCACHEPREFIX").filter(|_| !self.set.contains(&"pycache_prefix")) {
            config.pycache_prefix = Some(prefix);
        }
        if let Some(count) = text("PYTHON_CPU_COUNT").filter(|_| !self.set.contains(&"cpu_count")) {
            config.cpu_count = cpu_count(&count)?;
        }
        if let Some(limit) = text("PYTHONINTMAXSTRDIGITS").filter(|_| !self.set.contains(&"int_max_str_digits")) {
            config.int_max_str_digits = digits_limit(&limit, "PYTHONINTMAXSTRDIGITS")?;
        }
        if let Some(encoding) = var("PYTHONIOENCODING") {
            let text = String::from_utf8_lossy(&encoding).into_owned();
            let (name, errors) = text.split_once(':').unwrap_or((&text, ""));
            if !name.is_empty() {
                config.stdio_errors = "strict".to_owned();
                config.stdio_encoding = name.to_owned();
            }
            if !errors.is_empty() {
                config.stdio_errors = errors.to_owned();
            }
        }
        if let Some(paths) = var("PYTHONPATH") {
            config.path = paths.split(|&b| b == b':').map(<[u8]>::to_vec).collect();
        }
        self.options.home = var("PYTHONHOME").map(|h| path(h.split(|&b| b == b':').next().unwrap_or_default()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(words: &[&str]) -> Options {
        let args: Vec<Vec<u8>> = std::iter::once("krait").chain(words.iter().copied()).map(|w| w.as_bytes().to_vec()).collect();
        match parse(&args) {
            Ok(o) => o,
            Err(e) => panic!("{e:?}"),
        }
    }

    #[test]
    fn short_options_run_together() {
        let o = options(&["-BSIc", "print(1)", "a"]);
        assert!(o.config.dont_write_bytecode && o.config.no_site && o.config.safe_path);
        assert_eq!(o.program, Program::Command(b"print(1)".to_vec()));
        assert_eq!(o.config.argv, [b"-c".to_vec(), b"a".to_vec()]);
    }

    #[test]
    fn a_file_ends_the_options() {
        let o = options(&["-OO", "-Werror", "-Ximplementation=cpython", "x.py", "-O"]);
        assert_eq!((o.config.optimize, o.config.implementation.as_str()), (2, "cpython"));
        assert_eq!(o.program, Program::File(b"x.py".to_vec()));
        assert_eq!(o.config.argv.len(), 2);
    }

    #[test]
    fn wrong_options_are_told() {
        for words in [&["-c"][..], &["-@"], &["--what"]] {
            let args: Vec<Vec<u8>> = std::iter::once(&"krait").chain(words).map(|w| w.as_bytes().to_vec()).collect();
            assert!(matches!(parse(&args), Err(Early::Usage(_))));
        }
    }
}
