//! The codec, the incremental encoder and the incremental decoder.

use super::codec::{CodecDef, State};
use super::convert::{End, Errors, decode, encode};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use num_bigint::{BigInt, Sign};
use std::cell::Cell;

/// Characters that an encoder, and bytes that a decoder may wait with.
const MAX_PENDING_CHARS: usize = 2;
const MAX_PENDING_BYTES: usize = 8;

/// A codec: encodes and decodes whole texts.
#[pyclass(name = "MultibyteCodec", module = "_multibytecodec", flags(DISALLOW_INSTANTIATION))]
pub struct MultibyteCodec {
    #[traverse(skip)]
    pub def: &'static CodecDef,
}

/// The object as a string.
fn text_of(vm: &mut Vm, object: &Value) -> PyResult<Py<Str>> {
    match object.downcast::<Str>() {
        Some(text) => Ok(text.clone()),
        None => vm.str(object),
    }
}

fn pair(vm: &mut Vm, value: Value, used: usize) -> PyResult<Py<Tuple>> {
    let used = vm.new_int(used)?;
    vm.new_tuple([value, used])
}

#[pymethods]
impl MultibyteCodec {
    /// Encode a text: the bytes and the length of the text.
    #[method(sig = "(input, errors=None)")]
    fn encode(&self, input: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let text = text_of(vm, input)?;
        let (mut state, mut out) = (self.def.start, Vec::new());
        if !text.is_empty() {
            encode(vm, self.def, &mut state, &text, &Errors::new(errors.as_deref()), End::Reset, &mut out)?;
        }
        let bytes = vm.new_bytes(&out)?.into_value();
        pair(vm, bytes, text.len())
    }

    /// Decode bytes: the text and how many bytes there were.
    #[method(sig = "(input, errors=None)")]
    fn decode(&self, input: &Value, errors: Option<String>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let bytes = vm.bytes_of(input)?;
        let (mut state, mut out) = (self.def.start, Vec::new());
        decode(vm, self.def, &mut state, &bytes, &Errors::new(errors.as_deref()), true, &mut out)?;
        let text = vm.new_str_ucs4(&out)?.into_value();
        pair(vm, text, bytes.len())
    }
}

/// What objects that go on with a codec keep.
pub struct Progress {
    pub def: &'static CodecDef,
    pub state: Cell<State>,
    pub errors: GilCell<Errors>,
}

impl Progress {
    pub fn new(def: &'static CodecDef, errors: &str) -> Progress {
        Progress { def, state: Cell::new(def.start), errors: GilCell::new(Errors::new(Some(errors))) }
    }

    /// Sets what is done about errors, from an attribute's value.
    pub fn set_errors(&self, vm: &mut Vm, value: Option<&Value>) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.attribute_error("cannot delete attribute")) };
        let Some(name) = value.downcast::<Str>() else { return Err(vm.type_error("errors must be a string")) };
        let name = name.to_utf8(vm)?;
        let old = self.errors.replace(vm, Errors::new(Some(&name)));
        drop(old);
        Ok(())
    }

    /// Forgets what is pending and goes back to the state in which decoding begins.
    pub fn restart_decoding(&self, vm: &mut Vm, pending: &GilCell<Vec<u8>>) {
        let mut state = self.state.get();
        if let Some(reset) = self.def.decode_reset {
            reset(&mut state);
        }
        self.state.set(state);
        let old = pending.replace(vm, Vec::new());
        drop(old);
    }
}

/// What all objects have that go on with a codec, whose `progress` it reads.
macro_rules! stateful {
    ($name:ident) => {
        #[pymethods(part = STATEFUL)]
        impl $name {
            /// All is done when the object is made.
            #[init]
            fn init(zelf: &Py<$name>, args: Args<'_>) -> PyResult<()> {
                let _ = (zelf, args);
                Ok(())
            }

            /// how to treat errors
            #[getter]
            fn errors(&self, vm: &mut Vm) -> String {
                self.progress.errors.get(vm).name().to_owned()
            }

            #[setter]
            fn set_errors(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                self.progress.set_errors(vm, value)
            }
        }
    };
}
pub(super) use stateful;

/// The codec that a class has as its attribute.
pub fn codec_of(vm: &mut Vm, class: &Py<PyType>) -> PyResult<&'static CodecDef> {
    let codec = vm.getattr_str(class.as_value(), "codec")?;
    match codec.downcast::<MultibyteCodec>() {
        Some(codec) => Ok(codec.def),
        None => Err(vm.type_error("codec is unexpected type")),
    }
}

fn unicode_error(vm: &mut Vm, message: &str) -> Raised {
    vm.raise::<krait_runtime::types::exceptions::UnicodeError>(message)
}

