//! The labels that this trustee opened together with others, kept to be held against what is released.

use std::{collections::BTreeMap, path::PathBuf};

use base::{
    Step,
    ids::{Digest, RoundId},
};
use protocol::{
    federation::FederationState,
    transcript::{Outcome, Replay, Task, label},
};
use serde::{Deserialize, Serialize};
use tally::plan::Verdict;

use crate::{home::Home, trustee::journal::make_lasting_folder};
use runtime::files::{Access, FileError, read_json, write_json};

/// Labels of a step, as far as this trustee computed them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computed {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the sum that was tallied.
    pub sum: Digest,
    /// The last attempt that opened any.
    pub attempt: u32,
    /// Label of each instance, as on the chain: class + 1, 0 for an abstention; or 1 and 0 for a test.
    pub labels: BTreeMap<u32, u16>,
    /// Whether the known answer came out wrong.
    #[serde(default)]
    pub is_wrong: bool,
}

impl Computed {
    /// Begins with the labels that were kept of a step, if any.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn of(home: &Home, task: &Task) -> Result<Self, FileError> {
        let kept: Option<Self> = read_json(&path(home, task.id(), task.step))?;
        Ok(kept.unwrap_or(Self {
            round: task.round,
            step: task.step,
            sum: task.sum,
            attempt: 0,
            labels: BTreeMap::new(),
            is_wrong: false,
        }))
    }

    /// Adds the labels of a batch and keeps all; returns what contradicts labels of an earlier attempt.
    ///
    /// # Errors
    /// Where they cannot be written.
    pub fn add(
        &mut self,
        home: &Home,
        task: &Task,
        (attempt, verdicts): (u32, &[(u32, Verdict)]),
    ) -> Result<Option<String>, FileError> {
        let mut contradiction = None;
        for (instance, verdict) in verdicts {
            let found = label(*verdict);
            let before = self.labels.insert(*instance, found).filter(|before| *before != found);
            if let Some(before) = before {
                contradiction.get_or_insert(format!(
                    "{}: instance {instance} came out as {found} in attempt {attempt}, but as {before} before",
                    self.subject()
                ));
            }
        }
        self.attempt = attempt;
        make_lasting_folder(&home.labels(), Access::Public)?;
        write_json(&path(home, task.id(), task.step), self)?;
        // A known answer that came out wrong is tried again.
        Ok(contradiction.filter(|_| self.round.is_some()))
    }

    /// Compares all labels of the known answer with the expected ones and keeps the outcome.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn judge(
        &mut self,
        home: &Home,
        task: &Task,
        expected: &[(u32, Verdict)],
    ) -> Result<bool, FileError> {
        let is_right =
            |(instance, verdict): &(u32, Verdict)| self.labels.get(instance) == Some(&label(*verdict));
        self.is_wrong = !expected.iter().all(is_right);
        write_json(&path(home, task.id(), task.step), self)?;
        Ok(!self.is_wrong)
    }

    /// Returns what this is about, in words.
    pub fn subject(&self) -> String {
        match self.round {
            None => "the known answer".to_owned(),
            Some(round) => format!("the step `{}` of round {round}", self.step),
        }
    }

    /// Compares the labels with the chain: nothing as long as the chain says nothing about them.
    pub fn verdict(&self, replay: &Replay) -> Option<Result<(), String>> {
        let Some(round) = self.round else { return self.known_answer(replay) };
        let record = replay.round(round)?;
        let other = match (self.step, &record.outcome) {
            (Step::Test, _) => {
                let passed = &record.test.as_ref()?.passed;
                let is_other = |(instance, label): (&u32, &u16)| {
                    let chain = u16::from(passed.binary_search(instance).is_ok());
                    (chain != *label).then_some((*instance, chain, *label))
                };
                self.labels.iter().find_map(is_other)
            }
            (Step::Label, Some(Outcome::Released { labels, .. })) => {
                let is_other = |(instance, label): (&u32, &u16)| {
                    let chain = labels.get(*instance as usize).copied().unwrap_or_default();
                    (chain != *label).then_some((*instance, chain, *label))
                };
                self.labels.iter().find_map(is_other)
            }
            (Step::Label, Some(Outcome::Failed { .. } | Outcome::Cancelled { .. })) => None,
            (Step::Label, None) => return None,
        };
        Some(match other {
            None => Ok(()),
            Some((instance, chain, own)) => Err(format!(
                "{}: the transcript says {chain} of instance {instance}, this trustee computed {own} with the others",
                self.subject()
            )),
        })
    }

    fn known_answer(&self, replay: &Replay) -> Option<Result<(), String>> {
        let attempt = replay.ceremony().tally()?.tally.outcome.attempt();
        if replay.state() == FederationState::Assembling {
            return None;
        }
        Some(match self.is_wrong && attempt == Some(self.attempt) {
            false => Ok(()),
            true => {
                Err("the federation is keyed, but the known answer came out wrong at this trustee".to_owned())
            }
        })
    }
}

fn path(home: &Home, round: RoundId, step: Step) -> PathBuf {
    home.labels().join(format!("{round}-{step}.json"))
}

/// Reads the labels of all steps, each with the name of its file.
///
/// # Errors
/// Where they cannot be read.
pub fn all(home: &Home, except: impl Fn(&PathBuf) -> bool) -> Result<Vec<(PathBuf, Computed)>, FileError> {
    let folder = home.labels();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))? {
        let path = entry.map_err(FileError::io("list", &folder))?.path();
        let is_wanted = path.extension().is_some_and(|ending| ending == "json") && !except(&path);
        if is_wanted && let Some(computed) = read_json(&path)? {
            all.push((path, computed));
        }
    }
    Ok(all)
}
