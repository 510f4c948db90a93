//! What the student is corrected by, as plain arithmetic on logits: gradients of losses and pseudo-labels.

use serde::{Deserialize, Serialize};

/// What a released label says about the student's answer; all but `entropy` bear with wrong labels.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum LabelLoss {
    /// Cross-entropy: every label is taken at its word.
    Entropy {},
    /// Cross-entropy with a label that is spread over all classes by `amount`, in [0, 1).
    Smoothed {
        /// The share of the label that is spread.
        amount: f32,
    },
    /// Generalised cross-entropy (Zhang and Sabuncu 2018): what the student finds unlikely pulls less, by `power` in
    /// (0, 1]; near 0 it is cross-entropy, at 1 the absolute error.
    Generalised {
        /// How much less an unlikely label pulls.
        power: f32,
    },
}

impl LabelLoss {
    /// The gradient of the loss in the logits of which `probabilities` are the softmax.
    pub(super) fn gradient(self, probabilities: &[f32], label: usize, out: &mut Vec<f32>) {
        let likely = probabilities.get(label).copied().unwrap_or(0.0);
        let (pull, spread) = match self {
            Self::Entropy {} => (1.0, 0.0),
            Self::Smoothed { amount } => (1.0, amount / probabilities.len() as f32),
            Self::Generalised { power } => (likely.powf(power), 0.0),
        };
        let whole = spread.mul_add(-(probabilities.len() as f32), 1.0);
        for (class, probability) in probabilities.iter().enumerate() {
            let target = spread + if class == label { whole } else { 0.0 };
            out.push(pull * (probability - target));
        }
    }
}

/// Returns the softmax of one row of logits.
pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - most).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Returns the class an unlabeled instance is taken for, if its probability, multiplied by `factors` and scaled to
/// sum to 1, is at least `threshold`.
pub(super) fn pseudo_label(probabilities: &[f32], factors: &[f32], threshold: f32) -> Option<usize> {
    let aligned: Vec<f32> = probabilities.iter().zip(factors).map(|(p, factor)| p * factor).collect();
    let sum: f32 = aligned.iter().sum();
    let best = aligned.iter().enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b));
    best.filter(|(_, value)| **value >= threshold * sum).map(|(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(kind: LabelLoss, logits: &[f32], label: usize) -> f64 {
        let p: Vec<f64> = softmax(logits).into_iter().map(f64::from).collect();
        match kind {
            LabelLoss::Entropy {} => -p[label].ln(),
            LabelLoss::Smoothed { amount } => {
                let spread = f64::from(amount) / p.len() as f64;
                let target = |class| spread + if class == label { 1.0 - f64::from(amount) } else { 0.0 };
                -p.iter().enumerate().map(|(class, p)| target(class) * p.ln()).sum::<f64>()
            }
            LabelLoss::Generalised { power } => (1.0 - p[label].powf(f64::from(power))) / f64::from(power),
        }
    }

    #[test]
    fn gradients_are_the_slopes_of_their_losses() {
        let logits = [0.3_f32, -1.2, 2.0, 0.7];
        let kinds = [
            LabelLoss::Entropy {},
            LabelLoss::Smoothed { amount: 0.2 },
            LabelLoss::Generalised { power: 0.7 },
        ];
        for kind in kinds {
            let mut gradient = Vec::new();
            kind.gradient(&softmax(&logits), 1, &mut gradient);
            for (class, slope) in gradient.iter().enumerate() {
                let moved = |by: f32| {
                    let mut moved = logits;
                    moved[class] += by;
                    loss(kind, &moved, 1)
                };
                let measured = (moved(1e-2) - moved(-1e-2)) / 2e-2;
                assert!((measured - f64::from(*slope)).abs() < 1e-3, "{kind:?} {class}: {measured} {slope}");
            }
        }
    }

    #[test]
    fn a_label_that_the_student_finds_absurd_pulls_hard_by_entropy_and_hardly_by_the_generalised_form() {
        let sure_of_another = softmax(&[9.0, 0.0, 0.0]);
        let pull = |kind: LabelLoss| {
            let mut gradient = Vec::new();
            kind.gradient(&sure_of_another, 1, &mut gradient);
            gradient.iter().map(|g| g.abs()).sum::<f32>()
        };
        assert!(pull(LabelLoss::Entropy {}) > 1.9);
        assert!(pull(LabelLoss::Generalised { power: 0.7 }) < 0.01);
    }

    #[test]
    fn only_what_is_likely_enough_after_alignment_is_a_pseudo_label() {
        let p = [0.6, 0.3, 0.1];
        assert_eq!(pseudo_label(&p, &[1.0; 3], 0.59), Some(0));
        assert_eq!(pseudo_label(&p, &[1.0; 3], 0.61), None);
        // The first class has been given to too many: 0.06, 0.3, 0.1 are left of it.
        assert_eq!(pseudo_label(&p, &[0.1, 1.0, 1.0], 0.6), Some(1));
        assert_eq!(pseudo_label(&[f32::NAN; 3], &[1.0; 3], 0.5), None);
        assert!((softmax(&[1000.0, 0.0])[0] - 1.0).abs() < 1e-6);
    }
}
