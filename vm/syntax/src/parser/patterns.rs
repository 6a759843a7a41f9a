//! `match` statements and patterns (PEP 634).

use super::compound::{block, no_colon_or_block};
use super::errors::expr_name;
use super::expressions::{expression, named_expression, star_named_expression, star_named_expressions};
use super::*;
use TokenKind::*;

type P<'a> = &'a Pattern<'a>;

pub(super) fn match_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    if !p.at_soft_keyword("match")? {
        return Err(NoMatch);
    }
    alt!(p, {
        p.expect_soft_keyword("match")?;
        let subject = subject_expr(p)?;
        p.expect(Colon)?;
        p.expect(Newline)?;
        p.expect(Indent)?;
        let cases = p.nested(|p| p.many1(case_block))?;
        p.expect(Dedent)?;
        p.check_version(10, "Pattern matching is")?;
        Ok(StmtKind::Match { subject, cases: p.slice(&cases) })
    });
    invalid!(p, invalid_match_stmt);
    Err(NoMatch)
}

fn invalid_match_stmt(p: &mut Parser) -> Invalid {
    let a = p.expect_soft_keyword("match")?;
    subject_expr(p)?;
    no_colon_or_block(p, "'match' statement", a)
}

fn subject_expr<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    alt!(p, {
        let first = star_named_expression(p)?;
        p.expect(Comma)?;
        let mut elts = vec![first];
        elts.extend(p.opt(star_named_expressions)?.unwrap_or_default());
        Ok(p.node(start, ExprKind::Tuple { elts: p.exprs(&elts), ctx: ExprContext::Load }))
    });
    named_expression(p)
}

fn case_block<'a>(p: &mut Parser<'a>) -> R<MatchCase<'a>> {
    invalid!(p, invalid_case_block);
    p.expect_soft_keyword("case")?;
    let pattern = patterns(p)?;
    let guard = p.opt(guard)?;
    p.expect(Colon)?;
    Ok(MatchCase { pattern, guard, body: block(p)? })
}

fn guard<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.expect(KwIf)?;
    named_expression(p)
}

fn invalid_case_block(p: &mut Parser) -> Invalid {
    let a = p.expect_soft_keyword("case")?;
    patterns(p)?;
    p.opt(guard)?;
    no_colon_or_block(p, "'case' statement", a)
}

fn node<'a>(p: &Parser<'a>, start: Range, kind: PatternKind<'a>) -> P<'a> {
    p.arena.alloc(Pattern { range: p.to_here(start), kind })
}

fn sequence<'a>(p: &Parser<'a>, items: &[P<'a>]) -> &'a [Pattern<'a>] {
    p.arena.alloc_slice_fill_iter(items.iter().map(|x| **x))
}

fn patterns<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    alt!(p, {
        let items = open_sequence_pattern(p)?;
        Ok(node(p, start, PatternKind::MatchSequence { patterns: sequence(p, &items) }))
    });
    pattern(p)
}

/// `as_pattern | or_pattern`
fn pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    if let Some((pattern, name)) = p.opt(|p| {
        let pattern = or_pattern(p)?;
        p.expect(KwAs)?;
        Ok((pattern, pattern_capture_target(p)?))
    })? {
        return Ok(node(p, start, PatternKind::MatchAs { pattern: Some(pattern), name: Some(name) }));
    }
    invalid!(p, invalid_as_pattern);
    or_pattern(p)
}

fn invalid_as_pattern(p: &mut Parser) -> Invalid {
    or_pattern(p)?;
    p.expect(KwAs)?;
    if p.at_soft_keyword("_")? {
        let a = p.expect(Name)?;
        return Err(p.raise_at(a, "cannot use '_' as a target"));
    }
    let a = expression(p)?;
    Err(p.raise_at(a, format!("cannot use {} as pattern target", expr_name(a))))
}

fn or_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    let first = closed_pattern(p)?;
    let mut all = vec![first];
    while let Some(next) = p.opt(|p| {
        p.expect(VBar)?;
        closed_pattern(p)
    })? {
        all.push(next);
    }
    if all.len() == 1 {
        return Ok(first);
    }
    Ok(node(p, start, PatternKind::MatchOr { patterns: sequence(p, &all) }))
}

fn closed_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    p.memo(Rule::ClosedPattern, |p| p.nested(closed_pattern_raw))
}

