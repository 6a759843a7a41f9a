//! `type.__new__`: from name, bases and namespace to a class.

use crate::args::Args;
use crate::types::class::{GetSetDef, flags};
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::native::{GetSetDescr, MemberDescr};
use crate::types::object::Object;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::typeobject::{mro, slotdefs};
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Raised, Value, Vm};
use krait_heap::TypeFlags;

/// `__dict__` of instances with a dict word.
pub static DICT: GetSetDef =
    GetSetDef { name: "__dict__", get: Some(get_dict), set: Some(set_dict), doc: Some("the attributes of the instance itself"), member: false };
/// `__dict__` of instances of native types, which cannot be deleted.
pub static NATIVE_DICT: GetSetDef = GetSetDef { name: "__dict__", get: Some(get_plain_dict), set: Some(set_native_dict), doc: DICT.doc, member: false };

/// `__weakref__` of instances that can be referred to weakly.
pub static WEAKREF: GetSetDef = GetSetDef { name: "__weakref__", get: Some(get_weakref), set: None, doc: Some("the first weak reference to the object"), member: false };

/// The descriptor of `__dict__` of a native base, which may keep it in its own way, as types and modules do.
fn native_dict(vm: &Vm, object: &Value) -> Option<Value> {
    let mut at = Some(object.ty().clone());
    while let Some(ty) = at {
        if !ty.has_flag(flags::HEAPTYPE)
            && let Some(descr) = ty.dict.get(vm).as_ref().and_then(|d| d.get_str(vm, n!(__dict__))) {
                return Some(descr.clone());
            }
        at = ty.base().cloned();
    }
    None
}

fn get_dict(vm: &mut Vm, object: &Value) -> PyResult {
    if let Some(descr) = native_dict(vm, object)
        && let Some(get) = descr.type_ref().slots.descr_get.get() {
            return get(vm, &descr, Some(object), Some(object.ty().as_value()));
        }
    get_plain_dict(vm, object)
}

fn get_plain_dict(vm: &mut Vm, object: &Value) -> PyResult {
    if object.header().is_some_and(instance::has_dict) {
        return instance::materialize(vm, object).map(Py::into_value);
    }
    // A base with a dict of its own, as modules and types have it.
    let name = object.type_name();
    Err(vm.attribute_error(format!("'{name}' object has no attribute '__dict__'")))
}

fn set_dict(vm: &mut Vm, object: &Value, value: Option<&Value>) -> PyResult<()> {
    if let Some(descr) = native_dict(vm, object)
        && let Some(set) = descr.type_ref().slots.descr_set.get() {
            return set(vm, &descr, object, value);
        }
    set_plain_dict(vm, object, value)
}

fn set_plain_dict(vm: &mut Vm, object: &Value, value: Option<&Value>) -> PyResult<()> {
    match value {
        None => instance::replace_dict(vm, object, None),
        Some(value) => match value.downcast::<Dict>() {
            Some(dict) => instance::replace_dict(vm, object, Some(dict.clone())),
            None => {
                let got = value.type_name();
                Err(vm.type_error(format!("__dict__ must be set to a dictionary, not a '{got}'")))
            }
        },
    }
}

fn set_native_dict(vm: &mut Vm, object: &Value, value: Option<&Value>) -> PyResult<()> {
    match value {
        None => Err(vm.type_error("cannot delete __dict__")),
        Some(_) => set_plain_dict(vm, object, value),
    }
}

fn get_weakref(_: &mut Vm, object: &Value) -> PyResult {
    Ok(object.header().and_then(krait_heap::weakrefs_head).unwrap_or_else(Value::none))
}

/// What is known of the class while it is being made.
struct Plan {
    meta: Py<PyType>,
    base: Py<PyType>,
    bases: Py<Tuple>,
    name: Py<Str>,
    dict: Py<Dict>,
    /// Names of the new slots, mangled and sorted; none without `__slots__`.
    slots: Option<Vec<Py<Str>>>,
    add_dict: bool,
    add_weakref: bool,
}

