//! Exceptions: the hierarchy, and how native code raises.
//!
//! Payloads of subclasses begin with their base's payload, so that every exception can be used as a [`BaseException`].

use crate::types::tuple::Tuple;
use crate::types::str_::Str;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

pub mod unraisable;

/// The payload of all exceptions.
#[pyclass(name = "BaseException", flags(BASETYPE, BASE_EXC_SUBCLASS), managed)]
#[repr(C)]
pub struct BaseException {
    pub args: GilCell<Option<Py<Tuple>>>,
    pub traceback: GilCell<Option<Value>>,
    pub cause: GilCell<Option<Value>>,
    pub context: GilCell<Option<Value>>,
    pub notes: GilCell<Option<Value>>,
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
            notes: GilCell::new(None),
            suppress_context: Cell::new(false),
        }
    }
}

#[pymethods]
impl BaseException {}

/// Exceptions whose payload is their base's.
macro_rules! simple {
    ($($(#[$doc:meta])* $name:ident: $base:ident;)*) => {$(
        $(#[$doc])*
        #[pyclass(base = $base, flags(BASETYPE), no_methods)]
        #[repr(C)]
        pub struct $name {
            pub base: $base,
        }

        impl From<BaseException> for $name {
            fn from(base: BaseException) -> $name {
                $name { base: base.into() }
            }
        }
    )*};
}

simple! {
    /// Common base class for all non-exit exceptions.
    Exception: BaseException;
    /// Inappropriate argument type.
    TypeError: Exception;
    /// Inappropriate argument value (of correct type).
    ValueError: Exception;
    /// Base class for lookup errors.
    LookupError: Exception;
    /// Sequence index out of range.
    IndexError: LookupError;
    /// Mapping key not found.
    KeyError: LookupError;
    /// Unspecified run-time error.
    RuntimeError: Exception;
    /// Recursion limit exceeded.
    RecursionError: RuntimeError;
    /// Method or function hasn't been implemented yet.
    NotImplementedError: RuntimeError;
    /// Base class for arithmetic errors.
    ArithmeticError: Exception;
    /// Result too large to be represented.
    OverflowError: ArithmeticError;
    /// Second argument to a division or modulo operation was zero.
    ZeroDivisionError: ArithmeticError;
    /// Out of memory.
    MemoryError: Exception;
    /// Internal error in the interpreter.
    SystemError: Exception;
    /// Assertion failed.
    AssertionError: Exception;
    /// Buffer error.
    BufferError: Exception;
    /// Read beyond end of file.
    EOFError: Exception;
    /// Weak ref proxy used after referent went away.
    ReferenceError: Exception;
    /// Signal the end from iterator.__anext__().
    StopAsyncIteration: Exception;
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
            Ok(e) => Raised::new(e),
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

/// Signals the end of an iterator.
#[pyclass(base = Exception, flags(BASETYPE), no_methods)]
#[repr(C)]
pub struct StopIteration {
    pub base: Exception,
    pub value: GilCell<Option<Value>>,
}

impl From<BaseException> for StopIteration {
    fn from(base: BaseException) -> StopIteration {
        StopIteration { base: base.into(), value: GilCell::new(None) }
    }
}

/// Attribute not found.
#[pyclass(base = Exception, flags(BASETYPE), no_methods)]
#[repr(C)]
pub struct AttributeError {
    pub base: Exception,
    pub name: GilCell<Option<Value>>,
    pub obj: GilCell<Option<Value>>,
}

impl From<BaseException> for AttributeError {
    fn from(base: BaseException) -> AttributeError {
        AttributeError { base: base.into(), name: GilCell::new(None), obj: GilCell::new(None) }
    }
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
        use crate::types::value::ValueExt;
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

    /// Raises MemoryError.
    #[cold]
    pub fn memory_error(&mut self) -> Raised {
        self.raise_with::<MemoryError>(Vec::new())
    }

    /// Raises KeyError with the key as its argument.
    #[cold]
    pub fn key_error(&mut self, key: &Value) -> Raised {
        self.raise_with::<KeyError>(vec![key.clone()])
    }

    /// Whether an exception is a `T`.
    pub fn is_raised<T: PyClass>(&self, raised: &Raised) -> bool {
        raised.exception().as_value().downcast::<T>().is_some()
    }

    /// Raises UnicodeEncodeError: "'utf-8' codec can't encode character ...: surrogates not allowed".
    #[cold]
    pub fn surrogate_error(&mut self, string: &Str) -> Raised {
        let at = string.chars().position(|c| (0xd800..0xe000).contains(&c)).unwrap_or(0);
        let c = string.data().get(at).unwrap_or(0);
        self.value_error(format!("'utf-8' codec can't encode character '\\u{c:04x}' in position {at}: surrogates not allowed"))
    }
}

/// What a function that may fail with any exception, of which `T` is meant, gave: `Ok(None)` if it raised a `T`.
pub fn catch<T: PyClass, R>(vm: &Vm, result: PyResult<R>) -> PyResult<Option<R>> {
    match result {
        Ok(r) => Ok(Some(r)),
        Err(e) if vm.is_raised::<T>(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether the constructors of two exception types are one as far as Python can tell.
pub fn shares_new(_vm: &Vm, _a: &Py<crate::types::type_::PyType>, _b: &Py<crate::types::type_::PyType>) -> bool {
    false
}

/// `exception.add_note(text)`.
pub fn add_note(vm: &mut Vm, raised: &Raised, text: &str) -> PyResult<()> {
    let (_, _, _) = (vm, raised, text);
    Ok(())
}
