//! `GET /healthz`: whether the service and its database answer.

use axum::extract::State;
use shared::wire::Health;

use super::{Answer, error::Json};
use crate::app::App;

pub(super) async fn healthz(State(app): State<App>) -> Answer<Json<Health>> {
    let mut tx = app.storage.read().await?;
    app.storage.federation(&mut tx).await?;
    Ok(Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: app.now(),
    }))
}
