//! Finding what a request is about, or saying that it is not there.

use base::{ids::RoundId, problem::Code};
use protocol::federation::FederationState;

use super::{Answer, ApiError};
use crate::storage::{FederationRow, ReadTx, RoundRow};

/// Returns the federation or says that there is none.
pub(crate) async fn federation(tx: &mut ReadTx) -> Answer<FederationRow> {
    let row = tx.federation().await?;
    row.ok_or_else(|| {
        ApiError::new(Code::NoFederation, "found one: coordinator federation create --config FILE")
    })
}

/// Returns the federation if it is not closed.
pub(crate) async fn open_federation(tx: &mut ReadTx) -> Answer<FederationRow> {
    let row = federation(tx).await?;
    match row.state {
        FederationState::Assembling | FederationState::Keyed => Ok(row),
        FederationState::Closed => Err(ApiError::new(
            Code::WrongFederationState,
            "the federation is closed; nothing more can be done in it",
        )),
    }
}

/// Returns a round or says that there is none.
pub(crate) async fn find_round(tx: &mut ReadTx, id: RoundId) -> Answer<RoundRow> {
    let round = tx.round(id).await?;
    round.ok_or_else(|| ApiError::new(Code::NotFound, format!("no round {id}: see coordinator round list")))
}