/// `type.__new__(meta, name, bases, namespace, **kwargs)`.
pub fn type_new(vm: &mut Vm, meta: &Py<PyType>, args: Args<'_>) -> PyResult {
    let [name, bases, namespace] = args.positional() else {
        let n = args.positional().len();
        return Err(vm.type_error(format!("type.__new__() takes exactly 3 arguments ({n} given)")));
    };
    let Some(name) = name.downcast::<Str>() else { return Err(bad_argument(vm, 1, "str", name)) };
    let Some(bases) = bases.downcast::<Tuple>() else { return Err(bad_argument(vm, 2, "tuple", bases)) };
    let Some(namespace) = namespace.downcast::<Dict>() else { return Err(bad_argument(vm, 3, "dict", namespace)) };
    let (mut meta, mut bases) = (meta.clone(), bases.clone());
    let base = if bases.is_empty() {
        let object = Object::type_object(vm).clone();
        bases = vm.new_tuple(vec![object.to_value()])?;
        object
    } else {
        refuse_mro_entries(vm, &bases)?;
        let winner = mro::metaclass(vm, &meta, bases.items())?;
        if !winner.is(&meta) {
            let own = PyType::static_type().slots().new.get().map(|f| f as usize);
            match winner.slots.new.get() {
                Some(new) if Some(new as usize) != own => return new(vm, &winner, args),
                Some(_) => meta = winner,
                None => {
                    let name = winner.tp_name();
                    return Err(vm.type_error(format!("cannot create '{name}' instances")));
                }
            }
        }
        mro::best_base(vm, bases.items())?
    };
    let dict = vm.new_dict()?;
    dict.merge(vm, namespace.as_value(), crate::types::dict::MergeMode::Override)?;
    let mut plan =
        Plan { meta, base, bases, name: name.clone(), dict, slots: None, add_dict: false, add_weakref: false };
    plan_slots(vm, &mut plan)?;
    let ty = allocate(vm, &plan)?;
    fill_dict(vm, &ty, &plan)?;
    let cells = (plan.dict.remove_str(vm, n!(__classcell__)), plan.dict.remove_str(vm, n!(__classdictcell__)));
    set_cells(vm, &ty, cells, &plan.dict)?;
    add_slots(vm, &ty, &plan.dict)?;
    warn_of_keys(vm, &ty, &plan.dict)?;
    mro::compute(vm, &ty)?;
    inherit_collection(vm, &ty);
    register(vm, &ty, &plan);
    slotdefs::fill_slots(vm, &ty);
    call_set_name(vm, &ty)?;
    call_init_subclass(vm, &ty, args)?;
    Ok(ty.into_value())
}

/// Patterns take instances for sequences or mappings by what the first base that is either says.
fn inherit_collection(vm: &mut Vm, ty: &Py<PyType>) {
    const COLLECTION: u64 = flags::SEQUENCE | flags::MAPPING;
    let found = mro::mro_of(vm, ty).iter().skip(1).map(|b| b.core.flags.get() & COLLECTION).find(|f| *f != 0);
    ty.core.flags.set(ty.core.flags.get() | found.unwrap_or(0));
}

#[cold]
fn bad_argument(vm: &mut Vm, n: u32, expected: &str, got: &Value) -> Raised {
    let got = if got.is_none() { "None".to_owned() } else { got.type_name() };
    vm.type_error(format!("type.__new__() argument {n} must be {expected}, not {got}"))
}

fn refuse_mro_entries(vm: &mut Vm, bases: &Py<Tuple>) -> PyResult<()> {
    for base in bases.items() {
        if !base.is::<PyType>() && vm.getattr_opt(base, n!(__mro_entries__))?.is_some() {
            return Err(vm.type_error("type() doesn't support MRO entry resolution; use types.new_class()"));
        }
    }
    Ok(())
}

/// A private name of the class `class`: `__x` becomes `_class__x`.
pub fn mangle(class: &str, name: &str) -> String {
    let class = class.trim_start_matches('_');
    if class.is_empty() || !name.starts_with("__") || name.ends_with("__") || name.contains('.') {
        return name.to_owned();
    }
    format!("_{class}{name}")
}

/// Whether instances of the type have a `__dict__` of any kind.
fn has_any_dict(ty: &PyType) -> bool {
    ty.has_flag(flags::MANAGED_DICT) || ty.has_flag(flags::NO_DICT)
}

