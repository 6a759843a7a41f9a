//! Methods and slots of `tuple`.

use super::{Tuple, compare_items, hash};
use crate::types::list::methods::repr_items;
use crate::types::slice::Slice;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

#[pymethods]
impl Tuple {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let exact = cls.is(<Tuple as crate::PyClass>::type_object(vm));
        let args = args.for_new::<Tuple>(vm, cls)?;
        crate::args::check_positional(vm, "tuple", args.positional().len(), 0, 1)?;
        let items = match args.positional().first() {
            None => Vec::new(),
            Some(iterable) => {
                if let Some(tuple) = iterable.downcast_exact::<Tuple>() {
                    return if exact { Ok(tuple.clone()) } else { vm.new_tuple_of(cls, tuple.items().iter().cloned()) };
                }
                vm.collect(iterable)?
            }
        };
        vm.new_tuple_of(cls, items)
    }

    /// Size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        /// Header, length and hash.
        const HEAD: usize = 32;
        HEAD + self.len() * size_of::<Value>()
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len())
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult {
        match usize::try_from(index).ok().and_then(|i| self.items().get(i)) {
            Some(item) => Ok(item.clone()),
            None => Err(vm.index_error("tuple index out of range")),
        }
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<Tuple>, key: &Value, vm: &mut Vm) -> PyResult {
        if let Some(i) = key.as_small_int() {
            let at = if i < 0 { i + zelf.len() as i64 } else { i };
            return zelf.slot_item(at as isize, vm);
        }
        if let Some(slice) = key.downcast_exact::<Slice>() {
            let range = slice.resolve(vm, |_| zelf.len())?;
            if range.count == zelf.len() && range.step == 1 && zelf.is_exact() {
                return Ok(zelf.to_value());
            }
            let items = vm.picked(&range, zelf.items())?;
            return Ok(vm.new_tuple(items)?.into_value());
        }
        if key.type_ref().slots.nb_index.get().is_none() && !key.is::<crate::types::int::Int>() {
            let name = key.type_name();
            return Err(vm.type_error(format!("tuple indices must be integers or slices, not {name}")));
        }
        let index = vm.as_isize(key)?;
        let at = if index < 0 { index.saturating_add_unsigned(zelf.len()) } else { index };
        zelf.slot_item(at, vm)
    }

    #[slot(contains)]
    fn slot_contains(&self, item: &Value, vm: &mut Vm) -> PyResult<bool> {
        for x in self.items() {
            if x.is_same(item) || vm.eq(x, item)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    #[slot(concat)]
    fn slot_concat(zelf: &Py<Tuple>, other: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let Some(right) = other.downcast::<Tuple>() else {
            let name = other.type_name();
            return Err(vm.type_error(format!("can only concatenate tuple (not \"{name}\") to tuple")));
        };
        if zelf.is_empty() && right.is_exact() {
            return Ok(right.clone());
        }
        if right.is_empty() && zelf.is_exact() {
            return Ok(zelf.clone());
        }
        let mut items = Vec::new();
        vm.reserve(&mut items, zelf.len() + right.len())?;
        items.extend_from_slice(zelf.items());
        items.extend_from_slice(right.items());
        vm.new_tuple(items)
    }

    #[slot(repeat)]
    fn slot_repeat(zelf: &Py<Tuple>, count: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if (count == 1 || zelf.is_empty()) && zelf.is_exact() {
            return Ok(zelf.clone());
        }
        match crate::types::list::methods::repeat_items(zelf.items(), count) {
            Some(items) => vm.new_tuple(items),
            None => Err(vm.memory_error()),
        }
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let cached = self.hash.get();
        if cached != -1 {
            return Ok(cached);
        }
        vm.check_stack(" while hashing")?;
        let mut acc = hash::P5;
        for item in self.items() {
            acc = hash::mix(acc, vm.hash(item)?);
        }
        let result = hash::finish(acc, self.len());
        self.hash.set(result);
        Ok(result)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<Tuple>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Tuple>() else { return Ok(Value::not_implemented()) };
        compare_items(vm, zelf.items(), other.items(), op)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Tuple>, vm: &mut Vm) -> PyResult<Py<Str>> {
        if zelf.is_empty() {
            return vm.new_str("()");
        }
        let close = if zelf.len() == 1 { ",)" } else { ")" };
        let get = |_: &Vm, i: usize| zelf.items().get(i).cloned();
        repr_items(vm, zelf.as_value(), ["(", "(...)", close], get)
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Tuple>, vm: &mut Vm) -> PyResult<Py<TupleIter>> {
        vm.new_object(TupleIter { index: Cell::new(0), tuple: crate::GilCell::new(Some(zelf.clone())) })
    }

    /// How often value occurs.
    #[method(sig = "(value, /)")]
    fn count(&self, value: &Value, vm: &mut Vm) -> PyResult<usize> {
        let mut n = 0;
        for x in self.items() {
            if x.is_same(value) || vm.eq(x, value)? {
                n += 1;
            }
        }
        Ok(n)
    }

    /// The index of the first item equal to value.
    ///
    /// Raises ValueError if there is none.
    #[method(sig = "(value, start=?, stop=?, /)", text = "(value, start=0, stop=sys.maxsize, /)")]
    fn index(&self, value: &Value, start: Option<&Value>, stop: Option<&Value>, vm: &mut Vm) -> PyResult<usize> {
        let len = self.len() as isize;
        let from_end = |i: isize| if i < 0 { i.saturating_add(len).max(0) } else { i };
        let start = from_end(vm.search_bound(start, 0)?);
        let stop = from_end(vm.search_bound(stop, isize::MAX)?).min(len);
        for i in start..stop.max(start) {
            let Some(x) = self.items().get(i as usize) else { break };
            if x.is_same(value) || vm.eq(x, value)? {
                return Ok(i as usize);
            }
        }
        Err(vm.value_error("tuple.index(x): x not in tuple"))
    }

    /// For pickling.
    #[method(name = "__getnewargs__")]
    fn getnewargs(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let copy = vm.new_tuple_from(self.items())?;
        vm.new_tuple(vec![copy.into_value()])
    }

    /// See PEP 585.
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

/// The iterator of `tuple`.
#[pyclass(name = "tuple_iterator", flags(DISALLOW_INSTANTIATION), gc)]
pub struct TupleIter {
    pub index: Cell<usize>,
    pub tuple: crate::GilCell<Option<Py<Tuple>>>,
}

#[pymethods]
impl TupleIter {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<TupleIter>) -> Py<TupleIter> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(tuple) = self.tuple.get(vm) else { return Ok(None) };
        let index = self.index.get();
        if let Some(item) = tuple.items().get(index) {
            self.index.set(index + 1);
            return Ok(Some(item.clone()));
        }
        let old = self.tuple.replace(vm, None);
        drop(old);
        Ok(None)
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.tuple.get(vm).as_ref().map_or(0, |t| t.len().saturating_sub(self.index.get())))
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let iter = vm.builtin(n!(iter))?;
        let tuple = self.tuple.load(vm);
        crate::types::iter::reduce_at(vm, iter, tuple.map(Py::into_value), self.index.get())
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        let len = self.tuple.get(vm).as_ref().map_or(0, |t| t.len());
        self.index.set(usize::try_from(index).unwrap_or(0).min(len));
        Ok(())
    }
}
