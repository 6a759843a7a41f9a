//! `weakref.proxy`: objects that pass every operation on to a referent they do not keep alive.

use super::{describe, links};
use crate::protocol::number::BinaryOp;
use crate::types::exceptions::ReferenceError;
use crate::types::float::Float;
use crate::types::int::Int;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyClass, PyResult, Value, Vm, pyclass, pymethods};
use krait_heap::WeakLinks;

/// A stand-in for an object that cannot be called.
#[pyclass(name = "ProxyType", module = "weakref", gc)]
#[repr(C)]
pub struct Proxy {
    pub links: WeakLinks,
}

/// A stand-in for an object that can be called.
#[pyclass(name = "CallableProxyType", module = "weakref", gc)]
#[repr(C)]
pub struct CallableProxy {
    pub links: WeakLinks,
}

/// What a proxy stands for, ReferenceError if it is gone; other objects stand for themselves.
fn open(vm: &mut Vm, value: &Value) -> PyResult {
    if !value.is::<Proxy>() && !value.is::<CallableProxy>() {
        return Ok(value.clone());
    }
    match links(value).and_then(WeakLinks::upgrade) {
        Some(object) => Ok(object),
        None => Err(vm.raise::<ReferenceError>("weakly-referenced object no longer exists")),
    }
}

fn binary(vm: &mut Vm, a: &Value, b: &Value, op: BinaryOp) -> PyResult {
    let (a, b) = (open(vm, a)?, open(vm, b)?);
    vm.binary_op(op, &a, &b)
}

fn next(vm: &mut Vm, zelf: &Value) -> PyResult<Option<Value>> {
    let object = open(vm, zelf)?;
    if object.type_ref().slots.iternext.get().is_none() {
        let name = object.type_name();
        return Err(vm.type_error(format!("Weakref proxy referenced a non-iterator '{name}' object")));
    }
    vm.iter_next(&object)
}

fn set_item(vm: &mut Vm, zelf: &Value, key: &Value, value: Option<&Value>) -> PyResult<()> {
    let object = open(vm, zelf)?;
    match value {
        Some(value) => {
            let value = open(vm, value)?;
            vm.setitem(&object, key, &value)
        }
        None => vm.delitem(&object, key),
    }
}

