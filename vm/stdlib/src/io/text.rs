//! `TextIOWrapper`: characters over a buffered binary stream.
//!
//! Writing collects encoded bytes in `pending` and hands them on when they are many or have to be flushed. Reading decodes a chunk at a
//! time: `decoded` holds its characters, `used` of which have been asked for; `snapshot` is the decoder's state and the bytes at the
//! beginning of the chunk, from which `tell` works out positions (see `text_seek`).

use crate::io::base::{self, TextIOBase};
use crate::io::buffered_types;
use crate::io::fileio::{FileIO, flag_value, repr_name};
use crate::io::newline::IncrementalNewlineDecoder;
use crate::io::stringio::newline_arg;
use crate::io::{both, call_retrying, size_arg, unsupported};
use krait_runtime::codecs::registry;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::str_::{Str, StrBuilder, StrData};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, n, pyclass, pymethods};
use std::cell::Cell;

const CHUNK: usize = 8192;

/// Encodings that are encoded without asking the codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Native {
    Utf8,
    Ascii,
    Latin1,
}

/// The payload.
#[pyclass(name = "TextIOWrapper", module = "_io", base = TextIOBase, flags(BASETYPE, GENERIC_NEW), text_signature = "(buffer, encoding=None, errors=None, newline=None,\n              line_buffering=False, write_through=False)")]
#[repr(C)]
pub struct TextIOWrapper {
    base: TextIOBase,
    ok: Cell<bool>,
    detached: Cell<bool>,
    pub(super) chunk: Cell<usize>,
    pub(super) buffer: GilCell<Option<Value>>,
    encoding: GilCell<Option<Py<Str>>>,
    errors: GilCell<Option<Py<Str>>>,
    pub(super) encoder: GilCell<Option<Value>>,
    pub(super) decoder: GilCell<Option<Value>>,
    #[traverse(skip)]
    native: Cell<Option<Native>>,
    /// Nothing has been written yet, so an encoder that begins with a mark will write it.
    pub(super) at_start: Cell<bool>,
    #[traverse(skip)]
    newline: Cell<Option<&'static str>>,
    line_buffering: Cell<bool>,
    write_through: Cell<bool>,
    pub(super) seekable: Cell<bool>,
    pub(super) telling: Cell<bool>,
    has_read1: Cell<bool>,
    finalizing: Cell<bool>,
    pub(super) decoded: GilCell<Option<Py<Str>>>,
    pub(super) used: Cell<usize>,
    /// The decoder's flags and the bytes it had then, with those of the chunk.
    pub(super) snapshot: GilCell<Option<(Value, Py<Bytes>)>>,
    #[traverse(skip)]
    pending: GilCell<Vec<u8>>,
    pub(super) bytes_a_char: Cell<f64>,
}

/// The locale's encoding, as `open` takes it.
pub fn locale_encoding(vm: &mut Vm) -> String {
    if crate::io::flag(vm, "utf8_mode") { "utf-8".to_owned() } else { crate::locale::encoding() }
}

fn str_arg(vm: &mut Vm, value: &Value, what: &str) -> PyResult<Option<Py<Str>>> {
    if value.is_none() {
        return Ok(None);
    }
    match loose_str_arg(vm, value, what)? {
        Some(s) if s.chars().any(|c| c == 0) => Err(vm.value_error("embedded null character")),
        found => Ok(found),
    }
}

/// The same, null characters let through.
fn loose_str_arg(vm: &mut Vm, value: &Value, what: &str) -> PyResult<Option<Py<Str>>> {
    if value.is_none() {
        return Ok(None);
    }
    match value.downcast::<Str>() {
        Some(s) => {
            s.to_utf8(vm)?;
            Ok(Some(s.clone()))
        }
        None => {
            let got = value.type_name();
            Err(vm.type_error(format!("TextIOWrapper() argument '{what}' must be str or None, not {got}")))
        }
    }
}

impl TextIOWrapper {
    // Set-up and checks.

    fn check(&self, vm: &mut Vm) -> PyResult<Value> {
        if self.ok.get()
            && let Some(buffer) = self.buffer.load(vm) {
                return Ok(buffer);
            }
        Err(vm.value_error(if self.detached.get() { "underlying buffer has been detached" } else { "I/O operation on uninitialized object" }))
    }

