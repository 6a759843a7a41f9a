//! Any bytes: a tree that compiles to sound code, or an error. The first byte chooses the options.
#![no_main]

use krait_fuzz::front;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((bits, source)) = data.split_first() else { return };
    if let Some(text) = front::decoded(source) {
        front::parse(&text, *bits);
    }
});
