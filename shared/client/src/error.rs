//! Why a request to the coordinator gave no answer.

use base::problem::{Code, Problem};

/// Why a request gave no answer; callers decide by the variant and by [`Problem::code`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The coordinator answered with a refusal.
    #[error("the coordinator refuses to {action}: {problem}")]
    Refused {
        /// What was asked.
        action: &'static str,
        /// The refusal.
        problem: Box<Problem>,
    },
    /// Nobody answers there.
    #[error(
        "cannot reach the coordinator at {url} to {action}: {reason}; is it running, and is the address right?"
    )]
    Unreachable {
        /// What was asked.
        action: &'static str,
        /// The coordinator's address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// Whoever answers there does not prove to be the coordinator.
    #[error("cannot {action}: the certificate shown at {url} is not accepted, nothing was sent: {reason}")]
    Certificate {
        /// What was asked.
        action: &'static str,
        /// The coordinator's address.
        url: String,
        /// What is wrong with the certificate, and what helps.
        reason: String,
    },
    /// The answer took too long.
    #[error("the coordinator at {url} did not answer in time to {action}")]
    TimedOut {
        /// What was asked.
        action: &'static str,
        /// The coordinator's address.
        url: String,
    },
    /// The answer is larger than it can be.
    #[error("the coordinator's answer to {action} has more than {limit} bytes: it is not read further")]
    TooLarge {
        /// What was asked.
        action: &'static str,
        /// Most bytes that are read.
        limit: usize,
    },
    /// The answer is not of the documented form.
    #[error("the coordinator's answer to {action} (HTTP status {status}) is not understood: {reason}")]
    Malformed {
        /// What was asked.
        action: &'static str,
        /// HTTP status.
        status: u16,
        /// What is wrong.
        reason: String,
    },
    /// The client cannot be set up.
    #[error("cannot set up the HTTP client: {0}")]
    SetUp(String),
    /// The request needs a token, and there is none.
    #[error("cannot {0} without a token: run `participant enroll` first")]
    NoToken(&'static str),
}

impl ClientError {
    /// Returns the code of a refusal.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Refused { problem, .. } => Some(problem.code),
            _ => None,
        }
    }

    /// Returns the HTTP status of an answer that is no success or not understood.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { problem, .. } => Some(problem.status),
            Self::Malformed { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the coordinator may answer the same request later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Refused { problem, .. } => problem.status >= 500,
            Self::Malformed { status, .. } => *status >= 500 || *status == 429,
            Self::TooLarge { .. } | Self::SetUp(_) | Self::NoToken(_) | Self::Certificate { .. } => false,
        }
    }
}

/// Reads a refusal; a body that is no problem document becomes [`ClientError::Malformed`].
pub(super) fn refusal(action: &'static str, status: u16, body: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(body) {
        Ok(problem) => ClientError::Refused { action, problem: Box::new(problem) },
        Err(_) => {
            let start: String = String::from_utf8_lossy(body).chars().take(200).collect();
            let reason = format!("it is not a problem document, it begins with {start:?}");
            ClientError::Malformed { action, status, reason }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_known_by_its_code_and_only_server_failures_are_tried_again() {
        let problem = Problem::new(Code::BallotLate, "closed at noon");
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let late = refusal("cast a ballot", 409, &body);
        assert_eq!((late.code(), late.is_transient()), (Some(Code::BallotLate), false));
        assert!(late.to_string().contains("refuses to cast a ballot") && late.to_string().contains("noon"));

        let proxy = refusal("cast a ballot", 502, b"<html>bad gateway</html>");
        assert_eq!((proxy.code(), proxy.is_transient()), (None, true));
        assert!(proxy.to_string().contains("bad gateway"));
    }
}
