//! `zlib.Decompress` and `zlib._ZlibDecompressor`.

use super::stream::{Inflate, Status};
use super::{DEF_BUF_SIZE, error, make_room};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::{EOFError, MemoryError};
use krait_runtime::types::type_::PyType;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use libz_rs_sys as z;

const DOING: &str = "while decompressing data";

/// A stream, and the dictionary that it may ask for.
pub fn open(vm: &mut Vm, wbits: i32, zdict: Option<&Value>) -> PyResult<(Inflate, Option<Vec<u8>>)> {
    let zdict = match zdict {
        Some(zdict) if !vm.is_bytes_like(zdict) => return Err(vm.type_error("zdict argument must support the buffer protocol")),
        Some(zdict) => Some(vm.bytes_of(zdict)?),
        None => None,
    };
    let mut stream = match Inflate::new(wbits) {
        Ok(stream) => stream,
        Err((z::Z_STREAM_ERROR, _)) => return Err(vm.value_error("Invalid initialization option")),
        Err((z::Z_MEM_ERROR, _)) => return Err(vm.raise::<MemoryError>("Can't allocate memory for decompression object")),
        Err((status, message)) => return Err(error(vm, status, message, "while creating decompression object")),
    };
    // Raw streams have no header to ask for the dictionary by.
    if let Some(zdict) = zdict.as_deref().filter(|_| wbits < 0) {
        set_dictionary(vm, &mut stream, zdict)?;
    }
    Ok((stream, zdict))
}

fn set_dictionary(vm: &mut Vm, stream: &mut Inflate, zdict: &[u8]) -> PyResult<()> {
    match stream.set_dictionary(zdict) {
        z::Z_OK => Ok(()),
        status => Err(error(vm, status, stream.message(), "while setting zdict")),
    }
}

/// What became of a run.
struct Ran {
    status: Status,
    out: Vec<u8>,
    /// Bytes of the input that were not used.
    left: usize,
}

/// Runs the stream over the input until it ends, the input is used up, or `limit` bytes are out.
fn run(vm: &mut Vm, stream: &mut Inflate, input: &[u8], zdict: Option<&[u8]>, first: usize, limit: usize, flush: i32) -> PyResult<Ran> {
    let (mut rest, mut out) = (input, Vec::new());
    loop {
        make_room(vm, &mut out, first, limit)?;
        let (status, room_left) = stream.step(&mut rest, &mut out, limit, flush);
        match (status, zdict) {
            (z::Z_NEED_DICT, Some(zdict)) => {
                set_dictionary(vm, stream, zdict)?;
                continue;
            }
            (z::Z_OK | z::Z_BUF_ERROR, _) if out.len() < limit && (!room_left || !rest.is_empty() && status == z::Z_OK) => continue,
            _ => return Ok(Ran { status, out, left: rest.len() }),
        }
    }
}

/// Decompresses data that comes in pieces.
#[pyclass(name = "Decompress", module = "zlib")]
pub struct Decompress {
    /// None once `flush()` has met the end.
    #[traverse(skip)]
    stream: GilCell<Option<Inflate>>,
    #[traverse(skip)]
    zdict: Option<Vec<u8>>,
    #[traverse(skip)]
    unused_data: GilCell<Vec<u8>>,
    #[traverse(skip)]
    unconsumed_tail: GilCell<Vec<u8>>,
    #[traverse(skip)]
    eof: std::cell::Cell<bool>,
}

impl Decompress {
    pub fn new(stream: Inflate, zdict: Option<Vec<u8>>) -> Decompress {
        Decompress {
            stream: GilCell::new(Some(stream)),
            zdict,
            unused_data: GilCell::default(),
            unconsumed_tail: GilCell::default(),
            eof: std::cell::Cell::new(false),
        }
    }

    /// Keeps the input that was not used: behind the end, or for lack of room.
    fn keep(&self, vm: &mut Vm, status: Status, left: &[u8]) {
        if status == z::Z_STREAM_END {
            self.unused_data.get_mut(vm).extend_from_slice(left);
            self.unconsumed_tail.get_mut(vm).clear();
        } else {
            *self.unconsumed_tail.get_mut(vm) = left.to_vec();
        }
    }

