//! Calling native code: arguments, their binding to parameters with CPython's errors, and conversion of results.
//!
//! Arguments travel as CPython's vectorcall passes them: one slice, positional values first, then the values of the keywords, whose
//! names stand beside it. Nothing is allocated to call a native function.

use crate::types::class::PyClass;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm};

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Args<'a> {
    values: &'a [Value],
    kwnames: &'a [Value],
}

impl<'a> Args<'a> {
    /// Positional arguments only.
    pub fn new(values: &'a [Value]) -> Args<'a> {
        Args { values, kwnames: &[] }
    }

    /// `values` ends with one value for each of `kwnames`, which are `str` objects.
    pub fn with_keywords(values: &'a [Value], kwnames: &'a [Value]) -> Args<'a> {
        debug_assert!(kwnames.len() <= values.len());
        Args { values, kwnames }
    }

    /// The positional arguments.
    pub fn positional(&self) -> &'a [Value] {
        &self.values[..self.values.len() - self.kwnames.len()]
    }

    /// All values, positional ones first.
    pub fn values(&self) -> &'a [Value] {
        self.values
    }

    /// The keywords' names.
    pub fn kwnames(&self) -> &'a [Value] {
        self.kwnames
    }

    /// Whether there are keyword arguments.
    pub fn has_keywords(&self) -> bool {
        !self.kwnames.is_empty()
    }

    /// Names and values of the keyword arguments.
    pub fn keywords(&self) -> impl Iterator<Item = (&'a Value, &'a Value)> + use<'a> {
        let first = self.values.len() - self.kwnames.len();
        self.kwnames.iter().zip(&self.values[first..])
    }

    /// Without the first positional argument, which is returned too.
    pub fn split_first(&self) -> Option<(&'a Value, Args<'a>)> {
        if self.positional().is_empty() {
            return None;
        }
        let (first, rest) = self.values.split_first()?;
        Some((first, Args { values: rest, kwnames: self.kwnames }))
    }

    /// TypeError if there are keyword arguments; `name` without parentheses.
    pub fn no_keywords(&self, vm: &mut Vm, name: &str) -> PyResult<()> {
        if self.kwnames.is_empty() { Ok(()) } else { Err(vm.type_error(format!("{name}() takes no keyword arguments"))) }
    }

    /// The arguments of the constructor of `T`, which takes none by keyword, called for `cls`: keywords are an error for `T` itself and for
    /// subclasses that keep its `__init__`; other subclasses handle theirs on their own.
    pub fn for_new<T: PyClass>(&self, vm: &mut Vm, cls: &crate::types::type_::PyType) -> PyResult<Args<'a>> {
        if self.kwnames.is_empty() {
            return Ok(*self);
        }
        let base = T::type_object(vm);
        let same_init = match (cls.slots.init.get(), base.slots.init.get()) {
            (Some(a), Some(b)) => std::ptr::fn_addr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        if same_init || std::ptr::eq(cls, &raw const **base) {
            self.no_keywords(vm, T::NAME)?;
        }
        Ok(Args::new(self.positional()))
    }

    /// The positional arguments if there are between `min` and `max` of them and no keywords; CPython's `PyArg_UnpackTuple`.
    pub fn unpack(&self, vm: &mut Vm, name: &str, min: usize, max: usize) -> PyResult<&'a [Value]> {
        self.no_keywords(vm, name)?;
        check_positional(vm, name, self.values.len(), min, max)?;
        Ok(self.values)
    }
}

/// `_PyArg_CheckPositional`.
pub fn check_positional(vm: &mut Vm, name: &str, given: usize, min: usize, max: usize) -> PyResult<()> {
    let (bound, n) = if given < min {
        (if min == max { "" } else { "at least " }, min)
    } else if given > max {
        (if min == max { "" } else { "at most " }, max)
    } else {
        return Ok(());
    };
    Err(vm.type_error(format!("{name} expected {bound}{n} argument{}, got {given}", plural(n))))
}

/// TypeError of a keyword that the function `name` does not take, with the one that may have been meant. A `str` of a subclass that equals one
/// without being it is invalid.
#[cold]
pub fn unexpected_keyword(vm: &mut Vm, name: &str, key: &Value, names: &[&str]) -> Raised {
    let function = if name.is_empty() { "this function".to_owned() } else { format!("{name}()") };
    if key.downcast_exact::<Str>().is_none() {
        for known in names {
            let known = vm.intern(known).into_value();
            match vm.eq(key, &known) {
                Ok(true) => return vm.type_error(format!("invalid keyword argument for {function}")),
                Ok(false) => {}
                Err(e) => return e,
            }
        }
    }
    let text = key.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let meant = match crate::eval::suggestions::closest(&text, names.iter().copied()) {
        Some(found) => format!(". Did you mean '{found}'?"),
        None => String::new(),
    };
    vm.type_error(format!("{function} got an unexpected keyword argument '{text}'{meant}"))
}

