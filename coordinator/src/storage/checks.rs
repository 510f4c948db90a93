//! What the last check of the coordinator's own transcript found.

use shared::wire::CheckedTranscript;
use sqlx::Row as _;

use super::{Result, Storage, StorageError, Tx};

const SELECT: &str = "SELECT checked FROM checks";
const REPLACE: &str = "INSERT INTO checks (only_row, checked) VALUES (1, $1) \
                       ON CONFLICT (only_row) DO UPDATE SET checked = $1";

impl Storage {
    /// Returns what the last check found.
    pub async fn checked(&self, tx: &mut Tx) -> Result<Option<CheckedTranscript>> {
        let row = sqlx::query(SELECT).fetch_optional(&mut **tx).await?;
        let Some(row) = row else { return Ok(None) };
        let checked = serde_json::from_str(row.try_get("checked")?);
        checked.map(Some).map_err(|_| StorageError::unreadable("check of the transcript"))
    }

    /// Stores what a check found in place of what the one before found.
    pub async fn set_checked(&self, tx: &mut Tx, checked: &CheckedTranscript) -> Result<()> {
        let checked = serde_json::to_string(checked);
        let checked = checked.map_err(|_| StorageError::unreadable("check of the transcript"))?;
        sqlx::query(REPLACE).bind(checked).execute(&mut **tx).await?;
        Ok(())
    }
}
