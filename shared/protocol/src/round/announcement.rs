//! The announcement: everything a round fixes before anyone votes.
//!
//! Coordinator and participants derive it with the same pure function; a participant compares the
//! result with what it received, so that no number in it has to be taken on trust.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::{
    policy::{Reading, cost_of, noise_plan, resolve, test_terms, threshold},
    terms::{TallyTerms, TestTerms},
};
use crate::federation::{Founding, Roster};
use base::{
    Step,
    clock::Millis,
    ids::{Digest, RoundId},
};
use fhe::{Encoding, Layout, LayoutError, ParameterSet, Resolution};
use privacy::{Epsilon, RoundCost, ShareSize};
use tally::{grid::Grid, plan::Question};

mod error;
#[cfg(test)]
mod tests;

pub use error::AnnouncementError;

/// The operator's choices for a round; all else follows from federation and roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoundRequest {
    /// The round's id.
    pub round: RoundId,
    /// Digest of the instances in their canonical form.
    pub instances: Digest,
    /// Number of instances, Q.
    pub instance_count: u32,
    /// Digest of the key certificate.
    pub keys: Digest,
    /// When voting begins.
    pub opens_at: Millis,
    /// When the window closes.
    pub closes_at: Millis,
}

/// Terms of a round, fixed before anyone votes.
#[derive(
    Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize, utoipa::ToSchema,
)]
pub struct Announcement {
    /// Hash of event 0; it fixes classes, their order and the noise policy.
    pub federation: Digest,
    /// The round's id.
    pub round: RoundId,
    /// Hash of the roster.
    pub roster: Digest,
    /// Digest of the key certificate.
    pub keys: Digest,
    /// Parameters of the ciphertexts.
    pub parameters: ParameterSet,
    /// Digest of the instances in their canonical form.
    pub instances: Digest,
    /// Number of instances, Q.
    pub instance_count: u32,
    /// Number of classes, C.
    pub classes: u32,
    /// Ballots needed, q.
    pub quorum: u32,
    /// Participants assumed to collude at most, c.
    pub colluding: u32,
    /// Scale s of each participant's noise share, in votes.
    pub share_size: ShareSize,
    /// Scale of the coordinator's own noise, in votes.
    pub coordinator_share_size: ShareSize,
    /// Bound D on the difference of two noisy counts, in votes.
    pub bound: u64,
    /// Scale at which one vote is encoded on the 64-bit torus.
    pub scale: u64,
    /// Who finds the winner, and how.
    pub tally: TallyTerms,
    /// T in votes: below it there is no label; `None` if every instance gets one.
    pub threshold: Option<u32>,
    /// The terms of the test that comes before the labels; `None` in a plain round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<TestTerms>,
    /// When voting begins.
    pub opens_at: Millis,
    /// When the window closes.
    pub closes_at: Millis,
}

impl Announcement {
    /// Derives a round's announcement from event 0, the roster and the operator's request.
    pub fn derive(
        founding: &Founding,
        roster: &Roster,
        request: &RoundRequest,
    ) -> Result<Self, AnnouncementError> {
        let federation = founding.digest();
        if roster.federation != federation {
            return Err(AnnouncementError::Federation { found: roster.federation, expected: federation });
        }
        let RoundRequest { opens_at, closes_at, .. } = *request;
        if closes_at <= opens_at {
            return Err(AnnouncementError::Window { opens_at, closes_at });
        }
        let config = &founding.config;
        let plan = noise_plan(founding, roster, Step::Label)?;
        let layout = Layout::new(config.classes.len(), request.instance_count as usize)?;
        let reading = Reading::of(founding, roster, layout, Step::Label)?;
        let encoding = reading.encoding(layout);
        let tally = match reading {
            Reading::Homomorphic(resolution) => {
                TallyTerms::Homomorphic { argmax: config.circuit(), precise_levels: resolution.precise() }
            }
            Reading::Shared(grid) => {
                TallyTerms::Shared { whole_bits: grid.whole_bits(), fraction_bits: grid.fraction_bits() }
            }
        };
        Ok(Self {
            federation,
            round: request.round,
            roster: roster.digest(),
            keys: request.keys,
            parameters: config.parameter_set(),
            instances: request.instances,
            instance_count: request.instance_count,
            classes: config.classes.len() as u32,
            quorum: plan.quorum(),
            colluding: plan.colluding(),
            share_size: plan.share_size(),
            coordinator_share_size: plan.coordinator_share_size(),
            bound: encoding.bound(),
            scale: encoding.scale(),
            tally,
            threshold: config.threshold.map(|threshold| threshold.votes),
            test: test_terms(founding, roster, layout)?,
            opens_at,
            closes_at,
        })
    }

    /// Checks that this announcement is the one that follows from what the participant approved.
    pub fn check(&self, founding: &Founding, roster: &Roster, keys: Digest) -> Result<(), AnnouncementError> {
        let request = RoundRequest {
            round: self.round,
            instances: self.instances,
            instance_count: self.instance_count,
            keys,
            opens_at: self.opens_at,
            closes_at: self.closes_at,
        };
        let derived = Self::derive(founding, roster, &request)?;
        if *self == derived {
            return Ok(());
        }
        Err(self.first_difference(&derived))
    }

