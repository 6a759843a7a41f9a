//! Checks the flow graph and the assembler against a reference, without code generation: each file named on the command line is
//! the marshal of `(name, instructions flattened to six ints each, constants, code)`, where the instructions and constants are what the
//! reference's `_testinternalcapi.compiler_codegen` says of a module and `code` is what it compiles the module to.

use krait_bytecode::code::{co, fast};
use krait_bytecode::dis::listing;
use krait_bytecode::marshal::read_const;
use krait_bytecode::{Code, Const, Opcode};
use krait_compiler::flowgraph::optimize_and_assemble;
use krait_compiler::instruction_sequence::{
    CodeUnitMetadata, ConstTable, InstructionSequence, JumpTargetLabel, Location, NameTable,
};

fn main() {
    let (mut good, mut bad) = (0, 0);
    for path in std::env::args().skip(1) {
        match check(&path) {
            Ok(()) => good += 1,
            Err(message) => {
                bad += 1;
                println!("{message}");
            }
        }
    }
    println!("{good} identical, {bad} not");
}

fn check(path: &str) -> Result<(), String> {
    let data = std::fs::read(path).map_err(|e| e.to_string())?;
    let Const::Tuple(fields) = read_const(&data).map_err(|e| format!("{path}: {e}"))? else { return Err("not a tuple".into()) };
    let [Const::Str(name), Const::Tuple(flat), Const::Tuple(consts), Const::Code(expected)] = &*fields else {
        return Err(format!("{path}: not what was expected"));
    };
    let code = compile(flat, consts, expected).map_err(|e| format!("{path} {name:?}: {e}"))?;
    let diff = difference(&code, expected);
    if !diff.is_empty() && std::env::var_os("LIST").is_some() {
        println!("{}\n--- expected\n{}", listing(&code), listing(expected));
    }
    if diff.is_empty() { Ok(()) } else { Err(format!("{path} {name:?}: {}", diff.join(", "))) }
}

fn compile(flat: &[Const], consts: &[Const], expected: &Code) -> Result<Code, String> {
    let ints: Vec<i32> = flat.iter().map(|c| if let Const::Int(v) = c { *v as i32 } else { 0 }).collect();
    let mut seq = InstructionSequence::new();
    for (at, i) in ints.chunks(6).enumerate() {
        seq.use_label(JumpTargetLabel(at as i32));
        let opcode = Opcode::try_from(i[0] as u16).map_err(|n| format!("opcode {n}"))?;
        seq.addop(opcode, i[1], Location::new(i[2], i[3], i[4], i[5]));
    }
    let table = |mask: u8, sorted: bool| {
        let all = expected.localsplusnames.iter().zip(&expected.localspluskinds);
        let mut names: Vec<_> = all.filter(|(_, kind)| **kind & mask != 0).map(|(name, _)| name).collect();
        if sorted {
            names.sort();
        }
        let mut table = NameTable::new();
        names.into_iter().for_each(|name| {
            table.add(name);
        });
        table
    };
    let flag = |mask: u32| u32::from(expected.flags & mask != 0);
    let nparams = expected.argcount + expected.kwonlyargcount + flag(co::VARARGS) + flag(co::VARKEYWORDS);
    let mut metadata = CodeUnitMetadata {
        name: expected.name.clone(),
        consts: ConstTable::from_values(consts.to_vec()),
        varnames: table(fast::LOCAL, false),
        cellvars: table(fast::CELL, true),
        freevars: table(fast::FREE, true),
        argcount: expected.argcount - expected.posonlyargcount,
        posonlyargcount: expected.posonlyargcount,
        kwonlyargcount: expected.kwonlyargcount,
        firstlineno: expected.firstlineno,
        ..CodeUnitMetadata::default()
    };
    expected.names.iter().for_each(|name| {
        metadata.names.add(name);
    });
    for name in expected.localsplusnames.iter().zip(&expected.localspluskinds).filter(|(_, k)| **k & fast::HIDDEN != 0) {
        metadata.fasthidden.insert(name.0.clone(), false);
    }
    optimize_and_assemble(seq, metadata, expected.flags, nparams as usize, &expected.filename).map_err(|e| e.message.to_string())
}

fn difference(a: &Code, b: &Code) -> Vec<&'static str> {
    let mut diff = Vec::new();
    let mut check = |same: bool, what| {
        if !same {
            diff.push(what);
        }
    };
    check(a.code == b.code, "code");
    check(a.linetable == b.linetable, "linetable");
    check(a.exceptiontable == b.exceptiontable, "exceptiontable");
    check(a.stacksize == b.stacksize, "stacksize");
    check(a.localspluskinds == b.localspluskinds, "localspluskinds");
    check(a.localsplusnames == b.localsplusnames, "localsplusnames");
    check(a.consts.len() == b.consts.len() && a.consts.iter().zip(&b.consts).all(|(x, y)| x.same(y)), "consts");
    diff
}
