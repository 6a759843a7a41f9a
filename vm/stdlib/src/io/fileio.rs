//! `FileIO`: a raw stream on a descriptor.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath;
use crate::io::base::{self, RawIOBase};
use crate::io::{DEFAULT_BUFFER_SIZE, offset_arg, unsupported};
use crate::oserror::{self, retry, sys};
use crate::posix::fds::{self, IO_MAX, buffer_of};
use krait_runtime::types::float::Float;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// The payload of `FileIO`.
#[pyclass(name = "FileIO", module = "_io", base = RawIOBase, flags(BASETYPE), text_signature = "(file, mode='r', closefd=True, opener=None)")]
#[repr(C)]
pub struct FileIO {
    base: RawIOBase,
    /// -1 when closed.
    pub fd: Cell<i32>,
    created: Cell<bool>,
    pub readable: Cell<bool>,
    pub writable: Cell<bool>,
    appending: Cell<bool>,
    seekable: Cell<Option<bool>>,
    closefd: Cell<bool>,
    finalizing: Cell<bool>,
    blksize: Cell<i64>,
    /// Mode and size when the file was opened, to size the first read; forgotten once the file was written to.
    stat_at_open: Cell<Option<(u32, i64)>>,
}

struct OpenMode {
    flags: i32,
    created: bool,
    readable: bool,
    writable: bool,
    appending: bool,
}

fn parse_mode(vm: &mut Vm, mode: &str) -> PyResult<OpenMode> {
    let bad = "Must have exactly one of create/read/write/append mode and at most one plus";
    let (mut main, mut plus) = (None, false);
    for c in mode.chars() {
        match c {
            'x' | 'r' | 'w' | 'a' if main.is_none() => main = Some(c),
            '+' if !plus => plus = true,
            'b' => {}
            'x' | 'r' | 'w' | 'a' | '+' => return Err(vm.value_error(bad)),
            _ => return Err(vm.value_error(format!("invalid mode: {mode}"))),
        }
    }
    let Some(main) = main else { return Err(vm.value_error(bad)) };
    let (readable, writable) = (main == 'r' || plus, main != 'r' || plus);
    let access = match (readable, writable) {
        (true, true) => libc::O_RDWR,
        (true, false) => libc::O_RDONLY,
        (false, _) => libc::O_WRONLY,
    };
    let more = match main {
        'x' => libc::O_EXCL | libc::O_CREAT,
        'w' => libc::O_CREAT | libc::O_TRUNC,
        'a' => libc::O_APPEND | libc::O_CREAT,
        _ => 0,
    };
    Ok(OpenMode { flags: access | more | libc::O_CLOEXEC, created: main == 'x', readable, writable, appending: main == 'a' })
}

/// The descriptor in a `file` argument, if it is one.
fn descriptor(vm: &mut Vm, file: &Value) -> PyResult<Option<i32>> {
    if file.is_true() || file.is_false() {
        fspath::warn(vm, "RuntimeWarning", "bool is used as a file descriptor", 1, None)?;
    }
    if file.ty().slots.nb_index.get().is_none() {
        return Ok(None);
    }
    let Ok(index) = vm.index(file) else { return Ok(None) };
    match IntRef::new(&index).and_then(|i| i.to_i64()).map(i32::try_from) {
        Some(Ok(fd)) if fd < 0 => Err(vm.value_error("negative file descriptor")),
        Some(Ok(fd)) => Ok(Some(fd)),
        _ => Ok(None),
    }
}

fn closed_error(vm: &mut Vm) -> Raised {
    vm.value_error("I/O operation on closed file")
}

impl FileIO {
    fn close_fd(&self, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.replace(-1);
        if fd < 0 {
            return Ok(());
        }
        match oserror::once(vm, || sys!(libc::close(fd))) {
            Ok(_) => Ok(()),
            Err(code) => Err(oserror::os_error(vm, code)),
        }
    }

    fn check_open(&self, vm: &mut Vm) -> PyResult<i32> {
        match self.fd.get() {
            fd if fd >= 0 => Ok(fd),
            _ => Err(closed_error(vm)),
        }
    }

    fn check_reading(&self, vm: &mut Vm) -> PyResult<i32> {
        let fd = self.check_open(vm)?;
        if self.readable.get() { Ok(fd) } else { Err(unsupported(vm, "File not open for reading")) }
    }

    fn check_writing(&self, vm: &mut Vm) -> PyResult<i32> {
        let fd = self.check_open(vm)?;
        if self.writable.get() { Ok(fd) } else { Err(unsupported(vm, "File not open for writing")) }
    }

