//! `/trustees/{participant}/…`: what each trustee signs in the ceremony.

use axum::{extract::State, http::StatusCode};
use base::{
    identity::{Signed, SignedStatement, Statement},
    ids::ParticipantId,
    problem::Code,
};
use protocol::{
    federation::{Acknowledgement, Complaint, TrusteeApproval},
    transcript::{CeremonyRecord, EventBody},
};

use super::openapi::TRUSTEES;
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Trustee, open_federation},
};

/// Records a trustee's consent to share the key with these trustees, dealt by this dealer.
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
    trustee: Trustee,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(signed): Json<Signed<TrusteeApproval>>,
) -> Answer<StatusCode> {
    let is_done = |ceremony: &CeremonyRecord| ceremony.approved().contains(&id);
    record(&app, trustee, id, &signed, is_done, EventBody::TrusteeApproved).await
}

/// Records a trustee's word that its pieces match their commitments and are stored.
#[utoipa::path(
    put,
    path = "/trustees/{participant}/acknowledgement",
    tag = "ceremony",
    params(("participant" = ParticipantId, Path, description = "Number of the participant")),
    request_body = SignedStatement,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::RuleBroken])))
)]
pub(super) async fn acknowledge(
    trustee: Trustee,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(signed): Json<Signed<Acknowledgement>>,
) -> Answer<StatusCode> {
    let is_done = |ceremony: &CeremonyRecord| ceremony.acknowledged().contains(&id);
    record(&app, trustee, id, &signed, is_done, EventBody::Acknowledged).await
}

/// Records a complaint, which ends the ceremony.
#[utoipa::path(
    put,
    path = "/trustees/{participant}/complaint",
    tag = "ceremony",
    params(("participant" = ParticipantId, Path, description = "Number of the participant")),
    request_body = SignedStatement,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::RuleBroken])))
)]
pub(super) async fn complain(
    trustee: Trustee,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(signed): Json<Signed<Complaint>>,
) -> Answer<StatusCode> {
    let complaint = signed.verify(&trustee.0.identity)?;
    let is_done = |ceremony: &CeremonyRecord| ceremony.complaint() == Some(&complaint);
    let Complaint { about, reason, .. } = &complaint;
    tracing::error!(by = %id, %about, reason, "a trustee complains: the ceremony is over");
    record(&app, trustee, id, &signed, is_done, EventBody::Complained).await
}

/// Appends a trustee's statement unless it is on the record already; the transcript's rules judge it.
async fn record<T: Statement + Clone>(
    app: &App,
    Trustee(trustee): Trustee,
    named: ParticipantId,
    signed: &Signed<T>,
    is_done: impl FnOnce(&CeremonyRecord) -> bool,
    event: impl FnOnce(Signed<T>) -> EventBody,
) -> Answer<StatusCode> {
    if named != trustee.id {
        let detail = format!("participant {} signs only for itself", trustee.id);
        return Err(ApiError::new(Code::Forbidden, detail));
    }
    signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    open_federation(&mut tx).await?;
    if tx.replay(|replay| is_done(replay.ceremony())).await? == Some(true) {
        return Ok(StatusCode::NO_CONTENT);
    }
    tx.append(&app.identity, app.now(), event(signed.clone())).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}
