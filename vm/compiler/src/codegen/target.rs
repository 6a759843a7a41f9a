//! Assignment targets: unpacking, subscripts and slices, augmented assignment.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::expr::start_at_attribute;
use super::stmt::is_starred;
use super::{arg, constant};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Error, Res};
use crate::instruction_sequence::Location;

/// Operand of BINARY_OP for a subscript.
pub(super) const NB_SUBSCR: i32 = 26;

impl<'a> Compiler<'a> {
    pub(super) fn unpack_to(&mut self, at: Location, elts: &'a [Expr<'a>]) -> Res {
        let mut stars = elts.iter().enumerate().filter(|(_, e)| is_starred(e));
        match (stars.next(), stars.next()) {
            (None, _) => self.op_i(at, Opcode::UNPACK_SEQUENCE, arg(elts.len())),
            (Some((before, _)), second) => {
                let after = elts.len() - before - 1;
                if before >= 1 << 8 || after >= (i32::MAX >> 8) as usize {
                    return self.error(at, "too many expressions in star-unpacking assignment");
                }
                if second.is_some() {
                    return self.error(at, "multiple starred expressions in assignment");
                }
                self.op_i(at, Opcode::UNPACK_EX, arg(before + (after << 8)));
            }
        }
        elts.iter().try_for_each(|e| match e.kind {
            ExprKind::Starred { value, .. } => self.visit_expr(value),
            _ => self.visit_expr(e),
        })
    }

    pub(super) fn subscript(&mut self, at: Location, value: &'a Expr<'a>, slice: &'a Expr<'a>, ctx: ExprContext) -> Res {
        if ctx == ExprContext::Load {
            self.check_subscripter(value);
            self.check_index(value, slice);
        }
        self.visit_expr(value)?;
        if let Some((lower, upper)) = two_element_slice(slice)
            && ctx != ExprContext::Del
        {
            self.slice_two_parts(slice, lower, upper)?;
            let opcode = if ctx == ExprContext::Load { Opcode::BINARY_SLICE } else { Opcode::STORE_SLICE };
            self.op(at, opcode);
            return Ok(());
        }
        self.visit_expr(slice)?;
        match ctx {
            ExprContext::Load => self.op_i(at, Opcode::BINARY_OP, NB_SUBSCR),
            ExprContext::Store => self.op(at, Opcode::STORE_SUBSCR),
            ExprContext::Del => self.op(at, Opcode::DELETE_SUBSCR),
        }
        Ok(())
    }

    fn slice_two_parts(&mut self, slice: &'a Expr<'a>, lower: Option<&'a Expr<'a>>, upper: Option<&'a Expr<'a>>) -> Res {
        for part in [lower, upper] {
            match part {
                Some(e) => self.visit_expr(e)?,
                None => self.load_const(loc(slice.range), Const::None),
            }
        }
        Ok(())
    }

    pub(super) fn slice(
        &mut self,
        e: &'a Expr<'a>,
        lower: Option<&'a Expr<'a>>,
        upper: Option<&'a Expr<'a>>,
        step: Option<&'a Expr<'a>>,
    ) -> Res {
        let at = loc(e.range);
        if let Some(value) = constant_slice(lower, upper, step) {
            self.load_const(at, value);
            return Ok(());
        }
        self.slice_two_parts(e, lower, upper)?;
        if let Some(step) = step {
            self.visit_expr(step)?;
        }
        self.op_i(at, Opcode::BUILD_SLICE, 2 + i32::from(step.is_some()));
        Ok(())
    }

    pub(super) fn aug_assign(&mut self, s: &Stmt<'a>, e: &'a Expr<'a>, op: Operator, operand: &'a Expr<'a>) -> Res {
        let mut at = loc(e.range);
        let apply = |this: &mut Self| {
            this.visit_expr(operand)?;
            this.binary_op(loc(s.range), op, true);
            Res::Ok(())
        };
        match e.kind {
            ExprKind::Attribute { value, attr, .. } => {
                self.visit_expr(value)?;
                self.op_i(at, Opcode::COPY, 1);
                at = start_at_attribute(at, e, attr);
                self.load_attr(at, attr, false);
                apply(self)?;
                self.op_i(at, Opcode::SWAP, 2);
                self.op_name(at, Opcode::STORE_ATTR, attr);
                Ok(())
            }
            ExprKind::Subscript { value, slice, .. } => {
                self.visit_expr(value)?;
                let parts = two_element_slice(slice);
                if let Some((lower, upper)) = parts {
                    self.slice_two_parts(slice, lower, upper)?;
                    for _ in 0..3 {
                        self.op_i(at, Opcode::COPY, 3);
                    }
                    self.op(at, Opcode::BINARY_SLICE);
                } else {
                    self.visit_expr(slice)?;
                    self.op_i(at, Opcode::COPY, 2);
                    self.op_i(at, Opcode::COPY, 2);
                    self.op_i(at, Opcode::BINARY_OP, NB_SUBSCR);
                }
                apply(self)?;
                if parts.is_some() {
                    self.op_i(at, Opcode::SWAP, 4);
                }
                self.op_i(at, Opcode::SWAP, 3);
                self.op_i(at, Opcode::SWAP, 2);
                self.op(at, if parts.is_some() { Opcode::STORE_SLICE } else { Opcode::STORE_SUBSCR });
                Ok(())
            }
            ExprKind::Name { id, .. } => {
                self.load_name(at, id)?;
                apply(self)?;
                self.store_name(at, id)
            }
            _ => Err(bad_target(e, "augmented")),
        }
    }
}

/// An assignment target that no parser lets through, with CPython's number of the node.
pub(super) fn bad_target(e: &Expr<'_>, what: &str) -> Error {
    let kind = match e.kind {
        ExprKind::Starred { .. } => 25,
        ExprKind::Name { .. } => 26,
        ExprKind::List { .. } => 27,
        ExprKind::Tuple { .. } => 28,
        _ => 0,
    };
    Error::system(format!("invalid node type ({kind}) for {what} assignment"))
}

fn literal<'a>(e: Option<&Expr<'a>>) -> Option<Constant<'a>> {
    match e {
        None => Some(Constant::None),
        Some(Expr { kind: ExprKind::Constant { value, .. }, .. }) => Some(*value),
        Some(_) => None,
    }
}

/// A slice whose parts are literals is a constant itself.
fn constant_slice(lower: Option<&Expr<'_>>, upper: Option<&Expr<'_>>, step: Option<&Expr<'_>>) -> Option<Const> {
    let parts = [literal(lower)?, literal(upper)?, literal(step)?];
    Some(Const::Slice(parts.map(|p| constant(&p)).into()))
}

/// The bounds of a slice that BINARY_SLICE and STORE_SLICE can take: without a step, and not constant.
type Bounds<'a> = (Option<&'a Expr<'a>>, Option<&'a Expr<'a>>);

fn two_element_slice<'a>(e: &Expr<'a>) -> Option<Bounds<'a>> {
    match e.kind {
        ExprKind::Slice { lower, upper, step: None } if literal(lower).is_none() || literal(upper).is_none() => {
            Some((lower, upper))
        }
        _ => None,
    }
}
