//! `function`: a code object with its globals, defaults and closure.

use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_bytecode::code::co;
use std::cell::Cell;

/// The payload of `function`.
#[pyclass(name = "function", flags(METHOD_DESCRIPTOR, MANAGED_DICT, MANAGED_WEAKREF), managed, text_signature = "(code, globals, name=None, argdefs=None, closure=None,\n         kwdefaults=None)")]
pub struct Function {
    pub globals: Py<Dict>,
    pub builtins: Value,
    pub code: GilCell<Py<CodeObject>>,
    pub name: GilCell<Py<Str>>,
    pub qualname: GilCell<Py<Str>>,
    pub defaults: GilCell<Option<Py<Tuple>>>,
    pub kwdefaults: GilCell<Option<Py<Dict>>>,
    pub closure: GilCell<Option<Py<Tuple>>>,
    pub doc: GilCell<Value>,
    pub module: GilCell<Option<Value>>,
    pub annotations: GilCell<Option<Value>>,
    pub annotate: GilCell<Option<Value>>,
    pub type_params: GilCell<Option<Py<Tuple>>>,
    /// The code object's version, or 0 once something that calls depend on was changed.
    pub version: Cell<u32>,
}

impl Vm {
    /// A function of `code` in `globals`.
    pub fn new_function(&mut self, code: &Py<CodeObject>, globals: &Py<Dict>) -> PyResult<Py<Function>> {
        let builtins = self.builtins_of(globals);
        self.new_function_with(code, globals, builtins)
    }

    /// The same with the builtins given.
    pub fn new_function_with(&mut self, code: &Py<CodeObject>, globals: &Py<Dict>, builtins: Value) -> PyResult<Py<Function>> {
        let doc = match code.consts.items().first() {
            Some(doc) if code.has(co::HAS_DOCSTRING) => doc.clone(),
            _ => Value::none(),
        };
        let module = globals.get_str(self, n!(__name__)).cloned();
        self.new_object(Function {
            globals: globals.clone(),
            builtins,
            code: GilCell::new(code.clone()),
            name: GilCell::new(code.name.clone()),
            qualname: GilCell::new(code.qualname.clone()),
            defaults: GilCell::new(None),
            kwdefaults: GilCell::new(None),
            closure: GilCell::new(None),
            doc: GilCell::new(doc),
            module: GilCell::new(module),
            annotations: GilCell::new(None),
            annotate: GilCell::new(None),
            type_params: GilCell::new(None),
            version: Cell::new(code.version),
        })
    }

    /// The builtins that code with these globals sees: `__builtins__` there, else the interpreter's.
    pub fn builtins_of(&mut self, globals: &Py<Dict>) -> Value {
        if let Some(found) = globals.get_str(self, n!(__builtins__)) {
            if let Some(module) = found.downcast::<crate::types::module::Module>()
                && let Some(dict) = module.dict.get(self) {
                    return dict.to_value();
                }
            return found.clone();
        }
        // Then those of the code that runs.
        if let Some(builtins) = self.current_builtins() {
            return builtins;
        }
        match self.interp.builtins.get(self) {
            Some(dict) => dict.to_value(),
            None => Value::none(),
        }
    }
}

impl Function {
    /// Number of positional parameters.
    #[inline(always)]
    pub fn func_argcount(&self, vm: &Vm) -> usize {
        self.code.get(vm).argcount as usize
    }
}

fn modified(function: &Function) {
    function.version.set(0);
}

/// `none` stands for `None` and for deletion.
fn given(value: Option<&Value>) -> Option<&Value> {
    value.filter(|v| !v.is_none())
}

/// Tells the audit hooks that the defaults are set, or deleted.
fn audit_set(vm: &mut Vm, function: &Py<Function>, name: &str, value: Option<&Value>) -> PyResult<()> {
    let event = if value.is_some() { "object.__setattr__" } else { "object.__delattr__" };
    vm.audit_attribute(event, function.as_value(), name, value)
}

