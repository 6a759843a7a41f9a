//! `_pickle.Pickler`, and the view of its memo.

use super::memo::Memo;
use super::save::Pickling;
use super::{buffer_callback, pickling_error, protocol, write_method};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::native::BuiltinFunction;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// This takes a binary file for writing a pickle data stream.
///
/// The protocol is an int from 0 to HIGHEST_PROTOCOL, a negative one meaning the latter; without it the default
/// protocol is used. The file needs a write() method that takes bytes. With fix_imports and a protocol below 3,
/// names of modules are mapped to those of Python 2. buffer_callback is called with every PickleBuffer under
/// protocol 5; if what it returns is false, the buffer is left out of the pickle.
#[pyclass(name = "Pickler", module = "_pickle", flags(BASETYPE), gc, text_signature = "(file, protocol=None, fix_imports=True, buffer_callback=None)")]
#[repr(C)]
pub struct Pickler {
    write: GilCell<Option<Value>>,
    buffer_callback: GilCell<Option<Value>>,
    dispatch_table: GilCell<Option<Value>>,
    /// What a program has put in the place of the method.
    persistent_id: GilCell<Option<Value>>,
    memo: GilCell<Memo>,
    proto: Cell<u8>,
    bin: Cell<i32>,
    fast: Cell<i32>,
    fix_imports: Cell<bool>,
    busy: Cell<bool>,
}

impl Pickler {
    fn check_idle(&self, vm: &mut Vm) -> PyResult<()> {
        if self.busy.get() { Err(vm.runtime_error("Pickler object is already used")) } else { Ok(()) }
    }

    /// A run with this object's settings; the memo is lent to it.
    fn start(zelf: &Py<Pickler>, vm: &mut Vm, write: Value) -> PyResult<Pickling> {
        let persistent = vm.getattr_str(zelf.as_value(), "persistent_id")?;
        let own = persistent.downcast::<BuiltinFunction>().is_some_and(|f| f.zelf.is_same(zelf.as_value()) && f.def.name == "persistent_id");
        let name = vm.intern("reducer_override");
        let reducer_override = vm.getattr_opt(zelf.as_value(), &name)?;
        let mut run = Pickling::new(vm, zelf.proto.get(), zelf.fix_imports.get())?;
        run.bin = zelf.bin.get() != 0;
        run.fast = zelf.fast.get() != 0;
        run.write = Some(write);
        run.persistent_id = Some(persistent).filter(|_| !own);
        run.reducer_override = reducer_override;
        run.dispatch_table = zelf.dispatch_table.load(vm);
        run.buffer_callback = zelf.buffer_callback.load(vm);
        run.memo = std::mem::take(zelf.memo.get_mut(vm));
        Ok(run)
    }
}

#[pymethods]
impl Pickler {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Pickler>> {
        let _ = args;
        let pickler = Pickler {
            write: GilCell::new(None),
            buffer_callback: GilCell::new(None),
            dispatch_table: GilCell::new(None),
            persistent_id: GilCell::new(None),
            memo: GilCell::default(),
            proto: Cell::new(0),
            bin: Cell::new(0),
            fast: Cell::new(0),
            fix_imports: Cell::new(false),
            busy: Cell::new(false),
        };
        vm.new_instance(cls, pickler)
    }

    #[init(sig = "(file, protocol=None, fix_imports=True, buffer_callback=None)")]
    fn init(zelf: &Py<Pickler>, file: Value, protocol: Value, fix_imports: bool, buffer_callback: Value, vm: &mut Vm) -> PyResult<()> {
        zelf.check_idle(vm)?;
        let proto = self::protocol(vm, &protocol)?;
        let write = write_method(vm, &file)?;
        let callback = self::buffer_callback(vm, buffer_callback, proto)?;
        zelf.proto.set(proto);
        zelf.bin.set(i32::from(proto > 0));
        zelf.fast.set(0);
        zelf.fix_imports.set(fix_imports);
        let old = (zelf.write.replace(vm, Some(write)), zelf.buffer_callback.replace(vm, callback), zelf.memo.replace(vm, Memo::default()));
        drop(old);
        let name = vm.intern("dispatch_table");
        let table = vm.getattr_opt(zelf.as_value(), &name)?;
        let old = zelf.dispatch_table.replace(vm, table);
        drop(old);
        Ok(())
    }

    /// Return the persistent id of an object, None to pickle it as usual; for subclasses.
    #[method(sig = "(obj, /)")]
    fn persistent_id(&self, obj: &Value) {
        let _ = obj;
    }

    /// Write the pickled representation of the object to the open file.
    #[method(sig = "(obj, /)")]
    fn dump(zelf: &Py<Pickler>, obj: &Value, vm: &mut Vm) -> PyResult<()> {
        zelf.check_idle(vm)?;
        let Some(write) = zelf.write.load(vm) else {
            let name = zelf.as_value().type_name();
            return Err(pickling_error(vm, format!("Pickler.__init__() was not called by {name}.__init__()")));
        };
        let mut run = Pickler::start(zelf, vm, write)?;
        zelf.busy.set(true);
        let result = run.dump(vm, obj).and_then(|()| run.flush(vm));
        zelf.busy.set(false);
        let old = zelf.memo.replace(vm, std::mem::take(&mut run.memo));
        drop(old);
        result
    }

