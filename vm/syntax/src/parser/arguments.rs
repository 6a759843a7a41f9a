//! Arguments of calls and class definitions, and the mistakes made in them.

use super::expressions::*;
use super::primaries::for_if_clauses;
use super::*;
use TokenKind::*;

/// First pass: a call's parentheses and what is between; a lone generator expression needs no others.
pub(super) fn call<'a>(p: &mut Parser<'a>) -> R<CallArgs<'a>> {
    let start = p.start()?;
    p.expect(LPar)?;
    if p.eat(RPar)? {
        return Ok(CallArgs::default());
    }
    let mark = p.mark;
    if !matches!(p.kind()?, Star | DoubleStar) && !at_keyword_argument(p)? {
        let elt = assignment_or_plain_expression(p)?;
        if matches!(p.kind()?, KwFor | KwAsync) {
            let generators = for_if_clauses(p)?;
            p.expect(RPar)?;
            let e = p.node(start, ExprKind::GeneratorExp { elt, generators });
            return Ok(CallArgs { args: p.exprs(&[e]), keywords: &[] });
        }
        let args = first_pass_arguments(p, Some(elt))?;
        p.expect(RPar)?;
        return Ok(args);
    }
    p.mark = mark;
    let args = first_pass_arguments(p, None)?;
    p.expect(RPar)?;
    Ok(args)
}

/// `NAME '='`
#[inline]
fn at_keyword_argument(p: &mut Parser) -> R<bool> {
    Ok(p.at(Name)? && p.second_kind()? == Equal)
}

/// The arguments up to the closing parenthesis; `first` has been read.
fn first_pass_arguments<'a>(p: &mut Parser<'a>, first: Option<E<'a>>) -> R<CallArgs<'a>> {
    let (mut args, mut keywords): (List<E>, SmallVec<[Keyword; 2]>) = (smallvec![], smallvec![]);
    let mut unpacked = false;
    if let Some(first) = first {
        Parser::require(!p.at(Equal)?)?;
        args.push(first);
    }
    while args.is_empty() && keywords.is_empty() || p.eat(Comma)? {
        match p.kind()? {
            RPar => break,
            Star if !unpacked => args.push(starred_expression(p)?),
            DoubleStar => {
                keywords.push(double_starred(p)?);
                unpacked = true;
            }
            Name if at_keyword_argument(p)? => keywords.push(keyword(p)?),
            _ if keywords.is_empty() => {
                let e = assignment_or_plain_expression(p)?;
                Parser::require(!p.at(Equal)?)?;
                args.push(e);
            }
            _ => return Err(NoMatch),
        }
    }
    Parser::require(p.at(RPar)?)?;
    Ok(CallArgs { args: p.exprs(&args), keywords: p.slice(&keywords) })
}

/// `NAME '=' expression`
fn keyword<'a>(p: &mut Parser<'a>) -> R<Keyword<'a>> {
    let start = p.start()?;
    let (name, _) = p.name()?;
    p.expect(Equal)?;
    let value = expression(p)?;
    Ok(Keyword { range: p.to_here(start), arg: Some(name), value })
}

/// `'**' expression`
fn double_starred<'a>(p: &mut Parser<'a>) -> R<Keyword<'a>> {
    let start = p.start()?;
    p.expect(DoubleStar)?;
    let value = expression(p)?;
    Ok(Keyword { range: p.to_here(start), arg: None, value })
}

pub(super) fn arguments<'a>(p: &mut Parser<'a>) -> R<&'a CallArgs<'a>> {
    if !p.second_pass {
        let args = first_pass_arguments(p, None)?;
        return Ok(p.arena.alloc(args));
    }
    p.memo(Rule::Arguments, |p| {
        alt!(p, {
            let a = args(p)?;
            p.eat(Comma)?;
            Parser::require(p.at(RPar)?)?;
            Ok(&*p.arena.alloc(a.call))
        });
        invalid!(p, invalid_arguments);
        Err(NoMatch)
    })
}

