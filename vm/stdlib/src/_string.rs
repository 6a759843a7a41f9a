//! `_string`: the readers behind `string.Formatter`.

use krait_runtime::types::str_::Str;
use krait_runtime::types::str_::format::{First, Reader, Step, next_step, split_first};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, module, pyclass, pyfunction, pymethods};
use std::cell::Cell;

/// Iterator over the pieces of a format string.
#[pyclass(name = "formatteriterator")]
struct FormatterIterator {
    string: Py<Str>,
    at: Cell<usize>,
}

#[pymethods]
impl FormatterIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<FormatterIterator>) -> Py<FormatterIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let data = self.string.data();
        let mut reader = Reader::new(data, (0, data.len()));
        reader.at = self.at.get();
        let piece = reader.next_piece();
        self.at.set(reader.at);
        let Some(piece) = piece.map_err(|m| vm.value_error(m))? else { return Ok(None) };
        let literal = vm.new_str_data(data.slice(piece.literal.0, piece.literal.1))?.into_value();
        let none = Value::none;
        let (name, spec, conversion) = match piece.field {
            None => (none(), none(), none()),
            Some(field) => {
                let name = vm.new_str_data(data.slice(field.name.0, field.name.1))?.into_value();
                let spec = vm.new_str_data(data.slice(field.spec.0, field.spec.1))?.into_value();
                let conversion = match field.conversion {
                    Some(c) => vm.new_char(c)?.into_value(),
                    None => none(),
                };
                (name, spec, conversion)
            }
        };
        Ok(Some(vm.new_tuple([literal, name, spec, conversion])?.into_value()))
    }
}

/// Iterator over the steps behind a field's first name.
#[pyclass(name = "fieldnameiterator")]
struct FieldNameIterator {
    string: Py<Str>,
    at: Cell<usize>,
}

#[pymethods]
impl FieldNameIterator {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<FieldNameIterator>) -> Py<FieldNameIterator> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let data = self.string.data();
        let mut at = self.at.get();
        let step = next_step(data, &mut at, data.len());
        self.at.set(at);
        let Some(step) = step.map_err(|m| vm.value_error(m))? else { return Ok(None) };
        let (is_attribute, value) = match step {
            Step::Attribute((a, b)) => (true, vm.new_str_data(data.slice(a, b))?.into_value()),
            Step::Key((a, b)) => (false, vm.new_str_data(data.slice(a, b))?.into_value()),
            Step::Index(n) => (false, vm.new_int(n)?),
        };
        Ok(Some(vm.new_tuple([Value::from_bool(is_attribute), value])?.into_value()))
    }
}

fn string_arg(vm: &mut Vm, object: &Value) -> PyResult<Py<Str>> {
    match object.downcast::<Str>() {
        Some(s) => Ok(s.clone()),
        None => {
            let name = object.type_name();
            Err(vm.type_error(format!("expected str, got {name}")))
        }
    }
}

/// The pieces of a format string: literal text, name, specification and conversion of the field behind it.
#[pyfunction(sig = "(object, /)", text = "($self, object, /)")]
fn formatter_parser(object: &Value, vm: &mut Vm) -> PyResult {
    let string = string_arg(vm, object)?;
    Ok(vm.new_object(FormatterIterator { string, at: Cell::new(0) })?.into_value())
}

/// A field's first name or number, and an iterator over the attributes and items behind it.
#[pyfunction(sig = "(object, /)", text = "($self, object, /)")]
fn formatter_field_name_split(object: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let string = string_arg(vm, object)?;
    let data = string.data();
    let (first, at) = split_first(data, (0, data.len())).map_err(|m| vm.value_error(m))?;
    let first = match first {
        First::Empty => vm.new_str("")?.into_value(),
        First::Index(n) => vm.new_int(n)?,
        First::Name((a, b)) => vm.new_str_data(data.slice(a, b))?.into_value(),
    };
    let rest = vm.new_object(FieldNameIterator { string: string.clone(), at: Cell::new(at) })?.into_value();
    vm.new_tuple([first, rest])
}

module! {
    "_string",
    doc: "Readers of format strings, for the string module.",
    functions: [formatter_field_name_split, formatter_parser],
    types: [],
}
