//! An immutable mapping whose changed copies share all but a path of it: P. Bagwell's hash array mapped trie ("Ideal Hash Trees", 2001),
//! persistent as Clojure made it. Contexts keep their variables in one (PEP 567), so that copying a context costs nothing.
//!
//! Five bits of a 32-bit hash choose the branch at each level; a node has a bitmap of the branches that it has and an array of just those.
//! Keys whose hashes are the same stand side by side in a node of their own. A node never changes once it is made.
//! Deliberately absent: CPython's second kind of node for more than 16 branches, which saves it counting bits.

use crate::types::slots::CompareOp;
use crate::types::tuple::Tuple;
use crate::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};
use krait_heap::{Clear, Traverse, Visit};

/// Bits of the hash that a level uses.
const BITS: u32 = 5;

/// What stands at a branch.
#[derive(Clone)]
enum Entry {
    Leaf { hash: u32, key: Value, value: Value },
    Node(Py<Node>),
}

impl Traverse for Entry {
    fn traverse(&self, visit: &mut Visit<'_>) {
        match self {
            Entry::Leaf { key, value, .. } => {
                visit(key);
                visit(value);
            }
            Entry::Node(node) => visit(node.as_value()),
        }
    }
    fn clear(&mut self, _: &mut Clear) {}
}

/// A node of the trie.
#[pyclass(name = "hamt_node", gc, no_methods)]
pub struct Node {
    /// The branches there are; not used where all keys have one hash.
    #[traverse(skip)]
    bitmap: u32,
    #[traverse(skip)]
    collision: bool,
    entries: Box<[Entry]>,
}

/// The mapping.
#[pyclass(name = "hamt", managed)]
pub struct Hamt {
    root: Py<Node>,
    #[traverse(skip)]
    len: usize,
}

/// What an iterator gives.
#[derive(Clone, Copy)]
enum What {
    Keys,
    Values,
    Items,
}

/// Iterates over the keys.
#[pyclass(name = "keys", gc)]
pub struct Keys {
    walk: Walk,
}

#[pymethods]
impl Keys {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Keys>, _vm: &mut Vm) -> PyResult {
        Ok(zelf.to_value())
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.walk.next(vm)
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.walk.len)
    }
}

/// Iterates over the values.
#[pyclass(name = "values", gc)]
pub struct Values {
    walk: Walk,
}

#[pymethods]
impl Values {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Values>, _vm: &mut Vm) -> PyResult {
        Ok(zelf.to_value())
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.walk.next(vm)
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.walk.len)
    }
}

/// Iterates over pairs of key and value.
#[pyclass(name = "items", gc)]
pub struct Items {
    walk: Walk,
}

#[pymethods]
impl Items {
    #[slot(iter)]
    fn slot_iter(zelf: &Py<Items>, _vm: &mut Vm) -> PyResult {
        Ok(zelf.to_value())
    }

    #[slot(iternext)]
    fn slot_next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        self.walk.next(vm)
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.walk.len)
    }
}

/// The place of an iterator: nodes, and how many of their entries have been seen.
struct Walk {
    stack: GilCell<Vec<(Py<Node>, usize)>>,
    what: What,
    len: usize,
}

impl Traverse for Walk {
    fn traverse(&self, visit: &mut Visit<'_>) {
        self.stack.traverse(visit);
    }
    fn clear(&mut self, out: &mut Clear) {
        self.stack.clear(out);
    }
}

impl Walk {
    fn new(hamt: &Hamt, what: What) -> Walk {
        Walk { stack: GilCell::new(vec![(hamt.root.clone(), 0)]), what, len: hamt.len }
    }

    fn next(&self, vm: &mut Vm) -> PyResult<Option<Value>> {
        loop {
            let stack = self.stack.get_mut(vm);
            let Some((node, seen)) = stack.last_mut() else { return Ok(None) };
            let Some(entry) = node.entries.get(*seen).cloned() else {
                let done = stack.pop();
                drop(done);
                continue;
            };
            *seen += 1;
            match entry {
                Entry::Node(node) => stack.push((node, 0)),
                Entry::Leaf { key, value, .. } => {
                    return Ok(Some(match self.what {
                        What::Keys => key,
                        What::Values => value,
                        What::Items => vm.new_tuple([key, value])?.into_value(),
                    }));
                }
            }
        }
    }
}

