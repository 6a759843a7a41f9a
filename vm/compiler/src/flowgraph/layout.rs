//! The final shape: depth of the stack, cold code last, pseudo instructions gone, cells and generator set-up in front.

use krait_bytecode::Opcode;
use krait_bytecode::code::co;
use krait_syntax::error::ErrorKind;

use super::cfg::{BlockId, Cfg, ENTRY, Instr, UNKNOWN_DEPTH, malformed};
use super::{CompileError, error};
use crate::instruction_sequence::{CodeUnitMetadata, Location, NO_LOCATION};

impl Cfg {
    /// Handlers, and what only they lead to, are cold. Whether there are any.
    fn mark_cold(&mut self) -> bool {
        self.clear_visited();
        self.visit(ENTRY);
        while let Some(id) = self.todo.pop() {
            self.blocks[id].warm = true;
            for successor in self.successors(id) {
                self.visit(successor);
            }
        }
        self.clear_visited();
        self.for_each(|cfg, id| {
            if cfg.blocks[id].except_handler {
                cfg.visit(id);
            }
        });
        let any = !self.todo.is_empty();
        while let Some(id) = self.todo.pop() {
            self.blocks[id].cold = true;
            for successor in self.successors(id) {
                if !self.blocks[successor].warm {
                    self.visit(successor);
                }
            }
        }
        any
    }

    pub(super) fn push_cold_blocks_to_end(&mut self) -> Result<(), CompileError> {
        if !self.has_handlers || !self.mark_cold() {
            return Ok(());
        }
        // What is cold and falls through to what is warm needs a jump once it has moved.
        self.for_each(|cfg, id| {
            let block = &cfg.blocks[id];
            let Some(next) = block.next.filter(|_| block.cold && cfg.falls_through(id)) else { return };
            if !cfg.blocks[next].warm {
                return;
            }
            cfg.blocks[next].labelled = true;
            let jump = cfg.new_block();
            cfg.push(jump, Instr { target: Some(next), ..Instr::new(Opcode::JUMP_NO_INTERRUPT, 0, NO_LOCATION) });
            let block = &mut cfg.blocks[jump];
            block.cold = true;
            block.predecessors = 1;
            block.next = Some(next);
            cfg.blocks[id].next = Some(jump);
        });
        if self.link_cold_blocks_last() { self.remove_redundant_nops_and_jumps() } else { Ok(()) }
    }

    /// Whether there were cold blocks.
    fn link_cold_blocks_last(&mut self) -> bool {
        // Both kinds keep their order.
        let (mut last_warm, mut first_cold, mut last_cold) = (ENTRY, None, None);
        self.for_each(|cfg, id| {
            if id == ENTRY {
                return;
            }
            if !cfg.blocks[id].cold {
                cfg.blocks[last_warm].next = Some(id);
                last_warm = id;
                return;
            }
            match last_cold {
                Some(last) => cfg.blocks[last].next = Some(id),
                None => first_cold = Some(id),
            }
            last_cold = Some(id);
        });
        self.blocks[last_warm].next = first_cold;
        if let Some(last) = last_cold {
            self.blocks[last].next = None;
        }
        first_cold.is_some()
    }

    /// JUMP_IF becomes a copy, its truth, and a popping jump.
    pub(super) fn convert_pseudo_conditional_jumps(&mut self) {
        self.for_each(|cfg, id| {
            let Some(last) = cfg.last_mut(id) else { return };
            last.opcode = match last.opcode {
                Opcode::JUMP_IF_FALSE => Opcode::POP_JUMP_IF_FALSE,
                Opcode::JUMP_IF_TRUE => Opcode::POP_JUMP_IF_TRUE,
                _ => return,
            };
            let jump = *last;
            let with_handler = |opcode, oparg| Instr { except: jump.except, ..Instr::new(opcode, oparg, jump.loc) };
            *last = with_handler(Opcode::COPY, 1);
            cfg.push(id, with_handler(Opcode::TO_BOOL, 0));
            cfg.push(id, jump);
        });
    }

