//! `_csv.reader`: a state machine over the characters of lines.

use super::dialect::Dialect;
use super::{LIMIT, QUOTE_NONE, QUOTE_NONNUMERIC, QUOTE_NOTNULL, QUOTE_STRINGS, error};
use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::{Str, StrBuilder};
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    StartRecord,
    StartField,
    EscapedChar,
    InField,
    InQuotedField,
    EscapeInQuotedField,
    QuoteInQuotedField,
    EatNewline,
    AfterEscapedNewline,
}

/// CSV reader
///
/// Reader objects are responsible for reading and parsing tabular data
/// in CSV format.
#[pyclass(name = "reader", module = "_csv", flags(DISALLOW_INSTANTIATION), gc)]
pub struct Reader {
    lines: Value,
    dialect: Py<Dialect>,
    module: Value,
    line_num: Cell<u64>,
    /// Counts records begun, to notice when an iterator of lines reads records itself.
    begun: Cell<u64>,
}

/// One record in the making.
struct Record {
    state: State,
    fields: Vec<Value>,
    field: StrBuilder,
    unquoted: bool,
    limit: usize,
}

impl Record {
    fn add(&mut self, vm: &mut Vm, c: u32) -> PyResult<()> {
        if self.field.len() >= self.limit {
            let limit = self.limit;
            return Err(error(vm, format!("field larger than field limit ({limit})")));
        }
        self.field.push(c);
        Ok(())
    }

    fn save(&mut self, vm: &mut Vm, d: &Dialect) -> PyResult<()> {
        let text = std::mem::take(&mut self.field);
        let empty = text.is_empty();
        let field = if self.unquoted && empty && matches!(d.quoting, QUOTE_NOTNULL | QUOTE_STRINGS) {
            Value::none()
        } else {
            let text = text.finish(vm)?.into_value();
            if self.unquoted && !empty && matches!(d.quoting, QUOTE_NONNUMERIC | QUOTE_STRINGS) {
                let float = vm.builtin_named("float")?;
                vm.call(&float, &[text])?
            } else {
                text
            }
        };
        self.fields.push(field);
        Ok(())
    }

    /// Ends the field at a line end, or at the end of the line (no character).
    fn end(&mut self, vm: &mut Vm, d: &Dialect, c: Option<u32>) -> PyResult<()> {
        self.save(vm, d)?;
        self.state = if c.is_none() { State::StartRecord } else { State::EatNewline };
        Ok(())
    }

    fn start_field(&mut self, vm: &mut Vm, d: &Dialect, c: Option<u32>) -> PyResult<()> {
        self.unquoted = true;
        match c {
            None | Some(10 | 13) => return self.end(vm, d, c),
            _ if c == d.quotechar && d.quoting != QUOTE_NONE => {
                self.unquoted = false;
                self.state = State::InQuotedField;
            }
            _ if c == d.escapechar => self.state = State::EscapedChar,
            Some(32) if d.skipinitialspace => self.state = State::StartField,
            Some(c) if c == d.delimiter => {
                self.save(vm, d)?;
                self.state = State::StartField;
            }
            Some(c) => {
                self.add(vm, c)?;
                self.state = State::InField;
            }
        }
        Ok(())
    }

    fn in_field(&mut self, vm: &mut Vm, d: &Dialect, c: Option<u32>) -> PyResult<()> {
        match c {
            None | Some(10 | 13) => self.end(vm, d, c),
            _ if c == d.escapechar => {
                self.state = State::EscapedChar;
                Ok(())
            }
            Some(c) if c == d.delimiter => {
                self.state = State::StartField;
                self.save(vm, d)
            }
            Some(c) => {
                self.state = State::InField;
                self.add(vm, c)
            }
        }
    }

