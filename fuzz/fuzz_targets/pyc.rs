//! A code object with damaged fields, out of a `.pyc`: refused, or readable by all that reads code objects.
#![no_main]

use arbitrary::Unstructured;
use krait_bytecode::{dis, exceptiontable, linetable};
use krait_fuzz::{mutate::Originals, session};

thread_local! {
    static ORIGINALS: Originals = Originals::default();
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Ok(code) = ORIGINALS.with(|o| o.mutant(&mut Unstructured::new(data))) else { return };
    drop(dis::listing(&code));
    let units = linetable::positions(&code.linetable, code.firstlineno).count();
    assert!(units <= 8 * code.linetable.len());
    assert!(linetable::lines(&code.linetable, code.firstlineno).count() <= code.linetable.len());
    drop(linetable::lnotab(&code.linetable, code.firstlineno));
    assert!(exceptiontable::Entries::new(&code.exceptiontable).count() <= code.exceptiontable.len());
    let Ok(written) = krait_bytecode::marshal::write_code(&code) else { return };
    session::with_vm(|vm| {
        let look = session::helper(vm, include_str!("../python/look.py"), "look_at_code");
        session::leaves_nothing(vm, |vm| {
            session::load(vm, &written);
            let Ok(data) = vm.new_bytes(&written) else { return };
            if let Err(e) = vm.call(look.as_value(), &[data.into_value()]) {
                if !vm.limits_reached() {
                    panic!("{}", session::describe(vm, &e));
                }
            }
        });
    });
});