    fn check_open(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<Value> {
        let buffer = zelf.check(vm)?;
        if zelf.is_exact()
            && let Some(raw) = buffered_types::exact(&buffer).and_then(|b| b.fast_raw(vm))
                && let Some(file) = raw.downcast_exact::<FileIO>() {
                    return if file.fd.get() < 0 { Err(vm.value_error("I/O operation on closed file.")) } else { Ok(buffer) };
                }
        base::check_closed(vm, zelf.as_value())?;
        Ok(buffer)
    }

    /// Takes encoder and decoder from the codec.
    fn set_codec(&self, vm: &mut Vm, buffer: &Value, codec: &Value, errors: &Py<Str>) -> PyResult<()> {
        let readable = vm.call_method(buffer, n!(readable), &[])?;
        let decoder = if vm.is_true(&readable)? {
            let make = vm.getattr(codec, n!(incrementaldecoder))?;
            let decoder = vm.call(&make, &[errors.to_value()])?;
            let universal = self.newline.get().is_none_or(str::is_empty);
            Some(if universal { IncrementalNewlineDecoder::make(vm, decoder, self.newline.get().is_none())?.into_value() } else { decoder })
        } else {
            None
        };
        let old = self.decoder.replace(vm, decoder);
        drop(old);
        let writable = vm.call_method(buffer, n!(writable), &[])?;
        self.native.set(None);
        let encoder = if vm.is_true(&writable)? {
            let make = vm.getattr(codec, n!(incrementalencoder))?;
            let encoder = vm.call(&make, &[errors.to_value()])?;
            let name = vm.getattr_opt(codec, n!(name))?;
            let name = name.as_ref().and_then(|n| n.downcast::<Str>()).map(|s| s.to_string_lossy().into_owned());
            self.native.set(match name.as_deref() {
                Some("utf-8") => Some(Native::Utf8),
                Some("ascii") => Some(Native::Ascii),
                Some("iso8859-1") => Some(Native::Latin1),
                _ => None,
            });
            Some(encoder)
        } else {
            None
        };
        let old = self.encoder.replace(vm, encoder);
        drop(old);
        Ok(())
    }

    /// An encoder in the middle of a file writes no mark.
    fn fix_encoder(&self, vm: &mut Vm, buffer: &Value) -> PyResult<()> {
        let Some(encoder) = self.encoder.load(vm).filter(|_| self.seekable.get()) else { return Ok(()) };
        self.at_start.set(true);
        let at = vm.call_method(buffer, n!(tell), &[])?;
        if at.as_small_int() != Some(0) {
            self.at_start.set(false);
            vm.call_method(&encoder, n!(setstate), &[Value::from_i32(0)])?;
        }
        Ok(())
    }

    fn lookup(vm: &mut Vm, encoding: &Py<Str>) -> PyResult {
        let name = encoding.to_string_lossy().into_owned();
        Ok(registry::lookup_text(vm, &name, "codecs.open()")?.into_value())
    }

    // Reading.

    pub(super) fn set_decoded(&self, vm: &mut Vm, decoded: Option<Py<Str>>) {
        let old = self.decoded.replace(vm, decoded);
        drop(old);
        self.used.set(0);
    }

    pub(super) fn set_snapshot(&self, vm: &mut Vm, snapshot: Option<(Value, Py<Bytes>)>) {
        let old = self.snapshot.replace(vm, snapshot);
        drop(old);
    }

    /// Characters that have been decoded and not been asked for.
    fn left(&self, vm: &Vm) -> usize {
        self.decoded.get(vm).as_ref().map_or(0, |d| d.len().saturating_sub(self.used.get()))
    }

    /// Up to `n` of them.
    fn take(&self, vm: &mut Vm, n: usize) -> PyResult<Py<Str>> {
        let Some(decoded) = self.decoded.load(vm) else { return vm.new_str("") };
        let start = self.used.get().min(decoded.len());
        let end = start.saturating_add(n).min(decoded.len());
        self.used.set(end);
        if start == 0 && end == decoded.len() {
            return Ok(decoded);
        }
        vm.new_str_data(decoded.data().slice(start, end))
    }

    pub(super) fn decoder_or_unsupported(&self, vm: &mut Vm) -> PyResult<Value> {
        match self.decoder.load(vm) {
            Some(d) => Ok(d),
            None => Err(unsupported(vm, "not readable")),
        }
    }

    /// `decoder.decode(input, final)`, a `str`.
    pub(super) fn run_decoder(vm: &mut Vm, decoder: &Value, input: &Value, is_final: bool) -> PyResult<Py<Str>> {
        if let Some(d) = decoder.downcast_exact::<IncrementalNewlineDecoder>() {
            return d.decode_value(vm, input, is_final);
        }
        let decoded = vm.call_method(decoder, n!(decode), &[input.clone(), Value::from_bool(is_final)])?;
        decoded.into_py::<Str>().map_err(|other| {
            let got = other.type_name();
            vm.type_error(format!("decoder should return a string result, not '{got}'"))
        })
    }

    /// The decoder's state: the bytes it holds, and its flags.
    pub(super) fn decoder_state(vm: &mut Vm, decoder: &Value) -> PyResult<(Py<Bytes>, Value)> {
        let state = vm.call_method(decoder, n!(getstate), &[])?;
        let parts = state.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
        let [buffer, flags] = parts.as_slice() else { return Err(vm.type_error("illegal decoder state")) };
        match buffer.downcast::<Bytes>() {
            Some(b) => Ok((b.clone(), flags.clone())),
            None => {
                let got = buffer.type_name();
                Err(vm.type_error(format!("illegal decoder state: the first item should be a bytes object, not '{got}'")))
            }
        }
    }

    /// Reads and decodes a chunk; false at the end.
    fn read_chunk(&self, vm: &mut Vm, hint: usize) -> PyResult<bool> {
        let buffer = self.check(vm)?;
        let decoder = self.decoder_or_unsupported(vm)?;
        let state = if self.telling.get() { Some(Self::decoder_state(vm, &decoder)?) } else { None };
        let hint = if hint > 0 { (self.bytes_a_char.get().max(1.0) * hint as f64) as usize } else { 0 };
        let size = vm.new_int(self.chunk.get().max(hint))?;
        let (name, text) = if self.has_read1.get() { (n!(read1), "read1") } else { (n!(read), "read") };
        let input = call_retrying(vm, &buffer, name, &[size])?;
        if !vm.is_bytes_like(&input) {
            let got = input.type_name();
            return Err(vm.type_error(format!("underlying {text}() should have returned a bytes-like object, not '{got}'")));
        }
        let count = vm.byte_view(&input)?.len();
        let end = count == 0;
        let decoded = Self::run_decoder(vm, &decoder, &input, end)?;
        let chars = decoded.len();
        self.set_decoded(vm, Some(decoded));
        self.bytes_a_char.set(if chars > 0 { count as f64 / chars as f64 } else { 0.0 });
        if let Some((held, flags)) = state {
            let view = vm.byte_view(&input)?;
            let all = vm.new_bytes(&[held.as_bytes(), &view].concat())?;
            self.set_snapshot(vm, Some((flags, all)));
        }
        Ok(!end || chars > 0)
    }

    fn read_chars(zelf: &Py<Self>, vm: &mut Vm, n: isize) -> PyResult<Py<Str>> {
        let buffer = Self::check_open(zelf, vm)?;
        let decoder = zelf.decoder_or_unsupported(vm)?;
        zelf.write_pending(vm)?;
        let Ok(n) = usize::try_from(n) else {
            let bytes = vm.call_method(&buffer, n!(read), &[])?;
            if bytes.is_none() {
                zelf.set_decoded(vm, None);
                zelf.set_snapshot(vm, None);
                let text = vm.new_str("Read returned None.")?.into_value();
                return Err(crate::oserror::raise_named(vm, "BlockingIOError", &[text]));
            }
            let rest = Self::run_decoder(vm, &decoder, &bytes, true)?;
            let first = zelf.take(vm, usize::MAX)?;
            zelf.set_decoded(vm, None);
            zelf.set_snapshot(vm, None);
            if first.is_empty() {
                return Ok(rest);
            }
            let mut all = StrBuilder::with_capacity(first.len() + rest.len());
            all.push_object(&first);
            all.push_object(&rest);
            return all.finish(vm);
        };
        let first = zelf.take(vm, n)?;
        if first.len() == n {
            return Ok(first);
        }
        let mut out = StrBuilder::with_capacity(first.len());
        out.push_object(&first);
        while out.len() < n {
            if !zelf.read_chunk(vm, n - out.len())? {
                break;
            }
            let part = zelf.take(vm, n - out.len())?;
            out.push_object(&part);
        }
        out.finish(vm)
    }

    /// Where the first line in `data` ends, if it does.
    fn find_end(&self, data: StrData<'_>) -> Option<usize> {
        match self.newline.get() {
            None | Some("\n") => position(data, 10).map(|i| i + 1),
            Some("") => {
                let end = data.iter().position(|c| c == 10 || c == 13)?;
                let crlf = data.get(end) == Some(13) && data.get(end + 1) == Some(10);
                Some(end + 1 + usize::from(crlf))
            }
            Some("\r") => position(data, 13).map(|i| i + 1),
            Some(_) => {
                let mut from = 0;
                loop {
                    let cr = position(data.slice(from, data.len()), 13)? + from;
                    if data.get(cr + 1) == Some(10) {
                        return Some(cr + 2);
                    }
                    from = cr + 1;
                }
            }
        }
    }

    /// `readline`; a negative limit is none.
    pub(super) fn read_line(zelf: &Py<Self>, vm: &mut Vm, limit: isize) -> PyResult<Py<Str>> {
        Self::check_open(zelf, vm)?;
        zelf.write_pending(vm)?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut line: Option<StrBuilder> = None;
        loop {
            while zelf.left(vm) == 0 {
                if !zelf.read_chunk(vm, 0)? {
                    zelf.set_decoded(vm, None);
                    zelf.set_snapshot(vm, None);
                    return match line {
                        Some(line) => line.finish(vm),
                        None => vm.new_str(""),
                    };
                }
            }
            let Some(decoded) = zelf.decoded.load(vm) else { continue };
            let data = decoded.data().slice(zelf.used.get(), decoded.len());
            let done = line.as_ref().map_or(0, StrBuilder::len);
            // "\r\n" may stand across two chunks.
            let split = zelf.newline.get() == Some("\r\n") && line.as_ref().is_some_and(|l| l.data().get(l.len().wrapping_sub(1)) == Some(13)) && data.get(0) == Some(10);
            let end = if split { Some(1) } else { zelf.find_end(data) };
            let room = limit - done;
            let n = end.unwrap_or(data.len()).min(room);
            let finished = end.is_some() || n == room;
            match (&mut line, finished) {
                (None, true) => return zelf.take(vm, n),
                (None, false) => {
                    let mut new = StrBuilder::with_capacity(n * 2);
                    new.push_data(data.slice(0, n));
                    line = Some(new);
                }
                (Some(line), _) => {
                    line.push_data(data.slice(0, n));
                    line.check(vm)?;
                }
            }
            zelf.used.set(zelf.used.get() + n);
            if let (true, Some(line)) = (finished, line.take_if(|_| finished)) {
                return line.finish(vm);
            }
        }
    }

    // Writing.

    /// Hands the pending bytes on.
    pub(super) fn write_pending(&self, vm: &mut Vm) -> PyResult<()> {
        if self.pending.get(vm).is_empty() {
            return Ok(());
        }
        let pending = self.pending.replace(vm, Vec::new());
        let buffer = self.check(vm)?;
        if let Some(b) = buffered_types::exact(&buffer) {
            return b.write(&buffer, &pending, vm).map(drop);
        }
        let bytes = vm.new_bytes(&pending)?.into_value();
        call_retrying(vm, &buffer, n!(write), &[bytes]).map(drop)
    }

    fn encode(&self, vm: &mut Vm, encoder: &Value, text: &Py<Str>) -> PyResult<Encoded> {
        if let Some(native) = self.native.get() {
            if text.is_ascii() {
                return Ok(Encoded::Same);
            }
            let encoding = match native {
                Native::Utf8 => "utf-8",
                Native::Ascii => "ascii",
                Native::Latin1 => "latin-1",
            };
            let errors = self.errors.load(vm).map_or_else(|| "strict".to_owned(), |e| e.to_string_lossy().into_owned());
            let bytes = vm.encode_to_bytes(text, encoding, &errors)?;
            return Ok(Encoded::Bytes(vm.bytes_of(&bytes)?));
        }
        let bytes = vm.call_method(encoder, n!(encode), &[text.to_value()])?;
        match bytes.downcast::<Bytes>() {
            Some(b) => Ok(Encoded::Bytes(b.as_bytes().to_vec())),
            None => {
                let got = bytes.type_name();
                Err(vm.type_error(format!("encoder should return a bytes object, not '{got}'")))
            }
        }
    }

    /// `write`.
    pub fn write_text(zelf: &Py<Self>, text: &Py<Str>, vm: &mut Vm) -> PyResult<usize> {
        Self::check_open(zelf, vm)?;
        let Some(encoder) = zelf.encoder.load(vm) else { return Err(unsupported(vm, "not writable")) };
        let len = text.len();
        let translated = zelf.newline.get().filter(|n| n.starts_with('\r'));
        let has_lf = (translated.is_some() || zelf.line_buffering.get()) && position(text.data(), 10).is_some();
        let text = match translated.filter(|_| has_lf) {
            Some(ending) => replace_newlines(vm, text, ending)?,
            None => text.clone(),
        };
        let flush = zelf.line_buffering.get() && (has_lf || position(text.data(), 13).is_some());
        let hand_on = zelf.write_through.get() || flush;
        let encoded = zelf.encode(vm, &encoder, &text)?;
        zelf.at_start.set(false);
        let bytes: &[u8] = match &encoded {
            Encoded::Same => text.as_ascii().unwrap_or_default().as_bytes(),
            Encoded::Bytes(b) => b,
        };
        // Writing may have put more there.
        while !zelf.pending.get(vm).is_empty() && zelf.pending.get(vm).len() + bytes.len() > zelf.chunk.get() {
            zelf.write_pending(vm)?;
        }
        zelf.pending.get_mut(vm).extend_from_slice(bytes);
        if zelf.pending.get(vm).len() >= zelf.chunk.get() || hand_on {
            zelf.write_pending(vm)?;
        }
        if flush {
            let buffer = zelf.check(vm)?;
            vm.call_method(&buffer, n!(flush), &[])?;
        }
        if zelf.snapshot.get(vm).is_some() {
            zelf.set_decoded(vm, None);
            zelf.set_snapshot(vm, None);
        }
        if let Some(decoder) = zelf.decoder.load(vm) {
            vm.call_method(&decoder, n!(reset), &[])?;
        }
        Ok(len)
    }

    pub(super) fn flush_now(zelf: &Py<Self>, vm: &mut Vm) -> PyResult {
        let buffer = Self::check_open(zelf, vm)?;
        zelf.telling.set(zelf.seekable.get());
        zelf.write_pending(vm)?;
        vm.call_method(&buffer, n!(flush), &[])
    }

    fn ask(&self, vm: &mut Vm, name: &Py<Str>) -> PyResult {
        let buffer = self.check(vm)?;
        vm.call_method(&buffer, name, &[])
    }

    pub(super) fn checked_open(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<Value> {
        Self::check_open(zelf, vm)
    }
}

/// The bytes of a text: its own, or others.
enum Encoded {
    Same,
    Bytes(Vec<u8>),
}

fn position(data: StrData<'_>, c: u8) -> Option<usize> {
    match data {
        StrData::Ascii(s) => s.as_bytes().iter().position(|&x| x == c),
        StrData::Latin1(s) => s.iter().position(|&x| x == c),
        StrData::Ucs2(s) => s.iter().position(|&x| x == u16::from(c)),
        StrData::Ucs4(s) => s.iter().position(|&x| x == u32::from(c)),
    }
}

fn replace_newlines(vm: &mut Vm, text: &Py<Str>, ending: &str) -> PyResult<Py<Str>> {
    let mut out = StrBuilder::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c == 10 { out.push_str(ending) } else { out.push(c) }
    }
    out.finish(vm)
}

#[pymethods(parts(SEEK))]
impl TextIOWrapper {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<TextIOWrapper>> {
        let _ = args;
        let payload = TextIOWrapper {
            base: TextIOBase::default(),
            ok: Cell::new(false),
            detached: Cell::new(false),
            chunk: Cell::new(CHUNK),
            buffer: GilCell::new(None),
            encoding: GilCell::new(None),
            errors: GilCell::new(None),
            encoder: GilCell::new(None),
            decoder: GilCell::new(None),
            native: Cell::new(None),
            at_start: Cell::new(false),
            newline: Cell::new(None),
            line_buffering: Cell::new(false),
            write_through: Cell::new(false),
            seekable: Cell::new(false),
            telling: Cell::new(false),
            has_read1: Cell::new(false),
            finalizing: Cell::new(false),
            decoded: GilCell::new(None),
            used: Cell::new(0),
            snapshot: GilCell::new(None),
            pending: GilCell::new(Vec::new()),
            bytes_a_char: Cell::new(0.0),
        };
        vm.new_instance(cls, payload)
    }

