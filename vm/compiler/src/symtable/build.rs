//! First pass: definitions, uses and blocks of statements. Expressions are in [`super::expr`].

use krait_syntax::ast::*;

use super::*;
use crate::ast_tools::docstring;
use crate::error::{HasDepth, recurse};
use crate::future::{CO_FUTURE_ANNOTATIONS, PYCF_ALLOW_TOP_LEVEL_AWAIT};

/// Room for symbols that a block gets with its first.
const USUAL_SYMBOLS: usize = 7;

/// What the first pass knows while it walks.
pub(super) struct Builder<'a, 'f> {
    pub(super) table: Symtable<'a>,
    stack: Vec<EntryId>,
    pub(super) cur: EntryId,
    private: Option<&'a str>,
    future: &'f FutureFeatures,
    depth: u32,
}

impl HasDepth for Builder<'_, '_> {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

pub(super) fn collect<'a>(arena: &'a Arena, module: &Mod<'a>, future: &FutureFeatures) -> Res<Symtable<'a>> {
    let table = Symtable { entries: Vec::new(), blocks: FxHashMap::default(), mangled_names: Vec::new(), arena };
    let mut builder = Builder { table, stack: Vec::new(), cur: EntryId(0), private: None, future, depth: 0 };
    builder.enter_block("top", BlockType::Module, Key::Module, Range::default())?;
    match module {
        Mod::Module { body, .. } => {
            builder.cur().has_docstring = docstring(body).is_some();
            builder.stmts(body)?;
        }
        Mod::Expression { body } => builder.expr(body)?,
        Mod::Interactive { body } => builder.stmts(body)?,
        Mod::FunctionType { .. } => return Err(Error::system("this compiler does not handle FunctionTypes")),
    }
    builder.exit_block();
    Ok(builder.table)
}

impl<'a> Builder<'a, '_> {
    pub(super) fn cur(&mut self) -> &mut Entry<'a> {
        &mut self.table.entries[self.cur.0]
    }

    pub(super) fn future_annotations(&self) -> bool {
        self.future.features & CO_FUTURE_ANNOTATIONS != 0
    }

    pub(super) fn allows_top_level_await(&mut self) -> bool {
        self.future.features & PYCF_ALLOW_TOP_LEVEL_AWAIT != 0 && self.cur().block == BlockType::Module
    }

    pub(super) fn is_async_def(&mut self) -> bool {
        self.cur().block == BlockType::Function && self.cur().coroutine
    }

    fn new_entry(&mut self, name: &'a str, block: BlockType, key: Key, range: Range) -> EntryId {
        let id = EntryId(self.table.entries.len());
        let parent = (!self.stack.is_empty()).then(|| &self.table.entries[self.cur.0]);
        let entry = Entry {
            id,
            name,
            symbols: FxIndexMap::default(),
            varnames: Vec::new(),
            children: Vec::new(),
            block,
            nested: parent.is_some_and(|p| p.nested || p.is_function_like()),
            range,
            generator: false,
            coroutine: false,
            annotations_used: false,
            comprehension: ComprehensionType::None,
            varargs: false,
            varkeywords: false,
            needs_class_closure: false,
            needs_classdict: false,
            comp_inlined: false,
            can_see_class_scope: false,
            has_docstring: false,
            method: block == BlockType::Function && parent.is_some_and(|p| p.block == BlockType::Class),
            has_conditional_annotations: false,
            annotation_block: None,
            comp_iter_target: false,
            comp_iter_expr: 0,
            in_conditional_block: false,
            in_unevaluated_annotation: false,
            scope_info: None,
            directives: Vec::new(),
            mangled_names: None,
        };
        self.table.entries.push(entry);
        self.table.blocks.insert(key, id);
        id
    }

    fn enter_existing_block(&mut self, id: EntryId, add_to_children: bool) {
        let prev = self.stack.last().copied();
        self.stack.push(id);
        if let Some(prev) = prev {
            let prev = &self.table.entries[prev.0];
            let (comp_iter_expr, mangled_names) = (prev.comp_iter_expr, prev.mangled_names);
            let entry = &mut self.table.entries[id.0];
            // No assignment expression anywhere inside the outermost iterable of a comprehension.
            entry.comp_iter_expr = comp_iter_expr;
            if mangled_names.is_some() && entry.block != BlockType::Class {
                entry.mangled_names = mangled_names;
            }
        }
        self.cur = id;
        if self.future_annotations() && self.cur().block == BlockType::Annotation {
            return;
        }
        if let Some(prev) = prev
            && add_to_children
        {
            self.table.entries[prev.0].children.push(id);
        }
    }

    pub(super) fn enter_block(&mut self, name: &'a str, block: BlockType, key: Key, range: Range) -> Res {
        let id = self.new_entry(name, block, key, range);
        self.enter_existing_block(id, true);
        if matches!(block, BlockType::Annotation | BlockType::TypeVariable | BlockType::TypeAlias) {
            // The code of these blocks reads its one parameter.
            self.add_def(".format", DEF_PARAM, range)?;
            self.add_def(".format", USE, range)?;
        }
        Ok(())
    }

    pub(super) fn exit_block(&mut self) {
        self.stack.pop();
        if let Some(last) = self.stack.last() {
            self.cur = *last;
        }
    }

    pub(super) fn lookup_in(&self, id: EntryId, name: &'a str) -> Flags {
        self.table.entries[id.0].symbol(self.table.maybe_mangle(self.private, id, name))
    }

    pub(super) fn add_def_in(&mut self, name: &'a str, flag: Flags, id: EntryId, range: Range) -> Res {
        let mangled = self.table.maybe_mangle(self.private, self.cur, name);
        let entry = &mut self.table.entries[id.0];
        if entry.symbols.is_empty() {
            entry.symbols.reserve(USUAL_SYMBOLS);
        }
        let symbol = entry.symbols.entry(mangled).or_insert(0);
        let mut flags = *symbol;
        if flag & flags & DEF_PARAM != 0 {
            return Err(Error::syntax(range, format!("duplicate argument '{name}' in function definition")));
        }
        if flag & flags & DEF_TYPE_PARAM != 0 {
            return Err(Error::syntax(range, format!("duplicate type parameter '{name}'")));
        }
        flags |= flag;
        if entry.comp_iter_target {
            if flags & (DEF_GLOBAL | DEF_NONLOCAL) != 0 {
                let message = format!("comprehension inner loop cannot rebind assignment expression target '{name}'");
                return Err(Error::syntax(range, message));
            }
            flags |= DEF_COMP_ITER;
        }
        *symbol = flags;
        if flag & DEF_PARAM != 0 {
            entry.varnames.push(mangled);
        } else if flag & DEF_GLOBAL != 0 {
            *self.table.entries[0].symbols.entry(mangled).or_insert(0) |= flag;
        }
        Ok(())
    }

    pub(super) fn check_name(&self, name: &str, range: Range, ctx: ExprContext) -> Res {
        match ctx {
            ExprContext::Store if name == "__debug__" => Err(Error::syntax(range, "cannot assign to __debug__")),
            ExprContext::Del if name == "__debug__" => Err(Error::syntax(range, "cannot delete __debug__")),
            _ => Ok(()),
        }
    }

    pub(super) fn check_keywords(&self, keywords: &[Keyword<'a>]) -> Res {
        keywords.iter().try_for_each(|k| match k.arg {
            Some(arg) => self.check_name(arg, k.range, ExprContext::Store),
            None => Ok(()),
        })
    }

    pub(super) fn add_def_ctx(&mut self, name: &'a str, flag: Flags, range: Range, ctx: ExprContext) -> Res {
        if flag & DEF_BOUND != 0 {
            self.check_name(name, range, ctx)?;
        }
        if flag & DEF_TYPE_PARAM != 0
            && let Some(set) = self.cur().mangled_names
        {
            self.table.mangled_names[set].insert(name);
        }
        self.add_def_in(name, flag, self.cur, range)
    }

    pub(super) fn add_def(&mut self, name: &'a str, flag: Flags, range: Range) -> Res {
        let ctx = if flag == USE { ExprContext::Load } else { ExprContext::Store };
        self.add_def_ctx(name, flag, range, ctx)
    }

    pub(super) fn record_directive(&mut self, name: &'a str, range: Range) {
        let name = self.table.maybe_mangle(self.private, self.cur, name);
        self.cur().directives.push(Directive { name, range });
    }

    pub(super) fn stack(&self) -> &[EntryId] {
        &self.stack
    }

    pub(super) fn stmts(&mut self, body: &'a [Stmt<'a>]) -> Res {
        body.iter().try_for_each(|s| self.stmt(s))
    }

    pub(super) fn stmt(&mut self, s: &'a Stmt<'a>) -> Res {
        recurse(self, |this| this.stmt_inner(s))
    }

    fn stmt_inner(&mut self, s: &'a Stmt<'a>) -> Res {
        match s.kind {
            StmtKind::FunctionDef(def) => self.function(s, def, false),
            StmtKind::AsyncFunctionDef(def) => self.function(s, def, true),
            StmtKind::ClassDef(def) => self.class(s, def),
            StmtKind::TypeAlias { name, type_params, value } => self.type_alias(s, name, type_params, value),
            StmtKind::Return { value } => self.opt_expr(value),
            StmtKind::Delete { targets } => self.exprs(targets),
            StmtKind::Assign { targets, value, .. } => {
                self.exprs(targets)?;
                self.expr(value)
            }
            StmtKind::AnnAssign { target, annotation, value, simple } => {
                self.ann_assign(s, target, annotation, value, simple)
            }
            StmtKind::AugAssign { target, value, .. } => {
                self.expr(target)?;
                self.expr(value)
            }
            StmtKind::For(f) => self.for_(f),
            StmtKind::AsyncFor(f) => {
                self.require_coroutine(s, "'async for' outside async function")?;
                self.for_(f)
            }
            StmtKind::While { test, body, orelse } | StmtKind::If { test, body, orelse } => {
                self.expr(test)?;
                self.conditionally(|this| {
                    this.stmts(body)?;
                    this.stmts(orelse)
                })
            }
            StmtKind::Match { subject, cases } => {
                self.expr(subject)?;
                self.conditionally(|this| cases.iter().try_for_each(|c| this.match_case(c)))
            }
            StmtKind::Raise { exc, cause } => {
                self.opt_expr(exc)?;
                if exc.is_some() { self.opt_expr(cause) } else { Ok(()) }
            }
            StmtKind::Try(t) | StmtKind::TryStar(t) => self.conditionally(|this| {
                this.stmts(t.body)?;
                t.handlers.iter().try_for_each(|h| this.except_handler(h))?;
                this.stmts(t.orelse)?;
                this.stmts(t.finalbody)
            }),
            StmtKind::Assert { test, msg } => {
                self.expr(test)?;
                self.opt_expr(msg)
            }
            StmtKind::Import { names } => names.iter().try_for_each(|a| self.alias(a)),
            StmtKind::ImportFrom { module, names, level } => {
                names.iter().try_for_each(|a| self.alias(a))?;
                self.check_import_from(s, module, level)
            }
            StmtKind::Global { names } => names.iter().try_for_each(|name| self.declare(s, name, DEF_GLOBAL, "global")),
            StmtKind::Nonlocal { names } => {
                names.iter().try_for_each(|name| self.declare(s, name, DEF_NONLOCAL, "nonlocal"))
            }
            StmtKind::Expr { value } => self.expr(value),
            StmtKind::Pass | StmtKind::Break | StmtKind::Continue => Ok(()),
            StmtKind::With(w) => self.with(w),
            StmtKind::AsyncWith(w) => {
                self.require_coroutine(s, "'async with' outside async function")?;
                self.with(w)
            }
        }
    }

    fn conditionally(&mut self, f: impl FnOnce(&mut Self) -> Res) -> Res {
        let before = std::mem::replace(&mut self.cur().in_conditional_block, true);
        f(self)?;
        self.cur().in_conditional_block = before;
        Ok(())
    }

    fn require_coroutine(&mut self, s: &Stmt<'a>, message: &str) -> Res {
        if self.allows_top_level_await() {
            self.cur().coroutine = true;
        }
        if self.cur().coroutine { Ok(()) } else { Err(Error::syntax(s.range, message)) }
    }

    fn for_(&mut self, f: &'a For<'a>) -> Res {
        self.expr(f.target)?;
        self.expr(f.iter)?;
        self.conditionally(|this| {
            this.stmts(f.body)?;
            this.stmts(f.orelse)
        })
    }

    fn with(&mut self, w: &'a With<'a>) -> Res {
        self.conditionally(|this| {
            for item in w.items {
                this.expr(item.context_expr)?;
                this.opt_expr(item.optional_vars)?;
            }
            this.stmts(w.body)
        })
    }

    fn enter_type_param_block(
        &mut self,
        name: &'a str,
        type_params: &'a [TypeParam<'a>],
        has_defaults: bool,
        has_kwdefaults: bool,
        is_class: bool,
        range: Range,
    ) -> Res {
        let in_class = self.cur().block == BlockType::Class;
        self.enter_block(name, BlockType::TypeParameters, Key::type_params(type_params), range)?;
        if in_class {
            self.cur().can_see_class_scope = true;
            self.add_def("__classdict__", USE, range)?;
        }
        if is_class {
            for name in [".type_params", ".generic_base"] {
                self.add_def(name, DEF_LOCAL, range)?;
                self.add_def(name, USE, range)?;
            }
        }
        if has_defaults {
            self.add_def(".defaults", DEF_PARAM, range)?;
        }
        if has_kwdefaults {
            self.add_def(".kwdefaults", DEF_PARAM, range)?;
        }
        Ok(())
    }

    fn function(&mut self, s: &'a Stmt<'a>, def: &'a FunctionDef<'a>, is_async: bool) -> Res {
        self.add_def(def.name, DEF_LOCAL, s.range)?;
        self.exprs(def.args.defaults)?;
        self.opt_exprs(def.args.kw_defaults)?;
        self.exprs(def.decorator_list)?;
        let generic = !def.type_params.is_empty();
        if generic {
            let has_kwdefaults = def.args.kw_defaults.iter().any(Option::is_some);
            self.enter_type_param_block(def.name, def.type_params, true, has_kwdefaults, false, s.range)?;
            def.type_params.iter().try_for_each(|t| self.type_param(t))?;
        }
        let id = self.new_entry(def.name, BlockType::Function, Key::stmt(s), s.range);
        self.table.entries[id.0].has_docstring = docstring(def.body).is_some();
        self.function_annotations(s, def.args, def.returns)?;
        self.enter_existing_block(id, true);
        self.cur().coroutine = is_async;
        self.arguments(def.args)?;
        self.stmts(def.body)?;
        self.exit_block();
        if generic {
            self.exit_block();
        }
        Ok(())
    }

    fn class(&mut self, s: &'a Stmt<'a>, def: &'a ClassDef<'a>) -> Res {
        self.add_def(def.name, DEF_LOCAL, s.range)?;
        self.exprs(def.decorator_list)?;
        let outer = self.private;
        let generic = !def.type_params.is_empty();
        if generic {
            self.enter_type_param_block(def.name, def.type_params, false, false, true, s.range)?;
            self.private = Some(def.name);
            self.table.mangled_names.push(NameSet::default());
            self.cur().mangled_names = Some(self.table.mangled_names.len() - 1);
            def.type_params.iter().try_for_each(|t| self.type_param(t))?;
        }
        self.exprs(def.bases)?;
        self.check_keywords(def.keywords)?;
        def.keywords.iter().try_for_each(|k| self.expr(k.value))?;
        self.enter_block(def.name, BlockType::Class, Key::stmt(s), s.range)?;
        self.private = Some(def.name);
        if generic {
            self.add_def("__type_params__", DEF_LOCAL, s.range)?;
            self.add_def(".type_params", USE, s.range)?;
        }
        self.cur().has_docstring = docstring(def.body).is_some();
        self.stmts(def.body)?;
        self.exit_block();
        if generic {
            self.exit_block();
        }
        self.private = outer;
        Ok(())
    }

    fn type_alias(&mut self, s: &'a Stmt<'a>, name: &'a Expr<'a>, params: &'a [TypeParam<'a>], value: &'a Expr<'a>) -> Res {
        self.expr(name)?;
        let ExprKind::Name { id, .. } = name.kind else {
            return Err(Error::system("TypeAlias with non-Name name"));
        };
        let in_class = self.cur().block == BlockType::Class;
        if !params.is_empty() {
            self.enter_type_param_block(id, params, false, false, false, s.range)?;
            params.iter().try_for_each(|t| self.type_param(t))?;
        }
        self.enter_block(id, BlockType::TypeAlias, Key::stmt(s), s.range)?;
        self.cur().can_see_class_scope = in_class;
        if in_class {
            self.add_def("__classdict__", USE, value.range)?;
        }
        self.expr(value)?;
        self.exit_block();
        if !params.is_empty() {
            self.exit_block();
        }
        Ok(())
    }

    fn ann_assign(
        &mut self,
        s: &'a Stmt<'a>,
        target: &'a Expr<'a>,
        annotation: &'a Expr<'a>,
        value: Option<&'a Expr<'a>>,
        simple: bool,
    ) -> Res {
        self.cur().annotations_used = true;
        if let ExprKind::Name { id, .. } = target.kind {
            let flags = self.lookup_in(self.cur, id);
            if flags & (DEF_GLOBAL | DEF_NONLOCAL) != 0 && self.cur != EntryId(0) && simple {
                let what = if flags & DEF_GLOBAL != 0 { "global" } else { "nonlocal" };
                return Err(Error::syntax(s.range, format!("annotated name '{id}' can't be {what}")));
            }
            if simple {
                self.add_def(id, DEF_ANNOT | DEF_LOCAL, target.range)?;
            } else if value.is_some() {
                self.add_def(id, DEF_LOCAL, target.range)?;
            }
        } else {
            self.expr(target)?;
        }
        self.annotation(annotation)?;
        self.opt_expr(value)
    }

    /// The annotation of a variable, in the annotation block of the current block.
    fn annotation(&mut self, annotation: &'a Expr<'a>) -> Res {
        let parent = self.cur;
        let entry = self.cur();
        let block = entry.block;
        // Annotations in functions are not evaluated and leave no trace.
        let unevaluated = block == BlockType::Function;
        // Those of a module always count as conditional: the module may be run in part.
        let conditional = block == BlockType::Module || block == BlockType::Class && entry.in_conditional_block;
        if conditional && !entry.has_conditional_annotations {
            entry.has_conditional_annotations = true;
            self.add_def("__conditional_annotations__", USE, annotation.range)?;
        }
        match self.table.entries[parent.0].annotation_block {
            Some(id) => self.enter_existing_block(id, false),
            None => {
                self.enter_block("__annotate__", BlockType::Annotation, Key::Annotations(parent), annotation.range)?;
                self.table.entries[parent.0].annotation_block = Some(self.cur);
                if block == BlockType::Class && !self.future_annotations() {
                    self.cur().can_see_class_scope = true;
                    self.add_def("__classdict__", USE, annotation.range)?;
                }
            }
        }
        self.cur().in_unevaluated_annotation |= unevaluated;
        self.expr(annotation)?;
        if unevaluated {
            self.cur().in_unevaluated_annotation = false;
        }
        self.exit_block();
        Ok(())
    }

    fn function_annotations(&mut self, s: &'a Stmt<'a>, args: &'a Arguments<'a>, returns: Option<&'a Expr<'a>>) -> Res {
        let sees_class = self.cur().can_see_class_scope || self.cur().block == BlockType::Class;
        self.enter_block("__annotate__", BlockType::Annotation, Key::arguments(args), s.range)?;
        if sees_class {
            self.cur().can_see_class_scope = true;
            self.add_def("__classdict__", USE, s.range)?;
        }
        let positional = args.posonlyargs.iter().chain(args.args);
        let annotations = positional
            .chain(args.vararg)
            .chain(args.kwarg)
            .chain(args.kwonlyargs)
            .filter_map(|a| a.annotation)
            .chain(returns);
        for annotation in annotations {
            self.cur().annotations_used = true;
            self.expr(annotation)?;
        }
        self.exit_block();
        Ok(())
    }

    pub(super) fn arguments(&mut self, args: &'a Arguments<'a>) -> Res {
        for arg in args.posonlyargs.iter().chain(args.args).chain(args.kwonlyargs) {
            self.add_def(arg.arg, DEF_PARAM, arg.range)?;
        }
        if let Some(arg) = args.vararg {
            self.add_def(arg.arg, DEF_PARAM, arg.range)?;
            self.cur().varargs = true;
        }
        if let Some(arg) = args.kwarg {
            self.add_def(arg.arg, DEF_PARAM, arg.range)?;
            self.cur().varkeywords = true;
        }
        Ok(())
    }

    /// `global` and `nonlocal`.
    fn declare(&mut self, s: &'a Stmt<'a>, name: &'a str, flag: Flags, what: &str) -> Res {
        let flags = self.lookup_in(self.cur, name);
        let message = if flags & DEF_PARAM != 0 {
            format!("name '{name}' is parameter and {what}")
        } else if flags & USE != 0 {
            format!("name '{name}' is used prior to {what} declaration")
        } else if flags & DEF_ANNOT != 0 {
            format!("annotated name '{name}' can't be {what}")
        } else if flags & DEF_LOCAL != 0 {
            format!("name '{name}' is assigned to before {what} declaration")
        } else {
            self.add_def(name, flag, s.range)?;
            self.record_directive(name, s.range);
            return Ok(());
        };
        Err(Error::syntax(s.range, message))
    }

    fn check_import_from(&mut self, s: &Stmt<'a>, module: Option<&str>, level: i32) -> Res {
        let last = self.future.range;
        let late = s.range.lineno > last.lineno
            || s.range.lineno == last.end_lineno && s.range.col_offset > last.end_col_offset;
        if module == Some("__future__") && level == 0 && late {
            let message = "from __future__ imports must occur at the beginning of the file";
            return Err(Error::syntax(s.range, message));
        }
        Ok(())
    }

    fn alias(&mut self, a: &'a Alias<'a>) -> Res {
        let name = a.asname.unwrap_or(a.name);
        if name == "*" {
            if self.cur().block != BlockType::Module {
                return Err(Error::syntax(a.range, "import * only allowed at module level"));
            }
            return Ok(());
        }
        let store_name = name.split_once('.').map_or(name, |(first, _)| first);
        self.add_def(store_name, DEF_IMPORT, a.range)
    }

    fn except_handler(&mut self, h: &'a ExceptHandler<'a>) -> Res {
        self.opt_expr(h.type_)?;
        if let Some(name) = h.name {
            self.add_def(name, DEF_LOCAL, h.range)?;
        }
        self.stmts(h.body)
    }

    fn match_case(&mut self, case: &'a MatchCase<'a>) -> Res {
        self.pattern(case.pattern)?;
        self.opt_expr(case.guard)?;
        self.stmts(case.body)
    }

    fn pattern(&mut self, p: &'a Pattern<'a>) -> Res {
        recurse(self, |this| this.pattern_inner(p))
    }

    fn patterns(&mut self, patterns: &'a [Pattern<'a>]) -> Res {
        patterns.iter().try_for_each(|p| self.pattern(p))
    }

    fn pattern_inner(&mut self, p: &'a Pattern<'a>) -> Res {
        let mut bound = None;
        match p.kind {
            PatternKind::MatchValue { value } => self.expr(value)?,
            PatternKind::MatchSingleton { .. } => {}
            PatternKind::MatchSequence { patterns } | PatternKind::MatchOr { patterns } => self.patterns(patterns)?,
            PatternKind::MatchStar { name } => bound = name,
            PatternKind::MatchMapping { keys, patterns, rest } => {
                self.exprs(keys)?;
                self.patterns(patterns)?;
                bound = rest;
            }
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => {
                self.expr(cls)?;
                self.patterns(patterns)?;
                for (attr, pattern) in kwd_attrs.iter().zip(kwd_patterns) {
                    self.check_name(attr, pattern.range, ExprContext::Store)?;
                }
                self.patterns(kwd_patterns)?;
            }
            PatternKind::MatchAs { pattern, name } => {
                pattern.map_or(Ok(()), |p| self.pattern(p))?;
                bound = name;
            }
        }
        bound.map_or(Ok(()), |name| self.add_def(name, DEF_LOCAL, p.range))
    }

    fn type_param_part(&mut self, e: Option<&'a Expr<'a>>, t: &TypeParam<'a>, name: &'a str, key: Key, info: &'static str) -> Res {
        if name == "__classdict__" {
            return Err(Error::syntax(t.range, format!("reserved name '{name}' cannot be used for type parameter")));
        }
        let Some(e) = e else { return Ok(()) };
        let in_class = self.cur().can_see_class_scope;
        self.enter_block(name, BlockType::TypeVariable, key, e.range)?;
        self.cur().can_see_class_scope = in_class;
        if in_class {
            self.add_def("__classdict__", USE, e.range)?;
        }
        self.cur().scope_info = Some(info);
        self.expr(e)?;
        self.exit_block();
        Ok(())
    }

    fn type_param(&mut self, t: &'a TypeParam<'a>) -> Res {
        let (TypeParamKind::TypeVar { name, .. }
        | TypeParamKind::ParamSpec { name, .. }
        | TypeParamKind::TypeVarTuple { name, .. }) = t.kind;
        self.add_def(name, DEF_TYPE_PARAM | DEF_LOCAL, t.range)?;
        match t.kind {
            TypeParamKind::TypeVar { bound, default_value, .. } => {
                let constraints = bound.is_some_and(|b| matches!(b.kind, ExprKind::Tuple { .. }));
                let info = if constraints { "a TypeVar constraint" } else { "a TypeVar bound" };
                self.type_param_part(bound, t, name, Key::type_param(t), info)?;
                self.type_param_part(default_value, t, name, Key::type_param_default(t), "a TypeVar default")
            }
            TypeParamKind::TypeVarTuple { default_value, .. } => {
                self.type_param_part(default_value, t, name, Key::type_param(t), "a TypeVarTuple default")
            }
            TypeParamKind::ParamSpec { default_value, .. } => {
                self.type_param_part(default_value, t, name, Key::type_param(t), "a ParamSpec default")
            }
        }
    }
}
