//! Drives a codec through text and bytes, and has error handlers decide about what is malformed.

use super::codec::{CodecDef, Fault, State};
use krait_runtime::codecs::registry;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Raised, Value, Vm};

/// What becomes of malformed input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errors {
    Strict,
    Ignore,
    Replace,
    /// A handler of the registry.
    Named(String),
}

impl Errors {
    pub fn new(name: Option<&str>) -> Errors {
        match name {
            None | Some("strict") => Errors::Strict,
            Some("ignore") => Errors::Ignore,
            Some("replace") => Errors::Replace,
            Some(name) => Errors::Named(name.to_owned()),
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Errors::Strict => "strict",
            Errors::Ignore => "ignore",
            Errors::Replace => "replace",
            Errors::Named(name) => name,
        }
    }
}

/// Whether the input ends here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may come.
    Open,
    /// No more input comes.
    Flush,
    /// The same, and the codec goes back to its first state.
    Reset,
}

const ILLEGAL: &str = "illegal multibyte sequence";
const INCOMPLETE: &str = "incomplete multibyte sequence";

fn internal(vm: &mut Vm) -> Raised {
    vm.runtime_error("internal codec error")
}

/// Encodes the text into `out`; gives how many characters were used, which are all but those that need others behind them.
pub fn encode(vm: &mut Vm, def: &CodecDef, state: &mut State, text: &Py<Str>, errors: &Errors, end: End, out: &mut Vec<u8>) -> PyResult<usize> {
    let chars: Vec<u32> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let rest = chars.get(at..).unwrap_or_default();
        match (def.encode)(def, state, rest, end != End::Open, out) {
            Ok(used) => at += used.max(1),
            Err(Fault::TooFew) if end == End::Open => break,
            Err(fault) => {
                at = encode_error(vm, def, state, text, at, chars.len(), errors, fault, out)?;
                if fault == Fault::TooFew {
                    break;
                }
            }
        }
    }
    if let (End::Reset, Some(reset)) = (end, def.encode_reset) {
        reset(state, out);
    }
    Ok(at)
}

#[allow(clippy::too_many_arguments, reason = "the whole of an encoding under way")]
fn encode_error(vm: &mut Vm, def: &CodecDef, state: &mut State, text: &Py<Str>, at: usize, len: usize, errors: &Errors, fault: Fault, out: &mut Vec<u8>) -> PyResult<usize> {
    let (size, reason) = match fault {
        Fault::Illegal(n) => (n, ILLEGAL),
        Fault::TooFew => (len - at, INCOMPLETE),
        Fault::Internal => return Err(internal(vm)),
    };
    if *errors == Errors::Replace {
        let mark = [u32::from(b'?')];
        if (def.encode)(def, state, &mark, false, out).is_err() {
            out.push(b'?');
        }
    }
    if matches!(errors, Errors::Ignore | Errors::Replace) {
        return Ok(at + size);
    }
    let raised = vm.unicode_encode_error(def.name, text, at, at + size, reason);
    let Errors::Named(name) = errors else { return Err(raised) };
    let (replacement, position) = ask(vm, name, raised, len, "encoding error handler must return (str, int) tuple", true)?;
    match replacement.downcast::<Bytes>() {
        Some(bytes) => out.extend_from_slice(bytes.as_bytes()),
        None => {
            if let Some(text) = replacement.downcast::<Str>() {
                encode(vm, def, state, &text.clone(), &Errors::Strict, End::Flush, out)?;
            }
        }
    }
    Ok(position)
}

/// Asks a handler what stands instead, and where to go on.
fn ask(vm: &mut Vm, name: &str, raised: Raised, len: usize, wrong: &str, bytes_too: bool) -> PyResult<(Value, usize)> {
    let handler = registry::lookup_error(vm, name)?;
    let answer = vm.call(&handler, &[raised.into_exception().into_value()])?;
    let parts = answer.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let [replacement, position] = parts.as_slice() else { return Err(vm.type_error(wrong)) };
    let is_text = replacement.is::<Str>() || bytes_too && replacement.is::<Bytes>();
    let Some(position) = IntRef::new(position).filter(|_| is_text) else { return Err(vm.type_error(wrong)) };
    let shown = match position.to_i64() {
        Some(n) if n < 0 => n + len as i64,
        Some(n) => n,
        None => -1,
    };
    match usize::try_from(shown).ok().filter(|n| *n <= len) {
        Some(n) => Ok((replacement.clone(), n)),
        None => Err(vm.raise::<krait_runtime::types::exceptions::IndexError>(&format!("position {shown} from error handler out of bounds"))),
    }
}

/// Decodes bytes into `out`; gives how many were used, which are all but the beginning of a sequence, unless `whole`.
pub fn decode(vm: &mut Vm, def: &CodecDef, state: &mut State, bytes: &[u8], errors: &Errors, whole: bool, out: &mut Vec<u32>) -> PyResult<usize> {
    let mut at = 0;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match (def.decode)(def, state, rest, out) {
            Ok(used) => at += used.max(1),
            Err(Fault::TooFew) if !whole => break,
            Err(fault) => at = decode_error(vm, def, bytes, at, errors, fault, out)?,
        }
    }
    Ok(at)
}

fn decode_error(vm: &mut Vm, def: &CodecDef, bytes: &[u8], at: usize, errors: &Errors, fault: Fault, out: &mut Vec<u32>) -> PyResult<usize> {
    let (size, reason) = match fault {
        Fault::Illegal(n) => (n, ILLEGAL),
        Fault::TooFew => (bytes.len() - at, INCOMPLETE),
        Fault::Internal => return Err(internal(vm)),
    };
    match errors {
        Errors::Replace => out.push(0xfffd),
        Errors::Ignore => {}
        Errors::Strict | Errors::Named(_) => {
            let object = vm.new_bytes(bytes)?.into_value();
            let raised = vm.unicode_decode_error(def.name, &object, at, at + size, reason);
            let Errors::Named(name) = errors else { return Err(raised) };
            let (replacement, position) = ask(vm, name, raised, bytes.len(), "decoding error handler must return (str, int) tuple", false)?;
            if let Some(text) = replacement.downcast::<Str>() {
                out.extend(text.chars());
            }
            return Ok(position);
        }
    }
    Ok(at + size)
}
