//! What an object owns, for the collector.

use crate::cell::GilCell;
use crate::py::{Payload, Py};
use crate::value::Value;
use std::cell::Cell;

/// Called for every owned value.
pub type Visit<'a> = dyn FnMut(&Value) + 'a;

/// Where the values go that `clear` takes out of an object.
pub type Clear = Vec<Value>;

/// Implemented by the derive of `#[pyclass]`; a type with a field that cannot be traversed does not compile.
pub trait Traverse {
    /// Calls `visit` once for every counted reference held.
    fn traverse(&self, visit: &mut Visit<'_>);
    /// Moves out references that can be part of a cycle, where the type allows it to be left without.
    fn clear(&mut self, out: &mut Clear);
}

macro_rules! leaf {
    ($($t:ty),* $(,)?) => {$(
        impl Traverse for $t {
            fn traverse(&self, _: &mut Visit<'_>) {}
            fn clear(&mut self, _: &mut Clear) {}
        }
    )*};
}
leaf!((), bool, char, u8, i8, u16, i16, u32, i32, u64, i64, u128, i128, usize, isize, f32, f64, String, &'static str, std::ffi::CString, std::ffi::OsString, std::path::PathBuf, std::time::Instant);

impl Traverse for Value {
    fn traverse(&self, visit: &mut Visit<'_>) {
        visit(self);
    }
    fn clear(&mut self, _: &mut Clear) {}
}

impl<T: Payload> Traverse for Py<T> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        visit(self.as_value());
    }
    fn clear(&mut self, _: &mut Clear) {}
}

/// Optional references are taken out whole.
impl<T: Traverse + TakeOut> Traverse for Option<T> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        if let Some(x) = self {
            x.traverse(visit);
        }
    }
    fn clear(&mut self, out: &mut Clear) {
        if let Some(x) = self.take() {
            x.take_out(out);
        }
    }
}

/// What an `Option` gives up when it is cleared.
pub trait TakeOut {
    fn take_out(self, out: &mut Clear);
}

impl TakeOut for Value {
    fn take_out(self, out: &mut Clear) {
        out.push(self);
    }
}

impl<T: Payload> TakeOut for Py<T> {
    fn take_out(self, out: &mut Clear) {
        out.push(self.into_value());
    }
}

impl<A: TakeOut, B: TakeOut> TakeOut for (A, B) {
    fn take_out(self, out: &mut Clear) {
        self.0.take_out(out);
        self.1.take_out(out);
    }
}

impl<T: TakeOut> TakeOut for Option<T> {
    fn take_out(self, out: &mut Clear) {
        if let Some(x) = self {
            x.take_out(out);
        }
    }
}

impl<T: TakeOut> TakeOut for Vec<T> {
    fn take_out(self, out: &mut Clear) {
        self.into_iter().for_each(|x| x.take_out(out));
    }
}

impl<T: TakeOut> TakeOut for Box<[T]> {
    fn take_out(self, out: &mut Clear) {
        self.into_vec().take_out(out);
    }
}

macro_rules! leaf_take {
    ($($t:ty),* $(,)?) => {$(
        impl TakeOut for $t {
            fn take_out(self, _: &mut Clear) {}
        }
    )*};
}
leaf_take!((), bool, char, u8, u16, u32, i32, u64, i64, usize, isize, f64, String);

impl<T: Traverse + TakeOut> Traverse for Vec<T> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.iter().for_each(|x| x.traverse(visit));
    }
    fn clear(&mut self, out: &mut Clear) {
        std::mem::take(self).take_out(out);
    }
}

impl<T: Traverse + TakeOut> Traverse for std::collections::VecDeque<T> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.iter().for_each(|x| x.traverse(visit));
    }
    fn clear(&mut self, out: &mut Clear) {
        std::mem::take(self).into_iter().for_each(|x| x.take_out(out));
    }
}

/// Boxed slices keep their length, so their members stay.
impl<T: Traverse> Traverse for Box<[T]> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.iter().for_each(|x| x.traverse(visit));
    }
    fn clear(&mut self, out: &mut Clear) {
        self.iter_mut().for_each(|x| x.clear(out));
    }
}

impl<T: Traverse, const N: usize> Traverse for [T; N] {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.iter().for_each(|x| x.traverse(visit));
    }
    fn clear(&mut self, out: &mut Clear) {
        self.iter_mut().for_each(|x| x.clear(out));
    }
}

impl<A: Traverse, B: Traverse> Traverse for (A, B) {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.0.traverse(visit);
        self.1.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.0.clear(out);
        self.1.clear(out);
    }
}

impl<A: Traverse, B: Traverse, C: Traverse> Traverse for (A, B, C) {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.0.traverse(visit);
        self.1.traverse(visit);
        self.2.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.0.clear(out);
        self.1.clear(out);
        self.2.clear(out);
    }
}

impl<T: Traverse> Traverse for GilCell<T> {
    fn traverse(&self, visit: &mut Visit<'_>) {
        // SAFETY: the collector runs under the GIL while nothing is borrowed.
        unsafe { self.get_unguarded() }.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.inner_mut().clear(out);
    }
}

/// Plain cells hold plain data.
impl<T: Copy> Traverse for Cell<T> {
    fn traverse(&self, _: &mut Visit<'_>) {}
    fn clear(&mut self, _: &mut Clear) {}
}
