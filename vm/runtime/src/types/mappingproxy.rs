//! `types.MappingProxyType`: a read-only view of a mapping.

use crate::args::Args;
use crate::types::dict::Dict;
use crate::types::list::List;
use crate::types::slots::CompareOp;
use krait_bytecode::opcode::BinaryOp;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// A view of a mapping that cannot be written through.
#[pyclass(name = "mappingproxy", flags(MAPPING), gc, text_signature = "(mapping)")]
pub struct MappingProxy {
    pub mapping: Value,
}

impl MappingProxy {
    /// A view of `mapping`, which is not checked.
    pub fn new_object(vm: &mut Vm, mapping: Value) -> PyResult {
        Ok(vm.new_object(MappingProxy { mapping })?.into_value())
    }

    fn call(&self, vm: &mut Vm, name: &str, args: Args<'_>) -> PyResult {
        let method = vm.getattr_str(&self.mapping, name)?;
        vm.call_args(&method, args)
    }
}

#[pymethods]
impl MappingProxy {
    #[new]
    fn py_new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<MappingProxy>> {
        let mapping = match (args.positional(), args.kwnames()) {
            ([mapping], []) => mapping,
            ([], [_]) => args.values().first().unwrap_or(cls.as_value()),
            _ => {
                let n = args.values().len();
                return Err(vm.type_error(match n {
                    0 => "mappingproxy() missing required argument 'mapping' (pos 1)".to_owned(),
                    _ => format!("mappingproxy() takes exactly 1 argument ({n} given)"),
                }));
            }
        };
        if mapping.type_ref().slots.getitem.get().is_none() || mapping.is::<List>() || mapping.is::<Tuple>() {
            let got = mapping.type_name();
            return Err(vm.type_error(format!("mappingproxy() argument must be a mapping, not {got}")));
        }
        vm.new_instance(cls, MappingProxy { mapping: mapping.clone() })
    }

    #[slot(len)]
    fn slot_len(&self, vm: &mut Vm) -> PyResult<usize> {
        vm.len(&self.mapping)
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        vm.getitem(&self.mapping, key)
    }

    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        if let Some(dict) = self.mapping.downcast_exact::<Dict>() {
            return dict.contains(vm, key);
        }
        vm.contains(&self.mapping, key)
    }

    #[slot(iter)]
    fn slot_iter(&self, vm: &mut Vm) -> PyResult {
        vm.iter(&self.mapping)
    }

    #[slot(hash)]
    fn slot_hash(&self, vm: &mut Vm) -> PyResult<i64> {
        vm.hash(&self.mapping)
    }

    #[slot(repr)]
    fn slot_repr(&self, vm: &mut Vm) -> PyResult<String> {
        Ok(format!("mappingproxy({})", vm.repr(&self.mapping)?.to_string_lossy()))
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult {
        vm.str(&self.mapping).map(Py::into_value)
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        vm.rich_compare(&self.mapping, other, op)
    }

    #[slot(or)]
    fn slot_or(a: &Value, b: &Value, vm: &mut Vm) -> PyResult {
        let open = |v: &Value| v.downcast::<MappingProxy>().map_or_else(|| v.clone(), |p| p.mapping.clone());
        vm.binary_op(BinaryOp::NB_OR, &open(a), &open(b))
    }

    #[slot(inplace_or)]
    fn slot_inplace_or(a: &Value, _b: &Value, vm: &mut Vm) -> PyResult {
        let name = a.type_name();
        Err(vm.type_error(format!("'|=' is not supported by {name}; use '|' instead")))
    }

    /// The value of key if the mapping has it, else default.
    #[method(sig = "(key, default=None, /)")]
    fn get(&self, key: Value, default: Value, vm: &mut Vm) -> PyResult {
        self.call(vm, "get", Args::new(&[key, default]))
    }

    /// A view of the keys.
    #[method]
    fn keys(&self, vm: &mut Vm) -> PyResult {
        self.call(vm, "keys", Args::new(&[]))
    }

    /// A view of the values.
    #[method]
    fn values(&self, vm: &mut Vm) -> PyResult {
        self.call(vm, "values", Args::new(&[]))
    }

    /// A view of the items.
    #[method]
    fn items(&self, vm: &mut Vm) -> PyResult {
        self.call(vm, "items", Args::new(&[]))
    }

    /// A shallow copy of the mapping.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult {
        self.call(vm, "copy", Args::new(&[]))
    }

    /// An iterator over the keys from the end.
    #[method]
    fn __reversed__(&self, vm: &mut Vm) -> PyResult {
        self.call(vm, "__reversed__", Args::new(&[]))
    }

    /// Parameters between square brackets make a generic alias.
    #[classmethod]
    fn __class_getitem__(cls: &Py<PyType>, item: &Value, vm: &mut Vm) -> PyResult {
        crate::types::genericalias::new_alias(vm, cls.to_value(), item.clone())
    }
}
