//! Transactions: what may be done inside one is what its type has verbs for.
//!
//! A [`ReadTx`] reads one consistent state. A [`WriteTx`] is the only one that writes until it ends, and reads as
//! well. Their verbs stand beside the rows they are about, in the other files of this room.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use sqlx::{Connection as _, Sqlite, SqliteConnection, Transaction};

use super::{Result, Storage, events::Chain};

/// A transaction that reads one consistent state.
pub struct ReadTx {
    transaction: Transaction<'static, Sqlite>,
    pub(super) chain: Arc<Chain>,
}

/// A transaction that writes, the only one until it ends; nothing of it stays unless it is committed.
pub struct WriteTx(ReadTx);

impl ReadTx {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

impl WriteTx {
    /// Makes everything that was done in it durable.
    ///
    /// # Errors
    /// Whatever the database says, a full disk for example; then nothing of it stays.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.transaction.commit().await?)
    }
}

impl Deref for WriteTx {
    type Target = ReadTx;

    fn deref(&self) -> &ReadTx {
        &self.0
    }
}

impl DerefMut for WriteTx {
    fn deref_mut(&mut self) -> &mut ReadTx {
        &mut self.0
    }
}

impl Storage {
    /// Begins a transaction that writes; it is the only one until it ends.
    pub async fn write(&self) -> Result<WriteTx> {
        Ok(WriteTx(self.begin("BEGIN IMMEDIATE").await?))
    }

    /// Begins a transaction that reads one consistent state.
    pub async fn read(&self) -> Result<ReadTx> {
        self.begin("BEGIN").await
    }

    async fn begin(&self, statement: &'static str) -> Result<ReadTx> {
        let transaction = self.pool.begin_with(statement).await?;
        Ok(ReadTx { transaction, chain: Arc::clone(&self.chain) })
    }
}

/// Returns whether a connection may go back to the pool: it is in no transaction any more.
///
/// After a statement or a COMMIT that failed, SQLite may have rolled back by itself; then the ROLLBACK that ends the
/// transaction fails too, and the connection would begin its next one inside a transaction that is not there. Such a
/// connection is closed.
pub(super) async fn is_clean(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    // The ROLLBACK of a transaction that was dropped is only queued; the ping comes after it.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

#[cfg(test)]
mod tests;
