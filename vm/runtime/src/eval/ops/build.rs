//! Making containers, unpacking, formatting.

use crate::eval::bridges;
use crate::types::dict::Dict;
use crate::types::exceptions::{AttributeError, TypeError};
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::str_::StrBuilder;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// BUILD_MAP: keys and values in turn.
pub fn build_map(vm: &mut Vm, items: &[Value]) -> PyResult {
    let dict = vm.new_dict()?;
    for pair in items.chunks_exact(2) {
        dict.set(vm, &pair[0], pair[1].clone())?;
    }
    Ok(dict.into_value())
}

/// BUILD_STRING.
pub fn build_string(vm: &mut Vm, pieces: &[Value]) -> PyResult {
    let mut text = StrBuilder::with_capacity(pieces.iter().filter_map(|p| p.downcast::<Str>()).map(|s| s.len()).sum());
    for piece in pieces {
        let Some(s) = piece.downcast::<Str>() else {
            let got = piece.type_name();
            return Err(vm.type_error(format!("sequence item: expected str instance, {got} found")));
        };
        text.push_object(s);
    }
    Ok(text.finish(vm)?.into_value())
}

fn not_iterable(value: &Value) -> bool {
    value.type_ref().slots.iter.get().is_none() && value.type_ref().slots.getitem.get().is_none()
}

/// LIST_EXTEND, with the message that `[*x]` has for what is not iterable.
pub fn list_extend(vm: &mut Vm, list: &Value, iterable: &Value) -> PyResult<()> {
    let Some(list) = list.downcast::<List>() else { return Err(vm.system_error("LIST_EXTEND of something else than a list")) };
    let items = match vm.collect(iterable) {
        Ok(items) => items,
        Err(e) if vm.is_raised::<TypeError>(&e) && not_iterable(iterable) => {
            let got = iterable.type_name();
            return Err(vm.type_error(format!("Value after * must be an iterable, not {got}")));
        }
        Err(e) => return Err(e),
    };
    list.make_room(vm, items.len())?;
    list.items_mut(vm).extend(items);
    Ok(())
}

/// SET_UPDATE.
pub fn set_update(vm: &mut Vm, set: &Value, iterable: &Value) -> PyResult<()> {
    let items = vm.collect(iterable)?;
    for item in items {
        bridges::set_add(vm, set, item)?;
    }
    Ok(())
}

/// DICT_UPDATE.
pub fn dict_update(vm: &mut Vm, dict: &Value, update: &Value) -> PyResult<()> {
    match merge(vm, dict, update, None) {
        Err(e) if vm.is_raised::<AttributeError>(&e) => {
            let got = update.type_name();
            Err(vm.type_error(format!("'{got}' object is not a mapping")))
        }
        other => other,
    }
}

/// DICT_MERGE: `**kwargs` of a call to `callable`.
pub fn dict_merge(vm: &mut Vm, callable: &Value, dict: &Value, update: &Value) -> PyResult<()> {
    match merge(vm, dict, update, Some(callable)) {
        Err(e) if vm.is_raised::<AttributeError>(&e) => {
            let (name, got) = (function_str(vm, callable)?, update.type_name());
            Err(vm.type_error(format!("{name} argument after ** must be a mapping, not {got}")))
        }
        other => other,
    }
}

fn merge(vm: &mut Vm, dict: &Value, update: &Value, callable: Option<&Value>) -> PyResult<()> {
    let Some(dict) = dict.downcast::<Dict>().cloned() else { return Err(vm.system_error("merging into something else than a dict")) };
    let pairs = match update.downcast_exact::<Dict>() {
        Some(d) if dict.is_empty(vm) => return dict.copy_from(vm, d),
        Some(d) => d.to_vec(vm),
        None => {
            let keys = vm.getattr(update, n!(keys))?;
            let keys = vm.call(&keys, &[])?;
            let keys = vm.collect(&keys)?;
            let mut pairs = Vec::with_capacity(keys.len());
            for key in keys {
                let value = vm.getitem(update, &key)?;
                pairs.push((key, value));
            }
            pairs
        }
    };
    for (key, value) in pairs {
        if let Some(callable) = callable
            && dict.contains(vm, &key)? {
                let name = function_str(vm, callable)?;
                let key = vm.str(&key)?.to_string_lossy().into_owned();
                return Err(vm.type_error(format!("{name} got multiple values for keyword argument '{key}'")));
            }
        dict.set(vm, &key, value)?;
    }
    Ok(())
}