fn plan_slots(vm: &mut Vm, plan: &mut Plan) -> PyResult<()> {
    let may_dict = !has_any_dict(&plan.base);
    // What CPython stores behind items of variable number leaves no fixed place for the weak references' word.
    const ITEMS: u64 = flags::LONG_SUBCLASS | flags::TUPLE_SUBCLASS | flags::BYTES_SUBCLASS | flags::TYPE_SUBCLASS;
    let has_items = plan.base.core.flags.get() & ITEMS != 0;
    let may_weakref = !plan.base.has_flag(flags::MANAGED_WEAKREF) && !has_items;
    let Some(slots) = plan.dict.get_str(vm, n!(__slots__)).cloned() else {
        (plan.add_dict, plan.add_weakref) = (may_dict, may_weakref);
        return Ok(());
    };
    let items = if slots.is::<Str>() { vec![slots.clone()] } else { vm.collect(&slots)? };
    if !items.is_empty() && has_items {
        let base = plan.base.tp_name();
        return Err(vm.type_error(format!("nonempty __slots__ not supported for subtype of '{base}'")));
    }
    let class = plan.name.to_string_lossy().into_owned();
    let mut names: Vec<(String, Py<Str>)> = Vec::new();
    for item in &items {
        let Some(name) = item.downcast::<Str>() else {
            let got = item.type_name();
            return Err(vm.type_error(format!("__slots__ items must be strings, not '{got}'")));
        };
        if !mro::is_identifier(name) {
            return Err(vm.type_error("__slots__ must be identifiers"));
        }
        let name = name.to_string_lossy().into_owned();
        if name == "__dict__" {
            if !may_dict || plan.add_dict {
                return Err(vm.type_error("__dict__ slot disallowed: we already got one"));
            }
            plan.add_dict = true;
            continue;
        }
        if name == "__weakref__" {
            if !may_weakref || plan.add_weakref {
                return Err(vm.type_error("__weakref__ slot disallowed: we already got one"));
            }
            plan.add_weakref = true;
            continue;
        }
        let mangled = mangle(&class, &name);
        let key = vm.intern(&mangled);
        let special = matches!(name.as_str(), "__qualname__" | "__classcell__" | "__classdictcell__");
        if !special && plan.dict.get_str(vm, &key).is_some() {
            let repr = vm.repr(key.as_value())?.to_string_lossy().into_owned();
            return Err(vm.value_error(format!("{repr} in __slots__ conflicts with class variable")));
        }
        names.push((mangled, key));
    }
    names.sort_by(|a, b| a.0.cmp(&b.0));
    plan.slots = Some(names.into_iter().map(|(_, k)| k).collect());
    // Secondary bases may bring a dict or weak references.
    for other in plan.bases.items().iter().filter_map(|b| b.downcast::<PyType>()).filter(|b| !b.is(&plan.base)) {
        if may_dict && other.has_flag(flags::MANAGED_DICT) {
            plan.add_dict = true;
        }
        if may_weakref && other.has_flag(flags::MANAGED_WEAKREF) {
            plan.add_weakref = true;
        }
    }
    Ok(())
}

/// The type object with its layout, not yet filled.
fn allocate(vm: &mut Vm, plan: &Plan) -> PyResult<Py<PyType>> {
    if plan.name.chars().any(|c| c == 0) {
        return Err(vm.value_error("type name must not contain null characters"));
    }
    let text = plan.name.to_utf8(vm)?;
    let ty = vm.new_instance(&plan.meta, PyType::new())?;
    ty.set_own_reference(ty.header());
    let base = &plan.base;
    let old = base.core.flags.get();
    let mut bits = flags::HEAPTYPE | flags::BASETYPE | flags::READY | flags::HAVE_GC | TypeFlags::GC;
    bits |= old & (flags::INHERITED | flags::NO_DICT | flags::MANAGED_DICT | flags::MANAGED_WEAKREF | TypeFlags::MANAGED);
    bits |= old & flags::HAVE_VECTORCALL;
    bits &= !(flags::SEQUENCE | flags::MAPPING);
    if plan.add_dict {
        bits |= flags::MANAGED_DICT | TypeFlags::MANAGED;
    }
    if plan.add_weakref {
        bits |= flags::MANAGED_WEAKREF | TypeFlags::MANAGED;
    }
    let own = plan.slots.as_ref().map_or(0, Vec::len);
    let count = base.core.slot_count.get() as usize + own;
    let words = if bits & TypeFlags::MANAGED != 0 { 32 } else { 16 };
    let Ok(pre) = u32::try_from((words + count * 8).next_multiple_of(16)) else { return Err(vm.memory_error()) };
    let native = base.native.get();
    let payload = 16 + native.map_or(0, |d| d.size);
    let mut size = payload;
    let plain = native.is_some_and(|d| d.size == 0) && !base.has_tail.get();
    if plain && bits & flags::MANAGED_DICT != 0 {
        bits |= TypeFlags::INLINE_VALUES | flags::INLINE_VALUES;
        size = payload + instance::inline_size(inline_capacity(vm, plan));
    }
    let core = &ty.core;
    core.flags.set(bits);
    core.pre.set(pre);
    core.slot_count.set(count as u32);
    core.basicsize.set(u32::try_from(size).unwrap_or(u32::MAX));
    core.drop.set(instance::drop_managed);
    core.traverse.set(instance::traverse_managed);
    core.clear.set(instance::clear_managed);
    ty.base.set(&raw const **base.own_reference());
    ty.native.set(native);
    ty.has_tail.set(base.has_tail.get());
    let name = vm.intern_object(&plan.name);
    let old = (ty.tp_name.replace(vm, text), ty.name.replace(vm, Some(name.to_value())), ty.qualname.replace(vm, Some(name.into_value())));
    drop(old);
    ty.bases.replace(vm, Some(plan.bases.clone()));
    ty.dict.replace(vm, Some(plan.dict.clone()));
    let first = base.core.slot_count.get();
    let slots = plan.slots.iter().flatten().enumerate().map(|(i, n)| (first + i as u32, n.to_value())).collect();
    ty.own_slots.replace(vm, slots);
    Ok(ty)
}

