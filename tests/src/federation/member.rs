//! One participant: its home, its agent, and what it keeps.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context as _;
use base::{identity::Identity, ids::ParticipantId};
use participant::{approval::Membership, config::Config, home::Home, identity};

use super::{Federation, clean, utf8};
use crate::{Service, processes::Finished};

/// How long one command of a participant may take; training is the longest.
const LONGEST: Duration = Duration::from_secs(1800);

/// A participant of a federation.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub name: String,
    /// Its home.
    pub home: Home,
    /// Its agent, while that runs.
    pub agent: Option<Service>,
}

impl Member {
    /// Returns a participant whose home lies in the federation's folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        Self { name: name.to_owned(), home: Home::at(folder.join(name)), agent: None }
    }

    /// Returns its number in the roster.
    pub fn id(&self) -> anyhow::Result<ParticipantId> {
        Ok(self.membership()?.participant)
    }

    /// Returns what enrolment fixed.
    pub fn membership(&self) -> anyhow::Result<Membership> {
        Membership::load(&self.home)?.with_context(|| format!("{} is not enrolled", self.name))
    }

    /// Returns its bearer token.
    pub fn token(&self) -> anyhow::Result<String> {
        let token =
            identity::load_token(&self.home)?.with_context(|| format!("{} has no token", self.name))?;
        Ok(token.expose().to_owned())
    }

    /// Returns its signing identity.
    pub fn identity(&self) -> anyhow::Result<Identity> {
        Ok(identity::load(&self.home)?)
    }

    /// Makes its agent dial another address from its next start on.
    pub fn dial(&self, url: &str) -> anyhow::Result<()> {
        let mut config = Config::load(&self.home)?;
        url.clone_into(&mut config.coordinator);
        Ok(std::fs::write(self.home.config(), config.to_toml()?)?)
    }

    /// Returns the files of its teachers, in order.
    pub fn teachers(&self) -> anyhow::Result<Vec<PathBuf>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(self.home.teachers())? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "safetensors") {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

impl Federation {
    /// Runs one command of a participant in its home.
    pub fn member(&self, member: &Member, arguments: &[&str]) -> anyhow::Result<Finished> {
        let home = utf8(member.home.root())?.to_owned();
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--home", &home]).collect();
        self.participant(&arguments, LONGEST)
    }

    /// Starts the agent of one participant, unless it runs.
    pub fn start_agent(&mut self, index: usize) -> anyhow::Result<()> {
        let member = self.members.get(index).context("no such participant")?;
        if member.agent.is_some() {
            return Ok(());
        }
        let mut command = Command::new(&self.programs.participant);
        command.arg("run").arg("--home").arg(member.home.root());
        let service = self.processes.start(self.logged(clean(&mut command)), &self.log(&member.name))?;
        if let Some(member) = self.members.get_mut(index) {
            member.agent = Some(service);
        }
        Ok(())
    }

    /// Kills the agent of one participant at once.
    pub fn kill_agent(&mut self, index: usize) {
        if let Some(service) = self.members.get_mut(index).and_then(|member| member.agent.take()) {
            self.processes.kill(service);
        }
    }

    /// Kills the agent of one participant and starts it again.
    pub fn restart_agent(&mut self, index: usize) -> anyhow::Result<()> {
        self.kill_agent(index);
        self.start_agent(index)
    }

    /// Halts the agent of one participant (SIGSTOP) without ending it.
    pub fn halt_agent(&self, index: usize) -> anyhow::Result<()> {
        self.processes.signal(self.agent(index)?, "STOP")
    }

    /// Wakes a halted agent.
    pub fn resume_agent(&self, index: usize) -> anyhow::Result<()> {
        self.processes.signal(self.agent(index)?, "CONT")
    }

    /// Returns the running agent of one participant.
    pub fn agent(&self, index: usize) -> anyhow::Result<Service> {
        let member = self.members.get(index).context("no such participant")?;
        member.agent.with_context(|| format!("no agent of {} runs", member.name))
    }
}
