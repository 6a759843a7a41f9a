//! `enumerate` and `reversed` (CPython's `enumobject.c`).

use crate::types::dict::Dict;
use crate::types::tuple::{Recycled, Tuple};
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Return an enumerate object.
///
/// It yields pairs of a count, from start on, and an item of the iterable.
#[pyclass(name = "enumerate", flags(BASETYPE), gc, text_signature = "(iterable, start=0)")]
pub struct Enumerate {
    pub iterator: Value,
    /// The next count while it is small.
    pub count: Cell<i64>,
    /// The next count once it no longer is.
    pub long: GilCell<Option<Value>>,
    result: Recycled,
}

const SMALL_END: i64 = 1 << 61;

#[pymethods]
impl Enumerate {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Enumerate>> {
        let (iterable, start) = parse(vm, args)?;
        let (count, long) = match start {
            None => (0, None),
            Some(start) => {
                let start = vm.index(&start)?;
                match start.as_small_int().filter(|i| i.unsigned_abs() < SMALL_END as u64) {
                    Some(i) => (i, None),
                    None => (0, Some(start)),
                }
            }
        };
        let iterator = vm.iter(&iterable)?;
        vm.new_instance(cls, Enumerate { iterator, count: Cell::new(count), long: GilCell::new(long), result: Recycled::default() })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Enumerate>) -> Py<Enumerate> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(item) = vm.iter_next(&self.iterator)? else { return Ok(None) };
        let count = self.take_count(vm)?;
        self.result.pair(vm, count, item).map(Some)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Enumerate>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let count = match zelf.long.load(vm) {
            Some(long) => long,
            None => vm.new_int(zelf.count.get())?,
        };
        let args = vm.new_tuple([zelf.iterator.clone(), count])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }

    /// See PEP 585.
    #[classmethod(name = "__class_getitem__", sig = "(object, /)")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        vm.generic_alias(cls, object)
    }
}

impl Enumerate {
    fn take_count(&self, vm: &mut Vm) -> PyResult {
        let Some(long) = self.long.load(vm) else {
            let count = self.count.get();
            if count < SMALL_END {
                self.count.set(count + 1);
                return vm.new_int(count);
            }
            let next = vm.new_int(count + 1)?;
            self.long.replace(vm, Some(next));
            return vm.new_int(count);
        };
        let big = crate::types::int::IntRef::new(&long).map(|i| i.to_big().into_owned()).unwrap_or_default();
        let next = vm.new_bigint(big + 1u8)?;
        let old = self.long.replace(vm, Some(next));
        drop(old);
        Ok(long)
    }
}

/// `enumerate` words the errors of its arguments in a way of its own.
fn parse(vm: &mut Vm, args: Args<'_>) -> PyResult<(Value, Option<Value>)> {
    let given = args.values().len();
    let positional = args.positional();
    if given > 2 {
        return Err(vm.type_error(format!("enumerate() takes at most 2 arguments ({given} given)")));
    }
    let (mut iterable, mut start) = (positional.first().cloned(), positional.get(1).cloned());
    for (name, value) in args.keywords() {
        let text = name.downcast::<crate::types::str_::Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
        match &*text {
            "iterable" if iterable.is_none() => iterable = Some(value.clone()),
            "start" if start.is_none() => start = Some(value.clone()),
            _ => return Err(vm.type_error(format!("'{text}' is an invalid keyword argument for enumerate()"))),
        }
    }
    match iterable {
        Some(iterable) => Ok((iterable, start)),
        None => Err(vm.type_error("enumerate() missing required argument 'iterable'")),
    }
}

/// Return a reverse iterator over the values of the given sequence.
#[pyclass(name = "reversed", flags(BASETYPE), gc, text_signature = "(object, /)")]
pub struct Reversed {
    pub index: Cell<isize>,
    pub sequence: GilCell<Option<Value>>,
}

#[pymethods]
impl Reversed {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let args = args.for_new::<Reversed>(vm, cls)?;
        crate::args::check_positional(vm, "reversed", args.positional().len(), 1, 1)?;
        let Some(object) = args.positional().first() else { return Ok(Value::none()) };
        match vm.lookup_special(object, n!(__reversed__))? {
            Some(method) if method.is_none() => Err(not_reversible(vm, object)),
            Some(method) => vm.call(&method, &[]),
            None => {
                let slots = &object.type_ref().slots;
                let sequence = !object.is::<Dict>() && (slots.item.get().is_some() || slots.getitem.get().is_some());
                if !sequence {
                    return Err(not_reversible(vm, object));
                }
                let index = vm.len(object)? as isize - 1;
                let payload = Reversed { index: Cell::new(index), sequence: GilCell::new(Some(object.clone())) };
                Ok(vm.new_instance(cls, payload)?.into_value())
            }
        }
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Reversed>) -> Py<Reversed> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        use crate::types::exceptions::{IndexError, StopIteration};
        let index = self.index.get();
        if index >= 0 {
            let Some(sequence) = self.sequence.load(vm) else { return Ok(None) };
            match vm.sequence_item(&sequence, index) {
                Ok(item) => {
                    self.index.set(index - 1);
                    return Ok(Some(item));
                }
                Err(e) if vm.is_raised::<IndexError>(&e) || vm.is_raised::<StopIteration>(&e) => {}
                Err(e) => return Err(e),
            }
        }
        self.index.set(-1);
        let old = self.sequence.replace(vm, None);
        drop(old);
        Ok(None)
    }

    /// An estimate of the items left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<usize> {
        let Some(sequence) = self.sequence.load(vm) else { return Ok(0) };
        let left = usize::try_from(self.index.get() + 1).unwrap_or(0);
        let len = vm.len(&sequence)?;
        Ok(if len < left { 0 } else { left })
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Reversed>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let ty = zelf.as_value().ty().to_value();
        match zelf.sequence.load(vm) {
            Some(sequence) => {
                let args = vm.new_tuple([sequence])?.into_value();
                let index = vm.new_int(zelf.index.get())?;
                vm.new_tuple([ty, args, index])
            }
            None => {
                let empty = vm.new_tuple([])?.into_value();
                let args = vm.new_tuple([empty])?.into_value();
                vm.new_tuple([ty, args])
            }
        }
    }

    /// For unpickling.
    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.as_count(state)?;
        if let Some(sequence) = self.sequence.load(vm) {
            let len = vm.len(&sequence)? as isize;
            self.index.set(index.clamp(-1, len - 1));
        }
        Ok(())
    }
}

fn not_reversible(vm: &mut Vm, object: &Value) -> crate::Raised {
    let name = object.type_name();
    vm.type_error(format!("'{name}' object is not reversible"))
}
