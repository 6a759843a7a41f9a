//! The graph: basic blocks in an arena, linked in their order of layout, and its conversion from and to sequences.
//!
//! Invariants: only the last instruction of a block jumps or leaves the frame ([`Cfg::check`]); a block's `target`s and `except`s are blocks of the same arena.

use std::collections::VecDeque;

use krait_bytecode::Opcode;
use krait_syntax::error::ErrorKind;

use super::{CompileError, error};
use crate::instruction_sequence::{ExceptHandlerInfo, InstructionSequence, JumpTargetLabel, Location, NO_HANDLER};

/// Index of a block in [`Cfg::blocks`].
pub(super) type BlockId = usize;

#[derive(Clone, Copy, Debug)]
pub(super) struct Instr {
    pub opcode: Opcode,
    pub oparg: i32,
    pub loc: Location,
    /// Block of a jump or handler set-up.
    pub target: Option<BlockId>,
    /// Handler that covers the instruction.
    pub except: Option<BlockId>,
}

impl Instr {
    pub fn new(opcode: Opcode, oparg: i32, loc: Location) -> Instr {
        Instr { opcode, oparg, loc, target: None, except: None }
    }

    pub fn set(&mut self, opcode: Opcode, oparg: i32) {
        self.opcode = opcode;
        self.oparg = oparg;
    }

    pub fn set_nop(&mut self) {
        self.set(Opcode::NOP, 0);
    }

    pub fn lineno(&self) -> i32 {
        self.loc.lineno
    }
}

/// Depth of a block that no path has reached yet.
pub(super) const UNKNOWN_DEPTH: i32 = i32::MIN;

#[derive(Clone, Debug)]
pub(super) struct Block {
    pub instrs: Vec<Instr>,
    /// Handlers of the instructions that once stood behind the last one. CPython reuses their memory without clearing the handler, which
    /// shows in exception tables, so [`Block::add`] does the same.
    pub stale: VecDeque<Option<BlockId>>,
    pub next: Option<BlockId>,
    /// Whether something jumps here; the value is only compared for being a label.
    pub label: JumpTargetLabel,
    pub predecessors: i32,
    pub startdepth: i32,
    pub unsafe_locals: u64,
    pub visited: bool,
    pub preserve_lasti: bool,
    pub except_handler: bool,
    pub cold: bool,
    pub warm: bool,
}

impl Block {
    fn new() -> Block {
        Block {
            instrs: Vec::new(),
            stale: VecDeque::new(),
            next: None,
            label: crate::instruction_sequence::NO_LABEL,
            predecessors: 0,
            startdepth: UNKNOWN_DEPTH,
            unsafe_locals: 0,
            visited: false,
            preserve_lasti: false,
            except_handler: false,
            cold: false,
            warm: false,
        }
    }

    /// Appends an instruction whose handler is not decided.
    pub fn add(&mut self, instr: Instr) {
        let except = self.stale.pop_front().flatten();
        self.instrs.push(Instr { except, ..instr });
    }

    /// Notes that `count` instructions were inserted or appended whole.
    pub fn grown(&mut self, count: usize) {
        self.stale.drain(..count.min(self.stale.len()));
    }

    /// Cuts off all but the first `kept` instructions.
    pub fn shrink(&mut self, kept: usize) {
        for instr in self.instrs.drain(kept.min(self.instrs.len())..).rev() {
            self.stale.push_front(instr.except);
        }
    }

    pub fn last(&self) -> Option<&Instr> {
        self.instrs.last()
    }

    pub fn falls_through(&self) -> bool {
        !self.last().is_some_and(|last| last.opcode.is_scope_exit() || last.opcode.is_unconditional_jump())
    }

    pub fn exits_scope(&self) -> bool {
        self.last().is_some_and(|last| last.opcode.is_scope_exit())
    }

    pub fn has_eval_break(&self) -> bool {
        self.instrs.iter().any(|instr| instr.opcode.has(krait_bytecode::opcode::flag::EVAL_BREAK))
    }

    pub fn has_no_lineno(&self) -> bool {
        self.instrs.iter().all(|instr| instr.lineno() < 0)
    }
}

/// A control flow graph. Block 0 is the entry.
#[derive(Debug)]
pub(super) struct Cfg {
    pub blocks: Vec<Block>,
}

pub(super) const ENTRY: BlockId = 0;

