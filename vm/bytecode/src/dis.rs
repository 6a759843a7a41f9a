//! Decoding of `co_code`, and a text listing in the manner of the library's `dis`.
//!
//! The listing has line, offset, name, operand and what the operand means; it knows no labels and no caches' contents.

use std::fmt::Write;

use krait_unicode::Text;

use crate::code::{Code, Const};
use crate::exceptiontable;
use crate::linetable;
use crate::opcode::{
    BinaryOp, CommonConstant, CompareOp, Conversion, Intrinsic1, Intrinsic2, Opcode, SpecialMethod, comparison,
};

/// An instruction with its EXTENDED_ARGs taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Code unit of the first EXTENDED_ARG, or of the instruction.
    pub start: u32,
    /// Code unit of the instruction.
    pub unit: u32,
    /// `None` for a number that no opcode has.
    pub opcode: Option<Opcode>,
    pub number: u8,
    pub oparg: u32,
}

impl Decoded {
    /// Code unit behind the instruction and its caches.
    pub fn end(&self) -> u32 {
        self.unit + 1 + self.opcode.map_or(0, |op| op.caches() as u32)
    }

    /// Code unit that a jump leads to.
    pub fn jump_target(&self) -> Option<u32> {
        let opcode = self.opcode?.deopt();
        if opcode == Opcode::END_ASYNC_FOR {
            return (self.end()).checked_sub(self.oparg);
        }
        if !opcode.has_jump() {
            return None;
        }
        if opcode.is_backwards_jump() { self.end().checked_sub(self.oparg) } else { self.end().checked_add(self.oparg) }
    }
}

/// Iterates over the instructions of `co_code`, without caches.
#[derive(Clone, Debug)]
pub struct Instructions<'a> {
    code: &'a [u8],
    unit: u32,
}

impl<'a> Instructions<'a> {
    /// The instructions of a code string.
    pub fn new(code: &'a [u8]) -> Instructions<'a> {
        Instructions { code, unit: 0 }
    }

    /// The instructions from a code unit on, where an instruction or its first EXTENDED_ARG stands.
    pub fn at(code: &'a [u8], unit: u32) -> Instructions<'a> {
        Instructions { code, unit }
    }

    fn pair(&self) -> Option<(u8, u8)> {
        let at = 2 * self.unit as usize;
        Some((*self.code.get(at)?, *self.code.get(at + 1)?))
    }
}

impl Iterator for Instructions<'_> {
    type Item = Decoded;

    #[inline]
    fn next(&mut self) -> Option<Decoded> {
        let start = self.unit;
        let mut oparg = 0_u32;
        loop {
            let (number, low) = self.pair()?;
            oparg = oparg << 8 | u32::from(low);
            let opcode = Opcode::from_u16(u16::from(number));
            let unit = self.unit;
            self.unit += 1;
            if opcode == Some(Opcode::EXTENDED_ARG) && self.pair().is_some() {
                continue;
            }
            let decoded = Decoded { start, unit, opcode, number, oparg };
            self.unit = decoded.end();
            return Some(decoded);
        }
    }
}

/// The listing of a code object, nested ones behind it.
pub fn listing(code: &Code) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = list(code, &mut out);
    out
}

fn list(code: &Code, out: &mut String) -> std::fmt::Result {
    let mut line = None;
    for instr in Instructions::new(&code.code) {
        let here = linetable::line_at(&code.linetable, code.firstlineno, instr.unit);
        if here != line {
            line = here;
            match here {
                Some(here) => write!(out, "{here:>5}")?,
                None => write!(out, "{:>5}", "--")?,
            }
        } else {
            write!(out, "{:>5}", "")?;
        }
        let name = instr.opcode.map_or_else(|| format!("<{}>", instr.number), |op| op.name().to_owned());
        write!(out, " {:>6} {name}", 2 * u64::from(instr.unit))?;
        if instr.opcode.is_none_or(Opcode::has_arg) {
            write!(out, " {}", instr.oparg)?;
        }
        if let Some(meaning) = meaning(code, &instr) {
            write!(out, " ({meaning})")?;
        }
        out.push('\n');
    }
    for entry in exceptiontable::Entries::new(&code.exceptiontable) {
        let lasti = if entry.lasti { " lasti" } else { "" };
        let [start, end, target] = [entry.start, entry.end, entry.target].map(|unit| 2 * u64::from(unit));
        writeln!(out, "  {start} to {end} -> {target} [{}]{lasti}", entry.depth)?;
    }
    for nested in code.nested() {
        writeln!(out, "\nDisassembly of {}, line {}:", &*nested.qualname as &Text, nested.firstlineno)?;
        list(nested, out)?;
    }
    Ok(())
}

