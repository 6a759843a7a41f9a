//! Messages with ancillary data: `sendmsg`, `recvmsg`, `recvmsg_into`.
#![allow(unsafe_code, reason = "the system's message structures")]

use crate::io::fileio::writable_arg;
use crate::oserror::sys;
use crate::posix::fds::{self, buffer_of};
use crate::socket::Socket;
use crate::socket::address::{self, Address};
use krait_runtime::types::tuple::Tuple;
use krait_runtime::{Py, PyResult, Value, Vm, pyfunction, pymethods};

fn length(vm: &mut Vm, length: isize, function: &str) -> PyResult<u32> {
    match u32::try_from(length) {
        Ok(n) if n < 0x7fff_ff00 => Ok(n),
        _ => Err(vm.overflow_error(format!("{function}() argument out of range"))),
    }
}

/// The length of a message of ancillary data without padding.
#[pyfunction(sig = "(length, /)")]
#[allow(non_snake_case, reason = "the macro's name")]
pub fn CMSG_LEN(length: isize, vm: &mut Vm) -> PyResult<u32> {
    let n = self::length(vm, length, "CMSG_LEN")?;
    Ok(sys!(libc::CMSG_LEN(n)))
}

/// The room that a message of ancillary data takes.
#[pyfunction(sig = "(length, /)")]
#[allow(non_snake_case, reason = "the macro's name")]
pub fn CMSG_SPACE(length: isize, vm: &mut Vm) -> PyResult<u32> {
    let n = self::length(vm, length, "CMSG_SPACE")?;
    Ok(sys!(libc::CMSG_SPACE(n)))
}

fn empty_header() -> libc::msghdr {
    // SAFETY: all fields are numbers or null pointers.
    unsafe { std::mem::zeroed() }
}

/// What came with the data: (level, type, data) for each.
fn ancillary(vm: &mut Vm, header: &libc::msghdr) -> PyResult {
    let mut items = Vec::new();
    // SAFETY: the system filled in the control buffer that the header points at.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(std::ptr::from_ref(header)) };
    let end = header.msg_control as usize + header.msg_controllen;
    // SAFETY: null or a message within the buffer.
    while let Some(c) = unsafe { at.as_ref() } {
        let data = sys!(libc::CMSG_DATA(at));
        let room = end.saturating_sub(data as usize);
        let len = c.cmsg_len.saturating_sub(data as usize - at as usize).min(room);
        // SAFETY: `len` bytes of the message lie within the buffer.
        let bytes = unsafe { std::slice::from_raw_parts(data, len) }.to_vec();
        let item = vec![Value::from_i32(c.cmsg_level), Value::from_i32(c.cmsg_type), vm.new_bytes(&bytes)?.into_value()];
        items.push(vm.new_tuple(item)?.into_value());
        at = sys!(libc::CMSG_NXTHDR(std::ptr::from_ref(header), at));
    }
    Ok(vm.new_list(items)?.into_value())
}

impl Socket {
    fn receive_message(&self, vm: &mut Vm, parts: &mut [Vec<u8>], ancbufsize: isize, flags: i32) -> PyResult<(usize, Value, i32, Value)> {
        let Ok(room) = usize::try_from(ancbufsize) else { return Err(vm.value_error("invalid ancillary data buffer length")) };
        let mut control = buffer_of(vm, room)?;
        let mut from = Address::empty();
        let mut vecs: Vec<libc::iovec> = parts.iter_mut().map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() }).collect();
        let mut header = empty_header();
        let n = self.perform(vm, false, |fd| {
            from = Address::empty();
            header = empty_header();
            header.msg_name = from.ptr_mut().cast();
            header.msg_namelen = from.len;
            header.msg_iov = vecs.as_mut_ptr();
            header.msg_iovlen = vecs.len();
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = control.len();
            sys!(libc::recvmsg(fd, &raw mut header, flags | libc::MSG_CMSG_CLOEXEC))
        })?;
        from.len = header.msg_namelen;
        let data = ancillary(vm, &header)?;
        let shown = address::to_python(vm, &from)?;
        Ok((n as usize, data, header.msg_flags & !libc::MSG_CMSG_CLOEXEC, shown))
    }
}