/// Encodes what was pending and a text; what needs more behind it is pending then. After an exception all is as before but the state.
pub fn encode_more(vm: &mut Vm, progress: &Progress, pending: &GilCell<Option<Py<Str>>>, input: &Value, end: End) -> PyResult<Py<Bytes>> {
    let mut text = text_of(vm, input)?;
    if let Some(before) = pending.load(vm) {
        let all: Vec<u32> = before.chars().chain(text.chars()).collect();
        text = vm.new_str_ucs4(&all)?;
    }
    let (mut state, mut out) = (progress.state.get(), Vec::new());
    let errors = progress.errors.get(vm).clone();
    let used = if text.is_empty() && end != End::Reset {
        Ok(0)
    } else {
        encode(vm, progress.def, &mut state, &text, &errors, end, &mut out)
    };
    progress.state.set(state);
    let used = used?;
    let rest: Vec<u32> = text.chars().skip(used).collect();
    if rest.len() > MAX_PENDING_CHARS {
        let len = text.len();
        return Err(vm.unicode_encode_error(progress.def.name, &text, used, len, "pending buffer overflow"));
    }
    let rest = if rest.is_empty() { None } else { Some(vm.new_str_ucs4(&rest)?) };
    let old = pending.replace(vm, rest);
    drop(old);
    vm.new_bytes(&out)
}

/// Encodes a text piece by piece.
#[pyclass(name = "MultibyteIncrementalEncoder", module = "_multibytecodec", flags(BASETYPE), gc)]
pub struct IncrementalEncoder {
    #[traverse(skip)]
    progress: Progress,
    pending: GilCell<Option<Py<Str>>>,
}

stateful!(IncrementalEncoder);

#[pymethods(parts(STATEFUL))]
impl IncrementalEncoder {
    #[new(sig = "(errors='strict')")]
    fn new(cls: &Py<PyType>, errors: String, vm: &mut Vm) -> PyResult {
        let def = codec_of(vm, cls)?;
        let made = IncrementalEncoder { progress: Progress::new(def, &errors), pending: GilCell::new(None) };
        Ok(vm.new_instance(cls, made)?.into_value())
    }

    /// Encode a piece of text.
    #[method(sig = "(input, final=False)")]
    fn encode(&self, input: &Value, r#final: bool, vm: &mut Vm) -> PyResult<Py<Bytes>> {
        encode_more(vm, &self.progress, &self.pending, input, if r#final { End::Reset } else { End::Open })
    }

    /// The state as a number.
    #[method]
    fn getstate(&self, vm: &mut Vm) -> PyResult {
        let pending = match self.pending.load(vm) {
            Some(text) => text.to_utf8(vm)?.into_bytes(),
            None => Vec::new(),
        };
        if pending.len() > MAX_PENDING_CHARS * 4 {
            return Err(unicode_error(vm, "pending buffer too large"));
        }
        let mut bytes = vec![pending.len() as u8];
        bytes.extend(pending);
        bytes.extend(self.progress.state.get());
        vm.new_bigint(BigInt::from_bytes_le(Sign::Plus, &bytes))
    }

    /// Set the state, as getstate() gave it.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        const SIZE: usize = 1 + MAX_PENDING_CHARS * 4 + size_of::<State>();
        let Some(number) = IntRef::new(state) else {
            let got = state.type_name();
            return Err(vm.type_error(format!("setstate() argument must be int, not {got}")));
        };
        let mut bytes = number_bytes(vm, &number.to_big(), SIZE)?;
        bytes.resize(SIZE, 0);
        let (count, rest) = (usize::from(bytes.first().copied().unwrap_or(0)), bytes.get(1..).unwrap_or_default());
        if count > MAX_PENDING_CHARS * 4 {
            return Err(unicode_error(vm, "pending buffer too large"));
        }
        let pending = vm.new_bytes(rest.get(..count).unwrap_or_default())?.into_value();
        let text = krait_runtime::codecs::decode(vm, &pending, "utf-8", "strict")?;
        let text = text.downcast::<Str>().filter(|t| !t.is_empty()).cloned();
        let old = self.pending.replace(vm, text);
        drop(old);
        if let Some(state) = rest.get(count..).and_then(|r| r.first_chunk::<8>()) {
            self.progress.state.set(*state);
        }
        Ok(())
    }

    /// Forget what is pending and go back to the first state.
    #[method]
    fn reset(&self, vm: &mut Vm) {
        let mut state = self.progress.state.get();
        if let Some(reset) = self.progress.def.encode_reset {
            reset(&mut state, &mut Vec::new());
        }
        self.progress.state.set(state);
        let old = self.pending.replace(vm, None);
        drop(old);
    }
}

