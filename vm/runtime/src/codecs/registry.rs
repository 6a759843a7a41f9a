//! The registry of codecs and error handlers of an interpreter.

use super::handlers;
use crate::types::dict::Dict;
use crate::types::exceptions::LookupError;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm};

/// What an interpreter knows of codecs.
#[derive(Default)]
pub struct CodecState {
    /// Functions that are asked for an encoding.
    pub search_path: GilCell<Vec<Value>>,
    /// Codecs found, by normalized name.
    pub cache: GilCell<Option<Py<Dict>>>,
    /// Error handlers by name.
    pub errors: GilCell<Option<Py<Dict>>>,
    /// Whether the `encodings` package has been asked for.
    pub started: std::cell::Cell<bool>,
}

fn dict(vm: &mut Vm, of: fn(&CodecState) -> &GilCell<Option<Py<Dict>>>) -> PyResult<Py<Dict>> {
    let interp = vm.interp;
    if let Some(dict) = of(&interp.codecs).load(vm) {
        return Ok(dict);
    }
    let made = vm.new_dict()?;
    of(&interp.codecs).replace(vm, Some(made.clone()));
    Ok(made)
}

/// Lower case, runs of punctuation (but for dots) become underscores.
pub fn normalize(name: &str) -> String {
    let (mut out, mut punctuation) = (String::new(), false);
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            if punctuation && !out.is_empty() {
                out.push('_');
            }
            punctuation = false;
            out.push(c.to_ascii_lowercase());
        } else {
            punctuation = true;
        }
    }
    out
}

/// `codecs.register`.
pub fn register(vm: &mut Vm, function: &Value) -> PyResult<()> {
    if function.ty().slots.call.get().is_none() {
        return Err(vm.type_error("argument must be callable"));
    }
    let interp = vm.interp;
    interp.codecs.started.set(true);
    interp.codecs.search_path.get_mut(vm).push(function.clone());
    Ok(())
}

/// `codecs.unregister`.
pub fn unregister(vm: &mut Vm, function: &Value) {
    let interp = vm.interp;
    let place = interp.codecs.search_path.get(vm).iter().position(|f| f.is_same(function));
    if let Some(i) = place {
        if let Some(cache) = interp.codecs.cache.load(vm) {
            cache.clear(vm);
        }
        let old = interp.codecs.search_path.get_mut(vm).remove(i);
        drop(old);
    }
}

/// `codecs.lookup`.
pub fn lookup(vm: &mut Vm, encoding: &str) -> PyResult<Py<Tuple>> {
    if encoding.contains('\0') {
        return Err(vm.value_error("embedded null character"));
    }
    let interp = vm.interp;
    if !interp.codecs.started.replace(true) {
        let import = vm.builtin_named("__import__")?;
        let name = vm.new_str("encodings")?.into_value();
        vm.call(&import, &[name])?;
    }
    let cache = dict(vm, |c| &c.cache)?;
    let name = vm.new_str(&normalize(encoding))?;
    if let Some(found) = cache.get_str(vm, &name).cloned()
        && let Ok(tuple) = found.into_py::<Tuple>() {
            return Ok(tuple);
        }
    let functions = interp.codecs.search_path.load(vm);
    if functions.is_empty() {
        return Err(vm.raise::<LookupError>("no codec search functions registered: can't find encoding"));
    }
    for function in functions {
        let result = vm.call(&function, &[name.to_value()])?;
        if result.is_none() {
            continue;
        }
        return match result.into_py::<Tuple>() {
            Ok(tuple) if tuple.len() == 4 => {
                cache.set_str(vm, &name, tuple.to_value())?;
                Ok(tuple)
            }
            _ => Err(vm.type_error("codec search functions must return 4-tuples")),
        };
    }
    Err(vm.raise::<LookupError>(&format!("unknown encoding: {encoding}")))
}

/// `codecs.register_error`.
pub fn register_error(vm: &mut Vm, name: &str, handler: &Value) -> PyResult<()> {
    if handler.ty().slots.call.get().is_none() {
        return Err(vm.type_error("handler must be callable"));
    }
    let errors = dict(vm, |c| &c.errors)?;
    let name = vm.new_str(name)?;
    errors.set_str(vm, &name, handler.clone())
}

/// `codecs._unregister_error`: whether there was one. Those of the language stay.
pub fn unregister_error(vm: &mut Vm, name: &str) -> PyResult<bool> {
    if handlers::NATIVE.iter().any(|(n, _)| *n == name) {
        return Err(vm.value_error(format!("cannot un-register built-in error handler '{name}'")));
    }
    let errors = dict(vm, |c| &c.errors)?;
    let name = vm.new_str(name)?;
    Ok(errors.remove_str(vm, &name).is_some())
}

/// `codecs.lookup_error`.
pub fn lookup_error(vm: &mut Vm, name: &str) -> PyResult {
    let errors = dict(vm, |c| &c.errors)?;
    let key = vm.new_str(name)?;
    if let Some(found) = errors.get_str(vm, &key).cloned() {
        return Ok(found);
    }
    let native = handlers::NATIVE.iter().find(|(n, _)| *n == name);
    match native {
        Some((_, def)) => {
            let function = crate::types::native::new_builtin_method(vm, def, Value::none(), None)?;
            errors.set_str(vm, &key, function.clone())?;
            Ok(function)
        }
        None => Err(vm.raise::<LookupError>(&format!("unknown error handler name '{name}'"))),
    }
}

/// The codec of a text encoding; LookupError naming `instead` if it is none.
pub fn lookup_text(vm: &mut Vm, encoding: &str, instead: &str) -> PyResult<Py<Tuple>> {
    let codec = lookup(vm, encoding)?;
    if !codec.is_exact() {
        let name = vm.intern("_is_text_encoding");
        if let Some(flag) = vm.getattr_opt(codec.as_value(), &name)?
            && !vm.is_true(&flag)? {
                return Err(vm.raise::<LookupError>(&format!(
                    "'{encoding}' is not a text encoding; use {instead} to handle arbitrary codecs"
                )));
            }
    }
    Ok(codec)
}

/// Calls encoder (0) or decoder (1) of a codec.
pub fn call_codec(vm: &mut Vm, codec: &Py<Tuple>, which: usize, object: &Value, encoding: &str, errors: Option<&str>) -> PyResult {
    let (verb, role) = if which == 0 { ("encoding", "encoder") } else { ("decoding", "decoder") };
    let Some(function) = codec.items().get(which).cloned() else { return Err(vm.type_error("codec search functions must return 4-tuples")) };
    let mut args = vec![object.clone()];
    if let Some(errors) = errors {
        args.push(vm.new_str(errors)?.into_value());
    }
    let result = match vm.call(&function, &args) {
        Ok(result) => result,
        Err(e) => {
            let note = vm.new_str(&format!("{verb} with '{encoding}' codec failed"))?.into_value();
            let name = vm.intern("add_note");
            let exception = e.exception().to_value();
            // A note is a courtesy: without it the error is still the error.
            let _ = vm.call_method(&exception, &name, &[note]);
            return Err(e);
        }
    };
    match result.downcast::<Tuple>().map(|t| t.items()) {
        Some([value, _]) => Ok(value.clone()),
        _ => Err(vm.type_error(format!("{role} must return a tuple (object, integer)"))),
    }
}

