//! `_zoneinfo`: time zones of the IANA data base.
//!
//! Files are found and read by the Python half, `zoneinfo._tzpath` and `zoneinfo._common`; here are the class, its caches, and the look-up of offsets
//! (`zone`, `rule`).

mod rule;
mod zone;

use crate::_datetime::{DateTime, TzInfo, calendar, datetime};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Raised, Value, Vm, module, n, pyclass, pymethods};
use std::cell::Cell;
use zone::{Info, Zone};

/// Where a time zone comes from, which decides how it is pickled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Uncached,
    Cache,
    File,
}

/// A time zone of the IANA data base, by its key.
#[pyclass(module = "zoneinfo", name = "ZoneInfo", base = TzInfo, flags(BASETYPE), managed)]
#[repr(C)]
pub struct ZoneInfo {
    base: TzInfo,
    key: Value,
    file_repr: Option<Value>,
    #[traverse(skip)]
    source: Cell<Source>,
    #[traverse(skip)]
    zone: Box<Zone>,
}

/// The caches of `ZoneInfo` itself; subclasses have a weak one each, as an attribute.
#[derive(Default)]
struct Caches {
    weak: GilCell<Option<Value>>,
    /// Keys and time zones used lately, the last one first.
    strong: GilCell<Vec<(Value, Value)>>,
}

/// How many time zones are kept alive.
const STRONG: usize = 8;

fn new_weak_cache(vm: &mut Vm) -> PyResult {
    let weakref = vm.import_module("weakref")?;
    let class = vm.getattr_str(&weakref, "WeakValueDictionary")?;
    vm.call(&class, &[])
}

fn is_base(vm: &Vm, cls: &Py<PyType>) -> bool {
    cls.is(ZoneInfo::type_object(vm))
}

fn weak_cache(vm: &mut Vm, cls: &Py<PyType>) -> PyResult {
    if !is_base(vm, cls) {
        return vm.getattr_str(cls.as_value(), "_weak_cache");
    }
    let caches = vm.state::<Caches>();
    if let Some(cache) = caches.weak.load(vm) {
        return Ok(cache);
    }
    let cache = new_weak_cache(vm)?;
    drop(caches.weak.replace(vm, Some(cache.clone())));
    Ok(cache)
}

/// Takes the entry of a key out of the strong cache.
fn take_strong(vm: &mut Vm, key: &Value) -> PyResult<Option<(Value, Value)>> {
    let caches = vm.state::<Caches>();
    for (known, zone) in caches.strong.load(vm) {
        if vm.eq(key, &known)? {
            let strong = caches.strong.get_mut(vm);
            let at = strong.iter().position(|(_, z)| z.is_same(&zone));
            return Ok(at.map(|at| strong.remove(at)));
        }
    }
    Ok(None)
}

fn put_strong(vm: &mut Vm, entry: (Value, Value)) {
    let strong = vm.state::<Caches>().strong.get_mut(vm);
    strong.insert(0, entry);
    let old = strong.split_off(STRONG.min(strong.len()));
    drop(old);
}

/// RuntimeError about something in the weak cache that is no time zone of the class.
#[cold]
fn unexpected(vm: &mut Vm, cls: &Py<PyType>, key: &Value, found: &Value) -> Raised {
    let shown = match vm.repr(key) {
        Ok(shown) => shown.to_string_lossy().into_owned(),
        Err(raised) => return raised,
    };
    let (found, cls) = (found.type_name(), cls.tp_name());
    vm.runtime_error(format!("Unexpected instance of {found} in {cls} weak cache for key {shown}"))
}

/// A time zone from the data of an open file.
fn load(vm: &mut Vm, cls: &Py<PyType>, file: &Value, key: Value, file_repr: Option<Value>, source: Source) -> PyResult {
    let common = vm.import_module("zoneinfo._common")?;
    let function = vm.getattr_str(&common, "load_data")?;
    let data = vm.call(&function, std::slice::from_ref(file))?;
    let zone = Box::new(Zone::from_data(vm, &data)?);
    let payload = ZoneInfo { base: TzInfo {}, key, file_repr, source: Cell::new(source), zone };
    Ok(vm.new_instance(cls, payload)?.into_value())
}

/// A time zone by its key, not from the caches.
fn new_zone(vm: &mut Vm, cls: &Py<PyType>, key: &Value, source: Source) -> PyResult {
    let tzpath = vm.import_module("zoneinfo._tzpath")?;
    let find = vm.getattr_str(&tzpath, "find_tzfile")?;
    let path = vm.call(&find, std::slice::from_ref(key))?;
    let file = if path.is_none() {
        let common = vm.import_module("zoneinfo._common")?;
        let function = vm.getattr_str(&common, "load_tzdata")?;
        vm.call(&function, std::slice::from_ref(key))?
    } else {
        let io = vm.import_module("io")?;
        let open = vm.getattr_str(&io, "open")?;
        let mode = vm.new_str("rb")?.into_value();
        vm.call(&open, &[path, mode])?
    };
    let result = load(vm, cls, &file, key.clone(), None, source);
    let close = vm.getattr_str(&file, "close")?;
    let closed = vm.call(&close, &[]);
    let result = result?;
    closed?;
    Ok(result)
}

