//! `object`: the base of all types. Its methods work on any value, small ints and floats in words included, so they take the value as it
//! is and are written without the method macros.

use crate::args::{ArgSpec, Args, MethodDef, MethodKind, Param};
use crate::types::class::{ClassAttr, GetSetDef, PyMethods, flags};
use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::native::BuiltinFunction;
use crate::types::slots::{CompareOp, Slots};
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm, pyclass};

/// The root of all classes.  Called without arguments it gives a plain object that has
/// no attributes of its own and cannot get any.
#[pyclass(name = "object", flags(BASETYPE), text_signature = "()")]
#[repr(C)]
pub struct Object;

const fn spec(name: &'static str, params: &'static [Param], required: usize) -> ArgSpec {
    ArgSpec { name, params, required, positional: params.len(), posonly: params.len(), raw: false }
}

static DIR: ArgSpec = spec("__dir__", &[], 0);
static SIZEOF: ArgSpec = spec("__sizeof__", &[], 0);
static GETSTATE: ArgSpec = spec("__getstate__", &[], 0);
static REDUCE: ArgSpec = spec("__reduce__", &[], 0);
static REDUCE_EX: ArgSpec = spec("__reduce_ex__", &[Param { name: "protocol", required: true }], 1);
static FORMAT: ArgSpec = spec("__format__", &[Param { name: "format_spec", required: true }], 1);
static INIT_SUBCLASS: ArgSpec = spec("__init_subclass__", &[], 0);
static SUBCLASSHOOK: ArgSpec = ArgSpec { name: "__subclasshook__", params: &[], required: 0, positional: 0, posonly: 0, raw: true };

/// The definition of `object.__reduce__`, to tell whether a class overrides it.
const METHODS: &[MethodDef] = &[
    MethodDef { name: "__dir__", func: dir, kind: MethodKind::Instance, spec: &DIR, doc: Some("The names of the object's attributes, for dir()."), text_signature: Some("($self, /)") },
    MethodDef { name: "__sizeof__", func: sizeof, kind: MethodKind::Instance, spec: &SIZEOF, doc: Some("Bytes that the object takes in memory."), text_signature: Some("($self, /)") },
    MethodDef { name: "__getstate__", func: getstate, kind: MethodKind::Instance, spec: &GETSTATE, doc: Some("The object's state, for pickling."), text_signature: Some("($self, /)") },
    MethodDef { name: "__reduce__", func: reduce, kind: MethodKind::Instance, spec: &REDUCE, doc: Some("How pickle takes the object apart."), text_signature: Some("($self, /)") },
    MethodDef { name: "__reduce_ex__", func: reduce_ex, kind: MethodKind::Instance, spec: &REDUCE_EX, doc: Some("How pickle takes the object apart under a given protocol."), text_signature: Some("($self, protocol, /)") },
    MethodDef { name: "__format__", func: format_, kind: MethodKind::Instance, spec: &FORMAT, doc: Some("The result of format(self, format_spec); the specification must be empty here."), text_signature: Some("($self, format_spec, /)") },
    MethodDef { name: "__init_subclass__", func: init_subclass, kind: MethodKind::Class, spec: &INIT_SUBCLASS, doc: Some("Called on a class when a subclass of it has been made.\n\nDoes nothing here; override it to watch or extend subclasses."), text_signature: Some("($type, /)") },
    MethodDef { name: "__subclasshook__", func: subclasshook, kind: MethodKind::Class, spec: &SUBCLASSHOOK, doc: Some("Asked by abstract classes whether a class counts as a subclass.\n\nNotImplemented leaves the decision to the ordinary rules."), text_signature: Some("($type, object, /)") },
];

const GETSETS: &[GetSetDef] = &[GetSetDef { name: "__class__", get: Some(get_class), set: Some(set_class), doc: Some("the object's class"), member: false }];

