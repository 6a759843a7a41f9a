//! Strings side by side, f-strings (PEP 701) and t-strings (PEP 750).

use super::literals::{alloc_text, decode_format_spec, decode_string, string};
use super::statements::annotated_rhs;
use super::*;
use TokenKind::*;
use krait_unicode::TextBuf;

/// Which of the two kinds of strings with replacement fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F,
    T,
}

impl Kind {
    const fn prefix(self) -> char {
        match self {
            Kind::F => 'f',
            Kind::T => 't',
        }
    }

    const fn middle(self) -> TokenKind {
        match self {
            Kind::F => FStringMiddle,
            Kind::T => TStringMiddle,
        }
    }
}

pub(super) fn strings<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    // One string alone without a backslash, as most are, is read anew at less cost than it is kept; others may warn and are read once.
    if !p.second_pass {
        let token = p.peek()?;
        if token.kind == String && memchr::memchr(b'\\', token.text.as_bytes()).is_none() {
            let mark = p.mark;
            let e = string(p)?;
            if !matches!(p.kind()?, String | FStringStart) {
                return Ok(e);
            }
            p.mark = mark;
        }
    }
    p.memo(Rule::Strings, strings_raw)
}

fn strings_raw<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let start = p.start()?;
    invalid!(p, invalid_string_tstring_concat);
    alt!(p, {
        let all = p.many1(fstring_or_string)?;
        concatenate_strings(p, start, &all)
    });
    let all = p.many1(tstring)?;
    let (values, _) = concatenated_values(p, &all, true);
    Ok(p.node(start, ExprKind::TemplateStr { values }))
}

fn fstring_or_string<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    if p.at(String)? { string(p) } else { fstring(p) }
}

fn invalid_string_tstring_concat(p: &mut Parser) -> Invalid {
    const MESSAGE: &str = "cannot mix t-string literals with string or bytes literals";
    if let Some((a, b)) = p.opt(|p| {
        let a = p.many1(fstring_or_string)?;
        Ok((*a.last().ok_or(NoMatch)?, tstring(p)?))
    })? {
        return Err(p.raise_range(a, b, MESSAGE));
    }
    let a = p.many1(tstring)?;
    let b = fstring_or_string(p)?;
    let a = *a.last().ok_or(NoMatch)?;
    Err(p.raise_range(a, b, MESSAGE))
}

fn fstring<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    let a = p.expect(FStringStart)?;
    let raw = p.many0(|p| middle(p, Kind::F))?;
    let b = p.expect(FStringEnd)?;
    let values = joined_values(p, a, &raw, b)?;
    let range = Range { end_lineno: b.range.end_lineno, end_col_offset: b.range.end_col_offset, ..a.range };
    Ok(p.expr(range, ExprKind::JoinedStr { values }))
}

fn tstring<'a>(p: &mut Parser<'a>) -> R<E<'a>> {
    p.memo(Rule::TString, |p| {
        let a = p.expect(TStringStart)?;
        let raw = p.many0(|p| middle(p, Kind::T))?;
        let b = p.expect(TStringEnd)?;
        let values = joined_values(p, a, &raw, b)?;
        p.check_version(14, "t-strings are")?;
        let range = Range { end_lineno: b.range.end_lineno, end_col_offset: b.range.end_col_offset, ..a.range };
        Ok(p.expr(range, ExprKind::TemplateStr { values }))
    })
}

/// A piece of an f-string before its escapes are decoded.
#[derive(Clone, Copy)]
enum Middle<'a> {
    Text(Token<'a>),
    Field(E<'a>),
    /// The source text of a `{x=}` field, and the field.
    Debug(E<'a>, E<'a>),
}

/// `fstring_middle`, `tstring_middle`
fn middle<'a>(p: &mut Parser<'a>, kind: Kind) -> R<Middle<'a>> {
    if p.at(kind.middle())? {
        let token = p.peek()?;
        p.mark += 1;
        return Ok(Middle::Text(token));
    }
    replacement_field(p, kind, kind == Kind::T)
}