    /// Forget the objects that have been pickled.
    ///
    /// The memo is what makes shared and recursive objects be pickled by reference.
    #[method]
    fn clear_memo(&self, vm: &mut Vm) -> PyResult<()> {
        self.check_idle(vm)?;
        let old = self.memo.replace(vm, Memo::default());
        drop(old);
        Ok(())
    }

    /// Return the size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> usize {
        // The object, the memo's head, its table, and the buffer.
        144 + 32 + self.memo.get(vm).capacity() * 16 + 33 + 1000
    }

    #[getter]
    fn bin(&self) -> i32 {
        self.bin.get()
    }

    #[setter]
    fn set_bin(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_int(vm, &self.bin, value)
    }

    #[getter]
    fn fast(&self) -> i32 {
        self.fast.get()
    }

    #[setter]
    fn set_fast(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        set_int(vm, &self.fast, value)
    }

    #[getter]
    fn dispatch_table(&self, vm: &mut Vm) -> PyResult {
        match self.dispatch_table.load(vm) {
            Some(table) => Ok(table),
            None => Err(vm.attribute_error("dispatch_table")),
        }
    }

    #[setter]
    fn set_dispatch_table(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if value.is_none() && self.dispatch_table.get(vm).is_none() {
            return Err(vm.attribute_error("dispatch_table"));
        }
        let old = self.dispatch_table.replace(vm, value.cloned());
        drop(old);
        Ok(())
    }

    #[getter]
    fn memo(zelf: &Py<Pickler>, vm: &mut Vm) -> PyResult {
        Ok(vm.new_object(PicklerMemoProxy { pickler: zelf.clone() })?.into_value())
    }

    #[setter]
    fn set_memo(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("attribute deletion is not supported")) };
        self.check_idle(vm)?;
        let mut memo = Memo::default();
        if let Some(proxy) = value.downcast::<PicklerMemoProxy>() {
            for (object, number) in proxy.pickler.memo.get(vm).entries() {
                memo.set(object, *number);
            }
        } else if let Some(dict) = value.downcast::<Dict>() {
            for (_, pair) in dict.to_vec(vm) {
                let Some([number, object]) = pair.downcast::<Tuple>().map(|t| t.items()) else {
                    return Err(vm.type_error("'memo' values must be 2-item tuples"));
                };
                let number = vm.as_isize(number)?;
                memo.set(object, number.max(0) as usize);
            }
        } else {
            let got = value.type_name();
            return Err(vm.type_error(format!("'memo' attribute must be a PicklerMemoProxy object or dict, not {got}")));
        }
        let old = self.memo.replace(vm, memo);
        drop(old);
        Ok(())
    }

    #[slot(getattro)]
    fn getattro(zelf: &Py<Pickler>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        if name.eq_str("persistent_id")
            && let Some(own) = zelf.persistent_id.load(vm) {
                return Ok(own);
            }
        vm.generic_getattr(zelf.as_value(), name)
    }

    #[slot(setattro)]
    fn setattro(zelf: &Py<Pickler>, name: &Py<Str>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if name.eq_str("persistent_id") {
            let old = zelf.persistent_id.replace(vm, value.cloned());
            drop(old);
            return Ok(());
        }
        vm.generic_setattr(zelf.as_value(), name, value)
    }
}

fn set_int(vm: &mut Vm, cell: &Cell<i32>, value: Option<&Value>) -> PyResult<()> {
    let Some(value) = value else { return Err(vm.type_error("can't delete numeric/char attribute")) };
    cell.set(super::as_long(vm, value)? as i32);
    Ok(())
}

/// What `Pickler.memo` shows.
#[pyclass(name = "PicklerMemoProxy", module = "_pickle", flags(DISALLOW_INSTANTIATION), gc)]
pub struct PicklerMemoProxy {
    pickler: Py<Pickler>,
}

#[pymethods]
impl PicklerMemoProxy {
    /// Remove all items from the memo.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.pickler.clear_memo(vm)
    }

    /// Copy the memo to a new dict.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult {
        let entries: Vec<(Value, usize)> = self.pickler.memo.get(vm).entries().to_vec();
        let dict = vm.new_dict()?;
        for (object, number) in entries {
            let (id, number) = (vm.new_int(object.id())?, vm.new_int(number)?);
            let pair = vm.new_tuple_from(&[number, object])?;
            dict.set(vm, &id, pair.into_value())?;
        }
        Ok(dict.into_value())
    }

    /// Pickle the memo as a dict.
    #[method(name = "__reduce__")]
    fn reduce(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let copy = self.copy(vm)?;
        let args = vm.new_tuple_from(std::slice::from_ref(&copy))?.into_value();
        vm.new_tuple_from(&[copy.ty().to_value(), args])
    }

    #[slot(hash)]
    fn hash(zelf: &Py<PicklerMemoProxy>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }
}
