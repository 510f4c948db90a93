//! `/transcript`: the chain of signed events, page by page.

use axum::extract::State;
use serde::Deserialize;
use shared::wire::TranscriptPage;

use super::{
    Answer,
    auth::Caller,
    error::{InQuery, Json},
    openapi::READERS,
};
use crate::app::App;

/// Most events in one page.
const PAGE: u32 = 200;

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// Height of the first event of the page; 0 by default.
    #[serde(default)]
    from: u64,
}

/// Shows signed events from a height on, at most 200 and about 2 MB of them.
#[utoipa::path(
    get,
    path = "/transcript",
    tag = "transcript",
    params(From),
    responses((status = 200, description = "Events from that height on", body = TranscriptPage)),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn page(
    _: Caller,
    State(app): State<App>,
    InQuery(From { from }): InQuery<From>,
) -> Answer<Json<TranscriptPage>> {
    let (events, length) = app.storage.events(from, PAGE).await?;
    Ok(Json(TranscriptPage { events, length }))
}
