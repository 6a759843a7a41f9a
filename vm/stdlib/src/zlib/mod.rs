//! `zlib`: deflate streams and checksums, by the zlib-rs crate.
//!
//! zlib-rs is a port of zlib-ng: what it writes is valid but not byte for byte what the C library writes. The GIL is kept while it works.

mod compress;
mod decompress;
mod stream;

use compress::Compress;
use decompress::{Decompress, ZlibDecompressor};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, Exception};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, pyclass, pyfunction, pymethods};
use libz_rs_sys as z;
use stream::{Deflate, Inflate, Status};

/// What a stream reports as an error.
#[pyclass(name = "error", module = "zlib", base = Exception, flags(BASETYPE))]
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

/// `zlib.error` of a status; `doing` is like "while compressing data".
#[cold]
fn error(vm: &mut Vm, status: Status, message: Option<String>, doing: &str) -> Raised {
    let message = message.or_else(|| {
        let text = match status {
            z::Z_BUF_ERROR => "incomplete or truncated stream",
            z::Z_STREAM_ERROR => "inconsistent stream state",
            z::Z_DATA_ERROR => "invalid input data",
            _ => return None,
        };
        Some(text.to_owned())
    });
    match message {
        Some(message) => vm.raise::<Error>(&format!("Error {status} {doing}: {message}")),
        None => vm.raise::<Error>(&format!("Error {status} {doing}")),
    }
}

/// Makes room in `out`: at least `first` bytes, later as much again as there is, but never beyond `limit` in all.
fn make_room(vm: &mut Vm, out: &mut Vec<u8>, first: usize, limit: usize) -> PyResult<()> {
    let more = out.len().max(first).clamp(1, 1 << 28).min(limit.saturating_sub(out.len()));
    if out.capacity() - out.len() >= more.max(1) {
        return Ok(());
    }
    match out.try_reserve_exact(more) {
        Ok(()) => Ok(()),
        Err(_) => Err(vm.memory_error()),
    }
}

const DEF_MEM_LEVEL: i32 = 8;
const DEF_BUF_SIZE: usize = 16384;

/// What a running checksum starts from: an int, of which 32 bits count.
fn checksum_start(vm: &mut Vm, value: Option<&Value>, default: u32) -> PyResult<u32> {
    let Some(value) = value else { return Ok(default) };
    let index = vm.index(value)?;
    Ok(match IntRef::new(&index) {
        Some(IntRef::Small(i)) => i as u32,
        Some(int) => int.to_big().iter_u32_digits().next().map_or(0, |low| if int.is_negative() { low.wrapping_neg() } else { low }),
        None => default,
    })
}

