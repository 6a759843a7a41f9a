//! `_bisect`: searching and inserting in sorted sequences.

use krait_runtime::types::list::List;
use krait_runtime::types::slots::CompareOp;
use krait_runtime::{PyResult, Value, Vm, module, pyfunction};

/// Where `x` belongs, before or behind equal items.
fn search(vm: &mut Vm, a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, right: bool) -> PyResult<isize> {
    if lo < 0 {
        return Err(vm.value_error("lo must be non-negative"));
    }
    let hi = match hi {
        None => -1,
        Some(hi) => vm.as_count(hi)?,
    };
    let (mut low, mut high) = (lo, if hi == -1 { vm.len(a)? as isize } else { hi });
    while low < high {
        let middle = low + (high - low) / 2;
        let mut item = vm.sequence_item(a, middle)?;
        if let Some(key) = key {
            item = vm.call(key, &[item])?;
        }
        let (first, second) = if right { (x, &item) } else { (&item, x) };
        let below = match (first.as_small_int(), second.as_small_int()) {
            (Some(p), Some(q)) => p < q,
            _ => {
                let result = vm.rich_compare(first, second, CompareOp::Lt)?;
                vm.is_true(&result)?
            }
        };
        if below == right {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(low)
}

fn insert(vm: &mut Vm, a: &Value, at: isize, x: &Value) -> PyResult<()> {
    if let Some(list) = a.downcast_exact::<List>() {
        let items = list.items_mut(vm);
        let at = (at as usize).min(items.len());
        items.insert(at, x.clone());
        return Ok(());
    }
    let insert = vm.intern("insert");
    let at = vm.new_int(at)?;
    vm.call_method(a, &insert, &[at, x.clone()])?;
    Ok(())
}

/// Return the index where to insert item x in list a, assuming a is sorted.
///
/// All e in a[:i] have e <= x, all e in a[i:] have e > x: if x already appears in the list, the index is behind it.
/// lo and hi bound the slice of a to be searched. A key function extracts the comparison key of each item, but is not applied to x.
#[pyfunction(sig = "(a, x, lo=0, hi=None, *, key=None)")]
fn bisect_right(a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, vm: &mut Vm) -> PyResult<isize> {
    search(vm, a, x, lo, hi, key, true)
}

/// Return the index where to insert item x in list a, assuming a is sorted.
///
/// All e in a[:i] have e < x, all e in a[i:] have e >= x: if x already appears in the list, the index is before it.
/// lo and hi bound the slice of a to be searched. A key function extracts the comparison key of each item, but is not applied to x.
#[pyfunction(sig = "(a, x, lo=0, hi=None, *, key=None)")]
fn bisect_left(a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, vm: &mut Vm) -> PyResult<isize> {
    search(vm, a, x, lo, hi, key, false)
}

/// Insert item x in list a, and keep it sorted assuming a is sorted; behind equal items.
///
/// lo and hi bound the slice of a to be searched. A key function extracts the comparison key of each item, x included.
#[pyfunction(sig = "(a, x, lo=0, hi=None, *, key=None)")]
fn insort_right(a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
    insort(vm, a, x, lo, hi, key, true)
}

/// Insert item x in list a, and keep it sorted assuming a is sorted; before equal items.
///
/// lo and hi bound the slice of a to be searched. A key function extracts the comparison key of each item, x included.
#[pyfunction(sig = "(a, x, lo=0, hi=None, *, key=None)")]
fn insort_left(a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, vm: &mut Vm) -> PyResult<()> {
    insort(vm, a, x, lo, hi, key, false)
}

fn insort(vm: &mut Vm, a: &Value, x: &Value, lo: isize, hi: Option<&Value>, key: Option<&Value>, right: bool) -> PyResult<()> {
    let at = match key {
        None => search(vm, a, x, lo, hi, None, right)?,
        Some(key) => {
            let x = vm.call(key, std::slice::from_ref(x))?;
            search(vm, a, &x, lo, hi, Some(key), right)?
        }
    };
    insert(vm, a, at, x)
}

module! {
    "_bisect",
    doc: "Bisection algorithms.\n\nThey keep a list sorted without having to sort it after each insertion.",
    functions: [bisect_right, bisect_left, insort_right, insort_left],
    types: [],
}
