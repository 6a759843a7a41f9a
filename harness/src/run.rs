//! The `run` command: control and subjects side by side, comparison, reports, exit code.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cache::{self, ControlCache};
use crate::cli::RunArguments;
use crate::compare::{compare, pattern_matches};
use crate::expectations::Expectations;
use crate::outcome::{ModuleRecord, Outcome, Trouble};
use crate::reference::{self, Reference};
use crate::report::{Report, SubjectReport, html, junit, table};
use crate::schedule::{CONTROL, Task, run_all};
use crate::subject::{self, Interpreter};
use crate::worker::{Settings, WORKER_SOURCE};
use crate::{orphans, repository, select};

/// Exit code of an interrupted run, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// Name of the file that holds the records of a run which did not come to its end.
const JOURNAL: &str = "journal.jsonl";

/// Runs the modules and reports; the exit code is 0 only when nothing regressed.
pub fn run(arguments: &RunArguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let reference = reference::find(arguments.reference.as_deref())?;
    let modules = select::modules(&arguments.modules, &arguments.list, arguments.tests.as_deref(), &reference)?;
    let interpreters = interpreters(arguments, &reference)?;
    let run = Run::new(arguments, &reference, modules)?;
    let stop = stop_on_signals()?;
    let tests = match &arguments.tests {
        Some(folder) => Some(folder.canonicalize().with_context(|| format!("cannot open {}", folder.display()))?),
        None => None,
    };
    let scratch = run.scratch()?;
    let settings = Settings {
        timeout: Duration::from_secs(arguments.timeout),
        memory: arguments.memory << 20,
        tests: tests.as_deref(),
        scratch: scratch.path(),
        stop: &stop,
    };
    let jobs = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let tasks = run.tasks(interpreters.len());
    orphans::adopt();
    let ran = run_all(tasks, &interpreters, jobs, &settings, |task, record| run.keep(task, record));
    orphans::kill_all();
    let ran = ran.and(run.journal_failure());
    let interrupted = stop.load(Ordering::Relaxed);
    let mut report = run.into_report(&interpreters, begun.elapsed().as_secs_f64(), interrupted);
    // Whatever goes wrong from here on, everything that can still be shown or written is.
    let judged = judge(arguments, &interpreters, &mut report);
    print_report(arguments, &report);
    let written = write_reports(arguments, &report);
    ran.and(judged).and(written)?;
    if interrupted {
        eprintln!("harness: interrupted; the results so far were kept");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    let regressed = report.subjects.iter().any(|subject| !subject.changes.regressions.is_empty());
    Ok(ExitCode::from(u8::from(regressed && !arguments.accept)))
}

/// The control first, then the subjects, told apart by their labels.
fn interpreters(arguments: &RunArguments, reference: &Reference) -> Result<Vec<Interpreter>> {
    let mut all = vec![subject::control(reference)?];
    if let Some(control) = all.first_mut() {
        control.label = "control".to_owned();
    }
    let built;
    let commands = if arguments.subject.is_empty() {
        built = [build_krait()?];
        &built[..]
    } else {
        &arguments.subject
    };
    for command in commands {
        let mut interpreter = subject::subject(command, reference)?;
        if all.iter().any(|other| other.label == interpreter.label) {
            interpreter.label = format!("{} ({command})", interpreter.label);
        }
        all.push(interpreter);
    }
    Ok(all)
}

/// Builds Krait as it is in this repository and returns its executable, quoted as a command.
pub fn build_krait() -> Result<String> {
    let root = repository::root().context("there is no --subject and no repository to build Krait from")?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--release", "-p", "krait", "--message-format=json-render-diagnostics"])
        .current_dir(&root)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("Krait does not build");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut executables = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_krait = message.get("target")?.get("name")?.as_str()? == "krait";
        message.get("executable")?.as_str().filter(|_| is_krait).map(str::to_owned)
    });
    let path = executables.next_back().context("cargo built no executable krait")?;
    Ok(shell_words::quote(&path).into_owned())
}

/// A flag that an interrupt sets; a second interrupt ends the process.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(INTERRUPTED));
        }
    })
    .context("cannot watch for interrupts")?;
    Ok(stop)
}

