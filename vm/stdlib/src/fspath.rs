//! Names of files as arguments: `str` in the file system encoding (UTF-8 with surrogateescape), `bytes`, `os.PathLike`, descriptors.

use crate::oserror;
use krait_runtime::args::{ArgInfo, FromArg};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, n};
use std::ffi::CString;

/// A path argument. With `FD` a descriptor is taken too; `NONE` only says that errors mention `None`.
pub struct Path<const FD: bool = false, const NONE: bool = false> {
    /// What was given, after `__fspath__`; errors name it.
    pub object: Value,
    pub name: CString,
    pub fd: Option<i32>,
    /// The name was given as `bytes`, so results are too.
    pub is_bytes: bool,
}

/// A path or a descriptor.
pub type PathOrFd = Path<true>;

/// `str` to bytes in the file system encoding.
pub fn fsencode(vm: &mut Vm, string: &Py<Str>) -> PyResult<Vec<u8>> {
    if let Some(ascii) = string.as_ascii() {
        return Ok(ascii.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(string.len() * 2);
    for c in string.chars() {
        match char::from_u32(c) {
            Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if (0xdc80..=0xdcff).contains(&c) => out.push((c - 0xdc00) as u8),
            None => return Err(vm.surrogate_error(string)),
        }
    }
    Ok(out)
}

/// Bytes to `str` in the file system encoding; bytes that are no UTF-8 become lone surrogates.
pub fn fsdecode(vm: &mut Vm, bytes: &[u8]) -> PyResult<Py<Str>> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return vm.new_str(text);
    }
    let mut chars: Vec<u32> = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chars.extend(chunk.valid().chars().map(u32::from));
        chars.extend(chunk.invalid().iter().map(|&b| 0xdc00 + u32::from(b)));
    }
    vm.new_str_ucs4(&chars)
}

/// `os.fspath`: `str` and `bytes` as they are, else what `__fspath__` gives.
pub fn fspath(vm: &mut Vm, object: &Value) -> PyResult {
    if object.is::<Str>() || object.is::<Bytes>() {
        return Ok(object.clone());
    }
    match call_fspath(vm, object)? {
        Some(result) => checked_fspath(vm, object, result),
        None => {
            let name = object.type_name();
            Err(vm.type_error(format!("expected str, bytes or os.PathLike object, not {name}")))
        }
    }
}

/// What `__fspath__` gives; none if there is no such method, or it is None.
fn call_fspath(vm: &mut Vm, object: &Value) -> PyResult<Option<Value>> {
    match vm.lookup_special(object, n!(__fspath__))?.filter(|m| !m.is_none()) {
        Some(method) => vm.call(&method, &[]).map(Some),
        None => Ok(None),
    }
}

fn checked_fspath(vm: &mut Vm, object: &Value, result: Value) -> PyResult {
    if result.is::<Str>() || result.is::<Bytes>() {
        return Ok(result);
    }
    let (ty, got) = (object.type_name(), result.type_name());
    Err(vm.type_error(format!("expected {ty}.__fspath__() to return str or bytes, not {got}")))
}

/// The bytes of a `str`, `bytes` or path-like object (`PyUnicode_FSConverter`), without null bytes.
pub fn fs_bytes(vm: &mut Vm, object: &Value) -> PyResult<CString> {
    let path = fspath(vm, object)?;
    let bytes = match path.downcast::<Str>() {
        Some(s) => fsencode(vm, s)?,
        None => vm.bytes_of(&path)?,
    };
    CString::new(bytes).map_err(|_| vm.value_error("embedded null byte"))
}

/// A descriptor out of an index.
pub fn fd_from_index(vm: &mut Vm, object: &Value) -> PyResult<i32> {
    if object.is_true() || object.is_false() {
        warn(vm, "RuntimeWarning", "bool is used as a file descriptor", 1, None)?;
    }
    let index = vm.index(object)?;
    match vm.int_as_i128(&index).map(i32::try_from) {
        Some(Ok(fd)) => Ok(fd),
        _ if vm.int_is_negative(&index) => Err(vm.overflow_error("fd is less than minimum")),
        _ => Err(vm.overflow_error("fd is greater than maximum")),
    }
}

/// `warnings.warn` with a builtin category.
pub fn warn(vm: &mut Vm, category: &str, text: &str, stacklevel: i32, source: Option<&Value>) -> PyResult<()> {
    let category = oserror::builtin(vm, category)?;
    krait_runtime::warnings::warn_about(vm, &category, text, stacklevel as isize, source)
}

