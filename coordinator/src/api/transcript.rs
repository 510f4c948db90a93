//! `/transcript`: the chain of signed events, in words and as a file, and the coordinator's own checks of it.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderName,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
};
use futures_util::stream;
use protocol::{
    transcript::{EVENTS_FILE, archive_entry, archive_header},
    wire::{ChecksView, EventLines, TranscriptPage},
};
use serde::Deserialize;

use super::openapi::{OPERATOR, Octets, READERS};
use crate::{
    app::App,
    http::{Answer, InQuery, Json, Operator, Reader},
    storage::StorageError,
    watch,
};

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

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    /// Height of the first event of the page; 0 by default.
    #[serde(default)]
    from: u64,
    /// Most events in the page, at most 200.
    limit: Option<u32>,
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
    _: Reader,
    State(app): State<App>,
    InQuery(From { from }): InQuery<From>,
) -> Answer<Json<TranscriptPage>> {
    let (events, length) = app.storage.events(from, PAGE).await?;
    Ok(Json(TranscriptPage { events, length }))
}

/// Shows events in words with their digests, at most 200.
#[utoipa::path(
    get,
    path = "/transcript/events",
    tag = "transcript",
    params(Lines),
    responses((status = 200, description = "Events from that height on, in words", body = EventLines)),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn lines(
    _: Reader,
    State(app): State<App>,
    InQuery(Lines { from, limit }): InQuery<Lines>,
) -> Answer<Json<EventLines>> {
    let limit = limit.unwrap_or(PAGE).min(PAGE) as usize;
    Ok(Json(watch::event_lines(&app, from, limit).await?))
}

/// Shows what the coordinator found when it checked its own transcript last.
#[utoipa::path(
    get,
    path = "/transcript/checks",
    tag = "transcript",
    responses((status = 200, description = "The checks and their last result", body = ChecksView)),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn checks(_: Reader, State(app): State<App>) -> Answer<Json<ChecksView>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(watch::checks(&app, &mut tx).await?))
}

/// Starts a check of the transcript unless one is under way.
#[utoipa::path(
    post,
    path = "/transcript/checks",
    tag = "transcript",
    responses((status = 200, description = "The checks as they stand", body = ChecksView)),
    extensions(("x-roles" = json!(OPERATOR)))
)]
pub(super) async fn check(_: Operator, State(app): State<App>) -> Answer<Json<ChecksView>> {
    watch::check_now(&app).await?;
    let mut tx = app.storage.read().await?;
    Ok(Json(watch::checks(&app, &mut tx).await?))
}

/// Streams all events as the file that `participant verify` reads.
#[utoipa::path(
    get,
    path = "/transcript/archive",
    tag = "transcript",
    responses((status = 200, description = "All events, one after the other", body = Octets, content_type = "application/octet-stream")),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn archive(_: Reader, State(app): State<App>) -> Answer<([(HeaderName, String); 2], Body)> {
    let length = watch::event_lines(&app, 0, 0).await?.length;
    let pages = stream::unfold(Some((app, 0)), move |place| async move {
        let (app, from) = place?;
        let page = page_of_archive(&app, from, length).await;
        let next = match &page {
            Ok((_, next)) if *next < length => Some((app, *next)),
            _ => None,
        };
        Some((page.map(|(bytes, _)| bytes), next))
    });
    let head = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{EVENTS_FILE}\"")),
    ];
    Ok((head, Body::from_stream(pages)))
}

/// Returns the next events as they stand in the file, at most up to `length`, and where the next page begins.
async fn page_of_archive(app: &App, from: u64, length: u64) -> Result<(Bytes, u64), StorageError> {
    let (events, _) = app.storage.events(from, PAGE).await?;
    let count = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX).min(events.len());
    let mut bytes = if from == 0 { archive_header().to_vec() } else { Vec::new() };
    bytes.extend(events.iter().take(count).flat_map(archive_entry));
    // A page without events ends the file: nothing more can be read.
    let next = if count == 0 { length } else { from + count as u64 };
    Ok((bytes.into(), next))
}
