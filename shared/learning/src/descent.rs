//! Adam, its falling rate, and averaged weights, on flat lists of weights.

/// Adam (Kingma and Ba 2015) with the usual constants.
pub(super) struct Adam {
    mean: Vec<f32>,
    square: Vec<f32>,
    steps: i32,
}

impl Adam {
    const KEEP_MEAN: f32 = 0.9;
    const KEEP_SQUARE: f32 = 0.999;
    const LEAST: f32 = 1e-8;

    pub(super) fn new(weights: usize) -> Self {
        Self { mean: vec![0.0; weights], square: vec![0.0; weights], steps: 0 }
    }

    /// Moves `weights` against `gradient`.
    pub(super) fn step(&mut self, weights: &mut [f32], gradient: &[f32], rate: f32) {
        self.steps = self.steps.saturating_add(1);
        let mean_factor = 1.0 / (1.0 - Self::KEEP_MEAN.powi(self.steps));
        let square_factor = 1.0 / (1.0 - Self::KEEP_SQUARE.powi(self.steps));
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((weight, gradient), (mean, square)) in weights.iter_mut().zip(gradient).zip(moments) {
            *mean += (1.0 - Self::KEEP_MEAN) * (gradient - *mean);
            *square += (1.0 - Self::KEEP_SQUARE) * (gradient * gradient - *square);
            *weight -= rate * *mean * mean_factor / ((*square * square_factor).sqrt() + Self::LEAST);
        }
    }
}

/// Half a cosine, from the first rate to 0.
pub(super) fn cosine(rate: f64, step: usize, steps: usize) -> f32 {
    let done = step as f64 / steps.max(1) as f64;
    (rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())) as f32
}

/// Moves the average towards `weights`: by 1 − `keep`, and faster in the first steps.
pub(super) fn average(average: &mut [f32], weights: &[f32], keep: f64, step: usize) {
    let step = step as f64;
    let by = 1.0 - keep.min((1.0 + step) / (10.0 + step));
    for (average, weight) in average.iter_mut().zip(weights) {
        *average += by as f32 * (weight - *average);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adam_finds_the_bottom_of_a_bowl_whatever_its_steepness() {
        let (mut adam, mut weights) = (Adam::new(2), vec![3.0, -2.0]);
        for _ in 0..4000 {
            let gradient = [weights[0] * 1000.0, (weights[1] - 1.0) * 0.001];
            adam.step(&mut weights, &gradient, 0.005);
        }
        assert!(weights[0].abs() < 0.02 && (weights[1] - 1.0).abs() < 0.02, "{weights:?}");
    }

    #[test]
    fn the_first_step_of_adam_has_the_length_of_the_rate() {
        let mut weights = vec![1.0, 1.0];
        Adam::new(2).step(&mut weights, &[123.0, -0.004], 0.01);
        assert!((weights[0] - 0.99).abs() < 1e-5 && (weights[1] - 1.01).abs() < 1e-5, "{weights:?}");
    }

    #[test]
    fn an_average_forgets_its_start_and_smooths_what_jumps() {
        let mut mean = vec![100.0];
        for step in 0..2000 {
            average(&mut mean, &[if step % 2 == 0 { 1.0 } else { -1.0 }], 0.99, step);
        }
        assert!(mean[0].abs() < 0.02, "{mean:?}");
    }
}
