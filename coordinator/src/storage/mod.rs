//! The coordinator's memory: one SQLite database and a folder of blobs.
//!
//! Every change of state, its transcript event and what belongs to it happen in one transaction of this
//! room; its callers never see SQL.

mod answers;
mod ballots;
mod blobs;
mod boards;
mod checks;
mod events;
mod federation;
mod members;
mod openings;
mod rounds;
mod students;
mod tokens;
mod transaction;
mod upkeep;
mod usage;

pub use answers::Answer;
pub use ballots::{BallotRow, RefusalRow};
pub use blobs::{BlobWriter, Blobs, UploadError};
pub use boards::{BoardRow, HeardRow, MessagePlace, MessageRow};
pub use federation::FederationRow;
pub use members::{InviteRow, MemberRow};
pub use openings::OpeningRow;
pub use rounds::RoundRow;
pub use tokens::TokenRow;
pub use transaction::{ReadTx, WriteTx};
pub use upkeep::Schema;
pub use usage::Usage;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use base::{
    bug,
    ids::{Digest, ParticipantId},
};
use sqlx::{
    SqlitePool,
    migrate::Migrator,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// What the database said; its library stays in this room.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Box<sqlx::Error>);

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DatabaseError(Box::new(error)))
    }
}

impl From<tokio::task::JoinError> for StorageError {
    fn from(lost: tokio::task::JoinError) -> Self {
        match lost.try_into_panic() {
            Ok(panic) => Self::Bug(bug::words(&*panic)),
            Err(_) => Self::Stopped,
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StorageError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migration(DatabaseError(Box::new(error.into())))
    }
}

/// What went wrong while storing or loading.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The database refused.
    #[error("the database failed: {0}")]
    Database(DatabaseError),
    /// The schema cannot be brought up to date.
    #[error("the database cannot be migrated: {0}")]
    Migration(DatabaseError),
    /// The first version of this program wrote the folder.
    #[error(
        "{path} was written by Psephos 0.1, and only that version reads it: keep it there, and use another folder for a \
         federation of this version", path = .0.display()
    )]
    Older(PathBuf),
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
    Rule(#[from] protocol::transcript::Fault),
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
    /// A row that others refer to is not there.
    #[error("the database lacks the {what} that other rows refer to: restore it from a backup")]
    Missing {
        /// What is not there.
        what: &'static str,
    },
    /// A value cannot be written in its stored form.
    #[error("the {what} cannot be written as JSON: {source}")]
    Unwritable {
        /// What kind of value.
        what: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The service ends before a file was read or written.
    #[error("a file was not read or written to its end, because the service stops")]
    Stopped,
    /// Reading or writing a file panicked, with these words.
    #[error("reading or writing a file failed by a bug of this program: {0}")]
    Bug(String),
}

impl StorageError {
    pub(crate) const fn unreadable(what: &'static str) -> Self {
        Self::Unreadable { what }
    }

    pub(crate) const fn missing(what: &'static str) -> Self {
        Self::Missing { what }
    }

    /// Returns whether trying the same again cannot help.
    pub(crate) fn is_lasting(&self) -> bool {
        match self {
            // A disk that is full or busy today is not tomorrow; a file that is gone does not come back by itself.
            Self::Blob { source, .. } => source.kind() == std::io::ErrorKind::NotFound,
            Self::BlobChanged(_)
            | Self::Unreadable { .. }
            | Self::Missing { .. }
            | Self::Unwritable { .. }
            | Self::Bug(_) => true,
            Self::Database(_)
            | Self::Migration(_)
            | Self::Older(_)
            | Self::Newer(_)
            | Self::Tally(_)
            | Self::Rule(_)
            | Self::Leftovers { .. }
            | Self::Stopped => false,
        }
    }
}

/// The result of this room's functions.
pub type Result<T> = std::result::Result<T, StorageError>;

/// The database and the blobs; clones share them.
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
        upkeep::migrate(&pool, folder).await?;
        Ok(Self::of(pool, folder))
    }

    fn of(pool: SqlitePool, folder: &Path) -> Self {
        Self { pool, blobs: Blobs::new(folder.join("blobs")), chain: Arc::default() }
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
    let pool = SqlitePoolOptions::new()
        .max_connections(8)
        .after_release(|connection, _| Box::pin(transaction::is_clean(connection)));
    Ok(pool.connect_with(options).await?)
}

/// Parses a text column that this program wrote.
pub(crate) fn parsed<T: FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| StorageError::unreadable(what))
}

/// Writes the JSON of a column.
fn json(value: &impl serde::Serialize, what: &'static str) -> Result<String> {
    serde_json::to_string(value).map_err(|source| StorageError::Unwritable { what, source })
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
