//! Rounds: announced, voted in, tallied, opened, released or ended.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Asked, At, Check, Fault, Outcome, Recorded, Replay, RoundRecord, TallyOutcome, TallyRecord, TestRecord,
};
use crate::{
    federation::{FederationKeys, FederationState, TrusteePolicy, known_answer_round},
    round::{Announcement, Corroboration, Opening},
    transcript::CountedBallot,
};
use base::{
    Step,
    clock::Millis,
    identity::Signed,
    ids::{Digest, RoundId},
};

impl Replay {
    pub(super) fn announce(&mut self, at: At, announcement: Announcement) -> Result<(), Fault> {
        let refuse = |what: String| at.refuse(Check::Announcements, what);
        if self.state != FederationState::Keyed {
            return Err(refuse("a round is announced before the federation is keyed".to_owned()));
        }
        let round = announcement.round;
        if self.rounds.contains_key(&round) {
            return Err(refuse(format!("round {round} is announced a second time")));
        }
        let keys = self.ceremony.keys().ok_or_else(|| refuse("no keys are published".to_owned()))?;
        if let FederationKeys::Shared(shared) = keys
            && known_answer_round(shared.certificate.ceremony()) == round
        {
            return Err(refuse(format!("round {round} has the id of the known answer")));
        }
        let keys = keys.digest();
        let roster = self.roster();
        announcement.check(&self.founding, &roster, keys).map_err(|e| refuse(e.to_string()))?;
        let cost = announcement.cost(&self.founding, &roster).map_err(|e| at.refuse(Check::Ledger, e))?;
        self.ledger.reserve(round, cost).map_err(|e| at.refuse(Check::Ledger, e))?;
        let record = RoundRecord {
            announcement,
            roster,
            height: at.height,
            ballots: None,
            noise_ballot: None,
            steps: BTreeMap::new(),
            test: None,
            outcome: None,
        };
        self.rounds.insert(round, record);
        Ok(())
    }

    /// Returns a round that has not ended.
    fn running(&mut self, at: At, check: Check, round: RoundId) -> Result<&mut RoundRecord, Fault> {
        let record = self.rounds.get_mut(&round);
        let record = record.ok_or_else(|| at.refuse(check, format!("round {round} was never announced")))?;
        if record.outcome.is_some() {
            return Err(at.refuse(check, format!("round {round} has ended")));
        }
        Ok(record)
    }

    pub(super) fn close_window(
        &mut self,
        at: At,
        round: RoundId,
        ballots: Vec<CountedBallot>,
    ) -> Result<(), Fault> {
        let record = self.running(at, Check::Ballots, round)?;
        if record.ballots.is_some() {
            return Err(
                at.refuse(Check::Ballots, format!("the window of round {round} closes a second time"))
            );
        }
        check_ballots(record, at.time, &ballots).map_err(|what| at.refuse(Check::Ballots, what))?;
        record.ballots = Some(ballots);
        Ok(())
    }

    pub(super) fn fix_noise(&mut self, at: At, round: RoundId, digest: Digest) -> Result<(), Fault> {
        let record = self.running(at, Check::Ballots, round)?;
        if record.ballots.is_none() || record.noise_ballot.is_some() {
            let what =
                format!("the coordinator's noise of round {round} is not fixed once, after the window");
            return Err(at.refuse(Check::Ballots, what));
        }
        record.noise_ballot = Some(digest);
        Ok(())
    }

    /// Names the sum of a step that several trustees are asked to tally.
    pub(super) fn name_sum(
        &mut self,
        at: At,
        (round, step): (RoundId, Step),
        sum: Digest,
    ) -> Result<(), Fault> {
        let is_sole = self.founding.config.trustees.is_sole();
        let record = self.running(at, Check::Tally, round)?;
        let refuse = |what: &str| at.refuse(Check::Tally, format!("round {round}: {what}"));
        if is_sole {
            return Err(refuse("a sole trustee is not asked to tally"));
        }
        check_due(record, step).map_err(refuse)?;
        let step = record.steps.entry(step).or_default();
        if step.asked.is_some() {
            return Err(refuse("its trustees are asked to tally a second sum"));
        }
        step.asked = Some(Asked { sum, event: at.digest, height: at.height });
        Ok(())
    }

