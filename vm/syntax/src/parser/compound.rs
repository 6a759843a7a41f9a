//! Compound statements other than definitions and `match`.

use super::errors::{Targets, expr_name};
use super::expressions::{expression, expressions, named_expression, star_expressions};
use super::targets::{star_target, star_targets};
use super::*;
use TokenKind::*;

pub(super) fn compound_stmt<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    let kind = match p.kind()? {
        KwDef => return definitions::function_def(p),
        KwIf => if_stmt(p)?,
        KwClass => return definitions::class_def(p),
        KwWith => with_stmt(p)?,
        KwFor => for_stmt(p)?,
        KwTry => try_stmt(p)?,
        KwWhile => while_stmt(p)?,
        At => {
            alt!(p, definitions::function_def(p));
            return definitions::class_def(p);
        }
        KwAsync => {
            alt!(p, definitions::function_def(p));
            if let Some(kind) = p.opt(with_stmt)? { kind } else { for_stmt(p)? }
        }
        _ => patterns::match_stmt(p)?,
    };
    Ok(Stmt { range: p.to_here(start), kind })
}

pub(super) fn block<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    p.memo(Rule::Block, block_raw)
}

fn block_raw<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    alt!(p, {
        p.expect(Newline)?;
        p.expect(Indent)?;
        let body = p.nested_by(7, statements::statements)?;
        p.expect(Dedent)?;
        Ok(body)
    });
    alt!(p, statements::simple_stmts(p));
    invalid!(p, invalid_block);
    Err(NoMatch)
}

fn invalid_block(p: &mut Parser) -> Invalid {
    p.expect(Newline)?;
    Parser::require(!p.at(Indent)?)?;
    Err(p.raise_indentation_error("expected an indented block"))
}

/// `NEWLINE !INDENT`, and then the error for the statement that began at `a`.
pub(super) fn no_block(p: &mut Parser, what: &str, a: Tk) -> Invalid {
    p.expect(Newline)?;
    Parser::require(!p.at(Indent)?)?;
    let message = format!("expected an indented block after {what} on line {}", a.range.lineno);
    Err(p.raise_indentation_error(message))
}

/// After the head of a statement: `NEWLINE` means that the colon is missing; `':' NEWLINE !INDENT` that the block is.
pub(super) fn no_colon_or_block(p: &mut Parser, what: &str, a: Tk) -> Invalid {
    if p.at(Newline)? {
        p.mark += 1;
        return Err(p.raise_syntax_error("expected ':'"));
    }
    p.expect(Colon)?;
    no_block(p, what, a)
}

// If

fn if_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_test_stmt(p, KwIf, "'if' statement") });
    p.expect(KwIf)?;
    if_rest(p)
}

fn if_rest<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    let test = named_expression(p)?;
    p.expect(Colon)?;
    let body = block(p)?;
    let orelse = match p.opt(|p| p.nested(elif_stmt))? {
        Some(stmt) => p.slice(&[stmt]),
        None => p.opt(else_block)?.unwrap_or(&[]),
    };
    Ok(StmtKind::If { test, body, orelse })
}

fn elif_stmt<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_test_stmt(p, KwElif, "'elif' statement") });
    p.expect(KwElif)?;
    let kind = if_rest(p)?;
    Ok(Stmt { range: p.to_here(start), kind })
}

/// `invalid_if_stmt`, `invalid_elif_stmt`, `invalid_while_stmt`
fn invalid_test_stmt(p: &mut Parser, keyword: TokenKind, what: &str) -> Invalid {
    let a = p.expect(keyword)?;
    named_expression(p)?;
    no_colon_or_block(p, what, a)
}

fn else_block<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    invalid!(p, invalid_else_stmt);
    p.expect(KwElse)?;
    p.expect_forced(Colon, ":")?;
    block(p)
}

