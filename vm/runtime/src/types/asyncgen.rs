//! `async_generator` and the awaitables of its methods.
//!
//! Values that an asynchronous generator yields are wrapped by the compiler (INTRINSIC_ASYNC_GEN_WRAP), which tells them from what its awaits
//! pass up. The awaitables unwrap them into StopIteration.

use crate::types::code::CodeObject;
use crate::types::exceptions::{StopAsyncIteration, StopIteration};
use crate::types::generator::{GenState, gen_traverse, generator_exit, is_builtin, send_ex, send_result, shared_methods, state, state_of, stop_iteration, throw, throw_args};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The payload of `async_generator`.
#[pyclass(name = "async_generator", managed, tail)]
#[repr(C)]
pub struct AsyncGenerator {
    pub state: GenState,
}

gen_traverse!(AsyncGenerator);
shared_methods!(AsyncGenerator, "name of the async generator", "qualified name of the async generator", ag_frame, ag_running, ag_code, ag_await, ag_suspended);

/// `gi_running` and its like; asynchronous generators run while one of their awaitables does.
pub(crate) fn is_running(gen_state: &GenState) -> bool {
    gen_state.state.get() == state::EXECUTING || gen_state.running_async.get()
}

/// A value that an asynchronous generator yields.
#[pyclass(name = "async_generator_wrapped_value", gc, no_methods)]
pub struct WrappedValue {
    value: Value,
}

/// Wraps a value for [`WrappedValue`].
pub fn wrap(vm: &mut Vm, value: Value) -> PyResult {
    Ok(vm.new_object(WrappedValue { value })?.into_value())
}

/// The first use of an asynchronous generator: tells the event loop's hooks.
fn init_hooks(vm: &mut Vm, zelf: &Py<AsyncGenerator>) -> PyResult<()> {
    if zelf.state.hooks_inited.replace(true) {
        return Ok(());
    }
    let finalizer = vm.eval.asyncgen_finalizer.clone();
    if finalizer.is_some() {
        drop(zelf.state.extra.replace(vm, finalizer));
    }
    if let Some(firstiter) = vm.eval.asyncgen_firstiter.clone() {
        vm.call(&firstiter, &[zelf.to_value()])?;
    }
    Ok(())
}

#[pymethods(parts(shared))]
impl AsyncGenerator {
    #[slot(aiter)]
    fn slot_aiter(zelf: &Py<AsyncGenerator>) -> Py<AsyncGenerator> {
        zelf.clone()
    }

    #[slot(anext)]
    fn slot_anext(zelf: &Py<AsyncGenerator>, vm: &mut Vm) -> PyResult {
        init_hooks(vm, zelf)?;
        new_asend(vm, zelf, None)
    }

    /// Return an awaitable that sends a value into the generator.
    #[method(sig = "(value, /)")]
    fn asend(zelf: &Py<AsyncGenerator>, value: &Value, vm: &mut Vm) -> PyResult {
        init_hooks(vm, zelf)?;
        new_asend(vm, zelf, Some(value.clone()))
    }

    /// Return an awaitable that raises an exception in the generator.
    #[method]
    fn athrow(zelf: &Py<AsyncGenerator>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let values = args.unpack(vm, "athrow", 1, 3)?.to_vec();
        if values.len() > 1 {
            crate::eval::warn_deprecated(vm, "the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead.")?;
        }
        init_hooks(vm, zelf)?;
        new_athrow(vm, zelf, Some(values))
    }

    /// Return an awaitable that raises GeneratorExit in the generator.
    #[method]
    fn aclose(zelf: &Py<AsyncGenerator>, vm: &mut Vm) -> PyResult {
        init_hooks(vm, zelf)?;
        new_athrow(vm, zelf, None)
    }

    #[classmethod(name = "__class_getitem__", sig = "(item, /)")]
    fn class_getitem(cls: &Py<crate::types::type_::PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::eval::bridges::generic_alias(vm, cls, item)
    }
}

/// How far an awaitable is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Init,
    Iter,
    Closed,
}

/// The awaitable of `__anext__()` and `asend()`.
#[pyclass(name = "async_generator_asend", gc)]
pub struct Asend {
    generator: Py<AsyncGenerator>,
    value: Option<Value>,
    #[traverse(skip)]
    stage: Cell<Stage>,
}

