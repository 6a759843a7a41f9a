//! Dispatch: one small function for each opcode, each of which ends by jumping to the next one's.
//!
//! The state of the evaluator travels in the arguments of the handlers and so stays in registers: frame, instruction pointer, stack pointer,
//! operand and the table of handlers. Optimised builds turn the call at a handler's end into a jump (`cfg(threaded)`), so that every handler
//! has an indirect jump of its own for the processor to predict; other builds go back to [`run`] after each instruction.
//!
//! Nothing depends on the optimiser's doing so: whatever code can repeat without end (jumps backwards, calls, resumed generators, caught
//! exceptions) and whatever is done by [`slow`](crate::eval::slow) goes back to [`run`] once the native stack has grown by [`SPAN`]; see
//! [`Cx::next_bounded`].
//!
//! Rules for handlers: no local variable whose address is taken may be alive at the end, or the call stays a call. What needs such
//! variables is done by a function of its own that is not inlined.
//!
//! Invariants: the code has passed the verifier, so that operands, jumps and stack depths are in bounds; what items are on the stack is
//! checked where it matters. `ip` and `sp` are written back to the frame before anything that may look at it.
#![allow(unsafe_code, reason = "the value stack is raw memory")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::eval::fast::HANDLERS;
use crate::eval::frame::{Frame, Owner, Slot};
use crate::eval::{instrument, unwind};
use crate::types::generator;
use crate::{PyResult, Raised, Value, Vm};
use std::sync::atomic::Ordering;

/// Opcode numbers.
pub(super) mod op {
    #![allow(dead_code, reason = "all opcodes are here, the handlers pick")]
    macro_rules! numbers {
        ($($name:ident = $number:literal, $popped:tt => $pushed:tt, $caches:ident, $base:ident, [$($flag:ident)*];)*) => {
            $(pub const $name: u16 = $number;)*
            /// The general form of each opcode.
            pub(in crate::eval) const BASES: [u16; 267] = {
                let mut bases = [0; 267];
                $(bases[$number] = $base;)*
                bases
            };
        };
    }
    krait_bytecode::for_each_opcode!(numbers);
}

/// Why the handlers came back to [`run`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Exit {
    /// The entry frame has returned or yielded: the value is in `result`.
    Done,
    /// It has raised: the exception is in `raised`.
    Raised,
    /// To go on with `frame` at its `ip`.
    Again,
}

/// Does one instruction and what follows it. `ip` stands behind the instruction's code unit.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Handler(pub(super) unsafe fn(&mut Vm, *mut Frame, *const u16, *mut Slot, u32, *const Handler) -> Exit);

/// The evaluator's registers, as the arguments of a handler.
pub(super) struct Cx<'a> {
    pub vm: &'a mut Vm,
    pub frame: *mut Frame,
    pub ip: *const u16,
    pub sp: *mut Slot,
    pub oparg: u32,
    pub table: *const Handler,
}

