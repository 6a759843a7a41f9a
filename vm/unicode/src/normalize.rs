//! Normalization forms (UAX #15) over code points.
//!
//! The flags of a record say which characters a form may change or join with the one before; text without any, and with
//! combining marks in order, is left alone. Unicode 3.2.0 is normalized with today's tables, except for characters that
//! were unassigned then and the few decompositions that have been corrected since.

use crate::database::generated::{
    COMPOSITIONS, NFC_CHECK, NFD_CHECK, NFKC_CHECK, NFKD_CHECK, OLD_DECOMPOSITIONS,
};
use crate::database::{Version, combining, flags};

const S_BASE: u32 = 0xac00;
const L_BASE: u32 = 0x1100;
const V_BASE: u32 = 0x1161;
const T_BASE: u32 = 0x11a7;
const L_COUNT: u32 = 19;
const V_COUNT: u32 = 21;
const T_COUNT: u32 = 28;
const S_COUNT: u32 = L_COUNT * V_COUNT * T_COUNT;

/// A normalization form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Canonical composition.
    Nfc,
    /// Canonical decomposition.
    Nfd,
    /// Compatibility composition.
    Nfkc,
    /// Compatibility decomposition.
    Nfkd,
}

impl Form {
    /// The form that `unicodedata.normalize` calls `name`.
    pub fn parse(name: &str) -> Option<Form> {
        Some(match name {
            "NFC" => Form::Nfc,
            "NFD" => Form::Nfd,
            "NFKC" => Form::Nfkc,
            "NFKD" => Form::Nfkd,
            _ => return None,
        })
    }

    fn composes(self) -> bool {
        matches!(self, Form::Nfc | Form::Nfkc)
    }

    fn compatibility(self) -> bool {
        matches!(self, Form::Nfkc | Form::Nfkd)
    }

    fn check_flag(self) -> u32 {
        match self {
            Form::Nfc => NFC_CHECK,
            Form::Nfd => NFD_CHECK,
            Form::Nfkc => NFKC_CHECK,
            Form::Nfkd => NFKD_CHECK,
        }
    }
}

/// `text` in normalization form `form`.
pub fn normalize(form: Form, text: &[u32]) -> Vec<u32> {
    normalize_as(Version::Current, form, text)
}

/// `text` in normalization form `form` of a version of Unicode.
pub fn normalize_as(version: Version, form: Form, text: &[u32]) -> Vec<u32> {
    if version == Version::Current && quick_check(form, text) {
        return text.to_vec();
    }
    let mut out = Vec::with_capacity(text.len());
    for &c in text {
        decompose(version, form.compatibility(), c, &mut out);
    }
    order_marks(&mut out);
    if form.composes() {
        compose(&mut out);
    }
    out
}

/// Whether `text` is in normalization form `form`.
pub fn is_normalized(version: Version, form: Form, text: &[u32]) -> bool {
    (version == Version::Current && quick_check(form, text)) || normalize_as(version, form, text) == text
}

/// Whether `text` is certainly normalized.
fn quick_check(form: Form, text: &[u32]) -> bool {
    let mut last = 0;
    text.iter().all(|&c| {
        if c < 0x80 {
            last = 0;
            return true;
        }
        let class = combining(c);
        let ordered = class == 0 || last <= class;
        last = class;
        ordered && flags(c) & form.check_flag() == 0
    })
}

/// The jamo of a Hangul syllable; the last is 0 when there are two.
pub(crate) fn hangul_parts(c: u32) -> Option<[u32; 3]> {
    let index = c.checked_sub(S_BASE).filter(|&index| index < S_COUNT)?;
    let tail = index % T_COUNT;
    Some([
        L_BASE + index / (V_COUNT * T_COUNT),
        V_BASE + index % (V_COUNT * T_COUNT) / T_COUNT,
        if tail == 0 { 0 } else { T_BASE + tail },
    ])
}

/// Appends the full decomposition of `c`.
fn decompose(version: Version, compatibility: bool, c: u32, out: &mut Vec<u32>) {
    if c < 0x80 {
        return out.push(c);
    }
    if let Some(jamo) = hangul_parts(c) {
        return out.extend(jamo.into_iter().filter(|&j| j != 0));
    }
    // Depth is that of the data, four at most.
    let mut pending = vec![c];
    while let Some(c) = pending.pop() {
        if version == Version::V3_2_0 && let Ok(i) = OLD_DECOMPOSITIONS.binary_search_by_key(&c, |pair| pair.0) {
            pending.push(OLD_DECOMPOSITIONS[i].1);
            continue;
        }
        match version.raw_decomposition(c) {
            Some((tag, codes)) if compatibility || tag.is_empty() => {
                let at = pending.len();
                pending.extend(codes);
                pending[at..].reverse();
            }
            _ => out.push(c),
        }
    }
}

/// Sorts each run of combining marks by class, keeping the order of equals.
fn order_marks(text: &mut [u32]) {
    let mut i = 0;
    while i < text.len() {
        if combining(text[i]) == 0 {
            i += 1;
            continue;
        }
        let len = text[i..].iter().take_while(|&&c| combining(c) != 0).count();
        text[i..i + len].sort_by_key(|&c| combining(c));
        i += len;
    }
}

/// The character that `first` and `second` compose to.
fn compose_pair(first: u32, second: u32) -> Option<u32> {
    if let (l @ ..L_COUNT, v @ ..V_COUNT) = (first.wrapping_sub(L_BASE), second.wrapping_sub(V_BASE)) {
        return Some(S_BASE + (l * V_COUNT + v) * T_COUNT);
    }
    if let (s @ ..S_COUNT, t @ 1..T_COUNT) = (first.wrapping_sub(S_BASE), second.wrapping_sub(T_BASE))
        && s % T_COUNT == 0
    {
        return Some(first + t);
    }
    let found = COMPOSITIONS.binary_search_by_key(&(first, second), |&(a, b, _)| (a, b)).ok()?;
    Some(COMPOSITIONS[found].2)
}

/// Canonical composition of decomposed text, in place.
fn compose(text: &mut Vec<u32>) {
    let mut starter: Option<usize> = None;
    let mut last_class = 0;
    let mut len = 0;
    for i in 0..text.len() {
        let c = text[i];
        let class = combining(c);
        // Blocked unless nothing, or only marks of lower class, stands between.
        if let Some(s) = starter
            && (len == s + 1 || (last_class != 0 && last_class < class))
            && let Some(composed) = compose_pair(text[s], c)
        {
            text[s] = composed;
            continue;
        }
        if class == 0 {
            starter = Some(len);
        }
        last_class = class;
        text[len] = c;
        len += 1;
    }
    text.truncate(len);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let check = |form, text: &[u32], expected: &[u32]| {
            assert_eq!(normalize(form, text), expected);
            assert!(is_normalized(Version::Current, form, expected));
        };
        check(Form::Nfc, &[0x65, 0x301], &[0xe9]);
        check(Form::Nfd, &[0x1e69], &[0x73, 0x323, 0x307]);
        check(Form::Nfc, &[0x73, 0x307, 0x323], &[0x1e69]);
        check(Form::Nfkc, &[0xfb01], &[0x66, 0x69]);
        check(Form::Nfd, &[0xac01], &[0x1100, 0x1161, 0x11a8]);
        check(Form::Nfc, &[0x1100, 0x1161, 0x11a8], &[0xac01]);
        check(Form::Nfc, &[0xd800, 0x301], &[0xd800, 0x301]);
    }
}
