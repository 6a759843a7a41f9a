//! `str`: case, and questions about the characters.

use super::{Str, StrBuilder, StrData};
use crate::{Py, PyResult, Vm, pymethods};
use krait_unicode as unicode;

const SIGMA: u32 = 0x3a3;

/// Lower case of the character at `at`; the form of a sigma depends on what is around it.
fn push_lower(out: &mut StrBuilder, data: StrData<'_>, at: usize, c: u32) {
    if c == SIGMA {
        out.push(if is_final_sigma(data, at) { 0x3c2 } else { 0x3c3 });
    } else {
        push(out, unicode::to_lower(c));
    }
}

fn push(out: &mut StrBuilder, mapping: unicode::Mapping) {
    mapping.as_slice().iter().for_each(|&c| out.push(c));
}

fn is_final_sigma(data: StrData<'_>, at: usize) -> bool {
    let len = data.len();
    let before = data.slice(0, at).iter().rev().find(|&c| !unicode::is_case_ignorable(c));
    let after = data.slice(at + 1, len).iter().find(|&c| !unicode::is_case_ignorable(c));
    before.is_some_and(unicode::is_cased) && !after.is_some_and(unicode::is_cased)
}

impl Str {
    fn map_case(&self, vm: &mut Vm, ascii: fn(&str) -> String, each: impl Fn(&mut StrBuilder, StrData<'_>, usize, u32)) -> PyResult<Py<Str>> {
        if let Some(s) = self.as_ascii() {
            // Vectors double as they grow.
            vm.require_room(s.len().saturating_mul(3))?;
            return vm.new_str(&ascii(s));
        }
        let data = self.data();
        let mut out = StrBuilder::with_capacity(data.len());
        for (i, c) in data.iter().enumerate() {
            each(&mut out, data, i, c);
        }
        out.finish(vm)
    }

    fn all(&self, test: fn(u32) -> bool) -> bool {
        !self.is_empty() && self.chars().all(test)
    }
}

fn swap_ascii(s: &str) -> String {
    s.chars().map(|c| if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
}

fn title_ascii(s: &str) -> String {
    let mut cased = false;
    s.chars()
        .map(|c| {
            let mapped = if cased { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() };
            cased = c.is_ascii_alphabetic();
            mapped
        })
        .collect()
}

fn capitalize_ascii(s: &str) -> String {
    let mut out = s.to_ascii_lowercase();
    if let Some(first) = out.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    out
}

#[pymethods(part = CASE)]
impl Str {
    /// A copy in lower case.
    #[method(sig = "()")]
    fn lower(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.map_case(vm, str::to_ascii_lowercase, push_lower)
    }

    /// A copy in upper case.
    #[method(sig = "()")]
    fn upper(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.map_case(vm, str::to_ascii_uppercase, |out, _, _, c| push(out, unicode::to_upper(c)))
    }

    /// A copy with case folded away, for comparison without regard to case.
    #[method(sig = "()")]
    fn casefold(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.map_case(vm, str::to_ascii_lowercase, |out, _, _, c| push(out, unicode::casefold(c)))
    }

    /// A copy with upper case made lower and lower case made upper.
    #[method(sig = "()")]
    fn swapcase(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.map_case(vm, swap_ascii, |out, data, i, c| {
            if unicode::is_upper(c) {
                push_lower(out, data, i, c);
            } else if unicode::is_lower(c) {
                push(out, unicode::to_upper(c));
            } else {
                out.push(c);
            }
        })
    }

    /// A copy whose first character is in title case and the others in lower case.
    #[method(sig = "()")]
    fn capitalize(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.map_case(vm, capitalize_ascii, |out, data, i, c| {
            if i == 0 { push(out, unicode::to_title(c)) } else { push_lower(out, data, i, c) }
        })
    }

    /// A copy in which every word starts with title case and goes on in lower case.
    #[method(sig = "()")]
    fn title(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let cased = std::cell::Cell::new(false);
        self.map_case(vm, title_ascii, |out, data, i, c| {
            if cased.get() { push_lower(out, data, i, c) } else { push(out, unicode::to_title(c)) }
            cased.set(unicode::is_cased(c));
        })
    }

    /// Whether all cased characters are lower case, and there is one.
    #[method(sig = "()")]
    fn islower(&self) -> bool {
        let mut cased = false;
        for c in self.chars() {
            if unicode::is_upper(c) || unicode::is_title(c) {
                return false;
            }
            cased |= unicode::is_lower(c);
        }
        cased
    }

    /// Whether all cased characters are upper case, and there is one.
    #[method(sig = "()")]
    fn isupper(&self) -> bool {
        let mut cased = false;
        for c in self.chars() {
            if unicode::is_lower(c) || unicode::is_title(c) {
                return false;
            }
            cased |= unicode::is_upper(c);
        }
        cased
    }

    /// Whether upper and title case only follow uncased characters and lower case only cased ones, and there is a cased one.
    #[method(sig = "()")]
    fn istitle(&self) -> bool {
        let (mut cased, mut previous) = (false, false);
        for c in self.chars() {
            if unicode::is_upper(c) || unicode::is_title(c) {
                if previous {
                    return false;
                }
                (cased, previous) = (true, true);
            } else if unicode::is_lower(c) {
                if !previous {
                    return false;
                }
                (cased, previous) = (true, true);
            } else {
                previous = false;
            }
        }
        cased
    }

    /// Whether all characters are white space, and there is one.
    #[method(sig = "()")]
    fn isspace(&self) -> bool {
        self.all(unicode::is_space)
    }

    /// Whether all characters are letters, and there is one.
    #[method(sig = "()")]
    fn isalpha(&self) -> bool {
        self.all(unicode::is_alpha)
    }

    /// Whether all characters are letters or numbers, and there is one.
    #[method(sig = "()")]
    fn isalnum(&self) -> bool {
        self.all(unicode::is_alnum)
    }

    /// Whether all characters are decimal digits, and there is one.
    #[method(sig = "()")]
    fn isdecimal(&self) -> bool {
        self.all(unicode::is_decimal)
    }

    /// Whether all characters are digits, and there is one.
    #[method(sig = "()")]
    fn isdigit(&self) -> bool {
        self.all(unicode::is_digit)
    }

    /// Whether all characters have a numeric value, and there is one.
    #[method(sig = "()")]
    fn isnumeric(&self) -> bool {
        self.all(unicode::is_numeric)
    }

    /// Whether all characters are ASCII.
    #[method(sig = "()")]
    fn isascii(&self) -> bool {
        self.is_ascii()
    }

    /// Whether repr() would show all characters as they are.
    #[method(sig = "()")]
    fn isprintable(&self) -> bool {
        self.chars().all(unicode::is_printable)
    }

    /// Whether the string could be an identifier; keywords are not excluded.
    #[method(name = "isidentifier", sig = "()")]
    pub fn is_identifier(&self) -> bool {
        let mut chars = self.chars();
        chars.next().is_some_and(unicode::is_identifier_start) && chars.all(unicode::is_xid_continue)
    }
}
