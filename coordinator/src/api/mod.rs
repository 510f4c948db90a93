//! The REST API, `/api/v1`; one file per resource.

pub(crate) mod auth;
mod ballots;
mod blobs;
mod enrolments;
pub(crate) mod error;
mod events;
mod federation;
mod health;
mod keys;
mod ledger;
mod openings;
mod operations;
mod roster;
mod rounds;
mod students;
mod tokens;
mod transcript;
mod trustees;
mod work;

pub use error::ApiError;

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware::from_fn_with_state,
    routing::{get, post, put},
};
use shared::{problem::Code, wire::UPLOAD_CHUNK};
use tower_http::{timeout::TimeoutLayer, trace::TraceLayer};

use crate::{app::App, dashboard};

/// Is the result of every handler.
pub(crate) type Answer<T> = Result<T, ApiError>;

/// Largest body of a request that carries JSON.
const LARGEST_JSON: usize = 4 << 20;
/// Largest opening: ten pieces of two digits of 10 000 labels, 16 bytes each, twice as long in hexadecimal.
const LARGEST_OPENING: usize = 8 << 20;
/// Longest time that one request may take, uploads included.
const LONGEST_REQUEST: Duration = Duration::from_secs(300);

/// Returns the whole API.
pub fn router(app: App) -> Router {
    let uploads = Router::new()
        .route("/answers", post(rounds::answers))
        .route("/rounds/{round}", put(rounds::announce).get(rounds::show))
        .layer(DefaultBodyLimit::max(app.settings.largest_upload));
    let parts = Router::new()
        .route("/blobs/{digest}/upload/{offset}", put(blobs::append))
        .layer(DefaultBodyLimit::max(UPLOAD_CHUNK));
    let shares = Router::new()
        .route("/rounds/{round}/openings/{step}/{trustee}", put(openings::post))
        .layer(DefaultBodyLimit::max(LARGEST_OPENING));
    let api = Router::new()
        .route("/federation", post(federation::found).get(federation::show))
        .route("/federation/close", post(federation::close))
        .route("/invites", post(enrolments::invite))
        .route("/enrolments", post(enrolments::enrol))
        .route("/roster", get(roster::show))
        .route("/roster/{participant}/revoke", post(roster::revoke))
        .route("/roster/{participant}/approval", put(roster::approve))
        .route("/heartbeat", post(work::heartbeat))
        .route("/trustees/{participant}/approval", put(trustees::approve))
        .route("/trustees/{participant}/acknowledgement", put(trustees::acknowledge))
        .route("/trustees/{participant}/complaint", put(trustees::complain))
        .route("/blobs/{digest}", get(blobs::download))
        .route("/blobs/{digest}/upload", get(blobs::show))
        .route("/blobs/{digest}/upload/finish", post(blobs::finish))
        .route("/keys", put(keys::publish))
        .route("/keys/{kind}", get(keys::download))
        .route("/known-answer", get(openings::known_answer).put(openings::post_known_answer))
        .route("/known-answer/squashed-digits", get(openings::known_answer_ciphertexts))
        .route("/known-answer/label-ciphertexts", get(openings::known_answer_ciphertexts))
        .route("/rounds", get(rounds::list))
        .route("/rounds/{round}/roster", get(rounds::roster))
        .route("/rounds/{round}/instances", get(rounds::instances))
        .route("/rounds/{round}/cancel", post(rounds::cancel))
        .route("/rounds/{round}/labels", get(rounds::labels))
        .route("/rounds/{round}/ballots/{ballot}", put(ballots::cast))
        .route("/rounds/{round}/openings/{step}", get(openings::task))
        .route("/rounds/{round}/openings/{step}/ciphertexts", get(openings::ciphertexts))
        .route("/rounds/{round}/openings/{step}/squashed-digits", get(openings::squashed_digits))
        .route("/ledger", get(ledger::show))
        .route("/privacy", get(ledger::privacy))
        .route("/students", get(students::list))
        .route("/students/{student}", get(students::show).put(students::report))
        .route("/transcript", get(transcript::page))
        .route("/transcript/events", get(transcript::lines))
        .route("/transcript/archive", get(transcript::archive))
        .route("/transcript/checks", get(transcript::checks).post(transcript::check))
        .route("/operations", get(operations::show))
        .route("/events", get(events::stream))
        .route("/tokens", get(tokens::list).post(tokens::issue))
        .route("/tokens/{token}/revoke", post(tokens::revoke))
        .layer(DefaultBodyLimit::max(LARGEST_JSON));
    Router::new()
        .route("/healthz", get(health::healthz))
        .nest("/api/v1", api.merge(uploads).merge(parts).merge(shares))
        .merge(dashboard::router())
        .fallback(async || ApiError::new(Code::NotFound, "no such path: see docs/API.md"))
        .method_not_allowed_fallback(async || {
            ApiError::new(Code::InvalidRequest, "this path does not take that method: see docs/API.md")
        })
        .layer(from_fn_with_state(app.clone(), operations::count_refusals))
        .layer(TraceLayer::new_for_http())
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_REQUEST))
        .with_state(app)
}
