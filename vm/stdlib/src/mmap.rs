//! `mmap`: files and anonymous memory mapped into the process.
//!
//! The map is made with the C library's calls, as all flags and protections of the system can be given and maps can grow where they stand.
//! Its memory is looked at through the token only. What is not there: protection from a file that others cut short while it is mapped; the
//! system kills a process that looks behind the end of the file.
#![allow(unsafe_code, reason = "maps memory")]

use crate::audit::audit;
use crate::oserror::{self, check, errno, sys};
use krait_runtime::args::{ArgSpec, Param};
use krait_runtime::protocol::buffer::{Buffer, BufferOps, flags, itself};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::bytes::ops::find as find_in;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::slice::{Slice, SliceRange};
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, module, pyclass, pymethods};
use std::cell::Cell;

const DEFAULT: i32 = 0;
const READ: i32 = 1;
const WRITE: i32 = 2;
const COPY: i32 = 3;

/// A mapped piece of memory, which can be read, written, searched and sliced like a bytearray, and read and written like a file.
///
/// mmap(fileno, length, flags=MAP_SHARED, prot=PROT_READ|PROT_WRITE, access=ACCESS_DEFAULT, offset=0, *, trackfd=True)
///
/// With fileno -1 the memory belongs to no file; with length 0 all of the file from offset on is mapped.
#[pyclass(name = "mmap", module = "mmap", flags(BASETYPE, NO_DICT), managed)]
struct Mmap {
    /// Where the map is; 0 when it is closed.
    address: Cell<usize>,
    len: Cell<usize>,
    pos: Cell<usize>,
    offset: i64,
    /// The map's own descriptor, or -1.
    fd: Cell<i32>,
    track: bool,
    access: i32,
    flags: i32,
    /// The system lets the memory be read.
    readable: bool,
    exports: Cell<usize>,
}

impl Drop for Mmap {
    fn drop(&mut self) {
        self.unmap();
    }
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    match owner.downcast::<Mmap>() {
        Some(map) => {
            let map: &'a Mmap = map;
            map.bytes(vm)
        }
        None => &[],
    }
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    let map: &'a Mmap = owner.downcast::<Mmap>()?;
    if map.access == READ { None } else { Some(map.bytes_mut(vm)) }
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(map) = owner.downcast::<Mmap>() {
        map.exports.set(map.exports.get().saturating_sub(1));
    }
}

static OPS: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object: itself };

static NEW: ArgSpec = ArgSpec {
    name: "mmap",
    params: &[
        Param { name: "fileno", required: true },
        Param { name: "length", required: true },
        Param { name: "flags", required: false },
        Param { name: "prot", required: false },
        Param { name: "access", required: false },
        Param { name: "offset", required: false },
        Param { name: "trackfd", required: false },
    ],
    required: 2,
    positional: 6,
    posonly: 0,
    raw: false,
};

fn int(vm: &mut Vm, value: Option<&Value>, default: i32) -> PyResult<i32> {
    let Some(value) = value else { return Ok(default) };
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).and_then(|n| i32::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn count(vm: &mut Vm, value: &Value) -> PyResult<isize> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).and_then(|n| isize::try_from(n).ok()) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error("Python int too large to convert to C ssize_t")),
    }
}

/// The length of a map of a file from `offset` on, checked against the file's size.
fn fitting(vm: &mut Vm, fd: i32, len: usize, offset: i64) -> PyResult<usize> {
    let mut st = crate::posix::stat::empty();
    if fd == -1 || sys!(libc::fstat(fd, &raw mut st)) != 0 || st.st_mode & libc::S_IFMT != libc::S_IFREG {
        return Ok(len);
    }
    let rest = usize::try_from(st.st_size.saturating_sub(offset));
    match (len, rest) {
        (0, _) if st.st_size == 0 => Err(vm.value_error("cannot mmap an empty file")),
        (0, Ok(rest)) if rest > 0 => Ok(rest),
        (0, _) => Err(vm.value_error("mmap offset is greater than file size")),
        (len, Ok(rest)) if len <= rest => Ok(len),
        _ => Err(vm.value_error("mmap length is greater than file size")),
    }
}

