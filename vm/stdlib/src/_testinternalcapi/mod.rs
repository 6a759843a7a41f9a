//! `_testinternalcapi`: views of the interpreter's inside for tests of the standard library.
//!
//! Each function answers of Krait's own inside. What Krait has not is not there: C-level locks, hash tables and allocators, executors of
//! a second tier, interpreters with a lock of their own, shared (split) tables of dicts.

mod code;
mod compiler;
mod interpreters;
mod objects;
mod time;

use code::{code_returns_only_none, get_co_framesize, get_co_localskinds, get_code_var_counts, iframe_getcode, iframe_getlasti, iframe_getline};
use code::verify_stateless_code;
use compiler::{assemble_code_object, compiler_cleandoc, compiler_codegen, new_instruction_sequence, optimize_cfg};
use krait_runtime::eval::specialize;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::instance;
use krait_runtime::{Py, PyResult, Vm};
use objects::{_pyerr_setkeyerror, decode_locale_ex, dict_getitem_knownhash, encode_locale_ex, get_next_dict_keys_version};
use objects::{get_c_recursion_remaining, get_object_dict_values, get_recursion_depth, get_stack_margin, get_stack_pointer, has_inline_values, is_static_immortal, type_assign_specific_version_unsafe, hamt, set_vectorcall_nop, get_tracked_heap_size};
use time::{as_microseconds, as_milliseconds, as_timespec, as_timespec_clamp, as_timeval, as_timeval_clamp, from_seconds};
use time::{from_seconds_object, object_to_time_t, object_to_timespec, object_to_timeval};

krait_runtime::module! {
    "_testinternalcapi",
    doc: "Views of the interpreter's inside, for tests.",
    functions: [
        assemble_code_object, compiler_cleandoc, compiler_codegen, new_instruction_sequence, optimize_cfg, code_returns_only_none,
        get_co_framesize, get_co_localskinds, get_code_var_counts, verify_stateless_code, iframe_getcode, iframe_getlasti, iframe_getline,
        interpreters::run_in_subinterp_with_config,
        _pyerr_setkeyerror, decode_locale_ex, dict_getitem_knownhash, encode_locale_ex, get_next_dict_keys_version, get_object_dict_values,
        get_c_recursion_remaining, get_recursion_depth, get_stack_margin, get_stack_pointer, has_inline_values, is_static_immortal, as_microseconds, as_milliseconds,
        as_timespec, as_timespec_clamp, as_timeval, as_timeval_clamp, from_seconds, from_seconds_object, object_to_time_t,
        object_to_timespec, object_to_timeval, type_assign_specific_version_unsafe, hamt, set_vectorcall_nop, get_tracked_heap_size,
    ],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let constants = [
        ("SHARED_KEYS_MAX_SIZE", instance::MAX_KEYS),
        ("SIZEOF_MANAGED_PRE_HEADER", 16),
        ("SIZEOF_PYGC_HEAD", 16),
        ("SIZEOF_PYOBJECT", 16),
        ("SIZEOF_TIME_T", size_of::<i64>()),
        // A site is specialised by the run after the warm-up, and again by the miss after the cooldown.
        ("SPECIALIZATION_THRESHOLD", usize::from(specialize::WARMUP) + 1),
        ("SPECIALIZATION_COOLDOWN", usize::from(specialize::COOLDOWN) + 1),
    ];
    for (name, value) in constants {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
