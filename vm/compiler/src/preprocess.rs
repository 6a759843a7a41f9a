//! What happens to a tree before its names are analysed: `__debug__` becomes a constant, docstrings go under `-OO`, `%` with
//! a literal format and a tuple becomes an f-string, numbers in patterns are folded; and PEP 765 warns of statements that
//! leave a `finally` block.
//!
//! Trees are immutable: a node is rebuilt only when something inside it changes.

use krait_syntax::ast::*;
use krait_syntax::error::{SyntaxError, SyntaxWarning};
use krait_unicode::{Text, TextBuf};
use num_bigint::BigInt;

use crate::ast_tools::docstring;
use crate::compile::syntax_warning;
use crate::error::{Error, HasDepth, Res, recurse};
use crate::future::{self, CO_FUTURE_ANNOTATIONS};

/// What to do to a tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct PreprocessOptions {
    /// 0, 1 or 2.
    pub optimize: u8,
    /// `CO_FUTURE_*` flags in force.
    pub features: u32,
    /// Leave expressions as they are: `ast.parse` without `PyCF_OPTIMIZED_AST`.
    pub syntax_check_only: bool,
}

/// Preprocesses a tree that is wanted as such (`PyCF_ONLY_AST`). Nothing is warned of.
pub fn preprocess<'a>(arena: &'a Arena, module: &Mod<'a>, options: PreprocessOptions) -> Result<Mod<'a>, SyntaxError> {
    let run = || {
        let features = options.features | future::from_ast(module)?.features;
        preprocess_module(arena, module, PreprocessOptions { features, ..options }, None)
    };
    run().map_err(Error::into_syntax_error)
}

pub(crate) fn preprocess_module<'a>(
    arena: &'a Arena,
    module: &Mod<'a>,
    options: PreprocessOptions,
    warnings: Option<&mut Vec<SyntaxWarning>>,
) -> Res<Mod<'a>> {
    let mut p = Preprocessor { arena, options, warnings, around: Around::Nothing, changes: 0, depth: 0 };
    Ok(match *module {
        Mod::Module { body, type_ignores } => Mod::Module { body: p.body(body)?, type_ignores },
        Mod::Interactive { body } => Mod::Interactive { body: p.stmts(body)? },
        Mod::Expression { body } => Mod::Expression { body: p.expr(body)? },
        Mod::FunctionType { .. } => *module,
    })
}

/// The innermost block that matters for leaving a `finally` block.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Around {
    Nothing,
    Finally,
    Function,
    /// Only the innermost block is asked: a `return` in a loop in a `finally` block goes unnoticed, as in CPython.
    Loop,
}

struct Preprocessor<'a, 'w> {
    arena: &'a Arena,
    options: PreprocessOptions,
    warnings: Option<&'w mut Vec<SyntaxWarning>>,
    around: Around,
    /// Counts rebuilt nodes: a parent is rebuilt when the count rose meanwhile.
    changes: usize,
    depth: u32,
}

