//! The stream reader and the stream writer.

use super::convert::{End, encode};
use super::objects::{Progress, codec_of, decode_more, encode_more, stateful};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// Reads text off a stream of bytes.
#[pyclass(name = "MultibyteStreamReader", module = "_multibytecodec", flags(BASETYPE), gc)]
pub struct StreamReader {
    #[traverse(skip)]
    progress: Progress,
    #[traverse(skip)]
    pending: GilCell<Vec<u8>>,
    stream: Value,
}

fn size_of_argument(vm: &mut Vm, size: &Value) -> PyResult<i64> {
    if size.is_none() {
        return Ok(-1);
    }
    match IntRef::new(size) {
        Some(n) => match n.to_i64() {
            Some(n) => Ok(n),
            None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
        },
        None => Err(vm.type_error("arg 1 must be an integer")),
    }
}

impl StreamReader {
    /// Reads by a method of the stream; with a size that is not negative at least one character, if there is one.
    fn read_by(&self, vm: &mut Vm, method: &str, size: i64) -> PyResult<Py<Str>> {
        if size == 0 {
            return vm.new_str("");
        }
        let (name, mut size) = (vm.intern(method), size);
        loop {
            let read = if size < 0 {
                vm.call_method(&self.stream, &name, &[])?
            } else {
                let size = vm.new_int(size)?;
                vm.call_method(&self.stream, &name, &[size])?
            };
            let Some(bytes) = read.downcast::<Bytes>().cloned() else {
                let got = read.type_name();
                return Err(vm.type_error(format!("stream function returned a non-bytes object ({got})")));
            };
            let ended = bytes.as_bytes().is_empty();
            let available = self.pending.get(vm).len() + bytes.as_bytes().len();
            let chars = decode_more(vm, &self.progress, &self.pending, bytes.as_bytes(), ended || size < 0)?;
            if size < 0 || !chars.is_empty() || available == 0 {
                return vm.new_str_ucs4(&chars);
            }
            size = 1;
        }
    }
}

stateful!(StreamReader);

#[pymethods(parts(STATEFUL))]
impl StreamReader {
    #[new(sig = "(stream, errors='strict')")]
    fn new(cls: &Py<PyType>, stream: Value, errors: String, vm: &mut Vm) -> PyResult {
        let def = codec_of(vm, cls)?;
        let made = StreamReader { progress: Progress::new(def, &errors), pending: GilCell::new(Vec::new()), stream };
        Ok(vm.new_instance(cls, made)?.into_value())
    }

    /// the stream of bytes
    #[getter]
    fn stream(&self) -> Value {
        self.stream.clone()
    }

    /// Read text.
    #[method(sig = "(sizeobj=None, /)")]
    fn read(&self, sizeobj: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let size = size_of_argument(vm, &sizeobj)?;
        self.read_by(vm, "read", size)
    }

    /// Read a line.
    #[method(sig = "(sizeobj=None, /)")]
    fn readline(&self, sizeobj: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let size = size_of_argument(vm, &sizeobj)?;
        self.read_by(vm, "readline", size)
    }

    /// Read lines.
    #[method(sig = "(sizehintobj=None, /)")]
    fn readlines(&self, sizehintobj: Value, vm: &mut Vm) -> PyResult {
        let size = size_of_argument(vm, &sizehintobj)?;
        let text = self.read_by(vm, "read", size)?.into_value();
        let splitlines = vm.intern("splitlines");
        vm.call_method(&text, &splitlines, &[Value::from_bool(true)])
    }

    /// Forget what is pending and go back to the first state.
    #[method]
    fn reset(&self, vm: &mut Vm) {
        self.progress.restart_decoding(vm, &self.pending);
    }
}

/// Writes text to a stream of bytes.
#[pyclass(name = "MultibyteStreamWriter", module = "_multibytecodec", flags(BASETYPE), gc)]
pub struct StreamWriter {
    #[traverse(skip)]
    progress: Progress,
    pending: GilCell<Option<Py<Str>>>,
    stream: Value,
}

impl StreamWriter {
    fn write_text(&self, vm: &mut Vm, text: &Value) -> PyResult<()> {
        let bytes = encode_more(vm, &self.progress, &self.pending, text, End::Open)?.into_value();
        let write = vm.intern("write");
        vm.call_method(&self.stream, &write, &[bytes]).map(drop)
    }
}

stateful!(StreamWriter);

#[pymethods(parts(STATEFUL))]
impl StreamWriter {
    #[new(sig = "(stream, errors='strict')")]
    fn new(cls: &Py<PyType>, stream: Value, errors: String, vm: &mut Vm) -> PyResult {
        let def = codec_of(vm, cls)?;
        let made = StreamWriter { progress: Progress::new(def, &errors), pending: GilCell::new(None), stream };
        Ok(vm.new_instance(cls, made)?.into_value())
    }

    /// the stream of bytes
    #[getter]
    fn stream(&self) -> Value {
        self.stream.clone()
    }

    /// Write text.
    #[method(sig = "(strobj, /)")]
    fn write(&self, strobj: &Value, vm: &mut Vm) -> PyResult<()> {
        self.write_text(vm, strobj)
    }

    /// Write several texts.
    #[method(sig = "(lines, /)")]
    fn writelines(&self, lines: &Value, vm: &mut Vm) -> PyResult<()> {
        if !krait_runtime::protocol::sequence::is_sequence(lines) {
            return Err(vm.type_error("arg must be a sequence object"));
        }
        let mut i = 0;
        while i < vm.len(lines)? {
            let index = vm.new_int(i)?;
            let line = vm.getitem(lines, &index)?;
            self.write_text(vm, &line)?;
            i += 1;
        }
        Ok(())
    }

    /// Write what is pending and what brings a reader back to the first state.
    #[method]
    fn reset(&self, vm: &mut Vm) -> PyResult<()> {
        let Some(pending) = self.pending.load(vm) else { return Ok(()) };
        let (mut state, mut out) = (self.progress.state.get(), Vec::new());
        let errors = self.progress.errors.get(vm).clone();
        let result = encode(vm, self.progress.def, &mut state, &pending, &errors, End::Reset, &mut out);
        self.progress.state.set(state);
        let old = self.pending.replace(vm, None);
        drop(old);
        result?;
        if out.is_empty() {
            return Ok(());
        }
        let bytes = vm.new_bytes(&out)?.into_value();
        let write = vm.intern("write");
        vm.call_method(&self.stream, &write, &[bytes]).map(drop)
    }
}
