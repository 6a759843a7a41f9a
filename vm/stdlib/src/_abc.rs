//! `_abc`: what `abc.ABCMeta` does: abstract methods, the registry of virtual subclasses, and the caches of answers.
//!
//! Registry and caches refer to classes weakly and know them by identity: a map from the class's address to a weak reference, which tells
//! whether the class at that address is still the one meant. Entries of dead classes are thrown out when a map has doubled.

use krait_heap::{Clear, Traverse, Visit};
use krait_runtime::types::class::flags;
use krait_runtime::types::exceptions::AssertionError;
use krait_runtime::types::int::Int;
use krait_runtime::types::list::List;
use krait_runtime::types::set::Set;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::types::weakref;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::collections::HashMap;

const COLLECTION: u64 = flags::SEQUENCE | flags::MAPPING;

/// Classes, referred to weakly.
#[derive(Default)]
struct WeakClasses {
    entries: HashMap<u64, Value>,
    /// Throw out the dead when there are so many.
    limit: usize,
}

impl WeakClasses {
    fn contains(&self, class: &Value) -> bool {
        let Some(weak) = self.entries.get(&class.bits()) else { return false };
        weakref::links(weak).and_then(|l| l.upgrade()).is_some_and(|c| c.is_same(class))
    }

    /// The references to classes that are alive.
    fn alive(&self) -> Vec<Value> {
        self.entries.values().filter(|w| weakref::links(w).is_some_and(|l| l.upgrade().is_some())).cloned().collect()
    }
}

impl Traverse for WeakClasses {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.entries.values().for_each(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        out.extend(std::mem::take(&mut self.entries).into_values());
    }
}

/// What abc keeps for an abstract base class.
#[pyclass(name = "_abc_data", module = "_abc", gc)]
pub struct AbcData {
    registry: GilCell<WeakClasses>,
    cache: GilCell<WeakClasses>,
    negative: GilCell<WeakClasses>,
    /// The counter when the negative cache was begun.
    negative_version: Cell<u64>,
}

#[pymethods]
impl AbcData {}

type Pick = fn(&AbcData) -> &GilCell<WeakClasses>;
const REGISTRY: Pick = |d| &d.registry;
const CACHE: Pick = |d| &d.cache;
const NEGATIVE: Pick = |d| &d.negative;

impl AbcData {
    fn contains(&self, vm: &Vm, pick: Pick, class: &Value) -> bool {
        pick(self).get(vm).contains(class)
    }

    fn add(&self, vm: &mut Vm, pick: Pick, class: &Value) -> PyResult<()> {
        let weak = weakref::new_ref(vm, class, None)?;
        let set = pick(self).get_mut(vm);
        let old = set.entries.insert(class.bits(), weak);
        let mut dead = Vec::new();
        if set.entries.len() > set.limit.max(16) {
            let keys: Vec<u64> = set.entries.iter().filter(|(_, w)| weakref::links(w).is_none_or(|l| l.upgrade().is_none())).map(|(k, _)| *k).collect();
            dead.extend(keys.iter().filter_map(|k| set.entries.remove(k)));
            set.limit = set.entries.len() * 2;
        }
        drop((old, dead));
        Ok(())
    }

    fn forget(&self, vm: &mut Vm, pick: Pick) {
        let old = pick(self).replace(vm, WeakClasses::default());
        drop(old);
    }
}

fn impl_name(vm: &mut Vm) -> Py<Str> {
    vm.intern("_abc_impl")
}

fn data_of(vm: &mut Vm, class: &Value) -> PyResult<Py<AbcData>> {
    let name = impl_name(vm);
    match vm.getattr(class, &name)?.into_py::<AbcData>() {
        Ok(data) => Ok(data),
        Err(_) => Err(vm.type_error("_abc_impl is set to a wrong type")),
    }
}

fn is_abstract(vm: &mut Vm, value: &Value) -> PyResult<bool> {
    let name = vm.intern("__isabstractmethod__");
    match vm.getattr_opt(value, &name)? {
        Some(flag) => vm.is_true(&flag),
        None => Ok(false),
    }
}

fn compute_abstract_methods(vm: &mut Vm, class: &Value) -> PyResult<()> {
    let abstracts = vm.new_set()?.into_value();
    let add = vm.intern("add");
    let namespace = vm.getattr_str(class, "__dict__")?;
    let items = vm.intern("items");
    let items = vm.call_method(&namespace, &items, &[])?;
    for item in vm.collect(&items)? {
        let Some([key, value]) = item.downcast::<Tuple>().map(|t| t.items()) else {
            return Err(vm.type_error("Iteration over items() of a namespace gave no pairs"));
        };
        if is_abstract(vm, value)? {
            vm.call_method(&abstracts, &add, std::slice::from_ref(key))?;
        }
    }
    let bases = vm.getattr_str(class, "__bases__")?;
    let Some(bases) = bases.downcast::<Tuple>().cloned() else { return Err(vm.type_error("__bases__ is not tuple")) };
    let name = vm.intern("__abstractmethods__");
    for base in bases.items() {
        let Some(inherited) = vm.getattr_opt(base, &name)? else { continue };
        for key in vm.collect(&inherited)? {
            let Some(key_name) = key.downcast::<Str>().cloned() else { continue };
            let key_name = vm.intern_object(&key_name);
            let Some(value) = vm.getattr_opt(class, &key_name)? else { continue };
            if is_abstract(vm, &value)? {
                vm.call_method(&abstracts, &add, &[key])?;
            }
        }
    }
    let frozen = krait_runtime::types::set::FrozenSet::static_value(vm);
    let frozen = vm.call(&frozen, &[abstracts])?;
    vm.setattr(class, &name, &frozen)
}

