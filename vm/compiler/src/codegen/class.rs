//! Classes.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::intrinsic1;
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{Location, NO_LOCATION};
use crate::symtable::Key;
use crate::unit::{ArgCounts, ScopeType, line};

impl<'a> Compiler<'a> {
    pub(super) fn class(&mut self, s: &'a Stmt<'a>, def: &'a ClassDef<'a>) -> Res {
        let at = loc(s.range);
        self.visit_exprs(def.decorator_list)?;
        let firstlineno = def.decorator_list.first().map_or(s.range.lineno, |d| d.range.lineno);
        if def.type_params.is_empty() {
            self.class_body(s, def, firstlineno)?;
            self.call_arguments(at, 2, def.bases, None, def.keywords)?;
        } else {
            self.enter_type_params(def.name, def.type_params, firstlineno, Some(def.name), 0)?;
            self.type_params(def.type_params)?;
            self.store_name(at, ".type_params")?;
            self.class_body(s, def, firstlineno)?;
            self.load_name(at, ".type_params")?;
            self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::SUBSCRIPT_GENERIC);
            self.store_name(at, ".generic_base")?;
            self.call_arguments(at, 2, def.bases, Some(".generic_base"), def.keywords)?;
            let code = self.optimize_and_assemble(false)?;
            self.make_closure(at, code, 0)?;
            self.op(at, Opcode::PUSH_NULL);
            self.op_i(at, Opcode::CALL, 0);
        }
        self.apply_decorators(def.decorator_list);
        self.store_name(at, def.name)
    }

    /// `__build_class__`, the function that fills the namespace, and the name.
    fn class_body(&mut self, s: &'a Stmt<'a>, def: &'a ClassDef<'a>, firstlineno: i32) -> Res {
        let private = Some(def.name);
        self.codegen_enter_scope(def.name, ScopeType::Class, Key::stmt(s), firstlineno, private, ArgCounts::default())?;
        self.class_head(loc(line(firstlineno)), def, firstlineno)?;
        self.body(loc(line(firstlineno)), def.body, false)?;
        self.class_tail()?;
        let code = self.optimize_and_assemble(true)?;
        let at = loc(s.range);
        self.op(at, Opcode::LOAD_BUILD_CLASS);
        self.op(at, Opcode::PUSH_NULL);
        self.make_closure(at, code, 0)?;
        self.load_str(at, def.name);
        Ok(())
    }

    fn class_head(&mut self, at: Location, def: &'a ClassDef<'a>, firstlineno: i32) -> Res {
        self.load_name(at, "__name__")?;
        self.store_name(at, "__module__")?;
        let qualname = self.unit().metadata.qualname.clone().unwrap_or_default();
        self.load_const(at, Const::Str(qualname));
        self.store_name(at, "__qualname__")?;
        self.load_const(at, Const::Int(firstlineno.into()));
        self.store_name(at, "__firstlineno__")?;
        if !def.type_params.is_empty() {
            self.load_name(at, ".type_params")?;
            self.store_name(at, "__type_params__")?;
        }
        if self.entry().needs_classdict {
            self.op(at, Opcode::LOAD_LOCALS);
            let cell = self.add_cellvar("__classdict__");
            self.op_i(at, Opcode::STORE_DEREF, cell);
        }
        if self.entry().has_conditional_annotations {
            self.op_i(at, Opcode::BUILD_SET, 0);
            let cell = self.add_cellvar("__conditional_annotations__");
            self.op_i(at, Opcode::STORE_DEREF, cell);
        }
        Ok(())
    }

    /// What `type.__new__` looks for in the namespace; the class cell is returned too.
    fn class_tail(&mut self) -> Res {
        let attributes = self.static_attributes();
        self.load_const(NO_LOCATION, attributes);
        self.store_name(NO_LOCATION, "__static_attributes__")?;
        if self.entry().needs_classdict {
            let cell = self.add_cellvar("__classdict__");
            self.op_i(NO_LOCATION, Opcode::LOAD_CLOSURE, cell);
            self.store_name(NO_LOCATION, "__classdictcell__")?;
        }
        if self.entry().needs_class_closure {
            let cell = self.add_cellvar("__class__");
            self.op_i(NO_LOCATION, Opcode::LOAD_CLOSURE, cell);
            self.op_i(NO_LOCATION, Opcode::COPY, 1);
            self.store_name(NO_LOCATION, "__classcell__")?;
        } else {
            self.load_const(NO_LOCATION, Const::None);
        }
        self.op(NO_LOCATION, Opcode::RETURN_VALUE);
        Ok(())
    }
}
