//! The reader.
//!
//! Objects that others may refer to have a place in a list. Lists, dictionaries and sets, and tuples where the builder can, enter it before their
//! items are read and may so contain themselves; frozen sets, slices and code enter it when they are done.

use num_bigint::{BigInt, BigUint, Sign};

use super::{CodeParts, ErrorClass, FLAG_REF, MAX_STACK_DEPTH, MarshalError, STACK, STACK_STEP};

/// Makes the values that a [`Reader`] reads.
pub trait Builder {
    /// A value; cloned where the data refers to it again.
    type Value: Clone;
    /// What making a value may raise.
    type Error: From<MarshalError>;

    fn none(&mut self) -> Result<Self::Value, Self::Error>;
    fn stop_iteration(&mut self) -> Result<Self::Value, Self::Error>;
    fn ellipsis(&mut self) -> Result<Self::Value, Self::Error>;
    fn bool(&mut self, value: bool) -> Result<Self::Value, Self::Error>;
    fn int(&mut self, value: i64) -> Result<Self::Value, Self::Error>;
    /// An integer of any size.
    fn bigint(&mut self, value: BigInt) -> Result<Self::Value, Self::Error>;
    fn float(&mut self, value: f64) -> Result<Self::Value, Self::Error>;
    fn complex(&mut self, re: f64, im: f64) -> Result<Self::Value, Self::Error>;
    fn bytes(&mut self, value: &[u8]) -> Result<Self::Value, Self::Error>;
    /// A string of characters below 256, mostly ASCII.
    fn latin1(&mut self, value: &[u8], interned: bool) -> Result<Self::Value, Self::Error>;
    /// A string in UTF-8 with `surrogatepass`; not checked yet.
    fn utf8(&mut self, value: &[u8], interned: bool) -> Result<Self::Value, Self::Error>;
    /// An interned string of [`Builder::latin1`] is going to be read, perhaps; [`Builder::announced`] ends a row of them.
    fn announce(&mut self, value: &[u8]) {
        let _ = value;
    }
    /// The strings announced since the last time come next.
    fn announced(&mut self) {}
    fn tuple(&mut self, items: Vec<Self::Value>) -> Result<Self::Value, Self::Error>;
    /// A tuple that [`Builder::tuple_set`] will fill, if such can be made: only then may a tuple contain itself.
    fn tuple_begin(&mut self, len: usize) -> Result<Option<Self::Value>, Self::Error> {
        let _ = len;
        Ok(None)
    }
    /// Sets an item of a tuple that [`Builder::tuple_begin`] made.
    fn tuple_set(&mut self, tuple: &Self::Value, at: usize, item: Self::Value) -> Result<(), Self::Error> {
        let _ = (tuple, at, item);
        Ok(())
    }
    fn list(&mut self) -> Result<Self::Value, Self::Error>;
    fn list_append(&mut self, list: &Self::Value, item: Self::Value) -> Result<(), Self::Error>;
    fn dict(&mut self) -> Result<Self::Value, Self::Error>;
    fn dict_set(&mut self, dict: &Self::Value, key: Self::Value, value: Self::Value) -> Result<(), Self::Error>;
    fn set(&mut self) -> Result<Self::Value, Self::Error>;
    fn set_add(&mut self, set: &Self::Value, item: Self::Value) -> Result<(), Self::Error>;
    fn frozenset(&mut self, items: Vec<Self::Value>) -> Result<Self::Value, Self::Error>;
    fn slice(&mut self, start: Self::Value, stop: Self::Value, step: Self::Value) -> Result<Self::Value, Self::Error>;
    fn code(&mut self, parts: CodeParts<Self::Value>) -> Result<Self::Value, Self::Error>;

    /// Reads exactly `len` bytes of a stream, for [`Reader::from_stream`].
    fn read_stream(&mut self, len: usize) -> Result<Vec<u8>, Self::Error> {
        let _ = len;
        Err(too_short().into())
    }
}

fn too_short() -> MarshalError {
    MarshalError::new(ErrorClass::EofError, "marshal data too short")
}

