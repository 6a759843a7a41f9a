//! Checks that code has the shape that `re._compiler` gives it.
//!
//! All jumps are relative, forward, and nested. So code is a tree of ranges; ranges whose check depends on nothing else
//! wait on a list, and only the "then" part of a conditional is followed at once, because whether it ends in a jump
//! tells whether there is an "else" part. Nothing recurses: nesting comes from the program.
//!
//! Stricter than CPython: every skip must move forward, a mark must have its group, and what REPEAT_ONE repeats must be a
//! single operator of one character, as the compiler writes it. The matcher relies on the first and the last to end.

use crate::opcodes::*;

/// Code that `re._compiler` would not write (RuntimeError, "invalid SRE code").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid;

type Valid<T = ()> = Result<T, Invalid>;

/// Checks `code` for a pattern with `groups` groups.
pub fn validate(code: &[u32], groups: usize) -> Valid {
    find_operators(code, groups).map(drop)
}

/// What [`find_operators`] finds.
#[derive(Default)]
pub(crate) struct Operators {
    /// Places of operators with sets.
    pub sets: Vec<usize>,
    /// Whether there are references to groups.
    pub refers: bool,
}

/// Checks `code`, and on the way finds operators of interest.
pub(crate) fn find_operators(code: &[u32], groups: usize) -> Valid<Operators> {
    let (&SUCCESS, body) = code.split_last().ok_or(Invalid)? else { return Err(Invalid) };
    ensure(groups <= MAXGROUPS as usize)?;
    let mut scan = Scan { code, groups, todo: vec![(0, body.len())], found: Operators::default() };
    while let Some((start, end)) = scan.todo.pop() {
        scan.range(start, end)?;
    }
    Ok(scan.found)
}

fn ensure(condition: bool) -> Valid {
    if condition { Ok(()) } else { Err(Invalid) }
}

struct Scan<'a> {
    code: &'a [u32],
    groups: usize,
    todo: Vec<(usize, usize)>,
    found: Operators,
}

