//! Specialised calls.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::call::{exact_frame, fill_exact, make_frame};
use crate::eval::dispatch::{Cx, Exit, guard, handlers, op, tri};
use crate::eval::frame::{Frame, Slot};
use crate::eval::ops::call as calls;
use crate::eval::specialize::{self, read_u32};
use crate::PyClass;
use crate::types::list::List;
use crate::types::method::Method;
use crate::types::native::{BuiltinFunction, MethodDescr};
use crate::types::pyfunction::Function;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm};

handlers! {
    fn py_exact_args(c) {
        let base = c.at(c.count() + 2);
        let Some(func) = (*base).as_ref().and_then(|f| f.downcast_exact::<Function>()) else {
            return bound_exact_args(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        };
        guard!(c, func.version.get() == read_u32(c.ip, 1));
        c.enter_exact(base)
    }

    /// The same for a bound method, which is replaced by its function and object.
    #[inline(never)]
    fn bound_exact_args(c) {
        let base = c.at(c.count() + 2);
        guard!(c, Some(method) = (*base).as_ref().and_then(|m| m.downcast_exact::<Method>()));
        guard!(c, Some(func) = method.func.downcast_exact::<Function>());
        guard!(c, func.version.get() == read_u32(c.ip, 1) && (*base.add(1)).is_none());
        let (func, zelf) = (method.func.clone(), method.zelf.clone());
        let method = base.read();
        base.write(Some(func));
        base.add(1).write(Some(zelf));
        c.discard(method);
        c.enter_exact(base)
    }

    /// A Python function whose parameters do not simply stand for the arguments.
    fn py_general(c) {
        let base = c.at(c.count() + 2);
        bind_method(base);
        guard!(c, Some(func) = (*base).as_ref().and_then(|f| f.downcast_exact::<Function>()));
        guard!(c, func.version.get() == read_u32(c.ip, 1));
        c.save();
        let new = tri!(c, general_frame(c.vm, base, c.sp));
        c.sp = base;
        (*c.frame).sp = base;
        (*c.frame).return_offset = 3;
        c.enter_frame(new)
    }

    fn alloc_and_enter_init(c) {
        let count = c.count();
        let base = c.at(count + 2);
        guard!(c, Some(class) = (*base).as_ref().and_then(|k| k.downcast_exact::<PyType>()));
        guard!(c, class.version.get() == read_u32(c.ip, 1) && (*base.add(1)).is_none());
        let init: Py<Function> = Py::from_value_unchecked(borrowed(class.init_cache.get()));
        if init.func_argcount(c.vm) != count + 1 || init.version.get() == 0 {
            c.discard(Some(init.into_value()));
            return c.miss();
        }
        let object = tri!(c, specialize::call::alloc(c.vm, class));
        base.add(1).write(Some(object.clone()));
        let new = tri!(c, exact_frame(c.vm, init, base.add(1), count + 1));
        (*new).is_init = true;
        // The object stays on this frame's stack until `__init__` has returned.
        let class = base.read();
        base.write(Some(object));
        c.sp = base.add(1);
        c.discard(class);
        (*c.frame).return_offset = 3;
        c.save();
        c.enter_frame(new)
    }

    fn builtin(c) {
        let count = c.count();
        let base = c.at(count + 2);
        guard!(c, Some(function) = (*base).as_ref().and_then(|f| f.downcast_exact::<BuiltinFunction>()));
        let has_self = usize::from((*base.add(1)).is_some());
        let given = count + has_self;
        let spec = function.def.spec;
        guard!(c, spec.raw || (given >= spec.required && given <= spec.positional));
        (*c.frame).ip = c.ip;
        let result = tri!(c, native(c.vm, function.def.func, &function.zelf, base.add(2 - has_self), given));
        c.called(base, result)
    }

    fn method_descriptor(c) {
        let count = c.count();
        let base = c.at(count + 2);
        guard!(c, Some(method) = (*base).as_ref().and_then(|m| m.downcast_exact::<MethodDescr>()));
        guard!(c, Some(zelf) = (*base.add(1)).as_ref());
        let spec = method.def.spec;
        guard!(c, zelf.ty().is(&method.owner) && (spec.raw || (count >= spec.required && count <= spec.positional)));
        (*c.frame).ip = c.ip;
        let result = tri!(c, native(c.vm, method.def.func, zelf, base.add(2), count));
        c.called(base, result)
    }

    fn call_kw(c) {
        let base = c.at(c.count() + 3);
        let named = c.item(1).and_then(|n| n.downcast_exact::<Tuple>()).is_some_and(|n| n.len() <= c.count());
        if c.breaks() || !named || (*base).is_none() {
            return c.general(op::CALL_KW);
        }
        bind_method(base);
        c.save();
        if !(*base).as_ref().is_some_and(|f| f.is_exact::<Function>()) {
            let result = tri!(c, keyword_call(c.vm, base, c.sp));
            return c.called(base, result);
        }
        let new = tri!(c, keyword_frame(c.vm, base, c.sp));
        c.sp = base;
        (*c.frame).sp = base;
        (*c.frame).return_offset = 3;
        c.enter_frame(new)
    }

    /// A callable that is no Python function.
    fn non_py_general(c) {
        let base = c.at(c.count() + 2);
        guard!(c, Some(callable) = (*base).as_ref());
        guard!(c, !callable.is_exact::<Function>() && !callable.is_exact::<Method>());
        let has_self = usize::from((*base.add(1)).is_some());
        let given = c.count() + has_self;
        c.save();
        let result = tri!(c, generic(c.vm, callable, base.add(2 - has_self), given));
        c.called(base, result)
    }

    fn len(c) {
        let base = c.at(c.count() + 2);
        let known = builtin_def(base) == c.vm.interp.len_def.get();
        guard!(c, known && c.oparg == 1 && (*base.add(1)).is_none());
        guard!(c, Some(object) = c.item(1));
        (*c.frame).ip = c.ip;
        let len = tri!(c, c.vm.len(object));
        let value = tri!(c, c.vm.new_int(len));
        c.called(base, value)
    }

    fn isinstance(c) {
        let base = c.at(c.count() + 2);
        let known = builtin_def(base) == c.vm.interp.isinstance_def.get();
        guard!(c, known && c.oparg == 2 && (*base.add(1)).is_none());
        guard!(c, (Some(object), Some(class)) = (c.item(2), c.item(1)));
        (*c.frame).ip = c.ip;
        // The exact type is an instance, whatever its metaclass says.
        let is = object.ty().as_value().is_same(class) || {
            let found = instance_of(c.vm, object, class);
            if found < 0 {
                return c.raised();
            }
            found != 0
        };
        c.called(base, Value::from_bool(is))
    }

    fn type_1(c) {
        let base = c.at(c.count() + 2);
        let known = (*base).as_ref().is_some_and(|k| k.is_same(PyType::type_object(c.vm).as_value()));
        guard!(c, known && c.oparg == 1 && (*base.add(1)).is_none());
        guard!(c, Some(object) = c.item(1));
        let class = object.ty().to_value();
        c.called(base, class)
    }

    fn list_append(c) {
        let base = c.at(c.count() + 2);
        guard!(c, Some(list) = (*base.add(1)).as_ref().and_then(|l| l.downcast_exact::<List>()));
        let known = (*base).as_ref().and_then(|m| m.downcast_exact::<MethodDescr>()).is_some_and(|d| std::ptr::from_ref(d.def) as usize == c.vm.interp.append_def.get());
        guard!(c, known && c.oparg == 1 && list.has_room(c.vm));
        let item = c.pop();
        list.items_mut(c.vm).push(item);
        let (zelf, method) = (c.pop_slot(), c.pop_slot());
        c.discard(method);
        c.discard(zelf);
        // The result is mostly dropped at once.
        if *c.ip.add(3) & 0xff == op::POP_TOP {
            c.skip(4);
        } else {
            c.push(Value::none());
            c.skip(3);
        }
        c.next()
    }
}

impl Cx<'_> {
    /// Enters a function whose arguments, from `base` on behind the function, fit its parameters one by one, if they do.
    #[inline(always)]
    unsafe fn enter_exact(mut self, base: *mut Slot) -> Exit {
        // SAFETY: `base` holds a function, the arguments stand behind it.
        unsafe {
            let func: &Py<Function> = Py::ref_from_value_unchecked(&*base.cast::<Value>());
            let has_self = usize::from((*base.add(1)).is_some());
            let given = self.count() + has_self;
            let code = func.code.get(self.vm);
            if code.argcount as usize != given {
                return self.miss();
            }
            if self.vm.eval.depth >= self.vm.interp.recursion_limit.get() {
                // The general way says so.
                return self.general(op::CALL);
            }
            let Some(new) = self.vm.eval.stack.push_quick(Frame::size_of(code)) else { return self.general(op::CALL) };
            let func: Py<Function> = Py::from_value_unchecked(base.cast::<Value>().read());
            fill_exact(self.vm, new, func, base.add(2 - has_self), given);
            self.vm.eval.depth += 1;
            let frame = self.frame;
            (*frame).ip = self.ip;
            (*frame).sp = base;
            (*frame).return_offset = 3;
            (*new).previous = frame;
            self.vm.eval.frame = new;
            self.switch(new);
            // Mostly RESUME comes first, and there is nothing to do in it but once.
            if *self.ip & 0xff == op::RESUME_CHECK && !self.breaks() {
                self.skip(1);
            }
            self.next_bounded()
        }
    }

    /// Puts a call's result in place of the callable and its arguments.
    #[inline(always)]
    unsafe fn called(mut self, base: *mut Slot, result: Value) -> Exit {
        // SAFETY: the items from `base` on are the call's.
        unsafe {
            while self.sp > base {
                let value = self.pop_slot();
                self.discard(value);
            }
            self.push(result);
            self.skip(3);
            self.next_awake()
        }
    }
}

