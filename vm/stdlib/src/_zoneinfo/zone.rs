//! The offsets of a time zone: its recorded transitions, and the rule for what comes after them.

use super::rule::{self, Change};
use crate::_datetime::{TimeDelta, delta};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{Py, PyResult, Value, Vm};

/// What holds between two transitions.
#[derive(Clone)]
pub struct Info {
    pub utcoff: Py<TimeDelta>,
    pub dstoff: Py<TimeDelta>,
    pub name: Value,
    /// `utcoff` again.
    seconds: i64,
}

/// What holds behind the last transition.
struct After {
    std: Info,
    dst: Option<(Info, Change, Change)>,
}

/// A time zone's offsets.
pub struct Zone {
    /// When transitions happen, in seconds since 1970 in UTC.
    utc: Vec<i64>,
    /// The same by the local clock: for the first and for the second time that it shows.
    wall: [Vec<i64>; 2],
    /// Number of the info behind each transition.
    index: Vec<usize>,
    infos: Vec<Info>,
    /// Number of the info in front of the first transition.
    before: usize,
    after: After,
    fixed: bool,
}

fn info(vm: &mut Vm, utcoff: i64, dstoff: i64, name: Value) -> PyResult<Info> {
    Ok(Info { utcoff: delta::new(vm, 0, utcoff, 0)?, dstoff: delta::new(vm, 0, dstoff, 0)?, name, seconds: utcoff })
}

/// Infers how much of each offset is due to summer time, which files do not say: the difference to the standard time that comes before or after.
fn summer_offsets(index: &[usize], utcoff: &[i64], isdst: &[bool]) -> Vec<i64> {
    let mut result = vec![0; utcoff.len()];
    for (i, &here) in index.iter().enumerate().skip(1) {
        if !isdst[here] || result[here] != 0 {
            continue;
        }
        let previous = index[i - 1];
        let mut found = if isdst[previous] { 0 } else { utcoff[here] - utcoff[previous] };
        if found == 0
            && here + 1 < utcoff.len()
            && let Some(&next) = index.get(i + 1)
            && !isdst[next] {
                found = utcoff[here] - utcoff[next];
            }
        result[here] = found;
    }
    // Where nothing is found, an hour is a better guess than none.
    for (offset, _) in result.iter_mut().zip(isdst).filter(|(o, dst)| **o == 0 && **dst) {
        *offset = 3_600;
    }
    result
}

/// When transitions happen by the local clock.
fn wall_times(utc: &[i64], index: &[usize], utcoff: &[i64]) -> [Vec<i64>; 2] {
    let mut wall = [utc.to_vec(), utc.to_vec()];
    let mut previous = utcoff.first().copied().unwrap_or(0);
    for (i, &info) in index.iter().enumerate() {
        let next = utcoff[info];
        wall[0][i] = wall[0][i].saturating_add(previous.max(next));
        wall[1][i] = wall[1][i].saturating_add(previous.min(next));
        previous = next;
    }
    wall
}

fn ints(vm: &mut Vm, value: &Value) -> PyResult<Vec<i64>> {
    let mut result = Vec::new();
    for item in vm.collect(value)? {
        let index = vm.index(&item)?;
        match IntRef::new(&index).and_then(|i| i.to_i64()) {
            Some(i) => result.push(i),
            None => return Err(vm.overflow_error("Python int too large to convert to C long")),
        }
    }
    Ok(result)
}

impl Zone {
    /// From what `zoneinfo._common.load_data()` reads out of a file.
    pub fn from_data(vm: &mut Vm, data: &Value) -> PyResult<Zone> {
        let fields = match data.downcast_exact::<Tuple>() {
            Some(t) => t.clone(),
            None => {
                let shown = vm.repr(data)?.to_string_lossy().into_owned();
                return Err(vm.type_error(format!("Invalid data result type: {shown}")));
            }
        };
        let [index, utc, utcoff, isdst, names, rule] = fields.items() else { return Err(vm.index_error("tuple index out of range")) };
        let (utc, utcoff, names) = (ints(vm, utc)?, ints(vm, utcoff)?, vm.collect(names)?);
        let mut flags = Vec::new();
        for flag in vm.collect(isdst)? {
            flags.push(vm.is_true(&flag)?);
        }
        let mut numbers = Vec::new();
        for i in ints(vm, index)? {
            match usize::try_from(i).ok().filter(|i| *i < utcoff.len()) {
                Some(i) => numbers.push(i),
                None => return Err(vm.value_error(format!("Invalid transition index found while reading TZif: {i}"))),
            }
        }
        if numbers.len() != utc.len() || flags.len() != utcoff.len() || names.len() != utcoff.len() {
            return Err(vm.value_error("the parts of a time zone's data differ in length"));
        }
        let dstoff = summer_offsets(&numbers, &utcoff, &flags);
        let mut infos = Vec::new();
        for ((&utcoff, dstoff), name) in utcoff.iter().zip(dstoff).zip(names) {
            infos.push(info(vm, utcoff, dstoff, name)?);
        }
        let before = flags.iter().position(|dst| !dst).unwrap_or(0);
        let wall = wall_times(&utc, &numbers, &utcoff);
        let after = match rule.downcast::<Bytes>().filter(|b| !b.is_empty()) {
            Some(text) => After::parse(vm, rule, text.as_bytes())?,
            None => match numbers.last().and_then(|&i| infos.get(i)).or(infos.last()) {
                Some(last) => After { std: last.clone(), dst: None },
                None => return Err(vm.value_error("No time zone information found.")),
            },
        };
        let fixed = match (&*infos, &after.dst) {
            (_, Some(_)) => false,
            ([], None) => true,
            ([only], None) => {
                only.seconds == after.std.seconds && only.dstoff.span() == after.std.dstoff.span() && vm.eq(&only.name, &after.std.name)?
            }
            _ => false,
        };
        Ok(Zone { utc, wall, index: numbers, infos, before, after, fixed })
    }

