//! What watchers read: the transcript in words, its checks, what labels cost and who learns what.

use serde::{Deserialize, Serialize};

use super::LedgerView;
use base::{
    clock::Millis,
    ids::{Digest, ParticipantId, RoundId},
};
use privacy::{Epsilon, Unit, View};

/// An event of the transcript in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventLine {
    /// Its place in the chain, from 0.
    pub height: u64,
    /// When it was recorded.
    pub at: Millis,
    /// Its digest.
    pub digest: Digest,
    /// What kind of event it is, such as `tallied`.
    pub kind: String,
    /// The round it belongs to, if to one.
    pub round: Option<RoundId>,
    /// The participant it is about, if about one.
    pub participant: Option<ParticipantId>,
    /// What happened, in words.
    pub words: String,
}

/// `GET /transcript/events?from=HEIGHT&limit=N`: a page of the transcript in words.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EventLines {
    /// The events, in order.
    pub events: Vec<EventLine>,
    /// Number of events in the whole chain.
    pub length: u64,
}

/// `GET /transcript/checks`: what the coordinator found when it checked its own transcript.
///
/// It proves nothing to others: they check for themselves with `participant verify`.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChecksView {
    /// Whether a check is under way.
    pub running: bool,
    /// What the last one found; `None` if there was none yet.
    pub last: Option<CheckedTranscript>,
}

/// Findings of one run of the checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckedTranscript {
    /// When it ended.
    pub at: Millis,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Number of events that were checked.
    pub events: u64,
    /// Digest of the last of them.
    pub head: Digest,
    /// One line per check.
    pub lines: Vec<CheckedLine>,
}

/// Line of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckedLine {
    /// Name of the check.
    pub check: String,
    /// What it proves when it passes.
    pub proves: String,
    /// `passed`, `failed` or `not_checked`.
    pub verdict: String,
    /// What was looked at, what is wrong, or why it was not checked.
    pub detail: String,
}

/// `GET /privacy`: what labels cost, what is left, and who learns what.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PrivacyView {
    /// The ledger.
    pub ledger: LedgerView,
    /// What one more label costs with the roster as it stands; `None` if no round is possible.
    pub label: Option<Epsilon>,
    /// Labels that are paid for so far.
    pub labels_spent: u64,
    /// ε against the number of labels, per view and unit, at the roster and noise as they stand.
    pub curves: Vec<CostCurve>,
    /// Who learns what.
    pub observers: Vec<Observer>,
}

/// ε against the number of labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CostCurve {
    /// Who looks.
    pub view: View,
    /// Whom it is about.
    pub unit: Unit,
    /// Pairs of labels and ε.
    #[schema(value_type = Vec<Vec<f64>>)]
    pub points: Vec<(u64, f64)>,
}

/// A line of "who learns what".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Observer {
    /// Who.
    pub who: String,
    /// What it sees.
    pub sees: String,
    /// What it does not learn.
    pub not: String,
    /// On what that rests.
    pub unless: String,
}
