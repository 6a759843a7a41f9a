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
    pub const COUNT: usize = 5;
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
    caches: u8,
    shift: u8,
    limit: u8,
    bits: u8,
}

const LEFT: Row = Row { pop: 0, pop_n: 0, pop_bit: 0, push: 0, push_n: 0, push_bit: 0, caches: 0, shift: 0, limit: limit::LARGE, bits: bit::LEAVE };

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
    let caches = opcode.const_caches() as u8;
    let left = Row { caches, ..LEFT };
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
    Row { pop, pop_n, pop_bit, push, push_n, push_bit, caches, shift, limit, bits }
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
    let units = code.code.len() / 2;
    if code.stacksize >= u32::from(u16::MAX) || units >= LARGE as usize {
        return false;
    }
    depths.clear();
    depths.resize(units, 0);
    let bounded = |count: usize| u32::try_from(count).unwrap_or(LARGE).min(LARGE);
    let limits: [u32; limit::COUNT] =
        [LARGE, bounded(code.consts), bounded(code.names), bounded(code.localspluskinds.len()), BinaryOp::ALL.len() as u32];
    let mut handlers = Handlers::new(code.exceptiontable);
    let mut pass = Pass { depths, awaited: 0 };
    let (mut at, mut reached, mut depth) = (0_u32, true, 0_u32);
    while let Some((start, number, arg)) = fetch(code.code, &mut at) {
        let row = &ROWS[number as usize];
        at += u32::from(row.caches);
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
        let fits = match limits.get(row.limit as usize) {
            Some(limit) => arg >> row.shift < *limit,
            None => false,
        };
        if row.bits & bit::LEAVE != 0 || !fits || at as usize > units {
            return false;
        }
        if row.bits & bit::ASK != 0 && !Opcode::from_u16(u16::from(number)).is_some_and(|op| operand_fits(code, freevars, op, arg)) {
            return false;
        }
        let variables = limits[limit::VARIABLES as usize];
        if row.bits & bit::PAIR != 0 && (arg >> 4 >= variables || arg & 15 >= variables) {
            return false;
        }
        let popped = u32::from(row.pop) + u32::from(row.pop_n) * arg + (arg & u32::from(row.pop_bit));
        let pushed = u32::from(row.push) + u32::from(row.push_n) * arg + (arg & u32::from(row.push_bit));
        let Some(left) = depth.checked_sub(popped) else { return false };
        let after = left + pushed;
        if after > code.stacksize {
            return false;
        }
        if start >= handlers.entry.end {
            handlers.advance(start);
        }
        let entry = &handlers.entry;
        if start >= entry.start {
            if entry.depth > depth || entry.end < at {
                return false;
            }
            if !handlers.noted {
                handlers.noted = true;
                let entered = entry.depth + 1 + u32::from(entry.lasti);
                if entered > code.stacksize || !pass.lead(start, entry.target, entered) {
                    return false;
                }
            }
        } else if entry.start < at {
            return false;
        }
        if row.bits & bit::JUMP != 0 {
            let target = if row.bits & bit::BACK != 0 { at.wrapping_sub(arg) } else { at + arg };
            if row.bits & bit::FOR_ITER != 0 && code.code.get(2 * target as usize) != Some(&(Opcode::END_FOR as u8)) {
                return false;
            }
            if !pass.lead(start, target, after) {
                return false;
            }
        }
        reached = row.bits & bit::ENDS == 0;
        depth = after;
    }
    !reached && pass.awaited == 0
}

/// The unit where the next instruction starts, its number and operand, EXTENDED_ARGs taken in; `at` is then behind it, before its caches.
#[inline(always)]
fn fetch(code: &[u8], at: &mut u32) -> Option<(u32, u8, u32)> {
    let start = *at;
    let mut arg = 0_u32;
    loop {
        let place = 2 * *at as usize;
        let (number, low) = (*code.get(place)?, *code.get(place + 1)?);
        *at += 1;
        arg = arg << 8 | u32::from(low);
        if number != Opcode::EXTENDED_ARG as u8 || *at as usize * 2 >= code.len() {
            return Some((start, number, arg));
        }
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
        let limits = [LARGE, 5, 7, 3, BinaryOp::ALL.len() as u32];
        for number in 0..256_u16 {
            let row = ROWS[number as usize];
            let Some(opcode) = Opcode::from_u16(number).filter(|_| row.bits & bit::LEAVE == 0) else { continue };
            assert_eq!(usize::from(row.caches), opcode.caches());
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
