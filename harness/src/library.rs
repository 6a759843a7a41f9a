//! The hidden `__probe` command: answers in the form of `worker/probe.py`, with Krait's crates in process and no runtime.
//!
//! What the crates cannot say without a runtime (`dis`, sources in encodings of other codecs) is answered with `CANNOT`.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use krait_bytecode::marshal::write_code;
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::error::{Details, ErrorKind, SyntaxError, SyntaxWarning};
use krait_syntax::tokenize::{TokenizeError, TokenizerIter};
use krait_syntax::unparse::ascii_str;
use krait_syntax::{Known, Mode, ParseOptions, decode_source};
use krait_unicode::{Text, TextBuf};

use crate::launch;
use crate::probe::{frame, read_frame};

/// In front of an answer that is none.
pub const CANNOT: u8 = 1;

/// Answers questions that come over standard input, a socket, until there are no more.
pub fn serve(memory: u64) -> Result<()> {
    launch::set_apart()?;
    launch::limit(memory)?;
    let mut requests = std::io::stdin().lock();
    while let Some(request) = read_frame(&mut requests).context("the harness is gone")? {
        let whole = frame(&answer(&request));
        let mut rest = &whole[..];
        while !rest.is_empty() {
            let written = rustix::io::write(rustix::stdio::stdin(), rest).context("the harness is gone")?;
            rest = rest.get(written..).unwrap_or_default();
        }
    }
    Ok(())
}

/// A source with what is known of it.
struct Source<'a> {
    text: &'a str,
    filename: &'a str,
    /// What its cookie says.
    encoding: Option<String>,
}

fn answer(request: &[u8]) -> Vec<u8> {
    let mut parts = request.splitn(4, |byte| *byte == b'\n');
    let mut part = || parts.next().unwrap_or_default();
    let (what, number, filename, source) = (part(), part(), part(), part());
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).unwrap_or(-1);
    let filename = String::from_utf8_lossy(filename).into_owned();
    if source.contains(&0) && what != b"tokens" {
        let none = "error: SyntaxError\nmessage: 'source code string cannot contain null bytes'\nlineno: None\noffset: None\n\
                    end_lineno: None\nend_offset: None\ntext: None";
        return match what {
            b"errors" | b"mutant" => modes(what, |_| none.lines().map(str::to_owned).collect()).into_bytes(),
            _ => none.into(),
        };
    }
    let text = match decode_source(source, &mut |_, _| None) {
        Ok(text) => text,
        Err(error) if error.message.to_str_lossy().starts_with("unknown encoding") => return cannot(&error.message.to_str_lossy()),
        Err(error) => {
            let lines = describe(&error, None, &filename);
            return match what {
                b"tokens" => cannot("tokenize decodes on its own"),
                b"errors" | b"mutant" => modes(what, |_| lines.clone()).into_bytes(),
                _ => lines.join("\n").into_bytes(),
            };
        }
    };
    let source = Source { text: &text, filename: &filename, encoding: krait_syntax::source_encoding(source) };
    match what {
        b"tokens" => tokens(&text, &filename).into_bytes(),
        b"ast" if number < 0 => tree(&source).into_bytes(),
        b"errors" | b"mutant" => modes(what, |mode| errors(&source, mode)).into_bytes(),
        b"code" => code(&source, u8::try_from(number).unwrap_or(0)),
        _ => cannot("only an interpreter can say"),
    }
}

fn cannot(reason: &str) -> Vec<u8> {
    [&[CANNOT], reason.as_bytes()].concat()
}

/// The answer in each mode that `what` asks for.
fn modes(what: &[u8], mut of: impl FnMut(Mode) -> Vec<String>) -> String {
    let all = [("exec", Mode::Exec), ("single", Mode::Single), ("eval", Mode::Eval)];
    let mut lines = Vec::new();
    for (name, mode) in all.into_iter().take(if what == b"mutant" { 1 } else { 3 }) {
        lines.push(format!("mode: {name}"));
        lines.extend(of(mode));
    }
    lines.join("\n")
}