/// The pieces of a string from token `a` to token `b`, decoded, empty ones left out.
fn joined_values<'a>(p: &mut Parser<'a>, a: Tk, raw: &[Middle<'a>], b: Tk) -> R<&'a [Expr<'a>]> {
    let is_raw = p.tokens[a.index].text.contains(['r', 'R']);
    let end = p.tokens[b.index];
    let mut values = Vec::with_capacity(raw.len());
    for item in raw {
        match *item {
            Middle::Field(e) => values.push(e),
            Middle::Debug(text, e) => values.extend([text, e]),
            Middle::Text(token) => {
                let body = match token.text {
                    "{{" => "{",
                    "}}" => "}",
                    text => text,
                };
                let text = if is_raw || !body.contains('\\') { Text::new(body) } else { decode_string(p, body, &end)? };
                if !text.is_empty() {
                    values.push(p.expr(token.range, ExprKind::Constant { value: Constant::Str(text), kind: None }));
                }
            }
        }
    }
    Ok(p.exprs(&values))
}

/// A token and the text of the expression before it.
#[derive(Clone, Copy)]
struct Ending<'a, T> {
    node: T,
    metadata: Option<&'a str>,
}

/// `fstring_replacement_field`, `tstring_replacement_field`, `tstring_format_spec_replacement_field`
fn replacement_field<'a>(p: &mut Parser<'a>, kind: Kind, interpolation: bool) -> R<Middle<'a>> {
    let start = p.start()?;
    alt!(p, {
        p.expect(LBrace)?;
        let value = annotated_rhs(p)?;
        let debug = p.eat(Equal)?;
        let conversion = p.opt(fstring_conversion)?;
        let format = p.opt(|p| full_format_spec(p, kind))?;
        let rbrace = p.expect(RBrace)?;
        Ok(formatted_value(p, start, value, debug, conversion, format, rbrace, interpolation))
    });
    invalid!(p, |p: &mut Parser<'a>| -> Invalid { invalid_replacement_field(p, kind) });
    Err(NoMatch)
}

fn fstring_conversion<'a>(p: &mut Parser<'a>) -> R<Ending<'a, (Identifier<'a>, Range)>> {
    let bang = p.expect(Exclamation)?;
    let (name, range) = p.name()?;
    if bang.range.lineno != range.lineno || bang.range.end_col_offset != range.col_offset {
        let message =
            format!("{}-string: conversion type must come right after the exclamation mark", p.tok.string_prefix());
        return Err(p.raise_range(bang, range, message));
    }
    if !matches!(name, "s" | "r" | "a") {
        let message = format!(
            "{}-string: invalid conversion character '{name}': expected 's', 'r', or 'a'",
            p.tok.string_prefix()
        );
        return Err(p.raise_at(range, message));
    }
    Ok(Ending { node: (name, range), metadata: p.metadata(bang) })
}

/// `fstring_full_format_spec`, `tstring_full_format_spec`
fn full_format_spec<'a>(p: &mut Parser<'a>, kind: Kind) -> R<Ending<'a, E<'a>>> {
    let start = p.start()?;
    let colon = p.expect(Colon)?;
    let spec: Vec<E> = format_spec(p, kind)?;
    let metadata = p.metadata(colon);
    let spec: Vec<E> = spec.into_iter().filter(|e| !is_empty_str(e)).collect();
    let plain = match spec[..] {
        [] => true,
        [e] => matches!(e.kind, ExprKind::Constant { .. }),
        _ => false,
    };
    let node = if plain {
        p.node(start, ExprKind::JoinedStr { values: p.exprs(&spec) })
    } else {
        concatenate_strings(p, start, &spec)?
    };
    Ok(Ending { node, metadata })
}

