//! The location table (`co_linetable`): which source range each code unit comes from.
//!
//! An entry starts with a byte whose highest bit is set and covers one to eight code units. Any bytes are safe to read: an entry ends at
//! the next such byte, and what is missing in it reads as zero.

/// Lines from 1 and columns in bytes from 0; `None` where the table does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub lineno: Option<i32>,
    pub end_lineno: Option<i32>,
    pub col_offset: Option<i32>,
    pub end_col_offset: Option<i32>,
}

/// No position.
pub const NO_POSITION: Position = Position { lineno: None, end_lineno: None, col_offset: None, end_col_offset: None };

/// One entry of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First code unit.
    pub start: u32,
    /// Code unit behind the last.
    pub end: u32,
    pub position: Position,
    /// The line that the next entry counts from, also where this one has no position.
    pub computed_line: i32,
}

/// Iterates over the entries of a table.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    table: &'a [u8],
    line: i32,
    at: u32,
}

impl<'a> Entries<'a> {
    /// The entries of a code object's table.
    pub fn new(linetable: &'a [u8], firstlineno: i32) -> Entries<'a> {
        Entries { table: linetable, line: firstlineno, at: 0 }
    }
}

/// Reads the bytes of one entry behind its first.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn byte(&mut self) -> i32 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                i32::from(*first)
            }
            None => 0,
        }
    }

    fn varint(&mut self) -> u32 {
        let (mut value, mut shift) = (0_u32, 0);
        loop {
            let byte = self.byte() as u32;
            value |= (byte & 0x3f).checked_shl(shift).unwrap_or(0);
            shift += 6;
            if byte & 0x40 == 0 {
                return value;
            }
        }
    }

    fn signed_varint(&mut self) -> i32 {
        let value = self.varint();
        let magnitude = (value >> 1) as i32;
        if value & 1 != 0 { magnitude.wrapping_neg() } else { magnitude }
    }

    /// A column that is written plus one, with 0 for none.
    fn column(&mut self) -> Option<i32> {
        self.varint().checked_sub(1).map(|column| column as i32)
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let (&head, rest) = self.table.split_first()?;
        let len = rest.iter().position(|byte| byte & 0x80 != 0).unwrap_or(rest.len());
        let mut fields = Fields(&rest[..len]);
        self.table = &rest[len..];
        let start = self.at;
        self.at = start.saturating_add(u32::from(head & 7) + 1);
        let code = i32::from(head >> 3 & 15);
        let position = match code {
            15 => NO_POSITION,
            14 => {
                self.line = self.line.wrapping_add(fields.signed_varint());
                let end_lineno = self.line.wrapping_add(fields.varint() as i32);
                let (col_offset, end_col_offset) = (fields.column(), fields.column());
                Position { lineno: Some(self.line), end_lineno: Some(end_lineno), col_offset, end_col_offset }
            }
            13 => {
                self.line = self.line.wrapping_add(fields.signed_varint());
                Position { lineno: Some(self.line), end_lineno: Some(self.line), ..NO_POSITION }
            }
            10..=12 => {
                self.line = self.line.wrapping_add(code - 10);
                self.on_line(fields.byte(), fields.byte())
            }
            _ => {
                let byte = fields.byte();
                let column = code << 3 | byte >> 4 & 7;
                self.on_line(column, column + (byte & 15))
            }
        };
        Some(Entry { start, end: self.at, position, computed_line: self.line })
    }
}

/// The table with lines but without columns and end lines, for `-X no_debug_ranges`.
pub fn without_columns(linetable: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(linetable.len());
    let mut line = 0;
    for entry in Entries::new(linetable, 0) {
        let units = (entry.end - entry.start).saturating_sub(1) as u8 & 7;
        if entry.position.lineno.is_none() {
            out.push(0x80 | 15 << 3 | units);
            continue;
        }
        out.push(0x80 | 13 << 3 | units);
        let delta = entry.computed_line.wrapping_sub(line);
        line = entry.computed_line;
        let mut value = if delta < 0 { delta.unsigned_abs() << 1 | 1 } else { (delta as u32) << 1 };
        while value >= 0x40 {
            out.push(0x40 | (value & 0x3f) as u8);
            value >>= 6;
        }
        out.push(value as u8);
    }
    out
}

impl Entries<'_> {
    fn on_line(&self, column: i32, end_column: i32) -> Position {
        Position {
            lineno: Some(self.line),
            end_lineno: Some(self.line),
            col_offset: Some(column),
            end_col_offset: Some(end_column),
        }
    }
}

/// `co_positions()`: the position of each code unit.
pub fn positions(linetable: &[u8], firstlineno: i32) -> impl Iterator<Item = Position> {
    Entries::new(linetable, firstlineno).flat_map(|entry| std::iter::repeat_n(entry.position, (entry.end - entry.start) as usize))
}

/// A range of bytes of `co_code` on one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub start: u32,
    pub end: u32,
    pub line: Option<i32>,
}

/// `co_lines()`: neighbouring entries of the same line are one range.
pub fn lines(linetable: &[u8], firstlineno: i32) -> impl Iterator<Item = Line> {
    let mut entries = Entries::new(linetable, firstlineno).peekable();
    std::iter::from_fn(move || {
        let first = entries.next()?;
        let line = first.position.lineno;
        let mut end = first.end;
        while let Some(next) = entries.next_if(|next| next.position.lineno == line) {
            end = next.end;
        }
        Some(Line { start: first.start.saturating_mul(2), end: end.saturating_mul(2), line })
    })
}

/// The line of the instruction at a code unit (`PyCode_Addr2Line`, which takes bytes).
pub fn line_at(linetable: &[u8], firstlineno: i32, unit: u32) -> Option<i32> {
    position_at(linetable, firstlineno, unit).lineno
}

/// The position of the instruction at a code unit.
pub fn position_at(linetable: &[u8], firstlineno: i32, unit: u32) -> Position {
    Entries::new(linetable, firstlineno).find(|entry| unit < entry.end).map_or(NO_POSITION, |entry| entry.position)
}

/// `co_lnotab`, the older form: pairs of steps in bytes and lines.
pub fn lnotab(linetable: &[u8], firstlineno: i32) -> Vec<u8> {
    let mut table = Vec::new();
    let (mut line, mut code) = (firstlineno, 0_u32);
    for entry in Entries::new(linetable, firstlineno) {
        if entry.computed_line == line {
            continue;
        }
        let start = entry.start.saturating_mul(2);
        let (mut code_step, mut line_step) = (start - code, entry.computed_line.wrapping_sub(line));
        while code_step > 255 {
            table.extend([255, 0]);
            code_step -= 255;
        }
        while !(-128..128).contains(&line_step) {
            let part: i32 = if line_step > 0 { 127 } else { -128 };
            table.extend([code_step as u8, part as u8]);
            line_step -= part;
            code_step = 0;
        }
        table.extend([code_step as u8, line_step as u8]);
        (line, code) = (entry.computed_line, start);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_read() {
        for first in 0..=255_u8 {
            let table = [first, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0xf1];
            assert!(Entries::new(&table, i32::MAX).count() <= table.len());
        }
        assert_eq!(lines(&[0x88 | 6 << 3, 0], 1).next().map(|l| l.line), Some(Some(1)));
    }
}
