//! The seeds in `corpus/code`, one for each opcode that the compiler emits and one for each pass over tree and flow graph, against the
//! listings in `snapshots/code`. That CPython makes the same code of them is what `harness snapshot code corpus/code` checks.
//!
//! A seed that begins with `# optimize: 2` is compiled at that level. Snapshots without a seed fail.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

use krait_bytecode::opcode::{MIN_INSTRUMENTED_OPCODE, Opcode};
use krait_bytecode::{Code, dis};
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ParseOptions;
use krait_syntax::ast::Arena;
use krait_unicode::Text;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Opcodes that no compiler emits: they stand in caches, or the evaluator makes them itself.
const NEVER_EMITTED: [Opcode; 5] =
    [Opcode::CACHE, Opcode::RESERVED, Opcode::ENTER_EXECUTOR, Opcode::EXIT_INIT_CHECK, Opcode::INTERPRETER_EXIT];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The seeds of a folder by name.
fn seeds(folder: &str) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(root().join("corpus/code").join(folder)).expect("the corpus is there");
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "py"));
    files.map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&path).unwrap())).collect()
}

fn code_of(source: &str) -> std::rc::Rc<Code> {
    let arena = Arena::new();
    let parsed = krait_syntax::parse(&arena, source, &ParseOptions::default()).expect("a seed parses");
    let optimize = if source.starts_with("# optimize: 2\n") { 2 } else { 0 };
    let options = CompileOptions { optimize, ..CompileOptions::default() };
    compile(&arena, &parsed.module, Text::new("seed.py"), options).expect("a seed compiles").code
}

fn opcodes(code: &Code, found: &mut BTreeSet<u8>) {
    found.extend(dis::Instructions::new(&code.code).map(|instr| instr.number));
    // The decoder takes prefixes in; they are instructions all the same.
    if dis::Instructions::new(&code.code).any(|instr| instr.start != instr.unit) {
        found.insert(Opcode::EXTENDED_ARG as u8);
    }
    code.nested().for_each(|nested| opcodes(nested, found));
}

fn snapshots(folder: &str) {
    let seeds = seeds(folder);
    let kept = root().join("snapshots/code").join(folder);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&kept);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, source) in &seeds {
            insta::assert_snapshot!(name.as_str(), dis::listing(&code_of(source)));
        }
    });
    for entry in std::fs::read_dir(&kept).expect("there are snapshots") {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let stem = name.strip_suffix(".snap").unwrap_or_else(|| panic!("{name} is no accepted snapshot"));
        assert!(seeds.contains_key(stem), "the snapshot {folder}/{name} has no seed");
    }
}

#[test]
fn opcodes_are_listed_as_before() {
    snapshots("opcodes");
}

#[test]
fn passes_do_what_they_did() {
    snapshots("passes");
}

#[test]
fn each_opcode_has_a_seed() {
    let seeds = seeds("opcodes");
    let plain = (0..=u8::MAX).filter(|n| u16::from(*n) < MIN_INSTRUMENTED_OPCODE);
    let plain = plain.filter_map(|n| Opcode::from_u16(u16::from(n))).filter(|op| op.deopt() == *op && !NEVER_EMITTED.contains(op));
    for op in plain {
        let name = op.name().to_lowercase();
        let source = seeds.get(&name).unwrap_or_else(|| panic!("no seed for {name}"));
        let mut found = BTreeSet::new();
        opcodes(&code_of(source), &mut found);
        assert!(found.contains(&(op as u16 as u8)), "the seed of {name} does not lead to it");
    }
}
