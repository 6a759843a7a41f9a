//! Sequences: concatenation, repetition, searching, unpacking and index conversion (the sequence part of CPython's `abstract.c`).

use crate::types::exceptions::{AttributeError, StopIteration, TypeError, catch};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyClass, PyResult, Value, Vm};
use krait_bytecode::opcode::BinaryOp;

/// What searching a sequence is for (`_PySequence_IterSearch`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Search {
    Count,
    Index,
    Contains,
}

/// Whether the object looks like a sequence (`PySequence_Check`).
pub fn is_sequence(value: &Value) -> bool {
    let slots = &value.type_ref().slots;
    !value.is::<crate::types::dict::Dict>() && (slots.item.get().is_some() || slots.getitem.get().is_some())
}

impl Vm {
    /// The arithmetic operator, none if the operands do not support it.
    fn through(&mut self, a: &Value, b: &Value, op: BinaryOp) -> PyResult<Option<Value>> {
        let supported = [a, b].iter().any(|x| x.type_ref().slots.nb_add.get().is_some() || x.type_ref().slots.nb_inplace_add.get().is_some());
        if supported { self.binary_op(op, a, b).map(Some) } else { Ok(None) }
    }

    /// `a + b` of sequences: the concatenation slot, or `+` if both look like sequences.
    pub fn sequence_concat(&mut self, a: &Value, b: &Value) -> PyResult {
        if let Some(slot) = a.type_ref().slots.concat.get() {
            return slot(self, a, b);
        }
        if is_sequence(a) && is_sequence(b)
            && let Some(result) = self.through(a, b, BinaryOp::NB_ADD)? {
                return Ok(result);
            }
        let name = a.type_name();
        Err(self.type_error(format!("'{name}' object can't be concatenated")))
    }

    /// `a += b` of sequences.
    pub fn sequence_inplace_concat(&mut self, a: &Value, b: &Value) -> PyResult {
        if let Some(slot) = a.type_ref().slots.inplace_concat.get() {
            return slot(self, a, b);
        }
        if a.type_ref().slots.concat.get().is_none() && is_sequence(a) && is_sequence(b)
            && let Some(result) = self.through(a, b, BinaryOp::NB_INPLACE_ADD)? {
                return Ok(result);
            }
        self.sequence_concat(a, b)
    }

    /// `a * count` of a sequence.
    pub fn sequence_repeat(&mut self, a: &Value, count: isize) -> PyResult {
        if let Some(slot) = a.type_ref().slots.repeat.get() {
            return slot(self, a, count);
        }
        let name = a.type_name();
        Err(self.type_error(format!("'{name}' object can't be repeated")))
    }

    /// `a *= count` of a sequence.
    pub fn sequence_inplace_repeat(&mut self, a: &Value, count: isize) -> PyResult {
        match a.type_ref().slots.inplace_repeat.get() {
            Some(slot) => slot(self, a, count),
            None => self.sequence_repeat(a, count),
        }
    }

    /// The items of an iterable; TypeError with `message` if it is none (`PySequence_Fast`).
    pub fn sequence_fast(&mut self, object: &Value, message: &str) -> PyResult<Vec<Value>> {
        if object.is_exact::<List>() || object.is_exact::<Tuple>() {
            return self.collect(object);
        }
        let iterator = match self.iter(object) {
            Ok(iterator) => iterator,
            Err(e) if self.is_raised::<TypeError>(&e) => return Err(self.type_error(message)),
            Err(e) => return Err(e),
        };
        self.collect(&iterator)
    }

    /// Looks for `item` by iterating.
    pub fn sequence_search(&mut self, sequence: &Value, item: &Value, what: Search) -> PyResult<usize> {
        let iterator = match self.iter(sequence) {
            Ok(iterator) => iterator,
            Err(e) if self.is_raised::<TypeError>(&e) => {
                let name = sequence.type_name();
                let message = if what == Search::Contains {
                    format!("argument of type '{name}' is not a container or iterable")
                } else {
                    format!("argument of type '{name}' is not iterable")
                };
                return Err(self.type_error(message));
            }
            Err(e) => return Err(e),
        };
        let mut n = 0usize;
        while let Some(x) = self.iter_next(&iterator)? {
            let equal = self.eq(&x, item)?;
            match (what, equal) {
                (Search::Count, true) => n += 1,
                (Search::Count, false) | (Search::Contains, false) => {}
                (Search::Index, false) => n += 1,
                (Search::Index, true) => return Ok(n),
                (Search::Contains, true) => return Ok(1),
            }
            if n > isize::MAX as usize {
                return Err(self.overflow_error(if what == Search::Count { "count exceeds C integer size" } else { "index exceeds C integer size" }));
            }
        }
        match what {
            Search::Count => Ok(n),
            Search::Contains => Ok(0),
            Search::Index => Err(self.value_error("sequence.index(x): x not in sequence")),
        }
    }

