//! What several trustees signed in their sessions, and the labels that follow from it.

use std::collections::BTreeMap;

use super::{Finding, Miss, OnProgress, Verifier};
use crate::transcript::{Check, Outcome, RoundRecord, SessionRecord, check_digest, fetch};
use base::{Step, ids::RoundId};

/// The labels that the records of sessions show, per round and step, in the order of the step's instances.
pub(super) struct Sessions(BTreeMap<(RoundId, Step), Vec<u16>>);

impl Sessions {
    pub(super) fn in_words(&self) -> String {
        let labels: usize = self.0.values().map(Vec::len).sum();
        format!("{} sessions, {labels} labels", self.0.len())
    }
}

impl Verifier<'_> {
    /// Checks the record of every session: who signed what, that all agreed, and that the check passed.
    pub(super) fn sessions(&self, on_progress: OnProgress<'_>) -> Result<Sessions, Miss> {
        if let Err(miss) = self.needs_trustees() {
            self.ciphertexts()?;
            return Err(miss);
        }
        let tallied: Vec<(&RoundRecord, Step)> =
            self.asked().filter(|(round, step)| round.tally(*step).is_some()).collect();
        let mut labels = BTreeMap::new();
        for (place, (round, step)) in tallied.iter().enumerate() {
            on_progress(Check::Tally, place, tallied.len());
            let id = round.announcement.round;
            labels.insert((id, *step), self.session(round, *step)?);
        }
        Ok(Sessions(labels))
    }

    fn session(&self, round: &RoundRecord, step: Step) -> Result<Vec<u16>, Miss> {
        let id = round.announcement.round;
        let recorded = round.tally(step);
        let recorded = recorded.ok_or_else(|| Check::Tally.fault(round.height, "it is not tallied"))?;
        let fault = |what: String| {
            Miss::Fault(Check::Tally.fault(recorded.height, format!("round {id}, step {step}: {what}")))
        };
        let task = self.replay.task(id, step)?.ok_or_else(|| fault("nobody was asked for it".to_owned()))?;
        let digest = recorded.tally.outcome.digest();
        let bytes = fetch(self.blobs, Check::Tally, "record of a session", digest)?;
        let record = SessionRecord::from_bytes(&bytes).map_err(fault)?;
        task.labels(recorded.tally.outcome.attempt().unwrap_or_default(), &record).map_err(fault)
    }

    /// Compares the labels of sessions with the tests and releases on the chain.
    pub(super) fn labels(&self, sessions: &Sessions) -> Finding {
        let mut releases = 0;
        for round in self.replay.rounds() {
            let id = round.announcement.round;
            let fault = |height, what: &str| Check::Openings.fault(height, format!("round {id}: {what}"));
            if let Some(test) = &round.test
                && sessions.0.get(&(id, Step::Test)) != Some(&round.bits(&test.passed))
            {
                return Err(
                    fault(test.height, "other instances are said to pass than the trustees opened").into()
                );
            }
            let Some(Outcome::Released { labels, .. }) = &round.outcome else { continue };
            let none = Vec::new();
            let opened = sessions.0.get(&(id, Step::Label)).unwrap_or(&none);
            if round.spread(opened).as_ref() != Some(labels) {
                return Err(fault(round.height, "other labels are released than the trustees opened").into());
            }
            releases += 1;
        }
        Ok(format!("{releases} releases"))
    }

    /// Checks the label ciphertexts of a sole trustee's rounds against their digests.
    fn ciphertexts(&self) -> Result<(), Miss> {
        for round in self.replay.rounds() {
            for recorded in Step::ALL.into_iter().filter_map(|step| round.tally(step)) {
                let digest = recorded.tally.outcome.digest();
                check_digest(self.blobs, Check::Tally, "label ciphertexts", digest)?;
            }
        }
        Ok(())
    }
}
