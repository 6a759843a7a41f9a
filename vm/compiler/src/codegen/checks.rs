//! SyntaxWarnings for code that is valid and surely wrong: `is` with a literal, calling a string, indexing a number.

use krait_syntax::ast::*;

use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;

fn constant_type(value: &Constant<'_>) -> &'static str {
    match value {
        Constant::None => "NoneType",
        Constant::True | Constant::False => "bool",
        Constant::Ellipsis => "ellipsis",
        Constant::Int(_) | Constant::BigInt(_) => "int",
        Constant::Float(_) => "float",
        Constant::Complex { .. } => "complex",
        Constant::Str(_) => "str",
        Constant::Bytes(_) => "bytes",
        Constant::Tuple(_) => "tuple",
        Constant::FrozenSet(_) => "frozenset",
    }
}

/// Name of the type that `e` evaluates to, when its form alone tells.
fn infer_type(e: &Expr<'_>) -> Option<&'static str> {
    Some(match &e.kind {
        ExprKind::Tuple { .. } => "tuple",
        ExprKind::List { .. } | ExprKind::ListComp { .. } => "list",
        ExprKind::Dict { .. } | ExprKind::DictComp { .. } => "dict",
        ExprKind::Set { .. } | ExprKind::SetComp { .. } => "set",
        ExprKind::GeneratorExp { .. } => "generator",
        ExprKind::Lambda { .. } => "function",
        ExprKind::TemplateStr { .. } | ExprKind::Interpolation { .. } => "string.templatelib.Template",
        ExprKind::JoinedStr { .. } | ExprKind::FormattedValue { .. } => "str",
        ExprKind::Constant { value, .. } => constant_type(value),
        _ => return None,
    })
}

fn is_literal(e: &Expr<'_>) -> bool {
    match &e.kind {
        ExprKind::Tuple { elts, .. } => elts.iter().all(|e| matches!(e.kind, ExprKind::Constant { .. })),
        ExprKind::Constant { value, .. } => {
            !matches!(value, Constant::None | Constant::True | Constant::False | Constant::Ellipsis)
        }
        _ => false,
    }
}

impl<'a> Compiler<'a> {
    pub(super) fn check_compare(&mut self, e: &'a Expr<'a>) -> Res {
        let ExprKind::Compare { left, ops, comparators } = e.kind else { return Ok(()) };
        let mut left = left;
        for (op, right) in ops.iter().zip(comparators) {
            let literal = [left, right].into_iter().find(|e| is_literal(e));
            if let (CmpOp::Is | CmpOp::IsNot, Some(literal)) = (op, literal) {
                let (word, instead) = if *op == CmpOp::Is { ("is", "==") } else { ("is not", "!=") };
                let kind = infer_type(literal).unwrap_or("object");
                let message = format!("\"{word}\" with '{kind}' literal. Did you mean \"{instead}\"?");
                self.warn(loc(e.range), message);
                return Ok(());
            }
            left = right;
        }
        Ok(())
    }

    pub(super) fn check_caller(&mut self, e: &Expr<'a>) {
        if matches!(e.kind, ExprKind::Lambda { .. }) {
            return;
        }
        if let Some(kind) = infer_type(e) {
            self.warn(loc(e.range), format!("'{kind}' object is not callable; perhaps you missed a comma?"));
        }
    }

    pub(super) fn check_subscripter(&mut self, e: &Expr<'a>) {
        let suspicious = match e.kind {
            ExprKind::Constant { value, .. } => matches!(
                value,
                Constant::None
                    | Constant::True
                    | Constant::False
                    | Constant::Ellipsis
                    | Constant::Int(_)
                    | Constant::BigInt(_)
                    | Constant::Float(_)
                    | Constant::Complex { .. }
                    | Constant::FrozenSet(_)
            ),
            ExprKind::Set { .. }
            | ExprKind::SetComp { .. }
            | ExprKind::GeneratorExp { .. }
            | ExprKind::TemplateStr { .. }
            | ExprKind::Interpolation { .. }
            | ExprKind::Lambda { .. } => true,
            _ => false,
        };
        if let (true, Some(kind)) = (suspicious, infer_type(e)) {
            self.warn(loc(e.range), format!("'{kind}' object is not subscriptable; perhaps you missed a comma?"));
        }
    }

    pub(super) fn check_index(&mut self, e: &Expr<'a>, index: &Expr<'a>) {
        let Some(index_type) = infer_type(index) else { return };
        if matches!(index_type, "int" | "bool") {
            return;
        }
        let sequence = match e.kind {
            ExprKind::Constant { value, .. } => matches!(value, Constant::Str(_) | Constant::Bytes(_) | Constant::Tuple(_)),
            ExprKind::Tuple { .. }
            | ExprKind::List { .. }
            | ExprKind::ListComp { .. }
            | ExprKind::JoinedStr { .. }
            | ExprKind::FormattedValue { .. } => true,
            _ => false,
        };
        if let (true, Some(kind)) = (sequence, infer_type(e)) {
            let message =
                format!("{kind} indices must be integers or slices, not {index_type}; perhaps you missed a comma?");
            self.warn(loc(e.range), message);
        }
    }
}
