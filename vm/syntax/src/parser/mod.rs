//! The parser.
use crate::ast::Arena;
use crate::error::{ErrorKind, SyntaxError};
use crate::{ParseOptions, Parsed};

pub(crate) fn parse<'a>(_arena: &'a Arena, _source: &str, _options: &ParseOptions) -> Result<Parsed<'a>, SyntaxError> {
    Err(SyntaxError {
        kind: ErrorKind::SystemError,
        message: "the parser is not there yet".into(),
        lineno: 0,
        offset: 0,
        end_lineno: 0,
        end_offset: 0,
        text: None,
    })
}
