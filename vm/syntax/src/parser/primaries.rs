//! Calls, attributes, subscripts, atoms, displays and comprehensions.

use super::expressions::*;
use super::*;
use TokenKind::*;

pub(super) fn await_primary<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass { p.memo(Rule::AwaitPrimary, await_primary_raw) } else { await_primary_raw(p) }
}

fn await_primary_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if !p.at(KwAwait)? {
        return primary(p);
    }
    let start = p.start()?;
    p.expect(KwAwait)?;
    let value = primary(p)?;
    p.check_version(5, "Await expressions are")?;
    Ok(p.node(start, ExprKind::Await { value }))
}

pub(super) fn primary<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.second_pass {
        return p.memo(Rule::Primary, primary_raw);
    }
    let start = p.start()?;
    let mut e = atom(p)?;
    while matches!(p.kind()?, Dot | LPar | LSqb) {
        match p.opt(|p| trailer(p, start, e))? {
            Some(longer) => e = longer,
            None => break,
        }
    }
    Ok(e)
}

fn primary_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let mut e = atom(p)?;
    while let Some(longer) = p.opt(|p| trailer(p, start, e))? {
        e = longer;
    }
    Ok(e)
}

/// `e` with one attribute, call or subscript behind it.
pub(super) fn trailer<'a>(p: &mut Parser<'a>, start: Range, e: E<'a>) -> R<E<'a>> {
    match p.kind()? {
        Dot => {
            p.mark += 1;
            let (attr, _) = p.name()?;
            Ok(p.node(start, ExprKind::Attribute { value: e, attr, ctx: ExprContext::Load }))
        }
        LPar if !p.second_pass => {
            let call = p.nested_by(TRAILER_DEPTH, arguments::call)?;
            Ok(p.node(start, ExprKind::Call { func: e, args: call.args, keywords: call.keywords }))
        }
        LPar => {
            if let Some(arg) = p.opt(|p| p.nested_by(TRAILER_DEPTH, genexp))? {
                return Ok(p.node(start, ExprKind::Call { func: e, args: p.exprs(&[arg]), keywords: &[] }));
            }
            p.expect(LPar)?;
            let call = p.opt(|p| p.nested_by(TRAILER_DEPTH, arguments::arguments))?.copied().unwrap_or_default();
            p.expect(RPar)?;
            Ok(p.node(start, ExprKind::Call { func: e, args: call.args, keywords: call.keywords }))
        }
        LSqb => {
            // The rule for a call with a lone generator is tried at every bracket, for the mistakes it knows.
            invalid!(p, invalid_expressions::invalid_comprehension);
            p.mark += 1;
            let slice = p.nested_by(TRAILER_DEPTH, slices)?;
            p.expect(RSqb)?;
            Ok(p.node(start, ExprKind::Subscript { value: e, slice, ctx: ExprContext::Load }))
        }
        LBrace => {
            invalid!(p, invalid_expressions::invalid_comprehension);
            Err(NoMatch)
        }
        _ => Err(NoMatch),
    }
}

pub(super) fn slices<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    if p.second_pass {
        alt!(p, {
            let e = slice(p)?;
            Parser::require(!p.at(Comma)?)?;
            Ok(e)
        });
    }
    let elts = p.sep1(|p| {
        if p.second_pass {
            alt!(p, slice(p));
            return arguments::starred_expression(p);
        }
        if p.at(Star)? { arguments::starred_expression(p) } else { slice(p) }
    })?;
    let comma = p.eat(Comma)?;
    match elts[..] {
        [e] if !comma && !matches!(e.kind, ExprKind::Starred { .. }) => Ok(e),
        _ => Ok(p.node(start, ExprKind::Tuple { elts: p.exprs(&elts), ctx: ExprContext::Load })),
    }
}

fn slice<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    let mark = p.mark;
    if !p.second_pass {
        alt!(p, assignment_expression(p));
    }
    let lower = if p.at(Colon)? { None } else { p.opt(expression)? };
    if p.at(Colon)? {
        p.mark += 1;
        let upper = p.opt(expression)?;
        let step = if p.eat(Colon)? { p.opt(expression)? } else { None };
        return Ok(p.node(start, ExprKind::Slice { lower, upper, step }));
    }
    if !p.second_pass {
        return lower.ok_or(NoMatch);
    }
    p.mark = mark;
    named_expression(p)
}

