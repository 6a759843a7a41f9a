//! `_testbuffer`: an exporter that can do all that the buffer protocol knows, and functions that look at buffers, for tests.
//!
//! `ndarray` exports memory of any format, shape, strides and (`ND_PIL`) suboffsets, and re-exports what others export with as little
//! information as was asked for. A pointer behind a suboffset is a place within the exporter's memory (see the runtime's buffer protocol).

mod base;
mod exporter;
mod functions;
mod ndarray;
mod structure;

use functions::{cmp_contig, get_contiguous, get_pointer, get_sizeof_void_p, is_contiguous, py_buffer_to_contiguous, slice_indices};
use krait_runtime::protocol::buffer::flags as f;
use krait_runtime::types::dict::Dict;
use krait_runtime::{Py, PyClass, PyResult, Vm, module};

/// How an `ndarray` and its bases are made.
mod nd {
    pub const MAX_NDIM: usize = 128;
    pub const VAREXPORT: u32 = 0x001;
    pub const WRITABLE: u32 = 0x002;
    pub const FORTRAN: u32 = 0x004;
    pub const SCALAR: u32 = 0x008;
    pub const PIL: u32 = 0x010;
    pub const REDIRECT: u32 = 0x020;
    pub const GETBUF_FAIL: u32 = 0x040;
    pub const GETBUF_UNDEFINED: u32 = 0x080;
    pub const C: u32 = 0x100;
}

module! {
    "_testbuffer",
    doc: "Exporters and consumers of buffers, for tests.",
    functions: [cmp_contig, get_contiguous, get_pointer, get_sizeof_void_p, is_contiguous, py_buffer_to_contiguous, slice_indices],
    types: [ndarray::NdArray, exporter::StaticArray],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    base::Base::static_type().ready(vm)?;
    let numbers = [
        ("ND_MAX_NDIM", nd::MAX_NDIM as u32),
        ("ND_VAREXPORT", nd::VAREXPORT),
        ("ND_WRITABLE", nd::WRITABLE),
        ("ND_FORTRAN", nd::FORTRAN),
        ("ND_SCALAR", nd::SCALAR),
        ("ND_PIL", nd::PIL),
        ("ND_REDIRECT", nd::REDIRECT),
        ("ND_GETBUF_FAIL", nd::GETBUF_FAIL),
        ("ND_GETBUF_UNDEFINED", nd::GETBUF_UNDEFINED),
        ("PyBUF_SIMPLE", f::SIMPLE),
        ("PyBUF_WRITABLE", f::WRITABLE),
        ("PyBUF_FORMAT", f::FORMAT),
        ("PyBUF_ND", f::ND),
        ("PyBUF_STRIDES", f::STRIDES),
        ("PyBUF_INDIRECT", f::INDIRECT),
        ("PyBUF_C_CONTIGUOUS", f::C_CONTIGUOUS),
        ("PyBUF_F_CONTIGUOUS", f::F_CONTIGUOUS),
        ("PyBUF_ANY_CONTIGUOUS", f::ANY_CONTIGUOUS),
        ("PyBUF_FULL", f::FULL),
        ("PyBUF_FULL_RO", f::FULL_RO),
        ("PyBUF_RECORDS", f::STRIDES | f::WRITABLE | f::FORMAT),
        ("PyBUF_RECORDS_RO", f::STRIDES | f::FORMAT),
        ("PyBUF_STRIDED", f::STRIDES | f::WRITABLE),
        ("PyBUF_STRIDED_RO", f::STRIDES),
        ("PyBUF_CONTIG", f::ND | f::WRITABLE),
        ("PyBUF_CONTIG_RO", f::ND),
        ("PyBUF_READ", f::READ),
        ("PyBUF_WRITE", f::WRITE),
    ];
    for (name, value) in numbers {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
