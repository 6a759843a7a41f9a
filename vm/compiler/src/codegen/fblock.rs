//! Frame blocks, and their unwinding by `return`, `break` and `continue`.

use krait_bytecode::code::co;
use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::ExprContext;

use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{JumpTargetLabel, Location, NO_LABEL, NO_LOCATION};
use crate::unit::{FBlock, FBlockKind};

impl<'a> Compiler<'a> {
    pub(super) fn push_fblock(
        &mut self,
        loc: Location,
        kind: FBlockKind<'a>,
        block: JumpTargetLabel,
        exit: JumpTargetLabel,
    ) -> Res {
        if self.unit().fblocks.len() >= co::MAXBLOCKS {
            return self.error(loc, "too many statically nested blocks");
        }
        if matches!(kind, FBlockKind::FinallyEnd) {
            // The same statements were compiled, and warned about, before.
            self.disable_warnings += 1;
        }
        self.u().fblocks.push(FBlock { kind, block, loc, exit });
        Ok(())
    }

    pub(super) fn pop_fblock(&mut self) {
        if let Some(FBlock { kind: FBlockKind::FinallyEnd, .. }) = self.u().fblocks.pop() {
            self.disable_warnings -= 1;
        }
    }

    pub(super) fn call_exit_with_nones(&mut self, loc: Location) {
        for _ in 0..3 {
            self.load_const(loc, Const::None);
        }
        self.op_i(loc, Opcode::CALL, 3);
    }

    pub(super) fn pop_except_and_reraise(&mut self, loc: Location) {
        self.op_i(loc, Opcode::COPY, 3);
        self.op(loc, Opcode::POP_EXCEPT);
        self.op_i(loc, Opcode::RERAISE, 1);
    }

    /// Leaves one frame block. The value on top of the stack stays when `preserve_tos`.
    pub(super) fn unwind_fblock(&mut self, at: &mut Location, info: &FBlock<'a>, preserve_tos: bool) -> Res {
        let swap = |this: &mut Self, at: Location| {
            if preserve_tos {
                this.op_i(at, Opcode::SWAP, 2);
            }
        };
        match info.kind {
            FBlockKind::WhileLoop
            | FBlockKind::ExceptionHandler
            | FBlockKind::ExceptionGroupHandler
            | FBlockKind::AsyncComprehensionGenerator
            | FBlockKind::InlinedComprehension
            | FBlockKind::StopIteration => {}
            FBlockKind::ForLoop | FBlockKind::PopValue => {
                swap(self, *at);
                self.op(*at, Opcode::POP_TOP);
            }
            FBlockKind::TryExcept => self.op(*at, Opcode::POP_BLOCK),
            FBlockKind::FinallyTry(body) => {
                self.op(*at, Opcode::POP_BLOCK);
                if preserve_tos {
                    self.push_fblock(*at, FBlockKind::PopValue, NO_LABEL, NO_LABEL)?;
                }
                self.visit_stmts(body)?;
                if preserve_tos {
                    self.pop_fblock();
                }
                // The finally block seems to run after the unwinding statement.
                *at = NO_LOCATION;
            }
            FBlockKind::FinallyEnd => {
                swap(self, *at);
                self.op(*at, Opcode::POP_TOP);
                swap(self, *at);
                self.op(*at, Opcode::POP_BLOCK);
                self.op(*at, Opcode::POP_EXCEPT);
            }
            FBlockKind::With | FBlockKind::AsyncWith => self.unwind_with(at, info, preserve_tos),
            FBlockKind::HandlerCleanup(name) => {
                if name.is_some() {
                    self.op(*at, Opcode::POP_BLOCK);
                }
                swap(self, *at);
                self.op(*at, Opcode::POP_BLOCK);
                self.op(*at, Opcode::POP_EXCEPT);
                if let Some(name) = name {
                    self.unbind_handler_name(*at, name)?;
                }
            }
        }
        Ok(())
    }

    fn unwind_with(&mut self, at: &mut Location, info: &FBlock<'a>, preserve_tos: bool) {
        *at = info.loc;
        self.op(*at, Opcode::POP_BLOCK);
        if preserve_tos {
            self.op_i(*at, Opcode::SWAP, 3);
            self.op_i(*at, Opcode::SWAP, 2);
        }
        self.call_exit_with_nones(*at);
        if matches!(info.kind, FBlockKind::AsyncWith) {
            self.await_value(*at, 2);
        }
        self.op(*at, Opcode::POP_TOP);
        *at = NO_LOCATION;
    }

    /// `name = None; del name` at the end of a handler.
    pub(super) fn unbind_handler_name(&mut self, at: Location, name: &'a str) -> Res {
        self.load_const(at, Const::None);
        self.store_name(at, name)?;
        self.nameop(at, name, ExprContext::Del)
    }

    /// Leaves all frame blocks, or those inside the innermost loop, which is returned, when `to_loop`.
    pub(super) fn unwind_fblock_stack(&mut self, at: &mut Location, preserve_tos: bool, to_loop: bool) -> Res<Option<FBlock<'a>>> {
        let Some(top) = self.unit().fblocks.last().copied() else { return Ok(None) };
        match top.kind {
            FBlockKind::ExceptionGroupHandler => {
                return self.error(*at, "'break', 'continue' and 'return' cannot appear in an except* block");
            }
            FBlockKind::WhileLoop | FBlockKind::ForLoop if to_loop => return Ok(Some(top)),
            _ => {}
        }
        self.pop_fblock();
        self.unwind_fblock(at, &top, preserve_tos)?;
        let found = self.unwind_fblock_stack(at, preserve_tos, to_loop)?;
        self.push_fblock(top.loc, top.kind, top.block, top.exit)?;
        Ok(found)
    }
}
