//! The method resolution order: C3 linearization (K. Barrett et al., "A Monotonic Superclass Linearization for Dylan", 1996), and the
//! choice of metaclass and of the base whose layout a class extends.

use crate::types::class::flags;
use crate::types::native::MethodDescr;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm};

/// The bases of `ty`.
pub fn bases_of(vm: &Vm, ty: &PyType) -> Vec<Py<PyType>> {
    match ty.bases.get(vm) {
        Some(bases) => bases.items().iter().filter_map(|b| b.downcast::<PyType>().cloned()).collect(),
        None => Vec::new(),
    }
}

/// The MRO of `ty` as types.
pub fn mro_of(vm: &Vm, ty: &PyType) -> Vec<Py<PyType>> {
    match ty.mro.get(vm) {
        Some(mro) => mro.items().iter().filter_map(|b| b.downcast::<PyType>().cloned()).collect(),
        None => Vec::new(),
    }
}

/// The most derived of the metaclasses of the bases and `meta`.
pub fn metaclass(vm: &mut Vm, meta: &Py<PyType>, bases: &[Value]) -> PyResult<Py<PyType>> {
    let mut winner = meta.clone();
    for base in bases {
        let ty = base.ty();
        if winner.is_subtype(vm, ty) {
            continue;
        }
        if ty.is_subtype(vm, &winner) {
            winner = ty.clone();
            continue;
        }
        return Err(vm.type_error(
            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases",
        ));
    }
    Ok(winner)
}

/// The base whose layout a class with these bases extends.
pub fn best_base(vm: &mut Vm, bases: &[Value]) -> PyResult<Py<PyType>> {
    let mut best: Option<(Py<PyType>, Py<PyType>)> = None;
    for base in bases {
        let Some(base) = base.downcast::<PyType>() else { return Err(vm.type_error("bases must be types")) };
        if !base.has_flag(flags::BASETYPE) {
            let name = base.tp_name();
            return Err(vm.type_error(format!("type '{name}' is not an acceptable base type")));
        }
        let candidate = solid_base(base);
        best = match best {
            None => Some((candidate, base.clone())),
            Some((winner, _)) if extends(&candidate, &winner) && !candidate.is(&winner) => Some((candidate, base.clone())),
            Some((winner, chosen)) if extends(&winner, &candidate) => Some((winner, chosen)),
            Some(_) => return Err(vm.type_error("multiple bases have instance lay-out conflict")),
        };
    }
    match best {
        Some((_, base)) => Ok(base),
        None => Ok(crate::types::object::Object::type_object(vm).clone()),
    }
}

/// Whether the layout of `ty` extends that of `other`.
fn extends(ty: &PyType, other: &PyType) -> bool {
    crate::types::class::has_base(&raw const ty.core, &raw const other.core)
}

/// The nearest type in the chain of layouts that adds something to its base's payload or slots.
pub fn solid_base(ty: &Py<PyType>) -> Py<PyType> {
    let mut at = ty.clone();
    while let Some(base) = at.base().cloned() {
        let size = |t: &PyType| t.native.get().map_or(0, |d| d.size);
        let adds = size(&at) != size(&base)
            || at.core.slot_count.get() != base.core.slot_count.get()
            || at.has_tail.get() != base.has_tail.get()
            || (at.native.get().is_some_and(|d| d.gc) && !at.has_flag(flags::HEAPTYPE) && !base.core.has(krait_heap::TypeFlags::GC));
        if adds {
            return at;
        }
        at = base;
    }
    at
}

