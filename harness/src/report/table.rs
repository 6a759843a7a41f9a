//! The tables and lists at the end of a run.

use std::collections::HashMap;
use std::fmt::Write as _;

use comfy_table::{CellAlignment, Table, presets};

use crate::compare::ModuleComparison;
use crate::outcome::{Outcome, Parts};
use crate::report::{Report, SubjectReport, percent};

/// Lines shown of a list before it is cut.
const LIST_LIMIT: usize = 40;

/// Causes listed below the table.
const CAUSES_LIMIT: usize = 15;

/// Characters shown of a cause.
const LINE_LIMIT: usize = 160;

/// Outcomes that have a column of their own; the good ones share the first.
const COLUMNS: [Outcome; 8] = [
    Outcome::UnexpectedSuccess,
    Outcome::Fail,
    Outcome::Error,
    Outcome::Skip,
    Outcome::ImportError,
    Outcome::Missing,
    Outcome::Timeout,
    Outcome::Crash,
];

/// The table of a run: details for one subject, a column each for several.
pub fn summary(report: &Report) -> String {
    match report.subjects.as_slice() {
        [subject] => one_subject(subject),
        subjects => many_subjects(subjects),
    }
}

fn one_subject(subject: &SubjectReport) -> String {
    let mut table = empty_table();
    let mut header = vec!["module", "expected", "pass"];
    header.extend(COLUMNS.iter().map(|&outcome| column_title(outcome)));
    header.extend(["parts", "seconds", "control", ""]);
    table.set_header(header);
    for module in &subject.modules {
        let mut parts = vec![module.module.clone(), module.rows.len().to_string(), module.good().to_string()];
        parts.extend(COLUMNS.iter().map(|&outcome| blank_zero(module.count(outcome))));
        parts.push(parts_column(module.parts, module.control_parts));
        parts.extend([format!("{:.1}", module.seconds), format!("{:.1}", module.control_seconds), verdict(module)]);
        table.add_row(parts);
    }
    let sum = |count: &dyn Fn(&ModuleComparison) -> usize| subject.modules.iter().map(count).sum::<usize>();
    let mut total = vec!["total".to_owned(), subject.expected().to_string(), subject.passed().to_string()];
    total.extend(COLUMNS.iter().map(|&outcome| blank_zero(sum(&|module| module.count(outcome)))));
    let (mut parts, mut control_parts) = (Parts::default(), Parts::default());
    for module in &subject.modules {
        parts.add(module.parts);
        control_parts.add(module.control_parts);
    }
    total.push(parts_column(parts, control_parts));
    total.push(format!("{:.1}", subject.modules.iter().map(|module| module.seconds).sum::<f64>()));
    total.push(format!("{:.1}", subject.modules.iter().map(|module| module.control_seconds).sum::<f64>()));
    total.push(percent(subject.passed(), subject.expected()));
    table.add_row(total);
    align(&mut table, COLUMNS.len() + 5);
    table.to_string()
}

fn many_subjects(subjects: &[SubjectReport]) -> String {
    let mut table = empty_table();
    let mut header = vec!["module".to_owned(), "expected".to_owned()];
    header.extend(subjects.iter().map(|subject| subject.label.clone()));
    table.set_header(header);
    let modules = subjects.first().map(|subject| subject.modules.as_slice()).unwrap_or_default();
    for (at, module) in modules.iter().enumerate() {
        let mut row = vec![module.module.clone(), module.rows.len().to_string()];
        row.extend(
            subjects.iter().map(|subject| subject.modules.get(at).map_or(0, ModuleComparison::good).to_string()),
        );
        table.add_row(row);
    }
    let expected = subjects.first().map_or(0, SubjectReport::expected);
    let mut total = vec!["total".to_owned(), expected.to_string()];
    total.extend(
        subjects
            .iter()
            .map(|subject| format!("{} ({})", subject.passed(), percent(subject.passed(), subject.expected()))),
    );
    table.add_row(total);
    align(&mut table, subjects.len() + 1);
    table.to_string()
}

