//! The openings that trustees posted.

use shared::{
    clock::Millis,
    identity::Signed,
    ids::{ParticipantId, RoundId, canonical},
    round::{Opening, Step},
};
use sqlx::Row as _;

use super::{Result, Storage, Tx, decoded};

const INSERT: &str =
    "INSERT INTO openings (round, step, trustee, signed, received_at) VALUES ($1, $2, $3, $4, $5)";
const SELECT: &str = "SELECT signed FROM openings WHERE round = $1 AND step = $2 ORDER BY trustee";

impl Storage {
    /// Stores an opening that passed every check.
    pub async fn insert_opening(
        &self,
        tx: &mut Tx,
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
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns the openings of one step in the order of the trustees' numbers.
    pub async fn openings(&self, tx: &mut Tx, round: RoundId, step: Step) -> Result<Vec<Signed<Opening>>> {
        let rows =
            sqlx::query(SELECT).bind(round.to_string()).bind(step.to_string()).fetch_all(&mut **tx).await?;
        rows.iter().map(|row| decoded(row.try_get::<&[u8], _>("signed")?, "opening")).collect()
    }
}
