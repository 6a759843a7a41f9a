//! Where the standard library is.
//!
//! In this order: `--lib`, PYTHONHOME, `../lib/python3.14` beside the executable, the prefix of a `python3.14` on PATH, the reference in the user's
//! cache directory.

use std::path::{Path, PathBuf};

const FOLDER: &str = "lib/python3.14";

/// Prefix and library folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Library {
    pub prefix: PathBuf,
    pub stdlib: PathBuf,
}

impl Library {
    fn at_prefix(prefix: &Path) -> Option<Library> {
        Library::at_folder(&prefix.join(FOLDER))
    }

    fn at_folder(stdlib: &Path) -> Option<Library> {
        stdlib.join("importlib/_bootstrap.py").is_file().then(|| Library {
            prefix: stdlib.parent().and_then(Path::parent).unwrap_or(stdlib).to_path_buf(),
            stdlib: stdlib.to_path_buf(),
        })
    }
}

/// Finds the library. `lib` is `--lib`, `home` PYTHONHOME.
pub fn find(lib: Option<&Path>, home: Option<&Path>, executable: &Path) -> Result<Library, String> {
    if let Some(lib) = lib {
        return Library::at_folder(lib).ok_or_else(|| format!("--lib {}: no Python 3.14 library there", lib.display()));
    }
    if let Some(home) = home {
        return Library::at_prefix(home).ok_or_else(|| format!("PYTHONHOME={}: no {FOLDER} there", home.display()));
    }
    let beside = executable.parent().and_then(Path::parent).and_then(Library::at_prefix);
    beside.or_else(on_path).or_else(in_cache).ok_or_else(|| {
        "no Python 3.14 library found: give --lib DIR or PYTHONHOME, or install it with `harness reference`".to_owned()
    })
}

fn on_path() -> Option<Library> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).filter(|d| d.join("python3.14").is_file()).find_map(|d| Library::at_prefix(d.parent()?))
}

fn in_cache() -> Option<Library> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    Library::at_prefix(&cache.join("krait/reference/usr"))
}
