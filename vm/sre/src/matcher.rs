//! The machine: one frame for each choice that is open.
//!
//! `run` goes along the code of a frame. An operator that must come back to a choice *calls*: it pushes its frame with a
//! [`Jump`], and a new frame goes on with the code. A frame *returns* at SUCCESS or on failure, and the frame below resumes
//! by its jump (`repeat.rs`). The names, the order in which marks are saved and restored, and what is left
//! unrestored are those of CPython's engine, because groups of odd patterns show them.
//!
//! Marks are positions, or [`NONE`]; those above `lastmark` are stale.

use crate::chars::{Char, Locale, ascii_tolower, is_unicode_word, is_word, unicode_tolower};
use crate::opcodes::*;
use crate::program::Program;
use crate::state::{Environment, Error};

/// No position.
pub(crate) const NONE: usize = usize::MAX;

/// How many calls, or candidates of a search, pass between two questions to the hook.
const POLL: u32 = 0x1000;

/// Where a frame goes on when the one above it returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Jump {
    None,
    MaxUntil1,
    MaxUntil2,
    MaxUntil3,
    MinUntil1,
    MinUntil2,
    MinUntil3,
    Repeat,
    RepeatOne,
    MinRepeatOne,
    Branch,
    Assert,
    AssertNot,
    PossessiveRepeat1,
    PossessiveRepeat2,
    AtomicGroup,
}

impl Jump {
    /// Whether the code that is called goes on to the end of the pattern.
    fn is_tail(self) -> bool {
        use Jump::{Assert, AssertNot, AtomicGroup, PossessiveRepeat1, PossessiveRepeat2};
        !matches!(self, Assert | AssertNot | AtomicGroup | PossessiveRepeat1 | PossessiveRepeat2)
    }
}

/// An open choice.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Next word of the code.
    pub pc: usize,
    /// Position in the text.
    pub ptr: usize,
    pub count: usize,
    /// Position to restore in the repeat.
    pub last_ptr: usize,
    /// The repeat, as an index.
    pub repeat: usize,
    /// How many marks were saved.
    pub saved: u32,
    pub lastmark: i32,
    pub lastindex: i32,
    pub toplevel: bool,
    /// How the frame below resumes.
    pub jump: Jump,
}

impl Frame {
    pub const fn new(pc: usize, ptr: usize, toplevel: bool) -> Frame {
        Frame {
            pc,
            ptr,
            count: 0,
            last_ptr: NONE,
            repeat: NONE,
            saved: 0,
            lastmark: -1,
            lastindex: -1,
            toplevel,
            jump: Jump::None,
        }
    }
}

/// A repeat that is under way.
#[derive(Clone, Copy)]
pub(crate) struct Repeat {
    /// How often the item has matched, less one.
    pub count: isize,
    /// Arguments of REPEAT; [`NONE`] for a possessive one.
    pub pc: usize,
    pub last_ptr: usize,
    /// The repeat around.
    pub prev: usize,
}

/// What the machine keeps when it is interrupted.
#[derive(Default)]
pub(crate) struct Core {
    pub start: usize,
    /// Where the subject is taken to end.
    pub endpos: usize,
    /// Where the frame that returned last has arrived.
    pub ptr: usize,
    /// Code to run in a call.
    pub target: usize,
    pub match_all: bool,
    pub must_advance: bool,
    pub lastmark: i32,
    pub lastindex: i32,
    pub marks: Vec<usize>,
    pub frames: Vec<Frame>,
    pub saved: Vec<usize>,
    pub repeats: Vec<Repeat>,
    /// The innermost repeat, or [`NONE`].
    pub repeat: usize,
    ticks: u32,
}

impl Core {
    /// Ready for a match of a program with `groups` groups.
    pub fn clear(&mut self, groups: usize) -> Result<(), Error> {
        self.forget_groups();
        let marks = groups.saturating_mul(2);
        if self.marks.len() != marks {
            self.marks.clear();
            self.marks.try_reserve_exact(marks).map_err(|_| Error::Memory)?;
            self.marks.resize(marks, NONE);
        }
        self.frames.clear();
        self.saved.clear();
        self.repeats.clear();
        self.repeat = NONE;
        Ok(())
    }

