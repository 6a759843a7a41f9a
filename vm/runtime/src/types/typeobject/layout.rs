//! Layouts of instances: whether an object may change its class, and a class its bases.
#![allow(unsafe_code, reason = "changes the type pointer of headers and the raw base pointer of types")]

use crate::types::class::flags;
use crate::types::instance;
use crate::types::module::Module;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::typeobject::{mro, slotdefs};
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm};

const WORDS: u64 = flags::MANAGED_DICT | flags::MANAGED_WEAKREF | krait_heap::TypeFlags::MANAGED | krait_heap::TypeFlags::GC;

/// The names of a class's own slots.
fn slot_names(vm: &Vm, ty: &PyType) -> Vec<String> {
    let mut names: Vec<String> =
        ty.own_slots.get(vm).iter().filter_map(|(_, n)| n.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// The nearest type down the bases that adds fields to its base's.
fn adding_base(ty: &PyType) -> &Py<PyType> {
    let mut at = ty.own_reference();
    while let Some(base) = at.base() {
        let same_native = match (at.native.get(), base.native.get()) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if !same_native || at.core.slot_count.get() != base.core.slot_count.get() {
            break;
        }
        at = base;
    }
    at
}

/// Whether two classes add the same slots to the same base, or nothing to it.
fn same_fields(vm: &Vm, a: &PyType, b: &PyType) -> bool {
    let (a, b) = (adding_base(a), adding_base(b));
    let same_base = || match (a.base(), b.base()) {
        (Some(x), Some(y)) => x.is(y),
        _ => false,
    };
    a.is(b) || (same_base() && slot_names(vm, a) == slot_names(vm, b))
}

/// Whether instances of the two classes look the same in memory.
pub fn same_layout(vm: &Vm, a: &PyType, b: &PyType) -> bool {
    let native = |t: &PyType| t.native.get().map_or(std::ptr::null(), std::ptr::from_ref);
    let words = |t: &PyType| t.core.flags.get() & WORDS;
    std::ptr::eq(native(a), native(b))
        && words(a) == words(b)
        && a.core.pre.get() == b.core.pre.get()
        && a.core.slot_count.get() == b.core.slot_count.get()
        && same_fields(vm, a, b)
}

fn check(vm: &mut Vm, old: &PyType, new: &PyType, what: &str) -> PyResult<()> {
    if same_layout(vm, old, new) {
        return Ok(());
    }
    let (new, old) = (new.tp_name(), old.tp_name());
    Err(vm.type_error(format!("{what} assignment: '{new}' object layout differs from '{old}'")))
}

/// `object.__class__ = new`.
pub fn assign_class(vm: &mut Vm, object: &Value, new: &Py<PyType>) -> PyResult<()> {
    let old = object.ty().clone();
    let module = Module::type_object(vm);
    let modules = old.is_subtype(vm, module) && new.is_subtype(vm, module);
    if !modules && (new.has_flag(flags::IMMUTABLETYPE) || old.has_flag(flags::IMMUTABLETYPE)) {
        return Err(vm.type_error("__class__ assignment only supported for mutable types or ModuleType subclasses"));
    }
    if modules {
        let words = |t: &PyType| (t.core.pre.get(), t.core.slot_count.get());
        if words(&old) != words(new) {
            check(vm, &old, new, "__class__")?;
        }
    } else {
        check(vm, &old, new, "__class__")?;
    }
    let Some(header) = object.header() else { return Ok(()) };
    if old.is(new) {
        return Ok(());
    }
    if instance::inline_values(vm, header).is_some() {
        // Inline values are named by the class.
        instance::materialize(vm, object)?;
    }
    if new.has_flag(flags::HEAPTYPE) {
        std::mem::forget(new.clone());
    }
    // SAFETY: the layouts agree; the new class has been counted.
    unsafe { header.set_type(&raw const new.core) };
    if old.has_flag(flags::HEAPTYPE) {
        // The object's reference on its old class.
        // SAFETY: counted when the object was made or got that class.
        drop(unsafe { Value::from_bits(old.as_value().bits()) });
    }
    Ok(())
}

/// `cls.__bases__ = bases`.
pub fn assign_bases(vm: &mut Vm, cls: &Py<PyType>, value: &Value) -> PyResult<()> {
    let name = cls.tp_name();
    let Some(bases) = value.downcast::<Tuple>() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("can only assign tuple to {name}.__bases__, not {got}")));
    };
    if bases.is_empty() {
        return Err(vm.type_error(format!("can only assign non-empty tuple to {name}.__bases__, not ()")));
    }
    for base in bases.items() {
        let Some(base) = base.downcast::<PyType>() else {
            let got = base.type_name();
            return Err(vm.type_error(format!("{name}.__bases__ must be tuple of classes, not '{got}'")));
        };
        // An inner call from a `mro` of the program has changed `base` already, but the MRO not yet.
        let chained = || crate::types::class::has_base(&raw const base.core, &raw const cls.core);
        if base.is_subtype(vm, cls) || (base.mro.get(vm).is_some() && chained()) {
            return Err(vm.type_error("a __bases__ item causes an inheritance cycle"));
        }
    }
    let best = mro::best_base(vm, bases.items())?;
    let Some(old_base) = cls.base().cloned() else { return Err(vm.type_error("object.__bases__ cannot be set")) };
    check_bases(vm, &best, &old_base)?;
    let old_bases = cls.bases.replace(vm, Some(bases.clone()));
    cls.base.set(&raw const **best.own_reference());
    let mut saved: Vec<Change> = Vec::new();
    let result = recompute(vm, cls, &mut saved);
    // A `mro` of the program may have given the class other bases meanwhile: those stay.
    let ours = cls.bases.get(vm).as_ref().is_some_and(|b| b.is(bases));
    match result {
        Err(e) => {
            for change in saved.into_iter().rev() {
                change.undo(vm);
            }
            if ours {
                let now = cls.bases.replace(vm, old_bases);
                cls.base.set(&raw const **old_base.own_reference());
                drop(now);
            }
            Err(e)
        }
        Ok(()) => {
            if ours && !saved.is_empty() {
                move_subclass(vm, cls, old_bases.as_ref(), bases);
                refill(vm, cls);
            }
            Ok(())
        }
    }
}

