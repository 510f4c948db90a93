//! The institution's own limits: how many rounds and instances in any 24 hours, and a person's consent.

use shared::{clock::Millis, ids::Digest};

use super::journal::{Consent, Record};
use crate::config::{ApproveRounds, Limits};

/// Length of the window over which rounds and instances are counted, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Says which limit of the institution stands against a vote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A person has to decide.
    #[error("a person has to approve this round: `participant rounds approve` or `refuse`")]
    NeedsPerson,
    /// A person decided against it.
    #[error("a person refused this round")]
    RefusedByPerson,
    /// The day's rounds are used up.
    #[error("limits.rounds_per_day = {limit}: {used} rounds were voted in during the last 24 hours")]
    Rounds {
        /// Rounds permitted.
        limit: u32,
        /// Rounds voted in.
        used: u32,
    },
    /// The day's instances are used up.
    #[error(
        "limits.instances_per_day = {limit}: {used} instances were voted on during the last 24 hours, this round has \
         {wanted} more"
    )]
    Instances {
        /// Instances permitted.
        limit: u64,
        /// Instances voted on.
        used: u64,
        /// Instances of this round.
        wanted: u64,
    },
}

/// Checks the approval rule and the daily limits for a round of `instances` instances.
///
/// Every round for which noise was drawn counts, whatever became of it. A day is the last 24 hours, so that no
/// midnight doubles a limit; a clock that was set back counts later rounds too.
pub fn check(
    limits: &Limits,
    records: &[Record],
    announcement: Digest,
    instances: u32,
    consent: Option<&Consent>,
    now: Millis,
) -> Result<(), LimitError> {
    let consent = consent.filter(|consent| consent.announcement == announcement);
    match (consent, limits.approve_rounds) {
        (Some(Consent { approved: false, .. }), _) => return Err(LimitError::RefusedByPerson),
        (None, ApproveRounds::Ask) => return Err(LimitError::NeedsPerson),
        (Some(Consent { approved: true, .. }), _) | (None, ApproveRounds::All) => {}
    }
    let since = now.plus(-DAY);
    let recent: Vec<&Record> =
        records.iter().filter(|record| record.stage.drawn_at().is_some_and(|at| at > since)).collect();
    let used = u32::try_from(recent.len()).unwrap_or(u32::MAX);
    if let Some(limit) = limits.rounds_per_day.filter(|limit| used >= *limit) {
        return Err(LimitError::Rounds { limit, used });
    }
    let used: u64 = recent.iter().map(|record| u64::from(record.instance_count)).sum();
    let wanted = u64::from(instances);
    match limits.instances_per_day.filter(|limit| used + wanted > *limit) {
        Some(limit) => Err(LimitError::Instances { limit, used, wanted }),
        None => Ok(()),
    }
}
