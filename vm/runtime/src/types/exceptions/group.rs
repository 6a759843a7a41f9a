//! `BaseExceptionGroup` and `ExceptionGroup` (PEP 654).

use super::base::TextBuilder;
use super::{BaseException, Exception};
use crate::args::Args;
use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::collections::HashSet;

/// Several exceptions as one.
#[pyclass(base = BaseException, flags(BASETYPE))]
#[repr(C)]
pub struct BaseExceptionGroup {
    pub base: BaseException,
    pub message: GilCell<Option<Value>>,
    pub exceptions: GilCell<Option<Py<Tuple>>>,
    /// What `repr` shows of the exceptions if they came neither in a list nor in a tuple.
    pub shown: GilCell<Option<Py<Str>>>,
}

/// Several exceptions as one, all of them instances of Exception.  Exception is a base too.
#[pyclass(base = BaseExceptionGroup, flags(BASETYPE), no_methods)]
#[repr(C)]
pub struct ExceptionGroup {
    pub base: BaseExceptionGroup,
}

/// `exception.add_note(text)`.
pub fn add_note(vm: &mut Vm, raised: &Raised, text: &str) -> PyResult<()> {
    let name = vm.intern("add_note");
    let note = vm.new_str(text)?.into_value();
    let exception = raised.exception().to_value();
    vm.call_method(&exception, &name, &[note])?;
    Ok(())
}

/// What a condition of `split` or `subgroup` asks.
enum Matcher {
    Types(Value),
    Callable(Value),
    /// The words of single exceptions; groups never match as a whole.
    Leaves(HashSet<u64>),
}

impl Matcher {
    fn new(vm: &mut Vm, value: &Value) -> PyResult<Matcher> {
        let base = BaseException::type_object(vm).clone();
        let is_exception = |vm: &Vm, v: &Value| v.downcast::<PyType>().is_some_and(|t| t.is_subtype(vm, &base));
        if is_exception(vm, value) {
            return Ok(Matcher::Types(value.clone()));
        }
        if let Some(tuple) = value.downcast_exact::<Tuple>()
            && tuple.items().iter().all(|t| is_exception(vm, t)) {
                return Ok(Matcher::Types(value.clone()));
            }
        if !value.is::<PyType>() && value.type_ref().slots.call.get().is_some() {
            return Ok(Matcher::Callable(value.clone()));
        }
        Err(vm.type_error("expected an exception type, a tuple of exception types, or a callable (other than a class)"))
    }

    fn matches(&self, vm: &mut Vm, exception: &Value) -> PyResult<bool> {
        match self {
            Matcher::Types(types) => {
                let ty = exception.ty().clone();
                let single = std::slice::from_ref(types);
                let all = types.downcast::<Tuple>().map_or(single, |t| t.items());
                Ok(all.iter().filter_map(|t| t.downcast::<PyType>()).any(|t| ty.is_subtype(vm, t)))
            }
            Matcher::Callable(f) => {
                let result = vm.call(f, std::slice::from_ref(exception))?;
                vm.is_true(&result)
            }
            Matcher::Leaves(words) => Ok(words.contains(&exception.bits())),
        }
    }
}

impl BaseExceptionGroup {
    fn items(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match self.exceptions.load(vm) {
            Some(items) => Ok(items),
            None => vm.new_tuple(Vec::new()),
        }
    }

    /// A group like this one of other exceptions, through `derive`; with its traceback, context, cause and notes.
    pub fn subset(zelf: &Value, exceptions: Vec<Value>, vm: &mut Vm) -> PyResult {
        if exceptions.is_empty() {
            return Ok(Value::none());
        }
        let list = vm.new_list(exceptions)?.into_value();
        let derive = vm.intern("derive");
        let made = vm.call_method(zelf, &derive, &[list])?;
        let (Some(new), Some(old)) = (made.downcast::<BaseExceptionGroup>(), zelf.downcast::<BaseExceptionGroup>()) else {
            return Err(vm.type_error("derive must return an instance of BaseExceptionGroup"));
        };
        let (tb, context, cause) = (old.base.traceback.load(vm), old.base.context.load(vm), old.base.cause.load(vm));
        if tb.is_some() {
            drop(new.base.traceback.replace(vm, tb));
        }
        drop(new.base.context.replace(vm, context));
        drop(new.base.cause.replace(vm, cause));
        new.base.suppress_context.set(true);
        if let Some(notes) = vm.getattr_opt(zelf, n!(__notes__))?
            && is_sequence(&notes) {
                let notes = vm.collect(&notes)?;
                let copy = vm.new_list(notes)?.into_value();
                vm.setattr(&made, n!(__notes__), &copy)?;
            }
        Ok(made)
    }

