//! The final shape: depth of the stack, cold code last, pseudo instructions gone, cells and generator set-up in front.

use krait_bytecode::Opcode;
use krait_bytecode::code::co;
use krait_syntax::error::ErrorKind;

use super::cfg::{BlockId, Cfg, ENTRY, Instr, UNKNOWN_DEPTH, malformed};
use super::{CompileError, error};
use crate::instruction_sequence::{CodeUnitMetadata, JumpTargetLabel, Location, NO_LOCATION};

impl Cfg {
    fn mark_warm(&mut self) {
        self.clear_visited();
        self.blocks[ENTRY].visited = true;
        let mut todo = vec![ENTRY];
        while let Some(id) = todo.pop() {
            self.blocks[id].warm = true;
            for successor in self.successors(id) {
                if !self.blocks[successor].visited {
                    self.blocks[successor].visited = true;
                    todo.push(successor);
                }
            }
        }
    }

    /// Where control may go from a block but for exceptions.
    fn successors(&self, id: BlockId) -> Vec<BlockId> {
        let block = &self.blocks[id];
        let through = block.next.filter(|_| block.falls_through());
        let jumps = block.instrs.iter().filter(|instr| instr.opcode.has_jump()).filter_map(|instr| instr.target);
        through.into_iter().chain(jumps).collect()
    }

    /// Handlers, and what only they lead to, are cold.
    fn mark_cold(&mut self) {
        self.mark_warm();
        self.clear_visited();
        let mut todo: Vec<BlockId> = self.order().into_iter().filter(|id| self.blocks[*id].except_handler).collect();
        for &id in &todo {
            self.blocks[id].visited = true;
        }
        while let Some(id) = todo.pop() {
            self.blocks[id].cold = true;
            for successor in self.successors(id) {
                let block = &mut self.blocks[successor];
                if !block.warm && !block.visited {
                    block.visited = true;
                    todo.push(successor);
                }
            }
        }
    }

    pub(super) fn push_cold_blocks_to_end(&mut self) -> Result<(), CompileError> {
        if self.blocks[ENTRY].next.is_none() {
            return Ok(());
        }
        self.mark_cold();
        // What is cold and falls through to what is warm needs a jump once it has moved.
        for id in self.order() {
            let block = &self.blocks[id];
            let Some(next) = block.next.filter(|_| block.cold && block.falls_through()) else { continue };
            if !self.blocks[next].warm {
                continue;
            }
            if !self.blocks[next].label.is_label() {
                self.blocks[next].label = JumpTargetLabel(0);
            }
            let jump = self.new_block();
            let instr = Instr { target: Some(next), ..Instr::new(Opcode::JUMP_NO_INTERRUPT, 0, NO_LOCATION) };
            let block = &mut self.blocks[jump];
            block.instrs.push(instr);
            block.cold = true;
            block.predecessors = 1;
            block.next = Some(next);
            self.blocks[id].next = Some(jump);
        }
        let (cold, warm): (Vec<BlockId>, Vec<BlockId>) =
            self.order().into_iter().partition(|id| self.blocks[*id].cold && *id != ENTRY);
        self.link(warm.into_iter().chain(cold.iter().copied()));
        if cold.is_empty() { Ok(()) } else { self.remove_redundant_nops_and_jumps() }
    }

    fn link(&mut self, order: impl Iterator<Item = BlockId>) {
        let mut last: Option<BlockId> = None;
        for id in order {
            if let Some(last) = last {
                self.blocks[last].next = Some(id);
            }
            self.blocks[id].next = None;
            last = Some(id);
        }
    }

    /// JUMP_IF becomes a copy, its truth, and a popping jump.
    pub(super) fn convert_pseudo_conditional_jumps(&mut self) {
        for id in self.order() {
            let instrs = &mut self.blocks[id].instrs;
            let Some(last) = instrs.last_mut() else { continue };
            last.opcode = match last.opcode {
                Opcode::JUMP_IF_FALSE => Opcode::POP_JUMP_IF_FALSE,
                Opcode::JUMP_IF_TRUE => Opcode::POP_JUMP_IF_TRUE,
                _ => continue,
            };
            let (jump, except) = (*last, last.except);
            instrs.pop();
            let with_handler = |opcode, oparg| Instr { except, ..Instr::new(opcode, oparg, jump.loc) };
            instrs.extend([with_handler(Opcode::COPY, 1), with_handler(Opcode::TO_BOOL, 0), jump]);
            self.blocks[id].grown(2);
        }
    }

