//! `X | Y`: `typing.Union`, which is `types.UnionType` too since 3.14.

use crate::types::genericalias::{GenericAlias, make_parameters, substitute, type_repr};
use crate::types::singletons::NoneType;
use crate::types::slots::CompareOp;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Value, Vm, pyclass, pymethods};

/// A union of types, as in int | str.
#[pyclass(name = "Union", module = "typing", managed)]
pub struct Union {
    pub args: Py<Tuple>,
    parameters: GilCell<Option<Py<Tuple>>>,
}

/// Adds a member unless it is there already; unions are flattened, `None` stands for its type.
fn add(vm: &mut Vm, members: &mut Vec<Value>, item: &Value) -> PyResult<()> {
    if let Some(union) = item.downcast::<Union>() {
        let args = union.args.clone();
        for arg in args.items() {
            add(vm, members, arg)?;
        }
        return Ok(());
    }
    let item = if item.is_none() { NoneType::type_object(vm).to_value() } else { item.clone() };
    for member in members.iter() {
        if member.is_same(&item) {
            return Ok(());
        }
        // Types are equal to nothing but themselves, unless their metaclass says otherwise.
        if !(member.is_exact::<PyType>() && item.is_exact::<PyType>()) && vm.eq(member, &item)? {
            return Ok(());
        }
    }
    members.push(item);
    Ok(())
}

fn make(vm: &mut Vm, members: Vec<Value>) -> PyResult {
    if let [only] = members.as_slice() {
        return Ok(only.clone());
    }
    let args = vm.new_tuple(members)?;
    Ok(vm.new_object(Union { args, parameters: GilCell::new(None) })?.into_value())
}

/// A union of whatever members.
pub fn from_members(vm: &mut Vm, items: &[Value]) -> PyResult {
    let mut members = Vec::new();
    for item in items {
        add(vm, &mut members, item)?;
    }
    if members.is_empty() {
        return Err(vm.type_error("Cannot take a Union of no types."));
    }
    make(vm, members)
}

fn is_unionable(item: &Value) -> bool {
    item.is_none() || item.is::<PyType>() || item.is::<GenericAlias>() || item.is::<Union>() || item.is::<crate::types::typing::alias::TypeAlias>()
}

/// `type.__or__` and its like.
pub fn or(vm: &mut Vm, a: &Value, b: &Value) -> PyResult {
    if !is_unionable(a) || !is_unionable(b) {
        if a.is::<Union>() || b.is::<Union>() {
            // A union takes strings and what else `Union[...]` takes.
            let pair = vm.new_tuple(vec![a.clone(), b.clone()])?.into_value();
            let union = <Union as crate::PyClass>::type_object(vm).to_value();
            return vm.getitem(&union, &pair);
        }
        return Ok(Value::not_implemented());
    }
    from_members(vm, &[a.clone(), b.clone()])
}

impl Union {
    fn parameters_tuple(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        if let Some(known) = self.parameters.load(vm) {
            return Ok(known);
        }
        let parameters = make_parameters(vm, self.args.items())?;
        let tuple = vm.new_tuple(parameters)?;
        let old = self.parameters.replace(vm, Some(tuple.clone()));
        drop(old);
        Ok(tuple)
    }
}

/// Whether all of `a` are among `b`.
fn all_in(vm: &mut Vm, a: &[Value], b: &[Value]) -> PyResult<bool> {
    for x in a {
        let mut found = false;
        for y in b {
            if vm.eq(x, y)? {
                found = true;
                break;
            }
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(true)
}

#[pymethods]
impl Union {
    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut out = Vec::new();
        for (i, arg) in self.args.items().iter().enumerate() {
            if i > 0 {
                out.extend(" | ".chars().map(u32::from));
            }
            type_repr(vm, arg, &mut out)?;
        }
        vm.new_str_ucs4(&out)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        let mut hash: i64 = 0x5f3_7a91;
        for arg in self.args.items() {
            hash = hash.wrapping_add(vm.hash(arg)?.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) ^ 0x2545_f491);
        }
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let (Some(other), CompareOp::Eq | CompareOp::Ne) = (other.downcast::<Union>(), op) else { return Ok(Value::not_implemented()) };
        let (a, b) = (self.args.clone(), other.args.clone());
        let equal = a.len() == b.len() && all_in(vm, a.items(), b.items())?;
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        or(vm, a, b)
    }

    #[slot(getitem)]
    fn slot_getitem(zelf: &Py<Union>, item: &Value, vm: &mut Vm) -> PyResult {
        let parameters = zelf.parameters_tuple(vm)?;
        let args = substitute(vm, zelf.as_value(), zelf.args.items(), parameters.items(), item)?;
        from_members(vm, &args)
    }

    #[getter(member)]
    fn __args__(&self) -> Py<Tuple> {
        self.args.clone()
    }

    #[getter]
    fn __parameters__(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        self.parameters_tuple(vm)
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        "Union"
    }

    #[getter]
    fn __qualname__(&self) -> &'static str {
        "Union"
    }

    #[getter]
    fn __origin__(&self, vm: &mut Vm) -> Py<PyType> {
        Union::type_object(vm).clone()
    }

    /// Raises TypeError: a union is no class.
    #[method(text = "(object, /)")]
    fn __mro_entries__(zelf: &Py<Union>, _args: crate::Args<'_>, vm: &mut Vm) -> PyResult {
        let shown = vm.repr(zelf.as_value())?.to_string_lossy().into_owned();
        Err(vm.type_error(format!("Cannot subclass {shown}")))
    }

    /// Union[X, Y] is X | Y; forward references may be given as strings.
    #[classmethod]
    fn __class_getitem__(_cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        let single = std::slice::from_ref(item);
        let items = item.downcast::<Tuple>().map_or(single, |t| t.items()).to_vec();
        let mut checked = Vec::with_capacity(items.len());
        for item in items {
            checked.push(if is_unionable(&item) { item } else { type_check(vm, &item)? });
        }
        from_members(vm, &checked)
    }
}

/// `typing._type_check(item, ...)`.
fn type_check(vm: &mut Vm, item: &Value) -> PyResult {
    let typing = crate::types::object::import(vm, "typing")?;
    let check = vm.getattr_str(&typing, "_type_check")?;
    let message = vm.new_str("Union[arg, ...]: each arg must be a type.")?.into_value();
    vm.call(&check, &[item.clone(), message])
}