    /// The parts of `exception` that match and, if `rest` is asked for, that do not.
    fn split_recursively(exception: &Value, matcher: &Matcher, rest: bool, vm: &mut Vm) -> PyResult<(Value, Value)> {
        vm.check_stack(" in exceptiongroup_split_recursive")?;
        let none = Value::none;
        if matcher.matches(vm, exception)? {
            return Ok((exception.clone(), none()));
        }
        let Some(group) = exception.downcast::<BaseExceptionGroup>() else {
            return Ok((none(), if rest { exception.clone() } else { none() }));
        };
        let (mut matched, mut others) = (Vec::new(), Vec::new());
        for item in group.items(vm)?.items() {
            let (m, r) = BaseExceptionGroup::split_recursively(item, matcher, rest, vm)?;
            if !m.is_none() {
                matched.push(m);
            }
            if !r.is_none() {
                others.push(r);
            }
        }
        let matched = BaseExceptionGroup::subset(exception, matched, vm)?;
        let others = if rest { BaseExceptionGroup::subset(exception, others, vm)? } else { none() };
        Ok((matched, others))
    }
}

/// CPython's `PySequence_Check`: items by index, and no dict.
fn is_sequence(value: &Value) -> bool {
    let slots = &value.type_ref().slots;
    !value.is::<Dict>() && (slots.item.get().is_some() || ((value.is::<List>() || value.is::<Tuple>()) && slots.getitem.get().is_some()))
}

/// A group with this message, an ExceptionGroup if all of `exceptions` are instances of Exception.
pub fn new_group(vm: &mut Vm, message: &str, exceptions: Value) -> PyResult {
    let message = vm.new_str(message)?.into_value();
    let class = BaseExceptionGroup::type_object(vm).to_value();
    vm.call(&class, &[message, exceptions])
}

fn add_leaves(vm: &mut Vm, exception: &Value, words: &mut HashSet<u64>) -> PyResult<()> {
    vm.check_stack(" in collect_exception_group_leaf_ids")?;
    match exception.downcast::<BaseExceptionGroup>() {
        Some(group) => {
            for item in group.items(vm)?.items() {
                add_leaves(vm, item, words)?;
            }
        }
        None => {
            words.insert(exception.bits());
        }
    }
    Ok(())
}

/// The part of `original` that consists of the single exceptions in `keep`, `None` for nothing.
pub fn projection(vm: &mut Vm, original: &Value, keep: &[Value]) -> PyResult {
    let mut words = HashSet::new();
    for exception in keep {
        add_leaves(vm, exception, &mut words)?;
    }
    Ok(BaseExceptionGroup::split_recursively(original, &Matcher::Leaves(words), false, vm)?.0)
}

fn new(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let [message, exceptions] = args.positional() else {
        let n = args.positional().len();
        return Err(vm.type_error(format!("BaseExceptionGroup.__new__() takes exactly 2 arguments ({n} given)")));
    };
    if !message.is::<Str>() {
        let got = if message.is_none() { "None".to_owned() } else { message.type_name() };
        return Err(vm.type_error(format!("BaseExceptionGroup.__new__() argument 1 must be str, not {got}")));
    }
    if !is_sequence(exceptions) {
        return Err(vm.type_error("second argument (exceptions) must be a sequence"));
    }
    let shown = if exceptions.is::<List>() || exceptions.is::<Tuple>() { None } else { Some(vm.repr(exceptions)?) };
    let items = vm.collect(exceptions)?;
    if items.is_empty() {
        return Err(vm.value_error("second argument (exceptions) must be a non-empty sequence"));
    }
    let exception = Exception::type_object(vm).clone();
    let mut nested_base = false;
    for (i, item) in items.iter().enumerate() {
        if !item.is::<BaseException>() {
            return Err(vm.value_error(format!("Item {i} of second argument (exceptions) is not an exception")));
        }
        nested_base |= !item.type_ref().is_subtype(vm, &exception);
    }
    let mut cls = cls.clone();
    if cls.is(BaseExceptionGroup::type_object(vm)) {
        if !nested_base {
            cls = ExceptionGroup::type_object(vm).clone();
        }
    } else if nested_base && cls.is(ExceptionGroup::type_object(vm)) {
        return Err(vm.type_error("Cannot nest BaseExceptions in an ExceptionGroup"));
    } else if nested_base && cls.is_subtype(vm, &exception) {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("Cannot nest BaseExceptions in '{name}'")));
    }
    let items = vm.new_tuple(items)?;
    let object = super::macros::make_any(vm, &cls, args.positional())?;
    if let Some(group) = object.downcast::<BaseExceptionGroup>() {
        group.message.replace(vm, Some(message.clone()));
        group.exceptions.replace(vm, Some(items));
        group.shown.replace(vm, shown);
    }
    Ok(object)
}

