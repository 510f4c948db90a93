//! The picture of a plan: ε against the number of labels, one curve per view and unit.

use chart::{Axis, Chart, Curve, Mark, Scale};
use privacy::{CostError, Epsilon, Unit, View};

use super::{report::Report, setting::Setting};

/// The fewest labels that the picture shows on the right.
const FEWEST: u32 = 1000;

/// Draws ε against labels, from one label to ten times those planned; the plan itself is marked.
///
/// A coalition of participants adds nothing to the view it joins, so one curve stands for both.
pub(super) fn chart(setting: &Setting, report: &Report) -> Result<Chart, CostError> {
    let epsilon_of = |labels: u32| -> Result<(f64, Epsilon), CostError> {
        // As many of a hundred pass a test as are planned to.
        let answered =
            setting.test.as_ref().map_or(labels, |test| share(test.answered, setting.labels, labels));
        Ok((f64::from(labels), setting.cost(labels, answered)?.epsilon(setting.delta)?))
    };
    let costs: Vec<(f64, Epsilon)> =
        label_counts(setting.labels).into_iter().map(epsilon_of).collect::<Result<_, _>>()?;
    let curves = Unit::ALL
        .into_iter()
        .flat_map(|unit| View::ALL.map(|view| (unit, view)))
        .map(|(unit, view)| curve(&costs, report, unit, view))
        .collect();
    let policy = setting.plan.policy();
    let logarithmic = |label: String| Axis { label, scale: Scale::Logarithmic };
    Ok(Chart {
        title: format!("Privacy cost at σ = {}, σ_c = {}", policy.sigma, policy.coordinator_sigma),
        description: describe(setting, report),
        x: logarithmic(match setting.test {
            None => "labels released".to_owned(),
            Some(_) => "instances tested".to_owned(),
        }),
        y: logarithmic(format!("ε at δ = {}", setting.delta)),
        curves,
    })
}

/// Returns `part` of `whole` of these labels, rounded up.
fn share(part: u32, whole: u32, labels: u32) -> u32 {
    let share = (u64::from(part) * u64::from(labels)).div_ceil(u64::from(whole.max(1)));
    u32::try_from(share).unwrap_or(labels)
}

fn curve(costs: &[(f64, Epsilon)], report: &Report, unit: Unit, view: View) -> Curve {
    let of = |epsilon: &Epsilon| match unit {
        Unit::Person => *epsilon.person.get(view),
        Unit::Participant => *epsilon.participant.get(view),
    };
    let points = costs.iter().filter_map(|(labels, cost)| Some((*labels, of(cost)?))).collect();
    let views = match view {
        View::Public => "public, coalition",
        View::Coordinator => "coordinator, both",
    };
    let planned = report.cost.get(unit).get(view).epsilon;
    let mark = planned.map(|epsilon| Mark {
        at: (f64::from(report.labels), epsilon),
        text: format!("{} labels cost one {unit} ε = {epsilon} in the {view} view", report.labels),
    });
    Curve { name: format!("one {unit}: {views}"), points, marks: mark.into_iter().collect() }
}

/// Says in words what the picture shows.
fn describe(setting: &Setting, report: &Report) -> String {
    let said = |unit: Unit, view: View| match report.cost.get(unit).get(view).epsilon {
        Some(epsilon) => format!("{epsilon} for one {unit} in the {view} view"),
        None => format!("without bound for one {unit} in the {view} view"),
    };
    let all: Vec<String> =
        Unit::ALL.into_iter().flat_map(|unit| View::ALL.map(|view| said(unit, view))).collect();
    format!(
        "ε at δ = {} grows with the number of released labels; both axes are logarithmic. At {} labels it is {}.",
        setting.delta,
        report.labels,
        all.join("; ")
    )
}

/// Lists about ten label counts per decade, from 1 to ten times `labels`, and `labels` itself.
fn label_counts(labels: u32) -> Vec<u32> {
    const STEPS: [u64; 10] = [10, 13, 16, 20, 25, 32, 40, 50, 63, 79];
    let most = u64::from(labels).saturating_mul(10).clamp(u64::from(FEWEST), u64::from(u32::MAX));
    let decades = (0..10u32).map(|decade| 10u64.pow(decade));
    let steps = decades.flat_map(|decade| STEPS.map(|step| step * decade / 10));
    let mut counts: Vec<u32> = steps
        .take_while(|count| *count <= most)
        .chain([u64::from(labels), most])
        .filter_map(|count| u32::try_from(count).ok())
        .collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}
