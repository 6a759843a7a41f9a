//! Setting `frame.f_lineno`: where a tracing function may make a frame go on.
//!
//! The value stack is modelled for each instruction as a row of kinds. A frame may go on at an instruction whose stack is what remains of its
//! own after popping, and of a line's instructions the one that needs the least popping is taken. Nothing can be jumped into whose stack would
//! have to be made up: loops, handlers, arguments.
#![allow(unsafe_code, reason = "changes where a frame stands")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::frame::{Frame, Owner};
use crate::eval::instrument::event;
use crate::types::code::CodeObject;
use crate::types::frame::FrameObject;
use crate::types::generator;
use crate::types::int::IntRef;
use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm};
use krait_bytecode::dis::Instructions;
use krait_bytecode::{Opcode, exceptiontable, linetable};

/// What an item of the stack is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Iterator,
    Except,
    Object,
    Null,
    Lasti,
}

/// The stack in front of an instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Stack {
    /// No path leads here.
    Unknown,
    /// Deeper than is looked at.
    Deep,
    Items(Vec<Kind>),
}

const DEEPEST: usize = 21;

/// Whether an item of kind `from` will do where `to` is expected.
fn will_do(from: Kind, to: Kind) -> bool {
    match to {
        Kind::Object => from != Kind::Null,
        Kind::Null => true,
        _ => from == to,
    }
}

fn is_compatible(from: &Stack, to: &Stack) -> bool {
    match (from, to) {
        (Stack::Items(from), Stack::Items(to)) => from.len() >= to.len() && from.iter().zip(to).all(|(f, t)| will_do(*f, *t)),
        _ => false,
    }
}

fn explain(to: &Stack) -> &'static str {
    match to {
        Stack::Deep => "stack is too deep to analyze",
        Stack::Unknown => "can't jump into an exception handler, or code may be unreachable",
        Stack::Items(items) => match items.last() {
            Some(Kind::Except) => "can't jump into an 'except' block as there's no exception",
            Some(Kind::Lasti) => "can't jump into a re-raising block without location",
            Some(Kind::Iterator) => "can't jump into the body of a for loop",
            Some(Kind::Object | Kind::Null) | None => "incompatible stacks",
        },
    }
}

/// The stack behind an instruction on its way to the next one and to its target. Both are `None` where the instruction does not go.
fn step(opcode: Opcode, oparg: u32, items: &[Kind]) -> (Option<Vec<Kind>>, Option<Vec<Kind>>) {
    let mut now = items.to_vec();
    let arg = oparg as usize;
    match opcode {
        _ if opcode.is_conditional_jump() => {
            now.pop();
            return (Some(now.clone()), Some(now));
        }
        _ if opcode.is_unconditional_jump() => return (None, Some(now)),
        Opcode::SEND => return (Some(now.clone()), Some(now)),
        Opcode::FOR_ITER => {
            now.push(Kind::Object);
            return (Some(now.clone()), Some(now));
        }
        Opcode::RETURN_VALUE | Opcode::RAISE_VARARGS | Opcode::RERAISE => return (None, None),
        Opcode::GET_ITER | Opcode::GET_AITER => {
            now.pop();
            now.push(Kind::Iterator);
        }
        Opcode::END_ASYNC_FOR => now.truncate(now.len().saturating_sub(2)),
        Opcode::PUSH_EXC_INFO => now.push(Kind::Except),
        Opcode::POP_EXCEPT => {
            now.pop();
        }
        Opcode::PUSH_NULL => now.push(Kind::Null),
        Opcode::LOAD_GLOBAL => {
            now.push(Kind::Object);
            if arg & 1 != 0 {
                now.push(Kind::Null);
            }
        }
        Opcode::LOAD_ATTR if arg & 1 != 0 => {
            now.pop();
            now.extend([Kind::Object, Kind::Null]);
        }
        Opcode::SWAP if arg <= now.len() && arg > 0 => {
            let len = now.len();
            now.swap(len - 1, len - arg);
        }
        Opcode::COPY if arg <= now.len() && arg > 0 => now.push(now.get(now.len() - arg).copied().unwrap_or(Kind::Object)),
        _ => {
            let effect = i32::try_from(oparg).ok().and_then(|a| opcode.stack_effect(a, Some(false))).unwrap_or(0);
            if effect < 0 {
                now.truncate(now.len().saturating_sub(effect.unsigned_abs() as usize));
            } else {
                now.extend(std::iter::repeat_n(Kind::Object, effect as usize));
            }
        }
    }
    (Some(now), None)
}

