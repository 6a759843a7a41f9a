//! [`Value`]: one tagged word.
//!
//! ```text
//! ...xxx1   small int, 63-bit signed
//! ...xx10   float with a common exponent, bits rotated (Ruby's flonum)
//! ...0000   pointer to an object, 16-byte aligned
//! ```
//! A boxed int or float that would have fitted a word is legal, so no fast path may assume the canonical form.

use crate::header::{Header, IMMORTAL};
use crate::state;
use std::num::NonZeroU64;

/// A Python object reference. `Clone` counts, `Drop` uncounts; dropping never runs Python code.
#[repr(transparent)]
pub struct Value(NonZeroU64);


/// Smallest and largest int that fit a word.
pub const SMALL_MAX: i64 = i64::MAX >> 1;
pub const SMALL_MIN: i64 = i64::MIN >> 1;

impl Value {
    /// # Safety
    /// `bits` is a value's word whose count the caller owns.
    #[inline(always)]
    pub unsafe fn from_bits(bits: u64) -> Value {
        // SAFETY: the caller's promise; no value is zero.
        Value(unsafe { NonZeroU64::new_unchecked(bits) })
    }

    /// The word, for identity tests and hashing; owns nothing.
    #[inline(always)]
    pub fn bits(&self) -> u64 {
        self.0.get()
    }

    /// Gives up the reference without uncounting it.
    #[inline(always)]
    pub fn into_bits(self) -> u64 {
        let bits = self.0.get();
        std::mem::forget(self);
        bits
    }

    /// # Safety
    /// `ptr` points at a live object one count of which the caller owns.
    #[inline(always)]
    pub unsafe fn from_ptr(ptr: *const Header) -> Value {
        // SAFETY: the caller's promise.
        unsafe { Value::from_bits(ptr as u64) }
    }

    /// A new reference to the object at `header`.
    #[inline(always)]
    pub fn new_ref(header: &Header) -> Value {
        count(header);
        // SAFETY: just counted.
        unsafe { Value::from_ptr(header) }
    }

    /// The small int `i`, if it fits a word.
    #[inline(always)]
    pub fn small_int(i: i64) -> Option<Value> {
        let shifted = i << 1;
        if shifted >> 1 == i {
            // SAFETY: the low bit is set, so not zero; ints own nothing.
            Some(unsafe { Value::from_bits(shifted as u64 | 1) })
        } else {
            None
        }
    }

    /// A small int from a 32-bit one, which always fits.
    #[inline(always)]
    pub fn from_i32(i: i32) -> Value {
        // SAFETY: as in `small_int`.
        unsafe { Value::from_bits(((i as i64) << 1) as u64 | 1) }
    }

    /// Whether this is a small int in a word.
    #[inline(always)]
    pub fn is_small_int(&self) -> bool {
        self.bits() & 1 == 1
    }

    /// The small int in the word. Boxed ints give `None` whatever their size.
    #[inline(always)]
    pub fn as_small_int(&self) -> Option<i64> {
        if self.is_small_int() { Some(self.bits() as i64 >> 1) } else { None }
    }

    /// Whether this is a float in a word.
    #[inline(always)]
    pub fn is_inline_float(&self) -> bool {
        self.bits() & 3 == 2
    }

    /// The float `f`, if its exponent is a common one. 0.0 has a word of its own.
    #[inline(always)]
    pub fn from_f64_inline(f: f64) -> Option<Value> {
        let bits = f.to_bits();
        // The top three bits of exponents near zero are 011 or 100 behind the sign.
        let top = (bits >> 60) & 7;
        if top == 3 || top == 4 {
            // Rotate left by 3: sign and two exponent bits come to the bottom; the two low bits become the tag.
            let word = (bits.rotate_left(3) & !3) | 2;
            if word != ZERO_WORD {
                // SAFETY: tag bit set; floats in words own nothing.
                return Some(unsafe { Value::from_bits(word) });
            }
            return None;
        }
        if bits == 0 {
            // SAFETY: as above.
            return Some(unsafe { Value::from_bits(ZERO_WORD) });
        }
        None
    }