/// The access, flags and protection of a map.
fn modes(vm: &mut Vm, access: i32, flags: i32, prot: i32) -> PyResult<(i32, i32, i32)> {
    const BOTH: i32 = libc::PROT_READ | libc::PROT_WRITE;
    if access != DEFAULT && (flags != libc::MAP_SHARED || prot != BOTH) {
        return Err(vm.value_error("mmap can't specify both access, flags and/or prot."));
    }
    match access {
        READ => Ok((READ, libc::MAP_SHARED, libc::PROT_READ)),
        WRITE => Ok((WRITE, libc::MAP_SHARED, BOTH)),
        COPY => Ok((COPY, libc::MAP_PRIVATE, BOTH)),
        DEFAULT if prot & BOTH == BOTH => Ok((DEFAULT, flags, prot)),
        DEFAULT if prot & libc::PROT_WRITE != 0 => Ok((WRITE, flags, prot)),
        DEFAULT => Ok((READ, flags, prot)),
        _ => Err(vm.value_error("mmap invalid access parameter.")),
    }
}

impl Mmap {
    fn unmap(&self) {
        let (address, fd) = (self.address.replace(0), self.fd.replace(-1));
        if fd >= 0 {
            sys!(libc::close(fd));
        }
        if address != 0 {
            sys!(libc::munmap(std::ptr::with_exposed_provenance_mut(address), self.len.get()));
        }
    }

    fn bytes<'a>(&'a self, _: &'a Vm) -> &'a [u8] {
        if self.address.get() == 0 || !self.readable {
            return &[];
        }
        // SAFETY: the map is `len` bytes long and readable. It ends only in `close` and `resize`, which need the token that this borrow holds.
        unsafe { std::slice::from_raw_parts(std::ptr::with_exposed_provenance(self.address.get()), self.len.get()) }
    }

    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    fn bytes_mut<'a>(&'a self, _: &'a mut Vm) -> &'a mut [u8] {
        if self.address.get() == 0 || self.access == READ {
            return &mut [];
        }
        // SAFETY: as in `bytes`; a map that is not for reading only has been made writable.
        unsafe { std::slice::from_raw_parts_mut(std::ptr::with_exposed_provenance_mut(self.address.get()), self.len.get()) }
    }

    fn check(&self, vm: &mut Vm) -> PyResult<()> {
        if self.address.get() == 0 { Err(vm.value_error("mmap closed or invalid")) } else { Ok(()) }
    }

    fn check_readable(&self, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        if self.readable { Ok(()) } else { Err(vm.type_error("mmap can't read memory that is not mapped for reading.")) }
    }

    fn check_writable(&self, vm: &mut Vm) -> PyResult<()> {
        if self.access == READ { Err(vm.type_error("mmap can't modify a readonly memory map.")) } else { Ok(()) }
    }

    fn check_resizable(&self, vm: &mut Vm) -> PyResult<()> {
        if self.exports.get() > 0 {
            return Err(vm.buffer_error("mmap can't resize with extant buffers exported."));
        }
        if !self.track {
            return Err(vm.value_error("mmap can't resize with trackfd=False."));
        }
        if self.access != DEFAULT && self.access != WRITE {
            return Err(vm.type_error("mmap can't resize a readonly or copy-on-write memory map."));
        }
        Ok(())
    }

    /// The place of an index, or IndexError.
    fn place(&self, vm: &mut Vm, key: &Value) -> PyResult<usize> {
        let index = vm.as_isize(key)?;
        self.check(vm)?;
        self.place_at(vm, index)
    }

    fn place_at(&self, vm: &mut Vm, index: isize) -> PyResult<usize> {
        let len = self.len.get();
        let i = if index < 0 { index.saturating_add_unsigned(len) } else { index };
        match usize::try_from(i).ok().filter(|&i| i < len) {
            Some(i) => Ok(i),
            None => Err(vm.index_error("mmap index out of range")),
        }
    }

