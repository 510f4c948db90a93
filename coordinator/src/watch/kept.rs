//! What follows from the transcript alone, computed once per event.

use std::sync::{Mutex, PoisonError};

use shared::{round::AnnouncementError, transcript::Replay};

use crate::{
    app::App,
    rounds::RoundError,
    storage::{StorageError, Tx},
};

/// Keeps a view of the transcript until another event is appended.
#[derive(Debug)]
pub(super) struct Kept<T>(Mutex<Option<(u64, T)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone + Send + 'static> Kept<T> {
    /// Returns the view of the transcript as it stands, computing it unless it is kept; the federation must be founded.
    pub(super) async fn of(
        &self,
        app: &App,
        tx: &mut Tx,
        view: impl FnOnce(&Replay) -> Result<T, AnnouncementError> + Send + 'static,
    ) -> Result<T, RoundError> {
        let events = app.storage.transcript_length(tx).await?;
        if let Some((of, kept)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()
            && *of == events
        {
            return Ok(kept.clone());
        }
        let replay =
            app.storage.replay(tx, Replay::clone).await?.ok_or(StorageError::unreadable("transcript"))?;
        // Not on the pool: a tally may have all of it for hours, and whoever watches is not to wait for that.
        let computed = tokio::task::spawn_blocking(move || view(&replay)).await;
        let view = computed
            .map_err(|_| StorageError::unreadable("transcript: the task that reads it was stopped"))??;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((events, view.clone()));
        Ok(view)
    }
}