impl Scan<'_> {
    /// The word at `*pos`, before `end`; moves on.
    fn word(&self, pos: &mut usize, end: usize) -> Valid<u32> {
        ensure(*pos < end)?;
        let word = *self.code.get(*pos).ok_or(Invalid)?;
        *pos += 1;
        Ok(word)
    }

    /// Where the skip at `*pos` leads, not beyond `end` and at least `least` ahead; moves on.
    fn skip(&self, pos: &mut usize, end: usize, least: usize) -> Valid<usize> {
        let from = *pos;
        let skip = self.word(pos, end)? as usize;
        ensure(skip >= least && skip <= end - from)?;
        Ok(from + skip)
    }

    /// Checks the operators from `pos` to `end`.
    fn range(&mut self, mut pos: usize, mut end: usize) -> Valid {
        // Ends of the ranges around the "then" part that is being followed.
        let mut outer = Vec::new();
        loop {
            if pos >= end {
                ensure(pos == end)?;
                let Some(around) = outer.pop() else { return Ok(()) };
                end = around;
                continue;
            }
            match self.word(&mut pos, end)? {
                GROUPREF_EXISTS => {
                    let base = pos;
                    self.group(&mut pos, end)?;
                    let skip = self.word(&mut pos, end)? as usize;
                    ensure(skip >= 2 && skip <= end - base)?;
                    outer.push(end);
                    end = base + skip;
                }
                JUMP => {
                    // Only a "then" part may end so; the "else" part follows.
                    ensure(pos + 1 == end)?;
                    end = outer.pop().ok_or(Invalid)?;
                    let target = self.skip(&mut pos, end, 1)?;
                    self.todo.push((pos, target));
                    pos = target;
                }
                op => self.operator(op, &mut pos, end)?,
            }
        }
    }

    fn group(&mut self, pos: &mut usize, end: usize) -> Valid {
        self.found.refers = true;
        ensure((self.word(pos, end)? as usize) < self.groups)
    }

    fn operator(&mut self, op: u32, pos: &mut usize, end: usize) -> Valid {
        match op {
            SUCCESS | FAILURE | ANY | ANY_ALL => Ok(()),
            MARK => ensure((self.word(pos, end)? as usize) < 2 * self.groups),
            AT => ensure(self.word(pos, end)? <= AT_UNI_NON_BOUNDARY),
            CATEGORY => ensure(self.word(pos, end)? <= CATEGORY_UNI_NOT_LINEBREAK),
            LITERAL | NOT_LITERAL | LITERAL_IGNORE | NOT_LITERAL_IGNORE | LITERAL_UNI_IGNORE
            | NOT_LITERAL_UNI_IGNORE | LITERAL_LOC_IGNORE | NOT_LITERAL_LOC_IGNORE => self.word(pos, end).map(drop),
            IN | IN_IGNORE | IN_UNI_IGNORE | IN_LOC_IGNORE => {
                let target = self.skip(pos, end, 2)?;
                self.charset(*pos, target)?;
                self.found.sets.push(*pos - 2);
                *pos = target;
                Ok(())
            }
            INFO => self.info(pos, end),
            BRANCH => self.branch(pos, end),
            REPEAT_ONE | MIN_REPEAT_ONE | POSSESSIVE_REPEAT_ONE | REPEAT | POSSESSIVE_REPEAT => self.repeat(op, pos, end),
            ATOMIC_GROUP => {
                let target = self.skip(pos, end, 2)?;
                self.closed(pos, target, SUCCESS)
            }
            GROUPREF | GROUPREF_IGNORE | GROUPREF_UNI_IGNORE | GROUPREF_LOC_IGNORE => self.group(pos, end),
            ASSERT | ASSERT_NOT => {
                let target = self.skip(pos, end, 3)?;
                self.word(pos, end)?;
                self.closed(pos, target, SUCCESS)
            }
            _ => Err(Invalid),
        }
    }

    /// A part from `*pos` whose last word, just before `target`, is `last`.
    fn closed(&mut self, pos: &mut usize, target: usize, last: u32) -> Valid {
        ensure(*pos < target && at(self.code, target - 1) == last)?;
        self.todo.push((*pos, target - 1));
        *pos = target;
        Ok(())
    }

    fn repeat(&mut self, op: u32, pos: &mut usize, end: usize) -> Valid {
        let target = self.skip(pos, end, 3)?;
        let (min, max) = (self.word(pos, end)?, self.word(pos, end)?);
        ensure(min <= max)?;
        match op {
            REPEAT | POSSESSIVE_REPEAT => {
                ensure(*pos <= target)?;
                self.todo.push((*pos, target));
                *pos = target;
                let last = self.word(pos, end)?;
                ensure(if op == REPEAT { matches!(last, MAX_UNTIL | MIN_UNTIL) } else { last == SUCCESS })
            }
            _ => {
                let item = *pos;
                self.closed(pos, target, SUCCESS)?;
                let words = match at(self.code, item) {
                    FAILURE | ANY | ANY_ALL => 1,
                    CATEGORY | LITERAL | NOT_LITERAL | LITERAL_IGNORE | NOT_LITERAL_IGNORE | LITERAL_UNI_IGNORE
                    | NOT_LITERAL_UNI_IGNORE | LITERAL_LOC_IGNORE | NOT_LITERAL_LOC_IGNORE => 2,
                    IN | IN_IGNORE | IN_UNI_IGNORE | IN_LOC_IGNORE => 1 + at(self.code, item + 1) as usize,
                    _ => return Err(Invalid),
                };
                ensure(words == target - 1 - item)
            }
        }
    }

    /// `skip code JUMP skip`, any number of times, and 0; all jumps lead behind that.
    fn branch(&mut self, pos: &mut usize, end: usize) -> Valid {
        let mut exit = None;
        while at(self.code, *pos) != 0 {
            let next = self.skip(pos, end, 3)?;
            ensure(at(self.code, next - 2) == JUMP)?;
            let target = self.skip(&mut (next - 1), end, 1)?;
            ensure(exit.is_none_or(|exit| exit == target))?;
            exit = Some(target);
            self.todo.push((*pos, next - 2));
            *pos = next;
        }
        ensure(self.word(pos, end)? == 0 && exit == Some(*pos))
    }

    fn info(&self, pos: &mut usize, end: usize) -> Valid {
        let target = self.skip(pos, end, 4)?;
        let flags = self.word(pos, target)?;
        self.word(pos, target)?;
        self.word(pos, target)?;
        match flags {
            0 => {}
            INFO_CHARSET => {
                self.charset(*pos, target)?;
                *pos = target;
            }
            INFO_PREFIX | 3 => {
                let len = self.word(pos, target)? as usize;
                ensure(self.word(pos, target)? as usize <= len && target - *pos == 2 * len)?;
                let overlap = self.code.get(*pos + len..target).ok_or(Invalid)?;
                ensure(overlap.iter().all(|&k| (k as usize) < len))?;
                *pos = target;
            }
            _ => return Err(Invalid),
        }
        ensure(*pos == target)
    }

    /// A set from `pos` to `end`, the last word of which is FAILURE.
    fn charset(&self, mut pos: usize, end: usize) -> Valid {
        ensure(pos < end && at(self.code, end - 1) == FAILURE)?;
        let end = end - 1;
        while pos < end {
            let arguments = match self.word(&mut pos, end)? {
                NEGATE => 0,
                LITERAL => 1,
                RANGE | RANGE_UNI_IGNORE => 2,
                CHARSET => 8,
                CATEGORY => {
                    ensure(at(self.code, pos) <= CATEGORY_UNI_NOT_LINEBREAK)?;
                    1
                }
                BIGCHARSET => {
                    let blocks = self.word(&mut pos, end)? as usize;
                    let indices = self.code.get(pos..pos + 64).ok_or(Invalid)?;
                    ensure(indices.iter().flat_map(|w| w.to_ne_bytes()).all(|block| usize::from(block) < blocks))?;
                    ensure(blocks <= 256)?;
                    64 + 8 * blocks
                }
                _ => return Err(Invalid),
            };
            ensure(arguments <= end - pos)?;
            pos += arguments;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let check = |code: &[u32], valid| assert_eq!(validate(code, 1).is_ok(), valid, "{code:?}");
        check(&[SUCCESS], true);
        check(&[], false);
        check(&[LITERAL], false);
        check(&[LITERAL, 97, SUCCESS], true);
        check(&[MARK, 2, SUCCESS], false);
        check(&[JUMP, 1, SUCCESS], false);
        check(&[IN, 0, SUCCESS], false);
        check(&[IN, 2, FAILURE, SUCCESS], true);
        check(&[BRANCH, 4, ANY, JUMP, 2, 0, SUCCESS], true);
        check(&[BRANCH, 4, ANY, JUMP, 9, 0, SUCCESS], false);
        check(&[GROUPREF_EXISTS, 0, 3, ANY, SUCCESS], true);
        check(&[GROUPREF_EXISTS, 0, 5, ANY, JUMP, 2, ANY, SUCCESS], true);
        check(&[REPEAT_ONE, 5, 0, MAXREPEAT, ANY, SUCCESS, SUCCESS], true);
        check(&[REPEAT_ONE, 6, 0, MAXREPEAT, ANY, ANY, SUCCESS, SUCCESS], false);
    }
}
