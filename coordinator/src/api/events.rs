//! `GET /events`: a stream of what happens, as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use base::problem::Code;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::openapi::READERS;
use crate::{
    app::App,
    http::{Answer, ApiError, InQuery, Reader},
    watch::{self, Told},
};

/// How often a comment is sent where nothing happens.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long a reader waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);
/// The head in which a reader says how far it came.
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// Height of the first event; from now on by default, and `Last-Event-ID` goes before it.
    from: Option<u64>,
}

#[derive(Serialize)]
struct Begin {
    length: u64,
}

/// Streams events of the transcript and the progress of rounds as server-sent events.
#[utoipa::path(
    get,
    path = "/events",
    tag = "service",
    params(From),
    responses((status = 200, description = "The stream; Last-Event-ID resumes it", body = String, content_type = "text/event-stream")),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::Busy])))
)]
pub(super) async fn stream(
    _: Reader,
    State(app): State<App>,
    headers: HeaderMap,
    InQuery(From { from }): InQuery<From>,
) -> Answer<Response> {
    let from = last_event(&headers)?.or(from);
    let client = watch::subscribe(&app, from).await?;
    let client = client.ok_or_else(|| {
        ApiError::new(Code::Busy, "too many streams of events are open: close one, or try again later")
    })?;
    let events = stream::unfold(client, async |mut client| {
        let told = client.next().await?;
        Some((Ok::<_, Infallible>(event(&told)), client))
    });
    let kept_alive = KeepAlive::new().interval(HEARTBEAT).text("still here");
    Ok(Sse::new(events).keep_alive(kept_alive).into_response())
}

fn last_event(headers: &HeaderMap) -> Answer<Option<u64>> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let number = value.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || {
        let detail = "Last-Event-ID is not the id of an event of this stream: a number";
        ApiError::new(Code::InvalidRequest, detail)
    };
    number.map(Some).ok_or_else(wrong)
}

fn event(told: &Told) -> Event {
    let (name, id, data) = match told {
        Told::Begin(length) => ("begin", Some(*length), serde_json::to_string(&Begin { length: *length })),
        Told::Event(line) => ("transcript", Some(line.height + 1), serde_json::to_string(line)),
        Told::Round(round) => ("round", None, serde_json::to_string(round)),
    };
    let event = Event::default().event(name).retry(RETRY).data(data.unwrap_or_default());
    match id {
        Some(id) => event.id(id.to_string()),
        None => event,
    }
}
