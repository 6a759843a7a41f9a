//! From a tree to a code object: the driver of the stages, and the stack of code units that code generation works on.

use std::rc::Rc;

use krait_bytecode::code::co;
use krait_bytecode::{Code, Const, Opcode};
use krait_syntax::ast::{Arena, Mod, Range, Stmt};
use krait_syntax::error::{SyntaxError, SyntaxWarning, WarningCategory};
use krait_unicode::{SharedText, Text, TextBuf};

use crate::error::{Error, HasDepth, Res};
use crate::flowgraph::cfg::Cfg;
use crate::future::{self, FutureFeatures, PYCF_ALLOW_TOP_LEVEL_AWAIT, PYCF_MASK};
use crate::instruction_sequence::{CodeUnitMetadata, ConstTable, InstructionSequence, Location, NO_LOCATION, NameTable};
use crate::preprocess::{self, PreprocessOptions};
use crate::symtable::{
    self, CELL, DEF_COMP_CELL, DEF_FREE_CLASS, Entry, FREE, GLOBAL_EXPLICIT, Key, Scope, Symtable, symbol_to_scope,
};
use crate::unit::{ArgCounts, ScopeType, Texts, Unit};

/// How to compile. The mode (`exec`, `eval`, `single`) is the kind of the tree.
#[derive(Clone, Copy, Debug, Default)]
pub struct CompileOptions {
    /// 0, 1 (`-O`) or 2 (`-OO`).
    pub optimize: u8,
    /// `CO_FUTURE_*` bits that hold besides those of the source; `PyCF_*` bits may stand here too.
    pub flags: u32,
    /// `PyCF_ALLOW_TOP_LEVEL_AWAIT`.
    pub allow_top_level_await: bool,
}

/// A code object, and what the user should hear.
#[derive(Debug)]
pub struct Compiled {
    pub code: Rc<Code>,
    /// In the order in which CPython emits them.
    pub warnings: Vec<SyntaxWarning>,
    /// `flags` of the options and the future features of the source, for an interactive session to keep.
    pub flags: u32,
}

/// The pseudo-instructions of a module in front of the flow graph, for tests and `_testinternalcapi`.
#[derive(Debug)]
pub struct Codegen {
    pub instructions: InstructionSequence,
    pub metadata: CodeUnitMetadata,
    /// In the order in which CPython emits them.
    pub warnings: Vec<SyntaxWarning>,
}

/// What all code units of a compilation share.
pub(crate) struct Compiler<'a> {
    pub arena: &'a Arena,
    pub st: Symtable<'a>,
    pub texts: Texts,
    filename: SharedText,
    pub features: u32,
    pub optimize: u8,
    pub interactive: bool,
    pub units: Vec<Unit<'a>>,
    /// Space for the next flow graph and the next units' sequences.
    cfg: Cfg,
    spare: Vec<InstructionSequence>,
    pub warnings: Vec<SyntaxWarning>,
    /// Not 0 while a `finally` block is compiled again.
    pub disable_warnings: u32,
    save_nested_seqs: bool,
    depth: u32,
}

impl HasDepth for Compiler<'_> {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

/// Compiles `module`, which must come from the parser or have passed validation.
pub fn compile<'a>(arena: &'a Arena, module: &Mod<'a>, filename: &Text, options: CompileOptions) -> Result<Compiled, SyntaxError> {
    let mut warnings = Vec::new();
    match compile_module(arena, module, filename, options, &mut warnings) {
        Ok((code, flags)) => Ok(Compiled { code: Rc::new(code), warnings, flags }),
        Err(error) => Err(SyntaxError { warnings, ..error.into_syntax_error() }),
    }
}

/// Runs the stages up to code generation.
pub fn codegen<'a>(arena: &'a Arena, module: &Mod<'a>, filename: &Text, options: CompileOptions) -> Result<Codegen, SyntaxError> {
    let mut warnings = Vec::new();
    match codegen_module(arena, module, filename, options, &mut warnings) {
        Ok((instructions, metadata)) => Ok(Codegen { instructions, metadata, warnings }),
        Err(error) => Err(SyntaxError { warnings, ..error.into_syntax_error() }),
    }
}

/// The symbol table alone, of the tree as it stands.
pub fn symtable<'a>(arena: &'a Arena, module: &Mod<'a>, options: CompileOptions) -> Result<Symtable<'a>, SyntaxError> {
    let run = || {
        let mut future = future::from_ast(module)?;
        future.features |= options.flags;
        symtable::build_table(arena, module, &future)
    };
    run().map_err(Error::into_syntax_error)
}

