//! Rounds: announced, voted in, tallied, opened, released or ended.

use std::collections::BTreeSet;

use super::{At, Check, Fault, Recorded, Replay, TallyRecord};
use crate::{
    clock::Millis,
    federation::{FederationState, KeyCertificate, Roster},
    identity::Signed,
    ids::{Digest, RoundId},
    round::{Announcement, Corroboration, Opening, OpeningContent, Step},
    transcript::CountedBallot,
};

/// Is what the transcript says about one round.
#[derive(Debug, Clone)]
pub struct RoundRecord {
    /// What it fixed before anyone voted.
    pub announcement: Announcement,
    /// Roster under which it is held.
    pub roster: Roster,
    /// Height of its announcement.
    pub height: u64,
    /// The counted ballots, once the window is closed.
    pub ballots: Option<Vec<CountedBallot>>,
    /// Digest of the coordinator's own encrypted noise.
    pub noise_ballot: Option<Digest>,
    /// The tally.
    pub tally: Option<Recorded>,
    /// The openings, in the order they came.
    pub openings: Vec<Opening>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// Is how a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The labels were published.
    Released {
        /// One label per instance: class + 1, or 0 for an abstention.
        labels: Vec<u16>,
        /// How far the openings bear each other out.
        corroboration: Corroboration,
        /// Number of openings that the release rests on.
        openings: usize,
    },
    /// It ended without labels.
    Failed {
        /// Whether its cost counts as spent.
        charged: bool,
    },
    /// The operator ended it.
    Cancelled {
        /// Whether its cost counts as spent.
        charged: bool,
    },
}

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
        let keys = self.ceremony.certificate().map(KeyCertificate::digest);
        let keys = keys.ok_or_else(|| refuse("no keys are published".to_owned()))?;
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
            tally: None,
            openings: Vec::new(),
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

    pub(super) fn record_tally(&mut self, at: At, tally: TallyRecord) -> Result<(), Fault> {
        let Some(round) = tally.round else { return self.record_known_tally(at, tally) };
        let is_sole = self.founding.config.trustees.is_sole();
        let record = self.running(at, Check::Tally, round)?;
        let refuse = |what: &str| at.refuse(Check::Tally, format!("round {round}: {what}"));
        if record.noise_ballot.is_none() {
            return Err(refuse("tallied before the coordinator's noise was fixed"));
        }
        if record.tally.is_some() {
            return Err(refuse("tallied a second time"));
        }
        if tally.step != Step::Label || tally.squashed.is_none() != is_sole {
            return Err(refuse("squashed digits are recorded where none belong, or missing"));
        }
        record.tally = Some(Recorded { tally, event: at.digest, height: at.height });
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
        let opening = self.check_opening(at, signed, &record.openings)?;
        if let Some(record) = self.rounds.get_mut(&round) {
            record.openings.push(opening);
        }
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
        let policy = self.founding.config.trustees;
        let came = record.openings.len();
        let sharing = policy.sharing().map_err(|e| refuse(&e.to_string()))?;
        if came < sharing.quorum() {
            return Err(refuse("released before enough trustees opened it"));
        }
        let is_corroborated = came >= sharing.corroborated_from();
        let fits = match &corroboration {
            Corroboration::SoleTrustee => policy.is_sole() && sole_labels(&record.openings) == Some(&labels),
            Corroboration::Uncorroborated => !policy.is_sole() && !is_corroborated,
            Corroboration::Corroborated | Corroboration::Named { .. } => !policy.is_sole() && is_corroborated,
            Corroboration::Disputed { .. } => false,
        };
        if !fits {
            return Err(refuse("the release claims a corroboration that its openings do not have"));
        }
        let expected = record.announcement.cost(&self.founding, &record.roster);
        let expected = expected.map_err(|e| at.refuse(Check::Ledger, e))?;
        let expected = serde_json::to_vec(&expected).map(|json| Digest::of(&json));
        if expected.ok() != Some(cost) {
            return Err(at.refuse(Check::Ledger, format!("round {round}: the release states another cost")));
        }
        self.ledger.charge(round).map_err(|e| at.refuse(Check::Ledger, e))?;
        let outcome = Outcome::Released { labels, corroboration, openings: came };
        self.running(at, Check::Openings, round)?.outcome = Some(outcome);
        Ok(())
    }

    pub(super) fn compare(&mut self, at: At, round: RoundId, now: Corroboration) -> Result<(), Fault> {
        match self.rounds.get_mut(&round).and_then(|record| record.outcome.as_mut()) {
            Some(Outcome::Released { corroboration, .. }) => {
                *corroboration = now;
                Ok(())
            }
            _ => Err(at.refuse(Check::Openings, format!("round {round} is compared before its release"))),
        }
    }

    /// Ends a round without labels; it is charged exactly if anything of it was opened.
    pub(super) fn end(&mut self, at: At, round: RoundId, outcome: Outcome) -> Result<(), Fault> {
        let record = self.running(at, Check::Ledger, round)?;
        let was_charged =
            matches!(outcome, Outcome::Failed { charged: true } | Outcome::Cancelled { charged: true });
        if was_charged == record.openings.is_empty() {
            let what = format!("round {round} ends, but is not charged exactly if it was opened");
            return Err(at.refuse(Check::Ledger, what));
        }
        let settled = if was_charged { self.ledger.charge(round) } else { self.ledger.give_back(round) };
        settled.map_err(|e| at.refuse(Check::Ledger, e))?;
        self.running(at, Check::Ledger, round)?.outcome = Some(outcome);
        Ok(())
    }
}

fn sole_labels(openings: &[Opening]) -> Option<&Vec<u16>> {
    match &openings.first()?.content {
        OpeningContent::Labels(labels) => Some(labels),
        OpeningContent::Shares(_) => None,
    }
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