impl HasDepth for Preprocessor<'_, '_> {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

impl<'a> Preprocessor<'a, '_> {
    fn slice<T: Copy>(&mut self, items: &'a [T], mut f: impl FnMut(&mut Self, &'a T) -> Res<T>) -> Res<&'a [T]> {
        let mut copy: Option<Vec<T>> = None;
        for (i, item) in items.iter().enumerate() {
            let before = self.changes;
            let new = f(self, item)?;
            if self.changes != before && copy.is_none() {
                copy = Some(items[..i].to_vec());
            }
            if let Some(copy) = &mut copy {
                copy.push(new);
            }
        }
        Ok(match copy {
            Some(copy) => self.arena.alloc_slice_copy(&copy),
            None => items,
        })
    }

    /// `node`, or a new one made by `f` when something inside changed.
    fn node<T: Copy>(&mut self, node: &'a T, f: impl FnOnce(&mut Self) -> Res<T>) -> Res<&'a T> {
        let before = self.changes;
        let new = f(self)?;
        Ok(if self.changes == before { node } else { self.arena.alloc(new) })
    }

    fn exprs(&mut self, exprs: &'a [Expr<'a>]) -> Res<&'a [Expr<'a>]> {
        self.slice(exprs, |this, e| this.expr(e).copied())
    }

    fn opt_exprs(&mut self, exprs: &'a [Option<Expr<'a>>]) -> Res<&'a [Option<Expr<'a>>]> {
        self.slice(exprs, |this, e| e.as_ref().map(|e| this.expr(e).copied()).transpose())
    }

    fn opt_expr(&mut self, e: Option<&'a Expr<'a>>) -> Res<Option<&'a Expr<'a>>> {
        e.map(|e| self.expr(e)).transpose()
    }

    fn annotation(&mut self, e: Option<&'a Expr<'a>>) -> Res<Option<&'a Expr<'a>>> {
        if self.options.features & CO_FUTURE_ANNOTATIONS != 0 { Ok(e) } else { self.opt_expr(e) }
    }

    fn expr(&mut self, e: &'a Expr<'a>) -> Res<&'a Expr<'a>> {
        match e.kind {
            ExprKind::Constant { .. } => return Ok(e),
            ExprKind::Name { id, .. } if id != "__debug__" => return Ok(e),
            _ => {}
        }
        recurse(self, |this| this.node(e, |this| Ok(Expr { range: e.range, kind: this.expr_kind(e.kind)? })))
    }

    fn expr_kind(&mut self, kind: ExprKind<'a>) -> Res<ExprKind<'a>> {
        Ok(match kind {
            ExprKind::BoolOp { op, values } => ExprKind::BoolOp { op, values: self.exprs(values)? },
            ExprKind::NamedExpr { target, value } => ExprKind::NamedExpr { target, value: self.expr(value)? },
            ExprKind::BinOp { left, op, right } => {
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                self.fold_format(left, op, right).unwrap_or(ExprKind::BinOp { left, op, right })
            }
            ExprKind::UnaryOp { op, operand } => ExprKind::UnaryOp { op, operand: self.expr(operand)? },
            ExprKind::Lambda { args, body } => ExprKind::Lambda { args: self.arguments(args)?, body: self.expr(body)? },
            ExprKind::IfExp { test, body, orelse } => {
                ExprKind::IfExp { test: self.expr(test)?, body: self.expr(body)?, orelse: self.expr(orelse)? }
            }
            ExprKind::Dict { keys, values } => ExprKind::Dict { keys: self.opt_exprs(keys)?, values: self.exprs(values)? },
            ExprKind::Set { elts } => ExprKind::Set { elts: self.exprs(elts)? },
            ExprKind::ListComp { elt, generators } => {
                ExprKind::ListComp { elt: self.expr(elt)?, generators: self.comprehensions(generators)? }
            }
            ExprKind::SetComp { elt, generators } => {
                ExprKind::SetComp { elt: self.expr(elt)?, generators: self.comprehensions(generators)? }
            }
            ExprKind::GeneratorExp { elt, generators } => {
                ExprKind::GeneratorExp { elt: self.expr(elt)?, generators: self.comprehensions(generators)? }
            }
            ExprKind::DictComp { key, value, generators } => ExprKind::DictComp {
                key: self.expr(key)?,
                value: self.expr(value)?,
                generators: self.comprehensions(generators)?,
            },
            ExprKind::Await { value } => ExprKind::Await { value: self.expr(value)? },
            ExprKind::Yield { value } => ExprKind::Yield { value: self.opt_expr(value)? },
            ExprKind::YieldFrom { value } => ExprKind::YieldFrom { value: self.expr(value)? },
            ExprKind::Compare { left, ops, comparators } => {
                ExprKind::Compare { left: self.expr(left)?, ops, comparators: self.exprs(comparators)? }
            }
            ExprKind::Call { func, args, keywords } => {
                ExprKind::Call { func: self.expr(func)?, args: self.exprs(args)?, keywords: self.keywords(keywords)? }
            }
            ExprKind::FormattedValue { value, conversion, format_spec } => ExprKind::FormattedValue {
                value: self.expr(value)?,
                conversion,
                format_spec: self.opt_expr(format_spec)?,
            },
            ExprKind::Interpolation { value, str, conversion, format_spec } => ExprKind::Interpolation {
                value: self.expr(value)?,
                str,
                conversion,
                format_spec: self.opt_expr(format_spec)?,
            },
            ExprKind::JoinedStr { values } => ExprKind::JoinedStr { values: self.exprs(values)? },
            ExprKind::TemplateStr { values } => ExprKind::TemplateStr { values: self.exprs(values)? },
            ExprKind::Attribute { value, attr, ctx } => ExprKind::Attribute { value: self.expr(value)?, attr, ctx },
            ExprKind::Subscript { value, slice, ctx } => {
                ExprKind::Subscript { value: self.expr(value)?, slice: self.expr(slice)?, ctx }
            }
            ExprKind::Starred { value, ctx } => ExprKind::Starred { value: self.expr(value)?, ctx },
            ExprKind::Slice { lower, upper, step } => ExprKind::Slice {
                lower: self.opt_expr(lower)?,
                upper: self.opt_expr(upper)?,
                step: self.opt_expr(step)?,
            },
            ExprKind::List { elts, ctx } => ExprKind::List { elts: self.exprs(elts)?, ctx },
            ExprKind::Tuple { elts, ctx } => ExprKind::Tuple { elts: self.exprs(elts)?, ctx },
            ExprKind::Name { id: "__debug__", ctx: ExprContext::Load } if !self.options.syntax_check_only => {
                let value = if self.options.optimize == 0 { Constant::True } else { Constant::False };
                self.constant(value)
            }
            ExprKind::Name { .. } | ExprKind::Constant { .. } => kind,
        })
    }

    fn constant(&mut self, value: Constant<'a>) -> ExprKind<'a> {
        self.changes += 1;
        ExprKind::Constant { value, kind: None }
    }

    fn comprehensions(&mut self, generators: &'a [Comprehension<'a>]) -> Res<&'a [Comprehension<'a>]> {
        self.slice(generators, |this, g| {
            Ok(Comprehension {
                target: this.expr(g.target)?,
                iter: this.expr(g.iter)?,
                ifs: this.exprs(g.ifs)?,
                is_async: g.is_async,
            })
        })
    }

    fn keywords(&mut self, keywords: &'a [Keyword<'a>]) -> Res<&'a [Keyword<'a>]> {
        self.slice(keywords, |this, k| Ok(Keyword { value: this.expr(k.value)?, ..*k }))
    }

    fn arg(&mut self, arg: &'a Arg<'a>) -> Res<Arg<'a>> {
        Ok(Arg { annotation: self.annotation(arg.annotation)?, ..*arg })
    }

    fn opt_arg(&mut self, arg: Option<&'a Arg<'a>>) -> Res<Option<&'a Arg<'a>>> {
        arg.map(|arg| self.node(arg, |this| this.arg(arg))).transpose()
    }

    fn arguments(&mut self, args: &'a Arguments<'a>) -> Res<&'a Arguments<'a>> {
        self.node(args, |this| {
            Ok(Arguments {
                posonlyargs: this.slice(args.posonlyargs, Self::arg)?,
                args: this.slice(args.args, Self::arg)?,
                vararg: this.opt_arg(args.vararg)?,
                kwonlyargs: this.slice(args.kwonlyargs, Self::arg)?,
                kw_defaults: this.opt_exprs(args.kw_defaults)?,
                kwarg: this.opt_arg(args.kwarg)?,
                defaults: this.exprs(args.defaults)?,
            })
        })
    }

    fn type_params(&mut self, params: &'a [TypeParam<'a>]) -> Res<&'a [TypeParam<'a>]> {
        self.slice(params, |this, t| {
            let kind = match t.kind {
                TypeParamKind::TypeVar { name, bound, default_value } => TypeParamKind::TypeVar {
                    name,
                    bound: this.opt_expr(bound)?,
                    default_value: this.opt_expr(default_value)?,
                },
                TypeParamKind::ParamSpec { name, default_value } => {
                    TypeParamKind::ParamSpec { name, default_value: this.opt_expr(default_value)? }
                }
                TypeParamKind::TypeVarTuple { name, default_value } => {
                    TypeParamKind::TypeVarTuple { name, default_value: this.opt_expr(default_value)? }
                }
            };
            Ok(TypeParam { range: t.range, kind })
        })
    }

    fn stmts(&mut self, stmts: &'a [Stmt<'a>]) -> Res<&'a [Stmt<'a>]> {
        self.slice(stmts, Self::stmt)
    }

    /// Statements that may begin with a docstring.
    fn body(&mut self, stmts: &'a [Stmt<'a>]) -> Res<&'a [Stmt<'a>]> {
        if self.options.optimize < 2 || docstring(stmts).is_none() {
            return self.stmts(stmts);
        }
        let Some((doc, rest)) = stmts.split_first() else { return Ok(stmts) };
        self.changes += 1;
        if rest.is_empty() {
            let Range { lineno, col_offset, .. } = doc.range;
            let range = Range { lineno, col_offset, end_lineno: lineno, end_col_offset: col_offset + 4 };
            return Ok(self.arena.alloc_slice_copy(&[Stmt { range, kind: StmtKind::Pass }]));
        }
        let rest = self.stmts(rest)?;
        Ok(if docstring(rest).is_some() { self.hide_string(rest) } else { rest })
    }

    /// A string behind a docstring that went must not become the docstring.
    fn hide_string(&mut self, stmts: &'a [Stmt<'a>]) -> &'a [Stmt<'a>] {
        let mut stmts = stmts.to_vec();
        if let Some(Stmt { range, kind: StmtKind::Expr { value } }) = stmts.first_mut() {
            let values = self.arena.alloc_slice_copy(&[**value]);
            *value = self.arena.alloc(Expr { range: *range, kind: ExprKind::JoinedStr { values } });
        }
        self.arena.alloc_slice_copy(&stmts)
    }

    fn within<T>(&mut self, around: Around, f: impl FnOnce(&mut Self) -> Res<T>) -> Res<T> {
        let before = std::mem::replace(&mut self.around, around);
        let result = f(self)?;
        self.around = before;
        Ok(result)
    }

    fn warn_leaving(&mut self, range: Range, word: &str) {
        if self.around == Around::Finally
            && let Some(warnings) = self.warnings.as_deref_mut()
        {
            warnings.push(syntax_warning(range, format!("'{word}' in a 'finally' block")));
        }
    }

    fn stmt(&mut self, s: &'a Stmt<'a>) -> Res<Stmt<'a>> {
        recurse(self, |this| Ok(Stmt { range: s.range, kind: this.stmt_kind(s.range, s.kind)? }))
    }

    fn stmt_kind(&mut self, range: Range, kind: StmtKind<'a>) -> Res<StmtKind<'a>> {
        Ok(match kind {
            StmtKind::FunctionDef(def) => StmtKind::FunctionDef(self.function(def)?),
            StmtKind::AsyncFunctionDef(def) => StmtKind::AsyncFunctionDef(self.function(def)?),
            StmtKind::ClassDef(def) => StmtKind::ClassDef(self.class(def)?),
            StmtKind::Return { value } => {
                self.warn_leaving(range, "return");
                StmtKind::Return { value: self.opt_expr(value)? }
            }
            StmtKind::Delete { targets } => StmtKind::Delete { targets: self.exprs(targets)? },
            StmtKind::Assign { targets, value, type_comment } => {
                StmtKind::Assign { targets: self.exprs(targets)?, value: self.expr(value)?, type_comment }
            }
            StmtKind::AugAssign { target, op, value } => {
                StmtKind::AugAssign { target: self.expr(target)?, op, value: self.expr(value)? }
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => StmtKind::AnnAssign {
                target: self.expr(target)?,
                annotation: self.annotation(Some(annotation))?.unwrap_or(annotation),
                value: self.opt_expr(value)?,
                simple,
            },
            StmtKind::TypeAlias { name, type_params, value } => StmtKind::TypeAlias {
                name: self.expr(name)?,
                type_params: self.type_params(type_params)?,
                value: self.expr(value)?,
            },
            StmtKind::For(f) => StmtKind::For(self.for_(f)?),
            StmtKind::AsyncFor(f) => StmtKind::AsyncFor(self.for_(f)?),
            StmtKind::While { test, body, orelse } => StmtKind::While {
                test: self.expr(test)?,
                body: self.within(Around::Loop, |this| this.stmts(body))?,
                orelse: self.stmts(orelse)?,
            },
            StmtKind::If { test, body, orelse } => {
                StmtKind::If { test: self.expr(test)?, body: self.stmts(body)?, orelse: self.stmts(orelse)? }
            }
            StmtKind::With(w) => StmtKind::With(self.with(w)?),
            StmtKind::AsyncWith(w) => StmtKind::AsyncWith(self.with(w)?),
            StmtKind::Raise { exc, cause } => StmtKind::Raise { exc: self.opt_expr(exc)?, cause: self.opt_expr(cause)? },
            StmtKind::Try(t) => StmtKind::Try(self.try_(t)?),
            StmtKind::TryStar(t) => StmtKind::TryStar(self.try_(t)?),
            StmtKind::Assert { test, msg } => StmtKind::Assert { test: self.expr(test)?, msg: self.opt_expr(msg)? },
            StmtKind::Expr { value } => StmtKind::Expr { value: self.expr(value)? },
            StmtKind::Match { subject, cases } => {
                StmtKind::Match { subject: self.expr(subject)?, cases: self.slice(cases, Self::match_case)? }
            }
            StmtKind::Break => {
                self.warn_leaving(range, "break");
                kind
            }
            StmtKind::Continue => {
                self.warn_leaving(range, "continue");
                kind
            }
            StmtKind::Import { .. }
            | StmtKind::ImportFrom { .. }
            | StmtKind::Global { .. }
            | StmtKind::Nonlocal { .. }
            | StmtKind::Pass => kind,
        })
    }

    fn function(&mut self, def: &'a FunctionDef<'a>) -> Res<&'a FunctionDef<'a>> {
        self.node(def, |this| {
            Ok(FunctionDef {
                type_params: this.type_params(def.type_params)?,
                args: this.arguments(def.args)?,
                body: this.within(Around::Function, |this| this.body(def.body))?,
                decorator_list: this.exprs(def.decorator_list)?,
                returns: this.annotation(def.returns)?,
                ..*def
            })
        })
    }

    fn class(&mut self, def: &'a ClassDef<'a>) -> Res<&'a ClassDef<'a>> {
        self.node(def, |this| {
            Ok(ClassDef {
                type_params: this.type_params(def.type_params)?,
                bases: this.exprs(def.bases)?,
                keywords: this.keywords(def.keywords)?,
                body: this.body(def.body)?,
                decorator_list: this.exprs(def.decorator_list)?,
                ..*def
            })
        })
    }

    fn for_(&mut self, f: &'a For<'a>) -> Res<&'a For<'a>> {
        self.node(f, |this| {
            Ok(For {
                target: this.expr(f.target)?,
                iter: this.expr(f.iter)?,
                body: this.within(Around::Loop, |this| this.stmts(f.body))?,
                orelse: this.stmts(f.orelse)?,
                ..*f
            })
        })
    }

    fn with(&mut self, w: &'a With<'a>) -> Res<&'a With<'a>> {
        self.node(w, |this| {
            let items = this.slice(w.items, |this, item| {
                Ok(WithItem { context_expr: this.expr(item.context_expr)?, optional_vars: this.opt_expr(item.optional_vars)? })
            })?;
            Ok(With { items, body: this.stmts(w.body)?, ..*w })
        })
    }

    fn try_(&mut self, t: &'a Try<'a>) -> Res<&'a Try<'a>> {
        self.node(t, |this| {
            Ok(Try {
                body: this.stmts(t.body)?,
                handlers: this.slice(t.handlers, |this, h| {
                    Ok(ExceptHandler { type_: this.opt_expr(h.type_)?, body: this.stmts(h.body)?, ..*h })
                })?,
                orelse: this.stmts(t.orelse)?,
                finalbody: this.within(Around::Finally, |this| this.stmts(t.finalbody))?,
            })
        })
    }

    fn match_case(&mut self, case: &'a MatchCase<'a>) -> Res<MatchCase<'a>> {
        Ok(MatchCase {
            pattern: self.node(case.pattern, |this| this.pattern(case.pattern))?,
            guard: self.opt_expr(case.guard)?,
            body: self.stmts(case.body)?,
        })
    }

    fn patterns(&mut self, patterns: &'a [Pattern<'a>]) -> Res<&'a [Pattern<'a>]> {
        self.slice(patterns, Self::pattern)
    }

    fn pattern(&mut self, p: &'a Pattern<'a>) -> Res<Pattern<'a>> {
        recurse(self, |this| Ok(Pattern { range: p.range, kind: this.pattern_kind(p.kind)? }))
    }

    fn pattern_kind(&mut self, kind: PatternKind<'a>) -> Res<PatternKind<'a>> {
        Ok(match kind {
            PatternKind::MatchValue { value } => PatternKind::MatchValue { value: self.pattern_number(value)? },
            PatternKind::MatchSequence { patterns } => PatternKind::MatchSequence { patterns: self.patterns(patterns)? },
            PatternKind::MatchMapping { keys, patterns, rest } => PatternKind::MatchMapping {
                keys: self.slice(keys, |this, key| this.pattern_number(key).copied())?,
                patterns: self.patterns(patterns)?,
                rest,
            },
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => PatternKind::MatchClass {
                cls: self.expr(cls)?,
                patterns: self.patterns(patterns)?,
                kwd_attrs,
                kwd_patterns: self.patterns(kwd_patterns)?,
            },
            PatternKind::MatchAs { pattern: Some(pattern), name } => {
                PatternKind::MatchAs { pattern: Some(self.node(pattern, |this| this.pattern(pattern))?), name }
            }
            PatternKind::MatchOr { patterns } => PatternKind::MatchOr { patterns: self.patterns(patterns)? },
            PatternKind::MatchSingleton { .. } | PatternKind::MatchStar { .. } | PatternKind::MatchAs { .. } => kind,
        })
    }

    /// `-1`, `1 + 2j` and `-1 - 2j` as single constants.
    fn pattern_number(&mut self, e: &'a Expr<'a>) -> Res<&'a Expr<'a>> {
        if self.options.syntax_check_only {
            return Ok(e);
        }
        self.node(e, |this| {
            let folded = match e.kind {
                ExprKind::UnaryOp { op: UnaryOp::USub, operand } => literal(operand).and_then(negative),
                ExprKind::BinOp { left, op: op @ (Operator::Add | Operator::Sub), right } => {
                    let left = match left.kind {
                        ExprKind::UnaryOp { op: UnaryOp::USub, operand } => literal(operand).and_then(negative),
                        _ => literal(left).map(Number::of_literal).unwrap_or_default(),
                    };
                    let right = literal(right).and_then(Number::of_literal);
                    left.zip(right).map(|(l, r)| l.add(r, op == Operator::Sub))
                }
                _ => None,
            };
            Ok(match folded {
                Some(number) => {
                    let value = number.into_constant(this.arena);
                    Expr { range: e.range, kind: this.constant(value) }
                }
                None => *e,
            })
        })
    }

    /// `"..." % (a, b)` as an f-string, when the format is simple and the numbers agree.
    fn fold_format(&mut self, left: &'a Expr<'a>, op: Operator, right: &'a Expr<'a>) -> Option<ExprKind<'a>> {
        if self.options.syntax_check_only || op != Operator::Mod {
            return None;
        }
        let (ExprKind::Constant { value: Constant::Str(format), .. }, ExprKind::Tuple { elts, .. }) = (left.kind, right.kind) else {
            return None;
        };
        if elts.iter().any(|e| matches!(e.kind, ExprKind::Starred { .. })) {
            return None;
        }
        let values = self.format_values(format, elts)?;
        self.changes += 1;
        Some(ExprKind::JoinedStr { values: self.arena.alloc_slice_copy(&values) })
    }

    fn format_values(&self, format: &Text, elts: &'a [Expr<'a>]) -> Option<Vec<Expr<'a>>> {
        let mut values = Vec::with_capacity(elts.len() * 2 + 1);
        let mut rest = format.as_bytes();
        let mut elts = elts.iter();
        loop {
            let (literal, tail) = split_literal(rest);
            if !literal.is_empty() {
                values.push(self.text(TextBuf::from_bytes(&literal)?));
            }
            let Some((_, tail)) = tail.split_first() else { break };
            let value = elts.next()?;
            let (conversion, spec, tail) = format_unit(tail)?;
            let format_spec = (!spec.is_empty()).then(|| &*self.arena.alloc(self.text(spec.into())));
            let kind = ExprKind::FormattedValue { value, conversion: conversion.into(), format_spec };
            values.push(Expr { range: value.range, kind });
            rest = tail;
        }
        elts.next().is_none().then_some(values)
    }

    /// A string that stands nowhere in the source.
    fn text(&self, text: TextBuf) -> Expr<'a> {
        let range = Range { lineno: -1, col_offset: -1, end_lineno: -1, end_col_offset: -1 };
        let value = Constant::Str(self.arena.alloc(text));
        Expr { range, kind: ExprKind::Constant { value, kind: None } }
    }
}

