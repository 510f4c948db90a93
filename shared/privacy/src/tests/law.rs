//! Two tests of fit that hold drawn noise to a law.

pub(super) use crate::testing::Law;
use crate::testing::chi_square_above;

/// The p-value of Pearson's chi-square test of `drawn` against `law`, with `cells` cells.
///
/// `cells` is odd, as [`chi_square_above`] wants it.
pub(super) fn chi_square_p(law: &Law, drawn: &[i64], cells: usize) -> f64 {
    assert!(cells % 2 == 1, "an even number of cells has no closed tail");
    let cells = law.cells(cells);
    let mut counts = vec![0u32; cells.len()];
    for x in drawn {
        counts[cells.partition_point(|(last, _)| last < x)] += 1;
    }
    let statistic: f64 = cells
        .iter()
        .zip(&counts)
        .map(|((_, p), count)| {
            let expected = p * drawn.len() as f64;
            (f64::from(*count) - expected).powi(2) / expected
        })
        .sum();
    chi_square_above(statistic, cells.len() - 1)
}

/// How many standard errors the mean square of `drawn` lies from the variance of `law`.
pub(super) fn variance_z(law: &Law, drawn: &[i64]) -> f64 {
    let n = drawn.len() as f64;
    let mean_square = drawn.iter().map(|x| (*x as f64).powi(2)).sum::<f64>() / n;
    let moment = |power| law.mean(|x| (x as f64).powi(power));
    let variance = moment(2);
    (mean_square - variance) / ((moment(4) - variance * variance) / n).sqrt()
}
