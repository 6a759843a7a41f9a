//! Methods and slots of `set` and `frozenset`, and their iterator.

use super::algebra::{self, copy, replace_contents};
use super::{FrozenSet, Set, SetData, any_set, hash_or_frozen};
use crate::types::list::methods::push_str;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_unicode::TextBuf;
use std::cell::Cell;

/// Whether the two are equal as sets.
fn equal(vm: &mut Vm, a: &SetData, b: &SetData) -> PyResult<bool> {
    let (x, y) = (a.hash.get(), b.hash.get());
    if a.len(vm) != b.len(vm) || (x != -1 && y != -1 && x != y) {
        return Ok(false);
    }
    algebra::is_subset(vm, a, b)
}

fn compare(vm: &mut Vm, a: &SetData, other: &Value, op: CompareOp) -> PyResult {
    let Some(b) = any_set(other) else { return Ok(Value::not_implemented()) };
    let (m, n) = (a.len(vm), b.len(vm));
    let result = match op {
        CompareOp::Eq => equal(vm, a, b)?,
        CompareOp::Ne => !equal(vm, a, b)?,
        CompareOp::Le => algebra::is_subset(vm, a, b)?,
        CompareOp::Lt => m < n && algebra::is_subset(vm, a, b)?,
        CompareOp::Ge => algebra::is_subset(vm, b, a)?,
        CompareOp::Gt => m > n && algebra::is_subset(vm, b, a)?,
    };
    Ok(Value::from_bool(result))
}

fn contains(vm: &mut Vm, set: &SetData, key: &Value) -> PyResult<bool> {
    let (hash, frozen) = hash_or_frozen(vm, key)?;
    Ok(set.find(vm, frozen.as_ref().unwrap_or(key), hash)?.is_some())
}

fn repr(vm: &mut Vm, object: &Value, set: &SetData, exact: bool) -> PyResult<Py<Str>> {
    let name = object.ty().tp_name();
    let name = name.rsplit('.').next().unwrap_or_default().to_owned();
    if vm.repr_enter(object) {
        return vm.new_str(&format!("{name}(...)"));
    }
    let elements = set.to_vec(vm);
    if elements.is_empty() {
        vm.repr_leave(object);
        return vm.new_str(&format!("{name}()"));
    }
    let mut text = TextBuf::from(if exact { "{".to_owned() } else { format!("{name}({{") });
    let mut first = true;
    let result: PyResult<()> = elements.iter().try_for_each(|element| {
        if !std::mem::replace(&mut first, false) {
            text.push_str(", ");
        }
        let element = vm.repr(element)?;
        push_str(&mut text, &element);
        Ok(())
    });
    vm.repr_leave(object);
    result?;
    text.push_str(if exact { "}" } else { "})" });
    vm.new_str_text(&text)
}

fn binary(vm: &mut Vm, a: &Value, b: &Value, op: fn(&mut Vm, &Value, &Value) -> PyResult) -> PyResult {
    if any_set(a).is_none() || any_set(b).is_none() {
        return Ok(Value::not_implemented());
    }
    op(vm, a, b)
}

fn union(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let result = copy(vm, a)?;
    if let Some(data) = any_set(&result) {
        data.update(vm, b)?;
    }
    Ok(result)
}

fn shuffle(hash: i64) -> u64 {
    let h = hash as u64;
    (h ^ 89_869_747 ^ (h << 16)).wrapping_mul(3_644_798_167)
}

fn frozen_hash(vm: &Vm, set: &SetData) -> i64 {
    let cached = set.hash.get();
    if cached != -1 {
        return cached;
    }
    let mut hash = set.table.get(vm).iter().fold(0, |acc, (h, _)| acc ^ shuffle(h));
    hash ^= (set.len(vm) as u64 + 1).wrapping_mul(1_927_868_237);
    hash ^= (hash >> 11) ^ (hash >> 25);
    hash = hash.wrapping_mul(69_069).wrapping_add(907_133_923);
    let hash = if hash == u64::MAX { 590_923_713 } else { hash as i64 };
    set.hash.set(hash);
    hash
}