/// Text up to the next format unit, `%%` undone, and what follows.
fn split_literal(format: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut literal = Vec::new();
    let mut rest = format;
    loop {
        match rest {
            [b'%', b'%', tail @ ..] => {
                literal.push(b'%');
                rest = tail;
            }
            [] | [b'%', ..] => return (literal, rest),
            [byte, tail @ ..] => {
                literal.push(*byte);
                rest = tail;
            }
        }
    }
}

/// Up to two digits.
fn number(text: &[u8]) -> Option<(Option<u32>, &[u8])> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > 2 {
        return None;
    }
    let value = text[..digits].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
    Some(((digits > 0).then_some(value), &text[digits..]))
}

/// What stands behind `%`: conversion, format specification, and the rest. Only `s`, `r` and `a` can be done.
fn format_unit(text: &[u8]) -> Option<(u8, String, &[u8])> {
    let flags = text.iter().take_while(|b| b"-+ #0".contains(b)).count();
    let left = text[..flags].contains(&b'-');
    let (width, mut rest) = number(&text[flags..])?;
    let mut precision = None;
    if let [b'.', tail @ ..] = rest {
        let (digits, tail) = number(tail)?;
        precision = Some(digits.unwrap_or(0));
        rest = tail;
    }
    let (conversion, tail) = rest.split_first().filter(|(c, _)| matches!(c, b's' | b'r' | b'a'))?;
    let mut spec = String::new();
    if let Some(width) = width {
        let align = if !left && width > 0 { ">" } else { "" };
        spec = format!("{align}{width}");
    }
    if let Some(precision) = precision {
        spec += &format!(".{precision}");
    }
    Some((*conversion, spec, tail))
}

