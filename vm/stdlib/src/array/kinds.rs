//! Item types of arrays: conversion between objects and bytes in machine order.

use krait_runtime::types::int::IntRef;
use krait_runtime::types::str_::Str;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm};

/// One item type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    I8,
    U8,
    /// `u`: a `wchar_t`, which is a code point here.
    Wide,
    /// `w`: a code point.
    Char,
    I16,
    U16,
    I32,
    U32,
    Long,
    ULong,
    I64,
    U64,
    F32,
    F64,
}

impl Kind {
    /// The item type of a type code.
    pub fn from_code(code: u32) -> Option<Kind> {
        Some(match char::from_u32(code)? {
            'b' => Kind::I8,
            'B' => Kind::U8,
            'u' => Kind::Wide,
            'w' => Kind::Char,
            'h' => Kind::I16,
            'H' => Kind::U16,
            'i' => Kind::I32,
            'I' => Kind::U32,
            'l' => Kind::Long,
            'L' => Kind::ULong,
            'q' => Kind::I64,
            'Q' => Kind::U64,
            'f' => Kind::F32,
            'd' => Kind::F64,
            _ => return None,
        })
    }

    /// The type code.
    pub fn code(self) -> &'static str {
        match self {
            Kind::I8 => "b",
            Kind::U8 => "B",
            Kind::Wide => "u",
            Kind::Char => "w",
            Kind::I16 => "h",
            Kind::U16 => "H",
            Kind::I32 => "i",
            Kind::U32 => "I",
            Kind::Long => "l",
            Kind::ULong => "L",
            Kind::I64 => "q",
            Kind::U64 => "Q",
            Kind::F32 => "f",
            Kind::F64 => "d",
        }
    }

    /// The format of exported buffers.
    pub fn format(self) -> &'static str {
        match self {
            Kind::Wide | Kind::Char => "w",
            other => other.code(),
        }
    }

    /// Bytes an item.
    pub fn size(self) -> usize {
        match self {
            Kind::I8 | Kind::U8 => 1,
            Kind::I16 | Kind::U16 => 2,
            Kind::Wide | Kind::Char | Kind::I32 | Kind::U32 | Kind::F32 => 4,
            Kind::Long | Kind::ULong | Kind::I64 | Kind::U64 | Kind::F64 => 8,
        }
    }

    /// Whether items are characters.
    pub fn is_text(self) -> bool {
        matches!(self, Kind::Wide | Kind::Char)
    }

    /// The machine format code of pickles.
    pub fn machine_format(self) -> i32 {
        let big = i32::from(cfg!(target_endian = "big"));
        match self {
            Kind::U8 => 0,
            Kind::I8 => 1,
            Kind::U16 => 2 + big,
            Kind::I16 => 4 + big,
            Kind::U32 => 6 + big,
            Kind::I32 => 8 + big,
            Kind::ULong | Kind::U64 => 10 + big,
            Kind::Long | Kind::I64 => 12 + big,
            Kind::F32 => 14 + big,
            Kind::F64 => 16 + big,
            Kind::Wide | Kind::Char => 20 + big,
        }
    }

    /// Bytes of an item as an object.
    pub fn load(self, vm: &mut Vm, raw: [u8; 8]) -> PyResult {
        let [a, b, c, d, ..] = raw;
        let four = [a, b, c, d];
        match self {
            Kind::I8 => vm.new_int(a as i8),
            Kind::U8 => vm.new_int(a),
            Kind::I16 => vm.new_int(i16::from_ne_bytes([a, b])),
            Kind::U16 => vm.new_int(u16::from_ne_bytes([a, b])),
            Kind::I32 => vm.new_int(i32::from_ne_bytes(four)),
            Kind::U32 => vm.new_int(u32::from_ne_bytes(four)),
            Kind::Long | Kind::I64 => vm.new_int(i64::from_ne_bytes(raw)),
            Kind::ULong | Kind::U64 => vm.new_int(u64::from_ne_bytes(raw)),
            Kind::F32 => vm.new_float(f64::from(f32::from_ne_bytes(four))),
            Kind::F64 => vm.new_float(f64::from_ne_bytes(raw)),
            Kind::Wide | Kind::Char => {
                let c = u32::from_ne_bytes(four);
                if c > 0x10ffff {
                    return Err(vm.value_error(format!("character U+{c:x} is not in range [U+0000; U+10ffff]")));
                }
                Ok(vm.new_str_ucs4(&[c])?.into_value())
            }
        }
    }

    /// An object as the bytes of an item, the first `size` ones of those returned.
    pub fn store(self, vm: &mut Vm, value: &Value) -> PyResult<[u8; 8]> {
        let mut raw = [0u8; 8];
        let bytes: Vec<u8> = match self {
            Kind::F32 => (vm.as_f64(value)? as f32).to_ne_bytes().to_vec(),
            Kind::F64 => vm.as_f64(value)?.to_ne_bytes().to_vec(),
            Kind::Wide | Kind::Char => character(vm, value)?.to_ne_bytes().to_vec(),
            _ => return self.store_int(vm, value),
        };
        raw.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        Ok(raw)
    }

    /// An int in range as the bytes of an item.
    fn int_bytes(self, i: i128) -> [u8; 8] {
        let whole = (i as u64).to_ne_bytes();
        let mut raw = [0u8; 8];
        let start = if cfg!(target_endian = "big") { 8 - self.size() } else { 0 };
        raw.iter_mut().zip(whole.iter().skip(start)).for_each(|(to, from)| *to = *from);
        raw
    }

    fn store_int(self, vm: &mut Vm, value: &Value) -> PyResult<[u8; 8]> {
        let index = vm.index(value)?;
        let int = IntRef::new(&index).and_then(|i| i.to_i128());
        let negative = IntRef::new(&index).is_some_and(|i| i.is_negative());
        let (low, high, name): (i128, i128, &str) = match self {
            Kind::I8 => (i8::MIN.into(), i8::MAX.into(), "signed char"),
            Kind::U8 => (0, u8::MAX.into(), "unsigned byte integer"),
            Kind::I16 => (i16::MIN.into(), i16::MAX.into(), "signed short integer"),
            Kind::U16 => (0, u16::MAX.into(), "unsigned short"),
            Kind::I32 => (i32::MIN.into(), i32::MAX.into(), "signed integer"),
            Kind::U32 => (0, u32::MAX.into(), "unsigned int"),
            Kind::ULong | Kind::U64 => (0, u64::MAX.into(), ""),
            _ => (i64::MIN.into(), i64::MAX.into(), ""),
        };
        if let Some(i) = int.filter(|i| (low..=high).contains(i)) {
            return Ok(self.int_bytes(i));
        }
        Err(match self {
            Kind::I64 => vm.overflow_error("int too big to convert"),
            Kind::U64 if negative => vm.overflow_error("can't convert negative int to unsigned"),
            Kind::U64 => vm.overflow_error("int too big to convert"),
            Kind::U32 | Kind::ULong if negative => vm.overflow_error("can't convert negative value to unsigned int"),
            Kind::ULong => vm.overflow_error("Python int too large to convert to C unsigned long"),
            Kind::Long => vm.overflow_error("Python int too large to convert to C long"),
            Kind::U32 if int.is_none_or(|i| i > u64::MAX.into()) => vm.overflow_error("Python int too large to convert to C unsigned long"),
            _ if int.is_none_or(|i| i64::try_from(i).is_err()) => vm.overflow_error("Python int too large to convert to C long"),
            _ => vm.overflow_error(format!("{name} is {} than {}", if negative { "less" } else { "greater" }, if negative { "minimum" } else { "maximum" })),
        })
    }
}

fn character(vm: &mut Vm, value: &Value) -> PyResult<u32> {
    let Some(s) = value.downcast::<Str>() else {
        let name = value.type_name();
        return Err(vm.type_error(format!("array item must be a unicode character, not {name}")));
    };
    match s.data().get(0).filter(|_| s.len() == 1) {
        Some(c) => Ok(c),
        None => {
            let n = s.len();
            Err(vm.type_error(format!("array item must be a unicode character, not a string of length {n}")))
        }
    }
}
