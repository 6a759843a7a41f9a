//! `_sre`: the objects around the matcher of `krait-sre`.
//!
//! Texts are held by reference (`str`, `bytes`) or copied (other buffers), never borrowed from the interpreter, so that callbacks can run
//! between two matches.

use krait_runtime::types::bytes::{ByteView, Bytes};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::{Items, Str, StrBuilder, StrData};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Raised, Value, Vm, module, pyfunction};
use krait_sre::{Environment, Error, Locale, Program, State, Subject};

mod locale;
mod match_;
mod pattern;
mod scanner;
mod template;

pub use match_::Match;
pub use pattern::Pattern;
pub use scanner::Scanner;
pub use template::Template;

/// A subject of matching, held.
pub enum Text {
    Str(Py<Str>),
    Bytes(ByteView),
}

impl Text {
    /// The text of a string or bytes-like object.
    pub fn new(vm: &mut Vm, object: &Value) -> PyResult<Text> {
        if let Some(s) = object.downcast::<Str>() {
            return Ok(Text::Str(s.clone()));
        }
        if !vm.is_bytes_like(object) {
            let name = object.type_name();
            return Err(vm.type_error(format!("expected string or bytes-like object, got '{name}'")));
        }
        vm.byte_view(object).map(Text::Bytes)
    }

    /// For the matcher.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Text::Bytes(bytes) => Subject::U8(bytes),
            Text::Str(s) => match s.data() {
                StrData::Ascii(s) => Subject::U8(s.as_bytes()),
                StrData::Latin1(s) => Subject::U8(s),
                StrData::Ucs2(s) => Subject::U16(s),
                StrData::Ucs4(s) => Subject::U32(s),
            },
        }
    }

    /// Characters or bytes.
    pub fn len(&self) -> usize {
        match self {
            Text::Bytes(bytes) => bytes.len(),
            Text::Str(s) => s.len(),
        }
    }

    /// The part between two bounds as an object. `object` is where the text comes from: the whole of a `str` or `bytes` is the object itself.
    pub fn part(&self, vm: &mut Vm, start: usize, end: usize) -> PyResult {
        match self {
            Text::Str(s) => Ok(Str::part(s, vm, start, end)?.into_value()),
            Text::Bytes(bytes) => {
                if let ByteView::Object(object) = bytes
                    && start == 0 && end >= object.len() && object.is_exact() {
                        return Ok(object.to_value());
                    }
                let end = end.min(bytes.len());
                let part = bytes.get(start.min(end)..end).unwrap_or_default();
                Ok(vm.new_bytes(part)?.into_value())
            }
        }
    }

    /// What the parts give when they stand side by side.
    pub fn join(&self, vm: &mut Vm, parts: &[Value]) -> PyResult {
        match self {
            Text::Str(_) => {
                let empty = vm.new_str("")?;
                Ok(vm.str_join(&empty, Items::Slice(parts))?.into_value())
            }
            Text::Bytes(_) => {
                if let [one] = parts
                    && one.is_exact::<Bytes>() {
                        return Ok(one.clone());
                    }
                let mut out = Vec::new();
                for (i, part) in parts.iter().enumerate() {
                    if !vm.is_bytes_like(part) {
                        let name = part.type_name();
                        return Err(vm.type_error(format!("sequence item {i}: expected a bytes-like object, {name} found")));
                    }
                    out.extend_from_slice(&vm.byte_view(part)?);
                }
                Ok(vm.new_bytes(&out)?.into_value())
            }
        }
    }
}

/// How to match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum How {
    Match,
    FullMatch,
    Search,
}

/// Runs the matcher, letting signal handlers run now and then.
pub fn run(vm: &mut Vm, pattern: &Pattern, state: &mut State, text: &Text, how: How) -> PyResult<bool> {
    let held;
    let locale = if pattern.flags & LOCALE == 0 { &Locale::C } else { held = locale::current(); &held };
    let program: &Program = &pattern.program;
    let mut polls = 0u32;
    let mut poll = || {
        polls += 1;
        false
    };
    let mut env = Environment { locale, poll: &mut poll };
    let mut result = match how {
        How::Match => state.match_(program, text.subject(), &mut env),
        How::FullMatch => state.fullmatch(program, text.subject(), &mut env),
        How::Search => state.search(program, text.subject(), &mut env),
    };
    loop {
        match result {
            Ok(found) => return Ok(found),
            Err(Error::Interrupted) => result = state.resume(program, text.subject(), &mut env),
            Err(error) => return Err(raise(vm, error)),
        }
    }
}