    /// Reads into `target`; none if it would block.
    pub fn raw_read(&self, vm: &mut Vm, target: &mut [u8]) -> PyResult<Option<usize>> {
        let fd = self.check_reading(vm)?;
        match retry(vm, || sys!(libc::read(fd, target.as_mut_ptr().cast(), target.len().min(IO_MAX))))? {
            Ok(n) => Ok(Some(n as usize)),
            Err(libc::EAGAIN) => Ok(None),
            Err(code) => Err(oserror::os_error(vm, code)),
        }
    }

    /// Writes `data`; none if it would block.
    pub fn raw_write(&self, vm: &mut Vm, data: &[u8]) -> PyResult<Option<usize>> {
        let fd = self.check_writing(vm)?;
        match retry(vm, || sys!(libc::write(fd, data.as_ptr().cast(), data.len().min(IO_MAX))))? {
            Ok(n) => Ok(Some(n as usize)),
            Err(libc::EAGAIN) => Ok(None),
            Err(code) => Err(oserror::os_error(vm, code)),
        }
    }

    /// Sets the position and returns it.
    pub fn raw_seek(&self, vm: &mut Vm, offset: i64, whence: i32) -> PyResult<i64> {
        let fd = self.check_open(vm)?;
        let result = oserror::once(vm, || sys!(libc::lseek(fd, offset, whence)));
        if self.seekable.get().is_none() {
            self.seekable.set(Some(result.is_ok()));
        }
        result.map_err(|code| oserror::os_error(vm, code))
    }

    fn is_seekable(&self, vm: &mut Vm) -> bool {
        if let Some(known) = self.seekable.get() {
            return known;
        }
        let fd = self.fd.get();
        let known = oserror::once(vm, || sys!(libc::lseek(fd, 0, libc::SEEK_CUR))).is_ok();
        self.seekable.set(Some(known));
        known
    }

    fn mode_text(&self) -> &'static str {
        match (self.created.get(), self.appending.get(), self.readable.get(), self.writable.get()) {
            (true, _, true, _) => "xb+",
            (true, _, false, _) => "xb",
            (false, true, true, _) => "ab+",
            (false, true, false, _) => "ab",
            (false, false, true, true) => "rb+",
            (false, false, true, false) => "rb",
            (false, false, false, _) => "wb",
        }
    }

    fn open_path(&self, vm: &mut Vm, file: &Value, mode: &OpenMode, opener: &Value) -> PyResult<()> {
        if opener.is_none() {
            let name = fspath::fs_bytes(vm, file)?;
            match retry(vm, || sys!(libc::open(name.as_ptr(), mode.flags, 0o666 as libc::c_uint)))? {
                Ok(fd) => self.fd.set(fd),
                Err(code) => return Err(oserror::os_error_file(vm, code, file)),
            }
            return Ok(());
        }
        let flags = vm.new_int(mode.flags)?;
        let opened = vm.call(opener, &[file.clone(), flags])?;
        if !opened.is::<krait_runtime::types::int::Int>() {
            return Err(vm.type_error("expected integer from opener"));
        }
        let fd = <i32 as krait_runtime::args::FromArg>::from_arg(vm, &opened, NO_INFO)?;
        if fd < 0 {
            return Err(vm.value_error(format!("opener returned {fd}")));
        }
        self.fd.set(fd);
        fds::set_inheritable(fd, 0, vm)
    }

    fn init_open(zelf: &Py<FileIO>, vm: &mut Vm, file: &Value, mode: &OpenMode, fd: Option<i32>, opener: &Value) -> PyResult<()> {
        match fd {
            Some(fd) => zelf.fd.set(fd),
            None => {
                if !zelf.closefd.get() {
                    return Err(vm.value_error("Cannot use closefd=False with file name"));
                }
                zelf.open_path(vm, file, mode, opener)?;
            }
        }
        let (mut st, raw_fd) = (crate::posix::stat::empty(), zelf.fd.get());
        zelf.blksize.set(DEFAULT_BUFFER_SIZE as i64);
        match oserror::once(vm, || sys!(libc::fstat(raw_fd, &raw mut st))) {
            Ok(_) => {
                if st.st_mode & libc::S_IFMT == libc::S_IFDIR {
                    return Err(oserror::os_error_file(vm, libc::EISDIR, file));
                }
                if st.st_blksize > 1 {
                    zelf.blksize.set(st.st_blksize);
                }
                zelf.stat_at_open.set(Some((st.st_mode, st.st_size)));
            }
            Err(libc::EBADF) => return Err(oserror::os_error(vm, libc::EBADF)),
            Err(_) => {}
        }
        vm.setattr(zelf.as_value(), n!(name), file)?;
        if mode.appending {
            match zelf.raw_seek(vm, 0, libc::SEEK_END) {
                Err(e) if !zelf.seekable.get().unwrap_or(true) => drop(e),
                result => drop(result?),
            }
        }
        Ok(())
    }

    /// ResourceWarning about a file that nobody closed.
    fn warn_unclosed(zelf: &Py<FileIO>, source: &Value, vm: &mut Vm) -> PyResult<()> {
        if zelf.fd.get() < 0 || !zelf.closefd.get() {
            return Ok(());
        }
        let text = vm.repr(source)?;
        let text = format!("unclosed file {}", text.to_string_lossy());
        if let Err(e) = fspath::warn(vm, "ResourceWarning", &text, 1, Some(source))
            && crate::io::is_named(vm, &e, "Warning") {
                vm.unraisable(e, zelf.as_value());
            }
        Ok(())
    }
}

