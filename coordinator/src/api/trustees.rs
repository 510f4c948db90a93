//! `/trustees/{participant}/approval`: what a person at each trustee signs before the key is made.

use axum::{extract::State, http::StatusCode};
use base::{
    identity::{Signed, SignedStatement},
    ids::ParticipantId,
    problem::Code,
};
use protocol::{federation::TrusteeApproval, transcript::EventBody};

use super::openapi::TRUSTEES;
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Trustee, open_federation},
    rounds,
};

/// Records a trustee's consent to share the key with these trustees; with the last one their ceremony begins.
#[utoipa::path(
    put,
    path = "/trustees/{participant}/approval",
    tag = "ceremony",
    params(("participant" = ParticipantId, Path, description = "Number of the participant")),
    request_body = SignedStatement,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::RuleBroken])))
)]
pub(super) async fn approve(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(signed): Json<Signed<TrusteeApproval>>,
) -> Answer<StatusCode> {
    if id != trustee.id {
        let detail = format!("participant {} signs only for itself", trustee.id);
        return Err(ApiError::new(Code::Forbidden, detail));
    }
    signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    open_federation(&mut tx).await?;
    let is_done = |replay: &protocol::transcript::Replay| replay.ceremony().approved().contains(&id);
    if tx.replay(is_done).await? == Some(true) {
        return Ok(StatusCode::NO_CONTENT);
    }
    tx.append(&app.identity, app.now(), EventBody::TrusteeApproved(signed)).await?;
    rounds::open_ceremony(&app, &mut tx).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
