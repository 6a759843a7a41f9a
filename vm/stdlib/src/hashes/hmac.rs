//! `_hmac`: keyed hashing (RFC 2104) over the native hashes.

use super::engine::Engine;
use super::{data, hex};
use krait_runtime::types::dict::Dict;
use krait_runtime::types::exceptions::{BaseException, ValueError};
use krait_runtime::types::str_::Str;
use krait_runtime::types::type_::PyType;
use krait_runtime::types::value::ValueExt;
use krait_runtime::{Args, GilCell, Py, PyResult, Raised, Value, Vm, pyclass, pyfunction, pymethods};

/// There is no hash of that name.
#[pyclass(module = "_hmac", base = ValueError, flags(BASETYPE))]
#[repr(C)]
pub struct UnknownHashError {
    pub base: ValueError,
}

impl From<BaseException> for UnknownHashError {
    fn from(base: BaseException) -> UnknownHashError {
        UnknownHashError { base: base.into() }
    }
}

#[pymethods]
impl UnknownHashError {
    #[new]
    #[allow(clippy::new_ret_no_self, reason = "Python's constructor")]
    fn new(cls: &Py<PyType>, args: Args<'_>, vm: &mut Vm) -> PyResult {
        krait_runtime::types::exceptions::new_of::<UnknownHashError>(vm, cls, args)
    }
}

/// Inner and outer hash, both begun with the key.
#[derive(Clone)]
struct Keyed {
    inner: Engine,
    outer: Engine,
}

impl Keyed {
    fn new(engine: Engine, key: &[u8]) -> Keyed {
        let size = engine.block_size();
        let mut block = if key.len() > size {
            let mut hash = engine.clone();
            hash.update(key);
            hash.digest(0)
        } else {
            key.to_vec()
        };
        block.resize(size, 0);
        let (mut inner, mut outer) = (engine.clone(), engine);
        inner.update(&block.iter().map(|b| b ^ 0x36).collect::<Vec<u8>>());
        outer.update(&block.iter().map(|b| b ^ 0x5c).collect::<Vec<u8>>());
        Keyed { inner, outer }
    }

    fn digest(&self) -> Vec<u8> {
        let mut outer = self.outer.clone();
        outer.update(&self.inner.digest(0));
        outer.digest(0)
    }
}

/// The hash that the name means.
fn engine(vm: &mut Vm, name: &Value) -> PyResult<Engine> {
    let found = name.downcast::<Str>().and_then(|n| {
        let given = n.to_string_lossy();
        let lower = given.to_lowercase();
        // All in one case.
        let known = *given == *lower || *given == *given.to_uppercase();
        let lower = lower.strip_suffix("_32").filter(|b| b.starts_with("blake2")).unwrap_or(&lower);
        Engine::new(lower).filter(|e| known && e.digest_size() > 0)
    });
    match found {
        Some(engine) => Ok(engine),
        None => Err(unknown(vm, name)),
    }
}

fn unknown(vm: &mut Vm, name: &Value) -> Raised {
    match vm.repr(name) {
        Ok(shown) => {
            let shown = shown.to_string_lossy().into_owned();
            vm.raise::<UnknownHashError>(&format!("unsupported hash type: {shown}"))
        }
        Err(e) => e,
    }
}

/// A message authentication code under way; new() makes one.
#[pyclass(name = "HMAC", module = "_hmac", flags(DISALLOW_INSTANTIATION), gc)]
pub struct Hmac {
    #[traverse(skip)]
    keyed: GilCell<Keyed>,
}

#[pymethods]
impl Hmac {
    /// Return a copy ("clone") of the HMAC object.
    #[method]
    fn copy(&self, vm: &mut Vm) -> PyResult<Py<Hmac>> {
        let keyed = self.keyed.load(vm);
        vm.new_object(Hmac { keyed: GilCell::new(keyed) })
    }

    /// Update the HMAC object with the given message.
    #[method(sig = "(msg)")]
    fn update(&self, msg: &Value, vm: &mut Vm) -> PyResult<()> {
        let bytes = data(vm, msg)?;
        self.keyed.get_mut(vm).inner.update(&bytes);
        Ok(())
    }

