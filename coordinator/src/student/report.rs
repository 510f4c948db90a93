//! What the student confuses, as a picture.

use chart::Matrix;
use learning::Evaluation;

/// Draws the confusion matrix of an evaluation.
#[must_use]
pub fn confusion_chart(classes: &[String], evaluation: &Evaluation) -> Matrix {
    let all: u64 = evaluation.confusion.iter().flatten().sum();
    let worst = evaluation.recall.iter().zip(classes).filter_map(|(recall, name)| Some(((*recall)?, name)));
    let worst = worst.min_by(|a, b| a.0.total_cmp(&b.0));
    let worst =
        worst.map(|(recall, name)| format!(" Lowest recall: {recall:.4}, of {name}.")).unwrap_or_default();
    Matrix {
        title: format!("The student's answers: {:.4} of {all} are right", evaluation.accuracy),
        description: format!("A table of true classes against answers.{worst}"),
        classes: classes.to_vec(),
        counts: evaluation.confusion.clone(),
    }
}
