//! Operators that open a choice, and how a frame resumes after one.

use crate::chars::Char;
use crate::matcher::{Flow, Frame, Jump, Machine, NONE, Repeat, push};
use crate::opcodes::*;
use crate::state::Error;

pub(crate) type Outcome = Result<Flow, Error>;

impl<C: Char> Machine<'_, '_, C> {
    /// Asks for code from `pc` on.
    #[inline(always)]
    fn call(&mut self, jump: Jump, pc: usize) -> Flow {
        self.core.target = pc;
        Flow::Call(jump)
    }

    /// Goes on with `frame`, which called, now that the call returned.
    #[inline(always)]
    pub fn resume(&mut self, jump: Jump, matched: bool, frame: &mut Frame) -> Outcome {
        match jump {
            Jump::Branch => self.resume_branch(matched, frame),
            Jump::RepeatOne => self.resume_repeat_one(matched, frame),
            Jump::MinRepeatOne => self.resume_min_repeat_one(matched, frame),
            Jump::Repeat => {
                self.leave_repeat(frame);
                Ok(Flow::Return(matched))
            }
            Jump::MaxUntil1 | Jump::MinUntil1 => {
                if !matched {
                    self.undo_item(frame)?;
                }
                Ok(Flow::Return(matched))
            }
            Jump::MaxUntil2 => self.resume_max_until_2(matched, frame),
            Jump::MaxUntil3 => {
                self.core.repeat = frame.repeat;
                if !matched {
                    self.core.ptr = frame.ptr;
                }
                Ok(Flow::Return(matched))
            }
            Jump::MinUntil2 => self.resume_min_until_2(matched, frame),
            Jump::MinUntil3 => {
                self.repeat_at(frame.repeat)?.last_ptr = frame.last_ptr;
                if !matched {
                    self.undo_item(frame)?;
                }
                Ok(Flow::Return(matched))
            }
            Jump::PossessiveRepeat1 => self.resume_possessive_1(matched, frame),
            Jump::PossessiveRepeat2 => self.resume_possessive_2(matched, frame),
            Jump::AtomicGroup => Ok(self.resume_group(matched, frame, true)),
            Jump::Assert => Ok(self.resume_group(matched, frame, false)),
            Jump::AssertNot => Ok(self.resume_assert_not(matched, frame)),
            Jump::None => Err(Error::State),
        }
    }

    fn word(&self, i: usize) -> u32 {
        at(&self.program.code, i)
    }

    /// The place where the skip at `frame.pc` leads.
    fn skip(&self, frame: &Frame) -> usize {
        frame.pc + self.word(frame.pc) as usize
    }

    fn repeat_at(&mut self, index: usize) -> Result<&mut Repeat, Error> {
        self.core.repeats.get_mut(index).ok_or(Error::State)
    }

    /// Remembers lastmark and lastindex, and the marks too when `marks`.
    fn save(&mut self, frame: &mut Frame, marks: bool) -> Result<(), Error> {
        let core = &mut *self.core;
        (frame.lastmark, frame.lastindex) = (core.lastmark, core.lastindex);
        frame.saved = 0;
        if marks && core.lastmark >= 0 {
            let valid = core.marks.get(..=core.lastmark as usize).ok_or(Error::State)?;
            core.saved.try_reserve(valid.len()).map_err(|_| Error::Memory)?;
            core.saved.extend_from_slice(valid);
            frame.saved = valid.len() as u32;
        }
        Ok(())
    }

    /// Drops the marks that `frame` saved.
    fn discard(&mut self, frame: &mut Frame) {
        let left = self.core.saved.len().saturating_sub(frame.saved as usize);
        self.core.saved.truncate(left);
        frame.saved = 0;
    }

    /// Restores what `frame` saved, and keeps it saved.
    fn restore(&mut self, frame: &Frame) {
        let core = &mut *self.core;
        let n = frame.saved as usize;
        if n > 0
            && let Some(saved) = core.saved.len().checked_sub(n).and_then(|from| core.saved.get(from..))
            && let Some(marks) = core.marks.get_mut(..n)
        {
            marks.copy_from_slice(saved);
        }
        (core.lastmark, core.lastindex) = (frame.lastmark, frame.lastindex);
    }

    fn restore_and_discard(&mut self, frame: &mut Frame) {
        self.restore(frame);
        self.discard(frame);
    }

    fn in_repeat(&self) -> bool {
        self.core.repeat != NONE
    }

    // BRANCH: <skip> code JUMP ... 0

    pub fn branch(&mut self, frame: &mut Frame) -> Outcome {
        self.save(frame, self.in_repeat())?;
        Ok(self.next_alternative(frame))
    }

