//! `list.sort`: T. Peters' timsort with the merge order of V. Jugé and J. Munro & S. Wild ("powersort").
//!
//! While the list is being sorted it is empty, so that nothing that a comparison does to it can harm. What is sorted is a permutation of
//! indices into the keys, which stay where they are: whatever a comparison raises, the permutation is whole. Keys that are all small ints,
//! all floats without NaN or all strings of one width are compared without running anything, by the standard library's stable sort.
//! Ascending and strictly descending runs are found, so sorted and reversed lists take linear time.

use super::List;
use super::methods::quick_lt;
use crate::types::slots::CompareOp;
use crate::types::str_::{Str, StrData};
use crate::{Py, PyResult, Value, Vm};

/// Galloping starts when one run has won so many times in a row.
const MIN_GALLOP: usize = 7;
/// Runs shorter than this are made longer by insertion.
const MAX_MINRUN: usize = 64;

/// `list.sort(key=key, reverse=reverse)`.
pub fn sort_list(list: &Py<List>, key: Option<&Value>, reverse: bool, vm: &mut Vm) -> PyResult<()> {
    let mut items = std::mem::take(list.items_mut(vm));
    let result = sort_items(&mut items, key, reverse, vm);
    if vm.interp.heap.wakeup.get() {
        // Finalizers of keys belong to the sort: what they do to the list counts.
        vm.run_pending();
    }
    let cell = list.items_mut(vm);
    let modified = cell.capacity() != 0;
    let old = std::mem::replace(cell, items);
    drop(old);
    result?;
    if modified { Err(vm.value_error("list modified during sort")) } else { Ok(()) }
}

/// Sorts items that nobody else can reach; they are all still there when a comparison raises.
pub fn sort_items(items: &mut Vec<Value>, key: Option<&Value>, reverse: bool, vm: &mut Vm) -> PyResult<()> {
    let Some(key) = key else {
        if items.len() < 2 {
            return Ok(());
        }
        if sort_plain(items, reverse) {
            return Ok(());
        }
        let (order, result) = sorted_order(items, reverse, vm);
        permute(items, &order);
        return result;
    };
    let mut keys = Vec::with_capacity(items.len());
    for item in items.iter() {
        keys.push(vm.call(key, std::slice::from_ref(item))?);
    }
    let (order, result) = sorted_order(&keys, reverse, vm);
    permute(items, &order);
    result
}

/// All keys of one simple kind.
enum Kind {
    Ints,
    Floats,
    Latin,
    Other,
}

fn kind_of(keys: &[Value]) -> Kind {
    let latin = |v: &Value| v.downcast_exact::<Str>().is_some_and(|s| s.width() == 1);
    match keys.first() {
        Some(v) if v.is_small_int() && keys.iter().all(Value::is_small_int) => Kind::Ints,
        Some(v) if v.is_inline_float() && keys.iter().all(|v| v.as_inline_float().is_some_and(|f| !f.is_nan())) => Kind::Floats,
        Some(v) if latin(v) && keys.iter().all(latin) => Kind::Latin,
        _ => Kind::Other,
    }
}

fn latin_bytes(v: &Value) -> &[u8] {
    match v.downcast_exact::<Str>().map(|s| s.data()) {
        Some(StrData::Ascii(s)) => s.as_bytes(),
        Some(StrData::Latin1(s)) => s,
        _ => &[],
    }
}

fn by_float(a: f64, b: f64) -> std::cmp::Ordering {
    a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
}

