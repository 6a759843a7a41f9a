//! Mistakes in expressions.

use super::arguments::starred_expression;
use super::errors::expr_name;
use super::expressions::*;
use super::parameters::{Style, params};
use super::primaries::*;
use super::*;
use TokenKind::*;

const MAYBE_EQUAL: &str = "invalid syntax. Maybe you meant '==' or ':=' instead of '='?";

pub(super) fn invalid_expression(p: &mut Parser) -> Invalid {
    if p.at(String)?
        && let Some((a, b)) = p.opt(|p| {
            p.expect(String)?;
            let all = p.many1(|p| {
                Parser::require(!p.at(String)?)?;
                expression_without_invalid(p)
            })?;
            p.expect(String)?;
            all.first().copied().zip(all.last().copied()).ok_or(NoMatch)
        })?
    {
        return Err(p.raise_range(a, b, "invalid syntax. Is this intended to be part of the string?"));
    }
    if !name_string_or_soft_keyword(p)?
        && let Some((a, b)) = p.opt(|p| Ok((disjunction(p)?, expression_without_invalid(p)?)))?
    {
        let last = &p.tokens[p.mark - 1];
        if is_legacy_stmt(a) || last.level == 0 {
            return Err(NoMatch);
        }
        return Err(p.raise_range(a, b, "invalid syntax. Perhaps you forgot a comma?"));
    }
    invalid_conditional(p)?;
    let Some((a, b)) = p.opt(|p| {
        let a = p.expect(KwLambda)?;
        p.opt(|p| params(p, Style::Lambda))?;
        Ok((a, p.expect(Colon)?))
    })?
    else {
        return Err(NoMatch);
    };
    let f = match p.kind()? {
        FStringMiddle => 'f',
        TStringMiddle => 't',
        _ => return Err(NoMatch),
    };
    Err(p.raise_range(a, b, format!("{f}-string: lambda expressions are not allowed without parentheses")))
}

/// `NAME STRING | SOFT_KEYWORD`
fn name_string_or_soft_keyword(p: &mut Parser) -> R<bool> {
    let token = p.peek()?;
    if token.kind != Name {
        return Ok(false);
    }
    let name_string = p.look(|p| {
        p.expect(Name)?;
        p.expect(String)
    })?;
    Ok(name_string || matches!(token.text, "_" | "case" | "match" | "type"))
}

/// The alternatives of `invalid_expression` that are about `if` and `else`.
fn invalid_conditional(p: &mut Parser) -> R<()> {
    let mark = p.mark;
    if let Some((a, b)) = p.opt(|p| {
        let a = disjunction(p)?;
        p.expect(KwIf)?;
        Ok((a, disjunction(p)?))
    })? {
        if !matches!(p.kind()?, KwElse | Colon) {
            return Err(p.raise_range(a, b, "expected 'else' after 'if' expression"));
        }
        if p.eat(KwElse)? && !p.look(expression)? {
            return Err(p.raise_on_next_token("expected expression after 'else', but statement is given"));
        }
        p.mark = mark;
    }
    let start = p.start()?;
    if let Some(a) = p.opt(|p| {
        statements::pass_break_continue(p)?;
        let a = p.to_here(start);
        p.expect(KwIf)?;
        disjunction(p)?;
        p.expect(KwElse)?;
        statements::simple_stmt(p)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "expected expression before 'if', but statement is given"));
    }
    Ok(())
}

fn is_legacy_stmt(e: E) -> bool {
    matches!(e.kind, ExprKind::Name { id: "print" | "exec", .. })
}

pub(super) fn invalid_legacy_expression(p: &mut Parser) -> Invalid {
    let a = p.name_expr()?;
    Parser::require(!p.at(LPar)?)?;
    let b = p.nested_by(3, star_expressions)?;
    match a.kind {
        ExprKind::Name { id: id @ ("print" | "exec"), .. } => Err(p.raise_range(
            a,
            b,
            format!("Missing parentheses in call to '{id}'. Did you mean {id}(...)?"),
        )),
        _ => Err(NoMatch),
    }
}

pub(super) fn invalid_named_expression<'a>(p: &mut Parser<'a>) -> Invalid {
    p.memo::<E<'a>>(Rule::InvalidNamedExpression, |p| match invalid_named_expression_raw(p)? {})?;
    Err(NoMatch)
}

fn invalid_named_expression_raw(p: &mut Parser) -> Invalid {
    if let Some(a) = p.opt(|p| {
        let a = expression(p)?;
        p.expect(ColonEqual)?;
        expression(p)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, format!("cannot use assignment expressions with {}", expr_name(a))));
    }
    if let Some((a, b)) = p.opt(|p| {
        let a = p.expect(Name)?;
        p.expect(Equal)?;
        let b = bitwise_or(p)?;
        Parser::require(!matches!(p.kind()?, Equal | ColonEqual))?;
        Ok((a, b))
    })? {
        return Err(p.raise_range(a, b, MAYBE_EQUAL));
    }
    let excluded = p.look(|p| {
        alt!(p, list(p).map(|_| ()));
        alt!(p, tuple(p).map(|_| ()));
        alt!(p, genexp(p).map(|_| ()));
        p.expect_any(&[KwTrue, KwNone, KwFalse]).map(|_| ())
    })?;
    Parser::require(!excluded)?;
    let a = bitwise_or(p)?;
    p.expect(Equal)?;
    bitwise_or(p)?;
    Parser::require(!matches!(p.kind()?, Equal | ColonEqual))?;
    let message = format!("cannot assign to {} here. Maybe you meant '==' instead of '='?", expr_name(a));
    Err(p.raise_at(a, message))
}

