//! Runs one module on one interpreter: a worker process, and another one behind each death.
//!
//! The invariant that ends every module: each restart has at least one test fewer to run, because
//! a death is laid to the test that was running, or to the tests whose fixture was, or, when
//! neither explains it twice in a row, to the next one in the plan.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal};

use crate::events::{Event, Lines};
use crate::launch::EVENT_FD;
use crate::outcome::{ModuleRecord, Outcome, TestRecord, Trouble};
use crate::subject::Interpreter;

/// The Python program that every worker runs.
pub const WORKER_SOURCE: &str = include_str!("../worker/worker.py");

/// Output kept of a worker, to explain its death.
const TAIL_LIMIT: usize = 16 << 10;

/// Output of one test beyond which its worker is stopped.
const FLOOD_LIMIT: usize = 256 << 20;

/// Time a worker has to end after its last event.
const EXIT_GRACE: Duration = Duration::from_secs(20);

/// The id under which a death after the last test is recorded.
const EXIT_ID: &str = "<exit>";

/// What all modules of a run have in common.
pub struct Settings<'a> {
    pub timeout: Duration,
    pub memory: u64,
    /// More test modules, in front of the reference's.
    pub tests: Option<&'a Path>,
    /// Where the worker program lies and scratch directories are made.
    pub scratch: &'a Path,
    /// Set when the run is to stop.
    pub stop: &'a AtomicBool,
}

/// Runs `module` to its end, however often its interpreter dies.
pub fn run_module(
    interpreter: &Interpreter,
    module: &str,
    patterns: &[String],
    settings: &Settings<'_>,
    mut on_test: impl FnMut(Outcome),
) -> Result<ModuleRecord> {
    let begun = Instant::now();
    let mut progress = Progress::new(module);
    loop {
        progress.workers += 1;
        let directory = tempfile::Builder::new().prefix("w").tempdir_in(settings.scratch);
        let directory = directory.context("cannot make a worker's scratch directory")?;
        let mut worker =
            Worker::start(interpreter, module, &progress.done_ranges(), patterns, settings, directory.path())?;
        let end = worker.follow(&mut progress, settings, &mut on_test);
        let output = worker.close();
        make_removable(directory.path());
        match end {
            End::Interrupted => {
                progress.interrupted = true;
                break;
            }
            End::Clean => break,
            End::Death { outcome, cause } => {
                let detail = explain(&cause, &output);
                if !progress.blame(outcome, &detail, &mut on_test) {
                    break;
                }
            }
        }
    }
    Ok(progress.into_record(begun.elapsed().as_secs_f64()))
}

/// What is known of a module so far, over all its workers.
struct Progress {
    module: String,
    plan: BTreeMap<usize, String>,
    results: BTreeMap<usize, TestRecord>,
    running: Option<(usize, Instant)>,
    phase: String,
    /// The current worker has announced its plan.
    ready: bool,
    /// The current worker has sent its last event.
    finished: bool,
    /// Results at the last death, to see whether the worker got anywhere.
    results_at_death: usize,
    trouble: Option<Trouble>,
    exit: Option<TestRecord>,
    workers: u32,
    interrupted: bool,
}

impl Progress {
    fn new(module: &str) -> Self {
        Self {
            module: module.to_owned(),
            plan: BTreeMap::new(),
            results: BTreeMap::new(),
            running: None,
            phase: "start".to_owned(),
            ready: false,
            finished: false,
            results_at_death: 0,
            trouble: None,
            exit: None,
            workers: 0,
            interrupted: false,
        }
    }

    /// Indexes that need no run, as the worker reads them: `0-41,57`.
    fn done_ranges(&self) -> String {
        let mut text = String::new();
        let mut indexes = self.results.keys().copied().peekable();
        while let Some(first) = indexes.next() {
            let mut last = first;
            while let Some(next) = indexes.next_if_eq(&(last + 1)) {
                last = next;
            }
            let comma = if text.is_empty() { "" } else { "," };
            let _ = write!(text, "{comma}{first}-{last}");
        }
        if text.is_empty() { "-".to_owned() } else { text }
    }