/// The awaitable of `athrow()` and `aclose()`.
#[pyclass(name = "async_generator_athrow", gc)]
pub struct Athrow {
    generator: Py<AsyncGenerator>,
    /// None: `aclose()`.
    args: Option<Vec<Value>>,
    #[traverse(skip)]
    stage: Cell<Stage>,
}

fn new_asend(vm: &mut Vm, generator: &Py<AsyncGenerator>, value: Option<Value>) -> PyResult {
    Ok(vm.new_object(Asend { generator: generator.clone(), value, stage: Cell::new(Stage::Init) })?.into_value())
}

fn new_athrow(vm: &mut Vm, generator: &Py<AsyncGenerator>, args: Option<Vec<Value>>) -> PyResult {
    Ok(vm.new_object(Athrow { generator: generator.clone(), args, stage: Cell::new(Stage::Init) })?.into_value())
}

fn ends(vm: &mut Vm, e: &Raised) -> bool {
    vm.is_raised::<StopAsyncIteration>(e) || is_builtin(vm, e, "GeneratorExit")
}

/// What the awaiting side sees of a step of the generator.
fn unwrap(vm: &mut Vm, generator: &Py<AsyncGenerator>, result: PyResult) -> PyResult {
    match result {
        Ok(value) => match value.downcast_exact::<WrappedValue>() {
            Some(wrapped) => {
                generator.state.running_async.set(false);
                Err(stop_iteration(vm, wrapped.value.clone()))
            }
            None => Ok(value),
        },
        Err(e) => {
            if ends(vm, &e) {
                generator.state.closed.set(true);
            }
            generator.state.running_async.set(false);
            Err(e)
        }
    }
}

fn step(vm: &mut Vm, generator: &Py<AsyncGenerator>, value: &Value) -> PyResult {
    let result = send_ex(vm, generator.as_value(), Some(value), None)?;
    send_result(vm, generator.as_value(), result)
}

fn throw_step(vm: &mut Vm, generator: &Py<AsyncGenerator>, raised: Raised, close_on_exit: bool) -> PyResult {
    let result = throw(vm, generator.as_value(), raised, close_on_exit)?;
    send_result(vm, generator.as_value(), result)
}

impl Asend {
    fn begin(&self, vm: &mut Vm) -> PyResult<bool> {
        match self.stage.get() {
            Stage::Closed => Err(vm.runtime_error("cannot reuse already awaited __anext__()/asend()")),
            Stage::Init => {
                if self.generator.state.running_async.get() {
                    self.stage.set(Stage::Closed);
                    return Err(vm.runtime_error("anext(): asynchronous generator is already running"));
                }
                self.stage.set(Stage::Iter);
                Ok(true)
            }
            Stage::Iter => Ok(false),
        }
    }

    fn send_value(&self, value: &Value, vm: &mut Vm) -> PyResult {
        let first = self.begin(vm)?;
        let value = match &self.value {
            Some(v) if first && value.is_none() => v.clone(),
            _ => value.clone(),
        };
        self.generator.state.running_async.set(true);
        let result = step(vm, &self.generator, &value);
        let result = unwrap(vm, &self.generator, result);
        if result.is_err() {
            self.stage.set(Stage::Closed);
        }
        result
    }

    fn throw_in(&self, raised: Raised, vm: &mut Vm) -> PyResult {
        if self.begin(vm)? {
            self.generator.state.running_async.set(true);
        }
        let result = throw_step(vm, &self.generator, raised, true);
        let result = unwrap(vm, &self.generator, result);
        if result.is_err() {
            self.stage.set(Stage::Closed);
        }
        result
    }
}

/// Turns what a step of an awaitable raises at its end into what an iterator's `__next__` gives.
fn as_next(result: PyResult) -> PyResult<Option<Value>> {
    result.map(Some)
}

/// The end of `close()` of an awaitable, after GeneratorExit was thrown in.
fn closed(vm: &mut Vm, result: PyResult) -> PyResult<()> {
    match result {
        Ok(_) => Err(vm.runtime_error("coroutine ignored GeneratorExit")),
        Err(e) if vm.is_raised::<StopIteration>(&e) || ends(vm, &e) => Ok(()),
        Err(e) => Err(e),
    }
}

