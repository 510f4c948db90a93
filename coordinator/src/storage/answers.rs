//! Which instances were released before, and where their answers stand.

use std::collections::HashMap;

use base::ids::{Digest, RoundId, canonical};
use borsh::{BorshDeserialize, BorshSerialize};
use sqlx::Row as _;

use super::{ReadTx, Result, StorageError, WriteTx, decoded, parsed};

const ANSWER: &str = "SELECT round, position FROM answers WHERE instance = $1";
const INSERT: &str =
    "INSERT INTO answers (instance, round, position) VALUES ($1, $2, $3) ON CONFLICT (instance) DO NOTHING";
const SET_SOURCES: &str = "UPDATE rounds SET sources = $1 WHERE id = $2";
const SOURCES: &str = "SELECT sources FROM rounds WHERE id = $1";

/// Where an instance stands in a released round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Answer {
    /// The round.
    pub round: RoundId,
    /// Its place there, from 0.
    pub position: u32,
}

impl ReadTx {
    /// Returns the answers of those instances that were released before.
    pub async fn answers(&mut self, instances: &[Digest]) -> Result<HashMap<Digest, Answer>> {
        let mut answers = HashMap::new();
        for instance in instances {
            let row =
                sqlx::query(ANSWER).bind(instance.to_string()).fetch_optional(self.connection()).await?;
            let Some(row) = row else { continue };
            let position: i64 = row.try_get("position")?;
            let position = u32::try_from(position).map_err(|_| StorageError::unreadable("answer"))?;
            answers.insert(*instance, Answer { round: parsed(row.try_get("round")?, "answer")?, position });
        }
        Ok(answers)
    }

    /// Returns where each submitted instance of a round is answered; `None` where all of them were new.
    pub async fn sources(&mut self, round: RoundId) -> Result<Option<Vec<Answer>>> {
        let row = sqlx::query(SOURCES).bind(round.to_string()).fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let sources: Option<&[u8]> = row.try_get("sources")?;
        sources.map(|bytes| decoded(bytes, "sources")).transpose()
    }
}

impl WriteTx {
    /// Records the instances of a released round in their order; one that was released before keeps its answer.
    pub async fn insert_answers(&mut self, round: RoundId, instances: &[Digest]) -> Result<()> {
        for (position, instance) in (0_i64..).zip(instances) {
            sqlx::query(INSERT)
                .bind(instance.to_string())
                .bind(round.to_string())
                .bind(position)
                .execute(self.connection())
                .await?;
        }
        Ok(())
    }

    /// Stores where each submitted instance of a round is answered.
    pub async fn set_sources(&mut self, round: RoundId, sources: &Vec<Answer>) -> Result<()> {
        sqlx::query(SET_SOURCES)
            .bind(canonical(sources))
            .bind(round.to_string())
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
