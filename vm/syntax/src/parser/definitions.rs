//! Functions, classes, type parameters.

use super::compound::{block, no_colon_or_block};
use super::expressions::{expression, named_expression, star_expression};
use super::parameters::{Style, params};
use super::*;
use TokenKind::*;

fn decorators<'a>(p: &mut Parser<'a>) -> R<&'a [Expr<'a>]> {
    let all = p.many0(|p| {
        p.expect(At)?;
        let e = named_expression(p)?;
        p.expect(Newline)?;
        Ok(e)
    })?;
    Ok(p.exprs(&all))
}

pub(super) fn class_def<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let decorator_list = decorators(p)?;
    class_def_raw(p, decorator_list)
}

fn class_def_raw<'a>(p: &mut Parser<'a>, decorator_list: &'a [Expr<'a>]) -> R<Stmt<'a>> {
    let start = p.start()?;
    invalid!(p, invalid_class_def_raw);
    p.expect(KwClass)?;
    let (name, _) = p.name()?;
    let type_params = p.opt(type_params)?.unwrap_or(&[]);
    let call = p.opt(bases)?.unwrap_or_default();
    p.expect(Colon)?;
    let body = block(p)?;
    let node = ClassDef { name, bases: call.args, keywords: call.keywords, body, decorator_list, type_params };
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::ClassDef(p.arena.alloc(node)) })
}

/// `'(' [arguments] ')'`
fn bases<'a>(p: &mut Parser<'a>) -> R<CallArgs<'a>> {
    p.expect(LPar)?;
    let call = if p.at(RPar)? { None } else { p.opt(arguments::arguments)? };
    p.expect(RPar)?;
    Ok(call.copied().unwrap_or_default())
}

fn invalid_class_def_raw(p: &mut Parser) -> Invalid {
    let a = p.expect(KwClass)?;
    p.name()?;
    p.opt(type_params)?;
    p.opt(bases)?;
    no_colon_or_block(p, "class definition", a)
}

pub(super) fn function_def<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let decorator_list = decorators(p)?;
    function_def_raw(p, decorator_list)
}

fn function_def_raw<'a>(p: &mut Parser<'a>, decorator_list: &'a [Expr<'a>]) -> R<Stmt<'a>> {
    let start = p.start()?;
    invalid!(p, invalid_def_raw);
    let is_async = p.eat(KwAsync)?;
    p.expect(KwDef)?;
    let (name, _) = p.name()?;
    let type_params = p.opt(type_params)?.unwrap_or(&[]);
    p.expect(LPar)?;
    let args = if p.at(RPar)? { None } else { p.opt(|p| params(p, Style::Def))? };
    p.expect(RPar)?;
    let returns = p.opt(returns)?;
    p.expect(Colon)?;
    let type_comment = p.opt(func_type_comment)?;
    let body = block(p)?;
    let args = args.unwrap_or_else(|| p.arena.alloc(Arguments::default()));
    let node = &*p.arena.alloc(FunctionDef { name, args, body, decorator_list, returns, type_comment, type_params });
    if is_async {
        p.check_version(5, "Async functions are")?;
    }
    let kind = if is_async { StmtKind::AsyncFunctionDef(node) } else { StmtKind::FunctionDef(node) };
    Ok(Stmt { range: p.to_here(start), kind })
}

/// `'->' expression`
fn returns<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.expect(RArrow)?;
    expression(p)
}

fn invalid_def_raw(p: &mut Parser) -> Invalid {
    if let Some(never) = p.opt(|p| {
        p.eat(KwAsync)?;
        let a = p.expect(KwDef)?;
        p.name()?;
        p.opt(type_params)?;
        p.expect(LPar)?;
        p.opt(|p| params(p, Style::Def))?;
        p.expect(RPar)?;
        p.opt(returns)?;
        p.expect(Colon)?;
        compound::no_block(p, "function definition", a)
    })? {
        match never {}
    }
    p.eat(KwAsync)?;
    p.expect(KwDef)?;
    p.name()?;
    p.opt(type_params)?;
    p.expect_forced(LPar, "(")?;
    p.opt(|p| params(p, Style::Def))?;
    p.expect(RPar)?;
    p.opt(returns)?;
    p.expect_forced(Colon, ":")?;
    p.opt(func_type_comment)?;
    block(p)?;
    Err(NoMatch)
}

