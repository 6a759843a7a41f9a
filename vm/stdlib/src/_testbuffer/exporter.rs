//! What `ndarray` and `staticarray` give those who ask for a buffer.

use super::base::{EXPORT_BUFFER, Export};
use super::nd;
use super::ndarray::NdArray;
use krait_runtime::args::{ArgSpec, Param};
use krait_runtime::protocol::buffer::{Buffer, BufferOps, flags as f};
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

/// Why a request cannot be met by a layer of these flags.
fn refusal(flags: u32, request: u32, readonly: bool) -> Option<&'static str> {
    let wants = |bits: u32| request & bits == bits;
    let is = |bits: u32| flags & (bits | nd::SCALAR) != 0;
    if flags & nd::GETBUF_FAIL != 0 {
        Some("ND_GETBUF_FAIL: forced test exception")
    } else if wants(f::WRITABLE) && readonly {
        Some("ndarray is not writable")
    } else if wants(f::C_CONTIGUOUS) && !is(nd::C) {
        Some("ndarray is not C-contiguous")
    } else if wants(f::F_CONTIGUOUS) && !is(nd::FORTRAN) {
        Some("ndarray is not Fortran contiguous")
    } else if wants(f::ANY_CONTIGUOUS) && !is(nd::C | nd::FORTRAN) {
        Some("ndarray is not contiguous")
    } else if !wants(f::INDIRECT) && flags & nd::PIL != 0 {
        Some("ndarray cannot be represented without suboffsets")
    } else if !wants(f::STRIDES) && !is(nd::C) {
        Some("ndarray is not C-contiguous")
    } else if !wants(f::ND) && wants(f::FORMAT) {
        Some("ndarray: cannot cast to unsigned bytes if the format flag is present")
    } else {
        None
    }
}

#[pymethods(part = EXPORT)]
impl NdArray {
    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<NdArray>, request: u32, vm: &mut Vm) -> PyResult<Buffer> {
        let base = zelf.top(vm)?;
        let wants = |bits: u32| request & bits == bits;
        let object = base.object();
        if !object.is_none() && base.flags.get() & nd::REDIRECT != 0 {
            return vm.buffer(&object, request);
        }
        let mut s = base.structure.load(vm);
        if s.ndim != 0 && ((wants(f::ND) && s.shape.is_none()) || (wants(f::STRIDES) && s.strides.is_none())) {
            return Err(vm.buffer_error("re-exporter does not provide format, shape or strides"));
        }
        if let Some(why) = refusal(base.flags.get(), request, s.readonly) {
            return Err(vm.buffer_error(why));
        }
        if !wants(f::FORMAT) {
            s.format = None;
        }
        if !wants(f::ND) {
            (s.shape, s.strides, s.suboffsets) = (None, None, None);
        }
        let export = vm.new_object(Export { base: base.clone(), array: zelf.to_value() })?;
        base.exports.set(base.exports.get() + 1);
        Ok(s.buffer(export.into_value(), &EXPORT_BUFFER))
    }

    /// Give up a memoryview of the array.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<NdArray>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }
}

/// Twelve bytes that never change, whatever is asked for.
#[pyclass(name = "staticarray", module = "_testbuffer")]
pub struct StaticArray {
    /// Buffers do not say whose they are.
    legacy: bool,
}

static BYTES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
static STATIC_BUFFER: BufferOps =
    BufferOps { bytes: |_, _| &BYTES, bytes_mut: |_, _| None, release: |_, _| {}, object: krait_runtime::protocol::buffer::itself };
static NOBODYS_BUFFER: BufferOps = BufferOps { bytes: |_, _| &BYTES, bytes_mut: |_, _| None, release: |_, _| {}, object: |_| Value::none() };

#[pymethods]
impl StaticArray {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<StaticArray>> {
        static SPEC: ArgSpec = ArgSpec {
            name: "staticarray",
            params: &[Param { name: "legacy_mode", required: false }],
            required: 0,
            positional: 1,
            posonly: 0,
            raw: false,
        };
        let mut bound = [None; 1];
        SPEC.bind(vm, args, &mut bound)?;
        let legacy = bound[0].is_some_and(|v| !v.is_same(&Value::from_bool(false)));
        vm.new_instance(cls, StaticArray { legacy })
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<StaticArray>, _request: u32, _: &mut Vm) -> PyResult<Buffer> {
        let ops = if zelf.legacy { &NOBODYS_BUFFER } else { &STATIC_BUFFER };
        Ok(Buffer::simple(zelf.to_value(), ops, true, BYTES.len()))
    }
}
