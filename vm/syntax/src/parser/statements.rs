//! Start rules, sequences of statements, simple statements.

use super::errors::expr_name;
use super::*;
use TokenKind::*;

pub(super) fn file<'a>(p: &mut Parser<'a>) -> R<Mod<'a>> {
    let body = p.opt(statements)?.unwrap_or(&[]);
    p.expect(EndMarker)?;
    Ok(Mod::Module { body, type_ignores: p.slice(&p.type_ignores) })
}

pub(super) fn interactive<'a>(p: &mut Parser<'a>) -> R<Mod<'a>> {
    Ok(Mod::Interactive { body: statement_newline(p)? })
}

pub(super) fn eval<'a>(p: &mut Parser<'a>) -> R<Mod<'a>> {
    let body = expressions::expressions(p)?;
    while p.eat(Newline)? {}
    p.expect(EndMarker)?;
    Ok(Mod::Expression { body })
}

pub(super) fn func_type<'a>(p: &mut Parser<'a>) -> R<Mod<'a>> {
    p.expect(LPar)?;
    let argtypes = p.opt(type_expressions)?.unwrap_or(&[]);
    p.expect(RPar)?;
    p.expect(RArrow)?;
    let returns = expressions::expression(p)?;
    while p.eat(Newline)? {}
    p.expect(EndMarker)?;
    Ok(Mod::FunctionType { argtypes, returns })
}

fn type_expressions<'a>(p: &mut Parser<'a>) -> R<&'a [Expr<'a>]> {
    let star = |p: &mut Parser<'a>, kind| {
        p.expect(kind)?;
        expressions::expression(p)
    };
    let comma_star = |p: &mut Parser<'a>, kind| {
        p.expect(Comma)?;
        star(p, kind)
    };
    let mut all = p.opt(|p| p.sep1(expressions::expression))?.unwrap_or_default();
    if all.is_empty() {
        match p.opt(|p| star(p, Star))? {
            Some(e) => {
                all.push(e);
                all.extend(p.opt(|p| comma_star(p, DoubleStar))?);
            }
            None => all.push(star(p, DoubleStar)?),
        }
    } else {
        all.extend(p.opt(|p| comma_star(p, Star))?);
        all.extend(p.opt(|p| comma_star(p, DoubleStar))?);
    }
    Ok(p.exprs(&all))
}

pub(super) fn statements<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    let mut all = Vec::new();
    while p.opt(|p| statement(p, &mut all))?.is_some() {}
    Parser::require(!all.is_empty())?;
    Ok(p.slice(&all))
}

fn statement<'a>(p: &mut Parser<'a>, into: &mut Vec<Stmt<'a>>) -> R<()> {
    if !p.second_pass && !may_be_compound(p)? {
        return simple_stmts_into(p, into);
    }
    if let Some(stmt) = p.opt(compound::compound_stmt)? {
        p.register(&stmt);
        into.push(stmt);
        return Ok(());
    }
    simple_stmts_into(p, into)
}

/// Whether the next token can begin a compound statement.
fn may_be_compound(p: &mut Parser) -> R<bool> {
    let token = p.peek()?;
    Ok(match token.kind {
        KwDef | KwIf | KwClass | KwWith | KwFor | KwTry | KwWhile | At | KwAsync => true,
        Name => token.text == "match",
        _ => false,
    })
}

fn statement_newline<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    alt!(p, {
        let stmt = compound::compound_stmt(p)?;
        p.register(&stmt);
        p.expect(Newline)?;
        Ok(p.slice(&[stmt]))
    });
    alt!(p, simple_stmts(p));
    alt!(p, {
        let start = p.start()?;
        p.expect(Newline)?;
        Ok(p.slice(&[Stmt { range: p.to_here(start), kind: StmtKind::Pass }]))
    });
    p.expect(EndMarker)?;
    Err(NoMatch)
}

pub(super) fn simple_stmts<'a>(p: &mut Parser<'a>) -> R<&'a [Stmt<'a>]> {
    let mut all = Vec::new();
    simple_stmts_into(p, &mut all)?;
    Ok(p.slice(&all))
}

fn simple_stmts_into<'a>(p: &mut Parser<'a>, into: &mut Vec<Stmt<'a>>) -> R<()> {
    let len = into.len();
    let result = (|| {
        into.push(simple_stmt(p)?);
        while p.eat(Semi)? {
            match p.opt(simple_stmt)? {
                Some(stmt) => into.push(stmt),
                None => break,
            }
        }
        p.expect(Newline)
    })();
    if result.is_err() {
        into.truncate(len);
    }
    result.map(|_| ())
}

pub(super) fn simple_stmt<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    if p.second_pass { p.memo(Rule::SimpleStmt, simple_stmt_raw) } else { simple_stmt_raw(p) }
}