pub(super) fn atom<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let token = p.peek()?;
    let constant = match token.kind {
        Name => {
            p.mark += 1;
            let id = p.identifier(&token)?;
            return Ok(p.expr(token.range, ExprKind::Name { id, ctx: ExprContext::Load }));
        }
        KwTrue => Constant::True,
        KwFalse => Constant::False,
        KwNone => Constant::None,
        Ellipsis => Constant::Ellipsis,
        String | FStringStart | TStringStart => return fstrings::strings(p),
        Number => return literals::number(p),
        LPar if p.second_pass => {
            alt!(p, p.nested_by(GROUP_DEPTH, tuple));
            alt!(p, p.nested_by(GROUP_DEPTH, group));
            return p.nested_by(GROUP_DEPTH, genexp);
        }
        LSqb if p.second_pass => {
            alt!(p, p.nested_by(DISPLAY_DEPTH, list));
            return p.nested_by(DISPLAY_DEPTH, listcomp);
        }
        LBrace if p.second_pass => {
            alt!(p, p.nested_by(DISPLAY_DEPTH, dict));
            alt!(p, p.nested_by(DISPLAY_DEPTH, set));
            alt!(p, p.nested_by(DISPLAY_DEPTH, dictcomp));
            return p.nested_by(DISPLAY_DEPTH, setcomp);
        }
        LPar => return p.nested_by(GROUP_DEPTH, parenthesized),
        LSqb => return p.nested_by(DISPLAY_DEPTH, list_or_listcomp),
        LBrace => {
            alt!(p, p.nested_by(DISPLAY_DEPTH, braced));
            return not_a_dict(p);
        }
        _ => return Err(NoMatch),
    };
    p.mark += 1;
    Ok(p.expr(token.range, ExprKind::Constant { value: constant, kind: None }))
}

// First pass: what a bracket holds is seen from what follows its first element.

/// `tuple | group | genexp`
fn parenthesized<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LPar)?;
    match p.kind()? {
        RPar => {
            p.mark += 1;
            return Ok(p.node(start, ExprKind::Tuple { elts: &[], ctx: ExprContext::Load }));
        }
        KwYield => {
            let e = yield_expr(p)?;
            p.expect(RPar)?;
            return Ok(e);
        }
        _ => {}
    }
    let first = star_named_expression(p)?;
    let is_starred = matches!(first.kind, ExprKind::Starred { .. });
    match p.kind()? {
        Comma => {
            let elts = elements(p, first)?;
            p.expect(RPar)?;
            Ok(p.node(start, ExprKind::Tuple { elts, ctx: ExprContext::Load }))
        }
        KwFor | KwAsync if !is_starred => {
            let generators = for_if_clauses(p)?;
            p.expect(RPar)?;
            Ok(p.node(start, ExprKind::GeneratorExp { elt: first, generators }))
        }
        RPar if !is_starred => {
            p.mark += 1;
            Ok(first)
        }
        _ => Err(NoMatch),
    }
}

/// The rest of `star_named_expressions` behind its first.
fn elements<'a>(p: &mut Parser<'a>, first: E<'a>) -> R<&'a [Expr<'a>]> {
    let mut elts: List<E> = smallvec![first];
    while let Some(e) = p.opt(|p| {
        p.expect(Comma)?;
        star_named_expression(p)
    })? {
        elts.push(e);
    }
    p.eat(Comma)?;
    Ok(p.exprs(&elts))
}

fn list_or_listcomp<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LSqb)?;
    if p.eat(RSqb)? {
        return Ok(p.node(start, ExprKind::List { elts: &[], ctx: ExprContext::Load }));
    }
    let first = star_named_expression(p)?;
    if matches!(p.kind()?, KwFor | KwAsync) && !matches!(first.kind, ExprKind::Starred { .. }) {
        let generators = for_if_clauses(p)?;
        p.expect(RSqb)?;
        return Ok(p.node(start, ExprKind::ListComp { elt: first, generators }));
    }
    let elts = elements(p, first)?;
    p.expect(RSqb)?;
    Ok(p.node(start, ExprKind::List { elts, ctx: ExprContext::Load }))
}

