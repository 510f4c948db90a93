//! How errors of every room become problem documents (RFC 9457).

use axum::{
    Extension,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use base::{
    identity::IdentityError,
    problem::{Code, MEDIA_TYPE, Problem},
};
use protocol::ballot::BallotError;

use runtime::PoolError;

use crate::{
    rounds::{AnnounceError, BoardRefusal, CastError, InstancesError, OpeningRefusal, RoundError},
    storage::{StorageError, UploadError},
    tally::KeyCacheError,
};

/// A refusal on its way to the client.
#[derive(Debug)]
pub(crate) struct ApiError(pub(crate) Problem);

impl ApiError {
    /// Refuses with a code and what happened this time.
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
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

impl From<PoolError> for ApiError {
    fn from(error: PoolError) -> Self {
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
            RoundError::Pool(error) => error.into(),
            RoundError::Keys(error) => error.into(),
            RoundError::Damaged { .. } => Self::internal(&error),
        }
    }
}

impl From<InstancesError> for ApiError {
    fn from(error: InstancesError) -> Self {
        Self::new(Code::InvalidInstances, error.to_string())
    }
}

impl From<AnnounceError> for ApiError {
    fn from(error: AnnounceError) -> Self {
        let code = match error {
            AnnounceError::Round(error) => return error.into(),
            AnnounceError::Instances(error) => return error.into(),
            AnnounceError::NoWindow => Code::InvalidRequest,
            AnnounceError::Taken(_) | AnnounceError::AnsweredMeanwhile => Code::Conflict,
            AnnounceError::AllAnswered => Code::AllAnswered,
            AnnounceError::NotKeyed => Code::WrongFederationState,
            AnnounceError::KeysUsed(_) => Code::InfeasibleRound,
            AnnounceError::OverBudget(_) => Code::OverBudget,
        };
        Self::new(code, error.to_string())
    }
}

impl From<CastError> for ApiError {
    fn from(error: CastError) -> Self {
        let code = match error {
            CastError::Round(error) => return error.into(),
            CastError::Ballot(error) => return error.into(),
            CastError::Length { .. } => Code::BallotLength,
            CastError::Second { .. } => Code::BallotSecond,
            CastError::Copy => Code::BallotCopy,
            CastError::Early => Code::WrongRoundState,
            CastError::Late { .. } => Code::BallotLate,
        };
        Self::new(code, error.to_string())
    }
}

impl From<OpeningRefusal> for ApiError {
    fn from(error: OpeningRefusal) -> Self {
        let code = match error {
            OpeningRefusal::Round(error) => return error.into(),
            OpeningRefusal::Second => Code::Conflict,
            OpeningRefusal::NotOpening { .. } | OpeningRefusal::NothingTallied => Code::WrongRoundState,
            OpeningRefusal::Answer(_) => Code::InvalidOpening,
        };
        Self::new(code, error.to_string())
    }
}

impl From<BoardRefusal> for ApiError {
    fn from(error: BoardRefusal) -> Self {
        let code = match error {
            BoardRefusal::Round(error) => return error.into(),
            BoardRefusal::NoRound(_) => Code::NotFound,
            BoardRefusal::NotOpen(_) => Code::WrongRoundState,
            BoardRefusal::NoPlace(_) | BoardRefusal::Absent { .. } | BoardRefusal::Sender { .. } => {
                Code::Forbidden
            }
            BoardRefusal::Attempt { .. } | BoardRefusal::Second { .. } => Code::Conflict,
            BoardRefusal::OtherAttempt { .. }
            | BoardRefusal::Malformed(..)
            | BoardRefusal::Torn(_)
            | BoardRefusal::Elsewhere { .. }
            | BoardRefusal::Beyond { .. } => Code::InvalidRequest,
        };
        Self::new(code, error.to_string())
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
