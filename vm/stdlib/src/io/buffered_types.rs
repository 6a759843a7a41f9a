//! The classes `BufferedReader`, `BufferedWriter` and `BufferedRandom`.

use crate::io::base;
use crate::io::buffered::Buffered;
use crate::io::fileio::{flag_value, repr_name, writable_arg};
use crate::io::size_arg;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, n, pyclass, pymethods};

/// A buffer in front of a raw stream that is read.
#[pyclass(name = "BufferedReader", module = "_io", base = crate::io::base::BufferedIOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "(raw, buffer_size=DEFAULT_BUFFER_SIZE)")]
#[repr(C)]
#[derive(Default)]
pub struct BufferedReader {
    pub b: Buffered,
}

/// A buffer in front of a raw stream that is written to.
#[pyclass(name = "BufferedWriter", module = "_io", base = crate::io::base::BufferedIOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "(raw, buffer_size=DEFAULT_BUFFER_SIZE)")]
#[repr(C)]
#[derive(Default)]
pub struct BufferedWriter {
    pub b: Buffered,
}

/// A buffer in front of a raw stream that is read and written to.
#[pyclass(name = "BufferedRandom", module = "_io", base = crate::io::base::BufferedIOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "(raw, buffer_size=DEFAULT_BUFFER_SIZE)")]
#[repr(C)]
#[derive(Default)]
pub struct BufferedRandom {
    pub b: Buffered,
}

/// The buffer of a stream of one of the exact classes.
pub fn exact(stream: &Value) -> Option<&Buffered> {
    if let Some(r) = stream.downcast_exact::<BufferedReader>() {
        return Some(&r.b);
    }
    if let Some(w) = stream.downcast_exact::<BufferedWriter>() {
        return Some(&w.b);
    }
    stream.downcast_exact::<BufferedRandom>().map(|r| -> &Buffered { &r.b })
}

