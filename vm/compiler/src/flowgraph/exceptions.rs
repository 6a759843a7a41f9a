//! Which handler covers which instruction: SETUP and POP_BLOCK pairs become a handler per instruction.

use krait_bytecode::Opcode;
use krait_bytecode::opcode::resume;

use super::CompileError;
use super::cfg::{BlockId, Cfg, ENTRY, malformed};

impl Cfg {
    /// Marks the blocks that are handlers.
    pub(super) fn mark_except_handlers(&mut self) {
        let handlers: Vec<BlockId> = (self.blocks.iter())
            .flat_map(|block| &block.instrs)
            .filter(|instr| instr.opcode.is_block_push())
            .filter_map(|instr| instr.target)
            .collect();
        for handler in handlers {
            self.blocks[handler].except_handler = true;
        }
    }

    /// Gives each instruction its handler and RESUME its depth flag; POP_BLOCK becomes NOP.
    pub(super) fn label_exception_targets(&mut self) -> Result<(), CompileError> {
        self.clear_visited();
        self.blocks[ENTRY].visited = true;
        // The stack of handlers at a block's start travels with the block.
        let mut todo: Vec<(BlockId, Vec<BlockId>)> = vec![(ENTRY, Vec::new())];
        while let Some((block, mut stack)) = todo.pop() {
            let mut instrs = std::mem::take(&mut self.blocks[block].instrs);
            let mut handler = stack.last().copied();
            let mut last_yield_depth = None;
            for instr in &mut instrs {
                if instr.opcode.is_block_push() {
                    let target = instr.target.ok_or_else(malformed)?;
                    self.visit(target, || stack.clone(), &mut todo);
                    if matches!(instr.opcode, Opcode::SETUP_WITH | Opcode::SETUP_CLEANUP) {
                        self.blocks[target].preserve_lasti = true;
                    }
                    stack.push(target);
                    handler = Some(target);
                    continue;
                }
                match instr.opcode {
                    Opcode::POP_BLOCK => {
                        stack.pop().ok_or_else(malformed)?;
                        handler = stack.last().copied();
                        instr.set_nop();
                        continue;
                    }
                    Opcode::YIELD_VALUE => last_yield_depth = Some(stack.len()),
                    Opcode::RESUME if instr.oparg != resume::AT_FUNC_START as i32 => {
                        if last_yield_depth == Some(1) {
                            instr.oparg |= resume::DEPTH1_MASK as i32;
                        }
                        last_yield_depth = None;
                    }
                    op if op.has_jump() => {
                        let target = instr.target.ok_or_else(malformed)?;
                        self.visit(target, || stack.clone(), &mut todo);
                    }
                    _ => {}
                }
                instr.except = handler;
            }
            self.blocks[block].instrs = instrs;
            if self.blocks[block].falls_through() {
                let next = self.blocks[block].next.ok_or_else(malformed)?;
                self.visit(next, || stack, &mut todo);
            }
        }
        Ok(())
    }

    fn visit(&mut self, block: BlockId, stack: impl FnOnce() -> Vec<BlockId>, todo: &mut Vec<(BlockId, Vec<BlockId>)>) {
        if !self.blocks[block].visited {
            self.blocks[block].visited = true;
            todo.push((block, stack()));
        }
    }
}
