//! Macros for exception types.

use crate::args::Args;
use crate::types::exceptions::BaseException;
use crate::types::class::StaticType;
use crate::types::type_::PyType;
use crate::{Py, PyClass, PyResult, Value, Vm};

/// Types and how an object of each is made.
pub type Types = &'static [(fn() -> &'static StaticType, Maker)];

/// The entries of [`Types`].
macro_rules! types {
    ($($name:ident),* $(,)?) => {
        &[$((<$name as crate::PyClass>::static_type, crate::types::exceptions::macros::make::<$name>)),*]
    };
}

/// Makes an object of a class from the payload of BaseException.
pub type Maker = fn(&mut Vm, &Py<PyType>, BaseException) -> PyResult;

/// The maker of classes with the payload `T`.
pub fn make<T: PyClass + From<BaseException>>(vm: &mut Vm, cls: &Py<PyType>, base: BaseException) -> PyResult {
    vm.new_instance(cls, T::from(base)).map(Py::into_value)
}

/// An object of the exception class `cls` with these arguments and nothing else set.
pub fn make_any(vm: &mut Vm, cls: &Py<PyType>, args: &[Value]) -> PyResult {
    let native = cls.native.get();
    let Some((_, maker)) = super::all().find(|(ty, _)| native.is_some_and(|d| std::ptr::eq(d, ty.def()))) else {
        let name = cls.tp_name();
        return Err(vm.system_error(format!("'{name}' is not an exception type")));
    };
    let args = vm.new_tuple_from(args)?;
    maker(vm, cls, BaseException::new(args))
}

/// `T.__new__`: takes whatever arguments and keeps the positional ones.
pub fn new_of<T: PyClass + From<BaseException>>(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    if !cls.native.get().is_some_and(|d| std::ptr::eq(d, T::static_type().def())) {
        // The constructor of another class with the same layout.
        return make_any(vm, cls, args.positional());
    }
    let args = vm.new_tuple_from(args.positional())?;
    make::<T>(vm, cls, BaseException::new(args))
}

/// Exceptions whose payload is their base's.
macro_rules! simple {
    ($($(#[$doc:meta])* $name:ident: $base:ident $(as $pyname:tt)?;)*) => {
        simple! { new = own; $($(#[$doc])* $name: $base $(as $pyname)?;)* }
    };
    (@new own $name:ident) => { $crate::types::exceptions::macros::new_of::<$name> };
    (@new $new:ident $name:ident) => { $new };
    (new = $new:ident; $($(#[$doc:meta])* $name:ident: $base:ident $(as $pyname:tt)?;)*) => {$(
        simple!(@class [$(#[$doc])*] $name $base $($pyname)?);

        impl crate::types::class::PyMethods for $name {
            fn set_slots(slots: &crate::types::slots::Slots) {
                slots.new.set(Some(simple!(@new $new $name)));
            }
        }

        impl From<$crate::types::exceptions::BaseException> for $name {
            fn from(base: $crate::types::exceptions::BaseException) -> $name {
                $name { base: base.into() }
            }
        }
    )*

        /// The types defined above, bases first, and how an object of each is made.
        pub(super) const SIMPLE: crate::types::exceptions::macros::Types =
            &[$((<$name as crate::PyClass>::static_type, crate::types::exceptions::macros::make::<$name>)),*];
    };
    (@class [$($doc:tt)*] $name:ident $base:ident) => {
        $($doc)*
        #[crate::pyclass(base = $base, flags(BASETYPE))]
        #[repr(C)]
        pub struct $name {
            pub base: $base,
        }
    };
    (@class [$($doc:tt)*] $name:ident $base:ident $pyname:tt) => {
        $($doc)*
        #[crate::pyclass(name = $pyname, base = $base, flags(BASETYPE))]
        #[repr(C)]
        pub struct $name {
            pub base: $base,
        }
    };
}

/// Attributes that are plain fields, and `__new__`, as the part `MEMBERS` of the type's methods.
macro_rules! members {
    ($ty:ident: $($name:ident $doc:literal),* $(,)?) => {
        members!($ty with ($crate::types::exceptions::macros::new_of::<$ty>): $($name $doc),*);
    };
    ($ty:ident with ($new:expr): $($name:ident $doc:literal),* $(,)?) => {
        impl $ty {
            pub(crate) const METHODS_MEMBERS: &'static [crate::args::MethodDef] = &[];
            pub(crate) const CLASS_ATTRS_MEMBERS: &'static [crate::types::class::ClassAttr] = &[];
            pub(crate) const GETSETS_MEMBERS: &'static [crate::types::class::GetSetDef] = &[$(crate::types::class::GetSetDef {
                name: stringify!($name),
                get: Some(|vm, zelf| {
                    let this = <$ty as crate::PyClass>::self_arg(vm, zelf, stringify!($name))?;
                    Ok(this.$name.load(vm).unwrap_or_else(crate::Value::none))
                }),
                set: Some(|vm, zelf, value| {
                    let this = <$ty as crate::PyClass>::self_arg(vm, zelf, stringify!($name))?;
                    let old = this.$name.replace(vm, value.cloned());
                    drop(old);
                    Ok(())
                }),
                doc: Some($doc),
                member: true,
            }),*];

            #[allow(non_snake_case, reason = "named after the part")]
            pub(crate) fn set_slots_MEMBERS(slots: &crate::types::slots::Slots) {
                slots.new.set(Some($new));
            }
        }
    };
}
