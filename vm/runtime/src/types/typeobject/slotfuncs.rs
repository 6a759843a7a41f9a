//! The generic slot functions: what a slot of a class holds when the class, or one of its bases, defines the dunder in Python. Each
//! looks the dunder up on the type and calls it.

use crate::args::Args;
use crate::protocol::buffer::Buffer;
use crate::types::class::flags;
use crate::types::exceptions::{AttributeError, StopIteration};
use crate::types::int::IntRef;
use crate::types::slots::*;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::typeobject::slotdefs::SlotFn;
use crate::types::typeobject::wrapper::WrapperDescr;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use num_traits::ToPrimitive;

/// Calls the dunder `name` of `zelf` with up to two arguments; none if the type has none.
#[inline]
pub fn call_dunder(vm: &mut Vm, zelf: &Value, name: &Py<Str>, args: &[Value]) -> PyResult<Option<Value>> {
    let Some(method) = zelf.type_ref().lookup(vm, name) else { return Ok(None) };
    call_found(vm, zelf, &method, args).map(Some)
}

/// Calls what was found on the type of `zelf` as a method of it, without binding where that is the same.
#[inline]
pub fn call_found(vm: &mut Vm, zelf: &Value, method: &Value, args: &[Value]) -> PyResult {
    if method.type_flag(flags::METHOD_DESCRIPTOR) {
        return match args {
            [] => vm.call(method, std::slice::from_ref(zelf)),
            [a] => vm.call(method, &[zelf.clone(), a.clone()]),
            [a, b] => vm.call(method, &[zelf.clone(), a.clone(), b.clone()]),
            _ => {
                let mut all = Vec::with_capacity(args.len() + 1);
                all.push(zelf.clone());
                all.extend_from_slice(args);
                vm.call(method, &all)
            }
        };
    }
    match method.type_ref().slots.descr_get.get() {
        Some(get) => {
            let ty = zelf.ty().clone();
            let bound = get(vm, method, Some(zelf), Some(ty.as_value()))?;
            vm.call(&bound, args)
        }
        None => vm.call(method, args),
    }
}

/// [`call_found`] with whatever arguments.
fn call_found_args(vm: &mut Vm, zelf: &Value, method: &Value, args: Args<'_>) -> PyResult {
    if method.type_flag(flags::METHOD_DESCRIPTOR) {
        let all = prepend(zelf, args);
        return vm.call_args(method, Args::with_keywords(&all, args.kwnames()));
    }
    match method.type_ref().slots.descr_get.get() {
        Some(get) => {
            let ty = zelf.ty().clone();
            let bound = get(vm, method, Some(zelf), Some(ty.as_value()))?;
            vm.call_args(&bound, args)
        }
        None => vm.call_args(method, args),
    }
}

/// The values of a call with one more in front.
pub fn prepend(first: &Value, args: Args<'_>) -> Vec<Value> {
    let mut all = Vec::with_capacity(args.values().len() + 1);
    all.push(first.clone());
    all.extend_from_slice(args.values());
    all
}

/// The dunder must be there: it was when the slot was set. AttributeError with its name otherwise.
fn call_or_raise(vm: &mut Vm, zelf: &Value, name: &Py<Str>, args: &[Value]) -> PyResult {
    match call_dunder(vm, zelf, name, args)? {
        Some(result) => Ok(result),
        None => {
            let message = name.to_string_lossy().into_owned();
            Err(vm.attribute_error(message))
        }
    }
}

macro_rules! unary {
    ($($slot:ident: $name:ident;)*) => {$(
        pub fn $slot(vm: &mut Vm, zelf: &Value) -> PyResult {
            call_or_raise(vm, zelf, n!($name), &[])
        }
    )*};
}

unary! {
    await_: __await__;
    aiter: __aiter__;
    anext: __anext__;
    nb_neg: __neg__;
    nb_pos: __pos__;
    nb_abs: __abs__;
    nb_invert: __invert__;
    nb_int: __int__;
    nb_float: __float__;
    nb_index: __index__;
}

