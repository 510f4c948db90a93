//! What follows for a round from event 0 and a roster: noise, circuit and cost of each step.

use super::{AnnouncementError, TestTerms};
use crate::federation::{Founding, Roster};
use base::Step;
use fhe::{Encoding, Layout, Resolution, count_range};
use privacy::{NoiseError, NoisePlan, RoundCost, Sensitivity};
use tally::{grid::Grid, sharing::Sharing};

/// Returns what one more label costs under event 0 and a roster, per view and unit, its test included.
pub fn price_of_a_label(founding: &Founding, roster: &Roster) -> Result<RoundCost, AnnouncementError> {
    cost_of(founding, roster, 1, 1)
}

/// Adds up the steps: every instance is tested, those that pass are labelled (`docs/PRIVACY.md`, two-step rounds).
pub(super) fn cost_of(
    founding: &Founding,
    roster: &Roster,
    instances: u32,
    passed: u32,
) -> Result<RoundCost, AnnouncementError> {
    let sensitivity = Sensitivity {
        participants_per_person: founding.config.privacy.participants_per_person,
        teachers: roster.most_teachers(),
    };
    let labels = noise_plan(founding, roster, Step::Label)?;
    if founding.config.test_noise().is_none() {
        return Ok(RoundCost::new(&labels, sensitivity, instances)?);
    }
    let test = RoundCost::new(&noise_plan(founding, roster, Step::Test)?, sensitivity, instances)?;
    if passed == 0 {
        return Ok(test);
    }
    Ok(test.and_labels(&RoundCost::new(&labels, sensitivity, passed)?))
}

/// Returns the terms of the test, if rounds have two steps.
pub(super) fn test_terms(
    founding: &Founding,
    roster: &Roster,
    layout: Layout,
) -> Result<Option<TestTerms>, AnnouncementError> {
    if founding.config.test_noise().is_none() {
        return Ok(None);
    }
    let plan = noise_plan(founding, roster, Step::Test)?;
    let encoding = Reading::of(founding, roster, layout, Step::Test)?.encoding(layout);
    Ok(Some(TestTerms {
        share_size: plan.share_size(),
        coordinator_share_size: plan.coordinator_share_size(),
        bound: encoding.bound(),
        scale: encoding.scale(),
    }))
}

/// How the counts of a step are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    /// By the homomorphic circuit, for the sole trustee.
    Homomorphic(Resolution),
    /// On shares, by several trustees.
    Shared(Grid),
}

impl Reading {
    pub(super) fn of(
        founding: &Founding,
        roster: &Roster,
        layout: Layout,
        step: Step,
    ) -> Result<Self, AnnouncementError> {
        Ok(match founding.config.trustees.sharing()? {
            None => Self::Homomorphic(resolve(founding, roster, layout, step)?),
            Some(sharing) => Self::Shared(grid(founding, roster, layout, (sharing, step))?),
        })
    }

    pub(super) fn encoding(&self, layout: Layout) -> Encoding {
        match self {
            Self::Homomorphic(resolution) => resolution.encoding(),
            Self::Shared(grid) => Encoding::new(layout, grid.bound(), grid.scale()),
        }
    }
}

/// Returns the threshold that a step applies; in a two-step round it belongs to the test alone.
pub(super) fn threshold(founding: &Founding, step: Step) -> Option<u32> {
    let policy = founding.config.threshold?;
    (step == Step::Test || policy.test.is_none()).then_some(policy.votes)
}

/// Returns how finely trustees read the counts of a step: the range is that of honest ballots, one of each member of the
/// roster and the coordinator's.
fn grid(
    founding: &Founding,
    roster: &Roster,
    layout: Layout,
    (sharing, step): (Sharing, Step),
) -> Result<Grid, AnnouncementError> {
    let (teachers, variance) = (roster.teachers(), noise_plan(founding, roster, step)?.drawn_variance());
    let bound = count_range(layout, teachers, variance, threshold(founding, step))?;
    Ok(Grid::whole(sharing, roster.enrolled().saturating_add(1), |_| bound)?)
}

/// Returns what the circuit of a step resolves; in a two-step round the threshold belongs to the test alone.
pub(super) fn resolve(
    founding: &Founding,
    roster: &Roster,
    layout: Layout,
    step: Step,
) -> Result<Resolution, AnnouncementError> {
    let config = &founding.config;
    let (teachers, variance) = (roster.teachers(), noise_plan(founding, roster, step)?.drawn_variance());
    Ok(match (threshold(founding, step), step) {
        (Some(votes), Step::Test) => Resolution::test(layout, teachers, variance, votes)?,
        (Some(votes), Step::Label) => {
            Resolution::with_threshold(layout, config.circuit(), teachers, variance, votes)?
        }
        _ => Resolution::new(layout, config.circuit(), teachers, variance)?,
    })
}

/// Returns how the noise of a step is shared among the roster's members.
pub(super) fn noise_plan(founding: &Founding, roster: &Roster, step: Step) -> Result<NoisePlan, NoiseError> {
    let (config, enrolled) = (&founding.config, roster.enrolled());
    let policy = match step {
        Step::Test => config.test_noise().unwrap_or(config.noise),
        Step::Label => config.noise,
    };
    NoisePlan::new(policy, enrolled, config.quorum.of(enrolled))
}
