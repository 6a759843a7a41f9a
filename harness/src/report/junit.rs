//! JUnit XML: a suite per subject and module, a case per test, complete whatever crashed.

use std::time::Duration;

use anyhow::{Context, Result};
use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite, XmlString};

use crate::outcome::{ModuleRecord, Outcome, TestRecord};
use crate::report::{Report, SubjectReport};

/// The XML of a run.
pub fn render(report: &Report) -> Result<String> {
    let mut xml = Xml::new("conformance");
    for subject in &report.subjects {
        for (record, module) in subject.records.iter().zip(&subject.modules) {
            let mut suite = suite(subject, record, report.subjects.len() > 1);
            for row in module.rows.iter().filter(|row| matches!(row.outcome, Outcome::Missing | Outcome::ImportError)) {
                let status = bad(NonSuccessKind::Error, row.outcome, "the module's import failed or lacks this test");
                suite.add_test_case(case(&record.module, &row.id, 0.0, status));
            }
            xml.add_test_suite(suite);
        }
    }
    xml.to_string().context("the results have no XML form")
}

fn suite(subject: &SubjectReport, record: &ModuleRecord, named: bool) -> TestSuite {
    let name = if named { format!("{} {}", subject.label, record.module) } else { record.module.clone() };
    let mut suite = TestSuite::new(name);
    suite.set_time(duration(record.seconds));
    for test in &record.tests {
        suite.add_test_case(case(&record.module, &test.id, test.seconds, status(test)));
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
