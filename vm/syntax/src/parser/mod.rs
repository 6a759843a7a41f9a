//! The parser: CPython's PEG grammar as recursive functions, one for each rule and named after it.
//!
//! A rule is `fn(&mut Parser) -> R<T>`: a node, or [`Stop::NoMatch`] (the caller rewinds and tries its next alternative),
//! or [`Stop::Raised`] (an error is recorded, everything unwinds). The first pass knows only the valid grammar; when
//! it finds no match, a second pass runs with the rules that recognize particular mistakes (`invalid_*`), in the order
//! in which CPython tries them. Three things are part of the contract because error positions depend on them: which
//! tokens have been read (never look further ahead than CPython would), which rules are memoized, and that an
//! `invalid_*` rule that matched without raising gives up at once.
//!
//! The first pass takes short cuts (precedence climbing, one pass over brackets) where they read the same tokens.

mod arguments;
mod compound;
mod definitions;
mod errors;
mod expressions;
mod fstrings;
mod invalid_statements;
mod invalid_expressions;
mod literals;
mod parameters;
mod patterns;
mod primaries;
mod statements;
mod targets;
#[cfg(test)]
mod tests_errors;
#[cfg(test)]
mod tests_expressions;

use crate::ast::*;
use crate::error::{ErrorKind, ParserState, SyntaxError, SyntaxWarning};
use crate::token::TokenKind;
use crate::tokenizer::{Done, StrBuffer, Tokenizer};
use crate::{Interactive, Mode, ParseOptions, Parsed};
use krait_unicode::Text;
use smallvec::{SmallVec, smallvec};

/// Why a rule has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    NoMatch,
    /// `Parser::error` says what.
    Raised,
}

use Stop::{NoMatch, Raised};

type R<T> = Result<T, Stop>;
/// The result of a rule that only ever fails.
type Invalid = R<std::convert::Infallible>;
type E<'a> = &'a Expr<'a>;
/// A sequence that is being read.
type List<T> = SmallVec<[T; 4]>;

/// How deep rules nest in CPython before its parser gives up. Rules that recurse count for as many as lie between them there.
const MAX_DEPTH: u32 = 6000;
/// From the start to the first operand of a statement.
const BASE_DEPTH: u32 = 30;
/// What is within parentheses, within other brackets that are displays, and within those of calls and subscripts.
const GROUP_DEPTH: u32 = 27;
const DISPLAY_DEPTH: u32 = 28;
const TRAILER_DEPTH: u32 = 23;
const NO_MEMO: u32 = u32::MAX;
/// When less than this is left of the stack, another piece is taken, of this size.
const STACK_RESERVE: usize = 128 * 1024;
const STACK_PIECE: usize = 2 * 1024 * 1024;

/// A token as the parser keeps it.
#[derive(Clone, Copy)]
struct Token<'a> {
    text: &'a str,
    range: Range,
    memo: u32,
    kind: TokenKind,
    /// How many brackets are open.
    level: u8,
    /// If it is a name, it is all ASCII.
    ascii_name: bool,
}

/// A token that a rule has taken.
#[derive(Clone, Copy)]
struct Tk {
    index: usize,
    range: Range,
}

/// Rules with memoized results, in both passes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    SimpleStmt,
    Block,
    ClosedPattern,
    StarPattern,
    TypeParam,
    Expression,
    StarExpression,
    Disjunction,
    Conjunction,
    Inversion,
    BitwiseOr,
    BitwiseXor,
    BitwiseAnd,
    ShiftExpr,
    Sum,
    Term,
    Factor,
    AwaitPrimary,
    Primary,
    TString,
    Strings,
    Arguments,
    StarTarget,
    TargetWithStarAtom,
    TPrimary,
    DelTarget,
    InvalidNamedExpression,
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Expr(E<'a>),
    Stmt(Stmt<'a>),
    Stmts(&'a [Stmt<'a>]),
    Pattern(&'a Pattern<'a>),
    TypeParam(TypeParam<'a>),
    Call(&'a CallArgs<'a>),
}

/// A node that can be kept in the memo table.
trait Memoized<'a>: Copy {
    fn into_node(self) -> Node<'a>;
    fn from_node(node: Node<'a>) -> Option<Self>;
}

macro_rules! memoized {
    ($($variant:ident: $t:ty),*) => {$(
        impl<'a> Memoized<'a> for $t {
            fn into_node(self) -> Node<'a> { Node::$variant(self) }
            fn from_node(node: Node<'a>) -> Option<Self> {
                if let Node::$variant(x) = node { Some(x) } else { None }
            }
        }
    )*};
}

memoized!(Expr: E<'a>, Stmt: Stmt<'a>, Stmts: &'a [Stmt<'a>], Pattern: &'a Pattern<'a>, TypeParam: TypeParam<'a>, Call: &'a CallArgs<'a>);

#[derive(Clone, Copy)]
struct Memo<'a> {
    rule: Rule,
    /// `None`: the rule does not match here.
    node: Option<Node<'a>>,
    mark: usize,
    next: u32,
}