fn invalid_else_stmt(p: &mut Parser) -> Invalid {
    let a = p.expect(KwElse)?;
    p.expect(Colon)?;
    let mark = p.mark;
    if p.at(Newline)? {
        let missing = p.opt(|p| no_block(p, "'else' statement", a))?;
        if let Some(never) = missing {
            match never {}
        }
    }
    p.mark = mark;
    block(p)?;
    p.expect(KwElif)?;
    Err(p.raise_syntax_error("'elif' block follows an 'else' block"))
}

// While and for

fn while_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_test_stmt(p, KwWhile, "'while' statement") });
    p.expect(KwWhile)?;
    let test = named_expression(p)?;
    p.expect(Colon)?;
    let body = block(p)?;
    let orelse = p.opt(else_block)?.unwrap_or(&[]);
    Ok(StmtKind::While { test, body, orelse })
}

fn for_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, invalid_for_stmt);
    let mark = p.mark;
    let is_async = p.eat(KwAsync)?;
    let head = p.opt(|p| {
        p.expect(KwFor)?;
        let target = star_targets(p)?;
        p.expect(KwIn)?;
        Ok(target)
    })?;
    let Some(target) = head else {
        p.mark = mark;
        invalid!(p, invalid_for_target);
        return Err(NoMatch);
    };
    // The grammar commits here.
    let iter = star_expressions(p)?;
    p.expect(Colon)?;
    let type_comment = p.type_comment()?;
    let body = block(p)?;
    let orelse = p.opt(else_block)?.unwrap_or(&[]);
    let node = p.arena.alloc(For { target, iter, body, orelse, type_comment });
    if is_async {
        p.check_version(5, "Async for loops are")?;
    }
    Ok(if is_async { StmtKind::AsyncFor(node) } else { StmtKind::For(node) })
}

fn invalid_for_stmt(p: &mut Parser) -> Invalid {
    p.eat(KwAsync)?;
    let a = p.expect(KwFor)?;
    star_targets(p)?;
    p.expect(KwIn)?;
    star_expressions(p)?;
    no_colon_or_block(p, "'for' statement", a)
}

pub(super) fn invalid_for_target(p: &mut Parser) -> Invalid {
    p.eat(KwAsync)?;
    p.expect(KwFor)?;
    let a = star_expressions(p)?;
    Err(p.raise_invalid_target(Targets::For, a))
}

// With

fn with_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, invalid_with_stmt_indent);
    for parenthesized in [true, false] {
        if let Some((is_async, with)) = p.opt(|p| with_alternative(p, parenthesized))? {
            if is_async {
                p.check_version(5, "Async with statements are")?;
            }
            let with = p.arena.alloc(with);
            return Ok(if is_async { StmtKind::AsyncWith(with) } else { StmtKind::With(with) });
        }
    }
    invalid!(p, invalid_with_stmt);
    Err(NoMatch)
}

fn with_alternative<'a>(p: &mut Parser<'a>, parenthesized: bool) -> R<(bool, With<'a>)> {
    let is_async = p.eat(KwAsync)?;
    p.expect(KwWith)?;
    if parenthesized {
        p.expect(LPar)?;
    }
    let items = p.sep1(with_item)?;
    if parenthesized {
        p.eat(Comma)?;
        p.expect(RPar)?;
    }
    p.expect(Colon)?;
    let type_comment = if is_async && parenthesized { None } else { p.type_comment()? };
    let body = block(p)?;
    Ok((is_async, With { items: p.slice(&items), body, type_comment }))
}

fn with_item<'a>(p: &mut Parser<'a>) -> R<WithItem<'a>> {
    alt!(p, {
        let context_expr = expression(p)?;
        p.expect(KwAs)?;
        let target = star_target(p)?;
        end_of_item(p)?;
        Ok(WithItem { context_expr, optional_vars: Some(target) })
    });
    invalid!(p, invalid_with_item);
    Ok(WithItem { context_expr: expression(p)?, optional_vars: None })
}

fn end_of_item(p: &mut Parser) -> R<()> {
    Parser::require(matches!(p.kind()?, Comma | RPar | Colon))
}