static NO_SPEC: krait_runtime::args::ArgSpec =
    krait_runtime::args::ArgSpec { name: "FileIO", params: &[], required: 0, positional: 0, posonly: 0, raw: true };
const NO_INFO: krait_runtime::args::ArgInfo = krait_runtime::args::ArgInfo { spec: &NO_SPEC, index: 0 };

#[pymethods]
impl FileIO {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<FileIO>> {
        let _ = args;
        let payload = FileIO {
            base: RawIOBase::default(),
            fd: Cell::new(-1),
            created: Cell::new(false),
            readable: Cell::new(false),
            writable: Cell::new(false),
            appending: Cell::new(false),
            seekable: Cell::new(None),
            closefd: Cell::new(true),
            finalizing: Cell::new(false),
            blksize: Cell::new(0),
            stat_at_open: Cell::new(None),
        };
        vm.new_instance(cls, payload)
    }

    #[init(sig = "(file, mode='r', closefd=True, opener=None)")]
    fn init(zelf: &Py<FileIO>, file: &Value, mode: String, closefd: bool, opener: Value, vm: &mut Vm) -> PyResult<()> {
        if zelf.fd.get() >= 0 {
            if zelf.closefd.get() {
                zelf.close_fd(vm)?;
            } else {
                zelf.fd.set(-1);
            }
        }
        let fd = descriptor(vm, file)?;
        let parsed = parse_mode(vm, &mode)?;
        zelf.created.set(parsed.created);
        zelf.readable.set(parsed.readable);
        zelf.writable.set(parsed.writable);
        zelf.appending.set(parsed.appending);
        zelf.seekable.set(None);
        zelf.closefd.set(closefd);
        vm.audit_with("open", |vm| Ok(vec![file.clone(), vm.new_str(&mode)?.into_value(), vm.new_int(parsed.flags)?]))?;
        FileIO::init_open(zelf, vm, file, &parsed, fd, &opener).inspect_err(|_| {
            // A descriptor that was given stays the caller's.
            let opened = if fd.is_some() { zelf.fd.replace(-1) } else { -1 };
            if opened < 0 {
                let _ignored = zelf.close_fd(vm);
            }
        })
    }

    /// Read up to size bytes with one system call; all of them if size is negative. None if that would block.
    #[method(sig = "(size=-1, /)")]
    fn read(zelf: &Py<FileIO>, size: Value, vm: &mut Vm) -> PyResult {
        zelf.check_reading(vm)?;
        let size = crate::io::size_arg(vm, Some(&size))?;
        let Ok(size) = usize::try_from(size) else { return FileIO::readall(zelf, vm) };
        let mut buffer = buffer_of(vm, size.min(IO_MAX))?;
        match zelf.raw_read(vm, &mut buffer)? {
            Some(n) => Ok(vm.new_bytes(buffer.get(..n).unwrap_or_default())?.into_value()),
            None => Ok(Value::none()),
        }
    }