fn simple_stmt_raw<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    let kind = p.kind()?;
    if p.second_pass || !kind_starts_keyword_stmt(kind) {
        if !p.second_pass {
            if p.at_soft_keyword("type")? {
                alt!(p, assignment(p));
                alt!(p, type_alias(p));
            }
            return expression_or_assignment(p);
        }
        alt!(p, assignment(p));
        if p.at_soft_keyword("type")? {
            alt!(p, type_alias(p));
        }
        if let Some(value) = p.opt(expressions::star_expressions)? {
            return Ok(Stmt { range: p.to_here(start), kind: StmtKind::Expr { value } });
        }
    }
    let rule = match kind {
        KwReturn => return_stmt,
        KwImport | KwFrom => import_stmt,
        KwRaise => raise_stmt,
        KwPass | KwBreak | KwContinue => pass_break_continue,
        KwDel => del_stmt,
        KwYield => yield_stmt,
        KwAssert => assert_stmt,
        KwGlobal | KwNonlocal => global_or_nonlocal,
        _ => return Err(NoMatch),
    };
    let kind = rule(p)?;
    Ok(Stmt { range: p.to_here(start), kind })
}

fn kind_starts_keyword_stmt(kind: TokenKind) -> bool {
    matches!(
        kind,
        KwReturn
            | KwImport
            | KwFrom
            | KwRaise
            | KwPass
            | KwBreak
            | KwContinue
            | KwDel
            | KwYield
            | KwAssert
            | KwGlobal
            | KwNonlocal
    )
}

/// First pass: reads expressions, then sees whether they are targets of an assignment.
fn expression_or_assignment<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    let first = p.mark;
    let Some(value) = p.opt(expressions::star_expressions)? else { return Err(NoMatch) };
    let kind = match p.kind()? {
        Equal | Colon => None,
        kind if augmented_operator(kind).is_some() => None,
        _ => Some(StmtKind::Expr { value }),
    };
    if let Some(kind) = kind {
        return Ok(Stmt { range: p.to_here(start), kind });
    }
    if p.at(Colon)? && p.mark == first + 1 && matches!(value.kind, ExprKind::Name { .. }) {
        return annotated_assignment(p, start, value, true);
    }
    if p.at(Colon)? && is_single_target(value) {
        // `x: int` with parentheses or a subscript or attribute.
        return annotated_assignment(p, start, value, false);
    }
    let mark = p.mark;
    if p.at(Equal)?
        && let Some(stmt) = p.opt(|p| plain_assignment(p, start, value))?
    {
        return Ok(stmt);
    }
    p.mark = mark;
    if augmented_operator(p.kind()?).is_some() && is_single_target(value) {
        return augmented_assignment(p, start, value);
    }
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::Expr { value } })
}

fn is_single_target(e: E) -> bool {
    matches!(e.kind, ExprKind::Name { .. } | ExprKind::Attribute { .. } | ExprKind::Subscript { .. })
}

fn plain_assignment<'a>(p: &mut Parser<'a>, start: Range, first: E<'a>) -> R<Stmt<'a>> {
    let mut targets: List<E> = smallvec![];
    let mut value = first;
    while p.at(Equal)? && targets::is_star_targets(value) {
        targets.push(set_expr_context(p, value, ExprContext::Store));
        p.expect(Equal)?;
        value = annotated_rhs(p)?;
    }
    Parser::require(!targets.is_empty() && !p.at(Equal)?)?;
    let type_comment = p.type_comment()?;
    let targets = p.exprs(&targets);
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::Assign { targets, value, type_comment } })
}

fn annotated_assignment<'a>(p: &mut Parser<'a>, start: Range, target: E<'a>, simple: bool) -> R<Stmt<'a>> {
    p.expect(Colon)?;
    let annotation = expressions::expression(p)?;
    let value = p.opt(|p| {
        p.expect(Equal)?;
        annotated_rhs(p)
    })?;
    p.check_version(6, if simple { "Variable annotation syntax is" } else { "Variable annotations syntax is" })?;
    let target = set_expr_context(p, target, ExprContext::Store);
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::AnnAssign { target, annotation, value, simple } })
}

/// From the operator on; there is no other way to read what follows.
fn augmented_assignment<'a>(p: &mut Parser<'a>, start: Range, target: E<'a>) -> R<Stmt<'a>> {
    let op = augassign(p)?;
    let value = annotated_rhs(p)?;
    let target = set_expr_context(p, target, ExprContext::Store);
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::AugAssign { target, op, value } })
}

