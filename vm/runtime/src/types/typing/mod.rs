//! The objects of type parameters and type aliases (PEPs 695, 696, 646, 612) and `typing.Generic`.
//!
//! Bounds, constraints, defaults and values that syntax gives are functions, called when they are first asked for. What is complicated about
//! substitution lives in the library's `typing`, whose functions are called by name, as CPython does.

use crate::types::class::flags;
use crate::types::object::Object;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::union::Union;
use crate::types::value::ValueExt;
use crate::{Args, GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};

pub mod alias;
pub mod paramspec;
pub mod typevar;

pub use alias::TypeAlias as TypeAliasType;
use alias::TypeAlias;
use paramspec::{ParamSpec, TypeVarTuple};
use typevar::TypeVar;

/// The type of typing.NoDefault.
#[pyclass(name = "NoDefaultType", text_signature = "()")]
pub struct NoDefault {}

#[pymethods]
impl NoDefault {
    #[new]
    fn py_new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if !args.values().is_empty() {
            return Err(vm.type_error("NoDefaultType takes no arguments"));
        }
        no_default(vm)
    }

    #[slot(repr)]
    fn slot_repr(&self) -> &'static str {
        "typing.NoDefault"
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self) -> &'static str {
        "NoDefault"
    }
}

/// `typing.NoDefault`.
pub fn no_default(vm: &mut Vm) -> PyResult {
    if let Some(value) = vm.interp.no_default.get(vm) {
        return Ok(value.clone());
    }
    NoDefault::static_type().ready(vm)?;
    let value = vm.new_object(NoDefault {})?.into_value();
    vm.interp.no_default.replace(vm, Some(value.clone()));
    Ok(value)
}

/// A function of a format that gives a value known beforehand.
#[pyclass(name = "_ConstEvaluator", module = "_typing", gc)]
pub struct ConstEvaluator {
    value: Value,
}

#[pymethods]
impl ConstEvaluator {
    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        Ok(format!("<constevaluator {}>", vm.repr(&self.value)?.to_string_lossy()))
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "constevaluator.__call__")?;
        let [format] = args.positional() else {
            let n = args.positional().len();
            return Err(vm.type_error(format!("constevaluator.__call__() takes exactly 1 argument ({n} given)")));
        };
        // 4 is annotationlib.Format.STRING.
        if vm.as_isize(format)? != 4 {
            return Ok(self.value.clone());
        }
        let text = match self.value.downcast::<Tuple>() {
            Some(tuple) => {
                let mut parts = Vec::with_capacity(tuple.len());
                for item in tuple.items() {
                    parts.push(type_repr(vm, item)?);
                }
                format!("({})", parts.join(", "))
            }
            None => type_repr(vm, &self.value)?,
        };
        vm.new_str(&text).map(Py::into_value)
    }
}

/// How annotations show a type.
pub fn type_repr(vm: &mut Vm, value: &Value) -> PyResult<String> {
    if value.is_ellipsis() {
        return Ok("...".to_owned());
    }
    if value.is_same(crate::types::singletons::NoneType::type_object(vm).as_value()) {
        return Ok("None".to_owned());
    }
    let args = vm.intern("__args__");
    let alias = vm.getattr_opt(value, n!(__origin__))?.is_some() && vm.getattr_opt(value, &args)?.is_some();
    if !alias
        && let Some(qualname) = vm.getattr_opt(value, n!(__qualname__))? {
            let module = vm.getattr_opt(value, n!(__module__))?.filter(|m| !m.is_none());
            if let Some(module) = module {
                let qualname = vm.str(&qualname)?.to_string_lossy().into_owned();
                let module = vm.str(&module)?.to_string_lossy().into_owned();
                return Ok(if module == "builtins" { qualname } else { format!("{module}.{qualname}") });
            }
        }
    Ok(vm.repr(value)?.to_string_lossy().into_owned())
}

/// The library's `typing`.
fn typing_module(vm: &mut Vm) -> PyResult {
    let name = vm.intern("typing");
    let known = vm.interp.modules.load(vm).and_then(|m| m.get_str(vm, &name).cloned());
    match known {
        Some(module) if !module.is_none() => Ok(module),
        _ => {
            let import = vm.builtin(n!(__import__))?;
            vm.call(&import, &[name.into_value()])
        }
    }
}

/// Calls a function of the library's `typing`.
fn call_typing(vm: &mut Vm, name: &str, args: Args<'_>) -> PyResult {
    let typing = typing_module(vm)?;
    let function = vm.getattr_str(&typing, name)?;
    vm.call_args(&function, args)
}

/// A bound that may be given as a type; `None` is no bound.
fn check_bound(vm: &mut Vm, bound: &Value) -> PyResult<Option<Value>> {
    if bound.is_none() {
        return Ok(None);
    }
    let message = vm.new_str("Bound must be a type.")?.into_value();
    call_typing(vm, "_type_check", Args::new(&[bound.clone(), message])).map(Some)
}

