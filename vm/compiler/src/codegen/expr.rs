//! Expressions.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::stmt::Display;
use super::{STACK_USE_GUIDELINE, arg, constant, intrinsic1, resume};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Res, recurse};
use crate::instruction_sequence::{Location, NO_LOCATION};
use crate::unit::ScopeType;

impl<'a> Compiler<'a> {
    pub(super) fn visit_exprs(&mut self, exprs: &'a [Expr<'a>]) -> Res {
        exprs.iter().try_for_each(|e| self.visit_expr(e))
    }

    pub(crate) fn visit_expr(&mut self, e: &'a Expr<'a>) -> Res {
        recurse(self, |this| this.visit_expr_inner(e))
    }

    fn visit_expr_inner(&mut self, e: &'a Expr<'a>) -> Res {
        let at = loc(e.range);
        match e.kind {
            ExprKind::NamedExpr { target, value } => {
                self.visit_expr(value)?;
                self.op_i(at, Opcode::COPY, 1);
                self.visit_expr(target)
            }
            ExprKind::BoolOp { op, values } => self.bool_op(e, op, values),
            ExprKind::BinOp { left, op, right } => {
                self.visit_expr(left)?;
                self.visit_expr(right)?;
                self.binary_op(at, op, false);
                Ok(())
            }
            ExprKind::UnaryOp { op, operand } => self.unary_op(at, op, operand),
            ExprKind::Lambda { args, body } => self.lambda(e, args, body),
            ExprKind::IfExp { test, body, orelse } => self.if_exp(e, test, body, orelse),
            ExprKind::Dict { keys, values } => self.dict(at, keys, values),
            ExprKind::Set { elts } => self.star_unpack(at, elts, None, 0, Display::Set),
            ExprKind::GeneratorExp { .. } | ExprKind::ListComp { .. } | ExprKind::SetComp { .. } | ExprKind::DictComp { .. } => {
                self.comprehension(e)
            }
            ExprKind::Yield { value } => self.yield_(at, value),
            ExprKind::YieldFrom { value } => self.yield_from_expr(at, value),
            ExprKind::Await { value } => {
                self.visit_expr(value)?;
                self.await_value(at, 0);
                Ok(())
            }
            ExprKind::Compare { left, ops, comparators } => self.compare(e, left, ops, comparators),
            ExprKind::Call { func, args, keywords } => self.call(e, func, args, keywords),
            ExprKind::Constant { value, .. } => {
                self.load_const(at, constant(&value));
                Ok(())
            }
            ExprKind::JoinedStr { values } => self.joined_str(at, values),
            ExprKind::TemplateStr { values } => self.template_str(at, values),
            ExprKind::FormattedValue { value, conversion, format_spec } => {
                self.formatted_value(at, value, conversion, format_spec)
            }
            ExprKind::Interpolation { value, str, conversion, format_spec } => {
                self.interpolation(at, value, &str, conversion, format_spec)
            }
            ExprKind::Attribute { value, attr, ctx } => self.attribute(e, value, attr, ctx),
            ExprKind::Subscript { value, slice, ctx } => self.subscript(at, value, slice, ctx),
            ExprKind::Starred { ctx: ExprContext::Store, .. } => {
                self.error(at, "starred assignment target must be in a list or tuple")
            }
            ExprKind::Starred { .. } => self.error(at, "can't use starred expression here"),
            ExprKind::Slice { lower, upper, step } => self.slice(e, lower, upper, step),
            ExprKind::Name { id, ctx } => self.nameop(at, id, ctx),
            ExprKind::List { elts, ctx } => self.sequence(at, elts, ctx, Display::List),
            ExprKind::Tuple { elts, ctx } => self.sequence(at, elts, ctx, Display::Tuple),
        }
    }

    fn unary_op(&mut self, at: Location, op: UnaryOp, operand: &'a Expr<'a>) -> Res {
        self.visit_expr(operand)?;
        match op {
            UnaryOp::UAdd => self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::UNARY_POSITIVE),
            UnaryOp::Not => {
                self.op(at, Opcode::TO_BOOL);
                self.op(at, Opcode::UNARY_NOT);
            }
            UnaryOp::Invert => self.op(at, Opcode::UNARY_INVERT),
            UnaryOp::USub => self.op(at, Opcode::UNARY_NEGATIVE),
        }
        Ok(())
    }

    pub(super) fn binary_op(&mut self, at: Location, op: Operator, inplace: bool) {
        let oparg = match op {
            Operator::Add => 0,
            Operator::BitAnd => 1,
            Operator::FloorDiv => 2,
            Operator::LShift => 3,
            Operator::MatMult => 4,
            Operator::Mult => 5,
            Operator::Mod => 6,
            Operator::BitOr => 7,
            Operator::Pow => 8,
            Operator::RShift => 9,
            Operator::Sub => 10,
            Operator::Div => 11,
            Operator::BitXor => 12,
        };
        self.op_i(at, Opcode::BINARY_OP, if inplace { oparg + 13 } else { oparg });
    }

    fn sequence(&mut self, at: Location, elts: &'a [Expr<'a>], ctx: ExprContext, display: Display) -> Res {
        match ctx {
            ExprContext::Load => self.star_unpack(at, elts, None, 0, display),
            ExprContext::Store => self.unpack_to(at, elts),
            ExprContext::Del => self.visit_exprs(elts),
        }
    }

    fn sub_dict(&mut self, at: Location, keys: &'a [Option<Expr<'a>>], values: &'a [Expr<'a>]) -> Res {
        let n = values.len();
        let big = n * 2 > STACK_USE_GUIDELINE;
        if big {
            self.op_i(at, Opcode::BUILD_MAP, 0);
        }
        for (key, value) in keys.iter().zip(values) {
            if let Some(key) = key {
                self.visit_expr(key)?;
            }
            self.visit_expr(value)?;
            if big {
                self.op_i(at, Opcode::MAP_ADD, 1);
            }
        }
        if !big {
            self.op_i(at, Opcode::BUILD_MAP, arg(n));
        }
        Ok(())
    }

    fn dict(&mut self, at: Location, keys: &'a [Option<Expr<'a>>], values: &'a [Expr<'a>]) -> Res {
        let mut have_dict = false;
        let mut elements = 0;
        let n = keys.len().min(values.len());
        for i in 0..n {
            if keys[i].is_some() {
                if elements * 2 > STACK_USE_GUIDELINE {
                    self.sub_dict(at, &keys[i - elements..=i], &values[i - elements..=i])?;
                    self.merge_dict(at, &mut have_dict);
                    elements = 0;
                } else {
                    elements += 1;
                }
                continue;
            }
            if elements > 0 {
                self.sub_dict(at, &keys[i - elements..i], &values[i - elements..i])?;
                self.merge_dict(at, &mut have_dict);
                elements = 0;
            }
            if !have_dict {
                self.op_i(at, Opcode::BUILD_MAP, 0);
                have_dict = true;
            }
            self.visit_expr(&values[i])?;
            self.op_i(at, Opcode::DICT_UPDATE, 1);
        }
        if elements > 0 {
            self.sub_dict(at, &keys[n - elements..n], &values[n - elements..n])?;
            self.merge_dict(at, &mut have_dict);
        }
        if !have_dict {
            self.op_i(at, Opcode::BUILD_MAP, 0);
        }
        Ok(())
    }

    fn merge_dict(&mut self, at: Location, have_dict: &mut bool) {
        if *have_dict {
            self.op_i(at, Opcode::DICT_UPDATE, 1);
        }
        *have_dict = true;
    }

    /// SEND and YIELD_VALUE in a loop, until the iterator under `None` ends.
    pub(super) fn yield_from(&mut self, at: Location, is_await: bool) {
        let send = self.label();
        let fail = self.label();
        let exit = self.label();
        self.place(send);
        self.op_j(at, Opcode::SEND, exit);
        // Only `close` and `throw` make YIELD_VALUE raise; the handler deals with StopIteration.
        self.op_j(at, Opcode::SETUP_FINALLY, fail);
        self.op_i(at, Opcode::YIELD_VALUE, 1);
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        self.op_i(at, Opcode::RESUME, if is_await { resume::AFTER_AWAIT } else { resume::AFTER_YIELD_FROM });
        self.op_j(at, Opcode::JUMP_NO_INTERRUPT, send);
        self.place(fail);
        self.op(at, Opcode::CLEANUP_THROW);
        self.place(exit);
        self.op(at, Opcode::END_SEND);
    }

    /// Yields the value on top of the stack.
    pub(super) fn yield_value(&mut self, at: Location) {
        if self.entry().generator && self.entry().coroutine {
            self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::ASYNC_GEN_WRAP);
        }
        self.op_i(at, Opcode::YIELD_VALUE, 0);
        self.op_i(at, Opcode::RESUME, resume::AFTER_YIELD);
    }

    fn yield_(&mut self, at: Location, value: Option<&'a Expr<'a>>) -> Res {
        if !self.entry().is_function_like() {
            return self.error(at, "'yield' outside function");
        }
        match value {
            Some(value) => self.visit_expr(value)?,
            None => self.load_const(at, Const::None),
        }
        self.yield_value(at);
        Ok(())
    }

    fn yield_from_expr(&mut self, at: Location, value: &'a Expr<'a>) -> Res {
        if !self.entry().is_function_like() {
            return self.error(at, "'yield from' outside function");
        }
        if self.unit().scope_type == ScopeType::AsyncFunction {
            return self.error(at, "'yield from' inside async function");
        }
        self.visit_expr(value)?;
        self.op(at, Opcode::GET_YIELD_FROM_ITER);
        self.load_const(at, Const::None);
        self.yield_from(at, false);
        Ok(())
    }

    fn attribute(&mut self, e: &'a Expr<'a>, value: &'a Expr<'a>, attr: &'a str, ctx: ExprContext) -> Res {
        let mut at = loc(e.range);
        if ctx == ExprContext::Load && self.can_optimize_super_call(value, attr) {
            self.load_super(at, value, attr, false)?;
            at = start_at_attribute(at, e, attr);
            self.op(at, Opcode::NOP);
            return Ok(());
        }
        if ctx == ExprContext::Store && matches!(value.kind, ExprKind::Name { id: "self", .. }) {
            self.add_static_attribute(attr);
        }
        self.visit_expr(value)?;
        at = start_at_attribute(at, e, attr);
        match ctx {
            ExprContext::Load => self.load_attr(at, attr, false),
            ExprContext::Store => self.op_name(at, Opcode::STORE_ATTR, attr),
            ExprContext::Del => self.op_name(at, Opcode::DELETE_ATTR, attr),
        }
        Ok(())
    }

    /// Notes an assignment to an attribute of `self` for the class around.
    fn add_static_attribute(&mut self, attr: &'a str) {
        let Some((_, outer)) = self.units.split_last_mut() else { return };
        if let Some(class) = outer.iter_mut().rev().find(|u| u.scope_type == ScopeType::Class) {
            class.static_attributes.insert(attr);
        }
    }
}

/// An attribute on a later line than its object: the location begins at the attribute's name.
pub(super) fn start_at_attribute(at: Location, e: &Expr<'_>, attr: &str) -> Location {
    let mut at = at;
    if at.lineno != e.range.end_lineno {
        at.lineno = e.range.end_lineno;
        let len = i32::try_from(attr.chars().count()).unwrap_or(i32::MAX);
        if len <= e.range.end_col_offset {
            at.col_offset = e.range.end_col_offset - len;
        } else {
            at.col_offset = -1;
            at.end_col_offset = -1;
        }
        at.end_lineno = at.lineno.max(at.end_lineno);
        if at.lineno == at.end_lineno {
            at.end_col_offset = at.col_offset.max(at.end_col_offset);
        }
    }
    at
}
