//! Functions that look at any exporter's buffer.

use super::base::peek;
use super::ndarray::NdArray;
use super::structure::{layout, number_tuple, sequence, unpack_item};
use super::nd;
use krait_runtime::protocol::buffer::{Buffer, contiguous_strides, flags as f};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::types::slice::{Slice, SliceRange};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

/// Start, stop, step and length of a slice of a sequence of `len` items.
#[pyfunction(sig = "(slice, len, /)")]
pub fn slice_indices(slice: &Value, len: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let Some(slice) = slice.downcast::<Slice>() else { return Err(vm.type_error("first argument must be a slice object")) };
    let (start, stop, step) = slice.unpack(vm)?;
    let range = SliceRange::adjust(usize::try_from(len).unwrap_or(0), start, stop, step);
    number_tuple(vm, &[range.start, range.stop, range.step, range.count as isize])
}

fn indices(vm: &mut Vm, buffer: &Buffer, keys: &[Value]) -> PyResult<Vec<isize>> {
    if buffer.shape.len() > nd::MAX_NDIM {
        return Err(vm.value_error(format!("get_pointer(): ndim > {}", nd::MAX_NDIM)));
    }
    if keys.len() != buffer.shape.len() {
        return Err(vm.value_error("get_pointer(): len(indices) != ndim"));
    }
    let mut out = Vec::with_capacity(keys.len());
    for (at, (key, &n)) in keys.iter().zip(&buffer.shape).enumerate() {
        let i = vm.as_count(key)?;
        if i < 0 || i >= n {
            return Err(vm.value_error(format!("get_pointer(): invalid index {i} at position {at}")));
        }
        out.push(i);
    }
    Ok(out)
}

/// The item that stands at the indices.
#[pyfunction(sig = "(object, indices, /)")]
pub fn get_pointer(object: &Value, indices: &Value, vm: &mut Vm) -> PyResult {
    let keys = sequence(vm, "seq", indices)?;
    let buffer = vm.buffer(object, f::FULL_RO)?;
    let item = item_at(vm, &buffer, &keys);
    buffer.release(vm);
    item
}

fn item_at(vm: &mut Vm, buffer: &Buffer, keys: &[Value]) -> PyResult {
    let places = indices(vm, buffer, keys)?;
    let start = buffer.place_of(vm, &places).unwrap_or(usize::MAX);
    let bytes = start.checked_add(buffer.itemsize).and_then(|end| buffer.memory(vm).get(start..end)).map(<[u8]>::to_vec);
    let Some(bytes) = bytes else { return Err(vm.index_error("index out of bounds")) };
    let format = vm.new_str(&buffer.format)?.into_value();
    let (layout, _) = layout(vm, Some(&format))?;
    unpack_item(vm, &layout, &bytes)
}

/// Bytes that a pointer takes.
#[pyfunction(sig = "()")]
pub fn get_sizeof_void_p() -> usize {
    size_of::<usize>()
}

fn order_of(vm: &mut Vm, order: &Value) -> PyResult<u8> {
    let Some(text) = order.downcast::<Str>() else { return Err(vm.type_error("order must be a string")) };
    let bytes = vm.encode_to_bytes(text, "ascii", "strict")?;
    match vm.bytes_of(&bytes)?.first() {
        Some(&order @ (b'C' | b'F' | b'A')) => Ok(order),
        _ => Err(vm.value_error("invalid order, must be C, F or A")),
    }
}

fn is_in_order(buffer: &Buffer, order: u8) -> bool {
    (order != b'F' && buffer.is_c_contiguous()) || (order != b'C' && buffer.is_f_contiguous())
}

/// The items' bytes in an order; as they stand for A if they stand in a row.
fn ordered(vm: &mut Vm, buffer: &Buffer, order: u8) -> Vec<u8> {
    let fortran = order == b'F' || (order == b'A' && buffer.is_f_contiguous());
    if fortran { buffer.to_vec_fortran(vm) } else { buffer.to_vec(vm) }
}

