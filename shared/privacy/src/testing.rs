//! What tests compare drawn noise with: exact laws by convolution, and the chi-square tail.

/// A distribution on consecutive integers: `p[i]` is the probability of `first + i`.
#[derive(Debug, Clone)]
pub struct Law {
    /// The smallest value.
    pub first: i64,
    /// The probability of each value from there on.
    pub p: Vec<f64>,
}

impl Law {
    /// Returns N_Z(0, s²) by its definition, up to 40 standard deviations; what lies beyond is below 1e-300.
    #[must_use]
    pub fn discrete_gaussian(s: f64) -> Self {
        let reach = (40.0 * s).ceil() as i64;
        let weight = |x: i64| (-((x * x) as f64) / (2.0 * s * s)).exp();
        let weights: Vec<f64> = (-reach..=reach).map(weight).collect();
        let total: f64 = weights.iter().sum();
        Self { first: -reach, p: weights.into_iter().map(|weight| weight / total).collect() }
    }

    /// Returns the law of the sum of two independent values: exact but for the rounding of floats.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut p = vec![0.0; self.p.len() + other.p.len() - 1];
        for (start, a) in self.p.iter().enumerate() {
            for (place, b) in p.iter_mut().skip(start).zip(&other.p) {
                *place += a * b;
            }
        }
        Self { first: self.first + other.first, p }
    }

    /// Returns the law of the sum of `n` ≥ 1 independent values of this law.
    #[must_use]
    pub fn times(&self, n: usize) -> Self {
        (1..n).fold(self.clone(), |sum, _| sum.plus(self))
    }

    /// Returns the values with their probabilities.
    pub fn iter(&self) -> impl Iterator<Item = (i64, f64)> {
        (self.first..).zip(self.p.iter().copied())
    }

    /// Returns the probability of one value.
    #[must_use]
    pub fn at(&self, x: i64) -> f64 {
        usize::try_from(x - self.first).ok().and_then(|place| self.p.get(place)).copied().unwrap_or(0.0)
    }

    /// Returns the mean of f(x).
    pub fn mean(&self, f: impl Fn(i64) -> f64) -> f64 {
        self.iter().map(|(x, p)| p * f(x)).sum()
    }

    /// Returns the variance of a law with mean 0.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.mean(|x| (x * x) as f64)
    }

    /// Cuts the integers into at most `cells` cells of about equal probability; returns each cell's last value and
    /// probability. The last cell is open to the right.
    #[must_use]
    pub fn cells(&self, cells: usize) -> Vec<(i64, f64)> {
        let mut found = Vec::new();
        let (mut below, mut inside) = (0.0, 0.0);
        for (x, p) in self.iter() {
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

/// Returns P(X > x) of a chi-square law with an even number of degrees of freedom:
/// e^{−x/2} Σ_{j < freedom/2} (x/2)^j / j!, exact but for the rounding of floats.
#[must_use]
pub fn chi_square_above(x: f64, freedom: usize) -> f64 {
    let half = x / 2.0;
    // In logarithms, because e^{−x/2} alone vanishes where x is in the thousands.
    let mut log = -half;
    let mut above = log.exp();
    for j in 1..freedom / 2 {
        log += (half / j as f64).ln();
        above += log.exp();
    }
    above.min(1.0)
}
