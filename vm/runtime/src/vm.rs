//! [`Vm`], the current thread's state, and [`Interpreter`], what the threads of one interpreter share.
//!
//! Holding a `Vm` means holding the GIL. `&mut Vm` may run Python code, `&Vm` cannot.
#![allow(unsafe_code, reason = "makes the process's singletons and allocates objects")]

use crate::config::Config;
use crate::types::class::{ClassDef, PyClass, StaticType};
use crate::types::dict::Dict;
use crate::types::instance;
use crate::types::singletons::{EllipsisType, NoneType, NotImplementedType};
use crate::types::str_::Str;
use crate::types::tuple::Tuple;
use crate::types::type_::{MethodCache, PyType};
use crate::{GilCell, Py, PyResult, Raised, Value};
use crate::types::str_::intern::InternTable;
use krait_heap::state::HeapState;
use std::cell::Cell;
use std::hash::Hasher;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a module leaves with the interpreter to be run on the main thread.
pub type Handler = fn(&mut Vm) -> PyResult<()>;
/// Collects the garbage of a generation.
pub type Collector = fn(&mut Vm, usize);
/// Makes an object of `typing`, by its name, of these arguments.
pub type TypingIntrinsic = fn(&mut Vm, &str, &[Value]) -> PyResult;

/// What the threads of one interpreter share. Leaked when made: it lives as long as the process needs it.
pub struct Interpreter {
    /// The heap of the interpreter's objects.
    pub heap: &'static HeapState,
    pub method_cache: MethodCache,
    /// The counters of versions are those of all interpreters that share the builtin types: inline caches and method caches tell by a version
    /// alone whether they are right.
    pub next_type_version: &'static Cell<u32>,
    pub next_dict_version: &'static Cell<u32>,
    pub next_code_version: &'static Cell<u32>,
    /// See [`crate::eval::breaker`]: what the evaluator has to look at soon. Signal handlers and other threads set bits.
    pub eval_breaker: std::sync::atomic::AtomicU32,
    /// What is left of the host's limits.
    pub(crate) limits: crate::limits::Remaining,
    pub gil: &'static crate::eval::gil::Gil,
    /// The threads that have a `Vm`.
    pub(crate) threads: GilCell<Vec<std::rc::Rc<crate::eval::gil::Place>>>,
    /// Runs Python's signal handlers, on the main thread.
    pub signal_handler: Cell<Option<Handler>>,
    /// Runs pending calls, on the main thread.
    pub pending_calls: Cell<Option<Handler>>,
    /// Addresses of the definitions of `len`, `isinstance` and `list.append`, once a call of them has been specialised.
    pub(crate) len_def: Cell<usize>,
    pub(crate) isinstance_def: Cell<usize>,
    pub(crate) append_def: Cell<usize>,
    /// Collects a generation of garbage.
    pub collector: Cell<Option<Collector>>,
    /// Makes type parameters: `TypeVar`, `TypeVar.bound`, `TypeVar.constraints`, `ParamSpec`, `TypeVarTuple`, `_subscript_generic`,
    /// `TypeAliasType` (of a tuple of name, type parameters and function) and `set_default`.
    pub typing_intrinsic: Cell<Option<TypingIntrinsic>>,
    /// What classes without dunders of their own inherit from native types, by the types' words.
    pub(crate) subclass_slots: GilCell<rustc_hash::FxHashMap<u64, &'static crate::types::slots::Slots>>,
    pub(crate) interned: &'static GilCell<InternTable>,
    /// Strings of one Latin-1 character by code, then the empty one.
    pub(crate) short_strings: &'static GilCell<Vec<Option<Py<Str>>>>,
    pub(crate) empty_tuple: GilCell<Option<Py<Tuple>>>,
    /// Keys of string hashing (`PYTHONHASHSEED`).
    pub hash_keys: Cell<(u64, u64)>,
    /// `sys.modules`.
    pub modules: GilCell<Option<Py<Dict>>>,
    /// What the program put in front of `sys.path`: its folder.
    pub sys_path_0: GilCell<Option<Py<Str>>>,
    /// `sys.__dict__`.
    pub sys_dict: GilCell<Option<Py<Dict>>>,
    /// `builtins.__dict__`.
    pub builtins: GilCell<Option<Py<Dict>>>,
    /// The built-in modules' definitions; import looks here.
    pub native_modules: GilCell<Vec<&'static crate::module::ModuleDef>>,
    /// The registry of codecs.
    pub codecs: crate::codecs::CodecState,
    /// `sys.getrecursionlimit()`.
    pub recursion_limit: Cell<u32>,
    /// `sys.get_int_max_str_digits()`.
    pub int_max_str_digits: Cell<i64>,
    config: Config,
    /// The state of `sys.monitoring`.
    pub monitoring: crate::eval::instrument::Monitoring,
    /// The types that everything else needs are ready.
    pub(crate) types_ready: Cell<bool>,
    /// The interpreter is shutting down.
    pub finalizing: Cell<bool>,
    /// `_frozen_importlib`, whatever `sys.modules` says.
    pub(crate) importlib: GilCell<Option<Value>>,
    /// The program ended by a KeyboardInterrupt: the process dies of the signal.
    pub interrupted: Cell<bool>,
    /// The import system stands.
    pub import_func_ready: Cell<bool>,
    /// `sys.getswitchinterval()`, in seconds.
    pub switch_interval: Cell<f64>,
    pub audit_hooks: GilCell<Vec<Value>>,
    /// What programs may do here.
    pub features: Cell<Features>,
    /// `sys.getdlopenflags()`.
    pub dlopen_flags: Cell<i32>,
    pub(crate) import_lock_depth: Cell<u32>,
    /// What tests say about frozen modules.
    pub(crate) frozen_override: Cell<i32>,
    /// The `bytes` of one byte, then the empty one.
    pub(crate) short_bytes: GilCell<Vec<Option<Py<crate::types::bytes::Bytes>>>>,
    /// Native modules that have been made, by name.
    pub(crate) made_modules: GilCell<Option<Py<Dict>>>,
    /// What `warnings` last had of its settings, and the version of its filters.
    pub(crate) warnings: GilCell<Option<Py<Dict>>>,
    pub(crate) filters_version: Cell<i32>,
    /// The thread that holds the lock of the filters, and how often.
    pub(crate) filters_lock: Cell<(u64, u32)>,
    /// What LOAD_COMMON_CONSTANT gives, by operand: as the builtins were when the interpreter began.
    pub(crate) common_constants: GilCell<Vec<Value>>,
    /// The MemoryError for when there is no memory for one.
    pub(crate) last_memory_error: GilCell<Option<Py<crate::types::exceptions::BaseException>>>,
    /// How often a class has been registered with an abstract one.
    pub abc_counter: Cell<u64>,
    /// The functions of `atexit`.
    pub atexit: GilCell<Vec<AtExit>>,
    /// `typing.NoDefault`.
    pub(crate) no_default: GilCell<Option<Value>>,
    /// What `gc` keeps.
    pub gc: crate::types::gc::GcState,
    pub(crate) structseqs: crate::types::structseq::StructSeqTypes,
    /// What native modules keep, one value of each type; see [`Vm::state`].
    module_states: GilCell<Vec<(std::any::TypeId, &'static dyn std::any::Any)>>,
    /// The classes of the `ast` module.
    pub(crate) ast: crate::ast::AstCell,
}

/// What interpreters on one heap have in common, besides the builtin types.
struct Shared {
    heap: &'static HeapState,
    gil: &'static crate::eval::gil::Gil,
    type_version: &'static Cell<u32>,
    dict_version: &'static Cell<u32>,
    code_version: &'static Cell<u32>,
    interned: &'static GilCell<InternTable>,
    short_strings: &'static GilCell<Vec<Option<Py<Str>>>>,
}

impl Shared {
    /// For the first interpreter.
    fn new(heap: &'static HeapState) -> Shared {
        let first = || -> &'static Cell<u32> { Box::leak(Box::new(Cell::new(1))) };
        Shared {
            heap,
            gil: Box::leak(Box::new(crate::eval::gil::Gil::new_held())),
            type_version: first(),
            dict_version: first(),
            code_version: first(),
            interned: Box::leak(Box::new(GilCell::new(InternTable::new()))),
            short_strings: Box::leak(Box::new(GilCell::new(vec![None; 257]))),
        }
    }

