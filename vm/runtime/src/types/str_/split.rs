//! `str`: splitting, joining, stripping, replacing, translating, padding.

use super::Items;
use super::{Str, StrBuilder, StrData};
use crate::types::dict::Dict;
use crate::types::exceptions::{LookupError, TypeError, catch};
use crate::types::int::IntRef;
use crate::types::list::List;
use crate::types::tuple::Tuple;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Raised, Value, Vm, pymethods};
use krait_unicode as unicode;

/// The parts of a string as they are found.
struct Parts<'a> {
    string: &'a Py<Str>,
    vm: &'a mut Vm,
    items: Vec<Value>,
    failed: Option<Raised>,
}

impl<'a> Parts<'a> {
    fn of(string: &'a Py<Str>, vm: &'a mut Vm) -> Parts<'a> {
        Parts { string, vm, items: Vec::new(), failed: None }
    }

    /// Takes the part between two bounds; whether that went well.
    fn take(&mut self, start: usize, end: usize) -> bool {
        let part = Str::part(self.string, self.vm, start, end);
        let taken = part.and_then(|part| self.vm.append(&mut self.items, part.into_value()));
        self.failed = taken.err();
        self.failed.is_none()
    }

    fn finish(mut self, backwards: bool) -> PyResult<Py<List>> {
        if let Some(raised) = self.failed {
            return Err(raised);
        }
        if backwards {
            self.items.reverse();
        }
        self.vm.new_list(self.items)
    }

    /// The parts between separators, at most `max` splits from the left.
    fn split(&mut self, data: StrData<'_>, sep: StrData<'_>, max: usize) {
        let (mut start, mut left) = (0, max);
        let mut fine = true;
        if left > 0 {
            data.each_match(sep, |at| {
                fine = self.take(start, at);
                start = at + sep.len();
                left -= 1;
                fine && left > 0
            });
        }
        if fine {
            self.take(start, data.len());
        }
    }

    /// The same from the right, the last part first.
    fn rsplit(&mut self, data: StrData<'_>, sep: StrData<'_>, max: usize) {
        let mut end = data.len();
        for _ in 0..max {
            let Some(at) = data.slice(0, end).rfind(sep) else { break };
            if !self.take(at + sep.len(), end) {
                return;
            }
            end = at;
        }
        self.take(0, end);
    }

    /// The words, at most `max` of them and the rest.
    fn words<T: Copy + Into<u32>>(&mut self, chars: &[T], max: usize) {
        let space = |c: &T| unicode::is_space((*c).into());
        let mut at = 0;
        while let Some(skip) = chars.get(at..).and_then(|rest| rest.iter().position(|c| !space(c))) {
            let start = at + skip;
            let rest = chars.get(start..).unwrap_or_default();
            let len = if self.items.len() == max { rest.len() } else { rest.iter().position(space).unwrap_or(rest.len()) };
            at = start + len;
            if !self.take(start, at) {
                return;
            }
        }
    }

    /// The same from the right, the last word first.
    fn rwords<T: Copy + Into<u32>>(&mut self, chars: &[T], max: usize) {
        let space = |c: &T| unicode::is_space((*c).into());
        let mut end = chars.len();
        while let Some(last) = chars.get(..end).and_then(|rest| rest.iter().rposition(|c| !space(c))) {
            let rest = chars.get(..=last).unwrap_or_default();
            let start = if self.items.len() == max { 0 } else { rest.iter().rposition(space).map_or(0, |i| i + 1) };
            end = start;
            if !self.take(start, last + 1) {
                return;
            }
        }
    }

    fn lines<T: Copy + Into<u32>>(&mut self, chars: &[T], keepends: bool) {
        let code = |i: usize| chars.get(i).map(|c| (*c).into());
        let mut at = 0;
        while let Some(rest) = chars.get(at..).filter(|rest| !rest.is_empty()) {
            let start = at;
            let end = start + rest.iter().position(|c| unicode::is_linebreak((*c).into())).unwrap_or(rest.len());
            at = match (code(end), code(end + 1)) {
                (Some(13), Some(10)) => end + 2,
                (Some(_), _) => end + 1,
                (None, _) => end,
            };
            if !self.take(start, if keepends { at } else { end }) {
                return;
            }
        }
    }

    fn split_space(&mut self, data: StrData<'_>, max: usize, right: bool) {
        match (data, right) {
            (StrData::Ascii(s), false) => self.words(s.as_bytes(), max),
            (StrData::Ascii(s), true) => self.rwords(s.as_bytes(), max),
            (StrData::Latin1(s), false) => self.words(s, max),
            (StrData::Latin1(s), true) => self.rwords(s, max),
            (StrData::Ucs2(s), false) => self.words(s, max),
            (StrData::Ucs2(s), true) => self.rwords(s, max),
            (StrData::Ucs4(s), false) => self.words(s, max),
            (StrData::Ucs4(s), true) => self.rwords(s, max),
        }
    }
}

