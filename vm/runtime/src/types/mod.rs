//! The builtin types, one file or folder each, named as CPython's `Objects/`.

pub mod asyncgen;
pub mod bytearray;
pub mod bytes;
pub mod cell;
pub mod class;
pub mod classmethod;
pub mod complex;
pub mod code;
pub mod context;
pub mod hamt;
pub mod dict;
pub mod enumerate;
pub mod exceptions;
pub mod float;
pub mod frame;
pub mod frame_locals;
pub mod function;
pub mod gc;
pub mod genericalias;
pub mod generator;
pub mod instance;
pub mod int;
pub mod iter;
pub mod itertypes;
pub mod list;
pub mod mappingproxy;
pub mod memoryview;
pub mod module;
pub mod namespace;
pub mod native;
pub mod object;
pub mod property;
pub mod range;
pub mod set;
pub mod method;
pub mod pyfunction;
pub mod singletons;
pub mod slice;
pub mod slots;
pub mod stderrprinter;
pub mod str_;
pub mod structseq;
pub mod super_;
pub mod traceback;
pub mod template;
pub mod tuple;
pub mod type_;
pub mod typeobject;
pub mod typing;
pub mod union;
pub mod value;
pub mod weakref;

use class::{PyClass, StaticType};

/// The types that are made ready when the process starts, bases first.
pub const CORE_TYPES: &[fn() -> &'static StaticType] = &[
    <object::Object as PyClass>::static_type,
    <type_::PyType as PyClass>::static_type,
    <str_::Str as PyClass>::static_type,
    <tuple::Tuple as PyClass>::static_type,
    <bytes::Bytes as PyClass>::static_type,
    <bytearray::ByteArray as PyClass>::static_type,
    <memoryview::ManagedBuffer as PyClass>::static_type,
    <memoryview::MemoryView as PyClass>::static_type,
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
    <native::MemberDescr as PyClass>::static_type,
    <structseq::Field as PyClass>::static_type,
    <weakref::WeakRef as PyClass>::static_type,
    <weakref::proxy::Proxy as PyClass>::static_type,
    <weakref::proxy::CallableProxy as PyClass>::static_type,
    <namespace::Namespace as PyClass>::static_type,
    <context::ContextVar as PyClass>::static_type,
    <context::Context as PyClass>::static_type,
    <context::Token as PyClass>::static_type,
    <hamt::Hamt as PyClass>::static_type,
    <hamt::Node as PyClass>::static_type,
    <hamt::Keys as PyClass>::static_type,
    <hamt::Values as PyClass>::static_type,
    <hamt::Items as PyClass>::static_type,
    <typeobject::wrapper::WrapperDescr as PyClass>::static_type,
    <typeobject::wrapper::MethodWrapper as PyClass>::static_type,
    <classmethod::ClassMethod as PyClass>::static_type,
    <classmethod::StaticMethod as PyClass>::static_type,
    <mappingproxy::MappingProxy as PyClass>::static_type,
    <genericalias::GenericAlias as PyClass>::static_type,
    <genericalias::GenericAliasIter as PyClass>::static_type,
    <union::Union as PyClass>::static_type,
    <module::Module as PyClass>::static_type,
    <exceptions::BaseException as PyClass>::static_type,
    <iter::SeqIter as PyClass>::static_type,
    <iter::CallableIter as PyClass>::static_type,
    <list::ListIter as PyClass>::static_type,
    <list::ListReverseIter as PyClass>::static_type,
    <tuple::TupleIter as PyClass>::static_type,
    <slice::Slice as PyClass>::static_type,
    <range::Range as PyClass>::static_type,
    <range::RangeIter as PyClass>::static_type,
    <range::LongRangeIter as PyClass>::static_type,
    <set::Set as PyClass>::static_type,
    <set::FrozenSet as PyClass>::static_type,
    <set::SetIter as PyClass>::static_type,
    <dict::DictKeys as PyClass>::static_type,
    <dict::DictItems as PyClass>::static_type,
    <dict::DictValues as PyClass>::static_type,
    <dict::DictKeyIter as PyClass>::static_type,
    <dict::DictValueIter as PyClass>::static_type,
    <dict::DictItemIter as PyClass>::static_type,
    <dict::DictReverseKeyIter as PyClass>::static_type,
    <dict::DictReverseValueIter as PyClass>::static_type,
    <dict::DictReverseItemIter as PyClass>::static_type,
    <enumerate::Enumerate as PyClass>::static_type,
    <enumerate::Reversed as PyClass>::static_type,
    <itertypes::Map as PyClass>::static_type,
    <itertypes::Zip as PyClass>::static_type,
    <itertypes::Filter as PyClass>::static_type,
    <code::CodeObject as PyClass>::static_type,
    <pyfunction::Function as PyClass>::static_type,
    <method::Method as PyClass>::static_type,
    <cell::PyCell as PyClass>::static_type,
    <frame::FrameObject as PyClass>::static_type,
    <frame_locals::FrameLocalsProxy as PyClass>::static_type,
    <traceback::Traceback as PyClass>::static_type,
    <generator::Generator as PyClass>::static_type,
    <generator::Coroutine as PyClass>::static_type,
    <generator::CoroutineWrapper as PyClass>::static_type,
    <asyncgen::AsyncGenerator as PyClass>::static_type,
    <asyncgen::WrappedValue as PyClass>::static_type,
    <asyncgen::Asend as PyClass>::static_type,
    <asyncgen::Athrow as PyClass>::static_type,
    <asyncgen::AnextAwaitable as PyClass>::static_type,
];

/// The types that are attributes of `builtins`, exceptions included.
pub fn builtin_types() -> Vec<&'static StaticType> {
    let mut all = vec![
        object::Object::static_type(),
        type_::PyType::static_type(),
        int::Int::static_type(),
        int::Bool::static_type(),
        float::Float::static_type(),
        complex::Complex::static_type(),
        str_::Str::static_type(),
        bytes::Bytes::static_type(),
        bytearray::ByteArray::static_type(),
        list::List::static_type(),
        tuple::Tuple::static_type(),
        dict::Dict::static_type(),
        set::Set::static_type(),
        set::FrozenSet::static_type(),
        range::Range::static_type(),
        slice::Slice::static_type(),
        enumerate::Enumerate::static_type(),
        enumerate::Reversed::static_type(),
        itertypes::Map::static_type(),
        itertypes::Filter::static_type(),
        itertypes::Zip::static_type(),
        classmethod::ClassMethod::static_type(),
        classmethod::StaticMethod::static_type(),
        memoryview::MemoryView::static_type(),
        property::Property::static_type(),
        super_::Super::static_type(),
    ];
    all.extend(exceptions::all().map(|(ty, _)| ty));
    all
}
