//! Runs modules side by side, the longest first, under a live progress bar.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::outcome::{ModuleRecord, Outcome};
use crate::subject::Interpreter;
use crate::worker::{Settings, run_module};

/// Index of the control among a run's interpreters.
pub const CONTROL: usize = 0;

/// A module whose duration nobody knows.
const GUESS: f64 = 2.0;

/// One module to be run on one interpreter.
#[derive(Debug)]
pub struct Task {
    /// Index into the run's interpreters.
    pub interpreter: usize,
    pub module: String,
    pub patterns: Vec<String>,
    /// The control's time for it, if it is known.
    pub estimate: Option<f64>,
}

/// Runs all tasks with `jobs` workers at a time; `each` sees every record as soon as it is there.
/// After a stop the tasks not yet begun are left out.
pub fn run_all(
    mut tasks: Vec<Task>,
    interpreters: &[Interpreter],
    jobs: usize,
    settings: &Settings<'_>,
    each: impl Fn(&Task, ModuleRecord) + Sync,
) -> Result<()> {
    tasks.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let display = Display::new(&tasks);
    let queue = Mutex::new(VecDeque::from(tasks));
    let failure = Mutex::new(None);
    let work = || {
        while !settings.stop.load(Ordering::Relaxed) && lock(&failure).is_none() {
            let Some(task) = lock(&queue).pop_front() else { break };
            let Some(interpreter) = interpreters.get(task.interpreter) else { break };
            display.begin(&task, interpreter);
            let record =
                run_module(interpreter, &task.module, &task.patterns, settings, |outcome| display.test(outcome));
            match record {
                Ok(record) => {
                    display.end(&task, interpreter, &record);
                    each(&task, record);
                }
                Err(error) => {
                    lock(&failure).get_or_insert(error);
                }
            }
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..jobs.max(1)).map(|_| scope.spawn(work)).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            display.refresh();
            thread::sleep(Duration::from_millis(100));
        }
    });
    display.bar.finish_and_clear();
    failure.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
}

fn weight(task: &Task) -> f64 {
    task.estimate.unwrap_or(GUESS) + 0.1
}

fn milliseconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds).map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the user sees while modules run. Without a terminal: one line per subject's module.
struct Display {
    bar: ProgressBar,
    is_live: bool,
    total: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeMap<String, Instant>,
    finished: usize,
    outcomes: BTreeMap<Outcome, usize>,
}

impl Display {
    fn new(tasks: &[Task]) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(milliseconds(tasks.iter().map(weight).sum())),
            ProgressDrawTarget::stderr(),
        );
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3}% {elapsed} {prefix}\n{wide_msg}") {
            bar.set_style(style);
        }
        let is_live = !bar.is_hidden();
        Self { bar, is_live, total: tasks.len(), state: Mutex::default() }
    }

    fn begin(&self, task: &Task, interpreter: &Interpreter) {
        lock(&self.state).running.insert(name(task, interpreter), Instant::now());
    }

    fn test(&self, outcome: Outcome) {
        *lock(&self.state).outcomes.entry(outcome).or_default() += 1;
    }

    fn end(&self, task: &Task, interpreter: &Interpreter, record: &ModuleRecord) {
        self.bar.inc(milliseconds(weight(task)));
        let mut state = lock(&self.state);
        state.running.remove(&name(task, interpreter));
        state.finished += 1;
        if !self.is_live && task.interpreter != CONTROL {
            let (finished, total) = (state.finished, self.total);
            eprintln!("[{finished}/{total}] {} {}: {}", interpreter.label, task.module, summary(record));
        }
    }

    fn refresh(&self) {
        if !self.is_live {
            return;
        }
        let state = lock(&self.state);
        let mut running: Vec<(&String, Duration)> =
            state.running.iter().map(|(name, since)| (name, since.elapsed())).collect();
        running.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let running: Vec<String> = running.iter().map(|(name, time)| format!("{name} {} s", time.as_secs())).collect();
        let bad: usize = state.outcomes.iter().filter(|(outcome, _)| is_bad(**outcome)).map(|(_, count)| count).sum();
        let tests: usize = state.outcomes.values().sum();
        let left = match self.bar.position() {
            0 => "?".to_owned(),
            _ => HumanDuration(self.bar.eta()).to_string(),
        };
        self.bar
            .set_prefix(format!("{}/{} modules, {tests} tests, {bad} bad, {left} left", state.finished, self.total));
        self.bar.set_message(running.join(", "));
        self.bar.tick();
    }
}

fn is_bad(outcome: Outcome) -> bool {
    !outcome.is_good() && outcome != Outcome::Skip
}

fn name(task: &Task, interpreter: &Interpreter) -> String {
    format!("{} ({})", task.module, interpreter.label)
}

fn summary(record: &ModuleRecord) -> String {
    let counts = Outcome::ALL.into_iter().map(|outcome| (record.count(outcome), outcome.name()));
    let mut parts: Vec<String> =
        counts.filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}")).collect();
    if let Some(trouble) = &record.trouble {
        parts.push(format!("module {}", trouble.outcome.name()));
    }
    format!("{} ({:.1} s)", parts.join(", "), record.seconds)
}
