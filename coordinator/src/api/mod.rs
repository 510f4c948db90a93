//! The REST API, `/api/v1`; one file per resource.

mod ballots;
mod blobs;
mod boards;
mod docs;
mod enrolments;
mod events;
mod federation;
mod health;
mod keys;
mod known_answer;
mod ledger;
mod log_filter;
mod metrics;
mod openapi;
mod openings;
mod operations;
mod roster;
mod rounds;
mod students;
mod tokens;
mod transcript;
mod trustees;
mod work;

use std::sync::LazyLock;

use axum::{Router, extract::DefaultBodyLimit};
use protocol::wire::UPLOAD_CHUNK;
use tally::plan::MAX_MESSAGE_BYTES;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{app::App, config::DEFAULT_LARGEST_UPLOAD};

/// Largest body of a request that carries JSON.
const LARGEST_JSON: usize = 4 << 20;
/// Largest opening: 10^6 labels of two bytes, twice as long in hexadecimal.
const LARGEST_OPENING: usize = 8 << 20;

/// The API's description of itself, as it is served.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = openapi::complete(documented(DEFAULT_LARGEST_UPLOAD).into_openapi());
    // By way of a value, whose fields are sorted: the same API is described by the same bytes, and one entity tag.
    let sorted = serde_json::to_value(&document).unwrap_or_default();
    serde_json::to_string_pretty(&sorted).unwrap_or_default()
});

/// Returns the API's description of itself, OpenAPI 3.1 in JSON.
pub fn description() -> &'static str {
    &DOCUMENT
}

/// Returns every route of the API; `largest_upload` is in bytes.
pub(crate) fn router(largest_upload: usize) -> Router<App> {
    documented(largest_upload).split_for_parts().0
}

/// Returns every route with its description, so that neither is without the other.
fn documented(largest_upload: usize) -> OpenApiRouter<App> {
    let uploads = OpenApiRouter::new()
        .routes(routes!(rounds::answers))
        .routes(routes!(rounds::announce, rounds::show))
        .layer(DefaultBodyLimit::max(largest_upload));
    let parts =
        OpenApiRouter::new().routes(routes!(blobs::append)).layer(DefaultBodyLimit::max(UPLOAD_CHUNK));
    let openings =
        OpenApiRouter::new().routes(routes!(openings::post)).layer(DefaultBodyLimit::max(LARGEST_OPENING));
    let boards = OpenApiRouter::new()
        .routes(routes!(boards::read, boards::post))
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES));
    let api = OpenApiRouter::new()
        .routes(routes!(federation::found, federation::show))
        .routes(routes!(federation::close))
        .routes(routes!(enrolments::invite))
        .routes(routes!(enrolments::enrol))
        .routes(routes!(roster::show))
        .routes(routes!(roster::revoke))
        .routes(routes!(roster::approve))
        .routes(routes!(work::heartbeat))
        .routes(routes!(trustees::approve))
        .routes(routes!(blobs::download))
        .routes(routes!(blobs::show))
        .routes(routes!(blobs::finish))
        .routes(routes!(keys::publish))
        .routes(routes!(known_answer::post_known_answer))
        .routes(routes!(rounds::list))
        .routes(routes!(rounds::roster))
        .routes(routes!(rounds::instances))
        .routes(routes!(rounds::cancel))
        .routes(routes!(rounds::labels))
        .routes(routes!(ballots::cast))
        .routes(routes!(ledger::show))
        .routes(routes!(ledger::privacy))
        .routes(routes!(students::list))
        .routes(routes!(students::show, students::report))
        .routes(routes!(transcript::page))
        .routes(routes!(transcript::lines))
        .routes(routes!(transcript::archive))
        .routes(routes!(transcript::checks, transcript::check))
        .routes(routes!(operations::show))
        .routes(routes!(events::stream))
        .routes(routes!(tokens::list, tokens::issue))
        .routes(routes!(tokens::revoke))
        .routes(routes!(log_filter::show_log_filter, log_filter::replace_log_filter))
        .routes(routes!(openapi::document))
        .layer(DefaultBodyLimit::max(LARGEST_JSON));
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(metrics::scrape))
        .routes(routes!(docs::page))
        .nest("/api/v1", api.merge(uploads).merge(parts).merge(openings).merge(boards))
}
