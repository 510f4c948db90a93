//! Opening and closing the window.

use base::ids::RoundId;
use protocol::{round::RoundState, transcript::EventBody};

use super::{RoundError, tally::on_record};
use crate::app::App;

/// Begins the window.
pub(super) async fn open(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let state = round.state.open()?;
    tx.set_round_state(id, &state).await?;
    tx.commit().await?;
    Ok(())
}

/// Closes the window over the ballots that are in; below the quorum the round fails and nothing is opened.
pub(super) async fn close(app: &App, id: RoundId) -> Result<(), RoundError> {
    let mut tx = app.storage.write().await?;
    let Some(round) = tx.round(id).await? else { return Ok(()) };
    let ballots = tx.ballots(id).await?;
    let counted = ballots.iter().map(|ballot| ballot.participant).collect();
    let now = app.now();
    let state = round.state.close(counted, round.announcement.quorum, now)?;
    let event = match &state {
        RoundState::Failed { reason, charged } => {
            tracing::warn!(round = %id, %reason, "round failed");
            EventBody::Failed { round: id, reason: reason.clone(), charged: *charged }
        }
        _ => {
            let ballots = ballots.iter().map(on_record).collect();
            EventBody::WindowClosed { round: id, ballots }
        }
    };
    tx.set_round_state(id, &state).await?;
    tx.append(&app.identity, now, event).await?;
    tx.commit().await?;
    Ok(())
}
