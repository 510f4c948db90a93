//! The squashed digits of tallies, which only trustees that do not recompute them need.

use base::{
    Step,
    ids::{Digest, RoundId},
};
use protocol::round::RoundState;

use crate::app::App;

/// Returns where the squashed digits of every tally of a round lie.
pub(crate) fn digits_of(state: &RoundState) -> Vec<Digest> {
    Step::ALL.into_iter().filter_map(|step| state.tally(step)?.squashed_digits).collect()
}

/// Forgets the squashed digits of a round that needs them no more.
pub(crate) async fn forget_digits(app: &App, id: RoundId, digits: &[Digest]) {
    for digits in digits {
        if let Err(error) = app.storage.blobs().remove(*digits).await {
            tracing::warn!(round = %id, %error, "the squashed digits of a finished round stay on the disk");
        }
    }
}