/// A memoryview whose items stand in a row: of the object itself, or else of a copy, which cannot be written.
#[pyfunction(sig = "(object, buffertype, order, /)")]
pub fn get_contiguous(object: &Value, buffertype: &Value, order: &Value, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
    if IntRef::new(buffertype).is_none() {
        return Err(vm.type_error("buffertype must be PyBUF_READ or PyBUF_WRITE"));
    }
    let kind = vm.as_count(buffertype)?;
    if kind != f::READ as isize && kind != f::WRITE as isize {
        return Err(vm.value_error("invalid buffer type"));
    }
    let order = order_of(vm, order)?;
    let view = vm.new_memoryview(object, f::FULL_RO)?;
    let buffer = vm.buffer(view.as_value(), f::FULL_RO)?;
    let writable = kind == f::WRITE as isize;
    let made = if writable && buffer.readonly {
        Err(vm.buffer_error("underlying buffer is not writable"))
    } else if is_in_order(&buffer, order) {
        Ok(view)
    } else if writable {
        Err(vm.buffer_error("writable contiguous buffer requested for a non-contiguous object."))
    } else {
        copied(vm, &buffer, order)
    };
    buffer.release(vm);
    made
}

fn copied(vm: &mut Vm, buffer: &Buffer, order: u8) -> PyResult<Py<MemoryView>> {
    let bytes = ordered(vm, buffer, order);
    let bytes = vm.new_bytes(&bytes)?.into_value();
    let plain = vm.buffer(&bytes, f::FULL_RO)?;
    let strides = contiguous_strides(&buffer.shape, buffer.itemsize, order == b'F');
    vm.memoryview_of(Buffer { format: buffer.format.clone(), itemsize: buffer.itemsize, shape: buffer.shape.clone(), strides, ..plain })
}

/// The bytes of the items of a buffer, asked for with the flags, in an order.
#[pyfunction(sig = "(object, order, flags, /)")]
pub fn py_buffer_to_contiguous(object: &Value, order: &Value, flags: i32, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let buffer = vm.buffer(object, flags as u32)?;
    let result = match order_of(vm, order) {
        // A buffer without a shape is a row of bytes in any order.
        Ok(_) if flags as u32 & f::ND != f::ND => Ok(buffer.to_vec(vm)),
        Ok(order) => Ok(ordered(vm, &buffer, order)),
        Err(e) => Err(e),
    };
    buffer.release(vm);
    let bytes = result?;
    vm.new_bytes(&bytes)
}

/// Whether two contiguous buffers have the same bytes and structure.
#[pyfunction(sig = "(a, b, /)")]
pub fn cmp_contig(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<bool> {
    let Ok(left) = vm.buffer(a, f::FULL_RO) else {
        return Err(vm.type_error("cmp_contig: first argument does not implement the buffer protocol"));
    };
    let Ok(right) = vm.buffer(b, f::FULL_RO) else {
        left.release(vm);
        return Err(vm.type_error("cmp_contig: second argument does not implement the buffer protocol"));
    };
    let equal = same_contiguous(vm, &left, &right);
    left.release(vm);
    right.release(vm);
    Ok(equal)
}

fn same_contiguous(vm: &Vm, a: &Buffer, b: &Buffer) -> bool {
    let (c, fortran) = (a.is_c_contiguous() && b.is_c_contiguous(), a.is_f_contiguous() && b.is_f_contiguous());
    let strides = || a.strides.iter().zip(&b.strides).zip(&a.shape).all(|((x, y), &n)| n <= 1 || x == y);
    if !(c || fortran) || a.itemsize != b.itemsize || a.format != b.format || a.shape != b.shape || a.suboffsets != b.suboffsets || !strides() {
        return false;
    }
    let raw = |buffer: &Buffer| if c { buffer.to_vec(vm) } else { buffer.to_vec_fortran(vm) };
    raw(a) == raw(b)
}

/// Whether the items of a buffer stand in a row in an order.
#[pyfunction(sig = "(object, order, /)")]
pub fn is_contiguous(object: &Value, order: &Value, vm: &mut Vm) -> PyResult<bool> {
    let order = order_of(vm, order)?;
    if let Some(array) = object.downcast::<NdArray>() {
        let base = array.top(vm)?;
        return Ok(is_in_order(&peek(vm, &base)?, order));
    }
    let Ok(buffer) = vm.buffer(object, f::FULL_RO) else {
        return Err(vm.type_error("is_contiguous: object does not implement the buffer protocol"));
    };
    let answer = is_in_order(&buffer, order);
    buffer.release(vm);
    Ok(answer)
}