/// Room for parts to begin with.
const FEW: usize = 8;

/// The characters below 256 that are white space.
static NARROW_SPACES: [bool; 256] = {
    let mut table = [false; 256];
    let spaces = [9, 10, 11, 12, 13, 28, 29, 30, 31, 32, 0x85, 0xa0];
    let mut i = 0;
    while i < spaces.len() {
        table[spaces[i]] = true;
        i += 1;
    }
    table
};

/// A test for the characters that `strip` takes off.
fn strip_bounds(data: StrData<'_>, chars: Option<StrData<'_>>, left: bool, right: bool) -> (usize, usize) {
    if let (None, Some(narrow)) = (chars, data.narrow()) {
        let strips = |c: &u8| NARROW_SPACES[usize::from(*c)];
        let start = if left { narrow.iter().take_while(|c| strips(c)).count() } else { 0 };
        let rest = narrow.get(start..).unwrap_or_default();
        return (start, narrow.len() - if right { rest.iter().rev().take_while(|c| strips(c)).count() } else { 0 });
    }
    let mut set: Vec<u32> = chars.map(|c| c.iter().collect()).unwrap_or_default();
    set.sort_unstable();
    let strips = |c: u32| match chars {
        None => unicode::is_space(c),
        Some(_) => set.binary_search(&c).is_ok(),
    };
    let (mut start, mut end) = (0, data.len());
    while left && start < end && data.get(start).is_some_and(strips) {
        start += 1;
    }
    while right && end > start && data.get(end - 1).is_some_and(strips) {
        end -= 1;
    }
    (start, end)
}

impl Str {
    /// The part between two bounds; the object itself if that is all of it.
    pub fn part(zelf: &Py<Str>, vm: &mut Vm, start: usize, end: usize) -> PyResult<Py<Str>> {
        if start == 0 && end >= zelf.len() && zelf.is_exact() {
            return Ok(zelf.clone());
        }
        vm.new_str_data(zelf.data().slice(start, end))
    }

    /// Parts of narrow characters between a single one.
    fn split_narrow(zelf: &Py<Str>, vm: &mut Vm, chars: &[u8], separator: u8, max: usize) -> PyResult<Py<List>> {
        let (mut items, mut start) = (Vec::with_capacity(FEW), 0);
        while items.len() < max {
            let Some(len) = memchr::memchr(separator, chars.get(start..).unwrap_or_default()) else { break };
            let part = Str::part(zelf, vm, start, start + len)?.into_value();
            vm.append(&mut items, part)?;
            start += len + 1;
        }
        items.push(Str::part(zelf, vm, start, chars.len())?.into_value());
        vm.new_list(items)
    }

    /// Parts of narrow characters between white space.
    fn split_narrow_space(zelf: &Py<Str>, vm: &mut Vm, chars: &[u8], max: usize) -> PyResult<Py<List>> {
        let space = |c: &u8| NARROW_SPACES[usize::from(*c)];
        let (mut items, mut at) = (Vec::with_capacity(FEW), 0);
        loop {
            let rest = chars.get(at..).unwrap_or_default();
            let Some(skip) = rest.iter().position(|c| !space(c)) else { break };
            at += skip;
            let len = if items.len() == max { rest.len() - skip } else { rest.iter().skip(skip).take_while(|c| !space(c)).count() };
            let part = Str::part(zelf, vm, at, at + len)?.into_value();
            vm.append(&mut items, part)?;
            at += len;
        }
        vm.new_list(items)
    }

