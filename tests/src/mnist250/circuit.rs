//! What the encrypted argmax costs in accuracy: the same noisy counts, once by the plain argmax and once under encryption.

use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, ensure};
use fhe::{
    ArgmaxKind, BallotBody, EncryptionKey, EvaluationKeys, Layout, ParameterSet, Resolution, RunningSum,
    Scheme, SecretKeys, encrypt, tally,
};
use privacy::{ShareSize, draw_shares};
use serde::Serialize;

use super::clear::{Clear, best};

/// How the labels of the circuit compare with those of the plain argmax on the recorded votes.
#[derive(Debug, Clone, Serialize)]
pub struct Circuit {
    /// Noisy histograms: the whole pool, once for each draw of the noise.
    pub labels: usize,
    /// Those whose best class leads by less than the documented resolution. They were tallied under encryption; for the
    /// others both labels are the same but for a chance of 2^-40 each, and are counted as the same.
    pub tallied: usize,
    /// Labels that differ.
    pub differ: usize,
    /// Share of right labels by the plain argmax.
    pub plain_accuracy: f64,
    /// What the circuit loses of it, in percentage points.
    pub drop_points: f64,
    /// 95 % confidence interval of the same, from the paired differences.
    pub drop_ci95: [f64; 2],
}

/// Draws noise of deviation `sigma` for all recorded votes, so often, and compares both argmaxes.
pub(super) fn compare(
    clear: &Clear,
    teachers: u32,
    sigma: f64,
    draws: u32,
    set: ParameterSet,
) -> anyhow::Result<Circuit> {
    let classes = clear.classes;
    let machine = Machine::new(Scheme { parameters: set, ..Scheme::default() })?;
    let gap = machine.resolution(classes, clear.truth.len(), (teachers, sigma))?.votes();
    let size = ShareSize((sigma * ShareSize::ONE as f64).round() as u64);
    let (mut tallied, mut differ, mut plain_right) = (0, 0, 0_usize);
    // how often the plain label is right and the other wrong, and the other way round
    let (mut lost, mut won) = (0_usize, 0_usize);
    for _ in 0..draws {
        let noise = draw_shares(size, clear.votes.len())?;
        let noisy: Vec<i64> =
            clear.votes.iter().zip(noise.iter()).map(|(votes, noise)| votes + noise).collect();
        let histograms = || noisy.chunks_exact(classes).zip(&clear.truth);
        plain_right += histograms().filter(|(counts, truth)| best(counts) == Some(**truth)).count();
        let close: Vec<(&[i64], &u16)> = histograms().filter(|(counts, _)| lead(counts) < gap).collect();
        tallied += close.len();
        let counts: Vec<i64> = close.iter().flat_map(|(counts, _)| counts.iter().copied()).collect();
        let labels = machine.labels(classes, &counts, (teachers, sigma))?;
        ensure!(labels.len() == close.len(), "{} labels of {}", labels.len(), close.len());
        for (label, (counts, truth)) in labels.into_iter().zip(close) {
            let plain = best(counts);
            differ += usize::from(label != plain);
            lost += usize::from(plain == Some(*truth) && label != plain);
            won += usize::from(label == Some(*truth) && label != plain);
        }
    }
    let labels = clear.truth.len() * draws as usize;
    let (drop_points, drop_ci95) = drop(labels, lost, won);
    let plain_accuracy = plain_right as f64 / labels.max(1) as f64;
    Ok(Circuit { labels, tallied, differ, plain_accuracy, drop_points, drop_ci95 })
}

/// Returns by how many votes the best class leads.
fn lead(counts: &[i64]) -> u64 {
    let mut sorted = counts.to_vec();
    sorted.sort_unstable();
    match sorted.as_slice() {
        [.., second, first] => first.abs_diff(*second),
        _ => u64::MAX,
    }
}

