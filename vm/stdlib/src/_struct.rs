//! `_struct`: values packed into bytes as C structures have them, and back.
//!
//! A format is compiled into codes with offsets once; packing and unpacking walk over them.

use krait_runtime::protocol::buffer::flags;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::exceptions::{BaseException, Exception, OverflowError, TypeError};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::memoryview::items::{f32_of, f64_to_half, half_to_f64};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, module, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// What is wrong with a format or with values for it.
#[pyclass(name = "error", module = "struct", base = Exception, flags(BASETYPE))]
#[repr(C)]
struct StructError {
    base: Exception,
}

#[pymethods]
impl StructError {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<StructError>(vm, cls, args)
    }
}

impl From<BaseException> for StructError {
    fn from(base: BaseException) -> StructError {
        StructError { base: base.into() }
    }
}

fn error(vm: &mut Vm, message: impl AsRef<str>) -> Raised {
    vm.raise::<StructError>(message.as_ref())
}

/// One kind of item, `count` times from `offset` on. For `s` and `p` the count is a length.
#[derive(Clone, Copy, Debug)]
struct Code {
    kind: u8,
    offset: usize,
    size: usize,
    count: usize,
}

/// A compiled format.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    big: bool,
    codes: Vec<Code>,
    pub(crate) size: usize,
    /// Values that it takes.
    pub(crate) items: usize,
}

fn native_size(kind: u8) -> Option<(usize, usize)> {
    Some(match kind {
        b'x' | b'c' | b'b' | b'B' | b'?' | b's' | b'p' => (1, 1),
        b'h' | b'H' | b'e' => (2, 2),
        b'i' | b'I' | b'f' => (4, 4),
        b'l' | b'L' | b'q' | b'Q' | b'n' | b'N' | b'P' | b'd' => (8, 8),
        b'F' => (8, 4),
        b'D' => (16, 8),
        _ => return None,
    })
}

fn standard_size(kind: u8) -> Option<(usize, usize)> {
    match kind {
        b'n' | b'N' | b'P' => None,
        b'l' | b'L' => Some((4, 1)),
        _ => native_size(kind).map(|(size, _)| (size, 1)),
    }
}

fn parse(vm: &mut Vm, format: &[u8]) -> PyResult<Layout> {
    let (native, big, rest) = match format.first() {
        Some(b'<') => (false, false, &format[1..]),
        Some(b'>' | b'!') => (false, true, &format[1..]),
        Some(b'=') => (false, cfg!(target_endian = "big"), &format[1..]),
        Some(b'@') => (true, cfg!(target_endian = "big"), &format[1..]),
        _ => (true, cfg!(target_endian = "big"), format),
    };
    let mut layout = Layout { big, ..Layout::default() };
    let too_long = "total struct size too long";
    let mut at = 0;
    while let Some(&c) = rest.get(at) {
        at += 1;
        if c.is_ascii_whitespace() || c == 11 {
            continue;
        }
        let mut kind = c;
        let mut count = 1usize;
        if c.is_ascii_digit() {
            count = usize::from(c - b'0');
            loop {
                let Some(&d) = rest.get(at) else { return Err(error(vm, "repeat count given without format specifier")) };
                at += 1;
                if !d.is_ascii_digit() {
                    kind = d;
                    break;
                }
                count = match count.checked_mul(10).and_then(|n| n.checked_add(usize::from(d - b'0'))).filter(|&n| n <= isize::MAX as usize) {
                    Some(n) => n,
                    None => return Err(error(vm, too_long)),
                };
            }
        }
        if kind == 0 {
            return Err(error(vm, "embedded null character"));
        }
        let known = if native { native_size(kind) } else { standard_size(kind) };
        let Some((size, align)) = known else { return Err(error(vm, "bad char in struct format")) };
        let offset = layout.size.next_multiple_of(align);
        let end = count.checked_mul(size).and_then(|n| n.checked_add(offset)).filter(|&n| n <= isize::MAX as usize);
        let Some(end) = end else { return Err(error(vm, too_long)) };
        layout.size = end;
        match kind {
            b'x' => {}
            b's' | b'p' => {
                layout.codes.push(Code { kind, offset, size: count, count: 1 });
                layout.items += 1;
            }
            _ => {
                if count > 0 {
                    layout.codes.push(Code { kind, offset, size, count });
                }
                layout.items = layout.items.saturating_add(count);
            }
        }
    }
    Ok(layout)
}