macro_rules! common {
    ($ty:ident) => {
        #[pymethods(part = common)]
        impl $ty {
            #[slot(len)]
            fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
                Ok(self.data.len(vm))
            }

            /// Whether the object is in the set.
            #[method(name = "__contains__", sig = "(object, /)")]
            fn contains_method(&self, object: &Value, vm: &mut Vm) -> PyResult<bool> {
                contains(vm, &self.data, object)
            }

            #[slot(contains)]
            fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
                contains(vm, &self.data, key)
            }

            #[slot(iter)]
            fn slot_iter(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<SetIter>> {
                new_iter(vm, zelf.as_value(), &zelf.data)
            }

            #[slot(repr)]
            fn slot_repr(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<Str>> {
                repr(vm, zelf.as_value(), &zelf.data, zelf.as_value().is_exact::<Set>())
            }

            #[slot(richcompare)]
            fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
                compare(vm, &self.data, other, op)
            }

            #[slot(or)]
            fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, union)
            }

            #[slot(and)]
            fn nb_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, algebra::intersection)
            }

            #[slot(sub)]
            fn nb_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, algebra::difference)
            }

            #[slot(xor)]
            fn nb_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, algebra::symmetric_difference)
            }

            /// Return a new set with elements from the set and all others.
            #[method(text = "($self, /, *others)")]
            fn union(zelf: &Py<$ty>, args: Args<'_>, vm: &mut Vm) -> PyResult {
                args.no_keywords(vm, concat!(stringify!($ty), ".union"))?;
                let result = copy(vm, zelf.as_value())?;
                if let Some(data) = any_set(&result) {
                    for other in args.positional() {
                        data.update(vm, other)?;
                    }
                }
                Ok(result)
            }

            /// Return a new set with the elements common to the set and all others.
            #[method(text = "($self, /, *others)")]
            fn intersection(zelf: &Py<$ty>, args: Args<'_>, vm: &mut Vm) -> PyResult {
                args.no_keywords(vm, concat!(stringify!($ty), ".intersection"))?;
                let Some((first, rest)) = args.positional().split_first() else { return copy(vm, zelf.as_value()) };
                let mut result = algebra::intersection(vm, zelf.as_value(), first)?;
                for other in rest {
                    result = algebra::intersection(vm, &result, other)?;
                }
                Ok(result)
            }

            /// Return a new set with the elements of the set that are in none of the others.
            #[method(text = "($self, /, *others)")]
            fn difference(zelf: &Py<$ty>, args: Args<'_>, vm: &mut Vm) -> PyResult {
                args.no_keywords(vm, concat!(stringify!($ty), ".difference"))?;
                let Some((first, rest)) = args.positional().split_first() else { return copy(vm, zelf.as_value()) };
                let result = algebra::difference(vm, zelf.as_value(), first)?;
                for other in rest {
                    algebra::difference_update(vm, &result, other)?;
                }
                Ok(result)
            }

            /// Return a new set with the elements that are either in the set or in other, but not in both.
            #[method(sig = "(other, /)")]
            fn symmetric_difference(zelf: &Py<$ty>, other: &Value, vm: &mut Vm) -> PyResult {
                algebra::symmetric_difference(vm, zelf.as_value(), other)
            }

            /// Report whether the two have no element in common.
            #[method(sig = "(other, /)")]
            fn isdisjoint(zelf: &Py<$ty>, other: &Value, vm: &mut Vm) -> PyResult<bool> {
                algebra::is_disjoint(vm, zelf.as_value(), other)
            }

            /// Report whether another set contains this set.
            #[method(sig = "(other, /)")]
            fn issubset(zelf: &Py<$ty>, other: &Value, vm: &mut Vm) -> PyResult<bool> {
                if let Some(theirs) = any_set(other) {
                    return algebra::is_subset(vm, &zelf.data, theirs);
                }
                let common = algebra::intersection(vm, zelf.as_value(), other)?;
                Ok(any_set(&common).map(|c| c.len(vm)) == Some(zelf.data.len(vm)))
            }

            /// Report whether this set contains another set.
            #[method(sig = "(other, /)")]
            fn issuperset(&self, other: &Value, vm: &mut Vm) -> PyResult<bool> {
                if let Some(theirs) = any_set(other) {
                    return algebra::is_subset(vm, theirs, &self.data);
                }
                let iterator = vm.iter(other)?;
                while let Some(key) = vm.iter_next(&iterator)? {
                    if !self.data.contains(vm, &key)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }

            /// For pickling.
            #[method(name = "__reduce__")]
            fn reduce(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                let elements = zelf.data.to_vec(vm);
                let elements = vm.new_list(elements)?.into_value();
                let args = vm.new_tuple([elements])?.into_value();
                let state = vm.call_method(zelf.as_value(), n!(__getstate__), &[])?;
                vm.new_tuple([zelf.as_value().ty().to_value(), args, state])
            }

            /// The memory that the set takes, in bytes.
            #[method(name = "__sizeof__")]
            fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
                let n = self.data.table.get(vm).slots.len();
                Ok(200 + if n > 8 { n * 16 } else { 0 })
            }

            /// See PEP 585.
            #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
            fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
                vm.generic_alias(cls, object)
            }
        }
    };
}