impl PyMethods for Object {
    const METHODS: &'static [&'static [MethodDef]] = &[METHODS];
    const GETSETS: &'static [&'static [GetSetDef]] = &[GETSETS];
    const CLASS_ATTRS: &'static [&'static [ClassAttr]] = &[];

    fn set_slots(slots: &Slots) {
        slots.repr.set(Some(repr));
        slots.str.set(Some(str_));
        slots.hash.set(Some(hash));
        slots.richcompare.set(Some(richcompare));
        slots.getattro.set(Some(getattro));
        slots.setattro.set(Some(setattro));
        slots.new.set(Some(new));
        slots.init.set(Some(init));
    }
}

/// `<module.Class object at 0x...>`.
pub fn repr(vm: &mut Vm, zelf: &Value) -> PyResult {
    let ty = zelf.ty().clone();
    let name = crate::types::typeobject::full_name(vm, &ty);
    let text = format!("<{name} object at {:#x}>", zelf.id());
    vm.new_str(&text).map(Py::into_value)
}

pub fn str_(vm: &mut Vm, zelf: &Value) -> PyResult {
    vm.repr(zelf).map(Py::into_value)
}

/// The hash of an object by identity.
pub fn hash_id(zelf: &Value) -> i64 {
    let hash = zelf.bits().rotate_right(4) as i64;
    if hash == -1 { -2 } else { hash }
}

/// `object.__hash__`.
pub fn hash(_: &mut Vm, zelf: &Value) -> PyResult<i64> {
    Ok(hash_id(zelf))
}

/// `object`'s comparisons: `==` by identity, `!=` the opposite of the type's `==`.
pub fn richcompare(vm: &mut Vm, zelf: &Value, other: &Value, op: CompareOp) -> PyResult {
    match op {
        CompareOp::Eq if zelf.is_identical(other, vm) => Ok(Value::from_bool(true)),
        CompareOp::Ne => {
            let result = match zelf.type_ref().slots.richcompare.get() {
                Some(slot) => slot(vm, zelf, other, CompareOp::Eq)?,
                None => richcompare(vm, zelf, other, CompareOp::Eq)?,
            };
            if result.is_not_implemented() {
                return Ok(result);
            }
            let equal = vm.is_true(&result)?;
            Ok(Value::from_bool(!equal))
        }
        _ => Ok(Value::not_implemented()),
    }
}

/// `object.__getattribute__`.
pub fn getattro(vm: &mut Vm, zelf: &Value, name: &Py<Str>) -> PyResult {
    vm.generic_getattr(zelf, name)
}

/// `object.__setattr__` and `object.__delattr__`.
pub fn setattro(vm: &mut Vm, zelf: &Value, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
    vm.generic_setattr(zelf, name, value)
}

/// `object.__new__`.
pub fn new(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    if !args.values().is_empty() {
        if !is_new(cls) {
            return Err(vm.type_error("object.__new__() takes exactly one argument (the type to instantiate)"));
        }
        if is_init(cls) {
            let name = cls.tp_name();
            return Err(vm.type_error(format!("{name}() takes no arguments")));
        }
    }
    if cls.has_flag(flags::IS_ABSTRACT) {
        return Err(abstract_error(vm, cls));
    }
    vm.new_instance(cls, Object).map(Py::into_value)
}

fn is_new(cls: &PyType) -> bool {
    cls.slots.new.get().map(|f| f as usize) == Object::static_type_slots().new.get().map(|f| f as usize)
}

fn is_init(cls: &PyType) -> bool {
    cls.slots.init.get().map(|f| f as usize) == Object::static_type_slots().init.get().map(|f| f as usize)
}

impl Object {
    /// The slots of `object` itself.
    pub fn static_type_slots() -> &'static Slots {
        Object::static_type().slots()
    }
}