/// The Adler-32 checksum of data, going on from value.
#[pyfunction(sig = "(data, value=?, /)", text = "($module, data, value=1, /)")]
fn adler32(data: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<u32> {
    let input = vm.byte_view_simple(data)?;
    let start = checksum_start(vm, value, 1)?;
    Ok(stream::adler32(start, &input))
}

/// The CRC-32 checksum of data, going on from value.
#[pyfunction(sig = "(data, value=?, /)", text = "($module, data, value=0, /)")]
fn crc32(data: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<u32> {
    let input = vm.byte_view_simple(data)?;
    let start = checksum_start(vm, value, 0)?;
    Ok(stream::crc32(start, &input))
}

/// The data compressed.
///
///   level
///     From 0 (not at all) to 9 (best); -1 is the default.
///   wbits
///     Size of the window, and by its sign and range the kind of container.
#[pyfunction(name = "compress", sig = "(data, /, level=-1, wbits=15)", text = "($module, data, /, level=Z_DEFAULT_COMPRESSION, wbits=MAX_WBITS)")]
fn compress_(data: &Value, level: i32, wbits: i32, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let input = vm.byte_view_simple(data)?;
    let mut stream = match Deflate::new(level, z::Z_DEFLATED, wbits, DEF_MEM_LEVEL, z::Z_DEFAULT_STRATEGY) {
        Ok(stream) => stream,
        Err((z::Z_MEM_ERROR, _)) => return Err(vm.raise::<krait_runtime::types::exceptions::MemoryError>("Out of memory while compressing data")),
        Err((z::Z_STREAM_ERROR, _)) => return Err(vm.raise::<Error>("Bad compression level")),
        Err((status, message)) => return Err(error(vm, status, message, "while compressing data")),
    };
    let (mut rest, mut out) = (&*input, Vec::new());
    loop {
        make_room(vm, &mut out, DEF_BUF_SIZE, usize::MAX)?;
        let flush = if u32::try_from(rest.len()).is_ok() { z::Z_FINISH } else { z::Z_NO_FLUSH };
        match stream.step(&mut rest, &mut out, flush) {
            (z::Z_STREAM_END, _) => return vm.new_bytes(&out),
            (z::Z_OK | z::Z_BUF_ERROR, _) => {}
            (status, _) => return Err(error(vm, status, stream.message(), "while compressing data")),
        }
    }
}

/// The data decompressed.
///
///   wbits
///     Size of the window, and by its sign and range the kind of container.
///   bufsize
///     How much room is made for the output at first.
#[pyfunction(name = "decompress", sig = "(data, /, wbits=15, bufsize=16384)", text = "($module, data, /, wbits=MAX_WBITS, bufsize=DEF_BUF_SIZE)")]
fn decompress_(data: &Value, wbits: i32, bufsize: isize, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let Ok(bufsize) = usize::try_from(bufsize) else { return Err(vm.value_error("bufsize must be non-negative")) };
    let input = vm.byte_view_simple(data)?;
    let mut stream = match Inflate::new(wbits) {
        Ok(stream) => stream,
        Err((z::Z_MEM_ERROR, _)) => return Err(vm.raise::<krait_runtime::types::exceptions::MemoryError>("Out of memory while decompressing data")),
        Err((status, message)) => return Err(error(vm, status, message, "while preparing to decompress data")),
    };
    let (mut rest, mut out) = (&*input, Vec::new());
    loop {
        make_room(vm, &mut out, bufsize.max(1), usize::MAX)?;
        let before = rest.len();
        match stream.step(&mut rest, &mut out, usize::MAX, z::Z_SYNC_FLUSH) {
            (z::Z_STREAM_END, _) => return vm.new_bytes(&out),
            // Room is left though the input is used up: the stream goes on behind it.
            (z::Z_OK | z::Z_BUF_ERROR, true) if rest.is_empty() || rest.len() == before => {
                return Err(error(vm, z::Z_BUF_ERROR, stream.message(), "while decompressing data"));
            }
            (z::Z_OK | z::Z_BUF_ERROR, _) => {}
            (status, _) => return Err(error(vm, status, stream.message(), "while decompressing data")),
        }
    }
}

/// A compressor of data that comes in pieces.
///
///   level
///     From 0 (not at all) to 9 (best); -1 is the default.
///   method
///     DEFLATED, the only one.
///   wbits
///     Size of the window, and by its sign and range the kind of container.
///   memLevel
///     Memory to work with, from 1 to 9.
///   strategy
///     What kind of data it is.
///   zdict
///     Bytes that are likely to be in the data.
#[pyfunction(
    sig = "(level=-1, method=8, wbits=15, memLevel=8, strategy=0, zdict=?)",
    text = "($module, /, level=Z_DEFAULT_COMPRESSION, method=DEFLATED,\n            wbits=MAX_WBITS, memLevel=DEF_MEM_LEVEL,\n            strategy=Z_DEFAULT_STRATEGY, zdict=<unrepresentable>)"
)]
#[allow(clippy::too_many_arguments, reason = "zlib's own parameters")]
fn compressobj(
    level: i32,
    method: i32,
    wbits: i32,
    mem_level: i32,
    strategy: i32,
    zdict: Option<&Value>,
    vm: &mut Vm,
) -> PyResult<Py<Compress>> {
    let zdict = match zdict {
        Some(zdict) => Some(vm.byte_view_simple(zdict)?),
        None => None,
    };
    let mut stream = match Deflate::new(level, method, wbits, mem_level, strategy) {
        Ok(stream) => stream,
        Err((z::Z_MEM_ERROR, _)) => {
            return Err(vm.raise::<krait_runtime::types::exceptions::MemoryError>("Can't allocate memory for compression object"));
        }
        Err((z::Z_STREAM_ERROR, _)) => return Err(vm.value_error("Invalid initialization option")),
        Err((status, message)) => return Err(error(vm, status, message, "while creating compression object")),
    };
    if let Some(zdict) = zdict {
        match stream.set_dictionary(&zdict) {
            z::Z_OK => {}
            z::Z_STREAM_ERROR => return Err(vm.value_error("Invalid dictionary")),
            _ => return Err(vm.value_error("deflateSetDictionary()")),
        }
    }
    vm.new_object(Compress::new(stream))
}

