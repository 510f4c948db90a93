//! How far this trustee is on each board, in words, for a person who asks: kept in memory, written now and then.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use protocol::wire::BoardId;
use serde::{Deserialize, Serialize};
use tally::sharing::Group;

use crate::home::Home;
use runtime::files::{Access, FileError, make_folder, read_json, write_json};

/// Where one board stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The board.
    pub board: BoardId,
    /// The attempt; 0 in a ceremony.
    pub attempt: u32,
    /// What is done there and who is waited for, or why nothing is.
    pub words: String,
}

/// Where all boards stand on which this trustee takes part.
#[derive(Debug, Default)]
pub struct Standing(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    lines: BTreeMap<BoardId, Line>,
    is_written: bool,
}

impl Standing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes where a board stands; returns whether that is new.
    pub fn set(&self, board: BoardId, attempt: u32, words: String) -> bool {
        let mut state = self.state();
        let line = Line { board, attempt, words };
        let is_new = state.lines.get(&board) != Some(&line);
        if is_new {
            state.lines.insert(board, line);
            state.is_written = false;
        }
        is_new
    }

    /// Forgets boards that are not waited for any more.
    pub fn keep(&self, waiting: impl Fn(&BoardId) -> bool) {
        let mut state = self.state();
        let before = state.lines.len();
        state.lines.retain(|board, _| waiting(board));
        state.is_written &= before == state.lines.len();
    }

    /// Writes `state/trustee/standing.json`, if anything changed.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, home: &Home) -> Result<(), FileError> {
        let lines: Vec<Line> = {
            let mut state = self.state();
            if state.is_written {
                return Ok(());
            }
            state.is_written = true;
            state.lines.values().cloned().collect()
        };
        make_folder(&home.trustee(), Access::Public)?;
        write_json(&home.trustee().join("standing.json"), &lines)
    }

    /// Reads what an agent wrote last.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn read(home: &Home) -> Result<Vec<Line>, FileError> {
        Ok(read_json(&home.trustee().join("standing.json"))?.unwrap_or_default())
    }
}

/// Returns the names of trustees, in their order.
pub(super) fn names_of(group: Group, names: &[String]) -> String {
    let name = |place: usize| names.get(place).cloned().unwrap_or_else(|| format!("trustee {}", place + 1));
    group.members().map(|trustee| name(trustee.index())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_written_and_read_by_another_program() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        home.make_folders().unwrap();
        let standing = Standing::default();
        assert!(standing.set(BoardId::KnownAnswer, 1, "layer 4 of 10: waiting for hospital-2".to_owned()));
        assert!(!standing.set(BoardId::KnownAnswer, 1, "layer 4 of 10: waiting for hospital-2".to_owned()));
        standing.write(&home).unwrap();
        let lines = Standing::read(&home).unwrap();
        assert_eq!((lines.len(), lines[0].attempt), (1, 1));
        standing.keep(|_| false);
        standing.write(&home).unwrap();
        assert_eq!(Standing::read(&home).unwrap(), []);
    }
}
