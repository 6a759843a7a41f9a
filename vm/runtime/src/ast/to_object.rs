//! From the front end's tree to node objects.

use super::{Ast, class, singleton};
use crate::compile::CompileRequest;
use crate::types::instance;
use crate::types::str_::Str;
use crate::{Py, PyResult, Value, Vm};
use krait_syntax::ast::*;
use rustc_hash::FxHashMap;

/// The node objects of a tree (`PyCF_ONLY_AST`).
pub fn to_object(vm: &mut Vm, arena: &Arena, module: &Mod<'_>, request: &CompileRequest) -> PyResult {
    let _ = (arena, request);
    let mut b = Builder { vm, names: FxHashMap::default() };
    b.module(module)
}

struct Builder<'v, 'a> {
    vm: &'v mut Vm,
    /// Identifiers of this tree, so that the table of all names is asked once for each.
    names: FxHashMap<&'a str, Py<Str>>,
}

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

/// The fields are made before the node.
macro_rules! node {
    ($b:expr, $name:literal, $fields:expr, $at:expr) => {{
        let fields = $fields;
        $b.node($name, fields, $at)
    }};
}

impl<'a> Builder<'_, 'a> {
    /// A node with the fields of its constructor, all of them and in the order of the grammar.
    fn node<const N: usize>(&mut self, name: &str, fields: [(&'static str, Value); N], range: Option<Range>) -> PyResult {
        let class = class(self.vm, name)?;
        let node = self.vm.new_instance(&class, Ast::default())?.into_value();
        let places = range.map(|r| [("lineno", r.lineno), ("col_offset", r.col_offset), ("end_lineno", r.end_lineno), ("end_col_offset", r.end_col_offset)]);
        let places = places.into_iter().flatten().map(|(name, place)| (name, Value::from_i32(place)));
        debug_assert!(fields.iter().map(|f| f.0).chain(places.clone().map(|p| p.0)).enumerate().all(|(i, name)| {
            class.shared_keys.get(self.vm).names().get(i).is_some_and(|key| key.eq_str(name))
        }));
        let inline = node.header().and_then(|header| instance::inline_values_mut(self.vm, header));
        if let Some(inline) = inline {
            for (index, (_, value)) in fields.into_iter().chain(places).enumerate() {
                drop(inline.set(index, value));
            }
        }
        Ok(node)
    }

    fn name(&mut self, name: &&'a str) -> PyResult {
        if let Some(known) = self.names.get(name) {
            return Ok(known.to_value());
        }
        let made = self.vm.intern(name);
        self.names.insert(name, made.clone());
        Ok(made.into_value())
    }

    fn text(&mut self, text: &krait_unicode::Text) -> PyResult {
        Ok(self.vm.new_str_text(text)?.into_value())
    }

    fn module(&mut self, module: &Mod<'a>) -> PyResult {
        match module {
            Mod::Module { body, type_ignores } => {
                let f = [("body", list!(self, body, stmt)), ("type_ignores", list!(self, type_ignores, type_ignore))];
                self.node("Module", f, None)
            }
            Mod::Interactive { body } => {
                let f = [("body", list!(self, body, stmt))];
                self.node("Interactive", f, None)
            }
            Mod::Expression { body } => {
                let f = [("body", self.expr(body)?)];
                self.node("Expression", f, None)
            }
            Mod::FunctionType { argtypes, returns } => {
                let f = [("argtypes", list!(self, argtypes, expr)), ("returns", self.expr(returns)?)];
                self.node("FunctionType", f, None)
            }
        }
    }

    fn type_ignore(&mut self, t: &TypeIgnore<'a>) -> PyResult {
        let f = [("lineno", Value::from_i32(t.lineno)), ("tag", self.text(t.tag)?)];
        self.node("TypeIgnore", f, None)
    }

    fn function(&mut self, name: &str, d: &FunctionDef<'a>, range: Range) -> PyResult {
        let f = [
            ("name", self.name(&d.name)?),
            ("args", self.arguments(d.args)?),
            ("body", list!(self, d.body, stmt)),
            ("decorator_list", list!(self, d.decorator_list, expr)),
            ("returns", opt!(self, d.returns, expr)),
            ("type_comment", opt!(self, d.type_comment, text)),
            ("type_params", list!(self, d.type_params, type_param)),
        ];
        self.node(name, f, Some(range))
    }

    fn for_(&mut self, name: &str, d: &For<'a>, range: Range) -> PyResult {
        let f = [
            ("target", self.expr(d.target)?),
            ("iter", self.expr(d.iter)?),
            ("body", list!(self, d.body, stmt)),
            ("orelse", list!(self, d.orelse, stmt)),
            ("type_comment", opt!(self, d.type_comment, text)),
        ];
        self.node(name, f, Some(range))
    }

    fn with(&mut self, name: &str, d: &With<'a>, range: Range) -> PyResult {
        let f = [("items", list!(self, d.items, withitem)), ("body", list!(self, d.body, stmt)), ("type_comment", opt!(self, d.type_comment, text))];
        self.node(name, f, Some(range))
    }

    fn try_(&mut self, name: &str, d: &Try<'a>, range: Range) -> PyResult {
        let f = [
            ("body", list!(self, d.body, stmt)),
            ("handlers", list!(self, d.handlers, handler)),
            ("orelse", list!(self, d.orelse, stmt)),
            ("finalbody", list!(self, d.finalbody, stmt)),
        ];
        self.node(name, f, Some(range))
    }

    fn stmt(&mut self, s: &Stmt<'a>) -> PyResult {
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
                self.node("ClassDef", f, at)
            }
            StmtKind::For(d) => self.for_("For", d, s.range),
            StmtKind::AsyncFor(d) => self.for_("AsyncFor", d, s.range),
            StmtKind::With(d) => self.with("With", d, s.range),
            StmtKind::AsyncWith(d) => self.with("AsyncWith", d, s.range),
            StmtKind::Try(d) => self.try_("Try", d, s.range),
            StmtKind::TryStar(d) => self.try_("TryStar", d, s.range),
            StmtKind::Match { subject, cases } => {
                let f = [("subject", self.expr(subject)?), ("cases", list!(self, cases, match_case))];
                self.node("Match", f, at)
            }
            StmtKind::While { test, body, orelse } => {
                let f = [("test", self.expr(test)?), ("body", list!(self, body, stmt)), ("orelse", list!(self, orelse, stmt))];
                self.node("While", f, at)
            }
            StmtKind::If { test, body, orelse } => {
                let f = [("test", self.expr(test)?), ("body", list!(self, body, stmt)), ("orelse", list!(self, orelse, stmt))];
                self.node("If", f, at)
            }
            _ => self.simple_stmt(s),
        }
    }

    fn simple_stmt(&mut self, s: &Stmt<'a>) -> PyResult {
        let at = Some(s.range);
        match &s.kind {
            StmtKind::Return { value } => {
                let f = [("value", opt!(self, value, expr))];
                self.node("Return", f, at)
            }
            StmtKind::Delete { targets } => {
                let f = [("targets", list!(self, targets, expr))];
                self.node("Delete", f, at)
            }
            StmtKind::Assign { targets, value, type_comment } => {
                let f = [("targets", list!(self, targets, expr)), ("value", self.expr(value)?), ("type_comment", opt!(self, type_comment, text))];
                self.node("Assign", f, at)
            }
            StmtKind::TypeAlias { name, type_params, value } => {
                let f = [("name", self.expr(name)?), ("type_params", list!(self, type_params, type_param)), ("value", self.expr(value)?)];
                self.node("TypeAlias", f, at)
            }
            StmtKind::AugAssign { target, op, value } => {
                let f = [("target", self.expr(target)?), ("op", singleton(self.vm, operator(*op))?), ("value", self.expr(value)?)];
                self.node("AugAssign", f, at)
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                let f = [
                    ("target", self.expr(target)?),
                    ("annotation", self.expr(annotation)?),
                    ("value", opt!(self, value, expr)),
                    ("simple", Value::from_i32((*simple).into())),
                ];
                self.node("AnnAssign", f, at)
            }
            StmtKind::Raise { exc, cause } => {
                let f = [("exc", opt!(self, exc, expr)), ("cause", opt!(self, cause, expr))];
                self.node("Raise", f, at)
            }
            StmtKind::Assert { test, msg } => {
                let f = [("test", self.expr(test)?), ("msg", opt!(self, msg, expr))];
                self.node("Assert", f, at)
            }
            StmtKind::Import { names } => {
                let f = [("names", list!(self, names, alias))];
                self.node("Import", f, at)
            }
            StmtKind::ImportFrom { module, names, level } => {
                let f = [("module", opt!(self, module, name)), ("names", list!(self, names, alias)), ("level", Value::from_i32(*level))];
                self.node("ImportFrom", f, at)
            }
            StmtKind::Global { names } => {
                let f = [("names", list!(self, names, name))];
                self.node("Global", f, at)
            }
            StmtKind::Nonlocal { names } => {
                let f = [("names", list!(self, names, name))];
                self.node("Nonlocal", f, at)
            }
            StmtKind::Expr { value } => {
                let f = [("value", self.expr(value)?)];
                self.node("Expr", f, at)
            }
            StmtKind::Pass => self.node("Pass", [], at),
            StmtKind::Break => self.node("Break", [], at),
            StmtKind::Continue => self.node("Continue", [], at),
            _ => Err(self.vm.system_error("a compound statement among the simple ones")),
        }
    }

    fn expr(&mut self, e: &Expr<'a>) -> PyResult {
        self.vm.check_stack(" during ast construction")?;
        let at = Some(e.range);
        match &e.kind {
            ExprKind::BoolOp { op, values } => {
                let op = singleton(self.vm, if *op == BoolOp::And { "And" } else { "Or" })?;
                node!(self, "BoolOp", [("op", op), ("values", list!(self, values, expr))], at)
            }
            ExprKind::NamedExpr { target, value } => node!(self, "NamedExpr", [("target", self.expr(target)?), ("value", self.expr(value)?)], at),
            ExprKind::BinOp { left, op, right } => {
                node!(self, "BinOp", [("left", self.expr(left)?), ("op", singleton(self.vm, operator(*op))?), ("right", self.expr(right)?)], at)
            }
            ExprKind::UnaryOp { op, operand } => {
                let op = match op {
                    UnaryOp::Invert => "Invert",
                    UnaryOp::Not => "Not",
                    UnaryOp::UAdd => "UAdd",
                    UnaryOp::USub => "USub",
                };
                node!(self, "UnaryOp", [("op", singleton(self.vm, op)?), ("operand", self.expr(operand)?)], at)
            }
            ExprKind::Lambda { args, body } => node!(self, "Lambda", [("args", self.arguments(args)?), ("body", self.expr(body)?)], at),
            ExprKind::IfExp { test, body, orelse } => {
                node!(self, "IfExp", [("test", self.expr(test)?), ("body", self.expr(body)?), ("orelse", self.expr(orelse)?)], at)
            }
            ExprKind::Dict { keys, values } => {
                let f = [("keys", list!(self, keys, opt_expr)), ("values", list!(self, values, expr))];
                self.node("Dict", f, at)
            }
            ExprKind::Set { elts } => node!(self, "Set", [("elts", list!(self, elts, expr))], at),
            ExprKind::ListComp { elt, generators } => self.comp("ListComp", elt, generators, at),
            ExprKind::SetComp { elt, generators } => self.comp("SetComp", elt, generators, at),
            ExprKind::GeneratorExp { elt, generators } => self.comp("GeneratorExp", elt, generators, at),
            ExprKind::DictComp { key, value, generators } => {
                node!(self, "DictComp", [("key", self.expr(key)?), ("value", self.expr(value)?), ("generators", list!(self, generators, comprehension))], at)
            }
            ExprKind::Await { value } => node!(self, "Await", [("value", self.expr(value)?)], at),
            ExprKind::Yield { value } => node!(self, "Yield", [("value", opt!(self, value, expr))], at),
            ExprKind::YieldFrom { value } => node!(self, "YieldFrom", [("value", self.expr(value)?)], at),
            ExprKind::Compare { left, ops, comparators } => {
                node!(self, "Compare", [("left", self.expr(left)?), ("ops", list!(self, ops, cmpop)), ("comparators", list!(self, comparators, expr))], at)
            }
            ExprKind::Call { func, args, keywords } => {
                node!(self, "Call", [("func", self.expr(func)?), ("args", list!(self, args, expr)), ("keywords", list!(self, keywords, keyword))], at)
            }
            ExprKind::FormattedValue { value, conversion, format_spec } => {
                let f = [("value", self.expr(value)?), ("conversion", Value::from_i32(*conversion)), ("format_spec", opt!(self, format_spec, expr))];
                self.node("FormattedValue", f, at)
            }
            ExprKind::Interpolation { value, str, conversion, format_spec } => {
                let f = [
                    ("value", self.expr(value)?),
                    ("str", self.constant(str)?),
                    ("conversion", Value::from_i32(*conversion)),
                    ("format_spec", opt!(self, format_spec, expr)),
                ];
                self.node("Interpolation", f, at)
            }
            ExprKind::JoinedStr { values } => node!(self, "JoinedStr", [("values", list!(self, values, expr))], at),
            ExprKind::TemplateStr { values } => node!(self, "TemplateStr", [("values", list!(self, values, expr))], at),
            ExprKind::Constant { value, kind } => node!(self, "Constant", [("value", self.constant(value)?), ("kind", opt!(self, kind, text))], at),
            ExprKind::Attribute { value, attr, ctx } => {
                node!(self, "Attribute", [("value", self.expr(value)?), ("attr", self.name(attr)?), ("ctx", self.context(*ctx)?)], at)
            }
            ExprKind::Subscript { value, slice, ctx } => {
                node!(self, "Subscript", [("value", self.expr(value)?), ("slice", self.expr(slice)?), ("ctx", self.context(*ctx)?)], at)
            }
            ExprKind::Starred { value, ctx } => node!(self, "Starred", [("value", self.expr(value)?), ("ctx", self.context(*ctx)?)], at),
            ExprKind::Name { id, ctx } => node!(self, "Name", [("id", self.name(id)?), ("ctx", self.context(*ctx)?)], at),
            ExprKind::List { elts, ctx } => node!(self, "List", [("elts", list!(self, elts, expr)), ("ctx", self.context(*ctx)?)], at),
            ExprKind::Tuple { elts, ctx } => node!(self, "Tuple", [("elts", list!(self, elts, expr)), ("ctx", self.context(*ctx)?)], at),
            ExprKind::Slice { lower, upper, step } => {
                node!(self, "Slice", [("lower", opt!(self, lower, expr)), ("upper", opt!(self, upper, expr)), ("step", opt!(self, step, expr))], at)
            }
        }
    }

    fn comp(&mut self, name: &str, elt: &Expr<'a>, generators: &[Comprehension<'a>], at: Option<Range>) -> PyResult {
        let f = [("elt", self.expr(elt)?), ("generators", list!(self, generators, comprehension))];
        self.node(name, f, at)
    }

    fn opt_expr(&mut self, e: &Option<Expr<'a>>) -> PyResult {
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

    fn constant(&mut self, c: &Constant<'a>) -> PyResult {
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

    fn comprehension(&mut self, c: &Comprehension<'a>) -> PyResult {
        let f = [
            ("target", self.expr(c.target)?),
            ("iter", self.expr(c.iter)?),
            ("ifs", list!(self, c.ifs, expr)),
            ("is_async", Value::from_i32(c.is_async.into())),
        ];
        self.node("comprehension", f, None)
    }

    fn handler(&mut self, h: &ExceptHandler<'a>) -> PyResult {
        let f = [("type", opt!(self, h.type_, expr)), ("name", opt!(self, &h.name, name)), ("body", list!(self, h.body, stmt))];
        self.node("ExceptHandler", f, Some(h.range))
    }

    fn arguments(&mut self, a: &Arguments<'a>) -> PyResult {
        let f = [
            ("posonlyargs", list!(self, a.posonlyargs, arg)),
            ("args", list!(self, a.args, arg)),
            ("vararg", opt!(self, a.vararg, arg)),
            ("kwonlyargs", list!(self, a.kwonlyargs, arg)),
            ("kw_defaults", list!(self, a.kw_defaults, opt_expr)),
            ("kwarg", opt!(self, a.kwarg, arg)),
            ("defaults", list!(self, a.defaults, expr)),
        ];
        self.node("arguments", f, None)
    }

    fn arg(&mut self, a: &Arg<'a>) -> PyResult {
        let f = [("arg", self.name(&a.arg)?), ("annotation", opt!(self, a.annotation, expr)), ("type_comment", opt!(self, a.type_comment, text))];
        self.node("arg", f, Some(a.range))
    }

    fn keyword(&mut self, k: &Keyword<'a>) -> PyResult {
        let f = [("arg", opt!(self, &k.arg, name)), ("value", self.expr(k.value)?)];
        self.node("keyword", f, Some(k.range))
    }

    fn alias(&mut self, a: &Alias<'a>) -> PyResult {
        let f = [("name", self.name(&a.name)?), ("asname", opt!(self, &a.asname, name))];
        self.node("alias", f, Some(a.range))
    }

    fn withitem(&mut self, w: &WithItem<'a>) -> PyResult {
        let f = [("context_expr", self.expr(w.context_expr)?), ("optional_vars", opt!(self, w.optional_vars, expr))];
        self.node("withitem", f, None)
    }

    fn match_case(&mut self, m: &MatchCase<'a>) -> PyResult {
        let f = [("pattern", self.pattern(m.pattern)?), ("guard", opt!(self, m.guard, expr)), ("body", list!(self, m.body, stmt))];
        self.node("match_case", f, None)
    }

    fn pattern(&mut self, p: &Pattern<'a>) -> PyResult {
        self.vm.check_stack(" during ast construction")?;
        let at = Some(p.range);
        match &p.kind {
            PatternKind::MatchValue { value } => node!(self, "MatchValue", [("value", self.expr(value)?)], at),
            PatternKind::MatchSingleton { value } => node!(self, "MatchSingleton", [("value", self.constant(value)?)], at),
            PatternKind::MatchSequence { patterns } => node!(self, "MatchSequence", [("patterns", list!(self, patterns, pattern))], at),
            PatternKind::MatchMapping { keys, patterns, rest } => {
                let f = [("keys", list!(self, keys, expr)), ("patterns", list!(self, patterns, pattern)), ("rest", opt!(self, rest, name))];
                self.node("MatchMapping", f, at)
            }
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => {
                let f = [
                    ("cls", self.expr(cls)?),
                    ("patterns", list!(self, patterns, pattern)),
                    ("kwd_attrs", list!(self, kwd_attrs, name)),
                    ("kwd_patterns", list!(self, kwd_patterns, pattern)),
                ];
                self.node("MatchClass", f, at)
            }
            PatternKind::MatchStar { name } => node!(self, "MatchStar", [("name", opt!(self, name, name))], at),
            PatternKind::MatchAs { pattern, name } => {
                let f = [("pattern", opt!(self, pattern, pattern)), ("name", opt!(self, name, name))];
                self.node("MatchAs", f, at)
            }
            PatternKind::MatchOr { patterns } => node!(self, "MatchOr", [("patterns", list!(self, patterns, pattern))], at),
        }
    }

    fn type_param(&mut self, t: &TypeParam<'a>) -> PyResult {
        let at = Some(t.range);
        match &t.kind {
            TypeParamKind::TypeVar { name, bound, default_value } => {
                let f = [("name", self.name(name)?), ("bound", opt!(self, bound, expr)), ("default_value", opt!(self, default_value, expr))];
                self.node("TypeVar", f, at)
            }
            TypeParamKind::ParamSpec { name, default_value } => {
                node!(self, "ParamSpec", [("name", self.name(name)?), ("default_value", opt!(self, default_value, expr))], at)
            }
            TypeParamKind::TypeVarTuple { name, default_value } => {
                node!(self, "TypeVarTuple", [("name", self.name(name)?), ("default_value", opt!(self, default_value, expr))], at)
            }
        }
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
