//! Targets of assignments, loops and `del`.

use super::primaries::{atom, slices, trailer};
use super::*;
use TokenKind::*;

pub(super) fn star_targets<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let first = star_target(p)?;
    if !p.at(Comma)? {
        return Ok(first);
    }
    let mut elts: List<E> = smallvec![first];
    while let Some(e) = p.opt(|p| {
        p.expect(Comma)?;
        star_target(p)
    })? {
        elts.push(e);
    }
    p.eat(Comma)?;
    Ok(p.node(start, ExprKind::Tuple { elts: p.exprs(&elts), ctx: ExprContext::Store }))
}

pub(super) fn star_target<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { p.memo(Rule::StarTarget, star_target_raw) } else { star_target_raw(p) }
}

fn star_target_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if !p.at(Star)? {
        return target_with_star_atom(p);
    }
    let start = p.start()?;
    p.mark += 1;
    Parser::require(!p.at(Star)?)?;
    let value = star_target(p)?;
    Ok(p.node(start, ExprKind::Starred { value, ctx: ExprContext::Store }))
}

fn target_with_star_atom<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass {
        return p.memo(Rule::TargetWithStarAtom, |p| {
            alt!(p, subscript_or_attribute_target(p, ExprContext::Store));
            p.nested(star_atom)
        });
    }
    // First pass: an atom is read as an expression, then seen to be a target.
    let e = atom_with_trailers(p)?;
    Parser::require(is_target(e))?;
    Ok(set_expr_context(p, e, ExprContext::Store))
}

fn atom_with_trailers<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let mut e = atom(p)?;
    while t_lookahead(p)? {
        e = trailer(p, start, e)?;
    }
    Ok(e)
}

/// Whether an expression, read as such, has the form of `star_targets`.
pub(super) fn is_star_targets(e: E) -> bool {
    match e.kind {
        ExprKind::Starred { value, .. } => is_target(value),
        _ => is_target(e),
    }
}

/// Whether it has the form of `target_with_star_atom`.
fn is_target(e: E) -> bool {
    match e.kind {
        ExprKind::Name { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. } => true,
        ExprKind::Tuple { elts, .. } | ExprKind::List { elts, .. } => elts.iter().all(is_star_targets),
        _ => false,
    }
}

fn t_lookahead(p: &mut Parser) -> R<bool> {
    Ok(matches!(p.kind()?, LPar | LSqb | Dot))
}

/// `t_primary '.' NAME !t_lookahead | t_primary '[' slices ']' !t_lookahead`
fn subscript_or_attribute_target<'a>(p: &mut Parser<'a>, ctx: ExprContext) -> R<E<'a>> {
    let start = p.start()?;
    let value = t_primary(p)?;
    let kind = match p.kind()? {
        Dot => {
            p.mark += 1;
            ExprKind::Attribute { value, attr: p.name()?.0, ctx }
        }
        LSqb => {
            p.mark += 1;
            let slice = slices(p)?;
            p.expect(RSqb)?;
            ExprKind::Subscript { value, slice, ctx }
        }
        _ => return Err(NoMatch),
    };
    Parser::require(!t_lookahead(p)?)?;
    Ok(p.node(start, kind))
}

fn t_primary<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.memo(Rule::TPrimary, |p| {
        let start = p.start()?;
        let mut e = atom(p)?;
        Parser::require(t_lookahead(p)?)?;
        while let Some(longer) = p.opt(|p| {
            let longer = trailer(p, start, e)?;
            Parser::require(t_lookahead(p)?)?;
            Ok(longer)
        })? {
            e = longer;
        }
        Ok(e)
    })
}

fn star_atom<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    match p.kind()? {
        Name => store_name(p),
        LPar => {
            alt!(p, {
                p.expect(LPar)?;
                let e = target_with_star_atom(p)?;
                p.expect(RPar)?;
                Ok(set_expr_context(p, e, ExprContext::Store))
            });
            p.expect(LPar)?;
            let elts = p.opt(star_targets_tuple_seq)?.unwrap_or_default();
            p.expect(RPar)?;
            Ok(p.node(start, ExprKind::Tuple { elts: p.exprs(&elts), ctx: ExprContext::Store }))
        }
        LSqb => {
            p.expect(LSqb)?;
            let elts = p.opt(|p| {
                let elts = p.sep1(star_target)?;
                p.eat(Comma)?;
                Ok(elts)
            })?;
            p.expect(RSqb)?;
            let elts = p.exprs(&elts.unwrap_or_default());
            Ok(p.node(start, ExprKind::List { elts, ctx: ExprContext::Store }))
        }
        _ => Err(NoMatch),
    }
}

fn star_targets_tuple_seq<'a>(p: &mut Parser<'a>) -> R<List<E<'a>>> {
    let elts = p.sep1(star_target)?;
    let comma = p.eat(Comma)?;
    Parser::require(comma || elts.len() > 1)?;
    Ok(elts)
}

fn store_name<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let e = p.name_expr()?;
    Ok(set_expr_context(p, e, ExprContext::Store))
}

pub(super) fn single_target<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, single_subscript_attribute_target(p));
    if p.at(Name)? {
        return store_name(p);
    }
    p.expect(LPar)?;
    let e = p.nested(single_target)?;
    p.expect(RPar)?;
    Ok(e)
}

pub(super) fn single_subscript_attribute_target<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    subscript_or_attribute_target(p, ExprContext::Store)
}

// del

pub(super) fn del_targets<'a>(p: &mut Parser<'a>) -> R<&'a [Expr<'a>]> {
    let elts = p.sep1(del_target)?;
    p.eat(Comma)?;
    Ok(p.exprs(&elts))
}

fn del_target<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.memo(Rule::DelTarget, |p| {
        alt!(p, subscript_or_attribute_target(p, ExprContext::Del));
        p.nested(del_t_atom)
    })
}

fn del_t_atom<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    match p.kind()? {
        Name => {
            let e = p.name_expr()?;
            Ok(set_expr_context(p, e, ExprContext::Del))
        }
        LPar => {
            alt!(p, {
                p.expect(LPar)?;
                let e = del_target(p)?;
                p.expect(RPar)?;
                Ok(set_expr_context(p, e, ExprContext::Del))
            });
            p.expect(LPar)?;
            let elts = p.opt(del_targets)?.unwrap_or(&[]);
            p.expect(RPar)?;
            Ok(p.node(start, ExprKind::Tuple { elts, ctx: ExprContext::Del }))
        }
        LSqb => {
            p.expect(LSqb)?;
            let elts = p.opt(del_targets)?.unwrap_or(&[]);
            p.expect(RSqb)?;
            Ok(p.node(start, ExprKind::List { elts, ctx: ExprContext::Del }))
        }
        _ => Err(NoMatch),
    }
}
