//! `encode_basestring`, `encode_basestring_ascii` and `make_encoder`.

use krait_runtime::types::dict::Dict;
use krait_runtime::types::float::{Float, float_value};
use krait_runtime::types::int::Int;
use krait_runtime::types::list::List;
use krait_runtime::types::native::BuiltinFunction;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pyfunction, pymethods};
use krait_unicode::TextBuf;

/// Room for the literal of a long string, every character of which may become an escape.
fn make_room(vm: &mut Vm, out: &mut TextBuf, string: &Str) -> PyResult<()> {
    const LONG: usize = 1 << 10;
    if string.len() < LONG || out.try_reserve(string.len() * 12) { Ok(()) } else { Err(vm.memory_error()) }
}

/// Appends a JSON string literal.
fn push_string(out: &mut TextBuf, string: &Str, ascii: bool) {
    out.push_str("\"");
    if let Some(text) = string.as_ascii()
        && text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\' && b != 0x7f) {
            out.push_str(text);
            out.push_str("\"");
            return;
        }
    for c in string.chars() {
        match c {
            0x22 => out.push_str("\\\""),
            0x5c => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            0x0a => out.push_str("\\n"),
            0x0d => out.push_str("\\r"),
            0x09 => out.push_str("\\t"),
            0..0x20 => out.push_str(&format!("\\u{c:04x}")),
            0x20..0x7f => out.push(c),
            _ if !ascii => out.push(c),
            0x7f..0x10000 => out.push_str(&format!("\\u{c:04x}")),
            _ => {
                let v = c - 0x10000;
                out.push_str(&format!("\\u{:04x}\\u{:04x}", 0xd800 | (v >> 10), 0xdc00 | (v & 0x3ff)));
            }
        }
    }
    out.push_str("\"");
}

fn encode(vm: &mut Vm, object: &Value, ascii: bool) -> PyResult<Py<Str>> {
    let Some(string) = object.downcast::<Str>() else {
        let name = object.type_name();
        return Err(vm.type_error(format!("first argument must be a string, not {name}")));
    };
    let mut out = TextBuf::from("");
    make_room(vm, &mut out, string)?;
    push_string(&mut out, string, ascii);
    vm.new_str_text(&out)
}

/// encode_basestring_ascii(string) -> string
///
/// Return an ASCII-only JSON representation of a Python string
#[pyfunction(sig = "(object, /)", text = "($self, object, /)")]
pub fn encode_basestring_ascii(object: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    encode(vm, object, true)
}

/// encode_basestring(string) -> string
///
/// Return a JSON representation of a Python string
#[pyfunction(sig = "(object, /)", text = "($self, object, /)")]
pub fn encode_basestring(object: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
    encode(vm, object, false)
}

/// How strings are encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    Ascii,
    Plain,
    /// By calling the encoder.
    Call,
}

/// Encoder(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)
#[pyclass(module = "_json", name = "Encoder", flags(BASETYPE), gc)]
pub struct Encoder {
    markers: Option<Py<Dict>>,
    default: Value,
    encoder: Value,
    indent: Option<Py<Str>>,
    key_separator: Py<Str>,
    item_separator: Py<Str>,
    sort_keys: bool,
    skipkeys: bool,
    allow_nan: bool,
    #[traverse(skip)]
    strings: Strings,
}

fn push(out: &mut TextBuf, string: &Py<Str>) {
    match string.as_ascii() {
        Some(text) => out.push_str(text),
        None => out.push_text(&string.to_text()),
    }
}

impl Encoder {
    fn string(&self, vm: &mut Vm, out: &mut TextBuf, string: &Value) -> PyResult<()> {
        if let (Some(s), true) = (string.downcast::<Str>(), self.strings != Strings::Call) {
            make_room(vm, out, s)?;
            push_string(out, s, self.strings == Strings::Ascii);
            return Ok(());
        }
        let encoded = vm.call(&self.encoder, std::slice::from_ref(string))?;
        match encoded.downcast::<Str>() {
            Some(s) => {
                push(out, s);
                Ok(())
            }
            None => {
                let name = encoded.type_name();
                Err(vm.type_error(format!("encoder() must return a string, not {name}")))
            }
        }
    }

    fn float(&self, vm: &mut Vm, object: &Value, f: f64) -> PyResult<Py<Str>> {
        if !f.is_finite() {
            if !self.allow_nan {
                let text = vm.repr(object)?.to_string_lossy().into_owned();
                return Err(vm.value_error(format!("Out of range float values are not JSON compliant: {text}")));
            }
            return vm.new_str(if f.is_nan() { "NaN" } else if f > 0.0 { "Infinity" } else { "-Infinity" });
        }
        base_repr::<Float>(vm, object)
    }

    fn newline(&self, out: &mut TextBuf, level: usize) {
        if let Some(indent) = &self.indent {
            out.push_str("\n");
            for _ in 0..level {
                push(out, indent);
            }
        }
    }