    #[init(sig = "(buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)")]
    #[allow(clippy::too_many_arguments, reason = "Python's signature")]
    fn init(&self, buffer: &Value, encoding: Value, errors: Value, newline: Value, line_buffering: bool, write_through: bool, vm: &mut Vm) -> PyResult<()> {
        self.ok.set(false);
        self.detached.set(false);
        let encoding = str_arg(vm, &encoding, "encoding")?;
        if encoding.is_none() && crate::io::flag(vm, "warn_default_encoding") {
            crate::fspath::warn(vm, "EncodingWarning", "'encoding' argument not specified", 1, None)?;
        }
        let errors = match str_arg(vm, &errors, "errors")? {
            Some(e) => e,
            None => vm.intern("strict"),
        };
        let handler = errors.to_utf8(vm)?;
        krait_runtime::codecs::check_errors(vm, &handler)?;
        self.newline.set(newline_arg(vm, &newline)?);
        let encoding = match encoding {
            Some(e) if e.as_ascii() != Some("locale") => e,
            _ => {
                let name = locale_encoding(vm);
                vm.new_str(&name)?
            }
        };
        let codec = Self::lookup(vm, &encoding)?;
        self.set_decoded(vm, None);
        self.set_snapshot(vm, None);
        self.line_buffering.set(line_buffering);
        self.write_through.set(write_through);
        self.set_codec(vm, buffer, &codec, &errors)?;
        let old = (self.encoding.replace(vm, Some(encoding)), self.errors.replace(vm, Some(errors)), self.buffer.replace(vm, Some(buffer.clone())));
        drop(old);
        let seekable = vm.call_method(buffer, n!(seekable), &[])?;
        self.seekable.set(vm.is_true(&seekable)?);
        self.telling.set(self.seekable.get());
        self.has_read1.set(vm.getattr_opt(buffer, n!(read1))?.is_some());
        self.at_start.set(false);
        self.fix_encoder(vm, buffer)?;
        self.ok.set(true);
        Ok(())
    }

