//! Where the harness keeps what outlives a run: the reference, library copies, the control's results.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::outcome::ModuleRecord;

/// The folder in the user's cache directory, made when it is not there.
pub fn root() -> Result<PathBuf> {
    let from_xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match from_xdg {
        Some(path) => path,
        None => {
            let home =
                std::env::var_os("HOME").context("neither XDG_CACHE_HOME nor HOME says where a cache may be kept")?;
            PathBuf::from(home).join(".cache")
        }
    };
    let root = base.join("krait");
    fs::create_dir_all(&root).with_context(|| format!("cannot make the cache folder {}", root.display()))?;
    root.canonicalize().with_context(|| format!("cannot open {}", root.display()))
}

/// A short name for something that should be made anew when any of `parts` changes.
pub fn fingerprint(parts: &[&str]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Changes whenever the file is replaced or rewritten.
pub fn file_stamp(path: &Path) -> Result<String> {
    let data = fs::metadata(path).with_context(|| format!("cannot open {}", path.display()))?;
    let modified = data.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    Ok(format!("{} {} {}", path.display(), data.len(), modified.as_nanos()))
}

/// Writes through a temporary file beside `path`, so that the old content survives a full disk.
/// What is not a regular file (a pipe, a device) is written in place.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let complaint = || format!("cannot write {}", path.display());
    if fs::metadata(path).is_ok_and(|data| !data.is_file()) {
        return fs::write(path, content).with_context(complaint);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder).with_context(complaint)?;
    let mut file = tempfile::Builder::new()
        .prefix(".writing-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .with_context(complaint)?;
    file.write_all(content).with_context(complaint)?;
    file.persist(path).map_err(|error| error.error).with_context(complaint)?;
    Ok(())
}

/// The control's records, by reference and worker version.
pub struct ControlCache {
    folder: PathBuf,
}

impl ControlCache {
    /// The cache for a reference whose `sys.version` and path are told by `identity`.
    pub fn open(root: &Path, version: &str, identity: &[&str]) -> Self {
        Self { folder: root.join("control").join(format!("{version}-{}", fingerprint(identity))) }
    }

    /// The module's record, if a complete one is there.
    pub fn load(&self, module: &str) -> Option<ModuleRecord> {
        let text = fs::read(self.file(module)).ok()?;
        serde_json::from_slice::<ModuleRecord>(&text).ok().filter(|record| record.module == module)
    }

    /// Keeps a complete record.
    pub fn store(&self, record: &ModuleRecord) -> Result<()> {
        write_json(&self.file(&record.module), record)
    }

    fn file(&self, module: &str) -> PathBuf {
        self.folder.join(format!("{module}.json"))
    }
}

/// Writes `value` as indented JSON, whole or not at all.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).context("a record has no JSON form")?;
    text.push(b'\n');
    write_whole(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let cache = ControlCache::open(folder.path(), "3.14.0", &["a"]);
        let record = ModuleRecord { module: "test_x".to_owned(), workers: 1, ..ModuleRecord::default() };
        cache.store(&record)?;
        assert_eq!(cache.load("test_x"), Some(record));
        assert_eq!(cache.load("test_y"), None);
        assert_eq!(ControlCache::open(folder.path(), "3.14.0", &["b"]).load("test_x"), None);
        Ok(())
    }

    #[test]
    fn a_device_is_written_in_place() {
        let error = write_whole(Path::new("/dev/full"), b"x").map_err(|error| format!("{error:#}"));
        assert_eq!(error, Err("cannot write /dev/full: No space left on device (os error 28)".to_owned()));
        assert!(Path::new("/dev/full").exists());
    }
}
