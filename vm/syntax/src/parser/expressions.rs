//! Expressions down to the arithmetic operators.

use super::primaries::{await_primary, primary};
use super::*;
use TokenKind::*;

pub(super) fn expressions<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    tuple_of(p, expression)
}

pub(super) fn star_expressions<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    tuple_of(p, star_expression)
}

/// One element, or a tuple if there are commas.
fn tuple_of<'a>(p: &mut Parser<'a>, element: fn(&mut Parser<'a>) -> R<E<'a>>) -> R<E<'a>> {
    let start = p.start()?;
    let first = element(p)?;
    if !p.at(Comma)? {
        return Ok(first);
    }
    let mut elts: List<E> = smallvec![first];
    while let Some(e) = p.opt(|p| {
        p.expect(Comma)?;
        element(p)
    })? {
        elts.push(e);
    }
    p.eat(Comma)?;
    Ok(p.node(start, ExprKind::Tuple { elts: p.exprs(&elts), ctx: ExprContext::Load }))
}

pub(super) fn expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { p.nested(|p| p.memo(Rule::Expression, expression_raw)) } else { p.nested(expression_without_invalid_raw) }
}

/// An expression that rules for dicts, sets and mistakes in them read again and again, in the first pass, too.
pub(super) fn memoized_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { expression(p) } else { p.memo(Rule::Expression, expression) }
}

fn expression_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    invalid!(p, invalid_expressions::invalid_expression);
    invalid!(p, invalid_expressions::invalid_legacy_expression);
    expression_without_invalid_raw(p)
}

fn expression_without_invalid_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    if p.at(KwLambda)? {
        return parameters::lambdef(p);
    }
    let body = disjunction(p)?;
    if !p.at(KwIf)? {
        return Ok(body);
    }
    let rest = p.opt(|p| {
        p.expect(KwIf)?;
        let test = disjunction(p)?;
        p.expect(KwElse)?;
        Ok((test, expression(p)?))
    })?;
    Ok(match rest {
        Some((test, orelse)) => p.node(start, ExprKind::IfExp { test, body, orelse }),
        None => body,
    })
}

/// An expression; the `invalid_*` rules keep quiet meanwhile.
pub(super) fn expression_without_invalid<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let saved = std::mem::replace(&mut p.call_invalid_rules, false);
    let result = p.nested(expression_without_invalid_raw);
    p.call_invalid_rules = saved;
    result
}

pub(super) fn yield_expr<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(KwYield)?;
    if let Some(value) = p.opt(|p| {
        p.expect(KwFrom)?;
        expression(p)
    })? {
        return Ok(p.node(start, ExprKind::YieldFrom { value }));
    }
    let value = p.opt(star_expressions)?;
    Ok(p.node(start, ExprKind::Yield { value }))
}

pub(super) fn star_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { p.memo(Rule::StarExpression, star_expression_raw) } else { star_expression_raw(p) }
}

fn star_expression_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.at(Star)? { starred(p) } else { expression(p) }
}

/// `'*' bitwise_or`
fn starred<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(Star)?;
    let value = bitwise_or(p)?;
    Ok(p.node(start, ExprKind::Starred { value, ctx: ExprContext::Load }))
}

pub(super) fn star_named_expressions<'a>(p: &mut Parser<'a>) -> R<List<E<'a>>> {
    let all = p.sep1(star_named_expression)?;
    p.eat(Comma)?;
    Ok(all)
}

pub(super) fn star_named_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.at(Star)? { starred(p) } else { named_expression(p) }
}

pub(super) fn assignment_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let token = p.peek()?;
    if token.kind != Name || p.second_kind()? != ColonEqual {
        return Err(NoMatch);
    }
    p.mark += 2;
    let id = p.identifier(&token)?;
    let target = p.expr(token.range, ExprKind::Name { id, ctx: ExprContext::Store });
    let value = expression(p)?;
    p.check_version(8, "Assignment expressions are")?;
    Ok(p.node(start, ExprKind::NamedExpr { target, value }))
}

pub(super) fn named_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, assignment_expression(p));
    invalid!(p, invalid_expressions::invalid_named_expression);
    plain_expression(p)
}

/// `expression !':='`
fn plain_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let e = expression(p)?;
    Parser::require(!p.at(ColonEqual)?)?;
    Ok(e)
}

/// `assignment_expression | expression !':='`
pub(super) fn assignment_or_plain_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, assignment_expression(p));
    plain_expression(p)
}

// Operators: a level of them is a rule. In the first pass it may get the operand that it begins with.

/// The first operand of an expression, and where it begins.
#[derive(Clone, Copy)]
struct Operand<'a> {
    start: Range,
    e: E<'a>,
}

