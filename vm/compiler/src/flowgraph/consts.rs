//! Constants: sequences of them become one, operators on them are evaluated, tests of them decided, unused ones dropped.

use std::borrow::Cow;

use krait_bytecode::opcode::Intrinsic1;
use krait_bytecode::{Const, Opcode};
use krait_syntax::error::ErrorKind;

use super::cfg::{Cfg, Instr, malformed};
use super::{CompileError, error, fold};
use crate::instruction_sequence::{ConstTable, NO_LOCATION};

/// Sequences of more constants than this stay as code, to bound the stack that looks for them.
const STACK_USE_GUIDELINE: i32 = 30;
/// Lists and sets of at least this many constants are built from one constant.
const MIN_CONST_SEQUENCE_SIZE: i32 = 3;

fn loads_const(opcode: Opcode) -> bool {
    opcode.has_const() || opcode == Opcode::LOAD_SMALL_INT
}

fn const_value<'c>(instr: &Instr, consts: &'c ConstTable) -> Result<Cow<'c, Const>, CompileError> {
    match instr.opcode {
        Opcode::LOAD_SMALL_INT => Ok(Cow::Owned(Const::Int(i64::from(instr.oparg)))),
        Opcode::LOAD_CONST => {
            let at = usize::try_from(instr.oparg).map_err(|_| no_constant())?;
            consts.get(at).map(Cow::Borrowed).ok_or_else(no_constant)
        }
        _ => Err(no_constant()),
    }
}

fn no_constant() -> CompileError {
    error(ErrorKind::SystemError, "Internal error: failed to get value of a constant")
}

fn add_const(value: Const, consts: &mut ConstTable) -> Result<i32, CompileError> {
    i32::try_from(consts.add(value)).map_err(|_| error(ErrorKind::OverflowError, "too many constants"))
}

fn make_load_small_int(instr: &mut Instr, value: &Const) -> bool {
    match value {
        Const::Int(small @ 0..=255) => {
            instr.set(Opcode::LOAD_SMALL_INT, *small as i32);
            true
        }
        _ => false,
    }
}

fn make_load_const(instr: &mut Instr, value: Const, consts: &mut ConstTable) -> Result<(), CompileError> {
    if !make_load_small_int(instr, &value) {
        let at = add_const(value, consts)?;
        instr.set(Opcode::LOAD_CONST, at);
    }
    Ok(())
}

/// Places of instructions that load constants, in order.
struct Loads {
    places: [u32; STACK_USE_GUIDELINE as usize],
    count: usize,
}

impl Loads {
    fn iter(&self) -> impl Iterator<Item = usize> {
        self.places[..self.count].iter().map(|at| *at as usize)
    }

    fn nop_out(&self, instrs: &mut [Instr]) {
        nop_out(instrs, self.iter());
    }

    fn values(&self, instrs: &[Instr], consts: &ConstTable) -> Result<Vec<Const>, CompileError> {
        const_values(instrs, self.iter(), consts)
    }
}

/// The `size` instructions before `end` that load constants, if those are all but NOPs.
fn const_loads(instrs: &[Instr], end: usize, size: usize) -> Option<Loads> {
    let mut loads = Loads { places: [0; STACK_USE_GUIDELINE as usize], count: size };
    let mut missing = size;
    for at in (0..end).rev() {
        if missing == 0 {
            break;
        }
        match instrs[at].opcode {
            Opcode::NOP => {}
            opcode if loads_const(opcode) => {
                missing -= 1;
                *loads.places.get_mut(missing)? = u32::try_from(at).ok()?;
            }
            _ => return None,
        }
    }
    (missing == 0).then_some(loads)
}

fn nop_out(instrs: &mut [Instr], which: impl Iterator<Item = usize>) {
    for at in which {
        instrs[at].set_nop();
        instrs[at].loc = NO_LOCATION;
    }
}

fn const_values(instrs: &[Instr], which: impl Iterator<Item = usize>, consts: &ConstTable) -> Result<Vec<Const>, CompileError> {
    which.map(|at| const_value(&instrs[at], consts).map(Cow::into_owned)).collect()
}

/// BUILD_TUPLE of constants.
pub(super) fn fold_tuple(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    let size = instrs[at].oparg;
    if !(0..=STACK_USE_GUIDELINE).contains(&size) {
        return Ok(());
    }
    let Some(loads) = const_loads(instrs, at, size as usize) else { return Ok(()) };
    let items = loads.values(instrs, consts)?;
    loads.nop_out(instrs);
    make_load_const(&mut instrs[at], Const::Tuple(items.into()), consts)
}

/// A tuple built as a list of appended constants (`(1, 2, *())` and long displays), at its CALL_INTRINSIC_1.
pub(super) fn fold_list_to_tuple(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    fold_appends(instrs, at, at, Opcode::LIST_APPEND, consts)
}

