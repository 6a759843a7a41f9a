//! Generators and oracles of the fuzz targets; the targets themselves only join one to the other.
//!
//! - `soup`: text out of Python's tokens; `mutate`: code objects with damaged fields; `bytecode`: code objects out of instructions;
//! - `front`: the oracles of tokenizer and parser; `session`: the interpreter that the other oracles run in, and the count of its objects.
//!
//! An oracle returns when all is well and panics when it is not. Whatever Krait itself does wrong shows as a panic, a signal of the
//! sanitizer, or the fuzzer's time or memory limit.

pub mod front;
pub mod mutate;
pub mod session;
pub mod soup;
