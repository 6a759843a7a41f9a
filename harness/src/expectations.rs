//! The reviewed list of tests that do not pass yet: one sorted line each, `ID OUTCOME`.
//!
//! One file per implementation. A test that counts and is not listed must pass; a listed one may
//! fail as it did, but not begin to crash.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::compare::ModuleComparison;
use crate::outcome::Outcome;

const HEADER: &str = "# Tests that CPython passes and this implementation does not yet.
# Rewritten by: harness run --accept
";

/// What is expected of the tests that do not pass.
#[derive(Debug, Default, PartialEq)]
pub struct Expectations {
    outcomes: BTreeMap<String, Outcome>,
}

/// How a run differs from what was expected.
#[derive(Debug, Default)]
pub struct Changes {
    /// Ids with what was expected of them (`None`: to pass) and what came.
    pub regressions: Vec<(String, Option<Outcome>, Outcome)>,
    /// Ids that are listed and pass.
    pub surprises: Vec<String>,
    /// Ids that are listed and that nobody runs any more.
    pub stale: Vec<String>,
}

impl Expectations {
    /// Reads the file; one that is not there expects every test to pass.
    pub fn read(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).with_context(|| format!("{} is not a list of expectations", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut outcomes = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let parsed = line.rsplit_once(' ').and_then(|(id, outcome)| Some((id, Outcome::from_name(outcome)?)));
            let Some((id, outcome)) = parsed else { bail!("line {}: {line}", number + 1) };
            outcomes.insert(id.to_owned(), outcome);
        }
        Ok(Self { outcomes })
    }

    /// Writes the file, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<()> {
        cache::write_whole(path, self.to_text().as_bytes())
    }

    fn to_text(&self) -> String {
        let lines = self.outcomes.iter().map(|(id, outcome)| format!("{id} {}\n", outcome.name()));
        HEADER.chars().chain(lines.collect::<String>().chars()).collect()
    }

    /// What a run changed. `whole` says that modules ran in full, so that a listed test which did
    /// not show up is stale.
    pub fn changes(&self, modules: &[ModuleComparison], whole: bool) -> Changes {
        let mut changes = Changes::default();
        for row in modules.iter().flat_map(|module| &module.rows) {
            let expected = self.outcomes.get(&row.id).copied();
            match expected {
                None if !row.outcome.is_good() => changes.regressions.push((row.id.clone(), None, row.outcome)),
                Some(_) if row.outcome.is_good() => changes.surprises.push(row.id.clone()),
                Some(expected) if row.outcome.is_fatal() && !expected.is_fatal() => {
                    changes.regressions.push((row.id.clone(), Some(expected), row.outcome));
                }
                _ => {}
            }
        }
        if whole {
            changes.stale = self.unseen(modules).cloned().collect();
        }
        changes
    }

    /// Takes a run's results over; lines of modules and tests that did not run stay.
    pub fn accept(&mut self, modules: &[ModuleComparison], whole: bool) {
        if whole {
            let stale: Vec<String> = self.unseen(modules).cloned().collect();
            for id in stale {
                self.outcomes.remove(&id);
            }
        }
        for row in modules.iter().flat_map(|module| &module.rows) {
            if row.outcome.is_good() {
                self.outcomes.remove(&row.id);
            } else {
                self.outcomes.insert(row.id.clone(), row.outcome);
            }
        }
    }

    /// Listed ids of modules that ran to their end without showing that id.
    fn unseen<'a>(&'a self, modules: &'a [ModuleComparison]) -> impl Iterator<Item = &'a String> {
        let seen: BTreeSet<&str> = modules.iter().flat_map(|module| &module.rows).map(|row| row.id.as_str()).collect();
        let ran: BTreeSet<&str> =
            modules.iter().filter(|module| !module.interrupted).map(|module| module.module.as_str()).collect();
        self.outcomes
            .keys()
            .filter(move |id| !seen.contains(id.as_str()) && ran.iter().any(|module| belongs(id, module)))
    }
}

fn belongs(id: &str, module: &str) -> bool {
    id.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Row;

    fn ran(rows: &[(&str, Outcome)]) -> Vec<ModuleComparison> {
        let rows =
            rows.iter().map(|&(id, outcome)| Row { id: id.to_owned(), outcome, detail: String::new(), seconds: 0.0 });
        vec![ModuleComparison { module: "test_x".to_owned(), rows: rows.collect(), ..ModuleComparison::default() }]
    }

    fn listed(text: &str) -> Expectations {
        Expectations::parse(text).unwrap_or_default()
    }

    #[test]
    fn what_is_not_listed_must_pass() {
        let changes = listed("test_x.A.a fail\n").changes(
            &ran(&[("test_x.A.a", Outcome::Error), ("test_x.A.b", Outcome::Fail), ("test_x.A.c", Outcome::Pass)]),
            true,
        );
        assert_eq!(changes.regressions, [("test_x.A.b".to_owned(), None, Outcome::Fail)]);
        assert!(changes.surprises.is_empty() && changes.stale.is_empty());
    }

    #[test]
    fn a_failure_may_not_become_a_crash() {
        let changes = listed("test_x.A.a fail\n").changes(&ran(&[("test_x.A.a", Outcome::Crash)]), true);
        assert_eq!(changes.regressions, [("test_x.A.a".to_owned(), Some(Outcome::Fail), Outcome::Crash)]);
    }

    #[test]
    fn a_pass_surprises_and_an_absence_is_stale() {
        let list = listed("test_x.A.a fail\ntest_x.A.z error\ntest_xy.A.a fail\n");
        let modules = ran(&[("test_x.A.a", Outcome::Pass)]);
        let changes = list.changes(&modules, true);
        assert_eq!(changes.surprises, ["test_x.A.a"]);
        assert_eq!(changes.stale, ["test_x.A.z"]);
        assert!(list.changes(&modules, false).stale.is_empty());
    }

    #[test]
    fn accepting_keeps_what_did_not_run() {
        let mut list = listed("# head\ntest_x.A.a fail\ntest_x.A.z error\ntest_y.A.a fail\n");
        list.accept(&ran(&[("test_x.A.a", Outcome::Pass), ("test_x::other.B.b", Outcome::Skip)]), true);
        let expected = listed("test_x::other.B.b skip\ntest_y.A.a fail\n");
        assert_eq!(list, expected);
        assert_eq!(listed(&list.to_text()), list);
    }

    #[test]
    fn a_broken_line_is_an_error() {
        assert!(Expectations::parse("test_x.A.a maybe\n").is_err());
    }
}
