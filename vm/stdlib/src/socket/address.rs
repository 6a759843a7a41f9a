//! Socket addresses: Python's tuples, strings and bytes to the system's structures and back.
#![allow(unsafe_code, reason = "reads and writes the system's structures")]

use crate::oserror::sys;
use crate::socket::{gai_error, os_text};
use krait_runtime::types::bytearray::ByteArray;
use krait_runtime::types::bytes::Bytes;
use krait_runtime::types::str_::Str;
use krait_runtime::types::tuple::Tuple;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{PyResult, Value, Vm};
use std::ffi::{CStr, CString};

/// An address in the system's form.
#[derive(Clone, Copy)]
pub struct Address {
    pub storage: libc::sockaddr_storage,
    pub len: libc::socklen_t,
}

impl Address {
    /// Room for any address.
    pub fn empty() -> Address {
        // SAFETY: all fields are numbers.
        Address { storage: unsafe { std::mem::zeroed() }, len: size_of::<libc::sockaddr_storage>() as libc::socklen_t }
    }

    /// For system calls.
    pub fn ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    /// For system calls that fill it in.
    pub fn ptr_mut(&mut self) -> *mut libc::sockaddr {
        (&raw mut self.storage).cast()
    }

    fn of<T: Copy>(value: T, len: usize) -> Address {
        let mut a = Address::empty();
        // SAFETY: every kind of address fits the storage.
        unsafe { a.ptr_mut().cast::<T>().write(value) };
        a.len = len as libc::socklen_t;
        a
    }

    fn get<T: Copy>(&self) -> T {
        // SAFETY: every kind of address fits the storage and is made of numbers.
        unsafe { self.ptr().cast::<T>().read() }
    }
}

/// The name of a host: `str` (IDNA if it is not ASCII), `bytes` or `bytearray`; an empty one means any address.
pub fn host_bytes(vm: &mut Vm, host: &Value) -> PyResult<Vec<u8>> {
    if let Some(s) = host.downcast::<Str>() {
        let bytes = match s.as_ascii() {
            Some(a) => a.as_bytes().to_vec(),
            None => {
                let encoded = vm.encode_to_bytes(s, "idna", "strict")?;
                vm.bytes_of(&encoded)?
            }
        };
        if bytes.contains(&0) {
            return Err(vm.type_error("host name must not contain null character"));
        }
        return Ok(bytes);
    }
    if host.is::<Bytes>() || host.is::<ByteArray>() {
        let bytes = vm.bytes_of(host)?;
        if bytes.contains(&0) {
            return Err(vm.type_error("host name must not contain null character"));
        }
        return Ok(bytes);
    }
    let got = host.type_name();
    Err(vm.type_error(format!("str, bytes or bytearray expected, not {got}")))
}

/// The first address of a host name in a family.
pub fn resolve(vm: &mut Vm, host: &[u8], family: i32) -> PyResult<Address> {
    let mut hints = super::resolve::no_hints();
    hints.ai_family = family;
    let name = if host.is_empty() {
        hints.ai_socktype = libc::SOCK_DGRAM;
        hints.ai_flags = libc::AI_PASSIVE;
        None
    } else if host == b"<broadcast>" || host == b"255.255.255.255" {
        if family != libc::AF_INET && family != libc::AF_UNSPEC {
            return Err(os_text(vm, "address family mismatched"));
        }
        return Ok(inet(u32::from_be_bytes([255; 4]), 0));
    } else {
        if let Some(ip) = std::str::from_utf8(host).ok().and_then(|h| h.parse::<std::net::Ipv4Addr>().ok())
            && (family == libc::AF_INET || family == libc::AF_UNSPEC) {
                return Ok(inet(u32::from(ip), 0));
            }
        CString::new(host).ok()
    };
    let service = CString::new("0").unwrap_or_default();
    let port = if name.is_none() { Some(&service) } else { None };
    let found = super::resolve::lookup(vm, name.as_ref(), port, &hints)?;
    match found {
        Ok(list) => match list.first() {
            Some(entry) => Ok(entry.address),
            None => Err(gai_error(vm, libc::EAI_NONAME)),
        },
        Err(code) => Err(gai_error(vm, code)),
    }
}

fn inet(address: u32, port: u16) -> Address {
    let a = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: address.to_be() },
        sin_zero: [0; 8],
    };
    Address::of(a, size_of::<libc::sockaddr_in>())
}

fn port(vm: &mut Vm, caller: &str, value: &Value) -> PyResult<u16> {
    let index = vm.index(value)?;
    match vm.int_as_i128(&index).map(u16::try_from) {
        Some(Ok(p)) => Ok(p),
        _ => Err(vm.overflow_error(format!("{caller}(): port must be 0-65535."))),
    }
}

fn parts(vm: &mut Vm, caller: &str, family: &str, value: &Value) -> PyResult<Vec<Value>> {
    match value.downcast::<Tuple>() {
        Some(t) => Ok(t.items().to_vec()),
        None => {
            let got = value.type_name();
            Err(vm.type_error(format!("{caller}(): {family} address must be tuple, not {got}")))
        }
    }
}