fn func_type_comment<'a>(p: &mut Parser<'a>) -> R<&'a Text> {
    alt!(p, {
        p.expect(Newline)?;
        let comment = p.type_comment()?.ok_or(NoMatch)?;
        let block_follows = p.look(|p| {
            p.expect(Newline)?;
            p.expect(Indent)
        })?;
        Parser::require(block_follows)?;
        Ok(comment)
    });
    invalid!(p, invalid_double_type_comments);
    p.type_comment()?.ok_or(NoMatch)
}

fn invalid_double_type_comments(p: &mut Parser) -> Invalid {
    p.expect(TypeComment)?;
    p.expect(Newline)?;
    p.expect(TypeComment)?;
    p.expect(Newline)?;
    p.expect(Indent)?;
    Err(p.raise_syntax_error("Cannot have two type comments on def"))
}

// Type parameters

pub(super) fn type_params<'a>(p: &mut Parser<'a>) -> R<&'a [TypeParam<'a>]> {
    invalid!(p, invalid_type_params);
    p.expect(LSqb)?;
    let all = p.sep1(type_param)?;
    p.eat(Comma)?;
    p.expect(RSqb)?;
    p.check_version(12, "Type parameter lists are")?;
    Ok(p.slice(&all))
}

fn invalid_type_params(p: &mut Parser) -> Invalid {
    p.expect(LSqb)?;
    let token = p.expect(RSqb)?;
    Err(p.raise_starting_from(token, "Type parameter list cannot be empty"))
}

fn type_param<'a>(p: &mut Parser<'a>) -> R<TypeParam<'a>> {
    p.memo(Rule::TypeParam, |p| {
        let start = p.start()?;
        if p.at(Name)? {
            let (name, _) = p.name()?;
            let bound = p.opt(|p| {
                p.expect(Colon)?;
                expression(p)
            })?;
            let default_value = p.opt(|p| type_param_default(p, expression))?;
            return Ok(TypeParam {
                range: p.to_here(start),
                kind: TypeParamKind::TypeVar { name, bound, default_value },
            });
        }
        invalid!(p, invalid_type_param);
        let star = p.expect_any(&[Star, DoubleStar])?;
        let (name, _) = p.name()?;
        let kind = if p.tokens[star.index].kind == Star {
            let default_value = p.opt(|p| type_param_default(p, star_expression))?;
            TypeParamKind::TypeVarTuple { name, default_value }
        } else {
            let default_value = p.opt(|p| type_param_default(p, expression))?;
            TypeParamKind::ParamSpec { name, default_value }
        };
        Ok(TypeParam { range: p.to_here(start), kind })
    })
}

fn type_param_default<'a>(p: &mut Parser<'a>, rule: fn(&mut Parser<'a>) -> R<E<'a>>) -> R<E<'a>> {
    p.expect(Equal)?;
    let e = rule(p)?;
    p.check_version(13, "Type parameter defaults are")?;
    Ok(e)
}

fn invalid_type_param(p: &mut Parser) -> Invalid {
    let star = p.expect_any(&[Star, DoubleStar])?;
    p.name()?;
    let colon = p.expect(Colon)?;
    let e = expression(p)?;
    let what = if matches!(e.kind, ExprKind::Tuple { .. }) { "constraints" } else { "bound" };
    let kind = if p.tokens[star.index].kind == Star { "TypeVarTuple" } else { "ParamSpec" };
    Err(p.raise_starting_from(colon, format!("cannot use {what} with {kind}")))
}
