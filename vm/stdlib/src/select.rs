//! The `select` module: waiting for descriptors.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath::as_file_descriptor;
use crate::oserror::{self, check, errno, sys};
use crate::time::{self, Round};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::type_::PyType;
use krait_runtime::{Args, GilCell, Py, PyResult, Value, Vm, pyclass, pyfunction, pymethods};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The monotonic time when waiting ends.
fn deadline(nanos: Option<i64>) -> Option<i64> {
    nanos.map(|n| time::monotonic_now().saturating_add(n))
}

/// Milliseconds until then, rounded up; -1 for ever.
fn millis_left(deadline: Option<i64>) -> i32 {
    match deadline {
        None => -1,
        Some(at) => {
            let left = at.saturating_sub(time::monotonic_now()).max(0);
            i32::try_from(left.saturating_add(999_999) / 1_000_000).unwrap_or(i32::MAX)
        }
    }
}

fn fd_list(vm: &mut Vm, list: &Value) -> PyResult<Vec<(i32, Value)>> {
    let items = match vm.iter(list) {
        Ok(_) => vm.collect(list)?,
        Err(e) if crate::io::is_named(vm, &e, "TypeError") => return Err(vm.type_error("arguments 1-3 must be sequences")),
        Err(e) => return Err(e),
    };
    let mut fds = Vec::new();
    for item in items {
        let fd = as_file_descriptor(vm, &item)?;
        if fd >= libc::FD_SETSIZE as i32 {
            return Err(vm.value_error("filedescriptor out of range in select()"));
        }
        fds.push((fd, item));
    }
    if fds.len() > libc::FD_SETSIZE {
        return Err(vm.value_error("too many file descriptors in select()"));
    }
    Ok(fds)
}

fn fd_set(fds: &[(i32, Value)]) -> libc::fd_set {
    // SAFETY: all fields are numbers.
    let mut set: libc::fd_set = unsafe { std::mem::zeroed() };
    for (fd, _) in fds {
        sys!(libc::FD_SET(*fd, &raw mut set));
    }
    set
}

/// Waits until descriptors can be read, written to, or have something exceptional; three lists of those that do.
#[pyfunction(name = "select", sig = "(rlist, wlist, xlist, timeout=None, /)")]
fn select_(rlist: &Value, wlist: &Value, xlist: &Value, timeout: Value, vm: &mut Vm) -> PyResult {
    let nanos = if timeout.is_none() {
        None
    } else {
        match time::to_time(vm, &timeout, Round::Up) {
            Ok(n) => Some(n),
            Err(e) if crate::io::is_named(vm, &e, "TypeError") => return Err(vm.type_error("timeout must be a float or None")),
            Err(e) => return Err(e),
        }
    };
    if nanos.is_some_and(|n| n < 0) {
        return Err(vm.value_error("timeout must be non-negative"));
    }
    let lists = [fd_list(vm, rlist)?, fd_list(vm, wlist)?, fd_list(vm, xlist)?];
    let highest = lists.iter().flatten().map(|(fd, _)| *fd).max().map_or(0, |fd| fd + 1);
    let end = deadline(nanos);
    loop {
        let [mut r, mut w, mut x] = [fd_set(&lists[0]), fd_set(&lists[1]), fd_set(&lists[2])];
        let code = vm.allow_threads(|| {
            let mut tv = end.map(|at| {
                let left = at.saturating_sub(time::monotonic_now()).max(0);
                let micros = left / 1000 + i64::from(left % 1000 > 0);
                libc::timeval { tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000 }
            });
            let p = tv.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
            if sys!(libc::select(highest, &raw mut r, &raw mut w, &raw mut x, p)) == -1 { errno() } else { 0 }
        });
        match code {
            0 => {
                let mut results = Vec::new();
                for (list, set) in lists.iter().zip([&r, &w, &x]) {
                    let ready: Vec<Value> = list.iter().filter(|(fd, _)| sys!(libc::FD_ISSET(*fd, std::ptr::from_ref(set)))).map(|(_, v)| v.clone()).collect();
                    results.push(vm.new_list(ready)?.into_value());
                }
                return Ok(vm.new_tuple(results)?.into_value());
            }
            libc::EINTR => crate::signal::check_signals(vm)?,
            code => return Err(oserror::os_error(vm, code)),
        }
    }
}