/// The frame for a call of the function in the slot `base` with what stands behind it up to `sp`; all of it is taken off the stack if that
/// works.
#[inline(never)]
unsafe fn general_frame(vm: &mut Vm, base: *mut Slot, sp: *mut Slot) -> PyResult<*mut Frame> {
    // SAFETY: the slots are the call's.
    unsafe {
        let func: Py<Function> = Py::from_value_unchecked((*base).take().unwrap_or_else(Value::none));
        let first = base.add(if (*base.add(1)).is_some() { 1 } else { 2 });
        let new = make_frame(vm, func, first, sp.offset_from(first) as usize, &[])?;
        // What has been bound is gone from the slots.
        calls::drop_slots(base, sp.offset_from(base) as usize);
        Ok(new)
    }
}

/// The same for a call with keywords, whose names are the topmost item.
#[inline(never)]
unsafe fn keyword_frame(vm: &mut Vm, base: *mut Slot, sp: *mut Slot) -> PyResult<*mut Frame> {
    // SAFETY: the slots are the call's; there are at least as many arguments as names.
    unsafe {
        let names = sp.sub(1).read().unwrap_or_else(Value::none);
        sp.sub(1).write(None);
        let kwnames = names.downcast_exact::<Tuple>().map_or(&[][..], |n| n.items());
        let func: Py<Function> = Py::from_value_unchecked((*base).take().unwrap_or_else(Value::none));
        let first = base.add(if (*base.add(1)).is_some() { 1 } else { 2 });
        let given = sp.sub(1).offset_from(first) as usize;
        let new = make_frame(vm, func, first, given - kwnames.len(), kwnames)?;
        calls::drop_slots(base, sp.offset_from(base) as usize);
        Ok(new)
    }
}