/// Whether `b`'s type defines the reflected `name` differently from `a`'s.
fn overloads(vm: &mut Vm, a: &Value, b: &Value, name: &Py<Str>) -> bool {
    match (a.type_ref().lookup(vm, name), b.type_ref().lookup(vm, name)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(x), Some(y)) => !x.is_same(&y),
    }
}

/// A binary operator with its reflected form: the right operand goes first when its type is a subtype that overloads the reflected dunder.
fn binary(vm: &mut Vm, a: &Value, b: &Value, own: bool, others: bool, name: &Py<Str>, reflected: &Py<Str>) -> PyResult {
    let same = a.ty().is(b.ty());
    let mut do_other = !same && others;
    if own {
        if do_other && b.type_ref().is_subtype(vm, a.ty()) && overloads(vm, a, b, reflected) {
            if let Some(result) = call_dunder(vm, b, reflected, std::slice::from_ref(a))?
                && !result.is_not_implemented() {
                    return Ok(result);
                }
            do_other = false;
        }
        if let Some(result) = call_dunder(vm, a, name, std::slice::from_ref(b))?
            && (!result.is_not_implemented() || same) {
                return Ok(result);
            }
    }
    if do_other
        && let Some(result) = call_dunder(vm, b, reflected, std::slice::from_ref(a))? {
            return Ok(result);
        }
    Ok(Value::not_implemented())
}

macro_rules! binary {
    ($($slot:ident: $name:ident $reflected:ident;)*) => {$(
        pub fn $slot(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
            let mine = |v: &Value| v.type_ref().slots.$slot.get().is_some_and(|f| f as usize == $slot as *const () as usize);
            binary(vm, a, b, mine(a), mine(b), n!($name), n!($reflected))
        }
    )*};
}

binary! {
    nb_add: __add__ __radd__;
    nb_sub: __sub__ __rsub__;
    nb_mul: __mul__ __rmul__;
    nb_rem: __mod__ __rmod__;
    nb_divmod: __divmod__ __rdivmod__;
    nb_lshift: __lshift__ __rlshift__;
    nb_rshift: __rshift__ __rrshift__;
    nb_and: __and__ __rand__;
    nb_xor: __xor__ __rxor__;
    nb_or: __or__ __ror__;
    nb_floordiv: __floordiv__ __rfloordiv__;
    nb_truediv: __truediv__ __rtruediv__;
    nb_matmul: __matmul__ __rmatmul__;
}

macro_rules! inplace {
    ($($slot:ident: $name:ident;)*) => {$(
        pub fn $slot(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
            call_or_raise(vm, a, n!($name), std::slice::from_ref(b))
        }
    )*};
}

inplace! {
    nb_inplace_add: __iadd__;
    nb_inplace_sub: __isub__;
    nb_inplace_mul: __imul__;
    nb_inplace_rem: __imod__;
    nb_inplace_lshift: __ilshift__;
    nb_inplace_rshift: __irshift__;
    nb_inplace_and: __iand__;
    nb_inplace_xor: __ixor__;
    nb_inplace_or: __ior__;
    nb_inplace_floordiv: __ifloordiv__;
    nb_inplace_truediv: __itruediv__;
    nb_inplace_matmul: __imatmul__;
}

pub fn nb_pow(vm: &mut Vm, a: &Value, b: &Value, modulus: &Value) -> PyResult {
    let mine = |v: &Value| v.type_ref().slots.nb_pow.get().is_some_and(|f| f as usize == nb_pow as *const () as usize);
    if modulus.is_none() {
        return binary(vm, a, b, mine(a), mine(b), n!(__pow__), n!(__rpow__));
    }
    let same = a.ty().is(b.ty());
    let args = |x: &Value| [x.clone(), modulus.clone()];
    let mut do_other = !same && mine(b);
    if mine(a) {
        if do_other && b.type_ref().is_subtype(vm, a.ty()) && overloads(vm, a, b, n!(__rpow__)) {
            if let Some(result) = call_dunder(vm, b, n!(__rpow__), &args(a))?.filter(|r| !r.is_not_implemented()) {
                return Ok(result);
            }
            do_other = false;
        }
        if let Some(result) = call_dunder(vm, a, n!(__pow__), &args(b))?
            && (!result.is_not_implemented() || same) {
                return Ok(result);
            }
    }
    if do_other
        && let Some(result) = call_dunder(vm, b, n!(__rpow__), &args(a))? {
            return Ok(result);
        }
    Ok(Value::not_implemented())
}

