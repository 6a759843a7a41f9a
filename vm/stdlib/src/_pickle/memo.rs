//! The pickler's memo: which objects have been pickled, by identity, and under which number.

use krait_heap::{Clear, Traverse, Visit};
use krait_runtime::Value;

/// An open-addressing table from the object's word to its entry. Entries keep their objects alive, so words stay unique.
#[derive(Default)]
pub struct Memo {
    /// Word and index of the entry; word 0 marks a free place. The length is a power of two, at most half used.
    table: Vec<(u64, u32)>,
    entries: Vec<(Value, usize)>,
}

impl Memo {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    fn place(&self, word: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut at = ((word >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        while self.table[at].0 != 0 && self.table[at].0 != word {
            at = (at + 1) & mask;
        }
        at
    }

    /// The number of an object.
    #[inline]
    pub fn get(&self, object: &Value) -> Option<usize> {
        if self.table.is_empty() {
            return None;
        }
        let (word, index) = self.table[self.place(object.bits())];
        if word == 0 { None } else { self.entries.get(index as usize).map(|e| e.1) }
    }

    /// Gives an object a number.
    pub fn set(&mut self, object: &Value, number: usize) {
        if (self.entries.len() + 1) * 2 > self.table.len() {
            self.grow();
        }
        let at = self.place(object.bits());
        let (word, index) = self.table[at];
        if word != 0 {
            if let Some(entry) = self.entries.get_mut(index as usize) {
                entry.1 = number;
            }
            return;
        }
        self.table[at] = (object.bits(), self.entries.len() as u32);
        self.entries.push((object.clone(), number));
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(32);
        self.table = vec![(0, 0); size];
        for i in 0..self.entries.len() {
            let word = self.entries[i].0.bits();
            let at = self.place(word);
            self.table[at] = (word, i as u32);
        }
    }

    /// The objects and their numbers.
    pub fn entries(&self) -> &[(Value, usize)] {
        &self.entries
    }

    /// Places in the table, for `__sizeof__`.
    pub fn capacity(&self) -> usize {
        self.table.len().max(8)
    }
}

impl Traverse for Memo {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.entries.iter().for_each(|e| visit(&e.0));
    }

    fn clear(&mut self, out: &mut Clear) {
        self.table.clear();
        out.extend(std::mem::take(&mut self.entries).into_iter().map(|e| e.0));
    }
}
