//! The institution's own limits: how many rounds and instances in any 24 hours, and a person's consent.

use base::{clock::Millis, ids::Digest};

use super::journal::{Consent, Record};
use crate::config::{ApproveRounds, Limits};

/// Length of the window over which rounds and instances are counted, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Limit of the institution that stands against a vote.
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

#[cfg(test)]
mod tests {
    use base::ids::BallotId;

    use super::*;
    use crate::{teacher::journal::Stage, testing::round};

    const NOW: Millis = Millis(100 * DAY);
    const LIMITS: Limits = Limits {
        approve_rounds: ApproveRounds::All,
        rounds_per_day: Some(2),
        instances_per_day: Some(100),
        epsilon: None,
        participant_epsilon: None,
    };

    fn drawn(id: u8, at: Millis) -> Record {
        Record {
            round: round(id),
            announcement: Digest::of(b"announcement"),
            instances: Digest::of(b"instances"),
            instance_count: 40,
            seen_at: at,
            closes_at: at,
            cost: None,
            stage: Stage::Drawing { ballot: BallotId::from_bytes([id; 16]), at },
        }
    }

    fn ask(limits: &Limits, records: &[Record], instances: u32) -> Result<(), LimitError> {
        check(limits, records, Digest::of(b"announcement"), instances, None, NOW)
    }

    #[test]
    fn rounds_and_instances_of_the_last_day_count_even_if_lost() {
        let yesterday = drawn(1, NOW.plus(-DAY - 1));
        let mut lost = drawn(2, NOW.plus(-DAY + 1));
        lost.stage = Stage::Lost { reason: "crash".to_owned(), at: Some(NOW.plus(-DAY + 1)) };
        let records = [yesterday, lost];
        assert_eq!(ask(&LIMITS, &records, 60), Ok(()));
        let refused = ask(&LIMITS, &records, 61);
        assert_eq!(refused, Err(LimitError::Instances { limit: 100, used: 40, wanted: 61 }));
        let records = [records.as_slice(), &[drawn(3, NOW)]].concat();
        assert_eq!(ask(&LIMITS, &records, 1), Err(LimitError::Rounds { limit: 2, used: 2 }));
        assert_eq!(ask(&Limits::default(), &records, u32::MAX), Ok(()), "no limits, no refusal");
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_reset_the_limits() {
        let later = [drawn(1, NOW.plus(DAY)), drawn(2, NOW.plus(2 * DAY))];
        assert!(matches!(ask(&LIMITS, &later, 1), Err(LimitError::Rounds { .. })));
    }

    #[test]
    fn where_a_person_is_asked_only_a_yes_to_this_very_announcement_counts() {
        let limits = Limits { approve_rounds: ApproveRounds::Ask, ..Limits::default() };
        let (this, other) = (Digest::of(b"announcement"), Digest::of(b"another"));
        let ask = |limits: &Limits, announcement, approved| {
            let consent = Consent { announcement, approved, at: NOW };
            check(limits, &[], this, 1, Some(&consent), NOW)
        };
        assert_eq!(check(&limits, &[], this, 1, None, NOW), Err(LimitError::NeedsPerson));
        assert_eq!(ask(&limits, other, true), Err(LimitError::NeedsPerson));
        assert_eq!(ask(&limits, this, true), Ok(()));
        assert_eq!(ask(&limits, this, false), Err(LimitError::RefusedByPerson));
        assert_eq!(
            ask(&Limits::default(), this, false),
            Err(LimitError::RefusedByPerson),
            "a no always counts"
        );
    }
}
