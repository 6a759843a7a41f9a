//! Calls, making functions, intrinsics.

use super::{AGAIN, Done, Step, attend};
use crate::eval::call::{is_simple, make_frame};
use crate::eval::dispatch::op;
use crate::eval::fast::bind_method;
use crate::eval::frame::{Frame, Slot};
use crate::eval::ops::{build, call as calls, intrinsic};
use crate::eval::specialize;
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm};

/// CALL.
pub(super) fn call(vm: &mut Vm, s: &mut Step) -> Done {
    let count = s.count();
    s.bind_method(count);
    if s.adapts() {
        specialize::call::call(vm, s.site(), s.item(count + 2), s.item(count + 1), count);
        return Err(AGAIN);
    }
    attend(vm)?;
    s.called(vm, &[])
}

/// CALL_KW.
pub(super) fn call_kw(vm: &mut Vm, s: &mut Step) -> Done {
    attend(vm)?;
    let Ok(kwnames) = s.pop().into_py::<Tuple>() else { return Err(vm.system_error("CALL_KW without names").into()) };
    s.bind_method(s.count());
    s.called(vm, kwnames.items())
}

impl Step {
    /// Replaces a bound method below the arguments by its function and object.
    fn bind_method(&mut self, count: usize) {
        // SAFETY: callable and object stand below the arguments.
        unsafe { bind_method(self.sp.sub(count + 2)) }
    }

    /// Calls what stands below the arguments, the last of which are those of the keywords.
    fn called(&mut self, vm: &mut Vm, kwnames: &[Value]) -> Done {
        let given = self.count() + usize::from(self.item(self.count() + 1).is_some());
        let Some(positional) = given.checked_sub(kwnames.len()) else { return Err(vm.system_error("CALL_KW with too many names").into()) };
        // SAFETY: callable, object and arguments are the topmost items.
        unsafe {
            let (first, base) = (self.sp.sub(given), self.sp.sub(self.count() + 2));
            let all = self.count() + 2;
            self.sp = base;
            if let Some(func) = (*base).as_ref().and_then(|c| c.downcast_exact::<Function>()) {
                let func = func.clone();
                let new = make_frame(vm, func, first, positional, kwnames);
                calls::drop_slots(base, all);
                let new = new?;
                return Err(self.enter(vm, new, 3));
            }
            let callable = (*base).take().unwrap_or_else(Value::none);
            let result = vm.call_args(&callable, Args::with_keywords(calls::values(first, given), kwnames));
            calls::drop_slots(base, all);
            drop(callable);
            self.push(result?);
        }
        self.skip(3);
        Ok(())
    }
}

/// CALL_FUNCTION_EX.
pub(super) fn call_function_ex(vm: &mut Vm, s: &mut Step) -> Done {
    attend(vm)?;
    let kwargs = s.pop_slot();
    let args = s.pop();
    drop(s.pop_slot());
    let callable = s.pop();
    let args = build::call_args_tuple(vm, &callable, args)?;
    let kwargs = match kwargs {
        None => None,
        Some(k) if k.is::<Dict>() => k.into_py::<Dict>().ok(),
        Some(k) => {
            let dict = vm.new_dict()?.into_value();
            build::dict_merge(vm, &callable, &dict, &k)?;
            dict.into_py::<Dict>().ok()
        }
    };
    if let Some(func) = callable.downcast_exact::<Function>() {
        let func = func.clone();
        let new = frame_for_ex(vm, func, &args, kwargs.as_ref())?;
        drop((args, kwargs, callable));
        return Err(s.enter(vm, new, 0));
    }
    let result = vm.call_tuple_dict(&callable, &args, kwargs.as_ref());
    drop((args, kwargs, callable));
    s.push(result?);
    Ok(())
}

/// Arguments of `func(*args, **kwargs)` for which no memory is asked for.
const FEW: usize = 16;

