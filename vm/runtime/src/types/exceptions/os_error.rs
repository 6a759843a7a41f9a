//! `OSError`, its subclasses by errno, and raising it from native code.

use super::base::{TextBuilder, state_dict, text};
use super::{BaseException, Exception};
use crate::args::Args;
use crate::types::int::IntRef;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The operating system, or a library over it, has reported an error.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct OSError {
    pub base: Exception,
    pub errno: GilCell<Option<Value>>,
    pub strerror: GilCell<Option<Value>>,
    pub filename: GilCell<Option<Value>>,
    pub filename2: GilCell<Option<Value>>,
    /// -1 while not set.
    pub characters_written: Cell<isize>,
}

impl From<BaseException> for OSError {
    fn from(base: BaseException) -> OSError {
        let none = || GilCell::new(None);
        OSError { base: base.into(), errno: none(), strerror: none(), filename: none(), filename2: none(), characters_written: Cell::new(-1) }
    }
}

members!(OSError with (new): errno "the number of the error", strerror "its text", filename "the file", filename2 "the second file");

simple! {
    new = new;
    /// The operation would have to wait.
    BlockingIOError: OSError;
    /// A connection has failed.
    ConnectionError: OSError;
    /// A child process has failed.
    ChildProcessError: OSError;
    /// The other end of the pipe is closed.
    BrokenPipeError: ConnectionError;
    /// The connection has been aborted.
    ConnectionAbortedError: ConnectionError;
    /// The connection has been refused.
    ConnectionRefusedError: ConnectionError;
    /// The connection has been reset.
    ConnectionResetError: ConnectionError;
    /// The file is already there.
    FileExistsError: OSError;
    /// There is no such file.
    FileNotFoundError: OSError;
    /// The operation does not work on directories.
    IsADirectoryError: OSError;
    /// The operation only works on directories.
    NotADirectoryError: OSError;
    /// A signal has interrupted the call.
    InterruptedError: OSError;
    /// This is not permitted.
    PermissionError: OSError;
    /// There is no such process.
    ProcessLookupError: OSError;
    /// The time has run out.
    TimeoutError: OSError;
}

pub(super) const TYPES: super::macros::Types = types![OSError];

/// The class for an errno.
fn class_of(errno: i32) -> &'static crate::types::class::StaticType {
    match errno {
        libc::EAGAIN | libc::EALREADY | libc::EINPROGRESS => BlockingIOError::static_type(),
        libc::EPIPE | libc::ESHUTDOWN => BrokenPipeError::static_type(),
        libc::ECHILD => ChildProcessError::static_type(),
        libc::ECONNABORTED => ConnectionAbortedError::static_type(),
        libc::ECONNREFUSED => ConnectionRefusedError::static_type(),
        libc::ECONNRESET => ConnectionResetError::static_type(),
        libc::EEXIST => FileExistsError::static_type(),
        libc::ENOENT => FileNotFoundError::static_type(),
        libc::EISDIR => IsADirectoryError::static_type(),
        libc::ENOTDIR => NotADirectoryError::static_type(),
        libc::EINTR => InterruptedError::static_type(),
        libc::EACCES | libc::EPERM => PermissionError::static_type(),
        libc::ESRCH => ProcessLookupError::static_type(),
        libc::ETIMEDOUT => TimeoutError::static_type(),
        _ => OSError::static_type(),
    }
}

/// The class takes its arguments in `__init__`: it overrides that and not `__new__`.
fn uses_init(cls: &PyType) -> bool {
    let own = OSError::static_type().slots();
    cls.slots.init.get().map(|f| f as usize) != own.init.get().map(|f| f as usize)
        && cls.slots.new.get().map(|f| f as usize) == own.new.get().map(|f| f as usize)
}

/// An index; ValueError if it is too large.
fn count(vm: &mut Vm, value: &Value) -> PyResult<isize> {
    let index = vm.index(value)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()) {
        Some(i) => Ok(i as isize),
        None => {
            let name = value.type_name();
            Err(vm.value_error(format!("cannot fit '{name}' into an index-sized integer")))
        }
    }
}

impl OSError {
    /// Sets fields and arguments from what `OSError(...)` was called with.
    fn fill(zelf: &Py<OSError>, args: &[Value], vm: &mut Vm) -> PyResult<()> {
        let mut kept = args;
        if (2..=5).contains(&args.len()) {
            let set = |vm: &mut Vm, cell: &GilCell<Option<Value>>, value: Option<&Value>| drop(cell.replace(vm, value.cloned()));
            set(vm, &zelf.errno, args.first());
            set(vm, &zelf.strerror, args.get(1));
            if let Some(filename) = args.get(2).filter(|f| !f.is_none()) {
                let blocking = BlockingIOError::type_object(vm);
                let slots = &filename.type_ref().slots;
                let number = slots.nb_index.get().is_some() || slots.nb_int.get().is_some() || slots.nb_float.get().is_some();
                if zelf.as_value().ty().is(blocking) && number {
                    let n = count(vm, filename)?;
                    zelf.characters_written.set(n);
                } else {
                    set(vm, &zelf.filename, Some(filename));
                    set(vm, &zelf.filename2, args.get(4).filter(|f| !f.is_none()));
                    kept = args.get(..2).unwrap_or(args);
                }
            }
        }
        let kept = vm.new_tuple_from(kept)?;
        let old = zelf.base.base.args.replace(vm, Some(kept));
        drop(old);
        Ok(())
    }
}

