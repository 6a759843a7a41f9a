//! Expressions, operators, and the parts of expressions.

use super::{Reader, need};
use crate::{PyResult, Value};
use krait_syntax::ast::*;

impl<'a, 'v> Reader<'a, 'v> {
    pub(super) fn expr(&mut self, o: &Value) -> PyResult<Option<Expr<'a>>> {
        if o.is_none() {
            return Ok(None);
        }
        let range = self.range(o, "expr", false)?;
        let Some(c) = self.constructor(o, "expr") else { return Err(self.wrong(o, "expr")) };
        let kind = match c {
            "BoolOp" | "NamedExpr" | "BinOp" | "UnaryOp" | "IfExp" | "Compare" => self.operation(o, c)?,
            "Lambda" | "ListComp" | "SetComp" | "DictComp" | "GeneratorExp" | "Await" | "Yield" | "YieldFrom" => self.scope(o, c)?,
            "FormattedValue" | "Interpolation" | "JoinedStr" | "TemplateStr" | "Constant" => self.literal(o, c)?,
            _ => self.primary(o, c)?,
        };
        Ok(Some(Expr { range, kind }))
    }

    fn operation(&mut self, o: &Value, c: &'static str) -> PyResult<ExprKind<'a>> {
        Ok(match c {
            "BoolOp" => {
                let (op, values) = (self.field(o, c, "op", Self::boolop)?, self.list(o, c, "values", Self::expr)?);
                need!(self, c, op);
                ExprKind::BoolOp { op, values }
            }
            "NamedExpr" => {
                let (target, value) = (self.field_ref(o, c, "target", Self::expr)?, self.field_ref(o, c, "value", Self::expr)?);
                need!(self, c, target, value);
                ExprKind::NamedExpr { target, value }
            }
            "BinOp" => {
                let left = self.field_ref(o, c, "left", Self::expr)?;
                let (op, right) = (self.field(o, c, "op", Self::operator)?, self.field_ref(o, c, "right", Self::expr)?);
                need!(self, c, left, op, right);
                ExprKind::BinOp { left, op, right }
            }
            "UnaryOp" => {
                let (op, operand) = (self.field(o, c, "op", Self::unaryop)?, self.field_ref(o, c, "operand", Self::expr)?);
                need!(self, c, op, operand);
                ExprKind::UnaryOp { op, operand }
            }
            "IfExp" => {
                let test = self.field_ref(o, c, "test", Self::expr)?;
                let (body, orelse) = (self.field_ref(o, c, "body", Self::expr)?, self.field_ref(o, c, "orelse", Self::expr)?);
                need!(self, c, test, body, orelse);
                ExprKind::IfExp { test, body, orelse }
            }
            _ => {
                let left = self.field_ref(o, c, "left", Self::expr)?;
                let (ops, comparators) = (self.list(o, c, "ops", Self::cmpop)?, self.list(o, c, "comparators", Self::expr)?);
                need!(self, c, left);
                ExprKind::Compare { left, ops, comparators }
            }
        })
    }

    fn scope(&mut self, o: &Value, c: &'static str) -> PyResult<ExprKind<'a>> {
        Ok(match c {
            "Lambda" => {
                let (args, body) = (self.field_ref(o, c, "args", Self::arguments)?, self.field_ref(o, c, "body", Self::expr)?);
                need!(self, c, args, body);
                ExprKind::Lambda { args, body }
            }
            "DictComp" => {
                let (key, value) = (self.field_ref(o, c, "key", Self::expr)?, self.field_ref(o, c, "value", Self::expr)?);
                let generators = self.list(o, c, "generators", Self::comprehension)?;
                need!(self, c, key, value);
                ExprKind::DictComp { key, value, generators }
            }
            "Yield" => ExprKind::Yield { value: self.opt_ref(o, c, "value", Self::expr)? },
            "Await" | "YieldFrom" => {
                let value = self.field_ref(o, c, "value", Self::expr)?;
                need!(self, c, value);
                if c == "Await" { ExprKind::Await { value } } else { ExprKind::YieldFrom { value } }
            }
            _ => {
                let elt = self.field_ref(o, c, "elt", Self::expr)?;
                let generators = self.list(o, c, "generators", Self::comprehension)?;
                need!(self, c, elt);
                match c {
                    "ListComp" => ExprKind::ListComp { elt, generators },
                    "SetComp" => ExprKind::SetComp { elt, generators },
                    _ => ExprKind::GeneratorExp { elt, generators },
                }
            }
        })
    }

    fn literal(&mut self, o: &Value, c: &'static str) -> PyResult<ExprKind<'a>> {
        Ok(match c {
            "FormattedValue" => {
                let value = self.field_ref(o, c, "value", Self::expr)?;
                let conversion = self.field(o, c, "conversion", Self::int)?;
                let format_spec = self.opt_ref(o, c, "format_spec", Self::expr)?;
                need!(self, c, value, conversion);
                ExprKind::FormattedValue { value, conversion, format_spec }
            }
            "Interpolation" => {
                let value = self.field_ref(o, c, "value", Self::expr)?;
                let str = self.field(o, c, "str", Self::constant)?;
                let conversion = self.field(o, c, "conversion", Self::int)?;
                let format_spec = self.opt_ref(o, c, "format_spec", Self::expr)?;
                need!(self, c, value, str, conversion);
                ExprKind::Interpolation { value, str, conversion, format_spec }
            }
            "JoinedStr" => ExprKind::JoinedStr { values: self.list(o, c, "values", Self::expr)? },
            "TemplateStr" => ExprKind::TemplateStr { values: self.list(o, c, "values", Self::expr)? },
            _ => {
                let value = self.field(o, c, "value", Self::constant)?;
                let kind = self.opt(o, c, "kind", Self::string)?;
                need!(self, c, value);
                ExprKind::Constant { value, kind }
            }
        })
    }

    fn primary(&mut self, o: &Value, c: &'static str) -> PyResult<ExprKind<'a>> {
        Ok(match c {
            "Dict" => {
                let keys = self.opt_list(o, c, "keys", Self::expr)?;
                ExprKind::Dict { keys: self.arena.alloc_slice_copy(&keys), values: self.list(o, c, "values", Self::expr)? }
            }
            "Set" => ExprKind::Set { elts: self.list(o, c, "elts", Self::expr)? },
            "Call" => {
                let func = self.field_ref(o, c, "func", Self::expr)?;
                let (args, keywords) = (self.list(o, c, "args", Self::expr)?, self.list(o, c, "keywords", Self::keyword)?);
                need!(self, c, func);
                ExprKind::Call { func, args, keywords }
            }
            "Attribute" => {
                let (value, attr) = (self.field_ref(o, c, "value", Self::expr)?, self.field(o, c, "attr", Self::identifier)?);
                let ctx = self.field(o, c, "ctx", Self::context)?;
                need!(self, c, value, attr, ctx);
                ExprKind::Attribute { value, attr, ctx }
            }
            "Subscript" => {
                let (value, slice) = (self.field_ref(o, c, "value", Self::expr)?, self.field_ref(o, c, "slice", Self::expr)?);
                let ctx = self.field(o, c, "ctx", Self::context)?;
                need!(self, c, value, slice, ctx);
                ExprKind::Subscript { value, slice, ctx }
            }
            "Starred" => {
                let (value, ctx) = (self.field_ref(o, c, "value", Self::expr)?, self.field(o, c, "ctx", Self::context)?);
                need!(self, c, value, ctx);
                ExprKind::Starred { value, ctx }
            }
            "Name" => {
                let (id, ctx) = (self.field(o, c, "id", Self::identifier)?, self.field(o, c, "ctx", Self::context)?);
                need!(self, c, id, ctx);
                ExprKind::Name { id, ctx }
            }
            "List" | "Tuple" => {
                let (elts, ctx) = (self.list(o, c, "elts", Self::expr)?, self.field(o, c, "ctx", Self::context)?);
                need!(self, c, ctx);
                if c == "List" { ExprKind::List { elts, ctx } } else { ExprKind::Tuple { elts, ctx } }
            }
            _ => {
                let (lower, upper) = (self.opt_ref(o, c, "lower", Self::expr)?, self.opt_ref(o, c, "upper", Self::expr)?);
                ExprKind::Slice { lower, upper, step: self.opt_ref(o, c, "step", Self::expr)? }
            }
        })
    }

    fn comprehension(&mut self, o: &Value) -> PyResult<Option<Comprehension<'a>>> {
        let c = "comprehension";
        let (target, iter) = (self.field_ref(o, c, "target", Self::expr)?, self.field_ref(o, c, "iter", Self::expr)?);
        let ifs = self.list(o, c, "ifs", Self::expr)?;
        let is_async = self.field(o, c, "is_async", Self::int)?;
        need!(self, c, target, iter, is_async);
        Ok(Some(Comprehension { target, iter, ifs, is_async: is_async != 0 }))
    }

    pub(super) fn arguments(&mut self, o: &Value) -> PyResult<Option<Arguments<'a>>> {
        let c = "arguments";
        let (posonlyargs, args) = (self.list(o, c, "posonlyargs", Self::arg)?, self.list(o, c, "args", Self::arg)?);
        let vararg = self.opt_ref(o, c, "vararg", Self::arg)?;
        let kwonlyargs = self.list(o, c, "kwonlyargs", Self::arg)?;
        let kw_defaults = self.opt_list(o, c, "kw_defaults", Self::expr)?;
        let kw_defaults = self.arena.alloc_slice_copy(&kw_defaults);
        let kwarg = self.opt_ref(o, c, "kwarg", Self::arg)?;
        let defaults = self.list(o, c, "defaults", Self::expr)?;
        Ok(Some(Arguments { posonlyargs, args, vararg, kwonlyargs, kw_defaults, kwarg, defaults }))
    }

    fn arg(&mut self, o: &Value) -> PyResult<Option<Arg<'a>>> {
        let c = "arg";
        let arg = self.field(o, c, "arg", Self::identifier)?;
        let annotation = self.opt_ref(o, c, "annotation", Self::expr)?;
        let type_comment = self.opt(o, c, "type_comment", Self::string)?;
        let range = self.range(o, c, false)?;
        need!(self, c, arg);
        Ok(Some(Arg { range, arg, annotation, type_comment }))
    }

    pub(super) fn keyword(&mut self, o: &Value) -> PyResult<Option<Keyword<'a>>> {
        let c = "keyword";
        let arg = self.opt(o, c, "arg", Self::identifier)?;
        let value = self.field_ref(o, c, "value", Self::expr)?;
        let range = self.range(o, c, false)?;
        need!(self, c, value);
        Ok(Some(Keyword { range, arg, value }))
    }
}

/// Readers of the classes without fields.
macro_rules! enumerations {
    ($($function:ident: $sum:literal => $enum:ident { $($name:ident)* };)*) => {
        impl<'a, 'v> Reader<'a, 'v> {$(
            pub(super) fn $function(&mut self, o: &Value) -> PyResult<Option<$enum>> {
                match self.constructor(o, $sum) {
                    $(Some(stringify!($name)) => Ok(Some($enum::$name)),)*
                    _ => Err(self.wrong(o, $sum)),
                }
            }
        )*}
    };
}

enumerations! {
    context: "expr_context" => ExprContext { Load Store Del };
    boolop: "boolop" => BoolOp { And Or };
    operator: "operator" => Operator { Add Sub Mult MatMult Div Mod Pow LShift RShift BitOr BitXor BitAnd FloorDiv };
    unaryop: "unaryop" => UnaryOp { Invert Not UAdd USub };
    cmpop: "cmpop" => CmpOp { Eq NotEq Lt LtE Gt GtE Is IsNot In NotIn };
}