    /// Notes that `object` is being encoded; ValueError if it already is.
    fn enter(&self, vm: &mut Vm, object: &Value) -> PyResult<Option<Value>> {
        let Some(markers) = &self.markers else { return Ok(None) };
        let ident = vm.new_int(object.id())?;
        if markers.contains(vm, &ident)? {
            return Err(vm.value_error("Circular reference detected"));
        }
        markers.set(vm, &ident, object.clone())?;
        Ok(Some(ident))
    }

    fn leave(&self, vm: &mut Vm, ident: Option<Value>) -> PyResult<()> {
        if let (Some(markers), Some(ident)) = (&self.markers, ident) {
            let old = markers.remove(vm, &ident)?;
            drop(old);
        }
        Ok(())
    }

    fn value(&self, vm: &mut Vm, out: &mut TextBuf, object: &Value, level: usize) -> PyResult<()> {
        if object.is_none() {
            out.push_str("null");
        } else if object.is_true() {
            out.push_str("true");
        } else if object.is_false() {
            out.push_str("false");
        } else if object.is::<Str>() {
            return self.string(vm, out, object);
        } else if let Some(i) = object.as_small_int() {
            out.push_str(&i.to_string());
        } else if object.is::<Int>() {
            let text = base_repr::<Int>(vm, object)?;
            push(out, &text);
        } else if let Some(f) = float_value(object) {
            let text = self.float(vm, object, f)?;
            push(out, &text);
        } else if object.is::<List>() || object.is::<Tuple>() {
            vm.check_stack(" while encoding a JSON object")?;
            return self.list(vm, out, object, level);
        } else if let Some(dict) = object.downcast::<Dict>() {
            vm.check_stack(" while encoding a JSON object")?;
            return self.dict(vm, out, dict, object, level);
        } else {
            return self.other(vm, out, object, level);
        }
        Ok(())
    }

    fn other(&self, vm: &mut Vm, out: &mut TextBuf, object: &Value, level: usize) -> PyResult<()> {
        let ident = self.enter(vm, object)?;
        let replaced = vm.call(&self.default, std::slice::from_ref(object))?;
        vm.check_stack(" while encoding a JSON object")?;
        if let Err(e) = self.value(vm, out, &replaced, level) {
            let name = object.type_name();
            return Err(vm.with_note(e, &format!("when serializing {name} object")));
        }
        self.leave(vm, ident)
    }

    fn list(&self, vm: &mut Vm, out: &mut TextBuf, object: &Value, level: usize) -> PyResult<()> {
        // Encoding an item may run code that changes a list, so it is looked at anew for each.
        let item_at = |vm: &Vm, i: usize| match object.downcast::<List>() {
            Some(list) => list.items(vm).get(i).cloned(),
            None => object.downcast::<Tuple>().and_then(|t| t.items().get(i).cloned()),
        };
        let Some(first) = item_at(vm, 0) else {
            out.push_str("[]");
            return Ok(());
        };
        let ident = self.enter(vm, object)?;
        out.push_str("[");
        self.newline(out, level + 1);
        let (mut i, mut next) = (0, Some(first));
        while let Some(item) = next {
            if i > 0 {
                push(out, &self.item_separator);
                self.newline(out, level + 1);
            }
            if let Err(e) = self.value(vm, out, &item, level + 1) {
                let name = object.type_name();
                return Err(vm.with_note(e, &format!("when serializing {name} item {i}")));
            }
            i += 1;
            next = item_at(vm, i);
        }
        self.leave(vm, ident)?;
        self.newline(out, level);
        out.push_str("]");
        Ok(())
    }

    fn dict_items(&self, vm: &mut Vm, dict: &Py<Dict>, object: &Value) -> PyResult<Vec<(Value, Value)>> {
        if !self.sort_keys && object.is_exact::<Dict>() {
            return Ok(dict.to_vec(vm));
        }
        let name = vm.intern("items");
        let view = vm.call_method(object, &name, &[])?;
        let mut items = vm.collect(&view)?;
        if self.sort_keys {
            krait_runtime::types::list::sort::sort_items(&mut items, None, false, vm)?;
        }
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match item.downcast::<Tuple>().map(|t| t.items()) {
                Some([key, value]) => out.push((key.clone(), value.clone())),
                _ => return Err(vm.value_error("items must return 2-tuples")),
            }
        }
        Ok(out)
    }

    /// The text of a key; none for one to be skipped.
    fn key(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<Value>> {
        if key.is::<Str>() {
            return Ok(Some(key.clone()));
        }
        if let Some(f) = float_value(key) {
            return Ok(Some(self.float(vm, key, f)?.into_value()));
        }
        let word = if key.is_true() { "true" } else if key.is_false() { "false" } else if key.is_none() { "null" } else { "" };
        if !word.is_empty() {
            return Ok(Some(vm.intern(word).into_value()));
        }
        if key.is::<Int>() {
            return Ok(Some(base_repr::<Int>(vm, key)?.into_value()));
        }
        if self.skipkeys {
            return Ok(None);
        }
        let name = key.type_name();
        Err(vm.type_error(format!("keys must be str, int, float, bool or None, not {name}")))
    }

    fn dict(&self, vm: &mut Vm, out: &mut TextBuf, dict: &Py<Dict>, object: &Value, level: usize) -> PyResult<()> {
        if dict.is_empty(vm) {
            out.push_str("{}");
            return Ok(());
        }
        let ident = self.enter(vm, object)?;
        out.push_str("{");
        let mut first = true;
        for (key, value) in self.dict_items(vm, dict, object)? {
            let Some(text) = self.key(vm, &key)? else { continue };
            if !std::mem::replace(&mut first, false) {
                push(out, &self.item_separator);
            }
            self.newline(out, level + 1);
            self.string(vm, out, &text)?;
            push(out, &self.key_separator);
            if let Err(e) = self.value(vm, out, &value, level + 1) {
                return Err(self.note_item(vm, e, object, &key));
            }
        }
        self.leave(vm, ident)?;
        if !first {
            self.newline(out, level);
        }
        out.push_str("}");
        Ok(())
    }

    #[cold]
    fn note_item(&self, vm: &mut Vm, raised: Raised, object: &Value, key: &Value) -> Raised {
        let name = object.type_name();
        match vm.repr(key) {
            Ok(key) => {
                let note = format!("when serializing {name} item {}", key.to_string_lossy());
                vm.with_note(raised, &note)
            }
            Err(e) => e,
        }
    }
}

