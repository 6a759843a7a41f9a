//! Attributes and methods of `code`.

use super::{CodeFields, CodeObject, same_const};
use crate::types::int::IntRef;
use crate::types::slots::CompareOp;
use crate::types::bytes::Bytes;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::{Args, Py, PyResult, Value, Vm, pymethods};
use krait_bytecode::Opcode;
use krait_bytecode::code::{co, fast};
use krait_bytecode::linetable;
use std::hash::{Hash, Hasher};

/// The parameters of `code(...)` in order.
const PARAMS: [&str; 18] = [
    "argcount", "posonlyargcount", "kwonlyargcount", "nlocals", "stacksize", "flags", "codestring", "constants", "names", "varnames",
    "filename", "name", "qualname", "firstlineno", "linetable", "exceptiontable", "freevars", "cellvars",
];

#[pymethods]
impl CodeObject {
    /// Create a code object. Not for mere mortals.
    #[new(sig = "(argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize, flags, codestring, constants, names, varnames, filename, name, qualname, firstlineno, linetable, exceptiontable, freevars=(), cellvars=(), /)")]
    fn new(_cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "code")?;
        let given = args.positional();
        crate::args::check_positional(vm, "code", given.len(), 16, 18)?;
        let mut values: Vec<Value> = given.to_vec();
        while values.len() < PARAMS.len() {
            values.push(vm.new_tuple([])?.into_value());
        }
        from_values(vm, &values, "code")
    }

    #[getter(member)]
    fn co_argcount(&self) -> u32 {
        self.argcount
    }

    #[getter(member)]
    fn co_posonlyargcount(&self) -> u32 {
        self.posonlyargcount
    }

    #[getter(member)]
    fn co_kwonlyargcount(&self) -> u32 {
        self.kwonlyargcount
    }

    #[getter(member)]
    fn co_nlocals(&self) -> u32 {
        self.nlocals
    }

    #[getter(member)]
    fn co_stacksize(&self) -> u32 {
        self.stacksize
    }

    #[getter(member)]
    fn co_flags(&self) -> u32 {
        self.flags
    }

    #[getter(member)]
    fn co_firstlineno(&self) -> i32 {
        self.firstlineno
    }

    #[getter]
    fn co_code(&self) -> Py<Bytes> {
        self.bytecode.clone()
    }

    #[getter]
    fn _co_code_adaptive(&self, vm: &mut Vm) -> PyResult {
        let mut bytes = Vec::with_capacity(self.bytecode.len());
        for unit in self.units().iter().take(self.len()) {
            let mut unit = unit.get().to_le_bytes();
            // Readers take each pair for an instruction, caches too; this one would make them ask for an executor, and there is none.
            if unit[0] == krait_bytecode::Opcode::ENTER_EXECUTOR as u8 {
                unit[0] = 0;
            }
            bytes.extend(unit);
        }
        crate::eval::bridges::bytes(vm, &bytes)
    }

    #[getter(member)]
    fn co_linetable(&self) -> Py<Bytes> {
        self.linetable.clone()
    }

    #[getter(member)]
    fn co_exceptiontable(&self) -> Py<Bytes> {
        self.exceptiontable.clone()
    }

    #[getter]
    fn co_lnotab(&self, vm: &mut Vm) -> PyResult {
        crate::eval::warn_deprecated(vm, "co_lnotab is deprecated, use co_lines instead.")?;
        crate::eval::bridges::bytes(vm, &linetable::lnotab(&self.linetable, self.firstlineno))
    }

    #[getter(member)]
    fn co_consts(&self) -> Py<Tuple> {
        self.consts.clone()
    }

    #[getter(member)]
    fn co_names(&self) -> Py<Tuple> {
        self.names.clone()
    }

    #[getter]
    fn co_varnames(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple(self.names_of_kind(fast::LOCAL))
    }

    #[getter]
    fn co_cellvars(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple(self.names_of_kind(fast::CELL))
    }

    #[getter]
    fn co_freevars(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        vm.new_tuple(self.names_of_kind(fast::FREE))
    }

    #[getter(member)]
    fn co_filename(&self, vm: &mut Vm) -> Py<Str> {
        self.filename.load(vm)
    }

    #[getter(member)]
    fn co_name(&self) -> Py<Str> {
        self.name.clone()
    }

    #[getter(member)]
    fn co_qualname(&self) -> Py<Str> {
        self.qualname.clone()
    }

    /// Iterate over (start, end, line) ranges of bytecode offsets.
    #[method]
    fn co_lines(&self, vm: &mut Vm) -> PyResult {
        let mut items = Vec::new();
        for line in linetable::lines(&self.linetable, self.firstlineno) {
            let number = line.line.map_or_else(Value::none, Value::from_i32);
            let triple = [vm.new_int(line.start)?, vm.new_int(line.end)?, number];
            items.push(vm.new_tuple(triple)?.into_value());
        }
        new_list_iter(vm, items)
    }

    /// Iterate over (line, end line, column, end column), one for each code unit.
    #[method]
    fn co_positions(&self, vm: &mut Vm) -> PyResult {
        let mut items = Vec::new();
        for p in linetable::positions(&self.linetable, self.firstlineno).take(self.len()) {
            let fields = [p.lineno, p.end_lineno, p.col_offset, p.end_col_offset];
            let fields = fields.map(|f| f.map_or_else(Value::none, Value::from_i32));
            items.push(vm.new_tuple(fields)?.into_value());
        }
        new_list_iter(vm, items)
    }

    /// Iterate over (source, fall-through, jump) offsets of the branches.
    #[method]
    fn co_branches(&self, vm: &mut Vm) -> PyResult {
        let mut items = Vec::new();
        for (from, to, jump) in branches(&self.bytecode) {
            let triple = [vm.new_int(from)?, vm.new_int(to)?, vm.new_int(jump)?];
            items.push(vm.new_tuple(triple)?.into_value());
        }
        new_list_iter(vm, items)
    }

    /// A copy of the code object with new values for the given fields.
    #[method(sig = "(**changes)")]
    fn replace(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        replace(self, args, vm)
    }

    #[method(name = "__replace__", sig = "(**changes)")]
    fn dunder_replace(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        replace(self, args, vm)
    }

    /// The name of a local variable from an instruction's operand.
    #[method(name = "_varname_from_oparg", sig = "(oparg)")]
    fn varname_from_oparg(&self, oparg: i32, vm: &mut Vm) -> PyResult {
        match usize::try_from(oparg).ok().and_then(|i| self.localsplusnames.items().get(i)) {
            Some(name) => Ok(name.clone()),
            None => Err(vm.index_error("tuple index out of range")),
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<CodeObject>, vm: &mut Vm) -> PyResult {
        let file = zelf.filename.load(vm);
        let line = if zelf.firstlineno == 0 { -1 } else { zelf.firstlineno };
        let (name, address) = (zelf.name.to_string_lossy(), zelf.as_value().bits());
        let text = format!("<code object {name} at {address:#x}, file \"{}\", line {line}>", file.to_string_lossy());
        Ok(vm.new_str(&text)?.into_value())
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let parts = [self.name.as_value(), self.consts.as_value(), self.names.as_value(), self.localsplusnames.as_value()];
        let mut hasher = std::collections::hash_map::DefaultHasher::new();
        for part in parts {
            vm.hash(part)?.hash(&mut hasher);
        }
        (self.argcount, self.posonlyargcount, self.kwonlyargcount, self.flags, self.firstlineno, self.bytecode.as_bytes()).hash(&mut hasher);
        let hash = hasher.finish() as i64;
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<CodeObject>() else { return Ok(Value::not_implemented()) };
        let equal = match op {
            CompareOp::Eq | CompareOp::Ne => equal(vm, self, other)?,
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => return Ok(Value::not_implemented()),
        };
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }
}

