//! [`State`]: a match in progress and its result; searching.

use crate::chars::{Char, Locale};
use crate::matcher::{Core, Frame, Machine, push};
use crate::opcodes::MAXREPEAT;
use crate::program::{Program, Start};

/// Text to match against.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// Bytes, or text of characters below 256.
    U8(&'a [u8]),
    /// Text of characters below 0x10000.
    U16(&'a [u16]),
    /// Any text.
    U32(&'a [u32]),
}

impl Subject<'_> {
    /// Length in characters.
    pub fn len(&self) -> usize {
        match self {
            Subject::U8(text) => text.len(),
            Subject::U16(text) => text.len(),
            Subject::U32(text) => text.len(),
        }
    }

    /// Whether there is no character.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why a match ended without an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// The code is not what the compiler writes (RuntimeError, "internal error in regular expression engine").
    State,
    /// There is no memory for the stack (MemoryError).
    Memory,
    /// The hook asked to stop; [`State::resume`] goes on.
    Interrupted,
}

/// What a match needs from outside.
pub struct Environment<'a> {
    /// What case and letters are in patterns with the LOCALE flag.
    pub locale: &'a Locale,
    /// Asked now and then; true interrupts the match.
    pub poll: &'a mut dyn FnMut() -> bool,
}

/// What a state is doing.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Match,
    Search,
}

/// A match in progress, its result, and the place where the next one begins.
///
/// Its buffers are kept from one match to the next: keep a state for many matches.
#[derive(Default)]
pub struct State {
    core: Core,
    mode: Mode,
    /// Where the next candidate of a search is looked for, and whether there has been one.
    scan: usize,
    tried: bool,
    suspended: bool,
}

impl State {
    /// A state that will begin at `pos` and look no further than `endpos`; `len` is the length of the subject.
    pub fn new(len: usize, pos: usize, endpos: usize) -> State {
        let mut state = State::default();
        state.begin(len, pos, endpos);
        state
    }

    /// Makes this state one that [`State::new`] would give, but keeps its buffers.
    pub fn begin(&mut self, len: usize, pos: usize, endpos: usize) {
        self.core.forget_groups();
        self.core.start = pos.min(len);
        self.core.endpos = endpos.min(len);
        self.core.must_advance = false;
        self.suspended = false;
    }

    /// Matches at the start.
    pub fn match_(&mut self, program: &Program, subject: Subject<'_>, env: &mut Environment<'_>) -> Result<bool, Error> {
        self.prepare(program, Mode::Match, false)?;
        self.resume(program, subject, env)
    }

    /// Matches from the start to the end.
    pub fn fullmatch(&mut self, program: &Program, subject: Subject<'_>, env: &mut Environment<'_>) -> Result<bool, Error> {
        self.prepare(program, Mode::Match, true)?;
        self.resume(program, subject, env)
    }

    /// Finds the first match from the start on; [`State::start`] is then where it begins.
    pub fn search(&mut self, program: &Program, subject: Subject<'_>, env: &mut Environment<'_>) -> Result<bool, Error> {
        self.prepare(program, Mode::Search, false)?;
        self.resume(program, subject, env)
    }

    /// Goes on after [`Error::Interrupted`], with the same program and subject.
    pub fn resume(&mut self, program: &Program, subject: Subject<'_>, env: &mut Environment<'_>) -> Result<bool, Error> {
        match subject {
            Subject::U8(text) => self.drive(program, text, env),
            Subject::U16(text) => self.drive(program, text, env),
            Subject::U32(text) => self.drive(program, text, env),
        }
    }

    /// After a match: the next one begins where this one ended, and is not empty there if this one was.
    pub fn advance(&mut self) {
        self.core.must_advance = self.core.ptr == self.core.start;
        self.core.start = self.core.ptr;
    }

    /// Where the match begins, or the next one will.
    pub fn start(&self) -> usize {
        self.core.start
    }

    /// Where the match ends.
    pub fn end(&self) -> usize {
        self.core.ptr
    }

    /// Where the subject is taken to end.
    pub fn endpos(&self) -> usize {
        self.core.endpos
    }

    /// Begin and end of group `group`, counted from 1; 0 is the whole match. A program that the compiler did not write
    /// may give an end before the begin.
    pub fn group(&self, group: usize) -> Option<(usize, usize)> {
        match group.checked_sub(1) {
            None => Some((self.start(), self.end())),
            Some(index) => self.core.group(index),
        }
    }

