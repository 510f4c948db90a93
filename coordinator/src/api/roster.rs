//! `/roster`: who is enrolled, approvals and revocations.

use axum::{extract::State, http::StatusCode};
use base::{
    identity::{Signed, SignedStatement},
    ids::ParticipantId,
    problem::Code,
};
use protocol::{
    federation::Approval,
    transcript::EventBody,
    wire::{Revoke, RosterView},
};
use serde::Deserialize;

use super::openapi::{OPERATOR, PARTICIPANTS, READERS};
use crate::{
    app::App,
    http::{
        Answer, ApiError, InPath, InQuery, Json, Operator, Participant, Reader, federation, open_federation,
        page_limit,
    },
    storage::ReadTx,
    watch,
};

/// Most participants in a page, and as many as there are in one unless the request says otherwise.
const LARGEST_PAGE: u32 = 1000;

#[derive(Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RosterQuery {
    /// Most participants in the page, revoked ones included; 1000 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The participant after whom the page begins: `next` of the page before.
    #[param(minimum = 0)]
    after: Option<u32>,
}

async fn view(app: &App, tx: &mut ReadTx, query: RosterQuery) -> Answer<Json<RosterView>> {
    let RosterQuery { limit, after } = query;
    let limit = page_limit(limit, LARGEST_PAGE, LARGEST_PAGE)? as usize;
    let hash = federation(tx).await?.founding.digest();
    Ok(Json(watch::roster(app, tx, hash, after, limit).await?))
}

/// Shows the roster page by page, with approvals, who is online, and who was revoked.
#[utoipa::path(
    get,
    path = "/roster",
    tag = "roster",
    params(RosterQuery),
    responses((status = 200, description = "A page of the roster", body = RosterView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation])))
)]
pub(super) async fn show(
    _: Reader,
    State(app): State<App>,
    InQuery(query): InQuery<RosterQuery>,
) -> Answer<Json<RosterView>> {
    let mut tx = app.storage.read().await?;
    view(&app, &mut tx, query).await
}

/// Removes a participant from the roster; the trustee cannot be removed.
#[utoipa::path(
    post,
    path = "/roster/{participant}/revoke",
    tag = "roster",
    params(("participant" = ParticipantId, Path, description = "Number of the participant")),
    request_body = Revoke,
    responses((status = 200, description = "The first page of the roster without it", body = RosterView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::NotFound, Code::Conflict, Code::RuleBroken])))
)]
pub(super) async fn revoke(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<ParticipantId>,
    Json(Revoke { reason }): Json<Revoke>,
) -> Answer<Json<RosterView>> {
    let mut tx = app.storage.write().await?;
    let hash = open_federation(&mut tx).await?.founding.digest();
    let roster = tx.roster(hash).await?;
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
    tx.revoke(id, now).await?;
    let event = EventBody::Revoked { participant: id, reason: reason.chars().take(400).collect() };
    tx.append(&app.identity, now, event).await?;
    let answer = view(&app, &mut tx, RosterQuery::default()).await?;
    tx.commit().await?;
    Ok(answer)
}

/// Records a participant's signed consent to event 0 and the roster as it stands.
#[utoipa::path(
    put,
    path = "/roster/{participant}/approval",
    tag = "roster",
    params(("participant" = ParticipantId, Path, description = "Number of the participant")),
    request_body = SignedStatement,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(PARTICIPANTS)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::Conflict, Code::RuleBroken])))
)]
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
    let federation = open_federation(&mut tx).await?.founding.digest();
    let roster = tx.roster(federation).await?.digest();
    if (approval.federation, approval.roster) != (federation, roster) {
        let detail = format!(
            "the approval is for roster {}, the roster is {roster} now: look at it and approve again",
            approval.roster
        );
        return Err(ApiError::new(Code::Conflict, detail));
    }
    tx.approve(id, roster).await?;
    tx.append(&app.identity, app.now(), EventBody::Approved(signed)).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
