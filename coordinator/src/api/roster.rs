//! `/roster`: who is enrolled, approvals and revocations.

use axum::{extract::State, http::StatusCode};
use shared::{
    federation::Approval,
    identity::Signed,
    ids::ParticipantId,
    problem::Code,
    transcript::EventBody,
    wire::{Revoke, RosterView},
};

use super::{
    Answer, ApiError,
    auth::{Operator, Participant, Reader, federation, open_federation},
    error::{InPath, Json},
};
use crate::{app::App, storage::Tx, watch};

async fn view(app: &App, tx: &mut Tx) -> Answer<Json<RosterView>> {
    let hash = federation(&app.storage, tx).await?.founding.digest();
    Ok(Json(watch::roster(app, tx, hash).await?))
}

pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<RosterView>> {
    let mut tx = app.storage.read().await?;
    view(&app, &mut tx).await
}

/// Removes a participant from the roster; the trustee cannot be removed.
pub(super) async fn revoke(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(Revoke { reason }): Json<Revoke>,
) -> Answer<Json<RosterView>> {
    let mut tx = app.storage.write().await?;
    let hash = open_federation(&app.storage, &mut tx).await?.founding.digest();
    let roster = app.storage.roster(&mut tx, hash).await?;
    let member = roster.member(id).ok_or_else(|| {
        ApiError::new(
            Code::NotFound,
            format!("participant {id} is not on the roster: see coordinator roster show"),
        )
    })?;
    if member.trustee {
        let detail = "trustees are fixed: close this federation and found another one without it";
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let now = app.now();
    app.storage.revoke(&mut tx, id, now).await?;
    let event = EventBody::Revoked { participant: id, reason: reason.chars().take(400).collect() };
    app.storage.append(&mut tx, &app.identity, now, event).await?;
    let answer = view(&app, &mut tx).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Records a participant's signed consent to event 0 and the roster as it stands.
pub(super) async fn approve(
    Participant(member): Participant,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(signed): Json<Signed<Approval>>,
) -> Answer<StatusCode> {
    let approval = signed.verify(&member.identity)?;
    if (id, approval.participant) != (member.id, member.id) {
        return Err(ApiError::new(Code::Forbidden, "a participant approves only for itself"));
    }
    let mut tx = app.storage.write().await?;
    let federation = open_federation(&app.storage, &mut tx).await?.founding.digest();
    let roster = app.storage.roster(&mut tx, federation).await?.digest();
    if (approval.federation, approval.roster) != (federation, roster) {
        let detail = format!(
            "the approval is for roster {}, the roster is {roster} now: look at it and approve again",
            approval.roster
        );
        return Err(ApiError::new(Code::Conflict, detail));
    }
    app.storage.approve(&mut tx, id, roster).await?;
    app.storage.append(&mut tx, &app.identity, app.now(), EventBody::Approved(signed)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
