//! Child processes: every one is in one table, and none outlives it.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;

use crate::wait;

/// How long a process may take to end by itself after a friendly signal.
const GRACE: Duration = Duration::from_secs(6);

/// Every process that was started; clones share the table, and the last one to go kills what is left.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    is_closed: bool,
    children: BTreeMap<u32, Child>,
}

/// A process that goes on until it is stopped; stopping it twice does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// Its process id.
    pub pid: u32,
}

impl Service {
    /// Returns the processor time that the process took so far, all threads together.
    pub fn cpu(self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // The name of the program stands in brackets and may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("no name")?;
        let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut ticks = || fields.next().context("no processor time")?.context("no number");
        let all = ticks()?.saturating_add(ticks()?);
        // Linux counts a hundred ticks in a second for every program that reads this file.
        Ok(Duration::from_millis(10 * all))
    }

    /// Returns the most memory that the process had so far, in MiB.
    pub fn peak_mib(self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).context("no VmHWM")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib / 1024)
    }
}

/// What a finished command left behind.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command in words.
    pub command: String,
    /// Its exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// What it printed as facts.
    pub stdout: Vec<u8>,
    /// What it printed besides.
    pub stderr: String,
}

impl Drop for Table {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        for child in inner.children.values_mut() {
            kill(child);
        }
    }
}

/// Kills and reaps; a process that ended before is fine.
fn kill(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}

impl Processes {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.table.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a process that goes on; its output is added to the file `log`.
    pub fn start(&self, command: &mut Command, log: &Path) -> anyhow::Result<Service> {
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        // The lock is held from the check to the entry, so that nothing slips through while all is stopped.
        let mut inner = self.lock();
        if inner.is_closed {
            bail!("stopped");
        }
        let child = command.spawn().with_context(|| format!("cannot start {}", words(command)))?;
        let pid = child.id();
        inner.children.insert(pid, child);
        Ok(Service { pid })
    }

    /// Runs a command to its end, at most `longest`; its output goes through files in `folder`.
    pub fn run(&self, command: &mut Command, folder: &Path, longest: Duration) -> anyhow::Result<Finished> {
        let (out, err) = (tempfile::tempfile_in(folder)?, tempfile::tempfile_in(folder)?);
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?);
        let service = {
            let mut inner = self.lock();
            if inner.is_closed {
                bail!("stopped");
            }
            let child = command.spawn().with_context(|| format!("cannot start {}", words(command)))?;
            let pid = child.id();
            inner.children.insert(pid, child);
            Service { pid }
        };
        let name = words(command);
        let ended = wait::until(&name, longest, || self.ended(service));
        if ended.is_err() {
            self.kill(service);
        }
        let code = ended?.code();
        let stderr = String::from_utf8_lossy(&read_back(err)?).into_owned();
        Ok(Finished { command: name, code, stdout: read_back(out)?, stderr })
    }

    /// Returns how a process ended, if it did; afterwards it is no longer in the table.
    pub fn ended(&self, service: Service) -> anyhow::Result<Option<ExitStatus>> {
        let mut inner = self.lock();
        let Some(child) = inner.children.get_mut(&service.pid) else {
            bail!("process {} was stopped", service.pid)
        };
        let status = child.try_wait()?;
        if status.is_some() {
            inner.children.remove(&service.pid);
        }
        Ok(status)
    }

    /// Returns whether a process still runs.
    pub fn is_running(&self, service: Service) -> bool {
        let mut inner = self.lock();
        inner.children.get_mut(&service.pid).is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Kills a process at once (SIGKILL) and waits until it is gone.
    pub fn kill(&self, service: Service) {
        let child = self.lock().children.remove(&service.pid);
        if let Some(mut child) = child {
            kill(&mut child);
        }
    }

    /// Sends a signal by name, such as `STOP` or `TERM`, to a process of this table.
    pub fn signal(&self, service: Service, name: &str) -> anyhow::Result<()> {
        let inner = self.lock();
        if !inner.children.contains_key(&service.pid) {
            bail!("process {} is gone, so no SIG{name} was sent", service.pid);
        }
        send(service.pid, name)
    }

    /// Starts nothing any more, asks everything to stop, and kills what does not.
    pub fn stop_all(&self) {
        let mut children = {
            let mut inner = self.lock();
            inner.is_closed = true;
            std::mem::take(&mut inner.children)
        };
        for pid in children.keys() {
            // A process that was stopped by a signal does not hear SIGTERM before SIGCONT.
            drop(send(*pid, "TERM").and_then(|()| send(*pid, "CONT")));
        }
        let began = Instant::now();
        while !children.is_empty() && began.elapsed() < GRACE {
            children.retain(|_, child| matches!(child.try_wait(), Ok(None)));
            std::thread::sleep(Duration::from_millis(10));
        }
        children.values_mut().for_each(kill);
    }
}

