//! What only a simulation can know: every teacher's answers on the whole pool, in the clear.

use std::num::NonZero;

use anyhow::Context as _;
use learning::Dataset;
use participant::{approval::Membership, home::Home, teacher::ensemble::Ensemble};
use privacy::{ShareSize, draw_shares};

/// What all teachers together say about the pool.
pub(super) struct Clear {
    /// Mean accuracy of one participant's teachers.
    pub(super) teacher_accuracy_mean: f64,
    /// Share of the pool on which the noisy winner is right, by votes and noise in the clear.
    pub(super) label_accuracy_all: f64,
    /// The same without noise.
    pub(super) plurality_accuracy_all: f64,
    /// Number of classes.
    pub(super) classes: usize,
    /// All teachers' votes, instance-major.
    pub(super) votes: Vec<i64>,
    /// The true labels.
    pub(super) truth: Vec<u16>,
}

/// Asks every participant's teachers about the whole pool and repeats the vote with noise of standard deviation `sigma`.
///
/// The sum of the shares of a round is a discrete Gaussian of that size but for what `docs/PRIVACY.md` bounds, so one
/// draw per slot follows the same law.
pub(super) fn simulate(homes: &[Home], pool: &Dataset, classes: u16, sigma: f64) -> anyhow::Result<Clear> {
    let truth = pool.checked_labels(classes)?;
    let width = usize::from(classes);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let parts: Vec<anyhow::Result<(Vec<i64>, f64)>> = std::thread::scope(|scope| {
        let ask = |part: &[Home]| votes(part, pool, truth, width);
        let chunks = homes.chunks(homes.len().div_ceil(threads).max(1));
        let running: Vec<_> = chunks.map(|part| scope.spawn(move || ask(part))).collect();
        let bug = |_| Err(anyhow::anyhow!("a simulating thread panicked"));
        running.into_iter().map(|thread| thread.join().unwrap_or_else(bug)).collect()
    });
    let (mut votes, mut accuracies) = (vec![0_i64; truth.len() * width], 0.0);
    for part in parts {
        let (own, accuracy) = part?;
        votes.iter_mut().zip(own).for_each(|(votes, own)| *votes += own);
        accuracies += accuracy;
    }
    let plurality_accuracy_all = right(&votes, truth, width);
    // At most 10^6 votes times 2^20.
    let size = ShareSize((sigma * ShareSize::ONE as f64).round() as u64);
    let noise = draw_shares(size, votes.len())?;
    let noisy: Vec<i64> = votes.iter().zip(noise.iter()).map(|(votes, noise)| votes + noise).collect();
    let label_accuracy_all = right(&noisy, truth, width);
    Ok(Clear {
        teacher_accuracy_mean: accuracies / homes.len() as f64,
        label_accuracy_all,
        plurality_accuracy_all,
        classes: width,
        votes,
        truth: truth.to_vec(),
    })
}

/// Adds up the votes of some participants; returns them with the sum of their accuracies.
fn votes(homes: &[Home], pool: &Dataset, truth: &[u16], width: usize) -> anyhow::Result<(Vec<i64>, f64)> {
    let (mut counts, mut accuracies) = (vec![0_i64; truth.len() * width], 0.0);
    for home in homes {
        let membership = Membership::load(home)?.with_context(|| home.root().display().to_string())?;
        let ensemble = Ensemble::load(home, membership.federation(), membership.teachers)?;
        let mut own = vec![0_i64; counts.len()];
        ensemble.add_votes(pool, width, &mut own)?;
        let hits: i64 = own.chunks_exact(width).zip(truth).filter_map(|(c, t)| c.get(usize::from(*t))).sum();
        accuracies += hits as f64 / (truth.len() as f64 * f64::from(membership.teachers));
        counts.iter_mut().zip(own).for_each(|(count, votes)| *count += votes);
    }
    Ok((counts, accuracies))
}

/// Returns the class with the most votes, the lowest of several.
pub(super) fn best(counts: &[i64]) -> Option<u16> {
    let most = counts.iter().max()?;
    counts.iter().position(|count| count == most).and_then(|class| u16::try_from(class).ok())
}

/// Returns the share of instances whose best class is the true one; ties go to the lowest class.
fn right(counts: &[i64], truth: &[u16], width: usize) -> f64 {
    let is_right = |(counts, truth): &(&[i64], &u16)| best(counts) == Some(**truth);
    counts.chunks_exact(width).zip(truth).filter(is_right).count() as f64 / truth.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_winner_is_right_where_it_is_the_true_class_and_ties_go_down() {
        let counts = [5, 9, 9, 7, 0, 0, 1, 2, 3];
        assert!((right(&counts, &[1, 0, 2], 3) - 1.0).abs() < 1e-9);
        assert!((right(&counts, &[2, 0, 1], 3) - 1.0 / 3.0).abs() < 1e-9);
    }
}