/// What [`begin`] has found.
enum Begun<'a> {
    /// No operator follows: the operand is all.
    Whole(E<'a>),
    /// An operator follows the operand. Nothing has been read where a prefix operator comes first.
    Part(Option<Operand<'a>>),
}

/// First pass: reads an operand before anything is known of the operators around it. Most expressions are no more and need not go down
/// through all levels.
#[inline]
fn begin<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<Begun<'a>> {
    if p.second_pass || first.is_some() {
        return Ok(Begun::Part(first));
    }
    let token = p.peek()?;
    if matches!(token.kind, KwNot | Plus | Minus | Tilde | KwAwait) {
        return Ok(Begun::Part(None));
    }
    let start = token.range;
    let e = primary(p)?;
    Ok(if is_operator(p.kind()?) { Begun::Part(Some(Operand { start, e })) } else { Begun::Whole(e) })
}

/// Whether `kind` stands between two operands.
#[inline]
fn is_operator(kind: TokenKind) -> bool {
    let others = matches!(
        kind,
        KwOr | KwAnd | KwNot | KwIn | KwIs | EqEqual | NotEqual | Less | LessEqual | Greater | GreaterEqual | DoubleStar
    );
    others || binary_operator(kind).is_some()
}

/// Reads the first operand of a level, if that is not known; where it is all, it is the level's result.
macro_rules! begin {
    ($p:ident, $first:expr) => {
        match begin($p, $first)? {
            Begun::Whole(e) => return Ok(e),
            Begun::Part(first) => first,
        }
    };
}

pub(super) fn disjunction<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass {
        return p.memo(Rule::Disjunction, |p| bool_op(p, None, KwOr, BoolOp::Or, conjunction));
    }
    let first = begin!(p, None);
    bool_op(p, first, KwOr, BoolOp::Or, conjunction)
}

fn conjunction<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<E<'a>> {
    if p.second_pass {
        return p.memo(Rule::Conjunction, |p| bool_op(p, None, KwAnd, BoolOp::And, inversion_from));
    }
    let first = begin!(p, first);
    bool_op(p, first, KwAnd, BoolOp::And, inversion_from)
}

#[inline]
fn bool_op<'a>(
    p: &mut Parser<'a>,
    first: Option<Operand<'a>>,
    token: TokenKind,
    op: BoolOp,
    operand: fn(&mut Parser<'a>, Option<Operand<'a>>) -> R<E<'a>>,
) -> R<E<'a>> {
    let start = start_of(p, first)?;
    let first = operand(p, first)?;
    if !p.at(token)? {
        return Ok(first);
    }
    let mut values: List<E> = smallvec![first];
    while let Some(e) = p.opt(|p| {
        p.expect(token)?;
        operand(p, None)
    })? {
        values.push(e);
    }
    if values.len() == 1 {
        return Ok(first);
    }
    Ok(p.node(start, ExprKind::BoolOp { op, values: p.exprs(&values) }))
}

#[inline]
fn start_of<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<Range> {
    match first {
        Some(first) => Ok(first.start),
        None => p.start(),
    }
}

pub(super) fn inversion<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    inversion_from(p, None)
}

fn inversion_from<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<E<'a>> {
    if p.second_pass {
        return p.memo(Rule::Inversion, |p| inversion_raw(p, None));
    }
    let first = begin!(p, first);
    inversion_raw(p, first)
}

fn inversion_raw<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<E<'a>> {
    if first.is_some() || !p.at(KwNot)? {
        return comparison(p, first);
    }
    let start = p.start()?;
    p.expect(KwNot)?;
    let operand = p.nested(inversion)?;
    Ok(p.node(start, ExprKind::UnaryOp { op: UnaryOp::Not, operand }))
}

fn comparison<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<E<'a>> {
    let start = start_of(p, first)?;
    let left = bitwise_or_from(p, first)?;
    let Some((op, e)) = p.opt(compare_op_bitwise_or_pair)? else { return Ok(left) };
    let mut ops: List<CmpOp> = smallvec![op];
    let mut comparators: List<E> = smallvec![e];
    while let Some((op, e)) = p.opt(compare_op_bitwise_or_pair)? {
        ops.push(op);
        comparators.push(e);
    }
    Ok(p.node(start, ExprKind::Compare { left, ops: p.slice(&ops), comparators: p.exprs(&comparators) }))
}

fn compare_op_bitwise_or_pair<'a>(p: &mut Parser<'a>) -> R<(CmpOp, E<'a>)> {
    let token = p.peek()?;
    let op = match token.kind {
        EqEqual => CmpOp::Eq,
        NotEqual => {
            p.mark += 1;
            check_barry_as_flufl(p, token.text)?;
            return Ok((CmpOp::NotEq, bitwise_or(p)?));
        }
        LessEqual => CmpOp::LtE,
        Less => {
            invalid!(p, invalid_expressions::invalid_noteq);
            CmpOp::Lt
        }
        GreaterEqual => CmpOp::GtE,
        Greater => CmpOp::Gt,
        KwNot => {
            p.mark += 1;
            p.expect(KwIn)?;
            return Ok((CmpOp::NotIn, bitwise_or(p)?));
        }
        KwIn => CmpOp::In,
        KwIs => {
            p.mark += 1;
            let op = if p.eat(KwNot)? { CmpOp::IsNot } else { CmpOp::Is };
            return Ok((op, bitwise_or(p)?));
        }
        _ => return Err(NoMatch),
    };
    p.mark += 1;
    Ok((op, bitwise_or(p)?))
}