    fn step(&mut self, vm: &mut Vm, d: &Dialect, c: Option<u32>) -> PyResult<()> {
        match self.state {
            State::StartRecord => match c {
                None => Ok(()),
                Some(10 | 13) => {
                    self.state = State::EatNewline;
                    Ok(())
                }
                Some(_) => self.start_field(vm, d, c),
            },
            State::StartField => self.start_field(vm, d, c),
            State::EscapedChar => {
                self.state = if matches!(c, Some(10 | 13)) { State::AfterEscapedNewline } else { State::InField };
                self.add(vm, c.unwrap_or(10))
            }
            State::AfterEscapedNewline if c.is_none() => Ok(()),
            State::AfterEscapedNewline | State::InField => self.in_field(vm, d, c),
            State::InQuotedField => match c {
                None => Ok(()),
                _ if c == d.escapechar => {
                    self.state = State::EscapeInQuotedField;
                    Ok(())
                }
                _ if c == d.quotechar && d.quoting != QUOTE_NONE => {
                    self.state = if d.doublequote { State::QuoteInQuotedField } else { State::InField };
                    Ok(())
                }
                Some(c) => self.add(vm, c),
            },
            State::EscapeInQuotedField => {
                self.state = State::InQuotedField;
                self.add(vm, c.unwrap_or(10))
            }
            State::QuoteInQuotedField => self.after_quote(vm, d, c),
            State::EatNewline => match c {
                Some(10 | 13) => Ok(()),
                None => {
                    self.state = State::StartRecord;
                    Ok(())
                }
                Some(_) => {
                    Err(error(vm, "new-line character seen in unquoted field - do you need to open the file with newline=''?"))
                }
            },
        }
    }

    fn after_quote(&mut self, vm: &mut Vm, d: &Dialect, c: Option<u32>) -> PyResult<()> {
        match c {
            Some(q) if d.quoting != QUOTE_NONE && c == d.quotechar => {
                self.state = State::InQuotedField;
                self.add(vm, q)
            }
            Some(c) if c == d.delimiter => {
                self.state = State::StartField;
                self.save(vm, d)
            }
            None | Some(10 | 13) => self.end(vm, d, c),
            Some(c) if !d.strict => {
                self.state = State::InField;
                self.add(vm, c)
            }
            Some(_) => {
                let show = |c: u32| char::from_u32(c).unwrap_or('\u{fffd}');
                let (a, b) = (show(d.delimiter), show(d.quotechar.unwrap_or(34)));
                Err(error(vm, format!("'{a}' expected after '{b}'")))
            }
        }
    }
}

impl Reader {
    /// Over an iterator of lines.
    pub fn new(vm: &mut Vm, lines: Value, dialect: Py<Dialect>, module: Value) -> PyResult<Py<Reader>> {
        vm.new_object(Reader { lines, dialect, module, line_num: Cell::new(0), begun: Cell::new(0) })
    }
}

#[pymethods]
impl Reader {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Reader>) -> Py<Reader> {
        zelf.clone()
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        let limit = vm.getattr_str(&self.module, LIMIT)?;
        let limit = IntRef::new(&limit).and_then(|i| i.to_i64()).and_then(|i| usize::try_from(i).ok()).unwrap_or(0);
        let d: &Dialect = &self.dialect;
        let mut record = Record { state: State::StartRecord, fields: Vec::new(), field: StrBuilder::new(), unquoted: false, limit };
        let begun = self.begun.get() + 1;
        self.begun.set(begun);
        loop {
            let line = vm.iter_next(&self.lines)?;
            if self.begun.get() != begun {
                return Err(error(vm, "iterator has already advanced the reader"));
            }
            let Some(line) = line else {
                if record.field.is_empty() && record.state != State::InQuotedField {
                    return Ok(None);
                }
                if d.strict {
                    return Err(error(vm, "unexpected end of data"));
                }
                record.save(vm, d)?;
                break;
            };
            let Some(line) = line.downcast::<Str>() else {
                let name = line.type_name();
                return Err(error(vm, format!("iterator should return strings, not {name} (the file should be opened in text mode)")));
            };
            self.line_num.set(self.line_num.get() + 1);
            for c in line.chars() {
                record.step(vm, d, Some(c))?;
            }
            record.step(vm, d, None)?;
            if record.state == State::StartRecord {
                break;
            }
        }
        Ok(Some(vm.new_list(record.fields)?.into_value()))
    }

    /// The dialect.
    #[getter]
    fn dialect(&self) -> Py<Dialect> {
        self.dialect.clone()
    }

    /// Lines read so far.
    #[getter]
    fn line_num(&self) -> u64 {
        self.line_num.get()
    }
}
