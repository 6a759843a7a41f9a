//! The numbers of `re._constants`, MAGIC 20230612.
#![allow(dead_code, reason = "the lists are whole, so that the numbers are right")]

macro_rules! numbered {
    ($($name:ident)*) => { numbered!(@ 0; $($name)*); };
    (@ $n:expr; $name:ident $($rest:ident)*) => {
        pub const $name: u32 = $n;
        numbered!(@ $n + 1; $($rest)*);
    };
    (@ $n:expr;) => {};
}

// Operators.
numbered! {
    FAILURE SUCCESS ANY ANY_ALL ASSERT ASSERT_NOT AT BRANCH CATEGORY CHARSET BIGCHARSET GROUPREF GROUPREF_EXISTS IN INFO
    JUMP LITERAL MARK MAX_UNTIL MIN_UNTIL NOT_LITERAL NEGATE RANGE REPEAT REPEAT_ONE SUBPATTERN MIN_REPEAT_ONE
    ATOMIC_GROUP POSSESSIVE_REPEAT POSSESSIVE_REPEAT_ONE GROUPREF_IGNORE IN_IGNORE LITERAL_IGNORE NOT_LITERAL_IGNORE
    GROUPREF_LOC_IGNORE IN_LOC_IGNORE LITERAL_LOC_IGNORE NOT_LITERAL_LOC_IGNORE GROUPREF_UNI_IGNORE IN_UNI_IGNORE
    LITERAL_UNI_IGNORE NOT_LITERAL_UNI_IGNORE RANGE_UNI_IGNORE
}

// Positions.
numbered! {
    AT_BEGINNING AT_BEGINNING_LINE AT_BEGINNING_STRING AT_BOUNDARY AT_NON_BOUNDARY AT_END AT_END_LINE AT_END_STRING
    AT_LOC_BOUNDARY AT_LOC_NON_BOUNDARY AT_UNI_BOUNDARY AT_UNI_NON_BOUNDARY
}

// Categories; an odd one negates the one before.
numbered! {
    CATEGORY_DIGIT CATEGORY_NOT_DIGIT CATEGORY_SPACE CATEGORY_NOT_SPACE CATEGORY_WORD CATEGORY_NOT_WORD
    CATEGORY_LINEBREAK CATEGORY_NOT_LINEBREAK CATEGORY_LOC_WORD CATEGORY_LOC_NOT_WORD CATEGORY_UNI_DIGIT
    CATEGORY_UNI_NOT_DIGIT CATEGORY_UNI_SPACE CATEGORY_UNI_NOT_SPACE CATEGORY_UNI_WORD CATEGORY_UNI_NOT_WORD
    CATEGORY_UNI_LINEBREAK CATEGORY_UNI_NOT_LINEBREAK
}

/// Flag of INFO: a literal prefix follows.
pub const INFO_PREFIX: u32 = 1;
/// Flag of INFO: the prefix is the whole pattern.
pub const INFO_LITERAL: u32 = 2;
/// Flag of INFO: the set of first characters follows.
pub const INFO_CHARSET: u32 = 4;

/// `_sre.MAGIC`.
pub const MAGIC: u32 = 20230612;
/// `_sre.CODESIZE`: bytes of a code word.
pub const CODESIZE: usize = 4;
/// `_sre.MAXREPEAT`: the bound of a repeat without one.
pub const MAXREPEAT: u32 = u32::MAX;
/// `_sre.MAXGROUPS`.
pub const MAXGROUPS: u32 = i32::MAX as u32 / 2;

/// Word `i` of `code`; FAILURE beyond its end, so that no program reads outside.
#[inline(always)]
pub(crate) fn at(code: &[u32], i: usize) -> u32 {
    code.get(i).copied().unwrap_or(FAILURE)
}

/// Whether `op` matches exactly one character, or fails.
#[inline(always)]
pub(crate) fn is_single(op: u32) -> bool {
    matches!(
        op,
        LITERAL | NOT_LITERAL | IN | ANY | ANY_ALL | CATEGORY | LITERAL_IGNORE | NOT_LITERAL_IGNORE | IN_IGNORE
            | LITERAL_UNI_IGNORE | NOT_LITERAL_UNI_IGNORE | IN_UNI_IGNORE | LITERAL_LOC_IGNORE
            | NOT_LITERAL_LOC_IGNORE | IN_LOC_IGNORE
    )
}
