//! Line numbers: exits and loops' ends without one get their own copy per predecessor, and take the predecessor's.

use super::cfg::{BlockId, Cfg, ENTRY};
use crate::instruction_sequence::NO_LOCATION;

impl Cfg {
    fn is_exit_or_eval_check_without_lineno(&self, block: BlockId) -> bool {
        self.has_no_lineno(block) && (self.exits_scope(block) || self.has_eval_break(block))
    }

    fn duplicate_exits_without_lineno(&mut self) {
        let mut at = Some(ENTRY);
        while let Some(id) = at {
            let last = self.last(id).copied();
            let target = last.filter(|last| last.opcode.has_jump()).and_then(|last| self.first_nonempty(last.target));
            if let (Some(last), Some(target)) = (last, target)
                && self.blocks[target].predecessors > 1
                && self.is_exit_or_eval_check_without_lineno(target)
            {
                let new = self.copy_block(target);
                self.instrs_mut(new)[0].loc = last.loc;
                let next = self.blocks[target].next;
                let block = &mut self.blocks[new];
                block.predecessors = 1;
                block.next = next;
                block.labelled = true;
                self.blocks[target].predecessors -= 1;
                self.blocks[target].next = Some(new);
                if let Some(last) = self.last_mut(id) {
                    last.target = Some(new);
                }
            }
            at = self.blocks[id].next;
        }
        self.for_each(|cfg, id| {
            if let (Some(next), Some(loc)) = (cfg.blocks[id].next, cfg.last(id).map(|last| last.loc))
                && cfg.falls_through(id)
                && cfg.is_exit_or_eval_check_without_lineno(next)
                && let Some(first) = cfg.instrs_mut(next).first_mut()
            {
                first.loc = loc;
            }
        });
    }

    fn propagate_line_numbers(&mut self) {
        self.for_each(|cfg, id| {
            let mut previous = NO_LOCATION;
            for instr in cfg.instrs_mut(id) {
                if instr.lineno() == NO_LOCATION.lineno {
                    instr.loc = previous;
                } else {
                    previous = instr.loc;
                }
            }
            if cfg.blocks[id].is_empty() {
                return;
            }
            for successor in cfg.successors(id) {
                if cfg.blocks[successor].predecessors == 1
                    && let Some(first) = cfg.instrs_mut(successor).first_mut().filter(|first| first.lineno() == NO_LOCATION.lineno)
                {
                    first.loc = previous;
                }
            }
        });
    }

    pub(super) fn resolve_line_numbers(&mut self) {
        self.duplicate_exits_without_lineno();
        self.propagate_line_numbers();
    }
}
