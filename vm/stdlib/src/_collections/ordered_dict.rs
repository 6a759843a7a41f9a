//! `OrderedDict`: a dict with a list of its keys in order beside it ([`KeyOrder`]).
//!
//! The list holds what went through this class; keys that were put into the dict or taken out of it behind its back show as in CPython:
//! they are missing from iteration, or raise KeyError.

use super::order::{KeyOrder, Node};
use super::ordered_views::{Gives, OrderedItems, OrderedIter, OrderedKeys, OrderedValues};
use krait_runtime::types::dict::{Dict, MergeMode};
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use krait_unicode::TextBuf;

/// Dictionary that remembers insertion order
#[pyclass(module = "collections", name = "OrderedDict", base = Dict, flags(BASETYPE, MANAGED_DICT, MANAGED_WEAKREF), managed)]
#[repr(C)]
pub struct OrderedDict {
    pub base: Dict,
    pub order: GilCell<KeyOrder>,
}

impl OrderedDict {
    fn empty() -> OrderedDict {
        OrderedDict { base: Dict::new(), order: GilCell::default() }
    }

    /// The place of a key in the dict, and its node.
    pub fn locate(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<(Option<usize>, Option<Node>)> {
        let place = self.base.find(vm, key, hash)?;
        let node = place.and_then(|p| self.base.entry_at(vm, p)).and_then(|(stored, _)| self.order.get(vm).find(stored));
        Ok((place, node))
    }

    /// The node of a key, as iteration looks for it again by its hash.
    pub fn locate_anew(&self, vm: &mut Vm, key: &Value) -> PyResult<(usize, Node)> {
        let hash = Dict::hash_key(vm, key)?;
        match self.locate(vm, key, hash)? {
            (Some(place), Some(node)) => Ok((place, node)),
            _ => Err(vm.key_error(key)),
        }
    }

    fn set_hashed(&self, vm: &mut Vm, key: &Value, hash: i64, value: Value) -> PyResult<()> {
        let (place, node) = self.locate(vm, key, hash)?;
        let stored = match place {
            Some(place) => {
                let old = self.base.set_value_at(vm, place, value);
                let stored = self.base.entry_at(vm, place).map(|(k, _)| k.clone());
                drop(old);
                stored
            }
            None => {
                self.base.insert_missing(vm, key.clone(), hash, value)?;
                Some(key.clone())
            }
        };
        if let (None, Some(stored)) = (node, stored) {
            self.order.get_mut(vm).push(stored, hash);
        }
        Ok(())
    }

    /// Takes out a key, with its node if it has one.
    fn remove_hashed(&self, vm: &mut Vm, key: &Value, hash: i64) -> PyResult<Option<Value>> {
        let (place, node) = self.locate(vm, key, hash)?;
        let key = node.and_then(|n| self.order.get_mut(vm).remove(n));
        let entry = place.and_then(|p| self.base.remove_at(vm, p));
        drop(key);
        Ok(entry.map(|(_, value)| value))
    }

    fn check_unchanged(&self, vm: &mut Vm, state: u64) -> PyResult<()> {
        if self.order.get(vm).state() == state {
            return Ok(());
        }
        Err(vm.runtime_error("OrderedDict mutated during iteration"))
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

    fn keys_equal(vm: &mut Vm, a: &OrderedDict, b: &OrderedDict) -> PyResult<bool> {
        let (state_a, state_b) = (a.order.get(vm).state(), b.order.get(vm).state());
        let (mut i, mut j) = (a.order.get(vm).end(false), b.order.get(vm).end(false));
        loop {
            let (Some(m), Some(n)) = (i, j) else { return Ok(i == j) };
            let x = a.order.get(vm).key(m).map(|(k, _)| k.clone());
            let y = b.order.get(vm).key(n).map(|(k, _)| k.clone());
            let (Some(x), Some(y)) = (x, y) else { return Ok(false) };
            let equal = vm.eq(&x, &y)?;
            a.check_unchanged(vm, state_a)?;
            b.check_unchanged(vm, state_b)?;
            if !equal {
                return Ok(false);
            }
            (i, j) = (a.order.get(vm).beside(m, false), b.order.get(vm).beside(n, false));
        }
    }

    fn copy_items(&self, zelf: &Value, new: &Value, vm: &mut Vm) -> PyResult<()> {
        let state = self.order.get(vm).state();
        let exact = zelf.is_exact::<OrderedDict>();
        let mut next = self.order.get(vm).end(false);
        while let Some(node) = next {
            let Some((key, hash)) = self.order.get(vm).key(node).map(|(k, h)| (k.clone(), h)) else { return Ok(()) };
            match new.downcast::<OrderedDict>().filter(|_| exact) {
                Some(new) => {
                    let Some(value) = self.base.get(vm, &key)? else { return Err(vm.key_error(&key)) };
                    self.check_unchanged(vm, state)?;
                    new.set_hashed(vm, &key, hash, value)?;
                }
                None => {
                    let value = vm.getitem(zelf, &key)?;
                    self.check_unchanged(vm, state)?;
                    vm.setitem(new, &key, &value)?;
                }
            }
            self.check_unchanged(vm, state)?;
            next = self.order.get(vm).beside(node, false);
        }
        Ok(())
    }
}

#[pymethods(parts(more))]
impl OrderedDict {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<OrderedDict>> {
        vm.new_instance(cls, OrderedDict::empty())
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
        OrderedIter::new(vm, zelf.clone(), Gives::Keys, false)
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let hash = Dict::hash_key(vm, key)?;
        match value {
            Some(value) => self.set_hashed(vm, key, hash, value.clone()),
            None => match self.remove_hashed(vm, key, hash)? {
                Some(_) => Ok(()),
                None => Err(vm.key_error(key)),
            },
        }
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
        let items = vm.new_dict().and_then(|copy| {
            copy.merge(vm, zelf.as_value(), MergeMode::Override)?;
            vm.repr(copy.as_value())
        });
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
        if let Some(other) = other.downcast::<OrderedDict>().filter(|_| equal) {
            equal = Self::keys_equal(vm, self, other)?;
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
            let hash = Dict::hash_key(vm, key)?;
            if let Some(value) = zelf.base.get_hashed(vm, key, hash)? {
                return Ok(value);
            }
            zelf.set_hashed(vm, key, hash, default.clone())?;
            return Ok(default);
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
    fn pop(&self, key: &Value, default: Option<&Value>, vm: &mut Vm) -> PyResult {
        let hash = Dict::hash_key(vm, key)?;
        let known = matches!(self.locate(vm, key, hash)?, (_, Some(_)));
        let value = if known { self.remove_hashed(vm, key, hash)? } else { None };
        match (value, default) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(vm.key_error(key)),
        }
    }

    /// Remove and return a (key, value) pair from the dictionary.
    ///
    /// Pairs are returned in LIFO order if last is true or FIFO order if false.
    #[method(sig = "(last=True)")]
    fn popitem(&self, last: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let order = self.order.get(vm);
        let Some((key, hash)) = order.end(last).and_then(|n| order.key(n)).map(|(k, h)| (k.clone(), h)) else {
            let message = vm.new_str("dictionary is empty")?;
            return Err(vm.key_error(message.as_value()));
        };
        match self.remove_hashed(vm, &key, hash)? {
            Some(value) => vm.new_tuple([key, value]),
            None => Err(vm.key_error(&key)),
        }
    }

    /// Move an existing element to the end (or beginning if last is false).
    ///
    /// Raise KeyError if the element does not exist.
    #[method(sig = "(key, last=True)")]
    fn move_to_end(&self, key: &Value, last: bool, vm: &mut Vm) -> PyResult<()> {
        let order = self.order.get(vm);
        let Some(end) = order.end(last) else { return Err(vm.key_error(key)) };
        if order.key(end).is_some_and(|(k, _)| k.is_same(key)) {
            return Ok(());
        }
        let (_, node) = self.locate_anew(vm, key)?;
        self.order.get_mut(vm).move_to_end(node, last);
        Ok(())
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
        let keys = self.order.get_mut(vm).take_all();
        self.base.clear(vm);
        drop(keys);
        Ok(())
    }

    /// A shallow copy of ordered dict.
    #[method]
    fn copy(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult {
        let new = if Self::plain(zelf) {
            vm.new_object(OrderedDict::empty())?.into_value()
        } else {
            let ty = zelf.as_value().ty().to_value();
            vm.call(&ty, &[])?
        };
        zelf.copy_items(zelf.as_value(), &new, vm)?;
        Ok(new)
    }

    /// Return a reverse iterator over the keys.
    #[method(name = "__reversed__")]
    fn reversed(zelf: &Py<OrderedDict>, vm: &mut Vm) -> PyResult<Py<OrderedIter>> {
        OrderedIter::new(vm, zelf.clone(), Gives::Keys, true)
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
        let nodes = self.base.len(vm);
        let index = if self.order.get(vm).is_empty() { 0 } else { self.base.index_size(vm) * 8 };
        Ok(self.base.size_of(vm) + 64 + index + nodes * 32)
    }
}