/// TypeError if there are more keyword arguments than the function takes, all by keyword only.
pub fn check_keyword_count(vm: &mut Vm, name: &str, given: usize, max: usize) -> PyResult<()> {
    if given <= max {
        return Ok(());
    }
    Err(vm.type_error(format!("{name}() takes at most {max} keyword argument{} ({given} given)", plural(max))))
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// A native function: self (or class, module, `None`) and arguments.
pub type NativeFn = fn(&mut Vm, &Value, Args<'_>) -> PyResult;

/// How a method gets its first argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    Instance,
    Class,
    Static,
}

/// Definition of a native function or method.
pub struct MethodDef {
    pub name: &'static str,
    pub func: NativeFn,
    pub kind: MethodKind,
    pub spec: &'static ArgSpec,
    pub doc: Option<&'static str>,
    pub text_signature: Option<&'static str>,
}

/// One parameter.
pub struct Param {
    pub name: &'static str,
    pub required: bool,
}

/// The parameters of a native function.
pub struct ArgSpec {
    /// The function's name in errors.
    pub name: &'static str,
    pub params: &'static [Param],
    /// How many of the positional ones are required.
    pub required: usize,
    /// How many can be given by position.
    pub positional: usize,
    /// How many of those can only be given by position.
    pub posonly: usize,
    /// The function takes the arguments as they are.
    pub raw: bool,
}

/// How CPython would have declared the function, which decides the wording of its errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convention {
    NoArgs,
    One,
    Positional,
    Keywords,
    Raw,
}

impl ArgSpec {
    /// The calling convention.
    pub fn convention(&self) -> Convention {
        match (self.raw, self.params.len(), self.posonly == self.params.len()) {
            (true, _, _) => Convention::Raw,
            (false, 0, _) => Convention::NoArgs,
            (false, 1, true) if self.required == 1 => Convention::One,
            (false, _, true) => Convention::Positional,
            (false, _, false) => Convention::Keywords,
        }
    }

    /// Puts the arguments where the parameters want them.
    #[inline]
    pub fn bind<'a>(&self, vm: &mut Vm, args: Args<'a>, bound: &mut [Option<&'a Value>]) -> PyResult<()> {
        let given = args.values.len();
        if args.kwnames.is_empty() && given >= self.required && given <= self.positional {
            for (slot, value) in bound.iter_mut().zip(args.values) {
                *slot = Some(value);
            }
            return Ok(());
        }
        self.bind_slow(vm, args, bound)
    }

    #[cold]
    fn bind_slow<'a>(&self, vm: &mut Vm, args: Args<'a>, bound: &mut [Option<&'a Value>]) -> PyResult<()> {
        let name = self.name;
        let positional = args.positional();
        if self.convention() != Convention::Keywords {
            self.check_simple(vm, name, args)?;
            return Ok(());
        }
        self.check_counts(vm, positional.len(), args.values.len())?;
        for (slot, value) in bound.iter_mut().zip(positional) {
            *slot = Some(value);
        }
        for (key, value) in args.keywords() {
            let text = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
            let found = self.params.iter().skip(self.posonly).position(|p| p.name == text).map(|i| i + self.posonly);
            let Some(i) = found else {
                let names: Vec<&str> = self.params.iter().skip(self.posonly).map(|p| p.name).collect();
                return Err(unexpected_keyword(vm, name, key, &names));
            };
            if bound[i].is_some() {
                return Err(vm.type_error(format!("argument for {name}() given by name ('{text}') and position ({})", i + 1)));
            }
            bound[i] = Some(value);
        }
        for (i, param) in self.params.iter().enumerate() {
            if param.required && bound[i].is_none() {
                return Err(self.missing(vm, i));
            }
        }
        Ok(())
    }

    /// The errors of functions without keyword parameters; `name` may be qualified.
    pub fn check_simple(&self, vm: &mut Vm, name: &str, args: Args<'_>) -> PyResult<()> {
        args.no_keywords(vm, name)?;
        let given = args.values.len();
        match self.convention() {
            Convention::NoArgs if given != 0 => Err(vm.type_error(format!("{name}() takes no arguments ({given} given)"))),
            Convention::One if given != 1 => Err(vm.type_error(format!("{name}() takes exactly one argument ({given} given)"))),
            Convention::Positional => check_positional(vm, self.name, given, self.required, self.positional),
            Convention::NoArgs | Convention::One | Convention::Keywords | Convention::Raw => Ok(()),
        }
    }

