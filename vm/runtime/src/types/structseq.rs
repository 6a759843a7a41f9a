//! Struct sequences: tuples with named fields (`sys.version_info`, `os.stat_result`, `time.struct_time`).
//!
//! Each definition becomes one tuple subtype per interpreter, which lives as long as the process. The fields beyond `in_sequence` stand
//! in the pre-header, where `__slots__` values stand; a field's `member_descriptor` reads an item or such a slot.
#![allow(unsafe_code, reason = "lays out types of its own: sets the raw base pointer")]

use crate::args::{ArgSpec, Args, MethodDef, MethodKind};
use crate::types::class::flags;
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::native::{MemberDescr, MethodDescr};
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::typeobject::slotdefs;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyClass, PyResult, Raised, Value, Vm, pyclass, pymethods};
use krait_heap::{Header, TypeFlags};

/// What a struct sequence type is made of.
pub struct StructSeqDef {
    /// With the module in front: "sys.version_info".
    pub name: &'static str,
    pub doc: &'static str,
    /// Names and docs; a nameless field is only an item.
    pub fields: &'static [(&'static str, &'static str)],
    /// How many of the fields are items; the others are attributes only.
    pub in_sequence: usize,
}

impl StructSeqDef {
    fn unnamed(&self) -> usize {
        self.fields.iter().filter(|(name, _)| name.is_empty()).count()
    }

    /// The name of the field that CPython finds for the field at `index`: its table of members has no entries for nameless fields.
    fn member(&self, index: usize) -> &'static str {
        self.fields.iter().filter(|(name, _)| !name.is_empty()).nth(index).map_or("", |f| f.0)
    }
}

/// Types that hold one object for the whole process, which nobody else may make.
const NOT_CALLABLE: &[&str] = &["sys.flags", "sys.version_info"];

/// The interpreter's struct sequence types.
#[derive(Default)]
pub struct StructSeqTypes {
    pub(crate) types: GilCell<Vec<(&'static StructSeqDef, Py<PyType>)>>,
}

/// The type of the definition, made when it is first asked for.
pub fn type_of(vm: &mut Vm, def: &'static StructSeqDef) -> PyResult<Py<PyType>> {
    let known = vm.interp.structseqs.types.get(vm).iter().find(|(d, _)| std::ptr::eq(*d, def)).map(|(_, t)| t.clone());
    match known {
        Some(ty) => Ok(ty),
        None => make_type(vm, def),
    }
}

/// A struct sequence with these values, one for each field.
pub fn new(vm: &mut Vm, def: &'static StructSeqDef, values: Vec<Value>) -> PyResult<Value> {
    let ty = type_of(vm, def)?;
    make(vm, def, &ty, values)
}

/// The definition of a struct sequence's class.
fn def_of(vm: &mut Vm, ty: &Py<PyType>) -> PyResult<&'static StructSeqDef> {
    let found = vm.interp.structseqs.types.get(vm).iter().find(|(_, t)| t.is(ty)).map(|(d, _)| *d);
    match found {
        Some(def) => Ok(def),
        None => Err(vm.system_error("not a struct sequence type")),
    }
}

fn make(vm: &mut Vm, def: &'static StructSeqDef, ty: &Py<PyType>, mut values: Vec<Value>) -> PyResult<Value> {
    values.resize_with(def.fields.len(), Value::none);
    let hidden = values.split_off(def.in_sequence.min(values.len()));
    let object = vm.new_tuple_of(ty, values)?;
    for (i, value) in hidden.into_iter().enumerate() {
        if let Some(slot) = object.header().slot(i as u32) {
            slot.set(Some(value));
        }
    }
    Ok(object.into_value())
}