    /// Bytes from the position on, which is moved behind them.
    fn take(&self, vm: &mut Vm, n: usize) -> PyResult<Py<Bytes>> {
        let start = self.pos.get().min(self.len.get());
        let end = start.saturating_add(n).min(self.len.get());
        let bytes = self.bytes(vm).get(start..end).unwrap_or_default().to_vec();
        self.pos.set(end);
        vm.new_bytes(&bytes)
    }

    fn search(&self, vm: &mut Vm, view: &Value, start: &Value, end: &Value, right: bool) -> PyResult<isize> {
        self.check_readable(vm)?;
        let wanted = vm.byte_view(view)?.to_vec();
        let len = self.len.get();
        let bound = |vm: &mut Vm, value: &Value, default: usize| -> PyResult<usize> {
            if value.is_none() {
                return Ok(default);
            }
            let i = count(vm, value)?;
            Ok(if i < 0 { usize::try_from(i.saturating_add_unsigned(len)).unwrap_or(0) } else { i as usize })
        };
        let (start, end) = (bound(vm, start, self.pos.get())?, bound(vm, end, len)?);
        self.check_readable(vm)?;
        let len = self.len.get();
        let (start, end) = (start.min(len), end.min(len));
        if end < start {
            return Ok(-1);
        }
        Ok(find_in(self.bytes(vm), &wanted, Some((start, end)), right).map_or(-1, |i| i as isize))
    }

    fn set_slice(&self, vm: &mut Vm, slice: &Py<Slice>, value: &Value) -> PyResult<()> {
        let (start, stop, step) = slice.unpack(vm)?;
        let bytes = vm.byte_view(value)?.to_vec();
        self.check(vm)?;
        let range = SliceRange::adjust(self.len.get(), start, stop, step);
        if bytes.len() != range.count {
            return Err(vm.index_error("mmap slice assignment is wrong size"));
        }
        let memory = self.bytes_mut(vm);
        for (at, byte) in range.indices().zip(bytes) {
            if let Some(place) = memory.get_mut(at) {
                *place = byte;
            }
        }
        Ok(())
    }
}

