//! `_pickle.Unpickler`, and the view of its memo.

use super::build::find_global;
use super::machine::{LoadMemo, Unpickling};
use super::source::Source;
use super::unpickling_error;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::native::BuiltinFunction;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pymethods};
use std::cell::Cell;

/// This takes a binary file for reading a pickle data stream.
///
/// The protocol is found out from the data. The file needs read() with a number of bytes, readline(), and for
/// large data readinto(). encoding and errors say how to decode the 8-bit strings of Python 2 ('bytes' leaves them
/// as they are), fix_imports maps its module names. buffers gives the buffers that the pickler left out.
#[pyclass(name = "Unpickler", module = "_pickle", flags(BASETYPE), gc, text_signature = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())")]
#[repr(C)]
pub struct Unpickler {
    /// The file's methods; empty before `__init__`.
    file: GilCell<Vec<Option<Value>>>,
    buffers: GilCell<Option<Value>>,
    /// What a program has put in the place of the method.
    persistent_load: GilCell<Option<Value>>,
    memo: GilCell<LoadMemo>,
    #[traverse(skip)]
    encoding: GilCell<(String, String)>,
    /// The protocol of the pickle that is being read.
    pub proto: Cell<u8>,
    fix_imports: Cell<bool>,
    busy: Cell<bool>,
}

impl Unpickler {
    fn check_idle(&self, vm: &mut Vm) -> PyResult<()> {
        if self.busy.get() { Err(vm.runtime_error("Unpickler object is already used")) } else { Ok(()) }
    }
}

/// UnpicklingError for a persistent id that nobody can load.
pub fn no_persistent_load(vm: &mut Vm) -> Raised {
    unpickling_error(vm, "A load persistent id instruction was encountered, but no persistent_load function was specified.")
}

/// Tells the audit hooks which global is looked up.
pub fn audit_find_class(vm: &mut Vm, module: &Value, name: &Value) -> PyResult<()> {
    if vm.interp.audit_hooks.get(vm).is_empty() {
        return Ok(());
    }
    let sys = vm.imported("sys")?;
    let audit = vm.getattr_str(&sys, "audit")?;
    let event = vm.new_str("pickle.find_class")?.into_value();
    vm.call(&audit, &[event, module.clone(), name.clone()]).map(drop)
}

#[pymethods]
impl Unpickler {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Unpickler>> {
        let _ = args;
        let unpickler = Unpickler {
            file: GilCell::default(),
            buffers: GilCell::new(None),
            persistent_load: GilCell::new(None),
            memo: GilCell::default(),
            encoding: GilCell::default(),
            proto: Cell::new(0),
            fix_imports: Cell::new(false),
            busy: Cell::new(false),
        };
        vm.new_instance(cls, unpickler)
    }

    #[init(sig = "(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=None)")]
    fn init(&self, file: Value, fix_imports: bool, encoding: String, errors: String, buffers: Value, vm: &mut Vm) -> PyResult<()> {
        self.check_idle(vm)?;
        let source = Source::of_file(vm, &file)?;
        let buffers = if buffers.is_none() { None } else { Some(vm.iter(&buffers)?) };
        let old = (self.file.replace(vm, source.methods()), self.buffers.replace(vm, buffers), self.memo.replace(vm, LoadMemo::default()));
        drop(old);
        self.encoding.replace(vm, (encoding, errors));
        self.fix_imports.set(fix_imports);
        self.proto.set(0);
        Ok(())
    }

    /// Return the object with this persistent id; for subclasses.
    #[method(sig = "(pid, /)")]
    fn persistent_load(&self, pid: &Value, vm: &mut Vm) -> PyResult {
        let _ = pid;
        Err(no_persistent_load(vm))
    }

    /// Load a pickle: read it from the file and return the object hierarchy that it describes.
    #[method]
    fn load(zelf: &Py<Unpickler>, vm: &mut Vm) -> PyResult {
        zelf.check_idle(vm)?;
        let Some(source) = Source::of_methods(zelf.file.get(vm)) else {
            let name = zelf.as_value().type_name();
            return Err(unpickling_error(vm, format!("Unpickler.__init__() was not called by {name}.__init__()")));
        };
        let persistent = vm.getattr_str(zelf.as_value(), "persistent_load")?;
        let own = persistent.downcast::<BuiltinFunction>().is_some_and(|f| f.zelf.is_same(zelf.as_value()) && f.def.name == "persistent_load");
        let (encoding, errors) = zelf.encoding.load(vm);
        let mut run = Unpickling::new(vm, source, zelf.fix_imports.get(), encoding, errors)?;
        run.buffers = zelf.buffers.load(vm);
        run.persistent_load = Some(persistent).filter(|_| !own);
        run.unpickler = Some(zelf.to_value());
        run.memo = std::mem::take(zelf.memo.get_mut(vm));
        zelf.busy.set(true);
        let result = run.load(vm);
        zelf.busy.set(false);
        zelf.proto.set(run.proto);
        let old = zelf.memo.replace(vm, std::mem::take(&mut run.memo));
        drop(old);
        result
    }