    /// Asks the hook, once in a while, whether to interrupt.
    #[inline(always)]
    pub fn poll(&mut self, env: &mut Environment<'_>) -> Result<(), Error> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(POLL) && (env.poll)() { Err(Error::Interrupted) } else { Ok(()) }
    }

    pub fn forget_groups(&mut self) {
        self.lastmark = -1;
        self.lastindex = -1;
    }

    /// Begin and end of the group `index`, from 0.
    pub fn group(&self, index: usize) -> Option<(usize, usize)> {
        let end = 2 * index + 1;
        if i32::try_from(end).ok()? > self.lastmark {
            return None;
        }
        let (&start, &end) = (self.marks.get(end - 1)?, self.marks.get(end)?);
        (start != NONE && end != NONE).then_some((start, end))
    }
}

/// What an operator asks for.
pub(crate) enum Flow {
    /// Go on with the frame.
    Next,
    /// Push a frame and run code from [`Core::target`].
    Call(Jump),
    /// Leave the frame.
    Return(bool),
}

pub(crate) struct Machine<'a, 'e, C> {
    pub program: &'a Program,
    /// The text up to `endpos`. A match may begin behind that; then only what needs no character matches.
    pub text: &'a [C],
    /// The text beyond `endpos` too.
    pub whole: &'a [C],
    pub core: &'a mut Core,
    pub env: &'a mut Environment<'e>,
}

impl<C: Char> Machine<'_, '_, C> {
    /// Runs the uppermost frame, and then those below it, until the lowest returns.
    pub fn run(&mut self) -> Result<bool, Error> {
        // Frames are used where they stand: copying them would cost more than most operators.
        let mut frames = std::mem::take(&mut self.core.frames);
        let result = self.run_frames(&mut frames);
        self.core.frames = frames;
        result
    }

    fn run_frames(&mut self, frames: &mut Vec<Frame>) -> Result<bool, Error> {
        loop {
            let frame = frames.last_mut().ok_or(Error::State)?;
            let mut flow = self.straight(frame)?;
            loop {
                match flow {
                    Flow::Next => break,
                    Flow::Call(jump) => {
                        let toplevel = jump.is_tail() && frames.last().is_some_and(|frame| frame.toplevel);
                        push(frames, Frame { jump, ..Frame::new(self.core.target, self.core.ptr, toplevel) })?;
                        self.core.poll(self.env)?;
                        break;
                    }
                    Flow::Return(matched) => {
                        let jump = frames.last().map_or(Jump::None, |frame| frame.jump);
                        frames.truncate(frames.len().saturating_sub(1));
                        let Some(frame) = frames.last_mut() else { return Ok(matched) };
                        flow = self.resume(jump, matched, frame)?;
                    }
                }
            }
        }
    }

