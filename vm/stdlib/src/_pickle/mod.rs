//! `_pickle`: pickling and unpickling, protocols 0 to 5 (PEP 307, 3154, 574).
//!
//! One run of pickling is a [`save::Pickling`], one of unpickling a [`machine::Unpickling`]: plain Rust values on the native stack, so that
//! the inner loops never go through an object. A `Pickler` or `Unpickler` object lends its memo to the run and refuses to be used meanwhile.
//! The exceptions' notes ("when serializing ...") name the path from the object that failed up to the root.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, Exception};
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};

mod buffer;
mod build;
mod machine;
mod memo;
mod pickler;
mod reduce;
mod save;
mod source;
mod unpickler;

use buffer::PickleBuffer;
use pickler::Pickler;
use unpickler::Unpickler;

/// The newest protocol, and the one that is used if none is asked for.
pub const HIGHEST: u8 = 5;
pub const DEFAULT: u8 = 5;

/// Items that one `APPENDS`, `SETITEMS` or `ADDITEMS` takes.
pub const BATCH: usize = 1000;

/// The opcodes, as `pickletools` documents them.
pub mod op {
    pub const MARK: u8 = b'(';
    pub const STOP: u8 = b'.';
    pub const POP: u8 = b'0';
    pub const POP_MARK: u8 = b'1';
    pub const DUP: u8 = b'2';
    pub const FLOAT: u8 = b'F';
    pub const INT: u8 = b'I';
    pub const BININT: u8 = b'J';
    pub const BININT1: u8 = b'K';
    pub const LONG: u8 = b'L';
    pub const BININT2: u8 = b'M';
    pub const NONE: u8 = b'N';
    pub const PERSID: u8 = b'P';
    pub const BINPERSID: u8 = b'Q';
    pub const REDUCE: u8 = b'R';
    pub const STRING: u8 = b'S';
    pub const BINSTRING: u8 = b'T';
    pub const SHORT_BINSTRING: u8 = b'U';
    pub const UNICODE: u8 = b'V';
    pub const BINUNICODE: u8 = b'X';
    pub const APPEND: u8 = b'a';
    pub const BUILD: u8 = b'b';
    pub const GLOBAL: u8 = b'c';
    pub const DICT: u8 = b'd';
    pub const EMPTY_DICT: u8 = b'}';
    pub const APPENDS: u8 = b'e';
    pub const GET: u8 = b'g';
    pub const BINGET: u8 = b'h';
    pub const INST: u8 = b'i';
    pub const LONG_BINGET: u8 = b'j';
    pub const LIST: u8 = b'l';
    pub const EMPTY_LIST: u8 = b']';
    pub const OBJ: u8 = b'o';
    pub const PUT: u8 = b'p';
    pub const BINPUT: u8 = b'q';
    pub const LONG_BINPUT: u8 = b'r';
    pub const SETITEM: u8 = b's';
    pub const TUPLE: u8 = b't';
    pub const EMPTY_TUPLE: u8 = b')';
    pub const SETITEMS: u8 = b'u';
    pub const BINFLOAT: u8 = b'G';
    pub const PROTO: u8 = 0x80;
    pub const NEWOBJ: u8 = 0x81;
    pub const EXT1: u8 = 0x82;
    pub const EXT2: u8 = 0x83;
    pub const EXT4: u8 = 0x84;
    pub const TUPLE1: u8 = 0x85;
    pub const TUPLE2: u8 = 0x86;
    pub const TUPLE3: u8 = 0x87;
    pub const NEWTRUE: u8 = 0x88;
    pub const NEWFALSE: u8 = 0x89;
    pub const LONG1: u8 = 0x8a;
    pub const LONG4: u8 = 0x8b;
    pub const BINBYTES: u8 = b'B';
    pub const SHORT_BINBYTES: u8 = b'C';
    pub const SHORT_BINUNICODE: u8 = 0x8c;
    pub const BINUNICODE8: u8 = 0x8d;
    pub const BINBYTES8: u8 = 0x8e;
    pub const EMPTY_SET: u8 = 0x8f;
    pub const ADDITEMS: u8 = 0x90;
    pub const FROZENSET: u8 = 0x91;
    pub const NEWOBJ_EX: u8 = 0x92;
    pub const STACK_GLOBAL: u8 = 0x93;
    pub const MEMOIZE: u8 = 0x94;
    pub const FRAME: u8 = 0x95;
    pub const BYTEARRAY8: u8 = 0x96;
    pub const NEXT_BUFFER: u8 = 0x97;
    pub const READONLY_BUFFER: u8 = 0x98;
}

