//! Holds a subject's records against the control's.
//!
//! A test counts when the control passes it. What fails, is skipped or does not exist there is not
//! held against the subject.

use std::collections::{HashMap, HashSet};

use crate::outcome::{ModuleRecord, Outcome, Parts, TestRecord, Trouble, display_id};

/// One test that counts.
#[derive(Clone, Debug)]
pub struct Row {
    /// Unambiguous across modules.
    pub id: String,
    pub outcome: Outcome,
    pub detail: String,
    pub seconds: f64,
}

/// One module of one subject beside the control.
#[derive(Clone, Debug, Default)]
pub struct ModuleComparison {
    pub module: String,
    /// The tests that count, in running order.
    pub rows: Vec<Row>,
    /// What befell the subject's module as a whole, unless it befell the control's too.
    pub trouble: Option<Trouble>,
    pub seconds: f64,
    pub control_seconds: f64,
    /// Subtests and doctest examples of the subject, and of the control.
    pub parts: Parts,
    pub control_parts: Parts,
    pub interrupted: bool,
}

impl ModuleComparison {
    /// How many of the tests that count had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }

    /// How many of the tests that count came out as they should.
    pub fn good(&self) -> usize {
        self.rows.iter().filter(|row| row.outcome.is_good()).count()
    }
}

/// Compares one module; `selects` says which ids are looked at.
pub fn compare(control: &ModuleRecord, subject: &ModuleRecord, selects: impl Fn(&str) -> bool) -> ModuleComparison {
    let module = &subject.module;
    let by_id: HashMap<&str, &TestRecord> = subject.tests.iter().map(|test| (test.id.as_str(), test)).collect();
    let known: HashSet<&str> = control.tests.iter().map(|test| test.id.as_str()).collect();
    let mut comparison = ModuleComparison {
        module: module.clone(),
        seconds: subject.seconds,
        interrupted: subject.interrupted,
        ..ModuleComparison::default()
    };
    for expected in control.tests.iter().filter(|test| test.outcome.is_good() && selects(&test.id)) {
        let found = by_id.get(expected.id.as_str()).copied();
        if found.is_none() && subject.interrupted {
            continue;
        }
        comparison.control_seconds += expected.seconds;
        comparison.control_parts.add(expected.subtests);
        comparison.control_parts.add(expected.examples);
        if let Some(test) = found {
            comparison.parts.add(test.subtests);
            comparison.parts.add(test.examples);
        }
        comparison.rows.push(row(module, expected, found, subject.trouble.as_ref()));
    }
    // A death of the subject outside the control's tests (at exit) is a difference of its own.
    for test in subject.tests.iter().filter(|test| test.outcome.is_fatal() && selects(&test.id)) {
        if !known.contains(test.id.as_str()) {
            comparison.rows.push(Row {
                id: display_id(module, &test.id),
                outcome: test.outcome,
                detail: test.detail.clone(),
                seconds: test.seconds,
            });
        }
    }
    if control.trouble.is_none() {
        comparison.trouble.clone_from(&subject.trouble);
    }
    comparison
}

fn row(module: &str, expected: &TestRecord, found: Option<&TestRecord>, trouble: Option<&Trouble>) -> Row {
    let (outcome, detail, seconds) = match (found, trouble) {
        (Some(test), _) => (test.outcome, test.detail.clone(), test.seconds),
        (None, Some(trouble)) => (trouble.outcome, String::new(), 0.0),
        (None, None) => (Outcome::Missing, String::new(), 0.0),
    };
    Row { id: display_id(module, &expected.id), outcome, detail, seconds }
}

/// Glob match with `*` only, containment without one: what the worker does with `-k`.
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let (Some(first), Some(last)) = (parts.next(), parts.next_back()) else { return name.contains(pattern) };
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(id: &str, outcome: Outcome) -> TestRecord {
        let (subtests, examples) = (Parts::default(), Parts::default());
        TestRecord { id: id.to_owned(), outcome, seconds: 0.0, subtests, examples, detail: String::new() }
    }

    fn module(tests: &[(&str, Outcome)]) -> ModuleRecord {
        let tests = tests.iter().map(|&(id, outcome)| test(id, outcome)).collect();
        ModuleRecord { module: "test_x".to_owned(), tests, ..ModuleRecord::default() }
    }

    fn outcomes(comparison: &ModuleComparison) -> Vec<(&str, Outcome)> {
        comparison.rows.iter().map(|row| (row.id.as_str(), row.outcome)).collect()
    }

    #[test]
    fn only_what_the_control_passes_counts() {
        let control =
            module(&[("test_x.A.a", Outcome::Pass), ("test_x.A.b", Outcome::Fail), ("test_x.A.c", Outcome::Skip)]);
        let subject =
            module(&[("test_x.A.a", Outcome::Fail), ("test_x.A.b", Outcome::Crash), ("test_x.A.c", Outcome::Error)]);
        assert_eq!(outcomes(&compare(&control, &subject, |_| true)), [("test_x.A.a", Outcome::Fail)]);
    }

    #[test]
    fn a_module_that_does_not_load_costs_all_its_tests() {
        let control = module(&[("test_x.A.a", Outcome::Pass), ("test_x.A.b", Outcome::ExpectedFailure)]);
        let mut subject = module(&[]);
        subject.trouble = Some(Trouble { outcome: Outcome::ImportError, detail: "no".to_owned() });
        let rows = compare(&control, &subject, |_| true);
        assert_eq!(outcomes(&rows), [("test_x.A.a", Outcome::ImportError), ("test_x.A.b", Outcome::ImportError)]);
    }

    #[test]
    fn a_death_at_exit_is_a_difference() {
        let control = module(&[("test_x.A.a", Outcome::Pass)]);
        let subject = module(&[("test_x.A.a", Outcome::Pass), ("test_x.<exit>", Outcome::Crash)]);
        let rows = compare(&control, &subject, |_| true);
        assert_eq!(outcomes(&rows), [("test_x.A.a", Outcome::Pass), ("test_x.<exit>", Outcome::Crash)]);
    }

    #[test]
    fn an_interrupted_module_is_judged_by_what_ran() {
        let control = module(&[("test_x.A.a", Outcome::Pass), ("test_x.A.b", Outcome::Pass)]);
        let mut subject = module(&[("test_x.A.a", Outcome::Pass)]);
        subject.interrupted = true;
        assert_eq!(compare(&control, &subject, |_| true).rows.len(), 1);
    }

    #[test]
    fn patterns_contain_or_glob() {
        for (pattern, name, expected) in [
            ("Foo", "test_x.Foo.bar", true),
            ("foo", "test_x.Foo.bar", false),
            ("test_x.*.bar", "test_x.Foo.bar", true),
            ("test_x.*.bar", "test_x.Foo.bars", false),
            ("*bar*", "test_x.Foo.bars", true),
            ("*", "anything", true),
        ] {
            assert_eq!(pattern_matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
