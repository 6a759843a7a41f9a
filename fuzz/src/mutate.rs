//! Code objects that are nearly right: a compiled one with some of its fields changed, each change told by the input.

use arbitrary::{Result, Unstructured};
use krait_bytecode::opcode::Opcode;
use krait_bytecode::{Code, Const};
use krait_compiler::compile::{CompileOptions, compile};
use krait_syntax::ParseOptions;
use krait_syntax::ast::Arena;
use std::rc::Rc;

/// Sources whose code objects have every kind of field and most opcodes. Each defines what it is to run in a function `f` too.
const SOURCES: &[&str] = &[
    include_str!("../python/calls.py"),
    include_str!("../python/flow.py"),
    include_str!("../python/generators.py"),
    include_str!("../python/scopes.py"),
    include_str!("../python/data.py"),
];

/// The code objects of the sources, outer and nested ones.
pub struct Originals {
    codes: Vec<Rc<Code>>,
}

impl Default for Originals {
    fn default() -> Originals {
        let mut codes = Vec::new();
        for source in SOURCES {
            let arena = Arena::new();
            let parsed = krait_syntax::parse(&arena, source, &ParseOptions::default()).expect("a source of ours parses");
            let compiled = compile(&arena, &parsed.module, krait_unicode::Text::new("<fuzz>"), CompileOptions::default()).expect("a source of ours compiles");
            let mut todo = vec![compiled.code];
            while let Some(code) = todo.pop() {
                todo.extend(code.nested().cloned());
                codes.push(code);
            }
        }
        Originals { codes }
    }
}

impl Originals {
    /// One of the code objects, changed in up to four places.
    pub fn mutant(&self, u: &mut Unstructured<'_>) -> Result<Code> {
        let mut code = Code::clone(u.choose(&self.codes)?);
        for _ in 0..u.int_in_range(0..=4)? {
            change(&mut code, u)?;
        }
        Ok(code)
    }

    /// A code object whose instructions are made up: opcodes with fitting caches, as the input says, in the frame of an original.
    pub fn made_up(&self, u: &mut Unstructured<'_>) -> Result<Code> {
        let mut code = Code::clone(u.choose(&self.codes)?);
        let mut bytes = vec![Opcode::RESUME as u8, 0];
        if u.ratio(1, 3)? {
            code.exceptiontable = [].into();
        }
        while bytes.len() < 600 && !u.is_empty() {
            instruction(&mut bytes, u)?;
        }
        bytes.extend([Opcode::LOAD_CONST as u8, 0, Opcode::RETURN_VALUE as u8, 0]);
        code.stacksize = u.int_in_range(1..=24)?;
        code.code = bytes.into();
        Ok(code)
    }
}

fn instruction(bytes: &mut Vec<u8>, u: &mut Unstructured<'_>) -> Result<()> {
    let number: u8 = u.int_in_range(0..=128)?;
    let oparg: u8 = if u.ratio(1, 8)? { u.arbitrary()? } else { u.int_in_range(0..=7)? };
    bytes.extend([number, oparg]);
    let caches = Opcode::from_u16(u16::from(number)).map_or(0, Opcode::caches);
    bytes.extend(std::iter::repeat_n(0, 2 * caches));
    Ok(())
}

fn change(code: &mut Code, u: &mut Unstructured<'_>) -> Result<()> {
    match u.int_in_range(0..=18)? {
        0 => code.argcount = small(u)?,
        1 => code.posonlyargcount = small(u)?,
        2 => code.kwonlyargcount = small(u)?,
        3 => code.stacksize = small(u)?,
        4 => code.flags ^= 1 << u.int_in_range(0..=31)?,
        5 => bytes(&mut code.localspluskinds, u)?,
        6 => bytes(&mut code.linetable, u)?,
        7 => bytes(&mut code.exceptiontable, u)?,
        8 => code.firstlineno = u.arbitrary()?,
        9 => {
            if u.ratio(1, 2)? {
                code.consts.pop();
            } else {
                let constant = constant(u)?;
                let at = u.choose_index(code.consts.len() + 1)?;
                code.consts.insert(at, constant);
            }
        }
        10 => {
            code.names.pop();
        }
        11 => {
            code.localsplusnames.pop();
        }
        12 => {
            code.localsplusnames.push("extra".into());
            let mut kinds = code.localspluskinds.to_vec();
            kinds.push(u.arbitrary()?);
            code.localspluskinds = kinds.into();
        }
        13 => bytes(&mut code.code, u)?,
        14 | 15 => operand(code, u)?,
        16 | 17 => opcode(code, u)?,
        _ => splice(code, u)?,
    }
    Ok(())
}

