//! Type parameters and type aliases (PEP 695, PEP 696).

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::function::value_format_default;
use super::{arg, intrinsic1, intrinsic2, make_function};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Error, Res};
use crate::symtable::Key;
use crate::unit::{ArgCounts, ScopeType};

impl<'a> Compiler<'a> {
    /// Enters the scope that holds the type parameters of `name`.
    pub(super) fn enter_type_params(
        &mut self,
        name: &'a str,
        params: &'a [TypeParam<'a>],
        lineno: i32,
        private: Option<&'a str>,
        argcount: usize,
    ) -> Res {
        let name = &*self.arena.alloc_str(&format!("<generic parameters of {name}>"));
        let args = ArgCounts { argcount, ..ArgCounts::default() };
        self.codegen_enter_scope(name, ScopeType::Annotations, Key::type_params(params), lineno, private, args)
    }

    /// Pushes a tuple of the type parameters, each bound to its name as well.
    pub(super) fn type_params(&mut self, params: &'a [TypeParam<'a>]) -> Res {
        let mut seen_default = false;
        for param in params {
            self.type_param(param, &mut seen_default)?;
        }
        if let Some(first) = params.first() {
            self.op_i(loc(first.range), Opcode::BUILD_TUPLE, arg(params.len()));
        }
        Ok(())
    }

    fn type_param(&mut self, param: &'a TypeParam<'a>, seen_default: &mut bool) -> Res {
        let at = loc(param.range);
        let (name, default_value, default_key, starred) = match param.kind {
            TypeParamKind::TypeVar { name, bound, default_value } => {
                self.load_str(at, name);
                if let Some(bound) = bound {
                    self.type_param_part(bound, name, Key::type_param(param), false)?;
                    let constraints = matches!(bound.kind, ExprKind::Tuple { .. });
                    let intrinsic =
                        if constraints { intrinsic2::TYPEVAR_WITH_CONSTRAINTS } else { intrinsic2::TYPEVAR_WITH_BOUND };
                    self.op_i(at, Opcode::CALL_INTRINSIC_2, intrinsic);
                } else {
                    self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::TYPEVAR);
                }
                (name, default_value, Key::type_param_default(param), false)
            }
            TypeParamKind::TypeVarTuple { name, default_value } => {
                self.load_str(at, name);
                self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::TYPEVARTUPLE);
                (name, default_value, Key::type_param(param), true)
            }
            TypeParamKind::ParamSpec { name, default_value } => {
                self.load_str(at, name);
                self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::PARAMSPEC);
                (name, default_value, Key::type_param(param), false)
            }
        };
        if let Some(default) = default_value {
            *seen_default = true;
            self.type_param_part(default, name, default_key, starred)?;
            self.op_i(at, Opcode::CALL_INTRINSIC_2, intrinsic2::SET_TYPEPARAM_DEFAULT);
        } else if *seen_default {
            return self.error(at, format!("non-default type parameter '{name}' follows default type parameter"));
        }
        self.op_i(at, Opcode::COPY, 1);
        self.store_name(at, name)
    }

    /// The function that evaluates a bound or default on demand.
    fn type_param_part(&mut self, e: &'a Expr<'a>, name: &'a str, key: Key, allow_starred: bool) -> Res {
        let at = loc(e.range);
        self.load_const(at, value_format_default());
        self.setup_annotations_scope(at, key, name)?;
        match e.kind {
            ExprKind::Starred { value, .. } if allow_starred => {
                self.visit_expr(value)?;
                self.op_i(at, Opcode::UNPACK_SEQUENCE, 1);
            }
            _ => self.visit_expr(e)?,
        }
        self.op(at, Opcode::RETURN_VALUE);
        let code = self.optimize_and_assemble(true)?;
        self.make_closure(at, code, make_function::DEFAULTS)
    }

    pub(super) fn type_alias(
        &mut self,
        s: &'a Stmt<'a>,
        name: &'a Expr<'a>,
        params: &'a [TypeParam<'a>],
        value: &'a Expr<'a>,
    ) -> Res {
        let at = loc(s.range);
        let ExprKind::Name { id: name, .. } = name.kind else {
            return Err(Error::system("TypeAlias with non-Name name"));
        };
        if params.is_empty() {
            self.load_str(at, name);
            self.load_const(at, Const::None);
            self.type_alias_body(s, name, value)?;
        } else {
            self.enter_type_params(name, params, s.range.lineno, None, 0)?;
            self.load_str(at, name);
            self.type_params(params)?;
            self.type_alias_body(s, name, value)?;
            let code = self.optimize_and_assemble(false)?;
            self.make_closure(at, code, 0)?;
            self.op(at, Opcode::PUSH_NULL);
            self.op_i(at, Opcode::CALL, 0);
        }
        self.store_name(at, name)
    }

    fn type_alias_body(&mut self, s: &'a Stmt<'a>, name: &'a str, value: &'a Expr<'a>) -> Res {
        let at = loc(s.range);
        self.load_const(at, value_format_default());
        self.setup_annotations_scope(at, Key::stmt(s), name)?;
        self.visit_expr(value)?;
        self.op(at, Opcode::RETURN_VALUE);
        let code = self.optimize_and_assemble(false)?;
        self.make_closure(at, code, make_function::DEFAULTS)?;
        self.op_i(at, Opcode::BUILD_TUPLE, 3);
        self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::TYPEALIAS);
        Ok(())
    }
}
