//! Searching in strings of any width, in linear time.
//!
//! Narrow text uses `memchr`'s searchers; wider text a plain scan that, once it has wasted more work than the text is long, goes on with
//! Knuth, Morris and Pratt's algorithm.

use super::StrData;
use memchr::memmem;
use std::borrow::Cow;

/// A character of some width.
pub trait Unit: Copy + Eq + 'static {
    /// All positions at which `needle`, not empty, stands in `hay`, not overlapping; `each` says whether to go on.
    fn each_match(hay: &[Self], needle: &[Self], each: &mut dyn FnMut(usize) -> bool);
    /// The last position.
    fn rfind(hay: &[Self], needle: &[Self]) -> Option<usize>;
}

/// Below this length it is not worth preparing a search.
pub(crate) const SHORT: usize = 1024;

/// The first position of `needle`. Where its first byte stands is looked at, and only if that is too often is a search prepared.
pub(crate) fn find_bytes(hay: &[u8], needle: &[u8]) -> Option<usize> {
    const CANDIDATES: usize = 16;
    let Some((&first, rest)) = needle.split_first() else { return Some(0) };
    let last = hay.len().checked_sub(needle.len())?;
    let mut at = 0;
    for _ in 0..CANDIDATES {
        at += memchr::memchr(first, hay.get(at..=last)?)?;
        if hay.get(at + 1..at + needle.len()) == Some(rest) {
            return Some(at);
        }
        at += 1;
    }
    memmem::find(hay.get(at..)?, needle).map(|found| at + found)
}

impl Unit for u8 {
    fn each_match(hay: &[u8], needle: &[u8], each: &mut dyn FnMut(usize) -> bool) {
        if let [byte] = needle {
            memchr::memchr_iter(*byte, hay).all(each);
        } else if hay.len() < SHORT {
            let mut from = 0;
            while let Some(at) = hay.get(from..).and_then(|rest| find_bytes(rest, needle)) {
                if !each(from + at) {
                    return;
                }
                from += at + needle.len();
            }
        } else {
            memmem::Finder::new(needle).find_iter(hay).all(each);
        }
    }

    fn rfind(hay: &[u8], needle: &[u8]) -> Option<usize> {
        if let [byte] = needle { memchr::memrchr(*byte, hay) } else { memmem::rfind(hay, needle) }
    }
}

macro_rules! wide {
    ($($t:ty),*) => {$(
        impl Unit for $t {
            fn each_match(hay: &[$t], needle: &[$t], each: &mut dyn FnMut(usize) -> bool) {
                plain(hay, needle, each);
            }

            fn rfind(hay: &[$t], needle: &[$t]) -> Option<usize> {
                if let [c] = needle {
                    return hay.iter().rposition(|x| x == c);
                }
                let hay: Vec<$t> = hay.iter().rev().copied().collect();
                let needle: Vec<$t> = needle.iter().rev().copied().collect();
                let mut found = None;
                plain(&hay, &needle, &mut |at| {
                    found = Some(hay.len() - at - needle.len());
                    false
                });
                found
            }
        }
    )*};
}
wide!(u16, u32);

fn plain<T: Copy + Eq>(hay: &[T], needle: &[T], each: &mut dyn FnMut(usize) -> bool) {
    let Some((&first, rest)) = needle.split_first() else { return };
    let Some(last) = hay.len().checked_sub(needle.len()) else { return };
    let (mut at, mut budget) = (0, hay.len() * 2 + 64);
    while at <= last {
        let Some(skip) = hay.get(at..=last).and_then(|h| h.iter().position(|&c| c == first)) else { return };
        at += skip;
        let tail = hay.get(at + 1..).unwrap_or_default();
        let same = rest.iter().zip(tail).take_while(|(a, b)| a == b).count();
        if same == rest.len() {
            if !each(at) {
                return;
            }
            at += needle.len();
            continue;
        }
        at += 1;
        match budget.checked_sub(same) {
            Some(left) => budget = left,
            None => return kmp(hay, at, needle, each),
        }
    }
}

/// Knuth, Morris, Pratt from `at` on.
fn kmp<T: Copy + Eq>(hay: &[T], at: usize, needle: &[T], each: &mut dyn FnMut(usize) -> bool) {
    let mut fail = vec![0usize; needle.len()];
    let mut k = 0;
    for i in 1..needle.len() {
        while k > 0 && needle[i] != needle[k] {
            k = fail[k - 1];
        }
        k += usize::from(needle[i] == needle[k]);
        fail[i] = k;
    }
    k = 0;
    for (i, &c) in hay.iter().enumerate().skip(at) {
        while k > 0 && c != needle[k] {
            k = fail[k - 1];
        }
        k += usize::from(c == needle[k]);
        if k == needle.len() {
            if !each(i + 1 - k) {
                return;
            }
            k = 0;
        }
    }
}

