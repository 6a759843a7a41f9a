//! Constants of `sys`: versions, flags, paths, streams' names.

use crate::types::dict::Dict;
use crate::types::structseq::{self, StructSeqDef};
use crate::{Py, PyResult, Value, Vm};

/// The version of Python that Krait is.
pub const VERSION: (i32, i32, i32) = (3, 14, 8);
/// `sys.hexversion`.
pub const HEXVERSION: i64 = 0x030e_08f0;

static VERSION_INFO: StructSeqDef = StructSeqDef {
    name: "sys.version_info",
    doc: "Version information as a named tuple.",
    fields: &[("major", "Major release number"), ("minor", "Minor release number"), ("micro", "Patch release number"), ("releaselevel", "'alpha', 'beta', 'candidate', or 'final'"), ("serial", "Serial release number")],
    in_sequence: 5,
};

static FLAGS: StructSeqDef = StructSeqDef {
    name: "sys.flags",
    doc: "Flags of the command line and of the environment.",
    fields: &[
        ("debug", "-d"), ("inspect", "-i"), ("interactive", "-i"), ("optimize", "-O or -OO"), ("dont_write_bytecode", "-B"), ("no_user_site", "-s"),
        ("no_site", "-S"), ("ignore_environment", "-E"), ("verbose", "-v"), ("bytes_warning", "-b"), ("quiet", "-q"), ("hash_randomization", "-R"),
        ("isolated", "-I"), ("dev_mode", "-X dev"), ("utf8_mode", "-X utf8"), ("warn_default_encoding", "-X warn_default_encoding"), ("safe_path", "-P"),
        ("int_max_str_digits", "-X int_max_str_digits"), ("gil", "-X gil"), ("thread_inherit_context", "-X thread_inherit_context"),
        ("context_aware_warnings", "-X context_aware_warnings"),
    ],
    in_sequence: 18,
};

static FLOAT_INFO: StructSeqDef = StructSeqDef {
    name: "sys.float_info",
    doc: "What floats can hold.",
    fields: &[
        ("max", "largest finite float"), ("max_exp", "largest binary exponent"), ("max_10_exp", "largest decimal exponent"), ("min", "smallest positive normalized float"),
        ("min_exp", "smallest binary exponent"), ("min_10_exp", "smallest decimal exponent"), ("dig", "decimal digits that survive"), ("mant_dig", "binary digits"),
        ("epsilon", "difference between 1 and the next float"), ("radix", "base of the exponent"), ("rounds", "rounding mode"),
    ],
    in_sequence: 11,
};

static INT_INFO: StructSeqDef = StructSeqDef {
    name: "sys.int_info",
    doc: "How ints are kept.",
    fields: &[("bits_per_digit", "bits of a digit"), ("sizeof_digit", "bytes of a digit"), ("default_max_str_digits", "limit of digits in conversions"), ("str_digits_check_threshold", "digits below which the limit is not looked at")],
    in_sequence: 4,
};

static HASH_INFO: StructSeqDef = StructSeqDef {
    name: "sys.hash_info",
    doc: "How hashes are computed.",
    fields: &[
        ("width", "bits of a hash"), ("modulus", "prime modulus of numbers' hashes"), ("inf", "hash of infinity"), ("nan", "unused"), ("imag", "factor of the imaginary part"),
        ("algorithm", "of strings"), ("hash_bits", "internal size"), ("seed_bits", "size of the key"), ("cutoff", "small string optimization"),
    ],
    in_sequence: 9,
};

static THREAD_INFO: StructSeqDef = StructSeqDef {
    name: "sys.thread_info",
    doc: "The implementation of threads.",
    fields: &[("name", "of the implementation"), ("lock", "how locks are made"), ("version", "of the library")],
    in_sequence: 3,
};

static ASYNCGEN_HOOKS: StructSeqDef = StructSeqDef {
    name: "sys.asyncgen_hooks",
    doc: "The hooks of asynchronous generators.",
    fields: &[("firstiter", "called at the first iteration"), ("finalizer", "called for finalization")],
    in_sequence: 2,
};

/// `sys.get_asyncgen_hooks()`.
pub(super) fn asyncgen_hooks(vm: &mut Vm, first: Value, last: Value) -> PyResult {
    structseq::new(vm, &ASYNCGEN_HOOKS, vec![first, last])
}

