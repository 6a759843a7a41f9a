//! What can be seen in a few neighbouring instructions: jumps to jumps, folded tests, SWAPs, super instructions.

use krait_bytecode::Opcode;
use krait_bytecode::opcode::{Intrinsic1, comparison};

use super::CompileError;
use super::cfg::{BlockId, Cfg, Instr, malformed};
use super::consts::{fold_appended, fold_binary_op, fold_list_to_tuple, fold_tuple, fold_unary_op, optimize_list_or_set};
use crate::instruction_sequence::ConstTable;

/// What a jump's optimisation asks of the loop over the block.
enum Threaded {
    /// Look at the same index again.
    Again,
    /// Go on.
    No,
}

impl Cfg {
    pub(super) fn optimize_basic_blocks(&mut self, consts: &mut ConstTable) -> Result<(), CompileError> {
        self.try_for_each(|cfg, id| cfg.optimize_basic_block(id, consts))
    }

    fn optimize_basic_block(&mut self, id: BlockId, consts: &mut ConstTable) -> Result<(), CompileError> {
        // Jumps that lead in a circle without doing anything could be threaded for ever.
        let mut threads = self.blocks.len();
        let mut swaps = false;
        let mut at = 0;
        while at < self.blocks[id].len() {
            let instrs = self.instrs_mut(id);
            if instrs[at].opcode.has_target() && threads > 0 {
                if let Threaded::Again = self.thread_jump(id, at)? {
                    threads -= 1;
                    continue;
                }
            } else {
                optimize_instruction(instrs, at, consts)?;
                swaps |= instrs[at].opcode == Opcode::SWAP;
            }
            at += 1;
        }
        let instrs = self.instrs_mut(id);
        let mut at = 0;
        while swaps && at < instrs.len() {
            if instrs[at].opcode == Opcode::SWAP {
                at = swaptimize(instrs, at);
                apply_static_swaps(instrs, at);
            }
            at += 1;
        }
        Ok(())
    }

    /// A jump to a jump goes straight on, where the kinds of both allow it.
    fn thread_jump(&mut self, id: BlockId, at: usize) -> Result<Threaded, CompileError> {
        let instr = self.instrs(id)[at];
        let target_block = instr.target.ok_or_else(malformed)?;
        let Some(target) = self.instrs(target_block).first().copied() else { return Ok(Threaded::No) };
        let by = match (instr.opcode, target.opcode) {
            (
                Opcode::POP_JUMP_IF_NOT_NONE
                | Opcode::POP_JUMP_IF_NONE
                | Opcode::POP_JUMP_IF_FALSE
                | Opcode::POP_JUMP_IF_TRUE,
                Opcode::JUMP,
            ) => instr.opcode,
            (Opcode::JUMP_IF_FALSE, Opcode::JUMP | Opcode::JUMP_IF_FALSE) => Opcode::JUMP_IF_FALSE,
            (Opcode::JUMP_IF_TRUE, Opcode::JUMP | Opcode::JUMP_IF_TRUE) => Opcode::JUMP_IF_TRUE,
            (Opcode::JUMP_IF_FALSE, Opcode::JUMP_IF_TRUE) | (Opcode::JUMP_IF_TRUE, Opcode::JUMP_IF_FALSE) => {
                let after = self.blocks[target_block].next.ok_or_else(malformed)?;
                self.instrs_mut(id)[at].target = Some(after);
                return Ok(Threaded::Again);
            }
            (Opcode::JUMP | Opcode::JUMP_NO_INTERRUPT, Opcode::JUMP) => Opcode::JUMP,
            (Opcode::JUMP | Opcode::JUMP_NO_INTERRUPT, Opcode::JUMP_NO_INTERRUPT) => instr.opcode,
            _ => return Ok(Threaded::No),
        };
        if instr.target == target.target {
            return Ok(Threaded::No);
        }
        // The NOP keeps the line of the first jump until it is known to be superfluous.
        self.instrs_mut(id)[at].set_nop();
        self.add(id, Instr { target: target.target, ..Instr::new(by, target.oparg, target.loc) });
        Ok(Threaded::Again)
    }

