//! Boards and their messages, as the trustees left them: whoever posts was checked before.

use base::clock::Millis;
use protocol::wire::{BoardId, PAGE_BYTES};
use sqlx::{Row as _, sqlite::SqliteRow};

use super::{ReadTx, Result, StorageError, WriteTx};

const OPEN: &str = "INSERT INTO boards (id, attempt, began_at, moved_at, named, cpu_ms) VALUES ($1, 0, $2, $2, 0, $3) \
                    ON CONFLICT (id) DO NOTHING";
const BOARD: &str = "SELECT attempt, began_at, moved_at, stopped_at, named, cpu_ms FROM boards WHERE id = $1";
const LAST: &str = "SELECT MAX(seq) AS last FROM messages WHERE board = $1 AND attempt = $2";
const NEXT_ATTEMPT: &str = "UPDATE boards SET attempt = $2, began_at = $3, moved_at = $3, stopped_at = NULL, named = $4 WHERE id = $1";
const FORGET: &str = "DELETE FROM messages WHERE board = $1 AND attempt < $2";
const CLOSE: &str = "DELETE FROM boards WHERE id = $1";
const CLOSE_ALL: &str = "DELETE FROM boards";
const POST: &str = "INSERT INTO messages (board, attempt, sender, batch, exchange, bytes) \
                    VALUES ($1, $2, $3, $4, $5, $6)";
const MOVED: &str = "UPDATE boards SET moved_at = $2 WHERE id = $1";
const STOPPED: &str =
    "UPDATE boards SET stopped_at = COALESCE(stopped_at, $2), named = named | $3 WHERE id = $1";
const AT: &str = "SELECT bytes FROM messages \
                  WHERE board = $1 AND attempt = $2 AND sender = $3 AND batch = $4 AND exchange = $5";
const LENGTHS: &str = "SELECT seq, length(bytes) AS length FROM messages \
                       WHERE board = $1 AND attempt = $2 AND seq > $3 ORDER BY seq LIMIT $4";
const PAGE: &str = "SELECT seq, sender, bytes FROM messages \
                    WHERE board = $1 AND attempt = $2 AND seq > $3 AND seq <= $4 ORDER BY seq";
const HEARD: &str = "SELECT batch, exchange, SUM(1 << (sender - 1)) AS senders FROM messages \
                     WHERE board = $1 AND attempt = $2 GROUP BY batch, exchange ORDER BY batch, exchange";

/// Messages in a page at most, however short they are.
const MOST: u32 = 1000;

/// A board as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoardRow {
    /// The attempt that is held.
    pub attempt: u32,
    /// When the attempt began.
    pub began_at: Millis,
    /// When the last message came, or the attempt began.
    pub moved_at: Millis,
    /// When a trustee first ended the attempt.
    pub stopped_at: Option<Millis>,
    /// Whom trustees named that ended attempts, this one or earlier ones: bit n − 1 stands for trustee n.
    pub named: u8,
    /// The coordinator's processor time of the sum that is tallied, in milliseconds.
    pub cpu_ms: u64,
}

/// Where a message stands on a board, and what the sender ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessagePlace {
    /// The attempt; 0 in a ceremony.
    pub attempt: u32,
    /// Place of the trustee, from 1.
    pub sender: u8,
    /// The batch; 0 in a ceremony.
    pub batch: u32,
    /// The exchange; in a ceremony, the place of the message.
    pub exchange: u32,
}

/// A message with its place in the order of all boards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Its number, which only grows.
    pub seq: u64,
    /// Place of the trustee that sent it, from 1.
    pub sender: u8,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Who has said something in an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeardRow {
    /// The batch.
    pub batch: u32,
    /// The exchange; in a ceremony, the place of the message.
    pub exchange: u32,
    /// The senders: bit n − 1 stands for trustee n.
    pub senders: u8,
}

fn small<T: TryFrom<i64>>(row: &SqliteRow, column: &'static str) -> Result<T> {
    T::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StorageError::unreadable("board"))
}

