//! The `_io` module: raw, buffered and text streams.
//!
//! - `base`: the abstract classes; `fileio`; `buffered`: the state and the algorithms of buffered streams, `buffered_types`: their classes,
//!   `rwpair`; `text`: `TextIOWrapper`, `text_seek`: its positions; `newline`: universal newlines; `bytesio`, `stringio`: streams in memory.
//! - Native streams of the exact class call each other directly; anything else goes through methods, as in CPython.

use crate::fspath;
use crate::oserror;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, n, pyfunction};

mod base;
mod buffered;
mod buffered_types;
mod bytesio;
pub mod fileio;
mod newline;
mod rwpair;
mod stringio;
mod text;
mod text_seek;

/// Size of buffers when nobody asks for another one.
pub const DEFAULT_BUFFER_SIZE: usize = 128 * 1024;

/// What the module keeps.
#[derive(Default)]
pub struct IoState {
    unsupported: GilCell<Option<Value>>,
}

/// Raises `io.UnsupportedOperation`.
pub fn unsupported(vm: &mut Vm, text: &str) -> Raised {
    let class = vm.state::<IoState>().unsupported.load(vm);
    let text = match vm.new_str(text) {
        Ok(t) => t.into_value(),
        Err(e) => return e,
    };
    match class {
        Some(class) => oserror::raise_class(vm, &class, &[text]),
        None => oserror::raise_named(vm, "OSError", &[text]),
    }
}

/// Raises OSError with a text alone.
pub fn os_error_text(vm: &mut Vm, text: &str) -> Raised {
    match vm.new_str(text) {
        Ok(t) => oserror::raise_named(vm, "OSError", &[t.into_value()]),
        Err(e) => e,
    }
}

/// Raises BlockingIOError with what has been written.
pub fn blocking_error(vm: &mut Vm, written: usize) -> Raised {
    let made = vm.new_str("write could not complete without blocking").and_then(|t| Ok((t.into_value(), vm.new_int(written)?)));
    match made {
        Ok((text, n)) => oserror::raise_named(vm, "BlockingIOError", &[Value::from_i32(libc::EAGAIN), text, n]),
        Err(e) => e,
    }
}

/// Whether the exception is of a builtin class.
pub fn is_named(vm: &mut Vm, raised: &Raised, name: &str) -> bool {
    let Ok(class) = oserror::builtin(vm, name) else { return false };
    let Some(class) = class.downcast::<krait_runtime::types::type_::PyType>().cloned() else { return false };
    raised.exception().as_value().ty().is_subtype(vm, &class)
}

/// The second error, with the first one as its context, as CPython chains what fails while a stream is closed.
pub fn chain(vm: &mut Vm, first: Raised, second: Raised) -> Raised {
    let context = second.exception().context.load(vm);
    if context.is_none() && !first.exception().is(second.exception()) {
        let old = second.exception().context.replace(vm, Some(first.into_exception().into_value()));
        drop(old);
    }
    second
}

/// The result of two steps that were both tried: the later error wins, chained.
pub fn both(vm: &mut Vm, first: PyResult<()>, second: PyResult<()>) -> PyResult<()> {
    match (first, second) {
        (Err(a), Err(b)) => Err(chain(vm, a, b)),
        (Err(e), Ok(())) | (Ok(()), Err(e)) => Err(e),
        (Ok(()), Ok(())) => Ok(()),
    }
}

/// A size argument: None is -1.
pub fn size_arg(vm: &mut Vm, size: Option<&Value>) -> PyResult<isize> {
    match size.filter(|s| !s.is_none()) {
        None => Ok(-1),
        Some(s) => {
            if s.ty().slots.nb_index.get().is_none() {
                let got = s.type_name();
                return Err(vm.type_error(format!("argument should be integer or None, not '{got}'")));
            }
            vm.as_isize(s)
        }
    }
}

/// Streams cannot be pickled.
pub fn no_pickle(vm: &mut Vm, object: &Value) -> PyResult {
    let name = object.type_name();
    Err(vm.type_error(format!("cannot pickle '{name}' instances")))
}

/// An offset argument; floats are refused.
pub fn offset_arg(vm: &mut Vm, value: &Value) -> PyResult<i64> {
    let index = vm.index(value)?;
    match krait_runtime::types::int::IntRef::new(&index).and_then(|i| i.to_i64()) {
        Some(i) => Ok(i),
        None => Err(vm.overflow_error("Python int too large to convert to C long")),
    }
}

