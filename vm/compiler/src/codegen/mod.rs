//! Code generation: a tree and its symbol table to pseudo-instructions, construct by construct as CPython emits them.
//!
//! Every instruction carries the location that CPython gives it: line numbers, tracebacks and branch events depend on it.
//! `NO_LOCATION` marks what no source line stands for. Statements are in [`stmt`], [`try_`], [`with`] and [`loops`],
//! expressions in [`expr`], [`call`], [`comprehension`] and [`strings`], definitions in [`function`], [`class`] and
//! [`annotations`], patterns in [`pattern`], and unwinding in [`fblock`].

mod annotations;
mod call;
mod const_repr;
mod checks;
mod class;
mod comprehension;
mod expr;
mod fblock;
mod function;
mod jump;
mod loops;
mod names;
mod pattern;
mod stmt;
mod strings;
mod target;
mod try_;
mod type_params;
mod with;

use krait_bytecode::{Code, Const, Opcode};
use krait_syntax::ast::{Constant, Stmt};
use krait_syntax::error::ErrorKind;
use krait_unicode::{SharedText, Text};

use crate::ast_tools::{clean_doc, docstring, loc};
use crate::compile::Compiler;
use crate::error::{Error, Res};
use crate::future::CO_FUTURE_ANNOTATIONS;
use crate::instruction_sequence::{JumpTargetLabel, Location, NO_LOCATION};
use crate::symtable::Key;
use crate::unit::{ArgCounts, ScopeType};

/// Above this many values on the stack, displays and calls are built piece by piece.
const STACK_USE_GUIDELINE: usize = 30;

/// Operands of CALL_INTRINSIC_1.
mod intrinsic1 {
    pub const PRINT: i32 = 1;
    pub const IMPORT_STAR: i32 = 2;
    pub const STOPITERATION_ERROR: i32 = 3;
    pub const ASYNC_GEN_WRAP: i32 = 4;
    pub const UNARY_POSITIVE: i32 = 5;
    pub const LIST_TO_TUPLE: i32 = 6;
    pub const TYPEVAR: i32 = 7;
    pub const PARAMSPEC: i32 = 8;
    pub const TYPEVARTUPLE: i32 = 9;
    pub const SUBSCRIPT_GENERIC: i32 = 10;
    pub const TYPEALIAS: i32 = 11;
}

/// Operands of CALL_INTRINSIC_2.
mod intrinsic2 {
    pub const PREP_RERAISE_STAR: i32 = 1;
    pub const TYPEVAR_WITH_BOUND: i32 = 2;
    pub const TYPEVAR_WITH_CONSTRAINTS: i32 = 3;
    pub const SET_FUNCTION_TYPE_PARAMS: i32 = 4;
    pub const SET_TYPEPARAM_DEFAULT: i32 = 5;
}

/// Operands of LOAD_COMMON_CONSTANT.
mod common_constant {
    pub const ASSERTION_ERROR: i32 = 0;
    pub const NOT_IMPLEMENTED_ERROR: i32 = 1;
    pub const BUILTIN_TUPLE: i32 = 2;
    pub const BUILTIN_ALL: i32 = 3;
    pub const BUILTIN_ANY: i32 = 4;
}

/// Operands of LOAD_SPECIAL.
mod special {
    pub const ENTER: i32 = 0;
    pub const EXIT: i32 = 1;
    pub const AENTER: i32 = 2;
    pub const AEXIT: i32 = 3;
}

/// Operands of RESUME.
mod resume {
    pub const AT_FUNC_START: i32 = 0;
    pub const AFTER_YIELD: i32 = 1;
    pub const AFTER_YIELD_FROM: i32 = 2;
    pub const AFTER_AWAIT: i32 = 3;
}

/// Operands of SET_FUNCTION_ATTRIBUTE, also used as a set of what is on the stack for MAKE_FUNCTION.
mod make_function {
    pub const DEFAULTS: i32 = 0x01;
    pub const KWDEFAULTS: i32 = 0x02;
    pub const ANNOTATIONS: i32 = 0x04;
    pub const CLOSURE: i32 = 0x08;
    pub const ANNOTATE: i32 = 0x10;
}

