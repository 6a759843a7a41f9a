//! The `_ast` module: node classes made from the grammar, and the way between the front end's trees and node objects.

use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::str_::Str;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Value, Vm};
use asdl::{Field, GRAMMAR, Located, Type, constructor_name, fields, sum_doc};
use rustc_hash::FxHashMap;

pub mod asdl;
mod from_object;
mod node;
mod to_object;

pub use from_object::{compile_tree, read_tree};
pub use node::Ast;
pub use to_object::to_object;

/// The node classes of an interpreter, by name.
#[derive(Default)]
pub struct AstState {
    classes: FxHashMap<&'static str, Py<PyType>>,
    /// Instances of the classes without fields: contexts and operators.
    singletons: FxHashMap<&'static str, Value>,
}

/// Where an interpreter keeps them.
pub type AstCell = GilCell<Option<AstState>>;

/// Whether `object` is a node of the `ast` module.
pub fn is_node(_vm: &mut Vm, object: &Value) -> PyResult<bool> {
    Ok(object.is::<Ast>())
}

/// A node class by name; the classes are made when first asked for.
pub(crate) fn class(vm: &mut Vm, name: &str) -> PyResult<Py<PyType>> {
    if vm.interp.ast.get(vm).is_none() {
        make_classes(vm)?;
    }
    match vm.interp.ast.get(vm).as_ref().and_then(|s| s.classes.get(name)) {
        Some(class) => Ok(class.clone()),
        None => Err(vm.system_error(format!("there is no node class {name}"))),
    }
}

/// The shared instance of a class without fields.
pub(crate) fn singleton(vm: &mut Vm, name: &'static str) -> PyResult {
    if let Some(found) = vm.interp.ast.get(vm).as_ref().and_then(|s| s.singletons.get(name)) {
        return Ok(found.clone());
    }
    let class = class(vm, name)?;
    let made = vm.new_instance(&class, Ast::default())?.into_value();
    let interp = vm.interp;
    if let Some(state) = interp.ast.get_mut(vm) {
        state.singletons.insert(name, made.clone());
    }
    Ok(made)
}

fn make_classes(vm: &mut Vm) -> PyResult<()> {
    let mut classes: FxHashMap<&'static str, Py<PyType>> = FxHashMap::default();
    let base = Ast::static_type().ready(vm)?.clone();
    let empty = vm.new_tuple(Vec::new())?.into_value();
    if let Some(dict) = base.dict.load(vm) {
        for name in ["_fields", "_attributes", "__match_args__"] {
            let name = vm.intern(name);
            dict.set_str(vm, &name, empty.clone())?;
        }
        let doc = vm.intern("__doc__");
        dict.set_str(vm, &doc, Value::none())?;
    }
    base.core.flags.set(base.core.flags.get() & !crate::types::class::flags::IMMUTABLETYPE);
    base.modified(vm);
    classes.insert("AST", base.clone());
    for ty in GRAMMAR {
        let mut parent = base.clone();
        if !ty.product {
            let doc = sum_doc(ty);
            parent = make_class(vm, ty.name, &base, &[], ty, Some(&doc))?;
            classes.insert(ty.name, parent.clone());
        }
        for constructor in ty.constructors {
            let name = constructor_name(constructor);
            let list = fields(constructor);
            let class = make_class_in(vm, name, &parent, &list, ty.product.then_some(ty), Some(constructor))?;
            let keys = list.iter().map(|f| f.name).chain(attributes(ty).iter().copied()).map(|name| vm.intern(name)).collect();
            instance::reserve_inline(vm, &class, keys);
            classes.insert(name, class);
        }
    }
    for ty in GRAMMAR {
        for constructor in ty.constructors {
            set_field_types(vm, &classes, constructor)?;
        }
    }
    let old = vm.interp.ast.replace(vm, Some(AstState { classes, singletons: FxHashMap::default() }));
    drop(old);
    Ok(())
}

/// What nodes of a type have beside their fields.
fn attributes(ty: &Type) -> &'static [&'static str] {
    if ty.located == Located::No { &[] } else { &["lineno", "col_offset", "end_lineno", "end_col_offset"] }
}

fn make_class(vm: &mut Vm, name: &str, base: &Py<PyType>, list: &[Field], ty: &Type, doc: Option<&str>) -> PyResult<Py<PyType>> {
    make_class_in(vm, name, base, list, Some(ty), doc)
}