/// Defines handlers: `fn name(c) { ... }` with `c: Cx`, a body that ends in an [`Exit`].
macro_rules! handlers {
    ($($(#[$attr:meta])* fn $name:ident($c:ident) $body:block)*) => {
        $(
            $(#[$attr])*
            pub(in crate::eval) unsafe fn $name(vm: &mut crate::Vm, frame: *mut crate::eval::frame::Frame, ip: *const u16, sp: *mut crate::eval::frame::Slot, oparg: u32, table: *const crate::eval::dispatch::Handler) -> crate::eval::dispatch::Exit {
                #[allow(unused_mut, reason = "some handlers only pass it on")]
                let mut $c = crate::eval::dispatch::Cx { vm, frame, ip, sp, oparg, table };
                // SAFETY: handlers run under the invariants of `dispatch`: verified code, a live frame, exact `ip` and `sp`.
                #[allow(unused_unsafe, reason = "the shortest need none")]
                unsafe { $body }
            }
        )*
    };
}
pub(super) use handlers;

/// The value of an expression, or on to the handler of exceptions.
macro_rules! tri {
    ($c:ident, $e:expr) => {
        match $e {
            Ok(v) => v,
            Err(e) => return $c.raise(e),
        }
    };
}
pub(super) use tri;

/// What a pattern binds; if it does not match, the instruction is done in the general way.
macro_rules! guard {
    ($c:ident, $p:pat = $e:expr) => {
        let $p = $e else { return $c.miss() };
    };
    ($c:ident, $e:expr) => {
        if !$e {
            return $c.miss();
        }
    };
}
pub(super) use guard;

impl Cx<'_> {
    /// The operand as an index or a number of items.
    #[inline(always)]
    pub fn count(&self) -> usize {
        self.oparg as usize
    }

    /// The place of a variable.
    #[inline(always)]
    pub unsafe fn local(&self, index: u32) -> *mut Slot {
        // SAFETY: the verifier has checked the index.
        unsafe { Frame::slots(self.frame).add(index as usize) }
    }

    /// The place of the item `n` from the top, counted from 1.
    #[inline(always)]
    pub unsafe fn at(&self, n: usize) -> *mut Slot {
        // SAFETY: the verifier has checked the depth.
        unsafe { self.sp.sub(n) }
    }

    /// The item `n` from the top.
    #[inline(always)]
    pub unsafe fn item<'s>(&self, n: usize) -> Option<&'s Value> {
        // SAFETY: as above; callers do not change the slot while they look at it.
        unsafe { (*self.sp.sub(n)).as_ref() }
    }

    /// The word of the item `n` from the top; zero where there is none.
    #[inline(always)]
    pub unsafe fn word(&self, n: usize) -> i64 {
        // SAFETY: as above.
        unsafe { self.sp.sub(n).cast::<i64>().read() }
    }

    #[inline(always)]
    pub unsafe fn push_slot(&mut self, value: Slot) {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            self.sp.write(value);
            self.sp = self.sp.add(1);
        }
    }

    #[inline(always)]
    pub unsafe fn push(&mut self, value: Value) {
        // SAFETY: as above.
        unsafe { self.push_slot(Some(value)) }
    }

    #[inline(always)]
    pub unsafe fn pop_slot(&mut self) -> Slot {
        // SAFETY: as above.
        unsafe {
            self.sp = self.sp.sub(1);
            self.sp.read()
        }
    }

    /// Takes off the topmost item as its word, for handlers that must not hold a value while others are dropped; its reference goes along.
    #[inline(always)]
    pub unsafe fn pop_word(&mut self) -> i64 {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            self.sp = self.sp.sub(1);
            self.sp.cast::<i64>().read()
        }
    }

    /// Pushes what [`pop_word`](Cx::pop_word) has taken off.
    #[inline(always)]
    pub unsafe fn push_word(&mut self, word: i64) {
        // SAFETY: as above.
        unsafe {
            self.sp.cast::<i64>().write(word);
            self.sp = self.sp.add(1);
        }
    }

    /// The topmost item; a NULL where a value belongs is for malformed code only, and `None` keeps it harmless.
    #[inline(always)]
    pub unsafe fn pop(&mut self) -> Value {
        // SAFETY: as above.
        unsafe { self.pop_slot() }.unwrap_or_else(Value::none)
    }

    /// Lets go of a reference. What its end wakes up runs at once.
    #[inline(always)]
    pub unsafe fn discard(&mut self, value: Slot) {
        // SAFETY: the word is the value, whose reference is given up here.
        unsafe {
            let word = value.map_or(0, Value::into_bits) as i64;
            if is_last(word) {
                dead(self.vm, self.frame, self.ip, word as *const krait_heap::Header);
            }
        }
    }

    /// Puts a value in place of the topmost one.
    #[inline(always)]
    pub unsafe fn replace_top(&mut self, value: Value) {
        // SAFETY: the verifier has checked the depth.
        unsafe {
            let place = self.sp.sub(1);
            let old = place.read();
            place.write(Some(value));
            self.discard(old);
        }
    }

    /// Goes over `n` cache units.
    #[inline(always)]
    pub unsafe fn skip(&mut self, n: usize) {
        // SAFETY: the caches stand behind the instruction.
        self.ip = unsafe { self.ip.add(n) };
    }

    /// On to the next instruction.
    #[inline(always)]
    pub unsafe fn next(self) -> Exit {
        // SAFETY: `ip` is inside the running copy; the table has a handler for each of the 256 opcodes.
        unsafe {
            #[cfg(threaded)]
            {
                let unit = *self.ip;
                let handler = *self.table.add((unit & 0xff) as usize);
                (handler.0)(self.vm, self.frame, self.ip.add(1), self.sp, u32::from(unit >> 8), self.table)
            }
            #[cfg(not(threaded))]
            {
                (*self.frame).ip = self.ip;
                (*self.frame).sp = self.sp;
                Exit::Again
            }
        }
    }

    /// The same where the native stack must not grow: what can be repeated without end passes here.
    #[inline(always)]
    pub unsafe fn next_bounded(mut self) -> Exit {
        // SAFETY: as for `next`.
        unsafe {
            if self.is_deep() {
                self.save();
                return Exit::Again;
            }
            self.next()
        }
    }

    /// Whether dispatch has used native stack, which it does if calls in tail position stay calls.
    #[inline(always)]
    pub fn is_deep(&self) -> bool {
        stack_pointer() < self.vm.eval.floor
    }

    /// Lets go of two references and goes on. Their ends are left to a handler of their own, so that this one calls nothing.
    #[inline(always)]
    pub unsafe fn next_without(self, a: i64, b: i64) -> Exit {
        // SAFETY: the words are values whose references are given up here.
        unsafe {
            let (last_a, last_b) = (is_last(a), is_last(b));
            if last_a || last_b {
                self.vm.eval.stash = [if last_a { a } else { 0 }, if last_b { b } else { 0 }];
                return ended(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table);
            }
            self.next()
        }
    }

    /// The same after something that may have allocated or freed objects.
    #[inline(always)]
    pub unsafe fn next_awake_without(self, a: i64, b: i64) -> Exit {
        // SAFETY: as for `next_without`.
        unsafe {
            let (last_a, last_b) = (is_last(a), is_last(b));
            if last_a || last_b || self.vm.interp.heap.wakeup.get() {
                self.vm.eval.stash = [if last_a { a } else { 0 }, if last_b { b } else { 0 }];
                return ended(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table);
            }
            self.next()
        }
    }

    /// On to the next instruction, after something that may have allocated or freed objects.
    #[inline(always)]
    pub unsafe fn next_awake(self) -> Exit {
        // SAFETY: as for `next`.
        unsafe {
            if self.vm.interp.heap.wakeup.get() {
                return woken(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table);
            }
            self.next()
        }
    }

    /// Does the instruction in front of `ip`, which has changed, anew.
    #[inline(always)]
    pub unsafe fn again(self) -> Exit {
        // SAFETY: as for `next`.
        unsafe {
            let handler = *self.table.add((*self.ip.sub(1) & 0xff) as usize);
            (handler.0)(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table)
        }
    }

    /// Does the instruction in the general way because a guard has failed.
    #[inline(always)]
    pub unsafe fn miss(self) -> Exit {
        // SAFETY: as for `next`.
        unsafe { super::fast::miss(self.vm, self.frame, self.ip, self.sp, self.oparg, self.table) }
    }

    /// Raises an exception in this instruction.
    #[inline(always)]
    pub unsafe fn raise(self, e: Raised) -> Exit {
        self.vm.eval.set_raised(e);
        // SAFETY: as for `next`.
        unsafe { self.raised() }
    }

    /// The same for an exception that is in `raised` already.
    #[inline(always)]
    pub unsafe fn raised(self) -> Exit {
        // SAFETY: as for `next`.
        unsafe {
            (*self.frame).ip = self.ip;
            unwinding(self.vm, self.frame, self.ip, self.sp, 1, self.table)
        }
    }

    /// Writes the registers back to the frame.
    #[inline(always)]
    pub unsafe fn save(&mut self) {
        // SAFETY: the frame runs.
        unsafe {
            (*self.frame).ip = self.ip;
            (*self.frame).sp = self.sp;
        }
    }

    /// Takes up a frame that has been made `vm.eval.frame`: its registers are exact.
    #[inline(always)]
    pub unsafe fn switch(&mut self, frame: *mut Frame) {
        // SAFETY: a live frame.
        unsafe {
            self.frame = frame;
            self.ip = (*frame).ip;
            self.sp = (*frame).sp;
        }
    }

    /// Whether the eval breaker asks for something.
    #[inline(always)]
    pub fn breaks(&self) -> bool {
        self.vm.interp.eval_breaker.load(Ordering::Relaxed) != 0
    }
}

