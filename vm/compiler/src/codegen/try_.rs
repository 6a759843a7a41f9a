//! `try` with `except`, `except*` and `finally`.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::{ExceptHandler, Stmt, Try};

use super::intrinsic2;
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{JumpTargetLabel, NO_LABEL, NO_LOCATION};
use crate::unit::FBlockKind;

impl<'a> Compiler<'a> {
    pub(super) fn try_(&mut self, s: &Stmt<'a>, t: &'a Try<'a>, star: bool) -> Res {
        if t.finalbody.is_empty() { self.try_handlers(s, t, star) } else { self.try_finally(s, t, star) }
    }

    fn try_handlers(&mut self, s: &Stmt<'a>, t: &'a Try<'a>, star: bool) -> Res {
        if star { self.try_star_except(s, t) } else { self.try_except(s, t) }
    }

    /// The `finally` block is there twice: behind a body that ends well, and as a handler that raises again.
    fn try_finally(&mut self, s: &Stmt<'a>, t: &'a Try<'a>, star: bool) -> Res {
        let at = loc(s.range);
        let body = self.label();
        let end = self.label();
        let exit = self.label();
        let cleanup = self.label();
        self.op_j(at, Opcode::SETUP_FINALLY, end);
        self.place(body);
        self.push_fblock(at, FBlockKind::FinallyTry(t.finalbody), body, end)?;
        if t.handlers.is_empty() {
            self.visit_stmts(t.body)?;
        } else {
            self.try_handlers(s, t, star)?;
        }
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.pop_fblock();
        self.visit_stmts(t.finalbody)?;
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, exit);

