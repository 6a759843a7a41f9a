//! Making a layer of an `ndarray` from items, shape and strides.

use super::base::{Base, Structure};
use super::nd;
use crate::_struct::{Layout, layout_of};
use krait_runtime::protocol::buffer::contiguous_strides;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm};
use std::cell::Cell;
use std::rc::Rc;

/// What a layer is made of.
#[derive(Default)]
pub struct Spec {
    pub items: Option<Value>,
    pub shape: Option<Value>,
    pub strides: Option<Value>,
    pub offset: isize,
    pub format: Option<Value>,
    pub flags: u32,
}

/// The items of a list or tuple, or TypeError.
pub fn sequence(vm: &mut Vm, name: &str, value: &Value) -> PyResult<Vec<Value>> {
    match (value.downcast::<List>(), value.downcast::<Tuple>()) {
        (Some(list), _) => Ok(list.items(vm).to_vec()),
        (_, Some(tuple)) => Ok(tuple.items().to_vec()),
        (None, None) => Err(vm.type_error(format!("{name} must be a list or a tuple"))),
    }
}

fn numbers(vm: &mut Vm, name: &str, values: &[Value]) -> PyResult<Vec<isize>> {
    let mut out = Vec::with_capacity(values.len());
    for value in values {
        if IntRef::new(value).is_none() {
            return Err(vm.value_error(format!("elements of {name} must be integers")));
        }
        let n = vm.as_count(value)?;
        if name == "shape" && n < 0 {
            return Err(vm.value_error("elements of shape must be integers >= 0"));
        }
        out.push(n);
    }
    Ok(out)
}

/// The layout of the items, "B" if none is given.
pub fn layout(vm: &mut Vm, format: Option<&Value>) -> PyResult<(Rc<Layout>, String)> {
    let Some(format) = format else {
        let plain = vm.new_str("B")?.into_value();
        return Ok((layout_of(vm, &plain)?, "B".to_owned()));
    };
    let layout = layout_of(vm, format)?;
    match format.downcast::<Str>() {
        Some(text) => Ok((layout, text.to_utf8(vm)?.to_string())),
        None => Err(vm.type_error("bad argument type for built-in operation")),
    }
}

/// The bytes of one item: a number or bytes, or a list or tuple of as many values as the format has.
pub fn pack_item(vm: &mut Vm, layout: &Layout, item: &Value) -> PyResult<Vec<u8>> {
    let is_plain = item.is::<Bytes>() || IntRef::new(item).is_some() || krait_runtime::types::float::float_value(item).is_some();
    if is_plain && layout.items == 1 {
        return layout.pack(vm, std::slice::from_ref(item));
    }
    if (item.is::<List>() || item.is::<Tuple>()) && layout.items > 0 {
        let members = sequence(vm, "item", item)?;
        if members.len() == layout.items {
            return layout.pack(vm, &members);
        }
    }
    Err(vm.value_error("mismatch between initializer element and format string"))
}

/// The value or values that stand in the bytes of one item.
pub fn unpack_item(vm: &mut Vm, layout: &Layout, bytes: &[u8]) -> PyResult {
    if bytes.len() != layout.size {
        return Err(vm.value_error("the format does not fit the size of an item"));
    }
    let values = layout.unpack(vm, bytes)?;
    match values.items() {
        [one] => Ok(one.clone()),
        _ => Ok(values.into_value()),
    }
}

/// ValueError unless all items stand within `len` bytes.
fn verify(vm: &mut Vm, len: usize, itemsize: usize, offset: isize, shape: &[isize], strides: &[isize]) -> PyResult<()> {
    let size = itemsize as i128;
    if strides.iter().any(|&s| i128::from(s as i64) % size != 0) {
        return Err(vm.value_error("strides must be a multiple of itemsize"));
    }
    if shape.contains(&0) {
        return Ok(());
    }
    let (mut low, mut high) = (offset as i128, offset as i128 + size);
    for (&n, &stride) in shape.iter().zip(strides) {
        let reach = (n as i128 - 1) * stride as i128;
        if stride <= 0 { low += reach } else { high += reach }
    }
    if low < 0 || high > len as i128 {
        return Err(vm.value_error("invalid combination of buffer, shape and strides"));
    }
    Ok(())
}

