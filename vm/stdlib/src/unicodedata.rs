//! `unicodedata`: the character database, and that of Unicode 3.2.0 as `ucd_3_2_0`.

use krait_runtime::types::bytes::ByteView;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::KeyError;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, module, pyclass, pyfunction, pymethods};
use krait_unicode::{Form, Named, UNIDATA_VERSION, Version, is_normalized as check_normalized, lookup_name, name as name_of, normalize_as};

const NOW: Version = Version::Current;
const OLD: Version = Version::V3_2_0;

/// A version of the character database.
#[pyclass(name = "UCD", module = "unicodedata", flags(DISALLOW_INSTANTIATION))]
struct Ucd;

/// The one character of an argument.
fn character(vm: &mut Vm, value: &Value, function: &str, which: &str) -> PyResult<u32> {
    let Some(s) = value.downcast::<Str>() else {
        let got = if value.is_none() { "None".to_owned() } else { value.type_name() };
        let which = which.trim_start_matches(':').trim_start();
        return Err(vm.type_error(format!("{function}() {which} must be a unicode character, not {got}")));
    };
    match (s.len(), s.data().get(0)) {
        (1, Some(c)) => Ok(c),
        (n, _) => Err(vm.type_error(format!("{function}(): {which} must be a unicode character, not a string of length {n}"))),
    }
}

fn or_default(vm: &mut Vm, found: Option<Value>, default: Option<&Value>, message: &str) -> PyResult {
    match (found, default) {
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(vm.value_error(message)),
    }
}

/// The character and the default of a function with both.
fn with_default<'a>(vm: &mut Vm, args: Args<'a>, function: &str) -> PyResult<(u32, Option<&'a Value>)> {
    let args = args.unpack(vm, function, 1, 2)?;
    let c = match args.first() {
        Some(value) => character(vm, value, function, "argument 1")?,
        None => 0,
    };
    Ok((c, args.get(1)))
}

fn decimal_in(vm: &mut Vm, version: Version, args: Args<'_>) -> PyResult {
    let (c, default) = with_default(vm, args, "decimal")?;
    let found = version.decimal(c).map(|d| Value::from_i32(i32::from(d)));
    or_default(vm, found, default, "not a decimal")
}

fn digit_in(vm: &mut Vm, version: Version, args: Args<'_>) -> PyResult {
    let (c, default) = with_default(vm, args, "digit")?;
    let found = version.digit(c).map(|d| Value::from_i32(i32::from(d)));
    or_default(vm, found, default, "not a digit")
}

fn numeric_in(vm: &mut Vm, version: Version, args: Args<'_>) -> PyResult {
    let (c, default) = with_default(vm, args, "numeric")?;
    let found = match version.numeric(c) {
        Some(f) => Some(vm.new_float(f)?),
        None => None,
    };
    or_default(vm, found, default, "not a numeric character")
}

fn name_in(vm: &mut Vm, version: Version, args: Args<'_>) -> PyResult {
    let (c, default) = with_default(vm, args, "name")?;
    let known = version == NOW || version.category(c) != "Cn";
    let found = match name_of(c).filter(|_| known) {
        Some(name) => Some(vm.new_str(&name)?.into_value()),
        None => None,
    };
    or_default(vm, found, default, "no such name")
}

