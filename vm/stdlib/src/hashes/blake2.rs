//! `_blake2`: BLAKE2b and BLAKE2s (RFC 7693) with key, salt, person and tree parameters.

use super::engine::Engine;
use super::{hex, initial};
use krait_runtime::types::bytes::ByteView;
use krait_runtime::types::dict::Dict;
use krait_runtime::types::int::IntRef;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{GilCell, Py, PyResult, Value, Vm, pyclass, pymethods};

/// The int as an unsigned C type.
pub fn unsigned(vm: &mut Vm, value: &Value, c_type: &str) -> PyResult<u64> {
    let Some(int) = IntRef::new(value) else {
        let name = value.type_name();
        return Err(vm.type_error(format!("'{name}' object cannot be interpreted as an integer")));
    };
    if int.is_negative() {
        return Err(vm.value_error("Cannot convert negative int"));
    }
    match int.to_i128().and_then(|i| u64::try_from(i).ok()) {
        Some(n) => Ok(n),
        None => Err(vm.overflow_error(format!("Python int too large for C {c_type}"))),
    }
}

/// The sizes of one of the two.
struct Limits {
    name: &'static str,
    digest: usize,
    salt: usize,
    max_offset: u64,
}

/// The arguments, checked.
struct Params {
    digest_size: usize,
    key: Option<ByteView>,
    salt: Option<ByteView>,
    person: Option<ByteView>,
    fanout: u8,
    depth: u8,
    leaf_size: u32,
    node_offset: u64,
    node_depth: u8,
    inner_size: usize,
    last_node: bool,
}

/// The arguments as they come.
struct Given {
    digest_size: i32,
    key: Option<Value>,
    salt: Option<Value>,
    person: Option<Value>,
    fanout: i32,
    depth: i32,
    leaf_size: Option<Value>,
    node_offset: Option<Value>,
    node_depth: i32,
    inner_size: i32,
    last_node: bool,
}

fn bytes(vm: &mut Vm, value: Option<&Value>) -> PyResult<Option<ByteView>> {
    let view = value.map(|v| vm.byte_view_simple(v)).transpose()?;
    Ok(view.filter(|v| !v.is_empty()))
}

impl Given {
    fn check(self, vm: &mut Vm, limits: &Limits) -> PyResult<Params> {
        let Limits { name, digest, salt: salt_size, max_offset } = limits;
        let digest_size = match usize::try_from(self.digest_size) {
            Ok(n) if n >= 1 && n <= *digest => n,
            _ => {
                let got = self.digest_size;
                return Err(vm.value_error(format!("digest_size for {name} must be between 1 and {digest} bytes, here it is {got}")));
            }
        };
        let salt = bytes(vm, self.salt.as_ref())?;
        if salt.as_ref().is_some_and(|s| s.len() > *salt_size) {
            return Err(vm.value_error(format!("maximum salt length is {salt_size} bytes")));
        }
        let person = bytes(vm, self.person.as_ref())?;
        if person.as_ref().is_some_and(|s| s.len() > *salt_size) {
            return Err(vm.value_error(format!("maximum person length is {salt_size} bytes")));
        }
        let Ok(fanout) = u8::try_from(self.fanout) else {
            return Err(vm.value_error("fanout must be between 0 and 255"));
        };
        let depth = match u8::try_from(self.depth) {
            Ok(depth) if depth > 0 => depth,
            _ => return Err(vm.value_error("depth must be between 1 and 255")),
        };
        let leaf_size = self.leaf_size.map(|v| unsigned(vm, &v, "unsigned long")).transpose()?.unwrap_or(0);
        let Ok(leaf_size) = u32::try_from(leaf_size) else { return Err(vm.overflow_error("leaf_size is too large")) };
        let node_offset = self.node_offset.map(|v| unsigned(vm, &v, "unsigned long long")).transpose()?.unwrap_or(0);
        if node_offset > *max_offset {
            return Err(vm.overflow_error("node_offset is too large"));
        }
        let Ok(node_depth) = u8::try_from(self.node_depth) else {
            return Err(vm.value_error("node_depth must be between 0 and 255"));
        };
        let inner_size = match usize::try_from(self.inner_size) {
            Ok(n) if n <= *digest => n,
            _ => return Err(vm.value_error(format!("inner_size must be between 0 and is {digest}"))),
        };
        let key = bytes(vm, self.key.as_ref())?;
        if key.as_ref().is_some_and(|k| k.len() > *digest) {
            return Err(vm.value_error(format!("maximum key length is {digest} bytes")));
        }
        Ok(Params { digest_size, key, salt, person, fanout, depth, leaf_size, node_offset, node_depth, inner_size, last_node: self.last_node })
    }
}

