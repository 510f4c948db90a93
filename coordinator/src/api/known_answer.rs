//! `/known-answer`: the sole trustee's opening of the tally that proves its keys.

use axum::{extract::State, http::StatusCode};
use base::{Step, problem::Code};
use protocol::{round::Opening, transcript::EventBody, wire::PostOpening};

use super::openapi::TRUSTEES;
use crate::{
    app::App,
    http::{Answer, ApiError, Json, Trustee, federation},
    rounds,
    storage::ReadTx,
};

/// Takes the sole trustee's opening of the known answer; the right labels key the federation.
#[utoipa::path(
    put,
    path = "/known-answer",
    tag = "ceremony",
    request_body = PostOpening,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongRoundState, Code::InvalidOpening, Code::InvalidKeys, Code::RuleBroken])))
)]
pub(super) async fn post_known_answer(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    Json(PostOpening { opening: signed }): Json<PostOpening>,
) -> Answer<StatusCode> {
    let opening = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    let row = federation(&mut tx).await?;
    if known_openings(&mut tx).await?.contains(&opening) {
        return Ok(StatusCode::NO_CONTENT);
    }
    rounds::check_opening(&mut tx, (None, Step::Label), &opening, trustee.id).await?;
    let Ok(keyed) = row.state.keyed() else {
        return Ok(StatusCode::NO_CONTENT);
    };
    if let Err(detail) = rounds::proves(&opening, row.founding.config.classes.len()) {
        tracing::error!(detail, "the known answer does not prove the keys");
        return Err(ApiError::new(Code::InvalidKeys, detail));
    }
    let now = app.now();
    tx.append(&app.identity, now, EventBody::Opened(signed)).await?;
    tx.append(&app.identity, now, EventBody::Keyed).await?;
    tx.set_federation_state(keyed).await?;
    tx.commit().await?;
    tracing::info!("federation keyed");
    Ok(StatusCode::NO_CONTENT)
}

async fn known_openings(tx: &mut ReadTx) -> Answer<Vec<Opening>> {
    let openings: Option<Vec<Opening>> = tx.replay(|replay| replay.ceremony().openings().to_vec()).await?;
    Ok(openings.unwrap_or_default())
}
