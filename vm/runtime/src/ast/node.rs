//! `ast.AST`: making nodes out of arguments, copying, pickling, `repr`.

use crate::types::dict::Dict;
use crate::types::genericalias::GenericAlias;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::value::ValueExt;
use crate::{Args, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The base of all nodes. Fields and attributes are in the instance's dict.
#[pyclass(name = "AST", module = "ast", flags(BASETYPE, MANAGED_DICT, ANY_KEYWORDS), managed)]
#[derive(Default)]
#[repr(C)]
pub struct Ast {}

/// The names in a class attribute such as `_fields`.
fn names(vm: &mut Vm, object: &Value, attribute: &str) -> PyResult<Vec<Value>> {
    let name = vm.intern(attribute);
    match vm.getattr_opt(object, &name)? {
        Some(list) => vm.collect(&list),
        None => Ok(Vec::new()),
    }
}

fn text(value: &Value) -> String {
    value.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default()
}

fn short_name(object: &Value) -> String {
    object.ty().tp_name().rsplit('.').next().unwrap_or_default().to_owned()
}

/// Where the name stands, which need not be a string.
fn find(vm: &mut Vm, list: &[Value], name: &Value) -> PyResult<Option<usize>> {
    for (i, item) in list.iter().enumerate() {
        if item.is_same(name) || vm.eq(item, name)? {
            return Ok(Some(i));
        }
    }
    Ok(None)
}

#[pymethods]
impl Ast {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        let _ = args;
        Ok(vm.new_instance(cls, Ast {})?.into_value())
    }

    #[init]
    fn init(zelf: &Py<Ast>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let object = zelf.to_value();
        let class = object.ty().to_value();
        let key = vm.intern("_fields");
        let fields = vm.getattr(&class, &key)?;
        let fields = vm.collect(&fields)?;
        let (given, name) = (args.positional(), short_name(&object));
        if given.len() > fields.len() {
            let (n, s) = (fields.len(), if fields.len() == 1 { "" } else { "s" });
            return Err(vm.type_error(format!("{name} constructor takes at most {n} positional argument{s}")));
        }
        let mut missing: Vec<Value> = Vec::new();
        for (i, field) in fields.iter().enumerate() {
            match given.get(i) {
                Some(value) => set(vm, &object, field, value)?,
                None => missing.push(field.clone()),
            }
        }
        let attributes = names(vm, &class, "_attributes")?;
        for (key, value) in args.keywords() {
            if find(vm, &fields, key)?.is_some() {
                let Some(i) = find(vm, &missing, key)? else {
                    let shown = vm.repr(key)?.to_string_lossy().into_owned();
                    return Err(vm.type_error(format!("{name} got multiple values for argument {shown}")));
                };
                missing.remove(i);
            } else if find(vm, &attributes, key)?.is_none() {
                let shown = vm.repr(key)?.to_string_lossy().into_owned();
                vm.warn_deprecated(&format!(
                    "{name}.__init__ got an unexpected keyword argument {shown}. Support for arbitrary keyword arguments is deprecated and will be removed in Python 3.15."
                ))?;
            }
            set(vm, &object, key, value)?;
        }
        fill_missing(vm, &object, &class, &name, &missing)
    }

    /// Support of pickling: the class, a None for each of the first fields that are set, and the state.
    #[method(name = "__reduce__")]
    fn reduce(zelf: &Py<Ast>, vm: &mut Vm) -> PyResult {
        let object = zelf.to_value();
        let class = object.ty().to_value();
        let dict = crate::types::instance::materialize(vm, &object)?;
        let state = vm.new_dict()?;
        state.copy_from(vm, &dict)?;
        // The constructor gets a None for each field that the state sets: it would complain of missing ones, and the values themselves may
        // lead back to the node.
        let mut positional = Vec::new();
        for field in names(vm, &class, "_fields")? {
            if !state.contains(vm, &field)? {
                break;
            }
            positional.push(Value::none());
        }
        let positional = vm.new_tuple(positional)?.into_value();
        Ok(vm.new_tuple(vec![class, positional, state.into_value()])?.into_value())
    }

    /// A copy of the node with some fields and attributes replaced.
    #[method(name = "__replace__", text = "($self, /, **fields)")]
    fn replace(zelf: &Py<Ast>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        if !args.positional().is_empty() {
            return Err(vm.type_error("__replace__() takes no positional arguments"));
        }
        let object = zelf.to_value();
        let class = object.ty().to_value();
        let dict = crate::types::instance::materialize(vm, &object)?;
        let (fields, attributes) = (names(vm, &class, "_fields")?, names(vm, &class, "_attributes")?);
        let name = short_name(&object);
        let payload = vm.new_dict()?;
        for known in fields.iter().chain(&attributes) {
            if let Some(value) = dict.get(vm, known)? {
                payload.set(vm, known, value)?;
            }
        }
        for (key, value) in args.keywords() {
            if find(vm, &fields, key)?.is_none() && find(vm, &attributes, key)?.is_none() {
                let shown = vm.repr(key)?.to_string_lossy().into_owned();
                return Err(vm.type_error(format!("{name}.__replace__ got an unexpected keyword argument {shown}.")));
            }
            payload.set(vm, key, value.clone())?;
        }
        for field in &fields {
            let key = vm_name(vm, field);
            let optional = vm.getattr_opt(&class, &key)?.is_some();
            if !optional && !payload.contains(vm, field)? {
                let field = text(field);
                return Err(vm.type_error(format!("{name}.__replace__ missing 1 keyword argument: '{field}'.")));
            }
        }
        let empty = vm.new_tuple(Vec::new())?;
        vm.call_tuple_dict(&class, &empty, Some(&payload))
    }

    #[slot(repr)]
    fn slot_repr(zelf: &Py<Ast>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let object = zelf.to_value();
        let shown = show_node(vm, &object, 3)?;
        vm.new_str(&shown)
    }
}