    /// The last group that was closed, counted from 1.
    pub fn lastindex(&self) -> Option<usize> {
        usize::try_from(self.core.lastindex).ok()
    }

    fn prepare(&mut self, program: &Program, mode: Mode, match_all: bool) -> Result<(), Error> {
        self.core.clear(program.groups)?;
        self.core.match_all = match_all;
        self.mode = mode;
        self.scan = self.core.start;
        self.tried = false;
        self.suspended = false;
        Ok(())
    }

    fn drive<C: Char>(&mut self, program: &Program, text: &[C], env: &mut Environment<'_>) -> Result<bool, Error> {
        let whole = text;
        let text = text.get(..self.core.endpos).unwrap_or(text);
        let mut machine = Machine { program, text, whole, core: &mut self.core, env };
        let mut suspended = std::mem::take(&mut self.suspended);
        loop {
            if !std::mem::take(&mut suspended) {
                let frame = if self.mode == Mode::Match {
                    let fits = text.len().checked_sub(machine.core.start).is_none_or(|left| left >= program.min);
                    fits.then(|| Frame::new(program.body, machine.core.start, true))
                } else {
                    let first = !std::mem::replace(&mut self.tried, true);
                    candidate(&mut machine, &mut self.scan, first)
                };
                let Some(frame) = frame else { return Ok(false) };
                if self.mode == Mode::Search && matches!(program.start, Start::Prefix { whole: true, .. }) {
                    machine.core.ptr = frame.ptr;
                    return Ok(true);
                }
                push(&mut machine.core.frames, frame)?;
            }
            match machine.core.poll(machine.env).and_then(|()| machine.run()) {
                Ok(false) if self.mode == Mode::Search => machine.core.forget_groups(),
                Err(error) => {
                    self.suspended = error == Error::Interrupted;
                    return Err(error);
                }
                result => return result,
            }
        }
    }
}

/// The next place from `scan` on at which a search tries, as a frame to run; the first of a search when `first`.
fn candidate<C: Char>(machine: &mut Machine<'_, '_, C>, scan: &mut usize, first: bool) -> Option<Frame> {
    let (program, text) = (machine.program, machine.text);
    // An empty program matches at the very end, too.
    let last = (text.len() + 1).checked_sub(program.min.max(1))?;
    if !first {
        machine.core.must_advance = false;
        *scan += 1 + program.run.map_or(0, |pc| machine.count(pc, *scan, MAXREPEAT));
    }
    if *scan > last {
        return None;
    }
    let mut frame = Frame::new(program.body, *scan, false);
    match &program.start {
        Start::Beginning if !first => return None,
        Start::Any | Start::Beginning => {
            // Only the first may be refused for being empty.
            frame.toplevel = first;
            if let Some(table) = &program.first {
                let may_begin = |c: &C| table.get(c.code() as usize).is_none_or(|&may| may);
                *scan += text.get(*scan..)?.iter().position(may_begin)?;
                frame.ptr = *scan;
            }
        }
        Start::Prefix { prefix, skip, whole, finder } => {
            *scan += find_prefix(text.get(*scan..)?, prefix, finder.as_deref())?;
            // A literal that is the whole pattern needs no machine.
            frame.ptr = *scan + if *whole { prefix.len() } else { *skip };
            frame.pc += 2 * skip;
        }
        Start::Set(set) => {
            let set = program.set_number(*set)?;
            let locale = machine.env.locale;
            *scan += text.get(*scan..)?.iter().position(|c| set.contains(c.code(), locale))?;
            frame.ptr = *scan;
        }
    }
    machine.core.start = *scan;
    Some(frame)
}