/// A memoryview of an object.
pub fn memoryview(vm: &mut Vm, object: Value) -> PyResult {
    let class = oserror::builtin(vm, "memoryview")?;
    vm.call(&class, &[object])
}

/// Calls a method, again when a signal interrupted it and the handlers returned.
pub fn call_retrying(vm: &mut Vm, object: &Value, name: &Py<Str>, args: &[Value]) -> PyResult {
    loop {
        match vm.call_method(object, name, args) {
            Err(e) if is_interrupted(vm, &e) => crate::signal::check_signals(vm)?,
            result => return result,
        }
    }
}

fn is_interrupted(vm: &mut Vm, raised: &Raised) -> bool {
    if !is_named(vm, raised, "OSError") {
        return false;
    }
    let name = vm.intern("errno");
    let code = vm.getattr(raised.exception().as_value(), &name);
    code.is_ok_and(|c| c.as_small_int() == Some(i64::from(libc::EINTR)))
}

struct Mode {
    creating: bool,
    reading: bool,
    writing: bool,
    appending: bool,
    updating: bool,
    text: bool,
    binary: bool,
}

fn parse_mode(vm: &mut Vm, mode: &str) -> PyResult<Mode> {
    let mut m = Mode { creating: false, reading: false, writing: false, appending: false, updating: false, text: false, binary: false };
    for c in mode.chars() {
        let flag = match c {
            'x' => &mut m.creating,
            'r' => &mut m.reading,
            'w' => &mut m.writing,
            'a' => &mut m.appending,
            '+' => &mut m.updating,
            't' => &mut m.text,
            'b' => &mut m.binary,
            _ => return Err(vm.value_error(format!("invalid mode: '{mode}'"))),
        };
        if std::mem::replace(flag, true) {
            return Err(vm.value_error(format!("invalid mode: '{mode}'")));
        }
    }
    Ok(m)
}

/// Open a file and return a stream: text or binary, buffered or not, as mode and buffering say.
#[pyfunction(sig = "(file, mode='r', buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None)")]
#[allow(clippy::too_many_arguments, reason = "Python's signature")]
pub fn open(file: Value, mode: String, buffering: i32, encoding: Value, errors: Value, newline: Value, closefd: bool, opener: Value, vm: &mut Vm) -> PyResult {
    let is_int = file.ty().slots.nb_index.get().is_some();
    let path = if is_int { file } else { fspath::fspath(vm, &file)? };
    let m = parse_mode(vm, &mode)?;
    let raw_mode: String = mode.chars().filter(|c| !matches!(c, 'b' | 't')).collect();
    if m.text && m.binary {
        return Err(vm.value_error("can't have text and binary mode at once"));
    }
    if [m.creating, m.reading, m.writing, m.appending].iter().filter(|&&f| f).count() > 1 {
        return Err(vm.value_error("must have exactly one of create/read/write/append mode"));
    }
    for (value, what) in [(&encoding, "an encoding"), (&errors, "an errors"), (&newline, "a newline")] {
        if m.binary && !value.is_none() {
            return Err(vm.value_error(format!("binary mode doesn't take {what} argument")));
        }
    }
    if m.binary && buffering == 1 {
        let text = "line buffering (buffering=1) isn't supported in binary mode, the default buffer size will be used";
        fspath::warn(vm, "RuntimeWarning", text, 1, None)?;
    }
    let raw_mode = vm.new_str(&raw_mode)?.into_value();
    let class = fileio::FileIO::static_type().ready(vm)?.to_value();
    let raw = vm.call(&class, &[path, raw_mode, Value::from_bool(closefd), opener])?;
    let mut result = raw.clone();
    match open_layers(vm, &raw, &mut result, &m, &mode, buffering, [encoding, errors, newline]) {
        Ok(()) => Ok(result),
        Err(e) => {
            // What was opened is closed again.
            match vm.call_method(&result, n!(close), &[]) {
                Ok(_) => Err(e),
                Err(second) => Err(chain(vm, e, second)),
            }
        }
    }
}

