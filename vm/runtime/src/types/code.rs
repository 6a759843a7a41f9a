//! `code` objects: the runtime form of [`krait_bytecode::Code`].
//!
//! `co_code` never changes; the evaluator runs a copy of its code units whose opcodes it specialises and in whose cache units it keeps what
//! it has learnt. Names are interned, and so are string constants that look like names.
//!
//! Invariants: both copies have the same length; the running copy, made when the code first runs, ends with one spare unit, so that fetching
//! behind the last instruction of a malformed code object stays inside.
#![allow(unsafe_code, reason = "hands the evaluator raw pointers into the running copy")]

use crate::types::bytes::Bytes;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass};
use krait_bytecode::code::{co, fast};
use krait_bytecode::verify::{Fault, Layout, verify_layout};
use krait_bytecode::Opcode;
use std::cell::{Cell, OnceCell};

mod constant;
pub mod make;
mod methods;

/// The payload of `code`.
///
/// As in CPython the collector does not know of code objects: what they refer to cannot refer to them, but by a list among the constants.
#[pyclass(name = "code", managed, untracked, text_signature = "(argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize,\n     flags, codestring, constants, names, varnames, filename, name,\n     qualname, firstlineno, linetable, exceptiontable, freevars=(),\n     cellvars=(), /)")]
pub struct CodeObject {
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub stacksize: u32,
    pub flags: u32,
    pub firstlineno: i32,
    pub nlocals: u32,
    pub ncellvars: u32,
    pub nfreevars: u32,
    pub consts: Py<Tuple>,
    pub names: Py<Tuple>,
    pub localsplusnames: Py<Tuple>,
    pub kinds: Py<Bytes>,
    /// Number of local, cell and free variables.
    nlocalsplus: u32,
    /// `imp._fix_co_filename` changes it.
    pub filename: GilCell<Py<Str>>,
    pub name: Py<Str>,
    pub qualname: Py<Str>,
    pub linetable: Py<Bytes>,
    pub exceptiontable: Py<Bytes>,
    /// `co_code`.
    pub bytecode: Py<Bytes>,
    /// The running copy, see [`CodeObject::units`].
    #[traverse(skip)]
    running: OnceCell<Box<[Cell<u16>]>>,
    /// Code unit of the RESUME where the function's own code begins.
    pub first_traceable: u32,
    /// Stamp that functions of this code share; 0 when stamps have run out.
    pub version: u32,
    /// Bytes of a frame.
    pub frame_size: usize,
    /// Whether the verifier has found the code sound, or our own compiler has made it.
    pub verified: Cell<bool>,
    /// The version of the interpreter's monitoring that the running copy is instrumented for.
    pub monitoring_version: Cell<u32>,
    /// What the running copy is instrumented for, once it has been.
    #[traverse(skip)]
    pub instrumentation: GilCell<Option<Box<crate::eval::instrument::Instrumentation>>>,
}

/// What a code object is made of, as values.
pub struct CodeFields {
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub stacksize: u32,
    pub flags: u32,
    pub firstlineno: i32,
    pub code: Py<Bytes>,
    pub consts: Py<Tuple>,
    pub names: Py<Tuple>,
    pub localsplusnames: Py<Tuple>,
    pub kinds: Py<Bytes>,
    pub filename: Py<Str>,
    pub name: Py<Str>,
    pub qualname: Py<Str>,
    pub linetable: Py<Bytes>,
    pub exceptiontable: Py<Bytes>,
}

/// More stack than this is never of use, and a frame of it would not fit anyway.
const STACK_LIMIT: u32 = 1 << 24;

impl CodeObject {
    /// Number of local, cell and free variables.
    #[inline(always)]
    pub fn nlocalsplus(&self) -> usize {
        self.nlocalsplus as usize
    }

    /// All of the `CO_*` bits in `bits` set.
    #[inline(always)]
    pub fn has(&self, bits: u32) -> bool {
        self.flags & bits == bits
    }

    /// The code units that run.
    #[inline(always)]
    pub fn units(&self) -> &[Cell<u16>] {
        match self.running.get() {
            Some(units) => units,
            None => self.make_units(),
        }
    }

