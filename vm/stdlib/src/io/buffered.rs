//! The state and algorithms that `BufferedReader`, `BufferedWriter` and `BufferedRandom` share.
//!
//! One buffer serves reading and writing. Positions in it: `pos` is the stream's, `raw_pos` the raw stream's (-1: unknown), `read_end` ends
//! what was read (-1: nothing valid), `write_pos..write_end` waits to be written (`write_end` -1: nothing). The lock is held while any of
//! them changes with the GIL let go in between; a thread that comes back into its own stream gets a RuntimeError.

use crate::io::base::{self, BufferedIOBase};
use crate::io::fileio::FileIO;
use crate::io::{blocking_error, both, call_retrying, is_named, memoryview, os_error_text, unsupported};
use crate::lock::RawLock;
use crate::posix::fds::{self, buffer_of};
use crate::thread::ident;
use krait_runtime::protocol::buffer::Buffer;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, PyResult, Raised, Traverse, Value, Vm, n};
use std::cell::Cell;

/// The payload of buffered streams.
#[derive(Traverse)]
#[repr(C)]
pub struct Buffered {
    base: BufferedIOBase,
    pub raw: GilCell<Option<Value>>,
    /// `__init__` has been successful.
    ok: Cell<bool>,
    detached: Cell<bool>,
    readable: Cell<bool>,
    writable: Cell<bool>,
    pub finalizing: Cell<bool>,
    /// The stream is of an exact class and the raw one a `FileIO`, which can be asked and called directly.
    fast: Cell<bool>,
    /// The raw stream's position, -1 if unknown.
    abs_pos: Cell<i64>,
    #[traverse(skip)]
    buffer: GilCell<Vec<u8>>,
    /// The buffer is there: the stream has been opened and not closed.
    has_buffer: Cell<bool>,
    size: Cell<usize>,
    pos: Cell<i64>,
    raw_pos: Cell<i64>,
    read_end: Cell<i64>,
    write_pos: Cell<i64>,
    write_end: Cell<i64>,
    #[traverse(skip)]
    lock: RawLock,
    owner: Cell<u64>,
}

/// Buffers up to this size are made when they are first needed.
const LATE: usize = 1 << 20;

impl Default for Buffered {
    fn default() -> Self {
        Buffered {
            base: BufferedIOBase::default(),
            raw: GilCell::new(None),
            ok: Cell::new(false),
            detached: Cell::new(false),
            readable: Cell::new(false),
            writable: Cell::new(false),
            finalizing: Cell::new(false),
            fast: Cell::new(false),
            abs_pos: Cell::new(0),
            buffer: GilCell::new(Vec::new()),
            has_buffer: Cell::new(false),
            size: Cell::new(0),
            pos: Cell::new(0),
            raw_pos: Cell::new(0),
            read_end: Cell::new(-1),
            write_pos: Cell::new(0),
            write_end: Cell::new(-1),
            lock: RawLock::new(),
            owner: Cell::new(0),
        }
    }
}

impl Buffered {
    // Set-up and checks.

    /// `__init__`.
    pub fn init(&self, vm: &mut Vm, raw: &Value, size: isize, (readable, writable): (bool, bool), exact: bool) -> PyResult<()> {
        self.ok.set(false);
        self.detached.set(false);
        let Some(size) = usize::try_from(size).ok().filter(|&s| s > 0) else {
            return Err(vm.value_error("buffer size must be strictly positive"));
        };
        // Files that are read whole, as modules are, never use it.
        let buffer = if size > LATE { buffer_of(vm, size)? } else { Vec::new() };
        let old = self.raw.replace(vm, Some(raw.clone()));
        drop(old);
        let old = self.buffer.replace(vm, buffer);
        drop(old);
        self.has_buffer.set(true);
        self.size.set(size);
        self.readable.set(readable);
        self.writable.set(writable);
        self.pos.set(0);
        self.raw_pos.set(0);
        self.reset_read();
        self.reset_write();
        self.fast.set(exact && raw.downcast_exact::<FileIO>().is_some());
        self.abs_pos.set(0);
        // Streams without a position are fine.
        if self.raw_tell(vm).is_err() {
            self.abs_pos.set(-1);
        }
        self.ok.set(true);
        Ok(())
    }

