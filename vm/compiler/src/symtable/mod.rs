//! The symbol table: which name of which block is local, global, free or a cell.
//!
//! Two passes, as in CPython's `symtable.c`: [`build`] walks the tree and records raw facts (defined here, used here,
//! declared global), [`analyze`] walks the blocks and decides scopes, inlining list, set and dict comprehensions (PEP 709)
//! into the block around them.
//!
//! Blocks are found again by the address of the node that made them, so the tree must not be copied between this stage
//! and code generation. Symbols keep the order of their first appearance: code generation depends on it.

mod analyze;
mod build;
mod expr;

use std::hash::BuildHasherDefault;

use indexmap::IndexMap;
use krait_syntax::ast::{self, Arena, Mod};
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::error::{Error, Res};
use crate::future::FutureFeatures;

/// Flag bits of a symbol; the scope stands above them, see [`SCOPE_OFFSET`].
pub type Flags = u32;

/// A `global` statement names it.
pub const DEF_GLOBAL: Flags = 1;
/// Assigned in the block.
pub const DEF_LOCAL: Flags = 2;
/// A formal parameter.
pub const DEF_PARAM: Flags = 2 << 1;
/// A `nonlocal` statement names it.
pub const DEF_NONLOCAL: Flags = 2 << 2;
/// Read in the block.
pub const USE: Flags = 2 << 3;
/// Free in a method of this class block.
pub const DEF_FREE_CLASS: Flags = 2 << 5;
/// Bound by an import.
pub const DEF_IMPORT: Flags = 2 << 6;
/// Annotated.
pub const DEF_ANNOT: Flags = 2 << 7;
/// Iteration variable of a comprehension.
pub const DEF_COMP_ITER: Flags = 2 << 8;
/// A type parameter.
pub const DEF_TYPE_PARAM: Flags = 2 << 9;
/// A cell in an inlined comprehension.
pub const DEF_COMP_CELL: Flags = 2 << 10;
/// Every way of binding.
pub const DEF_BOUND: Flags = DEF_LOCAL | DEF_PARAM | DEF_IMPORT;
/// Where the scope begins in a symbol's flags.
pub const SCOPE_OFFSET: u32 = 12;
/// Mask of the scope, after the shift.
pub const SCOPE_MASK: Flags = 15;

/// Scope of a name, as stored in its flags. 0 is "not known here".
pub type Scope = u32;
/// Bound in this block.
pub const LOCAL: Scope = 1;
/// Declared global.
pub const GLOBAL_EXPLICIT: Scope = 2;
/// Bound nowhere that is visible: global or builtin.
pub const GLOBAL_IMPLICIT: Scope = 3;
/// Bound in a block around this one.
pub const FREE: Scope = 4;
/// Bound here and free in a block inside.
pub const CELL: Scope = 5;

/// The scope that `flags` hold.
pub const fn symbol_to_scope(flags: Flags) -> Scope {
    (flags >> SCOPE_OFFSET) & SCOPE_MASK
}

pub(crate) type FxIndexMap<K, V> = IndexMap<K, V, BuildHasherDefault<FxHasher>>;
type NameSet<'a> = FxHashSet<&'a str>;

/// What kind of block an entry is. The numbers are those of `_symtable`'s `TYPE_*` constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockType {
    Function = 0,
    Class = 1,
    Module = 2,
    Annotation = 3,
    TypeAlias = 4,
    TypeParameters = 5,
    TypeVariable = 6,
}

/// Which comprehension a function block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComprehensionType {
    None,
    List,
    Dict,
    Set,
    Generator,
}

/// Index of an entry in its table; serves as the `id` that Python sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(pub usize);

/// Names a block by the node that makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Module,
    Stmt(usize),
    Expr(usize),
    /// Annotations of a function's parameters and result.
    Arguments(usize),
    /// The deferred annotations of a module, class or function block.
    Annotations(EntryId),
    TypeParams(usize),
    TypeParam(usize),
    /// The default of a `TypeVar`, beside its bound.
    TypeParamDefault(usize),
}

fn address<T: ?Sized>(node: &T) -> usize {
    std::ptr::from_ref(node).cast::<()>() as usize
}

impl Key {
    pub(crate) fn stmt(s: &ast::Stmt<'_>) -> Key {
        Key::Stmt(address(s))
    }

    pub(crate) fn expr(e: &ast::Expr<'_>) -> Key {
        Key::Expr(address(e))
    }

    pub(crate) fn arguments(a: &ast::Arguments<'_>) -> Key {
        Key::Arguments(address(a))
    }

    pub(crate) fn type_params(t: &[ast::TypeParam<'_>]) -> Key {
        Key::TypeParams(address(t))
    }

    pub(crate) fn type_param(t: &ast::TypeParam<'_>) -> Key {
        Key::TypeParam(address(t))
    }

    pub(crate) fn type_param_default(t: &ast::TypeParam<'_>) -> Key {
        Key::TypeParamDefault(address(t))
    }
}

/// A `global` or `nonlocal` declaration, kept for error messages.
#[derive(Clone, Copy, Debug)]
struct Directive<'a> {
    name: &'a str,
    range: ast::Range,
}

