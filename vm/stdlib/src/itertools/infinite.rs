//! `count`, `cycle` and `repeat`.

use krait_bytecode::opcode::BinaryOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// Counts beyond this go on as Python ints.
const FAST_END: i64 = 1 << 61;

/// Return a count object whose __next__ method returns consecutive values.
#[pyclass(module = "itertools", name = "count", flags(BASETYPE), gc, text_signature = "(start=0, step=1)")]
pub struct Count {
    /// The next value while the step is 1 and it is small.
    fast: Cell<Option<i64>>,
    next: GilCell<Value>,
    step: Value,
}

fn is_number(value: &Value) -> bool {
    let slots = &value.ty().slots;
    slots.nb_index.get().is_some() || slots.nb_int.get().is_some() || slots.nb_float.get().is_some()
}

impl Count {
    fn current(&self, vm: &mut Vm) -> PyResult {
        match self.fast.get() {
            Some(i) => vm.new_int(i),
            None => Ok(self.next.load(vm)),
        }
    }
}

#[pymethods]
impl Count {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Count>> {
        let (start, step) = parse(vm, args)?;
        let complex = |vm: &mut Vm, v: &Value| -> PyResult<bool> { Ok(v.is_small_int() || is_number(v) || vm.getattr_str(v, "__complex__").is_ok()) };
        if !complex(vm, &start)? || !complex(vm, &step)? {
            return Err(vm.type_error("a number is required"));
        }
        let fast = start.as_small_int().filter(|i| step.as_small_int() == Some(1) && i.unsigned_abs() < FAST_END as u64);
        vm.new_instance(cls, Count { fast: Cell::new(fast), next: GilCell::new(start), step })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Count>) -> Py<Count> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if let Some(i) = self.fast.get() {
            if i + 1 < FAST_END {
                self.fast.set(Some(i + 1));
            } else {
                self.fast.set(None);
                let next = vm.new_int(i + 1)?;
                self.next.replace(vm, next);
            }
            return vm.new_int(i).map(Some);
        }
        let value = self.next.load(vm);
        let next = vm.binary_op(BinaryOp::NB_ADD, &value, &self.step)?;
        let old = self.next.replace(vm, next);
        drop(old);
        Ok(Some(value))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Count>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = short_name(zelf.as_value());
        let current = zelf.current(vm)?;
        let current = vm.repr(&current)?.to_string_lossy().into_owned();
        if zelf.step.as_small_int() == Some(1) {
            return vm.new_str(&format!("{name}({current})"));
        }
        let step = vm.repr(&zelf.step)?.to_string_lossy().into_owned();
        vm.new_str(&format!("{name}({current}, {step})"))
    }
}

/// `__name__` of the object's type.
fn short_name(object: &Value) -> String {
    let name = object.ty().tp_name();
    name.rsplit('.').next().unwrap_or_default().to_owned()
}

fn parse(vm: &mut Vm, args: Args<'_>) -> PyResult<(Value, Value)> {
    let given = args.values().len();
    if given > 2 {
        return Err(vm.type_error(format!("count() takes at most 2 arguments ({given} given)")));
    }
    let (mut start, mut step) = (args.positional().first().cloned(), args.positional().get(1).cloned());
    for (key, value) in args.keywords() {
        let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
        match &*text {
            "start" if start.is_none() => start = Some(value.clone()),
            "step" if step.is_none() => step = Some(value.clone()),
            "start" | "step" => {
                let place = if text == "start" { 1 } else { 2 };
                return Err(vm.type_error(format!("argument for count() given by name ('{text}') and position ({place})")));
            }
            _ => return Err(vm.type_error(format!("count() got an unexpected keyword argument '{text}'"))),
        }
    }
    Ok((start.unwrap_or_else(|| Value::from_i32(0)), step.unwrap_or_else(|| Value::from_i32(1))))
}

/// Return elements from the iterable until it is exhausted. Then repeat the sequence indefinitely.
#[pyclass(module = "itertools", name = "cycle", flags(BASETYPE), gc, text_signature = "(iterable, /)")]
pub struct Cycle {
    source: GilCell<Option<Value>>,
    saved: GilCell<Vec<Value>>,
    index: Cell<usize>,
}

#[pymethods]
impl Cycle {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Cycle>> {
        let args = args.for_new::<Cycle>(vm, cls)?.unpack(vm, "cycle", 1, 1)?;
        let source = match args.first() {
            Some(iterable) => Some(vm.iter(iterable)?),
            None => None,
        };
        vm.new_instance(cls, Cycle { source: GilCell::new(source), saved: GilCell::default(), index: Cell::new(0) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Cycle>) -> Py<Cycle> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if let Some(source) = self.source.load(vm) {
            if let Some(item) = vm.iter_next(&source)? {
                self.saved.get_mut(vm).push(item.clone());
                return Ok(Some(item));
            }
            let old = self.source.replace(vm, None);
            drop(old);
        }
        let saved = self.saved.get(vm);
        let Some(item) = saved.get(self.index.get()).or_else(|| saved.first()) else { return Ok(None) };
        let next = self.index.get() + 1;
        self.index.set(if next >= saved.len() { 0 } else { next });
        Ok(Some(item.clone()))
    }
}

/// Return an iterator that gives the object for the given number of times, or endlessly.
#[pyclass(module = "itertools", name = "repeat", flags(BASETYPE), gc)]
pub struct Repeat {
    object: Value,
    /// Below zero: endlessly.
    left: Cell<isize>,
}

#[pymethods]
impl Repeat {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Repeat>> {
        let given = args.values().len();
        if given > 2 {
            return Err(vm.type_error(format!("repeat() takes at most 2 arguments ({given} given)")));
        }
        let (mut object, mut times) = (args.positional().first().cloned(), args.positional().get(1).cloned());
        for (key, value) in args.keywords() {
            let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
            match &*text {
                "object" if object.is_none() => object = Some(value.clone()),
                "times" if times.is_none() => times = Some(value.clone()),
                _ => return Err(vm.type_error(format!("repeat() got an unexpected keyword argument '{text}'"))),
            }
        }
        let Some(object) = object else { return Err(vm.type_error("repeat() missing required argument 'object' (pos 1)")) };
        let left = match times {
            Some(times) => vm.as_count(&times)?.max(0),
            None => -1,
        };
        vm.new_instance(cls, Repeat { object, left: Cell::new(left) })
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<Repeat>) -> Py<Repeat> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, _vm: &mut Vm) -> PyResult<Option<Value>> {
        match self.left.get() {
            0 => return Ok(None),
            left if left > 0 => self.left.set(left - 1),
            _ => {}
        }
        Ok(Some(self.object.clone()))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Repeat>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let name = short_name(zelf.as_value());
        let object = vm.repr(&zelf.object)?.to_text();
        let mut text = krait_unicode::TextBuf::from(format!("{name}("));
        text.push_text(&object);
        if zelf.left.get() >= 0 {
            text.push_str(&format!(", {}", zelf.left.get()));
        }
        text.push_str(")");
        vm.new_str_text(&text)
    }

    /// How many times are left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self, vm: &mut Vm) -> PyResult<isize> {
        if self.left.get() < 0 { Err(vm.type_error("len() of unsized object")) } else { Ok(self.left.get()) }
    }
}