/// `dict | set | dictcomp | setcomp`
fn braced<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LBrace)?;
    match p.kind()? {
        RBrace | DoubleStar => return dict_rest(p, start, None),
        Star => return set_rest(p, start),
        _ => {}
    }
    let mark = p.mark;
    let key = memoized_expression(p)?;
    if !p.at(Colon)? {
        p.mark = mark;
        return set_rest(p, start);
    }
    p.mark += 1;
    let value = memoized_expression(p)?;
    if matches!(p.kind()?, KwFor | KwAsync) {
        let generators = for_if_clauses(p)?;
        p.expect(RBrace)?;
        return Ok(p.node(start, ExprKind::DictComp { key, value, generators }));
    }
    dict_rest(p, start, Some((key, value)))
}

fn set_rest<'a>(p: &mut Parser<'a>, start: Range) -> R<E<'a>> {
    let first = match p.kind()? {
        Star => star_named_expression(p)?,
        _ => match p.opt(assignment_expression)? {
            Some(e) => e,
            None => memoized_expression(p)?,
        },
    };
    if matches!(p.kind()?, KwFor | KwAsync) && !matches!(first.kind, ExprKind::Starred { .. }) {
        let generators = for_if_clauses(p)?;
        p.expect(RBrace)?;
        return Ok(p.node(start, ExprKind::SetComp { elt: first, generators }));
    }
    let elts = elements(p, first)?;
    p.expect(RBrace)?;
    Ok(p.node(start, ExprKind::Set { elts }))
}

fn dict_rest<'a>(p: &mut Parser<'a>, start: Range, first: Option<(E<'a>, E<'a>)>) -> R<E<'a>> {
    let mut pairs: List<KeyValue> = List::new();
    match first {
        Some((key, value)) => pairs.push((Some(key), value)),
        None => pairs.extend(p.opt(double_starred_kvpair)?),
    }
    if !pairs.is_empty() {
        while let Some(pair) = p.opt(|p| {
            p.expect(Comma)?;
            double_starred_kvpair(p)
        })? {
            pairs.push(pair);
        }
        p.eat(Comma)?;
    }
    p.expect(RBrace)?;
    Ok(dict_node(p, start, &pairs))
}

/// A key, or `None` for `**`, and a value.
type KeyValue<'a> = (Option<E<'a>>, E<'a>);

fn dict_node<'a>(p: &Parser<'a>, start: Range, pairs: &[KeyValue<'a>]) -> E<'a> {
    let keys = p.arena.alloc_slice_fill_iter(pairs.iter().map(|kv| kv.0.copied()));
    let values = p.arena.alloc_slice_fill_iter(pairs.iter().map(|kv| *kv.1));
    p.node(start, ExprKind::Dict { keys, values })
}

// Second pass: the rules of the grammar, one by one.

pub(super) fn tuple<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LPar)?;
    let elts = p.opt(|p| {
        let mut elts: List<E> = smallvec![star_named_expression(p)?];
        p.expect(Comma)?;
        elts.extend(p.opt(star_named_expressions)?.unwrap_or_default());
        Ok(elts)
    })?;
    p.expect(RPar)?;
    let elts = p.exprs(&elts.unwrap_or_default());
    Ok(p.node(start, ExprKind::Tuple { elts, ctx: ExprContext::Load }))
}

fn group<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        p.expect(LPar)?;
        let e = if p.at(KwYield)? { yield_expr(p)? } else { named_expression(p)? };
        p.expect(RPar)?;
        Ok(e)
    });
    invalid!(p, invalid_expressions::invalid_group);
    Err(NoMatch)
}

pub(super) fn genexp<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        let start = p.start()?;
        p.expect(LPar)?;
        let elt = assignment_or_plain_expression(p)?;
        let generators = for_if_clauses(p)?;
        p.expect(RPar)?;
        Ok(p.node(start, ExprKind::GeneratorExp { elt, generators }))
    });
    invalid!(p, invalid_expressions::invalid_comprehension);
    Err(NoMatch)
}

