//! `isinstance` and `issubclass`, with the hooks of abstract classes, tuples and unions.

use crate::types::tuple::Tuple;
use crate::types::type_::PyType;
use crate::types::union::Union;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm};

/// How deep tuples of classes may nest. The native stack would bear more, but a program that gets here has gone wrong.
const MAX_NESTING: u32 = 10_000;

impl Vm {
    /// `isinstance(object, class)`.
    pub fn isinstance(&mut self, object: &Value, class: &Value) -> PyResult<bool> {
        self.isinstance_nested(object, class, 0)
    }

    fn isinstance_nested(&mut self, object: &Value, class: &Value, depth: u32) -> PyResult<bool> {
        if object.ty().as_value().is_same(class) {
            return Ok(true);
        }
        if class.is_exact::<PyType>() {
            return self.isinstance_real(object, class);
        }
        if let Some(union) = class.downcast::<Union>() {
            let args = union.args.clone();
            return self.any_of(args.items(), depth, |vm, c| vm.isinstance_nested(object, c, depth + 1));
        }
        if let Some(tuple) = class.downcast::<Tuple>() {
            let tuple = tuple.clone();
            return self.any_of(tuple.items(), depth, |vm, c| vm.isinstance_nested(object, c, depth + 1));
        }
        match self.lookup_special(class, n!(__instancecheck__))? {
            Some(check) => {
                let result = self.call(&check, std::slice::from_ref(object))?;
                self.is_true(&result)
            }
            None => self.isinstance_real(object, class),
        }
    }

    /// `issubclass(class, other)`.
    pub fn issubclass(&mut self, class: &Value, other: &Value) -> PyResult<bool> {
        self.issubclass_nested(class, other, 0)
    }

    fn issubclass_nested(&mut self, class: &Value, other: &Value, depth: u32) -> PyResult<bool> {
        if other.is_exact::<PyType>() {
            return if class.is_same(other) { Ok(true) } else { self.issubclass_real(class, other) };
        }
        if let Some(union) = other.downcast::<Union>() {
            let args = union.args.clone();
            return self.any_of(args.items(), depth, |vm, c| vm.issubclass_nested(class, c, depth + 1));
        }
        if let Some(tuple) = other.downcast::<Tuple>() {
            let tuple = tuple.clone();
            return self.any_of(tuple.items(), depth, |vm, c| vm.issubclass_nested(class, c, depth + 1));
        }
        match self.lookup_special(other, n!(__subclasscheck__))? {
            Some(check) => {
                let result = self.call(&check, std::slice::from_ref(class))?;
                self.is_true(&result)
            }
            None => self.issubclass_real(class, other),
        }
    }

    fn any_of(&mut self, classes: &[Value], depth: u32, mut test: impl FnMut(&mut Vm, &Value) -> PyResult<bool>) -> PyResult<bool> {
        self.check_stack(" in __instancecheck__")?;
        if depth > MAX_NESTING {
            return Err(self.recursion_error("maximum recursion depth exceeded in __instancecheck__"));
        }
        for class in classes {
            if test(self, class)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What `type.__instancecheck__` says: by the type, then by `__class__`.
    pub fn isinstance_real(&mut self, object: &Value, class: &Value) -> PyResult<bool> {
        if let Some(ty) = class.downcast::<PyType>() {
            if object.type_ref().is_subtype(self, ty) {
                return Ok(true);
            }
            let claimed = self.getattr_opt(object, n!(__class__))?;
            return Ok(match claimed.as_ref().and_then(|c| c.downcast::<PyType>()) {
                Some(claimed) => claimed.is_subtype(self, ty),
                None => false,
            });
        }
        self.check_class(class, "isinstance() arg 2 must be a type, a tuple of types, or a union")?;
        match self.getattr_opt(object, n!(__class__))? {
            Some(claimed) => self.derives(&claimed, class),
            None => Ok(false),
        }
    }

    /// What `type.__subclasscheck__` says: by the MRO, or by `__bases__` for what is no type.
    pub fn issubclass_real(&mut self, class: &Value, other: &Value) -> PyResult<bool> {
        if let (Some(class), Some(other)) = (class.downcast::<PyType>(), other.downcast::<PyType>()) {
            return Ok(class.is_subtype(self, other));
        }
        self.check_class(class, "issubclass() arg 1 must be a class")?;
        self.check_class(other, "issubclass() arg 2 must be a class, a tuple of classes, or a union")?;
        self.derives(class, other)
    }

    fn bases_tuple(&mut self, class: &Value) -> PyResult<Option<Py<Tuple>>> {
        let bases = self.getattr_opt(class, n!(__bases__))?;
        Ok(bases.and_then(|b| b.into_py::<Tuple>().ok()))
    }

    fn check_class(&mut self, class: &Value, message: &str) -> PyResult<()> {
        match self.bases_tuple(class)? {
            Some(_) => Ok(()),
            None => Err(self.type_error(message)),
        }
    }

    fn derives(&mut self, class: &Value, other: &Value) -> PyResult<bool> {
        self.check_stack(" in __issubclass__")?;
        if class.is_same(other) {
            return Ok(true);
        }
        let Some(bases) = self.bases_tuple(class)? else { return Ok(false) };
        for base in bases.items() {
            if self.derives(base, other)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether the object is of the native type `T` by its MRO; `__class__` is not asked.
    pub fn is_instance_of<T: PyClass>(&self, object: &Value) -> bool {
        object.type_ref().is_subtype(self, T::type_object(self))
    }
}