    /// Change settings; encoding, errors and newline only before anything has been read.
    #[method(sig = "(*, encoding=None, errors=None, newline=?, line_buffering=None, write_through=None)", text = "(*, encoding=None, errors=None, newline=None,\n            line_buffering=None, write_through=None)")]
    fn reconfigure(zelf: &Py<Self>, encoding: Value, errors: Value, newline: Option<Value>, line_buffering: Value, write_through: Value, vm: &mut Vm) -> PyResult<()> {
        let changes = !encoding.is_none() || !errors.is_none() || newline.is_some();
        let buffer = zelf.check(vm)?;
        if zelf.decoded.get(vm).is_some() && changes {
            return Err(unsupported(vm, "It is not possible to set the encoding or newline of stream after the first read"));
        }
        let (encoding, errors) = (loose_str_arg(vm, &encoding, "encoding")?, loose_str_arg(vm, &errors, "errors")?);
        let ending = match &newline {
            Some(n) => Some(newline_arg(vm, n)?),
            None => None,
        };
        let pick = |vm: &mut Vm, value: &Value, old: bool| {
            if value.is_none() {
                return Ok(old);
            }
            let index = vm.index(value)?;
            match vm.int_as_i128(&index).and_then(|n| i32::try_from(n).ok()) {
                Some(n) => Ok(n != 0),
                None => Err(vm.overflow_error("Python int too large to convert to C int")),
            }
        };
        let line_buffering = pick(vm, &line_buffering, zelf.line_buffering.get())?;
        let write_through = pick(vm, &write_through, zelf.write_through.get())?;
        Self::flush_now(zelf, vm)?;
        zelf.bytes_a_char.set(0.0);
        if changes {
            if let Some(ending) = ending {
                zelf.newline.set(ending);
            }
            let new_errors = match (errors, &encoding) {
                (Some(e), _) => e,
                (None, Some(_)) => vm.intern("strict"),
                (None, None) => zelf.errors.load(vm).unwrap_or_else(|| vm.intern("strict")),
            };
            let encoding = match encoding {
                Some(e) if e.as_ascii() == Some("locale") => {
                    let name = locale_encoding(vm);
                    vm.new_str(&name)?
                }
                Some(e) => e,
                None => zelf.encoding.load(vm).unwrap_or_else(|| vm.intern("utf-8")),
            };
            // What stands behind a null character is not looked at here.
            let known = encoding.to_utf8(vm)?;
            let known = vm.new_str(known.split('\0').next().unwrap_or_default())?;
            let codec = Self::lookup(vm, &known)?;
            zelf.set_codec(vm, &buffer, &codec, &new_errors)?;
            let old = (zelf.encoding.replace(vm, Some(encoding)), zelf.errors.replace(vm, Some(new_errors)));
            drop(old);
            zelf.fix_encoder(vm, &buffer)?;
        }
        zelf.line_buffering.set(line_buffering);
        zelf.write_through.set(write_through);
        Ok(())
    }