    pub(super) fn convert_pseudo_ops(&mut self) -> Result<(), CompileError> {
        for instr in self.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
            match instr.opcode {
                op if op.is_block_push() => instr.set_nop(),
                Opcode::LOAD_CLOSURE => instr.opcode = Opcode::LOAD_FAST,
                Opcode::STORE_FAST_MAYBE_NULL => instr.opcode = Opcode::STORE_FAST,
                _ => {}
            }
        }
        self.remove_redundant_nops_and_jumps()
    }

    /// Conditional jumps go forward only: one that goes back is reversed over an unconditional jump.
    pub(super) fn normalize_jumps(&mut self) -> Result<(), CompileError> {
        self.clear_visited();
        for id in self.order() {
            self.blocks[id].visited = true;
            let Some(last) = self.blocks[id].last().copied().filter(|last| last.opcode.is_conditional_jump()) else {
                continue;
            };
            let target = last.target.ok_or_else(malformed)?;
            let not_taken = Instr::new(Opcode::NOT_TAKEN, 0, last.loc);
            if !self.blocks[target].visited {
                self.blocks[id].add(not_taken);
                continue;
            }
            let next = self.blocks[id].next.ok_or_else(malformed)?;
            let jump = self.new_block();
            self.blocks[jump].instrs =
                vec![not_taken, Instr { target: Some(target), ..Instr::new(Opcode::JUMP, 0, last.loc) }];
            self.blocks[jump].startdepth = self.blocks[target].startdepth;
            self.blocks[jump].cold = self.blocks[id].cold;
            self.blocks[jump].next = Some(next);
            self.blocks[jump].visited = true;
            self.blocks[id].next = Some(jump);
            if let Some(last) = self.blocks[id].instrs.last_mut() {
                last.opcode = reversed(last.opcode);
                last.target = Some(next);
            }
        }
        Ok(())
    }

    /// The largest depth of the stack; each block's depth is kept in it.
    pub(super) fn calculate_stackdepth(&mut self) -> Result<i32, CompileError> {
        for block in &mut self.blocks {
            block.startdepth = UNKNOWN_DEPTH;
        }
        let mut todo = Vec::new();
        self.enter_at_depth(ENTRY, 0, &mut todo)?;
        let mut maxdepth = 0;
        while let Some(id) = todo.pop() {
            let mut depth = self.blocks[id].startdepth;
            for at in 0..self.blocks[id].instrs.len() {
                let Instr { opcode, oparg, target, .. } = self.blocks[id].instrs[at];
                let new_depth = depth + stack_effect(opcode, oparg, false)?;
                if new_depth < 0 {
                    return Err(error(ErrorKind::ValueError, "Invalid CFG, stack underflow"));
                }
                maxdepth = maxdepth.max(depth);
                if opcode.has_target() && opcode != Opcode::END_ASYNC_FOR {
                    let target_depth = depth + stack_effect(opcode, oparg, true)?;
                    self.enter_at_depth(target.ok_or_else(malformed)?, target_depth, &mut todo)?;
                }
                depth = new_depth;
            }
            let block = &self.blocks[id];
            if let Some(next) = block.next.filter(|_| block.falls_through()) {
                self.enter_at_depth(next, depth, &mut todo)?;
            }
        }
        Ok(maxdepth)
    }

    fn enter_at_depth(&mut self, id: BlockId, depth: i32, todo: &mut Vec<BlockId>) -> Result<(), CompileError> {
        let block = &mut self.blocks[id];
        if block.startdepth >= 0 && block.startdepth != depth {
            return Err(error(ErrorKind::ValueError, "Invalid CFG, inconsistent stackdepth"));
        }
        if block.startdepth < depth {
            block.startdepth = depth;
            todo.push(id);
        }
        Ok(())
    }

    /// Cells, free variables and the generator's start in front; operands of DEREF become places among all variables.
    /// The number of places.
    pub(super) fn prepare_localsplus(&mut self, metadata: &CodeUnitMetadata, code_flags: u32) -> Result<usize, CompileError> {
        let (nlocals, ncells, nfree) = (metadata.varnames.len(), metadata.cellvars.len(), metadata.freevars.len());
        // Place of each cell and free variable; an argument's cell is in the argument's place.
        let mut places: Vec<usize> = (nlocals..nlocals + ncells + nfree).collect();
        for (cell, name) in metadata.cellvars.names().iter().enumerate() {
            if let Some(local) = metadata.varnames.get(name) {
                places[cell] = local as usize;
            }
        }
        self.insert_prefix_instructions(metadata, &places, code_flags);
        let mut dropped = 0;
        for (cell, place) in places.iter_mut().enumerate() {
            if *place == cell + nlocals {
                *place -= dropped;
            } else {
                dropped += 1;
            }
        }
        for instr in self.blocks.iter_mut().flat_map(|block| &mut block.instrs) {
            if matches!(
                instr.opcode,
                Opcode::MAKE_CELL
                    | Opcode::LOAD_CLOSURE
                    | Opcode::LOAD_DEREF
                    | Opcode::STORE_DEREF
                    | Opcode::DELETE_DEREF
                    | Opcode::LOAD_FROM_DICT_OR_DEREF
            ) {
                let place = usize::try_from(instr.oparg).ok().and_then(|at| places.get(at)).ok_or_else(malformed)?;
                instr.oparg = i32::try_from(*place).map_err(|_| malformed())?;
            }
        }
        Ok(nlocals + ncells + nfree - dropped)
    }

    fn insert_prefix_instructions(&mut self, metadata: &CodeUnitMetadata, places: &[usize], code_flags: u32) {
        let mut prefix = Vec::new();
        if !metadata.freevars.is_empty() {
            prefix.push(Instr::new(Opcode::COPY_FREE_VARS, metadata.freevars.len() as i32, NO_LOCATION));
        }
        let mut cells: Vec<usize> = (0..metadata.cellvars.len()).collect();
        cells.sort_by_key(|cell| places[*cell]);
        prefix.extend(cells.into_iter().map(|cell| Instr::new(Opcode::MAKE_CELL, cell as i32, NO_LOCATION)));
        if code_flags & (co::GENERATOR | co::COROUTINE | co::ASYNC_GENERATOR) != 0 {
            let loc = Location::new(metadata.firstlineno, metadata.firstlineno, -1, -1);
            prefix.push(Instr::new(Opcode::RETURN_GENERATOR, 0, loc));
            prefix.push(Instr::new(Opcode::POP_TOP, 0, loc));
        }
        self.blocks[ENTRY].grown(prefix.len());
        self.blocks[ENTRY].instrs.splice(0..0, prefix);
    }
}

fn stack_effect(opcode: Opcode, oparg: i32, jump: bool) -> Result<i32, CompileError> {
    opcode.stack_effect(oparg, Some(jump)).filter(|effect| effect.abs() < 1 << 30).ok_or_else(|| {
        let message = format!("Invalid stack effect for opcode={}, arg={oparg}", opcode.number());
        error(ErrorKind::SystemError, &message)
    })
}

fn reversed(jump: Opcode) -> Opcode {
    match jump {
        Opcode::POP_JUMP_IF_NOT_NONE => Opcode::POP_JUMP_IF_NONE,
        Opcode::POP_JUMP_IF_NONE => Opcode::POP_JUMP_IF_NOT_NONE,
        Opcode::POP_JUMP_IF_FALSE => Opcode::POP_JUMP_IF_TRUE,
        Opcode::POP_JUMP_IF_TRUE => Opcode::POP_JUMP_IF_FALSE,
        other => other,
    }
}