macro_rules! proxy_methods {
    ($t:ident $(, $call:tt)?) => {
        #[pymethods$((parts($call)))?]
        impl $t {
            #[slot(add)]
            fn slot_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_ADD)
            }
            #[slot(inplace_add)]
            fn slot_inplace_add(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_ADD)
            }
            #[slot(sub)]
            fn slot_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_SUBTRACT)
            }
            #[slot(inplace_sub)]
            fn slot_inplace_sub(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_SUBTRACT)
            }
            #[slot(mul)]
            fn slot_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_MULTIPLY)
            }
            #[slot(inplace_mul)]
            fn slot_inplace_mul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_MULTIPLY)
            }
            #[slot(rem)]
            fn slot_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_REMAINDER)
            }
            #[slot(inplace_rem)]
            fn slot_inplace_rem(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_REMAINDER)
            }
            #[slot(lshift)]
            fn slot_lshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_LSHIFT)
            }
            #[slot(inplace_lshift)]
            fn slot_inplace_lshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_LSHIFT)
            }
            #[slot(rshift)]
            fn slot_rshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_RSHIFT)
            }
            #[slot(inplace_rshift)]
            fn slot_inplace_rshift(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_RSHIFT)
            }
            #[slot(and)]
            fn slot_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_AND)
            }
            #[slot(inplace_and)]
            fn slot_inplace_and(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_AND)
            }
            #[slot(xor)]
            fn slot_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_XOR)
            }
            #[slot(inplace_xor)]
            fn slot_inplace_xor(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_XOR)
            }
            #[slot(or)]
            fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_OR)
            }
            #[slot(inplace_or)]
            fn slot_inplace_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_OR)
            }
            #[slot(floordiv)]
            fn slot_floordiv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_FLOOR_DIVIDE)
            }
            #[slot(inplace_floordiv)]
            fn slot_inplace_floordiv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_FLOOR_DIVIDE)
            }
            #[slot(truediv)]
            fn slot_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_TRUE_DIVIDE)
            }
            #[slot(inplace_truediv)]
            fn slot_inplace_truediv(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_TRUE_DIVIDE)
            }
            #[slot(matmul)]
            fn slot_matmul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_MATRIX_MULTIPLY)
            }
            #[slot(inplace_matmul)]
            fn slot_inplace_matmul(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                binary(vm, a, b, BinaryOp::NB_INPLACE_MATRIX_MULTIPLY)
            }
            #[slot(neg)]
            fn slot_neg(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.negative(&object)
            }
            #[slot(pos)]
            fn slot_pos(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.positive(&object)
            }
            #[slot(abs)]
            fn slot_abs(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.absolute(&object)
            }
            #[slot(invert)]
            fn slot_invert(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.invert(&object)
            }
            #[slot(divmod)]
            fn slot_divmod(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
                let (a, b) = (open(vm, a)?, open(vm, b)?);
                vm.divmod(&a, &b)
            }
            #[slot(pow)]
            fn slot_pow(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult {
                let (a, b, c) = (open(vm, a)?, open(vm, b)?, open(vm, c)?);
                vm.power(&a, &b, &c)
            }
            #[slot(inplace_pow)]
            fn slot_inplace_pow(a: &Value, b: &Value, c: &Value, vm: &mut Vm) -> PyResult {
                let (a, b, _) = (open(vm, a)?, open(vm, b)?, c);
                vm.binary_op(BinaryOp::NB_INPLACE_POWER, &a, &b)
            }
            #[slot(int)]
            fn slot_int(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                let int = Int::type_object(vm).to_value();
                vm.call(&int, &[object])
            }
            #[slot(float)]
            fn slot_float(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                let float = Float::type_object(vm).to_value();
                vm.call(&float, &[object])
            }
            #[slot(index)]
            fn slot_index(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.index(&object)
            }
            #[slot(bool)]
            fn slot_bool(zelf: &Py<$t>, vm: &mut Vm) -> PyResult<bool> {
                let object = open(vm, zelf.as_value())?;
                vm.is_true(&object)
            }
            #[slot(len)]
            fn slot_len(zelf: &Py<$t>, vm: &mut Vm) -> PyResult<usize> {
                let object = open(vm, zelf.as_value())?;
                vm.len(&object)
            }
            #[slot(getitem)]
            fn slot_getitem(zelf: &Py<$t>, key: &Value, vm: &mut Vm) -> PyResult {
                let (object, key) = (open(vm, zelf.as_value())?, open(vm, key)?);
                vm.getitem(&object, &key)
            }
            #[slot(setitem)]
            fn slot_setitem(zelf: &Py<$t>, key: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                set_item(vm, zelf.as_value(), key, value)
            }
            #[slot(contains)]
            fn slot_contains(zelf: &Py<$t>, item: &Value, vm: &mut Vm) -> PyResult<bool> {
                let object = open(vm, zelf.as_value())?;
                vm.contains(&object, item)
            }
            #[slot(iter)]
            fn slot_iter(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.iter(&object)
            }
            #[slot(iternext)]
            fn slot_iternext(zelf: &Py<$t>, vm: &mut Vm) -> PyResult<Option<Value>> {
                next(vm, zelf.as_value())
            }
            #[slot(getattro)]
            fn slot_getattro(zelf: &Py<$t>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.getattr(&object, name)
            }
            #[slot(setattro)]
            fn slot_setattro(zelf: &Py<$t>, name: &Py<Str>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
                let object = open(vm, zelf.as_value())?;
                match value {
                    Some(value) => vm.setattr(&object, name, value),
                    None => vm.delattr(&object, name),
                }
            }
            #[slot(richcompare)]
            fn slot_richcompare(zelf: &Py<$t>, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
                let (a, b) = (open(vm, zelf.as_value())?, open(vm, other)?);
                vm.rich_compare(&a, &b, op)
            }
            #[slot(str)]
            fn slot_str(zelf: &Py<$t>, vm: &mut Vm) -> PyResult<Py<Str>> {
                let object = open(vm, zelf.as_value())?;
                vm.str(&object)
            }
            #[slot(repr)]
            fn slot_repr(zelf: &Py<$t>, vm: &mut Vm) -> PyResult<Py<Str>> {
                describe(vm, "weakproxy", zelf.as_value(), false)
            }
            /// bytes() of the referent.
            #[method]
            fn __bytes__(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.call_method(&object, n!(__bytes__), &[])
            }
            /// reversed() of the referent.
            #[method]
            fn __reversed__(zelf: &Py<$t>, vm: &mut Vm) -> PyResult {
                let object = open(vm, zelf.as_value())?;
                vm.call_method(&object, n!(__reversed__), &[])
            }
        }
    };
}

proxy_methods!(Proxy);
proxy_methods!(CallableProxy, CALL);

#[pymethods(part = CALL)]
impl CallableProxy {
    #[slot(call)]
    fn slot_call(zelf: &Py<CallableProxy>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let object = open(vm, zelf.as_value())?;
        vm.call_args(&object, args)
    }
}
