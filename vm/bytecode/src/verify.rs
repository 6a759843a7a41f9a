//! The verifier: whether a code object can be run without leaving its bounds.
//!
//! What it proves: every instruction that can be reached is a base opcode with its caches in place and an operand in range; jumps and
//! handlers lead to instructions; the depth of the stack at an instruction is the same on every path, suffices for what the instruction takes,
//! and never exceeds `co_stacksize`. It is linear in the code: each instruction is visited once, and memory is a word per code unit, two with
//! handlers. What compilers emit is proven by a plainer and faster pass first, see `linear`.
//!
//! Absent on purpose: types of stack items (an evaluator checks what it pops), whether a slot may be empty, and whether a local is bound.

mod linear;

use std::fmt;

use crate::code::{Code, co, fast};
use crate::dis::{Decoded, Instructions};
use crate::exceptiontable;
use crate::opcode::{MIN_INSTRUMENTED_OPCODE, BinaryOp, CommonConstant, CompareOp, Conversion, Intrinsic1, Intrinsic2, Opcode, SpecialMethod};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A number without an opcode, or one that code objects may not hold.
    Opcode(u8),
    /// The operand is out of range.
    Operand(Opcode, u32),
    /// The caches do not fit the code.
    Caches(Opcode),
    /// A jump or handler leads into the middle of an instruction, or out of the code.
    Target(u32),
    /// Control runs off the end.
    End,
    /// The instruction takes more than there is on the stack.
    Underflow(Opcode),
    /// The stack gets deeper than `co_stacksize`.
    Overflow(Opcode),
    /// Two paths meet with different depths.
    Depth { here: u32, there: u32 },
    /// Names, kinds or arguments do not fit each other.
    Layout,
    /// The exception table is not sorted, overlaps itself, or is incomplete: searches in it could find anything.
    Table,
}

/// A fault and the code unit where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyError {
    pub unit: u32,
    pub fault: Fault,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Opcode(number) => write!(f, "unknown opcode {number}"),
            Fault::Operand(opcode, arg) => write!(f, "{opcode:?} with the operand {arg}, which is out of range"),
            Fault::Caches(opcode) => write!(f, "{opcode:?} lacks room for its caches"),
            Fault::Target(u32::MAX) => write!(f, "a jump leads before the code"),
            Fault::Target(unit) => write!(f, "a jump leads to {}, where no fitting instruction begins", 2 * u64::from(*unit)),
            Fault::End => write!(f, "control leaves the code"),
            Fault::Underflow(opcode) => write!(f, "{opcode:?} needs more items than are on the stack"),
            Fault::Overflow(opcode) => write!(f, "{opcode:?} needs a deeper stack than co_stacksize"),
            Fault::Depth { here, there } => write!(f, "the stack has {here} items where another path has {there}"),
            Fault::Layout => write!(f, "names, kinds and arguments do not fit each other"),
            Fault::Table => write!(f, "the exception table is out of order"),
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid code at offset {}: {}", 2 * u64::from(self.unit), self.fault)
    }
}

impl std::error::Error for VerifyError {}

/// What the verifier looks at: sizes and bytes, no values.
#[derive(Clone, Copy, Debug)]
pub struct Layout<'c> {
    pub argcount: u32,
    pub posonlyargcount: u32,
    pub kwonlyargcount: u32,
    pub stacksize: u32,
    pub flags: u32,
    pub code: &'c [u8],
    pub consts: usize,
    pub names: usize,
    pub localsplusnames: usize,
    pub localspluskinds: &'c [u8],
    pub exceptiontable: &'c [u8],
}

impl<'c> From<&'c Code> for Layout<'c> {
    fn from(code: &'c Code) -> Layout<'c> {
        Layout {
            argcount: code.argcount,
            posonlyargcount: code.posonlyargcount,
            kwonlyargcount: code.kwonlyargcount,
            stacksize: code.stacksize,
            flags: code.flags,
            code: &code.code,
            consts: code.consts.len(),
            names: code.names.len(),
            localsplusnames: code.localsplusnames.len(),
            localspluskinds: &code.localspluskinds,
            exceptiontable: &code.exceptiontable,
        }
    }
}

