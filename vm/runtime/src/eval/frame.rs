//! Frames of running Python code, and the data stack on which they stand.
//!
//! A frame is a fixed head, the variables (`localsplus`) and the value stack behind them, all in one piece of memory: on the data stack of
//! its thread, in the tail of a generator, or in a block of its own once a frame object has outlived it.
//!
//! Invariants:
//! - `ip` points behind the code unit of the instruction that runs (or is to be resumed behind); `sp` is exact only while the frame does not
//!   run.
//! - A frame that is not `Cleared` owns its head's references and every slot below `sp`; what lies above is not initialised.
//! - Frames on the data stack are freed in the reverse order of their making.
#![allow(unsafe_code, reason = "frames are raw memory that the evaluator manages")]
#![allow(dangerous_implicit_autorefs, reason = "heads of linked frames are valid references")]

use crate::types::code::CodeObject;
use crate::types::frame::FrameObject;
use crate::types::pyfunction::Function;
use crate::{Py, PyResult, Value, Vm};

/// A variable or an item of the value stack; none is CPython's NULL.
pub type Slot = Option<Value>;

/// What a frame's memory belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Owner {
    /// The data stack.
    Thread,
    /// A generator, coroutine or asynchronous generator.
    Generator,
    /// A frame object, after the frame has finished.
    FrameObject,
}

/// The head of a frame.
#[repr(C)]
pub struct Frame {
    pub code: Py<CodeObject>,
    pub func: Py<Function>,
    /// Namespace of module and class code.
    pub locals: Option<Value>,
    pub frame_obj: Option<Py<FrameObject>>,
    /// The frame below; null for the first of a thread and for suspended generators.
    pub previous: *mut Frame,
    /// The code's constants.
    pub consts: *const Value,
    /// See the invariants.
    pub ip: *const u16,
    pub sp: *mut Slot,
    /// Code units between `ip` and where a return into this frame goes on.
    pub return_offset: u32,
    pub owner: Owner,
    /// Returning from this frame leaves the dispatch loop.
    pub is_entry: bool,
    /// The call constructs an object: the result must be `None`, and the object is the slot below.
    pub is_init: bool,
    /// Cleared: head and slots own nothing any more.
    pub cleared: bool,
}

impl Frame {
    /// The variables.
    ///
    /// # Safety
    /// `this` is a live frame, or the block of one.
    #[inline(always)]
    pub unsafe fn slots(this: *mut Frame) -> *mut Slot {
        // SAFETY: variables stand right behind the head, in the same block.
        unsafe { this.add(1).cast() }
    }

    /// The lowest item of the value stack.
    ///
    /// # Safety
    /// `this` is a live frame.
    #[inline(always)]
    pub unsafe fn stack_base(this: *mut Frame) -> *mut Slot {
        // SAFETY: the block holds the variables and the stack.
        unsafe { Frame::slots(this).add((*this).code.nlocalsplus()) }
    }

    /// Whether returning from this frame is nothing but dropping it and going on in the frame below.
    ///
    /// # Safety
    /// `this` is a live frame.
    #[inline(always)]
    pub unsafe fn is_plain(this: *const Frame) -> bool {
        const { assert!(std::mem::offset_of!(Frame, cleared) == std::mem::offset_of!(Frame, owner) + 3 && Owner::Thread as u8 == 0) };
        // SAFETY: the four bytes from `owner` on, of which none is set.
        unsafe { (&raw const (*this).owner).cast::<u32>().read_unaligned() == 0 && (*this).frame_obj.is_none() && (*this).locals.is_none() }
    }

    /// Bytes of a frame of `code`.
    #[inline(always)]
    pub fn size_of(code: &CodeObject) -> usize {
        code.frame_size
    }

    /// Code unit of the instruction that runs, -1 before the first.
    ///
    /// # Safety
    /// `this` is a live frame.
    pub unsafe fn lasti(this: *const Frame) -> i64 {
        // SAFETY: the pointer is inside the running copy, or at its start.
        unsafe { (*this).ip.offset_from((*this).code.start()) as i64 - 1 }
    }

    /// The variables as a slice.
    ///
    /// # Safety
    /// `this` is a live frame and nothing changes the variables while the slice is used.
    pub unsafe fn locals_slice<'a>(this: *mut Frame) -> &'a mut [Slot] {
        // SAFETY: variables are always initialised.
        unsafe { std::slice::from_raw_parts_mut(Frame::slots(this), (*this).code.nlocalsplus()) }
    }

    /// Whether the function's own code has begun: before, locals are incomplete and the frame is not shown.
    ///
    /// # Safety
    /// `this` is a live frame.
    pub unsafe fn is_incomplete(this: *const Frame) -> bool {
        // SAFETY: the caller's promise.
        unsafe { (*this).owner == Owner::Thread && Frame::lasti(this) < i64::from((*this).code.first_traceable) }
    }
}

