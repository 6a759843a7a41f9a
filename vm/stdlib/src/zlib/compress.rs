//! `zlib.Compress`.

use super::stream::Deflate;
use super::{DEF_BUF_SIZE, error, make_room};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::MemoryError;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use libz_rs_sys as z;

/// Compresses data that comes in pieces.
#[pyclass(name = "Compress", module = "zlib")]
pub struct Compress {
    /// None once the stream has ended.
    #[traverse(skip)]
    stream: GilCell<Option<Deflate>>,
}

impl Compress {
    pub fn new(stream: Deflate) -> Compress {
        Compress { stream: GilCell::new(Some(stream)) }
    }

    fn do_copy(&self, vm: &mut Vm) -> PyResult<Py<Compress>> {
        let copy = self.stream.get_mut(vm).as_mut().map(Deflate::copy);
        match copy {
            Some(Ok(stream)) => vm.new_object(Compress::new(stream)),
            Some(Err(z::Z_MEM_ERROR)) => Err(vm.raise::<MemoryError>("Can't allocate memory for compression object")),
            None | Some(Err(z::Z_STREAM_ERROR)) => Err(vm.value_error("Inconsistent stream state")),
            Some(Err(status)) => Err(error(vm, status, None, "while copying compression object")),
        }
    }
}

#[pymethods]
impl Compress {
    /// Take data; give what of the compressed data is ready.
    #[method(sig = "(data, /)")]
    fn compress(&self, data: &Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let input = vm.byte_view_simple(data)?;
        let doing = "while compressing data";
        let Some(mut stream) = self.stream.replace(vm, None) else { return Err(error(vm, z::Z_STREAM_ERROR, None, doing)) };
        let result = run(vm, &mut stream, &input, z::Z_NO_FLUSH);
        let message = stream.message();
        self.stream.replace(vm, Some(stream));
        match result? {
            (z::Z_STREAM_ERROR, _) => Err(error(vm, z::Z_STREAM_ERROR, message, doing)),
            (_, out) => vm.new_bytes(&out),
        }
    }

    /// Give what is left of the compressed data.
    ///
    ///   mode
    ///     Z_FINISH ends the stream; others let it go on.
    #[method(sig = "(mode=4, /)", text = "($self, mode=zlib.Z_FINISH, /)")]
    fn flush(&self, mode: i32, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        if mode == z::Z_NO_FLUSH {
            return vm.new_bytes(b"");
        }
        let Some(mut stream) = self.stream.replace(vm, None) else {
            return Err(error(vm, z::Z_STREAM_ERROR, None, "while flushing"));
        };
        let result = run(vm, &mut stream, &[], mode);
        let message = stream.message();
        let ended = matches!(result, Ok((z::Z_STREAM_END, _))) && mode == z::Z_FINISH;
        if !ended {
            self.stream.replace(vm, Some(stream));
        }
        match result? {
            (z::Z_STREAM_ERROR, _) => Err(error(vm, z::Z_STREAM_ERROR, message, "while flushing")),
            (z::Z_OK | z::Z_BUF_ERROR, out) => vm.new_bytes(&out),
            (z::Z_STREAM_END, out) if ended => vm.new_bytes(&out),
            (status, _) => Err(error(vm, status, message, "from flush()")),
        }
    }

    /// A compressor in the same state.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<Compress>> {
        self.do_copy(vm)
    }

    #[method]
    fn __copy__(&self, vm: &mut Vm) -> PyResult<Py<Compress>> {
        self.do_copy(vm)
    }

    #[method(sig = "(memo, /)")]
    fn __deepcopy__(&self, memo: &Value, vm: &mut Vm) -> PyResult<Py<Compress>> {
        let _ = memo;
        self.do_copy(vm)
    }
}

/// Runs the stream over all of the input until it has nothing more to say.
fn run(vm: &mut Vm, stream: &mut Deflate, input: &[u8], flush: i32) -> PyResult<(i32, Vec<u8>)> {
    let (mut rest, mut out) = (input, Vec::new());
    loop {
        make_room(vm, &mut out, DEF_BUF_SIZE, usize::MAX)?;
        let (status, room_left) = stream.step(&mut rest, &mut out, flush);
        if status == z::Z_STREAM_ERROR || status == z::Z_STREAM_END || room_left && rest.is_empty() {
            return Ok((status, out));
        }
    }
}
