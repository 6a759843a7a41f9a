//! [`Program`]: validated code, prepared for matching.
//!
//! The code keeps its layout, so that skips stay right. Only the first word of each set is replaced by the number of the
//! set in [`Program::set`], which answers Latin-1 from a table and the rest from the original words.

use memchr::memmem;

use crate::chars::{Locale, ascii_tolower, in_category, unicode_tolower};
use crate::opcodes::*;
use crate::validate::{Invalid, find_operators};

/// A set of characters.
pub(crate) struct Set {
    /// Below 256: 0 outside, 1 member, 2 where the locale decides.
    latin1: [u8; 256],
    words: Box<[u32]>,
}

/// How a search finds places where a match can begin.
pub(crate) enum Start {
    /// Everywhere.
    Any,
    /// Only at the beginning of the string.
    Beginning,
    /// Where a literal stands, the first `skip` characters of which need not be matched again.
    Prefix { prefix: Box<[u32]>, skip: usize, whole: bool, finder: Option<Box<memmem::Finder<'static>>> },
    /// At members of a set.
    Set(usize),
}

/// A compiled pattern.
pub struct Program {
    pub(crate) code: Box<[u32]>,
    pub(crate) groups: usize,
    sets: Vec<Set>,
    pub(crate) start: Start,
    /// Where the pattern begins, after INFO.
    pub(crate) body: usize,
    /// Shortest match.
    pub(crate) min: usize,
    /// Below 256: whether a match may begin with the character. None if it may be empty, or is hard to tell.
    pub(crate) first: Option<Box<[bool; 256]>>,
    /// The operator of one character that an unbounded repeat at the beginning repeats, if what follows does not depend
    /// on where the match began. When a match fails, it fails from the other characters of that run too.
    pub(crate) run: Option<usize>,
}

impl Set {
    fn new(words: &[u32]) -> Set {
        let by_locale = has_locale_category(words);
        let latin1 =
            std::array::from_fn(|c| if by_locale { 2 } else { u8::from(contains(words, c as u32, &Locale::C)) });
        Set { latin1, words: words.into() }
    }

    /// Whether the set is given by what is not in it.
    pub(crate) fn negated(&self) -> bool {
        at(&self.words, 0) == NEGATE
    }

