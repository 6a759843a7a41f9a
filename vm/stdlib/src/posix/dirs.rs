//! Reading directories: `listdir`, `scandir`, `DirEntry`.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{self, Path};
use crate::oserror::{self, errno, sys};
use crate::posix::stat;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, n, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::ffi::{CStr, CString};

/// An open directory stream.
struct Stream {
    dir: *mut libc::DIR,
    /// The descriptor that was given, to be rewound when done.
    rewind: bool,
}

/// One entry as the system gives it.
struct Found {
    name: Vec<u8>,
    kind: u8,
    inode: u64,
}

impl Stream {
    fn open<const N: bool>(vm: &mut Vm, path: &Path<true, N>) -> PyResult<Stream> {
        let opened = vm.allow_threads(|| match path.fd {
            Some(fd) => {
                let copy = sys!(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0));
                if copy == -1 {
                    return Err(errno());
                }
                let dir = sys!(libc::fdopendir(copy));
                if dir.is_null() {
                    let code = errno();
                    sys!(libc::close(copy));
                    return Err(code);
                }
                sys!(libc::rewinddir(dir));
                Ok(Stream { dir, rewind: true })
            }
            None => {
                let dir = sys!(libc::opendir(path.ptr()));
                if dir.is_null() { Err(errno()) } else { Ok(Stream { dir, rewind: false }) }
            }
        });
        opened.map_err(|code| path.error(vm, code))
    }

    /// The next entry besides "." and "..".
    fn next(&mut self) -> Result<Option<Found>, i32> {
        loop {
            sys!(*libc::__errno_location() = 0);
            let entry = sys!(libc::readdir(self.dir));
            if entry.is_null() {
                return match errno() {
                    0 => Ok(None),
                    code => Err(code),
                };
            }
            // SAFETY: `readdir` gave a live entry with a null-terminated name, valid until the next call.
            let (name, kind, inode) = unsafe { (CStr::from_ptr((*entry).d_name.as_ptr()).to_bytes(), (*entry).d_type, (*entry).d_ino) };
            if name != b"." && name != b".." {
                return Ok(Some(Found { name: name.to_vec(), kind, inode }));
            }
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if self.rewind {
            sys!(libc::rewinddir(self.dir));
        }
        sys!(libc::closedir(self.dir));
    }
}

fn or_here(vm: &mut Vm, path: Option<Path<true, true>>) -> PyResult<Path<true, true>> {
    match path {
        Some(p) => Ok(p),
        None => {
            let object = vm.new_str(".")?.into_value();
            Path::convert(vm, &object, "listdir", "path")
        }
    }
}

/// The names of a directory's entries, without "." and "..".
#[pyfunction(sig = "(path=None)")]
pub fn listdir(path: Option<Path<true, true>>, vm: &mut Vm) -> PyResult {
    audit!(vm, "os.listdir", path.as_ref().map_or_else(Value::none, |p| p.object.clone()))?;
    let path = or_here(vm, path)?;
    let mut stream = Stream::open(vm, &path)?;
    let found = vm.allow_threads(|| {
        let mut names = Vec::new();
        loop {
            match stream.next() {
                Ok(Some(entry)) => names.push(entry.name),
                Ok(None) => return Ok(names),
                Err(code) => return Err(code),
            }
        }
    });
    drop(stream);
    let names = found.map_err(|code| path.error(vm, code))?;
    let mut items = Vec::with_capacity(names.len());
    for name in names {
        items.push(path.result(vm, &name)?);
    }
    Ok(vm.new_list(items)?.into_value())
}

/// Iterator over the entries of a directory.
#[pyclass(name = "ScandirIterator", module = "posix", flags(DISALLOW_INSTANTIATION), gc)]
pub struct ScandirIterator {
    path: Value,
    #[traverse(skip)]
    prefix: Vec<u8>,
    is_bytes: bool,
    fd: Option<i32>,
    #[traverse(skip)]
    stream: GilCell<Option<Stream>>,
}

