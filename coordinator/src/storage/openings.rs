//! The openings that trustees posted.

use base::{
    Step,
    clock::Millis,
    identity::Signed,
    ids::{ParticipantId, RoundId, canonical},
};
use protocol::round::Opening;
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, StorageError, WriteTx, decoded};

const INSERT: &str =
    "INSERT INTO openings (round, step, trustee, signed, received_at) VALUES ($1, $2, $3, $4, $5)";
const SELECT: &str =
    "SELECT signed, received_at FROM openings WHERE round = $1 AND step = $2 ORDER BY received_at, trustee";
const COUNT: &str = "SELECT COUNT(*) AS count FROM openings WHERE round = $1";

const COUNT_STEP: &str = "SELECT COUNT(*) AS count FROM openings WHERE round = $1 AND step = $2";

/// An opening as stored; it was checked against its question when it came.
#[derive(Debug, Clone)]
pub struct OpeningRow {
    /// The opening with its trustee's signature.
    pub signed: Signed<Opening>,
    /// When it arrived.
    pub received_at: Millis,
}

impl OpeningRow {
    /// Returns the opening.
    pub fn opening(&self) -> Result<Opening> {
        self.signed.unverified().map_err(|_| StorageError::unreadable("opening"))
    }
}

impl ReadTx {
    /// Returns the number of openings of all steps of a round.
    pub async fn count_openings(&mut self, round: RoundId) -> Result<usize> {
        let row = sqlx::query(COUNT).bind(round.to_string()).fetch_one(self.connection()).await?;
        let count: i64 = row.try_get("count")?;
        usize::try_from(count).map_err(|_| StorageError::unreadable("openings"))
    }

    /// Returns the number of openings of one step of a round.
    pub async fn count_openings_of(&mut self, round: RoundId, step: Step) -> Result<u32> {
        let query = sqlx::query(COUNT_STEP).bind(round.to_string()).bind(step.to_string());
        let count: i64 = query.fetch_one(self.connection()).await?.try_get("count")?;
        u32::try_from(count).map_err(|_| StorageError::unreadable("openings"))
    }

    /// Returns the openings of one step in the order they came.
    pub async fn openings(&mut self, round: RoundId, step: Step) -> Result<Vec<OpeningRow>> {
        let rows = sqlx::query(SELECT)
            .bind(round.to_string())
            .bind(step.to_string())
            .fetch_all(self.connection())
            .await?;
        let opening = |row: &SqliteRow| {
            Ok(OpeningRow {
                signed: decoded(row.try_get("signed")?, "opening")?,
                received_at: Millis(row.try_get("received_at")?),
            })
        };
        rows.iter().map(opening).collect()
    }
}

impl WriteTx {
    /// Stores an opening that passed every check.
    pub async fn insert_opening(
        &mut self,
        (round, step, trustee): (RoundId, Step, ParticipantId),
        opening: &Signed<Opening>,
        at: Millis,
    ) -> Result<()> {
        sqlx::query(INSERT)
            .bind(round.to_string())
            .bind(step.to_string())
            .bind(trustee.get())
            .bind(canonical(opening))
            .bind(at.0)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