/// Locks, whatever became of the thread that held the lock before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The state of a run between its first and its last worker.
struct Run<'a> {
    arguments: &'a RunArguments,
    reference: &'a Reference,
    modules: Vec<String>,
    cache: Option<ControlCache>,
    /// By index of the interpreter and module.
    records: Mutex<HashMap<(usize, String), ModuleRecord>>,
    /// Records as they come, so that even a killed run leaves what it had.
    journal: PathBuf,
    journal_failure: Mutex<Option<anyhow::Error>>,
}

impl<'a> Run<'a> {
    fn new(arguments: &'a RunArguments, reference: &'a Reference, modules: Vec<String>) -> Result<Self> {
        let root = cache::root()?;
        let stamp = cache::file_stamp(&reference.library.join("os.py"))?;
        let limits = format!("{} {}", arguments.timeout, arguments.memory);
        let identity = [reference.full_version.as_str(), &stamp, WORKER_SOURCE, &limits];
        let cache = ControlCache::open(&root, &reference.version, &identity);
        let mut records = HashMap::new();
        // The cache knows the reference's modules, not those of a folder that may change.
        let is_cached = arguments.tests.is_none();
        if is_cached && !arguments.refresh {
            for module in &modules {
                records.extend(cache.load(module).map(|record| ((CONTROL, module.clone()), record)));
            }
        }
        let journal = output_folder(arguments).join(JOURNAL);
        let _ = fs::remove_file(&journal);
        let cache = is_cached.then_some(cache);
        Ok(Self {
            arguments,
            reference,
            modules,
            cache,
            records: Mutex::new(records),
            journal,
            journal_failure: Mutex::default(),
        })
    }

    fn scratch(&self) -> Result<tempfile::TempDir> {
        let scratch = tempfile::Builder::new().prefix("krait-").tempdir().context("cannot make a scratch directory")?;
        fs::write(scratch.path().join("krait_worker.py"), WORKER_SOURCE).context("cannot write the worker")?;
        Ok(scratch)
    }

    /// The control's modules that are not cached, and all modules of all subjects.
    fn tasks(&self, interpreters: usize) -> Vec<Task> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks = Vec::new();
        for module in &self.modules {
            let known = records.get(&(CONTROL, module.clone()));
            let estimate = known.map(|record| record.seconds);
            if known.is_none() {
                // Without -k, so that the whole record can be kept.
                tasks.push(Task { interpreter: CONTROL, module: module.clone(), patterns: Vec::new(), estimate });
            }
            for interpreter in CONTROL + 1..interpreters {
                let patterns = self.arguments.patterns.clone();
                tasks.push(Task { interpreter, module: module.clone(), patterns, estimate });
            }
        }
        tasks
    }

    fn keep(&self, task: &Task, record: ModuleRecord) {
        if task.interpreter == CONTROL {
            if !record.interrupted
                && let Some(cache) = &self.cache
                && let Err(error) = cache.store(&record)
            {
                eprintln!("note: the control's results are not cached: {error:#}");
            }
        } else if let Err(error) = self.write_journal(&record) {
            // The records are still in memory: the run goes on and says so at its end.
            self.journal_failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert((task.interpreter, task.module.clone()), record);
    }

    /// The first thing that went wrong with the journal.
    fn journal_failure(&self) -> Result<()> {
        let mut failure = self.journal_failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take().map_or(Ok(()), Err)
    }

    fn write_journal(&self, record: &ModuleRecord) -> Result<()> {
        let complaint = || format!("cannot write {}", self.journal.display());
        if let Some(folder) = self.journal.parent() {
            fs::create_dir_all(folder).with_context(complaint)?;
        }
        let mut line = serde_json::to_vec(record).with_context(complaint)?;
        line.push(b'\n');
        let mut file = OpenOptions::new().create(true).append(true).open(&self.journal).with_context(complaint)?;
        file.write_all(&line).with_context(complaint)
    }

    fn into_report(self, interpreters: &[Interpreter], seconds: f64, interrupted: bool) -> Report {
        let mut records = self.records.into_inner().unwrap_or_else(PoisonError::into_inner);
        let patterns = &self.arguments.patterns;
        let selects = |id: &str| patterns.is_empty() || patterns.iter().any(|pattern| pattern_matches(pattern, id));
        let take = |records: &mut HashMap<_, _>, interpreter: usize, module: &str| {
            records.remove(&(interpreter, module.to_owned())).unwrap_or_else(|| not_run(module))
        };
        let control: Vec<ModuleRecord> =
            self.modules.iter().map(|module| take(&mut records, CONTROL, module)).collect();
        let subjects = interpreters.iter().enumerate().skip(CONTROL + 1).map(|(index, interpreter)| {
            let own: Vec<ModuleRecord> = self.modules.iter().map(|module| take(&mut records, index, module)).collect();
            let modules = control.iter().zip(&own).map(|(control, own)| compare(control, own, selects)).collect();
            SubjectReport { label: interpreter.label.clone(), modules, records: own, changes: Default::default() }
        });
        let subjects = subjects.collect();
        Report { reference: self.reference.version.clone(), subjects, control, seconds, interrupted }
    }
}

