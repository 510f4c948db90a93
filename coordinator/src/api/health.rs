//! `GET /healthz`: whether the service and its database answer.

use axum::extract::State;
use protocol::wire::Health;

use super::openapi::ANYONE;
use crate::{
    app::App,
    http::{Answer, Json},
};

/// Tells whether the service and its database answer.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    responses((status = 200, description = "The service and its database answer", body = Health)),
    extensions(("x-roles" = json!(ANYONE)))
)]
pub(super) async fn healthz(State(app): State<App>) -> Answer<Json<Health>> {
    let mut tx = app.storage.read().await?;
    tx.federation().await?;
    Ok(Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: app.now(),
    }))
}