fn assignment<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    alt!(p, {
        let target = p.name_expr()?;
        annotated_assignment(p, start, target, true)
    });
    alt!(p, {
        let parenthesized = p.opt(|p| {
            p.expect(LPar)?;
            let target = targets::single_target(p)?;
            p.expect(RPar)?;
            Ok(target)
        })?;
        let target = match parenthesized {
            Some(target) => target,
            None => targets::single_subscript_attribute_target(p)?,
        };
        annotated_assignment(p, start, target, false)
    });
    alt!(p, {
        let targets = p.many1(star_targets_equal)?;
        let value = annotated_rhs(p)?;
        Parser::require(!p.at(Equal)?)?;
        let type_comment = p.type_comment()?;
        let targets = p.exprs(&targets);
        Ok(Stmt { range: p.to_here(start), kind: StmtKind::Assign { targets, value, type_comment } })
    });
    let mark = p.mark;
    if let Some(target) = p.opt(targets::single_target)? {
        if augmented_operator(p.kind()?).is_some() {
            return augmented_assignment(p, start, target);
        }
        p.mark = mark;
    }
    invalid!(p, invalid_statements::invalid_assignment);
    Err(NoMatch)
}

pub(super) fn star_targets_equal<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let target = targets::star_targets(p)?;
    p.expect(Equal)?;
    Ok(target)
}

pub(super) fn annotated_rhs<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.at(KwYield)? {
        return expressions::yield_expr(p);
    }
    expressions::star_expressions(p)
}

fn augmented_operator(kind: TokenKind) -> Option<Operator> {
    Some(match kind {
        PlusEqual => Operator::Add,
        MinEqual => Operator::Sub,
        StarEqual => Operator::Mult,
        AtEqual => Operator::MatMult,
        SlashEqual => Operator::Div,
        PercentEqual => Operator::Mod,
        AmperEqual => Operator::BitAnd,
        VBarEqual => Operator::BitOr,
        CircumflexEqual => Operator::BitXor,
        LeftShiftEqual => Operator::LShift,
        RightShiftEqual => Operator::RShift,
        DoubleStarEqual => Operator::Pow,
        DoubleSlashEqual => Operator::FloorDiv,
        _ => return None,
    })
}

pub(super) fn augassign(p: &mut Parser) -> R<Operator> {
    let op = augmented_operator(p.kind()?).ok_or(NoMatch)?;
    p.mark += 1;
    if op == Operator::MatMult {
        p.check_version(5, "The '@' operator is")?;
    }
    Ok(op)
}

fn return_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    p.expect(KwReturn)?;
    Ok(StmtKind::Return { value: p.opt(expressions::star_expressions)? })
}

fn raise_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    p.expect(KwRaise)?;
    let exc = p.opt(expressions::expression)?;
    let cause = match exc {
        None => None,
        Some(_) => p.opt(|p| {
            p.expect(KwFrom)?;
            expressions::expression(p)
        })?,
    };
    Ok(StmtKind::Raise { exc, cause })
}

/// `pass_stmt`, `break_stmt`, `continue_stmt`
pub(super) fn pass_break_continue<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    let kind = match p.kind()? {
        KwPass => StmtKind::Pass,
        KwBreak => StmtKind::Break,
        KwContinue => StmtKind::Continue,
        _ => return Err(NoMatch),
    };
    p.mark += 1;
    Ok(kind)
}

/// `global_stmt`, `nonlocal_stmt`
fn global_or_nonlocal<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    let global = p.expect_any(&[KwGlobal, KwNonlocal])?;
    let names: Vec<_> = p.sep1(Parser::name)?.into_iter().map(|n| n.0).collect();
    let names = p.slice(&names);
    Ok(if p.tokens[global.index].kind == KwGlobal { StmtKind::Global { names } } else { StmtKind::Nonlocal { names } })
}

fn del_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    alt!(p, {
        p.expect(KwDel)?;
        let targets = targets::del_targets(p)?;
        Parser::require(p.at(Semi)? || p.at(Newline)?)?;
        Ok(StmtKind::Delete { targets })
    });
    invalid!(p, invalid_statements::invalid_del_stmt);
    Err(NoMatch)
}

fn yield_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    Ok(StmtKind::Expr { value: expressions::yield_expr(p)? })
}

fn assert_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    p.expect(KwAssert)?;
    let test = expressions::expression(p)?;
    let msg = p.opt(|p| {
        p.expect(Comma)?;
        expressions::expression(p)
    })?;
    Ok(StmtKind::Assert { test, msg })
}

fn type_alias<'a>(p: &mut Parser<'a>) -> R<Stmt<'a>> {
    let start = p.start()?;
    p.expect_soft_keyword("type")?;
    let name = p.name_expr()?;
    let type_params = p.opt(definitions::type_params)?.unwrap_or(&[]);
    p.expect(Equal)?;
    let value = expressions::expression(p)?;
    p.check_version(12, "Type statement is")?;
    let name = set_expr_context(p, name, ExprContext::Store);
    Ok(Stmt { range: p.to_here(start), kind: StmtKind::TypeAlias { name, type_params, value } })
}

// Imports

