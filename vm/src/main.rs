//! The `krait` command: CPython's command line.

use std::process::ExitCode;

/// Python programs recurse; the interpreter runs on a thread with a stack of its own.
const STACK_SIZE: usize = 256 << 20;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<Vec<u8>> = std::env::args_os().map(std::os::unix::ffi::OsStringExt::into_vec).collect();
    let interpreter = std::thread::Builder::new().name("krait".into()).stack_size(STACK_SIZE);
    let code = match interpreter.spawn(move || krait::command::run(&args, STACK_SIZE)) {
        Ok(thread) => thread.join().unwrap_or(134),
        Err(e) => {
            eprintln!("krait: cannot start: {e}");
            1
        }
    };
    ExitCode::from(code)
}
