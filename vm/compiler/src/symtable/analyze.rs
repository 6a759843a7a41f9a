//! Second pass: from raw facts to scopes.
//!
//! A parent hands its children the names bound around them; the children hand back the names they need. A local that a
//! child needs becomes a cell. Class bindings are invisible to methods, except `__class__`, `__classdict__` and
//! `__conditional_annotations__`, and except to annotation scopes, which can see the class.

use super::{
    BlockType, CELL, ComprehensionType, DEF_BOUND, DEF_COMP_CELL, DEF_FREE_CLASS, DEF_GLOBAL, DEF_NONLOCAL, DEF_PARAM,
    DEF_TYPE_PARAM, EntryId, FREE, Flags, FxIndexMap, GLOBAL_EXPLICIT, GLOBAL_IMPLICIT, LOCAL, NameSet, SCOPE_OFFSET, Scope,
    Symtable, symbol_to_scope,
};
use crate::error::{Error, HasDepth, Res, recurse};

/// Cells that a class makes when something inside needs them.
const IMPLICIT_CELLS: [&str; 3] = ["__class__", "__classdict__", "__conditional_annotations__"];

struct Analyzer<'t, 'a> {
    table: &'t mut Symtable<'a>,
    /// The names bound around the block at hand. Each block takes back what it added, and puts back what it removed.
    bound: NameSet<'a>,
    depth: u32,
}

impl HasDepth for Analyzer<'_, '_> {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

/// What a block gets from the one around it, besides the names bound there.
#[derive(Default)]
struct Context<'a> {
    type_params: NameSet<'a>,
    class_entry: Option<EntryId>,
    /// Names that are bound around, but global here.
    removed: Vec<&'a str>,
    /// Names that the block needs of those around it.
    free: FreeNames<'a>,
}

type FreeNames<'a> = FxIndexMap<&'a str, ()>;

pub(super) fn analyze(table: &mut Symtable<'_>) -> Res {
    let mut analyzer = Analyzer { table, bound: NameSet::default(), depth: 0 };
    analyzer.block(EntryId(0), Context::default()).map(drop)
}

/// The block of the module: nothing can be free there.
fn is_top(id: EntryId) -> bool {
    id == EntryId(0)
}

