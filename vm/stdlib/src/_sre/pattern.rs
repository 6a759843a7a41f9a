//! `re.Pattern`.

use super::{How, Match, Scanner, Template, Text, run, short_repr};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::TypeError;
use krait_runtime::types::list::List;
use krait_runtime::types::mappingproxy::MappingProxy;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::{Str, StrBuilder};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_sre::{Program, State};
use std::cell::Cell;

/// Compiled regular expression object.
#[pyclass(name = "Pattern", module = "re", flags(DISALLOW_INSTANTIATION, NO_DICT), managed)]
pub struct Pattern {
    pub pattern: Value,
    pub flags: u32,
    #[traverse(skip)]
    pub program: Program,
    #[traverse(skip)]
    pub code: Vec<u32>,
    pub groups: usize,
    /// None for a pattern without text.
    #[traverse(skip)]
    pub is_bytes: Option<bool>,
    pub groupindex: Py<Dict>,
    pub indexgroup: Py<Tuple>,
}

/// What `sub` puts in place of a match.
enum Filter {
    Literal(Value),
    Template(Py<Template>),
    Call(Value),
}

const FLAG_NAMES: [(&str, u32); 8] = [
    ("re.IGNORECASE", 2),
    ("re.LOCALE", 4),
    ("re.MULTILINE", 8),
    ("re.DOTALL", 16),
    ("re.UNICODE", 32),
    ("re.VERBOSE", 64),
    ("re.DEBUG", 128),
    ("re.ASCII", 256),
];

impl Pattern {
    /// The text of an argument, of the pattern's kind.
    fn text(&self, vm: &mut Vm, string: &Value) -> PyResult<Text> {
        let text = Text::new(vm, string)?;
        match (&text, self.is_bytes) {
            (Text::Bytes(_), Some(false)) => Err(vm.type_error("cannot use a string pattern on a bytes-like object")),
            (Text::Str(_), Some(true)) => Err(vm.type_error("cannot use a bytes pattern on a string-like object")),
            _ => Ok(text),
        }
    }

    fn begin(&self, vm: &mut Vm, string: &Value, pos: isize, endpos: isize) -> PyResult<(Text, State, usize, usize)> {
        let text = self.text(vm, string)?;
        let clip = |i: isize| usize::try_from(i).unwrap_or(0).min(text.len());
        let (pos, endpos) = (clip(pos), clip(endpos));
        let state = State::new(text.len(), pos, endpos);
        Ok((text, state, pos, endpos))
    }

    fn one(zelf: &Py<Pattern>, vm: &mut Vm, string: &Value, pos: isize, endpos: isize, how: How) -> PyResult {
        let (text, mut state, pos, endpos) = zelf.begin(vm, string, pos, endpos)?;
        if !run(vm, zelf, &mut state, &text, how)? {
            return Ok(Value::none());
        }
        Ok(vm.new_object(Match::new(zelf, string, &state, pos, endpos))?.into_value())
    }

    fn group_or_empty(vm: &mut Vm, text: &Text, state: &State, group: usize) -> PyResult {
        match state.group(group) {
            Some((start, end)) => text.part(vm, start, end.max(start)),
            None => text.part(vm, 0, 0),
        }
    }

    fn filter(zelf: &Py<Pattern>, vm: &mut Vm, repl: &Value) -> PyResult<Filter> {
        if repl.ty().slots.call.get().is_some() {
            return Ok(Filter::Call(repl.clone()));
        }
        let literal = match Text::new(vm, repl) {
            Ok(Text::Str(s)) => !s.chars().any(|c| c == 92),
            Ok(Text::Bytes(b)) => !b.contains(&92),
            Err(e) if vm.is_raised::<TypeError>(&e) => false,
            Err(e) => return Err(e),
        };
        if literal {
            return Ok(Filter::Literal(repl.clone()));
        }
        let made = Match::compile_template(vm, zelf.as_value(), repl)?;
        match made.into_py::<Template>() {
            Ok(template) if template.items.is_empty() => Ok(Filter::Literal(template.literal.clone())),
            Ok(template) => Ok(Filter::Template(template)),
            Err(other) => Ok(Filter::Call(other)),
        }
    }

