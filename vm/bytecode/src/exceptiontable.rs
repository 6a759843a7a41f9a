//! The exception table (`co_exceptiontable`): which handler covers which code units.
//!
//! Entries are sorted by their start and do not overlap. Each is four numbers of six bits a byte; the first byte of an entry has its
//! highest bit set, so that a search can start anywhere. Any bytes are safe to read; [`is_ordered`] tells whether a table is as it should be.

/// One entry; all places in code units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub start: u32,
    pub end: u32,
    pub target: u32,
    /// Items that stay on the stack.
    pub depth: u32,
    /// Whether the place of the raising instruction is pushed.
    pub lasti: bool,
}

/// Iterates over the entries of a table.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    table: &'a [u8],
}

impl<'a> Entries<'a> {
    /// The entries of a code object's table.
    pub fn new(exceptiontable: &'a [u8]) -> Entries<'a> {
        Entries { table: exceptiontable }
    }

    fn varint(&mut self) -> Option<u32> {
        let (&first, mut rest) = self.table.split_first()?;
        let mut value = u32::from(first & 0x3f);
        let mut byte = first;
        while byte & 0x40 != 0 {
            (byte, rest) = rest.split_first().map(|(byte, rest)| (*byte, rest))?;
            value = value << 6 | u32::from(byte & 0x3f);
        }
        self.table = rest;
        Some(value)
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let start = self.varint()?;
        let end = start.saturating_add(self.varint()?);
        let target = self.varint()?;
        let depth_lasti = self.varint()?;
        Some(Entry { start, end, target, depth: depth_lasti >> 1, lasti: depth_lasti & 1 != 0 })
    }
}

/// Whether the table is as compilers make it, so that [`lookup`] finds what a scan from the start finds.
pub fn is_ordered(exceptiontable: &[u8]) -> bool {
    let mut entries = Entries::new(exceptiontable);
    let mut end = 0;
    loop {
        let before = entries.table;
        let Some(entry) = entries.next() else { return before.is_empty() };
        let mut bytes = before.iter().take(before.len() - entries.table.len());
        let begins = bytes.next().is_some_and(|first| first & 0x80 != 0);
        if !begins || bytes.any(|byte| byte & 0x80 != 0) || entry.start < end {
            return false;
        }
        end = entry.end;
    }
}

/// Tables up to this size are searched from the start.
const LINEAR: usize = 40;

/// The entry that covers a code unit.
pub fn lookup(exceptiontable: &[u8], unit: u32) -> Option<Entry> {
    let mut from = 0;
    let mut to = exceptiontable.len();
    while to - from > LINEAR {
        let middle = from + (to - from) / 2;
        let Some(start) = (from..=middle).rev().find(|at| exceptiontable[*at] & 0x80 != 0).filter(|start| *start > from) else { break };
        match (Entries { table: &exceptiontable[start..] }).next() {
            Some(entry) if entry.start <= unit => from = start,
            _ => to = start,
        }
    }
    Entries::new(&exceptiontable[from..]).take_while(|entry| entry.start <= unit).find(|entry| unit < entry.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_finds_what_a_scan_finds() {
        let mut table = Vec::new();
        for n in 0..60_u8 {
            let start = 3 * u32::from(n);
            if start >= 64 {
                table.extend([0x80 | 0x40 | (start >> 6) as u8, (start & 63) as u8]);
            } else {
                table.push(0x80 | start as u8);
            }
            table.extend([2, n & 63, (n & 31) << 1 | 1]);
        }
        for unit in 0..200 {
            let scanned = Entries::new(&table).find(|entry| (entry.start..entry.end).contains(&unit));
            assert_eq!(lookup(&table, unit), scanned, "{unit}");
        }
        assert!(is_ordered(&table) && is_ordered(&[]));
        for bad in [&[0x80, 1, 2][..], &[0, 1, 2, 3], &[0x80, 0x81, 2, 3], &[0x85, 1, 2, 3, 0x82, 1, 2, 3]] {
            assert!(!is_ordered(bad), "{bad:?}");
        }
        assert_eq!(lookup(&[0xff; 100], 5), None);
    }
}