impl BaseExceptionGroup {
    pub(crate) const METHODS_NEW: &'static [crate::args::MethodDef] = &[];
    pub(crate) const GETSETS_NEW: &'static [crate::types::class::GetSetDef] = &[];
    pub(crate) const CLASS_ATTRS_NEW: &'static [crate::types::class::ClassAttr] = &[];

    #[allow(non_snake_case, reason = "named after the part")]
    pub(crate) fn set_slots_NEW(slots: &crate::types::slots::Slots) {
        slots.new.set(Some(new));
    }
}

#[pymethods(parts(NEW))]
impl BaseExceptionGroup {
    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let message = self.message.load(vm).unwrap_or_else(Value::none);
        let n = self.items(vm)?.len();
        let s = if n == 1 { "" } else { "s" };
        let message = vm.str(&message)?;
        TextBuilder::default().str(&message).text(&format!(" ({n} sub-exception{s})")).build(vm)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<BaseExceptionGroup>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = crate::types::typeobject::name_text(vm, zelf.as_value().ty());
        let message = zelf.message.load(vm).unwrap_or_else(Value::none);
        let items = zelf.items(vm)?;
        let from_list = matches!(zelf.base.args_tuple(vm)?.items(), [_, second] if second.is::<List>());
        let shown = match zelf.shown.load(vm) {
            Some(shown) => shown,
            None if from_list => {
                let list = vm.new_list(items.items().to_vec())?;
                vm.repr(list.as_value())?
            }
            None => vm.repr(items.as_value())?,
        };
        let message = vm.repr(&message)?;
        TextBuilder::default().text(&name).text("(").str(&message).text(", ").str(&shown).text(")").build(vm)
    }

    #[getter(member)]
    fn message(&self, vm: &mut Vm) -> Option<Value> {
        self.message.load(vm)
    }

    #[setter]
    fn set_message(&self, _: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }

    #[getter(member)]
    fn exceptions(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        self.items(vm)
    }

    #[setter]
    fn set_exceptions(&self, _: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }

    /// A group with the same message of other exceptions; subclasses override it to keep their own type.
    #[method(sig = "(excs, /)")]
    fn derive(&self, excs: Value, vm: &mut Vm) -> PyResult {
        let message = self.message.load(vm).unwrap_or_else(Value::none);
        let class = BaseExceptionGroup::type_object(vm).to_value();
        vm.call(&class, &[message, excs])
    }

    /// The part of the group that matches and the part that does not.
    #[method(sig = "(matcher_value, /)")]
    fn split(zelf: &Py<BaseExceptionGroup>, matcher_value: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let matcher = Matcher::new(vm, matcher_value)?;
        let (matched, rest) = BaseExceptionGroup::split_recursively(zelf.as_value(), &matcher, true, vm)?;
        vm.new_tuple(vec![matched, rest])
    }

    /// The part of the group that matches, None if nothing does.
    #[method(sig = "(matcher_value, /)")]
    fn subgroup(zelf: &Py<BaseExceptionGroup>, matcher_value: &Value, vm: &mut Vm) -> PyResult {
        let matcher = Matcher::new(vm, matcher_value)?;
        Ok(BaseExceptionGroup::split_recursively(zelf.as_value(), &matcher, false, vm)?.0)
    }

    /// Parameters between square brackets make a generic alias.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), item.clone())
    }
}

impl From<BaseException> for BaseExceptionGroup {
    fn from(base: BaseException) -> BaseExceptionGroup {
        BaseExceptionGroup { base, message: GilCell::new(None), exceptions: GilCell::new(None), shown: GilCell::new(None) }
    }
}

impl From<BaseException> for ExceptionGroup {
    fn from(base: BaseException) -> ExceptionGroup {
        ExceptionGroup { base: base.into() }
    }
}

pub(super) const TYPES: super::macros::Types = types![BaseExceptionGroup, ExceptionGroup];
