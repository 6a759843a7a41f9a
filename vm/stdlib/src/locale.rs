//! The `_locale` module, and the encoding of the locale.
#![allow(unsafe_code, reason = "the C library's locale")]

use crate::oserror::{self, sys};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction};
use std::ffi::{CStr, CString};

/// The encoding of the locale; the C locale counts as UTF-8 (PEP 538, PEP 540).
pub fn encoding() -> String {
    // SAFETY: the C library's own null-terminated string, copied at once.
    let name = unsafe { CStr::from_ptr(libc::nl_langinfo(libc::CODESET)) }.to_string_lossy().into_owned();
    if name.is_empty() || name.starts_with("ANSI_X3.4") { "utf-8".to_owned() } else { name }
}

fn text(vm: &mut Vm, p: *const libc::c_char) -> PyResult {
    if p.is_null() {
        return Ok(Value::none());
    }
    // SAFETY: the C library's own null-terminated string, copied at once.
    let bytes = unsafe { CStr::from_ptr(p) }.to_bytes().to_vec();
    Ok(crate::fspath::fsdecode(vm, &bytes)?.into_value())
}

fn locale_error(vm: &mut Vm, message: &str) -> krait_runtime::Raised {
    let class = vm.state::<LocaleState>().error.load(vm);
    match (class, vm.new_str(message)) {
        (Some(class), Ok(text)) => oserror::raise_class(vm, &class, &[text.into_value()]),
        (None, _) => vm.value_error(message),
        (_, Err(e)) => e,
    }
}

#[derive(Default)]
struct LocaleState {
    error: krait_runtime::GilCell<Option<Value>>,
}

/// Sets the locale of a category, or asks for it without one.
#[pyfunction(sig = "(category, locale=None, /)")]
fn setlocale(category: i32, locale: Option<Py<Str>>, vm: &mut Vm) -> PyResult {
    let name = match &locale {
        Some(l) => match CString::new(l.to_utf8(vm)?) {
            Ok(c) => Some(c),
            Err(_) => return Err(vm.value_error("embedded null character")),
        },
        None => None,
    };
    let result = sys!(libc::setlocale(category, name.as_ref().map_or(std::ptr::null(), |c| c.as_ptr())));
    if result.is_null() {
        let message = if name.is_some() { "unsupported locale setting" } else { "locale query failed" };
        return Err(locale_error(vm, message));
    }
    text(vm, result)
}

fn grouping(vm: &mut Vm, p: *const libc::c_char) -> PyResult {
    // SAFETY: the C library's own null-terminated string.
    let bytes = if p.is_null() { &[] } else { unsafe { CStr::from_ptr(p) }.to_bytes() };
    let mut items: Vec<Value> = Vec::new();
    let mut ended = false;
    for &b in bytes {
        items.push(Value::from_i32(i32::from(b)));
        if b == 127 {
            ended = true;
            break;
        }
    }
    if !items.is_empty() && !ended {
        items.push(Value::from_i32(0));
    }
    Ok(vm.new_list(items)?.into_value())
}

/// How the locale writes numbers and amounts of money.
#[pyfunction]
fn localeconv(vm: &mut Vm) -> PyResult<Py<Dict>> {
    // SAFETY: the C library's own structure, which lives until the locale changes; nothing changes it here.
    let c = unsafe { &*libc::localeconv() };
    let dict = vm.new_dict()?;
    let strings = [
        ("decimal_point", c.decimal_point),
        ("thousands_sep", c.thousands_sep),
        ("int_curr_symbol", c.int_curr_symbol),
        ("currency_symbol", c.currency_symbol),
        ("mon_decimal_point", c.mon_decimal_point),
        ("mon_thousands_sep", c.mon_thousands_sep),
        ("positive_sign", c.positive_sign),
        ("negative_sign", c.negative_sign),
    ];
    for (name, p) in strings {
        let (name, value) = (vm.intern(name), text(vm, p)?);
        dict.set_str(vm, &name, value)?;
    }
    for (name, p) in [("grouping", c.grouping), ("mon_grouping", c.mon_grouping)] {
        let (name, value) = (vm.intern(name), grouping(vm, p)?);
        dict.set_str(vm, &name, value)?;
    }
    let numbers = [
        ("int_frac_digits", c.int_frac_digits),
        ("frac_digits", c.frac_digits),
        ("p_cs_precedes", c.p_cs_precedes),
        ("p_sep_by_space", c.p_sep_by_space),
        ("n_cs_precedes", c.n_cs_precedes),
        ("n_sep_by_space", c.n_sep_by_space),
        ("p_sign_posn", c.p_sign_posn),
        ("n_sign_posn", c.n_sign_posn),
    ];
    for (name, n) in numbers {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(i32::from(n)))?;
    }
    Ok(dict)
}