    /// Makes the buffer, before anything is put into it.
    fn need_buffer(&self, vm: &mut Vm) -> PyResult<()> {
        if self.has_buffer.get() && self.buffer.get(vm).is_empty() {
            let buffer = buffer_of(vm, self.size.get())?;
            let old = self.buffer.replace(vm, buffer);
            drop(old);
        }
        Ok(())
    }

    /// ValueError unless the stream is initialized and not detached.
    pub fn check_init(&self, vm: &mut Vm) -> PyResult<Value> {
        if self.ok.get()
            && let Some(raw) = self.raw.load(vm) {
                return Ok(raw);
            }
        Err(vm.value_error(if self.detached.get() { "raw stream has been detached" } else { "I/O operation on uninitialized object" }))
    }

    /// Whether the raw stream is closed.
    pub fn is_closed(&self, vm: &mut Vm) -> PyResult<bool> {
        let raw = self.check_init(vm)?;
        match raw.downcast_exact::<FileIO>().filter(|_| self.fast.get()) {
            Some(file) => Ok(file.fd.get() < 0),
            None => base::is_closed(vm, &raw),
        }
    }

    fn gone(&self, vm: &mut Vm) -> PyResult<bool> {
        Ok(!self.has_buffer.get() || self.is_closed(vm)?)
    }

    fn check_open(&self, vm: &mut Vm, message: &str) -> PyResult<()> {
        self.check_init(vm)?;
        if self.gone(vm)? && self.ahead() == 0 {
            return Err(vm.value_error(message));
        }
        Ok(())
    }

    /// Runs `f` with the lock held.
    pub fn locked<R>(&self, zelf: &Value, vm: &mut Vm, f: impl FnOnce(&mut Vm) -> PyResult<R>) -> PyResult<R> {
        let me = ident();
        if !self.lock.try_acquire() {
            if self.owner.get() == me {
                let text = vm.repr(zelf)?;
                return Err(vm.runtime_error(format!("reentrant call inside {}", text.to_string_lossy())));
            }
            self.lock.acquire_quietly(vm);
        }
        self.owner.set(me);
        let result = f(vm);
        self.owner.set(0);
        self.lock.release();
        result
    }

    // Positions.

    fn reset_read(&self) {
        self.read_end.set(-1);
    }

    fn reset_write(&self) {
        self.write_pos.set(0);
        self.write_end.set(-1);
    }

    fn valid_read(&self) -> bool {
        self.readable.get() && self.read_end.get() != -1
    }

    fn valid_write(&self) -> bool {
        self.writable.get() && self.write_end.get() != -1
    }

    /// Bytes that have been read and not been asked for.
    fn ahead(&self) -> usize {
        if self.valid_read() { usize::try_from(self.read_end.get() - self.pos.get()).unwrap_or(0) } else { 0 }
    }

    /// How far the raw stream is ahead of the stream.
    fn raw_offset(&self) -> i64 {
        let valid = self.valid_read() || self.valid_write();
        if valid && self.raw_pos.get() >= 0 { self.raw_pos.get() - self.pos.get() } else { 0 }
    }

    fn adjust(&self, pos: i64) {
        self.pos.set(pos);
        if self.valid_read() && self.read_end.get() < pos {
            self.read_end.set(pos);
        }
    }

    fn advance(&self, n: usize) {
        self.pos.set(self.pos.get() + n as i64);
    }

    /// Up to `n` of the bytes ahead.
    fn view<'a>(&'a self, vm: &'a Vm, n: usize) -> &'a [u8] {
        let start = usize::try_from(self.pos.get()).unwrap_or(usize::MAX);
        let end = start.saturating_add(n.min(self.ahead()));
        self.buffer.get(vm).get(start..end).unwrap_or_default()
    }