impl<'a> StrData<'a> {
    /// The characters as bytes, if they are that narrow.
    pub fn narrow(&self) -> Option<&'a [u8]> {
        match *self {
            StrData::Ascii(s) => Some(s.as_bytes()),
            StrData::Latin1(s) => Some(s),
            StrData::Ucs2(_) | StrData::Ucs4(_) => None,
        }
    }

    fn as_u16(&self) -> Option<Cow<'a, [u16]>> {
        match *self {
            StrData::Ascii(s) => Some(s.bytes().map(u16::from).collect()),
            StrData::Latin1(s) => Some(s.iter().map(|&c| u16::from(c)).collect()),
            StrData::Ucs2(s) => Some(Cow::Borrowed(s)),
            StrData::Ucs4(_) => None,
        }
    }

    fn as_u32(&self) -> Cow<'a, [u32]> {
        match *self {
            StrData::Ucs4(s) => Cow::Borrowed(s),
            _ => self.iter().collect(),
        }
    }

    /// Calls `each` for the positions of `needle` (a whole string, not empty), not overlapping, while it says to go on.
    pub fn each_match(&self, needle: StrData<'_>, mut each: impl FnMut(usize) -> bool) {
        match self {
            StrData::Ucs2(hay) => {
                if let Some(needle) = needle.as_u16() {
                    u16::each_match(hay, &needle, &mut each);
                }
            }
            StrData::Ucs4(hay) => u32::each_match(hay, &needle.as_u32(), &mut each),
            StrData::Ascii(_) | StrData::Latin1(_) => {
                if let (Some(hay), Some(needle)) = (self.narrow(), needle.narrow()) {
                    u8::each_match(hay, needle, &mut each);
                }
            }
        }
    }

    /// The first position of `needle`; 0 for an empty one.
    pub fn find(&self, needle: StrData<'_>) -> Option<usize> {
        if needle.is_empty() {
            return Some(0);
        }
        if let (Some(hay), Some(needle)) = (self.narrow(), needle.narrow()) {
            return find_bytes(hay, needle);
        }
        let mut found = None;
        self.each_match(needle, |at| {
            found = Some(at);
            false
        });
        found
    }

    /// The last position of `needle`; the length for an empty one.
    pub fn rfind(&self, needle: StrData<'_>) -> Option<usize> {
        if needle.is_empty() {
            return Some(self.len());
        }
        match self {
            StrData::Ucs2(hay) => u16::rfind(hay, &needle.as_u16()?),
            StrData::Ucs4(hay) => u32::rfind(hay, &needle.as_u32()),
            StrData::Ascii(_) | StrData::Latin1(_) => u8::rfind(self.narrow()?, needle.narrow()?),
        }
    }

    /// How often `needle` occurs without overlap; an empty one fits once more than there are characters.
    pub fn count(&self, needle: StrData<'_>) -> usize {
        if needle.is_empty() {
            return self.len() + 1;
        }
        let mut n = 0;
        self.each_match(needle, |_| {
            n += 1;
            true
        });
        n
    }

    /// Whether the same characters stand in both, whatever their width.
    pub fn same(&self, other: StrData<'_>) -> bool {
        match (self.narrow(), other.narrow()) {
            (Some(a), Some(b)) => a == b,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }

    /// Order by code points.
    pub fn order(&self, other: StrData<'_>) -> std::cmp::Ordering {
        match (self.narrow(), other.narrow()) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => self.iter().cmp(other.iter()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_widths_agree_with_a_naive_search() {
        let naive = |h: &[u32], n: &[u32]| (0..(h.len() + 1).saturating_sub(n.len())).find(|&i| h[i..i + n.len()] == *n);
        let mut seed = 7u32;
        let mut next = |n: u32| {
            seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
            (seed >> 16) % n
        };
        for _ in 0..3000 {
            let (n, m) = (next(80) as usize, 1 + next(4) as usize);
            let hay: Vec<u32> = (0..n).map(|_| 97 + next(2)).collect();
            let needle: Vec<u32> = (0..m).map(|_| 97 + next(2)).collect();
            let (h8, n8): (Vec<u8>, Vec<u8>) = (hay.iter().map(|&c| c as u8).collect(), needle.iter().map(|&c| c as u8).collect());
            let want = naive(&hay, &needle);
            assert_eq!(StrData::Latin1(&h8).find(StrData::Latin1(&n8)), want);
            assert_eq!(StrData::Ucs4(&hay).find(StrData::Latin1(&n8)), want);
            assert_eq!(StrData::Ucs4(&hay).rfind(StrData::Latin1(&n8)), StrData::Latin1(&h8).rfind(StrData::Latin1(&n8)));
            let mut got = Vec::new();
            kmp(&hay, 0, &needle, &mut |at| {
                got.push(at);
                true
            });
            assert_eq!(got.len(), StrData::Latin1(&h8).count(StrData::Latin1(&n8)));
        }
    }
}
