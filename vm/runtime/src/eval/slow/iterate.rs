//! Iteration, delegation and awaiting.

use super::{AGAIN, Done, Step, Stop};
use crate::eval::instrument::{self, event};
use crate::eval::ops::generator;
use crate::eval::specialize::data;
use crate::eval::unwind;
use crate::types::exceptions::{StopAsyncIteration, StopIteration};
use crate::types::generator::{Coroutine, Generator, state, state_of, stop_value};
use crate::types::slots::SendResult;
use crate::types::value::ValueExt;
use crate::{Value, Vm};

/// GET_ITER.
pub(super) fn get_iter(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    let iterator = vm.iter(&value)?;
    drop(value);
    s.push(iterator);
    Ok(())
}

/// FOR_ITER.
pub(super) fn for_iter(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        data::for_iter(s.site(), s.item(1));
        return Err(AGAIN);
    }
    let next = match s.item(1) {
        Some(it) if vm.interp.monitoring.tools(event::RAISE) != 0 => {
            let it = it.clone();
            instrument::next_item(vm, s.frame, &it)
        }
        Some(it) => match it.type_ref().slots.iternext.get() {
            Some(slot) => slot(vm, it),
            None => vm.iter_next(it),
        },
        None => Ok(None),
    };
    s.skip(1);
    match next {
        Ok(Some(item)) => s.push(item),
        Ok(None) => s.skip(s.count() + 1),
        Err(e) if vm.is_raised::<StopIteration>(&e) => s.skip(s.count() + 1),
        Err(e) => return Err(e.into()),
    }
    Ok(())
}

/// GET_AWAITABLE.
pub(super) fn get_awaitable(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    s.push(generator::get_awaitable(vm, &value, s.oparg)?);
    Ok(())
}

/// GET_YIELD_FROM_ITER.
pub(super) fn get_yield_from_iter(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    let code_flags = s.code_flags();
    s.push(generator::get_yield_from_iter(vm, value, code_flags)?);
    Ok(())
}

/// GET_AITER.
pub(super) fn get_aiter(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    s.push(generator::get_aiter(vm, &value)?);
    Ok(())
}

/// GET_ANEXT.
pub(super) fn get_anext(vm: &mut Vm, s: &mut Step) -> Done {
    let iterator = s.peek(1);
    s.push(generator::get_anext(vm, &iterator)?);
    Ok(())
}

/// Whether a receiver is a coroutine or generator that can be run without leaving the loop.
fn resumable(value: &Value) -> bool {
    (value.is_exact::<Generator>() || value.is_exact::<Coroutine>())
        && state_of(value).is_some_and(|s| matches!(s.state.get(), state::SUSPENDED | state::SUSPENDED_YIELD_FROM))
}

/// SEND.
pub(super) fn send(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        data::send(s.site(), s.item(2));
        return Err(AGAIN);
    }
    let value = s.pop();
    let receiver = s.peek(1);
    if resumable(&receiver)
        && let Some(gen_state) = state_of(&receiver) {
            return Err(s.resume(vm, gen_state, value, 1 + s.oparg));
        }
    let sent = if vm.interp.monitoring.tools(event::RAISE) != 0 {
        instrument::send_item(vm, s.frame, &receiver, &value)
    } else {
        generator::send(vm, &receiver, &value)
    };
    match sent? {
        SendResult::Yield(v) => s.push(v),
        SendResult::Return(v) => {
            s.push(v);
            s.skip(s.count());
        }
    }
    s.skip(1);
    Ok(())
}

/// END_ASYNC_FOR.
pub(super) fn end_async_for(vm: &mut Vm, s: &mut Step) -> Done {
    let exception = s.pop_slot();
    let e = unwind::reraise_value(vm, exception);
    if !vm.is_raised::<StopAsyncIteration>(&e) {
        return Err(Stop::Untraced(e));
    }
    drop((e, s.pop_slot()));
    Ok(())
}

/// CLEANUP_THROW.
pub(super) fn cleanup_throw(vm: &mut Vm, s: &mut Step) -> Done {
    let exception = s.pop_slot();
    let e = unwind::reraise_value(vm, exception);
    match stop_value(vm, e) {
        Ok(value) => {
            drop((s.pop_slot(), s.pop_slot()));
            s.push(Value::none());
            s.push(value);
        }
        Err(e) => return Err(Stop::Untraced(e)),
    }
    Ok(())
}
