//! `_csv.writer`.

use super::dialect::Dialect;
use super::{QUOTE_ALL, QUOTE_NONE, QUOTE_NONNUMERIC, QUOTE_NOTNULL, QUOTE_STRINGS, error};
use krait_runtime::types::exceptions::TypeError;
use krait_runtime::types::str_::{Str, StrBuilder};
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyclass, pymethods};

/// CSV writer
///
/// Writer objects are responsible for generating tabular data
/// in CSV format from sequence input.
#[pyclass(name = "writer", module = "_csv", flags(DISALLOW_INSTANTIATION), gc)]
pub struct Writer {
    /// The file's `write`.
    pub write: Value,
    pub dialect: Py<Dialect>,
}

/// Appends a field, none for `None`.
fn append(vm: &mut Vm, d: &Dialect, out: &mut StrBuilder, fields: usize, field: Option<&Str>, mut quoted: bool) -> PyResult<()> {
    let empty = field.is_none_or(Str::is_empty);
    if empty && d.delimiter == 32 && d.skipinitialspace {
        if d.quoting == QUOTE_NONE || (field.is_none() && matches!(d.quoting, QUOTE_STRINGS | QUOTE_NOTNULL)) {
            return Err(error(vm, "empty field must be quoted if delimiter is a space and skipinitialspace is true"));
        }
        quoted = true;
    }
    if fields > 0 {
        out.push(d.delimiter);
    }
    let mut body = StrBuilder::new();
    for c in field.into_iter().flat_map(|f| f.chars()) {
        let some = Some(c);
        let special = c == d.delimiter || some == d.escapechar || some == d.quotechar || c == 10 || c == 13 || d.lineterminator.chars().any(|x| x == c);
        if special {
            let mut escaped = d.quoting == QUOTE_NONE;
            if !escaped {
                if some == d.quotechar {
                    if d.doublequote { body.push(c) } else { escaped = true }
                } else if some == d.escapechar {
                    escaped = true;
                }
                if !escaped {
                    quoted = true;
                }
            }
            if escaped {
                match d.escapechar {
                    Some(e) => body.push(e),
                    None => return Err(error(vm, "need to escape, but no escapechar set")),
                }
            }
        }
        body.push(c);
    }
    let quote = d.quotechar.filter(|_| quoted);
    quote.into_iter().for_each(|q| out.push(q));
    out.push_data(body.data());
    quote.into_iter().for_each(|q| out.push(q));
    Ok(())
}

fn is_number(value: &Value) -> bool {
    let slots = &value.ty().slots;
    slots.nb_int.get().is_some() || slots.nb_float.get().is_some() || slots.nb_index.get().is_some() || value.type_name() == "complex"
}

#[pymethods]
impl Writer {
    /// Write the fields of an iterable as one record.
    #[method(sig = "(row, /)")]
    fn writerow(&self, row: &Value, vm: &mut Vm) -> PyResult {
        let iterator = match vm.iter(row) {
            Ok(iterator) => iterator,
            Err(e) if vm.is_raised::<TypeError>(&e) => {
                let name = row.type_name();
                return Err(error(vm, format!("iterable expected, not {name}")));
            }
            Err(e) => return Err(e),
        };
        let d: &Dialect = &self.dialect;
        let (mut out, mut fields, mut null) = (StrBuilder::new(), 0usize, false);
        while let Some(field) = vm.iter_next(&iterator)? {
            let quoted = match d.quoting {
                QUOTE_NONNUMERIC => !is_number(&field),
                QUOTE_ALL => true,
                QUOTE_STRINGS => field.is::<Str>(),
                QUOTE_NOTNULL => !field.is_none(),
                _ => false,
            };
            null = field.is_none();
            if null {
                append(vm, d, &mut out, fields, None, quoted)?;
            } else {
                let text = vm.str(&field)?;
                append(vm, d, &mut out, fields, Some(&text), quoted)?;
            }
            fields += 1;
        }
        if fields > 0 && out.is_empty() {
            if d.quoting == QUOTE_NONE || (null && matches!(d.quoting, QUOTE_STRINGS | QUOTE_NOTNULL)) {
                return Err(error(vm, "single empty field record must be quoted"));
            }
            append(vm, d, &mut out, fields - 1, None, true)?;
        }
        out.push_object(&d.lineterminator);
        let line = out.finish(vm)?.into_value();
        vm.call(&self.write, &[line])
    }

    /// Write the rows of an iterable.
    #[method(sig = "(rows, /)")]
    fn writerows(&self, rows: &Value, vm: &mut Vm) -> PyResult<()> {
        vm.for_each(rows, |vm, row| self.writerow(&row, vm).map(|_| ()))
    }

    /// The dialect.
    #[getter]
    fn dialect(&self) -> Py<Dialect> {
        self.dialect.clone()
    }
}