    fn pad(zelf: &Py<Str>, vm: &mut Vm, left: usize, right: usize, fill: u32) -> PyResult<Py<Str>> {
        if left == 0 && right == 0 && zelf.is_exact() {
            return Ok(zelf.clone());
        }
        let mut out = StrBuilder::try_with_capacity(vm, zelf.len().saturating_add(left).saturating_add(right))?;
        out.push_repeated(vm, fill, left)?;
        out.push_object(zelf);
        out.push_repeated(vm, fill, right)?;
        out.finish(vm)
    }

    /// `old` replaced by `new`, at most `max` times.
    pub fn replaced(zelf: &Py<Str>, vm: &mut Vm, old: StrData<'_>, new: StrData<'_>, max: usize) -> PyResult<Py<Str>> {
        let data = zelf.data();
        let mut places = Vec::new();
        if old.is_empty() {
            places.extend((0..=data.len()).take(max));
        } else if max > 0 && old.len() <= data.len() {
            data.each_match(old, |at| {
                places.push(at);
                places.len() < max
            });
        }
        if places.is_empty() || (old.is_empty() && new.is_empty()) || (max > 0 && old.same(new)) {
            return Str::part(zelf, vm, 0, data.len());
        }
        let removed = places.len() * old.len();
        let total = places.len().checked_mul(new.len()).and_then(|n| n.checked_add(data.len() - removed)).filter(|&n| n <= isize::MAX as usize);
        let Some(total) = total else { return Err(vm.overflow_error("replace string is too long")) };
        let mut out = StrBuilder::try_with_capacity(vm, total)?;
        let mut from = 0;
        for at in places {
            out.push_data(data.slice(from, at));
            out.push_data(new);
            from = at + old.len();
        }
        out.push_data(data.slice(from, data.len()));
        out.finish(vm)
    }

    fn fillchar(vm: &mut Vm, fill: Option<&Value>) -> PyResult<u32> {
        let Some(fill) = fill else { return Ok(32) };
        let Some(s) = fill.downcast::<Str>() else {
            let name = fill.type_name();
            return Err(vm.type_error(format!("The fill character must be a unicode character, not {name}")));
        };
        match (s.len(), s.data().get(0)) {
            (1, Some(c)) => Ok(c),
            _ => Err(vm.type_error("The fill character must be exactly one character long")),
        }
    }

    fn strip_with(zelf: &Py<Str>, vm: &mut Vm, chars: &Value, name: &str, left: bool, right: bool) -> PyResult<Py<Str>> {
        let chars = match (chars.downcast::<Str>(), chars.is_none()) {
            (Some(s), _) => Some(s.data()),
            (None, true) => None,
            (None, false) => {
                return Err(vm.type_error(format!("{name} arg must be None or str")));
            }
        };
        let (start, end) = strip_bounds(zelf.data(), chars, left, right);
        Str::part(zelf, vm, start, end)
    }

    fn split_with(zelf: &Py<Str>, vm: &mut Vm, sep: &Value, maxsplit: isize, right: bool) -> PyResult<Py<List>> {
        let max = usize::try_from(maxsplit).unwrap_or(usize::MAX);
        let data = zelf.data();
        if let (false, Some(chars)) = (right, data.narrow()) {
            if sep.is_none() {
                return Str::split_narrow_space(zelf, vm, chars, max);
            }
            if let Some([byte]) = sep.downcast::<Str>().and_then(|s| s.data().narrow()) {
                return Str::split_narrow(zelf, vm, chars, *byte, max);
            }
        }
        if sep.is_none() {
            let mut parts = Parts::of(zelf, vm);
            parts.split_space(data, max, right);
            return parts.finish(right);
        }
        let Some(sep) = sep.downcast::<Str>() else {
            let name = sep.type_name();
            return Err(vm.type_error(format!("must be str or None, not {name}")));
        };
        if sep.is_empty() {
            return Err(vm.value_error("empty separator"));
        }
        let backwards = right && (max < data.len() || sep.len() != 1);
        let mut parts = Parts::of(zelf, vm);
        if backwards {
            parts.rsplit(data, sep.data(), max);
        } else {
            parts.split(data, sep.data(), max);
        }
        parts.finish(backwards)
    }

