//! Values as the constants that the compiler works with.

use crate::types::bytes::Bytes;
use crate::types::code::CodeObject;
use crate::types::complex::Complex;
use crate::types::float::{Float, float_value};
use crate::types::int::{Bool, Int, IntRef};
use crate::types::set::FrozenSet;
use crate::types::slice::Slice;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};
use krait_bytecode::{Code, Const};
use std::rc::Rc;

impl Vm {
    /// The constant that is `value`; TypeError if no constant can be.
    pub fn const_of(&mut self, value: &Value) -> PyResult<Const> {
        self.check_stack(" while reading a constant")?;
        if value.is_none() {
            return Ok(Const::None);
        }
        if value.is_ellipsis() {
            return Ok(Const::Ellipsis);
        }
        if value.is_exact::<Bool>() {
            return Ok(Const::from_bool(value.is_true()));
        }
        if let Some(int) = IntRef::new(value).filter(|_| value.is_exact::<Int>()) {
            return Ok(Const::from_bigint(int.to_big().into_owned()));
        }
        if let Some(f) = float_value(value).filter(|_| value.is_exact::<Float>()) {
            return Ok(Const::Float(f));
        }
        if let Some(c) = value.downcast_exact::<Complex>() {
            return Ok(Const::Complex(c.real, c.imag));
        }
        if let Some(s) = value.downcast_exact::<Str>() {
            return Ok(Const::Str(s.to_text().into()));
        }
        if let Some(b) = value.downcast_exact::<Bytes>() {
            return Ok(Const::Bytes(b.as_bytes().into()));
        }
        if let Some(t) = value.downcast_exact::<Tuple>() {
            return Ok(Const::Tuple(self.consts_of(t.items())?.into()));
        }
        if value.is_exact::<FrozenSet>() {
            let items = self.collect(value)?;
            return Ok(Const::FrozenSet(self.consts_of(&items)?.into()));
        }
        if let Some(s) = value.downcast_exact::<Slice>() {
            let parts = [self.const_of(&s.start)?, self.const_of(&s.stop)?, self.const_of(&s.step)?];
            return Ok(Const::Slice(Rc::new(parts)));
        }
        if let Some(code) = value.downcast_exact::<CodeObject>() {
            return Ok(Const::Code(Rc::new(self.code_of(code)?)));
        }
        let name = value.type_name();
        Err(self.type_error(format!("a {name} object cannot be a constant of a code object")))
    }

    fn consts_of(&mut self, items: &[Value]) -> PyResult<Vec<Const>> {
        items.iter().map(|item| self.const_of(item)).collect()
    }

    /// The compiler's form of a code object.
    pub fn code_of(&mut self, code: &Py<CodeObject>) -> PyResult<Code> {
        let texts = |names: &Py<Tuple>| names.items().iter().filter_map(|n| n.downcast::<Str>()).map(|n| n.to_text().into()).collect();
        Ok(Code {
            argcount: code.argcount,
            posonlyargcount: code.posonlyargcount,
            kwonlyargcount: code.kwonlyargcount,
            stacksize: code.stacksize,
            flags: code.flags,
            code: code.bytecode.as_bytes().into(),
            consts: self.consts_of(code.consts.items())?,
            names: texts(&code.names),
            localsplusnames: texts(&code.localsplusnames),
            localspluskinds: code.kinds.as_bytes().into(),
            filename: code.filename.load(self).to_text().into(),
            name: code.name.to_text().into(),
            qualname: code.qualname.to_text().into(),
            firstlineno: code.firstlineno,
            linetable: code.linetable.as_bytes().into(),
            exceptiontable: code.exceptiontable.as_bytes().into(),
        })
    }
}
