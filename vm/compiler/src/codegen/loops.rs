//! `for`, `async for`, `while`, `break` and `continue`.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::{Expr, For, Stmt};

use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{Location, NO_LOCATION};
use crate::unit::FBlockKind;

impl<'a> Compiler<'a> {
    pub(super) fn for_(&mut self, s: &Stmt<'a>, f: &'a For<'a>) -> Res {
        let start = self.label();
        let body = self.label();
        let cleanup = self.label();
        let end = self.label();
        self.push_fblock(loc(s.range), FBlockKind::ForLoop, start, end)?;
        self.visit_expr(f.iter)?;
        let at = loc(f.iter.range);
        self.op(at, Opcode::GET_ITER);
        self.place(start);
        self.op_j(at, Opcode::FOR_ITER, cleanup);
        // For the tracing of statements over several lines; dropped when redundant.
        self.op(loc(f.target.range), Opcode::NOP);
        self.place(body);
        self.visit_expr(f.target)?;
        self.visit_stmts(f.body)?;
        self.op_j(NO_LOCATION, Opcode::JUMP, start);
        self.place(cleanup);
        self.op(NO_LOCATION, Opcode::END_FOR);
        self.op(NO_LOCATION, Opcode::POP_ITER);
        self.pop_fblock();
        self.visit_stmts(f.orelse)?;
        self.place(end);
        Ok(())
    }

    pub(super) fn async_for(&mut self, s: &Stmt<'a>, f: &'a For<'a>) -> Res {
        let at = loc(s.range);
        let start = self.label();
        let send = self.label();
        let except = self.label();
        let end = self.label();
        self.visit_expr(f.iter)?;
        self.op(loc(f.iter.range), Opcode::GET_AITER);
        self.place(start);
        self.push_fblock(at, FBlockKind::ForLoop, start, end)?;
        self.op_j(at, Opcode::SETUP_FINALLY, except);
        self.op(at, Opcode::GET_ANEXT);
        self.load_const(at, Const::None);
        self.place(send);
        self.yield_from(at, true);
        self.op(at, Opcode::POP_BLOCK);
        self.op(at, Opcode::NOT_TAKEN);
        self.visit_expr(f.target)?;
        self.visit_stmts(f.body)?;
        self.op_j(NO_LOCATION, Opcode::JUMP, start);
        self.pop_fblock();
        self.place(except);
        self.op_j(loc(f.iter.range), Opcode::END_ASYNC_FOR, send);
        self.visit_stmts(f.orelse)?;
        self.place(end);
        Ok(())
    }

    pub(super) fn while_(&mut self, s: &Stmt<'a>, test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>]) -> Res {
        let at = loc(s.range);
        let start = self.label();
        let end = self.label();
        let anchor = self.label();
        self.place(start);
        self.push_fblock(at, FBlockKind::WhileLoop, start, end)?;
        self.jump_if(at, test, anchor, false)?;
        self.visit_stmts(body)?;
        self.op_j(NO_LOCATION, Opcode::JUMP, start);
        self.pop_fblock();
        self.place(anchor);
        self.visit_stmts(orelse)?;
        self.place(end);
        Ok(())
    }

    pub(super) fn break_(&mut self, origin: Location) -> Res {
        let mut at = origin;
        self.op(at, Opcode::NOP);
        let Some(found) = self.unwind_fblock_stack(&mut at, false, true)? else {
            return self.error(origin, "'break' outside loop");
        };
        self.unwind_fblock(&mut at, &found, false)?;
        self.op_j(at, Opcode::JUMP, found.exit);
        Ok(())
    }

    pub(super) fn continue_(&mut self, origin: Location) -> Res {
        let mut at = origin;
        self.op(at, Opcode::NOP);
        let Some(found) = self.unwind_fblock_stack(&mut at, false, true)? else {
            return self.error(origin, "'continue' not properly in loop");
        };
        self.op_j(at, Opcode::JUMP, found.block);
        Ok(())
    }
}
