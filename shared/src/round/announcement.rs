//! The announcement: everything a round fixes before anyone votes.
//!
//! Coordinator and participants derive it with the same pure function; a participant compares the
//! result with what it received, so that no number in it has to be taken on trust.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

use crate::{
    clock::Millis,
    federation::{Founding, Roster},
    fhe::{ArgmaxKind, Layout, LayoutError, ParameterSet, Resolution, ResolutionError},
    ids::{Digest, RoundId},
    privacy::{CostError, Epsilon, NoiseError, NoisePlan, RoundCost, Sensitivity, ShareSize},
};

/// Is what the operator chooses for a round; all else follows from federation and roster.
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

/// Is what a round fixes before anyone votes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, BorshSerialize, BorshDeserialize)]
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
    /// The circuit that finds the winner.
    pub argmax: ArgmaxKind,
    /// T in votes: below it there is no label; `None` if every instance gets one.
    pub threshold: Option<u32>,
    /// When voting begins.
    pub opens_at: Millis,
    /// When the window closes.
    pub closes_at: Millis,
}

/// Says why a round cannot be announced, or why an announcement is not the one that follows from the policy.
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
        let plan = noise_plan(founding, roster)?;
        let layout = Layout::new(config.classes.len(), request.instance_count as usize)?;
        let threshold = config.threshold.map(|threshold| threshold.votes);
        let resolution = resolve(layout, config.argmax, threshold, roster, &plan)?;
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
            bound: resolution.bound(),
            scale: resolution.scale(),
            argmax: config.argmax,
            threshold,
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
        let kind = |kind: ArgmaxKind| format!("{kind:?}");
        let votes = |votes: Option<u32>| votes.map_or("none".to_owned(), |votes| votes.to_string());
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
            .or_else(|| differs("argmax", &kind(self.argmax), &kind(derived.argmax)))
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

    /// Returns what the circuit resolves, for tallying and for the release.
    pub fn resolution(&self, founding: &Founding, roster: &Roster) -> Result<Resolution, AnnouncementError> {
        let plan = noise_plan(founding, roster)?;
        Ok(resolve(self.layout()?, self.argmax, self.threshold, roster, &plan)?)
    }

    /// Returns the privacy cost of this round's labels, per view and unit.
    pub fn cost(&self, founding: &Founding, roster: &Roster) -> Result<RoundCost, AnnouncementError> {
        cost_of(founding, roster, self.instance_count)
    }

    /// Returns the cost as ε at the federation's δ, per unit and view.
    pub fn epsilon(&self, founding: &Founding, roster: &Roster) -> Result<Epsilon, AnnouncementError> {
        Ok(self.cost(founding, roster)?.epsilon(founding.config.privacy.delta)?)
    }
}

/// Returns what one more label costs under event 0 and a roster, per view and unit.
pub fn price_of_a_label(founding: &Founding, roster: &Roster) -> Result<RoundCost, AnnouncementError> {
    cost_of(founding, roster, 1)
}

fn cost_of(founding: &Founding, roster: &Roster, instances: u32) -> Result<RoundCost, AnnouncementError> {
    let plan = noise_plan(founding, roster)?;
    let sensitivity = Sensitivity {
        participants_per_person: founding.config.privacy.participants_per_person,
        teachers: roster.most_teachers(),
    };
    Ok(RoundCost::new(&plan, sensitivity, instances)?)
}

/// Returns what the circuit of a round resolves.
fn resolve(
    layout: Layout,
    argmax: ArgmaxKind,
    threshold: Option<u32>,
    roster: &Roster,
    plan: &NoisePlan,
) -> Result<Resolution, ResolutionError> {
    let (teachers, variance) = (roster.teachers(), plan.drawn_variance());
    match threshold {
        None => Resolution::new(layout, argmax, teachers, variance),
        Some(votes) => Resolution::with_threshold(layout, argmax, teachers, variance, votes),
    }
}

/// Returns how the noise is shared among the roster's members.
fn noise_plan(founding: &Founding, roster: &Roster) -> Result<NoisePlan, NoiseError> {
    let enrolled = roster.enrolled();
    NoisePlan::new(founding.config.noise, enrolled, founding.config.quorum.of(enrolled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        federation::Quorum,
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
