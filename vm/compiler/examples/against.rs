//! Compares whole code objects with those of a reference: `against FILE.pyc...` compiles the source that each `.pyc` names as its file
//! and says which code objects differ in what. With LIST in the environment both listings are shown; OPTIMIZE there is the level.

use std::rc::Rc;

use krait_bytecode::dis::listing;
use krait_bytecode::marshal::read_code;
use krait_bytecode::{Code, Const};
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ParseOptions;
use krait_syntax::ast::Arena;

fn main() {
    let (mut same, mut codes, mut bad) = (0, 0, 0);
    let paths: Vec<String> = std::env::args().skip(1).collect();
    for path in &paths {
        let mut differences = Vec::new();
        match compiled(path) {
            Ok((ours, theirs)) => compare(&ours, &theirs, &mut codes, &mut differences),
            Err(message) => differences.push(message),
        }
        bad += differences.len();
        same += usize::from(differences.is_empty());
        differences.iter().for_each(|line| println!("{path}: {line}"));
    }
    println!("{same} of {} files identical, {bad} of {codes} code objects differ", paths.len());
}

fn compiled(path: &str) -> Result<(Rc<Code>, Rc<Code>), String> {
    let data = std::fs::read(path).map_err(|e| e.to_string())?;
    let theirs = read_code(data.get(16..).unwrap_or_default()).map_err(|e| e.to_string())?;
    let name = theirs.filename.to_str_lossy().into_owned();
    let bytes = std::fs::read(&name).map_err(|e| format!("{name}: {e}"))?;
    let source = krait_syntax::decode_source(&bytes, &mut |_, bytes| Some(Ok(bytes.iter().map(|b| char::from(*b)).collect())))
        .map_err(|e| format!("{name}: {:?}", e.message))?;
    let optimize = std::env::var("OPTIMIZE").ok().and_then(|level| level.parse().ok()).unwrap_or(0);
    let arena = Arena::new();
    let parsed = krait_syntax::parse(&arena, &source, &ParseOptions::default())
        .map_err(|e| format!("{name}:{}: {:?}", e.lineno, e.message))?;
    let ours = compile(&arena, &parsed.module, &theirs.filename, CompileOptions { optimize, ..CompileOptions::default() })
        .map_err(|e| format!("{name}:{}: {:?}", e.lineno, e.message))?;
    Ok((ours.code, theirs))
}

fn compare(ours: &Code, theirs: &Code, codes: &mut usize, out: &mut Vec<String>) {
    *codes += 1;
    let mut what = Vec::new();
    let mut check = |same: bool, field| {
        if !same {
            what.push(field);
        }
    };
    check(ours.name == theirs.name, "name");
    check(ours.qualname == theirs.qualname, "qualname");
    check(ours.argcount == theirs.argcount, "argcount");
    check(ours.posonlyargcount == theirs.posonlyargcount, "posonlyargcount");
    check(ours.kwonlyargcount == theirs.kwonlyargcount, "kwonlyargcount");
    check(ours.flags == theirs.flags, "flags");
    check(ours.firstlineno == theirs.firstlineno, "firstlineno");
    check(ours.stacksize == theirs.stacksize, "stacksize");
    check(ours.code == theirs.code, "code");
    check(ours.names == theirs.names, "names");
    check(ours.localsplusnames == theirs.localsplusnames, "localsplusnames");
    check(ours.localspluskinds == theirs.localspluskinds, "localspluskinds");
    check(ours.linetable == theirs.linetable, "linetable");
    check(ours.exceptiontable == theirs.exceptiontable, "exceptiontable");
    let same_shape = ours.consts.len() == theirs.consts.len();
    check(same_shape && ours.consts.iter().zip(&theirs.consts).all(same_but_for_code), "consts");
    if !what.is_empty() {
        out.push(format!("{} line {}: {}", theirs.qualname.to_str_lossy(), theirs.firstlineno, what.join(", ")));
        if std::env::var_os("LIST").is_some() {
            println!("{}\n--- expected\n{}", listing(ours), listing(theirs));
        }
    }
    ours.nested().zip(theirs.nested()).for_each(|(ours, theirs)| compare(ours, theirs, codes, out));
}

/// Code objects are compared on their own; not-a-number equals itself.
fn same_but_for_code((a, b): (&Const, &Const)) -> bool {
    let float = |a: f64, b: f64| if a.is_nan() { b.is_nan() } else { Const::Float(a).same(&Const::Float(b)) };
    match (a, b) {
        (Const::Code(_), Const::Code(_)) => true,
        (Const::Float(a), Const::Float(b)) => float(*a, *b),
        (Const::Complex(a, b), Const::Complex(c, d)) => float(*a, *c) && float(*b, *d),
        (Const::Tuple(a), Const::Tuple(b)) => a.len() == b.len() && a.iter().zip(&**b).all(same_but_for_code),
        (Const::FrozenSet(a), Const::FrozenSet(b)) => {
            a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same_but_for_code((x, y))))
        }
        _ => a.same(b),
    }
}