    pub(super) fn record_tally(&mut self, at: At, tally: TallyRecord) -> Result<(), Fault> {
        let Some(round) = tally.round else { return self.record_known_tally(at, tally) };
        let is_sole = self.founding.config.trustees.is_sole();
        let record = self.running(at, Check::Tally, round)?;
        let refuse = |what: &str| at.refuse(Check::Tally, format!("round {round}: {what}"));
        check_due(record, tally.step).map_err(refuse)?;
        let step = record.steps.entry(tally.step).or_default();
        if step.tally.is_some() {
            return Err(refuse("tallied a second time"));
        }
        match (tally.outcome, step.asked) {
            (TallyOutcome::Ciphertexts(_), None) if is_sole => {}
            (TallyOutcome::Session { .. }, Some(asked)) if asked.sum == tally.sum => {}
            _ => return Err(refuse("its tally is of another kind, or of another sum than was asked for")),
        }
        step.tally = Some(Recorded { tally, event: at.digest, height: at.height });
        Ok(())
    }

    pub(super) fn open(&mut self, at: At, signed: &Signed<Opening>) -> Result<(), Fault> {
        let refuse = |what: String| at.refuse(Check::Openings, what);
        let claimed = signed.unverified().map_err(|e| refuse(e.to_string()))?;
        let Some(round) = claimed.round else { return self.open_known_answer(at, signed) };
        let record = self.rounds.get(&round);
        let record = record.ok_or_else(|| refuse(format!("round {round} was never announced")))?;
        if matches!(record.outcome, Some(Outcome::Failed { .. } | Outcome::Cancelled { .. })) {
            return Err(refuse(format!("round {round} ended without labels before this opening")));
        }
        let opening = self.check_opening(at, signed, record.openings(claimed.step))?;
        let record = self.rounds.get_mut(&round).and_then(|record| record.steps.get_mut(&opening.step));
        if let Some(record) = record {
            record.openings.push(opening);
        }
        Ok(())
    }

    /// Records which instances passed the test; the labels of the others are never tallied.
    pub(super) fn test(
        &mut self,
        at: At,
        round: RoundId,
        passed: Vec<u32>,
        corroboration: Corroboration,
    ) -> Result<(), Fault> {
        let policy = self.founding.config.trustees;
        let record = self.running(at, Check::Openings, round)?;
        let refuse = |what: &str| at.refuse(Check::Openings, format!("round {round}: {what}"));
        if record.test.is_some() {
            return Err(refuse("its test ends a second time"));
        }
        check_passed(record, &passed).map_err(refuse)?;
        check_standing(policy, &corroboration, record, &[Step::Test]).map_err(refuse)?;
        if policy.is_sole() && sole_labels(record.openings(Step::Test)) != Some(&record.bits(&passed)) {
            return Err(refuse("other instances pass than the sole trustee opened"));
        }
        record.test = Some(TestRecord { passed, corroboration, height: at.height });
        Ok(())
    }

    pub(super) fn release(
        &mut self,
        at: At,
        round: RoundId,
        labels: Vec<u16>,
        cost: Digest,
        corroboration: Corroboration,
    ) -> Result<(), Fault> {
        let record = self.running(at, Check::Openings, round)?.clone();
        let refuse = |what: &str| at.refuse(Check::Openings, format!("round {round}: {what}"));
        if labels.len() != record.announcement.instance_count as usize {
            return Err(refuse("the release does not hold one label per instance"));
        }
        let labelled = record.instances_of(Step::Label);
        let labelled = labelled.ok_or_else(|| refuse("released before its test was opened"))?;
        let needed: Vec<Step> = record
            .announcement
            .steps()
            .iter()
            .copied()
            .filter(|step| *step == Step::Test || !labelled.is_empty())
            .collect();
        let policy = self.founding.config.trustees;
        check_standing(policy, &corroboration, &record, &needed).map_err(refuse)?;
        check_abstentions(&labels, &labelled).map_err(refuse)?;
        if policy.is_sole() && !labelled.is_empty() {
            let opened = sole_labels(record.openings(Step::Label)).and_then(|opened| record.spread(opened));
            if opened.as_ref() != Some(&labels) {
                return Err(refuse("other labels are released than the sole trustee opened"));
            }
        }
        let charge = record.cost_of_release(&self.founding).map_err(|e| at.refuse(Check::Ledger, e))?;
        let expected = serde_json::to_vec(&charge).map(|json| Digest::of(&json));
        if expected.ok() != Some(cost) {
            return Err(at.refuse(Check::Ledger, format!("round {round}: the release states another cost")));
        }
        self.ledger.commit(round, &charge).map_err(|e| at.refuse(Check::Ledger, e))?;
        let outcome = Outcome::Released { labels, corroboration };
        self.running(at, Check::Openings, round)?.outcome = Some(outcome);
        Ok(())
    }

