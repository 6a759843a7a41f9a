//! Matcher for the code that `re._compiler` emits: what `_sre` does, without its objects.
//!
//! [`Program`] is a validated pattern; a [`State`] matches it against a [`Subject`] and keeps the result, and the place
//! from which a scanner goes on. Backtracking is CPython's, operator by operator, and so are the groups of a match and
//! `lastindex`; the stack is explicit. A match that takes long polls a hook and can be interrupted and resumed, so that
//! signal handlers run while nothing of the subject is borrowed.

mod chars;
mod matcher;
mod opcodes;
mod program;
mod repeat;
mod state;
mod validate;

pub use chars::{Char, Locale, ascii_iscased, ascii_tolower, unicode_iscased, unicode_tolower};
pub use opcodes::{CODESIZE, MAGIC, MAXGROUPS, MAXREPEAT};
pub use program::Program;
pub use state::{Environment, Error, State, Subject};
pub use validate::{Invalid, validate};
