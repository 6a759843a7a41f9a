//! Pickling: the output with its frames, atoms and containers. What `__reduce__` gives, and globals, are in `reduce.rs`.

use super::memo::Memo;
use super::{BATCH, Modules, full_type_name, op, pickling_error};
use krait_runtime::types::bytearray::ByteArray;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::add_note;
use krait_runtime::types::float::{Float, float_value};
use krait_runtime::types::int::{Bool, Int, IntRef};
use krait_runtime::types::list::List;
use krait_runtime::types::set::{FrozenSet, Set};
use krait_runtime::types::str_::{Str, StrData};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Raised, Value, Vm};
use std::collections::HashSet;

/// Frames are closed when they have come to this size.
const FRAME_TARGET: usize = 64 * 1024;
/// Smaller ones are written without their header.
const FRAME_MIN: usize = 4;
const FRAME_HEADER: usize = 9;
/// How deep containers nest before fast mode begins to look for cycles.
const FAST_NESTING_LIMIT: usize = 50;

/// One run of pickling.
pub struct Pickling {
    out: Vec<u8>,
    /// Where the open frame's header stands.
    frame_start: Option<usize>,
    framing: bool,
    pub proto: u8,
    pub bin: bool,
    pub fast: bool,
    fast_nesting: usize,
    fast_memo: HashSet<u64>,
    pub fix_imports: bool,
    pub memo: Memo,
    /// The file's `write`; without it everything stays in `out`.
    pub write: Option<Value>,
    pub persistent_id: Option<Value>,
    pub reducer_override: Option<Value>,
    pub dispatch_table: Option<Value>,
    pub buffer_callback: Option<Value>,
    pub modules: Modules,
}

/// Adds a note to an exception.
#[cold]
pub fn note(vm: &mut Vm, raised: Raised, text: impl FnOnce(&mut Vm) -> PyResult<String>) -> Raised {
    let added = text(vm).and_then(|text| add_note(vm, &raised, &text));
    match added {
        Ok(()) => raised,
        Err(e) => e,
    }
}

/// The note that names the object's type and a part of it.
#[cold]
pub fn note_of(vm: &mut Vm, raised: Raised, object: &Value, part: &str) -> Raised {
    note(vm, raised, |vm| Ok(format!("when serializing {} {part}", full_type_name(vm, object))))
}

impl Pickling {
    pub fn new(vm: &mut Vm, proto: u8, fix_imports: bool) -> PyResult<Pickling> {
        let modules = super::modules(vm)?;
        Ok(Pickling {
            out: Vec::with_capacity(256),
            frame_start: None,
            framing: false,
            proto,
            bin: proto > 0,
            fast: false,
            fast_nesting: 0,
            fast_memo: HashSet::new(),
            fix_imports: fix_imports && proto < 3,
            memo: Memo::default(),
            write: None,
            persistent_id: None,
            reducer_override: None,
            dispatch_table: None,
            buffer_callback: None,
            modules,
        })
    }

    /// What has been written and not been flushed.
    pub fn output(&self) -> &[u8] {
        &self.out
    }

    #[inline]
    pub fn put(&mut self, bytes: &[u8]) {
        if self.framing && self.frame_start.is_none() {
            self.open_frame();
        }
        self.out.extend_from_slice(bytes);
    }

    #[inline]
    pub fn put_op(&mut self, op: u8) {
        self.put(&[op]);
    }

    fn open_frame(&mut self) {
        self.frame_start = Some(self.out.len());
        self.out.extend_from_slice(&[0; FRAME_HEADER]);
    }

    fn commit_frame(&mut self) {
        if !self.framing {
            return;
        }
        let Some(start) = self.frame_start.take() else { return };
        let len = self.out.len() - start - FRAME_HEADER;
        if len >= FRAME_MIN {
            self.out[start] = op::FRAME;
            self.out[start + 1..start + FRAME_HEADER].copy_from_slice(&(len as u64).to_le_bytes());
        } else {
            self.out.drain(start..start + FRAME_HEADER);
        }
    }

    /// Hands what has been written to the file.
    pub fn flush(&mut self, vm: &mut Vm) -> PyResult<()> {
        self.commit_frame();
        let Some(write) = self.write.clone() else { return Ok(()) };
        let bytes = vm.new_bytes(&self.out)?.into_value();
        self.out.clear();
        vm.call(&write, &[bytes]).map(drop)
    }

