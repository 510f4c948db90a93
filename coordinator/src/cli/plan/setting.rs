//! What is planned for: flags and config put together, σ solved for where it is not given.

use std::path::Path;

use base::decimal::Decimal;
use fhe::ArgmaxKind;
use privacy::{
    CalibrationError, CostError, Delta, Membership, NoisePlan, NoisePolicy, PrivacyTargets, RoundCost,
    Search, Sensitivity, Target, Unit, View, labels_for, solve,
};
use protocol::federation::{FederationConfig, Quorum};
use tally::sharing::Sharing;

use super::{PlanArgs, usage};
use crate::cli::Failure;

/// A federation on paper, with its noise.
pub(super) struct Setting {
    pub(super) membership: Membership,
    pub(super) classes: usize,
    pub(super) argmax: ArgmaxKind,
    /// How several trustees share the key; `None` with a sole trustee.
    pub(super) sharing: Option<Sharing>,
    /// T in votes, where the labels' own counts are held to it.
    pub(super) threshold: Option<u32>,
    pub(super) delta: Delta,
    pub(super) labels: u32,
    pub(super) plan: NoisePlan,
    /// The test of a two-step round, if there is one.
    pub(super) test: Option<Test>,
    /// The promise asked about, if any.
    pub(super) promise: Option<Promise>,
    /// Whether σ was solved for.
    pub(super) solved: bool,
}

/// The first step of two-step rounds.
pub(super) struct Test {
    pub(super) plan: NoisePlan,
    /// How many of the instances pass it.
    pub(super) answered: u32,
}

/// An ε with the view and the unit it is about.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Promise {
    pub(super) epsilon: Decimal,
    pub(super) view: View,
    pub(super) unit: Unit,
}

impl Setting {
    pub(super) fn new(args: &PlanArgs) -> Result<Self, Failure> {
        let config = args.config.as_deref().map(read).transpose()?;
        let config = config.as_ref();
        let membership = membership(args, config);
        let delta = args.delta.or(config.map(|c| c.privacy.delta)).map_or_else(default_delta, Ok)?;
        for unit in Unit::ALL {
            membership.check_delta(delta, unit).map_err(usage)?;
        }
        let classes = args.classes.or(config.map(|c| c.classes.len()));
        let classes = classes.ok_or_else(|| {
            Failure::Usage("the number of classes is missing: give --classes or --config".to_owned())
        })?;
        let promise = args.epsilon.map(|epsilon| Promise { epsilon, view: args.view, unit: args.unit });
        let targets = config.map(|c| c.privacy.targets).filter(|_| args.solve);
        let solved = args.solve || (args.sigma.is_none() && promise.is_some() && args.labels.is_some());
        let plan = match (promise, args.labels) {
            _ if let Some(targets) = &targets => targeted_plan(args, &membership, targets)?,
            (Some(promise), Some(labels)) if solved => {
                solved_plan(args, &membership, promise, labels, delta).map_err(usage)?
            }
            _ => given_plan(args, config, &membership)?,
        };
        let promised = targets.and_then(|targets| targets.iter().map(|(_, target)| target.labels).max());
        let labels = match (args.labels.or(promised), promise) {
            (Some(labels), _) => labels,
            (None, Some(promise)) => bought(&plan, &membership, promise, delta)?,
            (None, None) => {
                return Err(Failure::Usage(
                    "the number of labels is missing: give --labels, or --epsilon to see how many it buys"
                        .to_owned(),
                ));
            }
        };
        let argmax = config.map_or_else(ArgmaxKind::default, FederationConfig::circuit);
        let trustees = args.trustees.or(config.map(|c| c.trustees)).unwrap_or_default();
        let sharing = trustees.sharing().map_err(usage)?;
        let threshold = config.and_then(|c| c.threshold).filter(|threshold| threshold.test.is_none());
        let threshold = threshold.map(|threshold| threshold.votes);
        let test = test(args, config, &membership, labels)?;
        Ok(Self {
            membership,
            classes,
            argmax,
            sharing,
            threshold,
            delta,
            labels,
            plan,
            test,
            promise,
            solved,
        })
    }

    /// Returns what these instances cost if so many of them are answered; without a test all are paid in full.
    pub(super) fn cost(&self, instances: u32, answered: u32) -> Result<RoundCost, CostError> {
        let sensitivity = self.membership.sensitivity;
        let Some(test) = &self.test else { return RoundCost::new(&self.plan, sensitivity, instances) };
        let tested = RoundCost::new(&test.plan, sensitivity, instances)?;
        if answered == 0 {
            return Ok(tested);
        }
        Ok(tested.and_labels(&RoundCost::new(&self.plan, sensitivity, answered)?))
    }
}

