//! Views of dicts: `dict_keys`, `dict_items`, `dict_values`, with the set operations of the first two.

use super::cursor::{Cursor, DictItemIter, DictKeyIter, DictReverseItemIter, DictReverseKeyIter, DictReverseValueIter, DictValueIter};
use super::Dict;
use crate::types::list::methods::push_str;
use crate::types::set::{algebra, any_set};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_unicode::TextBuf;

/// What `dict.keys()` gives.
#[pyclass(name = "dict_keys", flags(DISALLOW_INSTANTIATION), gc)]
pub struct DictKeys {
    pub dict: Py<Dict>,
}

/// What `dict.items()` gives.
#[pyclass(name = "dict_items", flags(DISALLOW_INSTANTIATION), gc)]
pub struct DictItems {
    pub dict: Py<Dict>,
}

/// What `dict.values()` gives.
#[pyclass(name = "dict_values", flags(DISALLOW_INSTANTIATION), gc)]
pub struct DictValues {
    pub dict: Py<Dict>,
}

/// The dict behind a view of keys or items.
fn set_view(value: &Value) -> Option<&Py<Dict>> {
    if let Some(view) = value.downcast::<DictKeys>() {
        let view: &DictKeys = view;
        return Some(&view.dict);
    }
    let view: &DictItems = value.downcast::<DictItems>()?;
    Some(&view.dict)
}

/// Whether `value` has a size and fast membership: a set or a view of keys or items.
fn set_like(value: &Value) -> bool {
    any_set(value).is_some() || set_view(value).is_some()
}

fn item_in(vm: &mut Vm, dict: &Dict, item: &Value) -> PyResult<bool> {
    let Some([key, value]) = item.downcast::<Tuple>().map(|t| t.items()) else { return Ok(false) };
    match dict.get(vm, key)? {
        Some(found) => vm.eq(&found, value),
        None => Ok(false),
    }
}