/// Takes what SQLite can hold of a number that only grows.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl ReadTx {
    /// Returns a board, while it is open.
    pub async fn board(&mut self, board: BoardId) -> Result<Option<BoardRow>> {
        let row = sqlx::query(BOARD).bind(board.to_string()).fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(BoardRow {
            attempt: small(&row, "attempt")?,
            began_at: Millis(row.try_get("began_at")?),
            moved_at: Millis(row.try_get("moved_at")?),
            stopped_at: row.try_get::<Option<i64>, _>("stopped_at")?.map(Millis),
            named: small(&row, "named")?,
            cpu_ms: small(&row, "cpu_ms")?,
        }))
    }

    /// Returns the number of the last message of an attempt; 0 if there is none.
    pub async fn last_message(&mut self, board: BoardId, attempt: u32) -> Result<u64> {
        let query = sqlx::query(LAST).bind(board.to_string()).bind(attempt);
        let last: Option<i64> = query.fetch_one(self.connection()).await?.try_get("last")?;
        Ok(last.unwrap_or_default().unsigned_abs())
    }

    /// Returns messages of an attempt after a number, in their order: as many as fit a page, and at least one.
    pub async fn messages(&mut self, board: BoardId, attempt: u32, after: u64) -> Result<Vec<MessageRow>> {
        let (id, after) = (board.to_string(), number(after));
        let query = sqlx::query(LENGTHS).bind(&id).bind(attempt).bind(after).bind(MOST);
        let (mut total, mut last) = (0_usize, None);
        for row in query.fetch_all(self.connection()).await? {
            total = total.saturating_add(small::<usize>(&row, "length")?);
            if total > PAGE_BYTES && last.is_some() {
                break;
            }
            last = Some(row.try_get::<i64, _>("seq")?);
        }
        let Some(last) = last else { return Ok(Vec::new()) };
        let query = sqlx::query(PAGE).bind(&id).bind(attempt).bind(after).bind(last);
        let message = |row: &SqliteRow| {
            Ok(MessageRow {
                seq: small(row, "seq")?,
                sender: small(row, "sender")?,
                bytes: row.try_get("bytes")?,
            })
        };
        query.fetch_all(self.connection()).await?.iter().map(message).collect()
    }

    /// Returns who has said something in which exchanges of an attempt, in the order of batches and exchanges.
    pub async fn heard(&mut self, board: BoardId, attempt: u32) -> Result<Vec<HeardRow>> {
        let rows = sqlx::query(HEARD).bind(board.to_string()).bind(attempt);
        let heard = |row: &SqliteRow| {
            Ok(HeardRow {
                batch: small(row, "batch")?,
                exchange: small(row, "exchange")?,
                senders: small(row, "senders")?,
            })
        };
        rows.fetch_all(self.connection()).await?.iter().map(heard).collect()
    }

    /// Returns what stands in a place of a board.
    pub async fn message_at(&mut self, board: BoardId, place: MessagePlace) -> Result<Option<Vec<u8>>> {
        let MessagePlace { attempt, sender, batch, exchange } = place;
        let query = sqlx::query(AT).bind(board.to_string()).bind(attempt).bind(sender);
        let row = query.bind(batch).bind(exchange).fetch_optional(self.connection()).await?;
        row.map(|row| Ok(row.try_get("bytes")?)).transpose()
    }
}

impl WriteTx {
    /// Opens a board with its first attempt; one that is open stays as it is.
    pub async fn open_board(&mut self, board: BoardId, at: Millis, cpu_ms: u64) -> Result<()> {
        let query = sqlx::query(OPEN).bind(board.to_string()).bind(at.0).bind(number(cpu_ms));
        query.execute(self.connection()).await?;
        Ok(())
    }

    /// Stores a message in a place where there is none; `stops` names whom its sender names if it ends the attempt.
    pub async fn post_message(
        &mut self,
        board: BoardId,
        place: MessagePlace,
        bytes: &[u8],
        (at, stops): (Millis, Option<u8>),
    ) -> Result<()> {
        let (id, MessagePlace { attempt, sender, batch, exchange }) = (board.to_string(), place);
        let query = sqlx::query(POST).bind(&id).bind(attempt).bind(sender).bind(batch).bind(exchange);
        query.bind(bytes).execute(self.connection()).await?;
        sqlx::query(MOVED).bind(&id).bind(at.0).execute(self.connection()).await?;
        if let Some(named) = stops {
            sqlx::query(STOPPED).bind(&id).bind(at.0).bind(named).execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Begins another attempt; the messages of those before it are forgotten.
    pub async fn next_attempt(&mut self, board: BoardId, row: BoardRow, at: Millis) -> Result<()> {
        let (id, attempt) = (board.to_string(), row.attempt.saturating_add(1));
        let query = sqlx::query(NEXT_ATTEMPT).bind(&id).bind(attempt).bind(at.0).bind(row.named);
        query.execute(self.connection()).await?;
        sqlx::query(FORGET).bind(&id).bind(attempt).execute(self.connection()).await?;
        Ok(())
    }

    /// Closes a board and forgets its messages; one that is not open is no error.
    pub async fn close_board(&mut self, board: BoardId) -> Result<()> {
        sqlx::query(CLOSE).bind(board.to_string()).execute(self.connection()).await?;
        Ok(())
    }

    /// Closes all boards.
    pub async fn close_boards(&mut self) -> Result<()> {
        sqlx::query(CLOSE_ALL).execute(self.connection()).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
