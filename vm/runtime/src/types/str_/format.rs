//! `str.format`: the reader of replacement fields, which `_string` uses too, and the formatting itself.

use super::{Str, StrBuilder, StrData};
use crate::{Args, Py, PyResult, Value, Vm, pymethods};

/// A part of a string: from, up to.
pub type Range = (usize, usize);

/// One step of the reader: literal text, and the field behind it if there is one.
#[derive(Debug, Clone)]
pub struct Piece {
    pub literal: Range,
    pub field: Option<Field>,
}

/// A replacement field.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: Range,
    pub spec: Range,
    /// `r`, `s`, `a` or another character behind `!`.
    pub conversion: Option<u32>,
    /// The specification has fields of its own.
    pub nested: bool,
}

/// Reads a format string piece by piece.
pub struct Reader<'a> {
    data: StrData<'a>,
    pub at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    /// Reads the part `range` of `data`.
    pub fn new(data: StrData<'a>, range: Range) -> Reader<'a> {
        Reader { data, at: range.0, end: range.1 }
    }

    fn peek(&self) -> Option<u32> {
        if self.at < self.end { self.data.get(self.at) } else { None }
    }

    fn take(&mut self) -> Option<u32> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    /// The next piece, none at the end.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, &'static str> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        let mut brace = None;
        while let Some(c) = self.take() {
            if c == 123 || c == 125 {
                brace = Some(c);
                break;
            }
        }
        let Some(brace) = brace else { return Ok(Some(Piece { literal: (start, self.end), field: None })) };
        let following = self.peek();
        if brace == 125 && following != Some(125) {
            return Err("Single '}' encountered in format string");
        }
        if following.is_none() {
            return Err("Single '{' encountered in format string");
        }
        if following == Some(brace) {
            self.at += 1;
            return Ok(Some(Piece { literal: (start, self.at - 1), field: None }));
        }
        let literal = (start, self.at - 1);
        Ok(Some(Piece { literal, field: Some(self.field()?) }))
    }

    fn field(&mut self) -> Result<Field, &'static str> {
        let start = self.at;
        let mut end_char = None;
        while let Some(c) = self.take() {
            match c {
                123 => return Err("unexpected '{' in field name"),
                91 => {
                    while self.peek().is_some_and(|c| c != 93) {
                        self.at += 1;
                    }
                }
                125 | 58 | 33 => {
                    end_char = Some(c);
                    break;
                }
                _ => {}
            }
        }
        let mut field = Field { name: (start, self.at.saturating_sub(1)), spec: (0, 0), conversion: None, nested: false };
        match end_char {
            Some(125) => return Ok(field),
            Some(33) => {
                let Some(c) = self.take() else { return Err("end of string while looking for conversion specifier") };
                field.conversion = Some(c);
                match self.take() {
                    Some(125) => return Ok(field),
                    Some(58) => {}
                    Some(_) => return Err("expected ':' after conversion specifier"),
                    None => return Err("unmatched '{' in format spec"),
                }
            }
            Some(_) => {}
            None => return Err("expected '}' before end of string"),
        }
        let start = self.at;
        let mut depth = 1;
        while let Some(c) = self.take() {
            match c {
                123 => {
                    field.nested = true;
                    depth += 1;
                }
                125 => {
                    depth -= 1;
                    if depth == 0 {
                        field.spec = (start, self.at - 1);
                        return Ok(field);
                    }
                }
                _ => {}
            }
        }
        Err("unmatched '{' in format spec")
    }
}

/// The first part of a field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum First {
    /// No name: the next number.
    Empty,
    Index(usize),
    Name(Range),
}

/// One step from an object on: attribute or item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Attribute(Range),
    Index(usize),
    Key(Range),
}

const TOO_MANY: &str = "Too many decimal digits in format string";

