//! `wrapper_descriptor` ("slot wrapper") and `method-wrapper`: native slots as methods.

use crate::args::Args;
use crate::types::int::IntRef;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::typeobject::slotdefs::{SlotDef, SlotFn};
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// How a slot's function is called with the arguments of its dunder.
#[derive(Clone, Copy)]
pub enum Wrap {
    Unary,
    BinaryL,
    BinaryR,
    TernaryL,
    TernaryR,
    Bool,
    Len,
    Hash,
    Next,
    Contains,
    Repeat,
    Item,
    SetItem,
    DelItem,
    Compare(CompareOp),
    Call,
    Init,
    GetAttr,
    SetAttr,
    DelAttr,
    DescrGet,
    DescrSet,
    DescrDelete,
    Del,
    Buffer,
}

/// A native slot as an unbound method.
#[pyclass(name = "wrapper_descriptor", flags(METHOD_DESCRIPTOR), gc)]
pub struct WrapperDescr {
    pub owner: Py<PyType>,
    #[traverse(skip)]
    pub def: &'static SlotDef,
    #[traverse(skip)]
    pub wrap: Wrap,
    #[traverse(skip)]
    pub func: SlotFn,
}

/// A native slot bound to an object.
#[pyclass(name = "method-wrapper", gc)]
pub struct MethodWrapper {
    pub descr: Py<WrapperDescr>,
    pub zelf: Value,
}

fn expect(vm: &mut Vm, args: &[Value], n: usize) -> PyResult<()> {
    if args.len() == n {
        return Ok(());
    }
    let (s, got) = (if n == 1 { "" } else { "s" }, args.len());
    Err(vm.type_error(format!("expected {n} argument{s}, got {got}")))
}

fn name_arg(vm: &mut Vm, name: &Value) -> PyResult<Py<Str>> {
    match name.downcast::<Str>() {
        Some(s) => Ok(vm.intern_object(s)),
        None => {
            let got = name.type_name();
            Err(vm.type_error(format!("attribute name must be string, not '{got}'")))
        }
    }
}

/// Refuses to jump over a native override: `object.__setattr__(cls, ...)` would change types behind their back.
fn check_setattr(vm: &mut Vm, zelf: &Value, func: usize, what: &str) -> PyResult<()> {
    let mut at = Some(zelf.ty().clone());
    let generic = crate::types::typeobject::slotfuncs::setattro as *const () as usize;
    while let Some(ty) = at {
        let slot = ty.slots.setattro.get().map_or(crate::types::object::setattro as *const () as usize, |f| f as usize);
        if slot == func {
            return Ok(());
        }
        if slot != generic {
            let name = zelf.type_name();
            return Err(vm.type_error(format!("can't apply this {what} to {name} object")));
        }
        at = ty.base().cloned();
    }
    Ok(())
}

fn index_arg(vm: &mut Vm, value: &Value) -> PyResult<isize> {
    let index = vm.index(value)?;
    match IntRef::new(&index).and_then(|i| i.to_i64()) {
        Some(i) => Ok(i as isize),
        None => {
            let name = value.type_name();
            Err(vm.overflow_error(format!("cannot fit '{name}' into an index-sized integer")))
        }
    }
}

/// An index counted from the end when negative.
fn item_index(vm: &mut Vm, zelf: &Value, value: &Value) -> PyResult<isize> {
    let index = vm.as_isize(value)?;
    match zelf.type_ref().slots.len.get() {
        Some(len) if index < 0 => Ok(index.saturating_add_unsigned(len(vm, zelf)?)),
        _ => Ok(index),
    }
}

impl WrapperDescr {
    /// Calls the slot on `zelf`, which is of the right type.
    pub fn call_on(&self, vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
        match (self.wrap, self.func) {
            (Wrap::Call, SlotFn::Call(f)) => return f(vm, zelf, args),
            (Wrap::Init, SlotFn::Init(f)) => {
                f(vm, zelf, args)?;
                return Ok(Value::none());
            }
            _ => {}
        }
        if args.has_keywords() {
            let name = self.def.name;
            return Err(vm.type_error(format!("wrapper {name}() takes no keyword arguments")));
        }
        self.call_plain(vm, zelf, args.values())
    }

