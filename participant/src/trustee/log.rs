//! The trustee's memory of what came out: the sole one's signed openings, each (round, step) once, the labels that
//! several opened together, and the append-only log of both.

use base::{
    Step,
    clock::Millis,
    identity::Signed,
    ids::{Digest, ParticipantId, RoundId},
};
use protocol::round::Opening;
use serde::{Deserialize, Serialize};

use crate::home::Home;
use client::Question;
use runtime::files::{FileError, append_json_line, read_json, write_json};

/// Signed opening as it is kept; a retry posts the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredOpening {
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of the event that recorded the tally.
    pub tally: Digest,
    /// Digest of the label ciphertexts.
    pub ciphertexts: Digest,
    /// The signed opening.
    pub opening: Signed<Opening>,
}

/// Line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When.
    pub at: Millis,
    /// The round; `None` for the known answer.
    pub round: Option<RoundId>,
    /// The step.
    pub step: Step,
    /// Digest of what was opened: the label ciphertexts, or the sum that several trustees tallied.
    pub of: Digest,
    /// The attempt, where several trustees tallied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Number of labels.
    pub labels: u32,
    /// Participants whose ballots are said to be counted.
    pub counted: Vec<ParticipantId>,
}

/// Openings of a home.
#[derive(Debug, Clone)]
pub struct Openings {
    home: Home,
}

impl Openings {
    /// Uses the openings of a home.
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    /// Returns the opening of a question, if it was given.
    pub fn of_question(&self, question: Question) -> Result<Option<StoredOpening>, FileError> {
        read_json(&self.path(question.round(), question.step()))
    }

    /// Returns the rounds of which anything was opened.
    pub fn rounds(&self) -> Result<Vec<RoundId>, FileError> {
        let folder = self.home.openings();
        let mut rounds = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))? {
            let path = entry.map_err(FileError::io("list", &folder))?.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                rounds.extend(read_json::<StoredOpening>(&path)?.and_then(|stored| stored.round));
            }
        }
        Ok(rounds)
    }

    /// Logs and stores an opening, before it is posted.
    pub fn store(&self, stored: &StoredOpening, line: &LogLine) -> Result<(), FileError> {
        self.log(line)?;
        write_json(&self.path(stored.round, stored.step), stored)
    }

    /// Appends a line to the log.
    pub fn log(&self, line: &LogLine) -> Result<(), FileError> {
        append_json_line(&self.home.openings_log(), line)
    }

    fn path(&self, round: Option<RoundId>, step: Step) -> std::path::PathBuf {
        let name = round.map_or("known-answer".to_owned(), |round| round.to_string());
        self.home.openings().join(format!("{name}-{step}.json"))
    }
}
