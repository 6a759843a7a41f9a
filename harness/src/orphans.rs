//! Processes that tests started in sessions of their own and left behind.
//!
//! Killing a worker's process group does not reach them. As a subreaper the harness becomes their
//! parent when theirs dies, and ends them when the run does.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal};

/// Makes orphans of the workers children of this process. Without that right they stay init's.
pub fn adopt() {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Kills every child of this process; the caller has no other left.
pub fn kill_all() {
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let Ok(entries) = fs::read_dir("/proc") else { return };
    for entry in entries.flatten() {
        let number = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        let Some(pid) = number.filter(|_| parent(&entry.path()) == Some(own)).and_then(Pid::from_raw) else { continue };
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
}

/// The parent in `/proc/PID/stat`; the name before it may hold blanks and parentheses.
fn parent(process: &Path) -> Option<i32> {
    let text = fs::read_to_string(process.join("stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_read_from_proc() {
        let own = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get());
        assert_eq!(parent(Path::new("/proc/self")), own);
    }
}
