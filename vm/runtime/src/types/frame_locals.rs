//! `FrameLocalsProxy`: the write-through view of a function's local variables that `frame.f_locals` gives (PEP 667).
#![allow(unsafe_code, reason = "reads and writes the variables of raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::frame::{Frame, Slot};
use crate::types::cell::PyCell;
use crate::types::dict::Dict;
use crate::types::frame::FrameObject;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_bytecode::code::{co, fast};

/// The payload of `FrameLocalsProxy`.
#[pyclass(name = "FrameLocalsProxy", flags(MAPPING), gc)]
pub struct FrameLocalsProxy {
    frame: Py<FrameObject>,
}

/// The proxy of a frame.
pub fn new_proxy(vm: &mut Vm, frame: &Py<FrameObject>) -> PyResult {
    Ok(vm.new_object(FrameLocalsProxy { frame: frame.clone() })?.into_value())
}

/// The value of variable `index`, out of its cell if it has one.
///
/// # Safety
/// `frame` is a live frame.
unsafe fn variable(vm: &Vm, frame: *mut Frame, index: usize) -> Slot {
    // SAFETY: the caller's promise; the index is checked.
    unsafe {
        let kind = *(*frame).code.kinds.get(index)?;
        let slot = Frame::locals_slice(frame).get(index)?.clone()?;
        if kind & (fast::CELL | fast::FREE) != 0
            && let Some(cell) = slot.downcast_exact::<PyCell>() {
                return cell.value.load(vm);
            }
        Some(slot)
    }
}

/// Names and values of all variables that are set.
///
/// # Safety
/// `frame` is a live frame.
unsafe fn variables(vm: &Vm, frame: *mut Frame) -> Vec<(Value, Value)> {
    // SAFETY: the caller's promise.
    unsafe {
        let code = &(*frame).code;
        let names = code.localsplusnames.items().iter().enumerate();
        names
            .filter_map(|(i, name)| Some((name.clone(), variable(vm, frame, i)?)))
            .collect()
    }
}

/// Whether a comprehension that is a part of a module's or a class's code has variables of its own at the moment.
///
/// # Safety
/// `frame` is a live frame.
pub(crate) unsafe fn has_hidden_locals(frame: *mut Frame) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        (*frame).code.kinds.iter().enumerate().any(|(i, k)| k & fast::HIDDEN != 0 && Frame::locals_slice(frame).get(i).is_some_and(Option::is_some))
    }
}

/// `locals()` in a frame.
///
/// # Safety
/// `frame` is a live frame.
pub(crate) unsafe fn frame_locals(vm: &mut Vm, frame: *mut Frame) -> PyResult {
    // SAFETY: the caller's promise.
    unsafe {
        let hidden = has_hidden_locals(frame);
        let namespace = if (*frame).code.has(co::OPTIMIZED) { None } else { (*frame).locals.clone() };
        if let (Some(locals), false) = (&namespace, hidden) {
            return Ok(locals.clone());
        }
        let dict = vm.new_dict()?;
        if let Some(locals) = namespace {
            let keys = vm.collect(&locals)?;
            for key in keys {
                let value = vm.getitem(&locals, &key)?;
                dict.set(vm, &key, value)?;
            }
        }
        for (i, name) in (*frame).code.clone().localsplusnames.items().iter().enumerate() {
            if let Some(value) = variable(vm, frame, i) {
                dict.set(vm, name, value)?;
            }
        }
        if let Some(object) = &(*frame).frame_obj
            && let Some(extra) = object.extra_locals.load(vm) {
                for (key, value) in extra.to_vec(vm) {
                    dict.set(vm, &key, value)?;
                }
            }
        Ok(dict.into_value())
    }
}

impl FrameLocalsProxy {
    fn live(&self, vm: &mut Vm) -> PyResult<*mut Frame> {
        self.frame.live().ok_or_else(|| vm.runtime_error("the frame is gone"))
    }

    fn items(&self, vm: &mut Vm) -> PyResult<Vec<(Value, Value)>> {
        let frame = self.live(vm)?;
        // SAFETY: a frame that is set is alive.
        let mut items = unsafe { variables(vm, frame) };
        if let Some(extra) = self.frame.extra_locals.get(vm) {
            items.extend(extra.to_vec(vm));
        }
        Ok(items)
    }

