//! Jumps, RESUME, returning and yielding.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::call::enter;
use crate::eval::dispatch::{Cx, Exit, attend, guard, handlers, interrupted, is_last, leave, op, tri};
use crate::eval::frame::{Frame, Owner, Slot};
use crate::eval::specialize::rewrite;
use crate::types::generator::{self, Coroutine, GenState, Generator, state};
use crate::types::value::ValueExt;
use krait_heap::Header;
use crate::eval::breaker;
use crate::{PyResult, Raised, Value, Vm};
use krait_bytecode::Opcode;
use std::sync::atomic::Ordering;

handlers! {
    #[cold]
    fn first_resume(c) {
        rewrite(c.ip, Opcode::RESUME, Opcode::RESUME_CHECK);
        resume(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table)
    }

    fn resume(c) {
        if c.breaks() {
            return resume_attending(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        }
        c.next()
    }

    #[cold]
    fn resume_attending(c) {
        c.save();
        if !attend(c.vm) {
            return c.raised();
        }
        // Somebody may watch this code from now on.
        if !matches!(*c.ip.sub(1) & 0xff, op::RESUME | op::RESUME_CHECK) {
            return c.again();
        }
        c.next()
    }

    fn jump_forward(c) {
        c.skip(c.count());
        c.next()
    }

    #[cold]
    fn first_jump_backward(c) {
        rewrite(c.ip, Opcode::JUMP_BACKWARD, Opcode::JUMP_BACKWARD_NO_JIT);
        jump_backward(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table)
    }

    fn jump_backward(c) {
        if c.breaks() || c.is_deep() {
            return interrupted(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        }
        c.ip = c.ip.add(1).sub(c.count());
        c.next()
    }

    fn jump_backward_no_interrupt(c) {
        // Signals wait for a better place, limits do not.
        if c.vm.interp.eval_breaker.load(Ordering::Relaxed) & breaker::LIMITS != 0 && !charged(c.vm) {
            return c.raised();
        }
        c.ip = c.ip.sub(c.count());
        c.next_bounded()
    }

    fn pop_jump_if_false(c) {
        let value = c.pop_slot();
        let jump = value.as_ref().is_some_and(Value::is_false);
        c.skip(1 + if jump { c.count() } else { 0 });
        // Code of our compiler has bools here, which are immortal.
        c.next_without(value.map_or(0, Value::into_bits) as i64, 0)
    }

    fn pop_jump_if_true(c) {
        let value = c.pop_slot();
        let jump = value.as_ref().is_some_and(Value::is_true);
        c.skip(1 + if jump { c.count() } else { 0 });
        c.discard(value);
        c.next()
    }

    fn pop_jump_if_none(c) {
        let value = c.pop_slot();
        let jump = value.as_ref().is_none_or(Value::is_none);
        c.skip(1 + if jump { c.count() } else { 0 });
        c.next_without(value.map_or(0, Value::into_bits) as i64, 0)
    }

    fn pop_jump_if_not_none(c) {
        let value = c.pop_slot();
        let jump = !value.as_ref().is_none_or(Value::is_none);
        c.skip(1 + if jump { c.count() } else { 0 });
        c.next_without(value.map_or(0, Value::into_bits) as i64, 0)
    }

    fn return_value(c) {
        let frame = c.frame;
        if !Frame::is_plain(frame) {
            return return_special(c.vm, c.frame, c.ip, c.sp, c.oparg, c.table);
        }
        let value = c.pop_word();
        let (end, first) = (c.sp.cast::<i64>(), Frame::slots(frame).cast::<i64>());
        let mut at = first;
        while at < end {
            if is_last(at.read()) {
                // Counted again, it is for the other one to end.
                (*(at.read() as *const Header)).take_back();
                return return_ending(c.vm, c.frame, at.cast(), c.sp, c.oparg, c.table);
            }
            at = at.add(1);
        }
        let (func, code) = ((&raw const (*frame).func).cast::<i64>().read(), (&raw const (*frame).code).cast::<i64>().read());
        let below = (*frame).previous;
        c.vm.eval.depth -= 1;
        c.vm.eval.frame = below;
        c.switch(below);
        c.push_word(value);
        c.skip((*below).return_offset as usize);
        if !c.vm.eval.stack.pop_quick(frame) {
            return return_shrinking(c.vm, frame, c.ip, c.sp, c.oparg, c.table);
        }
        c.next_without(func, code)
    }

    /// Goes on with `return_value` where a variable, at `ip`, holds the last reference to its value. The result is on top of the stack.
    #[inline(never)]
    fn return_ending(c) {
        let (frame, at, end) = (c.frame, c.ip.cast_mut().cast::<Slot>(), c.sp);
        let value = end.cast::<i64>().read();
        c.vm.eval.depth -= 1;
        // From here on the frame below runs.
        let below = (*frame).previous;
        c.vm.eval.frame = below;
        c.switch(below);
        c.push_word(value);
        c.drop_locals(frame, at, end);
        c.vm.eval.stack.pop(frame);
        c.skip((*below).return_offset as usize);
        c.next()
    }

    /// The same for a frame that is the first of its chunk of the data stack: all else is done.
    #[cold]
    #[inline(never)]
    fn return_shrinking(c) {
        let frame = c.frame;
        let (func, code) = ((&raw const (*frame).func).cast::<i64>().read(), (&raw const (*frame).code).cast::<i64>().read());
        c.frame = c.vm.eval.frame;
        c.vm.eval.stack.pop(frame);
        c.next_without(func, code)
    }

    /// Of an entry frame, a generator, an `__init__` that constructs an object, a frame that others may look at.
    #[inline(never)]
    fn return_special(c) {
        let frame = c.frame;
        let value = c.pop();
        // A frame object that outlives the frame tells this line.
        c.save();
        let (is_entry, is_init, below) = ((*frame).is_entry, (*frame).is_init, (*frame).previous);
        leave(c.vm, frame);
        if is_entry {
            c.vm.eval.result = Some(value);
            return Exit::Done;
        }
        c.switch(below);
        if !is_init {
            c.push(value);
        } else if !value.is_none() {
            let e = init_returned(c.vm, value);
            return c.raise(e);
        } else {
            // `None` is immortal; a value that is dropped keeps the call below from becoming a jump.
            std::mem::forget(value);
        }
        c.skip((*below).return_offset as usize);
        c.next_awake()
    }

    fn return_generator(c) {
        c.save();
        let frame = c.frame;
        let made = tri!(c, make_generator(c.vm, frame));
        let (is_entry, below) = ((*frame).is_entry, (*frame).previous);
        c.vm.eval.stack.pop(frame);
        c.vm.eval.frame = below;
        c.vm.eval.depth -= 1;
        if is_entry {
            c.vm.eval.result = Some(made);
            return Exit::Done;
        }
        c.switch(below);
        c.push(made);
        c.skip((*below).return_offset as usize);
        c.next_awake()
    }

    fn yield_value(c) {
        let frame = c.frame;
        if (*frame).owner != Owner::Generator {
            let e = c.vm.system_error("YIELD_VALUE outside of a generator");
            return c.raise(e);
        }
        let value = c.pop();
        c.save();
        let (is_entry, below) = ((*frame).is_entry, (*frame).previous);
        generator::suspend_frame(c.vm, frame, c.oparg);
        c.vm.eval.depth -= 1;
        if is_entry {
            c.vm.eval.result = Some(value);
            return Exit::Done;
        }
        c.switch(below);
        c.push(value);
        // Behind SEND or FOR_ITER and its counter.
        c.skip(1);
        c.next()
    }

    fn for_iter_gen(c) {
        guard!(c, Some(it) = c.item(1).and_then(|i| i.downcast_exact::<Generator>()));
        guard!(c, it.state.state.get() < state::EXECUTING);
        c.resume_generator(&it.state, Some(Value::none()))
    }

    fn send_gen(c) {
        guard!(c, Some(receiver) = c.item(2));
        let gen_state = match receiver.downcast_exact::<Coroutine>() {
            Some(coroutine) => &coroutine.state,
            None => {
                guard!(c, Some(generator) = receiver.downcast_exact::<Generator>());
                &generator.state
            }
        };
        let sendable = gen_state.state.get() != state::CREATED || c.item(1).is_some_and(Value::is_none);
        guard!(c, gen_state.state.get() < state::EXECUTING && sendable);
        let value = c.pop_slot();
        c.resume_generator(gen_state, value)
    }
}

impl Cx<'_> {
    /// Drops what a plain frame owns, from the variable `at` on. The registers are those of the frame below.
    #[inline(always)]
    unsafe fn drop_locals(&mut self, frame: *mut Frame, at: *mut Slot, end: *mut Slot) {
        // SAFETY: the frame has returned; each part is dropped once.
        unsafe {
            let mut at = at;
            while at < end {
                let value = at.read();
                self.discard(value);
                at = at.add(1);
            }
            let (func, code) = ((&raw const (*frame).func).read(), (&raw const (*frame).code).read());
            self.discard(Some(func.into_value()));
            self.discard(Some(code.into_value()));
        }
    }

    /// Goes on in a suspended generator.
    #[inline(always)]
    unsafe fn resume_generator(mut self, gen_state: &GenState, value: Slot) -> Exit {
        // SAFETY: the generator is suspended, and the stack keeps it alive.
        unsafe {
            self.save();
            (*self.frame).return_offset = 1 + self.oparg;
            if let Err(e) = enter(self.vm) {
                return self.raise(e);
            }
            let new = generator::resume_frame(self.vm, gen_state, value.unwrap_or_else(Value::none));
            (*new).is_entry = false;
            self.vm.eval.frame = new;
            self.switch(new);
            self.next_bounded()
        }
    }
}

/// Counts a step against the limits; false if something was raised.
#[cold]
#[inline(never)]
fn charged(vm: &mut Vm) -> bool {
    match vm.charge() {
        Ok(()) => true,
        Err(e) => {
            vm.eval.set_raised(e);
            false
        }
    }
}

#[cold]
#[inline(never)]
fn init_returned(vm: &mut Vm, value: Value) -> Raised {
    let got = value.type_name();
    vm.type_error(format!("__init__() should return None, not '{got}'"))
}

/// RETURN_GENERATOR: the generator that takes the running frame over.
#[inline(never)]
unsafe fn make_generator(vm: &mut Vm, frame: *mut Frame) -> PyResult {
    // SAFETY: the frame runs, its registers are exact.
    unsafe {
        if (*frame).owner != Owner::Thread || (*frame).is_init {
            return Err(vm.system_error("RETURN_GENERATOR in a generator"));
        }
        generator::from_frame(vm, frame)
    }
}