/// How far the native stack may grow before dispatch goes back to [`run`].
const SPAN: usize = 32 << 10;

/// Runs `entry` until it returns, raises or yields. With `throw` the exception is raised where the frame stands.
///
/// The caller has counted the frame (`enter`) and set `is_entry` and `previous`.
pub(crate) fn run(vm: &mut Vm, entry: *mut Frame, throw: Option<Raised>) -> PyResult {
    let here = 0u8;
    let floor = std::mem::replace(&mut vm.eval.floor, (&raw const here as usize).saturating_sub(SPAN));
    vm.eval.frame = entry;
    // SAFETY: the frame is live and its registers are exact.
    let mut exit = match throw {
        Some(e) => unsafe {
            // A frame that is resumed by an exception stands behind the instruction it was suspended in.
            let e = if vm.interp.monitoring.used.get() { instrument::thrown(vm, entry, e) } else { e };
            vm.eval.set_raised(e);
            let (ip, sp) = ((*entry).ip, (*entry).sp);
            unwinding(vm, entry, ip, sp, 1, HANDLERS.as_ptr())
        },
        None => Exit::Again,
    };
    while exit == Exit::Again {
        // SAFETY: `frame` is the running frame, and its registers are exact.
        exit = unsafe { step(vm) };
    }
    vm.eval.floor = floor;
    if exit == Exit::Done { Ok(vm.eval.result.take().unwrap_or_else(Value::none)) } else { Err(unwind::take_raised(vm)) }
}

