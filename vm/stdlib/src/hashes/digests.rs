//! The types of `_md5`, `_sha1`, `_sha2` and `_sha3`.

use super::engine::Engine;
use super::{GIL_MINSIZE, data, hex, initial};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::type_::PyType;
use krait_runtime::{GilCell, Py, PyClass, PyResult, Value, Vm, pyclass, pyfunction, pymethods};

/// A hash with the data that the constructor got.
fn start(vm: &mut Vm, name: &str, data: Option<Value>, string: Option<Value>) -> PyResult<Engine> {
    let Some(mut engine) = Engine::new(name) else { return Err(vm.value_error(format!("unsupported hash type {name}"))) };
    if let Some(bytes) = initial(vm, data, string)? {
        engine.update(&bytes);
    }
    Ok(engine)
}

/// Types without a constructor, made by a function.
macro_rules! made_by_function {
    ($($ty:ident $module:tt $pyname:tt $function:ident $algorithm:tt $doc:tt;)*) => {$(
        #[doc = $doc]
        #[pyclass(name = $pyname, module = $module, flags(DISALLOW_INSTANTIATION), gc)]
        pub struct $ty {
            #[traverse(skip)]
            engine: GilCell<Engine>,
        }

        #[pymethods]
        impl $ty {
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
            #[method(sig = "(obj, /)")]
            fn update(&self, obj: &Value, vm: &mut Vm) -> PyResult<()> {
                let bytes = data(vm, obj)?;
                self.engine.get_mut(vm).update(&bytes);
                Ok(())
            }

            #[getter]
            fn block_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).block_size()
            }

            #[getter]
            fn name(&self, vm: &mut Vm) -> &'static str {
                self.engine.get(vm).name()
            }

            #[getter]
            fn digest_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).digest_size()
            }
        }

        #[doc = $doc]
        #[pyfunction(sig = "(data=?, *, usedforsecurity=True, string=?)", text = "(data=b'', *, usedforsecurity=True, string=None)")]
        fn $function(data: Option<Value>, usedforsecurity: bool, string: Option<Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
            let _ = usedforsecurity;
            let engine = start(vm, $algorithm, data, string)?;
            vm.new_object($ty { engine: GilCell::new(engine) })
        }
    )*};
}

made_by_function! {
    Md5Type "_md5" "md5" md5 "md5" "Return a new MD5 hash object, with the data hashed already if there are any.";
    Sha1Type "_sha1" "sha1" sha1 "sha1" "Return a new SHA1 hash object, with the data hashed already if there are any.";
    Sha224Type "_sha2" "SHA224Type" sha224 "sha224" "Return a new SHA-224 hash object, with the data hashed already if there are any.";
    Sha256Type "_sha2" "SHA256Type" sha256 "sha256" "Return a new SHA-256 hash object, with the data hashed already if there are any.";
    Sha384Type "_sha2" "SHA384Type" sha384 "sha384" "Return a new SHA-384 hash object, with the data hashed already if there are any.";
    Sha512Type "_sha2" "SHA512Type" sha512 "sha512" "Return a new SHA-512 hash object, with the data hashed already if there are any.";
}

/// The parts that the types of `_sha3` have in common.
macro_rules! sha3_common {
    ($ty:ident $part:ident $algorithm:tt $suffix:tt) => {
        #[pymethods(part = $part)]
        impl $ty {
            #[new(sig = "(data=?, *, usedforsecurity=True, string=?)")]
            #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
            fn new(cls: &Py<PyType>, data: Option<Value>, usedforsecurity: bool, string: Option<Value>, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let _ = usedforsecurity;
                let engine = start(vm, $algorithm, data, string)?;
                vm.new_instance(cls, $ty { engine: GilCell::new(engine) })
            }

            /// Return a copy of the hash object.
            #[method]
            fn copy(&self, vm: &mut Vm) -> PyResult<Py<$ty>> {
                let engine = self.engine.load(vm);
                vm.new_object($ty { engine: GilCell::new(engine) })
            }

            /// Update this hash object's state with the provided bytes-like object.
            #[method(sig = "(data, /)")]
            fn update(&self, data: &Value, vm: &mut Vm) -> PyResult<()> {
                let bytes = super::data(vm, data)?;
                self.engine.get_mut(vm).update(&bytes);
                Ok(())
            }

            #[getter]
            fn block_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).block_size()
            }

            #[getter]
            fn name(&self, vm: &mut Vm) -> &'static str {
                self.engine.get(vm).name()
            }

            #[getter]
            fn digest_size(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).digest_size()
            }

            #[getter(name = "_capacity_bits")]
            fn capacity_bits(&self, vm: &mut Vm) -> usize {
                1600 - self.engine.get(vm).block_size() * 8
            }

            #[getter(name = "_rate_bits")]
            fn rate_bits(&self, vm: &mut Vm) -> usize {
                self.engine.get(vm).block_size() * 8
            }

            #[getter(name = "_suffix")]
            fn suffix(&self, vm: &mut Vm) -> PyResult {
                Ok(vm.new_bytes(&[$suffix])?.into_value())
            }
        }
    };
}

