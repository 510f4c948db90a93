//! Upkeep of the database: looking without migrating, copying while it is in use, checking it.

use std::path::Path;

use sqlx::{Row as _, SqlitePool, migrate::MigrateError, sqlite::SqliteConnectOptions};

use super::{MIGRATIONS, Result, Storage, StorageError};

const COPY: &str = "VACUUM INTO $1";
const INTEGRITY: &str = "PRAGMA integrity_check(5)";
const REFERENCES: &str = "PRAGMA foreign_key_check";
const APPLIED: &str = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";

/// How far a database is migrated, and how far this program would migrate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// The last migration of the database.
    pub found: i64,
    /// The last migration that this program knows.
    pub known: i64,
}

impl Schema {
    /// Returns whether the first version of this program wrote the database: its schema is not brought up to this one.
    pub fn is_of_first_version(self) -> bool {
        self.found > 0 && self.found < first_known()
    }
}

/// Brings a database up to date; one that a newer program wrote is refused, and one of the first version.
pub(super) async fn migrate(pool: &SqlitePool, folder: &Path) -> Result<()> {
    MIGRATIONS.run(pool).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) if found < first_known() => {
            StorageError::Older(folder.to_owned())
        }
        MigrateError::VersionMissing(found) => StorageError::Newer(Schema { found, known: last_known() }),
        other => other.into(),
    })
}

fn first_known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).min().unwrap_or_default()
}

fn last_known() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

impl Storage {
    /// Opens a database that is there as it is: it is neither made nor migrated.
    pub async fn inspect(folder: &Path) -> Result<Self> {
        let options: SqliteConnectOptions = super::options(folder).create_if_missing(false);
        let pool = super::connect(options).await?;
        Ok(Self::of(pool, folder))
    }

    /// Writes a whole and consistent copy of the database to a new file, while others go on using it.
    pub async fn copy_to(&self, path: &Path) -> Result<()> {
        sqlx::query(COPY).bind(path.to_string_lossy().into_owned()).execute(&self.pool).await?;
        Ok(())
    }

    /// Returns what SQLite finds wrong with the database; nothing if all is well.
    pub async fn damages(&self) -> Result<Vec<String>> {
        let rows = sqlx::query(INTEGRITY).fetch_all(&self.pool).await?;
        let lines = rows
            .iter()
            .map(|row| row.try_get::<String, _>(0))
            .collect::<std::result::Result<Vec<_>, sqlx::Error>>()?;
        let mut damages: Vec<String> = lines.into_iter().filter(|line| line != "ok").collect();
        for row in sqlx::query(REFERENCES).fetch_all(&self.pool).await? {
            damages.push(format!("a row of {} refers to nothing", row.try_get::<String, _>(0)?));
        }
        Ok(damages)
    }

    /// Returns how far the database is migrated.
    pub async fn schema(&self) -> Result<Schema> {
        let rows = sqlx::query(APPLIED).fetch_all(&self.pool).await?;
        let last = rows.last().map(|row| row.try_get("version")).transpose()?;
        Ok(Schema { found: last.unwrap_or_default(), known: last_known() })
    }
}

#[cfg(test)]
mod tests;