fn set(stacks: &mut [Stack], at: u32, items: Vec<Kind>) -> bool {
    match stacks.get_mut(at as usize) {
        Some(slot @ Stack::Unknown) => {
            *slot = if items.len() > DEEPEST { Stack::Deep } else { Stack::Items(items) };
            true
        }
        _ => false,
    }
}

/// The stacks in front of all instructions, by code unit.
fn stacks(code: &CodeObject) -> Vec<Stack> {
    let mut stacks = vec![Stack::Unknown; code.len()];
    let mut again = set(&mut stacks, 0, Vec::new());
    while again {
        again = false;
        for instr in Instructions::new(&code.bytecode) {
            let Some(here) = stacks.get(instr.start as usize).cloned() else { continue };
            let Some(opcode) = instr.opcode else { continue };
            for unit in instr.start + 1..=instr.unit {
                if let (Some(slot), true) = (stacks.get_mut(unit as usize), here != Stack::Unknown) {
                    *slot = here.clone();
                }
            }
            match here {
                Stack::Unknown => continue,
                Stack::Deep => {
                    // Nothing can be said of what follows either.
                    let follow = (!opcode.is_scope_exit() && !opcode.is_unconditional_jump()).then(|| instr.end());
                    for at in follow.into_iter().chain(instr.jump_target()) {
                        if let Some(slot @ Stack::Unknown) = stacks.get_mut(at as usize) {
                            *slot = Stack::Deep;
                        }
                    }
                    continue;
                }
                Stack::Items(items) => {
                    let (next, target) = step(opcode, instr.oparg, &items);
                    if let Some(next) = next {
                        set(&mut stacks, instr.end(), next);
                    }
                    if let (Some(target), Some(at)) = (target, instr.jump_target()) {
                        again |= set(&mut stacks, at, target) && at < instr.unit;
                    }
                }
            }
        }
        for entry in exceptiontable::Entries::new(&code.exceptiontable) {
            let Some(Stack::Items(items)) = stacks.get(entry.start as usize) else { continue };
            let mut items = items.clone();
            items.truncate(entry.depth as usize);
            if entry.lasti {
                items.push(Kind::Lasti);
            }
            items.push(Kind::Except);
            again |= set(&mut stacks, entry.target, items);
        }
    }
    stacks
}

/// The code units where lines begin, with the lines.
fn line_starts(code: &CodeObject) -> Vec<(usize, i32)> {
    let (mut starts, mut last) = (Vec::new(), -1);
    for range in linetable::lines(&code.linetable, code.firstlineno) {
        if let Some(line) = range.line.filter(|l| *l != last) {
            starts.push((range.start as usize / 2, line));
            last = line;
        }
    }
    starts
}