/// A time zone by its key, from the caches if it is there.
fn cached_zone(vm: &mut Vm, cls: &Py<PyType>, key: &Value) -> PyResult {
    let base = is_base(vm, cls);
    if base && let Some(entry) = take_strong(vm, key)? {
        put_strong(vm, entry.clone());
        return Ok(entry.1);
    }
    let cache = weak_cache(vm, cls)?;
    let get = vm.intern("get");
    let mut zone = vm.call_method(&cache, &get, &[key.clone(), Value::none()])?;
    if zone.is_none() {
        let made = new_zone(vm, cls, key, Source::Cache)?;
        let setdefault = vm.intern("setdefault");
        zone = vm.call_method(&cache, &setdefault, &[key.clone(), made])?;
    }
    match zone.downcast::<ZoneInfo>() {
        Some(known) if zone.ty().is_subtype(vm, cls) => known.source.set(Source::Cache),
        _ => return Err(unexpected(vm, cls, key, &zone)),
    }
    if base {
        put_strong(vm, (key.clone(), zone.clone()));
    }
    Ok(zone)
}

/// An attribute of something like a datetime as a number.
fn number(vm: &mut Vm, value: &Value, name: &str) -> PyResult<i64> {
    let value = vm.getattr_str(value, name)?;
    Ok(vm.as_isize(&value)? as i64)
}

/// The local time of a datetime in seconds since 1970, its year and its fold. Subclasses are asked, as they may override their attributes.
fn local_time(vm: &mut Vm, dt: &Value) -> PyResult<(i64, i32, bool)> {
    if let Some(exact) = dt.downcast_exact::<DateTime>() {
        let ((year, month, day), (hour, minute, second, _)) = (exact.ymd(), exact.clock());
        let seconds = calendar::to_seconds(year, month, day, hour, minute, second) - calendar::EPOCH_ORDINAL * 86_400;
        return Ok((seconds, year, exact.fold_bit() != 0));
    }
    let toordinal = vm.intern("toordinal");
    let ordinal = vm.call_method(dt, &toordinal, &[])?;
    let ordinal = vm.as_isize(&ordinal)? as i64;
    let (hour, minute, second) = (number(vm, dt, "hour")?, number(vm, dt, "minute")?, number(vm, dt, "second")?);
    let seconds = (i128::from(ordinal) - i128::from(calendar::EPOCH_ORDINAL)) * 86_400 + i128::from(hour) * 3_600 + i128::from(minute) * 60 + i128::from(second);
    let Ok(seconds) = i64::try_from(seconds) else { return Err(vm.overflow_error("date value out of range")) };
    let (year, fold) = match dt.downcast::<DateTime>() {
        Some(dt) => (dt.ymd().0, dt.fold_bit() != 0),
        None => (number(vm, dt, "year")?.clamp(1, 9999) as i32, number(vm, dt, "fold")? != 0),
    };
    Ok((seconds, year, fold))
}

impl ZoneInfo {
    /// What holds at a local datetime, or at any time for `None`.
    fn info(&self, vm: &mut Vm, dt: &Value) -> PyResult<Option<&Info>> {
        if dt.is_none() {
            return Ok(self.zone.timeless());
        }
        let (seconds, year, fold) = local_time(vm, dt)?;
        Ok(Some(self.zone.at_local(seconds, year, fold)))
    }
}

#[pymethods]
impl ZoneInfo {
    #[new(sig = "(key)")]
    fn new(cls: &Py<PyType>, key: &Value, vm: &mut Vm) -> PyResult {
        cached_zone(vm, cls, key)
    }

    /// The time zone's name in the data base.
    #[getter(member)]
    fn key(&self) -> Value {
        self.key.clone()
    }

    /// A time zone that is not taken from the cache and does not come into it.
    #[classmethod(sig = "(key)")]
    fn no_cache(cls: &Py<PyType>, key: &Value, vm: &mut Vm) -> PyResult {
        new_zone(vm, cls, key, Source::Uncached)
    }

    /// A time zone out of an open file.
    #[classmethod(sig = "(file_obj, /, key=None)")]
    fn from_file(cls: &Py<PyType>, file_obj: &Value, key: Value, vm: &mut Vm) -> PyResult {
        let shown = vm.repr(file_obj)?.into_value();
        load(vm, cls, file_obj, key, Some(shown), Source::File)
    }

    /// Empties the cache, or takes some keys out of it.
    #[classmethod(sig = "(*, only_keys=None)")]
    fn clear_cache(cls: &Py<PyType>, only_keys: Value, vm: &mut Vm) -> PyResult<()> {
        let cache = weak_cache(vm, cls)?;
        let base = is_base(vm, cls);
        if only_keys.is_none() {
            let clear = vm.intern("clear");
            vm.call_method(&cache, &clear, &[])?;
            if base {
                let old = vm.state::<Caches>().strong.replace(vm, Vec::new());
                drop(old);
            }
            return Ok(());
        }
        vm.for_each(&only_keys, |vm, key| {
            if base {
                drop(take_strong(vm, &key)?);
            }
            let pop = vm.intern("pop");
            vm.call_method(&cache, &pop, &[key, Value::none()]).map(drop)
        })
    }

