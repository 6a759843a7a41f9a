//! Raising and handling exceptions.

use super::{Done, Step, Stop};
use crate::eval::ops::exceptions;
use crate::eval::unwind;
use crate::types::exceptions::BaseException;
use crate::types::value::ValueExt;
use crate::{Py, Value, Vm};

/// RAISE_VARARGS.
pub(super) fn raise_varargs(vm: &mut Vm, s: &mut Step) -> Done {
    let cause = if s.oparg == 2 { s.pop_slot() } else { None };
    let exception = if s.oparg >= 1 { s.pop_slot() } else { None };
    let (e, again) = exceptions::raise(vm, exception, cause);
    Err(if again { Stop::Untraced(e) } else { Stop::Raised(e) })
}

/// RERAISE.
pub(super) fn reraise(vm: &mut Vm, s: &mut Step) -> Done {
    let exception = s.pop_slot();
    if s.oparg > 0 {
        let lasti = unwind::lasti_of(s.item(s.count()));
        let Some(lasti) = lasti.filter(|l| *l < s.code().len()) else { return Err(vm.system_error("lasti is not an int").into()) };
        s.stand_at(lasti);
    }
    Err(Stop::Untraced(unwind::reraise_value(vm, exception)))
}

/// PUSH_EXC_INFO.
pub(super) fn push_exc_info(vm: &mut Vm, s: &mut Step) -> Done {
    let new = s.pop_slot();
    let previous = match vm.eval.handled.last_mut() {
        Some(slot) => std::mem::replace(slot, new.clone()),
        None => None,
    };
    s.push(previous.unwrap_or_else(Value::none));
    s.push_slot(new);
    Ok(())
}

/// POP_EXCEPT.
pub(super) fn pop_except(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop_slot().filter(|v| !v.is_none());
    if let Some(slot) = vm.eval.handled.last_mut() {
        drop(std::mem::replace(slot, value));
    }
    Ok(())
}

/// CHECK_EXC_MATCH.
pub(super) fn check_exc_match(vm: &mut Vm, s: &mut Step) -> Done {
    let target = s.pop();
    let exception = s.peek(1);
    s.push(Value::from_bool(exceptions::exception_matches(vm, &exception, &target)?));
    Ok(())
}

/// CHECK_EG_MATCH.
pub(super) fn check_eg_match(vm: &mut Vm, s: &mut Step) -> Done {
    let target = s.pop();
    let exception = s.pop();
    let (rest, matched) = exceptions::group_match(vm, &exception, &target)?;
    if !matched.is_none() {
        let new = matched.downcast::<BaseException>().map(Py::to_value);
        if let Some(slot) = vm.eval.handled.last_mut() {
            drop(std::mem::replace(slot, new));
        }
    }
    s.push(rest);
    s.push(matched);
    Ok(())
}

/// WITH_EXCEPT_START.
pub(super) fn with_except_start(vm: &mut Vm, s: &mut Step) -> Done {
    let (exception, zelf, exit) = (s.peek(1), s.item(4).cloned(), s.peek(5));
    let class = exception.ty().to_value();
    let tb = match exception.downcast::<BaseException>() {
        Some(e) => unwind::traceback_of(vm, e),
        None => Value::none(),
    };
    let args: Vec<Value> = zelf.into_iter().chain([class, exception, tb]).collect();
    s.push(vm.call(&exit, &args)?);
    Ok(())
}