    /// The index of a variable.
    fn index(&self, vm: &mut Vm, key: &Value, set_only: bool) -> PyResult<Option<usize>> {
        let frame = self.live(vm)?;
        // SAFETY: a frame that is set is alive.
        let code = unsafe { (*frame).code.clone() };
        let text = key.downcast_exact::<Str>();
        let hash = vm.hash(key)?;
        for (i, name) in code.localsplusnames.items().iter().enumerate() {
            let same = match (text, name.downcast_exact::<Str>()) {
                (Some(key), Some(name)) => name.eq_chars(key),
                _ => vm.hash(name)? == hash && vm.eq(name, key)?,
            };
            let hidden = code.kinds.get(i).is_none_or(|k| k & fast::HIDDEN != 0);
            // SAFETY: as above.
            if same && if set_only { unsafe { variable(vm, frame, i) }.is_some() } else { !hidden } {
                return Ok(Some(i));
            }
        }
        Ok(None)
    }

    fn lookup(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<Value>> {
        if let Some(i) = self.index(vm, key, true)? {
            let frame = self.live(vm)?;
            // SAFETY: a frame that is set is alive.
            return Ok(unsafe { variable(vm, frame, i) });
        }
        vm.hash(key)?;
        match self.frame.extra_locals.load(vm) {
            Some(extra) => extra.get(vm, key),
            None => Ok(None),
        }
    }

    fn store(&self, vm: &mut Vm, key: &Value, value: Value) -> PyResult<()> {
        if let Some(i) = self.index(vm, key, false)? {
            let frame = self.live(vm)?;
            // SAFETY: as above; the old value is dropped after the slot has its new one.
            unsafe {
                let kind = (*frame).code.kinds.get(i).copied().unwrap_or(0);
                let Some(slot) = Frame::locals_slice(frame).get_mut(i) else { return Ok(()) };
                let cell = slot.as_ref().and_then(|s| s.downcast_exact::<PyCell>()).filter(|_| kind & (fast::CELL | fast::FREE) != 0).cloned();
                match cell {
                    Some(cell) => drop(cell.value.replace(vm, Some(value))),
                    None => drop(slot.replace(value)),
                }
            }
            return Ok(());
        }
        let extra = match self.frame.extra_locals.load(vm) {
            Some(extra) => extra,
            None => {
                let extra = vm.new_dict()?;
                self.frame.extra_locals.replace(vm, Some(extra.clone()));
                extra
            }
        };
        extra.set(vm, key, value)
    }

    fn to_dict(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        let dict = vm.new_dict()?;
        for (key, value) in self.items(vm)? {
            dict.set(vm, &key, value)?;
        }
        Ok(dict)
    }

    fn keys_list(&self, vm: &mut Vm) -> PyResult {
        let keys = self.items(vm)?.into_iter().map(|(k, _)| k).collect();
        Ok(vm.new_list(keys)?.into_value())
    }

    fn update_from(&self, vm: &mut Vm, other: &Value) -> PyResult<()> {
        let items = match other.downcast::<Dict>() {
            Some(d) => d.to_vec(vm),
            None => {
                if let Some(proxy) = other.downcast_exact::<FrameLocalsProxy>() {
                    proxy.items(vm)?
                } else if vm.getattr_opt(other, n!(keys))?.is_some() {
                    let keys = vm.call_method(other, n!(keys), &[])?;
                    let mut items = Vec::new();
                    for key in vm.collect(&keys)? {
                        let value = vm.getitem(other, &key)?;
                        items.push((key, value));
                    }
                    items
                } else {
                    return Err(vm.type_error("update() argument must be dict or another FrameLocalsProxy"));
                }
            }
        };
        for (key, value) in items {
            self.store(vm, &key, value)?;
        }
        Ok(())
    }
}

#[pymethods]
impl FrameLocalsProxy {
    /// Create a proxy of a frame's local variables.
    #[new(sig = "(frame, /)")]
    fn new(_cls: &Py<PyType>, frame: &Py<FrameObject>, vm: &mut Vm) -> PyResult {
        new_proxy(vm, frame)
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.items(vm)?.len())
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        match self.lookup(vm, key)? {
            Some(value) => Ok(value),
            None => {
                let key = vm.repr(key)?;
                let message = vm.new_str(&format!("local variable '{}' is not defined", key.to_string_lossy()))?.into_value();
                Err(vm.key_error(&message))
            }
        }
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match value {
            Some(value) => self.store(vm, key, value.clone()),
            None => {
                if self.index(vm, key, false)?.is_some() {
                    return Err(vm.value_error("cannot remove local variables from FrameLocalsProxy"));
                }
                let removed = match self.frame.extra_locals.load(vm) {
                    Some(extra) => extra.remove(vm, key)?,
                    None => None,
                };
                if removed.is_some() { Ok(()) } else { Err(vm.key_error(key)) }
            }
        }
    }

    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.lookup(vm, key)?.is_some())
    }

    #[slot(iter)]
    fn slot_iter(&self, vm: &mut Vm) -> PyResult {
        let keys = self.keys_list(vm)?;
        vm.iter(&keys)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<FrameLocalsProxy>, vm: &mut Vm) -> PyResult {
        // Proxies of one frame show the same variables, so the frame stands for all of them.
        let frame = zelf.frame.to_value();
        if vm.repr_enter(&frame) {
            return Ok(vm.new_str("{...}")?.into_value());
        }
        let text = zelf.to_dict(vm).and_then(|dict| vm.repr(dict.as_value()));
        vm.repr_leave(&frame);
        Ok(text?.into_value())
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        if let Some(proxy) = other.downcast_exact::<FrameLocalsProxy>() {
            let same = self.frame.is(&proxy.frame);
            return Ok(match op {
                CompareOp::Eq => Value::from_bool(same),
                CompareOp::Ne => Value::from_bool(!same),
                CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => Value::not_implemented(),
            });
        }
        if other.is::<Dict>() && matches!(op, CompareOp::Eq | CompareOp::Ne) {
            let dict = self.to_dict(vm)?;
            return vm.rich_compare(dict.as_value(), other, op);
        }
        Ok(Value::not_implemented())
    }

    #[slot(or)]
    fn nb_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let as_dict = |v: &Value, vm: &mut Vm| match (v.downcast::<Dict>(), v.downcast_exact::<FrameLocalsProxy>()) {
            (Some(d), _) => Ok(Some(d.to_vec(vm))),
            (None, Some(p)) => p.items(vm).map(Some),
            (None, None) => Ok::<_, crate::Raised>(None),
        };
        let (Some(left), Some(right)) = (as_dict(a, vm)?, as_dict(b, vm)?) else { return Ok(Value::not_implemented()) };
        let dict = vm.new_dict()?;
        for (key, value) in left.into_iter().chain(right) {
            dict.set(vm, &key, value)?;
        }
        Ok(dict.into_value())
    }

    #[slot(inplace_or)]
    fn nb_inplace_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let Some(proxy) = a.downcast_exact::<FrameLocalsProxy>() else { return Ok(Value::not_implemented()) };
        if !b.is::<Dict>() && !b.is::<FrameLocalsProxy>() {
            return Ok(Value::not_implemented());
        }
        proxy.update_from(vm, b)?;
        Ok(a.clone())
    }

    /// The names of the variables.
    #[method]
    fn keys(&self, vm: &mut Vm) -> PyResult {
        self.keys_list(vm)
    }

    /// The values of the variables.
    #[method]
    fn values(&self, vm: &mut Vm) -> PyResult {
        let values = self.items(vm)?.into_iter().map(|(_, v)| v).collect();
        Ok(vm.new_list(values)?.into_value())
    }

    /// Names and values of the variables.
    #[method(name = "items")]
    fn items_list(&self, vm: &mut Vm) -> PyResult {
        let mut pairs = Vec::new();
        for (key, value) in self.items(vm)? {
            pairs.push(vm.new_tuple([key, value])?.into_value());
        }
        Ok(vm.new_list(pairs)?.into_value())
    }

    /// A dict of the variables.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<Dict>> {
        self.to_dict(vm)
    }

    /// The value of a variable, or the default.
    #[method(sig = "(key, default=None, /)")]
    fn get(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        Ok(self.lookup(vm, key)?.unwrap_or(default))
    }

    /// The value of a variable, which is set to the default if it has none.
    #[method(sig = "(key, default=None, /)")]
    fn setdefault(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        if let Some(value) = self.lookup(vm, key)? {
            return Ok(value);
        }
        self.store(vm, key, default.clone())?;
        Ok(default)
    }

    /// Take out an extra variable.
    #[method]
    fn pop(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let args = args.unpack(vm, "pop", 1, 2)?.to_vec();
        if self.index(vm, &args[0], false)?.is_some() {
            return Err(vm.value_error("cannot remove local variables from FrameLocalsProxy"));
        }
        let removed = match self.frame.extra_locals.load(vm) {
            Some(extra) => extra.remove(vm, &args[0])?,
            None => None,
        };
        match removed.or_else(|| args.get(1).cloned()) {
            Some(value) => Ok(value),
            None => Err(vm.key_error(&args[0])),
        }
    }

    /// Set variables from a mapping.
    #[method(sig = "(other, /)")]
    fn update(&self, other: &Value, vm: &mut Vm) -> PyResult<()> {
        self.update_from(vm, other)
    }

    #[method(name = "__reversed__")]
    fn reversed(&self, vm: &mut Vm) -> PyResult {
        let mut keys: Vec<Value> = self.items(vm)?.into_iter().map(|(k, _)| k).collect();
        keys.reverse();
        Ok(vm.new_list(keys)?.into_value())
    }
}
