//! Unpickling: the machine with its stack, marks and memo. How objects are made and filled is in `build.rs`.

use super::source::Source;
use super::{HIGHEST, op, unpickling_error};
use krait_runtime::types::exceptions::catch;
use krait_runtime::types::exceptions::UnicodeDecodeError;
use krait_runtime::types::memoryview::MemoryView;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Raised, Value, Vm};
use num_bigint::BigInt;
use std::collections::HashMap;

/// What has been memoized. Numbers far beyond the others, which only damaged or hostile pickles have, do not make the table large.
#[derive(Default)]
pub struct LoadMemo {
    near: Vec<Option<Value>>,
    far: HashMap<usize, Value>,
    count: usize,
}

impl LoadMemo {
    #[inline]
    pub fn get(&self, number: usize) -> Option<&Value> {
        match self.near.get(number) {
            Some(found) => found.as_ref(),
            None => self.far.get(&number),
        }
    }

    /// Sets the entry; gives back the old one.
    #[inline]
    pub fn set(&mut self, number: usize, value: Value) -> Option<Value> {
        if number >= self.near.len() {
            if number > 2 * self.near.len() + 1024 {
                let old = self.far.insert(number, value);
                self.count += usize::from(old.is_none());
                return old;
            }
            let grown = (number + 1).max(self.near.len() * 2).max(32);
            self.near.resize(grown, None);
            let far = &mut self.far;
            if !far.is_empty() {
                for (i, slot) in self.near.iter_mut().enumerate() {
                    if slot.is_none() {
                        *slot = far.remove(&i);
                    }
                }
            }
        }
        let old = self.near.get_mut(number).and_then(|slot| slot.replace(value));
        self.count += usize::from(old.is_none());
        old
    }

    pub fn entries(&self) -> Vec<(usize, Value)> {
        let near = self.near.iter().enumerate().filter_map(|(i, v)| Some((i, v.clone()?)));
        let mut all: Vec<_> = near.chain(self.far.iter().map(|(i, v)| (*i, v.clone()))).collect();
        all.sort_by_key(|e| e.0);
        all
    }

    pub fn capacity(&self) -> usize {
        self.near.len().max(32)
    }
}

impl krait_heap::Traverse for LoadMemo {
    fn traverse(&self, visit: &mut krait_heap::Visit<'_>) {
        self.near.iter().flatten().for_each(&mut *visit);
        self.far.values().for_each(visit);
    }

    fn clear(&mut self, out: &mut krait_heap::Clear) {
        out.extend(std::mem::take(&mut self.near).into_iter().flatten());
        out.extend(std::mem::take(&mut self.far).into_values());
    }
}

/// One run of unpickling.
pub struct Unpickling {
    pub source: Source,
    pub stack: Vec<Value>,
    marks: Vec<usize>,
    /// The topmost mark: what stands below belongs to others.
    pub fence: usize,
    pub memo: LoadMemo,
    pub proto: u8,
    pub fix_imports: bool,
    encoding: String,
    errors: String,
    pub buffers: Option<Value>,
    /// The Unpickler object, whose `find_class` is asked; none if a function unpickles.
    pub unpickler: Option<Value>,
    pub persistent_load: Option<Value>,
}

/// Whether the machine goes on.
enum Step {
    On,
    Stop,
}

impl Unpickling {
    pub fn new(vm: &mut Vm, source: Source, fix_imports: bool, encoding: String, errors: String) -> PyResult<Unpickling> {
        let _ = vm;
        Ok(Unpickling {
            source,
            stack: Vec::with_capacity(16),
            marks: Vec::new(),
            fence: 0,
            memo: LoadMemo::default(),
            proto: 0,
            fix_imports,
            encoding,
            errors,
            buffers: None,
            unpickler: None,
            persistent_load: None,
        })
    }

    pub fn set_buffers(&mut self, vm: &mut Vm, buffers: &Value) -> PyResult<()> {
        self.buffers = if buffers.is_none() { None } else { Some(vm.iter(buffers)?) };
        Ok(())
    }

