//! What follows from the transcript alone, computed once per event.

use protocol::{round::AnnouncementError, transcript::Replay};

use runtime::PoolError;

use crate::{
    app::Kept,
    rounds::RoundError,
    storage::{ReadTx, StorageError},
};

/// Returns a view of the transcript as it stands, computing it unless it is kept; the federation must be founded.
pub(super) async fn kept<T: Clone + Send + 'static>(
    kept: &Kept<T>,
    tx: &mut ReadTx,
    view: impl FnOnce(&Replay) -> Result<T, AnnouncementError> + Send + 'static,
) -> Result<T, RoundError> {
    let events = tx.transcript_length().await?;
    if let Some(view) = kept.at(events) {
        return Ok(view);
    }
    let replay = tx.replay(Replay::clone).await?.ok_or(StorageError::missing("transcript"))?;
    // Not on the pool: a tally may have all of it for hours, and whoever watches is not to wait for that.
    let computed = tokio::task::spawn_blocking(move || view(&replay)).await;
    let view = computed.map_err(PoolError::from)??;
    kept.keep(events, view.clone());
    Ok(view)
}