/// The arguments of a call, in order of the AST.
#[derive(Clone, Copy, Default)]
struct CallArgs<'a> {
    args: &'a [Expr<'a>],
    keywords: &'a [Keyword<'a>],
}

struct Parser<'a> {
    arena: &'a Arena,
    tok: Tokenizer<StrBuffer<'a>>,
    src: &'a str,
    tokens: Vec<Token<'a>>,
    /// The source of f-string expressions, by the index of the token that ends them.
    metadata: Vec<(usize, &'a str)>,
    memos: Vec<Memo<'a>>,
    mark: usize,
    /// The binary operator behind which the first pass has found no operand last.
    no_operand_behind: usize,
    options: ParseOptions,
    /// The second pass, and not inside `expression_without_invalid`.
    call_invalid_rules: bool,
    second_pass: bool,
    parsing_started: bool,
    depth: u32,
    /// The address that the stack may reach before [`Parser::nested_by`] must look closer.
    stack_limit: usize,
    error: Option<SyntaxError>,
    warnings: Vec<SyntaxWarning>,
    /// Line and column of the last compound statement of the second pass.
    last_statement: (i32, i32),
    error_from_tokenizer: bool,
    /// The columns of the error in bytes, from 1.
    error_columns: Option<(i32, i32)>,
    /// Both passes found no match.
    failed: bool,
    type_ignores: Vec<TypeIgnore<'a>>,
}

/// Runs the alternatives of an `invalid_*` rule in the second pass.
macro_rules! invalid {
    ($p:ident, $rule:expr) => {
        if $p.call_invalid_rules {
            let mark = $p.mark;
            match ($rule)($p) {
                Ok(never) => match never {},
                Err($crate::parser::Stop::Raised) => return Err($crate::parser::Stop::Raised),
                Err($crate::parser::Stop::NoMatch) => $p.mark = mark,
            }
        }
    };
}

/// One alternative: on a match the enclosing rule returns it.
macro_rules! alt {
    ($p:ident, $body:expr) => {
        if let Some(node) = $p.opt(|$p| $body)? {
            return Ok(node);
        }
    };
}

use {alt, invalid};

pub(crate) fn parse<'a>(arena: &'a Arena, source: &str, options: &ParseOptions) -> Result<Parsed<'a>, SyntaxError> {
    let src = translate_newlines(arena, source, options.mode == Mode::Exec);
    let mut p = Parser::new(arena, src, options);
    let result = p.run();
    p.finish(result)
}

/// See [`crate::parse_interactive`].
pub(crate) fn parse_interactive<'a>(
    arena: &'a Arena,
    lines: &str,
    ended: bool,
    options: &ParseOptions,
) -> Result<Interactive<'a>, SyntaxError> {
    let src = translate_newlines(arena, lines, false);
    let mut p = Parser::new(arena, src, options);
    p.tok.interactive = true;
    p.tok.source.unfinished = !ended;
    let result = p.run();
    if p.tok.done == Done::Source {
        return Ok(Interactive::NeedsLine);
    }
    if p.tokens.first().is_some_and(|t| t.kind == TokenKind::EndMarker) {
        return Ok(Interactive::Exit);
    }
    p.finish(result).map(Interactive::Parsed)
}

/// Universal newlines; a module also gets a final one.
fn translate_newlines<'a>(arena: &'a Arena, source: &str, exec: bool) -> &'a str {
    let mut text = std::borrow::Cow::Borrowed(source);
    if memchr::memchr(b'\r', source.as_bytes()).is_some() {
        text = source.replace("\r\n", "\n").replace('\r', "\n").into();
    }
    if exec && !text.is_empty() && !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    arena.alloc_str(&text)
}

