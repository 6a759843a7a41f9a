//! `xxsubtype`: native subtypes of `list` and `dict`, which show that builtin types can be extended from native code.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::str_::Str;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// A list with a number beside its items.
#[pyclass(name = "spamlist", module = "xxsubtype", base = List, flags(BASETYPE), gc)]
#[repr(C)]
pub struct SpamList {
    pub base: List,
    #[traverse(skip)]
    state: Cell<i32>,
}

/// A dict with a number beside its items.
#[pyclass(name = "spamdict", module = "xxsubtype", base = Dict, flags(BASETYPE), gc)]
#[repr(C)]
pub struct SpamDict {
    pub base: Dict,
    #[traverse(skip)]
    state: Cell<i32>,
}

/// What a call was: what it was bound to, arguments, keyword arguments.
fn describe(vm: &mut Vm, zelf: Value, args: Args<'_>) -> PyResult<Py<Tuple>> {
    let keywords = vm.new_dict()?;
    for (name, value) in args.keywords() {
        if let Some(name) = name.downcast::<Str>() {
            keywords.set_str(vm, name, value.clone())?;
        }
    }
    let positional = vm.new_tuple_from(args.positional())?.into_value();
    vm.new_tuple([zelf, positional, keywords.into_value()])
}

#[pymethods]
impl SpamList {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<SpamList>> {
        vm.new_instance(cls, SpamList { base: List::new(Vec::new()), state: Cell::new(0) })
    }

    /// The number.
    #[method]
    fn getstate(&self) -> i32 {
        self.state.get()
    }

    /// Set the number.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: i32) {
        self.state.set(state);
    }

    /// Tell how the method is called.
    #[classmethod]
    fn classmeth(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        describe(vm, cls.to_value(), args)
    }

    /// Tell how the method is called.
    #[staticmethod]
    fn staticmeth(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        describe(vm, Value::none(), args)
    }

    /// the number
    #[getter]
    fn state(&self) -> i32 {
        self.state.get()
    }
}

#[pymethods]
impl SpamDict {
    #[new]
    fn py_new(cls: &Py<PyType>, _args: Args<'_>, vm: &mut Vm) -> PyResult<Py<SpamDict>> {
        vm.new_instance(cls, SpamDict { base: Dict::new(), state: Cell::new(0) })
    }

    /// The number.
    #[method]
    fn getstate(&self) -> i32 {
        self.state.get()
    }

    /// Set the number.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: i32) {
        self.state.set(state);
    }

    /// the number
    #[getter(member)]
    fn state(&self) -> i32 {
        self.state.get()
    }
}

/// Look an attribute up so many times, 1,000 if nothing is said; how long that took in seconds.
#[pyfunction(sig = "(obj, name, n=1000, /)")]
fn bench(obj: &Value, name: &Py<Str>, n: i32, vm: &mut Vm) -> PyResult {
    let (start, name) = (std::time::Instant::now(), vm.intern_object(name));
    for _ in 0..n {
        drop(vm.getattr(obj, &name)?);
    }
    vm.new_float(start.elapsed().as_secs_f64())
}

krait_runtime::module! {
    "xxsubtype",
    doc: "Native subtypes of list and dict, as examples.",
    functions: [bench],
    types: [SpamList, SpamDict],
}
