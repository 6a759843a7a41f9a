//! The `bench` command: times of Krait's front end beside the reference's, in one run.
//!
//! Both interpreters are asked in turn, round by round, so that what else the machine does meets both; processor seconds
//! count, and of all rounds the best. `native` times the crates in process, without Python objects, on the same sources.

mod native;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use crate::cli::BenchArguments;
use crate::probe::{Answer, Probe, Question, Recipe};
use crate::reference::{self, Reference};
use crate::subject::{self, Interpreter};
use crate::worker::set_environment;
use crate::{cache, run, team};

/// The Python program of a worker.
const FRONT_SOURCE: &str = include_str!("../../worker/front.py");
const FRONT: &str = "front.py";

/// Longest time for one answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Parts, and how many times faster than the reference each is meant to be.
const PARTS: [(&str, f64); 4] = [("ast", 2.0), ("tokenize", 1.0), ("compile", 2.0), ("marshal", 1.0)];

/// Imports of asyncio without and with files in `__pycache__`.
const IMPORTS: [(&str, f64); 2] = [("import cold", 1.0), ("import warm", 1.0)];

/// How many times faster than the reference's `ast` the bare parser is meant to be.
const PARSER_GOAL: f64 = 10.0;

/// The sources that grow.
pub const SHAPES: [&str; 4] = ["expression", "string", "nested", "chain"];

/// Prints processor seconds.
const TIME_IMPORT: &str = "from time import process_time as t; b = t(); import asyncio; print(t() - b)";

/// Best seconds of both sides.
#[derive(Serialize)]
struct Pair {
    part: String,
    reference: f64,
    subject: f64,
    goal: f64,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.reference / self.subject
    }
}

/// Best seconds of a crate of Krait, and what it worked on.
#[derive(Serialize)]
pub struct Bare {
    pub part: &'static str,
    pub seconds: f64,
    pub bytes: usize,
}

/// How the time for one source grows with its size.
#[derive(Serialize)]
struct Curve {
    shape: &'static str,
    side: String,
    step: &'static str,
    /// Bytes and seconds.
    points: Vec<(usize, f64)>,
    outcome: String,
}

impl Curve {
    /// The exponent of growth between the first point and the last: 1 is linear.
    fn exponent(&self) -> Option<f64> {
        let ((small, short), (large, long)) = (self.points.first()?, self.points.last()?);
        (*short > 0.001 && large > small).then(|| (long / short).ln() / (*large as f64 / *small as f64).ln())
    }
}

#[derive(Serialize)]
struct Results {
    reference: String,
    subject: String,
    files: usize,
    bytes: usize,
    pairs: Vec<Pair>,
    bare: Vec<Bare>,
    curves: Vec<Curve>,
}

/// The two interpreters.
struct Bench<'a> {
    arguments: &'a BenchArguments,
    interpreters: [Interpreter; 2],
    probes: [Probe; 2],
    scratch: tempfile::TempDir,
}

/// Times and reports; the exit code is 0 only when every goal is reached.
pub fn bench(arguments: &BenchArguments) -> Result<ExitCode> {
    let reference = reference::find(arguments.reference.as_deref())?;
    let files = team::sources(&if arguments.paths.is_empty() { vec![reference.library.clone()] } else { arguments.paths.clone() })?;
    let sources = files.iter().map(fs::read).collect::<std::io::Result<Vec<_>>>().context("cannot read a source")?;
    let mut bench = Bench::new(arguments, &reference)?;
    let mut results = Results {
        reference: bench.interpreters[0].label.clone(),
        subject: bench.interpreters[1].label.clone(),
        files: files.len(),
        bytes: sources.iter().map(Vec::len).sum(),
        pairs: bench.pairs(&files)?,
        bare: Vec::new(),
        curves: Vec::new(),
    };
    if bench.wants("process") {
        results.bare = native::library(&files, &sources, arguments.rounds);
    }
    if bench.wants("curves") {
        results.curves = bench.curves()?;
    }
    print!("{}", text_report(&results));
    if let Some(path) = &arguments.json {
        cache::write_json(path, &results)?;
    }
    let ast = results.pairs.iter().find(|pair| pair.part == "ast").map(|pair| pair.reference);
    let parser = results.bare.iter().find(|bare| bare.part == "parser").map(|bare| bare.seconds);
    let parser_is_fast = ast.zip(parser).is_none_or(|(ast, parser)| ast / parser >= PARSER_GOAL);
    let is_fast = parser_is_fast && results.pairs.iter().all(|pair| pair.ratio() >= pair.goal);
    Ok(ExitCode::from(u8::from(!is_fast)))
}

