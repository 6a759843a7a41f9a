//! `array`: compact vectors of numbers of one machine type.
//!
//! Items stand as bytes in machine order, so that the memory can be exported; it cannot be resized while it is.

mod kinds;
mod methods;

use kinds::Kind;
use krait_runtime::protocol::buffer::{BufferOps, itself};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::type_::PyType;
use krait_runtime::{GilCell, Py, PyClass, PyResult, Value, Vm, module, n, pyclass};
use methods::ArrayIter;
use std::cell::Cell;

/// array(typecode [, initializer]) -> array
///
/// Return a new array whose items are restricted by typecode, and initialized from the optional initializer value, which must be a list,
/// string or iterable over elements of the appropriate type.
///
/// The typecodes and the sizes of their items in bytes: 'b' and 'B' 1, 'h' and 'H' 2, 'i' and 'I' 4, 'l', 'L', 'q' and 'Q' 8 (signed, and
/// unsigned where the letter is large), 'u' and 'w' 4 (characters), 'f' 4 and 'd' 8 (floating point).
#[pyclass(module = "array", name = "array", flags(BASETYPE, SEQUENCE), gc, managed)]
pub struct Array {
    #[traverse(skip)]
    kind: Kind,
    #[traverse(skip)]
    data: GilCell<Vec<u8>>,
    exports: Cell<usize>,
}

impl Array {
    fn new(kind: Kind, data: Vec<u8>) -> Array {
        Array { kind, data: GilCell::new(data), exports: Cell::new(0) }
    }

    /// Number of items.
    fn len(&self, vm: &Vm) -> usize {
        self.data.get(vm).len() / self.kind.size()
    }

    /// The bytes of an item.
    fn item_bytes<'a>(&'a self, vm: &'a Vm, index: usize) -> Option<&'a [u8]> {
        let size = self.kind.size();
        self.data.get(vm).get(index.checked_mul(size)?..(index + 1).checked_mul(size)?)
    }

    /// An item as an object.
    fn get(&self, vm: &mut Vm, index: usize) -> PyResult<Option<Value>> {
        let mut raw = [0u8; 8];
        let Some(bytes) = self.item_bytes(vm, index) else { return Ok(None) };
        let size = bytes.len();
        raw[..size].copy_from_slice(bytes);
        self.kind.load(vm, raw).map(Some)
    }

    /// The vector, to resize.
    #[allow(clippy::mut_from_ref, reason = "the token is the unique borrow")]
    fn resizable<'a>(&'a self, vm: &'a mut Vm) -> PyResult<&'a mut Vec<u8>> {
        if self.exports.get() > 0 {
            return Err(vm.buffer_error("cannot resize an array that is exporting buffers"));
        }
        Ok(self.data.get_mut(vm))
    }

    /// Puts an item in before `index`, which is at most the length.
    fn insert_at(&self, vm: &mut Vm, index: usize, value: &Value) -> PyResult<()> {
        let raw = self.kind.store(vm, value)?;
        let size = self.kind.size();
        let data = self.resizable(vm)?;
        // Converting the value may have changed the array.
        let at = (index * size).min(data.len());
        if data.try_reserve(size).is_err() {
            return Err(vm.memory_error());
        }
        let data = self.data.get_mut(vm);
        data.splice(at..at, raw.into_iter().take(size));
        Ok(())
    }

    /// Appends items given as bytes, a multiple of the item size.
    fn append_bytes(&self, vm: &mut Vm, bytes: &[u8]) -> PyResult<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let full = self.resizable(vm)?.try_reserve(bytes.len()).is_err();
        if full {
            return Err(vm.memory_error());
        }
        self.data.get_mut(vm).extend_from_slice(bytes);
        Ok(())
    }

    /// Appends the items of an iterable, or of another array of the same kind.
    fn extend_from(&self, vm: &mut Vm, iterable: &Value) -> PyResult<()> {
        if let Some(other) = iterable.downcast::<Array>() {
            if other.kind != self.kind {
                return Err(vm.type_error("can only extend with array of same kind"));
            }
            let bytes = other.data.load(vm);
            return self.append_bytes(vm, &bytes);
        }
        let iterator = vm.iter(iterable)?;
        while let Some(item) = vm.iter_next(&iterator)? {
            let end = self.len(vm);
            self.insert_at(vm, end, &item)?;
        }
        Ok(())
    }
}

/// A new array of the class `cls`.
fn new_array(vm: &mut Vm, cls: &Py<PyType>, kind: Kind, data: Vec<u8>) -> PyResult<Py<Array>> {
    vm.new_instance(cls, Array::new(kind, data))
}

/// A new array proper.
fn plain_array(vm: &mut Vm, kind: Kind, data: Vec<u8>) -> PyResult<Py<Array>> {
    vm.new_object(Array::new(kind, data))
}

fn memory<'a>(vm: &'a Vm, owner: &'a Value) -> &'a [u8] {
    owner.downcast::<Array>().map_or(&[], |a| a.data.get(vm))
}

fn memory_mut<'a>(vm: &'a mut Vm, owner: &'a Value) -> Option<&'a mut [u8]> {
    owner.downcast::<Array>().map(|a| a.data.get_mut(vm).as_mut_slice())
}

fn release(_: &mut Vm, owner: &Value) {
    if let Some(a) = owner.downcast::<Array>() {
        a.exports.set(a.exports.get().saturating_sub(1));
    }
}

static ARRAY_BUFFER: BufferOps = BufferOps { bytes: memory, bytes_mut: memory_mut, release, object: itself };

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    ArrayIter::static_type().ready(vm)?;
    let array_type = Array::static_type().ready(vm)?.to_value();
    for (name, value) in [("ArrayType", array_type.clone()), ("typecodes", vm.new_str("bBuwhHiIlLqQfd")?.into_value())] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    // Arrays are mutable sequences, as `collections.abc` sees them.
    let import = vm.builtin(n!(__import__))?;
    let (name, list) = (vm.new_str("collections.abc")?.into_value(), vm.new_str("MutableSequence")?.into_value());
    let list = vm.new_tuple([list])?.into_value();
    let abc = vm.call(&import, &[name, Value::none(), Value::none(), list])?;
    let sequence = vm.getattr_str(&abc, "MutableSequence")?;
    let register = vm.intern("register");
    vm.call_method(&sequence, &register, &[array_type])?;
    Ok(())
}

module! {
    "array",
    doc: "This module defines an object type which can efficiently represent an array of basic values: characters, integers, floating-point numbers.\n\nArrays are sequence types and behave very much like lists, except that the type of objects stored in them is constrained.\n",
    functions: [methods::_array_reconstructor],
    types: [Array],
    exec: init,
    single: true,
}
