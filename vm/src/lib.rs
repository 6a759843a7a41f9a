//! Embedding face of Krait, and its command line.

pub mod command;
pub mod library;
pub mod options;

pub use krait_runtime as runtime;