/// The last LIST_APPEND or SET_ADD of a long display that is only iterated over or searched. The constant has no place in the source,
/// and so takes that of what precedes it.
pub(super) fn fold_appended(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    fold_appends(instrs, at, at + 1, instrs[at].opcode, consts)
}

/// Folds an empty display and the constants added to it before `end` into a constant at `at`.
fn fold_appends(
    instrs: &mut [Instr],
    at: usize,
    end: usize,
    append: Opcode,
    consts: &mut ConstTable,
) -> Result<(), CompileError> {
    let build = if append == Opcode::SET_ADD { Opcode::BUILD_SET } else { Opcode::BUILD_LIST };
    let mut loads = Vec::new();
    let mut expect_append = true;
    for pos in (0..end).rev() {
        let Instr { opcode, oparg, .. } = instrs[pos];
        if opcode == Opcode::NOP {
            continue;
        }
        if opcode == build && oparg == 0 {
            if !expect_append {
                return Ok(());
            }
            let items = const_values(instrs, loads.into_iter().rev(), consts)?;
            for instr in instrs[pos..end].iter_mut().filter(|instr| instr.opcode != Opcode::NOP) {
                instr.set_nop();
                instr.loc = NO_LOCATION;
            }
            let value = match append {
                Opcode::SET_ADD => Const::FrozenSet(fold::distinct(items).into()),
                _ => Const::Tuple(items.into()),
            };
            return make_load_const(&mut instrs[at], value, consts);
        }
        if expect_append {
            if opcode != append || oparg != 1 {
                return Ok(());
            }
        } else {
            if !loads_const(opcode) {
                return Ok(());
            }
            loads.push(pos);
        }
        expect_append = !expect_append;
    }
    Ok(())
}

/// BUILD_LIST and BUILD_SET: of constants they extend by one constant, or are one if only iterated over or searched.
pub(super) fn optimize_list_or_set(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    let (opcode, size) = (instrs[at].opcode, instrs[at].oparg);
    let only_read = matches!(instrs.get(at + 1).map(|i| i.opcode), Some(Opcode::GET_ITER | Opcode::CONTAINS_OP));
    if !(0..=STACK_USE_GUIDELINE).contains(&size) || size < MIN_CONST_SEQUENCE_SIZE && !only_read {
        return Ok(());
    }
    let Some(loads) = const_loads(instrs, at, size as usize) else {
        if only_read && opcode == Opcode::BUILD_LIST {
            instrs[at].opcode = Opcode::BUILD_TUPLE;
        }
        return Ok(());
    };
    let items = loads.values(instrs, consts)?;
    let value = match opcode {
        Opcode::BUILD_SET => Const::FrozenSet(fold::distinct(items).into()),
        _ => Const::Tuple(items.into()),
    };
    let index = add_const(value, consts)?;
    loads.nop_out(instrs);
    if only_read {
        instrs[at].set(Opcode::LOAD_CONST, index);
    } else if at >= 2 {
        instrs[at - 2].loc = instrs[at].loc;
        instrs[at - 2].set(opcode, 0);
        instrs[at - 1].set(Opcode::LOAD_CONST, index);
        instrs[at].set(if opcode == Opcode::BUILD_LIST { Opcode::LIST_EXTEND } else { Opcode::SET_UPDATE }, 1);
    }
    Ok(())
}

/// BINARY_OP of two constants.
pub(super) fn fold_binary_op(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    let Some(loads) = const_loads(instrs, at, 2) else { return Ok(()) };
    let [left, right, ..] = loads.places;
    let (left, right) = (const_value(&instrs[left as usize], consts)?, const_value(&instrs[right as usize], consts)?);
    match fold::binary(&left, instrs[at].oparg, &right) {
        Some(value) => {
            loads.nop_out(instrs);
            make_load_const(&mut instrs[at], value, consts)
        }
        None => Ok(()),
    }
}

/// A unary operator on a constant.
pub(super) fn fold_unary_op(instrs: &mut [Instr], at: usize, consts: &mut ConstTable) -> Result<(), CompileError> {
    let Some(loads) = const_loads(instrs, at, 1) else { return Ok(()) };
    let operand = const_value(&instrs[loads.places[0] as usize], consts)?;
    let value = match instrs[at].opcode {
        Opcode::UNARY_NEGATIVE => fold::negative(&operand),
        Opcode::UNARY_INVERT => fold::invert(&operand),
        Opcode::UNARY_NOT => Some(Const::from_bool(!fold::is_true(&operand))),
        Opcode::CALL_INTRINSIC_1 if instrs[at].oparg == Intrinsic1::INTRINSIC_UNARY_POSITIVE as i32 => fold::positive(&operand),
        _ => None,
    };
    match value {
        Some(value) => {
            loads.nop_out(instrs);
            make_load_const(&mut instrs[at], value, consts)
        }
        None => Ok(()),
    }
}

