//! From the front end's tree to node objects.

use super::{Ast, class, singleton};
use crate::compile::CompileRequest;
use crate::types::instance;
use crate::{PyResult, Value, Vm};
use krait_syntax::ast::*;

/// The node objects of a tree (`PyCF_ONLY_AST`).
pub fn to_object(vm: &mut Vm, arena: &Arena, module: &Mod<'_>, request: &CompileRequest) -> PyResult {
    let _ = (arena, request);
    let mut b = Builder { vm };
    b.module(module)
}

struct Builder<'v> {
    vm: &'v mut Vm,
}

type Fields<'a> = &'a [(&'static str, Value)];

macro_rules! list {
    ($b:expr, $items:expr, $method:ident) => {{
        let mut out = Vec::with_capacity($items.len());
        for item in $items.iter() {
            out.push($b.$method(item)?);
        }
        $b.vm.new_list(out)?.into_value()
    }};
}

macro_rules! opt {
    ($b:expr, $item:expr, $method:ident) => {
        match $item {
            Some(item) => $b.$method(item)?,
            None => Value::none(),
        }
    };
}

impl Builder<'_> {
    fn node(&mut self, name: &str, fields: Fields<'_>, range: Option<Range>) -> PyResult {
        let class = class(self.vm, name)?;
        let node = self.vm.new_instance(&class, Ast::default())?.into_value();
        for (field, value) in fields {
            self.set(&node, field, value.clone())?;
        }
        if let Some(r) = range {
            let places = [("lineno", r.lineno), ("col_offset", r.col_offset), ("end_lineno", r.end_lineno), ("end_col_offset", r.end_col_offset)];
            for (field, value) in places {
                self.set(&node, field, Value::from_i32(value))?;
            }
        }
        Ok(node)
    }

    fn set(&mut self, node: &Value, field: &str, value: Value) -> PyResult<()> {
        let name = self.vm.intern(field);
        instance::set(self.vm, node, &name, value).map(drop)
    }

    fn name(&mut self, name: &&str) -> PyResult {
        Ok(self.vm.intern(name).into_value())
    }

    fn text(&mut self, text: &krait_unicode::Text) -> PyResult {
        Ok(self.vm.new_str_text(text)?.into_value())
    }

    fn module(&mut self, module: &Mod<'_>) -> PyResult {
        match module {
            Mod::Module { body, type_ignores } => {
                let f = [("body", list!(self, body, stmt)), ("type_ignores", list!(self, type_ignores, type_ignore))];
                self.node("Module", &f, None)
            }
            Mod::Interactive { body } => {
                let f = [("body", list!(self, body, stmt))];
                self.node("Interactive", &f, None)
            }
            Mod::Expression { body } => {
                let f = [("body", self.expr(body)?)];
                self.node("Expression", &f, None)
            }
            Mod::FunctionType { argtypes, returns } => {
                let f = [("argtypes", list!(self, argtypes, expr)), ("returns", self.expr(returns)?)];
                self.node("FunctionType", &f, None)
            }
        }
    }

    fn type_ignore(&mut self, t: &TypeIgnore<'_>) -> PyResult {
        let f = [("lineno", Value::from_i32(t.lineno)), ("tag", self.text(t.tag)?)];
        self.node("TypeIgnore", &f, None)
    }

    fn function(&mut self, name: &str, d: &FunctionDef<'_>, range: Range) -> PyResult {
        let f = [
            ("name", self.name(&d.name)?),
            ("args", self.arguments(d.args)?),
            ("body", list!(self, d.body, stmt)),
            ("decorator_list", list!(self, d.decorator_list, expr)),
            ("returns", opt!(self, d.returns, expr)),
            ("type_comment", opt!(self, d.type_comment, text)),
            ("type_params", list!(self, d.type_params, type_param)),
        ];
        self.node(name, &f, Some(range))
    }

    fn for_(&mut self, name: &str, d: &For<'_>, range: Range) -> PyResult {
        let f = [
            ("target", self.expr(d.target)?),
            ("iter", self.expr(d.iter)?),
            ("body", list!(self, d.body, stmt)),
            ("orelse", list!(self, d.orelse, stmt)),
            ("type_comment", opt!(self, d.type_comment, text)),
        ];
        self.node(name, &f, Some(range))
    }

    fn with(&mut self, name: &str, d: &With<'_>, range: Range) -> PyResult {
        let f = [("items", list!(self, d.items, withitem)), ("body", list!(self, d.body, stmt)), ("type_comment", opt!(self, d.type_comment, text))];
        self.node(name, &f, Some(range))
    }

    fn try_(&mut self, name: &str, d: &Try<'_>, range: Range) -> PyResult {
        let f = [
            ("body", list!(self, d.body, stmt)),
            ("handlers", list!(self, d.handlers, handler)),
            ("orelse", list!(self, d.orelse, stmt)),
            ("finalbody", list!(self, d.finalbody, stmt)),
        ];
        self.node(name, &f, Some(range))
    }

    fn stmt(&mut self, s: &Stmt<'_>) -> PyResult {
        self.vm.check_stack(" during ast construction")?;
        let at = Some(s.range);
        match &s.kind {
            StmtKind::FunctionDef(d) => self.function("FunctionDef", d, s.range),
            StmtKind::AsyncFunctionDef(d) => self.function("AsyncFunctionDef", d, s.range),
            StmtKind::ClassDef(d) => {
                let f = [
                    ("name", self.name(&d.name)?),
                    ("bases", list!(self, d.bases, expr)),
                    ("keywords", list!(self, d.keywords, keyword)),
                    ("body", list!(self, d.body, stmt)),
                    ("decorator_list", list!(self, d.decorator_list, expr)),
                    ("type_params", list!(self, d.type_params, type_param)),
                ];
                self.node("ClassDef", &f, at)
            }
            StmtKind::For(d) => self.for_("For", d, s.range),
            StmtKind::AsyncFor(d) => self.for_("AsyncFor", d, s.range),
            StmtKind::With(d) => self.with("With", d, s.range),
            StmtKind::AsyncWith(d) => self.with("AsyncWith", d, s.range),
            StmtKind::Try(d) => self.try_("Try", d, s.range),
            StmtKind::TryStar(d) => self.try_("TryStar", d, s.range),
            StmtKind::Match { subject, cases } => {
                let f = [("subject", self.expr(subject)?), ("cases", list!(self, cases, match_case))];
                self.node("Match", &f, at)
            }
            StmtKind::While { test, body, orelse } => {
                let f = [("test", self.expr(test)?), ("body", list!(self, body, stmt)), ("orelse", list!(self, orelse, stmt))];
                self.node("While", &f, at)
            }
            StmtKind::If { test, body, orelse } => {
                let f = [("test", self.expr(test)?), ("body", list!(self, body, stmt)), ("orelse", list!(self, orelse, stmt))];
                self.node("If", &f, at)
            }
            _ => self.simple_stmt(s),
        }
    }

    fn simple_stmt(&mut self, s: &Stmt<'_>) -> PyResult {
        let at = Some(s.range);
        match &s.kind {
            StmtKind::Return { value } => {
                let f = [("value", opt!(self, value, expr))];
                self.node("Return", &f, at)
            }
            StmtKind::Delete { targets } => {
                let f = [("targets", list!(self, targets, expr))];
                self.node("Delete", &f, at)
            }
            StmtKind::Assign { targets, value, type_comment } => {
                let f = [("targets", list!(self, targets, expr)), ("value", self.expr(value)?), ("type_comment", opt!(self, type_comment, text))];
                self.node("Assign", &f, at)
            }
            StmtKind::TypeAlias { name, type_params, value } => {
                let f = [("name", self.expr(name)?), ("type_params", list!(self, type_params, type_param)), ("value", self.expr(value)?)];
                self.node("TypeAlias", &f, at)
            }
            StmtKind::AugAssign { target, op, value } => {
                let f = [("target", self.expr(target)?), ("op", singleton(self.vm, operator(*op))?), ("value", self.expr(value)?)];
                self.node("AugAssign", &f, at)
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                let f = [
                    ("target", self.expr(target)?),
                    ("annotation", self.expr(annotation)?),
                    ("value", opt!(self, value, expr)),
                    ("simple", Value::from_i32((*simple).into())),
                ];
                self.node("AnnAssign", &f, at)
            }
            StmtKind::Raise { exc, cause } => {
                let f = [("exc", opt!(self, exc, expr)), ("cause", opt!(self, cause, expr))];
                self.node("Raise", &f, at)
            }
            StmtKind::Assert { test, msg } => {
                let f = [("test", self.expr(test)?), ("msg", opt!(self, msg, expr))];
                self.node("Assert", &f, at)
            }
            StmtKind::Import { names } => {
                let f = [("names", list!(self, names, alias))];
                self.node("Import", &f, at)
            }
            StmtKind::ImportFrom { module, names, level } => {
                let f = [("module", opt!(self, module, name)), ("names", list!(self, names, alias)), ("level", Value::from_i32(*level))];
                self.node("ImportFrom", &f, at)
            }
            StmtKind::Global { names } => {
                let f = [("names", list!(self, names, name))];
                self.node("Global", &f, at)
            }
            StmtKind::Nonlocal { names } => {
                let f = [("names", list!(self, names, name))];
                self.node("Nonlocal", &f, at)
            }
            StmtKind::Expr { value } => {
                let f = [("value", self.expr(value)?)];
                self.node("Expr", &f, at)
            }
            StmtKind::Pass => self.node("Pass", &[], at),
            StmtKind::Break => self.node("Break", &[], at),
            StmtKind::Continue => self.node("Continue", &[], at),
            _ => Err(self.vm.system_error("a compound statement among the simple ones")),
        }
    }

    fn expr(&mut self, e: &Expr<'_>) -> PyResult {
        self.vm.check_stack(" during ast construction")?;
        let at = Some(e.range);
        let (name, fields): (&str, Vec<(&'static str, Value)>) = match &e.kind {
            ExprKind::BoolOp { op, values } => {
                let op = singleton(self.vm, if *op == BoolOp::And { "And" } else { "Or" })?;
                ("BoolOp", vec![("op", op), ("values", list!(self, values, expr))])
            }
            ExprKind::NamedExpr { target, value } => ("NamedExpr", vec![("target", self.expr(target)?), ("value", self.expr(value)?)]),
            ExprKind::BinOp { left, op, right } => {
                ("BinOp", vec![("left", self.expr(left)?), ("op", singleton(self.vm, operator(*op))?), ("right", self.expr(right)?)])
            }
            ExprKind::UnaryOp { op, operand } => {
                let op = match op {
                    UnaryOp::Invert => "Invert",
                    UnaryOp::Not => "Not",
                    UnaryOp::UAdd => "UAdd",
                    UnaryOp::USub => "USub",
                };
                ("UnaryOp", vec![("op", singleton(self.vm, op)?), ("operand", self.expr(operand)?)])
            }
            ExprKind::Lambda { args, body } => ("Lambda", vec![("args", self.arguments(args)?), ("body", self.expr(body)?)]),
            ExprKind::IfExp { test, body, orelse } => {
                ("IfExp", vec![("test", self.expr(test)?), ("body", self.expr(body)?), ("orelse", self.expr(orelse)?)])
            }
            ExprKind::Dict { keys, values } => ("Dict", vec![("keys", list!(self, keys, opt_expr)), ("values", list!(self, values, expr))]),
            ExprKind::Set { elts } => ("Set", vec![("elts", list!(self, elts, expr))]),
            ExprKind::ListComp { elt, generators } => ("ListComp", self.comp(elt, generators)?),
            ExprKind::SetComp { elt, generators } => ("SetComp", self.comp(elt, generators)?),
            ExprKind::GeneratorExp { elt, generators } => ("GeneratorExp", self.comp(elt, generators)?),
            ExprKind::DictComp { key, value, generators } => {
                ("DictComp", vec![("key", self.expr(key)?), ("value", self.expr(value)?), ("generators", list!(self, generators, comprehension))])
            }
            ExprKind::Await { value } => ("Await", vec![("value", self.expr(value)?)]),
            ExprKind::Yield { value } => ("Yield", vec![("value", opt!(self, value, expr))]),
            ExprKind::YieldFrom { value } => ("YieldFrom", vec![("value", self.expr(value)?)]),
            ExprKind::Compare { left, ops, comparators } => {
                ("Compare", vec![("left", self.expr(left)?), ("ops", list!(self, ops, cmpop)), ("comparators", list!(self, comparators, expr))])
            }
            ExprKind::Call { func, args, keywords } => {
                ("Call", vec![("func", self.expr(func)?), ("args", list!(self, args, expr)), ("keywords", list!(self, keywords, keyword))])
            }
            ExprKind::FormattedValue { value, conversion, format_spec } => (
                "FormattedValue",
                vec![("value", self.expr(value)?), ("conversion", Value::from_i32(*conversion)), ("format_spec", opt!(self, format_spec, expr))],
            ),
            ExprKind::Interpolation { value, str, conversion, format_spec } => (
                "Interpolation",
                vec![
                    ("value", self.expr(value)?),
                    ("str", self.constant(str)?),
                    ("conversion", Value::from_i32(*conversion)),
                    ("format_spec", opt!(self, format_spec, expr)),
                ],
            ),
            ExprKind::JoinedStr { values } => ("JoinedStr", vec![("values", list!(self, values, expr))]),
            ExprKind::TemplateStr { values } => ("TemplateStr", vec![("values", list!(self, values, expr))]),
            ExprKind::Constant { value, kind } => ("Constant", vec![("value", self.constant(value)?), ("kind", opt!(self, kind, text))]),
            ExprKind::Attribute { value, attr, ctx } => {
                ("Attribute", vec![("value", self.expr(value)?), ("attr", self.name(attr)?), ("ctx", self.context(*ctx)?)])
            }
            ExprKind::Subscript { value, slice, ctx } => {
                ("Subscript", vec![("value", self.expr(value)?), ("slice", self.expr(slice)?), ("ctx", self.context(*ctx)?)])
            }
            ExprKind::Starred { value, ctx } => ("Starred", vec![("value", self.expr(value)?), ("ctx", self.context(*ctx)?)]),
            ExprKind::Name { id, ctx } => ("Name", vec![("id", self.name(id)?), ("ctx", self.context(*ctx)?)]),
            ExprKind::List { elts, ctx } => ("List", vec![("elts", list!(self, elts, expr)), ("ctx", self.context(*ctx)?)]),
            ExprKind::Tuple { elts, ctx } => ("Tuple", vec![("elts", list!(self, elts, expr)), ("ctx", self.context(*ctx)?)]),
            ExprKind::Slice { lower, upper, step } => {
                ("Slice", vec![("lower", opt!(self, lower, expr)), ("upper", opt!(self, upper, expr)), ("step", opt!(self, step, expr))])
            }
        };
        self.node(name, &fields, at)
    }

    fn comp(&mut self, elt: &Expr<'_>, generators: &[Comprehension<'_>]) -> PyResult<Vec<(&'static str, Value)>> {
        Ok(vec![("elt", self.expr(elt)?), ("generators", list!(self, generators, comprehension))])
    }

    fn opt_expr(&mut self, e: &Option<Expr<'_>>) -> PyResult {
        Ok(opt!(self, e, expr))
    }

    fn context(&mut self, ctx: ExprContext) -> PyResult {
        singleton(self.vm, match ctx {
            ExprContext::Load => "Load",
            ExprContext::Store => "Store",
            ExprContext::Del => "Del",
        })
    }

    fn cmpop(&mut self, op: &CmpOp) -> PyResult {
        singleton(self.vm, match op {
            CmpOp::Eq => "Eq",
            CmpOp::NotEq => "NotEq",
            CmpOp::Lt => "Lt",
            CmpOp::LtE => "LtE",
            CmpOp::Gt => "Gt",
            CmpOp::GtE => "GtE",
            CmpOp::Is => "Is",
            CmpOp::IsNot => "IsNot",
            CmpOp::In => "In",
            CmpOp::NotIn => "NotIn",
        })
    }

    fn constant(&mut self, c: &Constant<'_>) -> PyResult {
        match c {
            Constant::None => Ok(Value::none()),
            Constant::True => Ok(Value::from_bool(true)),
            Constant::False => Ok(Value::from_bool(false)),
            Constant::Ellipsis => Ok(Value::ellipsis()),
            Constant::Int(i) => self.vm.new_int(*i),
            Constant::BigInt(b) => self.vm.new_bigint((*b).clone()),
            Constant::Float(f) => self.vm.new_float(*f),
            Constant::Complex { real, imag } => self.vm.new_complex(*real, *imag),
            Constant::Str(s) => {
                let s = self.vm.new_str_text(s)?;
                Ok(s.into_value())
            }
            Constant::Bytes(b) => Ok(self.vm.new_bytes(b)?.into_value()),
            Constant::Tuple(items) | Constant::FrozenSet(items) => {
                let mut values = Vec::with_capacity(items.len());
                for item in *items {
                    values.push(self.constant(item)?);
                }
                if matches!(c, Constant::Tuple(_)) { Ok(self.vm.new_tuple(values)?.into_value()) } else { self.vm.new_frozenset_of(values) }
            }
        }
    }

    fn comprehension(&mut self, c: &Comprehension<'_>) -> PyResult {
        let f = [
            ("target", self.expr(c.target)?),
            ("iter", self.expr(c.iter)?),
            ("ifs", list!(self, c.ifs, expr)),
            ("is_async", Value::from_i32(c.is_async.into())),
        ];
        self.node("comprehension", &f, None)
    }

    fn handler(&mut self, h: &ExceptHandler<'_>) -> PyResult {
        let f = [("type", opt!(self, h.type_, expr)), ("name", opt!(self, &h.name, name)), ("body", list!(self, h.body, stmt))];
        self.node("ExceptHandler", &f, Some(h.range))
    }

    fn arguments(&mut self, a: &Arguments<'_>) -> PyResult {
        let f = [
            ("posonlyargs", list!(self, a.posonlyargs, arg)),
            ("args", list!(self, a.args, arg)),
            ("vararg", opt!(self, a.vararg, arg)),
            ("kwonlyargs", list!(self, a.kwonlyargs, arg)),
            ("kw_defaults", list!(self, a.kw_defaults, opt_expr)),
            ("kwarg", opt!(self, a.kwarg, arg)),
            ("defaults", list!(self, a.defaults, expr)),
        ];
        self.node("arguments", &f, None)
    }

    fn arg(&mut self, a: &Arg<'_>) -> PyResult {
        let f = [("arg", self.name(&a.arg)?), ("annotation", opt!(self, a.annotation, expr)), ("type_comment", opt!(self, a.type_comment, text))];
        self.node("arg", &f, Some(a.range))
    }

    fn keyword(&mut self, k: &Keyword<'_>) -> PyResult {
        let f = [("arg", opt!(self, &k.arg, name)), ("value", self.expr(k.value)?)];
        self.node("keyword", &f, Some(k.range))
    }

    fn alias(&mut self, a: &Alias<'_>) -> PyResult {
        let f = [("name", self.name(&a.name)?), ("asname", opt!(self, &a.asname, name))];
        self.node("alias", &f, Some(a.range))
    }

    fn withitem(&mut self, w: &WithItem<'_>) -> PyResult {
        let f = [("context_expr", self.expr(w.context_expr)?), ("optional_vars", opt!(self, w.optional_vars, expr))];
        self.node("withitem", &f, None)
    }

    fn match_case(&mut self, m: &MatchCase<'_>) -> PyResult {
        let f = [("pattern", self.pattern(m.pattern)?), ("guard", opt!(self, m.guard, expr)), ("body", list!(self, m.body, stmt))];
        self.node("match_case", &f, None)
    }

    fn pattern(&mut self, p: &Pattern<'_>) -> PyResult {
        self.vm.check_stack(" during ast construction")?;
        let (name, fields): (&str, Vec<(&'static str, Value)>) = match &p.kind {
            PatternKind::MatchValue { value } => ("MatchValue", vec![("value", self.expr(value)?)]),
            PatternKind::MatchSingleton { value } => ("MatchSingleton", vec![("value", self.constant(value)?)]),
            PatternKind::MatchSequence { patterns } => ("MatchSequence", vec![("patterns", list!(self, patterns, pattern))]),
            PatternKind::MatchMapping { keys, patterns, rest } => (
                "MatchMapping",
                vec![("keys", list!(self, keys, expr)), ("patterns", list!(self, patterns, pattern)), ("rest", opt!(self, rest, name))],
            ),
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => (
                "MatchClass",
                vec![
                    ("cls", self.expr(cls)?),
                    ("patterns", list!(self, patterns, pattern)),
                    ("kwd_attrs", list!(self, kwd_attrs, name)),
                    ("kwd_patterns", list!(self, kwd_patterns, pattern)),
                ],
            ),
            PatternKind::MatchStar { name } => ("MatchStar", vec![("name", opt!(self, name, name))]),
            PatternKind::MatchAs { pattern, name } => ("MatchAs", vec![("pattern", opt!(self, pattern, pattern)), ("name", opt!(self, name, name))]),
            PatternKind::MatchOr { patterns } => ("MatchOr", vec![("patterns", list!(self, patterns, pattern))]),
        };
        self.node(name, &fields, Some(p.range))
    }

    fn type_param(&mut self, t: &TypeParam<'_>) -> PyResult {
        let (name, fields): (&str, Vec<(&'static str, Value)>) = match &t.kind {
            TypeParamKind::TypeVar { name, bound, default_value } => (
                "TypeVar",
                vec![("name", self.name(name)?), ("bound", opt!(self, bound, expr)), ("default_value", opt!(self, default_value, expr))],
            ),
            TypeParamKind::ParamSpec { name, default_value } => {
                ("ParamSpec", vec![("name", self.name(name)?), ("default_value", opt!(self, default_value, expr))])
            }
            TypeParamKind::TypeVarTuple { name, default_value } => {
                ("TypeVarTuple", vec![("name", self.name(name)?), ("default_value", opt!(self, default_value, expr))])
            }
        };
        self.node(name, &fields, Some(t.range))
    }
}

fn operator(op: Operator) -> &'static str {
    match op {
        Operator::Add => "Add",
        Operator::Sub => "Sub",
        Operator::Mult => "Mult",
        Operator::MatMult => "MatMult",
        Operator::Div => "Div",
        Operator::Mod => "Mod",
        Operator::Pow => "Pow",
        Operator::LShift => "LShift",
        Operator::RShift => "RShift",
        Operator::BitOr => "BitOr",
        Operator::BitXor => "BitXor",
        Operator::BitAnd => "BitAnd",
        Operator::FloorDiv => "FloorDiv",
    }
}