    fn translate_char(vm: &mut Vm, table: &Value, c: u32) -> PyResult<Translated> {
        let key = vm.new_int(c)?;
        let found = vm.getitem(table, &key);
        let Some(value) = catch::<LookupError, Value>(vm, found)? else { return Ok(Translated::Char(c)) };
        if value.is_none() {
            return Ok(Translated::Deleted);
        }
        if let Some(i) = IntRef::new(&value) {
            return match i.to_i64().and_then(|i| u32::try_from(i).ok()).filter(|&c| c < 0x110000) {
                Some(c) => Ok(Translated::Char(c)),
                None => Err(vm.value_error("character mapping must be in range(0x110000)")),
            };
        }
        match value.into_py::<Str>() {
            Ok(s) => Ok(Translated::Text(s)),
            Err(_) => Err(vm.type_error("character mapping must return integer, None or str")),
        }
    }
}

#[derive(Clone)]
enum Translated {
    Char(u32),
    Text(Py<Str>),
    Deleted,
}

#[pymethods(part = SPLIT)]
impl Str {
    /// A list of the parts between separators, looked for from the left.
    ///
    /// Without a separator, runs of white space separate and there are no empty parts. At most maxsplit splits are made, unless it is negative.
    #[method(sig = "(sep=None, maxsplit=-1)")]
    fn split(zelf: &Py<Str>, sep: Value, maxsplit: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        Str::split_with(zelf, vm, &sep, maxsplit, false)
    }

    /// A list of the parts between separators, looked for from the right. See split().
    #[method(sig = "(sep=None, maxsplit=-1)")]
    fn rsplit(zelf: &Py<Str>, sep: Value, maxsplit: isize, vm: &mut Vm) -> PyResult<Py<List>> {
        Str::split_with(zelf, vm, &sep, maxsplit, true)
    }

    /// A list of the lines, without line ends unless keepends is true.
    #[method(sig = "(keepends=False)")]
    fn splitlines(zelf: &Py<Str>, keepends: bool, vm: &mut Vm) -> PyResult<Py<List>> {
        let data = zelf.data();
        let mut parts = Parts::of(zelf, vm);
        match data {
            StrData::Ascii(s) => parts.lines(s.as_bytes(), keepends),
            StrData::Latin1(s) => parts.lines(s, keepends),
            StrData::Ucs2(s) => parts.lines(s, keepends),
            StrData::Ucs4(s) => parts.lines(s, keepends),
        }
        parts.finish(false)
    }

    /// The part before the first separator, the separator and the part behind it; the string and two empty ones if there is none.
    #[method]
    fn partition(zelf: &Py<Str>, sep: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Str::partition_with(zelf, sep, false, vm)
    }

    /// The part before the last separator, the separator and the part behind it; two empty strings and the string if there is none.
    #[method]
    fn rpartition(zelf: &Py<Str>, sep: &Value, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        Str::partition_with(zelf, sep, true, vm)
    }

    /// Join strings with this one between them.
    #[method]
    fn join(zelf: &Py<Str>, iterable: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        if let Some(list) = iterable.downcast_exact::<List>() {
            return vm.str_join(zelf, Items::List(list));
        }
        if let Some(tuple) = iterable.downcast_exact::<Tuple>() {
            return vm.str_join(zelf, Items::Slice(tuple.items()));
        }
        let items = match vm.iter(iterable) {
            Ok(iterator) => vm.collect(&iterator)?,
            Err(e) if vm.is_raised::<TypeError>(&e) && iterable.type_ref().slots.iter.get().is_none() => {
                return Err(vm.type_error("can only join an iterable"));
            }
            Err(e) => return Err(e),
        };
        vm.str_join(zelf, Items::Slice(&items))
    }

    /// A copy without white space, or without the characters in chars, at both ends.
    #[method(sig = "(chars=None, /)")]
    fn strip(zelf: &Py<Str>, chars: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        Str::strip_with(zelf, vm, &chars, "strip", true, true)
    }

    /// A copy without white space, or without the characters in chars, at the beginning.
    #[method(sig = "(chars=None, /)")]
    fn lstrip(zelf: &Py<Str>, chars: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        Str::strip_with(zelf, vm, &chars, "lstrip", true, false)
    }

    /// A copy without white space, or without the characters in chars, at the end.
    #[method(sig = "(chars=None, /)")]
    fn rstrip(zelf: &Py<Str>, chars: Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        Str::strip_with(zelf, vm, &chars, "rstrip", false, true)
    }