/// The name of the module whose code is running.
fn caller(vm: &mut Vm) -> Value {
    let globals = vm.current_globals();
    globals.and_then(|g| g.get_str(vm, n!(__name__)).cloned()).unwrap_or_else(Value::none)
}

fn set_module(vm: &mut Vm, object: &Value) -> PyResult<()> {
    let module = caller(vm);
    vm.setattr(object, n!(__module__), &module)
}

/// `a | b`, with strings and whatever else `typing.Union` takes.
fn make_union(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    let pair = vm.new_tuple(vec![a.clone(), b.clone()])?.into_value();
    let union = Union::type_object(vm).to_value();
    vm.getitem(&union, &pair)
}

/// `typing.Unpack[parameter]`.
fn unpack(vm: &mut Vm, parameter: &Value) -> PyResult {
    let typing = typing_module(vm)?;
    let unpack = vm.getattr_str(&typing, "Unpack")?;
    vm.getitem(&unpack, parameter)
}

/// An iterator over `*parameter`.
fn unpack_iter(vm: &mut Vm, parameter: &Value) -> PyResult {
    let unpacked = unpack(vm, parameter)?;
    let tuple = vm.new_tuple(vec![unpacked])?.into_value();
    vm.iter(&tuple)
}

/// The parameters with the type variable tuples among them unpacked.
fn unpack_typevartuples(vm: &mut Vm, params: &Py<Tuple>) -> PyResult<Py<Tuple>> {
    if !params.items().iter().any(|p| p.is_exact::<TypeVarTuple>()) {
        return Ok(params.clone());
    }
    let mut items = Vec::with_capacity(params.len());
    for param in params.items() {
        items.push(if param.is_exact::<TypeVarTuple>() { unpack(vm, param)? } else { param.clone() });
    }
    vm.new_tuple(items)
}

/// A value that is given, or computed by a function when it is first asked for.
#[derive(Default, crate::Traverse)]
struct Lazy {
    value: GilCell<Option<Value>>,
    evaluate: GilCell<Option<Value>>,
}

impl Lazy {
    fn known(value: Option<Value>) -> Lazy {
        Lazy { value: GilCell::new(value), evaluate: GilCell::new(None) }
    }

    fn computed(evaluate: Option<Value>) -> Lazy {
        Lazy { value: GilCell::new(None), evaluate: GilCell::new(evaluate) }
    }

    /// The value; none if there is neither value nor function.
    fn get(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        if let Some(value) = self.value.load(vm) {
            return Ok(Some(value));
        }
        let Some(evaluate) = self.evaluate.load(vm) else { return Ok(None) };
        let value = vm.call(&evaluate, &[])?;
        let old = self.value.replace(vm, Some(value.clone()));
        drop(old);
        Ok(Some(value))
    }

    /// The function that computes the value, `None` if there is no value.
    fn evaluator(&self, vm: &mut Vm) -> PyResult {
        if let Some(evaluate) = self.evaluate.load(vm) {
            return Ok(evaluate);
        }
        match self.value.load(vm) {
            Some(value) => Ok(vm.new_object(ConstEvaluator { value })?.into_value()),
            None => Ok(Value::none()),
        }
    }

    /// Whether it is a default that has been given.
    fn is_default(&self, vm: &Vm) -> bool {
        self.evaluate.get(vm).is_some() || self.value.get(vm).as_ref().is_some_and(|v| !v.is_exact::<NoDefault>())
    }
}

/// The value of a type parameter's default, or NoDefault.
fn default_of(vm: &mut Vm, default: &Lazy) -> PyResult {
    match default.get(vm)? {
        Some(value) => Ok(value),
        None => no_default(vm),
    }
}

/// How a type parameter shows itself.
fn variance_repr(name: &Py<Str>, variance: Variance) -> String {
    let sign = match variance {
        Variance { infer: true, .. } => "",
        Variance { covariant: true, .. } => "+",
        Variance { contravariant: true, .. } => "-",
        Variance { .. } => "~",
    };
    format!("{sign}{}", name.to_string_lossy())
}

/// What is said of a parameter's variance.
#[derive(Clone, Copy)]
struct Variance {
    covariant: bool,
    contravariant: bool,
    infer: bool,
}

impl Variance {
    const INFERRED: Variance = Variance { covariant: false, contravariant: false, infer: true };

    fn check(vm: &mut Vm, covariant: bool, contravariant: bool, infer: bool) -> PyResult<Variance> {
        if covariant && contravariant {
            return Err(vm.value_error("Bivariant types are not supported."));
        }
        if infer && (covariant || contravariant) {
            return Err(vm.value_error("Variance cannot be specified with infer_variance."));
        }
        Ok(Variance { covariant, contravariant, infer })
    }
}

