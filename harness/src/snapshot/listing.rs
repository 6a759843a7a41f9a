//! Compares code objects field by field, and shows two that differ as listings side by side.

use std::fmt::Write as _;

use krait_bytecode::dis::listing;
use krait_bytecode::linetable;
use krait_bytecode::marshal::read_code;
use krait_bytecode::{Code, Const};

use super::texts::Difference;

/// Width of one of the two columns.
const COLUMN: usize = 64;

/// Lines shown in front of the first that differs, and in all.
const BEFORE: usize = 6;
const SHOWN: usize = 24;

/// The first difference between two marshalled code objects.
pub fn compare(expected: &[u8], got: &[u8]) -> Option<Difference> {
    if expected == got {
        return None;
    }
    let (expected, got) = match (read_code(expected), read_code(got)) {
        (Ok(expected), Ok(got)) => (expected, got),
        (Err(error), _) => return Some(broken("the reference's code object does not load", &error.to_string())),
        (_, Err(error)) => return Some(broken("the code object does not load", &error.to_string())),
    };
    let mut found = Vec::new();
    walk(&expected, &got, &mut found);
    let (first_expected, first_got, fields) = *found.first()?.clone();
    let name = first_expected.qualname.to_str_lossy().into_owned();
    let mut text = format!("{name}, line {}: {}\n", first_expected.firstlineno, fields.join(", "));
    if found.len() > 1 {
        let _ = writeln!(text, "({} code objects differ)", found.len());
    }
    for field in &fields {
        text.push_str(&field_text(field, first_expected, first_got));
    }
    let (left, right) = (rows(first_expected), rows(first_got));
    let line = side_by_side(&left, &right, &mut text).or(Some(first_expected.firstlineno));
    let lineno = line.and_then(|line| usize::try_from(line).ok());
    Some(Difference { kind: fields.join(", "), lineno, text })
}

fn broken(what: &str, why: &str) -> Difference {
    Difference { kind: what.to_owned(), lineno: None, text: format!("{what}: {why}\n") }
}

type Found<'c> = Box<(&'c Code, &'c Code, Vec<&'static str>)>;

fn walk<'c>(expected: &'c Code, got: &'c Code, found: &mut Vec<Found<'c>>) {
    let fields = differing(expected, got);
    if !fields.is_empty() {
        found.push(Box::new((expected, got, fields)));
    }
    expected.nested().zip(got.nested()).for_each(|(expected, got)| walk(expected, got, found));
}

fn differing(a: &Code, b: &Code) -> Vec<&'static str> {
    let consts = a.consts.len() == b.consts.len() && a.consts.iter().zip(&b.consts).all(same_but_for_code);
    let fields = [
        ("name", a.name == b.name),
        ("qualname", a.qualname == b.qualname),
        ("filename", a.filename == b.filename),
        ("argcount", a.argcount == b.argcount),
        ("posonlyargcount", a.posonlyargcount == b.posonlyargcount),
        ("kwonlyargcount", a.kwonlyargcount == b.kwonlyargcount),
        ("flags", a.flags == b.flags),
        ("firstlineno", a.firstlineno == b.firstlineno),
        ("stacksize", a.stacksize == b.stacksize),
        ("code", a.code == b.code),
        ("names", a.names == b.names),
        ("localsplusnames", a.localsplusnames == b.localsplusnames),
        ("localspluskinds", a.localspluskinds == b.localspluskinds),
        ("linetable", a.linetable == b.linetable),
        ("exceptiontable", a.exceptiontable == b.exceptiontable),
        ("consts", consts),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect()
}

/// Code objects are compared on their own; not-a-number equals itself, and a frozenset has no order.
fn same_but_for_code((a, b): (&Const, &Const)) -> bool {
    let float = |a: f64, b: f64| if a.is_nan() { b.is_nan() } else { a.to_bits() == b.to_bits() };
    match (a, b) {
        (Const::Code(_), Const::Code(_)) => true,
        (Const::Float(a), Const::Float(b)) => float(*a, *b),
        (Const::Complex(a, b), Const::Complex(c, d)) => float(*a, *c) && float(*b, *d),
        (Const::Tuple(a), Const::Tuple(b)) => a.len() == b.len() && a.iter().zip(&**b).all(same_but_for_code),
        (Const::FrozenSet(a), Const::FrozenSet(b)) => {
            a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same_but_for_code((x, y))))
        }
        _ => a.same(b),
    }
}

