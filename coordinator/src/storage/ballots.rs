//! The ballots of a round, and what was refused instead.

use base::{
    clock::Millis,
    ids::{BallotId, Digest, ParticipantId, RoundId},
    problem::Code,
};
use sqlx::Row as _;

use super::{ReadTx, Result, StorageError, WriteTx, parsed, participant};

const INSERT: &str =
    "INSERT INTO ballots (round, participant, ballot, digest, received_at) VALUES ($1, $2, $3, $4, $5)";
const BALLOTS: &str =
    "SELECT participant, ballot, digest, received_at FROM ballots WHERE round = $1 ORDER BY participant";
const REFUSE: &str = "INSERT INTO refusals (round, participant, late, reason, at, code) \
                      VALUES ($1, $2, $3, $4, $5, $6) \
                      ON CONFLICT (round, participant) DO UPDATE SET late = $3, reason = $4, at = $5, code = $6";
const REFUSALS: &str = "SELECT participant, late, reason, at, code FROM refusals WHERE round = $1";

/// A ballot as stored; its bytes lie among the blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BallotRow {
    /// Who cast it.
    pub participant: ParticipantId,
    /// Id that the participant chose.
    pub ballot: BallotId,
    /// Digest of all its bytes.
    pub digest: Digest,
    /// When it arrived.
    pub received_at: Millis,
}

/// The last refusal of something a participant sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalRow {
    /// Who sent it.
    pub participant: ParticipantId,
    /// Whether it came after the window closed.
    pub late: bool,
    /// Why it was refused, in words.
    pub reason: String,
    /// The code of the refusal.
    pub code: Code,
    /// When it was refused.
    pub at: Millis,
}

impl ReadTx {
    /// Returns the ballots of a round in the order of the participants' numbers.
    pub async fn ballots(&mut self, round: RoundId) -> Result<Vec<BallotRow>> {
        let rows = sqlx::query(BALLOTS).bind(round.to_string()).fetch_all(self.connection()).await?;
        rows.iter()
            .map(|row| {
                Ok(BallotRow {
                    participant: participant(row.try_get("participant")?)?,
                    ballot: parsed(row.try_get("ballot")?, "ballot id")?,
                    digest: parsed(row.try_get("digest")?, "ballot digest")?,
                    received_at: Millis(row.try_get("received_at")?),
                })
            })
            .collect()
    }

    /// Returns the refusals of a round, at most one per participant.
    pub async fn refusals(&mut self, round: RoundId) -> Result<Vec<RefusalRow>> {
        let rows = sqlx::query(REFUSALS).bind(round.to_string()).fetch_all(self.connection()).await?;
        rows.iter()
            .map(|row| {
                Ok(RefusalRow {
                    participant: participant(row.try_get("participant")?)?,
                    late: row.try_get("late")?,
                    reason: row.try_get("reason")?,
                    code: Code::of_name(row.try_get("code")?)
                        .ok_or(StorageError::unreadable("code of a refusal"))?,
                    at: Millis(row.try_get("at")?),
                })
            })
            .collect()
    }
}

impl WriteTx {
    /// Stores a ballot that passed every check.
    pub async fn insert_ballot(&mut self, round: RoundId, ballot: &BallotRow) -> Result<()> {
        sqlx::query(INSERT)
            .bind(round.to_string())
            .bind(ballot.participant.get())
            .bind(ballot.ballot.to_string())
            .bind(ballot.digest.to_string())
            .bind(ballot.received_at.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Records why something a participant sent was refused.
    pub async fn refuse(&mut self, round: RoundId, refusal: &RefusalRow) -> Result<()> {
        sqlx::query(REFUSE)
            .bind(round.to_string())
            .bind(refusal.participant.get())
            .bind(refusal.late)
            .bind(&refusal.reason)
            .bind(refusal.at.0)
            .bind(refusal.code.name())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
