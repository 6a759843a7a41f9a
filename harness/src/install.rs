//! Installs a private CPython 3.14 from Debian's packages, without touching the system's own.
//!
//! apt downloads the packages (and checks their signatures) with lists and a cache of its own, off
//! the mirror that this machine's apt already uses; dpkg-deb unpacks them; patchelf points the
//! executable at the C library that came along. Everything happens in a folder beside the final
//! one, which is renamed at the very end: an interrupted installation never looks like a whole one.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// Debian suites that carry Python 3.14, the steadier one first.
const SUITES: [&str; 2] = ["forky", "sid"];

const PACKAGES: [&str; 20] = [
    "python3.14",
    "python3.14-minimal",
    "libpython3.14-minimal",
    "libpython3.14-stdlib",
    "libpython3.14-testsuite",
    "libc6",
    "libexpat1",
    "zlib1g",
    "libssl3t64",
    "libbz2-1.0",
    "libffi8",
    "liblzma5",
    "libncursesw6",
    "libreadline8t64",
    "libsqlite3-0",
    "libtinfo6",
    "libuuid1",
    "libzstd1",
    "libdb5.3t64",
    "libgcc-s1",
];

/// Fetched as well where patchelf is not installed; they stay out of the reference.
const PATCHELF_PACKAGES: [&str; 2] = ["patchelf", "libstdc++6"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const SMOKE_TEST: &str = "import test.support, ssl, sqlite3, ctypes, zlib, lzma, bz2";

/// Shares of the progress bar, in percent, at which the steps begin.
const DOWNLOAD_AT: u64 = 15;
const UNPACK_AT: u64 = 75;
const FINISH_AT: u64 = 95;

/// The interpreter of a private copy in `home`.
pub fn executable(home: &Path) -> PathBuf {
    home.join("usr/bin/python3.14")
}

/// Makes `home` a complete installation, replacing what may be there.
pub fn install(home: &Path) -> Result<()> {
    let parent = home.parent().context("the cache has no folder")?;
    let lock_path = parent.join("reference.lock");
    let lock = File::create(&lock_path).with_context(|| format!("cannot write {}", lock_path.display()))?;
    lock.lock().with_context(|| format!("cannot lock {}", lock_path.display()))?;
    if works(&executable(home)) {
        // Another run has installed it while this one waited for the lock.
        return Ok(());
    }
    remove_leftovers(parent);
    let work =
        tempfile::Builder::new().prefix("reference.partial-").tempdir_in(parent).context("cannot write the cache")?;
    let bar = progress_bar();
    let outcome = build(work.path(), home, &bar);
    bar.finish_and_clear();
    let built = outcome?;
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("cannot replace {}", home.display()))?;
    }
    fs::rename(built, home).with_context(|| format!("cannot write {}", home.display()))?;
    if !works(&executable(home)) {
        bail!("the private CPython 3.14 was installed but does not start");
    }
    Ok(())
}

fn build(work: &Path, home: &Path, bar: &ProgressBar) -> Result<PathBuf> {
    for tool in ["apt-get", "dpkg-deb"] {
        if find_tool(tool).is_none() {
            bail!("{tool} is not on PATH, and only Debian's packages are supported");
        }
    }
    let apt = Apt::prepare(work)?;
    bar.set_message("reading the package lists");
    apt.choose_suite()?;
    let patchelf = find_tool("patchelf");
    let extra: &[&str] = if patchelf.is_some() { &[] } else { &PATCHELF_PACKAGES };
    bar.set_position(DOWNLOAD_AT);
    bar.set_message("downloading");
    let debs = apt.download(&PACKAGES, "debs", bar)?;
    let tool_debs = apt.download(extra, "tools", bar)?;
    bar.set_position(UNPACK_AT);
    bar.set_message("unpacking");
    let root = work.join("root");
    let step = (FINISH_AT - UNPACK_AT) / debs.len().max(1) as u64;
    for deb in &debs {
        run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&root), "cannot unpack a package")?;
        bar.inc(step);
    }
    for deb in &tool_debs {
        run(Command::new("dpkg-deb").arg("-x").arg(deb).arg(work.join("tool-root")), "cannot unpack a package")?;
    }
    bar.set_position(FINISH_AT);
    bar.set_message("finishing");
    // A link into /etc, which is not part of this installation.
    let _ = fs::remove_file(root.join("usr/lib/python3.14/sitecustomize.py"));
    patch(&root, home, patchelf, &work.join("tool-root"))?;
    Ok(root)
}