/// The parts of a format specification.
fn format_spec<'a>(p: &mut Parser<'a>, kind: Kind) -> R<Vec<E<'a>>> {
    let mut all = Vec::new();
    loop {
        if p.at(kind.middle())? {
            let token = p.peek()?;
            p.mark += 1;
            let raw = p.tok.string_is_raw() || !token.text.contains('\\');
            let text = if raw { Text::new(token.text) } else { decode_format_spec(p, token.text, &token)? };
            all.push(p.expr(token.range, ExprKind::Constant { value: Constant::Str(text), kind: None }));
            continue;
        }
        match p.opt(|p| replacement_field(p, kind, false))? {
            Some(Middle::Field(e)) => all.push(e),
            Some(Middle::Debug(text, e)) => all.extend([text, e]),
            _ => return Ok(all),
        }
    }
}

fn is_empty_str(e: &Expr) -> bool {
    matches!(e.kind, ExprKind::Constant { value: Constant::Str(s), .. } if s.is_empty())
}

#[allow(clippy::too_many_arguments, reason = "the parts of one grammar rule")]
fn formatted_value<'a>(
    p: &Parser<'a>,
    start: Range,
    value: E<'a>,
    debug: bool,
    conversion: Option<Ending<'a, (Identifier<'a>, Range)>>,
    format: Option<Ending<'a, E<'a>>>,
    rbrace: Tk,
    interpolation: bool,
) -> Middle<'a> {
    let conversion_val = match conversion {
        Some(c) => c.node.0.bytes().next().map_or(-1, i32::from),
        None if debug && format.is_none() => i32::from(b'r'),
        None => -1,
    };
    let range = p.to_here(start);
    let (metadata, end_lineno, end_col_offset) = match (conversion, format) {
        (Some(c), _) => (c.metadata, c.node.1.lineno, c.node.1.col_offset),
        (None, Some(f)) => (f.metadata, f.node.range.lineno, f.node.range.col_offset + 1),
        (None, None) => (p.metadata(rbrace), range.end_lineno, range.end_col_offset),
    };
    let source = metadata.unwrap_or("");
    let format_spec = format.map(|f| f.node);
    let kind = if interpolation {
        let expression = if debug { source.rfind('=').map_or(source, |i| &source[..i]) } else { source };
        let str = Constant::Str(Text::new(expression));
        ExprKind::Interpolation { value, str, conversion: conversion_val, format_spec }
    } else {
        ExprKind::FormattedValue { value, conversion: conversion_val, format_spec }
    };
    let field = p.expr(range, kind);
    if !debug {
        return Middle::Field(field);
    }
    let text_range =
        Range { col_offset: range.col_offset + 1, end_lineno, end_col_offset: end_col_offset - 1, ..range };
    let text = p.expr(text_range, ExprKind::Constant { value: Constant::Str(Text::new(source)), kind: None });
    Middle::Debug(text, field)
}

// Concatenation

