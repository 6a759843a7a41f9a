//! Statements other than loops, `try`, `with`, `match` and definitions.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::{arg, common_constant, constant, intrinsic1};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Res, recurse};
use crate::instruction_sequence::{Location, NO_LOCATION};

impl<'a> Compiler<'a> {
    pub(super) fn visit_stmts(&mut self, stmts: &'a [Stmt<'a>]) -> Res {
        stmts.iter().try_for_each(|s| self.visit_stmt(s))
    }

    pub(super) fn visit_stmt(&mut self, s: &'a Stmt<'a>) -> Res {
        recurse(self, |this| this.visit_stmt_inner(s))
    }

    fn visit_stmt_inner(&mut self, s: &'a Stmt<'a>) -> Res {
        let at = loc(s.range);
        match s.kind {
            StmtKind::FunctionDef(def) => self.function(s, def, false),
            StmtKind::AsyncFunctionDef(def) => self.function(s, def, true),
            StmtKind::ClassDef(def) => self.class(s, def),
            StmtKind::TypeAlias { name, type_params, value } => self.type_alias(s, name, type_params, value),
            StmtKind::Return { value } => self.return_(s, value),
            StmtKind::Delete { targets } => self.visit_exprs(targets),
            StmtKind::Assign { targets, value, .. } => self.assign(at, targets, value),
            StmtKind::AugAssign { target, op, value } => self.aug_assign(s, target, op, value),
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                self.ann_assign(s, target, annotation, value, simple)
            }
            StmtKind::For(f) => self.conditionally(|this| this.for_(s, f)),
            StmtKind::AsyncFor(f) => self.conditionally(|this| this.async_for(s, f)),
            StmtKind::While { test, body, orelse } => self.conditionally(|this| this.while_(s, test, body, orelse)),
            StmtKind::If { test, body, orelse } => self.conditionally(|this| this.if_(at, test, body, orelse)),
            StmtKind::Match { subject, cases } => self.conditionally(|this| this.match_(subject, cases)),
            StmtKind::Raise { exc, cause } => self.raise(at, exc, cause),
            StmtKind::Try(t) => self.conditionally(|this| this.try_(s, t, false)),
            StmtKind::TryStar(t) => self.conditionally(|this| this.try_(s, t, true)),
            StmtKind::Assert { test, msg } => self.assert(at, test, msg),
            StmtKind::Import { names } => names.iter().try_for_each(|alias| self.import(at, alias)),
            StmtKind::ImportFrom { module, names, level } => self.import_from(at, module, names, level),
            StmtKind::Global { .. } | StmtKind::Nonlocal { .. } => Ok(()),
            StmtKind::Expr { value } => self.stmt_expr(at, value),
            StmtKind::Pass => {
                self.op(at, Opcode::NOP);
                Ok(())
            }
            StmtKind::Break => self.break_(at),
            StmtKind::Continue => self.continue_(at),
            StmtKind::With(w) => self.conditionally(|this| this.with(w, 0, false)),
            StmtKind::AsyncWith(w) => self.conditionally(|this| this.with(w, 0, true)),
        }
    }

    /// For the statements whose blocks may be skipped at run time.
    fn conditionally(&mut self, f: impl FnOnce(&mut Self) -> Res) -> Res {
        self.u().in_conditional_block += 1;
        f(self)?;
        self.u().in_conditional_block -= 1;
        Ok(())
    }

    fn return_(&mut self, s: &Stmt<'a>, value: Option<&'a Expr<'a>>) -> Res {
        let mut at = loc(s.range);
        let entry = self.entry();
        if !entry.is_function_like() {
            return self.error(at, "'return' outside function");
        }
        if value.is_some() && entry.coroutine && entry.generator {
            return self.error(at, "'return' with value in async generator");
        }
        let literal = match value {
            Some(Expr { kind: ExprKind::Constant { value, .. }, .. }) => Some(constant(value)),
            Some(_) => None,
            None => Some(Const::None),
        };
        let preserve_tos = literal.is_none();
        if let Some(value) = value {
            if preserve_tos {
                self.visit_expr(value)?;
            } else {
                at = loc(value.range);
                self.op(at, Opcode::NOP);
            }
        }
        if value.is_none_or(|v| v.range.lineno != s.range.lineno) {
            at = loc(s.range);
            self.op(at, Opcode::NOP);
        }
        self.unwind_fblock_stack(&mut at, preserve_tos, false)?;
        if let Some(literal) = literal {
            self.load_const(at, literal);
        }
        self.op(at, Opcode::RETURN_VALUE);
        Ok(())
    }

    fn assign(&mut self, at: Location, targets: &'a [Expr<'a>], value: &'a Expr<'a>) -> Res {
        self.visit_expr(value)?;
        for (i, target) in targets.iter().enumerate() {
            if i + 1 < targets.len() {
                self.op_i(at, Opcode::COPY, 1);
            }
            self.visit_expr(target)?;
        }
        Ok(())
    }

    fn if_(&mut self, at: Location, test: &'a Expr<'a>, body: &'a [Stmt<'a>], orelse: &'a [Stmt<'a>]) -> Res {
        let end = self.label();
        let next = if orelse.is_empty() { end } else { self.label() };
        self.jump_if(at, test, next, false)?;
        self.visit_stmts(body)?;
        if !orelse.is_empty() {
            self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
            self.place(next);
            self.visit_stmts(orelse)?;
        }
        self.place(end);
        Ok(())
    }

    fn raise(&mut self, at: Location, exc: Option<&'a Expr<'a>>, cause: Option<&'a Expr<'a>>) -> Res {
        let mut n = 0;
        for part in [exc, exc.and(cause)].into_iter().flatten() {
            self.visit_expr(part)?;
            n += 1;
        }
        self.op_i(at, Opcode::RAISE_VARARGS, n);
        Ok(())
    }

    fn assert(&mut self, at: Location, test: &'a Expr<'a>, msg: Option<&'a Expr<'a>>) -> Res {
        let full_tuple = match test.kind {
            ExprKind::Tuple { elts, .. } => !elts.is_empty(),
            ExprKind::Constant { value: Constant::Tuple(items), .. } => !items.is_empty(),
            _ => false,
        };
        if full_tuple {
            self.warn(at, "assertion is always true, perhaps remove parentheses?");
        }
        if self.optimize > 0 {
            return Ok(());
        }
        let end = self.label();
        self.jump_if(at, test, end, true)?;
        self.op_i(at, Opcode::LOAD_COMMON_CONSTANT, common_constant::ASSERTION_ERROR);
        if let Some(msg) = msg {
            self.visit_expr(msg)?;
            self.op_i(at, Opcode::CALL, 0);
        }
        self.op_i(loc(test.range), Opcode::RAISE_VARARGS, 1);
        self.place(end);
        Ok(())
    }

    fn import(&mut self, at: Location, alias: &'a Alias<'a>) -> Res {
        self.load_const(at, Const::Int(0));
        self.load_const(at, Const::None);
        self.op_name(at, Opcode::IMPORT_NAME, alias.name);
        let Some((top, rest)) = alias.name.split_once('.') else {
            return self.store_name(at, alias.asname.unwrap_or(alias.name));
        };
        let Some(asname) = alias.asname else { return self.store_name(at, top) };
        // The top module is on the stack, the innermost is wanted.
        let mut parts = rest.split('.').peekable();
        while let Some(part) = parts.next() {
            self.op_raw_name(at, Opcode::IMPORT_FROM, part);
            if parts.peek().is_some() {
                self.op_i(at, Opcode::SWAP, 2);
                self.op(at, Opcode::POP_TOP);
            }
        }
        self.store_name(at, asname)?;
        self.op(at, Opcode::POP_TOP);
        Ok(())
    }

    fn import_from(&mut self, at: Location, module: Option<&'a str>, names: &'a [Alias<'a>], level: i32) -> Res {
        self.load_const(at, Const::Int(level.into()));
        let imported = self.constant_tuple(names.iter().map(|a| a.name));
        self.load_const(at, imported);
        self.op_name(at, Opcode::IMPORT_NAME, module.unwrap_or(""));
        for (i, alias) in names.iter().enumerate() {
            if i == 0 && alias.name.starts_with('*') {
                self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::IMPORT_STAR);
                self.op(NO_LOCATION, Opcode::POP_TOP);
                return Ok(());
            }
            self.op_name(at, Opcode::IMPORT_FROM, alias.name);
            self.store_name(at, alias.asname.unwrap_or(alias.name))?;
        }
        self.op(at, Opcode::POP_TOP);
        Ok(())
    }

    fn stmt_expr(&mut self, at: Location, value: &'a Expr<'a>) -> Res {
        if self.interactive && self.units.len() == 1 {
            self.visit_expr(value)?;
            self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::PRINT);
        } else if matches!(value.kind, ExprKind::Constant { .. }) {
            self.op(at, Opcode::NOP);
            return Ok(());
        } else {
            self.visit_expr(value)?;
        }
        self.op(NO_LOCATION, Opcode::POP_TOP);
        Ok(())
    }

    /// The values of a display or call, built into one object when there are stars or too many.
    ///
    /// `pushed` values are on the stack already; `injected` is a name loaded behind the values.
    pub(super) fn star_unpack(
        &mut self,
        at: Location,
        elts: &'a [Expr<'a>],
        injected: Option<&'static str>,
        pushed: usize,
        display: Display,
    ) -> Res {
        let (build, add, extend) = display.opcodes();
        let total = elts.len() + pushed + usize::from(injected.is_some());
        let big = total > super::STACK_USE_GUIDELINE;
        let is_tuple = display == Display::Tuple;
        if !big && !elts.iter().any(is_starred) {
            self.visit_exprs(elts)?;
            if let Some(name) = injected {
                self.load_name(at, name)?;
            }
            self.op_i(at, if is_tuple { Opcode::BUILD_TUPLE } else { build }, arg(total));
            return Ok(());
        }
        let mut built = big;
        if big {
            self.op_i(at, build, arg(pushed));
        }
        for (i, elt) in elts.iter().enumerate() {
            if let ExprKind::Starred { value, .. } = elt.kind {
                if !built {
                    self.op_i(at, build, arg(i + pushed));
                    built = true;
                }
                self.visit_expr(value)?;
                self.op_i(at, extend, 1);
            } else {
                self.visit_expr(elt)?;
                if built {
                    self.op_i(at, add, 1);
                }
            }
        }
        if let Some(name) = injected {
            self.load_name(at, name)?;
            self.op_i(at, add, 1);
        }
        if is_tuple {
            self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::LIST_TO_TUPLE);
        }
        Ok(())
    }
}

/// What a display builds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Display {
    List,
    Tuple,
    Set,
}

impl Display {
    fn opcodes(self) -> (Opcode, Opcode, Opcode) {
        match self {
            Display::List | Display::Tuple => (Opcode::BUILD_LIST, Opcode::LIST_APPEND, Opcode::LIST_EXTEND),
            Display::Set => (Opcode::BUILD_SET, Opcode::SET_ADD, Opcode::SET_UPDATE),
        }
    }
}

pub(super) fn is_starred(e: &Expr<'_>) -> bool {
    matches!(e.kind, ExprKind::Starred { .. })
}
