//! What the C library's locale says about bytes.
#![allow(unsafe_code, reason = "asks the C library")]

use krait_sre::Locale;

/// Tables of the locale in force.
pub fn current() -> Locale {
    let mut locale = Locale::C;
    for i in 0..256usize {
        let c = i as libc::c_int;
        // SAFETY: the functions take every value of an unsigned char.
        let (lower, upper, alnum) = unsafe { (libc::tolower(c), libc::toupper(c), libc::isalnum(c) != 0) };
        locale.lower[i] = u8::try_from(lower).unwrap_or(i as u8);
        locale.upper[i] = u8::try_from(upper).unwrap_or(i as u8);
        locale.alnum[i] = alnum;
    }
    locale
}
