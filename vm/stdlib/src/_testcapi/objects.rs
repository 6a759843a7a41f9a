//! Native types and objects of kinds that tests want to see: awaitable, generic, with a dict or without the collector, descriptors that are
//! called, and what a native trace function records.

use krait_runtime::args::{ArgSpec, MethodDef, MethodKind};
use krait_runtime::compile::{CompileRequest, Mode, compile_object};
use krait_runtime::types::class::flags;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::native::BuiltinFunction;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::typeobject::build;
use krait_runtime::types::value::ValueExt;
use krait_runtime::types::weakref;
use krait_heap::{ObjectFlags, TypeFlags};
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, n, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// An awaitable that is awaited by the object given, whatever that is.
#[pyclass(name = "awaitType", gc)]
pub struct Awaitable {
    iterator: Value,
}

#[pymethods]
impl Awaitable {
    #[new(sig = "(iterator, /)")]
    fn py_new(cls: &Py<PyType>, iterator: Value, vm: &mut Vm) -> PyResult<Py<Awaitable>> {
        vm.new_instance(cls, Awaitable { iterator })
    }

    #[slot(await_)]
    fn slot_await(&self, _vm: &mut Vm) -> PyResult {
        Ok(self.iterator.clone())
    }
}

/// A class that can be subscripted.
#[pyclass(name = "Generic", flags(DISALLOW_INSTANTIATION))]
pub struct Generic {}

#[pymethods]
impl Generic {
    #[classmethod(sig = "(item, /)")]
    fn __class_getitem__(_cls: &Py<PyType>, item: Value, vm: &mut Vm) -> PyResult<Py<GenericAlias>> {
        vm.new_object(GenericAlias { item })
    }
}

/// What `Generic[item]` gives; as a base it stands for the item.
#[pyclass(name = "GenericAlias", flags(DISALLOW_INSTANTIATION), gc)]
pub struct GenericAlias {
    item: Value,
}

#[pymethods]
impl GenericAlias {
    #[method(sig = "(bases, /)")]
    fn __mro_entries__(&self, _bases: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple([self.item.clone()])
    }
}

/// A type whose objects have a dict.
#[pyclass(name = "HeapCTypeWithDict", module = "_testcapi", flags(BASETYPE, MANAGED_DICT), managed)]
pub struct HeapCTypeWithDict {}

#[pymethods]
impl HeapCTypeWithDict {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<HeapCTypeWithDict>> {
        vm.new_instance(cls, HeapCTypeWithDict {})
    }
}

/// A type whose objects can be referred to weakly.
#[pyclass(name = "HeapCTypeWithWeakref", module = "_testcapi", flags(BASETYPE, MANAGED_WEAKREF), managed)]
pub struct HeapCTypeWithWeakref {}

#[pymethods]
impl HeapCTypeWithWeakref {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<HeapCTypeWithWeakref>> {
        vm.new_instance(cls, HeapCTypeWithWeakref {})
    }
}

/// Holds an object without telling the collector.
#[pyclass(name = "ContainerNoGC", module = "_testcapi", flags(BASETYPE))]
pub struct ContainerNoGC {
    #[traverse(skip)]
    value: Value,
}

#[pymethods]
impl ContainerNoGC {
    #[new(sig = "(value)")]
    fn py_new(cls: &Py<PyType>, value: Value, vm: &mut Vm) -> PyResult<Py<ContainerNoGC>> {
        vm.new_instance(cls, ContainerNoGC { value })
    }

    #[getter(member)]
    fn value(&self) -> Value {
        self.value.clone()
    }
}

/// A metaclass that makes no classes, but through native code.
#[pyfunction(sig = "(metaclass, /)")]
pub fn pytype_fromspec_meta(metaclass: &Py<PyType>, vm: &mut Vm) -> PyResult {
    let name = vm.intern("HeapCTypeViaMetaclass").into_value();
    let bases = vm.new_tuple([])?.into_value();
    let namespace = vm.new_dict()?;
    let module = vm.intern("_testcapi").into_value();
    namespace.set_str(vm, n!(__module__), module)?;
    build::type_new(vm, metaclass, Args::new(&[name, bases, namespace.into_value()]))
}