/// How errors about a call name the function: `module.qualname()`, without `builtins`.
pub fn function_str(vm: &mut Vm, callable: &Value) -> PyResult<String> {
    let qualname = vm.getattr_opt(callable, n!(__qualname__))?;
    let Some(qualname) = qualname else { return Ok(vm.str(callable)?.to_string_lossy().into_owned()) };
    let qualname = vm.str(&qualname)?.to_string_lossy().into_owned();
    let module = vm.getattr_opt(callable, n!(__module__))?;
    if let Some(module) = module.filter(|m| !m.is_none()) {
        let module = vm.str(&module)?;
        if !module.eq_str("builtins") {
            return Ok(format!("{}.{qualname}()", module.to_string_lossy()));
        }
    }
    Ok(format!("{qualname}()"))
}

/// The arguments of `f(*args)` as a tuple.
pub fn call_args_tuple(vm: &mut Vm, callable: &Value, args: Value) -> PyResult<Py<Tuple>> {
    match args.into_py::<Tuple>() {
        Ok(t) => Ok(t),
        Err(args) => {
            if not_iterable(&args) {
                let (name, got) = (function_str(vm, callable)?, args.type_name());
                return Err(vm.type_error(format!("{name} argument after * must be an iterable, not {got}")));
            }
            let items = vm.collect(&args)?;
            vm.new_tuple(items)
        }
    }
}

/// UNPACK_SEQUENCE and, with `after`, UNPACK_EX: the items in order.
pub fn unpack(vm: &mut Vm, value: &Value, before: usize, after: Option<usize>) -> PyResult<Vec<Value>> {
    if after.is_none() {
        if let Some(t) = value.downcast_exact::<Tuple>() {
            if t.len() == before {
                return Ok(t.items().to_vec());
            }
        } else if let Some(l) = value.downcast_exact::<List>()
            && l.items(vm).len() == before {
                return Ok(l.items(vm).to_vec());
            }
    }
    let iterator = match vm.iter(value) {
        Ok(i) => i,
        Err(e) if vm.is_raised::<TypeError>(&e) && not_iterable(value) => {
            let got = value.type_name();
            return Err(vm.type_error(format!("cannot unpack non-iterable {got} object")));
        }
        Err(e) => return Err(e),
    };
    let mut items = Vec::new();
    while items.len() < before {
        match vm.iter_next(&iterator)? {
            Some(item) => items.push(item),
            None => {
                let got = items.len();
                return Err(match after {
                    None => vm.value_error(format!("not enough values to unpack (expected {before}, got {got})")),
                    Some(after) => vm.value_error(format!("not enough values to unpack (expected at least {}, got {got})", before + after)),
                });
            }
        }
    }
    let Some(after) = after else {
        if vm.iter_next(&iterator)?.is_some() {
            // Lists, tuples and dicts know how many there are.
            let exact = value.is_exact::<List>() || value.is_exact::<Tuple>() || value.is_exact::<Dict>();
            let got = if exact { format!(", got {}", vm.len(value)?) } else { String::new() };
            return Err(vm.value_error(format!("too many values to unpack (expected {before}{got})")));
        }
        return Ok(items);
    };
    let mut rest = Vec::new();
    while let Some(item) = vm.iter_next(&iterator)? {
        rest.push(item);
    }
    if rest.len() < after {
        let (want, got) = (before + after, before + rest.len());
        return Err(vm.value_error(format!("not enough values to unpack (expected at least {want}, got {got})")));
    }
    let tail = rest.split_off(rest.len() - after);
    items.push(vm.new_list(rest)?.into_value());
    items.extend(tail);
    Ok(items)
}

/// CONVERT_VALUE.
pub fn convert_value(vm: &mut Vm, value: &Value, oparg: u32) -> PyResult {
    match oparg {
        1 => Ok(vm.str(value)?.into_value()),
        2 => Ok(vm.repr(value)?.into_value()),
        3 => Ok(vm.ascii(value)?.into_value()),
        _ => Err(vm.system_error("bad operand of CONVERT_VALUE")),
    }
}

