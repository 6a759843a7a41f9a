//! Runs a `.pyc` file as `__main__` with a handful of builtins: for trying the evaluator.

use krait_runtime::types::pyfunction::Function;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, PyClass, PyResult, Value, Vm, pyfunction};

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

#[pyfunction(sig = "(object, /)")]
fn len(object: &Value, vm: &mut Vm) -> PyResult<usize> {
    vm.len(object)
}

#[pyfunction(sig = "(object, /)")]
fn repr(object: &Value, vm: &mut Vm) -> PyResult {
    Ok(vm.repr(object)?.into_value())
}

#[pyfunction(sig = "(object, class, /)")]
fn isinstance(object: &Value, class: &Value, vm: &mut Vm) -> PyResult<bool> {
    vm.isinstance(object, class)
}

#[pyfunction(name = "__build_class__")]
fn __build_class__(args: Args<'_>, vm: &mut Vm) -> PyResult {
    let [body, name, bases @ ..] = args.positional() else { return Err(vm.type_error("__build_class__: not enough arguments")) };
    let Some(function) = body.downcast::<Function>() else { return Err(vm.type_error("__build_class__: func must be a function")) };
    let namespace = vm.new_dict()?.into_value();
    let (code, closure) = (function.code.load(vm), function.closure.load(vm));
    vm.run_code_with(&code, &function.globals, Some(&namespace), Some(function.builtins.clone()), closure)?;
    let bases = vm.new_tuple_from(bases)?.into_value();
    vm.call(PyType::type_object(vm).as_value(), &[name.clone(), bases, namespace])
}

krait_runtime::module! { "builtins", doc: "A few builtins.", functions: [print, perf_counter, len, repr, isinstance, __build_class__], types: [] }

fn run(vm: &mut Vm, path: &str) -> PyResult<()> {
    let bytes = std::fs::read(path).unwrap_or_default();
    let code = match krait_bytecode::marshal::read_code(bytes.get(16..).unwrap_or(&[])) {
        Ok(code) => code,
        Err(e) => return Err(vm.value_error(e.to_string())),
    };
    let builtins = krait_runtime::module::create(vm, &MODULE)?;
    let dict = builtins.dict.load(vm);
    if let Some(dict) = &dict {
        use krait_runtime::types::exceptions as e;
        let range = krait_runtime::types::range::Range::static_type();
        let exceptions = [
            e::Exception::static_type(), e::TypeError::static_type(), e::ValueError::static_type(), e::KeyError::static_type(), e::StopIteration::static_type(),
            e::RecursionError::static_type(), e::RuntimeError::static_type(), e::AttributeError::static_type(), e::IndexError::static_type(),
        ];
        let types: Vec<_> = krait_runtime::types::CORE_TYPES.iter().map(|t| t()).chain(exceptions).chain([range]).collect();
        for ty in types {
            let ty = ty.ready(vm)?;
            if let Some(name) = ty.name.load(vm) {
                dict.set(vm, &name, ty.to_value())?;
            }
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
