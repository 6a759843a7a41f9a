//! `itertools`: iterators made of iterators.
//!
//! As CPython's since 3.14, they can neither be copied nor pickled. Each one gives up its sources once it is exhausted where CPython's does.

mod combinatorics;
mod grouping;
mod infinite;
mod linear;
mod tee;

use combinatorics::{Combinations, CombinationsWithReplacement, Permutations, Product};
use grouping::{Batched, GroupBy, Grouper, Pairwise, ZipLongest};
use infinite::{Count, Cycle, Repeat};
use krait_runtime::module;
use linear::{Accumulate, Chain, Compress, DropWhile, FilterFalse, ISlice, StarMap, TakeWhile};
use tee::{Tee, TeeData};

module! {
    "itertools",
    doc: "Functional tools for creating and using iterators.",
    functions: [tee::tee],
    types: [
        Accumulate, Batched, Chain, Combinations, CombinationsWithReplacement, Compress, Count, Cycle, DropWhile, FilterFalse, GroupBy, Grouper,
        ISlice, Pairwise, Permutations, Product, Repeat, StarMap, TakeWhile, Tee, TeeData, ZipLongest
    ],
}
