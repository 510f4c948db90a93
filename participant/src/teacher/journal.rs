//! The journal of rounds: a crash between drawing noise and casting never leads to a second draw.
//!
//! ```text
//! state/rounds/<round>/record.json    what was announced, and how far this institution came
//! state/rounds/<round>/ballot.bin     the ciphertext, stored before it is posted
//! state/rounds/<round>/consent.json   a person's decision, where rounds are approved one by one
//! ```
//! The stage `drawing` is written before the first random number is drawn. Whoever finds it without a stored
//! ballot does not vote in that round again; whoever finds a stored ballot posts the same bytes.

use base::{
    clock::Millis,
    ids::{BallotId, Digest, RoundId},
};
use privacy::RoundCost;
use protocol::wire::ReceiptView;
use serde::{Deserialize, Serialize};

use crate::home::Home;
use runtime::files::{Access, FileError, make_folder, read_if_there, read_json, write_atomic, write_json};

/// What this institution knows of one round it was asked to vote in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The round.
    pub round: RoundId,
    /// Digest of its announcement.
    pub announcement: Digest,
    /// Digest of the instances.
    pub instances: Digest,
    /// Number of instances.
    pub instance_count: u32,
    /// When the round was first seen.
    pub seen_at: Millis,
    /// When its window closes.
    pub closes_at: Millis,
    /// What its labels cost, as this institution computed it; absent while its terms were not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RoundCost>,
    /// How far this institution came.
    pub stage: Stage,
}

/// How far this institution came in a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Stage {
    /// A person has to approve the round.
    Waiting,
    /// Not voted for a reason that may pass.
    Declined {
        /// Why.
        reason: String,
    },
    /// Noise is being drawn; without a stored ballot this is never left towards a vote.
    Drawing {
        /// Id that the ballot will have.
        ballot: BallotId,
        /// When the drawing began.
        at: Millis,
    },
    /// The ballot is stored and may be posted any number of times.
    Sealed {
        /// Id of the ballot.
        ballot: BallotId,
        /// Digest of its bytes.
        digest: Digest,
        /// When its noise was drawn.
        at: Millis,
    },
    /// The coordinator holds the ballot and signed for it.
    Cast {
        /// Id of the ballot.
        ballot: BallotId,
        /// Digest of its bytes.
        digest: Digest,
        /// When its noise was drawn.
        at: Millis,
        /// The coordinator's receipt.
        receipt: ReceiptView,
    },
    /// No ballot of this institution will count in the round.
    Lost {
        /// Why.
        reason: String,
        /// When noise was drawn, if it was.
        at: Option<Millis>,
    },
}

impl Stage {
    /// Returns the stage's name as in the file.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Declined { .. } => "declined",
            Self::Drawing { .. } => "drawing",
            Self::Sealed { .. } => "sealed",
            Self::Cast { .. } => "cast",
            Self::Lost { .. } => "lost",
        }
    }

    /// Returns when noise was drawn for the round, if it was.
    pub const fn drawn_at(&self) -> Option<Millis> {
        match self {
            Self::Waiting | Self::Declined { .. } => None,
            Self::Drawing { at, .. } | Self::Sealed { at, .. } | Self::Cast { at, .. } => Some(*at),
            Self::Lost { at, .. } => *at,
        }
    }
}

/// A person's decision about one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Digest of the announcement that the person saw.
    pub announcement: Digest,
    /// Whether the round is approved.
    pub approved: bool,
    /// When the person decided.
    pub at: Millis,
}

/// What may still be done in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resume {
    /// Nothing was drawn: the round may be voted in.
    Fresh,
    /// A ballot is stored: these bytes may be posted, no others.
    Stored {
        /// Id of the ballot.
        ballot: BallotId,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// The coordinator already signed for the ballot.
    Cast,
    /// This institution does not vote in the round again.
    Never {
        /// Why.
        reason: String,
    },
}

/// Why the journal cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The round has no record, or is at another stage.
    #[error("round {round} is {found} in the journal, so it cannot become {wanted}")]
    Stage {
        /// The round.
        round: RoundId,
        /// Stage it is in.
        found: &'static str,
        /// Stage asked for.
        wanted: &'static str,
    },
}

/// Rounds of one home, on disk.
#[derive(Debug, Clone)]
pub struct Journal {
    home: Home,
}

impl Journal {
    /// Uses the journal of a home.
    pub fn of(home: &Home) -> Self {
        Self { home: home.clone() }
    }

    /// Returns the record of a round, if it was ever seen.
    pub fn record(&self, round: RoundId) -> Result<Option<Record>, FileError> {
        read_json(&self.home.round(round).join("record.json"))
    }

