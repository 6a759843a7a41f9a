//! Speed of the front end without Python objects, over every source of CPython's library, in bytes a second.
//!
//!     cargo bench -p krait-compiler --bench front
//!
//! The library is KRAIT_LIBRARY, or that of the harness's private reference, or that of the python3.14 on PATH. `harness bench
//! front` times whole interpreters side by side.
#![allow(clippy::unwrap_used, reason = "a bench may stop")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use divan::counter::BytesCount;
use krait_bytecode::marshal::{read_code, write_code};
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::tokenize::TokenizerIter;
use krait_syntax::{ParseOptions, decode_source, parse};
use krait_unicode::TextBuf;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

fn library() -> PathBuf {
    if let Some(folder) = std::env::var_os("KRAIT_LIBRARY") {
        return folder.into();
    }
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    let private = cache.map(|cache| cache.join("krait/reference/usr/lib/python3.14"));
    if let Some(folder) = private.filter(|folder| folder.is_dir()) {
        return folder;
    }
    let asked = Command::new("python3.14").args(["-c", "import os; print(os.path.dirname(os.__file__))"]).output();
    asked.map(|output| String::from_utf8_lossy(&output.stdout).trim().into()).unwrap()
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            find(&entry, found);
        } else if entry.extension().is_some_and(|end| end == "py") {
            found.push(entry);
        }
    }
}

/// Every source of the library that Krait decodes on its own and compiles, and its code.
fn sources() -> &'static [(String, Vec<u8>)] {
    static SOURCES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let mut files = Vec::new();
        find(&library(), &mut files);
        files.sort();
        let texts = files.iter().filter_map(|file| decode_source(&std::fs::read(file).ok()?, &mut |_, _| None).ok());
        texts.filter_map(|text| code(&text).map(|code| (text, code))).collect()
    })
}

fn code(text: &str) -> Option<Vec<u8>> {
    let arena = Arena::new();
    let parsed = parse(&arena, text, &ParseOptions::default()).ok()?;
    let made = compile(&arena, &parsed.module, &TextBuf::from("<bench>"), CompileOptions::default()).ok()?;
    write_code(&made.code).ok()
}

fn run(bencher: divan::Bencher<'_, '_>, bytes: fn(&(String, Vec<u8>)) -> usize, work: impl Fn(&str, &[u8]) + Sync) {
    let sources = sources();
    let count = BytesCount::new(sources.iter().map(bytes).sum::<usize>());
    bencher.counter(count).bench(|| sources.iter().for_each(|(text, code)| work(text, code)));
}

#[divan::bench(sample_count = 5)]
fn tokenizer(bencher: divan::Bencher<'_, '_>) {
    run(bencher, |source| source.0.len(), |text, _| {
        let mut lines = text.split_inclusive('\n');
        let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), true);
        while let Ok(Some(token)) = tokens.next_token() {
            divan::black_box(token);
        }
    });
}

#[divan::bench(sample_count = 5)]
fn parser(bencher: divan::Bencher<'_, '_>) {
    run(bencher, |source| source.0.len(), |text, _| {
        drop(divan::black_box(parse(&Arena::new(), text, &ParseOptions::default())));
    });
}

#[divan::bench(sample_count = 5)]
fn source_to_code(bencher: divan::Bencher<'_, '_>) {
    run(bencher, |source| source.0.len(), |text, _| {
        let arena = Arena::new();
        if let Ok(parsed) = parse(&arena, text, &ParseOptions::default()) {
            drop(divan::black_box(compile(&arena, &parsed.module, &TextBuf::from("<bench>"), CompileOptions::default())));
        }
    });
}

#[divan::bench(sample_count = 5)]
fn marshal_loads(bencher: divan::Bencher<'_, '_>) {
    run(bencher, |source| source.1.len(), |_, code| drop(divan::black_box(read_code(code))));
}
