//! Specialisation: instructions in the running copy turn into forms that fit what they have met, with what they need to know in the cache
//! units behind them (PEP 659).
//!
//! The first cache unit counts: an unspecialised instruction tries to specialise when it reaches zero, a specialised one goes back to its
//! base form after so many misses. Cached pointers to attributes are not counted: the type's version, which changes with any of its
//! attributes, vouches for them.
#![allow(unsafe_code, reason = "writes the running copy of the code")]

pub mod arith;
pub mod attr;
pub mod call;
pub mod data;

use std::cell::Cell;
use krait_bytecode::Opcode;

/// Runs before an instruction first tries to specialise.
pub const WARMUP: u16 = 1;
/// Runs before it tries again after it could not.
const BACKOFF: u16 = 400;
/// Misses after which a specialised form is given up.
pub const COOLDOWN: u16 = 52;

/// Prepares a new running copy: sets the counters.
pub fn quicken(units: &[Cell<u16>]) {
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        let op = Opcode::from_u16(unit.get() & 0xff);
        let caches = op.map_or(0, Opcode::caches);
        if caches > 0
            && let Some(counter) = units.get(at + 1) {
                counter.set(WARMUP);
            }
        at += 1 + caches;
    }
}

/// An instruction in a running copy.
#[derive(Clone, Copy)]
pub struct Site(*mut u16);

impl Site {
    /// The instruction whose caches begin at `ip`.
    ///
    /// # Safety
    /// `ip` points behind the opcode's unit in a running copy, and the instruction has caches.
    #[inline(always)]
    pub unsafe fn before(ip: *const u16) -> Site {
        // SAFETY: the opcode's unit stands in front.
        Site(unsafe { ip.cast_mut().sub(1) })
    }

    /// Turns the instruction into `op`.
    pub fn become_op(self, op: Opcode) {
        // SAFETY: points at the opcode's unit and its counter.
        unsafe {
            *self.0 = (*self.0 & 0xff00) | op as u16;
            *self.0.add(1) = COOLDOWN;
        }
    }

    /// Waits before the next try.
    pub fn failed(self) {
        // SAFETY: the counter's unit.
        unsafe { *self.0.add(1) = BACKOFF };
    }

    /// Writes cache unit `index` (1 is the first behind the counter).
    pub fn set_u16(self, index: usize, value: u16) {
        // SAFETY: callers stay within the instruction's caches.
        unsafe { *self.0.add(1 + index) = value };
    }

    /// Writes two cache units.
    pub fn set_u32(self, index: usize, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.add(1 + index).cast::<u32>().write_unaligned(value) };
    }

    /// Writes four cache units.
    pub fn set_u64(self, index: usize, value: u64) {
        // SAFETY: as above.
        unsafe { self.0.add(1 + index).cast::<u64>().write_unaligned(value) };
    }
}

/// Turns an instruction that stays as it is after its first run into its other form, unless somebody watches it.
///
/// # Safety
/// `ip` points behind the opcode's unit in a running copy.
#[inline(always)]
pub unsafe fn rewrite(ip: *const u16, from: Opcode, to: Opcode) {
    // SAFETY: the opcode's unit stands in front.
    unsafe {
        let unit = ip.cast_mut().sub(1);
        if *unit & 0xff == from as u16 {
            *unit = *unit & 0xff00 | to as u16;
        }
    }
}

/// Reads two cache units at `ip + index`.
///
/// # Safety
/// The units are in the running copy.
#[inline(always)]
pub unsafe fn read_u32(ip: *const u16, index: usize) -> u32 {
    // SAFETY: the caller's promise.
    unsafe { ip.add(index).cast::<u32>().read_unaligned() }
}

/// Reads four cache units at `ip + index`.
///
/// # Safety
/// The units are in the running copy.
#[inline(always)]
pub unsafe fn read_u64(ip: *const u16, index: usize) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { ip.add(index).cast::<u64>().read_unaligned() }
}
