//! The announcement: everything a round fixes before anyone votes.
//!
//! Coordinator and participants derive it with the same pure function; a participant compares the
//! result with what it received, so that no number in it has to be taken on trust.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use super::policy::{Reading, cost_of, noise_plan, resolve, test_terms, threshold};
use crate::federation::{Founding, Roster};
use base::{
    Step,
    clock::Millis,
    ids::{Digest, RoundId},
};
use fhe::{ArgmaxKind, Encoding, Layout, LayoutError, ParameterSet, Resolution, ResolutionError};
use privacy::{CostError, Epsilon, NoiseError, RoundCost, ShareSize};
use tally::{
    grid::{Grid, GridError},
    plan::{PlanError, Question},
    sharing::SharingError,
    sum::SumError,
};

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

/// Terms of a two-step round's test: the same votes, with noise and an encoding of their own.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
pub struct TestTerms {
    /// Scale of each participant's noise share, in votes.
    pub share_size: ShareSize,
    /// Scale of the coordinator's own noise, in votes.
    pub coordinator_share_size: ShareSize,
    /// Bound D on the difference of two noisy counts, or of one and T, in votes.
    pub bound: u64,
    /// Scale at which one vote is encoded on the 64-bit torus.
    pub scale: u64,
}

/// Terms of the tally: who finds the winner, and how.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    BorshSerialize,
    BorshDeserialize,
    utoipa::ToSchema,
)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TallyTerms {
    /// The coordinator, under encryption; the sole trustee opens the labels.
    Homomorphic {
        /// The circuit that finds the winner.
        argmax: ArgmaxKind,
        /// Levels of a tournament before its last one that are read finely; those below err more, which the noise hides.
        precise_levels: u32,
    },
    /// Several trustees together, on shares of the sum, exactly.
    Shared {
        /// Bits k of a count before the point.
        whole_bits: u32,
        /// Bits g of a count after the point.
        fraction_bits: u32,
    },
}

impl std::fmt::Display for TallyTerms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Homomorphic { argmax, precise_levels } => {
                write!(f, "homomorphic, {argmax}, {precise_levels} precise levels")
            }
            Self::Shared { whole_bits, fraction_bits } => {
                write!(f, "among the trustees, {whole_bits} + {fraction_bits} bits")
            }
        }
    }
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