    /// Reads one pickle.
    pub fn load(&mut self, vm: &mut Vm) -> PyResult {
        loop {
            let code = match self.source.next_byte() {
                Some(code) => code,
                None => match self.source.read(vm, 1) {
                    Ok(bytes) => bytes.first().copied().unwrap_or_default(),
                    Err(e) if vm.is_raised::<super::UnpicklingError>(&e) => return Err(vm.eof_error("Ran out of input")),
                    Err(e) => return Err(e),
                },
            };
            match self.step(vm, code)? {
                Step::On => {}
                Step::Stop => break,
            }
        }
        self.source.skip_consumed(vm)?;
        self.pop(vm)
    }

    #[cold]
    pub fn underflow(&self, vm: &mut Vm) -> Raised {
        unpickling_error(vm, if self.marks.is_empty() { "unpickling stack underflow" } else { "unexpected MARK found" })
    }

    #[inline]
    pub fn push(&mut self, value: Value) -> PyResult<()> {
        self.stack.push(value);
        Ok(())
    }

    #[inline]
    pub fn pop(&mut self, vm: &mut Vm) -> PyResult {
        if self.stack.len() > self.fence
            && let Some(value) = self.stack.pop() {
                return Ok(value);
            }
        Err(self.underflow(vm))
    }

    /// The object on top.
    pub fn top(&mut self, vm: &mut Vm) -> PyResult {
        match self.stack.last() {
            Some(value) if self.stack.len() > self.fence => Ok(value.clone()),
            _ => Err(self.underflow(vm)),
        }
    }

    /// Takes the topmost mark away; where it stood.
    pub fn marker(&mut self, vm: &mut Vm) -> PyResult<usize> {
        let Some(mark) = self.marks.pop() else { return Err(unpickling_error(vm, "could not find MARK")) };
        self.fence = self.marks.last().copied().unwrap_or(0);
        Ok(mark.min(self.stack.len()))
    }

    /// The objects above the topmost mark.
    pub fn pop_to_mark(&mut self, vm: &mut Vm) -> PyResult<Vec<Value>> {
        let mark = self.marker(vm)?;
        Ok(self.stack.split_off(mark))
    }

    fn load_pop(&mut self, vm: &mut Vm) -> PyResult<()> {
        if self.marks.last() == Some(&self.stack.len()) {
            return self.marker(vm).map(drop);
        }
        self.pop(vm).map(drop)
    }

    fn load_mark(&mut self) {
        self.fence = self.stack.len();
        self.marks.push(self.fence);
    }

    /// One instruction: those that push plain data and handle stack and memo.
    fn step(&mut self, vm: &mut Vm, code: u8) -> PyResult<Step> {
        match code {
            op::NONE => self.push(Value::none())?,
            op::NEWTRUE => self.push(Value::from_bool(true))?,
            op::NEWFALSE => self.push(Value::from_bool(false))?,
            op::BININT => {
                let i = i32::from_le_bytes(self.source.array(vm)?);
                self.push(Value::from_i32(i))?;
            }
            op::BININT1 => {
                let [i] = self.source.array(vm)?;
                self.push(Value::from_i32(i32::from(i)))?;
            }
            op::BININT2 => {
                let i = u16::from_le_bytes(self.source.array(vm)?);
                self.push(Value::from_i32(i32::from(i)))?;
            }
            op::BINFLOAT => {
                let bytes = self.source.array(vm)?;
                let f = vm.new_float(f64::from_be_bytes(bytes))?;
                self.push(f)?;
            }
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => self.load_binunicode(vm, code)?,
            op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 => self.load_binbytes(vm, code)?,
            op::MEMOIZE => {
                let number = self.memo.count;
                self.memoize(vm, number)?;
            }
            op::BINPUT => {
                let [number] = self.source.array(vm)?;
                self.memoize(vm, usize::from(number))?;
            }
            op::LONG_BINPUT => {
                let number = u32::from_le_bytes(self.source.array(vm)?);
                self.memoize(vm, number as usize)?;
            }
            op::PUT => self.load_put(vm)?,
            op::BINGET => {
                let [number] = self.source.array(vm)?;
                self.recall(vm, i64::from(number))?;
            }
            op::LONG_BINGET => {
                let number = u32::from_le_bytes(self.source.array(vm)?);
                self.recall(vm, i64::from(number))?;
            }
            op::GET => self.load_get(vm)?,
            op::MARK => self.load_mark(),
            op::POP => self.load_pop(vm)?,
            op::POP_MARK => drop(self.pop_to_mark(vm)?),
            op::DUP => {
                let top = self.top(vm)?;
                self.push(top)?;
            }
            op::STOP => return Ok(Step::Stop),
            op::PROTO => self.load_proto(vm)?,
            op::FRAME => self.load_frame(vm)?,
            op::EMPTY_LIST | op::EMPTY_DICT | op::EMPTY_SET | op::EMPTY_TUPLE | op::TUPLE1 | op::TUPLE2 | op::TUPLE3 | op::TUPLE | op::LIST | op::DICT
            | op::FROZENSET | op::APPEND | op::APPENDS | op::SETITEM | op::SETITEMS | op::ADDITEMS => self.container(vm, code)?,
            _ => self.rare(vm, code)?,
        }
        Ok(Step::On)
    }