    fn first_difference(&self, derived: &Self) -> AnnouncementError {
        let differs = |field, announced: &dyn ToString, derived: &dyn ToString| {
            let (announced, derived) = (announced.to_string(), derived.to_string());
            (announced != derived).then_some(AnnouncementError::Differs { field, announced, derived })
        };
        let votes = |votes: Option<u32>| votes.map_or("none".to_owned(), |votes| votes.to_string());
        let test = |test: Option<TestTerms>| test.map_or("none".to_owned(), |test| format!("{test:?}"));
        differs("federation", &self.federation, &derived.federation)
            .or_else(|| differs("roster", &self.roster, &derived.roster))
            .or_else(|| differs("keys", &self.keys, &derived.keys))
            .or_else(|| differs("classes", &self.classes, &derived.classes))
            .or_else(|| differs("quorum", &self.quorum, &derived.quorum))
            .or_else(|| differs("colluding", &self.colluding, &derived.colluding))
            .or_else(|| differs("share_size", &self.share_size, &derived.share_size))
            .or_else(|| {
                differs(
                    "coordinator_share_size",
                    &self.coordinator_share_size,
                    &derived.coordinator_share_size,
                )
            })
            .or_else(|| differs("bound", &self.bound, &derived.bound))
            .or_else(|| differs("scale", &self.scale, &derived.scale))
            .or_else(|| differs("threshold", &votes(self.threshold), &votes(derived.threshold)))
            .or_else(|| differs("test", &test(self.test), &test(derived.test)))
            .or_else(|| differs("tally", &self.tally, &derived.tally))
            .unwrap_or(AnnouncementError::Differs {
                field: "parameters",
                announced: format!("{:?}", self.parameters),
                derived: format!("{:?}", derived.parameters),
            })
    }

    /// Returns the digest that ballots and tallies carry.
    pub fn digest(&self) -> Digest {
        Digest::of_value("psephos/announcement", self)
    }

    /// Returns the slot layout of this round's ballots.
    pub fn layout(&self) -> Result<Layout, LayoutError> {
        Layout::new(self.classes as usize, self.instance_count as usize)
    }

    /// Lists the steps of this round in the order in which they are tallied and opened.
    pub const fn steps(&self) -> &'static [Step] {
        if self.test.is_some() { &Step::ALL } else { &[Step::Label] }
    }

    /// Returns the scales of a participant's and of the coordinator's noise in a step, in votes.
    pub fn share_sizes(&self, step: Step) -> (ShareSize, ShareSize) {
        match (step, self.test) {
            (Step::Test, Some(test)) => (test.share_size, test.coordinator_share_size),
            _ => (self.share_size, self.coordinator_share_size),
        }
    }

    /// Returns how the counts of a step are encoded in ballots.
    pub fn encoding(
        &self,
        founding: &Founding,
        roster: &Roster,
        step: Step,
    ) -> Result<Encoding, AnnouncementError> {
        let layout = self.layout()?;
        Ok(Reading::of(founding, roster, layout, step)?.encoding(layout))
    }

    /// Returns what the trustees are asked in a step, of these instances.
    ///
    /// # Errors
    /// Refuses a round of a sole trustee.
    pub fn question(
        &self,
        founding: &Founding,
        roster: &Roster,
        (step, instances): (Step, Vec<u32>),
    ) -> Result<Question, AnnouncementError> {
        let grid = self.grid(founding, roster, step)?;
        let layout = tally::sum::Layout::new(self.classes as u16, self.instance_count)?;
        Ok(Question { step, layout, instances, grid, threshold: threshold(founding, step) })
    }

    fn grid(&self, founding: &Founding, roster: &Roster, step: Step) -> Result<Grid, AnnouncementError> {
        match Reading::of(founding, roster, self.layout()?, step)? {
            Reading::Shared(grid) => Ok(grid),
            Reading::Homomorphic(_) => Err(AnnouncementError::Kind("a sole trustee computes no argmax")),
        }
    }

    /// Returns the gap in votes from which a label equals the plain argmax but for the documented chance: zero where
    /// several trustees compute it exactly.
    pub fn gap(&self, founding: &Founding, roster: &Roster) -> Result<u64, AnnouncementError> {
        Ok(match Reading::of(founding, roster, self.layout()?, Step::Label)? {
            Reading::Homomorphic(resolution) => resolution.votes(),
            Reading::Shared(_) => 0,
        })
    }

    /// Returns what the homomorphic circuit of a step resolves, in a federation with a sole trustee.
    pub fn resolution(
        &self,
        founding: &Founding,
        roster: &Roster,
        step: Step,
    ) -> Result<Resolution, AnnouncementError> {
        if !founding.config.trustees.is_sole() {
            return Err(AnnouncementError::Kind("several trustees compute the argmax on shares"));
        }
        resolve(founding, roster, self.layout()?, step)
    }

    /// Returns the privacy cost of this round, per view and unit; in a two-step round the most it may cost, with a
    /// label for every instance.
    pub fn cost(&self, founding: &Founding, roster: &Roster) -> Result<RoundCost, AnnouncementError> {
        cost_of(founding, roster, self.instance_count, self.instance_count)
    }

    /// Returns [`Announcement::cost`] as ε at the federation's δ, per unit and view.
    pub fn epsilon(&self, founding: &Founding, roster: &Roster) -> Result<Epsilon, AnnouncementError> {
        Ok(self.cost(founding, roster)?.epsilon(founding.config.privacy.delta)?)
    }

    /// Returns the privacy cost of this round once it is known how many instances passed the test; a plain round costs
    /// the same whatever it answers.
    pub fn cost_of_release(
        &self,
        founding: &Founding,
        roster: &Roster,
        passed: u32,
    ) -> Result<RoundCost, AnnouncementError> {
        cost_of(founding, roster, self.instance_count, passed)
    }
}
