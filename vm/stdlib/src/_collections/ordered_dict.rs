//! `OrderedDict`: a dict with operations on its order. Dicts are ordered anyway, so there is no second structure; only putting an item in
//! front takes time in proportion to the size, unless there is a hole in front.

use super::ordered_views::{Gives, OrderedItems, OrderedIter, OrderedKeys, OrderedValues};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use krait_unicode::TextBuf;

/// Dictionary that remembers insertion order
#[pyclass(module = "collections", name = "OrderedDict", base = Dict, flags(BASETYPE, MANAGED_DICT, MANAGED_WEAKREF), managed)]
#[repr(C)]
pub struct OrderedDict {
    pub base: Dict,
}

impl OrderedDict {
    fn dict(zelf: &Py<OrderedDict>) -> &Dict {
        &zelf.base
    }

    fn as_dict(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        match zelf.as_value().downcast::<Dict>() {
            Some(dict) => Ok(dict.clone()),
            None => Err(vm.system_error("not a dict")),
        }
    }

    /// Sets items from pairs through `self[key] = value`.
    fn add_pairs(vm: &mut Vm, zelf: &Value, pairs: &Value) -> PyResult<()> {
        let iterator = vm.iter(pairs)?;
        while let Some(pair) = vm.iter_next(&iterator)? {
            let items = match pair.downcast_exact::<Tuple>() {
                Some(tuple) if tuple.len() == 2 => tuple.items().to_vec(),
                _ => match vm.sequence_fast(&pair, "object is not iterable") {
                    Ok(items) if items.len() == 2 => items,
                    Ok(items) if items.len() < 2 => {
                        let n = items.len();
                        let s = if n == 1 { "" } else { "s" };
                        return Err(vm.value_error(format!("need more than {n} value{s} to unpack")));
                    }
                    Ok(_) => return Err(vm.value_error("too many values to unpack (expected 2)")),
                    Err(_) => {
                        let name = pair.type_name();
                        return Err(vm.type_error(format!("'{name}' object is not iterable")));
                    }
                },
            };
            if let [key, value] = items.as_slice() {
                vm.setitem(zelf, key, value)?;
            }
        }
        Ok(())
    }

    fn update_from(vm: &mut Vm, zelf: &Value, other: &Value) -> PyResult<()> {
        if let Some(dict) = other.downcast_exact::<Dict>() {
            for (key, value) in dict.to_vec(vm) {
                vm.setitem(zelf, &key, &value)?;
            }
            return Ok(());
        }
        if let Some(keys) = vm.getattr_opt(other, n!(keys))? {
            let keys = vm.call(&keys, &[])?;
            let iterator = vm.iter(&keys)?;
            while let Some(key) = vm.iter_next(&iterator)? {
                let value = vm.getitem(other, &key)?;
                vm.setitem(zelf, &key, &value)?;
            }
            return Ok(());
        }
        let items = vm.intern("items");
        if let Some(items) = vm.getattr_opt(other, &items)? {
            let items = vm.call(&items, &[])?;
            return Self::add_pairs(vm, zelf, &items);
        }
        Self::add_pairs(vm, zelf, other)
    }

    fn update_common(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult<()> {
        if let Some(other) = args.positional().first() {
            Self::update_from(vm, zelf, other)?;
        }
        for (key, value) in args.keywords() {
            vm.setitem(zelf, key, value)?;
        }
        Ok(())
    }

    /// Whether items are got, set and deleted by `dict`'s own methods.
    fn plain(zelf: &Py<OrderedDict>) -> bool {
        zelf.is_exact()
    }

    fn keys_equal(vm: &mut Vm, a: &Dict, b: &Dict) -> PyResult<bool> {
        let (before_a, before_b) = (a.changes(vm), b.changes(vm));
        let (mut i, mut j) = (0, 0);
        loop {
            let x = a.next_from(vm, i).map(|(p, k, _)| (p, k.clone()));
            let y = b.next_from(vm, j).map(|(p, k, _)| (p, k.clone()));
            match (x, y) {
                (None, None) => return Ok(true),
                (Some((p, x)), Some((q, y))) => {
                    (i, j) = (p, q);
                    let equal = vm.eq(&x, &y)?;
                    if a.changes(vm) != before_a || b.changes(vm) != before_b {
                        return Err(vm.runtime_error("OrderedDict mutated during iteration"));
                    }
                    if !equal {
                        return Ok(false);
                    }
                }
                _ => return Ok(false),
            }
        }
    }

    /// The repr of the items as those of a plain dict.
    fn repr_items(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let copy = vm.new_dict()?;
        if Self::plain(zelf) {
            copy.copy_from(vm, Self::dict(zelf))?;
        } else {
            let items = vm.intern("items");
            let items = vm.call_method(zelf.as_value(), &items, &[])?;
            copy.merge_pairs(vm, &items, krait_runtime::types::dict::MergeMode::Override)?;
        }
        vm.repr(copy.as_value())
    }
}

#[pymethods(parts(more))]
impl OrderedDict {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<OrderedDict>> {
        vm.new_instance(cls, OrderedDict { base: Dict::new() })
    }

