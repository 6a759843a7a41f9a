//! Methods and slots of `dict`.

use super::cursor::Cursor;
use super::{Dict, DictItems, DictKeyIter, DictKeys, DictReverseKeyIter, DictValues};
use crate::types::list::methods::push_str;
use crate::types::set::{FrozenSet, Set, any_set};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pymethods};
use krait_unicode::TextBuf;

impl Dict {
    /// Writes the items as `{key: value, ...}` has them between the braces.
    pub fn write_items(&self, vm: &mut Vm, text: &mut TextBuf) -> PyResult<()> {
        let mut place = 0;
        loop {
            let Some((next, key, value)) = self.next_from(vm, place) else { return Ok(()) };
            let (key, value) = (key.clone(), value.clone());
            if place > 0 {
                text.push_str(", ");
            }
            place = next;
            let key = vm.repr(&key)?;
            push_str(text, &key);
            text.push_str(": ");
            let value = vm.repr(&value)?;
            push_str(text, &value);
        }
    }

    /// `dict.pop` with the default given already.
    pub fn pop_or(&self, vm: &mut Vm, key: &Value, default: Option<&Value>) -> PyResult {
        let found = if self.is_empty(vm) { None } else { self.remove(vm, key)? };
        match (found, default) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(vm.key_error(key)),
        }
    }

    /// `dict.setdefault`.
    pub fn set_default(&self, vm: &mut Vm, key: &Value, default: Value) -> PyResult {
        let hash = Dict::hash_key(vm, key)?;
        if let Some(found) = self.get_hashed(vm, key, hash)? {
            return Ok(found);
        }
        self.insert_missing(vm, key.clone(), hash, default.clone())?;
        Ok(default)
    }
}

#[pymethods(parts(more))]
impl Dict {
    #[new]
    fn new_dict(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        vm.new_instance(cls, Dict::new())
    }