macro_rules! exceptions {
    ($($(#[$doc:meta])* $name:ident: $base:ident;)*) => {$(
        $(#[$doc])*
        #[pyclass(module = "_pickle", base = $base, flags(BASETYPE))]
        #[repr(C)]
        pub struct $name {
            pub base: $base,
        }

        impl From<BaseException> for $name {
            fn from(base: BaseException) -> $name {
                $name { base: base.into() }
            }
        }

        #[pymethods]
        impl $name {
            #[new]
            #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
            fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
                krait_runtime::types::exceptions::new_of::<$name>(vm, cls, args)
            }
        }
    )*};
}

exceptions! {
    /// What goes wrong in pickling or unpickling.
    PickleError: Exception;
    /// An object cannot be pickled.
    PicklingError: PickleError;
    /// A pickle cannot be read.
    UnpicklingError: PickleError;
}

/// What `_pickle` needs of other modules.
#[derive(Default)]
pub struct State {
    modules: GilCell<Option<Modules>>,
}

#[derive(Clone)]
pub struct Modules {
    pub dispatch_table: Py<Dict>,
    pub extension_registry: Py<Dict>,
    pub inverted_registry: Py<Dict>,
    pub extension_cache: Py<Dict>,
    pub name_mapping: Py<Dict>,
    pub import_mapping: Py<Dict>,
    pub reverse_name_mapping: Py<Dict>,
    pub reverse_import_mapping: Py<Dict>,
    pub codecs_encode: Value,
    pub partial: Value,
}

/// The tables of `copyreg` and `_compat_pickle`.
pub fn modules(vm: &mut Vm) -> PyResult<Modules> {
    let state = vm.state::<State>();
    if let Some(modules) = state.modules.get(vm) {
        return Ok(modules.clone());
    }
    let modules = load_modules(vm)?;
    state.modules.replace(vm, Some(modules.clone()));
    Ok(modules)
}

fn load_modules(vm: &mut Vm) -> PyResult<Modules> {
    let copyreg = vm.import_module("copyreg")?;
    let compat = vm.import_module("_compat_pickle")?;
    let codecs = vm.import_module("codecs")?;
    let functools = vm.import_module("functools")?;
    let table = |vm: &mut Vm, module: &Value, prefix: &str, name: &str| -> PyResult<Py<Dict>> {
        let found = vm.getattr_str(module, name)?;
        match found.into_py::<Dict>() {
            Ok(dict) => Ok(dict),
            Err(other) => {
                let got = other.type_name();
                Err(vm.runtime_error(format!("{prefix}.{name} should be a dict, not {got}")))
            }
        }
    };
    let codecs_encode = vm.getattr_str(&codecs, "encode")?;
    if !is_callable(&codecs_encode) {
        let got = codecs_encode.type_name();
        return Err(vm.runtime_error(format!("codecs.encode should be a callable, not {got}")));
    }
    Ok(Modules {
        dispatch_table: table(vm, &copyreg, "copyreg", "dispatch_table")?,
        extension_registry: table(vm, &copyreg, "copyreg", "_extension_registry")?,
        inverted_registry: table(vm, &copyreg, "copyreg", "_inverted_registry")?,
        extension_cache: table(vm, &copyreg, "copyreg", "_extension_cache")?,
        name_mapping: table(vm, &compat, "_compat_pickle", "NAME_MAPPING")?,
        import_mapping: table(vm, &compat, "_compat_pickle", "IMPORT_MAPPING")?,
        reverse_name_mapping: table(vm, &compat, "_compat_pickle", "REVERSE_NAME_MAPPING")?,
        reverse_import_mapping: table(vm, &compat, "_compat_pickle", "REVERSE_IMPORT_MAPPING")?,
        codecs_encode,
        partial: vm.getattr_str(&functools, "partial")?,
    })
}

/// Whether the object can be called.
pub fn is_callable(value: &Value) -> bool {
    value.ty().slots.call.get().is_some()
}

/// The name of the object's type with its module in front, as `%T` formats it.
pub fn full_type_name(vm: &Vm, value: &Value) -> String {
    krait_runtime::types::typeobject::full_name(vm, value.ty())
}

pub fn pickling_error(vm: &mut Vm, message: impl AsRef<str>) -> Raised {
    vm.raise::<PicklingError>(message.as_ref())
}

pub fn unpickling_error(vm: &mut Vm, message: impl AsRef<str>) -> Raised {
    vm.raise::<UnpicklingError>(message.as_ref())
}

/// `repr(value)` as text for a message.
pub fn repr_text(vm: &mut Vm, value: &Value) -> PyResult<String> {
    Ok(vm.repr(value)?.to_string_lossy().into_owned())
}

/// A C `long`.
pub fn as_long(vm: &mut Vm, value: &Value) -> PyResult<i64> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).and_then(|i| i64::try_from(i).ok()) {
        Some(long) => Ok(long),
        None => Err(vm.overflow_error("Python int too large to convert to C long")),
    }
}

