//! `deque`: a double-ended queue over a ring buffer, perhaps of bounded length.
//!
//! A counter of changes tells iterators and searches that the deque was changed under them.

use krait_runtime::types::list::methods::{push_str, quick_eq};
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use krait_unicode::TextBuf;
use std::cell::Cell;
use std::collections::VecDeque;

/// A list-like sequence optimized for data accesses near its endpoints.
#[pyclass(module = "collections", name = "deque", flags(BASETYPE, SEQUENCE), managed, text_signature = "([iterable[, maxlen]])")]
pub struct Deque {
    items: GilCell<VecDeque<Value>>,
    maxlen: Cell<Option<usize>>,
    changes: Cell<u64>,
}

impl Deque {
    fn payload(maxlen: Option<usize>) -> Deque {
        Deque { items: GilCell::default(), maxlen: Cell::new(maxlen), changes: Cell::new(0) }
    }

    fn changed(&self) {
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    fn len(&self, vm: &Vm) -> usize {
        self.items.get(vm).len()
    }

    fn at(&self, vm: &Vm, index: usize) -> Option<Value> {
        self.items.get(vm).get(index).cloned()
    }

    /// Puts an item at the right end; what falls out on the left is returned.
    fn push(&self, vm: &mut Vm, item: Value) -> PyResult<Option<Value>> {
        self.make_room(vm)?;
        self.changed();
        let maxlen = self.maxlen.get();
        let items = self.items.get_mut(vm);
        items.push_back(item);
        Ok(if maxlen.is_some_and(|m| items.len() > m) { items.pop_front() } else { None })
    }

    fn push_left(&self, vm: &mut Vm, item: Value) -> PyResult<Option<Value>> {
        self.make_room(vm)?;
        self.changed();
        let maxlen = self.maxlen.get();
        let items = self.items.get_mut(vm);
        items.push_front(item);
        Ok(if maxlen.is_some_and(|m| items.len() > m) { items.pop_back() } else { None })
    }

    /// Room for one more.
    fn make_room(&self, vm: &mut Vm) -> PyResult<()> {
        if self.items.get_mut(vm).try_reserve(1).is_ok() { Ok(()) } else { Err(vm.memory_error()) }
    }

    fn extend_with(zelf: &Py<Deque>, vm: &mut Vm, iterable: &Value, left: bool) -> PyResult<()> {
        let copy;
        let source = if iterable.is_same(zelf.as_value()) {
            copy = vm.collect(iterable).and_then(|items| vm.new_list(items))?.into_value();
            &copy
        } else {
            iterable
        };
        let iterator = vm.iter(source)?;
        while let Some(item) = vm.iter_next(&iterator)? {
            let old = if left { zelf.push_left(vm, item)? } else { zelf.push(vm, item)? };
            drop(old);
        }
        Ok(())
    }

    /// The first position in `start..stop` whose item equals `item`; RuntimeError or IndexError, as `mutated` words it, if the deque changes meanwhile.
    fn find(&self, vm: &mut Vm, item: &Value, start: usize, stop: usize, mutated: impl Fn(&mut Vm) -> krait_runtime::Raised) -> PyResult<Option<usize>> {
        let changes = self.changes.get();
        for i in start..stop {
            let Some(x) = self.at(vm, i) else { break };
            let equal = match quick_eq(&x, item) {
                Some(equal) => equal,
                None => vm.eq(&x, item)?,
            };
            if self.changes.get() != changes {
                return Err(mutated(vm));
            }
            if equal {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    fn rotate_by(&self, vm: &mut Vm, n: isize) {
        self.changed();
        let items = self.items.get_mut(vm);
        let len = items.len() as isize;
        if len > 1 {
            let n = n.rem_euclid(len) as usize;
            items.rotate_right(n);
        }
    }

    fn index_of(&self, vm: &mut Vm, index: isize) -> PyResult<usize> {
        let len = self.len(vm);
        match usize::try_from(index).ok().filter(|&i| i < len) {
            Some(i) => Ok(i),
            None => Err(vm.index_error("deque index out of range")),
        }
    }

    /// An index as a subscript; negative ones count from the end.
    fn subscript(&self, vm: &mut Vm, key: &Value) -> PyResult<usize> {
        if key.as_small_int().is_none() && key.ty().slots.nb_index.get().is_none() && !key.is::<krait_runtime::types::int::Int>() {
            let name = key.type_name();
            return Err(vm.type_error(format!("sequence index must be integer, not '{name}'")));
        }
        let index = vm.as_isize(key)?;
        let index = if index < 0 { index.saturating_add_unsigned(self.len(vm)) } else { index };
        self.index_of(vm, index)
    }

    fn new_like(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult {
        if zelf.is_exact() {
            let new = vm.new_object(Deque::payload(zelf.maxlen.get()))?;
            let items = zelf.items.load(vm);
            new.items.replace(vm, items);
            return Ok(new.into_value());
        }
        let ty = zelf.as_value().ty().to_value();
        let new = match zelf.maxlen.get() {
            None => vm.call(&ty, &[zelf.to_value()])?,
            Some(maxlen) => {
                let maxlen = vm.new_int(maxlen)?;
                vm.call(&ty, &[zelf.to_value(), maxlen])?
            }
        };
        if !new.is::<Deque>() {
            let (class, got) = (zelf.as_value().type_name(), new.type_name());
            return Err(vm.type_error(format!("{class}() must return a deque, not {got}")));
        }
        Ok(new)
    }

    /// Makes the contents `count` copies in a row, cut to the maximum length on the left.
    fn repeat_in_place(&self, vm: &mut Vm, count: isize) -> PyResult<()> {
        self.changed();
        let len = self.len(vm);
        if count <= 0 || len == 0 {
            let old = self.items.replace(vm, VecDeque::new());
            drop(old);
            return Ok(());
        }
        let mut count = count as usize;
        if let Some(maxlen) = self.maxlen.get() {
            count = count.min(maxlen / len + 2);
        }
        let Some(total) = len.checked_mul(count) else { return Err(vm.memory_error()) };
        let items = self.items.get_mut(vm);
        if !krait_heap::fits_memory(total.saturating_mul(8)) || items.try_reserve(total - len).is_err() {
            return Err(vm.memory_error());
        }
        for i in 0..total - len {
            if let Some(item) = items.get(i).cloned() {
                items.push_back(item);
            }
        }
        let extra = self.maxlen.get().map_or(0, |m| total.saturating_sub(m));
        let old: Vec<Value> = items.drain(..extra).collect();
        drop(old);
        Ok(())
    }
}

fn parse_init(vm: &mut Vm, args: Args<'_>) -> PyResult<(Option<Value>, Option<Value>)> {
    let given = args.values().len();
    if given > 2 {
        return Err(vm.type_error(format!("deque() takes at most 2 arguments ({given} given)")));
    }
    let (mut iterable, mut maxlen) = (args.positional().first().cloned(), args.positional().get(1).cloned());
    for (key, value) in args.keywords() {
        let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
        match &*text {
            "iterable" if iterable.is_none() => iterable = Some(value.clone()),
            "maxlen" if maxlen.is_none() => maxlen = Some(value.clone()),
            "iterable" | "maxlen" => {
                let place = if text == "iterable" { 1 } else { 2 };
                return Err(vm.type_error(format!("argument for deque() given by name ('{text}') and position ({place})")));
            }
            _ => return Err(vm.type_error(format!("deque() got an unexpected keyword argument '{text}'"))),
        }
    }
    Ok((iterable, maxlen))
}

#[pymethods(parts(more))]
impl Deque {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Deque>> {
        vm.new_instance(cls, Deque::payload(None))
    }

    #[init]
    fn init(zelf: &Py<Deque>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let (iterable, maxlen) = parse_init(vm, args)?;
        let maxlen = match maxlen.filter(|m| !m.is_none()) {
            None => None,
            Some(maxlen) => {
                if !maxlen.is::<krait_runtime::types::int::Int>() {
                    return Err(vm.type_error("an integer is required"));
                }
                match vm.int_as_i128(&maxlen).and_then(|i| isize::try_from(i).ok()) {
                    Some(i) if i < 0 => return Err(vm.value_error("maxlen must be non-negative")),
                    Some(i) => Some(i as usize),
                    None => return Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
                }
            }
        };
        zelf.maxlen.set(maxlen);
        if zelf.len(vm) > 0 {
            zelf.clear(vm)?;
        }
        match iterable {
            Some(iterable) => Deque::extend_with(zelf, vm, &iterable, false),
            None => Ok(()),
        }
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len(vm))
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        let i = self.index_of(vm, index)?;
        Ok(self.at(vm, i).unwrap_or_else(Value::none))
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        let i = self.subscript(vm, key)?;
        Ok(self.at(vm, i).unwrap_or_else(Value::none))
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let i = self.subscript(vm, key)?;
        let items = self.items.get_mut(vm);
        let old = match value {
            Some(value) => items.get_mut(i).map(|slot| std::mem::replace(slot, value.clone())),
            None => items.remove(i),
        };
        if value.is_none() {
            self.changed();
        }
        drop(old);
        Ok(())
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        let stop = self.len(vm);
        Ok(self.find(vm, item, 0, stop, |vm| vm.runtime_error("deque mutated during iteration"))?.is_some())
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<Deque>, other: &Value, vm: &mut Vm) -> PyResult {
        if !other.is::<Deque>() {
            let name = other.type_name();
            let name = name.rsplit('.').next().unwrap_or_default();
            return Err(vm.type_error(format!("can only concatenate deque (not \"{name}\") to deque")));
        }
        let new = Deque::new_like(zelf, vm)?;
        match new.downcast::<Deque>() {
            Some(deque) => Deque::extend_with(deque, vm, other, false)?,
            None => {
                let extend = vm.intern("extend");
                vm.call_method(&new, &extend, std::slice::from_ref(other))?;
            }
        }
        Ok(new)
    }

    #[slot(inplace_concat)]
    fn slot_inplace_concat(zelf: &Py<Deque>, other: &Value, vm: &mut Vm) -> PyResult<Py<Deque>> {
        Deque::extend_with(zelf, vm, other, false)?;
        Ok(zelf.clone())
    }

    #[slot(repeat)]
    fn slot_repeat(zelf: &Py<Deque>, count: isize, vm: &mut Vm) -> PyResult {
        let new = Deque::new_like(zelf, vm)?;
        if let Some(deque) = new.downcast::<Deque>() {
            deque.repeat_in_place(vm, count)?;
        }
        Ok(new)
    }

    #[slot(inplace_repeat)]
    fn slot_inplace_repeat(zelf: &Py<Deque>, count: isize, vm: &mut Vm) -> PyResult<Py<Deque>> {
        zelf.repeat_in_place(vm, count)?;
        Ok(zelf.clone())
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Deque>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(right) = other.downcast::<Deque>() else { return Ok(Value::not_implemented()) };
        if zelf.is(right) {
            return Ok(Value::from_bool(op.matches(std::cmp::Ordering::Equal)));
        }
        if matches!(op, CompareOp::Eq | CompareOp::Ne) && zelf.len(vm) != right.len(vm) {
            return Ok(Value::from_bool(op == CompareOp::Ne));
        }
        let (a, b) = (vm.iter(zelf.as_value())?, vm.iter(other)?);
        loop {
            let (x, y) = (vm.iter_next(&a)?, vm.iter_next(&b)?);
            match (x, y) {
                (Some(x), Some(y)) => {
                    if vm.eq(&x, &y)? {
                        continue;
                    }
                    return match op {
                        CompareOp::Eq => Ok(Value::from_bool(false)),
                        CompareOp::Ne => Ok(Value::from_bool(true)),
                        CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => vm.rich_compare(&x, &y, op),
                    };
                }
                (x, y) => return Ok(Value::from_bool(op.matches(x.is_some().cmp(&y.is_some())))),
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if vm.repr_enter(zelf.as_value()) {
            return vm.new_str("[...]");
        }
        let items = vm.collect(zelf.as_value()).and_then(|items| vm.new_list(items)).and_then(|list| vm.repr(list.as_value()));
        vm.repr_leave(zelf.as_value());
        let name = zelf.as_value().ty().tp_name();
        let mut text = TextBuf::from(format!("{}(", name.rsplit('.').next().unwrap_or_default()));
        push_str(&mut text, &items?);
        if let Some(maxlen) = zelf.maxlen.get() {
            text.push_str(&format!(", maxlen={maxlen}"));
        }
        text.push_str(")");
        vm.new_str_text(&text)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult<Py<DequeIter>> {
        let cursor = Cursor::new(vm, zelf.clone());
        vm.new_object(DequeIter { cursor })
    }
}

#[pymethods(part = more)]
impl Deque {
    /// Maximum size of a deque or None if unbounded.
    #[getter(name = "maxlen")]
    fn get_maxlen(&self) -> Option<usize> {
        self.maxlen.get()
    }

    /// Add an element to the right side of the deque.
    #[method(sig = "(item, /)")]
    fn append(&self, item: Value, vm: &mut Vm) -> PyResult<()> {
        let old = self.push(vm, item);
        drop(old);
        Ok(())
    }

    /// Add an element to the left side of the deque.
    #[method(sig = "(item, /)")]
    fn appendleft(&self, item: Value, vm: &mut Vm) -> PyResult<()> {
        let old = self.push_left(vm, item);
        drop(old);
        Ok(())
    }

    /// Remove all elements from the deque.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.changed();
        let old = self.items.replace(vm, VecDeque::new());
        drop(old);
        Ok(())
    }

    /// Return a shallow copy of a deque.
    #[method]
    fn copy(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult {
        Deque::new_like(zelf, vm)
    }

    /// Return a shallow copy of a deque.
    #[method(name = "__copy__")]
    fn dunder_copy(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult {
        Deque::new_like(zelf, vm)
    }

    /// Return number of occurrences of value.
    #[method(sig = "(value, /)")]
    fn count(&self, value: &Value, vm: &mut Vm) -> PyResult<usize> {
        let (mut n, mut from) = (0, 0);
        let stop = self.len(vm);
        while let Some(i) = self.find(vm, value, from, stop, |vm| vm.runtime_error("deque mutated during iteration"))? {
            n += 1;
            from = i + 1;
        }
        Ok(n)
    }

    /// Extend the right side of the deque with elements from the iterable.
    #[method(sig = "(iterable, /)")]
    fn extend(zelf: &Py<Deque>, iterable: &Value, vm: &mut Vm) -> PyResult<()> {
        Deque::extend_with(zelf, vm, iterable, false)
    }

    /// Extend the left side of the deque with elements from the iterable.
    #[method(sig = "(iterable, /)")]
    fn extendleft(zelf: &Py<Deque>, iterable: &Value, vm: &mut Vm) -> PyResult<()> {
        Deque::extend_with(zelf, vm, iterable, true)
    }

    /// Return first index of value.
    ///
    /// Raises ValueError if the value is not present.
    #[method(sig = "(value, start=?, stop=?, /)", text = "(value, [start, [stop]])")]
    fn index(&self, value: &Value, start: Option<&Value>, stop: Option<&Value>, vm: &mut Vm) -> PyResult<usize> {
        let (start, stop) = (vm.search_bound(start, 0)?, vm.search_bound(stop, isize::MAX)?);
        let len = self.len(vm) as isize;
        let from_end = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
        let stop = from_end(stop).min(len);
        let start = from_end(start).min(stop);
        match self.find(vm, value, start as usize, stop as usize, |vm| vm.runtime_error("deque mutated during iteration"))? {
            Some(i) => Ok(i),
            None => Err(vm.value_error("deque.index(x): x not in deque")),
        }
    }

    /// Insert value before index.
    #[method(sig = "(index, value, /)")]
    fn insert(&self, index: isize, value: Value, vm: &mut Vm) -> PyResult<()> {
        let len = self.len(vm);
        if self.maxlen.get() == Some(len) {
            return Err(vm.index_error("deque already at its maximum size"));
        }
        let at = if index < 0 { index.saturating_add_unsigned(len).max(0) } else { index };
        self.changed();
        self.items.get_mut(vm).insert((at as usize).min(len), value);
        Ok(())
    }

    /// Remove and return the rightmost element.
    #[method]
    fn pop(&self, vm: &mut Vm) -> PyResult {
        let item = self.items.get_mut(vm).pop_back();
        self.changed();
        item.ok_or_else(|| vm.index_error("pop from an empty deque"))
    }

    /// Remove and return the leftmost element.
    #[method]
    fn popleft(&self, vm: &mut Vm) -> PyResult {
        let item = self.items.get_mut(vm).pop_front();
        self.changed();
        item.ok_or_else(|| vm.index_error("pop from an empty deque"))
    }

    /// Remove first occurrence of value.
    #[method(sig = "(value, /)")]
    fn remove(&self, value: &Value, vm: &mut Vm) -> PyResult<()> {
        let stop = self.len(vm);
        match self.find(vm, value, 0, stop, |vm| vm.index_error("deque mutated during remove()."))? {
            Some(i) => {
                self.changed();
                let old = self.items.get_mut(vm).remove(i);
                drop(old);
                Ok(())
            }
            None => Err(vm.value_error("deque.remove(x): x not in deque")),
        }
    }

    /// Reverse *IN PLACE*.
    #[method]
    fn reverse(&self, vm: &mut Vm) -> PyResult<()> {
        self.items.get_mut(vm).make_contiguous().reverse();
        Ok(())
    }

    /// Rotate the deque n steps to the right.  If n is negative, rotates left.
    #[method(sig = "(n=1, /)")]
    fn rotate(&self, n: isize, vm: &mut Vm) -> PyResult<()> {
        self.rotate_by(vm, n);
        Ok(())
    }

    /// Return a reverse iterator over the deque.
    #[method(name = "__reversed__")]
    fn reversed(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult<Py<DequeReverseIter>> {
        let cursor = Cursor::new(vm, zelf.clone());
        vm.new_object(DequeReverseIter { cursor })
    }

    /// Return state information for pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Deque>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let state = vm.call_method(zelf.as_value(), n!(__getstate__), &[])?;
        let iterator = vm.iter(zelf.as_value())?;
        let args = match zelf.maxlen.get() {
            None => vm.new_tuple([])?,
            Some(maxlen) => {
                let empty = vm.new_tuple([])?.into_value();
                let maxlen = vm.new_int(maxlen)?;
                vm.new_tuple([empty, maxlen])?
            }
        };
        vm.new_tuple([zelf.as_value().ty().to_value(), args.into_value(), state, iterator])
    }

    /// Return the size of the deque in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        // As CPython counts: blocks of 64 items with two links.
        Ok(216 + (self.len(vm) / 64 + 1) * 528)
    }

    /// See PEP 585
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

/// Where an iteration stands.
#[derive(krait_runtime::Traverse)]
struct Cursor {
    deque: Py<Deque>,
    done: Cell<usize>,
    left: Cell<usize>,
    changes: Cell<u64>,
}

impl Cursor {
    fn new(vm: &Vm, deque: Py<Deque>) -> Cursor {
        let (left, changes) = (deque.len(vm), deque.changes.get());
        Cursor { deque, done: Cell::new(0), left: Cell::new(left), changes: Cell::new(changes) }
    }

    fn step(&self, vm: &mut Vm, backwards: bool) -> PyResult<Option<Value>> {
        if self.changes.get() != self.deque.changes.get() {
            self.left.set(0);
            return Err(vm.runtime_error("deque mutated during iteration"));
        }
        let left = self.left.get();
        if left == 0 {
            return Ok(None);
        }
        let item = self.deque.at(vm, if backwards { left - 1 } else { self.done.get() });
        self.left.set(left - 1);
        self.done.set(self.done.get() + 1);
        Ok(item)
    }

    fn reduce(&self, vm: &mut Vm, ty: Value) -> PyResult<Py<Tuple>> {
        let done = self.deque.len(vm).saturating_sub(self.left.get());
        let done = vm.new_int(done)?;
        let args = vm.new_tuple([self.deque.to_value(), done])?.into_value();
        vm.new_tuple([ty, args])
    }
}

macro_rules! iterators {
    ($($(#[$doc:meta])* $ty:ident $name:tt $backwards:tt;)*) => {$(
        $(#[$doc])*
        #[pyclass(module = "collections", name = $name, gc)]
        pub struct $ty {
            cursor: Cursor,
        }

        #[pymethods]
        impl $ty {
            #[new(sig = "(deque, index=0, /)")]
            #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
            fn new(cls: &Py<PyType>, deque: &Value, index: isize, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let Some(deque) = deque.downcast::<Deque>() else {
                    let name = deque.type_name();
                    return Err(vm.type_error(format!("{}() argument 1 must be collections.deque, not {name}", $name)));
                };
                let cursor = Cursor::new(vm, deque.clone());
                for _ in 0..index {
                    if cursor.step(vm, $backwards)?.is_none() {
                        break;
                    }
                }
                vm.new_instance(cls, $ty { cursor })
            }

            #[slot(iter)]
            fn slot_iter(zelf: &Py<$ty>) -> Py<$ty> {
                zelf.clone()
            }

            #[slot(iternext)]
            fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
                self.cursor.step(vm, $backwards)
            }

            /// Private method returning an estimate of len(list(it)).
            #[method(name = "__length_hint__")]
            fn length_hint(&self) -> usize {
                self.cursor.left.get()
            }

            /// Return state information for pickling.
            #[method(name = "__reduce__")]
            fn reduce(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
                zelf.cursor.reduce(vm, zelf.as_value().ty().to_value())
            }
        }
    )*};
}

iterators! {
    /// Iterator over a deque.
    DequeIter "_deque_iterator" false;
    /// Iterator over a deque, backwards.
    DequeReverseIter "_deque_reverse_iterator" true;
}
