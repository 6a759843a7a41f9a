//! Runs a `.pyc` file as `__main__` without a library: for trying the evaluator.

use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, PyResult, Value, Vm, pyfunction};

#[pyfunction]
fn print(args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
    let mut line = Vec::new();
    for value in args.positional() {
        line.push(vm.str(value)?.to_string_lossy().into_owned());
    }
    println!("{}", line.join(" "));
    Ok(())
}

#[pyfunction]
fn perf_counter() -> f64 {
    std::time::UNIX_EPOCH.elapsed().map(|d| d.as_secs_f64()).unwrap_or_default()
}

krait_runtime::module! { "builtins", doc: "Stand-ins.", functions: [print, perf_counter], types: [] }

fn run(vm: &mut Vm, path: &str) -> PyResult<()> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let code = match krait_bytecode::marshal::read_code(bytes.get(16..).unwrap_or(&[])) {
        Ok(code) => code,
        Err(e) => return Err(vm.value_error(e.to_string())),
    };
    let builtins = krait_runtime::module::create(vm, &krait_runtime::builtins::MODULE)?;
    let stand_ins = krait_runtime::module::create(vm, &MODULE)?;
    let (dict, more) = (builtins.dict.load(vm), stand_ins.dict.load(vm));
    if let (Some(dict), Some(more)) = (&dict, more) {
        for (key, value) in more.to_vec(vm) {
            dict.set(vm, &key, value)?;
        }
    }
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
        let Ok(mut vm) = Vm::new(krait_runtime::config::Config::default(), 64 << 20) else { return 3 };
        match run(&mut vm, &path) {
            Ok(()) => 0,
            Err(e) => {
                let exception = e.exception().to_value();
                let args = e.exception().args.load(&vm).map_or_else(Value::none, |a| a.into_value());
                let text = vm.repr(&args).map(|s| Str::to_string_lossy(&s).into_owned()).unwrap_or_default();
                let mut tb = e.exception().traceback.load(&vm);
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
