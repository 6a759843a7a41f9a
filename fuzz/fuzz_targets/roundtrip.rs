//! What parses, unparsed and parsed again, is the same tree.
#![no_main]

use krait_fuzz::{front, session};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = front::decoded(data) else { return };
    if text.contains('\0') {
        return;
    }
    session::with_vm(|vm| {
        let check = session::helper(vm, include_str!("../python/roundtrip.py"), "check_roundtrip");
        session::leaves_nothing(vm, |vm| {
            let Ok(text) = vm.new_str(&text) else { return };
            if let Err(e) = vm.call(check.as_value(), &[text.into_value()]) {
                if !vm.limits_reached() {
                    panic!("{}", session::describe(vm, &e));
                }
            }
        });
    });
});
