//! The `krait` command: CPython's command line.
#![no_main]
#![allow(unsafe_code, reason = "the program's entry point, see main")]

use std::os::unix::ffi::OsStringExt;

/// Python programs recurse through native code; the interpreter runs on a thread with a stack of its own. An unoptimised build needs more for the
/// same depth.
const STACK_SIZE: usize = if cfg!(debug_assertions) { 256 << 20 } else { 32 << 20 };

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The C library's entry point, since Rust's own opens `/dev/null` in place of standard streams that are closed, and `sys.stdin` is None then.
///
/// The arguments are those of the process, which `std::env::args_os` knows.
// SAFETY: no other symbol of this program is called `main`, and this has the signature that the C library calls.
#[unsafe(no_mangle)]
extern "C" fn main(_count: std::ffi::c_int, _arguments: *const *const std::ffi::c_char) -> std::ffi::c_int {
    let args: Vec<Vec<u8>> = std::env::args_os().map(OsStringExt::into_vec).collect();
    let interpreter = std::thread::Builder::new().name("krait".into()).stack_size(STACK_SIZE);
    // The process ends where the interpreter does: a forked child has no other thread to end it.
    let run = move || -> i32 {
        let code = krait::command::run(&args, STACK_SIZE);
        krait_runtime::leave_memory();
        std::process::exit(i32::from(code))
    };
    match interpreter.spawn(run) {
        Ok(thread) => {
            krait_stdlib::signal::leave_to_others();
            thread.join().unwrap_or(134)
        }
        Err(e) => {
            eprintln!("krait: cannot start: {e}");
            1
        }
    }
}