type Warnings = Vec<SyntaxWarning>;

/// The code and what is to be kept of the flags.
fn compile_module<'a>(
    arena: &'a Arena, module: &Mod<'a>, filename: &Text, options: CompileOptions, warnings: &mut Warnings,
) -> Res<(Code, u32)> {
    let (mut compiler, module) = set_up(arena, module, filename, options, warnings)?;
    let generated = compiler.module(&module);
    *warnings = std::mem::take(&mut compiler.warnings);
    generated?;
    let code = compiler.optimize_and_assemble(!matches!(module, Mod::Expression { .. }))?;
    Ok((code, compiler.features))
}

fn codegen_module<'a>(
    arena: &'a Arena, module: &Mod<'a>, filename: &Text, options: CompileOptions, warnings: &mut Warnings,
) -> Res<(InstructionSequence, CodeUnitMetadata)> {
    let (mut compiler, module) = set_up(arena, module, filename, options, warnings)?;
    compiler.save_nested_seqs = true;
    let generated = compiler.module(&module);
    *warnings = std::mem::take(&mut compiler.warnings);
    generated?;
    compiler.add_return_at_end(!matches!(module, Mod::Expression { .. }));
    let Some(mut unit) = compiler.units.pop() else { return Err(Error::system("no code unit")) };
    unit.seq.apply_label_map();
    Ok((unit.seq, unit.metadata))
}

/// The compiler at its start, which takes the warnings over.
fn set_up<'a>(
    arena: &'a Arena, module: &Mod<'a>, filename: &Text, options: CompileOptions, warnings: &mut Warnings,
) -> Res<(Compiler<'a>, Mod<'a>)> {
    let mut future: FutureFeatures = future::from_ast(module)?;
    future.features |= options.flags;
    if options.allow_top_level_await {
        future.features |= PYCF_ALLOW_TOP_LEVEL_AWAIT;
    }
    let preprocess = PreprocessOptions { optimize: options.optimize, features: future.features, syntax_check_only: false };
    let module = preprocess::preprocess_module(arena, module, preprocess, Some(warnings))?;
    let st = symtable::build_table(arena, &module, &future)?;
    let compiler = Compiler {
        arena,
        st,
        texts: Texts::default(),
        filename: filename.into(),
        features: future.features,
        optimize: options.optimize,
        interactive: matches!(module, Mod::Interactive { .. }),
        units: Vec::new(),
        cfg: Cfg::default(),
        spare: Vec::new(),
        warnings: std::mem::take(warnings),
        disable_warnings: 0,
        save_nested_seqs: false,
        depth: 0,
    };
    Ok((compiler, module))
}

