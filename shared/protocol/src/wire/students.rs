//! Students as their operator reports them.

use serde::{Deserialize, Serialize};

use base::{
    clock::Millis,
    ids::{Digest, RoundId, StudentId},
};
use privacy::Epsilon;

/// `PUT /students/{student}`: what the operator measured of a student that it trained on released labels.
///
/// The coordinator checks that the transcript's head is one of its own; all else is the operator's word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StudentResult {
    /// Rounds whose labels were used, in the order of their announcement.
    pub rounds: Vec<RoundId>,
    /// Number of released labels it was trained on.
    pub labels: u64,
    /// Number of instances without a label it was trained on.
    pub unlabelled: u64,
    /// How it learned: `plain` or `consistency`.
    pub method: String,
    /// Number of released labels that the finished student contradicts.
    pub contradicted: u64,
    /// Number of held-out instances; 0 if it was not measured.
    pub held_out: u64,
    /// Share of the held-out instances it is right on.
    pub accuracy: Option<f64>,
    /// The same per class; nothing for a class without instances.
    pub recall: Vec<Option<f64>>,
    /// `confusion[truth][answer]` held-out instances.
    pub confusion: Vec<Vec<u64>>,
    /// Mean distance between its confidence and its accuracy.
    pub calibration_error: Option<f64>,
    /// What all labels that the federation had released cost.
    pub epsilon: Epsilon,
    /// Number of events of the transcript that says so.
    pub events: u64,
    /// Digest of the last of them.
    pub head: Digest,
}

/// `GET /students`: one student.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StudentView {
    /// Its id.
    pub student: StudentId,
    /// When it was reported.
    pub reported_at: Millis,
    /// What the operator said of it.
    pub result: StudentResult,
}
