//! The `marshal` module: values in and out of CPython's serialisation, over the format in `krait_bytecode::marshal`.

use crate::types::bytes::Bytes;
use crate::types::code::{CodeFields, CodeObject};
use crate::types::dict::Dict;
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm, pyfunction};
use krait_bytecode::marshal::{Builder, CodeParts, ErrorClass, MarshalError, Reader, Shape, Source};
use krait_bytecode::verify::{Layout, Scratch, verify_with};
use krait_heap::Payload;
use num_bigint::BigInt;
use std::borrow::Cow;

/// What can go wrong: the data, or making a value. Small, for every step hands it up.
pub enum Error {
    Data(Box<MarshalError>),
    Raised(Raised),
}

impl From<MarshalError> for Error {
    #[cold]
    fn from(e: MarshalError) -> Error {
        Error::Data(Box::new(e))
    }
}

impl From<Raised> for Error {
    fn from(e: Raised) -> Error {
        Error::Raised(e)
    }
}

impl Error {
    fn raise(self, vm: &mut Vm) -> Raised {
        match self {
            Error::Raised(e) => e,
            Error::Data(e) => match e.class {
                ErrorClass::EofError => vm.eof_error(e.message),
                ErrorClass::ValueError => vm.value_error(e.message),
                ErrorClass::TypeError => vm.type_error(e.message),
                ErrorClass::OverflowError => vm.overflow_error(e.message),
                ErrorClass::MemoryError => vm.memory_error(),
            },
        }
    }
}

/// Reads one object out of bytes.
pub fn loads(vm: &mut Vm, data: &[u8], allow_code: bool) -> PyResult {
    let mut maker = Maker::new(vm, None);
    let result = Reader::new(data, &mut maker, allow_code).read();
    result.map_err(|e| e.raise(vm))
}

/// Reads one object out of bytes; all code objects in it bear the file name `filename`.
pub fn loads_as(vm: &mut Vm, data: &[u8], filename: &str) -> PyResult {
    let filename = vm.new_str(filename)?;
    let mut maker = Maker { filename: Some(filename), ..Maker::new(vm, None) };
    let result = Reader::new(data, &mut maker, true).read();
    result.map_err(|e| e.raise(vm))
}

/// Reads one object out of the beginning of bytes; gives the number of bytes that it takes, too.
pub fn loads_prefix(vm: &mut Vm, data: &[u8], allow_code: bool) -> PyResult<(Value, usize)> {
    let mut maker = Maker::new(vm, None);
    let mut reader = Reader::new(data, &mut maker, allow_code);
    let result = reader.read();
    let used = data.len() - reader.rest().len();
    result.map(|value| (value, used)).map_err(|e| e.raise(vm))
}

/// Writes one object.
pub fn dumps(vm: &mut Vm, value: &Value, version: i32, allow_code: bool) -> PyResult<Vec<u8>> {
    let mut source = Shaper { vm };
    let result = krait_bytecode::marshal::write(&mut source, value, version, allow_code);
    result.map_err(|e| e.raise(vm))
}

struct Maker<'v> {
    vm: &'v mut Vm,
    /// `read` or `readinto` of the file that is read.
    stream: Option<Value>,
    /// Stands for every file name in the data.
    filename: Option<Py<Str>>,
    /// Where announced names stand in the data, and their hashes; those from `next` on have not been read yet.
    names: Vec<(*const [u8], i64)>,
    next: usize,
    scratch: Scratch,
}

impl<'v> Maker<'v> {
    fn new(vm: &'v mut Vm, stream: Option<Value>) -> Maker<'v> {
        Maker { vm, stream, filename: None, names: Vec::new(), next: 0, scratch: Scratch::default() }
    }
}

type Made = Result<Value, Error>;

/// Bytes that are asked of a file at once.
const MAX_PIECE: usize = 1 << 20;

impl Builder for Maker<'_> {
    type Value = Value;
    type Error = Error;