#[pymethods]
impl Asend {
    #[slot(await_)]
    fn slot_await(zelf: &Py<Asend>) -> Py<Asend> {
        zelf.clone()
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Asend>) -> Py<Asend> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        as_next(self.send_value(&Value::none(), vm))
    }

    #[method(sig = "(value, /)")]
    fn send(&self, value: &Value, vm: &mut Vm) -> PyResult {
        self.send_value(value, vm)
    }

    #[method]
    fn throw(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if self.stage.get() == Stage::Closed {
            return Err(vm.runtime_error("cannot reuse already awaited __anext__()/asend()"));
        }
        let raised = throw_args(vm, args)?;
        self.throw_in(raised, vm)
    }

    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        if self.stage.get() == Stage::Closed {
            return Ok(());
        }
        let exit = generator_exit(vm);
        let result = self.throw_in(exit, vm);
        closed(vm, result)
    }

    #[slot(del)]
    fn slot_del(&self, vm: &mut Vm) -> PyResult<()> {
        if self.stage.get() == Stage::Init { warn_unawaited(vm, &self.generator, "asend") } else { Ok(()) }
    }
}

fn warn_unawaited(vm: &mut Vm, generator: &Py<AsyncGenerator>, method: &str) -> PyResult<()> {
    let name = generator.state.qualname.load(vm);
    let repr = vm.repr(name.as_value())?;
    let message = format!("coroutine method '{method}' of {} was never awaited", repr.to_string_lossy());
    crate::eval::ops::warn(vm, "RuntimeWarning", &message, 1)
}

impl Athrow {
    fn what(&self) -> &'static str {
        if self.args.is_some() { "athrow()" } else { "aclose()" }
    }

    fn begin(&self, vm: &mut Vm) -> PyResult<()> {
        if self.generator.state.running_async.get() {
            self.stage.set(Stage::Closed);
            return Err(vm.runtime_error(format!("{}: asynchronous generator is already running", self.what())));
        }
        Ok(())
    }

    /// The generator must not yield any more.
    fn ignored(&self, vm: &mut Vm) -> PyResult {
        self.generator.state.running_async.set(false);
        self.stage.set(Stage::Closed);
        Err(vm.runtime_error("async generator ignored GeneratorExit"))
    }

    fn ended(&self, vm: &mut Vm, e: Raised) -> PyResult {
        self.generator.state.running_async.set(false);
        self.stage.set(Stage::Closed);
        if self.args.is_none() && ends(vm, &e) {
            return Err(stop_iteration(vm, Value::none()));
        }
        Err(e)
    }

    fn conclude(&self, vm: &mut Vm, result: PyResult) -> PyResult {
        if self.args.is_some() {
            let result = unwrap(vm, &self.generator, result);
            return match result {
                Ok(v) => Ok(v),
                Err(e) => self.ended(vm, e),
            };
        }
        match result {
            Ok(v) if v.is_exact::<WrappedValue>() => self.ignored(vm),
            Ok(v) => Ok(v),
            Err(e) => self.ended(vm, e),
        }
    }

    fn send_value(&self, value: &Value, vm: &mut Vm) -> PyResult {
        if self.stage.get() == Stage::Closed {
            return Err(vm.runtime_error("cannot reuse already awaited aclose()/athrow()"));
        }
        if self.generator.state.is_finished() {
            self.stage.set(Stage::Closed);
            return Err(stop_iteration(vm, Value::none()));
        }
        if self.stage.get() == Stage::Iter {
            let result = step(vm, &self.generator, value);
            return self.conclude(vm, result);
        }
        self.begin(vm)?;
        if self.generator.state.closed.get() {
            self.stage.set(Stage::Closed);
            return Err(vm.raise_with::<StopAsyncIteration>(Vec::new()));
        }
        if !value.is_none() {
            return Err(vm.runtime_error("can't send non-None value to a just-started coroutine"));
        }
        self.stage.set(Stage::Iter);
        self.generator.state.running_async.set(true);
        let raised = match &self.args {
            Some(args) => match throw_args(vm, Args::new(args.get(..1).unwrap_or(&[]))) {
                Ok(e) => e,
                Err(e) => return self.ended(vm, e),
            },
            None => {
                self.generator.state.closed.set(true);
                generator_exit(vm)
            }
        };
        let result = throw_step(vm, &self.generator, raised, false);
        self.conclude(vm, result)
    }

    fn throw_in(&self, raised: Raised, vm: &mut Vm) -> PyResult {
        match self.stage.get() {
            Stage::Closed => return Err(vm.runtime_error("cannot reuse already awaited aclose()/athrow()")),
            Stage::Init => {
                self.begin(vm)?;
                self.stage.set(Stage::Iter);
                self.generator.state.running_async.set(true);
            }
            Stage::Iter => {}
        }
        let result = throw_step(vm, &self.generator, raised, true);
        self.conclude(vm, result)
    }
}