/// The half of the hash that the trie branches by: both halves mixed.
fn hash_of(vm: &mut Vm, key: &Value) -> PyResult<u32> {
    let hash = vm.hash(key)? as u64;
    Ok((hash as u32) ^ ((hash >> 32) as u32))
}

/// The branch of a hash at a level, as a bit.
fn branch(hash: u32, shift: u32) -> u32 {
    1 << ((hash >> shift) & 31)
}

/// What is left when a key has been taken out.
enum Without {
    NotFound,
    Empty,
    /// One entry, which the parent takes in place of the node.
    One(Entry),
    Node(Py<Node>),
}

fn new_node(vm: &mut Vm, bitmap: u32, collision: bool, entries: Vec<Entry>) -> PyResult<Py<Node>> {
    vm.new_object(Node { bitmap, collision, entries: entries.into_boxed_slice() })
}

impl Node {
    /// Where the branch's entry is, or would be.
    fn index(&self, bit: u32) -> usize {
        (self.bitmap & (bit - 1)).count_ones() as usize
    }

    /// The node with the entry at `index` replaced.
    fn with(&self, vm: &mut Vm, index: usize, entry: Entry) -> PyResult<Py<Node>> {
        let mut entries = self.entries.to_vec();
        if let Some(at) = entries.get_mut(index) {
            *at = entry;
        }
        new_node(vm, self.bitmap, self.collision, entries)
    }

    /// What remains without the entry at `index`.
    fn without_entry(&self, vm: &mut Vm, index: usize, bit: u32) -> PyResult<Without> {
        let mut entries = self.entries.to_vec();
        if index < entries.len() {
            entries.remove(index);
        }
        match entries.as_slice() {
            [] => Ok(Without::Empty),
            [Entry::Leaf { .. }] => Ok(entries.pop().map_or(Without::Empty, Without::One)),
            _ => new_node(vm, self.bitmap & !bit, self.collision, entries).map(Without::Node),
        }
    }
}

fn same_key(vm: &mut Vm, a: &Value, b: &Value) -> PyResult<bool> {
    Ok(a.is_same(b) || vm.eq(a, b)?)
}

/// The place of a key among those that have its hash.
fn place(vm: &mut Vm, node: &Node, key: &Value) -> PyResult<Option<usize>> {
    for (i, entry) in node.entries.iter().enumerate() {
        if let Entry::Leaf { key: other, .. } = entry
            && same_key(vm, other, key)? {
                return Ok(Some(i));
            }
    }
    Ok(None)
}

fn find(vm: &mut Vm, root: &Py<Node>, hash: u32, key: &Value) -> PyResult<Option<Value>> {
    let mut node = root.clone();
    let mut shift = 0;
    loop {
        if node.collision {
            let at = place(vm, &node, key)?;
            return Ok(match at.and_then(|i| node.entries.get(i)) {
                Some(Entry::Leaf { value, .. }) => Some(value.clone()),
                _ => None,
            });
        }
        let bit = branch(hash, shift);
        if node.bitmap & bit == 0 {
            return Ok(None);
        }
        let next = match node.entries.get(node.index(bit)) {
            Some(Entry::Node(next)) => next.clone(),
            Some(Entry::Leaf { hash: other, key: k, value }) => {
                let found = *other == hash && same_key(vm, k, key)?;
                return Ok(found.then(|| value.clone()));
            }
            None => return Ok(None),
        };
        node = next;
        shift += BITS;
    }
}

/// The node with the key set; whether it is new.
fn assoc(vm: &mut Vm, node: &Py<Node>, shift: u32, hash: u32, key: &Value, value: &Value) -> PyResult<(Py<Node>, bool)> {
    let leaf = Entry::Leaf { hash, key: key.clone(), value: value.clone() };
    if node.collision {
        return assoc_collision(vm, node, shift, hash, leaf);
    }
    let bit = branch(hash, shift);
    let index = node.index(bit);
    if node.bitmap & bit == 0 {
        let mut entries = node.entries.to_vec();
        entries.insert(index.min(entries.len()), leaf);
        return Ok((new_node(vm, node.bitmap | bit, false, entries)?, true));
    }
    match node.entries.get(index) {
        Some(Entry::Node(child)) => {
            let (new, added) = assoc(vm, child, shift + BITS, hash, key, value)?;
            if new.is(child) {
                return Ok((node.clone(), false));
            }
            Ok((node.with(vm, index, Entry::Node(new))?, added))
        }
        Some(Entry::Leaf { hash: other, key: k, value: old }) => {
            if *other == hash && same_key(vm, k, key)? {
                if old.is_same(value) {
                    return Ok((node.clone(), false));
                }
                let kept = Entry::Leaf { hash, key: k.clone(), value: value.clone() };
                return Ok((node.with(vm, index, kept)?, false));
            }
            let both = [Entry::Leaf { hash: *other, key: k.clone(), value: old.clone() }, leaf];
            let child = split(vm, shift + BITS, *other, hash, both)?;
            Ok((node.with(vm, index, Entry::Node(child))?, true))
        }
        None => Ok((node.clone(), false)),
    }
}

