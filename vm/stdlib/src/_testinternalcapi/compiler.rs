//! The compiler's stages one by one: code generation, the optimiser of the flow graph, and the assembler.

use krait_bytecode::{Const, Opcode};
use krait_compiler::ast_tools::clean_doc;
use krait_compiler::compile::codegen;
use krait_compiler::flowgraph::{assemble_sequence, optimize_sequence};
use krait_compiler::instruction_sequence::{
    CodeUnitMetadata, ConstTable, InstructionSequence as Sequence, JumpTargetLabel, Location, NameTable,
};
use krait_runtime::ast::{is_node, read_tree};
use krait_runtime::compile::{CompileRequest, Mode, issue_warnings, raise_reported, raise_syntax_error};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use krait_syntax::ast::Arena;
use krait_unicode::{Text, TextBuf};

/// Labels beyond this are refused: each takes room in a table.
const MAX_LABEL: i32 = 1 << 24;

/// Instructions with labels, as they are before the flow graph.
#[pyclass(name = "InstructionSequence", gc)]
pub struct InstructionSequence {
    #[traverse(skip)]
    seq: GilCell<Sequence>,
    nested: GilCell<Vec<Value>>,
}

fn wrap(vm: &mut Vm, seq: Sequence) -> PyResult<Py<InstructionSequence>> {
    vm.check_stack(" while wrapping instructions")?;
    let mut nested = Vec::with_capacity(seq.nested().len());
    for inner in seq.nested() {
        nested.push(wrap(vm, inner.clone())?.into_value());
    }
    vm.new_object(InstructionSequence { seq: GilCell::new(seq), nested: GilCell::new(nested) })
}

#[pymethods]
impl InstructionSequence {
    /// Make a label of its own.
    #[method]
    fn new_label(&self, vm: &mut Vm) -> i32 {
        self.seq.get_mut(vm).new_label().0
    }

    /// Put a label in front of the next instruction.
    #[method(sig = "(label)")]
    fn use_label(&self, label: i32, vm: &mut Vm) -> PyResult<()> {
        if !(0..MAX_LABEL).contains(&label) {
            return Err(vm.value_error("label out of range"));
        }
        self.seq.get_mut(vm).use_label(JumpTargetLabel(label));
        Ok(())
    }

    /// Append an instruction. The numbers of the place stand in the order in which `get_instructions()` gives them, whatever the
    /// parameters are called: so it is with CPython, whose tests rely on it.
    #[method(sig = "(opcode, oparg, lineno, col_offset, end_lineno, end_col_offset)")]
    #[allow(clippy::too_many_arguments, reason = "the fields of an instruction")]
    fn addop(
        &self,
        opcode: i32,
        oparg: i32,
        lineno: i32,
        col_offset: i32,
        end_lineno: i32,
        end_col_offset: i32,
        vm: &mut Vm,
    ) -> PyResult<()> {
        let Some(op) = u16::try_from(opcode).ok().and_then(Opcode::from_u16) else {
            return Err(vm.value_error(format!("no such opcode: {opcode}")));
        };
        if !(0..1 << 30).contains(&oparg) || oparg != 0 && !op.has_arg() && !op.has_target() {
            return Err(vm.value_error(format!("no operand for {}: {oparg}", op.name())));
        }
        self.seq.get_mut(vm).addop(op, oparg, Location::new(lineno, col_offset, end_lineno, end_col_offset));
        Ok(())
    }

    /// Keep the sequence of a code object inside this one.
    #[method(sig = "(nested)")]
    fn add_nested(&self, nested: &Value, vm: &mut Vm) -> PyResult<()> {
        if !nested.is::<InstructionSequence>() {
            let ty = nested.type_name();
            return Err(vm.type_error(format!("expected an instruction sequence, not {ty}")));
        }
        self.nested.get_mut(vm).push(nested.clone());
        Ok(())
    }

    /// The sequences of the code objects inside.
    #[method]
    fn get_nested(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        let nested = self.nested.load(vm);
        vm.new_list(nested)
    }

    /// The instructions as tuples of opcode, operand and place, labels being resolved.
    #[method]
    fn get_instructions(&self, vm: &mut Vm) -> PyResult<Py<List>> {
        let seq = self.seq.get_mut(vm);
        seq.apply_label_map();
        let instrs = seq.instrs().to_vec();
        let mut items = Vec::with_capacity(instrs.len());
        for instr in instrs {
            let loc = instr.loc;
            let oparg = if instr.opcode.has_arg() { Value::from_i32(instr.oparg) } else { Value::none() };
            let mut tuple = vec![Value::from_i32(instr.opcode as i32), oparg];
            tuple.extend([loc.lineno, loc.end_lineno, loc.col_offset, loc.end_col_offset].map(Value::from_i32));
            items.push(vm.new_tuple(tuple)?.into_value());
        }
        vm.new_list(items)
    }
}