    /// Separate the buffer from the text stream and return it; the text stream cannot be used any more.
    #[method]
    fn detach(zelf: &Py<Self>, vm: &mut Vm) -> PyResult {
        zelf.check(vm)?;
        vm.call_method(zelf.as_value(), n!(flush), &[])?;
        let buffer = zelf.buffer.replace(vm, None);
        zelf.detached.set(true);
        zelf.ok.set(false);
        Ok(buffer.unwrap_or_else(Value::none))
    }

    /// Write text and return the number of its characters.
    #[method(sig = "(text, /)")]
    fn write(zelf: &Py<Self>, text: &Py<Str>, vm: &mut Vm) -> PyResult<usize> {
        Self::write_text(zelf, text, vm)
    }

    /// Read up to size characters; all of them if size is negative or None.
    #[method(sig = "(size=-1, /)")]
    fn read(zelf: &Py<Self>, size: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let n = size_arg(vm, Some(&size))?;
        Self::read_chars(zelf, vm, n)
    }

    /// Read a line, of at most size characters if that is not negative.
    #[method(sig = "(size=-1, /)")]
    fn readline(zelf: &Py<Self>, size: isize, vm: &mut Vm) -> PyResult<Py<Str>> {
        zelf.check(vm)?;
        Self::read_line(zelf, vm, size)
    }

