//! From a sequence of pseudo instructions to a code object: the control flow graph and its passes, in CPython's order.
//!
//! Preparation (labels, handlers), optimisation on the graph (constants, jumps, locals, cold code, lines), then the final shape
//! (depth, cells, pseudo instructions) and assembly. Passes only ever shrink the work of later ones: each pass is linear but for the small
//! fixed points that say so.

mod cfg;
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
use krait_unicode::Text;

use crate::assemble;
use crate::instruction_sequence::{CodeUnitMetadata, ConstTable, InstructionSequence};
use cfg::Cfg;

/// What can go wrong behind code generation: a malformed sequence or too large a unit. Boxed, to keep results small.
pub type CompileError = Box<SyntaxError>;

/// Optimises the sequence of a code unit and makes its code object. `nparams` counts all parameters, `*args` and `**kwargs` among them.
pub fn optimize_and_assemble(
    seq: InstructionSequence,
    metadata: &CodeUnitMetadata,
    code_flags: u32,
    nparams: usize,
    filename: &Text,
) -> Result<Code, CompileError> {
    let mut cfg = Cfg::from_sequence(seq)?;
    let consts = cfg.optimize_code_unit(metadata.consts.clone(), metadata.varnames.len(), nparams)?;
    finish(cfg, metadata, consts, code_flags, filename)
}

/// The code object of a sequence as it stands, without optimisation, as CPython's tests of the assembler drive it.
pub fn assemble_sequence(seq: InstructionSequence, metadata: &CodeUnitMetadata, filename: &Text) -> Result<Code, CompileError> {
    let mut cfg = Cfg::from_sequence(seq)?;
    cfg.mark_except_handlers();
    cfg.label_exception_targets()?;
    finish(cfg, metadata, metadata.consts.values().to_vec(), 0, filename)
}

fn finish(
    mut cfg: Cfg,
    metadata: &CodeUnitMetadata,
    consts: Vec<Const>,
    code_flags: u32,
    filename: &Text,
) -> Result<Code, CompileError> {
    cfg.convert_pseudo_conditional_jumps();
    let maxdepth = cfg.calculate_stackdepth()?;
    let nlocalsplus = cfg.prepare_localsplus(metadata, code_flags)?;
    cfg.convert_pseudo_ops()?;
    cfg.normalize_jumps()?;
    cfg.optimize_load_fast();
    let unit = assemble::Unit { metadata, consts, maxdepth, nlocalsplus, code_flags, filename };
    assemble::make_code_object(cfg.into_sequence(), unit)
}

/// The optimiser alone, as CPython's tests drive it: a sequence with its constants, optimised and with its handlers resolved.
pub fn optimize_sequence(
    seq: InstructionSequence,
    consts: Vec<Const>,
    nlocals: usize,
) -> Result<(InstructionSequence, Vec<Const>), CompileError> {
    let table = ConstTable::from_values(consts);
    let mut cfg = Cfg::from_sequence(seq)?;
    let consts = cfg.optimize_code_unit(table, nlocals, 0)?;
    cfg.calculate_stackdepth()?;
    cfg.optimize_load_fast();
    Ok((cfg.into_sequence(), consts))
}

impl Cfg {
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
        self.check()?;
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
