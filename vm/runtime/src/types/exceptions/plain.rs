//! Exceptions that have no attributes of their own.

use super::BaseException;

simple! {
    /// What programs are meant to catch: all exceptions but those that ask to leave the program.
    Exception: BaseException;
    /// Raised inside a generator or coroutine that is being closed.
    GeneratorExit: BaseException;
    /// The user has pressed the interrupt key.
    KeyboardInterrupt: BaseException;
    /// A value of the wrong type.
    TypeError: Exception;
    /// A value of the right type that cannot be used.
    ValueError: Exception;
    /// An encoding or decoding has failed.
    UnicodeError: ValueError;
    /// Something asked for is not in a sequence or mapping.
    LookupError: Exception;
    /// An index beyond the ends of a sequence.
    IndexError: LookupError;
    /// A failure that fits no other class.
    RuntimeError: Exception;
    /// Calls have nested too deeply.
    RecursionError: RuntimeError;
    /// Something has not been written yet, or a subclass ought to provide it.
    NotImplementedError: RuntimeError;
    /// The interpreter is shutting down and cannot do this any more.
    PythonFinalizationError: RuntimeError;
    /// A calculation has failed.
    ArithmeticError: Exception;
    /// A result does not fit.
    OverflowError: ArithmeticError;
    /// A division, or modulo, by zero.
    ZeroDivisionError: ArithmeticError;
    /// A floating-point operation has failed.
    FloatingPointError: ArithmeticError;
    /// There is no memory left.
    MemoryError: Exception;
    /// Something in the interpreter itself has gone wrong.
    SystemError: Exception;
    /// The condition of an assert statement does not hold.
    AssertionError: Exception;
    /// A buffer cannot be had, or not in this form.
    BufferError: Exception;
    /// The input has ended before anything could be read.
    EOFError: Exception;
    /// What a weak proxy stood for is gone.
    ReferenceError: Exception;
    /// An asynchronous iterator has come to its end.
    StopAsyncIteration: Exception;
    /// The root of all warnings.
    Warning: Exception;
    /// Warnings that programs issue.
    UserWarning: Warning;
    /// Something is deprecated; meant for programmers.
    DeprecationWarning: Warning;
    /// Something is going to be deprecated.
    PendingDeprecationWarning: Warning;
    /// The syntax is doubtful.
    SyntaxWarning: Warning;
    /// The behaviour at run time is doubtful.
    RuntimeWarning: Warning;
    /// The meaning is going to change; meant for users.
    FutureWarning: Warning;
    /// An import is probably a mistake.
    ImportWarning: Warning;
    /// Warnings about Unicode.
    UnicodeWarning: Warning;
    /// Warnings about bytes and buffers.
    BytesWarning: Warning;
    /// A resource has not been given back.
    ResourceWarning: Warning;
    /// An encoding has been left to the locale.
    EncodingWarning: Warning;
}

pub(super) use SIMPLE as TYPES;