pub(super) fn invalid_noteq(p: &mut Parser) -> Invalid {
    let a = p.expect(Less)?;
    let b = p.expect(Greater)?;
    let adjacent = a.range.end_lineno == b.range.lineno && a.range.end_col_offset == b.range.col_offset;
    if !adjacent {
        return Err(NoMatch);
    }
    Err(p.raise_range(a, b, "invalid syntax.  Maybe you meant '!=' instead of '<>'?"))
}

const NOT: &str = "'not' after an operator must be parenthesized";

pub(super) fn invalid_arithmetic(p: &mut Parser) -> Invalid {
    sum(p)?;
    p.expect_any(&[Plus, Minus, Star, Slash, Percent, DoubleSlash, At])?;
    let a = p.expect(KwNot)?;
    let b = inversion(p)?;
    Err(p.raise_range(a, b, NOT))
}

pub(super) fn invalid_factor(p: &mut Parser) -> Invalid {
    p.expect_any(&[Plus, Minus, Tilde])?;
    let a = p.expect(KwNot)?;
    let b = factor(p)?;
    Err(p.raise_range(a, b, NOT))
}

// Displays and comprehensions

pub(super) fn invalid_group(p: &mut Parser) -> Invalid {
    if let Some(a) = p.opt(|p| {
        p.expect(LPar)?;
        let a = starred_expression(p)?;
        p.expect(RPar)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "cannot use starred expression here"));
    }
    p.expect(LPar)?;
    let a = p.expect(DoubleStar)?;
    expression(p)?;
    p.expect(RPar)?;
    Err(p.raise_at(a, "cannot use double starred expression here"))
}

pub(super) fn invalid_comprehension(p: &mut Parser) -> Invalid {
    let bracket = p.expect_any(&[LSqb, LPar, LBrace])?;
    if let Some(a) = p.opt(|p| {
        let a = starred_expression(p)?;
        for_if_clauses(p)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "iterable unpacking cannot be used in comprehension"));
    }
    Parser::require(p.tokens[bracket.index].kind != LPar)?;
    const MESSAGE: &str = "did you forget parentheses around the comprehension target?";
    if let Some((a, b)) = p.opt(|p| {
        let a = star_named_expression(p)?;
        p.expect(Comma)?;
        let b = star_named_expressions(p)?;
        for_if_clauses(p)?;
        Ok((a, *b.last().ok_or(NoMatch)?))
    })? {
        return Err(p.raise_range(a, b, MESSAGE));
    }
    let a = star_named_expression(p)?;
    let b = p.expect(Comma)?;
    for_if_clauses(p)?;
    Err(p.raise_range(a, b, MESSAGE))
}

pub(super) fn invalid_dict_comprehension(p: &mut Parser) -> Invalid {
    p.expect(LBrace)?;
    let a = p.expect(DoubleStar)?;
    bitwise_or(p)?;
    for_if_clauses(p)?;
    p.expect(RBrace)?;
    Err(p.raise_at(a, "dict unpacking cannot be used in dict comprehension"))
}

pub(super) fn invalid_double_starred_kvpairs(p: &mut Parser) -> Invalid {
    if let Some(never) = p.opt(|p| {
        p.sep1(double_starred_kvpair)?;
        p.expect(Comma)?;
        invalid_kvpair(p)
    })? {
        match never {}
    }
    memoized_expression(p)?;
    invalid_dict_value(p)
}

/// `':' '*' bitwise_or | ':' &('}' | ',')`
fn invalid_dict_value(p: &mut Parser) -> Invalid {
    let colon = p.expect(Colon)?;
    if p.at(Star)? {
        let a = p.expect(Star)?;
        bitwise_or(p)?;
        return Err(p.raise_starting_from(a, "cannot use a starred expression in a dictionary value"));
    }
    Parser::require(matches!(p.kind()?, RBrace | Comma))?;
    Err(p.raise_at(colon, "expression expected after dictionary key and ':'"))
}

fn invalid_kvpair(p: &mut Parser) -> Invalid {
    let a = memoized_expression(p)?;
    if !p.at(Colon)? {
        let range = Range { col_offset: a.range.end_col_offset, end_col_offset: 0, ..a.range };
        return Err(p.raise_known(
            crate::error::ErrorKind::SyntaxError,
            range,
            "':' expected after dictionary key".to_owned(),
        ));
    }
    invalid_dict_value(p)
}

pub(super) fn invalid_for_if_clause(p: &mut Parser) -> Invalid {
    p.eat(KwAsync)?;
    p.expect(KwFor)?;
    p.sep1(bitwise_or)?;
    p.eat(Comma)?;
    Parser::require(!p.at(KwIn)?)?;
    Err(p.raise_syntax_error("'in' expected after for-loop variables"))
}