    fn none(&mut self) -> Made {
        Ok(Value::none())
    }
    fn stop_iteration(&mut self) -> Made {
        use crate::PyClass;
        Ok(crate::types::exceptions::StopIteration::static_type().ready(self.vm)?.to_value())
    }
    fn ellipsis(&mut self) -> Made {
        Ok(Value::ellipsis())
    }
    fn bool(&mut self, value: bool) -> Made {
        Ok(Value::from_bool(value))
    }
    fn int(&mut self, value: i64) -> Made {
        Ok(self.vm.new_int(value)?)
    }
    fn bigint(&mut self, value: BigInt) -> Made {
        Ok(self.vm.new_bigint(value)?)
    }
    fn float(&mut self, value: f64) -> Made {
        Ok(self.vm.new_float(value)?)
    }
    fn complex(&mut self, re: f64, im: f64) -> Made {
        Ok(self.vm.new_complex(re, im)?)
    }
    fn bytes(&mut self, value: &[u8]) -> Made {
        Ok(self.vm.new_bytes(value)?.into_value())
    }
    fn latin1(&mut self, value: &[u8], interned: bool) -> Made {
        if !interned {
            return Ok(self.vm.new_str_latin1(value)?.into_value());
        }
        match self.names.get(self.next) {
            Some((place, hash)) if std::ptr::eq(*place, value) => {
                self.next += 1;
                Ok(self.vm.intern_hashed(value, *hash)?.into_value())
            }
            _ => Ok(self.vm.intern_latin1(value)?.into_value()),
        }
    }
    fn announce(&mut self, value: &[u8]) {
        if self.next > 0 {
            self.names.clear();
            self.next = 0;
        }
        let hash = self.vm.interp.hash_bytes(value);
        self.vm.interp.interned.get(self.vm).fetch_slot(hash);
        self.names.push((value, hash));
    }
    fn announced(&mut self) {
        let table = self.vm.interp.interned.get(self.vm);
        self.names.iter().for_each(|(_, hash)| table.fetch_string(*hash));
    }
    fn utf8(&mut self, value: &[u8], interned: bool) -> Made {
        let Some(text) = krait_unicode::TextBuf::from_bytes(value) else {
            return Err(MarshalError::new(ErrorClass::ValueError, "bad marshal data (invalid UTF-8)").into());
        };
        let s = self.vm.new_str_text(&text)?;
        Ok(if interned { self.vm.intern_object(&s) } else { s }.into_value())
    }
    fn tuple(&mut self, items: Vec<Value>) -> Made {
        // Among the items may be a tuple that is still being made.
        let tuple = crate::types::tuple::begin(self.vm, items.len())?;
        items.into_iter().enumerate().for_each(|(at, item)| crate::types::tuple::complete(self.vm, &tuple, at, item));
        Ok(tuple.into_value())
    }
    fn tuple_begin(&mut self, len: usize) -> Result<Option<Value>, Error> {
        if len == 0 {
            return Ok(None);
        }
        Ok(Some(crate::types::tuple::begin(self.vm, len)?.into_value()))
    }
    fn tuple_set(&mut self, tuple: &Value, at: usize, item: Value) -> Result<(), Error> {
        if let Some(tuple) = tuple.downcast_exact::<Tuple>() {
            crate::types::tuple::complete(self.vm, tuple, at, item);
        }
        Ok(())
    }
    fn list(&mut self) -> Made {
        Ok(self.vm.new_list(Vec::new())?.into_value())
    }
    fn list_append(&mut self, list: &Value, item: Value) -> Result<(), Error> {
        if let Some(list) = list.downcast::<List>() {
            list.push(self.vm, item)?;
        }
        Ok(())
    }
    fn dict(&mut self) -> Made {
        Ok(self.vm.new_dict()?.into_value())
    }
    fn dict_set(&mut self, dict: &Value, key: Value, value: Value) -> Result<(), Error> {
        if let Some(dict) = dict.downcast::<Dict>() {
            dict.set(self.vm, &key, value)?;
        }
        Ok(())
    }
    fn set(&mut self) -> Made {
        Ok(self.vm.new_set()?.into_value())
    }
    fn set_add(&mut self, set: &Value, item: Value) -> Result<(), Error> {
        let add = self.vm.intern("add");
        self.vm.call_method(set, &add, &[item])?;
        Ok(())
    }
    fn frozenset(&mut self, items: Vec<Value>) -> Made {
        Ok(self.vm.new_frozenset_of(items)?)
    }
    fn slice(&mut self, start: Value, stop: Value, step: Value) -> Made {
        Ok(self.vm.new_slice(start, stop, step)?.into_value())
    }
    fn code(&mut self, parts: CodeParts<Value>) -> Made {
        let parts = match &self.filename {
            Some(filename) => CodeParts { filename: filename.to_value(), ..parts },
            None => parts,
        };
        Ok(code_from_parts(self.vm, parts, &mut self.scratch)?)
    }
    fn read_stream(&mut self, len: usize) -> Result<Vec<u8>, Error> {
        let Some(file) = self.stream.clone() else { return Err(MarshalError::new(ErrorClass::EofError, "marshal data too short").into()) };
        let mut all = Vec::new();
        while all.len() < len {
            // In pieces: the length comes from the data and may promise too much.
            let piece = (len - all.len()).min(MAX_PIECE);
            let buffer = self.vm.new_bytearray(vec![0; piece])?.into_value();
            let view = self.vm.new_memoryview(&buffer, crate::protocol::buffer::flags::FULL_RO)?.into_value();
            let result = self.vm.call_method(&file, n!(readinto), &[view])?;
            let count = self.vm.as_isize(&result)?;
            let count = usize::try_from(count).unwrap_or(0);
            if count > piece {
                let text = format!("read() returned too much data: {piece} bytes requested, {count} returned");
                return Err(self.vm.value_error(text).into());
            }
            if count < piece {
                return Err(MarshalError::new(ErrorClass::EofError, "EOF read where not expected").into());
            }
            all.extend(self.vm.bytes_of(&buffer)?);
        }
        Ok(all)
    }
}