impl Cfg {
    /// Cuts a sequence into blocks and resolves its labels.
    pub fn from_sequence(mut seq: InstructionSequence) -> Result<Cfg, CompileError> {
        seq.apply_label_map();
        let count = seq.len();
        let mut is_target = vec![false; count];
        for instr in seq.instrs().iter().filter(|instr| instr.opcode.has_target()) {
            match usize::try_from(instr.oparg).ok().and_then(|at| is_target.get_mut(at)) {
                Some(mark) => *mark = true,
                None => return Err(malformed()),
            }
        }
        let mut cfg = Cfg { blocks: vec![Block::new()] };
        let mut current = ENTRY;
        let mut block_of = vec![ENTRY; count];
        for (at, instr) in seq.instrs().iter().enumerate() {
            if instr.opcode == Opcode::ANNOTATIONS_PLACEHOLDER {
                for instr in seq.annotations_code().map_or(&[][..], |code| code.instrs()) {
                    current = cfg.start_block(current, false);
                    cfg.blocks[current].instrs.push(Instr::new(instr.opcode, instr.oparg, instr.loc));
                }
                block_of[at] = current;
                continue;
            }
            current = cfg.start_block(current, is_target[at]);
            if is_target[at] {
                cfg.blocks[current].label = JumpTargetLabel(i32::try_from(at).unwrap_or(i32::MAX));
            }
            block_of[at] = current;
            cfg.blocks[current].instrs.push(Instr::new(instr.opcode, instr.oparg, instr.loc));
        }
        for instr in cfg.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
            if instr.opcode.has_target() {
                // Code for annotations has no targets; a stray one is caught here.
                let target = usize::try_from(instr.oparg).ok().and_then(|at| block_of.get(at)).ok_or_else(malformed)?;
                instr.target = Some(*target);
            }
        }
        Ok(cfg)
    }

    /// The block for the next instruction: `current`, unless that has ended or `label`led code starts.
    fn start_block(&mut self, current: BlockId, label: bool) -> BlockId {
        let block = &self.blocks[current];
        let ended = block.last().is_some_and(|last| last.opcode.is_terminator());
        if !ended && !(label && (!block.instrs.is_empty() || block.label.is_label())) {
            return current;
        }
        let new = self.new_block();
        self.blocks[current].next = Some(new);
        new
    }

    pub fn new_block(&mut self) -> BlockId {
        self.blocks.push(Block::new());
        self.blocks.len() - 1
    }

    /// A block of the same instructions, not yet linked.
    pub fn copy_block(&mut self, block: BlockId) -> BlockId {
        let new = self.new_block();
        self.blocks[new].instrs = self.blocks[block].instrs.clone();
        new
    }

    /// The blocks in order of layout.
    pub fn order(&self) -> Vec<BlockId> {
        let mut order = Vec::with_capacity(self.blocks.len());
        let mut at = Some(ENTRY);
        while let Some(block) = at {
            order.push(block);
            at = self.blocks[block].next;
        }
        order
    }

    pub fn first_nonempty(&self, mut block: Option<BlockId>) -> Option<BlockId> {
        while let Some(b) = block {
            if !self.blocks[b].instrs.is_empty() {
                return block;
            }
            block = self.blocks[b].next;
        }
        None
    }

    /// Clears `visited` everywhere, for a traversal.
    pub fn clear_visited(&mut self) {
        for block in &mut self.blocks {
            block.visited = false;
        }
    }

    /// Whether jumps and exits stand at the ends of blocks, and control never runs off the end.
    pub fn check(&self) -> Result<(), CompileError> {
        for block in self.order() {
            let block = &self.blocks[block];
            let body = block.instrs.len().saturating_sub(1);
            if block.instrs[..body].iter().any(|instr| instr.opcode.is_terminator()) {
                return Err(malformed());
            }
        }
        Ok(())
    }

    /// Writes the blocks out again, operands of jumps being indices of instructions.
    pub fn into_sequence(self) -> InstructionSequence {
        let mut seq = InstructionSequence::new();
        let order = self.order();
        let mut label_of = vec![JumpTargetLabel(-1); self.blocks.len()];
        for (id, block) in order.iter().enumerate() {
            label_of[*block] = JumpTargetLabel(i32::try_from(id).unwrap_or(i32::MAX));
        }
        for block in order {
            seq.use_label(label_of[block]);
            for instr in &self.blocks[block].instrs {
                let oparg = match instr.target {
                    Some(target) if instr.opcode.has_target() => label_of[target].0,
                    _ => instr.oparg,
                };
                seq.instrs_mut().push(crate::instruction_sequence::Instruction {
                    opcode: instr.opcode,
                    oparg,
                    loc: instr.loc,
                    except_handler: instr.except.map_or(NO_HANDLER, |handler| ExceptHandlerInfo {
                        label: label_of[handler].0,
                        startdepth: self.blocks[handler].startdepth,
                        preserve_lasti: self.blocks[handler].preserve_lasti,
                    }),
                });
            }
        }
        seq.apply_label_map();
        seq
    }
}

pub(super) fn malformed() -> CompileError {
    error(ErrorKind::SystemError, "malformed control flow graph.")
}
