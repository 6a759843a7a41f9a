//! The `_socket` module.
//!
//! - `address`: addresses; `resolve`: names; here: the socket type. Absent: families other than AF_INET, AF_INET6 and AF_UNIX.
#![allow(unsafe_code, reason = "system calls")]

use crate::audit::audit;
use crate::fspath::{self, as_file_descriptor};
use crate::io::fileio::writable_arg;
use crate::oserror::{self, check, errno, sys};
use crate::posix::fds::{self, buffer_of};
use crate::time::{self, Round};
use address::Address;
use krait_runtime::protocol::buffer::Buffer;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::ffi::CStr;

mod address;
mod constants;
mod message;
mod resolve;

/// What the module keeps.
#[derive(Default)]
struct SocketState {
    gaierror: GilCell<Option<Value>>,
    herror: GilCell<Option<Value>>,
    /// Nanoseconds plus one; 0 for none.
    default_timeout: Cell<i64>,
}

/// OSError with a text alone.
fn os_text(vm: &mut Vm, text: &str) -> Raised {
    crate::io::os_error_text(vm, text)
}

fn coded(vm: &mut Vm, class: Option<Value>, code: i32, text: &str) -> Raised {
    match (class, vm.new_str(text)) {
        (Some(class), Ok(text)) => oserror::raise_class(vm, &class, &[Value::from_i32(code), text.into_value()]),
        (None, _) => oserror::os_error(vm, code),
        (_, Err(e)) => e,
    }
}

/// `socket.gaierror` for an error of the resolver.
fn gai_error(vm: &mut Vm, code: i32) -> Raised {
    // SAFETY: the C library's own null-terminated text.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned();
    let class = vm.state::<SocketState>().gaierror.load(vm);
    coded(vm, class, code, &text)
}

/// `socket.herror`.
fn herror(vm: &mut Vm, code: i32, text: &str) -> Raised {
    let class = vm.state::<SocketState>().herror.load(vm);
    coded(vm, class, code, text)
}

fn timed_out(vm: &mut Vm) -> Raised {
    match vm.new_str("timed out") {
        Ok(text) => oserror::raise_named(vm, "TimeoutError", &[text.into_value()]),
        Err(e) => e,
    }
}

/// A socket.
#[pyclass(name = "socket", module = "_socket", gc, flags(BASETYPE), text_signature = "(family=-1, type=-1, proto=-1, fileno=None)")]
pub struct Socket {
    fd: Cell<i32>,
    family: Cell<i32>,
    kind: Cell<i32>,
    proto: Cell<i32>,
    /// Nanoseconds; -1 to wait for ever.
    timeout: Cell<i64>,
}

/// A timeout argument in nanoseconds, -1 for None.
fn timeout_arg(vm: &mut Vm, value: &Value) -> PyResult<i64> {
    if value.is_none() {
        return Ok(-1);
    }
    let nanos = time::to_time(vm, value, Round::Up)?;
    if nanos < 0 {
        return Err(vm.value_error("Timeout value out of range"));
    }
    if nanos / 1_000_000 > i64::from(i32::MAX) {
        return Err(vm.overflow_error("timeout doesn't fit into C timeval"));
    }
    Ok(nanos)
}

fn set_fd_blocking(fd: i32, blocking: bool) -> bool {
    let flags = sys!(libc::fcntl(fd, libc::F_GETFL));
    let wanted = if blocking { flags & !libc::O_NONBLOCK } else { flags | libc::O_NONBLOCK };
    flags != -1 && (flags == wanted || sys!(libc::fcntl(fd, libc::F_SETFL, wanted)) != -1)
}