impl<'a> Bench<'a> {
    fn new(arguments: &'a BenchArguments, reference: &Reference) -> Result<Self> {
        let scratch = tempfile::Builder::new().prefix("krait-").tempdir().context("cannot make a scratch directory")?;
        fs::write(scratch.path().join(FRONT), FRONT_SOURCE).context("cannot write the worker")?;
        let command = arguments.subject.clone().map_or_else(run::build_krait, Ok)?;
        let interpreters = [subject::control(reference)?, subject::subject(&command, reference)?];
        let probe = |interpreter: &Interpreter| {
            let label = &interpreter.implementation;
            Probe::new(Recipe::python(label, interpreter.clone(), arguments.memory << 20, scratch.path(), FRONT), PATIENCE)
        };
        let probes = [probe(&interpreters[0]), probe(&interpreters[1])];
        Ok(Self { arguments, interpreters, probes, scratch })
    }

    fn wants(&self, part: &str) -> bool {
        self.arguments.only.is_empty() || self.arguments.only.iter().any(|word| word == part)
    }

    /// What one side says, seconds and perhaps a word behind them.
    fn ask(&mut self, side: usize, what: &str, number: i32, body: &str) -> Result<(f64, String)> {
        let filename = self.scratch.path().join("code.marshal");
        let (Some(probe), Some(interpreter)) = (self.probes.get_mut(side), self.interpreters.get(side)) else { bail!("no such side") };
        probe.send(&Question { what, number, filename: &filename, source: body.as_bytes() })?;
        let label = &interpreter.label;
        match probe.receive() {
            Answer::Lost(why) => bail!("{label} has no answer to {what}: {why}"),
            Answer::Said(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                let (seconds, rest) = text.split_once(' ').unwrap_or((&text, ""));
                let seconds = seconds.parse().ok().with_context(|| format!("{label}, {what}: {text}"))?;
                Ok((seconds, rest.to_owned()))
            }
        }
    }

    fn pairs(&mut self, files: &[PathBuf]) -> Result<Vec<Pair>> {
        let names: Vec<_> = files.iter().map(|file| file.to_string_lossy()).collect();
        let names = names.join("\n");
        let mut pairs = Vec::new();
        for (part, goal) in PARTS.into_iter().filter(|(part, _)| self.wants(part)).collect::<Vec<_>>() {
            if part == "marshal" {
                self.ask(0, "dump", -1, &names)?;
            }
            let mut best = [f64::INFINITY; 2];
            for _ in 0..self.arguments.rounds {
                for (side, best) in best.iter_mut().enumerate() {
                    eprintln!("{part} {}", if side == 0 { "reference" } else { "subject" });
                    *best = best.min(self.ask(side, part, -1, &names)?.0);
                }
            }
            pairs.push(Pair { part: part.to_owned(), reference: best[0], subject: best[1], goal });
        }
        if self.wants("import") {
            for (part, goal) in IMPORTS {
                let [reference, subject] = self.imports(part == "import warm")?;
                pairs.push(Pair { part: part.to_owned(), reference, subject, goal });
            }
        }
        Ok(pairs)
    }

    /// Processes of their own that import asyncio; in turn, like all else.
    fn imports(&self, warm: bool) -> Result<[f64; 2]> {
        let mut best = [f64::INFINITY; 2];
        for round in 0..5 * self.arguments.rounds {
            for (side, (interpreter, best)) in self.interpreters.iter().zip(&mut best).enumerate() {
                let folder = self.scratch.path().join(format!("pycache-{side}-{warm}"));
                let seconds = import(interpreter, &folder, warm && round == 0, self.scratch.path())?;
                if !warm || round > 0 {
                    *best = best.min(seconds);
                }
            }
        }
        Ok(best)
    }