/// The bytes of a number of at most 8 bytes, in order.
fn put(out: &mut [u8], bytes: [u8; 8], big: bool) {
    let n = out.len().min(8);
    if big {
        out.iter_mut().zip(&bytes[8 - n..]).for_each(|(a, b)| *a = *b);
    } else {
        out.iter_mut().zip(bytes.iter().rev()).for_each(|(a, b)| *a = *b);
    }
}

fn get(bytes: &[u8], big: bool) -> u64 {
    let fold = |n: u64, b: &u8| n << 8 | u64::from(*b);
    if big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) }
}

fn integer(vm: &mut Vm, value: &Value) -> PyResult {
    if IntRef::new(value).is_some() {
        return Ok(value.clone());
    }
    if value.ty().slots.nb_index.get().is_none() {
        return Err(error(vm, "required argument is not an integer"));
    }
    vm.index(value)
}

fn pack_int(vm: &mut Vm, kind: u8, size: usize, big: bool, value: &Value, out: &mut [u8]) -> PyResult<()> {
    let index = integer(vm, value)?;
    let signed = matches!(kind, b'b' | b'h' | b'i' | b'l' | b'q' | b'n');
    let bits = size as u32 * 8;
    let (low, high): (i128, i128) = if signed { (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
    let number = IntRef::new(&index).and_then(|i| i.to_i128());
    if kind == b'P' {
        let wide = number.filter(|&n| (-(1i128 << 63)..1i128 << 64).contains(&n));
        return match wide {
            Some(n) => {
                put(out, (n as u64).to_be_bytes(), big);
                Ok(())
            }
            None => Err(error(vm, "int too large to convert")),
        };
    }
    match number.filter(|n| (low..=high).contains(n)) {
        Some(n) => {
            put(out, ((n as u64) << (64 - bits) >> (64 - bits)).to_be_bytes(), big);
            Ok(())
        }
        None => Err(error(vm, format!("'{}' format requires {low} <= number <= {high}", char::from(kind)))),
    }
}

fn pack_float(vm: &mut Vm, kind: u8, big: bool, f: f64, out: &mut [u8]) -> PyResult<()> {
    let bits = match kind {
        b'd' => Some(f.to_bits()),
        b'f' => f32_of(f).map(|f| u64::from(f.to_bits())),
        _ => f64_to_half(f).map(u64::from),
    };
    match bits {
        Some(bits) => {
            put(out, bits.to_be_bytes(), big);
            Ok(())
        }
        None => Err(vm.raise::<OverflowError>(&format!("float too large to pack with {} format", char::from(kind)))),
    }
}

fn real(vm: &mut Vm, value: &Value) -> PyResult<f64> {
    match vm.as_f64(value) {
        Ok(f) => Ok(f),
        Err(e) if vm.is_raised::<TypeError>(&e) => Err(error(vm, "required argument is not a float")),
        Err(e) => Err(e),
    }
}

fn pack_one(vm: &mut Vm, code: Code, big: bool, value: &Value, out: &mut [u8]) -> PyResult<()> {
    match code.kind {
        b'c' => match value.downcast::<Bytes>() {
            Some(b) if b.len() == 1 => {
                out.copy_from_slice(b.as_bytes());
                Ok(())
            }
            _ => Err(error(vm, "char format requires a bytes object of length 1")),
        },
        b'?' => {
            out.fill(u8::from(vm.is_true(value)?));
            Ok(())
        }
        b'e' | b'f' | b'd' => {
            let f = real(vm, value)?;
            pack_float(vm, code.kind, big, f, out)
        }
        b'F' | b'D' => {
            let parts = match vm.as_complex(value) {
                Ok(parts) => parts,
                Err(e) if vm.is_raised::<TypeError>(&e) => return Err(error(vm, "required argument is not a complex")),
                Err(e) => return Err(e),
            };
            let kind = if code.kind == b'F' { b'f' } else { b'd' };
            let (a, b) = out.split_at_mut(code.size / 2);
            pack_float(vm, kind, big, parts.0, a)?;
            pack_float(vm, kind, big, parts.1, b)
        }
        b's' | b'p' => {
            if !value.is::<Bytes>() && !value.is::<krait_runtime::types::bytearray::ByteArray>() {
                return Err(error(vm, format!("argument for '{}' must be a bytes object", char::from(code.kind))));
            }
            let bytes = vm.byte_view(value)?;
            let room = if code.kind == b'p' { out.get_mut(1..).unwrap_or_default() } else { &mut *out };
            let n = bytes.len().min(room.len());
            room[..n].copy_from_slice(&bytes[..n]);
            if code.kind == b'p'
                && let Some(first) = out.first_mut() {
                    *first = n.min(255) as u8;
                }
            Ok(())
        }
        kind => pack_int(vm, kind, code.size, big, value, out),
    }
}

fn unpack_one(vm: &mut Vm, code: Code, big: bool, bytes: &[u8]) -> PyResult {
    let float = |bytes: &[u8]| match bytes.len() {
        2 => half_to_f64(get(bytes, big) as u16),
        4 => f64::from(f32::from_bits(get(bytes, big) as u32)),
        _ => f64::from_bits(get(bytes, big)),
    };
    match code.kind {
        b'c' | b's' => Ok(vm.new_bytes(bytes)?.into_value()),
        b'p' => {
            let (n, rest) = bytes.split_first().map_or((0, bytes), |(n, rest)| (usize::from(*n), rest));
            Ok(vm.new_bytes(&rest[..n.min(rest.len())])?.into_value())
        }
        b'?' => Ok(Value::from_bool(bytes.iter().any(|&b| b != 0))),
        b'e' | b'f' | b'd' => vm.new_float(float(bytes)),
        b'F' | b'D' => {
            let (a, b) = bytes.split_at(code.size / 2);
            vm.new_complex(float(a), float(b))
        }
        b'b' | b'h' | b'i' | b'l' | b'q' | b'n' => {
            let shift = 64 - code.size as u32 * 8;
            vm.new_int((get(bytes, big) << shift) as i64 >> shift)
        }
        _ => vm.new_int(get(bytes, big)),
    }
}

impl Layout {
    /// The bytes of as many values as the layout takes.
    pub(crate) fn pack(&self, vm: &mut Vm, values: &[Value]) -> PyResult<Vec<u8>> {
        let mut out = Vec::new();
        if out.try_reserve_exact(self.size).is_err() {
            return Err(vm.memory_error());
        }
        out.resize(self.size, 0u8);
        let mut values = values.iter();
        for code in &self.codes {
            for i in 0..code.count {
                let start = code.offset + i * code.size;
                let (Some(value), Some(place)) = (values.next(), out.get_mut(start..start + code.size)) else { continue };
                pack_one(vm, *code, self.big, value, place)?;
            }
        }
        Ok(out)
    }

    /// The values that stand in just as many bytes as the layout has.
    pub(crate) fn unpack(&self, vm: &mut Vm, bytes: &[u8]) -> PyResult<Py<Tuple>> {
        let mut items = Vec::with_capacity(self.items.min(bytes.len() + 16));
        for code in &self.codes {
            for i in 0..code.count {
                let start = code.offset + i * code.size;
                items.push(unpack_one(vm, *code, self.big, bytes.get(start..start + code.size).unwrap_or_default())?);
            }
        }
        vm.new_tuple(items)
    }

    fn check_count(&self, vm: &mut Vm, function: &str, given: usize) -> PyResult<()> {
        if given == self.items {
            return Ok(());
        }
        let want = self.items;
        Err(error(vm, format!("{function} expected {want} items for packing (got {given})")))
    }
}

/// Struct(fmt) --> compiled struct object
#[pyclass(name = "Struct", module = "_struct", flags(BASETYPE), gc, managed)]
struct Struct {
    #[traverse(skip)]
    layout: GilCell<std::rc::Rc<Layout>>,
    format: GilCell<Option<Value>>,
    ready: Cell<bool>,
}

fn format_bytes(vm: &mut Vm, format: &Value) -> PyResult<(Vec<u8>, Value)> {
    if let Some(s) = format.downcast::<Str>() {
        let bytes = vm.encode_to_bytes(s, "ascii", "strict")?;
        return Ok((vm.bytes_of(&bytes)?, format.clone()));
    }
    match format.downcast::<Bytes>() {
        Some(b) => {
            let text = vm.new_str_latin1(b.as_bytes())?.into_value();
            Ok((b.as_bytes().to_vec(), text))
        }
        None => {
            let name = format.type_name();
            Err(vm.type_error(format!("Struct() argument 1 must be a str or bytes object, not {name}")))
        }
    }
}

/// The compiled form of a format, `str` or `bytes`.
pub(crate) fn layout_of(vm: &mut Vm, format: &Value) -> PyResult<std::rc::Rc<Layout>> {
    let (bytes, _) = format_bytes(vm, format)?;
    parse(vm, &bytes).map(std::rc::Rc::new)
}

fn do_unpack(vm: &mut Vm, layout: &Layout, buffer: &Value) -> PyResult<Py<Tuple>> {
    let bytes = vm.byte_view(buffer)?;
    if bytes.len() != layout.size {
        return Err(error(vm, format!("unpack requires a buffer of {} bytes", layout.size)));
    }
    layout.unpack(vm, &bytes)
}

fn do_unpack_from(vm: &mut Vm, layout: &Layout, buffer: &Value, offset: isize) -> PyResult<Py<Tuple>> {
    let bytes = vm.byte_view(buffer)?;
    let (len, size) = (bytes.len(), layout.size);
    let mut at = offset;
    if offset < 0 {
        if offset.saturating_add_unsigned(size) > 0 {
            return Err(error(vm, format!("not enough data to unpack {size} bytes at offset {offset}")));
        }
        at = offset.saturating_add_unsigned(len);
        if at < 0 {
            return Err(error(vm, format!("offset {offset} out of range for {len}-byte buffer")));
        }
    }
    let at = at as usize;
    match at.checked_add(size).and_then(|end| bytes.get(at..end)) {
        Some(part) => layout.unpack(vm, part),
        None => {
            let need = at.saturating_add(size);
            Err(error(
                vm,
                format!("unpack_from requires a buffer of at least {need} bytes for unpacking {size} bytes at offset {at} (actual buffer size is {len})"),
            ))
        }
    }
}

fn do_pack_into(vm: &mut Vm, layout: &Layout, args: &[Value]) -> PyResult<()> {
    let (target, offset, values) = match args {
        [] => return Err(error(vm, "pack_into expected buffer argument")),
        [_] => return Err(error(vm, "pack_into expected offset argument")),
        [target, offset, values @ ..] => (target, offset, values),
    };
    layout.check_count(vm, "pack_into", values.len())?;
    let buffer = match vm.is_bytes_like(target).then(|| vm.buffer(target, flags::WRITABLE)) {
        Some(Ok(buffer)) => buffer,
        Some(Err(_)) | None => {
            let name = target.type_name();
            return Err(vm.type_error(format!("argument must be read-write bytes-like object, not {name}")));
        }
    };
    let result = pack_into_buffer(vm, layout, &buffer, offset, values);
    buffer.release(vm);
    result
}

fn pack_into_buffer(vm: &mut Vm, layout: &Layout, buffer: &krait_runtime::protocol::buffer::Buffer, offset: &Value, values: &[Value]) -> PyResult<()> {
    let given = vm.as_count(offset)?;
    let (len, size) = (buffer.len_bytes(), layout.size);
    let mut at = given;
    if given < 0 {
        if given.saturating_add_unsigned(size) > 0 {
            return Err(error(vm, format!("no space to pack {size} bytes at offset {given}")));
        }
        at = given.saturating_add_unsigned(len);
        if at < 0 {
            return Err(error(vm, format!("offset {given} out of range for {len}-byte buffer")));
        }
    }
    let at = at as usize;
    if at.checked_add(size).is_none_or(|end| end > len) {
        let need = at.saturating_add(size);
        return Err(error(
            vm,
            format!("pack_into requires a buffer of at least {need} bytes for packing {size} bytes at offset {at} (actual buffer size is {len})"),
        ));
    }
    let bytes = layout.pack(vm, values)?;
    let start = usize::try_from(buffer.offset).unwrap_or(0) + at;
    if let Some(place) = (buffer.ops.bytes_mut)(vm, &buffer.owner).and_then(|m| m.get_mut(start..start + bytes.len())) {
        place.copy_from_slice(&bytes);
    }
    Ok(())
}

fn do_iter(vm: &mut Vm, layout: std::rc::Rc<Layout>, buffer: &Value) -> PyResult<Py<UnpackIterator>> {
    let size = layout.size;
    if size == 0 {
        return Err(error(vm, "cannot iteratively unpack with a struct of length 0"));
    }
    let len = vm.byte_view(buffer)?.len();
    if len % size != 0 {
        return Err(error(vm, format!("iterative unpacking requires a buffer of a multiple of {size} bytes")));
    }
    vm.new_object(UnpackIterator { layout, buffer: GilCell::new(Some(buffer.clone())), at: Cell::new(0), len })
}

/// Iterator over a buffer, a structure at a time.
#[pyclass(name = "unpack_iterator", module = "_struct", flags(DISALLOW_INSTANTIATION), gc)]
struct UnpackIterator {
    #[traverse(skip)]
    layout: std::rc::Rc<Layout>,
    buffer: GilCell<Option<Value>>,
    at: Cell<usize>,
    len: usize,
}

#[pymethods]
impl UnpackIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<UnpackIterator>) -> Py<UnpackIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let Some(buffer) = self.buffer.load(vm) else { return Ok(None) };
        let at = self.at.get();
        if at >= self.len {
            let old = self.buffer.replace(vm, None);
            drop(old);
            return Ok(None);
        }
        self.at.set(at + self.layout.size);
        do_unpack_from(vm, &self.layout, &buffer, at as isize).map(|t| Some(t.into_value()))
    }

    /// How many structures are left.
    #[method(name = "__length_hint__")]
    fn length_hint(&self) -> usize {
        self.len.saturating_sub(self.at.get()) / self.layout.size.max(1)
    }
}

