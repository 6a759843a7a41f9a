//! Token kinds, numbered as in CPython's `token` module; keywords follow from 100 on and are `NAME` outside the parser.

/// The kind of a token. `as u8` below 100 is CPython's number for it.
#[allow(missing_docs, reason = "the names are those of the token module")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TokenKind {
    EndMarker = 0,
    Name,
    Number,
    String,
    Newline,
    Indent,
    Dedent,
    LPar,
    RPar,
    LSqb,
    RSqb,
    Colon,
    Comma,
    Semi,
    Plus,
    Minus,
    Star,
    Slash,
    VBar,
    Amper,
    Less,
    Greater,
    Equal,
    Dot,
    Percent,
    LBrace,
    RBrace,
    EqEqual,
    NotEqual,
    LessEqual,
    GreaterEqual,
    Tilde,
    Circumflex,
    LeftShift,
    RightShift,
    DoubleStar,
    PlusEqual,
    MinEqual,
    StarEqual,
    SlashEqual,
    PercentEqual,
    AmperEqual,
    VBarEqual,
    CircumflexEqual,
    LeftShiftEqual,
    RightShiftEqual,
    DoubleStarEqual,
    DoubleSlash,
    DoubleSlashEqual,
    At,
    AtEqual,
    RArrow,
    Ellipsis,
    ColonEqual,
    Exclamation,
    Op,
    TypeIgnore,
    TypeComment,
    SoftKeyword,
    FStringStart,
    FStringMiddle,
    FStringEnd,
    TStringStart,
    TStringMiddle,
    TStringEnd,
    Comment,
    Nl,
    ErrorToken,
    KwFalse = 100,
    KwNone,
    KwTrue,
    KwAnd,
    KwAs,
    KwAssert,
    KwAsync,
    KwAwait,
    KwBreak,
    KwClass,
    KwContinue,
    KwDef,
    KwDel,
    KwElif,
    KwElse,
    KwExcept,
    KwFinally,
    KwFor,
    KwFrom,
    KwGlobal,
    KwIf,
    KwImport,
    KwIn,
    KwIs,
    KwLambda,
    KwNonlocal,
    KwNot,
    KwOr,
    KwPass,
    KwRaise,
    KwReturn,
    KwTry,
    KwWhile,
    KwWith,
    KwYield,
}

use TokenKind::*;

impl TokenKind {
    /// Whether the token's start is where the tokenizer was when the string began (`ISSTRINGLIT`).
    pub const fn is_string_literal(self) -> bool {
        matches!(self, String | FStringStart | FStringMiddle | FStringEnd | TStringStart | TStringMiddle | TStringEnd)
    }

    /// The keyword spelled `name`.
    #[inline]
    pub(crate) fn keyword(name: &[u8]) -> Option<TokenKind> {
        // No keyword is longer, and most names begin with other letters or are too long.
        match name {
            [b'F' | b'N' | b'T' | b'a'..=b'g' | b'i' | b'l' | b'n'..=b'p' | b'r' | b't' | b'w' | b'y', rest @ ..] if matches!(rest.len(), 1..=7) => {
                Self::keyword_of(name)
            }
            _ => None,
        }
    }

    fn keyword_of(name: &[u8]) -> Option<TokenKind> {
        Some(match name {
            b"False" => KwFalse,
            b"None" => KwNone,
            b"True" => KwTrue,
            b"and" => KwAnd,
            b"as" => KwAs,
            b"assert" => KwAssert,
            b"async" => KwAsync,
            b"await" => KwAwait,
            b"break" => KwBreak,
            b"class" => KwClass,
            b"continue" => KwContinue,
            b"def" => KwDef,
            b"del" => KwDel,
            b"elif" => KwElif,
            b"else" => KwElse,
            b"except" => KwExcept,
            b"finally" => KwFinally,
            b"for" => KwFor,
            b"from" => KwFrom,
            b"global" => KwGlobal,
            b"if" => KwIf,
            b"import" => KwImport,
            b"in" => KwIn,
            b"is" => KwIs,
            b"lambda" => KwLambda,
            b"nonlocal" => KwNonlocal,
            b"not" => KwNot,
            b"or" => KwOr,
            b"pass" => KwPass,
            b"raise" => KwRaise,
            b"return" => KwReturn,
            b"try" => KwTry,
            b"while" => KwWhile,
            b"with" => KwWith,
            b"yield" => KwYield,
            _ => return None,
        })
    }

    /// The operator that is the one character `c`; `Op` for any other character.
    pub(crate) const fn one_char(c: u8) -> TokenKind {
        match c {
            b'!' => Exclamation,
            b'%' => Percent,
            b'&' => Amper,
            b'(' => LPar,
            b')' => RPar,
            b'*' => Star,
            b'+' => Plus,
            b',' => Comma,
            b'-' => Minus,
            b'.' => Dot,
            b'/' => Slash,
            b':' => Colon,
            b';' => Semi,
            b'<' => Less,
            b'=' => Equal,
            b'>' => Greater,
            b'@' => At,
            b'[' => LSqb,
            b']' => RSqb,
            b'^' => Circumflex,
            b'{' => LBrace,
            b'|' => VBar,
            b'}' => RBrace,
            b'~' => Tilde,
            _ => Op,
        }
    }

    /// The operator of two characters.
    pub(crate) const fn two_chars(a: u8, b: u8) -> Option<TokenKind> {
        Some(match (a, b) {
            (b'!', b'=') | (b'<', b'>') => NotEqual,
            (b'%', b'=') => PercentEqual,
            (b'&', b'=') => AmperEqual,
            (b'*', b'*') => DoubleStar,
            (b'*', b'=') => StarEqual,
            (b'+', b'=') => PlusEqual,
            (b'-', b'=') => MinEqual,
            (b'-', b'>') => RArrow,
            (b'/', b'/') => DoubleSlash,
            (b'/', b'=') => SlashEqual,
            (b':', b'=') => ColonEqual,
            (b'<', b'<') => LeftShift,
            (b'<', b'=') => LessEqual,
            (b'=', b'=') => EqEqual,
            (b'>', b'=') => GreaterEqual,
            (b'>', b'>') => RightShift,
            (b'@', b'=') => AtEqual,
            (b'^', b'=') => CircumflexEqual,
            (b'|', b'=') => VBarEqual,
            _ => return None,
        })
    }

    /// The operator of three characters.
    pub(crate) const fn three_chars(a: u8, b: u8, c: u8) -> Option<TokenKind> {
        Some(match (a, b, c) {
            (b'*', b'*', b'=') => DoubleStarEqual,
            (b'.', b'.', b'.') => Ellipsis,
            (b'/', b'/', b'=') => DoubleSlashEqual,
            (b'<', b'<', b'=') => LeftShiftEqual,
            (b'>', b'>', b'=') => RightShiftEqual,
            _ => return None,
        })
    }
}
