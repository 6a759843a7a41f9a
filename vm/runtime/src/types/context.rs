//! Context variables (PEP 567): `Context`, `ContextVar`, `Token`.
//!
//! A context's values are an immutable hash trie ([`Hamt`]), which a change replaces: copying a context only counts a reference. The keys are
//! variables, which hash and compare by identity, so nothing runs while one is looked up.
//! The running context is the thread's (`ThreadState::context`); it is made when it is first needed.

use crate::types::exceptions::LookupError;
use crate::types::hamt::Hamt;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// A mapping of context variables to their values, in which code can be run.
#[pyclass(name = "Context", module = "_contextvars", flags(MAPPING), managed)]
pub struct Context {
    values: GilCell<Option<Py<Hamt>>>,
    /// The context that was current when this one was entered.
    previous: GilCell<Option<Value>>,
    entered: Cell<bool>,
}

/// A variable whose value depends on the running context.
#[pyclass(name = "ContextVar", module = "_contextvars", gc)]
pub struct ContextVar {
    name: Py<Str>,
    default: Option<Value>,
}

/// What a variable was before it was set.
#[pyclass(name = "Token", module = "_contextvars", gc)]
pub struct Token {
    context: Py<Context>,
    var: Py<ContextVar>,
    old_value: Option<Value>,
    used: Cell<bool>,
}

/// The type of `Token.MISSING`.
#[pyclass(name = "Token.MISSING", module = "Token")]
pub struct Missing {}

#[pymethods]
impl Missing {
    #[slot(repr)]
    fn slot_repr(&self) -> &'static str {
        "<Token.MISSING>"
    }
}

/// A new variable without a default.
pub fn new_context_var(vm: &mut Vm, name: &str) -> PyResult<Value> {
    let name = vm.new_str(name)?;
    Ok(vm.new_object(ContextVar { name, default: None })?.into_value())
}

/// An empty context.
pub fn new_context(vm: &mut Vm) -> PyResult<Py<Context>> {
    let values = Hamt::empty(vm)?;
    vm.new_object(Context { values: GilCell::new(Some(values)), previous: GilCell::new(None), entered: Cell::new(false) })
}

/// The running context.
pub fn current(vm: &mut Vm) -> PyResult<Py<Context>> {
    if let Some(context) = vm.eval.context.as_ref().and_then(|c| c.downcast::<Context>()) {
        return Ok(context.clone());
    }
    let context = new_context(vm)?;
    vm.eval.context = Some(context.to_value());
    Ok(context)
}

/// A copy of the running context (`contextvars.copy_context`).
pub fn copy_current(vm: &mut Vm) -> PyResult<Py<Context>> {
    let context = current(vm)?;
    context.copied(vm)
}

/// Makes `context` the running one.
pub fn enter(vm: &mut Vm, context: &Py<Context>) -> PyResult<()> {
    if context.entered.get() {
        let repr = vm.repr(context.as_value())?.to_string_lossy().into_owned();
        return Err(vm.runtime_error(format!("cannot enter context: {repr} is already entered")));
    }
    context.entered.set(true);
    let previous = vm.eval.context.replace(context.to_value());
    let old = context.previous.replace(vm, previous);
    drop(old);
    Ok(())
}

/// Ends what [`enter`] began.
pub fn exit(vm: &mut Vm, context: &Py<Context>) -> PyResult<()> {
    if !context.entered.get() {
        let repr = vm.repr(context.as_value())?.to_string_lossy().into_owned();
        return Err(vm.runtime_error(format!("cannot exit context: {repr} has not been entered")));
    }
    if !vm.eval.context.as_ref().is_some_and(|c| c.is_same(context.as_value())) {
        return Err(vm.runtime_error("cannot exit context: thread state references a different context object"));
    }
    let previous = context.previous.replace(vm, None);
    let old = std::mem::replace(&mut vm.eval.context, previous);
    context.entered.set(false);
    drop(old);
    Ok(())
}

/// The value of a variable in the running context; none if it has none and no default.
pub fn get(vm: &mut Vm, var: &Py<ContextVar>) -> PyResult<Option<Value>> {
    if let Some(context) = vm.eval.context.as_ref().and_then(|c| c.downcast::<Context>()).cloned()
        && let Some(value) = context.lookup(vm, var.as_value())? {
            return Ok(Some(value));
        }
    Ok(var.default.clone())
}

/// Sets a variable in the running context.
pub fn set(vm: &mut Vm, var: &Py<ContextVar>, value: Value) -> PyResult<Py<Token>> {
    let context = current(vm)?;
    let old_value = context.lookup(vm, var.as_value())?;
    let token = vm.new_object(Token { context: context.clone(), var: var.clone(), old_value, used: Cell::new(false) })?;
    let values = Hamt::assoc(&context.shared(vm)?, vm, var.as_value(), &value)?;
    context.set_values(vm, values);
    Ok(token)
}

