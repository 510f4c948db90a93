//! Lists that come in pages, put together.

use shared::wire::{RosterView, RoundSummary, RoundsPage};

use super::{Client, ClientError};

impl Client {
    /// Fetches one line about every round, oldest first.
    pub async fn rounds(&self) -> Result<Vec<RoundSummary>, ClientError> {
        let mut page: RoundsPage = self.get("/rounds").await?;
        let mut rounds = page.rounds;
        while let Some(after) = page.next {
            page = self.get(&format!("/rounds?after={after}")).await?;
            rounds.append(&mut page.rounds);
        }
        Ok(rounds)
    }

    /// Fetches the whole roster.
    pub async fn roster(&self) -> Result<RosterView, ClientError> {
        let mut whole: RosterView = self.get("/roster").await?;
        while let Some(after) = whole.next {
            let page = self.get(&format!("/roster?after={after}")).await?;
            whole.append(page).map_err(|e| ClientError::Unreadable(e.to_string()))?;
        }
        Ok(whole)
    }
}