    /// Goes along the code of `frame` up to a call or a return.
    #[inline(always)]
    fn straight(&mut self, frame: &mut Frame) -> Result<Flow, Error> {
        let (program, text) = (self.program, self.text);
        let code = &program.code[..];
        let (mut pc, mut ptr) = (frame.pc, frame.ptr);
        // Leaves the operator that opens a choice to `repeat.rs`.
        macro_rules! choose {
            ($method:ident) => {{
                (frame.pc, frame.ptr) = (pc + 1, ptr);
                match self.$method(frame)? {
                    Flow::Next => (pc, ptr) = (frame.pc, frame.ptr),
                    flow => return Ok(flow),
                }
            }};
        }
        loop {
            let op = at(code, pc);
            match op {
                LITERAL => match text.get(ptr) {
                    Some(c) if c.code() == at(code, pc + 1) => (pc, ptr) = (pc + 2, ptr + 1),
                    _ => return Ok(Flow::Return(false)),
                },
                NOT_LITERAL | IN | ANY | ANY_ALL | CATEGORY | LITERAL_IGNORE | NOT_LITERAL_IGNORE | IN_IGNORE
                | LITERAL_UNI_IGNORE | NOT_LITERAL_UNI_IGNORE | IN_UNI_IGNORE | LITERAL_LOC_IGNORE
                | NOT_LITERAL_LOC_IGNORE | IN_LOC_IGNORE => match text.get(ptr) {
                    Some(c) if self.single(pc, c.code()) => (pc, ptr) = (pc + single_len(code, pc), ptr + 1),
                    _ => return Ok(Flow::Return(false)),
                },
                MARK => {
                    self.mark(at(code, pc + 1), ptr);
                    pc += 2;
                }
                AT => {
                    if !self.at_position(at(code, pc + 1), ptr) {
                        return Ok(Flow::Return(false));
                    }
                    pc += 2;
                }
                JUMP | INFO => pc += 1 + at(code, pc + 1) as usize,
                GROUPREF | GROUPREF_IGNORE | GROUPREF_LOC_IGNORE | GROUPREF_UNI_IGNORE => {
                    match self.group_reference(op, at(code, pc + 1), ptr) {
                        Some(end) => (pc, ptr) = (pc + 2, end),
                        None => return Ok(Flow::Return(false)),
                    }
                }
                GROUPREF_EXISTS => match self.referred(at(code, pc + 1)) {
                    Some(_) => pc += 3,
                    None => pc += 1 + at(code, pc + 2) as usize,
                },
                FAILURE => return Ok(Flow::Return(false)),
                SUCCESS => return Ok(Flow::Return(self.success(frame.toplevel, ptr))),
                BRANCH => choose!(branch),
                REPEAT_ONE => choose!(repeat_one),
                MIN_REPEAT_ONE => choose!(min_repeat_one),
                POSSESSIVE_REPEAT_ONE => choose!(possessive_repeat_one),
                REPEAT => choose!(repeat),
                MAX_UNTIL => choose!(max_until),
                MIN_UNTIL => choose!(min_until),
                POSSESSIVE_REPEAT => choose!(possessive_repeat),
                ATOMIC_GROUP => choose!(atomic_group),
                ASSERT => choose!(assert),
                ASSERT_NOT => choose!(assert_not),
                _ => return Err(Error::State),
            }
        }
    }

    fn mark(&mut self, mark: u32, ptr: usize) {
        let core = &mut *self.core;
        let index = mark as usize;
        if index >= core.marks.len() {
            return;
        }
        let mark = mark as i32;
        if mark & 1 != 0 {
            core.lastindex = mark / 2 + 1;
        }
        if mark > core.lastmark {
            core.marks[(core.lastmark + 1) as usize..index].fill(NONE);
            core.lastmark = mark;
        }
        core.marks[index] = ptr;
    }

    fn success(&mut self, toplevel: bool, ptr: usize) -> bool {
        let core = &mut *self.core;
        let refused = toplevel
            && ((core.match_all && ptr != self.text.len()) || (core.must_advance && ptr == core.start));
        if !refused {
            core.ptr = ptr;
        }
        !refused
    }

    /// Begin and end of a group that is referred to.
    fn referred(&self, group: u32) -> Option<(usize, usize)> {
        self.core.group(group as usize).filter(|(start, end)| start <= end)
    }

    /// Where a repetition of `group` at `ptr` ends.
    fn group_reference(&self, op: u32, group: u32, ptr: usize) -> Option<usize> {
        let (start, end) = self.referred(group)?;
        if start == end {
            return Some(ptr);
        }
        let there = self.text.get(start..end)?;
        let here = self.text.get(ptr..ptr + there.len())?;
        let same = |fold: &dyn Fn(u32) -> u32| {
            here.iter().zip(there).all(|(a, b)| a == b || fold(a.code()) == fold(b.code()))
        };
        let locale = self.env.locale;
        let equal = match op {
            GROUPREF => here == there,
            GROUPREF_IGNORE => same(&ascii_tolower),
            GROUPREF_UNI_IGNORE => same(&unicode_tolower),
            GROUPREF_LOC_IGNORE => same(&|c| locale.lower(c)),
            _ => false,
        };
        equal.then_some(ptr + there.len())
    }

    /// Whether the operator of one character at `pc` matches `c`.
    #[inline(always)]
    pub fn single(&self, pc: usize, c: u32) -> bool {
        self.program.single(pc, c, self.env.locale)
    }