    /// Instructions that call something, and those of old protocols.
    fn rare(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        match code {
            op::GLOBAL => self.load_global(vm),
            op::STACK_GLOBAL => self.load_stack_global(vm),
            op::REDUCE => self.load_reduce(vm),
            op::NEWOBJ => self.load_newobj(vm, false),
            op::NEWOBJ_EX => self.load_newobj(vm, true),
            op::BUILD => self.load_build(vm),
            op::OBJ => self.load_obj(vm),
            op::INST => self.load_inst(vm),
            op::INT => self.load_int(vm),
            op::LONG => self.load_long(vm),
            op::LONG1 | op::LONG4 => self.load_counted_long(vm, code),
            op::FLOAT => self.load_float(vm),
            op::STRING => self.load_string(vm),
            op::SHORT_BINSTRING | op::BINSTRING => self.load_binstring(vm, code),
            op::UNICODE => self.load_unicode(vm),
            op::BYTEARRAY8 => self.load_bytearray(vm),
            op::NEXT_BUFFER => self.load_next_buffer(vm),
            op::READONLY_BUFFER => self.load_readonly_buffer(vm),
            op::PERSID => self.load_persid(vm),
            op::BINPERSID => {
                let id = self.pop(vm)?;
                self.persistent(vm, id)
            }
            op::EXT1 | op::EXT2 | op::EXT4 => self.load_extension(vm, code),
            _ => Err(match code {
                b'\'' | b'\\' => unpickling_error(vm, format!("invalid load key, '\\x{code:02x}'.")),
                0x20..=0x7e => unpickling_error(vm, format!("invalid load key, '{}'.", code as char)),
                _ => unpickling_error(vm, format!("invalid load key, '\\x{code:02x}'.")),
            }),
        }
    }

    fn memoize(&mut self, vm: &mut Vm, number: usize) -> PyResult<()> {
        let value = self.top(vm)?;
        drop(self.memo.set(number, value));
        Ok(())
    }

    fn recall(&mut self, vm: &mut Vm, number: i64) -> PyResult<()> {
        match usize::try_from(number).ok().and_then(|n| self.memo.get(n)) {
            Some(value) => {
                let value = value.clone();
                self.push(value)
            }
            None => Err(unpickling_error(vm, format!("Memo value not found at index {number}"))),
        }
    }

    fn load_put(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.text_line(vm, 2)?;
        self.top(vm)?;
        let number = parse_int(vm, &line)?;
        let number = vm.as_isize(&number)?;
        match usize::try_from(number) {
            Ok(number) => self.memoize(vm, number),
            Err(_) => Err(vm.value_error("negative PUT argument")),
        }
    }

    fn load_get(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.text_line(vm, 2)?;
        let number = parse_int(vm, &line)?;
        let number = vm.as_isize(&number)?;
        self.recall(vm, number as i64)
    }

    fn load_proto(&mut self, vm: &mut Vm) -> PyResult<()> {
        let [proto] = self.source.array(vm)?;
        if proto > HIGHEST {
            return Err(vm.value_error(format!("unsupported pickle protocol: {proto}")));
        }
        self.proto = proto;
        Ok(())
    }

    fn load_frame(&mut self, vm: &mut Vm) -> PyResult<()> {
        let Some(len) = self.size(vm, 8)? else {
            return Err(vm.overflow_error(format!("FRAME length exceeds system's maximum of {} bytes", isize::MAX)));
        };
        self.source.begin_frame(vm, len)
    }

