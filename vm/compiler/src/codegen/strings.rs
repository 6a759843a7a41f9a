//! f-strings and t-strings.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::{Constant, Expr, ExprKind, Operator};

use super::{STACK_USE_GUIDELINE, arg, constant};
use crate::compile::Compiler;
use crate::error::{Error, Res};
use crate::instruction_sequence::Location;

/// Operand of CONVERT_VALUE for `!s`, `!r` and `!a`; `None` without a conversion.
fn conversion_code(conversion: i32) -> Res<Option<i32>> {
    Ok(match u8::try_from(conversion) {
        Ok(b's') => Some(1),
        Ok(b'r') => Some(2),
        Ok(b'a') => Some(3),
        _ if conversion == -1 => None,
        _ => return Err(Error::system(format!("Unrecognized conversion character {conversion}"))),
    })
}

fn is_interpolation(e: &Expr<'_>) -> bool {
    matches!(e.kind, ExprKind::Interpolation { .. })
}

impl<'a> Compiler<'a> {
    pub(super) fn joined_str(&mut self, at: Location, values: &'a [Expr<'a>]) -> Res {
        if values.len() > STACK_USE_GUIDELINE {
            self.load_str(at, "");
            self.load_attr(at, "join", true);
            self.op_i(at, Opcode::BUILD_LIST, 0);
            for value in values {
                self.visit_expr(value)?;
                self.op_i(at, Opcode::LIST_APPEND, 1);
            }
            self.op_i(at, Opcode::CALL, 1);
            return Ok(());
        }
        self.visit_exprs(values)?;
        match values.len() {
            0 => self.load_str(at, ""),
            1 => {}
            n => self.op_i(at, Opcode::BUILD_STRING, arg(n)),
        }
        Ok(())
    }

    /// A tuple of the strings around the interpolations, then a tuple of the interpolations.
    pub(super) fn template_str(&mut self, at: Location, values: &'a [Expr<'a>]) -> Res {
        let mut strings = 0;
        let mut after_interpolation = true;
        let mut rest = values;
        while let Some((value, tail)) = rest.split_first() {
            rest = tail;
            if is_interpolation(value) {
                if after_interpolation {
                    self.load_str(at, "");
                    strings += 1;
                }
                after_interpolation = true;
                continue;
            }
            self.visit_expr(value)?;
            while let Some((next, tail)) = rest.split_first().filter(|(next, _)| !is_interpolation(next)) {
                self.visit_expr(next)?;
                self.binary_op(at, Operator::Add, true);
                rest = tail;
            }
            strings += 1;
            after_interpolation = false;
        }
        if after_interpolation {
            self.load_str(at, "");
            strings += 1;
        }
        self.op_i(at, Opcode::BUILD_TUPLE, strings);
        let mut interpolations = 0;
        for value in values.iter().filter(|v| is_interpolation(v)) {
            self.visit_expr(value)?;
            interpolations += 1;
        }
        self.op_i(at, Opcode::BUILD_TUPLE, interpolations);
        self.op(at, Opcode::BUILD_TEMPLATE);
        Ok(())
    }

    pub(super) fn interpolation(
        &mut self,
        at: Location,
        value: &'a Expr<'a>,
        source: &Constant<'a>,
        conversion: i32,
        format_spec: Option<&'a Expr<'a>>,
    ) -> Res {
        self.visit_expr(value)?;
        self.load_const(at, constant(source));
        let mut oparg = 2;
        if let Some(spec) = format_spec {
            oparg += 1;
            self.visit_expr(spec)?;
        }
        oparg |= conversion_code(conversion)?.unwrap_or(0) << 2;
        self.op_i(at, Opcode::BUILD_INTERPOLATION, oparg);
        Ok(())
    }

    pub(super) fn formatted_value(
        &mut self,
        at: Location,
        value: &'a Expr<'a>,
        conversion: i32,
        format_spec: Option<&'a Expr<'a>>,
    ) -> Res {
        self.visit_expr(value)?;
        if let Some(code) = conversion_code(conversion)? {
            self.op_i(at, Opcode::CONVERT_VALUE, code);
        }
        if let Some(spec) = format_spec {
            self.visit_expr(spec)?;
            self.op(at, Opcode::FORMAT_WITH_SPEC);
        } else {
            self.op(at, Opcode::FORMAT_SIMPLE);
        }
        Ok(())
    }

    /// An annotation under `from __future__ import annotations`: its source.
    pub(super) fn annotation_source(&mut self, e: &Expr<'a>) -> Res {
        let text = krait_syntax::unparse_expr(e);
        self.load_const(crate::ast_tools::loc(e.range), Const::Str(text.into()));
        Ok(())
    }
}