macro_rules! blake2 {
    ($($ty:ident $pyname:tt $lib:ident $variant:ident $limits:ident ($name:tt $digest:tt $salt:tt $max_offset:expr) $signature:tt $doc:tt;)*) => {$(
        const $limits: Limits = Limits { name: $name, digest: $digest, salt: $salt, max_offset: $max_offset };

        #[doc = $doc]
        #[pyclass(name = $pyname, module = "_blake2", gc, text_signature = $signature)]
        pub struct $ty {
            #[traverse(skip)]
            engine: GilCell<Engine>,
        }

        #[pymethods]
        impl $ty {
            #[new(sig = "(data=?, *, digest_size=?, key=?, salt=?, person=?, fanout=1, depth=1, leaf_size=?, node_offset=?, node_depth=0, inner_size=0, last_node=False, usedforsecurity=True, string=?)")]
            #[allow(clippy::new_ret_no_self, clippy::too_many_arguments, reason = "Python's constructor")]
            fn new(
                cls: &Py<PyType>, data: Option<Value>, digest_size: Option<i32>, key: Option<Value>, salt: Option<Value>, person: Option<Value>, fanout: i32, depth: i32,
                leaf_size: Option<Value>, node_offset: Option<Value>, node_depth: i32, inner_size: i32, last_node: bool, usedforsecurity: bool, string: Option<Value>, vm: &mut Vm,
            ) -> PyResult<Py<$ty>> {
                let _ = usedforsecurity;
                let data = initial(vm, data, string)?;
                let given = Given { digest_size: digest_size.unwrap_or($digest), key, salt, person, fanout, depth, leaf_size, node_offset, node_depth, inner_size, last_node };
                let p = given.check(vm, &$limits)?;
                let mut params = $lib::Params::new();
                params.hash_length(p.digest_size).fanout(p.fanout).max_depth(p.depth).max_leaf_length(p.leaf_size).node_offset(p.node_offset);
                params.node_depth(p.node_depth).inner_hash_length(p.inner_size).last_node(p.last_node);
                if let Some(key) = &p.key {
                    params.key(key);
                }
                if let Some(salt) = &p.salt {
                    params.salt(salt);
                }
                if let Some(person) = &p.person {
                    params.personal(person);
                }
                let mut engine = Engine::$variant(Box::new(params.to_state()), p.digest_size);
                if let Some(data) = data {
                    engine.update(&data);
                }
                vm.new_instance(cls, $ty { engine: GilCell::new(engine) })
            }

            /// Return a copy of the hash object.
            #[method]
            fn copy(&self, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let engine = self.engine.load(vm);
                vm.new_object($ty { engine: GilCell::new(engine) })
            }

            /// Return the digest value as a bytes object.
            #[method]
            fn digest(&self, vm: &mut Vm) -> PyResult {
                let digest = self.engine.get(vm).digest(0);
                Ok(vm.new_bytes(&digest)?.into_value())
            }

            /// Return the digest value as a string of hexadecimal digits.
            #[method]
            fn hexdigest(&self, vm: &mut Vm) -> String {
                hex(&self.engine.get(vm).digest(0))
            }

            /// Update this hash object's state with the provided bytes-like object.
            #[method(sig = "(data, /)")]
            fn update(&self, data: &Value, vm: &mut Vm) -> PyResult<()> {
                let bytes = super::data(vm, data)?;
                self.engine.get_mut(vm).update(&bytes);
                Ok(())
            }

            #[getter]
            fn name(&self) -> &'static str {
                $pyname
            }

            #[getter]
            fn block_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).block_size()
            }

            #[getter]
            fn digest_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).digest_size()
            }

            #[classattr(name = "SALT_SIZE")]
            fn salt_size(_: &mut Vm) -> PyResult {
                Ok(Value::from_i32($salt))
            }

            #[classattr(name = "PERSON_SIZE")]
            fn person_size(_: &mut Vm) -> PyResult {
                Ok(Value::from_i32($salt))
            }

            #[classattr(name = "MAX_KEY_SIZE")]
            fn max_key_size(_: &mut Vm) -> PyResult {
                Ok(Value::from_i32($digest))
            }

            #[classattr(name = "MAX_DIGEST_SIZE")]
            fn max_digest_size(_: &mut Vm) -> PyResult {
                Ok(Value::from_i32($digest))
            }
        }
    )*};
}

blake2! {
    Blake2b "blake2b" blake2b_simd Blake2b LIMITS_B ("Blake2b" 64 16 u64::MAX)
        "(data=b'', *, digest_size=_blake2.blake2b.MAX_DIGEST_SIZE,\n        key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0,\n        node_offset=0, node_depth=0, inner_size=0, last_node=False,\n        usedforsecurity=True, string=None)"
        "Return a new BLAKE2b hash object.";
    Blake2s "blake2s" blake2s_simd Blake2s LIMITS_S ("Blake2s" 32 8 (1 << 48) - 1)
        "(data=b'', *, digest_size=_blake2.blake2s.MAX_DIGEST_SIZE,\n        key=b'', salt=b'', person=b'', fanout=1, depth=1, leaf_size=0,\n        node_offset=0, node_depth=0, inner_size=0, last_node=False,\n        usedforsecurity=True, string=None)"
        "Return a new BLAKE2s hash object.";
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    for (letter, limits) in [("B", LIMITS_B), ("S", LIMITS_S)] {
        for (name, size) in [("MAX_DIGEST_SIZE", limits.digest), ("MAX_KEY_SIZE", limits.digest), ("PERSON_SIZE", limits.salt), ("SALT_SIZE", limits.salt)] {
            let (key, size) = (vm.intern(&format!("BLAKE2{letter}_{name}")), vm.new_int(size)?);
            dict.set_str(vm, &key, size)?;
        }
    }
    super::digests::minsize(vm, dict)
}

krait_runtime::module! {
    "_blake2",
    doc: "The hashes BLAKE2b and BLAKE2s for hashlib.",
    functions: [],
    types: [Blake2b, Blake2s],
    exec: init,
}