/// Arguments and their place.
struct Args<'a> {
    call: CallArgs<'a>,
}

/// A keyword argument or a starred expression.
#[derive(Clone, Copy)]
enum KeywordOrStarred<'a> {
    Keyword(Keyword<'a>),
    Starred(E<'a>),
}

fn args<'a>(p: &mut Parser<'a>) -> R<Args<'a>> {
    let positional = p.opt(|p| p.sep1(positional_arg))?;
    let rest = match positional {
        Some(_) => p
            .opt(|p| {
                p.expect(Comma)?;
                kwargs(p)
            })?
            .unwrap_or_default(),
        None => kwargs(p)?,
    };
    let mut all = positional.unwrap_or_default();
    let mut keywords = Vec::new();
    for item in rest {
        match item {
            KeywordOrStarred::Keyword(k) => keywords.push(k),
            KeywordOrStarred::Starred(e) => all.push(e),
        }
    }
    Ok(Args { call: CallArgs { args: p.exprs(&all), keywords: p.slice(&keywords) } })
}

/// `starred_expression | (assignment_expression | expression !':=') !'='`
fn positional_arg<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, starred_expression(p));
    let e = assignment_or_plain_expression(p)?;
    Parser::require(!p.at(Equal)?)?;
    Ok(e)
}

fn kwargs<'a>(p: &mut Parser<'a>) -> R<List<KeywordOrStarred<'a>>> {
    alt!(p, {
        let mut all = p.sep1(kwarg_or_starred)?;
        p.expect(Comma)?;
        all.extend(p.sep1(kwarg_or_double_starred)?);
        Ok(all)
    });
    alt!(p, p.sep1(kwarg_or_starred));
    p.sep1(kwarg_or_double_starred)
}

pub(super) fn starred_expression<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    invalid!(p, invalid_starred_expression_unpacking);
    alt!(p, {
        let start = p.start()?;
        p.expect(Star)?;
        let value = expression(p)?;
        Ok(p.node(start, ExprKind::Starred { value, ctx: ExprContext::Load }))
    });
    invalid!(p, invalid_starred_expression);
    Err(NoMatch)
}

fn invalid_starred_expression_unpacking(p: &mut Parser) -> Invalid {
    let a = p.expect(Star)?;
    expression(p)?;
    p.expect(Equal)?;
    let b = expression(p)?;
    Err(p.raise_range(a, b, "cannot assign to iterable argument unpacking"))
}

fn invalid_starred_expression(p: &mut Parser) -> Invalid {
    p.expect(Star)?;
    Err(p.raise_syntax_error("Invalid star expression"))
}

fn kwarg_or_starred<'a>(p: &mut Parser<'a>) -> R<KeywordOrStarred<'a>> {
    invalid!(p, invalid_kwarg);
    alt!(p, keyword(p).map(KeywordOrStarred::Keyword));
    starred_expression(p).map(KeywordOrStarred::Starred)
}

fn kwarg_or_double_starred<'a>(p: &mut Parser<'a>) -> R<KeywordOrStarred<'a>> {
    invalid!(p, invalid_kwarg);
    alt!(p, keyword(p).map(KeywordOrStarred::Keyword));
    double_starred(p).map(KeywordOrStarred::Keyword)
}

const MAYBE_EQUAL: &str = "invalid syntax. Maybe you meant '==' or ':=' instead of '='?";