fn ints(vm: &mut Vm, values: &[i64]) -> PyResult<Vec<Value>> {
    values.iter().map(|&i| vm.new_int(i)).collect()
}

fn string(vm: &mut Vm, text: &str) -> PyResult {
    Ok(vm.new_str(text)?.into_value())
}

struct Setter<'a> {
    vm: &'a mut Vm,
    dict: &'a Py<Dict>,
}

impl Setter<'_> {
    fn set(&mut self, name: &str, value: Value) -> PyResult<()> {
        let name = self.vm.intern(name);
        self.dict.set_str(self.vm, &name, value)
    }
    fn text(&mut self, name: &str, text: &str) -> PyResult<()> {
        let value = string(self.vm, text)?;
        self.set(name, value)
    }
    fn int(&mut self, name: &str, i: i64) -> PyResult<()> {
        let value = self.vm.new_int(i)?;
        self.set(name, value)
    }
    fn fs_list(&mut self, name: &str, items: &[Vec<u8>]) -> PyResult<()> {
        let items = items.iter().map(|b| Ok(self.vm.new_str_fs(b)?.into_value())).collect::<PyResult<Vec<_>>>()?;
        let list = self.vm.new_list(items)?.into_value();
        self.set(name, list)
    }
}

pub(super) fn init(vm: &mut Vm, dict: &Py<Dict>) -> PyResult<()> {
    let config = vm.config();
    let mut s = Setter { vm, dict };
    let version = format!("{}.{}.{} (main) [krait {}]", VERSION.0, VERSION.1, VERSION.2, env!("CARGO_PKG_VERSION"));
    s.text("version", &version)?;
    s.int("hexversion", HEXVERSION)?;
    s.int("api_version", 1013)?;
    s.text("copyright", "Copyright (c) the Krait authors.")?;
    s.text("platform", std::env::consts::OS)?;
    s.text("byteorder", if cfg!(target_endian = "little") { "little" } else { "big" })?;
    s.int("maxsize", i64::MAX)?;
    s.int("maxunicode", 0x10ffff)?;
    s.text("platlibdir", "lib")?;
    s.text("float_repr_style", "short")?;
    let executable = std::os::unix::ffi::OsStrExt::as_bytes(config.executable.as_os_str());
    let executable = s.vm.new_str_fs(executable)?.into_value();
    s.set("executable", executable.clone())?;
    s.set("_base_executable", executable)?;
    for name in ["prefix", "exec_prefix", "base_prefix", "base_exec_prefix"] {
        s.text(name, &config.prefix.to_string_lossy())?;
    }
    s.text("_stdlib_dir", &config.stdlib.to_string_lossy())?;
    s.text("_framework", "")?;
    s.text("abiflags", "")?;
    s.fs_list("argv", &config.argv)?;
    s.fs_list("orig_argv", &config.orig_argv)?;
    s.fs_list("path", &config.path)?;
    let warnoptions: Vec<Vec<u8>> = config.warn_options.iter().map(|w| w.as_bytes().to_vec()).collect();
    s.fs_list("warnoptions", &warnoptions)?;
    s.set("dont_write_bytecode", Value::from_bool(config.dont_write_bytecode))?;
    let prefix = match &config.pycache_prefix {
        Some(p) => string(s.vm, p)?,
        None => Value::none(),
    };
    s.set("pycache_prefix", prefix)?;
    for name in ["meta_path", "path_hooks"] {
        let list = s.vm.new_list(Vec::new())?.into_value();
        s.set(name, list)?;
    }
    let cache = s.vm.new_dict()?.into_value();
    s.set("path_importer_cache", cache)?;
    set_tables(&mut s)?;
    set_implementation(&mut s)?;
    set_names(&mut s)
}

