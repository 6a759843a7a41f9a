//! `traceback` objects: where an exception has passed through.

use crate::types::frame::FrameObject;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The payload of `traceback`.
#[pyclass(name = "traceback", gc)]
pub struct Traceback {
    pub next: GilCell<Option<Py<Traceback>>>,
    pub frame: Py<FrameObject>,
    /// Offset of the instruction, in bytes.
    pub lasti: i32,
    /// The line; -1 while it has not been looked up.
    pub lineno: Cell<i32>,
}

impl Traceback {
    /// The line of the instruction.
    pub fn line(&self) -> Option<i32> {
        if self.lineno.get() != -1 {
            return Some(self.lineno.get());
        }
        let line = self.frame.code()?.line_of(i64::from(self.lasti) / 2);
        if let Some(line) = line {
            self.lineno.set(line);
        }
        line
    }
}

impl Vm {
    /// A new traceback entry in front of `next`.
    pub fn new_traceback(&mut self, next: Option<Py<Traceback>>, frame: Py<FrameObject>, lasti: i32, lineno: i32) -> PyResult<Py<Traceback>> {
        self.new_object(Traceback { next: GilCell::new(next), frame, lasti, lineno: Cell::new(lineno) })
    }
}

fn check_next(vm: &mut Vm, zelf: &Py<Traceback>, value: &Value) -> PyResult<Option<Py<Traceback>>> {
    if value.is_none() {
        return Ok(None);
    }
    let Some(next) = value.downcast::<Traceback>() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("expected traceback object, got '{got}'")));
    };
    let mut at = Some(next.clone());
    while let Some(tb) = at {
        if tb.is(zelf) {
            return Err(vm.value_error("traceback loop detected"));
        }
        at = tb.next.load(vm);
    }
    Ok(Some(next.clone()))
}

#[pymethods]
impl Traceback {
    /// Create a traceback entry.
    #[new(sig = "(tb_next, tb_frame, tb_lasti, tb_lineno)")]
    fn new(_cls: &Py<crate::types::type_::PyType>, tb_next: &Value, tb_frame: &Py<FrameObject>, tb_lasti: i32, tb_lineno: i32, vm: &mut Vm) -> PyResult<Py<Traceback>> {
        let next = if tb_next.is_none() {
            None
        } else {
            match tb_next.downcast::<Traceback>() {
                Some(tb) => Some(tb.clone()),
                None => {
                    let got = tb_next.type_name();
                    return Err(vm.type_error(format!("expected traceback object or None, got '{got}'")));
                }
            }
        };
        vm.new_traceback(next, tb_frame.clone(), tb_lasti, tb_lineno)
    }

    #[getter]
    fn tb_next(&self, vm: &mut Vm) -> Option<Py<Traceback>> {
        self.next.load(vm)
    }

    #[setter]
    fn set_tb_next(zelf: &Py<Traceback>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("can't delete tb_next attribute")) };
        let next = check_next(vm, zelf, value)?;
        let old = zelf.next.replace(vm, next);
        drop(old);
        Ok(())
    }

    #[getter]
    fn tb_frame(&self) -> Py<FrameObject> {
        self.frame.clone()
    }

    #[getter]
    fn tb_lasti(&self) -> i32 {
        self.lasti
    }

    #[getter]
    fn tb_lineno(&self) -> Option<i32> {
        self.line()
    }

    #[method(name = "__dir__")]
    fn dir(&self, vm: &mut Vm) -> PyResult {
        let names = ["tb_frame", "tb_next", "tb_lasti", "tb_lineno"].map(|n| vm.intern(n).into_value());
        Ok(vm.new_list(names.to_vec())?.into_value())
    }
}
