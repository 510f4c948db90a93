//! Rounds: announcement, roster and state; a row is the state's twin.

use base::{
    clock::Millis,
    ids::{Digest, RoundId, canonical},
};
use protocol::{
    federation::Roster,
    round::{Announcement, RoundState},
};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, StorageError, WriteTx, decoded, json, parsed};

const INSERT: &str = "INSERT INTO rounds (id, announcement, roster, request, phase, state, created_at) \
                      VALUES ($1, $2, $3, $4, $5, $6, $7)";
const COLUMNS_BY_ID: &str = "SELECT announcement, roster, request, state, labels FROM rounds WHERE id = $1";
const COLUMNS: &str =
    "SELECT announcement, roster, request, state, labels FROM rounds ORDER BY created_at, id";
const AFTER: &str = "SELECT announcement, roster, request, state, labels FROM rounds \
                     WHERE $1 IS NULL OR (created_at, id) > (SELECT created_at, id FROM rounds WHERE id = $1) \
                     ORDER BY created_at, id LIMIT $2";
const UNFINISHED: &str =
    "SELECT id FROM rounds WHERE phase IN ('announced', 'voting', 'tallying', 'opening')";
const OPEN: &str = "SELECT announcement, roster, request, state, labels FROM rounds \
                    WHERE phase IN ('voting', 'tallying', 'opening')";
const WATCHED: &str = "SELECT announcement, roster, request, state, labels FROM rounds \
                       WHERE phase IN ('announced', 'voting', 'tallying', 'opening') \
                       OR id IN (SELECT id FROM rounds ORDER BY created_at DESC, id LIMIT $1) \
                       ORDER BY created_at, id";
const SET_STATE: &str = "UPDATE rounds SET phase = $1, state = $2 WHERE id = $3";
const SET_LABELS: &str = "UPDATE rounds SET labels = $1 WHERE id = $2";

/// A round as stored.
#[derive(Debug, Clone)]
pub struct RoundRow {
    /// What it fixed before anyone voted.
    pub announcement: Announcement,
    /// Roster under which it is held.
    pub roster: Roster,
    /// Digest of what the operator sent.
    pub request: Digest,
    /// Where it stands.
    pub state: RoundState,
    /// One label per instance (class + 1, 0 for an abstention), once released.
    pub labels: Option<Vec<u16>>,
}

impl RoundRow {
    /// Returns the round's id.
    pub const fn id(&self) -> RoundId {
        self.announcement.round
    }

    /// Returns how many instances get a label in the end, as far as it is known: those that passed the test of a
    /// two-step round, all of them before it and in a plain round.
    pub fn passed(&self) -> u32 {
        self.state.test().map_or(self.announcement.instance_count, |test| test.passed)
    }
}

fn round_row(row: &SqliteRow) -> Result<RoundRow> {
    let labels: Option<&[u8]> = row.try_get("labels")?;
    Ok(RoundRow {
        announcement: decoded(row.try_get("announcement")?, "announcement")?,
        roster: decoded(row.try_get("roster")?, "round roster")?,
        request: parsed(row.try_get("request")?, "round request")?,
        state: serde_json::from_str(row.try_get("state")?)
            .map_err(|_| StorageError::unreadable("round state"))?,
        labels: labels.map(|bytes| decoded(bytes, "labels")).transpose()?,
    })
}

impl ReadTx {
    /// Returns a round.
    pub async fn round(&mut self, id: RoundId) -> Result<Option<RoundRow>> {
        let row = sqlx::query(COLUMNS_BY_ID).bind(id.to_string()).fetch_optional(self.connection()).await?;
        row.as_ref().map(round_row).transpose()
    }

    /// Returns every round, oldest first.
    pub async fn rounds(&mut self) -> Result<Vec<RoundRow>> {
        sqlx::query(COLUMNS).fetch_all(self.connection()).await?.iter().map(round_row).collect()
    }

    /// Returns at most so many rounds, oldest first, from the one that follows `after` on.
    pub async fn rounds_after(&mut self, after: Option<RoundId>, limit: u32) -> Result<Vec<RoundRow>> {
        let rows = sqlx::query(AFTER).bind(after.map(|id| id.to_string())).bind(limit);
        rows.fetch_all(self.connection()).await?.iter().map(round_row).collect()
    }

    /// Returns the rounds that are not in a final state.
    pub async fn unfinished_rounds(&mut self) -> Result<Vec<RoundId>> {
        let rows = sqlx::query(UNFINISHED).fetch_all(self.connection()).await?;
        rows.iter().map(|row| parsed(row.try_get("id")?, "round id")).collect()
    }

    /// Returns the rounds that wait for ballots, for the trustees' tally or for an opening.
    pub async fn open_rounds(&mut self) -> Result<Vec<RoundRow>> {
        sqlx::query(OPEN).fetch_all(self.connection()).await?.iter().map(round_row).collect()
    }

    /// Returns the rounds that are not in a final state and the last few that are, oldest first.
    pub async fn watched_rounds(&mut self, recent: u32) -> Result<Vec<RoundRow>> {
        sqlx::query(WATCHED).bind(recent).fetch_all(self.connection()).await?.iter().map(round_row).collect()
    }
}

impl WriteTx {
    /// Stores a new round.
    pub async fn insert_round(&mut self, round: &RoundRow, at: Millis) -> Result<()> {
        sqlx::query(INSERT)
            .bind(round.id().to_string())
            .bind(canonical(&round.announcement))
            .bind(canonical(&round.roster))
            .bind(round.request.to_string())
            .bind(round.state.name())
            .bind(json(&round.state, "round state")?)
            .bind(at.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Moves a round to a state.
    pub async fn set_round_state(&mut self, id: RoundId, state: &RoundState) -> Result<()> {
        sqlx::query(SET_STATE)
            .bind(state.name())
            .bind(json(state, "round state")?)
            .bind(id.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Stores the released labels.
    pub async fn set_labels(&mut self, id: RoundId, labels: &Vec<u16>) -> Result<()> {
        sqlx::query(SET_LABELS)
            .bind(canonical(labels))
            .bind(id.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