/// Sends a signal through the shell's `kill`, which is everywhere.
fn send(pid: u32, name: &str) -> anyhow::Result<()> {
    let script = format!("kill -{name} {pid}");
    let status = Command::new("sh").args(["-c", &script]).stderr(Stdio::null()).status()?;
    if !status.success() {
        bail!("{script} failed");
    }
    Ok(())
}

/// Returns every process of this machine whose command line mentions a folder.
pub fn processes_that_mention(folder: &Path) -> anyhow::Result<Vec<u32>> {
    let folder = folder.to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let entry = entry?;
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        // A process may end at any moment.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(&folder) {
            found.push(pid);
        }
    }
    Ok(found)
}

fn read_back(mut file: File) -> anyhow::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _};
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns a command as a person would type it, without the folder of the program.
fn words(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy().into_owned());
    std::iter::once(name).chain(arguments).collect::<Vec<_>>().join(" ")
}

impl Finished {
    /// Returns the facts as a value, or says how the command failed.
    pub fn facts<T: DeserializeOwned>(&self) -> anyhow::Result<T> {
        let facts = &self.success()?.stdout;
        serde_json::from_slice(facts).with_context(|| {
            format!(
                "`{}` printed something else than expected: {}",
                self.command,
                String::from_utf8_lossy(facts)
            )
        })
    }

    /// Returns this if the command succeeded, or says how it failed.
    pub fn success(&self) -> anyhow::Result<&Self> {
        if self.code != Some(0) {
            let code = self.code.map_or("a signal".to_owned(), |code| format!("exit code {code}"));
            bail!("`{}` ended with {code}: {}", self.command, self.stderr.trim());
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(processes: &Processes, log: &Path) -> Service {
        processes.start(Command::new("sleep").arg("1000"), log).unwrap()
    }

    fn exists(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[test]
    fn nothing_outlives_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let first = sleeper(&processes, &folder.path().join("log"));
        let second = sleeper(&processes, &folder.path().join("log"));
        processes.signal(second, "STOP").unwrap();
        assert!(exists(first.pid) && exists(second.pid));
        drop(processes);
        assert!(!exists(first.pid) && !exists(second.pid));
    }

    #[test]
    fn after_stopping_everything_nothing_starts_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let stopped = sleeper(&processes, &folder.path().join("log"));
        processes.signal(stopped, "STOP").unwrap();
        processes.stop_all();
        assert!(!exists(stopped.pid));
        let refused = processes.start(Command::new("sleep").arg("1000"), &folder.path().join("log"));
        assert_eq!(refused.unwrap_err().to_string(), "stopped");
    }

    #[test]
    fn a_command_that_fails_is_quoted_with_its_words() {
        let folder = tempfile::tempdir().unwrap();
        let processes = Processes::default();
        let script = "echo '{\"a\": 1}'; echo no >&2; exit 3";
        let finished =
            processes.run(Command::new("sh").args(["-c", script]), folder.path(), wait::PATIENCE).unwrap();
        assert_eq!(finished.code, Some(3));
        assert_eq!(
            finished.facts::<serde_json::Value>().unwrap_err().to_string(),
            format!("`sh -c {script}` ended with exit code 3: no")
        );
        assert_eq!(finished.stdout, b"{\"a\": 1}\n");
        let hung = processes.run(Command::new("sleep").arg("1000"), folder.path(), Duration::ZERO);
        assert!(hung.unwrap_err().to_string().contains("in vain"));
        assert!(processes.lock().children.is_empty());
    }
}