impl Socket {
    /// Waits until the socket can be read or written to. False when the time is over.
    fn wait(&self, vm: &mut Vm, write: bool, deadline: i64) -> PyResult<bool> {
        loop {
            let left = deadline.saturating_sub(time::monotonic_now());
            if left < 0 {
                return Ok(false);
            }
            let millis = i32::try_from((left + 999_999) / 1_000_000).unwrap_or(i32::MAX);
            let mut p = libc::pollfd { fd: self.fd.get(), events: if write { libc::POLLOUT } else { libc::POLLIN }, revents: 0 };
            match oserror::once(vm, || sys!(libc::poll(&raw mut p, 1, millis))) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(libc::EINTR) => crate::signal::check_signals(vm)?,
                Err(code) => return Err(oserror::os_error(vm, code)),
            }
        }
    }

    /// Does something that may block, as the timeout says; the inner error is the `errno`.
    fn attempt<R: oserror::SysResult>(&self, vm: &mut Vm, write: bool, deadline: Option<i64>, mut f: impl FnMut(i32) -> R) -> PyResult<Result<R, i32>> {
        let timeout = self.timeout.get();
        let deadline = deadline.or((timeout > 0).then(|| time::monotonic_now().saturating_add(timeout)));
        loop {
            if let Some(at) = deadline
                && !self.wait(vm, write, at)? {
                    return Err(timed_out(vm));
                }
            let fd = self.fd.get();
            match oserror::once(vm, || f(fd)) {
                Ok(r) => return Ok(Ok(r)),
                Err(libc::EINTR) => crate::signal::check_signals(vm)?,
                // Another process was faster.
                Err(libc::EAGAIN) if timeout > 0 => {}
                Err(code) => return Ok(Err(code)),
            }
        }
    }

    fn perform<R: oserror::SysResult>(&self, vm: &mut Vm, write: bool, f: impl FnMut(i32) -> R) -> PyResult<R> {
        match self.attempt(vm, write, None, f)? {
            Ok(r) => Ok(r),
            Err(code) => Err(oserror::os_error(vm, code)),
        }
    }

    fn connect_to(&self, vm: &mut Vm, address: &Address) -> PyResult<Result<(), i32>> {
        let fd = self.fd.get();
        let code = match oserror::once(vm, || sys!(libc::connect(fd, address.ptr(), address.len))) {
            Ok(_) => return Ok(Ok(())),
            Err(code) => code,
        };
        let timeout = self.timeout.get();
        if code == libc::EINTR {
            crate::signal::check_signals(vm)?;
        }
        let wait = (code == libc::EINPROGRESS && timeout > 0) || (code == libc::EINTR && timeout != 0);
        if !wait {
            return Ok(Err(code));
        }
        let deadline = if timeout > 0 { time::monotonic_now().saturating_add(timeout) } else { i64::MAX };
        if !self.wait(vm, true, deadline)? {
            return Err(timed_out(vm));
        }
        let (mut error, mut len) = (0i32, 4 as libc::socklen_t);
        let result = sys!(libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_ERROR, (&raw mut error).cast(), &raw mut len));
        check(vm, result)?;
        Ok(if error == 0 || error == libc::EISCONN { Ok(()) } else { Err(error) })
    }

    fn receive(&self, vm: &mut Vm, size: usize, flags: i32) -> PyResult<Vec<u8>> {
        let mut buffer = buffer_of(vm, size)?;
        let n = self.perform(vm, false, |fd| sys!(libc::recv(fd, buffer.as_mut_ptr().cast(), buffer.len(), flags)))?;
        buffer.truncate(n as usize);
        Ok(buffer)
    }

    fn receive_from(&self, vm: &mut Vm, size: usize, flags: i32) -> PyResult<(Vec<u8>, Value)> {
        let mut buffer = buffer_of(vm, size)?;
        let mut from = Address::empty();
        let n = self.perform(vm, false, |fd| {
            from = Address::empty();
            let len = &raw mut from.len;
            sys!(libc::recvfrom(fd, buffer.as_mut_ptr().cast(), buffer.len(), flags, from.ptr_mut(), len))
        })?;
        buffer.truncate(n as usize);
        let from = if from.len as usize > size_of::<libc::sockaddr_storage>() { Value::none() } else { address::to_python(vm, &from)? };
        Ok((buffer, from))
    }

    fn into_target(vm: &mut Vm, target: &Buffer, nbytes: isize, name: &str) -> PyResult<usize> {
        let Ok(n) = usize::try_from(nbytes) else { return Err(vm.value_error(format!("negative buffersize in {name}"))) };
        let len = target.len_bytes();
        if n > len {
            let what = if name == "recv_into" { "buffer too small for requested bytes" } else { "nbytes is greater than the length of the buffer" };
            return Err(vm.value_error(what));
        }
        Ok(if n == 0 { len } else { n })
    }

    fn close_now(&self, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.replace(-1);
        if fd != -1 {
            match oserror::once(vm, || sys!(libc::close(fd))) {
                Ok(_) | Err(libc::ECONNRESET) => {}
                Err(code) => return Err(oserror::os_error(vm, code)),
            }
        }
        Ok(())
    }
}

