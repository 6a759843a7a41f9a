//! Names of hosts, services, protocols and interfaces, and numeric forms of addresses.
#![allow(unsafe_code, reason = "reads lists that the system makes")]

use crate::audit::audit;
use crate::oserror::{self, errno, sys};
use crate::socket::address::{self, Address};
use crate::socket::{gai_error, herror, os_text};
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm, pyfunction};
use std::ffi::{CStr, CString};

/// One answer of `getaddrinfo`.
pub struct Entry {
    pub family: i32,
    pub kind: i32,
    pub proto: i32,
    pub canonical: Vec<u8>,
    pub address: Address,
}

/// Hints that ask for nothing.
pub fn no_hints() -> libc::addrinfo {
    // SAFETY: all fields are numbers or null pointers.
    unsafe { std::mem::zeroed() }
}

/// Asks the resolver with the GIL let go; the inner error is the resolver's.
pub fn lookup(vm: &mut Vm, host: Option<&CString>, service: Option<&CString>, hints: &libc::addrinfo) -> PyResult<Result<Vec<Entry>, i32>> {
    let mut list: *mut libc::addrinfo = std::ptr::null_mut();
    let h = host.map_or(std::ptr::null(), |c| c.as_ptr());
    let s = service.map_or(std::ptr::null(), |c| c.as_ptr());
    let code = vm.allow_threads(|| sys!(libc::getaddrinfo(h, s, hints, &raw mut list)));
    if code != 0 {
        return Ok(Err(code));
    }
    let mut entries = Vec::new();
    let mut at = list;
    // SAFETY: a list that the resolver made, ended by null; addresses fit the storage.
    while let Some(info) = unsafe { at.as_ref() } {
        let mut address = Address::empty();
        let len = (info.ai_addrlen as usize).min(size_of::<libc::sockaddr_storage>());
        // SAFETY: as above.
        unsafe { std::ptr::copy_nonoverlapping(info.ai_addr.cast::<u8>(), address.ptr_mut().cast::<u8>(), len) };
        address.len = len as libc::socklen_t;
        // SAFETY: null or a null-terminated string.
        let canonical = if info.ai_canonname.is_null() { Vec::new() } else { unsafe { CStr::from_ptr(info.ai_canonname) }.to_bytes().to_vec() };
        entries.push(Entry { family: info.ai_family, kind: info.ai_socktype, proto: info.ai_protocol, canonical, address });
        at = info.ai_next;
    }
    sys!(libc::freeaddrinfo(list));
    Ok(Ok(entries))
}