/// Descriptors to wait for with poll().
#[pyclass(name = "poll", module = "select", flags(DISALLOW_INSTANTIATION))]
pub struct Poll {
    #[traverse(skip)]
    fds: GilCell<BTreeMap<i32, u16>>,
    running: Cell<bool>,
}

/// An object to wait for descriptors with.
#[pyfunction(name = "poll")]
fn poll_(vm: &mut Vm) -> PyResult<Py<Poll>> {
    vm.new_object(Poll { fds: GilCell::new(BTreeMap::new()), running: Cell::new(false) })
}

fn mask(vm: &mut Vm, value: Option<&Value>, default: u16) -> PyResult<u16> {
    let Some(value) = value else { return Ok(default) };
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).map(u16::try_from) {
        Some(Ok(m)) => Ok(m),
        _ if vm.int_is_negative(&index) => Err(vm.value_error("value must be positive")),
        _ => Err(vm.overflow_error("Python int too large for C unsigned short")),
    }
}

#[pymethods]
impl Poll {
    /// Add a descriptor, or change what is waited for.
    #[method(sig = "(fd, eventmask=?, /)", text = "(fd,\n         eventmask=select.POLLIN | select.POLLPRI | select.POLLOUT, /)")]
    fn register(&self, fd: &Value, eventmask: Option<Value>, vm: &mut Vm) -> PyResult<()> {
        let fd = as_file_descriptor(vm, fd)?;
        let mask = mask(vm, eventmask.as_ref(), (libc::POLLIN | libc::POLLPRI | libc::POLLOUT) as u16)?;
        self.fds.get_mut(vm).insert(fd, mask);
        Ok(())
    }

    /// Change what is waited for.
    #[method(sig = "(fd, eventmask, /)")]
    fn modify(&self, fd: &Value, eventmask: &Value, vm: &mut Vm) -> PyResult<()> {
        let fd = as_file_descriptor(vm, fd)?;
        let mask = mask(vm, Some(eventmask), 0)?;
        match self.fds.get_mut(vm).get_mut(&fd) {
            Some(m) => {
                *m = mask;
                Ok(())
            }
            None => Err(oserror::os_error(vm, libc::ENOENT)),
        }
    }

    /// Remove a descriptor.
    #[method(sig = "(fd, /)")]
    fn unregister(&self, fd: &Value, vm: &mut Vm) -> PyResult<()> {
        let fd = as_file_descriptor(vm, fd)?;
        if self.fds.get_mut(vm).remove(&fd).is_none() {
            let key = Value::from_i32(fd);
            return Err(vm.key_error(&key));
        }
        Ok(())
    }

    /// Wait, up to timeout milliseconds; a list of (descriptor, events).
    #[method(sig = "(timeout=None, /)")]
    fn poll(&self, timeout: Value, vm: &mut Vm) -> PyResult {
        let nanos = if timeout.is_none() {
            None
        } else {
            match time::millis_to_time(vm, &timeout, Round::Up) {
                Ok(n) => Some(n).filter(|&n| n >= 0),
                Err(e) if crate::io::is_named(vm, &e, "TypeError") => return Err(vm.type_error("timeout must be an integer or None")),
                Err(e) => return Err(e),
            }
        };
        if nanos.is_some_and(|n| n / 1_000_000 > i64::from(i32::MAX)) {
            return Err(vm.overflow_error("timeout is too large"));
        }
        if self.running.replace(true) {
            return Err(vm.runtime_error("concurrent poll() invocation"));
        }
        let result = self.wait(vm, deadline(nanos));
        self.running.set(false);
        let fds = result?;
        let mut ready = Vec::new();
        for p in fds.iter().filter(|p| p.revents != 0) {
            let pair = vec![Value::from_i32(p.fd), Value::from_i32(i32::from(p.revents as u16))];
            ready.push(vm.new_tuple(pair)?.into_value());
        }
        Ok(vm.new_list(ready)?.into_value())
    }
}