    /// Returns all records, oldest first.
    pub fn records(&self) -> Result<Vec<Record>, FileError> {
        let folder = self.home.rounds();
        let entries = std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))?;
        let mut records = Vec::new();
        for entry in entries {
            let path = entry.map_err(FileError::io("list", &folder))?.path();
            records.extend(read_json::<Record>(&path.join("record.json"))?);
        }
        records.sort_by_key(|record| (record.seen_at, record.round));
        Ok(records)
    }

    /// Writes a record; only rounds for which nothing was drawn may be noted as waiting or declined.
    pub fn note(&self, record: &Record) -> Result<(), JournalError> {
        let before = self.record(record.round)?;
        if before.as_ref() == Some(record) {
            return Ok(());
        }
        let drawn = before.is_some_and(|before| before.stage.drawn_at().is_some());
        if drawn || record.stage.drawn_at().is_some() {
            return Err(self.refuse(record.round, record.stage.name())?);
        }
        Ok(self.write(record)?)
    }

    /// Marks that noise is about to be drawn, once per round and for good.
    pub fn begin(&self, mut record: Record, ballot: BallotId, at: Millis) -> Result<(), JournalError> {
        let before = self.record(record.round)?.map(|before| before.stage);
        if !matches!(before, None | Some(Stage::Waiting | Stage::Declined { .. })) {
            return Err(self.refuse(record.round, "drawing")?);
        }
        record.stage = Stage::Drawing { ballot, at };
        Ok(self.write(&record)?)
    }

    /// Stores the ballot's bytes after the drawing, before anything is posted.
    pub fn seal(&self, round: RoundId, bytes: &[u8]) -> Result<(), JournalError> {
        let Some(mut record) = self.record(round)? else { return Err(self.refuse(round, "sealed")?) };
        let Stage::Drawing { ballot, at } = record.stage else { return Err(self.refuse(round, "sealed")?) };
        write_atomic(&self.home.round(round).join("ballot.bin"), bytes, Access::Public)?;
        record.stage = Stage::Sealed { ballot, digest: Digest::of(bytes), at };
        Ok(self.write(&record)?)
    }

    /// Stores the coordinator's receipt.
    pub fn cast(&self, round: RoundId, receipt: ReceiptView) -> Result<(), JournalError> {
        let Some(mut record) = self.record(round)? else { return Err(self.refuse(round, "cast")?) };
        let Stage::Sealed { ballot, digest, at } = record.stage else {
            return Err(self.refuse(round, "cast")?);
        };
        record.stage = Stage::Cast { ballot, digest, at, receipt };
        Ok(self.write(&record)?)
    }

    /// Notes that no ballot of this institution will count in the round; one that is cast stays cast.
    pub fn lose(&self, round: RoundId, reason: &str) -> Result<(), JournalError> {
        let Some(mut record) = self.record(round)? else { return Err(self.refuse(round, "lost")?) };
        if matches!(record.stage, Stage::Cast { .. }) {
            return Err(self.refuse(round, "lost")?);
        }
        record.stage = Stage::Lost { reason: reason.to_owned(), at: record.stage.drawn_at() };
        Ok(self.write(&record)?)
    }

    /// Finds out what may still be done in a round, after any crash.
    pub fn resume(&self, round: RoundId) -> Result<Resume, JournalError> {
        let Some(record) = self.record(round)? else { return Ok(Resume::Fresh) };
        let (ballot, sealed) = match record.stage {
            Stage::Waiting | Stage::Declined { .. } => return Ok(Resume::Fresh),
            Stage::Cast { .. } => return Ok(Resume::Cast),
            Stage::Lost { reason, .. } => return Ok(Resume::Never { reason }),
            Stage::Drawing { ballot, .. } => (ballot, None),
            Stage::Sealed { ballot, digest, .. } => (ballot, Some(digest)),
        };
        let stored = read_if_there(&self.home.round(round).join("ballot.bin"))?;
        match (stored, sealed) {
            (Some(bytes), None) => {
                // The crash came after the ballot was stored and before the record said so.
                self.seal(round, &bytes)?;
                Ok(Resume::Stored { ballot, bytes })
            }
            (Some(bytes), Some(digest)) if Digest::of(&bytes) == digest => {
                Ok(Resume::Stored { ballot, bytes })
            }
            (Some(_), Some(_)) => self.never(round, "the stored ballot is damaged, and noise is not drawn twice"),
            (None, _) => self.never(
                round,
                "this agent stopped between drawing noise and storing the ballot, and noise is not drawn twice",
            ),
        }
    }

    fn never(&self, round: RoundId, reason: &str) -> Result<Resume, JournalError> {
        self.lose(round, reason)?;
        Ok(Resume::Never { reason: reason.to_owned() })
    }

    /// Returns a person's decision about a round.
    pub fn consent(&self, round: RoundId) -> Result<Option<Consent>, FileError> {
        read_json(&self.home.round(round).join("consent.json"))
    }

    /// Writes a person's decision about a round.
    pub fn decide(&self, round: RoundId, consent: &Consent) -> Result<(), FileError> {
        write_json(&self.home.round(round).join("consent.json"), consent)
    }

    fn write(&self, record: &Record) -> Result<(), FileError> {
        let folder = self.home.round(record.round);
        make_folder(&folder, Access::Public)?;
        write_json(&folder.join("record.json"), record)
    }

    fn refuse(&self, round: RoundId, wanted: &'static str) -> Result<JournalError, FileError> {
        let found = self.record(round)?.map_or("unknown", |record| record.stage.name());
        Ok(JournalError::Stage { round, found, wanted })
    }
}

#[cfg(test)]
mod tests;
