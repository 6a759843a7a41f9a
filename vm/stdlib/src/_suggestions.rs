//! `_suggestions`: the nearest name among candidates, by an edit distance in which a change of case costs half of any other change.

use krait_runtime::types::list::List;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Py, PyResult, Value, Vm, module, pyfunction};

const MOST_CANDIDATES: usize = 750;
const LONGEST: usize = 40;
const MOVE_COST: usize = 2;
const CASE_COST: usize = 1;

module! {
    "_suggestions",
    doc: "Finds the name that was meant.",
    functions: [generate_suggestions],
    types: [],
}

/// The candidate that resembles item most; None if none is near.
#[pyfunction(name = "_generate_suggestions", sig = "(candidates, item, /)")]
fn generate_suggestions(candidates: &Value, item: &Py<Str>, vm: &mut Vm) -> PyResult {
    let Some(list) = candidates.downcast_exact::<List>() else { return Err(vm.type_error("candidates must be a list")) };
    let candidates = list.items(vm).to_vec();
    if !candidates.iter().all(|c| c.is::<Str>()) {
        return Err(vm.type_error("all elements in 'candidates' must be strings"));
    }
    if candidates.len() >= MOST_CANDIDATES {
        return Ok(Value::none());
    }
    let wanted = item.to_utf8(vm)?;
    let mut best: Option<(usize, Value)> = None;
    for candidate in candidates {
        let Some(text) = candidate.downcast::<Str>() else { continue };
        let text = text.to_utf8(vm)?;
        if text == wanted {
            continue;
        }
        // At most a third of the characters may need a change, and only a nearer name replaces one that was found.
        let mut most = (wanted.len() + text.len() + 3) * MOVE_COST / 6;
        if let Some((distance, _)) = best {
            most = most.min(distance.saturating_sub(1));
        }
        let Some(distance) = distance(wanted.as_bytes(), text.as_bytes(), most) else { continue };
        if best.as_ref().is_none_or(|(d, _)| distance < *d) {
            best = Some((distance, candidate));
        }
    }
    Ok(best.map_or_else(Value::none, |(_, name)| name))
}

fn substitution_cost(a: u8, b: u8) -> usize {
    match (a == b, a.eq_ignore_ascii_case(&b)) {
        (true, _) => 0,
        (_, true) => CASE_COST,
        _ => MOVE_COST,
    }
}

/// The distance of two names, if it is at most `most`.
fn distance(mut a: &[u8], mut b: &[u8], most: usize) -> Option<usize> {
    while let ([x, rest_a @ ..], [y, rest_b @ ..]) = (a, b) {
        if x != y {
            break;
        }
        (a, b) = (rest_a, rest_b);
    }
    while let ([rest_a @ .., x], [rest_b @ .., y]) = (a, b) {
        if x != y {
            break;
        }
        (a, b) = (rest_a, rest_b);
    }
    if a.is_empty() || b.is_empty() {
        return Some((a.len() + b.len()) * MOVE_COST).filter(|d| *d <= most);
    }
    if a.len() > LONGEST || b.len() > LONGEST || a.len().abs_diff(b.len()) * MOVE_COST > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=a.len()).map(|i| i * MOVE_COST).collect();
    for (i, y) in b.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = (i + 1) * MOVE_COST;
        let mut least = row[0];
        for (j, x) in a.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + substitution_cost(*x, *y)).min(above.min(row[j]) + MOVE_COST);
            diagonal = above;
            least = least.min(row[j + 1]);
        }
        if least > most {
            return None;
        }
    }
    row.last().copied().filter(|d| *d <= most)
}