    fn call_plain(&self, vm: &mut Vm, zelf: &Value, args: &[Value]) -> PyResult {
        match (self.wrap, self.func, args) {
            (Wrap::Unary, SlotFn::Unary(f), []) => f(vm, zelf),
            (Wrap::Bool, SlotFn::Bool(f), []) => f(vm, zelf).map(Value::from_bool),
            (Wrap::Len, SlotFn::Len(f), []) => {
                let n = f(vm, zelf)?;
                vm.new_int(n)
            }
            (Wrap::Hash, SlotFn::Hash(f), []) => {
                let h = f(vm, zelf)?;
                vm.new_int(h)
            }
            (Wrap::Next, SlotFn::Next(f), []) => match f(vm, zelf)? {
                Some(value) => Ok(value),
                None => Err(vm.stop_iteration(None)),
            },
            (Wrap::Del, SlotFn::Del(f), []) => f(vm, zelf).map(|()| Value::none()),
            (Wrap::Unary | Wrap::Bool | Wrap::Len | Wrap::Hash | Wrap::Next | Wrap::Del, _, _) => self.bad_count(vm, args, 0),
            (Wrap::BinaryL, SlotFn::Binary(f), [a]) => f(vm, zelf, a),
            (Wrap::BinaryR, SlotFn::Binary(f), [a]) => f(vm, a, zelf),
            (Wrap::Contains, SlotFn::Contains(f), [a]) => f(vm, zelf, a).map(Value::from_bool),
            (Wrap::Compare(op), SlotFn::Compare(f), [a]) => f(vm, zelf, a, op),
            (Wrap::Repeat, SlotFn::Index(f), [a]) => {
                let n = index_arg(vm, a)?;
                f(vm, zelf, n)
            }
            (Wrap::Item, SlotFn::Index(f), [a]) => {
                let i = item_index(vm, zelf, a)?;
                f(vm, zelf, i)
            }
            (Wrap::DelItem | Wrap::DescrDelete, SlotFn::SetItem(f), [a]) => f(vm, zelf, a, None).map(|()| Value::none()),
            (Wrap::GetAttr, SlotFn::GetAttr(f), [a]) => {
                let name = name_arg(vm, a)?;
                f(vm, zelf, &name)
            }
            (Wrap::DelAttr, SlotFn::SetAttr(f), [a]) => {
                let name = name_arg(vm, a)?;
                check_setattr(vm, zelf, f as usize, "__delattr__")?;
                f(vm, zelf, &name, None).map(|()| Value::none())
            }
            (Wrap::Buffer, SlotFn::Buffer(f), [a]) => crate::types::typeobject::slotfuncs::buffer_view(vm, f, zelf, a),
            (
                Wrap::BinaryL | Wrap::BinaryR | Wrap::Contains | Wrap::Compare(_) | Wrap::Repeat | Wrap::Item | Wrap::DelItem
                | Wrap::DescrDelete | Wrap::GetAttr | Wrap::DelAttr | Wrap::Buffer,
                _,
                _,
            ) => self.bad_count(vm, args, 1),
            (Wrap::SetItem | Wrap::DescrSet, SlotFn::SetItem(f), [a, b]) => f(vm, zelf, a, Some(b)).map(|()| Value::none()),
            (Wrap::SetAttr, SlotFn::SetAttr(f), [a, b]) => {
                let name = name_arg(vm, a)?;
                check_setattr(vm, zelf, f as usize, "__setattr__")?;
                f(vm, zelf, &name, Some(b)).map(|()| Value::none())
            }
            (Wrap::SetItem | Wrap::DescrSet | Wrap::SetAttr, _, _) => self.bad_count(vm, args, 2),
            (Wrap::TernaryL, SlotFn::Ternary(f), [a]) => f(vm, zelf, a, &Value::none()),
            (Wrap::TernaryL, SlotFn::Ternary(f), [a, m]) => f(vm, zelf, a, m),
            (Wrap::TernaryR, SlotFn::Ternary(f), [a]) => f(vm, a, zelf, &Value::none()),
            (Wrap::TernaryR, SlotFn::Ternary(f), [a, m]) => f(vm, a, zelf, m),
            (Wrap::DescrGet, SlotFn::DescrGet(f), [_] | [_, _]) => self.descr_get(vm, zelf, args, f),
            (Wrap::TernaryL | Wrap::TernaryR, _, _) => {
                let got = args.len();
                Err(vm.type_error(format!("expected 1 or 2 arguments, got {got}")))
            }
            (Wrap::DescrGet, _, _) => {
                let (bound, n) = if args.is_empty() { ("at least", 1) } else { ("at most", 2) };
                let (s, got) = (if n == 1 { "" } else { "s" }, args.len());
                Err(vm.type_error(format!("expected {bound} {n} argument{s}, got {got}")))
            }
            (Wrap::Call | Wrap::Init, _, _) => Err(vm.system_error("slot wrapper of the wrong shape")),
        }
    }

