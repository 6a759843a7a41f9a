//! Methods and slots of `list`.

use super::List;
use super::sort::sort_list;
use crate::types::slice::{Slice, SliceRange};
use crate::types::slots::CompareOp;
use crate::types::str_::{Str, StrBuilder};
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pymethods};
use krait_unicode::TextBuf;

/// The text of a sequence: `[open, recursive, close]`, items given by `get` until it gives none.
pub fn repr_items(vm: &mut Vm, object: &Value, [open, recursive, close]: [&str; 3], get: impl Fn(&Vm, usize) -> Option<Value>) -> PyResult<Py<Str>> {
    if vm.repr_enter(object) {
        return vm.new_str(recursive);
    }
    let mut text = StrBuilder::new();
    text.push_str(open);
    let result = (|| {
        let mut i = 0;
        while let Some(item) = get(vm, i) {
            if i > 0 {
                text.push_str(", ");
            }
            let item = vm.repr(&item)?;
            text.push_object(&item);
            i += 1;
        }
        Ok(())
    })();
    vm.repr_leave(object);
    result?;
    text.push_str(close);
    text.finish(vm)
}

/// Appends the characters of a string object.
pub fn push_str(text: &mut TextBuf, s: &Py<Str>) {
    match s.as_ascii() {
        Some(s) => text.push_str(s),
        None => text.push_text(&s.to_text()),
    }
}

/// `count` copies of the items in a row; none when that is more than memory holds.
pub fn repeat_items(items: &[Value], count: isize) -> Option<Vec<Value>> {
    let mut out = Vec::new();
    let count = usize::try_from(count).unwrap_or(0);
    if items.is_empty() || count == 0 {
        return Some(out);
    }
    let total = items.len().checked_mul(count)?;
    if !krait_heap::fits_memory(total.checked_mul(size_of::<Value>())?) {
        return None;
    }
    out.try_reserve_exact(total).ok()?;
    if let [one] = items {
        out.resize(count, one.clone());
    } else {
        for _ in 0..count {
            out.extend_from_slice(items);
        }
    }
    Some(out)
}

/// Whether two values are equal, when that can be told at once.
#[inline(always)]
pub fn quick_eq(a: &Value, b: &Value) -> Option<bool> {
    if a.is_same(b) {
        return Some(true);
    }
    if a.is_small_int() && b.is_small_int() {
        return Some(false);
    }
    match (a.downcast_exact::<Str>(), b.downcast_exact::<Str>()) {
        (Some(x), Some(y)) => Some(x.eq_chars(y)),
        _ => None,
    }
}

/// Whether `a < b`, when that can be told without running anything: ints, floats, narrow strings, tuples of those.
pub fn quick_lt(a: &Value, b: &Value) -> Option<bool> {
    if let (Some(x), Some(y)) = (a.as_small_int(), b.as_small_int()) {
        return Some(x < y);
    }
    if let (Some(x), Some(y)) = (a.as_inline_float(), b.as_inline_float()) {
        return Some(x < y);
    }
    if let (Some(x), Some(y)) = (a.downcast_exact::<Str>(), b.downcast_exact::<Str>()) {
        return Some(x.data().narrow()? < y.data().narrow()?);
    }
    let (x, y) = (a.downcast_exact::<Tuple>()?, b.downcast_exact::<Tuple>()?);
    for (a, b) in x.items().iter().zip(y.items()) {
        // A float that is no number is equal to itself in a tuple, so it is left to those who know.
        if quick_eq(a, b).or_else(|| Some(a.as_inline_float()? == b.as_inline_float()?))? {
            continue;
        }
        // Tuples in tuples may be deep.
        return if a.is_exact::<Tuple>() { None } else { quick_lt(a, b) };
    }
    Some(x.len() < y.len())
}

