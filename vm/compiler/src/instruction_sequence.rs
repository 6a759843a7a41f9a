//! What code generation writes and the later stages read: instructions with labels, and the tables of a code unit.
//!
//! Invariant: until [`InstructionSequence::apply_label_map`], operands of instructions with a target are label ids; afterwards they are
//! indices of instructions. A label that was never placed becomes index -1, which the flow graph reports.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;
use krait_bytecode::{Const, Opcode};
use krait_unicode::{SharedText, Text};
use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};

/// Where an instruction comes from: lines from 1, columns in bytes from 0, -1 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub lineno: i32,
    pub end_lineno: i32,
    pub col_offset: i32,
    pub end_col_offset: i32,
}

/// No place in the source.
pub const NO_LOCATION: Location = Location { lineno: -1, end_lineno: -1, col_offset: -1, end_col_offset: -1 };

/// The place of the instruction that follows.
pub const NEXT_LOCATION: Location = Location { lineno: -2, end_lineno: -2, col_offset: -2, end_col_offset: -2 };

impl Location {
    /// A location by CPython's order of fields.
    pub const fn new(lineno: i32, end_lineno: i32, col_offset: i32, end_col_offset: i32) -> Location {
        Location { lineno, end_lineno, col_offset, end_col_offset }
    }
}

/// A label of a jump's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JumpTargetLabel(pub i32);

/// The label that stands for none.
pub const NO_LABEL: JumpTargetLabel = JumpTargetLabel(-1);

impl JumpTargetLabel {
    /// Whether this is a label at all.
    pub const fn is_label(self) -> bool {
        self.0 != -1
    }
}

/// The handler that covers an instruction. `label` is an id, then an index of an instruction; -1 for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExceptHandlerInfo {
    pub label: i32,
    pub startdepth: i32,
    pub preserve_lasti: bool,
}

/// No handler.
pub const NO_HANDLER: ExceptHandlerInfo = ExceptHandlerInfo { label: -1, startdepth: -1, preserve_lasti: false };

/// One instruction, pseudo or real.
#[derive(Clone, Copy, Debug)]
pub struct Instruction {
    pub opcode: Opcode,
    pub oparg: i32,
    pub loc: Location,
    pub except_handler: ExceptHandlerInfo,
}

/// A sequence under construction.
#[derive(Clone, Debug, Default)]
pub struct InstructionSequence {
    instrs: Vec<Instruction>,
    last_label: i32,
    /// Index of the instruction behind each label id, -1 where it is not placed.
    label_map: Vec<i32>,
    nested: Vec<InstructionSequence>,
    annotations_code: Option<Box<InstructionSequence>>,
}

impl InstructionSequence {
    /// An empty sequence.
    pub fn new() -> InstructionSequence {
        InstructionSequence::default()
    }

    /// A label that no one else has.
    pub fn new_label(&mut self) -> JumpTargetLabel {
        self.last_label += 1;
        JumpTargetLabel(self.last_label)
    }

    /// Places `label` before the next instruction.
    pub fn use_label(&mut self, label: JumpTargetLabel) {
        let Ok(id) = usize::try_from(label.0) else { return };
        if id >= self.label_map.len() {
            self.label_map.resize(id + 1, -1);
        }
        self.label_map[id] = index(self.instrs.len());
    }

    /// Appends an instruction.
    pub fn addop(&mut self, opcode: Opcode, oparg: i32, loc: Location) {
        debug_assert!(opcode.has_arg() || opcode.has_target() || oparg == 0, "{opcode} {oparg}");
        debug_assert!((0..1 << 30).contains(&oparg), "{opcode} {oparg}");
        self.instrs.push(Instruction { opcode, oparg, loc, except_handler: NO_HANDLER });
    }

    /// Takes everything out, but keeps the space.
    pub fn clear(&mut self) {
        self.instrs.clear();
        self.last_label = 0;
        self.label_map.clear();
        self.nested.clear();
        self.annotations_code = None;
    }

    /// Inserts an instruction before the one at `pos`; labels at or behind `pos` move along.
    pub fn insert_instruction(&mut self, pos: usize, opcode: Opcode, oparg: i32, loc: Location) {
        let pos = pos.min(self.instrs.len());
        self.instrs.insert(pos, Instruction { opcode, oparg, loc, except_handler: NO_HANDLER });
        for at in &mut self.label_map {
            if *at >= index(pos) {
                *at += 1;
            }
        }
    }

    /// Keeps the sequence of a nested code unit, for inspection.
    pub fn add_nested(&mut self, nested: InstructionSequence) {
        self.nested.push(nested);
    }

    /// The sequences of nested code units.
    pub fn nested(&self) -> &[InstructionSequence] {
        &self.nested
    }

    /// Sets the code that replaces ANNOTATIONS_PLACEHOLDER. It must have no labels.
    pub fn set_annotations_code(&mut self, annotations: InstructionSequence) {
        self.annotations_code = Some(Box::new(annotations));
    }

    /// The code that replaces ANNOTATIONS_PLACEHOLDER.
    pub fn annotations_code(&self) -> Option<&InstructionSequence> {
        self.annotations_code.as_deref()
    }

    /// Replaces label ids by indices of instructions, once.
    pub fn apply_label_map(&mut self) {
        if self.label_map.is_empty() {
            return;
        }
        let map = &self.label_map;
        let lookup = |id: i32| usize::try_from(id).ok().and_then(|id| map.get(id)).copied().unwrap_or(-1);
        for instr in &mut self.instrs {
            if instr.opcode.has_target() {
                instr.oparg = lookup(instr.oparg);
            }
            if instr.except_handler.label >= 0 {
                instr.except_handler.label = lookup(instr.except_handler.label);
            }
        }
        self.label_map.clear();
    }

