//! Label skew: every participant holds as many persons (or records) as the others, of classes by a mixture of its own.

use super::{MAX_ALPHA, MIN_ALPHA, PartitionError, units};
use crate::dataset::{Dataset, DatasetError};
use crate::seeds::{self, normal};
use rand::RngExt as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

/// Deals persons, or records where there are none, one to each participant in turn. Who is served draws a class from
/// its mixture; a class of which nothing is left has no weight any more.
pub(super) fn deal(
    dataset: &Dataset,
    alpha: f64,
    participants: usize,
    seed: u64,
) -> Result<Vec<Vec<usize>>, PartitionError> {
    if !(MIN_ALPHA..=MAX_ALPHA).contains(&alpha) {
        return Err(PartitionError::Alpha { alpha });
    }
    let mut rng = seeds::generator("partition by skew", seed, 0);
    let mut heaps = heaps(dataset, &mut rng)?;
    let left: usize = heaps.iter().map(Vec::len).sum();
    if left < participants {
        let unit = if dataset.persons().is_some() { "persons" } else { "records" };
        return Err(PartitionError::TooFew { unit, found: left, participants });
    }
    let mixtures: Vec<Vec<f64>> =
        (0..participants).map(|_| dirichlet(alpha, heaps.len(), &mut rng)).collect();
    let mut parts = vec![Vec::new(); participants];
    for turn in 0..left {
        let who = turn % participants;
        let Some((mixture, part)) = mixtures.get(who).zip(parts.get_mut(who)) else { continue };
        let class = choose(mixture, &heaps, &mut rng);
        part.extend(heaps.get_mut(class).and_then(Vec::pop).unwrap_or_default());
    }
    Ok(parts)
}

/// One shuffled heap of units per class; a person counts to the class that most of its records have.
fn heaps(dataset: &Dataset, rng: &mut ChaCha8Rng) -> Result<Vec<Vec<Vec<usize>>>, PartitionError> {
    let labels = dataset.labels().ok_or(DatasetError::NoLabels)?;
    let units = match dataset.persons() {
        Some(persons) => units(persons),
        None => (0..labels.len()).map(|index| vec![index]).collect(),
    };
    let classes = labels.iter().max().map_or(0, |largest| usize::from(*largest) + 1);
    let mut heaps = vec![Vec::new(); classes];
    for unit in units {
        let mut counts = vec![0_usize; classes];
        for label in unit.iter().filter_map(|&i| labels.get(i)) {
            if let Some(count) = counts.get_mut(usize::from(*label)) {
                *count += 1;
            }
        }
        let most = counts.iter().max().copied().unwrap_or(0);
        let class = counts.iter().position(|&count| count == most).unwrap_or(0);
        if let Some(heap) = heaps.get_mut(class) {
            heap.push(unit);
        }
    }
    heaps.iter_mut().for_each(|heap| heap.shuffle(rng));
    Ok(heaps)
}

/// Returns a class that is left, by the mixture's weights; by what is left where the mixture has no weight on any.
fn choose(mixture: &[f64], heaps: &[Vec<Vec<usize>>], rng: &mut ChaCha8Rng) -> usize {
    let weights = |by_mixture: bool| {
        mixture.iter().zip(heaps).map(move |(weight, heap)| match heap.len() {
            0 => 0.0,
            #[expect(clippy::cast_precision_loss, reason = "weights need no more than a few digits")]
            left => {
                if by_mixture {
                    *weight
                } else {
                    left as f64
                }
            }
        })
    };
    // Below this the rest of the mixture is an accident of floats.
    let by_mixture = weights(true).sum::<f64>() > 1e-12;
    let mut point = rng.random::<f64>() * weights(by_mixture).sum::<f64>();
    let mut last = 0;
    for (class, weight) in weights(by_mixture).enumerate().filter(|(_, weight)| *weight > 0.0) {
        last = class;
        point -= weight;
        if point < 0.0 {
            break;
        }
    }
    last
}

/// Returns a draw from the symmetric Dirichlet distribution: Gamma variables over their sum.
fn dirichlet(alpha: f64, classes: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    // In logarithms, because a Gamma variable of small shape is often below the smallest float.
    let logs: Vec<f64> = (0..classes).map(|_| log_gamma_variable(alpha, rng)).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logs.iter().map(|log| (log - largest).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Returns the logarithm of a Gamma(`shape`, 1) variable by Marsaglia and Tsang (2000); Gamma(a) = Gamma(a + 1) ·
/// U^(1/a).
fn log_gamma_variable(shape: f64, rng: &mut ChaCha8Rng) -> f64 {
    let boost = if shape < 1.0 { open_unit(rng).ln() / shape } else { 0.0 };
    let d = if shape < 1.0 { shape + 1.0 } else { shape } - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = f64::from(normal(rng));
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && open_unit(rng).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return (d * v).ln() + boost;
        }
    }
}

/// Returns a uniform variable in (0, 1].
fn open_unit(rng: &mut ChaCha8Rng) -> f64 {
    1.0 - rng.random::<f64>()
}
