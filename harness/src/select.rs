//! Which test modules a run covers: names, globs, list files, or the list that comes built in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use globset::Glob;

use crate::reference::Reference;

/// What `harness run` runs when nothing is said.
const FIRST_LIST: &str = include_str!("../lists/first.txt");

/// Packages whose parts are modules of their own, as CPython's own runner has it.
const SPLIT_PACKAGES: [&str; 10] = [
    "test_asyncio",
    "test_concurrent_futures",
    "test_doctests",
    "test_future_stmt",
    "test_gdb",
    "test_inspect",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_spawn",
    "test_pydoc",
];

/// The modules that `words` and `lists` select, in their order, each once. `folder` holds modules
/// besides the reference's.
pub fn modules(
    words: &[String],
    lists: &[PathBuf],
    folder: Option<&Path>,
    reference: &Reference,
) -> Result<Vec<String>> {
    let mut wanted: Vec<String> = words.to_vec();
    for list in lists {
        let text = fs::read_to_string(list).with_context(|| format!("cannot read the list {}", list.display()))?;
        wanted.extend(names_in(&text));
    }
    if words.is_empty() && lists.is_empty() {
        wanted.extend(names_in(FIRST_LIST));
    }
    let mut known = all_modules(&reference.library.join("test"), "")?;
    if let Some(folder) = folder {
        known.extend(all_modules(folder, "")?);
    }
    let mut chosen = Vec::new();
    for word in wanted {
        let name = word.strip_prefix("test.").unwrap_or(&word);
        let found = expand(name, &known)?;
        if found.is_empty() {
            bail!("the reference has no test module {name}");
        }
        for module in found {
            if !chosen.contains(&module) {
                chosen.push(module);
            }
        }
    }
    Ok(chosen)
}

/// Names in a list file: one a line, `#` begins a comment.
fn names_in(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before).trim());
    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn expand(name: &str, known: &BTreeSet<String>) -> Result<Vec<String>> {
    if known.contains(name) {
        return Ok(vec![name.to_owned()]);
    }
    let glob = Glob::new(name).with_context(|| format!("{name} is not a pattern"))?.compile_matcher();
    let inside = format!("{name}.");
    Ok(known.iter().filter(|module| glob.is_match(module) || module.starts_with(&inside)).cloned().collect())
}

fn all_modules(folder: &Path, prefix: &str) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read the tests in {}", folder.display()))?;
    let mut found = BTreeSet::new();
    for entry in entries.flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.path().is_dir();
        let stem = if is_folder { Some(file.as_str()) } else { file.strip_suffix(".py") };
        let Some(stem) = stem.filter(|stem| stem.starts_with("test_")) else { continue };
        let name = format!("{prefix}{stem}");
        if is_folder && SPLIT_PACKAGES.contains(&name.as_str()) {
            found.extend(all_modules(&entry.path(), &format!("{name}."))?);
        } else {
            found.insert(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_globs_and_packages_expand() -> Result<()> {
        let known = ["test_a", "test_ab", "test_pydoc.test_x", "test_pydoc.test_y"].map(str::to_owned).into();
        assert_eq!(expand("test_a", &known)?, ["test_a"]);
        assert_eq!(expand("test_a*", &known)?, ["test_a", "test_ab"]);
        assert_eq!(expand("test_pydoc", &known)?, ["test_pydoc.test_x", "test_pydoc.test_y"]);
        assert!(expand("test_zz", &known)?.is_empty());
        assert!(expand("test_[", &known).is_err());
        Ok(())
    }

    #[test]
    fn lists_have_comments() {
        assert_eq!(names_in("# head\ntest_a\n\n test_b # why\n"), ["test_a", "test_b"]);
    }
}