    /// A copy with old replaced by new, everywhere or, if count is not negative, at most that often.
    #[method(sig = "(old, new, /, count=-1)")]
    fn replace(zelf: &Py<Str>, old: &Py<Str>, new: &Py<Str>, count: isize, vm: &mut Vm) -> PyResult<Py<Str>> {
        let max = usize::try_from(count).unwrap_or(usize::MAX);
        Str::replaced(zelf, vm, old.data(), new.data(), max)
    }

    /// A copy without prefix, if it starts with it.
    #[method]
    fn removeprefix(zelf: &Py<Str>, prefix: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let data = zelf.data();
        let has = prefix.len() <= data.len() && data.slice(0, prefix.len()).same(prefix.data());
        Str::part(zelf, vm, if has { prefix.len() } else { 0 }, data.len())
    }

    /// A copy without suffix, if it ends with it.
    #[method]
    fn removesuffix(zelf: &Py<Str>, suffix: &Py<Str>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let data = zelf.data();
        let end = data.len().checked_sub(suffix.len()).filter(|&end| data.slice(end, data.len()).same(suffix.data()));
        Str::part(zelf, vm, 0, end.unwrap_or(data.len()))
    }

    /// The string in the middle of a field of the given width.
    #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=' ', /)")]
    fn center(zelf: &Py<Str>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let fill = Str::fillchar(vm, fillchar)?;
        let margin = usize::try_from(width).unwrap_or(0).saturating_sub(zelf.len());
        let left = margin / 2 + (margin & usize::try_from(width).unwrap_or(0) & 1);
        Str::pad(zelf, vm, left, margin - left, fill)
    }

    /// The string at the left of a field of the given width.
    #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=' ', /)")]
    fn ljust(zelf: &Py<Str>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let fill = Str::fillchar(vm, fillchar)?;
        let margin = usize::try_from(width).unwrap_or(0).saturating_sub(zelf.len());
        Str::pad(zelf, vm, 0, margin, fill)
    }

    /// The string at the right of a field of the given width.
    #[method(sig = "(width, fillchar=?, /)", text = "($self, width, fillchar=' ', /)")]
    fn rjust(zelf: &Py<Str>, width: isize, fillchar: Option<&Value>, vm: &mut Vm) -> PyResult<Py<Str>> {
        let fill = Str::fillchar(vm, fillchar)?;
        let margin = usize::try_from(width).unwrap_or(0).saturating_sub(zelf.len());
        Str::pad(zelf, vm, margin, 0, fill)
    }

    /// The string filled with zeros up to the given width, behind a sign if there is one.
    #[method]
    fn zfill(zelf: &Py<Str>, width: isize, vm: &mut Vm) -> PyResult<Py<Str>> {
        let margin = usize::try_from(width).unwrap_or(0).saturating_sub(zelf.len());
        if margin == 0 {
            return Str::part(zelf, vm, 0, zelf.len());
        }
        let data = zelf.data();
        let signed = usize::from(matches!(data.get(0), Some(43 | 45)));
        let mut out = StrBuilder::new();
        out.push_data(data.slice(0, signed));
        out.push_repeated(vm, 48, margin)?;
        out.push_data(data.slice(signed, data.len()));
        out.finish(vm)
    }

    /// A copy in which tabs are spaces up to the next multiple of tabsize.
    #[method(sig = "(tabsize=8)")]
    fn expandtabs(zelf: &Py<Str>, tabsize: i32, vm: &mut Vm) -> PyResult<Py<Str>> {
        let tab = usize::try_from(tabsize).unwrap_or(0);
        let mut out = StrBuilder::new();
        let (mut column, mut found) = (0usize, false);
        for c in zelf.chars() {
            match c {
                9 => {
                    found = true;
                    if tab > 0 {
                        let n = tab - column % tab;
                        if out.len().saturating_add(n) > isize::MAX as usize {
                            return Err(vm.overflow_error("new string is too long"));
                        }
                        column += n;
                        out.push_repeated(vm, 32, n)?;
                    }
                }
                _ => {
                    column = if c == 10 || c == 13 { 0 } else { column + 1 };
                    out.push(c);
                }
            }
        }
        if found { out.finish(vm) } else { Str::part(zelf, vm, 0, zelf.len()) }
    }

