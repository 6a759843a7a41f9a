//! Native modules, one file or folder each, named as CPython's `Modules/`.

use krait_runtime::module::ModuleDef;

mod _codecs;
mod _contextvars;

/// All of them, by name.
pub static MODULES: &[&ModuleDef] = &[
    &_codecs::MODULE,
    &_contextvars::MODULE,
];