fn size(vm: &mut Vm, n: isize, name: &str) -> PyResult<usize> {
    usize::try_from(n).map_err(|_| vm.value_error(format!("negative buffersize in {name}")))
}

#[pymethods(parts(MESSAGE))]
impl Socket {
    #[new]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult<Py<Socket>> {
        let _ = args;
        let socket = Socket { fd: Cell::new(-1), family: Cell::new(0), kind: Cell::new(0), proto: Cell::new(0), timeout: Cell::new(-1) };
        vm.new_instance(cls, socket)
    }

    #[init(sig = "(family=-1, type=-1, proto=-1, fileno=None)")]
    fn init(zelf: &Py<Socket>, family: i32, r#type: i32, proto: i32, fileno: Value, vm: &mut Vm) -> PyResult<()> {
        audit!(vm, "socket.__new__", zelf.as_value(), family, r#type, proto)?;
        let (mut family, mut kind, mut proto) = (family, r#type, proto);
        let fd = if fileno.is_none() {
            family = if family == -1 { libc::AF_INET } else { family };
            kind = if kind == -1 { libc::SOCK_STREAM } else { kind };
            proto = if proto == -1 { 0 } else { proto };
            oserror::call_once(vm, || sys!(libc::socket(family, kind | libc::SOCK_CLOEXEC, proto)))?
        } else {
            if fileno.is::<krait_runtime::types::float::Float>() {
                return Err(vm.type_error("integer argument expected, got float"));
            }
            let index = vm.index(&fileno)?;
            let fd = vm.int_as_i128(&index).and_then(|i| i32::try_from(i).ok()).unwrap_or(-1);
            if fd < 0 {
                return Err(vm.value_error("negative file descriptor"));
            }
            let mut at = Address::empty();
            let len = &raw mut at.len;
            let result = sys!(libc::getsockname(fd, at.ptr_mut(), len));
            if result == -1 && (family == -1 || matches!(errno(), libc::EBADF | libc::ENOTSOCK)) {
                let code = errno();
                return Err(oserror::os_error(vm, code));
            }
            family = if family == -1 { i32::from(at.storage.ss_family) } else { family };
            let ask = |option: i32| {
                let (mut value, mut len) = (0i32, 4 as libc::socklen_t);
                let result = sys!(libc::getsockopt(fd, libc::SOL_SOCKET, option, (&raw mut value).cast(), &raw mut len));
                (result == 0).then_some(value)
            };
            kind = if kind == -1 { ask(libc::SO_TYPE).unwrap_or(0) } else { kind };
            proto = if proto == -1 { ask(libc::SO_PROTOCOL).unwrap_or(0) } else { proto };
            fd
        };
        zelf.fd.set(fd);
        zelf.family.set(family);
        zelf.kind.set(kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC));
        zelf.proto.set(proto);
        let default = vm.state::<SocketState>().default_timeout.get();
        if kind & libc::SOCK_NONBLOCK != 0 {
            zelf.timeout.set(0);
        } else {
            zelf.timeout.set(default - 1);
            if default > 0 && !set_fd_blocking(fd, false) {
                let code = errno();
                return Err(oserror::os_error(vm, code));
            }
        }
        Ok(())
    }

    #[slot(del)]
    fn slot_del(zelf: &Py<Self>, vm: &mut Vm) -> PyResult<()> {
        if zelf.fd.get() == -1 {
            return Ok(());
        }
        let text = format!("unclosed {}", vm.repr(zelf.as_value())?.to_string_lossy());
        let warned = fspath::warn(vm, "ResourceWarning", &text, 1, Some(zelf.as_value()));
        let fd = zelf.fd.replace(-1);
        if fd != -1 {
            sys!(libc::close(fd));
        }
        warned
    }

    #[slot(repr)]
    fn slot_repr(&self) -> String {
        format!("<socket object, fd={}, family={}, type={}, proto={}>", self.fd.get(), self.family.get(), self.kind.get(), self.proto.get())
    }

    #[getter]
    pub(super) fn family(&self) -> i32 {
        self.family.get()
    }

    #[getter(name = "type")]
    fn kind(&self) -> i32 {
        self.kind.get()
    }

    #[getter]
    fn proto(&self) -> i32 {
        self.proto.get()
    }

    #[getter(name = "timeout")]
    fn timeout_attr(&self, vm: &mut Vm) -> PyResult {
        self.gettimeout(vm)
    }

    /// Wait for a connection: a new descriptor and the peer's address.
    #[method]
    fn _accept(&self, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let mut from = Address::empty();
        let fd = self.perform(vm, false, |fd| {
            from = Address::empty();
            let len = &raw mut from.len;
            sys!(libc::accept4(fd, from.ptr_mut(), len, libc::SOCK_CLOEXEC))
        })?;
        let shown = address::to_python(vm, &from)?;
        vm.new_tuple(vec![Value::from_i32(fd), shown])
    }

    /// Give the socket an address.
    #[method(sig = "(address, /)")]
    fn bind(zelf: &Py<Socket>, address: &Value, vm: &mut Vm) -> PyResult<()> {
        let a = address::from_python(vm, zelf.family.get(), address, "bind")?;
        audit!(vm, "socket.bind", zelf.as_value(), address)?;
        let fd = zelf.fd.get();
        oserror::call_once(vm, || sys!(libc::bind(fd, a.ptr(), a.len))).map(drop)
    }

    /// Close the descriptor.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        self.close_now(vm)
    }

    /// Give the descriptor away.
    #[method]
    fn detach(&self) -> i32 {
        self.fd.replace(-1)
    }

    /// Connect to an address.
    #[method(sig = "(address, /)")]
    fn connect(zelf: &Py<Socket>, address: &Value, vm: &mut Vm) -> PyResult<()> {
        let a = address::from_python(vm, zelf.family.get(), address, "connect")?;
        audit!(vm, "socket.connect", zelf.as_value(), address)?;
        match zelf.connect_to(vm, &a)? {
            Ok(()) => Ok(()),
            Err(code) => Err(oserror::os_error(vm, code)),
        }
    }

    /// Connect to an address; returns the number of the error, 0 for none.
    #[method(sig = "(address, /)")]
    fn connect_ex(zelf: &Py<Socket>, address: &Value, vm: &mut Vm) -> PyResult<i32> {
        let a = address::from_python(vm, zelf.family.get(), address, "connect_ex")?;
        audit!(vm, "socket.connect", zelf.as_value(), address)?;
        match zelf.connect_to(vm, &a) {
            Ok(Ok(())) => Ok(0),
            Ok(Err(code)) => Ok(code),
            Err(e) if crate::io::is_named(vm, &e, "TimeoutError") => Ok(libc::EWOULDBLOCK),
            Err(e) => Err(e),
        }
    }

    /// The descriptor; -1 when closed.
    #[method]
    fn fileno(&self) -> i32 {
        self.fd.get()
    }

    /// The peer's address.
    #[method]
    fn getpeername(&self, vm: &mut Vm) -> PyResult {
        let mut a = Address::empty();
        let len = &raw mut a.len;
        let result = sys!(libc::getpeername(self.fd.get(), a.ptr_mut(), len));
        check(vm, result)?;
        address::to_python(vm, &a)
    }

    /// The socket's own address.
    #[method]
    fn getsockname(&self, vm: &mut Vm) -> PyResult {
        let mut a = Address::empty();
        let len = &raw mut a.len;
        let result = sys!(libc::getsockname(self.fd.get(), a.ptr_mut(), len));
        check(vm, result)?;
        address::to_python(vm, &a)
    }

    /// An option's value: an int, or bytes if a size is given.
    #[method(sig = "(level, option, buflen=0, /)", text = "(level, option[, buflen])")]
    fn getsockopt(&self, level: i32, option: i32, buflen: i32, vm: &mut Vm) -> PyResult {
        let fd = self.fd.get();
        if buflen == 0 {
            let (mut value, mut len) = (0i32, 4 as libc::socklen_t);
            let result = sys!(libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut len));
            check(vm, result)?;
            return vm.new_int(value);
        }
        if !(0..=1024).contains(&buflen) {
            return Err(os_text(vm, "getsockopt buflen out of range"));
        }
        let mut buffer = buffer_of(vm, buflen as usize)?;
        let mut len = buflen as libc::socklen_t;
        let result = sys!(libc::getsockopt(fd, level, option, buffer.as_mut_ptr().cast(), &raw mut len));
        check(vm, result)?;
        Ok(vm.new_bytes(buffer.get(..len as usize).unwrap_or_default())?.into_value())
    }

    /// Set an option to an int, bytes, or None with a size.
    #[method(sig = "(level, option, value, optlen=?, /)", text = "(level, option, value[, optlen])")]
    fn setsockopt(&self, level: i32, option: i32, value: &Value, optlen: Option<u32>, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.get();
        let result = if value.is::<krait_runtime::types::int::Int>() {
            let number = <i32 as krait_runtime::args::FromArg>::from_arg(vm, value, NO_INFO)?;
            sys!(libc::setsockopt(fd, level, option, (&raw const number).cast(), 4))
        } else if value.is_none() {
            let Some(len) = optlen else { return Err(vm.type_error("socket option should be integer, bytes-like object or None")) };
            sys!(libc::setsockopt(fd, level, option, std::ptr::null(), len))
        } else {
            if !vm.is_bytes_like(value) {
                let got = value.type_name();
                return Err(vm.type_error(format!("socket option should be integer, bytes-like object or None, not {got}")));
            }
            let data = vm.bytes_of(value)?;
            sys!(libc::setsockopt(fd, level, option, data.as_ptr().cast(), data.len() as libc::socklen_t))
        };
        check(vm, result).map(drop)
    }

    /// Begin to accept connections.
    #[method(sig = "(backlog=128, /)", text = "([backlog])")]
    fn listen(&self, backlog: i32, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.get();
        oserror::call_once(vm, || sys!(libc::listen(fd, backlog.max(0)))).map(drop)
    }

    /// Receive up to buffersize bytes.
    #[method(sig = "(buffersize, flags=0, /)", text = "(buffersize[, flags])")]
    fn recv(&self, buffersize: isize, flags: i32, vm: &mut Vm) -> PyResult {
        let n = size(vm, buffersize, "recv")?;
        let data = self.receive(vm, n, flags)?;
        Ok(vm.new_bytes(&data)?.into_value())
    }

    /// Receive into a buffer; the number of bytes.
    #[method(sig = "(buffer, nbytes=0, flags=0)", text = "(buffer, [nbytes[, flags]])")]
    fn recv_into(&self, buffer: &Value, nbytes: isize, flags: i32, vm: &mut Vm) -> PyResult<usize> {
        let target = writable_arg(vm, "recv_into", buffer)?;
        let result = Self::into_target(vm, &target, nbytes, "recv_into").and_then(|n| {
            let data = self.receive(vm, n, flags)?;
            fds::fill(vm, &target, &data);
            Ok(data.len())
        });
        target.release(vm);
        result
    }

    /// Receive up to buffersize bytes and the sender's address.
    #[method(sig = "(buffersize, flags=0, /)", text = "(buffersize[, flags])")]
    fn recvfrom(&self, buffersize: isize, flags: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let n = size(vm, buffersize, "recvfrom")?;
        let (data, from) = self.receive_from(vm, n, flags)?;
        let data = vm.new_bytes(&data)?.into_value();
        vm.new_tuple(vec![data, from])
    }

    /// Receive into a buffer; the number of bytes and the sender's address.
    #[method(sig = "(buffer, nbytes=0, flags=0)", text = "(buffer[, nbytes[, flags]])")]
    fn recvfrom_into(&self, buffer: &Value, nbytes: isize, flags: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
        let target = writable_arg(vm, "recvfrom_into", buffer)?;
        let result = Self::into_target(vm, &target, nbytes, "recvfrom_into").and_then(|n| {
            let (data, from) = self.receive_from(vm, n, flags)?;
            fds::fill(vm, &target, &data);
            let pair = vec![vm.new_int(data.len())?, from];
            vm.new_tuple(pair)
        });
        target.release(vm);
        result
    }

    /// Send bytes; how many were sent.
    #[method(sig = "(data, flags=0, /)", text = "(data[, flags])")]
    fn send(&self, data: &Value, flags: i32, vm: &mut Vm) -> PyResult<isize> {
        let data = vm.byte_view(data)?;
        self.perform(vm, true, |fd| sys!(libc::send(fd, data.as_ptr().cast(), data.len(), flags)))
    }

    /// Send all bytes.
    #[method(sig = "(data, flags=0, /)", text = "(data[, flags])")]
    fn sendall(&self, data: &Value, flags: i32, vm: &mut Vm) -> PyResult<()> {
        let data = vm.byte_view(data)?;
        let timeout = self.timeout.get();
        let deadline = (timeout > 0).then(|| time::monotonic_now().saturating_add(timeout));
        let mut at = 0;
        while at < data.len() {
            let rest = data.get(at..).unwrap_or_default();
            match self.attempt(vm, true, deadline, |fd| sys!(libc::send(fd, rest.as_ptr().cast(), rest.len(), flags)))? {
                Ok(n) => at += n.max(0) as usize,
                Err(code) => return Err(oserror::os_error(vm, code)),
            }
            crate::signal::check_signals(vm)?;
        }
        Ok(())
    }

    /// Send bytes to an address; how many were sent.
    #[method(text = "(data[, flags], address)")]
    fn sendto(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<isize> {
        args.no_keywords(vm, "sendto")?;
        let (data, flags, to) = match args.values() {
            [data, to] => (data, 0, to),
            [data, flags, to] => (data, <i32 as krait_runtime::args::FromArg>::from_arg(vm, flags, NO_INFO)?, to),
            other => {
                let n = other.len();
                return Err(vm.type_error(format!("sendto() takes 2 or 3 arguments ({n} given)")));
            }
        };
        let data = vm.byte_view(data)?;
        let to = address::from_python(vm, self.family.get(), to, "sendto")?;
        self.perform(vm, true, |fd| sys!(libc::sendto(fd, data.as_ptr().cast(), data.len(), flags, to.ptr(), to.len)))
    }

    /// Wait for ever (true) or not at all (false).
    #[method(sig = "(flag, /)")]
    fn setblocking(&self, flag: bool, vm: &mut Vm) -> PyResult<()> {
        self.timeout.set(if flag { -1 } else { 0 });
        self.apply_timeout(vm)
    }

    /// Whether the socket waits.
    #[method]
    fn getblocking(&self) -> bool {
        self.timeout.get() != 0
    }

    /// Set how long to wait: seconds, None for ever.
    #[method(sig = "(timeout, /)")]
    fn settimeout(&self, timeout: &Value, vm: &mut Vm) -> PyResult<()> {
        let nanos = timeout_arg(vm, timeout)?;
        self.timeout.set(nanos);
        self.apply_timeout(vm)
    }

    /// How long to wait: seconds, None for ever.
    #[method]
    fn gettimeout(&self, vm: &mut Vm) -> PyResult {
        match self.timeout.get() {
            n if n < 0 => Ok(Value::none()),
            n => vm.new_float(time::seconds(n)),
        }
    }

    /// End receiving, sending or both.
    #[method(sig = "(how, /)")]
    fn shutdown(&self, how: i32, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.get();
        oserror::call_once(vm, || sys!(libc::shutdown(fd, how))).map(drop)
    }
}