/// Verifies a code object; not the ones among its constants.
pub fn verify(code: &Code) -> Result<(), VerifyError> {
    verify_layout(code.into())
}

/// Verifies a code object of which only the layout is at hand.
pub fn verify_layout(code: Layout<'_>) -> Result<(), VerifyError> {
    verify_with(code, &mut Scratch::default())
}

/// Memory that verifying needs, for one code object after the other.
#[derive(Default)]
pub struct Scratch {
    depths: Vec<u16>,
}

/// [`verify_layout`] of one of many code objects.
pub fn verify_with(code: Layout<'_>, scratch: &mut Scratch) -> Result<(), VerifyError> {
    check_layout(&code)?;
    let freevars = code.localspluskinds.iter().filter(|kind| **kind & fast::FREE != 0).count();
    if linear::is_sound(&code, freevars, &mut scratch.depths) { Ok(()) } else { search(code, freevars) }
}

/// Whether names, kinds and arguments fit each other, and there is code.
fn check_layout(code: &Layout<'_>) -> Result<(), VerifyError> {
    let at_start = |fault| VerifyError { unit: 0, fault };
    let more = u64::from(code.flags & co::VARARGS != 0) + u64::from(code.flags & co::VARKEYWORDS != 0);
    let arguments = u64::from(code.argcount) + u64::from(code.kwonlyargcount) + more;
    let kinds = code.localspluskinds;
    let nlocals = kinds.iter().filter(|kind| **kind & fast::LOCAL != 0).count();
    let first_free = kinds.iter().position(|kind| kind & fast::FREE != 0).unwrap_or(kinds.len());
    if code.localsplusnames != kinds.len()
        || code.posonlyargcount > code.argcount
        || arguments > nlocals as u64
        // Arguments are bound by their place from the front, and a closure's cells from the back.
        || kinds.iter().zip(0..arguments).any(|(kind, _)| kind & fast::LOCAL == 0)
        || kinds[first_free..].iter().any(|kind| kind & (fast::LOCAL | fast::CELL | fast::FREE) != fast::FREE)
        || !code.code.len().is_multiple_of(2)
        || u32::try_from(code.code.len()).is_err()
    {
        return Err(at_start(Fault::Layout));
    }
    if code.code.is_empty() {
        return Err(at_start(Fault::End));
    }
    if !exceptiontable::is_ordered(code.exceptiontable) {
        return Err(at_start(Fault::Table));
    }
    Ok(())
}

/// Follows control through the code and finds what is wrong with it.
fn search(code: Layout<'_>, freevars: usize) -> Result<(), VerifyError> {
    let mut verifier = Verifier::new(code, freevars);
    verifier.enter(0, 0, 0)?;
    while let Some(unit) = verifier.todo.pop() {
        let mut next = Some(unit);
        while let Some(unit) = next {
            next = verifier.step(unit)?;
        }
    }
    Ok(())
}

/// In [`Verifier::depths`]: no instruction starts at the unit.
const INSIDE: u32 = u32::MAX;
/// Control has not been seen to reach the instruction.
const UNSEEN: u32 = u32::MAX - 1;

struct Verifier<'c> {
    code: Layout<'c>,
    freevars: usize,
    /// Depth of the stack where an instruction starts, EXTENDED_ARG included.
    depths: Vec<u32>,
    entries: Vec<exceptiontable::Entry>,
    /// Handlers by the unit they cover, one more than their index; empty without handlers.
    handlers: Vec<u32>,
    todo: Vec<u32>,
}

