//! `_count_elements`, the loop of `collections.Counter`, and `_tuplegetter`, the fields of named tuples.

use krait_bytecode::opcode::BinaryOp;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyClass, PyResult, Value, Vm, n, pyclass, pyfunction, pymethods};

/// Count elements in the iterable, updating the mapping
#[pyfunction(sig = "(mapping, iterable, /)")]
pub fn _count_elements(mapping: &Value, iterable: &Value, vm: &mut Vm) -> PyResult<()> {
    let iterator = vm.iter(iterable)?;
    let (zero, one) = (Value::from_i32(0), Value::from_i32(1));
    if let Some(dict) = mapping.downcast::<Dict>().filter(|_| plain_access(vm, mapping)) {
        while let Some(key) = vm.iter_next(&iterator)? {
            let hash = Dict::hash_key(vm, &key)?;
            let old = dict.get_hashed(vm, &key, hash)?;
            let new = match old {
                Some(old) => vm.binary_op(BinaryOp::NB_ADD, &old, &one)?,
                None => one.clone(),
            };
            dict.set_hashed(vm, &key, hash, new)?;
        }
        return Ok(());
    }
    let get = vm.getattr(mapping, n!(get))?;
    while let Some(key) = vm.iter_next(&iterator)? {
        let old = vm.call(&get, &[key.clone(), zero.clone()])?;
        let new = vm.binary_op(BinaryOp::NB_ADD, &old, &one)?;
        vm.setitem(mapping, &key, &new)?;
    }
    Ok(())
}

/// Whether a dict's class has the `get` and `__setitem__` of `dict`.
fn plain_access(vm: &mut Vm, mapping: &Value) -> bool {
    let dict_type = Dict::type_object(vm).clone();
    let ty = mapping.ty().clone();
    [n!(get), n!(__setitem__)].into_iter().all(|name| match (ty.lookup(vm, name), dict_type.lookup(vm, name)) {
        (Some(a), Some(b)) => a.is_same(&b),
        _ => false,
    })
}

/// A read-only attribute that stands for an item of a tuple.
#[pyclass(module = "collections", name = "_tuplegetter", gc)]
pub struct TupleGetter {
    index: isize,
    doc: GilCell<Value>,
}

#[pymethods]
impl TupleGetter {
    #[new(sig = "(index, doc, /)")]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, index: isize, doc: Value, vm: &mut Vm) -> PyResult<Py<TupleGetter>> {
        vm.new_instance(cls, TupleGetter { index, doc: GilCell::new(doc) })
    }

    #[getter(name = "__doc__")]
    fn doc(&self, vm: &mut Vm) -> PyResult {
        Ok(self.doc.load(vm))
    }

    #[setter(name = "__doc__")]
    fn set_doc(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let old = self.doc.replace(vm, value.cloned().unwrap_or_else(Value::none));
        drop(old);
        Ok(())
    }

    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<TupleGetter>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object.filter(|o| !o.is_none()) else { return Ok(zelf.to_value()) };
        let index = zelf.index;
        let Some(tuple) = object.downcast::<Tuple>() else {
            let name = object.type_name();
            return Err(vm.type_error(format!("descriptor for index '{index}' for tuple subclasses doesn't apply to '{name}' object")));
        };
        match usize::try_from(index).ok().and_then(|i| tuple.items().get(i)) {
            Some(item) => Ok(item.clone()),
            None => Err(vm.index_error("tuple index out of range")),
        }
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, _object: &Value, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error(if value.is_some() { "can't set attribute" } else { "can't delete attribute" }))
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let doc = self.doc.load(vm);
        let doc = vm.repr(&doc)?;
        let mut text = krait_unicode::TextBuf::from(format!("_tuplegetter({}, ", self.index));
        text.push_text(&doc.to_text());
        text.push_str(")");
        vm.new_str_text(&text)
    }

    /// For pickling.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<TupleGetter>, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let (index, doc) = (vm.new_int(zelf.index)?, zelf.doc.load(vm));
        let args = vm.new_tuple([index, doc])?.into_value();
        vm.new_tuple([zelf.as_value().ty().to_value(), args])
    }
}