    fn take(&mut self, event: Event, on_test: &mut impl FnMut(Outcome)) {
        match event {
            Event::Plan { index, id } => {
                self.plan.insert(index, id);
            }
            Event::Ready => self.ready = true,
            Event::Phase(phase) => self.phase = phase,
            Event::Start(index) => self.running = Some((index, Instant::now())),
            Event::Result(result) => {
                self.running = None;
                let Some(id) = self.plan.get(&result.index).cloned() else { return };
                on_test(result.outcome);
                self.phase = format!("the time behind {id}");
                let record = TestRecord {
                    id,
                    outcome: result.outcome,
                    seconds: result.seconds,
                    subtests: result.subtests,
                    examples: result.examples,
                    detail: result.detail,
                };
                self.results.insert(result.index, record);
            }
            // A fixture that failed before its tests is in their results; one that failed
            // behind them has nowhere else to go.
            Event::Fixture { outcome, name, detail } => {
                if name.starts_with("tearDown") && self.trouble.is_none() {
                    self.trouble = Some(Trouble { outcome, detail: format!("{name}: {detail}") });
                }
            }
            Event::Module { outcome, detail } => self.trouble = Some(Trouble { outcome, detail }),
            Event::Done => self.finished = true,
        }
    }

    /// Lays a death to a test and says whether another worker has something left to run.
    fn blame(&mut self, outcome: Outcome, detail: &str, on_test: &mut impl FnMut(Outcome)) -> bool {
        let got_somewhere = self.results.len() > self.results_at_death;
        if let Some((index, started)) = self.running.take() {
            self.settle(index, outcome, detail.to_owned(), started.elapsed().as_secs_f64(), on_test);
        } else if self.finished {
            self.note_exit(outcome, detail);
            return false;
        } else if !self.ready && self.plan.is_empty() {
            self.trouble = Some(Trouble { outcome, detail: format!("during {}: {detail}", self.phase) });
            return false;
        } else {
            self.blame_phase(outcome, detail, got_somewhere, on_test);
        }
        self.results_at_death = self.results.len();
        self.ready = false;
        self.plan.keys().any(|index| !self.results.contains_key(index))
    }

    fn blame_phase(&mut self, outcome: Outcome, detail: &str, got_somewhere: bool, on_test: &mut impl FnMut(Outcome)) {
        let detail = format!("during {}: {detail}", self.phase);
        let pending: Vec<usize> = self.plan.keys().copied().filter(|index| !self.results.contains_key(index)).collect();
        let Some(first) = pending.first().and_then(|index| self.plan.get(index)).cloned() else {
            self.note_exit(outcome, &detail);
            return;
        };
        let guilty: Vec<usize> = if self.phase.starts_with("setUpClass") {
            let class = first.rsplit_once('.').map_or(first.as_str(), |(class, _)| class);
            let of_class = |id: &String| id.rsplit_once('.').is_some_and(|(other, _)| other == class);
            pending.iter().copied().take_while(|index| self.plan.get(index).is_some_and(of_class)).collect()
        } else if self.phase.starts_with("tearDown") && got_somewhere {
            // The tests behind it have done nothing wrong; the next worker goes on with them.
            self.trouble.get_or_insert(Trouble { outcome, detail });
            return;
        } else if self.ready && !self.phase.starts_with("setUpModule") {
            pending.iter().copied().take(1).collect()
        } else {
            pending.clone()
        };
        for index in guilty {
            self.settle(index, outcome, detail.clone(), 0.0, on_test);
        }
    }

    fn settle(
        &mut self,
        index: usize,
        outcome: Outcome,
        detail: String,
        seconds: f64,
        on_test: &mut impl FnMut(Outcome),
    ) {
        let Some(id) = self.plan.get(&index).cloned() else { return };
        on_test(outcome);
        let record =
            TestRecord { id, outcome, seconds, subtests: Default::default(), examples: Default::default(), detail };
        self.results.insert(index, record);
    }

    fn note_exit(&mut self, outcome: Outcome, detail: &str) {
        self.exit = Some(TestRecord {
            id: format!("{}.{EXIT_ID}", self.module),
            outcome,
            seconds: 0.0,
            subtests: Default::default(),
            examples: Default::default(),
            detail: detail.to_owned(),
        });
    }