/// Sorts in place without indices where no code can run. False if it cannot.
fn sort_plain(items: &mut [Value], reverse: bool) -> bool {
    let int = |v: &Value| v.as_small_int().unwrap_or(0);
    let float = |v: &Value| v.as_inline_float().unwrap_or(0.0);
    match kind_of(items) {
        Kind::Ints if reverse => items.sort_by_key(|item| std::cmp::Reverse(int(item))),
        Kind::Ints => items.sort_by_key(int),
        Kind::Floats if reverse => items.sort_by(|a, b| by_float(float(b), float(a))),
        Kind::Floats => items.sort_by(|a, b| by_float(float(a), float(b))),
        Kind::Latin if reverse => items.sort_by(|a, b| latin_bytes(b).cmp(latin_bytes(a))),
        Kind::Latin => items.sort_by(|a, b| latin_bytes(a).cmp(latin_bytes(b))),
        Kind::Other => return false,
    }
    true
}

/// The order of the keys; complete in any case, sorted if no comparison raised.
fn sorted_order(keys: &[Value], reverse: bool, vm: &mut Vm) -> (Vec<usize>, PyResult<()>) {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let int = |i: &usize| keys.get(*i).and_then(Value::as_small_int).unwrap_or(0);
    let float = |i: &usize| keys.get(*i).and_then(Value::as_inline_float).unwrap_or(0.0);
    let latin = |i: &usize| keys.get(*i).map(latin_bytes).unwrap_or_default();
    match kind_of(keys) {
        Kind::Ints if reverse => order.sort_by_key(|i| std::cmp::Reverse(int(i))),
        Kind::Ints => order.sort_by_key(int),
        Kind::Floats if reverse => order.sort_by(|a, b| by_float(float(b), float(a))),
        Kind::Floats => order.sort_by(|a, b| by_float(float(a), float(b))),
        Kind::Latin if reverse => order.sort_by(|a, b| latin(b).cmp(latin(a))),
        Kind::Latin => order.sort_by(|a, b| latin(a).cmp(latin(b))),
        Kind::Other => {
            // Reversed before and after, equal keys keep their order.
            if reverse {
                order.reverse();
            }
            let mut sort = Timsort { keys, order: &mut order, temp: Vec::new(), runs: Vec::new(), min_gallop: MIN_GALLOP };
            let result = sort.run(vm);
            if reverse {
                order.reverse();
            }
            return (order, result);
        }
    }
    (order, Ok(()))
}

fn permute(items: &mut Vec<Value>, order: &[usize]) {
    let mut taken: Vec<Option<Value>> = std::mem::take(items).into_iter().map(Some).collect();
    items.extend(order.iter().filter_map(|&i| taken.get_mut(i)?.take()));
}

struct Run {
    base: usize,
    len: usize,
    power: u32,
}

struct Timsort<'a> {
    keys: &'a [Value],
    order: &'a mut Vec<usize>,
    temp: Vec<usize>,
    runs: Vec<Run>,
    min_gallop: usize,
}

fn minrun(mut n: usize) -> usize {
    let mut rest = 0;
    while n >= MAX_MINRUN {
        rest |= n & 1;
        n >>= 1;
    }
    n + rest
}

/// The depth of the boundary between two neighbouring runs in a nearly optimal merge tree over `n` items.
fn powerloop(s1: usize, n1: usize, n2: usize, n: usize) -> u32 {
    let (mut a, mut b) = (2 * s1 + n1, 2 * s1 + n1 + n1 + n2);
    let mut power = 0;
    loop {
        power += 1;
        if a >= n {
            a -= n;
            b -= n;
        } else if b >= n {
            return power;
        }
        a <<= 1;
        b <<= 1;
    }
}

