//! From a sequence of pseudo instructions to a code object: the control flow graph and its passes, in CPython's order.
//!
//! Preparation (labels, handlers), optimisation on the graph (constants, jumps, locals, cold code, lines), then the final shape
//! (depth, cells, pseudo instructions) and assembly. Passes only ever shrink the work of later ones: each pass is linear but for the small
//! fixed points that say so.

pub(crate) mod cfg;
mod consts;
mod exceptions;
mod fold;
mod layout;
mod lines;
mod locals;
mod number;
mod peephole;
mod reduce;

use krait_bytecode::{Code, Const};
use krait_syntax::error::{ErrorKind, SyntaxError};
use krait_unicode::SharedText;

use crate::assemble;
use crate::instruction_sequence::{CodeUnitMetadata, ConstTable, InstructionSequence};
use cfg::Cfg;

/// What can go wrong behind code generation: a malformed sequence or too large a unit. Boxed, to keep results small.
pub type CompileError = Box<SyntaxError>;

/// Optimises the sequence of a code unit and makes its code object. `nparams` counts all parameters, `*args` and `**kwargs` among them.
pub fn optimize_and_assemble(
    mut seq: InstructionSequence,
    metadata: CodeUnitMetadata,
    code_flags: u32,
    nparams: usize,
    filename: &SharedText,
) -> Result<Code, CompileError> {
    Cfg::default().optimize_and_assemble(&mut seq, metadata, code_flags, nparams, filename)
}

/// The code object of a sequence as it stands, without optimisation, as CPython's tests of the assembler drive it.
pub fn assemble_sequence(
    mut seq: InstructionSequence,
    mut metadata: CodeUnitMetadata,
    filename: &SharedText,
) -> Result<Code, CompileError> {
    let mut cfg = Cfg::from_sequence(&mut seq)?;
    cfg.mark_except_handlers();
    cfg.label_exception_targets()?;
    let consts = std::mem::take(&mut metadata.consts).into_values();
    cfg.finish(metadata, consts, 0, filename)
}

/// The optimiser alone, as CPython's tests drive it: a sequence with its constants, optimised and with its handlers resolved.
pub fn optimize_sequence(
    mut seq: InstructionSequence,
    consts: Vec<Const>,
    nlocals: usize,
) -> Result<(InstructionSequence, Vec<Const>), CompileError> {
    let table = ConstTable::from_values(consts);
    let mut cfg = Cfg::from_sequence(&mut seq)?;
    let consts = cfg.optimize_code_unit(table, nlocals, 0)?;
    cfg.calculate_stackdepth()?;
    cfg.optimize_load_fast();
    Ok((cfg.to_sequence(), consts))
}

impl Cfg {
    /// As the function of this name, in the space of a graph that may have been used before.
    pub(crate) fn optimize_and_assemble(
        &mut self,
        seq: &mut InstructionSequence,
        mut metadata: CodeUnitMetadata,
        code_flags: u32,
        nparams: usize,
        filename: &SharedText,
    ) -> Result<Code, CompileError> {
        self.load(seq)?;
        let consts = std::mem::take(&mut metadata.consts);
        let consts = self.optimize_code_unit(consts, metadata.varnames.len(), nparams)?;
        self.finish(metadata, consts, code_flags, filename)
    }

    fn finish(
        &mut self,
        metadata: CodeUnitMetadata,
        consts: Vec<Const>,
        code_flags: u32,
        filename: &SharedText,
    ) -> Result<Code, CompileError> {
        self.convert_pseudo_conditional_jumps();
        let maxdepth = self.calculate_stackdepth()?;
        let nlocalsplus = self.convert_pseudo_ops(&metadata, code_flags)?;
        self.normalize_jumps()?;
        self.optimize_load_fast();
        self.make_code_object(assemble::Unit { metadata, consts, maxdepth, nlocalsplus, code_flags, filename })
    }

    fn optimize_code_unit(&mut self, mut consts: ConstTable, nlocals: usize, nparams: usize) -> Result<Vec<Const>, CompileError> {
        self.mark_except_handlers();
        self.label_exception_targets()?;
        self.optimize(&mut consts)?;
        let consts = self.remove_unused_consts(consts)?;
        self.add_checks_for_loads_of_uninitialized_variables(nlocals, nparams);
        self.insert_superinstructions();
        self.push_cold_blocks_to_end()?;
        self.resolve_line_numbers();
        Ok(consts)
    }

    fn optimize(&mut self, consts: &mut ConstTable) -> Result<(), CompileError> {
        self.inline_small_or_no_lineno_blocks();
        self.remove_unreachable();
        self.resolve_line_numbers();
        self.optimize_load_const(consts)?;
        self.optimize_basic_blocks(consts)?;
        self.remove_redundant_nops_and_pairs();
        self.remove_unreachable();
        self.remove_redundant_nops_and_jumps()
    }
}

fn error(kind: ErrorKind, message: &str) -> CompileError {
    Box::new(SyntaxError::new(kind, message))
}
