//! `__build_class__`: metaclass, namespace, body, and the class.

use crate::types::cell::PyCell;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm};

/// `__build_class__(func, name, *bases, metaclass=..., **kwds)`.
pub fn build_class(vm: &mut Vm, args: Args<'_>) -> PyResult {
    let [body, name, original_bases @ ..] = args.positional() else {
        return Err(vm.type_error("__build_class__: not enough arguments"));
    };
    let Some(function) = body.downcast_exact::<Function>() else {
        return Err(vm.type_error("__build_class__: func must be a function"));
    };
    let Some(class_name) = name.downcast::<Str>() else {
        return Err(vm.type_error("__build_class__: name is not a string"));
    };
    let bases = resolve_bases(vm, original_bases)?;
    let changed = bases.len() != original_bases.len() || bases.iter().zip(original_bases).any(|(a, b)| !a.is_same(b));
    let mut keywords: Vec<(Value, Value)> = args.keywords().map(|(k, v)| (k.clone(), v.clone())).collect();
    let given = keywords.iter().position(|(k, _)| k.downcast::<Str>().is_some_and(|s| s.eq_str("metaclass"))).map(|i| keywords.remove(i).1);
    let metaclass = metaclass_of(vm, given, &bases)?;
    let bases = vm.new_tuple(bases)?.into_value();
    let namespace = prepare(vm, &metaclass, name, &bases, &keywords)?;
    if namespace.type_ref().slots.getitem.get().is_none() {
        let (meta, got) = (metaclass_name(&metaclass), namespace.type_name());
        return Err(vm.type_error(format!("{meta}.__prepare__() must return a mapping, not {got}")));
    }
    let code = function.code.load(vm);
    let closure = function.closure.load(vm);
    let cell = vm.run_code_with(&code, &function.globals.clone(), Some(&namespace), Some(function.builtins.clone()), closure)?;
    if changed {
        let original = vm.new_tuple_from(original_bases)?.into_value();
        vm.setitem(&namespace, n!(__orig_bases__).as_value(), &original)?;
    }
    let class = call_with(vm, &metaclass, &[name.clone(), bases, namespace], &keywords)?;
    check_class_cell(vm, &cell, &class, class_name)?;
    Ok(class)
}

fn metaclass_name(metaclass: &Value) -> String {
    metaclass.downcast::<PyType>().map_or_else(|| "<metaclass>".to_owned(), |m| m.tp_name())
}

/// `__mro_entries__` of bases that are no classes.
fn resolve_bases(vm: &mut Vm, original: &[Value]) -> PyResult<Vec<Value>> {
    let mut bases = Vec::with_capacity(original.len());
    let mut all: Option<Value> = None;
    for base in original {
        if base.is::<PyType>() {
            bases.push(base.clone());
            continue;
        }
        let Some(method) = vm.getattr_opt(base, n!(__mro_entries__))? else {
            bases.push(base.clone());
            continue;
        };
        let tuple = match &all {
            Some(t) => t.clone(),
            None => {
                let t = vm.new_tuple_from(original)?.into_value();
                all = Some(t.clone());
                t
            }
        };
        let replaced = vm.call(&method, &[tuple])?;
        match replaced.downcast::<crate::types::tuple::Tuple>() {
            Some(t) => bases.extend_from_slice(t.items()),
            None => return Err(vm.type_error("__mro_entries__ must return a tuple")),
        }
    }
    Ok(bases)
}

/// The most derived of the metaclass given and the bases' types. What is no class is taken as it is.
fn metaclass_of(vm: &mut Vm, given: Option<Value>, bases: &[Value]) -> PyResult {
    let mut winner = match given {
        Some(meta) if !meta.is::<PyType>() => return Ok(meta),
        Some(meta) => meta,
        None => match bases.first() {
            Some(base) => base.ty().to_value(),
            None => PyType::type_object(vm).to_value(),
        },
    };
    for base in bases {
        let candidate = base.ty().clone();
        let Some(current) = winner.downcast::<PyType>() else { break };
        if current.is_subtype(vm, &candidate) {
            continue;
        }
        if candidate.is_subtype(vm, current) {
            winner = candidate.into_value();
            continue;
        }
        return Err(vm.type_error(
            "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass of the metaclasses of all its bases",
        ));
    }
    Ok(winner)
}

/// The namespace: what `__prepare__` gives, else a dict.
fn prepare(vm: &mut Vm, metaclass: &Value, name: &Value, bases: &Value, keywords: &[(Value, Value)]) -> PyResult {
    match vm.getattr_opt(metaclass, n!(__prepare__))? {
        Some(prepare) => call_with(vm, &prepare, &[name.clone(), bases.clone()], keywords),
        None => Ok(vm.new_dict()?.into_value()),
    }
}

fn call_with(vm: &mut Vm, callable: &Value, positional: &[Value], keywords: &[(Value, Value)]) -> PyResult {
    let mut values = positional.to_vec();
    values.extend(keywords.iter().map(|(_, v)| v.clone()));
    let names: Vec<Value> = keywords.iter().map(|(k, _)| k.clone()).collect();
    vm.call_args(callable, Args::with_keywords(&values, &names))
}

/// `type.__new__` must have put the class into the cell that `super()` and `__class__` use.
fn check_class_cell(vm: &mut Vm, cell: &Value, class: &Value, name: &Py<Str>) -> PyResult<()> {
    let Some(cell) = cell.downcast_exact::<PyCell>().filter(|_| class.is::<PyType>()) else { return Ok(()) };
    let found = cell.value.load(vm);
    let shown = vm.repr(name.as_value())?.to_string_lossy().into_owned();
    match found {
        None => {
            let class = repr_of(vm, class)?;
            Err(vm.runtime_error(format!("__class__ not set defining {shown} as {class}. Was __classcell__ propagated to type.__new__?")))
        }
        Some(c) if c.is_same(class) => Ok(()),
        Some(c) => {
            let (got, want) = (repr_of(vm, &c)?, repr_of(vm, class)?);
            Err(vm.type_error(format!("__class__ set to {got} defining {shown} as {want}")))
        }
    }
}

fn repr_of(vm: &mut Vm, value: &Value) -> PyResult<String> {
    Ok(vm.repr(value)?.to_string_lossy().into_owned())
}
