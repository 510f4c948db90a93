//! The ledger as everybody may see it.

use serde::{Deserialize, Serialize};

use base::ids::RoundId;
use privacy::{Delta, Epsilon, Unit, View};

/// `GET /ledger`: what is spent, reserved and left.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerView {
    /// ε of everything that is spent, per unit and view.
    pub spent: Epsilon,
    /// ε of everything that is spent or reserved for rounds that have not ended.
    pub committed: Epsilon,
    /// What was promised, and what is left of it.
    pub promises: Vec<Promise>,
    /// Every round in the order of its announcement.
    pub entries: Vec<LedgerEntry>,
}

/// A promise of the federation's config.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Promise {
    /// Whom it protects.
    pub unit: Unit,
    /// Who looks.
    pub view: View,
    /// ε that is never exceeded.
    pub epsilon: f64,
    /// δ of the promise.
    pub delta: Delta,
    /// ε spent at this δ; `None` without a bound.
    pub spent: Option<f64>,
    /// ε spent or reserved at this δ; `None` without a bound.
    pub committed: Option<f64>,
    /// Labels that can still be paid at the current roster and noise; `None` if no round is possible.
    pub labels_left: Option<u64>,
}

/// Effect of one round on the ledger.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LedgerEntry {
    /// The round.
    pub round: RoundId,
    /// Height of its announcement in the transcript.
    pub height: u64,
    /// What became of its cost.
    pub state: EntryState,
    /// Labels that were reserved.
    pub labels: u32,
    /// How many of them are paid for in a two-step round, whose test was opened; the test is paid for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<u32>,
    /// ε of the round alone: as paid if it is released, else as reserved.
    pub epsilon: Epsilon,
}

/// What became of a round's cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// The round has not ended.
    Reserved,
    /// The labels are released.
    Committed,
    /// It ended without labels, but something of it was opened.
    Charged,
    /// Nothing of it was opened.
    Returned,
}
