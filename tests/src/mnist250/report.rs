//! What the runs reached.

use serde::Serialize;

use super::{Arguments, Circuit};

/// What one run reached.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// Its seed.
    pub seed: u32,
    /// Mean accuracy of the teachers on the pool; a simulation in the clear.
    pub teacher_accuracy_mean: f64,
    /// Share of released labels that are right; abstentions do not count.
    pub label_accuracy: f64,
    /// Number of released labels.
    pub labelled: usize,
    /// Number of abstentions.
    pub abstained: usize,
    /// The same share over the whole pool; a simulation in the clear with the same noise law.
    pub label_accuracy_all: f64,
    /// The same without noise; a simulation in the clear.
    pub plurality_accuracy_all: f64,
    /// The encrypted argmax beside the plain one, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit: Option<Circuit>,
    /// Accuracy of the student on the last 1 000 test images.
    pub student_accuracy: f64,
    /// Accuracy of the student on the unlabeled pool.
    pub student_accuracy_unlabeled: f64,
    /// ε of the release about one person in the public view; `None` without a bound.
    pub epsilon: Option<f64>,
    /// Wall-clock seconds of each phase.
    pub seconds: Phases,
    /// Processor seconds of all teachers' training.
    pub training_cpu_seconds: f64,
    /// Most memory of the fleet's processes, in MiB.
    pub fleet_peak_mib: u64,
    /// Most memory of the coordinator, in MiB.
    pub coordinator_peak_mib: u64,
}

/// How long each phase took, in seconds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Phases {
    /// Enrolling, training and approving.
    pub fleet: f64,
    /// Making and proving the keys.
    pub keys: f64,
    /// Choosing what to ask.
    pub selection: f64,
    /// From the announcement to the last ballot.
    pub voting: f64,
    /// Sum and argmax under encryption, and the opening.
    pub tally: f64,
    /// The simulation in the clear, which is no part of the protocol.
    pub simulation: f64,
    /// Training and asking the student.
    pub student: f64,
    /// Everything.
    pub all: f64,
}

/// What is printed at the end: settings, every run, and their medians.
#[derive(Debug, Serialize)]
pub struct Report {
    participants: u32,
    sigma: f64,
    labels: u32,
    selection: &'static str,
    partition: String,
    threshold: Option<u32>,
    test_sigma: Option<f64>,
    /// What is a simulation in the clear, by field.
    simulated: [&'static str; 3],
    #[serde(flatten)]
    median: Median,
    runs: Vec<Run>,
}

/// Median over the runs.
#[derive(Debug, Serialize)]
struct Median {
    teacher_accuracy_mean: f64,
    label_accuracy: f64,
    label_accuracy_all: f64,
    student_accuracy: f64,
    student_accuracy_unlabeled: f64,
    epsilon: Option<f64>,
    seconds: f64,
    peak_memory_mib: u64,
}

impl Report {
    /// Takes the medians of the runs, of which there is at least one.
    pub fn new(arguments: &Arguments, runs: Vec<Run>) -> Self {
        let of = |value: fn(&Run) -> f64| median(runs.iter().map(value).collect());
        let median = Median {
            teacher_accuracy_mean: of(|run| run.teacher_accuracy_mean),
            label_accuracy: of(|run| run.label_accuracy),
            label_accuracy_all: of(|run| run.label_accuracy_all),
            student_accuracy: of(|run| run.student_accuracy),
            student_accuracy_unlabeled: of(|run| run.student_accuracy_unlabeled),
            epsilon: runs.iter().map(|run| run.epsilon).collect::<Option<Vec<f64>>>().map(median),
            seconds: of(|run| run.seconds.all),
            peak_memory_mib: runs
                .iter()
                .map(|run| run.fleet_peak_mib + run.coordinator_peak_mib)
                .max()
                .unwrap_or(0),
        };
        Self {
            participants: arguments.participants,
            sigma: arguments.sigma.to_f64(),
            labels: arguments.labels,
            selection: arguments.selection.name(),
            partition: arguments.partition.clone(),
            threshold: arguments.threshold,
            test_sigma: arguments.test_sigma.map(base::decimal::Decimal::to_f64),
            simulated: ["teacher_accuracy_mean", "label_accuracy_all", "plurality_accuracy_all"],
            median,
            runs,
        }
    }

    /// Returns the same in a few lines.
    pub fn in_words(&self) -> String {
        let Median { label_accuracy, label_accuracy_all, student_accuracy, .. } = self.median;
        let mut lines = vec![
            format!(
                "{} participants, {} labels at σ = {}, {} instances, data {}; medians of {} runs",
                self.participants,
                self.labels,
                self.sigma,
                self.selection,
                self.partition,
                self.runs.len()
            ),
            format!(
                "teachers    {:.4} of the pool right on average (in the clear)",
                self.median.teacher_accuracy_mean
            ),
            format!(
                "labels      {label_accuracy:.4} of the released are right; {label_accuracy_all:.4} of all 9 000 would be (in the clear)"
            ),
            format!(
                "student     {student_accuracy:.4} on the last 1 000 test images, {:.4} on the 9 000 of the pool",
                self.median.student_accuracy_unlabeled
            ),
        ];
        let epsilon =
            self.median.epsilon.map_or("without bound".to_owned(), |epsilon| format!("{epsilon:.3}"));
        lines.push(format!("privacy     ε = {epsilon} at δ = 1e-5 about one person, in the public view"));
        lines.push(format!(
            "time        {:.0} s; at most {} MiB",
            self.median.seconds, self.median.peak_memory_mib
        ));
        lines.join("\n")
    }
}

/// Returns the middle value, or the mean of the two middle ones; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    if values.len() % 2 == 1 { at(upper) } else { f64::midpoint(at(upper.saturating_sub(1)), at(upper)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_in_the_middle() {
        for (values, expected) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0], 2.5), (vec![7.0], 7.0)] {
            assert!((median(values) - expected).abs() < 1e-12);
        }
    }
}
