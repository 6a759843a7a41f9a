//! `_sre.SRE_Template`: a replacement, taken apart.

use super::Match;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyclass};

/// Literal text, and groups each followed by literal text.
#[pyclass(name = "SRE_Template", module = "_sre", flags(DISALLOW_INSTANTIATION), gc, no_methods)]
pub struct Template {
    pub literal: Value,
    pub items: Vec<(usize, Value)>,
}

impl Template {
    /// From the list `[literal, group, literal, group, literal ...]`.
    pub fn new(vm: &mut Vm, list: &Py<List>) -> PyResult<Py<Template>> {
        let parts = list.items(vm).to_vec();
        let Some((literal, rest)) = parts.split_first() else { return Err(vm.type_error("invalid template")) };
        let mut items = Vec::new();
        for pair in rest.chunks(2) {
            let [group, text] = pair else { return Err(vm.type_error("invalid template")) };
            if IntRef::new(group).is_none() {
                return Err(vm.type_error("an integer is required"));
            }
            let Some(group) = IntRef::new(group).and_then(|i| i.to_i64()).and_then(|i| usize::try_from(i).ok()) else {
                return Err(vm.type_error("invalid template"));
            };
            items.push((group, text.clone()));
        }
        vm.new_object(Template { literal: literal.clone(), items })
    }

    /// The replacement for a match.
    pub fn expand(&self, vm: &mut Vm, found: &Py<Match>) -> PyResult {
        if self.items.is_empty() {
            return Ok(self.literal.clone());
        }
        let text = found.held_text(vm)?;
        let filled = |v: &Value| v.downcast::<Str>().map_or(!v.is::<Str>(), |s| !s.is_empty());
        let mut parts = Vec::new();
        if filled(&self.literal) {
            parts.push(self.literal.clone());
        }
        for (group, literal) in &self.items {
            let value = found.group_text(vm, &text, *group)?;
            if !value.is_none() {
                parts.push(value);
            }
            if filled(literal) {
                parts.push(literal.clone());
            }
        }
        if parts.is_empty() {
            return text.part(vm, 0, 0);
        }
        text.join(vm, &parts)
    }
}
