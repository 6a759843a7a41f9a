//! `re.Match`.

use super::{Pattern, Template, Text, short_repr};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::TypeError;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::{Str, StrBuilder};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_sre::State;

/// The result of re.match() and re.search().
/// Match objects always have a boolean value of True.
#[pyclass(name = "Match", module = "re", flags(DISALLOW_INSTANTIATION), gc)]
pub struct Match {
    pub pattern: Py<Pattern>,
    pub string: Value,
    /// Bounds of the whole match and of the groups.
    #[traverse(skip)]
    pub spans: Vec<Option<(usize, usize)>>,
    #[traverse(skip)]
    pub lastindex: Option<usize>,
    pub pos: usize,
    pub endpos: usize,
}

impl Match {
    /// What a successful match left in `state`.
    pub fn new(pattern: &Py<Pattern>, string: &Value, state: &State, pos: usize, endpos: usize) -> Match {
        let spans = (0..=pattern.groups).map(|g| state.group(g).map(|(start, end)| (start, end.max(start)))).collect();
        Match { pattern: pattern.clone(), string: string.clone(), spans, lastindex: state.lastindex(), pos, endpos }
    }

    /// The number of a group given by number or name.
    fn index(&self, vm: &mut Vm, group: &Value) -> PyResult<usize> {
        let found = if let Some(i) = group.as_small_int() {
            usize::try_from(i).ok()
        } else if IntRef::new(group).is_some() || group.ty().slots.nb_index.get().is_some() {
            let index = vm.index(group)?;
            IntRef::new(&index).and_then(|i| i.to_i64()).and_then(|i| usize::try_from(i).ok())
        } else {
            let names = self.pattern.groupindex.clone();
            let number = names.get(vm, group)?;
            number.and_then(|n| n.as_small_int()).and_then(|i| usize::try_from(i).ok())
        };
        match found.filter(|&i| i < self.spans.len()) {
            Some(i) => Ok(i),
            None => Err(vm.index_error("no such group")),
        }
    }

    fn text(&self, vm: &mut Vm) -> PyResult<Text> {
        Text::new(vm, &self.string)
    }

    fn by_index(&self, vm: &mut Vm, text: &Text, index: usize, default: &Value) -> PyResult {
        match self.spans.get(index).copied().flatten() {
            Some((start, end)) => text.part(vm, start, end),
            None => Ok(default.clone()),
        }
    }

    /// The text of group `index`, `None` if it took no part; IndexError if there is no such group.
    pub fn group_text(&self, vm: &mut Vm, text: &Text, index: usize) -> PyResult {
        if index >= self.spans.len() {
            return Err(vm.index_error("no such group"));
        }
        self.by_index(vm, text, index, &Value::none())
    }

    /// The text that was matched against.
    pub fn held_text(&self, vm: &mut Vm) -> PyResult<Text> {
        self.text(vm)
    }

    fn span_of(&self, vm: &mut Vm, group: &Value) -> PyResult<(isize, isize)> {
        let index = self.index(vm, group)?;
        Ok(match self.spans.get(index).copied().flatten() {
            Some((start, end)) => (start as isize, end as isize),
            None => (-1, -1),
        })
    }

    /// `re._compile_template(pattern, template)`.
    pub fn compile_template(vm: &mut Vm, pattern: &Value, template: &Value) -> PyResult {
        let import = vm.builtin_named("__import__")?;
        let name = vm.new_str("re")?.into_value();
        let re = vm.call(&import, &[name])?;
        let function = vm.getattr_str(&re, "_compile_template")?;
        match vm.call(&function, &[pattern.clone(), template.clone()]) {
            // What cannot be hashed cannot be cached: a copy can.
            Err(e) if vm.is_raised::<TypeError>(&e) && vm.hash(template).is_err() && !template.is::<Str>() => {
                let bytes = vm.bytes_of(template)?;
                let bytes = vm.new_bytes(&bytes)?.into_value();
                vm.call(&function, &[pattern.clone(), bytes])
            }
            result => result,
        }
    }
}