impl List {
    /// The first position from `from` on, below `stop`, whose item equals `item`. Comparing may change the list.
    pub fn find(&self, vm: &mut Vm, item: &Value, from: usize, stop: usize) -> PyResult<Option<usize>> {
        let mut i = from;
        loop {
            let items = self.items(vm);
            let undecided = loop {
                let Some(x) = items.get(i).filter(|_| i < stop) else { return Ok(None) };
                match quick_eq(x, item) {
                    Some(true) => return Ok(Some(i)),
                    Some(false) => i += 1,
                    None => break x.clone(),
                }
            };
            if vm.eq(&undecided, item)? {
                return Ok(Some(i));
            }
            i += 1;
        }
    }

    /// Appends all items of an iterable.
    pub fn extend_from(zelf: &Py<List>, vm: &mut Vm, iterable: &Value) -> PyResult<()> {
        if iterable.is_exact::<List>() || iterable.is_exact::<Tuple>() {
            let mut new = vm.collect(iterable)?;
            zelf.make_room(vm, new.len())?;
            zelf.items_mut(vm).append(&mut new);
            return Ok(());
        }
        let iterator = vm.iter(iterable)?;
        let hint = vm.length_hint(iterable, 8)?;
        // The hint may be a lie; one that no list could satisfy is left out of account.
        if hint <= isize::MAX as usize - zelf.items(vm).len() && !krait_heap::fits_memory(hint.saturating_mul(8)) {
            return Err(vm.memory_error());
        }
        zelf.make_room(vm, hint.min(1 << 20))?;
        while let Some(item) = vm.iter_next(&iterator)? {
            zelf.push(vm, item)?;
        }
        Ok(())
    }

    fn at(&self, vm: &mut Vm, index: isize) -> Option<usize> {
        let len = self.items(vm).len();
        let index = if index < 0 { index.saturating_add_unsigned(len) } else { index };
        usize::try_from(index).ok().filter(|&i| i < len)
    }

    fn bad_key(vm: &mut Vm, key: &Value) -> crate::Raised {
        let name = key.type_name();
        vm.type_error(format!("list indices must be integers or slices, not {name}"))
    }

    fn index_key(vm: &mut Vm, key: &Value) -> PyResult<isize> {
        if let Some(i) = key.as_small_int() {
            return Ok(i as isize);
        }
        if key.type_ref().slots.nb_index.get().is_none() && !key.is::<crate::types::int::Int>() {
            return Err(Self::bad_key(vm, key));
        }
        vm.as_isize(key)
    }

    fn slice_of(&self, vm: &mut Vm, range: SliceRange) -> PyResult<Py<List>> {
        vm.require_room(range.count * size_of::<Value>())?;
        let items = self.items(vm);
        let out: Vec<Value> = if range.step == 1 {
            let start = range.start as usize;
            items.get(start..start + range.count).map(<[Value]>::to_vec).unwrap_or_default()
        } else {
            let mut out = Vec::with_capacity(range.count);
            out.extend(range.indices().filter_map(|i| items.get(i).cloned()));
            out
        };
        vm.new_list(out)
    }

    fn delete_slice(&self, vm: &mut Vm, range: SliceRange) {
        if range.count == 0 {
            return;
        }
        let items = self.items_mut(vm);
        let old: Vec<Value> = if range.step == 1 {
            let start = range.start as usize;
            items.drain(start..start + range.count).collect()
        } else {
            // Upwards, whichever way the slice went.
            let (first, step) = if range.step < 0 {
                (range.start + range.step * (range.count as isize - 1), range.step.unsigned_abs())
            } else {
                (range.start, range.step as usize)
            };
            let first = first as usize;
            let mut removed = Vec::with_capacity(range.count);
            let mut index = 0;
            let kept: Vec<Value> = std::mem::take(items)
                .into_iter()
                .filter_map(|x| {
                    let at = index;
                    index += 1;
                    if at >= first && (at - first).is_multiple_of(step) && removed.len() < range.count {
                        removed.push(x);
                        None
                    } else {
                        Some(x)
                    }
                })
                .collect();
            *items = kept;
            removed
        };
        drop(old);
    }

