//! How errors of every room become problem documents (RFC 9457), and how requests are read.

use axum::{
    Extension,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::BytesRejection},
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use shared::{
    ballot::BallotError,
    identity::IdentityError,
    problem::{Code, MEDIA_TYPE, Problem},
};

use crate::{
    rounds::RoundError,
    storage::{StorageError, UploadError},
    tally::{KeyCacheError, PoolStopped},
};

/// Is a refusal on its way to the client.
#[derive(Debug)]
pub struct ApiError(pub Problem);

impl ApiError {
    /// Refuses with a code and what happened this time.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Problem::new(code, detail))
    }

    /// Hides an internal failure from the client and shows it to the operator.
    fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %error, "request failed");
        Self::new(Code::Internal, "the coordinator's log says more")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        // The code goes along for logs and metrics, which do not read bodies.
        let code = Extension(self.0.code);
        (status, [(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], code, body).into_response()
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        if let StorageError::Rule(fault) = &error {
            return Self::new(Code::RuleBroken, fault.to_string());
        }
        Self::internal(&error)
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        match error {
            UploadError::Offset { .. } => Self::new(Code::Conflict, error.to_string()),
            UploadError::Digest { .. } => Self::new(Code::DigestMismatch, error.to_string()),
            UploadError::Storage(error) => Self::internal(&error),
        }
    }
}

impl From<PoolStopped> for ApiError {
    fn from(error: PoolStopped) -> Self {
        Self::internal(&error)
    }
}

impl From<KeyCacheError> for ApiError {
    fn from(error: KeyCacheError) -> Self {
        Self::internal(&error)
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> Self {
        Self::new(Code::InvalidRequest, error.to_string())
    }
}

impl From<RoundError> for ApiError {
    fn from(error: RoundError) -> Self {
        match error {
            RoundError::Storage(error) => error.into(),
            RoundError::Transition(error) => Self::new(Code::WrongRoundState, error.to_string()),
            RoundError::Announcement(error) => Self::new(Code::InfeasibleRound, error.to_string()),
        }
    }
}

impl From<BallotError> for ApiError {
    fn from(error: BallotError) -> Self {
        let code = match error {
            BallotError::Length { .. } => Code::BallotLength,
            BallotError::Framing | BallotError::Body(_) | BallotError::Layout(_) => Code::BallotFraming,
            BallotError::Parameters { .. } => Code::BallotParameters,
            BallotError::NotOnRoster(_) => Code::NotOnRoster,
            BallotError::Sender { .. } => Code::BallotParticipant,
            BallotError::Signature(_) => Code::BallotSignature,
            BallotError::Announcement { .. } => Code::BallotAnnouncement,
        };
        Self::new(code, error.to_string())
    }
}

/// Reads a JSON body; what is wrong with it becomes a problem document.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let Bytes(bytes) = Bytes::from_request(request, state).await?;
        let value = serde_json::from_slice(&bytes);
        value.map(Self).map_err(|e| ApiError::new(Code::InvalidRequest, format!("the body: {e}")))
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a body of raw bytes up to the route's limit.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for Bytes {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::body::Bytes::from_request(request, state).await {
            Ok(bytes) => Ok(Self(bytes.into())),
            Err(rejection) => Err(body_problem(&rejection)),
        }
    }
}

fn body_problem(rejection: &BytesRejection) -> ApiError {
    let code = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
        _ => Code::InvalidRequest,
    };
    ApiError::new(code, rejection.body_text())
}

/// Reads the variables of a path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for InPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(Code::InvalidRequest, rejection.body_text())),
        }
    }
}

/// Reads the query of a path.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for InQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(Code::InvalidRequest, rejection.body_text())),
        }
    }
}