    #[init]
    fn init(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        self.update_common(vm, args, "dict")
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len(vm))
    }

    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        self.contains(vm, key)
    }

    /// Whether the key is in the dict.
    #[method(name = "__contains__", sig = "(key, /)")]
    fn contains_method(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        self.contains(vm, key)
    }

    /// The result of self[key].
    #[method(name = "__getitem__", sig = "(key, /)")]
    fn getitem_method(zelf: &Py<Dict>, key: &Value, vm: &mut Vm) -> PyResult {
        Dict::slot_getitem(zelf, key, vm)
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<Dict>, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(value) = zelf.get(vm, key)? {
            return Ok(value);
        }
        if !zelf.is_exact()
            && let Some(value) = vm.call_special(zelf.as_value(), n!(__missing__), std::slice::from_ref(key))? {
                return Ok(value);
            }
        Err(vm.key_error(key))
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match value {
            Some(value) => self.set(vm, key, value.clone()),
            None => match self.remove(vm, key)? {
                Some(_) => Ok(()),
                None => Err(vm.key_error(key)),
            },
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if vm.repr_enter(zelf.as_value()) {
            return vm.new_str("{...}");
        }
        let mut text = TextBuf::from("{");
        let result = zelf.write_items(vm, &mut text);
        vm.repr_leave(zelf.as_value());
        result?;
        text.push_str("}");
        vm.new_str_text(&text)
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Dict>() else { return Ok(Value::not_implemented()) };
        match op {
            CompareOp::Eq => Ok(Value::from_bool(self.equals(vm, other)?)),
            CompareOp::Ne => Ok(Value::from_bool(!self.equals(vm, other)?)),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => Ok(Value::not_implemented()),
        }
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<DictKeyIter>> {
        let cursor = Cursor::forwards(vm, zelf.clone());
        vm.new_object(DictKeyIter { cursor })
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let (Some(left), true) = (a.downcast::<Dict>(), b.is::<Dict>()) else { return Ok(Value::not_implemented()) };
        let new = left.copy(vm)?;
        new.update_from(vm, b)?;
        Ok(new.into_value())
    }

    #[slot(inplace_or)]
    fn nb_ior(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(left) = a.downcast::<Dict>() else { return Ok(Value::not_implemented()) };
        left.update_from(vm, b)?;
        Ok(a.clone())
    }
}

#[pymethods(part = more)]
impl Dict {
    /// The value for key if key is in the dictionary, else default.
    #[method(name = "get", sig = "(key, default=None, /)")]
    fn get_method(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        Ok(self.get(vm, key)?.unwrap_or(default))
    }

    /// The value for key; if there is none, default becomes it.
    #[method(sig = "(key, default=None, /)")]
    fn setdefault(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        self.set_default(vm, key, default)
    }

    /// D.pop(k[,d]) -> v, take out the key and return its value.
    ///
    /// Without such a key, the default is returned if it is given, else KeyError is raised.
    #[method(sig = "(key, default=?, /)", text = "(key, default=<unrepresentable>, /)")]
    fn pop(&self, key: &Value, default: Option<&Value>, vm: &mut Vm) -> PyResult {
        self.pop_or(vm, key, default)
    }

    /// Take out the item that was put in last and return it as a pair of key and value.
    ///
    /// Raises KeyError if the dictionary is empty.
    #[method]
    fn popitem(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        match self.pop_last(vm) {
            Some((key, value)) => vm.new_tuple([key, value]),
            None => {
                let message = vm.new_str("popitem(): dictionary is empty")?;
                Err(vm.key_error(message.as_value()))
            }
        }
    }

    /// A view of the keys that follows the dictionary.
    #[method]
    fn keys(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<DictKeys>> {
        vm.new_object(DictKeys { dict: zelf.clone() })
    }

    /// A view of the items, as pairs of key and value, that follows the dictionary.
    #[method]
    fn items(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<DictItems>> {
        vm.new_object(DictItems { dict: zelf.clone() })
    }

    /// A view of the values that follows the dictionary.
    #[method]
    fn values(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<DictValues>> {
        vm.new_object(DictValues { dict: zelf.clone() })
    }

    /// D.update([E, ]**F) -> None.  Put the items of E and F into the dictionary.
    ///
    /// E is a mapping (something with a keys method) or an iterable of pairs of key and value.
    #[method]
    fn update(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        self.update_common(vm, args, "update")
    }

    /// A dictionary with the items of iterable as keys, all with the same value.
    #[classmethod(sig = "(iterable, value=None, /)")]
    fn fromkeys(cls: &Py<PyType>, iterable: &Value, value: Value, vm: &mut Vm) -> PyResult {
        let new = vm.call(cls.as_value(), &[])?;
        let exact = new.downcast_exact::<Dict>().cloned();
        if let (Some(dict), true) = (&exact, new.downcast_exact::<Dict>().is_some_and(|d| d.is_empty(vm))) {
            // The hashes are known.
            let source = iterable.downcast_exact::<Dict>().map(|d| d.hashed_items(vm).into_iter().map(|(h, k, _)| (h, k)).collect::<Vec<_>>());
            let source = source.or_else(|| any_set(iterable).filter(|_| iterable.is_exact::<Set>() || iterable.is_exact::<FrozenSet>()).map(|s| s.hashed(vm)));
            if let Some(keys) = source {
                for (hash, key) in keys {
                    dict.set_hashed(vm, &key, hash, value.clone())?;
                }
                return Ok(new);
            }
        }
        let iterator = vm.iter(iterable)?;
        while let Some(key) = vm.iter_next(&iterator)? {
            match &exact {
                Some(dict) => dict.set(vm, &key, value.clone())?,
                None => vm.setitem(&new, &key, &value)?,
            }
        }
        Ok(new)
    }

    /// Take out all items.
    #[method(name = "clear")]
    fn clear_method(&self, vm: &mut Vm) -> PyResult<()> {
        self.clear(vm);
        Ok(())
    }

    /// A shallow copy of the dictionary.
    #[method(name = "copy")]
    fn copy_method(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        self.copy(vm)
    }

    /// An iterator over the keys, the last one first.
    #[method(name = "__reversed__")]
    fn reversed(zelf: &Py<Dict>, vm: &mut Vm) -> PyResult<Py<DictReverseKeyIter>> {
        let cursor = Cursor::backwards(vm, zelf.clone());
        vm.new_object(DictReverseKeyIter { cursor })
    }

    /// The memory that the dictionary takes, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.size_of(vm))
    }

    /// See PEP 585.
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}