    fn assign_slice(zelf: &Py<List>, slice: &Slice, value: &Value, vm: &mut Vm) -> PyResult<()> {
        let (start, stop, step) = slice.unpack(vm)?;
        let new = vm.sequence_fast(value, "must assign iterable to extended slice")?;
        let range = SliceRange::adjust(zelf.items(vm).len(), start, stop, step);
        let old: Vec<Value> = if step == 1 {
            let (start, end) = (range.start as usize, range.start as usize + range.count);
            zelf.make_room(vm, new.len())?;
            let items = zelf.items_mut(vm);
            match items.get_mut(start..end) {
                Some(part) if part.len() == new.len() => {
                    let mut new = new;
                    part.swap_with_slice(&mut new);
                    new
                }
                _ => items.splice(start..end, new).collect(),
            }
        } else {
            if new.len() != range.count {
                let (have, want) = (new.len(), range.count);
                return Err(vm.value_error(format!("attempt to assign sequence of size {have} to extended slice of size {want}")));
            }
            let items = zelf.items_mut(vm);
            range.indices().zip(new).filter_map(|(i, x)| Some(std::mem::replace(items.get_mut(i)?, x))).collect()
        };
        drop(old);
        Ok(())
    }
}

#[pymethods(parts(more))]
impl List {
    #[new]
    fn new_list(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<List>> {
        vm.new_instance(cls, List::new(Vec::new()))
    }

    #[init]
    fn init(zelf: &Py<List>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let list_type = <List as crate::PyClass>::type_object(vm);
        if args.has_keywords() && (zelf.is_exact() || same_new(zelf.as_value().ty(), list_type)) {
            args.no_keywords(vm, "list")?;
        }
        crate::args::check_positional(vm, "list", args.positional().len(), 0, 1)?;
        let old = std::mem::take(zelf.items_mut(vm));
        drop(old);
        match args.positional().first() {
            Some(iterable) => List::extend_from(zelf, vm, iterable),
            None => Ok(()),
        }
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.items(vm).len())
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        match usize::try_from(index).ok().and_then(|i| self.items(vm).get(i)) {
            Some(item) => Ok(item.clone()),
            None => Err(vm.index_error("list index out of range")),
        }
    }

    /// The result of self[index].
    #[method(name = "__getitem__", sig = "(index, /)")]
    fn getitem_method(&self, index: &Value, vm: &mut Vm) -> PyResult {
        self.slot_getitem(index, vm)
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(i) = key.as_small_int() {
            let items = self.items(vm);
            let at = if i < 0 { i + items.len() as i64 } else { i };
            return match items.get(at as usize) {
                Some(item) => Ok(item.clone()),
                None => Err(vm.index_error("list index out of range")),
            };
        }
        if let Some(slice) = key.downcast_exact::<Slice>() {
            let range = slice.resolve(vm, |vm| self.items(vm).len())?;
            return Ok(self.slice_of(vm, range)?.into_value());
        }
        let index = Self::index_key(vm, key)?;
        match self.at(vm, index) {
            Some(i) => self.slot_item(i as isize, vm),
            None => Err(vm.index_error("list index out of range")),
        }
    }