fn make_type(vm: &mut Vm, def: &'static StructSeqDef) -> PyResult<Py<PyType>> {
    let meta = PyType::type_object(vm);
    let tuple = Tuple::static_type().ready(vm)?.clone();
    let ty = vm.new_instance(meta, PyType::new())?;
    ty.set_own_reference(ty.header());
    ty.header().make_immortal();
    let hidden = def.fields.len().saturating_sub(def.in_sequence);
    let core = &ty.core;
    let mut bits = tuple.core.flags.get() & (flags::INHERITED | TypeFlags::GC | flags::HAVE_GC) | flags::READY;
    if def.name.starts_with("sys.") {
        bits |= flags::IMMUTABLETYPE;
    }
    let callable = !NOT_CALLABLE.contains(&def.name);
    if !callable {
        bits |= flags::DISALLOW_INSTANTIATION;
    }
    core.flags.set(bits);
    core.pre.set((16 + hidden * 8).next_multiple_of(16) as u32);
    core.slot_count.set(hidden as u32);
    core.basicsize.set(tuple.core.basicsize.get());
    core.drop.set(instance::drop_managed);
    core.traverse.set(instance::traverse_managed);
    core.clear.set(instance::clear_managed);
    ty.base.set(&raw const **tuple.own_reference());
    ty.native.set(tuple.native.get());
    ty.has_tail.set(true);
    let (module, name) = def.name.rsplit_once('.').unwrap_or(("builtins", def.name));
    let name = vm.intern(name).into_value();
    ty.tp_name.replace(vm, def.name.to_owned());
    ty.name.replace(vm, Some(name.clone()));
    ty.qualname.replace(vm, Some(name));
    let bases = vm.new_tuple(vec![tuple.to_value()])?;
    ty.bases.replace(vm, Some(bases));
    let mut mro = vec![ty.to_value()];
    if let Some(rest) = tuple.mro.get(vm) {
        mro.extend_from_slice(rest.items());
    }
    let mro = vm.new_tuple(mro)?;
    ty.mro.replace(vm, Some(mro));
    let dict = vm.new_dict()?;
    ty.dict.replace(vm, Some(dict.clone()));
    let address = std::ptr::from_ref::<Header>(ty.header()) as usize;
    tuple.subclasses.get_mut(vm).push(address);
    ty.slots.repr.set(Some(repr));
    if callable {
        ty.slots.new.set(Some(construct));
    }
    slotdefs::add_slot_wrappers(vm, &ty, &dict)?;
    fill_dict(vm, &ty, &dict, def, module)?;
    slotdefs::inherit_slots(vm, &ty, &dict)?;
    if !callable {
        ty.slots.new.set(None);
    }
    vm.interp.structseqs.types.get_mut(vm).push((def, ty.clone()));
    Ok(ty)
}

fn fill_dict(vm: &mut Vm, ty: &Py<PyType>, dict: &Py<Dict>, def: &'static StructSeqDef, module: &str) -> PyResult<()> {
    for method in [&REDUCE, &REPLACE] {
        let key = vm.intern(method.name);
        let value = vm.new_object(MethodDescr::new(ty.clone(), method))?.into_value();
        dict.set_str(vm, &key, value)?;
    }
    for (i, (name, doc)) in def.fields.iter().enumerate() {
        if name.is_empty() {
            continue;
        }
        let name = vm.intern(name);
        let doc = vm.new_str(doc)?.into_value();
        let hidden = i >= def.in_sequence;
        let index = if hidden { i - def.in_sequence } else { i } as u32;
        let base = MemberDescr { owner: ty.clone(), name: name.clone(), index, def: None, doc: Some(doc) };
        let field = vm.new_object(Field { base, hidden })?.into_value();
        dict.set_str(vm, &name, field)?;
    }
    let doc = vm.new_str(def.doc)?.into_value();
    dict.set_str(vm, n!(__doc__), doc)?;
    let module = vm.intern(module).into_value();
    dict.set_str(vm, n!(__module__), module)?;
    for (name, n) in [("n_sequence_fields", def.in_sequence), ("n_fields", def.fields.len()), ("n_unnamed_fields", def.unnamed())] {
        let key = vm.intern(name);
        let value = vm.new_int(n)?;
        dict.set_str(vm, &key, value)?;
    }
    let visible = def.fields.iter().take(def.in_sequence).filter(|(name, _)| !name.is_empty());
    let names: Vec<Value> = visible.map(|(name, _)| vm.intern(name).into_value()).collect();
    let names = vm.new_tuple(names)?.into_value();
    dict.set_str(vm, n!(__match_args__), names)
}

/// A field. Its class derives from that of members of `__slots__`, so that it counts as a data descriptor of that kind.
#[pyclass(name = "member_descriptor", base = MemberDescr, gc)]
#[repr(C)]
pub struct Field {
    base: MemberDescr,
    /// In a slot, not an item.
    hidden: bool,
}