/// Stands for a module that the run did not come to.
fn not_run(module: &str) -> ModuleRecord {
    ModuleRecord {
        module: module.to_owned(),
        interrupted: true,
        trouble: Some(Trouble { outcome: Outcome::Missing, detail: "not run".to_owned() }),
        ..ModuleRecord::default()
    }
}

/// Holds the report against the expectations, and rewrites those when asked.
fn judge(arguments: &RunArguments, interpreters: &[Interpreter], report: &mut Report) -> Result<()> {
    let whole = arguments.patterns.is_empty();
    for (subject, interpreter) in report.subjects.iter_mut().zip(interpreters.iter().skip(CONTROL + 1)) {
        let path = expectation_file(arguments, &interpreter.implementation)?;
        let mut expectations = Expectations::read(&path)?;
        subject.changes = expectations.changes(&subject.modules, whole);
        if arguments.accept {
            if report.interrupted {
                bail!("an interrupted run cannot be accepted");
            }
            expectations.accept(&subject.modules, whole);
            expectations.write(&path)?;
        }
    }
    Ok(())
}

fn expectation_file(arguments: &RunArguments, implementation: &str) -> Result<PathBuf> {
    if let Some(path) = &arguments.expectations {
        return Ok(path.clone());
    }
    let root = repository::root()
        .context("there is no repository with snapshots/conformance (name a file with --expectations)")?;
    Ok(root.join("snapshots/conformance").join(format!("{implementation}.txt")))
}

fn output_folder(arguments: &RunArguments) -> PathBuf {
    let default =
        || repository::root().map_or_else(|| PathBuf::from("conformance"), |root| root.join("target/conformance"));
    arguments.output.clone().unwrap_or_else(default)
}

fn print_report(arguments: &RunArguments, report: &Report) {
    let mut text = String::new();
    if arguments.verbose {
        text.extend(report.subjects.iter().map(table::details));
    }
    text.push_str(&table::summary(report));
    text.push_str("\n\n");
    text.extend(report.subjects.iter().map(table::verdicts));
    // A closed pipe (head) is no reason to fail.
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// Writes all reports; the first that cannot be written is the error, the others are there.
fn write_reports(arguments: &RunArguments, report: &Report) -> Result<()> {
    let folder = output_folder(arguments);
    let path = |given: &Option<PathBuf>, name: &str| given.clone().unwrap_or_else(|| folder.join(name));
    let json = path(&arguments.json, "results.json");
    let page = path(&arguments.html, "report.html");
    let junit = path(&arguments.junit, "junit.xml");
    let written = [
        cache::write_json(&json, &report.json()),
        cache::write_whole(&page, html::render(report).as_bytes()),
        junit::render(report).and_then(|text| cache::write_whole(&junit, text.as_bytes())),
    ];
    written.into_iter().collect::<Result<()>>()?;
    let _ = fs::remove_file(folder.join(JOURNAL));
    println!("results: {} and {}", shown(&json), shown(&page));
    Ok(())
}

fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    here.unwrap_or_else(|| path.to_owned()).display().to_string()
}