#[cold]
fn abstract_error(vm: &mut Vm, cls: &Py<PyType>) -> crate::Raised {
    let result = abstract_names(vm, cls);
    let names = match result {
        Ok(names) => names,
        Err(e) => return e,
    };
    let s = if names.len() > 1 { "s" } else { "" };
    let list: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    let (name, list) = (cls.tp_name(), list.join(", "));
    vm.type_error(format!("Can't instantiate abstract class {name} without an implementation for abstract method{s} {list}"))
}

fn abstract_names(vm: &mut Vm, cls: &Py<PyType>) -> PyResult<Vec<String>> {
    let methods = vm.getattr(cls.as_value(), n!(__abstractmethods__))?;
    let items = vm.collect(&methods)?;
    let mut names: Vec<String> = Vec::new();
    for item in items {
        names.push(vm.str(&item)?.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// `object.__init__`.
pub fn init(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult<()> {
    if args.values().is_empty() {
        return Ok(());
    }
    let cls = zelf.ty().clone();
    if !is_init(&cls) {
        return Err(vm.type_error("object.__init__() takes exactly one argument (the instance to initialize)"));
    }
    if is_new(&cls) {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("{name}.__init__() takes exactly one argument (the instance to initialize)")));
    }
    Ok(())
}

fn get_class(_: &mut Vm, zelf: &Value) -> PyResult {
    Ok(zelf.ty().to_value())
}

fn set_class(vm: &mut Vm, zelf: &Value, value: Option<&Value>) -> PyResult<()> {
    let Some(value) = value else { return Err(vm.type_error("can't delete __class__ attribute")) };
    let Some(new) = value.downcast::<PyType>() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("__class__ must be set to a class, not '{got}' object")));
    };
    vm.audit_attribute("object.__setattr__", zelf, "__class__", Some(value))?;
    crate::types::typeobject::layout::assign_class(vm, zelf, new)
}

/// `__dir__` of any object: the keys of its dict and of its classes' dicts.
pub fn dir(vm: &mut Vm, zelf: &Value, _args: Args<'_>) -> PyResult {
    let names = vm.new_dict()?;
    if let Some(dict) = vm.getattr_opt(zelf, n!(__dict__))?
        && let Some(dict) = dict.downcast::<Dict>() {
            names.copy_from(vm, dict)?;
        }
    if let Some(class) = vm.getattr_opt(zelf, n!(__class__))? {
        merge_class_dict(vm, &names, &class)?;
    }
    let keys: Vec<Value> = names.iter(vm).map(|(k, _)| k.clone()).collect();
    vm.new_list(keys).map(Py::into_value)
}

/// Adds the names in a class's dict and in those of its bases.
pub fn merge_class_dict(vm: &mut Vm, names: &Py<Dict>, class: &Value) -> PyResult<()> {
    vm.check_stack("")?;
    if let Some(dict) = vm.getattr_opt(class, n!(__dict__))? {
        let keys = vm.collect(&dict)?;
        for key in keys {
            names.set(vm, &key, Value::none())?;
        }
    }
    if let Some(bases) = vm.getattr_opt(class, n!(__bases__))? {
        let bases = vm.collect(&bases)?;
        for base in bases {
            merge_class_dict(vm, names, &base)?;
        }
    }
    Ok(())
}

fn sizeof(vm: &mut Vm, zelf: &Value, _args: Args<'_>) -> PyResult {
    let size = zelf.ty().core.basicsize.get();
    vm.new_int(size)
}

fn format_(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
    let spec = args.values().first().cloned().unwrap_or_else(Value::none);
    let Some(text) = spec.downcast::<Str>() else {
        let got = if spec.is_none() { "None".to_owned() } else { spec.type_name() };
        return Err(vm.type_error(format!("__format__() argument must be str, not {got}")));
    };
    if !text.is_empty() {
        let name = zelf.type_name();
        return Err(vm.type_error(format!("unsupported format string passed to {name}.__format__")));
    }
    vm.str(zelf).map(Py::into_value)
}

fn init_subclass(_: &mut Vm, _: &Value, _: Args<'_>) -> PyResult {
    Ok(Value::none())
}

