//! The builtin types, one file or folder each, named as CPython's `Objects/`.

pub mod bytearray;
pub mod bytes;
pub mod class;
pub mod dict;
pub mod exceptions;
pub mod float;
pub mod function;
pub mod instance;
pub mod int;
pub mod iter;
pub mod list;
pub mod module;
pub mod native;
pub mod object;
pub mod singletons;
pub mod slots;
pub mod str_;
pub mod tuple;
pub mod type_;
pub mod typeobject;
pub mod value;
pub mod weakref;

use class::{PyClass, StaticType};

/// The types that are made ready when the process starts, bases first.
pub(crate) const CORE_TYPES: &[fn() -> &'static StaticType] = &[
    <object::Object as PyClass>::static_type,
    <type_::PyType as PyClass>::static_type,
    <str_::Str as PyClass>::static_type,
    <tuple::Tuple as PyClass>::static_type,
    <bytes::Bytes as PyClass>::static_type,
    <bytearray::ByteArray as PyClass>::static_type,
    <dict::Dict as PyClass>::static_type,
    <list::List as PyClass>::static_type,
    <int::Int as PyClass>::static_type,
    <int::Bool as PyClass>::static_type,
    <float::Float as PyClass>::static_type,
    <singletons::NoneType as PyClass>::static_type,
    <singletons::EllipsisType as PyClass>::static_type,
    <singletons::NotImplementedType as PyClass>::static_type,
    <native::BuiltinFunction as PyClass>::static_type,
    <native::MethodDescr as PyClass>::static_type,
    <native::ClassMethodDescr as PyClass>::static_type,
    <native::GetSetDescr as PyClass>::static_type,
    <module::Module as PyClass>::static_type,
    <exceptions::BaseException as PyClass>::static_type,
];
