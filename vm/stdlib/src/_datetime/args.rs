//! Arguments of the functions that CPython's `_datetime` declares by format strings, whose errors are worded differently from those of functions
//! with declared parameters.

use krait_runtime::args::unexpected_keyword;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm};

/// A function's parameters.
pub struct Params<const N: usize> {
    /// Empty for constructors, whose errors do not name them.
    pub function: &'static str,
    pub names: [&'static str; N],
    /// How many are required.
    pub required: usize,
    /// How many can be given by position.
    pub positional: usize,
    /// How many of the first ones are C ints; those in front of a missing one are looked at first.
    pub ints: usize,
}

impl<const N: usize> Params<N> {
    /// The arguments in the order of the parameters.
    #[inline]
    pub fn bind<'a>(&self, vm: &mut Vm, args: Args<'a>) -> PyResult<[Option<&'a Value>; N]> {
        let given = args.values().len();
        if args.has_keywords() || given < self.required || given > self.positional {
            return self.bind_slow(vm, args);
        }
        let mut bound = [None; N];
        for (slot, value) in bound.iter_mut().zip(args.values()) {
            *slot = Some(value);
        }
        Ok(bound)
    }

    fn title(&self) -> String {
        if self.function.is_empty() { "function".to_owned() } else { format!("{}()", self.function) }
    }

    #[cold]
    fn bind_slow<'a>(&self, vm: &mut Vm, args: Args<'a>) -> PyResult<[Option<&'a Value>; N]> {
        let (title, given, positional) = (self.title(), args.values().len(), args.positional());
        if given > N {
            let kind = if positional.is_empty() { "keyword " } else { "" };
            let s = if N == 1 { "" } else { "s" };
            return Err(vm.type_error(format!("{title} takes at most {N} {kind}argument{s} ({given} given)")));
        }
        if positional.len() > self.positional {
            let (most, got) = (self.positional, positional.len());
            return Err(vm.type_error(format!("{title} takes at most {most} positional arguments ({got} given)")));
        }
        let mut bound = [None; N];
        for (slot, value) in bound.iter_mut().zip(positional) {
            *slot = Some(value);
        }
        let mut unknown = None;
        for (key, value) in args.keywords() {
            let name = key.downcast::<Str>().map(|s| s.to_string_lossy()).unwrap_or_default();
            match self.names.iter().position(|n| *n == name) {
                Some(i) if bound[i].is_some() => {
                    return Err(vm.type_error(format!("argument for {title} given by name ('{name}') and position ({})", i + 1)));
                }
                Some(i) => bound[i] = Some(value),
                None => unknown = unknown.or(Some(key)),
            }
        }
        if let Some(i) = bound.iter().take(self.required).position(Option::is_none) {
            for value in bound.iter().take(i.min(self.ints)).flatten() {
                int(vm, value)?;
            }
            let name = self.names[i];
            return Err(vm.type_error(format!("{title} missing required argument '{name}' (pos {})", i + 1)));
        }
        match unknown {
            None => Ok(bound),
            Some(key) => Err(unexpected_keyword(vm, self.function, key, &self.names)),
        }
    }

    /// TypeError about the type of the argument at `index`.
    #[cold]
    pub fn wrong(&self, vm: &mut Vm, index: usize, expected: &str, got: &Value) -> Raised {
        wrong_type(vm, self.function, index, expected, got)
    }

    /// A `str` at `index`.
    pub fn text<'a>(&self, vm: &mut Vm, index: usize, value: &'a Value) -> PyResult<&'a Py<Str>> {
        match value.downcast::<Str>() {
            Some(s) => Ok(s),
            None => Err(self.wrong(vm, index, "str", value)),
        }
    }
}

fn wrong_type(vm: &mut Vm, function: &str, index: usize, expected: &str, got: &Value) -> Raised {
    let got = if got.is_none() { "None".to_owned() } else { got.type_name() };
    vm.type_error(format!("{function}() argument {} must be {expected}, not {got}", index + 1))
}

/// The `N` positional arguments of a function without keywords.
pub fn exactly<'a, const N: usize>(vm: &mut Vm, function: &str, args: Args<'a>) -> PyResult<&'a [Value; N]> {
    args.no_keywords(vm, function)?;
    match <&[Value; N]>::try_from(args.positional()) {
        Ok(values) => Ok(values),
        Err(_) => {
            let given = args.positional().len();
            let s = if N == 1 { "" } else { "s" };
            Err(vm.type_error(format!("{function}() takes exactly {N} argument{s} ({given} given)")))
        }
    }
}

/// A `str` among positional arguments.
pub fn text_at<'a>(vm: &mut Vm, function: &str, index: usize, value: &'a Value) -> PyResult<&'a Py<Str>> {
    match value.downcast::<Str>() {
        Some(s) => Ok(s),
        None => Err(wrong_type(vm, function, index, "str", value)),
    }
}

/// A C int.
#[inline]
pub fn int(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    match value.as_small_int().map(i32::try_from) {
        Some(Ok(i)) => Ok(i),
        _ => int_slow(vm, value),
    }
}

#[cold]
fn int_slow(vm: &mut Vm, value: &Value) -> PyResult<i32> {
    let index = vm.index(value)?;
    let Some(long) = IntRef::new(&index).and_then(|i| i.to_i64()) else {
        return Err(vm.overflow_error("Python int too large to convert to C long"));
    };
    match i32::try_from(long) {
        Ok(i) => Ok(i),
        Err(_) if long < 0 => Err(vm.overflow_error("signed integer is less than minimum")),
        Err(_) => Err(vm.overflow_error("signed integer is greater than maximum")),
    }
}

/// An optional C int.
#[inline]
pub fn int_or(vm: &mut Vm, value: Option<&Value>, default: i32) -> PyResult<i32> {
    match value {
        Some(value) => int(vm, value),
        None => Ok(default),
    }
}