    /// Return the digest of the bytes passed to the update() method so far.
    #[method]
    fn digest(&self, vm: &mut Vm) -> PyResult {
        let digest = self.keyed.get(vm).digest();
        Ok(vm.new_bytes(&digest)?.into_value())
    }

    /// Return the digest as a string of hexadecimal digits, for text.
    #[method]
    fn hexdigest(&self, vm: &mut Vm) -> String {
        hex(&self.keyed.get(vm).digest())
    }

    #[getter]
    fn name(&self, vm: &mut Vm) -> String {
        format!("hmac-{}", self.keyed.get(vm).inner.name())
    }

    #[getter]
    fn block_size(&self, vm: &mut Vm) -> usize {
        self.keyed.get(vm).inner.block_size()
    }

    #[getter]
    fn digest_size(&self, vm: &mut Vm) -> usize {
        self.keyed.get(vm).inner.digest_size()
    }

    #[slot(repr)]
    fn repr(zelf: &Py<Hmac>, vm: &mut Vm) -> String {
        format!("<{} HMAC object @ {:#x}>", zelf.keyed.get(vm).inner.name(), zelf.as_value().id())
    }
}

/// Return a new HMAC object for the key, with the message hashed already if there is one.
#[pyfunction(sig = "(key, msg=None, digestmod=?)", text = "(key, msg=None, digestmod=None)")]
fn new(key: &Value, msg: Value, digestmod: Option<Value>, vm: &mut Vm) -> PyResult<Py<Hmac>> {
    let Some(digestmod) = digestmod else {
        return Err(vm.type_error("new() missing 1 required argument 'digestmod'"));
    };
    let engine = engine(vm, &digestmod)?;
    let key = data(vm, key)?;
    let mut keyed = Keyed::new(engine, &key);
    if !msg.is_none() {
        let bytes = data(vm, &msg)?;
        keyed.inner.update(&bytes);
    }
    vm.new_object(Hmac { keyed: GilCell::new(keyed) })
}

fn compute(vm: &mut Vm, key: &Value, msg: &Value, engine: Engine) -> PyResult {
    let (key, msg) = (data(vm, key)?, data(vm, msg)?);
    let mut keyed = Keyed::new(engine, &key);
    keyed.inner.update(&msg);
    Ok(vm.new_bytes(&keyed.digest())?.into_value())
}

/// Return the authentication code of the message in one go.
#[pyfunction(sig = "(key, msg, digest)")]
fn compute_digest(key: &Value, msg: &Value, digest: &Value, vm: &mut Vm) -> PyResult {
    let engine = engine(vm, digest)?;
    compute(vm, key, msg, engine)
}

macro_rules! computers {
    ($($function:ident $algorithm:tt;)*) => {$(
        /// Return the authentication code of the message under this hash.
        #[pyfunction(sig = "(key, msg, /)")]
        fn $function(key: &Value, msg: &Value, vm: &mut Vm) -> PyResult {
            let name = vm.new_str($algorithm)?.into_value();
            let engine = engine(vm, &name)?;
            compute(vm, key, msg, engine)
        }
    )*};
}

computers! {
    compute_md5 "md5";
    compute_sha1 "sha1";
    compute_sha224 "sha224";
    compute_sha256 "sha256";
    compute_sha384 "sha384";
    compute_sha512 "sha512";
    compute_sha3_224 "sha3_224";
    compute_sha3_256 "sha3_256";
    compute_sha3_384 "sha3_384";
    compute_sha3_512 "sha3_512";
    compute_blake2s_32 "blake2s_32";
    compute_blake2b_32 "blake2b_32";
}

fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    super::digests::minsize(vm, dict)
}

krait_runtime::module! {
    "_hmac",
    doc: "Keyed hashing for hmac.",
    functions: [new, compute_digest, compute_md5, compute_sha1, compute_sha224, compute_sha256, compute_sha384, compute_sha512, compute_sha3_224, compute_sha3_256, compute_sha3_384, compute_sha3_512, compute_blake2s_32, compute_blake2b_32],
    types: [Hmac, UnknownHashError],
    exec: init,
}