common!(Set);
common!(FrozenSet);

#[pymethods(parts(common))]
impl Set {
    #[new]
    fn new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult {
        vm.new_set_of(cls, false, None)
    }

    #[init]
    fn init(zelf: &Py<Set>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        args.no_keywords(vm, "set")?;
        crate::args::check_positional(vm, "set", args.positional().len(), 0, 1)?;
        zelf.data.clear(vm);
        match args.positional().first() {
            Some(iterable) => zelf.data.update(vm, iterable),
            None => Ok(()),
        }
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Set>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(inplace_or)]
    fn nb_ior(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let (Some(set), Some(other)) = (any_set(a), any_set(b)) else { return Ok(Value::not_implemented()) };
        set.merge(vm, other)?;
        Ok(a.clone())
    }

    #[slot(inplace_and)]
    fn nb_iand(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let (Some(set), Some(_)) = (any_set(a), any_set(b)) else { return Ok(Value::not_implemented()) };
        let new = algebra::intersection(vm, a, b)?;
        replace_contents(vm, set, &new);
        Ok(a.clone())
    }

    #[slot(inplace_sub)]
    fn nb_isub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        if any_set(a).is_none() || any_set(b).is_none() {
            return Ok(Value::not_implemented());
        }
        algebra::difference_update(vm, a, b)?;
        Ok(a.clone())
    }

    #[slot(inplace_xor)]
    fn nb_ixor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        if any_set(a).is_none() || any_set(b).is_none() {
            return Ok(Value::not_implemented());
        }
        algebra::symmetric_update(vm, a, b)?;
        Ok(a.clone())
    }

    /// Add an element to a set.
    ///
    /// This has no effect if the element is already present.
    #[method(sig = "(object, /)")]
    fn add(&self, object: &Value, vm: &mut Vm) -> PyResult<()> {
        self.data.add(vm, object)?;
        Ok(())
    }

    /// Remove all elements from this set.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.data.clear(vm);
        Ok(())
    }

    /// Return a shallow copy of a set.
    #[method(name = "copy")]
    fn copy_method(zelf: &Py<Set>, vm: &mut Vm) -> PyResult {
        copy(vm, zelf.as_value())
    }

    /// Remove an element from a set if it is a member.
    ///
    /// Unlike remove, this does not raise an exception when it is missing.
    #[method(sig = "(object, /)")]
    fn discard(&self, object: &Value, vm: &mut Vm) -> PyResult<()> {
        let (hash, frozen) = hash_or_frozen(vm, object)?;
        self.data.discard_hashed(vm, frozen.as_ref().unwrap_or(object), hash)?;
        Ok(())
    }

    /// Remove an element from a set; it must be a member.
    ///
    /// Raises KeyError if it is not.
    #[method(sig = "(object, /)")]
    fn remove(&self, object: &Value, vm: &mut Vm) -> PyResult<()> {
        let (hash, frozen) = hash_or_frozen(vm, object)?;
        if self.data.discard_hashed(vm, frozen.as_ref().unwrap_or(object), hash)? {
            return Ok(());
        }
        Err(vm.key_error(object))
    }

    /// Remove and return an arbitrary set element.
    ///
    /// Raises KeyError if the set is empty.
    #[method]
    fn pop(&self, vm: &mut Vm) -> PyResult {
        let table = self.data.table.get_mut(vm);
        let start = table.finger & table.mask();
        let found = table.next_from(start).or_else(|| table.next_from(0)).map(|(at, _, _)| at);
        if let Some(at) = found {
            table.finger = at + 1;
            if let Some(value) = table.remove(at) {
                return Ok(value);
            }
        }
        let message = vm.new_str("pop from an empty set")?;
        Err(vm.key_error(message.as_value()))
    }

    /// Update the set, adding elements from all others.
    #[method(text = "($self, /, *others)")]
    fn update(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        args.no_keywords(vm, "set.update")?;
        for other in args.positional() {
            self.data.update(vm, other)?;
        }
        Ok(())
    }

    /// Update the set, keeping only elements found in it and all others.
    #[method(text = "($self, /, *others)")]
    fn intersection_update(zelf: &Py<Set>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let new = Set::intersection(zelf, args, vm)?;
        replace_contents(vm, &zelf.data, &new);
        Ok(())
    }

    /// Update the set, removing elements found in others.
    #[method(text = "($self, /, *others)")]
    fn difference_update(zelf: &Py<Set>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        args.no_keywords(vm, "set.difference_update")?;
        for other in args.positional() {
            algebra::difference_update(vm, zelf.as_value(), other)?;
        }
        Ok(())
    }

    /// Update the set, keeping only elements found in either set, but not in both.
    #[method(sig = "(other, /)")]
    fn symmetric_difference_update(zelf: &Py<Set>, other: &Value, vm: &mut Vm) -> PyResult<()> {
        algebra::symmetric_update(vm, zelf.as_value(), other)
    }
}

