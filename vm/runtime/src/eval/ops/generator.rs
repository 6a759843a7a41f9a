//! Awaiting, delegating, asynchronous iteration.

use crate::types::asyncgen::AsyncGenerator;
use crate::types::exceptions::StopIteration;
use crate::types::generator::{Coroutine, Generator, state_of, stop_value};
use crate::types::slots::SendResult;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm};
use krait_bytecode::code::co;

fn is_coroutine_like(value: &Value) -> bool {
    value.is_exact::<Coroutine>() || (value.is_exact::<Generator>() && state_of(value).is_some_and(|s| s.code.has(co::ITERABLE_COROUTINE)))
}

/// What `await value` iterates over.
pub fn awaitable_iter(vm: &mut Vm, value: &Value) -> PyResult {
    if is_coroutine_like(value) {
        return Ok(value.clone());
    }
    let Some(slot) = value.type_ref().slots.await_.get() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("'{got}' object can't be awaited")));
    };
    let result = slot(vm, value)?;
    if is_coroutine_like(&result) {
        return Err(vm.type_error("__await__() returned a coroutine"));
    }
    if result.type_ref().slots.iternext.get().is_none() {
        let got = result.type_name();
        return Err(vm.type_error(format!("__await__() returned non-iterator of type '{got}'")));
    }
    Ok(result)
}

/// GET_AWAITABLE; the operand says whether the value comes from `__aenter__` (1) or `__aexit__` (2).
pub fn get_awaitable(vm: &mut Vm, value: &Value, oparg: u32) -> PyResult {
    let result = match awaitable_iter(vm, value) {
        Ok(r) => r,
        Err(e) => {
            let method = match oparg {
                1 => "__aenter__",
                2 => "__aexit__",
                _ => return Err(e),
            };
            if value.type_ref().slots.await_.get().is_some() {
                return Err(e);
            }
            let got = value.type_name();
            return Err(vm.type_error(format!("'async with' received an object from {method} that does not implement __await__: {got}")));
        }
    };
    if result.is_exact::<Coroutine>() && state_of(&result).is_some_and(|s| s.yield_from().is_some()) {
        return Err(vm.runtime_error("coroutine is being awaited already"));
    }
    Ok(result)
}

/// GET_YIELD_FROM_ITER.
pub fn get_yield_from_iter(vm: &mut Vm, value: Value, code_flags: u32) -> PyResult {
    if value.is_exact::<Coroutine>() {
        if code_flags & (co::COROUTINE | co::ITERABLE_COROUTINE) == 0 {
            return Err(vm.type_error("cannot 'yield from' a coroutine object in a non-coroutine generator"));
        }
        return Ok(value);
    }
    if value.is_exact::<Generator>() { Ok(value) } else { vm.iter(&value) }
}

/// GET_AITER.
pub fn get_aiter(vm: &mut Vm, value: &Value) -> PyResult {
    let Some(slot) = value.type_ref().slots.aiter.get() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("'async for' requires an object with __aiter__ method, got {got}")));
    };
    let iterator = slot(vm, value)?;
    if iterator.type_ref().slots.anext.get().is_none() {
        let got = iterator.type_name();
        return Err(vm.type_error(format!("'async for' received an object from __aiter__ that does not implement __anext__: {got}")));
    }
    Ok(iterator)
}

/// GET_ANEXT.
pub fn get_anext(vm: &mut Vm, iterator: &Value) -> PyResult {
    let Some(slot) = iterator.type_ref().slots.anext.get() else {
        let got = iterator.type_name();
        return Err(vm.type_error(format!("'async for' requires an iterator with __anext__ method, got {got}")));
    };
    let next = slot(vm, iterator)?;
    if iterator.is_exact::<AsyncGenerator>() {
        return Ok(next);
    }
    match awaitable_iter(vm, &next) {
        Ok(a) => Ok(a),
        Err(cause) => {
            let got = next.type_name();
            let raised = vm.type_error(format!("'async for' received an invalid object from __anext__: {got}"));
            let exception = raised.exception();
            let cause = cause.into_exception();
            drop(exception.cause.replace(vm, Some(cause.to_value())));
            drop(exception.context.replace(vm, Some(cause.into_value())));
            exception.suppress_context.set(true);
            Err(raised)
        }
    }
}

/// SEND: what the receiver yields or returns.
pub fn send(vm: &mut Vm, receiver: &Value, value: &Value) -> PyResult<SendResult> {
    let slots = &receiver.type_ref().slots;
    if let Some(slot) = slots.send.get() {
        return slot(vm, receiver, value);
    }
    let result = match (value.is_none(), slots.iternext.get()) {
        // The slot of a class with a Python `__next__` loses the value of StopIteration.
        (true, Some(_)) if crate::types::typeobject::slotdefs::has_generic_next(receiver.ty()) => {
            vm.call_method(receiver, n!(__next__), &[]).map(Some)
        }
        (true, Some(next)) => next(vm, receiver),
        _ => vm.call_method(receiver, n!(send), std::slice::from_ref(value)).map(Some),
    };
    match result {
        Ok(Some(yielded)) => Ok(SendResult::Yield(yielded)),
        Ok(None) => Ok(SendResult::Return(Value::none())),
        Err(e) if vm.is_raised::<StopIteration>(&e) => stop_value(vm, e).map(SendResult::Return),
        Err(e) => Err(e),
    }
}
