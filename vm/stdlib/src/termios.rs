//! The `termios` module: settings of terminals.
#![allow(unsafe_code, reason = "system calls")]

use crate::fspath::FileNo;
use crate::oserror::{self, errno, sys};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::list::List;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Raised, Value, Vm, pyfunction};

#[derive(Default)]
struct TermiosState {
    error: GilCell<Option<Value>>,
}

fn error(vm: &mut Vm, code: i32) -> Raised {
    let class = vm.state::<TermiosState>().error.load(vm);
    match (class, vm.new_str(&oserror::strerror(code))) {
        (Some(class), Ok(text)) => oserror::raise_class(vm, &class, &[Value::from_i32(code), text.into_value()]),
        (None, _) => oserror::os_error(vm, code),
        (_, Err(e)) => e,
    }
}

fn done(vm: &mut Vm, f: impl FnOnce() -> i32) -> PyResult<()> {
    let code = vm.allow_threads(|| if f() == -1 { errno() } else { 0 });
    if code == 0 { Ok(()) } else { Err(error(vm, code)) }
}

/// The settings of a terminal: a list of flags, speeds and a list of special characters.
#[pyfunction(sig = "(fd, /)")]
fn tcgetattr(fd: FileNo, vm: &mut Vm) -> PyResult {
    // SAFETY: all fields are numbers.
    let mut t: libc::termios = unsafe { std::mem::zeroed() };
    done(vm, || sys!(libc::tcgetattr(fd.0, &raw mut t)))?;
    let (ispeed, ospeed) = (sys!(libc::cfgetispeed(&raw const t)), sys!(libc::cfgetospeed(&raw const t)));
    let mut characters = Vec::new();
    for c in t.c_cc {
        characters.push(vm.new_bytes(&[c])?.into_value());
    }
    if t.c_lflag & libc::ICANON == 0 {
        for i in [libc::VMIN, libc::VTIME] {
            if let (Some(slot), Some(c)) = (characters.get_mut(i), t.c_cc.get(i)) {
                *slot = Value::from_i32(i32::from(*c));
            }
        }
    }
    let mut items = Vec::new();
    for n in [t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, ispeed, ospeed] {
        items.push(vm.new_int(n)?);
    }
    items.push(vm.new_list(characters)?.into_value());
    Ok(vm.new_list(items)?.into_value())
}

fn number(vm: &mut Vm, value: &Value) -> PyResult<u32> {
    let index = vm.index(value)?;
    Ok(vm.int_as_i128(&index).unwrap_or(0) as u32)
}

/// Change the settings of a terminal: now, when everything is written, or then and with the input thrown away.
#[pyfunction(sig = "(fd, when, attributes, /)")]
fn tcsetattr(fd: FileNo, when: i32, attributes: &Value, vm: &mut Vm) -> PyResult<()> {
    let message = "tcsetattr, arg 3: must be 7 element list";
    let items = match attributes.downcast::<List>() {
        Some(l) if l.items(vm).len() == 7 => l.items(vm).to_vec(),
        _ => return Err(vm.type_error(message)),
    };
    // SAFETY: all fields are numbers.
    let mut t: libc::termios = unsafe { std::mem::zeroed() };
    done(vm, || sys!(libc::tcgetattr(fd.0, &raw mut t)))?;
    let mut n = [0u32; 6];
    for (slot, item) in n.iter_mut().zip(&items) {
        *slot = number(vm, item)?;
    }
    let [iflag, oflag, cflag, lflag, ispeed, ospeed] = n;
    (t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag) = (iflag, oflag, cflag, lflag);
    let characters = match items.last().and_then(|l| l.downcast::<List>()) {
        Some(l) if l.items(vm).len() == libc::NCCS => l.items(vm).to_vec(),
        _ => return Err(vm.type_error(format!("tcsetattr: attributes[6] must be {} element list", libc::NCCS))),
    };
    for (slot, c) in t.c_cc.iter_mut().zip(&characters) {
        *slot = match c.downcast::<krait_runtime::types::bytes::Bytes>().map(|b| b.as_bytes()) {
            Some([b]) => *b,
            _ if c.is::<krait_runtime::types::int::Int>() => number(vm, c)? as u8,
            _ => return Err(vm.type_error("tcsetattr: elements of attributes must be characters or integers")),
        };
    }
    if sys!(libc::cfsetispeed(&raw mut t, ispeed)) == -1 || sys!(libc::cfsetospeed(&raw mut t, ospeed)) == -1 {
        let code = errno();
        return Err(error(vm, code));
    }
    done(vm, || sys!(libc::tcsetattr(fd.0, when, &raw const t)))
}

