//! Calling.

use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm};

impl Vm {
    /// `callable(*args)`.
    #[inline]
    pub fn call(&mut self, callable: &Value, args: &[Value]) -> PyResult {
        self.call_args(callable, Args::new(args))
    }

    /// `callable()` with whatever arguments.
    #[inline]
    pub fn call_args(&mut self, callable: &Value, args: Args<'_>) -> PyResult {
        self.check_stack(" while calling a Python object")?;
        if self.interp.heap.wakeup.get() {
            self.run_pending();
        }
        match callable.type_ref().slots.call.get() {
            Some(slot) => slot(self, callable, args),
            None => Err(self.not_callable(callable)),
        }
    }

    /// TypeError of an object that cannot be called; of a module that has something of its own name, that may have been meant.
    #[cold]
    fn not_callable(&mut self, object: &Value) -> crate::Raised {
        let mut message = format!("'{}' object is not callable", object.type_name());
        if let Some(module) = object.downcast::<crate::types::module::Module>()
            && let Some(dict) = module.dict.load(self)
            && let Some(name) = dict.get_str(self, n!(__name__)).and_then(|n| n.downcast::<crate::types::str_::Str>()).cloned()
            && dict.get_str(self, &name).is_some_and(|found| found.type_ref().slots.call.get().is_some()) {
                let name = name.to_string_lossy();
                message.push_str(&format!(". Did you mean: '{name}.{name}(...)'?"));
            }
        self.type_error(message)
    }

    /// `callable(*args, **kwargs)` with the arguments in a tuple and a dict of `str` keys.
    pub fn call_tuple_dict(&mut self, callable: &Value, args: &Py<Tuple>, kwargs: Option<&Py<Dict>>) -> PyResult {
        let Some(kwargs) = kwargs.filter(|d| !d.is_empty(self)) else { return self.call(callable, args.items()) };
        let items = kwargs.to_vec(self);
        let mut values = args.items().to_vec();
        let mut names = Vec::with_capacity(items.len());
        for (key, value) in items {
            if !key.is::<Str>() && !takes_any_keywords(callable) {
                return Err(self.type_error("keywords must be strings"));
            }
            names.push(key);
            values.push(value);
        }
        self.call_args(callable, Args::with_keywords(&values, &names))
    }

    /// `object.name(*args)`, without making a bound method where that can be avoided.
    pub fn call_method(&mut self, object: &Value, name: &Py<Str>, args: &[Value]) -> PyResult {
        match crate::eval::ops::attr::load_method(self, object, name)? {
            (function, Some(zelf)) => self.call_with_self(&function, zelf, args),
            (method, None) => self.call(&method, args),
        }
    }

    /// `function(zelf, *args)`.
    fn call_with_self(&mut self, function: &Value, zelf: Value, args: &[Value]) -> PyResult {
        match args {
            [] => self.call(function, &[zelf]),
            [a] => self.call(function, &[zelf, a.clone()]),
            [a, b] => self.call(function, &[zelf, a.clone(), b.clone()]),
            _ => {
                let mut all = Vec::with_capacity(args.len() + 1);
                all.push(zelf);
                all.extend_from_slice(args);
                self.call(function, &all)
            }
        }
    }

    /// Looks `name` up on the type and calls it on `object` as special methods are called; `Ok(None)` if there is none.
    pub fn call_special(&mut self, object: &Value, name: &Py<Str>, args: &[Value]) -> PyResult<Option<Value>> {
        match self.lookup_special(object, name)? {
            Some(method) => self.call(&method, args).map(Some),
            None => Ok(None),
        }
    }

    /// The special method `name` of `object`, bound: looked up on the type, without `__getattr__`.
    pub fn lookup_special(&mut self, object: &Value, name: &Py<Str>) -> PyResult<Option<Value>> {
        let ty = object.ty().clone();
        let Some(found) = ty.lookup(self, name) else { return Ok(None) };
        match found.type_ref().slots.descr_get.get() {
            Some(get) => get(self, &found, Some(object), Some(ty.as_value())).map(Some),
            None => Ok(Some(found)),
        }
    }

    /// Runs the finalizers and weak reference callbacks that wait. Their exceptions go to `sys.unraisablehook`.
    #[cold]
    pub fn run_pending(&mut self) {
        self.interp.heap.wakeup.set(false);
        while let Some(pending) = krait_heap::pending() {
            match pending {
                krait_heap::state::Pending::Finalizer(object) => {
                    if let Some(del) = object.type_ref().slots.del.get()
                        && let Err(e) = del(self, &object) {
                            crate::types::exceptions::unraisable::report_finalizer(self, e, &object);
                        }
                    // Only the collector's objects remember that they have been finalized, by PEP 442; another one is again when it dies again.
                    if let Some(header) = object.header()
                        && header.refcnt() > 1
                        && (!header.type_core().has(krait_heap::TypeFlags::GC) || header.type_core().has(krait_heap::TypeFlags::LEGACY_FINALIZER)) {
                            header.clear_flag(krait_heap::ObjectFlags::FINALIZED);
                        }
                    drop(object);
                }
                krait_heap::state::Pending::Callback(weak) => crate::types::weakref::call_callback(self, &weak),
            }
        }
    }
}

/// Whether the callable is native and looks at keywords itself, even at those that are no strings.
#[cold]
fn takes_any_keywords(callable: &Value) -> bool {
    use crate::types::class::flags;
    use crate::types::native::BuiltinFunction;
    let marked = |ty: &PyType| ty.native.get().is_some_and(|d| d.flags & flags::ANY_KEYWORDS != 0);
    if let Some(function) = callable.downcast::<BuiltinFunction>() {
        return function.def.spec.raw && marked(function.zelf.ty());
    }
    let Some(class) = callable.downcast::<PyType>() else { return false };
    if !marked(class) {
        return false;
    }
    let mut native: &PyType = class;
    while native.has_flag(flags::HEAPTYPE) {
        let Some(base) = native.base() else { return false };
        native = base;
    }
    match (class.slots.init.get(), native.slots.init.get()) {
        (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}