#[pymethods(parts(FILE))]
impl Mmap {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Mmap>> {
        let mut bound = [None; 7];
        NEW.bind(vm, args, &mut bound)?;
        let [fileno, length, flags, prot, access, offset, trackfd] = bound;
        let (Some(_), Some(length)) = (fileno, length) else { return Err(NEW.missing(vm, usize::from(fileno.is_some()))) };
        let fd = int(vm, fileno, -1)?;
        let length = count(vm, length)?;
        let (flags, prot) = (int(vm, flags, libc::MAP_SHARED)?, int(vm, prot, libc::PROT_READ | libc::PROT_WRITE)?);
        let access = int(vm, access, DEFAULT)?;
        let offset = offset.map_or(Ok(0), |v| count(vm, v))? as i64;
        let track = trackfd.map_or(Ok(true), |v| vm.is_true(v))?;
        audit!(vm, "mmap.__new__", fd, length as i64, access, offset)?;
        let Ok(len) = usize::try_from(length) else { return Err(vm.overflow_error("memory mapped length must be positive")) };
        if offset < 0 {
            return Err(vm.overflow_error("memory mapped offset must be positive"));
        }
        let (access, mut flags, prot) = modes(vm, access, flags, prot)?;
        let len = fitting(vm, fd, len, offset)?;
        let mut own = -1;
        if fd == -1 {
            flags |= libc::MAP_ANONYMOUS;
        } else if track {
            let copy = sys!(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0));
            own = check(vm, copy)?;
        }
        let map = Mmap {
            address: Cell::new(0),
            len: Cell::new(len),
            pos: Cell::new(0),
            offset,
            fd: Cell::new(own),
            track,
            access,
            flags,
            readable: prot & (libc::PROT_READ | libc::PROT_WRITE) != 0,
            exports: Cell::new(0),
        };
        let address = vm.allow_threads(|| sys!(libc::mmap(std::ptr::null_mut(), len, prot, flags, fd, offset)));
        if address == libc::MAP_FAILED {
            let code = errno();
            drop(map);
            return Err(oserror::os_error(vm, code));
        }
        map.address.set(address.expose_provenance());
        vm.new_instance(cls, map)
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Mmap>) -> String {
        let name = zelf.as_value().ty().tp_name();
        let name = if name == "mmap" { "mmap.mmap".to_owned() } else { name.to_string() };
        if zelf.address.get() == 0 {
            return format!("<{name} closed=True>");
        }
        let access = ["ACCESS_DEFAULT", "ACCESS_READ", "ACCESS_WRITE", "ACCESS_COPY"].get(zelf.access as usize).copied().unwrap_or("");
        format!("<{name} closed=False, access={access}, length={}, pos={}, offset={}>", zelf.len.get(), zelf.pos.get(), zelf.offset)
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        Ok(self.len.get())
    }

    #[slot(item)]
    fn slot_item(&self, index: isize, vm: &mut Vm) -> PyResult<Value> {
        self.check_readable(vm)?;
        let at = self.place_at(vm, index)?;
        let byte = self.bytes(vm).get(at).copied().unwrap_or(0);
        Ok(vm.new_bytes(&[byte])?.into_value())
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        self.check_readable(vm)?;
        if let Some(slice) = key.downcast::<Slice>() {
            let (start, stop, step) = slice.unpack(vm)?;
            self.check_readable(vm)?;
            let range = SliceRange::adjust(self.len.get(), start, stop, step);
            vm.require_room(range.count)?;
            let memory = self.bytes(vm);
            let bytes: Vec<u8> = if step == 1 {
                let start = range.start as usize;
                memory.get(start..start + range.count).unwrap_or_default().to_vec()
            } else {
                range.indices().filter_map(|i| memory.get(i).copied()).collect()
            };
            return Ok(vm.new_bytes(&bytes)?.into_value());
        }
        if IntRef::new(key).is_none() && key.type_ref().slots.nb_index.get().is_none() {
            return Err(vm.type_error("mmap indices must be integers"));
        }
        let at = self.place(vm, key)?;
        let byte = self.bytes(vm).get(at).copied().unwrap_or(0);
        Ok(Value::from_i32(i32::from(byte)))
    }

    #[slot(setitem)]
    fn slot_setitem(&self, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        self.check_writable(vm)?;
        if let Some(slice) = key.downcast::<Slice>() {
            return match value {
                Some(value) => self.set_slice(vm, slice, value),
                None => Err(vm.type_error("mmap object doesn't support slice deletion")),
            };
        }
        if IntRef::new(key).is_none() && key.type_ref().slots.nb_index.get().is_none() {
            return Err(vm.type_error("mmap indices must be integers"));
        }
        self.place(vm, key)?;
        let Some(value) = value else { return Err(vm.type_error("mmap doesn't support item deletion")) };
        if IntRef::new(value).is_none() && value.type_ref().slots.nb_index.get().is_none() {
            return Err(vm.type_error("mmap item value must be an int"));
        }
        let number = vm.as_isize_clipped(value)?;
        let Ok(byte) = u8::try_from(number) else { return Err(vm.value_error("mmap item value must be in range(0, 256)")) };
        let at = self.place(vm, key)?;
        if let Some(place) = self.bytes_mut(vm).get_mut(at) {
            *place = byte;
        }
        Ok(())
    }

    #[slot(buffer)]
    fn slot_buffer(zelf: &Py<Mmap>, request: u32, vm: &mut Vm) -> PyResult<Buffer> {
        zelf.check_readable(vm)?;
        vm.check_buffer_request(request)?;
        if zelf.access == READ && request & flags::WRITABLE != 0 {
            return Err(vm.buffer_error("Object is not writable."));
        }
        zelf.exports.set(zelf.exports.get() + 1);
        Ok(Buffer::simple(zelf.to_value(), &OPS, zelf.access == READ, zelf.len.get()))
    }

    /// Give up a memoryview of the map.
    #[method(name = "__release_buffer__", sig = "(buffer, /)")]
    fn release_buffer(zelf: &Py<Mmap>, buffer: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.release_view_of(zelf.as_value(), buffer)
    }

    /// Whether the map has been closed.
    #[getter]
    fn closed(&self) -> bool {
        self.address.get() == 0
    }

    /// The map itself.
    #[method(name = "__enter__")]
    fn enter(zelf: &Py<Mmap>, vm: &mut Vm) -> PyResult<Py<Mmap>> {
        zelf.check(vm)?;
        Ok(zelf.clone())
    }

    /// Close the map.
    #[method(name = "__exit__", sig = "(exc_type, exc_value, traceback, /)")]
    fn exit(zelf: &Py<Mmap>, exc_type: &Value, exc_value: &Value, traceback: &Value, vm: &mut Vm) -> PyResult {
        let _ = (exc_type, exc_value, traceback);
        let name = vm.intern("close");
        vm.call_method(zelf.as_value(), &name, &[])
    }

    /// End the map; it cannot be used after that.
    #[method(sig = "()")]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        if self.exports.get() > 0 {
            return Err(vm.buffer_error("cannot close exported pointers exist"));
        }
        self.unmap();
        Ok(())
    }

    /// The size of the file, which may be larger than the map.
    #[method(sig = "()")]
    fn size(&self, vm: &mut Vm) -> PyResult<i64> {
        self.check(vm)?;
        let mut st = crate::posix::stat::empty();
        let result = sys!(libc::fstat(self.fd.get(), &raw mut st));
        check(vm, result)?;
        Ok(st.st_size)
    }

    /// Change the size of the map, and of the file under it.
    #[method(sig = "(newsize, /)")]
    fn resize(&self, newsize: &Value, vm: &mut Vm) -> PyResult<()> {
        let new = count(vm, newsize)?;
        self.check(vm)?;
        self.check_resizable(vm)?;
        let Some(new) = usize::try_from(new).ok().filter(|&n| i64::try_from(n).is_ok_and(|n| n.checked_add(self.offset).is_some())) else {
            return Err(vm.value_error("new size out of range"));
        };
        let (old, fd) = (self.len.get(), self.fd.get());
        if fd == -1 && self.flags & libc::MAP_PRIVATE == 0 && new > old {
            return Err(vm.value_error("mmap: can't expand a shared anonymous mapping"));
        }
        if fd != -1 {
            let result = sys!(libc::ftruncate(fd, self.offset + new as i64));
            check(vm, result)?;
        }
        let address = std::ptr::with_exposed_provenance_mut(self.address.get());
        let moved = sys!(libc::mremap(address, old, new, libc::MREMAP_MAYMOVE));
        if moved == libc::MAP_FAILED {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        self.address.set(moved.expose_provenance());
        self.len.set(new);
        Ok(())
    }

    /// Write changes to the file.
    #[method(sig = "(offset=0, size=None, /)")]
    fn flush(&self, offset: isize, size: Value, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        let len = self.len.get() as isize;
        let size = if size.is_none() { len.saturating_sub(offset) } else { count(vm, &size)? };
        self.check(vm)?;
        if offset < 0 || size < 0 || len.saturating_sub(offset) < size {
            return Err(vm.value_error("flush values out of range"));
        }
        if self.access == READ || self.access == COPY {
            return Ok(());
        }
        let start = std::ptr::with_exposed_provenance_mut(self.address.get() + offset as usize);
        let result = vm.allow_threads(|| sys!(libc::msync(start, size as usize, libc::MS_SYNC)));
        check(vm, result).map(drop)
    }

    /// Advise the system how the memory will be used.
    #[method(sig = "(option, start=0, length=?, /)", text = "($self, option, start=0, length=None, /)")]
    fn madvise(&self, option: i32, start: isize, length: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        let len = self.len.get();
        let length = match length.filter(|l| !l.is_none()) {
            Some(length) => count(vm, length)?,
            None => len as isize,
        };
        self.check(vm)?;
        let Some(start) = usize::try_from(start).ok().filter(|&s| s < len) else { return Err(vm.value_error("madvise start out of bounds")) };
        let Ok(length) = usize::try_from(length) else { return Err(vm.value_error("madvise length invalid")) };
        if isize::MAX as usize - start < length {
            return Err(vm.overflow_error("madvise length too large"));
        }
        let length = length.min(len - start);
        let at = std::ptr::with_exposed_provenance_mut(self.address.get() + start);
        let result = sys!(libc::madvise(at, length, option));
        check(vm, result).map(drop)
    }
}

