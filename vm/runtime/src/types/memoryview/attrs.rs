//! `memoryview`: construction, attributes, release, comparison and text forms.

use super::{MemoryView, View, items};
use crate::protocol::buffer::{self, Buffer};
use crate::types::bytes::{Bytes, ops};
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pymethods};

fn numbers(vm: &mut Vm, values: &[isize]) -> PyResult<Py<Tuple>> {
    let mut items = Vec::with_capacity(values.len());
    for &v in values {
        items.push(vm.new_int(v)?);
    }
    vm.new_tuple(items)
}

impl MemoryView {
    /// Whether two views have equal items in the same shape.
    fn equal(vm: &mut Vm, a: &Buffer, b: &Buffer) -> PyResult<bool> {
        // Behind a dimension without items nothing counts.
        let seen = |shape: &[isize]| shape.iter().position(|&n| n == 0).map_or(shape.len(), |i| i + 1);
        if a.shape.len() != b.shape.len() || a.shape.get(..seen(&a.shape)) != b.shape.get(..seen(&b.shape)) {
            return Ok(false);
        }
        let (left, right) = (a.to_vec(vm), b.to_vec(vm));
        let (fa, fb) = (items::single(&a.format), items::single(&b.format));
        let (Some(fa), Some(fb)) = (fa, fb) else { return MemoryView::equal_by_struct(vm, a, b, &left, &right) };
        if fa == fb && !matches!(fa, b'e' | b'f' | b'd' | b'?') {
            return Ok(left == right);
        }
        if a.itemsize == 0 || b.itemsize == 0 {
            return Ok(true);
        }
        for (x, y) in left.chunks(a.itemsize).zip(right.chunks(b.itemsize)) {
            let (x, y) = (items::unpack(vm, fa, x)?, items::unpack(vm, fb, y)?);
            if !vm.rich_compare(&x, &y, CompareOp::Eq).and_then(|r| vm.is_true(&r))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Formats that are not native go through the `struct` module; what it does not know is unequal.
    fn equal_by_struct(vm: &mut Vm, a: &Buffer, b: &Buffer, left: &[u8], right: &[u8]) -> PyResult<bool> {
        let import = vm.builtin_named("__import__")?;
        let name = vm.new_str("struct")?.into_value();
        let module = vm.call(&import, &[name])?;
        let unpack = vm.getattr_str(&module, "iter_unpack")?;
        let mut lists = Vec::new();
        for (buffer, bytes) in [(a, left), (b, right)] {
            let format = vm.new_str(&buffer.format)?.into_value();
            let bytes = vm.new_bytes(bytes)?.into_value();
            let Ok(iterator) = vm.call(&unpack, &[format, bytes]) else { return Ok(false) };
            lists.push(vm.collect(&iterator)?);
        }
        let [xs, ys] = lists.as_slice() else { return Ok(false) };
        for (x, y) in xs.iter().zip(ys) {
            if !vm.eq(x, y)? {
                return Ok(false);
            }
        }
        Ok(xs.len() == ys.len())
    }

    /// The items of dimension `dim` from `at` on as nested lists.
    fn lists(vm: &mut Vm, view: &View, format: u8, bytes: &[u8], at: &mut usize, dim: usize) -> PyResult {
        let Some(&n) = view.shape.get(dim) else {
            let start = *at;
            *at += view.itemsize;
            return items::unpack(vm, format, bytes.get(start..*at).unwrap_or_default());
        };
        let mut out = Vec::new();
        for _ in 0..n {
            let item = MemoryView::lists(vm, view, format, bytes, at, dim + 1)?;
            vm.append(&mut out, item)?;
        }
        Ok(vm.new_list(out)?.into_value())
    }

    /// The native format, or NotImplementedError.
    pub(super) fn native(vm: &mut Vm, view: &View) -> PyResult<u8> {
        match items::single(&view.format) {
            Some(format) => Ok(format),
            None => {
                let format = view.format.clone();
                if format.trim_start_matches('@').len() == 1 {
                    return Err(vm.not_implemented_error(format!("memoryview: format {format} not supported")));
                }
                Err(vm.not_implemented_error(format!("memoryview: unsupported format {format}")))
            }
        }
    }
}

#[pymethods(parts(INDEX, CAST))]
impl MemoryView {
    #[new]
    #[allow(clippy::new_ret_no_self)]
    fn py_new(cls: &Py<PyType>, args: crate::Args<'_>, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        use crate::args::{ArgSpec, Param};
        static SPEC: ArgSpec =
            ArgSpec { name: "memoryview", params: &[Param { name: "object", required: true }], required: 1, positional: 1, posonly: 0, raw: false };
        let _ = cls;
        let given = args.values().len();
        if given > 1 {
            return Err(vm.type_error(format!("memoryview() takes at most 1 argument ({given} given)")));
        }
        let mut bound = [None; 1];
        SPEC.bind(vm, args, &mut bound)?;
        let [Some(object)] = bound else { return Err(SPEC.missing(vm, 0)) };
        vm.new_memoryview(object, buffer::flags::FULL_RO)
    }

    /// A view of an object's memory, asked for with the given flags.
    #[classmethod(sig = "(object, flags)")]
    fn _from_flags(cls: &Py<PyType>, object: &Value, flags: i32, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        let _ = cls;
        vm.new_memoryview(object, flags as u32)
    }

    /// For annotations.
    #[classmethod(name = "__class_getitem__")]
    fn class_getitem(cls: &Py<PyType>, object: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), object.clone())
    }

