//! Who is calling: the operator, a participant or a viewer. Tokens are compared by their digests, in constant time.

use axum::{
    extract::FromRequestParts,
    http::{
        Method,
        header::{AUTHORIZATION, COOKIE},
        request::Parts,
    },
};
use base::{clock::Millis, ids::Digest, problem::Code};
use protocol::{federation::Member, wire::Role};
use subtle::ConstantTimeEq as _;

use super::ApiError;
use crate::{app::App, storage::TokenRow};

/// Names the cookie of a browser that logged in.
pub(crate) const COOKIE_NAME: &str = "psephos_session";
/// How old the time of a token's last use may be before it is written again, in milliseconds.
const USE_WRITTEN: i64 = 60_000;

/// An authenticated caller that is more than a viewer.
#[derive(Debug)]
pub(crate) enum Caller {
    /// The operator.
    Operator,
    /// A participant that was not revoked.
    Participant(Box<Member>),
}

/// Anybody who may read: every holder of a token, and for reading alone a browser that logged in with one.
#[derive(Debug)]
pub(crate) enum Reader {
    /// The operator, or somebody who may do what the operator may.
    Operator,
    /// A participant that was not revoked.
    Participant(Box<Member>),
    /// A viewer, by the name on its token.
    Viewer(String),
}

/// Lets only the operator in.
pub(crate) struct Operator;

/// Lets only a participant in.
pub(crate) struct Participant(pub(crate) Member);

/// Lets only the trustee in.
pub(crate) struct Trustee(pub(crate) Member);

impl Reader {
    /// Returns who it is, in words.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::Participant(member) => member.name.clone(),
            Self::Viewer(name) => format!("{name} (viewer)"),
        }
    }
}

fn unauthorized(detail: impl Into<String>) -> ApiError {
    ApiError::new(Code::Unauthorized, detail)
}

fn is_same(left: &Digest, right: &Digest) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

fn bearer(parts: &Parts) -> Option<Digest> {
    let header = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let token = header.strip_prefix("Bearer ")?;
    Some(Digest::of(token.trim().as_bytes()))
}

/// Returns the digest of the session's cookie.
pub(crate) fn session_of(parts: &Parts) -> Option<Digest> {
    let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == COOKIE_NAME)?;
    Some(Digest::of(value.as_bytes()))
}

/// Returns who holds the token with this digest, or why it opens nothing; the request's log line says it too.
pub(crate) async fn holder_of(app: &App, token: Digest) -> Result<Reader, ApiError> {
    let holder = look_up(app, token).await?;
    let span = tracing::Span::current();
    match &holder {
        Reader::Operator => span.record("caller", "operator"),
        Reader::Participant(member) => span.record("caller", member.id.get()),
        Reader::Viewer(_) => span.record("caller", "viewer"),
    };
    Ok(holder)
}

async fn look_up(app: &App, token: Digest) -> Result<Reader, ApiError> {
    if is_same(&token, &app.operator) {
        return Ok(Reader::Operator);
    }
    let mut tx = app.storage.read().await?;
    // Both columns hold digests, which nobody can choose: an index may look them up.
    if let Some(row) = tx.token(token).await? {
        drop(tx);
        return holder_of_row(app, row).await;
    }
    match tx.member_with_token(token).await? {
        None => Err(unauthorized("the token is not known here; enrol again if it was replaced")),
        Some(row) if row.revoked_at.is_some() => {
            let detail = format!("participant {} ({}) was revoked", row.member.id, row.member.name);
            Err(ApiError::new(Code::Forbidden, detail))
        }
        Some(row) => Ok(Reader::Participant(Box::new(row.member))),
    }
}

async fn holder_of_row(app: &App, row: TokenRow) -> Result<Reader, ApiError> {
    let now = app.now();
    let TokenRow { id, name, .. } = &row;
    if let Some(at) = row.revoked_at {
        return Err(unauthorized(format!(
            "token {id} (\"{name}\") was revoked at {at}: ask the operator for another"
        )));
    }
    if let Some(at) = row.expires_at.filter(|at| *at <= now) {
        return Err(unauthorized(format!(
            "token {id} (\"{name}\") expired at {at}: ask the operator for another"
        )));
    }
    if row.last_used.is_none_or(|Millis(at)| now.0.saturating_sub(at) >= USE_WRITTEN) {
        let mut tx = app.storage.write().await?;
        tx.used_token(row.id, now).await?;
        tx.commit().await?;
    }
    Ok(match row.role {
        Role::Operator => Reader::Operator,
        Role::Viewer => Reader::Viewer(row.name),
    })
}

impl FromRequestParts<App> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(token) = bearer(parts) {
            return holder_of(app, token).await;
        }
        // A cookie comes along with requests that no person meant; it never changes anything.
        let is_reading = parts.method == Method::GET || parts.method == Method::HEAD;
        let session = session_of(parts).filter(|_| is_reading);
        let session =
            session.ok_or_else(|| unauthorized("send the token as \"Authorization: Bearer TOKEN\""))?;
        let mut tx = app.storage.read().await?;
        let token = tx.session(session, app.now()).await?;
        drop(tx);
        holder_of(app, token.ok_or_else(|| unauthorized("the session has ended: log in again"))?).await
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let token =
            bearer(parts).ok_or_else(|| unauthorized("send the token as \"Authorization: Bearer TOKEN\""))?;
        match holder_of(app, token).await? {
            Reader::Operator => Ok(Self::Operator),
            Reader::Participant(member) => Ok(Self::Participant(member)),
            Reader::Viewer(_) => {
                let detail = "a viewer may read what docs/API.md lists for viewers, and nothing else";
                Err(ApiError::new(Code::Forbidden, detail))
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
