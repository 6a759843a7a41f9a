//! What there is to know of code objects and frames beyond their attributes.

use krait_bytecode::Opcode;
use krait_bytecode::code::{co, fast};
use krait_runtime::types::code::CodeObject;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::frame::FrameObject;
use krait_runtime::types::pyfunction::Function;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};
use std::collections::HashSet;

fn code_of<'a>(vm: &mut Vm, value: &'a Value) -> PyResult<&'a Py<CodeObject>> {
    value.downcast::<CodeObject>().ok_or_else(|| vm.type_error("argument must be a code object"))
}

/// Size of a frame in words.
#[pyfunction(sig = "(code, /)")]
pub fn get_co_framesize(code: &Value, vm: &mut Vm) -> PyResult {
    let size = code_of(vm, code)?.frame_size / size_of::<usize>();
    vm.new_int(size)
}

/// The variables and what kinds they are of.
#[pyfunction(sig = "(code, /)")]
pub fn get_co_localskinds(code: &Value, vm: &mut Vm) -> PyResult<Py<Dict>> {
    let code = code_of(vm, code)?;
    let kinds = vm.new_dict()?;
    for (name, kind) in code.localsplusnames.items().iter().zip(code.kinds.as_bytes()) {
        kinds.set(vm, name, Value::from_i32(i32::from(*kind)))?;
    }
    Ok(kinds)
}

/// The instructions with their operands, caches left out.
fn instructions(code: &CodeObject) -> impl Iterator<Item = (Opcode, u32)> {
    let (mut at, mut prefix) = (0, 0);
    std::iter::from_fn(move || {
        loop {
            let unit = code.bytecode.get(at..at + 2)?;
            let op = Opcode::from_u16(u16::from(unit[0]))?;
            let oparg = prefix << 8 | u32::from(unit[1]);
            at += 2 + 2 * op.caches();
            if op != Opcode::EXTENDED_ARG {
                prefix = 0;
                return Some((op, oparg));
            }
            prefix = oparg;
        }
    })
}

/// Whether nothing but None is ever returned.
#[pyfunction(sig = "(code, /)")]
pub fn code_returns_only_none(code: &Value, vm: &mut Vm) -> PyResult<bool> {
    let code = code_of(vm, code)?;
    let mut last = None;
    for (op, oparg) in instructions(code) {
        if op == Opcode::RETURN_VALUE {
            let none = |index: u32| code.consts.items().get(index as usize).is_some_and(Value::is_none);
            if !matches!(last, Some((Opcode::LOAD_CONST, index)) if none(index)) {
                return Ok(false);
            }
        }
        last = Some((op, oparg));
    }
    Ok(true)
}

/// How many variables of which kind a code object has or refers to.
#[derive(Default)]
struct VarCounts {
    posonly: u32,
    posorkw: u32,
    kwonly: u32,
    varargs: u32,
    varkwargs: u32,
    pure: u32,
    arg_cells: u32,
    other_cells: u32,
    hidden_pure: u32,
    hidden_cells: u32,
    free: u32,
    attrs: u32,
    unknown: u32,
    globals: GlobalCounts,
}

#[derive(Default)]
struct GlobalCounts {
    global: u32,
    builtin: u32,
    unknown: u32,
}

/// Where global names are looked for.
#[derive(Default)]
struct Namespaces {
    globals: Option<Value>,
    builtins: Option<Value>,
}

fn count_locals(code: &CodeObject, counts: &mut VarCounts) {
    for kind in code.kinds.as_bytes() {
        let hidden = u32::from(kind & fast::HIDDEN != 0);
        if kind & fast::FREE != 0 {
            counts.free += 1;
        } else if kind & fast::ARG != 0 {
            counts.arg_cells += u32::from(kind & fast::CELL != 0);
            let var = kind & fast::ARG_VAR != 0;
            match (kind & fast::ARG_POS != 0, kind & fast::ARG_KW != 0) {
                (true, _) if var => counts.varargs += 1,
                (_, true) if var => counts.varkwargs += 1,
                (true, true) => counts.posorkw += 1,
                (true, false) => counts.posonly += 1,
                _ => counts.kwonly += 1,
            }
        } else if kind & fast::CELL != 0 {
            counts.other_cells += 1;
            counts.hidden_cells += hidden;
        } else {
            counts.pure += 1;
            counts.hidden_pure += hidden;
        }
    }
}

