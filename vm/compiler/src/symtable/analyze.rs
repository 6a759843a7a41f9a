//! Second pass: from raw facts to scopes.
//!
//! A parent hands its children the names bound around them; the children hand back the names they need. A local that a
//! child needs becomes a cell. Class bindings are invisible to methods, except `__class__`, `__classdict__` and
//! `__conditional_annotations__`, and except to annotation scopes, which can see the class.

use krait_syntax::error::ErrorKind;

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
    depth: u32,
}

impl HasDepth for Analyzer<'_, '_> {
    fn depth(&mut self) -> &mut u32 {
        &mut self.depth
    }
}

/// What a block passes down, and adds to.
struct Context<'a> {
    /// `None` in the module block: nothing can be free there.
    bound: Option<NameSet<'a>>,
    free: FxIndexMap<&'a str, ()>,
    global: NameSet<'a>,
    type_params: NameSet<'a>,
    class_entry: Option<EntryId>,
}

pub(super) fn analyze(table: &mut Symtable<'_>) -> Res {
    let mut context = Context {
        bound: None,
        free: FxIndexMap::default(),
        global: NameSet::default(),
        type_params: NameSet::default(),
        class_entry: None,
    };
    Analyzer { table, depth: 0 }.block(EntryId(0), &mut context)
}