fn equal(vm: &mut Vm, a: &CodeObject, b: &CodeObject) -> PyResult<bool> {
    let plain = a.argcount == b.argcount
        && a.posonlyargcount == b.posonlyargcount
        && a.kwonlyargcount == b.kwonlyargcount
        && a.flags == b.flags
        && a.firstlineno == b.firstlineno
        && a.bytecode.as_bytes() == b.bytecode.as_bytes()
        && a.kinds.as_bytes() == b.kinds.as_bytes()
        && a.linetable.as_bytes() == b.linetable.as_bytes()
        && a.exceptiontable.as_bytes() == b.exceptiontable.as_bytes()
        && a.name.eq_chars(&b.name);
    Ok(plain
        && same_const(vm, a.consts.as_value(), b.consts.as_value())?
        && vm.eq(a.names.as_value(), b.names.as_value())?
        && vm.eq(a.localsplusnames.as_value(), b.localsplusnames.as_value())?)
}

fn new_list_iter(vm: &mut Vm, items: Vec<Value>) -> PyResult {
    let list = vm.new_list(items)?;
    vm.iter(list.as_value())
}

/// The branches of unspecialised code: offsets in bytes of the instruction, of what follows it, and of its target.
fn branches(code: &[u8]) -> Vec<(u32, u32, u32)> {
    let (mut found, mut at, mut oparg) = (Vec::new(), 0_usize, 0_u32);
    while let Some([op, arg]) = code.get(at..at + 2) {
        oparg = oparg << 8 | u32::from(*arg);
        let start = at;
        at += 2;
        let Some(op) = Opcode::from_u16(u16::from(*op)) else { continue };
        if op == Opcode::EXTENDED_ARG {
            continue;
        }
        at += 2 * op.caches();
        let jump = at as u32 + 2 * oparg;
        match op {
            // What follows the exhausted loop are END_FOR and POP_ITER.
            Opcode::FOR_ITER => found.push((start as u32, at as u32, jump + 4)),
            Opcode::END_ASYNC_FOR => {
                let send = (at as u32).wrapping_sub(2 * oparg);
                found.push((send, send + 4, at as u32));
            }
            _ if op.is_conditional_jump() => found.push((start as u32, at as u32 + 2, jump)),
            _ => {}
        }
        oparg = 0;
    }
    found
}

