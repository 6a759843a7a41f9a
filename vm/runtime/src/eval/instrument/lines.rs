//! Where lines begin in a code object, and which instructions can be watched at all.

use super::{Site, base_opcode, site};
use crate::types::code::CodeObject;
use krait_bytecode::dis::Instructions;
use krait_bytecode::{Opcode, exceptiontable, linetable};
use std::cell::Cell;

/// The line of each code unit, -1 for none.
pub(super) fn lines(code: &CodeObject) -> Box<[i32]> {
    let positions = linetable::positions(&code.linetable, code.firstlineno).take(code.len());
    positions.map(|p| p.lineno.unwrap_or(-1)).collect()
}

/// The flags of each code unit.
pub(super) fn sites(code: &CodeObject) -> Box<[Cell<Site>]> {
    let lines = lines(code);
    let line = |unit: usize| lines.get(unit).copied().unwrap_or(-1);
    let mut flags = vec![0_u8; code.len()];
    let mut mark = |unit: usize, bits: u8| {
        if let Some(f) = flags.get_mut(unit) {
            *f |= bits;
        }
    };
    let first = code.first_traceable as usize;
    let (mut current, mut before) = (-1, None);
    let mut starts = vec![false; code.len()];
    for instr in Instructions::new(&code.bytecode) {
        for unit in instr.start as usize..=instr.unit as usize {
            let base = base_opcode(code, unit);
            if let Some(s) = starts.get_mut(unit) {
                *s = unit >= first;
            }
            let from_other = before.is_none_or(|b: usize| line(b) != line(unit) || base_opcode(code, b) == Opcode::RESUME);
            if from_other {
                mark(unit, site::NEW_LINE);
            }
            before = Some(unit);
            if unit < first {
                continue;
            }
            if !matches!(base, Opcode::RESUME | Opcode::END_FOR) {
                mark(unit, site::INSTRUCTION);
            }
            if base.is_conditional_jump() || base.is_unconditional_jump() {
                mark(unit, site::JUMP);
            }
            if begins_line(base) {
                if line(unit) != current && line(unit) >= 0 {
                    mark(unit, site::LINE);
                }
                current = line(unit);
            }
        }
    }
    let targets = Instructions::new(&code.bytecode).filter_map(|i| {
        let target = i.jump_target()?;
        match i.opcode? {
            // These go on behind END_FOR and END_SEND.
            Opcode::FOR_ITER | Opcode::SEND => Some(target + 1),
            Opcode::END_ASYNC_FOR => None,
            _ => Some(target),
        }
    });
    let targets = targets.filter(|t| base_opcode(code, *t as usize) != Opcode::POP_ITER);
    let handlers = exceptiontable::Entries::new(&code.exceptiontable).map(|e| e.target);
    let handlers = handlers.filter(|t| base_opcode(code, *t as usize) != Opcode::END_ASYNC_FOR);
    for unit in targets.chain(handlers).map(|t| t as usize) {
        if starts.get(unit).copied().unwrap_or(false) && line(unit) >= 0 && base_opcode(code, unit) != Opcode::RESUME {
            mark(unit, site::LINE);
        }
    }
    flags.into_iter().map(|flags| Cell::new(Site { flags, ..Site::default() })).collect()
}

/// Whether an instruction can begin a line: END_FOR, END_SEND and POP_ITER are stepped over or belong to the loop, RESUME is needed as it is.
fn begins_line(base: Opcode) -> bool {
    !matches!(base, Opcode::END_ASYNC_FOR | Opcode::END_FOR | Opcode::END_SEND | Opcode::RESUME | Opcode::POP_ITER)
}
