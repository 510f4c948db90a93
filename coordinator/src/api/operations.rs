//! `GET /operations`: how the coordinator itself is doing.

use axum::extract::State;
use protocol::wire::OperationsView;

use super::openapi::READERS;
use crate::{
    app::App,
    http::{Answer, Json, Reader},
    watch,
};

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
