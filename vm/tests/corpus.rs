//! The programs of `corpus/` and `corpus/regress/`, which assert what they expect, on Krait and on the reference.
#![allow(clippy::expect_used, reason = "a test")]

mod reference;

use std::path::{Path, PathBuf};
use std::process::Command;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus")
}

fn programs() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [corpus(), corpus().join("regress")] {
        let entries = std::fs::read_dir(&folder).expect("the folder is there");
        found.extend(entries.map(|e| e.expect("the folder can be read").path()).filter(|p| p.extension().is_some_and(|e| e == "py")));
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// What the program printed when it failed.
fn failure(python: &Path, program: &Path) -> Option<String> {
    let output = Command::new(python).arg("-B").arg(program).env_remove("PYTHONHOME").env_remove("PYTHONPATH").output().expect("it starts");
    (!output.status.success()).then(|| format!("{} on {}: {}\n{}", program.display(), python.display(), output.status, String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn programs_hold_on_both() {
    let reference = reference::executable();
    let pythons = [Path::new(env!("CARGO_BIN_EXE_krait")), Path::new(&reference)];
    let failures: Vec<String> = programs().iter().flat_map(|program| pythons.iter().filter_map(|python| failure(python, program))).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