/// A class made as a class statement makes it.
fn make_class(vm: &mut Vm, name: &str, base: &Py<PyType>, namespace: &Py<Dict>) -> PyResult {
    let (name, module) = (vm.intern(name).into_value(), vm.intern("_testcapi").into_value());
    namespace.set_str(vm, n!(__module__), module)?;
    let bases = vm.new_tuple([base.to_value()])?.into_value();
    let meta = base.as_value().ty().to_value();
    vm.call(&meta, &[name, bases, namespace.to_value()])
}

/// `HeapCTypeMetaclassNullNew`.
pub fn metaclass_without_new(vm: &mut Vm) -> PyResult {
    let (base, namespace) = (PyType::type_object(vm).clone(), vm.new_dict()?);
    let made = make_class(vm, "HeapCTypeMetaclassNullNew", &base, &namespace)?;
    if let Some(ty) = made.downcast::<PyType>() {
        ty.slots.new.set(None);
    }
    Ok(made)
}

/// A subclass of the class, whose instances must have nothing that the collector would have to see, out of the collector's sight.
#[pyfunction(sig = "(class, /)")]
pub fn without_gc(class: &Value, vm: &mut Vm) -> PyResult {
    let Some(ty) = class.downcast::<PyType>() else {
        let got = class.type_name();
        return Err(vm.type_error(format!("a type expected, got '{got}'")));
    };
    let native = ty.native.get().map_or(0, |d| d.size);
    if !ty.has_flag(flags::HEAPTYPE) || ty.has_flag(flags::MANAGED_DICT) || ty.core.slot_count.get() != 0 || native != 0 {
        return Err(vm.type_error("instances of the class hold objects"));
    }
    let (namespace, name) = (vm.new_dict()?, ty.tp_name());
    let (key, slots) = (vm.intern("__slots__"), vm.new_tuple([])?.into_value());
    namespace.set_str(vm, &key, slots)?;
    let made = make_class(vm, &name, ty, &namespace)?;
    if let Some(ty) = made.downcast::<PyType>() {
        // It has no instances yet whose links the collector would miss.
        ty.core.flags.set(ty.core.flags.get() & !(flags::HAVE_GC | TypeFlags::GC));
    }
    Ok(made)
}

/// The object's `__del__` has run; the other finalizer runs each time it dies.
const DEL_CALLED: u32 = ObjectFlags::RUNTIME << 8;

/// Calls `__del__` the first time, and the class's `__tp_del__` unless that has brought the object back.
fn legacy_finalizer(vm: &mut Vm, object: &Value) -> PyResult<()> {
    let Some(header) = object.header() else { return Ok(()) };
    if !header.has_flag(DEL_CALLED) {
        header.set_flag(DEL_CALLED);
        krait_runtime::types::typeobject::slotfuncs::del(vm, object)?;
    }
    if header.refcnt() > 1 || !header.type_core().has(TypeFlags::LEGACY_FINALIZER) {
        return Ok(());
    }
    for weak in weakref::list_of(object) {
        if let Some(links) = weakref::links(&weak) {
            links.unlink();
        }
        weakref::call_callback(vm, &weak);
    }
    let name = vm.intern("__tp_del__");
    vm.call_special(object, &name, &[]).map(drop)
}

/// Gives a class, but not its subclasses, a finalizer of the kind of before PEP 442, which calls `__tp_del__`.
#[pyfunction(sig = "(class, /)")]
pub fn with_tp_del(class: &Value, vm: &mut Vm) -> PyResult {
    let Some(ty) = class.downcast::<PyType>().filter(|t| t.has_flag(flags::HEAPTYPE)) else {
        let shown = vm.repr(class)?.to_string_lossy().into_owned();
        return Err(vm.type_error(format!("heap type expected, got {shown}")));
    };
    ty.slots.del.set(Some(legacy_finalizer));
    ty.core.flags.set(ty.core.flags.get() | TypeFlags::FINALIZER | TypeFlags::LEGACY_FINALIZER);
    Ok(class.clone())
}