fn invalid_kwarg(p: &mut Parser) -> Invalid {
    if let Some((a, b)) = p.opt(|p| {
        let a = p.expect_any(&[KwTrue, KwFalse, KwNone])?;
        Ok((a, p.expect(Equal)?))
    })? {
        let name = p.tokens[a.index].text;
        return Err(p.raise_range(a, b, format!("cannot assign to {name}")));
    }
    if let Some((a, b)) = p.opt(keyword_with_for)? {
        return Err(p.raise_range(a, b, MAYBE_EQUAL));
    }
    let name_equal = at_keyword_argument(p)?;
    if !name_equal
        && let Some((a, b)) = p.opt(|p| {
            let a = expression(p)?;
            Ok((a, p.expect(Equal)?))
        })?
    {
        return Err(p.raise_range(a, b, "expression cannot contain assignment, perhaps you meant \"==\"?"));
    }
    let a = p.expect(DoubleStar)?;
    expression(p)?;
    p.expect(Equal)?;
    let b = expression(p)?;
    Err(p.raise_range(a, b, "cannot assign to keyword argument unpacking"))
}

/// `NAME '=' expression for_if_clauses`
fn keyword_with_for(p: &mut Parser) -> R<(Tk, Tk)> {
    let a = p.expect(Name)?;
    let b = p.expect(Equal)?;
    expression(p)?;
    for_if_clauses(p)?;
    Ok((a, b))
}

/// The last expression of comprehension clauses.
fn last_comprehension_item<'a>(generators: &'a [Comprehension<'a>]) -> R<E<'a>> {
    let last = generators.last().ok_or(NoMatch)?;
    Ok(last.ifs.last().unwrap_or(last.iter))
}

const GENEXP: &str = "Generator expression must be parenthesized";

fn invalid_arguments(p: &mut Parser) -> Invalid {
    if let Some(a) = p.opt(|p| {
        let positional = p.opt(|p| {
            p.sep1(positional_arg)?;
            p.expect(Comma)?;
            kwargs(p)
        })?;
        if positional.is_none() {
            kwargs(p)?;
        }
        let a = p.expect(Comma)?;
        p.sep1(|p: &mut Parser<'_>| {
            starred_expression(p)?;
            Parser::require(!p.at(Equal)?)
        })?;
        Ok(a)
    })? {
        return Err(
            p.raise_starting_from(a, "iterable argument unpacking follows keyword argument unpacking")
        );
    }
    if let Some((a, b)) = p.opt(|p| {
        let a = expression(p)?;
        let b = for_if_clauses(p)?;
        p.expect(Comma)?;
        if p.opt(args)?.is_none() {
            p.opt(|p| {
                expression(p)?;
                for_if_clauses(p)
            })?;
        }
        Ok((a, last_comprehension_item(b)?))
    })? {
        return Err(p.raise_range(a, b, GENEXP));
    }
    if let Some((a, b)) = p.opt(keyword_with_for)? {
        return Err(p.raise_range(a, b, MAYBE_EQUAL));
    }
    if let Some((a, b)) = p.opt(|p| {
        p.opt(|p| {
            args(p)?;
            p.expect(Comma)
        })?;
        let a = p.expect(Name)?;
        let b = p.expect(Equal)?;
        Parser::require(matches!(p.kind()?, Comma | RPar))?;
        Ok((a, b))
    })? {
        return Err(p.raise_range(a, b, "expected argument value expression"));
    }
    invalid_arguments_after_args(p)
}

fn invalid_arguments_after_args(p: &mut Parser) -> Invalid {
    if let Some((a, b)) = p.opt(|p| {
        let a = args(p)?;
        Ok((a, for_if_clauses(p)?))
    })? {
        let b = last_comprehension_item(b)?;
        return match a.call.args {
            [_, .., last] => Err(p.raise_range(last, b, GENEXP)),
            _ => Err(NoMatch),
        };
    }
    if let Some((a, b)) = p.opt(|p| {
        args(p)?;
        p.expect(Comma)?;
        let a = expression(p)?;
        Ok((a, last_comprehension_item(for_if_clauses(p)?)?))
    })? {
        return Err(p.raise_range(a, b, GENEXP));
    }
    let a = args(p)?;
    p.expect(Comma)?;
    args(p)?;
    let unpacking = if a.call.keywords.iter().any(|k| k.arg.is_none()) { " unpacking" } else { "" };
    Err(p.raise_syntax_error(format!("positional argument follows keyword argument{unpacking}")))
}
