//! `/federation`: found, show, close.

use axum::extract::State;
use shared::{
    federation::Founding,
    problem::Code,
    transcript::EventBody,
    wire::{FederationView, Found},
};

use super::{
    Answer, ApiError,
    auth::{Operator, Reader, federation},
    error::Json,
};
use crate::{
    app::App,
    storage::{FederationRow, Tx},
    watch,
};

async fn view(app: &App, tx: &mut Tx, row: FederationRow) -> Answer<Json<FederationView>> {
    Ok(Json(watch::federation(app, tx, row).await?))
}

/// Founds the federation; the same config again gives the same answer.
pub(super) async fn found(
    _: Operator,
    State(app): State<App>,
    Json(Found { config }): Json<Found>,
) -> Answer<Json<FederationView>> {
    config.check().map_err(|e| ApiError::new(Code::InvalidConfig, e.to_string()))?;
    let mut tx = app.storage.write().await?;
    if let Some(row) = app.storage.federation(&mut tx).await? {
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
    app.storage.insert_federation(&mut tx, &founding).await?;
    let event = EventBody::Founded(founding.clone());
    app.storage.append(&mut tx, &app.identity, founding.founded_at, event).await?;
    let row = federation(&app.storage, &mut tx).await?;
    let answer = view(&app, &mut tx, row).await?;
    tx.commit().await?;
    tracing::info!(federation = %founding.digest(), name = founding.config.name, "federation founded");
    Ok(answer)
}

pub(super) async fn show(_: Reader, State(app): State<App>) -> Answer<Json<FederationView>> {
    let mut tx = app.storage.read().await?;
    let row = federation(&app.storage, &mut tx).await?;
    view(&app, &mut tx, row).await
}

/// Closes the federation; rounds that are not finished keep it open.
pub(super) async fn close(_: Operator, State(app): State<App>) -> Answer<Json<FederationView>> {
    let mut tx = app.storage.write().await?;
    let row = federation(&app.storage, &mut tx).await?;
    let refused = |detail: String| ApiError::new(Code::WrongFederationState, detail);
    if let Some(round) = app.storage.unfinished_rounds(&mut tx).await?.first() {
        return Err(refused(format!("round {round} is not finished: wait for it or cancel it")));
    }
    let closed = row.state.close().map_err(|e| refused(e.to_string()))?;
    app.storage.set_federation_state(&mut tx, closed).await?;
    app.storage.append(&mut tx, &app.identity, app.now(), EventBody::Closed).await?;
    let row = federation(&app.storage, &mut tx).await?;
    let answer = view(&app, &mut tx, row).await?;
    tx.commit().await?;
    Ok(answer)
}