fn replace(code: &CodeObject, args: Args<'_>, vm: &mut Vm) -> PyResult {
    if !args.positional().is_empty() {
        return Err(vm.type_error("replace() takes no positional arguments"));
    }
    let tuple = |vm: &mut Vm, mask: u8| vm.new_tuple(code.names_of_kind(mask)).map(Py::into_value);
    let mut values = vec![
        vm.new_int(code.argcount)?,
        vm.new_int(code.posonlyargcount)?,
        vm.new_int(code.kwonlyargcount)?,
        vm.new_int(code.nlocals)?,
        vm.new_int(code.stacksize)?,
        vm.new_int(code.flags)?,
        code.bytecode.to_value(),
        code.consts.to_value(),
        code.names.to_value(),
        tuple(vm, fast::LOCAL)?,
        code.filename.load(vm).into_value(),
        code.name.to_value(),
        code.qualname.to_value(),
        vm.new_int(code.firstlineno)?,
        code.linetable.to_value(),
        code.exceptiontable.to_value(),
        tuple(vm, fast::FREE)?,
        tuple(vm, fast::CELL)?,
    ];
    for (key, value) in args.keywords() {
        let name = key.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        let field = match name.as_str() {
            "co_code" => "codestring",
            "co_consts" => "constants",
            other => other.strip_prefix("co_").unwrap_or(""),
        };
        let Some(index) = PARAMS.iter().position(|p| *p == field) else {
            return Err(vm.type_error(format!("replace() got an unexpected keyword argument '{name}'")));
        };
        if let Some(slot) = values.get_mut(index) {
            *slot = value.clone();
        }
    }
    from_values(vm, &values, "replace")
}

fn int_field(vm: &mut Vm, value: &Value, name: &str, what: &str) -> PyResult<i32> {
    if !value.is_small_int() && IntRef::new(value).is_none() {
        let got = crate::types::value::ValueExt::type_name(value);
        return Err(vm.type_error(format!("'{got}' object cannot be interpreted as an integer")));
    }
    match IntRef::new(value).and_then(|i| i.to_i64()).and_then(|i| i32::try_from(i).ok()) {
        Some(i) if i >= 0 => Ok(i),
        Some(_) if what == "replace" => Err(vm.value_error(format!("co_{name} must be a positive integer"))),
        Some(i) if name == "firstlineno" => Ok(i),
        Some(_) => Err(vm.value_error(format!("code: {name} must not be negative"))),
        None => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}

fn typed<'a, T: crate::PyClass>(vm: &mut Vm, values: &'a [Value], index: usize, what: &str) -> PyResult<&'a Py<T>> {
    let value = &values[index];
    match value.downcast::<T>() {
        Some(v) => Ok(v),
        None => {
            let got = crate::types::value::ValueExt::type_name(value);
            let argument = match PARAMS[index] {
                _ if what != "replace" => (index + 1).to_string(),
                "codestring" => "'co_code'".to_owned(),
                "constants" => "'co_consts'".to_owned(),
                other => format!("'co_{other}'"),
            };
            Err(vm.type_error(format!("{what}() argument {argument} must be {}, not {got}", T::NAME)))
        }
    }
}

fn names_field(vm: &mut Vm, tuple: &Py<Tuple>) -> PyResult<()> {
    for name in tuple.items() {
        if name.downcast::<Str>().is_none() {
            let got = crate::types::value::ValueExt::type_name(name);
            return Err(vm.type_error(format!("name tuples must contain only strings, not '{got}'")));
        }
    }
    Ok(())
}

