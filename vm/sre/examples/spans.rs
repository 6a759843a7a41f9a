//! Answers `verify.py`: each line of standard input is `mode pos endpos width groups|code|subject`, all numbers in decimal;
//! the answer is the spans of the matches, or `-`.

use std::io::{BufRead, Write};

use krait_sre::{Environment, Error, Locale, Program, State, Subject};

fn numbers(text: &str) -> Option<Vec<u32>> {
    text.split_ascii_whitespace().map(|word| word.parse().ok()).collect()
}

/// Spans of all groups, and lastindex.
fn describe(state: &State, groups: usize) -> String {
    let mut out = String::new();
    for group in 0..=groups {
        match state.group(group) {
            Some((start, end)) => out += &format!("{start},{end} "),
            None => out += "-1,-1 ",
        }
    }
    out + &state.lastindex().map_or("None".into(), |index| index.to_string())
}

fn answer(line: &str) -> Option<String> {
    let mut parts = line.split('|');
    let mut head = parts.next()?.split(' ');
    let mode = head.next()?;
    let head: Vec<usize> = head.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let [pos, endpos, width, groups] = head[..] else { return None };
    let code = numbers(parts.next()?)?;
    let text = numbers(parts.next()?)?;
    let Ok(program) = Program::new(&code, groups) else { return Some("invalid".into()) };
    let narrow: Vec<u8> = text.iter().map(|&c| c as u8).collect();
    let middle: Vec<u16> = text.iter().map(|&c| c as u16).collect();
    let subject = match width {
        1 => Subject::U8(&narrow),
        2 => Subject::U16(&middle),
        _ => Subject::U32(&text),
    };
    let mut state = State::new(text.len(), pos, endpos);
    let mut out = Vec::new();
    // Interrupts at every chance, so that resuming is tried too.
    let mut stop = false;
    let mut poll = || {
        stop = !stop;
        stop
    };
    let mut env = Environment { locale: &Locale::C, poll: &mut poll };
    loop {
        let mut result = match mode {
            "match" => state.match_(&program, subject, &mut env),
            "fullmatch" => state.fullmatch(&program, subject, &mut env),
            _ => state.search(&program, subject, &mut env),
        };
        while result == Err(Error::Interrupted) {
            result = state.resume(&program, subject, &mut env);
        }
        match result {
            Ok(true) => out.push(describe(&state, groups)),
            Ok(false) => break,
            Err(error) => return Some(format!("{error:?}")),
        }
        if mode != "findall" {
            break;
        }
        state.advance();
    }
    Some(if out.is_empty() { "-".into() } else { out.join(";") })
}

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", answer(&line?).unwrap_or("?".into()))?;
    }
    out.flush()
}