    #[cold]
    #[inline(never)]
    fn make_units(&self) -> &[Cell<u16>] {
        self.running.get_or_init(|| {
            let units = units_of(&self.bytecode);
            crate::eval::specialize::quicken(&units);
            units
        })
    }

    /// First code unit of the running copy.
    #[inline(always)]
    pub fn start(&self) -> *const u16 {
        self.units().as_ptr().cast()
    }

    /// Number of code units.
    pub fn len(&self) -> usize {
        self.bytecode.len() / 2
    }

    /// Whether there is no instruction.
    pub fn is_empty(&self) -> bool {
        self.bytecode.is_empty()
    }

    /// Parameters that arguments are bound to, `*args` and `**kwargs` among them.
    pub fn total_args(&self) -> usize {
        (self.argcount + self.kwonlyargcount) as usize + usize::from(self.has(co::VARARGS)) + usize::from(self.has(co::VARKEYWORDS))
    }

    /// Name of a local, cell or free variable.
    pub fn local_name(&self, index: usize) -> Option<&Py<Str>> {
        self.localsplusnames.items().get(index)?.downcast::<Str>()
    }

    /// Entry of `co_names`.
    #[inline(always)]
    pub fn name_at(&self, index: usize) -> Option<&Py<Str>> {
        self.names.items().get(index)?.downcast_exact::<Str>()
    }

    /// Whether the code may be run; ValueError with the place and the reason if it is malformed. Code of our own compiler is taken for sound.
    #[inline(always)]
    pub fn check(&self, vm: &mut Vm) -> PyResult<()> {
        if self.verified.get() { Ok(()) } else { self.verify(vm) }
    }

    /// Whether [`CodeObject::check`] has found the code sound.
    #[inline(always)]
    pub fn is_sound(&self) -> bool {
        self.verified.get()
    }

    /// Said by whoever has verified the code; more stack than a frame can have is left for [`CodeObject::check`] to refuse.
    pub fn set_sound(&self) {
        if self.stacksize < STACK_LIMIT {
            self.verified.set(true);
        }
    }

    #[cold]
    fn verify(&self, vm: &mut Vm) -> PyResult<()> {
        let layout = Layout {
            argcount: self.argcount,
            posonlyargcount: self.posonlyargcount,
            kwonlyargcount: self.kwonlyargcount,
            stacksize: self.stacksize,
            flags: self.flags,
            code: &self.bytecode,
            consts: self.consts.len(),
            names: self.names.len(),
            localsplusnames: self.localsplusnames.len(),
            localspluskinds: &self.kinds,
            exceptiontable: &self.exceptiontable,
        };
        if self.stacksize >= STACK_LIMIT {
            return Err(vm.value_error(format!("invalid code: a stack of {} items", self.stacksize)));
        }
        if self.localsplusnames.len() != self.kinds.len() {
            return Err(vm.value_error("invalid code: there are not as many kinds of variables as names"));
        }
        match verify_layout(layout) {
            Ok(()) => {
                self.verified.set(true);
                Ok(())
            }
            Err(e) => Err(match e.fault {
                // What CPython says when it gets there.
                Fault::Opcode(number) => vm.system_error(format!("unknown opcode {number}")),
                _ => vm.value_error(e.to_string()),
            }),
        }
    }

    /// Line of the instruction at a code unit; -1 stands for a place before the first instruction.
    pub fn line_of(&self, unit: i64) -> Option<i32> {
        if unit < 0 {
            return Some(self.firstlineno);
        }
        krait_bytecode::linetable::line_at(&self.linetable, self.firstlineno, u32::try_from(unit).ok()?)
    }

    /// Names of the variables of some kind.
    pub fn names_of_kind(&self, mask: u8) -> Vec<Value> {
        let names = self.localsplusnames.items().iter();
        names.zip(self.kinds.as_bytes()).filter(|(_, k)| **k & mask != 0).map(|(n, _)| n.clone()).collect()
    }
}