impl Poll {
    fn wait(&self, vm: &mut Vm, end: Option<i64>) -> PyResult<Vec<libc::pollfd>> {
        let mut fds: Vec<libc::pollfd> = self.fds.get(vm).iter().map(|(&fd, &m)| libc::pollfd { fd, events: m as i16, revents: 0 }).collect();
        loop {
            let code = vm.allow_threads(|| {
                if sys!(libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis_left(end))) == -1 { errno() } else { 0 }
            });
            match code {
                0 => return Ok(fds),
                libc::EINTR => crate::signal::check_signals(vm)?,
                code => return Err(oserror::os_error(vm, code)),
            }
        }
    }
}

/// Descriptors to wait for with the system's epoll.
#[pyclass(name = "epoll", module = "select", text_signature = "(sizehint=-1, flags=0)")]
pub struct Epoll {
    fd: Cell<i32>,
}

impl Epoll {
    fn open(&self, vm: &mut Vm) -> PyResult<i32> {
        match self.fd.get() {
            fd if fd >= 0 => Ok(fd),
            _ => Err(vm.value_error("I/O operation on closed epoll object")),
        }
    }

    fn control(&self, op: i32, fd: &Value, events: u32, vm: &mut Vm) -> PyResult<()> {
        let epoll = self.open(vm)?;
        let fd = as_file_descriptor(vm, fd)?;
        let mut event = libc::epoll_event { events, u64: fd as u64 };
        oserror::call_once(vm, || sys!(libc::epoll_ctl(epoll, op, fd, &raw mut event))).map(drop)
    }

    fn close_fd(&self, vm: &mut Vm) -> PyResult<()> {
        let fd = self.fd.replace(-1);
        if fd >= 0 {
            oserror::call_once(vm, || sys!(libc::close(fd)))?;
        }
        Ok(())
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        if self.fd.get() >= 0 {
            sys!(libc::close(self.fd.get()));
        }
    }
}

#[pymethods]
impl Epoll {
    #[new(sig = "(sizehint=-1, flags=0)")]
    fn new(cls: &Py<PyType>, sizehint: i32, flags: i32, vm: &mut Vm) -> PyResult<Py<Epoll>> {
        if sizehint < -1 || sizehint == 0 {
            return Err(vm.value_error("sizehint must be positive or -1"));
        }
        if flags & !libc::EPOLL_CLOEXEC != 0 {
            return Err(oserror::os_error(vm, libc::EINVAL));
        }
        let fd = sys!(libc::epoll_create1(libc::EPOLL_CLOEXEC));
        let fd = check(vm, fd)?;
        vm.new_instance(cls, Epoll { fd: Cell::new(fd) })
    }

    /// An epoll object on a descriptor.
    #[classmethod(sig = "(fd, /)")]
    fn fromfd(cls: &Py<PyType>, fd: i32, vm: &mut Vm) -> PyResult<Py<Epoll>> {
        vm.new_instance(cls, Epoll { fd: Cell::new(fd) })
    }

    /// Close the descriptor.
    #[method]
    fn close(&self, vm: &mut Vm) -> PyResult<()> {
        self.close_fd(vm)
    }

    #[getter]
    fn closed(&self) -> bool {
        self.fd.get() < 0
    }

    /// The descriptor.
    #[method]
    fn fileno(&self, vm: &mut Vm) -> PyResult<i32> {
        self.open(vm)
    }

    /// Add a descriptor.
    #[method(sig = "(fd, eventmask=?)", text = "(fd,\n         eventmask=select.EPOLLIN | select.EPOLLPRI | select.EPOLLOUT)")]
    fn register(&self, fd: &Value, eventmask: Option<u32>, vm: &mut Vm) -> PyResult<()> {
        let events = eventmask.unwrap_or((libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLOUT) as u32);
        self.control(libc::EPOLL_CTL_ADD, fd, events, vm)
    }

