//! Making strings out of strings: concatenation, repetition, and appending in place.
#![allow(unsafe_code, reason = "fills the tails of new strings and grows the tail of a string that nobody else sees")]

use super::{Str, StrData};
use crate::types::list::List;
use crate::types::value::ValueExt;
use crate::{Py, PyResult, Value, Vm};

/// Writes characters to `at` in a width at least their own.
///
/// # Safety
/// There is room for `data.len()` characters of `width` bytes at `at`, which is aligned for them; `width` is no less than that of `data`.
unsafe fn write(data: StrData<'_>, at: *mut u8, width: u8) {
    // SAFETY: the caller's promise.
    unsafe {
        match (data, width) {
            (StrData::Ascii(s), 1) => std::ptr::copy_nonoverlapping(s.as_ptr(), at, s.len()),
            (StrData::Latin1(s), 1) => std::ptr::copy_nonoverlapping(s.as_ptr(), at, s.len()),
            (StrData::Ucs2(s), 2) => std::ptr::copy_nonoverlapping(s.as_ptr(), at.cast(), s.len()),
            (StrData::Ucs4(s), 4) => std::ptr::copy_nonoverlapping(s.as_ptr(), at.cast(), s.len()),
            (data, 2) => data.iter().enumerate().for_each(|(i, c)| at.cast::<u16>().add(i).write(c as u16)),
            (data, 4) => data.iter().enumerate().for_each(|(i, c)| at.cast::<u32>().add(i).write(c)),
            (data, _) => data.iter().enumerate().for_each(|(i, c)| at.add(i).write(c as u8)),
        }
    }
}

/// The items of a sequence that is not copied.
#[derive(Clone, Copy)]
pub enum Items<'a> {
    List(&'a List),
    Slice(&'a [Value]),
}

impl<'a> Items<'a> {
    fn get<'b>(self, vm: &'b Vm) -> &'b [Value]
    where
        'a: 'b,
    {
        match self {
            Items::List(list) => list.items(vm),
            Items::Slice(items) => items,
        }
    }
}

/// What strings with a separator between them come to.
struct Shape {
    len: usize,
    width: u8,
    ascii: bool,
}

impl Shape {
    /// The place of the first item that is no string if there is one.
    fn of(separator: &Str, items: &[Value]) -> Result<Shape, usize> {
        let mut shape = Shape { len: separator.len.saturating_mul(items.len().saturating_sub(1)), width: 1, ascii: true };
        if items.len() > 1 {
            (shape.width, shape.ascii) = (separator.width, separator.ascii);
        }
        for (i, item) in items.iter().enumerate() {
            let Some(s) = item.downcast::<Str>() else { return Err(i) };
            shape.len = shape.len.saturating_add(s.len);
            shape.width = shape.width.max(s.width);
            shape.ascii &= s.ascii;
        }
        Ok(shape)
    }

    /// Writes what has this shape to `at`.
    ///
    /// # Safety
    /// The shape is that of the very same strings, and there is room for it at `at`.
    unsafe fn write(&self, separator: &Str, items: &[Value], at: *mut u8) {
        let mut at = at;
        let mut put = |s: &Str| {
            // SAFETY: the caller's promise.
            unsafe {
                write(s.data(), at, self.width);
                at = at.add(s.len * usize::from(self.width));
            }
        };
        for (i, s) in items.iter().filter_map(|item| item.downcast::<Str>()).enumerate() {
            if i > 0 && !separator.is_empty() {
                put(separator);
            }
            put(s);
        }
    }
}

impl Vm {
    /// `separator.join(items)`.
    pub fn str_join(&mut self, separator: &Py<Str>, items: Items<'_>) -> PyResult<Py<Str>> {
        if let [item] = items.get(self)
            && let Some(s) = item.downcast_exact::<Str>() {
                return Ok(s.clone());
            }
        let shape = match Shape::of(separator, items.get(self)) {
            Ok(shape) => shape,
            Err(i) => {
                let name = items.get(self).get(i).map_or("object".into(), |item| item.type_name());
                return Err(self.type_error(format!("sequence item {i}: expected str instance, {name} found")));
            }
        };
        if shape.len > isize::MAX as usize {
            return Err(self.overflow_error("join() result is too long for a Python string"));
        }
        if shape.len < 2 {
            let only = items.get(self).iter().filter_map(|item| item.downcast::<Str>()).find(|s| !s.is_empty()).unwrap_or(separator).clone();
            return if shape.len == 0 { self.new_str("") } else { self.new_str_data(only.data()) };
        }
        let string = self.alloc_str(shape.len, shape.width, shape.ascii, |_| ())?;
        let items = items.get(self);
        match Shape::of(separator, items) {
            // SAFETY: the shape has been measured again, and the tail has room for it.
            Ok(now) if now.len == shape.len && now.width == shape.width => unsafe { shape.write(separator, items, string.tail_ptr()) },
            // Making an object has changed the items, which nothing does; the string must not stay as it is.
            _ => return Err(self.system_error("the items of join() have changed")),
        }
        Ok(string)
    }