fn meaning(code: &Code, instr: &Decoded) -> Option<String> {
    let opcode = instr.opcode?;
    let arg = instr.oparg as usize;
    let name = |at: usize| code.names.get(at).map(|name| name.to_str_lossy().into_owned());
    let local = |at: usize| code.localsplusnames.get(at).map(|name| name.to_str_lossy().into_owned());
    if let Some(target) = instr.jump_target() {
        return Some(format!("to {}", 2 * u64::from(target)));
    }
    match opcode.deopt() {
        Opcode::LOAD_GLOBAL => name(arg >> 1).map(|name| if arg & 1 != 0 { format!("{name} + NULL") } else { name }),
        Opcode::LOAD_ATTR => name(arg >> 1).map(|name| if arg & 1 != 0 { format!("{name} + NULL|self") } else { name }),
        Opcode::LOAD_SUPER_ATTR => name(arg >> 2),
        Opcode::BINARY_OP => BinaryOp::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::COMPARE_OP => CompareOp::from_compare_oparg(instr.oparg).map(|op| {
            if instr.oparg & comparison::TO_BOOL != 0 { format!("bool({})", op.text()) } else { op.text().to_owned() }
        }),
        Opcode::CONTAINS_OP => Some(if arg == 0 { "in" } else { "not in" }.to_owned()),
        Opcode::IS_OP => Some(if arg == 0 { "is" } else { "is not" }.to_owned()),
        Opcode::CONVERT_VALUE => Conversion::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::CALL_INTRINSIC_1 => Intrinsic1::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::CALL_INTRINSIC_2 => Intrinsic2::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::LOAD_COMMON_CONSTANT => CommonConstant::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::LOAD_SPECIAL => SpecialMethod::from_oparg(instr.oparg).map(|op| op.text().to_owned()),
        Opcode::LOAD_FAST_LOAD_FAST
        | Opcode::LOAD_FAST_BORROW_LOAD_FAST_BORROW
        | Opcode::STORE_FAST_LOAD_FAST
        | Opcode::STORE_FAST_STORE_FAST => Some(format!("{}, {}", local(arg >> 4)?, local(arg & 15)?)),
        op if op.has_const() => code.consts.get(arg).map(const_text),
        op if op.has_name() => name(arg),
        op if op.has_local() || op.has_free() => local(arg),
        _ => None,
    }
}

/// A constant, nearly as `repr` has it.
fn const_text(value: &Const) -> String {
    let items = |items: &[Const]| items.iter().map(const_text).collect::<Vec<_>>().join(", ");
    match value {
        Const::None => "None".into(),
        Const::True => "True".into(),
        Const::False => "False".into(),
        Const::Ellipsis => "Ellipsis".into(),
        Const::Int(v) => v.to_string(),
        Const::BigInt(v) => v.to_string(),
        Const::Float(v) => format!("{v:?}"),
        Const::Complex(re, im) => format!("({re:?}{im:+?}j)"),
        Const::Str(v) => format!("{v:?}"),
        Const::Bytes(v) => format!("b\"{}\"", v.escape_ascii()),
        Const::Tuple(v) if v.len() == 1 => format!("({},)", const_text(&v[0])),
        Const::Tuple(v) => format!("({})", items(v)),
        Const::FrozenSet(v) => format!("frozenset({{{}}})", items(v)),
        Const::Slice(v) => format!("slice({})", items(&**v)),
        Const::Code(code) => format!("<code object {}, line {}>", &*code.name as &Text, code.firstlineno),
    }
}
