//! The `mutate` command: damages real sources token by token and compares what Krait says of them with what the reference says.
//!
//! A mutant is known by the seed and its number: a file, a part of it, one to three damages. The same seed makes the same mutants
//! on every machine that has the same sources.

mod damage;
mod kinds;
mod pieces;
mod random;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::MutateArguments;
use crate::probe::{Answer, Question};
use crate::report::percent;
use crate::snapshot::texts;
use crate::team::{self, LIBRARY, Sides};
use crate::{cache, run};

use random::Random;

/// A damaged source.
pub struct Mutant {
    /// Index of its file.
    file: usize,
    ways: Vec<&'static str>,
    pub source: Vec<u8>,
}

/// What came of one mutant on one side.
#[derive(Serialize)]
struct Finding {
    number: usize,
    side: String,
    file: String,
    ways: Vec<&'static str>,
    kind: String,
    lineno: Option<usize>,
    line: Option<String>,
    text: String,
    #[serde(skip)]
    source: Vec<u8>,
}

#[derive(Default)]
struct MutantResult {
    compared: Vec<usize>,
    findings: Vec<Finding>,
    /// The reference itself had no answer.
    control_lost: bool,
    /// The reference's verdict is an error.
    is_error: bool,
}

/// The JSON form.
#[derive(Serialize)]
struct JsonMutate<'a> {
    reference: &'a str,
    seed: u64,
    mutants: usize,
    errors: usize,
    seconds: f64,
    interrupted: bool,
    sides: Vec<JsonSide<'a>>,
    findings: Vec<&'a Finding>,
}

#[derive(Serialize)]
struct JsonSide<'a> {
    label: &'a str,
    compared: usize,
    identical: usize,
    kinds: BTreeMap<&'a str, usize>,
}

/// Makes mutants, compares and reports; the exit code is 0 only when nothing differs.
pub fn mutate(arguments: &MutateArguments) -> Result<ExitCode> {
    let begun = Instant::now();
    let sides = Sides::prepare(&arguments.sides)?;
    let paths =
        if arguments.paths.is_empty() { vec![sides.reference.library.clone()] } else { arguments.paths.clone() };
    let files = team::sources(&paths)?;
    anyhow::ensure!(!files.is_empty(), "there is no source to damage");
    let labels = sides.labels();
    let stop = run::stop_on_signals()?;
    let results = sides.each(arguments.count, &stop, "mutants", |job, index, team| {
        let number = arguments.first + index;
        let mutant = make(arguments.seed, number as u64, &files, arguments.whole)?;
        // A file of its own, because errors of the compiler take their text from there.
        let place = sides.scratch().join(format!("mutant{job}.py"));
        fs::write(&place, &mutant.source).context("cannot write a mutant")?;
        let name = Path::new(place.file_name().unwrap_or_default());
        let question = Question { what: "mutant", number: -1, filename: name, source: &mutant.source };
        let (expected, replies) = team.ask(&question)?;
        let result = judge(number, mutant, &files, &labels, expected, replies);
        let is_different = !result.findings.is_empty();
        Ok((result, is_different))
    })?;
    if let Some(folder) = &arguments.write {
        write_findings(folder, arguments.seed, &results)?;
    }
    let interrupted = stop.load(Ordering::Relaxed);
    print!("{}", text_report(arguments, &labels, &results));
    let different = results.iter().any(|result| !result.findings.is_empty());
    if let Some(path) = &arguments.json {
        let report = JsonMutate {
            reference: &sides.reference.version,
            seed: arguments.seed,
            mutants: results.len(),
            errors: results.iter().filter(|result| result.is_error).count(),
            seconds: begun.elapsed().as_secs_f64(),
            interrupted,
            sides: labels.iter().enumerate().map(|(at, label)| json_side(at, label, &results)).collect(),
            findings: results.iter().flat_map(|result| &result.findings).collect(),
        };
        cache::write_json(path, &report)?;
    }
    if interrupted {
        eprintln!("harness: interrupted after {} of {} mutants", results.len(), arguments.count);
        return Ok(ExitCode::from(run::INTERRUPTED));
    }
    Ok(ExitCode::from(u8::from(different)))
}

/// The mutant with that number.
fn make(seed: u64, number: u64, files: &[PathBuf], whole: bool) -> Result<Mutant> {
    let mut random = Random::new(seed, number);
    let file = random.below(files.len());
    let path = files.get(file).context("no such file")?;
    let source = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(make_from(&source, file, whole, &mut random))
}

fn make_from(source: &[u8], file: usize, whole: bool, random: &mut Random) -> Mutant {
    let all = pieces::pieces(source);
    let mut part = if whole { all.clone() } else { pieces::part(&all, random) };
    // One damage shows one rule; several show how they get in each other's way.
    let count = 1 + usize::from(random.below(4) == 0) + usize::from(random.below(8) == 0);
    let way = |_| damage::WAYS.get(damage::apply(&mut part, &all, random)).copied().unwrap_or_default();
    let ways = (0..count).map(way).collect();
    Mutant { file, ways, source: damage::source(&part) }
}