fn subclasshook(_: &mut Vm, _: &Value, _: Args<'_>) -> PyResult {
    Ok(Value::not_implemented())
}

/// A module that Python code imported or can import.
pub fn import(vm: &mut Vm, name: &str) -> PyResult {
    let key = vm.intern(name);
    let modules = vm.interp.modules.load(vm);
    if let Some(module) = modules.and_then(|m| m.get_str(vm, &key).cloned()) {
        return Ok(module);
    }
    let builtins = vm.interp.builtins.load(vm);
    match builtins.and_then(|b| b.get_str(vm, n!(__import__)).cloned()) {
        Some(import) => {
            vm.call(&import, &[key.to_value()])?;
            let modules = vm.interp.modules.load(vm);
            match modules.and_then(|m| m.get_str(vm, &key).cloned()) {
                Some(module) => Ok(module),
                None => Err(vm.runtime_error(format!("module {name} is not in sys.modules"))),
            }
        }
        None => Err(vm.runtime_error("__import__ not found")),
    }
}

fn copyreg(vm: &mut Vm, name: &str) -> PyResult {
    let module = import(vm, "copyreg")?;
    vm.getattr_str(&module, name)
}

fn reduce(vm: &mut Vm, zelf: &Value, _args: Args<'_>) -> PyResult {
    reduce_protocol(vm, zelf, 0)
}

fn reduce_ex(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
    let protocol = match args.values().first() {
        Some(p) => vm.as_isize(p)?,
        None => 0,
    };
    if let Some(method) = vm.getattr_opt(zelf, n!(__reduce__))? {
        let class = zelf.ty().to_value();
        let of_class = vm.getattr(&class, n!(__reduce__))?;
        let of_object = Object::type_object(vm).lookup(vm, n!(__reduce__));
        if of_object.is_none_or(|o| !o.is_same(&of_class)) {
            return vm.call(&method, &[]);
        }
    }
    reduce_protocol(vm, zelf, protocol)
}

fn reduce_protocol(vm: &mut Vm, zelf: &Value, protocol: isize) -> PyResult {
    if protocol < 2 {
        let function = copyreg(vm, "_reduce_ex")?;
        let protocol = vm.new_int(protocol)?;
        return vm.call(&function, &[zelf.clone(), protocol]);
    }
    let cls = zelf.ty().clone();
    if cls.slots.new.get().is_none() {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("cannot pickle '{name}' object")));
    }
    let (args, kwargs) = new_arguments(vm, zelf)?;
    let has_args = args.is_some();
    let kwargs = kwargs.filter(|k| !k.is_empty(vm));
    let (function, new_args) = match (args, kwargs) {
        (args, None) => {
            let mut all = vec![cls.to_value()];
            if let Some(args) = args {
                all.extend_from_slice(args.items());
            }
            (copyreg(vm, "__newobj__")?, vm.new_tuple(all)?)
        }
        (Some(args), Some(kwargs)) => {
            let all = vec![cls.to_value(), args.into_value(), kwargs.into_value()];
            (copyreg(vm, "__newobj_ex__")?, vm.new_tuple(all)?)
        }
        (None, Some(_)) => return Err(vm.system_error("__getnewargs_ex__ without arguments")),
    };
    let (is_list, is_dict) = (zelf.is::<List>(), zelf.is::<Dict>());
    let state = state_of(vm, zelf, !(has_args || is_list || is_dict))?;
    let list_items = if is_list { vm.iter(zelf)? } else { Value::none() };
    let dict_items = if is_dict {
        let items = vm.call_method(zelf, n!(items), &[])?;
        vm.iter(&items)?
    } else {
        Value::none()
    };
    vm.new_tuple(vec![function, new_args.into_value(), state, list_items, dict_items]).map(Py::into_value)
}

type NewArguments = (Option<Py<Tuple>>, Option<Py<Dict>>);