fn vm_name(vm: &mut Vm, name: &Value) -> Py<Str> {
    match name.downcast::<Str>() {
        Some(s) => vm.intern_object(s),
        None => vm.intern(""),
    }
}

fn set(vm: &mut Vm, object: &Value, name: &Value, value: &Value) -> PyResult<()> {
    if !name.is::<Str>() {
        let shown = name.type_name();
        return Err(vm.type_error(format!("attribute name must be string, not '{shown}'")));
    }
    let name = vm_name(vm, name);
    vm.setattr(object, &name, value)
}

/// Fields that were not given: lists become empty, contexts `Load()`, optional ones stay the class's None; the rest is deprecated.
fn fill_missing(vm: &mut Vm, object: &Value, class: &Value, name: &str, missing: &[Value]) -> PyResult<()> {
    if missing.is_empty() {
        return Ok(());
    }
    let key = vm.intern("_field_types");
    let types = vm.getattr_opt(class, &key)?;
    let types = types.as_ref().and_then(|t| t.downcast::<Dict>()).cloned();
    for field in missing {
        let ty = match &types {
            Some(types) => types.get(vm, field)?,
            None => continue,
        };
        let shown = text(field);
        let Some(ty) = ty else {
            let shown = vm.repr(field)?.to_string_lossy().into_owned();
            vm.warn_deprecated(&format!("Field {shown} is missing from {name}._field_types. This will become an error in Python 3.15."))?;
            continue;
        };
        if ty.is::<crate::types::union::Union>() {
            continue;
        }
        if ty.is::<GenericAlias>() {
            let list = vm.new_list(Vec::new())?.into_value();
            set(vm, object, field, &list)?;
            continue;
        }
        let context = super::class(vm, "expr_context")?;
        if ty.is_same(context.as_value()) {
            let load = super::singleton(vm, "Load")?;
            set(vm, object, field, &load)?;
            continue;
        }
        vm.warn_deprecated(&format!("{name}.__init__ missing 1 required positional argument: '{shown}'. This will become an error in Python 3.15."))?;
    }
    Ok(())
}

/// `repr` of a node, `depth` levels deep; of lists only the first and the last item.
fn show_node(vm: &mut Vm, object: &Value, depth: u32) -> PyResult<String> {
    vm.check_stack(" while getting the repr of an object")?;
    let name = short_name(object);
    if depth == 0 {
        return Ok(format!("{name}(...)"));
    }
    let class = object.ty().to_value();
    let mut parts = Vec::new();
    for field in names(vm, &class, "_fields")? {
        let key = vm_name(vm, &field);
        let value = vm.getattr(object, &key)?;
        let shown = if let Some(items) = sequence_items(vm, &value) {
            let (open, close) = if value.is::<Tuple>() { ("(", ")") } else { ("[", "]") };
            let shown = show_items(vm, &items, depth)?;
            format!("{open}{shown}{close}")
        } else if value.is::<Ast>() {
            show_node(vm, &value, depth - 1)?
        } else {
            vm.repr(&value)?.to_string_lossy().into_owned()
        };
        parts.push(format!("{}={shown}", key.to_string_lossy()));
    }
    Ok(format!("{name}({})", parts.join(", ")))
}

fn sequence_items(vm: &Vm, value: &Value) -> Option<Vec<Value>> {
    if let Some(list) = value.downcast::<crate::types::list::List>() {
        return Some(list.items(vm).to_vec());
    }
    value.downcast::<Tuple>().map(|t| t.items().to_vec())
}

fn show_items(vm: &mut Vm, items: &[Value], depth: u32) -> PyResult<String> {
    let mut show = |item: &Value| -> PyResult<String> {
        if item.is::<Ast>() { show_node(vm, item, depth - 1) } else { Ok(vm.repr(item)?.to_string_lossy().into_owned()) }
    };
    Ok(match items {
        [] => String::new(),
        [one] => show(one)?,
        [first, last] => format!("{}, {}", show(first)?, show(last)?),
        [first, .., last] => format!("{}, ..., {}", show(first)?, show(last)?),
    })
}
