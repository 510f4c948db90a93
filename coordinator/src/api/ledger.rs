//! `GET /ledger` and `GET /privacy`: what all rounds together have cost, what is left, and who learns what.

use axum::extract::State;
use base::problem::Code;
use protocol::wire::{LedgerView, PrivacyView};

use super::openapi::READERS;
use crate::{
    app::App,
    http::{Answer, Json, Reader, federation},
    watch,
};

/// Shows what is spent, reserved, and left of each promise.
#[utoipa::path(
    get,
    path = "/ledger",
    tag = "ledger",
    responses((status = 200, description = "The ledger", body = LedgerView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation, Code::InfeasibleRound])))
)]
pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<LedgerView>> {
    let mut tx = app.storage.read().await?;
    federation(&mut tx).await?;
    Ok(Json(watch::ledger(&app, &mut tx).await?))
}

/// Shows the ledger, ε against labels, and who learns what.
#[utoipa::path(
    get,
    path = "/privacy",
    tag = "ledger",
    responses((status = 200, description = "Privacy as watchers see it", body = PrivacyView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation, Code::InfeasibleRound])))
)]
pub(super) async fn privacy(_: Reader, State(app): State<App>) -> Answer<Json<PrivacyView>> {
    let mut tx = app.storage.read().await?;
    federation(&mut tx).await?;
    Ok(Json(watch::privacy(&app, &mut tx).await?))
}
