//! `/rounds`: announce, list, show, cancel; instances and labels.

use axum::{
    extract::State,
    http::{HeaderName, header::CONTENT_TYPE},
};
use base::{ids::RoundId, problem::Code};
use protocol::{
    federation::{Founding, Roster},
    round::RoundState,
    wire::{Answered, Answers, Labels, RoundView, RoundsPage},
};
use serde::Deserialize;

use super::openapi::{MEMBERS, OPERATOR, Octets, READERS};
use crate::{
    app::App,
    config::DEFAULT_LARGEST_UPLOAD,
    http::{
        Answer, ApiError, Bytes, Caller, InPath, InQuery, Json, Operator, Reader, federation, find_round,
        open_federation, page_limit,
    },
    rounds::{self, Draft},
    storage::{ReadTx, RoundRow},
    watch,
};

const DEFAULT_WINDOW_SECONDS: u32 = 600;
/// Rounds in a page unless the request says otherwise.
const DEFAULT_PAGE: u32 = 100;
/// Most rounds in a page.
const LARGEST_PAGE: u32 = 500;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Window {
    /// Seconds for which the window is open, unless every ballot is in before; 600 by default.
    #[param(minimum = 1)]
    window_seconds: Option<u32>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct RoundsQuery {
    /// Most rounds in the page; 100 by default.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
    /// The round after which the page begins: `next` of the page before.
    after: Option<RoundId>,
}

async fn view(app: &App, tx: &mut ReadTx, founding: &Founding, round: &RoundRow) -> Answer<Json<RoundView>> {
    Ok(Json(watch::view(app, tx, founding, round).await?))
}

/// Announces a round over uploaded instances; the same upload under the same id gives the same answer.
#[utoipa::path(
    put,
    path = "/rounds/{round}",
    tag = "rounds",
    params(
        ("round" = RoundId, Path, description = "Id of the round"),
        Window
    ),
    request_body(
        content = Octets,
        content_type = "application/octet-stream",
        description = "The instances: NPY, `<f4`, C order; at most `largest_upload` bytes (coordinator.toml, 512 MiB by default)"
    ),
    responses((status = 200, description = "The round", body = RoundView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState, Code::InvalidInstances, Code::Conflict, Code::AllAnswered, Code::InfeasibleRound, Code::OverBudget, Code::RuleBroken])), ("x-largest-body" = json!(DEFAULT_LARGEST_UPLOAD)))
)]
pub(super) async fn announce(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
    InQuery(Window { window_seconds }): InQuery<Window>,
    Bytes(instances): Bytes,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.read().await?;
    let founding = open_federation(&mut tx).await?.founding;
    drop(tx);
    let asked = (id, window_seconds.unwrap_or(DEFAULT_WINDOW_SECONDS));
    let new = match rounds::draft(&app, &founding.config.instances, asked, instances).await? {
        Draft::New(new) => new,
        Draft::Known(round) => return view(&app, &mut app.storage.read().await?, &founding, &round).await,
    };
    let mut tx = app.storage.write().await?;
    let row = open_federation(&mut tx).await?;
    let round = rounds::announce(&app, &mut tx, &row, &new).await?;
    let answer = view(&app, &mut tx, &row.founding, &round).await?;
    tx.commit().await?;
    app.wake.notify_one();
    Ok(answer)
}

/// Looks up which instances were released before, and with which labels; nothing is voted on and nothing charged.
#[utoipa::path(
    post,
    path = "/answers",
    tag = "rounds",
    request_body(
        content = Octets,
        content_type = "application/octet-stream",
        description = "The instances: NPY, `<f4`, C order; at most `largest_upload` bytes (coordinator.toml, 512 MiB by default)"
    ),
    responses((status = 200, description = "What is known of each instance", body = Answers)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::InvalidInstances])), ("x-largest-body" = json!(DEFAULT_LARGEST_UPLOAD)))
)]
pub(super) async fn answers(
    _: Operator,
    State(app): State<App>,
    Bytes(instances): Bytes,
) -> Answer<Json<Answers>> {
    let mut tx = app.storage.read().await?;
    let schema = federation(&mut tx).await?.founding.config.instances;
    let read = app
        .pool
        .run(move || rounds::read_instances(&instances, &schema).map(|(dataset, _)| dataset.digests()));
    let digests = read.await??;
    let known = tx.answers(&digests).await?;
    let mut answers = Vec::with_capacity(digests.len());
    for digest in &digests {
        let answered = match known.get(digest) {
            None => None,
            Some(answer) => {
                let label = rounds::answered(&mut tx, *answer).await?;
                label.map(|label| Answered { round: answer.round, label })
            }
        };
        answers.push(answered);
    }
    Ok(Json(Answers { answers }))
}

