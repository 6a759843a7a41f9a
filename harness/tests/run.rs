//! Whole runs on small test modules that behave, misbehave and kill their interpreter. The subject
//! is the reference itself, told to misbehave by an option that only the fixtures look at.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where it fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn harness() -> Command {
    Command::new(env!("CARGO_BIN_EXE_harness"))
}

/// The reference's executable, installed on first use.
fn reference() -> &'static str {
    static FOUND: OnceLock<String> = OnceLock::new();
    FOUND.get_or_init(|| {
        let output = harness().arg("reference").output().expect("harness runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.trim().splitn(3, ' ').nth(2).expect("a path").to_owned()
    })
}

/// A folder for the reports of one test.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a scratch folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// A run of fixture modules, on a misbehaving subject unless `subject_options` says otherwise.
    fn command(&self, modules: &[&str], subject_options: &str) -> Command {
        let mut command = harness();
        command.arg("run").args(modules).arg("--tests").arg(fixtures());
        command.arg("--subject").arg(format!("{} {subject_options}", reference()));
        command.arg("--output").arg(self.0.path()).arg("--expectations").arg(self.path("expectations.txt"));
        command.args(["--timeout", "8", "--memory", "2048"]);
        command
    }

    fn run(&self, modules: &[&str], more: &[&str]) -> Output {
        self.command(modules, "-X misbehave").args(more).output().expect("harness runs")
    }

    /// `ID OUTCOME` of everything the subject reported, sorted.
    fn outcomes(&self) -> Vec<String> {
        let report: Value = serde_json::from_str(&self.read("results.json")).expect("JSON");
        let mut lines = Vec::new();
        for module in report["subjects"][0]["modules"].as_array().expect("modules") {
            for test in module["tests"].as_array().expect("tests") {
                lines.push(format!(
                    "{} {}",
                    test["id"].as_str().unwrap_or("?"),
                    test["outcome"].as_str().unwrap_or("?")
                ));
            }
        }
        lines.sort();
        lines
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The one line a failed run says, and its exit code.
fn complaint(output: &Output) -> (String, Option<i32>) {
    let said = text(&output.stderr);
    let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("harness: ")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    (lines[0].to_owned(), output.status.code())
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("../snapshots/harness"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"0x[0-9a-f]+", "0xADDRESS");
    settings.add_filter(r"/\S*/(lib/python3\.14|fixtures)/", "$1/");
    settings.add_filter(r#"time="[0-9.]+""#, r#"time="SECONDS""#);
    settings.add_filter(r" +\d+\.\d +\d+\.\d +(\d+\.\d%) *", " SECONDS $1");
    settings.add_filter(r"cpython 3\.14\.\d+", "cpython 3.14");
    settings.add_filter(r"/\S*/krait_worker.py", "krait_worker.py");
    settings.add_filter(r"x{100,}", "xxx...");
    settings.add_filter(r"line \d+", "line N");
    settings.add_filter(r"(?m)^results: .*\n", "");
    settings
}

#[test]
fn every_outcome_is_told_apart() {
    let place = Place::new();
    let output = place.run(&["test_every_outcome"], &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    settings().bind(|| {
        insta::assert_snapshot!("outcomes", place.outcomes().join("\n"));
        insta::assert_snapshot!("summary", text(&output.stdout));
        insta::assert_snapshot!("junit", place.read("junit.xml"));
    });
    let page = place.read("report.html");
    assert!(page.contains("index out of bounds") && page.contains("id=\"search\""));
    assert!(!page.contains("src=") && !page.contains("href="), "the page works without a network");
}

#[test]
fn what_befalls_a_module_is_told_apart() {
    let place = Place::new();
    let modules = ["test_import_*", "test_dies_at_exit", "test_module_fixture"];
    let output = place.run(&modules, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    settings().bind(|| insta::assert_snapshot!("modules", text(&output.stdout)));
}

#[test]
fn expectations_hold_until_something_changes() {
    let place = Place::new();
    let modules = ["test_every_outcome", "test_import_fails"];
    let quick = ["-k", "Plain", "-k", "Class"];
    assert_eq!(place.run(&modules, &quick).status.code(), Some(1));
    let accepted = place.run(&modules, &[&quick[..], &["--accept"]].concat());
    assert_eq!(accepted.status.code(), Some(0));
    let listed = place.read("expectations.txt");
    let ids: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(ids.is_sorted() && ids.contains(&"test_every_outcome.ClassKills.test_one crash"), "{listed}");
    assert_eq!(place.run(&modules, &quick).status.code(), Some(0));
    let well = place.command(&modules, "").args(quick).args(["--accept"]).output().expect("harness runs");
    assert_eq!(well.status.code(), Some(0));
    assert!(text(&well.stdout).contains("surprisingly pass"), "{}", text(&well.stdout));
    assert_eq!(place.read("expectations.txt").lines().filter(|line| !line.starts_with('#')).count(), 0);
    assert_eq!(place.run(&modules, &quick).status.code(), Some(1));
}

#[test]
fn verbose_shows_tracebacks_of_the_selected_tests() {
    let place = Place::new();
    let output = place.run(&["test_every_outcome"], &["-k", "Plain.test_fails", "-v"]);
    let said = text(&output.stdout);
    assert!(said.contains("=== test_every_outcome.Plain.test_fails fail\nTraceback"), "{said}");
    assert!(said.contains("misbehaving as told") && !said.contains("test_raises"), "{said}");
}

#[test]
fn every_interpreter_has_its_own_library() {
    let place = Place::new();
    let output = place.run(&["test_writes_into_library"], &["-j", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let program = "import os; print(os.path.exists(os.path.join(os.path.dirname(os.__file__), 'left_by_a_test.txt')))";
    let found = Command::new(reference()).args(["-B", "-c", program]).output().expect("the reference runs");
    assert_eq!(text(&found.stdout), "False\n");
}

#[test]
fn what_cannot_be_run_is_said_in_one_line() {
    let place = Place::new();
    let run = |arguments: &[&str]| {
        let output = harness().arg("run").args(arguments).arg("--output").arg(place.0.path()).output();
        complaint(&output.expect("harness runs"))
    };
    let subject = ["--subject", reference()];
    let cases: [(&[&str], &str); 6] = [
        (&["test_no_such_thing"], "harness: the reference has no test module test_no_such_thing"),
        (&["--list", "no/such/list"], "harness: cannot read the list no/such/list: No such file"),
        (&["test_bool", "--subject", "/no/python"], "harness: there is no subject /no/python"),
        (&["test_bool", "--subject", "/bin/true"], "harness: /bin/true is no working Python: it said nothing"),
        (&["test_bool", "--reference", "/bin/true"], "harness: /bin/true does not behave like a Python"),
        (&["test_["], "harness: test_[ is not a pattern"),
    ];
    for (arguments, expected) in cases {
        let arguments: Vec<&str> =
            if arguments.contains(&"--subject") { arguments.to_vec() } else { [arguments, &subject[..]].concat() };
        let (said, code) = run(&arguments);
        assert!(said.starts_with(expected), "{said}");
        assert_eq!(code, Some(2), "{said}");
    }
}

#[test]
fn a_full_disk_costs_the_report_and_not_the_others() {
    let place = Place::new();
    let output = place.run(&["test_import_skips"], &["--junit", "/dev/full"]);
    let (said, code) = complaint(&output);
    assert_eq!(said, "harness: cannot write /dev/full: No space left on device (os error 28)");
    assert_eq!(code, Some(2));
    assert!(place.path("results.json").exists(), "what was written before stays");
    assert!(text(&output.stdout).contains("test_import_skips"), "the table is printed all the same");
}

#[test]
fn a_reference_without_its_tests_is_refused() {
    let place = Place::new();
    let fake = place.path("python3.14");
    let script = format!("#!/bin/sh\nexec {} -c 'import no_test_package'\n", reference());
    fs::write(&fake, script).expect("a script");
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(&fake, mode).expect("an executable script");
    let output = harness().args(["reference", "--reference"]).arg(&fake).output().expect("harness runs");
    let (said, code) = complaint(&output);
    assert!(said.contains("lacks its test package"), "{said}");
    assert_eq!(code, Some(2));
}

#[test]
fn an_interrupted_run_keeps_what_it_had() {
    let place = Place::new();
    let mut command = place.command(&["test_slow", "test_import_fails"], "");
    command.args(["--timeout", "300", "-j", "4"]).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("harness runs");
    let journal = place.path("journal.jsonl");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !journal.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    // Long enough for the slow module's first test.
    thread::sleep(Duration::from_secs(2));
    let pid = child.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().expect("kill runs");
    let output = child.wait_with_output().expect("harness ends");
    let (said, code) = complaint(&output);
    assert_eq!(said, "harness: interrupted; the results so far were kept");
    assert_eq!(code, Some(130));
    let outcomes = place.outcomes();
    assert!(outcomes.contains(&"test_slow.Plain.test_a_quick pass".to_owned()), "{outcomes:?}");
    assert!(outcomes.contains(&"test_import_fails.Plain.test_passes pass".to_owned()), "{outcomes:?}");
}

#[test]
fn what_escapes_its_session_does_not_outlive_the_run() {
    let place = Place::new();
    let note = place.path("daemon.pid");
    let options = format!("-X misbehave={}", note.display());
    let output = place.command(&["test_leaves_daemon"], &options).output().expect("harness runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let daemon = Path::new("/proc").join(place.read("daemon.pid"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while daemon.exists() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(!daemon.exists(), "{} still runs", daemon.display());
}