macro_rules! sha3 {
    ($($ty:ident $part:ident $pyname:tt $doc:tt;)*) => {$(
        #[doc = $doc]
        #[pyclass(name = $pyname, module = "_sha3", gc)]
        pub struct $ty {
            #[traverse(skip)]
            engine: GilCell<Engine>,
        }

        sha3_common!($ty $part $pyname 6);

        #[pymethods(parts($part))]
        impl $ty {
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
        }
    )*};
}

sha3! {
    Sha3_224 C224 "sha3_224" "Return a new SHA3 hash object with a digest of 28 bytes.";
    Sha3_256 C256 "sha3_256" "Return a new SHA3 hash object with a digest of 32 bytes.";
    Sha3_384 C384 "sha3_384" "Return a new SHA3 hash object with a digest of 48 bytes.";
    Sha3_512 C512 "sha3_512" "Return a new SHA3 hash object with a digest of 64 bytes.";
}

/// The length that a SHAKE digest is to have.
fn length(vm: &mut Vm, value: &Value) -> PyResult<usize> {
    let length = super::blake2::unsigned(vm, value, "unsigned long")?;
    match usize::try_from(length) {
        Ok(n) if n < 1 << 29 => Ok(n),
        _ => Err(vm.value_error("length is too large")),
    }
}

macro_rules! shake {
    ($($ty:ident $part:ident $pyname:tt $doc:tt;)*) => {$(
        #[doc = $doc]
        #[pyclass(name = $pyname, module = "_sha3", gc)]
        pub struct $ty {
            #[traverse(skip)]
            engine: GilCell<Engine>,
        }

        sha3_common!($ty $part $pyname 0x1f);

        #[pymethods(parts($part))]
        impl $ty {
            /// Return the first bytes of the digest.
            #[method(sig = "(length)")]
            fn digest(&self, length: &Value, vm: &mut Vm) -> PyResult {
                let length = self::length(vm, length)?;
                let digest = self.engine.get(vm).digest(length);
                Ok(vm.new_bytes(&digest)?.into_value())
            }

            /// Return the first bytes of the digest as a string of hexadecimal digits.
            #[method(sig = "(length)")]
            fn hexdigest(&self, length: &Value, vm: &mut Vm) -> PyResult<String> {
                let length = self::length(vm, length)?;
                Ok(hex(&self.engine.get(vm).digest(length)))
            }
        }
    )*};
}

shake! {
    Shake128 K128 "shake_128" "Return a new SHAKE hash object of 128 bits of security.";
    Shake256 K256 "shake_256" "Return a new SHAKE hash object of 256 bits of security.";
}

fn type_as<T: PyClass>(vm: &mut Vm, dict: &Py<Dict>, name: &str) -> PyResult<()> {
    let key = vm.intern(name);
    let ty = T::static_type().ready(vm)?.to_value();
    dict.set_str(vm, &key, ty)?;
    minsize(vm, dict)
}

/// `_GIL_MINSIZE`.
pub fn minsize(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let key = vm.intern("_GIL_MINSIZE");
    dict.set_str(vm, &key, Value::from_i32(GIL_MINSIZE))
}

/// `_md5`.
pub mod md5_module {
    use super::*;
    fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
        type_as::<Md5Type>(vm, dict, "MD5Type")
    }
    krait_runtime::module! { "_md5", doc: "The MD5 hash for hashlib.", functions: [super::md5], types: [], exec: init }
}

/// `_sha1`.
pub mod sha1_module {
    use super::*;
    fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
        type_as::<Sha1Type>(vm, dict, "SHA1Type")
    }
    krait_runtime::module! { "_sha1", doc: "The SHA-1 hash for hashlib.", functions: [super::sha1], types: [], exec: init }
}

/// `_sha2`.
pub mod sha2_module {
    use super::*;
    krait_runtime::module! {
        "_sha2",
        doc: "The SHA-2 hashes for hashlib.",
        functions: [super::sha224, super::sha256, super::sha384, super::sha512],
        types: [Sha224Type, Sha256Type, Sha384Type, Sha512Type],
        exec: super::minsize,
    }
}

/// `_sha3`.
pub mod sha3_module {
    use super::*;
    fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
        let (key, value) = (vm.intern("implementation"), vm.new_str("RustCrypto")?.into_value());
        dict.set_str(vm, &key, value)?;
        minsize(vm, dict)
    }
    krait_runtime::module! {
        "_sha3",
        doc: "The SHA-3 hashes for hashlib.",
        functions: [],
        types: [Sha3_224, Sha3_256, Sha3_384, Sha3_512, Shake128, Shake256],
        exec: init,
    }
}