    fn check_counts(&self, vm: &mut Vm, positional: usize, given: usize) -> PyResult<()> {
        let (name, total) = (self.name, self.params.len());
        if given > total {
            let bound = if self.required < total { "at most" } else { "exactly" };
            let keyword = if positional == 0 { "keyword " } else { "" };
            return Err(vm.type_error(format!("{name}() takes {bound} {total} {keyword}argument{} ({given} given)", plural(total))));
        }
        if positional > self.positional {
            if self.positional == 0 {
                return Err(vm.type_error(format!("{name}() takes no positional arguments")));
            }
            let bound = if self.required < total { "at most" } else { "exactly" };
            let n = self.positional;
            return Err(vm.type_error(format!("{name}() takes {bound} {n} positional argument{} ({positional} given)", plural(n))));
        }
        let min = self.posonly.min(self.required);
        if positional < min {
            let bound = if min < self.positional { "at least" } else { "exactly" };
            return Err(vm.type_error(format!("{name}() takes {bound} {min} positional argument{} ({positional} given)", plural(min))));
        }
        Ok(())
    }

    /// The error for parameter `index` not given.
    #[cold]
    pub fn missing(&self, vm: &mut Vm, index: usize) -> Raised {
        let param = self.params.get(index).map_or("", |p| p.name);
        vm.type_error(format!("{}() missing required argument '{param}' (pos {})", self.name, index + 1))
    }
}

/// Which argument is being converted, for errors.
#[derive(Clone, Copy)]
pub struct ArgInfo {
    pub spec: &'static ArgSpec,
    pub index: usize,
}

impl ArgInfo {
    /// "argument", "argument 2" or "argument 'key'", as CPython's Argument Clinic names it.
    pub fn display(&self) -> String {
        match self.spec.convention() {
            Convention::One => "argument".into(),
            _ if self.index < self.spec.posonly => format!("argument {}", self.index + 1),
            _ => format!("argument '{}'", self.spec.params.get(self.index).map_or("", |p| p.name)),
        }
    }

    /// TypeError: "f() argument 'x' must be str, not int".
    #[cold]
    pub fn bad(&self, vm: &mut Vm, expected: &str, got: &Value) -> Raised {
        let got = if got.is_none() { "None".to_owned() } else { got.type_name() };
        vm.type_error(format!("{}() {} must be {expected}, not {got}", self.spec.name, self.display()))
    }
}

/// Rust types that parameters can have.
pub trait FromArg<'a>: Sized {
    fn from_arg(vm: &mut Vm, value: &'a Value, info: ArgInfo) -> PyResult<Self>;
}

impl FromArg<'_> for Value {
    #[inline(always)]
    fn from_arg(_: &mut Vm, value: &Value, _: ArgInfo) -> PyResult<Value> {
        Ok(value.clone())
    }
}

impl<'a> FromArg<'a> for &'a Value {
    #[inline(always)]
    fn from_arg(_: &mut Vm, value: &'a Value, _: ArgInfo) -> PyResult<&'a Value> {
        Ok(value)
    }
}

impl<'a, T: PyClass> FromArg<'a> for &'a Py<T> {
    #[inline]
    fn from_arg(vm: &mut Vm, value: &'a Value, info: ArgInfo) -> PyResult<&'a Py<T>> {
        match value.downcast::<T>() {
            Some(py) => Ok(py),
            None => Err(info.bad(vm, T::NAME, value)),
        }
    }
}

impl<T: PyClass> FromArg<'_> for Py<T> {
    #[inline]
    fn from_arg(vm: &mut Vm, value: &Value, info: ArgInfo) -> PyResult<Py<T>> {
        <&Py<T>>::from_arg(vm, value, info).cloned()
    }
}

/// `None` in Python is `None` here.
impl<'a, T: FromArg<'a>> FromArg<'a> for Option<T> {
    #[inline]
    fn from_arg(vm: &mut Vm, value: &'a Value, info: ArgInfo) -> PyResult<Option<T>> {
        if value.is_none() { Ok(None) } else { T::from_arg(vm, value, info).map(Some) }
    }
}