#[pymethods]
impl Field {
    #[slot(descr_get)]
    fn slot_descr_get(zelf: &Py<Field>, object: Option<&Value>, _ty: Option<&Value>, vm: &mut Vm) -> PyResult {
        let Some(object) = object else { return Ok(zelf.to_value()) };
        let field = &zelf.base;
        if !object.type_ref().is_subtype(vm, &field.owner) {
            let (name, ty, got) = (field.name.to_string_lossy().into_owned(), field.owner.tp_name(), object.type_name());
            return Err(vm.type_error(format!("descriptor '{name}' for '{ty}' objects doesn't apply to a '{got}' object")));
        }
        let value = if zelf.hidden {
            object.header().and_then(|h| h.slot(field.index)).and_then(|cell| {
                let value = cell.take();
                cell.set(value.clone());
                value
            })
        } else {
            object.downcast::<Tuple>().and_then(|t| t.items().get(field.index as usize).cloned())
        };
        Ok(value.unwrap_or_else(Value::none))
    }

    #[slot(descr_set)]
    fn slot_descr_set(&self, _object: &Value, _value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        Err(vm.attribute_error("readonly attribute"))
    }
}

static REDUCE_SPEC: ArgSpec = ArgSpec { name: "__reduce__", params: &[], required: 0, positional: 0, posonly: 0, raw: false };
static REPLACE_SPEC: ArgSpec = ArgSpec { name: "__replace__", params: &[], required: 0, positional: 0, posonly: 0, raw: true };
static REDUCE: MethodDef = MethodDef {
    name: "__reduce__",
    func: reduce,
    kind: MethodKind::Instance,
    spec: &REDUCE_SPEC,
    doc: Some("For pickling."),
    text_signature: Some("($self, /)"),
};
static REPLACE: MethodDef = MethodDef {
    name: "__replace__",
    func: replace,
    kind: MethodKind::Instance,
    spec: &REPLACE_SPEC,
    doc: Some("A copy in which the named fields have new values."),
    text_signature: Some("($self, /, **changes)"),
};

/// All values, hidden ones included.
fn values(object: &Value) -> Vec<Value> {
    let mut values = object.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let Some(header) = object.header() else { return values };
    for cell in (0..header.type_core().slot_count.get()).filter_map(|i| header.slot(i)) {
        let value = cell.take();
        cell.set(value.clone());
        values.push(value.unwrap_or_else(Value::none));
    }
    values
}

fn repr(vm: &mut Vm, zelf: &Value) -> PyResult {
    let def = def_of(vm, &zelf.ty().clone())?;
    let items = zelf.downcast::<Tuple>().map(|t| t.items().to_vec()).unwrap_or_default();
    let mut text = format!("{}(", def.name);
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        text.push_str(def.member(i));
        text.push('=');
        text.push_str(&vm.repr(item)?.to_string_lossy());
    }
    text.push(')');
    vm.new_str(&text).map(Py::into_value)
}

fn reduce(vm: &mut Vm, zelf: &Value, _: Args<'_>) -> PyResult {
    let ty = zelf.ty().clone();
    let def = def_of(vm, &ty)?;
    let mut all = values(zelf);
    // A type with a constructor of its own takes the fields themselves.
    if ty.slots.new.get().is_some_and(|f| !std::ptr::fn_addr_eq(f, construct as crate::types::slots::NewFn)) {
        let args = vm.new_tuple(all)?.into_value();
        return vm.new_tuple(vec![ty.into_value(), args]).map(Py::into_value);
    }
    let hidden = all.split_off(def.in_sequence.min(all.len()));
    let items = vm.new_tuple(all)?.into_value();
    let dict = vm.new_dict()?;
    for (i, value) in hidden.into_iter().enumerate() {
        let name = vm.intern(def.member(def.in_sequence + i - def.unnamed()));
        dict.set_str(vm, &name, value)?;
    }
    let args = vm.new_tuple(vec![items, dict.into_value()])?.into_value();
    vm.new_tuple(vec![ty.into_value(), args]).map(Py::into_value)
}

fn replace(vm: &mut Vm, zelf: &Value, args: Args<'_>) -> PyResult {
    if !args.positional().is_empty() {
        return Err(vm.type_error("__replace__() takes no positional arguments"));
    }
    let ty = zelf.ty().clone();
    let def = def_of(vm, &ty)?;
    if def.unnamed() > 0 {
        let name = def.name;
        return Err(vm.type_error(format!("__replace__() is not supported for {name} because it has unnamed field(s)")));
    }
    let mut all = values(zelf);
    let mut unexpected = Vec::new();
    for (key, value) in args.keywords() {
        let text = key.downcast::<Str>().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        match def.fields.iter().position(|(name, _)| *name == text).and_then(|i| all.get_mut(i)) {
            Some(slot) => *slot = value.clone(),
            None => unexpected.push(key.clone()),
        }
    }
    if !unexpected.is_empty() {
        let names = vm.new_list(unexpected)?.into_value();
        let names = vm.repr(&names)?.to_string_lossy().into_owned();
        return Err(vm.type_error(format!("Got unexpected field name(s): {names}")));
    }
    make(vm, def, &ty, all)
}

