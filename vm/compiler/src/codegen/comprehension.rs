//! Comprehensions and generator expressions.
//!
//! List, set and dict comprehensions are inlined (PEP 709): their variables are pushed on the stack before and restored after,
//! also when an exception leaves. Generator expressions, and comprehensions in annotation scopes of classes, are functions.

use krait_bytecode::{Const, Opcode};
use krait_syntax::ast::*;
use krait_unicode::Text;

use super::arg;
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Error, Res, recurse};
use crate::instruction_sequence::{JumpTargetLabel, Location, NO_LABEL, NO_LOCATION};
use crate::symtable::{BlockType, CELL, DEF_LOCAL, DEF_NONLOCAL, EntryId, FREE, Flags, Key, symbol_to_scope};
use crate::unit::{ArgCounts, FBlockKind, ScopeType};

/// A comprehension under construction.
#[derive(Clone, Copy)]
struct Comp<'a> {
    at: Location,
    generators: &'a [Comprehension<'a>],
    elt: &'a Expr<'a>,
    kind: CompKind<'a>,
}

#[derive(Clone, Copy)]
enum CompKind<'a> {
    Generator,
    List,
    Set,
    /// With the value; the key is the element.
    Dict(&'a Expr<'a>),
}

/// What an inlined comprehension changed and must put back.
#[derive(Default)]
struct InlinedState<'a> {
    pushed_locals: Vec<&'a str>,
    temp_symbols: Vec<(&'a str, Flags)>,
    fast_hidden: Vec<&'a str>,
    cleanup: Option<JumpTargetLabel>,
}

impl<'a> Compiler<'a> {
    /// Whether the generator expression `e` is an asynchronous generator.
    pub(super) fn is_async_generator(&self, e: &Expr<'a>) -> Res<bool> {
        Ok(self.st.entry(self.st.lookup(Key::expr(e))?).coroutine)
    }

    pub(super) fn comprehension(&mut self, e: &'a Expr<'a>) -> Res {
        let at = loc(e.range);
        let (name, comp) = match e.kind {
            ExprKind::GeneratorExp { elt, generators } => ("<genexpr>", Comp { at, generators, elt, kind: CompKind::Generator }),
            ExprKind::ListComp { elt, generators } => ("<listcomp>", Comp { at, generators, elt, kind: CompKind::List }),
            ExprKind::SetComp { elt, generators } => ("<setcomp>", Comp { at, generators, elt, kind: CompKind::Set }),
            ExprKind::DictComp { key, value, generators } => {
                ("<dictcomp>", Comp { at, generators, elt: key, kind: CompKind::Dict(value) })
            }
            _ => return Err(Error::system("not a comprehension")),
        };
        let id = self.st.lookup(Key::expr(e))?;
        let entry = self.st.entry(id);
        let is_async = entry.coroutine;
        let Some(outermost) = comp.generators.first() else {
            return Err(Error::system("comprehension with no generators"));
        };
        if entry.comp_inlined {
            return self.inlined_comprehension(id, outermost, &comp);
        }
        let args = ArgCounts { argcount: 1, ..ArgCounts::default() };
        self.codegen_enter_scope(name, ScopeType::Comprehension, Key::expr(e), e.range.lineno, None, args)?;
        self.build_empty(&comp, false);
        self.generator(&comp, 0, 0, false)?;
        match comp.kind {
            CompKind::Generator => self.wrap_in_stopiteration_handler(),
            _ => self.op(at, Opcode::RETURN_VALUE),
        }
        let code = self.optimize_and_assemble(true)?;
        self.make_closure(at, code, 0)?;
        self.outermost_iterator(outermost)?;
        self.op_i(at, Opcode::CALL, 0);
        if is_async && !matches!(comp.kind, CompKind::Generator) {
            self.await_value(at, 0);
        }
        Ok(())
    }

    /// The iterator of the outermost loop, made outside the comprehension.
    fn outermost_iterator(&mut self, outermost: &'a Comprehension<'a>) -> Res {
        self.visit_expr(outermost.iter)?;
        let opcode = if outermost.is_async { Opcode::GET_AITER } else { Opcode::GET_ITER };
        self.op(loc(outermost.iter.range), opcode);
        Ok(())
    }

    fn build_empty(&mut self, comp: &Comp<'a>, inlined: bool) {
        let opcode = match comp.kind {
            CompKind::Generator => return,
            CompKind::List => Opcode::BUILD_LIST,
            CompKind::Set => Opcode::BUILD_SET,
            CompKind::Dict(_) => Opcode::BUILD_MAP,
        };
        self.op_i(comp.at, opcode, 0);
        if inlined {
            self.op_i(comp.at, Opcode::SWAP, 2);
        }
    }

