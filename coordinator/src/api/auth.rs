//! Who is calling: the operator or a participant, by bearer token. Tokens are compared by their digests.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use shared::{
    federation::{FederationState, Member},
    ids::Digest,
    problem::Code,
};
use subtle::ConstantTimeEq as _;

use super::ApiError;
use crate::{
    app::App,
    storage::{FederationRow, Storage, Tx},
};

/// Is an authenticated caller.
#[derive(Debug)]
pub(crate) enum Caller {
    /// The operator.
    Operator,
    /// A participant that was not revoked.
    Participant(Box<Member>),
}

/// Lets only the operator in.
pub(crate) struct Operator;

/// Lets only a participant in.
pub(crate) struct Participant(pub(crate) Member);

/// Lets only the trustee in.
pub(crate) struct Trustee(pub(crate) Member);

fn bearer(parts: &Parts) -> Option<Digest> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let token = header.strip_prefix("Bearer ")?;
    Some(Digest::of(token.trim().as_bytes()))
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let unauthorized = |detail: &str| ApiError::new(Code::Unauthorized, detail);
        let token =
            bearer(parts).ok_or_else(|| unauthorized("send the token as \"Authorization: Bearer TOKEN\""))?;
        if bool::from(token.as_bytes().ct_eq(app.operator.as_bytes())) {
            tracing::Span::current().record("caller", "operator");
            return Ok(Self::Operator);
        }
        let mut tx = app.storage.read().await?;
        let row = app.storage.members(&mut tx).await?.into_iter().find(|row| row.token == token);
        match row {
            None => Err(unauthorized("the token is not known here; enrol again if it was replaced")),
            Some(row) if row.revoked_at.is_some() => {
                let detail = format!("participant {} ({}) was revoked", row.member.id, row.member.name);
                Err(ApiError::new(Code::Forbidden, detail))
            }
            Some(row) => {
                tracing::Span::current().record("caller", row.member.id.get());
                Ok(Self::Participant(Box::new(row.member)))
            }
        }
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Operator => Ok(Self),
            Caller::Participant(_) => Err(ApiError::new(Code::Forbidden, "only the operator may do this")),
        }
    }
}

impl FromRequestParts<App> for Participant {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match Caller::from_request_parts(parts, app).await? {
            Caller::Participant(member) => Ok(Self(*member)),
            Caller::Operator => Err(ApiError::new(Code::Forbidden, "only a participant may do this")),
        }
    }
}

impl FromRequestParts<App> for Trustee {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Participant(member) = Participant::from_request_parts(parts, app).await?;
        if !member.trustee {
            return Err(ApiError::new(Code::Forbidden, "only the trustee may do this"));
        }
        Ok(Self(member))
    }
}

/// Returns the federation or says that there is none.
pub(crate) async fn federation(storage: &Storage, tx: &mut Tx) -> Result<FederationRow, ApiError> {
    let row = storage.federation(tx).await?;
    row.ok_or_else(|| {
        ApiError::new(Code::NoFederation, "found one: coordinator federation create --config FILE")
    })
}

/// Returns the federation if it is not closed.
pub(crate) async fn open_federation(storage: &Storage, tx: &mut Tx) -> Result<FederationRow, ApiError> {
    let row = federation(storage, tx).await?;
    match row.state {
        FederationState::Assembling | FederationState::Keyed => Ok(row),
        FederationState::Closed => Err(ApiError::new(
            Code::WrongFederationState,
            "the federation is closed; nothing more can be done in it",
        )),
    }
}
