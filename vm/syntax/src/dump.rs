//! The tree as text: what `ast.dump(tree, include_attributes=True)` says, with strings as `ascii()` shows them, so that the text is ASCII.

use std::fmt::Write as _;

use krait_unicode::Text;

use crate::ast::*;
use crate::unparse::{ascii_bytes, ascii_str, float_repr};

/// `ast.dump(module, include_attributes=True)`.
pub fn dump(module: &Mod<'_>) -> String {
    let mut dump = Dump(String::new());
    dump.module(module);
    dump.0
}

struct Dump(String);

/// Writes one field of a node; an empty list or `None` writes nothing.
type Field<'x> = (&'x str, Value<'x>);

enum Value<'x> {
    Skip,
    Raw(String),
    Str(&'x Text),
    Expr(&'x Expr<'x>),
    Exprs(&'x [Expr<'x>]),
    OptExprs(&'x [Option<Expr<'x>>]),
    Stmts(&'x [Stmt<'x>]),
    Patterns(&'x [Pattern<'x>]),
    Pattern(&'x Pattern<'x>),
    Constant(Constant<'x>),
    Args(&'x Arguments<'x>),
    Arg(&'x Arg<'x>),
    ArgList(&'x [Arg<'x>]),
    Keywords(&'x [Keyword<'x>]),
    Generators(&'x [Comprehension<'x>]),
    Handlers(&'x [ExceptHandler<'x>]),
    Items(&'x [WithItem<'x>]),
    Cases(&'x [MatchCase<'x>]),
    Aliases(&'x [Alias<'x>]),
    Names(&'x [&'x str]),
    TypeParams(&'x [TypeParam<'x>]),
    TypeIgnores(&'x [TypeIgnore<'x>]),
}

use Value as V;

fn name<'x>(s: &'x str) -> Value<'x> {
    V::Str(Text::new(s))
}

fn opt_name<'x>(s: Option<&'x str>) -> Value<'x> {
    s.map_or(V::Skip, name)
}

fn opt_str<'x>(s: Option<&'x Text>) -> Value<'x> {
    s.map_or(V::Skip, V::Str)
}

fn opt_expr<'x>(e: Option<&'x Expr<'x>>) -> Value<'x> {
    e.map_or(V::Skip, V::Expr)
}

fn int<'x>(i: i32) -> Value<'x> {
    V::Raw(i.to_string())
}

fn tag<'x>(x: impl std::fmt::Debug) -> Value<'x> {
    V::Raw(format!("{x:?}()"))
}

