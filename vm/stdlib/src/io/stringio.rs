//! `StringIO`: a text stream in memory, of code points.

use crate::io::base::TextIOBase;
use crate::io::bytesio::{attributes, set_attributes};
use crate::io::newline::IncrementalNewlineDecoder;
use crate::io::size_arg;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

/// The payload.
#[pyclass(name = "StringIO", module = "_io", base = TextIOBase, flags(BASETYPE), text_signature = "(initial_value='', newline='\\n')")]
#[repr(C)]
#[derive(Default)]
pub struct StringIO {
    base: TextIOBase,
    #[traverse(skip)]
    chars: GilCell<Vec<u32>>,
    pos: Cell<usize>,
    ok: Cell<bool>,
    closed: Cell<bool>,
    /// Any newline ends a line.
    universal: Cell<bool>,
    decoder: GilCell<Option<Py<IncrementalNewlineDecoder>>>,
    /// What ends a line, if not any newline or "\n".
    ending: Cell<Option<&'static str>>,
    /// What "\n" becomes when it is written.
    written_as: Cell<Option<&'static str>>,
    /// The `newline` argument.
    newline: GilCell<Option<Value>>,
}

/// A newline argument: one of five strings, or none.
pub fn newline_arg(vm: &mut Vm, value: &Value) -> PyResult<Option<&'static str>> {
    if value.is_none() {
        return Ok(None);
    }
    let Some(s) = value.downcast::<Str>() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("newline must be str or None, not {got}")));
    };
    match &*s.to_string_lossy() {
        "" => Ok(Some("")),
        "\n" => Ok(Some("\n")),
        "\r" => Ok(Some("\r")),
        "\r\n" => Ok(Some("\r\n")),
        _ => {
            let text = vm.repr(value)?;
            Err(vm.value_error(format!("illegal newline value: {}", text.to_string_lossy())))
        }
    }
}

impl StringIO {
    fn check(&self, vm: &mut Vm) -> PyResult<()> {
        if !self.ok.get() {
            return Err(vm.value_error("I/O operation on uninitialized object"));
        }
        if self.closed.get() { Err(vm.value_error("I/O operation on closed file")) } else { Ok(()) }
    }

    fn put(&self, vm: &mut Vm, text: &Py<Str>) -> PyResult<()> {
        let decoder = self.decoder.load(vm);
        let text = match decoder {
            Some(decoder) => decoder.decode_value(vm, text.as_value(), true)?,
            None => text.clone(),
        };
        // A newline may become two characters.
        vm.require_room(text.len() * 8)?;
        let mut new: Vec<u32> = Vec::with_capacity(text.len());
        match self.written_as.get() {
            Some(ending) => {
                for c in text.chars() {
                    if c == 10 {
                        new.extend(ending.chars().map(u32::from));
                    } else {
                        new.push(c);
                    }
                }
            }
            None => new.extend(text.chars()),
        }
        let at = self.pos.get();
        let Some(end) = at.checked_add(new.len()).filter(|&e| e <= isize::MAX as usize / 4) else {
            return Err(vm.overflow_error("new position too large"));
        };
        let chars = self.chars.get_mut(vm);
        if end > chars.len() {
            if chars.try_reserve(end - chars.len()).is_err() {
                return Err(vm.memory_error());
            }
            chars.resize(end, 0);
        }
        if let Some(target) = chars.get_mut(at..end) {
            target.copy_from_slice(&new);
        }
        self.pos.set(end);
        Ok(())
    }

    fn take(&self, vm: &mut Vm, n: usize) -> PyResult<Py<Str>> {
        let rest = self.chars.get(vm).get(self.pos.get()..).unwrap_or_default();
        let n = n.min(rest.len());
        let part = rest.get(..n).unwrap_or_default().to_vec();
        self.pos.set(self.pos.get() + n);
        vm.new_str_ucs4(&part)
    }

    fn line(&self, vm: &mut Vm, limit: isize) -> PyResult<Py<Str>> {
        let rest = self.chars.get(vm).get(self.pos.get()..).unwrap_or_default();
        let mut n = line_length(rest, self.universal.get() && self.is_untranslated(vm), self.ending.get());
        if let Ok(limit) = usize::try_from(limit) {
            n = n.min(limit);
        }
        self.take(vm, n)
    }

    /// Newlines are recognized but not translated (`newline=''`).
    fn is_untranslated(&self, vm: &Vm) -> bool {
        self.newline.get(vm).as_ref().is_some_and(|n| !n.is_none())
    }