/// Takes the test's noise from the flags or from the config; a promise is not weighed against one.
fn test(
    args: &PlanArgs,
    config: Option<&FederationConfig>,
    membership: &Membership,
    instances: u32,
) -> Result<Option<Test>, Failure> {
    let given = args.test_sigma.map(|sigma| (sigma, args.test_coordinator_sigma.unwrap_or(Decimal::ZERO)));
    let configured = config.and_then(FederationConfig::test_noise);
    let noise = given.or(configured.map(|noise| (noise.sigma, noise.coordinator_sigma)));
    let Some((sigma, coordinator_sigma)) = noise else {
        return match args.answered {
            None => Ok(None),
            Some(_) => Err(Failure::Usage(
                "--answered needs a test: give --test-sigma or a config with one".to_owned(),
            )),
        };
    };
    if args.solve || args.epsilon.is_some() {
        let why = "--epsilon and --solve do not weigh a test against labels: leave [threshold] test out of the config, or \
                   give --sigma and --labels";
        return Err(Failure::Usage(why.to_owned()));
    }
    let answered = args.answered.unwrap_or(instances);
    if answered > instances {
        return Err(Failure::Usage(format!("--answered {answered} is more than --labels {instances}")));
    }
    Ok(Some(Test { plan: membership.plan(sigma, coordinator_sigma).map_err(usage)?, answered }))
}

fn read(path: &Path) -> Result<FederationConfig, Failure> {
    let said = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| Failure::Usage(format!("{said}: {e}")))?;
    FederationConfig::from_toml(&text).map_err(|e| Failure::Usage(format!("{said}: {e}")))
}

/// Returns 1e-5, the δ of the reference points.
fn default_delta() -> Result<Delta, Failure> {
    Delta::try_from(1e-5).map_err(usage)
}

fn membership(args: &PlanArgs, config: Option<&FederationConfig>) -> Membership {
    let quorum = args.quorum.or(config.map(|c| c.quorum)).unwrap_or(Quorum::All);
    let honest_fraction = args.honest.or(config.map(|c| c.noise.honest_fraction));
    let participants_per_person =
        args.participants_per_person.or(config.map(|c| c.privacy.participants_per_person)).unwrap_or(1);
    Membership {
        enrolled: args.participants,
        quorum: quorum.of(args.participants),
        honest_fraction: honest_fraction.unwrap_or(Decimal::SEVEN_TENTHS),
        sensitivity: Sensitivity { participants_per_person, teachers: args.teachers },
        persons: args.persons,
    }
}

/// Finds the noise that keeps the promise.
fn solved_plan(
    args: &PlanArgs,
    membership: &Membership,
    promise: Promise,
    labels: u32,
    delta: Delta,
) -> Result<NoisePlan, CalibrationError> {
    let target = Target { epsilon: promise.epsilon, delta, labels, unit: promise.unit };
    let search = Search { coordinator_sigma: args.coordinator_sigma, ..Search::DEFAULT };
    solve(membership, &PrivacyTargets::only(promise.view, target), search)
}

/// Finds the noise that keeps every promise of a config.
fn targeted_plan(
    args: &PlanArgs,
    membership: &Membership,
    targets: &PrivacyTargets,
) -> Result<NoisePlan, Failure> {
    if targets.is_empty() {
        let why = "--solve needs [privacy.targets.public] or [privacy.targets.coordinator] in the config";
        return Err(Failure::Usage(why.to_owned()));
    }
    let search = Search { coordinator_sigma: args.coordinator_sigma, ..Search::DEFAULT };
    solve(membership, targets, search).map_err(usage)
}

/// Takes the noise from the flags or from the config.
fn given_plan(
    args: &PlanArgs,
    config: Option<&FederationConfig>,
    membership: &Membership,
) -> Result<NoisePlan, Failure> {
    let noise = config.map(|c| c.noise);
    let is_changed = args.sigma.is_some() || args.coordinator_sigma.is_some();
    if let Some(noise) = noise.filter(|_| !is_changed) {
        let policy = NoisePolicy { honest_fraction: membership.honest_fraction, ..noise };
        return NoisePlan::new(policy, membership.enrolled, membership.quorum).map_err(usage);
    }
    let sigma = args.sigma.or(noise.map(|n| n.sigma));
    let sigma = sigma.ok_or_else(|| {
        Failure::Usage("sigma is missing: give --sigma, or --epsilon and --labels to solve for it".to_owned())
    })?;
    let coordinator_sigma = args.coordinator_sigma.or(noise.map(|n| n.coordinator_sigma));
    membership.plan(sigma, coordinator_sigma.unwrap_or(Decimal::ZERO)).map_err(usage)
}

/// Returns how many labels the promise buys, at least one.
fn bought(plan: &NoisePlan, membership: &Membership, promise: Promise, delta: Delta) -> Result<u32, Failure> {
    let Promise { epsilon, view, unit } = promise;
    let labels = labels_for(plan, membership.sensitivity, epsilon, delta).map_err(usage)?;
    match labels.get(unit).get(view) {
        Some(0) => Err(Failure::Usage(format!(
            "epsilon {epsilon} does not buy one label for one {unit} in the {view} view at sigma {}: allow a larger \
             epsilon, or give --labels instead of --sigma to solve for it",
            plan.policy().sigma
        ))),
        Some(labels) => Ok(u32::try_from(*labels).unwrap_or(u32::MAX)),
        None => Err(Failure::Usage(format!(
            "no epsilon holds in the {view} view with noise mode `{}`: give --labels, or another mode",
            plan.policy().mode
        ))),
    }
}
