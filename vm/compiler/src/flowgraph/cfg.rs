//! The graph: basic blocks, linked in their order of layout, and its conversion from and to sequences.
//!
//! The instructions of all blocks share one vector; a block is a piece of it with room behind, and moves to the end when it outgrows that.
//! A graph is used again for the next code unit, so that its vectors are allocated once.
//!
//! Invariants: only the last instruction of a block jumps or leaves the frame (until NOT_TAKEN stands behind conditional jumps); a block's
//! `target`s and `except`s are blocks of the same graph.

use std::num::NonZeroU32;
use std::ops::{Index, IndexMut, Range};

use krait_bytecode::Opcode;
use krait_bytecode::opcode::flag;
use krait_syntax::error::ErrorKind;

use super::locals::Borrows;
use super::{CompileError, error};
use crate::instruction_sequence::{ExceptHandlerInfo, Instruction, InstructionSequence, JumpTargetLabel, Location, NO_HANDLER, NO_LOCATION};

/// Number of a block in [`Cfg::blocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockId(NonZeroU32);

impl BlockId {
    fn from_index(index: usize) -> BlockId {
        BlockId(NonZeroU32::MIN.saturating_add(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Instr {
    pub opcode: Opcode,
    pub oparg: i32,
    pub loc: Location,
    /// Block of a jump or handler set-up.
    pub target: Option<BlockId>,
    /// Handler that covers the instruction.
    pub except: Option<BlockId>,
}

/// What stands in room that was never used.
const BLANK: Instr = Instr { opcode: Opcode::NOP, oparg: 0, loc: NO_LOCATION, target: None, except: None };

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

#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// The piece of [`Cfg::code`].
    start: u32,
    len: u32,
    /// Length with the room behind. What once stood there keeps its handler: CPython uses that memory again without clearing the handler,
    /// which shows in exception tables, so [`Cfg::add`] does the same.
    room: u32,
    pub next: Option<BlockId>,
    /// Whether something jumps here.
    pub labelled: bool,
    pub visited: bool,
    pub preserve_lasti: bool,
    pub except_handler: bool,
    pub cold: bool,
    pub warm: bool,
    pub predecessors: i32,
    pub startdepth: i32,
    pub unsafe_locals: u64,
    /// For the assembler: number of the first instruction.
    pub number: u32,
    /// For the assembler: offset in code units.
    pub offset: i32,
    /// For the assembler: length in code units without the jump.
    pub units: i32,
}

impl Block {
    fn new(start: u32) -> Block {
        Block {
            start,
            len: 0,
            room: 0,
            next: None,
            labelled: false,
            visited: false,
            preserve_lasti: false,
            except_handler: false,
            cold: false,
            warm: false,
            predecessors: 0,
            startdepth: UNKNOWN_DEPTH,
            unsafe_locals: 0,
            number: 0,
            offset: 0,
            units: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where its instructions are in [`Cfg::code`].
    pub fn range(&self) -> Range<usize> {
        self.start as usize..(self.start + self.len) as usize
    }
}

/// The blocks by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Blocks(Vec<Block>);

impl Index<BlockId> for Blocks {
    type Output = Block;

    fn index(&self, id: BlockId) -> &Block {
        &self.0[id.index()]
    }
}

impl IndexMut<BlockId> for Blocks {
    fn index_mut(&mut self, id: BlockId) -> &mut Block {
        &mut self.0[id.index()]
    }
}

impl Blocks {
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Block> {
        self.0.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A control flow graph. The first block is the entry.
#[derive(Debug, Default)]
pub(crate) struct Cfg {
    pub blocks: Blocks,
    pub code: Vec<Instr>,
    /// Blocks that a traversal has yet to visit; empty between passes.
    pub todo: Vec<BlockId>,
    /// Whether anything sets up a handler.
    pub has_handlers: bool,
    /// Space of [`Cfg::optimize_load_fast`].
    pub borrows: Borrows,
    /// Space of [`Cfg::load`]: the block of each instruction that is a target.
    block_of: Vec<Option<BlockId>>,
    /// Space of the assembler's tables.
    pub bytes: Vec<u8>,
}

pub(crate) const ENTRY: BlockId = BlockId(NonZeroU32::MIN);

impl Cfg {
    /// The graph of a sequence.
    pub fn from_sequence(seq: &mut InstructionSequence) -> Result<Cfg, CompileError> {
        let mut cfg = Cfg::default();
        cfg.load(seq)?;
        Ok(cfg)
    }

    /// Cuts a sequence into blocks and resolves its labels. Forgets what the graph was before.
    pub fn load(&mut self, seq: &mut InstructionSequence) -> Result<(), CompileError> {
        seq.apply_label_map();
        self.blocks.0.clear();
        self.code.clear();
        self.todo.clear();
        self.has_handlers = false;
        self.mark_targets(seq.instrs())?;
        self.code.reserve(seq.len() + seq.annotations_code().map_or(0, InstructionSequence::len));
        let mut current = self.new_block();
        // Whether the next instruction belongs to another block.
        let mut ended = false;
        for (at, instr) in seq.instrs().iter().enumerate() {
            let is_target = self.block_of[at].is_some();
            if instr.opcode == Opcode::ANNOTATIONS_PLACEHOLDER {
                for instr in seq.annotations_code().map_or(&[][..], InstructionSequence::instrs) {
                    if ended {
                        current = self.start_block(current);
                    }
                    self.append(current, instr);
                    ended = instr.opcode.is_terminator();
                }
                if is_target {
                    self.block_of[at] = Some(current);
                }
                continue;
            }
            let block = &self.blocks[current];
            if ended || is_target && (!block.is_empty() || block.labelled) {
                current = self.start_block(current);
            }
            if is_target {
                self.blocks[current].labelled = true;
                self.block_of[at] = Some(current);
            }
            self.append(current, instr);
            ended = instr.opcode.is_terminator();
        }
        for instr in &mut self.code {
            if instr.opcode.has_target() {
                // Code for annotations has no targets; a stray one is caught here.
                let block = usize::try_from(instr.oparg).ok().and_then(|at| self.block_of.get(at).copied().flatten());
                instr.target = Some(block.ok_or_else(malformed)?);
            }
        }
        Ok(())
    }

    /// Marks in `block_of` which instructions are targets.
    fn mark_targets(&mut self, instrs: &[Instruction]) -> Result<(), CompileError> {
        self.block_of.clear();
        self.block_of.resize(instrs.len(), None);
        for instr in instrs.iter().filter(|instr| instr.opcode.has_target()) {
            self.has_handlers |= instr.opcode.is_block_push();
            match usize::try_from(instr.oparg).ok().and_then(|at| self.block_of.get_mut(at)) {
                Some(mark) => *mark = Some(ENTRY),
                None => return Err(malformed()),
            }
        }
        Ok(())
    }

    /// A block behind `current`, for the next instruction.
    fn start_block(&mut self, current: BlockId) -> BlockId {
        let new = self.new_block();
        self.blocks[current].next = Some(new);
        new
    }

    /// Appends to the last block, while the graph is made.
    fn append(&mut self, block: BlockId, instr: &Instruction) {
        self.code.push(Instr::new(instr.opcode, instr.oparg, instr.loc));
        let block = &mut self.blocks[block];
        block.len += 1;
        block.room += 1;
    }

    /// A block without instructions, not yet linked.
    pub fn new_block(&mut self) -> BlockId {
        let new = BlockId::from_index(self.blocks.0.len());
        // Fewer than `u32::MAX` instructions fit memory.
        self.blocks.0.push(Block::new(self.code.len() as u32));
        new
    }

    /// A block of the same instructions, not yet linked.
    pub fn copy_block(&mut self, block: BlockId) -> BlockId {
        let new = self.new_block();
        let range = self.blocks[block].range();
        let len = range.len() as u32;
        self.code.extend_from_within(range);
        let block = &mut self.blocks[new];
        (block.len, block.room) = (len, len);
        new
    }

    pub fn instrs(&self, id: BlockId) -> &[Instr] {
        &self.code[self.blocks[id].range()]
    }

    pub fn instrs_mut(&mut self, id: BlockId) -> &mut [Instr] {
        &mut self.code[self.blocks[id].range()]
    }

    pub fn last(&self, id: BlockId) -> Option<&Instr> {
        self.instrs(id).last()
    }

    pub fn last_mut(&mut self, id: BlockId) -> Option<&mut Instr> {
        self.instrs_mut(id).last_mut()
    }

    /// Gives a block room for `extra` more instructions.
    fn reserve(&mut self, id: BlockId, extra: usize) {
        let block = &mut self.blocks[id];
        let needed = block.len() + extra;
        if needed <= block.room as usize {
            return;
        }
        let room = needed + needed / 2 + 2;
        let range = block.range();
        block.start = self.code.len() as u32;
        block.room = room as u32;
        let end = self.code.len() + room;
        self.code.extend_from_within(range);
        self.code.resize(end, BLANK);
    }

    /// Appends an instruction whose handler is not decided.
    pub fn add(&mut self, id: BlockId, instr: Instr) {
        self.reserve(id, 1);
        let block = &mut self.blocks[id];
        let slot = &mut self.code[(block.start + block.len) as usize];
        *slot = Instr { except: slot.except, ..instr };
        block.len += 1;
    }

    /// Appends an instruction with its handler.
    pub fn push(&mut self, id: BlockId, instr: Instr) {
        self.reserve(id, 1);
        let block = &mut self.blocks[id];
        self.code[(block.start + block.len) as usize] = instr;
        block.len += 1;
    }

    /// Appends the instructions of another block.
    pub fn extend_from(&mut self, id: BlockId, other: BlockId) {
        let range = self.blocks[other].range();
        self.reserve(id, range.len());
        let block = &mut self.blocks[id];
        let end = (block.start + block.len) as usize;
        block.len += range.len() as u32;
        self.code.copy_within(range, end);
    }

    /// Inserts instructions in front of a block's own.
    pub fn prepend(&mut self, id: BlockId, instrs: &[Instr]) {
        self.reserve(id, instrs.len());
        let range = self.blocks[id].range();
        let start = range.start;
        self.code.copy_within(range, start + instrs.len());
        self.code[start..start + instrs.len()].copy_from_slice(instrs);
        self.blocks[id].len += instrs.len() as u32;
    }

    /// Cuts off all but the first `kept` instructions of a block.
    pub fn shrink(&mut self, id: BlockId, kept: usize) {
        let block = &mut self.blocks[id];
        block.len = block.len.min(u32::try_from(kept).unwrap_or(u32::MAX));
    }

    pub fn falls_through(&self, id: BlockId) -> bool {
        !self.last(id).is_some_and(|last| last.opcode.is_scope_exit() || last.opcode.is_unconditional_jump())
    }

    pub fn exits_scope(&self, id: BlockId) -> bool {
        self.last(id).is_some_and(|last| last.opcode.is_scope_exit())
    }

    pub fn has_eval_break(&self, id: BlockId) -> bool {
        self.instrs(id).iter().any(|instr| instr.opcode.has(flag::EVAL_BREAK))
    }

    pub fn has_no_lineno(&self, id: BlockId) -> bool {
        self.instrs(id).iter().all(|instr| instr.lineno() < 0)
    }

    /// Where control goes from a block but for exceptions: the next block if it falls through, and the target of its jump.
    pub fn successors(&self, id: BlockId) -> impl Iterator<Item = BlockId> + use<> {
        let last = self.last(id);
        let through = if self.falls_through(id) { self.blocks[id].next } else { None };
        let target = last.filter(|last| last.opcode.has_jump()).and_then(|last| last.target);
        through.into_iter().chain(target)
    }

    pub fn first_nonempty(&self, mut block: Option<BlockId>) -> Option<BlockId> {
        while let Some(b) = block {
            if !self.blocks[b].is_empty() {
                return block;
            }
            block = self.blocks[b].next;
        }
        None
    }

    /// Calls `f` with every block in order of layout. Blocks that `f` links behind its own are not visited.
    pub fn try_for_each(&mut self, mut f: impl FnMut(&mut Cfg, BlockId) -> Result<(), CompileError>) -> Result<(), CompileError> {
        let mut at = Some(ENTRY);
        while let Some(id) = at {
            at = self.blocks[id].next;
            f(self, id)?;
        }
        Ok(())
    }

    /// [`Cfg::try_for_each`] of what cannot fail.
    pub fn for_each(&mut self, mut f: impl FnMut(&mut Cfg, BlockId)) {
        let mut at = Some(ENTRY);
        while let Some(id) = at {
            at = self.blocks[id].next;
            f(self, id);
        }
    }

    /// The blocks in order of layout.
    pub fn order(&self) -> impl Iterator<Item = BlockId> {
        std::iter::successors(Some(ENTRY), |id| self.blocks[*id].next)
    }

    /// Clears `visited` everywhere, for a traversal.
    pub fn clear_visited(&mut self) {
        for block in self.blocks.iter_mut() {
            block.visited = false;
        }
    }

    /// Notes for a traversal to visit a block, once.
    pub fn visit(&mut self, id: BlockId) {
        let block = &mut self.blocks[id];
        if !block.visited {
            block.visited = true;
            self.todo.push(id);
        }
    }

    /// Writes the blocks out again, operands of jumps being indices of instructions.
    pub fn to_sequence(&self) -> InstructionSequence {
        let mut seq = InstructionSequence::new();
        let mut label_of = vec![JumpTargetLabel(-1); self.blocks.len()];
        for (id, block) in self.order().enumerate() {
            label_of[block.index()] = JumpTargetLabel(i32::try_from(id).unwrap_or(i32::MAX));
        }
        for block in self.order() {
            seq.use_label(label_of[block.index()]);
            for instr in self.instrs(block) {
                let oparg = match instr.target {
                    Some(target) if instr.opcode.has_target() => label_of[target.index()].0,
                    _ => instr.oparg,
                };
                seq.instrs_mut().push(Instruction {
                    opcode: instr.opcode,
                    oparg,
                    loc: instr.loc,
                    except_handler: instr.except.map_or(NO_HANDLER, |handler| ExceptHandlerInfo {
                        label: label_of[handler.index()].0,
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

pub(crate) fn malformed() -> CompileError {
    error(ErrorKind::SystemError, "malformed control flow graph.")
}
