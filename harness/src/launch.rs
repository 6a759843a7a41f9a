//! The hidden `__launch` command: puts a worker into its own session, under limits, and becomes it.
//!
//! It runs as a process of its own so that this crate needs no code between fork and exec. The
//! event pipe comes in as standard input, is moved to a high descriptor whose number replaces
//! `EVENT_FD` in the arguments, and standard input becomes `/dev/null`. Only soft limits are set:
//! tests look at the hard ones.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};
use rustix::io::FdFlags;
use rustix::process::{Resource, Rlimit, Signal};

/// Stands for the event descriptor's number in a worker's arguments.
pub const EVENT_FD: &str = "{event-fd}";

/// Descriptors from here on are out of the way of tests that count on low numbers.
const EVENT_FD_FLOOR: i32 = 150;

/// Largest file a worker may write.
const FILE_LIMIT: u64 = 4 << 30;

/// Becomes `command`; returns only when that cannot be done.
pub fn launch(memory: u64, command: &[OsString]) -> Result<()> {
    set_apart()?;
    let events =
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), EVENT_FD_FLOOR).context("no event descriptor")?;
    rustix::io::fcntl_setfd(&events, FdFlags::empty()).context("no event descriptor")?;
    let null = File::open("/dev/null").context("cannot open /dev/null")?;
    rustix::stdio::dup2_stdin(&null).context("cannot replace standard input")?;
    limit(memory)?;
    let number = OsString::from(events.as_raw_fd().to_string());
    let mut words = command.iter().map(|word| if word == EVENT_FD { &number } else { word });
    let program = words.next().context("no command to launch")?;
    let error = Command::new(program).args(words).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// Puts this process into a session of its own, which ends with the run.
pub fn set_apart() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).context("cannot tie the worker to the run")?;
    rustix::process::setsid().context("cannot start a session")?;
    Ok(())
}

/// Puts this process under the limits of a worker.
pub fn limit(memory: u64) -> Result<()> {
    for (resource, limit) in [(Resource::As, memory), (Resource::Fsize, FILE_LIMIT), (Resource::Core, 0)] {
        let hard = rustix::process::getrlimit(resource).maximum;
        let soft = hard.map_or(limit, |hard| hard.min(limit));
        rustix::process::setrlimit(resource, Rlimit { current: Some(soft), maximum: hard })
            .context("cannot set a limit")?;
    }
    Ok(())
}
