//! What the last check of the coordinator's own transcript found.

use protocol::wire::CheckedTranscript;
use sqlx::Row as _;

use super::{ReadTx, Result, StorageError, WriteTx, json};

const SELECT: &str = "SELECT checked FROM checks";
const REPLACE: &str = "INSERT INTO checks (only_row, checked) VALUES (1, $1) \
                       ON CONFLICT (only_row) DO UPDATE SET checked = $1";

impl ReadTx {
    /// Returns what the last check found.
    pub async fn checked(&mut self) -> Result<Option<CheckedTranscript>> {
        let row = sqlx::query(SELECT).fetch_optional(self.connection()).await?;
        let Some(row) = row else { return Ok(None) };
        let checked = serde_json::from_str(row.try_get("checked")?);
        checked.map(Some).map_err(|_| StorageError::unreadable("check of the transcript"))
    }
}

impl WriteTx {
    /// Stores what a check found in place of what the one before found.
    pub async fn set_checked(&mut self, checked: &CheckedTranscript) -> Result<()> {
        let checked = json(checked, "check of the transcript")?;
        sqlx::query(REPLACE).bind(checked).execute(self.connection()).await?;
        Ok(())
    }
}
