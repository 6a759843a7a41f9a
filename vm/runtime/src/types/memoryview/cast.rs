//! `memoryview.cast`.

use super::{MemoryView, View, items};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::{Py, PyResult, Value, Vm, pymethods};

fn to_one_dimension(vm: &mut Vm, view: &mut View, format: &str) -> PyResult<()> {
    let (Some(to), Some(size)) = (items::single(format), items::single(format).and_then(items::size)) else {
        return Err(vm.value_error("memoryview: destination format must be a native single character format prefixed with an optional '@'"));
    };
    let is_byte = |c: u8| matches!(c, b'b' | b'B' | b'c');
    // Items of any format can be seen as bytes.
    if !items::single(&view.format).is_some_and(is_byte) && !is_byte(to) {
        return Err(vm.type_error("memoryview: cannot cast between two non-byte formats"));
    }
    let bytes = view.nbytes();
    if !bytes.is_multiple_of(size) {
        return Err(vm.type_error("memoryview: length is not a multiple of itemsize"));
    }
    view.format = format.to_owned().into();
    view.itemsize = size;
    view.shape = vec![(bytes / size) as isize];
    view.strides = vec![size as isize];
    view.suboffsets.clear();
    Ok(())
}

fn to_shape(vm: &mut Vm, view: &mut View, shape: &[Value]) -> PyResult<()> {
    let mut dims = Vec::with_capacity(shape.len());
    let mut total = view.itemsize as isize;
    for dim in shape {
        let Some(int) = IntRef::new(dim) else { return Err(vm.type_error("memoryview.cast(): elements of shape must be integers")) };
        let n = int.to_i64().unwrap_or(i64::MAX) as isize;
        if n <= 0 {
            return Err(vm.value_error("memoryview.cast(): elements of shape must be integers > 0"));
        }
        total = match total.checked_mul(n) {
            Some(total) => total,
            None => return Err(vm.value_error("memoryview.cast(): product(shape) > SSIZE_MAX")),
        };
        dims.push(n);
    }
    if total as usize != view.nbytes() {
        return Err(vm.type_error("memoryview: product(shape) * itemsize != buffer size"));
    }
    let mut strides = vec![0; dims.len()];
    let mut step = view.itemsize as isize;
    for (stride, &n) in strides.iter_mut().zip(&dims).rev() {
        *stride = step;
        step = step.saturating_mul(n);
    }
    (view.shape, view.strides) = (dims, strides);
    Ok(())
}

#[pymethods(part = CAST)]
impl MemoryView {
    /// A view of the same memory in another format, and in another shape if one is given.
    #[method(sig = "(format, shape=?)", text = "($self, /, format, shape=<unrepresentable>)")]
    fn cast(zelf: &Py<MemoryView>, format: &Py<Str>, shape: Option<&Value>, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        let mut view = zelf.check(vm)?.clone();
        if !MemoryView::as_buffer(zelf).is_c_contiguous() {
            return Err(vm.type_error("memoryview: casts are restricted to C-contiguous views"));
        }
        let format = format.to_utf8(vm)?;
        if (shape.is_some() || view.shape.len() != 1) && view.shape.contains(&0) {
            return Err(vm.type_error("memoryview: cannot cast view with zeros in shape or strides"));
        }
        let dims: Option<Vec<Value>> = match shape {
            None => None,
            Some(shape) => match (shape.downcast::<List>(), shape.downcast::<Tuple>()) {
                (Some(list), _) => Some(list.items(vm).to_vec()),
                (_, Some(tuple)) => Some(tuple.items().to_vec()),
                (None, None) => return Err(vm.type_error("shape must be a list or a tuple")),
            },
        };
        if let Some(dims) = &dims {
            if dims.len() > 64 {
                return Err(vm.value_error("memoryview: number of dimensions must not exceed 64"));
            }
            if view.shape.len() != 1 && dims.len() != 1 {
                return Err(vm.type_error("memoryview: cast must be 1D -> ND or ND -> 1D"));
            }
        }
        to_one_dimension(vm, &mut view, &format)?;
        if let Some(dims) = dims {
            to_shape(vm, &mut view, &dims)?;
        }
        zelf.other(vm, view)
    }
}
