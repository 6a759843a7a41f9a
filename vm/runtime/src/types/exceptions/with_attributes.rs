//! Exceptions with attributes: `StopIteration`, `SystemExit`, `KeyError`, `ImportError`, `NameError`, `AttributeError`.

use super::base::{state_dict, text};
use super::{BaseException, Exception, LookupError};
use crate::args::Args;
use crate::types::class::PyMethods;
use crate::types::slots::Slots;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Value, Vm, pyclass, pymethods};

/// An iterator has come to its end.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct StopIteration {
    pub base: Exception,
    pub value: GilCell<Option<Value>>,
}

impl From<BaseException> for StopIteration {
    fn from(base: BaseException) -> StopIteration {
        let value = base.first_argument();
        StopIteration { base: base.into(), value: GilCell::new(value) }
    }
}

members!(StopIteration: value "what the generator returned");

/// Sets the arguments of the exception.
fn init_args(vm: &mut Vm, zelf: &BaseException, args: Args<'_>) -> PyResult<()> {
    let args = vm.new_tuple_from(args.positional())?;
    let old = zelf.args.replace(vm, Some(args));
    drop(old);
    Ok(())
}

fn set(vm: &mut Vm, cell: &GilCell<Option<Value>>, value: Option<Value>) {
    let old = cell.replace(vm, value);
    drop(old);
}

/// The keyword arguments that an exception keeps; TypeError for others.
fn keywords<const N: usize>(vm: &mut Vm, class: &str, args: Args<'_>, names: [&str; N]) -> PyResult<[Option<Value>; N]> {
    let mut found = [const { None }; N];
    crate::args::check_keyword_count(vm, class, args.kwnames().len(), N)?;
    for (keyword, value) in args.keywords() {
        let key = keyword.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match names.iter().position(|n| *n == key).and_then(|i| found.get_mut(i)) {
            Some(slot) => *slot = Some(value.clone()),
            None => return Err(crate::args::unexpected_keyword(vm, class, keyword, &names)),
        }
    }
    Ok(found)
}

#[pymethods(parts(MEMBERS))]
impl StopIteration {
    #[init]
    fn py_init(zelf: &Py<StopIteration>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        args.no_keywords(vm, &name)?;
        init_args(vm, &zelf.base.base, args)?;
        let value = args.positional().first().cloned().unwrap_or_else(Value::none);
        set(vm, &zelf.value, Some(value));
        Ok(())
    }
}

/// Asks to leave the program.
#[pyclass(base = BaseException, flags(BASETYPE))]
#[repr(C)]
pub struct SystemExit {
    pub base: BaseException,
    pub code: GilCell<Option<Value>>,
}

impl From<BaseException> for SystemExit {
    fn from(base: BaseException) -> SystemExit {
        let code = base.first_argument();
        SystemExit { base, code: GilCell::new(code) }
    }
}

members!(SystemExit: code "the exit status");

#[pymethods(parts(MEMBERS))]
impl SystemExit {
    #[init]
    fn py_init(zelf: &Py<SystemExit>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        args.no_keywords(vm, &name)?;
        init_args(vm, &zelf.base, args)?;
        let code = match args.positional() {
            [] => return Ok(()),
            [code] => code.clone(),
            _ => zelf.base.args_tuple(vm)?.into_value(),
        };
        set(vm, &zelf.code, Some(code));
        Ok(())
    }
}

/// A key that is not in the mapping.
#[pyclass(base = LookupError, flags(BASETYPE))]
#[repr(C)]
pub struct KeyError {
    pub base: LookupError,
}

impl From<BaseException> for KeyError {
    fn from(base: BaseException) -> KeyError {
        KeyError { base: base.into() }
    }
}

impl PyMethods for KeyError {
    fn set_slots(slots: &Slots) {
        slots.new.set(Some(super::macros::new_of::<KeyError>));
        slots.str.set(Some(key_error_str));
    }
}

/// The key as `repr` shows it. Takes any exception: a class may have KeyError among its bases and the payload of another one.
fn key_error_str(vm: &mut Vm, zelf: &Value) -> PyResult {
    let base = BaseException::self_arg(vm, zelf, "__str__")?;
    let args = base.args_tuple(vm)?;
    match args.items() {
        [key] => vm.repr(key).map(Py::into_value),
        _ => text(vm, base).map(Py::into_value),
    }
}

/// A module, or a name in it, cannot be imported.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct ImportError {
    pub base: Exception,
    pub msg: GilCell<Option<Value>>,
    pub name: GilCell<Option<Value>>,
    pub path: GilCell<Option<Value>>,
    pub name_from: GilCell<Option<Value>>,
}

impl From<BaseException> for ImportError {
    fn from(base: BaseException) -> ImportError {
        let none = || GilCell::new(None);
        let msg = base.first_argument();
        ImportError { base: base.into(), msg: GilCell::new(msg), name: none(), path: none(), name_from: none() }
    }
}