fn judge(
    number: usize,
    mutant: Mutant,
    files: &[PathBuf],
    labels: &[String],
    expected: Answer,
    replies: Vec<team::Reply>,
) -> MutantResult {
    let Answer::Said(expected) = expected else { return MutantResult { control_lost: true, ..MutantResult::default() } };
    let expected_text = String::from_utf8_lossy(&expected).into_owned();
    let is_error = expected_text.lines().any(|line| line.starts_with("error: "));
    let mut result = MutantResult { is_error, ..MutantResult::default() };
    for reply in replies {
        result.compared.push(reply.side);
        let label = labels.get(reply.side).cloned().unwrap_or_default();
        let (kind, lineno, text) = match reply.answer {
            Answer::Lost(why) => (why.lines().next().unwrap_or_default().to_owned(), None, why),
            Answer::Said(got) => {
                let Some(found) = texts::compare("errors", &expected, &got, label == LIBRARY) else { continue };
                let got_text = String::from_utf8_lossy(&got);
                (kinds::kind(&expected_text, &got_text, label == LIBRARY), found.lineno, format!("{expected_text}\n---\n{got_text}\n"))
            }
        };
        let source = String::from_utf8_lossy(&mutant.source);
        let line = lineno.and_then(|line| source.lines().nth(line.checked_sub(1)?)).map(str::to_owned);
        let file = files.get(mutant.file).map_or_else(String::new, |file| file.display().to_string());
        let ways = mutant.ways.clone();
        result.findings.push(Finding { number, side: label, file, ways, kind, lineno, line, text, source: mutant.source.clone() });
    }
    result
}

/// Compared, identical, and how often each kind of difference comes.
fn counts<'r>(side: usize, label: &str, results: &'r [MutantResult]) -> (usize, usize, BTreeMap<&'r str, usize>) {
    let compared = results.iter().filter(|result| result.compared.contains(&side)).count();
    let mut kinds = BTreeMap::new();
    for finding in results.iter().flat_map(|result| &result.findings).filter(|finding| finding.side == label) {
        *kinds.entry(finding.kind.as_str()).or_default() += 1;
    }
    let different: usize = kinds.values().sum();
    (compared, compared - different, kinds)
}

fn json_side<'a>(side: usize, label: &'a str, results: &'a [MutantResult]) -> JsonSide<'a> {
    let (compared, identical, kinds) = counts(side, label, results);
    JsonSide { label, compared, identical, kinds }
}

fn text_report(arguments: &MutateArguments, labels: &[String], results: &[MutantResult]) -> String {
    let mut text = String::new();
    let errors = results.iter().filter(|result| result.is_error).count();
    let lost = results.iter().filter(|result| result.control_lost).count();
    let _ = writeln!(text, "seed {}: {} mutants, {errors} of them errors, {lost} without an answer of the reference", arguments.seed, results.len());
    for (side, label) in labels.iter().enumerate() {
        let (compared, identical, kinds) = counts(side, label, results);
        let share = percent(identical, compared);
        let _ = writeln!(text, "{label}: {identical} of {compared} identical ({share}), {} kinds of difference", kinds.len());
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        for (kind, count) in kinds.iter().take(arguments.limit) {
            let _ = writeln!(text, "  {count:>6} {kind}");
            let of_kind = |finding: &&Finding| finding.side == *label && finding.kind == *kind;
            if let Some(example) = results.iter().flat_map(|result| &result.findings).find(of_kind) {
                let _ = writeln!(text, "         {} ({}): {}", example.number, example.ways.join(", "), shown(example));
            }
        }
    }
    text
}

fn shown(finding: &Finding) -> String {
    let line: String = finding.line.as_deref().unwrap_or("").trim().chars().take(110).collect();
    line.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Each differing mutant as `SEED-NUMBER.py`, both answers as `SEED-NUMBER.SIDE.txt`.
fn write_findings(folder: &Path, seed: u64, results: &[MutantResult]) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for finding in results.iter().flat_map(|result| &result.findings) {
        let name = format!("{seed}-{}", finding.number);
        cache::write_whole(&folder.join(format!("{name}.py")), &finding.source)?;
        let text = format!("{}\n{}\n{}\n{}", finding.kind, finding.file, finding.ways.join(", "), finding.text);
        cache::write_whole(&folder.join(format!("{name}.{}.txt", finding.side)), text.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_mutants() {
        let source = include_bytes!("../../worker/worker.py");
        let mutants = |seed| -> Vec<Vec<u8>> {
            (0..200).map(|number| make_from(source, 0, false, &mut Random::new(seed, number)).source).collect()
        };
        assert_eq!(mutants(1), mutants(1));
        let (first, second) = (mutants(1), mutants(2));
        assert!(first.iter().zip(&second).filter(|(a, b)| a == b).count() < 5);
    }

    #[test]
    fn every_way_is_taken_and_nothing_is_too_small_to_damage() {
        let mut taken = BTreeMap::new();
        for source in [&b"def f(x):\n    return 'a' + x\n"[..], b"", b"\n", b"'", b"x", b"(", b"\xff"] {
            for number in 0..600 {
                let mutant = make_from(source, 0, number % 2 == 0, &mut Random::new(7, number));
                mutant.ways.iter().for_each(|way| *taken.entry(*way).or_insert(0) += 1);
            }
        }
        assert_eq!(taken.len(), damage::WAYS.len(), "{taken:?}");
    }
}
