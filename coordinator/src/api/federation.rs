//! `/federation`: found, show, close.

use axum::extract::State;
use base::problem::Code;
use protocol::{
    federation::Founding,
    transcript::EventBody,
    wire::{FederationView, Found},
};

use super::openapi::{OPERATOR, READERS};
use crate::{
    app::App,
    http::{Answer, ApiError, Json, Operator, Reader, federation},
    storage::{FederationRow, ReadTx},
    watch,
};

async fn view(app: &App, tx: &mut ReadTx, row: FederationRow) -> Answer<Json<FederationView>> {
    Ok(Json(watch::federation(app, tx, row).await?))
}

/// Founds the federation; the same config again gives the same answer.
#[utoipa::path(
    post,
    path = "/federation",
    tag = "federation",
    request_body = Found,
    responses((status = 200, description = "The federation", body = FederationView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::InvalidConfig, Code::FederationExists])))
)]
pub(super) async fn found(
    _: Operator,
    State(app): State<App>,
    Json(Found { config }): Json<Found>,
) -> Answer<Json<FederationView>> {
    config.check().map_err(|e| ApiError::new(Code::InvalidConfig, e.to_string()))?;
    let mut tx = app.storage.write().await?;
    if let Some(row) = tx.federation().await? {
        if row.founding.config == config {
            return view(&app, &mut tx, row).await;
        }
        let detail = format!(
            "\"{}\" was founded here: use another --home for another federation",
            row.founding.config.name
        );
        return Err(ApiError::new(Code::FederationExists, detail));
    }
    let founding = Founding { config, coordinator: app.identity.public(), founded_at: app.now() };
    tx.insert_federation(&founding).await?;
    let event = EventBody::Founded(founding.clone());
    tx.append(&app.identity, founding.founded_at, event).await?;
    let row = federation(&mut tx).await?;
    let answer = view(&app, &mut tx, row).await?;
    tx.commit().await?;
    tracing::info!(federation = %founding.digest(), name = founding.config.name, "federation founded");
    Ok(answer)
}

/// Shows event 0, where the federation stands, its keys and its ceremony.
#[utoipa::path(
    get,
    path = "/federation",
    tag = "federation",
    responses((status = 200, description = "The federation", body = FederationView)),
    extensions(("x-roles" = json!(READERS)), ("x-codes" = json!([Code::NoFederation])))
)]
pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<FederationView>> {
    let mut tx = app.storage.read().await?;
    let row = federation(&mut tx).await?;
    view(&app, &mut tx, row).await
}

/// Closes the federation; rounds that are not finished keep it open.
#[utoipa::path(
    post,
    path = "/federation/close",
    tag = "federation",
    responses((status = 200, description = "The closed federation", body = FederationView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NoFederation, Code::WrongFederationState])))
)]
pub(super) async fn close(_: Operator, State(app): State<App>) -> Answer<Json<FederationView>> {
    let mut tx = app.storage.write().await?;
    let row = federation(&mut tx).await?;
    let refused = |detail: String| ApiError::new(Code::WrongFederationState, detail);
    if let Some(round) = tx.unfinished_rounds().await?.first() {
        return Err(refused(format!("round {round} is not finished: wait for it or cancel it")));
    }
    let closed = row.state.close().map_err(|e| refused(e.to_string()))?;
    tx.set_federation_state(closed).await?;
    tx.close_boards().await?;
    tx.append(&app.identity, app.now(), EventBody::Closed).await?;
    let row = federation(&mut tx).await?;
    let answer = view(&app, &mut tx, row).await?;
    tx.commit().await?;
    app.boards.moved();
    Ok(answer)
}