/// The `repr` of the native type, whatever a subclass says.
fn base_repr<T: PyClass>(vm: &mut Vm, object: &Value) -> PyResult<Py<Str>> {
    let text = match T::type_object(vm).slots.repr.get() {
        Some(repr) => repr(vm, object)?,
        None => return vm.repr(object),
    };
    text.into_py::<Str>().map_err(|_| vm.type_error("__repr__ returned non-string"))
}

fn native_strings(encoder: &Value) -> Strings {
    match encoder.downcast_exact::<BuiltinFunction>() {
        Some(f) if std::ptr::eq(f.def, &raw const encode_basestring_ascii::DEF) => Strings::Ascii,
        Some(f) if std::ptr::eq(f.def, &raw const encode_basestring::DEF) => Strings::Plain,
        _ => Strings::Call,
    }
}

#[pymethods]
impl Encoder {
    #[new(name = "make_encoder", sig = "(markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan)")]
    #[allow(clippy::new_ret_no_self, clippy::too_many_arguments, reason = "Python's constructor")]
    fn new(
        cls: &Py<PyType>,
        markers: &Value,
        default: Value,
        encoder: Value,
        indent: Option<Py<Str>>,
        key_separator: Py<Str>,
        item_separator: Py<Str>,
        sort_keys: bool,
        skipkeys: bool,
        allow_nan: bool,
        vm: &mut Vm,
    ) -> PyResult<Py<Encoder>> {
        let strings = native_strings(&encoder);
        if !markers.is_none() && !markers.is::<Dict>() {
            let name = markers.type_name();
            return Err(vm.type_error(format!("make_encoder() argument 1 must be dict or None, not {name}")));
        }
        let markers = markers.downcast::<Dict>().cloned();
        let payload = Encoder { markers, default, encoder, indent, key_separator, item_separator, sort_keys, skipkeys, allow_nan, strings };
        vm.new_instance(cls, payload)
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (mut object, mut level) = (args.positional().first().cloned(), args.positional().get(1).cloned());
        for (key, value) in args.keywords() {
            match key.downcast::<Str>().map(|s| s.to_string_lossy()).as_deref() {
                Some("obj") => object = Some(value.clone()),
                Some("_current_indent_level") => level = Some(value.clone()),
                _ => return Err(vm.type_error("_iterencode() got an unexpected keyword argument")),
            }
        }
        let (Some(object), Some(level)) = (object, level) else { return Err(vm.type_error("_iterencode() missing required argument")) };
        let level = usize::try_from(vm.as_count(&level)?).unwrap_or(0);
        let mut out = TextBuf::from("");
        self.value(vm, &mut out, &object, level)?;
        let text = vm.new_str_text(&out)?;
        vm.new_tuple([text.into_value()])
    }

    /// markers
    #[getter]
    fn markers(&self) -> Value {
        self.markers.as_ref().map_or_else(Value::none, |m| m.to_value())
    }

    /// default
    #[getter]
    fn default(&self) -> Value {
        self.default.clone()
    }

    /// encoder
    #[getter]
    fn encoder(&self) -> Value {
        self.encoder.clone()
    }

    /// indent
    #[getter]
    fn indent(&self) -> Value {
        self.indent.as_ref().map_or_else(Value::none, |m| m.to_value())
    }

    /// key_separator
    #[getter]
    fn key_separator(&self) -> Py<Str> {
        self.key_separator.clone()
    }

    /// item_separator
    #[getter]
    fn item_separator(&self) -> Py<Str> {
        self.item_separator.clone()
    }

    /// sort_keys
    #[getter]
    fn sort_keys(&self) -> bool {
        self.sort_keys
    }

    /// skipkeys
    #[getter]
    fn skipkeys(&self) -> bool {
        self.skipkeys
    }
}
