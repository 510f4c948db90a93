//! `/tokens`: who else may look or operate, and until when.

use axum::extract::State;
use base::{ids::Digest, problem::Code};
use protocol::{
    federation::check_name,
    wire::{IssuedToken, NewToken, TokenView},
};

use super::openapi::OPERATOR;
use crate::{
    app::App,
    home::random_token,
    http::{Answer, ApiError, InPath, Json, Operator},
    storage::{ReadTx, TokenRow},
};

/// Makes a token; its secret is shown once and stored as a digest.
#[utoipa::path(
    post,
    path = "/tokens",
    tag = "tokens",
    request_body = NewToken,
    responses((status = 200, description = "The token; its secret is shown this once", body = IssuedToken)),
    extensions(("x-roles" = json!(OPERATOR)))
)]
pub(super) async fn issue(
    _: Operator,
    State(app): State<App>,
    Json(new): Json<NewToken>,
) -> Answer<Json<IssuedToken>> {
    check_name(&new.name).map_err(|e| ApiError::new(Code::InvalidRequest, format!("name: {e}")))?;
    let now = app.now();
    let expires_at = match new.expires_in_seconds {
        Some(0) => {
            let detail = "expires_in_seconds = 0: the token would never work; use at least 1";
            return Err(ApiError::new(Code::InvalidRequest, detail));
        }
        Some(seconds) => Some(now.plus(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))),
        None => None,
    };
    let token = random_token()?;
    let row = TokenRow {
        id: 0,
        token: Digest::of(token.as_bytes()),
        role: new.role,
        name: new.name,
        created_at: now,
        expires_at,
        revoked_at: None,
        last_used: None,
    };
    let mut tx = app.storage.write().await?;
    tx.insert_token(&row).await?;
    let stored = tx.tokens().await?.into_iter().find(|stored| stored.token == row.token);
    tx.commit().await?;
    let stored = stored.ok_or_else(|| ApiError::new(Code::Internal, "the token was not stored"))?;
    tracing::info!(id = stored.id, role = stored.role.name(), name = stored.name, "token made");
    Ok(Json(IssuedToken { token, view: view(stored) }))
}

fn view(row: TokenRow) -> TokenView {
    let TokenRow { id, name, role, created_at, expires_at, revoked_at, last_used, .. } = row;
    TokenView { id, name, role, created_at, expires_at, revoked_at, last_used }
}

/// Lists every token that was ever made, without its secret.
#[utoipa::path(
    get,
    path = "/tokens",
    tag = "tokens",
    responses((status = 200, description = "Every token, without its secret", body = Vec<TokenView>)),
    extensions(("x-roles" = json!(OPERATOR)))
)]
pub(super) async fn list(_: Operator, State(app): State<App>) -> Answer<Json<Vec<TokenView>>> {
    let mut tx = app.storage.read().await?;
    Ok(Json(tx.tokens().await?.into_iter().map(view).collect()))
}

/// Revokes a token; again changes nothing.
#[utoipa::path(
    post,
    path = "/tokens/{token}/revoke",
    tag = "tokens",
    params(("token" = u32, Path, description = "Number of the token")),
    responses((status = 200, description = "The token, revoked", body = TokenView)),
    extensions(("x-roles" = json!(OPERATOR)), ("x-codes" = json!([Code::NotFound])))
)]
pub(super) async fn revoke(
    _: Operator,
    State(app): State<App>,
    InPath(id): InPath<u32>,
) -> Answer<Json<TokenView>> {
    let mut tx = app.storage.write().await?;
    find(&mut tx, id).await?;
    tx.revoke_token(id, app.now()).await?;
    let row = find(&mut tx, id).await?;
    tx.commit().await?;
    tracing::info!(id, name = row.name, "token revoked");
    Ok(Json(view(row)))
}

async fn find(tx: &mut ReadTx, id: u32) -> Answer<TokenRow> {
    let row = tx.tokens().await?.into_iter().find(|row| row.id == id);
    row.ok_or_else(|| ApiError::new(Code::NotFound, format!("no token {id}: see coordinator token list")))
}