/// The first place of `prefix` in `text`.
fn find_prefix<C: Char>(text: &[C], prefix: &[u32], finder: Option<&memchr::memmem::Finder<'_>>) -> Option<usize> {
    if let Some(bytes) = C::bytes(text) {
        // What has no finder does not fit in bytes.
        return finder?.find(bytes);
    }
    let (&first, tail) = prefix.split_first()?;
    let mut from = 0;
    loop {
        let at = from + C::find(text.get(from..)?, first)?;
        let rest = text.get(at + 1..at + 1 + tail.len())?;
        if rest.iter().zip(tail).all(|(c, &p)| c.code() == p) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opcodes::*;

    /// `(a|bc)*?c(?=(x*)y)|[^a\d]++(?>z|ab)*`
    #[rustfmt::skip]
    const FIRST: &[u32] = &[
        14, 4, 0, 1, MAXREPEAT, 7, 45, 23, 21, 0, MAXREPEAT, 17, 0, 7, 5, 16, 97, 15, 9, 7, 16, 98, 16, 99,
        15, 2, 0, 17, 1, 19, 16, 99, 4, 16, 0, 17, 2, 24, 6, 0, MAXREPEAT, 16, 120, 1, 17, 3, 16, 121, 1, 15,
        40, 38, 29, 12, 1, MAXREPEAT, 13, 7, 21, 16, 97, 8, 10, 0, 1, 23, 20, 0, MAXREPEAT, 27, 16, 7, 5,
        16, 122, 15, 9, 7, 16, 97, 16, 98, 15, 2, 0, 1, 18, 15, 2, 0, 1,
    ];

    /// `([0-9a-z]+?)(?(1)\1b|c)(?:ab|c)*+\b(?<!xx)\w*(?i:K)`
    #[rustfmt::skip]
    const SECOND: &[u32] = &[
        14, 4, 0, 3, MAXREPEAT, 17, 0, 26, 13, 1, MAXREPEAT, 13, 8, 22, 48, 57, 22, 97, 122, 0, 1, 17, 1,
        12, 0, 8, 11, 0, 16, 98, 15, 3, 16, 99, 28, 17, 0, MAXREPEAT, 7, 7, 16, 97, 16, 98, 15, 7, 5, 16, 99,
        15, 2, 0, 1, 6, 10, 5, 7, 2, 16, 120, 16, 120, 1, 24, 9, 0, MAXREPEAT, 13, 4, 8, 14, 0, 1, 40, 107,
        1,
    ];

    fn run(code: &[u32], text: &[u8], budget: u32) -> Option<Result<bool, Error>> {
        let program = Program::new(code, 2).ok()?;
        let mut left = budget;
        let mut poll = || {
            left = left.saturating_sub(1);
            left == 0
        };
        let mut env = Environment { locale: &Locale::C, poll: &mut poll };
        let mut state = State::new(text.len(), 0, usize::MAX);
        let found = state.search(&program, Subject::U8(text), &mut env);
        for group in 0..=3 {
            let _ = state.group(group);
        }
        Some(found)
    }

    #[test]
    fn damaged_code_does_no_harm() {
        let mut random = 1_u64;
        let mut next = |n: usize| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 33) as usize % n
        };
        let mut valid = 0;
        for i in 0..200_000 {
            let mut code = if i % 2 == 0 { FIRST } else { SECOND }.to_vec();
            for _ in 0..=next(3) {
                let place = next(code.len());
                match next(4) {
                    0 => drop(code.remove(place)),
                    1 => code.insert(place, next(44) as u32),
                    2 => code[place] = next(44) as u32,
                    _ => code[place] = code[place].wrapping_add(next(5) as u32).wrapping_sub(2),
                }
            }
            valid += usize::from(run(&code, b"abcaxxy1a_zz", 4).is_some());
        }
        assert!(valid > 10_000, "{valid}");
    }

    #[test]
    fn interruption_and_resumption() {
        // (?:a*)*b on a's: exponential.
        let code = [REPEAT, 9, 0, MAXREPEAT, REPEAT_ONE, 5, 0, MAXREPEAT, LITERAL, 97];
        let code: Vec<u32> = [&code[..5], &[6], &code[6..], &[SUCCESS, MAX_UNTIL, LITERAL, 98, SUCCESS]].concat();
        let program = Program::new(&[&code[..1], &[10], &code[2..]].concat(), 0);
        let Ok(program) = program else { return assert_eq!(code, []) };
        let text = [b'a'; 64];
        let mut polls = 0;
        let mut poll = || {
            polls += 1;
            true
        };
        let mut env = Environment { locale: &Locale::C, poll: &mut poll };
        let mut state = State::new(text.len(), 0, usize::MAX);
        let mut result = state.search(&program, Subject::U8(&text), &mut env);
        for _ in 0..100 {
            assert_eq!(result, Err(Error::Interrupted));
            result = state.resume(&program, Subject::U8(&text), &mut env);
        }
        assert_eq!(polls, 101);
    }
}