fn set_name(vm: &mut Vm, cell: &GilCell<Py<Str>>, value: Option<&Value>, what: &str) -> PyResult<()> {
    match value.and_then(|v| v.downcast::<Str>()) {
        Some(name) => {
            let old = cell.replace(vm, name.clone());
            drop(old);
            Ok(())
        }
        None => Err(vm.type_error(format!("{what} must be set to a string object"))),
    }
}

fn annotations_dict(vm: &mut Vm, function: &Function) -> PyResult {
    match function.annotations.load(vm) {
        Some(found) => {
            let Some(pairs) = found.downcast_exact::<Tuple>() else { return Ok(found) };
            // Written by the compiler under `from __future__ import annotations`: names and texts in turn.
            let dict = vm.new_dict()?;
            for pair in pairs.items().chunks_exact(2) {
                dict.set(vm, &pair[0], pair[1].clone())?;
            }
            function.annotations.replace(vm, Some(dict.to_value()));
            Ok(dict.into_value())
        }
        None => {
            let annotate = function.annotate.load(vm).filter(|a| !a.is_none());
            let dict = match annotate {
                Some(annotate) => {
                    let made = vm.call(&annotate, &[Value::from_i32(1)])?;
                    if !made.is::<Dict>() {
                        let got = made.type_name();
                        return Err(vm.type_error(format!("__annotate__ returned non-dict of type '{got}'")));
                    }
                    made
                }
                None => vm.new_dict()?.into_value(),
            };
            function.annotations.replace(vm, Some(dict.clone()));
            Ok(dict)
        }
    }
}

#[pymethods]
impl Function {
    /// Create a function object.
    ///
    /// code is a code object, globals the dict of global variables, name replaces the name in the code object, argdefs is a tuple of
    /// defaults, closure a tuple of cells for the free variables, kwdefaults a dict of defaults of keyword-only parameters.
    #[allow(clippy::too_many_arguments, reason = "as many as the signature has")]
    #[new(name = "function", sig = "(code, globals, name=None, argdefs=None, closure=None, kwdefaults=None)")]
    fn new(
        _cls: &Py<PyType>, code: &Py<CodeObject>, globals: &Py<Dict>, name: Option<&Value>, argdefs: Option<&Value>, closure: Option<&Value>, kwdefaults: Option<&Value>, vm: &mut Vm,
    ) -> PyResult<Py<Function>> {
        let name = match name {
            None => None,
            Some(n) => match n.downcast::<Str>() {
                Some(s) => Some(s.clone()),
                None => return Err(vm.type_error("arg 3 (name) must be None or string")),
            },
        };
        let defaults = match argdefs {
            None => None,
            Some(d) => match d.downcast::<Tuple>() {
                Some(t) => Some(t.clone()),
                None => return Err(vm.type_error("arg 4 (defaults) must be None or tuple")),
            },
        };
        let cells = check_closure(vm, code, closure)?;
        let kwdefaults = match kwdefaults {
            None => None,
            Some(d) => match d.downcast::<Dict>() {
                Some(d) => Some(d.clone()),
                None => return Err(vm.type_error("arg 6 (kwdefaults) must be None or dict")),
            },
        };
        let function = vm.new_function(code, globals)?;
        if let Some(name) = name {
            function.name.replace(vm, name);
        }
        function.defaults.replace(vm, defaults);
        function.closure.replace(vm, cells);
        function.kwdefaults.replace(vm, kwdefaults);
        Ok(function)
    }

    #[getter(member, name = "__globals__")]
    fn get_globals(&self) -> Py<Dict> {
        self.globals.clone()
    }

    #[getter(member, name = "__builtins__")]
    fn get_builtins(&self) -> Value {
        self.builtins.clone()
    }

    #[getter(member, name = "__closure__")]
    fn get_closure(&self, vm: &mut Vm) -> Option<Py<Tuple>> {
        self.closure.load(vm)
    }

    #[getter(name = "__code__")]
    fn get_code(zelf: &Py<Function>, vm: &mut Vm) -> PyResult<Py<CodeObject>> {
        vm.audit_attribute("object.__getattr__", zelf.as_value(), "__code__", None)?;
        Ok(zelf.code.load(vm))
    }