/// A count as an operand.
fn arg(n: usize) -> i32 {
    // Sequences of a tree are far below this; the flow graph refuses larger operands.
    i32::try_from(n).unwrap_or((1 << 30) - 1)
}

/// A literal as a constant of the code object.
pub(crate) fn constant(value: &Constant<'_>) -> Const {
    match *value {
        Constant::None => Const::None,
        Constant::True => Const::True,
        Constant::False => Const::False,
        Constant::Ellipsis => Const::Ellipsis,
        Constant::Int(v) => Const::Int(v),
        Constant::BigInt(v) => Const::from_bigint(v.clone()),
        Constant::Float(v) => Const::Float(v),
        Constant::Complex { real, imag } => Const::Complex(real, imag),
        Constant::Str(s) => Const::Str(s.into()),
        Constant::Bytes(b) => Const::Bytes(b.into()),
        Constant::Tuple(items) => Const::Tuple(items.iter().map(constant).collect()),
        Constant::FrozenSet(items) => Const::FrozenSet(items.iter().map(constant).collect()),
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn op(&mut self, loc: Location, opcode: Opcode) {
        self.u().seq.addop(opcode, 0, loc);
    }

    pub(crate) fn op_i(&mut self, loc: Location, opcode: Opcode, oparg: i32) {
        self.u().seq.addop(opcode, oparg, loc);
    }

    fn op_j(&mut self, loc: Location, opcode: Opcode, target: JumpTargetLabel) {
        self.u().seq.addop(opcode, target.0, loc);
    }

    fn label(&mut self) -> JumpTargetLabel {
        self.u().seq.new_label()
    }

    fn place(&mut self, label: JumpTargetLabel) {
        self.u().seq.use_label(label);
    }

    pub(crate) fn load_const(&mut self, loc: Location, value: Const) {
        let at = self.add_const(value);
        self.op_i(loc, Opcode::LOAD_CONST, at);
    }

    fn load_str(&mut self, loc: Location, value: &str) {
        let value = self.texts.share(Text::new(value));
        self.load_const(loc, Const::Str(value));
    }

    /// A tuple of strings.
    pub(crate) fn constant_tuple<'s>(&mut self, names: impl IntoIterator<Item = &'s str>) -> Const {
        Const::Tuple(names.into_iter().map(|n| Const::Str(self.texts.share(Text::new(n)))).collect())
    }

    /// An instruction with an unmangled operand in `names`.
    fn op_raw_name(&mut self, loc: Location, opcode: Opcode, name: &str) {
        let at = self.add_name(name);
        self.op_i(loc, opcode, at);
    }

    /// An instruction with a mangled operand in `names`.
    fn op_name(&mut self, loc: Location, opcode: Opcode, name: &'a str) {
        let mangled = self.maybe_mangle(name);
        self.op_raw_name(loc, opcode, mangled);
    }

    /// LOAD_ATTR; as a method, when `method`.
    fn load_attr(&mut self, loc: Location, name: &'a str, method: bool) {
        let mangled = self.maybe_mangle(name);
        let at = self.add_name(mangled);
        self.op_i(loc, Opcode::LOAD_ATTR, at << 1 | i32::from(method));
    }

    fn future_annotations(&self) -> bool {
        self.features & CO_FUTURE_ANNOTATIONS != 0
    }

    /// Pushes a code unit and its first instructions.
    pub(crate) fn codegen_enter_scope(
        &mut self,
        name: &'a str,
        scope_type: ScopeType,
        key: Key,
        lineno: i32,
        private: Option<&'a str>,
        args: ArgCounts,
    ) -> Res {
        self.enter_scope(name, scope_type, key, lineno, private, args)?;
        let module = scope_type == ScopeType::Module;
        let loc = Location::new(if module { 0 } else { lineno }, lineno, 0, 0);
        self.op_i(loc, Opcode::RESUME, resume::AT_FUNC_START);
        if module {
            self.op(loc, Opcode::ANNOTATIONS_PLACEHOLDER);
        }
        Ok(())
    }

    /// The statements of a module.
    pub(crate) fn codegen_module_body(&mut self, loc: Location, stmts: &'a [Stmt<'a>], interactive: bool) -> Res {
        if self.entry().has_conditional_annotations {
            self.op_i(loc, Opcode::BUILD_SET, 0);
            self.op_raw_name(loc, Opcode::STORE_NAME, "__conditional_annotations__");
        }
        self.body(loc, stmts, interactive)
    }

    /// The statements of a module or class, with docstring and annotations.
    fn body(&mut self, at: Location, stmts: &'a [Stmt<'a>], interactive: bool) -> Res {
        if self.future_annotations() && self.entry().annotations_used {
            self.op(at, Opcode::SETUP_ANNOTATIONS);
        }
        if stmts.is_empty() {
            return Ok(());
        }
        let mut stmts = stmts;
        if !interactive
            && self.entry().has_docstring
            && let (Some(doc), Some((first, rest))) = (docstring(stmts), stmts.split_first())
        {
            self.load_doc(expr_statement_loc(first), doc)?;
            self.store_name(NO_LOCATION, "__doc__")?;
            stmts = rest;
        }
        self.visit_stmts(stmts)?;
        if !self.future_annotations() {
            self.process_deferred_annotations(at)?;
        }
        Ok(())
    }

    fn doc_const(&self, doc: &krait_unicode::Text) -> Res<Const> {
        // As in CPython, whose cleaning works on UTF-8, there is no way for surrogates.
        if doc.as_str().is_none() {
            return Err(Error::other(ErrorKind::UnicodeEncodeError, doc.to_owned()));
        }
        let clean = clean_doc(doc);
        Ok(Const::Str(std::str::from_utf8(&clean).map_or_else(|_| doc.into(), SharedText::from)))
    }

    fn load_doc(&mut self, loc: Location, doc: &krait_unicode::Text) -> Res {
        let value = self.doc_const(doc)?;
        self.load_const(loc, value);
        Ok(())
    }

    /// MAKE_FUNCTION for `code`, with its closure; what `flags` names is on the stack.
    fn make_closure(&mut self, loc: Location, code: Code, flags: i32) -> Res {
        let mut flags = flags;
        let closure: Vec<i32> = code.freevars().map(|name| self.closure_arg(name)).collect::<Res<_>>()?;
        if !closure.is_empty() {
            for at in &closure {
                self.op_i(loc, Opcode::LOAD_CLOSURE, *at);
            }
            flags |= make_function::CLOSURE;
            self.op_i(loc, Opcode::BUILD_TUPLE, arg(closure.len()));
        }
        self.load_const(loc, Const::Code(code.into()));
        self.op(loc, Opcode::MAKE_FUNCTION);
        let order = [
            make_function::CLOSURE,
            make_function::ANNOTATIONS,
            make_function::ANNOTATE,
            make_function::KWDEFAULTS,
            make_function::DEFAULTS,
        ];
        for flag in order {
            if flags & flag != 0 {
                self.op_i(loc, Opcode::SET_FUNCTION_ATTRIBUTE, flag);
            }
        }
        Ok(())
    }

    /// Turns StopIteration that leaves a generator or coroutine into RuntimeError.
    fn wrap_in_stopiteration_handler(&mut self) {
        let handler = self.label();
        self.u().seq.insert_instruction(0, Opcode::SETUP_CLEANUP, handler.0, NO_LOCATION);
        self.load_const(NO_LOCATION, Const::None);
        self.op(NO_LOCATION, Opcode::RETURN_VALUE);
        self.place(handler);
        self.op_i(NO_LOCATION, Opcode::CALL_INTRINSIC_1, intrinsic1::STOPITERATION_ERROR);
        self.op_i(NO_LOCATION, Opcode::RERAISE, 1);
    }
}

fn expr_statement_loc(s: &Stmt<'_>) -> Location {
    match s.kind {
        krait_syntax::ast::StmtKind::Expr { value } => loc(value.range),
        _ => loc(s.range),
    }
}
