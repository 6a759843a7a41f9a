//! Times of Krait's crates in process: what the front end costs without Python objects.

use std::path::PathBuf;

use krait_bytecode::marshal::{read_code, write_code};
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::error::SyntaxError;
use krait_syntax::tokenize::TokenizerIter;
use krait_syntax::{ParseOptions, decode_source};
use krait_unicode::TextBuf;
use rustix::time::{ClockId, clock_gettime};

use super::Bare;

fn now() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn best(rounds: u32, mut work: impl FnMut()) -> f64 {
    let one = |_| {
        let begun = now();
        work();
        now() - begun
    };
    (0..rounds).map(one).fold(f64::INFINITY, f64::min)
}

/// Tokenizer, parser, compiler (from source to code) and marshal on every source that can be decoded.
pub fn library(files: &[PathBuf], sources: &[Vec<u8>], rounds: u32) -> Vec<Bare> {
    let decoded = files.iter().zip(sources).filter_map(|(file, source)| {
        let text = decode_source(source, &mut |_, _| None).ok().filter(|text| !text.contains('\0'))?;
        Some((file.display().to_string(), text))
    });
    let texts: Vec<_> = decoded.collect();
    let bytes = texts.iter().map(|(_, text)| text.len()).sum();
    let codes: Vec<Vec<u8>> = texts.iter().filter_map(|(file, text)| code(file, text).ok()).collect();
    let marshalled = codes.iter().map(Vec::len).sum();
    let tokenizer = best(rounds, || texts.iter().for_each(|(_, text)| tokens(text)));
    let parser = best(rounds, || texts.iter().for_each(|(file, text)| drop(tree(file, text))));
    let compiler = best(rounds, || texts.iter().for_each(|(file, text)| drop(compiled(file, text))));
    let marshal = best(rounds, || codes.iter().for_each(|code| drop(read_code(code))));
    vec![
        Bare { part: "tokenizer", seconds: tokenizer, bytes },
        Bare { part: "parser", seconds: parser, bytes },
        Bare { part: "compiler", seconds: compiler, bytes },
        Bare { part: "marshal", seconds: marshal, bytes: marshalled },
    ]
}

fn tokens(text: &str) {
    let mut lines = text.split_inclusive('\n');
    let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), true);
    while let Ok(Some(_)) = tokens.next_token() {}
}

fn options(filename: &str) -> ParseOptions {
    ParseOptions { filename: filename.to_owned(), ..ParseOptions::default() }
}

fn tree(filename: &str, text: &str) -> Result<(), SyntaxError> {
    krait_syntax::parse(&Arena::new(), text, &options(filename)).map(drop)
}

fn compiled(filename: &str, text: &str) -> Result<(), SyntaxError> {
    let arena = Arena::new();
    let parsed = krait_syntax::parse(&arena, text, &options(filename))?;
    compile(&arena, &parsed.module, &TextBuf::from(filename), CompileOptions::default()).map(drop)
}

fn code(filename: &str, text: &str) -> Result<Vec<u8>, SyntaxError> {
    let arena = Arena::new();
    let parsed = krait_syntax::parse(&arena, text, &options(filename))?;
    let made = compile(&arena, &parsed.module, &TextBuf::from(filename), CompileOptions::default())?;
    Ok(write_code(&made.code).unwrap_or_default())
}

/// Seconds for one large source, and the error it ends with; the same sources as in `worker/front.py`.
pub fn shape(shape: &str, size: usize, with_code: bool) -> (f64, String) {
    let repeat = |text: &str| text.repeat(size / text.len());
    let source = match shape {
        "expression" => format!("x = [{}]\n", repeat("f(a, -b[1:2], c.d) if e < 2 else {g: 'h'}, ")),
        "string" => format!("x = '{}'\n", repeat("string ")),
        "nested" => format!("x = {}{}\n", "[".repeat(size / 2), "]".repeat(size / 2)),
        _ => format!("x = a{}\n", repeat(" + b")),
    };
    let begun = now();
    let outcome = if with_code { compiled("<shape>", &source) } else { tree("<shape>", &source) };
    let said = outcome.err().map(|error| format!("{:?}: {}", error.kind, error.message.to_str_lossy()));
    (now() - begun, said.unwrap_or_default())
}