fn open_layers(vm: &mut Vm, raw: &Value, result: &mut Value, m: &Mode, mode: &str, buffering: i32, text: [Value; 3]) -> PyResult<()> {
    let is_tty = if buffering < 0 || buffering == 1 {
        let name = vm.intern("_isatty_open_only");
        let answer = vm.call_method(raw, &name, &[])?;
        vm.is_true(&answer)?
    } else {
        false
    };
    let (mut size, mut line_buffering) = (i64::from(buffering), buffering == 1 && !m.binary);
    if buffering == 1 || (buffering < 0 && is_tty) {
        size = -1;
        line_buffering = true;
    }
    if size < 0 {
        let name = vm.intern("_blksize");
        let blksize = vm.getattr(raw, &name)?;
        let blksize = vm.as_isize(&blksize)? as i64;
        size = blksize.min(8192 * 1024).max(DEFAULT_BUFFER_SIZE as i64);
    }
    if buffering == 0 {
        if !m.binary {
            return Err(vm.value_error("can't have unbuffered text I/O"));
        }
        return Ok(());
    }
    let class = if m.updating {
        buffered_types::BufferedRandom::static_type().ready(vm)?.to_value()
    } else if m.creating || m.writing || m.appending {
        buffered_types::BufferedWriter::static_type().ready(vm)?.to_value()
    } else if m.reading {
        buffered_types::BufferedReader::static_type().ready(vm)?.to_value()
    } else {
        return Err(vm.value_error(format!("unknown mode: '{mode}'")));
    };
    let size = vm.new_int(size)?;
    let buffer = vm.call(&class, &[raw.clone(), size])?;
    *result = buffer.clone();
    if m.binary {
        return Ok(());
    }
    let class = text::TextIOWrapper::static_type().ready(vm)?.to_value();
    let [encoding, errors, newline] = text;
    let wrapper = vm.call(&class, &[buffer, encoding, errors, newline, Value::from_bool(line_buffering)])?;
    *result = wrapper.clone();
    let mode = vm.new_str(mode)?.into_value();
    vm.setattr(&wrapper, n!(mode), &mode)
}

/// Open a file with code to be executed, in binary mode.
#[pyfunction(sig = "(path)")]
pub fn open_code(path: &Py<Str>, vm: &mut Vm) -> PyResult {
    let none = Value::none;
    open(path.to_value(), "rb".to_owned(), -1, none(), none(), none(), true, none(), vm)
}

/// The encoding to use for an encoding argument: that itself, or "locale" (in UTF-8 mode "utf-8") for None.
#[pyfunction(sig = "(encoding, stacklevel=2, /)")]
pub fn text_encoding(encoding: Value, stacklevel: i32, vm: &mut Vm) -> PyResult {
    if !encoding.is_none() {
        return Ok(encoding);
    }
    if flag(vm, "warn_default_encoding") {
        fspath::warn(vm, "EncodingWarning", "'encoding' argument not specified", stacklevel, None)?;
    }
    let name = if flag(vm, "utf8_mode") { "utf-8" } else { "locale" };
    Ok(vm.intern(name).into_value())
}

/// Whether `sys.flags` has a flag set.
pub fn flag(vm: &mut Vm, name: &str) -> bool {
    let key = vm.intern("flags");
    let flags = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, &key).cloned());
    let Some(flags) = flags else { return false };
    vm.getattr_str(&flags, name).is_ok_and(|v| v.as_small_int().is_some_and(|i| i != 0))
}

krait_runtime::module! {
    "_io",
    doc: "Streams: raw files, buffers, text.",
    functions: [open, open_code, text_encoding],
    types: [
        base::IOBase, base::RawIOBase, base::BufferedIOBase, base::TextIOBase, fileio::FileIO, bytesio::BytesIO, bytesio::BytesIOBuffer,
        buffered_types::BufferedReader, buffered_types::BufferedWriter, buffered_types::BufferedRandom, rwpair::BufferedRWPair,
        stringio::StringIO, newline::IncrementalNewlineDecoder, text::TextIOWrapper,
    ],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let bases = [oserror::builtin(vm, "OSError")?, oserror::builtin(vm, "ValueError")?];
    let unsupported = crate::signal::new_class(vm, "UnsupportedOperation", "io", &bases)?;
    let old = vm.state::<IoState>().unsupported.replace(vm, Some(unsupported.clone()));
    drop(old);
    let blocking = oserror::builtin(vm, "BlockingIOError")?;
    let size = vm.new_int(DEFAULT_BUFFER_SIZE)?;
    for (name, value) in [("UnsupportedOperation", unsupported), ("BlockingIOError", blocking), ("DEFAULT_BUFFER_SIZE", size)] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
