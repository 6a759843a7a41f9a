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
        let mut todo = Vec::new();
        let bits = |n: usize| if n >= MASKED { u64::MAX } else { (1 << n) - 1 };
        self.mark_unsafe(ENTRY, bits(nlocals) & !bits(nparams), &mut todo);
        for block in self.order() {
            self.scan_block_for_locals(block, &mut todo);
        }
        while let Some(block) = todo.pop() {
            self.blocks[block].visited = false;
            self.scan_block_for_locals(block, &mut todo);
        }
    }

    /// Locals beyond the masks: known to be bound only behind a load or store in the same block.
    fn scan_many_locals(&mut self, nlocals: usize) {
        let mut bound_in = vec![0; nlocals - MASKED];
        for (number, block) in self.order().into_iter().enumerate() {
            let number = number + 1;
            for instr in &mut self.blocks[block].instrs {
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
        }
    }

    fn mark_unsafe(&mut self, id: BlockId, mask: u64, todo: &mut Vec<BlockId>) {
        let block = &mut self.blocks[id];
        let both = block.unsafe_locals | mask;
        if block.unsafe_locals != both {
            block.unsafe_locals = both;
            if !block.visited {
                block.visited = true;
                todo.push(id);
            }
        }
    }

    fn scan_block_for_locals(&mut self, id: BlockId, todo: &mut Vec<BlockId>) {
        let mut unsafe_mask = self.blocks[id].unsafe_locals;
        for at in 0..self.blocks[id].instrs.len() {
            let Instr { opcode, oparg, except, .. } = self.blocks[id].instrs[at];
            if let Some(handler) = except {
                self.mark_unsafe(handler, unsafe_mask, todo);
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
                        self.blocks[id].instrs[at].opcode = Opcode::LOAD_FAST_CHECK;
                    }
                    unsafe_mask &= !bit;
                }
                _ => {}
            }
        }
        let block = &self.blocks[id];
        let through = block.next.filter(|_| block.falls_through());
        let target = block.last().filter(|last| last.opcode.has_jump()).and_then(|last| last.target);
        for successor in through.into_iter().chain(target) {
            self.mark_unsafe(successor, unsafe_mask, todo);
        }
    }

    /// Loads whose value is consumed within the block, and before its local changes, borrow the frame's reference.
    pub(super) fn optimize_load_fast(&mut self) {
        self.clear_visited();
        self.blocks[ENTRY].visited = true;
        self.blocks[ENTRY].startdepth = 0;
        let mut todo = vec![ENTRY];
        while let Some(id) = todo.pop() {
            let mut walk = Borrows::new(&self.blocks[id].instrs, self.blocks[id].startdepth);
            for (at, instr) in self.blocks[id].instrs.iter().enumerate() {
                walk.step(at, instr);
            }
            let block = &self.blocks[id];
            let targets = block.instrs.iter().filter(|instr| instr.opcode.has_target()).filter_map(|instr| instr.target);
            let mut successors: Vec<BlockId> = targets.collect();
            if !block.instrs.is_empty() && block.falls_through() {
                successors.extend(block.next);
            }
            let strong = walk.finish();
            for (instr, strong) in self.blocks[id].instrs.iter_mut().zip(strong) {
                match instr.opcode {
                    Opcode::LOAD_FAST if !strong => instr.opcode = Opcode::LOAD_FAST_BORROW,
                    Opcode::LOAD_FAST_LOAD_FAST if !strong => instr.opcode = Opcode::LOAD_FAST_BORROW_LOAD_FAST_BORROW,
                    _ => {}
                }
            }
            for successor in successors {
                if !self.blocks[successor].visited {
                    self.blocks[successor].visited = true;
                    todo.push(successor);
                }
            }
        }
    }
}

/// A reference on the stack: the instruction that pushed it and the local it came from.
#[derive(Clone, Copy)]
struct Ref {
    instr: Option<usize>,
    local: Option<i32>,
}

const UNKNOWN: Ref = Ref { instr: None, local: None };

/// The abstract stack of one block, and which of its instructions must push a reference of their own.
struct Borrows {
    stack: Vec<Ref>,
    strong: Vec<bool>,
}

impl Borrows {
    fn new(instrs: &[Instr], startdepth: i32) -> Borrows {
        Borrows { stack: vec![UNKNOWN; usize::try_from(startdepth).unwrap_or(0)], strong: vec![false; instrs.len()] }
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
    fn finish(mut self) -> Vec<bool> {
        for reference in std::mem::take(&mut self.stack) {
            self.make_strong(reference);
        }
        self.strong
    }
}
