//! The reference and the sides it is compared with, and bulk work on all of them: one set of workers per job.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::SideArguments;
use crate::probe::{Answer, PROBE_SOURCE, Probe, Question, Recipe};
use crate::reference::{self, Reference};
use crate::{library, run, subject};

/// Name of the workers' program.
const PROBE: &str = "probe.py";

/// Name of the side that has Krait's crates in process.
pub const LIBRARY: &str = "library";

/// What is compared with what, and how workers are made.
pub struct Sides {
    pub reference: Reference,
    pub jobs: usize,
    timeout: Duration,
    control: Recipe,
    subjects: Vec<Recipe>,
    scratch: tempfile::TempDir,
}

/// What one side said, beside the reference.
pub struct Reply {
    /// Index into `Sides::labels`.
    pub side: usize,
    pub answer: Answer,
}

impl Sides {
    /// Finds the reference and the sides that were asked for; Krait is built if no subject is named.
    pub fn prepare(arguments: &SideArguments) -> Result<Self> {
        let reference = reference::find(arguments.reference.as_deref())?;
        let scratch = tempfile::Builder::new().prefix("krait-").tempdir().context("cannot make a scratch directory")?;
        std::fs::write(scratch.path().join(PROBE), PROBE_SOURCE).context("cannot write the worker")?;
        let memory = arguments.memory << 20;
        let control = Recipe::python("reference", subject::control(&reference)?, memory, scratch.path(), PROBE);
        let mut subjects = Vec::new();
        if !arguments.no_library {
            subjects.push(Recipe::library(LIBRARY, memory, scratch.path()));
        }
        if !arguments.no_command {
            let commands =
                if arguments.subject.is_empty() { vec![run::build_krait()?] } else { arguments.subject.clone() };
            for command in commands {
                let interpreter = subject::subject(&command, &reference)?;
                let label = if subjects.iter().any(|other: &Recipe| other.label == interpreter.implementation) {
                    command
                } else {
                    interpreter.implementation.clone()
                };
                subjects.push(Recipe::python(&label, interpreter, memory, scratch.path(), PROBE));
            }
        }
        if subjects.is_empty() {
            bail!("there is nothing to compare the reference with");
        }
        let jobs = arguments.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1);
        let timeout = Duration::from_secs(arguments.timeout);
        Ok(Self { reference, jobs, timeout, control, subjects, scratch })
    }

    /// Names of the sides beside the reference.
    pub fn labels(&self) -> Vec<String> {
        self.subjects.iter().map(|recipe| recipe.label.clone()).collect()
    }

    /// A folder for files of the work.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    fn team(&self) -> Team {
        let probe = |recipe: &Recipe| Probe::new(recipe.clone(), self.timeout);
        Team { reference: probe(&self.control), subjects: self.subjects.iter().map(probe).collect() }
    }

    /// Does `work` for every index below `count`, on all cores; what it returns is collected in the order of the indexes.
    pub fn each<T: Send>(
        &self,
        count: usize,
        stop: &AtomicBool,
        noun: &str,
        work: impl Fn(usize, usize, &mut Team) -> Result<(T, bool)> + Sync,
    ) -> Result<Vec<T>> {
        let bar = ProgressBar::new(count as u64);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {percent:>3}% {pos}/{len} {prefix}, {msg} differ, {eta} left") {
            bar.set_style(style);
        }
        bar.set_prefix(noun.to_owned());
        bar.set_message("0");
        let (next, different) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (results, failure) = (Mutex::new(Vec::new()), Mutex::new(None));
        let job = |number: usize| {
            let mut team = self.team();
            while !stop.load(Ordering::Relaxed) && run::lock(&failure).is_none() {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    break;
                }
                match work(number, index, &mut team) {
                    Ok((result, is_different)) => {
                        different.fetch_add(usize::from(is_different), Ordering::Relaxed);
                        run::lock(&results).push((index, result));
                    }
                    Err(error) => drop(run::lock(&failure).get_or_insert(error)),
                }
                bar.set_message(different.load(Ordering::Relaxed).to_string());
                bar.inc(1);
            }
        };
        let job = &job;
        thread::scope(|scope| (0..self.jobs).for_each(|number| drop(scope.spawn(move || job(number)))));
        bar.finish_and_clear();
        if let Some(error) = run::lock(&failure).take() {
            return Err(error);
        }
        let mut results = std::mem::take(&mut *run::lock(&results));
        results.sort_by_key(|(index, _)| *index);
        Ok(results.into_iter().map(|(_, result)| result).collect())
    }
}

/// One worker per side.
pub struct Team {
    reference: Probe,
    subjects: Vec<Probe>,
}

impl Team {
    /// Asks all sides at once; what a side cannot say is left out.
    pub fn ask(&mut self, question: &Question<'_>) -> Result<(Answer, Vec<Reply>)> {
        self.reference.send(question)?;
        for probe in &mut self.subjects {
            probe.send(question)?;
        }
        let expected = self.reference.receive();
        let replies = self.subjects.iter_mut().enumerate().map(|(side, probe)| Reply { side, answer: probe.receive() });
        let can = |reply: &Reply| !matches!(&reply.answer, Answer::Said(text) if text.first() == Some(&library::CANNOT));
        let replies = replies.filter(can).collect();
        Ok((expected, replies))
    }
}

/// Every `.py` below the paths, each once, sorted; `PATH` may be a file.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).with_context(|| format!("cannot open {}", path.display()))?;
        if !path.exists() {
            bail!("there is no {}", path.display());
        }
        if path.is_file() {
            found.push(path);
            continue;
        }
        let walk = walkdir::WalkDir::new(&path).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(|entry| entry.file_name() != "__pycache__") {
            let entry = entry.with_context(|| format!("cannot open {}", path.display()))?;
            if entry.file_type().is_file() && entry.path().extension().is_some_and(|end| end == "py") {
                found.push(entry.into_path());
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// The reference's library and tests, and this repository's corpus.
pub fn default_paths(reference: &Reference) -> Vec<PathBuf> {
    let corpus = crate::repository::root().map(|root| root.join("corpus")).filter(|folder| folder.is_dir());
    std::iter::once(reference.library.clone()).chain(corpus).collect()
}