    /// Ends a round without labels; it is charged exactly if its tally had begun.
    pub(super) fn end(&mut self, at: At, round: RoundId, outcome: Outcome) -> Result<(), Fault> {
        let record = self.running(at, Check::Ledger, round)?;
        let was_charged =
            matches!(outcome, Outcome::Failed { charged: true } | Outcome::Cancelled { charged: true });
        if was_charged != record.is_begun() {
            let what = format!("round {round} ends, but is not charged exactly if its tally had begun");
            return Err(at.refuse(Check::Ledger, what));
        }
        let settled = if was_charged { self.ledger.charge(round) } else { self.ledger.give_back(round) };
        settled.map_err(|e| at.refuse(Check::Ledger, e))?;
        self.running(at, Check::Ledger, round)?.outcome = Some(outcome);
        Ok(())
    }
}

/// Checks that a step of a round is due to be tallied.
fn check_due(record: &RoundRecord, step: Step) -> Result<(), &'static str> {
    if record.noise_ballot.is_none() {
        return Err("tallied before the coordinator's noise was fixed");
    }
    if record.outcomes(step).is_none() {
        return Err("a step is tallied that the round does not have, or before the test was opened");
    }
    Ok(())
}

/// Checks that these steps were tallied and, by a sole trustee, opened, and that nobody else is said to stand for them.
fn check_standing(
    policy: TrusteePolicy,
    claimed: &Corroboration,
    record: &RoundRecord,
    steps: &[Step],
) -> Result<(), &'static str> {
    let is_done = |step: &Step| match policy.is_sole() {
        true => !record.openings(*step).is_empty(),
        false => record.tally(*step).is_some(),
    };
    if !steps.iter().all(is_done) {
        return Err("it goes on before its trustees answered");
    }
    match (claimed, policy.is_sole()) {
        (Corroboration::SoleTrustee, true) | (Corroboration::Agreed | Corroboration::Named { .. }, false) => {
            Ok(())
        }
        _ => Err("it says that others stand for it than its trustees"),
    }
}

/// Checks that the round has a test, and that what passes are its instances, ascending.
fn check_passed(record: &RoundRecord, passed: &[u32]) -> Result<(), &'static str> {
    if record.announcement.test.is_none() {
        return Err("a test ends that the round does not have");
    }
    let is_ascending = passed.is_sorted_by(|one, next| one < next);
    if !is_ascending || passed.last().is_some_and(|last| *last >= record.announcement.instance_count) {
        return Err("what passes the test are not instances of the round in ascending order");
    }
    Ok(())
}

/// Checks that whatever was not labelled is released as an abstention.
fn check_abstentions(labels: &[u16], labelled: &[usize]) -> Result<(), &'static str> {
    let is_labelled = |instance: &usize| labelled.binary_search(instance).is_ok();
    let mut others = labels.iter().enumerate().filter(|(instance, _)| !is_labelled(instance));
    match others.any(|(_, label)| *label != 0) {
        true => Err("an instance that did not pass the test is released with a label"),
        false => Ok(()),
    }
}

fn sole_labels(openings: &[Opening]) -> Option<&Vec<u16>> {
    openings.first().map(|opening| &opening.labels)
}

/// Checks who is counted, once each, in time, and that the window closed no earlier than it may.
fn check_ballots(record: &RoundRecord, closed_at: Millis, ballots: &[CountedBallot]) -> Result<(), String> {
    let RoundRecord { announcement, roster, .. } = record;
    let (mut voters, mut digests) = (BTreeSet::new(), BTreeSet::new());
    for CountedBallot { participant, digest, received_at } in ballots {
        if roster.member(*participant).is_none() {
            return Err(format!("participant {participant} is counted but is not on the round's roster"));
        }
        if !voters.insert(*participant) {
            return Err(format!("participant {participant} is counted twice"));
        }
        if !digests.insert(*digest) {
            return Err(format!("the ballot of participant {participant} is counted under two names"));
        }
        if *received_at >= announcement.closes_at {
            return Err(format!("the ballot of participant {participant} came after the window"));
        }
    }
    if ballots.len() < announcement.quorum as usize {
        return Err(format!(
            "{} ballots are counted, below the quorum of {}",
            ballots.len(),
            announcement.quorum
        ));
    }
    let is_complete = ballots.len() == roster.members.len();
    if closed_at < announcement.closes_at && !is_complete {
        return Err("the window closed early although ballots were missing".to_owned());
    }
    Ok(())
}
