//! The transcript's events, appended inside the caller's transaction and held to the rules of the replay.

use std::sync::Arc;

use base::{
    clock::Millis,
    identity::{Identity, Signed},
    ids::{Digest, canonical},
};
use protocol::transcript::{Event, EventBody, Fault, Head, Replay};
use sqlx::Row as _;
use tokio::sync::Mutex;

use super::{ReadTx, Result, Storage, StorageError, WriteTx, decoded, parsed};

const HEAD: &str = "SELECT height, digest FROM events ORDER BY height DESC LIMIT 1";
const APPEND: &str = "INSERT INTO events (height, digest, signed) VALUES ($1, $2, $3)";
const PAGE: &str = "SELECT signed FROM events WHERE height >= $1 ORDER BY height LIMIT $2";
const COUNT: &str = "SELECT COUNT(*) AS events FROM events";

/// Most bytes of events in one page; a page holds at least one event all the same.
const LARGEST_PAGE: usize = 2 << 20;
/// Events that are read at a time when the whole chain is replayed.
const BATCH: u32 = 500;

/// The replay of the chain as far as it was needed; a transaction that was rolled back may have left it ahead.
pub(super) type Chain = Mutex<Option<Replay>>;

async fn head(tx: &mut ReadTx) -> Result<Head> {
    let Some(row) = sqlx::query(HEAD).fetch_optional(tx.connection()).await? else { return Ok(Head::EMPTY) };
    let height: i64 = row.try_get("height")?;
    let digest: Digest = parsed(row.try_get("digest")?, "event digest")?;
    Ok(Head { length: height.unsigned_abs() + 1, digest })
}

async fn page(tx: &mut ReadTx, from: u64, limit: u32) -> Result<Vec<Signed<Event>>> {
    let rows = sqlx::query(PAGE)
        .bind(i64::try_from(from).unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(|row| decoded(row.try_get::<&[u8], _>("signed")?, "event")).collect()
}

/// Brings a replay to the head of the transaction's chain; starts anew where it is not a part of it.
async fn catch_up(replay: &mut Option<Replay>, tx: &mut ReadTx) -> Result<()> {
    let head = head(tx).await?;
    if replay.as_ref().is_some_and(|replay| replay.head() == head) {
        return Ok(());
    }
    // Where the two differ nothing is known about how far they agree.
    *replay = None;
    let mut from = 0;
    while from < head.length {
        for signed in page(tx, from, BATCH).await? {
            match replay {
                None => *replay = Some(Replay::begin(&signed).map_err(|e| unreplayable(&e))?),
                Some(replay) => replay.follow(&signed).map_err(|e| unreplayable(&e))?,
            }
            from += 1;
        }
    }
    Ok(())
}

fn unreplayable(fault: &Fault) -> StorageError {
    tracing::error!(%fault, "the stored transcript breaks its own rules");
    StorageError::unreadable("transcript")
}

impl Storage {
    /// Returns signed events from a height on, at most `limit` and about 2 MB of them, and the chain's length.
    pub async fn events(&self, from: u64, limit: u32) -> Result<(Vec<Signed<Event>>, u64)> {
        let mut tx = self.read().await?;
        tx.events_in(from, limit).await
    }
}

impl ReadTx {
    /// Asks the replay of the transaction's chain; `None` before the federation is founded.
    pub async fn replay<T>(&mut self, ask: impl FnOnce(&Replay) -> T) -> Result<Option<T>> {
        let shared = Arc::clone(&self.chain);
        let mut chain = shared.lock().await;
        catch_up(&mut chain, self).await?;
        Ok(chain.as_ref().map(ask))
    }

    /// Returns the number of events.
    pub async fn transcript_length(&mut self) -> Result<u64> {
        Ok(head(self).await?.length)
    }

    /// Returns the same as [`Storage::events`](super::Storage::events) as a transaction sees it.
    pub async fn events_in(&mut self, from: u64, limit: u32) -> Result<(Vec<Signed<Event>>, u64)> {
        let mut bytes = 0;
        let mut events = page(self, from, limit).await?;
        let fits = events.iter().take_while(|event| {
            let is_first = bytes == 0;
            bytes += canonical(*event).len();
            is_first || bytes <= LARGEST_PAGE
        });
        let fitting = fits.count();
        events.truncate(fitting);
        let length: i64 = sqlx::query(COUNT).fetch_one(self.connection()).await?.try_get("events")?;
        Ok((events, length.unsigned_abs()))
    }
}

impl WriteTx {
    /// Signs and appends an event and returns its digest; it becomes part of the chain when the transaction
    /// commits. An event that breaks a rule of the transcript is refused, and nothing is appended.
    pub async fn append(&mut self, signer: &Identity, at: Millis, body: EventBody) -> Result<Digest> {
        let shared = Arc::clone(&self.chain);
        let mut chain = shared.lock().await;
        catch_up(&mut chain, self).await?;
        let before = chain.as_ref().map_or(Head::EMPTY, Replay::head);
        let event = before.next(at, body);
        let (height, after) = (event.height, Head::after(&event));
        let signed = signer.sign(&event);
        match chain.as_mut() {
            None => *chain = Some(Replay::begin(&signed)?),
            Some(replay) => replay.follow(&signed)?,
        }
        sqlx::query(APPEND)
            .bind(height.cast_signed())
            .bind(after.digest.to_string())
            .bind(canonical(&signed))
            .execute(self.connection())
            .await?;
        Ok(after.digest)
    }
}