/// `__new__` of `OSError` and its subclasses.
fn new(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let mut cls = cls.clone();
    let deferred = uses_init(&cls);
    if !deferred {
        let name = cls.tp_name();
        args.no_keywords(vm, &name)?;
        let given = args.positional();
        if cls.is(OSError::type_object(vm)) && (2..=5).contains(&given.len()) {
            let errno = given.first().and_then(IntRef::new).and_then(|i| i.to_i64()).and_then(|i| i32::try_from(i).ok());
            if let Some(errno) = errno {
                cls = class_of(errno).ready(vm)?.clone();
            }
        }
    }
    let object = super::macros::make_any(vm, &cls, &[])?;
    if !deferred
        && let Some(error) = object.downcast::<OSError>() {
            OSError::fill(error, args.positional(), vm)?;
        }
    Ok(object)
}

#[pymethods(parts(MEMBERS))]
impl OSError {
    #[init]
    fn py_init(zelf: &Py<OSError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let cls = zelf.as_value().ty().clone();
        if !uses_init(&cls) {
            return Ok(());
        }
        let name = cls.tp_name();
        args.no_keywords(vm, &name)?;
        OSError::fill(zelf, args.positional(), vm)
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let (errno, strerror) = (self.errno.load(vm), self.strerror.load(vm));
        let none = |v: Option<Value>| v.unwrap_or_else(Value::none);
        if let Some(filename) = self.filename.load(vm) {
            let (errno, strerror) = (vm.str(&none(errno))?, vm.str(&none(strerror))?);
            let first = vm.repr(&filename)?;
            let mut shown = TextBuilder::default().text("[Errno ").str(&errno).text("] ").str(&strerror).text(": ").str(&first);
            if let Some(second) = self.filename2.load(vm) {
                shown = shown.text(" -> ").str(&*vm.repr(&second)?);
            }
            return shown.build(vm);
        }
        if let (Some(errno), Some(strerror)) = (errno, strerror) {
            let (errno, strerror) = (vm.str(&errno)?, vm.str(&strerror)?);
            return TextBuilder::default().text("[Errno ").str(&errno).text("] ").str(&strerror).build(vm);
        }
        text(vm, &self.base.base)
    }

    #[getter(name = "characters_written")]
    fn get_written(&self, vm: &mut Vm) -> PyResult<isize> {
        match self.characters_written.get() {
            -1 => Err(vm.attribute_error("characters_written")),
            n => Ok(n),
        }
    }

    #[setter(name = "characters_written")]
    fn set_written(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        match value {
            Some(value) => {
                let n = count(vm, value)?;
                self.characters_written.set(n);
                Ok(())
            }
            None if self.characters_written.get() == -1 => Err(vm.attribute_error("characters_written")),
            None => {
                self.characters_written.set(-1);
                Ok(())
            }
        }
    }

    /// For pickling.
    #[method]
    fn __reduce__(zelf: &Py<OSError>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut args = zelf.base.base.args_tuple(vm)?;
        if let ([errno, strerror], Some(filename)) = (args.items(), zelf.filename.load(vm)) {
            let mut all = vec![errno.clone(), strerror.clone(), filename];
            if let Some(second) = zelf.filename2.load(vm) {
                all.push(Value::none());
                all.push(second);
            }
            args = vm.new_tuple(all)?;
        }
        let mut parts = vec![zelf.as_value().ty().to_value(), args.into_value()];
        if let Some(dict) = state_dict(vm, zelf.as_value())? {
            parts.push(dict.into_value());
        }
        vm.new_tuple(parts)
    }
}

/// The system's text for an error number.
pub fn strerror(errno: i32) -> String {
    let text = std::io::Error::from_raw_os_error(errno).to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

impl Vm {
    /// Raises the OSError class for an errno, about up to two files.
    #[cold]
    pub fn os_error(&mut self, errno: i32, filename: Option<&Value>, filename2: Option<&Value>) -> Raised {
        let made = (|| {
            let mut args = vec![self.new_int(errno)?, self.new_str(&strerror(errno))?.into_value()];
            if let Some(filename) = filename {
                args.push(filename.clone());
                if let Some(second) = filename2 {
                    args.push(Value::none());
                    args.push(second.clone());
                }
            }
            let class = class_of(errno).ready(self)?.to_value();
            self.call(&class, &args)
        })();
        match made {
            Ok(exception) => self.raise_object(exception),
            Err(e) => e,
        }
    }

    /// Raises for the current `errno`.
    #[cold]
    pub fn last_os_error(&mut self, filename: Option<&Value>) -> Raised {
        let errno = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        self.os_error(errno, filename, None)
    }

    /// Raises for an error of Rust's standard library.
    #[cold]
    pub fn os_error_from(&mut self, error: &std::io::Error, filename: Option<&Value>) -> Raised {
        match error.raw_os_error() {
            Some(errno) => self.os_error(errno, filename, None),
            None => self.raise::<OSError>(&error.to_string()),
        }
    }
}

