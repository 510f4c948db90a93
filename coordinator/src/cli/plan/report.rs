//! What the plan says: as JSON and for people.

use std::fmt::Write as _;

use base::decimal::Decimal;
use fhe::{ArgmaxKind, Layout, LayoutError, MAX_INSTANCES, Resolution, ResolutionError, TallyError};
use privacy::{CostError, Delta, NoiseMode, Rho, Unit, Units, Views, labels_for};
use serde::Serialize;

use super::{
    setting::{Promise, Setting},
    tally::{CircuitReport, SharedError, SharedReport},
};
use crate::cli::output::insecure_line;

/// The plan in figures. Counts are of participants or labels, sizes are in votes.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    participants: u32,
    teachers: u32,
    classes: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    argmax: Option<ArgmaxKind>,
    participants_per_person: u32,
    sigma: Decimal,
    coordinator_sigma: Decimal,
    mode: NoiseMode,
    /// Whether sigma was solved for.
    solved: bool,
    pub(super) labels: u32,
    pub(super) delta: Delta,
    honest_fraction: Decimal,
    quorum: u32,
    colluding: u32,
    honest: u32,
    share_size: f64,
    drawn_variance: f64,
    bound: u64,
    resolution_votes: u64,
    /// What a sole trustee's coordinator computes.
    #[serde(skip_serializing_if = "Option::is_none")]
    circuit: Option<CircuitReport>,
    /// What several trustees compute together.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<SharedReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<TestReport>,
    #[serde(flatten)]
    pub(super) cost: Units<Views<ViewCost>>,
    error_at_gap: Vec<GapError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    promise: Option<Promise>,
}

/// The first step of two-step rounds in figures.
#[derive(Debug, Serialize)]
struct TestReport {
    sigma: Decimal,
    coordinator_sigma: Decimal,
    share_size: f64,
    answered: u32,
}

/// What one view learns about one unit.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct ViewCost {
    /// ε of all labels; absent where the view knows all the noise.
    pub(super) epsilon: Option<f64>,
    /// ρ of all labels, in units of 2^-50.
    rho: Option<Rho>,
    /// How many labels the promised ε buys, where one is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels_for_epsilon: Option<u64>,
    /// Why there is no ε.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// The chance that the noise makes the runner-up win.
#[derive(Debug, Serialize)]
struct GapError {
    gap: u32,
    probability: f64,
}