    /// For another one beside `interp`.
    fn with(interp: &Interpreter) -> Shared {
        Shared {
            heap: interp.heap,
            gil: interp.gil,
            type_version: interp.next_type_version,
            dict_version: interp.next_dict_version,
            code_version: interp.next_code_version,
            interned: interp.interned,
            short_strings: interp.short_strings,
        }
    }
}

/// A function that is called when the interpreter ends.
pub struct AtExit {
    pub function: Value,
    pub args: Py<Tuple>,
    pub kwargs: Option<Py<Dict>>,
}

/// The current thread's state.
pub struct Vm {
    pub interp: &'static Interpreter,
    /// Lowest stack address that native recursion may reach.
    pub(crate) stack_limit: usize,
    /// Where the native stack stood when this was made.
    stack_top: usize,
    /// Words of the objects whose `repr` is under way.
    pub(crate) repr_active: rustc_hash::FxHashSet<u64>,
    /// What the evaluator keeps for this thread.
    pub eval: crate::eval::ThreadState,
}

/// Whether the process has its interpreter.
static INTERPRETER_MADE: AtomicBool = AtomicBool::new(false);

/// Why there is no interpreter.
#[derive(Debug)]
pub enum StartError {
    /// The process has one, or had one.
    Second,
    /// Making the builtin types raised this.
    Raised(Raised),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Second => f.write_str("a process can have one Krait interpreter, and this one has had it"),
            StartError::Raised(_) => f.write_str("cannot make the builtin types"),
        }
    }
}