impl Socket {
    fn apply_timeout(&self, vm: &mut Vm) -> PyResult<()> {
        if !set_fd_blocking(self.fd.get(), self.timeout.get() < 0) {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        Ok(())
    }
}

static NO_SPEC: krait_runtime::args::ArgSpec =
    krait_runtime::args::ArgSpec { name: "socket", params: &[], required: 0, positional: 0, posonly: 0, raw: true };
const NO_INFO: krait_runtime::args::ArgInfo = krait_runtime::args::ArgInfo { spec: &NO_SPEC, index: 0 };

/// Closes a socket's descriptor.
#[pyfunction(sig = "(fd, /)")]
fn close(fd: &Value, vm: &mut Vm) -> PyResult<()> {
    let fd = as_file_descriptor(vm, fd)?;
    oserror::call_once(vm, || sys!(libc::close(fd))).map(drop)
}

/// Duplicates a socket's descriptor.
#[pyfunction(sig = "(fd, /)")]
fn dup(fd: &Value, vm: &mut Vm) -> PyResult<i32> {
    let fd = as_file_descriptor(vm, fd)?;
    let copy = sys!(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0));
    check(vm, copy)
}

/// Makes a pair of connected sockets.
#[pyfunction(sig = "(family=?, type=?, proto=0, /)", text = "([family[, type [, proto]]])")]
fn socketpair(family: Option<i32>, r#type: Option<i32>, proto: i32, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    let (family, kind) = (family.unwrap_or(libc::AF_UNIX), r#type.unwrap_or(libc::SOCK_STREAM));
    let mut fds = [-1; 2];
    oserror::call_once(vm, || sys!(libc::socketpair(family, kind | libc::SOCK_CLOEXEC, proto, fds.as_mut_ptr())))?;
    let default = vm.state::<SocketState>().default_timeout.get() - 1;
    let mut pair = Vec::new();
    for fd in fds {
        let plain = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC);
        let timeout = if kind & libc::SOCK_NONBLOCK != 0 { 0 } else { default };
        let socket = Socket { fd: Cell::new(fd), family: Cell::new(family), kind: Cell::new(plain), proto: Cell::new(proto), timeout: Cell::new(timeout) };
        let socket = vm.new_object(socket)?;
        if default >= 0 {
            socket.apply_timeout(vm)?;
        }
        pair.push(socket.into_value());
    }
    vm.new_tuple(pair)
}