        self.place(end);
        self.op_j(NO_LOCATION, Opcode::SETUP_CLEANUP, cleanup);
        self.op(NO_LOCATION, Opcode::PUSH_EXC_INFO);
        self.push_fblock(NO_LOCATION, FBlockKind::FinallyEnd, end, NO_LABEL)?;
        self.visit_stmts(t.finalbody)?;
        self.pop_fblock();
        self.op_i(NO_LOCATION, Opcode::RERAISE, 0);
        self.place(cleanup);
        self.pop_except_and_reraise(NO_LOCATION);
        self.place(exit);
        Ok(())
    }

    fn try_except(&mut self, s: &Stmt<'a>, t: &'a Try<'a>) -> Res {
        let at = loc(s.range);
        let body = self.label();
        let except = self.label();
        let end = self.label();
        let cleanup = self.label();
        self.op_j(at, Opcode::SETUP_FINALLY, except);
        self.place(body);
        self.push_fblock(at, FBlockKind::TryExcept, body, NO_LABEL)?;
        self.visit_stmts(t.body)?;
        self.pop_fblock();
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.visit_stmts(t.orelse)?;
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);

        self.place(except);
        self.op_j(NO_LOCATION, Opcode::SETUP_CLEANUP, cleanup);
        self.op(NO_LOCATION, Opcode::PUSH_EXC_INFO);
        self.push_fblock(at, FBlockKind::ExceptionHandler, NO_LABEL, NO_LABEL)?;
        for (i, handler) in t.handlers.iter().enumerate() {
            self.except_handler(handler, i + 1 == t.handlers.len(), end)?;
        }
        self.pop_fblock();
        self.op_i(NO_LOCATION, Opcode::RERAISE, 0);
        self.place(cleanup);
        self.pop_except_and_reraise(NO_LOCATION);
        self.place(end);
        Ok(())
    }

    fn except_handler(&mut self, handler: &'a ExceptHandler<'a>, last: bool, end: JumpTargetLabel) -> Res {
        let at = loc(handler.range);
        if handler.type_.is_none() && !last {
            return self.error(at, "default 'except:' must be last");
        }
        let next_except = self.label();
        if let Some(type_) = handler.type_ {
            self.visit_expr(type_)?;
            self.op(at, Opcode::CHECK_EXC_MATCH);
            self.op_j(at, Opcode::POP_JUMP_IF_FALSE, next_except);
        }
        if let Some(name) = handler.name {
            let cleanup_end = self.label();
            let cleanup_body = self.label();
            self.store_name(at, name)?;
            self.op_j(at, Opcode::SETUP_CLEANUP, cleanup_end);
            self.place(cleanup_body);
            self.push_fblock(at, FBlockKind::HandlerCleanup(handler.name), cleanup_body, NO_LABEL)?;
            self.visit_stmts(handler.body)?;
            self.pop_fblock();
            self.op(NO_LOCATION, Opcode::POP_BLOCK);
            self.op(NO_LOCATION, Opcode::POP_BLOCK);
            self.op(NO_LOCATION, Opcode::POP_EXCEPT);
            self.unbind_handler_name(NO_LOCATION, name)?;
            self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
            self.place(cleanup_end);
            self.unbind_handler_name(NO_LOCATION, name)?;
            self.op_i(NO_LOCATION, Opcode::RERAISE, 1);
        } else {
            let cleanup_body = self.label();
            self.op(at, Opcode::POP_TOP);
            self.place(cleanup_body);
            self.push_fblock(at, FBlockKind::HandlerCleanup(None), cleanup_body, NO_LABEL)?;
            self.visit_stmts(handler.body)?;
            self.pop_fblock();
            self.op(NO_LOCATION, Opcode::POP_BLOCK);
            self.op(NO_LOCATION, Opcode::POP_EXCEPT);
            self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        }
        self.place(next_except);
        Ok(())
    }

    /// Each handler takes its part of the group and leaves the rest; what handlers raise is collected in a list, and all
    /// that is left over is raised together at the end.
    fn try_star_except(&mut self, s: &Stmt<'a>, t: &'a Try<'a>) -> Res {
        let at = loc(s.range);
        let body = self.label();
        let except = self.label();
        let orelse = self.label();
        let end = self.label();
        let cleanup = self.label();
        let reraise_star = self.label();
        self.op_j(at, Opcode::SETUP_FINALLY, except);
        self.place(body);
        self.push_fblock(at, FBlockKind::TryExcept, body, NO_LABEL)?;
        self.visit_stmts(t.body)?;
        self.pop_fblock();
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, orelse);

        self.place(except);
        self.op_j(NO_LOCATION, Opcode::SETUP_CLEANUP, cleanup);
        self.op(NO_LOCATION, Opcode::PUSH_EXC_INFO);
        self.push_fblock(at, FBlockKind::ExceptionGroupHandler, NO_LABEL, NO_LABEL)?;
        for (i, handler) in t.handlers.iter().enumerate() {
            self.star_handler(handler, i == 0)?;
            if i + 1 == t.handlers.len() {
                self.op_i(NO_LOCATION, Opcode::LIST_APPEND, 1);
                self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, reraise_star);
            }
        }
        self.pop_fblock();
        let reraise = self.label();
        self.place(reraise_star);
        self.op_i(NO_LOCATION, Opcode::CALL_INTRINSIC_2, intrinsic2::PREP_RERAISE_STAR);
        self.op_i(NO_LOCATION, Opcode::COPY, 1);
        self.op_j(NO_LOCATION, Opcode::POP_JUMP_IF_NOT_NONE, reraise);
        self.op(NO_LOCATION, Opcode::POP_TOP);
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.op(NO_LOCATION, Opcode::POP_EXCEPT);
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        self.place(reraise);
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.op_i(NO_LOCATION, Opcode::SWAP, 2);
        self.op(NO_LOCATION, Opcode::POP_EXCEPT);
        self.op_i(NO_LOCATION, Opcode::RERAISE, 0);
        self.place(cleanup);
        self.pop_except_and_reraise(NO_LOCATION);
        self.place(orelse);
        self.visit_stmts(t.orelse)?;
        self.place(end);
        Ok(())
    }

    fn star_handler(&mut self, handler: &'a ExceptHandler<'a>, first: bool) -> Res {
        let at = loc(handler.range);
        let next_except = self.label();
        let except_with_error = self.label();
        let no_match = self.label();
        if first {
            self.op_i(at, Opcode::BUILD_LIST, 0);
            self.op_i(at, Opcode::COPY, 2);
        }
        if let Some(type_) = handler.type_ {
            self.visit_expr(type_)?;
            self.op(at, Opcode::CHECK_EG_MATCH);
            self.op_i(at, Opcode::COPY, 1);
            self.op_j(at, Opcode::POP_JUMP_IF_NONE, no_match);
        }
        let cleanup_end = self.label();
        let cleanup_body = self.label();
        match handler.name {
            Some(name) => self.store_name(at, name)?,
            None => self.op(at, Opcode::POP_TOP),
        }
        self.op_j(at, Opcode::SETUP_CLEANUP, cleanup_end);
        self.place(cleanup_body);
        self.push_fblock(at, FBlockKind::HandlerCleanup(handler.name), cleanup_body, NO_LABEL)?;
        self.visit_stmts(handler.body)?;
        self.pop_fblock();
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        if let Some(name) = handler.name {
            self.unbind_handler_name(NO_LOCATION, name)?;
        }
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, next_except);
        self.place(cleanup_end);
        if let Some(name) = handler.name {
            self.unbind_handler_name(NO_LOCATION, name)?;
        }
        self.op_i(NO_LOCATION, Opcode::LIST_APPEND, 3);
        self.op(NO_LOCATION, Opcode::POP_TOP);
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, except_with_error);
        self.place(next_except);
        // Holds a propagated location.
        self.op(NO_LOCATION, Opcode::NOP);
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, except_with_error);
        self.place(no_match);
        self.op(at, Opcode::POP_TOP);
        self.place(except_with_error);
        Ok(())
    }

    /// GET_AWAITABLE and the loop that waits for it.
    pub(super) fn await_value(&mut self, at: crate::instruction_sequence::Location, oparg: i32) {
        self.op_i(at, Opcode::GET_AWAITABLE, oparg);
        self.load_const(at, Const::None);
        self.yield_from(at, true);
    }
}
