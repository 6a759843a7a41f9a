//! Code objects, marshal files and settings.

use crate::fspath::fs_bytes;
use krait_runtime::compile::{CompileRequest, Mode, compile_object};
use krait_runtime::import::marshal;
use krait_runtime::types::code::{CodeFields, CodeObject};
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};
use std::os::unix::ffi::OsStrExt;

/// A code object that raises AssertionError.
#[pyfunction(sig = "(filename, funcname, firstlineno, /)")]
pub fn code_newempty(filename: &Py<Str>, funcname: &Py<Str>, firstlineno: i32, vm: &mut Vm) -> PyResult<Py<CodeObject>> {
    use krait_bytecode::Opcode;
    let code = [Opcode::RESUME as u8, 0, Opcode::LOAD_COMMON_CONSTANT as u8, 0, Opcode::RAISE_VARARGS as u8, 1];
    let empty = vm.new_tuple([])?;
    let fields = CodeFields {
        argcount: 0,
        posonlyargcount: 0,
        kwonlyargcount: 0,
        stacksize: 1,
        flags: 0,
        firstlineno,
        code: vm.new_bytes(&code)?,
        consts: empty.clone(),
        names: empty.clone(),
        localsplusnames: empty,
        kinds: vm.new_bytes(&[])?,
        filename: filename.clone(),
        name: funcname.clone(),
        qualname: funcname.clone(),
        // One entry for the three instructions: the first line, without columns.
        linetable: vm.new_bytes(&[0x80 | 13 << 3 | 2, 0])?,
        exceptiontable: vm.new_bytes(&[])?,
    };
    vm.new_code_object(fields)
}

/// Compiles source whose kind a number names: 256 for one statement, 257 for a file, 258 for an expression, 345 for the type of a function.
#[pyfunction(sig = "(source, filename, start, flags=0, optimize=-1, /)")]
#[allow(non_snake_case, reason = "Python's name")]
pub fn Py_CompileStringExFlags(source: &Value, filename: &Value, start: i32, flags: i32, optimize: i32, vm: &mut Vm) -> PyResult {
    let mode = match start {
        256 => Mode::Single,
        257 => Mode::Exec,
        258 => Mode::Eval,
        345 => Mode::FuncType,
        _ => return Err(vm.system_error("bad start symbol")),
    };
    let filename = vm.fs_path_text(filename)?;
    let request = CompileRequest { filename, mode, flags: flags as u32, optimize, feature_version: -1, from_file: false, encoding: None };
    compile_object(vm, source, "compile", request)
}

/// Runs a program in another interpreter; 0, or -1 if it raised an exception, which is printed.
#[pyfunction(sig = "(code, /)")]
pub fn run_in_subinterp(code: &Py<Str>, vm: &mut Vm) -> PyResult<i32> {
    let source = code.to_utf8(vm)?;
    let succeeded = krait_runtime::lifecycle::run_beside(vm, &source, Default::default())?;
    Ok(if succeeded { 0 } else { -1 })
}

/// The line of the instruction at an offset in bytes; -1 if it has none.
#[pyfunction(sig = "(code, offset, /)")]
pub fn code_offset_to_line(code: &Py<CodeObject>, offset: i32) -> i32 {
    code.line_of(i64::from(offset).div_euclid(2)).unwrap_or(-1)
}