impl std::error::Error for StartError {}

/// What programs of an interpreter may do; all of it but in interpreters that were started with less.
#[derive(Clone, Copy, Debug)]
pub struct Features {
    pub fork: bool,
    pub exec: bool,
    pub threads: bool,
    pub daemon_threads: bool,
}

impl Default for Features {
    fn default() -> Features {
        Features { fork: true, exec: true, threads: true, daemon_threads: true }
    }
}


// SAFETY: a `Vm` is made by taking the interpreter's GIL and there is one that is active at a time.
unsafe impl krait_heap::Gil for Vm {}

impl Interpreter {
    /// A new interpreter in which nothing has happened.
    fn leak(config: Config, shared: Shared) -> &'static Interpreter {
        Box::leak(Box::new(Interpreter {
            heap: shared.heap,
            method_cache: MethodCache::default(),
            next_type_version: shared.type_version,
            next_dict_version: shared.dict_version,
            next_code_version: shared.code_version,
            eval_breaker: std::sync::atomic::AtomicU32::new(0),
            limits: crate::limits::Remaining::default(),
            gil: shared.gil,
            threads: GilCell::new(Vec::new()),
            signal_handler: Cell::new(None),
            pending_calls: Cell::new(None),
            collector: Cell::new(Some(crate::types::gc::collect_due)),
            len_def: Cell::new(0),
            isinstance_def: Cell::new(0),
            append_def: Cell::new(0),
            typing_intrinsic: Cell::new(Some(crate::types::typing::intrinsic)),
            interned: shared.interned,
            subclass_slots: GilCell::default(),
            short_strings: shared.short_strings,
            empty_tuple: GilCell::new(None),
            hash_keys: Cell::new((0, 0)),
            modules: GilCell::new(None),
            sys_path_0: GilCell::new(None),
            sys_dict: GilCell::new(None),
            builtins: GilCell::new(None),
            native_modules: GilCell::new(Vec::new()),
            codecs: crate::codecs::CodecState::default(),
            recursion_limit: Cell::new(1000),
            int_max_str_digits: Cell::new(config.int_max_str_digits),
            config,
            monitoring: crate::eval::instrument::Monitoring::default(),
            types_ready: Cell::new(false),
            finalizing: Cell::new(false),
            importlib: GilCell::new(None),
            interrupted: Cell::new(false),
            import_func_ready: Cell::new(false),
            switch_interval: Cell::new(0.005),
            audit_hooks: GilCell::new(Vec::new()),
            features: Cell::new(Features::default()),
            dlopen_flags: Cell::new(libc::RTLD_NOW),
            import_lock_depth: Cell::new(0),
            frozen_override: Cell::new(0),
            short_bytes: GilCell::new(Vec::new()),
            made_modules: GilCell::new(None),
            warnings: GilCell::new(None),
            filters_version: Cell::new(0),
            filters_lock: Cell::new((0, 0)),
            common_constants: GilCell::new(Vec::new()),
            last_memory_error: GilCell::new(None),
            abc_counter: Cell::new(0),
            atexit: GilCell::new(Vec::new()),
            no_default: GilCell::new(None),
            gc: crate::types::gc::GcState::default(),
            structseqs: crate::types::structseq::StructSeqTypes::default(),
            module_states: GilCell::new(Vec::new()),
            ast: GilCell::new(None),
        }))
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// 0, 1 (`-O`) or 2 (`-OO`).
    pub fn config_optimize(&self) -> u8 {
        self.config.optimize
    }