/// Why a round cannot be announced, or why an announcement is not the one that follows from the policy.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AnnouncementError {
    /// The noise cannot be shared among these participants.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// The privacy cost cannot be stated.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The number of instances or classes does not fit a ballot.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The counts do not fit the circuit.
    #[error(transparent)]
    Resolution(#[from] ResolutionError),
    /// The trustee policy is not offered.
    #[error(transparent)]
    Sharing(#[from] SharingError),
    /// The counts do not fit the trustees' tally.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The round does not fit the trustees' tally.
    #[error(transparent)]
    Sum(#[from] SumError),
    /// The trustees' tally has no plan for the round.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The tally is of another kind.
    #[error("{0}")]
    Kind(&'static str),
    /// The roster belongs to another federation.
    #[error("the roster belongs to federation {found}, not to {expected}")]
    Federation {
        /// Federation of the roster.
        found: Digest,
        /// Federation asked for.
        expected: Digest,
    },
    /// The window is empty.
    #[error("the window closes at {closes_at}, which is not after it opens at {opens_at}")]
    Window {
        /// Opening time.
        opens_at: Millis,
        /// Closing time.
        closes_at: Millis,
    },
    /// A field differs from what follows from the approved policy and roster.
    #[error("the announcement says {field} = {announced}, but the approved policy and roster give {derived}")]
    Differs {
        /// Field that differs.
        field: &'static str,
        /// Value received.
        announced: String,
        /// Value computed here.
        derived: String,
    },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        federation::Quorum,
        round::price_of_a_label,
        testing::{Federation, request},
    };

    #[test]
    fn coordinator_and_participant_derive_the_same_announcement() {
        let federation = Federation::new(5);
        let announcement = federation.announce(1, 20);
        assert_eq!((announcement.quorum, announcement.colluding), (5, 1));
        assert!((announcement.share_size.to_f64() - 3.0).abs() < 1e-5, "σ = 6 over h = 4 honest ballots");
        announcement.check(&federation.founding, &federation.roster, announcement.keys).unwrap();
    }

    #[test]
    fn a_two_step_round_fixes_noise_and_encoding_of_its_test_too() {
        let (plain, federation) = (Federation::new(5).announce(1, 20), Federation::of_two_steps(5));
        let announcement = federation.announce(1, 20);
        let (founding, roster) = (&federation.founding, &federation.roster);
        announcement.check(founding, roster, announcement.keys).unwrap();
        assert_eq!(
            (plain.steps(), announcement.steps()),
            (&[Step::Label][..], &[Step::Test, Step::Label][..])
        );
        let (own, of_coordinator) = announcement.share_sizes(Step::Test);
        assert_eq!((own.to_f64(), of_coordinator.to_f64()), (4.5, 2.0), "σ₁ = 9 over h = 4 honest ballots");
        let labels = announcement.resolution(founding, roster, Step::Label).unwrap();
        assert_eq!(
            (labels.threshold(), labels.bound()),
            (None, plain.bound),
            "the labels' step has no threshold"
        );
        let test = announcement.test.unwrap();
        assert!(test.bound > plain.bound && test.scale < plain.scale, "more noise needs a wider range");

        let mut changed = announcement.clone();
        changed.test = Some(TestTerms { bound: test.bound + 1, ..test });
        let error = changed.check(founding, roster, announcement.keys).unwrap_err();
        assert!(error.to_string().starts_with("the announcement says test = "), "{error}");
        changed.test = None;
        assert!(changed.check(founding, roster, announcement.keys).is_err());
    }

    #[test]
    fn a_two_step_round_reserves_both_steps_and_pays_for_the_labels_that_it_gives() {
        let federation = Federation::of_two_steps(5);
        let (founding, roster) = (&federation.founding, &federation.roster);
        let (announcement, plain) = (federation.announce(1, 20), Federation::new(5));
        let label = price_of_a_label(&plain.founding, &plain.roster).unwrap().rho.person.public.unwrap();
        let paid = |passed| {
            let cost = announcement.cost_of_release(founding, roster, passed).unwrap();
            cost.rho.person.public.unwrap()
        };
        for passed in [1, 7, 20] {
            let labels = label.checked_mul(u64::from(passed)).unwrap();
            assert_eq!(paid(passed), paid(0).checked_add(labels).unwrap());
        }
        assert_eq!(announcement.cost(founding, roster).unwrap().rho.person.public, Some(paid(20)));
        let both = price_of_a_label(founding, roster).unwrap().rho.person.public.unwrap();
        assert_eq!(both.checked_mul(20), Some(paid(20)));
    }

    #[test]
    fn a_number_that_the_coordinator_changed_is_named() {
        let federation = Federation::new(5);
        let honest = federation.announce(1, 20);
        type Change = fn(&mut Announcement);
        let changes: [(&str, Change); 6] = [
            ("share_size", |a| a.share_size.0 /= 2),
            ("coordinator_share_size", |a| a.coordinator_share_size.0 += 1),
            ("bound", |a| a.bound += 1),
            ("scale", |a| a.scale *= 2),
            ("quorum", |a| a.quorum = 2),
            ("roster", |a| a.roster = Digest::of(b"another roster")),
        ];
        for (field, change) in changes {
            let mut changed = honest.clone();
            change(&mut changed);
            let error = changed.check(&federation.founding, &federation.roster, honest.keys).unwrap_err();
            assert!(error.to_string().starts_with(&format!("the announcement says {field} = ")), "{error}");
        }
        let swapped = honest.check(&federation.founding, &federation.roster, Digest::of(b"other keys"));
        assert!(swapped.unwrap_err().to_string().contains("says keys = "));
    }

    #[test]
    fn shares_that_would_be_too_small_are_refused_with_the_remedy() {
        // 40 participants: c = 12, h = 28, s = 6 / √28 = 1.13 votes.
        let federation = Federation::new(40);
        let refused = Announcement::derive(&federation.founding, &federation.roster, &request(1, 20));
        let error = refused.unwrap_err();
        assert!(matches!(error, AnnouncementError::Noise(NoiseError::ShareTooSmall { .. })), "{error}");
        assert!(error.to_string().contains("7.93"), "the smallest σ is 1.5·√28: {error}");
    }

    #[test]
    fn a_quorum_that_colluders_could_fill_is_refused() {
        let mut federation = Federation::new(5);
        federation.founding.config.quorum = Quorum::AtLeast(1);
        federation.roster.federation = federation.founding.digest();
        let refused = Announcement::derive(&federation.founding, &federation.roster, &request(1, 20));
        assert!(matches!(refused, Err(AnnouncementError::Noise(NoiseError::QuorumNotHonest { .. }))));
    }

    #[test]
    fn a_foreign_roster_and_an_empty_window_are_refused() {
        let (federation, other) = (Federation::new(5), Federation::new(5));
        let foreign = Announcement::derive(&federation.founding, &other.roster, &request(1, 20));
        assert!(matches!(foreign, Err(AnnouncementError::Federation { .. })));
        let closed = RoundRequest { closes_at: Millis(1_000), ..request(1, 20) };
        let empty = Announcement::derive(&federation.founding, &federation.roster, &closed);
        assert!(matches!(empty, Err(AnnouncementError::Window { .. })));
    }
}
