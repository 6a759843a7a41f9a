//! Statements, and the parts only they have.

use super::{Reader, need};
use crate::{PyResult, Value};
use krait_syntax::ast::*;

impl<'a, 'v> Reader<'a, 'v> {
    pub(super) fn stmt(&mut self, o: &Value) -> PyResult<Option<Stmt<'a>>> {
        if o.is_none() {
            return Ok(None);
        }
        let range = self.range(o, "stmt", false)?;
        let Some(c) = self.constructor(o, "stmt") else { return Err(self.wrong(o, "stmt")) };
        let kind = match c {
            "FunctionDef" | "AsyncFunctionDef" | "ClassDef" | "TypeAlias" => self.definition(o, c)?,
            "For" | "AsyncFor" | "While" | "If" | "With" | "AsyncWith" | "Match" | "Try" | "TryStar" => self.compound(o, c)?,
            "Assign" | "AugAssign" | "AnnAssign" | "Delete" => self.assignment(o, c)?,
            _ => self.simple(o, c)?,
        };
        Ok(Some(Stmt { range, kind }))
    }

    fn definition(&mut self, o: &Value, c: &'static str) -> PyResult<StmtKind<'a>> {
        if c == "TypeAlias" {
            let name = self.field_ref(o, c, "name", Self::expr)?;
            let type_params = self.list(o, c, "type_params", Self::type_param)?;
            let value = self.field_ref(o, c, "value", Self::expr)?;
            need!(self, c, name, value);
            return Ok(StmtKind::TypeAlias { name, type_params, value });
        }
        let name = self.field(o, c, "name", Self::identifier)?;
        if c == "ClassDef" {
            let bases = self.list(o, c, "bases", Self::expr)?;
            let keywords = self.list(o, c, "keywords", Self::keyword)?;
            let body = self.list(o, c, "body", Self::stmt)?;
            let decorator_list = self.list(o, c, "decorator_list", Self::expr)?;
            let type_params = self.list(o, c, "type_params", Self::type_param)?;
            need!(self, c, name);
            return Ok(StmtKind::ClassDef(self.arena.alloc(ClassDef { name, bases, keywords, body, decorator_list, type_params })));
        }
        let args = self.field_ref(o, c, "args", Self::arguments)?;
        let body = self.list(o, c, "body", Self::stmt)?;
        let decorator_list = self.list(o, c, "decorator_list", Self::expr)?;
        let returns = self.opt_ref(o, c, "returns", Self::expr)?;
        let type_comment = self.opt(o, c, "type_comment", Self::string)?;
        let type_params = self.list(o, c, "type_params", Self::type_param)?;
        need!(self, c, name, args);
        let def = self.arena.alloc(FunctionDef { name, args, body, decorator_list, returns, type_comment, type_params });
        Ok(if c == "FunctionDef" { StmtKind::FunctionDef(def) } else { StmtKind::AsyncFunctionDef(def) })
    }

    fn compound(&mut self, o: &Value, c: &'static str) -> PyResult<StmtKind<'a>> {
        Ok(match c {
            "For" | "AsyncFor" => {
                let (target, iter) = (self.field_ref(o, c, "target", Self::expr)?, self.field_ref(o, c, "iter", Self::expr)?);
                let (body, orelse) = (self.list(o, c, "body", Self::stmt)?, self.list(o, c, "orelse", Self::stmt)?);
                let type_comment = self.opt(o, c, "type_comment", Self::string)?;
                need!(self, c, target, iter);
                let node = self.arena.alloc(For { target, iter, body, orelse, type_comment });
                if c == "For" { StmtKind::For(node) } else { StmtKind::AsyncFor(node) }
            }
            "While" | "If" => {
                let test = self.field_ref(o, c, "test", Self::expr)?;
                let (body, orelse) = (self.list(o, c, "body", Self::stmt)?, self.list(o, c, "orelse", Self::stmt)?);
                need!(self, c, test);
                if c == "While" { StmtKind::While { test, body, orelse } } else { StmtKind::If { test, body, orelse } }
            }
            "With" | "AsyncWith" => {
                let (items, body) = (self.list(o, c, "items", Self::withitem)?, self.list(o, c, "body", Self::stmt)?);
                let type_comment = self.opt(o, c, "type_comment", Self::string)?;
                let node = self.arena.alloc(With { items, body, type_comment });
                if c == "With" { StmtKind::With(node) } else { StmtKind::AsyncWith(node) }
            }
            "Match" => {
                let subject = self.field_ref(o, c, "subject", Self::expr)?;
                let cases = self.list(o, c, "cases", Self::match_case)?;
                need!(self, c, subject);
                StmtKind::Match { subject, cases }
            }
            _ => {
                let body = self.list(o, c, "body", Self::stmt)?;
                let handlers = self.list(o, c, "handlers", Self::handler)?;
                let (orelse, finalbody) = (self.list(o, c, "orelse", Self::stmt)?, self.list(o, c, "finalbody", Self::stmt)?);
                let node = self.arena.alloc(Try { body, handlers, orelse, finalbody });
                if c == "Try" { StmtKind::Try(node) } else { StmtKind::TryStar(node) }
            }
        })
    }

    fn assignment(&mut self, o: &Value, c: &'static str) -> PyResult<StmtKind<'a>> {
        Ok(match c {
            "Delete" => StmtKind::Delete { targets: self.list(o, c, "targets", Self::expr)? },
            "Assign" => {
                let targets = self.list(o, c, "targets", Self::expr)?;
                let value = self.field_ref(o, c, "value", Self::expr)?;
                let type_comment = self.opt(o, c, "type_comment", Self::string)?;
                need!(self, c, value);
                StmtKind::Assign { targets, value, type_comment }
            }
            "AugAssign" => {
                let target = self.field_ref(o, c, "target", Self::expr)?;
                let op = self.field(o, c, "op", Self::operator)?;
                let value = self.field_ref(o, c, "value", Self::expr)?;
                need!(self, c, target, op, value);
                StmtKind::AugAssign { target, op, value }
            }
            _ => {
                let (target, annotation) = (self.field_ref(o, c, "target", Self::expr)?, self.field_ref(o, c, "annotation", Self::expr)?);
                let value = self.opt_ref(o, c, "value", Self::expr)?;
                let simple = self.field(o, c, "simple", Self::int)?;
                need!(self, c, target, annotation, simple);
                StmtKind::AnnAssign { target, annotation, value, simple: simple != 0 }
            }
        })
    }

    fn simple(&mut self, o: &Value, c: &'static str) -> PyResult<StmtKind<'a>> {
        Ok(match c {
            "Return" => StmtKind::Return { value: self.opt_ref(o, c, "value", Self::expr)? },
            "Raise" => StmtKind::Raise { exc: self.opt_ref(o, c, "exc", Self::expr)?, cause: self.opt_ref(o, c, "cause", Self::expr)? },
            "Assert" => {
                let (test, msg) = (self.field_ref(o, c, "test", Self::expr)?, self.opt_ref(o, c, "msg", Self::expr)?);
                need!(self, c, test);
                StmtKind::Assert { test, msg }
            }
            "Import" => StmtKind::Import { names: self.list(o, c, "names", Self::alias)? },
            "ImportFrom" => {
                let module = self.opt(o, c, "module", Self::identifier)?;
                let names = self.list(o, c, "names", Self::alias)?;
                let level = self.opt(o, c, "level", Self::int)?.unwrap_or(0);
                StmtKind::ImportFrom { module, names, level }
            }
            "Global" => StmtKind::Global { names: self.list(o, c, "names", Self::identifier)? },
            "Nonlocal" => StmtKind::Nonlocal { names: self.list(o, c, "names", Self::identifier)? },
            "Expr" => {
                let value = self.field_ref(o, c, "value", Self::expr)?;
                need!(self, c, value);
                StmtKind::Expr { value }
            }
            "Break" => StmtKind::Break,
            "Continue" => StmtKind::Continue,
            _ => StmtKind::Pass,
        })
    }

    fn handler(&mut self, o: &Value) -> PyResult<Option<ExceptHandler<'a>>> {
        if o.is_none() {
            return Ok(None);
        }
        let range = self.range(o, "excepthandler", false)?;
        let Some(c) = self.constructor(o, "excepthandler") else { return Err(self.wrong(o, "excepthandler")) };
        let type_ = self.opt_ref(o, c, "type", Self::expr)?;
        let name = self.opt(o, c, "name", Self::identifier)?;
        Ok(Some(ExceptHandler { range, type_, name, body: self.list(o, c, "body", Self::stmt)? }))
    }

    fn alias(&mut self, o: &Value) -> PyResult<Option<Alias<'a>>> {
        let c = "alias";
        let name = self.field(o, c, "name", Self::identifier)?;
        let asname = self.opt(o, c, "asname", Self::identifier)?;
        let range = self.range(o, c, false)?;
        need!(self, c, name);
        Ok(Some(Alias { range, name, asname }))
    }

    fn withitem(&mut self, o: &Value) -> PyResult<Option<WithItem<'a>>> {
        let c = "withitem";
        let context_expr = self.field_ref(o, c, "context_expr", Self::expr)?;
        let optional_vars = self.opt_ref(o, c, "optional_vars", Self::expr)?;
        need!(self, c, context_expr);
        Ok(Some(WithItem { context_expr, optional_vars }))
    }

    fn match_case(&mut self, o: &Value) -> PyResult<Option<MatchCase<'a>>> {
        let c = "match_case";
        let pattern = self.field_ref(o, c, "pattern", Self::pattern)?;
        let guard = self.opt_ref(o, c, "guard", Self::expr)?;
        let body = self.list(o, c, "body", Self::stmt)?;
        need!(self, c, pattern);
        Ok(Some(MatchCase { pattern, guard, body }))
    }

    fn pattern(&mut self, o: &Value) -> PyResult<Option<Pattern<'a>>> {
        if o.is_none() {
            return Ok(None);
        }
        let range = self.range(o, "pattern", true)?;
        let Some(c) = self.constructor(o, "pattern") else { return Err(self.wrong(o, "pattern")) };
        let kind = match c {
            "MatchValue" => {
                let value = self.field_ref(o, c, "value", Self::expr)?;
                need!(self, c, value);
                PatternKind::MatchValue { value }
            }
            "MatchSingleton" => {
                let value = self.field(o, c, "value", Self::constant)?;
                need!(self, c, value);
                PatternKind::MatchSingleton { value }
            }
            "MatchSequence" => PatternKind::MatchSequence { patterns: self.list(o, c, "patterns", Self::pattern)? },
            "MatchMapping" => {
                let (keys, patterns) = (self.list(o, c, "keys", Self::expr)?, self.list(o, c, "patterns", Self::pattern)?);
                PatternKind::MatchMapping { keys, patterns, rest: self.opt(o, c, "rest", Self::identifier)? }
            }
            "MatchClass" => {
                let cls = self.field_ref(o, c, "cls", Self::expr)?;
                let patterns = self.list(o, c, "patterns", Self::pattern)?;
                let kwd_attrs = self.list(o, c, "kwd_attrs", Self::identifier)?;
                let kwd_patterns = self.list(o, c, "kwd_patterns", Self::pattern)?;
                need!(self, c, cls);
                PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns }
            }
            "MatchStar" => PatternKind::MatchStar { name: self.opt(o, c, "name", Self::identifier)? },
            "MatchAs" => {
                let pattern = self.opt_ref(o, c, "pattern", Self::pattern)?;
                PatternKind::MatchAs { pattern, name: self.opt(o, c, "name", Self::identifier)? }
            }
            _ => PatternKind::MatchOr { patterns: self.list(o, c, "patterns", Self::pattern)? },
        };
        Ok(Some(Pattern { range, kind }))
    }

    fn type_param(&mut self, o: &Value) -> PyResult<Option<TypeParam<'a>>> {
        if o.is_none() {
            return Ok(None);
        }
        let range = self.range(o, "type_param", true)?;
        let Some(c) = self.constructor(o, "type_param") else { return Err(self.wrong(o, "type_param")) };
        let name = self.field(o, c, "name", Self::identifier)?;
        let bound = if c == "TypeVar" { self.opt_ref(o, c, "bound", Self::expr)? } else { None };
        let default_value = self.opt_ref(o, c, "default_value", Self::expr)?;
        need!(self, c, name);
        let kind = match c {
            "TypeVar" => TypeParamKind::TypeVar { name, bound, default_value },
            "ParamSpec" => TypeParamKind::ParamSpec { name, default_value },
            _ => TypeParamKind::TypeVarTuple { name, default_value },
        };
        Ok(Some(TypeParam { range, kind }))
    }
}
