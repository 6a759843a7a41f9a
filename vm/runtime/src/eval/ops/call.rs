//! Operands of calls on the stack; making functions.
#![allow(unsafe_code, reason = "looks at arguments where they stand on the stack")]

use crate::eval::frame::Slot;
use crate::types::dict::Dict;
use crate::types::pyfunction::Function;
use crate::types::tuple::Tuple;
use crate::{PyResult, Value, Vm};
use krait_bytecode::opcode::make_function;

/// Slots that all hold values as values; slots that hold nothing, which malformed code can bring about, get `None` first.
///
/// # Safety
/// The `count` slots from `first` are initialised, and are neither changed nor given back while the slice is used.
#[inline(always)]
pub unsafe fn values<'a>(first: *mut Slot, count: usize) -> &'a [Value] {
    // SAFETY: an optional value that is there is laid out as the value.
    unsafe {
        for i in 0..count {
            let slot = &mut *first.add(i);
            if slot.is_none() {
                *slot = Some(Value::none());
            }
        }
        std::slice::from_raw_parts(first.cast::<Value>(), count)
    }
}

/// Moves `count` values out of slots.
///
/// # Safety
/// The slots hold values and belong to the caller.
#[inline(always)]
pub unsafe fn take(first: *mut Slot, count: usize) -> Vec<Value> {
    // SAFETY: the caller's promise.
    unsafe { drain(first, count).collect() }
}

/// The same one by one; slots that hold nothing, which malformed code can bring about, give `None`.
///
/// # Safety
/// The slots are initialised, belong to the caller and stay as they are while the iterator lives.
#[inline(always)]
pub unsafe fn drain(first: *mut Slot, count: usize) -> impl ExactSizeIterator<Item = Value> {
    // SAFETY: the caller's promise.
    (0..count).map(move |i| unsafe { (*first.add(i)).take() }.unwrap_or_else(Value::none))
}

/// Drops `count` slots' contents.
///
/// # Safety
/// The slots belong to the caller.
#[inline(always)]
pub unsafe fn drop_slots(first: *mut Slot, count: usize) {
    // SAFETY: the caller's promise.
    unsafe {
        for i in 0..count {
            std::ptr::drop_in_place(first.add(i));
        }
    }
}

/// SET_FUNCTION_ATTRIBUTE.
pub fn set_function_attribute(vm: &mut Vm, function: &Value, attribute: Value, oparg: u32) -> PyResult<()> {
    let Some(f) = function.downcast_exact::<Function>() else { return Err(vm.system_error("SET_FUNCTION_ATTRIBUTE of no function")) };
    match oparg {
        make_function::DEFAULTS => drop(f.defaults.replace(vm, attribute.into_py::<Tuple>().ok())),
        make_function::KWDEFAULTS => drop(f.kwdefaults.replace(vm, attribute.into_py::<Dict>().ok())),
        make_function::ANNOTATIONS => drop(f.annotations.replace(vm, Some(attribute))),
        make_function::CLOSURE => drop(f.closure.replace(vm, attribute.into_py::<Tuple>().ok())),
        make_function::ANNOTATE => {
            if let Some(annotate) = attribute.downcast_exact::<Function>() {
                let name = format!("{}.__annotate__", f.qualname.get(vm).to_string_lossy());
                let name = vm.new_str(&name)?;
                drop(annotate.qualname.replace(vm, name));
            }
            drop(f.annotate.replace(vm, Some(attribute)));
        }
        _ => return Err(vm.system_error("bad operand of SET_FUNCTION_ATTRIBUTE")),
    }
    Ok(())
}
