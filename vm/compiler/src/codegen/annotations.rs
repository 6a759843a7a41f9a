//! Annotations, evaluated on demand by `__annotate__` functions (PEP 649), or kept as strings.

use krait_bytecode::{Code, Const, Opcode};
use krait_syntax::ast::*;

use super::target::bad_target;
use super::{arg, common_constant, make_function};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{InstructionSequence, Location};
use crate::symtable::{BlockType, Key};
use crate::unit::{ArgCounts, DeferredAnnotation, ScopeType};

/// `annotationlib.Format.VALUE_WITH_FAKE_GLOBALS`: later formats are not supported by compiled functions.
const VALUE_WITH_FAKE_GLOBALS: i64 = 2;

const CONDITIONAL_ANNOTATIONS: &str = "__conditional_annotations__";

impl<'a> Compiler<'a> {
    /// Enters a function that evaluates annotations, and writes its check of the format asked for.
    pub(super) fn setup_annotations_scope(&mut self, at: Location, key: Key, name: &'a str) -> Res {
        let args = ArgCounts { posonlyargcount: 1, ..ArgCounts::default() };
        self.codegen_enter_scope(name, ScopeType::Annotations, key, at.lineno, None, args)?;
        self.op_i(at, Opcode::LOAD_FAST, 0);
        self.load_const(at, Const::Int(VALUE_WITH_FAKE_GLOBALS));
        self.compare_op(at, CmpOp::Gt);
        let body = self.label();
        self.op_j(at, Opcode::POP_JUMP_IF_FALSE, body);
        self.op_i(at, Opcode::LOAD_COMMON_CONSTANT, common_constant::NOT_IMPLEMENTED_ERROR);
        self.op_i(at, Opcode::RAISE_VARARGS, 1);
        self.place(body);
        Ok(())
    }

    /// Ends the function and pushes it. Its parameter is `.format` while compiling, so that annotations may use the
    /// name `format`, and `format` for callers.
    fn leave_annotations_scope(&mut self, at: Location) -> Res {
        self.op(at, Opcode::RETURN_VALUE);
        let mut code: Code = self.optimize_and_assemble(true)?;
        if let Some(first) = code.localsplusnames.first_mut().filter(|name| name.as_str() == Some(".format")) {
            *first = "format".into();
        }
        self.make_closure(at, code, 0)
    }

    /// `__annotate__` of a module or class.
    pub(super) fn process_deferred_annotations(&mut self, at: Location) -> Res {
        let deferred = std::mem::take(&mut self.u().deferred_annotations);
        if deferred.is_empty() {
            return Ok(());
        }
        let scope_type = self.unit().scope_type;
        let is_module = scope_type == ScopeType::Module;
        if is_module {
            // Goes to the head of the module, in place of ANNOTATIONS_PLACEHOLDER.
            let own = std::mem::replace(&mut self.u().seq, InstructionSequence::new());
            self.u().stashed_seq = Some(own);
        }
        let ste = self.unit().ste;
        let is_class = self.entry().block == BlockType::Class;
        self.setup_annotations_scope(at, Key::Annotations(ste), "__annotate__")?;
        self.deferred_annotations_body(at, &deferred, scope_type)?;
        self.leave_annotations_scope(at)?;
        self.store_name(at, if is_class { "__annotate_func__" } else { "__annotate__" })?;
        if is_module && let Some(own) = self.u().stashed_seq.take() {
            let annotations = std::mem::replace(&mut self.u().seq, own);
            self.u().seq.set_annotations_code(annotations);
        }
        Ok(())
    }

