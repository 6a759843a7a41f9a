//! Compiles files and writes what comes out as one line of JSON each, for comparison with another implementation.
//!
//!     dump_code [-O LEVEL] [--mode exec|eval|single] [--codegen | --symtable] FILE...
//!
//! Without a switch the code object is written, with `--codegen` the pseudo-instructions, with `--symtable` the blocks.
//! Strings and bytes are written as hexadecimal digits of their (generalized) UTF-8, floats as the digits of their bits.

use std::fmt::Write as _;
use std::process::ExitCode;

use krait_bytecode::{Code, Const};
use krait_compiler::compile::{self, CompileOptions};
use krait_compiler::instruction_sequence::InstructionSequence;
use krait_compiler::symtable::{Symtable, symbol_to_scope};
use krait_syntax::ast::Arena;
use krait_syntax::error::{SyntaxError, SyntaxWarning};
use krait_syntax::{Mode, ParseOptions};
use krait_unicode::{SharedText, Text};

enum What {
    Code,
    Codegen,
    Symtable,
}

fn main() -> ExitCode {
    let mut options = CompileOptions::default();
    let mut parse = ParseOptions { lookup_name, ..ParseOptions::default() };
    let mut what = What::Code;
    let mut args = std::env::args().skip(1);
    let mut files = Vec::new();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "-O" => options.optimize = args.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            "--codegen" => what = What::Codegen,
            "--symtable" => what = What::Symtable,
            "--mode" => {
                parse.mode = match args.next().as_deref() {
                    Some("eval") => Mode::Eval,
                    Some("single") => Mode::Single,
                    _ => Mode::Exec,
                }
            }
            _ => files.push(arg),
        }
    }
    for file in files {
        let line = match std::fs::read(&file) {
            Ok(bytes) => dump(&bytes, &file, &parse, options, &what).unwrap_or_else(|e| error(&e)),
            Err(e) => format!("{{\"io\":{:?}}}", e.to_string()),
        };
        println!("{line}");
    }
    ExitCode::SUCCESS
}

fn lookup_name(name: &str) -> Option<u32> {
    match krait_unicode::lookup_name(name)? {
        krait_unicode::Named::Char(c) => Some(c),
        krait_unicode::Named::Sequence(_) => None,
    }
}

fn dump(bytes: &[u8], file: &str, parse: &ParseOptions, options: CompileOptions, what: &What) -> Result<String, SyntaxError> {
    let source = krait_syntax::decode_source(bytes, &mut |_, _| None)?;
    let arena = Arena::new();
    let parsed = krait_syntax::parse(&arena, &source, parse)?;
    let filename = Text::new(file);
    let mut out = String::new();
    match what {
        What::Code => {
            let compiled = compile::compile(&arena, &parsed.module, filename, options)?;
            out.push_str("{\"code\":");
            code(&mut out, &compiled.code);
            out.push_str(",\"warnings\":");
            list(&mut out, parsed.warnings.iter().chain(&compiled.warnings), warning);
            out.push('}');
        }
        What::Codegen => {
            let unit = compile::codegen(&arena, &parsed.module, filename, options)?;
            out.push_str("{\"codegen\":");
            instructions(&mut out, unit.instructions);
            out.push('}');
        }
        What::Symtable => {
            let table = compile::symtable(&arena, &parsed.module, options)?;
            out.push_str("{\"symtable\":");
            block(&mut out, &table, &table.top().id);
            out.push('}');
        }
    }
    Ok(out)
}

fn error(e: &SyntaxError) -> String {
    format!(
        "{{\"error\":[\"{:?}\",{},{},{},{},{}]}}",
        e.kind,
        json(&e.message.to_str_lossy()),
        e.lineno,
        e.offset,
        e.end_lineno,
        e.end_offset
    )
}

fn json(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn warning(out: &mut String, w: &SyntaxWarning) {
    let _ = write!(out, "[{},{}]", json(&w.message), w.lineno);
}

fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, mut f: impl FnMut(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        f(out, item);
    }
    out.push(']');
}

fn hex(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
}

fn text(out: &mut String, text: &SharedText) {
    hex(out, text.as_bytes());
}

