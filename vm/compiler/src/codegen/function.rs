//! Functions and lambdas.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::{arg, intrinsic2, make_function};
use crate::ast_tools::{docstring, loc};
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{Location, NO_LABEL, NO_LOCATION};
use crate::symtable::Key;
use crate::unit::{ArgCounts, FBlockKind, ScopeType};

impl<'a> Compiler<'a> {
    pub(super) fn apply_decorators(&mut self, decorators: &'a [Expr<'a>]) {
        for decorator in decorators.iter().rev() {
            self.op_i(loc(decorator.range), Opcode::CALL, 0);
        }
    }

    /// Pushes a dict of the keyword-only defaults, if there is one at least.
    fn kwonly_defaults(&mut self, at: Location, args: &'a Arguments<'a>) -> Res<bool> {
        let mut count = 0;
        for (parameter, default) in args.kwonlyargs.iter().zip(args.kw_defaults) {
            if let Some(default) = default {
                let mangled = self.maybe_mangle(parameter.arg);
                self.load_str(at, mangled);
                self.visit_expr(default)?;
                count += 1;
            }
        }
        if count > 0 {
            self.op_i(at, Opcode::BUILD_MAP, count);
        }
        Ok(count > 0)
    }

    fn default_arguments(&mut self, at: Location, args: &'a Arguments<'a>) -> Res<i32> {
        let mut flags = 0;
        if !args.defaults.is_empty() {
            self.visit_exprs(args.defaults)?;
            self.op_i(at, Opcode::BUILD_TUPLE, arg(args.defaults.len()));
            flags |= make_function::DEFAULTS;
        }
        if self.kwonly_defaults(at, args)? {
            flags |= make_function::KWDEFAULTS;
        }
        Ok(flags)
    }

    pub(super) fn function(&mut self, s: &'a Stmt<'a>, def: &'a FunctionDef<'a>, is_async: bool) -> Res {
        let at = loc(s.range);
        self.visit_exprs(def.decorator_list)?;
        let firstlineno = def.decorator_list.first().map_or(s.range.lineno, |d| d.range.lineno);
        let mut flags = self.default_arguments(at, def.args)?;
        let generic = !def.type_params.is_empty();
        let mut passed = 0;
        if generic {
            passed = (flags & (make_function::DEFAULTS | make_function::KWDEFAULTS)).count_ones() as usize;
            if passed == 2 {
                self.op_i(at, Opcode::SWAP, 2);
            }
            self.enter_type_params(def.name, def.type_params, firstlineno, None, passed)?;
            self.type_params(def.type_params)?;
            for i in 0..passed {
                self.op_i(at, Opcode::LOAD_FAST, arg(i));
            }
        }
        flags |= self.function_annotations(at, def.args, def.returns)?;
        self.function_body(s, def, is_async, flags, firstlineno)?;
        if generic {
            self.op_i(at, Opcode::SWAP, 2);
            self.op_i(at, Opcode::CALL_INTRINSIC_2, intrinsic2::SET_FUNCTION_TYPE_PARAMS);
            let code = self.optimize_and_assemble(false)?;
            self.make_closure(at, code, 0)?;
            if passed > 0 {
                self.op_i(at, Opcode::SWAP, arg(passed + 1));
                self.op_i(at, Opcode::CALL, arg(passed - 1));
            } else {
                self.op(at, Opcode::PUSH_NULL);
                self.op_i(at, Opcode::CALL, 0);
            }
        }
        self.apply_decorators(def.decorator_list);
        self.store_name(at, def.name)
    }

    fn function_body(&mut self, s: &'a Stmt<'a>, def: &'a FunctionDef<'a>, is_async: bool, flags: i32, firstlineno: i32) -> Res {
        let scope_type = if is_async { ScopeType::AsyncFunction } else { ScopeType::Function };
        self.codegen_enter_scope(def.name, scope_type, Key::stmt(s), firstlineno, None, arg_counts(def.args))?;
        let mut body = def.body;
        if self.entry().has_docstring
            && let (Some(doc), Some((_, rest))) = (docstring(body), body.split_first())
        {
            let doc = self.doc_const(doc)?;
            self.add_const(doc);
            body = rest;
        }
        let start = self.label();
        self.place(start);
        let suspends = self.entry().coroutine || self.entry().generator;
        if suspends {
            self.push_fblock(NO_LOCATION, FBlockKind::StopIteration, start, NO_LABEL)?;
        }
        self.visit_stmts(body)?;
        if suspends {
            self.wrap_in_stopiteration_handler();
            self.pop_fblock();
        }
        let code = self.optimize_and_assemble(true)?;
        self.make_closure(loc(s.range), code, flags)
    }

    pub(super) fn lambda(&mut self, e: &'a Expr<'a>, args: &'a Arguments<'a>, body: &'a Expr<'a>) -> Res {
        let at = loc(e.range);
        let flags = self.default_arguments(at, args)?;
        self.codegen_enter_scope("<lambda>", ScopeType::Lambda, Key::expr(e), e.range.lineno, None, arg_counts(args))?;
        self.visit_expr(body)?;
        let generator = self.entry().generator;
        if !generator {
            self.op(loc(body.range), Opcode::RETURN_VALUE);
        }
        let code = self.optimize_and_assemble(!generator)?;
        self.make_closure(at, code, flags)
    }
}

fn arg_counts(args: &Arguments<'_>) -> ArgCounts {
    ArgCounts {
        argcount: args.args.len(),
        posonlyargcount: args.posonlyargs.len(),
        kwonlyargcount: args.kwonlyargs.len(),
    }
}

/// The default of the `format` parameter of functions that evaluate bounds, defaults and values of type parameters and aliases.
pub(super) fn value_format_default() -> Const {
    Const::Tuple([Const::Int(1)].into())
}
