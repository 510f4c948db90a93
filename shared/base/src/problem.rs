//! Problem documents (RFC 9457): how the coordinator says no, and how agents read it.

use serde::{Deserialize, Serialize};

/// Declares every reason for a refusal once: its code, HTTP status and title.
macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = ($status:literal, $title:literal);)*) => {
        /// Reason for a refusal; clients decide by it, never by the text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];

            /// Returns the HTTP status of this refusal.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// Returns the title, the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request is not of the documented form.
    InvalidRequest = (400, "the request is malformed");
    /// The federation's config cannot be accepted.
    InvalidConfig = (422, "the federation's config is not acceptable");
    /// The instances cannot be accepted.
    InvalidInstances = (422, "the instances are not acceptable");
    /// No or an unknown token came with the request.
    Unauthorized = (401, "a valid token is required");
    /// The token's holder may not do this.
    Forbidden = (403, "the token does not permit this");
    /// Nothing is known under that name.
    NotFound = (404, "not found");
    /// The invite was never issued.
    UnknownInvite = (401, "the invite is not known");
    /// The invite was used by somebody else.
    UsedInvite = (409, "the invite was already used");
    /// There is no federation yet.
    NoFederation = (404, "no federation was founded here yet");
    /// A federation exists already.
    FederationExists = (409, "a federation was already founded here");
    /// The federation is not in the state that this needs.
    WrongFederationState = (409, "the federation is not in the needed state");
    /// The round is not in the state that this needs.
    WrongRoundState = (409, "the round is not in the needed state");
    /// The participants, quorum and noise do not give a valid round.
    InfeasibleRound = (409, "no round is possible with this roster");
    /// The id was used for something else.
    Conflict = (409, "the id was already used with different content");
    /// The uploaded bytes do not have the digest they were announced with.
    DigestMismatch = (422, "the content does not have the stated digest");
    /// The ballot does not have the exact length that the round asks for.
    BallotLength = (422, "the ballot has the wrong length");
    /// The ballot's header is not a ballot header.
    BallotFraming = (422, "the ballot's header is malformed");
    /// The ballot was made with other parameters.
    BallotParameters = (422, "the ballot was made with other parameters");
    /// The ballot is not signed by the participant it names.
    BallotSignature = (422, "the ballot's signature does not match");
    /// The ballot names another participant than the token's holder.
    BallotParticipant = (403, "the ballot names another participant");
    /// The ballot was cast for another federation, round or announcement.
    BallotAnnouncement = (422, "the ballot was cast for another announcement");
    /// The ballot came after the window closed.
    BallotLate = (409, "the ballot came after the window closed");
    /// The participant already cast a different ballot in this round.
    BallotSecond = (409, "the participant already cast another ballot");
    /// The participant's ballot is a copy of another participant's.
    BallotCopy = (409, "the ballot is a copy of another ballot");
    /// The participant is not on the round's roster.
    NotOnRoster = (403, "the participant is not on the round's roster");
    /// Every instance was released before.
    AllAnswered = (409, "every instance was released before");
    /// The round would cost more than the federation promised to lose.
    OverBudget = (409, "the privacy budget does not allow this");
    /// What was sent would break a rule of the transcript.
    RuleBroken = (409, "the transcript's rules do not permit this");
    /// The opening does not fit the label ciphertexts.
    InvalidOpening = (422, "the opening is not acceptable");
    /// The published keys are not acceptable.
    InvalidKeys = (422, "the keys are not acceptable");
    /// The body is larger than the route accepts.
    TooLarge = (413, "the body is too large");
    /// Too many of the same kind are served at once.
    Busy = (503, "the coordinator serves too many of these at once");
    /// The server failed; the operator's log says more.
    Internal = (500, "the coordinator failed");
}

/// A problem document; `detail` names the value, the place and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URN for the code, `urn:psephos:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The title of the code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The code itself.
    pub code: Code,
    /// What happened this time.
    pub detail: String,
}

/// Media type of problem documents.
pub const MEDIA_TYPE: &str = "application/problem+json";

impl Code {
    /// Returns the code as documents spell it, such as `ballot_late`.
    pub fn name(self) -> String {
        let name = serde_json::to_value(self).ok().and_then(|v| v.as_str().map(str::to_owned));
        name.unwrap_or_default()
    }

    /// Returns the code of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
    }
}

impl Problem {
    /// Builds the document for one occurrence of a code.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:psephos:problem:{}", code.name()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: detail.into(),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_code_in_type_status_and_title() {
        let problem = Problem::new(Code::BallotLate, "closed at noon");
        assert_eq!(problem.kind, "urn:psephos:problem:ballot_late");
        assert_eq!((problem.status, problem.title.as_str()), (409, Code::BallotLate.title()));
        assert!(Code::ALL.iter().all(|code| (400..=599).contains(&code.status())));
    }
}
