//! `_csv.Dialect`: how fields are separated and quoted.

use super::{QUOTE_MINIMAL, QUOTE_NONE, QUOTE_NOTNULL, find_dialect};
use krait_runtime::args::{ArgSpec, Param};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};

/// CSV dialect
///
/// The Dialect type records CSV dialect options.
#[pyclass(name = "Dialect", module = "_csv", flags(BASETYPE), gc)]
pub struct Dialect {
    pub delimiter: u32,
    pub doublequote: bool,
    #[traverse(skip)]
    pub escapechar: Option<u32>,
    pub lineterminator: Py<Str>,
    #[traverse(skip)]
    pub quotechar: Option<u32>,
    pub quoting: i32,
    pub skipinitialspace: bool,
    pub strict: bool,
}

const NAMES: [&str; 9] =
    ["dialect", "delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace", "strict"];

static SPEC: ArgSpec = ArgSpec {
    name: "",
    params: &[
        Param { name: "dialect", required: false },
        Param { name: "delimiter", required: false },
        Param { name: "doublequote", required: false },
        Param { name: "escapechar", required: false },
        Param { name: "lineterminator", required: false },
        Param { name: "quotechar", required: false },
        Param { name: "quoting", required: false },
        Param { name: "skipinitialspace", required: false },
        Param { name: "strict", required: false },
    ],
    required: 0,
    positional: 9,
    posonly: 0,
    raw: false,
};

fn single(vm: &mut Vm, name: &str, value: &Value, or_none: &str) -> PyResult<u32> {
    let Some(s) = value.downcast::<Str>() else {
        let got = value.type_name();
        return Err(vm.type_error(format!("\"{name}\" must be a unicode character{or_none}, not {got}")));
    };
    match (s.len(), s.data().get(0)) {
        (1, Some(c)) => Ok(c),
        (n, _) => Err(vm.type_error(format!("\"{name}\" must be a unicode character{or_none}, not a string of length {n}"))),
    }
}

fn char_or_none(vm: &mut Vm, name: &str, value: Option<&Value>, default: Option<u32>) -> PyResult<Option<u32>> {
    match value {
        None => Ok(default),
        Some(value) if value.is_none() => Ok(None),
        Some(value) => single(vm, name, value, " or None").map(Some),
    }
}

fn flag(vm: &mut Vm, value: Option<&Value>, default: bool) -> PyResult<bool> {
    value.map_or(Ok(default), |v| vm.is_true(v))
}

/// `Dialect(...)`; an exact dialect without changes is taken as it is.
pub fn make(vm: &mut Vm, args: Args<'_>) -> PyResult<Py<Dialect>> {
    let mut bound = [None; 9];
    SPEC.bind(vm, args, &mut bound)?;
    let mut given: Vec<Option<Value>> = bound.iter().map(|b| b.cloned()).collect();
    let mut base = given.first().cloned().flatten().filter(|b| !b.is_none());
    if let Some(name) = base.as_ref().filter(|b| b.is::<Str>()) {
        base = Some(find_dialect(vm, name)?);
    }
    if let Some(base) = &base {
        if let (Some(same), true) = (base.downcast_exact::<Dialect>(), given.iter().skip(1).all(Option::is_none)) {
            return Ok(same.clone());
        }
        for (slot, name) in given.iter_mut().zip(NAMES).skip(1) {
            if slot.is_none() {
                let name = vm.intern(name);
                *slot = vm.getattr_opt(base, &name)?;
            }
        }
    }
    build(vm, &given)
}

