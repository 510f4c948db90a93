//! What the tests compare drawn noise with: exact laws by convolution, and two tests of fit.

/// A distribution on consecutive integers: `p[i]` is the probability of `first + i`.
#[derive(Clone)]
pub(super) struct Law {
    pub(super) first: i64,
    pub(super) p: Vec<f64>,
}

impl Law {
    /// N_Z(0, s²) by its definition, up to 40 standard deviations (what lies beyond is below 1e-300).
    pub(super) fn discrete_gaussian(s: f64) -> Self {
        let reach = (40.0 * s).ceil() as i64;
        let weights: Vec<f64> = (-reach..=reach).map(|x| (-((x * x) as f64) / (2.0 * s * s)).exp()).collect();
        let total: f64 = weights.iter().sum();
        Self { first: -reach, p: weights.into_iter().map(|w| w / total).collect() }
    }

    /// The law of the sum of two independent values.
    pub(super) fn plus(&self, other: &Self) -> Self {
        let mut p = vec![0.0; self.p.len() + other.p.len() - 1];
        for (i, a) in self.p.iter().enumerate() {
            for (j, b) in other.p.iter().enumerate() {
                p[i + j] += a * b;
            }
        }
        Self { first: self.first + other.first, p }
    }

    /// The law of the sum of `n` independent values of this law.
    pub(super) fn times(&self, n: usize) -> Self {
        (1..n).fold(self.clone(), |sum, _| sum.plus(self))
    }

    /// The probability of one value.
    pub(super) fn at(&self, x: i64) -> f64 {
        usize::try_from(x - self.first).ok().and_then(|i| self.p.get(i)).copied().unwrap_or(0.0)
    }

    /// The mean of x^power.
    pub(super) fn moment(&self, power: i32) -> f64 {
        self.p.iter().zip(self.first..).map(|(p, x)| p * (x as f64).powi(power)).sum()
    }

    /// Cuts the integers into `cells` cells of about equal probability; returns each cell's last value and
    /// probability. The last cell is open to the right.
    fn cells(&self, cells: usize) -> Vec<(i64, f64)> {
        let mut found = Vec::new();
        let (mut below, mut inside) = (0.0, 0.0);
        for (p, x) in self.p.iter().zip(self.first..) {
            inside += p;
            let share = (found.len() + 1) as f64 / cells as f64;
            if found.len() + 1 < cells && below + inside >= share {
                found.push((x, inside));
                below += inside;
                inside = 0.0;
            }
        }
        found.push((i64::MAX, inside));
        found
    }
}

/// The p-value of Pearson's chi-square test of `drawn` against `law`, with `cells` cells.
///
/// `cells` is odd: for an even number of degrees of freedom the chi-square tail is a finite sum,
/// e^{-x/2} Σ_{j < df/2} (x/2)^j / j!.
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
    let half = statistic / 2.0;
    let mut term = (-half).exp();
    let mut tail = 0.0;
    for j in 1..=(cells.len() - 1) / 2 {
        tail += term;
        term *= half / j as f64;
    }
    tail
}

/// How many standard errors the mean square of `drawn` lies from the variance of `law`.
pub(super) fn variance_z(law: &Law, drawn: &[i64]) -> f64 {
    let n = drawn.len() as f64;
    let mean_square = drawn.iter().map(|x| (*x as f64).powi(2)).sum::<f64>() / n;
    let variance = law.moment(2);
    (mean_square - variance) / ((law.moment(4) - variance * variance) / n).sqrt()
}