impl<'c> Verifier<'c> {
    fn new(code: Layout<'c>, freevars: usize) -> Verifier<'c> {
        let units = code.code.len() / 2;
        let mut depths = vec![INSIDE; units];
        for instr in Instructions::new(code.code) {
            depths[instr.start as usize] = UNSEEN;
        }
        let entries: Vec<_> = exceptiontable::Entries::new(code.exceptiontable).collect();
        let mut handlers = vec![0; if entries.is_empty() { 0 } else { units }];
        for (entry, number) in entries.iter().zip(1..) {
            if let Some(covered) = handlers.get_mut(entry.start as usize..(entry.end as usize).min(units)) {
                covered.fill(number);
            }
        }
        Verifier { code, freevars, depths, entries, handlers, todo: Vec::new() }
    }

    /// The instruction that starts at `unit`, if one does.
    fn instruction(&self, unit: u32) -> Option<Decoded> {
        match self.depths.get(unit as usize) {
            None | Some(&INSIDE) => None,
            Some(_) => Instructions::at(self.code.code, unit).next(),
        }
    }

    /// Control reaches `unit` from `from` with `depth` items on the stack. Whether for the first time.
    fn reach(&mut self, from: u32, unit: u32, depth: u32) -> Result<bool, VerifyError> {
        let fault = |fault| Err(VerifyError { unit: from, fault });
        match self.depths.get_mut(unit as usize) {
            None => fault(Fault::End),
            Some(&mut INSIDE) => fault(Fault::Target(unit)),
            Some(seen) if *seen == UNSEEN => {
                *seen = depth;
                Ok(true)
            }
            Some(&mut there) if there == depth => Ok(false),
            Some(&mut there) => fault(Fault::Depth { here: depth, there }),
        }
    }

    /// Control may reach `unit`, which is then looked at later.
    fn enter(&mut self, from: u32, unit: u32, depth: u32) -> Result<(), VerifyError> {
        if self.reach(from, unit, depth)? {
            self.todo.push(unit);
        }
        Ok(())
    }

    /// Looks at one instruction; the next one, if control runs on to it and has not been there.
    fn step(&mut self, unit: u32) -> Result<Option<u32>, VerifyError> {
        let Some(instr) = self.instruction(unit) else { return Ok(None) };
        let depth = self.depths[unit as usize];
        let fault = |fault| VerifyError { unit, fault };
        let opcode = instr.opcode.filter(|op| is_plain(*op)).ok_or_else(|| fault(Fault::Opcode(instr.number)))?;
        if instr.end() as usize > self.depths.len() {
            return Err(fault(Fault::Caches(opcode)));
        }
        if !operand_fits(&self.code, self.freevars, opcode, instr.oparg) {
            return Err(fault(Fault::Operand(opcode, instr.oparg)));
        }
        let oparg = i32::try_from(instr.oparg).map_err(|_| fault(Fault::Operand(opcode, instr.oparg)))?;
        let (popped, pushed) = (opcode.popped(oparg), opcode.pushed(oparg));
        let left = u32::try_from(popped).ok().and_then(|popped| depth.checked_sub(popped));
        let left = left.ok_or_else(|| fault(Fault::Underflow(opcode)))?;
        let after = u32::try_from(pushed).ok().and_then(|pushed| left.checked_add(pushed));
        let after = after.filter(|after| *after <= self.code.stacksize && *after < UNSEEN);
        let after = after.ok_or_else(|| fault(Fault::Overflow(opcode)))?;
        self.enter_handlers(&instr, opcode, depth)?;
        if opcode == Opcode::FOR_ITER {
            // The evaluator steps over the END_FOR that it jumps to.
            let target = instr.jump_target().ok_or_else(|| fault(Fault::Target(u32::MAX)))?;
            let is_end = |i: Decoded| i.opcode == Some(Opcode::END_FOR) && i.start == i.unit;
            if !self.instruction(target).is_some_and(is_end) {
                return Err(fault(Fault::Target(target)));
            }
        }
        if opcode.has_jump() && opcode != Opcode::END_ASYNC_FOR {
            let target = instr.jump_target().ok_or_else(|| fault(Fault::Target(u32::MAX)))?;
            self.enter(unit, target, after)?;
        }
        if opcode.is_unconditional_jump() || opcode.is_scope_exit() {
            return Ok(None);
        }
        let next = instr.end();
        Ok(self.reach(unit, next, after)?.then_some(next))
    }

    /// Handlers are entered with the items they keep, the place of the instruction if they want it, and the exception. Wherever an exception
    /// finds the instruction pointer, behind EXTENDED_ARGs or among caches, the unit's handler is one of these.
    fn enter_handlers(&mut self, instr: &Decoded, opcode: Opcode, depth: u32) -> Result<(), VerifyError> {
        let mut last = 0;
        for unit in instr.start..instr.end() {
            let number = self.handlers.get(unit as usize).copied().unwrap_or(0);
            if number != last {
                self.enter_handler(instr.start, number, opcode, depth)?;
                last = number;
            }
        }
        Ok(())
    }

    fn enter_handler(&mut self, unit: u32, number: u32, opcode: Opcode, depth: u32) -> Result<(), VerifyError> {
        let Some(&entry) = (number as usize).checked_sub(1).and_then(|at| self.entries.get(at)) else { return Ok(()) };
        let fault = |fault| VerifyError { unit, fault };
        if entry.depth > depth {
            return Err(fault(Fault::Underflow(opcode)));
        }
        let entered = entry.depth + 1 + u32::from(entry.lasti);
        if entered > self.code.stacksize {
            return Err(fault(Fault::Overflow(opcode)));
        }
        self.enter(unit, entry.target, entered)
    }
}

/// Whether the operand is in range.
fn operand_fits(code: &Layout<'_>, freevars: usize, opcode: Opcode, oparg: u32) -> bool {
    let arg = oparg as usize;
    let variables = code.localspluskinds.len();
    let kind = |mask: u8| code.localspluskinds.get(arg).is_some_and(|kind| kind & mask != 0);
    match opcode {
        Opcode::LOAD_GLOBAL | Opcode::LOAD_ATTR => arg >> 1 < code.names,
        Opcode::LOAD_SUPER_ATTR => arg >> 2 < code.names,
        Opcode::LOAD_FAST_LOAD_FAST
        | Opcode::LOAD_FAST_BORROW_LOAD_FAST_BORROW
        | Opcode::STORE_FAST_LOAD_FAST
        | Opcode::STORE_FAST_STORE_FAST => arg >> 4 < variables && arg & 15 < variables,
        Opcode::COPY_FREE_VARS => arg == freevars,
        Opcode::MAKE_CELL => arg < variables,
        Opcode::BINARY_OP => BinaryOp::from_oparg(oparg).is_some(),
        Opcode::COMPARE_OP => CompareOp::from_compare_oparg(oparg).is_some(),
        Opcode::IS_OP | Opcode::CONTAINS_OP => arg < 2,
        Opcode::CALL_INTRINSIC_1 => arg > 0 && Intrinsic1::from_oparg(oparg).is_some(),
        Opcode::CALL_INTRINSIC_2 => arg > 0 && Intrinsic2::from_oparg(oparg).is_some(),
        Opcode::LOAD_COMMON_CONSTANT => CommonConstant::from_oparg(oparg).is_some(),
        Opcode::LOAD_SPECIAL => SpecialMethod::from_oparg(oparg).is_some(),
        Opcode::CONVERT_VALUE => arg > 0 && Conversion::from_oparg(oparg).is_some(),
        Opcode::BUILD_SLICE => arg == 2 || arg == 3,
        Opcode::RAISE_VARARGS => arg < 3,
        Opcode::SET_FUNCTION_ATTRIBUTE => arg < 32 && arg.is_power_of_two(),
        Opcode::COPY
        | Opcode::LIST_APPEND
        | Opcode::SET_ADD
        | Opcode::MAP_ADD
        | Opcode::LIST_EXTEND
        | Opcode::SET_UPDATE
        | Opcode::DICT_UPDATE
        | Opcode::DICT_MERGE => (1..1 << 24).contains(&arg),
        Opcode::SWAP => (2..1 << 24).contains(&arg),
        op if op.has_const() => arg < code.consts,
        op if op.has_name() => arg < code.names,
        op if op.has_free() => kind(fast::CELL | fast::FREE),
        op if op.has_local() => arg < variables,
        // Counts of stack items: beyond this no stack suffices, and sums stay small.
        _ => arg < 1 << 24,
    }
}

/// Whether a code object may hold the opcode.
const fn is_plain(opcode: Opcode) -> bool {
    // Specialised and instrumented forms are only ever put into the running copy.
    !opcode.is_pseudo()
        && opcode.const_base() == opcode as u16
        && (opcode as u16) < MIN_INSTRUMENTED_OPCODE
        && !matches!(opcode, Opcode::CACHE | Opcode::RESERVED | Opcode::EXTENDED_ARG | Opcode::INTERPRETER_EXIT | Opcode::ENTER_EXECUTOR)
}

/// For tests: whether the pass alone finds the code sound, and what the search finds.
#[doc(hidden)]
pub fn both_ways(code: &Code) -> (bool, Result<(), VerifyError>) {
    let layout = Layout::from(code);
    if let Err(e) = check_layout(&layout) {
        return (false, Err(e));
    }
    let freevars = code.freevars().count();
    (linear::is_sound(&layout, freevars, &mut Vec::new()), search(layout, freevars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Const;

    fn code(bytes: &[u8], stacksize: u32) -> Code {
        Code { code: bytes.into(), consts: vec![Const::None], stacksize, ..Code::default() }
    }

    #[track_caller]
    fn faulty(bytes: &[u8], stacksize: u32, unit: u32, fault: Fault) {
        assert_eq!(verify(&code(bytes, stacksize)), Err(VerifyError { unit, fault }));
    }

    #[test]
    fn bounds() {
        const LOAD: u8 = Opcode::LOAD_CONST as u8;
        const RETURN: u8 = Opcode::RETURN_VALUE as u8;
        assert_eq!(verify(&code(&[LOAD, 0, RETURN, 0], 1)), Ok(()));
        faulty(&[LOAD, 0, RETURN, 0], 0, 0, Fault::Overflow(Opcode::LOAD_CONST));
        faulty(&[LOAD, 1, RETURN, 0], 1, 0, Fault::Operand(Opcode::LOAD_CONST, 1));
        faulty(&[RETURN, 0], 1, 0, Fault::Underflow(Opcode::RETURN_VALUE));
        faulty(&[LOAD, 0], 1, 0, Fault::End);
        faulty(&[Opcode::TO_BOOL as u8, 0], 1, 0, Fault::Caches(Opcode::TO_BOOL));
        faulty(&[Opcode::JUMP_FORWARD as u8, 9, RETURN, 0], 1, 0, Fault::End);
        faulty(&[Opcode::JUMP_BACKWARD_NO_INTERRUPT as u8, 2], 1, 0, Fault::Target(u32::MAX));
        faulty(&[200, 0], 1, 0, Fault::Opcode(200));
        for number in MIN_INSTRUMENTED_OPCODE as u8..=255 {
            faulty(&[number, 0, LOAD, 0, RETURN, 0], 4, 0, Fault::Opcode(number));
        }
        faulty(&[Opcode::EXTENDED_ARG as u8, 0], 1, 0, Fault::Opcode(Opcode::EXTENDED_ARG as u8));
        // A handler may cover no more than the end of an instruction, and is looked at all the same.
        let wide = [Opcode::EXTENDED_ARG as u8, 0, Opcode::GET_ITER as u8, 0, RETURN, 0, LOAD, 0];
        let bytes = [&[LOAD, 0], &wide[..]].concat();
        let table = |start: u8, target: u8| Code { exceptiontable: vec![0x80 | start, 1, target, 0].into(), ..code(&bytes, 1) };
        assert_eq!(verify(&table(3, 3)), Ok(()));
        assert_eq!(verify(&table(2, 4)), Err(VerifyError { unit: 4, fault: Fault::Overflow(Opcode::LOAD_CONST) }));
        assert_eq!(verify(&Code { exceptiontable: vec![0x83, 1, 0].into(), ..table(3, 3) }), Err(VerifyError { unit: 0, fault: Fault::Table }));
        // One unconditional jump over a push, back to where the stack was empty.
        faulty(&[LOAD, 0, Opcode::JUMP_BACKWARD_NO_INTERRUPT as u8, 2], 3, 1, Fault::Depth { here: 1, there: 0 });
    }
}