/// The MRO as `type.mro` computes it.
pub fn linearize(vm: &mut Vm, ty: &Py<PyType>) -> PyResult<Vec<Value>> {
    let bases = bases_of(vm, ty);
    if let Some(base) = bases.iter().find(|b| b.mro.get(vm).is_none()) {
        let name = crate::types::typeobject::name_text(vm, base);
        return Err(vm.type_error(format!("Cannot extend an incomplete type '{name}'")));
    }
    let mut result = vec![ty.to_value()];
    if let [base] = bases.as_slice() {
        result.extend(mro_of(vm, base).into_iter().map(Py::into_value));
        return Ok(result);
    }
    for (i, base) in bases.iter().enumerate() {
        if bases.iter().skip(i + 1).any(|b| b.is(base)) {
            let name = crate::types::typeobject::name_text(vm, base);
            return Err(vm.type_error(format!("duplicate base class {name}")));
        }
    }
    let mut lists: Vec<Vec<Value>> = Vec::with_capacity(bases.len() + 1);
    for base in &bases {
        lists.push(mro_of(vm, base).into_iter().map(Py::into_value).collect());
    }
    lists.push(bases.iter().map(Py::to_value).collect());
    lists.iter_mut().for_each(|l| l.reverse());
    loop {
        lists.retain(|l| !l.is_empty());
        if lists.is_empty() {
            return Ok(result);
        }
        let candidate = lists.iter().filter_map(|l| l.last()).find(|c| {
            // Good if it stands in nobody's tail; lists are reversed, so the tail is all but the last.
            lists.iter().all(|l| l.split_last().is_none_or(|(_, tail)| !tail.iter().any(|t| t.is_same(c))))
        });
        let Some(candidate) = candidate.cloned() else { return Err(inconsistent(vm, &lists)) };
        for list in &mut lists {
            if list.last().is_some_and(|l| l.is_same(&candidate)) {
                list.pop();
            }
        }
        result.push(candidate);
    }
}

#[cold]
fn inconsistent(vm: &mut Vm, lists: &[Vec<Value>]) -> crate::Raised {
    let mut heads: Vec<Value> = Vec::new();
    for head in lists.iter().filter_map(|l| l.last()) {
        if !heads.iter().any(|h| h.is_same(head)) {
            heads.push(head.clone());
        }
    }
    let names: Vec<String> =
        heads.iter().map(|h| h.downcast::<PyType>().map_or_else(String::new, |t| crate::types::typeobject::name_text(vm, t))).collect();
    let names = names.join(", ");
    vm.type_error(format!("Cannot create a consistent method resolution order (MRO) for bases {names}"))
}

/// Computes the MRO of `ty`, through an `mro` method that its metaclass may define, and stores it. False if that method has
/// already changed the MRO itself.
pub fn compute(vm: &mut Vm, ty: &Py<PyType>) -> PyResult<bool> {
    let before = ty.mro.load(vm);
    let meta = ty.as_value().ty().clone();
    let custom = meta.lookup(vm, n!(mro)).filter(|m| {
        !m.downcast_exact::<MethodDescr>().is_some_and(|d| d.def.name == "mro" && d.owner.is(PyType::type_object(vm)))
    });
    let is_custom = custom.is_some();
    let items = match custom {
        None => linearize(vm, ty)?,
        Some(method) => {
            let result = crate::types::typeobject::slotfuncs::call_found(vm, ty.as_value(), &method, &[])?;
            let items = vm.collect(&result)?;
            check(vm, ty, &items)?;
            items
        }
    };
    let now = ty.mro.load(vm);
    let changed = match (&before, &now) {
        (Some(a), Some(b)) => !a.is(b),
        (None, None) => false,
        _ => true,
    };
    if changed {
        return Ok(false);
    }
    let mro = vm.new_tuple(items)?;
    let old = ty.mro.replace(vm, Some(mro));
    ty.modified(vm);
    if is_custom {
        ty.never_stamp(vm);
    }
    drop(old);
    Ok(true)
}

fn check(vm: &mut Vm, ty: &Py<PyType>, items: &[Value]) -> PyResult<()> {
    if items.is_empty() {
        return Err(vm.type_error("type MRO must not be empty"));
    }
    let solid = solid_base(ty);
    for item in items {
        let Some(base) = item.downcast::<PyType>() else {
            let got = item.type_name();
            return Err(vm.type_error(format!("mro() returned a non-class ('{got}')")));
        };
        if !extends(&solid, &solid_base(base)) {
            let name = base.tp_name();
            return Err(vm.type_error(format!("mro() returned base with unsuitable layout ('{name}')")));
        }
    }
    Ok(())
}

/// Whether a name is a Python identifier; surrogates make it none.
pub fn is_identifier(name: &Str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(krait_unicode::is_identifier_start) && chars.all(krait_unicode::is_xid_continue)
}
