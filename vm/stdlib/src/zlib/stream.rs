//! Safe handles on the streams of zlib-rs.
//!
//! Invariant: a `z_stream` in a box has been initialised and is ended once, by `drop`. Its pointers to input and output are set for the
//! length of one call only.
#![allow(unsafe_code, reason = "zlib-rs is driven by its C interface, the only one that copies streams and sets dictionaries")]

use libz_rs_sys as z;
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// What a stream says; negative ones are errors.
pub type Status = i32;

fn new_stream() -> Box<z::z_stream> {
    Box::new(z::z_stream::default())
}

/// At most `u32::MAX` bytes of a slice's length.
fn clip(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

type Step = unsafe extern "C" fn(*mut z::z_stream, i32) -> i32;

/// Runs `step` once over the front of `input` into the spare room of `out`, which grows to `limit` at most. False says that all the room
/// was taken.
fn run(stream: &mut z::z_stream, step: Step, input: &mut &[u8], out: &mut Vec<u8>, limit: usize, flush: i32) -> (Status, bool) {
    let given = clip(input.len());
    let room = clip(out.capacity().min(limit).saturating_sub(out.len()));
    stream.next_in = input.as_ptr();
    stream.avail_in = given;
    stream.next_out = out.spare_capacity_mut().as_mut_ptr().cast();
    stream.avail_out = room;
    // SAFETY: the stream is initialised (the invariant); the pointers are good for the lengths beside them.
    let status = unsafe { step(stream, flush) };
    let written = room.saturating_sub(stream.avail_out) as usize;
    // SAFETY: zlib has written so many bytes into the spare room.
    unsafe { out.set_len(out.len() + written) };
    *input = input.get(given.saturating_sub(stream.avail_in) as usize..).unwrap_or_default();
    stream.next_in = std::ptr::null();
    stream.avail_in = 0;
    (status, stream.avail_out > 0)
}

fn message(stream: &z::z_stream) -> Option<String> {
    if stream.msg.is_null() {
        return None;
    }
    // SAFETY: zlib's messages are static, terminated strings.
    Some(unsafe { CStr::from_ptr(stream.msg) }.to_string_lossy().into_owned())
}

const STREAM_SIZE: i32 = size_of::<z::z_stream>() as i32;

/// Copies a stream by `copy`.
fn copy_stream(copy: impl FnOnce(*mut z::z_stream) -> i32) -> Result<Box<z::z_stream>, Status> {
    let mut copied: Box<MaybeUninit<z::z_stream>> = Box::new(MaybeUninit::new(z::z_stream::default()));
    match copy(copied.as_mut_ptr()) {
        // SAFETY: it was written, and before that was a valid empty stream.
        z::Z_OK => Ok(unsafe { copied.assume_init() }),
        status => Err(status),
    }
}

/// A compressing stream.
pub struct Deflate(Box<z::z_stream>);

impl Deflate {
    pub fn new(level: i32, method: i32, wbits: i32, mem_level: i32, strategy: i32) -> Result<Deflate, (Status, Option<String>)> {
        let mut stream = new_stream();
        // SAFETY: the stream is a valid empty one; version and size are the crate's own.
        let status = unsafe {
            z::deflateInit2_(&raw mut *stream, level, method, wbits, mem_level, strategy, z::zlibVersion(), STREAM_SIZE)
        };
        if status == z::Z_OK { Ok(Deflate(stream)) } else { Err((status, message(&stream))) }
    }

    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Status {
        // SAFETY: initialised; the pointer is good for the length.
        unsafe { z::deflateSetDictionary(&raw mut *self.0, dictionary.as_ptr(), clip(dictionary.len())) }
    }

    /// See [`run`].
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>, flush: i32) -> (Status, bool) {
        run(&mut self.0, z::deflate, input, out, usize::MAX, flush)
    }

    pub fn copy(&mut self) -> Result<Deflate, Status> {
        // SAFETY: both are valid streams, the source is initialised.
        copy_stream(|to| unsafe { z::deflateCopy(to, &raw mut *self.0) }).map(Deflate)
    }

    pub fn message(&self) -> Option<String> {
        message(&self.0)
    }
}

impl Drop for Deflate {
    fn drop(&mut self) {
        // SAFETY: initialised, and ended nowhere else.
        unsafe { z::deflateEnd(&raw mut *self.0) };
    }
}

/// A decompressing stream.
pub struct Inflate(Box<z::z_stream>);

impl Inflate {
    pub fn new(wbits: i32) -> Result<Inflate, (Status, Option<String>)> {
        let mut stream = new_stream();
        // SAFETY: as for `Deflate::new`.
        let status = unsafe { z::inflateInit2_(&raw mut *stream, wbits, z::zlibVersion(), STREAM_SIZE) };
        if status == z::Z_OK { Ok(Inflate(stream)) } else { Err((status, message(&stream))) }
    }

    pub fn set_dictionary(&mut self, dictionary: &[u8]) -> Status {
        // SAFETY: as for `Deflate`.
        unsafe { z::inflateSetDictionary(&raw mut *self.0, dictionary.as_ptr(), clip(dictionary.len())) }
    }

    /// See [`run`].
    pub fn step(&mut self, input: &mut &[u8], out: &mut Vec<u8>, limit: usize, flush: i32) -> (Status, bool) {
        run(&mut self.0, z::inflate, input, out, limit, flush)
    }

    pub fn copy(&mut self) -> Result<Inflate, Status> {
        // SAFETY: both are valid streams, the source is initialised.
        copy_stream(|to| unsafe { z::inflateCopy(to, &raw const *self.0) }).map(Inflate)
    }

    pub fn message(&self) -> Option<String> {
        message(&self.0)
    }
}

impl Drop for Inflate {
    fn drop(&mut self) {
        // SAFETY: initialised, and ended nowhere else.
        unsafe { z::inflateEnd(&raw mut *self.0) };
    }
}

/// The CRC-32 checksum of `data`, going on from `start`.
pub fn crc32(start: u32, data: &[u8]) -> u32 {
    // SAFETY: the pointer is good for the length.
    unsafe { z::crc32_z(start.into(), data.as_ptr(), data.len()) as u32 }
}

/// The Adler-32 checksum of `data`, going on from `start`.
pub fn adler32(start: u32, data: &[u8]) -> u32 {
    // SAFETY: the pointer is good for the length.
    unsafe { z::adler32_z(start.into(), data.as_ptr(), data.len()) as u32 }
}

/// The library's version.
pub fn version() -> String {
    // SAFETY: a static, terminated string.
    unsafe { CStr::from_ptr(z::zlibVersion()) }.to_string_lossy().into_owned()
}