/// What the listings do not show of a field that differs.
fn field_text(field: &str, expected: &Code, got: &Code) -> String {
    let show = |code: &Code| match field {
        "names" => format!("{:?}", code.names),
        "localsplusnames" => format!("{:?}", code.localsplusnames),
        "localspluskinds" => format!("{:?}", code.localspluskinds),
        "consts" => format!("{:?}", code.consts.iter().map(const_text).collect::<Vec<_>>()),
        "name" => format!("{:?}", code.name),
        "qualname" => format!("{:?}", code.qualname),
        "filename" => format!("{:?}", code.filename),
        "argcount" => code.argcount.to_string(),
        "posonlyargcount" => code.posonlyargcount.to_string(),
        "kwonlyargcount" => code.kwonlyargcount.to_string(),
        "flags" => format!("{:#x}", code.flags),
        "firstlineno" => code.firstlineno.to_string(),
        "stacksize" => code.stacksize.to_string(),
        _ => String::new(),
    };
    let (expected, got) = (show(expected), show(got));
    if expected.is_empty() { String::new() } else { format!("  {field}: {expected}\n  {field}: {got}\n") }
}

fn const_text(value: &Const) -> String {
    match value {
        Const::Code(code) => format!("<code {}>", code.qualname.to_str_lossy()),
        other => format!("{other:?}"),
    }
}

/// A row of a listing and the line of its instruction.
type Row = (String, Option<i32>);

/// The instructions of one code object with their positions, and its exception table.
fn rows(code: &Code) -> Vec<Row> {
    let own = Code { consts: code.consts.iter().map(without_code).collect(), ..code.clone() };
    let positions: Vec<_> = linetable::positions(&code.linetable, code.firstlineno).collect();
    let number = |n: Option<i32>| n.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let row = |line: &str| {
        let unit = line.split_whitespace().find_map(|word| word.parse::<usize>().ok().filter(|_| line.starts_with(' ')));
        // The listing has the line, which is not always there, and the offset in fixed columns.
        let unit = line.get(5..13).and_then(|offset| offset.trim().parse::<usize>().ok()).or(unit).map(|offset| offset / 2);
        let Some(at) = unit.and_then(|unit| positions.get(unit)) else { return (line.to_owned(), None) };
        let place = format!(
            "{}:{}-{}:{}",
            number(at.lineno),
            number(at.col_offset),
            number(at.end_lineno),
            number(at.end_col_offset)
        );
        (format!("{place:<16}{}", line.get(5..).unwrap_or(line)), at.lineno)
    };
    listing(&own).lines().map(row).collect()
}

/// Nested code objects are listed on their own.
fn without_code(value: &Const) -> Const {
    match value {
        Const::Code(code) => Const::Str(format!("<code {}>", code.qualname.to_str_lossy()).as_str().into()),
        other => other.clone(),
    }
}

/// Writes both around the first row that differs, and returns the source line of that row.
fn side_by_side(left: &[Row], right: &[Row], text: &mut String) -> Option<i32> {
    let longest = left.len().max(right.len());
    let cell = |rows: &[Row], at: usize| rows.get(at).map(|row| row.0.clone()).unwrap_or_default();
    let first = (0..longest).find(|at| cell(left, *at) != cell(right, *at))?;
    let _ = writeln!(text, "    {:<COLUMN$}   subject", "reference");
    for at in first.saturating_sub(BEFORE)..(first + SHOWN).min(longest) {
        let (a, b) = (cell(left, at), cell(right, at));
        let mark = if a == b { ' ' } else { '|' };
        let a: String = a.chars().take(COLUMN).collect();
        let b: String = b.chars().take(COLUMN).collect();
        let _ = writeln!(text, "    {a:<COLUMN$} {mark} {b}");
    }
    left.get(first).or_else(|| right.get(first)).and_then(|row| row.1)
}
