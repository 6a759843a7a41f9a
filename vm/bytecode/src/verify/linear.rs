//! One pass over the code in the order of its units, which proves what compilers emit sound and gives up on the rest.
//!
//! Compilers put code behind the jump that leads to it, but for loops, so the depth at an instruction is known when the pass gets there. The
//! rules are those of [`Verifier`](super::Verifier), which has the last word where this pass says no: it alone finds errors.
//!
//! Each unit has a word: the depth plus one where an instruction starts that control reaches, zero elsewhere. A jump ahead writes the
//! word before the pass is there. `awaited` counts such words until the pass has found an instruction at each, so a jump into the
//! middle of an instruction leaves it above zero; a jump back must find its word written. So every edge of the control flow has been checked.

use super::{Layout, is_plain, operand_fits};
use crate::exceptiontable::{Entries, Entry};
use crate::opcode::{BinaryOp, Count, Opcode, flag};

/// Operands at or beyond this are left to the other verifier, which also bounds what sums of stack items can be.
const LARGE: u32 = 1 << 24;

/// What an operand, shifted to the right, has to be less than: index into the pass's limits.
mod limit {
    pub const LARGE: u8 = 0;
    pub const CONSTS: u8 = 1;
    pub const NAMES: u8 = 2;
    pub const VARIABLES: u8 = 3;
    pub const BINARY_OPS: u8 = 4;
    /// A power of two.
    pub const COUNT: usize = 8;
}

mod bit {
    /// The other verifier's matter.
    pub const LEAVE: u8 = 1;
    /// [`operand_fits`] is to be asked.
    pub const ASK: u8 = 2;
    pub const JUMP: u8 = 4;
    pub const BACK: u8 = 8;
    /// Control never runs on to the next instruction.
    pub const ENDS: u8 = 16;
    /// Must lead to END_FOR.
    pub const FOR_ITER: u8 = 32;
    /// Two variables in one operand.
    pub const PAIR: u8 = 64;
}

/// What the pass wants to know of an opcode. Items popped are `pop + pop_n * operand + (operand & pop_bit)`, and so are those pushed.
#[derive(Clone, Copy)]
struct Row {
    pop: u8,
    pop_n: u8,
    pop_bit: u8,
    push: u8,
    push_n: u8,
    push_bit: u8,
    /// Units of the instruction and its caches.
    units: u8,
    shift: u8,
    limit: u8,
    bits: u8,
}

const LEFT: Row = Row { pop: 0, pop_n: 0, pop_bit: 0, push: 0, push_n: 0, push_bit: 0, units: 1, shift: 0, limit: limit::LARGE, bits: bit::LEAVE };

/// Base, factor and bit of a count; `None` for the one that is none of these.
const fn parts(count: Count) -> Option<(u8, u8, u8)> {
    const fn small(n: i32) -> Option<u8> {
        if n >= 0 && n < 16 { Some(n as u8) } else { None }
    }
    match count {
        Count::Fixed(n) => match small(n) {
            Some(n) => Some((n, 0, 0)),
            None => None,
        },
        Count::PerArg(n, factor) => match (small(n), small(factor)) {
            (Some(n), Some(factor)) => Some((n, factor, 0)),
            _ => None,
        },
        Count::Bit(n) => match small(n) {
            Some(n) => Some((n, 0, 1)),
            None => None,
        },
        Count::Unpack => None,
    }
}

const fn row(number: u16) -> Row {
    let Some(opcode) = Opcode::from_u16(number) else { return LEFT };
    let (popped, pushed) = opcode.counts();
    let units = 1 + opcode.const_caches() as u8;
    let left = Row { units, ..LEFT };
    let (Some((pop, pop_n, pop_bit)), Some((push, push_n, push_bit))) = (parts(popped), parts(pushed)) else { return left };
    if !is_plain(opcode) {
        return left;
    }
    let (limit, shift, mut bits) = operand(opcode);
    if opcode.const_flags() & flag::JUMP != 0 && !matches!(opcode, Opcode::END_ASYNC_FOR) {
        bits |= bit::JUMP;
        if opcode.is_backwards_jump() {
            bits |= bit::BACK;
        }
    }
    if opcode.is_unconditional_jump() || opcode.is_scope_exit() {
        bits |= bit::ENDS;
    }
    if matches!(opcode, Opcode::FOR_ITER) {
        bits |= bit::FOR_ITER;
    }
    Row { pop, pop_n, pop_bit, push, push_n, push_bit, units, shift, limit, bits }
}

