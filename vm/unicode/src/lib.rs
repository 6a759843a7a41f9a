//! Python text and character tables.
//!
//! A Python `str` is a sequence of code points that may be lone surrogates, so neither `str` nor the
//! WTF-8 of the web fits: here `"\ud83d\ude00"` stays two code points. [`Text`] is the unsized
//! view, [`TextBuf`] the owner; both hold *generalized UTF-8* (Unicode TR, "UTF-8 with surrogates"), which is
//! also what marshal and the `surrogatepass` handler write.
//!
//! The character tables are those of the Unicode version of the reference ([`UNIDATA_VERSION`]) and answer every
//! `u32`: what is above U+10FFFF is an unassigned character. `generate.py` writes them, `verify.py` compares every
//! property of every code point with the reference.

mod case;
mod database;
mod names;
mod normalize;
mod text;

pub use case::{Mapping, casefold, simple_lower, simple_title, simple_upper, to_lower, to_title, to_upper};
pub use database::{
    UNIDATA_VERSION, Version, bidirectional, category, combining, decimal, decomposition, digit, east_asian_width,
    is_alnum, is_alpha, is_case_ignorable, is_cased, is_decimal, is_digit, is_identifier_start, is_linebreak, is_lower,
    is_numeric, is_printable, is_space, is_title, is_upper, is_xid_continue, is_xid_start, mirrored, numeric,
};
pub use names::{Named, lookup_name, name};
pub use normalize::{Form, is_normalized, normalize, normalize_as};
pub use text::{CodePoints, SharedText, Text, TextBuf};
