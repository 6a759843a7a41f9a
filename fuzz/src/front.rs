//! Oracles of the front end alone: no interpreter.

use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ast::Arena;
use krait_syntax::tokenize::TokenizerIter;
use krait_syntax::{Mode, ParseOptions};

/// Tokens of a text in both flavours: they end, and their places do not go back.
pub fn tokens(text: &str) {
    for extra_tokens in [false, true] {
        let mut lines = text.split_inclusive('\n');
        let mut tokens = TokenizerIter::new(|| Ok::<_, ()>(lines.next().map(str::to_owned)), extra_tokens);
        let mut left = 4 * text.len() + 16;
        let mut last = (0, -1);
        while let Ok(Some(token)) = tokens.next_token() {
            assert!(token.end.0 >= token.start.0, "a token ends on a line before its first: {token:?}");
            assert!(token.start.0 >= last.0, "a token on a line before its predecessor: {token:?}");
            last = token.start;
            left = left.checked_sub(1).expect("more tokens than characters");
        }
        drop(tokens.take_warnings());
    }
}

/// The text of source bytes, with Latin-1 in place of all codecs that are not built in.
pub fn decoded(bytes: &[u8]) -> Option<String> {
    krait_syntax::decode_source(bytes, &mut |_, data| Some(Ok(data.iter().map(|b| char::from(*b)).collect()))).ok()
}

/// Options by the bits of a number.
pub fn options(bits: u8) -> ParseOptions {
    ParseOptions {
        mode: [Mode::Exec, Mode::Eval, Mode::Single, Mode::FuncType][usize::from(bits & 3)],
        type_comments: bits & 4 != 0,
        feature_version: if bits & 8 != 0 { 7 } else { 14 },
        allow_incomplete_input: bits & 16 != 0,
        dont_imply_dedent: bits & 32 != 0,
        barry_as_bdfl: bits & 64 != 0,
        ..ParseOptions::default()
    }
}

/// Parses, and compiles what parses.
pub fn parse(text: &str, bits: u8) {
    let arena = Arena::new();
    let options = options(bits);
    match krait_syntax::parse(&arena, text, &options) {
        Ok(parsed) if options.mode != Mode::FuncType => {
            let options = CompileOptions { optimize: bits >> 7, ..CompileOptions::default() };
            if let Ok(compiled) = compile(&arena, &parsed.module, krait_unicode::Text::new("<fuzz>"), options) {
                let mut todo = vec![compiled.code];
                while let Some(code) = todo.pop() {
                    if let Err(e) = krait_bytecode::verify::verify(&code) {
                        panic!("the compiler's own code is refused: {e}\n{}", krait_bytecode::dis::listing(&code));
                    }
                    todo.extend(code.nested().cloned());
                }
            }
        }
        Ok(_) => {}
        Err(e) => assert!(!e.message.is_empty()),
    }
}