/// Whether a string constant is interned: all its characters can be in a name.
fn is_name_like(text: &Str) -> bool {
    text.as_ascii().is_some_and(|s| s.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_'))
}

/// Code units of bytes.
fn units_of(code: &[u8]) -> Box<[Cell<u16>]> {
    let mut units: Vec<Cell<u16>> = code.chunks_exact(2).map(|p| Cell::new(u16::from_le_bytes([p[0], p[1]]))).collect();
    units.push(Cell::new(Opcode::CACHE as u16));
    units.into()
}

impl Vm {
    /// A code object of its parts. The caller has checked that the lengths fit.
    pub fn new_code_object(&mut self, f: CodeFields) -> PyResult<Py<CodeObject>> {
        let names = self.intern_items(&f.names, |_| true)?;
        let localsplusnames = self.intern_items(&f.localsplusnames, |_| true)?;
        let consts = self.intern_items(&f.consts, is_name_like)?;
        let linetable = self.kept_linetable(f.linetable)?;
        let count = |mask: u8| f.kinds.iter().filter(|k| **k & mask != 0).count() as u32;
        let (nlocals, ncellvars, nfreevars) = (count(fast::LOCAL), count(fast::CELL), count(fast::FREE));
        let first_traceable = f.code.chunks_exact(2).position(|p| p[0] == Opcode::RESUME as u8).unwrap_or(0) as u32;
        let version = self.interp.next_code_version.get();
        self.interp.next_code_version.set(if version == 0 { 0 } else { version.wrapping_add(1) });
        let frame_size = crate::eval::frame::frame_size(f.kinds.len(), f.stacksize as usize);
        let (name, qualname) = (self.intern_object(&f.name), self.intern_object(&f.qualname));
        let payload = CodeObject {
            argcount: f.argcount,
            posonlyargcount: f.posonlyargcount,
            kwonlyargcount: f.kwonlyargcount,
            stacksize: f.stacksize,
            flags: f.flags,
            firstlineno: f.firstlineno,
            nlocals,
            ncellvars,
            nfreevars,
            consts,
            names,
            localsplusnames,
            nlocalsplus: f.kinds.len() as u32,
            kinds: f.kinds,
            filename: GilCell::new(f.filename),
            name,
            qualname,
            linetable,
            exceptiontable: f.exceptiontable,
            bytecode: f.code,
            running: OnceCell::new(),
            first_traceable,
            version,
            frame_size,
            verified: Cell::new(false),
            monitoring_version: Cell::new(0),
            instrumentation: GilCell::new(None),
        };
        self.new_object(payload)
    }

    /// The tuple, or one with interned strings instead of those that `wants` them to be and are not.
    fn intern_items(&mut self, tuple: &Py<Tuple>, wants: fn(&Str) -> bool) -> PyResult<Py<Tuple>> {
        let plain = |item: &Value| item.downcast_exact::<Str>().is_some_and(|s| !s.is_interned() && wants(s));
        if !tuple.items().iter().any(plain) {
            return Ok(tuple.clone());
        }
        let interned = tuple.items().iter().map(|item| match item.downcast_exact::<Str>() {
            Some(s) if wants(s) => self.intern_object(s).into_value(),
            _ => item.clone(),
        });
        let interned: Vec<Value> = interned.collect();
        self.new_tuple(interned)
    }

    /// The location table as it is kept: without columns under `-X no_debug_ranges`.
    fn kept_linetable(&mut self, linetable: Py<Bytes>) -> PyResult<Py<Bytes>> {
        if self.config().debug_ranges { Ok(linetable) } else { self.new_bytes(&krait_bytecode::linetable::without_columns(&linetable)) }
    }
}

/// Whether two constants may share an entry of `co_consts`: same type and value, recursively.
pub(crate) fn same_const(vm: &mut Vm, a: &Value, b: &Value) -> PyResult<bool> {
    if a.is_same(b) {
        return Ok(true);
    }
    if !a.ty().is(b.ty()) {
        return Ok(false);
    }
    if let (Some(x), Some(y)) = (a.downcast_exact::<Tuple>(), b.downcast_exact::<Tuple>()) {
        if x.len() != y.len() {
            return Ok(false);
        }
        for (x, y) in x.items().iter().zip(y.items()) {
            if !same_const(vm, x, y)? {
                return Ok(false);
            }
        }
        return Ok(true);
    }
    if let (Some(x), Some(y)) = (crate::types::float::float_value(a), crate::types::float::float_value(b)) {
        return Ok(x == y && x.is_sign_negative() == y.is_sign_negative());
    }
    vm.eq(a, b)
}