    fn setup(&self, vm: &mut Vm, newline: Option<&'static str>) -> PyResult<()> {
        self.universal.set(newline.is_none_or(str::is_empty));
        self.ending.set(newline.filter(|n| !n.is_empty() && *n != "\n"));
        self.written_as.set(newline.filter(|n| n.starts_with('\r')));
        let decoder = if self.universal.get() { Some(IncrementalNewlineDecoder::make(vm, Value::none(), newline.is_none())?) } else { None };
        let old = self.decoder.replace(vm, decoder);
        drop(old);
        Ok(())
    }
}

/// Characters of the first line.
fn line_length(chars: &[u32], universal: bool, ending: Option<&str>) -> usize {
    if let Some(ending) = ending {
        let ending: Vec<u32> = ending.chars().map(u32::from).collect();
        return chars.windows(ending.len()).position(|w| w == ending.as_slice()).map_or(chars.len(), |i| i + ending.len());
    }
    if universal {
        return match chars.iter().position(|&c| c == 10 || c == 13) {
            Some(i) if chars.get(i) == Some(&13) && chars.get(i + 1) == Some(&10) => i + 2,
            Some(i) => i + 1,
            None => chars.len(),
        };
    }
    chars.iter().position(|&c| c == 10).map_or(chars.len(), |i| i + 1)
}

#[pymethods]
impl StringIO {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<StringIO>> {
        let _ = args;
        vm.new_instance(cls, StringIO::default())
    }

    #[init(sig = "(initial_value='', newline=?)")]
    fn init(&self, initial_value: Value, newline: Option<Value>, vm: &mut Vm) -> PyResult<()> {
        let newline = match newline {
            Some(n) => n,
            None => vm.intern("\n").into_value(),
        };
        let ending = newline_arg(vm, &newline)?;
        if !initial_value.is_none() && !initial_value.is::<Str>() {
            let got = initial_value.type_name();
            return Err(vm.type_error(format!("initial_value must be str or None, not {got}")));
        }
        self.ok.set(false);
        self.setup(vm, ending)?;
        let old = (self.newline.replace(vm, Some(newline)), self.chars.replace(vm, Vec::new()));
        drop(old);
        self.pos.set(0);
        if let Some(text) = initial_value.downcast::<Str>() {
            self.put(vm, text)?;
            self.pos.set(0);
        }
        self.closed.set(false);
        self.ok.set(true);
        Ok(())
    }

    /// All text, whatever the position.
    #[method]
    fn getvalue(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.check(vm)?;
        let chars = self.chars.load(vm);
        vm.new_str_ucs4(&chars)
    }

    /// The position.
    #[method]
    fn tell(&self, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        Ok(self.pos.get())
    }

    /// Read up to size characters; all of them if size is negative or None.
    #[method(sig = "(size=-1, /)")]
    fn read(&self, size: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let n = size_arg(vm, Some(&size))?;
        self.check(vm)?;
        self.take(vm, usize::try_from(n).unwrap_or(usize::MAX))
    }

    /// Read a line, of at most size characters if that is not negative.
    #[method(sig = "(size=-1, /)")]
    fn readline(&self, size: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let limit = size_arg(vm, Some(&size))?;
        self.check(vm)?;
        self.line(vm, limit)
    }

    #[slot(iternext)]
    fn slot_iternext(zelf: &Py<StringIO>, vm: &mut Vm) -> PyResult<Option<Value>> {
        zelf.check(vm)?;
        let line = if zelf.is_exact() {
            zelf.line(vm, -1)?.into_value()
        } else {
            let line = vm.call_method(zelf.as_value(), n!(readline), &[])?;
            if !line.is::<Str>() {
                let got = line.type_name();
                return Err(crate::io::os_error_text(vm, &format!("readline() should have returned a str object, not '{got}'")));
            }
            line
        };
        Ok(if vm.len(&line)? == 0 { None } else { Some(line) })
    }

    /// Cut the text at a position, at the current one without; return it.
    #[method(sig = "(pos=None, /)")]
    fn truncate(&self, pos: Value, vm: &mut Vm) -> PyResult<isize> {
        let size = if pos.is_none() { None } else { Some(size_arg(vm, Some(&pos))?) };
        self.check(vm)?;
        let size = size.unwrap_or(self.pos.get() as isize);
        let Ok(n) = usize::try_from(size) else { return Err(vm.value_error(format!("Negative size value {size}"))) };
        self.chars.get_mut(vm).truncate(n);
        Ok(size)
    }