fn code(out: &mut String, c: &Code) {
    let _ = write!(
        out,
        "{{\"argcount\":{},\"posonlyargcount\":{},\"kwonlyargcount\":{},\"stacksize\":{},\"flags\":{},\"firstlineno\":{}",
        c.argcount, c.posonlyargcount, c.kwonlyargcount, c.stacksize, c.flags, c.firstlineno
    );
    out.push_str(",\"name\":");
    text(out, &c.name);
    out.push_str(",\"qualname\":");
    text(out, &c.qualname);
    out.push_str(",\"code\":");
    hex(out, &c.code);
    out.push_str(",\"linetable\":");
    hex(out, &c.linetable);
    out.push_str(",\"exceptiontable\":");
    hex(out, &c.exceptiontable);
    out.push_str(",\"names\":");
    list(out, &c.names, text);
    out.push_str(",\"varnames\":");
    list(out, c.varnames(), text);
    out.push_str(",\"cellvars\":");
    list(out, c.cellvars(), text);
    out.push_str(",\"freevars\":");
    list(out, c.freevars(), text);
    out.push_str(",\"consts\":");
    list(out, &c.consts, constant);
    out.push('}');
}

fn constant(out: &mut String, value: &Const) {
    let tagged = |out: &mut String, tag: &str, items: &[Const]| {
        let _ = write!(out, "[\"{tag}\",");
        list(out, items, constant);
        out.push(']');
    };
    match value {
        Const::None => out.push_str("[\"None\"]"),
        Const::True => out.push_str("[\"True\"]"),
        Const::False => out.push_str("[\"False\"]"),
        Const::Ellipsis => out.push_str("[\"Ellipsis\"]"),
        Const::Int(v) => drop(write!(out, "[\"int\",\"{v:x}\"]", v = i128::from(*v).unsigned_abs()).map(|()| sign(out, *v < 0))),
        Const::BigInt(v) => drop(write!(out, "[\"int\",\"{:x}\"]", v.magnitude()).map(|()| sign(out, v.sign() == num_bigint::Sign::Minus))),
        Const::Float(v) => drop(write!(out, "[\"float\",\"{:016x}\"]", v.to_bits())),
        Const::Complex(re, im) => drop(write!(out, "[\"complex\",\"{:016x}{:016x}\"]", re.to_bits(), im.to_bits())),
        Const::Str(s) => {
            out.push_str("[\"str\",");
            text(out, s);
            out.push(']');
        }
        Const::Bytes(b) => {
            out.push_str("[\"bytes\",");
            hex(out, b);
            out.push(']');
        }
        Const::Tuple(items) => tagged(out, "tuple", items),
        Const::FrozenSet(items) => tagged(out, "frozenset", items),
        Const::Slice(items) => tagged(out, "slice", &**items),
        Const::Code(c) => {
            out.push_str("[\"code\",");
            code(out, c);
            out.push(']');
        }
    }
}

/// Turns the tag of the integer just written into `-int` when it is negative.
fn sign(out: &mut String, negative: bool) {
    if negative && let Some(at) = out.rfind("[\"int\"") {
        out.insert(at + 2, '-');
    }
}

fn instructions(out: &mut String, seq: InstructionSequence) {
    let mut seq = seq;
    seq.apply_label_map();
    out.push('[');
    list(out, seq.instrs(), |out, i| {
        let l = i.loc;
        let _ = write!(
            out,
            "[\"{}\",{},{},{},{},{}]",
            i.opcode, i.oparg, l.lineno, l.end_lineno, l.col_offset, l.end_col_offset
        );
    });
    out.push(',');
    list(out, seq.nested(), |out, nested| instructions(out, nested.clone()));
    out.push(']');
}

fn block(out: &mut String, table: &Symtable<'_>, id: &krait_compiler::symtable::EntryId) {
    let entry = table.entry(*id);
    let _ = write!(out, "[{},{},{},{},", json(entry.name), entry.block as u8, entry.range.lineno, u8::from(entry.nested));
    list(out, &entry.symbols, |out, (name, flags)| {
        let _ = write!(out, "[{},{},{}]", json(name), flags & 0xfff, symbol_to_scope(*flags));
    });
    out.push(',');
    list(out, &entry.varnames, |out, name| {
        out.push_str(&json(name));
    });
    out.push(',');
    list(out, &entry.children, |out, child| block(out, table, child));
    out.push(']');
}