fn all_in(vm: &mut Vm, items: &Value, container: &Value) -> PyResult<bool> {
    let iterator = vm.iter(items)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        if !vm.contains(container, &item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn compare(vm: &mut Vm, view: &Value, other: &Value, op: CompareOp) -> PyResult {
    if !set_like(other) {
        return Ok(Value::not_implemented());
    }
    let (m, n) = (vm.len(view)?, vm.len(other)?);
    let result = match op {
        CompareOp::Eq => m == n && all_in(vm, view, other)?,
        CompareOp::Ne => !(m == n && all_in(vm, view, other)?),
        CompareOp::Lt => m < n && all_in(vm, view, other)?,
        CompareOp::Le => m <= n && all_in(vm, view, other)?,
        CompareOp::Gt => m > n && all_in(vm, other, view)?,
        CompareOp::Ge => m >= n && all_in(vm, other, view)?,
    };
    Ok(Value::from_bool(result))
}

/// A new set of the items of an operand.
fn to_set(vm: &mut Vm, operand: &Value) -> PyResult {
    let set = vm.new_set()?;
    match operand.downcast::<DictKeys>() {
        Some(view) if view.dict.is_exact() => set.data.update(vm, view.dict.as_value())?,
        _ => set.data.update(vm, operand)?,
    }
    Ok(set.into_value())
}

fn intersection(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    // Either operand may be the view.
    let (mut view, mut other) = if set_view(a).is_some() { (a, b) } else { (b, a) };
    let len = vm.len(view)?;
    if let Some(set) = any_set(other).filter(|_| other.is_exact::<crate::types::set::Set>())
        && len <= set.len(vm) {
            return algebra::intersection(vm, other, view);
        }
    if set_view(other).is_some() && vm.len(other)? > len {
        std::mem::swap(&mut view, &mut other);
    }
    let result = vm.new_set()?;
    let iterator = vm.iter(other)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        if vm.contains(view, &item)? {
            result.data.add(vm, &item)?;
        }
    }
    Ok(result.into_value())
}

fn union(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let result = to_set(vm, a)?;
    if let Some(set) = any_set(&result) {
        set.update(vm, b)?;
    }
    Ok(result)
}

fn difference(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let result = to_set(vm, a)?;
    algebra::difference_update(vm, &result, b)?;
    Ok(result)
}

fn symmetric_difference(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let result = to_set(vm, a)?;
    algebra::symmetric_update(vm, &result, b)?;
    Ok(result)
}

fn is_disjoint(vm: &mut Vm, view: &Value, other: &Value) -> PyResult<bool> {
    if view.is_same(other) {
        return Ok(vm.len(view)? == 0);
    }
    let (mut view, mut other) = (view, other);
    if set_like(other) && vm.len(other)? > vm.len(view)? {
        std::mem::swap(&mut view, &mut other);
    }
    let iterator = vm.iter(other)?;
    while let Some(item) = vm.iter_next(&iterator)? {
        if vm.contains(view, &item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `dict_keys([...])`.
fn repr(vm: &mut Vm, view: &Value) -> PyResult<Py<Str>> {
    if vm.repr_enter(view) {
        return vm.new_str("...");
    }
    let items = vm.collect(view).and_then(|items| vm.new_list(items)).and_then(|list| vm.repr(list.as_value()));
    vm.repr_leave(view);
    let name = view.type_name();
    let mut text = TextBuf::from(format!("{name}("));
    push_str(&mut text, &items?);
    text.push_str(")");
    vm.new_str_text(&text)
}

macro_rules! views {
    ($($ty:ident $iter:ident $reverse:ident ($($parts:ident),*);)*) => {$(
        #[pymethods(parts($($parts),*))]
        impl $ty {
            #[slot(len)]
            fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
                Ok(self.dict.len(vm))
            }

            #[slot(iter)]
            fn slot_iter(&self, vm: &mut Vm) -> PyResult<Py<$iter>> {
                let cursor = Cursor::forwards(vm, self.dict.clone());
                vm.new_object($iter { cursor })
            }

            #[slot(repr)]
            fn slot_repr(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<Str>> {
                repr(vm, zelf.as_value())
            }

            /// An iterator over the view, backwards.
            #[method(name = "__reversed__")]
            fn reversed(&self, vm: &mut Vm) -> PyResult<Py<$reverse>> {
                let cursor = Cursor::backwards(vm, self.dict.clone());
                vm.new_object($reverse { cursor })
            }

            /// A read-only view of the dictionary itself.
            #[getter]
            fn mapping(&self, vm: &mut Vm) -> PyResult {
                vm.new_mapping_proxy(self.dict.as_value())
            }
        }
    )*};
}

views! {
    DictKeys DictKeyIter DictReverseKeyIter (set_part, own);
    DictItems DictItemIter DictReverseItemIter (set_part, own);
    DictValues DictValueIter DictReverseValueIter ();
}

macro_rules! set_operations {
    ($($ty:ident),*) => {$(
        #[pymethods(part = set_part)]
        impl $ty {
            #[slot(richcompare)]
            fn slot_richcompare(zelf: &Py<$ty>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
                compare(vm, zelf.as_value(), other, op)
            }

            #[slot(hash)]
            fn slot_hash(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<i64> {
                let name = zelf.as_value().type_name();
                Err(vm.type_error(format!("unhashable type: '{name}'")))
            }

            #[classattr(name = "__hash__")]
            fn no_hash(_vm: &mut Vm) -> PyResult {
                Ok(Value::none())
            }

            #[slot(and)]
            fn nb_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                intersection(vm, a, b)
            }

            #[slot(or)]
            fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                union(vm, a, b)
            }

            #[slot(sub)]
            fn nb_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                difference(vm, a, b)
            }

            #[slot(xor)]
            fn nb_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                symmetric_difference(vm, a, b)
            }

            /// Whether the view and another iterable have no item in common.
            #[method(sig = "(other, /)")]
            fn isdisjoint(zelf: &Py<$ty>, other: &Value, vm: &mut Vm) -> PyResult<bool> {
                is_disjoint(vm, zelf.as_value(), other)
            }
        }
    )*};
}

set_operations!(DictKeys, DictItems);

#[pymethods(part = own)]
impl DictKeys {
    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        self.dict.contains(vm, key)
    }
}

#[pymethods(part = own)]
impl DictItems {
    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        item_in(vm, &self.dict, item)
    }
}
