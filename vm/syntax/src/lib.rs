//! Python 3.14 source bytes to tokens to AST. Knows nothing of runtime objects and can be used alone.

pub mod ast;
pub mod error;