    /// How many items of `sequence` equal `item`.
    pub fn sequence_count(&mut self, sequence: &Value, item: &Value) -> PyResult<usize> {
        self.sequence_search(sequence, item, Search::Count)
    }

    /// Where the first item that equals `item` stands.
    pub fn sequence_index_of(&mut self, sequence: &Value, item: &Value) -> PyResult<usize> {
        self.sequence_search(sequence, item, Search::Index)
    }

    /// `operator.length_hint(object, default)`.
    pub fn length_hint(&mut self, object: &Value, default: usize) -> PyResult<usize> {
        if object.type_ref().slots.len.get().is_some() {
            match self.len(object) {
                Ok(n) => return Ok(n),
                Err(e) if self.is_raised::<TypeError>(&e) => {}
                Err(e) => return Err(e),
            }
        }
        let Some(method) = self.lookup_special(object, n!(__length_hint__))? else { return Ok(default) };
        let result = self.call(&method, &[]);
        let Some(hint) = catch::<TypeError, Value>(self, result)? else { return Ok(default) };
        if hint.is_not_implemented() {
            return Ok(default);
        }
        let Some(int) = IntRef::new(&hint) else {
            let name = hint.type_name();
            return Err(self.type_error(format!("__length_hint__ must be an integer, not {name}")));
        };
        match int.to_i64() {
            Some(n) if n >= 0 => Ok(n as usize),
            Some(_) => Err(self.value_error("__length_hint__() should return >= 0")),
            None if int.is_negative() => Err(self.value_error("__length_hint__() should return >= 0")),
            None => Err(self.overflow_error("Python int too large to convert to C ssize_t")),
        }
    }

    /// An index-like object clipped to the range of `isize` (`PyNumber_AsSsize_t` without error).
    pub fn as_isize_clipped(&mut self, value: &Value) -> PyResult<isize> {
        if let Some(i) = value.as_small_int() {
            return Ok(i as isize);
        }
        let index = self.index(value)?;
        Ok(match IntRef::new(&index) {
            Some(int) => int.to_i64().map_or(if int.is_negative() { isize::MIN } else { isize::MAX }, |i| i as isize),
            None => 0,
        })
    }

    /// An index-like object; OverflowError if it does not fit.
    pub fn as_count(&mut self, value: &Value) -> PyResult<isize> {
        if let Some(i) = value.as_small_int() {
            return Ok(i as isize);
        }
        let index = self.index(value)?;
        match IntRef::new(&index).and_then(|i| i.to_i64()) {
            Some(i) => Ok(i as isize),
            None => {
                let name = value.type_name();
                Err(self.overflow_error(format!("cannot fit '{name}' into an index-sized integer")))
            }
        }
    }

    /// A bound of a slice, clipped; TypeError if it is no index (`_PyEval_SliceIndex` for a bound that is not `None`).
    pub fn slice_index(&mut self, value: &Value) -> PyResult<isize> {
        if value.as_small_int().is_none() && value.type_ref().slots.nb_index.get().is_none() && IntRef::new(value).is_none() {
            return Err(self.type_error("slice indices must be integers or None or have an __index__ method"));
        }
        self.as_isize_clipped(value)
    }

    /// A bound of `index(value, start, stop)`: clipped, negative ones counted from the end by the caller.
    pub fn search_bound(&mut self, value: Option<&Value>, default: isize) -> PyResult<isize> {
        match value {
            None => Ok(default),
            Some(value) => {
                if value.as_small_int().is_none() && value.type_ref().slots.nb_index.get().is_none() && IntRef::new(value).is_none() {
                    return Err(self.type_error("slice indices must be integers or have an __index__ method"));
                }
                self.as_isize_clipped(value)
            }
        }
    }

    /// The items of `iterable`, of which there must be exactly `count` (`UNPACK_SEQUENCE`).
    pub fn unpack_iterable(&mut self, iterable: &Value, count: usize) -> PyResult<Vec<Value>> {
        self.unpack_iterable_ex(iterable, count, None)
    }

