//! `from __future__ import ...`: which features a module turns on, and where the last such statement stands.

use krait_bytecode::code::co;
use krait_syntax::ast::{Mod, Range, Stmt, StmtKind};

use crate::ast_tools::docstring;
use crate::error::{Error, Res};

/// `CO_FUTURE_ANNOTATIONS`: annotations are kept as strings.
pub const CO_FUTURE_ANNOTATIONS: u32 = co::FUTURE_ANNOTATIONS;
/// `CO_FUTURE_BARRY_AS_BDFL`: `<>` instead of `!=`.
pub const CO_FUTURE_BARRY_AS_BDFL: u32 = co::FUTURE_BARRY_AS_BDFL;
/// `PyCF_ALLOW_TOP_LEVEL_AWAIT`.
pub const PYCF_ALLOW_TOP_LEVEL_AWAIT: u32 = 0x2000;
/// The flags that code objects inherit from the flags of the compilation.
pub const PYCF_MASK: u32 = co::FUTURE_DIVISION
    | co::FUTURE_ABSOLUTE_IMPORT
    | co::FUTURE_WITH_STATEMENT
    | co::FUTURE_PRINT_FUNCTION
    | co::FUTURE_UNICODE_LITERALS
    | co::FUTURE_BARRY_AS_BDFL
    | co::FUTURE_GENERATOR_STOP
    | co::FUTURE_ANNOTATIONS;

/// What the future statements of a module say.
#[derive(Clone, Copy, Debug, Default)]
pub struct FutureFeatures {
    /// `CO_FUTURE_*` bits, and the compilation's own flags once merged.
    pub features: u32,
    /// Place of the last future statement; line -1 without one.
    pub range: Range,
}

fn feature(name: &str, range: Range) -> Res<u32> {
    Ok(match name {
        "nested_scopes" | "generators" | "division" | "absolute_import" | "with_statement" | "print_function"
        | "unicode_literals" | "generator_stop" => 0,
        "barry_as_FLUFL" => CO_FUTURE_BARRY_AS_BDFL,
        "annotations" => CO_FUTURE_ANNOTATIONS,
        "braces" => return Err(Error::syntax(range, "not a chance")),
        _ => return Err(Error::syntax(range, format!("future feature {name} is not defined"))),
    })
}

/// Reads the future statements at the head of `module`.
/// What the future statements at the top of a module turn on.
pub fn features(module: &Mod<'_>) -> Result<FutureFeatures, krait_syntax::error::SyntaxError> {
    from_ast(module).map_err(Error::into_syntax_error)
}

pub(crate) fn from_ast(module: &Mod<'_>) -> Res<FutureFeatures> {
    let nowhere = Range { lineno: -1, col_offset: -1, end_lineno: -1, end_col_offset: -1 };
    let mut future = FutureFeatures { features: 0, range: nowhere };
    let (Mod::Module { body, .. } | Mod::Interactive { body }) = module else { return Ok(future) };
    let first = usize::from(docstring(body).is_some());
    for s in body.iter().skip(first) {
        if !future_statement(s, &mut future)? {
            break;
        }
    }
    Ok(future)
}

fn future_statement(s: &Stmt<'_>, future: &mut FutureFeatures) -> Res<bool> {
    let StmtKind::ImportFrom { module: Some("__future__"), names, level: 0 } = s.kind else { return Ok(false) };
    for alias in names {
        future.features |= feature(alias.name, alias.range)?;
    }
    future.range = s.range;
    Ok(true)
}
