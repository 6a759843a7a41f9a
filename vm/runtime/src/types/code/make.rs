//! Code objects out of what the compiler makes, with equal parts shared.
//!
//! One compilation makes one object of equal constants, tuples of names and tables, as CPython does: programs can see it (`is`), and a
//! `.pyc` says each of them once.

use super::{CodeFields, CodeObject, is_name_like};
use crate::types::bytes::Bytes;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::{Py, PyResult, Value, Vm};
use hashbrown::HashMap;
use krait_bytecode::{Code, Const};
use krait_unicode::SharedText;
use rustc_hash::FxBuildHasher;

/// What a compilation has made already.
#[derive(Default)]
pub struct Made<'c> {
    /// Strings by their text; names are interned.
    texts: HashMap<&'c [u8], Py<Str>, FxBuildHasher>,
    bytes: HashMap<&'c [u8], Py<Bytes>, FxBuildHasher>,
    /// Tuples, frozen sets and slices by the identity of their items, which are unique already.
    containers: HashMap<(Kind, Box<[u64]>), Value, FxBuildHasher>,
    /// Numbers that have an identity, by their bits.
    numbers: HashMap<(u64, u64), Value, FxBuildHasher>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Tuple,
    FrozenSet,
    Slice,
}

fn bits(items: &[Value]) -> Box<[u64]> {
    items.iter().map(Value::bits).collect()
}

impl<'c> Made<'c> {
    fn text(&mut self, vm: &mut Vm, text: &'c SharedText, name: bool) -> PyResult<Py<Str>> {
        if let Some(made) = self.texts.get(text.as_bytes()) {
            if name && !made.is_interned() {
                // A constant before, a name now: the interned string takes its place.
                let made = vm.intern_object(made);
                self.texts.insert(text.as_bytes(), made.clone());
                return Ok(made);
            }
            return Ok(made.clone());
        }
        let made = vm.new_str_text(text)?;
        let made = if name || is_name_like(&made) { vm.intern_object(&made) } else { made };
        self.texts.insert(text.as_bytes(), made.clone());
        Ok(made)
    }

    fn names(&mut self, vm: &mut Vm, texts: &'c [SharedText]) -> PyResult<Py<Tuple>> {
        let items = texts.iter().map(|t| Ok(self.text(vm, t, true)?.into_value())).collect::<PyResult<Vec<_>>>()?;
        self.tuple(vm, items)
    }

    fn tuple(&mut self, vm: &mut Vm, items: Vec<Value>) -> PyResult<Py<Tuple>> {
        let key = (Kind::Tuple, bits(&items));
        if let Some(made) = self.containers.get(&key).and_then(|v| v.downcast::<Tuple>()) {
            return Ok(made.clone());
        }
        let made = vm.new_tuple(items)?;
        self.containers.insert(key, made.to_value());
        Ok(made)
    }

    fn bytes(&mut self, vm: &mut Vm, bytes: &'c [u8]) -> PyResult<Py<Bytes>> {
        if let Some(made) = self.bytes.get(bytes) {
            return Ok(made.clone());
        }
        let made = vm.new_bytes(bytes)?;
        self.bytes.insert(bytes, made.clone());
        Ok(made)
    }

    fn items(&mut self, vm: &mut Vm, items: &'c [Const]) -> PyResult<Vec<Value>> {
        items.iter().map(|c| self.constant(vm, c)).collect()
    }

    fn container(&mut self, vm: &mut Vm, kind: Kind, items: Vec<Value>) -> PyResult {
        let mut key = (kind, bits(&items));
        if kind == Kind::FrozenSet {
            key.1.sort_unstable();
        }
        if let Some(made) = self.containers.get(&key) {
            return Ok(made.clone());
        }
        let made = match kind {
            Kind::Tuple => vm.new_tuple(items)?.into_value(),
            Kind::FrozenSet => crate::eval::bridges::frozenset(vm, items)?,
            Kind::Slice => crate::eval::bridges::slice(vm, items)?,
        };
        self.containers.insert(key, made.clone());
        Ok(made)
    }