fn build(vm: &mut Vm, given: &[Option<Value>]) -> PyResult<Py<Dialect>> {
    let at = |i: usize| given.get(i).and_then(Option::as_ref);
    let delimiter = match at(1) {
        Some(value) => single(vm, "delimiter", value, "")?,
        None => 44,
    };
    let doublequote = flag(vm, at(2), true)?;
    let escapechar = char_or_none(vm, "escapechar", at(3), None)?;
    let lineterminator = match at(4) {
        None => vm.new_str("\r\n")?,
        Some(value) => match value.downcast::<Str>() {
            Some(s) => s.clone(),
            None => {
                let got = value.type_name();
                return Err(vm.type_error(format!("\"lineterminator\" must be a string, not {got}")));
            }
        },
    };
    let quotechar = char_or_none(vm, "quotechar", at(5), Some(34))?;
    let mut quoting = match at(6) {
        None => QUOTE_MINIMAL,
        Some(value) => match IntRef::new(value).filter(|_| !value.is_true() && !value.is_false()) {
            Some(i) => i.to_i64().and_then(|i| i32::try_from(i).ok()).unwrap_or(-1),
            None => {
                let got = value.type_name();
                return Err(vm.type_error(format!("\"quoting\" must be an integer, not {got}")));
            }
        },
    };
    let skipinitialspace = flag(vm, at(7), false)?;
    let strict = flag(vm, at(8), false)?;
    if !(QUOTE_MINIMAL..=QUOTE_NOTNULL).contains(&quoting) {
        return Err(vm.type_error("bad \"quoting\" value"));
    }
    if at(5).is_some_and(Value::is_none) && at(6).is_none() {
        quoting = QUOTE_NONE;
    }
    if quoting != QUOTE_NONE && quotechar.is_none() {
        return Err(vm.type_error("quotechar must be set if quoting enabled"));
    }
    let dialect = Dialect { delimiter, doublequote, escapechar, lineterminator, quotechar, quoting, skipinitialspace, strict };
    check(vm, &dialect)?;
    vm.new_object(dialect)
}

fn check(vm: &mut Vm, d: &Dialect) -> PyResult<()> {
    let bad = |vm: &mut Vm, what: &str| -> Raised { vm.value_error(format!("bad {what} value")) };
    let chars = [("delimiter", Some(d.delimiter), true), ("escapechar", d.escapechar, !d.skipinitialspace), ("quotechar", d.quotechar, !d.skipinitialspace)];
    for (name, c, allow_space) in chars {
        let Some(c) = c else { continue };
        if c == 13 || c == 10 || (c == 32 && !allow_space) {
            return Err(bad(vm, name));
        }
        if d.lineterminator.chars().any(|x| x == c) {
            return Err(bad(vm, &format!("{name} or lineterminator")));
        }
    }
    let pairs = [
        ("delimiter or escapechar", Some(d.delimiter), d.escapechar),
        ("delimiter or quotechar", Some(d.delimiter), d.quotechar),
        ("escapechar or quotechar", d.escapechar, d.quotechar),
    ];
    for (names, a, b) in pairs {
        if a.is_some() && a == b {
            return Err(bad(vm, names));
        }
    }
    Ok(())
}

#[pymethods]
impl Dialect {
    #[new]
    #[allow(clippy::new_ret_no_self)]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Dialect>> {
        let made = make(vm, args)?;
        if made.as_value().ty().is(cls) {
            return Ok(made);
        }
        let d: &Dialect = &made;
        let copy = Dialect { lineterminator: d.lineterminator.clone(), ..*d };
        vm.new_instance(cls, copy)
    }

    /// What separates fields.
    #[getter]
    fn delimiter(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        vm.new_char(self.delimiter)
    }

    /// Whether quotes in quoted fields are doubled.
    #[getter]
    fn doublequote(&self) -> bool {
        self.doublequote
    }

    /// What takes away the meaning of the character behind it.
    #[getter]
    fn escapechar(&self, vm: &mut Vm) -> PyResult {
        self.escapechar.map_or(Ok(Value::none()), |c| Ok(vm.new_char(c)?.into_value()))
    }

    /// What ends a record that is written.
    #[getter]
    fn lineterminator(&self) -> Py<Str> {
        self.lineterminator.clone()
    }

    /// What stands around quoted fields.
    #[getter]
    fn quotechar(&self, vm: &mut Vm) -> PyResult {
        self.quotechar.map_or(Ok(Value::none()), |c| Ok(vm.new_char(c)?.into_value()))
    }

    /// When fields are quoted.
    #[getter]
    fn quoting(&self) -> i32 {
        self.quoting
    }

    /// Whether blanks behind a delimiter are ignored.
    #[getter]
    fn skipinitialspace(&self) -> bool {
        self.skipinitialspace
    }

    /// Whether bad input is an error.
    #[getter]
    fn strict(&self) -> bool {
        self.strict
    }

    /// Dialects cannot be pickled.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Dialect>, vm: &mut Vm) -> PyResult {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("cannot pickle '{name}' instances")))
    }

    /// Dialects cannot be pickled.
    #[method(name = "__reduce_ex__")]
    fn reduce_ex(zelf: &Py<Dialect>, proto: &Value, vm: &mut Vm) -> PyResult {
        let _ = proto;
        Dialect::reduce(zelf, vm)
    }
}