/// The type object of a native type.
trait StaticValue: krait_runtime::PyClass {
    fn static_value(vm: &Vm) -> Value {
        Self::type_object(vm).to_value()
    }
}
impl<T: krait_runtime::PyClass> StaticValue for T {}

/// Sets a class up as an abstract base class.
#[pyfunction(name = "_abc_init", sig = "(self, /)")]
fn abc_init(self_: &Value, vm: &mut Vm) -> PyResult<()> {
    compute_abstract_methods(vm, self_)?;
    let data = vm.new_object(AbcData {
        registry: GilCell::default(),
        cache: GilCell::default(),
        negative: GilCell::default(),
        negative_version: Cell::new(vm.interp.abc_counter.get()),
    })?;
    let name = impl_name(vm);
    vm.setattr(self_, &name, data.as_value())?;
    let Some(class) = self_.downcast::<PyType>() else { return Ok(()) };
    let key = vm.intern("__abc_tpflags__");
    let value = class.dict.load(vm).and_then(|d| d.get_str(vm, &key).cloned());
    let Some(value) = value.filter(Value::is_int) else { return Ok(()) };
    let bits = vm.as_isize(&value)? as u64 & COLLECTION;
    if bits == COLLECTION {
        return Err(vm.type_error("__abc_tpflags__ cannot be both Py_TPFLAGS_SEQUENCE and Py_TPFLAGS_MAPPING"));
    }
    class.core.flags.set(class.core.flags.get() | bits);
    vm.delattr(self_, &key)
}

trait IsInt {
    fn is_int(&self) -> bool;
}
impl IsInt for Value {
    fn is_int(&self) -> bool {
        self.is::<Int>()
    }
}

/// Registers a class as a virtual subclass of an abstract base class.
#[pyfunction(name = "_abc_register", sig = "(self, subclass, /)")]
fn abc_register(self_: &Value, subclass: &Value, vm: &mut Vm) -> PyResult {
    let Some(class) = subclass.downcast::<PyType>() else { return Err(vm.type_error("Can only register classes")) };
    if vm.issubclass(subclass, self_)? {
        return Ok(subclass.clone());
    }
    // The class itself is a superclass of the abstract one: the registry would go round in circles.
    if vm.issubclass(self_, subclass)? {
        return Err(vm.runtime_error("Refusing to create an inheritance cycle"));
    }
    let data = data_of(vm, self_)?;
    data.add(vm, REGISTRY, subclass)?;
    vm.interp.abc_counter.set(vm.interp.abc_counter.get() + 1);
    if let Some(base) = self_.downcast::<PyType>() {
        let bits = base.core.flags.get() & COLLECTION;
        if bits != 0 {
            set_collection(vm, class, bits);
        }
    }
    Ok(subclass.clone())
}

fn set_collection(vm: &mut Vm, class: &Py<PyType>, bits: u64) {
    let old = class.core.flags.get();
    if class.has_flag(flags::IMMUTABLETYPE) || old & COLLECTION == bits {
        return;
    }
    class.core.flags.set(old & !COLLECTION | bits);
    class.modified(vm);
    for sub in class.direct_subclasses(vm) {
        set_collection(vm, &sub, bits);
    }
}

/// isinstance() for an abstract base class.
#[pyfunction(name = "_abc_instancecheck", sig = "(self, instance, /)")]
fn abc_instancecheck(self_: &Value, instance: &Value, vm: &mut Vm) -> PyResult {
    let data = data_of(vm, self_)?;
    let class_name = vm.intern("__class__");
    let subclass = match vm.getattr_opt(instance, &class_name)? {
        Some(class) => class,
        None => instance.ty().to_value(),
    };
    if data.contains(vm, CACHE, &subclass) {
        return Ok(Value::from_bool(true));
    }
    let subtype = instance.ty().to_value();
    let check = vm.intern("__subclasscheck__");
    if subtype.is_same(&subclass) {
        let current = data.negative_version.get() == vm.interp.abc_counter.get();
        if current && data.contains(vm, NEGATIVE, &subclass) {
            return Ok(Value::from_bool(false));
        }
        return vm.call_method(self_, &check, &[subclass]);
    }
    let result = vm.call_method(self_, &check, &[subclass])?;
    if vm.is_true(&result)? {
        return Ok(result);
    }
    vm.call_method(self_, &check, &[subtype])
}