/// The addresses of a host and service: (family, type, proto, canonical name, address) for each.
#[pyfunction(sig = "(host, port, family=0, type=0, proto=0, flags=0)")]
pub fn getaddrinfo(host: &Value, port: &Value, family: i32, r#type: i32, proto: i32, flags: i32, vm: &mut Vm) -> PyResult {
    audit!(vm, "socket.getaddrinfo", host, port, family, r#type, proto)?;
    let name = if host.is_none() {
        None
    } else {
        if !host.is::<Str>() && !host.is::<Bytes>() {
            return Err(vm.type_error("getaddrinfo() argument 1 must be string or None"));
        }
        let bytes = address::host_bytes(vm, host)?;
        Some(CString::new(bytes).unwrap_or_default())
    };
    let service = if port.is_none() {
        None
    } else if let Some(s) = port.downcast::<Str>() {
        Some(CString::new(s.to_utf8(vm)?).map_err(|_| vm.value_error("embedded null character"))?)
    } else if let Some(b) = port.downcast::<Bytes>() {
        Some(CString::new(b.as_bytes()).map_err(|_| vm.value_error("embedded null byte"))?)
    } else if port.is::<krait_runtime::types::int::Int>() {
        let text = vm.str(port)?.to_string_lossy().into_owned();
        if vm.int_as_i128(port).and_then(|i| i64::try_from(i).ok()).is_none() {
            return Err(vm.overflow_error("Python int too large to convert to C long"));
        }
        Some(CString::new(text).unwrap_or_default())
    } else {
        return Err(os_text(vm, "Int or String expected"));
    };
    let mut hints = no_hints();
    (hints.ai_family, hints.ai_socktype, hints.ai_protocol, hints.ai_flags) = (family, r#type, proto, flags);
    let entries = match lookup(vm, name.as_ref(), service.as_ref(), &hints)? {
        Ok(entries) => entries,
        Err(libc::EAI_SYSTEM) => {
            let code = errno();
            return Err(oserror::os_error(vm, code));
        }
        Err(code) => return Err(gai_error(vm, code)),
    };
    let mut all = Vec::new();
    for e in entries {
        let shown = address::to_python(vm, &e.address)?;
        let canonical = crate::fspath::fsdecode(vm, &e.canonical)?.into_value();
        let item = vec![Value::from_i32(e.family), Value::from_i32(e.kind), Value::from_i32(e.proto), canonical, shown];
        all.push(vm.new_tuple(item)?.into_value());
    }
    Ok(vm.new_list(all)?.into_value())
}

/// Host and service of an address.
#[pyfunction(sig = "(sockaddr, flags, /)")]
pub fn getnameinfo(sockaddr: &Value, flags: i32, vm: &mut Vm) -> PyResult {
    audit!(vm, "socket.getnameinfo", sockaddr)?;
    let Some(t) = sockaddr.downcast::<Tuple>() else { return Err(vm.type_error("getnameinfo() argument 1 must be a tuple")) };
    let items = t.items().to_vec();
    let (Some(host), Some(port), true) = (items.first(), items.get(1), items.len() <= 4) else {
        return Err(vm.type_error("getnameinfo(): illegal sockaddr argument"));
    };
    let Some(host) = host.downcast::<Str>() else { return Err(vm.type_error("getnameinfo(): illegal sockaddr argument")) };
    let host = CString::new(host.to_utf8(vm)?).map_err(|_| vm.value_error("embedded null character"))?;
    if items.get(2).and_then(Value::as_small_int).is_some_and(|f| !(0..=0xf_ffff).contains(&f)) {
        return Err(vm.overflow_error("getnameinfo(): flowinfo must be 0-1048575."));
    }
    let port = vm.as_isize(port)?;
    let service = CString::new(port.to_string()).unwrap_or_default();
    let mut hints = no_hints();
    hints.ai_socktype = libc::SOCK_DGRAM;
    hints.ai_flags = libc::AI_NUMERICHOST;
    let entries = match lookup(vm, Some(&host), Some(&service), &hints)? {
        Ok(entries) => entries,
        Err(code) => return Err(gai_error(vm, code)),
    };
    let [entry] = entries.as_slice() else { return Err(os_text(vm, "sockaddr resolved to multiple addresses")) };
    if entry.family == libc::AF_INET && items.len() != 2 {
        return Err(os_text(vm, "IPv4 sockaddr must be 2 tuple"));
    }
    let (mut h, mut s) = ([0u8; 1025], [0u8; 32]);
    let address = entry.address;
    let code = vm.allow_threads(|| sys!(libc::getnameinfo(address.ptr(), address.len, h.as_mut_ptr().cast(), 1025, s.as_mut_ptr().cast(), 32, flags)));
    if code != 0 {
        return Err(gai_error(vm, code));
    }
    let text = |b: &[u8]| CStr::from_bytes_until_nul(b).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
    let pair = vec![crate::fspath::fsdecode(vm, &text(&h))?.into_value(), crate::fspath::fsdecode(vm, &text(&s))?.into_value()];
    Ok(vm.new_tuple(pair)?.into_value())
}

/// The IPv4 address of a host name.
#[pyfunction(sig = "(host, /)")]
pub fn gethostbyname(host: &Value, vm: &mut Vm) -> PyResult<String> {
    audit!(vm, "socket.gethostbyname", host)?;
    let name = address::host_bytes(vm, host)?;
    let a = address::resolve(vm, &name, libc::AF_INET)?;
    Ok(address::numeric_host(&a))
}

fn host_entry(vm: &mut Vm, name: &[u8], addresses: Vec<String>) -> PyResult {
    let mut list = Vec::new();
    for a in addresses {
        list.push(vm.new_str(&a)?.into_value());
    }
    let parts = vec![crate::fspath::fsdecode(vm, name)?.into_value(), vm.new_list(Vec::new())?.into_value(), vm.new_list(list)?.into_value()];
    Ok(vm.new_tuple(parts)?.into_value())
}

/// Name, aliases and IPv4 addresses of a host.
#[pyfunction(sig = "(host, /)")]
pub fn gethostbyname_ex(host: &Value, vm: &mut Vm) -> PyResult {
    audit!(vm, "socket.gethostbyname", host)?;
    let name = address::host_bytes(vm, host)?;
    let mut hints = no_hints();
    (hints.ai_family, hints.ai_socktype, hints.ai_flags) = (libc::AF_INET, libc::SOCK_STREAM, libc::AI_CANONNAME);
    let c = CString::new(name.clone()).unwrap_or_default();
    match lookup(vm, Some(&c), None, &hints)? {
        Ok(entries) => {
            let canonical = entries.first().map(|e| e.canonical.clone()).filter(|c| !c.is_empty()).unwrap_or(name);
            let addresses = entries.iter().map(|e| address::numeric_host(&e.address)).collect();
            host_entry(vm, &canonical, addresses)
        }
        Err(code) => Err(gai_error(vm, code)),
    }
}

/// Name, aliases and addresses of the host that has an address.
#[pyfunction(sig = "(host, /)")]
pub fn gethostbyaddr(host: &Value, vm: &mut Vm) -> PyResult {
    audit!(vm, "socket.gethostbyaddr", host)?;
    let name = address::host_bytes(vm, host)?;
    let a = address::resolve(vm, &name, libc::AF_UNSPEC)?;
    let mut h = [0u8; 1025];
    let code = vm.allow_threads(|| sys!(libc::getnameinfo(a.ptr(), a.len, h.as_mut_ptr().cast(), 1025, std::ptr::null_mut(), 0, libc::NI_NAMEREQD)));
    if code != 0 {
        return Err(herror(vm, 1, "Unknown host"));
    }
    let canonical = CStr::from_bytes_until_nul(&h).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
    host_entry(vm, &canonical, vec![address::numeric_host(&a)])
}

/// The name of this host.
#[pyfunction]
pub fn gethostname(vm: &mut Vm) -> PyResult {
    audit!(vm, "socket.gethostname")?;
    let mut buffer = [0u8; 1024];
    let result = sys!(libc::gethostname(buffer.as_mut_ptr().cast(), 1023));
    oserror::check(vm, result)?;
    let name = CStr::from_bytes_until_nul(&buffer).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
    Ok(crate::fspath::fsdecode(vm, &name)?.into_value())
}

fn c_text(vm: &mut Vm, text: String) -> PyResult<CString> {
    CString::new(text).map_err(|_| vm.value_error("embedded null character"))
}

/// The port of a service.
#[pyfunction(sig = "(servicename, protocolname=?, /)", text = "(servicename[, protocolname])")]
pub fn getservbyname(servicename: String, protocolname: Option<String>, vm: &mut Vm) -> PyResult<u16> {
    audit!(vm, "socket.getservbyname", servicename.as_str(), protocolname.as_deref().unwrap_or(""))?;
    let name = c_text(vm, servicename)?;
    let proto = match protocolname {
        Some(p) => Some(c_text(vm, p)?),
        None => None,
    };
    // SAFETY: null or the system's entry, read before the next call; the GIL is held.
    match unsafe { libc::getservbyname(name.as_ptr(), proto.as_ref().map_or(std::ptr::null(), |p| p.as_ptr())).as_ref() } {
        Some(entry) => Ok(u16::from_be(entry.s_port as u16)),
        None => Err(os_text(vm, "service/proto not found")),
    }
}

/// The service of a port.
#[pyfunction(sig = "(port, protocolname=?, /)", text = "(port[, protocolname])")]
pub fn getservbyport(port: i32, protocolname: Option<String>, vm: &mut Vm) -> PyResult<String> {
    audit!(vm, "socket.getservbyport", port, protocolname.as_deref().unwrap_or(""))?;
    let Ok(port) = u16::try_from(port) else { return Err(vm.overflow_error("getservbyport: port must be 0-65535.")) };
    let proto = match protocolname {
        Some(p) => Some(c_text(vm, p)?),
        None => None,
    };
    // SAFETY: as above.
    match unsafe { libc::getservbyport(i32::from(port.to_be()), proto.as_ref().map_or(std::ptr::null(), |p| p.as_ptr())).as_ref() } {
        // SAFETY: a null-terminated string.
        Some(entry) => Ok(unsafe { CStr::from_ptr(entry.s_name) }.to_string_lossy().into_owned()),
        None => Err(os_text(vm, "port/proto not found")),
    }
}

/// The number of a protocol.
#[pyfunction(sig = "(name, /)")]
pub fn getprotobyname(name: String, vm: &mut Vm) -> PyResult<i32> {
    let name = c_text(vm, name)?;
    // SAFETY: as above.
    match unsafe { libc::getprotobyname(name.as_ptr()).as_ref() } {
        Some(entry) => Ok(entry.p_proto),
        None => Err(os_text(vm, "protocol not found")),
    }
}

macro_rules! byte_orders {
    ($($(#[$doc:meta])* $name:ident: $t:ty, $c:literal, $f:ident;)*) => {$(
        $(#[$doc])*
        #[pyfunction(sig = "(integer, /)")]
        pub fn $name(integer: &Value, vm: &mut Vm) -> PyResult<$t> {
            let index = vm.index(integer)?;
            if vm.int_is_negative(&index) {
                return Err(vm.overflow_error("can't convert negative Python int to C ".to_owned() + $c));
            }
            match vm.int_as_i128(&index).map(<$t>::try_from) {
                Some(Ok(n)) => Ok(n.$f()),
                _ => Err(vm.overflow_error("Python int too large for C ".to_owned() + $c)),
            }
        }
    )*};
}
byte_orders! {
    /// A 16-bit int in the order of the network to that of the host.
    ntohs: u16, "uint16_t", to_be;
    /// A 16-bit int in the order of the host to that of the network.
    htons: u16, "uint16_t", to_be;
    /// A 32-bit int in the order of the network to that of the host.
    ntohl: u32, "uint32_t", to_be;
    /// A 32-bit int in the order of the host to that of the network.
    htonl: u32, "uint32_t", to_be;
}

unsafe extern "C" {
    fn inet_aton(text: *const libc::c_char, address: *mut libc::in_addr) -> libc::c_int;
    fn inet_pton(family: libc::c_int, text: *const libc::c_char, address: *mut libc::c_void) -> libc::c_int;
    fn inet_ntop(family: libc::c_int, address: *const libc::c_void, text: *mut libc::c_char, len: libc::socklen_t) -> *const libc::c_char;
}

/// The four bytes of an IPv4 address in text.
#[pyfunction(name = "inet_aton", sig = "(ip_addr, /)")]
pub fn inet_aton_(ip_addr: String, vm: &mut Vm) -> PyResult {
    let text = c_text(vm, ip_addr)?;
    let mut address = libc::in_addr { s_addr: 0 };
    if sys!(inet_aton(text.as_ptr(), &raw mut address)) == 0 {
        return Err(os_text(vm, "illegal IP address string passed to inet_aton"));
    }
    Ok(vm.new_bytes(&address.s_addr.to_ne_bytes())?.into_value())
}

/// The text of an IPv4 address in four bytes.
#[pyfunction(sig = "(packed_ip, /)")]
pub fn inet_ntoa(packed_ip: crate::fspath::Data, vm: &mut Vm) -> PyResult<String> {
    match <[u8; 4]>::try_from(&*packed_ip.0) {
        Ok(b) => Ok(std::net::Ipv4Addr::from(b).to_string()),
        Err(_) => Err(os_text(vm, "packed IP wrong length for inet_ntoa")),
    }
}

/// The bytes of an address in text.
#[pyfunction(name = "inet_pton", sig = "(af, ip, /)")]
pub fn inet_pton_(af: i32, ip: String, vm: &mut Vm) -> PyResult {
    let text = c_text(vm, ip)?;
    let mut packed = [0u8; 16];
    match sys!(inet_pton(af, text.as_ptr(), packed.as_mut_ptr().cast())) {
        -1 => {
            let code = errno();
            Err(oserror::os_error(vm, code))
        }
        0 => Err(os_text(vm, "illegal IP address string passed to inet_pton")),
        _ => {
            let len = if af == libc::AF_INET { 4 } else { 16 };
            Ok(vm.new_bytes(packed.get(..len).unwrap_or_default())?.into_value())
        }
    }
}

/// The text of an address in bytes.
#[pyfunction(name = "inet_ntop", sig = "(af, packed_ip, /)")]
pub fn inet_ntop_(af: i32, packed_ip: crate::fspath::Data, vm: &mut Vm) -> PyResult<String> {
    let want = match af {
        libc::AF_INET => 4,
        libc::AF_INET6 => 16,
        _ => return Err(vm.value_error(format!("unknown address family {af}"))),
    };
    if packed_ip.0.len() != want {
        return Err(vm.value_error("invalid length of packed IP address string"));
    }
    let mut text = [0u8; 64];
    if sys!(inet_ntop(af, packed_ip.0.as_ptr().cast(), text.as_mut_ptr().cast(), 64)).is_null() {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    Ok(CStr::from_bytes_until_nul(&text).map(|c| c.to_string_lossy().into_owned()).unwrap_or_default())
}

/// The number of a network interface.
#[pyfunction(sig = "(oname, /)")]
pub fn if_nametoindex(oname: &Value, vm: &mut Vm) -> PyResult<u32> {
    let name = crate::fspath::fs_bytes(vm, oname)?;
    match sys!(libc::if_nametoindex(name.as_ptr())) {
        0 => Err(os_text(vm, "no interface with this name")),
        n => Ok(n),
    }
}

/// The name of a network interface.
#[pyfunction(sig = "(if_index, /)")]
pub fn if_indextoname(if_index: u32, vm: &mut Vm) -> PyResult {
    let mut name = [0u8; 64];
    if sys!(libc::if_indextoname(if_index, name.as_mut_ptr().cast())).is_null() {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    let name = CStr::from_bytes_until_nul(&name).map(|c| c.to_bytes().to_vec()).unwrap_or_default();
    Ok(crate::fspath::fsdecode(vm, &name)?.into_value())
}

/// Numbers and names of the network interfaces.
#[pyfunction]
pub fn if_nameindex(vm: &mut Vm) -> PyResult {
    let list = sys!(libc::if_nameindex());
    if list.is_null() {
        let code = errno();
        return Err(oserror::os_error(vm, code));
    }
    let (mut found, mut at) = (Vec::new(), list);
    loop {
        // SAFETY: the list ends with an entry whose number is 0.
        let entry = unsafe { &*at };
        if entry.if_index == 0 || entry.if_name.is_null() {
            break;
        }
        // SAFETY: a null-terminated string.
        found.push((entry.if_index, unsafe { CStr::from_ptr(entry.if_name) }.to_bytes().to_vec()));
        // SAFETY: the list goes on.
        at = unsafe { at.add(1) };
    }
    sys!(libc::if_freenameindex(list));
    let mut items = Vec::new();
    for (number, name) in found {
        let pair = vec![vm.new_int(number)?, crate::fspath::fsdecode(vm, &name)?.into_value()];
        items.push(vm.new_tuple(pair)?.into_value());
    }
    Ok(vm.new_list(items)?.into_value())
}
