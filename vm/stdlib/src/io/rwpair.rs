//! `BufferedRWPair`: a stream to read and one to write, as one.

use crate::io::base::{self, BufferedIOBase};
use crate::io::buffered_types::{BufferedReader, BufferedWriter};
use crate::io::both;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, GilCell, Py, PyClass, PyResult, Value, Vm, n, pyclass, pymethods};

/// The payload.
#[pyclass(name = "BufferedRWPair", module = "_io", base = BufferedIOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "(reader, writer, buffer_size=DEFAULT_BUFFER_SIZE, /)")]
#[repr(C)]
#[derive(Default)]
pub struct BufferedRWPair {
    base: BufferedIOBase,
    reader: GilCell<Option<Value>>,
    writer: GilCell<Option<Value>>,
}

impl BufferedRWPair {
    fn forward(&self, vm: &mut Vm, half: &GilCell<Option<Value>>, name: &Py<Str>, args: Args<'_>) -> PyResult {
        let Some(stream) = half.load(vm) else { return Err(vm.value_error("I/O operation on uninitialized object")) };
        let method = vm.getattr(&stream, name)?;
        vm.call_args(&method, args)
    }
}

#[pymethods]
impl BufferedRWPair {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<BufferedRWPair>> {
        let _ = args;
        vm.new_instance(cls, BufferedRWPair::default())
    }

    #[init(sig = "(reader, writer, buffer_size=131072, /)")]
    fn init(&self, reader: &Value, writer: &Value, buffer_size: isize, vm: &mut Vm) -> PyResult<()> {
        base::check_readable(vm, reader)?;
        base::check_writable(vm, writer)?;
        let size = vm.new_int(buffer_size)?;
        let class = BufferedReader::static_type().ready(vm)?.to_value();
        let reader = vm.call(&class, &[reader.clone(), size.clone()])?;
        let class = BufferedWriter::static_type().ready(vm)?.to_value();
        let writer = vm.call(&class, &[writer.clone(), size])?;
        let old = (self.reader.replace(vm, Some(reader)), self.writer.replace(vm, Some(writer)));
        drop(old);
        Ok(())
    }

    #[method]
    fn read(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.reader, n!(read), args)
    }

    #[method]
    fn peek(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.reader, n!(peek), args)
    }

    #[method]
    fn read1(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.reader, n!(read1), args)
    }

    #[method]
    fn readinto(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.reader, n!(readinto), args)
    }

    #[method]
    fn readinto1(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let name = vm.intern("readinto1");
        self.forward(vm, &self.reader, &name, args)
    }

    #[method]
    fn write(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.writer, n!(write), args)
    }

    /// Flush the writer.
    #[method]
    fn flush(&self, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.writer, n!(flush), Args::new(&[]))
    }

    /// Whether the reader can be read.
    #[method]
    fn readable(&self, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.reader, n!(readable), Args::new(&[]))
    }

    /// Whether the writer can be written to.
    #[method]
    fn writable(&self, vm: &mut Vm) -> PyResult {
        self.forward(vm, &self.writer, n!(writable), Args::new(&[]))
    }

    /// Close the writer, then the reader.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        let first = self.forward(vm, &self.writer, n!(close), Args::new(&[])).map(drop);
        let second = self.forward(vm, &self.reader, n!(close), Args::new(&[])).map(drop);
        both(vm, first, second)
    }

    /// Whether either is a terminal.
    #[method]
    fn isatty(&self, vm: &mut Vm) -> PyResult {
        let answer = self.forward(vm, &self.writer, n!(isatty), Args::new(&[]))?;
        if vm.is_true(&answer)? {
            return Ok(answer);
        }
        self.forward(vm, &self.reader, n!(isatty), Args::new(&[]))
    }

    #[getter]
    fn closed(&self, vm: &mut Vm) -> PyResult {
        match self.writer.load(vm) {
            Some(writer) => vm.getattr(&writer, n!(closed)),
            None => Err(vm.runtime_error("the BufferedRWPair object is being garbage-collected")),
        }
    }
}
