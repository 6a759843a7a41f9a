//! Calls of builtins and methods with odd arguments: results or exceptions.
#![no_main]

use krait_fuzz::session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    session::with_vm(|vm| {
        let play = session::helper(vm, include_str!("../python/programs.py"), "play");
        session::leaves_nothing(vm, |vm| {
            let Ok(data) = vm.new_bytes(data) else { return };
            if let Err(e) = vm.call(play.as_value(), &[data.into_value()]) {
                if !vm.limits_reached() {
                    panic!("{}", session::describe(vm, &e));
                }
            }
        });
    });
});