/// A number that is not negative, in at most so many bytes.
fn number_bytes(vm: &mut Vm, number: &BigInt, size: usize) -> PyResult<Vec<u8>> {
    let (sign, bytes) = number.to_bytes_le();
    if sign == Sign::Minus {
        return Err(vm.overflow_error("can't convert negative int to unsigned"));
    }
    if bytes.len() > size { Err(vm.overflow_error("int too big to convert")) } else { Ok(bytes) }
}

/// Decodes what was pending and some bytes; the beginning of a sequence is pending then, unless this is the end.
pub fn decode_more(vm: &mut Vm, progress: &Progress, pending: &GilCell<Vec<u8>>, input: &[u8], whole: bool) -> PyResult<Vec<u32>> {
    let bytes = [pending.get(vm).as_slice(), input].concat();
    let (mut state, mut out) = (progress.state.get(), Vec::new());
    let errors = progress.errors.get(vm).clone();
    let used = decode(vm, progress.def, &mut state, &bytes, &errors, whole, &mut out);
    progress.state.set(state);
    let rest = bytes.get(used?..).unwrap_or_default().to_vec();
    if rest.len() > MAX_PENDING_BYTES {
        let object = vm.new_bytes(&rest)?.into_value();
        return Err(vm.unicode_decode_error(progress.def.name, &object, 0, rest.len(), "pending buffer overflow"));
    }
    let old = pending.replace(vm, rest);
    drop(old);
    Ok(out)
}

/// Decodes bytes piece by piece.
#[pyclass(name = "MultibyteIncrementalDecoder", module = "_multibytecodec", flags(BASETYPE), gc)]
pub struct IncrementalDecoder {
    #[traverse(skip)]
    progress: Progress,
    #[traverse(skip)]
    pending: GilCell<Vec<u8>>,
}

stateful!(IncrementalDecoder);

#[pymethods(parts(STATEFUL))]
impl IncrementalDecoder {
    #[new(sig = "(errors='strict')")]
    fn new(cls: &Py<PyType>, errors: String, vm: &mut Vm) -> PyResult {
        let def = codec_of(vm, cls)?;
        let made = IncrementalDecoder { progress: Progress::new(def, &errors), pending: GilCell::new(Vec::new()) };
        Ok(vm.new_instance(cls, made)?.into_value())
    }

    /// Decode a piece of the bytes.
    #[method(sig = "(input, final=False)")]
    fn decode(&self, input: &Value, r#final: bool, vm: &mut Vm) -> PyResult<Py<Str>> {
        let bytes = vm.bytes_of(input)?;
        let chars = decode_more(vm, &self.progress, &self.pending, &bytes, r#final)?;
        vm.new_str_ucs4(&chars)
    }

    /// The state: the bytes that are pending, and a number.
    #[method]
    fn getstate(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let pending = self.pending.get(vm).clone();
        let pending = vm.new_bytes(&pending)?.into_value();
        let state = vm.new_bigint(BigInt::from_bytes_le(Sign::Plus, &self.progress.state.get()))?;
        vm.new_tuple([pending, state])
    }

    /// Set the state, as getstate() gave it.
    #[method(sig = "(state, /)")]
    fn setstate(&self, state: &Value, vm: &mut Vm) -> PyResult<()> {
        let Some(parts) = state.downcast::<Tuple>().map(|t| t.items().to_vec()) else {
            let got = state.type_name();
            return Err(vm.type_error(format!("setstate() argument must be tuple, not {got}")));
        };
        let [pending, number] = parts.as_slice() else { return Err(vm.type_error("setstate(): illegal state argument")) };
        let (Some(pending), Some(number)) = (pending.downcast::<Bytes>(), IntRef::new(number)) else {
            return Err(vm.type_error("setstate(): illegal state argument"));
        };
        let mut bytes = number_bytes(vm, &number.to_big(), size_of::<State>())?;
        bytes.resize(size_of::<State>(), 0);
        let len = pending.as_bytes().len();
        if len > MAX_PENDING_BYTES {
            return Err(vm.unicode_decode_error(self.progress.def.name, pending.as_value(), 0, len, "pending buffer too large"));
        }
        let old = self.pending.replace(vm, pending.as_bytes().to_vec());
        drop(old);
        if let Some(state) = bytes.first_chunk::<8>() {
            self.progress.state.set(*state);
        }
        Ok(())
    }

    /// Forget what is pending and go back to the first state.
    #[method]
    fn reset(&self, vm: &mut Vm) {
        self.progress.restart_decoding(vm, &self.pending);
    }
}
