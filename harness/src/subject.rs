//! Interpreters as the harness runs them, each with a library of its own.
//!
//! Tests write into the library's folders, so each interpreter gets a copy of the library, kept in
//! the cache and made anew when the interpreter or the library changes. The executable is copied
//! beside it: its children find the copy without any environment variable, and a rebuild during
//! the run disturbs nothing. A Python that cannot work with the reference's library (another
//! version, another implementation) keeps its own and only gets the tests.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use walkdir::WalkDir;

use crate::cache;
use crate::reference::Reference;
use crate::worker::command_line;

/// Printed by any Python: implementation, version, executable.
const IDENTIFY: &str = "import sys
print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3], sys.executable, sep='\\n')";

/// An interpreter ready to run tests.
#[derive(Clone, Debug)]
pub struct Interpreter {
    /// Name in tables and reports.
    pub label: String,
    /// `sys.implementation.name`, which also names its expectations.
    pub implementation: String,
    /// Words before a script's name.
    pub command: Vec<OsString>,
    pub environment: Vec<(String, OsString)>,
    /// Its library copy stays in place as long as this lock is held.
    _tree: Option<std::sync::Arc<File>>,
}

/// The control: the reference on a copy of its own library.
pub fn control(reference: &Reference) -> Result<Interpreter> {
    let identity = Identity {
        implementation: "cpython".to_owned(),
        version: reference.version.clone(),
        executable: reference.executable.clone(),
    };
    with_library("control", &identity, &[], reference)
}

/// A subject from its command line, `PROGRAM [ARGUMENT...]`.
pub fn subject(command: &str, reference: &Reference) -> Result<Interpreter> {
    let words = shell_words::split(command).with_context(|| format!("--subject {command}: unbalanced quotes"))?;
    let (program, arguments) = words.split_first().context("--subject is empty")?;
    let program = locate(program).with_context(|| format!("there is no subject {program}"))?;
    let identity = identify(&program, arguments)?;
    if identity.implementation == "krait"
        || identity.version.starts_with("3.14.") && identity.implementation == "cpython"
    {
        return with_library("subject", &identity, arguments, reference);
    }
    with_own_library(&identity, &program, arguments, reference)
}

struct Identity {
    implementation: String,
    version: String,
    executable: PathBuf,
}

fn identify(program: &Path, arguments: &[String]) -> Result<Identity> {
    let is_krait = program.file_stem() == Some(OsStr::new("krait"));
    let mut command = Command::new(program);
    command.args(arguments).args(["-c", IDENTIFY]);
    let output = run_briefly(&mut command).with_context(|| format!("cannot run {}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    match *lines.as_slice() {
        [implementation, version, executable] if output.status.success() => Ok(Identity {
            implementation: implementation.to_owned(),
            version: version.to_owned(),
            executable: if is_krait || executable.is_empty() { program.to_owned() } else { PathBuf::from(executable) },
        }),
        // A young Krait that cannot say its name yet is measured all the same.
        _ if is_krait => Ok(Identity {
            implementation: "krait".to_owned(),
            version: "3.14.0".to_owned(),
            executable: program.to_owned(),
        }),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{} is no working Python: {}", program.display(), said.lines().last().unwrap_or("it said nothing"));
        }
    }
}

/// An interpreter on a copy of the reference's library; `role` keeps the control's copy its own
/// when the subject is the same executable.
fn with_library(role: &str, identity: &Identity, arguments: &[String], reference: &Reference) -> Result<Interpreter> {
    let is_krait = identity.implementation == "krait";
    let executable = identity.executable.canonicalize().unwrap_or_else(|_| identity.executable.clone());
    let stamp = cache::file_stamp(&executable)?;
    let library_stamp = cache::file_stamp(&reference.library.join("os.py"))?;
    let trees = cache::root()?.join("trees");
    let owner = cache::fingerprint(&[role, &executable.to_string_lossy(), &reference.library.to_string_lossy()]);
    let name = format!("{owner}-{}", cache::fingerprint(&[&stamp, &library_stamp, &reference.full_version]));
    let own_extensions = (!is_krait && executable != reference.executable).then(|| extensions(&executable)).flatten();
    let lock = make_tree(&trees, &owner, &name, |tree| {
        let library = tree.join("lib/python3.14");
        copy_folder(&reference.library, &library)?;
        if let Some(folder) = &own_extensions {
            fs::remove_dir_all(library.join("lib-dynload")).ok();
            copy_folder(folder, &library.join("lib-dynload"))?;
        }
        let bin = tree.join("bin");
        fs::create_dir_all(&bin)?;
        fs::copy(&executable, bin.join(executable.file_name().unwrap_or(OsStr::new("python"))))?;
        Ok(())
    })?;
    let tree = trees.join(name);
    let copy = tree.join("bin").join(executable.file_name().unwrap_or(OsStr::new("python")));
    let mut command = vec![copy.clone().into_os_string()];
    let mut environment = Vec::new();
    if is_krait {
        command.extend(["-X".into(), "implementation=cpython".into()]);
    } else if !finds_library(&copy, &tree) {
        command = vec![executable.into_os_string()];
        environment.push(("PYTHONHOME".to_owned(), tree.into_os_string()));
    }
    command.extend(arguments.iter().map(OsString::from));
    Ok(Interpreter {
        label: format!("{} {}", identity.implementation, identity.version),
        implementation: identity.implementation.clone(),
        command,
        environment,
        _tree: Some(std::sync::Arc::new(lock)),
    })
}

