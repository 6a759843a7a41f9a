//! Any bytes: tokens or an error.
#![no_main]

use krait_fuzz::front;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    front::tokens(&String::from_utf8_lossy(data));
    if let Some(text) = front::decoded(data) {
        front::tokens(&text);
    }
});