    /// The float in the word. Boxed floats give `None`.
    #[inline(always)]
    pub fn as_inline_float(&self) -> Option<f64> {
        if !self.is_inline_float() {
            return None;
        }
        let word = self.bits();
        if word == ZERO_WORD {
            return Some(0.0);
        }
        // Bit 63 of the word is exponent bit 60: 1 stands for 011, hence low bits 01|1..., 0 for 100.
        let low = 2 - (word >> 63);
        Some(f64::from_bits(((word & !3) | low).rotate_right(3)))
    }

    /// The header, if this is a pointer.
    #[inline(always)]
    pub fn header(&self) -> Option<&Header> {
        if self.is_ptr() {
            // SAFETY: pointers are live while the value is.
            Some(unsafe { &*(self.bits() as *const Header) })
        } else {
            None
        }
    }

    /// Whether this is a pointer to an object.
    #[inline(always)]
    pub fn is_ptr(&self) -> bool {
        self.bits() & 3 == 0
    }

    /// `is`: same word. Boxed ints that equal small ones are for the runtime to compare.
    #[inline(always)]
    pub fn is_same(&self, other: &Value) -> bool {
        self.bits() == other.bits()
    }

    /// Whether the value points at `header`.
    #[inline(always)]
    pub fn is_ptr_to(&self, header: *const Header) -> bool {
        self.bits() == header as u64
    }
}

/// Word of 0.0: the rotation of 2^-255 times 1.0 with a zero mantissa, which is boxed instead.
const ZERO_WORD: u64 = 0x8000_0000_0000_0002;

#[inline(always)]
fn count(header: &Header) {
    let n = header.refcnt.get();
    if n & IMMORTAL == 0 {
        // Saturates into immortality.
        header.refcnt.set(n + 1);
    }
}

impl Clone for Value {
    #[inline(always)]
    fn clone(&self) -> Value {
        if let Some(header) = self.header() {
            count(header);
        }
        // SAFETY: just counted.
        unsafe { Value::from_bits(self.bits()) }
    }
}

impl Drop for Value {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(header) = self.header() {
            let n = header.refcnt.get();
            if n & IMMORTAL == 0 {
                header.refcnt.set(n.wrapping_sub(1));
                if n == 1 {
                    state::release(header);
                }
            }
        }
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(i) = self.as_small_int() {
            write!(f, "Value({i})")
        } else if let Some(x) = self.as_inline_float() {
            write!(f, "Value({x:?})")
        } else {
            write!(f, "Value({:#x})", self.bits())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ints_round_trip() {
        for i in [0, 1, -1, 42, SMALL_MAX, SMALL_MIN] {
            assert_eq!(Value::small_int(i).and_then(|v| v.as_small_int()), Some(i));
        }
        assert!(Value::small_int(SMALL_MAX + 1).is_none());
        assert!(Value::small_int(SMALL_MIN - 1).is_none());
    }

    #[test]
    fn floats_round_trip_or_stay_boxed() {
        let mut x: u64 = 0x9e37_79b9_7f4a_7c15;
        let special = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, 1e-77, 1e-78, 1.7272337110188893e-77, 1e77, 1e78];
        let random = std::iter::repeat_with(|| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            f64::from_bits(x)
        });
        let mut inline = 0;
        for f in special.into_iter().chain(random.take(100_000)) {
            if let Some(v) = Value::from_f64_inline(f) {
                inline += 1;
                assert!(!v.is_ptr() && !v.is_small_int());
                assert_eq!(v.as_inline_float().map(f64::to_bits), Some(f.to_bits()), "{f:e}");
            }
        }
        assert!(inline > 10_000);
        assert!(Value::from_f64_inline(-0.0).is_none());
    }
}
