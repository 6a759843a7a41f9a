//! The `_stat` module: the numbers and tests of file modes.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

fn mode(vm: &mut Vm, value: &Value) -> PyResult<u32> {
    if !value.is::<krait_runtime::types::int::Int>() {
        let index = vm.index(value)?;
        return mode(vm, &index);
    }
    match IntRef::new(value).and_then(|i| i.to_i64()) {
        Some(m) => u32::try_from(m).map_err(|_| vm.overflow_error("mode out of range")),
        None => Err(vm.overflow_error("Python int too large to convert to C unsigned long")),
    }
}

macro_rules! kind_tests {
    ($($(#[$doc:meta])* $name:ident: $kind:expr;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(object, /)")]
        #[allow(non_snake_case, reason = "the macro's name")]
        fn $name(object: &Value, vm: &mut Vm) -> PyResult<bool> {
            let kind: Option<u32> = $kind;
            Ok(Some(mode(vm, object)? & 0o170_000) == kind)
        }
    )*};
}
kind_tests! {
    /// Whether the mode is a directory's.
    S_ISDIR: Some(libc::S_IFDIR);
    /// Whether the mode is a character device's.
    S_ISCHR: Some(libc::S_IFCHR);
    /// Whether the mode is a block device's.
    S_ISBLK: Some(libc::S_IFBLK);
    /// Whether the mode is a regular file's.
    S_ISREG: Some(libc::S_IFREG);
    /// Whether the mode is a pipe's.
    S_ISFIFO: Some(libc::S_IFIFO);
    /// Whether the mode is a symbolic link's.
    S_ISLNK: Some(libc::S_IFLNK);
    /// Whether the mode is a socket's.
    S_ISSOCK: Some(libc::S_IFSOCK);
    /// Whether the mode is a door's; there are none here.
    S_ISDOOR: None;
    /// Whether the mode is an event port's; there are none here.
    S_ISPORT: None;
    /// Whether the mode is a whiteout's; there are none here.
    S_ISWHT: None;
}

/// The part of the mode that chmod() sets.
#[pyfunction(sig = "(object, /)")]
#[allow(non_snake_case, reason = "the macro's name")]
fn S_IMODE(object: &Value, vm: &mut Vm) -> PyResult<u32> {
    Ok(mode(vm, object)? & 0o7777)
}

/// The part of the mode that says what kind of file it is.
#[pyfunction(sig = "(object, /)")]
#[allow(non_snake_case, reason = "the macro's name")]
fn S_IFMT(object: &Value, vm: &mut Vm) -> PyResult<u32> {
    Ok(mode(vm, object)? & 0o170_000)
}

/// The mode as `ls -l` shows it.
#[pyfunction(sig = "(object, /)")]
fn filemode(object: &Value, vm: &mut Vm) -> PyResult<String> {
    let mode = mode(vm, object)?;
    let kind = match mode & 0o170_000 {
        libc::S_IFREG => '-',
        libc::S_IFDIR => 'd',
        libc::S_IFLNK => 'l',
        libc::S_IFBLK => 'b',
        libc::S_IFCHR => 'c',
        libc::S_IFIFO => 'p',
        libc::S_IFSOCK => 's',
        _ => '?',
    };
    let mut out = String::from(kind);
    for (shift, special, both, alone) in [(6, 0o4000, 's', 'S'), (3, 0o2000, 's', 'S'), (0, 0o1000, 't', 'T')] {
        let bits = mode >> shift;
        out.push(if bits & 4 != 0 { 'r' } else { '-' });
        out.push(if bits & 2 != 0 { 'w' } else { '-' });
        out.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => both,
            (true, false) => alone,
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    Ok(out)
}

krait_runtime::module! {
    "_stat",
    doc: "Numbers and tests of file modes.",
    functions: [
        S_ISDIR, S_ISCHR, S_ISBLK, S_ISREG, S_ISFIFO, S_ISLNK, S_ISSOCK, S_ISDOOR, S_ISPORT, S_ISWHT, S_IMODE, S_IFMT, filemode,
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in NUMBERS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

static NUMBERS: &[(&str, u32)] = &[
    ("SF_APPEND", 0o1000000),
    ("SF_ARCHIVED", 0o200000),
    ("SF_DATALESS", 0o10000000000),
    ("SF_FIRMLINK", 0o40000000),
    ("SF_IMMUTABLE", 0o400000),
    ("SF_NOUNLINK", 0o4000000),
    ("SF_SETTABLE", 0o37777600000),
    ("SF_SNAPSHOT", 0o10000000),
    ("ST_ATIME", 0o7),
    ("ST_CTIME", 0o11),
    ("ST_DEV", 0o2),
    ("ST_GID", 0o5),
    ("ST_INO", 0o1),
    ("ST_MODE", 0),
    ("ST_MTIME", 0o10),
    ("ST_NLINK", 0o3),
    ("ST_SIZE", 0o6),
    ("ST_UID", 0o4),
    ("S_ENFMT", 0o2000),
    ("S_IEXEC", 0o100),
    ("S_IFBLK", 0o60000),
    ("S_IFCHR", 0o20000),
    ("S_IFDIR", 0o40000),
    ("S_IFDOOR", 0),
    ("S_IFIFO", 0o10000),
    ("S_IFLNK", 0o120000),
    ("S_IFPORT", 0),
    ("S_IFREG", 0o100000),
    ("S_IFSOCK", 0o140000),
    ("S_IFWHT", 0),
    ("S_IREAD", 0o400),
    ("S_IRGRP", 0o40),
    ("S_IROTH", 0o4),
    ("S_IRUSR", 0o400),
    ("S_IRWXG", 0o70),
    ("S_IRWXO", 0o7),
    ("S_IRWXU", 0o700),
    ("S_ISGID", 0o2000),
    ("S_ISUID", 0o4000),
    ("S_ISVTX", 0o1000),
    ("S_IWGRP", 0o20),
    ("S_IWOTH", 0o2),
    ("S_IWRITE", 0o200),
    ("S_IWUSR", 0o200),
    ("S_IXGRP", 0o10),
    ("S_IXOTH", 0o1),
    ("S_IXUSR", 0o100),
    ("UF_APPEND", 0o4),
    ("UF_COMPRESSED", 0o40),
    ("UF_DATAVAULT", 0o200),
    ("UF_HIDDEN", 0o100000),
    ("UF_IMMUTABLE", 0o2),
    ("UF_NODUMP", 0o1),
    ("UF_NOUNLINK", 0o20),
    ("UF_OPAQUE", 0o10),
    ("UF_SETTABLE", 0o177777),
    ("UF_TRACKED", 0o100),
];
