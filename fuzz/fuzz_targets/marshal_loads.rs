//! Any bytes: an object that can be written and read again, or an error.
#![no_main]

use krait_fuzz::session;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(value) = krait_bytecode::marshal::read_const(data) {
        let written = krait_bytecode::marshal::write_const(&value, 5).expect("what was read can be written");
        krait_bytecode::marshal::read_const(&written).expect("what was written can be read");
    }
    session::with_vm(|vm| session::leaves_nothing(vm, |vm| session::load(vm, data)));
});