fn set_tables(s: &mut Setter<'_>) -> PyResult<()> {
    let config = s.vm.config();
    let flags = [
        i64::from(config.debug), config.inspect.into(), config.interactive.into(), config.optimize.into(), config.dont_write_bytecode.into(),
        config.no_user_site.into(), config.no_site.into(), config.ignore_environment.into(), config.verbose.into(), config.bytes_warning.into(),
        config.quiet.into(), i64::from(config.hash_seed != Some(0)), config.isolated.into(),
    ];
    let mut values = ints(s.vm, &flags)?;
    values.push(Value::from_bool(config.dev_mode));
    values.push(Value::from_i32(config.utf8_mode.into()));
    values.push(Value::from_i32(config.warn_default_encoding.into()));
    values.push(Value::from_bool(config.safe_path));
    values.extend(ints(s.vm, &[config.int_max_str_digits, 1, 0, 0])?);
    let value = structseq::new(s.vm, &FLAGS, values)?;
    s.set("flags", value)?;

    let values = version_values(s.vm)?;
    let value = structseq::new(s.vm, &VERSION_INFO, values)?;
    s.set("version_info", value)?;

    let values = vec![
        s.vm.new_float(f64::MAX)?, Value::from_i32(1024), Value::from_i32(308), s.vm.new_float(f64::MIN_POSITIVE)?, Value::from_i32(-1021),
        Value::from_i32(-307), Value::from_i32(15), Value::from_i32(53), s.vm.new_float(f64::EPSILON)?, Value::from_i32(2), Value::from_i32(1),
    ];
    let value = structseq::new(s.vm, &FLOAT_INFO, values)?;
    s.set("float_info", value)?;

    let values = ints(s.vm, &[30, 4, 4300, 640])?;
    let value = structseq::new(s.vm, &INT_INFO, values)?;
    s.set("int_info", value)?;

    let mut values = ints(s.vm, &[64, (1 << 61) - 1, 314_159, 0, 1_000_003])?;
    values.push(string(s.vm, "siphash13")?);
    values.extend(ints(s.vm, &[64, 128, 0])?);
    let value = structseq::new(s.vm, &HASH_INFO, values)?;
    s.set("hash_info", value)?;

    let values = vec![string(s.vm, "pthread")?, string(s.vm, "semaphore")?, Value::none()];
    let value = structseq::new(s.vm, &THREAD_INFO, values)?;
    s.set("thread_info", value)
}

fn version_values(vm: &mut Vm) -> PyResult<Vec<Value>> {
    Ok(vec![
        Value::from_i32(VERSION.0),
        Value::from_i32(VERSION.1),
        Value::from_i32(VERSION.2),
        string(vm, "final")?,
        Value::from_i32(0),
    ])
}

fn set_implementation(s: &mut Setter<'_>) -> PyResult<()> {
    let config = s.vm.config();
    let namespace = s.vm.new_dict()?;
    let mut n = Setter { vm: &mut *s.vm, dict: &namespace };
    n.text("name", &config.implementation)?;
    // The tag of .pyc files, which are shared with CPython.
    n.text("cache_tag", "cpython-314")?;
    let values = version_values(n.vm)?;
    let version = structseq::new(n.vm, &VERSION_INFO, values)?;
    n.set("version", version)?;
    n.int("hexversion", HEXVERSION)?;
    n.text("_multiarch", &format!("{}-linux-gnu", std::env::consts::ARCH))?;
    n.set("supports_isolated_interpreters", Value::from_bool(false))?;
    let value = crate::types::namespace::new(s.vm, &namespace)?;
    s.set("implementation", value)?;

    let options = s.vm.new_dict()?;
    for (name, value) in &config.xoptions {
        let key = s.vm.new_str(name)?;
        let value = match value {
            Some(v) => string(s.vm, v)?,
            None => Value::from_bool(true),
        };
        options.set_str(s.vm, &key, value)?;
    }
    s.set("_xoptions", options.into_value())?;
    let git = vec![string(s.vm, "krait")?, string(s.vm, "")?, string(s.vm, "")?];
    let git = s.vm.new_tuple(git)?.into_value();
    s.set("_git", git)
}

fn set_names(s: &mut Setter<'_>) -> PyResult<()> {
    let mut builtin: Vec<&str> = s.vm.interp.native_modules.get(s.vm).iter().map(|m| m.name).collect();
    builtin.sort_unstable();
    let names = builtin.iter().map(|n| string(s.vm, n)).collect::<PyResult<Vec<_>>>()?;
    let names = s.vm.new_tuple(names)?.into_value();
    s.set("builtin_module_names", names)?;
    let names = super::stdlib_names::STDLIB_MODULE_NAMES.iter().map(|n| s.vm.intern(n).into_value()).collect();
    let names = s.vm.new_frozenset_of(names)?;
    s.set("stdlib_module_names", names)
}