impl krait_heap::Traverse for Variance {
    fn traverse(&self, _: &mut krait_heap::Visit<'_>) {}
    fn clear(&mut self, _: &mut krait_heap::Clear) {}
}

#[cold]
fn cannot_subclass(vm: &mut Vm, what: &str) -> Raised {
    vm.type_error(format!("Cannot subclass an instance of {what}"))
}

/// The base class of generic classes. A class with a list of parameters behind its name
/// derives from it implicitly; others name it, with the parameters in brackets.
#[pyclass(name = "Generic", module = "typing", flags(BASETYPE))]
#[repr(C)]
pub struct Generic {}

#[pymethods]
impl Generic {
    /// Gives a generic class arguments for its parameters, or Generic itself parameters.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        call_with_class(vm, "_generic_class_getitem", cls, args)
    }

    /// Checks the parameters of a new generic class.
    #[classmethod]
    fn __init_subclass__(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        call_with_class(vm, "_generic_init_subclass", cls, args)
    }
}

fn call_with_class(vm: &mut Vm, name: &str, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let mut values = vec![cls.to_value()];
    values.extend_from_slice(args.values());
    call_typing(vm, name, Args::with_keywords(&values, args.kwnames()))
}

/// Makes the types ready. `Generic` adds nothing to an object's layout: its instances are plain ones.
pub fn init(vm: &mut Vm) -> PyResult<()> {
    for ty in [
        Generic::static_type(),
        NoDefault::static_type(),
        ConstEvaluator::static_type(),
        TypeVar::static_type(),
        ParamSpec::static_type(),
        paramspec::ParamSpecArgs::static_type(),
        paramspec::ParamSpecKwargs::static_type(),
        TypeVarTuple::static_type(),
        TypeAlias::static_type(),
    ] {
        ty.ready(vm)?;
    }
    let generic = Generic::type_object(vm);
    let object = Object::type_object(vm);
    generic.native.set(object.native.get());
    generic.slots.new.set(object.slots.new.get());
    // Pickling and programs take it for a class like others: `copyreg` looks for the first base that is not.
    let bits = generic.core.flags.get();
    generic.core.flags.set(bits & !flags::IMMUTABLETYPE | flags::HEAPTYPE);
    Ok(())
}

/// What CALL_INTRINSIC_1 and CALL_INTRINSIC_2 do about type parameters; `what` names the operation.
pub fn intrinsic(vm: &mut Vm, what: &str, args: &[Value]) -> PyResult {
    let name = |vm: &mut Vm, value: &Value| match value.downcast::<Str>() {
        Some(name) => Ok(name.clone()),
        None => Err(vm.system_error("the name of a type parameter is no string")),
    };
    match (what, args) {
        ("TypeVar", [value]) => {
            let name = name(vm, value)?;
            typevar::make(vm, name, Lazy::default(), Lazy::default())
        }
        ("TypeVar.bound", [value, bound]) => {
            let name = name(vm, value)?;
            typevar::make(vm, name, Lazy::computed(Some(bound.clone())), Lazy::default())
        }
        ("TypeVar.constraints", [value, constraints]) => {
            let name = name(vm, value)?;
            typevar::make(vm, name, Lazy::default(), Lazy::computed(Some(constraints.clone())))
        }
        ("ParamSpec", [value]) => {
            let name = name(vm, value)?;
            paramspec::make_paramspec(vm, name)
        }
        ("TypeVarTuple", [value]) => {
            let name = name(vm, value)?;
            paramspec::make_typevartuple(vm, name)
        }
        ("_subscript_generic", [params]) => {
            let Some(params) = params.downcast::<Tuple>() else { return Err(vm.system_error("type parameters are no tuple")) };
            let params = unpack_typevartuples(vm, params)?.into_value();
            let generic = Generic::type_object(vm).to_value();
            call_typing(vm, "_GenericAlias", Args::new(&[generic, params]))
        }
        ("TypeAliasType", [parts]) => alias::make(vm, parts),
        ("set_default", [parameter, evaluate]) => set_default(vm, parameter, evaluate),
        _ => Err(vm.system_error(format!("no operation on type parameters: {what}"))),
    }
}

/// The part of a type parameter that holds its default.
fn default_part<'a>(vm: &mut Vm, parameter: &'a Value) -> PyResult<&'a Lazy> {
    if let Some(p) = parameter.downcast::<TypeVar>() {
        return Ok(&p.default);
    }
    if let Some(p) = parameter.downcast::<ParamSpec>() {
        return Ok(&p.default);
    }
    if let Some(p) = parameter.downcast::<TypeVarTuple>() {
        return Ok(&p.default);
    }
    let repr = vm.repr(parameter)?.to_string_lossy().into_owned();
    Err(vm.type_error(format!("Expected a type param, got {repr}")))
}

fn set_default(vm: &mut Vm, parameter: &Value, evaluate: &Value) -> PyResult {
    let default = default_part(vm, parameter)?;
    let old = default.evaluate.replace(vm, Some(evaluate.clone()));
    drop(old);
    Ok(parameter.clone())
}

/// The module of a function, if it has one.
fn function_module(vm: &Vm, function: &Value) -> Option<Value> {
    function.downcast::<Function>()?.module.load(vm)
}