impl<'a> Analyzer<'_, 'a> {
    fn directive_error(&self, id: EntryId, name: &str, message: String) -> Error {
        match self.table.entry(id).directives.iter().find(|d| d.name == name) {
            Some(d) => Error::syntax(d.range, message),
            None => Error::system("BUG: internal directive bookkeeping broken"),
        }
    }

    fn name(
        &mut self,
        id: EntryId,
        name: &'a str,
        flags: Flags,
        cx: &mut Context<'a>,
        local: &mut NameSet<'a>,
    ) -> Res<Scope> {
        if flags & DEF_GLOBAL != 0 {
            if flags & DEF_NONLOCAL != 0 {
                return Err(self.directive_error(id, name, format!("name '{name}' is nonlocal and global")));
            }
            cx.global.insert(name);
            if let Some(bound) = &mut cx.bound {
                bound.remove(name);
            }
            return Ok(GLOBAL_EXPLICIT);
        }
        if flags & DEF_NONLOCAL != 0 {
            let Some(bound) = &cx.bound else {
                return Err(self.directive_error(id, name, "nonlocal declaration not allowed at module level".into()));
            };
            if !bound.contains(name) {
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
            local.insert(name);
            cx.global.remove(name);
            if flags & DEF_TYPE_PARAM != 0 {
                cx.type_params.insert(name);
            } else {
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
        if cx.bound.as_ref().is_some_and(|b| b.contains(name)) {
            cx.free.insert(name, ());
            return Ok(FREE);
        }
        Ok(GLOBAL_IMPLICIT)
    }

    fn block(&mut self, id: EntryId, cx: &mut Context<'a>) -> Res {
        let is_class = self.table.entry(id).block == BlockType::Class;
        let function_like = self.table.entry(id).is_function_like();
        let mut local = NameSet::default();
        let mut scopes: FxIndexMap<&'a str, Scope> = FxIndexMap::default();
        let mut new_bound = NameSet::default();
        let mut new_global = NameSet::default();
        if is_class {
            // The class namespace is not visible in methods: pass on what was known before.
            new_global.extend(&cx.global);
            new_bound.extend(cx.bound.iter().flatten());
        }
        let symbols: Vec<_> = self.table.entry(id).symbols.iter().map(|(n, f)| (*n, *f)).collect();
        for (name, flags) in symbols {
            let scope = self.name(id, name, flags, cx, &mut local)?;
            scopes.insert(name, scope);
        }
        if is_class {
            new_bound.extend(IMPLICIT_CELLS);
        } else {
            if function_like {
                new_bound.extend(&local);
            }
            new_bound.extend(cx.bound.iter().flatten());
            new_global.extend(&cx.global);
        }
        let (mut new_free, inlined_cells) = self.children(id, cx, &new_bound, &new_global, &mut scopes)?;
        self.splice_inlined_children(id);
        if function_like {
            make_cells(&mut scopes, &mut new_free, &inlined_cells);
        } else if is_class {
            let entry = self.table.entry_mut(id);
            entry.needs_class_closure |= new_free.swap_remove("__class__").is_some();
            entry.needs_classdict |= new_free.swap_remove("__classdict__").is_some();
            entry.has_conditional_annotations |= new_free.swap_remove("__conditional_annotations__").is_some();
        }
        self.update_symbols(id, &scopes, cx.bound.as_ref(), &new_free, &inlined_cells)?;
        cx.free.extend(new_free);
        Ok(())
    }

    /// Analyses the blocks inside; returns the names they need and the cells of inlined comprehensions.
    fn children(
        &mut self,
        id: EntryId,
        cx: &Context<'a>,
        bound: &NameSet<'a>,
        global: &NameSet<'a>,
        scopes: &mut FxIndexMap<&'a str, Scope>,
    ) -> Res<(FxIndexMap<&'a str, ()>, NameSet<'a>)> {
        let mut free: FxIndexMap<&'a str, ()> = FxIndexMap::default();
        let mut inlined_cells = NameSet::default();
        let is_class = self.table.entry(id).block == BlockType::Class;
        let sees_class = self.table.entry(id).can_see_class_scope;
        for child in self.table.entry(id).children.clone() {
            let entry = self.table.entry(child);
            let class_entry = match (entry.can_see_class_scope, is_class) {
                (true, true) => Some(id),
                (true, false) => cx.class_entry,
                _ => None,
            };
            // Comprehensions in annotation scopes of classes stay functions: the class namespace is not theirs.
            let inline = entry.comprehension != ComprehensionType::None && !entry.generator && !sees_class;
            let mut child_cx = Context {
                bound: Some(bound.clone()),
                free: free.clone(),
                global: global.clone(),
                type_params: cx.type_params.clone(),
                class_entry,
            };
            recurse(self, |this| this.block(child, &mut child_cx))?;
            if inline {
                self.inline_comprehension(id, child, scopes, &mut child_cx.free, &mut inlined_cells);
                self.table.entry_mut(child).comp_inlined = true;
            }
            free.extend(child_cx.free);
        }
        Ok((free, inlined_cells))
    }

    fn inline_comprehension(
        &mut self,
        id: EntryId,
        comp: EntryId,
        scopes: &mut FxIndexMap<&'a str, Scope>,
        comp_free: &mut FxIndexMap<&'a str, ()>,
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
                    scopes.insert(name, scope);
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

    fn update_symbols(
        &mut self,
        id: EntryId,
        scopes: &FxIndexMap<&'a str, Scope>,
        bound: Option<&NameSet<'a>>,
        free: &FxIndexMap<&'a str, ()>,
        inlined_cells: &NameSet<'a>,
    ) -> Res {
        let entry = self.table.entry_mut(id);
        let sees_class = entry.block == BlockType::Class || entry.can_see_class_scope;
        for (name, flags) in &mut entry.symbols {
            if inlined_cells.contains(name) {
                *flags |= DEF_COMP_CELL;
            }
            let Some(scope) = scopes.get(name) else {
                return Err(Error::other(ErrorKind::SystemError, format!("symbol '{name}' has no scope")));
            };
            *flags |= scope << SCOPE_OFFSET;
        }
        for name in free.keys() {
            if let Some(flags) = entry.symbols.get_mut(name) {
                // Free in a method, and local or global in the class: both are true.
                if sees_class {
                    *flags |= DEF_FREE_CLASS;
                }
            } else if bound.is_none_or(|b| b.contains(name)) {
                entry.symbols.insert(name, FREE << SCOPE_OFFSET);
            }
        }
        Ok(())
    }
}

/// Turns locals that blocks inside need into cells, which settles those needs.
fn make_cells<'a>(scopes: &mut FxIndexMap<&'a str, Scope>, free: &mut FxIndexMap<&'a str, ()>, inlined_cells: &NameSet<'a>) {
    for (name, scope) in scopes {
        if *scope == LOCAL && (free.contains_key(name) || inlined_cells.contains(name)) {
            *scope = CELL;
            free.swap_remove(name);
        }
    }
}
