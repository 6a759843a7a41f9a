//! Local variables: which loads may meet an unbound one, and which may borrow the reference from the frame.

use krait_bytecode::Opcode;

use super::cfg::{BlockId, Cfg, ENTRY, Instr};

/// Locals with a bit in the masks of the whole-graph analysis; the rest are analysed block by block.
const MASKED: usize = 64;

impl Cfg {
    /// Loads that may find a local unbound become LOAD_FAST_CHECK.
    pub(super) fn add_checks_for_loads_of_uninitialized_variables(&mut self, nlocals: usize, nparams: usize) {
        if nlocals == 0 {
            return;
        }
        if nlocals > MASKED {
            self.scan_many_locals(nlocals);
        }
        self.clear_visited();
        let bits = |n: usize| if n >= MASKED { u64::MAX } else { (1 << n) - 1 };
        self.mark_unsafe(ENTRY, bits(nlocals) & !bits(nparams));
        self.for_each(Cfg::scan_block_for_locals);
        while let Some(block) = self.todo.pop() {
            self.blocks[block].visited = false;
            self.scan_block_for_locals(block);
        }
    }

    /// Locals beyond the masks: known to be bound only behind a load or store in the same block.
    fn scan_many_locals(&mut self, nlocals: usize) {
        let mut bound_in = vec![0; nlocals - MASKED];
        let mut number = 0;
        self.for_each(|cfg, id| {
            number += 1;
            for instr in cfg.instrs_mut(id) {
                let Some(state) = usize::try_from(instr.oparg).ok().and_then(|n| n.checked_sub(MASKED)) else { continue };
                let Some(state) = bound_in.get_mut(state) else { continue };
                match instr.opcode {
                    Opcode::DELETE_FAST | Opcode::LOAD_FAST_AND_CLEAR | Opcode::STORE_FAST_MAYBE_NULL => *state = number - 1,
                    Opcode::STORE_FAST => *state = number,
                    Opcode::LOAD_FAST => {
                        if *state != number {
                            instr.opcode = Opcode::LOAD_FAST_CHECK;
                        }
                        *state = number;
                    }
                    _ => {}
                }
            }
        });
    }

    fn mark_unsafe(&mut self, id: BlockId, mask: u64) {
        let block = &mut self.blocks[id];
        let both = block.unsafe_locals | mask;
        if block.unsafe_locals != both {
            block.unsafe_locals = both;
            self.visit(id);
        }
    }

    fn scan_block_for_locals(&mut self, id: BlockId) {
        let mut unsafe_mask = self.blocks[id].unsafe_locals;
        for at in self.blocks[id].range() {
            let Instr { opcode, oparg, except, .. } = self.code[at];
            if let Some(handler) = except {
                self.mark_unsafe(handler, unsafe_mask);
            }
            if !(0..MASKED as i32).contains(&oparg) {
                continue;
            }
            let bit = 1 << oparg;
            match opcode {
                Opcode::DELETE_FAST | Opcode::LOAD_FAST_AND_CLEAR | Opcode::STORE_FAST_MAYBE_NULL => unsafe_mask |= bit,
                Opcode::STORE_FAST | Opcode::LOAD_FAST_CHECK => unsafe_mask &= !bit,
                Opcode::LOAD_FAST => {
                    if unsafe_mask & bit != 0 {
                        self.code[at].opcode = Opcode::LOAD_FAST_CHECK;
                    }
                    unsafe_mask &= !bit;
                }
                _ => {}
            }
        }
        for successor in self.successors(id) {
            self.mark_unsafe(successor, unsafe_mask);
        }
    }

    /// Loads whose value is consumed within the block, and before its local changes, borrow the frame's reference.
    pub(super) fn optimize_load_fast(&mut self) {
        self.clear_visited();
        self.blocks[ENTRY].startdepth = 0;
        self.visit(ENTRY);
        let mut walk = std::mem::take(&mut self.borrows);
        while let Some(id) = self.todo.pop() {
            let block = self.blocks[id];
            walk.begin(block.len(), block.startdepth);
            for (at, place) in block.range().enumerate() {
                let instr = self.code[place];
                walk.step(at, &instr);
                if let Some(target) = instr.target.filter(|_| instr.opcode.has_target()) {
                    self.visit(target);
                }
            }
            if let Some(next) = block.next.filter(|_| !block.is_empty() && self.falls_through(id)) {
                self.visit(next);
            }
            let strong = walk.finish();
            for (instr, strong) in self.code[block.range()].iter_mut().zip(strong) {
                match instr.opcode {
                    Opcode::LOAD_FAST if !strong => instr.opcode = Opcode::LOAD_FAST_BORROW,
                    Opcode::LOAD_FAST_LOAD_FAST if !strong => instr.opcode = Opcode::LOAD_FAST_BORROW_LOAD_FAST_BORROW,
                    _ => {}
                }
            }
        }
        self.borrows = walk;
    }
}

/// A reference on the stack: the instruction that pushed it and the local it came from.
#[derive(Clone, Copy, Debug)]
struct Ref {
    instr: Option<usize>,
    local: Option<i32>,
}

const UNKNOWN: Ref = Ref { instr: None, local: None };

/// The abstract stack of one block, and which of its instructions must push a reference of their own.
#[derive(Debug, Default)]
pub(crate) struct Borrows {
    stack: Vec<Ref>,
    strong: Vec<bool>,
}