/// Puts pointers to the parts of the first dimension before the data, and lets the structure go through them.
fn through_pointers(vm: &mut Vm, data: &[u8], offset: isize, s: &mut Structure) -> PyResult<Vec<u8>> {
    let (shape, mut strides) = s.dimensions();
    let word = size_of::<usize>();
    let count = shape.first().map_or(0, |&n| usize::try_from(n).unwrap_or(0));
    let Some(table) = count.checked_mul(word).filter(|&t| t.checked_add(data.len()).is_some_and(|n| n <= isize::MAX as usize)) else {
        return Err(vm.memory_error());
    };
    vm.require_room(table + data.len())?;
    // Where the lowest item stands, and how far behind the lowest of its part the first of a part stands.
    let (mut lowest, mut behind) = (0isize, 0isize);
    for (dim, (&n, &stride)) in shape.iter().zip(&strides).enumerate() {
        if n == 0 {
            break;
        }
        if stride <= 0 {
            let reach = (n - 1).saturating_mul(stride);
            lowest = lowest.saturating_add(reach);
            behind = if dim > 0 { behind.saturating_sub(reach) } else { behind };
        }
    }
    let first = strides.first().copied().unwrap_or(0);
    let start = (table as isize).saturating_add(offset).saturating_add(lowest);
    let mut out = Vec::with_capacity(table + data.len());
    for i in 0..count {
        let place = start.saturating_add((i as isize).saturating_mul(first.saturating_abs()));
        out.extend_from_slice(&(place as usize).to_ne_bytes());
    }
    out.extend_from_slice(data);
    let mut suboffsets = vec![-1; shape.len()];
    if let (Some(suboffset), Some(stride)) = (suboffsets.first_mut(), strides.first_mut()) {
        *suboffset = behind;
        *stride = if first >= 0 { word as isize } else { -(word as isize) };
    }
    s.start = if first < 0 && count > 0 { ((count - 1) * word) as isize } else { 0 };
    (s.strides, s.suboffsets) = (Some(strides), Some(suboffsets));
    Ok(out)
}

fn check_strides(vm: &mut Vm, spec: &Spec, ndim: usize) -> PyResult<Option<Vec<Value>>> {
    let Some(strides) = &spec.strides else { return Ok(None) };
    let strides = sequence(vm, "strides", strides)?;
    if strides.is_empty() {
        return Ok(None);
    }
    if spec.flags & nd::FORTRAN != 0 {
        return Err(vm.type_error("ND_FORTRAN cannot be used together with strides"));
    }
    if strides.len() != ndim {
        return Err(vm.value_error("len(shape) != len(strides)"));
    }
    Ok(Some(strides))
}

fn pack_items(vm: &mut Vm, layout: &Layout, items: &[Value], offset: isize) -> PyResult<Vec<u8>> {
    let size = layout.size;
    let Some(len) = items.len().checked_mul(size) else { return Err(vm.memory_error()) };
    if offset % isize::try_from(size).unwrap_or(isize::MAX) != 0 {
        return Err(vm.value_error("offset must be a multiple of itemsize"));
    }
    if offset < 0 || (offset as usize).saturating_add(size) > len {
        return Err(vm.value_error("offset out of bounds"));
    }
    vm.require_room(len)?;
    let mut data = Vec::with_capacity(len);
    for item in items {
        let bytes = pack_item(vm, layout, item)?;
        data.extend_from_slice(&bytes);
    }
    Ok(data)
}

/// A layer with memory of its own.
pub fn build(vm: &mut Vm, spec: &Spec) -> PyResult<Base> {
    let given = spec.shape.clone().unwrap_or_else(Value::none);
    let dims = sequence(vm, "shape", &given)?;
    let ndim = dims.len();
    if ndim > nd::MAX_NDIM {
        return Err(vm.value_error(format!("ndim must not exceed {}", nd::MAX_NDIM)));
    }
    let strides = check_strides(vm, spec, ndim)?;
    let (layout, format) = layout(vm, spec.format.as_ref())?;
    let itemsize = layout.size;
    if itemsize == 0 {
        return Err(vm.value_error("itemsize must not be zero"));
    }
    let items = spec.items.clone().unwrap_or_else(Value::none);
    let items = if ndim == 0 { vec![items] } else { sequence(vm, "items", &items)? };
    if items.is_empty() {
        return Err(vm.value_error("initializer list or tuple must not be empty"));
    }
    let mut data = pack_items(vm, &layout, &items, spec.offset)?;
    if ndim == 0 && spec.flags & nd::PIL != 0 {
        return Err(vm.type_error("ndim = 0 cannot be used in conjunction with ND_PIL"));
    }
    let shape = numbers(vm, "shape", &dims)?;
    let strides = match strides {
        Some(strides) => numbers(vm, "strides", &strides)?,
        None => contiguous_strides(&shape, itemsize, spec.flags & nd::FORTRAN != 0),
    };
    verify(vm, data.len(), itemsize, spec.offset, &shape, &strides)?;
    let readonly = spec.flags & nd::WRITABLE == 0;
    let mut structure = Structure {
        readonly, format: Some(format), itemsize, ndim, len: 0, start: spec.offset, shape: Some(shape), strides: Some(strides), suboffsets: None,
    };
    structure.count();
    let mut offset = spec.offset;
    if spec.flags & nd::PIL != 0 {
        data = through_pointers(vm, &data, offset, &mut structure)?;
        offset = 0;
    }
    let kept = spec.flags & !(nd::FORTRAN | nd::C);
    let flags = kept | structure.layout_flags(Value::none());
    Ok(Base { data: GilCell::new(data), view: None, structure: GilCell::new(structure), flags: Cell::new(flags), offset, exports: Cell::new(0) })
}

/// A tuple of numbers.
pub fn number_tuple(vm: &mut Vm, values: &[isize]) -> PyResult<Py<Tuple>> {
    let mut items = Vec::with_capacity(values.len());
    for &v in values {
        items.push(vm.new_int(v)?);
    }
    vm.new_tuple(items)
}