    fn substitute(zelf: &Py<Pattern>, vm: &mut Vm, repl: &Value, string: &Value, count: isize) -> PyResult<(Value, usize)> {
        let filter = Pattern::filter(zelf, vm, repl)?;
        let (text, mut state, pos, endpos) = zelf.begin(vm, string, 0, isize::MAX)?;
        let mut parts = Vec::new();
        let (mut at, mut n) = (0, 0usize);
        while count == 0 || n < usize::try_from(count).unwrap_or(0) {
            if !run(vm, zelf, &mut state, &text, How::Search)? {
                break;
            }
            let (start, end) = (state.start(), state.end());
            if at < start {
                parts.push(text.part(vm, at, start)?);
            }
            let item = match &filter {
                Filter::Literal(value) => value.clone(),
                Filter::Template(template) => {
                    let found = vm.new_object(Match::new(zelf, string, &state, pos, endpos))?;
                    template.expand(vm, &found)?
                }
                Filter::Call(function) => {
                    let found = vm.new_object(Match::new(zelf, string, &state, pos, endpos))?.into_value();
                    vm.call(function, &[found])?
                }
            };
            if !item.is_none() {
                parts.push(item);
            }
            at = end;
            n += 1;
            state.advance();
        }
        if n == 0 {
            return Ok((text.part(vm, 0, text.len())?, 0));
        }
        if at < text.len() {
            parts.push(text.part(vm, at, text.len())?);
        }
        Ok((text.join(vm, &parts)?, n))
    }
}

