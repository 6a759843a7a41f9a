//! Frozen modules: what the interpreter holds itself of the library.
//!
//! Nothing is linked in: the code comes from the library's files (or, for the few that no file stands for, from a text here). It is that of
//! the file's `.pyc` but for the file name `<frozen NAME>`; where there is none, it is kept beside it in `__pycache__` under a name of its own.
//!
//! The import system and `zipimport` are essential and always come from here. The others do only where a test or `-X frozen_modules=on`
//! asks for it, as in a CPython that runs from its source folder: files of the library can then be changed and traced.

use super::marshal;
use crate::types::code::CodeObject;
use crate::types::dict::Dict;
use crate::types::str_::Str;
use crate::{Py, PyResult, Raised, Value, Vm};
use std::path::Path;

/// Where the code of a frozen module comes from.
enum Source {
    /// A file under the library's folder.
    File(&'static str),
    /// The text itself.
    Text(&'static str),
}

/// A frozen module.
pub(super) struct Frozen {
    pub name: &'static str,
    /// The module of the library that it is; with `<` in front, its package's `__init__`.
    pub origname: Option<&'static str>,
    pub is_package: bool,
    /// The name in `<frozen NAME>`.
    code_name: &'static str,
    source: Source,
    essential: bool,
}

const fn module(name: &'static str, file: &'static str) -> Frozen {
    Frozen { name, origname: Some(name), is_package: false, code_name: name, source: Source::File(file), essential: false }
}

const fn essential(name: &'static str, origname: &'static str, file: &'static str) -> Frozen {
    Frozen { name, origname: Some(origname), is_package: false, code_name: origname, source: Source::File(file), essential: true }
}

const fn alias(name: &'static str, origname: &'static str, is_package: bool, code_name: &'static str, source: Source) -> Frozen {
    Frozen { name, origname: Some(origname), is_package, code_name, source, essential: false }
}

static FROZEN: [Frozen; 28] = [
    essential("_frozen_importlib", "importlib._bootstrap", "importlib/_bootstrap.py"),
    essential("_frozen_importlib_external", "importlib._bootstrap_external", "importlib/_bootstrap_external.py"),
    essential("zipimport", "zipimport", "zipimport.py"),
    module("abc", "abc.py"),
    module("codecs", "codecs.py"),
    module("io", "io.py"),
    module("_collections_abc", "_collections_abc.py"),
    module("_sitebuiltins", "_sitebuiltins.py"),
    module("genericpath", "genericpath.py"),
    module("ntpath", "ntpath.py"),
    module("posixpath", "posixpath.py"),
    module("os", "os.py"),
    module("site", "site.py"),
    module("stat", "stat.py"),
    module("importlib.util", "importlib/util.py"),
    module("importlib.machinery", "importlib/machinery.py"),
    module("runpy", "runpy.py"),
    module("__hello__", "__hello__.py"),
    alias("__hello_alias__", "__hello__", false, "__hello__", Source::File("__hello__.py")),
    alias("__phello_alias__", "__hello__", true, "__hello__", Source::File("__hello__.py")),
    alias("__phello_alias__.spam", "__hello__", false, "__hello__", Source::File("__hello__.py")),
    alias("__phello__", "__phello__", true, "__phello__", Source::File("__phello__/__init__.py")),
    alias("__phello__.__init__", "<__phello__", false, "__phello__", Source::File("__phello__/__init__.py")),
    // Packages do not always install these two, which are empty.
    alias("__phello__.ham", "__phello__.ham", true, "__phello__.ham", Source::Text("")),
    alias("__phello__.ham.__init__", "<__phello__.ham", false, "__phello__.ham", Source::Text("")),
    alias("__phello__.ham.eggs", "__phello__.ham.eggs", false, "__phello__.ham.eggs", Source::Text("")),
    module("__phello__.spam", "__phello__/spam.py"),
    Frozen {
        name: "__hello_only__",
        origname: None,
        is_package: false,
        code_name: "frozen_only",
        source: Source::Text("initialized = True\nprint('Hello world!')\n"),
        essential: false,
    },
];

/// What may be the matter with a frozen module's name.
pub(super) enum Missing {
    Unknown,
    Disabled,
}

/// The names of all.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FROZEN.iter().map(|f| f.name)
}

/// The frozen module of that name, if such are used.
pub(super) fn find(vm: &Vm, name: &Str) -> Result<&'static Frozen, Missing> {
    let found = FROZEN.iter().find(|f| name.eq_str(f.name)).ok_or(Missing::Unknown)?;
    let enabled = match vm.interp.frozen_override.get() {
        0 => vm.config().frozen_modules,
        n => n > 0,
    };
    if enabled || found.essential { Ok(found) } else { Err(Missing::Disabled) }
}

/// ImportError for a name that is not frozen.
#[cold]
pub(super) fn error(vm: &mut Vm, name: &Py<Str>, missing: Missing) -> Raised {
    let shown = match vm.repr(name.as_value()) {
        Ok(shown) => shown.to_string_lossy().into_owned(),
        Err(e) => return e,
    };
    let text = match missing {
        Missing::Unknown => format!("No such frozen object named {shown}"),
        Missing::Disabled => format!("Frozen modules are disabled and the frozen object named {shown} is not essential"),
    };
    named_error(vm, name, &text)
}

