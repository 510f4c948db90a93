//! How good predicted labels are.

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

/// Compares predicted labels with the truth, both of the same length; nothing if there is nothing to compare.
#[must_use]
pub fn evaluate(predicted: &[u16], truth: &[u16], classes: u16) -> Option<Evaluation> {
    let _ = (predicted, truth, classes);
    todo!()
}