impl Timsort<'_> {
    /// Whether the key of index `a` is below that of index `b`.
    #[inline]
    fn lt(&self, vm: &mut Vm, a: usize, b: usize) -> PyResult<bool> {
        match (self.keys.get(a), self.keys.get(b)) {
            (Some(x), Some(y)) => {
                if let Some(below) = quick_lt(x, y) {
                    return Ok(below);
                }
                let result = vm.rich_compare(x, y, CompareOp::Lt)?;
                vm.is_true(&result)
            }
            _ => Ok(false),
        }
    }

    #[inline(always)]
    fn at(&self, i: usize) -> usize {
        self.order.get(i).copied().unwrap_or(0)
    }

    fn run(&mut self, vm: &mut Vm) -> PyResult<()> {
        let n = self.order.len();
        let minrun = minrun(n);
        let mut lo = 0;
        while lo < n {
            let mut len = self.count_run(vm, lo)?;
            if len < minrun {
                let force = minrun.min(n - lo);
                self.insertion(vm, lo, lo + force, lo + len)?;
                len = force;
            }
            self.found_run(vm, lo, len)?;
            lo += len;
        }
        while self.runs.len() > 1 {
            self.merge_last(vm)?;
        }
        Ok(())
    }

    fn found_run(&mut self, vm: &mut Vm, base: usize, len: usize) -> PyResult<()> {
        if let Some(last) = self.runs.last() {
            let power = powerloop(last.base, last.len, len, self.order.len());
            while self.runs.len() > 1 && self.runs.iter().rev().nth(1).is_some_and(|r| r.power > power) {
                self.merge_last(vm)?;
            }
            if let Some(last) = self.runs.last_mut() {
                last.power = power;
            }
        }
        self.runs.push(Run { base, len, power: 0 });
        Ok(())
    }

    /// Length of the run that begins at `lo`; a strictly descending one is reversed.
    fn count_run(&mut self, vm: &mut Vm, lo: usize) -> PyResult<usize> {
        let hi = self.order.len();
        if lo + 1 >= hi {
            return Ok(hi - lo);
        }
        let mut n = lo + 2;
        if self.lt(vm, self.at(lo + 1), self.at(lo))? {
            while n < hi && self.lt(vm, self.at(n), self.at(n - 1))? {
                n += 1;
            }
            if let Some(run) = self.order.get_mut(lo..n) {
                run.reverse();
            }
        } else {
            while n < hi && !self.lt(vm, self.at(n), self.at(n - 1))? {
                n += 1;
            }
        }
        Ok(n - lo)
    }

    /// Binary insertion: `lo..start` is sorted already.
    fn insertion(&mut self, vm: &mut Vm, lo: usize, hi: usize, start: usize) -> PyResult<()> {
        for i in start.max(lo + 1)..hi {
            let pivot = self.at(i);
            let (mut left, mut right) = (lo, i);
            while left < right {
                let middle = left + (right - left) / 2;
                if self.lt(vm, pivot, self.at(middle))? {
                    right = middle;
                } else {
                    left = middle + 1;
                }
            }
            if let Some(part) = self.order.get_mut(left..=i) {
                part.rotate_right(1);
            }
        }
        Ok(())
    }

    fn merge_last(&mut self, vm: &mut Vm) -> PyResult<()> {
        let (Some(right), Some(left)) = (self.runs.pop(), self.runs.pop()) else { return Ok(()) };
        self.runs.push(Run { base: left.base, len: left.len + right.len, power: right.power });
        let (mut base_a, mut len_a, base_b, mut len_b) = (left.base, left.len, right.base, right.len);
        // Where the right run's first item goes: what stands before needs no merging. Then what is behind the left run's last one.
        let first = self.at(base_b);
        let skip = self.gallop(vm, first, base_a, len_a, 0, Side::Right)?;
        base_a += skip;
        len_a -= skip;
        if len_a == 0 {
            return Ok(());
        }
        let last = self.at(base_a + len_a - 1);
        len_b = self.gallop(vm, last, base_b, len_b, len_b - 1, Side::Left)?;
        if len_b == 0 {
            return Ok(());
        }
        if len_a <= len_b { self.merge_lo(vm, base_a, len_a, base_b, len_b) } else { self.merge_hi(vm, base_a, len_a, base_b, len_b) }
    }

    /// How many of `self.order[base..base + len]` come before `key`; equal ones do with [`Side::Right`].
    fn gallop(&self, vm: &mut Vm, key: usize, base: usize, len: usize, hint: usize, side: Side) -> PyResult<usize> {
        self.gallop_in(vm, key, |i| self.at(base + i), len, hint, side)
    }

    fn gallop_in(&self, vm: &mut Vm, key: usize, at: impl Fn(usize) -> usize, len: usize, hint: usize, side: Side) -> PyResult<usize> {
        let before = |vm: &mut Vm, i: usize| match side {
            Side::Left => self.lt(vm, at(i), key),
            Side::Right => Ok(!self.lt(vm, key, at(i))?),
        };
        if len == 0 {
            return Ok(0);
        }
        let hint = hint.min(len - 1);
        let (mut low, mut high);
        let mut offset = 1usize;
        if before(vm, hint)? {
            low = hint + 1;
            high = len;
            while hint + offset < len {
                if !before(vm, hint + offset)? {
                    high = hint + offset;
                    break;
                }
                low = hint + offset + 1;
                offset = offset.saturating_mul(2).saturating_add(1);
            }
        } else {
            high = hint;
            low = 0;
            while offset <= hint {
                if before(vm, hint - offset)? {
                    low = hint - offset + 1;
                    break;
                }
                high = hint - offset;
                offset = offset.saturating_mul(2).saturating_add(1);
            }
        }
        while low < high {
            let middle = low + (high - low) / 2;
            if before(vm, middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    fn load_temp(&mut self, base: usize, len: usize) {
        self.temp.clear();
        if let Some(part) = self.order.get(base..base + len) {
            self.temp.extend_from_slice(part);
        }
    }

    fn put(&mut self, at: usize, index: usize) {
        if let Some(slot) = self.order.get_mut(at) {
            *slot = index;
        }
    }

    fn merge_lo(&mut self, vm: &mut Vm, base_a: usize, len_a: usize, base_b: usize, len_b: usize) -> PyResult<()> {
        self.load_temp(base_a, len_a);
        let mut m = Merge { a: 0, len_a, b: base_b, end_b: base_b + len_b, dest: base_a };
        let result = self.merge_lo_loop(vm, &mut m);
        // What is left of the left run goes behind what has been merged, whether it went well or not.
        for i in m.a..len_a {
            let index = self.temp.get(i).copied().unwrap_or(0);
            self.put(m.dest, index);
            m.dest += 1;
        }
        result
    }

    fn merge_lo_loop(&mut self, vm: &mut Vm, m: &mut Merge) -> PyResult<()> {
        while m.a < m.len_a && m.b < m.end_b {
            let (mut wins_a, mut wins_b) = (0, 0);
            while m.a < m.len_a && m.b < m.end_b {
                let (a, b) = (self.temp.get(m.a).copied().unwrap_or(0), self.at(m.b));
                if self.lt(vm, b, a)? {
                    self.put(m.dest, b);
                    m.b += 1;
                    (wins_a, wins_b) = (0, wins_b + 1);
                } else {
                    self.put(m.dest, a);
                    m.a += 1;
                    (wins_a, wins_b) = (wins_a + 1, 0);
                }
                m.dest += 1;
                if wins_a.max(wins_b) >= self.min_gallop {
                    break;
                }
            }
            self.min_gallop += 1;
            while m.a < m.len_a && m.b < m.end_b {
                self.min_gallop = self.min_gallop.saturating_sub(1).max(1);
                let b = self.at(m.b);
                let from_a = self.gallop_in(vm, b, |i| self.temp.get(m.a + i).copied().unwrap_or(0), m.len_a - m.a, 0, Side::Right)?;
                for _ in 0..from_a {
                    let index = self.temp.get(m.a).copied().unwrap_or(0);
                    self.put(m.dest, index);
                    m.a += 1;
                    m.dest += 1;
                }
                if m.a >= m.len_a {
                    return Ok(());
                }
                self.put(m.dest, b);
                m.b += 1;
                m.dest += 1;
                if m.b >= m.end_b {
                    return Ok(());
                }
                let a = self.temp.get(m.a).copied().unwrap_or(0);
                let from_b = self.gallop(vm, a, m.b, m.end_b - m.b, 0, Side::Left)?;
                self.order.copy_within(m.b..m.b + from_b, m.dest);
                m.b += from_b;
                m.dest += from_b;
                if m.b >= m.end_b {
                    return Ok(());
                }
                self.put(m.dest, a);
                m.a += 1;
                m.dest += 1;
                if from_a < MIN_GALLOP && from_b < MIN_GALLOP {
                    break;
                }
            }
            self.min_gallop += 1;
        }
        Ok(())
    }

    fn merge_hi(&mut self, vm: &mut Vm, base_a: usize, len_a: usize, base_b: usize, len_b: usize) -> PyResult<()> {
        self.load_temp(base_b, len_b);
        // All are counted from the left ends: `a` and `b` items are left, `dest` is one behind where the next goes.
        let mut m = Merge { a: len_a, len_a: base_a, b: len_b, end_b: 0, dest: base_b + len_b };
        let result = self.merge_hi_loop(vm, &mut m);
        for i in (0..m.b).rev() {
            let index = self.temp.get(i).copied().unwrap_or(0);
            m.dest -= 1;
            self.put(m.dest, index);
        }
        result
    }

    fn merge_hi_loop(&mut self, vm: &mut Vm, m: &mut Merge) -> PyResult<()> {
        let base_a = m.len_a;
        while m.a > 0 && m.b > 0 {
            let (mut wins_a, mut wins_b) = (0, 0);
            while m.a > 0 && m.b > 0 {
                let (a, b) = (self.at(base_a + m.a - 1), self.temp.get(m.b - 1).copied().unwrap_or(0));
                m.dest -= 1;
                let below = self.lt(vm, b, a);
                if below.is_err() {
                    m.dest += 1;
                }
                if below? {
                    self.put(m.dest, a);
                    m.a -= 1;
                    (wins_a, wins_b) = (wins_a + 1, 0);
                } else {
                    self.put(m.dest, b);
                    m.b -= 1;
                    (wins_a, wins_b) = (0, wins_b + 1);
                }
                if wins_a.max(wins_b) >= self.min_gallop {
                    break;
                }
            }
            self.min_gallop += 1;
            while m.a > 0 && m.b > 0 {
                self.min_gallop = self.min_gallop.saturating_sub(1).max(1);
                let b = self.temp.get(m.b - 1).copied().unwrap_or(0);
                let keep = self.gallop(vm, b, base_a, m.a, m.a - 1, Side::Right)?;
                let from_a = m.a - keep;
                self.order.copy_within(base_a + keep..base_a + m.a, m.dest - from_a);
                m.a = keep;
                m.dest -= from_a;
                if m.a == 0 {
                    return Ok(());
                }
                m.dest -= 1;
                self.put(m.dest, b);
                m.b -= 1;
                if m.b == 0 {
                    return Ok(());
                }
                let a = self.at(base_a + m.a - 1);
                let keep = self.gallop_in(vm, a, |i| self.temp.get(i).copied().unwrap_or(0), m.b, m.b - 1, Side::Left)?;
                let from_b = m.b - keep;
                for _ in 0..from_b {
                    m.b -= 1;
                    m.dest -= 1;
                    let index = self.temp.get(m.b).copied().unwrap_or(0);
                    self.put(m.dest, index);
                }
                if m.b == 0 {
                    return Ok(());
                }
                m.dest -= 1;
                self.put(m.dest, a);
                m.a -= 1;
                if from_a < MIN_GALLOP && from_b < MIN_GALLOP {
                    break;
                }
            }
            self.min_gallop += 1;
        }
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// Where a merge stands.
struct Merge {
    a: usize,
    len_a: usize,
    b: usize,
    end_b: usize,
    dest: usize,
}
