//! Specialised operators: BINARY_OP, COMPARE_OP, TO_BOOL.

use super::Site;
use super::call::is_simple;
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::float::Float;
use crate::types::list::List;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::typeobject::slotdefs::has_generic_getitem;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm};
use krait_bytecode::Opcode;
use krait_bytecode::opcode::BinaryOp;

/// A float in a word or boxed, not of a subclass.
#[inline(always)]
pub fn float_of(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    match value.as_inline_float() {
        Some(f) => Some(f),
        None => value.downcast_exact::<Float>().map(|f| f.value),
    }
}

/// BINARY_OP.
#[cold]
#[inline(never)]
pub fn binary_op(vm: &mut Vm, site: Site, a: Option<&Value>, b: Option<&Value>, oparg: u32) {
    let (Some(a), Some(b)) = (a, b) else { return site.failed() };
    let ints = a.is_small_int() && b.is_small_int();
    let floats = float_of(Some(a)).is_some() && float_of(Some(b)).is_some();
    let op = match BinaryOp::from_oparg(oparg) {
        Some(BinaryOp::NB_ADD | BinaryOp::NB_INPLACE_ADD) if ints => Opcode::BINARY_OP_ADD_INT,
        Some(BinaryOp::NB_SUBTRACT | BinaryOp::NB_INPLACE_SUBTRACT) if ints => Opcode::BINARY_OP_SUBTRACT_INT,
        Some(BinaryOp::NB_MULTIPLY | BinaryOp::NB_INPLACE_MULTIPLY) if ints => Opcode::BINARY_OP_MULTIPLY_INT,
        Some(BinaryOp::NB_ADD | BinaryOp::NB_INPLACE_ADD) if floats => Opcode::BINARY_OP_ADD_FLOAT,
        Some(BinaryOp::NB_SUBTRACT | BinaryOp::NB_INPLACE_SUBTRACT) if floats => Opcode::BINARY_OP_SUBTRACT_FLOAT,
        Some(BinaryOp::NB_MULTIPLY | BinaryOp::NB_INPLACE_MULTIPLY) if floats => Opcode::BINARY_OP_MULTIPLY_FLOAT,
        Some(BinaryOp::NB_ADD | BinaryOp::NB_INPLACE_ADD) if a.is_exact::<Str>() && b.is_exact::<Str>() => Opcode::BINARY_OP_ADD_UNICODE,
        Some(BinaryOp::NB_SUBSCR) if b.is_small_int() && a.is_exact::<List>() => Opcode::BINARY_OP_SUBSCR_LIST_INT,
        Some(BinaryOp::NB_SUBSCR) if b.is_small_int() && a.is_exact::<Tuple>() => Opcode::BINARY_OP_SUBSCR_TUPLE_INT,
        Some(BinaryOp::NB_SUBSCR) if b.is_small_int() && a.is_exact::<Str>() => Opcode::BINARY_OP_SUBSCR_STR_INT,
        Some(BinaryOp::NB_SUBSCR) if a.is_exact::<Dict>() => Opcode::BINARY_OP_SUBSCR_DICT,
        Some(BinaryOp::NB_SUBSCR) if subscr_getitem(vm, site, a).is_some() => Opcode::BINARY_OP_SUBSCR_GETITEM,
        Some(which) if extend(vm, which, a, b).is_some() => Opcode::BINARY_OP_EXTEND,
        _ => return site.failed(),
    };
    site.become_op(op);
}

/// An object whose class has a `__getitem__` in Python, of two plain parameters.
fn subscr_getitem(vm: &mut Vm, site: Site, object: &Value) -> Option<()> {
    object.header()?;
    let ty = object.ty().clone();
    if !ty.has_flag(flags::HEAPTYPE) || !has_generic_getitem(&ty) {
        return None;
    }
    let found = ty.lookup(vm, n!(__getitem__))?;
    let func = found.downcast_exact::<Function>()?;
    if func.code.load(vm).check(vm).is_err() || !is_simple(vm, func, 2) {
        return None;
    }
    let version = Some(ty.version_tag(vm)).filter(|v| *v != 0)?;
    ty.getitem_cache.set(found.bits());
    site.set_u32(1, version);
    Some(())
}

/// An int that a float holds exactly.
fn exact_float(value: &Value) -> Option<f64> {
    match value.as_small_int() {
        Some(i) if i.unsigned_abs() <= 1 << 53 => Some(i as f64),
        Some(_) => None,
        None => float_of(Some(value)),
    }
}