/// A setting of the interpreter.
#[pyfunction(sig = "(name, /)")]
pub fn config_get(name: &Py<Str>, vm: &mut Vm) -> PyResult {
    let name = name.to_string_lossy().into_owned();
    let config = vm.config();
    let number = |n: u8| Value::from_i32(i32::from(n));
    Ok(match name.as_str() {
        "code_debug_ranges" => Value::from_bool(config.debug_ranges),
        "use_frozen_modules" => Value::from_bool(config.frozen_modules),
        "optimization_level" => number(config.optimize),
        "verbose" => number(config.verbose),
        "bytes_warning" => number(config.bytes_warning),
        "parser_debug" => number(config.debug),
        "quiet" => Value::from_bool(config.quiet),
        "interactive" => Value::from_bool(config.interactive),
        "inspect" => Value::from_bool(config.inspect),
        "isolated" => Value::from_bool(config.isolated),
        "use_environment" => Value::from_bool(!config.ignore_environment),
        "user_site_directory" => Value::from_bool(!config.no_user_site),
        "site_import" => Value::from_bool(!config.no_site),
        "safe_path" => Value::from_bool(config.safe_path),
        "dev_mode" => Value::from_bool(config.dev_mode),
        "write_bytecode" => Value::from_bool(!config.dont_write_bytecode),
        "buffered_stdio" => Value::from_bool(!config.unbuffered),
        _ => return Err(vm.value_error(format!("unknown config option name: {name}"))),
    })
}

fn path(vm: &mut Vm, filename: &Value) -> PyResult<std::path::PathBuf> {
    let name = fs_bytes(vm, filename)?;
    Ok(std::ffi::OsStr::from_bytes(name.as_bytes()).into())
}

fn read(vm: &mut Vm, filename: &Value) -> PyResult<Vec<u8>> {
    let path = path(vm, filename)?;
    std::fs::read(&path).map_err(|e| crate::oserror::os_error_file(vm, e.raw_os_error().unwrap_or(0), filename))
}

fn write(vm: &mut Vm, filename: &Value, data: &[u8]) -> PyResult<()> {
    let path = path(vm, filename)?;
    std::fs::write(&path, data).map_err(|e| crate::oserror::os_error_file(vm, e.raw_os_error().unwrap_or(0), filename))
}

/// Write four bytes of a number.
#[pyfunction(sig = "(value, filename, version, /)")]
pub fn pymarshal_write_long_to_file(value: i64, filename: &Value, version: i32, vm: &mut Vm) -> PyResult<()> {
    let _ = version;
    write(vm, filename, &(value as u32).to_le_bytes())
}

/// Write an object.
#[pyfunction(sig = "(object, filename, version, /)")]
pub fn pymarshal_write_object_to_file(object: &Value, filename: &Value, version: i32, vm: &mut Vm) -> PyResult<()> {
    let data = marshal::dumps(vm, object, version, true)?;
    write(vm, filename, &data)
}

fn number<const N: usize>(vm: &mut Vm, filename: &Value) -> PyResult<[u8; N]> {
    let data = read(vm, filename)?;
    match data.first_chunk::<N>() {
        Some(bytes) => Ok(*bytes),
        None => Err(vm.eof_error("EOF read where not expected")),
    }
}

fn with_position(vm: &mut Vm, value: Value, position: usize) -> PyResult<Py<Tuple>> {
    let position = vm.new_int(position)?;
    vm.new_tuple([value, position])
}

/// Read a number of two bytes; gives it and the place behind it.
#[pyfunction(sig = "(filename, /)")]
pub fn pymarshal_read_short_from_file(filename: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let value = i16::from_le_bytes(number(vm, filename)?);
    with_position(vm, Value::from_i32(i32::from(value)), 2)
}

/// Read a number of four bytes; gives it and the place behind it.
#[pyfunction(sig = "(filename, /)")]
pub fn pymarshal_read_long_from_file(filename: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let value = i32::from_le_bytes(number(vm, filename)?);
    with_position(vm, Value::from_i32(value), 4)
}

/// Read an object and the rest of the file; gives it and the place behind that.
#[pyfunction(sig = "(filename, /)")]
pub fn pymarshal_read_last_object_from_file(filename: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let data = read(vm, filename)?;
    let (object, _) = marshal::loads_prefix(vm, &data, true)?;
    with_position(vm, object, data.len())
}

/// Read an object; gives it and the place behind it.
#[pyfunction(sig = "(filename, /)")]
pub fn pymarshal_read_object_from_file(filename: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let data = read(vm, filename)?;
    let (object, used) = marshal::loads_prefix(vm, &data, true)?;
    with_position(vm, object, used)
}
