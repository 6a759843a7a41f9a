//! `_IOBase` and the abstract classes above raw, buffered and text streams.

use crate::io::unsupported;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::instance;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, n, pyclass, pymethods};

/// The base of all streams.
#[pyclass(name = "_IOBase", module = "_io", managed, flags(BASETYPE, GENERIC_NEW, MANAGED_DICT, MANAGED_WEAKREF), text_signature = "()")]
#[repr(C)]
#[derive(Default)]
pub struct IOBase {}

/// The base of raw streams.
#[pyclass(name = "_RawIOBase", module = "_io", base = IOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "()")]
#[repr(C)]
#[derive(Default)]
pub struct RawIOBase {
    base: IOBase,
}

/// The base of buffered streams.
#[pyclass(name = "_BufferedIOBase", module = "_io", base = IOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "()")]
#[repr(C)]
#[derive(Default)]
pub struct BufferedIOBase {
    base: IOBase,
}

/// The base of text streams.
#[pyclass(name = "_TextIOBase", module = "_io", base = IOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "()")]
#[repr(C)]
#[derive(Default)]
pub struct TextIOBase {
    base: IOBase,
}

/// Whether `close` has run to its end (`__IOBase_closed`).
fn marked_closed(zelf: &Value, vm: &mut Vm) -> PyResult<bool> {
    if let Some(header) = zelf.header()
        && instance::get(vm, header, n!(__IOBase_closed)).is_some() {
            return Ok(true);
        }
    Ok(false)
}

/// Whether the stream's `closed` says so.
pub fn is_closed(vm: &mut Vm, stream: &Value) -> PyResult<bool> {
    let closed = vm.getattr(stream, n!(closed))?;
    vm.is_true(&closed)
}

/// ValueError if the stream is closed.
pub fn check_closed(vm: &mut Vm, stream: &Value) -> PyResult<()> {
    let closed = match vm.getattr_opt(stream, n!(closed))? {
        Some(c) => vm.is_true(&c)?,
        None => false,
    };
    if closed { Err(vm.value_error("I/O operation on closed file.")) } else { Ok(()) }
}

fn check_answer(vm: &mut Vm, stream: &Value, name: &Py<krait_runtime::types::str_::Str>, text: &str) -> PyResult {
    let answer = vm.call_method(stream, name, &[])?;
    if !answer.is_true() {
        return Err(unsupported(vm, text));
    }
    Ok(answer)
}

/// UnsupportedOperation if the stream cannot seek.
pub fn check_seekable(vm: &mut Vm, stream: &Value) -> PyResult {
    check_answer(vm, stream, n!(seekable), "File or stream is not seekable.")
}

/// UnsupportedOperation if the stream cannot be read.
pub fn check_readable(vm: &mut Vm, stream: &Value) -> PyResult {
    check_answer(vm, stream, n!(readable), "File or stream is not readable.")
}

/// UnsupportedOperation if the stream cannot be written to.
pub fn check_writable(vm: &mut Vm, stream: &Value) -> PyResult {
    check_answer(vm, stream, n!(writable), "File or stream is not writable.")
}

/// `_IOBase.close`.
pub fn close(vm: &mut Vm, zelf: &Value) -> PyResult<()> {
    if marked_closed(zelf, vm)? {
        return Ok(());
    }
    let flushed = vm.call_method(zelf, n!(flush), &[]).map(drop);
    let marked = vm.setattr(zelf, n!(__IOBase_closed), &Value::from_bool(true));
    crate::io::both(vm, flushed, marked)
}

/// What happens to a stream that nobody refers to: it is closed.
pub fn finalize(vm: &mut Vm, zelf: &Value) -> PyResult<()> {
    let closed = match vm.getattr(zelf, n!(closed)) {
        Ok(c) => vm.is_true(&c).unwrap_or(true),
        Err(_) => true,
    };
    if closed {
        return Ok(());
    }
    let _ignored = vm.setattr(zelf, n!(_finalizing), &Value::from_bool(true));
    vm.call_method(zelf, n!(close), &[]).map(drop)
}