    #[setter(name = "__code__")]
    fn set_code(zelf: &Py<Function>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(code) = value.and_then(|v| v.downcast::<CodeObject>()) else {
            return Err(vm.type_error("__code__ must be set to a code object"));
        };
        vm.audit_attribute("object.__setattr__", zelf.as_value(), "__code__", value)?;
        let have = zelf.closure.get(vm).as_ref().map_or(0, |c| c.len());
        if code.nfreevars as usize != have {
            let (name, want) = (zelf.name.load(vm), code.nfreevars);
            return Err(vm.value_error(format!("{}() requires a code object with {have} free vars, not {want}", name.to_string_lossy())));
        }
        const KINDS: u32 = co::GENERATOR | co::COROUTINE | co::ASYNC_GENERATOR;
        if zelf.code.get(vm).flags & KINDS != code.flags & KINDS {
            let message = "Assigning a code object of non-matching type is deprecated (e.g., from a generator to a plain function)";
            crate::eval::warn_deprecated(vm, message)?;
        }
        modified(zelf);
        let old = zelf.code.replace(vm, code.clone());
        drop(old);
        Ok(())
    }

    #[getter(name = "__name__")]
    fn get_name(&self, vm: &mut Vm) -> Py<Str> {
        self.name.load(vm)
    }

    #[setter(name = "__name__")]
    fn set_name(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_name(vm, &self.name, value, "__name__")
    }

    #[getter(name = "__qualname__")]
    fn get_qualname(&self, vm: &mut Vm) -> Py<Str> {
        self.qualname.load(vm)
    }

    #[setter(name = "__qualname__")]
    fn set_qualname(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_name(vm, &self.qualname, value, "__qualname__")
    }

    #[getter(name = "__defaults__")]
    fn get_defaults(zelf: &Py<Function>, vm: &mut Vm) -> PyResult<Option<Py<Tuple>>> {
        vm.audit_attribute("object.__getattr__", zelf.as_value(), "__defaults__", None)?;
        Ok(zelf.defaults.load(vm))
    }

    #[setter(name = "__defaults__")]
    fn set_defaults(zelf: &Py<Function>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let new = match given(value) {
            None => None,
            Some(v) => match v.downcast::<Tuple>() {
                Some(t) => Some(t.clone()),
                None => return Err(vm.type_error("__defaults__ must be set to a tuple object")),
            },
        };
        audit_set(vm, zelf, "__defaults__", value)?;
        modified(zelf);
        let old = zelf.defaults.replace(vm, new);
        drop(old);
        Ok(())
    }

    #[getter(name = "__kwdefaults__")]
    fn get_kwdefaults(zelf: &Py<Function>, vm: &mut Vm) -> PyResult<Option<Py<Dict>>> {
        vm.audit_attribute("object.__getattr__", zelf.as_value(), "__kwdefaults__", None)?;
        Ok(zelf.kwdefaults.load(vm))
    }

    #[setter(name = "__kwdefaults__")]
    fn set_kwdefaults(zelf: &Py<Function>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let new = match given(value) {
            None => None,
            Some(v) => match v.downcast::<Dict>() {
                Some(d) => Some(d.clone()),
                None => return Err(vm.type_error("__kwdefaults__ must be set to a dict object")),
            },
        };
        audit_set(vm, zelf, "__kwdefaults__", value)?;
        modified(zelf);
        let old = zelf.kwdefaults.replace(vm, new);
        drop(old);
        Ok(())
    }

    #[getter(name = "__annotations__")]
    fn get_annotations(&self, vm: &mut Vm) -> PyResult {
        annotations_dict(vm, self)
    }

    #[setter(name = "__annotations__")]
    fn set_annotations(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let new = match given(value) {
            Some(v) if !v.is::<Dict>() => return Err(vm.type_error("__annotations__ must be set to a dict object")),
            new => new.cloned(),
        };
        modified(self);
        let annotate = self.annotate.replace(vm, None);
        let old = self.annotations.replace(vm, new);
        drop((annotate, old));
        Ok(())
    }

