//! `_csv`: reading and writing comma separated values.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, Exception};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, module, pyclass, pyfunction, pymethods};

mod dialect;
mod read;
mod write;

use dialect::Dialect;
use read::Reader;
use write::Writer;

/// What is wrong with the data or a dialect's name.
#[pyclass(name = "Error", module = "_csv", base = Exception, flags(BASETYPE))]
#[repr(C)]
struct Error {
    base: Exception,
}

#[pymethods]
impl Error {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<Error>(vm, cls, args)
    }
}

impl From<BaseException> for Error {
    fn from(base: BaseException) -> Error {
        Error { base: base.into() }
    }
}

fn error(vm: &mut Vm, message: impl AsRef<str>) -> Raised {
    vm.raise::<Error>(message.as_ref())
}

/// When fields are quoted.
const QUOTE_MINIMAL: i32 = 0;
const QUOTE_ALL: i32 = 1;
const QUOTE_NONNUMERIC: i32 = 2;
const QUOTE_NONE: i32 = 3;
const QUOTE_STRINGS: i32 = 4;
const QUOTE_NOTNULL: i32 = 5;

/// Name of the module's attribute that keeps the limit on the length of fields.
const LIMIT: &str = "_field_size_limit";

fn module_object(vm: &mut Vm) -> PyResult {
    let import = vm.builtin_named("__import__")?;
    let name = vm.new_str("_csv")?.into_value();
    vm.call(&import, &[name])
}

/// The dialects that have been registered.
fn registry(vm: &mut Vm) -> PyResult<Py<Dict>> {
    let module = module_object(vm)?;
    let dialects = vm.getattr_str(&module, "_dialects")?;
    dialects.into_py::<Dict>().map_err(|_| vm.type_error("_csv._dialects is no dict"))
}

fn find_dialect(vm: &mut Vm, name: &Value) -> PyResult {
    let dialects = registry(vm)?;
    match dialects.get(vm, name)? {
        Some(found) => Ok(found),
        None => Err(error(vm, "unknown dialect")),
    }
}

/// A dialect made from an optional first argument and keywords.
fn call_dialect(vm: &mut Vm, base: Option<&Value>, args: Args<'_>) -> PyResult<Py<Dialect>> {
    let mut values: Vec<Value> = base.into_iter().cloned().collect();
    values.extend(args.keywords().map(|(_, v)| v.clone()));
    dialect::make(vm, Args::with_keywords(&values, args.kwnames()))
}

/// The first argument, and the dialect of the rest.
fn source_and_dialect<'a>(vm: &mut Vm, args: Args<'a>, name: &str) -> PyResult<(&'a Value, Py<Dialect>)> {
    match args.positional() {
        [source] => Ok((source, call_dialect(vm, None, args)?)),
        [source, base] => Ok((source, call_dialect(vm, Some(base), args)?)),
        [] => Err(vm.type_error(format!("{name} expected at least 1 argument, got 0"))),
        many => {
            let n = many.len();
            Err(vm.type_error(format!("{name} expected at most 2 arguments, got {n}")))
        }
    }
}

/// An iterator over the records in an iterable of lines.
#[pyfunction(text = "($module, iterable, /, dialect='excel', **fmtparams)")]
fn reader(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Reader>> {
    let (source, dialect) = source_and_dialect(vm, args, "reader")?;
    let lines = vm.iter(source)?;
    let module = module_object(vm)?;
    Reader::new(vm, lines, dialect, module)
}

/// A writer of records to an object with a write() method.
#[pyfunction(text = "($module, fileobj, /, dialect='excel', **fmtparams)")]
fn writer(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Writer>> {
    let (file, dialect) = source_and_dialect(vm, args, "writer")?;
    let name = vm.intern("write");
    match vm.getattr_opt(file, &name)? {
        Some(write) if write.ty().slots.call.get().is_some() => vm.new_object(Writer { write, dialect }),
        _ => Err(vm.type_error("argument 1 must have a \"write\" method")),
    }
}

/// Give a dialect a name.
#[pyfunction(text = "($module, name, /, dialect='excel', **fmtparams)")]
fn register_dialect(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let (name, base) = match args.positional() {
        [name] => (name, None),
        [name, base] => (name, Some(base)),
        [] => return Err(vm.type_error("register_dialect expected at least 1 argument, got 0")),
        many => {
            let n = many.len();
            return Err(vm.type_error(format!("register_dialect expected at most 2 arguments, got {n}")));
        }
    };
    if !name.is::<Str>() {
        return Err(vm.type_error("dialect name must be a string"));
    }
    let dialect = call_dialect(vm, base, args)?;
    let dialects = registry(vm)?;
    dialects.set(vm, name, dialect.into_value())
}

/// Forget the dialect of a name.
#[pyfunction(sig = "(name)")]
fn unregister_dialect(name: &Value, vm: &mut Vm) -> PyResult<()> {
    let dialects = registry(vm)?;
    match dialects.remove(vm, name)? {
        Some(_) => Ok(()),
        None => Err(error(vm, "unknown dialect")),
    }
}

/// The dialect of a name.
#[pyfunction(sig = "(name)")]
fn get_dialect(name: &Value, vm: &mut Vm) -> PyResult {
    find_dialect(vm, name)
}

/// The names of all dialects.
#[pyfunction(sig = "()")]
fn list_dialects(vm: &mut Vm) -> PyResult<Py<List>> {
    let dialects = registry(vm)?;
    let names = dialects.to_vec(vm).into_iter().map(|(k, _)| k).collect();
    vm.new_list(names)
}

/// The limit on the length of fields; sets it if a new one is given.
#[pyfunction(sig = "(new_limit=?)", text = "($module, /, new_limit=<unrepresentable>)")]
fn field_size_limit(new_limit: Option<&Value>, vm: &mut Vm) -> PyResult {
    let module = module_object(vm)?;
    let old = vm.getattr_str(&module, LIMIT)?;
    if let Some(new) = new_limit {
        if IntRef::new(new).is_none() || new.is_true() || new.is_false() {
            return Err(vm.type_error("limit must be an integer"));
        }
        if IntRef::new(new).and_then(|i| i.to_i64()).is_none() {
            return Err(vm.overflow_error("Python int too large to convert to C long"));
        }
        let name = vm.intern(LIMIT);
        vm.setattr(&module, &name, new)?;
    }
    Ok(old)
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let dialects = vm.new_dict()?.into_value();
    let mut values = vec![("_dialects", dialects), (LIMIT, Value::from_i32(128 * 1024))];
    let modes = [
        ("QUOTE_MINIMAL", QUOTE_MINIMAL),
        ("QUOTE_ALL", QUOTE_ALL),
        ("QUOTE_NONNUMERIC", QUOTE_NONNUMERIC),
        ("QUOTE_NONE", QUOTE_NONE),
        ("QUOTE_STRINGS", QUOTE_STRINGS),
        ("QUOTE_NOTNULL", QUOTE_NOTNULL),
    ];
    values.extend(modes.map(|(name, mode)| (name, Value::from_i32(mode))));
    for (name, value) in values {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    for (name, ty) in [("Reader", <Reader as krait_runtime::PyClass>::static_type()), ("Writer", <Writer as krait_runtime::PyClass>::static_type())] {
        let ty = ty.ready(vm)?.to_value();
        let name = vm.intern(name);
        dict.set_str(vm, &name, ty)?;
    }
    Ok(())
}

module! {
    "_csv",
    doc: "CSV parsing and writing.",
    functions: [reader, writer, register_dialect, list_dialects, unregister_dialect, get_dialect, field_size_limit],
    types: [Dialect, Error],
    exec: init,
    single: true,
}
