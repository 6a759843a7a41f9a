//! Parameters of functions and of lambdas: one set of rules, with the differences in [`Style`].

use super::expressions::{expression, star_expression};
use super::*;
use TokenKind::*;

/// Whose parameters these are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Def,
    /// No annotations, no type comments; a colon ends the list.
    Lambda,
}

impl Style {
    const fn end(self) -> TokenKind {
        match self {
            Style::Def => RPar,
            Style::Lambda => Colon,
        }
    }
}

/// A parameter and its default.
#[derive(Clone, Copy)]
struct Param<'a> {
    arg: Arg<'a>,
    default: Option<E<'a>>,
}

pub(super) fn lambdef<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(KwLambda)?;
    let args = p.opt(|p| p.nested_by(6, |p| params(p, Style::Lambda)))?;
    p.expect(Colon)?;
    let body = p.nested(expression)?;
    let args = args.unwrap_or_else(|| p.arena.alloc(Arguments::default()));
    Ok(p.node(start, ExprKind::Lambda { args, body }))
}

/// `params`, `lambda_params`
pub(super) fn params<'a>(p: &mut Parser<'a>, style: Style) -> R<&'a Arguments<'a>> {
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_parameters(p, style) });
    parameters(p, style)
}

#[derive(Default)]
struct ParamList<'a> {
    posonly: usize,
    params: List<Param<'a>>,
    vararg: Option<Arg<'a>>,
    kwonly: List<Param<'a>>,
    kwarg: Option<Arg<'a>>,
}

fn parameters<'a>(p: &mut Parser<'a>, style: Style) -> R<&'a Arguments<'a>> {
    let mut list = ParamList::default();
    let mut slash = false;
    loop {
        if !slash && !list.params.is_empty() && p.at(Slash)? {
            match p.opt(|p| slash_end(p, style))? {
                Some(()) => (slash, list.posonly) = (true, list.params.len()),
                None => break,
            }
            continue;
        }
        let defaults = list.params.last().is_some_and(|last| last.default.is_some());
        let param = p.opt(|p| {
            let param = param_maybe_default(p, style)?;
            Parser::require(param.default.is_some() || !defaults)?;
            Ok(param)
        })?;
        match param {
            Some(param) => list.params.push(param),
            None => break,
        }
    }
    p.opt(|p| star_etc(p, style, &mut list))?;
    Parser::require(!list.params.is_empty() || !list.kwonly.is_empty() || list.vararg.is_some() || list.kwarg.is_some())?;
    if slash {
        p.check_version(8, "Positional-only parameters are")?;
    }
    Ok(make_arguments(p, &list))
}

fn make_arguments<'a>(p: &Parser<'a>, list: &ParamList<'a>) -> &'a Arguments<'a> {
    let args: List<Arg> = list.params.iter().map(|x| x.arg).collect();
    let args = p.slice(&args);
    let defaults: List<E> = list.params.iter().filter_map(|x| x.default).collect();
    let kwonlyargs: List<Arg> = list.kwonly.iter().map(|x| x.arg).collect();
    p.arena.alloc(Arguments {
        posonlyargs: &args[..list.posonly],
        args: &args[list.posonly..],
        vararg: list.vararg.map(|a| &*p.arena.alloc(a)),
        kwonlyargs: p.slice(&kwonlyargs),
        kw_defaults: p.arena.alloc_slice_fill_iter(list.kwonly.iter().map(|x| x.default.copied())),
        kwarg: list.kwarg.map(|a| &*p.arena.alloc(a)),
        defaults: p.exprs(&defaults),
    })
}

/// `'/' ','` or `'/'` at the end
fn slash_end(p: &mut Parser, style: Style) -> R<()> {
    p.expect(Slash)?;
    let comma = p.eat(Comma)?;
    Parser::require(comma || p.at(style.end())?)
}