#[cold]
fn raise(vm: &mut Vm, error: Error) -> Raised {
    match error {
        Error::Memory => vm.memory_error(),
        Error::State | Error::Interrupted => vm.runtime_error("internal error in regular expression engine"),
    }
}

const LOCALE: u32 = 4;

/// Make a pattern object of compiled code.
#[pyfunction(sig = "(pattern, flags, code, groups, groupindex, indexgroup)")]
fn compile(pattern: &Value, flags: i32, code: &Py<List>, groups: isize, groupindex: &Py<Dict>, indexgroup: &Py<Tuple>, vm: &mut Vm) -> PyResult<Py<Pattern>> {
    let mut words = Vec::with_capacity(code.items(vm).len());
    for item in code.items(vm).to_vec() {
        let word = vm.int_as_i128(&item);
        match word.and_then(|w| u32::try_from(w).ok()) {
            Some(word) => words.push(word),
            None if word.is_none() => {
                vm.index(&item)?;
                return Err(vm.overflow_error("regular expression code size limit exceeded"));
            }
            None => return Err(vm.overflow_error("regular expression code size limit exceeded")),
        }
    }
    let groups = usize::try_from(groups).unwrap_or(usize::MAX);
    let is_bytes = if pattern.is_none() { None } else { Some(matches!(Text::new(vm, pattern)?, Text::Bytes(_))) };
    let program = match Program::new(&words, groups) {
        Ok(program) => program,
        Err(_) => return Err(vm.runtime_error("invalid SRE code")),
    };
    vm.new_object(Pattern {
        pattern: pattern.clone(),
        flags: flags as u32,
        program,
        code: words,
        groups,
        is_bytes,
        groupindex: groupindex.clone(),
        indexgroup: indexgroup.clone(),
    })
}

/// Make a template object of what re._parser found in a replacement.
#[pyfunction(name = "template", sig = "(pattern, template, /)")]
fn make_template(pattern: &Value, template: &Py<List>, vm: &mut Vm) -> PyResult<Py<Template>> {
    let _ = pattern;
    Template::new(vm, template)
}

/// Bytes a word of code.
#[pyfunction(sig = "()")]
fn getcodesize() -> usize {
    krait_sre::CODESIZE
}

/// Whether an ASCII letter has another case.
#[pyfunction(sig = "(character)")]
fn ascii_iscased(character: i32) -> bool {
    krait_sre::ascii_iscased(character as u32)
}

/// Whether a character has another case.
#[pyfunction(sig = "(character)")]
fn unicode_iscased(character: i32) -> bool {
    krait_sre::unicode_iscased(character as u32)
}

/// Lower case of an ASCII letter; other characters stay.
#[pyfunction(sig = "(character)")]
fn ascii_tolower(character: i32) -> i32 {
    krait_sre::ascii_tolower(character as u32) as i32
}

/// Lower case of a character.
#[pyfunction(sig = "(character)")]
fn unicode_tolower(character: i32) -> i32 {
    krait_sre::unicode_tolower(character as u32) as i32
}

/// `repr(value)` cut to `max` characters.
fn short_repr(vm: &mut Vm, value: &Value, max: usize, out: &mut StrBuilder) -> PyResult<()> {
    let repr = vm.repr(value)?;
    out.push_data(repr.data().slice(0, repr.len().min(max)));
    Ok(())
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let copyright = vm.new_str(" SRE 2.2.2 Copyright (c) 1997-2002 by Secret Labs AB ")?.into_value();
    let values = [
        ("MAGIC", vm.new_int(krait_sre::MAGIC)?),
        ("CODESIZE", vm.new_int(krait_sre::CODESIZE)?),
        ("MAXREPEAT", vm.new_int(krait_sre::MAXREPEAT)?),
        ("MAXGROUPS", vm.new_int(krait_sre::MAXGROUPS)?),
        ("copyright", copyright),
    ];
    for (name, value) in values {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

module! {
    "_sre",
    doc: "The matcher of regular expressions.",
    functions: [compile, make_template, getcodesize, ascii_iscased, unicode_iscased, ascii_tolower, unicode_tolower],
    types: [],
    exec: init,
}