/// Points the executable at the loader and the libraries that it will find in `home`.
fn patch(root: &Path, home: &Path, patchelf: Option<PathBuf>, tools: &Path) -> Result<()> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let libraries = root.join("usr/lib").join(&triplet);
    let loader = fs::read_dir(&libraries)
        .with_context(|| format!("the C library has no folder {triplet}"))?
        .flatten()
        .map(|entry| entry.file_name())
        .find(|name| name.to_string_lossy().starts_with("ld-linux"))
        .context("the C library came without its loader")?;
    let search_path = std::env::join_paths([libraries.clone(), tools.join("usr/lib").join(&triplet)]);
    let search_path = search_path.context("the cache's path has a colon in it")?;
    let patchelf = || match &patchelf {
        Some(path) => Command::new(path),
        None => {
            let mut command = Command::new(libraries.join(&loader));
            command.arg("--library-path").arg(&search_path).arg(tools.join("usr/bin/patchelf"));
            command
        }
    };
    let final_libraries = home.join("usr/lib").join(&triplet);
    // Two calls, in this order: patchelf 0.18 breaks the executable otherwise. And DT_RPATH, not
    // DT_RUNPATH: the extension modules inherit it from the executable.
    let mut command = patchelf();
    command.arg("--force-rpath").arg("--set-rpath").arg(&final_libraries).arg(executable(root));
    run(&mut command, "patchelf failed")?;
    let mut command = patchelf();
    command.arg("--set-interpreter").arg(final_libraries.join(&loader)).arg(executable(root));
    run(&mut command, "patchelf failed")?;
    let mut test = Command::new(libraries.join(&loader));
    test.arg("--library-path").arg(&libraries).arg(executable(root)).args(["-B", "-c", SMOKE_TEST]);
    test.env("PYTHONHOME", root.join("usr"));
    run(&mut test, "the downloaded CPython 3.14 does not start")
}

/// apt with lists, cache and sources of its own.
struct Apt {
    work: PathBuf,
    mirrors: Vec<String>,
}

impl Apt {
    fn prepare(work: &Path) -> Result<Self> {
        for folder in ["sources", "lists/partial", "cache/archives/partial", "debs", "tools"] {
            fs::create_dir_all(work.join(folder)).context("cannot write the cache")?;
        }
        let mirrors = configured_mirrors()?;
        if mirrors.is_empty() {
            bail!("apt's configuration names no Debian mirror");
        }
        Ok(Self { work: work.to_owned(), mirrors })
    }

    fn command(&self) -> Command {
        let mut command = Command::new("apt-get");
        let option = |name: &str, folder: &str| format!("{name}={}", self.work.join(folder).display());
        command.arg("-q").args(["-o", "Dir::Etc::SourceList=/dev/null"]);
        for (name, folder) in
            [("Dir::Etc::SourceParts", "sources"), ("Dir::State::Lists", "lists"), ("Dir::Cache", "cache")]
        {
            command.arg("-o").arg(option(name, folder));
        }
        // The work folder may be closed to apt's own user.
        command.args(["-o", "APT::Sandbox::User=", "-o", "Acquire::Retries=3", "-o", "Acquire::Languages=none"]);
        command
    }

    /// Reads the lists of the first mirror and suite that have Python 3.14.
    fn choose_suite(&self) -> Result<()> {
        let mut trouble = None;
        for mirror in &self.mirrors {
            for suite in SUITES {
                let source =
                    format!("Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n");
                fs::write(self.work.join("sources/reference.sources"), source).context("cannot write the cache")?;
                let update =
                    run(self.command().args(["-o", "APT::Update::Error-Mode=any", "update"]), "apt-get update failed");
                match update.and_then(|()| self.uris(&["python3.14", "libpython3.14-testsuite"])) {
                    Ok(_) => return Ok(()),
                    Err(error) => trouble = trouble.or(Some(error)),
                }
            }
        }
        Err(trouble.unwrap_or_else(|| anyhow::anyhow!("no mirror has Python 3.14")))
    }

    /// Sizes of the packages' files.
    fn uris(&self, packages: &[&str]) -> Result<HashMap<String, u64>> {
        let output = self.command().args(["download", "--print-uris"]).args(packages).output();
        let output = output.context("cannot run apt-get")?;
        if !output.status.success() {
            bail!("no mirror has Python 3.14: {}", last_line(&output.stderr));
        }
        // 'URI' FILE SIZE HASH
        let text = String::from_utf8_lossy(&output.stdout);
        let sizes = text.lines().filter_map(|line| {
            let mut words = line.split(' ').skip(1);
            Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
        });
        Ok(sizes.collect())
    }

