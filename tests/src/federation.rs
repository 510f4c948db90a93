//! A federation of real processes: one coordinator, and participants that only dial out.

mod follow;
mod kits;
mod member;
mod rounds;

use std::{
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, bail};
use protocol::{
    federation::{FederationConfig, TrusteePolicy},
    wire::{FederationView, Invite, RosterView},
};
use serde::de::DeserializeOwned;
use tempfile::TempDir;

pub use follow::Followed;
pub use member::Member;
pub use rounds::{Candidate, released};

use crate::{
    Api, Plan, Processes, Programs, Recorder, Service, data,
    processes::Finished,
    recorder::Exchange,
    wait::{PATIENCE, until},
};

/// How long a verification may take that recomputes every tally.
const LONGEST_VERIFICATION: Duration = Duration::from_secs(1800);

/// Printed result of `participant verify`.
#[derive(Debug)]
pub struct Verified {
    /// Its exit code.
    pub code: Option<i32>,
    /// One entry per check.
    pub checks: Vec<VerifiedCheck>,
}

impl Verified {
    /// Returns the names of the checks with this verdict.
    pub fn with(&self, verdict: &str) -> Vec<&str> {
        self.checks
            .iter()
            .filter(|check| check.verdict == verdict)
            .map(|check| check.check.as_str())
            .collect()
    }
}

/// A line of a verification.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct VerifiedCheck {
    /// Name of the check.
    pub check: String,
    /// What it found.
    pub verdict: String,
    /// What was looked at, or what is wrong.
    pub detail: String,
}

#[derive(serde::Deserialize)]
struct VerifiedReport {
    checks: Vec<VerifiedCheck>,
}

/// A federation that runs in a folder; dropping it kills every process it started.
#[derive(Debug)]
pub struct Federation {
    /// Folder of everything: data, homes, logs.
    pub folder: PathBuf,
    /// Everybody, in the order of enrolment; the first is the trustee.
    pub members: Vec<Member>,
    /// Client for what the programs would not send.
    pub api: Api,
    processes: Processes,
    programs: Programs,
    address: SocketAddr,
    serve: Vec<String>,
    /// Whether the coordinator speaks TLS.
    is_secure: bool,
    /// What every program logs; by default what it does by itself.
    log_filter: Option<String>,
    service: Option<Service>,
    recorder: Option<Recorder>,
    is_well: bool,
    // Last, so that the processes are gone before their folder.
    _temporary: Option<TempDir>,
}