    /// The operator of one character that the code at `pc` needs first, if there is one; else any other operator. Groups
    /// that are begun before it are forgotten when it fails.
    #[inline(always)]
    pub fn guard(&self, mut pc: usize) -> usize {
        let code = &self.program.code[..];
        loop {
            match at(code, pc) {
                MARK => pc += 2,
                REPEAT_ONE | MIN_REPEAT_ONE | POSSESSIVE_REPEAT_ONE if at(code, pc + 2) > 0 => return pc + 4,
                _ => return pc,
            }
        }
    }

    /// Whether the code at `pc` certainly fails at `ptr`.
    #[inline(always)]
    pub fn fails_at(&self, pc: usize, ptr: usize) -> bool {
        let pc = self.guard(pc);
        let op = at(&self.program.code, pc);
        is_single(op) && !self.text.get(ptr).is_some_and(|c| self.single(pc, c.code()))
    }

    /// How many characters from `ptr` on the operator at `pc` matches, `max` at most.
    pub fn count(&self, pc: usize, ptr: usize, max: u32) -> usize {
        let rest = self.text.get(ptr..).unwrap_or(&[]);
        let rest = if max == MAXREPEAT { rest } else { rest.get(..max as usize).unwrap_or(rest) };
        let program = self.program;
        let literal = at(&program.code, pc + 1);
        let first = match at(&program.code, pc) {
            IN => {
                let Some(set) = program.set(pc + 2) else { return 0 };
                let locale = self.env.locale;
                rest.iter().position(|c| !set.contains(c.code(), locale))
            }
            ANY => C::find(rest, 10),
            ANY_ALL => None,
            LITERAL => rest.iter().position(|c| c.code() != literal),
            NOT_LITERAL => C::find(rest, literal),
            _ => rest.iter().position(|c| !self.single(pc, c.code())),
        };
        first.unwrap_or(rest.len())
    }

    /// Whether `ptr` is the position that AT asks for.
    fn at_position(&self, position: u32, ptr: usize) -> bool {
        let code = |i: usize| self.text.get(i).map(|c| c.code());
        let before = || ptr.checked_sub(1).and_then(|i| self.whole.get(i)).map(|c| c.code());
        let end = self.text.len();
        let locale: &Locale = self.env.locale;
        let boundary = |is_word: &dyn Fn(u32) -> bool| before().is_some_and(is_word) != code(ptr).is_some_and(is_word);
        match position {
            AT_BEGINNING | AT_BEGINNING_STRING => ptr == 0,
            AT_BEGINNING_LINE => before().is_none_or(|c| c == 10),
            AT_END => ptr == end || (ptr + 1 == end && code(ptr) == Some(10)),
            AT_END_LINE => ptr == end || self.whole.get(ptr).is_some_and(|c| c.code() == 10),
            AT_END_STRING => ptr == end,
            AT_BOUNDARY => boundary(&is_word),
            AT_NON_BOUNDARY => !boundary(&is_word),
            AT_LOC_BOUNDARY => boundary(&|c| locale.is_word(c)),
            AT_LOC_NON_BOUNDARY => !boundary(&|c| locale.is_word(c)),
            AT_UNI_BOUNDARY => boundary(&is_unicode_word),
            AT_UNI_NON_BOUNDARY => !boundary(&is_unicode_word),
            _ => false,
        }
    }
}

/// Length of the operator of one character at `pc`.
#[inline(always)]
fn single_len(code: &[u32], pc: usize) -> usize {
    match at(code, pc) {
        ANY | ANY_ALL => 1,
        IN | IN_IGNORE | IN_UNI_IGNORE | IN_LOC_IGNORE => 1 + at(code, pc + 1) as usize,
        _ => 2,
    }
}

/// Pushes without aborting when there is no memory.
#[inline(always)]
pub(crate) fn push<T>(stack: &mut Vec<T>, item: T) -> Result<(), Error> {
    if stack.len() == stack.capacity() {
        stack.try_reserve(1).map_err(|_| Error::Memory)?;
    }
    stack.push(item);
    Ok(())
}
