//! The records of what this trustee signed: one journal per step, never shorter than what was sent.

use base::{Step, ids::RoundId};
use tally::session::{Entry, Record};

use crate::{
    home::Home,
    trustee::journal::{Journal, make_lasting_folder},
};
use runtime::files::{Access, FileError};

/// Ending of a record's file.
const ENDING: &str = "journal";

/// Journal of one step, from which its record is read.
#[derive(Debug)]
pub struct Book {
    round: RoundId,
    step: Step,
    journal: Journal<Entry>,
}

impl Book {
    /// Opens the journal of a step, or makes it; the known answer goes under its own id.
    ///
    /// # Errors
    /// Where it cannot be used, or is damaged: then nothing can be signed any more.
    pub fn open(home: &Home, round: RoundId, step: Step) -> Result<Self, FileError> {
        make_lasting_folder(&home.records(), Access::Secret)?;
        let path = home.records().join(format!("{round}-{step}.{ENDING}"));
        let journal = Journal::open(&path, Access::Secret, &format!("step {step} of {round}"))?;
        Ok(Self { round, step, journal })
    }

    /// Reads the record.
    pub fn record(&self) -> Record {
        Record::new(self.round, self.step, self.journal.entries())
    }

    /// Returns whether an entry was ever made.
    pub fn knows(&self, entry: &Entry) -> bool {
        self.journal.entries().contains(entry)
    }

    /// Appends an entry; when it returns, the entry is on disk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn append(&mut self, entry: Entry) -> Result<(), FileError> {
        self.journal.append(entry)
    }
}

/// Returns the ids under which anything was ever entered.
///
/// # Errors
/// Where the folder cannot be read.
pub fn recorded(home: &Home) -> Result<Vec<RoundId>, FileError> {
    let folder = home.records();
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut rounds = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(FileError::io("list", &folder))? {
        let entry = entry.map_err(FileError::io("list", &folder))?;
        let length = entry.metadata().map_err(FileError::io("read", &entry.path()))?.len();
        let name = entry.file_name().to_string_lossy().into_owned();
        let id = name.split_once('-').and_then(|(id, _)| id.parse::<RoundId>().ok());
        rounds.extend(id.filter(|_| length > 0));
    }
    Ok(rounds)
}