impl Federation {
    /// Founds, enrols, approves and trains all that is planned, in a temporary folder; no agent runs yet.
    pub fn assemble(plan: &Plan) -> anyhow::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("psephos-story-").tempdir()?;
        let mut federation = Self::open(temporary.path(), &Programs::find()?, &Processes::default())?;
        federation._temporary = Some(temporary);
        federation.serve.clone_from(&plan.serve);
        if plan.is_recorded {
            federation.record()?;
        }
        federation.serve()?;
        federation.create(&plan.config)?;
        for number in 1..=plan.participants {
            let folder = federation.folder.join(format!("data-{number}"));
            let rows = data::rows(plan.classes(), plan.persons, 4, number as u64)?;
            data::write(&folder, &rows, plan.classes())?;
            let options = ["--poll-seconds", &plan.poll_seconds.to_string()].map(str::to_owned);
            let is_trustee = number <= usize::from(plan.config.trustees.count);
            federation.enrol(&format!("hospital-{number}"), &folder, plan.teachers, is_trustee, &options)?;
        }
        federation.approve_all()?;
        federation.approve_trustees(plan.config.trustees)?;
        for member in &federation.members {
            federation.train(member)?;
        }
        Ok(federation)
    }

    /// Assembles a federation, starts every agent and waits until the trustee's keys are proven.
    pub fn found(plan: &Plan) -> anyhow::Result<Self> {
        let mut federation = Self::assemble(plan)?;
        federation.start_agents()?;
        federation.wait_until_keyed()?;
        Ok(federation)
    }

    /// Prepares a federation in a folder that stays; nothing runs yet.
    pub fn open(folder: &Path, programs: &Programs, processes: &Processes) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder.join("logs"))?;
        let address = free_address()?;
        Ok(Self {
            folder: folder.to_owned(),
            members: Vec::new(),
            api: Api::new(&format!("http://{address}"))?,
            processes: processes.clone(),
            programs: programs.clone(),
            address,
            serve: Vec::new(),
            is_secure: false,
            log_filter: None,
            service: None,
            recorder: None,
            is_well: false,
            _temporary: None,
        })
    }

    /// Passes further options to `coordinator serve` from its next start on.
    pub fn serve_with(&mut self, options: &[&str]) {
        self.serve.extend(options.iter().map(|option| (*option).to_owned()));
    }

    /// Sends everything through a recorder from now on: both programs and the plain client.
    fn record(&mut self) -> anyhow::Result<()> {
        let recorder = Recorder::before(self.address)?;
        self.api = Api::new(&recorder.url())?;
        self.recorder = Some(recorder);
        // A story that keeps everything also wants everything logged.
        self.log_filter = Some("debug,sqlx=warn".to_owned());
        Ok(())
    }

    /// Returns what was sent so far in a recorded federation.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.recorder.as_ref().map(Recorder::exchanges).unwrap_or_default()
    }

    /// Returns the address that everybody dials, as a URL.
    pub fn url(&self) -> String {
        let scheme = if self.is_secure { "https" } else { "http" };
        let direct = || format!("{scheme}://{}", self.address);
        self.recorder.as_ref().map_or_else(direct, Recorder::url)
    }

    /// Returns the coordinator's socket address.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the coordinator's data folder.
    pub fn coordinator_home(&self) -> PathBuf {
        self.folder.join("coordinator")
    }

    /// Returns the coordinator's process, if it runs.
    pub const fn coordinator(&self) -> Option<Service> {
        self.service
    }

    /// Returns the table of processes.
    pub const fn processes(&self) -> &Processes {
        &self.processes
    }

    /// Returns the operator's bearer token.
    pub fn operator_token(&self) -> anyhow::Result<String> {
        let path = coordinator::home::operator_token_path(&self.coordinator_home());
        Ok(std::fs::read_to_string(&path).with_context(|| path.display().to_string())?.trim().to_owned())
    }

    /// Starts the coordinator, or starts it again on the same address, and waits until it answers.
    pub fn serve(&mut self) -> anyhow::Result<()> {
        let log = self.log("coordinator");
        let home = self.coordinator_home();
        let mut command = Command::new(&self.programs.coordinator);
        command
            .args(["serve", "--listen", &self.address.to_string()])
            .arg("--home")
            .arg(home)
            .args(&self.serve);
        let service = self.processes.start(self.logged(clean(&mut command)), &log)?;
        self.service = Some(service);
        until("the coordinator's first answer", PATIENCE, || match self.processes.ended(service)? {
            Some(status) => bail!("the coordinator ended with {status}:\n{}", tail(&log)),
            None => Ok(self.api.is_healthy().then_some(())),
        })
    }

    /// Makes a program log what this federation's programs log.
    fn logged<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.log_filter {
            Some(filter) => command.env("RUST_LOG", filter),
            None => command,
        }
    }

    /// Kills the coordinator at once, as a power cut would.
    pub fn kill_coordinator(&mut self) {
        if let Some(service) = self.service.take() {
            self.processes.kill(service);
        }
    }

    /// Kills the coordinator and starts it again on the same data.
    pub fn restart_coordinator(&mut self) -> anyhow::Result<()> {
        self.kill_coordinator();
        self.serve()
    }

    /// Runs one command of the operator.
    pub fn operate(&self, arguments: &[&str], longest: Duration) -> anyhow::Result<Finished> {
        let mut command = Command::new(&self.programs.coordinator);
        command.args(arguments).args(["--url", &self.url()]).arg("--home").arg(self.coordinator_home());
        self.processes.run(clean(&mut command), &self.folder, longest)
    }

    /// Runs one command of the operator with these arguments alone.
    pub fn operate_as_is(&self, arguments: &[&str]) -> anyhow::Result<Finished> {
        let mut command = Command::new(&self.programs.coordinator);
        self.processes.run(clean(command.args(arguments)), &self.folder, PATIENCE)
    }

    /// Runs one command of the operator and reads its facts.
    pub fn ask<T: DeserializeOwned>(&self, arguments: &[&str]) -> anyhow::Result<T> {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--format", "json"]).collect();
        self.operate(&arguments, PATIENCE)?.facts()
    }

    /// Runs one command of the program `participant`.
    pub fn participant(&self, arguments: &[&str], longest: Duration) -> anyhow::Result<Finished> {
        let mut command = Command::new(&self.programs.participant);
        self.processes.run(clean(command.args(arguments)), &self.folder, longest)
    }

    /// Starts a command of the program `participant` that goes on; its output goes to the log of that name.
    pub fn start_participant(&self, arguments: &[String], log: &str) -> anyhow::Result<Service> {
        let mut command = Command::new(&self.programs.participant);
        self.processes.start(clean(command.args(arguments)), &self.log(log))
    }

    /// Founds the federation from a config.
    pub fn create(&self, config: &FederationConfig) -> anyhow::Result<FederationView> {
        let path = self.folder.join("federation.toml");
        std::fs::write(&path, toml::to_string(config)?)?;
        self.ask(&["federation", "create", "--config", utf8(&path)?])
    }

    /// Returns the federation as it stands.
    pub fn view(&self) -> anyhow::Result<FederationView> {
        self.ask(&["federation", "show"])
    }

    /// Returns the roster as it stands.
    pub fn roster(&self) -> anyhow::Result<RosterView> {
        self.ask(&["roster", "show"])
    }

    /// Invites an institution and returns the file that holds the secret.
    pub fn invite(&self, name: &str, is_trustee: bool) -> anyhow::Result<PathBuf> {
        let mut arguments = vec!["invite", name];
        arguments.extend(is_trustee.then_some("--trustee"));
        let invite: Invite = self.ask(&arguments)?;
        let path = self.folder.join(format!("invite-{name}"));
        std::fs::write(&path, invite.invite)?;
        Ok(path)
    }

    /// Invites an institution, makes its home and enrols it.
    pub fn enrol(
        &mut self,
        name: &str,
        data: &Path,
        teachers: u32,
        is_trustee: bool,
        options: &[String],
    ) -> anyhow::Result<()> {
        let invite = self.invite(name, is_trustee)?;
        let member = Member::new(&self.folder, name);
        let (url, teachers) = (self.url(), teachers.to_string());
        let mut init = vec!["init", "--name", name, "--coordinator", &url, "--data", utf8(data)?];
        init.extend(["--teachers", &teachers]);
        init.extend(options.iter().map(String::as_str));
        self.member(&member, &init)?.success()?;
        self.member(&member, &["enroll", "--invite-file", utf8(&invite)?])?.success()?;
        self.members.push(member);
        Ok(())
    }

    /// Approves the roster as it stands, for every participant.
    pub fn approve_all(&self) -> anyhow::Result<()> {
        for member in &self.members {
            self.member(member, &["approve", "--yes"])?.success()?;
        }
        Ok(())
    }

    /// Approves, for every trustee, the others; a sole trustee has nobody to approve.
    pub fn approve_trustees(&self, policy: TrusteePolicy) -> anyhow::Result<()> {
        if policy.is_sole() {
            return Ok(());
        }
        for member in self.members.iter().take(usize::from(policy.count)) {
            self.member(member, &["trustee", "approve", "--yes"])?.success()?;
        }
        Ok(())
    }

    /// Exports the transcript with its ballots to a folder of that name.
    pub fn export(&self, name: &str) -> anyhow::Result<PathBuf> {
        let out = self.folder.join(name);
        let mut arguments = vec!["transcript", "export", "--out", utf8(&out)?];
        arguments.push("--with-ballots");
        self.operate(&arguments, PATIENCE)?.success()?;
        Ok(out)
    }

    /// Verifies an export, and returns the exit code and the verdicts by the checks' names.
    pub fn verify(&self, export: &Path, options: &[&str]) -> anyhow::Result<Verified> {
        let mut arguments = vec!["verify", utf8(export)?, "--format", "json"];
        arguments.extend(options);
        let finished = self.participant(&arguments, LONGEST_VERIFICATION)?;
        let report = serde_json::from_slice::<VerifiedReport>(&finished.stdout);
        let report = report.with_context(|| format!("{}: {}", finished.command, finished.stderr))?;
        Ok(Verified { code: finished.code, checks: report.checks })
    }

    /// Trains the teachers of one participant.
    pub fn train(&self, member: &Member) -> anyhow::Result<()> {
        self.member(member, &["train"])?.success()?;
        Ok(())
    }

    /// Starts every agent that does not run.
    pub fn start_agents(&mut self) -> anyhow::Result<()> {
        (0..self.members.len()).try_for_each(|index| self.start_agent(index))
    }

    /// Waits until the trustee's keys are published and proven by the known answer.
    pub fn wait_until_keyed(&self) -> anyhow::Result<()> {
        let waited = self.operate(&["federation", "show", "--wait"], PATIENCE)?;
        waited.success().map(drop)
    }

    /// Ends a story that went as it should: the logs are not shown, and none of them may tell of a bug.
    pub fn finish(mut self) -> anyhow::Result<()> {
        self.check_logs()?;
        self.is_well = true;
        Ok(())
    }

    /// Fails if a log tells of a bug.
    pub fn check_logs(&self) -> anyhow::Result<()> {
        for (name, text) in self.logs()? {
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                bail!("{name} hit a bug: {line}");
            }
        }
        Ok(())
    }

    /// Leaves it to the caller to explain a failure: no logs are shown when this is dropped.
    pub const fn keep_quiet(&mut self) {
        self.is_well = true;
    }

    /// Returns the path of a log.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// Returns every log with its name.
    pub fn logs(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut logs = Vec::new();
        for entry in std::fs::read_dir(self.folder.join("logs"))? {
            let entry = entry?;
            let text = String::from_utf8_lossy(&std::fs::read(entry.path())?).into_owned();
            logs.push((entry.file_name().to_string_lossy().into_owned(), text));
        }
        logs.sort();
        Ok(logs)
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        self.kill_coordinator();
        for member in &mut self.members {
            if let Some(agent) = member.agent.take() {
                self.processes.kill(agent);
            }
        }
        if self.is_well {
            return;
        }
        for (name, text) in self.logs().unwrap_or_default() {
            let mut out = std::io::stderr().lock();
            // Nowhere is left to report a closed standard error.
            drop(writeln!(out, "--- {name}\n{}", last_lines(&text)));
        }
    }
}

/// Removes what a person's environment could change.
fn clean(command: &mut Command) -> &mut Command {
    for name in ["COORDINATOR_HOME", "COORDINATOR", "TOKEN", "PARTICIPANT_HOME", "INVITE"] {
        command.env_remove(format!("PSEPHOS_{name}"));
    }
    command
}

/// Returns a path as text, for a command line.
pub fn utf8(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

fn tail(log: &Path) -> String {
    last_lines(&std::fs::read_to_string(log).unwrap_or_default())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
}

/// Finds a free loopback port below the ephemeral range, so that no outgoing connection takes it while the
/// coordinator is away between two starts.
fn free_address() -> anyhow::Result<SocketAddr> {
    for _ in 0..200 {
        let port = 15_000 + u16::try_from(getrandom::u32()? % 15_000)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port between 15000 and 30000 on 127.0.0.1")
}
