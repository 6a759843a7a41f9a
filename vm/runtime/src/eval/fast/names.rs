//! Names of modules and classes.
#![allow(unsafe_code, reason = "looks into raw frames")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::dispatch::{Cx, handlers, op};
use crate::types::dict::Dict;
use crate::types::pyfunction::Function;
use crate::types::str_::Str;
use crate::{Py, Value, Vm};

handlers! {
    fn load_name(c) {
        let (Some(namespace), Some(name)) = (c.namespace(), (*c.frame).code.name_at(c.count())) else { return c.general(op::LOAD_NAME) };
        let found = match namespace.get_str(c.vm, name) {
            Some(value) => Some(value.clone()),
            None => global(c.vm, &(*c.frame).func, name),
        };
        let Some(value) = found else { return c.general(op::LOAD_NAME) };
        c.push(value);
        c.next()
    }

    /// Another value for a name that is there already.
    fn store_name(c) {
        let (Some(namespace), Some(name)) = (c.namespace(), (*c.frame).code.name_at(c.count())) else { return c.general(op::STORE_NAME) };
        let Some(place) = namespace.find_str(c.vm, name) else { return c.general(op::STORE_NAME) };
        let value = c.pop();
        let old = namespace.set_value_at(c.vm, place, value);
        c.next_without(old.map_or(0, Value::into_bits) as i64, 0)
    }

    /// The same for a global.
    fn store_global(c) {
        let Some(name) = (*c.frame).code.name_at(c.count()) else { return c.general(op::STORE_GLOBAL) };
        let globals = &(*c.frame).func.globals;
        let Some(place) = globals.find_str(c.vm, name) else { return c.general(op::STORE_GLOBAL) };
        let value = c.pop();
        let old = globals.set_value_at(c.vm, place, value);
        c.next_without(old.map_or(0, Value::into_bits) as i64, 0)
    }
}

impl Cx<'_> {
    /// The namespace of module or class code, if it is a plain dict.
    #[inline(always)]
    unsafe fn namespace<'s>(&self) -> Option<&'s Py<Dict>> {
        // SAFETY: the frame runs, and keeps its namespace.
        unsafe { (*self.frame).locals.as_ref()?.downcast_exact::<Dict>() }
    }
}

/// A global or builtin that is found without running Python code.
#[inline(never)]
fn global(vm: &Vm, func: &Function, name: &Py<Str>) -> Option<Value> {
    if !func.globals.is_exact() {
        return None;
    }
    func.globals.get_str(vm, name).or_else(|| func.builtins.downcast_exact::<Dict>()?.get_str(vm, name)).cloned()
}