fn closed_pattern_raw<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    match p.kind()? {
        Name => {
            alt!(p, capture_or_wildcard_pattern(p));
            alt!(p, value_pattern(p));
            class_pattern(p)
        }
        LPar => {
            alt!(p, {
                p.expect(LPar)?;
                let inner = pattern(p)?;
                p.expect(RPar)?;
                Ok(inner)
            });
            sequence_pattern(p)
        }
        LSqb => sequence_pattern(p),
        LBrace => mapping_pattern(p),
        _ => literal_pattern(p),
    }
}

fn literal_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    let singleton = match p.kind()? {
        KwNone => Some(Constant::None),
        KwTrue => Some(Constant::True),
        KwFalse => Some(Constant::False),
        _ => None,
    };
    if let Some(value) = singleton {
        p.mark += 1;
        return Ok(node(p, start, PatternKind::MatchSingleton { value }));
    }
    let value = literal(p)?;
    Ok(node(p, start, PatternKind::MatchValue { value }))
}

/// A number or string: what `literal_pattern` and `literal_expr` share.
fn literal<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if matches!(p.kind()?, String | FStringStart | TStringStart) {
        return fstrings::strings(p);
    }
    alt!(p, {
        let number = signed(p)?;
        Parser::require(!matches!(p.kind()?, Plus | Minus))?;
        Ok(number)
    });
    complex_number(p)
}

/// `NUMBER | '-' NUMBER`
fn signed<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let minus = p.eat(Minus)?;
    let operand = literals::number(p)?;
    if !minus {
        return Ok(operand);
    }
    Ok(p.node(start, ExprKind::UnaryOp { op: UnaryOp::USub, operand }))
}

fn complex_number<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let left = signed(p)?;
    let real = match left.kind {
        ExprKind::UnaryOp { operand, .. } => operand,
        _ => left,
    };
    if is_imaginary(real) {
        return Err(p.raise_at(real, "real number required in complex literal"));
    }
    let op = if p.eat(Plus)? {
        Operator::Add
    } else {
        p.expect(Minus)?;
        Operator::Sub
    };
    let right = literals::number(p)?;
    if !is_imaginary(right) {
        return Err(p.raise_at(right, "imaginary number required in complex literal"));
    }
    Ok(p.node(start, ExprKind::BinOp { left, op, right }))
}

fn is_imaginary(e: E) -> bool {
    matches!(e.kind, ExprKind::Constant { value: Constant::Complex { .. }, .. })
}

/// `literal_expr`, the keys of mappings that are not attributes
fn literal_expr<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let value = match p.kind()? {
        KwNone => Constant::None,
        KwTrue => Constant::True,
        KwFalse => Constant::False,
        _ => return literal(p),
    };
    p.mark += 1;
    Ok(p.node(start, ExprKind::Constant { value, kind: None }))
}

fn capture_or_wildcard_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    if p.at_soft_keyword("_")? {
        p.mark += 1;
        return Ok(node(p, start, PatternKind::MatchAs { pattern: None, name: None }));
    }
    let name = pattern_capture_target(p)?;
    Ok(node(p, start, PatternKind::MatchAs { pattern: None, name: Some(name) }))
}

fn pattern_capture_target<'a>(p: &mut Parser<'a>) -> R<Identifier<'a>> {
    Parser::require(!p.at_soft_keyword("_")?)?;
    let (name, _) = p.name()?;
    not_more_than_a_name(p)?;
    Ok(name)
}

/// `!('.' | '(' | '=')`
fn not_more_than_a_name(p: &mut Parser) -> R<()> {
    Parser::require(!matches!(p.kind()?, Dot | LPar | Equal))
}

fn value_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    let value = attr(p)?;
    not_more_than_a_name(p)?;
    Ok(node(p, start, PatternKind::MatchValue { value }))
}

fn attr<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let e = name_or_attr(p)?;
    Parser::require(matches!(e.kind, ExprKind::Attribute { .. }))?;
    Ok(e)
}

fn name_or_attr<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let mut e = p.name_expr()?;
    while let Some((attr, _)) = p.opt(|p| {
        p.expect(Dot)?;
        p.name()
    })? {
        e = p.node(start, ExprKind::Attribute { value: e, attr, ctx: ExprContext::Load });
    }
    Ok(e)
}

fn sequence_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    let square = p.eat(LSqb)?;
    let items = if square {
        let items = p.opt(maybe_sequence_pattern)?;
        p.expect(RSqb)?;
        items
    } else {
        p.expect(LPar)?;
        let items = p.opt(open_sequence_pattern)?;
        p.expect(RPar)?;
        items
    };
    let patterns = sequence(p, &items.unwrap_or_default());
    Ok(node(p, start, PatternKind::MatchSequence { patterns }))
}