/// Where the native stack ends, without a local variable's address, which would keep calls from becoming jumps.
#[inline(always)]
fn stack_pointer() -> usize {
    #[cfg(threaded)]
    {
        let at: usize;
        // SAFETY: reads a register.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            std::arch::asm!("mov {}, rsp", out(reg) at, options(nomem, nostack, preserves_flags));
            #[cfg(target_arch = "aarch64")]
            std::arch::asm!("mov {}, sp", out(reg) at, options(nomem, nostack, preserves_flags));
        }
        at
    }
    #[cfg(not(threaded))]
    usize::MAX
}

/// Goes on with the running frame where it stands.
unsafe fn step(vm: &mut Vm) -> Exit {
    let (frame, table) = (vm.eval.frame, HANDLERS.as_ptr());
    // SAFETY: the caller's promise.
    unsafe {
        let (ip, sp) = ((*frame).ip, (*frame).sp);
        let unit = *ip;
        let handler = *table.add((unit & 0xff) as usize);
        (handler.0)(vm, frame, ip.add(1), sp, u32::from(unit >> 8), table)
    }
}

/// Gives up a reference to what a word stands for; true if it was the last and the object has to be finished.
///
/// # Safety
/// The word is zero or a value that the caller owns.
#[inline(always)]
pub(super) unsafe fn is_last(word: i64) -> bool {
    // SAFETY: words without tags point at headers.
    word & 3 == 0 && word != 0 && unsafe { (*(word as *const krait_heap::Header)).decrement() }
}

/// Ends an object's life in the midst of an instruction, and runs what that wakes up.
#[cold]
#[inline(never)]
unsafe fn dead(vm: &mut Vm, frame: *mut Frame, ip: *const u16, header: *const krait_heap::Header) {
    // SAFETY: `decrement` has said that this was the last reference.
    unsafe {
        (*frame).ip = ip;
        krait_heap::state::finish(&*header);
    }
    if vm.interp.heap.wakeup.get() {
        vm.run_wakeup();
    }
}

