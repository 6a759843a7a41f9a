//! Writes the first inputs of each target: `krait-fuzz-seeds CORPUS OUT` takes the Python files below `CORPUS` and makes `OUT/TARGET/...`.

use krait_bytecode::marshal::write_code;
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ParseOptions;
use krait_syntax::ast::Arena;
use std::fs;
use std::path::{Path, PathBuf};

/// Inputs longer than this only make a fuzzer slow.
const LONGEST: usize = 4096;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, out] = &args[..] else { return Err("usage: krait-fuzz-seeds CORPUS OUT".into()) };
    let mut files = Vec::new();
    collect(Path::new(corpus), &mut files)?;
    let mut count = 0;
    for file in &files {
        let source = fs::read(file)?;
        let text = String::from_utf8_lossy(&source);
        // Whole files that are small, and the statements of all.
        for piece in pieces(&text) {
            count += 1;
            let name = format!("{count:05}");
            write(out, "tokenize", &name, piece.as_bytes())?;
            write(out, "parse", &name, &[b"\0", piece.as_bytes()].concat())?;
            write(out, "roundtrip", &name, piece.as_bytes())?;
            let arena = Arena::new();
            let Ok(parsed) = krait_syntax::parse(&arena, piece, &ParseOptions::default()) else { continue };
            let Ok(compiled) = compile(&arena, &parsed.module, krait_unicode::Text::new("<seed>"), CompileOptions::default()) else { continue };
            if let Ok(data) = write_code(&compiled.code) {
                write(out, "marshal_loads", &name, &data)?;
            }
        }
    }
    for target in ["parse_soup", "pyc", "exec_code", "compile", "programs"] {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for n in 0..64_usize {
            let bytes: Vec<u8> = (0..16 << (n % 6)).map(|_| random(&mut state)).collect();
            write(out, target, &format!("{n:05}"), &bytes)?;
        }
    }
    println!("{count} pieces of {} files", files.len());
    Ok(())
}

fn random(state: &mut u64) -> u8 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 32) as u8
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|e| e == "py") {
            files.push(path);
        }
    }
    Ok(())
}

/// A text's top-level blocks.
fn pieces(text: &str) -> Vec<&str> {
    if text.len() <= LONGEST {
        return vec![text];
    }
    let (mut pieces, mut start) = (Vec::new(), 0);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begins = line.starts_with(|c: char| !c.is_whitespace() && !")]}".contains(c));
        if begins && at > start && (at - start > 512) {
            pieces.push(&text[start..at]);
            start = at;
        }
        at += line.len();
    }
    pieces.push(&text[start..]);
    pieces.retain(|p| p.len() <= LONGEST);
    pieces
}

fn write(out: &str, target: &str, name: &str, data: &[u8]) -> std::io::Result<()> {
    let folder = Path::new(out).join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), data)
}
