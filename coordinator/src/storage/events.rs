//! The transcript's events, appended inside the caller's transaction.

use shared::{
    clock::Millis,
    identity::{Identity, Signed},
    ids::{Digest, canonical},
    transcript::{Event, EventBody, Head},
};
use sqlx::Row as _;

use super::{Result, Storage, Tx, decoded, parsed};

const HEAD: &str = "SELECT height, digest FROM events ORDER BY height DESC LIMIT 1";
const APPEND: &str = "INSERT INTO events (height, digest, signed) VALUES ($1, $2, $3)";
const PAGE: &str = "SELECT signed FROM events WHERE height >= $1 ORDER BY height LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS events FROM events";

impl Storage {
    /// Signs and appends an event; it becomes part of the chain when the transaction commits.
    pub async fn append(&self, tx: &mut Tx, signer: &Identity, at: Millis, body: EventBody) -> Result<()> {
        let head = match sqlx::query(HEAD).fetch_optional(&mut **tx).await? {
            None => Head::EMPTY,
            Some(row) => {
                let height: i64 = row.try_get("height")?;
                let digest: Digest = parsed(row.try_get("digest")?, "event digest")?;
                Head { length: height.unsigned_abs() + 1, digest }
            }
        };
        let event = head.next(at, body);
        let after = Head::after(&event);
        sqlx::query(APPEND)
            .bind(event.height.cast_signed())
            .bind(after.digest.to_string())
            .bind(canonical(&signer.sign(&event)))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Returns at most `limit` signed events from a height on, and the length of the chain.
    pub async fn events(&self, from: u64, limit: u32) -> Result<(Vec<Signed<Event>>, u64)> {
        let mut tx = self.read().await?;
        let rows = sqlx::query(PAGE)
            .bind(i64::try_from(from).unwrap_or(i64::MAX))
            .bind(limit)
            .fetch_all(&mut *tx)
            .await?;
        let events = rows
            .iter()
            .map(|row| decoded(row.try_get::<&[u8], _>("signed")?, "event"))
            .collect::<Result<Vec<_>>>()?;
        let length: i64 = sqlx::query(COUNT).fetch_one(&mut *tx).await?.try_get("events")?;
        Ok((events, length.unsigned_abs()))
    }
}