handlers! {
    /// Runs finalizers, weak reference callbacks and the collector, which wait; then on to the next instruction.
    #[cold]
    #[inline(never)]
    fn woken(c) {
        c.save();
        c.vm.run_wakeup();
        c.next()
    }

    /// Finishes the objects that [`Cx::next_without`] has found to be at their ends.
    #[inline(never)]
    fn ended(c) {
        let words = c.vm.eval.stash;
        for word in words {
            if word != 0 {
                dead(c.vm, c.frame, c.ip, word as *const krait_heap::Header);
            }
        }
        c.next_awake()
    }

    /// A jump backwards that does what the eval breaker asks for, or gives native stack back.
    #[cold]
    fn interrupted(c) {
        c.save();
        let before = *c.ip.sub(1) & 0xff;
        if c.breaks() && !attend(c.vm) {
            return c.raised();
        }
        // Somebody watches this code from now on: the instruction is done anew. One that was watched before has told of itself already.
        let now = *c.ip.sub(1) & 0xff;
        if now != before && now >= krait_bytecode::opcode::MIN_INSTRUMENTED_OPCODE {
            return c.again();
        }
        c.ip = c.ip.add(1).sub(c.count());
        c.save();
        Exit::Again
    }

    /// The exception in `raised` leaves the instruction in front of `ip`; the frame's own `ip` says which one it counts as. The operand says
    /// whether this frame gets a traceback entry.
    #[cold]
    fn unwinding(c) {
        if !catch(c.vm, c.frame, c.ip, c.sp, c.oparg != 0) {
            return Exit::Raised;
        }
        let frame = c.vm.eval.frame;
        c.switch(frame);
        if c.vm.interp.heap.wakeup.get() {
            // The handler's exception is on the stack; nothing is lost by running others now.
            c.vm.run_wakeup();
        }
        Exit::Again
    }
}

/// Does what the eval breaker asks for; false if something was raised.
#[cold]
#[inline(never)]
pub(super) fn attend(vm: &mut Vm) -> bool {
    match vm.handle_breaker() {
        Ok(()) => true,
        Err(e) => {
            vm.eval.set_raised(e);
            false
        }
    }
}

/// Looks for the handler of what is in `raised`, frame by frame downwards as far as the entry frame. If there is one its frame runs, ready to
/// go on.
#[cold]
#[inline(never)]
unsafe fn catch(vm: &mut Vm, frame: *mut Frame, ip: *const u16, sp: *mut Slot, traced: bool) -> bool {
    let (mut frame, mut ip, mut sp, mut traced) = (frame, ip, sp, traced);
    let mut raised = unwind::take_raised(vm);
    let mut log = true;
    // SAFETY: frames between here and the entry frame are live; those below the running one have exact registers.
    unsafe {
        loop {
            if log {
                if traced {
                    unwind::add_traceback(vm, frame, &raised);
                }
                if vm.interp.monitoring.used.get() {
                    (*frame).sp = sp;
                    raised = instrument::raising(vm, frame, !traced, raised);
                }
            }
            (traced, log) = (true, true);
            match unwind::find_handler(vm, frame, ip, sp, raised) {
                Ok((to, top)) => {
                    if vm.interp.monitoring.used.get() {
                        (*frame).sp = top;
                        if let Err(e) = unwind::tell_handled(vm, frame, to) {
                            (raised, log, ip, sp) = (e, false, to, top);
                            continue;
                        }
                    }
                    (*frame).ip = to;
                    (*frame).sp = top;
                    return true;
                }
                Err(e) => raised = e,
            }
            (*frame).sp = sp;
            if vm.interp.monitoring.used.get() {
                raised = instrument::unwinding(vm, frame, raised);
            }
            let (is_entry, previous) = ((*frame).is_entry, (*frame).previous);
            leave(vm, frame);
            if is_entry {
                vm.eval.set_raised(raised);
                return false;
            }
            frame = previous;
            ip = (*frame).ip;
            sp = (*frame).sp;
        }
    }
}

/// Ends the running of `frame`: gives its memory back, or puts its generator to rest.
///
/// # Safety
/// `frame` is the frame that runs, `sp` in it is exact.
pub(super) unsafe fn leave(vm: &mut Vm, frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        vm.eval.frame = (*frame).previous;
        vm.eval.depth -= 1;
        if (*frame).owner == Owner::Thread { vm.free_frame(frame) } else { generator::finish_frame(vm, frame) }
    }
}
