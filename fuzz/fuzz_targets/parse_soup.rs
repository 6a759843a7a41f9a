//! Token soup: a tree that compiles to sound code, or an error.
#![no_main]

use krait_fuzz::{front, soup::Soup};

libfuzzer_sys::fuzz_target!(|soup: Soup| {
    front::parse(&soup.text, soup.bits);
});