struct Shaper<'v> {
    vm: &'v mut Vm,
}

impl Source<'static> for Shaper<'_> {
    type Value = Value;
    type Key = u64;
    type Error = Error;

    fn shape(&mut self, value: &Value) -> Result<Shape<'static, Value>, Error> {
        use crate::types::{bytearray::ByteArray, complex::Complex, float, set::{FrozenSet, Set}, slice::Slice};
        let vm = &mut *self.vm;
        if value.is_none() {
            return Ok(Shape::None);
        }
        if value.is_true() {
            return Ok(Shape::True);
        }
        if value.is_false() {
            return Ok(Shape::False);
        }
        if value.is_ellipsis() {
            return Ok(Shape::Ellipsis);
        }
        if let Some(ty) = value.downcast::<crate::types::type_::PyType>() {
            use crate::PyClass;
            let stop = crate::types::exceptions::StopIteration::static_type().ready(vm)?;
            return Ok(if ty.is(stop) { Shape::StopIteration } else { Shape::Unknown });
        }
        if value.is_exact::<crate::types::int::Int>() {
            return Ok(match IntRef::new(value) {
                Some(IntRef::Small(i)) => Shape::Int(i),
                Some(IntRef::Big(b)) => Shape::BigInt(Cow::Owned(b.clone())),
                None => Shape::Unknown,
            });
        }
        if value.is_exact::<float::Float>() {
            return Ok(float::float_value(value).map_or(Shape::Unknown, Shape::Float));
        }
        if let Some(c) = value.downcast_exact::<Complex>() {
            return Ok(Shape::Complex(c.real, c.imag));
        }
        if let Some(b) = value.downcast_exact::<Bytes>() {
            self.vm.require_room(b.as_bytes().len() * 2)?;
            return Ok(Shape::Bytes(Cow::Owned(b.as_bytes().to_vec())));
        }
        if let Some(s) = value.downcast_exact::<Str>() {
            return Ok(Shape::Str { text: Cow::Owned(s.to_text().as_bytes().to_vec()), interned: s.is_interned() });
        }
        if let Some(t) = value.downcast_exact::<Tuple>() {
            return Ok(Shape::Tuple(t.items().to_vec()));
        }
        if let Some(l) = value.downcast_exact::<List>() {
            return Ok(Shape::List(l.items(vm).to_vec()));
        }
        if let Some(d) = value.downcast_exact::<Dict>() {
            return Ok(Shape::Dict(d.to_vec(vm)));
        }
        if value.is_exact::<Set>() {
            return Ok(Shape::Set(vm.collect(value)?));
        }
        if value.is_exact::<FrozenSet>() {
            return Ok(Shape::FrozenSet(vm.collect(value)?));
        }
        if let Some(s) = value.downcast_exact::<Slice>() {
            return Ok(Shape::Slice([s.start.clone(), s.stop.clone(), s.step.clone()]));
        }
        if let Some(code) = value.downcast_exact::<CodeObject>() {
            return Ok(Shape::Code(Box::new(code_to_parts(vm, code)?)));
        }
        if value.is_exact::<ByteArray>() || value.ty().slots.buffer.get().is_some() {
            return Ok(Shape::Bytes(Cow::Owned(vm.bytes_of(value)?)));
        }
        Ok(Shape::Unknown)
    }

    fn set_identity(&mut self, value: &Value) -> Option<u64> {
        value.header().map(|_| value.bits())
    }

    fn shared(&mut self, value: &Value) -> Option<u64> {
        let header = value.header()?;
        (header.refcnt() > 1).then(|| value.bits())
    }
}