    /// The object whose memory is seen.
    #[getter]
    fn obj(&self, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        Ok(self.source.object())
    }

    /// Bytes that the items take together.
    #[getter]
    fn nbytes(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.check(vm)?.nbytes())
    }

    /// Bytes an item.
    #[getter]
    fn itemsize(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.check(vm)?.itemsize)
    }

    /// The format of an item, as in the struct module.
    #[getter]
    fn format(&self, vm: &mut Vm) -> PyResult<String> {
        Ok(self.check(vm)?.format.to_string())
    }

    /// How many items there are in each dimension.
    #[getter]
    fn shape(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let view = self.check(vm)?;
        numbers(vm, &view.shape)
    }

    /// How many bytes lie between items in each dimension.
    #[getter]
    fn strides(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let view = self.check(vm)?;
        numbers(vm, &view.strides)
    }

    /// For memory behind pointers.
    #[getter]
    fn suboffsets(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let view = self.check(vm)?;
        numbers(vm, &view.suboffsets)
    }

    /// How many dimensions there are.
    #[getter]
    fn ndim(&self, vm: &mut Vm) -> PyResult<usize> {
        Ok(self.check(vm)?.shape.len())
    }

    /// Whether the memory cannot be written.
    #[getter]
    fn readonly(&self, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.check(vm)?.readonly)
    }

    /// Whether the items stand in a row, the last index changing fastest.
    #[getter]
    fn c_contiguous(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult<bool> {
        zelf.check(vm)?;
        Ok(MemoryView::as_buffer(zelf).is_c_contiguous())
    }

    /// Whether the items stand in a row, the first index changing fastest.
    #[getter]
    fn f_contiguous(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult<bool> {
        zelf.check(vm)?;
        Ok(MemoryView::as_buffer(zelf).is_f_contiguous())
    }

    /// Whether the items stand in a row.
    #[getter]
    fn contiguous(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult<bool> {
        zelf.check(vm)?;
        let buffer = MemoryView::as_buffer(zelf);
        Ok(buffer.is_c_contiguous() || buffer.is_f_contiguous())
    }

    /// Bytes of memory that the view takes, with shape, strides and suboffsets.
    #[method(name = "__sizeof__")]
    fn sizeof(&self) -> usize {
        144 + 3 * size_of::<isize>() * self.view.shape.len()
    }

    /// Give up a view of this view.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<MemoryView>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }

    /// Give the memory back to the object.
    #[method(sig = "()")]
    fn release(&self, vm: &mut Vm) -> PyResult<()> {
        self.release_now(vm)
    }

    /// The view itself.
    #[method(name = "__enter__")]
    fn enter(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        zelf.check(vm)?;
        Ok(zelf.clone())
    }

    /// Give the memory back.
    #[method(name = "__exit__", text = "(*exc_info)")]
    fn exit(&self, args: crate::Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let _ = args;
        self.release_now(vm)
    }

    /// A copy of the items' bytes, in C order ('C'), in the other order ('F') or as they stand ('A').
    #[method(sig = "(order='C')", text = "($self, /, order='C')")]
    fn tobytes(zelf: &Py<MemoryView>, order: Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        zelf.check(vm)?;
        let fortran = match order.downcast::<Str>().and_then(|s| s.as_ascii().map(str::to_owned)).as_deref() {
            None if order.is_none() => false,
            Some("C") => false,
            Some("F") => true,
            Some("A") => MemoryView::as_buffer(zelf).is_f_contiguous(),
            None if !order.is::<Str>() => {
                let name = order.type_name();
                return Err(vm.type_error(format!("tobytes() argument 'order' must be str or None, not {name}")));
            }
            _ => return Err(vm.value_error("order must be 'C', 'F' or 'A'")),
        };
        let buffer = MemoryView::as_buffer(zelf);
        vm.require_room(buffer.len_bytes())?;
        let bytes = if fortran { buffer.to_vec_fortran(vm) } else { buffer.to_vec(vm) };
        vm.new_bytes(&bytes)
    }

    /// The items as a list, of lists if there is more than one dimension.
    #[method(sig = "()")]
    fn tolist(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult {
        let view = zelf.check(vm)?;
        let format = MemoryView::native(vm, view)?;
        vm.require_room(MemoryView::as_buffer(zelf).len_bytes())?;
        let bytes = MemoryView::bytes_of(zelf, vm);
        MemoryView::lists(vm, view, format, &bytes, &mut 0, 0)
    }

    /// The bytes in hexadecimal; see bytes.hex().
    #[method(sig = "(sep=?, bytes_per_sep=1)", text = "($self, /, sep=<unrepresentable>, bytes_per_sep=1)")]
    fn hex(zelf: &Py<MemoryView>, sep: Option<&Value>, bytes_per_sep: i32, vm: &mut Vm) -> PyResult<Py<Str>> {
        zelf.check(vm)?;
        zelf.exports.set(zelf.exports.get() + 1);
        let sep = ops::hex_args(vm, sep, bytes_per_sep, 0x80);
        zelf.exports.set(zelf.exports.get().saturating_sub(1));
        let sep = sep?;
        zelf.check(vm)?;
        vm.require_room(MemoryView::as_buffer(zelf).len_bytes())?;
        let bytes = MemoryView::bytes_of(zelf, vm);
        let text = ops::hex(vm, &bytes, sep)?;
        vm.new_str_latin1(&text)
    }

    /// A view of the same memory through which it cannot be written.
    #[method(sig = "()")]
    fn toreadonly(&self, vm: &mut Vm) -> PyResult<Py<MemoryView>> {
        let view = View { readonly: true, ..self.check(vm)?.clone() };
        self.other(vm, view)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<MemoryView>) -> String {
        let released = if zelf.released.get() { "released " } else { "" };
        format!("<{released}memory at {:#x}>", zelf.as_value().id())
    }

    #[slot(hash)]
    fn slot_hash(zelf: &Py<MemoryView>, vm: &mut Vm) -> PyResult<i64> {
        if zelf.hash.get() != -1 {
            return Ok(zelf.hash.get());
        }
        let view = zelf.check(vm)?;
        if !view.readonly {
            return Err(vm.value_error("cannot hash writable memoryview object"));
        }
        if !matches!(items::single(&view.format), Some(b'B' | b'b' | b'c')) {
            return Err(vm.value_error("memoryview: hashing is restricted to formats 'B', 'b' or 'c'"));
        }
        let owner = zelf.source.object();
        zelf.exports.set(zelf.exports.get() + 1);
        let hashed = vm.hash(&owner);
        zelf.exports.set(zelf.exports.get().saturating_sub(1));
        hashed?;
        let hash = vm.interp.hash_bytes(&MemoryView::bytes_of(zelf, vm));
        zelf.hash.set(hash);
        Ok(hash)
    }

    #[slot(richcompare)]
    fn slot_richcompare(zelf: &Py<MemoryView>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let wants_equal = match op {
            CompareOp::Eq => true,
            CompareOp::Ne => false,
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => return Ok(Value::not_implemented()),
        };
        let answer = |equal: bool| Ok(Value::from_bool(equal == wants_equal));
        if zelf.released.get() || zelf.source.released.get() {
            return answer(zelf.as_value().is_same(other));
        }
        if let Some(view) = other.downcast::<MemoryView>()
            && (view.released.get() || view.source.released.get()) {
                return answer(zelf.is(view));
            }
        let theirs = match vm.is_bytes_like(other) {
            true => vm.buffer(other, buffer::flags::FULL_RO).ok(),
            false => None,
        };
        let Some(theirs) = theirs else { return Ok(Value::not_implemented()) };
        zelf.exports.set(zelf.exports.get() + 1);
        let mine = MemoryView::as_buffer(zelf);
        let equal = MemoryView::equal(vm, &mine, &theirs);
        mine.release(vm);
        theirs.release(vm);
        answer(equal?)
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<MemoryView>, flags: u32, vm: &mut Vm) -> PyResult<Buffer> {
        use buffer::flags as f;
        zelf.check(vm)?;
        zelf.check_unrestricted(vm)?;
        let mut made = MemoryView::as_buffer(zelf);
        let wants = |bits: u32| flags & bits == bits;
        let refused = if wants(f::WRITABLE) && made.readonly {
            Some("memoryview: underlying buffer is not writable")
        } else if wants(f::C_CONTIGUOUS) && !made.is_c_contiguous() {
            Some("memoryview: underlying buffer is not C-contiguous")
        } else if wants(f::F_CONTIGUOUS) && !made.is_f_contiguous() {
            Some("memoryview: underlying buffer is not Fortran contiguous")
        } else if wants(f::ANY_CONTIGUOUS) && !made.is_c_contiguous() && !made.is_f_contiguous() {
            Some("memoryview: underlying buffer is not contiguous")
        } else if !wants(f::INDIRECT) && !made.suboffsets.is_empty() {
            Some("memoryview: underlying buffer requires suboffsets")
        } else if !wants(f::STRIDES) && !made.is_c_contiguous() {
            Some("memoryview: underlying buffer is not C-contiguous")
        } else if !wants(f::ND) && wants(f::FORMAT) {
            Some("memoryview: cannot cast to unsigned bytes if the format flag is present")
        } else {
            None
        };
        if let Some(message) = refused {
            return Err(vm.buffer_error(message));
        }
        if !wants(f::FORMAT) {
            made.format = "B".into();
        }
        zelf.exports.set(zelf.exports.get() + 1);
        Ok(made)
    }
}
