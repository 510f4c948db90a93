//! What the transcript says about one round, step by step.

use std::collections::BTreeMap;

use super::Recorded;
use crate::{
    federation::{Founding, Roster},
    round::{Announcement, AnnouncementError, Corroboration, Opening},
    transcript::CountedBallot,
};
use base::{Step, ids::Digest};
use fhe::Layout;
use privacy::RoundCost;

/// The transcript's record of one round.
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
    /// The steps that were tallied.
    pub steps: BTreeMap<Step, StepRecord>,
    /// What the test of a two-step round came to.
    pub test: Option<TestRecord>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// The transcript's record of one step of a round.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// The sum that several trustees were asked to tally; `None` with a sole trustee.
    pub asked: Option<Asked>,
    /// The tally, once it ended.
    pub tally: Option<Recorded>,
    /// The sole trustee's opening, once it came.
    pub openings: Vec<Opening>,
}

/// A sum that several trustees were asked to tally.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Digest of the sum.
    pub sum: Digest,
    /// Digest of the event: the head that their session rests on.
    pub event: Digest,
    /// Height of the event.
    pub height: u64,
}

/// Result of the test of a two-step round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestRecord {
    /// The instances that passed, from 0 and ascending.
    pub passed: Vec<u32>,
    /// Who stands for it.
    pub corroboration: Corroboration,
    /// Height of the event.
    pub height: u64,
}

impl RoundRecord {
    /// Returns the tally of a step, if it is on the record.
    pub fn tally(&self, step: Step) -> Option<Recorded> {
        self.steps.get(&step)?.tally
    }

    /// Returns the openings of a step, in the order they came.
    pub fn openings(&self, step: Step) -> &[Opening] {
        self.steps.get(&step).map(|record| record.openings.as_slice()).unwrap_or_default()
    }

    /// Returns the sum that several trustees were asked to tally in a step.
    pub fn asked(&self, step: Step) -> Option<Asked> {
        self.steps.get(&step)?.asked
    }

    /// Returns whether several trustees were asked to tally anything of the round, or the sole one opened anything.
    pub fn is_begun(&self) -> bool {
        self.steps.values().any(|record| record.asked.is_some() || !record.openings.is_empty())
    }

    /// Returns the digest of the list of counted ballots, to which a session is bound.
    pub fn ballots_digest(&self) -> Option<Digest> {
        self.ballots
            .as_ref()
            .map(|ballots| Digest::of_value("psephos/counted", &(ballots, self.noise_ballot)))
    }

    /// Returns the instances that a step tallies, from 0 and ascending; `None` before that is known.
    pub fn instances_of(&self, step: Step) -> Option<Vec<usize>> {
        if step == Step::Label && self.announcement.test.is_some() {
            return Some(self.test.as_ref()?.passed.iter().map(|instance| *instance as usize).collect());
        }
        Some((0..self.announcement.instance_count as usize).collect())
    }

    /// Returns the layout of what a step puts out: a bit per instance, or a label for each that passed the test.
    ///
    /// `None` before it is known, and where nothing passed.
    pub fn outcomes(&self, step: Step) -> Option<Layout> {
        let layout = self.announcement.layout().ok()?;
        match step {
            Step::Test => self.announcement.test.map(|_| layout.test()),
            Step::Label => layout.of_instances(self.instances_of(step)?.len()).ok(),
        }
    }

    /// Returns the answer of a test per instance: 1 where it passes, 0 elsewhere.
    pub fn bits(&self, passed: &[u32]) -> Vec<u16> {
        let all = 0..self.announcement.instance_count;
        all.map(|instance| u16::from(passed.binary_search(&instance).is_ok())).collect()
    }

    /// Puts the opened labels of the instances that were labelled into their places; all others are abstentions.
    ///
    /// `None` if there are more or fewer labels than instances that were labelled.
    pub fn spread(&self, opened: &[u16]) -> Option<Vec<u16>> {
        let places = self.instances_of(Step::Label)?;
        let mut labels = vec![0; self.announcement.instance_count as usize];
        if places.len() != opened.len() {
            return None;
        }
        for (place, label) in places.into_iter().zip(opened) {
            *labels.get_mut(place)? = *label;
        }
        Some(labels)
    }

    /// Returns what this round costs: what it paid if it is released, else what it reserved.
    pub fn cost(&self, founding: &Founding) -> Result<RoundCost, AnnouncementError> {
        match &self.outcome {
            Some(Outcome::Released { .. }) => self.cost_of_release(founding),
            _ => self.announcement.cost(founding, &self.roster),
        }
    }

    /// Returns what a release of this round costs: in a two-step round, what passed the test decides.
    pub fn cost_of_release(&self, founding: &Founding) -> Result<RoundCost, AnnouncementError> {
        // At most as many as the round has instances, whose number fits 32 bits.
        let passed = self.instances_of(Step::Label).map_or(0, |instances| instances.len() as u32);
        self.announcement.cost_of_release(founding, &self.roster, passed)
    }
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The labels were published.
    Released {
        /// One label per instance: class + 1, or 0 for an abstention.
        labels: Vec<u16>,
        /// Who stands for them.
        corroboration: Corroboration,
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
