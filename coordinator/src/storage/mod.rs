//! The coordinator's memory: one SQLite database and a folder of blobs.
//!
//! Every change of state, its transcript event and what belongs to it happen in one transaction of this
//! room; its callers never see SQL.

mod answers;
mod ballots;
mod blobs;
mod checks;
mod events;
mod federation;
mod members;
mod openings;
mod rounds;
mod students;
mod tokens;
mod upkeep;
mod usage;

pub use answers::Answer;
pub use ballots::{BallotRow, RefusalRow};
pub use blobs::{BlobWriter, Blobs, UploadError};
pub use federation::FederationRow;
pub use members::{InviteRow, MemberRow};
pub use openings::OpeningRow;
pub use rounds::RoundRow;
pub use tokens::TokenRow;
pub use upkeep::Schema;
pub use usage::Usage;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use shared::ids::{Digest, ParticipantId};
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool, Transaction,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// Is an open transaction; it rolls back unless it is committed.
#[derive(Debug)]
pub struct Tx(Transaction<'static, Sqlite>);

impl Tx {
    /// Makes everything that was done in it durable.
    pub async fn commit(self) -> Result<()> {
        Ok(self.0.commit().await?)
    }
}

impl std::ops::Deref for Tx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.0
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }
}

/// Says what went wrong while storing or loading.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The schema cannot be brought up to date.
    #[error("the database cannot be migrated: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A newer program wrote the database.
    #[error(
        "the database was written by a newer version of this program (its schema is {found}, this one knows up to \
         {known}): install that version again, or restore a backup of before the upgrade", found = .0.found, known = .0.known
    )]
    Newer(Schema),
    /// A blob cannot be written or read.
    #[error("blob {digest}: {source}")]
    Blob {
        /// Digest of the blob.
        digest: Digest,
        /// What the file system said.
        source: std::io::Error,
    },
    /// What a tally puts out cannot be written.
    #[error("the tally cannot be written: {0}; see that the disk has room, the tally is tried again")]
    Tally(std::io::Error),
    /// A blob's content no longer has its digest.
    #[error("blob {0} was changed on disk: restore it from a backup")]
    BlobChanged(Digest),
    /// An event would break a rule of the transcript.
    #[error("refused by the transcript's rules: {0}")]
    Rule(#[from] shared::transcript::Fault),
    /// What uploads left behind cannot be removed.
    #[error("unfinished uploads in {path} cannot be removed: {source}", path = path.display())]
    Leftovers {
        /// Folder or file.
        path: PathBuf,
        /// What the file system said.
        source: std::io::Error,
    },
    /// A row cannot be understood.
    #[error("the database holds an unreadable {what}: restore it from a backup")]
    Unreadable {
        /// What kind of row.
        what: &'static str,
    },
}

impl StorageError {
    pub(crate) const fn unreadable(what: &'static str) -> Self {
        Self::Unreadable { what }
    }
}

/// Is the result of this room's functions.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Holds the database and the blobs; clones share them.
#[derive(Debug, Clone)]
pub struct Storage {
    pool: SqlitePool,
    blobs: Blobs,
    chain: Arc<events::Chain>,
}

/// Every change of the schema, in order; what was released is never edited.
static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a writer waits for another one before it fails.
const BUSY: Duration = Duration::from_secs(20);

impl Storage {
    /// Opens the storage in a folder, creates it if it is new, and migrates it to this version.
    pub async fn open(folder: &Path) -> Result<Self> {
        let pool = connect(options(folder).create_if_missing(true)).await?;
        upkeep::migrate(&pool).await?;
        Ok(Self::of(pool, folder))
    }

    fn of(pool: SqlitePool, folder: &Path) -> Self {
        Self { pool, blobs: Blobs::new(folder.join("blobs")), chain: Arc::default() }
    }

    /// Begins a transaction that writes; it is the only one until it ends.
    pub async fn write(&self) -> Result<Tx> {
        Ok(Tx(self.pool.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Begins a transaction that reads one consistent state.
    pub async fn read(&self) -> Result<Tx> {
        Ok(Tx(self.pool.begin().await?))
    }

    /// Returns the blobs.
    pub const fn blobs(&self) -> &Blobs {
        &self.blobs
    }
}

/// File of the database in a data folder.
pub const DATABASE: &str = "coordinator.sqlite";

fn options(folder: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.join(DATABASE))
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
}

async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool> {
    Ok(SqlitePoolOptions::new().max_connections(8).connect_with(options).await?)
}

/// Parses a text column that this program wrote.
pub(crate) fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| StorageError::unreadable(what))
}

/// Decodes a canonical column that this program wrote.
pub(crate) fn decoded<T: borsh::BorshDeserialize>(bytes: &[u8], what: &'static str) -> Result<T> {
    borsh::from_slice(bytes).map_err(|_| StorageError::unreadable(what))
}

/// Reads a participant's number from a column that this program wrote.
pub(crate) fn participant(number: i64) -> Result<ParticipantId> {
    let id = u32::try_from(number).ok().and_then(ParticipantId::new);
    id.ok_or(StorageError::unreadable("participant number"))
}
