//! `SyntaxError` and its subclasses.

use super::base::TextBuilder;
use super::{BaseException, Exception};
use crate::args::Args;
use crate::types::int::{Int, IntRef};
use crate::types::str_::Str;
use crate::types::value::ValueExt;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The source is not Python.
#[pyclass(base = Exception, flags(BASETYPE))]
#[repr(C)]
pub struct SyntaxError {
    pub base: Exception,
    pub msg: GilCell<Option<Value>>,
    pub filename: GilCell<Option<Value>>,
    pub lineno: GilCell<Option<Value>>,
    pub offset: GilCell<Option<Value>>,
    pub end_lineno: GilCell<Option<Value>>,
    pub end_offset: GilCell<Option<Value>>,
    pub text: GilCell<Option<Value>>,
    pub print_file_and_line: GilCell<Option<Value>>,
    pub _metadata: GilCell<Option<Value>>,
}

impl From<BaseException> for SyntaxError {
    fn from(base: BaseException) -> SyntaxError {
        let none = || GilCell::new(None);
        let msg = base.first_argument();
        SyntaxError {
            base: base.into(),
            msg: GilCell::new(msg),
            filename: none(),
            lineno: none(),
            offset: none(),
            end_lineno: none(),
            end_offset: none(),
            text: none(),
            print_file_and_line: none(),
            _metadata: none(),
        }
    }
}

members!(
    SyntaxError: msg "the message", filename "the file", lineno "the line", offset "the column", text "the line's text",
    end_lineno "the last line", end_offset "the column behind the end", print_file_and_line "whether to show the place",
    _metadata "what suggestions need"
);

fn set(vm: &mut Vm, cell: &GilCell<Option<Value>>, value: Option<&Value>) {
    let old = cell.replace(vm, value.cloned());
    drop(old);
}

impl SyntaxError {
    /// Sets file, line, offset, text, last line and end offset.
    pub fn set_place(&self, vm: &mut Vm, details: &[Value]) {
        let fields = [&self.filename, &self.lineno, &self.offset, &self.text, &self.end_lineno, &self.end_offset];
        for (field, value) in fields.into_iter().zip(details) {
            set(vm, field, Some(value));
        }
    }
}

#[pymethods(parts(MEMBERS))]
impl SyntaxError {
    #[init]
    fn py_init(zelf: &Py<SyntaxError>, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let name = zelf.as_value().type_name();
        args.no_keywords(vm, &name)?;
        let given = args.positional();
        let tuple = vm.new_tuple_from(given)?;
        let old = zelf.base.base.args.replace(vm, Some(tuple));
        drop(old);
        if let Some(msg) = given.first() {
            set(vm, &zelf.msg, Some(msg));
        }
        if let [_, details] = given {
            let details = vm.collect(details)?;
            let n = details.len();
            if n < 4 {
                return Err(vm.type_error(format!("function takes at least 4 arguments ({n} given)")));
            }
            if n > 7 {
                return Err(vm.type_error(format!("function takes at most 7 arguments ({n} given)")));
            }
            let fields = [&zelf.filename, &zelf.lineno, &zelf.offset, &zelf.text, &zelf.end_lineno, &zelf.end_offset, &zelf._metadata];
            for (i, field) in fields.into_iter().enumerate() {
                set(vm, field, details.get(i));
            }
            if details.get(4).is_some() && details.get(5).is_none() {
                return Err(vm.type_error("end_offset must be provided when end_lineno is provided"));
            }
        }
        Ok(())
    }

    #[slot(str)]
    fn slot_str(&self, vm: &mut Vm) -> PyResult<Py<Str>> {
        let msg = self.msg.load(vm).unwrap_or_else(Value::none);
        let msg = vm.str(&msg)?;
        let filename = self.filename.load(vm).filter(|f| f.is::<Str>());
        let lineno = self.lineno.load(vm).filter(|l| l.is_exact::<Int>());
        let line = lineno.map(|l| IntRef::new(&l).and_then(|i| i.to_i64()).unwrap_or(-1));
        let file = filename.as_ref().and_then(|f| f.downcast::<Str>());
        if file.is_none() && line.is_none() {
            return Ok(msg);
        }
        let mut shown = TextBuilder::default().str(&msg).text(" (");
        if let Some(file) = file {
            let start = file.chars().enumerate().rfind(|(_, c)| *c == u32::from('/')).map_or(0, |(i, _)| i + 1);
            let base = vm.new_str_data(file.data().slice(start, file.len()))?;
            shown = shown.str(&base);
        }
        if let Some(line) = line {
            shown = shown.text(&format!("{}line {line}", if file.is_some() { ", " } else { "" }));
        }
        shown.text(")").build(vm)
    }
}

simple! {
    /// The indentation is wrong.
    IndentationError: SyntaxError;
    /// Tabs and spaces are mixed in a way that depends on the width of a tab.
    TabError: IndentationError;
    /// The source ends too early.
    IncompleteInputError: SyntaxError as "_IncompleteInputError";
}

pub(super) const TYPES: super::macros::Types = types![SyntaxError];