/// The protocol that the argument asks for.
fn protocol(vm: &mut Vm, protocol: &Value) -> PyResult<u8> {
    if protocol.is_none() {
        return Ok(DEFAULT);
    }
    let number = as_long(vm, protocol)?;
    match number {
        n if n < 0 => Ok(HIGHEST),
        n if n > i64::from(HIGHEST) => Err(vm.value_error(format!("pickle protocol must be <= {HIGHEST}"))),
        n => Ok(n as u8),
    }
}

/// The callback for out-of-band buffers, which old protocols do not know.
fn buffer_callback(vm: &mut Vm, callback: Value, proto: u8) -> PyResult<Option<Value>> {
    if callback.is_none() {
        return Ok(None);
    }
    if proto < 5 {
        return Err(vm.value_error("buffer_callback needs protocol >= 5"));
    }
    Ok(Some(callback))
}

/// Where a pickler writes.
fn write_method(vm: &mut Vm, file: &Value) -> PyResult {
    let name = vm.intern("write");
    match vm.getattr_opt(file, &name)? {
        Some(write) => Ok(write),
        None => Err(vm.type_error("file must have a 'write' attribute")),
    }
}

/// Write a pickled representation of obj to the open file object file.
///
/// The protocol is an int from 0 to HIGHEST_PROTOCOL, a negative one meaning the latter; without it the default
/// protocol is used. With fix_imports and a protocol below 3, names of modules are mapped to those of Python 2.
/// buffer_callback is called with every PickleBuffer under protocol 5; if what it returns is false, the buffer is
/// left out of the pickle.
#[krait_runtime::pyfunction(sig = "(obj, file, protocol=None, *, fix_imports=True, buffer_callback=None)")]
fn dump(obj: &Value, file: &Value, protocol: Value, fix_imports: bool, buffer_callback: Value, vm: &mut Vm) -> PyResult<()> {
    let proto = self::protocol(vm, &protocol)?;
    let mut run = save::Pickling::new(vm, proto, fix_imports)?;
    run.write = Some(write_method(vm, file)?);
    run.buffer_callback = self::buffer_callback(vm, buffer_callback, proto)?;
    run.dump(vm, obj)?;
    run.flush(vm)
}

/// Return the pickled representation of the object as a bytes object; the arguments are those of dump().
#[krait_runtime::pyfunction(sig = "(obj, protocol=None, *, fix_imports=True, buffer_callback=None)")]
fn dumps(obj: &Value, protocol: Value, fix_imports: bool, buffer_callback: Value, vm: &mut Vm) -> PyResult {
    let proto = self::protocol(vm, &protocol)?;
    let mut run = save::Pickling::new(vm, proto, fix_imports)?;
    run.buffer_callback = self::buffer_callback(vm, buffer_callback, proto)?;
    run.dump(vm, obj)?;
    Ok(vm.new_bytes(run.output())?.into_value())
}

/// Read a pickle from the open file object file and return the object hierarchy that it describes.
///
/// The protocol is found out from the data; what follows the pickle is left alone. encoding and errors say how
/// to decode the 8-bit strings of Python 2 ('bytes' leaves them as they are), fix_imports maps its module names.
/// buffers gives the buffers that the pickler left out.
#[krait_runtime::pyfunction(sig = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)", text = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())")]
fn load(file: &Value, fix_imports: bool, encoding: String, errors: String, buffers: Value, vm: &mut Vm) -> PyResult {
    let source = source::Source::of_file(vm, file)?;
    let mut run = machine::Unpickling::new(vm, source, fix_imports, encoding, errors)?;
    run.set_buffers(vm, &buffers)?;
    run.load(vm)
}

/// Read a pickle from a bytes-like object and return the object hierarchy that it describes; the other arguments are
/// those of load().
#[krait_runtime::pyfunction(sig = "(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)", text = "(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())")]
fn loads(data: &Value, fix_imports: bool, encoding: String, errors: String, buffers: Value, vm: &mut Vm) -> PyResult {
    let source = source::Source::of_bytes(vm, data)?;
    let mut run = machine::Unpickling::new(vm, source, fix_imports, encoding, errors)?;
    run.set_buffers(vm, &buffers)?;
    run.load(vm)
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let _ = dict;
    modules(vm).map(drop)
}

krait_runtime::module! {
    "_pickle",
    doc: "What pickle has in native code; use pickle instead.",
    functions: [dump, dumps, load, loads],
    types: [PickleError, PicklingError, UnpicklingError, Pickler, Unpickler, PickleBuffer],
    exec: init,
    single: true,
}