    #[getter(name = "__annotate__")]
    fn get_annotate(&self, vm: &mut Vm) -> Option<Value> {
        self.annotate.load(vm)
    }

    #[setter(name = "__annotate__")]
    fn set_annotate(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("__annotate__ cannot be deleted")) };
        if value.is_none() {
            let old = self.annotate.replace(vm, None);
            drop(old);
            return Ok(());
        }
        if value.type_ref().slots.call.get().is_none() {
            return Err(vm.type_error("__annotate__ must be callable or None"));
        }
        let old = (self.annotate.replace(vm, Some(value.clone())), self.annotations.replace(vm, None));
        drop(old);
        Ok(())
    }

    #[getter(name = "__type_params__")]
    fn get_type_params(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match self.type_params.load(vm) {
            Some(params) => Ok(params),
            None => vm.new_tuple([]),
        }
    }

    #[setter(name = "__type_params__")]
    fn set_type_params(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(params) = value.and_then(|v| v.downcast::<Tuple>()) else {
            return Err(vm.type_error("__type_params__ must be set to a tuple"));
        };
        let old = self.type_params.replace(vm, Some(params.clone()));
        drop(old);
        Ok(())
    }

    #[getter(name = "__doc__")]
    fn get_doc(&self, vm: &mut Vm) -> Value {
        self.doc.load(vm)
    }

    #[setter(name = "__doc__")]
    fn set_doc(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.doc.replace(vm, value.cloned().unwrap_or_else(Value::none));
        drop(old);
        Ok(())
    }

    #[getter(name = "__module__")]
    fn get_module(&self, vm: &mut Vm) -> Option<Value> {
        self.module.load(vm)
    }

    #[setter(name = "__module__")]
    fn set_module(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.module.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[getter(name = "__dict__")]
    fn get_dict(zelf: &Py<Function>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        instance::materialize(vm, zelf.as_value())
    }

    #[setter(name = "__dict__")]
    fn set_dict(zelf: &Py<Function>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match value {
            None => Err(vm.type_error("cannot delete __dict__")),
            Some(v) => match v.downcast::<Dict>() {
                Some(d) => instance::replace_dict(vm, zelf.as_value(), Some(d.clone())),
                None => {
                    let got = v.type_name();
                    Err(vm.type_error(format!("__dict__ must be set to a dictionary, not a '{got}'")))
                }
            },
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Function>, vm: &mut Vm) -> PyResult {
        let name = zelf.qualname.load(vm);
        let text = format!("<function {} at {:#x}>", name.to_string_lossy(), zelf.as_value().bits());
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Function>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object {
            None => Ok(zelf.to_value()),
            Some(object) => vm.new_method(zelf.to_value(), object.clone()),
        }
    }

    #[slot(call)]
    fn slot_call(zelf: &Py<Function>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        crate::eval::call::call_function(vm, zelf, args)
    }
}

/// The closure for `code`, checked as `function()` checks it.
pub(crate) fn check_closure(vm: &mut Vm, code: &Py<CodeObject>, closure: Option<&Value>) -> PyResult<Option<Py<Tuple>>> {
    let want = code.nfreevars as usize;
    let cells = match closure.filter(|c| !c.is_none()) {
        None if want > 0 => return Err(vm.type_error("arg 5 (closure) must be tuple")),
        None => return Ok(None),
        Some(c) => match c.downcast::<Tuple>() {
            Some(t) => t,
            None => return Err(vm.type_error("arg 5 (closure) must be None or tuple")),
        },
    };
    if cells.len() != want {
        let (name, have) = (code.name.clone(), cells.len());
        return Err(vm.value_error(format!("{} requires closure of length {want}, not {have}", name.to_string_lossy())));
    }
    for cell in cells.items() {
        if !cell.is_exact::<crate::types::cell::PyCell>() {
            let got = cell.type_name();
            return Err(vm.type_error(format!("arg 5 (closure) expected cell, found {got}")));
        }
    }
    Ok((want > 0).then(|| cells.clone()))
}