    /// Read until the end; None if there is nothing now.
    #[method]
    fn readall(zelf: &Py<FileIO>, vm: &mut Vm) -> PyResult {
        zelf.check_reading(vm)?;
        let mut size = 8192usize;
        if let Some((mode, total)) = zelf.stat_at_open.get().filter(|(_, n)| *n > 0 && *n < IO_MAX as i64) {
            let regular = mode & libc::S_IFMT == libc::S_IFREG;
            size = total as usize + 1;
            // Large files that were read in part need less.
            if regular && total > 65536 {
                let fd = zelf.fd.get();
                if let Ok(at) = oserror::once(vm, || sys!(libc::lseek(fd, 0, libc::SEEK_CUR))) {
                    size = (total.saturating_sub(at)).max(0) as usize + 1;
                }
            }
        }
        let mut all = buffer_of(vm, size)?;
        let mut filled = 0;
        loop {
            if filled >= all.len() {
                let more = all.len().clamp(8192, 8 << 20);
                if all.try_reserve(more).is_err() {
                    return Err(vm.memory_error());
                }
                all.resize(all.len() + more, 0);
            }
            match zelf.raw_read(vm, all.get_mut(filled..).unwrap_or_default())? {
                Some(0) => break,
                Some(n) => filled += n,
                None if filled > 0 => break,
                None => return Ok(Value::none()),
            }
        }
        Ok(vm.new_bytes(all.get(..filled).unwrap_or_default())?.into_value())
    }

    /// Read into a buffer and return the number of bytes; None if that would block.
    #[method(sig = "(buffer, /)")]
    fn readinto(&self, buffer: &Value, vm: &mut Vm) -> PyResult<Option<usize>> {
        self.check_reading(vm)?;
        let target = writable_arg(vm, "readinto", buffer)?;
        let result = self.readinto_target(vm, &target);
        target.release(vm);
        result
    }

    /// Write bytes and return how many were written; None if that would block.
    #[method(sig = "(b, /)")]
    fn write(&self, b: &Value, vm: &mut Vm) -> PyResult<Option<usize>> {
        self.check_writing(vm)?;
        let data = vm.byte_view(b)?;
        self.raw_write(vm, &data)
    }

    /// Set the position, from the start, the current position or the end (whence 0, 1, 2), and return it.
    #[method(sig = "(pos, whence=0, /)")]
    fn seek(&self, pos: &Value, whence: i32, vm: &mut Vm) -> PyResult<i64> {
        self.check_open(vm)?;
        if pos.is::<Float>() {
            return Err(vm.type_error("an integer is required"));
        }
        let offset = offset_arg(vm, pos)?;
        self.raw_seek(vm, offset, whence)
    }

    /// The position.
    #[method]
    fn tell(&self, vm: &mut Vm) -> PyResult<i64> {
        self.raw_seek(vm, 0, libc::SEEK_CUR)
    }

    /// Cut the file to size bytes, to the current position without size; return the size.
    #[method(sig = "(size=None, /)")]
    fn truncate(&self, size: Value, vm: &mut Vm) -> PyResult {
        let fd = self.check_writing(vm)?;
        let size = if size.is_none() {
            let at = self.raw_seek(vm, 0, libc::SEEK_CUR)?;
            vm.new_int(at)?
        } else {
            size
        };
        let length = offset_arg(vm, &size)?;
        oserror::call(vm, || sys!(libc::ftruncate(fd, length)))?;
        self.stat_at_open.set(None);
        Ok(size)
    }

    /// Close the file, and its descriptor unless closefd was false.
    #[method]
    fn close(zelf: &Py<FileIO>, vm: &mut Vm) -> PyResult<()> {
        let first = base::close(vm, zelf.as_value());
        if !zelf.closefd.get() {
            zelf.fd.set(-1);
            return first;
        }
        if zelf.finalizing.get() {
            FileIO::warn_unclosed(zelf, zelf.as_value(), vm)?;
        }
        let second = zelf.close_fd(vm);
        crate::io::both(vm, first, second)
    }

    /// Whether the position can be changed.
    #[method(name = "seekable")]
    fn seekable_method(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check_open(vm)?;
        Ok(self.is_seekable(vm))
    }

    /// Whether the file was opened for reading.
    #[method(name = "readable")]
    fn readable_method(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check_open(vm)?;
        Ok(self.readable.get())
    }

    /// Whether the file was opened for writing.
    #[method(name = "writable")]
    fn writable_method(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check_open(vm)?;
        Ok(self.writable.get())
    }

    /// The descriptor.
    #[method]
    fn fileno(&self, vm: &mut Vm) -> PyResult<i32> {
        self.check_open(vm)
    }

    /// Whether the file is a terminal.
    #[method]
    fn isatty(&self, vm: &mut Vm) -> PyResult<bool> {
        let fd = self.check_open(vm)?;
        Ok(vm.allow_threads(|| sys!(libc::isatty(fd))) == 1)
    }