/// Converts an address of a family; `caller` is named in errors.
pub fn from_python(vm: &mut Vm, family: i32, value: &Value, caller: &str) -> PyResult<Address> {
    match family {
        libc::AF_UNIX => unix(vm, value),
        libc::AF_INET => {
            let items = parts(vm, caller, "AF_INET", value)?;
            let [host, number] = items.as_slice() else { return Err(vm.type_error("AF_INET address must be a pair (host, port)")) };
            let host = host_bytes(vm, host)?;
            let number = port(vm, caller, number)?;
            let mut address: libc::sockaddr_in = resolve(vm, &host, libc::AF_INET)?.get();
            address.sin_family = libc::AF_INET as libc::sa_family_t;
            address.sin_port = number.to_be();
            Ok(Address::of(address, size_of::<libc::sockaddr_in>()))
        }
        libc::AF_INET6 => {
            let items = parts(vm, caller, "AF_INET6", value)?;
            let (Some(host), Some(number), true) = (items.first(), items.get(1), items.len() <= 4) else {
                return Err(vm.type_error("AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])"));
            };
            let host = host_bytes(vm, host)?;
            let number = port(vm, caller, number)?;
            let mut more = [0u32; 2];
            for (slot, item) in more.iter_mut().zip(items.iter().skip(2)) {
                let index = vm.index(item)?;
                *slot = vm.int_as_i128(&index).and_then(|i| u32::try_from(i).ok()).unwrap_or(u32::MAX);
            }
            let [flow, scope] = more;
            if flow > 0xf_ffff {
                return Err(vm.overflow_error(format!("{caller}(): flowinfo must be 0-1048575.")));
            }
            let mut address: libc::sockaddr_in6 = resolve(vm, &host, libc::AF_INET6)?.get();
            address.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            address.sin6_port = number.to_be();
            address.sin6_flowinfo = flow.to_be();
            if scope != 0 {
                address.sin6_scope_id = scope;
            }
            Ok(Address::of(address, size_of::<libc::sockaddr_in6>()))
        }
        _ => Err(os_text(vm, &format!("{caller}(): bad family"))),
    }
}

fn unix(vm: &mut Vm, value: &Value) -> PyResult<Address> {
    let path = match value.downcast::<Str>() {
        Some(s) => crate::fspath::fsencode(vm, s)?,
        None => vm.bytes_of(value)?,
    };
    // SAFETY: all fields are numbers.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let offset = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    let is_abstract = path.first() == Some(&0);
    if path.len() > address.sun_path.len() || (!is_abstract && path.len() == address.sun_path.len()) {
        return Err(os_text(vm, "AF_UNIX path too long"));
    }
    for (slot, b) in address.sun_path.iter_mut().zip(&path) {
        *slot = *b as libc::c_char;
    }
    let len = offset + path.len() + usize::from(!is_abstract);
    Ok(Address::of(address, len))
}

/// The numeric text of an address.
pub fn numeric_host(address: &Address) -> String {
    let mut host = [0u8; 1025];
    let result = sys!(libc::getnameinfo(address.ptr(), address.len, host.as_mut_ptr().cast(), 1025, std::ptr::null_mut(), 0, libc::NI_NUMERICHOST));
    if result != 0 {
        return String::new();
    }
    CStr::from_bytes_until_nul(&host).map(|c| c.to_string_lossy().into_owned()).unwrap_or_default()
}

/// An address as Python shows it; None if there is none.
pub fn to_python(vm: &mut Vm, address: &Address) -> PyResult {
    if address.len == 0 {
        return Ok(Value::none());
    }
    match i32::from(address.storage.ss_family) {
        libc::AF_INET => {
            let a: libc::sockaddr_in = address.get();
            let ip = std::net::Ipv4Addr::from(u32::from_be(a.sin_addr.s_addr)).to_string();
            let items = vec![vm.new_str(&ip)?.into_value(), vm.new_int(u16::from_be(a.sin_port))?];
            Ok(vm.new_tuple(items)?.into_value())
        }
        libc::AF_INET6 => {
            let a: libc::sockaddr_in6 = address.get();
            let host = numeric_host(address);
            let items = vec![
                vm.new_str(&host)?.into_value(),
                vm.new_int(u16::from_be(a.sin6_port))?,
                vm.new_int(u32::from_be(a.sin6_flowinfo))?,
                vm.new_int(a.sin6_scope_id)?,
            ];
            Ok(vm.new_tuple(items)?.into_value())
        }
        libc::AF_UNIX => {
            let a: libc::sockaddr_un = address.get();
            let offset = std::mem::offset_of!(libc::sockaddr_un, sun_path);
            let len = (address.len as usize).saturating_sub(offset).min(a.sun_path.len());
            let path: Vec<u8> = a.sun_path.iter().take(len).map(|&c| c as u8).collect();
            if path.first() == Some(&0) {
                return Ok(vm.new_bytes(&path)?.into_value());
            }
            let path: Vec<u8> = path.into_iter().take_while(|&b| b != 0).collect();
            Ok(crate::fspath::fsdecode(vm, &path)?.into_value())
        }
        family => {
            let bytes: Vec<u8> = (0..(address.len as usize).saturating_sub(2).min(26)).map(|i| {
                // SAFETY: within the storage.
                unsafe { *address.ptr().cast::<u8>().add(2 + i) }
            }).collect();
            let items = vec![Value::from_i32(family), vm.new_bytes(&bytes)?.into_value()];
            Ok(vm.new_tuple(items)?.into_value())
        }
    }
}