/// Limit, shift and bits of an operand.
const fn operand(opcode: Opcode) -> (u8, u8, u8) {
    match opcode {
        Opcode::LOAD_CONST => (limit::CONSTS, 0, 0),
        Opcode::LOAD_GLOBAL | Opcode::LOAD_ATTR => (limit::NAMES, 1, 0),
        Opcode::LOAD_SUPER_ATTR => (limit::NAMES, 2, 0),
        Opcode::LOAD_NAME
        | Opcode::STORE_NAME
        | Opcode::STORE_ATTR
        | Opcode::STORE_GLOBAL
        | Opcode::IMPORT_NAME
        | Opcode::IMPORT_FROM => (limit::NAMES, 0, 0),
        Opcode::LOAD_FAST
        | Opcode::LOAD_FAST_BORROW
        | Opcode::LOAD_FAST_CHECK
        | Opcode::LOAD_FAST_AND_CLEAR
        | Opcode::STORE_FAST
        | Opcode::DELETE_FAST => (limit::VARIABLES, 0, 0),
        Opcode::LOAD_FAST_LOAD_FAST
        | Opcode::LOAD_FAST_BORROW_LOAD_FAST_BORROW
        | Opcode::STORE_FAST_LOAD_FAST
        | Opcode::STORE_FAST_STORE_FAST => (limit::LARGE, 0, bit::PAIR),
        Opcode::BINARY_OP => (limit::BINARY_OPS, 0, 0),
        Opcode::CALL
        | Opcode::CALL_KW
        | Opcode::BUILD_TUPLE
        | Opcode::BUILD_LIST
        | Opcode::BUILD_MAP
        | Opcode::BUILD_STRING
        | Opcode::UNPACK_SEQUENCE
        | Opcode::LOAD_SMALL_INT
        | Opcode::RESUME
        | Opcode::POP_JUMP_IF_FALSE
        | Opcode::POP_JUMP_IF_TRUE
        | Opcode::POP_JUMP_IF_NONE
        | Opcode::POP_JUMP_IF_NOT_NONE
        | Opcode::JUMP_FORWARD
        | Opcode::JUMP_BACKWARD
        | Opcode::JUMP_BACKWARD_NO_INTERRUPT
        | Opcode::FOR_ITER => (limit::LARGE, 0, 0),
        op if op.const_flags() & flag::ARG != 0 => (limit::LARGE, 0, bit::ASK),
        _ => (limit::LARGE, 0, 0),
    }
}

static ROWS: [Row; 256] = {
    let mut rows = [LEFT; 256];
    let mut number = 0;
    while number < 256 {
        rows[number] = row(number as u16);
        number += 1;
    }
    rows
};

/// The entries of an exception table in step with the code.
struct Handlers<'c> {
    entries: Entries<'c>,
    entry: Entry,
    /// Whether the handler's depth has been noted.
    noted: bool,
}

const NO_ENTRY: Entry = Entry { start: u32::MAX, end: u32::MAX, target: 0, depth: 0, lasti: false };

impl<'c> Handlers<'c> {
    fn new(table: &'c [u8]) -> Handlers<'c> {
        let mut entries = Entries::new(table);
        let entry = entries.next().unwrap_or(NO_ENTRY);
        Handlers { entries, entry, noted: false }
    }

    /// Notes that the instruction from `start` to `end`, which the entry covers at least in part, can be left for the handler.
    #[inline(never)]
    fn cover(&mut self, pass: &mut Pass<'_>, start: u32, end: u32, depth: u32, stacksize: u32) -> bool {
        let entry = &self.entry;
        if start < entry.start || entry.end < end || entry.depth > depth {
            return false;
        }
        if self.noted {
            return true;
        }
        self.noted = true;
        let entered = entry.depth + 1 + u32::from(entry.lasti);
        entered <= stacksize && pass.lead(start, entry.target, entered)
    }

    /// Goes on to the first entry that ends behind a unit.
    #[cold]
    fn advance(&mut self, unit: u32) {
        while unit >= self.entry.end && self.entry.end != u32::MAX {
            self.entry = self.entries.next().unwrap_or(NO_ENTRY);
            self.noted = false;
        }
    }
}

struct Pass<'c> {
    depths: &'c mut [u16],
    awaited: usize,
}

impl Pass<'_> {
    /// Control may go from the instruction at `from` to `target` with `depth` items.
    #[inline]
    fn lead(&mut self, from: u32, target: u32, depth: u32) -> bool {
        let word = depth as u16 + 1;
        match self.depths.get_mut(target as usize) {
            Some(seen) if *seen == word => true,
            Some(seen) if *seen == 0 && target > from => {
                *seen = word;
                self.awaited += 1;
                true
            }
            _ => false,
        }
    }
}

