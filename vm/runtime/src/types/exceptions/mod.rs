//! Exceptions: the hierarchy, and how native code raises.
//!
//! Payloads of subclasses begin with their base's payload, so that every exception can be used as a [`BaseException`].

#![allow(unsafe_code, reason = "looks into payloads that are being made")]

use crate::types::class::StaticType;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass};
use macros::{Maker, make};
use std::cell::Cell;

#[macro_use]
mod macros;
mod base;
pub mod group;
mod os_error;
mod plain;
mod syntax;
mod unicode;
pub mod unraisable;
mod with_attributes;

pub use macros::new_of;
pub use group::{BaseExceptionGroup, ExceptionGroup, add_note};
pub use os_error::*;
pub use plain::*;
pub use syntax::{IncompleteInputError, IndentationError, SyntaxError, TabError};
pub use unicode::{UnicodeDecodeError, UnicodeEncodeError, UnicodeTranslateError};
pub use with_attributes::{AttributeError, ImportError, KeyError, ModuleNotFoundError, NameError, StopIteration, SystemExit, UnboundLocalError};

/// The root of all exceptions; programs derive theirs from Exception.
#[pyclass(name = "BaseException", flags(BASETYPE, BASE_EXC_SUBCLASS, MANAGED_DICT), managed)]
#[repr(C)]
pub struct BaseException {
    pub args: GilCell<Option<Py<Tuple>>>,
    pub traceback: GilCell<Option<Value>>,
    pub cause: GilCell<Option<Value>>,
    pub context: GilCell<Option<Value>>,
    pub suppress_context: Cell<bool>,
}

impl BaseException {
    /// A payload with these arguments.
    pub fn new(args: Py<Tuple>) -> BaseException {
        BaseException {
            args: GilCell::new(Some(args)),
            traceback: GilCell::new(None),
            cause: GilCell::new(None),
            context: GilCell::new(None),
            suppress_context: Cell::new(false),
        }
    }
}

impl BaseException {
    /// The only argument, while nobody else has seen the exception.
    fn first_argument(&self) -> Option<Value> {
        // SAFETY: the payload is new: it is not part of an object yet.
        let args = unsafe { self.args.get_unguarded() };
        match args.as_ref()?.items() {
            [only] => Some(only.clone()),
            _ => None,
        }
    }
}

impl Vm {
    /// Raises a `T` with one `str` argument.
    pub fn raise<T: PyClass + From<BaseException>>(&mut self, message: &str) -> Raised {
        let message = match self.new_str(message) {
            Ok(m) => m.into_value(),
            Err(e) => return e,
        };
        self.raise_with::<T>(vec![message])
    }

    /// Raises a `T` with these arguments.
    pub fn raise_with<T: PyClass + From<BaseException>>(&mut self, args: Vec<Value>) -> Raised {
        let made = self.new_tuple(args).and_then(|args| self.new_object(T::from(BaseException::new(args))));
        match made {
            Ok(exception) => self.raise_object(exception.into_value()),
            Err(e) => e,
        }
    }

    /// Raises an exception object; TypeError if it is none.
    pub fn raise_object(&mut self, exception: Value) -> Raised {
        match exception.into_py::<BaseException>() {
            Ok(e) => {
                self.chain_context(&e);
                Raised::new(e)
            }
            Err(_) => self.type_error("exceptions must derive from BaseException"),
        }
    }
}

