//! What a run leaves behind: a table on the terminal, JSON, JUnit XML and one HTML page.

pub mod html;
pub mod junit;
pub mod table;

use serde::Serialize;

use crate::compare::ModuleComparison;
use crate::expectations::Changes;
use crate::outcome::ModuleRecord;

/// One subject's part of a run.
pub struct SubjectReport {
    pub label: String,
    pub modules: Vec<ModuleComparison>,
    pub records: Vec<ModuleRecord>,
    pub changes: Changes,
}

/// A whole run.
pub struct Report {
    pub reference: String,
    pub subjects: Vec<SubjectReport>,
    pub control: Vec<ModuleRecord>,
    pub seconds: f64,
    pub interrupted: bool,
}

/// The JSON form: the records as they are, and the verdicts in short.
#[derive(Serialize)]
pub struct JsonReport<'a> {
    reference: &'a str,
    seconds: f64,
    interrupted: bool,
    control: &'a [ModuleRecord],
    subjects: Vec<JsonSubject<'a>>,
}

#[derive(Serialize)]
struct JsonSubject<'a> {
    label: &'a str,
    /// Tests that the control passes, and how many of them the subject passes.
    expected: usize,
    passed: usize,
    regressions: Vec<&'a str>,
    surprises: &'a [String],
    modules: &'a [ModuleRecord],
}

impl Report {
    pub fn json(&self) -> JsonReport<'_> {
        let subjects = self.subjects.iter().map(|subject| JsonSubject {
            label: &subject.label,
            expected: subject.expected(),
            passed: subject.passed(),
            regressions: subject.changes.regressions.iter().map(|(id, _, _)| id.as_str()).collect(),
            surprises: &subject.changes.surprises,
            modules: &subject.records,
        });
        JsonReport {
            reference: &self.reference,
            seconds: self.seconds,
            interrupted: self.interrupted,
            control: &self.control,
            subjects: subjects.collect(),
        }
    }
}

impl SubjectReport {
    /// Tests that count.
    pub fn expected(&self) -> usize {
        self.modules.iter().map(|module| module.rows.len()).sum()
    }

    /// Tests that count and pass.
    pub fn passed(&self) -> usize {
        self.modules.iter().map(ModuleComparison::good).sum()
    }
}

/// A share as the tables print it: never rounded up to a full 100.
pub fn percent(part: usize, whole: usize) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = part.saturating_mul(1000) / whole;
    format!("{}.{}%", tenths / 10, tenths % 10)
}
