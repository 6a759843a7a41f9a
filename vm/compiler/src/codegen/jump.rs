//! Conditional jumps, comparisons and boolean operators.

use krait_bytecode::Opcode;
use krait_syntax::ast::{BoolOp, CmpOp, Expr, ExprKind, UnaryOp};

use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Res, recurse};
use crate::instruction_sequence::{JumpTargetLabel, Location, NO_LOCATION};

impl<'a> Compiler<'a> {
    pub(super) fn compare_op(&mut self, loc: Location, op: CmpOp) {
        // The comparison in the top three bits of a byte, a mask of wanted outcomes in the low four:
        // unordered, less, greater, equal. The fifth bit asks for a bool and is set later.
        let oparg = match op {
            CmpOp::Lt => 2,
            CmpOp::LtE => 1 << 5 | 2 | 8,
            CmpOp::Eq => 2 << 5 | 8,
            CmpOp::NotEq => 3 << 5 | 1 | 2 | 4,
            CmpOp::Gt => 4 << 5 | 4,
            CmpOp::GtE => 5 << 5 | 4 | 8,
            CmpOp::Is | CmpOp::IsNot => return self.op_i(loc, Opcode::IS_OP, i32::from(op == CmpOp::IsNot)),
            CmpOp::In | CmpOp::NotIn => return self.op_i(loc, Opcode::CONTAINS_OP, i32::from(op == CmpOp::NotIn)),
        };
        self.op_i(loc, Opcode::COMPARE_OP, oparg);
    }

    /// Evaluates `e` and jumps to `next` when its truth is `cond`.
    pub(super) fn jump_if(&mut self, at: Location, e: &'a Expr<'a>, next: JumpTargetLabel, cond: bool) -> Res {
        recurse(self, |this| this.jump_if_inner(at, e, next, cond))
    }

    fn jump_if_inner(&mut self, at: Location, e: &'a Expr<'a>, next: JumpTargetLabel, cond: bool) -> Res {
        match e.kind {
            ExprKind::UnaryOp { op: UnaryOp::Not, operand } => return self.jump_if(at, operand, next, !cond),
            ExprKind::BoolOp { op, values } => return self.jump_if_bool_op(at, op, values, next, cond),
            ExprKind::IfExp { test, body, orelse } => {
                let end = self.label();
                let next2 = self.label();
                self.jump_if(at, test, next2, false)?;
                self.jump_if(at, body, next, cond)?;
                self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
                self.place(next2);
                self.jump_if(at, orelse, next, cond)?;
                self.place(end);
                return Ok(());
            }
            ExprKind::Compare { left, ops, comparators } if ops.len() > 1 => {
                return self.jump_if_chain(e, left, ops, comparators, next, cond);
            }
            _ => {}
        }
        self.visit_expr(e)?;
        let at = loc(e.range);
        self.op(at, Opcode::TO_BOOL);
        self.op_j(at, pop_jump(cond), next);
        Ok(())
    }

    fn jump_if_bool_op(&mut self, at: Location, op: BoolOp, values: &'a [Expr<'a>], next: JumpTargetLabel, cond: bool) -> Res {
        let Some((last, init)) = values.split_last() else { return Ok(()) };
        let short = op == BoolOp::Or;
        let next2 = if short == cond { next } else { self.label() };
        for value in init {
            self.jump_if(at, value, next2, short)?;
        }
        self.jump_if(at, last, next, cond)?;
        if next2 != next {
            self.place(next2);
        }
        Ok(())
    }

    fn jump_if_chain(
        &mut self,
        e: &'a Expr<'a>,
        left: &'a Expr<'a>,
        ops: &'a [CmpOp],
        comparators: &'a [Expr<'a>],
        next: JumpTargetLabel,
        cond: bool,
    ) -> Res {
        let (Some((last_op, ops)), Some((last, comparators))) = (ops.split_last(), comparators.split_last()) else {
            return Ok(());
        };
        let at = loc(e.range);
        self.check_compare(e)?;
        let cleanup = self.label();
        self.visit_expr(left)?;
        for (op, comparator) in ops.iter().zip(comparators) {
            self.visit_expr(comparator)?;
            self.op_i(at, Opcode::SWAP, 2);
            self.op_i(at, Opcode::COPY, 2);
            self.compare_op(at, *op);
            self.op(at, Opcode::TO_BOOL);
            self.op_j(at, Opcode::POP_JUMP_IF_FALSE, cleanup);
        }
        self.visit_expr(last)?;
        self.compare_op(at, *last_op);
        self.op(at, Opcode::TO_BOOL);
        self.op_j(at, pop_jump(cond), next);
        let end = self.label();
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        self.place(cleanup);
        self.op(at, Opcode::POP_TOP);
        if !cond {
            self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, next);
        }
        self.place(end);
        Ok(())
    }

    pub(super) fn if_exp(&mut self, e: &Expr<'a>, test: &'a Expr<'a>, body: &'a Expr<'a>, orelse: &'a Expr<'a>) -> Res {
        let end = self.label();
        let next = self.label();
        self.jump_if(loc(e.range), test, next, false)?;
        self.visit_expr(body)?;
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        self.place(next);
        self.visit_expr(orelse)?;
        self.place(end);
        Ok(())
    }

    pub(super) fn bool_op(&mut self, e: &Expr<'a>, op: BoolOp, values: &'a [Expr<'a>]) -> Res {
        let at = loc(e.range);
        let jump = if op == BoolOp::And { Opcode::JUMP_IF_FALSE } else { Opcode::JUMP_IF_TRUE };
        let end = self.label();
        let Some((last, init)) = values.split_last() else { return Ok(()) };
        for value in init {
            self.visit_expr(value)?;
            self.op_j(at, jump, end);
            self.op(at, Opcode::POP_TOP);
        }
        self.visit_expr(last)?;
        self.place(end);
        Ok(())
    }

    pub(super) fn compare(&mut self, e: &'a Expr<'a>, left: &'a Expr<'a>, ops: &'a [CmpOp], comparators: &'a [Expr<'a>]) -> Res {
        let at = loc(e.range);
        self.check_compare(e)?;
        self.visit_expr(left)?;
        let (Some((last_op, ops)), Some((last, comparators))) = (ops.split_last(), comparators.split_last()) else {
            return Ok(());
        };
        if ops.is_empty() {
            self.visit_expr(last)?;
            self.compare_op(at, *last_op);
            return Ok(());
        }
        let cleanup = self.label();
        for (op, comparator) in ops.iter().zip(comparators) {
            self.visit_expr(comparator)?;
            self.op_i(at, Opcode::SWAP, 2);
            self.op_i(at, Opcode::COPY, 2);
            self.compare_op(at, *op);
            self.op_i(at, Opcode::COPY, 1);
            self.op(at, Opcode::TO_BOOL);
            self.op_j(at, Opcode::POP_JUMP_IF_FALSE, cleanup);
            self.op(at, Opcode::POP_TOP);
        }
        self.visit_expr(last)?;
        self.compare_op(at, *last_op);
        let end = self.label();
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        self.place(cleanup);
        self.op_i(at, Opcode::SWAP, 2);
        self.op(at, Opcode::POP_TOP);
        self.place(end);
        Ok(())
    }
}

fn pop_jump(cond: bool) -> Opcode {
    if cond { Opcode::POP_JUMP_IF_TRUE } else { Opcode::POP_JUMP_IF_FALSE }
}
