//! `GET /ledger` and `GET /privacy`: what all rounds together have cost, what is left, and who learns what.

use axum::extract::State;
use shared::wire::{LedgerView, PrivacyView};

use super::{
    Answer,
    auth::{Reader, federation},
    error::Json,
};
use crate::{app::App, watch};

pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<LedgerView>> {
    let mut tx = app.storage.read().await?;
    federation(&app.storage, &mut tx).await?;
    Ok(Json(watch::ledger(&app, &mut tx).await?))
}

pub(super) async fn privacy(_: Reader, State(app): State<App>) -> Answer<Json<PrivacyView>> {
    let mut tx = app.storage.read().await?;
    federation(&app.storage, &mut tx).await?;
    Ok(Json(watch::privacy(&app, &mut tx).await?))
}