#[pymethods]
impl Struct {
    #[new]
    #[allow(clippy::new_ret_no_self)]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Struct>> {
        let _ = args;
        vm.new_instance(cls, Struct { layout: GilCell::default(), format: GilCell::new(None), ready: Cell::new(false) })
    }

    #[init(sig = "(format)")]
    fn init(&self, format: &Value, vm: &mut Vm) -> PyResult<()> {
        let (bytes, text) = format_bytes(vm, format)?;
        let layout = parse(vm, &bytes)?;
        self.layout.replace(vm, std::rc::Rc::new(layout));
        let old = self.format.replace(vm, Some(text));
        drop(old);
        self.ready.set(true);
        Ok(())
    }

    /// The format string.
    #[getter]
    fn format(&self, vm: &mut Vm) -> PyResult {
        match self.format.load(vm) {
            Some(format) => Ok(format),
            None => Err(vm.runtime_error("Struct object is not initialized")),
        }
    }

    /// Bytes of a structure.
    #[getter]
    fn size(&self, vm: &mut Vm) -> PyResult {
        if self.ready.get() {
            let size = self.layout.get(vm).size;
            return vm.new_int(size);
        }
        Ok(Value::from_i32(-1))
    }

    /// The bytes that values stand in.
    #[method]
    fn pack(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        let layout = self.layout(vm)?;
        args.no_keywords(vm, "Struct.pack")?;
        layout.check_count(vm, "pack", args.positional().len())?;
        let bytes = layout.pack(vm, args.positional())?;
        vm.new_bytes(&bytes)
    }

    /// Put values into a writable buffer at an offset.
    #[method]
    fn pack_into(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let layout = self.layout(vm)?;
        args.no_keywords(vm, "Struct.pack_into")?;
        do_pack_into(vm, &layout, args.positional())
    }

    /// The values that stand in a buffer of just the size.
    #[method]
    fn unpack(&self, buffer: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let layout = self.layout(vm)?;
        do_unpack(vm, &layout, buffer)
    }

    /// The values that stand in a buffer at an offset.
    #[method(sig = "(buffer, offset=0)")]
    fn unpack_from(&self, buffer: &Value, offset: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let layout = self.layout(vm)?;
        do_unpack_from(vm, &layout, buffer, offset)
    }

    /// An iterator that unpacks one structure after the other.
    #[method]
    fn iter_unpack(&self, buffer: &Value, vm: &mut Vm) -> PyResult<Py<UnpackIterator>> {
        let layout = self.layout(vm)?;
        do_iter(vm, layout, buffer)
    }

    /// Bytes of memory that the object takes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> PyResult<usize> {
        let layout = self.layout(vm)?;
        Ok(56 + 32 * (layout.codes.len() + 1))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Struct>, vm: &mut Vm) -> PyResult<String> {
        let name = zelf.as_value().ty().name.load(vm);
        let name = name.and_then(|n| n.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())).unwrap_or_default();
        let format = zelf.format(vm)?;
        let format = vm.repr(&format)?;
        Ok(format!("{name}({})", format.to_string_lossy()))
    }
}