/// A node for two entries, as deep as their hashes agree.
fn split(vm: &mut Vm, shift: u32, a: u32, b: u32, both: [Entry; 2]) -> PyResult<Py<Node>> {
    if a == b {
        return new_node(vm, 0, true, both.into());
    }
    let (at_a, at_b) = (branch(a, shift), branch(b, shift));
    if at_a == at_b {
        let child = split(vm, shift + BITS, a, b, both)?;
        return new_node(vm, at_a, false, vec![Entry::Node(child)]);
    }
    let mut entries = Vec::from(both);
    if at_b < at_a {
        entries.reverse();
    }
    new_node(vm, at_a | at_b, false, entries)
}

fn assoc_collision(vm: &mut Vm, node: &Py<Node>, shift: u32, hash: u32, leaf: Entry) -> PyResult<(Py<Node>, bool)> {
    let Entry::Leaf { key, value, .. } = &leaf else { return Ok((node.clone(), false)) };
    let theirs = match node.entries.first() {
        Some(Entry::Leaf { hash, .. }) => *hash,
        _ => hash,
    };
    if theirs != hash {
        let pair = [Entry::Node(node.clone()), leaf];
        return Ok((split(vm, shift, theirs, hash, pair)?, true));
    }
    match place(vm, node, key)? {
        None => {
            let mut entries = node.entries.to_vec();
            entries.push(leaf);
            Ok((new_node(vm, 0, true, entries)?, true))
        }
        Some(i) => match node.entries.get(i) {
            Some(Entry::Leaf { key: k, value: old, .. }) if !old.is_same(value) => {
                let kept = Entry::Leaf { hash, key: k.clone(), value: value.clone() };
                Ok((node.with(vm, i, kept)?, false))
            }
            _ => Ok((node.clone(), false)),
        },
    }
}

fn without(vm: &mut Vm, node: &Py<Node>, shift: u32, hash: u32, key: &Value) -> PyResult<Without> {
    if node.collision {
        return match place(vm, node, key)? {
            None => Ok(Without::NotFound),
            Some(i) => node.without_entry(vm, i, 0),
        };
    }
    let bit = branch(hash, shift);
    let index = node.index(bit);
    if node.bitmap & bit == 0 {
        return Ok(Without::NotFound);
    }
    match node.entries.get(index) {
        Some(Entry::Leaf { hash: other, key: k, .. }) => {
            if *other != hash || !same_key(vm, k, key)? {
                return Ok(Without::NotFound);
            }
            node.without_entry(vm, index, bit)
        }
        Some(Entry::Node(child)) => match without(vm, child, shift + BITS, hash, key)? {
            Without::NotFound => Ok(Without::NotFound),
            Without::Empty => node.without_entry(vm, index, bit),
            // A node that is only on the way to one leaf goes too.
            Without::One(leaf) if node.entries.len() == 1 => Ok(Without::One(leaf)),
            Without::One(leaf) => node.with(vm, index, leaf).map(Without::Node),
            Without::Node(new) => node.with(vm, index, Entry::Node(new)).map(Without::Node),
        },
        None => Ok(Without::NotFound),
    }
}

