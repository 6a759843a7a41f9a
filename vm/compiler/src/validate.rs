//! Checks of trees that Python code built by hand, which may hold what no parser makes.
//!
//! Absent: what the types of [`krait_syntax::ast`] rule out already (missing fields, `None` in a list of expressions,
//! constants of other types); whoever converts objects into nodes raises those errors.

use krait_syntax::ast::*;
use krait_syntax::error::{ErrorKind, SyntaxError};

use crate::error::{Error, HasDepth, Res, recurse};

/// Fails with the ValueError or TypeError that `compile` raises for `module`.
pub fn validate(module: &Mod<'_>) -> Result<(), SyntaxError> {
    let mut v = Validator { depth: 0 };
    let result = match module {
        Mod::Module { body, .. } | Mod::Interactive { body } => v.stmts(body),
        Mod::Expression { body } => v.load(body),
        Mod::FunctionType { argtypes, returns } => v.loads(argtypes).and_then(|()| v.load(returns)),
    };
    result.map_err(Error::into_syntax_error)
}

struct Validator {
    depth: u32,
}

impl HasDepth for Validator {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

fn value_error<T>(message: impl Into<String>) -> Res<T> {
    Err(Error::other(ErrorKind::ValueError, message.into()))
}

fn type_error<T>(message: &str) -> Res<T> {
    Err(Error::other(ErrorKind::TypeError, message))
}

fn positions(range: &Range) -> Res {
    let Range { lineno, col_offset, end_lineno, end_col_offset } = *range;
    if lineno > end_lineno {
        return value_error(format!("AST node line range ({lineno}, {end_lineno}) is not valid"));
    }
    if lineno < 0 && end_lineno != lineno || col_offset < 0 && col_offset != end_col_offset {
        return value_error(format!(
            "AST node column range ({col_offset}, {end_col_offset}) for line range ({lineno}, {end_lineno}) is not valid"
        ));
    }
    if lineno == end_lineno && col_offset > end_col_offset {
        return value_error(format!("line {lineno}, column {col_offset}-{end_col_offset} is not a valid range"));
    }
    Ok(())
}

fn name(name: &str) -> Res {
    if matches!(name, "None" | "True" | "False") {
        return value_error(format!("identifier field can't represent '{name}' constant"));
    }
    Ok(())
}

fn capture(target: &str) -> Res {
    if target == "_" {
        return value_error("can't capture name '_' in patterns");
    }
    name(target)
}

fn nonempty<T>(items: &[T], what: &str, owner: &str) -> Res {
    if items.is_empty() { value_error(format!("empty {what} on {owner}")) } else { Ok(()) }
}

fn aliases(names: &[Alias<'_>], owner: &str) -> Res {
    nonempty(names, "names", owner)?;
    names.iter().try_for_each(|alias| {
        name(alias.name)?;
        alias.asname.map_or(Ok(()), name)
    })
}

fn context_name(ctx: ExprContext) -> &'static str {
    match ctx {
        ExprContext::Load => "Load",
        ExprContext::Store => "Store",
        ExprContext::Del => "Del",
    }
}

impl Validator {
    fn stmts(&mut self, stmts: &[Stmt<'_>]) -> Res {
        stmts.iter().try_for_each(|s| self.stmt(s))
    }

    fn body(&mut self, body: &[Stmt<'_>], owner: &str) -> Res {
        nonempty(body, "body", owner)?;
        self.stmts(body)
    }

    fn stmt(&mut self, s: &Stmt<'_>) -> Res {
        positions(&s.range)?;
        recurse(self, |this| this.stmt_inner(s))
    }

    fn stmt_inner(&mut self, s: &Stmt<'_>) -> Res {
        match s.kind {
            StmtKind::FunctionDef(def) => self.function(def, "FunctionDef"),
            StmtKind::AsyncFunctionDef(def) => self.function(def, "AsyncFunctionDef"),
            StmtKind::ClassDef(def) => {
                self.body(def.body, "ClassDef")?;
                name(def.name)?;
                self.type_params(def.type_params)?;
                self.loads(def.bases)?;
                self.keywords(def.keywords)?;
                self.loads(def.decorator_list)
            }
            StmtKind::Return { value } => self.opt_load(value),
            StmtKind::Delete { targets } => self.targets(targets, ExprContext::Del, "Delete"),
            StmtKind::Assign { targets, value, .. } => {
                self.targets(targets, ExprContext::Store, "Assign")?;
                self.load(value)
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.expr(target, ExprContext::Store)?;
                self.load(value)
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                if simple && !matches!(target.kind, ExprKind::Name { .. }) {
                    return type_error("AnnAssign with simple non-Name target");
                }
                self.expr(target, ExprContext::Store)?;
                self.opt_load(value)?;
                self.load(annotation)
            }
            StmtKind::TypeAlias { name: target, type_params, value } => {
                if !matches!(target.kind, ExprKind::Name { .. }) {
                    return type_error("TypeAlias with non-Name name");
                }
                self.expr(target, ExprContext::Store)?;
                self.type_params(type_params)?;
                self.load(value)
            }
            StmtKind::For(f) => self.for_(f, "For"),
            StmtKind::AsyncFor(f) => self.for_(f, "AsyncFor"),
            StmtKind::While { test, body, orelse } => self.branch(test, body, orelse, "While"),
            StmtKind::If { test, body, orelse } => self.branch(test, body, orelse, "If"),
            StmtKind::With(w) => self.with(w, "With"),
            StmtKind::AsyncWith(w) => self.with(w, "AsyncWith"),
            StmtKind::Match { subject, cases } => {
                self.load(subject)?;
                nonempty(cases, "cases", "Match")?;
                cases.iter().try_for_each(|case| {
                    self.pattern(case.pattern, false)?;
                    self.opt_load(case.guard)?;
                    self.body(case.body, "match_case")
                })
            }
            StmtKind::Raise { exc: None, cause: Some(_) } => value_error("Raise with cause but no exception"),
            StmtKind::Raise { exc, cause } => {
                self.opt_load(exc)?;
                self.opt_load(cause)
            }
            StmtKind::Try(t) => self.try_(t, "Try"),
            StmtKind::TryStar(t) => self.try_(t, "TryStar"),
            StmtKind::Assert { test, msg } => {
                self.load(test)?;
                self.opt_load(msg)
            }
            StmtKind::Import { names } => aliases(names, "Import"),
            StmtKind::ImportFrom { level, .. } if level < 0 => value_error("Negative ImportFrom level"),
            StmtKind::ImportFrom { names, .. } => aliases(names, "ImportFrom"),
            StmtKind::Global { names } => nonempty(names, "names", "Global"),
            StmtKind::Nonlocal { names } => nonempty(names, "names", "Nonlocal"),
            StmtKind::Expr { value } => self.load(value),
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue => Ok(()),
        }
    }

    fn function(&mut self, def: &FunctionDef<'_>, owner: &str) -> Res {
        self.body(def.body, owner)?;
        name(def.name)?;
        self.type_params(def.type_params)?;
        self.arguments(def.args)?;
        self.loads(def.decorator_list)?;
        self.opt_load(def.returns)
    }

    fn for_(&mut self, f: &For<'_>, owner: &str) -> Res {
        self.expr(f.target, ExprContext::Store)?;
        self.branch(f.iter, f.body, f.orelse, owner)
    }

    fn branch(&mut self, test: &Expr<'_>, body: &[Stmt<'_>], orelse: &[Stmt<'_>], owner: &str) -> Res {
        self.load(test)?;
        self.body(body, owner)?;
        self.stmts(orelse)
    }

    fn with(&mut self, w: &With<'_>, owner: &str) -> Res {
        nonempty(w.items, "items", owner)?;
        for item in w.items {
            self.load(item.context_expr)?;
            item.optional_vars.map_or(Ok(()), |target| self.expr(target, ExprContext::Store))?;
        }
        self.body(w.body, owner)
    }

    fn try_(&mut self, t: &Try<'_>, owner: &str) -> Res {
        self.body(t.body, owner)?;
        if t.handlers.is_empty() && t.finalbody.is_empty() {
            return value_error(format!("{owner} has neither except handlers nor finalbody"));
        }
        if t.handlers.is_empty() && !t.orelse.is_empty() {
            return value_error(format!("{owner} has orelse but no except handlers"));
        }
        for handler in t.handlers {
            positions(&handler.range)?;
            self.opt_load(handler.type_)?;
            handler.name.map_or(Ok(()), name)?;
            self.body(handler.body, "ExceptHandler")?;
        }
        self.stmts(t.finalbody)?;
        self.stmts(t.orelse)
    }

    fn targets(&mut self, targets: &[Expr<'_>], ctx: ExprContext, owner: &str) -> Res {
        nonempty(targets, "targets", owner)?;
        self.exprs(targets, ctx)
    }

    fn exprs(&mut self, exprs: &[Expr<'_>], ctx: ExprContext) -> Res {
        exprs.iter().try_for_each(|e| self.expr(e, ctx))
    }

    fn loads(&mut self, exprs: &[Expr<'_>]) -> Res {
        self.exprs(exprs, ExprContext::Load)
    }

    fn opt_loads(&mut self, exprs: &[Option<Expr<'_>>]) -> Res {
        exprs.iter().flatten().try_for_each(|e| self.load(e))
    }

    fn load(&mut self, e: &Expr<'_>) -> Res {
        self.expr(e, ExprContext::Load)
    }

    fn opt_load(&mut self, e: Option<&Expr<'_>>) -> Res {
        e.map_or(Ok(()), |e| self.load(e))
    }

    fn keywords(&mut self, keywords: &[Keyword<'_>]) -> Res {
        keywords.iter().try_for_each(|k| self.load(k.value))
    }

    fn args(&mut self, args: &[Arg<'_>]) -> Res {
        args.iter().try_for_each(|a| {
            positions(&a.range)?;
            self.opt_load(a.annotation)
        })
    }

    fn arguments(&mut self, args: &Arguments<'_>) -> Res {
        self.args(args.posonlyargs)?;
        self.args(args.args)?;
        self.opt_load(args.vararg.and_then(|a| a.annotation))?;
        self.args(args.kwonlyargs)?;
        self.opt_load(args.kwarg.and_then(|a| a.annotation))?;
        if args.defaults.len() > args.posonlyargs.len() + args.args.len() {
            return value_error("more positional defaults than args on arguments");
        }
        if args.kw_defaults.len() != args.kwonlyargs.len() {
            return value_error("length of kwonlyargs is not the same as kw_defaults on arguments");
        }
        self.loads(args.defaults)?;
        self.opt_loads(args.kw_defaults)
    }

    fn type_params(&mut self, params: &[TypeParam<'_>]) -> Res {
        params.iter().try_for_each(|param| {
            positions(&param.range)?;
            match param.kind {
                TypeParamKind::TypeVar { name: id, bound, default_value } => {
                    name(id)?;
                    self.opt_load(bound)?;
                    self.opt_load(default_value)
                }
                TypeParamKind::ParamSpec { name: id, default_value }
                | TypeParamKind::TypeVarTuple { name: id, default_value } => {
                    name(id)?;
                    self.opt_load(default_value)
                }
            }
        })
    }

    fn comprehension(&mut self, generators: &[Comprehension<'_>]) -> Res {
        if generators.is_empty() {
            return value_error("comprehension with no generators");
        }
        generators.iter().try_for_each(|g| {
            self.expr(g.target, ExprContext::Store)?;
            self.load(g.iter)?;
            self.loads(g.ifs)
        })
    }

    fn expr(&mut self, e: &Expr<'_>, ctx: ExprContext) -> Res {
        positions(&e.range)?;
        let actual = match e.kind {
            ExprKind::Name { id, ctx } => {
                name(id)?;
                Some(ctx)
            }
            ExprKind::Attribute { ctx, .. }
            | ExprKind::Subscript { ctx, .. }
            | ExprKind::Starred { ctx, .. }
            | ExprKind::List { ctx, .. }
            | ExprKind::Tuple { ctx, .. } => Some(ctx),
            _ => None,
        };
        match actual {
            None if ctx != ExprContext::Load => {
                return value_error(format!("expression which can't be assigned to in {} context", context_name(ctx)));
            }
            Some(actual) if actual != ctx => {
                return value_error(format!(
                    "expression must have {} context but has {} instead",
                    context_name(ctx),
                    context_name(actual)
                ));
            }
            _ => {}
        }
        recurse(self, |this| this.expr_inner(e, ctx))
    }

    fn expr_inner(&mut self, e: &Expr<'_>, ctx: ExprContext) -> Res {
        match e.kind {
            ExprKind::BoolOp { values, .. } => {
                if values.len() < 2 {
                    return value_error("BoolOp with less than 2 values");
                }
                self.loads(values)
            }
            ExprKind::BinOp { left, right, .. } => {
                self.load(left)?;
                self.load(right)
            }
            ExprKind::UnaryOp { operand: value, .. }
            | ExprKind::Await { value }
            | ExprKind::YieldFrom { value }
            | ExprKind::Attribute { value, .. } => self.load(value),
            ExprKind::NamedExpr { target, value } => {
                if !matches!(target.kind, ExprKind::Name { .. }) {
                    return type_error("NamedExpr target must be a Name");
                }
                self.load(value)
            }
            ExprKind::Lambda { args, body } => {
                self.arguments(args)?;
                self.load(body)
            }
            ExprKind::IfExp { test, body, orelse } => [test, body, orelse].into_iter().try_for_each(|e| self.load(e)),
            ExprKind::Dict { keys, values } => {
                if keys.len() != values.len() {
                    return value_error("Dict doesn't have the same number of keys as values");
                }
                self.opt_loads(keys)?;
                self.loads(values)
            }
            ExprKind::Set { elts: values } | ExprKind::JoinedStr { values } | ExprKind::TemplateStr { values } => {
                self.loads(values)
            }
            ExprKind::ListComp { elt, generators }
            | ExprKind::SetComp { elt, generators }
            | ExprKind::GeneratorExp { elt, generators } => {
                self.comprehension(generators)?;
                self.load(elt)
            }
            ExprKind::DictComp { key, value, generators } => {
                self.comprehension(generators)?;
                self.load(key)?;
                self.load(value)
            }
            ExprKind::Yield { value } => self.opt_load(value),
            ExprKind::Compare { left, ops, comparators } => {
                if comparators.is_empty() {
                    return value_error("Compare with no comparators");
                }
                if comparators.len() != ops.len() {
                    return value_error("Compare has a different number of comparators and operands");
                }
                self.loads(comparators)?;
                self.load(left)
            }
            ExprKind::Call { func, args, keywords } => {
                self.load(func)?;
                self.loads(args)?;
                self.keywords(keywords)
            }
            ExprKind::FormattedValue { value, format_spec, .. } | ExprKind::Interpolation { value, format_spec, .. } => {
                self.load(value)?;
                self.opt_load(format_spec)
            }
            ExprKind::Subscript { value, slice, .. } => {
                self.load(slice)?;
                self.load(value)
            }
            ExprKind::Starred { value, .. } => self.expr(value, ctx),
            ExprKind::List { elts, .. } | ExprKind::Tuple { elts, .. } => self.exprs(elts, ctx),
            ExprKind::Slice { lower, upper, step } => {
                [lower, upper, step].into_iter().flatten().try_for_each(|part| self.load(part))
            }
            ExprKind::Name { .. } | ExprKind::Constant { .. } => Ok(()),
        }
    }

    fn patterns(&mut self, patterns: &[Pattern<'_>], star_ok: bool) -> Res {
        patterns.iter().try_for_each(|p| self.pattern(p, star_ok))
    }

    fn pattern(&mut self, p: &Pattern<'_>, star_ok: bool) -> Res {
        positions(&p.range)?;
        recurse(self, |this| this.pattern_inner(p, star_ok))
    }

    fn pattern_inner(&mut self, p: &Pattern<'_>, star_ok: bool) -> Res {
        match p.kind {
            PatternKind::MatchValue { value } => self.match_value(value),
            PatternKind::MatchSingleton { value: Constant::None | Constant::True | Constant::False } => Ok(()),
            PatternKind::MatchSingleton { .. } => value_error("MatchSingleton can only contain True, False and None"),
            PatternKind::MatchSequence { patterns } => self.patterns(patterns, true),
            PatternKind::MatchMapping { keys, patterns, rest } => {
                if keys.len() != patterns.len() {
                    return value_error("MatchMapping doesn't have the same number of keys as patterns");
                }
                rest.map_or(Ok(()), capture)?;
                keys.iter().filter(|key| !is_singleton(key)).try_for_each(|key| self.match_value(key))?;
                self.patterns(patterns, false)
            }
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => {
                if kwd_attrs.len() != kwd_patterns.len() {
                    return value_error("MatchClass doesn't have the same number of keyword attributes as patterns");
                }
                self.load(cls)?;
                let mut cls = cls;
                while let ExprKind::Attribute { value, .. } = cls.kind {
                    cls = value;
                }
                if !matches!(cls.kind, ExprKind::Name { .. }) {
                    return value_error("MatchClass cls field can only contain Name or Attribute nodes.");
                }
                kwd_attrs.iter().try_for_each(|attr| name(attr))?;
                self.patterns(patterns, false)?;
                self.patterns(kwd_patterns, false)
            }
            PatternKind::MatchStar { .. } if !star_ok => value_error("can't use MatchStar here"),
            PatternKind::MatchStar { name } => name.map_or(Ok(()), capture),
            PatternKind::MatchAs { pattern, name } => {
                name.map_or(Ok(()), capture)?;
                match (pattern, name) {
                    (None, _) => Ok(()),
                    (Some(_), None) => value_error("MatchAs must specify a target name if a pattern is given"),
                    (Some(pattern), Some(_)) => self.pattern(pattern, false),
                }
            }
            PatternKind::MatchOr { patterns } => {
                if patterns.len() < 2 {
                    return value_error("MatchOr requires at least 2 patterns");
                }
                self.patterns(patterns, false)
            }
        }
    }

    fn match_value(&mut self, value: &Expr<'_>) -> Res {
        self.load(value)?;
        match value.kind {
            ExprKind::Constant { value, .. } => match value {
                Constant::Int(_)
                | Constant::BigInt(_)
                | Constant::Float(_)
                | Constant::Complex { .. }
                | Constant::Str(_)
                | Constant::Bytes(_) => Ok(()),
                _ => value_error("unexpected constant inside of a literal pattern"),
            },
            ExprKind::Attribute { .. } | ExprKind::JoinedStr { .. } | ExprKind::TemplateStr { .. } => Ok(()),
            ExprKind::UnaryOp { .. } if is_negative(value, true, true) => Ok(()),
            ExprKind::BinOp { left, op: Operator::Add | Operator::Sub, right }
                if is_number(right, false, true) && (is_number(left, true, false) || is_negative(left, true, false)) =>
            {
                Ok(())
            }
            _ => value_error("patterns may only match literals and attribute lookups"),
        }
    }
}

fn is_singleton(e: &Expr<'_>) -> bool {
    matches!(e.kind, ExprKind::Constant { value: Constant::None | Constant::True | Constant::False, .. })
}

fn is_number(e: &Expr<'_>, real: bool, imaginary: bool) -> bool {
    match e.kind {
        ExprKind::Constant { value: Constant::Int(_) | Constant::BigInt(_) | Constant::Float(_), .. } => real,
        ExprKind::Constant { value: Constant::Complex { .. }, .. } => imaginary,
        _ => false,
    }
}

fn is_negative(e: &Expr<'_>, real: bool, imaginary: bool) -> bool {
    matches!(e.kind, ExprKind::UnaryOp { op: UnaryOp::USub, operand } if is_number(operand, real, imaginary))
}