    fn next_alternative(&mut self, frame: &mut Frame) -> Flow {
        loop {
            let skip = self.word(frame.pc) as usize;
            if skip == 0 {
                self.discard(frame);
                return Flow::Return(false);
            }
            if !self.fails_at(frame.pc + 1, frame.ptr) {
                self.core.ptr = frame.ptr;
                return self.call(Jump::Branch, frame.pc + 1);
            }
            frame.pc += skip;
        }
    }

    fn resume_branch(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        if matched {
            self.discard(frame);
            return Ok(Flow::Return(true));
        }
        self.restore(frame);
        frame.pc = self.skip(frame);
        Ok(self.next_alternative(frame))
    }

    // REPEAT_ONE and its kin: <skip> <min> <max> item SUCCESS tail

    /// Whether a tail that is empty accepts the end `ptr`.
    fn finished(&self, toplevel: bool, tail: usize, ptr: usize) -> bool {
        let core = &*self.core;
        self.word(tail) == SUCCESS && !(toplevel && core.must_advance && ptr == core.start)
    }

    /// Whether at least `min` characters follow.
    fn is_left(&self, ptr: usize, min: usize) -> bool {
        self.text.len().checked_sub(ptr).is_some_and(|left| left >= min)
    }

    pub fn repeat_one(&mut self, frame: &mut Frame) -> Outcome {
        let (tail, min) = (self.skip(frame), self.word(frame.pc + 1) as usize);
        if !self.is_left(frame.ptr, min) {
            return Ok(Flow::Return(false));
        }
        frame.count = self.count(frame.pc + 3, frame.ptr, self.word(frame.pc + 2));
        frame.ptr += frame.count;
        if frame.count < min {
            return Ok(Flow::Return(false));
        }
        if frame.ptr == self.text.len() && self.finished(frame.toplevel, tail, frame.ptr) {
            self.core.ptr = frame.ptr;
            return Ok(Flow::Return(true));
        }
        self.save(frame, self.in_repeat())?;
        Ok(self.try_tail(frame))
    }

    /// Calls the tail with as many items as are left, or fewer.
    fn try_tail(&mut self, frame: &mut Frame) -> Flow {
        let (tail, min) = (self.skip(frame), self.word(frame.pc + 1) as usize);
        let fewest = frame.ptr - (frame.count - min);
        let guard = self.guard(tail);
        let op = self.word(guard);
        if is_single(op) {
            let to = self.text.len().min(frame.ptr + 1);
            let window = self.text.get(fewest..to).unwrap_or(&[]);
            let found = match op {
                LITERAL => C::rfind(window, self.word(guard + 1)),
                _ => window.iter().rposition(|c| self.single(guard, c.code())),
            };
            let Some(found) = found else {
                self.discard(frame);
                return Flow::Return(false);
            };
            frame.count -= frame.ptr - (fewest + found);
            frame.ptr = fewest + found;
        }
        self.core.ptr = frame.ptr;
        self.call(Jump::RepeatOne, tail)
    }

    fn resume_repeat_one(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        if !matched {
            self.restore(frame);
            if frame.count > self.word(frame.pc + 1) as usize {
                frame.ptr -= 1;
                frame.count -= 1;
                return Ok(self.try_tail(frame));
            }
        }
        self.discard(frame);
        Ok(Flow::Return(matched))
    }

    pub fn min_repeat_one(&mut self, frame: &mut Frame) -> Outcome {
        let (tail, min) = (self.skip(frame), self.word(frame.pc + 1));
        if !self.is_left(frame.ptr, min as usize) {
            return Ok(Flow::Return(false));
        }
        frame.count = self.count(frame.pc + 3, frame.ptr, min);
        if frame.count < min as usize {
            return Ok(Flow::Return(false));
        }
        frame.ptr += frame.count;
        let at_end = frame.ptr == self.text.len();
        if self.finished(frame.toplevel, tail, frame.ptr) && !(frame.toplevel && self.core.match_all && !at_end) {
            self.core.ptr = frame.ptr;
            return Ok(Flow::Return(true));
        }
        self.save(frame, self.in_repeat())?;
        Ok(self.try_tail_first(frame))
    }

    /// Calls the tail with the items there are, or more.
    fn try_tail_first(&mut self, frame: &mut Frame) -> Flow {
        let (tail, max) = (self.skip(frame), self.word(frame.pc + 2));
        while self.fails_at(tail, frame.ptr) {
            if !self.one_more(frame, max) {
                self.discard(frame);
                return Flow::Return(false);
            }
        }
        self.core.ptr = frame.ptr;
        self.call(Jump::MinRepeatOne, tail)
    }

