//! `_sre.SRE_Scanner`: matches again and again, each time behind the last match.

use super::{How, Match, Pattern, Text, run};
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_sre::State;
use std::cell::Cell;

/// A pattern on its way through a text.
#[pyclass(name = "SRE_Scanner", module = "_sre", flags(DISALLOW_INSTANTIATION), gc)]
pub struct Scanner {
    pub pattern: Py<Pattern>,
    pub string: Value,
    #[traverse(skip)]
    pub text: Text,
    /// A view of the buffer of a subject that could change its size.
    pub hold: Value,
    /// None when there was no match or when it is in use.
    #[traverse(skip)]
    pub state: GilCell<Option<State>>,
    pub executing: Cell<bool>,
    pub pos: usize,
    pub endpos: usize,
}

impl Scanner {
    fn next(&self, vm: &mut Vm, how: How) -> PyResult {
        if self.executing.get() {
            return Err(vm.value_error("regular expression scanner already executing"));
        }
        let Some(mut state) = self.state.replace(vm, None) else { return Ok(Value::none()) };
        self.executing.set(true);
        let result = run(vm, &self.pattern, &mut state, &self.text, how);
        self.executing.set(false);
        if !result? {
            return Ok(Value::none());
        }
        let found = vm.new_object(Match::new(&self.pattern, &self.string, &state, self.pos, self.endpos))?;
        state.advance();
        self.state.replace(vm, Some(state));
        Ok(found.into_value())
    }
}

#[pymethods]
impl Scanner {
    /// The pattern object.
    #[getter]
    fn pattern(&self) -> Py<Pattern> {
        self.pattern.clone()
    }

    /// Match where the last match ended.
    #[method(name = "match", sig = "()")]
    fn py_match(&self, vm: &mut Vm) -> PyResult {
        self.next(vm, How::Match)
    }

    /// Look for the next match.
    #[method(sig = "()")]
    fn search(&self, vm: &mut Vm) -> PyResult {
        self.next(vm, How::Search)
    }
}