#[pymethods]
impl IOBase {
    #[new]
    fn new(cls: &Py<krait_runtime::types::type_::PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<IOBase>> {
        let _ = args;
        vm.new_instance(cls, IOBase {})
    }

    #[slot(del)]
    fn slot_del(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<()> {
        finalize(vm, zelf.as_value())
    }

    /// Change the stream's position; not supported here.
    #[method(text = "(offset, whence=os.SEEK_SET, /)")]
    fn seek(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "seek"))
    }

    /// The stream's position.
    #[method]
    fn tell(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult {
        vm.call_method(zelf.as_value(), n!(seek), &[Value::from_i32(0), Value::from_i32(1)])
    }

    /// Cut the stream to a size; not supported here.
    #[method(sig = "(size=None, /)")]
    fn truncate(&self, size: Value, vm: &mut Vm) -> PyResult {
        let _ = size;
        Err(unsupported(vm, "truncate"))
    }

    /// Write out what is buffered; nothing is, here.
    #[method]
    fn flush(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<()> {
        if marked_closed(zelf.as_value(), vm)? {
            return Err(vm.value_error("I/O operation on closed file."));
        }
        Ok(())
    }

    /// Flush and close the stream; a second time does nothing.
    #[method]
    fn close(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<()> {
        close(vm, zelf.as_value())
    }

    #[getter]
    fn closed(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<bool> {
        marked_closed(zelf.as_value(), vm)
    }

    /// Whether the position can be changed.
    #[method]
    fn seekable(&self) -> bool {
        false
    }

    /// Whether the stream can be read.
    #[method]
    fn readable(&self) -> bool {
        false
    }

    /// Whether the stream can be written to.
    #[method]
    fn writable(&self) -> bool {
        false
    }

    #[method(name = "_checkClosed", text = "()")]
    fn check_closed_method(zelf: &Py<IOBase>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let _ = args;
        check_closed(vm, zelf.as_value())
    }

    #[method(name = "_checkSeekable", text = "()")]
    fn check_seekable_method(zelf: &Py<IOBase>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        check_seekable(vm, zelf.as_value())
    }

    #[method(name = "_checkReadable", text = "()")]
    fn check_readable_method(zelf: &Py<IOBase>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        check_readable(vm, zelf.as_value())
    }

    #[method(name = "_checkWritable", text = "()")]
    fn check_writable_method(zelf: &Py<IOBase>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        check_writable(vm, zelf.as_value())
    }

    /// The descriptor behind the stream; there is none here.
    #[method]
    fn fileno(&self, vm: &mut Vm) -> PyResult {
        Err(unsupported(vm, "fileno"))
    }

    /// Whether the stream is a terminal.
    #[method]
    fn isatty(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<bool> {
        check_closed(vm, zelf.as_value())?;
        Ok(false)
    }

    #[method(name = "__enter__")]
    fn enter(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult {
        check_closed(vm, zelf.as_value())?;
        Ok(zelf.to_value())
    }

    #[method(name = "__exit__")]
    fn exit(zelf: &Py<IOBase>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        vm.call_method(zelf.as_value(), n!(close), &[])
    }

    /// Read a line, of at most size bytes if that is not negative.
    #[method(sig = "(size=-1, /)")]
    fn readline(zelf: &Py<IOBase>, size: Value, vm: &mut Vm) -> PyResult {
        let limit = crate::io::size_arg(vm, Some(&size))?;
        let zelf = zelf.as_value();
        let peek = vm.getattr_opt(zelf, n!(peek))?;
        let mut line: Vec<u8> = Vec::new();
        while limit < 0 || (line.len() as isize) < limit {
            let mut ahead = 1;
            if let Some(peek) = &peek {
                let seen = call_retrying_value(vm, peek, &[Value::from_i32(1)])?;
                let Some(seen) = seen.downcast::<Bytes>() else {
                    let got = seen.type_name();
                    return Err(crate::io::os_error_text(vm, &format!("peek() should have returned a bytes object, not '{got}'")));
                };
                if !seen.is_empty() {
                    let most = if limit >= 0 { seen.len().min((limit as usize).saturating_sub(line.len())) } else { seen.len() };
                    let part = seen.as_bytes().get(..most).unwrap_or_default();
                    ahead = memchr(part).map_or(most, |i| i + 1);
                }
            }
            let ahead = vm.new_int(ahead)?;
            let read = crate::io::call_retrying(vm, zelf, n!(read), &[ahead])?;
            let Some(read) = read.downcast::<Bytes>() else {
                let got = read.type_name();
                return Err(crate::io::os_error_text(vm, &format!("read() should have returned a bytes object, not '{got}'")));
            };
            if read.is_empty() {
                break;
            }
            line.extend_from_slice(read.as_bytes());
            if line.ends_with(b"\n") {
                break;
            }
        }
        Ok(vm.new_bytes(&line)?.into_value())
    }

    #[slot(iter)]
    fn slot_iter(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult {
        check_closed(vm, zelf.as_value())?;
        Ok(zelf.to_value())
    }

    #[slot(iternext)]
    fn slot_iternext(zelf: &Py<IOBase>, vm: &mut Vm) -> PyResult<Option<Value>> {
        let line = vm.call_method(zelf.as_value(), n!(readline), &[])?;
        Ok(if vm.len(&line)? == 0 { None } else { Some(line) })
    }

    /// Read all lines, or lines until they have hint characters together.
    #[method(sig = "(hint=-1, /)")]
    fn readlines(zelf: &Py<IOBase>, hint: Value, vm: &mut Vm) -> PyResult {
        let hint = crate::io::size_arg(vm, Some(&hint))?;
        let (mut lines, mut length) = (Vec::new(), 0);
        let iterator = vm.iter(zelf.as_value())?;
        while let Some(line) = vm.iter_next(&iterator)? {
            let n = vm.len(&line)? as isize;
            lines.push(line);
            if hint > 0 && n > hint - length {
                break;
            }
            length += n;
        }
        Ok(vm.new_list(lines)?.into_value())
    }

    /// Write the lines of an iterable, without adding anything.
    #[method(sig = "(lines, /)")]
    fn writelines(zelf: &Py<IOBase>, lines: &Value, vm: &mut Vm) -> PyResult<()> {
        check_closed(vm, zelf.as_value())?;
        let iterator = vm.iter(lines)?;
        while let Some(line) = vm.iter_next(&iterator)? {
            crate::io::call_retrying(vm, zelf.as_value(), n!(write), &[line])?;
        }
        Ok(())
    }
}

fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&b| b == b'\n')
}

fn call_retrying_value(vm: &mut Vm, callable: &Value, args: &[Value]) -> PyResult {
    vm.call(callable, args)
}

#[pymethods]
impl RawIOBase {
    #[new]
    fn new(cls: &Py<krait_runtime::types::type_::PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<RawIOBase>> {
        let _ = args;
        vm.new_instance(cls, RawIOBase::default())
    }

    /// Read up to size bytes; all of them if size is negative.
    #[method(sig = "(size=-1, /)")]
    fn read(zelf: &Py<RawIOBase>, size: isize, vm: &mut Vm) -> PyResult {
        let zelf = zelf.as_value();
        let Ok(size) = usize::try_from(size) else {
            return vm.call_method(zelf, n!(readall), &[]);
        };
        let buffer = crate::posix::fds::buffer_of(vm, size)?;
        let buffer = vm.new_bytearray(buffer)?;
        let count = vm.call_method(zelf, n!(readinto), &[buffer.to_value()])?;
        if count.is_none() {
            return Ok(count);
        }
        let count = vm.as_isize(&count)?;
        match usize::try_from(count) {
            Ok(n) if n <= buffer.bytes(vm).len() => {
                let bytes = buffer.bytes(vm).get(..n).unwrap_or_default().to_vec();
                Ok(vm.new_bytes(&bytes)?.into_value())
            }
            _ => {
                let len = buffer.bytes(vm).len();
                Err(vm.value_error(format!("readinto returned {count} outside buffer size {len}")))
            }
        }
    }

    /// Read until the end.
    #[method]
    fn readall(zelf: &Py<RawIOBase>, vm: &mut Vm) -> PyResult {
        let mut all: Vec<u8> = Vec::new();
        loop {
            let size = vm.new_int(crate::io::DEFAULT_BUFFER_SIZE)?;
            let data = crate::io::call_retrying(vm, zelf.as_value(), n!(read), &[size])?;
            if data.is_none() {
                if all.is_empty() {
                    return Ok(data);
                }
                break;
            }
            let Some(bytes) = data.downcast::<Bytes>() else { return Err(vm.type_error("read() should return bytes")) };
            if bytes.is_empty() {
                break;
            }
            all.extend_from_slice(bytes.as_bytes());
        }
        Ok(vm.new_bytes(&all)?.into_value())
    }

    #[method]
    fn readinto(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(vm.not_implemented_error(""))
    }

    #[method]
    fn write(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(vm.not_implemented_error(""))
    }
}

fn read_into(vm: &mut Vm, zelf: &Value, buffer: &Value, method: &str) -> PyResult<usize> {
    let target = crate::posix::fds::writable(vm, buffer)?;
    let result = read_into_target(vm, zelf, &target, method);
    target.release(vm);
    result
}

fn read_into_target(vm: &mut Vm, zelf: &Value, target: &krait_runtime::protocol::buffer::Buffer, method: &str) -> PyResult<usize> {
    let len = target.len_bytes();
    let (name, size) = (vm.intern(method), vm.new_int(len)?);
    let data = vm.call_method(zelf, &name, &[size])?;
    let Some(bytes) = data.downcast::<Bytes>() else { return Err(vm.type_error("read() should return bytes")) };
    if bytes.len() > len {
        let got = bytes.len();
        return Err(vm.value_error(format!("read() returned too much data: {len} bytes requested, {got} returned")));
    }
    crate::posix::fds::fill(vm, target, bytes.as_bytes());
    Ok(bytes.len())
}

#[pymethods]
impl BufferedIOBase {
    #[new]
    fn new(cls: &Py<krait_runtime::types::type_::PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<BufferedIOBase>> {
        let _ = args;
        vm.new_instance(cls, BufferedIOBase::default())
    }

    /// Separate the raw stream from the buffer and return it; not supported here.
    #[method]
    fn detach(&self, vm: &mut Vm) -> PyResult {
        Err(unsupported(vm, "detach"))
    }

    /// Read up to size bytes; not supported here.
    #[method(text = "(size=-1, /)")]
    fn read(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "read"))
    }

    /// Read up to size bytes with at most one call of the raw stream; not supported here.
    #[method(text = "(size=-1, /)")]
    fn read1(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "read1"))
    }

    /// Read into a buffer and return the number of bytes.
    #[method(sig = "(buffer, /)")]
    fn readinto(zelf: &Py<BufferedIOBase>, buffer: &Value, vm: &mut Vm) -> PyResult<usize> {
        read_into(vm, zelf.as_value(), buffer, "read")
    }

    /// Read into a buffer with at most one call of the raw stream.
    #[method(sig = "(buffer, /)")]
    fn readinto1(zelf: &Py<BufferedIOBase>, buffer: &Value, vm: &mut Vm) -> PyResult<usize> {
        read_into(vm, zelf.as_value(), buffer, "read1")
    }

    /// Write bytes; not supported here.
    #[method(text = "(b, /)")]
    fn write(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "write"))
    }
}

#[pymethods]
impl TextIOBase {
    #[new]
    fn new(cls: &Py<krait_runtime::types::type_::PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TextIOBase>> {
        let _ = args;
        vm.new_instance(cls, TextIOBase::default())
    }

    /// Separate the buffer from the text stream and return it; not supported here.
    #[method]
    fn detach(&self, vm: &mut Vm) -> PyResult {
        Err(unsupported(vm, "detach"))
    }

    /// Read up to size characters; not supported here.
    #[method(text = "(size=-1, /)")]
    fn read(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "read"))
    }

    /// Read a line; not supported here.
    #[method(text = "(size=-1, /)")]
    fn readline(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "readline"))
    }

    /// Write text; not supported here.
    #[method(text = "(s, /)")]
    fn write(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Err(unsupported(vm, "write"))
    }

    #[getter]
    fn encoding(&self) -> Value {
        Value::none()
    }

    #[getter]
    fn newlines(&self) -> Value {
        Value::none()
    }

    #[getter]
    fn errors(&self) -> Value {
        Value::none()
    }
}
