//! Calibration: is a network as often right as it is sure?

use super::evaluate::EvaluateError;
use serde::Serialize;

/// The number of equally wide bins of confidence.
const BINS: usize = 10;

/// How sure a network is against how often it is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The expected calibration error: the mean distance between confidence and accuracy of a bin, weighed by its
    /// instances.
    pub expected_error: f64,
    /// The bins from 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// The instances with a confidence above `from` and at most `to`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// Its lower end.
    pub from: f64,
    /// Its upper end.
    pub to: f64,
    /// How many instances are in it.
    pub instances: u64,
    /// The mean probability of the class they were given; nothing for an empty bin.
    pub confidence: Option<f64>,
    /// The share of them that is right; nothing for an empty bin.
    pub accuracy: Option<f64>,
}

/// Compares the probabilities of all classes, instance after instance, with the true labels.
///
/// # Errors
/// Not `classes` probabilities per label, no labels, or a label that is not below `classes`.
pub fn calibrate(probabilities: &[f32], truth: &[u16], classes: u16) -> Result<Calibration, EvaluateError> {
    let width = usize::from(classes);
    if probabilities.len() != truth.len() * width {
        let predicted = probabilities.len() / width.max(1);
        return Err(EvaluateError::Length { predicted, truth: truth.len() });
    }
    if truth.is_empty() {
        return Err(EvaluateError::Empty);
    }
    let mut sums = [(0_u64, 0.0_f64, 0_u64); BINS];
    for (row, (probabilities, &class)) in probabilities.chunks(width.max(1)).zip(truth).enumerate() {
        let label = usize::from(class);
        let of_truth =
            *probabilities.get(label).ok_or(EvaluateError::Label { row, label: class, classes })?;
        let most = probabilities.iter().copied().fold(0.0_f32, f32::max);
        // The first of equal classes is the one that is given.
        let is_right = of_truth >= most && probabilities.iter().position(|p| *p >= most) == Some(label);
        let place = (f64::from(most) * BINS as f64).ceil() as usize;
        if let Some(bin) = sums.get_mut(place.saturating_sub(1).min(BINS - 1)) {
            *bin = (bin.0 + 1, bin.1 + f64::from(most), bin.2 + u64::from(is_right));
        }
    }
    let bins: Vec<ReliabilityBin> = sums.into_iter().enumerate().map(bin).collect();
    let distance = |bin: &ReliabilityBin| {
        bin.confidence.zip(bin.accuracy).map_or(0.0, |(c, a)| (c - a).abs() * bin.instances as f64)
    };
    let expected_error = bins.iter().map(distance).sum::<f64>() / truth.len() as f64;
    Ok(Calibration { expected_error, bins })
}

fn bin((place, (instances, confidence, right)): (usize, (u64, f64, u64))) -> ReliabilityBin {
    let mean = |sum: f64| (instances > 0).then(|| sum / instances as f64);
    ReliabilityBin {
        from: place as f64 / BINS as f64,
        to: (place + 1) as f64 / BINS as f64,
        instances,
        confidence: mean(confidence),
        accuracy: mean(right as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_is_surer_than_right_errs_by_the_difference() {
        // Ten answers with 0.9, of which seven are right, and ten with 0.6, of which six are.
        let rows = [[0.9_f32, 0.1]; 10].into_iter().chain([[0.4, 0.6]; 10]);
        let truth: Vec<u16> = (0..20).map(|i| u16::from(if i < 10 { i >= 7 } else { i < 16 })).collect();
        let probabilities: Vec<f32> = rows.flatten().collect();
        let found = calibrate(&probabilities, &truth, 2).unwrap();
        assert!((found.expected_error - 0.1).abs() < 1e-6, "{found:?}");
        let filled: Vec<&ReliabilityBin> = found.bins.iter().filter(|bin| bin.instances > 0).collect();
        assert_eq!(filled.len(), 2);
        assert_eq!((filled[0].instances, filled[0].accuracy), (10, Some(0.6)));
        assert_eq!((filled[1].instances, filled[1].accuracy), (10, Some(0.7)));
    }

    #[test]
    fn every_instance_is_in_one_bin_whatever_its_confidence() {
        let probabilities = [1.0_f32, 0.0, 0.5, 0.5, f32::NAN, f32::NAN, 0.0, 0.0];
        let found = calibrate(&probabilities, &[0, 1, 0, 1], 2).unwrap();
        assert_eq!(found.bins.iter().map(|bin| bin.instances).sum::<u64>(), 4);
        assert_eq!(found.bins[9].accuracy, Some(1.0));
        // A tie goes to the first class, so the second row is wrong.
        assert_eq!(found.bins[4].accuracy, Some(0.0));
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let refusal = |probabilities: &[f32], truth: &[u16]| calibrate(probabilities, truth, 2).unwrap_err();
        assert_eq!(refusal(&[0.5; 3], &[0]), EvaluateError::Length { predicted: 1, truth: 1 });
        assert_eq!(refusal(&[], &[]), EvaluateError::Empty);
        assert_eq!(refusal(&[0.5; 2], &[2]), EvaluateError::Label { row: 0, label: 2, classes: 2 });
    }
}