    #[slot(setitem)]
    fn slot_setitem(zelf: &Py<List>, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if let Some(slice) = key.downcast_exact::<Slice>() {
            return match value {
                Some(value) => List::assign_slice(zelf, slice, value, vm),
                None => {
                    let range = slice.resolve(vm, |vm| zelf.items(vm).len())?;
                    zelf.delete_slice(vm, range);
                    Ok(())
                }
            };
        }
        let index = Self::index_key(vm, key)?;
        let Some(i) = zelf.at(vm, index) else { return Err(vm.index_error("list assignment index out of range")) };
        let items = zelf.items_mut(vm);
        let old = match value {
            Some(value) => items.get_mut(i).map(|slot| std::mem::replace(slot, value.clone())),
            None => Some(items.remove(i)),
        };
        drop(old);
        Ok(())
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.find(vm, item, 0, usize::MAX)?.is_some())
    }

    #[slot(concat)]
    fn slot_concat(&self, other: &Value, vm: &mut Vm) -> PyResult<Py<List>> {
        let Some(right) = other.downcast::<List>() else {
            let name = other.type_name();
            return Err(vm.type_error(format!("can only concatenate list (not \"{name}\") to list")));
        };
        let size = size_of_val(self.items(vm)) + size_of_val(right.items(vm));
        vm.require_room(size)?;
        let items = [self.items(vm), right.items(vm)].concat();
        vm.new_list(items)
    }

    #[slot(inplace_concat)]
    fn slot_inplace_concat(zelf: &Py<List>, other: &Value, vm: &mut Vm) -> PyResult<Py<List>> {
        List::extend_from(zelf, vm, other)?;
        Ok(zelf.clone())
    }

    #[slot(repeat)]
    fn slot_repeat(&self, count: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        match repeat_items(self.items(vm), count) {
            Some(items) => vm.new_list(items),
            None => Err(vm.memory_error()),
        }
    }

    #[slot(inplace_repeat)]
    fn slot_inplace_repeat(zelf: &Py<List>, count: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        if count != 1 {
            let Some(items) = repeat_items(zelf.items(vm), count) else { return Err(vm.memory_error()) };
            let old = std::mem::replace(zelf.items_mut(vm), items);
            drop(old);
        }
        Ok(zelf.clone())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<List>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if zelf.items(vm).is_empty() {
            return vm.new_str("[]");
        }
        repr_items(vm, zelf.as_value(), ["[", "[...]", "]"], |vm, i| zelf.items(vm).get(i).cloned())
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        Err(vm.type_error("unhashable type: 'list'"))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<List>() else { return Ok(Value::not_implemented()) };
        if self.items(vm).len() != other.items(vm).len() && matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::from_bool(op == CompareOp::Ne));
        }
        let mut i = 0;
        loop {
            let (a, b) = (self.items(vm), other.items(vm));
            let (Some(x), Some(y)) = (a.get(i), b.get(i)) else {
                return Ok(Value::from_bool(op.matches(a.len().cmp(&b.len()))));
            };
            let (x, y) = match quick_eq(x, y) {
                Some(true) => {
                    i += 1;
                    continue;
                }
                Some(false) => (x.clone(), y.clone()),
                None => {
                    let (x, y) = (x.clone(), y.clone());
                    if vm.eq(&x, &y)? {
                        i += 1;
                        continue;
                    }
                    let (m, n) = (self.items(vm).len(), other.items(vm).len());
                    if i >= m || i >= n {
                        return Ok(Value::from_bool(op.matches(m.cmp(&n))));
                    }
                    (x, y)
                }
            };
            return match op {
                CompareOp::Eq => Ok(Value::from_bool(false)),
                CompareOp::Ne => Ok(Value::from_bool(true)),
                CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => vm.rich_compare(&x, &y, op),
            };
        }
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<List>, vm: &mut Vm) -> PyResult<Py<super::ListIter>> {
        vm.new_object(super::ListIter::new(zelf.clone()))
    }
}

#[pymethods(part = more)]
impl List {
    /// Add an object to the end of the list.
    #[method(sig = "(object, /)")]
    fn append(&self, object: Value, vm: &mut Vm) -> PyResult<()> {
        self.push(vm, object)
    }

    /// Insert an object before index.
    #[method(sig = "(index, object, /)")]
    fn insert(&self, index: isize, object: Value, vm: &mut Vm) -> PyResult<()> {
        self.make_room(vm, 1)?;
        let items = self.items_mut(vm);
        let at = if index < 0 { index.saturating_add_unsigned(items.len()).max(0) } else { index };
        let at = (at as usize).min(items.len());
        items.insert(at, object);
        Ok(())
    }