    /// Downloads packages into `folder` while the bar shows how far that is.
    fn download(&self, packages: &[&str], folder: &str, bar: &ProgressBar) -> Result<Vec<PathBuf>> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        let total: u64 = self.uris(packages)?.values().sum();
        let folder = self.work.join(folder);
        let log = self.work.join("download.log");
        let errors = File::create(&log).context("cannot write the cache")?;
        let mut child = self
            .command()
            .arg("download")
            .args(packages)
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .context("cannot run apt-get")?;
        while !ended(&mut child)? {
            let here = folder_size(&folder) + folder_size(&self.work.join("cache/archives/partial"));
            bar.set_position(DOWNLOAD_AT + (UNPACK_AT - DOWNLOAD_AT) * here.min(total) / total.max(1));
            bar.set_message(format!("downloading, {} of {} MB", here / 1_000_000, total / 1_000_000));
            thread::sleep(Duration::from_millis(100));
        }
        if !child.wait().context("cannot run apt-get")?.success() {
            bail!("apt-get download failed: {}", last_line(&fs::read(&log).unwrap_or_default()));
        }
        let mut debs: Vec<PathBuf> =
            fs::read_dir(&folder).context("cannot read the cache")?.flatten().map(|entry| entry.path()).collect();
        debs.retain(|path| path.extension() == Some(OsStr::new("deb")));
        if debs.len() != packages.len() {
            bail!("apt-get downloaded {} of {} packages", debs.len(), packages.len());
        }
        debs.sort();
        Ok(debs)
    }
}

fn ended(child: &mut Child) -> Result<bool> {
    Ok(child.try_wait().context("cannot run apt-get")?.is_some())
}

/// Mirrors of apt's own sources, those of security updates last: they carry no other suites.
fn configured_mirrors() -> Result<Vec<String>> {
    let output = Command::new("apt-config")
        .args(["shell", "LIST", "Dir::Etc::sourcelist/f", "PARTS", "Dir::Etc::sourceparts/d"])
        .output()
        .context("cannot run apt-config")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map(|quoted| PathBuf::from(quoted.trim_matches('\'')))
    };
    let mut files: Vec<PathBuf> = value("LIST").into_iter().collect();
    if let Some(entries) = value("PARTS").and_then(|folder| fs::read_dir(folder).ok()) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut mirrors = Vec::new();
    for file in files {
        let content = fs::read_to_string(&file).unwrap_or_default();
        let found = match file.extension().and_then(OsStr::to_str) {
            Some("sources") => mirrors_of_stanzas(&content),
            Some("list") => mirrors_of_lines(&content),
            _ => Vec::new(),
        };
        for mirror in found {
            if !mirrors.contains(&mirror) {
                mirrors.push(mirror);
            }
        }
    }
    mirrors.sort_by_key(|mirror| mirror.contains("security"));
    Ok(mirrors)
}

/// The `URIs:` fields of a deb822 file.
fn mirrors_of_stanzas(content: &str) -> Vec<String> {
    let fields = content.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("uris").then_some(value)
    });
    fields.flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// The addresses of `deb [options] URI suite component...` lines.
fn mirrors_of_lines(content: &str) -> Vec<String> {
    let lines = content.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let rest = if rest.starts_with('[') { rest.split_once(']')?.1 } else { rest };
        rest.split_whitespace().next()
    });
    lines.map(str::to_owned).collect()
}

fn works(python: &Path) -> bool {
    let mut command = Command::new(python);
    command.args(["-B", "-c", SMOKE_TEST]).env_remove("PYTHONHOME").env_remove("PYTHONPATH");
    python.is_file() && run(&mut command, "").is_ok()
}

fn run(command: &mut Command, complaint: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| complaint.to_owned())?;
    if !output.status.success() {
        let said = if output.stderr.is_empty() { &output.stdout } else { &output.stderr };
        bail!("{complaint}: {}", last_line(said));
    }
    Ok(())
}

fn last_line(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let errors = text.lines().find(|line| line.starts_with("E: "));
    errors.or(text.lines().last()).unwrap_or("it said nothing").trim_start_matches("E: ").to_owned()
}

fn find_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|tool| tool.is_file())
}

fn folder_size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
}

/// Folders of installations that were interrupted; the caller holds the lock.
fn remove_leftovers(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("reference.partial-") {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(100);
    if let Ok(style) = ProgressStyle::with_template("reference {bar:30} {percent:>3}% {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_sources_are_read() {
        let stanza = "Types: deb\n# URIs: x\nURIs: http://a.example/debian  http://b.example/debian\nSuites: x\n";
        assert_eq!(mirrors_of_stanzas(stanza), ["http://a.example/debian", "http://b.example/debian"]);
        let lines = "# deb http://no.example x main\ndeb-src http://no.example x\ndeb [arch=amd64 signed-by=/k] http://a.example/d x main\ndeb http://b.example x";
        assert_eq!(mirrors_of_lines(lines), ["http://a.example/d", "http://b.example"]);
    }
}
