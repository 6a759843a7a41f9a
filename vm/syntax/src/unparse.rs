//! Expressions back to source text, as `from __future__ import annotations` stores them (CPython's `ast_unparse.c`).
//!
//! The text is CPython's, its few oddities included (`lambda*a: a`). Comments, quotes and spacing of the source are gone.

use crate::ast::*;
use krait_unicode::{Text, TextBuf};
use std::fmt::Write as _;

/// How tightly the place of an expression binds; weaker expressions get parentheses there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
enum Level {
    Tuple,
    Test,
    Or,
    And,
    Not,
    Cmp,
    BitOr,
    BitXor,
    BitAnd,
    Shift,
    Arith,
    Term,
    Factor,
    Power,
    Await,
    Atom,
}

impl Level {
    /// The next tighter level.
    fn tighter(self) -> Level {
        use Level::*;
        const ALL: [Level; 16] = [
            Tuple, Test, Or, And, Not, Cmp, BitOr, BitXor, BitAnd, Shift, Arith, Term, Factor, Power, Await, Atom,
        ];
        ALL.get(self as usize + 1).copied().unwrap_or(Atom)
    }
}

/// The text of `expr`, as CPython's compiler writes annotations.
pub fn unparse_expr(expr: &Expr) -> TextBuf {
    let mut u = Unparser { out: TextBuf::new() };
    u.expr(expr, Level::Test);
    u.out
}

struct Unparser {
    out: TextBuf,
}

impl Unparser {
    fn str(&mut self, s: &str) {
        self.out.push_str(s);
    }

    fn parens(&mut self, needed: bool, body: impl FnOnce(&mut Self)) {
        self.str(if needed { "(" } else { "" });
        body(self);
        self.str(if needed { ")" } else { "" });
    }

    fn list(&mut self, items: &[Expr], level: Level) {
        for (i, e) in items.iter().enumerate() {
            self.str(if i > 0 { ", " } else { "" });
            self.expr(e, level);
        }
    }