/// The number that all characters of the range make.
fn integer(data: StrData<'_>, range: Range) -> Result<Option<usize>, &'static str> {
    if range.0 == range.1 {
        return Ok(None);
    }
    let mut n = 0usize;
    for c in data.slice(range.0, range.1).iter() {
        let Some(d) = krait_unicode::decimal(c) else { return Ok(None) };
        n = n.checked_mul(10).and_then(|n| n.checked_add(usize::from(d))).filter(|&n| n <= isize::MAX as usize).ok_or(TOO_MANY)?;
    }
    Ok(Some(n))
}

/// Splits a field's name into its first part and the place where the rest begins.
pub fn split_first(data: StrData<'_>, name: Range) -> Result<(First, usize), &'static str> {
    let end = (name.0..name.1).find(|&i| matches!(data.get(i), Some(46 | 91))).unwrap_or(name.1);
    let first = match integer(data, (name.0, end))? {
        _ if name.0 == end => First::Empty,
        Some(n) => First::Index(n),
        None => First::Name((name.0, end)),
    };
    Ok((first, end))
}

/// The step at `at`, which moves on; none at the end.
pub fn next_step(data: StrData<'_>, at: &mut usize, end: usize) -> Result<Option<Step>, &'static str> {
    if *at >= end {
        return Ok(None);
    }
    let c = data.get(*at);
    *at += 1;
    let start = *at;
    let step = match c {
        Some(46) => {
            *at = (start..end).find(|&i| matches!(data.get(i), Some(46 | 91))).unwrap_or(end);
            Step::Attribute((start, *at))
        }
        Some(91) => {
            let Some(close) = (start..end).find(|&i| data.get(i) == Some(93)) else { return Err("Missing ']' in format string") };
            *at = close + 1;
            match integer(data, (start, close))? {
                Some(n) => Step::Index(n),
                None => Step::Key((start, close)),
            }
        }
        _ => return Err("Only '.' or '[' may follow ']' in format field specifier"),
    };
    match step {
        Step::Attribute((a, b)) | Step::Key((a, b)) if a == b => Err("Empty attribute in format string"),
        _ => Ok(Some(step)),
    }
}

/// How fields without a name are numbered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbering {
    Unknown,
    Automatic(usize),
    Manual,
}

/// Where fields get their values.
enum Source<'a> {
    Call(Args<'a>),
    Mapping(&'a Value),
}

struct Formatting<'a> {
    data: StrData<'a>,
    source: Source<'a>,
    numbering: Numbering,
    /// The string that the output begins with whole, which may be all of it.
    whole: Option<Py<Str>>,
}

impl<'a> Formatting<'a> {
    fn new(format: &'a Py<Str>, source: Source<'a>) -> Formatting<'a> {
        Formatting { data: format.data(), source, numbering: Numbering::Unknown, whole: None }
    }

    /// All of the format. Where only one string came out, it is the result itself.
    fn run(mut self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let out = self.build(vm, (0, self.data.len()), 2)?;
        match self.whole {
            Some(whole) if whole.len() == out.len() => Ok(whole),
            _ => out.finish(vm),
        }
    }

    fn build(&mut self, vm: &mut Vm, range: Range, depth: u32) -> PyResult<StrBuilder> {
        if depth == 0 {
            return Err(vm.value_error("Max string recursion exceeded"));
        }
        let mut out = StrBuilder::with_capacity(range.1 - range.0);
        let mut reader = Reader::new(self.data, range);
        while let Some(piece) = reader.next_piece().map_err(|m| vm.value_error(m))? {
            out.push_data(self.data.slice(piece.literal.0, piece.literal.1));
            if let Some(field) = piece.field {
                self.field(vm, &field, depth, &mut out)?;
            }
        }
        Ok(out)
    }

    fn field(&mut self, vm: &mut Vm, field: &Field, depth: u32, out: &mut StrBuilder) -> PyResult<()> {
        let mut value = self.object(vm, field.name)?;
        if let Some(c) = field.conversion {
            value = convert(vm, &value, c)?.into_value();
        }
        let spec = if field.nested {
            self.build(vm, field.spec, depth - 1)?.finish(vm)?
        } else if field.spec.0 == field.spec.1 {
            if let Some(s) = value.downcast_exact::<Str>() {
                if out.is_empty() && depth == 2 {
                    self.whole = Some(s.clone());
                }
                out.push_object(s);
                return Ok(());
            }
            vm.new_str("")?
        } else {
            vm.new_str_data(self.data.slice(field.spec.0, field.spec.1))?
        };
        let text = vm.format(&value, &spec)?;
        if out.is_empty() && depth == 2 && text.is_exact() {
            self.whole = Some(text.clone());
        }
        out.push_object(&text);
        Ok(())
    }

    fn number(&mut self, vm: &mut Vm, first: First) -> PyResult<First> {
        let empty = match first {
            First::Name(_) => return Ok(first),
            First::Empty => true,
            First::Index(_) => false,
        };
        if self.numbering == Numbering::Unknown {
            self.numbering = if empty { Numbering::Automatic(0) } else { Numbering::Manual };
        }
        match (self.numbering, empty) {
            (Numbering::Automatic(n), true) => {
                self.numbering = Numbering::Automatic(n + 1);
                Ok(First::Index(n))
            }
            (Numbering::Automatic(_), false) => {
                Err(vm.value_error("cannot switch from automatic field numbering to manual field specification"))
            }
            (_, true) => Err(vm.value_error("cannot switch from manual field specification to automatic field numbering")),
            (_, false) => Ok(first),
        }
    }

    fn object(&mut self, vm: &mut Vm, name: Range) -> PyResult {
        let data = self.data;
        let (first, mut at) = split_first(data, name).map_err(|m| vm.value_error(m))?;
        let mut object = match self.number(vm, first)? {
            First::Index(n) => match &self.source {
                Source::Mapping(_) => return Err(vm.value_error("Format string contains positional fields")),
                Source::Call(args) => match args.positional().get(n) {
                    Some(value) => value.clone(),
                    None => return Err(vm.index_error(format!("Replacement index {n} out of range for positional args tuple"))),
                },
            },
            First::Name((a, b)) => {
                let key = vm.new_str_data(data.slice(a, b))?;
                self.named(vm, &key)?
            }
            First::Empty => Value::none(),
        };
        while let Some(step) = next_step(data, &mut at, name.1).map_err(|m| vm.value_error(m))? {
            object = match step {
                Step::Attribute((a, b)) => {
                    let attribute = vm.new_str_data(data.slice(a, b))?;
                    let attribute = vm.intern_object(&attribute);
                    vm.getattr(&object, &attribute)?
                }
                Step::Index(n) => {
                    let key = vm.new_int(n)?;
                    vm.getitem(&object, &key)?
                }
                Step::Key((a, b)) => {
                    let key = vm.new_str_data(data.slice(a, b))?;
                    vm.getitem(&object, key.as_value())?
                }
            };
        }
        Ok(object)
    }

    fn named(&self, vm: &mut Vm, key: &Py<Str>) -> PyResult {
        match &self.source {
            Source::Mapping(mapping) => vm.getitem(mapping, key.as_value()),
            Source::Call(args) => {
                let found = args.keywords().find(|(k, _)| k.downcast::<Str>().is_some_and(|k| k.eq_chars(key))).map(|(_, v)| v.clone());
                found.ok_or_else(|| vm.key_error(key.as_value()))
            }
        }
    }
}

/// `!r`, `!s`, `!a`.
fn convert(vm: &mut Vm, value: &Value, c: u32) -> PyResult<Py<Str>> {
    match char::from_u32(c) {
        Some('r') => vm.repr(value),
        Some('s') => vm.str(value),
        Some('a') => vm.ascii(value),
        Some(c @ '!'..='~') => Err(vm.value_error(format!("Unknown conversion specifier {c}"))),
        _ => Err(vm.value_error(format!("Unknown conversion specifier \\x{c:x}"))),
    }
}

#[pymethods(part = FORMAT)]
impl Str {
    /// The string with its replacement fields {...} filled from the arguments.
    #[method(name = "format", text = "($self, /, *args, **kwargs)")]
    fn format(zelf: &Py<Str>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let text = Formatting::new(zelf, Source::Call(args)).run(vm)?;
        Ok(if zelf.is_exact() && text.eq_chars(zelf) { zelf.clone() } else { text })
    }

    /// The string with its replacement fields {...} filled from a mapping.
    #[method]
    fn format_map(zelf: &Py<Str>, mapping: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        Formatting::new(zelf, Source::Mapping(mapping)).run(vm)
    }
}