impl<'a> Analyzer<'_, 'a> {
    fn directive_error(&self, id: EntryId, name: &str, message: String) -> Error {
        match self.table.entry(id).directives.iter().find(|d| d.name == name) {
            Some(d) => Error::syntax(d.range, message),
            None => Error::system("BUG: internal directive bookkeeping broken"),
        }
    }

    fn name(&mut self, id: EntryId, name: &'a str, flags: Flags, cx: &mut Context<'a>) -> Res<Scope> {
        if flags & DEF_GLOBAL != 0 {
            if flags & DEF_NONLOCAL != 0 {
                return Err(self.directive_error(id, name, format!("name '{name}' is nonlocal and global")));
            }
            if self.bound.remove(name) {
                cx.removed.push(name);
            }
            return Ok(GLOBAL_EXPLICIT);
        }
        if flags & DEF_NONLOCAL != 0 {
            if is_top(id) {
                return Err(self.directive_error(id, name, "nonlocal declaration not allowed at module level".into()));
            }
            if !self.bound.contains(name) {
                return Err(self.directive_error(id, name, format!("no binding for nonlocal '{name}' found")));
            }
            if cx.type_params.contains(name) {
                let message = format!("nonlocal binding not allowed for type parameter '{name}'");
                return Err(self.directive_error(id, name, message));
            }
            cx.free.insert(name, ());
            return Ok(FREE);
        }
        if flags & DEF_BOUND != 0 {
            if flags & DEF_TYPE_PARAM != 0 {
                cx.type_params.insert(name);
            } else if !cx.type_params.is_empty() {
                cx.type_params.remove(name);
            }
            return Ok(LOCAL);
        }
        // A name that both the class and a function around it bind: at run time only the class namespace and the globals
        // are asked, so it must not become free here.
        if let Some(class) = cx.class_entry {
            let class_flags = self.table.entry(class).symbol(name);
            if class_flags & DEF_GLOBAL != 0 {
                return Ok(GLOBAL_EXPLICIT);
            }
            if class_flags & DEF_BOUND != 0 && class_flags & DEF_NONLOCAL == 0 {
                return Ok(GLOBAL_IMPLICIT);
            }
        }
        if !self.bound.is_empty() && self.bound.contains(name) {
            cx.free.insert(name, ());
            return Ok(FREE);
        }
        Ok(GLOBAL_IMPLICIT)
    }

    /// The names that the block needs of those around it.
    fn block(&mut self, id: EntryId, mut cx: Context<'a>) -> Res<FreeNames<'a>> {
        let is_class = self.table.entry(id).block == BlockType::Class;
        let function_like = self.table.entry(id).is_function_like();
        // By the symbols' indices.
        let mut scopes = Vec::with_capacity(self.table.entry(id).symbols.len());
        while let Some((name, flags)) = self.table.entry(id).symbols.get_index(scopes.len()).map(|(n, f)| (*n, *f)) {
            scopes.push(self.name(id, name, flags, &mut cx)?);
        }
        let mut added = Vec::new();
        if is_class {
            // The class namespace is not visible in methods: they see what was known before.
            self.bound.extend(&cx.removed);
            added.extend(IMPLICIT_CELLS.into_iter().filter(|name| self.bound.insert(name)));
        } else if function_like && !self.table.entry(id).children.is_empty() {
            let symbols = self.table.entry(id).symbols.keys().zip(&scopes);
            let locals = symbols.filter(|(_, scope)| **scope == LOCAL).map(|(name, _)| *name);
            added.extend(locals.filter(|name| self.bound.insert(name)));
        }
        let mut inlined_cells = NameSet::default();
        let mut free = self.children(id, &cx, &mut scopes, &mut inlined_cells)?;
        self.splice_inlined_children(id);
        for name in added {
            self.bound.remove(name);
        }
        if function_like {
            self.make_cells(id, &mut scopes, &mut free, &inlined_cells);
        } else if is_class {
            for name in &cx.removed {
                self.bound.remove(name);
            }
            let entry = self.table.entry_mut(id);
            entry.needs_class_closure |= free.swap_remove("__class__").is_some();
            entry.needs_classdict |= free.swap_remove("__classdict__").is_some();
            entry.has_conditional_annotations |= free.swap_remove("__conditional_annotations__").is_some();
        }
        self.update_symbols(id, &scopes, &free, &inlined_cells);
        self.bound.extend(cx.removed);
        if cx.free.is_empty() {
            return Ok(free);
        }
        cx.free.extend(free);
        Ok(cx.free)
    }

    /// Analyses the blocks inside; returns the names they need. Notes the cells of inlined comprehensions.
    fn children(
        &mut self,
        id: EntryId,
        cx: &Context<'a>,
        scopes: &mut Vec<Scope>,
        inlined_cells: &mut NameSet<'a>,
    ) -> Res<FreeNames<'a>> {
        let mut free = FreeNames::default();
        let is_class = self.table.entry(id).block == BlockType::Class;
        let sees_class = self.table.entry(id).can_see_class_scope;
        for at in 0..self.table.entry(id).children.len() {
            let child = self.table.entry(id).children[at];
            let entry = self.table.entry(child);
            let class_entry = match (entry.can_see_class_scope, is_class) {
                (true, true) => Some(id),
                (true, false) => cx.class_entry,
                _ => None,
            };
            // Comprehensions in annotation scopes of classes stay functions: the class namespace is not theirs.
            let inline = entry.comprehension != ComprehensionType::None && !entry.generator && !sees_class;
            let child_cx = Context { type_params: cx.type_params.clone(), class_entry, ..Context::default() };
            let mut child_free = recurse(self, |this| this.block(child, child_cx))?;
            if inline {
                self.inline_comprehension(id, child, scopes, &mut child_free, inlined_cells);
                self.table.entry_mut(child).comp_inlined = true;
            }
            if free.is_empty() {
                free = child_free;
            } else {
                free.extend(child_free);
            }
        }
        Ok(free)
    }

    fn inline_comprehension(
        &mut self,
        id: EntryId,
        comp: EntryId,
        scopes: &mut Vec<Scope>,
        comp_free: &mut FreeNames<'a>,
        inlined_cells: &mut NameSet<'a>,
    ) {
        let is_class = self.table.entry(id).block == BlockType::Class;
        let mut removed = Vec::new();
        let symbols: Vec<_> = self.table.entry(comp).symbols.iter().map(|(n, f)| (*n, *f)).collect();
        for (name, comp_flags) in symbols {
            if comp_flags & DEF_PARAM != 0 {
                continue;
            }
            let mut scope = symbol_to_scope(comp_flags);
            let only_flags = comp_flags & ((1 << SCOPE_OFFSET) - 1);
            if scope == CELL || only_flags & DEF_COMP_CELL != 0 {
                inlined_cells.insert(name);
            }
            let needed = self.table.entry(comp).children.iter().any(|c| self.table.entry(*c).scope(name) == FREE);
            // The implicit cells of a class can never be free through its block.
            if scope == FREE && is_class && IMPLICIT_CELLS.contains(&name) {
                scope = GLOBAL_IMPLICIT;
                if !needed {
                    comp_free.swap_remove(name);
                }
                removed.push(name);
            }
            match self.table.entry(id).symbols.get(name).copied() {
                None => {
                    self.table.entry_mut(id).symbols.insert(name, only_flags);
                    scopes.push(scope);
                }
                // Free in the comprehension, local here: now simply local, unless a block in the comprehension needs it.
                Some(flags) if flags & DEF_BOUND != 0 && !is_class => {
                    if !needed {
                        comp_free.swap_remove(name);
                    }
                }
                Some(_) => {}
            }
        }
        for name in removed {
            self.table.entry_mut(comp).symbols.shift_remove(name);
        }
    }

    fn splice_inlined_children(&mut self, id: EntryId) {
        if !self.table.entry(id).children.iter().any(|child| self.table.entry(*child).comp_inlined) {
            return;
        }
        let children = std::mem::take(&mut self.table.entry_mut(id).children);
        let mut spliced = Vec::with_capacity(children.len());
        for child in children {
            let entry = self.table.entry(child);
            if entry.comp_inlined {
                spliced.extend_from_slice(&entry.children);
            } else {
                spliced.push(child);
            }
        }
        self.table.entry_mut(id).children = spliced;
    }

    fn update_symbols(&mut self, id: EntryId, scopes: &[Scope], free: &FreeNames<'a>, inlined_cells: &NameSet<'a>) {
        let entry = self.table.entry_mut(id);
        let sees_class = entry.block == BlockType::Class || entry.can_see_class_scope;
        for ((name, flags), scope) in entry.symbols.iter_mut().zip(scopes) {
            if !inlined_cells.is_empty() && inlined_cells.contains(name) {
                *flags |= DEF_COMP_CELL;
            }
            *flags |= scope << SCOPE_OFFSET;
        }
        for name in free.keys() {
            if let Some(flags) = entry.symbols.get_mut(name) {
                // Free in a method, and local or global in the class: both are true.
                if sees_class {
                    *flags |= DEF_FREE_CLASS;
                }
            } else if is_top(id) || self.bound.contains(name) {
                entry.symbols.insert(name, FREE << SCOPE_OFFSET);
            }
        }
    }

    /// Turns locals that blocks inside need into cells, which settles those needs.
    fn make_cells(&self, id: EntryId, scopes: &mut [Scope], free: &mut FreeNames<'a>, inlined_cells: &NameSet<'a>) {
        if free.is_empty() && inlined_cells.is_empty() {
            return;
        }
        for (name, scope) in self.table.entry(id).symbols.keys().zip(scopes) {
            if *scope == LOCAL && (free.contains_key(name) || inlined_cells.contains(name)) {
                *scope = CELL;
                free.swap_remove(name);
            }
        }
    }
}
