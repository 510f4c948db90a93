//! `/transcript`: the chain of signed events, page by page.

use axum::extract::State;
use serde::Deserialize;
use shared::wire::TranscriptPage;

use super::{
    Answer,
    auth::Caller,
    error::{InQuery, Json},
};
use crate::app::App;

/// Most events in one page.
const PAGE: u32 = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    #[serde(default)]
    from: u64,
}

pub(super) async fn page(
    _: Caller,
    State(app): State<App>,
    InQuery(From { from }): InQuery<From>,
) -> Answer<Json<TranscriptPage>> {
    let (events, length) = app.storage.events(from, PAGE).await?;
    Ok(Json(TranscriptPage { events, length }))
}
