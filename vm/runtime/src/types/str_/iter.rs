//! Iterators over `str`.

use super::Str;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

macro_rules! iterators {
    ($($(#[$doc:meta])* $name:ident $text:tt;)*) => {$(
        $(#[$doc])*
        #[pyclass(name = $text, gc)]
        pub struct $name {
            index: Cell<usize>,
            string: GilCell<Option<Py<Str>>>,
        }

        #[pymethods]
        impl $name {
            #[slot(iter)]
            fn slot_iter(zelf: &Py<$name>) -> Py<$name> {
                zelf.clone()
            }

            #[slot(iternext)]
            fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
                let Some(string) = self.string.get(vm) else { return Ok(None) };
                match string.data().get(self.index.get()) {
                    Some(c) => {
                        self.index.set(self.index.get() + 1);
                        vm.new_char(c).map(|s| Some(s.into_value()))
                    }
                    None => {
                        let old = self.string.replace(vm, None);
                        drop(old);
                        Ok(None)
                    }
                }
            }

            /// How many characters are left.
            #[method(name = "__length_hint__")]
            fn length_hint(&self, vm: &mut Vm) -> usize {
                self.string.get(vm).as_ref().map_or(0, |s| s.len().saturating_sub(self.index.get()))
            }

            /// For pickling.
            #[method(name = "__reduce__")]
            fn reduce(&self, vm: &mut Vm) -> PyResult {
                // Finding `iter` may run code that exhausts this iterator.
                let iter = vm.builtin_named("iter")?;
                let string = self.string.load(vm);
                let mut parts = vec![iter];
                match string {
                    Some(s) => {
                        parts.push(vm.new_tuple([s.into_value()])?.into_value());
                        parts.push(vm.new_int(self.index.get())?);
                    }
                    None => {
                        let empty = vm.new_str("")?.into_value();
                        parts.push(vm.new_tuple([empty])?.into_value());
                    }
                }
                Ok(vm.new_tuple(parts)?.into_value())
            }

            /// For unpickling.
            #[method(name = "__setstate__")]
            fn setstate(&self, state: isize, vm: &mut Vm) {
                if let Some(s) = self.string.get(vm) {
                    self.index.set(usize::try_from(state).unwrap_or(0).min(s.len()));
                }
            }
        }
    )*};
}

iterators! {
    /// Iterator over the characters of an ASCII string.
    AsciiIterator "str_ascii_iterator";
    /// Iterator over the characters of a string.
    StrIterator "str_iterator";
}

/// `iter(string)`.
pub(super) fn new_iter(vm: &mut Vm, string: &Py<Str>) -> PyResult {
    let (index, string) = (Cell::new(0), string.clone());
    Ok(if string.is_ascii() {
        vm.new_object(AsciiIterator { index, string: GilCell::new(Some(string)) })?.into_value()
    } else {
        vm.new_object(StrIterator { index, string: GilCell::new(Some(string)) })?.into_value()
    })
}

impl Vm {
    /// The string of one character.
    #[inline]
    pub fn new_char(&mut self, c: u32) -> PyResult<Py<Str>> {
        match u8::try_from(c) {
            Ok(byte) => self.new_str_latin1(&[byte]),
            Err(_) => self.new_str_ucs4(&[c]),
        }
    }

    /// The builtin `name`, for what refers to builtins from native code.
    pub fn builtin_named(&mut self, name: &str) -> PyResult {
        let name = self.intern(name);
        self.builtin(&name)
    }

}