#[pymethods(parts(common))]
impl FrozenSet {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let exact = cls.is(<FrozenSet as crate::PyClass>::type_object(vm));
        let args = args.for_new::<FrozenSet>(vm, cls)?;
        crate::args::check_positional(vm, "frozenset", args.positional().len(), 0, 1)?;
        let iterable = args.positional().first();
        if let (true, Some(same)) = (exact, iterable.filter(|v| v.is_exact::<FrozenSet>())) {
            return Ok(same.clone());
        }
        vm.new_set_of(cls, true, iterable)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        Ok(frozen_hash(vm, &self.data))
    }

    /// Return a shallow copy of a set.
    #[method(name = "copy")]
    fn copy_method(zelf: &Py<FrozenSet>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() { Ok(zelf.to_value()) } else { copy(vm, zelf.as_value()) }
    }
}

/// The iterator of sets.
#[pyclass(name = "set_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct SetIter {
    set: GilCell<Option<Value>>,
    used: Cell<usize>,
    at: Cell<usize>,
    left: Cell<usize>,
}

fn new_iter(vm: &mut Vm, set: &Value, data: &SetData) -> PyResult<Py<SetIter>> {
    let used = data.len(vm);
    vm.new_object(SetIter { set: GilCell::new(Some(set.clone())), used: Cell::new(used), at: Cell::new(0), left: Cell::new(used) })
}

impl SetIter {
    /// The next element and where to go on.
    fn peek(&self, vm: &mut Vm, at: usize) -> PyResult<Option<(usize, Value)>> {
        let Some(data) = self.set.get(vm).as_ref().and_then(any_set) else { return Ok(None) };
        let table = data.table.get(vm);
        if table.used != self.used.get() {
            self.used.set(usize::MAX);
            return Err(vm.runtime_error("Set changed size during iteration"));
        }
        Ok(table.next_from(at).map(|(found, _, value)| (found + 1, value.clone())))
    }
}

#[pymethods]
impl SetIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<SetIter>) -> Py<SetIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        match self.peek(vm, self.at.get())? {
            Some((next, value)) => {
                self.at.set(next);
                self.left.set(self.left.get().saturating_sub(1));
                Ok(Some(value))
            }
            None => {
                let old = self.set.replace(vm, None);
                drop(old);
                Ok(None)
            }
        }
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
        let same = self.set.get(vm).as_ref().and_then(any_set).is_some_and(|d| d.len(vm) == self.used.get());
        Ok(if same { self.left.get() } else { 0 })
    }

    /// For pickling: an iterator over a list of what is left.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut items = Vec::new();
        let mut at = self.at.get();
        while let Some((next, value)) = self.peek(vm, at)? {
            items.push(value);
            at = next;
        }
        let iter = vm.builtin(n!(iter))?;
        let list = vm.new_list(items)?.into_value();
        let args = vm.new_tuple([list])?.into_value();
        vm.new_tuple([iter, args])
    }
}
