//! What can become of a test, and the records that workers, cache and reports share.
//!
//! Records are plain data with a stable JSON form: the control's are kept on disk between runs.

use serde::{Deserialize, Serialize};

/// What became of one test. The order is that of severity, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Pass,
    ExpectedFailure,
    Skip,
    UnexpectedSuccess,
    Fail,
    Error,
    /// Its module could not be imported.
    ImportError,
    /// The control has the test, the subject's module does not.
    Missing,
    Timeout,
    /// The interpreter died: a signal, a panic, an exit from inside the test.
    Crash,
}

impl Outcome {
    /// Every outcome, in the order in which tables show them.
    pub const ALL: [Self; 10] = [
        Self::Pass,
        Self::ExpectedFailure,
        Self::Skip,
        Self::UnexpectedSuccess,
        Self::Fail,
        Self::Error,
        Self::ImportError,
        Self::Missing,
        Self::Timeout,
        Self::Crash,
    ];

    /// The name in events, expectation files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::ExpectedFailure => "expected-failure",
            Self::Skip => "skip",
            Self::UnexpectedSuccess => "unexpected-success",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::ImportError => "import-error",
            Self::Missing => "missing",
            Self::Timeout => "timeout",
            Self::Crash => "crash",
        }
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether the test did what its author wants.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Pass | Self::ExpectedFailure)
    }

    /// Whether the interpreter itself gave way, not the test.
    pub fn is_fatal(self) -> bool {
        matches!(self, Self::Crash | Self::Timeout)
    }
}

/// Parts of a test that are counted on their own: subtests, doctest examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    pub good: u32,
    pub bad: u32,
    pub skipped: u32,
}

impl Parts {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub fn add(&mut self, other: Self) {
        self.good += other.good;
        self.bad += other.bad;
        self.skipped += other.skipped;
    }
}

/// One test of one interpreter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// `test_x.Class.method`, or the doctest's name; unique within the module's record.
    pub id: String,
    pub outcome: Outcome,
    pub seconds: f64,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub subtests: Parts,
    #[serde(default, skip_serializing_if = "Parts::is_empty")]
    pub examples: Parts,
    /// Traceback, reason of the skip, signal and panic message.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Something that befell a module as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trouble {
    pub outcome: Outcome,
    pub detail: String,
}

/// One module of one interpreter.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModuleRecord {
    pub module: String,
    pub tests: Vec<TestRecord>,
    /// Import error, skip of the whole module, death outside any test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    pub seconds: f64,
    /// Workers that were started for it: one, and one more per death.
    pub workers: u32,
    /// The run was stopped before the module's end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

impl ModuleRecord {
    /// How many tests had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.tests.iter().filter(|test| test.outcome == outcome).count()
    }
}

/// The name a test goes by outside its module's record: unambiguous across modules.
pub fn display_id(module: &str, id: &str) -> String {
    let inside = id.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if inside { id.to_owned() } else { format!("{module}::{id}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
        assert_eq!(Outcome::from_name("fine"), None);
    }

    #[test]
    fn foreign_ids_carry_their_module() {
        assert_eq!(display_id("test_list", "test_list.ListTest.test_len"), "test_list.ListTest.test_len");
        assert_eq!(display_id("test_list", "list_tests.X.test_len"), "test_list::list_tests.X.test_len");
        assert_eq!(display_id("test_list", "test_listcomps.X"), "test_list::test_listcomps.X");
    }
}