/// Why a plan has no figures.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReportError {
    #[error(transparent)]
    Cost(#[from] CostError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Resolution(#[from] ResolutionError),
    #[error(transparent)]
    Circuit(#[from] TallyError),
    #[error(transparent)]
    Shared(#[from] SharedError),
    #[error("{participants} participants of {teachers} teachers are more than can be counted: give fewer")]
    Teachers { participants: u32, teachers: u32 },
}

impl Report {
    /// Computes all figures; `gaps` in votes.
    pub(super) fn new(setting: &Setting, gaps: &[u32]) -> Result<Self, ReportError> {
        let (plan, policy) = (&setting.plan, setting.plan.policy());
        let sensitivity = setting.membership.sensitivity;
        let cost = costs(setting)?;
        let tally = Tally::new(setting)?;
        let error = |gap: &u32| GapError { gap: *gap, probability: plan.error_at_gap(*gap) };
        Ok(Self {
            participants: plan.enrolled(),
            teachers: sensitivity.teachers,
            classes: setting.classes,
            argmax: setting.sharing.is_none().then_some(setting.argmax),
            participants_per_person: sensitivity.participants_per_person,
            sigma: policy.sigma,
            coordinator_sigma: policy.coordinator_sigma,
            mode: policy.mode,
            solved: setting.solved,
            labels: setting.labels,
            delta: setting.delta,
            honest_fraction: policy.honest_fraction,
            quorum: plan.quorum(),
            colluding: plan.colluding(),
            honest: plan.honest(),
            share_size: plan.share_size().to_f64(),
            drawn_variance: plan.drawn_variance(),
            bound: tally.bound,
            resolution_votes: tally.resolution_votes,
            circuit: tally.circuit,
            shared: tally.shared,
            test: setting.test.as_ref().map(|test| TestReport {
                sigma: test.plan.policy().sigma,
                coordinator_sigma: test.plan.policy().coordinator_sigma,
                share_size: test.plan.share_size().to_f64(),
                answered: test.answered,
            }),
            cost,
            error_at_gap: gaps.iter().map(error).collect(),
            promise: setting.promise,
        })
    }

    /// Says the same for people.
    pub(super) fn describe(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut out);
        out.trim_end().to_owned()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Self { participants, teachers, classes, labels, delta, .. } = self;
        writeln!(
            out,
            "plan        participants {participants}, teachers of each {teachers}, classes {classes}, labels {labels}"
        )?;
        let solved = if self.solved { ", solved for" } else { "" };
        writeln!(
            out,
            "noise       σ = {}{solved} by the participants, σ_c = {} by the coordinator ({})",
            self.sigma, self.coordinator_sigma, self.mode
        )?;
        writeln!(
            out,
            "shares      {:.4} votes each; in all a variance of {:.1} is drawn",
            self.share_size, self.drawn_variance
        )?;
        if let Some(test) = &self.test {
            writeln!(
                out,
                "test        σ₁ = {} by the participants, {} by the coordinator, shares of {:.4} votes; {} of {labels} \
                 instances pass it",
                test.sigma, test.coordinator_sigma, test.share_size, test.answered
            )?;
        }
        writeln!(
            out,
            "ballots     {} needed; {} may collude (τ = {}), {} honest ones are counted on",
            self.quorum, self.colluding, self.honest_fraction, self.honest
        )?;
        self.write_tally(out)?;
        writeln!(
            out,
            "\nepsilon at delta = {delta}   {:>12} {:>12} {:>12} {:>12}",
            "public", "coordinator", "coalition", "both"
        )?;
        self.write_rows(out, |cost| cost.epsilon.map(|epsilon| format!("{epsilon:.6}")))?;
        if let Some(Promise { epsilon, .. }) = self.promise {
            writeln!(out, "\nlabels that epsilon = {epsilon} buys")?;
            self.write_rows(out, |cost| cost.labels_for_epsilon.map(|labels| labels.to_string()))?;
        }
        writeln!(
            out,
            "\nexpected error of a label, by the winner's lead in votes (two classes, everyone votes)"
        )?;
        for GapError { gap, probability } in &self.error_at_gap {
            writeln!(out, "  lead {gap:<6} {:>8.4} %", probability * 100.0)?;
        }
        let views = [&self.cost.person.public, &self.cost.person.coordinator];
        if let Some(reason) = views.into_iter().find_map(|cost| cost.reason.as_ref()) {
            writeln!(out, "\nno epsilon where it says none: {reason}")?;
        }
        let insecure: Vec<String> = self.mode.insecure_name().map(str::to_owned).into_iter().collect();
        insecure_line(&insecure).map_or(Ok(()), |line| writeln!(out, "\n{line}"))
    }

    fn write_tally(&self, out: &mut String) -> std::fmt::Result {
        let (bound, votes) = (self.bound, self.resolution_votes);
        if let Some(shared) = &self.shared {
            return writeln!(out, "{shared}");
        }
        let Some(circuit) = &self.circuit else { return Ok(()) };
        writeln!(
            out,
            "circuit     D = {bound} votes; a noisy lead of {votes} is missed with a chance below 2^-40"
        )?;
        writeln!(out, "{circuit}")
    }

    fn write_rows(&self, out: &mut String, cell: impl Fn(&ViewCost) -> Option<String>) -> std::fmt::Result {
        for unit in Unit::ALL {
            let Views { public, coordinator, coalition, both } =
                self.cost.get(unit).map(|cost| cell(cost).unwrap_or_else(|| "none".to_owned()));
            writeln!(
                out,
                "  one {:<16}    {public:>12} {coordinator:>12} {coalition:>12} {both:>12}",
                unit.name()
            )?;
        }
        Ok(())
    }
}

/// Puts ρ, ε and what a promise buys side by side, per unit and view.
fn costs(setting: &Setting) -> Result<Units<Views<ViewCost>>, ReportError> {
    let sensitivity = setting.membership.sensitivity;
    let answered = setting.test.as_ref().map_or(setting.labels, |test| test.answered);
    let cost = setting.cost(setting.labels, answered)?;
    let epsilon = cost.epsilon(setting.delta)?;
    let bought = setting
        .promise
        .map(|promise| labels_for(&setting.plan, sensitivity, promise.epsilon, setting.delta))
        .transpose()?
        .unwrap_or_default();
    let reasons = epsilon.reasons.unwrap_or_default();
    let side_by_side = |rho: &Views<Option<Rho>>,
                        epsilon: &Views<Option<f64>>,
                        bought: &Views<Option<u64>>| {
        let view = |rho: Option<Rho>, epsilon, labels_for_epsilon, reason: &Option<String>| ViewCost {
            epsilon,
            rho,
            labels_for_epsilon,
            reason: reason.clone(),
        };
        Views {
            public: view(rho.public, epsilon.public, bought.public, &reasons.public),
            coordinator: view(rho.coordinator, epsilon.coordinator, bought.coordinator, &reasons.coordinator),
            coalition: view(rho.coalition, epsilon.coalition, bought.coalition, &reasons.coalition),
            both: view(rho.both, epsilon.both, bought.both, &reasons.both),
        }
    };
    Ok(Units {
        person: side_by_side(&cost.rho.person, &epsilon.person, &bought.person),
        participant: side_by_side(&cost.rho.participant, &epsilon.participant, &bought.participant),
    })
}

/// The tally in figures, of either form.
struct Tally {
    bound: u64,
    resolution_votes: u64,
    circuit: Option<CircuitReport>,
    shared: Option<SharedReport>,
}

impl Tally {
    /// Takes all labels in one round, or in the largest rounds there are.
    fn new(setting: &Setting) -> Result<Self, ReportError> {
        let (participants, teachers) = (setting.plan.enrolled(), setting.membership.sensitivity.teachers);
        let all =
            participants.checked_mul(teachers).ok_or(ReportError::Teachers { participants, teachers })?;
        let instances = usize::try_from(setting.labels).unwrap_or(usize::MAX).min(MAX_INSTANCES);
        let (layout, variance) = (Layout::new(setting.classes, instances)?, setting.plan.drawn_variance());
        if let Some(sharing) = setting.sharing {
            let shared =
                SharedReport::new((sharing, layout), (participants, all), variance, setting.threshold)?;
            let bound = shared.bound();
            return Ok(Self { bound, resolution_votes: 0, circuit: None, shared: Some(shared) });
        }
        let resolution = Resolution::new(layout, setting.argmax, all, variance)?;
        Ok(Self {
            bound: resolution.bound(),
            resolution_votes: resolution.votes(),
            circuit: Some(CircuitReport::new(&resolution, variance)?),
            shared: None,
        })
    }
}
