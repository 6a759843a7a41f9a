//! Compares two answers that are text, and shows the first difference as a unified diff.

use similar::TextDiff;

/// Lines shown in front of the first that differs, and behind.
const BEFORE: usize = 3;
const BEHIND: usize = 8;

/// Longest line shown whole.
const LINE_LIMIT: usize = 300;

/// Lines that only an interpreter says.
const INTERPRETER_ONLY: [&str; 4] = ["encoding: ", "metadata: ", "note: ", "print_file_and_line: "];

/// The first difference between the reference's answer and another.
#[derive(Clone, Debug)]
pub struct Difference {
    /// What differs, in a few words that many files may share.
    pub kind: String,
    /// The line of the source.
    pub lineno: Option<usize>,
    /// A unified diff, or two listings.
    pub text: String,
}

/// The first difference between two texts; `in_process` leaves out what only an interpreter can say.
pub fn compare(what: &str, expected: &[u8], got: &[u8], in_process: bool) -> Option<Difference> {
    if expected == got {
        return None;
    }
    let (expected, got) = (String::from_utf8_lossy(expected), String::from_utf8_lossy(got));
    let (expected, got) = if what == "ast" { (node_lines(&expected), node_lines(&got)) } else { (expected.into(), got.into()) };
    let counts = |line: &&str| !in_process || !INTERPRETER_ONLY.iter().any(|key| line.starts_with(key));
    let expected: Vec<&str> = expected.lines().filter(counts).collect();
    let got: Vec<&str> = got.lines().filter(counts).collect();
    let longest = expected.len().max(got.len());
    let first = (0..longest).find(|at| expected.get(*at) != got.get(*at))?;
    let window = |lines: &[&str]| {
        let mut text = String::new();
        for line in lines.iter().take(first + BEHIND).skip(first.saturating_sub(BEFORE)) {
            text.extend(line.chars().take(LINE_LIMIT));
            text.push('\n');
        }
        text
    };
    let (left, right) = (window(&expected), window(&got));
    let text = TextDiff::from_lines(&left, &right).unified_diff().context_radius(BEFORE).header("reference", "subject").to_string();
    let kind = kind_of(what, expected.get(first), got.get(first));
    Some(Difference { kind, lineno: lineno(what, &expected, first), text })
}

/// The nodes of `ast.dump`'s one line on lines of their own.
fn node_lines(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len() * 5 / 4);
    let mut from = 0;
    for at in 1..bytes.len() {
        let begins = bytes[at].is_ascii_uppercase() && matches!(bytes[at - 1], b'=' | b'[' | b'(' | b' ');
        if begins {
            let name = bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            if bytes.get(at + name) == Some(&b'(') && bytes.get(at + name + 1) != Some(&b')') {
                out.push_str(text.get(from..at).unwrap_or_default());
                out.push('\n');
                from = at;
            }
        }
    }
    out.push_str(text.get(from..).unwrap_or_default());
    out
}

fn kind_of(what: &str, expected: Option<&&str>, got: Option<&&str>) -> String {
    let word = |line: Option<&&str>| {
        let line = line.copied().unwrap_or("nothing");
        let cut = line.find([' ', '(']).unwrap_or(line.len());
        line.get(..cut).unwrap_or(line).trim_end_matches(':').to_owned()
    };
    match what {
        "tokens" if expected.is_some_and(|line| line.starts_with(|c: char| c.is_ascii_digit())) => "token".to_owned(),
        _ => {
            let (a, b) = (word(expected), word(got));
            if a == b { a } else { format!("{a} -> {b}") }
        }
    }
}

/// The source line that the first differing line is about.
fn lineno(what: &str, lines: &[&str], first: usize) -> Option<usize> {
    let number = |text: &str| {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text.get(..digits)?.parse().ok()
    };
    let behind = |line: &str, key: &str| line.find(key).and_then(|at| number(line.get(at + key.len()..)?));
    match what {
        "tokens" => {
            let line = lines.get(first).or_else(|| lines.last())?;
            line.split(' ').find_map(|word| word.split_once(',').filter(|(_, rest)| rest.contains('-'))?.0.parse().ok())
        }
        "ast" => lines.iter().skip(first).find_map(|line| behind(line, "lineno=")),
        "errors" => lines.iter().skip(first.saturating_sub(2)).find_map(|line| {
            let of_warning = || line.strip_prefix("warning: ")?.split(' ').nth(1)?.parse().ok();
            behind(line, "lineno: ").or_else(of_warning)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let expected = b"encoding: utf-8\n1 'x' 1,0-1,1 'x\\n'\n4 '\\n' 1,1-1,2\n1 'y' 2,0-2,1 'y'";
        let got = b"1 'x' 1,0-1,1 'x\\n'\n4 '\\n' 1,1-1,2\n1 'y' 2,0-2,2 'y'";
        let difference = compare("tokens", expected, got, true);
        let (kind, lineno) = difference.map(|found| (found.kind, found.lineno)).unwrap_or_default();
        assert_eq!((kind.as_str(), lineno), ("token", Some(2)));
        assert!(compare("tokens", expected, got, false).is_some_and(|found| found.kind.starts_with("encoding")));
        assert!(compare("tokens", b"encoding: a\nx", b"x", true).is_none());
    }

    #[test]
    fn nodes_stand_on_lines_of_their_own() {
        let text = "Module(body=[Expr(value=Name(id='A(', ctx=Load(), lineno=1))])";
        assert_eq!(node_lines(text), "Module(body=[\nExpr(value=\nName(id='A(', ctx=Load(), lineno=1))])");
    }
}
