//! Finds the reference: a CPython 3.14 with its test package.
//!
//! In this order: the one that was named, `python3.14` on PATH, pyenv's, uv's, the private copy in
//! the cache, a private copy made now (see `install`). A Python without its tests is passed over,
//! unless it was named; then that is an error.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{cache, install};

/// Printed by a candidate: version, whole version, library folder, executable.
const PROBE: &str = "import sys, os, test.support, test.test_int, ssl, ctypes
print(sys.implementation.name, '%d.%d.%d' % sys.version_info[:3], sys.version.replace('\\n', ' '), \
os.path.dirname(os.__file__), os.path.realpath(sys.executable), sep='\\n')";

/// A CPython 3.14 that can run its own test suite.
#[derive(Clone, Debug)]
pub struct Reference {
    pub executable: PathBuf,
    /// `3.14.8`
    pub version: String,
    /// All of `sys.version`.
    pub full_version: String,
    /// The folder of `os.py` and `test/`.
    pub library: PathBuf,
}

/// Finds the reference or installs it.
pub fn find(named: Option<&Path>) -> Result<Reference> {
    if let Some(path) = named {
        return check(path);
    }
    for candidate in candidates() {
        if let Ok(reference) = check(&candidate) {
            return Ok(reference);
        }
    }
    let home = cache::root()?.join("reference");
    let executable = install::executable(&home);
    if let Ok(reference) = check(&executable) {
        return Ok(reference);
    }
    install::install(&home).with_context(|| {
        "there is no CPython 3.14 with its test package here and none could be installed (name one with --reference)"
    })?;
    check(&executable)
}

/// Asks `executable` whether it can be the reference.
fn check(executable: &Path) -> Result<Reference> {
    let name = executable.display();
    let output = Command::new(executable)
        .args(["-B", "-c", PROBE])
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let trouble = String::from_utf8_lossy(&output.stderr);
        let last = trouble.lines().last().unwrap_or("it says nothing");
        bail!("{name} cannot be the reference, it lacks its test package or a part of the library: {last}");
    }
    let [implementation, version, full_version, library, real] = text.lines().collect::<Vec<_>>()[..] else {
        bail!("{name} does not behave like a Python");
    };
    if implementation != "cpython" || !version.starts_with("3.14.") {
        bail!("{name} is {implementation} {version}, the reference has to be CPython 3.14");
    }
    Ok(Reference {
        executable: PathBuf::from(real),
        version: version.to_owned(),
        full_version: full_version.to_owned(),
        library: PathBuf::from(library),
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    if let Some(path) = std::env::var_os("PATH") {
        found.extend(std::env::split_paths(&path).map(|folder| folder.join("python3.14")));
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let from_variable = |name: &str, default: PathBuf| std::env::var_os(name).map_or(default, PathBuf::from);
    let pyenv = from_variable("PYENV_ROOT", home.join(".pyenv")).join("versions");
    let uv = from_variable("UV_PYTHON_INSTALL_DIR", home.join(".local/share/uv/python"));
    found.extend(installed(&pyenv, "3.14"));
    found.extend(installed(&uv, "cpython-3.14"));
    found.retain(|path| path.is_file());
    found
}

/// `FOLDER/PREFIX*/bin/python3.14`, newest first.
fn installed(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| name.to_string_lossy().starts_with(prefix));
    names.sort_by_key(|name| std::cmp::Reverse((name.len(), name.clone())));
    names.into_iter().map(|name| folder.join(name).join("bin/python3.14")).collect()
}