/// FORMAT_SIMPLE and FORMAT_WITH_SPEC.
pub fn format(vm: &mut Vm, value: Value, spec: Option<&Value>) -> PyResult {
    match spec.map(|s| s.downcast::<Str>()) {
        None if value.is_exact::<Str>() => Ok(value),
        None => Ok(vm.format(&value, n!(empty))?.into_value()),
        Some(Some(spec)) => Ok(vm.format(&value, spec)?.into_value()),
        Some(None) => Err(vm.system_error("Format specifier must be a string")),
    }
}

/// BINARY_SLICE.
pub fn binary_slice(vm: &mut Vm, container: &Value, start: &Value, stop: &Value) -> PyResult {
    if let Some(list) = container.downcast_exact::<List>() {
        if let Some((from, to)) = bounds(start, stop, list.items(vm).len()) {
            let items = list.items(vm).get(from..to).unwrap_or_default().to_vec();
            return Ok(vm.new_list(items)?.into_value());
        }
    } else if let Some(text) = container.downcast_exact::<Str>() {
        if let Some((from, to)) = bounds(start, stop, text.len()) {
            return Ok(Str::part(text, vm, from, to.max(from))?.into_value());
        }
    } else if let Some(tuple) = container.downcast_exact::<Tuple>()
        && let Some((from, to)) = bounds(start, stop, tuple.len()).filter(|b| *b != (0, tuple.len())) {
            return Ok(vm.new_tuple_from(tuple.items().get(from..to).unwrap_or_default())?.into_value());
        }
    let slice = bridges::slice(vm, vec![start.clone(), stop.clone()])?;
    vm.getitem(container, &slice)
}

fn bounds(start: &Value, stop: &Value, len: usize) -> Option<(usize, usize)> {
    Some((bound(start, 0, len)?, bound(stop, len, len)?))
}

/// A bound of a slice without a step, if it is a small int or `None`.
fn bound(value: &Value, default: usize, len: usize) -> Option<usize> {
    if value.is_none() {
        return Some(default);
    }
    let i = value.as_small_int()?;
    let i = if i < 0 { i.saturating_add(i64::try_from(len).ok()?).max(0) } else { i };
    Some(usize::try_from(i).ok()?.min(len))
}

/// STORE_SLICE.
pub fn store_slice(vm: &mut Vm, container: &Value, start: &Value, stop: &Value, value: &Value) -> PyResult<()> {
    let lists = container.downcast_exact::<List>().zip(value.downcast_exact::<List>()).filter(|(a, b)| !a.is(b));
    if let Some((list, new)) = lists
        && let Some((from, to)) = bounds(start, stop, list.items(vm).len()) {
            let (count, to) = (new.items(vm).len(), to.max(from));
            if count != to - from {
                let new = new.items(vm).to_vec();
                let old: Vec<Value> = list.items_mut(vm).splice(from..to, new).collect();
                drop(old);
                return Ok(());
            }
            for i in 0..count {
                let item = new.items(vm).get(i).cloned();
                let old = list.items_mut(vm).get_mut(from + i).zip(item).map(|(slot, item)| std::mem::replace(slot, item));
                drop(old);
            }
            return Ok(());
        }
    let slice = bridges::slice(vm, vec![start.clone(), stop.clone()])?;
    vm.setitem(container, &slice, value)
}

/// LIST_APPEND.
#[inline]
pub fn list_append(vm: &mut Vm, list: &Value, item: Value) -> PyResult<()> {
    match list.downcast_exact::<List>() {
        Some(list) => list.push(vm, item),
        None => Err(vm.system_error("LIST_APPEND to something else than a list")),
    }
}

/// MAP_ADD.
pub fn map_add(vm: &mut Vm, dict: &Value, key: &Value, value: Value) -> PyResult<()> {
    match dict.downcast::<Dict>().cloned() {
        Some(dict) => dict.set(vm, key, value),
        None => Err(vm.system_error("MAP_ADD to something else than a dict")),
    }
}

/// The items of a list as a tuple.
pub fn list_to_tuple(vm: &mut Vm, list: &Value) -> PyResult {
    match list.downcast_exact::<List>() {
        Some(list) => {
            let items = list.items(vm).to_vec();
            Ok(vm.new_tuple(items)?.into_value())
        }
        None => Err(vm.system_error("expected a list")),
    }
}
