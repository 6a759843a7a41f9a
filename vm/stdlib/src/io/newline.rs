//! `IncrementalNewlineDecoder`: universal newlines on top of another decoder.

use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::str_::{Str, StrBuilder};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

const SEEN_CR: u8 = 1;
const SEEN_LF: u8 = 2;
const SEEN_CRLF: u8 = 4;

/// The payload.
#[pyclass(name = "IncrementalNewlineDecoder", module = "_io", flags(BASETYPE), gc, text_signature = "(decoder, translate, errors='strict')")]
#[derive(Default)]
pub struct IncrementalNewlineDecoder {
    decoder: GilCell<Option<Value>>,
    errors: GilCell<Option<Value>>,
    ready: Cell<bool>,
    pending_cr: Cell<bool>,
    translate: Cell<bool>,
    seen: Cell<u8>,
}

fn code_points(s: &Str) -> impl Iterator<Item = u32> + '_ {
    s.chars()
}

impl IncrementalNewlineDecoder {
    /// A decoder that is ready to be used.
    pub fn make(vm: &mut Vm, decoder: Value, translate: bool) -> PyResult<Py<IncrementalNewlineDecoder>> {
        let made = vm.new_object(IncrementalNewlineDecoder::default())?;
        made.decoder.replace(vm, Some(decoder));
        made.translate.set(translate);
        made.ready.set(true);
        Ok(made)
    }

    fn check(&self, vm: &mut Vm) -> PyResult<Value> {
        match self.decoder.load(vm).filter(|_| self.ready.get()) {
            Some(d) => Ok(d),
            None => Err(vm.value_error("IncrementalNewlineDecoder.__init__() not called")),
        }
    }

    /// `decode`.
    pub fn decode_value(&self, vm: &mut Vm, input: &Value, is_final: bool) -> PyResult<Py<Str>> {
        let decoder = self.check(vm)?;
        let output = if decoder.is_none() { input.clone() } else { vm.call_method(&decoder, n!(decode), &[input.clone(), Value::from_bool(is_final)])? };
        let output = match output.into_py::<Str>() {
            Ok(s) => s,
            Err(other) => {
                let got = other.type_name();
                return Err(vm.type_error(format!("decoder should return a string result, not '{got}'")));
            }
        };
        self.newlines_of(vm, output, is_final)
    }

    fn newlines_of(&self, vm: &mut Vm, output: Py<Str>, is_final: bool) -> PyResult<Py<Str>> {
        // The common case: nothing but line feeds.
        if !self.pending_cr.get() && !code_points(&output).any(|c| c == 13) {
            if self.seen.get() & SEEN_LF == 0 && code_points(&output).any(|c| c == 10) {
                self.seen.set(self.seen.get() | SEEN_LF);
            }
            return Ok(output);
        }
        let mut chars: Vec<u32> = Vec::with_capacity(output.len() + 1);
        if self.pending_cr.get() && (is_final || !output.is_empty()) {
            chars.push(13);
            self.pending_cr.set(false);
        }
        chars.extend(code_points(&output));
        if !is_final && chars.last() == Some(&13) {
            chars.pop();
            self.pending_cr.set(true);
        }
        let mut seen = self.seen.get();
        let mut out = StrBuilder::with_capacity(chars.len());
        let mut at = 0;
        while let Some(&c) = chars.get(at) {
            at += 1;
            match c {
                10 => {
                    seen |= SEEN_LF;
                    out.push(10);
                }
                13 => {
                    let crlf = chars.get(at) == Some(&10);
                    seen |= if crlf { SEEN_CRLF } else { SEEN_CR };
                    at += usize::from(crlf);
                    if self.translate.get() {
                        out.push(10);
                    } else {
                        out.push(13);
                        if crlf {
                            out.push(10);
                        }
                    }
                }
                c => out.push(c),
            }
        }
        self.seen.set(seen);
        out.finish(vm)
    }
}

#[pymethods]
impl IncrementalNewlineDecoder {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<IncrementalNewlineDecoder>> {
        let _ = args;
        vm.new_instance(cls, IncrementalNewlineDecoder::default())
    }

    #[init(sig = "(decoder, translate, errors=None)")]
    fn init(&self, decoder: Value, translate: bool, errors: Value, vm: &mut Vm) -> PyResult<()> {
        let errors = if errors.is_none() { vm.intern("strict").into_value() } else { errors };
        let old = (self.decoder.replace(vm, Some(decoder)), self.errors.replace(vm, Some(errors)));
        drop(old);
        self.translate.set(translate);
        self.pending_cr.set(false);
        self.seen.set(0);
        self.ready.set(true);
        Ok(())
    }

    /// Decode input, and translate its newlines if the decoder does that.
    #[method(sig = "(input, final=False)")]
    fn decode(&self, input: &Value, r#final: bool, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.decode_value(vm, input, r#final)
    }

    /// The state: what waits, and flags.
    #[method]
    fn getstate(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let decoder = self.check(vm)?;
        let (buffer, flag) = if decoder.is_none() {
            (vm.new_bytes(b"")?.into_value(), 0i128)
        } else {
            let state = vm.call_method(&decoder, n!(getstate), &[])?;
            let Some(state) = state.downcast::<Tuple>() else { return Err(vm.type_error("illegal decoder state")) };
            let [buffer, flag] = state.items() else { return Err(vm.type_error("illegal decoder state")) };
            let flag = vm.index(flag)?;
            (buffer.clone(), vm.int_as_i128(&flag).unwrap_or(0))
        };
        let flag = vm.new_int(flag << 1 | i128::from(self.pending_cr.get()))?;
        vm.new_tuple(vec![buffer, flag])
    }

    /// Go back to a state.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let decoder = self.check(vm)?;
        let Some(state) = state.downcast::<Tuple>() else { return Err(vm.type_error("state argument must be a tuple")) };
        let [buffer, flag] = state.items() else { return Err(vm.type_error("setstate(): illegal state argument")) };
        let flag = vm.index(flag)?;
        let flag = vm.int_as_i128(&flag).unwrap_or(0);
        self.pending_cr.set(flag & 1 == 1);
        if !decoder.is_none() {
            let inner = vec![buffer.clone(), vm.new_int(flag >> 1)?];
            let inner = vm.new_tuple(inner)?.into_value();
            vm.call_method(&decoder, n!(setstate), &[inner])?;
        }
        let _ = buffer.is::<Bytes>();
        Ok(())
    }

    /// Go back to the beginning.
    #[method]
    fn reset(&self, vm: &mut Vm) -> PyResult<()> {
        let decoder = self.check(vm)?;
        self.seen.set(0);
        self.pending_cr.set(false);
        if !decoder.is_none() {
            vm.call_method(&decoder, n!(reset), &[])?;
        }
        Ok(())
    }

    #[getter]
    fn newlines(&self, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        newline_names(vm, self.seen.get())
    }
}

/// The newlines seen: None, one string or a tuple of them.
fn newline_names(vm: &mut Vm, seen: u8) -> PyResult {
    let mut names = Vec::new();
    for (bit, text) in [(SEEN_CR, "\r"), (SEEN_LF, "\n"), (SEEN_CRLF, "\r\n")] {
        if seen & bit != 0 {
            names.push(vm.intern(text).into_value());
        }
    }
    match names.len() {
        0 => Ok(Value::none()),
        1 => Ok(names.remove(0)),
        _ => Ok(vm.new_tuple(names)?.into_value()),
    }
}