pub(super) fn list<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LSqb)?;
    let elts = p.opt(star_named_expressions)?.unwrap_or_default();
    p.expect(RSqb)?;
    Ok(p.node(start, ExprKind::List { elts: p.exprs(&elts), ctx: ExprContext::Load }))
}

fn listcomp<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        let start = p.start()?;
        p.expect(LSqb)?;
        let elt = named_expression(p)?;
        let generators = for_if_clauses(p)?;
        p.expect(RSqb)?;
        Ok(p.node(start, ExprKind::ListComp { elt, generators }))
    });
    invalid!(p, invalid_expressions::invalid_comprehension);
    Err(NoMatch)
}

fn set<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    p.expect(LBrace)?;
    let elts = star_named_expressions(p)?;
    p.expect(RBrace)?;
    Ok(p.node(start, ExprKind::Set { elts: p.exprs(&elts) }))
}

fn setcomp<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        let start = p.start()?;
        p.expect(LBrace)?;
        let elt = named_expression(p)?;
        let generators = for_if_clauses(p)?;
        p.expect(RBrace)?;
        Ok(p.node(start, ExprKind::SetComp { elt, generators }))
    });
    invalid!(p, invalid_expressions::invalid_comprehension);
    Err(NoMatch)
}

fn dict<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    alt!(p, {
        p.expect(LBrace)?;
        let pairs = p.opt(|p| {
            let pairs = p.sep1(double_starred_kvpair)?;
            p.eat(Comma)?;
            Ok(pairs)
        })?;
        p.expect(RBrace)?;
        Ok(dict_node(p, start, &pairs.unwrap_or_default()))
    });
    not_a_dict(p)
}

/// `'{' invalid_double_starred_kvpairs '}'`: the one rule for errors that runs in the first pass, too.
fn not_a_dict<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.expect(LBrace)?;
    match invalid_expressions::invalid_double_starred_kvpairs(p)? {}
}

pub(super) fn double_starred_kvpair<'a>(p: &mut Parser<'a>) -> R<KeyValue<'a>> {
    if p.eat(DoubleStar)? {
        return Ok((None, memoized_bitwise_or(p)?));
    }
    let (key, value) = kvpair(p)?;
    Ok((Some(key), value))
}

fn kvpair<'a>(p: &mut Parser<'a>) -> R<(E<'a>, E<'a>)> {
    let key = memoized_expression(p)?;
    p.expect(Colon)?;
    Ok((key, memoized_expression(p)?))
}

fn dictcomp<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    alt!(p, {
        let start = p.start()?;
        p.expect(LBrace)?;
        let (key, value) = kvpair(p)?;
        let generators = for_if_clauses(p)?;
        p.expect(RBrace)?;
        Ok(p.node(start, ExprKind::DictComp { key, value, generators }))
    });
    invalid!(p, invalid_expressions::invalid_dict_comprehension);
    Err(NoMatch)
}

// Comprehensions

pub(super) fn for_if_clauses<'a>(p: &mut Parser<'a>) -> R<&'a [Comprehension<'a>]> {
    let all = p.many1(for_if_clause)?;
    Ok(p.slice(&all))
}

fn for_if_clause<'a>(p: &mut Parser<'a>) -> R<Comprehension<'a>> {
    let mark = p.mark;
    let is_async = p.eat(KwAsync)?;
    let head = p.opt(|p| {
        p.expect(KwFor)?;
        let target = targets::star_targets(p)?;
        p.expect(KwIn)?;
        Ok(target)
    })?;
    let Some(target) = head else {
        p.mark = mark;
        invalid!(p, invalid_expressions::invalid_for_if_clause);
        invalid!(p, compound::invalid_for_target);
        return Err(NoMatch);
    };
    // The grammar commits here.
    let iter = disjunction(p)?;
    let ifs = p.many0(|p| {
        p.expect(KwIf)?;
        disjunction(p)
    })?;
    if is_async {
        p.check_version(6, "Async comprehensions are")?;
    }
    Ok(Comprehension { target, iter, ifs: p.exprs(&ifs), is_async })
}
