//! Which handler covers which instruction: SETUP and POP_BLOCK pairs become a handler per instruction.

use krait_bytecode::Opcode;
use krait_bytecode::opcode::resume;

use super::CompileError;
use super::cfg::{BlockId, Cfg, ENTRY, Instr, malformed};

/// The handlers in force: the innermost, and the place of the one around it in [`Stacks`].
#[derive(Clone, Copy)]
struct Handler {
    block: BlockId,
    around: Stack,
    depth: u32,
}

/// A stack of handlers: its top's place in [`Stacks`].
type Stack = Option<u32>;

/// All stacks of handlers, which share their lower parts.
#[derive(Default)]
struct Stacks(Vec<Handler>);

impl Stacks {
    fn top(&self, stack: Stack) -> Option<&Handler> {
        stack.and_then(|at| self.0.get(at as usize))
    }

    fn depth(&self, stack: Stack) -> u32 {
        self.top(stack).map_or(0, |handler| handler.depth)
    }

    fn push(&mut self, stack: Stack, block: BlockId) -> Stack {
        let depth = self.depth(stack) + 1;
        self.0.push(Handler { block, around: stack, depth });
        u32::try_from(self.0.len() - 1).ok()
    }
}

impl Cfg {
    /// Marks the blocks that are handlers.
    pub(super) fn mark_except_handlers(&mut self) {
        if !self.has_handlers {
            return;
        }
        let Cfg { code, blocks, .. } = self;
        for target in code.iter().filter(|instr| instr.opcode.is_block_push()).filter_map(|instr| instr.target) {
            blocks[target].except_handler = true;
        }
    }

    /// Gives each instruction its handler and RESUME its depth flag; POP_BLOCK becomes NOP.
    pub(super) fn label_exception_targets(&mut self) -> Result<(), CompileError> {
        self.clear_visited();
        self.blocks[ENTRY].visited = true;
        let mut stacks = Stacks::default();
        // The stack of handlers at a block's start travels with the block.
        let mut todo: Vec<(BlockId, Stack)> = vec![(ENTRY, None)];
        while let Some((block, mut stack)) = todo.pop() {
            let mut handler = stacks.top(stack).map(|handler| handler.block);
            let mut last_yield_depth = None;
            for at in self.blocks[block].range() {
                let Instr { opcode, oparg, target, .. } = self.code[at];
                if opcode.is_block_push() {
                    let target = target.ok_or_else(malformed)?;
                    self.visit_with(target, stack, &mut todo);
                    if matches!(opcode, Opcode::SETUP_WITH | Opcode::SETUP_CLEANUP) {
                        self.blocks[target].preserve_lasti = true;
                    }
                    stack = stacks.push(stack, target);
                    handler = Some(target);
                    continue;
                }
                match opcode {
                    Opcode::POP_BLOCK => {
                        stack = stacks.top(stack).ok_or_else(malformed)?.around;
                        handler = stacks.top(stack).map(|handler| handler.block);
                        self.code[at].set_nop();
                        continue;
                    }
                    Opcode::YIELD_VALUE => last_yield_depth = Some(stacks.depth(stack)),
                    Opcode::RESUME if oparg != resume::AT_FUNC_START as i32 => {
                        if last_yield_depth == Some(1) {
                            self.code[at].oparg |= resume::DEPTH1_MASK as i32;
                        }
                        last_yield_depth = None;
                    }
                    op if op.has_jump() => self.visit_with(target.ok_or_else(malformed)?, stack, &mut todo),
                    _ => {}
                }
                self.code[at].except = handler;
            }
            if self.falls_through(block) {
                let next = self.blocks[block].next.ok_or_else(malformed)?;
                self.visit_with(next, stack, &mut todo);
            }
        }
        Ok(())
    }

    fn visit_with(&mut self, block: BlockId, stack: Stack, todo: &mut Vec<(BlockId, Stack)>) {
        if !self.blocks[block].visited {
            self.blocks[block].visited = true;
            todo.push((block, stack));
        }
    }
}