static NEW_SPEC: ArgSpec = ArgSpec {
    name: "structseq",
    params: &[crate::args::Param { name: "sequence", required: true }, crate::args::Param { name: "dict", required: false }],
    required: 1,
    positional: 2,
    posonly: 0,
    raw: false,
};

fn wrong_length(vm: &mut Vm, def: &StructSeqDef, given: usize) -> Raised {
    let (name, min, max) = (def.name, def.in_sequence, def.fields.len());
    vm.type_error(if min == max {
        format!("{name}() takes a {min}-sequence ({given}-sequence given)")
    } else if given < min {
        format!("{name}() takes an at least {min}-sequence ({given}-sequence given)")
    } else {
        format!("{name}() takes an at most {max}-sequence ({given}-sequence given)")
    })
}

fn construct(vm: &mut Vm, cls: &Py<PyType>, args: Args<'_>) -> PyResult {
    let mut bound: [Option<&Value>; 2] = [None; 2];
    NEW_SPEC.bind(vm, args, &mut bound)?;
    let Some(sequence) = bound[0] else { return Err(NEW_SPEC.missing(vm, 0)) };
    let def = def_of(vm, cls)?;
    let mut items = match vm.iter(sequence) {
        Ok(_) => vm.collect(sequence)?,
        Err(e) if vm.is_raised::<crate::types::exceptions::TypeError>(&e) => {
            return Err(vm.type_error("constructor requires a sequence"));
        }
        Err(e) => return Err(e),
    };
    let dict = match bound[1] {
        None => None,
        Some(value) => match value.downcast::<Dict>() {
            Some(dict) => Some(dict.clone()),
            None => {
                let name = def.name;
                return Err(vm.type_error(format!("{name}() takes a dict as second arg, if any")));
            }
        },
    };
    if items.len() < def.in_sequence || items.len() > def.fields.len() {
        return Err(wrong_length(vm, def, items.len()));
    }
    if let Some(dict) = dict.filter(|d| !d.is_empty(vm)) {
        let mut found = 0;
        for i in items.len()..def.fields.len() {
            let name = vm.intern(def.member(i - def.unnamed()));
            let value = dict.get_str(vm, &name).cloned();
            found += usize::from(value.is_some());
            items.push(value.unwrap_or_else(Value::none));
        }
        if dict.len(vm) > found {
            let name = def.name;
            return Err(vm.type_error(format!("{name}() got duplicate or unexpected field name(s)")));
        }
    }
    make(vm, def, cls, items)
}

#[cfg(test)]
mod tests {
    use super::{StructSeqDef, new};
    use crate::{PyResult, Value};

    static DEF: StructSeqDef =
        StructSeqDef { name: "sample.point", doc: "A point.", fields: &[("x", "first"), ("y", "second"), ("z", "not an item")], in_sequence: 2 };

    #[test]
    fn fields_are_items_and_attributes() -> PyResult<()> {
        let mut vm = crate::testing::vm();
        let vm = &mut *vm;
        let point = new(vm, &DEF, vec![Value::from_i32(1), Value::from_i32(2), Value::from_i32(3)])?;
        assert_eq!(vm.repr(&point)?.to_string_lossy(), "sample.point(x=1, y=2)");
        assert_eq!(vm.len(&point)?, 2);
        assert_eq!(vm.getattr_str(&point, "y")?.as_small_int(), Some(2));
        assert_eq!(vm.getattr_str(&point, "z")?.as_small_int(), Some(3));
        let reduced = vm.call_method(&point, n!(__reduce__), &[])?;
        assert_eq!(vm.repr(&reduced)?.to_string_lossy(), "(<class 'sample.point'>, ((1, 2), {'z': 3}))");
        let ty = crate::types::instance::type_value(&point);
        let items = vm.new_list(vec![Value::from_i32(4)])?.into_value();
        assert!(vm.call(&ty, &[items]).is_err());
        Ok(())
    }
}