/// Undoes the setting that gave `token`.
pub fn reset(vm: &mut Vm, var: &Py<ContextVar>, token: &Py<Token>) -> PyResult<()> {
    if token.used.get() {
        let repr = vm.repr(token.as_value())?.to_string_lossy().into_owned();
        return Err(vm.runtime_error(format!("{repr} has already been used once")));
    }
    if !var.is(&token.var) {
        let repr = vm.repr(token.as_value())?.to_string_lossy().into_owned();
        return Err(vm.value_error(format!("{repr} was created by a different ContextVar")));
    }
    let context = current(vm)?;
    if !context.is(&token.context) {
        let repr = vm.repr(token.as_value())?.to_string_lossy().into_owned();
        return Err(vm.value_error(format!("{repr} was created in a different Context")));
    }
    token.used.set(true);
    let values = context.shared(vm)?;
    let values = match &token.old_value {
        Some(old) => Hamt::assoc(&values, vm, var.as_value(), old)?,
        None => Hamt::without(&values, vm, var.as_value())?,
    };
    context.set_values(vm, values);
    Ok(())
}

/// LookupError with the variable.
fn unset(vm: &mut Vm, var: &Py<ContextVar>) -> Raised {
    vm.raise_with::<LookupError>(vec![var.to_value()])
}

#[pymethods]
impl ContextVar {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ContextVar>> {
        static SPEC: crate::args::ArgSpec = crate::args::ArgSpec {
            name: "ContextVar",
            params: &[crate::args::Param { name: "", required: true }, crate::args::Param { name: "default", required: false }],
            required: 1,
            positional: 1,
            posonly: 1,
            raw: false,
        };
        let mut bound: [Option<&Value>; 2] = [None; 2];
        SPEC.bind(vm, args, &mut bound)?;
        let Some(name) = bound[0] else { return Err(SPEC.missing(vm, 0)) };
        let Some(name) = name.downcast::<Str>() else { return Err(vm.type_error("context variable name must be a str")) };
        vm.hash(name.as_value())?;
        vm.new_instance(cls, ContextVar { name: name.clone(), default: bound[1].cloned() })
    }

    /// The value in the running context, else default if it is given, else the variable's
    /// own default; LookupError if there is none.
    #[method(sig = "(default=?, /)", text = "(default=<unrepresentable>, /)")]
    fn get(zelf: &Py<ContextVar>, default: Option<Value>, vm: &mut Vm) -> PyResult {
        if let Some(context) = vm.eval.context.as_ref().and_then(|c| c.downcast::<Context>()).cloned()
            && let Some(value) = context.lookup(vm, zelf.as_value())? {
                return Ok(value);
            }
        match default.or_else(|| zelf.default.clone()) {
            Some(value) => Ok(value),
            None => Err(unset(vm, zelf)),
        }
    }

    /// Sets the variable in the running context and returns a token to undo that.
    #[method(sig = "(value, /)")]
    fn set(zelf: &Py<ContextVar>, value: Value, vm: &mut Vm) -> PyResult<Py<Token>> {
        set(vm, zelf, value)
    }

    /// Gives the variable the value back that it had before the set() that returned token.
    #[method(sig = "(token, /)")]
    fn reset(zelf: &Py<ContextVar>, token: &Value, vm: &mut Vm) -> PyResult<()> {
        let Some(token) = token.downcast::<Token>() else {
            let repr = vm.repr(token)?.to_string_lossy().into_owned();
            return Err(vm.type_error(format!("expected an instance of Token, got {repr}")));
        };
        reset(vm, zelf, token)
    }

    #[getter]
    fn name(&self) -> Py<Str> {
        self.name.clone()
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<ContextVar>, _vm: &mut Vm) -> PyResult<i64> {
        Ok(crate::types::object::hash_id(zelf.as_value()))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<ContextVar>, vm: &mut Vm) -> PyResult<String> {
        let name = vm.repr(zelf.name.as_value())?.to_string_lossy().into_owned();
        let default = match zelf.default.clone() {
            Some(default) => format!(" default={}", vm.repr(&default)?.to_string_lossy()),
            None => String::new(),
        };
        Ok(format!("<ContextVar name={name}{default} at {:#x}>", zelf.as_value().id()))
    }

    /// See PEP 585.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, item)
    }
}

impl Context {
    fn lookup(&self, vm: &mut Vm, var: &Value) -> PyResult<Option<Value>> {
        match self.values.load(vm) {
            Some(values) => values.find(vm, var),
            None => Ok(None),
        }
    }

    fn set_values(&self, vm: &mut Vm, values: Py<Hamt>) {
        let old = self.values.replace(vm, Some(values));
        drop(old);
    }