    fn expr(&mut self, e: &Expr, level: Level) {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.expr_kind(e, level));
    }

    fn expr_kind(&mut self, e: &Expr, level: Level) {
        match e.kind {
            ExprKind::BoolOp { op, values } => self.bool_op(op, values, level),
            ExprKind::BinOp { left, op, right } => self.bin_op(left, op, right, level),
            ExprKind::UnaryOp { op, operand } => self.unary_op(op, operand, level),
            ExprKind::Compare { left, ops, comparators } => self.compare(left, ops, comparators, level),
            ExprKind::Lambda { args, body } => self.lambda(args, body, level),
            ExprKind::NamedExpr { target, value } => self.parens(level > Level::Tuple, |u| {
                u.expr(target, Level::Atom);
                u.str(" := ");
                u.expr(value, Level::Atom);
            }),
            ExprKind::IfExp { test, body, orelse } => self.parens(level > Level::Test, |u| {
                u.expr(body, Level::Or);
                u.str(" if ");
                u.expr(test, Level::Or);
                u.str(" else ");
                u.expr(orelse, Level::Test);
            }),
            ExprKind::Dict { keys, values } => self.dict(keys, values),
            ExprKind::Set { elts } => {
                self.str("{");
                self.list(elts, Level::Test);
                self.str("}");
            }
            ExprKind::ListComp { elt, generators } => self.comprehension("[", None, elt, generators, "]"),
            ExprKind::SetComp { elt, generators } => self.comprehension("{", None, elt, generators, "}"),
            ExprKind::GeneratorExp { elt, generators } => self.comprehension("(", None, elt, generators, ")"),
            ExprKind::DictComp { key, value, generators } => {
                self.comprehension("{", Some(key), value, generators, "}");
            }
            ExprKind::Yield { value: None } => self.str("(yield)"),
            ExprKind::Yield { value: Some(value) } => self.wrap("(yield ", value, ")"),
            ExprKind::YieldFrom { value } => self.wrap("(yield from ", value, ")"),
            ExprKind::Await { value } => self.parens(level > Level::Await, |u| {
                u.str("await ");
                u.expr(value, Level::Atom);
            }),
            ExprKind::Call { func, args, keywords } => self.call(func, args, keywords),
            ExprKind::JoinedStr { .. } | ExprKind::FormattedValue { .. } => self.joined_str(e, "f"),
            ExprKind::TemplateStr { .. } | ExprKind::Interpolation { .. } => self.joined_str(e, "t"),
            ExprKind::Constant { value, kind } => {
                if kind.is_some() {
                    self.str("u");
                }
                self.constant(&value);
            }
            ExprKind::Attribute { value, attr, .. } => {
                self.expr(value, Level::Atom);
                let int = matches!(
                    value.kind,
                    ExprKind::Constant { value: Constant::Int(_) | Constant::BigInt(_), .. }
                );
                self.str(if int { " ." } else { "." });
                self.str(attr);
            }
            ExprKind::Starred { value, .. } => {
                self.str("*");
                self.expr(value, Level::BitOr);
            }
            ExprKind::Name { id, .. } => self.str(id),
            ExprKind::List { elts, .. } => {
                self.str("[");
                self.list(elts, Level::Test);
                self.str("]");
            }
            ExprKind::Tuple { elts, .. } => self.tuple(elts, level),
            ExprKind::Subscript { value, slice, .. } => {
                self.expr(value, Level::Atom);
                self.str("[");
                self.expr(slice, Level::Tuple);
                self.str("]");
            }
            ExprKind::Slice { lower, upper, step } => self.slice(lower, upper, step),
        }
    }

    fn wrap(&mut self, before: &str, e: &Expr, after: &str) {
        self.str(before);
        self.expr(e, Level::Test);
        self.str(after);
    }

    fn bool_op(&mut self, op: BoolOp, values: &[Expr], level: Level) {
        let (text, own) = match op {
            BoolOp::And => (" and ", Level::And),
            BoolOp::Or => (" or ", Level::Or),
        };
        self.parens(level > own, |u| {
            for (i, e) in values.iter().enumerate() {
                u.str(if i > 0 { text } else { "" });
                u.expr(e, own.tighter());
            }
        });
    }

    fn bin_op(&mut self, left: &Expr, op: Operator, right: &Expr, level: Level) {
        let (text, own) = match op {
            Operator::Add => (" + ", Level::Arith),
            Operator::Sub => (" - ", Level::Arith),
            Operator::Mult => (" * ", Level::Term),
            Operator::MatMult => (" @ ", Level::Term),
            Operator::Div => (" / ", Level::Term),
            Operator::Mod => (" % ", Level::Term),
            Operator::FloorDiv => (" // ", Level::Term),
            Operator::LShift => (" << ", Level::Shift),
            Operator::RShift => (" >> ", Level::Shift),
            Operator::BitOr => (" | ", Level::BitOr),
            Operator::BitXor => (" ^ ", Level::BitXor),
            Operator::BitAnd => (" & ", Level::BitAnd),
            Operator::Pow => (" ** ", Level::Power),
        };
        let (left_level, right_level) =
            if op == Operator::Pow { (own.tighter(), own) } else { (own, own.tighter()) };
        self.parens(level > own, |u| {
            u.expr(left, left_level);
            u.str(text);
            u.expr(right, right_level);
        });
    }

    fn unary_op(&mut self, op: UnaryOp, operand: &Expr, level: Level) {
        let (text, own) = match op {
            UnaryOp::Invert => ("~", Level::Factor),
            UnaryOp::Not => ("not ", Level::Not),
            UnaryOp::UAdd => ("+", Level::Factor),
            UnaryOp::USub => ("-", Level::Factor),
        };
        self.parens(level > own, |u| {
            u.str(text);
            u.expr(operand, own);
        });
    }

    fn compare(&mut self, left: &Expr, ops: &[CmpOp], comparators: &[Expr], level: Level) {
        self.parens(level > Level::Cmp, |u| {
            u.expr(left, Level::BitOr);
            for (op, e) in ops.iter().zip(comparators) {
                u.str(match op {
                    CmpOp::Eq => " == ",
                    CmpOp::NotEq => " != ",
                    CmpOp::Lt => " < ",
                    CmpOp::LtE => " <= ",
                    CmpOp::Gt => " > ",
                    CmpOp::GtE => " >= ",
                    CmpOp::Is => " is ",
                    CmpOp::IsNot => " is not ",
                    CmpOp::In => " in ",
                    CmpOp::NotIn => " not in ",
                });
                u.expr(e, Level::BitOr);
            }
        });
    }

    fn lambda(&mut self, args: &Arguments, body: &Expr, level: Level) {
        self.parens(level > Level::Test, |u| {
            let positional = args.args.len() + args.posonlyargs.len() > 0;
            u.str(if positional { "lambda " } else { "lambda" });
            u.arguments(args);
            u.str(": ");
            u.expr(body, Level::Test);
        });
    }

    fn arguments(&mut self, args: &Arguments) {
        let mut first = true;
        let mut comma = |u: &mut Self| u.str(if std::mem::take(&mut first) { "" } else { ", " });
        let count = args.posonlyargs.len() + args.args.len();
        let without_default = count.saturating_sub(args.defaults.len());
        for (i, arg) in args.posonlyargs.iter().chain(args.args).enumerate() {
            comma(self);
            self.arg(arg);
            if let Some(default) = i.checked_sub(without_default).and_then(|i| args.defaults.get(i)) {
                self.wrap("=", default, "");
            }
            if i + 1 == args.posonlyargs.len() {
                self.str(", /");
            }
        }
        if args.vararg.is_some() || !args.kwonlyargs.is_empty() {
            comma(self);
            self.str("*");
            if let Some(arg) = args.vararg {
                self.arg(arg);
            }
        }
        for (i, arg) in args.kwonlyargs.iter().enumerate() {
            comma(self);
            self.arg(arg);
            if let Some(Some(default)) = args.kw_defaults.get(i) {
                self.wrap("=", default, "");
            }
        }
        if let Some(arg) = args.kwarg {
            comma(self);
            self.str("**");
            self.arg(arg);
        }
    }

    fn arg(&mut self, arg: &Arg) {
        self.str(arg.arg);
        if let Some(annotation) = arg.annotation {
            self.wrap(": ", annotation, "");
        }
    }

    fn dict(&mut self, keys: &[Option<Expr>], values: &[Expr]) {
        self.str("{");
        for (i, (key, value)) in keys.iter().zip(values).enumerate() {
            self.str(if i > 0 { ", " } else { "" });
            match key {
                Some(key) => {
                    self.wrap("", key, ": ");
                    self.expr(value, Level::Test);
                }
                None => {
                    self.str("**");
                    self.expr(value, Level::BitOr);
                }
            }
        }
        self.str("}");
    }

    fn comprehension(&mut self, open: &str, key: Option<&Expr>, elt: &Expr, generators: &[Comprehension], close: &str) {
        self.str(open);
        if let Some(key) = key {
            self.wrap("", key, ": ");
        }
        self.expr(elt, Level::Test);
        for g in generators {
            self.str(if g.is_async { " async for " } else { " for " });
            self.expr(g.target, Level::Tuple);
            self.str(" in ");
            self.expr(g.iter, Level::Or);
            for test in g.ifs {
                self.str(" if ");
                self.expr(test, Level::Or);
            }
        }
        self.str(close);
    }

    fn call(&mut self, func: &Expr, args: &[Expr], keywords: &[Keyword]) {
        self.expr(func, Level::Atom);
        if let ([arg], []) = (args, keywords)
            && matches!(arg.kind, ExprKind::GeneratorExp { .. })
        {
            // Its own parentheses do.
            self.expr(arg, Level::Test);
            return;
        }
        self.str("(");
        self.list(args, Level::Test);
        for (i, k) in keywords.iter().enumerate() {
            self.str(if i > 0 || !args.is_empty() { ", " } else { "" });
            match k.arg {
                Some(arg) => {
                    self.str(arg);
                    self.str("=");
                }
                None => self.str("**"),
            }
            self.expr(k.value, Level::Test);
        }
        self.str(")");
    }

    fn tuple(&mut self, elts: &[Expr], level: Level) {
        if elts.is_empty() {
            self.str("()");
            return;
        }
        self.parens(level > Level::Tuple, |u| {
            u.list(elts, Level::Test);
            u.str(if elts.len() == 1 { "," } else { "" });
        });
    }

    fn slice(&mut self, lower: Option<&Expr>, upper: Option<&Expr>, step: Option<&Expr>) {
        if let Some(e) = lower {
            self.expr(e, Level::Test);
        }
        self.str(":");
        if let Some(e) = upper {
            self.expr(e, Level::Test);
        }
        if let Some(e) = step {
            self.wrap(":", e, "");
        }
    }

    // f- and t-strings

    fn joined_str(&mut self, e: &Expr, prefix: &str) {
        let mut body = Unparser { out: TextBuf::new() };
        body.string_part(e, false);
        self.str(prefix);
        str_repr(&mut self.out, &body.out);
    }

    /// One part of an f- or t-string, or all parts of one; in a format specification, nested.
    fn string_part(&mut self, e: &Expr, nested: bool) {
        match e.kind {
            ExprKind::Constant { value: Constant::Str(s), .. } => {
                for c in s.code_points() {
                    self.out.push(c);
                    if c == u32::from(b'{') || c == u32::from(b'}') {
                        self.out.push(c);
                    }
                }
            }
            ExprKind::JoinedStr { values } | ExprKind::TemplateStr { values } => {
                if nested || !values.is_empty() {
                    values.iter().for_each(|v| self.string_part(v, nested));
                }
            }
            ExprKind::FormattedValue { value, conversion, format_spec } => {
                let mut inner = Unparser { out: TextBuf::new() };
                inner.expr(value, Level::Or);
                self.field(&inner.out, conversion, format_spec);
            }
            ExprKind::Interpolation { str: Constant::Str(s), conversion, format_spec, .. } => {
                self.field(s, conversion, format_spec);
            }
            _ => self.expr(e, Level::Test),
        }
    }

    fn field(&mut self, source: &Text, conversion: i32, format_spec: Option<&Expr>) {
        self.str(if source.as_bytes().first() == Some(&b'{') { "{ " } else { "{" });
        self.out.push_text(source);
        if let Some(c) = u8::try_from(conversion).ok().filter(|c| matches!(c, b'a' | b'r' | b's')) {
            self.str("!");
            self.out.push(u32::from(c));
        }
        if let Some(spec) = format_spec {
            self.str(":");
            self.string_part(spec, true);
        }
        self.str("}");
    }

    fn constant(&mut self, value: &Constant) {
        match value {
            Constant::None => self.str("None"),
            Constant::True => self.str("True"),
            Constant::False => self.str("False"),
            Constant::Ellipsis => self.str("..."),
            Constant::Int(i) => self.str(&i.to_string()),
            Constant::BigInt(i) => self.str(&i.to_string()),
            // An infinity is written as a number that is too large.
            Constant::Float(x) => self.str(&float_repr(*x).replace("inf", "1e309")),
            Constant::Complex { real, imag } => self.str(&complex_repr(*real, *imag).replace("inf", "1e309")),
            Constant::Str(s) => str_repr(&mut self.out, s),
            Constant::Bytes(b) => self.str(&ascii_bytes(b)),
            Constant::Tuple(items) => {
                self.str("(");
                for (i, item) in items.iter().enumerate() {
                    self.str(if i > 0 { ", " } else { "" });
                    self.constant(item);
                }
                self.str(if items.len() == 1 { ",)" } else { ")" });
            }
            Constant::FrozenSet(items) => {
                self.str(if items.is_empty() { "frozenset(" } else { "frozenset({" });
                for (i, item) in items.iter().enumerate() {
                    self.str(if i > 0 { ", " } else { "" });
                    self.constant(item);
                }
                self.str(if items.is_empty() { ")" } else { "})" });
            }
        }
    }
}