fn no_object() -> MarshalError {
    MarshalError::new(ErrorClass::EofError, "EOF read where object expected")
}

/// Where the bytes come from.
enum Input<'a> {
    Slice(&'a [u8]),
    /// [`Builder::read_stream`], with room for the latest bytes.
    Stream(Vec<u8>),
}

/// Reads one object, or several one after the other.
pub struct Reader<'a, B: Builder> {
    builder: &'a mut B,
    input: Input<'a>,
    /// `None` for an object that is not complete.
    refs: Vec<Option<B::Value>>,
    depth: usize,
    /// Items of containers that are still to be read.
    owed: usize,
    allow_code: bool,
}

/// Strings that are announced at once.
const ANNOUNCED: usize = 32;

/// The place of an object among the references, if it has one.
type Place = Option<usize>;

impl<'a, B: Builder> Reader<'a, B> {
    /// A reader of bytes in memory. Without `allow_code`, code objects raise ValueError.
    pub fn new(data: &'a [u8], builder: &'a mut B, allow_code: bool) -> Reader<'a, B> {
        Reader { builder, input: Input::Slice(data), refs: Vec::new(), depth: 0, owed: 0, allow_code }
    }

    /// A reader of the builder's stream, of which it takes no byte too many.
    pub fn from_stream(builder: &'a mut B, allow_code: bool) -> Reader<'a, B> {
        Reader { builder, input: Input::Stream(Vec::new()), refs: Vec::new(), depth: 0, owed: 0, allow_code }
    }

    /// The bytes that are not read yet, of a reader in memory.
    pub fn rest(&self) -> &[u8] {
        match &self.input {
            Input::Slice(data) => data,
            Input::Stream(_) => &[],
        }
    }

    /// Reads an object.
    pub fn read(&mut self) -> Result<B::Value, B::Error> {
        self.refs.clear();
        (self.depth, self.owed) = (0, 0);
        if let Input::Slice(data) = self.input {
            // What the references of code need, as a rule.
            self.refs.reserve((data.len() / 64).min(1 << 12));
        }
        self.required("NULL object in marshal data for object")
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&[u8], B::Error> {
        match &mut self.input {
            Input::Slice(data) => {
                let (taken, rest) = data.split_at_checked(len).ok_or_else(too_short)?;
                *data = rest;
                Ok(taken)
            }
            Input::Stream(buffer) => {
                *buffer = self.builder.read_stream(len)?;
                Ok(buffer)
            }
        }
    }

    /// The builder beside the next `len` bytes.
    #[inline]
    fn with_bytes<T>(
        &mut self,
        len: usize,
        make: impl FnOnce(&mut B, &[u8]) -> Result<T, B::Error>,
    ) -> Result<T, B::Error> {
        match &mut self.input {
            Input::Slice(data) => {
                let (taken, rest) = data.split_at_checked(len).ok_or_else(too_short)?;
                *data = rest;
                make(self.builder, taken)
            }
            Input::Stream(_) => {
                let taken = self.builder.read_stream(len)?;
                make(self.builder, &taken)
            }
        }
    }

    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], B::Error> {
        match &mut self.input {
            Input::Slice(data) => {
                let (taken, rest) = data.split_first_chunk::<N>().ok_or_else(too_short)?;
                *data = rest;
                Ok(*taken)
            }
            Input::Stream(_) => self.stream_array(),
        }
    }

    #[cold]
    fn stream_array<const N: usize>(&mut self) -> Result<[u8; N], B::Error> {
        let bytes = self.builder.read_stream(N)?;
        Ok(<[u8; N]>::try_from(bytes).map_err(|_| too_short())?)
    }

    #[inline(always)]
    fn byte(&mut self) -> Result<u8, B::Error> {
        match &mut self.input {
            Input::Slice(data) => {
                let (first, rest) = data.split_first().ok_or_else(no_object)?;
                *data = rest;
                Ok(*first)
            }
            Input::Stream(_) => self.stream_array::<1>().map(|[byte]| byte),
        }
    }

    #[inline(always)]
    fn long(&mut self) -> Result<i32, B::Error> {
        self.array().map(i32::from_le_bytes)
    }

    fn size(&mut self, message: &'static str) -> Result<usize, B::Error> {
        let size = self.long()?;
        Ok(usize::try_from(size).map_err(|_| MarshalError::value(message))?)
    }

    /// Takes on `len` items, each of which [`Reader::item`] reads; whether the input can hold that many beside those that are owed already, so
    /// that room may be made for them at once.
    fn owe(&mut self, len: usize) -> bool {
        self.owed = self.owed.saturating_add(len);
        match &self.input {
            Input::Slice(data) => self.owed <= data.len(),
            Input::Stream(_) => len <= 1024,
        }
    }

    #[inline]
    fn item(&mut self, null: &'static str) -> Result<B::Value, B::Error> {
        self.owed = self.owed.saturating_sub(1);
        self.required(null)
    }

    fn reserve(&mut self, flag: bool) -> Result<Place, B::Error> {
        if !flag {
            return Ok(None);
        }
        if self.refs.len() >= 0x7fff_fffe {
            return Err(MarshalError::value("bad marshal data (index list too large)").into());
        }
        self.refs.push(None);
        Ok(Some(self.refs.len() - 1))
    }

    fn insert(&mut self, place: Place, value: &B::Value) {
        if let Some(slot) = place.and_then(|at| self.refs.get_mut(at)) {
            *slot = Some(value.clone());
        }
    }

    #[inline]
    fn required(&mut self, null: &'static str) -> Result<B::Value, B::Error> {
        match self.object()? {
            Some(value) => Ok(value),
            None => Err(MarshalError::null(null).into()),
        }
    }

    /// An object, or `None` for the NULL that ends a dictionary.
    #[inline]
    fn object(&mut self) -> Result<Option<B::Value>, B::Error> {
        let code = self.byte()?;
        if self.depth >= MAX_STACK_DEPTH {
            return Err(MarshalError::value("recursion limit exceeded").into());
        }
        // Most objects are references.
        if code == b'r' {
            return self.reference().map(Some);
        }
        let (kind, flag) = (code & !FLAG_REF, code & FLAG_REF != 0);
        match kind {
            b'(' | b')' | b'[' | b'{' | b'<' | b'>' | b':' | b'c' => self.nested(kind, flag).map(Some),
            b'0' => Ok(None),
            kind => self.scalar(kind, flag).map(Some),
        }
    }

    fn nested(&mut self, kind: u8, flag: bool) -> Result<B::Value, B::Error> {
        let depth = self.depth;
        self.depth = depth + 1;
        let result = if depth.is_multiple_of(STACK_STEP) {
            stacker::maybe_grow(STACK.0, STACK.1, || self.container(kind, flag))
        } else {
            self.container(kind, flag)
        };
        self.depth = depth;
        result
    }

    fn scalar(&mut self, kind: u8, flag: bool) -> Result<B::Value, B::Error> {
        let value = self.plain(kind)?;
        if flag && !matches!(kind, b'N' | b'S' | b'.' | b'F' | b'T' | b'r') {
            let place = self.reserve(flag)?;
            self.insert(place, &value);
        }
        Ok(value)
    }

    fn plain(&mut self, kind: u8) -> Result<B::Value, B::Error> {
        match kind {
            b'N' => self.builder.none(),
            b'S' => self.builder.stop_iteration(),
            b'.' => self.builder.ellipsis(),
            b'F' => self.builder.bool(false),
            b'T' => self.builder.bool(true),
            b'r' => self.reference(),
            b'i' => {
                let value = self.long()?;
                self.builder.int(i64::from(value))
            }
            b'I' => {
                let value = self.array().map(i64::from_le_bytes)?;
                self.builder.int(value)
            }
            b'l' => self.bigint(),
            b'f' => {
                let value = self.float_text()?;
                self.builder.float(value)
            }
            b'g' => {
                let value = self.array().map(f64::from_le_bytes)?;
                self.builder.float(value)
            }
            b'x' => {
                let (re, im) = (self.float_text()?, self.float_text()?);
                self.builder.complex(re, im)
            }
            b'y' => {
                let (re, im) = (self.array().map(f64::from_le_bytes)?, self.array().map(f64::from_le_bytes)?);
                self.builder.complex(re, im)
            }
            b's' => {
                let len = self.size("bad marshal data (bytes object size out of range)")?;
                self.with_bytes(len, |builder, bytes| builder.bytes(bytes))
            }
            b'a' | b'A' => {
                let len = self.size("bad marshal data (string size out of range)")?;
                self.with_bytes(len, |builder, bytes| builder.latin1(bytes, kind == b'A'))
            }
            b'z' | b'Z' => {
                let len = usize::from(self.byte()?);
                self.with_bytes(len, |builder, bytes| builder.latin1(bytes, kind == b'Z'))
            }
            b'u' | b't' => {
                let len = self.size("bad marshal data (string size out of range)")?;
                self.with_bytes(len, |builder, bytes| builder.utf8(bytes, kind == b't'))
            }
            _ => Err(MarshalError::value("bad marshal data (unknown type code)").into()),
        }
    }

    #[inline]
    fn reference(&mut self) -> Result<B::Value, B::Error> {
        let at = self.long()?;
        // A negative place is beyond any list.
        match self.refs.get(at as u32 as usize) {
            Some(Some(value)) => Ok(value.clone()),
            _ => Err(MarshalError::value("bad marshal data (invalid reference)").into()),
        }
    }

    fn float_text(&mut self) -> Result<f64, B::Error> {
        let len = usize::from(self.byte()?);
        let bytes = self.take(len)?;
        let text = String::from_utf8_lossy(bytes);
        Ok(text.parse().map_err(|_| {
            MarshalError::new(ErrorClass::ValueError, format!("could not convert string to float: '{text}'"))
        })?)
    }

    /// Digits in base 2**15, the least first.
    fn bigint(&mut self) -> Result<B::Value, B::Error> {
        let n = self.long()?;
        if n == i32::MIN {
            return Err(MarshalError::value("bad marshal data (long size out of range)").into());
        }
        let count = n.unsigned_abs() as usize;
        let mut words = Vec::new();
        let (mut word, mut bits) = (0_u64, 0);
        for at in 0..count {
            let digit = self.array().map(i16::from_le_bytes)?;
            let digit = u64::try_from(digit).map_err(|_| MarshalError::value("bad marshal data (digit out of range in long)"))?;
            if digit == 0 && at + 1 == count {
                return Err(MarshalError::value("bad marshal data (unnormalized long data)").into());
            }
            word |= digit << bits;
            bits += 15;
            if bits >= 32 {
                words.push(word as u32);
                word >>= 32;
                bits -= 32;
            }
        }
        words.push(word as u32);
        let sign = if n < 0 { Sign::Minus } else { Sign::Plus };
        self.builder.bigint(BigInt::from_biguint(sign, BigUint::new(words)))
    }

    fn container(&mut self, kind: u8, flag: bool) -> Result<B::Value, B::Error> {
        match kind {
            b')' => {
                let len = usize::from(self.byte()?);
                self.tuple(len, flag)
            }
            b'(' => {
                let len = self.size("bad marshal data (tuple size out of range)")?;
                self.tuple(len, flag)
            }
            b'[' => self.list(flag),
            b'{' => self.dict(flag),
            b'<' => self.set(flag),
            b'>' => self.frozenset(flag),
            b':' => self.slice(flag),
            _ => self.code(flag),
        }
    }

    fn items(&mut self, len: usize, room: bool, null: &'static str) -> Result<Vec<B::Value>, B::Error> {
        let mut items = Vec::with_capacity(if room { len } else { 0 });
        for _ in 0..len {
            items.push(self.item(null)?);
        }
        Ok(items)
    }

    fn tuple(&mut self, len: usize, flag: bool) -> Result<B::Value, B::Error> {
        const NULL: &str = "NULL object in marshal data for tuple";
        let place = self.reserve(flag)?;
        let room = self.owe(len);
        self.announce(len);
        if room && let Some(tuple) = self.builder.tuple_begin(len)? {
            self.insert(place, &tuple);
            for at in 0..len {
                let item = self.item(NULL)?;
                self.builder.tuple_set(&tuple, at, item)?;
            }
            return Ok(tuple);
        }
        let items = self.items(len, room, NULL)?;
        let tuple = self.builder.tuple(items)?;
        self.insert(place, &tuple);
        Ok(tuple)
    }

    /// Lets the builder know of the names among the next `len` items, so that it can look for all of them at once.
    fn announce(&mut self, len: usize) {
        let Input::Slice(mut data) = self.input else { return };
        let mut any = false;
        for _ in 0..len.min(ANNOUNCED) {
            data = match data {
                [b'r' | b'i', _, _, _, _, rest @ ..] | [b'N' | b'T' | b'F', rest @ ..] => rest,
                [kind, len, rest @ ..] if kind & !FLAG_REF == b'z' => rest.get(usize::from(*len)..).unwrap_or_default(),
                [kind, len, rest @ ..] if kind & !FLAG_REF == b'Z' => {
                    let Some((name, rest)) = rest.split_at_checked(usize::from(*len)) else { break };
                    self.builder.announce(name);
                    any = true;
                    rest
                }
                _ => break,
            };
        }
        if any {
            self.builder.announced();
        }
    }

    fn list(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        let len = self.size("bad marshal data (list size out of range)")?;
        let list = self.builder.list()?;
        let place = self.reserve(flag)?;
        self.insert(place, &list);
        for _ in 0..len {
            let item = self.required("NULL object in marshal data for list")?;
            self.builder.list_append(&list, item)?;
        }
        Ok(list)
    }

    fn dict(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        let dict = self.builder.dict()?;
        let place = self.reserve(flag)?;
        self.insert(place, &dict);
        while let Some(key) = self.object()? {
            let Some(value) = self.object()? else { break };
            self.builder.dict_set(&dict, key, value)?;
        }
        Ok(dict)
    }

    fn set(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        let len = self.size("bad marshal data (set size out of range)")?;
        let set = self.builder.set()?;
        let place = self.reserve(flag)?;
        self.insert(place, &set);
        for _ in 0..len {
            let item = self.required("NULL object in marshal data for set")?;
            self.builder.set_add(&set, item)?;
        }
        Ok(set)
    }

    fn frozenset(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        let len = self.size("bad marshal data (set size out of range)")?;
        let place = self.reserve(flag)?;
        let room = self.owe(len);
        let items = self.items(len, room, "NULL object in marshal data for set")?;
        let set = self.builder.frozenset(items)?;
        self.insert(place, &set);
        Ok(set)
    }

    fn slice(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        const NULL: &str = "NULL object in marshal data for object";
        let place = self.reserve(flag)?;
        let (start, stop, step) = (self.required(NULL)?, self.required(NULL)?, self.required(NULL)?);
        let slice = self.builder.slice(start, stop, step)?;
        self.insert(place, &slice);
        Ok(slice)
    }

    fn code(&mut self, flag: bool) -> Result<B::Value, B::Error> {
        const NULL: &str = "NULL object in marshal data for code object";
        if !self.allow_code {
            return Err(MarshalError::value("unmarshalling code objects is disallowed").into());
        }
        let place = self.reserve(flag)?;
        let parts = CodeParts {
            argcount: self.long()?,
            posonlyargcount: self.long()?,
            kwonlyargcount: self.long()?,
            stacksize: self.long()?,
            flags: self.long()?,
            code: self.required(NULL)?,
            consts: self.required(NULL)?,
            names: self.required(NULL)?,
            localsplusnames: self.required(NULL)?,
            localspluskinds: self.required(NULL)?,
            filename: {
                // With the two names that follow.
                self.announce(3);
                self.required(NULL)?
            },
            name: self.required(NULL)?,
            qualname: self.required(NULL)?,
            firstlineno: self.long()?,
            linetable: self.required(NULL)?,
            exceptiontable: self.required(NULL)?,
        };
        let code = self.builder.code(parts)?;
        self.insert(place, &code);
        Ok(code)
    }
}