/// Bytes of a frame with so many variables and such a stack.
pub fn frame_size(variables: usize, stack: usize) -> usize {
    let slots = variables.saturating_add(stack).saturating_add(1);
    size_of::<Frame>().saturating_add(slots.saturating_mul(size_of::<Slot>()))
}

const CHUNK: usize = 64 << 10;

struct Chunk {
    memory: Box<[u64]>,
    /// Where the chunk below was left.
    top: *mut u8,
}

/// The data stack of a thread: chunks of memory on which frames are made and freed in stack order.
pub struct DataStack {
    chunks: Vec<Chunk>,
    top: *mut u8,
    limit: *mut u8,
    /// Start of the topmost chunk, unless it is the only one.
    start: *mut u8,
    /// A chunk kept for the next time the stack grows.
    spare: Option<Box<[u64]>>,
}

impl DataStack {
    pub fn new() -> DataStack {
        DataStack { chunks: Vec::new(), top: std::ptr::null_mut(), limit: std::ptr::null_mut(), start: std::ptr::null_mut(), spare: None }
    }

    /// `size` bytes, a multiple of 8; none if out of memory.
    #[inline(always)]
    pub fn push(&mut self, size: usize) -> Option<*mut Frame> {
        // Before the first chunk both are null, and no frame is empty.
        if (self.limit as usize) - (self.top as usize) >= size {
            let at = self.top;
            // SAFETY: there is room up to `limit`.
            self.top = unsafe { at.add(size) };
            return Some(at.cast());
        }
        self.grow(size)
    }

    /// The same if the chunk has room.
    #[inline(always)]
    pub fn push_quick(&mut self, size: usize) -> Option<*mut Frame> {
        if (self.limit as usize) - (self.top as usize) < size {
            return None;
        }
        let at = self.top;
        // SAFETY: there is room up to `limit`.
        self.top = unsafe { at.add(size) };
        Some(at.cast())
    }

    #[cold]
    fn grow(&mut self, size: usize) -> Option<*mut Frame> {
        let words = size.checked_add(64)?.max(CHUNK) / 8 + 1;
        let memory = match self.spare.take() {
            Some(spare) if spare.len() >= words => spare,
            _ => {
                let mut fresh: Vec<u64> = Vec::new();
                fresh.try_reserve_exact(words).ok()?;
                fresh.resize(words, 0);
                fresh.into_boxed_slice()
            }
        };
        self.chunks.push(Chunk { memory, top: self.top });
        let only = self.chunks.len() == 1;
        let chunk = self.chunks.last_mut()?;
        let start = chunk.memory.as_mut_ptr();
        self.start = if only { std::ptr::null_mut() } else { start.cast() };
        // SAFETY: the new chunk has `words` words and at least `size` bytes.
        unsafe {
            self.limit = start.add(chunk.memory.len()).cast();
            self.top = start.cast::<u8>().add(size);
        }
        Some(start.cast())
    }

    /// Gives back the topmost block, which begins at `frame`.
    #[inline(always)]
    pub fn pop(&mut self, frame: *mut Frame) {
        self.top = frame.cast();
        if std::ptr::eq(self.start, frame.cast()) {
            self.shrink();
        }
    }

    /// The same unless a chunk ends with it; false if so.
    #[inline(always)]
    pub fn pop_quick(&mut self, frame: *mut Frame) -> bool {
        if std::ptr::eq(self.start, frame.cast()) {
            return false;
        }
        self.top = frame.cast();
        true
    }

    #[cold]
    fn shrink(&mut self) {
        if let Some(chunk) = self.chunks.pop() {
            self.top = chunk.top;
            self.spare = Some(chunk.memory);
        }
        let only = self.chunks.len() == 1;
        if let Some(below) = self.chunks.last_mut() {
            let start = below.memory.as_mut_ptr();
            self.start = if only { std::ptr::null_mut() } else { start.cast() };
            // SAFETY: the end of the chunk's memory.
            self.limit = unsafe { start.add(below.memory.len()).cast() };
        }
    }
}

impl Default for DataStack {
    fn default() -> Self {
        Self::new()
    }
}

impl Vm {
    /// A frame of `func` on the data stack with all variables unset. It is not linked in yet.
    #[inline(always)]
    pub(crate) fn new_frame(&mut self, func: Py<Function>, code: Py<CodeObject>, locals: Option<Value>) -> PyResult<*mut Frame> {
        code.check(self)?;
        let Some(frame) = self.eval.stack.push(Frame::size_of(&code)) else { return Err(self.memory_error()) };
        let nlocalsplus = code.nlocalsplus();
        let ip = code.start();
        let consts = code.consts.items().as_ptr();
        // SAFETY: the block has room for head and variables.
        unsafe {
            let slots = Frame::slots(frame);
            frame.write(Frame {
                code,
                func,
                locals,
                frame_obj: None,
                previous: std::ptr::null_mut(),
                consts,
                ip,
                sp: slots.add(nlocalsplus),
                return_offset: 0,
                owner: Owner::Thread,
                is_entry: false,
                is_init: false,
                cleared: false,
            });
            for i in 0..nlocalsplus {
                slots.add(i).write(None);
            }
        }
        Ok(frame)
    }