    // The raw stream.

    fn raw(&self, vm: &mut Vm) -> PyResult<Value> {
        match self.raw.load(vm) {
            Some(raw) => Ok(raw),
            None => Err(vm.value_error("raw stream has been detached")),
        }
    }

    fn position(&self, vm: &mut Vm, value: &Value) -> PyResult<i64> {
        let at = crate::io::offset_arg(vm, value)?;
        if at < 0 {
            return Err(os_error_text(vm, &format!("Raw stream returned invalid position {at}")));
        }
        self.abs_pos.set(at);
        Ok(at)
    }

    fn raw_tell(&self, vm: &mut Vm) -> PyResult<i64> {
        let raw = self.raw(vm)?;
        if let Some(file) = raw.downcast_exact::<FileIO>().filter(|_| self.fast.get()) {
            let at = file.raw_seek(vm, 0, libc::SEEK_CUR)?;
            self.abs_pos.set(at);
            return Ok(at);
        }
        let at = vm.call_method(&raw, n!(tell), &[])?;
        self.position(vm, &at)
    }

    fn raw_seek(&self, vm: &mut Vm, target: i64, whence: i32) -> PyResult<i64> {
        let raw = self.raw(vm)?;
        let target = vm.new_int(target)?;
        let at = vm.call_method(&raw, n!(seek), &[target, Value::from_i32(whence)])?;
        self.position(vm, &at)
    }

    fn count(&self, vm: &mut Vm, result: PyResult, max: usize, what: &str) -> PyResult<usize> {
        let value = result?;
        let n = match vm.as_isize(&value) {
            Ok(n) => n,
            Err(e) => {
                let second = os_error_text(vm, &format!("raw {what}() failed"));
                let old = second.exception().cause.replace(vm, Some(e.exception().to_value()));
                drop(old);
                return Err(crate::io::chain(vm, e, second));
            }
        };
        match usize::try_from(n) {
            Ok(n) if n <= max => {
                if n > 0 && self.abs_pos.get() != -1 {
                    self.abs_pos.set(self.abs_pos.get() + n as i64);
                }
                Ok(n)
            }
            _ => Err(os_error_text(vm, &format!("raw {what}() returned invalid length {n} (should have been between 0 and {max})"))),
        }
    }