    /// The instructions so far.
    pub fn instrs(&self) -> &[Instruction] {
        &self.instrs
    }

    /// The instructions, to change in place.
    pub fn instrs_mut(&mut self) -> &mut Vec<Instruction> {
        &mut self.instrs
    }

    /// Number of instructions.
    pub fn len(&self) -> usize {
        self.instrs.len()
    }

    /// Whether there is no instruction.
    pub fn is_empty(&self) -> bool {
        self.instrs.is_empty()
    }
}

/// An index that is known to be small: sequences beyond `i32::MAX` instructions do not fit memory.
fn index(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// Tables of up to this many entries are searched from the start, larger ones by hash.
const SEARCHED: usize = 8;

/// Where the entries of a table are, by hash; empty while the table is small.
#[derive(Clone, Debug, Default)]
struct Positions(HashTable<u32>);

impl Positions {
    /// The first of `entries` that is `equal` to what has this hash.
    fn find<T>(&self, entries: &[T], hash: impl FnOnce() -> u64, equal: impl Fn(&T) -> bool) -> Option<u32> {
        if self.0.is_empty() {
            return entries.iter().position(equal).and_then(|at| u32::try_from(at).ok());
        }
        self.0.find(hash(), |at| entries.get(*at as usize).is_some_and(&equal)).copied()
    }

    /// Notes that `entries` has a new last entry, whose place is returned.
    fn added<T>(&mut self, entries: &[T], hash: impl Fn(&T) -> u64, equal: impl Fn(&T, &T) -> bool) -> u32 {
        let last = entries.len().saturating_sub(1);
        let from = match last {
            ..SEARCHED => entries.len(),
            SEARCHED => 0,
            _ => last,
        };
        if last == SEARCHED {
            self.0.reserve(3 * SEARCHED, |_| 0);
        }
        for (at, entry) in entries.iter().enumerate().skip(from) {
            let same = |at: &u32| entries.get(*at as usize).is_some_and(|other| equal(entry, other));
            self.0.entry(hash(entry), same, |at| entries.get(*at as usize).map_or(0, &hash)).or_insert(at as u32);
        }
        last as u32
    }
}

fn hash_name(name: &Text) -> u64 {
    FxBuildHasher.hash_one(name)
}

fn hash_const(value: &Const) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash_same(&mut hasher);
    hasher.finish()
}

/// Names in order of their first mention, each with its index.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    names: Vec<SharedText>,
    positions: Positions,
}

impl NameTable {
    /// An empty table.
    pub fn new() -> NameTable {
        NameTable::default()
    }

    /// The index of `name`, which is added when it is new.
    pub fn add(&mut self, name: &Text) -> u32 {
        self.add_with(name, || name.into())
    }

    /// The index of `name`. When it is new, `make` gives it to be added.
    pub fn add_with(&mut self, name: &Text, make: impl FnOnce() -> SharedText) -> u32 {
        if let Some(at) = self.get(name) {
            return at;
        }
        self.names.push(make());
        self.positions.added(&self.names, |name| hash_name(name), |a, b| a == b)
    }

    /// The index of `name`.
    pub fn get(&self, name: &Text) -> Option<u32> {
        self.positions.find(&self.names, || hash_name(name), |other| **other == *name)
    }

    /// Whether `name` is there.
    pub fn contains(&self, name: &Text) -> bool {
        self.get(name).is_some()
    }

    /// The names in order of their indices.
    pub fn names(&self) -> &[SharedText] {
        &self.names
    }

    /// The names alone.
    pub fn into_names(self) -> Vec<SharedText> {
        self.names
    }

    /// Number of names.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no name.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// Constants in order of their first mention, one entry for all that are [`Const::same`].
#[derive(Clone, Debug, Default)]
pub struct ConstTable {
    values: Vec<Const>,
    positions: Positions,
}

impl ConstTable {
    /// An empty table.
    pub fn new() -> ConstTable {
        ConstTable::default()
    }

    /// A table that keeps every value where it is, duplicates too.
    pub fn from_values(values: Vec<Const>) -> ConstTable {
        let mut table = ConstTable::new();
        for value in values {
            table.push(value);
        }
        table
    }

    fn push(&mut self, value: Const) -> u32 {
        self.values.push(value);
        self.positions.added(&self.values, hash_const, Const::same)
    }

    /// The index of `value`, which is added when it is new.
    pub fn add(&mut self, value: Const) -> u32 {
        match self.positions.find(&self.values, || hash_const(&value), |other| other.same(&value)) {
            Some(at) => at,
            None => self.push(value),
        }
    }

    /// The constants in order of their indices.
    pub fn values(&self) -> &[Const] {
        &self.values
    }

    /// The constant at an index.
    pub fn get(&self, at: usize) -> Option<&Const> {
        self.values.get(at)
    }

    /// Number of constants.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no constant.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The constants alone.
    pub fn into_values(self) -> Vec<Const> {
        self.values
    }
}

/// What code generation knows of a code unit besides its instructions. Operands of DEREF instructions count cell variables
/// first, then free variables, each by its index in its table.
#[derive(Clone, Debug, Default)]
pub struct CodeUnitMetadata {
    pub name: SharedText,
    /// `name` stands in when there is none.
    pub qualname: Option<SharedText>,
    pub consts: ConstTable,
    pub names: NameTable,
    pub varnames: NameTable,
    pub cellvars: NameTable,
    pub freevars: NameTable,
    /// Names that are fast locals only within an inlined comprehension; true while they are.
    pub fasthidden: FxHashMap<SharedText, bool>,
    /// Positional-or-keyword arguments, without the positional-only ones.
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub firstlineno: i32,
}