impl<const FD: bool, const NONE: bool> Path<FD, NONE> {
    /// Converts what `function` was given as `argument`.
    pub fn convert(vm: &mut Vm, value: &Value, function: &str, argument: &str) -> PyResult<Self> {
        let is_text = value.is::<Str>() || value.is::<Bytes>();
        let mut object = value.clone();
        if !is_text {
            if FD && value.ty().slots.nb_index.get().is_some() {
                let fd = fd_from_index(vm, value)?;
                return Ok(Path { object, name: CString::default(), fd: Some(fd), is_bytes: false });
            }
            let buffer = vm.is_bytes_like(value);
            let result = if buffer { None } else { call_fspath(vm, value)? };
            let Some(result) = result else {
                let allowed = match (FD, NONE) {
                    (true, true) => "string, bytes, os.PathLike, integer or None",
                    (true, false) => "string, bytes, os.PathLike or integer",
                    (false, true) => "string, bytes, os.PathLike or None",
                    (false, false) => "string, bytes or os.PathLike",
                };
                let got = value.type_name();
                return Err(vm.type_error(format!("{function}: {argument} should be {allowed}, not {got}")));
            };
            object = checked_fspath(vm, value, result)?;
        }
        let (bytes, is_bytes) = match object.downcast::<Str>() {
            Some(s) => (fsencode(vm, s)?, false),
            None => (vm.bytes_of(&object)?, true),
        };
        match CString::new(bytes) {
            Ok(name) => Ok(Path { object, name, fd: None, is_bytes }),
            Err(_) => Err(vm.value_error(format!("{function}: embedded null character in {argument}"))),
        }
    }

    /// The C string.
    pub fn ptr(&self) -> *const libc::c_char {
        self.name.as_ptr()
    }

    /// OSError about this path.
    pub fn error(&self, vm: &mut Vm, code: i32) -> krait_runtime::Raised {
        oserror::os_error_file(vm, code, &self.object)
    }

    /// A name found below the path, of the path's kind.
    pub fn result(&self, vm: &mut Vm, bytes: &[u8]) -> PyResult {
        if self.is_bytes { Ok(vm.new_bytes(bytes)?.into_value()) } else { Ok(fsdecode(vm, bytes)?.into_value()) }
    }
}

impl<'a, const FD: bool, const NONE: bool> FromArg<'a> for Path<FD, NONE> {
    fn from_arg(vm: &mut Vm, value: &'a Value, info: ArgInfo) -> PyResult<Self> {
        let argument = info.spec.params.get(info.index).map_or("", |p| p.name);
        Self::convert(vm, value, info.spec.name, argument)
    }
}

/// A `dir_fd` argument.
#[derive(Clone, Copy)]
pub struct DirFd(pub i32);

impl<'a> FromArg<'a> for DirFd {
    fn from_arg(vm: &mut Vm, value: &'a Value, _: ArgInfo) -> PyResult<DirFd> {
        if value.ty().slots.nb_index.get().is_none() {
            let got = value.type_name();
            return Err(vm.type_error(format!("argument should be integer or None, not {got}")));
        }
        fd_from_index(vm, value).map(DirFd)
    }
}

/// The descriptor of an optional `dir_fd`.
pub fn at(dir: Option<DirFd>) -> i32 {
    dir.map_or(libc::AT_FDCWD, |d| d.0)
}

/// A descriptor: an int or an object with `fileno()`.
#[derive(Clone, Copy)]
pub struct FileNo(pub i32);

/// `PyObject_AsFileDescriptor`.
pub fn as_file_descriptor(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    use krait_runtime::types::int::{Int, IntRef};
    let number = if value.is::<Int>() {
        if value.is_true() || value.is_false() {
            warn(vm, "RuntimeWarning", "bool is used as a file descriptor", 1, None)?;
        }
        value.clone()
    } else {
        match vm.getattr_opt(value, n!(fileno))? {
            Some(method) => {
                let fd = vm.call(&method, &[])?;
                if !fd.is::<Int>() {
                    return Err(vm.type_error("fileno() returned a non-integer"));
                }
                fd
            }
            None => return Err(vm.type_error("argument must be an int, or have a fileno() method.")),
        }
    };
    match IntRef::new(&number).and_then(|i| i.to_i64()).map(i32::try_from) {
        Some(Ok(fd)) if fd >= 0 => Ok(fd),
        Some(Ok(fd)) => Err(vm.value_error(format!("file descriptor cannot be a negative integer ({fd})"))),
        _ => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

impl<'a> FromArg<'a> for FileNo {
    fn from_arg(vm: &mut Vm, value: &'a Value, _: ArgInfo) -> PyResult<FileNo> {
        as_file_descriptor(vm, value).map(FileNo)
    }
}

/// The contents of a bytes-like argument.
pub struct Data(pub krait_runtime::types::bytes::ByteView);

impl<'a> FromArg<'a> for Data {
    fn from_arg(vm: &mut Vm, value: &'a Value, _: ArgInfo) -> PyResult<Data> {
        vm.byte_view(value).map(Data)
    }
}

/// Generalized UTF-8: lone surrogates are encoded like other characters.
pub fn fsencode_lossless(string: &Str) -> Vec<u8> {
    string.to_text().as_bytes().to_vec()
}

/// Generalized UTF-8 to `str`; what is none is taken as the file system encoding.
pub fn decode_lossless(vm: &mut Vm, bytes: &[u8]) -> PyResult<Py<Str>> {
    match krait_unicode::TextBuf::from_bytes(bytes) {
        Some(text) => vm.new_str_text(&text),
        None => fsdecode(vm, bytes),
    }
}
