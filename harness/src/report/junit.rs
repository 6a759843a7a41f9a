//! JUnit XML: a suite per subject and module, a case per test, complete whatever crashed.
//!
//! What the control does not pass either is written as skipped, so that readers which only know
//! JUnit do not hold it against the subject.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite, XmlString};

use crate::outcome::{ModuleRecord, Outcome, TestRecord};
use crate::report::Report;

/// The XML of a run.
pub fn render(report: &Report) -> Result<String> {
    let mut xml = Xml::new("conformance");
    for subject in &report.subjects {
        for ((record, module), control) in subject.records.iter().zip(&subject.modules).zip(&report.control) {
            let name = match report.subjects.len() {
                1 => record.module.clone(),
                _ => format!("{} {}", subject.label, record.module),
            };
            let mut suite = suite(name, record, control);
            for row in module.rows.iter().filter(|row| matches!(row.outcome, Outcome::Missing | Outcome::ImportError)) {
                let status = bad(NonSuccessKind::Error, row.outcome, "the module's import failed or lacks this test");
                suite.add_test_case(case(&record.module, &row.id, 0.0, status));
            }
            xml.add_test_suite(suite);
        }
    }
    xml.to_string().context("the results have no XML form")
}

fn suite(name: String, record: &ModuleRecord, control: &ModuleRecord) -> TestSuite {
    let bad_in_control: HashSet<&str> =
        control.tests.iter().filter(|test| !test.outcome.is_good()).map(|test| test.id.as_str()).collect();
    let mut suite = TestSuite::new(name);
    suite.set_time(duration(record.seconds));
    for test in &record.tests {
        let is_excused = !test.outcome.is_good() && bad_in_control.contains(test.id.as_str());
        let status = match test.outcome {
            Outcome::Skip => skipped(&test.detail),
            outcome if is_excused => skipped(&format!("{}, but the control does not pass it either", outcome.name())),
            _ => status(test),
        };
        suite.add_test_case(case(&record.module, &test.id, test.seconds, status));
    }
    if let Some(trouble) = &record.trouble {
        let status = match trouble.outcome {
            Outcome::Skip => skipped(&trouble.detail),
            outcome => bad(NonSuccessKind::Error, outcome, &trouble.detail),
        };
        suite.add_test_case(case(&record.module, "<module>", 0.0, status));
    }
    suite
}

fn case(module: &str, id: &str, seconds: f64, status: TestCaseStatus) -> TestCase {
    let (class, name) = id.rsplit_once('.').unwrap_or((module, id));
    let mut case = TestCase::new(XmlString::new(name), status);
    case.set_classname(XmlString::new(class));
    case.set_time(duration(seconds));
    case
}

fn status(test: &TestRecord) -> TestCaseStatus {
    match test.outcome {
        Outcome::Pass | Outcome::ExpectedFailure => TestCaseStatus::success(),
        Outcome::Skip => skipped(&test.detail),
        outcome @ (Outcome::Fail | Outcome::UnexpectedSuccess) => bad(NonSuccessKind::Failure, outcome, &test.detail),
        outcome @ (Outcome::Error | Outcome::ImportError | Outcome::Missing | Outcome::Timeout | Outcome::Crash) => {
            bad(NonSuccessKind::Error, outcome, &test.detail)
        }
    }
}

fn skipped(reason: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::skipped();
    status.set_message(XmlString::new(reason));
    status
}

fn bad(kind: NonSuccessKind, outcome: Outcome, detail: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let message = if outcome.is_fatal() { detail.lines().next() } else { detail.trim_end().lines().last() };
    status.set_type(outcome.name()).set_message(XmlString::new(message.unwrap_or_default()));
    status.set_description(XmlString::new(detail));
    status
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