fn invalid_with_item(p: &mut Parser) -> Invalid {
    expression(p)?;
    p.expect(KwAs)?;
    let a = expression(p)?;
    end_of_item(p)?;
    Err(p.raise_invalid_target(Targets::Star, a))
}

/// What `with` heads look like to the rules for errors.
fn with_head<'a>(p: &mut Parser<'a>, parenthesized: bool) -> R<Tk> {
    p.eat(KwAsync)?;
    let a = p.expect(KwWith)?;
    if parenthesized {
        p.expect(LPar)?;
    }
    p.sep1(|p: &mut Parser<'a>| {
        if parenthesized { expressions(p)? } else { expression(p)? };
        p.opt(|p| {
            p.expect(KwAs)?;
            star_target(p)
        })
    })?;
    if parenthesized {
        p.eat(Comma)?;
        p.expect(RPar)?;
    }
    Ok(a)
}

fn invalid_with_stmt(p: &mut Parser) -> Invalid {
    for parenthesized in [false, true] {
        if p.opt(|p| {
            with_head(p, parenthesized)?;
            p.expect(Newline)
        })?
        .is_some()
        {
            return Err(p.raise_syntax_error("expected ':'"));
        }
    }
    Err(NoMatch)
}

fn invalid_with_stmt_indent(p: &mut Parser) -> Invalid {
    for parenthesized in [false, true] {
        let missing = p.opt(|p| {
            let a = with_head(p, parenthesized)?;
            p.expect(Colon)?;
            no_block(p, "'with' statement", a)
        })?;
        if let Some(never) = missing {
            match never {}
        }
    }
    Err(NoMatch)
}

// Try

fn try_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, invalid_try_stmt);
    p.expect(KwTry)?;
    p.expect_forced(Colon, ":")?;
    let body = block(p)?;
    if let Some(finalbody) = p.opt(finally_block)? {
        return Ok(StmtKind::Try(p.arena.alloc(Try { body, handlers: &[], orelse: &[], finalbody })));
    }
    for star in [false, true] {
        let rule = if star { except_star_block } else { except_block };
        if let Some(handlers) = p.opt(|p| p.many1(rule))? {
            let orelse = p.opt(else_block)?.unwrap_or(&[]);
            let finalbody = p.opt(finally_block)?.unwrap_or(&[]);
            let node = p.arena.alloc(Try { body, handlers: p.slice(&handlers), orelse, finalbody });
            if star {
                p.check_version(11, "Exception groups are")?;
            }
            return Ok(if star { StmtKind::TryStar(node) } else { StmtKind::Try(node) });
        }
    }
    Err(NoMatch)
}

fn invalid_try_stmt(p: &mut Parser) -> Invalid {
    let a = p.expect(KwTry)?;
    p.expect(Colon)?;
    let mark = p.mark;
    if let Some(never) = p.opt(|p| no_block(p, "'try' statement", a))? {
        match never {}
    }
    if p.opt(|p| {
        block(p)?;
        Parser::require(!matches!(p.kind()?, KwExcept | KwFinally))
    })?
    .is_some()
    {
        return Err(p.raise_syntax_error("expected 'except' or 'finally' block"));
    }
    const MESSAGE: &str = "cannot have both 'except' and 'except*' on the same 'try'";
    if let Some((a, b)) = p.opt(|p| {
        p.many0(block)?;
        p.many1(except_block)?;
        let a = p.expect(KwExcept)?;
        let b = p.expect(Star)?;
        expression(p)?;
        p.opt(as_name)?;
        p.expect(Colon)?;
        Ok((a, b))
    })? {
        return Err(p.raise_range(a, b, MESSAGE));
    }
    p.mark = mark;
    p.many0(block)?;
    p.many1(except_star_block)?;
    let a = p.expect(KwExcept)?;
    p.opt(|p| {
        expression(p)?;
        p.opt(as_name)
    })?;
    p.expect(Colon)?;
    Err(p.raise_at(a, MESSAGE))
}

fn as_name<'a>(p: &mut Parser<'a>) -> R<Identifier<'a>> {
    p.expect(KwAs)?;
    Ok(p.name()?.0)
}