/// The frame for `func(*args, **kwargs)`.
fn frame_for_ex(vm: &mut Vm, func: Py<Function>, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>) -> PyResult<*mut Frame> {
    let named = kwargs.map_or(0, |d| d.len(vm));
    if named == 0 && is_simple(vm, &func, args.len(), false) {
        let code = func.code.load(vm);
        let frame = vm.new_frame(func, code, None)?;
        for (i, value) in args.items().iter().enumerate() {
            // SAFETY: the frame has at least as many variables as the code has parameters.
            unsafe { Frame::slots(frame).add(i).write(Some(value.clone())) };
        }
        return Ok(frame);
    }
    let (mut few, mut many) = ([const { None }; FEW], Vec::new());
    let values: &mut [Slot] = match few.get_mut(..args.len() + named) {
        Some(few) => few,
        None => {
            vm.reserve(&mut many, args.len() + named)?;
            many.resize_with(args.len() + named, || None);
            &mut many
        }
    };
    for (slot, value) in values.iter_mut().zip(args.items()) {
        *slot = Some(value.clone());
    }
    let Some(kwargs) = kwargs.filter(|_| named > 0) else {
        // SAFETY: there is a value for each argument, and each may be moved out.
        return unsafe { make_frame(vm, func, values.as_mut_ptr(), args.len(), &[]) };
    };
    let mut kwnames = Vec::with_capacity(named);
    for (slot, (key, value)) in values.iter_mut().skip(args.len()).zip(kwargs.iter(vm)) {
        kwnames.push(key.clone());
        *slot = Some(value.clone());
    }
    if !kwnames.iter().all(|key| key.is::<Str>()) {
        return Err(vm.type_error("keywords must be strings"));
    }
    // SAFETY: as above.
    unsafe { make_frame(vm, func, values.as_mut_ptr(), args.len(), &kwnames) }
}

/// CALL_STR_1.
pub(super) fn call_str_1(vm: &mut Vm, s: &mut Step) -> Done {
    let count = s.count();
    let is_str = s.item(count + 2).is_some_and(|c| c.is_same(Str::type_object(vm).as_value()));
    if count != 1 || !is_str || s.item(2).is_some() {
        s.missed(op::CALL);
        return call(vm, s);
    }
    let object = s.pop();
    let text = vm.str(&object)?.into_value();
    drop((s.pop_slot(), s.pop()));
    s.push(text);
    s.skip(3);
    Ok(())
}

/// MAKE_FUNCTION.
pub(super) fn make_function(vm: &mut Vm, s: &mut Step) -> Done {
    let code = s.pop();
    let Some(code) = code.downcast_exact::<CodeObject>() else { return Err(vm.system_error("MAKE_FUNCTION without code").into()) };
    let function = vm.new_function(code, &s.func().globals)?;
    s.push(function.into_value());
    Ok(())
}

/// SET_FUNCTION_ATTRIBUTE.
pub(super) fn set_function_attribute(vm: &mut Vm, s: &mut Step) -> Done {
    let (function, attribute) = (s.pop(), s.pop());
    calls::set_function_attribute(vm, &function, attribute, s.oparg)?;
    s.push(function);
    Ok(())
}

/// CALL_INTRINSIC_1.
pub(super) fn call_intrinsic_1(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    let (func, locals) = (s.func(), s.locals());
    let cx = intrinsic::Context { func: &func, locals: locals.as_ref(), code_flags: s.code_flags() };
    s.push(intrinsic::intrinsic_1(vm, s.oparg, value, &cx)?);
    Ok(())
}

/// CALL_INTRINSIC_2.
pub(super) fn call_intrinsic_2(vm: &mut Vm, s: &mut Step) -> Done {
    let b = s.pop();
    let a = s.pop();
    s.push(intrinsic::intrinsic_2(vm, s.oparg, a, b)?);
    Ok(())
}

/// INTERPRETER_EXIT, which CPython has in no code object either.
pub(super) fn interpreter_exit(vm: &mut Vm, _: &mut Step) -> Done {
    Err(vm.system_error("INTERPRETER_EXIT in a code object").into())
}