    fn curves(&mut self) -> Result<Vec<Curve>> {
        let largest = self.arguments.size as usize * 1_000_000;
        let sizes: Vec<usize> = [8, 4, 2, 1].iter().map(|part| largest / part).collect();
        let mut curves = Vec::new();
        for shape in SHAPES {
            for (step, number) in [("parse", -1), ("compile", 0)] {
                for side in 0..2 {
                    let label = self.interpreters.get(side).map(|i| i.implementation.clone()).unwrap_or_default();
                    eprintln!("{shape} {step} {label}");
                    let (mut points, mut outcome) = (Vec::new(), String::new());
                    for size in &sizes {
                        match self.ask(side, shape, number, &size.to_string()) {
                            Ok((seconds, said)) => {
                                points.push((*size, seconds));
                                outcome = said;
                            }
                            Err(error) => outcome = error.to_string().lines().next().unwrap_or_default().to_owned(),
                        }
                    }
                    curves.push(Curve { shape, side: label, step, points, outcome });
                }
                let mut points = Vec::new();
                let mut outcome = String::new();
                for size in &sizes {
                    let (seconds, said) = native::shape(shape, *size, number >= 0);
                    points.push((*size, seconds));
                    outcome = said;
                }
                curves.push(Curve { shape, side: "in process".to_owned(), step, points, outcome });
            }
        }
        Ok(curves)
    }
}

fn import(interpreter: &Interpreter, folder: &Path, may_write: bool, scratch: &Path) -> Result<f64> {
    let (program, arguments) = interpreter.command.split_first().context("no command")?;
    let mut command = Command::new(program);
    set_environment(&mut command, interpreter, scratch);
    command.args(arguments).env("PYTHONPYCACHEPREFIX", folder).current_dir(scratch).stdin(Stdio::null());
    if !may_write {
        command.arg("-B");
    }
    let output = command.args(["-c", TIME_IMPORT]).output().with_context(|| format!("cannot start {}", interpreter.label))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().ok().with_context(|| format!("{}: {}", interpreter.label, String::from_utf8_lossy(&output.stderr)))
}

fn text_report(results: &Results) -> String {
    let mut text = String::new();
    let mega = results.bytes as f64 / 1e6;
    let _ = writeln!(text, "{} beside {}: {} files, {mega:.1} MB; processor seconds, the best round", results.subject, results.reference, results.files);
    let _ = writeln!(text, "{:<14}{:>11}{:>11}{:>15}{:>10}", "", "reference", "subject", "times faster", "goal");
    for pair in &results.pairs {
        let verdict = if pair.ratio() >= pair.goal { "" } else { "  missed" };
        let (ratio, goal) = (pair.ratio(), pair.goal);
        let _ = writeln!(text, "{:<14}{:>11.3}{:>11.3}{ratio:>15.2}{goal:>10.1}{verdict}", pair.part, pair.reference, pair.subject);
    }
    if !results.bare.is_empty() {
        let _ = writeln!(text, "\nin process, without Python objects\n{:<14}{:>11}{:>11}{:>15}", "", "seconds", "MB/s", "times ast");
    }
    let ast = results.pairs.iter().find(|pair| pair.part == "ast").map(|pair| pair.reference);
    for bare in &results.bare {
        let speed = bare.bytes as f64 / 1e6 / bare.seconds;
        let ratio = ast.map(|ast| format!("{:.2}", ast / bare.seconds)).unwrap_or_default();
        let goal = if bare.part == "parser" { format!("{PARSER_GOAL:>10.1}") } else { String::new() };
        let _ = writeln!(text, "{:<14}{:>11.3}{speed:>11.1}{ratio:>15}{goal}", bare.part, bare.seconds);
    }
    if !results.curves.is_empty() {
        let _ = writeln!(text, "\none large source: seconds by size, and the exponent of growth");
    }
    for curve in &results.curves {
        let points: Vec<String> = curve.points.iter().map(|(size, seconds)| format!("{} MB {seconds:.3}", *size as f64 / 1e6)).collect();
        let growth = curve.exponent().map_or_else(|| "-".to_owned(), |exponent| format!("{exponent:.2}"));
        let _ = writeln!(text, "{:<11}{:<8}{:<11}{:>5}  {}  {}", curve.shape, curve.step, curve.side, growth, points.join(", "), curve.outcome);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_an_exponent() {
        let curve = |points| Curve { shape: "chain", side: String::new(), step: "parse", points, outcome: String::new() };
        let exponent = |points| curve(points).exponent().map(|e: f64| (e * 100.0).round() / 100.0);
        assert_eq!(exponent(vec![(1_000, 0.01), (8_000, 0.08)]), Some(1.0));
        assert_eq!(exponent(vec![(1_000, 0.01), (2_000, 0.04)]), Some(2.0));
        assert_eq!(exponent(vec![(1_000, 0.0), (2_000, 0.0)]), None);
    }
}