    /// Takes one more item, if there is one and `max` allows it.
    fn one_more(&self, frame: &mut Frame, max: u32) -> bool {
        let more = (max == MAXREPEAT || frame.count < max as usize)
            && self.text.get(frame.ptr).is_some_and(|c| self.single(frame.pc + 3, c.code()));
        if more {
            frame.ptr += 1;
            frame.count += 1;
        }
        more
    }

    fn resume_min_repeat_one(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        if !matched {
            self.restore(frame);
            if self.one_more(frame, self.word(frame.pc + 2)) {
                return Ok(self.try_tail_first(frame));
            }
        }
        self.discard(frame);
        Ok(Flow::Return(matched))
    }

    pub fn possessive_repeat_one(&mut self, frame: &mut Frame) -> Outcome {
        let min = self.word(frame.pc + 1) as usize;
        let count = self.count(frame.pc + 3, frame.ptr, self.word(frame.pc + 2));
        if count < min || !self.is_left(frame.ptr, min) {
            return Ok(Flow::Return(false));
        }
        frame.ptr += count;
        frame.pc = self.skip(frame);
        Ok(Flow::Next)
    }

    // REPEAT: <skip> <min> <max> item UNTIL tail

    fn enter_repeat(&mut self, frame: &mut Frame, pc: usize) -> Result<(), Error> {
        let core = &mut *self.core;
        frame.repeat = core.repeats.len();
        push(&mut core.repeats, Repeat { count: -1, pc, last_ptr: NONE, prev: core.repeat })?;
        core.repeat = frame.repeat;
        core.ptr = frame.ptr;
        Ok(())
    }

    fn leave_repeat(&mut self, frame: &Frame) {
        let core = &mut *self.core;
        core.repeat = core.repeats.get(frame.repeat).map_or(NONE, |repeat| repeat.prev);
        core.repeats.truncate(frame.repeat);
    }

    pub fn repeat(&mut self, frame: &mut Frame) -> Outcome {
        self.enter_repeat(frame, frame.pc)?;
        Ok(self.call(Jump::Repeat, self.skip(frame)))
    }

    /// At UNTIL: the repeat it belongs to, with the count of the items so far in the frame.
    fn until(&mut self, frame: &mut Frame) -> Result<Repeat, Error> {
        frame.repeat = self.core.repeat;
        let repeat = *self.repeat_at(frame.repeat)?;
        if repeat.pc == NONE {
            return Err(Error::State);
        }
        self.core.ptr = frame.ptr;
        frame.count = (repeat.count + 1) as usize;
        Ok(repeat)
    }

    /// Calls the item once more.
    fn call_item(&mut self, frame: &Frame, jump: Jump) -> Outcome {
        let count = frame.count as isize;
        let repeat = self.repeat_at(frame.repeat)?;
        repeat.count = count;
        let pc = repeat.pc + 3;
        Ok(self.call(jump, pc))
    }

    /// After the item failed: as if it had not been tried.
    fn undo_item(&mut self, frame: &Frame) -> Result<(), Error> {
        let count = frame.count as isize - 1;
        self.repeat_at(frame.repeat)?.count = count;
        self.core.ptr = frame.ptr;
        Ok(())
    }

    /// Whether the repeat may have another item: below the maximum, and not after an empty one.
    fn may_repeat(&self, repeat: &Repeat, frame: &Frame) -> bool {
        let max = self.word(repeat.pc + 2);
        (max == MAXREPEAT || frame.count < max as usize) && frame.ptr != repeat.last_ptr
    }

    pub fn max_until(&mut self, frame: &mut Frame) -> Outcome {
        let repeat = self.until(frame)?;
        if frame.count < self.word(repeat.pc + 1) as usize {
            return self.call_item(frame, Jump::MaxUntil1);
        }
        if !self.may_repeat(&repeat, frame) {
            return Ok(self.max_until_tail(repeat.prev, frame));
        }
        self.save(frame, true)?;
        frame.last_ptr = repeat.last_ptr;
        self.repeat_at(frame.repeat)?.last_ptr = frame.ptr;
        self.call_item(frame, Jump::MaxUntil2)
    }

    fn max_until_tail(&mut self, prev: usize, frame: &Frame) -> Flow {
        self.core.repeat = prev;
        self.call(Jump::MaxUntil3, frame.pc)
    }

    fn resume_max_until_2(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        let last_ptr = frame.last_ptr;
        let repeat = self.repeat_at(frame.repeat)?;
        repeat.last_ptr = last_ptr;
        let prev = repeat.prev;
        if matched {
            self.discard(frame);
            return Ok(Flow::Return(true));
        }
        self.restore_and_discard(frame);
        self.undo_item(frame)?;
        Ok(self.max_until_tail(prev, frame))
    }