fn star_etc<'a>(p: &mut Parser<'a>, style: Style, list: &mut ParamList<'a>) -> R<()> {
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_star_etc(p, style) });
    if p.at(Star)? {
        p.mark += 1;
        let bare = p.eat(Comma)?;
        if !bare {
            list.vararg = Some(vararg(p, style)?);
        }
        list.kwonly = p.many0(|p| param_maybe_default(p, style))?;
        if bare && list.kwonly.is_empty() {
            return Err(NoMatch);
        }
        list.kwarg = p.opt(|p| kwds(p, style))?;
        return Ok(());
    }
    list.kwarg = Some(kwds(p, style)?);
    Ok(())
}

/// `param_no_default | param_no_default_star_annotation`
fn vararg<'a>(p: &mut Parser<'a>, style: Style) -> R<Arg<'a>> {
    alt!(p, param_no_default(p, style));
    Parser::require(style == Style::Def)?;
    let start = p.start()?;
    let (arg, _) = p.name()?;
    p.expect(Colon)?;
    let annotation = Some(star_expression(p)?);
    let arg = Arg { range: p.to_here(start), arg, annotation, type_comment: None };
    param_end(p, style, arg)
}

fn kwds<'a>(p: &mut Parser<'a>, style: Style) -> R<Arg<'a>> {
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_kwds(p, style) });
    p.expect(DoubleStar)?;
    param_no_default(p, style)
}

/// `param`, `lambda_param`
fn param<'a>(p: &mut Parser<'a>, style: Style) -> R<Arg<'a>> {
    let start = p.start()?;
    let (arg, _) = p.name()?;
    let annotation = match style {
        Style::Lambda => None,
        Style::Def => p.opt(|p| {
            p.expect(Colon)?;
            expression(p)
        })?,
    };
    Ok(Arg { range: p.to_here(start), arg, annotation, type_comment: None })
}

/// What must follow a parameter: a comma or the end of the list, and a type comment may.
fn param_end<'a>(p: &mut Parser<'a>, style: Style, mut arg: Arg<'a>) -> R<Arg<'a>> {
    let comma = p.eat(Comma)?;
    if style == Style::Def {
        arg.type_comment = p.type_comment()?;
    }
    Parser::require(comma || p.at(style.end())?)?;
    Ok(arg)
}

fn param_no_default<'a>(p: &mut Parser<'a>, style: Style) -> R<Arg<'a>> {
    let arg = param(p, style)?;
    param_end(p, style, arg)
}

fn param_with_default<'a>(p: &mut Parser<'a>, style: Style) -> R<Param<'a>> {
    let arg = param(p, style)?;
    let default = Some(default(p)?);
    Ok(Param { arg: param_end(p, style, arg)?, default })
}

fn param_maybe_default<'a>(p: &mut Parser<'a>, style: Style) -> R<Param<'a>> {
    let arg = param(p, style)?;
    let default = p.opt(default)?;
    Ok(Param { arg: param_end(p, style, arg)?, default })
}

fn default<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        p.expect(Equal)?;
        expression(p)
    });
    invalid!(p, invalid_default);
    Err(NoMatch)
}

fn invalid_default(p: &mut Parser) -> Invalid {
    let a = p.expect(Equal)?;
    Parser::require(matches!(p.kind()?, RPar | Comma))?;
    Err(p.raise_at(a, "expected default value expression"))
}

// Mistakes

fn slash_no_default(p: &mut Parser, style: Style) -> R<()> {
    p.many1(|p| param_no_default(p, style))?;
    slash_end(p, style)
}

fn slash_with_default(p: &mut Parser, style: Style) -> R<()> {
    p.many0(|p| param_no_default(p, style))?;
    p.many1(|p| param_with_default(p, style))?;
    slash_end(p, style)
}

fn any_slash(p: &mut Parser, style: Style) -> R<()> {
    alt!(p, slash_no_default(p, style));
    slash_with_default(p, style)
}

