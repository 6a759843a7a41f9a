//! CALL_INTRINSIC_1 and CALL_INTRINSIC_2.

use crate::types::pyfunction::Function;
use crate::types::tuple::Tuple;
use crate::{Py, PyResult, Value, Vm};
use krait_bytecode::opcode::{Intrinsic1, Intrinsic2};

/// What intrinsics need to know of the frame.
pub struct Context<'a> {
    pub func: &'a Py<Function>,
    pub locals: Option<&'a Value>,
    pub code_flags: u32,
}

/// CALL_INTRINSIC_1.
pub fn intrinsic_1(vm: &mut Vm, oparg: u32, value: Value, cx: &Context<'_>) -> PyResult {
    match Intrinsic1::from_oparg(oparg) {
        None | Some(Intrinsic1::INTRINSIC_1_INVALID) => Err(vm.system_error("bad operand of CALL_INTRINSIC_1")),
        Some(Intrinsic1::INTRINSIC_PRINT) => print_expr(vm, &value),
        Some(Intrinsic1::INTRINSIC_IMPORT_STAR) => {
            let Some(locals) = cx.locals else { return Err(vm.system_error("no locals found during 'import *'")) };
            super::import_::import_star(vm, &value, locals)?;
            Ok(Value::none())
        }
        Some(Intrinsic1::INTRINSIC_STOPITERATION_ERROR) => super::exceptions::stopiteration_error(vm, value, cx.code_flags),
        Some(Intrinsic1::INTRINSIC_ASYNC_GEN_WRAP) => crate::types::generator::wrap_value(vm, value),
        Some(Intrinsic1::INTRINSIC_UNARY_POSITIVE) => vm.positive(&value),
        Some(Intrinsic1::INTRINSIC_LIST_TO_TUPLE) => super::build::list_to_tuple(vm, &value),
        Some(Intrinsic1::INTRINSIC_TYPEVAR) => typing(vm, "TypeVar", &[value]),
        Some(Intrinsic1::INTRINSIC_PARAMSPEC) => typing(vm, "ParamSpec", &[value]),
        Some(Intrinsic1::INTRINSIC_TYPEVARTUPLE) => typing(vm, "TypeVarTuple", &[value]),
        Some(Intrinsic1::INTRINSIC_SUBSCRIPT_GENERIC) => typing(vm, "_subscript_generic", &[value]),
        Some(Intrinsic1::INTRINSIC_TYPEALIAS) => typing(vm, "TypeAliasType", &[value]),
    }
}

/// CALL_INTRINSIC_2.
pub fn intrinsic_2(vm: &mut Vm, oparg: u32, a: Value, b: Value) -> PyResult {
    match Intrinsic2::from_oparg(oparg) {
        None | Some(Intrinsic2::INTRINSIC_2_INVALID) => Err(vm.system_error("bad operand of CALL_INTRINSIC_2")),
        Some(Intrinsic2::INTRINSIC_PREP_RERAISE_STAR) => super::exceptions::prep_reraise_star(vm, &a, &b),
        Some(Intrinsic2::INTRINSIC_TYPEVAR_WITH_BOUND) => typing(vm, "TypeVar.bound", &[a, b]),
        Some(Intrinsic2::INTRINSIC_TYPEVAR_WITH_CONSTRAINTS) => typing(vm, "TypeVar.constraints", &[a, b]),
        Some(Intrinsic2::INTRINSIC_SET_FUNCTION_TYPE_PARAMS) => {
            let params = b.into_py::<Tuple>().ok();
            match a.downcast::<Function>() {
                Some(f) => drop(f.type_params.replace(vm, params)),
                None => return Err(vm.system_error("type parameters of no function")),
            }
            Ok(a)
        }
        Some(Intrinsic2::INTRINSIC_SET_TYPEPARAM_DEFAULT) => typing(vm, "set_default", &[a, b]),
    }
}

/// The type parameter objects live with the other types.
fn typing(vm: &mut Vm, what: &str, args: &[Value]) -> PyResult {
    match vm.interp.typing_intrinsic.get() {
        Some(hook) => hook(vm, what, args),
        None => Err(vm.not_implemented_error(format!("type parameters ({what}) are not there yet"))),
    }
}

/// `sys.displayhook(value)`.
fn print_expr(vm: &mut Vm, value: &Value) -> PyResult {
    let name = vm.intern("displayhook");
    let hook = vm.interp.sys_dict.load(vm).and_then(|d| d.get_str(vm, &name).cloned());
    match hook {
        Some(hook) => vm.call(&hook, std::slice::from_ref(value)),
        None => Err(vm.runtime_error("lost sys.displayhook")),
    }
}