/// A native descriptor: makes an instance of the class and gives what represents the descriptor.
#[pyfunction(sig = "(descriptor, object, class, /)")]
pub fn bad_get(descriptor: &Value, object: &Value, class: &Value, vm: &mut Vm) -> PyResult {
    let _ = object;
    vm.call(class, &[])?;
    Ok(vm.repr(descriptor)?.into_value())
}

static NOTHING_SPEC: ArgSpec = ArgSpec { name: "create_cfunction", params: &[], required: 0, positional: 0, posonly: 0, raw: false };
static NOTHING: MethodDef =
    MethodDef { name: "create_cfunction", func: nothing, kind: MethodKind::Static, spec: &NOTHING_SPEC, doc: None, text_signature: None };

fn nothing(vm: &mut Vm, _zelf: &Value, _args: Args<'_>) -> PyResult {
    create_cfunction(vm)
}

/// A new native function.
#[pyfunction]
pub fn create_cfunction(vm: &mut Vm) -> PyResult {
    Ok(vm.new_object(BuiltinFunction { def: &NOTHING, zelf: Value::none(), module: None })?.into_value())
}

/// Calls a callable with a tuple of arguments and perhaps a dict of keyword arguments.
#[pyfunction(sig = "(func, args, kwargs=None, /)")]
pub fn pycfunction_call(func: &Value, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>, vm: &mut Vm) -> PyResult {
    let mut values = args.items().to_vec();
    let mut names = Vec::new();
    for (name, value) in kwargs.map(|d| d.to_vec(vm)).unwrap_or_default() {
        names.push(name);
        values.push(value);
    }
    vm.call_args(func, Args::with_keywords(&values, &names))
}

/// Calls a callable with a tuple of arguments and perhaps a dict of keyword arguments, without making others of them.
#[pyfunction(sig = "(func, args, kwargs=None, /)")]
pub fn pyvectorcall_call(func: &Value, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>, vm: &mut Vm) -> PyResult {
    pycfunction_call(func, args, kwargs, vm)
}