/// An interpreter on its own library with the reference's tests in front of its own, or, where
/// those do not even load, with its own tests.
fn with_own_library(
    identity: &Identity,
    program: &Path,
    arguments: &[String],
    reference: &Reference,
) -> Result<Interpreter> {
    let trees = cache::root()?.join("trees");
    let stamp = cache::file_stamp(&reference.library.join("os.py"))?;
    let owner = cache::fingerprint(&[&program.to_string_lossy(), "tests"]);
    let name = format!("{owner}-{}", cache::fingerprint(&[&stamp, &reference.full_version]));
    let lock =
        make_tree(&trees, &owner, &name, |tree| copy_folder(&reference.library.join("test"), &tree.join("test")))?;
    let mut command: Vec<OsString> = vec![program.into()];
    command.extend(arguments.iter().map(OsString::from));
    let tests = trees.join(name);
    let mut check = Command::new(program);
    check.args(arguments).args(["-c", "import test.support"]).env("PYTHONPATH", &tests);
    let mut environment = Vec::new();
    if run_briefly(&mut check).is_ok_and(|output| output.status.success()) {
        environment.push(("PYTHONPATH".to_owned(), tests.into_os_string()));
    } else {
        eprintln!(
            "note: {} {} cannot load the reference's test.support; its own tests run instead",
            identity.implementation, identity.version
        );
    }
    Ok(Interpreter {
        label: format!("{} {}", identity.implementation, identity.version),
        implementation: identity.implementation.clone(),
        command,
        environment,
        _tree: Some(std::sync::Arc::new(lock)),
    })
}

/// Makes the tree `name` unless it is there; earlier trees of the same owner go, once no run uses
/// them. The lock that is returned keeps other runs from removing this one.
fn make_tree(trees: &Path, owner: &str, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<File> {
    let complaint = || format!("cannot make a copy of the library in {}", trees.display());
    fs::create_dir_all(trees).with_context(complaint)?;
    let gate = File::create(trees.join("lock")).with_context(complaint)?;
    gate.lock().with_context(complaint)?;
    let tree = trees.join(name);
    let lock = File::create(trees.join(format!("{name}.lock"))).with_context(complaint)?;
    lock.lock_shared().with_context(complaint)?;
    remove_stale(trees, owner, name);
    if !tree.exists() {
        let partial = tempfile::Builder::new().prefix("partial-").tempdir_in(trees).with_context(complaint)?;
        let content = partial.path().join("tree");
        fs::create_dir(&content).with_context(complaint)?;
        fill(&content).with_context(complaint)?;
        fs::rename(&content, &tree).with_context(complaint)?;
    }
    Ok(lock)
}

fn remove_stale(trees: &Path, owner: &str, keep: &str) {
    let Ok(entries) = fs::read_dir(trees) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("partial-") {
            // The gate is ours, so nobody is still filling it.
            let _ = fs::remove_dir_all(entry.path());
            continue;
        }
        let stale = name.starts_with(owner) && name != keep && !name.ends_with(".lock");
        if !stale {
            continue;
        }
        let lock_path = trees.join(format!("{name}.lock"));
        let free = File::create(&lock_path).is_ok_and(|lock| lock.try_lock().is_ok());
        if free && fs::remove_dir_all(entry.path()).is_ok() {
            let _ = fs::remove_file(lock_path);
        }
    }
}

/// A plain copy: hard links would carry a test's writes back into the original.
fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let walk = WalkDir::new(from).into_iter().filter_entry(|entry| entry.file_name() != "__pycache__");
    for entry in walk {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&target)?;
        } else if entry.file_type().is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path())?, &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Whether the copied executable takes the library beside it, even in isolated mode.
fn finds_library(python: &Path, tree: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-I", "-B", "-c", "import os, math; print(os.__file__)"]);
    let Ok(output) = run_briefly(&mut command) else { return false };
    output.status.success() && Path::new(String::from_utf8_lossy(&output.stdout).trim()).starts_with(tree)
}

/// The folder of a CPython's own extension modules.
fn extensions(python: &Path) -> Option<PathBuf> {
    let mut command = Command::new(python);
    command.args(["-I", "-B", "-c", "import sysconfig; print(sysconfig.get_config_var('DESTSHARED'))"]);
    let output = run_briefly(&mut command).ok()?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    folder.is_dir().then_some(folder)
}

/// Runs a probe that must come back soon; a Python that hangs on one line is not usable.
fn run_briefly(command: &mut Command) -> Result<Output> {
    let name = command_line(&[command.get_program().to_owned()]);
    let mut child =
        command.env_remove("PYTHONHOME").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    for _ in 0..1000 {
        if child.try_wait()?.is_some() {
            return Ok(child.wait_with_output()?);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    bail!("{name} hangs on a program of two lines")
}

fn locate(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return std::path::absolute(program).ok().filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_trees_go_unless_they_are_in_use() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let fill = |tree: &Path| Ok(fs::write(tree.join("x"), "1")?);
        let first = make_tree(folder.path(), "own", "own-1", fill)?;
        let second = make_tree(folder.path(), "own", "own-2", fill)?;
        assert!(folder.path().join("own-1/x").exists(), "its lock is held");
        drop(first);
        let third = make_tree(folder.path(), "own", "own-3", fill)?;
        assert!(!folder.path().join("own-1").exists());
        assert!(folder.path().join("own-2").exists());
        drop((second, third));
        Ok(())
    }

    #[test]
    fn an_interrupted_copy_is_not_used() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let broken = make_tree(folder.path(), "own", "own-1", |_| bail!("disk full"));
        assert!(broken.is_err());
        assert!(!folder.path().join("own-1").exists());
        Ok(())
    }
}