    /// Whether `c` is in the set.
    #[inline(always)]
    pub(crate) fn contains(&self, c: u32, locale: &Locale) -> bool {
        match self.latin1.get(c as usize) {
            Some(0) => false,
            Some(1) => true,
            _ => contains(&self.words, c, locale),
        }
    }
}

/// How many arguments the operator at `i` of a set has.
fn arguments(words: &[u32], i: usize) -> usize {
    match at(words, i) {
        LITERAL | CATEGORY => 1,
        RANGE | RANGE_UNI_IGNORE => 2,
        CHARSET => 8,
        BIGCHARSET => 1 + 64 + 8 * at(words, i + 1) as usize,
        _ => 0,
    }
}

fn has_locale_category(words: &[u32]) -> bool {
    let mut i = 0;
    while i < words.len() {
        if words[i] == CATEGORY && matches!(at(words, i + 1), CATEGORY_LOC_WORD | CATEGORY_LOC_NOT_WORD) {
            return true;
        }
        i += 1 + arguments(words, i);
    }
    false
}

/// Whether `c` is in the set that `words` spell.
fn contains(words: &[u32], c: u32, locale: &Locale) -> bool {
    let mut member = true;
    let mut i = 0;
    let bit = |word: usize, c: u32| at(words, word) >> (c & 31) & 1 != 0;
    loop {
        let found = match at(words, i) {
            FAILURE => return !member,
            LITERAL => c == at(words, i + 1),
            CATEGORY => in_category(at(words, i + 1), c, locale),
            CHARSET => c < 256 && bit(i + 1 + (c >> 5) as usize, c),
            RANGE => (at(words, i + 1)..=at(words, i + 2)).contains(&c),
            RANGE_UNI_IGNORE => {
                let range = at(words, i + 1)..=at(words, i + 2);
                range.contains(&c) || range.contains(&krait_unicode::simple_upper(c))
            }
            BIGCHARSET => c < 0x10000 && {
                let indices = at(words, i + 2 + (c >> 10) as usize).to_ne_bytes();
                let block = usize::from(indices[(c >> 8 & 3) as usize]);
                bit(i + 2 + 64 + 8 * block + (c >> 5 & 7) as usize, c)
            },
            NEGATE => {
                member = !member;
                false
            }
            _ => return false,
        };
        if found {
            return member;
        }
        i += 1 + arguments(words, i);
    }
}

impl Program {
    /// Validates and prepares `code` for a pattern with `groups` groups.
    pub fn new(code: &[u32], groups: usize) -> Result<Program, Invalid> {
        let operators = find_operators(code, groups)?;
        let mut program = Program {
            code: code.into(),
            groups,
            sets: Vec::new(),
            start: Start::Any,
            body: 0,
            min: 0,
            first: None,
            run: None,
        };
        if at(code, 0) == INFO {
            program.read_info(code)?;
        }
        if matches!(program.start, Start::Any)
            && at(code, program.body) == AT
            && matches!(at(code, program.body + 1), AT_BEGINNING | AT_BEGINNING_STRING)
        {
            program.start = Start::Beginning;
        }
        program.number_sets(code, &operators.sets);
        program.find_run(code, operators.refers);
        program.find_first();
        Ok(program)
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// The set whose number stands at word `i`.
    #[inline(always)]
    pub(crate) fn set(&self, i: usize) -> Option<&Set> {
        self.sets.get(at(&self.code, i) as usize)
    }

    pub(crate) fn set_number(&self, number: usize) -> Option<&Set> {
        self.sets.get(number)
    }

    fn read_info(&mut self, code: &[u32]) -> Result<(), Invalid> {
        self.body = 1 + at(code, 1) as usize;
        self.min = at(code, 3) as usize;
        let flags = at(code, 2);
        if flags & INFO_PREFIX != 0 {
            let len = at(code, 5) as usize;
            let prefix: Box<[u32]> = code.get(7..7 + len).unwrap_or(&[]).into();
            let bytes: Option<Vec<u8>> = prefix.iter().map(|&c| u8::try_from(c).ok()).collect();
            // The search leaves out the first `skip` literals of the body; they must be there.
            let skip = at(code, 6) as usize;
            let literals = prefix.iter().take(skip).flat_map(|&c| [LITERAL, c]);
            if !literals.eq(code.get(self.body..self.body + 2 * skip).ok_or(Invalid)?.iter().copied()) {
                return Err(Invalid);
            }
            if !prefix.is_empty() {
                self.start = Start::Prefix {
                    skip,
                    whole: flags & INFO_LITERAL != 0,
                    finder: bytes.map(|bytes| Box::new(memmem::Finder::new(&bytes).into_owned())),
                    prefix,
                };
            }
        } else if flags & INFO_CHARSET != 0 {
            self.sets.push(Set::new(code.get(5..self.body).unwrap_or(&[])));
            self.start = Start::Set(0);
        }
        Ok(())
    }

    /// Replaces the first word of the set of each operator in `places` by its number.
    fn number_sets(&mut self, code: &[u32], places: &[usize]) {
        for &i in places {
            let Some(words) = code.get(i + 2..i + 1 + at(code, i + 1) as usize) else { continue };
            self.code[i + 2] = self.sets.len() as u32;
            self.sets.push(Set::new(words));
        }
    }

    /// Finds `run`; `refers` when there are references to groups.
    fn find_run(&mut self, code: &[u32], refers: bool) {
        let mut pc = self.body;
        while at(code, pc) == MARK && !refers {
            pc += 2;
        }
        let repeats = matches!(at(code, pc), REPEAT_ONE | MIN_REPEAT_ONE | POSSESSIVE_REPEAT_ONE);
        if repeats && at(code, pc + 3) == MAXREPEAT && is_single(at(code, pc + 4)) {
            self.run = Some(pc + 4);
        }
    }

    /// Finds `first`.
    fn find_first(&mut self) {
        let mut table = Box::new([false; 256]);
        if self.begins(self.body, &mut table, 0) == Some(false) {
            self.first = Some(table);
        }
    }

    /// Adds to `table` what the code at `pc` may begin with, up to the end of its part; whether that part may match the
    /// empty string. None when it is hard to tell.
    fn begins(&self, mut pc: usize, table: &mut [bool; 256], depth: u32) -> Option<bool> {
        let code = &self.code[..];
        if depth > 20 {
            return None;
        }
        loop {
            let next = pc + 1 + at(code, pc + 1) as usize;
            let empty = match at(code, pc) {
                SUCCESS | JUMP | MAX_UNTIL | MIN_UNTIL => return Some(true),
                FAILURE => return Some(false),
                MARK | AT => {
                    pc += 2;
                    continue;
                }
                ASSERT | ASSERT_NOT => true,
                ATOMIC_GROUP => self.begins(pc + 2, table, depth + 1)?,
                REPEAT_ONE | MIN_REPEAT_ONE | POSSESSIVE_REPEAT_ONE => {
                    self.add_single(pc + 4, table)?;
                    at(code, pc + 2) == 0
                }
                REPEAT | POSSESSIVE_REPEAT => {
                    let empty = self.begins(pc + 4, table, depth + 1)? || at(code, pc + 2) == 0;
                    if !empty {
                        return Some(false);
                    }
                    pc = next + 1;
                    continue;
                }
                BRANCH => {
                    let mut empty = false;
                    pc += 1;
                    while at(code, pc) != 0 {
                        empty |= self.begins(pc + 1, table, depth + 1)?;
                        pc += at(code, pc) as usize;
                    }
                    pc += 1;
                    if !empty {
                        return Some(false);
                    }
                    continue;
                }
                op if is_single(op) => {
                    self.add_single(pc, table)?;
                    false
                }
                _ => return None,
            };
            if !empty {
                return Some(false);
            }
            pc = next;
        }
    }

    /// Adds to `table` what the operator at `pc` matches; None when the locale decides.
    fn add_single(&self, pc: usize, table: &mut [bool; 256]) -> Option<()> {
        let op = at(&self.code, pc);
        let by_locale = matches!(op, LITERAL_LOC_IGNORE | NOT_LITERAL_LOC_IGNORE | IN_LOC_IGNORE)
            || (op == CATEGORY && matches!(at(&self.code, pc + 1), CATEGORY_LOC_WORD | CATEGORY_LOC_NOT_WORD))
            || (is_set(op) && self.set(pc + 2)?.latin1[0] == 2);
        if by_locale {
            return None;
        }
        for (c, member) in (0..).zip(table) {
            *member |= self.single(pc, c, &Locale::C);
        }
        Some(())
    }

    /// Whether the operator of one character at `pc` matches `c`.
    #[inline(always)]
    pub(crate) fn single(&self, pc: usize, c: u32, locale: &Locale) -> bool {
        let code = &self.code[..];
        let literal = || at(code, pc + 1);
        let in_set = |c| self.set(pc + 2).is_some_and(|set| set.contains(c, locale));
        match at(code, pc) {
            LITERAL => c == literal(),
            NOT_LITERAL => c != literal(),
            IN => in_set(c),
            ANY => c != 10,
            ANY_ALL => true,
            CATEGORY => in_category(literal(), c, locale),
            LITERAL_IGNORE => ascii_tolower(c) == literal(),
            NOT_LITERAL_IGNORE => ascii_tolower(c) != literal(),
            IN_IGNORE => in_set(ascii_tolower(c)),
            LITERAL_UNI_IGNORE => unicode_tolower(c) == literal(),
            NOT_LITERAL_UNI_IGNORE => unicode_tolower(c) != literal(),
            IN_UNI_IGNORE => in_set(unicode_tolower(c)),
            LITERAL_LOC_IGNORE => locale.equal(literal(), c),
            NOT_LITERAL_LOC_IGNORE => !locale.equal(literal(), c),
            IN_LOC_IGNORE => {
                let (lower, upper) = (in_set(locale.lower(c)), in_set(locale.upper(c)));
                if self.set(pc + 2).is_some_and(|set| set.negated()) { lower && upper } else { lower || upper }
            }
            _ => false,
        }
    }
}

fn is_set(op: u32) -> bool {
    matches!(op, IN | IN_IGNORE | IN_UNI_IGNORE | IN_LOC_IGNORE)
}