/// Send a break.
#[pyfunction(sig = "(fd, duration, /)")]
fn tcsendbreak(fd: FileNo, duration: i32, vm: &mut Vm) -> PyResult<()> {
    done(vm, || sys!(libc::tcsendbreak(fd.0, duration)))
}

/// Wait until everything is written.
#[pyfunction(sig = "(fd, /)")]
fn tcdrain(fd: FileNo, vm: &mut Vm) -> PyResult<()> {
    done(vm, || sys!(libc::tcdrain(fd.0)))
}

/// Throw away what waits to be read or written.
#[pyfunction(sig = "(fd, queue, /)")]
fn tcflush(fd: FileNo, queue: i32, vm: &mut Vm) -> PyResult<()> {
    done(vm, || sys!(libc::tcflush(fd.0, queue)))
}

/// Stop or go on with reading or writing.
#[pyfunction(sig = "(fd, action, /)")]
fn tcflow(fd: FileNo, action: i32, vm: &mut Vm) -> PyResult<()> {
    done(vm, || sys!(libc::tcflow(fd.0, action)))
}

/// Lines and columns of a terminal.
#[pyfunction(sig = "(fd, /)")]
fn tcgetwinsize(fd: FileNo, vm: &mut Vm) -> PyResult<Py<Tuple>> {
    // SAFETY: all fields are numbers.
    let mut size: libc::winsize = unsafe { std::mem::zeroed() };
    done(vm, || sys!(libc::ioctl(fd.0, libc::TIOCGWINSZ, &raw mut size)))?;
    vm.new_tuple(vec![Value::from_i32(i32::from(size.ws_row)), Value::from_i32(i32::from(size.ws_col))])
}

/// Tell a terminal its lines and columns.
#[pyfunction(sig = "(fd, winsize, /)")]
fn tcsetwinsize(fd: FileNo, winsize: &Value, vm: &mut Vm) -> PyResult<()> {
    let items = if crate::posix::fds::is_sequence(winsize) { vm.collect(winsize)? } else { Vec::new() };
    let [rows, columns] = items.as_slice() else { return Err(vm.type_error("tcsetwinsize, arg 2: must be a two-item sequence")) };
    let (rows, columns) = (vm.as_isize(rows)?, vm.as_isize(columns)?);
    let (Ok(ws_row), Ok(ws_col)) = (u16::try_from(rows), u16::try_from(columns)) else {
        return Err(vm.overflow_error("winsize value(s) out of range."));
    };
    let size = libc::winsize { ws_row, ws_col, ws_xpixel: 0, ws_ypixel: 0 };
    done(vm, || sys!(libc::ioctl(fd.0, libc::TIOCSWINSZ, &raw const size)))
}

krait_runtime::module! {
    "termios",
    doc: "Settings of terminals.",
    functions: [tcgetattr, tcsetattr, tcsendbreak, tcdrain, tcflush, tcflow, tcgetwinsize, tcsetwinsize],
    types: [],
    exec: init,
    single: true,
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (name, value) in NUMBERS {
        let name = vm.intern(name);
        let value = vm.new_int(*value)?;
        dict.set_str(vm, &name, value)?;
    }
    let base = oserror::builtin(vm, "Exception")?;
    let class = crate::signal::new_class(vm, "error", "termios", &[base])?;
    let name = vm.intern("error");
    dict.set_str(vm, &name, class.clone())?;
    let old = vm.state::<TermiosState>().error.replace(vm, Some(class));
    drop(old);
    Ok(())
}