    /// Reads up to `target.len()` bytes from the raw stream; none if it would block.
    fn raw_read(&self, vm: &mut Vm, target: &mut [u8]) -> PyResult<Option<usize>> {
        let raw = self.raw(vm)?;
        if let Some(file) = raw.downcast_exact::<FileIO>().filter(|_| self.fast.get()) {
            let n = file.raw_read(vm, target)?;
            if let (Some(n), true) = (n, self.abs_pos.get() != -1) {
                self.abs_pos.set(self.abs_pos.get() + n as i64);
            }
            return Ok(n);
        }
        let memory = buffer_of(vm, target.len())?;
        let memory = vm.new_bytearray(memory)?;
        let view = memoryview(vm, memory.to_value())?;
        let result = call_retrying(vm, &raw, n!(readinto), &[view]);
        if result.as_ref().is_ok_and(Value::is_none) {
            return Ok(None);
        }
        let n = self.count(vm, result, target.len(), "readinto")?;
        if let (Some(to), Some(from)) = (target.get_mut(..n), memory.bytes(vm).get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(Some(n))
    }

    fn raw_write(&self, vm: &mut Vm, data: &[u8]) -> PyResult<Option<usize>> {
        let raw = self.raw(vm)?;
        if let Some(file) = raw.downcast_exact::<FileIO>().filter(|_| self.fast.get()) {
            let n = file.raw_write(vm, data)?;
            if let (Some(n), true) = (n, self.abs_pos.get() != -1) {
                self.abs_pos.set(self.abs_pos.get() + n as i64);
            }
            return Ok(n);
        }
        let bytes = vm.new_bytes(data)?.into_value();
        let view = memoryview(vm, bytes)?;
        let result = call_retrying(vm, &raw, n!(write), &[view]);
        if result.as_ref().is_ok_and(Value::is_none) {
            return Ok(None);
        }
        self.count(vm, result, data.len(), "write").map(Some)
    }

    /// Reads behind `read_end` into the buffer; none if it would block.
    fn fill(&self, vm: &mut Vm) -> PyResult<Option<usize>> {
        let start = if self.valid_read() { self.read_end.get() as usize } else { 0 };
        self.need_buffer(vm)?;
        let mut buffer = self.buffer.replace(vm, Vec::new());
        let result = self.raw_read(vm, buffer.get_mut(start..).unwrap_or_default());
        let old = self.buffer.replace(vm, buffer);
        drop(old);
        let n = result?;
        if let Some(n) = n.filter(|&n| n > 0) {
            self.read_end.set((start + n) as i64);
            self.raw_pos.set((start + n) as i64);
        }
        Ok(n)
    }

    /// Puts the raw stream where the stream is.
    fn flush_and_rewind(&self, vm: &mut Vm) -> PyResult<()> {
        self.flush_unlocked(vm)?;
        if self.readable.get() {
            let result = self.raw_seek(vm, -self.raw_offset(), 1);
            self.reset_read();
            result?;
        }
        Ok(())
    }

    // Reading.

    /// `read`.
    pub fn read(&self, zelf: &Value, n: isize, vm: &mut Vm) -> PyResult {
        self.check_init(vm)?;
        if n < -1 {
            return Err(vm.value_error("read length must be non-negative or -1"));
        }
        self.check_open(vm, "read of closed file")?;
        let Ok(n) = usize::try_from(n) else { return self.locked(zelf, vm, |vm| self.read_all(vm)) };
        if n <= self.ahead() {
            return self.take(vm, n);
        }
        self.locked(zelf, vm, |vm| self.read_generic(vm, n))
    }

    /// `n` bytes that are in the buffer.
    fn take(&self, vm: &mut Vm, n: usize) -> PyResult {
        let part = self.view(vm, n).to_vec();
        self.advance(part.len());
        Ok(vm.new_bytes(&part)?.into_value())
    }

    fn read_generic(&self, vm: &mut Vm, n: usize) -> PyResult {
        let ahead = self.ahead();
        if n <= ahead {
            return self.take(vm, n);
        }
        let mut out = self.view(vm, ahead).to_vec();
        self.advance(out.len());
        if out.try_reserve(n - out.len()).is_err() {
            return Err(vm.memory_error());
        }
        if self.writable.get() {
            self.flush_and_rewind(vm)?;
        }
        self.reset_read();
        let size = self.size.get();
        // Whole blocks go round the buffer.
        while n - out.len() >= size {
            let want = (n - out.len()) / size * size;
            let done = out.len();
            out.resize(done + want, 0);
            let read = self.raw_read(vm, out.get_mut(done..).unwrap_or_default());
            out.truncate(done + read.as_ref().map_or(0, |r| r.unwrap_or(0)));
            match read? {
                Some(0) => return Ok(vm.new_bytes(&out)?.into_value()),
                None if out.is_empty() => return Ok(Value::none()),
                None => return Ok(vm.new_bytes(&out)?.into_value()),
                Some(_) => {}
            }
        }
        self.pos.set(0);
        self.raw_pos.set(0);
        self.read_end.set(0);
        while out.len() < n && (self.read_end.get() as usize) < size {
            match self.fill(vm)? {
                None if out.is_empty() => return Ok(Value::none()),
                Some(0) | None => break,
                Some(_) => {
                    let part = self.view(vm, n - out.len()).to_vec();
                    self.advance(part.len());
                    out.extend_from_slice(&part);
                }
            }
        }
        Ok(vm.new_bytes(&out)?.into_value())
    }

    fn read_all(&self, vm: &mut Vm) -> PyResult {
        let ahead = self.ahead();
        let mut out = self.view(vm, ahead).to_vec();
        self.advance(out.len());
        if self.writable.get() {
            self.flush_and_rewind(vm)?;
        }
        self.reset_read();
        let raw = self.raw(vm)?;
        if let Some(readall) = vm.getattr_opt(&raw, n!(readall))? {
            let rest = vm.call(&readall, &[])?;
            if !rest.is_none() && !rest.is::<Bytes>() {
                return Err(vm.type_error("readall() should return bytes"));
            }
            if ahead == 0 {
                return Ok(rest);
            }
            if let Some(rest) = rest.downcast::<Bytes>() {
                out.extend_from_slice(rest.as_bytes());
            }
            return Ok(vm.new_bytes(&out)?.into_value());
        }
        loop {
            let data = call_retrying(vm, &raw, n!(read), &[])?;
            match data.downcast::<Bytes>() {
                None if !data.is_none() => return Err(vm.type_error("read() should return bytes")),
                Some(bytes) if !bytes.is_empty() => {
                    if self.abs_pos.get() != -1 {
                        self.abs_pos.set(self.abs_pos.get() + bytes.len() as i64);
                    }
                    out.extend_from_slice(bytes.as_bytes());
                }
                _ if out.is_empty() => return Ok(data),
                _ => return Ok(vm.new_bytes(&out)?.into_value()),
            }
        }
    }

    /// `peek`.
    pub fn peek(&self, zelf: &Value, vm: &mut Vm) -> PyResult {
        self.check_open(vm, "peek of closed file")?;
        self.locked(zelf, vm, |vm| {
            if self.writable.get() {
                self.flush_and_rewind(vm)?;
            }
            if self.ahead() == 0 {
                // Only whole buffers are read, so what is there already is all there is to peek at.
                self.reset_read();
                self.fill(vm)?;
                self.pos.set(0);
            }
            let part = self.view(vm, usize::MAX).to_vec();
            Ok(vm.new_bytes(&part)?.into_value())
        })
    }

    /// `read1`.
    pub fn read1(&self, zelf: &Value, n: isize, vm: &mut Vm) -> PyResult {
        self.check_init(vm)?;
        let n = usize::try_from(n).unwrap_or(self.size.get());
        self.check_open(vm, "read of closed file")?;
        if n == 0 {
            return Ok(vm.new_bytes(b"")?.into_value());
        }
        if self.ahead() > 0 {
            return self.take(vm, n.min(self.ahead()));
        }
        self.locked(zelf, vm, |vm| {
            if self.writable.get() {
                self.flush_and_rewind(vm)?;
            }
            self.reset_read();
            let mut out = buffer_of(vm, n)?;
            let read = self.raw_read(vm, &mut out)?.unwrap_or(0);
            Ok(vm.new_bytes(out.get(..read).unwrap_or_default())?.into_value())
        })
    }

    /// `readinto`, and `readinto1` with `once`.
    pub fn readinto(&self, zelf: &Value, target: &Buffer, once: bool, vm: &mut Vm) -> PyResult<Option<usize>> {
        self.check_open(vm, "readinto of closed file")?;
        let len = target.len_bytes();
        let mut out = self.view(vm, len).to_vec();
        self.advance(out.len());
        if out.len() < len {
            let blocked = self.locked(zelf, vm, |vm| self.read_more(vm, &mut out, len, once))?;
            if blocked && out.is_empty() {
                return Ok(None);
            }
        }
        fds::fill(vm, target, &out);
        Ok(Some(out.len()))
    }

    /// Reads on until `out` has `len` bytes or nothing comes; says whether it would have blocked.
    fn read_more(&self, vm: &mut Vm, out: &mut Vec<u8>, len: usize, once: bool) -> PyResult<bool> {
        if self.writable.get() {
            self.flush_and_rewind(vm)?;
        }
        self.reset_read();
        self.pos.set(0);
        let size = self.size.get();
        while out.len() < len {
            let remaining = len - out.len();
            let n = if remaining > size {
                let mut part = buffer_of(vm, remaining)?;
                let n = self.raw_read(vm, &mut part)?;
                out.extend_from_slice(part.get(..n.unwrap_or(0)).unwrap_or_default());
                n
            } else if !once || out.is_empty() {
                let n = self.fill(vm)?;
                if n.is_some_and(|n| n > 0) {
                    let part = self.view(vm, remaining).to_vec();
                    self.advance(part.len());
                    out.extend_from_slice(&part);
                    if once {
                        return Ok(false);
                    }
                }
                n
            } else {
                Some(0)
            };
            match n {
                Some(0) => return Ok(false),
                None => return Ok(true),
                Some(_) if once => return Ok(false),
                Some(_) => {}
            }
        }
        Ok(false)
    }

    /// `readline`; a negative limit is none.
    pub fn readline(&self, zelf: &Value, limit: isize, vm: &mut Vm) -> PyResult {
        self.check_open(vm, "readline of closed file")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        // The line may be in the buffer already.
        if let Some(n) = line_end(self.view(vm, limit)) {
            return self.take(vm, n);
        }
        if self.ahead() >= limit {
            return self.take(vm, limit);
        }
        self.locked(zelf, vm, |vm| {
            let mut line = self.view(vm, limit).to_vec();
            self.advance(line.len());
            if self.writable.get() {
                self.flush_and_rewind(vm)?;
            }
            while line.len() < limit {
                self.reset_read();
                if self.fill(vm)?.unwrap_or(0) == 0 {
                    break;
                }
                self.pos.set(0);
                let part = self.view(vm, limit - line.len());
                let end = line_end(part);
                let part = part.get(..end.unwrap_or(part.len())).unwrap_or_default().to_vec();
                self.advance(part.len());
                vm.reserve(&mut line, part.len())?;
                line.extend_from_slice(&part);
                if end.is_some() {
                    break;
                }
            }
            Ok(vm.new_bytes(&line)?.into_value())
        })
    }

    // Writing.

    /// Writes out what waits in the buffer.
    fn flush_unlocked(&self, vm: &mut Vm) -> PyResult<()> {
        if !self.valid_write() || self.write_pos.get() == self.write_end.get() {
            self.reset_write();
            return Ok(());
        }
        let rewind = self.raw_offset() + (self.pos.get() - self.write_pos.get());
        if rewind != 0 {
            self.raw_seek(vm, -rewind, 1)?;
            self.raw_pos.set(self.raw_pos.get() - rewind);
        }
        while self.write_pos.get() < self.write_end.get() {
            let (start, end) = (self.write_pos.get() as usize, self.write_end.get() as usize);
            let buffer = self.buffer.replace(vm, Vec::new());
            let result = self.raw_write(vm, buffer.get(start..end).unwrap_or_default());
            let old = self.buffer.replace(vm, buffer);
            drop(old);
            let Some(n) = result? else { return Err(blocking_error(vm, 0)) };
            self.write_pos.set(self.write_pos.get() + n as i64);
            self.raw_pos.set(self.write_pos.get());
            crate::signal::check_signals(vm)?;
        }
        self.reset_write();
        Ok(())
    }

    /// `flush` of streams that write.
    pub fn flush(&self, zelf: &Value, vm: &mut Vm) -> PyResult<()> {
        self.check_open(vm, "flush of closed file")?;
        self.locked(zelf, vm, |vm| self.flush_and_rewind(vm))
    }

    fn store(&self, vm: &mut Vm, at: usize, data: &[u8]) {
        if let Some(target) = self.buffer.get_mut(vm).get_mut(at..at + data.len()) {
            target.copy_from_slice(data);
        }
    }

    /// `write`.
    pub fn write(&self, zelf: &Value, data: &[u8], vm: &mut Vm) -> PyResult<usize> {
        self.check_init(vm)?;
        self.locked(zelf, vm, |vm| {
            if self.gone(vm)? {
                return Err(vm.value_error("write to closed file"));
            }
            self.write_locked(vm, data)
        })
    }

    fn write_locked(&self, vm: &mut Vm, data: &[u8]) -> PyResult<usize> {
        self.need_buffer(vm)?;
        if !self.valid_read() && !self.valid_write() {
            self.pos.set(0);
            self.raw_pos.set(0);
        }
        let size = self.size.get();
        let available = size.saturating_sub(self.pos.get() as usize);
        if data.len() <= available && data.len() < size {
            self.store(vm, self.pos.get() as usize, data);
            if !self.valid_write() || self.write_pos.get() > self.pos.get() {
                self.write_pos.set(self.pos.get());
            }
            self.adjust(self.pos.get() + data.len() as i64);
            if self.write_end.get() < self.pos.get() {
                self.write_end.set(self.pos.get());
            }
            return Ok(data.len());
        }
        if let Err(e) = self.flush_unlocked(vm) {
            return self.write_blocked(vm, data, e);
        }
        // The raw stream may be elsewhere than the stream.
        let offset = self.raw_offset();
        if offset != 0 {
            self.raw_seek(vm, -offset, 1)?;
            self.raw_pos.set(self.raw_pos.get() - offset);
        }
        let mut written = 0;
        while data.len() - written > size {
            match self.raw_write(vm, data.get(written..).unwrap_or_default())? {
                Some(n) => written += n,
                None => {
                    // As much as fits is kept for later.
                    self.store(vm, 0, data.get(written..written + size).unwrap_or_default());
                    self.raw_pos.set(0);
                    self.adjust(size as i64);
                    self.write_pos.set(0);
                    self.write_end.set(size as i64);
                    return Err(blocking_error(vm, written + size));
                }
            }
            crate::signal::check_signals(vm)?;
        }
        if self.readable.get() {
            self.reset_read();
        }
        let rest = data.get(written..).unwrap_or_default();
        self.store(vm, 0, rest);
        self.write_pos.set(0);
        self.write_end.set(rest.len() as i64);
        self.adjust(rest.len() as i64);
        self.raw_pos.set(0);
        Ok(data.len())
    }

    /// The raw stream would have blocked: what fits is kept in the buffer.
    fn write_blocked(&self, vm: &mut Vm, data: &[u8], error: Raised) -> PyResult<usize> {
        if !is_named(vm, &error, "BlockingIOError") {
            return Err(error);
        }
        if self.readable.get() {
            self.reset_read();
        }
        let (start, end) = (self.write_pos.get().max(0) as usize, self.write_end.get().max(0) as usize);
        let length = self.buffer.get(vm).len();
        if start <= end && end <= length {
            self.buffer.get_mut(vm).copy_within(start..end, 0);
        }
        self.write_end.set(self.write_end.get() - start as i64);
        self.raw_pos.set(self.raw_pos.get() - start as i64);
        self.pos.set(self.pos.get() - start as i64);
        self.write_pos.set(0);
        let end = self.write_end.get().max(0) as usize;
        let available = self.size.get().saturating_sub(end);
        let n = data.len().min(available);
        self.store(vm, end, data.get(..n).unwrap_or_default());
        self.write_end.set(self.write_end.get() + n as i64);
        self.advance(n);
        if n == data.len() { Ok(n) } else { Err(blocking_error(vm, n)) }
    }

    // Positions of the stream, and its end.

    /// `tell`.
    pub fn tell(&self, zelf: &Value, vm: &mut Vm) -> PyResult<i64> {
        self.check_init(vm)?;
        self.locked(zelf, vm, |vm| {
            let at = self.raw_tell(vm)? - self.raw_offset();
            Ok(at.max(0))
        })
    }

    /// `seek`.
    pub fn seek(&self, zelf: &Value, target: &Value, whence: i32, vm: &mut Vm) -> PyResult<i64> {
        let raw = self.check_init(vm)?;
        if !(0..=4).contains(&whence) {
            return Err(vm.value_error(format!("whence value {whence} unsupported")));
        }
        self.check_open(vm, "seek of closed file")?;
        if !self.fast.get() || raw.downcast_exact::<FileIO>().is_none() {
            base::check_seekable(vm, &raw)?;
        } else {
            let seekable = vm.call_method(&raw, n!(seekable), &[])?;
            if !seekable.is_true() {
                return Err(unsupported(vm, "File or stream is not seekable."));
            }
        }
        let mut target = crate::io::offset_arg(vm, target)?;
        // Within what has been read ahead, only the position in the buffer changes.
        if (whence == 0 || whence == 1) && self.readable.get() {
            let current = if self.abs_pos.get() != -1 { self.abs_pos.get() } else { self.raw_tell(vm)? };
            let ahead = self.ahead();
            if ahead > 0 {
                let logical = current - self.raw_offset();
                let offset = if whence == 0 { target.saturating_sub(logical) } else { target };
                if offset >= -self.pos.get() && offset <= ahead as i64 {
                    self.pos.set(self.pos.get() + offset);
                    // Character devices tell positions that mean nothing.
                    return Ok((logical + offset).max(0));
                }
            }
        }
        self.locked(zelf, vm, |vm| {
            if self.writable.get() {
                self.flush_unlocked(vm)?;
            }
            if whence == 1 {
                target = target.saturating_sub(self.raw_offset());
            }
            let at = self.raw_seek(vm, target, whence)?;
            self.raw_pos.set(-1);
            if self.readable.get() {
                self.reset_read();
            }
            Ok(at)
        })
    }

    /// `truncate`.
    pub fn truncate(&self, zelf: &Value, size: &Value, vm: &mut Vm) -> PyResult {
        let raw = self.check_init(vm)?;
        self.check_open(vm, "truncate of closed file")?;
        if !self.writable.get() {
            return Err(unsupported(vm, "truncate"));
        }
        self.locked(zelf, vm, |vm| {
            self.flush_and_rewind(vm)?;
            let result = vm.call_method(&raw, n!(truncate), std::slice::from_ref(size))?;
            let _ignored = self.raw_tell(vm);
            Ok(result)
        })
    }

    /// Tells the raw stream that nobody closed it.
    pub fn dealloc_warn(&self, vm: &mut Vm, source: &Value) {
        if let (true, Some(raw)) = (self.ok.get(), self.raw.load(vm)) {
            let _ignored = vm.call_method(&raw, n!(_dealloc_warn), std::slice::from_ref(source));
        }
    }

    /// `close`.
    pub fn close(&self, zelf: &Value, vm: &mut Vm) -> PyResult<()> {
        let raw = self.check_init(vm)?;
        if self.locked(zelf, vm, |vm| self.is_closed(vm))? {
            return Ok(());
        }
        if self.finalizing.get() {
            self.dealloc_warn(vm, zelf);
        }
        let flushed = vm.call_method(zelf, n!(flush), &[]).map(drop);
        let closed = self.locked(zelf, vm, |vm| {
            let closed = vm.call_method(&raw, n!(close), &[]).map(drop);
            self.has_buffer.set(false);
            let old = self.buffer.replace(vm, Vec::new());
            drop(old);
            self.read_end.set(0);
            self.pos.set(0);
            closed
        });
        both(vm, flushed, closed)
    }

    /// `detach`.
    pub fn detach(&self, zelf: &Value, vm: &mut Vm) -> PyResult {
        self.check_init(vm)?;
        vm.call_method(zelf, n!(flush), &[])?;
        let raw = self.raw.replace(vm, None);
        self.detached.set(true);
        self.ok.set(false);
        Ok(raw.unwrap_or_else(Value::none))
    }

    /// Bytes of the buffer.
    pub fn buffer_size(&self) -> usize {
        if self.has_buffer.get() { self.size.get() } else { 0 }
    }

    /// The raw stream if it is a `FileIO` that can be asked directly.
    pub fn fast_raw(&self, vm: &Vm) -> Option<Value> {
        if self.fast.get() && self.ok.get() { self.raw.load(vm) } else { None }
    }
}

fn line_end(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&b| b == b'\n').map(|i| i + 1)
}
