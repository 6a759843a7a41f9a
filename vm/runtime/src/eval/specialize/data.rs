//! Specialised iteration, unpacking and item assignment.

use super::Site;
use crate::types::dict::Dict;
use crate::types::float::Float;
use crate::types::generator::{Coroutine, Generator};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::list::ListIter;
use crate::types::range::RangeIter;
use crate::types::set::{FrozenSet, Set};
use crate::types::tuple::{Tuple, TupleIter};
use crate::types::value::ValueExt;
use crate::{Value, Vm};
use krait_bytecode::Opcode;

/// FOR_ITER.
#[cold]
#[inline(never)]
pub fn for_iter(site: Site, iterator: Option<&Value>) {
    let Some(iterator) = iterator else { return site.failed() };
    let op = if iterator.is_exact::<ListIter>() {
        Opcode::FOR_ITER_LIST
    } else if iterator.is_exact::<TupleIter>() {
        Opcode::FOR_ITER_TUPLE
    } else if iterator.is_exact::<RangeIter>() {
        Opcode::FOR_ITER_RANGE
    } else if iterator.is_exact::<Generator>() {
        Opcode::FOR_ITER_GEN
    } else {
        return site.failed();
    };
    site.become_op(op);
}

/// UNPACK_SEQUENCE.
#[cold]
#[inline(never)]
pub fn unpack_sequence(site: Site, value: Option<&Value>, oparg: u32) {
    let Some(value) = value else { return site.failed() };
    let op = match value.downcast_exact::<Tuple>() {
        Some(t) if t.len() != oparg as usize => return site.failed(),
        Some(_) if oparg == 2 => Opcode::UNPACK_SEQUENCE_TWO_TUPLE,
        Some(_) => Opcode::UNPACK_SEQUENCE_TUPLE,
        None if value.is_exact::<List>() => Opcode::UNPACK_SEQUENCE_LIST,
        None => return site.failed(),
    };
    site.become_op(op);
}

/// STORE_SUBSCR.
#[cold]
#[inline(never)]
pub fn store_subscr(site: Site, container: Option<&Value>, key: Option<&Value>) {
    let (Some(container), Some(key)) = (container, key) else { return site.failed() };
    let op = if container.is_exact::<List>() && key.is_small_int() {
        Opcode::STORE_SUBSCR_LIST_INT
    } else if container.is_exact::<Dict>() {
        Opcode::STORE_SUBSCR_DICT
    } else {
        return site.failed();
    };
    site.become_op(op);
}

/// CONTAINS_OP.
#[cold]
#[inline(never)]
pub fn contains_op(site: Site, container: Option<&Value>) {
    match container {
        Some(c) if c.is_exact::<Dict>() => site.become_op(Opcode::CONTAINS_OP_DICT),
        Some(c) if c.is_exact::<Set>() || c.is_exact::<FrozenSet>() => site.become_op(Opcode::CONTAINS_OP_SET),
        Some(_) | None => site.failed(),
    }
}

/// SEND.
#[cold]
#[inline(never)]
pub fn send(site: Site, receiver: Option<&Value>) {
    match receiver {
        Some(r) if r.is_exact::<Generator>() || r.is_exact::<Coroutine>() => site.become_op(Opcode::SEND_GEN),
        Some(_) | None => site.failed(),
    }
}

/// The place of the item of a list at an index that is there.
#[inline(always)]
pub fn item_slot(vm: &mut Vm, list: &List, index: &Value) -> Option<*mut Value> {
    let index = usize::try_from(index.as_small_int()?).ok()?;
    list.items_mut(vm).get_mut(index).map(std::ptr::from_mut)
}

/// The form of LOAD_CONST for a constant: CPython tells those apart that need no counting.
#[cold]
pub fn load_const(value: &Value) -> Opcode {
    let immortal = match value.header() {
        Some(header) => header.is_immortal(),
        None => IntRef::new(value).map_or(!value.is_exact::<Float>(), |i| i.to_i64().is_some_and(|i| (-5..=256).contains(&i))),
    };
    if immortal { Opcode::LOAD_CONST_IMMORTAL } else { Opcode::LOAD_CONST_MORTAL }
}
