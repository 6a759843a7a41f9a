//! Character sets of two bytes a character: the tables behind the codecs.
//!
//! The tables are those of the Encoding Standard, as `encoding_rs` has them: each is read off its decoder when it is first needed. CPython's
//! codecs follow older editions of the character sets; where they differ from the standard stands here, as lists of codes. A set knows
//! the character of a code and the code of a character, where several codes stand for one character the one that CPython writes.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, Encoding, GB18030, SHIFT_JIS};
use std::sync::OnceLock;

/// A character set.
pub struct Charset {
    /// The characters of the codes from 0x8140 to 0xfefe; 0 for none.
    chars: Box<[u32]>,
    /// Characters and their codes, sorted.
    codes: Box<[(u32, u16)]>,
}

const FIRST: usize = 0x81;
const LOW: usize = 0x40;
const ROW: usize = 0xff - LOW;
const ROWS: usize = 0xff - FIRST;

fn index(code: u16) -> Option<usize> {
    let (high, low) = (usize::from(code >> 8), usize::from(code & 0xff));
    let at = high.checked_sub(FIRST)? * ROW + low.checked_sub(LOW)?;
    (low < 0xff && high < 0xff).then_some(at)
}

/// All codes, in order.
fn all_codes() -> impl Iterator<Item = u16> {
    (FIRST as u16..0xff).flat_map(|high| (LOW as u16..0xff).map(move |low| high << 8 | low))
}

impl Charset {
    /// The character of a code.
    pub fn char(&self, high: u8, low: u8) -> Option<u32> {
        let at = index(u16::from(high) << 8 | u16::from(low))?;
        self.chars.get(at).copied().filter(|&c| c != 0)
    }

    /// The code of a character.
    pub fn code(&self, c: u32) -> Option<u16> {
        let at = self.codes.binary_search_by_key(&c, |entry| entry.0).ok()?;
        self.codes.get(at).map(|entry| entry.1)
    }

    /// The characters from 0x80 to 0xffff that have no code, in order, without surrogates.
    pub fn without_code(&self) -> impl Iterator<Item = u16> + '_ {
        (0x80..=0xffff_u16).filter(|c| !(0xd800..0xe000).contains(c) && self.code(u32::from(*c)).is_none())
    }
}

/// A set in the making.
struct Maker {
    chars: Vec<u32>,
}

impl Maker {
    /// What a decoder makes of each code behind `prefix`.
    fn read(encoding: &'static Encoding, prefix: &[u8]) -> Maker {
        let mut chars = vec![0; ROWS * ROW];
        for (code, slot) in all_codes().zip(&mut chars) {
            let bytes = [prefix, &code.to_be_bytes()].concat();
            let Some(text) = encoding.decode_without_bom_handling_and_without_replacement(&bytes) else { continue };
            let mut decoded = text.chars();
            if let (Some(c), None) = (decoded.next(), decoded.next()) {
                *slot = u32::from(c);
            }
        }
        Maker { chars }
    }

    fn set(&mut self, code: u16, c: u32) {
        if let Some(slot) = index(code).and_then(|at| self.chars.get_mut(at)) {
            *slot = c;
        }
    }

    /// Other characters at some codes.
    fn change(mut self, changes: &[(u16, u32)]) -> Maker {
        changes.iter().for_each(|&(code, c)| self.set(code, c));
        self
    }

    /// Only the codes that `keep` wants.
    fn only(mut self, keep: impl Fn(u16, u32) -> bool) -> Maker {
        for (code, slot) in all_codes().zip(&mut self.chars) {
            if *slot != 0 && !keep(code, *slot) {
                *slot = 0;
            }
        }
        self
    }

    /// Without ranges of codes.
    fn without(self, ranges: &[(u16, u16)]) -> Maker {
        self.only(|code, _| !ranges.iter().any(|&(first, last)| (first..=last).contains(&code)))
    }

    /// The set; where a character has two codes, `later(character, code)` says whether the one that comes later is written.
    fn finish(self, later: impl Fn(u32, u16) -> bool) -> Charset {
        let mut codes: Vec<(u32, u16)> = all_codes().zip(&self.chars).filter(|(_, c)| **c != 0).map(|(code, c)| (*c, code)).collect();
        codes.sort_unstable();
        let mut kept: Vec<(u32, u16)> = Vec::with_capacity(codes.len());
        for (c, code) in codes {
            match kept.last_mut() {
                Some(last) if last.0 == c => {
                    if later(c, code) {
                        last.1 = code;
                    }
                }
                _ => kept.push((c, code)),
            }
        }
        Charset { chars: self.chars.into_boxed_slice(), codes: kept.into_boxed_slice() }
    }
}

fn is_private(c: u32) -> bool {
    (0xe000..0xf900).contains(&c)
}

