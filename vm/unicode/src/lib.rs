//! Python text and character tables.
//!
//! A Python `str` is a sequence of code points that may be lone surrogates, so neither `str` nor the
//! WTF-8 of the web fits: here `"\ud83d\ude00"` stays two code points. [`Text`] is the unsized
//! view, [`TextBuf`] the owner; both hold *generalized UTF-8* (Unicode TR, "UTF-8 with surrogates"), which is
//! also what marshal and the `surrogatepass` handler write.

mod text;

pub use text::{CodePoints, Text, TextBuf};
