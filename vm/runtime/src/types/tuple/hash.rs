//! The hash of tuples: a variant of xxHash (Yann Collet), as CPython has used since 3.8.

pub const P1: u64 = 11_400_714_785_074_694_791;
pub const P2: u64 = 14_029_467_366_897_019_727;
pub const P5: u64 = 2_870_177_450_012_600_261;

/// One more item's hash.
#[inline(always)]
pub fn mix(acc: u64, lane: i64) -> u64 {
    acc.wrapping_add((lane as u64).wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

/// The end of a tuple's hash.
#[inline(always)]
pub fn finish(acc: u64, len: usize) -> i64 {
    let acc = acc.wrapping_add(len as u64 ^ (P5 ^ 3_527_539));
    if acc == u64::MAX { 1_546_275_796 } else { acc as i64 }
}