    /// Append all items of an iterable.
    #[method(sig = "(iterable, /)")]
    fn extend(zelf: &Py<List>, iterable: &Value, vm: &mut Vm) -> PyResult<()> {
        List::extend_from(zelf, vm, iterable)
    }

    /// Take out the item at index (the last one by default) and return it.
    ///
    /// Raises IndexError if the list is empty or has no such index.
    #[method(sig = "(index=-1, /)")]
    fn pop(&self, index: isize, vm: &mut Vm) -> PyResult {
        if self.items(vm).is_empty() {
            return Err(vm.index_error("pop from empty list"));
        }
        match self.at(vm, index) {
            Some(i) => Ok(self.items_mut(vm).remove(i)),
            None => Err(vm.index_error("pop index out of range")),
        }
    }

    /// Take out the first item equal to value.
    ///
    /// Raises ValueError if there is none.
    #[method(sig = "(value, /)")]
    fn remove(&self, value: &Value, vm: &mut Vm) -> PyResult<()> {
        match self.find(vm, value, 0, usize::MAX)? {
            Some(i) => {
                let items = self.items_mut(vm);
                let old = (i < items.len()).then(|| items.remove(i));
                drop(old);
                Ok(())
            }
            None => Err(vm.value_error("list.remove(x): x not in list")),
        }
    }

    /// Take out all items.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        let old = std::mem::take(self.items_mut(vm));
        drop(old);
        Ok(())
    }

    /// A shallow copy of the list.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        let items = self.items(vm).to_vec();
        vm.new_list(items)
    }

    /// The index of the first item equal to value.
    ///
    /// Raises ValueError if there is none.
    #[method(sig = "(value, start=?, stop=?, /)", text = "(value, start=0, stop=sys.maxsize, /)")]
    fn index(&self, value: &Value, start: Option<&Value>, stop: Option<&Value>, vm: &mut Vm) -> PyResult<usize> {
        let start = vm.search_bound(start, 0)?;
        let stop = vm.search_bound(stop, isize::MAX)?;
        let len = self.items(vm).len() as isize;
        let from_end = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
        match self.find(vm, value, from_end(start) as usize, from_end(stop) as usize)? {
            Some(i) => Ok(i),
            None => Err(vm.value_error("list.index(x): x not in list")),
        }
    }

    /// How often value occurs.
    #[method(sig = "(value, /)")]
    fn count(&self, value: &Value, vm: &mut Vm) -> PyResult<usize> {
        let (mut n, mut from) = (0, 0);
        while let Some(i) = self.find(vm, value, from, usize::MAX)? {
            n += 1;
            from = i + 1;
        }
        Ok(n)
    }

    /// Reverse the list in place.
    #[method]
    fn reverse(&self, vm: &mut Vm) -> PyResult<()> {
        self.items_mut(vm).reverse();
        Ok(())
    }

    /// Sort the list in ascending order, in place; equal items keep their order.
    ///
    /// A key function is called once for each item, and its results are compared in the items' place. With reverse the order is descending.
    #[method(sig = "(*, key=None, reverse=False)")]
    fn sort(zelf: &Py<List>, key: Option<&Value>, reverse: bool, vm: &mut Vm) -> PyResult<()> {
        sort_list(zelf, key, reverse, vm)
    }

    /// An iterator over the items from the last to the first.
    #[method(name = "__reversed__")]
    fn reversed(zelf: &Py<List>, vm: &mut Vm) -> PyResult<Py<super::ListReverseIter>> {
        let at = zelf.items(vm).len() as isize - 1;
        vm.new_object(super::ListReverseIter::new(zelf.clone(), at))
    }

    /// The memory that the list takes, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(40 + 8 * self.cell().get(vm).capacity())
    }

    /// See PEP 585.
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

/// Whether two types share their `__new__`.
pub fn same_new(a: &PyType, b: &PyType) -> bool {
    match (a.slots.new.get(), b.slots.new.get()) {
        (Some(x), Some(y)) => std::ptr::fn_addr_eq(x, y),
        _ => false,
    }
}
