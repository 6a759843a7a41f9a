//! `partial` with placeholders, and the type of `Placeholder`.

use krait_runtime::types::dict::{Dict, MergeMode};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_unicode::TextBuf;
use std::cell::Cell;

/// The type of the Placeholder singleton.
///
/// Used as a placeholder for partial arguments.
#[pyclass(module = "functools", name = "_PlaceholderType")]
pub struct Placeholder {}

#[pymethods]
impl Placeholder {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if !args.values().is_empty() {
            return Err(vm.type_error("PlaceholderType takes no arguments"));
        }
        let name = vm.intern("_functools");
        let modules = vm.interp.modules.load(vm);
        match modules.and_then(|m| m.get_str(vm, &name).cloned()) {
            Some(module) => vm.getattr_str(&module, "Placeholder"),
            None => Err(vm.runtime_error("_functools is not loaded")),
        }
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_str("Placeholder")
    }

    /// For pickling: the name.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_str("Placeholder")
    }
}

fn is_placeholder(value: &Value) -> bool {
    value.is_exact::<Placeholder>()
}

/// Create a new function with partial application of the given arguments and keywords.
#[pyclass(module = "functools", name = "partial", flags(BASETYPE, METHOD_DESCRIPTOR, MANAGED_DICT, MANAGED_WEAKREF), managed, text_signature = "(func, /, *args, **keywords)")]
pub struct Partial {
    func: GilCell<Value>,
    args: GilCell<Py<Tuple>>,
    keywords: GilCell<Py<Dict>>,
    placeholders: Cell<usize>,
}

/// The positional arguments of a partial of a partial: new ones fill the old one's placeholders first.
fn merge(old: &[Value], placeholders: usize, new: &[Value]) -> (Vec<Value>, usize) {
    let (mut left, mut rest) = (placeholders, new.iter());
    let mut out = Vec::with_capacity(old.len() + new.len());
    for item in old {
        if is_placeholder(item)
            && let Some(value) = rest.next() {
                left -= usize::from(left > 0);
                out.push(value.clone());
                continue;
            }
        out.push(item.clone());
    }
    out.extend(rest.cloned());
    let added = new.iter().filter(|v| is_placeholder(v)).count();
    (out, left + added)
}

#[pymethods]
impl Partial {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Partial>> {
        let Some((func, rest)) = args.split_first() else { return Err(vm.type_error("type 'partial' takes at least one argument")) };
        let inner = func.downcast::<Partial>().filter(|_| func.header().and_then(|h| krait_runtime::types::instance::dict_word(vm, h)).is_none()).cloned();
        let func = match &inner {
            Some(inner) => inner.func.load(vm),
            None => func.clone(),
        };
        if func.ty().slots.call.get().is_none() {
            return Err(vm.type_error("the first argument must be callable"));
        }
        let new = rest.positional();
        if new.last().is_some_and(is_placeholder) {
            return Err(vm.type_error("trailing Placeholders are not allowed"));
        }
        if rest.keywords().any(|(_, value)| is_placeholder(value)) {
            return Err(vm.type_error("Placeholder cannot be passed as a keyword argument"));
        }
        let keywords = vm.new_dict()?;
        let (positional, placeholders) = match &inner {
            Some(inner) => {
                let (old, dict) = (inner.args.load(vm), inner.keywords.load(vm));
                keywords.copy_from(vm, &dict)?;
                merge(old.items(), inner.placeholders.get(), new)
            }
            None => merge(&[], 0, new),
        };
        for (key, value) in rest.keywords() {
            keywords.set(vm, key, value.clone())?;
        }
        let positional = vm.new_tuple(positional)?;
        let payload = Partial {
            func: GilCell::new(func),
            args: GilCell::new(positional),
            keywords: GilCell::new(keywords),
            placeholders: Cell::new(placeholders),
        };
        vm.new_instance(cls, payload)
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (func, own, keywords) = (self.func.load(vm), self.args.load(vm), self.keywords.load(vm));
        let (given, need) = (args.positional(), self.placeholders.get());
        if given.len() < need {
            let got = given.len();
            return Err(vm.type_error(format!("missing positional arguments in 'partial' call; expected at least {need}, got {got}")));
        }
        let mut values = if need == 0 { [own.items(), given].concat() } else { merge(own.items(), need, given).0 };
        if keywords.is_empty(vm) {
            values.extend(args.keywords().map(|(_, v)| v.clone()));
            return vm.call_args(&func, Args::with_keywords(&values, args.kwnames()));
        }
        let all = keywords.copy(vm)?;
        for (key, value) in args.keywords() {
            all.set(vm, key, value.clone())?;
        }
        let mut names = Vec::new();
        for (key, value) in all.to_vec(vm) {
            if !key.is::<Str>() {
                return Err(vm.type_error("keywords must be strings"));
            }
            names.push(key);
            values.push(value);
        }
        vm.call_args(&func, Args::with_keywords(&values, &names))
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Partial>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object.filter(|o| !o.is_none()) {
            Some(object) => vm.new_method(zelf.to_value(), object.clone()),
            None => Ok(zelf.to_value()),
        }
    }

