//! `_tokenize`: the tokenizer as an iterator over what a `readline` function returns.
#![allow(unsafe_code, reason = "hands the machine to the reader inside the tokenizer")]

use krait_runtime::compile::raise_syntax_error;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::{StopIteration, catch};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::{GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use krait_syntax::tokenize::{TokenSpan, TokenizeError, TokenizerIter as Reader};
use krait_unicode::TextBuf;
use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

krait_runtime::module! {
    "_tokenize",
    doc: "The interpreter's own tokenizer.",
    functions: [],
    types: [TokenizerIter],
}

type Readline = Box<dyn FnMut() -> PyResult<Option<String>>>;

/// The machine and the iterator object, while a token is being read.
type Borrowed = Rc<Cell<Option<(NonNull<Vm>, NonNull<TokenizerIter>)>>>;

type Tokens = Reader<Readline, Raised>;

/// A place and its object.
type SharedEnd = ((i32, i32), Py<Tuple>);

/// An iterator over the tokens of a source.
#[pyclass(name = "TokenizerIter", module = "_tokenize", gc)]
pub struct TokenizerIter {
    readline: Value,
    #[traverse(skip)]
    encoding: Option<String>,
    /// The encoding is UTF-8, which needs no codec.
    is_utf8: bool,
    /// None while a token is being read: `readline` may not ask for one.
    #[traverse(skip)]
    tokens: GilCell<Option<Box<Tokens>>>,
    #[traverse(skip)]
    borrowed: Borrowed,
    /// The number of the last token's line and its object, which tokens share.
    #[traverse(skip)]
    line: GilCell<Option<(u32, Py<Str>)>>,
    /// The end of the last token and its object, with which the next token often begins.
    #[traverse(skip)]
    end: GilCell<Option<SharedEnd>>,
}

fn reader(borrowed: Borrowed) -> Readline {
    Box::new(move || {
        let Some((mut vm, object)) = borrowed.take() else { return Ok(None) };
        // SAFETY: `next` put the addresses there out of a `&mut Vm` and a `&TokenizerIter` that it does not use until the tokenizer
        // has come back; `take` makes sure that they are used once at a time.
        let line = unsafe { object.as_ref().next_line(vm.as_mut()) };
        borrowed.set(Some((vm, object)));
        line
    })
}

/// A row and a column.
fn place(vm: &mut Vm, (row, column): (i32, i32)) -> PyResult<Py<Tuple>> {
    vm.new_tuple([Value::from_i32(row), Value::from_i32(column)])
}

impl TokenizerIter {
    /// The next line; none at the end.
    fn next_line(&self, vm: &mut Vm) -> PyResult<Option<String>> {
        let result = vm.call(&self.readline, &[]);
        let Some(line) = catch::<StopIteration, _>(vm, result)? else { return Ok(None) };
        let text = match &self.encoding {
            None => line,
            Some(encoding) => {
                let Some(bytes) = line.downcast::<Bytes>() else {
                    return Err(vm.type_error("readline() returned a non-bytes object"));
                };
                if self.is_utf8 && let Ok(text) = std::str::from_utf8(bytes.as_bytes()) {
                    return Ok(Some(text.to_owned()));
                }
                krait_runtime::codecs::decode(vm, &line, encoding, "replace")?
            }
        };
        match text.downcast::<Str>() {
            Some(s) => s.to_utf8(vm).map(Some),
            None => Err(vm.type_error("readline() returned a non-string object")),
        }
    }

    fn line_object(&self, vm: &mut Vm, tokens: &Tokens, token: &TokenSpan) -> PyResult<Value> {
        if let Some((known, object)) = self.line.get(vm)
            && *known == token.line {
                return Ok(object.to_value());
            }
        let object = vm.new_str(tokens.line(token))?;
        let old = self.line.replace(vm, Some((token.line, object.clone())));
        drop(old);
        Ok(object.into_value())
    }

    fn token_object(&self, vm: &mut Vm, tokens: &Tokens, token: &TokenSpan) -> PyResult {
        let line = self.line_object(vm, tokens, token)?;
        let string = vm.new_str(tokens.text(token))?.into_value();
        let known = self.end.get(vm).as_ref().filter(|(at, _)| *at == token.start).map(|(_, tuple)| tuple.clone());
        let start = match known {
            Some(tuple) => tuple,
            None => place(vm, token.start)?,
        };
        let end = place(vm, token.end)?;
        let old = self.end.replace(vm, Some((token.end, end.clone())));
        drop(old);
        let items = [Value::from_i32(token.kind.into()), string, start.into_value(), end.into_value(), line];
        Ok(vm.new_tuple(items)?.into_value())
    }
}

#[pymethods]
impl TokenizerIter {
    #[new(name = "tokenizeriter", sig = "(readline, /, *, extra_tokens, encoding=None)")]
    fn new(cls: &Py<PyType>, readline: Value, extra_tokens: bool, encoding: Option<String>, vm: &mut Vm) -> PyResult<Py<TokenizerIter>> {
        let borrowed: Borrowed = Rc::default();
        let tokens = Reader::new(reader(borrowed.clone()), extra_tokens);
        let is_utf8 = encoding.as_ref().is_some_and(|name| matches!(&*name.to_ascii_lowercase(), "utf-8" | "utf8"));
        let payload = TokenizerIter { readline, encoding, is_utf8, tokens: GilCell::new(Some(Box::new(tokens))), borrowed, line: GilCell::new(None), end: GilCell::new(None) };
        vm.new_instance(cls, payload)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<TokenizerIter>, _vm: &mut Vm) -> PyResult {
        Ok(zelf.to_value())
    }

    #[slot(iternext)]
    fn slot_iternext(zelf: &Py<TokenizerIter>, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(mut tokens) = zelf.tokens.replace(vm, None) else { return Err(vm.value_error("tokenizer is already executing")) };
        zelf.borrowed.set(Some((NonNull::from(&mut *vm), NonNull::from(&**zelf))));
        let token = tokens.next_span();
        zelf.borrowed.set(None);
        let warnings = tokens.take_warnings();
        let object = match &token {
            Ok(Some(token)) => zelf.token_object(vm, &tokens, token).map(Some),
            Ok(None) | Err(_) => Ok(None),
        };
        let old = zelf.tokens.replace(vm, Some(tokens));
        drop(old);
        if !warnings.is_empty() {
            krait_runtime::compile::issue_warnings(vm, &warnings, &TextBuf::from("<string>"), None)?;
        }
        match token {
            Ok(_) => object,
            Err(TokenizeError::Source(e)) => Err(e),
            Err(TokenizeError::Syntax(e)) => Err(raise_syntax_error(vm, *e, &TextBuf::from("<string>"), None)),
        }
    }
}
