//! The `snapshot` command: what Krait says of whole sources, in process and through its command, beside what the reference says.

mod listing;
pub mod texts;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::{SnapshotArguments, SnapshotKind};
use crate::probe::{Answer, Question};
use crate::report::percent;
use crate::team::{self, LIBRARY, Sides};
use crate::{cache, run};

use texts::Difference;

/// Everything that came of one file.
struct FileResult {
    file: PathBuf,
    optimize: i32,
    /// What the reference itself could not answer.
    control_lost: Option<String>,
    /// Per side: nothing compared, the same, or a finding.
    sides: Vec<Option<Result<(), Finding>>>,
}

struct Finding {
    difference: Difference,
    is_lost: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct JsonSnapshot<'a> {
    what: &'a str,
    reference: &'a str,
    files: usize,
    seconds: f64,
    interrupted: bool,
    sides: Vec<JsonSide<'a>>,
    differences: Vec<JsonDifference<'a>>,
}

#[derive(Serialize)]
struct JsonSide<'a> {
    label: &'a str,
    compared: usize,
    identical: usize,
    kinds: BTreeMap<&'a str, usize>,
}

#[derive(Serialize)]
struct JsonDifference<'a> {
    file: String,
    side: &'a str,
    optimize: Option<i32>,
    kind: &'a str,
    lineno: Option<usize>,
    text: &'a str,
}

/// Compares and reports; the exit code is 0 only when nothing differs.
pub fn snapshot(arguments: &SnapshotArguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let sides = Sides::prepare(&arguments.sides)?;
    let paths =
        if arguments.paths.is_empty() { team::default_paths(&sides.reference) } else { arguments.paths.clone() };
    let mut files = team::sources(&paths)?;
    // The largest first, so that no core is left alone with one at the end.
    files.sort_by_cached_key(|file| std::cmp::Reverse(fs::metadata(file).map_or(0, |data| data.len())));
    let levels = match (&arguments.optimize[..], arguments.kind) {
        ([], SnapshotKind::Code | SnapshotKind::Dis) => vec![0],
        ([], _) => vec![-1],
        (levels, _) => levels.iter().map(|level| i32::from(*level)).collect(),
    };
    let stop = run::stop_on_signals()?;
    let what = arguments.kind.name();
    let labels = sides.labels();
    let count = files.len() * levels.len();
    let mut results = sides.each(count, &stop, what, |_, index, team| {
        let (Some(file), Some(level)) = (files.get(index / levels.len()), levels.get(index % levels.len())) else {
            anyhow::bail!("no such file")
        };
        let source = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let (expected, replies) = team.ask(&Question { what, number: *level, filename: file, source: &source })?;
        let result = judge(what, file, *level, &labels, expected, replies);
        let is_different = result.sides.iter().flatten().any(Result::is_err);
        Ok((result, is_different))
    })?;
    results.sort_by(|a, b| (&a.file, a.optimize).cmp(&(&b.file, b.optimize)));
    let interrupted = stop.load(Ordering::Relaxed);
    let roots = [Some(sides.reference.library.clone()), crate::repository::root()];
    let shorten = |file: &Path| {
        let mut short = roots.iter().flatten().filter_map(|root| file.strip_prefix(root).ok());
        short.next().unwrap_or(file).display().to_string()
    };
    print!("{}", text_report(arguments, &labels, &results, &shorten));
    let report = json_report(what, &sides.reference.version, &labels, &results, &shorten, begun.elapsed().as_secs_f64(), interrupted);
    if let Some(path) = &arguments.json {
        cache::write_json(path, &report)?;
    }
    if interrupted {
        eprintln!("harness: interrupted after {} of {count} files", results.len());
        return Ok(ExitCode::from(run::INTERRUPTED));
    }
    Ok(ExitCode::from(u8::from(!report.differences.is_empty())))
}

fn judge(
    what: &str,
    file: &Path,
    optimize: i32,
    labels: &[String],
    expected: Answer,
    replies: Vec<crate::team::Reply>,
) -> FileResult {
    let mut sides: Vec<_> = labels.iter().map(|_| None).collect();
    let mut control_lost = None;
    match expected {
        Answer::Lost(why) => control_lost = Some(why),
        Answer::Said(expected) => {
            for reply in replies {
                let in_process = labels.get(reply.side).is_some_and(|label| label == LIBRARY);
                let verdict = match reply.answer {
                    Answer::Lost(why) => Err(Finding {
                        difference: Difference { kind: first_line(&why), lineno: None, text: format!("{why}\n") },
                        is_lost: true,
                    }),
                    Answer::Said(got) => match compare(what, &expected, &got, in_process) {
                        None => Ok(()),
                        Some(difference) => Err(Finding { difference, is_lost: false }),
                    },
                };
                if let Some(side) = sides.get_mut(reply.side) {
                    *side = Some(verdict);
                }
            }
        }
    }
    FileResult { file: file.to_owned(), optimize, control_lost, sides }
}