/// What `__getnewargs_ex__` or `__getnewargs__` say.
fn new_arguments(vm: &mut Vm, zelf: &Value) -> PyResult<NewArguments> {
    if let Some(pair) = vm.call_special(zelf, n!(__getnewargs_ex__), &[])? {
        let Some(tuple) = pair.downcast::<Tuple>() else {
            let got = pair.type_name();
            return Err(vm.type_error(format!("__getnewargs_ex__ should return a tuple, not '{got}'")));
        };
        let [args, kwargs] = tuple.items() else {
            let n = tuple.len();
            return Err(vm.value_error(format!("__getnewargs_ex__ should return a tuple of length 2, not {n}")));
        };
        let Some(args) = args.downcast::<Tuple>() else {
            let got = args.type_name();
            return Err(vm.type_error(format!("first item of the tuple returned by __getnewargs_ex__ must be a tuple, not '{got}'")));
        };
        let Some(kwargs) = kwargs.downcast::<Dict>() else {
            let got = kwargs.type_name();
            return Err(vm.type_error(format!("second item of the tuple returned by __getnewargs_ex__ must be a dict, not '{got}'")));
        };
        return Ok((Some(args.clone()), Some(kwargs.clone())));
    }
    match vm.call_special(zelf, n!(__getnewargs__), &[])? {
        Some(args) => match args.downcast::<Tuple>() {
            Some(args) => Ok((Some(args.clone()), None)),
            None => {
                let got = args.type_name();
                Err(vm.type_error(format!("__getnewargs__ should return a tuple, not '{got}'")))
            }
        },
        None => Ok((None, None)),
    }
}

/// The state of an object for pickling: `__getstate__()`, where `object`'s own one may refuse objects with native insides.
fn state_of(vm: &mut Vm, zelf: &Value, required: bool) -> PyResult {
    let method = vm.getattr(zelf, n!(__getstate__))?;
    if let Some(f) = method.downcast_exact::<BuiltinFunction>()
        && f.zelf.is_same(zelf) && std::ptr::eq(f.def.spec, &GETSTATE) {
            return default_state(vm, zelf, required);
        }
    vm.call(&method, &[])
}

fn getstate(vm: &mut Vm, zelf: &Value, _args: Args<'_>) -> PyResult {
    default_state(vm, zelf, false)
}

fn default_state(vm: &mut Vm, zelf: &Value, required: bool) -> PyResult {
    let cls = zelf.ty().clone();
    let native = cls.native.get().map_or(0, |d| d.size);
    if required && native > 0 {
        let name = cls.tp_name();
        return Err(vm.type_error(format!("cannot pickle '{name}' object")));
    }
    let state = match vm.getattr_opt(zelf, n!(__dict__))? {
        Some(dict) => match dict.downcast::<Dict>() {
            Some(dict) => {
                let copy = vm.new_dict()?;
                copy.copy_from(vm, dict)?;
                if copy.is_empty(vm) { Value::none() } else { copy.into_value() }
            }
            None => dict,
        },
        None => Value::none(),
    };
    // Without slots there are no names of them, unless the class says so itself.
    let slotnames = vm.intern("__slotnames__");
    if cls.core.slot_count.get() == 0 && cls.lookup(vm, &slotnames).is_none() {
        return Ok(state);
    }
    let function = copyreg(vm, "_slotnames")?;
    let names = vm.call(&function, &[cls.to_value()])?;
    if names.is_none() {
        return Ok(state);
    }
    let names = vm.collect(&names)?;
    let slots = vm.new_dict()?;
    for name in names {
        let Some(key) = name.downcast::<Str>().map(|s| vm.intern_object(s)) else { continue };
        if let Some(value) = vm.getattr_opt(zelf, &key)? {
            slots.set_str(vm, &key, value)?;
        }
    }
    if slots.is_empty(vm) {
        return Ok(state);
    }
    vm.new_tuple(vec![state, slots.into_value()]).map(Py::into_value)
}