/// An iterator of DirEntry objects for a directory.
#[pyfunction(sig = "(path=None)")]
pub fn scandir(path: Option<Path<true, true>>, vm: &mut Vm) -> PyResult {
    audit!(vm, "os.scandir", path.as_ref().map_or_else(Value::none, |p| p.object.clone()))?;
    let path = or_here(vm, path)?;
    let stream = Stream::open(vm, &path)?;
    let mut prefix = path.name.as_bytes().to_vec();
    if path.fd.is_none() && !prefix.is_empty() && !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    let made = ScandirIterator { path: path.object.clone(), prefix, is_bytes: path.is_bytes, fd: path.fd, stream: GilCell::new(Some(stream)) };
    Ok(vm.new_object(made)?.into_value())
}

#[pymethods]
impl ScandirIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Self>) -> Value {
        zelf.to_value()
    }

    #[slot(iternext)]
    fn slot_iternext(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        // The stream is taken out while the GIL is gone.
        let Some(mut stream) = self.stream.replace(vm, None) else { return Ok(None) };
        let found = vm.allow_threads(|| stream.next());
        match found {
            Ok(Some(found)) => {
                let old = self.stream.replace(vm, Some(stream));
                drop(old);
                self.entry(vm, found).map(Some)
            }
            Ok(None) => Ok(None),
            Err(code) => Err(oserror::os_error_file(vm, code, &self.path)),
        }
    }

    /// Close the directory.
    #[method]
    fn close(&self, vm: &mut Vm) {
        let old = self.stream.replace(vm, None);
        drop(old);
    }

    #[method(name = "__enter__")]
    fn enter(zelf: &Py<Self>) -> Value {
        zelf.to_value()
    }

    #[method(name = "__exit__")]
    fn exit(&self, args: krait_runtime::Args<'_>, vm: &mut Vm) {
        let _ = args;
        self.close(vm);
    }

    #[slot(del)]
    fn slot_del(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<()> {
        if zelf.stream.get(vm).is_none() {
            return Ok(());
        }
        let text = format!("unclosed scandir iterator {}", vm.repr(zelf.as_value())?.to_string_lossy());
        let warned = fspath::warn(vm, "ResourceWarning", &text, 1, Some(zelf.as_value()));
        zelf.close(vm);
        warned
    }
}

impl ScandirIterator {
    fn entry(&self, vm: &mut Vm, found: Found) -> PyResult {
        let mut full = self.prefix.clone();
        if self.fd.is_some() {
            full.clear();
        }
        full.extend_from_slice(&found.name);
        let (name, path) = if self.is_bytes {
            (vm.new_bytes(&found.name)?.into_value(), vm.new_bytes(&full)?.into_value())
        } else {
            (fspath::fsdecode(vm, &found.name)?.into_value(), fspath::fsdecode(vm, &full)?.into_value())
        };
        let file = CString::new(full).unwrap_or_default();
        let entry = DirEntry {
            name,
            path,
            file,
            fd: self.fd,
            kind: found.kind,
            inode: found.inode,
            stat: GilCell::new(None),
            lstat: GilCell::new(None),
            mode: Cell::new(None),
        };
        Ok(vm.new_object(entry)?.into_value())
    }
}

/// An entry of a directory, with what scandir() learned about it.
#[pyclass(name = "DirEntry", module = "posix", flags(DISALLOW_INSTANTIATION), gc)]
pub struct DirEntry {
    name: Value,
    path: Value,
    #[traverse(skip)]
    file: CString,
    fd: Option<i32>,
    kind: u8,
    inode: u64,
    stat: GilCell<Option<Value>>,
    lstat: GilCell<Option<Value>>,
    /// Mode of the target, once asked.
    mode: Cell<Option<u32>>,
}

impl DirEntry {
    fn fetch(&self, vm: &mut Vm, follow: bool) -> PyResult<libc::stat> {
        let (file, dir) = (self.file.clone(), self.fd.unwrap_or(libc::AT_FDCWD));
        match vm.allow_threads(|| stat::mode_of(&file, dir, follow)) {
            Ok(st) => Ok(st),
            Err(code) => Err(oserror::os_error_file(vm, code, &self.path)),
        }
    }

