//! First pass over expressions: names, assignment expressions, comprehensions, lambdas.

use krait_syntax::ast::*;

use super::build::Builder;
use super::*;
use crate::error::recurse;

/// The parts of a comprehension that its block holds, besides the outermost iterable.
struct Comp<'a> {
    name: &'static str,
    kind: ComprehensionType,
    generators: &'a [Comprehension<'a>],
    elt: &'a Expr<'a>,
    value: Option<&'a Expr<'a>>,
}

impl<'a> Builder<'a, '_> {
    pub(super) fn exprs(&mut self, exprs: &'a [Expr<'a>]) -> Res {
        exprs.iter().try_for_each(|e| self.expr(e))
    }

    pub(super) fn opt_exprs(&mut self, exprs: &'a [Option<Expr<'a>>]) -> Res {
        exprs.iter().flatten().try_for_each(|e| self.expr(e))
    }

    pub(super) fn opt_expr(&mut self, e: Option<&'a Expr<'a>>) -> Res {
        e.map_or(Ok(()), |e| self.expr(e))
    }

    pub(super) fn expr(&mut self, e: &'a Expr<'a>) -> Res {
        recurse(self, |this| this.expr_inner(e))
    }

    fn expr_inner(&mut self, e: &'a Expr<'a>) -> Res {
        match e.kind {
            ExprKind::NamedExpr { target, value } => self.named_expr(e, target, value),
            ExprKind::BoolOp { values, .. } => self.exprs(values),
            ExprKind::BinOp { left, right, .. } => {
                self.expr(left)?;
                self.expr(right)
            }
            ExprKind::UnaryOp { operand, .. } => self.expr(operand),
            ExprKind::Lambda { args, body } => self.lambda(e, args, body),
            ExprKind::IfExp { test, body, orelse } => {
                self.expr(test)?;
                self.expr(body)?;
                self.expr(orelse)
            }
            ExprKind::Dict { keys, values } => {
                self.opt_exprs(keys)?;
                self.exprs(values)
            }
            ExprKind::Set { elts } => self.exprs(elts),
            ExprKind::GeneratorExp { elt, generators } => {
                self.comprehension(e, Comp { name: "genexpr", kind: ComprehensionType::Generator, generators, elt, value: None })
            }
            ExprKind::ListComp { elt, generators } => {
                self.comprehension(e, Comp { name: "listcomp", kind: ComprehensionType::List, generators, elt, value: None })
            }
            ExprKind::SetComp { elt, generators } => {
                self.comprehension(e, Comp { name: "setcomp", kind: ComprehensionType::Set, generators, elt, value: None })
            }
            ExprKind::DictComp { key, value, generators } => {
                let kind = ComprehensionType::Dict;
                self.comprehension(e, Comp { name: "dictcomp", kind, generators, elt: key, value: Some(value) })
            }
            ExprKind::Yield { value } => self.yield_(e, value),
            ExprKind::YieldFrom { value } => self.yield_(e, Some(value)),
            ExprKind::Await { value } => self.await_(e, value),
            ExprKind::Compare { left, comparators, .. } => {
                self.expr(left)?;
                self.exprs(comparators)
            }
            ExprKind::Call { func, args, keywords } => {
                self.expr(func)?;
                self.exprs(args)?;
                self.check_keywords(keywords)?;
                keywords.iter().try_for_each(|k| self.expr(k.value))
            }
            ExprKind::FormattedValue { value, format_spec, .. } | ExprKind::Interpolation { value, format_spec, .. } => {
                self.expr(value)?;
                self.opt_expr(format_spec)
            }
            ExprKind::JoinedStr { values } | ExprKind::TemplateStr { values } => self.exprs(values),
            ExprKind::Constant { .. } => Ok(()),
            ExprKind::Attribute { value, attr, ctx } => {
                self.check_name(attr, e.range, ctx)?;
                self.expr(value)
            }
            ExprKind::Subscript { value, slice, .. } => {
                self.expr(value)?;
                self.expr(slice)
            }
            ExprKind::Starred { value, .. } => self.expr(value),
            ExprKind::Slice { lower, upper, step } => {
                self.opt_expr(lower)?;
                self.opt_expr(upper)?;
                self.opt_expr(step)
            }
            ExprKind::Name { id, ctx } => self.name(e, id, ctx),
            ExprKind::List { elts, .. } | ExprKind::Tuple { elts, .. } => self.exprs(elts),
        }
    }

    fn name(&mut self, e: &Expr<'a>, id: &'a str, ctx: ExprContext) -> Res {
        if self.cur().in_unevaluated_annotation {
            return Ok(());
        }
        let flag = if ctx == ExprContext::Load { USE } else { DEF_LOCAL };
        self.add_def_ctx(id, flag, e.range, ctx)?;
        // `super` reads `__class__`.
        if ctx == ExprContext::Load && id == "super" && self.cur().is_function_like() {
            self.add_def("__class__", USE, e.range)?;
        }
        Ok(())
    }

    fn lambda(&mut self, e: &'a Expr<'a>, args: &'a Arguments<'a>, body: &'a Expr<'a>) -> Res {
        self.exprs(args.defaults)?;
        self.opt_exprs(args.kw_defaults)?;
        self.enter_block("lambda", BlockType::Function, Key::expr(e), e.range)?;
        self.arguments(args)?;
        self.expr(body)?;
        self.exit_block();
        Ok(())
    }

    fn named_expr(&mut self, e: &'a Expr<'a>, target: &'a Expr<'a>, value: &'a Expr<'a>) -> Res {
        self.refuse_in_annotation("named expression", e)?;
        if self.cur().comp_iter_expr > 0 {
            let message = "assignment expression cannot be used in a comprehension iterable expression";
            return Err(Error::syntax(e.range, message));
        }
        if self.cur().comprehension != ComprehensionType::None
            && let ExprKind::Name { id, .. } = target.kind
        {
            self.extend_named_expr_scope(target, id)?;
        }
        self.expr(value)?;
        self.expr(target)
    }

    /// Inside comprehensions an assignment expression binds in the block around them.
    fn extend_named_expr_scope(&mut self, target: &'a Expr<'a>, name: &'a str) -> Res {
        let range = target.range;
        for id in self.stack().to_vec().into_iter().rev() {
            let entry = self.table.entry(id);
            if entry.comprehension != ComprehensionType::None {
                let flags = self.lookup_in(id, name);
                if flags & DEF_COMP_ITER != 0 && flags & DEF_LOCAL != 0 {
                    let message = format!("assignment expression cannot rebind comprehension iteration variable '{name}'");
                    return Err(Error::syntax(range, message));
                }
                continue;
            }
            let refused = match entry.block {
                BlockType::Function => {
                    let global = self.lookup_in(id, name) & DEF_GLOBAL != 0;
                    self.add_def(name, if global { DEF_GLOBAL } else { DEF_NONLOCAL }, range)?;
                    self.record_directive(name, range);
                    return self.add_def_in(name, DEF_LOCAL, id, range);
                }
                BlockType::Module => {
                    self.add_def(name, DEF_GLOBAL, range)?;
                    self.record_directive(name, range);
                    return self.add_def_in(name, DEF_GLOBAL, id, range);
                }
                BlockType::Annotation => continue,
                BlockType::Class => "cannot be used in a class body",
                BlockType::TypeParameters => "cannot be used within the definition of a generic",
                BlockType::TypeAlias => "cannot be used in a type alias",
                BlockType::TypeVariable => "cannot be used in a TypeVar bound",
            };
            return Err(Error::syntax(range, format!("assignment expression within a comprehension {refused}")));
        }
        Err(Error::system("assignment expression outside every block"))
    }

    fn yield_(&mut self, e: &'a Expr<'a>, value: Option<&'a Expr<'a>>) -> Res {
        self.refuse_in_annotation("yield expression", e)?;
        self.opt_expr(value)?;
        self.cur().generator = true;
        let what = match self.cur().comprehension {
            ComprehensionType::None => return Ok(()),
            ComprehensionType::List => "list comprehension",
            ComprehensionType::Set => "set comprehension",
            ComprehensionType::Dict => "dict comprehension",
            ComprehensionType::Generator => "generator expression",
        };
        Err(Error::syntax(e.range, format!("'yield' inside {what}")))
    }

    fn await_(&mut self, e: &'a Expr<'a>, value: &'a Expr<'a>) -> Res {
        self.refuse_in_annotation("await expression", e)?;
        if !self.allows_top_level_await() {
            if !self.cur().is_function_like() {
                return Err(Error::syntax(e.range, "'await' outside function"));
            }
            if !self.is_async_def() && self.cur().comprehension == ComprehensionType::None {
                return Err(Error::syntax(e.range, "'await' outside async function"));
            }
        }
        self.expr(value)?;
        self.cur().coroutine = true;
        Ok(())
    }

    fn comprehension(&mut self, e: &'a Expr<'a>, comp: Comp<'a>) -> Res {
        let Some((outermost, rest)) = comp.generators.split_first() else {
            return Err(Error::system("comprehension with no generators"));
        };
        // The outermost iterable is evaluated outside.
        self.cur().comp_iter_expr += 1;
        self.expr(outermost.iter)?;
        self.cur().comp_iter_expr -= 1;
        self.enter_block(comp.name, BlockType::Function, Key::expr(e), e.range)?;
        self.cur().comprehension = comp.kind;
        if outermost.is_async {
            self.cur().coroutine = true;
        }
        self.add_def(".0", DEF_PARAM, e.range)?;
        self.comp_target(outermost.target)?;
        self.exprs(outermost.ifs)?;
        for generator in rest {
            self.comp_target(generator.target)?;
            self.cur().comp_iter_expr += 1;
            self.expr(generator.iter)?;
            self.cur().comp_iter_expr -= 1;
            self.exprs(generator.ifs)?;
            if generator.is_async {
                self.cur().coroutine = true;
            }
        }
        self.opt_expr(comp.value)?;
        self.expr(comp.elt)?;
        let is_generator = comp.kind == ComprehensionType::Generator;
        self.cur().generator = is_generator;
        let is_async = self.cur().coroutine && !is_generator;
        self.exit_block();
        if !is_async {
            return Ok(());
        }
        if !self.is_async_def() && self.cur().comprehension == ComprehensionType::None && !self.allows_top_level_await() {
            return Err(Error::syntax(e.range, "asynchronous comprehension outside of an asynchronous function"));
        }
        self.cur().coroutine = true;
        Ok(())
    }

    fn comp_target(&mut self, target: &'a Expr<'a>) -> Res {
        self.cur().comp_iter_target = true;
        self.expr(target)?;
        self.cur().comp_iter_target = false;
        Ok(())
    }

    fn refuse_in_annotation(&mut self, what: &str, e: &Expr<'a>) -> Res {
        let place = match self.cur().block {
            BlockType::Annotation => "an annotation",
            BlockType::TypeVariable => self.cur().scope_info.unwrap_or("a TypeVar bound"),
            BlockType::TypeAlias => "a type alias",
            BlockType::TypeParameters => "the definition of a generic",
            BlockType::Function | BlockType::Class | BlockType::Module => return Ok(()),
        };
        Err(Error::syntax(e.range, format!("{what} cannot be used within {place}")))
    }
}
