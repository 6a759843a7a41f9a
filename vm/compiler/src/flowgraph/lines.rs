//! Line numbers: exits and loops' ends without one get their own copy per predecessor, and take the predecessor's.

use super::cfg::{BlockId, Cfg};
use crate::instruction_sequence::{JumpTargetLabel, NO_LOCATION};

impl Cfg {
    fn is_exit_or_eval_check_without_lineno(&self, block: BlockId) -> bool {
        let block = &self.blocks[block];
        (block.exits_scope() || block.has_eval_break()) && block.has_no_lineno()
    }

    fn duplicate_exits_without_lineno(&mut self) {
        let mut at = Some(super::cfg::ENTRY);
        while let Some(id) = at {
            let last = self.blocks[id].last().copied();
            let target = last.filter(|last| last.opcode.has_jump()).and_then(|last| self.first_nonempty(last.target));
            if let (Some(last), Some(target)) = (last, target)
                && self.blocks[target].predecessors > 1
                && self.is_exit_or_eval_check_without_lineno(target)
            {
                let new = self.copy_block(target);
                self.blocks[new].instrs[0].loc = last.loc;
                self.blocks[new].predecessors = 1;
                self.blocks[new].next = self.blocks[target].next;
                self.blocks[new].label = JumpTargetLabel(0);
                self.blocks[target].predecessors -= 1;
                self.blocks[target].next = Some(new);
                if let Some(last) = self.blocks[id].instrs.last_mut() {
                    last.target = Some(new);
                }
            }
            at = self.blocks[id].next;
        }
        for id in self.order() {
            let block = &self.blocks[id];
            if let (true, Some(next), Some(last)) = (block.falls_through(), block.next, block.last().copied())
                && self.is_exit_or_eval_check_without_lineno(next)
                && let Some(first) = self.blocks[next].instrs.first_mut()
            {
                first.loc = last.loc;
            }
        }
    }

    fn propagate_line_numbers(&mut self) {
        for id in self.order() {
            let mut previous = NO_LOCATION;
            for instr in &mut self.blocks[id].instrs {
                if instr.lineno() == NO_LOCATION.lineno {
                    instr.loc = previous;
                } else {
                    previous = instr.loc;
                }
            }
            let block = &self.blocks[id];
            let Some(last) = block.last() else { continue };
            let through = block.next.filter(|_| block.falls_through());
            let target = last.target.filter(|_| last.opcode.has_jump());
            for successor in through.into_iter().chain(target) {
                let successor = &mut self.blocks[successor];
                if successor.predecessors == 1
                    && let Some(first) = successor.instrs.first_mut().filter(|first| first.lineno() == NO_LOCATION.lineno)
                {
                    first.loc = previous;
                }
            }
        }
    }

    pub(super) fn resolve_line_numbers(&mut self) {
        self.duplicate_exits_without_lineno();
        self.propagate_line_numbers();
    }
}