#[pymethods]
impl Match {
    /// group([group1, ...]) -> str or tuple.
    ///
    /// One or more groups by number or name; group 0 is the whole match.
    #[method]
    fn group(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "group")?;
        let text = self.text(vm)?;
        match args.positional() {
            [] => self.by_index(vm, &text, 0, &Value::none()),
            [one] => {
                let index = self.index(vm, one)?;
                self.by_index(vm, &text, index, &Value::none())
            }
            many => {
                let mut items = Vec::with_capacity(many.len());
                for group in many {
                    let index = self.index(vm, group)?;
                    items.push(self.by_index(vm, &text, index, &Value::none())?);
                }
                Ok(vm.new_tuple(items)?.into_value())
            }
        }
    }

    /// A tuple of all groups; default stands for those that took no part.
    #[method(sig = "(default=None)")]
    fn groups(&self, default: Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let text = self.text(vm)?;
        let mut items = Vec::with_capacity(self.spans.len());
        for index in 1..self.spans.len() {
            items.push(self.by_index(vm, &text, index, &default)?);
        }
        vm.new_tuple(items)
    }

    /// A dict of all named groups; default stands for those that took no part.
    #[method(sig = "(default=None)")]
    fn groupdict(&self, default: Value, vm: &mut Vm) -> PyResult<Py<Dict>> {
        let text = self.text(vm)?;
        let result = vm.new_dict()?;
        for (name, number) in self.pattern.groupindex.to_vec(vm) {
            let index = self.index(vm, &number)?;
            let value = self.by_index(vm, &text, index, &default)?;
            result.set(vm, &name, value)?;
        }
        Ok(result)
    }

    /// Where a group begins, -1 if it took no part.
    #[method(sig = "(group=0, /)")]
    fn start(&self, group: Value, vm: &mut Vm) -> PyResult<isize> {
        Ok(self.span_of(vm, &group)?.0)
    }

    /// Where a group ends, -1 if it took no part.
    #[method(sig = "(group=0, /)")]
    fn end(&self, group: Value, vm: &mut Vm) -> PyResult<isize> {
        Ok(self.span_of(vm, &group)?.1)
    }

    /// Begin and end of a group as a tuple.
    #[method(sig = "(group=0, /)")]
    fn span(&self, group: Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (start, end) = self.span_of(vm, &group)?;
        let (start, end) = (vm.new_int(start)?, vm.new_int(end)?);
        vm.new_tuple([start, end])
    }

    /// The template with its references to groups filled in, as sub() does.
    #[method(sig = "(template)")]
    fn expand(zelf: &Py<Match>, template: &Value, vm: &mut Vm) -> PyResult {
        let made = Match::compile_template(vm, zelf.pattern.as_value(), template)?;
        match made.into_py::<Template>() {
            Ok(template) => template.expand(vm, zelf),
            Err(function) => vm.call(&function, &[zelf.to_value()]),
        }
    }

    /// The string that was matched against.
    #[getter(member)]
    fn string(&self) -> Value {
        self.string.clone()
    }

    /// The pattern object.
    #[getter(member)]
    fn re(&self) -> Py<Pattern> {
        self.pattern.clone()
    }

    /// Where matching began.
    #[getter(member)]
    fn pos(&self) -> usize {
        self.pos
    }

    /// Where the string was taken to end.
    #[getter(member)]
    fn endpos(&self) -> usize {
        self.endpos
    }

    /// The number of the group that was closed last, or None.
    #[getter]
    fn lastindex(&self) -> Option<usize> {
        self.lastindex
    }

    /// The name of the group that was closed last, or None.
    #[getter]
    fn lastgroup(&self) -> Option<Value> {
        self.pattern.indexgroup.items().get(self.lastindex?).cloned()
    }

    /// Begin and end of all groups.
    #[getter]
    fn regs(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut items = Vec::with_capacity(self.spans.len());
        for span in &self.spans {
            let (start, end) = span.map_or((-1, -1), |(start, end)| (start as i64, end as i64));
            let pair = [vm.new_int(start)?, vm.new_int(end)?];
            items.push(vm.new_tuple(pair)?.into_value());
        }
        vm.new_tuple(items)
    }

    /// The object itself: match objects do not change.
    #[method(name = "__copy__")]
    fn copy(zelf: &Py<Match>) -> Py<Match> {
        zelf.clone()
    }

    /// The object itself: match objects do not change.
    #[method(name = "__deepcopy__")]
    fn deepcopy(zelf: &Py<Match>, memo: &Value) -> Py<Match> {
        let _ = memo;
        zelf.clone()
    }

    /// For annotations.
    #[classmethod(name = "__class_getitem__")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        krait_runtime::types::genericalias::new_alias(vm, cls.to_value(), object.clone())
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        let text = self.text(vm)?;
        let index = self.index(vm, key)?;
        self.by_index(vm, &text, index, &Value::none())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Match>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let text = zelf.text(vm)?;
        let whole = zelf.by_index(vm, &text, 0, &Value::none())?;
        let (start, end) = zelf.spans.first().copied().flatten().unwrap_or_default();
        let mut out = StrBuilder::new();
        out.push_str(&format!("<{} object; span=({start}, {end}), match=", zelf.as_value().type_name()));
        short_repr(vm, &whole, 50, &mut out)?;
        out.push_str(">");
        out.finish(vm)
    }
}