/// The timeout of new sockets.
#[pyfunction]
fn getdefaulttimeout(vm: &mut Vm) -> PyResult {
    match vm.state::<SocketState>().default_timeout.get() - 1 {
        n if n < 0 => Ok(Value::none()),
        n => vm.new_float(time::seconds(n)),
    }
}

/// Set the timeout of new sockets.
#[pyfunction(sig = "(timeout, /)")]
fn setdefaulttimeout(timeout: &Value, vm: &mut Vm) -> PyResult<()> {
    let nanos = timeout_arg(vm, timeout)?;
    vm.state::<SocketState>().default_timeout.set(nanos + 1);
    Ok(())
}

/// Set the name of this host.
#[pyfunction(sig = "(name, /)")]
fn sethostname(name: &Value, vm: &mut Vm) -> PyResult<()> {
    audit!(vm, "socket.sethostname", name)?;
    let bytes = match name.downcast::<Str>() {
        Some(s) => fspath::fsencode(vm, s)?,
        None => vm.bytes_of(name)?,
    };
    let result = sys!(libc::sethostname(bytes.as_ptr().cast(), bytes.len()));
    check(vm, result).map(drop)
}

krait_runtime::module! {
    "_socket",
    doc: "Sockets; use them through `socket`.",
    functions: [
        close, dup, socketpair, getdefaulttimeout, setdefaulttimeout, sethostname, message::CMSG_LEN, message::CMSG_SPACE,
        resolve::getaddrinfo, resolve::getnameinfo, resolve::gethostbyname, resolve::gethostbyname_ex, resolve::gethostbyaddr,
        resolve::gethostname, resolve::getservbyname, resolve::getservbyport, resolve::getprotobyname, resolve::ntohs, resolve::htons,
        resolve::ntohl, resolve::htonl, resolve::inet_aton_, resolve::inet_ntoa, resolve::inet_pton_, resolve::inet_ntop_,
        resolve::if_nametoindex, resolve::if_indextoname, resolve::if_nameindex,
    ],
    types: [Socket],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in constants::CONSTANTS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    let os_error = oserror::builtin(vm, "OSError")?;
    let gaierror = crate::signal::new_class(vm, "gaierror", "socket", std::slice::from_ref(&os_error))?;
    let host_error = crate::signal::new_class(vm, "herror", "socket", std::slice::from_ref(&os_error))?;
    let state = vm.state::<SocketState>();
    let old = (state.gaierror.replace(vm, Some(gaierror.clone())), state.herror.replace(vm, Some(host_error.clone())));
    drop(old);
    let timeout = oserror::builtin(vm, "TimeoutError")?;
    let class = <Socket as krait_runtime::PyClass>::static_type().ready(vm)?.to_value();
    for (name, value) in [("has_ipv6", Value::from_bool(true)), ("error", os_error), ("gaierror", gaierror), ("herror", host_error), ("timeout", timeout), ("SocketType", class)] {
        let name = vm.intern(name);
        dict.set_str(vm, &name, value)?;
    }
    Ok(())
}