    #[cold]
    fn bad_count(&self, vm: &mut Vm, args: &[Value], n: usize) -> PyResult {
        expect(vm, args, n)?;
        Err(vm.system_error("slot wrapper of the wrong shape"))
    }

    fn descr_get(&self, vm: &mut Vm, zelf: &Value, args: &[Value], f: crate::types::slots::DescrGetFn) -> PyResult {
        let object = args.first().filter(|v| !v.is_none());
        let ty = args.get(1).filter(|v| !v.is_none());
        if object.is_none() && ty.is_none() {
            return Err(vm.type_error("__get__(None, None) is invalid"));
        }
        f(vm, zelf, object, ty)
    }

    fn text(&self, vm: &mut Vm) -> PyResult {
        vm.new_str(self.def.doc).map(Py::into_value)
    }
}

#[pymethods]
impl WrapperDescr {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let (name, ty) = (self.def.name, self.owner.tp_name());
        let Some((zelf, rest)) = args.split_first() else {
            return Err(vm.type_error(format!("descriptor '{name}' of '{ty}' object needs an argument")));
        };
        if !zelf.type_ref().is_subtype(vm, &self.owner) {
            let got = zelf.type_name();
            return Err(vm.type_error(format!("descriptor '{name}' requires a '{ty}' object but received a '{got}'")));
        }
        self.call_on(vm, zelf, rest)
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<WrapperDescr>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object else { return Ok(zelf.to_value()) };
        if !object.type_ref().is_subtype(vm, &zelf.owner) {
            let (name, ty, got) = (zelf.def.name, zelf.owner.tp_name(), object.type_name());
            return Err(vm.type_error(format!("descriptor '{name}' for '{ty}' objects doesn't apply to a '{got}' object")));
        }
        Ok(vm.new_object(MethodWrapper { descr: zelf.clone(), zelf: object.clone() })?.into_value())
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<slot wrapper '{}' of '{}' objects>", self.def.name, self.owner.tp_name())
    }

    /// The type that the slot belongs to.
    #[getter]
    fn __objclass__(&self) -> Py<PyType> {
        self.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        crate::types::native::descr_qualname(vm, &self.owner, self.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        self.text(vm)
    }

    #[getter]
    fn __text_signature__(&self) -> &'static str {
        self.def.text_signature
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult {
        crate::types::native::reduce_getattr(vm, self.owner.as_value(), self.def.name)
    }
}

#[pymethods]
impl MethodWrapper {
    #[slot(call)]
    fn slot_call(&self, args: Args<'_>, vm: &mut Vm) -> PyResult {
        self.descr.call_on(vm, &self.zelf, args)
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<method-wrapper '{}' of {} object at {:#x}>", self.descr.def.name, self.zelf.type_name(), self.zelf.id())
    }

    #[slot(hash)]
    fn slot_hash(&self, _vm: &mut Vm) -> PyResult<i64> {
        let address = std::ptr::from_ref::<SlotDef>(self.descr.def) as i64;
        Ok((crate::types::object::hash_id(&self.zelf) ^ (address >> 4)).max(i64::MIN + 1))
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, _vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<MethodWrapper>() else { return Ok(Value::not_implemented()) };
        let same = self.zelf.is_same(&other.zelf) && std::ptr::eq(self.descr.def, other.descr.def) && self.descr.owner.is(&other.descr.owner);
        Ok(match op {
            CompareOp::Eq => Value::from_bool(same),
            CompareOp::Ne => Value::from_bool(!same),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => Value::not_implemented(),
        })
    }

    /// The object that the slot is bound to.
    #[getter(member)]
    fn __self__(&self) -> Value {
        self.zelf.clone()
    }

    #[getter]
    fn __objclass__(&self) -> Py<PyType> {
        self.descr.owner.clone()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        self.descr.def.name
    }

    #[getter]
    fn __qualname__(&self, vm: &mut Vm) -> PyResult {
        crate::types::native::descr_qualname(vm, &self.descr.owner, self.descr.def.name)
    }

    #[getter]
    fn __doc__(&self, vm: &mut Vm) -> PyResult {
        self.descr.text(vm)
    }

    #[getter]
    fn __text_signature__(&self) -> &'static str {
        self.descr.def.text_signature
    }

    /// For pickling.
    #[method]
    fn __reduce__(&self, vm: &mut Vm) -> PyResult {
        crate::types::native::reduce_getattr(vm, &self.zelf, self.descr.def.name)
    }
}