    fn into_record(self, seconds: f64) -> ModuleRecord {
        ModuleRecord {
            module: self.module,
            tests: self.results.into_values().chain(self.exit).collect(),
            trouble: self.trouble,
            seconds,
            workers: self.workers,
            interrupted: self.interrupted,
        }
    }
}

/// How a worker came to its end.
enum End {
    Clean,
    Interrupted,
    Death { outcome: Outcome, cause: String },
}

/// A running worker process and the threads that drain its pipes.
struct Worker {
    child: Child,
    events: Receiver<Option<Event>>,
    output: Arc<Output>,
    exited: Option<ExitStatus>,
}

impl Worker {
    fn start(
        interpreter: &Interpreter,
        module: &str,
        done: &str,
        patterns: &[String],
        settings: &Settings<'_>,
        directory: &Path,
    ) -> Result<Self> {
        let cwd = directory.join("cwd");
        let tmp = directory.join("tmp");
        for folder in [&cwd, &tmp] {
            std::fs::create_dir(folder).context("cannot make a worker's scratch directory")?;
        }
        let (event_read, event_write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context("no pipe")?;
        let (output_read, output_write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context("no pipe")?;
        let mut command = Command::new("/proc/self/exe");
        command.args([OsStr::new("__launch"), OsStr::new(&settings.memory.to_string()), OsStr::new("--")]);
        command.args(&interpreter.command).arg("-u").arg(settings.scratch.join("krait_worker.py"));
        command.args([EVENT_FD, module, done]);
        command.arg(settings.tests.map_or(OsStr::new("-"), Path::as_os_str)).args(patterns);
        set_environment(&mut command, interpreter, &tmp);
        command.current_dir(&cwd);
        command.stdin(event_write).stdout(output_write.try_clone().context("no pipe")?).stderr(output_write);
        let child = command.spawn().with_context(|| format!("cannot start {}", interpreter.label))?;
        drop(command);
        let output = Arc::new(Output::default());
        let drain = Arc::clone(&output);
        thread::spawn(move || drain.read_all(File::from(output_read)));
        let (sender, events) = channel();
        thread::spawn(move || read_events(File::from(event_read), &sender));
        Ok(Self { child, events, output, exited: None })
    }

    /// Feeds the worker's events into `progress` until the worker has ended, one way or another.
    fn follow(&mut self, progress: &mut Progress, settings: &Settings<'_>, on_test: &mut impl FnMut(Outcome)) -> End {
        progress.finished = false;
        let mut last_event = Instant::now();
        loop {
            match self.events.recv_timeout(Duration::from_millis(50)) {
                Ok(Some(event)) => {
                    last_event = Instant::now();
                    self.output.mark(matches!(event, Event::Start(_)));
                    progress.take(event, on_test);
                    continue;
                }
                Ok(None) | Err(RecvTimeoutError::Disconnected) => thread::sleep(Duration::from_millis(2)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if settings.stop.load(Ordering::Relaxed) {
                return End::Interrupted;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                self.exited = Some(status);
                self.kill_group();
                self.take_rest(progress, on_test);
                return judge_exit(status, progress);
            }
            if self.output.flood() > FLOOD_LIMIT {
                let cause = format!("flooded its output with more than {} MiB", FLOOD_LIMIT >> 20);
                return End::Death { outcome: Outcome::Crash, cause };
            }
            let limit = if progress.finished { EXIT_GRACE.min(settings.timeout) } else { settings.timeout };
            if last_event.elapsed() > limit {
                let cause = format!("no end after {} s", limit.as_secs());
                return End::Death { outcome: Outcome::Timeout, cause };
            }
        }
    }

    /// Events that were still in the pipe when the process was gone.
    fn take_rest(&mut self, progress: &mut Progress, on_test: &mut impl FnMut(Outcome)) {
        while let Ok(Some(event)) = self.events.recv_timeout(Duration::from_secs(2)) {
            progress.take(event, on_test);
        }
    }

    fn kill_group(&self) {
        // The launcher makes the worker a session leader, so its id is the group's.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
    }

    /// Ends the whole session and returns the end of what it printed.
    fn close(mut self) -> String {
        if self.exited.is_none() {
            self.kill_group();
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let deadline = Instant::now() + Duration::from_secs(1);
        while !self.output.closed.load(Ordering::Acquire) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        self.output.tail()
    }
}

fn judge_exit(status: ExitStatus, progress: &Progress) -> End {
    if progress.finished && status.success() {
        return End::Clean;
    }
    End::Death { outcome: Outcome::Crash, cause: cause_of(status) }
}

/// Why a process has ended that should not have.
pub fn cause_of(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => format!("killed by {}", signal_name(signal)),
        (None, Some(code)) => format!("the interpreter ended with exit code {code}"),
        (None, None) => "the interpreter ended".to_owned(),
    }
}

/// Makes the environment of `command` the same on every machine, with what the interpreter needs.
pub fn set_environment(command: &mut Command, interpreter: &Interpreter, tmp: &Path) {
    for (name, _) in std::env::vars_os() {
        let bytes = name.as_bytes();
        let steers_python = bytes.starts_with(b"PYTHON") || bytes.starts_with(b"RUST_");
        if steers_python || matches!(bytes, b"FORCE_COLOR" | b"NO_COLOR" | b"CLICOLOR_FORCE" | b"LANGUAGE") {
            command.env_remove(&name);
        }
    }
    command.env("PYTHONHASHSEED", "0").env("LC_ALL", "C.UTF-8").env("TERM", "dumb").env("TZ", "UTC");
    for name in ["TMPDIR", "TEMP", "TMP"] {
        command.env(name, tmp);
    }
    command.envs(interpreter.environment.iter().map(|(name, value)| (name, value)));
}

/// What a worker printed: the end of it, and how much since the running test began.
#[derive(Default)]
pub struct Output {
    tail: Mutex<Vec<u8>>,
    since_start: AtomicUsize,
    closed: AtomicBool,
}

impl Output {
    /// Reads the pipe to its end.
    pub fn read_all(&self, mut pipe: File) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            self.since_start.fetch_add(count, Ordering::Relaxed);
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(buffer.get(..count).unwrap_or_default());
            if tail.len() > 4 * TAIL_LIMIT {
                let cut = tail.len() - TAIL_LIMIT;
                tail.drain(..cut);
            }
        }
        self.closed.store(true, Ordering::Release);
    }

    fn mark(&self, new_test: bool) {
        if new_test {
            self.since_start.store(0, Ordering::Relaxed);
        }
    }

    fn flood(&self) -> usize {
        self.since_start.load(Ordering::Relaxed)
    }

    /// The end of what was printed.
    pub fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let from = tail.len().saturating_sub(TAIL_LIMIT);
        String::from_utf8_lossy(tail.get(from..).unwrap_or_default()).into_owned()
    }
}

fn read_events(mut pipe: File, sender: &Sender<Option<Event>>) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        let bytes = buffer.get(..count).unwrap_or_default();
        lines.feed(bytes, |line| {
            if let Some(event) = Event::parse(line) {
                let _ = sender.send(Some(event));
            }
        });
    }
    let _ = sender.send(None);
}