/// Both bytes have their high bit set, as in a set of 94 by 94 characters.
fn is_94(code: u16) -> bool {
    code >= 0xa1a1 && code & 0xff >= 0xa1
}

macro_rules! sets {
    ($($(#[$doc:meta])* $name:ident = $make:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name() -> &'static Charset {
            static SET: OnceLock<Charset> = OnceLock::new();
            SET.get_or_init(|| $make)
        }
    )*};
}

/// Signs that the Encoding Standard maps to their wide forms.
const JIS_SIGNS: [(u16, u32); 6] = [(0xa1c1, 0x301c), (0xa1c2, 0x2016), (0xa1dd, 0x2212), (0xa1f1, 0xa2), (0xa1f2, 0xa3), (0xa2cc, 0xac)];

sets! {
    /// JIS X 0208: codes with both high bits set, without the extensions of manufacturers.
    jisx0208 = Maker::read(EUC_JP, &[]).only(|code, _| is_94(code) && !matches!(code >> 8, 0xad | 0xf9..=0xfe)).change(&JIS_SIGNS).finish(|_, _| false);
    /// JIS X 0212.
    jisx0212 = Maker::read(EUC_JP, &[0x8f]).only(|code, _| is_94(code)).change(&[(0xa2b7, 0x7e)]).finish(|_, _| false);
    /// Code page 932, with the private characters.
    cp932 = Maker::read(SHIFT_JIS, &[]).only(|code, _| !(0xa000..0xe000).contains(&code)).finish(|_, _| false);
    /// Code page 949.
    cp949 = Maker::read(EUC_KR, &[]).finish(|_, _| false);
    /// The characters of two bytes in GB 18030-2000.
    gb18030 = Maker::read(GB18030, &[]).change(&GB18030_2000).finish(|_, _| false);
    /// Code page 936.
    gbk = Maker::read(GB18030, &[]).change(&GB18030_2000).only(|_, c| !is_private(c)).without(&NOT_IN_GBK).finish(|_, _| false);
    /// GB 2312.
    gb2312 = Maker::read(GB18030, &[])
        .change(&GB18030_2000)
        .only(|code, c| is_94(code) && !is_private(c))
        .without(&NOT_IN_GB2312)
        .change(&[(0xa1a4, 0x30fb), (0xa1aa, 0x2015)])
        .finish(|_, _| false);
    /// Big5 as of 1984, with the extensions of ETEN.
    big5 = eten().without(&[(0xf9d6, 0xffff), (0xa3e1, 0xa3e1)]).change(&BIG5_SIGNS).finish(|_, _| true);
    /// Code page 950.
    cp950 = eten().change(&[(0xf9fe, 0x2593)]).finish(|_, code| code < 0xf9d6);
    /// Big5 with the Hong Kong supplementary character set of 2004.
    big5hkscs = Maker::read(BIG5, &[]).without(&AFTER_HKSCS_2004).change(&BIG5_SIGNS).finish(|_, _| true);
}

/// Where the edition of 2000 differs from the present one: most were private then.
const GB18030_2000: [(u16, u32); 20] = [
    (0xa3a0, 0xe5e5), (0xa6d9, 0xe78d), (0xa6da, 0xe78e), (0xa6db, 0xe78f), (0xa6dc, 0xe790), (0xa6dd, 0xe791), (0xa6de, 0xe792),
    (0xa6df, 0xe793), (0xa6ec, 0xe794), (0xa6ed, 0xe795), (0xa6f3, 0xe796), (0xa8bc, 0xe7c7), (0xfe59, 0xe81e), (0xfe61, 0xe826),
    (0xfe66, 0xe82b), (0xfe67, 0xe82c), (0xfe6d, 0xe832), (0xfe7e, 0xe843), (0xfe90, 0xe854), (0xfea0, 0xe864),
];

const NOT_IN_GBK: [(u16, u16); 5] = [(0xa2e3, 0xa2e3), (0xa8bf, 0xa8bf), (0xa989, 0xa995), (0xfe50, 0xfe50), (0xfe54, 0xfe9f)];

const NOT_IN_GB2312: [(u16, u16); 7] =
    [(0x8140, 0xa0fe), (0xa2a1, 0xa2aa), (0xa2e3, 0xa2e3), (0xa6e0, 0xa6eb), (0xa6ee, 0xa6f2), (0xa6f4, 0xa6f5), (0xa8bb, 0xa8c0)];

const BIG5_SIGNS: [(u16, u32); 11] = [
    (0xa145, 0x2022), (0xa14e, 0xff64), (0xa1c2, 0x203e), (0xa1e3, 0x223c), (0xa1f2, 0x2641), (0xa1f3, 0x2609), (0xa241, 0xff0f),
    (0xa242, 0xff3c), (0xa244, 0xa5), (0xa246, 0xa2), (0xa247, 0xa3),
];

