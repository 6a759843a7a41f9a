//! Making containers and text, unpacking, patterns.

use super::{AGAIN, Done, Step};
use crate::eval::bridges;
use crate::eval::dispatch::op;
use crate::eval::ops::{build, match_};
use crate::eval::specialize::data;
use crate::types::class::flags;
use crate::types::list::List;
use crate::types::value::ValueExt;
use crate::{Value, Vm};

/// BUILD_TUPLE.
pub(super) fn build_tuple(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(1);
    s.push(vm.new_tuple(items)?.into_value());
    Ok(())
}

/// BUILD_LIST.
pub(super) fn build_list(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(1);
    s.push(vm.new_list(items)?.into_value());
    Ok(())
}

/// BUILD_SET.
pub(super) fn build_set(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(1);
    s.push(bridges::set(vm, items)?);
    Ok(())
}

/// BUILD_MAP.
pub(super) fn build_map(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(2);
    s.push(build::build_map(vm, &items)?);
    Ok(())
}

/// BUILD_SLICE.
pub(super) fn build_slice(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(1);
    s.push(bridges::slice(vm, items)?);
    Ok(())
}

/// BUILD_STRING.
pub(super) fn build_string(vm: &mut Vm, s: &mut Step) -> Done {
    let items = s.take(1);
    s.push(build::build_string(vm, &items)?);
    Ok(())
}

/// BUILD_INTERPOLATION.
pub(super) fn build_interpolation(vm: &mut Vm, s: &mut Step) -> Done {
    let spec = if s.oparg & 1 != 0 { s.pop_slot() } else { None };
    let expression = s.pop();
    let value = s.pop();
    s.push(bridges::interpolation(vm, value, expression, s.oparg >> 2, spec)?);
    Ok(())
}

/// BUILD_TEMPLATE.
pub(super) fn build_template(vm: &mut Vm, s: &mut Step) -> Done {
    let interpolations = s.pop();
    let strings = s.pop();
    s.push(bridges::template(vm, strings, interpolations)?);
    Ok(())
}

/// LIST_APPEND.
pub(super) fn list_append(vm: &mut Vm, s: &mut Step) -> Done {
    let item = s.pop();
    let list = s.peek(s.count());
    build::list_append(vm, &list, item)?;
    Ok(())
}

/// LIST_EXTEND.
pub(super) fn list_extend(vm: &mut Vm, s: &mut Step) -> Done {
    let iterable = s.pop();
    let list = s.peek(s.count());
    build::list_extend(vm, &list, &iterable)?;
    drop(iterable);
    Ok(())
}

/// SET_ADD.
pub(super) fn set_add(vm: &mut Vm, s: &mut Step) -> Done {
    let item = s.pop();
    let set = s.peek(s.count());
    bridges::set_add(vm, &set, item)?;
    Ok(())
}

/// SET_UPDATE.
pub(super) fn set_update(vm: &mut Vm, s: &mut Step) -> Done {
    let iterable = s.pop();
    let set = s.peek(s.count());
    build::set_update(vm, &set, &iterable)?;
    Ok(())
}

/// MAP_ADD.
pub(super) fn map_add(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    let key = s.pop();
    let dict = s.peek(s.count());
    build::map_add(vm, &dict, &key, value)?;
    drop(key);
    Ok(())
}

/// DICT_UPDATE.
pub(super) fn dict_update(vm: &mut Vm, s: &mut Step) -> Done {
    let update = s.pop();
    let dict = s.peek(s.count());
    build::dict_update(vm, &dict, &update)?;
    drop(update);
    Ok(())
}

/// DICT_MERGE.
pub(super) fn dict_merge(vm: &mut Vm, s: &mut Step) -> Done {
    let update = s.pop();
    let dict = s.peek(s.count());
    let callable = s.peek(s.count() + 3);
    build::dict_merge(vm, &callable, &dict, &update)?;
    drop(update);
    Ok(())
}

/// CONVERT_VALUE.
pub(super) fn convert_value(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    s.push(build::convert_value(vm, &value, s.oparg)?);
    Ok(())
}

/// FORMAT_SIMPLE.
pub(super) fn format_simple(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    s.push(build::format(vm, value, None)?);
    Ok(())
}

/// FORMAT_WITH_SPEC.
pub(super) fn format_with_spec(vm: &mut Vm, s: &mut Step) -> Done {
    let spec = s.pop();
    let value = s.pop();
    s.push(build::format(vm, value, Some(&spec))?);
    Ok(())
}

/// UNPACK_SEQUENCE.
pub(super) fn unpack_sequence(vm: &mut Vm, s: &mut Step) -> Done {
    if s.adapts() {
        data::unpack_sequence(s.site(), s.item(1), s.oparg);
        return Err(AGAIN);
    }
    let value = s.pop();
    let items = build::unpack(vm, &value, s.count(), None)?;
    drop(value);
    for item in items.into_iter().rev() {
        s.push(item);
    }
    s.skip(1);
    Ok(())
}

/// UNPACK_EX.
pub(super) fn unpack_ex(vm: &mut Vm, s: &mut Step) -> Done {
    let value = s.pop();
    let items = build::unpack(vm, &value, s.count() & 0xff, Some(s.count() >> 8))?;
    drop(value);
    for item in items.into_iter().rev() {
        s.push(item);
    }
    Ok(())
}

/// UNPACK_SEQUENCE_LIST.
pub(super) fn unpack_sequence_list(vm: &mut Vm, s: &mut Step) -> Done {
    let Some(list) = s.item(1).and_then(|t| t.downcast_exact::<List>()).filter(|l| l.items(vm).len() == s.count()).cloned() else {
        s.missed(op::UNPACK_SEQUENCE);
        return unpack_sequence(vm, s);
    };
    drop(s.pop());
    for item in list.items(vm).iter().rev() {
        s.push(item.clone());
    }
    s.skip(1);
    Ok(())
}

/// MATCH_MAPPING.
pub(super) fn match_mapping(_: &mut Vm, s: &mut Step) -> Done {
    let is = s.item(1).is_some_and(|v| v.type_flag(flags::MAPPING));
    s.push(Value::from_bool(is));
    Ok(())
}

/// MATCH_SEQUENCE.
pub(super) fn match_sequence(_: &mut Vm, s: &mut Step) -> Done {
    let is = s.item(1).is_some_and(|v| v.type_flag(flags::SEQUENCE));
    s.push(Value::from_bool(is));
    Ok(())
}

/// MATCH_KEYS.
pub(super) fn match_keys(vm: &mut Vm, s: &mut Step) -> Done {
    let (subject, keys) = (s.peek(2), s.peek(1));
    s.push(match_::match_keys(vm, &subject, &keys)?);
    Ok(())
}

/// MATCH_CLASS.
pub(super) fn match_class(vm: &mut Vm, s: &mut Step) -> Done {
    let attributes = s.pop();
    let class = s.pop();
    let subject = s.pop();
    s.push(match_::match_class(vm, &subject, &class, s.count(), &attributes)?);
    Ok(())
}