    /// isatty() that relies on what was known when the file was opened.
    #[method]
    fn _isatty_open_only(&self, vm: &mut Vm) -> PyResult<bool> {
        match self.stat_at_open.get() {
            Some((mode, _)) if mode & libc::S_IFMT != libc::S_IFCHR => Ok(false),
            _ => self.isatty(vm),
        }
    }

    #[method(sig = "(source, /)")]
    fn _dealloc_warn(zelf: &Py<FileIO>, source: &Value, vm: &mut Vm) -> PyResult<()> {
        FileIO::warn_unclosed(zelf, source, vm)
    }

    #[method(name = "__getstate__")]
    fn getstate(zelf: &Py<FileIO>, vm: &mut Vm) -> PyResult {
        crate::io::no_pickle(vm, zelf.as_value())
    }

    /// True if the file is closed
    #[getter]
    fn closed(&self) -> bool {
        self.fd.get() < 0
    }

    #[getter(name = "closefd")]
    fn get_closefd(&self) -> bool {
        self.closefd.get()
    }

    #[getter]
    fn mode(&self) -> &'static str {
        self.mode_text()
    }

    #[getter]
    fn _blksize(&self) -> i64 {
        self.blksize.get()
    }

    #[getter]
    fn _finalizing(&self) -> bool {
        self.finalizing.get()
    }

    #[setter(name = "_finalizing")]
    fn set_finalizing(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        self.finalizing.set(flag_value(value, vm)?);
        Ok(())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<FileIO>, vm: &mut Vm) -> PyResult<String> {
        let class = zelf.as_value().type_name();
        if zelf.fd.get() < 0 {
            return Ok(format!("<{class} [closed]>"));
        }
        let (mode, closefd) = (zelf.mode_text(), if zelf.closefd.get() { "True" } else { "False" });
        match vm.getattr_opt(zelf.as_value(), n!(name))? {
            Some(name) => {
                let name = repr_name(vm, zelf.as_value(), &name)?;
                Ok(format!("<{class} name={name} mode='{mode}' closefd={closefd}>"))
            }
            None => Ok(format!("<{class} fd={} mode='{mode}' closefd={closefd}>", zelf.fd.get())),
        }
    }
}

impl FileIO {
    fn readinto_target(&self, vm: &mut Vm, target: &krait_runtime::protocol::buffer::Buffer) -> PyResult<Option<usize>> {
        let mut data = buffer_of(vm, target.len_bytes().min(IO_MAX))?;
        let read = self.raw_read(vm, &mut data)?;
        if let Some(n) = read {
            fds::fill(vm, target, data.get(..n).unwrap_or_default());
        }
        Ok(read)
    }
}

/// A writable buffer argument; TypeError "f() argument must be read-write bytes-like object, not T".
pub fn writable_arg(vm: &mut Vm, function: &str, value: &Value) -> PyResult<krait_runtime::protocol::buffer::Buffer> {
    match fds::writable(vm, value) {
        Ok(b) => Ok(b),
        Err(_) => {
            let got = value.type_name();
            Err(vm.type_error(format!("{function}() argument must be read-write bytes-like object, not {got}")))
        }
    }
}

/// The value of a flag that can be set from Python.
pub fn flag_value(value: Option<&Value>, vm: &mut Vm) -> PyResult<bool> {
    match value {
        Some(v) if v.is_true() => Ok(true),
        Some(v) if v.is_false() => Ok(false),
        Some(_) => Err(vm.type_error("attribute value type must be bool")),
        None => Err(vm.type_error("can't delete numeric/char attribute")),
    }
}

/// The repr of a stream's name; RuntimeError if it leads back to the stream.
pub fn repr_name(vm: &mut Vm, stream: &Value, name: &Value) -> PyResult<String> {
    if name.is::<Str>() || name.is_small_int() {
        return Ok(vm.repr(name)?.to_string_lossy().into_owned());
    }
    let state = vm.state::<ReprState>();
    if state.active.get(vm).contains(&stream.bits()) {
        let class = stream.type_name();
        return Err(vm.runtime_error(format!("reentrant call inside {class}.__repr__")));
    }
    state.active.get_mut(vm).push(stream.bits());
    let text = vm.repr(name).map(|s| s.to_string_lossy().into_owned());
    let bits = stream.bits();
    state.active.get_mut(vm).retain(|&b| b != bits);
    text
}

/// Streams whose `repr` is under way.
#[derive(Default)]
struct ReprState {
    active: krait_runtime::GilCell<Vec<u64>>,
}
