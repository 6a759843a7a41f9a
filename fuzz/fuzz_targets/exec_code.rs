//! A code object with damaged fields or made-up instructions: if the verifier lets it pass, it runs.
#![no_main]

use arbitrary::Unstructured;
use krait_fuzz::{mutate::Originals, session};
use krait_runtime::types::code::CodeObject;

thread_local! {
    static ORIGINALS: Originals = Originals::default();
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let u = &mut Unstructured::new(data);
    let (Ok(seed), Ok(times), Ok(made_up)) = (u.arbitrary::<u8>(), u.int_in_range(0..=12), u.arbitrary::<bool>()) else { return };
    let code = ORIGINALS.with(|o| if made_up { o.made_up(u) } else { o.mutant(u) });
    let Ok(code) = code else { return };
    if krait_bytecode::verify::verify(&code).is_err() {
        return;
    }
    if std::env::var_os("KRAIT_FUZZ_SHOW").is_some() {
        eprintln!("{} times {times} with {seed}:\n{}", code.name.to_str_lossy(), krait_bytecode::dis::listing(&code));
    }
    let Ok(written) = krait_bytecode::marshal::write_code(&code) else { return };
    session::with_vm(|vm| {
        session::leaves_nothing(vm, |vm| {
            let Ok(code) = krait_runtime::import::marshal::loads(vm, &written, true) else { return };
            let Some(code) = code.downcast::<CodeObject>() else { return };
            // What it raises is its own affair.
            drop(session::execute(vm, code, seed, times));
        });
    });
});