pub fn nb_inplace_pow(vm: &mut Vm, a: &Value, b: &Value, _modulus: &Value) -> PyResult {
    call_or_raise(vm, a, n!(__ipow__), std::slice::from_ref(b))
}

pub fn nb_bool(vm: &mut Vm, zelf: &Value) -> PyResult<bool> {
    match call_dunder(vm, zelf, n!(__bool__), &[])? {
        Some(result) if result.is_true() => Ok(true),
        Some(result) if result.is_false() => Ok(false),
        Some(result) => {
            let name = result.type_name();
            Err(vm.type_error(format!("__bool__ should return bool, returned {name}")))
        }
        None => match zelf.type_ref().slots.len.get() {
            Some(len) => Ok(len(vm, zelf)? != 0),
            None => Ok(true),
        },
    }
}

pub fn len(vm: &mut Vm, zelf: &Value) -> PyResult<usize> {
    let result = call_or_raise(vm, zelf, n!(__len__), &[])?;
    let index = vm.index(&result)?;
    let int = IntRef::new(&index);
    if int.as_ref().is_some_and(IntRef::is_negative) {
        return Err(vm.value_error("__len__() should return >= 0"));
    }
    match int.and_then(|i| i.to_i64()) {
        Some(n) => Ok(n as usize),
        None => {
            let name = result.type_name();
            Err(vm.overflow_error(format!("cannot fit '{name}' into an index-sized integer")))
        }
    }
}

pub fn getitem(vm: &mut Vm, zelf: &Value, key: &Value) -> PyResult {
    call_or_raise(vm, zelf, n!(__getitem__), std::slice::from_ref(key))
}

pub fn item(vm: &mut Vm, zelf: &Value, index: isize) -> PyResult {
    let key = vm.new_int(index)?;
    call_or_raise(vm, zelf, n!(__getitem__), &[key])
}

pub fn setitem(vm: &mut Vm, zelf: &Value, key: &Value, value: Option<&Value>) -> PyResult<()> {
    match value {
        Some(value) => call_or_raise(vm, zelf, n!(__setitem__), &[key.clone(), value.clone()])?,
        None => call_or_raise(vm, zelf, n!(__delitem__), std::slice::from_ref(key))?,
    };
    Ok(())
}

pub fn contains(vm: &mut Vm, zelf: &Value, item: &Value) -> PyResult<bool> {
    let Some(method) = zelf.type_ref().lookup(vm, n!(__contains__)) else { return vm.contains_by_iteration(zelf, item) };
    if method.is_none() {
        let name = zelf.type_name();
        return Err(vm.type_error(format!("'{name}' object is not a container")));
    }
    let result = call_found(vm, zelf, &method, std::slice::from_ref(item))?;
    vm.is_true(&result)
}

pub fn repr(vm: &mut Vm, zelf: &Value) -> PyResult {
    match call_dunder(vm, zelf, n!(__repr__), &[])? {
        Some(result) => Ok(result),
        None => crate::types::object::repr(vm, zelf),
    }
}

pub fn str_(vm: &mut Vm, zelf: &Value) -> PyResult {
    match call_dunder(vm, zelf, n!(__str__), &[])? {
        Some(result) => Ok(result),
        None => vm.repr(zelf).map(Py::into_value),
    }
}

/// The hash of objects whose class says `__hash__ = None`.
pub fn unhashable(vm: &mut Vm, zelf: &Value) -> PyResult<i64> {
    let name = zelf.type_name();
    Err(vm.type_error(format!("unhashable type: '{name}'")))
}

