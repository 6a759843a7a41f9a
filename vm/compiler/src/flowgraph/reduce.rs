//! Removal: unreachable blocks, superfluous NOPs, jumps to what follows anyway, and small blocks that are better copied.

use krait_bytecode::Opcode;

use super::CompileError;
use super::cfg::{BlockId, Cfg, ENTRY, Instr, malformed};

/// Exit blocks of up to this many instructions are copied to where they are jumped to from.
const MAX_COPY_SIZE: usize = 4;
/// Rounds of inlining; far more than chains of jumps take.
const INLINE_ROUNDS: usize = 64;

impl Cfg {
    /// Counts predecessors and empties the blocks that have none.
    pub(super) fn remove_unreachable(&mut self) {
        for block in self.blocks.iter_mut() {
            block.visited = false;
            block.predecessors = 0;
        }
        self.visit(ENTRY);
        self.blocks[ENTRY].predecessors = 1;
        while let Some(id) = self.todo.pop() {
            for successor in self.successors(id) {
                self.precede(successor);
            }
            if self.has_handlers {
                for at in self.blocks[id].range() {
                    if let Some(handler) = self.code[at].target.filter(|_| self.code[at].opcode.is_block_push()) {
                        self.precede(handler);
                    }
                }
            }
        }
        self.for_each(|cfg, id| {
            if cfg.blocks[id].predecessors == 0 {
                cfg.shrink(id, 0);
                cfg.blocks[id].except_handler = false;
            }
        });
    }

    fn precede(&mut self, successor: BlockId) {
        self.blocks[successor].predecessors += 1;
        self.visit(successor);
    }

    /// Removes the NOPs of a block that no line event needs; how many.
    fn remove_redundant_nops_of(&mut self, id: BlockId) -> usize {
        let Some(first) = self.instrs(id).iter().position(|instr| instr.opcode == Opcode::NOP) else { return 0 };
        let following_line = self.following_line(id);
        let instrs = self.instrs_mut(id);
        let before = instrs.len();
        let mut kept = first;
        let mut prev_lineno = first.checked_sub(1).map_or(-1, |at| instrs[at].lineno());
        for at in first..before {
            let lineno = instrs[at].lineno();
            if instrs[at].opcode == Opcode::NOP {
                if lineno < 0 || prev_lineno == lineno {
                    continue;
                }
                if at + 1 < before {
                    let next_lineno = instrs[at + 1].lineno();
                    if next_lineno == lineno {
                        continue;
                    }
                    if next_lineno < 0 {
                        instrs[at + 1].loc = instrs[at].loc;
                        continue;
                    }
                } else if following_line == Some(lineno) {
                    continue;
                }
            }
            instrs[kept] = instrs[at];
            kept += 1;
            prev_lineno = lineno;
        }
        self.shrink(id, kept);
        before - kept
    }

    /// The line of what follows a block, over NOPs that will go.
    fn following_line(&self, id: BlockId) -> Option<i32> {
        let next = self.first_nonempty(self.blocks[id].next)?;
        let staying = self.instrs(next).iter().find(|instr| instr.opcode != Opcode::NOP || instr.lineno() >= 0);
        Some(staying.map_or(-1, |instr| instr.lineno()))
    }

    pub(super) fn remove_redundant_nops(&mut self) -> usize {
        let mut removed = 0;
        self.for_each(|cfg, id| removed += cfg.remove_redundant_nops_of(id));
        removed
    }

    /// Removes NOPs, and pairs that push a value only to pop it.
    pub(super) fn remove_redundant_nops_and_pairs(&mut self) {
        let mut done = false;
        while !done {
            done = true;
            // Place of the instruction before, if control comes from there alone.
            let mut previous: Option<usize> = None;
            self.for_each(|cfg, id| {
                cfg.remove_redundant_nops_of(id);
                if cfg.blocks[id].labelled {
                    previous = None;
                }
                for at in cfg.blocks[id].range() {
                    if cfg.code[at].opcode == Opcode::POP_TOP
                        && let Some(pushed) = previous
                        && is_push(&cfg.code[pushed])
                    {
                        cfg.code[pushed].set_nop();
                        cfg.code[at].set_nop();
                        done = false;
                    }
                    previous = Some(at);
                }
                if previous.is_some_and(|at| cfg.code[at].opcode.has_jump()) || !cfg.falls_through(id) {
                    previous = None;
                }
            });
        }
    }

    /// Jumps to the next block that has instructions become NOPs; how many.
    fn remove_redundant_jumps(&mut self) -> Result<usize, CompileError> {
        let mut changes = 0;
        self.try_for_each(|cfg, id| {
            let Some(last) = cfg.last(id) else { return Ok(()) };
            if !last.opcode.is_unconditional_jump() {
                return Ok(());
            }
            let target = cfg.first_nonempty(last.target).ok_or_else(malformed)?;
            if cfg.first_nonempty(cfg.blocks[id].next) == Some(target) {
                if let Some(last) = cfg.last_mut(id) {
                    last.set_nop();
                }
                changes += 1;
            }
            Ok(())
        })?;
        Ok(changes)
    }

    pub(super) fn remove_redundant_nops_and_jumps(&mut self) -> Result<(), CompileError> {
        while self.remove_redundant_nops() + self.remove_redundant_jumps()? > 0 {}
        Ok(())
    }

    /// Appends the target of an unconditional jump in its place, when the target is a small exit or has no lines; the number of
    /// instructions copied.
    fn inline_small_or_no_lineno_block(&mut self, id: BlockId) -> usize {
        let Some(last) = self.last(id) else { return 0 };
        let (opcode, Some(target)) = (last.opcode, last.target) else { return 0 };
        if !opcode.is_unconditional_jump() || target == id {
            return 0;
        }
        let copied = self.blocks[target].len();
        let small_exit = copied <= MAX_COPY_SIZE && self.exits_scope(target);
        let no_lineno = self.has_no_lineno(target) && !self.falls_through(target);
        if !small_exit && !no_lineno {
            return 0;
        }
        self.blocks[target].predecessors -= 1;
        if let Some(last) = self.last_mut(id) {
            last.set_nop();
        }
        self.extend_from(id, target);
        if let Some(last) = self.last_mut(id).filter(|_| no_lineno) {
            // The check of the eval breaker must not get lost.
            if last.opcode.is_unconditional_jump() && opcode == Opcode::JUMP {
                last.opcode = Opcode::JUMP;
            }
        }
        copied
    }

    pub(super) fn inline_small_or_no_lineno_blocks(&mut self) {
        // A change removes a jump, but may bring in another. Chains of jumps halve with each round; blocks of a hand-made tree that
        // have no lines and jump in a circle would grow for ever.
        let mut budget = 16 * self.code.len() + 1000;
        for _ in 0..INLINE_ROUNDS {
            let mut changed = false;
            self.for_each(|cfg, id| {
                if budget > 0 {
                    let copied = cfg.inline_small_or_no_lineno_block(id);
                    changed |= copied > 0;
                    budget = budget.saturating_sub(copied);
                }
            });
            if !changed || budget == 0 {
                return;
            }
        }
    }
}

/// Pushes a value and does nothing else.
fn is_push(instr: &Instr) -> bool {
    matches!(instr.opcode, Opcode::LOAD_CONST | Opcode::LOAD_SMALL_INT) || instr.opcode == Opcode::COPY && instr.oparg == 1
}