    fn generator(&mut self, comp: &Comp<'a>, index: usize, depth: usize, iter_on_stack: bool) -> Res {
        let Some(generator) = comp.generators.get(index) else { return Ok(()) };
        recurse(self, |this| {
            if generator.is_async {
                this.async_generator(comp, generator, index, depth, iter_on_stack)
            } else {
                this.sync_generator(comp, generator, index, depth, iter_on_stack)
            }
        })
    }

    fn sync_generator(
        &mut self,
        comp: &Comp<'a>,
        generator: &'a Comprehension<'a>,
        index: usize,
        depth: usize,
        iter_on_stack: bool,
    ) -> Res {
        let start = self.label();
        let if_cleanup = self.label();
        let anchor = self.label();
        let at = loc(generator.iter.range);
        let mut depth = depth;
        // `for y in [f(x)]` is an assignment.
        let mut single = None;
        if !iter_on_stack {
            if index == 0 {
                self.op_i(comp.at, Opcode::LOAD_FAST, 0);
            } else {
                if let ExprKind::List { elts: [elt], .. } | ExprKind::Tuple { elts: [elt], .. } = &generator.iter.kind
                    && !matches!(elt.kind, ExprKind::Starred { .. })
                {
                    single = Some(elt);
                }
                match single {
                    Some(elt) => self.visit_expr(elt)?,
                    None => {
                        self.visit_expr(generator.iter)?;
                        self.op(at, Opcode::GET_ITER);
                    }
                }
            }
        }
        if single.is_none() {
            depth += 1;
            self.place(start);
            self.op_j(at, Opcode::FOR_ITER, anchor);
        }
        self.visit_expr(generator.target)?;
        for condition in generator.ifs {
            self.jump_if(comp.at, condition, if_cleanup, false)?;
        }
        let elt_at = self.generator_body(comp, index, depth)?;
        self.place(if_cleanup);
        if single.is_none() {
            self.op_j(elt_at, Opcode::JUMP, start);
            self.place(anchor);
            self.op(NO_LOCATION, Opcode::END_FOR);
            self.op(NO_LOCATION, Opcode::POP_ITER);
        }
        Ok(())
    }

    /// The next loop or, in the last one, the element.
    fn generator_body(&mut self, comp: &Comp<'a>, index: usize, depth: usize) -> Res<Location> {
        let at = loc(comp.elt.range);
        if index + 1 < comp.generators.len() {
            self.generator(comp, index + 1, depth, false)?;
            return Ok(at);
        }
        self.visit_expr(comp.elt)?;
        match comp.kind {
            CompKind::Generator => {
                self.yield_value(at);
                self.op(at, Opcode::POP_TOP);
            }
            CompKind::List => self.op_i(at, Opcode::LIST_APPEND, arg(depth + 1)),
            CompKind::Set => self.op_i(at, Opcode::SET_ADD, arg(depth + 1)),
            CompKind::Dict(value) => {
                self.visit_expr(value)?;
                let end = value.range;
                let at = Location::new(at.lineno, end.end_lineno, at.col_offset, end.end_col_offset);
                self.op_i(at, Opcode::MAP_ADD, arg(depth + 1));
                return Ok(at);
            }
        }
        Ok(at)
    }

    fn async_generator(
        &mut self,
        comp: &Comp<'a>,
        generator: &'a Comprehension<'a>,
        index: usize,
        depth: usize,
        iter_on_stack: bool,
    ) -> Res {
        let at = comp.at;
        let start = self.label();
        let send = self.label();
        let except = self.label();
        let if_cleanup = self.label();
        if !iter_on_stack {
            if index == 0 {
                self.op_i(at, Opcode::LOAD_FAST, 0);
            } else {
                self.visit_expr(generator.iter)?;
                self.op(loc(generator.iter.range), Opcode::GET_AITER);
            }
        }
        self.place(start);
        self.push_fblock(at, FBlockKind::AsyncComprehensionGenerator, start, NO_LABEL)?;
        self.op_j(at, Opcode::SETUP_FINALLY, except);
        self.op(at, Opcode::GET_ANEXT);
        self.load_const(at, Const::None);
        self.place(send);
        self.yield_from(at, true);
        self.op(at, Opcode::POP_BLOCK);
        self.visit_expr(generator.target)?;
        for condition in generator.ifs {
            self.jump_if(at, condition, if_cleanup, false)?;
        }
        let elt_at = self.generator_body(comp, index, depth + 1)?;
        self.place(if_cleanup);
        self.op_j(elt_at, Opcode::JUMP, start);
        self.pop_fblock();
        self.place(except);
        self.op_j(at, Opcode::END_ASYNC_FOR, send);
        Ok(())
    }