/// How many attributes instances keep inline: those that the class body's methods set on `self`, the base's, and a few more.
fn inline_capacity(vm: &Vm, plan: &Plan) -> usize {
    let own = plan.dict.get_str(vm, n!(__static_attributes__)).and_then(|a| a.downcast::<Tuple>()).map_or(0, |t| t.len());
    let inherited = if plan.base.core.has(TypeFlags::INLINE_VALUES) {
        (plan.base.core.basicsize.get() as usize).saturating_sub(16 + instance::inline_size(0)) / size_of::<Value>()
    } else {
        2
    };
    (own + inherited).clamp(4, instance::MAX_KEYS)
}

/// What the class body did not put into the namespace.
fn fill_dict(vm: &mut Vm, ty: &Py<PyType>, plan: &Plan) -> PyResult<()> {
    let dict = &plan.dict;
    if dict.get_str(vm, n!(__module__)).is_none()
        && let Some(name) = running_module(vm) {
            dict.set_str(vm, n!(__module__), name)?;
        }
    if let Some(qualname) = dict.remove_str(vm, n!(__qualname__)) {
        if !qualname.is::<Str>() {
            let got = qualname.type_name();
            return Err(vm.type_error(format!("type __qualname__ must be a str, not {got}")));
        }
        let old = ty.qualname.replace(vm, Some(qualname));
        drop(old);
    }
    wrap_special(vm, dict)?;
    if let Some(doc) = dict.get_str(vm, n!(__doc__)).and_then(|d| d.downcast::<Str>()).cloned() {
        doc.to_utf8(vm)?;
    }
    for (add, def) in [(plan.add_dict, &DICT), (plan.add_weakref, &WEAKREF)] {
        let key = vm.intern(def.name);
        if add && dict.get_str(vm, &key).is_none() {
            let descr = vm.new_object(GetSetDescr::new(ty.clone(), def))?;
            dict.set_str(vm, &key, descr.into_value())?;
        }
    }
    if dict.get_str(vm, n!(__doc__)).is_none() {
        dict.set_str(vm, n!(__doc__), Value::none())?;
    }
    if dict.get_str(vm, n!(__eq__)).is_some() && dict.get_str(vm, n!(__hash__)).is_none() {
        dict.set_str(vm, n!(__hash__), Value::none())?;
    }
    Ok(())
}

/// `__name__` of the globals of the running function.
fn running_module(vm: &mut Vm) -> Option<Value> {
    let globals = vm.current_globals()?;
    globals.get_str(vm, n!(__name__)).cloned()
}

/// `__new__` becomes a static method, `__init_subclass__` and `__class_getitem__` class methods.
fn wrap_special(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    if let Some(new) = dict.get_str(vm, n!(__new__)).cloned().filter(|f| f.type_name() == "function") {
        let wrapped = crate::types::native::new_staticmethod(vm, new)?;
        dict.set_str(vm, n!(__new__), wrapped)?;
    }
    for name in [n!(__init_subclass__), n!(__class_getitem__)] {
        if let Some(function) = dict.get_str(vm, name).cloned().filter(|f| f.type_name() == "function") {
            let wrapped = crate::types::classmethod::new_classmethod(vm, function)?;
            dict.set_str(vm, name, wrapped)?;
        }
    }
    Ok(())
}