/// A class with `_fields`, the defaults of optional fields, and, with `located`, `_attributes`.
fn make_class_in(vm: &mut Vm, name: &str, base: &Py<PyType>, list: &[Field], located: Option<&Type>, doc: Option<&str>) -> PyResult<Py<PyType>> {
    let dict = vm.new_dict()?;
    let names = list.iter().map(|f| Ok(vm.intern(f.name).into_value())).collect::<PyResult<Vec<_>>>()?;
    let names = vm.new_tuple(names)?.into_value();
    let mut entries: Vec<(&str, Value)> = vec![("_fields", names.clone()), ("__match_args__", names)];
    entries.push(("__module__", vm.intern("ast").into_value()));
    if let Some(doc) = doc {
        entries.push(("__doc__", vm.new_str(doc)?.into_value()));
    }
    for field in list.iter().filter(|f| f.optional) {
        entries.push((field.name, Value::none()));
    }
    if let Some(ty) = located {
        let values = attributes(ty).iter().map(|a| Ok(vm.intern(a).into_value())).collect::<PyResult<Vec<_>>>()?;
        entries.push(("_attributes", vm.new_tuple(values)?.into_value()));
        if ty.located == Located::OptionalEnd {
            entries.push(("end_lineno", Value::none()));
            entries.push(("end_col_offset", Value::none()));
        }
    }
    for (key, value) in entries {
        let key = vm.intern(key);
        dict.set_str(vm, &key, value)?;
    }
    let name = vm.intern(name).into_value();
    let bases = vm.new_tuple(vec![base.to_value()])?.into_value();
    let metatype = PyType::static_type().ready(vm)?.to_value();
    let class = vm.call(&metatype, &[name, bases, dict.into_value()])?;
    class.into_py::<PyType>().map_err(|_| vm.system_error("type() gave no class"))
}

/// `_field_types`: `list[stmt]`, `expr | None` and the like.
fn set_field_types(vm: &mut Vm, classes: &FxHashMap<&'static str, Py<PyType>>, constructor: &'static str) -> PyResult<()> {
    let Some(class) = classes.get(constructor_name(constructor)) else { return Ok(()) };
    let types = vm.new_dict()?;
    for field in fields(constructor) {
        let plain = match field.ty {
            "identifier" | "string" => Str::static_type().ready(vm)?.to_value(),
            "int" => crate::types::int::Int::static_type().ready(vm)?.to_value(),
            "constant" => crate::types::object::Object::static_type().ready(vm)?.to_value(),
            name => classes.get(name).map_or_else(Value::none, |c| c.to_value()),
        };
        let value = if field.list {
            let list = crate::types::list::List::static_type().ready(vm)?.to_value();
            vm.getitem(&list, &plain)?
        } else if field.optional {
            vm.binary_op(krait_bytecode::opcode::BinaryOp::NB_OR, &plain, &Value::none())?
        } else {
            plain
        };
        let key = vm.intern(field.name);
        types.set_str(vm, &key, value)?;
    }
    let types = types.into_value();
    for name in ["_field_types", "__annotations__"] {
        let name = vm.intern(name);
        vm.setattr(class.as_value(), &name, &types)?;
    }
    Ok(())
}

crate::module! {
    "_ast",
    doc: "The nodes of syntax trees.",
    functions: [],
    types: [],
    exec: init,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    use crate::compile::flags;
    class(vm, "AST")?;
    let mut names = vec!["AST"];
    for ty in GRAMMAR {
        if !ty.product {
            names.push(ty.name);
        }
        names.extend(ty.constructors.iter().map(|c| constructor_name(c)));
    }
    for name in names {
        let class = class(vm, name)?.into_value();
        let name = vm.intern(name);
        dict.set_str(vm, &name, class)?;
    }
    let constants = [
        ("PyCF_ALLOW_TOP_LEVEL_AWAIT", flags::ALLOW_TOP_LEVEL_AWAIT),
        ("PyCF_ONLY_AST", flags::ONLY_AST as u32),
        ("PyCF_TYPE_COMMENTS", flags::TYPE_COMMENTS),
        ("PyCF_OPTIMIZED_AST", flags::OPTIMIZED_AST),
    ];
    for (name, value) in constants {
        let (name, value) = (vm.intern(name), vm.new_int(value)?);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