/// The cause of a death, the interpreter's last words in front of the rest of its output.
pub fn explain(cause: &str, output: &str) -> String {
    let mut text = cause.to_owned();
    if let Some(words) = last_words(output) {
        let _ = write!(text, ": {words}");
    }
    let last_lines: Vec<&str> = output.lines().rev().take(40).collect();
    if !last_lines.is_empty() {
        text.push_str("\noutput ended with:");
        for line in last_lines.into_iter().rev() {
            let line: String = line.chars().take(400).collect();
            let _ = write!(text, "\n  {line}");
        }
    }
    text
}

/// The line in which a dying interpreter says why: a Rust panic, a fatal error of CPython's.
fn last_words(output: &str) -> Option<String> {
    let lines: Vec<&str> = output.lines().collect();
    let at = lines.iter().rposition(|line| {
        line.contains("panicked at")
            || line.starts_with("Fatal Python error")
            || line.starts_with("fatal runtime error")
            || line.contains("has overflowed its stack")
            || line.starts_with("memory allocation of")
    })?;
    let line = lines.get(at)?.trim();
    // A panic's message stands on the line behind its place.
    match lines.get(at + 1) {
        Some(message) if line.contains("panicked at") => Some(format!("{line} {}", message.trim())),
        _ => Some(line.to_owned()),
    }
}

fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        10 => "SIGUSR1",
        11 => "SIGSEGV",
        12 => "SIGUSR2",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        31 => "SIGSYS",
        other => return format!("signal {other}"),
    };
    format!("signal {number} ({name})")
}

/// Tests leave directories behind that nobody may enter.
fn make_removable(directory: &Path) {
    use std::os::unix::fs::PermissionsExt;
    for entry in walkdir::WalkDir::new(directory).into_iter().flatten() {
        if entry.file_type().is_dir() && entry.metadata().is_ok_and(|data| data.permissions().mode() & 0o700 != 0o700) {
            let _ = std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o700));
        }
    }
}

/// Command words of an interpreter as one line for messages.
pub fn command_line(words: &[OsString]) -> String {
    shell_words::join(words.iter().map(|word| word.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(ids: &[&str]) -> Progress {
        let mut progress = Progress::new("test_x");
        for (index, id) in ids.iter().enumerate() {
            progress.take(Event::Plan { index, id: (*id).to_owned() }, &mut |_| {});
        }
        progress.take(Event::Ready, &mut |_| {});
        progress
    }

    fn outcomes(progress: Progress) -> Vec<(String, Outcome)> {
        progress.into_record(0.0).tests.into_iter().map(|test| (test.id, test.outcome)).collect()
    }

    #[test]
    fn a_death_costs_the_running_test() {
        let mut progress = planned(&["test_x.A.a", "test_x.A.b"]);
        progress.take(Event::Start(0), &mut |_| {});
        assert!(progress.blame(Outcome::Crash, "dead", &mut |_| {}));
        assert_eq!(progress.done_ranges(), "0-0");
        assert_eq!(outcomes(progress), [("test_x.A.a".to_owned(), Outcome::Crash)]);
    }

    #[test]
    fn a_death_in_a_class_fixture_costs_the_class() {
        let mut progress = planned(&["test_x.A.a", "test_x.A.b", "test_x.B.a"]);
        progress.take(Event::Phase("setUpClass A".to_owned()), &mut |_| {});
        assert!(progress.blame(Outcome::Timeout, "slow", &mut |_| {}));
        assert_eq!(progress.done_ranges(), "0-1");
    }

    #[test]
    fn deaths_without_progress_come_to_an_end() {
        let mut progress = planned(&["test_x.A.a", "test_x.A.b"]);
        progress.take(Event::Phase("tearDownClass A".to_owned()), &mut |_| {});
        let mut rounds = 0;
        while progress.blame(Outcome::Crash, "dead", &mut |_| {}) {
            progress.ready = true;
            rounds += 1;
            assert!(rounds < 5);
        }
        assert_eq!(progress.results.len(), 2);
    }

    #[test]
    fn a_death_before_the_plan_is_the_modules() {
        let mut progress = Progress::new("test_x");
        progress.take(Event::Phase("import".to_owned()), &mut |_| {});
        assert!(!progress.blame(Outcome::Crash, "dead", &mut |_| {}));
        assert_eq!(progress.trouble.map(|trouble| trouble.detail), Some("during import: dead".to_owned()));
    }

    #[test]
    fn last_words_are_found() {
        let panic = "noise\nthread 'main' panicked at src/x.rs:1:2:\nindex out of bounds\nnote: run with";
        assert_eq!(last_words(panic).as_deref(), Some("thread 'main' panicked at src/x.rs:1:2: index out of bounds"));
        assert_eq!(last_words("Fatal Python error: Aborted\n").as_deref(), Some("Fatal Python error: Aborted"));
        assert_eq!(last_words("nothing"), None);
    }
}