impl Hamt {
    /// An empty mapping.
    pub fn empty(vm: &mut Vm) -> PyResult<Py<Hamt>> {
        let root = new_node(vm, 0, false, Vec::new())?;
        vm.new_object(Hamt { root, len: 0 })
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value of a key.
    pub fn find(&self, vm: &mut Vm, key: &Value) -> PyResult<Option<Value>> {
        let hash = hash_of(vm, key)?;
        find(vm, &self.root, hash, key)
    }

    /// The mapping with a key set.
    pub fn assoc(zelf: &Py<Hamt>, vm: &mut Vm, key: &Value, value: &Value) -> PyResult<Py<Hamt>> {
        let hash = hash_of(vm, key)?;
        let (root, added) = assoc(vm, &zelf.root, 0, hash, key, value)?;
        if root.is(&zelf.root) {
            return Ok(zelf.clone());
        }
        vm.new_object(Hamt { root, len: zelf.len + usize::from(added) })
    }

    /// The mapping without a key; itself if it has none such.
    pub fn without(zelf: &Py<Hamt>, vm: &mut Vm, key: &Value) -> PyResult<Py<Hamt>> {
        let hash = hash_of(vm, key)?;
        let root = match without(vm, &zelf.root, 0, hash, key)? {
            Without::NotFound => return Ok(zelf.clone()),
            Without::Empty => return Hamt::empty(vm),
            Without::Node(root) => root,
            Without::One(entry) => {
                let bit = match &entry {
                    Entry::Leaf { hash, .. } => branch(*hash, 0),
                    Entry::Node(_) => branch(0, 0),
                };
                new_node(vm, bit, false, vec![entry])?
            }
        };
        vm.new_object(Hamt { root, len: zelf.len.saturating_sub(1) })
    }

    /// Whether the two have the same keys with equal values.
    pub fn equals(&self, vm: &mut Vm, other: &Hamt) -> PyResult<bool> {
        if self.len != other.len {
            return Ok(false);
        }
        let walk = Walk::new(self, What::Items);
        while let Some(pair) = walk.next(vm)? {
            let Some([key, value]) = pair.downcast::<Tuple>().map(|t| t.items()) else { continue };
            match other.find(vm, key)? {
                Some(theirs) if theirs.is_same(value) || vm.eq(value, &theirs)? => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// An iterator over the keys.
    pub fn iter_keys(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_object(Keys { walk: Walk::new(self, What::Keys) })?.into_value())
    }

    /// An iterator over the values.
    pub fn iter_values(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_object(Values { walk: Walk::new(self, What::Values) })?.into_value())
    }

    /// An iterator over the pairs.
    pub fn iter_items(&self, vm: &mut Vm) -> PyResult {
        Ok(vm.new_object(Items { walk: Walk::new(self, What::Items) })?.into_value())
    }
}

#[pymethods]
impl Hamt {
    /// The mapping with the key set to the value.
    #[method(sig = "(key, value, /)")]
    fn set(zelf: &Py<Hamt>, key: &Value, value: &Value, vm: &mut Vm) -> PyResult<Py<Hamt>> {
        Hamt::assoc(zelf, vm, key, value)
    }

    /// The value of the key, or default.
    #[method(sig = "(key, default=None, /)")]
    fn get(&self, key: &Value, default: Value, vm: &mut Vm) -> PyResult {
        Ok(self.find(vm, key)?.unwrap_or(default))
    }

    /// The mapping without the key.
    #[method(sig = "(key, /)")]
    fn delete(zelf: &Py<Hamt>, key: &Value, vm: &mut Vm) -> PyResult<Py<Hamt>> {
        Hamt::without(zelf, vm, key)
    }

    /// The keys.
    #[method]
    fn keys(&self, vm: &mut Vm) -> PyResult {
        self.iter_keys(vm)
    }

    /// The values.
    #[method]
    fn values(&self, vm: &mut Vm) -> PyResult {
        self.iter_values(vm)
    }

    /// Pairs of key and value.
    #[method]
    fn items(&self, vm: &mut Vm) -> PyResult {
        self.iter_items(vm)
    }

    #[slot(iter)]
    fn slot_iter(&self, vm: &mut Vm) -> PyResult {
        self.iter_keys(vm)
    }

    #[slot(len)]
    fn slot_len(&self, _vm: &mut Vm) -> PyResult<usize> {
        Ok(self.len)
    }

    #[slot(contains)]
    fn slot_contains(&self, key: &Value, vm: &mut Vm) -> PyResult<bool> {
        Ok(self.find(vm, key)?.is_some())
    }

    #[slot(getitem)]
    fn slot_getitem(&self, key: &Value, vm: &mut Vm) -> PyResult {
        match self.find(vm, key)? {
            Some(value) => Ok(value),
            None => Err(vm.key_error(key)),
        }
    }

    #[slot(richcompare)]
    fn slot_richcompare(&self, other: &Value, op: CompareOp, vm: &mut Vm) -> PyResult {
        let Some(other) = other.downcast::<Hamt>().cloned() else { return Ok(Value::not_implemented()) };
        if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
            return Ok(Value::not_implemented());
        }
        let equal = self.equals(vm, &other)?;
        Ok(Value::from_bool(equal == (op == CompareOp::Eq)))
    }
}