/// A type whose MRO has been computed anew.
struct Change {
    ty: Py<PyType>,
    old: Option<Py<Tuple>>,
    new: Option<Py<Tuple>>,
}

impl Change {
    /// Back to the old MRO, unless there is a newer one.
    fn undo(self, vm: &mut Vm) {
        let current = match (self.ty.mro.get(vm), &self.new) {
            (Some(a), Some(b)) => a.is(b),
            (None, None) => true,
            _ => false,
        };
        if current {
            let now = self.ty.mro.replace(vm, self.old);
            self.ty.modified(vm);
            drop(now);
        }
    }
}

/// The new base must give instances the layout that the old one gave them.
fn check_bases(vm: &mut Vm, new: &Py<PyType>, old: &Py<PyType>) -> PyResult<()> {
    let (a, b) = (mro::solid_base(new), mro::solid_base(old));
    if a.is(&b) || same_layout(vm, new, old) {
        return Ok(());
    }
    let (new, old) = (new.tp_name(), old.tp_name());
    Err(vm.type_error(format!("__bases__ assignment: '{new}' object layout differs from '{old}'")))
}

fn recompute(vm: &mut Vm, ty: &Py<PyType>, saved: &mut Vec<Change>) -> PyResult<()> {
    let old = ty.mro.load(vm);
    if !mro::compute(vm, ty)? {
        return Ok(());
    }
    let new = ty.mro.load(vm);
    saved.push(Change { ty: ty.clone(), old, new });
    for sub in ty.direct_subclasses(vm) {
        recompute(vm, &sub, saved)?;
    }
    Ok(())
}

fn move_subclass(vm: &mut Vm, cls: &Py<PyType>, old: Option<&Py<Tuple>>, new: &Py<Tuple>) {
    let address = std::ptr::from_ref(cls.header()) as usize;
    for base in old.iter().flat_map(|t| t.items()).filter_map(|b| b.downcast::<PyType>()) {
        base.subclasses.get_mut(vm).retain(|&a| a != address);
    }
    for base in new.items().iter().filter_map(|b| b.downcast::<PyType>()) {
        base.subclasses.get_mut(vm).push(address);
    }
}

fn refill(vm: &mut Vm, ty: &Py<PyType>) {
    slotdefs::fill_slots(vm, ty);
    for sub in ty.direct_subclasses(vm) {
        refill(vm, &sub);
    }
}