/// A code object out of marshal data, after it has been checked: hostile data must not run.
fn code_from_parts(vm: &mut Vm, parts: CodeParts<Value>, scratch: &mut Scratch) -> PyResult {
    fn bad(vm: &mut Vm, what: &str) -> Raised {
        vm.value_error(format!("bad marshal data ({what} of a code object)"))
    }
    fn part<T: Payload>(vm: &mut Vm, value: Value, what: &str) -> PyResult<Py<T>> {
        value.into_py::<T>().map_err(|_| bad(vm, what))
    }
    let number = |vm: &mut Vm, i: i32, what: &str| u32::try_from(i).map_err(|_| bad(vm, what));
    let fields = CodeFields {
        argcount: number(vm, parts.argcount, "argcount")?,
        posonlyargcount: number(vm, parts.posonlyargcount, "posonlyargcount")?,
        kwonlyargcount: number(vm, parts.kwonlyargcount, "kwonlyargcount")?,
        stacksize: number(vm, parts.stacksize, "stacksize")?,
        flags: number(vm, parts.flags, "flags")?,
        firstlineno: parts.firstlineno,
        code: part(vm, parts.code, "code")?,
        consts: part(vm, parts.consts, "consts")?,
        names: part(vm, parts.names, "names")?,
        localsplusnames: part(vm, parts.localsplusnames, "localsplusnames")?,
        kinds: part(vm, parts.localspluskinds, "localspluskinds")?,
        filename: part(vm, parts.filename, "filename")?,
        name: part(vm, parts.name, "name")?,
        qualname: part(vm, parts.qualname, "qualname")?,
        linetable: part(vm, parts.linetable, "linetable")?,
        exceptiontable: part(vm, parts.exceptiontable, "exceptiontable")?,
    };
    let names = [&fields.names, &fields.localsplusnames];
    if names.iter().any(|t| t.items().iter().any(|n| !n.is::<Str>())) {
        return Err(bad(vm, "names"));
    }
    verify(vm, &fields, scratch)?;
    let code = vm.new_code_object(fields)?;
    code.set_sound();
    Ok(code.into_value())
}