/// ImportError with the name of a module.
#[cold]
pub(super) fn named_error(vm: &mut Vm, name: &Py<Str>, text: &str) -> Raised {
    let raised = vm.raise::<crate::types::exceptions::ImportError>(text);
    match vm.setattr(raised.exception().as_value(), n!(name), name.as_value()) {
        Ok(()) => raised,
        Err(e) => e,
    }
}

impl Frozen {
    /// The module's code.
    pub(super) fn code(&self, vm: &mut Vm) -> PyResult {
        let filename = format!("<frozen {}>", self.code_name);
        match self.source {
            Source::File(file) => library_code(vm, file, &filename),
            Source::Text(text) => compile(vm, text, &filename),
        }
    }
}

/// Runs a frozen module and puts it into `sys.modules` (`PyImport_ImportFrozenModuleObject`). What FrozenImporter gives a module has yet to come.
pub(super) fn import(vm: &mut Vm, frozen: &Frozen) -> PyResult {
    let code = frozen.code(vm)?;
    let Some(code) = code.downcast::<CodeObject>().cloned() else {
        let text = format!("frozen object '{}' is not a code object", frozen.name);
        return Err(vm.type_error(text));
    };
    let dict = vm.new_dict()?;
    let module = crate::types::module::Module { dict: crate::GilCell::new(Some(dict.clone())), def: None };
    let module = vm.new_object(module)?.into_value();
    begin(vm, frozen, &dict)?;
    super::add_module(vm, frozen.name, &module)?;
    vm.run_code(&code, &dict, None)?;
    Ok(module)
}

/// The names that are there before the code runs; FrozenImporter asks for `__origname__`.
fn begin(vm: &mut Vm, frozen: &Frozen, dict: &Py<Dict>) -> PyResult<()> {
    let name = vm.intern(frozen.name).into_value();
    dict.set_str(vm, n!(__name__), name)?;
    let origin = match frozen.origname {
        Some(origin) => vm.intern(origin).into_value(),
        None => Value::none(),
    };
    let key = vm.intern("__origname__");
    dict.set_str(vm, &key, origin)?;
    if frozen.is_package {
        let path = vm.new_list(Vec::new())?.into_value();
        dict.set_str(vm, n!(__path__), path)?;
    }
    let builtins = crate::builtins::frames::builtins(vm);
    dict.set_str(vm, n!(__builtins__), builtins)
}

fn compile(vm: &mut Vm, text: &str, filename: &str) -> PyResult {
    use crate::compile::{CompileRequest, Mode, compile_source};
    let request = CompileRequest { filename: filename.into(), mode: Mode::Exec, flags: 0, optimize: 0, feature_version: -1, from_file: false, encoding: None };
    compile_source(vm, text, request)
}

/// The code of a library file: out of its `.pyc` or the one that an earlier run left beside it, else compiled and left there.
fn library_code(vm: &mut Vm, file: &str, filename: &str) -> PyResult {
    let path = vm.config().stdlib.join(file);
    if let Some(code) = cached_code(vm, &path, filename) {
        return Ok(code);
    }
    let source = match std::fs::read(&path) {
        Ok(source) => source,
        Err(e) => {
            let text = format!("the standard library is not at {}: {file}: {e}", vm.config().stdlib.display());
            return Err(vm.runtime_error(text));
        }
    };
    let text = crate::compile::decode_source_file(vm, &source, &filename.into())?;
    let code = compile(vm, &text, filename)?;
    if let (Some(cache), false) = (cache_of(&path, "frozen.pyc"), vm.config().dont_write_bytecode) {
        write_cache(vm, &code, &cache, &path);
    }
    Ok(code)
}

/// The code of a source file out of a `.pyc` whose header matches the source's time and size (PEP 552).
fn cached_code(vm: &mut Vm, source: &Path, filename: &str) -> Option<Value> {
    let header = pyc_header(&std::fs::metadata(source).ok()?);
    ["pyc", "frozen.pyc"].into_iter().find_map(|ending| {
        let data = std::fs::read(cache_of(source, ending)?).ok()?;
        let body = data.strip_prefix(&header)?;
        marshal::loads_as(vm, body, filename).ok()
    })
}

/// `__pycache__/_bootstrap.cpython-314.` and the ending.
fn cache_of(path: &Path, ending: &str) -> Option<std::path::PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    Some(path.parent()?.join("__pycache__").join(format!("{stem}.cpython-314.{ending}")))
}

fn pyc_header(meta: &std::fs::Metadata) -> [u8; 16] {
    let mut header = [0; 16];
    header[..4].copy_from_slice(&krait_bytecode::opcode::MAGIC_TOKEN.to_le_bytes());
    let time = std::os::unix::fs::MetadataExt::mtime(meta) as u32;
    header[8..12].copy_from_slice(&time.to_le_bytes());
    header[12..].copy_from_slice(&(meta.len() as u32).to_le_bytes());
    header
}

/// Leaves a `.pyc`, atomically; failing to is nothing to be told of.
fn write_cache(vm: &mut Vm, code: &Value, cache: &Path, source: &Path) {
    let (Ok(body), Ok(meta), Some(folder)) = (marshal::dumps(vm, code, 5, true), std::fs::metadata(source), cache.parent()) else { return };
    let mut data = pyc_header(&meta).to_vec();
    data.extend(body);
    let temporary = cache.with_extension(format!("{}.tmp", std::process::id()));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&temporary, data)).and_then(|()| std::fs::rename(&temporary, cache));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
}
