//! What is seen of every request: a span, one line of the log when it ends, and counts for the metrics.
//!
//! Paths appear as templates, and of their variables only numbers of participants and ids of rounds. Headers, query
//! strings and bodies are never logged, because they hold tokens and secrets.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use axum::{
    RequestPartsExt as _,
    body::{Body, Bytes, HttpBody},
    extract::{MatchedPath, RawPathParams, Request, State},
    http::Method,
    middleware::Next,
    response::Response,
};
use base::{
    ids::{ParticipantId, RoundId},
    problem::Code,
};
use http_body::{Frame, SizeHint};
use tracing::{Instrument as _, Span, field::Empty};

use crate::{
    app::App,
    metrics::{Direction, Finished, Metrics},
};

/// What stands for a path that no route has, so that nobody can fill metrics or logs with made-up paths.
const NO_ROUTE: &str = "none";

/// Wraps a request: its span covers everything that is logged while it is handled.
pub(super) async fn observe(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let (mut parts, body) = request.into_parts();
    let route = parts.extensions.get::<MatchedPath>().map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let method = known_method(&parts.method);
    let span = span(method, &route, parts.extract::<RawPathParams>().await.ok().as_ref());
    let body = Body::new(Counted { body, app: app.clone(), direction: Direction::In });
    let response = next.run(Request::from_parts(parts, body)).instrument(span.clone()).await;
    let (status, code) = (response.status().as_u16(), response.extensions().get::<Code>().copied());
    let seconds = began.elapsed().as_secs_f64();
    app.metrics.finished(Finished { method, route: &route, status, seconds, code });
    span.in_scope(|| log(method, &route, status, seconds, code));
    response.map(|body| Body::new(Counted { body, app, direction: Direction::Out }))
}

fn span(method: &str, route: &str, params: Option<&RawPathParams>) -> Span {
    let span =
        tracing::info_span!("request", method, route, round = Empty, participant = Empty, caller = Empty);
    for (name, value) in params.into_iter().flatten() {
        match name {
            "round" if value.parse::<RoundId>().is_ok() => span.record("round", value),
            "participant" | "trustee" if value.parse::<ParticipantId>().is_ok() => {
                span.record("participant", value)
            }
            _ => continue,
        };
    }
    span
}

/// Logs the end of a request: failures of the coordinator loudly, reads and heartbeats only where asked for.
fn log(method: &str, route: &str, status: u16, seconds: f64, code: Option<Code>) {
    let ms = (seconds * 1e3).round();
    let code = code.map(|code| serde_json::json!(code).as_str().unwrap_or_default().to_owned());
    let is_quiet = method == "GET" || route.ends_with("/heartbeat");
    match status {
        500.. => tracing::warn!(status, ms, code, "request failed"),
        400..500 => tracing::info!(status, ms, code, "request refused"),
        _ if is_quiet => tracing::debug!(status, ms, "request answered"),
        _ => tracing::info!(status, ms, "request answered"),
    }
}

/// Returns a method's name; what the API does not know shares one name.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// A body whose bytes are counted as they pass.
struct Counted {
    body: Body,
    app: App,
    direction: Direction,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            let metrics: &Metrics = &self.app.metrics;
            metrics.passed(self.direction, data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