impl Struct {
    fn layout(&self, vm: &mut Vm) -> PyResult<std::rc::Rc<Layout>> {
        if self.ready.get() { Ok(self.layout.load(vm)) } else { Err(vm.runtime_error("Struct object is not initialized")) }
    }
}

fn first<'a>(vm: &mut Vm, args: Args<'a>, name: &str) -> PyResult<(std::rc::Rc<Layout>, &'a [Value])> {
    args.no_keywords(vm, &format!("_struct.{name}"))?;
    match args.positional().split_first() {
        Some((format, rest)) => Ok((layout_of(vm, format)?, rest)),
        None => Err(vm.type_error("missing format argument")),
    }
}

/// Bytes of the structure that a format describes.
#[pyfunction(sig = "(format, /)")]
fn calcsize(format: &Value, vm: &mut Vm) -> PyResult<usize> {
    Ok(layout_of(vm, format)?.size)
}

/// The bytes that values stand in.
#[pyfunction]
fn pack(args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    let (layout, values) = first(vm, args, "pack")?;
    layout.check_count(vm, "pack", values.len())?;
    let bytes = layout.pack(vm, values)?;
    vm.new_bytes(&bytes)
}

/// Put values into a writable buffer at an offset.
#[pyfunction]
fn pack_into(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let (layout, rest) = first(vm, args, "pack_into")?;
    do_pack_into(vm, &layout, rest)
}

/// The values that stand in a buffer of just the size.
#[pyfunction(sig = "(format, buffer, /)")]
fn unpack(format: &Value, buffer: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let layout = layout_of(vm, format)?;
    do_unpack(vm, &layout, buffer)
}

/// The values that stand in a buffer at an offset.
#[pyfunction(sig = "(format, /, buffer, offset=0)")]
fn unpack_from(format: &Value, buffer: &Value, offset: isize, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let layout = layout_of(vm, format)?;
    do_unpack_from(vm, &layout, buffer, offset)
}

/// An iterator that unpacks one structure after the other.
#[pyfunction(sig = "(format, buffer, /)")]
fn iter_unpack(format: &Value, buffer: &Value, vm: &mut Vm) -> PyResult<Py<UnpackIterator>> {
    let layout = layout_of(vm, format)?;
    do_iter(vm, layout, buffer)
}

/// Forget compiled formats: there are none to forget.
#[pyfunction(sig = "()")]
fn _clearcache() {}

module! {
    "_struct",
    doc: "Conversion between Python values and C structs.",
    functions: [_clearcache, calcsize, iter_unpack, pack, pack_into, unpack, unpack_from],
    types: [Struct, StructError],
}
