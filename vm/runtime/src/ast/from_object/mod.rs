//! From node objects to a tree that can be compiled, with the errors of CPython's converter.
//!
//! An attribute that is missing, a list that is none and an object of the wrong class are TypeErrors; `None` where a node is needed is
//! a ValueError once the other fields of its parent have been read. `None` in a list is reported when the whole tree has been read, as
//! CPython's validator does.

use super::asdl::{GRAMMAR, constructor_name};
use crate::compile::{CompileRequest, Mode, compile_module, flags, preprocess, raise_syntax_error};
use crate::types::bytes::Bytes;
use crate::types::complex::Complex;
use crate::types::float::{Float, float_value};
use crate::types::int::{Bool, Int, IntRef};
use crate::types::list::List;
use crate::types::set::FrozenSet;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{PyResult, Raised, Value, Vm};
use krait_syntax::ast::*;
use krait_unicode::{Text, TextBuf};
use std::collections::HashMap;

mod expr;
mod stmt;

/// Compiles a tree of node objects, or optimizes it with `PyCF_OPTIMIZED_AST`.
pub fn compile_tree(vm: &mut Vm, tree: &Value, request: CompileRequest) -> PyResult {
    if request.flags & flags::OPTIMIZED_AST == flags::ONLY_AST as u32 {
        check_mode(vm, tree, request.mode)?;
        return Ok(tree.clone());
    }
    let arena = Arena::new();
    let module = read_tree(vm, &arena, tree, &request)?;
    if request.flags & flags::ONLY_AST as u32 == 0 {
        return compile_module(vm, &arena, &module, &request);
    }
    match preprocess(vm, &arena, &module, &request) {
        Ok(module) => super::to_object(vm, &arena, &module, &request),
        Err(e) => Err(raise_syntax_error(vm, e, &request.filename, None)),
    }
}

/// The tree of a module object, validated.
pub fn read_tree<'a>(vm: &mut Vm, arena: &'a Arena, tree: &Value, request: &CompileRequest) -> PyResult<Mod<'a>> {
    let module = read_module(vm, arena, tree, request.mode)?;
    match krait_compiler::validate::validate(&module) {
        Ok(()) => Ok(module),
        Err(e) => Err(raise_syntax_error(vm, e, &request.filename, None)),
    }
}

/// The class of trees that a mode compiles.
fn wanted(mode: Mode) -> &'static str {
    match mode {
        Mode::Exec => "Module",
        Mode::Single => "Interactive",
        Mode::Eval => "Expression",
        Mode::FuncType => "FunctionType",
    }
}

/// TypeError if the tree is not of the class that the mode compiles.
fn check_mode(vm: &mut Vm, tree: &Value, mode: Mode) -> PyResult<()> {
    let wanted = wanted(mode);
    let class = super::class(vm, wanted)?;
    if tree.ty().is_subtype(vm, &class) {
        return Ok(());
    }
    let got = tree.type_name();
    let got = got.rsplit('.').next().unwrap_or_default();
    Err(vm.type_error(format!("expected {wanted} node, got {got}")))
}

/// The tree of a module object of the kind that `mode` wants.
fn read_module<'a>(vm: &mut Vm, arena: &'a Arena, tree: &Value, mode: Mode) -> PyResult<Mod<'a>> {
    check_mode(vm, tree, mode)?;
    let mut classes = HashMap::new();
    if let Some(state) = vm.interp.ast.get(vm) {
        for ty in GRAMMAR {
            for constructor in ty.constructors {
                let name = constructor_name(constructor);
                if let Some(class) = state.classes.get(name) {
                    classes.insert(class.as_value().bits(), (ty.name, name));
                }
            }
        }
    }
    let mut reader = Reader { vm, arena, classes, none_in_list: None };
    let module = reader.module(tree, wanted(mode))?;
    match reader.none_in_list {
        Some(what) => Err(reader.vm.value_error(format!("None disallowed in {what} list"))),
        None => Ok(module),
    }
}

struct Reader<'a, 'v> {
    vm: &'v mut Vm,
    arena: &'a Arena,
    /// Node classes by address: the type of the grammar, and the constructor.
    classes: HashMap<u64, (&'static str, &'static str)>,
    /// What kind of list held the first `None`.
    none_in_list: Option<&'static str>,
}

/// A field's reader: none for `None`.
type Read<'a, 'v, T> = fn(&mut Reader<'a, 'v>, &Value) -> PyResult<Option<T>>;

/// Once all fields of a node are read: one that is `None` where a value is needed is an error now.
macro_rules! need {
    ($self:ident, $class:expr, $($name:ident),*) => {
        $(let Some($name) = $name else { return Err($self.required($class, stringify!($name))) };)*
    };
}

use need;

impl<'a, 'v> Reader<'a, 'v> {
    #[cold]
    fn required(&mut self, class: &str, field: &str) -> Raised {
        self.vm.value_error(format!("field '{field}' is required for {class}"))
    }

