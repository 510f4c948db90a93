//! `/rounds`: announce, list, show, cancel; instances and labels.

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};
use serde::Deserialize;
use shared::{
    federation::{Founding, Roster},
    ids::{Digest, RoundId},
    problem::Code,
    round::RoundState,
    wire::{Answered, Answers, Labels, RoundSummary, RoundView},
};

use super::{
    Answer, ApiError,
    auth::{Caller, Operator, Reader, federation, open_federation},
    error::{Bytes, InPath, InQuery, Json},
};
use crate::{
    app::App,
    rounds::{self, Announce},
    storage::{RoundRow, Tx},
};

const DEFAULT_WINDOW_SECONDS: u32 = 600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    window_seconds: Option<u32>,
}

/// Returns a round or says that there is none.
pub(super) async fn find(app: &App, tx: &mut Tx, id: RoundId) -> Answer<RoundRow> {
    let round = app.storage.round(tx, id).await?;
    round.ok_or_else(|| ApiError::new(Code::NotFound, format!("no round {id}: see coordinator round list")))
}

async fn view(app: &App, tx: &mut Tx, founding: &Founding, round: &RoundRow) -> Answer<Json<RoundView>> {
    Ok(Json(rounds::view(app, tx, founding, round).await?))
}

/// Announces a round over uploaded instances; the same upload under the same id gives the same answer.
pub(super) async fn announce(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
    InQuery(Window { window_seconds }): InQuery<Window>,
    Bytes(instances): Bytes,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.read().await?;
    let founding = open_federation(&app.storage, &mut tx).await?.founding;
    drop(tx);
    let seconds = window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS);
    if seconds == 0 {
        return Err(ApiError::new(
            Code::InvalidRequest,
            "window_seconds = 0: nobody could vote; use at least 1",
        ));
    }
    let schema = founding.config.instances;
    let submitted = Digest::of(&instances);
    let read = {
        let schema = schema.clone();
        app.pool.run(move || {
            rounds::read_instances(&instances, &schema).map(|(dataset, count)| {
                let digests = rounds::instance_digests(&dataset);
                (dataset, count, digests)
            })
        })
    };
    let read = read.await?.map_err(|e| ApiError::new(Code::InvalidInstances, e.to_string()))?;
    let (dataset, count, digests) = read;
    let request = Announce { id, instances: submitted, count, window_seconds: seconds };
    let mut tx = app.storage.read().await?;
    if let Some(round) = app.storage.round(&mut tx, id).await? {
        return repeated(&app, &mut tx, &request, &round).await;
    }
    let known = app.storage.answers(&mut tx, &digests).await?;
    drop(tx);
    let fresh = rounds::take_out(id, &dataset, &schema, &known);
    let fresh = fresh.map_err(|e| ApiError::new(Code::InvalidInstances, e.to_string()))?;
    let fresh = fresh.ok_or_else(all_answered)?;
    let instances = app.storage.blobs().put(fresh.bytes.clone()).await?;
    let mut tx = app.storage.write().await?;
    let row = open_federation(&app.storage, &mut tx).await?;
    if let Some(round) = app.storage.round(&mut tx, id).await? {
        return repeated(&app, &mut tx, &request, &round).await;
    }
    if !app.storage.answers(&mut tx, &fresh.digests).await?.is_empty() {
        let detail = "some of these instances were released a moment ago: announce again";
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let round = rounds::announce(&app, &mut tx, &row, &request, (instances, &fresh)).await?;
    let answer = view(&app, &mut tx, &row.founding, &round).await?;
    tx.commit().await?;
    app.wake.notify_one();
    tracing::info!(round = %id, submitted = count, instances = fresh.count, "round announced");
    Ok(answer)
}

fn all_answered() -> ApiError {
    let detail = "every one of these instances was released before: coordinator round answers gives their labels, free";
    ApiError::new(Code::AllAnswered, detail)
}