/// `repr` of a complex number.
fn complex_repr(real: f64, imag: f64) -> String {
    let short = |x: f64| {
        let s = float_repr(x);
        s.strip_suffix(".0").map(str::to_owned).unwrap_or(s)
    };
    if real == 0.0 && real.is_sign_positive() {
        return format!("{}j", short(imag));
    }
    let sign = if imag.is_sign_negative() && !imag.is_nan() { "" } else { "+" };
    format!("({}{sign}{}j)", short(real), short(imag))
}

/// Appends `repr` of a string.
fn str_repr(out: &mut TextBuf, s: &Text) {
    let has = |q: char| s.code_points().any(|c| c == u32::from(q));
    let quote = quote_for(has('\''), has('"'));
    out.push(u32::from(quote));
    for c in s.code_points() {
        if c >= 0x80 && krait_unicode::is_printable(c) {
            out.push(c);
        } else {
            out.push_str(&escaped(c, quote));
        }
    }
    out.push(u32::from(quote));
}

/// `repr` of a finite or infinite float.
pub fn float_repr(x: f64) -> String {
    if x.is_nan() {
        return "nan".to_owned();
    }
    if x.is_infinite() {
        return if x > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{x:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = format!("{x}");
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The quote that `repr` uses for text with these quotes in it.
fn quote_for(single: bool, double: bool) -> char {
    if single && !double { '"' } else { '\'' }
}

/// `ascii()` of a string.
pub fn ascii_str(s: &Text) -> String {
    let has = |q: char| s.code_points().any(|c| c == u32::from(q));
    let quote = quote_for(has('\''), has('"'));
    let mut out = String::from(quote);
    s.code_points().for_each(|c| out.push_str(&escaped(c, quote)));
    out.push(quote);
    out
}

/// How a string in ASCII between `quote`s shows a character.
fn escaped(c: u32, quote: char) -> String {
    match c {
        0x20..=0x7e => {
            let mut out = String::new();
            push_ascii(&mut out, c as u8, quote);
            out
        }
        0x09 => "\\t".to_owned(),
        0x0a => "\\n".to_owned(),
        0x0d => "\\r".to_owned(),
        0..=0xff => format!("\\x{c:02x}"),
        0x100..=0xffff => format!("\\u{c:04x}"),
        _ => format!("\\U{c:08x}"),
    }
}

/// `repr` of bytes.
pub fn ascii_bytes(bytes: &[u8]) -> String {
    let quote = quote_for(bytes.contains(&b'\''), bytes.contains(&b'"'));
    let mut out = format!("b{quote}");
    for &b in bytes {
        match b {
            0x20..=0x7e => push_ascii(&mut out, b, quote),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            _ => drop(write!(out, "\\x{b:02x}")),
        }
    }
    out.push(quote);
    out
}

fn push_ascii(out: &mut String, b: u8, quote: char) {
    let c = char::from(b);
    if c == quote || c == '\\' {
        out.push('\\');
    }
    out.push(c);
}