    #[cold]
    fn missing(&mut self, class: &str, field: &str) -> Raised {
        self.vm.type_error(format!("required field \"{field}\" missing from {class}"))
    }

    #[cold]
    fn wrong(&mut self, object: &Value, sum: &str) -> Raised {
        match self.vm.repr(object) {
            Ok(repr) => {
                let repr = repr.to_string_lossy().into_owned();
                self.vm.type_error(format!("expected some sort of {sum}, but got {repr}"))
            }
            Err(e) => e,
        }
    }

    /// The constructor of `sum` that the object's class is or derives from.
    fn constructor(&self, object: &Value, sum: &str) -> Option<&'static str> {
        let direct = |bits: u64| self.classes.get(&bits).filter(|(s, _)| *s == sum).map(|(_, c)| *c);
        let ty = object.ty();
        direct(ty.as_value().bits()).or_else(|| ty.mro.get(self.vm).as_ref()?.items().iter().find_map(|t| direct(t.bits())))
    }

    fn get(&mut self, object: &Value, name: &str) -> PyResult<Option<Value>> {
        let name = self.vm.intern(name);
        self.vm.getattr_opt(object, &name)
    }

    fn enter(&mut self, class: &str) -> PyResult<()> {
        if self.vm.stack_is_short() {
            return self.vm.check_stack(&format!(" while traversing '{class}' node"));
        }
        Ok(())
    }

    /// A field that must be there, though perhaps `None`.
    fn field<T>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<Option<T>> {
        let Some(value) = self.get(object, name)? else { return Err(self.missing(class, name)) };
        self.enter(class)?;
        read(self, &value)
    }

    /// A field that may be missing.
    fn opt<T>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<Option<T>> {
        match self.get(object, name)? {
            Some(value) if !value.is_none() => {
                self.enter(class)?;
                read(self, &value)
            }
            _ => Ok(None),
        }
    }

    fn field_ref<T>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<Option<&'a T>> {
        let found = self.field(object, class, name, read)?;
        Ok(found.map(|x| &*self.arena.alloc(x)))
    }

    fn opt_ref<T>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<Option<&'a T>> {
        let found = self.opt(object, class, name, read)?;
        Ok(found.map(|x| &*self.arena.alloc(x)))
    }

    /// A list whose items may be `None`; a missing list is empty.
    fn opt_list<T>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<Vec<Option<T>>> {
        let Some(value) = self.get(object, name)? else { return Ok(Vec::new()) };
        let Some(list) = value.downcast::<List>() else {
            let got = value.type_name();
            return Err(self.vm.type_error(format!("{class} field \"{name}\" must be a list, not a {got}")));
        };
        let count = list.items(self.vm).len();
        let mut out = Vec::with_capacity(count);
        for i in 0..count {
            let Some(item) = list.items(self.vm).get(i).cloned() else { break };
            self.enter(class)?;
            out.push(read(self, &item)?);
            if list.items(self.vm).len() != count {
                return Err(self.vm.runtime_error(format!("{class} field \"{name}\" changed size during iteration")));
            }
        }
        Ok(out)
    }

    /// A list without `None`.
    fn list<T: Copy>(&mut self, object: &Value, class: &str, name: &str, read: Read<'a, 'v, T>) -> PyResult<&'a [T]> {
        let items = self.opt_list(object, class, name, read)?;
        if items.iter().any(Option::is_none) && self.none_in_list.is_none() {
            let statements = matches!(name, "body" | "orelse" | "finalbody");
            self.none_in_list = Some(if statements { "statement" } else { "expression" });
        }
        let items: Vec<T> = items.into_iter().flatten().collect();
        Ok(self.arena.alloc_slice_copy(&items))
    }

    fn position(&mut self, object: &Value, class: &str, name: &str) -> PyResult<i32> {
        let Some(value) = self.get(object, name)? else { return Err(self.missing(class, name)) };
        Ok(self.int(&value)?.unwrap_or(0))
    }

    /// Where a node stands; `full` if the end must be given.
    fn range(&mut self, object: &Value, class: &str, full: bool) -> PyResult<Range> {
        let lineno = self.position(object, class, "lineno")?;
        let col_offset = self.position(object, class, "col_offset")?;
        if full {
            let end_lineno = self.position(object, class, "end_lineno")?;
            let end_col_offset = self.position(object, class, "end_col_offset")?;
            return Ok(Range { lineno, col_offset, end_lineno, end_col_offset });
        }
        let end_lineno = self.opt(object, class, "end_lineno", Self::int)?.unwrap_or(lineno);
        let end_col_offset = self.opt(object, class, "end_col_offset", Self::int)?.unwrap_or(col_offset);
        Ok(Range { lineno, col_offset, end_lineno, end_col_offset })
    }

    fn int(&mut self, value: &Value) -> PyResult<Option<i32>> {
        let Some(int) = IntRef::new(value) else {
            let repr = self.vm.repr(value)?.to_string_lossy().into_owned();
            return Err(self.vm.value_error(format!("invalid integer value: {repr}")));
        };
        match int.to_i64().and_then(|i| i32::try_from(i).ok()) {
            Some(i) => Ok(Some(i)),
            None => Err(self.vm.overflow_error("Python int too large to convert to C int")),
        }
    }

    fn identifier(&mut self, value: &Value) -> PyResult<Option<&'a str>> {
        if value.is_none() {
            return Ok(None);
        }
        let Some(s) = value.downcast_exact::<Str>() else { return Err(self.vm.type_error("AST identifier must be of type str")) };
        let name = s.to_utf8(self.vm)?;
        Ok(Some(self.arena.alloc_str(&name)))
    }

    fn string(&mut self, value: &Value) -> PyResult<Option<&'a Text>> {
        if value.is_none() {
            return Ok(None);
        }
        if let Some(s) = value.downcast_exact::<Str>() {
            return Ok(Some(self.text(s.to_text())));
        }
        match value.downcast_exact::<Bytes>().and_then(|b| TextBuf::from_bytes(b.as_bytes())) {
            Some(text) => Ok(Some(self.text(text))),
            None => Err(self.vm.type_error("AST string must be of type str")),
        }
    }

    /// Copies text into the arena.
    fn text(&self, text: TextBuf) -> &'a Text {
        match text.as_str() {
            Some(s) => Text::new(self.arena.alloc_str(s)),
            None => {
                let text: &'a TextBuf = self.arena.alloc(text);
                text
            }
        }
    }

    fn constant(&mut self, value: &Value) -> PyResult<Option<Constant<'a>>> {
        self.constant_value(value).map(Some)
    }

    fn constant_value(&mut self, value: &Value) -> PyResult<Constant<'a>> {
        self.vm.check_stack(" during compilation")?;
        if value.is_none() {
            return Ok(Constant::None);
        }
        if value.is_exact::<Bool>() {
            return Ok(if value.is_true() { Constant::True } else { Constant::False });
        }
        if value.is_same(&Value::ellipsis()) {
            return Ok(Constant::Ellipsis);
        }
        if let Some(int) = IntRef::new(value).filter(|_| value.is_exact::<Int>()) {
            return Ok(match int.to_i64() {
                Some(i) => Constant::Int(i),
                None => Constant::BigInt(self.arena.alloc(int.to_big().into_owned())),
            });
        }
        if let Some(f) = float_value(value).filter(|_| value.is_exact::<Float>()) {
            return Ok(Constant::Float(f));
        }
        if let Some(c) = value.downcast_exact::<Complex>() {
            return Ok(Constant::Complex { real: c.real, imag: c.imag });
        }
        if let Some(s) = value.downcast_exact::<Str>() {
            return Ok(Constant::Str(self.text(s.to_text())));
        }
        if let Some(b) = value.downcast_exact::<Bytes>() {
            return Ok(Constant::Bytes(self.arena.alloc_slice_copy(b.as_bytes())));
        }
        if let Some(t) = value.downcast_exact::<Tuple>() {
            let items = t.items().to_vec();
            return Ok(Constant::Tuple(self.constants(&items)?));
        }
        if value.is_exact::<FrozenSet>() {
            let items = self.vm.collect(value)?;
            return Ok(Constant::FrozenSet(self.constants(&items)?));
        }
        let name = value.type_name();
        Err(self.vm.type_error(format!("got an invalid type in Constant: {name}")))
    }

    fn constants(&mut self, items: &[Value]) -> PyResult<&'a [Constant<'a>]> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            out.push(self.constant_value(item)?);
        }
        Ok(self.arena.alloc_slice_copy(&out))
    }

    fn module(&mut self, o: &Value, c: &'static str) -> PyResult<Mod<'a>> {
        Ok(match c {
            "Module" => Mod::Module { body: self.list(o, c, "body", Self::stmt)?, type_ignores: self.list(o, c, "type_ignores", Self::type_ignore)? },
            "Interactive" => Mod::Interactive { body: self.list(o, c, "body", Self::stmt)? },
            _ => {
                let body = self.field_ref(o, c, "body", Self::expr)?;
                need!(self, c, body);
                Mod::Expression { body }
            }
        })
    }

    fn type_ignore(&mut self, o: &Value) -> PyResult<Option<TypeIgnore<'a>>> {
        let Some(c) = self.constructor(o, "type_ignore") else { return Err(self.wrong(o, "type_ignore")) };
        let (lineno, tag) = (self.field(o, c, "lineno", Self::int)?, self.field(o, c, "tag", Self::string)?);
        need!(self, c, lineno, tag);
        Ok(Some(TypeIgnore { lineno, tag }))
    }
}