    /// function object to use in future partial calls
    #[getter(member, name = "func")]
    fn get_func(&self, vm: &mut Vm) -> PyResult {
        Ok(self.func.load(vm))
    }

    /// tuple of arguments to future partial calls
    #[getter(member, name = "args")]
    fn get_args(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Ok(self.args.load(vm))
    }

    /// dictionary of keyword arguments to future partial calls
    #[getter(member, name = "keywords")]
    fn get_keywords(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        Ok(self.keywords.load(vm))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Partial>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if vm.repr_enter(zelf.as_value()) {
            return vm.new_str("...");
        }
        let result = zelf.write(vm, zelf.as_value());
        vm.repr_leave(zelf.as_value());
        let text = result?;
        vm.new_str_text(&text)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Partial>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let func = zelf.func.load(vm);
        let dict = zelf.as_value().header().and_then(|h| krait_runtime::types::instance::dict_word(vm, h)).map(|d| d.to_value());
        let (args, keywords) = (zelf.args.load(vm).into_value(), zelf.keywords.load(vm).into_value());
        let state = vm.new_tuple([func.clone(), args, keywords, dict.unwrap_or_else(Value::none)])?.into_value();
        let head = vm.new_tuple([func])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), head, state])
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(zelf: &Py<Partial>, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let parts = state.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
        let [func, args, keywords, dict] = parts.as_slice() else { return Err(vm.type_error("invalid partial state")) };
        let valid = func.ty().slots.call.get().is_some()
            && args.is::<Tuple>()
            && (keywords.is_none() || keywords.is::<Dict>())
            && (dict.is_none() || dict.is::<Dict>());
        let Some(args) = args.downcast::<Tuple>().filter(|_| valid) else { return Err(vm.type_error("invalid partial state")) };
        if args.items().last().is_some_and(is_placeholder) {
            return Err(vm.type_error("trailing Placeholders are not allowed"));
        }
        let placeholders = args.items().iter().filter(|v| is_placeholder(v)).count();
        let args = if args.is_exact() { args.clone() } else { vm.new_tuple_from(args.items())? };
        let keywords = match keywords.downcast_exact::<Dict>() {
            Some(dict) => dict.clone(),
            None => {
                let copy = vm.new_dict()?;
                if !keywords.is_none() {
                    copy.merge(vm, keywords, MergeMode::Override)?;
                }
                copy
            }
        };
        let old = (zelf.func.replace(vm, func.clone()), zelf.args.replace(vm, args), zelf.keywords.replace(vm, keywords));
        drop(old);
        zelf.placeholders.set(placeholders);
        let dict = dict.downcast::<Dict>().cloned();
        krait_runtime::types::instance::replace_dict(vm, zelf.as_value(), dict)
    }

    /// See PEP 585
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

impl Partial {
    /// `module.name(func, args, key=value)`.
    fn write(&self, vm: &mut Vm, object: &Value) -> PyResult<TextBuf> {
        // Reprs may run code that gives the partial another state.
        let (func, args, keywords) = (self.func.load(vm), self.args.load(vm), self.keywords.load(vm));
        let ty = object.ty().to_value();
        let module = vm.getattr_str(&ty, "__module__")?;
        let qualname = vm.getattr_str(&ty, "__qualname__")?;
        let (module, qualname) = (vm.str(&module)?, vm.str(&qualname)?);
        let mut text = TextBuf::from("");
        text.push_text(&module.to_text());
        text.push_str(".");
        text.push_text(&qualname.to_text());
        text.push_str("(");
        let func = vm.repr(&func)?;
        text.push_text(&func.to_text());
        for item in args.items() {
            text.push_str(", ");
            let item = vm.repr(item)?;
            text.push_text(&item.to_text());
        }
        for (key, value) in keywords.to_vec(vm) {
            text.push_str(", ");
            let key = vm.str(&key)?;
            text.push_text(&key.to_text());
            text.push_str("=");
            let value = vm.repr(&value)?;
            text.push_text(&value.to_text());
        }
        text.push_str(")");
        Ok(text)
    }
}