/// Runs of codes and characters: the kana, Cyrillic letters and numbers of ETEN, where the Encoding Standard has those of Hong Kong.
const ETEN: [(u16, u32, u16); 13] = [
    (0xc6a1, 0x30fe, 1), (0xc6a2, 0x309d, 2), (0xc6a4, 0x3005, 1), (0xc6a5, 0x3041, 83), (0xc6f8, 0x30a1, 86), (0xc7b1, 0x414, 2),
    (0xc7b3, 0x401, 1), (0xc7b4, 0x416, 7), (0xc7bb, 0x423, 19), (0xc7ce, 0x451, 1), (0xc7cf, 0x436, 26), (0xc7e9, 0x2460, 10),
    (0xc7f3, 0x2474, 10),
];

/// What Big5 and code page 950 have in common.
fn eten() -> Maker {
    let mut maker = Maker::read(BIG5, &[]).only(|code, _| (0xa140..=0xf9fe).contains(&code)).without(&[
        (0xa3c0, 0xa3e0), (0xc7fd, 0xc8a4), (0xc8cd, 0xc8f1), (0xc8f5, 0xc8fe),
    ]);
    for (first, c, count) in ETEN {
        let mut code = first;
        for n in 0..u32::from(count) {
            maker.set(code, c + n);
            code += match code & 0xff {
                0x7e => 0xa1 - 0x7e,
                0xfe => 0x100 - 0xfe + 0x40,
                _ => 1,
            };
        }
    }
    maker
}

/// Codes that got their characters in 2008.
const AFTER_HKSCS_2004: [(u16, u16); 85] = [
    (0x877a, 0x87df), (0x8e69, 0x8e69), (0x8e6f, 0x8e6f), (0x8e7e, 0x8e7e), (0x8eab, 0x8eab), (0x8eb4, 0x8eb4), (0x8ecd, 0x8ecd), (0x8ed0, 0x8ed0),
    (0x8f57, 0x8f57), (0x8f69, 0x8f69), (0x8f6e, 0x8f6e), (0x8fcb, 0x8fcc), (0x8ffe, 0x8ffe), (0x906d, 0x906d), (0x907a, 0x907a), (0x90dc, 0x90dc),
    (0x90f1, 0x90f1), (0x91bf, 0x91bf), (0x9244, 0x9244), (0x92af, 0x92b2), (0x92c8, 0x92c8), (0x92d1, 0x92d1), (0x9447, 0x9447), (0x94ca, 0x94ca),
    (0x95d9, 0x95d9), (0x9644, 0x9644), (0x96ed, 0x96ed), (0x96fc, 0x96fc), (0x9b76, 0x9b76), (0x9b78, 0x9b78), (0x9b7b, 0x9b7b), (0x9bc6, 0x9bc6),
    (0x9bde, 0x9bde), (0x9bec, 0x9bec), (0x9bf6, 0x9bf6), (0x9c42, 0x9c42), (0x9c53, 0x9c53), (0x9c62, 0x9c62), (0x9c68, 0x9c68), (0x9c6b, 0x9c6b),
    (0x9c77, 0x9c77), (0x9cbc, 0x9cbd), (0x9cd0, 0x9cd0), (0x9d57, 0x9d57), (0x9d5a, 0x9d5a), (0x9dc4, 0x9dc4), (0x9ea9, 0x9ea9), (0x9eef, 0x9eef),
    (0x9efd, 0x9efd), (0x9f60, 0x9f60), (0x9f66, 0x9f66), (0x9fcb, 0x9fcb), (0x9fd8, 0x9fd8), (0xa063, 0xa063), (0xa077, 0xa077), (0xa0d5, 0xa0d5),
    (0xa0df, 0xa0df), (0xa0e4, 0xa0e4), (0xa3c0, 0xa3e1), (0xc6cf, 0xc6cf), (0xc6d3, 0xc6d3), (0xc6d5, 0xc6d5), (0xc6d7, 0xc6d7), (0xc6de, 0xc6df),
    (0xfa5f, 0xfa5f), (0xfa66, 0xfa66), (0xfabd, 0xfabd), (0xfac5, 0xfac5), (0xfad5, 0xfad5), (0xfb48, 0xfb48), (0xfbb8, 0xfbb8), (0xfbf3, 0xfbf3),
    (0xfbf9, 0xfbf9), (0xfc4f, 0xfc4f), (0xfc6c, 0xfc6c), (0xfcb9, 0xfcb9), (0xfce2, 0xfce2), (0xfcf1, 0xfcf1), (0xfdb7, 0xfdb8), (0xfdbb, 0xfdbb),
    (0xfdf1, 0xfdf1), (0xfe52, 0xfe52), (0xfe6f, 0xfe6f), (0xfeaa, 0xfeaa), (0xfedd, 0xfedd),
];