/// Whether the bytecode is safe to run; ValueError with the offset and the reason if not.
fn verify(vm: &mut Vm, f: &CodeFields, scratch: &mut Scratch) -> PyResult<()> {
    let layout = Layout {
        argcount: f.argcount,
        posonlyargcount: f.posonlyargcount,
        kwonlyargcount: f.kwonlyargcount,
        stacksize: f.stacksize,
        flags: f.flags,
        code: &f.code,
        consts: f.consts.len(),
        names: f.names.len(),
        localsplusnames: f.localsplusnames.len(),
        localspluskinds: &f.kinds,
        exceptiontable: &f.exceptiontable,
    };
    verify_with(layout, scratch).map_err(|e| vm.value_error(format!("bad marshal data ({e})")))
}

/// The parts of a code object, for the writer.
fn code_to_parts(vm: &mut Vm, code: &Py<CodeObject>) -> PyResult<CodeParts<Value>> {
    let filename = code.filename.load(vm).into_value();
    Ok(CodeParts {
        argcount: code.argcount as i32,
        posonlyargcount: code.posonlyargcount as i32,
        kwonlyargcount: code.kwonlyargcount as i32,
        stacksize: code.stacksize as i32,
        flags: code.flags as i32,
        code: code.bytecode.to_value(),
        consts: code.consts.to_value(),
        names: code.names.to_value(),
        localsplusnames: code.localsplusnames.to_value(),
        // A new one each time, as the refcount that decides upon references would be.
        localspluskinds: vm.new_bytes(&code.kinds)?.into_value(),
        filename,
        name: code.name.to_value(),
        qualname: code.qualname.to_value(),
        firstlineno: code.firstlineno,
        linetable: code.linetable.to_value(),
        exceptiontable: code.exceptiontable.to_value(),
    })
}

/// Write an object to a file that is open for writing bytes.
#[pyfunction(sig = "(value, file, version=5, /, *, allow_code=True)")]
fn dump(value: &Value, file: &Value, version: i32, allow_code: bool, vm: &mut Vm) -> PyResult {
    vm.audit("marshal.dumps", &[value.clone(), Value::from_i32(version)])?;
    let data = dumps(vm, value, version, allow_code)?;
    let data = vm.new_bytes(&data)?.into_value();
    vm.call_method(file, n!(write), &[data])
}

/// Read an object from a file that is open for reading bytes.
#[pyfunction(sig = "(file, /, *, allow_code=True)")]
fn load(file: &Value, allow_code: bool, vm: &mut Vm) -> PyResult {
    vm.audit("marshal.load", &[])?;
    // Asked for nothing, to see that the file reads bytes.
    let nothing = vm.call_method(file, n!(read), &[Value::from_i32(0)])?;
    if !nothing.is::<Bytes>() {
        let name = nothing.type_name();
        return Err(vm.type_error(format!("file.read() returned not bytes but {name}")));
    }
    let mut maker = Maker::new(vm, Some(file.clone()));
    let result = Reader::from_stream(&mut maker, allow_code).read();
    result.map_err(|e| e.raise(vm))
}

/// The bytes that `dump()` would write.
#[pyfunction(name = "dumps", sig = "(value, version=5, /, *, allow_code=True)")]
fn dumps_(value: &Value, version: i32, allow_code: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
    vm.audit("marshal.dumps", &[value.clone(), Value::from_i32(version)])?;
    let data = dumps(vm, value, version, allow_code)?;
    vm.new_bytes(&data)
}

/// Read an object out of bytes; what stands behind it is ignored.
#[pyfunction(name = "loads", sig = "(bytes, /, *, allow_code=True)")]
fn loads_(bytes: &Value, allow_code: bool, vm: &mut Vm) -> PyResult {
    let data = vm.byte_view(bytes)?;
    vm.audit_with("marshal.loads", |vm| Ok(vec![vm.new_bytes(&data)?.into_value()]))?;
    loads(vm, &data, allow_code)
}

crate::module! {
    "marshal",
    doc: "Reading and writing values in the format of .pyc files.\n\nThe format is for the interpreter's own use and may change; data of others is not to be trusted.",
    functions: [dump, load, dumps_, loads_],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let name = vm.intern("version");
    dict.set_str(vm, &name, Value::from_i32(5))
}