    /// SipHash-1-3 of bytes under the interpreter's keys, as CPython hashes `str` and `bytes`; never -1.
    pub fn hash_bytes(&self, bytes: &[u8]) -> i64 {
        if bytes.is_empty() {
            return 0;
        }
        let (k0, k1) = self.hash_keys.get();
        let hash = siphasher::sip::SipHasher13::new_with_keys(k0, k1).hash(bytes) as i64;
        if hash == -1 { -2 } else { hash }
    }

    /// The keys that CPython derives from `PYTHONHASHSEED` (a linear congruential generator fills them; 0 gives zero keys).
    pub fn set_hash_seed(&self, seed: u32) {
        if seed == 0 {
            self.hash_keys.set((0, 0));
            return;
        }
        let mut x = seed;
        let mut bytes = [0u8; 16];
        for b in &mut bytes {
            x = x.wrapping_mul(214_013).wrapping_add(2_531_011);
            *b = (x >> 16) as u8;
        }
        let (low, high) = bytes.split_at(8);
        let key = |b: &[u8]| b.iter().rev().fold(0u64, |n, &x| n << 8 | u64::from(x));
        self.hash_keys.set((key(low), key(high)));
    }
}

/// Bytes of the native stack that recursion leaves free.
pub const STACK_MARGIN: usize = 256 << 10;

impl Vm {
    /// The process's interpreter with its main thread. `stack_size` is what the calling thread has left, in bytes. A process makes one: the
    /// builtin types are the process's, and what is mutable about them is not yet kept apart by interpreter.
    pub fn new(config: Config, stack_size: usize) -> Result<Vm, StartError> {
        if INTERPRETER_MADE.swap(true, Ordering::AcqRel) {
            return Err(StartError::Second);
        }
        let heap = krait_heap::state::new_heap();
        krait_heap::state::attach(heap);
        let interp = Interpreter::leak(config, Shared::new(heap));
        let here = &raw const heap as usize;
        let mut vm = Vm::on_thread(interp, here, stack_size, crate::eval::ThreadState::new());
        let place = std::rc::Rc::clone(&vm.eval.place);
        interp.threads.get_mut(&mut vm).push(place);
        vm.seed_hashes();
        vm.init_process().map_err(StartError::Raised)?;
        Ok(vm)
    }

    /// Another interpreter, which runs on this thread while `self` waits. They share heap, GIL, builtin types and interned strings; all else is
    /// the new one's own. It is not started yet.
    pub(crate) fn new_beside(&mut self) -> Vm {
        let outer = self.interp;
        let interp = Interpreter::leak(outer.config.clone(), Shared::with(outer));
        let eval = crate::eval::ThreadState { is_main: false, ..crate::eval::ThreadState::new() };
        let mut vm = Vm { interp, stack_limit: self.stack_limit, stack_top: self.stack_top, repr_active: rustc_hash::FxHashSet::default(), eval };
        let place = std::rc::Rc::clone(&vm.eval.place);
        interp.threads.get_mut(&mut vm).push(place);
        interp.hash_keys.set(outer.hash_keys.get());
        for (own, theirs) in [(&interp.len_def, &outer.len_def), (&interp.isinstance_def, &outer.isinstance_def), (&interp.append_def, &outer.append_def)] {
            own.set(theirs.get());
        }
        interp.int_max_str_digits.set(outer.int_max_str_digits.get());
        interp.types_ready.set(true);
        let modules = outer.native_modules.load(self);
        interp.native_modules.replace(&mut vm, modules);
        let (tuple, bytes, error) = (outer.empty_tuple.load(self), outer.short_bytes.load(self), outer.last_memory_error.load(self));
        let program = outer.sys_path_0.load(self);
        interp.sys_path_0.replace(&mut vm, program);
        let (no_default, structseqs) = (outer.no_default.load(self), outer.structseqs.types.load(self));
        interp.empty_tuple.replace(&mut vm, tuple);
        interp.short_bytes.replace(&mut vm, bytes);
        interp.last_memory_error.replace(&mut vm, error);
        interp.no_default.replace(&mut vm, no_default);
        interp.structseqs.types.replace(&mut vm, structseqs);
        interp.continue_limits(outer);
        vm
    }

