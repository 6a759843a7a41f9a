//! Operators, comparisons, truth values, items and slices.

use super::{AGAIN, Done, Step};
use crate::eval::dispatch::op;
use crate::eval::ops::build;
use crate::eval::specialize::{arith, data};
use crate::types::slots::CompareOp;
use crate::{PyResult, Value, Vm};
use krait_bytecode::opcode::BinaryOp;

/// BINARY_OP.
pub(super) fn binary_op(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        arith::binary_op(vm, s.site(), s.item(2), s.item(1), s.oparg);
        return Err(AGAIN);
    }
    let b = s.pop();
    let a = s.pop();
    let result = match BinaryOp::from_oparg(s.oparg) {
        Some(which) => vm.binary_op(which, &a, &b),
        None => Err(vm.system_error("bad operand of BINARY_OP")),
    };
    drop((a, b));
    s.push(result?);
    s.skip(5);
    Ok(())
}

/// UNARY_NEGATIVE.
pub(super) fn unary_negative(vm: &mut Vm, s: &mut Step) -> Done {
    let a = s.pop();
    s.push(vm.negative(&a)?);
    Ok(())
}

/// UNARY_INVERT.
pub(super) fn unary_invert(vm: &mut Vm, s: &mut Step) -> Done {
    let a = s.pop();
    s.push(vm.invert(&a)?);
    Ok(())
}

/// TO_BOOL.
pub(super) fn to_bool(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        arith::to_bool(vm, s.site(), s.item(1));
        return Err(AGAIN);
    }
    let a = s.pop();
    let truth = vm.is_true(&a)?;
    drop(a);
    s.push(Value::from_bool(truth));
    s.skip(3);
    Ok(())
}

/// COMPARE_OP.
pub(super) fn compare_op(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        arith::compare_op(s.site(), s.item(2), s.item(1), s.oparg);
        return Err(AGAIN);
    }
    let b = s.pop();
    let a = s.pop();
    let result = compare(vm, &a, &b, s.oparg);
    drop((a, b));
    s.push(result?);
    s.skip(1);
    Ok(())
}

/// CONTAINS_OP.
pub(super) fn contains_op(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        data::contains_op(s.site(), s.item(1));
        return Err(AGAIN);
    }
    let container = s.pop();
    let item = s.pop();
    let found = vm.contains(&container, &item)?;
    drop((container, item));
    s.push(Value::from_bool(found != (s.oparg & 1 != 0)));
    s.skip(1);
    Ok(())
}

/// BINARY_SLICE.
pub(super) fn binary_slice(vm: &mut Vm, s: &mut Step) -> Done {
    let stop = s.pop();
    let start = s.pop();
    let container = s.pop();
    s.push(build::binary_slice(vm, &container, &start, &stop)?);
    Ok(())
}

/// STORE_SLICE.
pub(super) fn store_slice(vm: &mut Vm, s: &mut Step) -> Done {
    let stop = s.pop();
    let start = s.pop();
    let container = s.pop();
    let value = s.pop();
    build::store_slice(vm, &container, &start, &stop, &value)?;
    drop((container, value));
    Ok(())
}

/// STORE_SUBSCR.
pub(super) fn store_subscr(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        data::store_subscr(s.site(), s.item(2), s.item(1));
        return Err(AGAIN);
    }
    let key = s.pop();
    let container = s.pop();
    let value = s.pop();
    vm.setitem(&container, &key, &value)?;
    drop((key, container, value));
    s.skip(1);
    Ok(())
}

/// DELETE_SUBSCR.
pub(super) fn delete_subscr(vm: &mut Vm, s: &mut Step) -> Done {
    let key = s.pop();
    let container = s.pop();
    vm.delitem(&container, &key)?;
    drop((key, container));
    Ok(())
}

/// GET_LEN.
pub(super) fn get_len(vm: &mut Vm, s: &mut Step) -> Done {
    let object = s.peek(1);
    let len = vm.len(&object)?;
    s.push(vm.new_int(len)?);
    Ok(())
}

/// BINARY_OP_SUBSCR_STR_INT.
pub(super) fn binary_op_subscr_str_int(vm: &mut Vm, s: &mut Step) -> Done {
    let found = match (s.item(2), s.item(1)) {
        (Some(text), Some(index)) => arith::char_at(vm, text, index)?,
        _ => None,
    };
    let Some(found) = found else {
        s.missed(op::BINARY_OP);
        return binary_op(vm, s);
    };
    drop((s.pop(), s.pop()));
    s.push(found);
    s.skip(5);
    Ok(())
}

/// What COMPARE_OP gives.
#[inline]
pub(in crate::eval) fn compare(vm: &mut Vm, a: &Value, b: &Value, oparg: u32) -> PyResult {
    let which = match oparg >> 5 {
        0 => CompareOp::Lt,
        1 => CompareOp::Le,
        2 => CompareOp::Eq,
        3 => CompareOp::Ne,
        4 => CompareOp::Gt,
        _ => CompareOp::Ge,
    };
    let result = vm.rich_compare(a, b, which)?;
    if oparg & 16 != 0 {
        let truth = vm.is_true(&result)?;
        return Ok(Value::from_bool(truth));
    }
    Ok(result)
}