/// (level, type, data) triples as a control buffer.
fn control_buffer(vm: &mut Vm, ancdata: &Value) -> PyResult<Vec<u8>> {
    let mut messages = Vec::new();
    let mut total = 0usize;
    for item in vm.collect(ancdata)? {
        let parts = if crate::posix::fds::is_sequence(&item) { vm.collect(&item)? } else { Vec::new() };
        let [level, kind, data] = parts.as_slice() else {
            return Err(vm.type_error("[sendmsg() ancillary data items] must be 3-item sequences"));
        };
        let (level, kind, data) = (vm.as_isize(level)? as i32, vm.as_isize(kind)? as i32, vm.bytes_of(data)?);
        let len = length(vm, data.len() as isize, "CMSG_SPACE")?;
        total += sys!(libc::CMSG_SPACE(len)) as usize;
        messages.push((level, kind, data));
    }
    let mut control = buffer_of(vm, total)?;
    let mut at = 0;
    for (level, kind, data) in messages {
        let len = data.len() as u32;
        // SAFETY: all fields are numbers.
        let mut head: libc::cmsghdr = unsafe { std::mem::zeroed() };
        head.cmsg_len = sys!(libc::CMSG_LEN(len)) as _;
        head.cmsg_level = level;
        head.cmsg_type = kind;
        let body = at + sys!(libc::CMSG_LEN(0)) as usize;
        // SAFETY: the buffer has room for all messages; the head is written byte by byte.
        unsafe { std::ptr::copy_nonoverlapping((&raw const head).cast::<u8>(), control.as_mut_ptr().add(at), size_of::<libc::cmsghdr>()) };
        if let Some(target) = control.get_mut(body..body + data.len()) {
            target.copy_from_slice(&data);
        }
        at += sys!(libc::CMSG_SPACE(len)) as usize;
    }
    Ok(control)
}

#[pymethods(part = MESSAGE)]
impl Socket {
    /// Receive up to bufsize bytes with ancillary data: data, ancillary data, flags, address.
    #[method(sig = "(bufsize, ancbufsize=0, flags=0, /)", text = "(bufsize[, ancbufsize[, flags]])")]
    fn recvmsg(&self, bufsize: isize, ancbufsize: isize, flags: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let Ok(size) = usize::try_from(bufsize) else { return Err(vm.value_error("negative buffer size in recvmsg()")) };
        let mut parts = [buffer_of(vm, size)?];
        let (n, data, flags, from) = self.receive_message(vm, &mut parts, ancbufsize, flags)?;
        let bytes = vm.new_bytes(parts[0].get(..n).unwrap_or_default())?.into_value();
        vm.new_tuple(vec![bytes, data, Value::from_i32(flags), from])
    }

    /// Receive into buffers with ancillary data: number of bytes, ancillary data, flags, address.
    #[method(sig = "(buffers, ancbufsize=0, flags=0, /)", text = "(buffers[, ancbufsize[, flags]])")]
    fn recvmsg_into(&self, buffers: &Value, ancbufsize: isize, flags: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let items = match vm.iter(buffers) {
            Ok(_) => vm.collect(buffers)?,
            Err(_) => return Err(vm.type_error("recvmsg_into() argument 1 must be an iterable")),
        };
        let mut targets = Vec::new();
        for item in &items {
            targets.push(writable_arg(vm, "recvmsg_into", item)?);
        }
        let mut parts = Vec::new();
        for target in &targets {
            parts.push(buffer_of(vm, target.len_bytes())?);
        }
        let result = self.receive_message(vm, &mut parts, ancbufsize, flags);
        let mut left = result.as_ref().map_or(0, |r| r.0);
        for (target, part) in targets.into_iter().zip(&parts) {
            let n = part.len().min(left);
            fds::fill(vm, &target, part.get(..n).unwrap_or_default());
            left -= n;
            target.release(vm);
        }
        let (n, data, flags, from) = result?;
        let n = vm.new_int(n)?;
        vm.new_tuple(vec![n, data, Value::from_i32(flags), from])
    }

    /// Send the contents of buffers with ancillary data; the number of bytes.
    #[method(sig = "(buffers, ancdata=None, flags=0, address=None, /)", text = "(buffers[, ancdata[, flags[, address]]])")]
    fn sendmsg(&self, buffers: &Value, ancdata: Value, flags: i32, address: Value, vm: &mut Vm) -> PyResult<isize> {
        let items = match vm.iter(buffers) {
            Ok(_) => vm.collect(buffers)?,
            Err(_) => return Err(vm.type_error("sendmsg() argument 1 must be an iterable")),
        };
        let mut parts = Vec::new();
        for item in &items {
            parts.push(vm.bytes_of(item)?);
        }
        let mut control = if ancdata.is_none() { Vec::new() } else { control_buffer(vm, &ancdata)? };
        let mut to = if address.is_none() { None } else { Some(address::from_python(vm, self.family(), &address, "sendmsg")?) };
        let mut vecs: Vec<libc::iovec> = parts.iter().map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() }).collect();
        self.perform(vm, true, |fd| {
            let mut header = empty_header();
            if let Some(to) = &mut to {
                header.msg_namelen = to.len;
                header.msg_name = to.ptr_mut().cast();
            }
            header.msg_iov = vecs.as_mut_ptr();
            header.msg_iovlen = vecs.len();
            if !control.is_empty() {
                header.msg_control = control.as_mut_ptr().cast();
                header.msg_controllen = control.len();
            }
            sys!(libc::sendmsg(fd, &raw const header, flags))
        })
    }
}
