//! Runs a `.pyc` file as `__main__` with the builtins alone: for trying the evaluator.

use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Vm};

fn run(vm: &mut Vm, path: &str) -> PyResult<()> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let code = match krait_bytecode::marshal::read_code(bytes.get(16..).unwrap_or(&[])) {
        Ok(code) => code,
        Err(e) => return Err(vm.value_error(e.to_string())),
    };
    let builtins = krait_runtime::module::create(vm, &krait_runtime::builtins::MODULE)?;
    let dict = builtins.dict.load(vm);
    vm.interp.builtins.replace(vm, dict);
    let code = vm.new_code(&code)?;
    let globals = vm.new_dict()?;
    let (key, main) = (vm.intern("__name__"), vm.intern("__main__"));
    globals.set_str(vm, &key, main.into_value())?;
    vm.run_code(&code, &globals, None)?;
    Ok(())
}

fn main() {
    let path = std::env::args().nth(1).unwrap_or_default();
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(move || {
        let Ok(mut vm) = Vm::new(64 << 20) else { return 3 };
        match run(&mut vm, &path) {
            Ok(()) => 0,
            Err(e) => {
                let exception = e.exception().to_value();
                let text = vm.str(&exception).map(|s| Str::to_string_lossy(&s).into_owned()).unwrap_or_default();
                let mut tb = vm.getattr_str(&exception, "__traceback__").ok();
                while let Some(t) = tb.filter(|t| !t.is_none()) {
                    let line = vm.getattr_str(&t, "tb_lineno").ok().and_then(|l| l.as_small_int());
                    eprintln!("  line {}", line.unwrap_or(-1));
                    tb = vm.getattr_str(&t, "tb_next").ok();
                }
                eprintln!("{}: {text}", exception.type_name());
                1
            }
        }
    });
    let status = thread.ok().and_then(|t| t.join().ok()).unwrap_or(2);
    std::process::exit(status);
}