impl Dump {
    fn node(&mut self, name: &str, fields: &[Field], range: Option<Range>) {
        self.0.push_str(name);
        self.0.push('(');
        let mut first = true;
        for (name, value) in fields {
            if value.is_empty() {
                continue;
            }
            self.0.push_str(if first { "" } else { ", " });
            first = false;
            self.0.push_str(name);
            self.0.push('=');
            self.value(value);
        }
        if let Some(r) = range {
            self.0.push_str(if first { "" } else { ", " });
            let _ = write!(
                self.0,
                "lineno={}, col_offset={}, end_lineno={}, end_col_offset={}",
                r.lineno, r.col_offset, r.end_lineno, r.end_col_offset
            );
        }
        self.0.push(')');
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Dump, &T)) {
        self.0.push('[');
        for (i, item) in items.iter().enumerate() {
            self.0.push_str(if i > 0 { ", " } else { "" });
            each(self, item);
        }
        self.0.push(']');
    }

    fn value(&mut self, value: &Value) {
        match value {
            V::Skip => {}
            V::Raw(s) => self.0.push_str(s),
            V::Str(s) => self.0.push_str(&ascii_str(s)),
            V::Expr(e) => self.expr(e),
            V::Exprs(x) => self.list(x, Dump::expr),
            V::OptExprs(x) => self.list(x, |d, e| match e {
                Some(e) => d.expr(e),
                None => d.0.push_str("None"),
            }),
            V::Stmts(x) => self.list(x, Dump::stmt),
            V::Patterns(x) => self.list(x, Dump::pattern),
            V::Pattern(x) => self.pattern(x),
            V::Constant(c) => self.constant(c),
            V::Args(a) => self.arguments(a),
            V::Arg(a) => self.arg(a),
            V::ArgList(x) => self.list(x, Dump::arg),
            V::Keywords(x) => self.list(x, |d, k| {
                d.node("keyword", &[("arg", opt_name(k.arg)), ("value", V::Expr(k.value))], Some(k.range));
            }),
            V::Generators(x) => self.list(x, |d, g| {
                let fields = [
                    ("target", V::Expr(g.target)),
                    ("iter", V::Expr(g.iter)),
                    ("ifs", V::Exprs(g.ifs)),
                    ("is_async", int(g.is_async.into())),
                ];
                d.node("comprehension", &fields, None);
            }),
            V::Handlers(x) => self.list(x, |d, h| {
                let fields = [("type", opt_expr(h.type_)), ("name", opt_name(h.name)), ("body", V::Stmts(h.body))];
                d.node("ExceptHandler", &fields, Some(h.range));
            }),
            V::Items(x) => self.list(x, |d, i| {
                let fields = [("context_expr", V::Expr(i.context_expr)), ("optional_vars", opt_expr(i.optional_vars))];
                d.node("withitem", &fields, None);
            }),
            V::Cases(x) => self.list(x, |d, c| {
                let fields = [("pattern", V::Pattern(c.pattern)), ("guard", opt_expr(c.guard)), ("body", V::Stmts(c.body))];
                d.node("match_case", &fields, None);
            }),
            V::Aliases(x) => self.list(x, |d, a| {
                d.node("alias", &[("name", name(a.name)), ("asname", opt_name(a.asname))], Some(a.range));
            }),
            V::Names(x) => self.list(x, |d, n| d.0.push_str(&ascii_str(Text::new(n)))),
            V::TypeParams(x) => self.list(x, Dump::type_param),
            V::TypeIgnores(x) => self.list(x, |d, t| {
                d.node("TypeIgnore", &[("lineno", int(t.lineno)), ("tag", V::Str(t.tag))], None);
            }),
        }
    }

    fn module(&mut self, module: &Mod) {
        match *module {
            Mod::Module { body, type_ignores } => {
                self.node("Module", &[("body", V::Stmts(body)), ("type_ignores", V::TypeIgnores(type_ignores))], None);
            }
            Mod::Interactive { body } => self.node("Interactive", &[("body", V::Stmts(body))], None),
            Mod::Expression { body } => self.node("Expression", &[("body", V::Expr(body))], None),
            Mod::FunctionType { argtypes, returns } => {
                self.node("FunctionType", &[("argtypes", V::Exprs(argtypes)), ("returns", V::Expr(returns))], None);
            }
        }
    }

    fn stmt(&mut self, s: &Stmt) {
        let at = Some(s.range);
        match s.kind {
            StmtKind::FunctionDef(f) => self.function("FunctionDef", f, at),
            StmtKind::AsyncFunctionDef(f) => self.function("AsyncFunctionDef", f, at),
            StmtKind::ClassDef(c) => {
                let fields = [
                    ("name", name(c.name)),
                    ("bases", V::Exprs(c.bases)),
                    ("keywords", V::Keywords(c.keywords)),
                    ("body", V::Stmts(c.body)),
                    ("decorator_list", V::Exprs(c.decorator_list)),
                    ("type_params", V::TypeParams(c.type_params)),
                ];
                self.node("ClassDef", &fields, at);
            }
            StmtKind::Return { value } => self.node("Return", &[("value", opt_expr(value))], at),
            StmtKind::Delete { targets } => self.node("Delete", &[("targets", V::Exprs(targets))], at),
            StmtKind::Assign { targets, value, type_comment } => {
                let fields =
                    [("targets", V::Exprs(targets)), ("value", V::Expr(value)), ("type_comment", opt_str(type_comment))];
                self.node("Assign", &fields, at);
            }
            StmtKind::TypeAlias { name, type_params, value } => {
                let fields =
                    [("name", V::Expr(name)), ("type_params", V::TypeParams(type_params)), ("value", V::Expr(value))];
                self.node("TypeAlias", &fields, at);
            }
            StmtKind::AugAssign { target, op, value } => {
                self.node("AugAssign", &[("target", V::Expr(target)), ("op", tag(op)), ("value", V::Expr(value))], at);
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                let fields = [
                    ("target", V::Expr(target)),
                    ("annotation", V::Expr(annotation)),
                    ("value", opt_expr(value)),
                    ("simple", int(simple.into())),
                ];
                self.node("AnnAssign", &fields, at);
            }
            StmtKind::For(f) => self.for_("For", f, at),
            StmtKind::AsyncFor(f) => self.for_("AsyncFor", f, at),
            StmtKind::While { test, body, orelse } => {
                self.node("While", &[("test", V::Expr(test)), ("body", V::Stmts(body)), ("orelse", V::Stmts(orelse))], at);
            }
            StmtKind::If { test, body, orelse } => {
                self.node("If", &[("test", V::Expr(test)), ("body", V::Stmts(body)), ("orelse", V::Stmts(orelse))], at);
            }
            StmtKind::With(w) => self.with("With", w, at),
            StmtKind::AsyncWith(w) => self.with("AsyncWith", w, at),
            StmtKind::Match { subject, cases } => {
                self.node("Match", &[("subject", V::Expr(subject)), ("cases", V::Cases(cases))], at);
            }
            StmtKind::Raise { exc, cause } => {
                self.node("Raise", &[("exc", opt_expr(exc)), ("cause", opt_expr(cause))], at);
            }
            StmtKind::Try(t) => self.try_("Try", t, at),
            StmtKind::TryStar(t) => self.try_("TryStar", t, at),
            StmtKind::Assert { test, msg } => self.node("Assert", &[("test", V::Expr(test)), ("msg", opt_expr(msg))], at),
            StmtKind::Import { names } => self.node("Import", &[("names", V::Aliases(names))], at),
            StmtKind::ImportFrom { module, names, level } => {
                let fields = [("module", opt_name(module)), ("names", V::Aliases(names)), ("level", int(level))];
                self.node("ImportFrom", &fields, at);
            }
            StmtKind::Global { names } => self.node("Global", &[("names", V::Names(names))], at),
            StmtKind::Nonlocal { names } => self.node("Nonlocal", &[("names", V::Names(names))], at),
            StmtKind::Expr { value } => self.node("Expr", &[("value", V::Expr(value))], at),
            StmtKind::Pass => self.node("Pass", &[], at),
            StmtKind::Break => self.node("Break", &[], at),
            StmtKind::Continue => self.node("Continue", &[], at),
        }
    }

    fn function(&mut self, kind: &str, f: &FunctionDef, at: Option<Range>) {
        let fields = [
            ("name", name(f.name)),
            ("args", V::Args(f.args)),
            ("body", V::Stmts(f.body)),
            ("decorator_list", V::Exprs(f.decorator_list)),
            ("returns", opt_expr(f.returns)),
            ("type_comment", opt_str(f.type_comment)),
            ("type_params", V::TypeParams(f.type_params)),
        ];
        self.node(kind, &fields, at);
    }

    fn for_(&mut self, kind: &str, f: &For, at: Option<Range>) {
        let fields = [
            ("target", V::Expr(f.target)),
            ("iter", V::Expr(f.iter)),
            ("body", V::Stmts(f.body)),
            ("orelse", V::Stmts(f.orelse)),
            ("type_comment", opt_str(f.type_comment)),
        ];
        self.node(kind, &fields, at);
    }

    fn with(&mut self, kind: &str, w: &With, at: Option<Range>) {
        let fields =
            [("items", V::Items(w.items)), ("body", V::Stmts(w.body)), ("type_comment", opt_str(w.type_comment))];
        self.node(kind, &fields, at);
    }

    fn try_(&mut self, kind: &str, t: &Try, at: Option<Range>) {
        let fields = [
            ("body", V::Stmts(t.body)),
            ("handlers", V::Handlers(t.handlers)),
            ("orelse", V::Stmts(t.orelse)),
            ("finalbody", V::Stmts(t.finalbody)),
        ];
        self.node(kind, &fields, at);
    }

    fn expr(&mut self, e: &Expr) {
        stacker::maybe_grow(128 * 1024, 4 << 20, || self.expr_kind(e));
    }

    fn expr_kind(&mut self, e: &Expr) {
        let at = Some(e.range);
        match e.kind {
            ExprKind::BoolOp { op, values } => self.node("BoolOp", &[("op", tag(op)), ("values", V::Exprs(values))], at),
            ExprKind::NamedExpr { target, value } => {
                self.node("NamedExpr", &[("target", V::Expr(target)), ("value", V::Expr(value))], at);
            }
            ExprKind::BinOp { left, op, right } => {
                self.node("BinOp", &[("left", V::Expr(left)), ("op", tag(op)), ("right", V::Expr(right))], at);
            }
            ExprKind::UnaryOp { op, operand } => {
                self.node("UnaryOp", &[("op", tag(op)), ("operand", V::Expr(operand))], at);
            }
            ExprKind::Lambda { args, body } => self.node("Lambda", &[("args", V::Args(args)), ("body", V::Expr(body))], at),
            ExprKind::IfExp { test, body, orelse } => {
                self.node("IfExp", &[("test", V::Expr(test)), ("body", V::Expr(body)), ("orelse", V::Expr(orelse))], at);
            }
            ExprKind::Dict { keys, values } => {
                self.node("Dict", &[("keys", V::OptExprs(keys)), ("values", V::Exprs(values))], at);
            }
            ExprKind::Set { elts } => self.node("Set", &[("elts", V::Exprs(elts))], at),
            ExprKind::ListComp { elt, generators } => self.comp("ListComp", elt, generators, at),
            ExprKind::SetComp { elt, generators } => self.comp("SetComp", elt, generators, at),
            ExprKind::GeneratorExp { elt, generators } => self.comp("GeneratorExp", elt, generators, at),
            ExprKind::DictComp { key, value, generators } => {
                let fields = [("key", V::Expr(key)), ("value", V::Expr(value)), ("generators", V::Generators(generators))];
                self.node("DictComp", &fields, at);
            }
            ExprKind::Await { value } => self.node("Await", &[("value", V::Expr(value))], at),
            ExprKind::Yield { value } => self.node("Yield", &[("value", opt_expr(value))], at),
            ExprKind::YieldFrom { value } => self.node("YieldFrom", &[("value", V::Expr(value))], at),
            ExprKind::Compare { left, ops, comparators } => {
                let ops: Vec<String> = ops.iter().map(|op| format!("{op:?}()")).collect();
                let ops = V::Raw(format!("[{}]", ops.join(", ")));
                self.node("Compare", &[("left", V::Expr(left)), ("ops", ops), ("comparators", V::Exprs(comparators))], at);
            }
            ExprKind::Call { func, args, keywords } => {
                let fields = [("func", V::Expr(func)), ("args", V::Exprs(args)), ("keywords", V::Keywords(keywords))];
                self.node("Call", &fields, at);
            }
            ExprKind::FormattedValue { value, conversion, format_spec } => {
                let fields =
                    [("value", V::Expr(value)), ("conversion", int(conversion)), ("format_spec", opt_expr(format_spec))];
                self.node("FormattedValue", &fields, at);
            }
            ExprKind::Interpolation { value, str, conversion, format_spec } => {
                let fields = [
                    ("value", V::Expr(value)),
                    ("str", V::Constant(str)),
                    ("conversion", int(conversion)),
                    ("format_spec", opt_expr(format_spec)),
                ];
                self.node("Interpolation", &fields, at);
            }
            ExprKind::JoinedStr { values } => self.node("JoinedStr", &[("values", V::Exprs(values))], at),
            ExprKind::TemplateStr { values } => self.node("TemplateStr", &[("values", V::Exprs(values))], at),
            ExprKind::Constant { value, kind } => {
                self.node("Constant", &[("value", V::Constant(value)), ("kind", opt_str(kind))], at);
            }
            ExprKind::Attribute { value, attr, ctx } => {
                self.node("Attribute", &[("value", V::Expr(value)), ("attr", name(attr)), ("ctx", tag(ctx))], at);
            }
            ExprKind::Subscript { value, slice, ctx } => {
                self.node("Subscript", &[("value", V::Expr(value)), ("slice", V::Expr(slice)), ("ctx", tag(ctx))], at);
            }
            ExprKind::Starred { value, ctx } => self.node("Starred", &[("value", V::Expr(value)), ("ctx", tag(ctx))], at),
            ExprKind::Name { id, ctx } => self.node("Name", &[("id", name(id)), ("ctx", tag(ctx))], at),
            ExprKind::List { elts, ctx } => self.node("List", &[("elts", V::Exprs(elts)), ("ctx", tag(ctx))], at),
            ExprKind::Tuple { elts, ctx } => self.node("Tuple", &[("elts", V::Exprs(elts)), ("ctx", tag(ctx))], at),
            ExprKind::Slice { lower, upper, step } => {
                self.node("Slice", &[("lower", opt_expr(lower)), ("upper", opt_expr(upper)), ("step", opt_expr(step))], at);
            }
        }
    }

    fn comp(&mut self, kind: &str, elt: &Expr, generators: &[Comprehension], at: Option<Range>) {
        self.node(kind, &[("elt", V::Expr(elt)), ("generators", V::Generators(generators))], at);
    }

    fn constant(&mut self, c: &Constant) {
        let s = match c {
            Constant::None => "None".to_owned(),
            Constant::True => "True".to_owned(),
            Constant::False => "False".to_owned(),
            Constant::Ellipsis => "Ellipsis".to_owned(),
            Constant::Int(i) => i.to_string(),
            Constant::BigInt(i) => i.to_string(),
            Constant::Float(x) => float_repr(*x),
            Constant::Complex { imag, .. } => format!("{}j", float_repr(*imag).trim_end_matches(".0")),
            Constant::Str(s) => ascii_str(s),
            Constant::Bytes(b) => ascii_bytes(b),
            Constant::Tuple(_) | Constant::FrozenSet(_) => "?".to_owned(),
        };
        self.0.push_str(&s);
    }

    fn arguments(&mut self, a: &Arguments) {
        let fields = [
            ("posonlyargs", V::ArgList(a.posonlyargs)),
            ("args", V::ArgList(a.args)),
            ("vararg", a.vararg.map_or(V::Skip, V::Arg)),
            ("kwonlyargs", V::ArgList(a.kwonlyargs)),
            ("kw_defaults", V::OptExprs(a.kw_defaults)),
            ("kwarg", a.kwarg.map_or(V::Skip, V::Arg)),
            ("defaults", V::Exprs(a.defaults)),
        ];
        self.node("arguments", &fields, None);
    }

    fn arg(&mut self, a: &Arg) {
        let fields =
            [("arg", name(a.arg)), ("annotation", opt_expr(a.annotation)), ("type_comment", opt_str(a.type_comment))];
        self.node("arg", &fields, Some(a.range));
    }

    fn pattern(&mut self, p: &Pattern) {
        let at = Some(p.range);
        match p.kind {
            PatternKind::MatchValue { value } => self.node("MatchValue", &[("value", V::Expr(value))], at),
            PatternKind::MatchSingleton { value } => self.node("MatchSingleton", &[("value", V::Constant(value))], at),
            PatternKind::MatchSequence { patterns } => {
                self.node("MatchSequence", &[("patterns", V::Patterns(patterns))], at);
            }
            PatternKind::MatchMapping { keys, patterns, rest } => {
                let fields = [("keys", V::Exprs(keys)), ("patterns", V::Patterns(patterns)), ("rest", opt_name(rest))];
                self.node("MatchMapping", &fields, at);
            }
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => {
                let fields = [
                    ("cls", V::Expr(cls)),
                    ("patterns", V::Patterns(patterns)),
                    ("kwd_attrs", V::Names(kwd_attrs)),
                    ("kwd_patterns", V::Patterns(kwd_patterns)),
                ];
                self.node("MatchClass", &fields, at);
            }
            PatternKind::MatchStar { name } => self.node("MatchStar", &[("name", opt_name(name))], at),
            PatternKind::MatchAs { pattern, name } => {
                let fields = [("pattern", pattern.map_or(V::Skip, V::Pattern)), ("name", opt_name(name))];
                self.node("MatchAs", &fields, at);
            }
            PatternKind::MatchOr { patterns } => self.node("MatchOr", &[("patterns", V::Patterns(patterns))], at),
        }
    }

    fn type_param(&mut self, t: &TypeParam) {
        let (kind, id, bound, default) = match t.kind {
            TypeParamKind::TypeVar { name, bound, default_value } => ("TypeVar", name, bound, default_value),
            TypeParamKind::ParamSpec { name, default_value } => ("ParamSpec", name, None, default_value),
            TypeParamKind::TypeVarTuple { name, default_value } => ("TypeVarTuple", name, None, default_value),
        };
        let fields = [("name", name(id)), ("bound", opt_expr(bound)), ("default_value", opt_expr(default))];
        self.node(kind, &fields, Some(t.range));
    }
}

impl Value<'_> {
    fn is_empty(&self) -> bool {
        match self {
            V::Skip => true,
            V::Exprs(x) => x.is_empty(),
            V::OptExprs(x) => x.is_empty(),
            V::Stmts(x) => x.is_empty(),
            V::Patterns(x) => x.is_empty(),
            V::ArgList(x) => x.is_empty(),
            V::Keywords(x) => x.is_empty(),
            V::Generators(x) => x.is_empty(),
            V::Handlers(x) => x.is_empty(),
            V::Items(x) => x.is_empty(),
            V::Cases(x) => x.is_empty(),
            V::Aliases(x) => x.is_empty(),
            V::Names(x) => x.is_empty(),
            V::TypeParams(x) => x.is_empty(),
            V::TypeIgnores(x) => x.is_empty(),
            _ => false,
        }
    }
}