    /// The info of times without a date: only zones with a fixed offset have one.
    pub fn timeless(&self) -> Option<&Info> {
        self.fixed.then_some(&self.after.std)
    }

    fn info_behind(&self, transition: usize) -> &Info {
        self.index.get(transition).and_then(|&i| self.infos.get(i)).unwrap_or(&self.after.std)
    }

    fn first(&self) -> &Info {
        self.infos.get(self.before).unwrap_or(&self.after.std)
    }

    /// The info at a local time, given in seconds since 1970.
    pub fn at_local(&self, seconds: i64, year: i32, fold: bool) -> &Info {
        let wall = &self.wall[usize::from(fold)];
        match (wall.first(), wall.last()) {
            (Some(&first), _) if seconds < first => self.first(),
            (_, Some(&last)) if seconds <= last => self.info_behind(wall.partition_point(|&t| t <= seconds).saturating_sub(1)),
            _ => self.after.at_local(seconds, year, fold),
        }
    }

    /// The info at a time in UTC, and whether the local clock shows that time for the second time.
    pub fn at_utc(&self, seconds: i64, year: i32) -> (&Info, bool) {
        let count = self.utc.len();
        let before = |transition: usize| if transition == 0 { self.first() } else { self.info_behind(transition - 1) };
        match (self.utc.first(), self.utc.last()) {
            (Some(&first), _) if seconds < first => (self.first(), false),
            (_, Some(&last)) if seconds <= last => {
                let transition = self.utc.partition_point(|&t| t <= seconds).saturating_sub(1);
                let info = self.info_behind(transition);
                let since = seconds.saturating_sub(self.utc.get(transition).copied().unwrap_or(0));
                (info, before(transition).seconds - info.seconds > since)
            }
            (_, last) => {
                let (info, fold) = self.after.at_utc(seconds, year);
                // Shortly behind the last transition, the clock may have been set back by it.
                let back = last.is_some_and(|&last| {
                    let by = before(count - 1).seconds - info.seconds;
                    by > 0 && seconds < last.saturating_add(by)
                });
                (info, fold || back)
            }
        }
    }
}

impl After {
    fn parse(vm: &mut Vm, shown: &Value, text: &[u8]) -> PyResult<After> {
        let parsed = match rule::parse(text) {
            Ok(parsed) => parsed,
            Err(wrong) => {
                let shown = vm.repr(shown)?.to_string_lossy().into_owned();
                return Err(vm.value_error(format!("{wrong} {shown}")));
            }
        };
        let (name, std_offset) = parsed.std;
        let name = vm.new_str(&name)?.into_value();
        let std = info(vm, std_offset, 0, name)?;
        let dst = match parsed.dst {
            Some((name, offset, start, end)) => {
                let name = vm.new_str(&name)?.into_value();
                Some((info(vm, offset, offset - std_offset, name)?, start, end))
            }
            None => None,
        };
        Ok(After { std, dst })
    }

    fn at_local(&self, seconds: i64, year: i32, fold: bool) -> &Info {
        let Some((dst, start, end)) = &self.dst else { return &self.std };
        let (mut start, mut end) = (start.in_year(year), end.in_year(year));
        let ahead = dst.seconds - self.std.seconds;
        // The first time, the smaller offset holds from the end of the gap to the end of the overlap; the second time, from the beginnings.
        if fold == (ahead >= 0) {
            end -= ahead;
        } else {
            start += ahead;
        }
        if is_within(seconds, start, end) { dst } else { &self.std }
    }

    fn at_utc(&self, seconds: i64, year: i32) -> (&Info, bool) {
        let Some((dst, start, end)) = &self.dst else { return (&self.std, false) };
        let (start, end) = (start.in_year(year) - self.std.seconds, end.in_year(year) - dst.seconds);
        let ahead = dst.seconds - self.std.seconds;
        let overlap = if ahead > 0 { end..end + ahead } else { start..start - ahead };
        (if is_within(seconds, start, end) { dst } else { &self.std }, overlap.contains(&seconds))
    }
}

/// Whether a time is in a part of the year, which may go over the turn of the year.
fn is_within(seconds: i64, start: i64, end: i64) -> bool {
    if start < end { (start..end).contains(&seconds) } else { seconds < end || seconds >= start }
}
