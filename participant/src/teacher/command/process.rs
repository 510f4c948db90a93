//! One run of a command: started in a process group of its own, limited in time, memory and output, and gone at the
//! end with everything it started.

use std::{
    io::Read,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::CommandError;
use crate::config::CommandConfig;

/// How often a run is looked at.
const TICK: Duration = Duration::from_millis(10);
/// How long the output may stay open after the command and its group are gone.
const GRACE: Duration = Duration::from_secs(2);
/// Most bytes of standard error that are kept: its end.
const TAIL: usize = 2000;
/// Limits memory and core dumps, then becomes the command. `exec` keeps the process, so its group is the command's.
const WRAPPER: &str = r#"ulimit -c 0; ulimit -v "$1" || exit 125; shift; exec "$@""#;
/// Numeric libraries start a thread per core otherwise, in each of several runs at once.
const ONE_THREAD: [&str; 3] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"];

/// How a command ended, and what it had printed if all of that was read before.
type Ended = (ExitStatus, Option<Zeroizing<Vec<u8>>>);

/// Runs the command to its end and returns what it printed.
pub(super) fn run(
    words: &[String],
    folder: &Path,
    limits: &CommandConfig,
) -> Result<Zeroizing<Vec<u8>>, CommandError> {
    let program = words.first().cloned().unwrap_or_default();
    let refuse =
        |reason: std::io::Error| CommandError::Start { program: program.clone(), reason: reason.to_string() };
    let mut group = Group(start(words, folder, limits).map_err(refuse)?);
    let limit = limits.output_kib as usize * 1024;
    let output = read_aside(group.0.stdout.take(), move |pipe| head(pipe, limit)).map_err(refuse)?;
    let errors = read_aside(group.0.stderr.take(), tail).map_err(refuse)?;
    let (status, early) = attend(&mut group.0, &output, limit, limits)?;
    // Whatever the command started and left behind goes too, and with it the open ends of the pipes.
    drop(group);
    let bytes = early.or_else(|| output.recv_timeout(GRACE).ok());
    // First of all: a command that is cut off while it writes ends badly because of it.
    if bytes.as_ref().is_some_and(|bytes| bytes.len() > limit) {
        return Err(CommandError::TooMuch { limit });
    }
    if !status.success() {
        let bytes = errors.recv_timeout(GRACE).unwrap_or_default();
        let stderr = String::from_utf8_lossy(&bytes).trim().to_owned();
        return Err(CommandError::Failed { status: status.to_string(), stderr });
    }
    bytes.ok_or(CommandError::LeftOpen)
}

/// Process group of a run; dropping it kills every process in it.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", r#"kill -s KILL -- "$1""#, "sh", &group]).stdin(Stdio::null());
        // It fails where nobody is left, which is well.
        drop(kill.stdout(Stdio::null()).stderr(Stdio::null()).status());
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(words: &[String], folder: &Path, limits: &CommandConfig) -> std::io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    let kibibytes = u64::from(limits.memory_mib) * 1024;
    command.args(["-c", WRAPPER, "teacher", &kibibytes.to_string()]).args(words);
    command.current_dir(folder).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in ["PSEPHOS_INVITE", "PSEPHOS_TOKEN", "PSEPHOS_PARTICIPANT_HOME"] {
        command.env_remove(name);
    }
    for name in ONE_THREAD.into_iter().filter(|name| std::env::var_os(name).is_none()) {
        command.env(name, "1");
    }
    command.spawn()
}

/// Waits until the command ends; one that takes too long or writes too much is an error, and its group is dropped.
fn attend(
    child: &mut Child,
    output: &Receiver<Zeroizing<Vec<u8>>>,
    limit: usize,
    limits: &CommandConfig,
) -> Result<Ended, CommandError> {
    let begun = Instant::now();
    let mut early = None;
    loop {
        let waited = child.try_wait().map_err(|e| CommandError::Start {
            program: "waiting for it".to_owned(),
            reason: e.to_string(),
        })?;
        if let Some(status) = waited {
            return Ok((status, early));
        }
        if begun.elapsed() >= limits.timeout() {
            return Err(CommandError::TimedOut { seconds: limits.timeout_seconds });
        }
        match output.recv_timeout(TICK) {
            Ok(bytes) if bytes.len() > limit => return Err(CommandError::TooMuch { limit }),
            Ok(bytes) => early = Some(bytes),
            Err(RecvTimeoutError::Timeout) => {}
            // It closed its output, which was read, and still runs.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
        }
    }
}

/// Reads a pipe on a thread of its own; the thread ends with the pipe.
fn read_aside<P: Read + Send + 'static, T: Send + 'static>(
    pipe: Option<P>,
    read: impl FnOnce(P) -> T + Send + 'static,
) -> std::io::Result<Receiver<T>> {
    let pipe = pipe.ok_or_else(|| std::io::Error::other("its output is not connected"))?;
    let (sender, receiver) = sync_channel(1);
    std::thread::Builder::new().name("teacher-output".to_owned()).spawn(move || {
        // Nobody waits any more where the run was given up.
        drop(sender.send(read(pipe)));
    })?;
    Ok(receiver)
}

/// Reads up to one byte more than the limit; a pipe that breaks ends like one that closes.
fn head(pipe: impl Read, limit: usize) -> Zeroizing<Vec<u8>> {
    // Allocated once: growing would leave unwiped votes behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(limit + 1));
    drop(pipe.take(limit as u64 + 1).read_to_end(&mut bytes));
    bytes
}

/// Reads everything and keeps the end.
fn tail(mut pipe: impl Read) -> Vec<u8> {
    let (mut kept, mut piece) = (Vec::new(), [0_u8; 4096]);
    while let Ok(read) = pipe.read(&mut piece) {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(piece.get(..read).unwrap_or_default());
        let surplus = kept.len().saturating_sub(TAIL);
        kept.drain(..surplus);
    }
    kept
}