fn check_barry_as_flufl(p: &mut Parser, text: &str) -> R<()> {
    if p.options.barry_as_bdfl {
        if text == "<>" {
            return Ok(());
        }
        return Err(p.raise_syntax_error("with Barry as BDFL, use '<>' instead of '!='"));
    }
    Parser::require(text == "!=")
}

// Binary operators

/// The operator and its level; higher binds tighter.
#[inline]
fn binary_operator(kind: TokenKind) -> Option<(Operator, u8)> {
    Some(match kind {
        VBar => (Operator::BitOr, 1),
        Circumflex => (Operator::BitXor, 2),
        Amper => (Operator::BitAnd, 3),
        LeftShift => (Operator::LShift, 4),
        RightShift => (Operator::RShift, 4),
        Plus => (Operator::Add, 5),
        Minus => (Operator::Sub, 5),
        Star => (Operator::Mult, 6),
        Slash => (Operator::Div, 6),
        DoubleSlash => (Operator::FloorDiv, 6),
        Percent => (Operator::Mod, 6),
        At => (Operator::MatMult, 6),
        _ => return None,
    })
}

pub(super) fn bitwise_or<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    bitwise_or_from(p, None)
}

fn bitwise_or_from<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>) -> R<E<'a>> {
    if p.second_pass { binary_level(p, 1) } else { binary(p, first, 1) }
}

pub(super) fn sum<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { binary_level(p, 5) } else { binary(p, None, 5) }
}

/// First pass: operators of level `min` and above, by precedence climbing.
fn binary<'a>(p: &mut Parser<'a>, first: Option<Operand<'a>>, min: u8) -> R<E<'a>> {
    let first = begin!(p, first);
    let start = start_of(p, first)?;
    let mut left = match first {
        Some(first) => power_of(p, first)?,
        None => factor(p)?,
    };
    loop {
        let Some((op, level)) = binary_operator(p.kind()?) else { return Ok(left) };
        if level < min {
            return Ok(left);
        }
        // The same operator is tried at every level around; its operand, which is missing on all of them, is not.
        let operator = p.mark;
        if p.no_operand_behind == operator {
            return Ok(left);
        }
        let Some(right) = p.opt(|p| {
            p.mark += 1;
            binary(p, None, level + 1)
        })?
        else {
            p.no_operand_behind = operator;
            return Ok(left);
        };
        if op == Operator::MatMult {
            p.check_version(5, "The '@' operator is")?;
        }
        left = p.node(start, ExprKind::BinOp { left, op, right });
    }
}

/// [`bitwise_or`] where the first pass, too, comes back to the same place: after `**` between braces.
pub(super) fn memoized_bitwise_or<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { bitwise_or(p) } else { p.memo(Rule::BitwiseOr, bitwise_or) }
}

/// Second pass: one rule for each level, as the grammar has it. The seeds of the left recursion grow in the loop.
fn binary_level<'a>(p: &mut Parser<'a>, level: u8) -> R<E<'a>> {
    let rule = match level {
        1 => Rule::BitwiseOr,
        2 => Rule::BitwiseXor,
        3 => Rule::BitwiseAnd,
        4 => Rule::ShiftExpr,
        5 => Rule::Sum,
        6 => Rule::Term,
        _ => return factor(p),
    };
    p.memo(rule, |p| {
        let start = p.start()?;
        match level {
            4 => invalid!(p, invalid_expressions::invalid_arithmetic),
            6 => invalid!(p, invalid_expressions::invalid_factor),
            _ => {}
        }
        let mut left = binary_level(p, level + 1)?;
        while let Some((op, right)) = p.opt(|p| {
            let (op, found) = binary_operator(p.kind()?).ok_or(NoMatch)?;
            Parser::require(found == level)?;
            p.mark += 1;
            let right = binary_level(p, level + 1)?;
            Ok((op, right))
        })? {
            left = p.node(start, ExprKind::BinOp { left, op, right });
        }
        Ok(left)
    })
}

pub(super) fn factor<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { p.memo(Rule::Factor, factor_raw) } else { factor_raw(p) }
}

fn factor_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let op = match p.kind()? {
        Plus => UnaryOp::UAdd,
        Minus => UnaryOp::USub,
        Tilde => UnaryOp::Invert,
        _ => return power(p),
    };
    let start = p.start()?;
    p.mark += 1;
    let operand = p.nested(factor)?;
    Ok(p.node(start, ExprKind::UnaryOp { op, operand }))
}

fn power<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let e = await_primary(p)?;
    power_of(p, Operand { start, e })
}

/// From behind the base on.
#[inline]
fn power_of<'a>(p: &mut Parser<'a>, base: Operand<'a>) -> R<E<'a>> {
    let Operand { start, e: left } = base;
    if !p.at(DoubleStar)? {
        return Ok(left);
    }
    let right = p.opt(|p| {
        p.expect(DoubleStar)?;
        p.nested_by(2, factor)
    })?;
    Ok(match right {
        Some(right) => p.node(start, ExprKind::BinOp { left, op: Operator::Pow, right }),
        None => left,
    })
}