/// Something that the locale says, by its number.
#[pyfunction(sig = "(key, /)")]
fn nl_langinfo(key: i32, vm: &mut Vm) -> PyResult {
    text(vm, sys!(libc::nl_langinfo(key)))
}

/// The encoding of the locale.
#[pyfunction]
fn getencoding() -> String {
    encoding()
}

unsafe extern "C" {
    fn strcoll(a: *const libc::c_char, b: *const libc::c_char) -> libc::c_int;
    fn strxfrm(to: *mut libc::c_char, from: *const libc::c_char, n: libc::size_t) -> libc::size_t;
}

/// Compares two strings as the locale orders them.
#[pyfunction(name = "strcoll", sig = "(os1, os2, /)")]
fn strcoll_(os1: String, os2: String, vm: &mut Vm) -> PyResult<i32> {
    match (CString::new(os1), CString::new(os2)) {
        (Ok(a), Ok(b)) => Ok(sys!(strcoll(a.as_ptr(), b.as_ptr()))),
        _ => Err(vm.value_error("embedded null character")),
    }
}

/// A string whose plain order is the locale's order of the given one.
#[pyfunction(name = "strxfrm", sig = "(string, /)")]
fn strxfrm_(string: String, vm: &mut Vm) -> PyResult {
    let Ok(s) = CString::new(string) else { return Err(vm.value_error("embedded null character")) };
    let n = sys!(strxfrm(std::ptr::null_mut(), s.as_ptr(), 0));
    let mut out = crate::posix::fds::buffer_of(vm, n + 1)?;
    sys!(strxfrm(out.as_mut_ptr().cast(), s.as_ptr(), out.len()));
    out.truncate(n);
    Ok(crate::fspath::fsdecode(vm, &out)?.into_value())
}

krait_runtime::module! {
    "_locale",
    doc: "The C library's locales.",
    functions: [setlocale, localeconv, nl_langinfo, getencoding, strcoll_, strxfrm_],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let numbers = [
        ("LC_CTYPE", libc::LC_CTYPE),
        ("LC_NUMERIC", libc::LC_NUMERIC),
        ("LC_TIME", libc::LC_TIME),
        ("LC_COLLATE", libc::LC_COLLATE),
        ("LC_MONETARY", libc::LC_MONETARY),
        ("LC_MESSAGES", libc::LC_MESSAGES),
        ("LC_ALL", libc::LC_ALL),
        ("CHAR_MAX", 127),
        ("CODESET", libc::CODESET),
        ("RADIXCHAR", libc::RADIXCHAR),
        ("THOUSEP", libc::THOUSEP),
        ("YESEXPR", libc::YESEXPR),
        ("NOEXPR", libc::NOEXPR),
        ("CRNCYSTR", libc::CRNCYSTR),
        ("D_T_FMT", libc::D_T_FMT),
        ("D_FMT", libc::D_FMT),
        ("T_FMT", libc::T_FMT),
        ("T_FMT_AMPM", libc::T_FMT_AMPM),
        ("AM_STR", libc::AM_STR),
        ("PM_STR", libc::PM_STR),
        ("ERA", libc::ERA),
        ("ERA_D_FMT", libc::ERA_D_FMT),
        ("ERA_D_T_FMT", libc::ERA_D_T_FMT),
        ("ERA_T_FMT", libc::ERA_T_FMT),
        ("ALT_DIGITS", libc::ALT_DIGITS),
    ];
    for (name, value) in numbers {
        let name = vm.intern(name);
        dict.set_str(vm, &name, Value::from_i32(value))?;
    }
    let ranges = [("DAY_", libc::DAY_1, 7), ("ABDAY_", libc::ABDAY_1, 7), ("MON_", libc::MON_1, 12), ("ABMON_", libc::ABMON_1, 12)];
    for (prefix, first, count) in ranges {
        for i in 0..count {
            let name = vm.intern(&format!("{prefix}{}", i + 1));
            dict.set_str(vm, &name, Value::from_i32(first + i))?;
        }
    }
    let base = oserror::builtin(vm, "Exception")?;
    let error = crate::signal::new_class(vm, "Error", "locale", &[base])?;
    let name = vm.intern("Error");
    dict.set_str(vm, &name, error.clone())?;
    let old = vm.state::<LocaleState>().error.replace(vm, Some(error));
    drop(old);
    Ok(())
}