/// issubclass() for an abstract base class.
#[pyfunction(name = "_abc_subclasscheck", sig = "(self, subclass, /)")]
fn abc_subclasscheck(self_: &Value, subclass: &Value, vm: &mut Vm) -> PyResult<bool> {
    let Some(class) = subclass.downcast::<PyType>() else { return Err(vm.type_error("issubclass() arg 1 must be a class")) };
    let data = data_of(vm, self_)?;
    if data.contains(vm, CACHE, subclass) {
        return Ok(true);
    }
    let counter = vm.interp.abc_counter.get();
    if data.negative_version.get() < counter {
        data.forget(vm, NEGATIVE);
        data.negative_version.set(counter);
    } else if data.contains(vm, NEGATIVE, subclass) {
        return Ok(false);
    }
    let hook = vm.intern("__subclasshook__");
    let answer = vm.call_method(self_, &hook, std::slice::from_ref(subclass))?;
    if answer.is_true() {
        data.add(vm, CACHE, subclass)?;
        return Ok(true);
    }
    if answer.is_false() {
        data.add(vm, NEGATIVE, subclass)?;
        return Ok(false);
    }
    if !answer.is_not_implemented() {
        return Err(vm.raise::<AssertionError>("__subclasshook__ must return either False, True, or NotImplemented"));
    }
    let derived = self_.downcast::<PyType>().is_some_and(|base| class.is_subtype(vm, base));
    if derived || registered(vm, &data, subclass)? || below(vm, self_, subclass)? {
        data.add(vm, CACHE, subclass)?;
        return Ok(true);
    }
    data.add(vm, NEGATIVE, subclass)?;
    Ok(false)
}

/// Whether the class is derived from a registered one.
fn registered(vm: &mut Vm, data: &Py<AbcData>, subclass: &Value) -> PyResult<bool> {
    if data.contains(vm, REGISTRY, subclass) {
        return Ok(true);
    }
    let classes: Vec<Value> = data.registry.get(vm).entries.values().filter_map(|w| weakref::links(w)?.upgrade()).collect();
    for class in classes {
        if vm.issubclass(subclass, &class)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the class counts as a subclass of a subclass of the abstract one.
fn below(vm: &mut Vm, base: &Value, subclass: &Value) -> PyResult<bool> {
    let name = vm.intern("__subclasses__");
    let subclasses = vm.call_method(base, &name, &[])?;
    let Some(list) = subclasses.downcast::<List>() else { return Err(vm.type_error("__subclasses__() must return a list")) };
    for class in list.items(vm).to_vec() {
        if vm.issubclass(subclass, &class)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A number that changes whenever a class is registered anywhere.
#[pyfunction]
fn get_cache_token(vm: &mut Vm) -> u64 {
    vm.interp.abc_counter.get()
}

/// Forgets the registered classes.
#[pyfunction(name = "_reset_registry", sig = "(self, /)")]
fn reset_registry(self_: &Value, vm: &mut Vm) -> PyResult<()> {
    let data = data_of(vm, self_)?;
    data.forget(vm, REGISTRY);
    Ok(())
}

/// Forgets the cached answers.
#[pyfunction(name = "_reset_caches", sig = "(self, /)")]
fn reset_caches(self_: &Value, vm: &mut Vm) -> PyResult<()> {
    let data = data_of(vm, self_)?;
    data.forget(vm, CACHE);
    data.forget(vm, NEGATIVE);
    Ok(())
}

fn as_set(vm: &mut Vm, items: Vec<Value>) -> PyResult<Value> {
    let list = vm.new_list(items)?.into_value();
    let set = Set::static_value(vm);
    vm.call(&set, &[list])
}

/// Registry, cache, negative cache and the latter's version, for tests.
#[pyfunction(name = "_get_dump", sig = "(self, /)")]
fn get_dump(self_: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let data = data_of(vm, self_)?;
    let mut parts = Vec::with_capacity(4);
    for pick in [REGISTRY, CACHE, NEGATIVE] {
        let alive = pick(&data).get(vm).alive();
        parts.push(as_set(vm, alive)?);
    }
    parts.push(vm.new_int(data.negative_version.get())?);
    vm.new_tuple(parts)
}

krait_runtime::module! {
    "_abc", doc: "What abc.ABCMeta does.",
    functions: [abc_init, abc_register, abc_instancecheck, abc_subclasscheck, get_cache_token, reset_registry, reset_caches, get_dump],
    types: [], exec: init
}

fn init(vm: &mut Vm, _dict: &Py<krait_runtime::types::dict::Dict>) -> PyResult<()> {
    <AbcData as krait_runtime::PyClass>::static_type().ready(vm)?;
    Ok(())
}
