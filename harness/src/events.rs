//! The worker's event stream: tab-separated fields with backslash escapes, one event a line.
//!
//! The stream comes out of a process that may be half broken, so whatever does not parse is
//! dropped and no line grows without bound.

use crate::outcome::{Outcome, Parts};

/// Longest line that is kept; the worker cuts its details far below this.
const LINE_LIMIT: usize = 1 << 20;

/// One line of the stream.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A test of the module, in running order.
    Plan {
        index: usize,
        id: String,
    },
    /// The plan is complete.
    Ready,
    /// User code outside any test is about to run.
    Phase(String),
    Start(usize),
    Result(TestResult),
    /// setUpClass, setUpModule or a teardown did not succeed.
    Fixture {
        outcome: Outcome,
        name: String,
        detail: String,
    },
    /// The module as a whole could not be run.
    Module {
        outcome: Outcome,
        detail: String,
    },
    Done,
}

/// What a worker says of a test that came to its end.
#[derive(Debug, PartialEq)]
pub struct TestResult {
    pub index: usize,
    pub outcome: Outcome,
    pub seconds: f64,
    pub subtests: Parts,
    pub examples: Parts,
    pub detail: String,
}

impl Event {
    /// Parses one line without its newline.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let line = String::from_utf8_lossy(line);
        let fields: Vec<String> = line.split('\t').map(unescape).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        Some(match *fields.as_slice() {
            ["plan", index, id] => Self::Plan { index: index.parse().ok()?, id: id.to_owned() },
            ["ready", _] => Self::Ready,
            ["phase", text] => Self::Phase(text.to_owned()),
            ["start", index] => Self::Start(index.parse().ok()?),
            ["result", ref rest @ ..] => Self::Result(parse_result(rest)?),
            ["fixture", outcome, name, detail] => Self::Fixture {
                outcome: Outcome::from_name(outcome)?,
                name: name.to_owned(),
                detail: detail.to_owned(),
            },
            ["module", outcome, detail] => {
                Self::Module { outcome: Outcome::from_name(outcome)?, detail: detail.to_owned() }
            }
            ["done"] => Self::Done,
            _ => return None,
        })
    }
}

fn parse_result(fields: &[&str]) -> Option<TestResult> {
    let [index, outcome, seconds, good, bad, skipped, examples, bad_examples, detail] = *fields else { return None };
    let examples: u32 = examples.parse().ok()?;
    let bad_examples = bad_examples.parse::<u32>().ok()?.min(examples);
    Some(TestResult {
        index: index.parse().ok()?,
        outcome: Outcome::from_name(outcome)?,
        seconds: seconds.parse().ok()?,
        subtests: Parts { good: good.parse().ok()?, bad: bad.parse().ok()?, skipped: skipped.parse().ok()? },
        examples: Parts { good: examples - bad_examples, bad: bad_examples, skipped: 0 },
        detail: detail.to_owned(),
    })
}

fn unescape(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    text
}

/// Cuts a byte stream into lines of bounded length.
#[derive(Default)]
pub struct Lines {
    pending: Vec<u8>,
    overlong: bool,
}

impl Lines {
    /// Takes the next bytes and hands every line that they complete to `each`.
    pub fn feed(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (body, complete) = match piece.strip_suffix(b"\n") {
                Some(body) => (body, true),
                None => (piece, false),
            };
            if self.pending.len() + body.len() > LINE_LIMIT {
                self.overlong = true;
                self.pending.clear();
            } else if !self.overlong {
                self.pending.extend_from_slice(body);
            }
            if complete {
                if !self.overlong {
                    each(&self.pending);
                }
                self.pending.clear();
                self.overlong = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for chunk in chunks {
            lines.feed(chunk, |line| found.push(line.to_vec()));
        }
        found
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(Event::parse(b"phase\ta\\tb\\\\n\\nc"), Some(Event::Phase("a\tb\\n\nc".to_owned())));
    }

    #[test]
    fn a_result_has_nine_fields() {
        let expected = TestResult {
            index: 3,
            outcome: Outcome::Fail,
            seconds: 0.5,
            subtests: Parts { good: 1, bad: 2, skipped: 0 },
            examples: Parts { good: 0, bad: 7, skipped: 0 },
            detail: "oops".to_owned(),
        };
        let event = Event::parse(b"result\t3\tfail\t0.5\t1\t2\t0\t7\t9\toops");
        assert_eq!(event, Some(Event::Result(expected)));
        assert_eq!(Event::parse(b"result\t3\tfail"), None);
    }

    #[test]
    fn garbage_is_dropped() {
        for line in [&b""[..], b"\xff\xfe", b"start\tx", b"result\t1\tgreat\t0\t0\t0\t0\t0\t0\t"] {
            assert_eq!(Event::parse(line), None);
        }
    }

    #[test]
    fn lines_survive_chunking_and_floods() {
        assert_eq!(lines(&[b"a", b"b\nc\n", b"d"]), [b"ab".to_vec(), b"c".to_vec()]);
        let flood = vec![b'x'; LINE_LIMIT];
        assert_eq!(lines(&[&flood, &flood, b"\nnext\n"]), [b"next".to_vec()]);
    }
}
