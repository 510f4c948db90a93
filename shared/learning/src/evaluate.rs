//! How good predicted labels are.

/// Why labels cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluateError {
    /// The lists have different lengths.
    #[error("{predicted} predicted labels for {truth} true ones; there must be one each")]
    Length {
        /// How many labels were predicted.
        predicted: usize,
        /// How many true labels there are.
        truth: usize,
    },
    /// There is nothing to compare.
    #[error("there are no labels to compare")]
    Empty,
    /// A label names no class.
    #[error("row {row}: label {label} is out of range; there are {classes} classes")]
    Label {
        /// The instance, counted from 0.
        row: usize,
        /// The refused label.
        label: u16,
        /// The number of classes.
        classes: u16,
    },
}

/// Accuracy, recall per class and the confusion counts.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Evaluation {
    /// The share of instances with the right label, in [0, 1].
    pub accuracy: f64,
    /// Per class the share of its instances with the right label; nothing for a class without instances.
    pub recall: Vec<Option<f64>>,
    /// `confusion[truth][predicted]` instances.
    pub confusion: Vec<Vec<u64>>,
}

/// Compares predicted labels with the truth, instance by instance.
///
/// # Errors
/// Different lengths, no labels, or a label that is not below `classes`.
pub fn evaluate(predicted: &[u16], truth: &[u16], classes: u16) -> Result<Evaluation, EvaluateError> {
    if predicted.len() != truth.len() {
        return Err(EvaluateError::Length { predicted: predicted.len(), truth: truth.len() });
    }
    if truth.is_empty() {
        return Err(EvaluateError::Empty);
    }
    let mut confusion = vec![vec![0_u64; usize::from(classes)]; usize::from(classes)];
    for (row, (&guess, &class)) in predicted.iter().zip(truth).enumerate() {
        let cell =
            confusion.get_mut(usize::from(class)).and_then(|of_class| of_class.get_mut(usize::from(guess)));
        *cell.ok_or(EvaluateError::Label { row, label: guess.max(class), classes })? += 1;
    }
    let right: Vec<u64> =
        confusion.iter().enumerate().filter_map(|(class, row)| row.get(class)).copied().collect();
    let recall = confusion.iter().zip(&right).map(|(row, &right)| share(right, row.iter().sum())).collect();
    let accuracy = share(right.iter().sum(), truth.len() as u64).unwrap_or_default();
    Ok(Evaluation { accuracy, recall, confusion })
}

fn share(part: u64, whole: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "counts of instances stay far below 2^53")]
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_answers_four_of_them_right() {
        let evaluation = evaluate(&[0, 0, 1, 1, 0, 0], &[0, 0, 1, 1, 1, 1], 3).unwrap();
        assert!((evaluation.accuracy - 4.0 / 6.0).abs() < 1e-12);
        assert_eq!(evaluation.recall, [Some(1.0), Some(0.5), None]);
        assert_eq!(evaluation.confusion, [[2, 0, 0], [2, 2, 0], [0, 0, 0]]);
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        assert_eq!(evaluate(&[0], &[0, 1], 2), Err(EvaluateError::Length { predicted: 1, truth: 2 }));
        assert_eq!(evaluate(&[], &[], 2), Err(EvaluateError::Empty));
        assert_eq!(evaluate(&[0, 2], &[0, 1], 2), Err(EvaluateError::Label { row: 1, label: 2, classes: 2 }));
        assert_eq!(evaluate(&[0, 1], &[0, 5], 2), Err(EvaluateError::Label { row: 1, label: 5, classes: 2 }));
    }
}
