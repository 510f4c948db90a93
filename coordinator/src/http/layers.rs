//! What stands around every route: the answer where there is none, entity tags, time limits, counts and the log.

use std::time::Duration;

use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
};
use base::problem::Code;
use tower_http::timeout::TimeoutLayer;

use super::{ApiError, etag, observe};
use crate::app::App;

/// Longest time that one request may take, uploads included.
const LONGEST_REQUEST: Duration = Duration::from_secs(300);

/// Puts around the routes what all of them share.
pub(crate) fn finish(routes: Router<App>, app: App) -> Router {
    routes
        .fallback(async || ApiError::new(Code::NotFound, "no such path: see docs/API.md"))
        .method_not_allowed_fallback(async || {
            ApiError::new(Code::InvalidRequest, "this path does not take that method: see docs/API.md")
        })
        .layer(middleware::from_fn_with_state(app.clone(), count_refusals))
        .layer(middleware::from_fn(etag::revalidate))
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, LONGEST_REQUEST))
        .layer(middleware::from_fn_with_state(app.clone(), observe::observe))
        .with_state(app)
}

/// Counts every refusal by its code.
async fn count_refusals(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<Code>() {
        app.watch.refusals.count(*code, app.now());
    }
    response
}