#[pymethods]
impl Pattern {
    /// Match the pattern at the beginning of the string.
    #[method(name = "match", sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn py_match(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult {
        Pattern::one(zelf, vm, string, pos, endpos, How::Match)
    }

    /// Match the pattern against the whole string.
    #[method(sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn fullmatch(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult {
        Pattern::one(zelf, vm, string, pos, endpos, How::FullMatch)
    }

    /// Look for the first place in the string where the pattern matches.
    #[method(sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn search(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult {
        Pattern::one(zelf, vm, string, pos, endpos, How::Search)
    }

    /// A list of all matches that do not overlap: their texts, or their groups if there are any.
    #[method(sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn findall(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        let (text, mut state, ..) = zelf.begin(vm, string, pos, endpos)?;
        let mut items = Vec::new();
        while state.start() <= state.endpos() && run(vm, zelf, &mut state, &text, How::Search)? {
            let item = match zelf.groups {
                0 | 1 => Pattern::group_or_empty(vm, &text, &state, zelf.groups)?,
                n => {
                    let mut groups = Vec::with_capacity(n);
                    for group in 1..=n {
                        groups.push(Pattern::group_or_empty(vm, &text, &state, group)?);
                    }
                    vm.new_tuple(groups)?.into_value()
                }
            };
            vm.append(&mut items, item)?;
            state.advance();
        }
        vm.new_list(items)
    }

    /// An iterator over the match objects of all matches that do not overlap.
    #[method(sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn finditer(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult {
        let scanner = Pattern::scanner(zelf, string, pos, endpos, vm)?;
        let search = vm.getattr_str(scanner.as_value(), "search")?;
        krait_runtime::types::iter::new_callable_iter(vm, search, Value::none())
    }

    /// A scanner, which matches again and again.
    #[method(sig = "(string, pos=0, endpos=9223372036854775807)", text = "($self, /, string, pos=0, endpos=sys.maxsize)")]
    fn scanner(zelf: &Py<Pattern>, string: &Value, pos: isize, endpos: isize, vm: &mut Vm) -> PyResult<Py<Scanner>> {
        let (text, state, pos, endpos) = zelf.begin(vm, string, pos, endpos)?;
        let hold = match text {
            Text::Bytes(krait_runtime::types::bytes::ByteView::Owned(_)) => {
                vm.new_memoryview(string, krait_runtime::protocol::buffer::flags::FULL_RO)?.into_value()
            }
            Text::Bytes(_) | Text::Str(_) => Value::none(),
        };
        vm.new_object(Scanner {
            hold,
            pattern: zelf.clone(),
            string: string.clone(),
            text,
            state: GilCell::new(Some(state)),
            executing: Cell::new(false),
            pos,
            endpos,
        })
    }

    /// Split the string where the pattern matches; groups stand between the parts.
    #[method(sig = "(string, maxsplit=0)")]
    fn split(zelf: &Py<Pattern>, string: &Value, maxsplit: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        let (text, mut state, ..) = zelf.begin(vm, string, 0, isize::MAX)?;
        let mut items = Vec::new();
        let (mut at, mut n) = (0, 0usize);
        while maxsplit == 0 || n < usize::try_from(maxsplit).unwrap_or(0) {
            if !run(vm, zelf, &mut state, &text, How::Search)? {
                break;
            }
            let part = text.part(vm, at, state.start())?;
            vm.append(&mut items, part)?;
            for group in 1..=zelf.groups {
                items.push(match state.group(group) {
                    Some((start, end)) => text.part(vm, start, end.max(start))?,
                    None => Value::none(),
                });
            }
            at = state.end();
            n += 1;
            state.advance();
        }
        items.push(text.part(vm, at, text.len())?);
        vm.new_list(items)
    }

    /// The string with matches replaced by repl, a template or a function of the match object.
    #[method(sig = "(repl, string, count=0)")]
    fn sub(zelf: &Py<Pattern>, repl: &Value, string: &Value, count: isize, vm: &mut Vm) -> PyResult {
        Ok(Pattern::substitute(zelf, vm, repl, string, count)?.0)
    }

    /// As sub(), with the number of replacements.
    #[method(sig = "(repl, string, count=0)")]
    fn subn(zelf: &Py<Pattern>, repl: &Value, string: &Value, count: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (result, n) = Pattern::substitute(zelf, vm, repl, string, count)?;
        let n = vm.new_int(n)?;
        vm.new_tuple([result, n])
    }

    /// The pattern that was compiled.
    #[getter(member)]
    fn pattern(&self) -> Value {
        self.pattern.clone()
    }

    /// The flags of the pattern.
    #[getter(member)]
    fn flags(&self) -> u32 {
        self.flags
    }

    /// How many groups there are.
    #[getter(member)]
    fn groups(&self) -> usize {
        self.groups
    }

    /// A mapping of the names of groups to their numbers.
    #[getter]
    fn groupindex(&self, vm: &mut Vm) -> PyResult {
        MappingProxy::new_object(vm, self.groupindex.to_value())
    }

    /// The object itself: patterns do not change.
    #[method(name = "__copy__")]
    fn copy(zelf: &Py<Pattern>) -> Py<Pattern> {
        zelf.clone()
    }

    /// The object itself: patterns do not change.
    #[method(name = "__deepcopy__")]
    fn deepcopy(zelf: &Py<Pattern>, memo: &Value) -> Py<Pattern> {
        let _ = memo;
        zelf.clone()
    }

    /// For annotations.
    #[classmethod(name = "__class_getitem__")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        krait_runtime::types::genericalias::new_alias(vm, cls.to_value(), object.clone())
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut flags = self.flags;
        if self.is_bytes == Some(false) && flags & (4 | 32 | 256) == 32 {
            flags &= !32;
        }
        let mut names: Vec<String> = Vec::new();
        for (name, bit) in FLAG_NAMES {
            if flags & bit != 0 {
                names.push(name.to_owned());
                flags &= !bit;
            }
        }
        if flags != 0 {
            names.push(format!("{flags:#x}"));
        }
        let mut out = StrBuilder::new();
        out.push_str("re.compile(");
        short_repr(vm, &self.pattern, 200, &mut out)?;
        if !names.is_empty() {
            out.push_str(", ");
            out.push_str(&names.join("|"));
        }
        out.push_str(")");
        out.finish(vm)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let pattern = vm.hash(&self.pattern)?;
        let bytes: Vec<u8> = self.code.iter().flat_map(|w| w.to_ne_bytes()).collect();
        let hash = pattern ^ vm.interp.hash_bytes(&bytes) ^ i64::from(self.flags) ^ i64::from(self.is_bytes == Some(true)) ^ self.code.len() as i64;
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Pattern>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let (Some(other), CompareOp::Eq | CompareOp::Ne) = (other.downcast::<Pattern>(), op) else { return Ok(Value::not_implemented()) };
        let same = zelf.is(other)
            || (zelf.flags == other.flags && zelf.is_bytes == other.is_bytes && zelf.code == other.code && vm.eq(&zelf.pattern, &other.pattern)?);
        Ok(Value::from_bool(same == (op == CompareOp::Eq)))
    }
}