fn count_names(vm: &mut Vm, code: &CodeObject, spaces: &Namespaces, counts: &mut VarCounts) -> PyResult<()> {
    let (mut attrs, mut globals) = (HashSet::new(), HashSet::new());
    for (op, oparg) in instructions(code) {
        match op {
            Opcode::LOAD_ATTR if attrs.insert(oparg >> 1) => counts.attrs += 1,
            Opcode::LOAD_GLOBAL if globals.insert(oparg >> 1) => {
                let Some(name) = code.name_at((oparg >> 1) as usize) else { continue };
                let found = |vm: &mut Vm, space: &Option<Value>| match space {
                    Some(space) => vm.contains(space, name.as_value()),
                    None => Ok(false),
                };
                if found(vm, &spaces.globals)? {
                    counts.globals.global += 1;
                } else if found(vm, &spaces.builtins)? {
                    counts.globals.builtin += 1;
                } else {
                    counts.globals.unknown += 1;
                }
            }
            _ => {}
        }
    }
    let known = attrs.union(&globals).count();
    counts.unknown = code.names.len().saturating_sub(known) as u32;
    Ok(())
}

/// The code object and the namespaces of a code object or function.
fn subject(vm: &mut Vm, value: &Value) -> PyResult<(Py<CodeObject>, Namespaces)> {
    if let Some(code) = value.downcast::<CodeObject>() {
        return Ok((code.clone(), Namespaces::default()));
    }
    if let Some(f) = value.downcast::<Function>() {
        let spaces = Namespaces { globals: Some(f.globals.to_value()), builtins: Some(f.builtins.clone()) };
        return Ok((f.code.load(vm), spaces));
    }
    Err(vm.type_error("argument must be a code object or a function"))
}

fn dict_of(vm: &mut Vm, entries: Vec<(&str, Value)>) -> PyResult {
    let dict = vm.new_dict()?;
    for (key, value) in entries {
        let key = vm.intern(key);
        dict.set_str(vm, &key, value)?;
    }
    Ok(dict.into_value())
}