    /// A line with its end, at least `min` bytes of it.
    pub fn text_line(&mut self, vm: &mut Vm, min: usize) -> PyResult<Vec<u8>> {
        let line = self.source.line(vm)?;
        if line.len() < min { Err(unpickling_error(vm, "pickle data was truncated")) } else { Ok(line) }
    }

    /// A size of `width` bytes; none if it is larger than any memory.
    fn size(&mut self, vm: &mut Vm, width: usize) -> PyResult<Option<usize>> {
        let bytes = self.source.read(vm, width)?;
        let size = bytes.iter().rev().fold(0u64, |n, &b| n << 8 | u64::from(b));
        Ok(isize::try_from(size).ok().map(|n| n as usize))
    }

    fn load_binunicode(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let width = match code {
            op::SHORT_BINUNICODE => 1,
            op::BINUNICODE => 4,
            _ => 8,
        };
        let Some(len) = self.size(vm, width)? else {
            return Err(vm.overflow_error(format!("BINUNICODE exceeds system's maximum size of {} bytes", isize::MAX)));
        };
        let bytes = self.source.read(vm, len)?;
        let string = match std::str::from_utf8(bytes) {
            Ok(text) => vm.new_str(text)?,
            Err(_) => {
                let object = vm.new_bytes(bytes)?.into_value();
                vm.decode_to_str(&object, "utf-8", "surrogatepass")?
            }
        };
        self.push(string.into_value())
    }

    fn load_binbytes(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let width = match code {
            op::SHORT_BINBYTES => 1,
            op::BINBYTES => 4,
            _ => 8,
        };
        let Some(len) = self.size(vm, width)? else {
            return Err(vm.overflow_error(format!("BINBYTES exceeds system's maximum size of {} bytes", isize::MAX)));
        };
        let bytes = self.source.read_owned(vm, len)?;
        let bytes = vm.new_bytes(&bytes)?;
        self.push(bytes.into_value())
    }

    fn load_bytearray(&mut self, vm: &mut Vm) -> PyResult<()> {
        let Some(len) = self.size(vm, 8)? else {
            return Err(vm.overflow_error(format!("BYTEARRAY8 exceeds system's maximum size of {} bytes", isize::MAX)));
        };
        let bytes = self.source.read_owned(vm, len)?;
        let array = vm.new_bytearray(bytes)?;
        self.push(array.into_value())
    }

    fn load_next_buffer(&mut self, vm: &mut Vm) -> PyResult<()> {
        let Some(buffers) = self.buffers.clone() else {
            return Err(unpickling_error(vm, "pickle stream refers to out-of-band data but no *buffers* argument was given"));
        };
        match vm.iter_next(&buffers)? {
            Some(buffer) => self.push(buffer),
            None => Err(unpickling_error(vm, "not enough out-of-band buffers")),
        }
    }

    fn load_readonly_buffer(&mut self, vm: &mut Vm) -> PyResult<()> {
        let object = self.top(vm)?;
        let view = vm.new_memoryview(&object, krait_runtime::protocol::buffer::flags::FULL_RO)?;
        let readonly = vm.getattr_str(view.as_value(), "readonly")?;
        if !vm.is_true(&readonly)? {
            let name = vm.intern("toreadonly");
            let view = vm.call_method(view.as_value(), &name, &[])?;
            debug_assert!(view.is::<MemoryView>());
            self.stack.pop();
            self.push(view)?;
        }
        Ok(())
    }

    fn load_int(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.text_line(vm, 2)?;
        let digits = line.strip_suffix(b"\n").unwrap_or(&line);
        let value = match digits {
            b"00" => Value::from_bool(false),
            b"01" => Value::from_bool(true),
            _ => match parse_int(vm, digits) {
                Ok(value) => value,
                Err(_) => return Err(vm.value_error("could not convert string to int")),
            },
        };
        self.push(value)
    }

    fn load_long(&mut self, vm: &mut Vm) -> PyResult<()> {
        let mut line = self.text_line(vm, 2)?;
        if line.ends_with(b"L\n") {
            line.truncate(line.len() - 2);
        }
        let value = parse_int(vm, &line)?;
        self.push(value)
    }