    /// Pairs of loads and stores of low locals become one instruction.
    pub(super) fn insert_superinstructions(&mut self) {
        let mut inserted = false;
        self.for_each(|cfg, id| {
            let instrs = cfg.instrs_mut(id);
            for at in 1..instrs.len() {
                let by = match (instrs[at - 1].opcode, instrs[at].opcode) {
                    (Opcode::LOAD_FAST, Opcode::LOAD_FAST) => Opcode::LOAD_FAST_LOAD_FAST,
                    (Opcode::STORE_FAST, Opcode::LOAD_FAST) => Opcode::STORE_FAST_LOAD_FAST,
                    (Opcode::STORE_FAST, Opcode::STORE_FAST) => Opcode::STORE_FAST_STORE_FAST,
                    _ => continue,
                };
                let (first, second) = (&instrs[at - 1], &instrs[at]);
                let (line1, line2) = (first.lineno(), second.lineno());
                if line1 >= 0 && line2 >= 0 && line1 != line2 || first.oparg >= 16 || second.oparg >= 16 {
                    continue;
                }
                let oparg = first.oparg << 4 | second.oparg;
                instrs[at - 1].set(by, oparg);
                instrs[at].set_nop();
                inserted = true;
            }
        });
        // Nothing else has left a NOP since they were removed last.
        if inserted {
            self.remove_redundant_nops();
        }
    }
}

/// One instruction that does not jump, with the one behind it.
fn optimize_instruction(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    let Instr { opcode, oparg, .. } = instrs[at];
    let next = instrs.get(at + 1).map(|next| next.opcode);
    match opcode {
        Opcode::BUILD_TUPLE => {
            if next == Some(Opcode::UNPACK_SEQUENCE) && instrs[at + 1].oparg == oparg {
                match oparg {
                    1 => {
                        instrs[at].set_nop();
                        instrs[at + 1].set_nop();
                        return Ok(());
                    }
                    2 | 3 => {
                        instrs[at].set_nop();
                        instrs[at + 1].opcode = Opcode::SWAP;
                        return Ok(());
                    }
                    _ => {}
                }
            }
            fold_tuple(instrs, at, consts)
        }
        Opcode::BUILD_LIST | Opcode::BUILD_SET => optimize_list_or_set(instrs, at, consts),
        Opcode::LIST_APPEND | Opcode::SET_ADD
            if oparg == 1 && matches!(next, Some(Opcode::GET_ITER | Opcode::CONTAINS_OP)) =>
        {
            fold_appended(instrs, at, consts)
        }
        Opcode::BINARY_OP => fold_binary_op(instrs, at, consts),
        Opcode::UNARY_INVERT | Opcode::UNARY_NEGATIVE => fold_unary_op(instrs, at, consts),
        Opcode::UNARY_NOT => match next {
            Some(Opcode::TO_BOOL) => {
                move_on(instrs, at, Opcode::UNARY_NOT, 0);
                Ok(())
            }
            Some(Opcode::UNARY_NOT) => {
                move_on(instrs, at, Opcode::NOP, 0);
                Ok(())
            }
            _ => fold_unary_op(instrs, at, consts),
        },
        Opcode::CALL_INTRINSIC_1 if oparg == Intrinsic1::INTRINSIC_UNARY_POSITIVE as i32 => fold_unary_op(instrs, at, consts),
        Opcode::CALL_INTRINSIC_1 if oparg == Intrinsic1::INTRINSIC_LIST_TO_TUPLE as i32 => {
            fold_list_to_tuple(instrs, at, consts)?;
            if next == Some(Opcode::GET_ITER) && instrs[at].opcode == Opcode::CALL_INTRINSIC_1 {
                instrs[at].set_nop();
            }
            Ok(())
        }
        _ => {
            optimize_test_or_store(instrs, at, next);
            Ok(())
        }
    }
}

/// The rest of [`optimize_instruction`]: nothing here needs constants.
fn optimize_test_or_store(instrs: &mut [Instr], at: usize, next: Option<Opcode>) {
    let Instr { opcode, oparg, .. } = instrs[at];
    match (opcode, next) {
        (Opcode::STORE_FAST, Some(Opcode::STORE_FAST))
            if instrs[at + 1].oparg == oparg && instrs[at].lineno() == instrs[at + 1].lineno() =>
        {
            instrs[at].set(Opcode::POP_TOP, 0);
        }
        (Opcode::SWAP, _) if oparg == 1 => instrs[at].set_nop(),
        (Opcode::LOAD_GLOBAL, Some(Opcode::PUSH_NULL)) if oparg & 1 == 0 => {
            instrs[at].oparg |= 1;
            instrs[at + 1].set_nop();
        }
        (Opcode::COMPARE_OP, Some(Opcode::TO_BOOL)) => {
            move_on(instrs, at, Opcode::COMPARE_OP, oparg | comparison::TO_BOOL as i32);
        }
        (Opcode::CONTAINS_OP | Opcode::IS_OP, Some(Opcode::TO_BOOL)) => move_on(instrs, at, opcode, oparg),
        (Opcode::CONTAINS_OP | Opcode::IS_OP, Some(Opcode::UNARY_NOT)) => move_on(instrs, at, opcode, oparg ^ 1),
        (Opcode::TO_BOOL, Some(Opcode::TO_BOOL)) => instrs[at].set_nop(),
        _ => {}
    }
}

