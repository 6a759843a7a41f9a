//! `match` (PEP 634).
//!
//! Every pattern consumes the subject on top of the stack and jumps away on failure. `on_top` counts what must stay on
//! top meanwhile and be popped on failure; captured values are rotated beneath it and stored once the whole pattern has
//! matched.

use krait_bytecode::{Const, ConstKey, Opcode};
use krait_syntax::ast::*;
use rustc_hash::FxHashSet;

use super::target::NB_SUBSCR;
use super::{arg, constant};
use crate::ast_tools::loc;
use crate::compile::Compiler;
use crate::error::{Res, recurse};
use crate::instruction_sequence::{JumpTargetLabel, Location, NEXT_LOCATION, NO_LOCATION};

#[derive(Clone, Default)]
struct PatternContext<'a> {
    /// Names captured so far, in the order of their values on the stack.
    stores: Vec<&'a str>,
    /// Whether a pattern that always matches may stand here.
    allow_irrefutable: bool,
    /// Where to jump on failure to have that many values popped.
    fail_pop: Vec<JumpTargetLabel>,
    on_top: usize,
}

fn is_wildcard(p: &Pattern<'_>) -> bool {
    matches!(p.kind, PatternKind::MatchAs { name: None, .. })
}

fn is_wildcard_star(p: &Pattern<'_>) -> bool {
    matches!(p.kind, PatternKind::MatchStar { name: None })
}

fn is_star(p: &Pattern<'_>) -> bool {
    matches!(p.kind, PatternKind::MatchStar { .. })
}

impl<'a> Compiler<'a> {
    fn ensure_fail_pop(&mut self, pc: &mut PatternContext<'a>, n: usize) {
        while pc.fail_pop.len() <= n {
            let label = self.label();
            pc.fail_pop.push(label);
        }
    }

    fn jump_to_fail_pop(&mut self, at: Location, pc: &mut PatternContext<'a>, opcode: Opcode) {
        let pops = pc.on_top + pc.stores.len();
        self.ensure_fail_pop(pc, pops);
        self.op_j(at, opcode, pc.fail_pop[pops]);
    }

    fn emit_and_reset_fail_pop(&mut self, at: Location, pc: &mut PatternContext<'a>) {
        while let Some(label) = pc.fail_pop.pop() {
            self.place(label);
            if !pc.fail_pop.is_empty() {
                self.op(at, Opcode::POP_TOP);
            }
        }
    }

    fn rotate(&mut self, at: Location, count: usize) {
        for n in (2..=count).rev() {
            self.op_i(at, Opcode::SWAP, arg(n));
        }
    }

    fn duplicate_store<T>(&self, at: Location, name: &str) -> Res<T> {
        self.error(at, format!("multiple assignments to name '{name}' in pattern"))
    }

    fn pattern_store_name(&mut self, at: Location, name: Option<&'a str>, pc: &mut PatternContext<'a>) -> Res {
        let Some(name) = name else {
            self.op(at, Opcode::POP_TOP);
            return Ok(());
        };
        if pc.stores.contains(&name) {
            return self.duplicate_store(at, name);
        }
        self.rotate(at, pc.on_top + pc.stores.len() + 1);
        pc.stores.push(name);
        Ok(())
    }

    fn pattern(&mut self, p: &'a Pattern<'a>, pc: &mut PatternContext<'a>) -> Res {
        recurse(self, |this| this.pattern_inner(p, pc))
    }

    fn pattern_inner(&mut self, p: &'a Pattern<'a>, pc: &mut PatternContext<'a>) -> Res {
        let at = loc(p.range);
        match p.kind {
            PatternKind::MatchValue { value } => self.pattern_value(at, value, pc),
            PatternKind::MatchSingleton { value } => {
                self.load_const(at, constant(&value));
                self.compare_op(at, CmpOp::Is);
                self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
                Ok(())
            }
            PatternKind::MatchSequence { patterns } => self.pattern_sequence(at, patterns, pc),
            PatternKind::MatchMapping { keys, patterns, rest } => self.pattern_mapping(at, keys, patterns, rest, pc),
            PatternKind::MatchClass { cls, patterns, kwd_attrs, kwd_patterns } => {
                self.pattern_class(at, cls, patterns, kwd_attrs, kwd_patterns, pc)
            }
            PatternKind::MatchStar { name } => self.pattern_store_name(at, name, pc),
            PatternKind::MatchAs { pattern, name } => self.pattern_as(at, pattern, name, pc),
            PatternKind::MatchOr { patterns } => self.pattern_or(at, patterns, pc),
        }
    }

    /// A pattern inside another, where it may match anything.
    fn subpattern(&mut self, p: &'a Pattern<'a>, pc: &mut PatternContext<'a>) -> Res {
        let allow_irrefutable = std::mem::replace(&mut pc.allow_irrefutable, true);
        self.pattern(p, pc)?;
        pc.allow_irrefutable = allow_irrefutable;
        Ok(())
    }

