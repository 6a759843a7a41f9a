//! Reads `.pyc` files and writes them again: `pyc IN OUT` for one, `pyc --check FILE...` to verify many and compare what is read back, and
//! `pyc --list FILE` for a listing.

use krait_bytecode::code::Const;
use krait_bytecode::dis::listing;
use krait_bytecode::marshal::{read_code, write_code};
use krait_bytecode::verify::verify;

/// Length of a `.pyc`'s header.
const HEADER: usize = 16;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match &args[..] {
        [flag, files @ ..] if flag == "--check" => check(files),
        [flag, file] if flag == "--list" => read(file).and_then(|data| body(&data).map(|code| print!("{}", listing(&code)))),
        [from, to] => rewrite(from, to),
        _ => Err("usage: pyc IN OUT | --check FILE... | --list FILE".into()),
    };
    if let Err(message) = result {
        eprintln!("{message}");
        std::process::exit(1);
    }
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|e| format!("{path}: {e}"))
}

fn body(data: &[u8]) -> Result<std::rc::Rc<krait_bytecode::Code>, String> {
    read_code(data.get(HEADER..).unwrap_or_default()).map_err(|e| e.to_string())
}

fn rewrite(from: &str, to: &str) -> Result<(), String> {
    let data = read(from)?;
    let mut out = data[..HEADER.min(data.len())].to_vec();
    out.extend(write_code(&*body(&data)?).map_err(|e| e.to_string())?);
    std::fs::write(to, out).map_err(|e| format!("{to}: {e}"))
}

fn check(files: &[String]) -> Result<(), String> {
    let mut bad = 0;
    for file in files {
        let code = body(&read(file)?)?;
        let mut todo = vec![code.clone()];
        while let Some(code) = todo.pop() {
            verify(&code).map_err(|e| format!("{file}: {:?}: {e}\n{}", code.qualname, listing(&code)))?;
            todo.extend(code.nested().cloned());
        }
        let again = write_code(&code).and_then(|data| read_code(&data)).map_err(|e| format!("{file}: {e}"))?;
        // Not-a-number makes a code object differ from itself; its listing still is the same.
        if !Const::Code(code.clone()).same(&Const::Code(again.clone())) && listing(&code) != listing(&again) {
            println!("{file} differs");
            bad += 1;
        }
    }
    println!("{} files, {bad} differ", files.len());
    Ok(())
}