#[pymethods]
impl Athrow {
    #[slot(await_)]
    fn slot_await(zelf: &Py<Athrow>) -> Py<Athrow> {
        zelf.clone()
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Athrow>) -> Py<Athrow> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        as_next(self.send_value(&Value::none(), vm))
    }

    #[method(sig = "(value, /)")]
    fn send(&self, value: &Value, vm: &mut Vm) -> PyResult {
        self.send_value(value, vm)
    }

    #[method]
    fn throw(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if self.stage.get() == Stage::Closed {
            return Err(vm.runtime_error("cannot reuse already awaited aclose()/athrow()"));
        }
        let raised = throw_args(vm, args)?;
        self.throw_in(raised, vm)
    }

    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        if self.stage.get() == Stage::Closed {
            return Ok(());
        }
        let exit = generator_exit(vm);
        let result = self.throw_in(exit, vm);
        closed(vm, result)
    }

    #[slot(del)]
    fn slot_del(&self, vm: &mut Vm) -> PyResult<()> {
        let method = if self.args.is_some() { "athrow" } else { "aclose" };
        if self.stage.get() == Stage::Init { warn_unawaited(vm, &self.generator, method) } else { Ok(()) }
    }
}

/// The awaitable of `anext(iterator, default)`.
#[pyclass(name = "anext_awaitable", gc)]
pub struct AnextAwaitable {
    wrapped: Value,
    default: Value,
    iterator: GilCell<Option<Value>>,
}

/// `anext(iterator, default)`: `wrapped` is what `__anext__` gave.
pub fn new_anext_awaitable(vm: &mut Vm, wrapped: Value, default: Value) -> PyResult {
    Ok(vm.new_object(AnextAwaitable { wrapped, default, iterator: GilCell::new(None) })?.into_value())
}

impl AnextAwaitable {
    fn target(&self, vm: &mut Vm) -> PyResult {
        if let Some(iterator) = self.iterator.load(vm) {
            return Ok(iterator);
        }
        let mut awaitable = crate::eval::ops::generator::awaitable_iter(vm, &self.wrapped)?;
        if awaitable.type_ref().slots.iternext.get().is_none() {
            // A coroutine is no iterator itself.
            if let Some(slot) = awaitable.type_ref().slots.await_.get() {
                awaitable = slot(vm, &awaitable)?;
            }
        }
        drop(self.iterator.replace(vm, Some(awaitable.clone())));
        Ok(awaitable)
    }

    fn conclude(&self, vm: &mut Vm, result: PyResult) -> PyResult {
        match result {
            Err(e) if vm.is_raised::<StopAsyncIteration>(&e) => Err(stop_iteration(vm, self.default.clone())),
            other => other,
        }
    }
}

#[pymethods]
impl AnextAwaitable {
    #[slot(await_)]
    fn slot_await(zelf: &Py<AnextAwaitable>) -> Py<AnextAwaitable> {
        zelf.clone()
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<AnextAwaitable>) -> Py<AnextAwaitable> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let target = self.target(vm)?;
        let result = match target.type_ref().slots.iternext.get() {
            Some(next) => next(vm, &target),
            None => Err(vm.type_error("object is not an iterator")),
        };
        match result {
            Ok(x) => Ok(x),
            Err(e) => self.conclude(vm, Err(e)).map(Some),
        }
    }

    #[method(sig = "(value, /)")]
    fn send(&self, value: &Value, vm: &mut Vm) -> PyResult {
        let target = self.target(vm)?;
        let result = vm.call_method(&target, n!(send), std::slice::from_ref(value));
        self.conclude(vm, result)
    }

    #[method]
    fn throw(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let target = self.target(vm)?;
        let result = vm.call_method(&target, n!(throw), args.values());
        self.conclude(vm, result)
    }

    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult {
        let target = self.target(vm)?;
        let result = vm.call_method(&target, n!(close), &[]);
        self.conclude(vm, result)
    }
}

/// Whether `value` is an asynchronous generator.
pub fn is_async_generator(value: &Value) -> bool {
    value.is_exact::<AsyncGenerator>() && state_of(value).is_some()
}