macro_rules! raisers {
    ($($(#[$doc:meta])* $name:ident: $class:ident;)*) => {
        impl Vm {$(
            $(#[$doc])*
            #[cold]
            pub fn $name(&mut self, message: impl AsRef<str>) -> Raised {
                self.raise::<$class>(message.as_ref())
            }
        )*}
    };
}

raisers! {
    /// Raises TypeError.
    type_error: TypeError;
    /// Raises ValueError.
    value_error: ValueError;
    /// Raises IndexError.
    index_error: IndexError;
    /// Raises RuntimeError.
    runtime_error: RuntimeError;
    /// Raises RecursionError.
    recursion_error: RecursionError;
    /// Raises OverflowError.
    overflow_error: OverflowError;
    /// Raises ZeroDivisionError.
    zero_division_error: ZeroDivisionError;
    /// Raises SystemError: for what no Python program should ever see.
    system_error: SystemError;
    /// Raises BufferError.
    buffer_error: BufferError;
    /// Raises EOFError.
    eof_error: EOFError;
    /// Raises NotImplementedError, naming what is missing.
    not_implemented_error: NotImplementedError;
}

impl Vm {
    /// Raises AttributeError without object and name.
    #[cold]
    pub fn attribute_error(&mut self, message: impl AsRef<str>) -> Raised {
        self.raise::<AttributeError>(message.as_ref())
    }

    /// Raises AttributeError "'T' object has no attribute 'name'" with object and name for suggestions.
    #[cold]
    pub fn no_attribute(&mut self, object: &Value, name: &Py<Str>) -> Raised {
        let message = match object.downcast::<crate::types::type_::PyType>() {
            Some(ty) => format!("type object '{}' has no attribute '{}'", ty.tp_name(), name.to_string_lossy()),
            None => format!("'{}' object has no attribute '{}'", object.type_name(), name.to_string_lossy()),
        };
        self.attribute_error_for(&message, object, name)
    }

    /// Raises AttributeError with object and name for suggestions.
    #[cold]
    pub fn attribute_error_for(&mut self, message: &str, object: &Value, name: &Py<Str>) -> Raised {
        let raised = self.attribute_error(message);
        if let Some(e) = raised.exception().as_value().downcast::<AttributeError>() {
            e.name.replace(self, Some(name.to_value()));
            e.obj.replace(self, Some(object.clone()));
        }
        raised
    }

    /// Raises MemoryError; one that has been kept for this if there is no memory for another.
    #[cold]
    pub fn memory_error(&mut self) -> Raised {
        let args = self.interp.empty_tuple.load(self);
        let ty = MemoryError::static_type();
        if let Some(args) = args.filter(|_| ty.is_finished()) {
            // SAFETY: the static type belongs to the payload and is immortal.
            if let Ok(made) = unsafe { krait_heap::alloc(ty.core_ptr(), MemoryError::from(BaseException::new(args))) } {
                return self.raise_object(made.into_value());
            }
        }
        match self.interp.last_memory_error.load(self) {
            Some(kept) => self.last_memory_error(kept),
            None => self.raise_with::<MemoryError>(Vec::new()),
        }
    }

    /// The kept MemoryError, without what it got when it was last raised if nobody holds it any more.
    fn last_memory_error(&mut self, kept: Py<BaseException>) -> Raised {
        const KEPT_AND_HERE: u32 = 2;
        if kept.header().refcnt() <= KEPT_AND_HERE {
            let old = (kept.traceback.replace(self, None), kept.context.replace(self, None), kept.cause.replace(self, None));
            drop(old);
        }
        Raised::new(kept)
    }

    /// Raises KeyError with the key as its argument.
    #[cold]
    pub fn key_error(&mut self, key: &Value) -> Raised {
        self.raise_with::<KeyError>(vec![key.clone()])
    }

    /// Whether an exception is a `T`.
    pub fn is_raised<T: PyClass>(&self, raised: &Raised) -> bool {
        let ty = raised.exception().as_value().ty();
        std::ptr::eq(&raw const ty.core, T::type_core()) || ty.is_subtype(self, T::type_object(self))
    }

    /// Raises UnicodeEncodeError: "'utf-8' codec can't encode character ...: surrogates not allowed".
    #[cold]
    pub fn surrogate_error(&mut self, string: &Str) -> Raised {
        let surrogate = |c: u32| (0xd800..0xe000).contains(&c);
        let start = string.chars().position(surrogate).unwrap_or(0);
        let end = start + string.chars().skip(start).take_while(|&c| surrogate(c)).count();
        let object = match self.new_str_data(string.data()) {
            Ok(object) => object,
            Err(e) => return e,
        };
        self.unicode_encode_error("utf-8", &object, start, end.max(start + 1), "surrogates not allowed")
    }
}

/// The first argument if it is text; for debugging.
pub(crate) fn first_text(e: &BaseException) -> Option<String> {
    // SAFETY: nobody changes the arguments while native code formats an error.
    let args = unsafe { e.args.get_unguarded() };
    args.as_ref()?.items().first()?.downcast::<Str>().map(|s| s.to_string_lossy().into_owned())
}

/// What a function that may fail with any exception, of which `T` is meant, gave: `Ok(None)` if it raised a `T`.
pub fn catch<T: PyClass, R>(vm: &Vm, result: PyResult<R>) -> PyResult<Option<R>> {
    match result {
        Ok(r) => Ok(Some(r)),
        Err(e) if vm.is_raised::<T>(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether Python sees one `__new__` in two exception types: all but a few have that of `BaseException`.
pub fn shares_new(vm: &Vm, a: &Py<PyType>, b: &Py<PyType>) -> bool {
    let common = |ty: &Py<PyType>| {
        ty.has_flag(crate::types::class::flags::BASE_EXC_SUBCLASS)
            && ![OSError::type_object(vm), BaseExceptionGroup::type_object(vm)].iter().any(|own| ty.is_subtype(vm, own))
    };
    common(a) && common(b)
}

/// All exception types, bases first, and how an object of each is made.
pub(crate) fn all() -> impl Iterator<Item = (&'static StaticType, Maker)> {
    let parts = [plain::TYPES, with_attributes::TYPES, with_attributes::SIMPLE, os_error::TYPES, os_error::SIMPLE, syntax::TYPES, syntax::SIMPLE, unicode::TYPES, group::TYPES];
    std::iter::once((BaseException::static_type(), make::<BaseException> as Maker)).chain(parts.into_iter().flatten().map(|(ty, maker)| (ty(), *maker)))
}

/// Makes the types ready and gives ExceptionGroup its second base.
pub(crate) fn init(vm: &mut Vm) -> PyResult<()> {
    for (ty, _) in all() {
        ty.ready(vm)?;
    }
    let args = vm.new_tuple(Vec::new())?;
    let kept = vm.new_object(MemoryError::from(BaseException::new(args)))?;
    if let Ok(kept) = kept.into_value().into_py::<BaseException>() {
        vm.interp.last_memory_error.replace(vm, Some(kept));
    }
    let (group, second) = (ExceptionGroup::type_object(vm), Exception::type_object(vm));
    let mut bases: Vec<Value> = group.bases.load(vm).map(|b| b.items().to_vec()).unwrap_or_default();
    let mut mro: Vec<Value> = group.mro.load(vm).map(|m| m.items().to_vec()).unwrap_or_default();
    bases.push(second.to_value());
    mro.insert(2, second.to_value());
    let (bases, mro) = (vm.new_tuple(bases)?, vm.new_tuple(mro)?);
    let old = (group.bases.replace(vm, Some(bases)), group.mro.replace(vm, Some(mro)));
    drop(old);
    let address = std::ptr::from_ref(group.header()) as usize;
    second.subclasses.get_mut(vm).push(address);
    group.modified(vm);
    Ok(())
}