    fn pattern_value(&mut self, at: Location, value: &'a Expr<'a>, pc: &mut PatternContext<'a>) -> Res {
        if !matches!(value.kind, ExprKind::Constant { .. } | ExprKind::Attribute { .. }) {
            return self.error(at, "patterns may only match literals and attribute lookups");
        }
        self.visit_expr(value)?;
        self.compare_op(at, CmpOp::Eq);
        self.op(at, Opcode::TO_BOOL);
        self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
        Ok(())
    }

    fn pattern_as(
        &mut self,
        at: Location,
        pattern: Option<&'a Pattern<'a>>,
        name: Option<&'a str>,
        pc: &mut PatternContext<'a>,
    ) -> Res {
        let Some(pattern) = pattern else {
            if pc.allow_irrefutable {
                return self.pattern_store_name(at, name, pc);
            }
            return match name {
                Some(name) => self.error(at, format!("name capture '{name}' makes remaining patterns unreachable")),
                None => self.error(at, "wildcard makes remaining patterns unreachable"),
            };
        };
        pc.on_top += 1;
        self.op_i(at, Opcode::COPY, 1);
        self.pattern(pattern, pc)?;
        pc.on_top -= 1;
        self.pattern_store_name(at, name, pc)
    }

    fn pattern_sequence(&mut self, at: Location, patterns: &'a [Pattern<'a>], pc: &mut PatternContext<'a>) -> Res {
        let size = patterns.len();
        if patterns.iter().filter(|p| is_star(p)).count() > 1 {
            return self.error(at, "multiple starred names in sequence pattern");
        }
        let star = patterns.iter().position(is_star);
        let star_wildcard = patterns.iter().any(is_wildcard_star);
        let only_wildcard = patterns.iter().all(|p| is_wildcard(p) || is_wildcard_star(p));
        pc.on_top += 1;
        self.op(at, Opcode::MATCH_SEQUENCE);
        self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
        if star.is_none() {
            self.check_length(at, size, CmpOp::Eq, pc);
        } else if size > 1 {
            self.check_length(at, size - 1, CmpOp::GtE, pc);
        }
        pc.on_top -= 1;
        match star {
            _ if only_wildcard => {
                self.op(at, Opcode::POP_TOP);
                Ok(())
            }
            Some(star) if star_wildcard => self.sequence_subscr(at, patterns, star, pc),
            _ => self.sequence_unpack(at, patterns, pc),
        }
    }

    fn check_length(&mut self, at: Location, size: usize, op: CmpOp, pc: &mut PatternContext<'a>) {
        self.op(at, Opcode::GET_LEN);
        self.load_const(at, Const::Int(arg(size).into()));
        self.compare_op(at, op);
        self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
    }

    fn sequence_unpack(&mut self, at: Location, patterns: &'a [Pattern<'a>], pc: &mut PatternContext<'a>) -> Res {
        let size = patterns.len();
        match patterns.iter().position(is_star) {
            Some(before) => {
                let after = size - before - 1;
                if before >= 1 << 8 || after >= (i32::MAX >> 8) as usize {
                    return self.error(at, "too many expressions in star-unpacking sequence pattern");
                }
                self.op_i(at, Opcode::UNPACK_EX, arg(before + (after << 8)));
            }
            None => self.op_i(at, Opcode::UNPACK_SEQUENCE, arg(size)),
        }
        pc.on_top += size;
        for pattern in patterns {
            pc.on_top -= 1;
            self.subpattern(pattern, pc)?;
        }
        Ok(())
    }

    /// With `*_` only the items that matter are fetched.
    fn sequence_subscr(&mut self, at: Location, patterns: &'a [Pattern<'a>], star: usize, pc: &mut PatternContext<'a>) -> Res {
        pc.on_top += 1;
        let size = patterns.len();
        for (i, pattern) in patterns.iter().enumerate() {
            if is_wildcard(pattern) || i == star {
                continue;
            }
            self.op_i(at, Opcode::COPY, 1);
            if i < star {
                self.load_const(at, Const::Int(arg(i).into()));
            } else {
                // The subject need not support negative indices.
                self.op(at, Opcode::GET_LEN);
                self.load_const(at, Const::Int(arg(size - i).into()));
                self.binary_op(at, Operator::Sub, false);
            }
            self.op_i(at, Opcode::BINARY_OP, NB_SUBSCR);
            self.subpattern(pattern, pc)?;
        }
        pc.on_top -= 1;
        self.op(at, Opcode::POP_TOP);
        Ok(())
    }

    fn pattern_class(
        &mut self,
        at: Location,
        cls: &'a Expr<'a>,
        patterns: &'a [Pattern<'a>],
        attrs: &'a [&'a str],
        kwd_patterns: &'a [Pattern<'a>],
        pc: &mut PatternContext<'a>,
    ) -> Res {
        if attrs.len() != kwd_patterns.len() {
            let (a, p) = (attrs.len(), kwd_patterns.len());
            return self.error(at, format!("kwd_attrs ({a}) / kwd_patterns ({p}) length mismatch in class pattern"));
        }
        for (i, attr) in attrs.iter().enumerate() {
            if let Some(again) = attrs[i + 1..].iter().position(|other| other == attr) {
                let place = loc(kwd_patterns[i + 1 + again].range);
                return self.error(place, format!("attribute name repeated in class pattern: {attr}"));
            }
        }
        self.visit_expr(cls)?;
        let names = self.constant_tuple(attrs.iter().copied());
        self.load_const(at, names);
        self.op_i(at, Opcode::MATCH_CLASS, arg(patterns.len()));
        self.fail_if_none(at, 1, pc);
        let size = patterns.len() + kwd_patterns.len();
        self.op_i(at, Opcode::UNPACK_SEQUENCE, arg(size));
        pc.on_top += size;
        pc.on_top -= 1;
        for pattern in patterns.iter().chain(kwd_patterns) {
            pc.on_top -= 1;
            if is_wildcard(pattern) {
                self.op(at, Opcode::POP_TOP);
            } else {
                self.subpattern(pattern, pc)?;
            }
        }
        Ok(())
    }

    /// Fails when the value on top is None; `more` values are on top then.
    fn fail_if_none(&mut self, at: Location, more: usize, pc: &mut PatternContext<'a>) {
        pc.on_top += more;
        self.op_i(at, Opcode::COPY, 1);
        self.load_const(at, Const::None);
        self.op_i(at, Opcode::IS_OP, 1);
        self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
    }

    fn mapping_key(&mut self, at: Location, key: &'a Expr<'a>, seen: &mut FxHashSet<ConstKey>) -> Res {
        match key.kind {
            ExprKind::Constant { value, .. } => {
                let value = constant(&value);
                if !seen.insert(ConstKey(hash_class(&value))) {
                    let repr = super::const_repr::repr(&value);
                    return self.error(at, format!("mapping pattern checks duplicate key ({repr})"));
                }
            }
            ExprKind::Attribute { .. } => {}
            _ => return self.error(at, "mapping pattern keys may only match literals and attribute lookups"),
        }
        self.visit_expr(key)
    }

    fn pattern_mapping(
        &mut self,
        at: Location,
        keys: &'a [Expr<'a>],
        patterns: &'a [Pattern<'a>],
        rest: Option<&'a str>,
        pc: &mut PatternContext<'a>,
    ) -> Res {
        let size = keys.len();
        if size != patterns.len() {
            let p = patterns.len();
            return self.error(at, format!("keys ({size}) / patterns ({p}) length mismatch in mapping pattern"));
        }
        pc.on_top += 1;
        self.op(at, Opcode::MATCH_MAPPING);
        self.jump_to_fail_pop(at, pc, Opcode::POP_JUMP_IF_FALSE);
        if size == 0 && rest.is_none() {
            pc.on_top -= 1;
            self.op(at, Opcode::POP_TOP);
            return Ok(());
        }
        if size > 0 {
            self.check_length(at, size, CmpOp::GtE, pc);
        }
        let mut seen = FxHashSet::default();
        keys.iter().try_for_each(|key| self.mapping_key(at, key, &mut seen))?;
        self.op_i(at, Opcode::BUILD_TUPLE, arg(size));
        self.op(at, Opcode::MATCH_KEYS);
        // The keys and the values are on top of the subject.
        self.fail_if_none(at, 2, pc);
        self.op_i(at, Opcode::UNPACK_SEQUENCE, arg(size));
        pc.on_top += size;
        pc.on_top -= 1;
        for pattern in patterns {
            pc.on_top -= 1;
            self.subpattern(pattern, pc)?;
        }
        pc.on_top -= 2;
        let Some(rest) = rest else {
            self.op(at, Opcode::POP_TOP);
            self.op(at, Opcode::POP_TOP);
            return Ok(());
        };
        // A copy of the subject without the keys.
        self.op_i(at, Opcode::BUILD_MAP, 0);
        self.op_i(at, Opcode::SWAP, 3);
        self.op_i(at, Opcode::DICT_UPDATE, 2);
        self.op_i(at, Opcode::UNPACK_SEQUENCE, arg(size));
        for n in (1..=size).rev() {
            self.op_i(at, Opcode::COPY, arg(n + 1));
            self.op_i(at, Opcode::SWAP, 2);
            self.op(at, Opcode::DELETE_SUBSCR);
        }
        self.pattern_store_name(at, Some(rest), pc)
    }

    fn pattern_or(&mut self, at: Location, patterns: &'a [Pattern<'a>], pc: &mut PatternContext<'a>) -> Res {
        let end = self.label();
        let outer = std::mem::take(pc);
        let mut control: Option<Vec<&'a str>> = None;
        for (i, alternative) in patterns.iter().enumerate() {
            let here = loc(alternative.range);
            *pc = PatternContext {
                // Only the last may match anything.
                allow_irrefutable: i + 1 == patterns.len() && outer.allow_irrefutable,
                ..PatternContext::default()
            };
            self.op_i(here, Opcode::COPY, 1);
            self.pattern(alternative, pc)?;
            match &control {
                None => control = Some(pc.stores.clone()),
                Some(control) => self.reorder_stores(at, here, control, pc)?,
            }
            self.op_j(here, Opcode::JUMP, end);
            self.emit_and_reset_fail_pop(here, pc);
        }
        *pc = outer;
        self.op(at, Opcode::POP_TOP);
        self.jump_to_fail_pop(at, pc, Opcode::JUMP);
        self.place(end);
        let control = control.unwrap_or_default();
        let rotations = control.len() + 1 + pc.on_top + pc.stores.len();
        for name in control {
            self.rotate(at, rotations);
            if pc.stores.contains(&name) {
                return self.duplicate_store(at, name);
            }
            pc.stores.push(name);
        }
        self.op(at, Opcode::POP_TOP);
        Ok(())
    }

    /// All alternatives leave their captures in the order of the first.
    fn reorder_stores(&mut self, at: Location, here: Location, control: &[&'a str], pc: &mut PatternContext<'a>) -> Res {
        let different = "alternative patterns bind different names";
        if pc.stores.len() != control.len() {
            return self.error(at, different);
        }
        for (wanted, name) in control.iter().enumerate().rev() {
            let Some(found) = pc.stores.iter().position(|n| n == name) else { return self.error(at, different) };
            if found == wanted {
                continue;
            }
            let rotations = found + 1;
            let moved: Vec<&str> = pc.stores.drain(..rotations).collect();
            let to = wanted - found;
            pc.stores.splice(to..to, moved);
            for _ in 0..rotations {
                self.rotate(here, wanted + 1);
            }
        }
        Ok(())
    }

    pub(super) fn match_(&mut self, subject: &'a Expr<'a>, cases: &'a [MatchCase<'a>]) -> Res {
        self.visit_expr(subject)?;
        let end = self.label();
        let (cases, default) = match cases.split_last() {
            Some((last, init)) if is_wildcard(last.pattern) && !init.is_empty() => (init, Some(last)),
            _ => (cases, None),
        };
        for (i, case) in cases.iter().enumerate() {
            self.match_case(case, i + 1 == cases.len(), default.is_some(), end)?;
        }
        if let Some(case) = default {
            let at = loc(case.pattern.range);
            self.op(at, Opcode::NOP);
            if let Some(guard) = case.guard {
                self.jump_if(at, guard, end, false)?;
            }
            self.visit_stmts(case.body)?;
        }
        self.place(end);
        Ok(())
    }

    fn match_case(&mut self, case: &'a MatchCase<'a>, last: bool, has_default: bool, end: JumpTargetLabel) -> Res {
        let at = loc(case.pattern.range);
        if !last {
            self.op_i(at, Opcode::COPY, 1);
        }
        let mut pc = PatternContext {
            allow_irrefutable: case.guard.is_some() || last && !has_default,
            ..PatternContext::default()
        };
        self.pattern(case.pattern, &mut pc)?;
        for name in std::mem::take(&mut pc.stores) {
            self.store_name(at, name)?;
        }
        if let Some(guard) = case.guard {
            self.ensure_fail_pop(&mut pc, 0);
            let fail = pc.fail_pop[0];
            self.jump_if(at, guard, fail, false)?;
        }
        if !last {
            self.op(NEXT_LOCATION, Opcode::POP_TOP);
        }
        self.visit_stmts(case.body)?;
        self.op_j(NO_LOCATION, Opcode::JUMP, end);
        self.emit_and_reset_fail_pop(at, &mut pc);
        Ok(())
    }
}

/// A representative of all constants that are equal in Python: `1`, `1.0`, `True` and `1+0j` are one key.
fn hash_class(value: &Const) -> Const {
    match *value {
        Const::True => Const::Int(1),
        Const::False => Const::Int(0),
        Const::Float(v) | Const::Complex(v, 0.0) if v.fract() == 0.0 && v.abs() < 9.0e15 => Const::Int(v as i64),
        Const::Complex(v, 0.0) => Const::Float(v),
        Const::Complex(re, im) => Const::Complex(re + 0.0, im + 0.0),
        _ => value.clone(),
    }
}
