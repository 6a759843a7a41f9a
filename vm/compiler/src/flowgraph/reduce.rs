//! Removal: unreachable blocks, superfluous NOPs, jumps to what follows anyway, and small blocks that are better copied.

use krait_bytecode::Opcode;

use super::CompileError;
use super::cfg::{BlockId, Cfg, ENTRY, malformed};

/// Exit blocks of up to this many instructions are copied to where they are jumped to from.
const MAX_COPY_SIZE: usize = 4;
/// Rounds of inlining; far more than chains of jumps take.
const INLINE_ROUNDS: usize = 64;

impl Cfg {
    /// Counts predecessors and empties the blocks that have none.
    pub(super) fn remove_unreachable(&mut self) {
        self.clear_visited();
        for block in &mut self.blocks {
            block.predecessors = 0;
        }
        self.blocks[ENTRY].predecessors = 1;
        self.blocks[ENTRY].visited = true;
        let mut todo = vec![ENTRY];
        while let Some(block) = todo.pop() {
            let through = self.blocks[block].next.filter(|_| self.blocks[block].falls_through());
            let targets: Vec<BlockId> = (self.blocks[block].instrs.iter())
                .filter(|instr| instr.opcode.has_target())
                .filter_map(|instr| instr.target)
                .collect();
            for successor in through.into_iter().chain(targets) {
                let successor_block = &mut self.blocks[successor];
                successor_block.predecessors += 1;
                if !successor_block.visited {
                    successor_block.visited = true;
                    todo.push(successor);
                }
            }
        }
        for block in self.order() {
            let block = &mut self.blocks[block];
            if block.predecessors == 0 {
                block.shrink(0);
                block.except_handler = false;
            }
        }
    }

    /// Removes the NOPs of a block that no line event needs; how many.
    fn remove_redundant_nops_of(&mut self, id: BlockId) -> usize {
        if !self.blocks[id].instrs.iter().any(|instr| instr.opcode == Opcode::NOP) {
            return 0;
        }
        let following_line = self.following_line(id);
        let mut instrs = std::mem::take(&mut self.blocks[id].instrs);
        let before = instrs.len();
        let mut kept = 0;
        let mut prev_lineno = -1;
        for at in 0..before {
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
        self.blocks[id].instrs = instrs;
        self.blocks[id].shrink(kept);
        before - kept
    }

    /// The line of what follows a block, over NOPs that will go.
    fn following_line(&self, id: BlockId) -> Option<i32> {
        let next = self.first_nonempty(self.blocks[id].next)?;
        let staying = self.blocks[next].instrs.iter().find(|instr| instr.opcode != Opcode::NOP || instr.lineno() >= 0);
        Some(staying.map_or(-1, |instr| instr.lineno()))
    }

    pub(super) fn remove_redundant_nops(&mut self) -> usize {
        self.order().into_iter().map(|block| self.remove_redundant_nops_of(block)).sum()
    }

    /// Removes NOPs, and pairs that push a value only to pop it.
    pub(super) fn remove_redundant_nops_and_pairs(&mut self) {
        loop {
            let mut done = true;
            let mut previous: Option<(BlockId, usize)> = None;
            for id in self.order() {
                self.remove_redundant_nops_of(id);
                if self.blocks[id].label.is_label() {
                    previous = None;
                }
                for at in 0..self.blocks[id].instrs.len() {
                    let redundant = self.blocks[id].instrs[at].opcode == Opcode::POP_TOP
                        && previous.is_some_and(|(block, at)| {
                            let instr = &self.blocks[block].instrs[at];
                            matches!(instr.opcode, Opcode::LOAD_CONST | Opcode::LOAD_SMALL_INT)
                                || instr.opcode == Opcode::COPY && instr.oparg == 1
                        });
                    if let (true, Some((block, pushed))) = (redundant, previous) {
                        self.blocks[block].instrs[pushed].set_nop();
                        self.blocks[id].instrs[at].set_nop();
                        done = false;
                    }
                    previous = Some((id, at));
                }
                let jumps = previous.is_some_and(|(block, at)| self.blocks[block].instrs[at].opcode.has_jump());
                if jumps || !self.blocks[id].falls_through() {
                    previous = None;
                }
            }
            if done {
                return;
            }
        }
    }

    /// Jumps to the next block that has instructions become NOPs; how many.
    fn remove_redundant_jumps(&mut self) -> Result<usize, CompileError> {
        let mut changes = 0;
        for id in self.order() {
            let Some(last) = self.blocks[id].last() else { continue };
            if !last.opcode.is_unconditional_jump() {
                continue;
            }
            let target = self.first_nonempty(last.target).ok_or_else(malformed)?;
            if self.first_nonempty(self.blocks[id].next) == Some(target) {
                if let Some(last) = self.blocks[id].instrs.last_mut() {
                    last.set_nop();
                }
                changes += 1;
            }
        }
        Ok(changes)
    }

    pub(super) fn remove_redundant_nops_and_jumps(&mut self) -> Result<(), CompileError> {
        while self.remove_redundant_nops() + self.remove_redundant_jumps()? > 0 {}
        Ok(())
    }

    /// Appends the target of an unconditional jump in its place, when the target is a small exit or has no lines; the number of
    /// instructions copied.
    fn inline_small_or_no_lineno_block(&mut self, id: BlockId) -> usize {
        let Some(last) = self.blocks[id].last() else { return 0 };
        let (opcode, Some(target_id)) = (last.opcode, last.target) else { return 0 };
        if !opcode.is_unconditional_jump() || target_id == id {
            return 0;
        }
        let target = &self.blocks[target_id];
        let small_exit = target.exits_scope() && target.instrs.len() <= MAX_COPY_SIZE;
        let no_lineno = target.has_no_lineno() && !target.falls_through();
        if !small_exit && !no_lineno {
            return 0;
        }
        let copied = target.instrs.clone();
        self.blocks[target_id].predecessors -= 1;
        let instrs = &mut self.blocks[id].instrs;
        if let Some(last) = instrs.last_mut() {
            last.set_nop();
        }
        let count = copied.len();
        instrs.extend(copied);
        if let Some(last) = instrs.last_mut().filter(|_| no_lineno) {
            // The check of the eval breaker must not get lost.
            if last.opcode.is_unconditional_jump() && opcode == Opcode::JUMP {
                last.opcode = Opcode::JUMP;
            }
        }
        self.blocks[id].grown(count);
        count
    }

    pub(super) fn inline_small_or_no_lineno_blocks(&mut self) {
        let order = self.order();
        // A change removes a jump, but may bring in another. Chains of jumps halve with each round; blocks of a hand-made tree that
        // have no lines and jump in a circle would grow for ever.
        let mut budget = 16 * self.blocks.iter().map(|block| block.instrs.len()).sum::<usize>() + 1000;
        for _ in 0..INLINE_ROUNDS {
            let mut changed = false;
            for &block in &order {
                let copied = self.inline_small_or_no_lineno_block(block);
                changed |= copied > 0;
                budget = budget.saturating_sub(copied);
                if budget == 0 {
                    return;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