    fn number(&mut self, key: (u64, u64), made: Value) -> Value {
        if made.header().is_none() {
            return made;
        }
        self.numbers.entry(key).or_insert(made).clone()
    }

    /// The value of a constant.
    pub fn constant(&mut self, vm: &mut Vm, value: &'c Const) -> PyResult {
        vm.check_stack(" while making a constant")?;
        Ok(match value {
            Const::None => Value::none(),
            Const::True => Value::from_bool(true),
            Const::False => Value::from_bool(false),
            Const::Ellipsis => Value::ellipsis(),
            Const::Int(i) => {
                let made = vm.new_int(*i)?;
                // No complex number has this second half of its key.
                self.number((*i as u64, u64::MAX), made)
            }
            Const::BigInt(i) => vm.new_bigint((**i).clone())?,
            Const::Float(f) => {
                let made = vm.new_float(*f)?;
                self.number((f.to_bits(), u64::MAX - 1), made)
            }
            Const::Complex(re, im) => {
                let made = crate::eval::bridges::complex(vm, *re, *im)?;
                self.number((re.to_bits(), im.to_bits()), made)
            }
            Const::Str(text) => self.text(vm, text, false)?.into_value(),
            Const::Bytes(bytes) => self.bytes(vm, bytes)?.into_value(),
            Const::Tuple(items) => {
                let items = self.items(vm, items)?;
                self.container(vm, Kind::Tuple, items)?
            }
            Const::FrozenSet(items) => {
                let items = self.items(vm, items)?;
                self.container(vm, Kind::FrozenSet, items)?
            }
            Const::Slice(items) => {
                let items = self.items(vm, &**items)?;
                self.container(vm, Kind::Slice, items)?
            }
            Const::Code(code) => self.code(vm, code)?.into_value(),
        })
    }

    fn code(&mut self, vm: &mut Vm, code: &'c Code) -> PyResult<Py<CodeObject>> {
        vm.check_stack(" while making a code object")?;
        let consts = self.items(vm, &code.consts)?;
        let consts = self.tuple(vm, consts)?;
        let made = self.code_with(vm, code, consts)?;
        made.verified.set(true);
        Ok(made)
    }

    fn code_with(&mut self, vm: &mut Vm, code: &'c Code, consts: Py<Tuple>) -> PyResult<Py<CodeObject>> {
        let fields = CodeFields {
            argcount: code.argcount,
            posonlyargcount: code.posonlyargcount,
            kwonlyargcount: code.kwonlyargcount,
            stacksize: code.stacksize,
            flags: code.flags,
            firstlineno: code.firstlineno,
            code: self.bytes(vm, &code.code)?,
            consts,
            names: self.names(vm, &code.names)?,
            localsplusnames: self.names(vm, &code.localsplusnames)?,
            kinds: self.bytes(vm, &code.localspluskinds)?,
            filename: self.text(vm, &code.filename, true)?,
            name: self.text(vm, &code.name, true)?,
            qualname: self.text(vm, &code.qualname, true)?,
            linetable: self.bytes(vm, &code.linetable)?,
            exceptiontable: self.bytes(vm, &code.exceptiontable)?,
        };
        vm.new_code_object(fields)
    }
}

impl Vm {
    /// The runtime form of a compiled code object, nested ones included.
    pub fn new_code(&mut self, code: &Code) -> PyResult<Py<CodeObject>> {
        Made::default().code(self, code)
    }

    /// The runtime form of a code object with other constants, still to be verified.
    pub fn new_code_with(&mut self, code: &Code, consts: Vec<Value>) -> PyResult<Py<CodeObject>> {
        let consts = self.new_tuple(consts)?;
        Made::default().code_with(self, code, consts)
    }

    /// The value of a constant.
    pub fn new_const(&mut self, value: &Const) -> PyResult {
        Made::default().constant(self, value)
    }
}