fn concatenate_strings<'a>(p: &mut Parser<'a>, start: Range, all: &[E<'a>]) -> R<E<'a>> {
    let is_bytes = |e: &E| matches!(e.kind, ExprKind::Constant { value: Constant::Bytes(_), .. });
    let is_constant = |e: &E| matches!(e.kind, ExprKind::Constant { .. });
    let bytes_found = all.iter().any(is_bytes);
    if bytes_found {
        if !all.iter().all(is_bytes) {
            return Err(p.raise_syntax_error("cannot mix bytes and nonbytes literals"));
        }
        let mut joined = Vec::new();
        for e in all {
            if let ExprKind::Constant { value: Constant::Bytes(b), .. } = e.kind {
                joined.extend_from_slice(b);
            }
        }
        let value = Constant::Bytes(p.slice(&joined));
        return Ok(p.node(start, ExprKind::Constant { value, kind: None }));
    }
    let f_string_found = !all.iter().all(is_constant);
    if let [one] = all
        && !f_string_found
    {
        return Ok(one);
    }
    let (values, first) = concatenated_values(p, all, f_string_found);
    match first {
        Some(constant) if !f_string_found => Ok(constant),
        _ => Ok(p.node(start, ExprKind::JoinedStr { values })),
    }
}

/// All parts of the strings, neighbouring constants joined; empty ones dropped if `drop_empty`. Also the first part.
fn concatenated_values<'a>(p: &Parser<'a>, all: &[E<'a>], drop_empty: bool) -> (&'a [Expr<'a>], Option<E<'a>>) {
    let mut flat: Vec<E<'a>> = Vec::new();
    for e in all {
        match e.kind {
            ExprKind::JoinedStr { values } | ExprKind::TemplateStr { values } => flat.extend(values),
            _ => flat.push(e),
        }
    }
    let mut values: Vec<E<'a>> = Vec::new();
    for run in flat.chunk_by(|a, b| constant_text(a).is_some() && constant_text(b).is_some()) {
        let e = match run {
            [first, .., last] => {
                let mut joined = TextBuf::new();
                run.iter().filter_map(|e| constant_text(e)).for_each(|t| joined.push_text(t));
                let kind = match first.kind {
                    ExprKind::Constant { kind, .. } => kind,
                    _ => None,
                };
                let range = Range {
                    end_lineno: last.range.end_lineno,
                    end_col_offset: last.range.end_col_offset,
                    ..first.range
                };
                p.expr(range, ExprKind::Constant { value: Constant::Str(alloc_text(p, joined)), kind })
            }
            [e] => *e,
            [] => continue,
        };
        if !(drop_empty && is_empty_str(e)) {
            values.push(e);
        }
    }
    (p.exprs(&values), values.first().copied())
}

fn constant_text<'a>(e: &Expr<'a>) -> Option<&'a Text> {
    match e.kind {
        ExprKind::Constant { value: Constant::Str(s), .. } => Some(s),
        _ => None,
    }
}

// Mistakes

/// `invalid_fstring_replacement_field`, `invalid_tstring_replacement_field`
fn invalid_replacement_field(p: &mut Parser, kind: Kind) -> Invalid {
    let f = kind.prefix();
    p.expect(LBrace)?;
    for (token, text) in [(Equal, '='), (Exclamation, '!'), (Colon, ':'), (RBrace, '}')] {
        if p.at(token)? {
            let a = p.expect(token)?;
            return Err(p.raise_at(a, format!("{f}-string: valid expression required before '{text}'")));
        }
    }
    if !p.look(annotated_rhs)? {
        return Err(p.raise_on_next_token(format!("{f}-string: expecting a valid expression after '{{'")));
    }
    annotated_rhs(p)?;
    if !matches!(p.kind()?, Equal | Exclamation | Colon | RBrace) {
        return Err(p.raise_on_next_token(format!("{f}-string: expecting '=', or '!', or ':', or '}}'")));
    }
    if p.eat(Equal)? && !matches!(p.kind()?, Exclamation | Colon | RBrace) {
        return Err(p.raise_on_next_token(format!("{f}-string: expecting '!', or ':', or '}}'")));
    }
    if p.at(Exclamation)? {
        let mark = p.mark;
        p.mark += 1;
        if matches!(p.kind()?, Colon | RBrace) {
            return Err(p.raise_on_next_token(format!("{f}-string: missing conversion character")));
        }
        if !p.at(Name)? {
            return Err(p.raise_on_next_token(format!("{f}-string: invalid conversion character")));
        }
        p.mark = mark;
    }
    p.opt(|p| {
        p.expect(Exclamation)?;
        p.expect(Name)
    })?;
    if !matches!(p.kind()?, Colon | RBrace) {
        return Err(p.raise_on_next_token(format!("{f}-string: expecting ':' or '}}'")));
    }
    if p.at(Colon)? {
        let mark = p.mark;
        p.mark += 1;
        format_spec(p, Kind::F)?;
        if !p.at(RBrace)? {
            return Err(p.raise_on_next_token(format!("{f}-string: expecting '}}', or format specs")));
        }
        p.mark = mark;
    }
    if !p.at(RBrace)? {
        return Err(p.raise_on_next_token(format!("{f}-string: expecting '}}'")));
    }
    Err(NoMatch)
}