/// Any object, for its truth.
impl FromArg<'_> for bool {
    fn from_arg(vm: &mut Vm, value: &Value, _: ArgInfo) -> PyResult<bool> {
        vm.is_true(value)
    }
}

macro_rules! int_args {
    ($($t:ty: $c:literal),*) => {$(
        /// Through `__index__`; OverflowError when out of range.
        impl FromArg<'_> for $t {
            #[inline]
            fn from_arg(vm: &mut Vm, value: &Value, _: ArgInfo) -> PyResult<$t> {
                if let Some(i) = value.as_small_int() {
                    #[allow(irrefutable_let_patterns, reason = "i64 is one of the types")]
                    if let Ok(i) = <$t>::try_from(i) {
                        return Ok(i);
                    }
                }
                let index = vm.index(value)?;
                match vm.int_as_i128(&index).and_then(|i| <$t>::try_from(i).ok()) {
                    Some(i) => Ok(i),
                    None if <$t>::MIN == 0 && vm.int_is_negative(&index) => Err(vm.value_error("value must be positive")),
                    None => Err(vm.overflow_error(concat!("Python int too large to convert to C ", $c))),
                }
            }
        }
    )*};
}
int_args!(i32: "int", i64: "long", isize: "ssize_t", u8: "unsigned char", u16: "unsigned short", u32: "unsigned int", u64: "unsigned long", usize: "size_t", i16: "short");

/// Through `__float__` or `__index__`.
impl FromArg<'_> for f64 {
    #[inline]
    fn from_arg(vm: &mut Vm, value: &Value, _: ArgInfo) -> PyResult<f64> {
        vm.as_f64(value)
    }
}

/// A `str` without surrogates.
impl FromArg<'_> for String {
    fn from_arg(vm: &mut Vm, value: &Value, info: ArgInfo) -> PyResult<String> {
        match value.downcast::<Str>() {
            Some(s) => s.to_utf8(vm),
            None => Err(info.bad(vm, "str", value)),
        }
    }
}

/// Rust types that results can have.
pub trait ToPy {
    fn to_py(self, vm: &mut Vm) -> PyResult;
}

impl ToPy for Value {
    #[inline(always)]
    fn to_py(self, _: &mut Vm) -> PyResult {
        Ok(self)
    }
}

impl<T: PyClass> ToPy for Py<T> {
    #[inline(always)]
    fn to_py(self, _: &mut Vm) -> PyResult {
        Ok(self.into_value())
    }
}

impl ToPy for () {
    #[inline(always)]
    fn to_py(self, _: &mut Vm) -> PyResult {
        Ok(Value::none())
    }
}

impl ToPy for bool {
    #[inline(always)]
    fn to_py(self, _: &mut Vm) -> PyResult {
        Ok(Value::from_bool(self))
    }
}

impl ToPy for f64 {
    #[inline(always)]
    fn to_py(self, vm: &mut Vm) -> PyResult {
        vm.new_float(self)
    }
}

macro_rules! int_results {
    ($($t:ty),*) => {$(
        impl ToPy for $t {
            #[inline(always)]
            fn to_py(self, vm: &mut Vm) -> PyResult {
                vm.new_int(self)
            }
        }
    )*};
}
int_results!(i8, u8, i16, u16, i32, u32, i64, u64, isize, usize, i128, u128);

impl ToPy for num_bigint::BigInt {
    fn to_py(self, vm: &mut Vm) -> PyResult {
        vm.new_bigint(self)
    }
}

impl ToPy for &str {
    fn to_py(self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_str(self)?.into_value())
    }
}

impl ToPy for String {
    fn to_py(self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_str(&self)?.into_value())
    }
}

impl<T: ToPy> ToPy for Option<T> {
    #[inline]
    fn to_py(self, vm: &mut Vm) -> PyResult {
        match self {
            Some(x) => x.to_py(vm),
            None => Ok(Value::none()),
        }
    }
}

/// What a native function may return: a result, or a plain value.
pub trait IntoPyResult {
    fn into_py_result(self, vm: &mut Vm) -> PyResult;
}

impl<T: ToPy> IntoPyResult for T {
    #[inline(always)]
    fn into_py_result(self, vm: &mut Vm) -> PyResult {
        self.to_py(vm)
    }
}

impl<T: ToPy> IntoPyResult for PyResult<T> {
    #[inline(always)]
    fn into_py_result(self, vm: &mut Vm) -> PyResult {
        self?.to_py(vm)
    }
}

/// What `__init__` may return.
#[inline(always)]
pub fn unit_result(result: PyResult<()>, _: &mut Vm) -> PyResult<()> {
    result
}