    /// Between two objects: closes the frame if it has become large.
    #[inline]
    fn boundary(&mut self, vm: &mut Vm) -> PyResult<()> {
        match self.frame_start {
            Some(start) if self.framing && self.out.len() - start - FRAME_HEADER >= FRAME_TARGET => {
                self.commit_frame();
                if self.write.is_some() { self.flush(vm) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Header and data. Large data stand outside of frames and go straight to the file; `payload` is the object that holds them.
    fn put_large(&mut self, vm: &mut Vm, header: &[u8], data: &[u8], payload: Option<&Value>) -> PyResult<()> {
        if data.len() < FRAME_TARGET {
            self.put(header);
            self.put(data);
            return Ok(());
        }
        self.commit_frame();
        let framing = std::mem::replace(&mut self.framing, false);
        self.put(header);
        let result = self.put_outside(vm, data, payload);
        self.framing = framing;
        result
    }

    fn put_outside(&mut self, vm: &mut Vm, data: &[u8], payload: Option<&Value>) -> PyResult<()> {
        let Some(write) = self.write.clone() else {
            if self.out.try_reserve(data.len()).is_err() {
                return Err(vm.memory_error());
            }
            self.put(data);
            return Ok(());
        };
        self.flush(vm)?;
        let payload = match payload {
            Some(object) => object.clone(),
            None => vm.new_bytes(data)?.into_value(),
        };
        vm.call(&write, &[payload]).map(drop)
    }

    /// Pickles an object, from the protocol's header to the final full stop.
    pub fn dump(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        if self.proto >= 2 {
            self.put(&[op::PROTO, self.proto]);
            self.framing = self.proto >= 4;
        }
        let result = self.save(vm, object, true);
        if result.is_ok() {
            self.put_op(op::STOP);
            self.commit_frame();
        }
        self.framing = false;
        result
    }

    /// Writes the reference to an object with the memo's number.
    pub fn put_get(&mut self, vm: &mut Vm, number: usize) -> PyResult<()> {
        if !self.bin {
            self.put(format!("g{number}\n").as_bytes());
        } else if let Ok(short) = u8::try_from(number) {
            self.put(&[op::BINGET, short]);
        } else if let Ok(long) = u32::try_from(number) {
            let b = long.to_le_bytes();
            self.put(&[op::LONG_BINGET, b[0], b[1], b[2], b[3]]);
        } else {
            return Err(pickling_error(vm, "memo id too large for LONG_BINGET"));
        }
        Ok(())
    }

    /// Puts an object into the memo.
    pub fn memoize(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        if self.fast {
            return Ok(());
        }
        let number = self.memo.len();
        self.memo.set(object, number);
        if self.proto >= 4 {
            self.put_op(op::MEMOIZE);
        } else if !self.bin {
            self.put(format!("p{number}\n").as_bytes());
        } else if let Ok(short) = u8::try_from(number) {
            self.put(&[op::BINPUT, short]);
        } else if let Ok(long) = u32::try_from(number) {
            let b = long.to_le_bytes();
            self.put(&[op::LONG_BINPUT, b[0], b[1], b[2], b[3]]);
        } else {
            return Err(pickling_error(vm, "memo id too large for LONG_BINPUT"));
        }
        Ok(())
    }

    /// Pickles one object.
    pub fn save(&mut self, vm: &mut Vm, object: &Value, ask_persistent: bool) -> PyResult<()> {
        self.boundary(vm)?;
        if ask_persistent && self.persistent_id.is_some() && self.save_persistent(vm, object)? {
            return Ok(());
        }
        if object.is_none() {
            self.put_op(op::NONE);
            return Ok(());
        }
        if object.is_exact::<Int>() {
            return self.save_int(vm, object);
        }
        if object.is_exact::<Bool>() {
            let truth = IntRef::new(object).and_then(|i| i.to_i64()) == Some(1);
            match (self.proto >= 2, truth) {
                (true, true) => self.put_op(op::NEWTRUE),
                (true, false) => self.put_op(op::NEWFALSE),
                (false, true) => self.put(b"I01\n"),
                (false, false) => self.put(b"I00\n"),
            }
            return Ok(());
        }
        if object.is_exact::<Float>() {
            self.save_float(object);
            return Ok(());
        }
        if let Some(number) = self.memo.get(object) {
            return self.put_get(vm, number);
        }
        if let Some(string) = object.downcast_exact::<Str>() {
            return self.save_str(vm, string);
        }
        if let Some(bytes) = object.downcast_exact::<Bytes>() {
            return self.save_bytes(vm, bytes);
        }
        vm.check_stack(" while pickling an object")?;
        self.save_container(vm, object)
    }

    fn save_container(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        if let Some(dict) = object.downcast_exact::<Dict>() {
            self.save_dict(vm, dict)
        } else if let Some(list) = object.downcast_exact::<List>() {
            self.save_list(vm, list)
        } else if let Some(tuple) = object.downcast_exact::<Tuple>() {
            self.save_tuple(vm, tuple)
        } else if let Some(set) = object.downcast_exact::<Set>() {
            self.save_set(vm, set)
        } else if let Some(set) = object.downcast_exact::<FrozenSet>() {
            self.save_frozenset(vm, set)
        } else if let Some(array) = object.downcast_exact::<ByteArray>() {
            self.save_bytearray(vm, array)
        } else if let Some(buffer) = object.downcast_exact::<super::PickleBuffer>() {
            self.save_buffer(vm, buffer)
        } else {
            self.save_other(vm, object)
        }
    }

    fn save_persistent(&mut self, vm: &mut Vm, object: &Value) -> PyResult<bool> {
        let Some(function) = self.persistent_id.clone() else { return Ok(false) };
        let id = vm.call(&function, std::slice::from_ref(object))?;
        if id.is_none() {
            return Ok(false);
        }
        if self.bin {
            self.save(vm, &id, false)?;
            self.put_op(op::BINPERSID);
            return Ok(true);
        }
        let text = vm.str(&id)?;
        let Some(ascii) = text.as_ascii() else {
            return Err(pickling_error(vm, "persistent IDs in protocol 0 must be ASCII strings"));
        };
        self.put_op(op::PERSID);
        self.put(ascii.as_bytes());
        self.put(b"\n");
        Ok(true)
    }

    fn save_int(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        let Some(int) = IntRef::new(object) else { return Err(vm.system_error("int without a value")) };
        if let Some(small) = int.to_i64().and_then(|i| i32::try_from(i).ok()) {
            if !self.bin {
                self.put(format!("I{small}\n").as_bytes());
            } else if let Ok(byte) = u8::try_from(small) {
                self.put(&[op::BININT1, byte]);
            } else if let Ok(short) = u16::try_from(small) {
                let b = short.to_le_bytes();
                self.put(&[op::BININT2, b[0], b[1]]);
            } else {
                let b = small.to_le_bytes();
                self.put(&[op::BININT, b[0], b[1], b[2], b[3]]);
            }
            return Ok(());
        }
        if self.proto < 2 {
            let text = vm.repr(object)?;
            self.put_op(op::LONG);
            self.put(text.as_ascii().unwrap_or_default().as_bytes());
            self.put(b"L\n");
            return Ok(());
        }
        let bytes = int.to_big().to_signed_bytes_le();
        if let Ok(short) = u8::try_from(bytes.len()) {
            self.put(&[op::LONG1, short]);
        } else if let Ok(len) = i32::try_from(bytes.len()) {
            self.put_op(op::LONG4);
            self.put(&len.to_le_bytes());
        } else {
            return Err(vm.overflow_error("int too large to pickle"));
        }
        self.put(&bytes);
        Ok(())
    }

    fn save_float(&mut self, object: &Value) {
        let f = float_value(object).unwrap_or_default();
        if self.bin {
            self.put_op(op::BINFLOAT);
            self.put(&f.to_be_bytes());
        } else {
            let text = krait_runtime::types::float::text::repr(f);
            self.put(format!("F{text}\n").as_bytes());
        }
    }

    fn save_str(&mut self, vm: &mut Vm, string: &Py<Str>) -> PyResult<()> {
        if !self.bin {
            let escaped = raw_unicode_escape(string.data());
            self.put_op(op::UNICODE);
            self.put(&escaped);
            self.put(b"\n");
            return self.memoize(vm, string.as_value());
        }
        match string.as_ascii() {
            Some(ascii) => self.put_unicode(vm, ascii.as_bytes())?,
            None => {
                let encoded = utf8_with_surrogates(string.data());
                self.put_unicode(vm, &encoded)?;
            }
        }
        self.memoize(vm, string.as_value())
    }

    fn put_unicode(&mut self, vm: &mut Vm, encoded: &[u8]) -> PyResult<()> {
        let len = encoded.len();
        match (u8::try_from(len), u32::try_from(len)) {
            (Ok(short), _) if self.proto >= 4 => self.put_large(vm, &[op::SHORT_BINUNICODE, short], encoded, None),
            (_, Ok(long)) => self.put_large(vm, &header(op::BINUNICODE, &long.to_le_bytes()), encoded, None),
            _ if self.proto >= 4 => self.put_large(vm, &header(op::BINUNICODE8, &(len as u64).to_le_bytes()), encoded, None),
            _ => Err(vm.overflow_error("serializing a string larger than 4 GiB requires pickle protocol 4 or higher")),
        }
    }

    fn save_bytes(&mut self, vm: &mut Vm, bytes: &Py<Bytes>) -> PyResult<()> {
        if self.proto >= 3 {
            return self.put_bytes(vm, bytes.as_value(), bytes.as_bytes());
        }
        let reduced = if bytes.is_empty() {
            let (cls, empty) = (bytes.as_value().ty().to_value(), vm.new_tuple_from(&[])?.into_value());
            vm.new_tuple_from(&[cls, empty])?
        } else {
            let text = vm.new_str_latin1(bytes.as_bytes())?.into_value();
            let name = vm.intern("latin1").into_value();
            let args = vm.new_tuple_from(&[text, name])?.into_value();
            let encode = self.modules.codecs_encode.clone();
            vm.new_tuple_from(&[encode, args])?
        };
        self.save_reduce(vm, &reduced, Some(bytes.as_value()))
    }

    /// Bytes in the pickle, and `object`, to which they belong, in the memo.
    fn put_bytes(&mut self, vm: &mut Vm, object: &Value, data: &[u8]) -> PyResult<()> {
        let len = data.len();
        match (u8::try_from(len), u32::try_from(len)) {
            (Ok(short), _) => self.put_large(vm, &[op::SHORT_BINBYTES, short], data, Some(object))?,
            (_, Ok(long)) => self.put_large(vm, &header(op::BINBYTES, &long.to_le_bytes()), data, Some(object))?,
            _ if self.proto >= 4 => self.put_large(vm, &header(op::BINBYTES8, &(len as u64).to_le_bytes()), data, Some(object))?,
            _ => return Err(vm.overflow_error("serializing a bytes object larger than 4 GiB requires pickle protocol 4 or higher")),
        }
        self.memoize(vm, object)
    }

    fn put_bytearray(&mut self, vm: &mut Vm, object: &Value, data: &[u8]) -> PyResult<()> {
        self.put_large(vm, &header(op::BYTEARRAY8, &(data.len() as u64).to_le_bytes()), data, Some(object))?;
        self.memoize(vm, object)
    }

    fn save_bytearray(&mut self, vm: &mut Vm, array: &Py<ByteArray>) -> PyResult<()> {
        let data = array.bytes(vm).to_vec();
        if self.proto >= 5 {
            return self.put_bytearray(vm, array.as_value(), &data);
        }
        let args = if data.is_empty() {
            Vec::new()
        } else {
            vec![vm.new_bytes(&data)?.into_value()]
        };
        let args = vm.new_tuple(args)?.into_value();
        let cls = array.as_value().ty().to_value();
        let reduced = vm.new_tuple_from(&[cls, args])?;
        self.save_reduce(vm, &reduced, Some(array.as_value()))
    }

    fn save_buffer(&mut self, vm: &mut Vm, buffer: &Py<super::PickleBuffer>) -> PyResult<()> {
        if self.proto < 5 {
            return Err(pickling_error(vm, "PickleBuffer can only be pickled with protocol >= 5"));
        }
        let export = buffer.export(vm)?;
        let contiguous = export.is_c_contiguous() || export.is_f_contiguous();
        let readonly = export.readonly;
        let data = if contiguous { super::buffer::raw_bytes(vm, &export) } else { Vec::new() };
        export.release(vm);
        if !contiguous {
            return Err(pickling_error(vm, "PickleBuffer can not be pickled when pointing to a non-contiguous buffer"));
        }
        let in_band = match self.buffer_callback.clone() {
            Some(callback) => {
                let answer = vm.call(&callback, &[buffer.to_value()])?;
                vm.is_true(&answer)?
            }
            None => true,
        };
        match (in_band, readonly) {
            (true, true) => self.put_bytes(vm, buffer.as_value(), &data)?,
            (true, false) => self.put_bytearray(vm, buffer.as_value(), &data)?,
            (false, _) => {
                self.put_op(op::NEXT_BUFFER);
                if readonly {
                    self.put_op(op::READONLY_BUFFER);
                }
            }
        }
        Ok(())
    }

    /// Fast mode has no memo that ends cycles: containers that nest deeply are remembered while they are open.
    fn fast_enter(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        self.fast_nesting += 1;
        if self.fast_nesting >= FAST_NESTING_LIMIT && !self.fast_memo.insert(object.bits()) {
            let (name, at) = (object.type_name(), object.bits());
            return Err(vm.value_error(format!("fast mode: can't pickle cyclic objects including object type {name} at {at:#x}")));
        }
        Ok(())
    }

    fn fast_leave(&mut self, object: &Value) {
        if self.fast_nesting >= FAST_NESTING_LIMIT {
            self.fast_memo.remove(&object.bits());
        }
        self.fast_nesting = self.fast_nesting.saturating_sub(1);
    }

    fn guarded(&mut self, vm: &mut Vm, object: &Value, save: impl FnOnce(&mut Self, &mut Vm) -> PyResult<()>) -> PyResult<()> {
        if !self.fast {
            return save(self, vm);
        }
        self.fast_enter(vm, object)?;
        let result = save(self, vm);
        self.fast_leave(object);
        result
    }

    fn save_list(&mut self, vm: &mut Vm, list: &Py<List>) -> PyResult<()> {
        self.guarded(vm, list.as_value(), |run, vm| {
            run.put(if run.bin { &[op::EMPTY_LIST] } else { &[op::MARK, op::LIST] });
            run.memoize(vm, list.as_value())?;
            if list.items(vm).is_empty() {
                return Ok(());
            }
            if run.proto == 0 {
                let iterator = vm.iter(list.as_value())?;
                return run.batch_list(vm, &iterator, list.as_value());
            }
            run.batch_list_exact(vm, list)
        })
    }

    fn save_item(&mut self, vm: &mut Vm, item: &Value, of: &Value, index: usize) -> PyResult<()> {
        match self.save(vm, item, true) {
            Ok(()) => Ok(()),
            Err(e) => Err(note_of(vm, e, of, &format!("item {index}"))),
        }
    }

    fn batch_list_exact(&mut self, vm: &mut Vm, list: &Py<List>) -> PyResult<()> {
        let of = list.as_value();
        if let [only] = list.items(vm) {
            let only = only.clone();
            self.save_item(vm, &only, of, 0)?;
            self.put_op(op::APPEND);
            return Ok(());
        }
        let mut at = 0;
        while at < list.items(vm).len() {
            self.put_op(op::MARK);
            let end = at + BATCH;
            while at < end {
                let Some(item) = list.items(vm).get(at).cloned() else { break };
                self.save_item(vm, &item, of, at)?;
                at += 1;
            }
            self.put_op(op::APPENDS);
        }
        Ok(())
    }

    /// Items of an iterator, appended to the object on the unpickler's stack.
    pub fn batch_list(&mut self, vm: &mut Vm, iterator: &Value, of: &Value) -> PyResult<()> {
        let mut index = 0;
        if self.proto == 0 {
            while let Some(item) = vm.iter_next(iterator)? {
                self.save_item(vm, &item, of, index)?;
                self.put_op(op::APPEND);
                index += 1;
            }
            return Ok(());
        }
        while let Some(first) = vm.iter_next(iterator)? {
            let Some(mut item) = vm.iter_next(iterator)? else {
                self.save_item(vm, &first, of, index)?;
                self.put_op(op::APPEND);
                return Ok(());
            };
            self.put_op(op::MARK);
            self.save_item(vm, &first, of, index)?;
            index += 1;
            let mut n = 1;
            loop {
                self.save_item(vm, &item, of, index)?;
                index += 1;
                n += 1;
                if n == BATCH {
                    break;
                }
                match vm.iter_next(iterator)? {
                    Some(next) => item = next,
                    None => break,
                }
            }
            self.put_op(op::APPENDS);
            if n < BATCH {
                break;
            }
        }
        Ok(())
    }

    fn save_dict(&mut self, vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
        self.guarded(vm, dict.as_value(), |run, vm| {
            run.put(if run.bin { &[op::EMPTY_DICT] } else { &[op::MARK, op::DICT] });
            run.memoize(vm, dict.as_value())?;
            if dict.is_empty(vm) {
                return Ok(());
            }
            if run.proto == 0 {
                let items = vm.intern("items");
                let items = vm.call_method(dict.as_value(), &items, &[])?;
                let iterator = vm.iter(&items)?;
                return run.batch_dict(vm, &iterator, dict.as_value());
            }
            run.batch_dict_exact(vm, dict)
        })
    }

    fn save_pair(&mut self, vm: &mut Vm, key: &Value, value: &Value, of: &Value) -> PyResult<()> {
        self.save(vm, key, true)?;
        match self.save(vm, value, true) {
            Ok(()) => Ok(()),
            Err(e) => Err(note(vm, e, |vm| {
                let key = super::repr_text(vm, key)?;
                Ok(format!("when serializing {} item {key}", full_type_name(vm, of)))
            })),
        }
    }

    fn batch_dict_exact(&mut self, vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
        let size = dict.len(vm);
        let mut place = 0;
        let mut next = |vm: &mut Vm| {
            let (at, key, value) = dict.next_from(vm, place)?;
            let pair = (key.clone(), value.clone());
            place = at;
            Some(pair)
        };
        if size == 1 {
            if let Some((key, value)) = next(vm) {
                self.save_pair(vm, &key, &value, dict.as_value())?;
                self.put_op(op::SETITEM);
            }
            return Ok(());
        }
        loop {
            let mut n = 0;
            self.put_op(op::MARK);
            while n < BATCH {
                let Some((key, value)) = next(vm) else { break };
                self.save_pair(vm, &key, &value, dict.as_value())?;
                n += 1;
            }
            self.put_op(op::SETITEMS);
            if dict.len(vm) != size {
                return Err(vm.runtime_error("dictionary changed size during iteration"));
            }
            if n < BATCH {
                return Ok(());
            }
        }
    }

    fn pair(vm: &mut Vm, item: &Value) -> PyResult<(Value, Value)> {
        match item.downcast::<Tuple>().map(|t| t.items()) {
            Some([key, value]) => Ok((key.clone(), value.clone())),
            _ => Err(vm.type_error("dict items iterator must return 2-tuples")),
        }
    }

    /// Pairs of an iterator, set on the object on the unpickler's stack.
    pub fn batch_dict(&mut self, vm: &mut Vm, iterator: &Value, of: &Value) -> PyResult<()> {
        if self.proto == 0 {
            while let Some(item) = vm.iter_next(iterator)? {
                let (key, value) = Self::pair(vm, &item)?;
                self.save_pair(vm, &key, &value, of)?;
                self.put_op(op::SETITEM);
            }
            return Ok(());
        }
        while let Some(first) = vm.iter_next(iterator)? {
            let (key, value) = Self::pair(vm, &first)?;
            let Some(mut item) = vm.iter_next(iterator)? else {
                self.save_pair(vm, &key, &value, of)?;
                self.put_op(op::SETITEM);
                return Ok(());
            };
            self.put_op(op::MARK);
            self.save_pair(vm, &key, &value, of)?;
            let mut n = 1;
            loop {
                let (key, value) = Self::pair(vm, &item)?;
                self.save_pair(vm, &key, &value, of)?;
                n += 1;
                if n == BATCH {
                    break;
                }
                match vm.iter_next(iterator)? {
                    Some(next) => item = next,
                    None => break,
                }
            }
            self.put_op(op::SETITEMS);
            if n < BATCH {
                break;
            }
        }
        Ok(())
    }

    fn save_tuple(&mut self, vm: &mut Vm, tuple: &Py<Tuple>) -> PyResult<()> {
        let object = tuple.as_value();
        let items = tuple.items();
        if items.is_empty() {
            self.put(if self.bin { &[op::EMPTY_TUPLE] } else { &[op::MARK, op::TUPLE] });
            return Ok(());
        }
        let short = items.len() <= 3 && self.proto >= 2;
        if !short {
            self.put_op(op::MARK);
        }
        for (i, item) in items.iter().enumerate() {
            self.save_item(vm, item, object, i)?;
        }
        // A tuple that contains itself has been saved by one of its items: what has been pushed goes away again.
        if let Some(number) = self.memo.get(object) {
            match (short, self.bin) {
                (true, _) => self.put(&vec![op::POP; items.len()]),
                (false, true) => self.put_op(op::POP_MARK),
                (false, false) => self.put(&vec![op::POP; items.len() + 1]),
            }
            return self.put_get(vm, number);
        }
        self.put_op(match (short, items.len()) {
            (true, 1) => op::TUPLE1,
            (true, 2) => op::TUPLE2,
            (true, _) => op::TUPLE3,
            (false, _) => op::TUPLE,
        });
        self.memoize(vm, object)
    }

    /// `(cls, ([*items],))`: sets before there were opcodes for them.
    fn save_set_as_list(&mut self, vm: &mut Vm, object: &Value) -> PyResult<()> {
        let items = vm.collect(object)?;
        let list = vm.new_list(items)?.into_value();
        let args = vm.new_tuple_from(&[list])?.into_value();
        let reduced = vm.new_tuple_from(&[object.ty().to_value(), args])?;
        self.save_reduce(vm, &reduced, Some(object))
    }

    fn save_set(&mut self, vm: &mut Vm, set: &Py<Set>) -> PyResult<()> {
        let object = set.as_value();
        if self.proto < 4 {
            return self.save_set_as_list(vm, object);
        }
        self.put_op(op::EMPTY_SET);
        self.memoize(vm, object)?;
        let Some(data) = krait_runtime::types::set::any_set(object) else { return Ok(()) };
        let size = data.len(vm);
        if size == 0 {
            return Ok(());
        }
        let mut place = 0;
        loop {
            let mut n = 0;
            self.put_op(op::MARK);
            while n < BATCH {
                let Some((at, _, item)) = data.next_from(vm, place) else { break };
                place = at + 1;
                if let Err(e) = self.save(vm, &item, true) {
                    return Err(note_of(vm, e, object, "element"));
                }
                n += 1;
            }
            self.put_op(op::ADDITEMS);
            if data.len(vm) != size {
                return Err(vm.runtime_error("set changed size during iteration"));
            }
            if n < BATCH {
                return Ok(());
            }
        }
    }

    fn save_frozenset(&mut self, vm: &mut Vm, set: &Py<FrozenSet>) -> PyResult<()> {
        let object = set.as_value();
        if self.proto < 4 {
            return self.save_set_as_list(vm, object);
        }
        self.put_op(op::MARK);
        let iterator = vm.iter(object)?;
        while let Some(item) = vm.iter_next(&iterator)? {
            if let Err(e) = self.save(vm, &item, true) {
                return Err(note_of(vm, e, object, "element"));
            }
        }
        if let Some(number) = self.memo.get(object) {
            self.put_op(op::POP_MARK);
            return self.put_get(vm, number);
        }
        self.put_op(op::FROZENSET);
        self.memoize(vm, object)
    }
}

fn header(op: u8, len: &[u8]) -> Vec<u8> {
    let mut header = Vec::with_capacity(9);
    header.push(op);
    header.extend_from_slice(len);
    header
}

/// UTF-8, with lone surrogates as if they were characters ("surrogatepass").
pub fn utf8_with_surrogates(data: StrData<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() * 2);
    for c in data.iter() {
        match c {
            0..0x80 => out.push(c as u8),
            0x80..0x800 => out.extend_from_slice(&[0xc0 | (c >> 6) as u8, 0x80 | (c & 0x3f) as u8]),
            0x800..0x1_0000 => out.extend_from_slice(&[0xe0 | (c >> 12) as u8, 0x80 | (c >> 6 & 0x3f) as u8, 0x80 | (c & 0x3f) as u8]),
            _ => out.extend_from_slice(&[0xf0 | (c >> 18) as u8, 0x80 | (c >> 12 & 0x3f) as u8, 0x80 | (c >> 6 & 0x3f) as u8, 0x80 | (c & 0x3f) as u8]),
        }
    }
    out
}

/// "raw-unicode-escape" in which also those characters are escaped that would end the line or be read as an escape.
fn raw_unicode_escape(data: StrData<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    for c in data.iter() {
        match c {
            0x1_0000.. => out.extend_from_slice(format!("\\U{c:08x}").as_bytes()),
            0x100.. | 0x5c | 0 | 0x0a | 0x0d | 0x1a => out.extend_from_slice(format!("\\u{c:04x}").as_bytes()),
            _ => out.push(c as u8),
        }
    }
    out
}