/// Mostly near the bounds that matter.
fn small(u: &mut Unstructured<'_>) -> Result<u32> {
    if u.ratio(1, 8)? { u.arbitrary() } else { u.int_in_range(0..=20) }
}

fn constant(u: &mut Unstructured<'_>) -> Result<Const> {
    Ok(match u.int_in_range(0..=7)? {
        0 => Const::None,
        1 => Const::Int(u.arbitrary()?),
        2 => Const::Str("text".into()),
        3 => Const::Float(u.arbitrary()?),
        4 => Const::Tuple([Const::Str("a".into()), Const::Int(1)].into()),
        5 => Const::Bytes(b"ab".as_slice().into()),
        6 => Const::Slice(Rc::new([Const::None, Const::Int(1), Const::None])),
        _ => Const::FrozenSet([Const::Int(2)].into()),
    })
}

fn bytes(field: &mut Box<[u8]>, u: &mut Unstructured<'_>) -> Result<()> {
    let mut data = field.to_vec();
    let at = u.choose_index(data.len() + 1)?;
    match u.int_in_range(0..=3)? {
        0 => data.truncate(at),
        1 => data.insert(at, u.arbitrary()?),
        2 if at < data.len() => drop(data.remove(at)),
        _ => {
            if let Some(byte) = data.get_mut(at) {
                *byte = u.arbitrary()?;
            }
        }
    }
    *field = data.into();
    Ok(())
}

/// The place of an instruction's first byte.
fn place(code: &Code, u: &mut Unstructured<'_>) -> Result<Option<usize>> {
    let places: Vec<usize> = krait_bytecode::dis::Instructions::new(&code.code).map(|i| 2 * i.unit as usize).collect();
    Ok(if places.is_empty() { None } else { Some(*u.choose(&places)?) })
}

fn operand(code: &mut Code, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = place(code, u)? else { return Ok(()) };
    let change: u8 = u.arbitrary()?;
    if let Some(byte) = code.code.get_mut(at + 1) {
        *byte = if change < 32 { byte.wrapping_add(change % 8).wrapping_sub(4) } else { change };
    }
    Ok(())
}

/// Another opcode with as many caches.
fn opcode(code: &mut Code, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = place(code, u)? else { return Ok(()) };
    let caches = Opcode::from_u16(u16::from(code.code[at])).map_or(0, Opcode::caches);
    let fitting: Vec<u8> = (0..=255_u8).filter(|n| Opcode::from_u16(u16::from(*n)).is_some_and(|op| op.caches() == caches)).collect();
    code.code[at] = *u.choose(&fitting)?;
    Ok(())
}

/// An instruction put in or taken out, so that jumps go astray.
fn splice(code: &mut Code, u: &mut Unstructured<'_>) -> Result<()> {
    let Some(at) = place(code, u)? else { return Ok(()) };
    let mut data = code.code.to_vec();
    let caches = Opcode::from_u16(u16::from(data[at])).map_or(0, Opcode::caches);
    if u.ratio(1, 2)? {
        data.drain(at..(at + 2 + 2 * caches).min(code.code.len()));
    } else {
        let mut new = Vec::new();
        instruction(&mut new, u)?;
        data.splice(at..at, new);
    }
    code.code = data.into();
    Ok(())
}