static NUMBERS: &[(&str, i64)] = &[
    ("B0", 0),
    ("B1000000", 1000000),
    ("B110", 110),
    ("B115200", 115200),
    ("B1152000", 1152000),
    ("B1200", 1200),
    ("B134", 134),
    ("B14400", 14400),
    ("B150", 150),
    ("B1500000", 1500000),
    ("B1800", 1800),
    ("B19200", 19200),
    ("B200", 200),
    ("B2000000", 2000000),
    ("B230400", 230400),
    ("B2400", 2400),
    ("B2500000", 2500000),
    ("B28800", 28800),
    ("B300", 300),
    ("B3000000", 3000000),
    ("B3500000", 3500000),
    ("B38400", 38400),
    ("B4000000", 4000000),
    ("B460800", 460800),
    ("B4800", 4800),
    ("B50", 50),
    ("B500000", 500000),
    ("B57600", 57600),
    ("B576000", 576000),
    ("B600", 600),
    ("B7200", 7200),
    ("B75", 75),
    ("B76800", 76800),
    ("B921600", 921600),
    ("B9600", 9600),
    ("BRKINT", 2),
    ("BS0", 0),
    ("BS1", 8192),
    ("BSDLY", 8192),
    ("CBAUD", 4111),
    ("CBAUDEX", 4096),
    ("CDSUSP", 25),
    ("CEOF", 4),
    ("CEOL", 0),
    ("CEOT", 4),
    ("CERASE", 127),
    ("CFLUSH", 15),
    ("CIBAUD", 269418496),
    ("CINTR", 3),
    ("CKILL", 21),
    ("CLNEXT", 22),
    ("CLOCAL", 2048),
    ("CQUIT", 28),
    ("CR0", 0),
    ("CR1", 512),
    ("CR2", 1024),
    ("CR3", 1536),
    ("CRDLY", 1536),
    ("CREAD", 128),
    ("CRPRNT", 18),
    ("CRTSCTS", 2147483648),
    ("CS5", 0),
    ("CS6", 16),
    ("CS7", 32),
    ("CS8", 48),
    ("CSIZE", 48),
    ("CSTART", 17),
    ("CSTOP", 19),
    ("CSTOPB", 64),
    ("CSUSP", 26),
    ("CWERASE", 23),
    ("ECHO", 8),
    ("ECHOCTL", 512),
    ("ECHOE", 16),
    ("ECHOK", 32),
    ("ECHOKE", 2048),
    ("ECHONL", 64),
    ("ECHOPRT", 1024),
    ("EXTA", 19200),
    ("EXTB", 38400),
    ("EXTPROC", 65536),
    ("FF0", 0),
    ("FF1", 32768),
    ("FFDLY", 32768),
    ("FIOASYNC", 21586),
    ("FIOCLEX", 21585),
    ("FIONBIO", 21537),
    ("FIONCLEX", 21584),
    ("FIONREAD", 21531),
    ("FLUSHO", 4096),
    ("HUPCL", 1024),
    ("IBSHIFT", 16),
    ("ICANON", 2),
    ("ICRNL", 256),
    ("IEXTEN", 32768),
    ("IGNBRK", 1),
    ("IGNCR", 128),
    ("IGNPAR", 4),
    ("IMAXBEL", 8192),
    ("INLCR", 64),
    ("INPCK", 16),
    ("IOCSIZE_MASK", 1073676288),
    ("IOCSIZE_SHIFT", 16),
    ("ISIG", 1),
    ("ISTRIP", 32),
    ("IUCLC", 512),
    ("IUTF8", 16384),
    ("IXANY", 2048),
    ("IXOFF", 4096),
    ("IXON", 1024),
    ("NCCS", 32),
    ("NL0", 0),
    ("NL1", 256),
    ("NLDLY", 256),
    ("NOFLSH", 128),
    ("N_MOUSE", 2),
    ("N_PPP", 3),
    ("N_SLIP", 1),
    ("N_STRIP", 4),
    ("N_TTY", 0),
    ("OCRNL", 8),
    ("OFDEL", 128),
    ("OFILL", 64),
    ("OLCUC", 2),
    ("ONLCR", 4),
    ("ONLRET", 32),
    ("ONOCR", 16),
    ("OPOST", 1),
    ("PARENB", 256),
    ("PARMRK", 8),
    ("PARODD", 512),
    ("PENDIN", 16384),
    ("TAB0", 0),
    ("TAB1", 2048),
    ("TAB2", 4096),
    ("TAB3", 6144),
    ("TABDLY", 6144),
    ("TCFLSH", 21515),
    ("TCGETS", 21505),
    ("TCIFLUSH", 0),
    ("TCIOFF", 2),
    ("TCIOFLUSH", 2),
    ("TCION", 3),
    ("TCOFLUSH", 1),
    ("TCOOFF", 0),
    ("TCOON", 1),
    ("TCSADRAIN", 1),
    ("TCSAFLUSH", 2),
    ("TCSANOW", 0),
    ("TCSBRK", 21513),
    ("TCSBRKP", 21541),
    ("TCSETS", 21506),
    ("TCSETSF", 21508),
    ("TCSETSW", 21507),
    ("TCXONC", 21514),
    ("TIOCCONS", 21533),
    ("TIOCEXCL", 21516),
    ("TIOCGETD", 21540),
    ("TIOCGICOUNT", 21597),
    ("TIOCGLCKTRMIOS", 21590),
    ("TIOCGPGRP", 21519),
    ("TIOCGSERIAL", 21534),
    ("TIOCGSOFTCAR", 21529),
    ("TIOCGWINSZ", 21523),
    ("TIOCINQ", 21531),
    ("TIOCLINUX", 21532),
    ("TIOCMBIC", 21527),
    ("TIOCMBIS", 21526),
    ("TIOCMGET", 21525),
    ("TIOCMIWAIT", 21596),
    ("TIOCMSET", 21528),
    ("TIOCM_CAR", 64),
    ("TIOCM_CD", 64),
    ("TIOCM_CTS", 32),
    ("TIOCM_DSR", 256),
    ("TIOCM_DTR", 2),
    ("TIOCM_LE", 1),
    ("TIOCM_RI", 128),
    ("TIOCM_RNG", 128),
    ("TIOCM_RTS", 4),
    ("TIOCM_SR", 16),
    ("TIOCM_ST", 8),
    ("TIOCNOTTY", 21538),
    ("TIOCNXCL", 21517),
    ("TIOCOUTQ", 21521),
    ("TIOCPKT", 21536),
    ("TIOCPKT_DATA", 0),
    ("TIOCPKT_DOSTOP", 32),
    ("TIOCPKT_FLUSHREAD", 1),
    ("TIOCPKT_FLUSHWRITE", 2),
    ("TIOCPKT_NOSTOP", 16),
    ("TIOCPKT_START", 8),
    ("TIOCPKT_STOP", 4),
    ("TIOCSCTTY", 21518),
    ("TIOCSERCONFIG", 21587),
    ("TIOCSERGETLSR", 21593),
    ("TIOCSERGETMULTI", 21594),
    ("TIOCSERGSTRUCT", 21592),
    ("TIOCSERGWILD", 21588),
    ("TIOCSERSETMULTI", 21595),
    ("TIOCSERSWILD", 21589),
    ("TIOCSER_TEMT", 1),
    ("TIOCSETD", 21539),
    ("TIOCSLCKTRMIOS", 21591),
    ("TIOCSPGRP", 21520),
    ("TIOCSSERIAL", 21535),
    ("TIOCSSOFTCAR", 21530),
    ("TIOCSTI", 21522),
    ("TIOCSWINSZ", 21524),
    ("TOSTOP", 256),
    ("VDISCARD", 13),
    ("VEOF", 4),
    ("VEOL", 11),
    ("VEOL2", 16),
    ("VERASE", 2),
    ("VINTR", 0),
    ("VKILL", 3),
    ("VLNEXT", 15),
    ("VMIN", 6),
    ("VQUIT", 1),
    ("VREPRINT", 12),
    ("VSTART", 8),
    ("VSTOP", 9),
    ("VSUSP", 10),
    ("VSWTC", 7),
    ("VSWTCH", 7),
    ("VT0", 0),
    ("VT1", 16384),
    ("VTDLY", 16384),
    ("VTIME", 5),
    ("VWERASE", 14),
    ("XCASE", 4),
    ("XTABS", 6144),
    ("_POSIX_VDISABLE", 0),
];