    /// Whether the entry is of a kind; a missing target is of none.
    fn is_kind(&self, vm: &mut Vm, follow: bool, kind: u32) -> PyResult<bool> {
        let known = match self.kind {
            libc::DT_REG => libc::S_IFREG,
            libc::DT_DIR => libc::S_IFDIR,
            libc::DT_LNK => libc::S_IFLNK,
            libc::DT_UNKNOWN => 0,
            _ => 1,
        };
        if known != 0 && (known != libc::S_IFLNK || !follow) {
            return Ok(known == kind);
        }
        if let Some(mode) = self.mode.get().filter(|_| follow) {
            return Ok(mode & libc::S_IFMT == kind);
        }
        let (file, dir) = (self.file.clone(), self.fd.unwrap_or(libc::AT_FDCWD));
        match vm.allow_threads(|| stat::mode_of(&file, dir, follow)) {
            Ok(st) => {
                if follow {
                    self.mode.set(Some(st.st_mode));
                }
                Ok(st.st_mode & libc::S_IFMT == kind)
            }
            Err(libc::ENOENT) => Ok(false),
            Err(code) => Err(oserror::os_error_file(vm, code, &self.path)),
        }
    }
}

#[pymethods]
impl DirEntry {
    /// The entry's name, without the directory.
    #[getter]
    fn name(&self) -> Value {
        self.name.clone()
    }

    /// The entry's path, beginning with what scandir() was given.
    #[getter]
    fn path(&self) -> Value {
        self.path.clone()
    }

    /// Whether the entry is a directory.
    #[method(sig = "(*, follow_symlinks=True)")]
    fn is_dir(&self, follow_symlinks: bool, vm: &mut Vm) -> PyResult<bool> {
        self.is_kind(vm, follow_symlinks, libc::S_IFDIR)
    }

    /// Whether the entry is a regular file.
    #[method(sig = "(*, follow_symlinks=True)")]
    fn is_file(&self, follow_symlinks: bool, vm: &mut Vm) -> PyResult<bool> {
        self.is_kind(vm, follow_symlinks, libc::S_IFREG)
    }

    /// Whether the entry is a symbolic link.
    #[method]
    fn is_symlink(&self, vm: &mut Vm) -> PyResult<bool> {
        self.is_kind(vm, false, libc::S_IFLNK)
    }

    /// Whether the entry is a junction; never here.
    #[method]
    fn is_junction(&self) -> bool {
        false
    }

    /// The stat_result of the entry, kept for the next call.
    #[method(sig = "(*, follow_symlinks=True)")]
    fn stat(&self, follow_symlinks: bool, vm: &mut Vm) -> PyResult {
        let cache = if follow_symlinks && self.is_kind(vm, false, libc::S_IFLNK)? { &self.stat } else { &self.lstat };
        if let Some(known) = cache.load(vm) {
            return Ok(known);
        }
        let st = self.fetch(vm, follow_symlinks)?;
        let made = stat::result(vm, &st)?;
        let old = cache.replace(vm, Some(made.clone()));
        drop(old);
        Ok(made)
    }

    /// The entry's inode number.
    #[method]
    fn inode(&self) -> u64 {
        self.inode
    }

    /// The entry's path.
    #[method(name = "__fspath__")]
    fn fspath(&self) -> Value {
        self.path.clone()
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        let name = vm.repr(&self.name)?;
        Ok(format!("<DirEntry {}>", name.to_string_lossy()))
    }

    /// Generic aliases are for annotations.
    #[classmethod]
    fn __class_getitem__(cls: &Py<krait_runtime::types::type_::PyType>, item: Value, vm: &mut Vm) -> PyResult {
        let types = vm.intern("types");
        let _ = n!(name);
        let module = vm.interp.modules.load(vm).and_then(|m| m.get_str(vm, &types).cloned());
        let Some(module) = module else { return Err(vm.not_implemented_error("types.GenericAlias before `types` is imported")) };
        let alias = vm.getattr_str(&module, "GenericAlias")?;
        vm.call(&alias, &[cls.to_value(), item])
    }
}
