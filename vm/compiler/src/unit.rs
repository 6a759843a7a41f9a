//! The code unit under construction: one per code object, innermost last.

use std::collections::BTreeSet;

use krait_syntax::ast::{Range, Stmt};
use krait_unicode::{SharedText, Text};
use rustc_hash::FxHashSet;

use crate::instruction_sequence::{CodeUnitMetadata, InstructionSequence, JumpTargetLabel, Location, NameTable};
use crate::symtable::EntryId;

/// What a code unit is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScopeType {
    Module,
    Class,
    Function,
    AsyncFunction,
    Lambda,
    Comprehension,
    Annotations,
}

/// What an unwinding `return`, `break` or `continue` finds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FBlockKind<'a> {
    WhileLoop,
    ForLoop,
    TryExcept,
    /// With the statements of the `finally` clause.
    FinallyTry(&'a [Stmt<'a>]),
    FinallyEnd,
    With,
    AsyncWith,
    /// With the name that the handler binds.
    HandlerCleanup(Option<&'a str>),
    PopValue,
    ExceptionHandler,
    ExceptionGroupHandler,
    AsyncComprehensionGenerator,
    InlinedComprehension,
    StopIteration,
}

/// One frame block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FBlock<'a> {
    pub kind: FBlockKind<'a>,
    pub block: JumpTargetLabel,
    pub loc: Location,
    pub exit: JumpTargetLabel,
}

/// An annotated assignment whose annotation goes to `__annotate__`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeferredAnnotation<'a> {
    pub stmt: &'a Stmt<'a>,
    /// Its number among those that may be skipped at run time.
    pub conditional_index: Option<i64>,
}

/// The state of one code unit.
#[derive(Debug)]
pub(crate) struct Unit<'a> {
    pub ste: EntryId,
    pub scope_type: ScopeType,
    /// Class whose private names are mangled.
    pub private: Option<&'a str>,
    /// Attributes of `self` that methods of this class assign, sorted.
    pub static_attributes: BTreeSet<&'a str>,
    pub deferred_annotations: Vec<DeferredAnnotation<'a>>,
    pub next_conditional_annotation_index: i64,
    pub seq: InstructionSequence,
    /// The unit's own sequence while that of its annotations is written.
    pub stashed_seq: Option<InstructionSequence>,
    pub fblocks: Vec<FBlock<'a>>,
    pub in_inlined_comp: u32,
    pub in_conditional_block: u32,
    pub metadata: CodeUnitMetadata,
}

/// Numbers of parameters of a unit.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ArgCounts {
    pub argcount: usize,
    pub posonlyargcount: usize,
    pub kwonlyargcount: usize,
}

/// One copy of each name, which the tables of all units share.
#[derive(Debug, Default)]
pub(crate) struct Texts(FxHashSet<SharedText>);

impl Texts {
    pub fn share(&mut self, text: &Text) -> SharedText {
        match self.0.get(text) {
            Some(shared) => shared.clone(),
            None => {
                let shared = SharedText::from(text);
                self.0.insert(shared.clone());
                shared
            }
        }
    }

    /// The index of `name` in a table, which may have it already.
    pub fn add(&mut self, name: &str, table: &mut NameTable) -> i32 {
        let name = Text::new(name);
        table.add_with(name, || self.share(name)).cast_signed()
    }
}

/// A point range, for locations that know a line only.
pub(crate) const fn line(lineno: i32) -> Range {
    Range { lineno, col_offset: 0, end_lineno: lineno, end_col_offset: 0 }
}
