//! `_opcode`: what `dis` and `opcode` ask of the opcode table.
//!
//! There are no executors (traces compiled by CPython's second tier) and no statistics of specialization.

use krait_bytecode::Opcode;
use krait_bytecode::opcode::{BinaryOp, Intrinsic1, Intrinsic2, SpecialMethod};
use krait_runtime::types::code::CodeObject;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};

krait_runtime::module! {
    "_opcode",
    doc: "What the interpreter knows of its opcodes.",
    functions: [
        stack_effect, is_valid, has_arg, has_const, has_name, has_jump, has_free, has_local, has_exc, get_specialization_stats, get_nb_ops,
        get_intrinsic1_descs, get_intrinsic2_descs, get_executor, get_special_method_names
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in [("ENABLE_SPECIALIZATION", 1), ("ENABLE_SPECIALIZATION_FT", 1)] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(value))?;
    }
    Ok(())
}

fn find(opcode: i32) -> Option<Opcode> {
    Opcode::from_u16(u16::try_from(opcode).ok()?)
}

/// The effect of an opcode on the depth of the stack.
///
/// `jump` says whether its jump is taken; by default the larger effect of the two counts.
#[pyfunction(sig = "(opcode, oparg=None, /, *, jump=None)")]
pub fn stack_effect(opcode: i32, oparg: Value, jump: Value, vm: &mut Vm) -> PyResult {
    let oparg = if oparg.is_none() {
        0
    } else {
        let index = vm.index(&oparg)?;
        match vm.int_as_i128(&index).and_then(|i| i32::try_from(i).ok()) {
            Some(i) => i,
            None => return Err(vm.overflow_error("Python int too large to convert to C int")),
        }
    };
    let jump = if jump.is_none() {
        None
    } else if jump.is_true() {
        Some(true)
    } else if jump.is_false() {
        Some(false)
    } else {
        return Err(vm.value_error("stack_effect: jump must be False, True or None"));
    };
    match find(opcode).and_then(|op| op.stack_effect(oparg, jump)) {
        Some(effect) => vm.new_int(effect),
        None => Err(vm.value_error("invalid opcode or oparg")),
    }
}

macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident: $method:expr;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(opcode)")]
        pub fn $name(opcode: i32) -> bool {
            find(opcode).is_some_and($method)
        }
    )*};
}

questions! {
    /// Whether there is such an opcode.
    is_valid: |_| true;
    /// Whether the opcode uses its operand.
    has_arg: Opcode::has_arg;
    /// Whether the operand is the index of a constant.
    has_const: Opcode::has_const;
    /// Whether the operand is the index of a name.
    has_name: Opcode::has_name;
    /// Whether the operand is a distance to jump.
    has_jump: Opcode::has_jump;
    /// Whether the operand is the index of a free variable.
    has_free: Opcode::has_free;
    /// Whether the operand is the index of a local variable.
    has_local: Opcode::has_local;
    /// Whether the opcode sets up an exception handler.
    has_exc: Opcode::is_block_push;
}

/// Statistics of specialization; `None`, for none are kept.
#[pyfunction]
pub fn get_specialization_stats() {}

/// Name and symbol of each binary operation, by the operand of BINARY_OP.
#[pyfunction]
pub fn get_nb_ops(vm: &mut Vm) -> PyResult {
    let mut items = Vec::with_capacity(BinaryOp::ALL.len());
    for op in BinaryOp::ALL {
        let pair = vec![vm.new_str(op.name())?.into_value(), vm.new_str(op.text())?.into_value()];
        items.push(vm.new_tuple(pair)?.into_value());
    }
    Ok(vm.new_list(items)?.into_value())
}

fn strings(vm: &mut Vm, names: impl Iterator<Item = &'static str>) -> PyResult {
    let mut items = Vec::new();
    for name in names {
        items.push(vm.new_str(name)?.into_value());
    }
    Ok(vm.new_list(items)?.into_value())
}

/// The names of the intrinsics of one argument.
#[pyfunction]
pub fn get_intrinsic1_descs(vm: &mut Vm) -> PyResult {
    strings(vm, Intrinsic1::ALL.iter().map(|i| i.name()))
}

/// The names of the intrinsics of two arguments.
#[pyfunction]
pub fn get_intrinsic2_descs(vm: &mut Vm) -> PyResult {
    strings(vm, Intrinsic2::ALL.iter().map(|i| i.name()))
}

/// The special methods that LOAD_SPECIAL loads.
#[pyfunction]
pub fn get_special_method_names(vm: &mut Vm) -> PyResult {
    strings(vm, SpecialMethod::ALL.iter().map(|m| m.text()))
}

/// The executor at an offset of a code object.
#[pyfunction(sig = "(*, code, offset)")]
pub fn get_executor(code: &Value, offset: i32, vm: &mut Vm) -> PyResult {
    let _ = offset;
    if !code.is::<CodeObject>() {
        let name = code.type_name();
        return Err(vm.type_error(format!("expected a code object, not '{name}'")));
    }
    Err(vm.value_error("no executor at given byte offset"))
}