fn lookup_in(vm: &mut Vm, version: Version, name: &Value) -> PyResult {
    let bytes = match name.downcast::<Str>() {
        Some(s) => ByteView::Owned(s.to_utf8(vm)?.into_bytes()),
        None => vm.byte_view(name)?,
    };
    if bytes.len() > 256 {
        return Err(vm.raise::<KeyError>("name too long"));
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match lookup_name(&text) {
        // The old version has no aliases.
        Some(Named::Char(c)) if version == NOW || (version.category(c) != "Cn" && name_of(c).is_some_and(|n| n.eq_ignore_ascii_case(&text))) => Ok(vm.new_char(c)?.into_value()),
        Some(Named::Sequence(chars)) if version == NOW => Ok(vm.new_str_ucs4(chars)?.into_value()),
        _ => Err(vm.raise::<KeyError>(&format!("undefined character name '{text}'"))),
    }
}

fn form(vm: &mut Vm, name: &Py<Str>) -> PyResult<Form> {
    match Form::parse(&name.to_string_lossy()) {
        Some(form) => Ok(form),
        None => Err(vm.value_error("invalid normalization form")),
    }
}

fn normalize_in(vm: &mut Vm, version: Version, name: &Py<Str>, text: &Py<Str>) -> PyResult<Py<Str>> {
    if text.is_empty() {
        return vm.new_str("");
    }
    let form = form(vm, name)?;
    if text.is_ascii() && text.is_exact() {
        return Ok(text.clone());
    }
    vm.require_room(text.len() * 16)?;
    let chars: Vec<u32> = text.chars().collect();
    let made = normalize_as(version, form, &chars);
    if made == chars && text.is_exact() { Ok(text.clone()) } else { vm.new_str_ucs4(&made) }
}

fn is_normalized_in(vm: &mut Vm, version: Version, name: &Py<Str>, text: &Py<Str>) -> PyResult<bool> {
    if text.is_empty() {
        return Ok(true);
    }
    let form = form(vm, name)?;
    let chars: Vec<u32> = text.chars().collect();
    Ok(check_normalized(version, form, &chars))
}

macro_rules! database {
    ($($(#[$doc:meta])* $name:ident -> $ty:ty = $how:expr;)*) => {
        $(
            $(#[$doc])*
            #[pyfunction(sig = "(chr, /)", text = "($self, chr, /)")]
            fn $name(chr: &Value, vm: &mut Vm) -> PyResult<$ty> {
                let how: fn(Version, u32) -> $ty = $how;
                Ok(how(NOW, character(vm, chr, stringify!($name), "argument")?))
            }
        )*

        #[pymethods(part = CHARS)]
        impl Ucd {
            $(
                $(#[$doc])*
                #[method(sig = "(chr, /)")]
                fn $name(&self, chr: &Value, vm: &mut Vm) -> PyResult<$ty> {
                    let how: fn(Version, u32) -> $ty = $how;
                    Ok(how(OLD, character(vm, chr, stringify!($name), "argument")?))
                }
            )*
        }
    };
}

database! {
    /// The general category of a character.
    category -> &'static str = |v, c| v.category(c);
    /// The bidirectional class of a character; empty if there is none.
    bidirectional -> &'static str = |v, c| v.bidirectional(c);
    /// The canonical combining class of a character.
    combining -> u8 = |v, c| v.combining(c);
    /// 1 if a character is mirrored in text from right to left, else 0.
    mirrored -> u8 = |v, c| u8::from(v.mirrored(c));
    /// The East Asian width of a character.
    east_asian_width -> &'static str = |v, c| v.east_asian_width(c);
    /// The decomposition of a character; empty if there is none.
    decomposition -> String = |v, c| v.decomposition(c);
}

/// The value of a decimal digit; the default, or ValueError, if the character is none.
#[pyfunction(sig = "(chr, default=?, /)", text = "($self, chr, default=<unrepresentable>, /)")]
fn decimal(args: Args<'_>, vm: &mut Vm) -> PyResult {
    decimal_in(vm, NOW, args)
}

/// The value of a digit; the default, or ValueError, if the character is none.
#[pyfunction(text = "($self, chr, default=<unrepresentable>, /)")]
fn digit(args: Args<'_>, vm: &mut Vm) -> PyResult {
    digit_in(vm, NOW, args)
}

/// The numeric value of a character as a float; the default, or ValueError, if it has none.
#[pyfunction(text = "($self, chr, default=<unrepresentable>, /)")]
fn numeric(args: Args<'_>, vm: &mut Vm) -> PyResult {
    numeric_in(vm, NOW, args)
}

/// The name of a character; the default, or ValueError, if it has none.
#[pyfunction(text = "($self, chr, default=<unrepresentable>, /)")]
fn name(args: Args<'_>, vm: &mut Vm) -> PyResult {
    name_in(vm, NOW, args)
}

/// The character, or sequence of characters, with a name; KeyError if there is none.
#[pyfunction(sig = "(name, /)", text = "($self, name, /)")]
fn lookup(name: &Value, vm: &mut Vm) -> PyResult {
    lookup_in(vm, NOW, name)
}

/// The normalization form 'NFC', 'NFKC', 'NFD' or 'NFKD' of a string.
#[pyfunction(sig = "(form, unistr, /)", text = "($self, form, unistr, /)")]
fn normalize(form: &Py<Str>, unistr: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
    normalize_in(vm, NOW, form, unistr)
}

/// Whether a string is in a normalization form.
#[pyfunction(sig = "(form, unistr, /)", text = "($self, form, unistr, /)")]
fn is_normalized(form: &Py<Str>, unistr: &Py<Str>, vm: &mut Vm) -> PyResult<bool> {
    is_normalized_in(vm, NOW, form, unistr)
}

#[pymethods(parts(CHARS))]
impl Ucd {
    /// The value of a decimal digit; the default, or ValueError, if the character is none.
    #[method(text = "($self, chr, default=<unrepresentable>, /)")]
    fn decimal(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        decimal_in(vm, OLD, args)
    }

    /// The value of a digit; the default, or ValueError, if the character is none.
    #[method(text = "($self, chr, default=<unrepresentable>, /)")]
    fn digit(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        digit_in(vm, OLD, args)
    }

    /// The numeric value of a character as a float; the default, or ValueError, if it has none.
    #[method(text = "($self, chr, default=<unrepresentable>, /)")]
    fn numeric(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        numeric_in(vm, OLD, args)
    }

    /// The name of a character; the default, or ValueError, if it has none.
    #[method(text = "($self, chr, default=<unrepresentable>, /)")]
    fn name(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        name_in(vm, OLD, args)
    }

    /// The character with a name; KeyError if there is none.
    #[method(sig = "(name, /)")]
    fn lookup(&self, name: &Value, vm: &mut Vm) -> PyResult {
        lookup_in(vm, OLD, name)
    }

    /// The normalization form 'NFC', 'NFKC', 'NFD' or 'NFKD' of a string.
    #[method(sig = "(form, unistr, /)")]
    fn normalize(&self, form: &Py<Str>, unistr: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        normalize_in(vm, OLD, form, unistr)
    }

    /// Whether a string is in a normalization form.
    #[method(sig = "(form, unistr, /)")]
    fn is_normalized(&self, form: &Py<Str>, unistr: &Py<Str>, vm: &mut Vm) -> PyResult<bool> {
        is_normalized_in(vm, OLD, form, unistr)
    }

    /// The version of Unicode.
    #[getter]
    fn unidata_version(&self) -> &'static str {
        "3.2.0"
    }
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let version = vm.new_str(UNIDATA_VERSION)?.into_value();
    let old = vm.new_object(Ucd)?.into_value();
    for (name, value) in [("unidata_version", version), ("ucd_3_2_0", old)] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}

module! {
    "unicodedata",
    doc: "The properties of characters that Unicode defines.",
    functions: [
        decimal, digit, numeric, category, bidirectional, combining, mirrored, east_asian_width, decomposition, name, lookup,
        is_normalized, normalize,
    ],
    types: [Ucd],
    exec: init,
}