    fn inlined_comprehension(&mut self, id: EntryId, outermost: &'a Comprehension<'a>, comp: &Comp<'a>) -> Res {
        self.outermost_iterator(outermost)?;
        let mut state = InlinedState::default();
        let in_class_block = self.entry().block == BlockType::Class && self.unit().in_inlined_comp == 0;
        self.tweak_scopes(id, in_class_block, &mut state);
        self.push_inlined_locals(id, comp.at, &mut state)?;
        self.build_empty(comp, true);
        self.generator(comp, 0, 0, true)?;
        self.pop_inlined_locals(comp.at, &state);
        self.revert_scopes(state);
        Ok(())
    }

    /// While the comprehension is compiled, its own names have the scope they have in it.
    fn tweak_scopes(&mut self, comp: EntryId, in_class_block: bool, state: &mut InlinedState<'a>) {
        self.u().in_inlined_comp += 1;
        let outer = self.unit().ste;
        let function_like = self.entry().is_function_like();
        let symbols: Vec<_> = self.st.entry(comp).symbols.iter().map(|(name, flags)| (*name, *flags)).collect();
        for (name, flags) in symbols {
            let scope = symbol_to_scope(flags);
            let out_flags = self.st.entry(outer).symbol(name);
            let out_scope = symbol_to_scope(out_flags);
            let differs = scope != out_scope && scope != FREE && !(scope == CELL && out_scope == FREE);
            if differs || in_class_block {
                self.st.entry_mut(outer).symbols.insert(name, flags);
                state.temp_symbols.push((name, out_flags));
            }
            if !is_isolated(flags) && !in_class_block || function_like {
                continue;
            }
            // Outside functions the name is a fast local here, and hidden.
            let hidden = self.u().metadata.fasthidden.entry(name.into()).or_insert(false);
            if !*hidden {
                *hidden = true;
                state.fast_hidden.push(name);
            }
        }
    }

    fn push_inlined_locals(&mut self, comp: EntryId, at: Location, state: &mut InlinedState<'a>) -> Res {
        let symbols: Vec<_> = self.st.entry(comp).symbols.iter().map(|(name, flags)| (*name, *flags)).collect();
        for (name, flags) in symbols {
            if !is_isolated(flags) {
                continue;
            }
            let mangled = self.maybe_mangle(name);
            let local = self.add_varname(mangled);
            self.op_i(at, Opcode::LOAD_FAST_AND_CLEAR, local);
            if symbol_to_scope(flags) == CELL {
                let free = self.entry().scope(name) == FREE;
                let cell = if free { self.add_freevar(mangled) } else { self.add_cellvar(mangled) };
                self.op_i(at, Opcode::MAKE_CELL, cell);
            }
            state.pushed_locals.push(name);
        }
        if !state.pushed_locals.is_empty() {
            // Brings the iterator back to the top.
            self.op_i(at, Opcode::SWAP, arg(state.pushed_locals.len() + 1));
            let cleanup = self.label();
            state.cleanup = Some(cleanup);
            self.push_fblock(at, FBlockKind::InlinedComprehension, cleanup, NO_LABEL)?;
            self.op_j(at, Opcode::SETUP_FINALLY, cleanup);
        }
        Ok(())
    }

    fn pop_inlined_locals(&mut self, at: Location, state: &InlinedState<'a>) {
        let Some(cleanup) = state.cleanup else { return };
        self.pop_fblock();
        self.op(NO_LOCATION, Opcode::POP_BLOCK);
        let end = self.label();
        self.op_j(NO_LOCATION, Opcode::JUMP_NO_INTERRUPT, end);
        self.place(cleanup);
        // Drops the incomplete result under the exception.
        self.op_i(NO_LOCATION, Opcode::SWAP, 2);
        self.op(NO_LOCATION, Opcode::POP_TOP);
        self.restore_inlined_locals(at, state);
        self.op_i(NO_LOCATION, Opcode::RERAISE, 0);
        self.place(end);
        self.restore_inlined_locals(at, state);
    }

    fn restore_inlined_locals(&mut self, at: Location, state: &InlinedState<'a>) {
        self.op_i(at, Opcode::SWAP, arg(state.pushed_locals.len() + 1));
        for name in state.pushed_locals.iter().rev() {
            let mangled = self.maybe_mangle(name);
            let local = self.add_varname(mangled);
            self.op_i(at, Opcode::STORE_FAST_MAYBE_NULL, local);
        }
    }

    fn revert_scopes(&mut self, state: InlinedState<'a>) {
        let outer = self.unit().ste;
        for (name, flags) in state.temp_symbols {
            self.st.entry_mut(outer).symbols.insert(name, flags);
        }
        let u = self.u();
        u.in_inlined_comp -= 1;
        for name in state.fast_hidden {
            // Stays in the table: the code object marks it as hidden.
            if let Some(hidden) = u.metadata.fasthidden.get_mut(Text::new(name)) {
                *hidden = false;
            }
        }
    }
}

/// Whether the comprehension binds the name for itself.
fn is_isolated(flags: Flags) -> bool {
    flags & DEF_LOCAL != 0 && flags & DEF_NONLOCAL == 0
}
