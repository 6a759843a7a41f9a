//! What handlers of exceptions begin and end with.
#![allow(unsafe_code, reason = "the value stack is raw memory")]

use crate::Value;
use crate::eval::dispatch::{handlers, op};
use crate::eval::frame::Slot;
use crate::types::class::flags;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;

handlers! {
    fn push_exc_info(c) {
        let Some(handled) = c.vm.eval.handled.last_mut() else { return c.general(op::PUSH_EXC_INFO) };
        let (handled, new) = (std::ptr::from_mut(handled), (*c.at(1)).clone());
        let previous = handled.read();
        handled.write(new);
        let exception = c.pop_word();
        c.push(previous.unwrap_or_else(Value::none));
        c.push_word(exception);
        c.next()
    }

    fn pop_except(c) {
        let Some(handled) = c.vm.eval.handled.last_mut() else { return c.general(op::POP_EXCEPT) };
        let handled: *mut Slot = handled;
        let previous = if c.item(1).is_some_and(Value::is_none) { 0 } else { c.word(1) };
        c.sp = c.sp.sub(1);
        let handled = handled.cast::<i64>();
        let old = handled.read();
        handled.write(previous);
        c.next_without(old, 0)
    }

    /// A single class.
    fn check_exc_match(c) {
        let (Some(exception), Some(class)) = (c.item(2), c.item(1).and_then(|k| k.downcast::<PyType>())) else { return c.general(op::CHECK_EXC_MATCH) };
        if !class.has_flag(flags::BASE_EXC_SUBCLASS) {
            return c.general(op::CHECK_EXC_MATCH);
        }
        let matches = exception.type_ref().is_subtype(c.vm, class);
        let class = c.pop_word();
        c.push(Value::from_bool(matches));
        c.next_without(class, 0)
    }
}