fn start_location(stmts: &[Stmt<'_>]) -> Location {
    stmts.first().map_or(Location::new(1, 1, 0, 0), |s| crate::ast_tools::loc(s.range))
}

impl<'a> Compiler<'a> {
    fn module(&mut self, module: &Mod<'a>) -> Res {
        self.codegen_enter_scope("<module>", ScopeType::Module, Key::Module, 1, None, ArgCounts::default())?;
        match *module {
            Mod::Module { body, .. } => self.codegen_module_body(start_location(body), body, false),
            Mod::Interactive { body } => self.codegen_module_body(start_location(body), body, true),
            Mod::Expression { body } => self.visit_expr(body),
            Mod::FunctionType { .. } => Err(Error::system("module kind FunctionType should not be possible")),
        }
    }

    /// The innermost code unit. There is one from the first scope on.
    pub fn u(&mut self) -> &mut Unit<'a> {
        let last = self.units.len() - 1;
        &mut self.units[last]
    }

    pub fn unit(&self) -> &Unit<'a> {
        &self.units[self.units.len() - 1]
    }

    /// The symbol table entry of the innermost unit.
    pub fn entry(&self) -> &Entry<'a> {
        self.st.entry(self.unit().ste)
    }

    pub fn maybe_mangle(&self, name: &'a str) -> &'a str {
        let u = self.unit();
        self.st.maybe_mangle(u.private, u.ste, name)
    }

    pub fn mangle(&self, name: &'a str) -> &'a str {
        symtable::mangle(self.arena, self.unit().private, name)
    }

    pub fn error<T>(&self, loc: Location, message: impl Into<TextBuf>) -> Res<T> {
        Err(Error::syntax(range(loc), message))
    }

    pub fn warn(&mut self, loc: Location, message: impl Into<String>) {
        if self.disable_warnings > 0 {
            return;
        }
        self.warnings.push(syntax_warning(range(loc), message.into()));
    }

    /// Pushes a code unit.
    pub fn enter_scope(
        &mut self,
        name: &'a str,
        scope_type: ScopeType,
        key: Key,
        lineno: i32,
        private: Option<&'a str>,
        args: ArgCounts,
    ) -> Res {
        let ste = self.st.lookup(key)?;
        let entry = self.st.entry(ste);
        let cells = names_by_scope(entry, CELL, DEF_COMP_CELL);
        let free = names_by_scope(entry, FREE, DEF_FREE_CLASS);
        let implicit = [
            (entry.needs_class_closure, "__class__"),
            (entry.needs_classdict, "__classdict__"),
            (entry.has_conditional_annotations, "__conditional_annotations__"),
        ];
        let implicit = implicit.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| name);
        let mut table = |names: &mut dyn Iterator<Item = &str>| {
            let mut table = NameTable::new();
            for name in names {
                self.texts.add(name, &mut table);
            }
            table
        };
        let varnames = table(&mut entry.varnames.iter().copied());
        let cellvars = table(&mut cells.into_iter().chain(implicit));
        let freevars = table(&mut free.into_iter());
        let private = private.or_else(|| self.units.last().and_then(|u| u.private));
        let qualname = (scope_type != ScopeType::Module).then(|| self.qualname(name, scope_type).into());
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let metadata = CodeUnitMetadata {
            name: self.texts.share(Text::new(name)),
            qualname,
            consts: ConstTable::new(),
            names: NameTable::new(),
            varnames,
            cellvars,
            freevars,
            fasthidden: Default::default(),
            argcount: count(args.argcount),
            posonlyargcount: count(args.posonlyargcount),
            kwonlyargcount: count(args.kwonlyargcount),
            firstlineno: lineno,
        };
        self.units.push(Unit {
            ste,
            scope_type,
            private,
            static_attributes: Default::default(),
            deferred_annotations: Vec::new(),
            next_conditional_annotation_index: 0,
            seq: self.spare.pop().unwrap_or_default(),
            stashed_seq: None,
            fblocks: Vec::new(),
            in_inlined_comp: 0,
            in_conditional_block: 0,
            metadata,
        });
        Ok(())
    }

    /// The index of `name` in `co_names`.
    pub fn add_name(&mut self, name: &str) -> i32 {
        self.add_to(name, |metadata| &mut metadata.names)
    }

    /// The index of `name` in `co_varnames`.
    pub fn add_varname(&mut self, name: &str) -> i32 {
        self.add_to(name, |metadata| &mut metadata.varnames)
    }

    /// The index of `name` in `co_cellvars`.
    pub fn add_cellvar(&mut self, name: &str) -> i32 {
        self.add_to(name, |metadata| &mut metadata.cellvars)
    }

    /// The index of `name` in `co_freevars`, which are numbered behind the cells.
    pub fn add_freevar(&mut self, name: &str) -> i32 {
        let at = self.add_to(name, |metadata| &mut metadata.freevars);
        at + i32::try_from(self.unit().metadata.cellvars.len()).unwrap_or(i32::MAX / 2)
    }

    fn add_to(&mut self, name: &str, table: impl FnOnce(&mut CodeUnitMetadata) -> &mut NameTable) -> i32 {
        let last = self.units.len() - 1;
        self.texts.add(name, table(&mut self.units[last].metadata))
    }

    /// The index of `value` in `co_consts`.
    pub fn add_const(&mut self, value: Const) -> i32 {
        self.u().metadata.consts.add(value).cast_signed()
    }

    /// The qualified name of a unit about to be pushed.
    fn qualname(&self, name: &'a str, scope_type: ScopeType) -> String {
        let n = self.units.len();
        if n <= 1 {
            return name.to_owned();
        }
        let mut parent = &self.units[n - 1];
        if parent.scope_type == ScopeType::Annotations {
            // Annotation scopes do not show: the block around them counts, and the module adds nothing.
            if n == 2 {
                return name.to_owned();
            }
            parent = &self.units[n - 2];
        }
        if matches!(scope_type, ScopeType::Function | ScopeType::AsyncFunction | ScopeType::Class) {
            let mangled = symtable::mangle(self.arena, parent.private, name);
            if self.st.entry(parent.ste).scope(mangled) == GLOBAL_EXPLICIT {
                return name.to_owned();
            }
        }
        let base: &Text = parent.metadata.qualname.as_ref().unwrap_or(&parent.metadata.name);
        match parent.scope_type {
            ScopeType::Function | ScopeType::AsyncFunction | ScopeType::Lambda => format!("{base}.<locals>.{name}"),
            _ => format!("{base}.{name}"),
        }
    }

    /// Ends the instructions and turns the innermost unit, which is popped, into code.
    pub fn optimize_and_assemble(&mut self, add_none: bool) -> Res<Code> {
        self.add_return_at_end(add_none);
        let flags = self.code_flags();
        let Some(mut unit) = self.units.pop() else { return Err(Error::system("no code unit")) };
        let nparams = self.st.entry(unit.ste).varnames.len();
        if self.save_nested_seqs && let Some(parent) = self.units.last_mut() {
            parent.seq.add_nested(unit.seq.clone());
        }
        let code = self.cfg.optimize_and_assemble(&mut unit.seq, unit.metadata, flags, nparams, &self.filename)?;
        unit.seq.clear();
        self.spare.push(unit.seq);
        Ok(code)
    }

    fn add_return_at_end(&mut self, add_none: bool) {
        if add_none {
            self.load_const(NO_LOCATION, Const::None);
        }
        self.op(NO_LOCATION, Opcode::RETURN_VALUE);
    }

    fn code_flags(&self) -> u32 {
        let entry = self.entry();
        let mut flags = self.features & PYCF_MASK;
        if entry.is_function_like() {
            flags |= co::NEWLOCALS | co::OPTIMIZED;
            let bits = [
                (entry.nested, co::NESTED),
                (entry.generator && !entry.coroutine, co::GENERATOR),
                (entry.generator && entry.coroutine, co::ASYNC_GENERATOR),
                (entry.varargs, co::VARARGS),
                (entry.varkeywords, co::VARKEYWORDS),
                (entry.has_docstring, co::HAS_DOCSTRING),
                (entry.method, co::METHOD),
            ];
            flags |= bits.into_iter().filter(|(set, _)| *set).fold(0, |acc, (_, bit)| acc | bit);
        }
        if entry.coroutine && !entry.generator {
            flags |= co::COROUTINE;
        }
        flags
    }

    /// The scope of a name that a closure needs, as the innermost unit sees it.
    pub fn ref_type(&self, name: &str) -> Scope {
        let implicit = matches!(name, "__class__" | "__classdict__" | "__conditional_annotations__");
        if self.unit().scope_type == ScopeType::Class && implicit {
            return CELL;
        }
        self.entry().scope(name)
    }

    /// Operand of LOAD_CLOSURE for a free variable of an inner code object.
    pub fn closure_arg(&self, name: &Text) -> Res<i32> {
        let metadata = &self.unit().metadata;
        let is_cell = name.as_str().is_some_and(|n| self.ref_type(n) == CELL);
        let at = if is_cell {
            metadata.cellvars.get(name).map(|at| at as usize)
        } else {
            metadata.freevars.get(name).map(|at| at as usize + metadata.cellvars.len())
        };
        at.and_then(|at| i32::try_from(at).ok())
            .ok_or_else(|| Error::system(format!("no closure variable '{name}' in {}", &*metadata.name)))
    }

    /// `__static_attributes__` of the innermost unit, a class.
    pub fn static_attributes(&mut self) -> Const {
        let names = std::mem::take(&mut self.u().static_attributes);
        self.constant_tuple(names)
    }
}

/// Names of a certain scope or with a flag, sorted, so that indices do not depend on the order of the source.
fn names_by_scope<'a>(entry: &Entry<'a>, scope: Scope, flag: u32) -> Vec<&'a str> {
    let wanted = entry.symbols.iter().filter(|(_, flags)| symbol_to_scope(**flags) == scope || **flags & flag != 0);
    let mut names: Vec<&str> = wanted.map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

fn range(loc: Location) -> Range {
    Range { lineno: loc.lineno, col_offset: loc.col_offset, end_lineno: loc.end_lineno, end_col_offset: loc.end_col_offset }
}

/// A `SyntaxWarning` at `range`.
pub(crate) fn syntax_warning(range: Range, message: String) -> SyntaxWarning {
    SyntaxWarning {
        category: WarningCategory::SyntaxWarning,
        message,
        lineno: range.lineno,
        offset: range.col_offset + 1,
        end_lineno: range.end_lineno,
        end_offset: range.end_col_offset + 1,
    }
}