    pub fn min_until(&mut self, frame: &mut Frame) -> Outcome {
        let repeat = self.until(frame)?;
        if frame.count < self.word(repeat.pc + 1) as usize {
            return self.call_item(frame, Jump::MinUntil1);
        }
        self.core.repeat = repeat.prev;
        self.save(frame, self.in_repeat())?;
        Ok(self.call(Jump::MinUntil2, frame.pc))
    }

    fn resume_min_until_2(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        self.core.repeat = frame.repeat;
        if matched {
            self.discard(frame);
            return Ok(Flow::Return(true));
        }
        self.restore_and_discard(frame);
        self.core.ptr = frame.ptr;
        let repeat = *self.repeat_at(frame.repeat)?;
        if !self.may_repeat(&repeat, frame) {
            return Ok(Flow::Return(false));
        }
        frame.last_ptr = repeat.last_ptr;
        self.repeat_at(frame.repeat)?.last_ptr = frame.ptr;
        self.call_item(frame, Jump::MinUntil3)
    }

    // POSSESSIVE_REPEAT: <skip> <min> <max> item SUCCESS tail

    pub fn possessive_repeat(&mut self, frame: &mut Frame) -> Outcome {
        // The repeat makes choices inside save their marks.
        self.enter_repeat(frame, NONE)?;
        frame.count = 0;
        self.possessive_item(frame)
    }

    /// Calls the item while it must match; then while it does.
    fn possessive_item(&mut self, frame: &mut Frame) -> Outcome {
        let pc = frame.pc + 3;
        if frame.count < self.word(frame.pc + 1) as usize {
            return Ok(self.call(Jump::PossessiveRepeat1, pc));
        }
        frame.ptr = NONE;
        self.possessive_more(frame)
    }

    fn possessive_more(&mut self, frame: &mut Frame) -> Outcome {
        let max = self.word(frame.pc + 2);
        if (max == MAXREPEAT || frame.count < max as usize) && self.core.ptr != frame.ptr {
            self.save(frame, true)?;
            frame.ptr = self.core.ptr;
            return Ok(self.call(Jump::PossessiveRepeat2, frame.pc + 3));
        }
        self.possessive_tail(frame)
    }

    fn possessive_tail(&mut self, frame: &mut Frame) -> Outcome {
        self.leave_repeat(frame);
        frame.pc = self.skip(frame) + 1;
        frame.ptr = self.core.ptr;
        Ok(Flow::Next)
    }

    fn resume_possessive_1(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        if matched {
            frame.count += 1;
            return self.possessive_item(frame);
        }
        self.core.ptr = frame.ptr;
        self.leave_repeat(frame);
        Ok(Flow::Return(false))
    }

    fn resume_possessive_2(&mut self, matched: bool, frame: &mut Frame) -> Outcome {
        if matched {
            self.discard(frame);
            frame.count += 1;
            return self.possessive_more(frame);
        }
        self.restore_and_discard(frame);
        self.core.ptr = frame.ptr;
        self.possessive_tail(frame)
    }

    // ATOMIC_GROUP: <skip> code SUCCESS tail; ASSERT: <skip> <back> code SUCCESS tail

    pub fn atomic_group(&mut self, frame: &mut Frame) -> Outcome {
        self.core.ptr = frame.ptr;
        Ok(self.call(Jump::AtomicGroup, frame.pc + 1))
    }

    pub fn assert(&mut self, frame: &mut Frame) -> Outcome {
        match frame.ptr.checked_sub(self.word(frame.pc + 1) as usize) {
            None => Ok(Flow::Return(false)),
            Some(ptr) => {
                self.core.ptr = ptr;
                Ok(self.call(Jump::Assert, frame.pc + 2))
            }
        }
    }

    fn resume_group(&mut self, matched: bool, frame: &mut Frame, moves: bool) -> Flow {
        if !matched {
            self.core.ptr = frame.ptr;
            return Flow::Return(false);
        }
        frame.pc = self.skip(frame);
        if moves {
            frame.ptr = self.core.ptr;
        }
        Flow::Next
    }

    pub fn assert_not(&mut self, frame: &mut Frame) -> Outcome {
        match frame.ptr.checked_sub(self.word(frame.pc + 1) as usize) {
            None => {
                frame.pc = self.skip(frame);
                Ok(Flow::Next)
            }
            Some(ptr) => {
                self.core.ptr = ptr;
                self.save(frame, self.in_repeat())?;
                Ok(self.call(Jump::AssertNot, frame.pc + 2))
            }
        }
    }

    fn resume_assert_not(&mut self, matched: bool, frame: &mut Frame) -> Flow {
        if matched {
            self.discard(frame);
            return Flow::Return(false);
        }
        self.restore_and_discard(frame);
        frame.pc = self.skip(frame);
        Flow::Next
    }
}
