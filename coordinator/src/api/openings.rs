//! `/rounds/{round}/openings/{step}/{trustee}`: what the sole trustee opens of a tally, step by step.

use axum::{extract::State, http::StatusCode};
use base::{
    Step,
    ids::{ParticipantId, RoundId},
    problem::Code,
};
use protocol::wire::PostOpening;

use super::{LARGEST_OPENING, openapi::TRUSTEES};
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Trustee, federation, find_round},
    rounds,
};

/// Takes the sole trustee's opening of a round's step, once; the same opening again changes nothing.
#[utoipa::path(
    put,
    path = "/rounds/{round}/openings/{step}/{trustee}",
    tag = "openings",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        ("step" = Step, Path, description = "What is opened: `test` or `label`"),
        ("trustee" = ParticipantId, Path, description = "Number of the trustee, who is the caller")
    ),
    request_body = PostOpening,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::NotFound, Code::WrongRoundState, Code::Conflict, Code::InvalidOpening, Code::RuleBroken])), ("x-largest-body" = json!(LARGEST_OPENING)))
)]
pub(super) async fn post(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    InPath((id, step, named)): InPath<(RoundId, Step, ParticipantId)>,
    Json(PostOpening { opening: signed }): Json<PostOpening>,
) -> Answer<StatusCode> {
    if named != trustee.id {
        return Err(ApiError::new(
            Code::Forbidden,
            format!("participant {} opens only for itself", trustee.id),
        ));
    }
    let opening = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    federation(&mut tx).await?;
    let round = find_round(&mut tx, id).await?;
    rounds::post_opening(&app, tx, &round, (&trustee, step), (signed, &opening)).await?;
    Ok(StatusCode::NO_CONTENT)
}