pub fn hash(vm: &mut Vm, zelf: &Value) -> PyResult<i64> {
    let method = match zelf.type_ref().lookup(vm, n!(__hash__)) {
        Some(method) if !method.is_none() => method,
        _ => return unhashable(vm, zelf),
    };
    let result = call_found(vm, zelf, &method, &[])?;
    let Some(int) = IntRef::new(&result) else { return Err(vm.type_error("__hash__ method should return an integer")) };
    let hash = match int.to_i64() {
        Some(i) => i,
        None => {
            // Too large: the hash of the int, its residue modulo 2^61 - 1.
            let modulus = num_bigint::BigInt::from((1u64 << 61) - 1);
            (&*int.to_big() % modulus).to_i64().unwrap_or(0)
        }
    };
    Ok(if hash == -1 { -2 } else { hash })
}

pub fn call(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
    match zelf.type_ref().lookup(vm, n!(__call__)) {
        Some(method) => call_found_args(vm, zelf, &method, args),
        None => {
            let name = zelf.type_name();
            Err(vm.type_error(format!("'{name}' object is not callable")))
        }
    }
}

pub fn richcompare(vm: &mut Vm, zelf: &Value, other: &Value, op: CompareOp) -> PyResult {
    let name = match op {
        CompareOp::Lt => n!(__lt__),
        CompareOp::Le => n!(__le__),
        CompareOp::Eq => n!(__eq__),
        CompareOp::Ne => n!(__ne__),
        CompareOp::Gt => n!(__gt__),
        CompareOp::Ge => n!(__ge__),
    };
    let Some(method) = zelf.type_ref().lookup(vm, name) else { return Ok(Value::not_implemented()) };
    if method.type_flag(flags::METHOD_DESCRIPTOR) {
        return vm.call(&method, &[zelf.clone(), other.clone()]);
    }
    // A descriptor that says that it is not there counts as no method.
    match vm.lookup_special(zelf, name) {
        Ok(Some(method)) => vm.call(&method, std::slice::from_ref(other)),
        Ok(None) => Ok(Value::not_implemented()),
        Err(e) if vm.is_raised::<AttributeError>(&e) => Ok(Value::not_implemented()),
        Err(e) => Err(e),
    }
}

pub fn iter(vm: &mut Vm, zelf: &Value) -> PyResult {
    match zelf.type_ref().lookup(vm, n!(__iter__)) {
        Some(method) if !method.is_none() => call_found(vm, zelf, &method, &[]),
        _ => {
            let name = zelf.type_name();
            Err(vm.type_error(format!("'{name}' object is not iterable")))
        }
    }
}

pub fn iternext(vm: &mut Vm, zelf: &Value) -> PyResult<Option<Value>> {
    match call_or_raise(vm, zelf, n!(__next__), &[]) {
        Ok(item) => Ok(Some(item)),
        // A bare StopIteration is the plain end; one with a value is passed on for those who want it.
        Err(e) => match e.exception().as_value().downcast_exact::<StopIteration>() {
            Some(stop) if stop.value.get(vm).as_ref().is_none_or(Value::is_none) => Ok(None),
            _ => Err(e),
        },
    }
}

/// `__getattribute__`, then `__getattr__` if that raises AttributeError.
pub fn getattro(vm: &mut Vm, zelf: &Value, name: &Py<Str>) -> PyResult {
    let ty = zelf.ty();
    let hook = ty.lookup(vm, n!(__getattr__));
    let first = match ty.lookup(vm, n!(__getattribute__)) {
        Some(method) => match method.downcast_exact::<WrapperDescr>().map(|w| (w.func, w.owner.base().is_none())) {
            Some((_, true)) if hook.is_some() => match vm.generic_getattr_opt(zelf, name) {
                Ok(Some(value)) => return Ok(value),
                Ok(None) => None,
                Err(e) => Some(Err(e)),
            },
            Some((SlotFn::GetAttr(f), _)) => Some(f(vm, zelf, name)),
            _ => Some(call_found(vm, zelf, &method, &[name.to_value()])),
        },
        None => Some(vm.generic_getattr(zelf, name)),
    };
    let Some(hook) = hook else { return first.unwrap_or_else(|| Err(vm.no_attribute(zelf, name))) };
    match first {
        Some(Ok(value)) => Ok(value),
        Some(Err(e)) if !vm.is_raised::<AttributeError>(&e) => Err(e),
        Some(Err(_)) | None => call_found(vm, zelf, &hook, &[name.to_value()]),
    }
}