fn import_stmt<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    invalid!(p, invalid_import);
    if p.at(KwImport)? { import_name(p) } else { import_from(p) }
}

fn invalid_import(p: &mut Parser) -> Invalid {
    if let Some(a) = p.opt(|p| {
        let a = p.expect(KwImport)?;
        p.sep1(dotted_name)?;
        p.expect(KwFrom)?;
        dotted_name(p)?;
        Ok(a)
    })? {
        return Err(p.raise_starting_from(a, "Did you mean to use 'from ... import ...' instead?"));
    }
    p.expect(KwImport)?;
    let token = p.expect(Newline)?;
    Err(p.raise_starting_from(token, "Expected one or more names after 'import'"))
}

fn import_name<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    p.expect(KwImport)?;
    let names = p.sep1(dotted_as_name)?;
    Ok(StmtKind::Import { names: p.slice(&names) })
}

fn import_from<'a>(p: &mut Parser<'a>) -> R<StmtKind<'a>> {
    p.expect(KwFrom)?;
    let mut level = 0;
    loop {
        match p.kind()? {
            Dot => level += 1,
            Ellipsis => level += 3,
            _ => break,
        }
        p.mark += 1;
    }
    let module = p.opt(dotted_name)?;
    Parser::require(module.is_some() || level > 0)?;
    p.expect(KwImport)?;
    let names = import_from_targets(p)?;
    if level == 0 && module == Some("__future__") {
        // From here on the parser itself honours the switch.
        p.options.barry_as_bdfl |= names.iter().any(|a| a.name == "barry_as_FLUFL");
        p.tok.barry_as_bdfl = p.options.barry_as_bdfl;
    }
    Ok(StmtKind::ImportFrom { module, names, level })
}

fn import_from_targets<'a>(p: &mut Parser<'a>) -> R<&'a [Alias<'a>]> {
    alt!(p, {
        p.expect(LPar)?;
        let names = p.sep1(import_from_as_name)?;
        p.eat(Comma)?;
        p.expect(RPar)?;
        Ok(p.slice(&names))
    });
    alt!(p, {
        let names = p.sep1(import_from_as_name)?;
        Parser::require(!p.at(Comma)?)?;
        Ok(p.slice(&names))
    });
    alt!(p, {
        let star = p.expect(Star)?;
        Ok(p.slice(&[Alias { range: star.range, name: "*", asname: None }]))
    });
    invalid!(p, invalid_import_from_targets);
    Err(NoMatch)
}

fn invalid_import_from_targets(p: &mut Parser) -> Invalid {
    if p.opt(|p| {
        p.sep1(import_from_as_name)?;
        p.expect(Comma)?;
        p.expect(Newline)
    })?
    .is_some()
    {
        return Err(p.raise_syntax_error("trailing comma not allowed without surrounding parentheses"));
    }
    let token = p.expect(Newline)?;
    Err(p.raise_starting_from(token, "Expected one or more names after 'import'"))
}

fn import_from_as_name<'a>(p: &mut Parser<'a>) -> R<Alias<'a>> {
    let start = p.start()?;
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_as_name(p, |p| p.name().map(|n| n.0)) });
    let (name, _) = p.name()?;
    let asname = p.opt(as_name)?;
    Ok(Alias { range: p.to_here(start), name, asname })
}

fn dotted_as_name<'a>(p: &mut Parser<'a>) -> R<Alias<'a>> {
    let start = p.start()?;
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_as_name(p, dotted_name) });
    let name = dotted_name(p)?;
    let asname = p.opt(as_name)?;
    Ok(Alias { range: p.to_here(start), name, asname })
}

fn as_name<'a>(p: &mut Parser<'a>) -> R<Identifier<'a>> {
    p.expect(KwAs)?;
    Ok(p.name()?.0)
}

/// `invalid_import_from_as_name`, `invalid_dotted_as_name`
fn invalid_as_name<'a>(p: &mut Parser<'a>, name: fn(&mut Parser<'a>) -> R<Identifier<'a>>) -> Invalid {
    name(p)?;
    p.expect(KwAs)?;
    let good = p.look(|p| {
        p.name()?;
        p.expect_any(&[Comma, RPar, Semi, Newline])
    })?;
    Parser::require(!good)?;
    let a = expressions::expression(p)?;
    Err(p.raise_at(a, format!("cannot use {} as import target", expr_name(a))))
}

fn dotted_name<'a>(p: &mut Parser<'a>) -> R<Identifier<'a>> {
    let (first, _) = p.name()?;
    if !p.at(Dot)? {
        return Ok(first);
    }
    let mut joined = first.to_owned();
    while let Some((part, _)) = p.opt(|p| {
        p.expect(Dot)?;
        p.name()
    })? {
        joined.push('.');
        joined.push_str(part);
    }
    Ok(p.arena.alloc_str(&joined))
}
