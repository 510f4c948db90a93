//! `/known-answer…`: the tally that proves the keys, and its openings.

use axum::{
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use base::{Step, ids::Digest, problem::Code};
use protocol::{
    federation::KNOWN_ANSWER_INSTANCES,
    round::Opening,
    transcript::EventBody,
    wire::{OpeningTask, PostOpening},
};

use super::{
    blobs::stream_blob,
    openapi::{Streamed, TRUSTEES},
};
use crate::{
    app::App,
    http::{Answer, ApiError, Json, Trustee, federation},
    rounds,
    storage::{FederationRow, ReadTx},
};

async fn known_answer_digest(tx: &mut ReadTx) -> Answer<(FederationRow, Digest)> {
    let row = federation(tx).await?;
    let digest = row.known_answer.ok_or_else(|| {
        ApiError::new(
            Code::WrongFederationState,
            "the known answer is not computed yet: publish the keys first",
        )
    })?;
    Ok((row, digest))
}

/// Shows the tally that proves the keys.
#[utoipa::path(
    get,
    path = "/known-answer",
    tag = "ceremony",
    responses((status = 200, description = "What to open", body = OpeningTask)),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState])))
)]
pub(super) async fn show_known_answer(_: Trustee, State(app): State<App>) -> Answer<Json<OpeningTask>> {
    let mut tx = app.storage.read().await?;
    known_answer_digest(&mut tx).await?;
    let tally = tx.replay(|replay| replay.tally(None, Step::Label)).await?.flatten();
    let missing = || ApiError::new(Code::Internal, "the known answer is not on the transcript");
    let recorded = tally.ok_or_else(missing)?;
    Ok(Json(OpeningTask {
        announcement: None,
        tally: recorded.event,
        step: Step::Label,
        ciphertexts: recorded.tally.ciphertexts,
        instance_count: KNOWN_ANSWER_INSTANCES,
        counted: Vec::new(),
    }))
}

/// Streams what the sole trustee opens of the known answer: its label ciphertexts.
#[utoipa::path(
    get,
    path = "/known-answer/label-ciphertexts",
    tag = "ceremony",
    responses(Streamed),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState])))
)]
pub(super) async fn known_answer_labels(
    trustee: Trustee,
    state: State<App>,
    request: Parts,
) -> Answer<Response> {
    known_answer_ciphertexts(trustee, state, request).await
}

/// Streams what several trustees open of the known answer: its squashed digits.
#[utoipa::path(
    get,
    path = "/known-answer/squashed-digits",
    tag = "ceremony",
    responses(Streamed),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState])))
)]
pub(super) async fn known_answer_digits(
    trustee: Trustee,
    state: State<App>,
    request: Parts,
) -> Answer<Response> {
    known_answer_ciphertexts(trustee, state, request).await
}

async fn known_answer_ciphertexts(_: Trustee, State(app): State<App>, request: Parts) -> Answer<Response> {
    let mut tx = app.storage.read().await?;
    let (_, digest) = known_answer_digest(&mut tx).await?;
    drop(tx);
    stream_blob(&app, digest, &request).await
}

/// Takes an opening of the known answer; when every trustee has opened it and every t + 1 of them find the right
/// labels, the federation is keyed.
#[utoipa::path(
    put,
    path = "/known-answer",
    tag = "ceremony",
    request_body = PostOpening,
    responses((status = 204, description = "Taken; the same again changes nothing")),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::WrongRoundState, Code::InvalidOpening, Code::InvalidKeys, Code::RuleBroken])))
)]
pub(super) async fn post_known_answer(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    Json(PostOpening { opening: signed }): Json<PostOpening>,
) -> Answer<StatusCode> {
    let opening = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    let (row, _) = known_answer_digest(&mut tx).await?;
    let before = known_openings(&mut tx).await?;
    if before.contains(&opening) {
        return Ok(StatusCode::NO_CONTENT);
    }
    rounds::check_opening(&mut tx, (None, Step::Label), &opening, trustee.id).await?;
    let Ok(keyed) = row.state.keyed() else {
        return Ok(StatusCode::NO_CONTENT);
    };
    let verdict = prove(&app, &mut tx, &row, (before, opening)).await?;
    if let Err(detail) = &verdict
        && row.founding.config.trustees.is_sole()
    {
        return Err(ApiError::new(Code::InvalidKeys, detail.clone()));
    }
    let now = app.now();
    tx.append(&app.identity, now, EventBody::Opened(signed)).await?;
    if verdict == Ok(true) {
        tx.set_federation_state(keyed).await?;
        tx.append(&app.identity, now, EventBody::Keyed).await?;
        tracing::info!("federation keyed");
    }
    tx.commit().await?;
    match verdict {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        Err(detail) => {
            tracing::error!(detail, "the known answer does not prove the keys");
            Err(ApiError::new(Code::InvalidKeys, detail))
        }
    }
}

async fn known_openings(tx: &mut ReadTx) -> Answer<Vec<Opening>> {
    let openings: Option<Vec<Opening>> = tx.replay(|replay| replay.ceremony().openings().to_vec()).await?;
    Ok(openings.unwrap_or_default())
}

/// Judges the openings of the known answer with the newest one.
async fn prove(
    app: &App,
    tx: &mut ReadTx,
    row: &FederationRow,
    (mut openings, newest): (Vec<Opening>, Opening),
) -> Answer<Result<bool, String>> {
    openings.push(newest);
    let known = tx.replay(|replay| {
        let squashed = replay.tally(None, Step::Label).and_then(|recorded| recorded.tally.squashed);
        (replay.trustees(), squashed)
    });
    let Some((trustees, squashed)) = known.await? else {
        return Err(ApiError::new(Code::Internal, "there is no transcript"));
    };
    Ok(rounds::is_proven(app, row, trustees, openings, squashed).await?)
}