/// `invalid_parameters`, `invalid_lambda_parameters`
fn invalid_parameters(p: &mut Parser, style: Style) -> Invalid {
    if let Some(a) = p.opt(|p| {
        let a = p.expect(Slash)?;
        p.expect(Comma)?;
        Ok(a)
    })? {
        return Err(p.raise_at(a, "at least one argument must precede /"));
    }
    if let Some(a) = p.opt(|p| {
        any_slash(p, style)?;
        p.many0(|p| param_maybe_default(p, style))?;
        p.expect(Slash)
    })? {
        return Err(p.raise_at(a, "/ may appear only once"));
    }
    if let Some(a) = p.opt(|p| {
        p.opt(|p| slash_no_default(p, style))?;
        p.many0(|p| param_no_default(p, style))?;
        if p.opt(|p| slash_with_default(p, style))?.is_none() {
            p.many1(|p| param_with_default(p, style))?;
        }
        param_no_default(p, style)
    })? {
        return Err(p.raise_at(a, "parameter without a default follows parameter with a default"));
    }
    if let Some((a, b)) = p.opt(|p| {
        p.many0(|p| param_no_default(p, style))?;
        let a = p.expect(LPar)?;
        match style {
            Style::Def => {
                p.many1(|p| param_no_default(p, style))?;
            }
            Style::Lambda => {
                p.sep1(|p: &mut Parser<'_>| param(p, style).map(|_| ()))?;
            }
        }
        p.eat(Comma)?;
        Ok((a, p.expect(RPar)?))
    })? {
        let what = if style == Style::Def { "Function" } else { "Lambda expression" };
        return Err(p.raise_range(a, b, format!("{what} parameters cannot be parenthesized")));
    }
    if let Some(a) = p.opt(|p| {
        p.opt(|p| any_slash(p, style))?;
        p.many0(|p| param_maybe_default(p, style))?;
        p.expect(Star)?;
        if !p.eat(Comma)? {
            param_no_default(p, style)?;
        }
        p.many0(|p| param_maybe_default(p, style))?;
        p.expect(Slash)
    })? {
        return Err(p.raise_at(a, "/ must be ahead of *"));
    }
    p.many1(|p| param_maybe_default(p, style))?;
    p.expect(Slash)?;
    let a = p.expect(Star)?;
    Err(p.raise_at(a, "expected comma between / and *"))
}

/// `invalid_star_etc`, `invalid_lambda_star_etc`
fn invalid_star_etc(p: &mut Parser, style: Style) -> Invalid {
    let a = p.expect(Star)?;
    let mark = p.mark;
    if p.opt(|p| {
        if p.eat(style.end())? {
            return Ok(());
        }
        p.expect(Comma)?;
        p.expect_any(&[style.end(), DoubleStar]).map(|_| ())
    })?
    .is_some()
    {
        const MESSAGE: &str = "named arguments must follow bare *";
        return Err(if style == Style::Def { p.raise_at(a, MESSAGE) } else { p.raise_syntax_error(MESSAGE) });
    }
    if style == Style::Def
        && p.opt(|p| {
            p.expect(Comma)?;
            p.expect(TypeComment)
        })?
        .is_some()
    {
        return Err(p.raise_syntax_error("bare * has associated type comment"));
    }
    if let Some(a) = p.opt(|p| {
        param(p, style)?;
        p.expect(Equal)
    })? {
        return Err(p.raise_at(a, "var-positional argument cannot have default value"));
    }
    p.mark = mark;
    let no_default_or_comma = |p: &mut Parser| -> R<()> {
        if p.opt(|p| param_no_default(p, style).map(|_| ()))?.is_none() {
            p.expect(Comma)?;
        }
        Ok(())
    };
    no_default_or_comma(p)?;
    p.many0(|p| param_maybe_default(p, style))?;
    let a = p.expect(Star)?;
    no_default_or_comma(p)?;
    Err(p.raise_at(a, "* argument may appear only once"))
}

/// `invalid_kwds`, `invalid_lambda_kwds`
fn invalid_kwds(p: &mut Parser, style: Style) -> Invalid {
    p.expect(DoubleStar)?;
    param(p, style)?;
    if p.at(Equal)? {
        let a = p.expect(Equal)?;
        return Err(p.raise_at(a, "var-keyword argument cannot have default value"));
    }
    p.expect(Comma)?;
    const MESSAGE: &str = "arguments cannot follow var-keyword argument";
    if let Some(a) = p.opt(|p| param(p, style))? {
        return Err(p.raise_at(a, MESSAGE));
    }
    let a = p.expect_any(&[Star, DoubleStar, Slash])?;
    Err(p.raise_at(a, MESSAGE))
}
