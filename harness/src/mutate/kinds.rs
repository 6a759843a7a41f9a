//! Names a difference between two answers to `errors`, so that mutants that differ in the same way count together.

use std::collections::BTreeMap;

/// The answer's lines by their key; warnings are kept in order.
struct Fields<'a> {
    fields: BTreeMap<&'a str, &'a str>,
    warnings: Vec<&'a str>,
}

fn fields(text: &str) -> Fields<'_> {
    let mut found = Fields { fields: BTreeMap::new(), warnings: Vec::new() };
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("warning", rest)) => found.warnings.push(rest),
            Some((key, rest)) => drop(found.fields.insert(key, rest)),
            None => {}
        }
    }
    found
}

/// What the reference says and what the other one does, with names and numbers taken out; `in_process` leaves out what only an
/// interpreter can say.
pub fn kind(expected: &str, got: &str, in_process: bool) -> String {
    let (a, b) = (fields(expected), fields(got));
    let (ours, theirs) = (verdict(&a), verdict(&b));
    if ours != theirs {
        return format!("{ours} -> {theirs}");
    }
    for key in ["message", "lineno", "offset", "end_lineno", "end_offset", "text", "metadata", "print_file_and_line", "note"] {
        let counts = !in_process || !matches!(key, "metadata" | "print_file_and_line" | "note");
        if counts && a.fields.get(key) != b.fields.get(key) {
            return format!("{ours}: {key}");
        }
    }
    if a.warnings == b.warnings {
        return format!("{ours}: other");
    }
    let first = (0..a.warnings.len().max(b.warnings.len())).find(|at| a.warnings.get(*at) != b.warnings.get(*at));
    let warning = |all: &[&str]| first.and_then(|at| all.get(at)).map_or_else(|| "none".to_owned(), |text| blurred(text));
    format!("{ours}: warning {} -> {}", warning(&a.warnings), warning(&b.warnings))
}

fn verdict(answer: &Fields<'_>) -> String {
    let Some(error) = answer.fields.get("error") else { return "no error".to_owned() };
    let message = answer.fields.get("message").copied().unwrap_or_default();
    let message = blurred(message.trim_matches(['\'', '"']));
    if *error == "SyntaxError" { message } else { format!("{error} {message}") }
}

/// Without what is quoted and without numbers.
fn blurred(text: &str) -> String {
    let mut out = String::new();
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '\'' | '"' => {
                quoted = !quoted;
                out.push_str(if quoted { "'..." } else { "'" });
            }
            _ if quoted => {}
            '0'..='9' if out.ends_with('N') => {}
            '0'..='9' => out.push('N'),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_names() {
        let error = "mode: exec\nerror: SyntaxError\nmessage: \"name 'x' is used\"\nlineno: 3\noffset: 4";
        let other = error.replace("'x'", "'y'").replace("offset: 4", "offset: 5");
        let cases = [
            (error, "mode: exec", "name '...' is used -> no error"),
            (error, &other, "name '...' is used: message"),
            ("warning: SyntaxWarning 3 'a'", "x: y", "no error: warning SyntaxWarning N '...' -> none"),
            ("error: ValueError\nmessage: 'line 10'", "", "ValueError line N -> no error"),
        ];
        for (expected, got, name) in cases {
            assert_eq!(kind(expected, got, false), name);
        }
    }
}