/// Makes every call of a Python function end at once with what an expression gives.
pub fn override_calls(vm: &mut Vm, function: &Value, expression: &str) -> PyResult<()> {
    if !function.is::<krait_runtime::types::pyfunction::Function>() {
        return Err(vm.type_error("'func' must be a function"));
    }
    let source = vm.new_str(&format!("lambda *args, **kwargs: {expression}"))?.into_value();
    let filename = vm.intern("<override>").into_value();
    let filename = vm.fs_path_text(&filename)?;
    let request = CompileRequest { filename, mode: Mode::Eval, flags: 0, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let code = compile_object(vm, &source, "compile", request)?;
    let consts = vm.getattr_str(&code, "co_consts")?;
    let inner = consts.downcast::<Tuple>().and_then(|t| t.items().iter().find(|c| c.type_name() == "code").cloned());
    match inner {
        Some(inner) => {
            let name = vm.intern("__code__");
            vm.setattr(function, &name, &inner)
        }
        None => Err(vm.system_error("the lambda has no code")),
    }
}

/// From now on calls of the function give "overridden", whatever the arguments.
#[pyfunction(sig = "(func, /)")]
pub fn function_setvectorcall(func: &Value, vm: &mut Vm) -> PyResult<()> {
    override_calls(vm, func, "'overridden'")
}

/// Native objects that are called, and bound, as functions are; the call says whether the argument is the descriptor's class's.
#[pyclass(name = "MethodDescriptorBase", flags(BASETYPE, METHOD_DESCRIPTOR, HAVE_VECTORCALL))]
#[repr(C)]
pub struct MethodDescriptorBase {
    #[traverse(skip)]
    answer: bool,
}

#[pymethods]
impl MethodDescriptorBase {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethodDescriptorBase>> {
        vm.new_instance(cls, MethodDescriptorBase { answer: true })
    }

    #[slot(call)]
    fn slot_call(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult {
        Ok(Value::from_bool(self.answer))
    }

    #[slot(descr_get)]
    fn slot_get(zelf: &Py<MethodDescriptorBase>, object: Option<&Value>, _class: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object.filter(|o| !o.is_none()) {
            Some(object) => vm.new_method(zelf.to_value(), object.clone()),
            None => Ok(zelf.to_value()),
        }
    }
}

/// A subtype that changes nothing.
#[pyclass(name = "MethodDescriptorDerived", base = MethodDescriptorBase, flags(BASETYPE, METHOD_DESCRIPTOR, HAVE_VECTORCALL))]
#[repr(C)]
pub struct MethodDescriptorDerived {
    base: MethodDescriptorBase,
}

#[pymethods]
impl MethodDescriptorDerived {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethodDescriptorDerived>> {
        vm.new_instance(cls, MethodDescriptorDerived { base: MethodDescriptorBase { answer: true } })
    }
}

/// A subtype that is no method: it is not bound, and gives its arguments.
#[pyclass(name = "MethodDescriptorNopGet", base = MethodDescriptorBase, flags(BASETYPE))]
#[repr(C)]
pub struct MethodDescriptorNopGet {
    base: MethodDescriptorBase,
}

#[pymethods]
impl MethodDescriptorNopGet {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethodDescriptorNopGet>> {
        vm.new_instance(cls, MethodDescriptorNopGet { base: MethodDescriptorBase { answer: true } })
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple_from(args.positional())
    }

    #[slot(descr_get)]
    fn slot_get(zelf: &Py<MethodDescriptorNopGet>, _object: Option<&Value>, _class: Option<&Value>, _vm: &mut Vm) -> PyResult {
        Ok(zelf.to_value())
    }
}

/// A subtype that answers False.
#[pyclass(name = "MethodDescriptor2", base = MethodDescriptorBase, flags(BASETYPE, METHOD_DESCRIPTOR, HAVE_VECTORCALL))]
#[repr(C)]
pub struct MethodDescriptor2 {
    base: MethodDescriptorBase,
}

#[pymethods]
impl MethodDescriptor2 {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<MethodDescriptor2>> {
        vm.new_instance(cls, MethodDescriptor2 { base: MethodDescriptorBase { answer: false } })
    }
}

/// Objects that can be told to answer calls in another way than their class does.
#[pyclass(name = "VectorcallBase", module = "_testcapi", flags(BASETYPE, HAVE_VECTORCALL))]
pub struct VectorcallBase {
    #[traverse(skip)]
    overridden: Cell<bool>,
}

#[pymethods]
impl VectorcallBase {
    #[new]
    fn py_new(cls: &Py<PyType>, vm: &mut Vm) -> PyResult<Py<VectorcallBase>> {
        vm.new_instance(cls, VectorcallBase { overridden: Cell::new(false) })
    }

    #[slot(call)]
    fn slot_call(&self, _args: Args<'_>, _vm: &mut Vm) -> PyResult<&'static str> {
        Ok(if self.overridden.get() { "vectorcall" } else { "tp_call" })
    }

    /// From now on calls that go by the class given answer "vectorcall".
    #[method(sig = "(type, /)")]
    fn set_vectorcall(zelf: &Py<VectorcallBase>, r#type: &Py<PyType>, vm: &mut Vm) -> PyResult<()> {
        if !zelf.as_value().ty().is_subtype(vm, r#type) {
            let (got, wanted) = (zelf.as_value().type_name(), r#type.tp_name());
            return Err(vm.type_error(format!("expected {wanted} instance, got {got}")));
        }
        zelf.overridden.set(true);
        Ok(())
    }
}

/// A class whose instances answer calls with "tp_call", or with "vectorcall" once their `set_vectorcall` has been called.
#[pyfunction(sig = "(base=None, /)")]
pub fn make_vectorcall_class(base: Option<&Py<PyType>>, vm: &mut Vm) -> PyResult {
    let native = VectorcallBase::static_type().ready(vm)?;
    let base = base.unwrap_or(native).clone();
    let namespace = vm.new_dict()?;
    // The class's own, so that one above cannot take it away.
    let call = vm.getattr_str(native.as_value(), "__call__")?;
    let name = vm.intern("__call__");
    namespace.set_str(vm, &name, call)?;
    let made = make_class(vm, "VectorcallClass", &base, &namespace)?;
    if let Some(ty) = made.downcast::<PyType>() {
        ty.core.flags.set(ty.core.flags.get() | flags::HAVE_VECTORCALL);
    }
    Ok(made)
}

/// Whether calls of the class's instances may go past its `__call__`.
#[pyfunction(sig = "(type, /)")]
pub fn has_vectorcall_flag(r#type: &Py<PyType>) -> bool {
    r#type.has_flag(flags::HAVE_VECTORCALL)
}

/// A trace function that writes events down.
#[pyclass(name = "Recorder", module = "_testcapi", gc)]
pub struct Recorder {
    events: Py<List>,
}

#[pymethods]
impl Recorder {
    #[slot(call)]
    fn slot_call(zelf: &Py<Recorder>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        const EVENTS: [&str; 8] = ["call", "exception", "line", "return", "c_call", "c_exception", "c_return", "opcode"];
        let [frame, event, arg] = args.positional() else { return Err(vm.type_error("a trace function gets three arguments")) };
        let text = event.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let what = EVENTS.iter().position(|e| *e == text).unwrap_or(EVENTS.len());
        let (what, line) = (vm.new_int(what)?, vm.getattr_str(frame, "f_lineno")?);
        let event = vm.new_tuple([what, line, arg.clone()])?.into_value();
        zelf.events.push(vm, event)?;
        Ok(zelf.to_value())
    }
}

/// From now on the thread's events are written down into a list, as number of the event, line and argument.
#[pyfunction(sig = "(events, /)")]
pub fn settrace_to_record(events: &Value, vm: &mut Vm) -> PyResult<()> {
    match events.downcast::<List>().cloned() {
        Some(events) => {
            let recorder = vm.new_object(Recorder { events })?.into_value();
            vm.set_trace(Some(recorder))
        }
        None => vm.set_trace(None),
    }
}

/// The thread that `call_in_temporary_c_thread` has left running.
#[derive(Default)]
struct Temporary {
    handle: GilCell<Option<Value>>,
}

/// Calls a function in a thread of its own, and waits for it if asked to.
#[pyfunction(sig = "(callback, wait=True, /)")]
pub fn call_in_temporary_c_thread(callback: &Value, wait: bool, vm: &mut Vm) -> PyResult<()> {
    if vm.state::<Temporary>().handle.get(vm).is_some() {
        return Err(vm.runtime_error("test_c_thread already running"));
    }
    let module = vm.import_module("_thread")?;
    let start = vm.getattr_str(&module, "start_joinable_thread")?;
    let handle = vm.call(&start, std::slice::from_ref(callback))?;
    let old = vm.state::<Temporary>().handle.replace(vm, Some(handle));
    drop(old);
    if wait { join_temporary_c_thread(vm) } else { Ok(()) }
}

/// Waits for the thread that `call_in_temporary_c_thread` has left running.
#[pyfunction]
pub fn join_temporary_c_thread(vm: &mut Vm) -> PyResult<()> {
    match vm.state::<Temporary>().handle.replace(vm, None) {
        Some(handle) => {
            let join = vm.intern("join");
            vm.call_method(&handle, &join, &[]).map(drop)
        }
        None => Err(vm.runtime_error("no temporary C thread is running")),
    }
}
