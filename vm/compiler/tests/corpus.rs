//! The seeds in `corpus/syntax/`, one for each production of the grammar and for each mistake: their tokens, their tree, and the error or the warnings of
//! compiling them stay what the snapshots in `snapshots/syntax/` say. That those are CPython's is for `harness snapshot` to compare.

use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::error::{SyntaxError, SyntaxWarning};
use krait_syntax::tokenize::{TokenizeError, TokenizerIter};
use krait_syntax::unparse::ascii_str;
use krait_syntax::{ParseOptions, decode_source, dump, parse};
use krait_unicode::{Text, TextBuf};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const NAME: &str = "<seed>";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn quoted(text: &str) -> String {
    ascii_str(Text::new(text))
}

fn error(error: &SyntaxError) -> String {
    let mut out = String::new();
    for warning in &error.warnings {
        out.push_str(&self::warning(warning));
    }
    let (line, column, end_line, end_column) = (error.lineno, error.offset, error.end_lineno, error.end_offset);
    let _ = writeln!(out, "{:?}: {} @ {line}:{column}-{end_line}:{end_column}", error.kind, error.message.to_str_lossy());
    if let Some(text) = &error.text {
        let _ = writeln!(out, "{}", ascii_str(text));
    }
    out
}

fn warning(warning: &SyntaxWarning) -> String {
    format!("{:?}: {} @ {}\n", warning.category, warning.message, warning.lineno)
}

fn tokens(source: &str) -> String {
    let mut out = String::new();
    let mut lines = source.split_inclusive('\n');
    let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), true);
    loop {
        match tokens.next_token() {
            Ok(Some(token)) => {
                let ((row, column), (end_row, end_column)) = (token.start, token.end);
                let _ = writeln!(out, "{} {} {row}:{column}-{end_row}:{end_column}", token.kind, quoted(&token.string));
            }
            Ok(None) | Err(TokenizeError::Source(())) => return out,
            Err(TokenizeError::Syntax(e)) => return out + &error(&e),
        }
    }
}

/// Tree and complaints.
fn tree(source: &str) -> (String, String) {
    let arena = Arena::new();
    let options = ParseOptions { filename: NAME.to_owned(), ..ParseOptions::default() };
    let parsed = match parse(&arena, source, &options) {
        Ok(parsed) => parsed,
        Err(e) => return (String::new(), error(&e)),
    };
    let mut complaints: String = parsed.warnings.iter().map(warning).collect();
    match compile(&arena, &parsed.module, &TextBuf::from(NAME), CompileOptions::default()) {
        Ok(compiled) => complaints.extend(compiled.warnings.iter().map(warning)),
        Err(e) => complaints.push_str(&error(&e)),
    }
    (dump::dump(&parsed.module), complaints)
}

fn describe(bytes: &[u8]) -> String {
    match decode_source(bytes, &mut |_, _| None) {
        Ok(source) => {
            let (tree, complaints) = tree(&source);
            format!("tokens:\n{}\ntree:\n{tree}\n\nerrors:\n{complaints}", tokens(&source))
        }
        Err(e) => format!("errors:\n{}", error(&e)),
    }
}

/// The files of a folder and the folders in it, relative to it and without their suffix.
fn stems(folder: &Path, suffix: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut rest = vec![folder.to_path_buf()];
    while let Some(next) = rest.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                rest.push(path);
            } else if let Some(stem) = path.strip_prefix(folder).ok().and_then(|p| p.to_str()).and_then(|p| p.strip_suffix(suffix)) {
                found.insert(stem.to_owned());
            }
        }
    }
    found
}

#[test]
fn seeds() {
    let corpus = repository().join("corpus/syntax");
    let seeds = stems(&corpus, ".py");
    assert!(seeds.len() > 600, "corpus/syntax is missing");
    for seed in &seeds {
        let (folder, name) = seed.split_once('/').unwrap_or(("", seed));
        let bytes = std::fs::read(corpus.join(format!("{seed}.py"))).unwrap_or_default();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(repository().join("snapshots/syntax").join(folder));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name, describe(&bytes)));
    }
    let orphans: Vec<_> = stems(&repository().join("snapshots/syntax"), ".snap").into_iter().filter(|name| !seeds.contains(name)).collect();
    assert!(orphans.is_empty(), "snapshots without a seed: {orphans:?}");
}