    /// The state of the calling thread, whose stack stands at `here` and has `stack_size` bytes left.
    pub(crate) fn on_thread(interp: &'static Interpreter, here: usize, stack_size: usize, eval: crate::eval::ThreadState) -> Vm {
        let stack_limit = here.saturating_sub(stack_size.saturating_sub(STACK_MARGIN));
        Vm { interp, stack_limit, stack_top: here, repr_active: rustc_hash::FxHashSet::default(), eval }
    }

    /// A native module's own state in this interpreter: the one value of type `T`, made when it is first asked for.
    pub fn state<T: Default + 'static>(&mut self) -> &'static T {
        let (interp, id) = (self.interp, std::any::TypeId::of::<T>());
        let known = interp.module_states.get(self).iter().find(|(i, _)| *i == id).map(|(_, state)| *state);
        if let Some(state) = known.and_then(|s| s.downcast_ref::<T>()) {
            return state;
        }
        let state: &'static T = Box::leak(Box::default());
        interp.module_states.get_mut(self).push((id, state));
        state
    }

    /// The keys of string hashes; before the first string is made, for a string keeps its hash.
    fn seed_hashes(&self) {
        match self.config().hash_seed {
            Some(seed) => self.interp.set_hash_seed(seed),
            None => {
                let state = std::hash::BuildHasher::build_hasher(&std::hash::RandomState::new());
                let key = Hasher::finish(&state);
                self.interp.hash_keys.set((key, key.rotate_left(32) ^ 0x9e37_79b9_7f4a_7c15));
            }
        }
    }

