//! From a sequence of pseudo instructions to a code object: the control flow graph and its passes, in CPython's order.

use krait_bytecode::Code;
use krait_syntax::error::{ErrorKind, SyntaxError};
use krait_unicode::Text;

use crate::instruction_sequence::{CodeUnitMetadata, InstructionSequence};

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
    let _ = (seq, metadata, code_flags, nparams, filename);
    Err(error(ErrorKind::SystemError, "the flow graph is not there yet"))
}

fn error(kind: ErrorKind, message: &str) -> CompileError {
    Box::new(SyntaxError { kind, message: message.into(), lineno: 0, offset: 0, end_lineno: 0, end_offset: 0, text: None })
}
