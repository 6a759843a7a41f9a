//! The `krait` command: CPython's command line.

use std::process::ExitCode;

/// Python programs recurse; the interpreter runs on a thread with a stack of its own.
const STACK_SIZE: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<Vec<u8>> = std::env::args_os().map(std::os::unix::ffi::OsStringExt::into_vec).collect();
    let interpreter = std::thread::Builder::new().name("krait".into()).stack_size(STACK_SIZE);
    // The process ends where the interpreter does: a forked child has no other thread to end it.
    let run = move || -> u8 { std::process::exit(i32::from(krait::command::run(&args, STACK_SIZE))) };
    let code = match interpreter.spawn(run) {
        Ok(thread) => {
            krait_stdlib::signal::leave_to_others();
            thread.join().unwrap_or(134)
        }
        Err(e) => {
            eprintln!("krait: cannot start: {e}");
            1
        }
    };
    ExitCode::from(code)
}