pub fn setattro(vm: &mut Vm, zelf: &Value, name: &Py<Str>, value: Option<&Value>) -> PyResult<()> {
    match value {
        Some(value) => call_or_raise(vm, zelf, n!(__setattr__), &[name.to_value(), value.clone()])?,
        None => call_or_raise(vm, zelf, n!(__delattr__), &[name.to_value()])?,
    };
    Ok(())
}

pub fn descr_get(vm: &mut Vm, zelf: &Value, object: Option<&Value>, ty: Option<&Value>) -> PyResult {
    let or_none = |v: Option<&Value>| v.cloned().unwrap_or_else(Value::none);
    // Unlike other methods this one is not bound, but gets the descriptor as its first argument, whatever it is.
    match zelf.type_ref().lookup(vm, n!(__get__)) {
        Some(method) => vm.call(&method, &[zelf.clone(), or_none(object), or_none(ty)]),
        None => Ok(zelf.clone()),
    }
}

pub fn descr_set(vm: &mut Vm, zelf: &Value, object: &Value, value: Option<&Value>) -> PyResult<()> {
    match value {
        Some(value) => call_or_raise(vm, zelf, n!(__set__), &[object.clone(), value.clone()])?,
        None => call_or_raise(vm, zelf, n!(__delete__), std::slice::from_ref(object))?,
    };
    Ok(())
}

pub fn init(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult<()> {
    let Some(method) = zelf.type_ref().lookup(vm, n!(__init__)) else { return Ok(()) };
    let result = call_found_args(vm, zelf, &method, args)?;
    if result.is_none() {
        return Ok(());
    }
    let name = result.type_name();
    Err(vm.type_error(format!("__init__() should return None, not '{name}'")))
}

pub fn new(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let function = vm.getattr(cls.as_value(), n!(__new__))?;
    let all = prepend(cls.as_value(), args);
    vm.call_args(&function, Args::with_keywords(&all, args.kwnames()))
}

pub fn del(vm: &mut Vm, zelf: &Value) -> PyResult<()> {
    call_dunder(vm, zelf, n!(__del__), &[])?;
    Ok(())
}

/// A buffer from Python's `__buffer__` (PEP 688): what the memoryview that it returns looks at.
pub fn buffer(vm: &mut Vm, zelf: &Value, flags: u32) -> PyResult<Buffer> {
    let arg = vm.new_int(flags)?;
    let view = call_or_raise(vm, zelf, n!(__buffer__), &[arg])?;
    match view.downcast::<crate::types::memoryview::MemoryView>() {
        Some(view) => vm.buffer_of_view(zelf, view, flags),
        None => Err(vm.type_error("__buffer__ returned non-memoryview object")),
    }
}

/// `object.__buffer__(flags)` of a native exporter: a memoryview of it.
pub fn buffer_view(vm: &mut Vm, slot: crate::types::slots::BufferFn, zelf: &Value, flags: &Value) -> PyResult {
    let flags = vm.as_count(flags)?;
    match i32::try_from(flags) {
        Ok(flags) => {
            let buffer = slot(vm, zelf, flags as u32)?;
            let buffer = vm.with_release_hook(zelf, buffer)?;
            Ok(vm.memoryview_of(buffer)?.into_value())
        }
        Err(_) => Err(vm.overflow_error("Python int too large to convert to C int")),
    }
}
