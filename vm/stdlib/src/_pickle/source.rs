//! Where an unpickler reads from: bytes in memory, or a file of which no more may be consumed than the pickle takes.

use super::unpickling_error;
use krait_runtime::types::bytearray::ByteArray;
use krait_runtime::types::bytes::{ByteView, Bytes};
use krait_runtime::types::exceptions::NotImplementedError;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Raised, Value, Vm};

/// How much is looked at ahead in a file that can be peeked into.
const PREFETCH: usize = 128 * 1024;
/// Data that are announced but not there yet are not made room for at once beyond this size.
const CHUNK: usize = 1 << 20;

/// A file's methods.
struct File {
    read: Value,
    readline: Value,
    readinto: Option<Value>,
    peek: Option<Value>,
}

pub struct Source {
    data: ByteView,
    at: usize,
    /// Up to where the data have been consumed from the file; what stands beyond was peeked at.
    consumed: usize,
    /// Where the frame ends that is being read; no frame if that is not ahead.
    frame_end: usize,
    file: Option<File>,
}

#[cold]
fn truncated(vm: &mut Vm) -> Raised {
    unpickling_error(vm, "pickle data was truncated")
}

impl Source {
    pub fn of_bytes(vm: &mut Vm, data: &Value) -> PyResult<Source> {
        let data = vm.byte_view(data)?;
        let consumed = data.len();
        Ok(Source { data, at: 0, consumed, frame_end: 0, file: None })
    }

    pub fn of_file(vm: &mut Vm, file: &Value) -> PyResult<Source> {
        let method = |vm: &mut Vm, name: &str| {
            let name = vm.intern(name);
            vm.getattr_opt(file, &name)
        };
        let peek = method(vm, "peek")?;
        let readinto = method(vm, "readinto")?;
        let read = method(vm, "read")?;
        let readline = method(vm, "readline")?;
        let (Some(read), Some(readline)) = (read, readline) else {
            return Err(vm.type_error("file must have 'read' and 'readline' attributes"));
        };
        Ok(Source { data: ByteView::Owned(Vec::new()), at: 0, consumed: 0, frame_end: 0, file: Some(File { read, readline, readinto, peek }) })
    }

    /// The methods, to make another source of the same file.
    pub fn methods(&self) -> Vec<Option<Value>> {
        match &self.file {
            Some(f) => vec![Some(f.read.clone()), Some(f.readline.clone()), f.readinto.clone(), f.peek.clone()],
            None => Vec::new(),
        }
    }

    /// The source of a file with these methods.
    pub fn of_methods(methods: &[Option<Value>]) -> Option<Source> {
        match methods {
            [Some(read), Some(readline), readinto, peek] => {
                let file = File { read: read.clone(), readline: readline.clone(), readinto: readinto.clone(), peek: peek.clone() };
                Some(Source { data: ByteView::Owned(Vec::new()), at: 0, consumed: 0, frame_end: 0, file: Some(file) })
            }
            _ => None,
        }
    }

