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
    /// The members' hashes as the union was made; none for those that had none.
    #[traverse(skip)]
    hashes: Box<[Option<i64>]>,
    parameters: GilCell<Option<Py<Tuple>>>,
}

/// Members with their hashes.
type Members = Vec<(Value, Option<i64>)>;

/// Adds a member unless it is there already; unions are flattened, `None` stands for its type. Members that can be hashed are looked for as in a set,
/// the others among each other.
fn add(vm: &mut Vm, members: &mut Members, item: &Value) -> PyResult<()> {
    if let Some(union) = item.downcast::<Union>() {
        let args = union.args.clone();
        for arg in args.items() {
            add(vm, members, arg)?;
        }
        return Ok(());
    }
    let item = if item.is_none() { NoneType::type_object(vm).to_value() } else { item.clone() };
    let hash = vm.hash(&item).ok();
    if !contains(vm, members.iter().map(|(member, hash)| (member, *hash)), &item, hash)? {
        members.push((item, hash));
    }
    Ok(())
}

/// Whether a member is among others.
fn contains<'a>(vm: &mut Vm, members: impl Iterator<Item = (&'a Value, Option<i64>)>, item: &Value, hash: Option<i64>) -> PyResult<bool> {
    for (member, other) in members {
        if member.is_same(item) || (other == hash && vm.eq(member, item)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn make(vm: &mut Vm, members: Members) -> PyResult {
    if let [(only, _)] = members.as_slice() {
        return Ok(only.clone());
    }
    let (args, hashes): (Vec<Value>, Vec<Option<i64>>) = members.into_iter().unzip();
    let args = vm.new_tuple(args)?;
    Ok(vm.new_object(Union { args, hashes: hashes.into(), parameters: GilCell::new(None) })?.into_value())
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
    fn members(&self) -> impl Iterator<Item = (&Value, Option<i64>)> {
        self.args.items().iter().zip(self.hashes.iter().copied())
    }

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

/// Whether all members of `a` are among those of `b`.
fn all_in(vm: &mut Vm, a: &Union, b: &Union) -> PyResult<bool> {
    for (x, hash) in a.members() {
        if !contains(vm, b.members(), x, hash)? {
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
        let mut unhashable = 0;
        for (arg, known) in self.members() {
            match known {
                Some(known) => hash = hash.wrapping_add(known.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) ^ 0x2545_f491),
                None => {
                    vm.hash(arg)?;
                    unhashable += 1;
                }
            }
        }
        if unhashable > 0 {
            // They can be hashed by now; the union cannot.
            return Err(vm.type_error(format!("union contains {unhashable} unhashable elements")));
        }
        Ok(if hash == -1 { -2 } else { hash })
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let (Some(other), CompareOp::Eq | CompareOp::Ne) = (other.downcast::<Union>(), op) else { return Ok(Value::not_implemented()) };
        let unhashable = |union: &Union| union.hashes.iter().filter(|h| h.is_none()).count();
        let equal = self.args.len() == other.args.len() && unhashable(self) == unhashable(other) && all_in(vm, self, other)?;
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