    #[init]
    fn init(zelf: &Py<OrderedDict>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let given = args.positional().len();
        if given > 1 {
            return Err(vm.type_error(format!("expected at most 1 argument, got {given}")));
        }
        Self::update_common(vm, zelf.as_value(), args)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
        let dict = Self::as_dict(zelf, vm)?;
        OrderedIter::new(vm, dict, Gives::Keys, false)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = zelf.as_value().ty().tp_name();
        let name = name.rsplit('.').next().unwrap_or_default().to_owned();
        if zelf.base.is_empty(vm) {
            return vm.new_str(&format!("{name}()"));
        }
        if vm.repr_enter(zelf.as_value()) {
            return vm.new_str("...");
        }
        let items = Self::repr_items(zelf, vm);
        vm.repr_leave(zelf.as_value());
        let mut text = TextBuf::from(format!("{name}("));
        text.push_text(&items?.to_text());
        text.push_str(")");
        vm.new_str_text(&text)
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(dict) = other.downcast::<Dict>() else { return Ok(Value::not_implemented()) };
        if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::not_implemented());
        }
        let mut equal = self.base.equals(vm, dict)?;
        if equal && other.is::<OrderedDict>() {
            equal = Self::keys_equal(vm, &self.base, dict)?;
        }
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        if !a.is::<Dict>() || !b.is::<Dict>() {
            return Ok(Value::not_implemented());
        }
        let ty = if a.is::<OrderedDict>() { a.ty().to_value() } else { b.ty().to_value() };
        let new = vm.call(&ty, std::slice::from_ref(a))?;
        Self::update_from(vm, &new, b)?;
        Ok(new)
    }

    #[slot(inplace_or)]
    fn nb_ior(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        Self::update_from(vm, a, b)?;
        Ok(a.clone())
    }
}

#[pymethods(part = more)]
impl OrderedDict {
    /// Create a new ordered dictionary with keys from iterable and values set to value.
    #[classmethod(sig = "(iterable, value=None)")]
    fn fromkeys(cls: &Py<PyType>, iterable: &Value, value: Value, vm: &mut Vm) -> PyResult {
        let new = vm.call(cls.as_value(), &[])?;
        let iterator = vm.iter(iterable)?;
        while let Some(key) = vm.iter_next(&iterator)? {
            vm.setitem(&new, &key, &value)?;
        }
        Ok(new)
    }

    /// D.update([E, ]**F) -> None.  Set items from a mapping or from pairs, each by self[key] = value.
    #[method]
    fn update(zelf: &Py<OrderedDict>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let given = args.positional().len();
        if given > 1 {
            return Err(vm.type_error(format!("update() takes at most 1 positional argument ({given} given)")));
        }
        Self::update_common(vm, zelf.as_value(), args)
    }

    /// Insert key with a value of default if key is not in the dictionary.
    ///
    /// Return the value for key if key is in the dictionary, else default.
    #[method(sig = "(key, default=None)")]
    fn setdefault(zelf: &Py<OrderedDict>, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        if Self::plain(zelf) {
            return zelf.base.set_default(vm, key, default);
        }
        if vm.contains(zelf.as_value(), key)? {
            return vm.getitem(zelf.as_value(), key);
        }
        vm.setitem(zelf.as_value(), key, &default)?;
        Ok(default)
    }

    /// od.pop(key[,default]) -> v, remove specified key and return the corresponding value.
    ///
    /// If the key is not found, return the default if given; otherwise, raise a KeyError.
    #[method(sig = "(key, default=?)", text = "(key, default=<unrepresentable>)")]
    fn pop(zelf: &Py<OrderedDict>, key: &Value, default: Option<&Value>, vm: &mut Vm) -> PyResult {
        if Self::plain(zelf) {
            let hash = Dict::hash_key(vm, key)?;
            let place = zelf.base.find(vm, key, hash)?;
            return match (place.and_then(|p| zelf.base.remove_at(vm, p)), default) {
                (Some((_, value)), _) => Ok(value),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(vm.key_error(key)),
            };
        }
        if vm.contains(zelf.as_value(), key)? {
            let value = vm.getitem(zelf.as_value(), key)?;
            vm.delitem(zelf.as_value(), key)?;
            return Ok(value);
        }
        match default {
            Some(default) => Ok(default.clone()),
            None => Err(vm.key_error(key)),
        }
    }

