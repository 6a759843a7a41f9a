//! Where the reference is, for tests that need it or its library.

use std::process::Command;

/// The reference's executable, installed on first use.
pub fn executable() -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--release", "--package", "krait-harness", "--", "reference"]);
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.trim().splitn(3, ' ').nth(2).expect("a path").to_owned()
}