    /// A copy with every character replaced by what table has for its code: another code, a string, or None to leave it out.
    ///
    /// Characters that the table does not know stay.
    #[method]
    fn translate(&self, table: &Value, vm: &mut Vm) -> PyResult<Py<Str>> {
        let mut out = StrBuilder::with_capacity(self.len());
        let mut known: Vec<Option<Translated>> = vec![None; 128];
        for c in self.chars() {
            let cached = known.get(c as usize).and_then(Option::as_ref);
            let made = match cached {
                Some(made) => made.clone(),
                None => {
                    let made = Str::translate_char(vm, table, c)?;
                    if let Some(slot) = known.get_mut(c as usize) {
                        *slot = Some(made.clone());
                    }
                    made
                }
            };
            match made {
                Translated::Char(c) => out.push(c),
                Translated::Text(s) => out.push_object(&s),
                Translated::Deleted => {}
            }
        }
        out.finish(vm)
    }

    /// A table for translate(): from a dict of characters or codes, or from two strings of equal length whose characters correspond,
    /// with a third string of characters that are to be left out.
    #[staticmethod(text = "(x, y=<unrepresentable>, z=<unrepresentable>, /)")]
    #[allow(clippy::needless_pass_by_value)]
    fn maketrans(args: crate::Args<'_>, vm: &mut Vm) -> PyResult<Py<Dict>> {
        let args = args.unpack(vm, "maketrans", 1, 3)?;
        let table = vm.new_dict()?;
        if let [x] = args {
            return Str::table_of_dict(vm, x, table);
        }
        let mut strings = Vec::new();
        for (i, arg) in args.iter().enumerate() {
            match arg.downcast::<Str>() {
                Some(s) => strings.push(s.clone()),
                None if i == 0 => return Err(vm.type_error("first maketrans argument must be a string if there is a second argument")),
                None => {
                    let name = if arg.is_none() { "None".to_owned() } else { arg.type_name() };
                    return Err(vm.type_error(format!("maketrans() argument {} must be str, not {name}", i + 1)));
                }
            }
        }
        let [from, to, ..] = strings.as_slice() else { return Ok(table) };
        if from.len() != to.len() {
            return Err(vm.value_error("the first two maketrans arguments must have equal length"));
        }
        for (a, b) in from.chars().zip(to.chars()) {
            let (key, value) = (vm.new_int(a)?, vm.new_int(b)?);
            table.set(vm, &key, value)?;
        }
        for c in strings.get(2).into_iter().flat_map(|s| s.chars()) {
            let key = vm.new_int(c)?;
            table.set(vm, &key, Value::none())?;
        }
        Ok(table)
    }
}

impl Str {
    fn table_of_dict(vm: &mut Vm, x: &Value, table: Py<Dict>) -> PyResult<Py<Dict>> {
        let Some(dict) = x.downcast_exact::<Dict>() else {
            return Err(vm.type_error("if you give only one argument to maketrans it must be a dict"));
        };
        for (key, value) in dict.to_vec(vm) {
            let key = match key.downcast::<Str>() {
                Some(s) => match (s.len(), s.data().get(0)) {
                    (1, Some(c)) => vm.new_int(c)?,
                    _ => return Err(vm.value_error("string keys in translatetable must be of length 1")),
                },
                None if IntRef::new(&key).is_some() => key,
                None => return Err(vm.type_error("keys in translate table mustbe strings or integers")),
            };
            table.set(vm, &key, value)?;
        }
        Ok(table)
    }

    fn partition_with(zelf: &Py<Str>, sep: &Value, right: bool, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let Some(sep) = sep.downcast::<Str>() else {
            let name = sep.type_name();
            return Err(vm.type_error(format!("must be str, not {name}")));
        };
        if sep.is_empty() {
            return Err(vm.value_error("empty separator"));
        }
        let data = zelf.data();
        let found = if right { data.rfind(sep.data()) } else { data.find(sep.data()) };
        let empty = vm.new_str("")?;
        let parts = match found {
            Some(at) => {
                let before = Str::part(zelf, vm, 0, at)?;
                let after = Str::part(zelf, vm, at + sep.len(), data.len())?;
                [before, sep.clone(), after]
            }
            None => {
                let whole = Str::part(zelf, vm, 0, data.len())?;
                if right { [empty.clone(), empty, whole] } else { [whole, empty.clone(), empty] }
            }
        };
        vm.new_tuple(parts.map(Py::into_value))
    }
}