    #[slot(iternext)]
    fn slot_iternext(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<Option<Value>> {
        zelf.check(vm)?;
        zelf.telling.set(false);
        let line = if zelf.is_exact() {
            Self::read_line(zelf, vm, -1)?.into_value()
        } else {
            let line = vm.call_method(zelf.as_value(), n!(readline), &[])?;
            if !line.is::<Str>() {
                let got = line.type_name();
                return Err(crate::io::os_error_text(vm, &format!("readline() should have returned a str object, not '{got}'")));
            }
            line
        };
        if vm.len(&line)? == 0 {
            zelf.set_snapshot(vm, None);
            zelf.telling.set(zelf.seekable.get());
            return Ok(None);
        }
        Ok(Some(line))
    }

    /// Write out what is buffered, here and below.
    #[method]
    fn flush(zelf: &Py<Self>, vm: &mut Vm) -> PyResult {
        Self::flush_now(zelf, vm)
    }

    /// Flush the stream and close the buffer.
    #[method]
    fn close(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<()> {
        let buffer = zelf.check(vm)?;
        // Asking may have detached the buffer.
        if base::is_closed(vm, zelf.as_value())? || zelf.detached.get() {
            return Ok(());
        }
        if zelf.finalizing.get() {
            let _ignored = vm.call_method(&buffer, n!(_dealloc_warn), &[zelf.to_value()]);
        }
        let first = vm.call_method(zelf.as_value(), n!(flush), &[]).map(drop);
        let second = vm.call_method(&buffer, n!(close), &[]).map(drop);
        both(vm, first, second)
    }

    /// The buffer's descriptor.
    #[method]
    fn fileno(&self, vm: &mut Vm) -> PyResult {
        self.ask(vm, n!(fileno))
    }

    /// Whether the buffer can seek.
    #[method(name = "seekable")]
    fn seekable_method(&self, vm: &mut Vm) -> PyResult {
        self.ask(vm, n!(seekable))
    }

    /// Whether the buffer can be read.
    #[method]
    fn readable(&self, vm: &mut Vm) -> PyResult {
        self.ask(vm, n!(readable))
    }

    /// Whether the buffer can be written to.
    #[method]
    fn writable(&self, vm: &mut Vm) -> PyResult {
        self.ask(vm, n!(writable))
    }

    /// Whether the buffer is a terminal.
    #[method]
    fn isatty(&self, vm: &mut Vm) -> PyResult {
        self.ask(vm, n!(isatty))
    }

    #[method(name = "__getstate__")]
    fn getstate(zelf: &Py<Self>, vm: &mut Vm) -> PyResult {
        crate::io::no_pickle(vm, zelf.as_value())
    }

    #[getter(name = "encoding")]
    fn get_encoding(&self, vm: &mut Vm) -> Value {
        self.encoding.load(vm).map_or_else(Value::none, Py::into_value)
    }

    #[getter(name = "buffer")]
    fn get_buffer(&self, vm: &mut Vm) -> Value {
        self.buffer.load(vm).unwrap_or_else(Value::none)
    }

    #[getter(name = "line_buffering")]
    fn get_line_buffering(&self) -> bool {
        self.line_buffering.get()
    }

    #[getter(name = "write_through")]
    fn get_write_through(&self) -> bool {
        self.write_through.get()
    }

    #[getter]
    fn _finalizing(&self) -> bool {
        self.finalizing.get()
    }

    #[setter(name = "_finalizing")]
    fn set_finalizing(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        self.finalizing.set(flag_value(value, vm)?);
        Ok(())
    }

    #[getter]
    fn name(&self, vm: &mut Vm) -> PyResult {
        let buffer = self.check(vm)?;
        vm.getattr(&buffer, n!(name))
    }

    #[getter]
    fn closed(&self, vm: &mut Vm) -> PyResult {
        let buffer = self.check(vm)?;
        vm.getattr(&buffer, n!(closed))
    }

    #[getter]
    fn newlines(&self, vm: &mut Vm) -> PyResult {
        self.check(vm)?;
        match self.decoder.load(vm) {
            Some(decoder) => Ok(vm.getattr_opt(&decoder, n!(newlines))?.unwrap_or_else(Value::none)),
            None => Ok(Value::none()),
        }
    }

    #[getter(name = "errors")]
    fn get_errors(&self, vm: &mut Vm) -> PyResult {
        if !self.detached.get() {
            self.check(vm)?;
        }
        Ok(self.errors.load(vm).map_or_else(Value::none, Py::into_value))
    }

    #[getter(name = "_CHUNK_SIZE")]
    fn chunk_size(&self, vm: &mut Vm) -> PyResult<usize> {
        self.check(vm)?;
        Ok(self.chunk.get())
    }

    #[setter(name = "_CHUNK_SIZE")]
    fn set_chunk_size(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        self.check(vm)?;
        let Some(value) = value else { return Err(vm.attribute_error("attribute '_CHUNK_SIZE' of '_io.TextIOWrapper' objects cannot be deleted")) };
        let index = vm.index(value)?;
        let Some(size) = vm.int_as_i128(&index).and_then(|n| isize::try_from(n).ok()) else {
            let got = value.type_name();
            return Err(vm.value_error(format!("cannot fit '{got}' into an index-sized integer")));
        };
        match usize::try_from(size) {
            Ok(n) if n > 0 => {
                self.chunk.set(n);
                Ok(())
            }
            _ => Err(vm.value_error("a strictly positive integer is required")),
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<String> {
        if !zelf.ok.get() && !zelf.detached.get() {
            zelf.check(vm)?;
        }
        let mut out = format!("<{}", zelf.as_value().type_name());
        match vm.getattr(zelf.as_value(), n!(name)) {
            Ok(name) => {
                let name = repr_name(vm, zelf.as_value(), &name)?;
                out.push_str(&format!(" name={name}"));
            }
            Err(e) if crate::io::is_named(vm, &e, "AttributeError") || crate::io::is_named(vm, &e, "ValueError") => {}
            Err(e) => return Err(e),
        }
        match vm.getattr(zelf.as_value(), n!(mode)) {
            Ok(mode) => {
                let mode = vm.repr(&mode)?;
                out.push_str(&format!(" mode={}", mode.to_string_lossy()));
            }
            Err(e) if crate::io::is_named(vm, &e, "AttributeError") || crate::io::is_named(vm, &e, "ValueError") => {}
            Err(e) => return Err(e),
        }
        let encoding = zelf.get_encoding(vm);
        let encoding = vm.repr(&encoding)?;
        Ok(format!("{out} encoding={}>", encoding.to_string_lossy()))
    }
}
