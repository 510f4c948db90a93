//! `/rounds/{round}/openings/…`: what trustees open, step by step, and their answers.

use axum::{
    extract::State,
    http::{StatusCode, request::Parts},
    response::Response,
};
use shared::{
    ids::{Digest, ParticipantId, RoundId},
    problem::Code,
    round::{Opening, RoundState, Step, Tallied},
    transcript::EventBody,
    wire::{OpeningTask, PostOpening},
};

use super::{
    Answer, ApiError, LARGEST_OPENING,
    auth::{Trustee, federation},
    blobs::stream_blob,
    error::{InPath, Json},
    openapi::{Streamed, TRUSTEES},
    rounds::find,
};
use crate::{
    app::App,
    rounds,
    storage::{RoundRow, Tx},
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
    let round = find(&app, &mut tx, id).await?;
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
    let digest = choose(tallied(&find(app, &mut tx, id).await?, step)?)?;
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
    let row = federation(&app.storage, &mut tx).await?;
    let round = find(&app, &mut tx, id).await?;
    let is_late =
        matches!(round.state, RoundState::Released { .. }) && !row.founding.config.trustees.is_sole();
    let earlier = app.storage.openings(&mut tx, id, step).await?;
    for before in &earlier {
        if before.signed == signed {
            drop(tx);
            return compared(&app, id, is_late).await;
        }
        if before.opening()?.trustee == trustee.id {
            let detail = "this trustee opened this round already, with another answer";
            return Err(ApiError::new(Code::Conflict, detail));
        }
    }
    let is_running = !round.state.is_final() && round.state.tally(step).is_some();
    if !is_late && !is_running {
        let detail = format!("round {id} is {}, it is not being opened", round.state.name());
        return Err(ApiError::new(Code::WrongRoundState, detail));
    }
    check(&app, &mut tx, (Some(id), step), &opening, trustee.id).await?;
    let now = app.now();
    app.storage.insert_opening(&mut tx, (id, step, trustee.id), &signed, now).await?;
    app.storage.append(&mut tx, &app.identity, now, EventBody::Opened(signed)).await?;
    tx.commit().await?;
    tracing::info!(round = %id, %step, trustee = %trustee.id, "opening posted");
    app.wake.notify_one();
    compared(&app, id, is_late).await
}

/// Answers an opening, after the comparison that a late one asks for; the service may have died before an earlier one.
async fn compared(app: &App, id: RoundId, is_late: bool) -> Answer<StatusCode> {
    if is_late {
        rounds::compare(app, id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Checks that an opening answers exactly what the transcript asks.
pub(super) async fn check(
    app: &App,
    tx: &mut Tx,
    (round, step): (Option<RoundId>, Step),
    opening: &Opening,
    trustee: ParticipantId,
) -> Answer<()> {
    let question = app.storage.replay(tx, |replay| (replay.question(round, step), replay.rows_of(trustee)));
    let asked = question.await?.and_then(|(question, rows)| Some((question?, rows)));
    let not_yet = || ApiError::new(Code::WrongRoundState, "nothing is tallied that could be opened");
    let (question, rows) = asked.ok_or_else(not_yet)?;
    let checked = question.check(opening, trustee, rows);
    checked.map_err(|e| ApiError::new(Code::InvalidOpening, e.to_string()))
}
