//! Loading, storing and deleting names by their scope.

use krait_bytecode::Opcode;
use krait_syntax::ast::ExprContext;
use krait_unicode::Text;

use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::Location;
use crate::symtable::{BlockType, CELL, FREE, GLOBAL_EXPLICIT, GLOBAL_IMPLICIT, LOCAL, Scope};

/// Which family of instructions a name takes.
enum NameOp {
    Fast,
    Global,
    Deref,
    Name,
}

impl<'a> Compiler<'a> {
    pub(super) fn store_name(&mut self, loc: Location, name: &'a str) -> Res {
        self.nameop(loc, name, ExprContext::Store)
    }

    pub(super) fn load_name(&mut self, loc: Location, name: &'a str) -> Res {
        self.nameop(loc, name, ExprContext::Load)
    }

    fn resolve_nameop(&mut self, mangled: &str, scope: Scope) -> (NameOp, i32) {
        let function_like = self.entry().is_function_like();
        match scope {
            FREE => (NameOp::Deref, self.add_freevar(mangled)),
            CELL => (NameOp::Deref, self.add_cellvar(mangled)),
            LOCAL if function_like || self.unit().metadata.fasthidden.get(Text::new(mangled)) == Some(&true) => {
                (NameOp::Fast, self.add_varname(mangled))
            }
            GLOBAL_IMPLICIT if function_like => (NameOp::Global, self.add_name(mangled)),
            GLOBAL_EXPLICIT => (NameOp::Global, self.add_name(mangled)),
            _ => (NameOp::Name, self.add_name(mangled)),
        }
    }

    pub(super) fn nameop(&mut self, loc: Location, name: &'a str, ctx: ExprContext) -> Res {
        let mangled = self.maybe_mangle(name);
        let scope = self.entry().scope(mangled);
        let (family, at) = self.resolve_nameop(mangled, scope);
        let in_class = self.entry().block == BlockType::Class;
        let inlined = self.unit().in_inlined_comp > 0;
        let sees_class = self.entry().can_see_class_scope;
        let opcode = match (family, ctx) {
            (NameOp::Deref, ExprContext::Load) if in_class && !inlined => {
                self.op(loc, Opcode::LOAD_LOCALS);
                Opcode::LOAD_FROM_DICT_OR_DEREF
            }
            (NameOp::Deref, ExprContext::Load) if sees_class => {
                self.load_classdict(loc);
                Opcode::LOAD_FROM_DICT_OR_DEREF
            }
            (NameOp::Deref, ExprContext::Load) => Opcode::LOAD_DEREF,
            (NameOp::Deref, ExprContext::Store) => Opcode::STORE_DEREF,
            (NameOp::Deref, ExprContext::Del) => Opcode::DELETE_DEREF,
            (NameOp::Fast, ExprContext::Load) => Opcode::LOAD_FAST,
            (NameOp::Fast, ExprContext::Store) => Opcode::STORE_FAST,
            (NameOp::Fast, ExprContext::Del) => Opcode::DELETE_FAST,
            (NameOp::Global, ExprContext::Load) if sees_class && scope == GLOBAL_IMPLICIT => {
                self.load_classdict(loc);
                Opcode::LOAD_FROM_DICT_OR_GLOBALS
            }
            (NameOp::Global, ExprContext::Load) => Opcode::LOAD_GLOBAL,
            (NameOp::Global, ExprContext::Store) => Opcode::STORE_GLOBAL,
            (NameOp::Global, ExprContext::Del) => Opcode::DELETE_GLOBAL,
            (NameOp::Name, ExprContext::Load) if in_class && inlined => Opcode::LOAD_GLOBAL,
            (NameOp::Name, ExprContext::Load) => Opcode::LOAD_NAME,
            (NameOp::Name, ExprContext::Store) => Opcode::STORE_NAME,
            (NameOp::Name, ExprContext::Del) => Opcode::DELETE_NAME,
        };
        let shift = i32::from(opcode == Opcode::LOAD_GLOBAL);
        self.op_i(loc, opcode, at << shift);
        Ok(())
    }

    fn load_classdict(&mut self, loc: Location) {
        let at = self.add_freevar("__classdict__");
        self.op_i(loc, Opcode::LOAD_DEREF, at);
    }
}
