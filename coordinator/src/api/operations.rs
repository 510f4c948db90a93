//! `GET /operations`: how the coordinator itself is doing; and the count of what it refuses.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use shared::{problem::Code, wire::OperationsView};

use super::{Answer, auth::Reader, error::Json, openapi::READERS};
use crate::{app::App, watch};

/// Shows queue, threads, disk, and what was refused.
#[utoipa::path(
    get,
    path = "/operations",
    tag = "service",
    responses((status = 200, description = "How the coordinator is doing", body = OperationsView)),
    extensions(("x-roles" = json!(READERS)))
)]
pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<OperationsView>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(watch::operations(&app, &mut tx).await?))
}

/// Counts every refusal by its code.
pub(super) async fn count_refusals(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<Code>() {
        app.watch.refusals.count(*code, app.now());
    }
    response
}
