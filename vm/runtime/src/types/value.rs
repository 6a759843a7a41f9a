//! What the runtime knows of a [`Value`] beyond the heap: its type.
#![allow(unsafe_code, reason = "reads the type pointer of headers")]

use crate::types::class::PyClass;
use crate::types::float::Float;
use crate::types::int::Int;
use crate::types::type_::PyType;
use crate::{Py, Vm};
pub use krait_heap::Value;
use krait_heap::TypeCore;

/// Type questions that every value answers.
pub trait ValueExt {
    /// Address of the type, for comparison with [`krait_heap::Payload::type_core`].
    fn type_core(&self) -> *const TypeCore;
    /// `type(self)`; the type lives at least as long as the value, and is cloned if it has to live longer.
    fn ty(&self) -> &Py<PyType>;
    /// The payload of `type(self)`, one look nearer than through a reference to it.
    fn type_ref(&self) -> &PyType;
    /// The type's name as errors give it (`tp_name`).
    fn type_name(&self) -> String;
    /// Whether the type is exactly the native `T`.
    fn is_exact<T: PyClass>(&self) -> bool;
    /// Whether the type is the native `T` or a subtype. Unlike `downcast`, true for ints and floats in words too.
    fn is<T: PyClass>(&self) -> bool;
    /// `id(self)`.
    fn id(&self) -> u64;
    /// Python's `is`: equal small ints are one object whatever their form.
    fn is_identical(&self, other: &Value, vm: &Vm) -> bool;
    /// One of CPython's `Py_TPFLAGS_*` bits of the type.
    fn type_flag(&self, bit: u64) -> bool;
}

impl ValueExt for Value {
    #[inline(always)]
    fn type_core(&self) -> *const TypeCore {
        match self.header() {
            Some(header) => header.type_ptr(),
            None if self.is_small_int() => <Int as krait_heap::Payload>::type_core(),
            None => <Float as krait_heap::Payload>::type_core(),
        }
    }

    #[inline(always)]
    fn ty(&self) -> &Py<PyType> {
        // SAFETY: every type core is the beginning of a `PyType` payload, which outlives its instances.
        unsafe { (*self.type_core().cast::<PyType>()).own_reference() }
    }

    #[inline(always)]
    fn type_ref(&self) -> &PyType {
        // SAFETY: as for `ty`.
        unsafe { &*self.type_core().cast::<PyType>() }
    }

    #[cold]
    fn type_name(&self) -> String {
        self.ty().tp_name()
    }

    #[inline(always)]
    fn is_exact<T: PyClass>(&self) -> bool {
        self.type_core() == T::type_core()
    }

    #[inline(always)]
    fn is<T: PyClass>(&self) -> bool {
        let core = self.type_core();
        core == T::type_core() || T::is_subtype(core)
    }

    fn id(&self) -> u64 {
        self.bits()
    }

    #[inline(always)]
    fn is_identical(&self, other: &Value, vm: &Vm) -> bool {
        self.is_same(other) || crate::types::int::same_small(self, other, vm)
    }

    #[inline(always)]
    fn type_flag(&self, bit: u64) -> bool {
        // SAFETY: type cores are alive while their instances are.
        unsafe { (*self.type_core()).flags.get() & bit != 0 }
    }
}