    /// Return the object of that name from a module, which is imported if need be.
    ///
    /// Subclasses may override this, for example to restrict what can be unpickled. It is called for functions
    /// as well as classes. Both arguments are str objects.
    #[method(sig = "(module_name, global_name, /)")]
    fn find_class(&self, module_name: &Value, global_name: &Value, vm: &mut Vm) -> PyResult {
        find_global(vm, module_name, global_name, self.proto.get(), self.fix_imports.get())
    }

    /// Return the size in memory, in bytes.
    #[method(name = "__sizeof__")]
    fn sizeof(&self, vm: &mut Vm) -> usize {
        let (encoding, errors) = self.encoding.get(vm);
        let texts = if encoding.is_empty() { 0 } else { encoding.len() + errors.len() + 2 };
        232 + self.memo.get(vm).capacity() * 8 + texts
    }

    #[getter]
    fn memo(zelf: &Py<Unpickler>, vm: &mut Vm) -> PyResult {
        Ok(vm.new_object(UnpicklerMemoProxy { unpickler: zelf.clone() })?.into_value())
    }

    #[setter]
    fn set_memo(&self, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        let Some(value) = value else { return Err(vm.type_error("attribute deletion is not supported")) };
        self.check_idle(vm)?;
        let mut memo = LoadMemo::default();
        if let Some(proxy) = value.downcast::<UnpicklerMemoProxy>() {
            for (number, object) in proxy.unpickler.memo.get(vm).entries() {
                memo.set(number, object);
            }
        } else if let Some(dict) = value.downcast::<Dict>() {
            for (key, object) in dict.to_vec(vm) {
                if IntRef::new(&key).is_none() {
                    return Err(vm.type_error("memo key must be integers"));
                }
                match usize::try_from(vm.as_isize(&key)?) {
                    Ok(number) => drop(memo.set(number, object)),
                    Err(_) => return Err(vm.value_error("memo key must be positive integers.")),
                }
            }
        } else {
            let got = value.type_name();
            return Err(vm.type_error(format!("'memo' attribute must be an UnpicklerMemoProxy object or dict, not {got}")));
        }
        let old = self.memo.replace(vm, memo);
        drop(old);
        Ok(())
    }

    #[slot(getattro)]
    fn getattro(zelf: &Py<Unpickler>, name: &Py<Str>, vm: &mut Vm) -> PyResult {
        if name.eq_str("persistent_load")
            && let Some(own) = zelf.persistent_load.load(vm) {
                return Ok(own);
            }
        vm.generic_getattr(zelf.as_value(), name)
    }

    #[slot(setattro)]
    fn setattro(zelf: &Py<Unpickler>, name: &Py<Str>, value: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
        if name.eq_str("persistent_load") {
            let old = zelf.persistent_load.replace(vm, value.cloned());
            drop(old);
            return Ok(());
        }
        vm.generic_setattr(zelf.as_value(), name, value)
    }
}

/// What `Unpickler.memo` shows.
#[pyclass(name = "UnpicklerMemoProxy", module = "_pickle", flags(DISALLOW_INSTANTIATION), gc)]
pub struct UnpicklerMemoProxy {
    unpickler: Py<Unpickler>,
}

#[pymethods]
impl UnpicklerMemoProxy {
    /// Remove all items from the memo.
    #[method]
    fn clear(&self, vm: &mut Vm) -> PyResult<()> {
        self.unpickler.check_idle(vm)?;
        let old = self.unpickler.memo.replace(vm, LoadMemo::default());
        drop(old);
        Ok(())
    }

    /// Copy the memo to a new dict.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult {
        let entries = self.unpickler.memo.get(vm).entries();
        let dict = vm.new_dict()?;
        for (number, object) in entries {
            let number = vm.new_int(number)?;
            dict.set(vm, &number, object)?;
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
    fn hash(zelf: &Py<UnpicklerMemoProxy>, vm: &mut Vm) -> PyResult<i64> {
        let name = zelf.as_value().type_name();
        Err(vm.type_error(format!("unhashable type: '{name}'")))
    }
}