fn numbers(vm: &mut Vm, entries: &[(&'static str, u32)]) -> PyResult<Vec<(&'static str, Value)>> {
    entries.iter().map(|(key, n)| Ok((*key, vm.new_int(*n)?))).collect()
}

impl VarCounts {
    fn to_dict(&self, vm: &mut Vm) -> PyResult {
        let arguments = [
            ("numposonly", self.posonly),
            ("numposorkw", self.posorkw),
            ("numkwonly", self.kwonly),
            ("varargs", self.varargs),
            ("varkwargs", self.varkwargs),
        ];
        let nargs = arguments.iter().map(|(_, n)| n).sum::<u32>();
        let mut args = numbers(vm, &[("total", nargs)])?;
        args.extend(numbers(vm, &arguments)?);
        let args = dict_of(vm, args)?;
        let cells = [("total", self.arg_cells + self.other_cells), ("numargs", self.arg_cells), ("numothers", self.other_cells)];
        let cells = numbers(vm, &cells)?;
        let cells = dict_of(vm, cells)?;
        let hidden = [("total", self.hidden_pure + self.hidden_cells), ("numpure", self.hidden_pure), ("numcells", self.hidden_cells)];
        let hidden = numbers(vm, &hidden)?;
        let hidden = dict_of(vm, hidden)?;
        let nlocals = nargs + self.pure + self.other_cells;
        let (total, pure) = (vm.new_int(nlocals)?, vm.new_int(self.pure)?);
        let locals = dict_of(vm, vec![("total", total), ("args", args), ("numpure", pure), ("cells", cells), ("hidden", hidden)])?;
        let g = &self.globals;
        let nglobals = g.global + g.builtin + g.unknown;
        let globals = [("total", nglobals), ("numglobal", g.global), ("numbuiltin", g.builtin), ("numunknown", g.unknown)];
        let globals = numbers(vm, &globals)?;
        let globals = dict_of(vm, globals)?;
        let nunbound = nglobals + self.attrs + self.unknown;
        let mut unbound = numbers(vm, &[("total", nunbound), ("numattrs", self.attrs), ("numunknown", self.unknown)])?;
        unbound.push(("globals", globals));
        let unbound = dict_of(vm, unbound)?;
        let (total, free) = (vm.new_int(nlocals + self.free + nunbound)?, vm.new_int(self.free)?);
        dict_of(vm, vec![("total", total), ("locals", locals), ("numfree", free), ("unbound", unbound)])
    }
}

/// How many variables of which kind a code object or function has or refers to.
#[pyfunction(sig = "(code, *, globalsns=None, builtinsns=None)")]
pub fn get_code_var_counts(code: &Value, globalsns: Option<Value>, builtinsns: Option<Value>, vm: &mut Vm) -> PyResult {
    let (code, mut spaces) = subject(vm, code)?;
    spaces.globals = globalsns.or(spaces.globals);
    spaces.builtins = builtinsns.or(spaces.builtins);
    let mut counts = VarCounts::default();
    count_locals(&code, &mut counts);
    count_names(vm, &code, &spaces, &mut counts)?;
    counts.to_dict(vm)
}

/// ValueError if what a code object or function does depends on more than its arguments and builtins.
#[pyfunction(sig = "(code, /)")]
pub fn verify_stateless_code(code: &Value, vm: &mut Vm) -> PyResult<()> {
    let (co, spaces) = subject(vm, code)?;
    let mut counts = VarCounts::default();
    count_locals(&co, &mut counts);
    count_names(vm, &co, &spaces, &mut counts)?;
    if co.has(co::GENERATOR) || co.has(co::COROUTINE) || co.has(co::ASYNC_GENERATOR) {
        return Err(vm.value_error("generators not supported"));
    }
    if counts.free > 0 {
        return Err(vm.value_error("closures not supported"));
    }
    if counts.globals.global > 0 {
        return Err(vm.value_error("globals not supported"));
    }
    if spaces.builtins.is_some() && counts.globals.unknown > 0 {
        return Err(vm.value_error("unknown globals not supported"));
    }
    let Some(function) = code.downcast::<Function>() else { return Ok(()) };
    let mut defaults = function.defaults.load(vm).map_or_else(Vec::new, |d| d.items().to_vec());
    if let Some(dict) = function.kwdefaults.load(vm) {
        defaults.extend(dict.to_vec(vm).into_iter().map(|(_, value)| value));
    }
    if defaults.iter().all(is_immutable) {
        return Ok(());
    }
    Err(vm.value_error("unsupported defaults"))
}

fn is_immutable(value: &Value) -> bool {
    match value.downcast_exact::<Tuple>() {
        Some(tuple) => tuple.items().iter().all(is_immutable),
        None => krait_runtime::types::value::ValueExt::is_exact::<Str>(value) || matches!(value.type_name().as_ref(), "NoneType" | "bool" | "int" | "float" | "bytes" | "complex"),
    }
}

fn frame_of<'a>(vm: &mut Vm, value: &'a Value) -> PyResult<&'a Py<FrameObject>> {
    value.downcast::<FrameObject>().ok_or_else(|| vm.type_error("argument must be a frame"))
}

/// The code object of a frame.
#[pyfunction(sig = "(frame, /)")]
pub fn iframe_getcode(frame: &Value, vm: &mut Vm) -> PyResult {
    let code = frame_of(vm, frame)?.code();
    Ok(code.map_or_else(Value::none, Py::into_value))
}

/// The offset in bytes of the instruction that a frame is at.
#[pyfunction(sig = "(frame, /)")]
pub fn iframe_getlasti(frame: &Value, vm: &mut Vm) -> PyResult<i32> {
    Ok(frame_of(vm, frame)?.lasti())
}

/// The line that a frame is at; -1 if there is none.
#[pyfunction(sig = "(frame, /)")]
pub fn iframe_getline(frame: &Value, vm: &mut Vm) -> PyResult<i32> {
    Ok(frame_of(vm, frame)?.line().unwrap_or(-1))
}
