//! The class a network gives to each instance.

use super::network::Network;
use super::student::softmax;
use burn::prelude::*;
use burn::tensor::TensorData;

/// How many instances are computed at once; it bounds memory, not results.
const BATCH: usize = 256;

/// Why a prediction is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PredictError {
    /// The values make no whole instances.
    #[error("{values} values do not make whole instances of shape {shape:?}")]
    NotWhole {
        /// How many values there are.
        values: usize,
        /// The shape of one instance.
        shape: Vec<usize>,
    },
}

/// Returns the class of each instance of `values` (instance after instance, the network's schema); the largest logit
/// wins, a tie goes to the lowest class, and a logit that is not a number never wins over one that is.
///
/// # Errors
/// Values that do not make whole instances.
pub fn predict(network: &Network, values: &[f32]) -> Result<Vec<u16>, PredictError> {
    let logits = logits(network, values)?;
    Ok(logits.chunks(usize::from(network.classes())).map(largest).collect())
}

/// Returns the probability of every class for each instance of `values`, instance after instance.
///
/// # Errors
/// Values that do not make whole instances.
pub fn predict_probabilities(network: &Network, values: &[f32]) -> Result<Vec<f32>, PredictError> {
    let logits = logits(network, values)?;
    Ok(logits.chunks(usize::from(network.classes())).flat_map(softmax).collect())
}

fn logits(network: &Network, values: &[f32]) -> Result<Vec<f32>, PredictError> {
    let width = network.schema().values();
    if !values.len().is_multiple_of(width) {
        return Err(PredictError::NotWhole {
            values: values.len(),
            shape: network.schema().shape().to_vec(),
        });
    }
    let device = Device::flex();
    let mut logits = Vec::with_capacity(values.len() / width * usize::from(network.classes()));
    for rows in values.chunks(BATCH * width) {
        let rows = TensorData::new(rows.to_vec(), [rows.len() / width, width]);
        let found = network.layers.forward(Tensor::from_data(rows, &device)).into_data();
        logits.extend(found.iter::<f32>());
    }
    Ok(logits)
}

/// Returns the first index of the largest value that is a number; 0 if there is none.
fn largest(logits: &[f32]) -> u16 {
    let (mut winner, mut most) = (0, f32::NEG_INFINITY);
    for (class, &logit) in (0..).zip(logits) {
        if logit > most {
            (winner, most) = (class, logit);
        }
    }
    winner
}

#[cfg(test)]
mod tests {
    use super::largest;

    #[test]
    fn a_tie_goes_to_the_lowest_class_and_what_is_not_a_number_never_wins() {
        assert_eq!(largest(&[0.1, 0.7, 0.7, -1.0]), 1);
        assert_eq!(largest(&[f32::NAN, -3.0, f32::NAN, -2.0]), 3);
        assert_eq!(largest(&[f32::NAN, f32::NAN]), 0);
        assert_eq!(largest(&[f32::NEG_INFINITY, f32::NEG_INFINITY]), 0);
        assert_eq!(largest(&[0.0, f32::INFINITY]), 1);
    }
}