/// `frame.f_lineno = value`, which only tracing functions may do.
pub fn set_lineno(vm: &mut Vm, object: &FrameObject, value: Option<&Value>) -> PyResult<()> {
    let Some(value) = value else { return Err(vm.attribute_error("cannot delete attribute")) };
    let wanted = match IntRef::new(value) {
        Some(i) if value.is_exact::<crate::types::int::Int>() => i.to_i64(),
        _ => return Err(vm.value_error("lineno must be an integer")),
    };
    match vm.eval.monitored_event {
        ..0 => return Err(vm.value_error("f_lineno can only be set in a trace function")),
        e => match e as usize {
            event::PY_RESUME | event::JUMP | event::BRANCH_LEFT | event::BRANCH_RIGHT | event::LINE | event::PY_YIELD => {}
            event::PY_START | event::PY_THROW => return Err(vm.value_error("can't jump from the 'call' trace event of a new frame")),
            _ => return Err(vm.value_error("can only jump from a 'line' trace event")),
        },
    }
    let Some(wanted) = wanted.and_then(|w| i32::try_from(w).ok()) else { return Err(vm.value_error("lineno out of range")) };
    let (Some(frame), Some(code)) = (object.live(), object.code()) else { return Err(vm.runtime_error("the frame is gone")) };
    if wanted < code.firstlineno {
        return Err(vm.value_error(format!("line {wanted} comes before the current code block")));
    }
    let starts = line_starts(&code);
    let Some(line) = starts.iter().map(|(_, l)| *l).filter(|l| *l >= wanted).min() else {
        return Err(vm.value_error(format!("line {wanted} comes after the current code block")));
    };
    // SAFETY: a frame that is set is alive, and its `ip` is exact while a tracing function runs.
    let (here, owner) = unsafe { (Frame::lasti(frame).max(0) as usize, (*frame).owner) };
    if owner == Owner::FrameObject {
        return Err(vm.value_error("can only jump from a 'line' trace event"));
    }
    let stacks = stacks(&code);
    let start = stacks.get(here).cloned().unwrap_or(Stack::Unknown);
    let (unit, keep) = match choose(&starts, &stacks, &start, line) {
        Ok(found) => found,
        Err(message) => return Err(vm.value_error(message)),
    };
    bind_unset(vm, frame)?;
    let Stack::Items(mut items) = start else { return Err(vm.value_error("can't jump from within an exception handler")) };
    // SAFETY: nobody else looks at a frame whose tracing function runs.
    unsafe {
        if is_suspended(frame) {
            // What was yielded is off the stack already.
            items.pop();
        }
        while items.len() > keep && (*frame).sp > Frame::stack_base(frame) {
            (*frame).sp = (*frame).sp.sub(1);
            let popped = (*frame).sp.read();
            if items.pop() == Some(Kind::Except)
                && let Some(handled) = vm.eval.handled.last_mut() {
                    let old = std::mem::replace(handled, popped.filter(|p| !p.is_none()));
                    drop(old);
                }
        }
        object.lineno.set(0);
        (*frame).ip = code.start().add(unit + 1);
    }
    Ok(())
}

unsafe fn is_suspended(frame: *mut Frame) -> bool {
    // SAFETY: the caller's frame is alive.
    unsafe { (*frame).owner == Owner::Generator && generator::state_of_frame(frame).state.get() < generator::state::EXECUTING }
}

/// The instruction of a line to go on at, and the items that stay on the stack; or why there is none.
fn choose(starts: &[(usize, i32)], stacks: &[Stack], start: &Stack, line: i32) -> Result<(usize, usize), &'static str> {
    let mut best: Option<(usize, usize)> = None;
    let mut reason = None;
    for &(unit, _) in starts.iter().filter(|(_, l)| *l == line) {
        let target = stacks.get(unit).unwrap_or(&Stack::Unknown);
        if is_compatible(start, target) {
            let depth = if let Stack::Items(items) = target { items.len() } else { 0 };
            if best.is_none_or(|(_, d)| depth > d) {
                best = Some((unit, depth));
            }
        } else if reason.is_none() {
            reason = Some(match start {
                Stack::Deep => "stack to deep to analyze",
                Stack::Unknown => "can't jump from within an exception handler",
                Stack::Items(_) => explain(target),
            });
        }
    }
    best.ok_or(reason.unwrap_or("cannot find bytecode for specified line"))
}

/// Variables that the compiler takes for set where the frame goes on are given None, with a warning.
fn bind_unset(vm: &mut Vm, frame: *mut Frame) -> PyResult<()> {
    // SAFETY: a frame that is set is alive; nothing runs while the slice is used.
    let unset = unsafe { Frame::locals_slice(frame).iter().filter(|s| s.is_none()).count() };
    if unset == 0 {
        return Ok(());
    }
    let s = if unset == 1 { "" } else { "s" };
    crate::eval::ops::warn(vm, "RuntimeWarning", &format!("assigning None to {unset} unbound local{s}"), 0)?;
    // SAFETY: as above.
    for slot in unsafe { Frame::locals_slice(frame) } {
        if slot.is_none() {
            *slot = Some(Value::none());
        }
    }
    Ok(())
}