fn except_block<'a>(p: &mut Parser<'a>) -> R<ExceptHandler<'a>> {
    invalid!(p, invalid_except_stmt_indent);
    alt!(p, except_alternatives(p, false));
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_except_stmt(p, false) });
    Err(NoMatch)
}

fn except_star_block<'a>(p: &mut Parser<'a>) -> R<ExceptHandler<'a>> {
    invalid!(p, invalid_except_star_stmt_indent);
    alt!(p, except_alternatives(p, true));
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_except_stmt(p, true) });
    Err(NoMatch)
}

fn except_alternatives<'a>(p: &mut Parser<'a>, star: bool) -> R<ExceptHandler<'a>> {
    let start = p.start()?;
    p.expect(KwExcept)?;
    if star {
        p.expect(Star)?;
    }
    alt!(p, {
        let e = expression(p)?;
        let name = p.opt(as_name)?;
        p.expect(Colon)?;
        let body = block(p)?;
        Ok(ExceptHandler { range: p.to_here(start), type_: Some(e), name, body })
    });
    alt!(p, {
        let e = expressions(p)?;
        p.expect(Colon)?;
        let body = block(p)?;
        p.check_version(14, "except expressions without parentheses are")?;
        Ok(ExceptHandler { range: p.to_here(start), type_: Some(e), name: None, body })
    });
    Parser::require(!star)?;
    p.expect(Colon)?;
    let body = block(p)?;
    Ok(ExceptHandler { range: p.to_here(start), type_: None, name: None, body })
}

fn invalid_except_stmt_indent(p: &mut Parser) -> Invalid {
    let a = p.expect(KwExcept)?;
    if let Some(never) = p.opt(|p| {
        expression(p)?;
        p.opt(as_name)?;
        p.expect(Colon)?;
        no_block(p, "'except' statement", a)
    })? {
        match never {}
    }
    p.expect(Colon)?;
    no_block(p, "'except' statement", a)
}

fn invalid_except_star_stmt_indent(p: &mut Parser) -> Invalid {
    let a = p.expect(KwExcept)?;
    p.expect(Star)?;
    expression(p)?;
    p.opt(as_name)?;
    p.expect(Colon)?;
    no_block(p, "'except*' statement", a)
}

/// `invalid_except_stmt`, `invalid_except_star_stmt`
fn invalid_except_stmt<'a>(p: &mut Parser<'a>, star: bool) -> Invalid {
    p.expect(KwExcept)?;
    if star {
        p.expect(Star)?;
    }
    if let Some(a) = p.opt(|p| {
        let a = expression(p)?;
        p.expect(Comma)?;
        expressions(p)?;
        as_name(p)?;
        p.expect(Colon)?;
        Ok(a)
    })? {
        return Err(p.raise_starting_from(a, "multiple exception types must be parenthesized when using 'as'"));
    }
    if p.opt(|p| {
        expression(p)?;
        p.opt(as_name)?;
        p.expect(Newline)
    })?
    .is_some()
    {
        return Err(p.raise_syntax_error("expected ':'"));
    }
    if star && matches!(p.kind()?, Newline | Colon) {
        p.mark += 1;
        return Err(p.raise_syntax_error("expected one or more exception types"));
    }
    if !star && p.at(Newline)? {
        p.mark += 1;
        return Err(p.raise_syntax_error("expected ':'"));
    }
    expression(p)?;
    p.expect(KwAs)?;
    let a = expression(p)?;
    p.expect(Colon)?;
    block(p)?;
    let star = if star { "*" } else { "" };
    Err(p.raise_at(a, format!("cannot use except{star} statement with {}", expr_name(a))))
}

fn finally_block<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    invalid!(p, invalid_finally_stmt);
    p.expect(KwFinally)?;
    p.expect_forced(Colon, ":")?;
    block(p)
}

fn invalid_finally_stmt(p: &mut Parser) -> Invalid {
    let a = p.expect(KwFinally)?;
    p.expect(Colon)?;
    no_block(p, "'finally' statement", a)
}
