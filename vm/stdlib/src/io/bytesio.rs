//! `BytesIO`: a binary stream in memory. The memory cannot be resized while views of it are out.

use crate::io::base::BufferedIOBase;
use crate::io::fileio::writable_arg;
use crate::io::size_arg;
use krait_runtime::protocol::buffer::{Buffer, BufferOps, itself};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::instance;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// The payload.
#[pyclass(name = "BytesIO", module = "_io", base = BufferedIOBase, flags(BASETYPE), text_signature = "(initial_bytes=b'')")]
#[repr(C)]
#[derive(Default)]
pub struct BytesIO {
    base: BufferedIOBase,
    #[traverse(skip)]
    data: GilCell<Vec<u8>>,
    /// The last `getvalue()`, until something changes.
    value: GilCell<Option<Value>>,
    pos: Cell<usize>,
    closed: Cell<bool>,
    exports: Cell<usize>,
}

/// What the memoryview of `getbuffer` is a view of.
#[pyclass(name = "_BytesIOBuffer", module = "_io", flags(DISALLOW_INSTANTIATION), gc)]
pub struct BytesIOBuffer {
    source: Py<BytesIO>,
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    owner.downcast::<BytesIOBuffer>().map_or(&[], |b| b.source.data.get(vm))
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    owner.downcast::<BytesIOBuffer>().map(|b| b.source.data.get_mut(vm).as_mut_slice())
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(b) = owner.downcast::<BytesIOBuffer>() {
        b.source.exports.set(b.source.exports.get().saturating_sub(1));
    }
}

static OPS: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object: itself };

#[pymethods]
impl BytesIOBuffer {
    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<BytesIOBuffer>, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        let _ = flags;
        zelf.source.exports.set(zelf.source.exports.get() + 1);
        let len = zelf.source.data.get(vm).len();
        Ok(Buffer::simple(zelf.to_value(), &OPS, false, len))
    }
}

impl BytesIO {
    fn check(&self, vm: &mut Vm) -> PyResult<()> {
        if self.closed.get() { Err(vm.value_error("I/O operation on closed file.")) } else { Ok(()) }
    }

    fn check_exports(&self, vm: &mut Vm) -> PyResult<()> {
        if self.exports.get() > 0 {
            return Err(vm.buffer_error("Existing exports of data: object cannot be re-sized"));
        }
        Ok(())
    }

    fn changed(&self, vm: &mut Vm) {
        let old = self.value.replace(vm, None);
        drop(old);
    }

    /// Up to `size` bytes from the position on; the position moves behind them.
    fn take(&self, vm: &mut Vm, size: isize) -> Vec<u8> {
        let data = self.data.get(vm);
        let rest = data.get(self.pos.get()..).unwrap_or_default();
        let n = usize::try_from(size).map_or(rest.len(), |s| s.min(rest.len()));
        let part = rest.get(..n).unwrap_or_default().to_vec();
        self.pos.set(self.pos.get() + n);
        part
    }

    /// How many bytes there are to the end of the line, no more than `limit` if that is not negative.
    fn line_len(&self, vm: &Vm, limit: isize) -> usize {
        let rest = self.data.get(vm).get(self.pos.get()..).unwrap_or_default();
        let len = memchr::memchr(b'\n', rest).map_or(rest.len(), |i| i + 1);
        usize::try_from(limit).map_or(len, |limit| len.min(limit))
    }

    fn line(&self, vm: &mut Vm, limit: isize) -> Vec<u8> {
        let len = self.line_len(vm, limit);
        self.take(vm, len as isize)
    }

    fn put(&self, vm: &mut Vm, bytes: &[u8]) -> PyResult<usize> {
        self.check(vm)?;
        self.check_exports(vm)?;
        if bytes.is_empty() {
            return Ok(0);
        }
        self.changed(vm);
        let at = self.pos.get();
        let Some(end) = at.checked_add(bytes.len()).filter(|&e| e <= isize::MAX as usize) else {
            return Err(vm.overflow_error("new buffer size too large"));
        };
        let data = self.data.get_mut(vm);
        if end > data.len() {
            if data.try_reserve(end - data.len()).is_err() {
                return Err(vm.memory_error());
            }
            data.resize(end, 0);
        }
        if let Some(target) = data.get_mut(at..end) {
            target.copy_from_slice(bytes);
        }
        self.pos.set(end);
        Ok(bytes.len())
    }
}

#[pymethods]
impl BytesIO {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<BytesIO>> {
        let _ = args;
        vm.new_instance(cls, BytesIO::default())
    }