    /// Set the position, from the start, the current position or the end (whence 0, 1, 2), and return it.
    #[method(sig = "(pos, whence=0, /)")]
    fn seek(&self, pos: &Value, whence: i32, vm: &mut Vm) -> PyResult<usize> {
        let pos = vm.as_isize(pos)?;
        self.check(vm)?;
        if !(0..=2).contains(&whence) {
            return Err(vm.value_error(format!("Invalid whence ({whence}, should be 0, 1 or 2)")));
        }
        if pos < 0 && whence == 0 {
            return Err(vm.value_error(format!("Negative seek position {pos}")));
        }
        if whence != 0 && pos != 0 {
            return Err(crate::io::os_error_text(vm, "Can't do nonzero cur-relative seeks"));
        }
        let at = match whence {
            0 => pos.max(0) as usize,
            1 => self.pos.get(),
            _ => self.chars.get(vm).len(),
        };
        self.pos.set(at);
        Ok(at)
    }

    /// Write text at the position and return the number of its characters.
    #[method(sig = "(s, /)")]
    fn write(&self, s: &Value, vm: &mut Vm) -> PyResult<usize> {
        let Some(text) = s.downcast::<Str>() else {
            let got = s.type_name();
            return Err(vm.type_error(format!("string argument expected, got '{got}'")));
        };
        self.check(vm)?;
        if !text.is_empty() {
            self.put(vm, text)?;
        }
        Ok(text.len())
    }

    /// Give the memory free; nothing can be read or written any more.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        self.closed.set(true);
        let old = self.chars.replace(vm, Vec::new());
        drop(old);
        Ok(())
    }

    /// True while the stream is open.
    #[method]
    fn readable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    /// True while the stream is open.
    #[method]
    fn writable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    /// True while the stream is open.
    #[method]
    fn seekable(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(true)
    }

    #[getter(name = "closed")]
    fn get_closed(&self, vm: &mut Vm) -> PyResult<bool> {
        if !self.ok.get() {
            return Err(vm.value_error("I/O operation on uninitialized object"));
        }
        Ok(self.closed.get())
    }

    #[getter]
    fn line_buffering(&self, vm: &mut Vm) -> PyResult<bool> {
        self.check(vm)?;
        Ok(false)
    }

    #[getter]
    fn newlines(&self, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        match self.decoder.load(vm) {
            Some(decoder) => vm.getattr(decoder.as_value(), n!(newlines)),
            None => Ok(Value::none()),
        }
    }

    #[method(name = "__getstate__")]
    fn getstate(zelf: &Py<StringIO>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let value = zelf.getvalue(vm)?.into_value();
        let newline = zelf.newline.load(vm).unwrap_or_else(Value::none);
        let dict = attributes(vm, zelf.as_value())?;
        let pos = vm.new_int(zelf.pos.get())?;
        vm.new_tuple(vec![value, newline, pos, dict])
    }

    #[method(name = "__setstate__", sig = "(state, /)")]
    fn setstate(zelf: &Py<StringIO>, state: &Value, vm: &mut Vm) -> PyResult<()> {
        if zelf.closed.get() {
            return Err(vm.value_error("I/O operation on closed file"));
        }
        let parts = state.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
        let [value, newline, pos, dict] = parts.as_slice() else {
            let (class, got) = (zelf.as_value().type_name(), state.type_name());
            return Err(vm.type_error(format!("{class}.__setstate__ argument should be 4-tuple, got {got}")));
        };
        let text = value.downcast::<Str>();
        if text.is_none() && !value.is_none() {
            let got = value.type_name();
            return Err(vm.type_error(format!("initial_value must be str or None, not {got}")));
        }
        zelf.init(Value::none(), Some(newline.clone()), vm)?;
        // The text is as it was: its newlines have been translated.
        let chars: Vec<u32> = text.map(|t| t.chars().collect()).unwrap_or_default();
        let old = zelf.chars.replace(vm, chars);
        drop(old);
        if !pos.is::<krait_runtime::types::int::Int>() {
            let got = pos.type_name();
            return Err(vm.type_error(format!("third item of state must be an integer, got {got}")));
        }
        let pos = vm.as_isize(pos)?;
        let Ok(pos) = usize::try_from(pos) else { return Err(vm.value_error("position value cannot be negative")) };
        zelf.pos.set(pos);
        set_attributes(vm, zelf.as_value(), dict, "fourth")
    }
}