    /// Change what is waited for.
    #[method(sig = "(fd, eventmask)")]
    fn modify(&self, fd: &Value, eventmask: u32, vm: &mut Vm) -> PyResult<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, eventmask, vm)
    }

    /// Remove a descriptor.
    #[method(sig = "(fd)")]
    fn unregister(&self, fd: &Value, vm: &mut Vm) -> PyResult<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, vm)
    }

    /// Wait, up to timeout seconds; a list of at most maxevents (descriptor, events).
    #[method(sig = "(timeout=None, maxevents=-1)")]
    fn poll(&self, timeout: Value, maxevents: i32, vm: &mut Vm) -> PyResult {
        let fd = self.open(vm)?;
        let nanos = if timeout.is_none() {
            None
        } else {
            match time::to_time(vm, &timeout, Round::Up) {
                Ok(n) => Some(n).filter(|&n| n >= 0),
                Err(e) if crate::io::is_named(vm, &e, "TypeError") => return Err(vm.type_error("timeout must be an integer or None")),
                Err(e) => return Err(e),
            }
        };
        if nanos.is_some_and(|n| n / 1_000_000 > i64::from(i32::MAX)) {
            return Err(vm.overflow_error("timeout is too large"));
        }
        let max = match maxevents {
            -1 => libc::FD_SETSIZE - 1,
            n if n < 1 => return Err(vm.value_error(format!("maxevents must be greater than 0, got {n}"))),
            n => n as usize,
        };
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; max.min(1 << 16)];
        let end = deadline(nanos);
        let count = loop {
            let result = oserror::once(vm, || sys!(libc::epoll_wait(fd, events.as_mut_ptr(), events.len() as i32, millis_left(end))));
            match result {
                Ok(n) => break n as usize,
                Err(libc::EINTR) => crate::signal::check_signals(vm)?,
                Err(code) => return Err(oserror::os_error(vm, code)),
            }
        };
        let mut ready = Vec::new();
        for e in events.iter().take(count) {
            let (fd, events) = (e.u64 as i32, e.events);
            let pair = vec![Value::from_i32(fd), vm.new_int(events)?];
            ready.push(vm.new_tuple(pair)?.into_value());
        }
        Ok(vm.new_list(ready)?.into_value())
    }

    #[method(name = "__enter__")]
    fn enter(zelf: &Py<Epoll>, vm: &mut Vm) -> PyResult<Py<Epoll>> {
        zelf.open(vm)?;
        Ok(zelf.clone())
    }

    #[method(name = "__exit__")]
    fn exit(&self, args: Args<'_>, vm: &mut Vm) -> PyResult<()> {
        let _ = args;
        self.close_fd(vm)
    }
}

krait_runtime::module! {
    "select",
    doc: "Waiting for descriptors.",
    functions: [select_, poll_],
    types: [Epoll],
    exec: init,
}

static NUMBERS: &[(&str, i64)] = &[
    ("POLLIN", 1),
    ("POLLPRI", 2),
    ("POLLOUT", 4),
    ("POLLERR", 8),
    ("POLLHUP", 16),
    ("POLLNVAL", 32),
    ("POLLRDNORM", 64),
    ("POLLRDBAND", 128),
    ("POLLWRNORM", 256),
    ("POLLWRBAND", 512),
    ("POLLMSG", 1024),
    ("POLLRDHUP", 8192),
    ("EPOLLIN", 1),
    ("EPOLLPRI", 2),
    ("EPOLLOUT", 4),
    ("EPOLLERR", 8),
    ("EPOLLHUP", 16),
    ("EPOLLRDNORM", 64),
    ("EPOLLRDBAND", 128),
    ("EPOLLWRNORM", 256),
    ("EPOLLWRBAND", 512),
    ("EPOLLMSG", 1024),
    ("EPOLLRDHUP", 8192),
    ("EPOLLEXCLUSIVE", 1 << 28),
    ("EPOLLWAKEUP", 1 << 29),
    ("EPOLLONESHOT", 1 << 30),
    ("EPOLLET", 1 << 31),
    ("EPOLL_CLOEXEC", libc::EPOLL_CLOEXEC as i64),
    ("PIPE_BUF", libc::PIPE_BUF as i64),
];

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in NUMBERS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    let error = oserror::builtin(vm, "OSError")?;
    let name = vm.intern("error");
    dict.set_str(vm, &name, error)
}
