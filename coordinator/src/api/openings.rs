//! `/rounds/{round}/openings/…`: what trustees open, step by step, and their answers.

use axum::{
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use base::{
    Step,
    ids::{Digest, ParticipantId, RoundId},
    problem::Code,
};
use protocol::{
    round::Tallied,
    wire::{OpeningTask, PostOpening},
};

use super::{
    LARGEST_OPENING,
    blobs::stream_blob,
    openapi::{Streamed, TRUSTEES},
};
use crate::{
    app::App,
    http::{Answer, ApiError, InPath, Json, Trustee, federation, find_round},
    rounds,
    storage::RoundRow,
};

/// Returns what the tally of a round's step produced, while it waits for its opening or after.
fn tallied(round: &RoundRow, step: Step) -> Answer<Tallied> {
    let not_yet = || {
        let (id, state) = (round.id(), round.state.name());
        let detail = format!("round {id} is {state}: there is nothing to open of the step `{step}`");
        ApiError::new(Code::WrongRoundState, detail)
    };
    round.state.tally(step).copied().ok_or_else(not_yet)
}

/// Shows the sole trustee what it is asked to open; several trustees read the transcript instead.
#[utoipa::path(
    get,
    path = "/rounds/{round}/openings/{step}",
    tag = "openings",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        ("step" = Step, Path, description = "What is opened: `test` or `label`")
    ),
    responses((status = 200, description = "What to open", body = OpeningTask)),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NotFound, Code::WrongRoundState])))
)]
pub(super) async fn task(
    _: Trustee,
    State(app): State<App>,
    InPath((id, step)): InPath<(RoundId, Step)>,
) -> Answer<Json<OpeningTask>> {
    let mut tx = app.storage.read().await?;
    let round = find_round(&mut tx, id).await?;
    let tallied = tallied(&round, step)?;
    let instance_count = match step {
        Step::Test => round.announcement.instance_count,
        Step::Label => round.passed(),
    };
    Ok(Json(OpeningTask {
        tally: tallied.event,
        step,
        ciphertexts: tallied.ciphertexts,
        instance_count,
        counted: round.state.counted().to_vec(),
        announcement: Some(round.announcement),
    }))
}

/// Streams the label ciphertexts of a step.
#[utoipa::path(
    get,
    path = "/rounds/{round}/openings/{step}/ciphertexts",
    tag = "openings",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        ("step" = Step, Path, description = "What is opened: `test` or `label`")
    ),
    responses(Streamed),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NotFound, Code::WrongRoundState])))
)]
pub(super) async fn ciphertexts(
    _: Trustee,
    State(app): State<App>,
    InPath(tally): InPath<(RoundId, Step)>,
    request: Parts,
) -> Answer<Response> {
    stream_tallied(&app, tally, &request, |tallied| Ok(tallied.ciphertexts)).await
}

/// Streams the squashed digits to a trustee that does not recompute them.
#[utoipa::path(
    get,
    path = "/rounds/{round}/openings/{step}/squashed-digits",
    tag = "openings",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        ("step" = Step, Path, description = "What is opened: `test` or `label`")
    ),
    responses(Streamed),
    extensions(("x-roles" = json!(TRUSTEES)), ("x-codes" = json!([Code::NotFound, Code::WrongRoundState])))
)]
pub(super) async fn squashed_digits(
    _: Trustee,
    State(app): State<App>,
    InPath(tally): InPath<(RoundId, Step)>,
    request: Parts,
) -> Answer<Response> {
    let none = || ApiError::new(Code::NotFound, "with one trustee nothing is squashed");
    stream_tallied(&app, tally, &request, |tallied| tallied.squashed_digits.ok_or_else(none)).await
}

/// Streams one blob of what the tally of a round produced.
async fn stream_tallied(
    app: &App,
    (id, step): (RoundId, Step),
    request: &Parts,
    choose: impl FnOnce(Tallied) -> Answer<Digest>,
) -> Answer<Response> {
    let mut tx = app.storage.read().await?;
    let digest = choose(tallied(&find_round(&mut tx, id).await?, step)?)?;
    drop(tx);
    stream_blob(app, digest, request).await
}

/// Takes a trustee's opening of a round's step, once; the same opening again changes nothing.
///
/// An opening that comes after the release is compared with those that the release rests on.
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
    let row = federation(&mut tx).await?;
    let round = find_round(&mut tx, id).await?;
    rounds::post_opening(&app, tx, (&row, &round), (&trustee, step), (signed, &opening)).await?;
    Ok(StatusCode::NO_CONTENT)
}
