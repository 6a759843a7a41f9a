//! Mistakes in simple statements.

use super::errors::{Targets, expr_name};
use super::expressions::*;
use super::primaries::{list, tuple};
use super::statements::{annotated_rhs, augassign, star_targets_equal};
use super::*;
use TokenKind::*;

pub(super) fn invalid_assignment(p: &mut Parser) -> Invalid {
    if let Some(a) = p.opt(|p| {
        let a = invalid_ann_assign_target(p)?;
        p.expect(Colon)?;
        expression(p)?;
        Ok(a)
    })? {
        let message = format!("only single target (not {}) can be annotated", expr_name(a));
        return Err(p.raise_at(a, message));
    }
    if let Some(a) = p.opt(|p| {
        let a = star_named_expression(p)?;
        p.expect(Comma)?;
        p.many0(star_named_expressions)?;
        p.expect(Colon)?;
        expression(p)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "only single target (not tuple) can be annotated"));
    }
    if let Some(a) = p.opt(|p| {
        let a = expression(p)?;
        p.expect(Colon)?;
        expression(p)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "illegal target for annotation"));
    }
    if let Some(a) = p.opt(|p| {
        p.many0(star_targets_equal)?;
        let a = star_expressions(p)?;
        p.expect(Equal)?;
        Ok(a)
    })? {
        return Err(p.raise_invalid_target(Targets::Star, a));
    }
    if let Some(a) = p.opt(|p| {
        p.many0(star_targets_equal)?;
        let a = yield_expr(p)?;
        p.expect(Equal)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "assignment to yield expression not possible"));
    }
    let a = star_expressions(p)?;
    augassign(p)?;
    annotated_rhs(p)?;
    Err(p.raise_at(a, format!("'{}' is an illegal expression for augmented assignment", expr_name(a))))
}

fn invalid_ann_assign_target<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, list(p));
    alt!(p, tuple(p));
    p.expect(LPar)?;
    let a = p.nested(invalid_ann_assign_target)?;
    p.expect(RPar)?;
    Ok(a)
}

pub(super) fn invalid_del_stmt(p: &mut Parser) -> Invalid {
    p.expect(KwDel)?;
    let a = star_expressions(p)?;
    Err(p.raise_invalid_target(Targets::Del, a))
}
