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
}

const HELP: &str = "\
usage: krait [option] ... [-c cmd | -m mod | file | -] [arg] ...
Options (and the environment variables that do the same):
-b     : warn of comparisons of bytes with str or int; -bb: raise
-B     : write no .pyc files (PYTHONDONTWRITEBYTECODE=x)
-c cmd : run a program given as a string
-E     : ignore PYTHON* variables
-h     : print this help (also -? or --help)
-i     : go on interactively after the program (PYTHONINSPECT=x)
-I     : isolate from the user's environment (implies -E, -P and -s)
-m mod : run a library module as a program
-O     : leave out assert statements; -OO: docstrings too (PYTHONOPTIMIZE=x)
-P     : put no unsafe path in front of sys.path (PYTHONSAFEPATH)
-q     : print no version when interactive
-s     : leave out the user's site directory (PYTHONNOUSERSITE=x)
-S     : do not import site
-u     : write standard output and error unbuffered (PYTHONUNBUFFERED=x)
-v     : tell of every import (PYTHONVERBOSE=x)
-V     : print the version (also --version); -VV: with the build
-W arg : control warnings (PYTHONWARNINGS=arg)
-X opt : implementation option, e.g. -X dev, -X utf8, -X implementation=NAME
--lib DIR : the folder of the Python 3.14 standard library (PYTHONHOME gives its prefix)
file   : run a program file
-      : read the program from standard input
";

struct Parser<'a> {
    args: &'a [Vec<u8>],
    at: usize,
    options: Options,
}

/// Reads the command line; the environment is asked afterwards for what was not said.
pub fn parse(args: &[Vec<u8>]) -> Result<Options, Early> {
    let options = Options { config: Config::default(), program: Program::Stdin, lib: None, home: None };
    let mut p = Parser { args, at: 1, options };
    let mut versions = 0;
    while let Some(arg) = p.args.get(p.at) {
        if arg.first() != Some(&b'-') || arg.as_slice() == b"-" {
            break;
        }
        p.at += 1;
        match arg.as_slice() {
            b"--" => break,
            b"--help" => return Err(Early::Print(HELP.into())),
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
    p.finish();
    Ok(p.options)
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes.to_vec()))
}

fn unknown(arg: &[u8]) -> Early {
    let text = String::from_utf8_lossy(arg);
    let unknown = if arg.starts_with(b"--") { "unknown option" } else { "Unknown option:" };
    Early::Usage(format!("{unknown} {text}\nusage: krait [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `krait -h' for more information.\n"))
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
            None => Err(Early::Usage(format!(
                "Argument expected for the {option} option\nusage: krait [option] ... [-c cmd | -m mod | file | -] [arg] ...\nTry `krait -h' for more information.\n"
            ))),
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
                b'd' => config.debug += 1,
                b'E' => config.ignore_environment = true,
                b'h' | b'?' => return Err(Early::Print(HELP.into())),
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
                b'R' => config.hash_seed = None,
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
        match (name, &value) {
            ("importtime", v) => config.import_time = v.as_deref() != Some("0"),
            ("dev", None) => config.dev_mode = true,
            ("utf8", v) => config.utf8_mode = v.as_deref() != Some("0"),
            ("implementation", Some(v)) => config.implementation = v.clone(),
            ("pycache_prefix", Some(v)) => config.pycache_prefix = Some(v.clone()),
            ("int_max_str_digits", Some(v)) => match v.parse::<i64>() {
                Ok(n) if n == 0 || n >= 640 => config.int_max_str_digits = n,
                _ => return Err(Early::Usage("krait: -X int_max_str_digits: invalid limit; must be >= 640 or 0 for unlimited.\n".into())),
            },
            _ => {}
        }
        config.xoptions.push((name.to_owned(), value));
        Ok(())
    }

    /// The program and `sys.argv`; then the environment.
    fn finish(&mut self) {
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
        if !self.options.config.ignore_environment {
            self.environment();
        }
    }

    fn environment(&mut self) {
        let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(std::os::unix::ffi::OsStringExt::into_vec);
        let config = &mut self.options.config;
        config.dont_write_bytecode |= var("PYTHONDONTWRITEBYTECODE").is_some();
        config.inspect |= var("PYTHONINSPECT").is_some();
        config.no_user_site |= var("PYTHONNOUSERSITE").is_some();
        config.safe_path |= var("PYTHONSAFEPATH").is_some();
        config.unbuffered |= var("PYTHONUNBUFFERED").is_some();
        config.dev_mode |= var("PYTHONDEVMODE").is_some();
        config.import_time |= var("PYTHONPROFILEIMPORTTIME").is_some();
        let number = |name: &str| var(name).map(|v| String::from_utf8_lossy(&v).parse::<u8>().ok().filter(|&n| n > 0).unwrap_or(1));
        config.optimize = config.optimize.max(number("PYTHONOPTIMIZE").unwrap_or(0)).min(2);
        config.verbose = config.verbose.max(number("PYTHONVERBOSE").unwrap_or(0));
        config.debug = config.debug.max(number("PYTHONDEBUG").unwrap_or(0));
        if let Some(warnings) = var("PYTHONWARNINGS") {
            let given = std::mem::take(&mut config.warn_options);
            config.warn_options = String::from_utf8_lossy(&warnings).split(',').map(str::to_owned).chain(given).collect();
        }
        if let Some(seed) = var("PYTHONHASHSEED") {
            config.hash_seed = String::from_utf8_lossy(&seed).parse().ok();
        }
        if let Some(prefix) = var("PYTHONPYCACHEPREFIX") {
            config.pycache_prefix.get_or_insert_with(|| String::from_utf8_lossy(&prefix).into_owned());
        }
        if let Some(limit) = var("PYTHONINTMAXSTRDIGITS").and_then(|v| String::from_utf8_lossy(&v).parse::<i64>().ok()) {
            if !config.xoptions.iter().any(|(n, _)| n == "int_max_str_digits") && (limit == 0 || limit >= 640) {
                config.int_max_str_digits = limit;
            }
        }
        if let Some(encoding) = var("PYTHONIOENCODING") {
            let text = String::from_utf8_lossy(&encoding).into_owned();
            let (name, errors) = text.split_once(':').unwrap_or((&text, ""));
            if !name.is_empty() {
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