/// Returns the drop in percentage points and its 95 % interval: each label's difference is 1, −1 or 0.
fn drop(labels: usize, lost: usize, won: usize) -> (f64, [f64; 2]) {
    let n = labels.max(1) as f64;
    let mean = (lost as f64 - won as f64) / n;
    let variance = (lost + won) as f64 / n - mean * mean;
    let half = 1.96 * (variance / n).sqrt();
    (100.0 * mean, [100.0 * (mean - half), 100.0 * (mean + half)])
}

/// Keys made for the comparison alone, of which all parts are known.
struct Machine {
    secret: SecretKeys,
    encryption: EncryptionKey,
    evaluation: EvaluationKeys,
}

impl Machine {
    fn new(scheme: Scheme) -> anyhow::Result<Self> {
        let secret = SecretKeys::generate(scheme.parameters)?;
        let material = secret.public_material(scheme.unrolling)?;
        let encryption = EncryptionKey::from_bytes(&material.public_key, scheme.parameters)?;
        let evaluation =
            EvaluationKeys::from_parts(&material.keyswitching_key, &material.bootstrapping_key, scheme)?;
        Ok(Self { secret, encryption, evaluation })
    }

    fn resolution(
        &self,
        classes: usize,
        instances: usize,
        (teachers, sigma): (u32, f64),
    ) -> anyhow::Result<Resolution> {
        let layout = Layout::new(classes, instances)?;
        Ok(Resolution::new(layout, ArgmaxKind::Tournament, teachers, sigma * sigma)?)
    }

    /// Encrypts noisy counts, tallies them and opens the labels.
    fn labels(&self, classes: usize, counts: &[i64], noise: (u32, f64)) -> anyhow::Result<Vec<Option<u16>>> {
        let instances = counts.len().checked_div(classes).context("no classes")?;
        if instances == 0 {
            return Ok(Vec::new());
        }
        let resolution = self.resolution(classes, instances, noise)?;
        let ballot = encrypt(&self.encryption, &resolution.encoding(), counts)?;
        let mut sum = RunningSum::new(resolution.layout());
        sum.add(&BallotBody::parse(&ballot, resolution.layout())?)?;
        let labels = tally(&self.evaluation, &resolution, &sum, &AtomicBool::new(false), |_| ())?;
        Ok(self.secret.open(&labels)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_is_what_is_lost_less_what_is_won() {
        let (drop_points, [low, high]) = drop(10_000, 30, 10);
        assert!((drop_points - 0.2).abs() < 1e-9);
        // √(0.004 − 0.002²)/100 is 0.063 points
        assert!((high - low - 2.0 * 1.96 * 0.0632).abs() < 1e-3, "{low} to {high}");
    }

    #[test]
    fn close_votes_are_tallied_and_agree_with_the_plain_argmax_but_for_the_circuits_error()
    -> anyhow::Result<()> {
        // half of the histograms are far apart, half are ties of two but for the noise
        let histogram =
            |instance: usize| if instance.is_multiple_of(2) { [250, 0, 0] } else { [0, 125, 125] };
        let votes: Vec<i64> = (0..40).flat_map(histogram).collect();
        let truth = (0..40).map(|instance| (instance % 2) as u16).collect();
        let clear = Clear {
            teacher_accuracy_mean: 1.0,
            label_accuracy_all: 1.0,
            plurality_accuracy_all: 1.0,
            classes: 3,
            votes,
            truth,
        };
        let circuit = compare(&clear, 250, 10.0, 5, ParameterSet::InsecureToy)?;
        assert_eq!(circuit.labels, 200);
        // a hundred ties, of which the noise parts some by more than the resolution; the others are never close
        assert!((40..=100).contains(&circuit.tallied), "{circuit:?}");
        assert!(circuit.differ <= 40, "{circuit:?}");
        assert!((0.5..1.0).contains(&circuit.plain_accuracy), "{circuit:?}");
        Ok(())
    }
}
