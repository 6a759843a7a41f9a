//! Attributes and methods of all exceptions.

use super::BaseException;
use crate::args::Args;
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::traceback::Traceback;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pymethods};

impl BaseException {
    /// The arguments.
    pub fn args_tuple(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match self.args.load(vm) {
            Some(args) => Ok(args),
            None => vm.new_tuple(Vec::new()),
        }
    }

    fn set_link(&self, vm: &mut Vm, value: Option<&Value>, name: &str) -> PyResult<Option<Value>> {
        let Some(value) = value else { return Err(vm.type_error(format!("__{name}__ may not be deleted"))) };
        if value.is_none() {
            return Ok(None);
        }
        if !value.is::<BaseException>() {
            return Err(vm.type_error(format!("exception {name} must be None or derive from BaseException")));
        }
        Ok(Some(value.clone()))
    }
}

/// The text of an exception from its arguments.
pub fn text(vm: &mut Vm, zelf: &BaseException) -> PyResult<Py<Str>> {
    let args = zelf.args_tuple(vm)?;
    match args.items() {
        [] => vm.new_str(""),
        [arg] => vm.str(arg),
        _ => vm.str(args.as_value()),
    }
}

/// The instance's `__dict__`, unless nobody has given it an attribute yet.
pub fn state_dict(vm: &mut Vm, zelf: &Value) -> PyResult<Option<Py<Dict>>> {
    let Some(header) = zelf.header() else { return Ok(None) };
    if let Some(dict) = instance::dict_word(vm, header) {
        return Ok(Some(dict.clone()));
    }
    if instance::inline_values(vm, header).is_some_and(|v| v.values().iter().any(Option::is_some)) {
        return instance::materialize(vm, zelf).map(Some);
    }
    Ok(None)
}

/// A text put together from others, surrogates and all.
#[derive(Default)]
pub struct TextBuilder(Vec<u32>);

impl TextBuilder {
    /// Appends Rust text.
    pub fn text(mut self, text: &str) -> TextBuilder {
        self.0.extend(text.chars().map(u32::from));
        self
    }

    /// Appends a `str`.
    pub fn str(mut self, string: &Str) -> TextBuilder {
        self.0.extend(string.chars());
        self
    }

    /// The `str`.
    pub fn build(self, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_str_ucs4(&self.0)
    }
}

#[pymethods]
impl BaseException {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<BaseException>> {
        let args = vm.new_tuple_from(args.positional())?;
        vm.new_instance(cls, BaseException::new(args))
    }

    #[init]
    fn py_init(zelf: &Py<BaseException>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        args.no_keywords(vm, &name)?;
        let args = vm.new_tuple_from(args.positional())?;
        let old = zelf.args.replace(vm, Some(args));
        drop(old);
        Ok(())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<BaseException>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = crate::types::typeobject::name_text(vm, zelf.as_value().ty());
        let args = zelf.args_tuple(vm)?;
        let (open, inner, close) = match args.items() {
            [arg] => ("(", vm.repr(arg)?, ")"),
            _ => ("", vm.repr(args.as_value())?, ""),
        };
        TextBuilder::default().text(&name).text(open).str(&inner).text(close).build(vm)
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        text(vm, self)
    }

    #[getter]
    fn args(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        self.args_tuple(vm)
    }

    #[setter]
    fn set_args(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("args may not be deleted")) };
        let items = vm.collect(value)?;
        let args = vm.new_tuple(items)?;
        let old = self.args.replace(vm, Some(args));
        drop(old);
        Ok(())
    }

    #[getter]
    fn __traceback__(&self, vm: &mut Vm) -> Option<Value> {
        self.traceback.load(vm)
    }

    #[setter(name = "__traceback__")]
    fn set_traceback(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("__traceback__ may not be deleted")) };
        if !value.is_none() && !value.is::<Traceback>() {
            return Err(vm.type_error("__traceback__ must be a traceback or None"));
        }
        let value = Some(value.clone()).filter(|v| !v.is_none());
        let old = self.traceback.replace(vm, value);
        drop(old);
        Ok(())
    }

    #[getter]
    fn __context__(&self, vm: &mut Vm) -> Option<Value> {
        self.context.load(vm)
    }

    #[setter(name = "__context__")]
    fn set_context(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = self.set_link(vm, value, "context")?;
        let old = self.context.replace(vm, value);
        drop(old);
        Ok(())
    }

    #[getter]
    fn __cause__(&self, vm: &mut Vm) -> Option<Value> {
        self.cause.load(vm)
    }

    #[setter(name = "__cause__")]
    fn set_cause(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let value = self.set_link(vm, value, "cause")?;
        let old = self.cause.replace(vm, value);
        drop(old);
        self.suppress_context.set(true);
        Ok(())
    }

    #[getter(member)]
    fn __suppress_context__(&self) -> bool {
        self.suppress_context.get()
    }

    #[setter(name = "__suppress_context__")]
    fn set_suppress_context(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match value {
            Some(value) if value.is_true() || value.is_false() => {
                self.suppress_context.set(value.is_true());
                Ok(())
            }
            Some(_) => Err(vm.type_error("attribute value type must be bool")),
            None => Err(vm.type_error("can't delete numeric/char attribute")),
        }
    }

    /// Add a text that is shown behind the exception.
    #[method(sig = "(note, /)")]
    fn add_note(zelf: &Py<BaseException>, note: &Value, vm: &mut Vm) -> PyResult<()> {
        if !note.is::<Str>() {
            let got = note.type_name();
            return Err(vm.type_error(format!("add_note() argument must be str, not {got}")));
        }
        match vm.getattr_opt(zelf.as_value(), n!(__notes__))? {
            Some(notes) => match notes.downcast::<List>() {
                Some(list) => {
                    list.push(vm, note.clone())?;
                    Ok(())
                }
                None => Err(vm.type_error("Cannot add note: __notes__ is not a list")),
            },
            None => {
                let list = vm.new_list(vec![note.clone()])?;
                vm.setattr(zelf.as_value(), n!(__notes__), list.as_value())
            }
        }
    }

    /// Set the traceback and give back the exception itself.
    #[method(sig = "(tb, /)")]
    fn with_traceback(zelf: &Py<BaseException>, tb: &Value, vm: &mut Vm) -> PyResult<Py<BaseException>> {
        zelf.set_traceback(Some(tb), vm)?;
        Ok(zelf.clone())
    }

    /// For pickling.
    #[method]
    fn __reduce__(zelf: &Py<BaseException>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut parts = vec![zelf.as_value().ty().to_value(), zelf.args_tuple(vm)?.into_value()];
        if let Some(dict) = state_dict(vm, zelf.as_value())? {
            parts.push(dict.into_value());
        }
        vm.new_tuple(parts)
    }

    /// Take over attributes from a pickled state.
    #[method(sig = "(state, /)")]
    fn __setstate__(zelf: &Py<BaseException>, state: &Value, vm: &mut Vm) -> PyResult<()> {
        if state.is_none() {
            return Ok(());
        }
        let Some(dict) = state.downcast::<Dict>() else { return Err(vm.type_error("state is not a dictionary")) };
        for (key, value) in dict.to_vec(vm) {
            match key.downcast::<Str>() {
                Some(name) => {
                    let name = vm.intern_object(name);
                    vm.setattr(zelf.as_value(), &name, &value)?;
                }
                None => {
                    let got = key.type_name();
                    return Err(vm.type_error(format!("attribute name must be string, not '{got}'")));
                }
            }
        }
        Ok(())
    }
}