/// Lists the rounds page by page, oldest first.
#[utoipa::path(
    get,
    path = "/rounds",
    tag = "rounds",
    params(RoundsQuery),
    responses((status = 200, description = "A page of rounds, oldest first", body = RoundsPage)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn list(
    _: Reader,
    State(app): State<App>,
    InQuery(RoundsQuery { limit, after }): InQuery<RoundsQuery>,
) -> Answer<Json<RoundsPage>> {
    let limit = page_limit(limit, DEFAULT_PAGE, LARGEST_PAGE)?;
    let mut tx = app.storage.read().await?;
    if let Some(after) = after {
        find_round(&mut tx, after).await?;
    }
    // One more than the page holds tells whether there is another page.
    let mut rows = tx.rounds_after(after, limit + 1).await?;
    let is_last = rows.len() <= limit as usize;
    rows.truncate(limit as usize);
    let mut summaries = Vec::with_capacity(rows.len());
    for round in &rows {
        summaries.push(watch::summary(&app, &mut tx, round).await?);
    }
    let next = rows.last().map(RoundRow::id).filter(|_| !is_last);
    Ok(Json(RoundsPage { rounds: summaries, next }))
}

/// Shows everything public about a round.
#[utoipa::path(
    get,
    path = "/rounds/{round}",
    tag = "rounds",
    params(("round" = RoundId, Path, description = "Id of the round")),
    responses((status = 200, description = "The round", body = RoundView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation, Code::NotFound])))
)]
pub(super) async fn show(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.read().await?;
    let founding = federation(&mut tx).await?.founding;
    let round = find_round(&mut tx, id).await?;
    view(&app, &mut tx, &founding, &round).await
}

/// Shows the roster under which a round is held.
#[utoipa::path(
    get,
    path = "/rounds/{round}/roster",
    tag = "rounds",
    params(("round" = RoundId, Path, description = "Id of the round")),
    responses((status = 200, description = "The roster", body = Roster)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn roster(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<Roster>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(find_round(&mut tx, id).await?.roster))
}

/// Fetches the instances of a round.
#[utoipa::path(
    get,
    path = "/rounds/{round}/instances",
    tag = "rounds",
    params(("round" = RoundId, Path, description = "Id of the round")),
    responses((status = 200, description = "The instances in their canonical form", body = Octets, content_type = "application/octet-stream")),
    extensions(("x-roles" = json!(MEMBERS)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn instances(
    _: Caller,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<([(HeaderName, &'static str); 1], Vec<u8>)> {
    let mut tx = app.storage.read().await?;
    let digest = find_round(&mut tx, id).await?.announcement.instances;
    drop(tx);
    Ok(([(CONTENT_TYPE, "application/octet-stream")], app.storage.blobs().get(digest).await?))
}

/// Ends a round without labels.
#[utoipa::path(
    post,
    path = "/rounds/{round}/cancel",
    tag = "rounds",
    params(("round" = RoundId, Path, description = "Id of the round")),
    responses((status = 200, description = "The cancelled round", body = RoundView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::NotFound, Code::WrongRoundState, Code::RuleBroken])))
)]
pub(super) async fn cancel(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<RoundView>> {
    let mut tx = app.storage.write().await?;
    let founding = federation(&mut tx).await?.founding;
    let round = find_round(&mut tx, id).await?;
    let round = rounds::cancel(&app, &mut tx, round).await?;
    let answer = view(&app, &mut tx, &founding, &round).await?;
    tx.commit().await?;
    if let Some(tally) = app.running_tally(id) {
        tally.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    app.boards.moved();
    Ok(answer)
}

/// Fetches the released labels with their cost.
#[utoipa::path(
    get,
    path = "/rounds/{round}/labels",
    tag = "rounds",
    params(("round" = RoundId, Path, description = "Id of the round")),
    responses((status = 200, description = "The release", body = Labels)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation, Code::NotFound, Code::WrongRoundState, Code::InfeasibleRound])))
)]
pub(super) async fn labels(
    _: Reader,
    State(app): State<App>,
    InPath(id): InPath<RoundId>,
) -> Answer<Json<Labels>> {
    let mut tx = app.storage.read().await?;
    let founding = federation(&mut tx).await?.founding;
    let round = find_round(&mut tx, id).await?;
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
        labels: labels.iter().map(|label| rounds::class_of(*label)).collect(),
        submitted: rounds::submitted(&mut tx, id).await?,
        epsilon,
        corroboration: corroboration.clone(),
    }))
}