/// BINARY_OP_EXTEND: operators on small ints and floats that have no form of their own. None where the slow path has to do it.
#[inline]
pub fn extend(_: &Vm, op: BinaryOp, a: &Value, b: &Value) -> Option<Value> {
    if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
        return match op {
            BinaryOp::NB_AND | BinaryOp::NB_INPLACE_AND => Value::small_int(x & y),
            BinaryOp::NB_OR | BinaryOp::NB_INPLACE_OR => Value::small_int(x | y),
            BinaryOp::NB_XOR | BinaryOp::NB_INPLACE_XOR => Value::small_int(x ^ y),
            BinaryOp::NB_LSHIFT | BinaryOp::NB_INPLACE_LSHIFT if (0..=30).contains(&y) && x.unsigned_abs() < 1 << 31 => Value::small_int(x << y),
            BinaryOp::NB_RSHIFT | BinaryOp::NB_INPLACE_RSHIFT if y >= 0 => Value::small_int(x >> y.min(63)),
            BinaryOp::NB_FLOOR_DIVIDE | BinaryOp::NB_INPLACE_FLOOR_DIVIDE if y > 0 => Value::small_int(x.div_euclid(y)),
            BinaryOp::NB_REMAINDER | BinaryOp::NB_INPLACE_REMAINDER if y > 0 => Value::small_int(x.rem_euclid(y)),
            BinaryOp::NB_TRUE_DIVIDE | BinaryOp::NB_INPLACE_TRUE_DIVIDE if y != 0 => Value::from_f64_inline(exact_float(a)? / exact_float(b)?),
            _ => None,
        };
    }
    let (x, y) = (exact_float(a)?, exact_float(b)?);
    match op {
        BinaryOp::NB_ADD | BinaryOp::NB_INPLACE_ADD => Value::from_f64_inline(x + y),
        BinaryOp::NB_SUBTRACT | BinaryOp::NB_INPLACE_SUBTRACT => Value::from_f64_inline(x - y),
        BinaryOp::NB_MULTIPLY | BinaryOp::NB_INPLACE_MULTIPLY => Value::from_f64_inline(x * y),
        BinaryOp::NB_TRUE_DIVIDE | BinaryOp::NB_INPLACE_TRUE_DIVIDE if y != 0.0 => Value::from_f64_inline(x / y),
        _ => None,
    }
}

/// COMPARE_OP.
#[cold]
#[inline(never)]
pub fn compare_op(site: Site, a: Option<&Value>, b: Option<&Value>, oparg: u32) {
    let (Some(a), Some(b)) = (a, b) else { return site.failed() };
    // Equality of strings is all that is worth it; the mask of `==` and `!=` tells them from the others.
    let equality = matches!(oparg >> 5, 2 | 3);
    let op = if a.is_small_int() && b.is_small_int() {
        Opcode::COMPARE_OP_INT
    } else if float_of(Some(a)).is_some() && float_of(Some(b)).is_some() {
        Opcode::COMPARE_OP_FLOAT
    } else if equality && a.is_exact::<Str>() && b.is_exact::<Str>() {
        Opcode::COMPARE_OP_STR
    } else {
        return site.failed();
    };
    site.become_op(op);
}

/// TO_BOOL.
#[cold]
#[inline(never)]
pub fn to_bool(vm: &mut Vm, site: Site, value: Option<&Value>) {
    let Some(value) = value else { return site.failed() };
    let op = if value.is_true() || value.is_false() {
        Opcode::TO_BOOL_BOOL
    } else if value.is_small_int() {
        Opcode::TO_BOOL_INT
    } else if value.is_exact::<List>() {
        Opcode::TO_BOOL_LIST
    } else if value.is_none() {
        Opcode::TO_BOOL_NONE
    } else if value.is_exact::<Str>() {
        Opcode::TO_BOOL_STR
    } else {
        let ty = value.ty();
        let version = ty.version_tag(vm);
        if value.is_ptr() && ty.slots.nb_bool.get().is_none() && ty.slots.len.get().is_none() && version != 0 {
            site.set_u32(1, version);
            Opcode::TO_BOOL_ALWAYS_TRUE
        } else {
            return site.failed();
        }
    };
    site.become_op(op);
}

/// `list[index]` and `tuple[index]` with an index that is there.
#[inline(always)]
pub fn item_at(items: &[Value], index: &Value) -> Option<Value> {
    let i = index.as_small_int()?;
    items.get(usize::try_from(i).ok()?).cloned()
}

/// `str[index]`.
#[inline]
pub fn char_at(vm: &mut Vm, text: &Value, index: &Value) -> PyResult<Option<Value>> {
    let (Some(s), Some(i)) = (text.downcast_exact::<Str>(), index.as_small_int().and_then(|i| usize::try_from(i).ok())) else { return Ok(None) };
    match s.data().get(i) {
        Some(c) if c < 0x100 => Ok(Some(vm.new_str_latin1(&[c as u8])?.into_value())),
        Some(_) | None => Ok(None),
    }
}
