//! The contrastive loss as plain arithmetic: how each embedding ought to move.

use rayon::prelude::*;

/// Returns the gradient of the normalised temperature-scaled cross-entropy (NT-Xent; Chen et al. 2020, equation 1),
/// averaged over all `rows`, in the embeddings: rows of `width` values, of which rows 2i and 2i + 1 show the same
/// instance.
///
/// Each row ought to be nearer to its partner than to every other row. Rows are computed side by side and do not depend
/// on one another, so the bits are the same on any number of threads.
pub(super) fn gradient(rows: &[f32], width: usize, temperature: f32) -> Vec<f32> {
    let lengths: Vec<f32> = rows.chunks_exact(width).map(length).collect();
    let units: Vec<f32> =
        rows.chunks_exact(width).zip(&lengths).flat_map(|(row, l)| row.iter().map(move |x| x / l)).collect();
    let count = lengths.len();
    let slopes: Vec<Vec<f32>> =
        (0..count).into_par_iter().map(|row| slopes(&units, width, row, temperature)).collect();
    let share = 1.0 / (count.max(1) as f32 * temperature);
    let moved = (0..count).into_par_iter().flat_map_iter(|row| {
        let unit = at(&units, width, row);
        let mut pull = vec![0.0_f32; width];
        for (other, theirs) in slopes.iter().enumerate() {
            // The similarity of two rows is in the loss of either.
            let weight = slopes.get(row).and_then(|s| s.get(other)).copied().unwrap_or(0.0)
                + theirs.get(row).copied().unwrap_or(0.0);
            pull.iter_mut().zip(at(&units, width, other)).for_each(|(p, u)| *p += share * weight * u);
        }
        let along: f32 = pull.iter().zip(unit).map(|(p, u)| p * u).sum();
        let length = lengths.get(row).copied().unwrap_or(1.0);
        let turned: Vec<f32> = pull.iter().zip(unit).map(|(p, u)| (p - along * u) / length).collect();
        turned
    });
    moved.collect()
}

/// Returns how one row's loss changes with its similarity to every row: the softmax over the others, minus 1 at its
/// partner.
fn slopes(units: &[f32], width: usize, row: usize, temperature: f32) -> Vec<f32> {
    let mine = at(units, width, row);
    let similar = |other: &[f32]| mine.iter().zip(other).map(|(a, b)| a * b).sum::<f32>() / temperature;
    // Similarities are at most 1 / temperature, so this keeps every power finite.
    let powers = units.chunks_exact(width).map(|other| (similar(other) - 1.0 / temperature).exp());
    let mut powers: Vec<f32> = powers.collect();
    if let Some(own) = powers.get_mut(row) {
        *own = 0.0;
    }
    let sum = powers.iter().sum::<f32>().max(f32::MIN_POSITIVE);
    powers.iter_mut().for_each(|power| *power /= sum);
    if let Some(partner) = powers.get_mut(row ^ 1) {
        *partner -= 1.0;
    }
    powers
}

fn at(rows: &[f32], width: usize, row: usize) -> &[f32] {
    rows.get(row * width..(row + 1) * width).unwrap_or_default()
}

/// Returns the length of a row, never 0.
pub(super) fn length(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-12)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the loss itself, in double precision.
    fn loss(rows: &[f32], width: usize, temperature: f64) -> f64 {
        let unit = |row: &[f32]| {
            let row: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            let length = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            row.into_iter().map(|x| x / length).collect::<Vec<_>>()
        };
        let units: Vec<Vec<f64>> = rows.chunks(width).map(unit).collect();
        let similar = |a: usize, b: usize| {
            units[a].iter().zip(&units[b]).map(|(x, y)| x * y).sum::<f64>() / temperature
        };
        let of = |i: usize| {
            let others = (0..units.len()).filter(|j| *j != i);
            others.map(|j| similar(i, j).exp()).sum::<f64>().ln() - similar(i, i ^ 1)
        };
        (0..units.len()).map(of).sum::<f64>() / units.len() as f64
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let rows: Vec<f32> = (0..24).map(|i| ((i * 37 % 23) as f32 - 11.0) / 7.0).collect();
        let found = gradient(&rows, 4, 0.3);
        for (place, slope) in found.iter().enumerate() {
            let moved = |by: f32| {
                let mut rows = rows.clone();
                rows[place] += by;
                loss(&rows, 4, 0.3)
            };
            let measured = (moved(1e-3) - moved(-1e-3)) / 2e-3;
            assert!((measured - f64::from(*slope)).abs() < 2e-4, "{place}: {measured} {slope}");
        }
    }

    #[test]
    fn rows_of_nothing_and_the_smallest_temperature_stay_finite() {
        for temperature in [1e-3, 1.0] {
            let mut rows = vec![0.0; 8];
            rows[5] = 3.0;
            rows[7] = -3.0;
            let found = gradient(&rows, 2, temperature);
            assert!(found.len() == 8 && found.iter().all(|slope| slope.is_finite()), "{found:?}");
        }
        assert!(gradient(&[], 3, 0.5).is_empty());
    }
}