/// What follows the table for a subject: troubles of modules, regressions, surprises, the verdict.
pub fn verdicts(subject: &SubjectReport) -> String {
    let mut text = String::new();
    for module in &subject.modules {
        if let Some(trouble) = &module.trouble {
            let cause = cause(trouble.outcome, &trouble.detail);
            let _ = writeln!(text, "{}: {}: {cause}", module.module, trouble.outcome.name());
        }
    }
    let changes = &subject.changes;
    list(&mut text, "regressed", &changes.regressions, |(id, expected, outcome)| {
        let expected = expected.map_or("to pass", Outcome::name);
        format!("{id}: {} (expected {expected})", outcome.name())
    });
    list(&mut text, "surprisingly pass (--accept takes them over)", &changes.surprises, String::clone);
    list(&mut text, "are expected to fail and were not there (--accept drops them)", &changes.stale, String::clone);
    let causes = causes(subject);
    list(&mut text, "causes of what does not pass", &causes, |(cause, count)| format!("{count:>6}  {cause}"));
    let (passed, expected) = (subject.passed(), subject.expected());
    let _ = writeln!(
        text,
        "{}: {passed} of {expected} tests pass ({}), {} regressed",
        subject.label,
        percent(passed, expected),
        changes.regressions.len()
    );
    text
}

/// The last line of every traceback with the number of tests that it costs, the costliest first.
fn causes(subject: &SubjectReport) -> Vec<(String, usize)> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for module in &subject.modules {
        for row in module.rows.iter().filter(|row| !row.outcome.is_good()) {
            let of_module = module.trouble.as_ref().filter(|_| row.detail.is_empty());
            let detail = of_module.map_or(row.detail.as_str(), |trouble| trouble.detail.as_str());
            let cause = cause(row.outcome, detail);
            *counts.entry(format!("{}: {cause}", row.outcome.name())).or_default() += 1;
        }
    }
    let mut causes: Vec<(String, usize)> = counts.into_iter().collect();
    causes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    causes.truncate(CAUSES_LIMIT);
    causes
}

/// The line that says most: the first of a death, the last of a traceback.
fn cause(outcome: Outcome, detail: &str) -> String {
    let mut lines = detail.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = if outcome.is_fatal() { lines.next() } else { lines.next_back() };
    harmless(&line.unwrap_or_default().chars().take(LINE_LIMIT).collect::<String>())
}

/// Text of a test, without what a terminal would obey.
fn harmless(text: &str) -> String {
    let is_harmless = |c: &char| !c.is_control() || matches!(c, '\n' | '\t');
    text.chars().map(|c| if is_harmless(&c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Every test that does not pass, with its traceback.
pub fn details(subject: &SubjectReport) -> String {
    let mut text = String::new();
    for module in &subject.modules {
        if let Some(trouble) = &module.trouble {
            let _ = writeln!(text, "=== {} {}\n{}", module.module, trouble.outcome.name(), trouble.detail.trim_end());
        }
        for row in module.rows.iter().filter(|row| !row.outcome.is_good()) {
            if !row.detail.is_empty() || module.trouble.is_none() {
                let _ = writeln!(text, "=== {} {}\n{}", row.id, row.outcome.name(), row.detail.trim_end());
            }
        }
    }
    harmless(&text)
}

fn list<T>(text: &mut String, title: &str, items: &[T], line: impl Fn(&T) -> String) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "{} {title}:", items.len());
    for item in items.iter().take(LIST_LIMIT) {
        let _ = writeln!(text, "  {}", line(item));
    }
    if items.len() > LIST_LIMIT {
        let _ = writeln!(text, "  ... and {} more", items.len() - LIST_LIMIT);
    }
}

fn column_title(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::UnexpectedSuccess => "xpass",
        Outcome::ImportError => "import",
        other => other.name(),
    }
}

fn verdict(module: &ModuleComparison) -> String {
    if module.interrupted {
        return "interrupted".to_owned();
    }
    percent(module.good(), module.rows.len())
}

fn parts_column(parts: Parts, control: Parts) -> String {
    if control.is_empty() { String::new() } else { format!("{}/{}", parts.good, control.good) }
}

fn blank_zero(count: usize) -> String {
    if count == 0 { String::new() } else { count.to_string() }
}

fn empty_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table
}

fn align(table: &mut Table, columns: usize) {
    for index in 1..=columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
