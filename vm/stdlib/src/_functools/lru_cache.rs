//! The wrapper behind `functools.lru_cache`: uncached, unbounded or bounded.
//!
//! The bounded cache is a dict whose order is that of use, the least recently used first.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::Int;
use krait_runtime::types::object::Object;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// Create a cached callable that wraps another function.
///
/// user_function:      the function being cached
///
/// maxsize:  0         for no caching
///           None      for unlimited cache size
///           n         for a bounded cache
///
/// typed:    False     cache f(3) and f(3.0) as identical calls
///           True      cache f(3) and f(3.0) as distinct calls
///
/// cache_info_type:    namedtuple class with the fields: hits misses currsize maxsize
#[pyclass(module = "functools", name = "_lru_cache_wrapper", flags(BASETYPE, METHOD_DESCRIPTOR, MANAGED_DICT, MANAGED_WEAKREF), managed)]
pub struct LruCache {
    function: Value,
    cache: Py<Dict>,
    /// Stands between positional and keyword arguments in keys.
    mark: Value,
    info_type: Value,
    /// None: unbounded.
    maxsize: Option<usize>,
    typed: bool,
    hits: Cell<u64>,
    misses: Cell<u64>,
}

impl LruCache {
    /// What a call is remembered under.
    fn key(&self, vm: &mut Vm, args: Args<'_>) -> PyResult {
        let plain = |v: &Value| v.is_small_int() || v.is_exact::<Int>() || v.is_exact::<Str>();
        if let ([only], false, false) = (args.positional(), args.has_keywords(), self.typed)
            && plain(only) {
                return Ok(only.clone());
            }
        let mut key = args.positional().to_vec();
        if args.has_keywords() {
            key.push(self.mark.clone());
            for (name, value) in args.keywords() {
                key.push(name.clone());
                key.push(value.clone());
            }
        }
        if self.typed {
            key.extend(args.values().iter().map(|v| v.ty().to_value()));
        }
        Ok(vm.new_tuple(key)?.into_value())
    }

    fn hit(&self) {
        self.hits.set(self.hits.get() + 1);
    }

    fn miss(&self) {
        self.misses.set(self.misses.get() + 1);
    }

    fn call_bounded(&self, args: Args<'_>, maxsize: Option<usize>, vm: &mut Vm) -> PyResult {
        let key = self.key(vm, args)?;
        let hash = vm.hash(&key)?;
        if let Some(place) = self.cache.find(vm, &key, hash)?
            && let Some(value) = self.cache.value_at(vm, place).cloned() {
                if maxsize.is_some() && place + 1 != self.cache.end(vm) {
                    self.cache.move_to(vm, place, true)?;
                }
                self.hit();
                return Ok(value);
            }
        self.miss();
        let result = vm.call_args(&self.function, args)?;
        let Some(maxsize) = maxsize else {
            self.cache.set_hashed(vm, &key, hash, result.clone())?;
            return Ok(result);
        };
        // The call may have filled the cache, even with this key.
        if self.cache.find(vm, &key, hash)?.is_some() {
            return Ok(result);
        }
        while self.cache.len(vm) >= maxsize {
            let oldest = self.cache.next_from(vm, 0).map(|(next, _, _)| next - 1);
            let old = oldest.and_then(|place| self.cache.remove_at(vm, place));
            if old.is_none() {
                break;
            }
        }
        self.cache.set_hashed(vm, &key, hash, result.clone())?;
        Ok(result)
    }
}

#[pymethods]
impl LruCache {
    #[new(name = "lru_cache", sig = "(user_function, maxsize, typed, cache_info_type)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, user_function: Value, maxsize: &Value, typed: bool, cache_info_type: Value, vm: &mut Vm) -> PyResult<Py<LruCache>> {
        if user_function.ty().slots.call.get().is_none() {
            return Err(vm.type_error("the first argument must be callable"));
        }
        let maxsize = if maxsize.is_none() {
            None
        } else if maxsize.ty().slots.nb_index.get().is_some() || maxsize.is::<Int>() {
            Some(vm.as_count(maxsize)?.max(0) as usize)
        } else {
            return Err(vm.type_error("maxsize should be integer or None"));
        };
        let cache = vm.new_dict()?;
        let mark = vm.call(Object::type_object(vm).as_value(), &[])?;
        let (hits, misses) = (Cell::new(0), Cell::new(0));
        vm.new_instance(cls, LruCache { function: user_function, cache, mark, info_type: cache_info_type, maxsize, typed, hits, misses })
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        match self.maxsize {
            Some(0) => {
                self.miss();
                vm.call_args(&self.function, args)
            }
            maxsize => self.call_bounded(args, maxsize, vm),
        }
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<LruCache>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        match object.filter(|o| !o.is_none()) {
            Some(object) => vm.new_method(zelf.to_value(), object.clone()),
            None => Ok(zelf.to_value()),
        }
    }

    /// Report cache statistics
    #[method]
    fn cache_info(&self, vm: &mut Vm) -> PyResult {
        let size = self.cache.len(vm);
        let maxsize = match self.maxsize {
            Some(maxsize) => vm.new_int(maxsize)?,
            None => Value::none(),
        };
        let values = [vm.new_int(self.hits.get())?, vm.new_int(self.misses.get())?, maxsize, vm.new_int(size)?];
        vm.call(&self.info_type, &values)
    }

    /// Clear the cache and cache statistics
    #[method]
    fn cache_clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.hits.set(0);
        self.misses.set(0);
        self.cache.clear(vm);
        Ok(())
    }

    /// For pickling: the qualified name.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<LruCache>, vm: &mut Vm) -> PyResult {
        vm.getattr(zelf.as_value(), n!(__qualname__))
    }

    /// For the copy module.
    #[method(name = "__copy__")]
    fn copy(zelf: &Py<LruCache>) -> Py<LruCache> {
        zelf.clone()
    }

    /// For the copy module.
    #[method(name = "__deepcopy__", sig = "(memo, /)")]
    fn deepcopy(zelf: &Py<LruCache>, memo: &Value) -> Py<LruCache> {
        let _ = memo;
        zelf.clone()
    }
}