/// An empty instruction sequence.
#[pyfunction]
pub fn new_instruction_sequence(vm: &mut Vm) -> PyResult<Py<InstructionSequence>> {
    wrap(vm, Sequence::new())
}

fn sequence<'a>(vm: &mut Vm, value: &'a Value) -> PyResult<&'a Py<InstructionSequence>> {
    value.downcast::<InstructionSequence>().ok_or_else(|| vm.value_error("expected an instruction sequence"))
}

/// The instructions of a tree in front of the flow graph, and what else code generation has found out.
#[pyfunction(sig = "(ast, filename, optimize, compile_mode=0)")]
pub fn compiler_codegen(ast: &Value, filename: &Py<Str>, optimize: i32, compile_mode: i32, vm: &mut Vm) -> PyResult {
    if !is_node(vm, ast)? {
        return Err(vm.type_error("expected an AST"));
    }
    let mode = match compile_mode {
        0 => Mode::Exec,
        1 => Mode::Eval,
        2 => Mode::Single,
        _ => return Err(vm.value_error("compile_mode must be 0, 1 or 2")),
    };
    let request = CompileRequest { filename: filename.to_text(), mode, flags: 0, optimize, feature_version: -1, from_file: false, encoding: None };
    let arena = Arena::new();
    let module = read_tree(vm, &arena, ast, &request)?;
    let generated = match codegen(&arena, &module, &request.filename, request.compile_options(vm)) {
        Ok(generated) => generated,
        Err(e) => return Err(raise_reported(vm, e, &request.filename, None)),
    };
    issue_warnings(vm, &generated.warnings, &request.filename, None)?;
    let metadata = generated.metadata;
    let consts = metadata.consts.values().iter().map(|c| vm.new_const(c)).collect::<PyResult<Vec<_>>>()?;
    let entries = [
        ("argcount", vm.new_int(metadata.argcount)?),
        ("posonlyargcount", vm.new_int(metadata.posonlyargcount)?),
        ("kwonlyargcount", vm.new_int(metadata.kwonlyargcount)?),
        ("consts", vm.new_list(consts)?.into_value()),
    ];
    let dict = vm.new_dict()?;
    for (key, value) in entries {
        let key = vm.intern(key);
        dict.set_str(vm, &key, value)?;
    }
    let seq = wrap(vm, generated.instructions)?.into_value();
    Ok(vm.new_tuple([seq, dict.into_value()])?.into_value())
}

/// The sequence after the optimiser of the flow graph. The list of constants is brought up to date.
#[pyfunction(sig = "(instructions, consts, nlocals)")]
pub fn optimize_cfg(instructions: &Value, consts: &Value, nlocals: i32, vm: &mut Vm) -> PyResult<Py<InstructionSequence>> {
    let instructions = sequence(vm, instructions)?;
    let Some(list) = consts.downcast::<List>() else { return Err(vm.type_error("consts must be a list")) };
    let Ok(nlocals) = usize::try_from(nlocals) else { return Err(vm.value_error("nlocals must not be negative")) };
    let seq = instructions.seq.load(vm);
    let items = list.items(vm).to_vec();
    for instr in seq.instrs().iter().filter(|i| i.opcode == Opcode::LOAD_CONST) {
        let at = instr.oparg;
        if usize::try_from(at).map_or(true, |i| i >= items.len()) {
            return Err(vm.value_error(format!("LOAD_CONST index {at} is out of range for consts (len={})", items.len())));
        }
    }
    let values = items.iter().map(|c| vm.const_of(c)).collect::<PyResult<Vec<_>>>()?;
    let (seq, values) = match optimize_sequence(seq, values, nlocals) {
        Ok(done) => done,
        Err(e) => return Err(raise_syntax_error(vm, *e, &TextBuf::new(), None)),
    };
    let values = values.iter().map(|c| vm.new_const(c)).collect::<PyResult<Vec<_>>>()?;
    let old = std::mem::replace(list.items_mut(vm), values);
    drop(old);
    wrap(vm, seq)
}

/// The code object of a sequence, which is taken as it is.
#[pyfunction(sig = "(filename, instructions, metadata)")]
pub fn assemble_code_object(filename: &Py<Str>, instructions: &Value, metadata: &Py<Dict>, vm: &mut Vm) -> PyResult {
    let instructions = sequence(vm, instructions)?;
    let (metadata, consts) = read_metadata(vm, metadata)?;
    let seq = instructions.seq.load(vm);
    let filename = filename.to_text();
    match assemble_sequence(seq, metadata, &(&filename).into()) {
        Ok(code) => Ok(vm.new_code_with(&code, consts)?.into_value()),
        Err(e) => Err(raise_syntax_error(vm, *e, &filename, None)),
    }
}