    /// Remove and return a (key, value) pair from the dictionary.
    ///
    /// Pairs are returned in LIFO order if last is true or FIFO order if false.
    #[method(sig = "(last=True)")]
    fn popitem(zelf: &Py<OrderedDict>, last: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let place = if last {
            let end = zelf.base.end(vm);
            zelf.base.prev_from(vm, end).map(|(p, _, _)| p)
        } else {
            zelf.base.next_from(vm, 0).map(|(p, _, _)| p - 1)
        };
        let Some(place) = place else {
            let message = vm.new_str("dictionary is empty")?;
            return Err(vm.key_error(message.as_value()));
        };
        if Self::plain(zelf) {
            if let Some((key, value)) = zelf.base.remove_at(vm, place) {
                return vm.new_tuple([key, value]);
            }
        }
        let Some(key) = zelf.base.entry_at(vm, place).map(|(k, _)| k.clone()) else { return vm.new_tuple([]) };
        let value = vm.getitem(zelf.as_value(), &key)?;
        vm.delitem(zelf.as_value(), &key)?;
        vm.new_tuple([key, value])
    }

    /// Move an existing element to the end (or beginning if last is false).
    ///
    /// Raise KeyError if the element does not exist.
    #[method(sig = "(key, last=True)")]
    fn move_to_end(&self, key: &Value, last: bool, vm: &mut Vm) -> PyResult<()> {
        if self.base.is_empty(vm) {
            return Err(vm.key_error(key));
        }
        let hash = Dict::hash_key(vm, key)?;
        let Some(place) = self.base.find(vm, key, hash)? else { return Err(vm.key_error(key)) };
        let edge = if last {
            let end = self.base.end(vm);
            self.base.prev_from(vm, end).map(|(p, _, _)| p)
        } else {
            self.base.next_from(vm, 0).map(|(p, _, _)| p - 1)
        };
        if edge == Some(place) {
            return Ok(());
        }
        self.base.move_to(vm, place, last)
    }

    /// D.keys() -> a set-like object providing a view on D's keys
    #[method]
    fn keys(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult {
        OrderedKeys::make(vm, zelf)
    }

    /// D.items() -> a set-like object providing a view on D's items
    #[method]
    fn items(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult {
        OrderedItems::make(vm, zelf)
    }

    /// D.values() -> an object providing a view on D's values
    #[method]
    fn values(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult {
        OrderedValues::make(vm, zelf)
    }

    /// Remove all items from ordered dict.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.base.clear(vm);
        Ok(())
    }

    /// A shallow copy of ordered dict.
    #[method]
    fn copy(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult {
        if Self::plain(zelf) {
            let new = vm.new_object(OrderedDict { base: Dict::new() })?;
            new.base.copy_from(vm, &zelf.base)?;
            return Ok(new.into_value());
        }
        let ty = zelf.as_value().ty().to_value();
        let new = vm.call(&ty, &[])?;
        let keys: Vec<Value> = zelf.base.iter(vm).map(|(k, _)| k.clone()).collect();
        for key in keys {
            let value = vm.getitem(zelf.as_value(), &key)?;
            vm.setitem(&new, &key, &value)?;
        }
        Ok(new)
    }

    /// Return a reverse iterator over the keys.
    #[method(name = "__reversed__")]
    fn reversed(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
        let dict = Self::as_dict(zelf, vm)?;
        OrderedIter::new(vm, dict, Gives::Keys, true)
    }

    /// Return state information for pickling
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let state = vm.call_method(zelf.as_value(), n!(__getstate__), &[])?;
        let items = vm.intern("items");
        let items = vm.call_method(zelf.as_value(), &items, &[])?;
        let items = vm.iter(&items)?;
        let empty = vm.new_tuple([])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), empty, state, Value::none(), items])
    }

    /// The memory that the dictionary takes, in bytes: as CPython counts, with a list of nodes besides the dict.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.base.size_of(vm) + 104 + self.base.len(vm) * 56)
    }
}