    /// The next byte, if it is there without asking the file.
    #[inline]
    pub fn next_byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// The next `n` bytes.
    #[inline]
    pub fn read(&mut self, vm: &mut Vm, n: usize) -> PyResult<&[u8]> {
        self.check_frame(vm, n)?;
        let end = self.at.checked_add(n).filter(|&e| e <= self.data.len());
        let start = match end {
            Some(end) => std::mem::replace(&mut self.at, end),
            None => {
                self.refill(vm, n)?;
                self.at = n;
                0
            }
        };
        match self.data.get(start..self.at) {
            Some(bytes) => Ok(bytes),
            None => Err(truncated(vm)),
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self, vm: &mut Vm) -> PyResult<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.read(vm, N)?);
        Ok(out)
    }

    /// Neither an instruction nor its data may begin in a frame and end behind it.
    #[inline]
    fn check_frame(&self, vm: &mut Vm, n: usize) -> PyResult<()> {
        if self.at < self.frame_end && n > self.frame_end - self.at {
            return Err(unpickling_error(vm, "pickle exhausted before end of frame"));
        }
        Ok(())
    }

    /// The next `n` bytes are a frame.
    pub fn begin_frame(&mut self, vm: &mut Vm, n: usize) -> PyResult<()> {
        if self.at < self.frame_end {
            return Err(unpickling_error(vm, "beginning of a new frame before end of current frame"));
        }
        self.read(vm, n)?;
        self.frame_end = self.at;
        self.at -= n;
        Ok(())
    }

    /// Reads from the file so that `n` bytes stand at the beginning of the data.
    #[cold]
    fn refill(&mut self, vm: &mut Vm, n: usize) -> PyResult<()> {
        if n > isize::MAX as usize - self.at {
            return Err(unpickling_error(vm, "read would overflow (invalid bytecode)"));
        }
        self.skip_consumed(vm)?;
        let Some(file) = &self.file else { return Err(truncated(vm)) };
        if let Some(peek) = file.peek.clone().filter(|_| n < PREFETCH) {
            let wanted = vm.new_int(PREFETCH)?;
            match vm.call(&peek, &[wanted]) {
                Ok(data) => {
                    self.set(vm, &data)?;
                    self.consumed = 0;
                    if n <= self.data.len() {
                        return Ok(());
                    }
                }
                Err(e) if vm.is_raised::<NotImplementedError>(&e) => {
                    if let Some(file) = &mut self.file {
                        file.peek = None;
                    }
                }
                Err(e) => return Err(e),
            }
        }
        let Some(read) = self.file.as_ref().map(|f| f.read.clone()) else { return Err(truncated(vm)) };
        let wanted = vm.new_int(n)?;
        let data = vm.call(&read, &[wanted])?;
        self.set(vm, &data)?;
        if self.data.len() < n { Err(truncated(vm)) } else { Ok(()) }
    }

    fn set(&mut self, vm: &mut Vm, data: &Value) -> PyResult<()> {
        self.data = vm.byte_view(data)?;
        self.at = 0;
        self.frame_end = 0;
        self.consumed = self.data.len();
        Ok(())
    }

    /// Takes from the file what has been used of the data that were only peeked at.
    pub fn skip_consumed(&mut self, vm: &mut Vm) -> PyResult<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let used = self.at.saturating_sub(self.consumed);
        if used > 0 {
            let read = file.read.clone();
            let used = vm.new_int(used)?;
            vm.call(&read, &[used])?;
            self.consumed = self.at;
        }
        Ok(())
    }

    /// The rest of the line, with its end.
    pub fn line(&mut self, vm: &mut Vm) -> PyResult<Vec<u8>> {
        let rest = self.data.get(self.at..).unwrap_or_default();
        if let Some(end) = memchr::memchr(b'\n', rest) {
            let line = rest[..=end].to_vec();
            self.check_frame(vm, line.len())?;
            self.at += end + 1;
            return Ok(line);
        }
        self.check_frame(vm, usize::MAX)?;
        self.skip_consumed(vm)?;
        let Some(readline) = self.file.as_ref().map(|f| f.readline.clone()) else { return Err(truncated(vm)) };
        let data = vm.call(&readline, &[])?;
        self.set(vm, &data)?;
        self.at = self.data.len();
        if self.data.last() == Some(&b'\n') { Ok(self.data.to_vec()) } else { Err(truncated(vm)) }
    }

    /// The next `n` bytes for an object of their own; `n` may be anything that the data say.
    pub fn read_owned(&mut self, vm: &mut Vm, n: usize) -> PyResult<Vec<u8>> {
        self.check_frame(vm, n)?;
        let rest = self.data.get(self.at..).unwrap_or_default();
        if rest.len() >= n || self.file.is_none() {
            return Ok(self.read(vm, n)?.to_vec());
        }
        let mut out = rest.to_vec();
        self.at = self.data.len();
        self.skip_consumed(vm)?;
        let (read, readinto) = match &self.file {
            Some(file) => (file.read.clone(), file.readinto.clone()),
            None => return Err(truncated(vm)),
        };
        while out.len() < n {
            let wanted = n - out.len();
            // Large data come in pieces, for they may not be there at all.
            let got = match &readinto {
                Some(readinto) => read_into(vm, readinto, wanted.min(CHUNK.max(out.len())))?,
                None => read_some(vm, &read, wanted.min(CHUNK.max(out.len())))?,
            };
            if out.try_reserve(got.len()).is_err() {
                return Err(vm.memory_error());
            }
            out.extend_from_slice(&got);
        }
        Ok(out)
    }
}

fn read_some(vm: &mut Vm, read: &Value, n: usize) -> PyResult<Vec<u8>> {
    let wanted = vm.new_int(n)?;
    let data = vm.call(read, &[wanted])?;
    let Some(bytes) = data.downcast::<Bytes>() else {
        let shown = super::repr_text(vm, data.ty().as_value())?;
        return Err(vm.value_error(format!("read() returned non-bytes object ({shown})")));
    };
    if bytes.len() < n {
        return Err(truncated(vm));
    }
    Ok(bytes.as_bytes()[..n].to_vec())
}

fn read_into(vm: &mut Vm, readinto: &Value, n: usize) -> PyResult<Vec<u8>> {
    let array = vm.new_bytearray(vec![0; n])?.into_value();
    let view = vm.new_memoryview(&array, krait_runtime::protocol::buffer::flags::FULL)?.into_value();
    let got = vm.call(readinto, &[view])?;
    let got = vm.as_isize(&got)?;
    if got < 0 {
        return Err(vm.value_error("readinto() returned negative size"));
    }
    if (got as usize) < n {
        return Err(truncated(vm));
    }
    Ok(array.downcast::<ByteArray>().map(|a| a.bytes(vm).to_vec()).unwrap_or_default())
}
