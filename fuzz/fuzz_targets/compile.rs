//! A tree out of AST nodes: it compiles or raises.
#![no_main]

use krait_fuzz::session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    session::with_vm(|vm| {
        let make = session::helper(vm, include_str!("../python/trees.py"), "compile_tree");
        session::leaves_nothing(vm, |vm| {
            let Ok(data) = vm.new_bytes(data) else { return };
            if let Err(e) = vm.call(make.as_value(), &[data.into_value()]) {
                if !vm.limits_reached() {
                    panic!("{}", session::describe(vm, &e));
                }
            }
        });
    });
});
