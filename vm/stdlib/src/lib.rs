//! Native modules, one file or folder each, named as CPython's `Modules/`.

use krait_runtime::module::ModuleDef;

mod _codecs;
mod _contextvars;

/// All of them, by name.
pub static MODULES: &[&ModuleDef] = &[
    &_codecs::MODULE,
    &_contextvars::MODULE,
mod _bisect;
mod _collections;
mod _functools;
mod _heapq;
mod _operator;
mod itertools;

/// All of them, by name.
pub static MODULES: &[&ModuleDef] = &[
    &_bisect::MODULE,
    &_collections::MODULE,
    &_functools::MODULE,
    &_heapq::MODULE,
    &_operator::MODULE,
    &itertools::MODULE,
];
