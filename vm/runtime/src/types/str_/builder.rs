//! [`StrBuilder`]: a string in the making, as wide as it has to be.

use super::{Str, StrData};
use crate::protocol::memory;
use crate::{Py, PyResult, Vm};

/// Collects characters; the buffer is widened when a wider character comes. When memory runs out what was collected is lost, and
/// [`StrBuilder::finish`] raises MemoryError.
#[derive(Debug)]
pub struct StrBuilder {
    chars: Chars,
    ascii: bool,
    full: bool,
}

#[derive(Debug)]
enum Chars {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
}

impl Default for StrBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl StrBuilder {
    /// Nothing yet.
    pub fn new() -> StrBuilder {
        StrBuilder::with_capacity(0)
    }

    /// Nothing yet, with room for `capacity` narrow characters.
    pub fn with_capacity(capacity: usize) -> StrBuilder {
        let mut chars = Vec::new();
        let full = chars.try_reserve_exact(capacity).is_err();
        StrBuilder { chars: Chars::One(chars), ascii: true, full }
    }

    /// Nothing yet, with room; MemoryError at once if there is none.
    pub fn try_with_capacity(vm: &mut Vm, capacity: usize) -> PyResult<StrBuilder> {
        let builder = StrBuilder::with_capacity(capacity);
        if builder.full { Err(vm.memory_error()) } else { Ok(builder) }
    }

    /// Characters so far.
    pub fn len(&self) -> usize {
        match &self.chars {
            Chars::One(v) => v.len(),
            Chars::Two(v) => v.len(),
            Chars::Four(v) => v.len(),
        }
    }

    /// Whether there is no character yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[cold]
    fn widen(&mut self, c: u32) {
        let wide = match std::mem::replace(&mut self.chars, Chars::One(Vec::new())) {
            Chars::One(v) if c < 0x10000 => widened(&v).map(Chars::Two),
            Chars::One(v) => widened(&v).map(Chars::Four),
            Chars::Two(v) => widened(&v).map(Chars::Four),
            Chars::Four(v) => Some(Chars::Four(v)),
        };
        self.chars = wide.unwrap_or_else(|| {
            self.full = true;
            if c < 0x10000 { Chars::Two(Vec::new()) } else { Chars::Four(Vec::new()) }
        });
    }

    /// Room for `more` characters; without it everything is given up.
    #[inline]
    fn make_room(&mut self, more: usize) -> bool {
        let fits = match &mut self.chars {
            Chars::One(v) => has_room(v, more, self.full),
            Chars::Two(v) => has_room(v, more, self.full),
            Chars::Four(v) => has_room(v, more, self.full),
        };
        if !fits {
            self.give_up();
        }
        fits
    }

    #[cold]
    fn give_up(&mut self) {
        self.full = true;
        match &mut self.chars {
            Chars::One(v) => *v = Vec::new(),
            Chars::Two(v) => *v = Vec::new(),
            Chars::Four(v) => *v = Vec::new(),
        }
    }

    fn fits(&self, max: u32) -> bool {
        match &self.chars {
            Chars::One(_) => max < 0x100,
            Chars::Two(_) => max < 0x10000,
            Chars::Four(_) => true,
        }
    }

    /// Appends one character; what is above U+10FFFF becomes U+FFFD.
    #[inline]
    pub fn push(&mut self, c: u32) {
        let c = if c > 0x10ffff { 0xfffd } else { c };
        if !self.fits(c) {
            self.widen(c);
        }
        if !self.make_room(1) {
            return;
        }
        match &mut self.chars {
            Chars::One(v) => {
                self.ascii &= c < 0x80;
                v.push(c as u8);
            }
            Chars::Two(v) => v.push(c as u16),
            Chars::Four(v) => v.push(c),
        }
    }

    /// Appends Rust text.
    pub fn push_str(&mut self, text: &str) {
        if text.is_ascii() {
            self.push_data(StrData::Ascii(text));
        } else {
            let max = text.chars().map(u32::from).max().unwrap_or(0);
            if !self.fits(max) {
                self.widen(max);
            }
            if !self.make_room(text.len()) {
                return;
            }
            match &mut self.chars {
                Chars::One(v) => {
                    self.ascii = false;
                    v.extend(text.chars().map(|c| u32::from(c) as u8));
                }
                Chars::Two(v) => v.extend(text.chars().map(|c| u32::from(c) as u16)),
                Chars::Four(v) => v.extend(text.chars().map(u32::from)),
            }
        }
    }