impl Cfg {
    /// Small ints get their own instruction; tests of constants are decided.
    pub(super) fn optimize_load_const(&mut self, consts: &mut ConstTable) -> Result<(), CompileError> {
        self.try_for_each(|cfg, id| optimize_load_const_of(cfg.instrs_mut(id), consts))
    }

    /// Drops constants that no instruction loads; the first stays, it may be the docstring.
    pub(super) fn remove_unused_consts(&mut self, consts: ConstTable) -> Result<Vec<Const>, CompileError> {
        let values = consts.into_values();
        // The new index of each constant, once it is known to be used.
        let mut new_index = vec![-1; values.len()];
        if let Some(first) = new_index.first_mut() {
            *first = 0;
        }
        self.try_for_each(|cfg, id| {
            for instr in cfg.instrs(id).iter().filter(|instr| instr.opcode.has_const()) {
                let slot = usize::try_from(instr.oparg).ok().and_then(|at| new_index.get_mut(at));
                *slot.ok_or_else(malformed)? = 0;
            }
            Ok(())
        })?;
        if new_index.iter().all(|index| *index == 0) {
            return Ok(values);
        }
        for (index, new) in new_index.iter_mut().filter(|index| **index == 0).zip(0..) {
            *index = new;
        }
        self.for_each(|cfg, id| {
            for instr in cfg.instrs_mut(id).iter_mut().filter(|instr| instr.opcode.has_const()) {
                instr.oparg = new_index[instr.oparg as usize];
            }
        });
        Ok(values.into_iter().zip(new_index).filter(|(_, index)| *index >= 0).map(|(value, _)| value).collect())
    }
}

/// [`Cfg::optimize_load_const`] of a block.
fn optimize_load_const_of(instrs: &mut [Instr], consts: &mut ConstTable) -> Result<(), CompileError> {
    // The load whose value is on the top of the stack.
    let mut load: Option<Instr> = None;
    for at in 0..instrs.len() {
        match instrs[at].opcode {
            Opcode::LOAD_CONST => {
                let value = const_value(&instrs[at], consts)?;
                make_load_small_int(&mut instrs[at], &value);
                load = Some(instrs[at]);
            }
            Opcode::LOAD_SMALL_INT => load = Some(instrs[at]),
            Opcode::COPY if instrs[at].oparg == 1 && load.is_some_and(|load| load.opcode == Opcode::LOAD_CONST) => {}
            _ => load = None,
        }
        let Some(load) = load else { continue };
        let Some(next) = instrs.get(at + 1).map(|next| next.opcode) else { continue };
        match next {
            Opcode::POP_JUMP_IF_FALSE | Opcode::POP_JUMP_IF_TRUE | Opcode::JUMP_IF_FALSE | Opcode::JUMP_IF_TRUE => {
                let truth = fold::is_true(&*const_value(&load, consts)?);
                decide_jump(instrs, at, next, truth);
            }
            Opcode::IS_OP if matches!(*const_value(&load, consts)?, Const::None) => fold_is_none(instrs, at),
            Opcode::TO_BOOL => {
                let truth = fold::is_true(&*const_value(&load, consts)?);
                let index = add_const(Const::from_bool(truth), consts)?;
                instrs[at].set_nop();
                instrs[at + 1].set(Opcode::LOAD_CONST, index);
            }
            _ => {}
        }
    }
    Ok(())
}

/// A conditional jump on a constant at `at`.
fn decide_jump(instrs: &mut [Instr], at: usize, jump: Opcode, truth: bool) {
    if matches!(jump, Opcode::POP_JUMP_IF_FALSE | Opcode::POP_JUMP_IF_TRUE) {
        instrs[at].set_nop();
    }
    if truth == matches!(jump, Opcode::POP_JUMP_IF_TRUE | Opcode::JUMP_IF_TRUE) {
        instrs[at + 1].opcode = Opcode::JUMP;
    } else {
        instrs[at + 1].set_nop();
    }
}

/// `is None` and `is not None` in front of a jump.
fn fold_is_none(instrs: &mut [Instr], at: usize) {
    let mut jump = at + 2;
    if instrs.get(jump).is_some_and(|instr| instr.opcode == Opcode::TO_BOOL) {
        instrs[jump].set_nop();
        jump += 1;
    }
    let mut invert = instrs[at + 1].oparg != 0;
    match instrs.get(jump).map(|instr| instr.opcode) {
        Some(Opcode::POP_JUMP_IF_FALSE) => invert = !invert,
        Some(Opcode::POP_JUMP_IF_TRUE) => {}
        _ => return,
    }
    instrs[at].set_nop();
    instrs[at + 1].set_nop();
    instrs[jump].opcode = if invert { Opcode::POP_JUMP_IF_NOT_NONE } else { Opcode::POP_JUMP_IF_NONE };
}
