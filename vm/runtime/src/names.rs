//! Interned names that native code uses: `n!(__init__)` is a `&'static Py<Str>`.
//!
//! One name a line, sorted, so that branches merge.
#![allow(unsafe_code, reason = "the table is written once when the process starts")]

use crate::types::str_::Str;
use crate::{Py, Vm};
use std::cell::Cell;

macro_rules! names {
    ($($name:ident)*) => {
        /// The table.
        #[allow(non_snake_case, reason = "the fields are Python's names")]
        pub struct Names {
            /// The empty string.
            pub empty: Py<Str>,
            $(pub $name: Py<Str>,)*
        }

        /// Called once when the process starts.
        pub(crate) fn init(vm: &mut Vm) -> crate::PyResult<()> {
            let empty = vm.new_str("")?;
            let names = Names { empty, $($name: vm.intern_latin1(stringify!($name).trim_start_matches("r#").as_bytes())?,)* };
            TABLE.0.set(Box::leak(Box::new(names)));
            Ok(())
        }
    };
}

struct Table(Cell<*const Names>);
// SAFETY: written once under the GIL before any use.
unsafe impl Sync for Table {}
static TABLE: Table = Table(Cell::new(std::ptr::null()));

/// The table. The process has made it before any Python object but strings and ints exists.
#[inline(always)]
pub fn get() -> &'static Names {
    // SAFETY: set by `init`, which `Vm` creation calls first; leaked, so valid for ever.
    unsafe { &*TABLE.0.get() }
}

/// The interned name.
#[macro_export]
macro_rules! n {
    ($name:ident) => {
        &$crate::names::get().$name
    };
}

names! {
    __IOBase_closed
    __abs__
    __abstractmethods__
    __add__
    __aenter__
    __aexit__
    __aiter__
    __all__
    __and__
    __anext__
    __annotate__
    __annotate_func__
    __annotations__
    __annotations_cache__
    __await__
    __bases__
    __bool__
    __buffer__
    __build_class__
    __builtins__
    __bytes__
    __cached__
    __call__
    __class__
    __class_getitem__
    __classcell__
    __classdict__
    __classdictcell__
    __closure__
    __code__
    __complex__
    __contains__
    __context__
    __copy__
    __deepcopy__
    __defaults__
    __del__
    __delattr__
    __delete__
    __delitem__
    __dict__
    __dir__
    __divmod__
    __doc__
    __enter__
    __eq__
    __exit__
    __file__
    __firstlineno__
    __float__
    __floordiv__
    __format__
    __fspath__
    __func__
    __future__
    __ge__
    __get__
    __getattr__
    __getattribute__
    __getformat__
    __getinitargs__
    __getitem__
    __getnewargs__
    __getnewargs_ex__
    __getstate__
    __globals__
    __gt__
    __hash__
    __iadd__
    __iand__
    __ifloordiv__
    __ilshift__
    __imatmul__
    __imod__
    __import__
    __imul__
    __index__
    __init__
    __init_subclass__
    __instancecheck__
    __int__
    __invert__
    __ior__
    __ipow__
    __irshift__
    __isabstractmethod__
    __isub__
    __iter__
    __itruediv__
    __ixor__
    __kwdefaults__
    __le__
    __len__
    __length_hint__
    __loader__
    __lshift__
    __lt__
    __main__
    __match_args__
    __matmul__
    __metaclass__
    __missing__
    __mod__
    __module__
    __mro__
    __mro_entries__
    __mul__
    __name__
    __ne__
    __neg__
    __new__
    __newobj__
    __newobj_ex__
    __next__
    __notes__
    __or__
    __orig_bases__
    __orig_class__
    __origin__
    __package__
    __parameters__
    __path__
    __pos__
    __pow__
    __prepare__
    __qualname__
    __radd__
    __rand__
    __rdivmod__
    __reduce__
    __reduce_ex__
    __release_buffer__
    __repr__
    __reversed__
    __rfloordiv__
    __rlshift__
    __rmatmul__
    __rmod__
    __rmul__
    __ror__
    __round__
    __rpow__
    __rrshift__
    __rshift__
    __rsub__
    __rtruediv__
    __rxor__
    __self__
    __set__
    __set_name__
    __setattr__
    __setitem__
    __setstate__
    __sizeof__
    __slotnames__
    __slots__
    __spec__
    __static_attributes__
    __str__
    __sub__
    __subclasscheck__
    __subclasshook__
    __text_signature__
    __truediv__
    __trunc__
    __type_params__
    __typing_subst__
    __typing_unpacked_tuple_args__
    __weakref__
    __wrapped__
    __xor__
    _dealloc_warn
    _finalizing
    _initializing
    append
    as_integer_ratio
    buffer
    builtins
    cause
    close
    closed
    decode
    detach
    dst
    encode
    encoding
    errors
    excepthook
    filename
    fileno
    flush
    fold
    fromtimestamp
    fromutc
    get
    getstate
    incrementaldecoder
    incrementalencoder
    isatty
    isoformat
    items
    iter
    keys
    mode
    modules
    mro
    name
    newlines
    path
    peek
    print_file_and_line
    raw
    read
    read1
    readable
    readall
    readinto
    readline
    replace
    reset
    reversed
    seek
    seekable
    send
    setstate
    stderr
    stdin
    stdout
    strftime
    tell
    text
    throw
    time
    timetuple
    total_seconds
    truncate
    tzname
    update
    utcoffset
    value
    values
    writable
    write
}
