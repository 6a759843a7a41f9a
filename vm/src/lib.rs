//! Embedding face of Krait, and its command line.

pub mod command;
pub mod embed;
pub mod interactive;
pub mod library;
pub mod options;

pub use embed::Interpreter;
pub use krait_runtime as runtime;