    fn deferred_annotations_body(&mut self, at: Location, deferred: &[DeferredAnnotation<'a>], scope_type: ScopeType) -> Res {
        self.op_i(at, Opcode::BUILD_MAP, 0);
        for DeferredAnnotation { stmt, conditional_index } in deferred {
            let StmtKind::AnnAssign { target, annotation, .. } = stmt.kind else { continue };
            let ExprKind::Name { id, .. } = target.kind else { continue };
            let here = loc(stmt.range);
            let mangled = self.mangle(id);
            let not_set = self.label();
            if let Some(index) = conditional_index {
                self.load_const(here, Const::Int(*index));
                if scope_type == ScopeType::Class {
                    let free = self.add_freevar(CONDITIONAL_ANNOTATIONS);
                    self.op_i(here, Opcode::LOAD_DEREF, free);
                } else {
                    // The first name of this code unit, so that its index needs no shift.
                    self.op_raw_name(here, Opcode::LOAD_GLOBAL, CONDITIONAL_ANNOTATIONS);
                }
                self.op_i(here, Opcode::CONTAINS_OP, 0);
                self.op_j(here, Opcode::POP_JUMP_IF_FALSE, not_set);
            }
            self.visit_expr(annotation)?;
            self.op_i(here, Opcode::COPY, 2);
            self.load_str(here, mangled);
            self.op(at, Opcode::STORE_SUBSCR);
            self.place(not_set);
        }
        Ok(())
    }

    fn arg_annotation(&mut self, at: Location, name: &'a str, annotation: Option<&'a Expr<'a>>, count: &mut usize) -> Res {
        let Some(annotation) = annotation else { return Ok(()) };
        let mangled = self.maybe_mangle(name);
        self.load_str(at, mangled);
        if self.future_annotations() {
            self.annotation_source(annotation)?;
        } else if let ExprKind::Starred { value, .. } = annotation.kind {
            // `*args: *Ts`.
            self.visit_expr(value)?;
            self.op_i(at, Opcode::UNPACK_SEQUENCE, 1);
        } else {
            self.visit_expr(annotation)?;
        }
        *count += 1;
        Ok(())
    }

    /// Pushes the `__annotate__` function of a function about to be made, if anything is annotated.
    pub(super) fn function_annotations(&mut self, at: Location, args: &'a Arguments<'a>, returns: Option<&'a Expr<'a>>) -> Res<i32> {
        let key = Key::arguments(args);
        let entry = self.st.entry(self.st.lookup(key)?);
        if !entry.annotations_used {
            return Ok(0);
        }
        self.setup_annotations_scope(at, key, "__annotate__")?;
        let mut count = 0;
        let parameters =
            args.args.iter().chain(args.posonlyargs).chain(args.vararg).chain(args.kwonlyargs).chain(args.kwarg);
        for parameter in parameters {
            self.arg_annotation(at, parameter.arg, parameter.annotation, &mut count)?;
        }
        self.arg_annotation(at, "return", returns, &mut count)?;
        self.op_i(at, Opcode::BUILD_MAP, arg(count));
        self.leave_annotations_scope(at)?;
        Ok(make_function::ANNOTATE)
    }

    pub(super) fn ann_assign(
        &mut self,
        s: &'a Stmt<'a>,
        target: &'a Expr<'a>,
        annotation: &'a Expr<'a>,
        value: Option<&'a Expr<'a>>,
        simple: bool,
    ) -> Res {
        let at = loc(s.range);
        if let Some(value) = value {
            self.visit_expr(value)?;
            self.visit_expr(target)?;
        }
        let scope_type = self.unit().scope_type;
        let evaluated = matches!(scope_type, ScopeType::Module | ScopeType::Class);
        match target.kind {
            ExprKind::Name { id, .. } if simple && evaluated => {
                if self.future_annotations() {
                    self.annotation_source(annotation)?;
                    self.op_name(at, Opcode::LOAD_NAME, "__annotations__");
                    let mangled = self.maybe_mangle(id);
                    self.load_str(at, mangled);
                    self.op(at, Opcode::STORE_SUBSCR);
                } else {
                    self.defer_annotation(at, s, scope_type);
                }
            }
            ExprKind::Name { .. } => {}
            ExprKind::Attribute { value: object, .. } => {
                if value.is_none() {
                    self.check_ann_expr(object)?;
                }
            }
            ExprKind::Subscript { value: object, slice, .. } => {
                if value.is_none() {
                    self.check_ann_expr(object)?;
                    self.check_ann_subscr(slice)?;
                }
            }
            _ => return Err(bad_target(target, "annotated")),
        }
        Ok(())
    }

    fn defer_annotation(&mut self, at: Location, s: &'a Stmt<'a>, scope_type: ScopeType) {
        let u = self.u();
        let conditional = scope_type == ScopeType::Module || u.in_conditional_block > 0;
        let conditional_index = conditional.then_some(u.next_conditional_annotation_index);
        u.next_conditional_annotation_index += i64::from(conditional);
        u.deferred_annotations.push(DeferredAnnotation { stmt: s, conditional_index });
        let Some(index) = conditional_index else { return };
        if scope_type == ScopeType::Class {
            let cell = self.add_cellvar(CONDITIONAL_ANNOTATIONS);
            self.op_i(at, Opcode::LOAD_DEREF, cell);
        } else {
            self.op_raw_name(at, Opcode::LOAD_NAME, CONDITIONAL_ANNOTATIONS);
        }
        self.load_const(at, Const::Int(index));
        self.op_i(at, Opcode::SET_ADD, 1);
        self.op(at, Opcode::POP_TOP);
    }

    fn check_ann_expr(&mut self, e: &'a Expr<'a>) -> Res {
        self.visit_expr(e)?;
        self.op(loc(e.range), Opcode::POP_TOP);
        Ok(())
    }

    /// Evaluates what a bare `a[i]: annotation` mentions, so that unknown names are found.
    fn check_ann_subscr(&mut self, e: &'a Expr<'a>) -> Res {
        match e.kind {
            ExprKind::Slice { lower, upper, step } => {
                [lower, upper, step].into_iter().flatten().try_for_each(|part| self.check_ann_expr(part))
            }
            ExprKind::Tuple { elts, .. } => {
                crate::error::recurse(self, |this| elts.iter().try_for_each(|elt| this.check_ann_subscr(elt)))
            }
            _ => self.check_ann_expr(e),
        }
    }
}