/// Whether the code, not empty and of whole units, is certainly sound.
pub(super) fn is_sound(code: &Layout<'_>, freevars: usize, depths: &mut Vec<u16>) -> bool {
    let (units, _) = code.code.as_chunks::<2>();
    if code.stacksize >= u32::from(u16::MAX) || units.len() >= LARGE as usize {
        return false;
    }
    depths.clear();
    depths.resize(units.len(), 0);
    let bounded = |count: usize| u32::try_from(count).unwrap_or(LARGE).min(LARGE);
    let mut limits = [LARGE; limit::COUNT];
    limits[limit::CONSTS as usize] = bounded(code.consts);
    limits[limit::NAMES as usize] = bounded(code.names);
    limits[limit::VARIABLES as usize] = bounded(code.localspluskinds.len());
    limits[limit::BINARY_OPS as usize] = BinaryOp::ALL.len() as u32;
    let mut handlers = Handlers::new(code.exceptiontable);
    let mut pass = Pass { depths, awaited: 0 };
    let (mut at, mut reached, mut depth) = (0_u32, true, 0_u32);
    while let Some(&[mut number, low]) = units.get(at as usize) {
        let (start, mut arg) = (at, u32::from(low));
        if number == Opcode::EXTENDED_ARG as u8 {
            (at, number, arg) = extended(units, at);
        }
        let row = &ROWS[number as usize];
        at += u32::from(row.units);
        let Some(word) = pass.depths.get_mut(start as usize) else { return false };
        if *word != 0 {
            let seen = u32::from(*word) - 1;
            if reached && seen != depth {
                return false;
            }
            depth = seen;
            pass.awaited -= 1;
        } else if reached {
            *word = depth as u16 + 1;
        } else {
            continue;
        }
        // This may only wrap where the operand is past its limit.
        let popped = u32::from(row.pop_n).wrapping_mul(arg).wrapping_add(u32::from(row.pop) + (arg & u32::from(row.pop_bit)));
        let pushed = u32::from(row.push_n).wrapping_mul(arg).wrapping_add(u32::from(row.push) + (arg & u32::from(row.push_bit)));
        let after = depth.wrapping_sub(popped).wrapping_add(pushed);
        if arg >> row.shift >= limits[row.limit as usize & (limit::COUNT - 1)] || popped > depth || after > code.stacksize || at as usize > units.len() {
            return false;
        }
        if start >= handlers.entry.end {
            handlers.advance(start);
        }
        if at > handlers.entry.start && !handlers.cover(&mut pass, start, at, depth, code.stacksize) {
            return false;
        }
        reached = true;
        if row.bits != 0 {
            let variables = limits[limit::VARIABLES as usize];
            if row.bits & bit::PAIR != 0 && (arg >> 4 >= variables || arg & 15 >= variables) {
                return false;
            }
            if row.bits & (bit::ASK | bit::LEAVE) != 0 && !asked(code, freevars, row, number, arg) {
                return false;
            }
            if row.bits & bit::JUMP != 0 {
                let target = if row.bits & bit::BACK != 0 { at.wrapping_sub(arg) } else { at + arg };
                let is_end_for = |unit: Option<&[u8; 2]>| unit.is_some_and(|unit| unit[0] == Opcode::END_FOR as u8);
                if row.bits & bit::FOR_ITER != 0 && !is_end_for(units.get(target as usize)) || !pass.lead(start, target, after) {
                    return false;
                }
            }
            reached = row.bits & bit::ENDS == 0;
        }
        depth = after;
    }
    !reached && pass.awaited == 0
}

#[inline(never)]
fn asked(code: &Layout<'_>, freevars: usize, row: &Row, number: u8, arg: u32) -> bool {
    row.bits & bit::LEAVE == 0 && Opcode::from_u16(u16::from(number)).is_some_and(|op| operand_fits(code, freevars, op, arg))
}

/// The place, number and operand of the instruction behind EXTENDED_ARGs.
#[cold]
#[inline(never)]
fn extended(units: &[[u8; 2]], mut at: u32) -> (u32, u8, u32) {
    let mut arg = 0_u32;
    loop {
        let Some(&[number, low]) = units.get(at as usize) else { return (at, Opcode::EXTENDED_ARG as u8, arg) };
        arg = arg << 8 | u32::from(low);
        if number != Opcode::EXTENDED_ARG as u8 {
            return (at, number, arg);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    /// What rows say of operands is what the other verifier asks.
    #[test]
    fn rows_agree_with_the_table() {
        let code = Code { localspluskinds: vec![0x20, 0x40, 0x80].into(), ..Code::default() };
        let layout = Layout { consts: 5, names: 7, ..Layout::from(&code) };
        let limits = [LARGE, 5, 7, 3, BinaryOp::ALL.len() as u32, LARGE, LARGE, LARGE];
        for number in 0..256_u16 {
            let row = ROWS[number as usize];
            let Some(opcode) = Opcode::from_u16(number).filter(|_| row.bits & bit::LEAVE == 0) else { continue };
            assert_eq!(usize::from(row.units), 1 + opcode.caches());
            for arg in (0..600).chain([LARGE - 1, LARGE]) {
                let mut fits = arg >> row.shift < limits[row.limit as usize];
                if row.bits & bit::PAIR != 0 {
                    fits &= arg >> 4 < 3 && arg & 15 < 3;
                }
                if row.bits & bit::ASK == 0 {
                    assert!(!fits || operand_fits(&layout, 1, opcode, arg), "{opcode} {arg}");
                }
                let popped = u32::from(row.pop) + u32::from(row.pop_n) * arg + (arg & u32::from(row.pop_bit));
                let pushed = u32::from(row.push) + u32::from(row.push_n) * arg + (arg & u32::from(row.push_bit));
                assert_eq!((popped as i32, pushed as i32), (opcode.popped(arg as i32), opcode.pushed(arg as i32)), "{opcode} {arg}");
            }
        }
    }
}