/// A code object of the constructor's arguments.
fn from_values(vm: &mut Vm, values: &[Value], what: &str) -> PyResult {
    let mut ints = [0; 6];
    for (i, slot) in ints.iter_mut().enumerate() {
        *slot = int_field(vm, &values[i], PARAMS[i], what)?;
    }
    let firstlineno = int_field(vm, &values[13], "firstlineno", what)?;
    let code = crate::eval::bridges::bytes_of(vm, &values[6])?;
    let linetable = crate::eval::bridges::bytes_of(vm, &values[14])?;
    let exceptiontable = crate::eval::bridges::bytes_of(vm, &values[15])?;
    let consts = typed::<Tuple>(vm, values, 7, what)?.clone();
    let names = typed::<Tuple>(vm, values, 8, what)?.clone();
    let varnames = typed::<Tuple>(vm, values, 9, what)?.clone();
    let filename = typed::<Str>(vm, values, 10, what)?.clone();
    let name = typed::<Str>(vm, values, 11, what)?.clone();
    let qualname = typed::<Str>(vm, values, 12, what)?.clone();
    let freevars = typed::<Tuple>(vm, values, 16, what)?.clone();
    let cellvars = typed::<Tuple>(vm, values, 17, what)?.clone();
    for tuple in [&names, &varnames, &freevars, &cellvars] {
        names_field(vm, tuple)?;
    }
    let [argcount, posonlyargcount, kwonlyargcount, nlocals, stacksize, flags] = ints;
    if varnames.len() != nlocals as usize {
        return Err(vm.value_error("code: co_nlocals != len(co_varnames)"));
    }
    if argcount < posonlyargcount {
        return Err(vm.value_error("code: argcount < posonlyargcount"));
    }
    if code.len() % 2 != 0 || code.is_empty() {
        return Err(vm.value_error("code: co_code is malformed"));
    }
    let (localsplusnames, mut kinds) = localsplus(varnames.items(), cellvars.items(), freevars.items());
    let total = i64::from(argcount) + i64::from(kwonlyargcount);
    let total = total + i64::from(flags as u32 & co::VARARGS != 0) + i64::from(flags as u32 & co::VARKEYWORDS != 0);
    if total > i64::from(nlocals) {
        return Err(vm.value_error("code: co_varnames is too small"));
    }
    let mut kind = |index: i64, bits: u8| {
        if let Some(k) = usize::try_from(index).ok().and_then(|i| kinds.get_mut(i)) {
            *k |= bits;
        }
    };
    (0..i64::from(posonlyargcount)).for_each(|i| kind(i, fast::ARG_POS));
    (i64::from(posonlyargcount)..i64::from(argcount)).for_each(|i| kind(i, fast::ARG_POS | fast::ARG_KW));
    let mut next = i64::from(argcount) + i64::from(kwonlyargcount);
    (i64::from(argcount)..next).for_each(|i| kind(i, fast::ARG_KW));
    if flags as u32 & co::VARARGS != 0 {
        kind(next, fast::ARG_VAR | fast::ARG_POS);
        next += 1;
    }
    if flags as u32 & co::VARKEYWORDS != 0 {
        kind(next, fast::ARG_VAR | fast::ARG_KW);
    }
    let fields = CodeFields {
        argcount: argcount as u32,
        posonlyargcount: posonlyargcount as u32,
        kwonlyargcount: kwonlyargcount as u32,
        stacksize: stacksize as u32,
        flags: flags as u32,
        firstlineno,
        code: vm.new_bytes(&code)?,
        consts,
        names,
        localsplusnames: vm.new_tuple(localsplusnames)?,
        kinds: vm.new_bytes(&kinds)?,
        filename,
        name,
        qualname,
        linetable: vm.new_bytes(&linetable)?,
        exceptiontable: vm.new_bytes(&exceptiontable)?,
    };
    Ok(vm.new_code_object(fields)?.into_value())
}

/// Names and kinds of all variables: an argument that is a cell too has one entry.
fn localsplus(varnames: &[Value], cellvars: &[Value], freevars: &[Value]) -> (Vec<Value>, Vec<u8>) {
    let same = |a: &Value, b: &Value| match (a.downcast::<Str>(), b.downcast::<Str>()) {
        (Some(a), Some(b)) => a.eq_chars(b),
        _ => false,
    };
    let (mut names, mut kinds) = (Vec::new(), Vec::new());
    for name in varnames {
        let cell = cellvars.iter().any(|c| same(c, name));
        names.push(name.clone());
        kinds.push(if cell { fast::LOCAL | fast::CELL } else { fast::LOCAL });
    }
    for name in cellvars.iter().filter(|c| !varnames.iter().any(|v| same(c, v))) {
        names.push(name.clone());
        kinds.push(fast::CELL);
    }
    for name in freevars {
        names.push(name.clone());
        kinds.push(fast::FREE);
    }
    (names, kinds)
}
