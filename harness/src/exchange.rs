//! `harness exchange`: `.pyc` files go both ways.
//!
//! One interpreter compiles a test module, the test package around it and `unittest` into folders without any source; the other runs the
//! tests from there. Both have to find the same tests and pass them. Each also runs what it wrote itself, so that a module that cannot be
//! run in this way is told from a fault of the files.

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};

use anyhow::{Context, Result, bail};

use crate::cli::ExchangeArguments;
use crate::reference;
use crate::subject::{self, Interpreter};

/// Compiles: arguments are the library, the target folder and the test module.
const WRITE: &str = "import os, py_compile, sys
library, target, module = sys.argv[1:]
wanted = [os.path.join('test', *module.split('.')) + '.py', 'test/__init__.py']
for package in 'test/support', 'test/typinganndata', 'unittest':
    for folder, folders, files in os.walk(os.path.join(library, package)):
        wanted += [os.path.relpath(os.path.join(folder, f), library) for f in files if f.endswith('.py')]
for name in wanted:
    cfile = os.path.join(target, name + 'c')
    os.makedirs(os.path.dirname(cfile), exist_ok=True)
    py_compile.compile(os.path.join(library, name), cfile, doraise=True)";

/// Runs: arguments are the folder and the test module; prints tests run and passed.
const READ: &str = "import sys
folder, module = sys.argv[1:]
sys.path.insert(0, folder)
import test, unittest
assert test.__file__ == folder + '/test/__init__.pyc', test.__file__
tests = unittest.defaultTestLoader.loadTestsFromName('test.' + module)
assert sys.modules['test.' + module].__file__.endswith('.pyc')
assert unittest.__file__ == folder + '/unittest/__init__.pyc', unittest.__file__
result = unittest.TextTestRunner(verbosity=0).run(tests)
bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
print(result.testsRun, result.testsRun - bad)";

/// Runs the exchange and says what came of it.
pub fn exchange(arguments: &ExchangeArguments) -> Result<ExitCode> {
    let reference = reference::find(arguments.reference.as_deref())?;
    let control = subject::control(&reference)?;
    let subject = match &arguments.subject {
        Some(command) => subject::subject(command, &reference)?,
        None => subject::subject(&crate::run::build_krait()?, &reference)?,
    };
    let place = tempfile::tempdir().context("no folder for the files")?;
    let modules = if arguments.modules.is_empty() { vec!["test_grammar".to_owned()] } else { arguments.modules.clone() };
    let mut good = true;
    for module in &modules {
        let sides = [&control, &subject];
        let mut folders = Vec::new();
        for side in sides {
            let folder = place.path().join(module).join(&side.implementation).join(folders.len().to_string());
            write(side, &reference.library, &folder, module)?;
            folders.push(folder);
        }
        let mut counts = Vec::new();
        for (writer, folder) in sides.iter().zip(&folders) {
            for reader in sides {
                let (ran, passed) = read(reader, folder, module)?;
                println!("{module}: {} ran what {} wrote: {passed} of {ran} tests pass", reader.label, writer.label);
                counts.push((ran, passed));
            }
        }
        good &= counts.iter().all(|(ran, passed)| *ran > 0 && ran == passed && *ran == counts[0].0);
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn command(interpreter: &Interpreter, program: &str, arguments: &[&Path], module: &str) -> Result<Output> {
    let (executable, rest) = interpreter.command.split_first().context("an interpreter without a command")?;
    let mut command = Command::new(executable);
    command.args(rest).args(["-B", "-c", program]).args(arguments).arg(module);
    command.envs(interpreter.environment.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
    if let Some(folder) = arguments.last() {
        fs::create_dir_all(folder)?;
        command.current_dir(folder);
    }
    command.output().with_context(|| format!("cannot run {}", interpreter.label))
}

fn write(writer: &Interpreter, library: &Path, folder: &Path, module: &str) -> Result<()> {
    let output = command(writer, WRITE, &[library, folder], module)?;
    if !output.status.success() {
        bail!("{} could not compile {module}: {}", writer.label, String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn read(reader: &Interpreter, folder: &Path, module: &str) -> Result<(usize, usize)> {
    let output = command(reader, READ, &[folder], module)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let counts: Vec<usize> = said.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    match *counts.as_slice() {
        [ran, passed] if output.status.success() => {
            if ran != passed {
                eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            }
            Ok((ran, passed))
        }
        _ => {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            Ok((0, 0))
        }
    }
}
