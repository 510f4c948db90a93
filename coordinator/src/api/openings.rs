//! `/rounds/{round}/opening…` and `/known-answer`: what the trustee opens, and its answers.
//!
//! Only label ciphertexts of a tally are served here; ballots are served to nobody.

use axum::{extract::State, http::StatusCode};
use shared::{
    federation::{KNOWN_ANSWER_INSTANCES, known_answer_labels},
    ids::{Digest, ParticipantId, RoundId},
    problem::Code,
    round::{Opening, RoundState, Step, Tallied},
    transcript::EventBody,
    wire::{OpeningTask, PostOpening},
};

use super::{
    Answer, ApiError,
    auth::{Trustee, federation},
    error::{InPath, Json},
    rounds::find,
};
use crate::{
    app::App,
    storage::{FederationRow, RoundRow, Tx},
};

/// Returns what the tally of a round produced, while it waits for its opening or after.
fn tallied(round: &RoundRow) -> Answer<Tallied> {
    let not_yet = || {
        let detail = format!("round {} is {}: there is nothing to open", round.id(), round.state.name());
        ApiError::new(Code::WrongRoundState, detail)
    };
    round.state.tally().copied().ok_or_else(not_yet)
}

pub(super) async fn task(
    _: Trustee,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<OpeningTask>> {
    let mut tx = app.storage.read().await?;
    let round = find(&app, &mut tx, id).await?;
    Ok(Json(OpeningTask {
        ciphertexts: tallied(&round)?.ciphertexts,
        instance_count: round.announcement.instance_count,
        counted: round.state.counted().to_vec(),
        announcement: Some(round.announcement),
    }))
}

pub(super) async fn ciphertexts(
    _: Trustee,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Vec<u8>> {
    let mut tx = app.storage.read().await?;
    let digest = tallied(&find(&app, &mut tx, id).await?)?.ciphertexts;
    drop(tx);
    Ok(app.storage.blobs().get(digest).await?)
}

/// Takes the trustee's opening of a round, once; the same opening again changes nothing.
pub(super) async fn post(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    InPath((id, named)): InPath<(RoundId, ParticipantId)>,
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
    let earlier = app.storage.openings(&mut tx, id, Step::Label).await?;
    if earlier.contains(&signed) {
        return Ok(StatusCode::NO_CONTENT);
    }
    if !earlier.is_empty() {
        return Err(ApiError::new(Code::Conflict, "this round was opened already, with other labels"));
    }
    if !matches!(round.state, RoundState::Opening { .. }) {
        let detail = format!("round {id} is {}, it is not being opened", round.state.name());
        return Err(ApiError::new(Code::WrongRoundState, detail));
    }
    let count = round.announcement.instance_count as usize;
    let question = question(&row, Some(id), tallied(&round)?.ciphertexts, trustee.id, vec![0; count]);
    let classes = row.founding.config.classes.len();
    opening.check(&question, classes).map_err(|e| ApiError::new(Code::InvalidOpening, e.to_string()))?;
    let now = app.now();
    app.storage.insert_opening(&mut tx, (id, Step::Label, trustee.id), &signed, now).await?;
    app.storage.append(&mut tx, &app.identity, now, EventBody::Opened(signed)).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// Returns the opening that would answer exactly what is asked, with the given labels.
fn question(
    row: &FederationRow,
    round: Option<RoundId>,
    ciphertexts: Digest,
    trustee: ParticipantId,
    labels: Vec<u16>,
) -> Opening {
    Opening { federation: row.founding.digest(), round, step: Step::Label, ciphertexts, trustee, labels }
}

async fn known_answer_digest(app: &App, tx: &mut Tx) -> Answer<(FederationRow, Digest)> {
    let row = federation(&app.storage, tx).await?;
    let digest = row.known_answer.ok_or_else(|| {
        ApiError::new(
            Code::WrongFederationState,
            "the known answer is not computed yet: publish the keys first",
        )
    })?;
    Ok((row, digest))
}

pub(super) async fn known_answer(_: Trustee, State(app): State<App>) -> Answer<Json<OpeningTask>> {
    let mut tx = app.storage.read().await?;
    let (_, ciphertexts) = known_answer_digest(&app, &mut tx).await?;
    let (announcement, instance_count) = (None, KNOWN_ANSWER_INSTANCES);
    Ok(Json(OpeningTask { announcement, ciphertexts, instance_count, counted: Vec::new() }))
}

pub(super) async fn known_answer_ciphertexts(_: Trustee, State(app): State<App>) -> Answer<Vec<u8>> {
    let mut tx = app.storage.read().await?;
    let (_, digest) = known_answer_digest(&app, &mut tx).await?;
    drop(tx);
    Ok(app.storage.blobs().get(digest).await?)
}

/// Takes the opening of the known answer; the right labels make the federation keyed.
pub(super) async fn post_known_answer(
    Trustee(trustee): Trustee,
    State(app): State<App>,
    Json(PostOpening { opening: signed }): Json<PostOpening>,
) -> Answer<StatusCode> {
    let opening = signed.verify(&trustee.identity)?;
    let mut tx = app.storage.write().await?;
    let (row, ciphertexts) = known_answer_digest(&app, &mut tx).await?;
    let classes = row.founding.config.classes.len();
    let expected = question(&row, None, ciphertexts, trustee.id, known_answer_labels(classes));
    opening.check(&expected, classes).map_err(|e| ApiError::new(Code::InvalidOpening, e.to_string()))?;
    if opening.labels != expected.labels {
        let detail = format!(
            "the known answer opened to labels {:?} instead of {:?}: the keys do not fit together",
            opening.labels, expected.labels
        );
        return Err(ApiError::new(Code::InvalidKeys, detail));
    }
    let Ok(keyed) = row.state.keyed() else {
        return Ok(StatusCode::NO_CONTENT);
    };
    app.storage.set_federation_state(&mut tx, keyed).await?;
    app.storage.append(&mut tx, &app.identity, app.now(), EventBody::Keyed(signed)).await?;
    tx.commit().await?;
    tracing::info!("federation keyed");
    Ok(StatusCode::NO_CONTENT)
}