    /// Clears a frame of the data stack and gives its memory back.
    ///
    /// # Safety
    /// `frame` is the topmost frame of the data stack, `sp` is exact, and nothing uses it afterwards.
    #[inline(always)]
    pub(crate) unsafe fn free_frame(&mut self, frame: *mut Frame) {
        // SAFETY: the caller's promise.
        unsafe { clear_frame(self, frame) };
        self.eval.stack.pop(frame);
    }

    /// The frame that runs, skipping those that have not begun.
    pub(crate) fn top_frame(&self) -> *mut Frame {
        complete(self.eval.frame)
    }
}

/// The first frame from `frame` downwards that has begun.
pub(crate) fn complete(mut frame: *mut Frame) -> *mut Frame {
    // SAFETY: linked frames are alive.
    unsafe {
        while !frame.is_null() && Frame::is_incomplete(frame) {
            frame = (*frame).previous;
        }
    }
    frame
}

/// Ends the life of a frame: a frame object that is still referred to takes the contents over, else everything is dropped.
///
/// # Safety
/// The frame does not run, `sp` is exact; afterwards only its memory may be used again.
#[inline(always)]
pub(crate) unsafe fn clear_frame(vm: &mut Vm, frame: *mut Frame) {
    // SAFETY: the caller's promise; each part is dropped once.
    unsafe {
        if (*frame).frame_obj.is_some()
            && hand_over(vm, frame) {
                return;
            }
        drop_frame(frame);
    }
}

/// Drops head and slots.
///
/// # Safety
/// As for [`clear_frame`]; no frame object refers to the frame.
#[inline(always)]
pub(crate) unsafe fn drop_frame(frame: *mut Frame) {
    // SAFETY: the caller's promise.
    unsafe {
        (*frame).cleared = true;
        let mut at = Frame::slots(frame);
        let end = (*frame).sp;
        while at < end {
            std::ptr::drop_in_place(at);
            at = at.add(1);
        }
        if (*frame).locals.is_some() {
            drop((*frame).locals.take());
        }
        std::ptr::drop_in_place(&raw mut (*frame).func);
        std::ptr::drop_in_place(&raw mut (*frame).code);
    }
}

/// The frame object, if others refer to it, takes over the frame's contents. False if nobody does: the object is gone then.
///
/// # Safety
/// As for [`clear_frame`].
#[cold]
unsafe fn hand_over(vm: &mut Vm, frame: *mut Frame) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(object) = (*frame).frame_obj.take() else { return false };
        if object.header().refcnt() <= 1 {
            object.frame.set(std::ptr::null_mut());
            return false;
        }
        let back = complete((*frame).previous);
        if !back.is_null() && object.back.get(vm).is_none()
            && let Ok(back) = frame_object_of(vm, back) {
                let old = object.back.replace(vm, Some(back));
                drop(old);
            }
        let used = (*frame).sp.cast::<u8>().offset_from(frame.cast::<u8>()) as usize;
        let mut memory: Vec<u64> = Vec::new();
        if memory.try_reserve_exact(used / 8).is_err() {
            object.frame.set(std::ptr::null_mut());
            return false;
        }
        memory.extend_from_slice(std::slice::from_raw_parts(frame.cast::<u64>(), used / 8));
        let mut memory = memory.into_boxed_slice();
        let copy: *mut Frame = memory.as_mut_ptr().cast();
        (*frame).cleared = true;
        let slots = (*frame).sp.offset_from(Frame::slots(frame));
        (*copy).sp = Frame::slots(copy).offset(slots);
        (*copy).owner = Owner::FrameObject;
        (*copy).previous = std::ptr::null_mut();
        object.frame.set(copy);
        object.memory.replace(vm, Some(memory));
        // The value stack is of no use to anybody any more.
        let base = Frame::stack_base(copy);
        while (*copy).sp > base {
            (*copy).sp = (*copy).sp.sub(1);
            std::ptr::drop_in_place((*copy).sp);
        }
        true
    }
}

/// The frame object of a frame, made if there is none yet.
///
/// # Safety
/// `frame` is a live frame.
pub(crate) unsafe fn frame_object_of(vm: &mut Vm, frame: *mut Frame) -> PyResult<Py<FrameObject>> {
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(object) = &(*frame).frame_obj {
            return Ok(object.clone());
        }
        let object = vm.new_object(FrameObject::new(frame))?;
        (*frame).frame_obj = Some(object.clone());
        Ok(object)
    }
}