/// What all three classes have.
macro_rules! common {
    ($ty:ident, $readable:literal, $writable:literal, $check:expr) => {
        #[pymethods(part = COMMON)]
        impl $ty {
            #[new]
            fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let _ = args;
                vm.new_instance(cls, $ty::default())
            }

            #[init(sig = "(raw, buffer_size=131072)")]
            fn init(zelf: &Py<$ty>, raw: &Value, buffer_size: isize, vm: &mut Vm) -> PyResult<()> {
                let check: fn(&mut Vm, &Value) -> PyResult<()> = $check;
                check(vm, raw)?;
                zelf.b.init(vm, raw, buffer_size, ($readable, $writable), zelf.is_exact())
            }

            /// Separate the raw stream from the buffer and return it; the buffer cannot be used any more.
            #[method]
            fn detach(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult {
                zelf.b.detach(zelf.as_value(), vm)
            }

            /// Flush the buffer and close the raw stream.
            #[method]
            fn close(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<()> {
                zelf.b.close(zelf.as_value(), vm)
            }

            /// Whether the raw stream can seek.
            #[method]
            fn seekable(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.call_method(&raw, n!(seekable), &[])
            }

            /// The raw stream's descriptor.
            #[method]
            fn fileno(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.call_method(&raw, n!(fileno), &[])
            }

            /// Whether the raw stream is a terminal.
            #[method]
            fn isatty(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.call_method(&raw, n!(isatty), &[])
            }

            #[method(sig = "(source, /)")]
            fn _dealloc_warn(&self, source: &Value, vm: &mut Vm) {
                self.b.dealloc_warn(vm, source);
            }

            /// Set the position, from the start, the current position or the end (whence 0, 1, 2), and return it.
            #[method(sig = "(target, whence=0, /)")]
            fn seek(zelf: &Py<$ty>, target: &Value, whence: i32, vm: &mut Vm) -> PyResult<i64> {
                zelf.b.seek(zelf.as_value(), target, whence, vm)
            }

            /// The position.
            #[method]
            fn tell(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<i64> {
                zelf.b.tell(zelf.as_value(), vm)
            }

            /// Cut the raw stream at a position, the current one without.
            #[method(sig = "(pos=None, /)")]
            fn truncate(zelf: &Py<$ty>, pos: Value, vm: &mut Vm) -> PyResult {
                zelf.b.truncate(zelf.as_value(), &pos, vm)
            }

            #[method(name = "__sizeof__")]
            fn sizeof(zelf: &Py<$ty>) -> usize {
                zelf.header().type_core().basicsize.get() as usize + zelf.b.buffer_size()
            }

            #[method(name = "__getstate__")]
            fn getstate(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult {
                crate::io::no_pickle(vm, zelf.as_value())
            }

            #[getter]
            fn raw(&self, vm: &mut Vm) -> Value {
                self.b.raw.load(vm).unwrap_or_else(Value::none)
            }

            #[getter]
            fn closed(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.getattr(&raw, n!(closed))
            }

            #[getter]
            fn name(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.getattr(&raw, n!(name))
            }

            #[getter]
            fn mode(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.getattr(&raw, n!(mode))
            }

            #[getter]
            fn _finalizing(&self) -> bool {
                self.b.finalizing.get()
            }

            #[setter(name = "_finalizing")]
            fn set_finalizing(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                self.b.finalizing.set(flag_value(value, vm)?);
                Ok(())
            }

            #[slot(repr)]
            fn slot_repr(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<String> {
                repr(vm, zelf.as_value())
            }
        }
    };
}

fn repr(vm: &mut Vm, zelf: &Value) -> PyResult<String> {
    let class = zelf.type_name();
    match vm.getattr(zelf, n!(name)) {
        Ok(name) => {
            let name = repr_name(vm, zelf, &name)?;
            Ok(format!("<{class} name={name}>"))
        }
        Err(e) if crate::io::is_named(vm, &e, "AttributeError") || crate::io::is_named(vm, &e, "ValueError") => Ok(format!("<{class}>")),
        Err(e) => Err(e),
    }
}

/// What the classes that read have.
macro_rules! reading {
    ($ty:ident) => {
        #[pymethods(part = READING)]
        impl $ty {
            /// Whether the raw stream can be read.
            #[method]
            fn readable(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.call_method(&raw, n!(readable), &[])
            }

            /// Read size bytes, fewer only at the end; everything if size is negative or None.
            #[method(sig = "(size=-1, /)")]
            fn read(zelf: &Py<$ty>, size: Value, vm: &mut Vm) -> PyResult {
                let n = size_arg(vm, Some(&size))?;
                zelf.b.read(zelf.as_value(), n, vm)
            }

            /// What is in the buffer, without changing the position; the buffer is filled if it is empty.
            #[method(sig = "(size=0, /)")]
            fn peek(zelf: &Py<$ty>, size: isize, vm: &mut Vm) -> PyResult {
                let _ = size;
                zelf.b.peek(zelf.as_value(), vm)
            }

            /// Read up to size bytes with at most one call of the raw stream.
            #[method(sig = "(size=-1, /)")]
            fn read1(zelf: &Py<$ty>, size: isize, vm: &mut Vm) -> PyResult {
                zelf.b.read1(zelf.as_value(), size, vm)
            }

            /// Read into a buffer and return the number of bytes.
            #[method(sig = "(buffer, /)")]
            fn readinto(zelf: &Py<$ty>, buffer: &Value, vm: &mut Vm) -> PyResult<Option<usize>> {
                let target = writable_arg(vm, "readinto", buffer)?;
                let result = zelf.b.readinto(zelf.as_value(), &target, false, vm);
                target.release(vm);
                result
            }

            /// Read into a buffer with at most one call of the raw stream.
            #[method(sig = "(buffer, /)")]
            fn readinto1(zelf: &Py<$ty>, buffer: &Value, vm: &mut Vm) -> PyResult<Option<usize>> {
                let target = writable_arg(vm, "readinto1", buffer)?;
                let result = zelf.b.readinto(zelf.as_value(), &target, true, vm);
                target.release(vm);
                result
            }

            /// Read a line, of at most size bytes if that is not negative.
            #[method(sig = "(size=-1, /)")]
            fn readline(zelf: &Py<$ty>, size: Value, vm: &mut Vm) -> PyResult {
                let limit = size_arg(vm, Some(&size))?;
                zelf.b.readline(zelf.as_value(), limit, vm)
            }

            #[slot(iternext)]
            fn slot_iternext(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<Option<Value>> {
                zelf.b.check_init(vm)?;
                let line = if zelf.is_exact() {
                    zelf.b.readline(zelf.as_value(), -1, vm)?
                } else {
                    let line = vm.call_method(zelf.as_value(), n!(readline), &[])?;
                    if !line.is::<krait_runtime::types::bytes::Bytes>() {
                        let got = line.type_name();
                        return Err(crate::io::os_error_text(vm, &format!("readline() should have returned a bytes object, not '{got}'")));
                    }
                    line
                };
                Ok(if vm.len(&line)? == 0 { None } else { Some(line) })
            }
        }
    };
}

/// What the classes that write have.
macro_rules! writing {
    ($ty:ident) => {
        #[pymethods(part = WRITING)]
        impl $ty {
            /// Whether the raw stream can be written to.
            #[method]
            fn writable(&self, vm: &mut Vm) -> PyResult {
                let raw = self.b.check_init(vm)?;
                vm.call_method(&raw, n!(writable), &[])
            }

            /// Write bytes to the buffer; return how many, which is all of them unless the raw stream would block.
            #[method(sig = "(buffer, /)")]
            fn write(zelf: &Py<$ty>, buffer: &Value, vm: &mut Vm) -> PyResult<usize> {
                let data = vm.byte_view(buffer)?;
                zelf.b.write(zelf.as_value(), &data, vm)
            }

            /// Write out what is buffered.
            #[method]
            fn flush(zelf: &Py<$ty>, vm: &mut Vm) -> PyResult<()> {
                zelf.b.flush(zelf.as_value(), vm)
            }
        }
    };
}

fn must_read(vm: &mut Vm, raw: &Value) -> PyResult<()> {
    base::check_readable(vm, raw).map(drop)
}

fn must_write(vm: &mut Vm, raw: &Value) -> PyResult<()> {
    base::check_writable(vm, raw).map(drop)
}

fn must_do_all(vm: &mut Vm, raw: &Value) -> PyResult<()> {
    base::check_seekable(vm, raw)?;
    base::check_readable(vm, raw)?;
    base::check_writable(vm, raw).map(drop)
}

common!(BufferedReader, true, false, must_read);
reading!(BufferedReader);
common!(BufferedWriter, false, true, must_write);
writing!(BufferedWriter);
common!(BufferedRandom, true, true, must_do_all);
reading!(BufferedRandom);
writing!(BufferedRandom);

#[pymethods(parts(COMMON, READING))]
impl BufferedReader {
    /// Flush the raw stream.
    #[method]
    fn flush(&self, vm: &mut Vm) -> PyResult {
        let raw = self.b.check_init(vm)?;
        vm.call_method(&raw, n!(flush), &[])
    }
}

#[pymethods(parts(COMMON, WRITING))]
impl BufferedWriter {}

#[pymethods(parts(COMMON, READING, WRITING))]
impl BufferedRandom {}
