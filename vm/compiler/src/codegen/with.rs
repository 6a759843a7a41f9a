//! `with` and `async with`.

use krait_bytecode::Opcode;
use krait_syntax::ast::With;

use super::special;
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{JumpTargetLabel, NO_LOCATION};
use crate::unit::FBlockKind;

impl<'a> Compiler<'a> {
    /// The item at `pos` and all that it encloses. The bound `__exit__` stays on the stack meanwhile.
    pub(super) fn with(&mut self, w: &'a With<'a>, pos: usize, is_async: bool) -> Res {
        let Some(item) = w.items.get(pos) else { return self.visit_stmts(w.body) };
        let block = self.label();
        let final_ = self.label();
        let exit = self.label();
        let cleanup = self.label();
        self.visit_expr(item.context_expr)?;
        let at = loc(item.context_expr.range);
        self.op_i(at, Opcode::COPY, 1);
        self.op_i(at, Opcode::LOAD_SPECIAL, if is_async { special::AEXIT } else { special::EXIT });
        self.op_i(at, Opcode::SWAP, 2);
        self.op_i(at, Opcode::SWAP, 3);
        self.op_i(at, Opcode::LOAD_SPECIAL, if is_async { special::AENTER } else { special::ENTER });
        self.op_i(at, Opcode::CALL, 0);
        if is_async {
            self.await_value(at, 1);
        }
        self.op_j(at, Opcode::SETUP_WITH, final_);
        self.place(block);
        let kind = if is_async { FBlockKind::AsyncWith } else { FBlockKind::With };
        self.push_fblock(at, kind, block, final_)?;
        match item.optional_vars {
            Some(target) => self.visit_expr(target)?,
            None => self.op(at, Opcode::POP_TOP),
        }
        self.with(w, pos + 1, is_async)?;
        self.op(if is_async { at } else { NO_LOCATION }, Opcode::POP_BLOCK);
        self.pop_fblock();
        self.call_exit_with_nones(at);
        if is_async {
            self.await_value(at, 2);
        }
        self.op(at, Opcode::POP_TOP);
        self.op_j(at, Opcode::JUMP, exit);

        self.place(final_);
        self.op_j(at, Opcode::SETUP_CLEANUP, cleanup);
        self.op(at, Opcode::PUSH_EXC_INFO);
        self.op(at, Opcode::WITH_EXCEPT_START);
        if is_async {
            self.await_value(at, 2);
        }
        self.with_except_finish(cleanup);
        self.place(exit);
        Ok(())
    }

    fn with_except_finish(&mut self, cleanup: JumpTargetLabel) {
        let suppress = self.label();
        self.op(NO_LOCATION, Opcode::TO_BOOL);
        self.op_j(NO_LOCATION, Opcode::POP_JUMP_IF_TRUE, suppress);
        self.op_i(NO_LOCATION, Opcode::RERAISE, 2);
        self.place(suppress);
        self.op(NO_LOCATION, Opcode::POP_TOP);
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.op(NO_LOCATION, Opcode::POP_EXCEPT);
        for _ in 0..3 {
            self.op(NO_LOCATION, Opcode::POP_TOP);
        }
        let exit = self.label();
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, exit);
        self.place(cleanup);
        self.pop_except_and_reraise(NO_LOCATION);
        self.place(exit);
    }
}