fn open_sequence_pattern<'a>(p: &mut Parser<'a>) -> R<List<P<'a>>> {
    let mut all: List<P> = smallvec![maybe_star_pattern(p)?];
    p.expect(Comma)?;
    all.extend(p.opt(maybe_sequence_pattern)?.unwrap_or_default());
    Ok(all)
}

fn maybe_sequence_pattern<'a>(p: &mut Parser<'a>) -> R<List<P<'a>>> {
    let all = p.sep1(maybe_star_pattern)?;
    p.eat(Comma)?;
    Ok(all)
}

fn maybe_star_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    if p.at(Star)? { p.memo(Rule::StarPattern, star_pattern) } else { pattern(p) }
}

fn star_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    p.expect(Star)?;
    let name = p.opt(pattern_capture_target)?;
    if name.is_none() {
        p.expect_soft_keyword("_")?;
    }
    Ok(node(p, start, PatternKind::MatchStar { name }))
}

fn mapping_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    p.expect(LBrace)?;
    let items = p.opt(|p| p.sep1(key_value_pattern))?.unwrap_or_default();
    let rest = if items.is_empty() {
        p.opt(double_star_pattern)?
    } else {
        p.opt(|p| {
            p.expect(Comma)?;
            double_star_pattern(p)
        })?
    };
    if !items.is_empty() || rest.is_some() {
        p.eat(Comma)?;
    }
    p.expect(RBrace)?;
    let keys: Vec<E> = items.iter().map(|kv| kv.0).collect();
    let patterns: Vec<P> = items.iter().map(|kv| kv.1).collect();
    let kind = PatternKind::MatchMapping { keys: p.exprs(&keys), patterns: sequence(p, &patterns), rest };
    Ok(node(p, start, kind))
}

fn key_value_pattern<'a>(p: &mut Parser<'a>) -> R<(E<'a>, P<'a>)> {
    let key = if p.at(Name)? { attr(p)? } else { literal_expr(p)? };
    p.expect(Colon)?;
    Ok((key, pattern(p)?))
}

fn double_star_pattern<'a>(p: &mut Parser<'a>) -> R<Identifier<'a>> {
    p.expect(DoubleStar)?;
    pattern_capture_target(p)
}

fn class_pattern<'a>(p: &mut Parser<'a>) -> R<P<'a>> {
    let start = p.start()?;
    alt!(p, {
        let cls = name_or_attr(p)?;
        p.expect(LPar)?;
        let patterns = p.opt(positional_patterns)?.unwrap_or_default();
        let keywords = if patterns.is_empty() {
            p.opt(keyword_patterns)?
        } else {
            p.opt(|p| {
                p.expect(Comma)?;
                keyword_patterns(p)
            })?
        }
        .unwrap_or_default();
        if !patterns.is_empty() || !keywords.is_empty() {
            p.eat(Comma)?;
        }
        p.expect(RPar)?;
        let names: Vec<Identifier> = keywords.iter().map(|kv| kv.0).collect();
        let values: Vec<P> = keywords.iter().map(|kv| kv.1).collect();
        let kind = PatternKind::MatchClass {
            cls,
            patterns: sequence(p, &patterns),
            kwd_attrs: p.slice(&names),
            kwd_patterns: sequence(p, &values),
        };
        Ok(node(p, start, kind))
    });
    invalid!(p, invalid_class_pattern);
    Err(NoMatch)
}

fn positional_patterns<'a>(p: &mut Parser<'a>) -> R<List<P<'a>>> {
    p.sep1(pattern)
}

fn keyword_patterns<'a>(p: &mut Parser<'a>) -> R<List<(Identifier<'a>, P<'a>)>> {
    p.sep1(|p| {
        let (name, _) = p.name()?;
        p.expect(Equal)?;
        Ok((name, pattern(p)?))
    })
}

fn invalid_class_pattern(p: &mut Parser) -> Invalid {
    name_or_attr(p)?;
    p.expect(LPar)?;
    p.opt(|p| {
        positional_patterns(p)?;
        p.expect(Comma)
    })?;
    keyword_patterns(p)?;
    p.expect(Comma)?;
    let all = positional_patterns(p)?;
    match (all.first(), all.last()) {
        (Some(a), Some(b)) => Err(p.raise_range(a, b, "positional patterns follow keyword patterns")),
        _ => Err(NoMatch),
    }
}