    fn shared(&self, vm: &mut Vm) -> PyResult<Py<Hamt>> {
        match self.values.load(vm) {
            Some(values) => Ok(values),
            None => Hamt::empty(vm),
        }
    }

    fn copied(&self, vm: &mut Vm) -> PyResult<Py<Context>> {
        let values = self.values.load(vm);
        vm.new_object(Context { values: GilCell::new(values), previous: GilCell::new(None), entered: Cell::new(false) })
    }
}

fn check_key(vm: &mut Vm, key: &Value) -> PyResult<()> {
    if key.is::<ContextVar>() {
        return Ok(());
    }
    let repr = vm.repr(key)?.to_string_lossy().into_owned();
    Err(vm.type_error(format!("a ContextVar key was expected, got {repr}")))
}

#[pymethods]
impl Context {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Context>> {
        if !args.values().is_empty() {
            return Err(vm.type_error("Context() does not accept any arguments"));
        }
        let values = Hamt::empty(vm)?;
        vm.new_instance(cls, Context { values: GilCell::new(Some(values)), previous: GilCell::new(None), entered: Cell::new(false) })
    }

    /// Calls a function with the context as the running one.
    #[method]
    fn run(zelf: &Py<Context>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let Some((callable, rest)) = args.split_first() else {
            return Err(vm.type_error("run() missing 1 required positional argument"));
        };
        enter(vm, zelf)?;
        let result = vm.call_args(callable, rest);
        exit(vm, zelf)?;
        result
    }

    /// A context with the same values; they are shared until one of the two changes.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<Context>> {
        self.copied(vm)
    }

    /// The value of the variable in the context, or default.
    #[method(sig = "(key, default=None, /)")]
    fn get(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        check_key(vm, key)?;
        Ok(self.lookup(vm, key)?.unwrap_or(default))
    }

    /// The variables that have a value.
    #[method]
    fn keys(&self, vm: &mut Vm) -> PyResult {
        self.shared(vm)?.iter_keys(vm)
    }

    /// The values.
    #[method]
    fn values(&self, vm: &mut Vm) -> PyResult {
        self.shared(vm)?.iter_values(vm)
    }

    /// The variables with their values.
    #[method]
    fn items(&self, vm: &mut Vm) -> PyResult {
        self.shared(vm)?.iter_items(vm)
    }

    #[slot(iter)]
    fn slot_iter(&self, vm: &mut Vm) -> PyResult {
        self.shared(vm)?.iter_keys(vm)
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.values.get(vm).as_ref().map_or(0, |d| d.len()))
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        check_key(vm, key)?;
        match self.lookup(vm, key)? {
            Some(value) => Ok(value),
            None => Err(vm.key_error(key)),
        }
    }

    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        check_key(vm, key)?;
        Ok(self.lookup(vm, key)?.is_some())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Context>() else { return Ok(Value::not_implemented()) };
        if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::not_implemented());
        }
        let (a, b) = (self.shared(vm)?, other.shared(vm)?);
        let equal = a.is(&b) || a.equals(vm, &b)?;
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }
}

#[pymethods]
impl Token {
    #[new]
    fn py_new(_cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult {
        Err(vm.runtime_error("Tokens can only be created by ContextVars"))
    }

    /// What `old_value` is when the variable had no value.
    #[classattr]
    #[allow(non_snake_case, reason = "Python's name")]
    fn MISSING(vm: &mut Vm) -> PyResult {
        Missing::static_type().ready(vm)?;
        Ok(vm.new_object(Missing {})?.into_value())
    }

    #[getter]
    fn var(&self) -> Py<ContextVar> {
        self.var.clone()
    }

    #[getter]
    fn old_value(&self, vm: &mut Vm) -> PyResult {
        match &self.old_value {
            Some(value) => Ok(value.clone()),
            None => {
                let ty = Token::type_object(vm).to_value();
                vm.getattr_str(&ty, "MISSING")
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Token>, vm: &mut Vm) -> PyResult<String> {
        let used = if zelf.used.get() { " used" } else { "" };
        let var = vm.repr(zelf.var.as_value())?.to_string_lossy().into_owned();
        Ok(format!("<Token{used} var={var} at {:#x}>", zelf.as_value().id()))
    }

    #[classattr]
    fn __hash__(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    /// Enters a with statement, at whose end the variable is reset.
    #[method]
    fn __enter__(zelf: &Py<Token>) -> Py<Token> {
        zelf.clone()
    }

    /// Resets the variable.
    #[method(sig = "(type, value, traceback, /)")]
    fn __exit__(zelf: &Py<Token>, _type: &Value, _value: &Value, _traceback: &Value, vm: &mut Vm) -> PyResult<()> {
        reset(vm, &zelf.var, zelf)
    }

    /// See PEP 585.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, item)
    }
}