impl<'a> Parser<'a> {
    fn new(arena: &'a Arena, src: &'a str, options: &ParseOptions) -> Parser<'a> {
        let mut tok = Tokenizer::new(StrBuffer { text: src, from_file: options.from_file, unfinished: false });
        tok.type_comments = options.type_comments;
        tok.barry_as_bdfl = options.barry_as_bdfl;
        Parser {
            arena,
            tok,
            src,
            tokens: Vec::with_capacity(src.len() / 5 + 8),
            metadata: Vec::new(),
            memos: Vec::new(),
            mark: 0,
            no_operand_behind: usize::MAX,
            options: options.clone(),
            call_invalid_rules: false,
            second_pass: false,
            parsing_started: false,
            depth: BASE_DEPTH,
            stack_limit: stack_limit(),
            error: None,
            warnings: Vec::new(),
            last_statement: (0, 0),
            error_from_tokenizer: false,
            error_columns: None,
            failed: false,
            type_ignores: Vec::new(),
        }
    }

    /// The tree with its warnings, or the error with what is known beside it.
    fn finish(mut self, result: Result<Mod<'a>, SyntaxError>) -> Result<Parsed<'a>, SyntaxError> {
        self.warnings.append(&mut self.tok.warnings);
        match result {
            Ok(module) => Ok(Parsed { module, warnings: self.warnings }),
            Err(mut error) => {
                error.parser = Some(Box::new(ParserState {
                    last_statement: self.failed.then_some(self.last_statement),
                    source: self.src.to_owned(),
                    from_file: self.options.from_file,
                    line_from_file: self.options.mode == Mode::Exec && !self.error_from_tokenizer,
                    columns: self.error_columns,
                    encoding: None,
                }));
                error.warnings = self.warnings;
                Err(error)
            }
        }
    }

    fn run(&mut self) -> Result<Mod<'a>, SyntaxError> {
        let result = self.start_rule();
        if let Ok(module) = result {
            if self.options.mode == Mode::Single && self.bad_single_statement() {
                self.raise_syntax_error("multiple statements found while compiling a single statement");
                return Err(self.take_error());
            }
            return Ok(module);
        }
        if self.options.allow_incomplete_input && matches!(self.tok.done, Done::Eof | Done::Eofs | Done::Eols) {
            self.error = None;
            self.raise_last_token(crate::error::ErrorKind::IncompleteInput, "incomplete input".to_owned());
            return Err(self.take_error());
        }
        self.failed = true;
        let last_token = self.tokens.len().saturating_sub(1);
        if self.error.is_none() {
            self.tokens.iter_mut().for_each(|t| t.memo = NO_MEMO);
            self.memos.clear();
            self.mark = 0;
            self.call_invalid_rules = true;
            self.second_pass = true;
            self.depth = BASE_DEPTH;
            // The second pass is only there for the error it raises.
            let _ = self.start_rule();
        }
        self.set_syntax_error(last_token);
        Err(self.take_error())
    }

    fn start_rule(&mut self) -> R<Mod<'a>> {
        match self.options.mode {
            Mode::Exec => statements::file(self),
            Mode::Single => statements::interactive(self),
            Mode::Eval => statements::eval(self),
            Mode::FuncType => statements::func_type(self),
        }
    }

    /// Whether more than blank lines and comments follow a single statement.
    fn bad_single_statement(&self) -> bool {
        let mut rest = self.src[self.tok.cur..].trim_start_matches([' ', '\t', '\n', '\x0c']);
        while rest.starts_with('#') {
            rest = rest.find('\n').map_or("", |i| &rest[i..]);
            rest = rest.trim_start_matches([' ', '\t', '\n', '\x0c']);
        }
        !rest.is_empty()
    }

    /// Notes a compound statement of the second pass as the last one before the error. A definition of a function is none: CPython's rule
    /// for mistakes in definitions has matched it by then and left no statement.
    fn register(&mut self, stmt: &Stmt<'a>) {
        let function = matches!(stmt.kind, StmtKind::FunctionDef(_) | StmtKind::AsyncFunctionDef(_));
        if self.call_invalid_rules && !function && self.last_statement.0 <= stmt.range.lineno {
            self.last_statement = (stmt.range.lineno, stmt.range.col_offset);
        }
    }

    // Tokens

    /// Reads one more token.
    fn fill_token(&mut self) -> R<()> {
        let mut raw = self.tok.get();
        while raw.kind == TokenKind::TypeIgnore {
            let tag = raw.span.map_or("", |(a, b)| &self.src[a..b]);
            self.type_ignores.push(TypeIgnore { lineno: raw.lineno, tag: Text::new(tag) });
            raw = self.tok.get();
        }
        if self.options.mode == Mode::Single && raw.kind == TokenKind::EndMarker && self.parsing_started {
            raw.kind = TokenKind::Newline;
            self.parsing_started = false;
            if self.tok.indent > 0 && !self.options.dont_imply_dedent {
                self.tok.close_blocks();
            }
        } else {
            self.parsing_started = true;
        }
        let text = raw.span.map_or("", |(a, b)| self.src.get(a..b).unwrap_or(""));
        let kind = match raw.kind {
            TokenKind::Name => TokenKind::keyword(text.as_bytes()).unwrap_or(TokenKind::Name),
            kind => kind,
        };
        let range = Range {
            lineno: raw.lineno,
            col_offset: raw.col_offset,
            end_lineno: raw.end_lineno,
            end_col_offset: raw.end_col_offset,
        };
        if let Some(metadata) = &self.tok.metadata {
            self.metadata.push((self.tokens.len(), self.arena.alloc_str(metadata)));
        }
        // There are never more than 200 open brackets.
        let level = u8::try_from(raw.level).unwrap_or(u8::MAX);
        self.tokens.push(Token { text, range, memo: NO_MEMO, kind, level, ascii_name: self.tok.ascii_name });
        if kind == TokenKind::ErrorToken {
            return Err(self.tokenizer_error());
        }
        Ok(())
    }

    /// The source of the f-string expression that a token ends, if it was asked for.
    fn metadata(&self, token: Tk) -> Option<&'a str> {
        let at = self.metadata.binary_search_by_key(&token.index, |m| m.0).ok()?;
        self.metadata.get(at).map(|m| m.1)
    }

    /// The kind of the token behind the one at the mark; both are read.
    #[inline]
    fn second_kind(&mut self) -> R<TokenKind> {
        while self.mark + 1 >= self.tokens.len() {
            self.fill_token()?;
        }
        Ok(self.tokens[self.mark + 1].kind)
    }

    /// The token at the mark.
    #[inline]
    fn peek(&mut self) -> R<Token<'a>> {
        if self.mark == self.tokens.len() {
            self.fill_token()?;
        }
        Ok(self.tokens[self.mark])
    }

    #[inline]
    fn kind(&mut self) -> R<TokenKind> {
        if self.mark == self.tokens.len() {
            self.fill_token()?;
        }
        Ok(self.tokens[self.mark].kind)
    }

    /// Takes a token of kind `kind`.
    #[inline]
    fn expect(&mut self, kind: TokenKind) -> R<Tk> {
        if self.kind()? != kind {
            return Err(NoMatch);
        }
        let index = self.mark;
        self.mark += 1;
        Ok(Tk { index, range: self.tokens[index].range })
    }

    /// Takes a token of kind `kind` if one is there.
    #[inline]
    fn eat(&mut self, kind: TokenKind) -> R<bool> {
        let found = self.kind()? == kind;
        self.mark += usize::from(found);
        Ok(found)
    }

    /// Whether the next token is of kind `kind`.
    #[inline]
    fn at(&mut self, kind: TokenKind) -> R<bool> {
        Ok(self.kind()? == kind)
    }

    fn expect_any(&mut self, kinds: &[TokenKind]) -> R<Tk> {
        let kind = self.kind()?;
        if kinds.contains(&kind) { self.expect(kind) } else { Err(NoMatch) }
    }

    /// The grammar's `&&'token'`: nothing else may stand here, even in the first pass.
    fn expect_forced(&mut self, kind: TokenKind, expected: &str) -> R<Tk> {
        let token = self.peek()?;
        if token.kind != kind {
            return Err(self.raise_at(token.range, format!("expected '{expected}'")));
        }
        self.expect(kind)
    }

    fn at_soft_keyword(&mut self, keyword: &str) -> R<bool> {
        let token = self.peek()?;
        Ok(token.kind == TokenKind::Name && token.text == keyword)
    }

    fn expect_soft_keyword(&mut self, keyword: &str) -> R<Tk> {
        if self.at_soft_keyword(keyword)? { self.expect(TokenKind::Name) } else { Err(NoMatch) }
    }

    /// A `NAME` as its identifier and range.
    #[inline]
    fn name(&mut self) -> R<(Identifier<'a>, Range)> {
        let token = self.peek()?;
        if token.kind != TokenKind::Name {
            return Err(NoMatch);
        }
        self.mark += 1;
        Ok((self.identifier(&token)?, token.range))
    }

    /// A `NAME` as an expression.
    fn name_expr(&mut self) -> R<E<'a>> {
        let (id, range) = self.name()?;
        Ok(self.expr(range, ExprKind::Name { id, ctx: ExprContext::Load }))
    }

    #[inline]
    fn identifier(&mut self, token: &Token<'a>) -> R<Identifier<'a>> {
        if token.ascii_name { Ok(token.text) } else { self.normalized(token.text) }
    }

    #[cold]
    fn normalized(&mut self, text: &'a str) -> R<Identifier<'a>> {
        let normal = self.normal_name(text)?;
        if matches!(normal.as_str(), "None" | "True" | "False") {
            let message = format!("identifier field can't represent '{normal}' constant");
            self.error.get_or_insert_with(|| SyntaxError::new(ErrorKind::ValueError, message));
            return Err(Raised);
        }
        Ok(if normal == text { text } else { self.arena.alloc_str(&normal) })
    }

    fn normal_name(&mut self, text: &str) -> R<String> {
        if let Some(names) = &self.options.foreign_names {
            if let Some(name) = names.known.get(text) {
                return Ok(name.clone());
            }
            names.missing.replace(Some(text.to_owned()));
            self.error.get_or_insert_with(|| SyntaxError::new(ErrorKind::ValueError, "a name is not known"));
            return Err(Raised);
        }
        let points: Vec<u32> = text.chars().map(u32::from).collect();
        let normal = krait_unicode::normalize(krait_unicode::Form::Nfkc, &points);
        Ok(normal.into_iter().filter_map(char::from_u32).collect())
    }

    // Positions

    /// The range of a node that begins at the mark; its end is filled in by [`Parser::to_here`].
    fn start(&mut self) -> R<Range> {
        Ok(self.peek()?.range)
    }

    /// The range from `start` to the last token taken that is not white space.
    #[inline]
    fn to_here(&self, start: Range) -> Range {
        use TokenKind::{Dedent, EndMarker, Indent, Newline};
        if let Some(Token { kind, range: end, .. }) = self.tokens.get(self.mark.wrapping_sub(1))
            && !matches!(kind, EndMarker | Newline | Indent | Dedent)
        {
            return Range { end_lineno: end.end_lineno, end_col_offset: end.end_col_offset, ..start };
        }
        self.to_last_word(start)
    }

    fn to_last_word(&self, start: Range) -> Range {
        use TokenKind::{Dedent, EndMarker, Indent, Newline};
        let last = self.tokens[..self.mark]
            .iter()
            .rev()
            .find(|t| !matches!(t.kind, EndMarker | Newline | Indent | Dedent))
            .or(self.tokens.first());
        let end = last.map_or(start, |t| t.range);
        Range { end_lineno: end.end_lineno, end_col_offset: end.end_col_offset, ..start }
    }

    // Nodes

    #[inline]
    fn expr(&self, range: Range, kind: ExprKind<'a>) -> E<'a> {
        self.arena.alloc(Expr { range, kind })
    }

    /// An expression that begins at `start` and ends here.
    fn node(&self, start: Range, kind: ExprKind<'a>) -> E<'a> {
        self.expr(self.to_here(start), kind)
    }

    fn slice<T: Copy>(&self, items: &[T]) -> &'a [T] {
        self.arena.alloc_slice_copy(items)
    }

    fn exprs(&self, items: &[E<'a>]) -> &'a [Expr<'a>] {
        self.arena.alloc_slice_fill_iter(items.iter().map(|e| **e))
    }

    fn type_comment(&mut self) -> R<Option<&'a Text>> {
        let token = self.peek()?;
        if token.kind != TokenKind::TypeComment {
            return Ok(None);
        }
        self.mark += 1;
        Ok(Some(Text::new(token.text)))
    }

    /// `node`, if the grammar of version 3.`version` has it.
    fn check_version(&mut self, version: i32, what: &str) -> R<()> {
        if self.options.feature_version >= version {
            return Ok(());
        }
        Err(self.raise_syntax_error(format!("{what} only supported in Python 3.{version} and greater")))
    }

    // Combinators

    /// Runs a rule; rewinds if it does not match.
    #[inline]
    fn opt<T>(&mut self, rule: impl FnOnce(&mut Self) -> R<T>) -> R<Option<T>> {
        let mark = self.mark;
        match rule(self) {
            Ok(node) => Ok(Some(node)),
            Err(NoMatch) => {
                self.mark = mark;
                Ok(None)
            }
            Err(Raised) => Err(Raised),
        }
    }

    /// Whether a rule matches here; takes nothing.
    fn look<T>(&mut self, rule: impl FnOnce(&mut Self) -> R<T>) -> R<bool> {
        let mark = self.mark;
        let found = self.opt(rule)?.is_some();
        self.mark = mark;
        Ok(found)
    }

    /// Fails unless `condition`.
    fn require(condition: bool) -> R<()> {
        if condition { Ok(()) } else { Err(NoMatch) }
    }

    fn many0<T>(&mut self, mut rule: impl FnMut(&mut Self) -> R<T>) -> R<List<T>> {
        let mut items = List::new();
        while let Some(item) = self.opt(&mut rule)? {
            items.push(item);
        }
        Ok(items)
    }

    fn many1<T>(&mut self, rule: impl FnMut(&mut Self) -> R<T>) -> R<List<T>> {
        let items = self.many0(rule)?;
        Self::require(!items.is_empty())?;
        Ok(items)
    }

    /// `','.rule+`
    fn sep1<T>(&mut self, mut rule: impl FnMut(&mut Self) -> R<T>) -> R<List<T>> {
        let mut items: List<T> = smallvec![rule(self)?];
        while let Some(item) = self.opt(|p| {
            p.expect(TokenKind::Comma)?;
            rule(p)
        })? {
            items.push(item);
        }
        Ok(items)
    }

    /// The result of `rule` at this place, from the table if it was asked before.
    fn memo<T: Memoized<'a>>(&mut self, rule: Rule, body: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        let start = self.mark;
        let mut at = self.peek()?.memo;
        while let Some(memo) = self.memos.get(at as usize) {
            if memo.rule == rule {
                self.mark = memo.mark;
                return memo.node.and_then(T::from_node).ok_or(NoMatch);
            }
            at = memo.next;
        }
        let result = body(self);
        if matches!(result, Err(Raised)) {
            return result;
        }
        if result.is_err() {
            self.mark = start;
        }
        let node = result.as_ref().ok().map(|x| x.into_node());
        let next = std::mem::replace(&mut self.tokens[start].memo, self.memos.len() as u32);
        self.memos.push(Memo { rule, node, mark: self.mark, next });
        result
    }

    /// Goes one level deeper, on a fresh piece of stack if need be.
    fn nested<T>(&mut self, body: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        self.nested_by(1, body)
    }

    /// The same for a rule between which and `body` lie `levels - 1` others.
    fn nested_by<T>(&mut self, levels: u32, body: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        if self.depth + levels > MAX_DEPTH {
            return Err(self.stack_overflow());
        }
        self.depth += levels;
        let result = if stack_address() > self.stack_limit { body(self) } else { self.on_more_stack(body) };
        self.depth -= levels;
        result
    }

    #[cold]
    #[inline(never)]
    fn on_more_stack<T>(&mut self, body: impl FnOnce(&mut Self) -> R<T>) -> R<T> {
        let outer = self.stack_limit;
        let result = stacker::maybe_grow(STACK_RESERVE, STACK_PIECE, || {
            self.stack_limit = stack_limit();
            body(self)
        });
        self.stack_limit = outer;
        result
    }
}

/// About where the stack is; it grows towards lower addresses.
#[inline(always)]
fn stack_address() -> usize {
    let here = 0u8;
    (&raw const here).addr()
}

/// The address at which no more than the reserve is left of the stack; the highest one where that is not known.
fn stack_limit() -> usize {
    stacker::remaining_stack().map_or(usize::MAX, |left| stack_address().saturating_sub(left) + STACK_RESERVE)
}

/// An expression like `expr` in another context.
fn set_expr_context<'a>(p: &Parser<'a>, expr: E<'a>, ctx: ExprContext) -> E<'a> {
    let all = |elts: &'a [Expr<'a>]| -> &'a [Expr<'a>] {
        p.arena.alloc_slice_fill_iter(elts.iter().map(|e| *set_expr_context(p, e, ctx)))
    };
    let kind = match expr.kind {
        ExprKind::Name { id, .. } => ExprKind::Name { id, ctx },
        ExprKind::Tuple { elts, .. } => ExprKind::Tuple { elts: all(elts), ctx },
        ExprKind::List { elts, .. } => ExprKind::List { elts: all(elts), ctx },
        ExprKind::Subscript { value, slice, .. } => ExprKind::Subscript { value, slice, ctx },
        ExprKind::Attribute { value, attr, .. } => ExprKind::Attribute { value, attr, ctx },
        ExprKind::Starred { value, .. } => ExprKind::Starred { value: set_expr_context(p, value, ctx), ctx },
        _ => return expr,
    };
    p.expr(expr.range, kind)
}
