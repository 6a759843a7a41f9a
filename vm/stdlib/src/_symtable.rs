//! `_symtable`: the compiler's symbol tables as objects.

use krait_compiler::future;
use krait_compiler::symtable::{self as st, EntryId, Symtable};
use krait_runtime::compile::{CompileRequest, Mode, raise_reported, raise_syntax_error, source_text};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use krait_syntax::ast::Arena;

krait_runtime::module! {
    "_symtable",
    doc: "The symbol tables that the compiler makes.",
    functions: [symtable],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    use st::BlockType as B;
    let constants = [
        ("USE", st::USE),
        ("DEF_GLOBAL", st::DEF_GLOBAL),
        ("DEF_NONLOCAL", st::DEF_NONLOCAL),
        ("DEF_LOCAL", st::DEF_LOCAL),
        ("DEF_PARAM", st::DEF_PARAM),
        ("DEF_TYPE_PARAM", st::DEF_TYPE_PARAM),
        ("DEF_FREE_CLASS", st::DEF_FREE_CLASS),
        ("DEF_IMPORT", st::DEF_IMPORT),
        ("DEF_BOUND", st::DEF_BOUND),
        ("DEF_ANNOT", st::DEF_ANNOT),
        ("DEF_COMP_ITER", st::DEF_COMP_ITER),
        ("DEF_COMP_CELL", st::DEF_COMP_CELL),
        ("TYPE_FUNCTION", B::Function as u32),
        ("TYPE_CLASS", B::Class as u32),
        ("TYPE_MODULE", B::Module as u32),
        ("TYPE_ANNOTATION", B::Annotation as u32),
        ("TYPE_TYPE_ALIAS", B::TypeAlias as u32),
        ("TYPE_TYPE_PARAMETERS", B::TypeParameters as u32),
        ("TYPE_TYPE_VARIABLE", B::TypeVariable as u32),
        ("LOCAL", st::LOCAL),
        ("GLOBAL_EXPLICIT", st::GLOBAL_EXPLICIT),
        ("GLOBAL_IMPLICIT", st::GLOBAL_IMPLICIT),
        ("FREE", st::FREE),
        ("CELL", st::CELL),
        ("SCOPE_OFF", st::SCOPE_OFFSET),
        ("SCOPE_MASK", st::SCOPE_MASK),
    ];
    for (name, value) in constants {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

/// One block of a program.
#[pyclass(name = "symtable entry", gc)]
pub struct SymtableEntry {
    name: Py<Str>,
    symbols: Py<Dict>,
    varnames: Py<List>,
    children: Py<List>,
    #[traverse(skip)]
    kind: i32,
    #[traverse(skip)]
    nested: bool,
    #[traverse(skip)]
    lineno: i32,
}

#[pymethods]
impl SymtableEntry {
    /// A number no other living entry has.
    #[getter]
    fn id(&self) -> u64 {
        self.symbols.as_value().id()
    }

    #[getter]
    fn name(&self) -> Value {
        self.name.to_value()
    }

    /// Names to flags.
    #[getter]
    fn symbols(&self) -> Value {
        self.symbols.to_value()
    }

    /// The parameters.
    #[getter]
    fn varnames(&self) -> Value {
        self.varnames.to_value()
    }

    /// The blocks inside.
    #[getter]
    fn children(&self) -> Value {
        self.children.to_value()
    }

    /// Whether a function is around.
    #[getter]
    fn nested(&self) -> i32 {
        self.nested.into()
    }

    /// One of the TYPE_ constants.
    #[getter(name = "type")]
    fn kind(&self) -> i32 {
        self.kind
    }

    #[getter]
    fn lineno(&self) -> i32 {
        self.lineno
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let text = format!("<symtable entry {}({}), line {}>", self.name.to_string_lossy(), self.id(), self.lineno);
        vm.new_str(&text)
    }
}

/// The symbol table of a source, as its module's entry.
#[pyfunction(sig = "(source, filename, startstr, /)")]
pub fn symtable(source: &Value, filename: &Value, startstr: String, vm: &mut Vm) -> PyResult {
    let filename = vm.fs_path_text(filename)?;
    let mode = match startstr.as_str() {
        "exec" => Mode::Exec,
        "eval" => Mode::Eval,
        "single" => Mode::Single,
        _ => return Err(vm.value_error("symtable() arg 3 must be 'exec' or 'eval' or 'single'")),
    };
    let request = CompileRequest { filename, mode, flags: 0, optimize: -1, feature_version: -1, from_file: false, encoding: None };
    let text = source_text(vm, source, "symtable", &request)?;
    let arena = Arena::new();
    let parsed = match krait_syntax::parse(&arena, &text, &request.parse_options(vm)) {
        Ok(parsed) => parsed,
        Err(e) => return Err(raise_reported(vm, e, &request.filename, Some(&text))),
    };
    let table = match future::features(&parsed.module).and_then(|f| st::build(&arena, &parsed.module, &f)) {
        Ok(table) => table,
        Err(e) => return Err(raise_syntax_error(vm, e, &request.filename, None)),
    };
    entry(vm, &table, table.top().id)
}

fn entry(vm: &mut Vm, table: &Symtable<'_>, id: EntryId) -> PyResult {
    vm.check_stack(" during compilation")?;
    let block = table.entry(id);
    let symbols = vm.new_dict()?;
    for (name, flags) in &block.symbols {
        let (name, flags) = (vm.intern(name), vm.new_int(*flags)?);
        symbols.set_str(vm, &name, flags)?;
    }
    let varnames = block.varnames.iter().map(|v| vm.intern(v).into_value()).collect();
    let varnames = vm.new_list(varnames)?;
    let mut children = Vec::with_capacity(block.children.len());
    for child in &block.children {
        children.push(entry(vm, table, *child)?);
    }
    let children = vm.new_list(children)?;
    let payload = SymtableEntry {
        name: vm.intern(block.name),
        symbols,
        varnames,
        children,
        kind: block.block as i32,
        nested: block.nested,
        lineno: block.range.lineno,
    };
    Ok(vm.new_object(payload)?.into_value())
}