    fn do_copy(&self, vm: &mut Vm) -> PyResult<Py<Decompress>> {
        let stream = match self.stream.get_mut(vm).as_mut().map(Inflate::copy) {
            Some(Ok(stream)) => stream,
            Some(Err(z::Z_MEM_ERROR)) => return Err(vm.raise::<MemoryError>("Can't allocate memory for decompression object")),
            None | Some(Err(z::Z_STREAM_ERROR)) => return Err(vm.value_error("Inconsistent stream state")),
            Some(Err(status)) => return Err(error(vm, status, None, "while copying decompression object")),
        };
        let copy = Decompress {
            stream: GilCell::new(Some(stream)),
            zdict: self.zdict.clone(),
            unused_data: GilCell::new(self.unused_data.load(vm)),
            unconsumed_tail: GilCell::new(self.unconsumed_tail.load(vm)),
            eof: self.eof.clone(),
        };
        vm.new_object(copy)
    }
}

#[pymethods]
impl Decompress {
    /// Data behind the end of the compressed data.
    #[getter]
    fn unused_data(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let data = self.unused_data.load(vm);
        vm.new_bytes(&data)
    }

    /// Data that did not come to its turn since max_length was reached.
    #[getter]
    fn unconsumed_tail(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let data = self.unconsumed_tail.load(vm);
        vm.new_bytes(&data)
    }

    /// Whether the end of the compressed data was met.
    #[getter]
    fn eof(&self) -> bool {
        self.eof.get()
    }

    /// Take data; give what it decompresses to.
    ///
    ///   max_length
    ///     No more than so many bytes; what is left of the input becomes unconsumed_tail. 0 for all.
    #[method(sig = "(data, /, max_length=0)")]
    fn decompress(&self, data: &Value, max_length: isize, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let input = vm.byte_view_simple(data)?;
        let Ok(max_length) = usize::try_from(max_length) else { return Err(vm.value_error("max_length must be non-negative")) };
        let limit = if max_length == 0 { usize::MAX } else { max_length };
        let Some(mut stream) = self.stream.replace(vm, None) else { return Err(error(vm, z::Z_STREAM_ERROR, None, DOING)) };
        let ran = run(vm, &mut stream, &input, self.zdict.as_deref(), DEF_BUF_SIZE.min(limit), limit, z::Z_SYNC_FLUSH);
        let message = stream.message();
        self.stream.replace(vm, Some(stream));
        let ran = ran?;
        self.keep(vm, ran.status, input.get(input.len() - ran.left..).unwrap_or_default());
        match ran.status {
            z::Z_STREAM_END => self.eof.set(true),
            z::Z_OK | z::Z_BUF_ERROR => {}
            status => return Err(error(vm, status, message, DOING)),
        }
        vm.new_bytes(&ran.out)
    }

    /// Give what is left of the decompressed data.
    ///
    ///   length
    ///     How much room is made for it at first.
    #[method(sig = "(length=16384, /)", text = "($self, length=zlib.DEF_BUF_SIZE, /)")]
    fn flush(&self, length: isize, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let Some(length) = usize::try_from(length).ok().filter(|n| *n > 0) else {
            return Err(vm.value_error("length must be greater than zero"));
        };
        let Some(mut stream) = self.stream.replace(vm, None) else { return vm.new_bytes(b"") };
        let input = std::mem::take(self.unconsumed_tail.get_mut(vm));
        let ran = match run(vm, &mut stream, &input, self.zdict.as_deref(), length, usize::MAX, z::Z_FINISH) {
            Ok(ran) => ran,
            Err(raised) => {
                self.stream.replace(vm, Some(stream));
                return Err(raised);
            }
        };
        self.keep(vm, ran.status, input.get(input.len() - ran.left..).unwrap_or_default());
        if ran.status == z::Z_STREAM_END {
            self.eof.set(true);
        } else {
            self.stream.replace(vm, Some(stream));
        }
        vm.new_bytes(&ran.out)
    }

