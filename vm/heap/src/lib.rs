//! Values, object headers, reference counts, allocation, weak references and the cycle collector.
//!
//! Glossary:
//! - *value*: one tagged word ([`Value`]): a small int, a float, or a counted pointer to an object.
//! - *object*: `[slots…][dict, weakrefs][gc links][header][payload][tail]`; a pointer to an object points at the header, what stands
//!   before it is the *pre-header*, whose size is the type's ([`TypeCore::pre`]).
//! - *payload*: the Rust struct behind the header; *tail*: items or inline values behind the payload.
//! - *pending*: objects whose finalizer, and weak references whose callback, the evaluator still has to run.
//!
//! Invariants:
//! - All access happens under the GIL, which holding a [`Gil`] token (the `Vm`) proves. Counts are plain integers.
//! - Dropping a [`Value`] never runs Python code: what needs Python code goes to [`pending`].
//! - Freeing is iterative beyond a fixed depth, so that no structure is too deep to free.
//!
//! Deliberately absent: types and their behaviour (the runtime's), any lock.
#![allow(unsafe_code, reason = "the object model is built here, behind safe interfaces")]

mod alloc;
mod cell;
pub mod gc;
mod header;
mod py;
mod region;
pub mod state;
pub mod statics;
mod traverse;
mod value;
mod weak;

#[cfg(fuzzing)]
pub use alloc::live_objects;
pub use alloc::{alloc, alloc_tail, alloc_tail_immortal, alloc_tail_untracked, failing, fits_memory, grow_tail, leave_memory, memory_in_use, raw_alloc, raw_free, AllocError};
pub use cell::{Gil, GilCell};
pub use header::{Header, ObjectFlags, PreHeader, TypeCore, TypeFlags, IMMORTAL};
pub use py::{Payload, Py};
pub use region::zeroed_region;
pub use state::pending;
pub use traverse::{Clear, Traverse, Visit};
pub use value::{SMALL_MAX, SMALL_MIN, Value};
pub use weak::{clear_weakrefs, weakrefs_head, WeakLinks};