fn read_metadata(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<(CodeUnitMetadata, Vec<Value>)> {
    let consts = match entry(vm, dict, "consts")? {
        consts if consts.is::<List>() => vm.collect(&consts)?,
        consts => in_order(vm, &consts, "consts")?,
    };
    let mut hidden_names = Vec::new();
    let hidden = entry(vm, dict, "fasthidden")?;
    let Some(hidden) = hidden.downcast::<Dict>() else { return Err(vm.type_error("fasthidden must be a dict")) };
    for (name, set) in hidden.to_vec(vm) {
        hidden_names.push((text(vm, &name, "fasthidden")?.into(), vm.is_true(&set)?));
    }
    let (name, qualname) = (entry(vm, dict, "name")?, entry(vm, dict, "qualname")?);
    let metadata = CodeUnitMetadata {
        name: text(vm, &name, "name")?.into(),
        qualname: Some(text(vm, &qualname, "qualname")?.into()),
        // The constants themselves are put in when the code object is made.
        consts: ConstTable::from_values(vec![Const::Ellipsis; consts.len()]),
        names: names(vm, dict, "names")?,
        varnames: names(vm, dict, "varnames")?,
        cellvars: names(vm, dict, "cellvars")?,
        freevars: names(vm, dict, "freevars")?,
        fasthidden: hidden_names.into_iter().collect(),
        argcount: count(vm, dict, "argcount")?,
        posonlyargcount: count(vm, dict, "posonlyargcount")?,
        kwonlyargcount: count(vm, dict, "kwonlyargcount")?,
        firstlineno: i32::try_from(count(vm, dict, "firstlineno")?).unwrap_or(i32::MAX),
    };
    let arguments = u64::from(metadata.argcount) + u64::from(metadata.posonlyargcount) + u64::from(metadata.kwonlyargcount);
    if arguments > metadata.varnames.len() as u64 {
        return Err(vm.value_error("varnames is too small"));
    }
    Ok((metadata, consts))
}

fn entry(vm: &mut Vm, dict: &Py<Dict>, key: &str) -> PyResult {
    let name = vm.intern(key);
    match dict.get_str(vm, &name) {
        Some(value) => Ok(value.clone()),
        None => Err(vm.value_error(format!("metadata lacks {key}"))),
    }
}

fn text(vm: &mut Vm, value: &Value, key: &str) -> PyResult<TextBuf> {
    match value.downcast::<Str>() {
        Some(s) => Ok(s.to_text()),
        None => Err(vm.type_error(format!("{key} must be of str"))),
    }
}

fn count(vm: &mut Vm, dict: &Py<Dict>, key: &str) -> PyResult<u32> {
    let value = entry(vm, dict, key)?;
    let value = vm.as_isize(&value)?;
    u32::try_from(value).ok().filter(|n| *n <= i32::MAX as u32).ok_or_else(|| vm.value_error(format!("{key} out of range")))
}

/// The keys of a dict from keys to indices, by their indices.
fn in_order(vm: &mut Vm, dict: &Value, key: &str) -> PyResult<Vec<Value>> {
    let Some(dict) = dict.downcast::<Dict>() else { return Err(vm.type_error(format!("{key} must be a dict"))) };
    let mut pairs = Vec::new();
    for (value, index) in dict.to_vec(vm) {
        pairs.push((vm.as_isize(&index)?, value));
    }
    pairs.sort_by_key(|(index, _)| *index);
    if pairs.iter().zip(0..).any(|((index, _), expected)| *index != expected) {
        return Err(vm.value_error(format!("the indices of {key} have gaps")));
    }
    Ok(pairs.into_iter().map(|(_, value)| value).collect())
}

fn names(vm: &mut Vm, dict: &Py<Dict>, key: &str) -> PyResult<NameTable> {
    let value = entry(vm, dict, key)?;
    let mut table = NameTable::new();
    for name in in_order(vm, &value, key)? {
        table.add(&text(vm, &name, key)?);
    }
    Ok(table)
}

/// A docstring as the compiler keeps it.
#[pyfunction(sig = "(doc)")]
pub fn compiler_cleandoc(doc: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
    let doc = doc.to_text();
    let clean = clean_doc(&doc);
    let clean = TextBuf::from_bytes(&clean).unwrap_or_default();
    let clean: &Text = &clean;
    vm.new_str_text(clean)
}