members!(ImportError: msg "the message", name "the module's name", path "where the module was found", name_from "the name that was to be imported from it");

#[pymethods(parts(MEMBERS))]
impl ImportError {
    #[init]
    fn py_init(zelf: &Py<ImportError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        init_args(vm, &zelf.base.base, args)?;
        let [name, path, name_from] = keywords(vm, "ImportError", args, ["name", "path", "name_from"])?;
        set(vm, &zelf.name, name);
        set(vm, &zelf.path, path);
        set(vm, &zelf.name_from, name_from);
        let msg = match args.positional() {
            [msg] => Some(msg.clone()),
            _ => None,
        };
        set(vm, &zelf.msg, msg);
        Ok(())
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        if let Some(msg) = self.msg.load(vm).and_then(|m| m.into_py::<Str>().ok()).filter(Py::is_exact) {
            return Ok(msg);
        }
        text(vm, &self.base.base)
    }

    /// For pickling.
    #[method]
    fn __reduce__(zelf: &Py<ImportError>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (name, path, from) = (zelf.name.load(vm), zelf.path.load(vm), zelf.name_from.load(vm));
        reduce_with(vm, zelf.as_value(), &zelf.base.base, &[("name", name), ("path", path), ("name_from", from)])
    }
}

/// `(type, args, state)` where the state holds fields beside the dict.
fn reduce_with(vm: &mut Vm, zelf: &Value, base: &BaseException, fields: &[(&str, Option<Value>)]) -> PyResult<Py<Tuple>> {
    let dict = state_dict(vm, zelf)?;
    let mut parts = vec![zelf.ty().to_value(), base.args_tuple(vm)?.into_value()];
    if fields.iter().any(|(_, v)| v.is_some()) {
        let state = vm.new_dict()?;
        if let Some(dict) = dict {
            state.copy_from(vm, &dict)?;
        }
        for (name, value) in fields {
            if let Some(value) = value {
                let name = vm.intern(name);
                state.set_str(vm, &name, value.clone())?;
            }
        }
        parts.push(state.into_value());
    } else if let Some(dict) = dict {
        parts.push(dict.into_value());
    }
    vm.new_tuple(parts)
}

/// A name that stands for nothing.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct NameError {
    pub base: Exception,
    pub name: GilCell<Option<Value>>,
}

impl From<BaseException> for NameError {
    fn from(base: BaseException) -> NameError {
        NameError { base: base.into(), name: GilCell::new(None) }
    }
}

members!(NameError: name "the name");

#[pymethods(parts(MEMBERS))]
impl NameError {
    #[init]
    fn py_init(zelf: &Py<NameError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        init_args(vm, &zelf.base.base, args)?;
        let [name] = keywords(vm, "NameError", args, ["name"])?;
        set(vm, &zelf.name, name);
        Ok(())
    }
}

/// An object has no such attribute, or it cannot be set.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct AttributeError {
    pub base: Exception,
    pub name: GilCell<Option<Value>>,
    pub obj: GilCell<Option<Value>>,
}

impl From<BaseException> for AttributeError {
    fn from(base: BaseException) -> AttributeError {
        AttributeError { base: base.into(), name: GilCell::new(None), obj: GilCell::new(None) }
    }
}

members!(AttributeError: name "the attribute's name", obj "the object");

#[pymethods(parts(MEMBERS))]
impl AttributeError {
    #[init]
    fn py_init(zelf: &Py<AttributeError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        init_args(vm, &zelf.base.base, args)?;
        let [name, obj] = keywords(vm, "AttributeError", args, ["name", "obj"])?;
        set(vm, &zelf.name, name);
        set(vm, &zelf.obj, obj);
        Ok(())
    }

    /// For pickling: without the object, which often cannot be pickled.
    #[method]
    fn __reduce__(zelf: &Py<AttributeError>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let state = AttributeError::__getstate__(zelf, vm)?;
        let mut parts = vec![zelf.as_value().ty().to_value(), zelf.base.base.args_tuple(vm)?.into_value()];
        parts.push(state);
        vm.new_tuple(parts)
    }

    /// The attributes to pickle.
    #[method]
    fn __getstate__(zelf: &Py<AttributeError>, vm: &mut Vm) -> PyResult {
        let state = vm.new_dict()?;
        if let Some(dict) = state_dict(vm, zelf.as_value())? {
            state.copy_from(vm, &dict)?;
        }
        if let Some(name) = zelf.name.load(vm) {
            state.set_str(vm, n!(name), name)?;
        }
        let args = zelf.base.base.args_tuple(vm)?;
        let key = vm.intern("args");
        state.set_str(vm, &key, args.into_value())?;
        Ok(state.into_value())
    }
}

simple! {
    /// A module that is not there.
    ModuleNotFoundError: ImportError;
    /// A local name that has no value yet.
    UnboundLocalError: NameError;
}

pub(super) const TYPES: super::macros::Types = types![StopIteration, SystemExit, KeyError, ImportError, NameError, AttributeError];
