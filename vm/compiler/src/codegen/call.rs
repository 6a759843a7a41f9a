//! Calls: methods, `super()`, `all`/`any`/`tuple` of a generator expression, keywords and unpacking.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;

use super::expr::start_at_attribute;
use super::stmt::{Display, is_starred};
use super::{STACK_USE_GUIDELINE, arg, common_constant, intrinsic1};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::Res;
use crate::instruction_sequence::{JumpTargetLabel, Location, NO_LOCATION};
use crate::symtable::{DEF_IMPORT, FREE, GLOBAL_IMPLICIT};

impl<'a> Compiler<'a> {
    pub(super) fn call(&mut self, e: &'a Expr<'a>, func: &'a Expr<'a>, args: &'a [Expr<'a>], keywords: &'a [Keyword<'a>]) -> Res {
        self.validate_keywords(keywords)?;
        if self.maybe_optimize_method_call(e, func, args, keywords)? {
            return Ok(());
        }
        let skip_normal_call = self.label();
        self.check_caller(func);
        self.visit_expr(func)?;
        self.maybe_optimize_function_call(func, args, keywords, skip_normal_call)?;
        self.op(loc(func.range), Opcode::PUSH_NULL);
        self.call_arguments(loc(e.range), 0, args, None, keywords)?;
        self.place(skip_normal_call);
        Ok(())
    }

    fn validate_keywords(&self, keywords: &[Keyword<'a>]) -> Res {
        for (i, key) in keywords.iter().enumerate() {
            let Some(name) = key.arg else { continue };
            if let Some(other) = keywords[i + 1..].iter().find(|k| k.arg == Some(name)) {
                return self.error(loc(other.range), format!("keyword argument repeated: {name}"));
            }
        }
        Ok(())
    }

    /// Whether `e` is a name that the module imports: a method call on it is most likely a call of a function.
    fn is_import_originated(&self, e: &Expr<'a>) -> bool {
        match e.kind {
            ExprKind::Name { id, .. } => self.st.top().symbol(id) & DEF_IMPORT != 0,
            _ => false,
        }
    }

    /// Whether `value.attr` can be LOAD_SUPER_ATTR: `value` is `super(...)` and nothing visible shadows `super`.
    pub(super) fn can_optimize_super_call(&self, value: &Expr<'a>, attr: &str) -> bool {
        let ExprKind::Call { func: Expr { kind: ExprKind::Name { id: "super", .. }, .. }, args, keywords } = value.kind else {
            return false;
        };
        if attr == "__class__"
            || !keywords.is_empty()
            || self.entry().scope("super") != GLOBAL_IMPLICIT
            || self.st.top().scope("super") != 0
        {
            return false;
        }
        match args.len() {
            2 => !args.iter().any(is_starred),
            0 => {
                let metadata = &self.unit().metadata;
                metadata.argcount + metadata.posonlyargcount > 0 && self.ref_type("__class__") == FREE
            }
            _ => false,
        }
    }

    /// LOAD_SUPER_ATTR for a call that [`Self::can_optimize_super_call`] allows.
    pub(super) fn load_super(&mut self, at: Location, value: &'a Expr<'a>, attr: &'a str, method: bool) -> Res {
        let ExprKind::Call { func, args, .. } = value.kind else { return Ok(()) };
        self.load_name(loc(func.range), "super")?;
        if args.len() == 2 {
            self.visit_exprs(args)?;
        } else {
            let call = loc(value.range);
            self.load_name(call, "__class__")?;
            let first = self.unit().metadata.varnames.names().first().cloned().unwrap_or_default();
            let first = self.arena.alloc_str(&first.to_str_lossy());
            self.load_name(call, first)?;
        }
        let mangled = self.maybe_mangle(attr);
        let name = self.add_name(mangled);
        let oparg = name << 2 | i32::from(args.len() == 2) << 1 | i32::from(method);
        self.op_i(at, Opcode::LOAD_SUPER_ATTR, oparg);
        Ok(())
    }

    fn maybe_optimize_method_call(
        &mut self,
        e: &'a Expr<'a>,
        func: &'a Expr<'a>,
        args: &'a [Expr<'a>],
        keywords: &'a [Keyword<'a>],
    ) -> Res<bool> {
        let ExprKind::Attribute { value, attr, ctx: ExprContext::Load } = func.kind else { return Ok(false) };
        if self.is_import_originated(value)
            || args.len() + keywords.len() + usize::from(!keywords.is_empty()) >= STACK_USE_GUIDELINE
            || args.iter().any(is_starred)
            || keywords.iter().any(|k| k.arg.is_none())
        {
            return Ok(false);
        }
        let mut at = loc(func.range);
        if self.can_optimize_super_call(value, attr) {
            self.load_super(at, value, attr, true)?;
            at = start_at_attribute(at, func, attr);
            self.op(at, Opcode::NOP);
        } else {
            self.visit_expr(value)?;
            at = start_at_attribute(at, func, attr);
            self.load_attr(at, attr, true);
        }
        self.visit_exprs(args)?;
        let count = arg(args.len() + keywords.len());
        let call = start_at_attribute(loc(e.range), func, attr);
        if keywords.is_empty() {
            self.op_i(call, Opcode::CALL, count);
        } else {
            self.keyword_values(at, keywords)?;
            self.op_i(call, Opcode::CALL_KW, count);
        }
        Ok(true)
    }

    /// `all`, `any` and `tuple` of a generator expression: a loop, if the name means the builtin at run time.
    fn maybe_optimize_function_call(
        &mut self,
        func: &'a Expr<'a>,
        args: &'a [Expr<'a>],
        keywords: &'a [Keyword<'a>],
        end: JumpTargetLabel,
    ) -> Res {
        let (ExprKind::Name { id, .. }, [generator], []) = (func.kind, args, keywords) else { return Ok(()) };
        if !matches!(generator.kind, ExprKind::GeneratorExp { .. }) || self.is_async_generator(generator)? {
            return Ok(());
        }
        let at = loc(func.range);
        let skip = self.label();
        let (builtin, initial, continue_jump) = match id {
            "all" => (common_constant::BUILTIN_ALL, Some(true), Opcode::POP_JUMP_IF_TRUE),
            "any" => (common_constant::BUILTIN_ANY, Some(false), Opcode::POP_JUMP_IF_FALSE),
            "tuple" => (common_constant::BUILTIN_TUPLE, None, Opcode::JUMP),
            _ => {
                self.place(skip);
                return Ok(());
            }
        };
        self.op_i(at, Opcode::COPY, 1);
        self.op_i(at, Opcode::LOAD_COMMON_CONSTANT, builtin);
        self.compare_op(at, CmpOp::Is);
        self.op_j(at, Opcode::POP_JUMP_IF_FALSE, skip);
        self.op(at, Opcode::POP_TOP);
        if initial.is_none() {
            self.op_i(at, Opcode::BUILD_LIST, 0);
        }
        self.visit_expr(generator)?;
        let start = self.label();
        let cleanup = self.label();
        self.place(start);
        self.op_j(at, Opcode::FOR_ITER, cleanup);
        if initial.is_none() {
            self.op_i(at, Opcode::LIST_APPEND, 2);
        } else {
            self.op(at, Opcode::TO_BOOL);
        }
        self.op_j(at, continue_jump, start);
        // The tuple's loop never falls out here; CPython writes the rest all the same.
        self.op(NO_LOCATION, Opcode::POP_ITER);
        if let Some(initial) = initial {
            self.load_const(at, Const::from_bool(!initial));
        }
        self.op_j(at, Opcode::JUMP, end);
        self.place(cleanup);
        self.op(NO_LOCATION, Opcode::END_FOR);
        self.op(NO_LOCATION, Opcode::POP_ITER);
        match initial {
            Some(initial) => self.load_const(at, Const::from_bool(initial)),
            None => self.op_i(at, Opcode::CALL_INTRINSIC_1, intrinsic1::LIST_TO_TUPLE),
        }
        self.op_j(at, Opcode::JUMP, end);
        self.place(skip);
        Ok(())
    }

    /// The values of keywords that are all named, then the tuple of their names.
    fn keyword_values(&mut self, at: Location, keywords: &'a [Keyword<'a>]) -> Res {
        keywords.iter().try_for_each(|k| self.visit_expr(k.value))?;
        let names = self.constant_tuple(keywords.iter().filter_map(|k| k.arg));
        self.load_const(at, names);
        Ok(())
    }

    /// Arguments and CALL, for calls and class definitions. `pushed` arguments are on the stack already.
    pub(super) fn call_arguments(
        &mut self,
        at: Location,
        pushed: usize,
        args: &'a [Expr<'a>],
        injected: Option<&'static str>,
        keywords: &'a [Keyword<'a>],
    ) -> Res {
        self.validate_keywords(keywords)?;
        let too_many = args.len() + keywords.len() * 2 > STACK_USE_GUIDELINE;
        if too_many || args.iter().any(is_starred) || keywords.iter().any(|k| k.arg.is_none()) {
            return self.call_ex(at, pushed, args, injected, keywords);
        }
        self.visit_exprs(args)?;
        let mut count = pushed + args.len();
        if let Some(name) = injected {
            self.load_name(at, name)?;
            count += 1;
        }
        if keywords.is_empty() {
            self.op_i(at, Opcode::CALL, arg(count));
        } else {
            self.keyword_values(at, keywords)?;
            self.op_i(at, Opcode::CALL_KW, arg(count + keywords.len()));
        }
        Ok(())
    }

    fn call_ex(
        &mut self,
        at: Location,
        pushed: usize,
        args: &'a [Expr<'a>],
        injected: Option<&'static str>,
        keywords: &'a [Keyword<'a>],
    ) -> Res {
        match args {
            [Expr { kind: ExprKind::Starred { value, .. }, .. }] if pushed == 0 => self.visit_expr(value)?,
            _ => self.star_unpack(at, args, injected, pushed, Display::Tuple)?,
        }
        let mut have_dict = false;
        let mut rest = keywords;
        while !rest.is_empty() {
            let named = rest.iter().take_while(|k| k.arg.is_some()).count();
            let (run, tail) = rest.split_at(named);
            if !run.is_empty() {
                self.sub_keywords(at, run)?;
                if have_dict {
                    self.op_i(at, Opcode::DICT_MERGE, 1);
                }
                have_dict = true;
            }
            rest = tail;
            if let Some((unpacked, tail)) = rest.split_first() {
                if !have_dict {
                    self.op_i(at, Opcode::BUILD_MAP, 0);
                    have_dict = true;
                }
                self.visit_expr(unpacked.value)?;
                self.op_i(at, Opcode::DICT_MERGE, 1);
                rest = tail;
            }
        }
        if keywords.is_empty() {
            self.op(at, Opcode::PUSH_NULL);
        }
        self.op(at, Opcode::CALL_FUNCTION_EX);
        Ok(())
    }

    fn sub_keywords(&mut self, at: Location, keywords: &'a [Keyword<'a>]) -> Res {
        let big = keywords.len() * 2 > STACK_USE_GUIDELINE;
        if big {
            self.op_i(NO_LOCATION, Opcode::BUILD_MAP, 0);
        }
        for keyword in keywords {
            self.load_str(at, keyword.arg.unwrap_or_default());
            self.visit_expr(keyword.value)?;
            if big {
                self.op_i(NO_LOCATION, Opcode::MAP_ADD, 1);
            }
        }
        if !big {
            self.op_i(at, Opcode::BUILD_MAP, arg(keywords.len()));
        }
        Ok(())
    }
}