    /// Singletons, names, and the types that everything else needs.
    fn init_process(&mut self) -> PyResult<()> {
        let singletons: [(&krait_heap::statics::Singleton, &'static StaticType); 5] = [
            (&krait_heap::statics::NONE, NoneType::static_type()),
            (&krait_heap::statics::ELLIPSIS, EllipsisType::static_type()),
            (&krait_heap::statics::NOT_IMPLEMENTED, NotImplementedType::static_type()),
            (&krait_heap::statics::TRUE, crate::types::int::Bool::static_type()),
            (&krait_heap::statics::FALSE, crate::types::int::Bool::static_type()),
        ];
        for (singleton, ty) in singletons {
            ty.lay_out();
            // SAFETY: the type has just been laid out.
            unsafe { singleton.header().set_type(ty.core_ptr()) };
        }
        crate::types::int::init_bools();
        crate::names::init(self)?;
        for ty in crate::types::CORE_TYPES {
            ty().ready(self)?;
        }
        crate::types::exceptions::init(self)?;
        self.interp.types_ready.set(true);
        crate::types::typing::init(self)?;
        Ok(())
    }

    /// A new object of `T`'s native type.
    #[inline(always)]
    pub fn new_object<T: PyClass>(&mut self, payload: T) -> PyResult<Py<T>> {
        self.new_object_tail(payload, 0)
    }

    /// A new object of `T`'s native type with `tail` bytes behind the payload, which the caller fills at once.
    #[inline(always)]
    pub(crate) fn new_object_tail<T: PyClass>(&mut self, payload: T, tail: usize) -> PyResult<Py<T>> {
        let ty = T::static_type();
        if !ty.is_finished() {
            self.make_ready(ty)?;
        }
        // SAFETY: the static type belongs to `T` and is immortal.
        match unsafe { krait_heap::alloc_tail(ty.core_ptr(), payload, tail) } {
            Ok(object) => Ok(object),
            Err(_) => Err(self.memory_error()),
        }
    }

    /// A new object of a native type that the collector does not know of, until it is tracked.
    #[inline(always)]
    pub(crate) fn new_object_tail_untracked<T: PyClass>(&mut self, payload: T, tail: usize) -> PyResult<Py<T>> {
        let ty = T::static_type();
        if !ty.is_finished() {
            self.make_ready(ty)?;
        }
        // SAFETY: the static type belongs to `T` and is immortal.
        match unsafe { krait_heap::alloc_tail_untracked(ty.core_ptr(), payload, tail) } {
            Ok(object) => Ok(object),
            Err(_) => Err(self.memory_error()),
        }
    }

    /// A new immortal object of `T`'s native type, which the collector need not know, with `tail` bytes that the caller fills at once.
    pub(crate) fn new_immortal_tail<T: PyClass>(&mut self, payload: T, tail: usize) -> PyResult<Py<T>> {
        let ty = T::static_type();
        if !ty.is_finished() {
            self.make_ready(ty)?;
        }
        debug_assert!(!ty.def().gc && !ty.def().managed, "nothing stands before the header");
        // SAFETY: the static type belongs to `T` and is immortal; it has no pre-header, as it is neither collected nor managed.
        match unsafe { krait_heap::alloc_tail_immortal(ty.core_ptr(), payload, tail) } {
            Ok(object) => Ok(object),
            Err(_) => Err(self.memory_error()),
        }
    }

    /// Makes a type usable whose first object is being made. While the process starts, types are only laid out: the first ones need each other.
    #[cold]
    fn make_ready(&mut self, ty: &'static StaticType) -> PyResult<()> {
        ty.lay_out();
        if self.interp.types_ready.get() {
            ty.ready(self)?;
        }
        Ok(())
    }

    /// A new object of `cls`, which is `T`'s native type or derived from it; SystemError otherwise.
    #[inline(always)]
    pub fn new_instance<T: PyClass>(&mut self, cls: &Py<PyType>, payload: T) -> PyResult<Py<T>> {
        self.new_instance_tail(cls, payload, 0)
    }

    /// [`Vm::new_instance`] with a tail, which the caller fills at once.
    #[inline(always)]
    pub(crate) fn new_instance_tail<T: PyClass>(&mut self, cls: &Py<PyType>, payload: T, tail: usize) -> PyResult<Py<T>> {
        self.check_payload(cls, T::static_type(), T::NAME)?;
        // SAFETY: just checked, and counted for the new object.
        match unsafe { krait_heap::alloc_tail(&raw const cls.core, payload, tail) } {
            Ok(object) => {
                instance::init_inline(object.header());
                Ok(object)
            }
            Err(_) => Err(self.memory_error()),
        }
    }

    /// Checks that objects of `cls` have the payload of a native type, and counts the class for a new one.
    #[inline(never)]
    fn check_payload(&mut self, cls: &Py<PyType>, ty: &'static StaticType, want: &str) -> PyResult<()> {
        ty.lay_out();
        // The native type whose payload the class's objects have must be this very one: a base's payload may be smaller. One that adds nothing to its
        // base's payload will do.
        let fits = |d: &ClassDef| std::ptr::eq(d, ty.def()) || (d.size == ty.def().size && crate::types::class::has_base(&raw const cls.core, ty.core_ptr()));
        if !cls.native.get().is_some_and(fits) {
            let name = cls.tp_name();
            return Err(self.system_error(format!("cannot make a '{name}' object with the payload of '{want}'")));
        }
        if cls.has_flag(crate::types::class::flags::HEAPTYPE) {
            // The object's reference on its class; given back when it dies.
            std::mem::forget(cls.clone());
        }
        Ok(())
    }

    /// RecursionError if native recursion has come close to the end of the stack. `doing` is like " while calling a Python object".
    #[inline(always)]
    pub fn check_stack(&mut self, doing: &str) -> PyResult<()> {
        let here = 0u8;
        if (&raw const here as usize) < self.stack_limit { Err(self.stack_error(doing)) } else { Ok(()) }
    }

    /// Number of Python frames under way.
    pub fn recursion_depth(&self) -> u32 {
        self.eval.depth
    }

    /// Whether [`Vm::check_stack`] would raise.
    #[inline(always)]
    pub fn stack_is_short(&self) -> bool {
        let here = 0u8;
        (&raw const here as usize) < self.stack_limit
    }

    /// Bytes of the native stack before [`Vm::check_stack`] raises.
    pub fn stack_remaining(&self) -> usize {
        let here = 0u8;
        (&raw const here as usize).saturating_sub(self.stack_limit)
    }

    #[cold]
    fn stack_error(&mut self, doing: &str) -> crate::Raised {
        // Raising itself needs some stack.
        let limit = std::mem::replace(&mut self.stack_limit, 0);
        let used = self.stack_top.saturating_sub(&raw const limit as usize) / 1024;
        let raised = self.recursion_error(format!("Stack overflow (used {used} kB){doing}"));
        self.stack_limit = limit;
        raised
    }
}