    /// The items of `iterable`: `before` ones, and with `after` also a list of those in the middle and `after` ones behind it
    /// (`UNPACK_EX`).
    pub fn unpack_iterable_ex(&mut self, iterable: &Value, before: usize, after: Option<usize>) -> PyResult<Vec<Value>> {
        let iterator = self.unpack_iter(iterable)?;
        let mut items = Vec::new();
        while items.len() < before {
            match self.iter_next(&iterator)? {
                Some(item) => items.push(item),
                None => {
                    let got = items.len();
                    return Err(match after {
                        None => self.value_error(format!("not enough values to unpack (expected {before}, got {got})")),
                        Some(after) => {
                            let want = before + after;
                            self.value_error(format!("not enough values to unpack (expected at least {want}, got {got})"))
                        }
                    });
                }
            }
        }
        let Some(after) = after else {
            if self.iter_next(&iterator)?.is_none() {
                return Ok(items);
            }
            return Err(self.too_many_values(iterable, before));
        };
        let mut rest = self.collect(&iterator)?;
        if rest.len() < after {
            let (want, got) = (before + after, before + rest.len());
            return Err(self.value_error(format!("not enough values to unpack (expected at least {want}, got {got})")));
        }
        let tail = rest.split_off(rest.len() - after);
        let rest = self.new_list(rest)?;
        items.push(rest.into_value());
        items.extend(tail);
        Ok(items)
    }

    fn unpack_iter(&mut self, iterable: &Value) -> PyResult {
        match self.iter(iterable) {
            Err(e) if self.is_raised::<TypeError>(&e) && iterable.type_ref().slots.iter.get().is_none() && iterable.type_ref().slots.item.get().is_none() => {
                let name = iterable.type_name();
                Err(self.type_error(format!("cannot unpack non-iterable {name} object")))
            }
            other => other,
        }
    }

    /// ValueError for too many items; their number is named when it is cheap to know.
    #[cold]
    pub fn too_many_values(&mut self, iterable: &Value, expected: usize) -> crate::Raised {
        if (iterable.is_exact::<List>() || iterable.is_exact::<Tuple>() || iterable.is_exact::<crate::types::dict::Dict>())
            && let Ok(got) = self.len(iterable) {
                return self.value_error(format!("too many values to unpack (expected {expected}, got {got})"));
            }
        self.value_error(format!("too many values to unpack (expected {expected})"))
    }

    /// Says that `object` is being turned into text. True if it already is: a recursive structure, to be cut off. Every false answer must be
    /// followed by [`Vm::repr_leave`].
    pub fn repr_enter(&mut self, object: &Value) -> bool {
        !self.repr_active.insert(object.bits())
    }

    /// Ends what [`Vm::repr_enter`] began.
    pub fn repr_leave(&mut self, object: &Value) {
        self.repr_active.remove(&object.bits());
    }

    /// The builtin `name`, as `__reduce__` methods need it.
    pub fn builtin(&mut self, name: &Py<Str>) -> PyResult {
        let own = self.interp.builtins.load(self).map(Py::into_value);
        let found = match self.current_builtins().or(own) {
            Some(namespace) => crate::eval::ops::names::get_opt(self, &namespace, name)?,
            None => None,
        };
        match found {
            Some(value) => Ok(value),
            None => {
                let name = name.to_string_lossy().into_owned();
                Err(self.raise::<AttributeError>(&name))
            }
        }
    }

    /// Raises StopIteration with a value (none: without arguments).
    pub fn stop_iteration(&mut self, value: Option<Value>) -> crate::Raised {
        self.raise_with::<StopIteration>(value.into_iter().collect())
    }
}

impl Vm {
    /// `cls[item]` of a class that only remembers its arguments (PEP 585).
    pub fn generic_alias(&mut self, cls: &Py<crate::types::type_::PyType>, item: &Value) -> PyResult {
        crate::types::genericalias::new_alias(self, cls.to_value(), item.clone())
    }

    /// A read-only view of a mapping.
    pub fn new_mapping_proxy(&mut self, mapping: &Value) -> PyResult {
        let proxy = crate::types::mappingproxy::MappingProxy::static_type().ready(self)?.to_value();
        self.call(&proxy, std::slice::from_ref(mapping))
    }
}
