//! The verifier: one outcome per named check, from the events and whatever artefacts are at hand.
//!
//! What was not checked is never called passed: an artefact that is withheld, a federation with one trustee, each is said in
//! its own words.

mod artefacts;
mod sessions;
mod sums;
#[cfg(test)]
mod tests;

use sessions::Sessions;

use serde::Serialize;

use super::{Blobs, Check, Event, Fault, Head, RecomputeError, Replay};
use base::{identity::Signed, ids::Digest};

/// Result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All that the check proves is so.
    Passed,
    /// Something is wrong.
    Failed,
    /// It could not be made, or not wholly.
    NotChecked,
}

/// Line of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The check.
    pub check: Check,
    /// What it found.
    pub verdict: Verdict,
    /// What was looked at, what is wrong, or why it was not checked.
    pub detail: String,
}

/// Findings of a verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Hash of event 0; `None` if there is no readable one.
    pub federation: Option<Digest>,
    /// Number of events.
    pub events: u64,
    /// Digest of the last event.
    pub head: Digest,
    /// One line per check, in the order of [`Check::ALL`].
    pub lines: Vec<Line>,
}

impl Report {
    /// Returns whether any check failed.
    pub fn has_failed(&self) -> bool {
        self.lines.iter().any(|line| line.verdict == Verdict::Failed)
    }

    /// Returns whether every check was made and passed.
    pub fn has_passed(&self) -> bool {
        self.lines.iter().all(|line| line.verdict == Verdict::Passed)
    }
}

/// What a check comes to: passed with what was looked at, or why not.
type Finding = Result<String, Miss>;

/// Why a check did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Miss {
    Fault(Fault),
    NotChecked(String),
}

impl From<Fault> for Miss {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<RecomputeError> for Miss {
    fn from(error: RecomputeError) -> Self {
        match error {
            RecomputeError::Fault(fault) => Self::Fault(fault),
            other => Self::NotChecked(other.to_string()),
        }
    }
}

/// Callback for progress: the check that is under way, how far it is, and how far it goes.
pub type OnProgress<'a> = &'a mut dyn FnMut(Check, usize, usize);

/// Checks a whole transcript.
pub fn verify(events: &[Signed<Event>], blobs: &dyn Blobs, on_progress: OnProgress<'_>) -> Report {
    let (head, chain) = follow_chain(events);
    let replay = match &chain {
        Ok(_) => Replay::of(events).map_err(Miss::Fault),
        Err(miss) => Err(miss.clone()),
    };
    let mut report = Report {
        federation: replay.as_ref().ok().map(Replay::federation),
        events: events.len() as u64,
        head: head.digest,
        lines: Vec::new(),
    };
    match replay {
        Ok(replay) => {
            let verifier = Verifier { replay: &replay, blobs };
            verifier.check_all(chain, on_progress, &mut report);
        }
        Err(miss) => stopped(&chain, &miss, &mut report),
    }
    report
}

/// Follows the chain alone: heights, parents and signatures.
fn follow_chain(events: &[Signed<Event>]) -> (Head, Finding) {
    let first = events.first().map(Replay::begin);
    let replay = match first {
        Some(Ok(replay)) => replay,
        Some(Err(fault)) => return (Head::EMPTY, Err(fault.into())),
        None => return (Head::EMPTY, Err(Check::Chain.fault(0, "there is no event").into())),
    };
    let mut head = Head::EMPTY;
    for signed in events {
        match head.follow(signed, &replay.coordinator()) {
            Ok((_, after)) => head = after,
            Err(error) => return (head, Err(Check::Chain.fault(head.length, error).into())),
        }
    }
    let found =
        format!("{} events, each signed by the coordinator, head {}", head.length, head.digest.short());
    (head, Ok(found))
}

/// Fills in the report of a transcript that breaks a rule: one check failed, the others were not reached.
fn stopped(chain: &Finding, miss: &Miss, report: &mut Report) {
    let (failed, what) = match miss {
        Miss::Fault(fault) => (fault.check, fault.to_string()),
        Miss::NotChecked(why) => (Check::Chain, why.clone()),
    };
    for check in Check::ALL {
        let line = match check {
            _ if check == failed => Line { check, verdict: Verdict::Failed, detail: what.clone() },
            Check::Chain if chain.is_ok() => line(check, chain.clone()),
            _ => {
                let detail = format!("not reached: the check \"{}\" failed before", failed.name());
                Line { check, verdict: Verdict::NotChecked, detail }
            }
        };
        report.lines.push(line);
    }
}

/// Turns a finding into a line. A fault that another check found on the way is that other check's to report; here
/// it only says why this one cannot pass.
fn line(check: Check, finding: Finding) -> Line {
    let (verdict, detail) = match finding {
        Ok(detail) => (Verdict::Passed, detail),
        Err(Miss::Fault(fault)) => (Verdict::Failed, fault.to_string()),
        Err(Miss::NotChecked(why)) => (Verdict::NotChecked, why),
    };
    Line { check, verdict, detail }
}

/// Everything that the checks look at.
struct Verifier<'a> {
    replay: &'a Replay,
    blobs: &'a dyn Blobs,
}

impl Verifier<'_> {
    fn check_all(&self, chain: Finding, on_progress: OnProgress<'_>, report: &mut Report) {
        let mut add = |check, finding| report.lines.push(line(check, finding));
        add(Check::Chain, chain);
        add(Check::Roster, self.roster());
        add(Check::Keys, self.keys());
        add(Check::Ceremony, self.ceremony());
        add(Check::Announcements, self.announcements());
        let (ballots, sum) = self.sums(on_progress);
        add(Check::Ballots, ballots);
        add(Check::Sum, sum);
        let sessions = self.sessions(on_progress);
        let found = sessions.as_ref().map(Sessions::in_words).map_err(Clone::clone);
        add(Check::Tally, found);
        add(Check::Openings, sessions.and_then(|sessions| self.labels(&sessions)));
        add(Check::Ledger, self.ledger());
    }

    /// Returns why a check that needs several trustees cannot be made.
    fn needs_trustees(&self) -> Result<(), Miss> {
        if self.replay.founding().config.trustees.is_sole() {
            return Err(Miss::NotChecked("not verifiable with one trustee".to_owned()));
        }
        Ok(())
    }
}
