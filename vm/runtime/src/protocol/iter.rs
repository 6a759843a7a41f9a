//! Iteration.

use crate::types::value::ValueExt;
use crate::{PyResult, Value, Vm};

impl Vm {
    /// `iter(object)`.
    pub fn iter(&mut self, object: &Value) -> PyResult {
        let ty = object.ty();
        if let Some(slot) = ty.slots.iter.get() {
            let iterator = slot(self, object)?;
            if iterator.type_ref().slots.iternext.get().is_none() {
                let name = iterator.type_name();
                return Err(self.type_error(format!("iter() returned non-iterator of type '{name}'")));
            }
            return Ok(iterator);
        }
        if ty.slots.item.get().is_some() || crate::types::typeobject::slotdefs::has_generic_getitem(ty) && !object.is::<crate::types::dict::Dict>() {
            return crate::types::iter::new_seq_iter(self, object.clone());
        }
        let name = object.type_name();
        Err(self.type_error(format!("'{name}' object is not iterable")))
    }

    /// The next item, none at the end.
    #[inline]
    pub fn iter_next(&mut self, iterator: &Value) -> PyResult<Option<Value>> {
        self.check_stack(" while getting the next item")?;
        match iterator.type_ref().slots.iternext.get() {
            // A generator's end may come as StopIteration with a value.
            Some(slot) => match slot(self, iterator) {
                Err(e) if self.is_raised::<crate::types::exceptions::StopIteration>(&e) => Ok(None),
                other => other,
            },
            None => {
                let name = iterator.type_name();
                Err(self.type_error(format!("'{name}' object is not an iterator")))
            }
        }
    }

    /// `next(iterator)`: StopIteration at the end.
    pub fn iter_next_value(&mut self, iterator: &Value) -> PyResult {
        self.check_stack(" while getting the next item")?;
        let next = match iterator.type_ref().slots.iternext.get() {
            // Without `iter_next`, which loses the value that StopIteration may carry.
            Some(slot) => slot(self, iterator)?,
            None => self.iter_next(iterator)?,
        };
        match next {
            Some(item) => Ok(item),
            None => Err(self.raise_with::<crate::types::exceptions::StopIteration>(Vec::new())),
        }
    }

    /// Calls `each` for every item of an iterable.
    pub fn for_each(&mut self, iterable: &Value, mut each: impl FnMut(&mut Vm, Value) -> PyResult<()>) -> PyResult<()> {
        let iterator = self.iter(iterable)?;
        while let Some(item) = self.iter_next(&iterator)? {
            each(self, item)?;
        }
        Ok(())
    }

    /// All items of an iterable.
    pub fn collect(&mut self, iterable: &Value) -> PyResult<Vec<Value>> {
        if let Some(list) = iterable.downcast_exact::<crate::types::list::List>() {
            let size = size_of_val(list.items(self));
            self.require_room(size)?;
            return Ok(list.items(self).to_vec());
        }
        if let Some(tuple) = iterable.downcast_exact::<crate::types::tuple::Tuple>() {
            self.require_room(size_of_val(tuple.items()))?;
            return Ok(tuple.items().to_vec());
        }
        let iterator = self.iter(iterable)?;
        let hint = self.length_hint(iterable, 8)?;
        let mut items = Vec::new();
        // A hint may be far too high.
        if (1 << 16..isize::MAX as usize).contains(&hint) && (!krait_heap::fits_memory(hint.saturating_mul(8)) || items.try_reserve(hint.min(1 << 20)).is_err()) {
            return Err(self.memory_error());
        }
        items.reserve(hint.min(1 << 16));
        while let Some(item) = self.iter_next(&iterator)? {
            self.append(&mut items, item)?;
        }
        Ok(items)
    }
}
