//! The order of an `OrderedDict`'s keys: a doubly linked list in a slab, as CPython keeps one beside the dict.
//!
//! A node is found by the identity of the key that the dict stores, so the list never compares keys. Whoever goes round the class (with
//! `dict.__delitem__(od, key)`, say) leaves the two at odds, and the class then says KeyError, as CPython's does.

use krait_heap::{Clear, Visit};
use krait_runtime::Value;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Number of a node; stable until the node is removed.
pub type Node = u32;

/// Spreads the bits of words that are addresses or small numbers.
#[derive(Default)]
pub struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &b in bytes {
            self.write_u64(u64::from(b));
        }
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

struct Link {
    key: Option<Value>,
    hash: i64,
    prev: Option<Node>,
    next: Option<Node>,
}

/// Keys in order.
#[derive(Default)]
pub struct KeyOrder {
    links: Vec<Link>,
    free: Vec<Node>,
    by_key: HashMap<u64, Node, BuildHasherDefault<WordHasher>>,
    first: Option<Node>,
    last: Option<Node>,
    /// Counts changes of the list; iterators compare it.
    state: u64,
}

impl krait_heap::Traverse for KeyOrder {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.links.iter().filter_map(|l| l.key.as_ref()).for_each(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        let state = self.state + 1;
        let old = std::mem::replace(self, KeyOrder { state, ..KeyOrder::default() });
        out.extend(old.links.into_iter().filter_map(|l| l.key));
    }
}

impl KeyOrder {
    pub fn state(&self) -> u64 {
        self.state
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The node at an end.
    pub fn end(&self, last: bool) -> Option<Node> {
        if last { self.last } else { self.first }
    }

    /// The neighbour of a node.
    pub fn beside(&self, node: Node, backwards: bool) -> Option<Node> {
        let link = self.links.get(node as usize)?;
        if backwards { link.prev } else { link.next }
    }

    /// Key and hash of a node.
    pub fn key(&self, node: Node) -> Option<(&Value, i64)> {
        let link = self.links.get(node as usize)?;
        link.key.as_ref().map(|k| (k, link.hash))
    }

    /// The node of a key that the dict stores.
    pub fn find(&self, stored: &Value) -> Option<Node> {
        self.by_key.get(&stored.bits()).copied()
    }

    /// Adds a key that is not there at the end.
    pub fn push(&mut self, key: Value, hash: i64) {
        let bits = key.bits();
        let link = Link { key: Some(key), hash, prev: None, next: None };
        let node = match self.free.pop() {
            Some(node) => {
                if let Some(place) = self.links.get_mut(node as usize) {
                    *place = link;
                }
                node
            }
            None => {
                self.links.push(link);
                (self.links.len() - 1) as Node
            }
        };
        self.by_key.insert(bits, node);
        self.attach(node, true);
    }

    fn attach(&mut self, node: Node, last: bool) {
        self.state += 1;
        let old = self.end(last);
        if let Some(link) = self.links.get_mut(node as usize) {
            (link.prev, link.next) = if last { (old, None) } else { (None, old) };
        }
        if let Some(link) = old.and_then(|n| self.links.get_mut(n as usize)) {
            *(if last { &mut link.next } else { &mut link.prev }) = Some(node);
        }
        *(if last { &mut self.last } else { &mut self.first }) = Some(node);
        let other = if last { &mut self.first } else { &mut self.last };
        other.get_or_insert(node);
    }

    fn detach(&mut self, node: Node) {
        self.state += 1;
        let Some((prev, next)) = self.links.get(node as usize).map(|l| (l.prev, l.next)) else { return };
        match prev.and_then(|n| self.links.get_mut(n as usize)) {
            Some(link) => link.next = next,
            None => self.first = next,
        }
        match next.and_then(|n| self.links.get_mut(n as usize)) {
            Some(link) => link.prev = prev,
            None => self.last = prev,
        }
    }

    /// Takes a node out; its key is handed back, to be dropped when the borrow has ended.
    pub fn remove(&mut self, node: Node) -> Option<Value> {
        self.links.get(node as usize)?.key.as_ref()?;
        self.detach(node);
        let key = self.links.get_mut(node as usize)?.key.take()?;
        if self.by_key.get(&key.bits()) == Some(&node) {
            self.by_key.remove(&key.bits());
        }
        self.free.push(node);
        Some(key)
    }

    /// Makes a node the first or the last one.
    pub fn move_to_end(&mut self, node: Node, last: bool) {
        if self.end(last) != Some(node) {
            self.detach(node);
            self.attach(node, last);
        }
    }

    /// Forgets all keys, and hands them back.
    pub fn take_all(&mut self) -> Vec<Value> {
        let mut out = Vec::new();
        krait_heap::Traverse::clear(self, &mut out);
        out
    }
}