impl Borrows {
    fn begin(&mut self, count: usize, startdepth: i32) {
        self.stack.clear();
        self.stack.resize(usize::try_from(startdepth).unwrap_or(0), UNKNOWN);
        self.strong.clear();
        self.strong.resize(count, false);
    }

    fn pop(&mut self) -> Ref {
        self.stack.pop().unwrap_or(UNKNOWN)
    }

    fn push(&mut self, instr: usize, local: Option<i32>) {
        self.stack.push(Ref { instr: Some(instr), local });
    }

    fn make_strong(&mut self, reference: Ref) {
        if let Some(slot) = reference.instr.and_then(|at| self.strong.get_mut(at)) {
            *slot = true;
        }
    }

    /// A local is overwritten: what is still on the stack of it must not be borrowed.
    fn kill(&mut self, local: i32) {
        for at in 0..self.stack.len() {
            if self.stack[at].local == Some(local) {
                self.make_strong(self.stack[at]);
            }
        }
    }

    fn store(&mut self, local: i32) {
        let value = self.pop();
        self.kill(local);
        self.make_strong(value);
    }

    fn step(&mut self, at: usize, instr: &Instr) {
        let Instr { opcode, oparg, .. } = *instr;
        match opcode {
            Opcode::LOAD_FAST => self.push(at, Some(oparg)),
            Opcode::DELETE_FAST => self.kill(oparg),
            Opcode::LOAD_FAST_AND_CLEAR => {
                self.kill(oparg);
                self.push(at, Some(oparg));
            }
            Opcode::LOAD_FAST_LOAD_FAST => {
                self.push(at, Some(oparg >> 4));
                self.push(at, Some(oparg & 15));
            }
            Opcode::STORE_FAST => self.store(oparg),
            Opcode::STORE_FAST_LOAD_FAST => {
                self.store(oparg >> 4);
                self.push(at, Some(oparg & 15));
            }
            Opcode::STORE_FAST_STORE_FAST => {
                self.store(oparg >> 4);
                self.store(oparg & 15);
            }
            Opcode::COPY => {
                let from = self.stack.len().checked_sub(oparg.max(1) as usize);
                self.stack.push(from.map_or(UNKNOWN, |from| self.stack[from]));
            }
            Opcode::SWAP => {
                let top = self.stack.len().wrapping_sub(1);
                if let Some(other) = self.stack.len().checked_sub(oparg.max(1) as usize).filter(|_| oparg >= 2) {
                    self.stack.swap(other, top);
                }
            }
            _ => self.step_other(at, instr),
        }
    }

    /// Instructions without a local; some leave part of what they take on the stack.
    fn step_other(&mut self, at: usize, instr: &Instr) {
        let Instr { opcode, oparg, .. } = *instr;
        let (popped, pushed) = (opcode.popped(oparg), opcode.pushed(oparg));
        match opcode {
            Opcode::GET_ANEXT
            | Opcode::GET_LEN
            | Opcode::IMPORT_FROM
            | Opcode::MATCH_KEYS
            | Opcode::MATCH_MAPPING
            | Opcode::MATCH_SEQUENCE
            | Opcode::WITH_EXCEPT_START => {
                // CPython numbers these by their order among the new items, not by the instruction.
                (popped..pushed).zip(0..).for_each(|(_, nth)| self.push(nth, None));
            }
            Opcode::DICT_MERGE
            | Opcode::DICT_UPDATE
            | Opcode::LIST_APPEND
            | Opcode::LIST_EXTEND
            | Opcode::MAP_ADD
            | Opcode::RERAISE
            | Opcode::SET_ADD
            | Opcode::SET_UPDATE => {
                for _ in pushed..popped {
                    self.pop();
                }
            }
            Opcode::END_SEND | Opcode::SET_FUNCTION_ATTRIBUTE => {
                let top = self.pop();
                self.pop();
                self.stack.push(top);
            }
            // What they leave may be what they took.
            Opcode::FORMAT_SIMPLE | Opcode::GET_YIELD_FROM_ITER => {}
            Opcode::CHECK_EXC_MATCH => {
                self.pop();
                self.push(at, None);
            }
            Opcode::FOR_ITER => self.push(at, None),
            Opcode::LOAD_ATTR | Opcode::LOAD_SUPER_ATTR => {
                let owner = self.pop();
                if opcode == Opcode::LOAD_SUPER_ATTR {
                    self.pop();
                    self.pop();
                }
                self.push(at, None);
                if oparg & 1 != 0 {
                    self.stack.push(owner);
                }
            }
            Opcode::LOAD_SPECIAL | Opcode::PUSH_EXC_INFO => {
                let top = self.pop();
                self.push(at, None);
                self.stack.push(top);
            }
            Opcode::SEND => {
                self.pop();
                self.push(at, None);
            }
            _ if opcode.is_block_push() => {}
            _ => {
                for _ in 0..popped {
                    self.pop();
                }
                for _ in 0..pushed {
                    self.push(at, None);
                }
            }
        }
    }

    /// Which instructions must push references of their own, what is left on the stack included.
    fn finish(&mut self) -> &[bool] {
        while let Some(reference) = self.stack.pop() {
            self.make_strong(reference);
        }
        &self.strong
    }
}