fn literal<'a>(e: &Expr<'a>) -> Option<Constant<'a>> {
    match e.kind {
        ExprKind::Constant { value, .. } => Some(value),
        _ => None,
    }
}

/// A number of a pattern.
enum Number {
    Int(BigInt),
    Float(f64),
    Complex(f64, f64),
}

impl Number {
    fn of_literal(value: Constant<'_>) -> Option<Number> {
        Some(match value {
            Constant::True => Number::Int(1.into()),
            Constant::False => Number::Int(0.into()),
            Constant::Int(v) => Number::Int(v.into()),
            Constant::BigInt(v) => Number::Int(v.clone()),
            Constant::Float(v) => Number::Float(v),
            Constant::Complex { real, imag } => Number::Complex(real, imag),
            _ => return None,
        })
    }

    fn to_f64(&self) -> f64 {
        match self {
            Number::Int(v) => num_traits::ToPrimitive::to_f64(v).unwrap_or(f64::NAN),
            Number::Float(v) | Number::Complex(v, _) => *v,
        }
    }

    fn add(self, other: Number, subtract: bool) -> Number {
        let sign = if subtract { -1.0 } else { 1.0 };
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Number::Int(if subtract { a - b } else { a + b }),
            (a @ (Number::Int(_) | Number::Float(_)), b @ (Number::Int(_) | Number::Float(_))) => {
                Number::Float(a.to_f64() + sign * b.to_f64())
            }
            (Number::Complex(re, im), Number::Complex(re2, im2)) => Number::Complex(re + sign * re2, im + sign * im2),
            (Number::Complex(re, im), b) => Number::Complex(re + sign * b.to_f64(), im),
            (a, Number::Complex(re, im)) => Number::Complex(a.to_f64() + sign * re, sign * im),
        }
    }

    fn into_constant(self, arena: &Arena) -> Constant<'_> {
        match self {
            Number::Int(v) => match i64::try_from(&v) {
                Ok(v) => Constant::Int(v),
                Err(_) => Constant::BigInt(arena.alloc(v)),
            },
            Number::Float(v) => Constant::Float(v),
            Number::Complex(real, imag) => Constant::Complex { real, imag },
        }
    }
}

fn negative(value: Constant<'_>) -> Option<Number> {
    Some(match Number::of_literal(value)? {
        Number::Int(v) => Number::Int(-v),
        Number::Float(v) => Number::Float(-v),
        Number::Complex(re, im) => Number::Complex(-re, -im),
    })
}