    /// Conditional jumps go forward only: one that goes back is reversed over an unconditional jump.
    pub(super) fn normalize_jumps(&mut self) -> Result<(), CompileError> {
        self.clear_visited();
        self.try_for_each(|cfg, id| {
            cfg.blocks[id].visited = true;
            let Some(last) = cfg.last(id).copied().filter(|last| last.opcode.is_conditional_jump()) else {
                return Ok(());
            };
            let target = last.target.ok_or_else(malformed)?;
            let not_taken = Instr::new(Opcode::NOT_TAKEN, 0, last.loc);
            if !cfg.blocks[target].visited {
                cfg.add(id, not_taken);
                return Ok(());
            }
            let next = cfg.blocks[id].next.ok_or_else(malformed)?;
            let jump = cfg.new_block();
            cfg.push(jump, not_taken);
            cfg.push(jump, Instr { target: Some(target), ..Instr::new(Opcode::JUMP, 0, last.loc) });
            cfg.blocks[jump].startdepth = cfg.blocks[target].startdepth;
            cfg.blocks[jump].cold = cfg.blocks[id].cold;
            cfg.blocks[jump].next = Some(next);
            cfg.blocks[jump].visited = true;
            cfg.blocks[id].next = Some(jump);
            if let Some(last) = cfg.last_mut(id) {
                last.opcode = reversed(last.opcode);
                last.target = Some(next);
            }
            Ok(())
        })
    }

    /// The largest depth of the stack; each block's depth is kept in it.
    pub(super) fn calculate_stackdepth(&mut self) -> Result<i32, CompileError> {
        for block in self.blocks.iter_mut() {
            block.startdepth = UNKNOWN_DEPTH;
        }
        self.todo.clear();
        self.enter_at_depth(ENTRY, 0)?;
        let mut maxdepth = 0;
        while let Some(id) = self.todo.pop() {
            let mut depth = self.blocks[id].startdepth;
            for at in self.blocks[id].range() {
                let Instr { opcode, oparg, target, .. } = self.code[at];
                let new_depth = depth + stack_effect(opcode, oparg, false)?;
                if new_depth < 0 {
                    return Err(error(ErrorKind::ValueError, "Invalid CFG, stack underflow"));
                }
                maxdepth = maxdepth.max(depth);
                if opcode.has_target() && opcode != Opcode::END_ASYNC_FOR {
                    let target_depth = depth + stack_effect(opcode, oparg, true)?;
                    self.enter_at_depth(target.ok_or_else(malformed)?, target_depth)?;
                }
                depth = new_depth;
            }
            if let Some(next) = self.blocks[id].next.filter(|_| self.falls_through(id)) {
                self.enter_at_depth(next, depth)?;
            }
        }
        Ok(maxdepth)
    }

    fn enter_at_depth(&mut self, id: BlockId, depth: i32) -> Result<(), CompileError> {
        let block = &mut self.blocks[id];
        if block.startdepth >= 0 && block.startdepth != depth {
            return Err(error(ErrorKind::ValueError, "Invalid CFG, inconsistent stackdepth"));
        }
        if block.startdepth < depth {
            block.startdepth = depth;
            self.todo.push(id);
        }
        Ok(())
    }

    /// Cells, free variables and the generator's start in front; operands of DEREF become places among all variables, and what is left of
    /// pseudo instructions goes. The number of places.
    pub(super) fn convert_pseudo_ops(&mut self, metadata: &CodeUnitMetadata, code_flags: u32) -> Result<usize, CompileError> {
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
        self.try_for_each(|cfg, id| {
            for instr in cfg.instrs_mut(id) {
                match instr.opcode {
                    Opcode::MAKE_CELL
                    | Opcode::LOAD_CLOSURE
                    | Opcode::LOAD_DEREF
                    | Opcode::STORE_DEREF
                    | Opcode::DELETE_DEREF
                    | Opcode::LOAD_FROM_DICT_OR_DEREF => {
                        let place = usize::try_from(instr.oparg).ok().and_then(|at| places.get(at)).ok_or_else(malformed)?;
                        instr.oparg = i32::try_from(*place).map_err(|_| malformed())?;
                        if instr.opcode == Opcode::LOAD_CLOSURE {
                            instr.opcode = Opcode::LOAD_FAST;
                        }
                    }
                    Opcode::STORE_FAST_MAYBE_NULL => instr.opcode = Opcode::STORE_FAST,
                    op if op.is_block_push() => instr.set_nop(),
                    _ => {}
                }
            }
            Ok(())
        })?;
        self.remove_redundant_nops_and_jumps()?;
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
        self.prepend(ENTRY, &prefix);
    }
}

#[inline]
fn stack_effect(opcode: Opcode, oparg: i32, jump: bool) -> Result<i32, CompileError> {
    match opcode.stack_effect(oparg, Some(jump)) {
        Some(effect) if effect.abs() < 1 << 30 => Ok(effect),
        _ => Err(invalid_effect(opcode, oparg)),
    }
}

#[cold]
fn invalid_effect(opcode: Opcode, oparg: i32) -> CompileError {
    let message = format!("Invalid stack effect for opcode={}, arg={oparg}", opcode.number());
    error(ErrorKind::SystemError, &message)
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
