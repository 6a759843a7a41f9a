//! One end of a persistent worker that is asked about sources: `worker/probe.py` on a Python, or this program's own `__probe`
//! with Krait's crates in process. Both speak frames of a length and bytes over a socket.
//!
//! A worker that dies or hangs costs the one question; the next one is put to another worker.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, Signal};

use crate::launch::EVENT_FD;
use crate::subject::Interpreter;
use crate::worker::{Output, cause_of, explain, set_environment};

/// The Python program of a worker.
pub const PROBE_SOURCE: &str = include_str!("../worker/probe.py");

/// Longest answer; what is longer is a broken worker.
const ANSWER_LIMIT: usize = 1 << 30;

/// What is asked about a source.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// `tokens`, `ast`, `errors`, `code`, `dis`.
    pub what: &'a str,
    /// A level of optimisation, -1 for none.
    pub number: i32,
    pub filename: &'a Path,
    pub source: &'a [u8],
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Said(Vec<u8>),
    /// The worker was gone or silent; why.
    Lost(String),
}

impl Question<'_> {
    fn frame(&self) -> Vec<u8> {
        use std::os::unix::ffi::OsStrExt;
        let mut body = format!("{}\n{}\n", self.what, self.number).into_bytes();
        body.extend_from_slice(self.filename.as_os_str().as_bytes());
        body.push(b'\n');
        body.extend_from_slice(self.source);
        frame(&body)
    }
}

/// A length and the bytes.
pub fn frame(body: &[u8]) -> Vec<u8> {
    let mut whole = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    whole.extend_from_slice(body);
    whole
}

/// The next frame; none at the end of the stream.
pub fn read_frame(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut size = [0; 4];
    match stream.read_exact(&mut size) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let size = u32::from_le_bytes(size) as usize;
    if size > ANSWER_LIMIT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; size];
    stream.read_exact(&mut body)?;
    Ok(Some(body))
}

/// How workers of one kind are started.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Name in reports.
    pub label: String,
    interpreter: Option<Interpreter>,
    memory: u64,
    /// The worker's folder, and for a Python its program there.
    scratch: PathBuf,
    program: &'static str,
}

impl Recipe {
    /// Workers of a Python; `scratch` holds their program under this name.
    pub fn python(label: &str, interpreter: Interpreter, memory: u64, scratch: &Path, program: &'static str) -> Self {
        Self { label: label.to_owned(), interpreter: Some(interpreter), memory, scratch: scratch.to_owned(), program }
    }

    /// Workers that are this program, with Krait's crates in process.
    pub fn library(label: &str, memory: u64, scratch: &Path) -> Self {
        Self { label: label.to_owned(), interpreter: None, memory, scratch: scratch.to_owned(), program: "" }
    }

    fn start(&self) -> Result<Worker> {
        let (ours, theirs) = UnixStream::pair().context("no socket")?;
        let (output_read, output_write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).context("no pipe")?;
        let mut command = Command::new("/proc/self/exe");
        let memory = self.memory.to_string();
        match &self.interpreter {
            Some(interpreter) => {
                command.args([OsStr::new("__launch"), OsStr::new(&memory), OsStr::new("--")]);
                command.args(&interpreter.command).arg("-B").arg(self.scratch.join(self.program)).arg(EVENT_FD);
                set_environment(&mut command, interpreter, &self.scratch);
            }
            None => drop(command.args(["__probe", &memory])),
        }
        command.current_dir(&self.scratch);
        command.stdin(OwnedFd::from(theirs)).stdout(output_write.try_clone().context("no pipe")?).stderr(output_write);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.label))?;
        drop(command);
        let output = Arc::new(Output::default());
        let drain = Arc::clone(&output);
        thread::spawn(move || drain.read_all(File::from(output_read)));
        Ok(Worker { child, stream: ours, output })
    }
}

struct Worker {
    child: Child,
    stream: UnixStream,
    output: Arc<Output>,
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The launcher makes the worker a session leader, so its id is the group's.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process_group(pid, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Worker {
    /// Why there is no answer; the worker ends.
    fn post_mortem(mut self, error: &io::Error, timeout: Duration) -> String {
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            return format!("no answer after {} s", timeout.as_secs());
        }
        let deadline = Instant::now() + Duration::from_secs(2);
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break Some(status),
                _ if Instant::now() > deadline => break None,
                _ => thread::sleep(Duration::from_millis(5)),
            }
        };
        thread::sleep(Duration::from_millis(20));
        let cause = status.map_or_else(|| "the worker closed its end".to_owned(), cause_of);
        explain(&cause, &self.output.tail())
    }
}

/// A worker that is started when first needed and again behind each death.
pub struct Probe {
    recipe: Recipe,
    timeout: Duration,
    worker: Option<Worker>,
    pending: Option<io::Result<()>>,
}

impl Probe {
    pub fn new(recipe: Recipe, timeout: Duration) -> Self {
        Self { recipe, timeout, worker: None, pending: None }
    }

    /// Puts a question; the answer is fetched with `receive`.
    pub fn send(&mut self, question: &Question<'_>) -> Result<()> {
        let worker = match &mut self.worker {
            Some(worker) => worker,
            empty => empty.insert(self.recipe.start()?),
        };
        worker.stream.set_read_timeout(Some(self.timeout)).context("no timeout")?;
        worker.stream.set_write_timeout(Some(self.timeout)).context("no timeout")?;
        self.pending = Some(worker.stream.write_all(&question.frame()));
        Ok(())
    }

    /// The answer to the question that was put last.
    pub fn receive(&mut self) -> Answer {
        let sent = self.pending.take().unwrap_or(Ok(()));
        let Some(worker) = &mut self.worker else { return Answer::Lost("nothing was asked".to_owned()) };
        let read = sent.and_then(|()| read_frame(&mut worker.stream));
        let error = match read {
            Ok(Some(body)) => return Answer::Said(body),
            Ok(None) => io::ErrorKind::UnexpectedEof.into(),
            Err(error) => error,
        };
        match self.worker.take() {
            Some(worker) => Answer::Lost(worker.post_mortem(&error, self.timeout)),
            None => Answer::Lost(error.to_string()),
        }
    }
}