    #[init(sig = "(initial_bytes=None)")]
    fn init(&self, initial_bytes: Value, vm: &mut Vm) -> PyResult<()> {
        self.check_exports(vm)?;
        let bytes = if initial_bytes.is_none() { Vec::new() } else { vm.bytes_of(&initial_bytes)? };
        let exact = initial_bytes.downcast_exact::<krait_runtime::types::bytes::Bytes>().map(|b| b.to_value());
        let old = (self.value.replace(vm, exact), self.data.replace(vm, bytes));
        drop(old);
        self.pos.set(0);
        self.closed.set(false);
        Ok(())
    }

    #[slot(iternext)]
    fn slot_iternext(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.check(vm)?;
        let line = self.line(vm, -1);
        if line.is_empty() { Ok(None) } else { Ok(Some(vm.new_bytes(&line)?.into_value())) }
    }

    /// True while the stream is open.
    #[method]
    fn readable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    /// True while the stream is open.
    #[method]
    fn seekable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    /// True while the stream is open.
    #[method]
    fn writable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    /// Nothing to do.
    #[method]
    fn flush(&self, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)
    }

    /// Never a terminal.
    #[method]
    fn isatty(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(false)
    }

    /// The position.
    #[method]
    fn tell(&self, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        Ok(self.pos.get())
    }

    /// All bytes, whatever the position.
    #[method]
    fn getvalue(&self, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        if let Some(value) = self.value.load(vm).filter(|_| self.exports.get() == 0) {
            return Ok(value);
        }
        let bytes = self.data.load(vm);
        let value = vm.new_bytes(&bytes)?.into_value();
        if self.exports.get() == 0 {
            let old = self.value.replace(vm, Some(value.clone()));
            drop(old);
        }
        Ok(value)
    }

    /// A view of the bytes that can be written to; the stream cannot change its size meanwhile.
    #[method]
    fn getbuffer(zelf: &Py<BytesIO>, vm: &mut Vm) -> PyResult {
        zelf.check(vm)?;
        zelf.changed(vm);
        let source = vm.new_object(BytesIOBuffer { source: zelf.clone() })?.into_value();
        crate::io::memoryview(vm, source)
    }

    /// Read up to size bytes; all of them if size is negative or None.
    #[method(sig = "(size=-1, /)")]
    fn read(&self, size: Value, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        let size = size_arg(vm, Some(&size))?;
        let bytes = self.take(vm, size);
        Ok(vm.new_bytes(&bytes)?.into_value())
    }

    /// The same as read().
    #[method(sig = "(size=-1, /)")]
    fn read1(&self, size: Value, vm: &mut Vm) -> PyResult {
        self.read(size, vm)
    }

    /// Read a line, of at most size bytes if that is not negative.
    #[method(sig = "(size=-1, /)")]
    fn readline(&self, size: Value, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        let limit = size_arg(vm, Some(&size))?;
        let len = self.line_len(vm, limit);
        let from = self.pos.get();
        let Some(line) = self.data.get(vm).get(from..from.saturating_add(len)) else { return Ok(vm.new_bytes(b"")?.into_value()) };
        // A line of common length needs no allocation but that of its object.
        let mut short = [0; 256];
        let made = match short.get_mut(..len) {
            Some(short) => {
                short.copy_from_slice(line);
                vm.new_bytes(short)?
            }
            None => {
                let line = line.to_vec();
                vm.new_bytes(&line)?
            }
        };
        self.pos.set(from + len);
        Ok(made.into_value())
    }

    /// Read all lines, or lines until they have size bytes together.
    #[method(sig = "(size=None, /)")]
    fn readlines(&self, size: Value, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        let most = size_arg(vm, Some(&size))?;
        let (mut lines, mut total) = (Vec::new(), 0);
        loop {
            let line = self.line(vm, -1);
            if line.is_empty() {
                break;
            }
            total += line.len() as isize;
            lines.push(vm.new_bytes(&line)?.into_value());
            if most > 0 && total >= most {
                break;
            }
        }
        Ok(vm.new_list(lines)?.into_value())
    }

    /// Read into a buffer and return the number of bytes.
    #[method(sig = "(buffer, /)")]
    fn readinto(&self, buffer: &Value, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        let target = writable_arg(vm, "readinto", buffer)?;
        let bytes = self.take(vm, target.len_bytes() as isize);
        crate::posix::fds::fill(vm, &target, &bytes);
        target.release(vm);
        Ok(bytes.len())
    }

    /// Write bytes at the position and return how many.
    #[method(sig = "(b, /)")]
    fn write(&self, b: &Value, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        self.check_exports(vm)?;
        let bytes = vm.byte_view(b)?;
        self.put(vm, &bytes)
    }

    /// Write the bytes-like objects of an iterable.
    #[method(sig = "(lines, /)")]
    fn writelines(&self, lines: &Value, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        let iterator = vm.iter(lines)?;
        while let Some(line) = vm.iter_next(&iterator)? {
            self.write(&line, vm)?;
        }
        Ok(())
    }

    /// Set the position, from the start, the current position or the end (whence 0, 1, 2), and return it.
    #[method(sig = "(pos, whence=0, /)")]
    fn seek(&self, pos: &Value, whence: i32, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        let pos = vm.as_isize(pos)?;
        let base = match whence {
            0 if pos < 0 => return Err(vm.value_error(format!("negative seek value {pos}"))),
            0 => 0,
            1 => self.pos.get(),
            2 => self.data.get(vm).len(),
            _ => return Err(vm.value_error(format!("invalid whence ({whence}, should be 0, 1 or 2)"))),
        };
        let Some(at) = (base as isize).checked_add(pos) else { return Err(vm.overflow_error("new position too large")) };
        self.pos.set(at.max(0) as usize);
        Ok(self.pos.get())
    }

    /// Cut the bytes at size, at the position without; return the size.
    #[method(sig = "(size=None, /)")]
    fn truncate(&self, size: Value, vm: &mut Vm) -> PyResult<isize> {
        self.check(vm)?;
        self.check_exports(vm)?;
        let size = if size.is_none() { self.pos.get() as isize } else { size_arg(vm, Some(&size))? };
        let Ok(n) = usize::try_from(size) else { return Err(vm.value_error(format!("negative size value {size}"))) };
        if n < self.data.get(vm).len() {
            self.changed(vm);
            self.data.get_mut(vm).truncate(n);
        }
        Ok(size)
    }

    /// Give the memory free; nothing can be read or written any more.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        self.check_exports(vm)?;
        self.closed.set(true);
        self.changed(vm);
        let old = self.data.replace(vm, Vec::new());
        drop(old);
        Ok(())
    }

    #[getter(name = "closed")]
    fn get_closed(&self) -> bool {
        self.closed.get()
    }

    #[method(name = "__getstate__")]
    fn getstate(zelf: &Py<BytesIO>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let value = zelf.getvalue(vm)?;
        let dict = attributes(vm, zelf.as_value())?;
        let pos = vm.new_int(zelf.pos.get())?;
        vm.new_tuple(vec![value, pos, dict])
    }

    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(zelf: &Py<BytesIO>, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let parts = state.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
        let [value, pos, dict] = parts.as_slice() else {
            let (class, got) = (zelf.as_value().type_name(), state.type_name());
            return Err(vm.type_error(format!("{class}.__setstate__ argument should be 3-tuple, got {got}")));
        };
        zelf.check(vm)?;
        zelf.init(value.clone(), vm)?;
        if !pos.is::<krait_runtime::types::int::Int>() {
            let got = pos.type_name();
            return Err(vm.type_error(format!("second item of state must be an integer, not {got}")));
        }
        let pos = vm.as_isize(pos)?;
        let Ok(pos) = usize::try_from(pos) else { return Err(vm.value_error("position value cannot be negative")) };
        zelf.pos.set(pos);
        set_attributes(vm, zelf.as_value(), dict, "third")
    }

    #[method(name = "__sizeof__")]
    fn sizeof(zelf: &Py<BytesIO>, vm: &mut Vm) -> usize {
        zelf.header().type_core().basicsize.get() as usize + zelf.data.get(vm).len()
    }
}

/// A copy of an object's `__dict__` for its state, None if there is none.
pub fn attributes(vm: &mut Vm, object: &Value) -> PyResult {
    let dict = instance::materialize(vm, object)?;
    if dict.is_empty(vm) {
        return Ok(Value::none());
    }
    let copy = vm.new_dict()?;
    copy.copy_from(vm, &dict)?;
    Ok(copy.into_value())
}

/// Puts a state's dict into an object's `__dict__`.
pub fn set_attributes(vm: &mut Vm, object: &Value, dict: &Value, which: &str) -> PyResult<()> {
    if dict.is_none() {
        return Ok(());
    }
    let Some(dict) = dict.downcast::<Dict>().cloned() else {
        let got = dict.type_name();
        return Err(vm.type_error(format!("{which} item of state should be a dict, got a {got}")));
    };
    let own = instance::materialize(vm, object)?;
    let _ = n!(__dict__);
    own.copy_from(vm, &dict)
}