fn describe(error: &SyntaxError, source: Option<&Source>, filename: &str) -> Vec<String> {
    let kind = match error.kind {
        ErrorKind::IncompleteInput => "_IncompleteInputError".to_owned(),
        ErrorKind::UnicodeDecodeError => "SyntaxError".to_owned(),
        ErrorKind::UnicodeEncodeError => return encode_error(&error.message),
        kind => format!("{kind:?}"),
    };
    let mut lines = vec![format!("error: {kind}"), format!("message: {}", ascii_str(&error.message))];
    if matches!(kind.as_str(), "SyntaxError" | "IndentationError" | "TabError" | "_IncompleteInputError") {
        // The compiler's errors show a line only if there is a file to read it from.
        let source = source.filter(|_| error.parser.is_some());
        let line = |n: i32| source.and_then(|s| s.text.split_inclusive('\n').nth(usize::try_from(n - 1).ok()?)).map(str::to_owned);
        let from_file = error.parser.as_ref().is_some_and(|parser| parser.line_from_file);
        let encoding = error.parser.as_ref().map(|_| source.and_then(|s| s.encoding.as_deref()).unwrap_or("utf-8"));
        let on_file = || file_line(filename, error.lineno, encoding);
        let (text, (offset, end_offset)) = match (if from_file { on_file() } else { None }, &error.text) {
            (Some(line), _) => (Some(ascii_str(Text::new(&line))), error.offsets_on(&line)),
            (None, Some(text)) => (Some(ascii_str(text)), (error.offset, error.end_offset)),
            (None, None) => {
                let shown = line(error.lineno).or_else(on_file).map(|line| ascii_str(Text::new(&line)));
                (shown, (error.offset, error.end_offset))
            }
        };
        let text = text.unwrap_or_else(|| "None".to_owned());
        let no_end = error.end_lineno < 0 && error.parser.is_none();
        let end = |value: i32, none: bool| if none { "None".to_owned() } else { value.to_string() };
        lines.push(format!("lineno: {}", error.lineno));
        lines.push(format!("offset: {offset}"));
        lines.push(format!("end_lineno: {}", end(error.end_lineno, no_end)));
        lines.push(format!("end_offset: {}", end(end_offset, no_end || error.details == Details::Message && end_offset < 0)));
        lines.push(format!("text: {text}"));
    }
    lines
}

/// The line of the file that an error shows. None in encodings of which the front end knows nothing.
fn file_line(filename: &str, lineno: i32, encoding: Option<&str>) -> Option<String> {
    let bytes = std::fs::read(filename).ok()?;
    let encoding = encoding.map(str::to_owned).or_else(|| krait_syntax::source_encoding(&bytes));
    let line = krait_syntax::line_of_file(&bytes, lineno)?;
    match Known::named(encoding.as_deref().unwrap_or("utf-8"))? {
        Known::Utf8 => Some(String::from_utf8_lossy(&line).into_owned()),
        Known::Latin1 => Some(line.iter().copied().map(char::from).collect()),
        Known::Ascii => Some(line.iter().map(|b| if b.is_ascii() { char::from(*b) } else { char::REPLACEMENT_CHARACTER }).collect()),
    }
}

/// The error of the UTF-8 codec for the first surrogate in a text.
fn encode_error(text: &Text) -> Vec<String> {
    let surrogate = text.code_points().enumerate().find(|(_, c)| (0xd800..0xe000).contains(c));
    let (at, c) = surrogate.unwrap_or_default();
    let message = format!("'utf-8' codec can't encode character '\\u{c:x}' in position {at}: surrogates not allowed");
    vec!["error: UnicodeEncodeError".to_owned(), format!("message: {}", ascii_str(Text::new(&message)))]
}

