//! `reduce` and `cmp_to_key`.

use krait_runtime::types::exceptions::TypeError;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

/// Apply a function of two arguments cumulatively to the items of an iterable, from left to right.
///
/// This effectively reduces the iterable to a single value. If initial is present, it is placed before the items of the iterable in the
/// calculation, and serves as a default when the iterable is empty.
#[pyfunction(text = "(function, iterable, /, initial=<unrepresentable>)")]
pub fn reduce(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let given = args.positional().len();
    let mut initial = None;
    for (key, value) in args.keywords() {
        let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
        if text != "initial" {
            return Err(vm.type_error(format!("reduce() got an unexpected keyword argument '{text}'")));
        }
        initial = Some(value.clone());
    }
    if given < 2 {
        return Err(vm.type_error(format!("reduce() takes at least 2 positional arguments ({given} given)")));
    }
    let total = args.values().len();
    if total > 3 {
        return Err(vm.type_error(format!("reduce() takes at most 3 arguments ({total} given)")));
    }
    let (function, iterable, third) = match args.positional() {
        [function, iterable] => (function, iterable, None),
        [function, iterable, initial, ..] => (function, iterable, Some(initial.clone())),
        _ => return Ok(Value::none()),
    };
    let iterator = match vm.iter(iterable) {
        Ok(iterator) => iterator,
        Err(e) if vm.is_raised::<TypeError>(&e) => return Err(vm.type_error("reduce() arg 2 must support iteration")),
        Err(e) => return Err(e),
    };
    let mut result = initial.or(third);
    while let Some(item) = vm.iter_next(&iterator)? {
        result = Some(match result {
            None => item,
            Some(result) => vm.call(function, &[result, item])?,
        });
    }
    match result {
        Some(result) => Ok(result),
        None => Err(vm.type_error("reduce() of empty iterable with no initial value")),
    }
}

/// A key that compares as a comparison function says.
#[pyclass(module = "functools", name = "KeyWrapper", flags(DISALLOW_INSTANTIATION), gc)]
pub struct KeyWrapper {
    compare: Value,
    object: GilCell<Option<Value>>,
}

#[pymethods]
impl KeyWrapper {
    /// Value wrapped by a key function.
    #[getter]
    fn obj(&self, vm: &mut Vm) -> PyResult {
        match self.object.load(vm) {
            Some(object) => Ok(object),
            None => Err(vm.attribute_error("obj")),
        }
    }

    #[setter]
    fn set_obj(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.object.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[getter(name = "__text_signature__")]
    fn signature(&self) -> &'static str {
        "(obj)"
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<KeyWrapper>> {
        let given = args.values().len();
        if given > 1 {
            return Err(vm.type_error(format!("K() takes at most 1 argument ({given} given)")));
        }
        let named = args.keywords().next().map(|(key, value)| (key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default(), value));
        let object = match (args.positional().first(), named) {
            (Some(object), _) => object.clone(),
            (None, Some((name, value))) if name == "obj" => value.clone(),
            (None, Some((name, _))) => return Err(vm.type_error(format!("K() got an unexpected keyword argument '{name}'"))),
            (None, None) => return Err(vm.type_error("K() missing required argument 'obj' (pos 1)")),
        };
        vm.new_object(KeyWrapper { compare: self.compare.clone(), object: GilCell::new(Some(object)) })
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<KeyWrapper>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }

    #[classattr(name = "__hash__")]
    fn no_hash(_vm: &mut Vm) -> PyResult {
        Ok(Value::none())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<KeyWrapper>() else { return Err(vm.type_error("other argument must be K instance")) };
        let (Some(x), Some(y)) = (self.object.load(vm), other.object.load(vm)) else { return Err(vm.attribute_error("object")) };
        let order = vm.call(&self.compare, &[x, y])?;
        vm.rich_compare(&order, &Value::from_i32(0), op)
    }
}

/// Convert a cmp= function into a key= function.
#[pyfunction(sig = "(mycmp)")]
pub fn cmp_to_key(mycmp: Value, vm: &mut Vm) -> PyResult<Py<KeyWrapper>> {
    vm.new_object(KeyWrapper { compare: mycmp, object: GilCell::new(None) })
}
