//! Native modules, one file or folder each, named as CPython's `Modules/`.

use krait_runtime::module::ModuleDef;

mod _bisect;
mod _codecs;
mod _collections;
mod _contextvars;
mod _functools;
mod _heapq;
mod _operator;
mod itertools;
mod _sre;
mod _string;

/// All of them, by name.
pub static MODULES: &[&ModuleDef] = &[
    &_bisect::MODULE,
    &_codecs::MODULE,
    &_collections::MODULE,
    &_contextvars::MODULE,
    &_functools::MODULE,
    &_heapq::MODULE,
    &_operator::MODULE,
    &itertools::MODULE,
    &_sre::MODULE,
    &_string::MODULE,
];