    /// The offset from UTC at a datetime.
    #[method(sig = "(dt, /)")]
    fn utcoffset(&self, dt: &Value, vm: &mut Vm) -> PyResult {
        Ok(self.info(vm, dt)?.map_or_else(Value::none, |i| i.utcoff.to_value()))
    }

    /// How much of the offset is due to summer time at a datetime.
    #[method(sig = "(dt, /)")]
    fn dst(&self, dt: &Value, vm: &mut Vm) -> PyResult {
        Ok(self.info(vm, dt)?.map_or_else(Value::none, |i| i.dstoff.to_value()))
    }

    /// What the time is called at a datetime.
    #[method(sig = "(dt, /)")]
    fn tzname(&self, dt: &Value, vm: &mut Vm) -> PyResult {
        Ok(self.info(vm, dt)?.map_or_else(Value::none, |i| i.name.clone()))
    }

    /// The local time of a datetime in UTC that has this time zone.
    #[method(sig = "(dt, /)")]
    fn fromutc(zelf: &Py<ZoneInfo>, dt: &Value, vm: &mut Vm) -> PyResult {
        let Some(datetime) = dt.downcast::<DateTime>() else { return Err(vm.type_error("fromutc: argument must be a datetime")) };
        if !datetime.tzinfo_opt(vm).is_some_and(|tz| tz.is_same(zelf.as_value())) {
            return Err(vm.value_error("fromutc: dt.tzinfo is not self"));
        }
        let (seconds, year, _) = local_time(vm, dt)?;
        let (info, fold) = zelf.zone.at_utc(seconds, year);
        let result = datetime::shifted(vm, datetime, info.utcoff.span(), 1)?;
        if !fold {
            return Ok(result);
        }
        if let Some(exact) = result.downcast_exact::<DateTime>() {
            let tzinfo = exact.tzinfo_opt(vm);
            return datetime::new(vm, exact.ymd(), exact.clock(), tzinfo, 1);
        }
        let replace = vm.getattr(&result, n!(replace))?;
        vm.call_args(&replace, Args::with_keywords(&[Value::from_i32(1)], &[n!(fold).to_value()]))
    }

    /// For pickling: by key, through the cache or past it.
    #[method]
    fn __reduce__(zelf: &Py<ZoneInfo>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if zelf.source.get() == Source::File {
            let pickle = vm.import_module("pickle")?;
            let class = vm.getattr_str(&pickle, "PicklingError")?;
            let text = vm.new_str("Cannot pickle a ZoneInfo file from a file stream.")?.into_value();
            return Err(crate::oserror::raise_class(vm, &class, &[text]));
        }
        let from_cache = Value::from_i32(i32::from(zelf.source.get() == Source::Cache));
        let unpickle = vm.getattr_str(zelf.as_value(), "_unpickle")?;
        let args = vm.new_tuple([zelf.key.clone(), from_cache])?.into_value();
        vm.new_tuple([unpickle, args])
    }

    /// For unpickling.
    #[classmethod(sig = "(key, from_cache, /)")]
    fn _unpickle(cls: &Py<PyType>, key: &Value, from_cache: bool, vm: &mut Vm) -> PyResult {
        if from_cache { cached_zone(vm, cls, key) } else { new_zone(vm, cls, key, Source::Uncached) }
    }

    /// Gives a subclass a cache of its own.
    #[classmethod]
    fn __init_subclass__(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let _ = args;
        let cache = new_weak_cache(vm)?;
        let name = vm.intern("_weak_cache");
        vm.setattr(cls.as_value(), &name, &cache)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<ZoneInfo>, vm: &mut Vm) -> PyResult {
        let class = zelf.as_value().type_name();
        let text = match &zelf.file_repr {
            Some(file) if zelf.key.is_none() => format!("{class}.from_file({})", vm.str(file)?.to_string_lossy()),
            _ => format!("{class}(key={})", vm.repr(&zelf.key)?.to_string_lossy()),
        };
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(str)]
    fn slot_str(zelf: &Py<ZoneInfo>, vm: &mut Vm) -> PyResult {
        if zelf.key.is_none() { ZoneInfo::slot_repr(zelf, vm) } else { Ok(zelf.key.clone()) }
    }
}

/// The Python half must be there, and `datetime` must be the native one: AttributeError otherwise.
fn init(vm: &mut Vm, _dict: &Py<Dict>) -> PyResult<()> {
    let datetime = vm.import_module("datetime")?;
    vm.getattr_str(&datetime, "datetime_CAPI")?;
    vm.import_module("zoneinfo._tzpath")?;
    vm.import_module("zoneinfo._common").map(drop)
}

module! {
    "_zoneinfo",
    doc: "Time zones of the IANA data base.",
    functions: [],
    types: [ZoneInfo],
    exec: init,
}