/// Hands the class to the cell that `super()` and `__class__` in its methods read.
fn set_cells(vm: &mut Vm, ty: &Py<PyType>, cells: (Option<Value>, Option<Value>), dict: &Py<Dict>) -> PyResult<()> {
    if let Some(cell) = cells.0 {
        if cell.type_name() != "cell" {
            let repr = vm.repr(cell.ty().clone().as_value())?.to_string_lossy().into_owned();
            return Err(vm.type_error(format!("__classcell__ must be a nonlocal cell, not {repr}")));
        }
        let name = vm.intern("cell_contents");
        vm.setattr(&cell, &name, ty.as_value())?;
    }
    if let Some(cell) = cells.1 {
        if cell.type_name() != "cell" {
            let repr = vm.repr(cell.ty().clone().as_value())?.to_string_lossy().into_owned();
            return Err(vm.type_error(format!("__classdictcell__ must be a nonlocal cell, not {repr}")));
        }
        let name = vm.intern("cell_contents");
        vm.setattr(&cell, &name, dict.as_value())?;
    }
    Ok(())
}

/// The descriptors of the class's own slots, which may have the names of what the compiler leaves in the namespace.
fn add_slots(vm: &mut Vm, ty: &Py<PyType>, dict: &Py<Dict>) -> PyResult<()> {
    for (index, name) in ty.own_slots.load(vm) {
        let Some(name) = name.downcast::<Str>() else { continue };
        let member = vm.new_object(MemberDescr { owner: ty.clone(), name: name.clone(), index, def: None, doc: None })?;
        dict.set_str(vm, name, member.into_value())?;
    }
    Ok(())
}

/// Keys that are not strings make look-ups slow, and may run code.
fn warn_of_keys(vm: &mut Vm, ty: &Py<PyType>, dict: &Py<Dict>) -> PyResult<()> {
    if dict.iter(vm).all(|(key, _)| key.downcast_exact::<Str>().is_some()) {
        return Ok(());
    }
    let name = crate::types::typeobject::name_text(vm, ty);
    let category = crate::types::exceptions::RuntimeWarning::type_object(vm).to_value();
    crate::warnings::warn(vm, &category, &format!("non-string key in the __dict__ of class {name}"), 1)
}

/// Makes the class known to its bases.
fn register(vm: &mut Vm, ty: &Py<PyType>, plan: &Plan) {
    let address = std::ptr::from_ref(ty.header()) as usize;
    for base in plan.bases.items().iter().filter_map(|b| b.downcast::<PyType>()) {
        let subclasses = base.subclasses.get_mut(vm);
        if !subclasses.contains(&address) {
            subclasses.push(address);
        }
    }
}

/// Tells what the namespace holds its name (PEP 487).
fn call_set_name(vm: &mut Vm, ty: &Py<PyType>) -> PyResult<()> {
    let items = ty.dict.load(vm).map(|d| d.to_vec(vm)).unwrap_or_default();
    for (key, value) in items {
        let Some(method) = vm.lookup_special(&value, n!(__set_name__))? else { continue };
        if let Err(e) = vm.call(&method, &[ty.to_value(), key.clone()]) {
            let key = vm.repr(&key)?.to_string_lossy().into_owned();
            let (kind, name) = (value.type_name(), ty.tp_name());
            crate::types::exceptions::add_note(vm, &e, &format!("Error calling __set_name__ on '{kind}' instance {key} in '{name}'"))?;
            return Err(e);
        }
    }
    Ok(())
}

/// Calls `super(cls, cls).__init_subclass__(**kwargs)`.
fn call_init_subclass(vm: &mut Vm, ty: &Py<PyType>, args: Args<'_>) -> PyResult<()> {
    let bases = mro::mro_of(vm, ty);
    if !bases.iter().any(|b| b.is(ty)) {
        let name = ty.tp_name();
        return Err(vm.type_error(format!("super(type, obj): obj (type {name}) is not an instance or subtype of type ({name}).")));
    }
    let found = bases.iter().skip_while(|b| !b.is(ty)).skip(1).find_map(|b| b.dict.get(vm).as_ref()?.get_str(vm, n!(__init_subclass__)).cloned());
    let Some(found) = found else { return Ok(()) };
    let method = match found.type_ref().slots.descr_get.get() {
        Some(get) => get(vm, &found, Some(ty.as_value()), Some(ty.as_value()))?,
        None => found,
    };
    let (names, values): (Vec<Value>, Vec<Value>) = args.keywords().map(|(k, v)| (k.clone(), v.clone())).unzip();
    vm.call_args(&method, Args::with_keywords(&values, &names))?;
    Ok(())
}