    /// Appends characters.
    #[inline]
    pub fn push_data(&mut self, data: StrData<'_>) {
        if !self.make_room(data.len()) {
            return;
        }
        match (&mut self.chars, data) {
            (Chars::One(v), StrData::Ascii(s)) => v.extend_from_slice(s.as_bytes()),
            (Chars::One(v), StrData::Latin1(s)) => {
                self.ascii &= s.is_ascii();
                v.extend_from_slice(s);
            }
            (Chars::Two(v), StrData::Ascii(s)) => v.extend(s.bytes().map(u16::from)),
            (Chars::Two(v), StrData::Latin1(s)) => v.extend(s.iter().map(|&c| u16::from(c))),
            (Chars::Two(v), StrData::Ucs2(s)) => v.extend_from_slice(s),
            (Chars::Four(v), data) => v.extend(data.iter()),
            (Chars::One(_) | Chars::Two(_), data) => {
                let max = data.iter().max().unwrap_or(0);
                if !self.fits(max) {
                    self.widen(max);
                }
                if !self.make_room(data.len()) {
                    return;
                }
                match &mut self.chars {
                    Chars::One(v) => {
                        self.ascii = v.is_ascii() && max < 0x80;
                        v.extend(data.iter().map(|c| c as u8));
                    }
                    Chars::Two(v) => v.extend(data.iter().map(|c| c as u16)),
                    Chars::Four(v) => v.extend(data.iter()),
                }
            }
        }
    }

    /// Takes off everything behind the first `len` characters.
    pub fn truncate(&mut self, len: usize) {
        match &mut self.chars {
            Chars::One(v) => v.truncate(len),
            Chars::Two(v) => v.truncate(len),
            Chars::Four(v) => v.truncate(len),
        }
    }

    /// Appends a string.
    pub fn push_object(&mut self, string: &Str) {
        self.push_data(string.data());
    }

    /// Appends `count` times the character `c`; MemoryError if there is no room.
    pub fn push_repeated(&mut self, vm: &mut Vm, c: u32, count: usize) -> PyResult<()> {
        if count == 0 {
            return Ok(());
        }
        if !self.fits(c) {
            self.widen(c);
        }
        self.ascii &= c < 0x80;
        let full = match &mut self.chars {
            Chars::One(v) => grow(v, c as u8, count),
            Chars::Two(v) => grow(v, c as u16, count),
            Chars::Four(v) => grow(v, c, count),
        };
        if full { Err(vm.memory_error()) } else { Ok(()) }
    }

    /// The characters so far.
    pub fn data(&self) -> StrData<'_> {
        match &self.chars {
            Chars::One(v) if self.ascii => std::str::from_utf8(v).map_or(StrData::Latin1(v), StrData::Ascii),
            Chars::One(v) => StrData::Latin1(v),
            Chars::Two(v) => StrData::Ucs2(v),
            Chars::Four(v) => StrData::Ucs4(v),
        }
    }

    /// MemoryError if memory has run out, for what collects without an end.
    pub fn check(&self, vm: &mut Vm) -> PyResult<()> {
        if self.full { Err(vm.memory_error()) } else { Ok(()) }
    }

    /// The string; MemoryError if there was no room for it.
    pub fn finish(self, vm: &mut Vm) -> PyResult<Py<Str>> {
        self.check(vm)?;
        match &self.chars {
            Chars::One(v) => vm.new_str_latin1(v),
            Chars::Two(_) | Chars::Four(_) => vm.new_str_data(self.data()),
        }
    }
}

fn widened<A: Copy, B: From<A>>(v: &[A]) -> Option<Vec<B>> {
    let mut wide = Vec::new();
    wide.try_reserve(v.len() + 1).ok()?;
    wide.extend(v.iter().map(|&c| B::from(c)));
    Some(wide)
}

/// Whether there is room; once there was none, nothing is collected any more.
#[inline]
fn has_room<T>(v: &mut Vec<T>, more: usize, full: bool) -> bool {
    v.capacity() - v.len() >= more || (!full && memory::has_room(v, more.max(v.len())))
}

/// True if there is no room.
fn grow<T: Clone>(v: &mut Vec<T>, c: T, count: usize) -> bool {
    if v.try_reserve(count).is_err() {
        return true;
    }
    v.resize(v.len() + count, c);
    false
}