/// One block of the program.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its own index.
    pub id: EntryId,
    /// Name of the function or class; `top`, `lambda`, `genexpr`, `listcomp` ... otherwise.
    pub name: &'a str,
    /// Names to flags and scope, in order of appearance.
    pub symbols: FxIndexMap<&'a str, Flags>,
    /// Parameters in order.
    pub varnames: Vec<&'a str>,
    /// Blocks inside, those of inlined comprehensions in place of the comprehension.
    pub children: Vec<EntryId>,
    /// Kind of block.
    pub block: BlockType,
    /// Inside a function, at any depth.
    pub nested: bool,
    /// Where the block begins.
    pub range: ast::Range,
    pub(crate) generator: bool,
    pub(crate) coroutine: bool,
    pub(crate) annotations_used: bool,
    pub(crate) comprehension: ComprehensionType,
    pub(crate) varargs: bool,
    pub(crate) varkeywords: bool,
    pub(crate) needs_class_closure: bool,
    pub(crate) needs_classdict: bool,
    pub(crate) comp_inlined: bool,
    pub(crate) can_see_class_scope: bool,
    pub(crate) has_docstring: bool,
    pub(crate) method: bool,
    pub(crate) has_conditional_annotations: bool,
    pub(crate) annotation_block: Option<EntryId>,
    comp_iter_target: bool,
    comp_iter_expr: u32,
    in_conditional_block: bool,
    in_unevaluated_annotation: bool,
    scope_info: Option<&'static str>,
    directives: Vec<Directive<'a>>,
    /// Index of the set of names to mangle in a generic class's type parameter blocks.
    mangled_names: Option<usize>,
}

impl<'a> Entry<'a> {
    /// The flags of `name`, 0 when the block does not know it.
    pub fn symbol(&self, name: &str) -> Flags {
        self.symbols.get(name).copied().unwrap_or(0)
    }

    /// The scope of `name`, 0 when the block does not know it.
    pub fn scope(&self, name: &str) -> Scope {
        symbol_to_scope(self.symbol(name))
    }

    /// Whether names behave as in a function: fast locals and closures.
    pub fn is_function_like(&self) -> bool {
        !matches!(self.block, BlockType::Class | BlockType::Module)
    }
}

/// The analysed table of a module.
#[derive(Debug)]
pub struct Symtable<'a> {
    entries: Vec<Entry<'a>>,
    blocks: FxHashMap<Key, EntryId>,
    mangled_names: Vec<NameSet<'a>>,
    arena: &'a Arena,
}

impl<'a> Symtable<'a> {
    /// The block of the module itself.
    pub fn top(&self) -> &Entry<'a> {
        &self.entries[0]
    }

    /// All entries, by id.
    pub fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// The entry with `id`.
    pub fn entry(&self, id: EntryId) -> &Entry<'a> {
        &self.entries[id.0]
    }

    pub(crate) fn entry_mut(&mut self, id: EntryId) -> &mut Entry<'a> {
        &mut self.entries[id.0]
    }

    pub(crate) fn lookup(&self, key: Key) -> Res<EntryId> {
        self.blocks.get(&key).copied().ok_or_else(|| Error::system("unknown symbol table entry"))
    }

    /// `name` as the block `entry` inside class `private` spells it.
    #[inline]
    pub(crate) fn maybe_mangle(&self, private: Option<&str>, entry: EntryId, name: &'a str) -> &'a str {
        if private.is_none() || !is_private(name) {
            return name;
        }
        if let Some(set) = self.entries[entry.0].mangled_names
            && !self.mangled_names[set].contains(name)
        {
            return name;
        }
        mangle(self.arena, private, name)
    }
}

/// Whether a class mangles the name.
#[inline]
fn is_private(name: &str) -> bool {
    name.starts_with("__") && !name.ends_with("__") && !name.contains('.')
}

/// Private name mangling: `__x` in class `A` becomes `_A__x`, unless it ends in two underscores or holds a dot.
pub(crate) fn mangle<'a>(arena: &'a Arena, private: Option<&str>, name: &'a str) -> &'a str {
    let Some(private) = private else { return name };
    if !is_private(name) {
        return name;
    }
    let class = private.trim_start_matches('_');
    if class.is_empty() {
        return name;
    }
    arena.alloc_str(&format!("_{class}{name}"))
}

/// Builds and analyses the table of `module`.
pub fn build<'a>(arena: &'a Arena, module: &Mod<'a>, future: &FutureFeatures) -> Result<Symtable<'a>, krait_syntax::error::SyntaxError> {
    build_table(arena, module, future).map_err(|e| e.into_syntax_error())
}

pub(crate) fn build_table<'a>(arena: &'a Arena, module: &Mod<'a>, future: &FutureFeatures) -> Res<Symtable<'a>> {
    let mut table = build::collect(arena, module, future)?;
    analyze::analyze(&mut table)?;
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_names_are_mangled() {
        let arena = Arena::new();
        let check = |class, name, expected| assert_eq!(mangle(&arena, Some(class), name), expected);
        check("A", "__x", "_A__x");
        check("__A", "__x", "_A__x");
        check("A", "__x__", "__x__");
        check("A", "_x", "_x");
        check("A", "__x.y", "__x.y");
        check("__", "__x", "__x");
        check("A", "__", "__");
        assert_eq!(mangle(&arena, None, "__x"), "__x");
    }
}