    fn load_counted_long(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let len = if code == op::LONG1 {
            let [len] = self.source.array(vm)?;
            i32::from(len)
        } else {
            i32::from_le_bytes(self.source.array(vm)?)
        };
        let Ok(len) = usize::try_from(len) else {
            return Err(unpickling_error(vm, "LONG pickle has negative byte count"));
        };
        let big = BigInt::from_signed_bytes_le(self.source.read(vm, len)?);
        let value = vm.new_bigint(big)?;
        self.push(value)
    }

    fn load_float(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.text_line(vm, 2)?;
        let digits = line.strip_suffix(b"\n").unwrap_or(&line);
        let parsed = std::str::from_utf8(digits).ok().and_then(krait_runtime::types::float::text::parse_plain);
        match parsed {
            Some(f) => {
                let f = vm.new_float(f)?;
                self.push(f)
            }
            None => Err(vm.value_error("could not convert string to float")),
        }
    }

    fn load_string(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.source.line(vm)?;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let inner = match text {
            [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
            _ => return Err(unpickling_error(vm, "the STRING opcode argument must be quoted")),
        };
        let escaped = vm.new_bytes(inner)?.into_value();
        let codecs = vm.import_module("_codecs")?;
        let decode = vm.getattr_str(&codecs, "escape_decode")?;
        let pair = vm.call(&decode, &[escaped])?;
        let bytes = vm.getitem(&pair, &Value::from_i32(0))?;
        self.push_8bit(vm, bytes)
    }

    /// A string of Python 2.
    fn push_8bit(&mut self, vm: &mut Vm, bytes: Value) -> PyResult<()> {
        if self.encoding == "bytes" {
            return self.push(bytes);
        }
        let (encoding, errors) = (self.encoding.clone(), self.errors.clone());
        let string = vm.decode_to_str(&bytes, &encoding, &errors)?;
        self.push(string.into_value())
    }

    fn load_binstring(&mut self, vm: &mut Vm, code: u8) -> PyResult<()> {
        let len = if code == op::SHORT_BINSTRING {
            let [len] = self.source.array(vm)?;
            i64::from(len)
        } else {
            i64::from(i32::from_le_bytes(self.source.array(vm)?))
        };
        let Ok(len) = usize::try_from(len) else {
            return Err(unpickling_error(vm, "BINSTRING pickle has negative byte count"));
        };
        let bytes = self.source.read(vm, len)?;
        let bytes = vm.new_bytes(bytes)?;
        self.push_8bit(vm, bytes.into_value())
    }

    fn load_unicode(&mut self, vm: &mut Vm) -> PyResult<()> {
        let line = self.text_line(vm, 1)?;
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let bytes = vm.new_bytes(text)?.into_value();
        let string = vm.decode_to_str(&bytes, "raw_unicode_escape", "strict")?;
        self.push(string.into_value())
    }

    fn load_persid(&mut self, vm: &mut Vm) -> PyResult<()> {
        if self.persistent_load.is_none() {
            return self.persistent(vm, Value::none());
        }
        let line = self.text_line(vm, 1)?;
        let bytes = vm.new_bytes(line.strip_suffix(b"\n").unwrap_or(&line))?.into_value();
        let id = vm.decode_to_str(&bytes, "ascii", "strict");
        match catch::<UnicodeDecodeError, _>(vm, id)? {
            Some(id) => self.persistent(vm, id.into_value()),
            None => Err(unpickling_error(vm, "persistent IDs in protocol 0 must be ASCII strings")),
        }
    }

    fn persistent(&mut self, vm: &mut Vm, id: Value) -> PyResult<()> {
        let Some(function) = self.persistent_load.clone() else {
            return Err(super::unpickler::no_persistent_load(vm));
        };
        let object = vm.call(&function, &[id])?;
        self.push(object)
    }
}

/// A decimal int.
fn parse_int(vm: &mut Vm, text: &[u8]) -> PyResult {
    let shown: Vec<u32> = text.iter().map(|&b| u32::from(b)).collect();
    let string = vm.new_str_ucs4(&shown)?.into_value();
    let int = krait_runtime::types::native::builtin(vm, "int")?;
    vm.call(&int, &[string, Value::from_i32(10)])
}