/// Calls whatever it is likewise; all stays on the stack.
#[inline(never)]
unsafe fn keyword_call(vm: &mut Vm, base: *mut Slot, sp: *mut Slot) -> PyResult {
    // SAFETY: as above.
    unsafe {
        let (Some(callable), Some(names)) = (&*base, &*sp.sub(1)) else { return Err(vm.system_error("CALL_KW without names")) };
        let kwnames = names.downcast_exact::<Tuple>().map_or(&[][..], |n| n.items());
        let first = base.add(if (*base.add(1)).is_some() { 1 } else { 2 });
        let given = sp.sub(1).offset_from(first) as usize;
        vm.call_args(callable, Args::with_keywords(calls::values(first, given), kwnames))
    }
}

/// Calls a native function with arguments that stand on the stack.
#[inline(never)]
unsafe fn native(vm: &mut Vm, function: crate::args::NativeFn, zelf: &Value, first: *mut Slot, count: usize) -> PyResult {
    vm.check_stack(" while calling a Python object")?;
    // SAFETY: the caller keeps the arguments on the stack.
    unsafe { function(vm, zelf, Args::new(calls::values(first, count))) }
}

/// `isinstance(object, class)`; -1 if something was raised.
#[inline(never)]
fn instance_of(vm: &mut Vm, object: &Value, class: &Value) -> i32 {
    match vm.isinstance(object, class) {
        Ok(found) => i32::from(found),
        Err(e) => {
            vm.eval.set_raised(e);
            -1
        }
    }
}

/// Calls whatever it is with arguments that stand on the stack.
#[inline(never)]
unsafe fn generic(vm: &mut Vm, callable: &Value, first: *mut Slot, count: usize) -> PyResult {
    // SAFETY: the caller keeps the arguments on the stack.
    unsafe { vm.call_args(callable, Args::new(calls::values(first, count))) }
}

/// Address of the definition of the native function in a slot; 0 if it holds something else.
#[inline(always)]
unsafe fn builtin_def(base: *mut Slot) -> usize {
    // SAFETY: a slot of the stack.
    unsafe { (*base).as_ref().and_then(|f| f.downcast_exact::<BuiltinFunction>()).map_or(1, |f| std::ptr::from_ref(f.def) as usize) }
}

/// Replaces a bound method that is to be called by its function and object.
///
/// # Safety
/// `base` points at the callable's slot, with the one for the object behind it.
#[inline(always)]
pub(in crate::eval) unsafe fn bind_method(base: *mut Slot) {
    // SAFETY: the caller's promise.
    unsafe {
        if (*base.add(1)).is_some() {
            return;
        }
        let parts = (*base).as_ref().and_then(|c| c.downcast_exact::<Method>()).map(|m| (m.func.clone(), m.zelf.clone()));
        if let Some((func, zelf)) = parts {
            *base.add(1) = Some(zelf);
            *base = Some(func);
        }
    }
}

/// A new reference to the value whose word a cache holds.
///
/// # Safety
/// The word is of a value that is alive, for which the guards vouch.
#[inline(always)]
pub(in crate::eval) unsafe fn borrowed(bits: u64) -> Value {
    // SAFETY: the caller's promise; the cache's own word stays uncounted.
    unsafe { (*std::ptr::from_ref(&bits).cast::<Value>()).clone() }
}