/// A decompressor of data that comes in pieces.
///
///   wbits
///     Size of the window, and by its sign and range the kind of container.
///   zdict
///     The dictionary that the data was compressed with.
#[pyfunction(sig = "(wbits=15, zdict=?)", text = "($module, /, wbits=MAX_WBITS, zdict=b'')")]
fn decompressobj(wbits: i32, zdict: Option<&Value>, vm: &mut Vm) -> PyResult<Py<Decompress>> {
    let (stream, zdict) = decompress::open(vm, wbits, zdict)?;
    vm.new_object(Decompress::new(stream, zdict))
}

krait_runtime::module! {
    "zlib",
    doc: "Compression by the deflate method.\n\nadler32(data[, value]), crc32(data[, value]) -- checksums\ncompress(data), decompress(data) -- all at once\ncompressobj(), decompressobj() -- piece by piece",
    functions: [adler32, crc32, compress_, decompress_, compressobj, decompressobj],
    types: [Error, ZlibDecompressor],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let numbers = [
        ("DEFLATED", z::Z_DEFLATED),
        ("DEF_BUF_SIZE", DEF_BUF_SIZE as i32),
        ("DEF_MEM_LEVEL", DEF_MEM_LEVEL),
        ("MAX_WBITS", 15),
        ("Z_BEST_COMPRESSION", z::Z_BEST_COMPRESSION),
        ("Z_BEST_SPEED", z::Z_BEST_SPEED),
        ("Z_BLOCK", z::Z_BLOCK),
        ("Z_DEFAULT_COMPRESSION", z::Z_DEFAULT_COMPRESSION),
        ("Z_DEFAULT_STRATEGY", z::Z_DEFAULT_STRATEGY),
        ("Z_FILTERED", z::Z_FILTERED),
        ("Z_FINISH", z::Z_FINISH),
        ("Z_FIXED", z::Z_FIXED),
        ("Z_FULL_FLUSH", z::Z_FULL_FLUSH),
        ("Z_HUFFMAN_ONLY", z::Z_HUFFMAN_ONLY),
        ("Z_NO_COMPRESSION", z::Z_NO_COMPRESSION),
        ("Z_NO_FLUSH", z::Z_NO_FLUSH),
        ("Z_PARTIAL_FLUSH", z::Z_PARTIAL_FLUSH),
        ("Z_RLE", z::Z_RLE),
        ("Z_SYNC_FLUSH", z::Z_SYNC_FLUSH),
        ("Z_TREES", z::Z_TREES),
    ];
    for (name, value) in numbers {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(value))?;
    }
    let version = stream::version();
    for (name, text) in [("ZLIB_VERSION", version.as_str()), ("ZLIB_RUNTIME_VERSION", version.as_str()), ("__version__", "1.0")] {
        let (name, text) = (vm.intern(name), vm.new_str(text)?.into_value());
        dict.set_str(vm, &name, text)?;
    }
    Ok(())
}
