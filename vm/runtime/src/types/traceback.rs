//! `traceback` objects: where an exception has passed through.

use crate::types::exceptions::BaseException;
use crate::types::frame::FrameObject;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// The payload of `traceback`.
#[pyclass(name = "traceback", gc, text_signature = "(tb_next, tb_frame, tb_lasti, tb_lineno)")]
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

    #[getter(member)]
    fn tb_frame(&self) -> Py<FrameObject> {
        self.frame.clone()
    }

    #[getter(member)]
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

/// An exception as the interpreter itself prints it, without the library: `PyTraceBack_Print` and the last line.
pub fn describe_exception(vm: &mut Vm, exception: &Value) -> PyResult<String> {
    let mut text = String::new();
    let traceback = exception.downcast::<BaseException>().and_then(|e| e.traceback.load(vm));
    if let Some(Ok(first)) = traceback.filter(|tb| !tb.is_none()).map(Value::into_py::<Traceback>) {
        text = describe_traceback(vm, first);
    }
    let name = crate::types::typeobject::full_name(vm, exception.ty());
    let message = match vm.str(exception) {
        Ok(message) => message.to_string_lossy().into_owned(),
        Err(_) => "<exception str() failed>".to_owned(),
    };
    text.push_str(&name);
    if !message.is_empty() {
        text.push_str(": ");
        text.push_str(&message);
    }
    text.push('\n');
    Ok(text)
}

/// An exception below those that it came of, as the interpreter itself prints them.
pub fn describe_chain(vm: &mut Vm, exception: &Value) -> PyResult<String> {
    const CAUSE: &str = "\nThe above exception was the direct cause of the following exception:\n\n";
    const CONTEXT: &str = "\nDuring handling of the above exception, another exception occurred:\n\n";
    let (mut chain, mut seen) = (vec![(exception.clone(), "")], std::collections::HashSet::from([exception.id()]));
    while let Some((last, _)) = chain.last() {
        let Some(base) = last.downcast::<BaseException>() else { break };
        let cause = base.cause.load(vm).map(|cause| (cause, CAUSE));
        let context = base.context.load(vm).filter(|_| !base.suppress_context.get()).map(|context| (context, CONTEXT));
        match cause.or(context) {
            Some(earlier) if seen.insert(earlier.0.id()) => chain.push(earlier),
            _ => break,
        }
    }
    let mut text = String::new();
    for (exception, link) in chain.into_iter().rev() {
        text.push_str(&describe_exception(vm, &exception)?);
        text.push_str(link);
    }
    Ok(text)
}

/// A traceback under its heading; nothing if `sys.tracebacklimit` says so.
pub fn describe_traceback(vm: &mut Vm, first: Py<Traceback>) -> String {
    const LIMIT: usize = 1000;
    let wanted = vm.sys_get("tracebacklimit");
    let wanted = wanted.as_ref().and_then(crate::types::int::IntRef::new).and_then(|i| i.to_i64());
    let limit = wanted.map_or(LIMIT, |n| usize::try_from(n).unwrap_or(0));
    let mut text = String::new();
    if limit > 0 {
        text.push_str("Traceback (most recent call last):\n");
        describe_frames(vm, first, limit, &mut text);
    }
    text
}

/// The last entries; the same line three times at most in a row.
fn describe_frames(vm: &mut Vm, first: Py<Traceback>, limit: usize, text: &mut String) {
    const SHOWN: usize = 3;
    let entries: Vec<Py<Traceback>> = std::iter::successors(Some(first), |tb| tb.next.get(vm).clone()).collect();
    let length = entries.len();
    let (mut last, mut repeated) = (String::new(), 0);
    for tb in entries.into_iter().skip(length.saturating_sub(limit)) {
        let entry = describe_frame(vm, &tb);
        if entry == last {
            repeated += 1;
        } else {
            describe_repeats(text, repeated, SHOWN);
            (last, repeated) = (entry, 1);
        }
        if repeated <= SHOWN {
            text.push_str(&last);
        }
    }
    describe_repeats(text, repeated, SHOWN);
}

fn describe_repeats(text: &mut String, repeated: usize, shown: usize) {
    if let Some(more @ 1..) = repeated.checked_sub(shown) {
        text.push_str(&format!("  [Previous line repeated {more} more time{}]\n", if more > 1 { "s" } else { "" }));
    }
}

/// Whether the program has left `io.open`, by which source lines are read, in its place.
fn can_open(vm: &mut Vm) -> bool {
    let Ok(io) = vm.imported("io") else { return true };
    let name = vm.intern("open");
    matches!(vm.getattr_opt(&io, &name), Ok(Some(_)))
}

/// The place, and the source line while the interpreter can still read files.
fn describe_frame(vm: &mut Vm, tb: &Traceback) -> String {
    let Some(code) = tb.frame.code() else { return String::new() };
    let (filename, line) = (code.filename.get(vm).clone(), tb.line());
    let mut text = format!("  File \"{}\", line {}, in {}\n", filename.to_string_lossy(), line.unwrap_or(0), code.name.to_string_lossy());
    let source = line.filter(|_| !vm.interp.finalizing.get() && can_open(vm));
    let source = source.and_then(|line| crate::compile::source_line(vm, &filename.to_text(), line));
    if let Some(source) = source {
        text.push_str(&format!("    {}\n", source.trim()));
    }
    text
}
