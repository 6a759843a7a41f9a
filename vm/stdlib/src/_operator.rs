//! `_operator`: operators as functions.

use krait_bytecode::opcode::BinaryOp;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::Int;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, Py, PyResult, Value, Vm, module, pyclass, pyfunction, pymethods};
use krait_unicode::TextBuf;

macro_rules! binary {
    ($($(#[doc = $doc:tt])* $name:ident $python:tt $op:ident;)*) => {$(
        $(#[doc = $doc])*
        #[pyfunction(name = $python, sig = "(a, b, /)")]
        fn $name(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
            vm.binary_op(BinaryOp::$op, a, b)
        }
    )*};
}

binary! {
    #[doc = " Same as a + b."]
    add "add" NB_ADD;
    #[doc = " Same as a - b."]
    sub "sub" NB_SUBTRACT;
    #[doc = " Same as a * b."]
    mul "mul" NB_MULTIPLY;
    #[doc = " Same as a @ b."]
    matmul "matmul" NB_MATRIX_MULTIPLY;
    #[doc = " Same as a // b."]
    floordiv "floordiv" NB_FLOOR_DIVIDE;
    #[doc = " Same as a / b."]
    truediv "truediv" NB_TRUE_DIVIDE;
    #[doc = " Same as a % b."]
    modulo "mod" NB_REMAINDER;
    #[doc = " Same as a << b."]
    lshift "lshift" NB_LSHIFT;
    #[doc = " Same as a >> b."]
    rshift "rshift" NB_RSHIFT;
    #[doc = " Same as a & b."]
    and_ "and_" NB_AND;
    #[doc = " Same as a ^ b."]
    xor "xor" NB_XOR;
    #[doc = " Same as a | b."]
    or_ "or_" NB_OR;
    #[doc = " Same as a ** b."]
    pow "pow" NB_POWER;
    #[doc = " Same as a += b."]
    iadd "iadd" NB_INPLACE_ADD;
    #[doc = " Same as a -= b."]
    isub "isub" NB_INPLACE_SUBTRACT;
    #[doc = " Same as a *= b."]
    imul "imul" NB_INPLACE_MULTIPLY;
    #[doc = " Same as a @= b."]
    imatmul "imatmul" NB_INPLACE_MATRIX_MULTIPLY;
    #[doc = " Same as a //= b."]
    ifloordiv "ifloordiv" NB_INPLACE_FLOOR_DIVIDE;
    #[doc = " Same as a /= b."]
    itruediv "itruediv" NB_INPLACE_TRUE_DIVIDE;
    #[doc = " Same as a %= b."]
    imod "imod" NB_INPLACE_REMAINDER;
    #[doc = " Same as a <<= b."]
    ilshift "ilshift" NB_INPLACE_LSHIFT;
    #[doc = " Same as a >>= b."]
    irshift "irshift" NB_INPLACE_RSHIFT;
    #[doc = " Same as a &= b."]
    iand "iand" NB_INPLACE_AND;
    #[doc = " Same as a ^= b."]
    ixor "ixor" NB_INPLACE_XOR;
    #[doc = " Same as a |= b."]
    ior "ior" NB_INPLACE_OR;
    #[doc = " Same as a **= b."]
    ipow "ipow" NB_INPLACE_POWER;
}

macro_rules! comparison {
    ($($(#[doc = $doc:tt])* $name:ident $op:ident;)*) => {$(
        $(#[doc = $doc])*
        #[pyfunction(sig = "(a, b, /)")]
        fn $name(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
            vm.rich_compare(a, b, CompareOp::$op)
        }
    )*};
}

comparison! {
    #[doc = " Same as a < b."]
    lt Lt;
    #[doc = " Same as a <= b."]
    le Le;
    #[doc = " Same as a == b."]
    eq Eq;
    #[doc = " Same as a != b."]
    ne Ne;
    #[doc = " Same as a > b."]
    gt Gt;
    #[doc = " Same as a >= b."]
    ge Ge;
}

macro_rules! unary {
    ($($(#[doc = $doc:tt])* $name:ident $method:ident;)*) => {$(
        $(#[doc = $doc])*
        #[pyfunction(sig = "(a, /)")]
        fn $name(a: &Value, vm: &mut Vm) -> PyResult {
            vm.$method(a)
        }
    )*};
}

unary! {
    #[doc = " Same as abs(a)."]
    abs absolute;
    #[doc = " Same as -a."]
    neg negative;
    #[doc = " Same as +a."]
    pos positive;
    #[doc = " Same as ~a."]
    inv invert;
    #[doc = " Same as ~a."]
    invert invert;
}

/// Same as a.__index__()
#[pyfunction(sig = "(a, /)")]
fn index(a: &Value, vm: &mut Vm) -> PyResult {
    let index = vm.index(a)?;
    if index.is_exact::<Int>() {
        return Ok(index);
    }
    let big = krait_runtime::types::int::IntRef::new(&index).map(|i| i.to_big().into_owned()).unwrap_or_default();
    vm.new_bigint(big)
}

/// Return True if a is true, False otherwise.
#[pyfunction(sig = "(a, /)")]
fn truth(a: &Value, vm: &mut Vm) -> PyResult<bool> {
    vm.is_true(a)
}

/// Same as not a.
#[pyfunction(name = "not_", sig = "(a, /)")]
fn not_(a: &Value, vm: &mut Vm) -> PyResult<bool> {
    Ok(!vm.is_true(a)?)
}

/// Same as a is b.
#[pyfunction(name = "is_", sig = "(a, b, /)")]
fn is_(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<bool> {
    Ok(a.is_identical(b, vm))
}

/// Same as a is not b.
#[pyfunction(sig = "(a, b, /)")]
fn is_not(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<bool> {
    Ok(!a.is_identical(b, vm))
}

/// Same as a is None.
#[pyfunction(sig = "(a, /)")]
fn is_none(a: &Value) -> bool {
    a.is_none()
}

/// Same as a is not None.
#[pyfunction(sig = "(a, /)")]
fn is_not_none(a: &Value) -> bool {
    !a.is_none()
}

/// Same as a + b, for a and b sequences.
#[pyfunction(sig = "(a, b, /)")]
fn concat(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
    vm.sequence_concat(a, b)
}

/// Same as a += b, for a and b sequences.
#[pyfunction(sig = "(a, b, /)")]
fn iconcat(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
    vm.sequence_inplace_concat(a, b)
}

/// Same as b in a (note reversed operands).
#[pyfunction(sig = "(a, b, /)")]
fn contains(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<bool> {
    vm.contains(a, b)
}

/// Return the number of items in a which are, or which equal, b.
#[pyfunction(name = "countOf", sig = "(a, b, /)")]
fn count_of(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<usize> {
    vm.sequence_count(a, b)
}

/// Return the first index of b in a.
#[pyfunction(name = "indexOf", sig = "(a, b, /)")]
fn index_of(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<usize> {
    vm.sequence_index_of(a, b)
}

/// Same as a[b].
#[pyfunction(sig = "(a, b, /)")]
fn getitem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
    vm.getitem(a, b)
}

/// Same as a[b] = c.
#[pyfunction(sig = "(a, b, c, /)")]
fn setitem(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult<()> {
    vm.setitem(a, b, c)
}

/// Same as del a[b].
#[pyfunction(sig = "(a, b, /)")]
fn delitem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<()> {
    vm.delitem(a, b)
}

/// Return an estimate of the number of items in obj.
///
/// The estimate may be wrong in either direction; default is returned if nothing is known.
#[pyfunction(sig = "(obj, default=0, /)")]
fn length_hint(obj: &Value, default: isize, vm: &mut Vm) -> PyResult<isize> {
    let hint = vm.length_hint(obj, usize::MAX)?;
    Ok(if hint == usize::MAX { default } else { hint as isize })
}

/// Same as obj(*args, **kwargs).
#[pyfunction(text = "(obj, /, *args, **kwargs)")]
fn call(args: Args<'_>, vm: &mut Vm) -> PyResult {
    match args.split_first() {
        Some((obj, rest)) => vm.call_args(obj, rest),
        None => Err(vm.type_error("call expected at least 1 argument, got 0")),
    }
}

/// Return 'a == b' in a time that depends only on the length, so that secrets can be compared.
///
/// Both have to be bytes-like, or str of ASCII characters.
#[pyfunction(sig = "(a, b, /)")]
fn _compare_digest(a: &Value, b: &Value, vm: &mut Vm) -> PyResult<bool> {
    let same = |x: &[u8], y: &[u8]| x.len() == y.len() && x.iter().zip(y).fold(0u8, |acc, (p, q)| acc | (p ^ q)) == 0;
    if let (Some(x), Some(y)) = (a.downcast::<Str>(), b.downcast::<Str>()) {
        return match (x.as_ascii(), y.as_ascii()) {
            (Some(x), Some(y)) => Ok(same(x.as_bytes(), y.as_bytes())),
            _ => Err(vm.type_error("comparing strings with non-ASCII characters is not supported")),
        };
    }
    let has_buffer = |v: &Value| v.ty().slots.buffer.get().is_some();
    if !has_buffer(a) && !has_buffer(b) {
        let (x, y) = (a.type_name(), b.type_name());
        return Err(vm.type_error(format!("unsupported operand types(s) or combination of types: '{x}' and '{y}'")));
    }
    let x = vm.buffer(a, krait_runtime::protocol::buffer::flags::SIMPLE)?;
    let y = match vm.buffer(b, krait_runtime::protocol::buffer::flags::SIMPLE) {
        Ok(y) => y,
        Err(e) => {
            x.release(vm);
            return Err(e);
        }
    };
    let result = same(x.memory(vm), y.memory(vm));
    x.release(vm);
    y.release(vm);
    Ok(result)
}

/// Appends the repr of an object.
fn push_repr(vm: &mut Vm, text: &mut TextBuf, value: &Value) -> PyResult<()> {
    let repr = vm.repr(value)?;
    text.push_text(&repr.to_text());
    Ok(())
}

/// `operator.attrgetter('a', 'b.c')`, with the arguments comma-separated.
fn repr_call(vm: &mut Vm, object: &Value, write: impl FnOnce(&mut Vm, &mut TextBuf) -> PyResult<()>) -> PyResult<Py<Str>> {
    let name = object.ty().tp_name();
    if vm.repr_enter(object) {
        return vm.new_str(&format!("{name}(...)"));
    }
    let mut text = TextBuf::from(format!("{name}("));
    let result = write(vm, &mut text);
    vm.repr_leave(object);
    result?;
    text.push_str(")");
    vm.new_str_text(&text)
}

fn push_list(vm: &mut Vm, text: &mut TextBuf, items: &[Value]) -> PyResult<()> {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        push_repr(vm, text, item)?;
    }
    Ok(())
}

/// Return a callable object that fetches the given attribute(s) from its operand.
///
/// After f = attrgetter('name'), the call f(r) returns r.name.
/// After g = attrgetter('name', 'date'), the call g(r) returns (r.name, r.date).
/// After h = attrgetter('name.first', 'name.last'), the call h(r) returns (r.name.first, r.name.last).
#[pyclass(module = "operator", name = "attrgetter", gc, text_signature = "(attr, /, *attrs)")]
struct AttrGetter {
    names: Vec<Value>,
    /// The names split at their dots.
    #[traverse(skip)]
    paths: Vec<Vec<Py<Str>>>,
}

#[pymethods]
impl AttrGetter {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<AttrGetter>> {
        args.no_keywords(vm, "attrgetter")?;
        if args.positional().is_empty() {
            return Err(vm.type_error("attrgetter expected 1 argument, got 0"));
        }
        let mut paths = Vec::new();
        for name in args.positional() {
            let Some(name) = name.downcast::<Str>() else { return Err(vm.type_error("attribute name must be a string")) };
            let chars: Vec<u32> = name.chars().collect();
            let mut path = Vec::new();
            for part in chars.split(|&c| c == u32::from(b'.')) {
                let part = vm.new_str_ucs4(part)?;
                path.push(vm.intern_object(&part));
            }
            paths.push(path);
        }
        vm.new_instance(cls, AttrGetter { names: args.positional().to_vec(), paths })
    }

    #[getter(name = "__text_signature__")]
    fn signature(&self) -> &'static str {
        "(obj, /)"
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "attrgetter")?;
        krait_runtime::args::check_positional(vm, "attrgetter", args.positional().len(), 1, 1)?;
        let Some(object) = args.positional().first() else { return Ok(Value::none()) };
        let mut out = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let mut value = object.clone();
            for name in path {
                value = vm.getattr(&value, name)?;
            }
            out.push(value);
        }
        match out.pop() {
            Some(only) if out.is_empty() => Ok(only),
            last => {
                out.extend(last);
                Ok(vm.new_tuple(out)?.into_value())
            }
        }
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<AttrGetter>, vm: &mut Vm) -> PyResult<Py<Str>> {
        repr_call(vm, zelf.as_value(), |vm, text| push_list(vm, text, &zelf.names))
    }

    /// Return state information for pickling
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<AttrGetter>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = vm.new_tuple_from(&zelf.names)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }
}

/// Return a callable object that fetches the given item(s) from its operand.
///
/// After f = itemgetter(2), the call f(r) returns r[2].
/// After g = itemgetter(2, 5, 3), the call g(r) returns (r[2], r[5], r[3])
#[pyclass(module = "operator", name = "itemgetter", gc, text_signature = "(item, /, *items)")]
struct ItemGetter {
    items: Vec<Value>,
}

#[pymethods]
impl ItemGetter {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<ItemGetter>> {
        args.no_keywords(vm, "itemgetter")?;
        if args.positional().is_empty() {
            return Err(vm.type_error("itemgetter expected 1 argument, got 0"));
        }
        vm.new_instance(cls, ItemGetter { items: args.positional().to_vec() })
    }

    #[getter(name = "__text_signature__")]
    fn signature(&self) -> &'static str {
        "(obj, /)"
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "itemgetter")?;
        krait_runtime::args::check_positional(vm, "itemgetter", args.positional().len(), 1, 1)?;
        let Some(object) = args.positional().first() else { return Ok(Value::none()) };
        if let [item] = self.items.as_slice() {
            return vm.getitem(object, item);
        }
        let mut out = Vec::with_capacity(self.items.len());
        for item in &self.items {
            out.push(vm.getitem(object, item)?);
        }
        Ok(vm.new_tuple(out)?.into_value())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<ItemGetter>, vm: &mut Vm) -> PyResult<Py<Str>> {
        repr_call(vm, zelf.as_value(), |vm, text| push_list(vm, text, &zelf.items))
    }

    /// Return state information for pickling
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<ItemGetter>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let args = vm.new_tuple_from(&zelf.items)?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }
}

/// Return a callable object that calls the given method on its operand.
///
/// After f = methodcaller('name'), the call f(r) returns r.name().
/// After g = methodcaller('name', 'date', foo=1), the call g(r) returns r.name('date', foo=1).
#[pyclass(module = "operator", name = "methodcaller", gc, text_signature = "(name, /, *args, **kwargs)")]
struct MethodCaller {
    name: Py<Str>,
    /// Positional values, then those of the keywords.
    values: Vec<Value>,
    kwnames: Vec<Value>,
}

impl MethodCaller {
    fn args(&self) -> Args<'_> {
        Args::with_keywords(&self.values, &self.kwnames)
    }
}

#[pymethods]
impl MethodCaller {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<MethodCaller>> {
        let Some((name, rest)) = args.split_first() else {
            return Err(vm.type_error("methodcaller needs at least one argument, the method name"));
        };
        let Some(name) = name.downcast::<Str>() else { return Err(vm.type_error("method name must be a string")) };
        let name = vm.intern_object(name);
        vm.new_instance(cls, MethodCaller { name, values: rest.values().to_vec(), kwnames: rest.kwnames().to_vec() })
    }

    #[getter(name = "__text_signature__")]
    fn signature(&self) -> &'static str {
        "(obj, /)"
    }

    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        args.no_keywords(vm, "methodcaller")?;
        krait_runtime::args::check_positional(vm, "methodcaller", args.positional().len(), 1, 1)?;
        let Some(object) = args.positional().first() else { return Ok(Value::none()) };
        let method = vm.getattr(object, &self.name)?;
        vm.call_args(&method, self.args())
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<MethodCaller>, vm: &mut Vm) -> PyResult<Py<Str>> {
        repr_call(vm, zelf.as_value(), |vm, text| {
            push_repr(vm, text, zelf.name.as_value())?;
            for value in zelf.args().positional() {
                text.push_str(", ");
                push_repr(vm, text, value)?;
            }
            for (key, value) in zelf.args().keywords() {
                text.push_str(", ");
                if let Some(key) = key.downcast::<Str>() {
                    text.push_text(&key.to_text());
                }
                text.push_str("=");
                push_repr(vm, text, value)?;
            }
            Ok(())
        })
    }

    /// Return state information for pickling
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<MethodCaller>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let ty = zelf.as_value().ty().to_value();
        let positional = zelf.args().positional();
        if zelf.kwnames.is_empty() {
            let args = std::iter::once(zelf.name.to_value()).chain(positional.iter().cloned()).collect::<Vec<_>>();
            let args = vm.new_tuple(args)?.into_value();
            return vm.new_tuple([ty, args]);
        }
        let import = vm.intern("__import__");
        let import = vm.builtin(&import)?;
        let functools = vm.new_str("functools")?.into_value();
        let functools = vm.call(&import, &[functools])?;
        let partial = vm.getattr_str(&functools, "partial")?;
        let kwargs: Py<Dict> = vm.new_dict()?;
        for (key, value) in zelf.args().keywords() {
            kwargs.set(vm, key, value.clone())?;
        }
        let head = vm.new_tuple([ty, zelf.name.to_value()])?;
        let constructor = vm.call_tuple_dict(&partial, &head, Some(&kwargs))?;
        let args = vm.new_tuple_from(positional)?.into_value();
        vm.new_tuple([constructor, args])
    }
}

module! {
    "_operator",
    doc: "Operator interface.\n\nThis module exports a set of functions implemented natively that correspond to the operators of Python.",
    functions: [
        add, sub, mul, matmul, floordiv, truediv, modulo, lshift, rshift, and_, xor, or_, pow, iadd, isub, imul, imatmul, ifloordiv, itruediv,
        imod, ilshift, irshift, iand, ixor, ior, ipow, lt, le, eq, ne, gt, ge, abs, neg, pos, inv, invert, index, truth, not_, is_, is_not,
        is_none, is_not_none, concat, iconcat, contains, count_of, index_of, getitem, setitem, delitem, length_hint, call, _compare_digest
    ],
    types: [AttrGetter, ItemGetter, MethodCaller],
}
