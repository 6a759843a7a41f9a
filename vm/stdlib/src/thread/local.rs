//! `_local`: attributes that every thread has for itself. The dicts stand in the object, so the collector sees them; a thread that ends
//! takes its own out of all objects.
#![allow(unsafe_code, reason = "finds live objects by their addresses")]

use crate::thread::{ThreadState, ident};
use krait_heap::Header;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};

/// Thread-local data.
#[pyclass(name = "_local", module = "_thread", managed, flags(BASETYPE, NO_DICT), text_signature = "()")]
pub struct Local {
    args: Py<Tuple>,
    kwargs: Option<Py<Dict>>,
    /// Thread identifiers and their dicts.
    dicts: GilCell<Vec<(u64, Py<Dict>)>>,
    #[traverse(skip)]
    registered: Registered,
}

/// Takes its object's address out of the list when it dies.
struct Registered(Option<(&'static ThreadState, usize)>);

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some((state, address)) = self.0 {
            // SAFETY: objects are freed under the GIL, and nobody holds a borrow of the list while anything is dropped.
            unsafe { (*state.locals.as_ptr()).retain(|&a| a != address) };
        }
    }
}

/// Takes the calling thread's dicts out of all objects.
pub fn thread_ends(vm: &mut Vm) {
    let (state, me) = (vm.state::<ThreadState>(), ident());
    let mut dead = Vec::new();
    let addresses = state.locals.load(vm);
    for address in addresses {
        // SAFETY: objects in the list are alive; nothing is dropped in this loop.
        let local = unsafe { &*(address as *const Header).add(1).cast::<Local>() };
        let dicts = local.dicts.get_mut(vm);
        if let Some(i) = dicts.iter().position(|(t, _)| *t == me) {
            dead.push(dicts.swap_remove(i));
        }
    }
    drop(dead);
}

impl Local {
    /// The calling thread's dict; made, and `__init__` called, when it is first needed.
    fn dict(zelf: &Py<Local>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        let me = ident();
        if let Some((_, dict)) = zelf.dicts.get(vm).iter().find(|(t, _)| *t == me) {
            return Ok(dict.clone());
        }
        let dict = vm.new_dict()?;
        zelf.dicts.get_mut(vm).push((me, dict.clone()));
        let ty = zelf.as_value().ty().clone();
        let object_init = <krait_runtime::types::object::Object as krait_runtime::PyClass>::type_object(vm).slots.init.get();
        if let Some(init) = ty.slots.init.get() {
            let own = object_init.is_none_or(|o| !std::ptr::fn_addr_eq(o, init));
            if own {
                let mut values = zelf.args.items().to_vec();
                let mut names = Vec::new();
                for (k, v) in zelf.kwargs.as_ref().map(|d| d.to_vec(vm)).unwrap_or_default() {
                    names.push(k);
                    values.push(v);
                }
                if let Err(e) = init(vm, zelf.as_value(), Args::with_keywords(&values, &names)) {
                    zelf.dicts.get_mut(vm).retain(|(t, _)| *t != me);
                    return Err(e);
                }
            }
        }
        Ok(dict)
    }
}

#[pymethods]
impl Local {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Local>> {
        let object_init = <krait_runtime::types::object::Object as krait_runtime::PyClass>::type_object(vm).slots.init.get();
        let plain = match (cls.slots.init.get(), object_init) {
            (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if plain && !args.values().is_empty() {
            return Err(vm.type_error("Initialization arguments are not supported"));
        }
        let tuple = vm.new_tuple_from(args.positional())?;
        let kwargs = if args.has_keywords() {
            let dict = vm.new_dict()?;
            for (k, v) in args.keywords() {
                dict.set(vm, k, v.clone())?;
            }
            Some(dict)
        } else {
            None
        };
        // The first thread's dict is there from the start: `__init__` is called by the class.
        let dict = vm.new_dict()?;
        let (state, me) = (vm.state::<ThreadState>(), ident());
        let local = Local { args: tuple, kwargs, dicts: GilCell::new(vec![(me, dict)]), registered: Registered(None) };
        let made = vm.new_instance(cls, local)?;
        let address = std::ptr::from_ref(made.header()) as usize;
        // SAFETY: nobody else has the object yet.
        unsafe { (*std::ptr::from_ref::<Registered>(&made.registered).cast_mut()).0 = Some((state, address)) };
        state.locals.get_mut(vm).push(address);
        Ok(made)
    }

    #[slot(getattro)]
    fn slot_getattro(zelf: &Py<Local>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        let dict = Local::dict(zelf, vm)?;
        if name.as_ascii() == Some("__dict__") {
            return Ok(dict.into_value());
        }
        let ty = zelf.as_value().ty().clone();
        let found = ty.lookup(vm, name);
        let get = found.as_ref().and_then(|d| d.ty().slots.descr_get.get());
        if let (Some(descr), Some(get)) = (&found, get)
            && descr.ty().slots.descr_set.get().is_some() {
                return get(vm, descr, Some(zelf.as_value()), Some(ty.as_value()));
            }
        if let Some(value) = dict.get_str(vm, name) {
            return Ok(value.clone());
        }
        match (found, get) {
            (Some(descr), Some(get)) => get(vm, &descr, Some(zelf.as_value()), Some(ty.as_value())),
            (Some(value), None) => Ok(value),
            (None, _) => Err(vm.no_attribute(zelf.as_value(), name)),
        }
    }

    #[slot(setattro)]
    fn slot_setattro(zelf: &Py<Local>, name: &Py<Str>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let dict = Local::dict(zelf, vm)?;
        if name.is(n!(__dict__)) || name.as_ascii() == Some("__dict__") {
            let (ty, name) = (zelf.as_value().type_name(), "__dict__");
            return Err(vm.attribute_error(format!("'{ty}' object attribute '{name}' is read-only")));
        }
        let found = zelf.as_value().ty().lookup(vm, name);
        if let Some(descr) = &found
            && let Some(set) = descr.ty().slots.descr_set.get() {
                return set(vm, descr, zelf.as_value(), value);
            }
        match value {
            Some(value) => dict.set_str(vm, name, value.clone()),
            None => match dict.remove_str(vm, name) {
                Some(old) => {
                    drop(old);
                    Ok(())
                }
                None => Err(vm.no_attribute(zelf.as_value(), name)),
            },
        }
    }
}
