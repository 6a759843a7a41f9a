//! Structural pattern matching.

use crate::types::class::flags;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// MATCH_KEYS: the values of the keys as a tuple, or `None`.
pub fn match_keys(vm: &mut Vm, subject: &Value, keys: &Value) -> PyResult {
    let Some(keys) = keys.downcast_exact::<Tuple>() else { return Err(vm.system_error("MATCH_KEYS without a tuple")) };
    if keys.is_empty() {
        return Ok(vm.new_tuple([])?.into_value());
    }
    let dummy = vm.new_list(Vec::new())?.into_value();
    let Some(get) = vm.getattr_opt(subject, n!(get))? else { return Ok(Value::none()) };
    let seen = vm.new_dict()?;
    let mut values = Vec::with_capacity(keys.len());
    for key in keys.items() {
        if seen.contains(vm, key)? {
            let repr = vm.repr(key)?;
            return Err(vm.value_error(format!("mapping pattern checks duplicate key ({})", repr.to_string_lossy())));
        }
        seen.set(vm, key, Value::none())?;
        let value = vm.call(&get, &[key.clone(), dummy.clone()])?;
        if value.is_same(&dummy) {
            return Ok(Value::none());
        }
        values.push(value);
    }
    Ok(vm.new_tuple(values)?.into_value())
}

/// One attribute of a class pattern; none if the subject has it not.
fn attribute(vm: &mut Vm, subject: &Value, class: &Py<PyType>, name: &Value, seen: &mut Vec<Value>) -> PyResult<Option<Value>> {
    let Some(text) = name.downcast::<Str>() else { return Err(vm.system_error("attribute names must be strings")) };
    for other in seen.iter() {
        if vm.eq(other, name)? {
            let (class, repr) = (class.tp_name(), vm.repr(name)?);
            return Err(vm.type_error(format!("{class}() got multiple sub-patterns for attribute {}", repr.to_string_lossy())));
        }
    }
    seen.push(name.clone());
    let name = vm.intern_object(text);
    vm.getattr_opt(subject, &name)
}

/// MATCH_CLASS: the sub-patterns' subjects as a tuple, or `None`. `count` of them are positional.
pub fn match_class(vm: &mut Vm, subject: &Value, class: &Value, count: usize, names: &Value) -> PyResult {
    let Some(ty) = class.downcast::<PyType>().cloned() else {
        return Err(vm.type_error("called match pattern must be a class"));
    };
    if !vm.isinstance(subject, class)? {
        return Ok(Value::none());
    }
    let (mut seen, mut values) = (Vec::new(), Vec::new());
    if count > 0 && !positional(vm, subject, &ty, count, &mut seen, &mut values)? {
        return Ok(Value::none());
    }
    let Some(names) = names.downcast_exact::<Tuple>() else { return Err(vm.system_error("MATCH_CLASS without a tuple")) };
    for name in names.items() {
        match attribute(vm, subject, &ty, name, &mut seen)? {
            Some(value) => values.push(value),
            None => return Ok(Value::none()),
        }
    }
    Ok(vm.new_tuple(values)?.into_value())
}

fn positional(vm: &mut Vm, subject: &Value, ty: &Py<PyType>, count: usize, seen: &mut Vec<Value>, values: &mut Vec<Value>) -> PyResult<bool> {
    let class = ty.tp_name();
    let match_args = vm.getattr_opt(ty.as_value(), n!(__match_args__))?;
    let mut match_self = false;
    let names = match &match_args {
        Some(args) => match args.downcast_exact::<Tuple>() {
            Some(t) => t.items().to_vec(),
            None => {
                let got = args.type_name();
                return Err(vm.type_error(format!("{class}.__match_args__ must be a tuple (got {got})")));
            }
        },
        None => {
            match_self = ty.has_flag(flags::MATCH_SELF);
            Vec::new()
        }
    };
    let allowed = if match_self { 1 } else { names.len() };
    if allowed < count {
        let s = if allowed == 1 { "" } else { "s" };
        return Err(vm.type_error(format!("{class}() accepts {allowed} positional sub-pattern{s} ({count} given)")));
    }
    if match_self {
        values.push(subject.clone());
        return Ok(true);
    }
    for name in names.iter().take(count) {
        if !name.is_exact::<Str>() {
            let got = name.type_name();
            return Err(vm.type_error(format!("__match_args__ elements must be strings (got {got})")));
        }
        match attribute(vm, subject, ty, name, seen)? {
            Some(value) => values.push(value),
            None => return Ok(false),
        }
    }
    Ok(true)
}