#[pymethods(part = FILE)]
impl Mmap {
    /// Copy count bytes from src to dest, which may overlap.
    #[method(sig = "(dest, src, count, /)")]
    fn r#move(&self, dest: isize, src: isize, count: isize, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        self.check_writable(vm)?;
        let len = self.len.get();
        let within = |at: isize, n: isize| usize::try_from(at).ok().zip(usize::try_from(n).ok()).filter(|&(at, n)| at <= len && n <= len - at);
        match (within(dest, count), within(src, count)) {
            (Some((dest, n)), Some((src, _))) => {
                self.bytes_mut(vm).copy_within(src..src + n, dest);
                Ok(())
            }
            _ => Err(vm.value_error("source, destination, or count out of range")),
        }
    }

    /// Bytes from the position on, all of them if n is missing, None or negative.
    #[method(sig = "(n=None, /)")]
    fn read(&self, n: Value, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        self.check_readable(vm)?;
        let n = if n.is_none() {
            usize::MAX
        } else if IntRef::new(&n).is_none() && n.type_ref().slots.nb_index.get().is_none() {
            let name = n.type_name();
            return Err(vm.type_error(format!("argument should be integer or None, not '{name}'")));
        } else {
            usize::try_from(vm.as_count(&n)?).unwrap_or(usize::MAX)
        };
        self.check_readable(vm)?;
        self.take(vm, n)
    }

    /// The byte at the position, as a number.
    #[method(sig = "()")]
    fn read_byte(&self, vm: &mut Vm) -> PyResult<i32> {
        self.check_readable(vm)?;
        let at = self.pos.get();
        match self.bytes(vm).get(at).copied() {
            Some(byte) => {
                self.pos.set(at + 1);
                Ok(i32::from(byte))
            }
            None => Err(vm.value_error("read byte out of range")),
        }
    }

    /// A line from the position on, with its newline.
    #[method(sig = "()")]
    fn readline(&self, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        self.check_readable(vm)?;
        let rest = self.bytes(vm).get(self.pos.get()..).unwrap_or_default();
        let n = rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |i| i + 1);
        self.take(vm, n)
    }

    /// Write bytes at the position; there must be room for them. Returns their number.
    #[method(sig = "(bytes, /)")]
    fn write(&self, bytes: &Value, vm: &mut Vm) -> PyResult<usize> {
        let data = vm.byte_view(bytes)?.to_vec();
        self.check(vm)?;
        self.check_writable(vm)?;
        let start = self.pos.get();
        let end = start.saturating_add(data.len());
        match self.bytes_mut(vm).get_mut(start..end) {
            Some(place) => place.copy_from_slice(&data),
            None => return Err(vm.value_error("data out of range")),
        }
        self.pos.set(end);
        Ok(data.len())
    }

    /// Write one byte, given by its number, at the position.
    #[method(sig = "(byte, /)")]
    fn write_byte(&self, byte: &Value, vm: &mut Vm) -> PyResult<()> {
        let index = vm.index(byte)?;
        let number = vm.int_as_i128(&index).unwrap_or(i128::MAX);
        let Ok(byte) = u8::try_from(number) else {
            let what = if number < 0 { "less than minimum" } else { "greater than maximum" };
            return Err(vm.overflow_error(format!("unsigned byte integer is {what}")));
        };
        self.check(vm)?;
        self.check_writable(vm)?;
        let at = self.pos.get();
        match self.bytes_mut(vm).get_mut(at) {
            Some(place) => *place = byte,
            None => return Err(vm.value_error("write byte out of range")),
        }
        self.pos.set(at + 1);
        Ok(())
    }

    /// The position.
    #[method(sig = "()")]
    fn tell(&self, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        Ok(self.pos.get())
    }

    /// Set the position, seen from the start, from itself or from the end; returns it.
    #[method(sig = "(pos, whence=0, /)")]
    fn seek(&self, pos: isize, whence: i32, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        let from = match whence {
            0 => 0,
            1 => self.pos.get(),
            2 => self.len.get(),
            _ => return Err(vm.value_error("unknown seek type")),
        };
        match usize::try_from(pos.saturating_add_unsigned(from)).ok().filter(|&at| at <= self.len.get()) {
            Some(at) => {
                self.pos.set(at);
                Ok(at)
            }
            None => Err(vm.value_error("seek out of range")),
        }
    }

    /// Whether the position can be set: always.
    #[method(sig = "()")]
    fn seekable(&self) -> bool {
        true
    }

    /// The lowest place of the bytes between start (the position by default) and end, or -1.
    #[method(sig = "(view, start=None, end=None, /)")]
    fn find(&self, view: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
        self.search(vm, view, &start, &end, false)
    }

    /// The highest place of the bytes between start (the position by default) and end, or -1.
    #[method(sig = "(view, start=None, end=None, /)")]
    fn rfind(&self, view: &Value, start: Value, end: Value, vm: &mut Vm) -> PyResult<isize> {
        self.search(vm, view, &start, &end, true)
    }
}