/// Answers a request under an id that is taken: the same request gets the same round.
async fn repeated(app: &App, tx: &mut Tx, request: &Announce, round: &RoundRow) -> Answer<Json<RoundView>> {
    if round.request != request.digest() {
        let detail = format!("round {} exists with other instances or window", round.id());
        return Err(ApiError::new(Code::Conflict, detail));
    }
    let founding = federation(&app.storage, tx).await?.founding;
    view(app, tx, &founding, round).await
}

/// Looks up which instances were released before, and with which labels; nothing is voted on and nothing charged.
pub(super) async fn answers(
    _: Operator,
    State(app): State<App>,
    Bytes(instances): Bytes,
) -> Answer<Json<Answers>> {
    let mut tx = app.storage.read().await?;
    let schema = federation(&app.storage, &mut tx).await?.founding.config.instances;
    let read = app.pool.run(move || {
        rounds::read_instances(&instances, &schema).map(|(dataset, _)| rounds::instance_digests(&dataset))
    });
    let digests = read.await?.map_err(|e| ApiError::new(Code::InvalidInstances, e.to_string()))?;
    let known = app.storage.answers(&mut tx, &digests).await?;
    let mut answers = Vec::with_capacity(digests.len());
    for digest in &digests {
        let answered = match known.get(digest) {
            None => None,
            Some(answer) => {
                let label = rounds::answered(&app, &mut tx, *answer).await?;
                label.map(|label| Answered { round: answer.round, label })
            }
        };
        answers.push(answered);
    }
    Ok(Json(Answers { answers }))
}

pub(super) async fn list(_: Reader, State(app): State<App>) -> Answer<Json<Vec<RoundSummary>>> {
    let mut tx = app.storage.read().await?;
    let mut summaries = Vec::new();
    for round in app.storage.rounds(&mut tx).await? {
        summaries.push(rounds::summary(&app, &mut tx, &round).await?);
    }
    Ok(Json(summaries))
}

pub(super) async fn show(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.read().await?;
    let founding = federation(&app.storage, &mut tx).await?.founding;
    let round = find(&app, &mut tx, id).await?;
    view(&app, &mut tx, &founding, &round).await
}

pub(super) async fn roster(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<Roster>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(find(&app, &mut tx, id).await?.roster))
}

pub(super) async fn instances(
    _: Caller,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<([(HeaderName, &'static str); 1], Vec<u8>)> {
    let mut tx = app.storage.read().await?;
    let digest = find(&app, &mut tx, id).await?.announcement.instances;
    drop(tx);
    Ok(([(CONTENT_TYPE, "application/octet-stream")], app.storage.blobs().get(digest).await?))
}

pub(super) async fn cancel(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.write().await?;
    let founding = federation(&app.storage, &mut tx).await?.founding;
    let round = find(&app, &mut tx, id).await?;
    let round = rounds::cancel(&app, &mut tx, round).await?;
    let answer = view(&app, &mut tx, &founding, &round).await?;
    tx.commit().await?;
    if let Some(tally) = app.running_tally(id) {
        tally.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    Ok(answer)
}

pub(super) async fn labels(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<Labels>> {
    let mut tx = app.storage.read().await?;
    let founding = federation(&app.storage, &mut tx).await?.founding;
    let round = find(&app, &mut tx, id).await?;
    let (RoundState::Released { corroboration, .. }, Some(labels)) = (&round.state, &round.labels) else {
        let detail = format!("round {id} is {}, its labels are not released", round.state.name());
        return Err(ApiError::new(Code::WrongRoundState, detail));
    };
    let cost = round.announcement.cost_of_release(&founding, &round.roster, round.passed());
    let epsilon = cost.and_then(|cost| Ok(cost.epsilon(founding.config.privacy.delta)?));
    let epsilon = epsilon.map_err(rounds::RoundError::from)?;
    Ok(Json(Labels {
        round: id,
        instances: round.announcement.instances,
        classes: founding.config.classes,
        labels: labels.iter().map(|label| label.checked_sub(1)).collect(),
        submitted: rounds::submitted(&app, &mut tx, id).await?,
        epsilon,
        corroboration: corroboration.clone(),
    }))
}