fn warning(warning: &SyntaxWarning) -> String {
    format!("warning: {:?} {} {}", warning.category, warning.lineno, ascii_str(Text::new(&warning.message)))
}

fn tokens(text: &str, filename: &str) -> String {
    let mut out = String::new();
    if let Some(error) = token_lines(text, true, &mut out) {
        if error.kind == ErrorKind::SyntaxError {
            let message = match error.message.to_str_lossy() {
                message if message.contains("unterminated triple-quoted string literal") => "EOF in multi-line string".into(),
                message => message,
            };
            let (lineno, offset) = (error.lineno, error.offset);
            let _ = writeln!(out, "error: TokenError ({}, ({lineno}, {offset}))", ascii_str(Text::new(&message)));
        } else {
            out.extend(describe(&error, None, filename).iter().map(|line| format!("{line}\n")));
        }
    }
    out.push_str("plain\n");
    if let Some(error) = token_lines(text, false, &mut out) {
        out.extend(describe(&error, None, filename).iter().map(|line| format!("{line}\n")));
    }
    out
}

fn token_lines(text: &str, extra: bool, out: &mut String) -> Option<Box<SyntaxError>> {
    let mut lines = text.split_inclusive('\n');
    let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), extra);
    let mut last = None;
    loop {
        let token = match tokens.next_token() {
            Ok(Some(token)) => token,
            Ok(None) | Err(TokenizeError::Source(())) => return None,
            Err(TokenizeError::Syntax(error)) => return Some(error),
        };
        let ((row, column), (end_row, end_column)) = (token.start, token.end);
        let string = ascii_str(Text::new(&token.string));
        let _ = write!(out, "{} {string} {row},{column}-{end_row},{end_column}", token.kind);
        if last.as_ref() != Some(&token.line) {
            let _ = write!(out, " {}", ascii_str(Text::new(&token.line)));
        }
        out.push('\n');
        last = Some(token.line);
    }
}

fn options(filename: &str, mode: Mode) -> ParseOptions {
    ParseOptions { filename: filename.to_owned(), mode, ..ParseOptions::default() }
}

fn tree(source: &Source) -> String {
    let arena = Arena::new();
    match krait_syntax::parse(&arena, source.text, &options(source.filename, Mode::Exec)) {
        Ok(parsed) => krait_syntax::dump::dump(&parsed.module),
        Err(error) => describe(&error, Some(source), source.filename).join("\n"),
    }
}

fn errors(source: &Source, mode: Mode) -> Vec<String> {
    let arena = Arena::new();
    let parsed = match krait_syntax::parse(&arena, source.text, &options(source.filename, mode)) {
        Ok(parsed) => parsed,
        Err(error) => {
            return error.warnings.iter().map(warning).chain(describe(&error, Some(source), source.filename)).collect();
        }
    };
    let mut lines: Vec<String> = parsed.warnings.iter().map(warning).collect();
    match compile(&arena, &parsed.module, &TextBuf::from(source.filename), CompileOptions::default()) {
        Ok(compiled) => lines.extend(compiled.warnings.iter().map(warning)),
        Err(error) => lines.extend(error.warnings.iter().map(warning).chain(describe(&error, Some(source), source.filename))),
    }
    lines
}

fn code(source: &Source, optimize: u8) -> Vec<u8> {
    let arena = Arena::new();
    let compiled = krait_syntax::parse(&arena, source.text, &options(source.filename, Mode::Exec)).and_then(|parsed| {
        compile(&arena, &parsed.module, &TextBuf::from(source.filename), CompileOptions { optimize, ..CompileOptions::default() })
    });
    match compiled {
        Ok(compiled) => match write_code(&compiled.code) {
            Ok(bytes) => [&[0], &bytes[..]].concat(),
            Err(error) => format!("error: {error}").into_bytes(),
        },
        Err(error) => describe(&error, Some(source), source.filename).join("\n").into_bytes(),
    }
}