fn compare(what: &str, expected: &[u8], got: &[u8], in_process: bool) -> Option<Difference> {
    match (expected, got) {
        ([0, expected @ ..], [0, got @ ..]) => listing::compare(expected, got),
        ([0, ..], got) => texts::compare(what, b"a code object", got, in_process),
        (expected, [0, ..]) => texts::compare(what, expected, b"a code object", in_process),
        _ => texts::compare(what, expected, got, in_process),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn text_report(
    arguments: &SnapshotArguments,
    labels: &[String],
    results: &[FileResult],
    shorten: &dyn Fn(&Path) -> String,
) -> String {
    let mut text = String::new();
    let mut shown = vec![0; labels.len()];
    for result in results {
        let level = if result.optimize < 0 { String::new() } else { format!(" -O{}", result.optimize) };
        if let Some(why) = &result.control_lost {
            let _ = writeln!(text, "note: the reference has no answer for {}: {}", shorten(&result.file), first_line(why));
        }
        for ((label, side), shown) in labels.iter().zip(&result.sides).zip(&mut shown) {
            let Some(Err(finding)) = side else { continue };
            *shown += 1;
            if *shown > arguments.limit {
                continue;
            }
            let found = &finding.difference;
            let place = found.lineno.map_or_else(String::new, |line| format!(":{line}"));
            let _ = writeln!(text, "=== {}{place}{level} [{label}] {}", shorten(&result.file), found.kind);
            if let Some(line) = found.lineno.and_then(|line| source_line(&result.file, line)) {
                let _ = writeln!(text, "  > {line}");
            }
            text.push_str(&found.text);
        }
    }
    for (at, label) in labels.iter().enumerate() {
        let (compared, identical, kinds) = counts(results, at);
        let _ = writeln!(
            text,
            "{} [{label}]: {identical} of {compared} identical ({}), {} lost, {} not compared",
            arguments.kind.name(),
            percent(identical, compared),
            results.iter().filter(|result| matches!(result.sides.get(at), Some(Some(Err(finding))) if finding.is_lost)).count(),
            results.len() - compared,
        );
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        for (kind, count) in kinds.iter().take(30) {
            let _ = writeln!(text, "  {count:>6} {kind}");
        }
    }
    text
}

fn counts(results: &[FileResult], side: usize) -> (usize, usize, BTreeMap<&str, usize>) {
    let (mut compared, mut identical, mut kinds) = (0, 0, BTreeMap::new());
    for verdict in results.iter().filter_map(|result| result.sides.get(side)?.as_ref()) {
        compared += 1;
        match verdict {
            Ok(()) => identical += 1,
            Err(finding) => *kinds.entry(finding.difference.kind.as_str()).or_default() += 1,
        }
    }
    (compared, identical, kinds)
}

fn json_report<'a>(
    what: &'a str,
    reference: &'a str,
    labels: &'a [String],
    results: &'a [FileResult],
    shorten: &dyn Fn(&Path) -> String,
    seconds: f64,
    interrupted: bool,
) -> JsonSnapshot<'a> {
    let side = |(at, label): (usize, &'a String)| {
        let (compared, identical, kinds) = counts(results, at);
        JsonSide { label, compared, identical, kinds }
    };
    let mut differences = Vec::new();
    for result in results {
        for (label, verdict) in labels.iter().zip(&result.sides) {
            let Some(Err(Finding { difference, .. })) = verdict else { continue };
            differences.push(JsonDifference {
                file: shorten(&result.file),
                side: label,
                optimize: (result.optimize >= 0).then_some(result.optimize),
                kind: &difference.kind,
                lineno: difference.lineno,
                text: &difference.text,
            });
        }
    }
    let sides = labels.iter().enumerate().map(side).collect();
    JsonSnapshot { what, reference, files: results.len(), seconds, interrupted, sides, differences }
}

/// A line of the file, cut to a terminal's width.
fn source_line(file: &Path, lineno: usize) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let line = text.lines().nth(lineno.checked_sub(1)?)?;
    Some(line.chars().take(160).map(|c| if c.is_control() { ' ' } else { c }).collect())
}
