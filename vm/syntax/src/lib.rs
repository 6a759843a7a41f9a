//! Python 3.14 source bytes to tokens to AST. Knows nothing of runtime objects and can be used alone.
//!
//! [`decode_source`] turns bytes into text (PEP 263), [`parse`] turns text into an [`ast::Mod`] or a [`SyntaxError`],
//! [`unparse_expr`] turns an expression back into text. Errors that CPython's symbol table or compiler raises are not
//! found here.

pub mod ast;
mod decode;
pub mod dump;
pub mod error;
pub mod token;
pub mod tokenize;
mod tokenizer;
mod parser;
pub mod unparse;

use ast::{Arena, Mod};
pub use decode::{Known, Origin, OtherCodec, decode_source, decode_source_of, line_of_file, source_encoding};
use error::{SyntaxError, SyntaxWarning};
pub use unparse::unparse_expr;

/// What kind of input is parsed; CPython's start rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// A module: `compile(..., "exec")`.
    #[default]
    Exec,
    /// One expression: `"eval"`.
    Eval,
    /// One interactive statement: `"single"`.
    Single,
    /// A PEP 484 function type: `"func_type"`.
    FuncType,
}

/// How to parse. The default is what `compile(source, filename, "exec")` does.
#[derive(Clone, Debug)]
pub struct ParseOptions {
    pub mode: Mode,
    /// Recognize `# type:` comments (`PyCF_TYPE_COMMENTS`).
    pub type_comments: bool,
    /// Minor version whose grammar is accepted, as `ast.parse(feature_version=...)`.
    pub feature_version: i32,
    /// `PyCF_ALLOW_INCOMPLETE_INPUT`: input that more lines could complete fails as `IncompleteInput`.
    pub allow_incomplete_input: bool,
    /// `PyCF_DONT_IMPLY_DEDENT`: in `Single` mode the end of input does not close open blocks.
    pub dont_imply_dedent: bool,
    pub filename: String,
    /// `from __future__ import barry_as_FLUFL` is in force: `<>` instead of `!=`.
    pub barry_as_bdfl: bool,
    /// `sys.get_int_max_str_digits()`: longest decimal literal; 0 for no limit.
    pub int_max_str_digits: usize,
    /// The source is a file that is read as it is parsed, as the main program is; lines of errors then come off the file.
    pub from_file: bool,
    /// Resolves `\N{...}` in string literals.
    pub lookup_name: fn(&str) -> Option<u32>,
    /// Names that are not ASCII are looked up here instead of being normalized.
    pub foreign_names: Option<std::rc::Rc<ForeignNames>>,
}

/// What another normalization than NFKC makes of names. Parsing fails at one that is not known, and says which; the caller adds it and
/// parses again.
#[derive(Debug, Default)]
pub struct ForeignNames {
    pub known: std::collections::HashMap<String, String>,
    pub missing: std::cell::RefCell<Option<String>>,
}

impl Default for ParseOptions {
    fn default() -> Self {
        ParseOptions {
            mode: Mode::Exec,
            type_comments: false,
            feature_version: 14,
            allow_incomplete_input: false,
            dont_imply_dedent: false,
            filename: "<unknown>".to_owned(),
            barry_as_bdfl: false,
            int_max_str_digits: 4300,
            from_file: false,
            lookup_name: |name| match krait_unicode::lookup_name(name) {
                Some(krait_unicode::Named::Char(c)) => Some(c),
                _ => None,
            },
            foreign_names: None,
        }
    }
}

/// A tree and what the tokenizer and the parser had to say about its source.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    pub module: Mod<'a>,
    pub warnings: Vec<SyntaxWarning>,
}

/// Parses decoded source. The tree lives in `arena`.
///
/// A NUL in the source fails as it does in a file; `compile` of a string rejects it beforehand with words of its own.
pub fn parse<'a>(arena: &'a Arena, source: &str, options: &ParseOptions) -> Result<Parsed<'a>, SyntaxError> {
    parser::parse(arena, source, options)
}

/// What [`parse_interactive`] makes of the lines typed so far.
#[derive(Clone, Debug)]
pub enum Interactive<'a> {
    Parsed(Parsed<'a>),
    /// The statement goes on: another line is wanted.
    NeedsLine,
    /// The input ended before anything was typed.
    Exit,
}

/// Parses the one statement that `lines` begin, as the prompt does: with the answer [`Interactive::NeedsLine`] the caller reads a line and
/// calls again with all lines so far. `ended`: there is no other line.
pub fn parse_interactive<'a>(
    arena: &'a Arena,
    lines: &str,
    ended: bool,
    options: &ParseOptions,
) -> Result<Interactive<'a>, SyntaxError> {
    parser::parse_interactive(arena, lines, ended, options)
}