    /// A decompressor in the same state.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<Decompress>> {
        self.do_copy(vm)
    }

    #[method]
    fn __copy__(&self, vm: &mut Vm) -> PyResult<Py<Decompress>> {
        self.do_copy(vm)
    }

    #[method(sig = "(memo, /)")]
    fn __deepcopy__(&self, memo: &Value, vm: &mut Vm) -> PyResult<Py<Decompress>> {
        let _ = memo;
        self.do_copy(vm)
    }
}

/// Decompresses data that comes in pieces, and keeps what it has not come to.
#[pyclass(name = "_ZlibDecompressor", module = "zlib")]
pub struct ZlibDecompressor {
    #[traverse(skip)]
    stream: GilCell<Option<Inflate>>,
    #[traverse(skip)]
    zdict: Option<Vec<u8>>,
    /// Input still to be decompressed.
    #[traverse(skip)]
    pending: GilCell<Vec<u8>>,
    #[traverse(skip)]
    unused_data: GilCell<Vec<u8>>,
    #[traverse(skip)]
    eof: std::cell::Cell<bool>,
    #[traverse(skip)]
    needs_input: std::cell::Cell<bool>,
}

#[pymethods]
impl ZlibDecompressor {
    #[new(sig = "(wbits=15, zdict=?)", text = "(wbits=15, zdict=b'')")]
    fn new(cls: &Py<PyType>, wbits: i32, zdict: Option<&Value>, vm: &mut Vm) -> PyResult<Py<ZlibDecompressor>> {
        let (stream, zdict) = open(vm, wbits, zdict)?;
        let payload = ZlibDecompressor {
            stream: GilCell::new(Some(stream)),
            zdict,
            pending: GilCell::default(),
            unused_data: GilCell::default(),
            eof: std::cell::Cell::new(false),
            needs_input: std::cell::Cell::new(true),
        };
        vm.new_instance(cls, payload)
    }

    /// Whether the end of the compressed data was met.
    #[getter]
    fn eof(&self) -> bool {
        self.eof.get()
    }

    /// Data behind the end of the compressed data.
    #[getter]
    fn unused_data(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let data = self.unused_data.load(vm);
        vm.new_bytes(&data)
    }

    /// Whether more input is needed before there can be more output.
    #[getter]
    fn needs_input(&self) -> bool {
        self.needs_input.get()
    }

    /// Take data; give what it decompresses to.
    ///
    ///   max_length
    ///     No more than so many bytes; what is left of the input is kept. Negative for all.
    #[method(sig = "(data, max_length=-1)")]
    fn decompress(&self, data: &Value, max_length: isize, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let input = vm.byte_view_simple(data)?;
        if self.eof.get() {
            return Err(vm.raise::<EOFError>("End of stream already reached"));
        }
        let limit = usize::try_from(max_length).unwrap_or(usize::MAX);
        let mut all = std::mem::take(self.pending.get_mut(vm));
        all.extend_from_slice(&input);
        let Some(mut stream) = self.stream.replace(vm, None) else { return Err(error(vm, z::Z_STREAM_ERROR, None, DOING)) };
        let ran = run(vm, &mut stream, &all, self.zdict.as_deref(), DEF_BUF_SIZE.min(limit), limit, z::Z_SYNC_FLUSH);
        let message = stream.message();
        self.stream.replace(vm, Some(stream));
        let ran = ran?;
        let left = all.split_off(all.len() - ran.left);
        match ran.status {
            z::Z_STREAM_END => {
                self.eof.set(true);
                self.needs_input.set(false);
                *self.unused_data.get_mut(vm) = left;
            }
            z::Z_OK | z::Z_BUF_ERROR => {
                self.needs_input.set(left.is_empty());
                *self.pending.get_mut(vm) = left;
            }
            status => return Err(error(vm, status, message, DOING)),
        }
        vm.new_bytes(&ran.out)
    }
}