/// The instruction at `at` takes the place of the next one.
fn move_on(instrs: &mut [Instr], at: usize, opcode: Opcode, oparg: i32) {
    instrs[at].set_nop();
    instrs[at + 1].set(opcode, oparg);
}

/// Replaces a run of SWAPs and NOPs by the fewest SWAPs of the same effect; the index of the run's last instruction.
///
/// The effect is a permutation. Each of its cycles is undone by swaps with the top of the stack, written from the end of the run.
fn swaptimize(instrs: &mut [Instr], start: usize) -> usize {
    let run = (instrs[start..].iter()).take_while(|instr| matches!(instr.opcode, Opcode::SWAP | Opcode::NOP)).count();
    let run = &mut instrs[start..start + run];
    let swaps: Vec<usize> =
        run.iter().filter(|instr| instr.opcode == Opcode::SWAP).map(|instr| instr.oparg as usize).collect();
    if swaps.len() < 2 || swaps.contains(&0) {
        return start;
    }
    let depth = swaps.iter().copied().max().unwrap_or(0);
    let mut stack: Vec<Option<usize>> = (0..depth).map(Some).collect();
    for &swap in &swaps {
        stack.swap(0, swap - 1);
    }
    let mut current = run.len();
    for item in 0..depth {
        if stack[item].is_none_or(|from| from == item) {
            continue;
        }
        let mut at = item;
        loop {
            if at != 0 && current > 0 {
                current -= 1;
                run[current].opcode = Opcode::SWAP;
                run[current].oparg = at as i32 + 1;
            }
            match stack[at].take() {
                Some(next) => at = next,
                None => break,
            }
        }
    }
    run[..current].iter_mut().for_each(Instr::set_nop);
    start + run.len() - 1
}

/// Instructions that only pop the top of the stack and may change places with each other.
fn swappable(opcode: Opcode) -> bool {
    matches!(opcode, Opcode::STORE_FAST | Opcode::STORE_FAST_MAYBE_NULL | Opcode::POP_TOP)
}

fn stores_to(instr: &Instr) -> Option<i32> {
    matches!(instr.opcode, Opcode::STORE_FAST | Opcode::STORE_FAST_MAYBE_NULL).then_some(instr.oparg)
}

/// The next swappable instruction behind `at`, over NOPs; on line `lineno` if that is not negative.
fn next_swappable(instrs: &[Instr], at: usize, lineno: i32) -> Option<usize> {
    for (i, instr) in instrs.iter().enumerate().skip(at + 1) {
        if lineno >= 0 && instr.lineno() != lineno {
            return None;
        }
        if instr.opcode != Opcode::NOP {
            return swappable(instr.opcode).then_some(i);
        }
    }
    None
}

/// Swaps instructions instead of stack items: SWAPs to the left of `at`, what they apply to on the right.
fn apply_static_swaps(instrs: &mut [Instr], at: usize) {
    for swap in (0..=at).rev() {
        if instrs[swap].opcode != Opcode::SWAP {
            if instrs[swap].opcode == Opcode::NOP || swappable(instrs[swap].opcode) {
                continue;
            }
            return;
        }
        let Some(first) = next_swappable(instrs, swap, -1) else { return };
        let lineno = instrs[first].lineno();
        let mut second = first;
        for _ in 1..instrs[swap].oparg {
            match next_swappable(instrs, second, lineno) {
                Some(next) => second = next,
                None => return,
            }
        }
        let stores = [stores_to(&instrs[first]), stores_to(&instrs[second])];
        if stores != [None, None] {
            let clash = |instr: &Instr| stores_to(instr).is_some_and(|to| stores.contains(&Some(to)));
            if stores[0] == stores[1] || first < second && instrs[first + 1..second].iter().any(clash) {
                return;
            }
        }
        instrs[swap].set_nop();
        instrs.swap(first, second);
    }
}