    /// `a + b` of strings, always an exact `str`.
    pub fn str_concat(&mut self, a: &Py<Str>, b: &Py<Str>) -> PyResult<Py<Str>> {
        if b.is_empty() && a.is_exact() {
            return Ok(a.clone());
        }
        if a.is_empty() && b.is_exact() {
            return Ok(b.clone());
        }
        let Some(len) = a.len.checked_add(b.len).filter(|&n| n <= isize::MAX as usize) else {
            return Err(self.overflow_error("strings are too large to concat"));
        };
        if len < 2 {
            return self.new_str_data(if a.is_empty() { b.data() } else { a.data() });
        }
        let width = a.width.max(b.width);
        self.alloc_str(len, width, a.ascii && b.ascii, |p| {
            // SAFETY: the tail has room for both.
            unsafe {
                write(a.data(), p, width);
                write(b.data(), p.add(a.len * width as usize), width);
            }
        })
    }

    /// `s * count`.
    pub fn str_repeat(&mut self, s: &Py<Str>, count: isize) -> PyResult<Py<Str>> {
        let count = usize::try_from(count).unwrap_or(0);
        if count == 1 && s.is_exact() {
            return Ok(s.clone());
        }
        if count == 0 || s.is_empty() {
            return self.new_str("");
        }
        let Some(len) = s.len.checked_mul(count).filter(|&n| n <= isize::MAX as usize) else {
            return Err(self.overflow_error("repeated string is too long"));
        };
        if len == 1 {
            return self.new_str_data(s.data());
        }
        let unit = s.len * s.width as usize;
        self.alloc_str(len, s.width, s.ascii, |p| {
            // SAFETY: the tail has room for `count` copies; each step doubles what is there, up to the whole.
            unsafe {
                if unit == 1 {
                    std::ptr::write_bytes(p, s.bytes().first().copied().unwrap_or(0), len);
                    return;
                }
                std::ptr::copy_nonoverlapping(s.bytes().as_ptr(), p, unit);
                let (mut done, total) = (unit, len * s.width as usize);
                while done < total {
                    let n = done.min(total - done);
                    std::ptr::copy_nonoverlapping(p, p.add(done), n);
                    done += n;
                }
            }
        })
    }

    /// `left += right` where `left` is given up: if nobody else refers to it, it grows in place, so that a loop of these is linear.
    pub fn str_append(&mut self, left: Value, right: &Py<Str>) -> PyResult<Value> {
        let left = match left.into_py::<Str>() {
            Ok(s) => s,
            Err(other) => {
                let name = other.type_name();
                return Err(self.type_error(format!("can only concatenate str (not \"{name}\") to str")));
            }
        };
        let alone = left.header().refcnt() == 1 && left.is_exact() && !left.is_interned() && left.len > 1;
        if !alone || right.width > left.width || right.is_empty() {
            return Ok(self.str_concat(&left, right)?.into_value());
        }
        let (len, width, ascii) = (left.len, left.width, left.ascii && right.ascii);
        let Some(total) = len.checked_add(right.len).filter(|&n| n <= isize::MAX as usize / 8) else { return Err(self.memory_error()) };
        // SAFETY: this is the only reference; strings have nothing in front of their header.
        let grown = unsafe { krait_heap::grow_tail::<Str>(left.into_value(), total * width as usize) };
        let Ok(grown) = grown else { return Err(self.memory_error()) };
        // SAFETY: the tail has room for `total` characters now; nobody else sees the payload.
        unsafe {
            write(right.data(), grown.tail_ptr::<u8>().add(len * width as usize), width);
            let payload = std::ptr::from_ref::<Str>(&grown).cast_mut();
            (*payload).len = total;
            (*payload).ascii = ascii;
            (*payload).hash.set(-1);
        }
        Ok(grown.into_value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appending_in_place_keeps_what_others_see() -> PyResult<()> {
        let mut vm = crate::testing::vm();
        let vm = &mut *vm;
        let more = vm.new_str("xyz")?;
        let start = vm.new_str("ab")?;
        let mut s = start.to_value();
        for _ in 0..1000 {
            s = vm.str_append(s, &more)?;
        }
        assert!(start.eq_str("ab"));
        assert_eq!(vm.len(&s)?, 3002);
        let kept = s.clone();
        let longer = vm.str_append(s, &more)?;
        assert_eq!((vm.len(&kept)?, vm.len(&longer)?), (3002, 3005));
        let wide = vm.new_str("\u{20ac}")?;
        let mixed = vm.str_append(longer, &wide)?;
        assert_eq!(mixed.downcast::<Str>().map(|s| s.width()), Some(2));
        Ok(())
    }
}