const CONSTANTS: &[(&str, i32)] = &[
    ("ACCESS_DEFAULT", DEFAULT), ("ACCESS_READ", READ), ("ACCESS_WRITE", WRITE), ("ACCESS_COPY", COPY),
    ("PROT_EXEC", libc::PROT_EXEC), ("PROT_READ", libc::PROT_READ), ("PROT_WRITE", libc::PROT_WRITE),
    ("MAP_SHARED", libc::MAP_SHARED), ("MAP_PRIVATE", libc::MAP_PRIVATE), ("MAP_DENYWRITE", libc::MAP_DENYWRITE),
    ("MAP_EXECUTABLE", libc::MAP_EXECUTABLE), ("MAP_ANON", libc::MAP_ANON), ("MAP_ANONYMOUS", libc::MAP_ANONYMOUS),
    ("MAP_POPULATE", libc::MAP_POPULATE), ("MAP_STACK", libc::MAP_STACK), ("MAP_NORESERVE", libc::MAP_NORESERVE),
    #[cfg(target_arch = "x86_64")]
    ("MAP_32BIT", libc::MAP_32BIT),
    ("MADV_NORMAL", libc::MADV_NORMAL), ("MADV_RANDOM", libc::MADV_RANDOM), ("MADV_SEQUENTIAL", libc::MADV_SEQUENTIAL),
    ("MADV_WILLNEED", libc::MADV_WILLNEED), ("MADV_DONTNEED", libc::MADV_DONTNEED), ("MADV_REMOVE", libc::MADV_REMOVE),
    ("MADV_DONTFORK", libc::MADV_DONTFORK), ("MADV_DOFORK", libc::MADV_DOFORK), ("MADV_HWPOISON", libc::MADV_HWPOISON),
    ("MADV_MERGEABLE", libc::MADV_MERGEABLE), ("MADV_UNMERGEABLE", libc::MADV_UNMERGEABLE), ("MADV_HUGEPAGE", libc::MADV_HUGEPAGE),
    ("MADV_NOHUGEPAGE", libc::MADV_NOHUGEPAGE), ("MADV_DONTDUMP", libc::MADV_DONTDUMP), ("MADV_DODUMP", libc::MADV_DODUMP),
    ("MADV_FREE", libc::MADV_FREE),
];

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for &(name, value) in CONSTANTS {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(value))?;
    }
    let page = sys!(libc::sysconf(libc::_SC_PAGESIZE));
    for name in ["PAGESIZE", "ALLOCATIONGRANULARITY"] {
        let (name, value) = (vm.intern(name), vm.new_int(page)?);
        dict.set_str(vm, &name, value)?;
    }
    let (name, class) = (vm.intern("error"), oserror::builtin(vm, "OSError")?);
    dict.set_str(vm, &name, class)
}

module! {
    "mmap",
    doc: "Memory-mapped files.",
    functions: [],
    types: [Mmap],
    exec: init,
}
